/* test_durability.c - nothing is acknowledged before it is durable, and nothing acknowledged is
 * lost. */
#include "plane/plane_test.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#define C1 COMPUTES "/ds-ada" V
#define DELETED COMPUTES "/ds-ada" V "&underlyingResourceAction=Delete"

static char *store_path(const struct rig *rig)
{
    return file_join(rig->folder, "plane.db");
}

/* The rig's plane ends as in a crash (nothing is waited for), and another one opens the folder. */
static void crash_and_restart(struct rig *rig)
{
    rig_down(rig);
    rig_up(rig);
}

static void answers_come_after_the_commit(void **state)
{
    (void)state;
    enum { MANY = 50 };
    struct rig *rig = rig_new(true, NULL);
    struct reply replies[MANY];
    char *wal = text_format("%s/plane.db-wal", rig->folder);
    struct buffer before = { 0 };
    struct buffer during = { 0 };
    (void)file_read(wal, 1 << 26, &before, NULL);
    for (int i = 0; i < MANY; i++) {
        char target[512];
        snprintf(target, sizeof target, COMPUTES "/m%dx" V, i);
        rig_begin(rig, HTTP_PUT, target, BODY(""), NULL, &replies[i]);
    }
    (void)file_read(wal, 1 << 26, &during, NULL);
    assert_int_equal(before.size,
                     during.size); /* all of them in one transaction, which is still open */
    assert_int_equal(loop_run_until(rig->loop, &replies[0].done), 0);
    for (int i = 0; i < MANY; i++) { /* and they all end with that turn */
        assert_true(replies[i].done);
        assert_int_equal(replies[i].status, 201);
        reply_clear(&replies[i]);
    }
    crash_and_restart(rig);
    struct reply list = rig_send(rig, HTTP_GET, COMPUTES V, NULL);
    assert_int_equal(cJSON_GetArraySize(json_at(list.body, "value")), MANY);
    reply_clear(&list);
    free(wal);
    buffer_clear(&before);
    buffer_clear(&during);
    rig_close(rig);
}

static void what_was_not_acknowledged_has_not_happened(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    struct reply reply;
    rig_begin(rig, HTTP_PUT, C1, BODY(""), NULL, &reply);
    crash_and_restart(rig); /* before the turn ended */
    assert_false(reply.done);
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL);
    rig_close(rig);
}

static void a_failed_commit_fails_every_answer_of_the_turn(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    rig_create(rig, "before", NULL);
    struct rlimit old, none = { 0, 0 };
    struct reply first, second;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    /* The log of the rig must not be in the way: writing to it fails too, harmlessly. */
    rig_begin(rig, HTTP_PUT, C1, BODY(""), NULL, &first);
    rig_begin(rig, HTTP_PUT, COMPUTES "/ds-grace" V, BODY(""), NULL, &second);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    int rc = loop_run_until(rig->loop, &first.done);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(rc, 0);
    assert_true(second.done);
    assert_int_equal(first.status, 500);
    assert_int_equal(second.status, 500);
    assert_string_equal(json_string(first.body, "error.code", ""), "InternalServerError");
    reply_clear(&first);
    reply_clear(&second);
    assert_int_equal(plane_busy(rig->plane), 1); /* "before" runs, and nothing is in flight */
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL);
    rig_create(rig, "ds-ada", NULL); /* and the plane goes on */
    rig_close(rig);
}

static void an_end_that_could_not_be_written_is_written_later(void **state)
{
    (void)state;
    struct simulated_options slow = { .stop_ms = 500 };
    struct rig *rig = rig_new(true, &slow);
    rig_create(rig, "ds-ada", NULL);
    struct reply begun = rig_send(rig, HTTP_POST, COMPUTES "/ds-ada/stop" V, NULL);
    struct rlimit old, none = { 0, 0 };
    struct reply polled;
    static const char *const prefer[] = { "Prefer: wait=20", NULL };
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    rig_begin(rig, HTTP_GET,
              target_of(http_header_get(&begun.response.headers, "Azure-AsyncOperation")), NULL,
              prefer, &polled);
    int rc = loop_run_until(rig->loop, &polled.done);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(rc, 0);
    assert_int_equal(polled.status,
                     500); /* the status could not be told: not that the operation failed */
    reply_clear(&polled);
    struct reply ended = rig_wait(rig, &begun);
    assert_string_equal(json_string(ended.body, "status", ""), "Succeeded");
    rig_compute_says(rig, "ds-ada", STATE, "Stopped");
    reply_clear(&ended);
    reply_clear(&begun);
    rig_close(rig);
}

static void operations_in_flight_are_resumed(void **state)
{
    (void)state;
    struct simulated_options slow = {
        .create_ms = 60000, .start_ms = 60000, .stop_ms = 60000, .remove_ms = 60000
    };
    static const struct {
        const char *action, *logged, *state;
    } cases[] = {
        { "stop", "resuming Stop of ds-ada", "Stopped" },
        { "start", "resuming Start of ds-ada", "Running" },
        { "restart", "resuming Restart of ds-ada", "Running" },
    };
    struct rig *rig = rig_new(true, &slow);
    struct reply begun = rig_send(rig, HTTP_PUT, C1, BODY(""));
    assert_int_equal(begun.status, 201);
    crash_and_restart(rig);
    assert_true(rig_logged(rig, "resuming Create of ds-ada"));
    struct reply ended = rig_wait(rig, &begun); /* the URL is still good */
    assert_string_equal(json_string(ended.body, "status", ""), "Succeeded");
    rig_compute_says(rig, "ds-ada", STATE, "Running");
    reply_clear(&begun);
    reply_clear(&ended);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char target[512];
        snprintf(target, sizeof target, COMPUTES "/ds-ada/%s" V, cases[i].action);
        begun = rig_send(rig, HTTP_POST, target, NULL);
        assert_int_equal(begun.status, 202);
        crash_and_restart(rig);
        assert_true(rig_logged(rig, cases[i].logged));
        ended = rig_wait(rig, &begun);
        rig_compute_says(rig, "ds-ada", STATE, cases[i].state);
        reply_clear(&begun);
        reply_clear(&ended);
    }
    begun = rig_send(rig, HTTP_DELETE, DELETED, NULL);
    crash_and_restart(rig);
    assert_true(rig_logged(rig, "resuming Delete of ds-ada"));
    ended = rig_wait(rig, &begun);
    rig_refused(rig, HTTP_GET, C1, NULL, 404, "ResourceNotFound", NULL);
    reply_clear(&begun);
    reply_clear(&ended);
    rig_close(rig);
}

static void execute(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

static void an_operation_that_cannot_be_resumed_fails(void **state)
{
    (void)state;
    struct simulated_options slow = { .create_ms = 60000 };
    struct rig *rig = rig_new(true, &slow);
    struct reply begun = rig_send(rig, HTTP_PUT, C1, BODY(""));
    rig_down(rig);
    char *path = store_path(rig);
    execute(path, "DELETE FROM computes");
    rig_up(rig);
    assert_true(rig_logged(rig, "cannot be resumed: it failed"));
    struct reply ended = rig_wait(rig, &begun);
    assert_string_equal(json_string(ended.body, "status", ""), "Failed");
    assert_string_equal(json_string(ended.body, "error.code", ""), "OperationLost");
    free(path);
    reply_clear(&begun);
    reply_clear(&ended);
    rig_close(rig);
}

static int nothing_runs(struct driver *driver, const char *id, struct error *err)
{
    (void)driver, (void)id, (void)err;
    return 0;
}

static void machines_that_are_gone_become_stopped(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    struct error err = { 0 };
    rig_create(rig, "ds-ada", NULL);
    rig_create(rig, "ds-grace", NULL);
    plane_free(rig->plane);
    rig->plane = NULL;
    const struct driver_ops *real = rig->driver->ops;
    struct driver_ops changed = *real;
    changed.running = nothing_runs;
    rig->driver->ops = &changed;
    assert_int_equal(rig_plane(rig, NULL, &err), 0);
    assert_true(rig_logged(rig, "the machine of ds-grace is not running any more"));
    rig_compute_says(rig, "ds-ada", STATE, "Stopped");
    rig_compute_says(rig, "ds-grace", STATE, "Stopped");
    rig->driver->ops = real;
    rig_close(rig);
}

static void a_machine_that_ends_by_itself_is_stopped(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    rig_create(rig, "ds-ada", NULL);
    char *path = store_path(rig);
    /* The driver knows the instance by the id in the store. */
    char id[64] = "";
    plane_free(rig->plane);
    rig->plane = NULL;
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT id FROM computes", -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    text_copy(id, sizeof id, (const char *)sqlite3_column_text(row, 0));
    sqlite3_finalize(row);
    sqlite3_close(db);
    struct error err = { 0 };
    assert_int_equal(rig_plane(rig, NULL, &err), 0);
    rig->driver->ended(id, rig->driver->ended_arg);
    rig_compute_says(rig, "ds-ada", STATE, "Stopped");
    rig->driver->ended(id, rig->driver->ended_arg); /* told twice: harmless */
    rig->driver->ended("unknown", rig->driver->ended_arg);
    rig_complete(rig, HTTP_POST, COMPUTES "/ds-ada/start" V, NULL, 202, "Succeeded");
    free(path);
    rig_close(rig);
}

static void two_planes_cannot_have_one_folder(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    struct error err = { 0 };
    struct plane *first = rig->plane;
    struct plane *second = NULL;
    rig->plane = NULL;
    assert_int_equal(rig_plane(rig, NULL, &err), ERROR_CONFLICT);
    assert_non_null(strstr(err.message, "another plane is using the data folder"));
    second = rig->plane;
    assert_null(second);
    rig->plane = first;
    rig_expect(rig, HTTP_GET, WORKSPACE V, NULL, 200);
    rig_close(rig);
}

static void a_newer_store_is_refused(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    struct error err = { 0 };
    char *path = store_path(rig);
    plane_free(rig->plane);
    rig->plane = NULL;
    execute(path, "UPDATE schema_version SET version = 999");
    assert_int_equal(rig_plane(rig, NULL, &err), ERROR_TOO_NEW);
    assert_non_null(strstr(err.message, "version 999"));
    free(path);
    rig_close(rig);
}

static void a_damaged_store_is_told(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    struct error err = { 0 };
    char *path = store_path(rig);
    plane_free(rig->plane);
    rig->plane = NULL;
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    assert_int_equal(file_write(path, noise, sizeof noise, 0600, &err), 0);
    assert_int_equal(rig_plane(rig, NULL, &err), ERROR_SYNTAX);
    assert_non_null(strstr(err.message, "plane.db"));
    free(path);
    rig_close(rig);
}

static void a_forgotten_answer_is_never_given(void **state)
{
    (void)state;
    struct simulated_options slow = { .create_ms = 1000 };
    struct rig *rig = rig_new(false, &slow);
    static const char *const prefer[] = { "Prefer: wait=20", NULL };
    struct reply first, begun = rig_send(rig, HTTP_PUT, C1, BODY(""));
    uint64_t ticket = rig_begin(rig, HTTP_GET, C1, NULL, NULL, &first);
    plane_forget(rig->plane, ticket);
    plane_forget(rig->plane, ticket + 1000); /* unknown: harmless */
    struct reply held;
    const char *target =
        target_of(http_header_get(&begun.response.headers, "Azure-AsyncOperation"));
    ticket = rig_begin(rig, HTTP_GET, target, NULL, prefer, &held);
    plane_forget(rig->plane, ticket);
    struct reply ended = rig_wait(rig, &begun);
    assert_false(first.done);
    assert_false(held.done);
    reply_clear(&begun);
    reply_clear(&ended);
    rig_close(rig);
}

static void a_held_status_is_answered_when_patience_ends(void **state)
{
    (void)state;
    struct simulated_options slow = { .create_ms = 100000 };
    struct rig *rig = rig_new(false, &slow);
    static const char *const prefer[] = { "Prefer: wait=7", NULL };
    struct reply begun = rig_send(rig, HTTP_PUT, C1, BODY(""));
    int64_t from_ms = loop_now_ms(rig->loop);
    struct reply polled = rig_send_with(
        rig, HTTP_GET, target_of(http_header_get(&begun.response.headers, "Azure-AsyncOperation")),
        NULL, prefer);
    assert_string_equal(json_string(polled.body, "status", ""), "InProgress");
    assert_int_equal(loop_now_ms(rig->loop) - from_ms, 7000);
    assert_non_null(http_header_get(&polled.response.headers, "Retry-After"));
    reply_clear(&begun);
    reply_clear(&polled);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_after_the_commit),
        cmocka_unit_test(what_was_not_acknowledged_has_not_happened),
        cmocka_unit_test(a_failed_commit_fails_every_answer_of_the_turn),
        cmocka_unit_test(an_end_that_could_not_be_written_is_written_later),
        cmocka_unit_test(operations_in_flight_are_resumed),
        cmocka_unit_test(an_operation_that_cannot_be_resumed_fails),
        cmocka_unit_test(machines_that_are_gone_become_stopped),
        cmocka_unit_test(a_machine_that_ends_by_itself_is_stopped),
        cmocka_unit_test(two_planes_cannot_have_one_folder),
        cmocka_unit_test(a_newer_store_is_refused),
        cmocka_unit_test(a_damaged_store_is_told),
        cmocka_unit_test(a_forgotten_answer_is_never_given),
        cmocka_unit_test(a_held_status_is_answered_when_patience_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
