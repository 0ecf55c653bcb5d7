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
#include "plane/drivers/oci_private.h"

#include <errno.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "plane/drivers/oci_files.h"
#include "plane/drivers/oci_view.h"

#define TAIL_MAX ((size_t)1200) /* bytes of a log that an error carries */
#define TOPS_MAX 40
#define BASE_FRESH_S 3600

/* The end of a call, on its way out of the loop. */
struct ending {
    struct driver_callbacks callbacks;
    int rc;
    struct error error;
};

static void free_machine(struct machine *machine);
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
void oci_finish(struct machine *machine, int rc, const struct error *err)
{
    struct call call = machine->call;
    machine->call = (struct call) { .kind = CALL_NONE };
    stop_notify(machine);
    loop_timer_stop(machine->patience);
    oci_queue_leave(machine);
    oci_cache_over(machine, rc < 0);
    if (call.kind != CALL_NONE && call.callbacks.done)
        call.callbacks.done(rc, err, call.callbacks.arg);
}

static void on_failed_early(void *arg)
{
    struct machine *machine = arg;
    struct error err = machine->error;
    if (machine->call.kind != CALL_NONE)
        oci_finish(machine, err.code, &err);
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

void oci_finish_removal(struct machine *machine)
{
    oci_finish(machine, 0, NULL);
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
    oci_queue_leave(machine);
    oci_cache_over(machine, false);
    loop_unpost(machine->oci->loop, machine);
    struct ending *ending = call.kind != CALL_NONE ? calloc(1, sizeof *ending) : NULL;
    if (!ending)
        return;
    ending->callbacks = call.callbacks;
    ending->rc = error_set(&ending->error, ERROR_CANCELLED, "the instance is stopped or removed");
    if (loop_post(machine->oci->loop, on_ending, ending) < 0)
        free(ending);
}

/* ---- machines ---- */

static int oci_watch(struct machine *machine, pid_t pid, struct error *err)
{
    if (machine->watch && machine->pid == pid)
        return 0;
    process_watch_free(machine->watch);
    machine->watch = NULL;
    int rc = process_watch_new(machine->oci->loop, pid, on_ended, machine, &machine->watch, err);
    machine->pid = rc == 0 ? pid : 0;
    return rc;
}

static void free_machine(struct machine *machine)
{
    if (!machine)
        return;
    loop_unpost(machine->oci->loop, machine);
    stop_notify(machine);
    oci_cache_forget(machine);
    oci_queue_clear(machine);
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
        oci_process_signal(machine, SIGKILL);
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
    if (rc == 0)
        rc = oci_queue_init(machine);
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
        oci_files_tail(machine->log_folder, log, TAIL_MAX, &tail, NULL) == 0 && tail.size > 0)
        buffer_format(&text, "; the last lines of %s:\n%s", log, tail.data);
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
        oci_finish(machine, 0, NULL);
    } else if (text_equal(state, "failed")) {
        struct error err = { 0 };
        script_error(machine, status, &err);
        oci_finish(machine, ERROR_REMOTE, &err);
    }
    cJSON_Delete(status);
    free(run);
}

int oci_start_notify(struct machine *machine, struct error *err)
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

/* ---- up ---- */

static int run_container(struct machine *machine, struct error *err)
{
    char *name = oci_child_name(machine->id);
    char *bundle = file_join(machine->folder, "bundle");
    char *pid = file_join(machine->folder, "bundle/pid");
    char *known = file_join(machine->folder, "machine.json");
    const char *const words[] = { "run", "--detach", "--bundle", bundle, "--pid-file", pid, name };
    if (pid && known) {
        (void)unlink(pid);
        (void)unlink(known);
    }
    int rc = oci_child_runtime(machine, CHILD_RUN, words, COUNT(words), err);
    free(known);
    free(pid);
    free(bundle);
    free(name);
    return rc;
}

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
    int rc = oci_child_own(machine, CHILD_LAYER, words, COUNT(words), err);
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

void oci_launch(struct machine *machine)
{
    struct oci *oci = machine->oci;
    struct error err = { 0 };
    const char *top = inner_top(oci);
    int rc = 0;
    if (machine->wish && !machine->wish->decided) {
        if (!machine->wish->waits)
            oci_cache_step(machine); /* it comes back here */
        return;
    }
    if (!oci->base_ready && !oci->base_failed) {
        machine->waits_for_base = true;
        return;
    }
    machine->waits_for_base = false;
    if (!oci->base_failed && !oci_queue_enter(machine))
        return;
    if (oci->base_failed)
        rc = error_set(&err, ERROR_UNAVAILABLE, "the view of this machine could not be made");
    else if (oci_child_remains(machine))
        rc = oci_child_clean(machine, &err);
    else if (machine->wish && machine->wish->seals) {
        oci_cache_seal(machine);
        return;
    } else if (top && !has_layer(machine))
        rc = start_layer(machine, top, &err);
    else
        rc = run_container(machine, &err);
    if (rc < 0)
        oci_finish(machine, rc, &err);
}

static void on_launch(void *arg)
{
    struct machine *machine = arg;
    if (!machine->child) /* else its end goes on from here */
        oci_launch(machine);
}

/* `run --detach` has ended. */
static void after_run(struct machine *machine, bool good)
{
    struct error err = { 0 };
    pid_t pid = good ? oci_process_read(machine) : 0;
    int rc = 0;
    if (pid == 0) {
        oci_child_last_words(machine, &err, "starting the container");
        rc = ERROR_IO;
    } else {
        rc = oci_watch(machine, pid, &err);
    }
    if (rc == 0)
        oci_process_remember(machine);
    if (machine->call.kind == CALL_STOP || machine->call.kind == CALL_REMOVE)
        oci_down_step(machine);
    else if (rc < 0)
        oci_finish(machine, rc, &err);
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
    oci_process_remember(machine);
    oci_queue_jump(machine);
    if (oci_start_notify(machine, &err) < 0)
        oci_finish(machine, err.code, &err);
    else
        follow(machine);
}

static void on_adopt(void *arg)
{
    adopt(arg);
}

int oci_begin(struct oci *oci, enum call_kind kind, const char *id,
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
    machine->had_place = false;
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
    int rc = oci_begin(oci, kind, instance->id, callbacks, &machine);
    if (rc < 0 || !machine)
        return rc;
    free(machine->log_folder);
    machine->log_folder = strdup(instance->log_folder);
    pid_t pid = oci_process_find(machine);
    bool shared = kind == CALL_CREATE && instance->cached && instance->creation.text &&
                  oci_layer_possible(oci->folder);
    if (shared && oci_cache_wish(machine, instance, &machine->error) < 0) {
        fail_later(machine);
        return 0;
    }
    if (pid > 0 && oci_watch(machine, pid, &machine->error) == 0) {
        oci_cache_adopted(machine);
        return post(machine, on_adopt);
    }
    uuid_make(machine->token);
    if (shared)
        return post(machine, on_launch);
    rc = oci_bundle_prepare(&oci->bundle, instance,
                            kind == CALL_CREATE ? OCI_BUNDLE_CREATE : OCI_BUNDLE_START,
                            machine->token, &machine->error);
    if (rc == 0)
        rc = oci_start_notify(machine, &machine->error);
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

void oci_on_child(struct process *process, int status, const struct buffer *output, void *arg)
{
    struct machine *machine = arg;
    struct error err = { 0 };
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool up = machine->call.kind == CALL_CREATE || machine->call.kind == CALL_START;
    (void)process, (void)output;
    machine->child = NULL;
    if (machine->call.kind == CALL_NONE)
        return;
    if (machine->child_kind == CHILD_SEAL && machine->call.kind == CALL_CREATE && machine->wish) {
        oci_cache_sealed(machine, good);
    } else if (machine->child_kind == CHILD_SCAN && machine->call.kind == CALL_SCAN) {
        oci_look_ended(machine, good);
    } else if (machine->child_kind == CHILD_RUN) {
        after_run(machine, good);
    } else if (machine->child_kind == CHILD_LAYER && up) {
        if (good)
            (void)oci_files_write(machine->folder, "layered", "", 0, 0600, NULL);
        else
            oci_child_last_words(machine, &err, "hiding what is the machine's own");
        if (good)
            oci_launch(machine);
        else
            oci_finish(machine, ERROR_IO, &err);
    } else if (machine->child_kind == CHILD_CLEAN && !good && oci_child_remains(machine)) {
        oci_child_last_words(machine, &err, "cleaning up after the container");
        oci_finish(machine, ERROR_IO, &err);
    } else if (up) {
        oci_launch(machine);
    } else if (machine->child_kind == CHILD_CLEAN) {
        oci_down_cleaned(machine);
    } else if (machine->child_kind == CHILD_REMOVE) {
        oci_down_removed(machine);
    } else if (machine->child_kind == CHILD_CONTAINED) {
        oci_down_contained(machine);
    } else if (machine->child_kind == CHILD_SWEEP) {
        oci_down_swept(machine);
    } else {
        oci_down_step(machine);
    }
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
    oci_down_close_log(machine);
    switch (machine->call.kind) {
    case CALL_CREATE:
    case CALL_START:
        if (oci_cache_built(machine)) { /* its end was meant */
            machine->wish->seals = true;
            oci_launch(machine);
            break;
        }
        oci_finish(
            machine,
            error_set(&err, ERROR_IO, "the instance's machine ended while it was being set up"),
            &err);
        break;
    case CALL_STOP:
    case CALL_REMOVE:
        loop_timer_stop(machine->patience);
        if (!machine->child)
            oci_down_step(machine);
        break;
    case CALL_SCAN:
        break; /* it goes on */
    case CALL_NONE:
        log_line(machine->oci->log, LOG_WARN, "instance %s: its machine has ended by itself",
                 machine->id);
        if (driver->ended)
            driver->ended(machine->id, driver->ended_arg);
        break;
    }
}

static void on_go_down(void *arg)
{
    struct machine *machine = arg;
    if (!machine->child)
        oci_down_step(machine);
}

static int bring_down(struct driver *driver, enum call_kind kind, const char *id,
                      const struct driver_callbacks *callbacks)
{
    struct oci *oci = oci_of(driver);
    struct machine *machine = NULL;
    int rc = oci_begin(oci, kind, id, callbacks, &machine);
    if (rc < 0 || !machine)
        return rc;
    pid_t pid = oci_process_find(machine);
    if (pid > 0 && oci_watch(machine, pid, &machine->error) < 0) {
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
    pid_t pid = oci_process_find(machine);
    if (pid == 0)
        return 0;
    rc = oci_watch(machine, pid, err); /* so that its end is told */
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
    char *name = oci_child_name(id);
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
    loop_unpost(oci->loop, oci);
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
            oci_launch(machine);
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

bool oci_is_based(const struct oci *oci, const char *top)
{
    return oci_view_shown(top) && oci_bundle_layered(oci->host, top) &&
           !oci_bundle_inside(&oci->bundle, top);
}

/* Makes or refreshes the shared layer in a child.  For an ordinary user one from an earlier time serves
 * meanwhile; as root nothing starts before everything private is hidden. */
static int start_base(struct oci *oci, struct error *err)
{
    char *marker = file_join(oci->base, "complete");
    const char *argv[TOPS_MAX] = { oci->program,
                                   "__init",
                                   "--base",
                                   oci->base,
                                   oci->host->rootless ? "1" : "0",
                                   oci->mask_folder ? oci->mask_folder : "" };
    size_t count = 6;
    for (const char *const *top = oci_view_tops; *top; top++) {
        if (oci_is_based(oci, *top))
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
        oci->places =
            options->places > 0 ? options->places : oci->host->cores * OCI_PLACES_PER_CORE;
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
    oci_cache_resume(oci);
    *out = &oci->driver;
    return 0;
}

int driver_oci_probe(const struct oci_options *options, cJSON **out_rows, struct error *err)
{
    return oci_host_find(options, NULL, out_rows, err);
}
