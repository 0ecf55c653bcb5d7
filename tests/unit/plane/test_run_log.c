/* The log of a script's run: what is kept, what is hidden, what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/run_log.h"

static char folder[] = "/tmp/moonfleet-runlog-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

static struct buffer content(const char *name)
{
    struct buffer text = { 0 };
    char *path = file_join(folder, name);
    assert_int_equal(file_read(path, (size_t)RUN_LOG_MAX + 4096, &text, NULL), 0);
    free(path);
    return text;
}

static void assert_content(const char *name, const char *expected)
{
    struct buffer text = content(name);
    assert_string_equal(text.data ? text.data : "", expected);
    buffer_clear(&text);
}

static struct run_log *open_log(const char *name, const struct secrets *secrets)
{
    struct run_log *log = NULL;
    assert_int_equal(run_log_open(folder, name, secrets, &log, NULL), 0);
    return log;
}

static void notes_begin_a_line(void **state)
{
    (void)state;
    struct run_log *log = open_log("0001-creation.log", NULL);
    run_log_note(log, "first");
    run_log_put(log, "no newline", 10);
    run_log_note(log, "second %d", 2);
    run_log_close(log);
    assert_content("0001-creation.log", "[moonfleet] first\nno newline\n[moonfleet] second 2\n");
}

static void hides_secrets_before_they_are_written(void **state)
{
    (void)state;
    struct secrets *secrets = NULL;
    assert_int_equal(secrets_new(&secrets, NULL), 0);
    assert_int_equal(secrets_add(secrets, "S", "hunter2!", 8, NULL), 0);
    struct run_log *log = open_log("0002-startup.log", secrets);
    run_log_put(log, "a hunt", 6);
    assert_content("0002-startup.log", "a ");
    run_log_put(log, "er2! b hun", 10);
    assert_content("0002-startup.log", "a ••• b ");
    run_log_close(log);
    assert_content("0002-startup.log", "a ••• b hun");
    secrets_free(secrets);
}

static void says_when_what_came(void **state)
{
    (void)state;
    struct run_log *log = open_log("0003-startup.log", NULL);
    run_log_put(log, "one\n", 4);
    run_log_put(log, "two\n", 4); /* at once: the same time */
    run_log_close(log);
    struct buffer times = content("0003-startup.times");
    assert_int_equal(strncmp(times.data, "0 ", 2), 0);
    assert_ptr_equal(strchr(times.data, '\n'), times.data + times.size - 1);
    buffer_clear(&times);
}

static void has_a_cap_and_says_so(void **state)
{
    (void)state;
    static char block[1 << 20];
    struct run_log *log = open_log("0004-startup.log", NULL);
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 70; i++)
        run_log_put(log, block, sizeof block);
    assert_int_equal(run_log_dropped(log), (int64_t)6 << 20);
    run_log_close(log);
    struct buffer text = content("0004-startup.log");
    assert_true(text_ends(text.data, "x\n[moonfleet] output beyond 64 MiB is dropped\n"));
    assert_true(text.size < (size_t)RUN_LOG_MAX + 100);
    buffer_clear(&text);
}

static void follows_no_link(void **state)
{
    (void)state;
    struct run_log *log = NULL;
    struct error err = { 0 };
    char *path = file_join(folder, "0005-startup.log");
    assert_int_equal(symlink("/tmp/elsewhere", path), 0);
    assert_true(run_log_open(folder, "0005-startup.log", NULL, &log, &err) < 0);
    assert_non_null(strstr(err.message, "0005-startup.log"));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_begin_a_line),
        cmocka_unit_test(hides_secrets_before_they_are_written),
        cmocka_unit_test(says_when_what_came),
        cmocka_unit_test(has_a_cap_and_says_so),
        cmocka_unit_test(follows_no_link),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
