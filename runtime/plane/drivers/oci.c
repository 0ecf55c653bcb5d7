/* oci.c - instances as containers of an OCI runtime (runc, crun) over a view of this machine.
 *
 * A call is a short chain of steps, each a child process or an event: write the bundle, remove what
 * a dead container left behind, `run --detach`, then watch the instance's run folder until process
 * 1 (init.c) has told that it is ready or that a script failed.  A container belongs to nobody's
 * process tree: when the plane dies, it goes on, and its folder says which process it is (pid,
 * start time, boot), so that the next plane finds it again.
 *
 * What an instance writes (status.json, logs) is not trusted: it is opened without following
 * symlinks, and only decides how this very instance's call ends. */
#include "plane/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "base/duration.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "net/process.h"
#include "plane/drivers/oci_bundle.h"
#include "plane/drivers/oci_config.h"
#include "plane/drivers/oci_files.h"
#include "plane/drivers/oci_host.h"
#include "plane/drivers/oci_view.h"

#define STOP_PATIENCE_MS 10000  /* between TERM and KILL for a machine */
#define TAIL_MAX ((size_t)1200) /* bytes of a log that an error carries */
#define ARGS_MAX 40
#define BASE_FRESH_S 3600

enum call_kind { CALL_NONE, CALL_CREATE, CALL_START, CALL_STOP, CALL_REMOVE };

enum child_kind {
    CHILD_LAYER,     /* the layer of a top-level folder that holds the driver's own folder */
    CHILD_CLEAN,     /* `delete -f`: what is left of a container */
    CHILD_RUN,       /* `run --detach` */
    CHILD_REMOVE,    /* our own removal */
    CHILD_CONTAINED, /* the same in a container, for files of mapped ids */
    CHILD_SWEEP,     /* the rest of that container */
};

struct call {
    enum call_kind kind;
    struct driver_callbacks callbacks;
    int told; /* the last phase told, -1: none */
};

struct machine {
    struct oci *oci;
    char *id;
    char *folder;
    char *log_folder; /* of the call in flight */
    char token[UUID_TEXT_SIZE];
    struct call call;
    bool waits_for_base;
    enum child_kind child_kind;
    struct process *child;
    pid_t pid; /* process 1 while it runs; 0 otherwise */
    struct process_watch *watch;
    struct loop_timer *patience;
    int notify;         /* inotify watch of the run folder, or -1 */
    struct error error; /* what a call fails with before it began */
    UT_hash_handle hh;
    UT_hash_handle by_notify;
};

struct oci {
    struct driver driver;
    struct loop *loop;
    struct log log_value;
    const struct log *log;
    const struct oci_host *host;
    struct oci_bundle bundle;
    char *folder, *mask_folder, *program, *root, *base;
    bool base_ready, base_failed;
    struct process *base_child;
    int inotify;
    struct loop_watch *inotify_watch;
    struct machine *machines; /* by id */
    struct machine *notified; /* by inotify watch */
};

/* The end of a call, on its way out of the loop. */
struct ending {
    struct driver_callbacks callbacks;
    int rc;
    struct error error;
};

static void launch(struct machine *machine);
static void go_down(struct machine *machine);
static void free_machine(struct machine *machine);
static void after_clean(struct machine *machine);
static void on_ended(void *arg);

/* ---- the end of a call ---- */

static void stop_notify(struct machine *machine)
{
    struct oci *oci = machine->oci;
    if (machine->notify < 0)
        return;
    HASH_DELETE(by_notify, oci->notified, machine);
    (void)inotify_rm_watch(oci->inotify, machine->notify);
    machine->notify = -1;
}

/* Tells the plane.  Always comes from the loop, never from inside one of its calls. */
static void finish(struct machine *machine, int rc, const struct error *err)
{
    struct call call = machine->call;
    machine->call = (struct call) { .kind = CALL_NONE };
    stop_notify(machine);
    loop_timer_stop(machine->patience);
    if (call.kind != CALL_NONE && call.callbacks.done)
        call.callbacks.done(rc, err, call.callbacks.arg);
}

static void on_failed_early(void *arg)
{
    struct machine *machine = arg;
    struct error err = machine->error;
    if (machine->call.kind != CALL_NONE)
        finish(machine, err.code, &err);
}

/* Nothing is left of a removed instance, here either. */
static void on_forget(void *arg)
{
    struct machine *machine = arg;
    if (machine->call.kind != CALL_NONE || machine->child || machine->pid > 0)
        return;
    HASH_DELETE(hh, machine->oci->machines, machine);
    free_machine(machine);
}

static void finish_removal(struct machine *machine)
{
    finish(machine, 0, NULL);
    (void)loop_post(machine->oci->loop, on_forget, machine); /* without memory it stays, harmless */
}

/* Ends the call from the loop with what `machine->error` says. */
static void fail_later(struct machine *machine)
{
    if (loop_post(machine->oci->loop, on_failed_early, machine) < 0)
        log_line(machine->oci->log, LOG_ERROR, "%s: no memory to end a call", machine->id);
}

static void on_ending(void *arg)
{
    struct ending *ending = arg;
    ending->callbacks.done(ending->rc, &ending->error, ending->callbacks.arg);
    free(ending);
}

/* A call that another one (stop, remove) overtakes ends as cancelled. */
static void cancel_call(struct machine *machine)
{
    struct call call = machine->call;
    machine->call = (struct call) { .kind = CALL_NONE };
    stop_notify(machine);
    machine->waits_for_base = false;
    loop_unpost(machine->oci->loop, machine);
    struct ending *ending = call.kind != CALL_NONE ? calloc(1, sizeof *ending) : NULL;
    if (!ending)
        return;
    ending->callbacks = call.callbacks;
    ending->rc = error_set(&ending->error, ERROR_CANCELLED, "the instance is stopped or removed");
    if (loop_post(machine->oci->loop, on_ending, ending) < 0)
        free(ending);
}

/* ---- which process ---- */

/* When the process started, in ticks since boot; -1 when there is none. */
static int64_t process_start_time(pid_t pid)
{
    char path[64];
    struct buffer text = { 0 };
    int64_t ticks = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (file_read(path, 4096, &text, NULL) == 0 && text.data) {
        /* The name in parentheses may hold anything; field 3 follows the last one, field 22 is
         * ours. */
        char *at = strrchr(text.data, ')');
        for (int field = 2; at && field < 22; field++)
            at = strchr(at + 1, ' ');
        char *end = at ? strchr(at + 1, ' ') : NULL;
        if (end)
            *end = '\0';
        if (!end || text_to_int64(at + 1, 0, INT64_MAX, &ticks) < 0)
            ticks = -1;
    }
    buffer_clear(&text);
    return ticks;
}

/* Is it process 1 of that instance?  Its command line says so; only we start such. */
static bool is_init_of(pid_t pid, const char *id)
{
    char path[64];
    struct buffer text = { 0 };
    struct buffer wanted = { 0 };
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    buffer_append(&wanted, OCI_INIT_PATH "\0__init", sizeof OCI_INIT_PATH "\0__init");
    buffer_append(&wanted, id, strlen(id) + 1);
    bool same = file_read(path, 4096, &text, NULL) == 0 && text.size == wanted.size &&
                wanted.data && memcmp(text.data, wanted.data, text.size) == 0;
    buffer_clear(&text);
    buffer_clear(&wanted);
    return same;
}

static void read_boot(char out[UUID_TEXT_SIZE])
{
    struct buffer text = { 0 };
    if (file_read("/proc/sys/kernel/random/boot_id", 256, &text, NULL) < 0)
        buffer_reset(&text);
    (void)snprintf(out, UUID_TEXT_SIZE, "%s", text.data ? text.data : "");
    out[strcspn(out, "\n")] = '\0';
    buffer_clear(&text);
}

static pid_t read_pid(const struct machine *machine)
{
    struct buffer text = { 0 };
    int64_t pid = 0;
    char *path = file_join(machine->folder, "bundle/pid");
    if (path && file_read(path, 64, &text, NULL) == 0 && text.data) {
        text.data[strcspn(text.data, "\n")] = '\0';
        if (text_to_int64(text.data, 2, INT32_MAX, &pid) < 0)
            pid = 0;
    }
    buffer_clear(&text);
    free(path);
    return (pid_t)pid;
}

/* Remembers which process runs the instance, for the next plane. */
static void remember(const struct machine *machine)
{
    char boot[UUID_TEXT_SIZE];
    cJSON *tree = cJSON_CreateObject();
    read_boot(boot);
    (void)cJSON_AddNumberToObject(tree, "pid", machine->pid);
    (void)cJSON_AddNumberToObject(tree, "startTime", (double)process_start_time(machine->pid));
    (void)cJSON_AddStringToObject(tree, "boot", boot);
    (void)cJSON_AddStringToObject(tree, "token", machine->token);
    char *text = json_text(tree);
    if (text)
        (void)oci_files_write(machine->folder, "machine.json", text, strlen(text), 0600, NULL);
    free(text);
    cJSON_Delete(tree);
}

/* The process that runs the instance now, or 0.  After a crash between `run` and remember() only
 * the pid file is there. */
static pid_t find_process(struct machine *machine)
{
    char boot[UUID_TEXT_SIZE];
    cJSON *tree = NULL;
    pid_t pid = read_pid(machine);
    if (pid == 0 || !is_init_of(pid, machine->id))
        return 0;
    if (oci_files_json(machine->folder, "machine.json", &tree, NULL) < 0)
        return pid;
    read_boot(boot);
    if (json_int(tree, "pid", 0) == pid &&
        (!text_equal(json_string(tree, "boot", ""), boot) ||
         json_int(tree, "startTime", -2) != process_start_time(pid)))
        pid = 0;
    cJSON_Delete(tree);
    return pid;
}

static int watch_process(struct machine *machine, pid_t pid, struct error *err)
{
    if (machine->watch && machine->pid == pid)
        return 0;
    process_watch_free(machine->watch);
    machine->watch = NULL;
    int rc = process_watch_new(machine->oci->loop, pid, on_ended, machine, &machine->watch, err);
    machine->pid = rc == 0 ? pid : 0;
    return rc;
}

/* The signal goes to this process or to none: a pid that is somebody else's by now is not hit. */
static void signal_process(const struct machine *machine, int signal)
{
    int fd = pidfd_open(machine->pid, 0);
    if (fd < 0)
        return;
    if (is_init_of(machine->pid, machine->id))
        (void)pidfd_send_signal(fd, signal, NULL, 0);
    (void)close(fd);
}

/* ---- machines ---- */

static void free_machine(struct machine *machine)
{
    if (!machine)
        return;
    loop_unpost(machine->oci->loop, machine);
    stop_notify(machine);
    process_abandon(machine->child);
    process_watch_free(machine->watch);
    loop_timer_free(machine->patience);
    free(machine->log_folder);
    free(machine->folder);
    free(machine->id);
    free(machine);
}

static void on_impatient(void *arg)
{
    struct machine *machine = arg;
    if (machine->pid > 0)
        signal_process(machine, SIGKILL);
}

static int make_machine(struct oci *oci, const char *id, struct machine **out, struct error *err)
{
    struct machine *machine = calloc(1, sizeof *machine);
    if (!machine)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    machine->oci = oci;
    machine->notify = -1;
    machine->id = strdup(id);
    machine->folder = file_join(oci->folder, id);
    int rc = loop_timer_new(oci->loop, on_impatient, machine, &machine->patience);
    if (rc < 0 || !machine->id || !machine->folder) {
        free_machine(machine);
        return error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    }
    HASH_ADD_KEYPTR(hh, oci->machines, machine->id, strlen(machine->id), machine);
    *out = machine;
    return 0;
}

static int get_machine(struct oci *oci, const char *id, struct machine **out, struct error *err)
{
    if (!oci_bundle_id_valid(id))
        return error_set(err, ERROR_INVALID, "'%s' cannot be the name of an instance's folder", id);
    HASH_FIND(hh, oci->machines, id, strlen(id), *out);
    return *out ? 0 : make_machine(oci, id, out, err);
}

static struct oci *oci_of(struct driver *driver)
{
    return (struct oci *)driver;
}

/* ---- what process 1 tells ---- */

static void tell_phase(struct machine *machine, enum driver_phase phase)
{
    struct call *call = &machine->call;
    if (call->told >= (int)phase)
        return;
    call->told = (int)phase;
    if (call->callbacks.phase)
        call->callbacks.phase(phase, call->callbacks.arg);
}

/* "the creation script ended with exit status 3" and the last lines of its log. */
static void script_error(const struct machine *machine, const cJSON *status, struct error *err)
{
    struct buffer text = { 0 };
    struct buffer tail = { 0 };
    char limit[DURATION_TEXT_SIZE];
    const char *log = json_string(status, "log", "");
    buffer_format(&text, "the %s script ", json_string(status, "kind", "setup"));
    if (json_bool(status, "timedOut", false)) {
        duration_text(json_int(status, "timeout", 0), limit, sizeof limit);
        buffer_format(&text, "was stopped at its time limit of %s", limit);
    } else if (json_int(status, "signal", 0) > 0) {
        buffer_format(&text, "was killed by signal %d", (int)json_int(status, "signal", 0));
    } else {
        buffer_format(&text, "ended with exit status %d", (int)json_int(status, "exitStatus", -1));
    }
    if (json_string(status, "message", NULL))
        buffer_format(&text, " (%s)", json_string(status, "message", ""));
    if (!strchr(log, '/') && machine->log_folder &&
        oci_files_tail(machine->log_folder, log, TAIL_MAX, &tail, NULL) == 0 && tail.size > 0) {
        while (tail.size > 0 && tail.data[tail.size - 1] == '\n')
            tail.data[--tail.size] = '\0';
        buffer_format(&text, "; the last lines of %s:\n%s", log, tail.data);
    }
    (void)error_set(err, ERROR_REMOTE, "%s", text.data ? text.data : "a setup script failed");
    (void)text_copy(err->name, sizeof err->name, "SetupScriptFailed");
    (void)text_copy(err->target, sizeof err->target, strchr(log, '/') ? "" : log);
    buffer_clear(&text);
    buffer_clear(&tail);
}

/* Looks how far the instance is; ends the call when that is decided. */
static void follow(struct machine *machine)
{
    cJSON *status = NULL;
    char *run = NULL;
    if (machine->call.kind != CALL_CREATE && machine->call.kind != CALL_START)
        return;
    if (!(run = file_join(machine->folder, "run")) ||
        oci_files_json(run, "status.json", &status, NULL) < 0 ||
        !text_equal(json_string(status, "token", NULL), machine->token)) {
        cJSON_Delete(status); /* it has not written it yet, or it is of an earlier start */
        free(run);
        return;
    }
    const char *state = json_string(status, "state", "");
    tell_phase(machine, DRIVER_SETTING_UP);
    if (!text_equal(state, "starting") && !text_equal(state, "ready"))
        tell_phase(machine, DRIVER_USER_SETTING_UP);
    if (machine->child) {
        /* The runtime is not done telling us which process it is; after_run() looks again. */
    } else if (text_equal(state, "ready")) {
        finish(machine, 0, NULL);
    } else if (text_equal(state, "failed")) {
        struct error err = { 0 };
        script_error(machine, status, &err);
        finish(machine, ERROR_REMOTE, &err);
    }
    cJSON_Delete(status);
    free(run);
}

static int start_notify(struct machine *machine, struct error *err)
{
    struct oci *oci = machine->oci;
    char *run = file_join(machine->folder, "run");
    stop_notify(machine);
    int notify = run ? inotify_add_watch(oci->inotify, run, IN_MOVED_TO) : -1;
    int rc =
        notify < 0 ? error_system(err, run ? errno : ENOMEM, "watching '%s'", machine->folder) : 0;
    if (rc == 0) {
        machine->notify = notify;
        HASH_ADD(by_notify, oci->notified, notify, sizeof machine->notify, machine);
    }
    free(run);
    return rc;
}

static void on_inotify(void *arg)
{
    struct oci *oci = arg;
    char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t size = read(oci->inotify, bytes, sizeof bytes);
    for (ssize_t at = 0; size > 0 && at < size;) {
        const struct inotify_event *event =
            (const struct inotify_event *)(const void *)(bytes + at);
        struct machine *machine = NULL;
        HASH_FIND(by_notify, oci->notified, &event->wd, sizeof event->wd, machine);
        if (machine && event->len > 0 && text_equal(event->name, "status.json"))
            follow(machine);
        at += (ssize_t)(sizeof *event + event->len);
    }
}

/* ---- children ---- */

/* The last line of what the runtime or a child of ours said. */
static void last_words(const struct machine *machine, struct error *err, const char *doing)
{
    struct buffer text = { 0 };
    char *bundle = file_join(machine->folder, "bundle");
    if (!bundle || oci_files_tail(bundle, "runtime.log", TAIL_MAX, &text, NULL) < 0)
        buffer_reset(&text);
    while (text.size > 0 && text.data[text.size - 1] == '\n')
        text.data[--text.size] = '\0';
    const char *line = text.data ? strrchr(text.data, '\n') : NULL;
    line = line ? line + 1 : text.data;
    (void)error_set(err, ERROR_IO, "%s: %s", doing,
                    line && *line ? line : "it failed without a word");
    buffer_clear(&text);
    free(bundle);
}

/* The running child's end. */
static void on_child(struct process *process, int status, const struct buffer *output, void *arg);

/* Starts a child whose words go to the bundle's runtime.log: not to a pipe, which a container would
 * hold. */
static int start_child(struct machine *machine, enum child_kind kind, const cJSON *command,
                       struct error *err)
{
    const char *argv[ARGS_MAX] = { 0 };
    const cJSON *word = NULL;
    size_t count = 0;
    cJSON_ArrayForEach(word, command)
    {
        if (count + 1 < COUNT(argv))
            argv[count++] = word->valuestring;
    }
    char *path = file_join(machine->folder, "bundle/runtime.log");
    int output =
        path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    const struct process_options options = {
        .argv = argv, .stdin_fd = -1, .output_fd = output, .new_session = true
    };
    int rc = count > 0 ? process_start(machine->oci->loop, &options, on_child, machine,
                                       &machine->child, err)
                       : error_set(err, ERROR_NO_MEMORY, "no memory for a command");
    if (rc == 0)
        machine->child_kind = kind;
    if (output >= 0)
        (void)close(output);
    free(path);
    return rc;
}

static char *container_name(const char *id)
{
    return text_format("moonfleet-%s", id);
}

/* `runtime --root ROOT <words...>` */
static int start_runtime(struct machine *machine, enum child_kind kind, const char *const *words,
                         size_t count, struct error *err)
{
    cJSON *command = oci_host_command(machine->oci->host, machine->oci->root);
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString(words[i] ? words[i] : ""));
    int rc = start_child(machine, kind, command, err);
    cJSON_Delete(command);
    return rc;
}

/* Does the runtime still know a container of that name? */
static bool has_remains(const struct machine *machine)
{
    char *path = text_format("%s/moonfleet-%s", machine->oci->root, machine->id);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

static int clean(struct machine *machine, struct error *err)
{
    char *name = container_name(machine->id);
    const char *const words[] = { "delete", "-f", name };
    int rc = start_runtime(machine, CHILD_CLEAN, words, COUNT(words), err);
    free(name);
    return rc;
}

static int run_container(struct machine *machine, struct error *err)
{
    char *name = container_name(machine->id);
    char *bundle = file_join(machine->folder, "bundle");
    char *pid = file_join(machine->folder, "bundle/pid");
    char *known = file_join(machine->folder, "machine.json");
    const char *const words[] = { "run", "--detach", "--bundle", bundle, "--pid-file", pid, name };
    if (pid && known) {
        (void)unlink(pid);
        (void)unlink(known);
    }
    int rc = start_runtime(machine, CHILD_RUN, words, COUNT(words), err);
    free(known);
    free(pid);
    free(bundle);
    free(name);
    return rc;
}

/* Our own program as a child: `__init <words...>` */
static int start_own(struct machine *machine, enum child_kind kind, const char *const *words,
                     size_t count, struct error *err)
{
    cJSON *command = cJSON_CreateArray();
    (void)cJSON_AddItemToArray(command, cJSON_CreateString(machine->oci->program));
    (void)cJSON_AddItemToArray(command, cJSON_CreateString("__init"));
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString(words[i] ? words[i] : ""));
    int rc = start_child(machine, kind, command, err);
    cJSON_Delete(command);
    return rc;
}

/* ---- up ---- */

/* The top-level folder that holds the driver's own folder and needs the layer in each upper; or
 * NULL. */
static const char *inner_top(const struct oci *oci)
{
    for (const char *const *top = oci_view_tops; *top; top++) {
        if (oci_view_shown(*top) && oci_bundle_layered(oci->host, *top) &&
            oci_bundle_inside(&oci->bundle, *top))
            return *top;
    }
    return NULL;
}

static int start_layer(struct machine *machine, const char *top, struct error *err)
{
    struct oci *oci = machine->oci;
    char *upper = file_join(machine->folder, "upper");
    const char *const words[] = { "--base", upper, oci->host->rootless ? "1" : "0",
                                  oci->mask_folder ? oci->mask_folder : "", top };
    int rc = start_own(machine, CHILD_LAYER, words, COUNT(words), err);
    free(upper);
    return rc;
}

static bool has_layer(const struct machine *machine)
{
    char *path = file_join(machine->folder, "layered");
    bool there = path && file_exists(path);
    free(path);
    return there;
}

/* The next step of a create or start whose bundle is written. */
static void launch(struct machine *machine)
{
    struct oci *oci = machine->oci;
    struct error err = { 0 };
    const char *top = inner_top(oci);
    int rc = 0;
    if (!oci->base_ready && !oci->base_failed) {
        machine->waits_for_base = true;
        return;
    }
    machine->waits_for_base = false;
    if (oci->base_failed)
        rc = error_set(&err, ERROR_UNAVAILABLE, "the view of this machine could not be made");
    else if (has_remains(machine))
        rc = clean(machine, &err);
    else if (top && !has_layer(machine))
        rc = start_layer(machine, top, &err);
    else
        rc = run_container(machine, &err);
    if (rc < 0)
        finish(machine, rc, &err);
}

static void on_launch(void *arg)
{
    struct machine *machine = arg;
    if (!machine->child) /* else its end goes on from here */
        launch(machine);
}

/* `run --detach` has ended. */
static void after_run(struct machine *machine, bool good)
{
    struct error err = { 0 };
    pid_t pid = good ? read_pid(machine) : 0;
    int rc = 0;
    if (pid == 0) {
        last_words(machine, &err, "starting the container");
        rc = ERROR_IO;
    } else {
        rc = watch_process(machine, pid, &err);
    }
    if (rc == 0)
        remember(machine);
    if (machine->call.kind == CALL_STOP || machine->call.kind == CALL_REMOVE)
        go_down(machine);
    else if (rc < 0)
        finish(machine, rc, &err);
    else
        follow(machine);
}

/* A container that already runs: the call goes on where its process 1 is. */
static void adopt(struct machine *machine)
{
    struct error err = { 0 };
    cJSON *tree = NULL;
    char *run = file_join(machine->folder, "run");
    if (oci_files_json(machine->folder, "machine.json", &tree, NULL) == 0 ||
        (run && oci_files_json(run, "spec.json", &tree, NULL) == 0))
        (void)text_copy(machine->token, sizeof machine->token, json_string(tree, "token", ""));
    cJSON_Delete(tree);
    free(run);
    remember(machine);
    if (start_notify(machine, &err) < 0)
        finish(machine, err.code, &err);
    else
        follow(machine);
}

static void on_adopt(void *arg)
{
    adopt(arg);
}

static int begin(struct oci *oci, enum call_kind kind, const char *id,
                 const struct driver_callbacks *callbacks, struct machine **out)
{
    struct machine *machine = NULL;
    int rc = get_machine(oci, id, &machine, NULL);
    if (rc < 0 || !machine)
        return rc;
    bool down = kind == CALL_STOP || kind == CALL_REMOVE;
    if (machine->call.kind == kind || (!down && machine->call.kind != CALL_NONE) ||
        machine->call.kind == CALL_REMOVE)
        return ERROR_CONFLICT;
    cancel_call(machine);
    machine->call = (struct call) { .kind = kind, .callbacks = *callbacks, .told = -1 };
    memset(&machine->error, 0, sizeof machine->error);
    *out = machine;
    return 0;
}

/* Goes on from the loop; a call that cannot is none. */
static int post(struct machine *machine, loop_fn *fn)
{
    int rc = loop_post(machine->oci->loop, fn, machine);
    if (rc < 0)
        machine->call = (struct call) { .kind = CALL_NONE };
    return rc;
}

static int bring_up(struct driver *driver, enum call_kind kind,
                    const struct driver_instance *instance,
                    const struct driver_callbacks *callbacks)
{
    struct oci *oci = oci_of(driver);
    struct machine *machine = NULL;
    if (!instance->log_folder)
        return ERROR_INVALID; /* a plane in memory has no folder for what containers say */
    int rc = begin(oci, kind, instance->id, callbacks, &machine);
    if (rc < 0 || !machine)
        return rc;
    free(machine->log_folder);
    machine->log_folder = strdup(instance->log_folder);
    pid_t pid = find_process(machine);
    if (pid > 0 && watch_process(machine, pid, &machine->error) == 0)
        return post(machine, on_adopt);
    uuid_make(machine->token);
    rc = oci_bundle_prepare(&oci->bundle, instance, kind == CALL_CREATE, machine->token,
                            &machine->error);
    if (rc == 0)
        rc = start_notify(machine, &machine->error);
    if (rc == 0)
        return post(machine, on_launch);
    fail_later(machine);
    return 0;
}

static int oci_create(struct driver *driver, const struct driver_instance *instance,
                      const struct driver_callbacks *callbacks)
{
    return bring_up(driver, CALL_CREATE, instance, callbacks);
}

static int oci_start(struct driver *driver, const struct driver_instance *instance,
                     const struct driver_callbacks *callbacks)
{
    return bring_up(driver, CALL_START, instance, callbacks);
}

/* ---- down ---- */

/* Ends what runs, then cleans up, then goes on by what was asked. */
static void go_down(struct machine *machine)
{
    struct error err = { 0 };
    bool stop = machine->call.kind == CALL_STOP;
    if (machine->pid > 0) {
        signal_process(machine, stop ? SIGTERM : SIGKILL);
        if (loop_timer_set(machine->patience, stop ? STOP_PATIENCE_MS : 1000) < 0)
            signal_process(machine, SIGKILL);
        return; /* on_ended() goes on */
    }
    if (!has_remains(machine))
        after_clean(machine);
    else if (clean(machine, &err) < 0)
        finish(machine, err.code, &err);
}

static void on_go_down(void *arg)
{
    struct machine *machine = arg;
    if (!machine->child)
        go_down(machine);
}

static bool removal_begun(const struct machine *machine)
{
    char *path = text_format("%s/.remove-%s", machine->oci->folder, machine->id);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

static int remove_path(struct machine *machine, enum child_kind kind, const char *path,
                       struct error *err)
{
    const char *const words[] = { "--remove", path };
    return start_own(machine, kind, words, COUNT(words), err);
}

/* Nothing runs any more, and the runtime has forgotten it. */
static void after_clean(struct machine *machine)
{
    struct error err = { 0 };
    if (machine->call.kind == CALL_STOP)
        finish(machine, 0, NULL);
    else if (!file_exists(machine->folder) && !removal_begun(machine))
        finish_removal(machine); /* never made */
    else if (remove_path(machine, CHILD_REMOVE, machine->folder, &err) < 0)
        finish(machine, err.code, &err);
}

/* Files of mapped ids were left: a container in which they have owners removes them. */
static int remove_contained(struct machine *machine, struct error *err)
{
    char *path = NULL;
    char *name = text_format("moonfleet-remove-%s", machine->id);
    int rc = oci_bundle_removal(&machine->oci->bundle, machine->id, &path, err);
    char *bundle = path ? file_join(path, "bundle") : NULL;
    const char *const words[] = { "run", "--bundle", bundle, name };
    if (rc == 0)
        rc = start_runtime(machine, CHILD_CONTAINED, words, COUNT(words), err);
    free(bundle);
    free(path);
    free(name);
    return rc;
}

/* Our own removal ended: done, or on to stronger means. */
static void after_remove(struct machine *machine)
{
    struct error err = { 0 };
    int rc = 0;
    if (!file_exists(machine->folder) && !removal_begun(machine))
        finish_removal(machine);
    else if (!machine->oci->host->has_range || !machine->oci->host->rootless)
        rc = error_set(&err, ERROR_IO, "'%s' could not be removed", machine->folder);
    else
        rc = remove_contained(machine, &err);
    if (rc < 0)
        finish(machine, rc, &err);
}

static void after_contained(struct machine *machine)
{
    struct error err = { 0 };
    char *path = text_format("%s/.remove-%s", machine->oci->folder, machine->id);
    if (!path || remove_path(machine, CHILD_SWEEP, path, &err) < 0)
        finish(machine, ERROR_NO_MEMORY, &err);
    free(path);
}

static void after_sweep(struct machine *machine)
{
    struct error err = { 0 };
    /* Starting that last child may have made the folder again, for its words. */
    if (removal_begun(machine))
        finish(machine, error_set(&err, ERROR_IO, "'%s' could not be removed", machine->folder),
               &err);
    else
        finish_removal(machine);
}

static void on_child(struct process *process, int status, const struct buffer *output, void *arg)
{
    struct machine *machine = arg;
    struct error err = { 0 };
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool up = machine->call.kind == CALL_CREATE || machine->call.kind == CALL_START;
    (void)process, (void)output;
    machine->child = NULL;
    if (machine->call.kind == CALL_NONE)
        return;
    if (machine->child_kind == CHILD_RUN) {
        after_run(machine, good);
    } else if (machine->child_kind == CHILD_LAYER && up) {
        if (good)
            (void)oci_files_write(machine->folder, "layered", "", 0, 0600, NULL);
        else
            last_words(machine, &err, "hiding what is the machine's own");
        if (good)
            launch(machine);
        else
            finish(machine, ERROR_IO, &err);
    } else if (machine->child_kind == CHILD_CLEAN && !good && has_remains(machine)) {
        last_words(machine, &err, "cleaning up after the container");
        finish(machine, ERROR_IO, &err);
    } else if (up) {
        launch(machine);
    } else if (machine->child_kind == CHILD_CLEAN) {
        after_clean(machine);
    } else if (machine->child_kind == CHILD_REMOVE) {
        after_remove(machine);
    } else if (machine->child_kind == CHILD_CONTAINED) {
        after_contained(machine);
    } else if (machine->child_kind == CHILD_SWEEP) {
        after_sweep(machine);
    } else {
        go_down(machine);
    }
}

/* A script was running when the machine ended: nobody inside can write the end of its log any more.
 */
static void close_log(const struct machine *machine)
{
    cJSON *status = NULL;
    cJSON *about = NULL;
    char now[TIME_TEXT_SIZE];
    char *run = file_join(machine->folder, "run");
    if (!run || !machine->log_folder || oci_files_json(run, "status.json", &status, NULL) < 0) {
        free(run);
        return;
    }
    const char *log = json_string(status, "log", "");
    size_t size = strlen(log);
    char *name =
        size > 4 && !strchr(log, '/') ? text_format("%.*s.json", (int)size - 4, log) : NULL;
    if (name && oci_files_json(machine->log_folder, name, &about, NULL) == 0 &&
        !json_at(about, "endTime")) {
        time_format(clock_unix_ms(clock_real()), now);
        (void)json_put_string(about, "endTime", now);
        (void)json_put(about, "exitStatus", cJSON_CreateNumber(128 + SIGKILL));
        (void)json_put(about, "timedOut", cJSON_CreateFalse());
        char *text = json_text(about);
        if (text)
            (void)oci_files_write(machine->log_folder, name, text, strlen(text), 0644, NULL);
        free(text);
    }
    free(name);
    cJSON_Delete(about);
    cJSON_Delete(status);
    free(run);
}

/* Process 1 has ended. */
static void on_ended(void *arg)
{
    struct machine *machine = arg;
    struct driver *driver = &machine->oci->driver;
    struct error err = { 0 };
    process_watch_free(machine->watch);
    machine->watch = NULL;
    machine->pid = 0;
    follow(machine); /* what it said last counts */
    close_log(machine);
    switch (machine->call.kind) {
    case CALL_CREATE:
    case CALL_START:
        finish(machine,
               error_set(&err, ERROR_IO, "the instance's machine ended while it was being set up"),
               &err);
        break;
    case CALL_STOP:
    case CALL_REMOVE:
        loop_timer_stop(machine->patience);
        if (!machine->child)
            go_down(machine);
        break;
    case CALL_NONE:
        log_line(machine->oci->log, LOG_WARN, "instance %s: its machine has ended by itself",
                 machine->id);
        if (driver->ended)
            driver->ended(machine->id, driver->ended_arg);
        break;
    }
}

static int bring_down(struct driver *driver, enum call_kind kind, const char *id,
                      const struct driver_callbacks *callbacks)
{
    struct oci *oci = oci_of(driver);
    struct machine *machine = NULL;
    int rc = begin(oci, kind, id, callbacks, &machine);
    if (rc < 0 || !machine)
        return rc;
    pid_t pid = find_process(machine);
    if (pid > 0 && watch_process(machine, pid, &machine->error) < 0) {
        fail_later(machine);
        return 0;
    }
    return post(machine, on_go_down);
}

static int oci_stop(struct driver *driver, const char *id, const struct driver_callbacks *callbacks)
{
    return bring_down(driver, CALL_STOP, id, callbacks);
}

static int oci_remove(struct driver *driver, const char *id,
                      const struct driver_callbacks *callbacks)
{
    return bring_down(driver, CALL_REMOVE, id, callbacks);
}

/* ---- questions ---- */

static int oci_running(struct driver *driver, const char *id, struct error *err)
{
    struct machine *machine = NULL;
    int rc = get_machine(oci_of(driver), id, &machine, err);
    if (rc < 0 || !machine)
        return rc;
    pid_t pid = find_process(machine);
    if (pid == 0)
        return 0;
    rc = watch_process(machine, pid, err); /* so that its end is told */
    return rc < 0 ? rc : 1;
}

static int oci_exec(struct driver *driver, const char *id, const cJSON *argv, bool terminal,
                    cJSON **out_argv, struct error *err)
{
    struct oci *oci = oci_of(driver);
    const cJSON *word = NULL;
    if (!oci_bundle_id_valid(id))
        return error_set(err, ERROR_INVALID, "'%s' is no instance", id);
    if (!cJSON_IsArray(argv) || cJSON_GetArraySize(argv) == 0)
        return error_set(err, ERROR_INVALID, "a command is needed");
    int running = oci_running(driver, id, err);
    if (running <= 0)
        return running < 0 ? running
                           : error_set(err, ERROR_CONFLICT, "the instance is not running");
    char *name = container_name(id);
    cJSON *command = oci_host_command(oci->host, oci->root);
    const char *const words[] = { "exec",
                                  "--cwd",
                                  "/root",
                                  terminal ? "--tty" : NULL,
                                  terminal ? "--env" : NULL,
                                  terminal ? "TERM=xterm-256color" : NULL,
                                  name };
    for (size_t i = 0; i < COUNT(words); i++) {
        if (words[i])
            (void)cJSON_AddItemToArray(command, cJSON_CreateString(words[i]));
    }
    cJSON_ArrayForEach(word, argv)
    {
        if (cJSON_IsString(word))
            (void)cJSON_AddItemToArray(command, cJSON_Duplicate(word, false));
    }
    free(name);
    *out_argv = command;
    return 0;
}

/* ---- making and freeing ---- */

static void oci_free(struct driver *driver)
{
    struct oci *oci = oci_of(driver);
    struct machine *machine = NULL;
    if (!oci)
        return;
    while ((machine = oci->machines)) {
        /* The analyzer doesn't see that the head moves on. */
        HASH_DELETE(hh, oci->machines, machine); /* NOLINT(clang-analyzer-unix.Malloc) */
        free_machine(machine);
    }
    if (oci->base_child)
        process_kill(oci->base_child, SIGTERM); /* the next driver makes it whole */
    process_abandon(oci->base_child);
    loop_watch_free(oci->inotify_watch);
    if (oci->inotify >= 0)
        (void)close(oci->inotify);
    free(oci->folder);
    free(oci->mask_folder);
    free(oci->program);
    free(oci->root);
    free(oci->base);
    free(oci);
}

static void on_base(struct process *process, int status, const struct buffer *output, void *arg)
{
    struct oci *oci = arg;
    struct machine *machine = NULL;
    struct machine *next = NULL;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    (void)process;
    oci->base_child = NULL;
    if (good)
        (void)oci_files_write(oci->base, "complete", "", 0, 0600, NULL);
    else
        log_line(oci->log, oci->base_ready ? LOG_WARN : LOG_ERROR,
                 "making the view of this machine failed: %s",
                 output->data ? output->data : "without a word");
    oci->base_ready = oci->base_ready || good;
    oci->base_failed = !oci->base_ready;
    HASH_ITER(hh, oci->machines, machine, next)
    {
        if (machine->waits_for_base)
            launch(machine);
    }
}

/* Is the layer good enough as it is?  As root it hides files, so it is always brought up to date;
 * for an ordinary user that only makes new folders writable, and a walk over all of /usr is dear.
 */
static bool base_is_fresh(const struct oci *oci, const char *marker)
{
    struct stat st;
    return oci->host->rootless && marker && stat(marker, &st) == 0 &&
           clock_unix_ms(clock_real()) / 1000 - st.st_mtime < BASE_FRESH_S;
}

/* Makes or refreshes the shared layer in a child.  For an ordinary user one from an earlier time serves
 * meanwhile; as root nothing starts before everything private is hidden. */
static int start_base(struct oci *oci, struct error *err)
{
    char *marker = file_join(oci->base, "complete");
    const char *argv[ARGS_MAX] = { oci->program,
                                   "__init",
                                   "--base",
                                   oci->base,
                                   oci->host->rootless ? "1" : "0",
                                   oci->mask_folder ? oci->mask_folder : "" };
    size_t count = 6;
    for (const char *const *top = oci_view_tops; *top; top++) {
        if (oci_view_shown(*top) && oci_bundle_layered(oci->host, *top) &&
            !oci_bundle_inside(&oci->bundle, *top))
            argv[count++] = *top;
    }
    const struct process_options options = {
        .argv = argv, .stdin_fd = -1, .output_fd = -1, .capture = true, .new_session = true
    };
    oci->base_ready = oci->host->rootless && marker && file_exists(marker);
    bool fresh = base_is_fresh(oci, marker);
    free(marker);
    if (fresh)
        return 0;
    int rc = file_make_dirs(oci->base, 0755, err);
    return rc < 0 ? rc : process_start(oci->loop, &options, on_base, oci, &oci->base_child, err);
}

static char *resolved(const char *path)
{
    char *real = realpath(path, NULL);
    return real ? real : strdup(path);
}

static int set_paths(struct oci *oci, const struct oci_options *options, struct error *err)
{
    int rc = file_make_dirs(options->folder, 0700, err);
    if (rc < 0)
        return rc;
    oci->folder = resolved(options->folder);
    oci->program = resolved(options->program);
    oci->mask_folder = options->mask_folder ? resolved(options->mask_folder) : NULL;
    oci->root = oci->folder ? file_join(oci->folder, ".runtime") : NULL;
    oci->base = oci->folder ? file_join(oci->folder, ".base") : NULL;
    if (!oci->program || !oci->root || !oci->base || (options->mask_folder && !oci->mask_folder))
        return error_set(err, ERROR_NO_MEMORY, "no memory for the oci driver");
    if (oci_view_holds("etc", oci->folder))
        return error_set(err, ERROR_INVALID, "instances cannot be kept in /etc ('%s')",
                         oci->folder);
    oci->bundle = (struct oci_bundle) { .host = oci->host,
                                        .folder = oci->folder,
                                        .mask_folder = oci->mask_folder,
                                        .program = oci->program };
    return file_make_dirs(oci->root, 0700, err);
}

static int start_inotify(struct oci *oci, struct error *err)
{
    oci->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (oci->inotify < 0)
        return error_system(err, errno, "watching instances");
    int rc = loop_watch_new(oci->loop, oci->inotify, false, on_inotify, oci, &oci->inotify_watch);
    return rc < 0 ? error_set(err, rc, "cannot watch instances") : 0;
}

int driver_oci_new(struct loop *loop, const struct oci_options *options, struct driver **out,
                   struct error *err)
{
    static const struct driver_ops ops = {
        .name = "oci",
        .create = oci_create,
        .start = oci_start,
        .stop = oci_stop,
        .remove = oci_remove,
        .running = oci_running,
        .exec = oci_exec,
        .free = oci_free,
    };
    struct oci *oci = calloc(1, sizeof *oci);
    if (!oci)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the oci driver");
    oci->driver.ops = &ops;
    oci->loop = loop;
    oci->inotify = -1;
    if (options->log) {
        oci->log_value = *options->log;
        oci->log = &oci->log_value;
    }
    int rc = oci_host_find(options, &oci->host, NULL, err);
    if (rc == 0)
        rc = set_paths(oci, options, err);
    if (rc == 0)
        rc = start_inotify(oci, err);
    if (rc == 0)
        rc = start_base(oci, err);
    if (rc < 0) {
        oci_free(&oci->driver);
        return rc;
    }
    log_line(oci->log, LOG_INFO, "oci driver: %s, %s%s", oci->host->runtime,
             oci->host->rootless ? "without root" : "as root",
             oci->host->limits == OCI_LIMITS_NONE ? ", memory and CPU of instances are not limited"
                                                  : "");
    *out = &oci->driver;
    return 0;
}

int driver_oci_probe(const struct oci_options *options, cJSON **out_rows, struct error *err)
{
    return oci_host_find(options, NULL, out_rows, err);
}
