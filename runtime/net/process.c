/* process.c - children by posix_spawn, watched through pidfds.
 *
 * There is no SIGCHLD handler: a pidfd turns readable when its process has ended.  A child stays
 * unreaped until we are done with it, so its pid cannot be somebody else's when we signal it. */
#include "net/process.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

#define CAPTURE_DEFAULT ((size_t)64 << 10)
#define READ_SIZE 16384
#define READS_MAX 64 /* in one go: a child that never stops writing must not starve the rest */
/* How long output may go on after the child has ended: a grandchild may hold the pipe for ever.
 * Real time, whatever the loop's clock is. */
#define GRACE_MS 200

struct process {
    struct loop *loop; /* borrowed */
    pid_t pid;
    bool reaped; /* `pid` may be somebody else's by now */
    bool group;  /* it leads a session of its own */
    bool held;   /* it holds the loop's virtual clock */
    bool ended;  /* has ended; its output may still come */
    int pidfd;
    int pipe;                /* our end of its output, or -1 */
    struct loop_watch *end;  /* of pidfd */
    struct loop_watch *data; /* of pipe */
    struct event *grace;
    struct buffer output;
    size_t output_max;
    process_done_fn *done; /* NULL once abandoned */
    void *arg;
    struct loop_exit exit;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void stop_capture(struct process *process)
{
    loop_watch_free(process->data);
    process->data = NULL;
    close_fd(&process->pipe);
}

static void release_clock(struct process *process)
{
    if (process->held)
        loop_release(process->loop);
    process->held = false;
}

static void destroy(struct process *process)
{
    if (!process)
        return;
    loop_exit_remove(&process->exit);
    release_clock(process);
    stop_capture(process);
    loop_watch_free(process->end);
    if (process->grace)
        event_free(process->grace);
    close_fd(&process->pidfd);
    buffer_clear(&process->output);
    free(process);
}

/* Its wait status; what cannot be known (somebody waited for all children) is not taken for
 * success. */
static int reap(struct process *process)
{
    int status;
    pid_t rc;
    do {
        rc = waitpid(process->pid, &status, WNOHANG);
    } while (rc < 0 && errno == EINTR);
    process->reaped = true;
    return rc == process->pid ? status : W_EXITCODE(255, 0);
}

static void finish(struct process *process)
{
    int status = reap(process);
    process_done_fn *done = process->done;
    stop_capture(process);
    process->done = NULL;
    if (done)
        done(process, status, &process->output, process->arg);
    destroy(process);
}

/* ---- output ---- */

/* Keeps what fits and is wanted; drops the rest. */
static void keep(struct process *process, const char *data, size_t size)
{
    if (!process->done)
        return;
    size_t room = process->output_max - process->output.size;
    buffer_append(&process->output, data, size < room ? size : room);
}

/* Reads what is there.  True when nothing will ever come any more. */
static bool drain(struct process *process)
{
    char data[READ_SIZE];
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t size = read(process->pipe, data, sizeof data);
        if (size > 0)
            keep(process, data, (size_t)size);
        else if (size == 0 || (errno != EINTR && errno != EAGAIN))
            return true;
        else if (errno == EAGAIN)
            return false;
    }
    return false;
}

static void on_output(void *arg)
{
    struct process *process = arg;
    if (!drain(process))
        return;
    stop_capture(process);
    if (process->ended)
        finish(process);
}

static void on_grace(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    finish(arg);
}

static bool start_grace(struct process *process)
{
    const struct timeval wait = { 0, GRACE_MS * 1000 };
    process->grace = evtimer_new(loop_base(process->loop), on_grace, process);
    return process->grace && evtimer_add(process->grace, &wait) == 0;
}

static void on_end(void *arg)
{
    struct process *process = arg;
    process->ended = true;
    loop_watch_free(process->end); /* its descriptor stays readable */
    process->end = NULL;
    if (process->pipe >= 0 && process->done && !drain(process) && start_grace(process))
        return;
    finish(process);
}

/* ---- limits ---- */

/* The process's limit of open files before we raised it, as the limit itself one a process;
 * rlim_max 0: never raised. */
static struct rlimit files_before;

void process_raise_files(void)
{
    struct rlimit limit;
    if (files_before.rlim_max != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    files_before = limit;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- start ---- */

/* Children whose SIGCHLD is ignored are reaped behind our back, and their status is lost.  Being
 * ignored is inherited from whoever started us. */
static void want_children(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        (void)signal(SIGCHLD, SIG_DFL);
}

/* A copy of a borrowed descriptor above 0, 1 and 2, so that putting one in place never overwrites
 * another that is still needed. */
static int fd_copy(int fd, int *out)
{
    *out = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return fd >= 0 && *out < 0 ? errno : 0;
}

static int set_files(posix_spawn_file_actions_t *files, const struct process_options *options,
                     int input, int output)
{
    int rc = input >= 0 ? posix_spawn_file_actions_adddup2(files, input, 0)
                        : posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0 && output >= 0)
        rc = posix_spawn_file_actions_adddup2(files, output, 1);
    else if (rc == 0)
        rc = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, 1, 2);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(files, 3);
    if (rc == 0 && options->directory)
        rc = posix_spawn_file_actions_addchdir_np(files, options->directory);
    return rc;
}

static int set_attributes(posix_spawnattr_t *attributes, bool new_session)
{
    sigset_t none, all;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (new_session)
        flags |= POSIX_SPAWN_SETSID;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    return rc == 0 ? posix_spawnattr_setflags(attributes, flags) : rc;
}

/* Returns an errno value. */
static int spawn(const struct process_options *options, int input, int output, pid_t *out_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = set_files(&files, options, input, output);
        if (rc == 0)
            rc = set_attributes(&attributes, options->new_session);
        if (rc == 0)
            rc = posix_spawnp(out_pid, options->argv[0], &files, &attributes,
                              (char *const *)options->argv,
                              (char *const *)(options->env ? options->env : (void *)environ));
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* A child has our limits: ours is the one of before while it is made. */
static int spawn_limited(const struct process_options *options, int input, int output,
                         pid_t *out_pid)
{
    struct rlimit now;
    bool raised = files_before.rlim_max != 0 && getrlimit(RLIMIT_NOFILE, &now) == 0 &&
                  setrlimit(RLIMIT_NOFILE, &files_before) == 0;
    int errnum = spawn(options, input, output, out_pid);
    if (raised)
        (void)setrlimit(RLIMIT_NOFILE, &now);
    return errnum;
}

static int spawn_error(const struct process_options *options, int errnum, struct error *err)
{
    if (options->directory && access(options->directory, X_OK) != 0)
        return error_system(err, errno, "entering %s", options->directory);
    if (errnum == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "there is no program \"%s\"%s", options->argv[0],
                         strchr(options->argv[0], '/') ? "" : " in PATH");
    return error_system(err, errnum, "starting \"%s\"", options->argv[0]);
}

static int start(struct process *process, const struct process_options *options, int output,
                 struct error *err)
{
    int input_copy, output_copy = -1;
    int errnum = fd_copy(options->stdin_fd, &input_copy);
    if (errnum == 0)
        errnum = fd_copy(output, &output_copy);
    int rc = 0;
    if (errnum == 0) {
        want_children();
        errnum = spawn_limited(options, input_copy, output_copy, &process->pid);
        if (errnum != 0)
            rc = spawn_error(options, errnum, err);
    } else {
        rc = error_system(err, errnum, "starting \"%s\"", options->argv[0]);
    }
    close_fd(&input_copy);
    close_fd(&output_copy);
    return rc;
}

static int watch_start(struct process *process, struct error *err)
{
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0)
        return error_system(err, errno, "watching process %d", (int)process->pid);
    int rc = loop_watch_new(process->loop, process->pidfd, false, on_end, process, &process->end);
    if (rc == 0 && process->pipe >= 0)
        rc =
            loop_watch_new(process->loop, process->pipe, false, on_output, process, &process->data);
    if (rc < 0)
        return error_set(err, rc, "cannot watch process %d", (int)process->pid);
    return 0;
}

static void on_loop_exit(void *arg)
{
    destroy(arg);
}

static struct process *allocate(struct loop *loop, const struct process_options *options)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return NULL;
    process->loop = loop;
    process->pid = -1;
    process->pidfd = -1;
    process->pipe = -1;
    process->group = options->new_session;
    process->output_max = options->capture_max ? options->capture_max : CAPTURE_DEFAULT;
    process->output.max = process->output_max;
    process->exit = (struct loop_exit) { .fn = on_loop_exit, .arg = process };
    return process;
}

int process_start(struct loop *loop, const struct process_options *options, process_done_fn *done,
                  void *arg, struct process **out, struct error *err)
{
    int ends[2] = { -1, -1 };
    struct process *process = allocate(loop, options);
    if (!process)
        return error_set(err, ERROR_NO_MEMORY, "no memory to start \"%s\"", options->argv[0]);
    int rc = 0;
    if (options->capture && pipe2(ends, O_CLOEXEC) != 0)
        rc = error_system(err, errno, "starting \"%s\"", options->argv[0]);
    process->pipe = ends[0];
    if (process->pipe >= 0)
        (void)fcntl(process->pipe, F_SETFL, O_NONBLOCK);
    if (rc == 0)
        rc = start(process, options, options->capture ? ends[1] : options->output_fd, err);
    close_fd(&ends[1]);
    if (rc == 0) {
        rc = watch_start(process, err);
        if (rc < 0) { /* nobody would ever see its end */
            (void)kill(process->pid, SIGKILL);
            (void)waitpid(process->pid, NULL, 0);
        }
    }
    if (rc < 0) {
        destroy(process);
        return rc;
    }
    process->done = done;
    process->arg = arg;
    process->held = true;
    loop_hold(loop);
    loop_exit_add(loop, &process->exit);
    *out = process;
    return 0;
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

void process_kill(struct process *process, int signal)
{
    if (!process->reaped)
        (void)kill(process->group ? -process->pid : process->pid, signal);
}

void process_abandon(struct process *process)
{
    if (!process || process->reaped) /* reaped: called from inside its callback */
        return;
    process->done = NULL;
    release_clock(process);
    buffer_clear(&process->output); /* what still comes is read and dropped: no SIGPIPE for it */
    if (process->ended)             /* only its grandchildren's output was waited for */
        finish(process);
}

void process_status_text(int status, char *out, size_t out_size)
{
    if (WIFEXITED(status))
        (void)snprintf(out, out_size, "exit status %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status) && sigdescr_np(WTERMSIG(status)))
        (void)snprintf(out, out_size, "killed by signal %d (%s)", WTERMSIG(status),
                       sigdescr_np(WTERMSIG(status)));
    else if (WIFSIGNALED(status))
        (void)snprintf(out, out_size, "killed by signal %d", WTERMSIG(status));
    else
        (void)snprintf(out, out_size, "wait status %d", status);
}

/* ---- processes that are not our children ---- */

struct process_watch {
    struct loop *loop; /* borrowed */
    int pidfd;         /* -1: it had ended before we looked */
    struct loop_watch *end;
    loop_fn *fn;
    void *arg;
};

/* `fn` may free the watch. */
static void on_watched_end(void *arg)
{
    struct process_watch *watch = arg;
    loop_watch_free(watch->end); /* its descriptor stays readable */
    watch->end = NULL;
    watch->fn(watch->arg);
}

int process_watch_new(struct loop *loop, pid_t pid, loop_fn *fn, void *arg,
                      struct process_watch **out, struct error *err)
{
    struct process_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return error_set(err, ERROR_NO_MEMORY, "no memory to watch process %d", (int)pid);
    *watch = (struct process_watch) { .loop = loop, .fn = fn, .arg = arg };
    watch->pidfd = pidfd_open(pid, 0);
    int errnum = watch->pidfd < 0 ? errno : 0;
    int rc;
    if (errnum == 0)
        rc = loop_watch_new(loop, watch->pidfd, false, on_watched_end, watch, &watch->end);
    else if (errnum == ESRCH)
        rc = loop_post(loop, on_watched_end, watch);
    else
        rc = error_system(NULL, errnum, "watching");
    if (rc < 0) {
        process_watch_free(watch);
        return error_set(err, rc, "cannot watch process %d%s%s", (int)pid, errnum ? ": " : "",
                         errnum ? text_errno(errnum) : "");
    }
    *out = watch;
    return 0;
}

void process_watch_free(struct process_watch *watch)
{
    if (!watch)
        return;
    loop_unpost(watch->loop, watch);
    loop_watch_free(watch->end);
    close_fd(&watch->pidfd);
    free(watch);
}
