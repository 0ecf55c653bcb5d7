/* test_oci_files.c - what the plane reads of files that instances write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_files.h"

#define LOG "0001-creation.log"

static int make_folder(void **state)
{
    static char folder[64];
    (void)snprintf(folder, sizeof folder, "/tmp/moonfleet-files-XXXXXX");
    *state = mkdtemp(folder);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    return file_remove_tree(*state, NULL);
}

static void the_last_lines_of_a_log_are_text(void **state)
{
    static const struct {
        const char *log;
        size_t size; /* 0: up to its NUL */
        size_t max;
        const char *tail;
    } cases[] = {
        { "", 0, 100, "" },
        { "\n\n", 0, 100, "" },
        { "one\ntwo\n\n", 0, 100, "one\ntwo" },
        { "one\ntwo", 0, 100, "one\ntwo" },
        { "first\nsecond\nthird\n", 0, 16, "second\nthird" },
        { "first\nsecond\nthird\n", 0, 13, "third" },
        { "a very long line without an end", 0, 6, "an end" },
        { "a very long line with an end\n", 0, 7, "an end" }, /* not nothing */
        { "x\n1%\r50%\r100%\r\ny\r\n", 0, 100, "x\n100%\ny" },
        { "a\0b\xFF\n", 5, 100, "a?b?" },
        { "p\xC3\xA4ss", 0, 3, "?ss" }, /* cut inside a character */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer tail = { 0 };
        char *path = file_join(*state, LOG);
        size_t size = cases[i].size ? cases[i].size : strlen(cases[i].log);
        assert_int_equal(file_write(path, cases[i].log, size, 0600, NULL), 0);
        assert_int_equal(oci_files_tail(*state, LOG, cases[i].max, &tail, NULL), 0);
        assert_string_equal(tail.data ? tail.data : "", cases[i].tail);
        buffer_clear(&tail);
        free(path);
    }
}

static void links_pipes_and_folders_are_refused(void **state)
{
    struct buffer tail = { 0 };
    char *path = file_join(*state, "elsewhere");
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_true(oci_files_tail(*state, "elsewhere", 100, &tail, NULL) < 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(oci_files_tail(*state, "elsewhere", 100, &tail, NULL) < 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(oci_files_tail(*state, "elsewhere", 100, &tail, NULL) < 0);
    assert_true(oci_files_tail(*state, "nowhere", 100, &tail, NULL) < 0);
    free(path);
}

/* What the sudo of instances without one says to a caller whose environment has words of its own. */
static void ask_sudo(const char *folder, const char *arguments, char *out, size_t out_size)
{
    char command[512];
    (void)snprintf(command, sizeof command,
                   "env user=u login=l shell=s keep=k name=n uid=1 home=/h sudo_dir=/d "
                   "%s/usr/local/bin/sudo -u '#%d' %s",
                   folder, (int)getuid(), arguments);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(pipe);
    size_t size = fread(out, 1, out_size - 1, pipe);
    out[size] = '\0';
    assert_int_equal(pclose(pipe), 0);
}

static void the_callers_variables_do_not_disturb_sudo(void **state)
{
    const struct oci_host host = { .rootless = true };
    int64_t uid = 0;
    int64_t gid = 0;
    char *home = file_join(*state, "home");
    char out[256], expected[256];
    const struct passwd *me = getpwuid(getuid());
    assert_non_null(me);
    assert_int_equal(oci_files_identity(&host, *state, home, &uid, &gid, NULL), 0);
    (void)snprintf(expected, sizeof expected, "%s %s -\n", me->pw_name, me->pw_dir);
    ask_sudo(*state, "sh -c 'echo \"$LOGNAME $HOME ${login--}\"'", out, sizeof out);
    assert_string_equal(out, expected);
    ask_sudo(*state, "-E sh -c 'echo \"$user $login $shell $keep $name $uid $home\"'", out,
             sizeof out);
    assert_string_equal(out, "u l s k n 1 /h\n");
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_lines_of_a_log_are_text),
        cmocka_unit_test(links_pipes_and_folders_are_refused),
        cmocka_unit_test(the_callers_variables_do_not_disturb_sudo),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
