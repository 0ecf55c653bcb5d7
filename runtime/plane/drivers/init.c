/* init.c - process 1 of an instance, and the small jobs that need a process of their own.
 *
 * It stands between two worlds: what it reads in /run/moonfleet was written by the plane for it,
 * what it writes there the plane trusts no more than anything else that comes out of an instance.
 * The plane may die and come back at any moment, so the files are the only connection:
 *
 *   spec.json      what this start is to do; without the scripts' arguments once it was read
 *   status.json    how far it is; replaced as a whole, which wakes the plane
 *   creation.json  the creation script has run to its end, and how
 *
 * Scripts run one after the other; then it sits, reaps, and ends when it is told to. */
#include "plane/driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_config.h"
#include "plane/drivers/oci_files.h"
#include "plane/drivers/oci_layer.h"
#include "plane/drivers/oci_scan.h"
#include "plane/drivers/oci_view.h"
#include "plane/drivers/run_log.h"

#define SPEC_MAX ((size_t)16 << 20)
#define TERM_GRACE_MS 5000 /* between TERM and KILL for a script out of time */
#define END_GRACE_MS 3000  /* between TERM and KILL for everything, when we end */
#define PIPES_MAX 8        /* outputs that are still open after their script ended */
#define DEPTH_MAX 256
#define ROOM_MS 500 /* between looks whether there is room on the disk again */

struct init {
    cJSON *spec;
    int signals;          /* signalfd of SIGCHLD, SIGTERM, SIGINT */
    bool ending;          /* we were told to end */
    int pipes[PIPES_MAX]; /* what daemons that a script left behind still write to: read and dropped
                           */
    size_t pipe_count;
};

/* The script that is running. */
struct run {
    const cJSON *step;
    pid_t pid;
    int output;              /* our end of its pipe */
    struct secrets *secrets; /* what the script was given; owned */
    struct run_log *log;     /* owned; NULL: none */
    bool ended;
    int status; /* as waitpid() gives it */
    bool timed_out;
    int64_t begun_ms;
    int64_t deadline_ms; /* 0: none */
    char start[TIME_TEXT_SIZE];
};

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_real());
}

/* ---- telling ---- */

static void wait_once(struct init *init, struct run *run, int64_t timeout_ms);

/* Replaces a file as a whole.  Not durable: who reads it after a crash of the machine finds the
 * container gone and asks no further. */
static int replace(const char *folder, const char *name, mode_t mode, const char *text)
{
    char *from = text_format("%s/.%s", folder, name);
    char *to = text_format("%s/%s", folder, name);
    int rc = from && to
                 ? oci_files_write(folder, strrchr(from, '/') + 1, text, strlen(text), mode, NULL)
                 : ERROR_NO_MEMORY;
    if (rc == 0 && rename(from, to) < 0)
        rc = ERROR_IO;
    free(from);
    free(to);
    return rc;
}

static int replace_durably(const char *folder, const char *name, mode_t mode, const char *text)
{
    char *path = file_join(folder, name);
    int rc = path ? file_write(path, text, strlen(text), mode, NULL) : ERROR_NO_MEMORY;
    free(path);
    return rc;
}

typedef int replace_fn(const char *folder, const char *name, mode_t mode, const char *text);

/* Writes the tree, which it frees.  On a disk that is full it waits for room, or for our end: how a
 * script ended would never be known otherwise. */
static void write_json(struct init *init, replace_fn *write, const char *folder, const char *name,
                       mode_t mode, cJSON *tree)
{
    char *text = json_text(tree);
    while (text && write(folder, name, mode, text) < 0 && !init->ending)
        wait_once(init, NULL, ROOM_MS);
    free(text);
    cJSON_Delete(tree);
}

/* status.json: `run` may be NULL; `message` too. */
static void tell(struct init *init, const char *state, const struct run *run, const char *message)
{
    cJSON *status = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(status, "token", json_string(init->spec, "token", ""));
    (void)cJSON_AddStringToObject(status, "state", state);
    if (run) {
        (void)cJSON_AddStringToObject(status, "kind", json_string(run->step, "kind", ""));
        (void)cJSON_AddStringToObject(status, "log", json_string(run->step, "log", ""));
    }
    if (run && run->ended) {
        (void)cJSON_AddBoolToObject(status, "timedOut", run->timed_out);
        (void)cJSON_AddNumberToObject(status, "timeout", (double)json_int(run->step, "timeout", 0));
        if (WIFSIGNALED(run->status))
            (void)cJSON_AddNumberToObject(status, "signal", WTERMSIG(run->status));
        else
            (void)cJSON_AddNumberToObject(status, "exitStatus", WEXITSTATUS(run->status));
    }
    if (message)
        (void)cJSON_AddStringToObject(status, "message", message);
    write_json(init, replace, OCI_RUN_FOLDER, "status.json", 0644, status);
}

static int exit_status(const struct run *run)
{
    return WIFSIGNALED(run->status) ? 128 + WTERMSIG(run->status) : WEXITSTATUS(run->status);
}

/* The .json beside a log. */
static void describe_log(struct init *init, const struct run *run)
{
    static const char *const copied[] = { "kind", "digest", "arguments" };
    char now[TIME_TEXT_SIZE];
    cJSON *about = cJSON_CreateObject();
    const char *log = json_string(run->step, "log", "");
    char *name = text_format("%.*s.json", (int)(strlen(log) - 4), log);
    for (size_t i = 0; i < COUNT(copied); i++)
        (void)cJSON_AddStringToObject(about, copied[i], json_string(run->step, copied[i], ""));
    (void)cJSON_AddStringToObject(about, "startTime", run->start);
    if (run->ended) {
        time_format(clock_unix_ms(clock_real()), now);
        (void)cJSON_AddStringToObject(about, "endTime", now);
        (void)cJSON_AddNumberToObject(about, "exitStatus", exit_status(run));
        (void)cJSON_AddBoolToObject(about, "timedOut", run->timed_out);
        if (run_log_dropped(run->log) > 0)
            (void)cJSON_AddNumberToObject(about, "droppedBytes", (double)run_log_dropped(run->log));
    }
    if (name)
        write_json(init, replace, OCI_LOG_FOLDER, name, 0644, about);
    else
        cJSON_Delete(about);
    free(name);
}

/* ---- the script's process ---- */

/* In the child: the reason why nothing could be run goes to the log. */
static void give_up(int status, const char *what, int errnum)
{
    (void)dprintf(2, "[moonfleet] %s: %s\n", what, text_errno(errnum));
    _exit(status);
}

/* In the child: the script's first line names what is not there. */
static void miss_interpreter(const char *line)
{
    size_t size = strcspn(line, "\r\n");
    bool windows = line[size] == '\r';
    (void)dprintf(2, "[moonfleet] the script begins with '%.*s', and there is no such program%s\n",
                  (int)size, line, windows ? " as long as its lines end as on Windows" : "");
    _exit(127);
}

/* In the child: runs the script as the kernel would, or by a shell when it names no interpreter. */
static void exec_script(const char *script, char **argv)
{
    static const char *const shells[] = { "/bin/bash", "/bin/sh" };
    char start[128] = { 0 };
    int fd = open(script, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, start, sizeof start - 1) < 0)
        give_up(127, "opening the script", errno);
    (void)close(fd);
    if (start[0] == '#' && start[1] == '!') {
        /* busy: somebody who forked while the script was being written has it open for a moment */
        for (int i = 0; i < 100; i++) {
            (void)execv(script, argv + 1);
            if (errno != ETXTBSY)
                break;
            (void)poll(NULL, 0, 10);
        }
        if (errno == ENOENT)
            miss_interpreter(start);
    }
    for (size_t i = 0; i < COUNT(shells); i++) {
        argv[0] = (char *)(uintptr_t)shells[i];
        (void)execv(shells[i], argv);
    }
    give_up(126, "running the script", errno);
}

static void run_child(const struct run *run, const char *script)
{
    const cJSON *words = json_at(run->step, "words");
    const cJSON *variable = NULL;
    size_t count = (size_t)cJSON_GetArraySize(words);
    char **argv = calloc(count + 3, sizeof *argv);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    if (!argv)
        give_up(126, "preparing the arguments", ENOMEM);
    argv[1] = (char *)(uintptr_t)script; /* argv[0] is left for a shell */
    for (size_t i = 0; i < count; i++)
        argv[i + 2] = cJSON_GetArrayItem(words, (int)i)->valuestring;
    const char *directory = json_string(run->step, "directory", "/");
    if (chdir(directory) < 0)
        give_up(126, "entering the working directory", errno);
    (void)setenv("PWD", directory, 1); /* the name it was given, where that is a symlink */
    cJSON_ArrayForEach(variable, json_at(run->step, "environment"))
    {
        if (cJSON_IsString(variable))
            (void)setenv(variable->string, variable->valuestring, 1);
    }
    exec_script(script, argv);
}

static int start_script(struct run *run, struct error *err)
{
    int ends[2] = { -1, -1 };
    char *script = file_join(OCI_RUN_FOLDER, json_string(run->step, "script", ""));
    int rc = 0;
    if (!script)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory to run a script");
    else if (pipe2(ends, O_CLOEXEC) < 0)
        rc = error_system(err, errno, "making a pipe");
    if (rc == 0) {
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        run->output = ends[0];
        run->pid = fork();
        if (run->pid == 0) {
            (void)dup2(ends[1], 1);
            (void)dup2(ends[1], 2);
            run_child(run, script);
        }
        if (run->pid < 0)
            rc = error_system(err, errno, "starting a process");
        (void)close(ends[1]);
    }
    free(script);
    return rc;
}

/* ---- waiting ---- */

/* Reads what is there; false at the end of the pipe.  Bounded, so that output without end does not
 * keep us from the clock. */
static bool read_output(int fd, struct run *run)
{
    char bytes[16384];
    for (int i = 0; i < 64; i++) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (got < 0)
            return true;
        if (run && run->log)
            run_log_put(run->log, bytes, (size_t)got);
    }
    return true;
}

static void reap(struct run *run)
{
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (run && pid == run->pid) {
            run->ended = true;
            run->status = status;
        }
    }
}

static void read_signals(struct init *init, struct run *run)
{
    struct signalfd_siginfo info;
    while (read(init->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            init->ending = true;
    }
    reap(run);
}

/* Waits for signals and output, at most `timeout_ms` (-1: for ever), and handles them. */
static void wait_once(struct init *init, struct run *run, int64_t timeout_ms)
{
    struct pollfd fds[PIPES_MAX + 2] = { { .fd = init->signals, .events = POLLIN } };
    size_t count = 1;
    for (size_t i = 0; i < init->pipe_count; i++)
        fds[count++] = (struct pollfd) { .fd = init->pipes[i], .events = POLLIN };
    if (run && run->output >= 0)
        fds[count++] = (struct pollfd) { .fd = run->output, .events = POLLIN };
    (void)poll(fds, count, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms);
    if (fds[0].revents)
        read_signals(init, run);
    for (size_t i = init->pipe_count; i > 0; i--) {
        if (fds[i].revents && !read_output(init->pipes[i - 1], NULL)) {
            (void)close(init->pipes[i - 1]);
            init->pipes[i - 1] = init->pipes[--init->pipe_count];
        }
    }
    if (run && run->output >= 0 && fds[count - 1].revents && !read_output(run->output, run)) {
        (void)close(run->output);
        run->output = -1;
    }
}

/* Out of time: TERM to the script's whole group at first, KILL when that did not help. */
static void out_of_time(struct run *run)
{
    char limit[DURATION_TEXT_SIZE];
    if (!run->timed_out) {
        duration_text(json_int(run->step, "timeout", 0), limit, sizeof limit);
        if (run->log)
            run_log_note(run->log, "the time limit of %s is over", limit);
    }
    (void)kill(-run->pid, run->timed_out ? SIGKILL : SIGTERM);
    run->timed_out = true;
    run->deadline_ms = now_ms() + TERM_GRACE_MS;
}

static void wait_for_script(struct init *init, struct run *run)
{
    while (!run->ended && !init->ending) {
        int64_t left = run->deadline_ms > 0 ? run->deadline_ms - now_ms() : -1;
        if (run->deadline_ms > 0 && left <= 0) {
            out_of_time(run);
            continue;
        }
        wait_once(init, run, left);
    }
    if (run->timed_out)
        (void)kill(-run->pid, SIGKILL); /* what the script's end left of its group */
    if (run->output >= 0)
        (void)read_output(run->output, run); /* what it said last */
    if (run->output >= 0 && init->pipe_count < PIPES_MAX)
        init->pipes[init->pipe_count++] = run->output;
}

/* The script's log, which hides what the script's line of secrets tells of. */
static int open_log(struct run *run, struct error *err)
{
    struct buffer text = { 0 };
    char *script = file_join(OCI_RUN_FOLDER, json_string(run->step, "script", ""));
    int rc = script ? secrets_new(&run->secrets, err)
                    : error_set(err, ERROR_NO_MEMORY, "no memory to run a script");
    if (rc == 0)
        rc = file_read(script, SPEC_MAX, &text, err);
    if (rc == 0 && text.size > 0)
        rc = secrets_read(text.data, text.size, run->secrets, NULL, err);
    if (rc == 0)
        rc = run_log_open(OCI_LOG_FOLDER, json_string(run->step, "log", ""), run->secrets,
                          &run->log, err);
    buffer_clear(&text);
    free(script);
    return rc;
}

/* Scripts with secrets do not stay where they ran, nor those that were not run in the end. */
static void remove_secret_scripts(const struct init *init)
{
    const cJSON *step = NULL;
    cJSON_ArrayForEach(step, json_at(init->spec, "steps"))
    {
        char *script = file_join(OCI_RUN_FOLDER, json_string(step, "script", ""));
        if (script && json_bool(step, "secrets", false))
            (void)unlink(script);
        free(script);
    }
}

/* Durable, before anybody is told: a script that ran once never runs again. */
static void remember_creation(struct init *init, const struct run *run)
{
    cJSON *result = cJSON_CreateObject();
    (void)cJSON_AddNumberToObject(result, "exitStatus", exit_status(run));
    (void)cJSON_AddBoolToObject(result, "timedOut", run->timed_out);
    (void)cJSON_AddNumberToObject(result, "seconds", (double)(now_ms() - run->begun_ms) / 1000);
    write_json(init, replace_durably, OCI_RUN_FOLDER, "creation.json", 0644, result);
}

/* Runs one script to its end.  False when setting up ends here: it failed, or we are to end. */
static bool run_step(struct init *init, const cJSON *step)
{
    struct run run = { .step = step, .output = -1 };
    struct error err = { 0 };
    int64_t timeout_s = json_int(step, "timeout", 0);
    time_format(clock_unix_ms(clock_real()), run.start);
    describe_log(init, &run);
    tell(init, "running", &run, NULL);
    run.begun_ms = now_ms();
    run.deadline_ms = timeout_s > 0 ? now_ms() + timeout_s * 1000 : 0;
    if (open_log(&run, &err) < 0 || start_script(&run, &err) < 0) {
        if (run.output >= 0)
            (void)close(run.output);
        run.ended = true;
        run.status = W_EXITCODE(126, 0);
    } else {
        wait_for_script(init, &run);
    }
    bool interrupted = !run.ended;
    if (interrupted) { /* told to end: the rest of the machine goes with it */
        if (run.log)
            run_log_note(run.log, "the instance was stopped while this script ran");
        run.ended = true;
        run.status = SIGTERM;
    }
    bool good = !run.timed_out && WIFEXITED(run.status) && WEXITSTATUS(run.status) == 0;
    if (run.log)
        run_log_flush(run.log);
    describe_log(init, &run);
    run_log_close(run.log);
    if (!interrupted && text_equal(json_string(step, "kind", ""), "creation"))
        remember_creation(init, &run);
    if (!good)
        tell(init, interrupted ? "interrupted" : "failed", &run, err.code ? err.message : NULL);
    secrets_free(run.secrets);
    return good;
}

/* ---- the machine ---- */

/* `kept` (NULL: nothing) is an entry at the top whose content stays as it is. */
static void give_away(int dir_fd, const char *name, uid_t uid, gid_t gid, const char *kept,
                      int depth)
{
    const struct dirent *entry = NULL;
    (void)fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while (depth < DEPTH_MAX && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            give_away(dirfd(dir), entry->d_name, uid, gid, NULL,
                      text_equal(entry->d_name, kept) ? DEPTH_MAX : depth + 1);
    }
    (void)closedir(dir);
}

static void write_key(const char *home, const char *key)
{
    char *folder = file_join(home, ".ssh");
    char *path = folder ? file_join(folder, "authorized_keys") : NULL;
    char *line = text_format("%s%s", key, text_ends(key, "\n") ? "" : "\n");
    if (path && line && file_make_dirs(folder, 0700, NULL) == 0)
        (void)file_write(path, line, strlen(line), 0600, NULL);
    free(line);
    free(path);
    free(folder);
}

/* The file share stands in the user's home and where the service mounts it: one folder, two names.
 */
static void make_share(const char *home, const char *share)
{
    char *files = file_join(home, "cloudfiles/code");
    char *users = file_join(home, "cloudfiles/code/Users");
    char *above = text_dup_size(share, (size_t)(strrchr(share, '/') - share));
    if (files && users && above && file_make_dirs(users, 0755, NULL) == 0 &&
        file_make_dirs(above, 0755, NULL) == 0)
        (void)symlink(files, share);
    free(above);
    free(users);
    free(files);
}

/* The folders of the layers have their owners in them; the places where they are shown are new, and
 * so is the user's key.  Giving away a whole home would copy it up. */
static void give_tops(const cJSON *tops, const char *home, const cJSON *spec)
{
    const cJSON *top = NULL;
    char *keys = file_join(home, ".ssh");
    cJSON_ArrayForEach(top, tops)
    {
        char *path = text_format("/%s", top->string);
        if (path && cJSON_GetArraySize(top) == 2)
            (void)lchown(path, (uid_t)cJSON_GetArrayItem(top, 0)->valuedouble,
                         (gid_t)cJSON_GetArrayItem(top, 1)->valuedouble);
        free(path);
    }
    if (keys && json_string(spec, "sshPublicKey", NULL))
        give_away(AT_FDCWD, keys, (uid_t)json_int(spec, "uid", 0), (gid_t)json_int(spec, "gid", 0),
                  NULL, 0);
    free(keys);
}

static void make_machine(const cJSON *spec)
{
    const char *home = json_string(spec, "home", "/root");
    const char *key = json_string(spec, "sshPublicKey", NULL);
    const char *share = json_string(spec, "share", "/");
    bool first = !file_exists(OCI_RUN_FOLDER "/settled");
    const cJSON *tops = json_at(spec, "tops"); /* it stands on layers */
    const cJSON *file = NULL;
    const cJSON *step = NULL;
    cJSON_ArrayForEach(file, json_at(spec, "files"))
    {
        if (cJSON_IsString(
                file)) /* it replaces what may be a symlink into a folder that isn't there */
            (void)oci_files_write("", file->string + 1, file->valuestring,
                                  strlen(file->valuestring), 0644, NULL);
    }
    if (first)
        make_share(home, share);
    cJSON_ArrayForEach(step, json_at(spec, "steps"))
    {
        (void)file_make_dirs(json_string(step, "directory", "/"), 0755, NULL);
    }
    if (first && key)
        write_key(home, key);
    if (first && tops)
        give_tops(tops, home, spec);
    else if (first)
        give_away(AT_FDCWD, home, (uid_t)json_int(spec, "uid", 0), (gid_t)json_int(spec, "gid", 0),
                  json_bool(spec, "shared", false) ? "cloudfiles" : NULL, 0);
    if (first)
        (void)oci_files_write(OCI_RUN_FOLDER, "settled", "", 0, 0644, NULL);
}

/* The runtime left us its own files as 0, 1 and 2; nobody inside shall have these. */
static void close_standard(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < 3; i++)
        (void)dup2(fd, i);
    if (fd > 2)
        (void)close(fd);
}

static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* TERM to all, a moment, KILL to all. */
static void end_all(struct init *init)
{
    int64_t deadline = now_ms() + END_GRACE_MS;
    (void)kill(-1, SIGTERM);
    while (kill(-1, 0) == 0 && now_ms() < deadline) {
        wait_once(init, NULL, 50); /* those that entered by exec are nobody's children here */
        reap(NULL);
    }
    (void)kill(-1, SIGKILL);
    reap(NULL);
}

/* Reads what this start is to do.  Arguments, which may be secrets, do not stay in the file. */
static int read_spec(struct init *init)
{
    struct buffer text = { 0 };
    cJSON *step = NULL;
    int rc = file_read(OCI_RUN_FOLDER "/spec.json", SPEC_MAX, &text, NULL);
    if (rc == 0)
        rc = json_parse(text.data ? text.data : "", text.size, "spec.json", &init->spec, NULL);
    buffer_clear(&text);
    cJSON *kept = rc == 0 ? cJSON_Duplicate(init->spec, true) : NULL;
    if (!kept)
        return ERROR_NO_MEMORY;
    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(kept, "steps"))
    {
        cJSON_DeleteItemFromObjectCaseSensitive(step, "words");
    }
    write_json(init, replace, OCI_RUN_FOLDER, "spec.json", 0600, kept);
    return 0;
}

/* `__init ID` */
static int run_machine(void)
{
    struct init init = { 0 };
    const cJSON *step = NULL;
    bool good = true;
    close_standard();
    (void)umask(022);
    init.signals = open_signals();
    if (init.signals < 0 || read_spec(&init) < 0)
        return 70;
    tell(&init, "starting", NULL, NULL);
    make_machine(init.spec);
    cJSON_ArrayForEach(step, json_at(init.spec, "steps"))
    {
        good = good && run_step(&init, step);
    }
    remove_secret_scripts(&init);
    if (good && !init.ending && json_bool(init.spec, "seal", false)) {
        tell(&init, "built", NULL, NULL); /* and ends: what it wrote becomes a layer */
        init.ending = true;
    }
    if (good && !init.ending)
        tell(&init, "ready", NULL, NULL);
    while (!init.ending)
        wait_once(&init, NULL, -1);
    end_all(&init);
    cJSON_Delete(init.spec);
    (void)close(init.signals);
    return 0;
}

/* ---- removal ---- */

/* Folders that are closed even to their owner (overlayfs makes such) are opened, so that they can
 * be emptied.  Mounts are not entered. */
static void open_folders(int dir_fd, const char *name, dev_t device, int depth)
{
    const struct dirent *entry = NULL;
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
        (depth > 0 && st.st_dev != device))
        return;
    if ((st.st_mode & 0700) != 0700)
        (void)fchmodat(dir_fd, name, 0700, 0);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while (depth < DEPTH_MAX && (entry = readdir(dir))) {
        if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
            strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            open_folders(dirfd(dir), entry->d_name, st.st_dev, depth + 1);
    }
    (void)closedir(dir);
}

/* `__init --remove FOLDER` */
static int remove_folder(const char *folder)
{
    struct error err = { 0 };
    open_folders(AT_FDCWD, folder, 0, 0);
    if (file_remove_tree(folder, &err) == 0)
        return 0;
    (void)fprintf(stderr, "%s\n", err.message);
    return 1;
}

int driver_oci_init(int argc, char **argv)
{
    if (argc == 3 && text_equal(argv[2], "--nothing"))
        return 0;
    if (argc == 4 && text_equal(argv[2], "--remove"))
        return remove_folder(argv[3]);
    if (argc > 3 && text_equal(argv[2], "--base"))
        return oci_view_main(argc - 3, argv + 3);
    if (argc > 3 && text_equal(argv[2], "--scan"))
        return oci_scan_main(argc - 3, argv + 3);
    if (argc > 3 && text_equal(argv[2], "--seal"))
        return oci_layer_main(argc - 3, argv + 3);
    if (argc == 3 && getpid() == 1)
        return run_machine();
    (void)fprintf(stderr, "__init is for Moonfleet's own containers\n");
    return 64;
}
