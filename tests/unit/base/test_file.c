/* Files: caps, escapes from a folder, atomic writes, removing trees of every kind, XDG folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define NOBODY 65534

static char top[64]; /* a fresh folder for each test */

static int set_up(void **state)
{
    (void)state;
    (void)text_copy(top, sizeof top, "/tmp/moonfleet-test-XXXXXX");
    return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return file_remove_tree(top, NULL);
}

/* A path below the test's folder; valid until eight calls later. */
static const char *at(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static void put(const char *name, const char *text)
{
    struct error err = { 0 };
    if (file_write(at(name), text, strlen(text), 0644, &err) < 0)
        fail_msg("%s", err.message);
}

static void make(const char *name)
{
    assert_int_equal(mkdir(at(name), 0755), 0);
}

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count;
}

/* ---- reading ---- */

static void reads_behind_what_is_there(void **state)
{
    (void)state;
    struct buffer out = { 0 };
    put("a", "one\0");
    assert_int_equal(file_read(at("a"), 100, &out, NULL), 0);
    assert_int_equal(file_read(at("a"), 3, &out, NULL), 0);
    assert_string_equal(out.data, "oneone");
    buffer_clear(&out);
    put("empty", "");
    assert_int_equal(file_read(at("empty"), 0, &out, NULL), 0);
    assert_string_equal(out.data, "");
    buffer_clear(&out);
}

static void reads_large_files_and_files_without_a_size(void **state)
{
    (void)state;
    static char large[300001];
    memset(large, 'x', sizeof large - 1);
    put("large", large);
    struct buffer out = { 0 };
    assert_int_equal(file_read(at("large"), sizeof large, &out, NULL), 0);
    assert_int_equal(out.size, sizeof large - 1);
    buffer_reset(&out);
    assert_int_equal(file_read("/proc/self/status", 1 << 20, &out, NULL), 0);
    assert_true(text_starts(out.data, "Name:"));
    buffer_reset(&out);
    assert_int_equal(file_read("/proc/self/status", 10, &out, NULL), ERROR_TOO_LARGE);
    assert_int_equal(out.size, 0);
    buffer_clear(&out);
}

static void a_failed_read_leaves_the_text(void **state)
{
    (void)state;
    struct buffer out = { 0 };
    struct error err = { 0 };
    int descriptors = count_descriptors();
    put("a", "four");
    buffer_text(&out, "before");
    assert_int_equal(file_read(at("a"), 3, &out, &err), ERROR_TOO_LARGE);
    assert_true(text_ends(err.message, "/a' is larger than 3 bytes"));
    assert_int_equal(file_read(at("none"), 9, &out, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/none': No such file"));
    assert_int_equal(file_read(top, 9, &out, &err), ERROR_INVALID);
    assert_true(text_ends(err.message, "is a folder, not a file"));
    assert_int_equal(file_read(at("a/b"), 9, &out, &err), ERROR_IO);
    assert_int_equal(file_read("", 9, &out, &err), ERROR_NOT_FOUND);
    assert_string_equal(out.data, "before");
    out.max = 8;
    assert_int_equal(file_read(at("a"), 9, &out, &err), ERROR_TOO_LARGE);
    assert_string_equal(out.data, "before");
    assert_int_equal(count_descriptors(), descriptors);
    buffer_clear(&out);
}

static void reads_beneath_a_folder_and_nowhere_else(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int rc;
    } cases[] = {
        { "file", 0 },
        { "./file", 0 },
        { "sub/../file", 0 },
        { "sub/inner", 0 },
        { "sub/up", 0 }, /* a link that stays inside */
        { "inside", 0 },
        { "sub//inner", 0 },
        { "../secret", ERROR_DENIED },
        { "sub/../../secret", ERROR_DENIED },
        { "out", ERROR_DENIED },            /* a link to ../secret */
        { "away", ERROR_DENIED },           /* a link to the secret's absolute path */
        { "outside/secret", ERROR_DENIED }, /* a link to the folder above */
        { "home/file", ERROR_DENIED },      /* absolute, though it leads back here */
        { "/etc/passwd", ERROR_DENIED },
        { "/", ERROR_DENIED },
        { "..", ERROR_DENIED },
        { "loop", ERROR_DENIED },
        { "none", ERROR_NOT_FOUND },
        { "broken", ERROR_NOT_FOUND },
        { "", ERROR_NOT_FOUND },
        { "file/x", ERROR_IO },
        { ".", ERROR_INVALID },
        { "sub", ERROR_INVALID },
        { "pipe", ERROR_INVALID }, /* and does not wait for a writer */
    };
    put("secret", "secret");
    make("in");
    make("in/sub");
    put("in/file", "text");
    put("in/sub/inner", "text");
    assert_int_equal(symlink("../file", at("in/sub/up")), 0);
    assert_int_equal(symlink("sub/inner", at("in/inside")), 0);
    assert_int_equal(symlink("../secret", at("in/out")), 0);
    assert_int_equal(symlink(at("secret"), at("in/away")), 0);
    assert_int_equal(symlink("..", at("in/outside")), 0);
    assert_int_equal(symlink(at("in"), at("in/home")), 0);
    assert_int_equal(symlink("loop", at("in/loop")), 0);
    assert_int_equal(symlink("nowhere", at("in/broken")), 0);
    assert_int_equal(mkfifo(at("in/pipe"), 0600), 0);
    int descriptors = count_descriptors();
    int dir = open(at("in"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer out = { 0 };
        struct error err = { 0 };
        int rc = file_read_beneath(dir, cases[i].path, 100, &out, &err);
        if (rc != cases[i].rc)
            fail_msg("'%s': %d, %s", cases[i].path, rc, err.message);
        if (rc == 0)
            assert_string_equal(out.data, "text");
        else
            assert_non_null(strstr(err.message, cases[i].path));
        buffer_clear(&out);
    }
    struct buffer out = { 0 };
    assert_int_equal(file_read_beneath(dir, "file", 3, &out, NULL), ERROR_TOO_LARGE);
    (void)close(dir);
    dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct error err = { 0 };
    assert_int_equal(file_read_beneath(dir, "cwd/file", 3, &out, &err), ERROR_DENIED);
    (void)close(dir);
    assert_int_equal(count_descriptors(), descriptors);
    buffer_clear(&out);
}

/* ---- writing ---- */

static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    int count = -2; /* without "." and ".." */
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count;
}

static void writes_and_replaces(void **state)
{
    (void)state;
    struct stat st;
    struct buffer out = { 0 };
    int descriptors = count_descriptors();
    assert_int_equal(file_write(at("a"), "first\0text", 10, 0600, NULL), 0);
    assert_int_equal(stat(at("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 10);
    assert_int_equal(file_write(at("a"), "second", 6, 0640, NULL), 0);
    assert_int_equal(stat(at("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(file_read(at("a"), 100, &out, NULL), 0);
    assert_string_equal(out.data, "second");
    assert_int_equal(count_entries(top), 1);
    assert_int_equal(count_descriptors(), descriptors);
    buffer_clear(&out);
}

static void a_failed_write_leaves_nothing_behind(void **state)
{
    (void)state;
    int descriptors = count_descriptors();
    struct error err = { 0 };
    assert_int_equal(file_write(at("none/a"), "x", 1, 0600, &err), ERROR_NOT_FOUND);
    assert_true(text_starts(err.message, "writing '"));
    make("folder");
    put("folder/x", "");
    assert_int_equal(file_write(at("folder"), "x", 1, 0600, &err), ERROR_IO);
    assert_int_equal(count_entries(top), 1);
    assert_int_equal(count_descriptors(), descriptors);
}

static void writes_in_the_current_folder(void **state)
{
    (void)state;
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(top), 0);
    assert_int_equal(file_write("bare", "x", 1, 0600, NULL), 0);
    assert_true(file_exists("bare"));
    assert_int_equal(file_remove_tree("bare", NULL), 0);
    assert_false(file_exists("bare"));
    assert_int_equal(fchdir(here), 0);
    (void)close(here);
}

static void makes_folders_with_their_parents(void **state)
{
    (void)state;
    struct error err = { 0 };
    assert_int_equal(file_make_dirs(at("a/b//c/"), 0700, &err), 0);
    assert_int_equal(file_make_dirs(at("a/b/c"), 0700, &err), 0);
    assert_true(file_is_dir(at("a/b/c")));
    struct stat st;
    assert_int_equal(stat(at("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_make_dirs("/", 0700, &err), 0);
    put("file", "");
    assert_int_equal(file_make_dirs(at("file"), 0700, &err), ERROR_CONFLICT);
    assert_int_equal(file_make_dirs(at("file/x"), 0700, &err), ERROR_CONFLICT);
    assert_int_equal(file_make_dirs("", 0700, &err), ERROR_INVALID);
    assert_int_equal(symlink("a", at("link")), 0);
    assert_int_equal(file_make_dirs(at("link/b/d"), 0700, &err), 0);
    assert_true(file_is_dir(at("a/b/d")));
}

/* ---- removing ---- */

static void removes_files_links_and_trees(void **state)
{
    (void)state;
    int descriptors = count_descriptors();
    make("keep");
    put("keep/file", "x");
    make("tree");
    make("tree/sub");
    make("tree/empty");
    put("tree/sub/file", "x");
    assert_int_equal(symlink(at("keep"), at("tree/sub/link")), 0);
    assert_int_equal(symlink("nowhere", at("tree/broken")), 0);
    assert_int_equal(mkfifo(at("tree/pipe"), 0), 0);
    assert_int_equal(file_remove_tree(at("tree//"), NULL), 0);
    assert_false(file_exists(at("tree")));
    assert_true(file_exists(at("keep/file")));
    assert_int_equal(symlink("keep", at("link")), 0);
    assert_int_equal(file_remove_tree(at("link"), NULL), 0);
    assert_true(file_exists(at("keep/file")));
    assert_int_equal(file_remove_tree(at("keep/file"), NULL), 0);
    assert_int_equal(count_entries(at("keep")), 0);
    assert_int_equal(count_descriptors(), descriptors);
}

static void missing_is_removed_already(void **state)
{
    (void)state;
    assert_int_equal(file_remove_tree(at("none"), NULL), 0);
    assert_int_equal(file_remove_tree(at("none/at/all"), NULL), 0);
}

static void refuses_to_remove_what_has_no_name(void **state)
{
    (void)state;
    static const char *const names[] = { "", "/", "//", ".", "..", "/tmp/..", "/tmp/.", "./" };
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(file_remove_tree(names[i], NULL), ERROR_INVALID);
    put("file", "");
    assert_int_equal(file_remove_tree(at("file/x"), NULL), ERROR_IO);
    assert_true(file_exists(at("file")));
}

static void removes_wide_trees(void **state)
{
    (void)state;
    make("wide");
    for (int i = 0; i < 600; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "wide/%d-%s", i, "a-name-of-some-length");
        if (i % 3 == 0)
            make(name);
        else /* not put(), which waits for the disk each time */
            assert_int_equal(mknod(at(name), S_IFREG | 0600, 0), 0);
    }
    assert_int_equal(file_remove_tree(at("wide"), NULL), 0);
    assert_false(file_exists(at("wide")));
}

/* Runs `body` in a child of its own; returns its exit status. */
static int in_child(int (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(body());
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A tree `depth` deep, with something beside the next level here and there. */
static void make_deep(int dir, int depth)
{
    for (int i = 0; i < depth; i++) {
        assert_int_equal(mkdirat(dir, "d", 0755), 0);
        if (i % 20 == 0) {
            assert_int_equal(mkdirat(dir, "e", 0755), 0);
            assert_int_equal(mknodat(dir, "f", S_IFREG | 0600, 0), 0);
        }
        int fd = openat(dir, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        (void)close(dir);
        dir = fd;
    }
    (void)close(dir);
}

static int remove_with_few_descriptors(void)
{
    struct rlimit few = { 64, 64 };
    struct error err = { 0 };
    if (setrlimit(RLIMIT_NOFILE, &few) < 0)
        return 2;
    return file_remove_tree(at("deep"), &err) == 0 ? 0 : 1;
}

static void removes_deep_trees_with_few_descriptors(void **state)
{
    (void)state;
    make("deep"); /* deeper than any path may be long */
    make_deep(open(at("deep"), O_PATH | O_DIRECTORY | O_CLOEXEC), 2100);
    assert_int_equal(in_child(remove_with_few_descriptors), 0);
    assert_false(file_exists(at("deep")));
}

/* As nobody, since root may read everything: makes a tree and takes the rights away from it. */
static int remove_forbidden_folders(void)
{
    if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
        return 77;
    if (mkdir(at("mine/locked"), 0700) < 0 || mkdir(at("mine/locked/inner"), 0700) < 0 ||
        mkdir(at("mine/sealed"), 0700) < 0 ||
        file_write(at("mine/locked/inner/f"), "x", 1, 0, NULL) < 0 ||
        file_write(at("mine/sealed/f"), "x", 1, 0, NULL) < 0)
        return 2;
    if (chmod(at("mine/locked/inner"), 0) < 0 || chmod(at("mine/locked"), 0) < 0 ||
        chmod(at("mine/sealed"), 0500) < 0)
        return 3;
    struct error err = { 0 };
    if (file_remove_tree(at("mine"), &err) != ERROR_DENIED) /* the folder above is not nobody's */
        return 4;
    return count_entries(at("mine")) == 0 ? 0 : 5;
}

static void removes_folders_without_rights(void **state)
{
    (void)state;
    make("mine");
    assert_int_equal(chmod(top, 0755), 0);
    if (geteuid() != 0) {
        assert_int_equal(chmod(top, 0555), 0);
    } else {
        assert_int_equal(chown(at("mine"), NOBODY, NOBODY), 0);
    }
    assert_int_equal(in_child(remove_forbidden_folders), 0);
    assert_int_equal(chmod(top, 0755), 0);
}

/* In a mount namespace of its own: a folder that shows another one, of the same file system. */
static int remove_around_a_mount(void)
{
    int rc = geteuid() == 0 ? unshare(CLONE_NEWNS) : unshare(CLONE_NEWUSER | CLONE_NEWNS);
    if (rc < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(at("host"), at("tree/sub/view"), NULL, MS_BIND, NULL) < 0)
        return 77;
    struct error err = { 0 };
    if (!file_exists(at("tree/sub/view/precious")))
        return 2;
    if (file_remove_tree(at("tree"), &err) != ERROR_CONFLICT)
        return 3;
    if (!strstr(err.message, "unmount"))
        return 4;
    return file_exists(at("host/precious")) ? 0 : 5;
}

static void never_enters_another_mount(void **state)
{
    (void)state;
    make("host");
    put("host/precious", "x");
    make("tree");
    make("tree/sub");
    make("tree/sub/view");
    int rc = in_child(remove_around_a_mount);
    assert_true(file_exists(at("host/precious")));
    if (rc == 77)
        skip(); /* no mount namespaces here */
    assert_int_equal(rc, 0);
}

/* ---- names ---- */

static void joins_paths(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *joined;
    } cases[] = { { "a", "b", "a/b" }, { "a/", "b", "a/b" }, { "/", "b", "/b" }, { "", "b", "b" },
                  { "a", "/b", "/b" }, { "a", "", "a/" },    { ".", "b", "./b" } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *path = file_join(cases[i].a, cases[i].b);
        assert_string_equal(path, cases[i].joined);
        free(path);
    }
}

static void asks_what_is_there(void **state)
{
    (void)state;
    put("file", "");
    assert_int_equal(symlink("nowhere", at("broken")), 0);
    assert_true(file_exists(at("file")));
    assert_true(file_exists(top));
    assert_false(file_exists(at("none")));
    assert_false(file_exists(at("broken")));
    assert_true(file_is_dir(top));
    assert_false(file_is_dir(at("file")));
    assert_false(file_is_dir(at("none")));
}

static void expect_home(enum file_home which, const char *expected)
{
    char *path = NULL;
    struct error err = { 0 };
    if (file_home(which, &path, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(path, expected);
    free(path);
}

static void homes_follow_the_xdg_rules(void **state)
{
    (void)state;
    setenv("HOME", "/home/ada", 1);
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_STATE_HOME");
    expect_home(FILE_DATA_HOME, "/home/ada/.local/share/moonfleet");
    expect_home(FILE_CONFIG_HOME, "/home/ada/.config/moonfleet");
    expect_home(FILE_STATE_HOME, "/home/ada/.local/state/moonfleet");
    setenv("XDG_DATA_HOME", "/data/", 1);
    setenv("XDG_CONFIG_HOME", "/config", 1);
    setenv("XDG_STATE_HOME", "", 1); /* empty is unset */
    setenv("XDG_RUNTIME_DIR", "/run/ada", 1);
    expect_home(FILE_DATA_HOME, "/data/moonfleet");
    expect_home(FILE_CONFIG_HOME, "/config/moonfleet");
    expect_home(FILE_STATE_HOME, "/home/ada/.local/state/moonfleet");
    expect_home(FILE_RUNTIME_DIR, "/run/ada/moonfleet");
    setenv("XDG_DATA_HOME", "relative", 1); /* to be ignored, says the specification */
    expect_home(FILE_DATA_HOME, "/home/ada/.local/share/moonfleet");
    assert_false(file_exists("/home/ada/.local"));
    unsetenv("HOME");
    char *path = NULL; /* from the user database, then */
    if (file_home(FILE_DATA_HOME, &path, NULL) == 0)
        assert_int_equal(path[0], '/');
    free(path);
}

/* For a user without /run/user/<uid>: 0 when the fallback came out as it should. */
static int fall_back_to_tmp(void)
{
    char expected[64], run[64];
    char *path = NULL;
    struct error err = { 0 };
    struct stat st;
    uid_t uid = 4200000000u; /* nobody's: what stands there can only be ours */
    (void)snprintf(expected, sizeof expected, "/tmp/moonfleet-%u", uid);
    (void)snprintf(run, sizeof run, "/run/user/%u", uid);
    if (geteuid() != 0 || file_exists(run) || setuid(uid) < 0)
        return 77;
    unsetenv("XDG_RUNTIME_DIR");
    (void)unlink(expected); /* of a run that was stopped */
    (void)rmdir(expected);
    for (int i = 0; i < 2; i++) { /* made, then found */
        if (file_home(FILE_RUNTIME_DIR, &path, &err) < 0 || strcmp(path, expected) != 0)
            return 2;
        free(path);
        path = NULL;
    }
    if (lstat(expected, &st) < 0 || !S_ISDIR(st.st_mode) || (st.st_mode & 0777) != 0700)
        return 3;
    if (chmod(expected, 0750) < 0 || file_home(FILE_RUNTIME_DIR, &path, &err) != ERROR_DENIED)
        return 4;
    if (rmdir(expected) < 0 || symlink("/tmp", expected) < 0 ||
        file_home(FILE_RUNTIME_DIR, &path, &err) != ERROR_DENIED)
        return 5;
    return path == NULL && unlink(expected) == 0 ? 0 : 6;
}

static void the_runtime_folder_in_tmp_is_ours_alone(void **state)
{
    (void)state;
    int rc = in_child(fall_back_to_tmp);
    if (rc == 77)
        skip(); /* needs root, to become somebody without a runtime folder */
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_behind_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_large_files_and_files_without_a_size, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failed_read_leaves_the_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_beneath_a_folder_and_nowhere_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_and_replaces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_write_leaves_nothing_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_in_the_current_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(makes_folders_with_their_parents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_files_links_and_trees, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_is_removed_already, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_to_remove_what_has_no_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_wide_trees, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_deep_trees_with_few_descriptors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_folders_without_rights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_enters_another_mount, set_up, tear_down),
        cmocka_unit_test(joins_paths),
        cmocka_unit_test_setup_teardown(asks_what_is_there, set_up, tear_down),
        cmocka_unit_test(homes_follow_the_xdg_rules),
        cmocka_unit_test(the_runtime_folder_in_tmp_is_ours_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
