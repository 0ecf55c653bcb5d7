/* test_store.c - the database under the plane. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/store.h"

static char *folder_new(void)
{
    char path[] = "/tmp/moonfleet-store-XXXXXX";
    assert_non_null(mkdtemp(path));
    return strdup(path);
}

static struct store *open_store(const char *folder)
{
    struct store *store = NULL;
    struct error err = { 0 };
    if (store_open(folder, &store, &err) < 0)
        fail_msg("%s", err.message);
    return store;
}

static int put(struct store *store, const char *name)
{
    struct error err = { 0 };
    return store_run(store, &err, "INSERT INTO settings VALUES (?, ?)", "ss", name, "v");
}

static int64_t count(struct store *store)
{
    return store_integer(store, -1, "SELECT count(*) FROM settings", "");
}

static void a_new_store_waits_for_its_seed(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct store *store = open_store(folder);
    assert_true(store_is_new(store));
    assert_true(store_in_transaction(store));
    store_free(store); /* never committed: it is as if it had not been */
    store = open_store(folder);
    assert_true(store_is_new(store));
    assert_int_equal(store_commit(store, NULL), 0);
    store_free(store);
    store = open_store(folder);
    assert_false(store_is_new(store));
    store_free(store);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(folder);
}

static void is_durable_and_private(void **state)
{
    (void)state;
    char *folder = folder_new();
    char *inner = file_join(folder, "a/b"); /* made */
    struct store *store = open_store(inner);
    struct stat status;
    assert_int_equal(stat(inner, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_integer(store, -1, "PRAGMA synchronous", ""), 2); /* FULL */
    sqlite3_stmt *row = store_query(store, NULL, "PRAGMA journal_mode", "");
    assert_int_equal(store_step(store, row, NULL), 1);
    assert_string_equal(store_text(row, 0), "wal");
    store_done(row);
    store_free(store);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(inner);
    free(folder);
}

static void commits_all_or_nothing(void **state)
{
    (void)state;
    struct store *store = open_store(NULL);
    assert_int_equal(put(store, "a"), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_false(store_in_transaction(store));
    assert_int_equal(put(store, "b"), 0);
    store_rollback(store);
    assert_int_equal(count(store), 1);
    assert_int_equal(put(store, "c"), 0);
    store_spoil(store);
    struct error err = { 0 };
    assert_int_equal(put(store, "d"), ERROR_IO); /* refused at once */
    assert_int_equal(store_commit(store, &err), ERROR_IO);
    assert_int_equal(count(store), 1);
    assert_int_equal(put(store, "e"), 0); /* and it goes on */
    assert_int_equal(store_commit(store, &err), 0);
    assert_int_equal(count(store), 2);
    store_free(store);
}

static void a_uniqueness_conflict_undoes_only_itself(void **state)
{
    (void)state;
    struct store *store = open_store(NULL);
    assert_int_equal(put(store, "a"), 0);
    assert_int_equal(put(store, "a"), ERROR_CONFLICT);
    assert_int_equal(put(store, "b"), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(count(store), 2);
    store_free(store);
}

static void one_folder_has_one_store(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct store *store = open_store(folder);
    struct store *other = NULL;
    struct error err = { 0 };
    assert_int_equal(store_open(folder, &other, &err), ERROR_CONFLICT);
    assert_null(other);
    store_free(store);
    store = open_store(folder);
    store_free(store);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(folder);
}

static void usages_are_kept_by_the_database(void **state)
{
    (void)state;
    struct store *store = open_store(NULL);
    struct error err = { 0 };
    assert_int_equal(
        store_run(store, &err,
                  "INSERT INTO workspaces (subscription, resource_group, name, location, body)"
                  " VALUES ('s', 'g', 'w', 'l', '{}')",
                  ""),
        0);
    for (int i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        assert_int_equal(
            store_run(
                store, &err,
                "INSERT INTO computes (id, workspace, name, subscription, location, family, cores,"
                " state, provisioning, body) VALUES (?, 1, ?, 's', 'l', 'f', ?, '', '', '{}')",
                "ssn", id, id, 4),
            0);
    }
    assert_int_equal(store_integer(store, -1, "SELECT cores FROM usages", ""), 12);
    assert_int_equal(store_run(store, &err, "DELETE FROM computes WHERE id = 'c1'", ""), 0);
    assert_int_equal(store_integer(store, -1, "SELECT cores FROM usages", ""), 8);
    assert_int_equal(store_integer(store, -1, "SELECT computes FROM usages", ""), 2);
    store_free(store);
}

static void want_of_room_is_told_as_such(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct store *store = open_store(folder);
    struct error err = { 0 };
    char *big = malloc(1 << 20);
    assert_non_null(big);
    memset(big, 'x', (1 << 20) - 1);
    big[(1 << 20) - 1] = '\0';
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_run(store, &err, "PRAGMA max_page_count = 60", ""), 0);
    assert_int_equal(put(store, "small"), 0);
    assert_int_equal(store_run(store, &err, "INSERT INTO settings VALUES ('big', ?)", "s", big),
                     ERROR_IO);
    assert_int_equal(err.status, STORE_FULL_STATUS);
    assert_non_null(strstr(err.message, folder));
    err = (struct error) { 0 };
    assert_int_equal(put(store, "later"), ERROR_IO); /* the transaction is lost, … */
    assert_int_equal(store_commit(store, &err), ERROR_IO);
    assert_string_equal(err.name, STORE_FULL_NAME); /* … and it is told again why */
    assert_int_equal(count(store), 0);
    assert_int_equal(put(store, "after"), 0);
    assert_int_equal(store_commit(store, &err), 0);
    assert_int_equal(count(store), 1);
    store_free(store);
    free(big);
    assert_int_equal(file_remove_tree(folder, NULL), 0);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_waits_for_its_seed),
        cmocka_unit_test(is_durable_and_private),
        cmocka_unit_test(commits_all_or_nothing),
        cmocka_unit_test(a_uniqueness_conflict_undoes_only_itself),
        cmocka_unit_test(one_folder_has_one_store),
        cmocka_unit_test(usages_are_kept_by_the_database),
        cmocka_unit_test(want_of_room_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
