/* test_process.c - children: how they start, how they end, what they say. */
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

struct result {
    bool done;
    int status;
    char output[8192];
    size_t size;
    pid_t pid;
};

static struct clock virtual_clock;

static int setup(void **state)
{
    return loop_new(clock_real(), (struct loop **)state, NULL);
}

static int setup_virtual(void **state)
{
    clock_init_virtual(&virtual_clock, 0);
    return loop_new(&virtual_clock, (struct loop **)state, NULL);
}

static int teardown(void **state)
{
    loop_free(*state);
    /* nobody is left unreaped */
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static void on_done(struct process *process, int status, const struct buffer *output, void *arg)
{
    struct result *result = arg;
    assert_false(result->done);
    result->done = true;
    result->status = status;
    result->size = output->size;
    result->pid = process_pid(process);
    if (output->size > 0) {
        assert_true(output->size < sizeof result->output);
        memcpy(result->output, output->data, output->size);
    }
    process_abandon(process); /* harmless here */
}

static struct process *start(struct loop *loop, const char *script, struct process_options options,
                             struct result *result)
{
    const char *argv[] = { "sh", "-c", script, NULL };
    struct process *process = NULL;
    struct error err = { 0 };
    options.argv = argv;
    *result = (struct result) { 0 };
    assert_int_equal(process_start(loop, &options, on_done, result, &process, &err), 0);
    return process;
}

#define NOTHING .stdin_fd = -1, .output_fd = -1

static void run(struct loop *loop, const char *script, struct process_options options,
                struct result *result)
{
    start(loop, script, options, result);
    assert_false(result->done);
    assert_int_equal(loop_run_until(loop, &result->done), 0);
}

static void tells_how_a_child_ended(void **state)
{
    static const struct {
        const char *script, *text;
    } rows[] = {
        { "exit 0", "exit status 0" },
        { "exit 3", "exit status 3" },
        { "kill -9 $$", "killed by signal 9 (Killed)" },
        { "kill -TERM $$", "killed by signal 15 (Terminated)" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct result result;
        char text[64];
        run(*state, rows[i].script, (struct process_options) { NOTHING }, &result);
        process_status_text(result.status, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

static void captures_both_outputs_up_to_the_cap(void **state)
{
    struct result result;
    run(*state, "echo out; echo err >&2; echo more",
        (struct process_options) { NOTHING, .capture = true }, &result);
    assert_string_equal(result.output, "out\nerr\nmore\n");
    run(*state, "head -c 1000000 /dev/zero | tr '\\0' x; exit 7",
        (struct process_options) { NOTHING, .capture = true, .capture_max = 1000 }, &result);
    assert_int_equal(result.size, 1000);
    assert_int_equal(WEXITSTATUS(result.status), 7); /* it was not stopped by the cap */
}

static void says_when_there_is_no_such_program(void **state)
{
    static const char *const names[] = { "no-such-program-of-ours", "/no/such/program" };
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *argv[] = { names[i], NULL };
        struct process_options options = { .argv = argv, NOTHING };
        struct process *process = NULL;
        struct error err = { 0 };
        assert_int_equal(process_start(*state, &options, on_done, NULL, &process, &err),
                         ERROR_NOT_FOUND);
        assert_non_null(strstr(err.message, names[i]));
        assert_null(process);
    }
}

static void says_when_the_folder_is_missing(void **state)
{
    const char *argv[] = { "true", NULL };
    struct process_options options = { .argv = argv, NOTHING, .directory = "/no/such/folder" };
    struct process *process = NULL;
    struct error err = { 0 };
    assert_int_equal(process_start(*state, &options, on_done, NULL, &process, &err),
                     ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/no/such/folder"));
}

static void runs_in_the_folder_with_the_environment_it_was_given(void **state)
{
    static const char *const env[] = { "PATH=/usr/bin:/bin", "GREETING=hello", NULL };
    struct result result;
    run(*state, "pwd; echo $GREETING; echo ${HOME-none}",
        (struct process_options) { NOTHING, .capture = true, .directory = "/usr", .env = env },
        &result);
    assert_string_equal(result.output, "/usr\nhello\nnone\n");
}

static void inherits_no_descriptor_and_no_signal_mask(void **state)
{
    struct result result;
    sigset_t blocked;
    int leak = dup(0); /* not close-on-exec */
    assert_true(leak > 2);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    run(*state, "ls /proc/$$/fd; exec grep '^Sig[BI]' /proc/self/status",
        (struct process_options) { NOTHING, .capture = true }, &result);
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &blocked, NULL), 0);
    close(leak);
    assert_true(text_starts(result.output, "0\n1\n2\n"));
    assert_non_null(strstr(result.output, "SigBlk:\t0000000000000000\n"));
    const char *ignored = strstr(result.output, "SigIgn:\t");
    assert_non_null(ignored); /* SIGPIPE is not; libc has two of its own */
    assert_int_equal(strtoull(ignored + 8, NULL, 16) & 0x7fffffff, 0);
    assert_null(strstr(result.output, "\n3\n"));
}

static void uses_the_descriptors_it_was_given_whatever_their_numbers(void **state)
{
    struct result result;
    int in[2], out[2];
    char text[32] = { 0 };
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(write(in[1], "hi", 2), 2);
    close(in[1]);
    run(*state, "cat; echo there >&2",
        (struct process_options) { .stdin_fd = in[0], .output_fd = out[1] }, &result);
    close(in[0]);
    close(out[1]);
    assert_int_equal(read(out[0], text, sizeof text - 1), 8);
    assert_string_equal(text, "hithere\n");
    close(out[0]);
}

static void children_keep_the_limit_of_files_of_before(void **state)
{
    struct rlimit before, now;
    struct result result;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit low = { 300, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    process_raise_files();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, before.rlim_max);
    run(*state, "ulimit -n", (struct process_options) { NOTHING, .capture = true }, &result);
    assert_string_equal(result.output, "300\n");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void kills_the_whole_session(void **state)
{
    struct result result;
    int out[2];
    char c;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct process_options options = { .stdin_fd = -1, .output_fd = out[1], .new_session = true };
    struct process *process = start(*state, "sleep 1000 & sleep 1000", options, &result);
    close(out[1]);
    assert_int_equal(getsid(process_pid(process)), process_pid(process));
    process_kill(process, SIGKILL);
    assert_int_equal(loop_run_until(*state, &result.done), 0);
    assert_true(WIFSIGNALED(result.status));
    assert_int_equal(read(out[0], &c, 1), 0); /* nobody holds the other end any more */
    close(out[0]);
}

static void a_grandchild_that_keeps_the_pipe_does_not_hang_us(void **state)
{
    struct result result;
    int64_t start_ms = clock_monotonic_ms(clock_real());
    run(*state, "sleep 1000 & echo $!; exit 4",
        (struct process_options) { NOTHING, .capture = true }, &result);
    assert_true(clock_monotonic_ms(clock_real()) - start_ms < 10000);
    assert_int_equal(WEXITSTATUS(result.status), 4);
    int64_t pid = 0;
    result.output[strcspn(result.output, "\n")] = '\0';
    assert_int_equal(text_to_int64(result.output, 2, INT32_MAX, &pid), 0);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
}

static void on_limit(void *arg)
{
    *(bool *)arg = true;
}

static void output_that_never_ends_does_not_starve_the_loop(void **state)
{
    struct result result;
    struct loop_timer *timer;
    bool rang = false;
    struct process *process =
        start(*state, "exec yes",
              (struct process_options) { NOTHING, .capture = true, .capture_max = 4000 }, &result);
    assert_int_equal(loop_timer_new(*state, on_limit, &rang, &timer), 0);
    assert_int_equal(loop_timer_set(timer, 50), 0);
    assert_int_equal(loop_run_until(*state, &rang), 0);
    loop_timer_free(timer);
    process_kill(process, SIGTERM);
    assert_int_equal(loop_run_until(*state, &result.done), 0);
    assert_int_equal(WTERMSIG(result.status), SIGTERM);
    assert_int_equal(result.size, 4000);
}

static void an_abandoned_child_goes_on_and_is_reaped(void **state)
{
    struct result result;
    int out[2];
    char text[8] = { 0 };
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct process *process =
        start(*state, "read line; echo $line",
              (struct process_options) { .stdin_fd = out[0], .output_fd = out[1] }, &result);
    process_abandon(process);
    assert_int_equal(write(out[1], "on\n", 3), 3);
    const bool never = false;
    assert_int_equal(loop_run_until(*state, &never), ERROR_INTERNAL); /* until nothing is left */
    assert_false(result.done);
    close(out[1]);
    assert_int_equal(read(out[0], text, sizeof text), 3);
    assert_string_equal(text, "on\n");
    close(out[0]);
}

static void children_are_dropped_with_the_loop(void **state)
{
    struct loop *loop;
    struct result result;
    (void)state;
    assert_int_equal(loop_new(clock_real(), &loop, NULL), 0);
    struct process *process =
        start(loop, "sleep 1000", (struct process_options) { NOTHING, .capture = true }, &result);
    pid_t pid = process_pid(process);
    loop_free(loop);
    assert_int_equal(kill(pid, SIGKILL), 0); /* it went on */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_time_limit_on_a_child_does_not_jump_with_a_virtual_clock(void **state)
{
    struct result result;
    struct loop_timer *limit;
    bool over = false;
    start(*state, "exit 0", (struct process_options) { NOTHING }, &result);
    assert_int_equal(loop_timer_new(*state, on_limit, &over, &limit), 0);
    assert_int_equal(loop_timer_set(limit, 60000), 0);
    assert_int_equal(loop_run_until(*state, &result.done), 0);
    assert_false(over);
    loop_timer_free(limit);
}

static void keeps_the_status_though_sigchld_was_ignored(void **state)
{
    struct result result;
    (void)signal(SIGCHLD, SIG_IGN);
    run(*state, "exit 5", (struct process_options) { NOTHING }, &result);
    assert_int_equal(WEXITSTATUS(result.status), 5);
}

static void on_watched(void *arg)
{
    *(bool *)arg = true;
}

static void sees_the_end_of_a_process_that_is_not_a_child(void **state)
{
    struct result result;
    struct process_watch *watch;
    struct error err = { 0 };
    bool ended = false;
    /* a grandchild: its pid comes on stdout, and it ends when its stdin does */
    int gate[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    run(*state, "exec 3<&0; cat <&3 >/dev/null 2>&1 & echo $!",
        (struct process_options) { .stdin_fd = gate[0], .output_fd = -1, .capture = true },
        &result);
    int64_t pid = 0;
    result.output[strcspn(result.output, "\n")] = '\0';
    assert_int_equal(text_to_int64(result.output, 2, INT32_MAX, &pid), 0);
    assert_int_equal(process_watch_new(*state, (pid_t)pid, on_watched, &ended, &watch, &err), 0);
    loop_poll(*state);
    assert_false(ended);
    close(gate[1]);
    assert_int_equal(loop_run_until(*state, &ended), 0);
    process_watch_free(watch);
    close(gate[0]);
}

static void a_watched_process_that_is_gone_is_told_from_the_loop(void **state)
{
    struct result result;
    struct process_watch *watch, *dropped;
    bool ended = false, never = false;
    run(*state, "exit 0", (struct process_options) { NOTHING }, &result);
    assert_int_equal(process_watch_new(*state, result.pid, on_watched, &ended, &watch, NULL), 0);
    assert_int_equal(process_watch_new(*state, result.pid, on_watched, &never, &dropped, NULL), 0);
    process_watch_free(dropped);
    assert_false(ended);
    assert_int_equal(loop_run_until(*state, &ended), 0);
    assert_false(never);
    process_watch_free(watch);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_how_a_child_ended),
        TEST(captures_both_outputs_up_to_the_cap),
        TEST(says_when_there_is_no_such_program),
        TEST(says_when_the_folder_is_missing),
        TEST(runs_in_the_folder_with_the_environment_it_was_given),
        TEST(inherits_no_descriptor_and_no_signal_mask),
        TEST(uses_the_descriptors_it_was_given_whatever_their_numbers),
        TEST(children_keep_the_limit_of_files_of_before),
        TEST(kills_the_whole_session),
        TEST(a_grandchild_that_keeps_the_pipe_does_not_hang_us),
        TEST(output_that_never_ends_does_not_starve_the_loop),
        TEST(an_abandoned_child_goes_on_and_is_reaped),
        TEST(children_are_dropped_with_the_loop),
        cmocka_unit_test_setup_teardown(a_time_limit_on_a_child_does_not_jump_with_a_virtual_clock,
                                        setup_virtual, teardown),
        TEST(keeps_the_status_though_sigchld_was_ignored),
        TEST(sees_the_end_of_a_process_that_is_not_a_child),
        TEST(a_watched_process_that_is_gone_is_told_from_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
