/* simulated.c - a driver that keeps states only: for tests, rehearsals and benches.
 *
 * Calls without a duration end in the next turn, all of them from one post; the others by a timer
 * each.  It remembers nothing across a restart of the plane: an instance that it was never told to
 * stop is running. */
#include <fnmatch.h>
#include <uthash.h>
#include <utlist.h>

#include "base/text.h"
#include "plane/driver.h"

#define ID_SIZE 40
#define EXIT_STATUS 3 /* of a creation script that is asked to fail */

enum work { WORK_CREATE, WORK_START, WORK_STOP, WORK_REMOVE };

/* One call in flight. */
struct task {
    struct simulated *driver;
    enum work work;
    char id[ID_SIZE];
    bool has_creation, has_startup, fails;
    struct driver_callbacks callbacks;
    struct loop_timer *timer; /* NULL: in `soon` */
    struct task *prev, *next; /* in `soon` or `waiting` */
};

/* An instance that is not running. */
struct down {
    char id[ID_SIZE];
    UT_hash_handle hh;
};

struct simulated {
    struct driver base;
    struct loop *loop;
    struct simulated_options options;
    char *fail_creation;
    struct task *soon;    /* end in the next turn, in order */
    struct task *waiting; /* by their timers */
    bool posted;
    struct down *down;
};

static void set_down(struct simulated *driver, const char *id, bool is_down)
{
    struct down *down = NULL;
    HASH_FIND_STR(driver->down, id, down);
    if (is_down && !down) {
        down = calloc(1, sizeof *down);
        if (!down)
            return;
        text_copy(down->id, sizeof down->id, id);
        HASH_ADD_STR(driver->down, id, down);
    } else if (!is_down && down) {
        HASH_DEL(driver->down, down);
        free(down);
    }
}

/* ---- ends ---- */

static void tell_phases(const struct task *task)
{
    if (task->work != WORK_CREATE && task->work != WORK_START)
        return;
    task->callbacks.phase(DRIVER_SETTING_UP, task->callbacks.arg);
    if ((task->work == WORK_CREATE && task->has_creation) || task->has_startup)
        task->callbacks.phase(DRIVER_USER_SETTING_UP, task->callbacks.arg);
}

static void finish(struct task *task)
{
    struct simulated *driver = task->driver;
    struct error err = { 0 };
    if (task->work == WORK_STOP)
        set_down(driver, task->id, true);
    else
        set_down(driver, task->id, false);
    if (task->fails) {
        error_set(&err, ERROR_REMOTE, "The creation script ended with exit status %d.",
                  EXIT_STATUS);
        text_copy(err.name, sizeof err.name, "SetupScriptFailed");
    }
    task->callbacks.done(err.code, task->fails ? &err : NULL, task->callbacks.arg);
    loop_timer_free(task->timer);
    free(task);
}

static void on_soon(void *arg)
{
    struct simulated *driver = arg;
    struct task *tasks = driver->soon;
    driver->soon = NULL;
    driver->posted = false;
    while (tasks) {
        struct task *task = tasks;
        DL_DELETE(tasks, task);
        tell_phases(task);
        finish(task);
    }
}

static void on_timer(void *arg)
{
    struct task *task = arg;
    DL_DELETE(task->driver->waiting, task);
    finish(task);
}

/* With a duration the phases are told in the turn after the call, and seen for that long. */
static void on_phases(void *arg)
{
    tell_phases(arg);
}

/* ---- calls ---- */

static int arm(struct task *task, int64_t duration_ms)
{
    struct simulated *driver = task->driver;
    int rc = loop_timer_new(driver->loop, on_timer, task, &task->timer);
    if (rc == 0)
        rc = loop_timer_set(task->timer, duration_ms);
    if (rc == 0)
        rc = loop_post(driver->loop, on_phases, task);
    if (rc == 0)
        DL_APPEND(driver->waiting, task);
    return rc;
}

static int begin(struct driver *base, enum work work, const char *id,
                 const struct driver_instance *instance, int64_t duration_ms,
                 const struct driver_callbacks *callbacks)
{
    struct simulated *driver = (struct simulated *)base;
    struct task *task = calloc(1, sizeof *task);
    int rc = task ? 0 : ERROR_NO_MEMORY;
    if (rc < 0)
        return rc;
    task->driver = driver;
    task->work = work;
    task->callbacks = *callbacks;
    text_copy(task->id, sizeof task->id, id);
    if (instance) {
        task->has_creation = instance->creation.text;
        task->has_startup = instance->startup.text;
        task->fails = work == WORK_CREATE && driver->fail_creation &&
                      fnmatch(driver->fail_creation, instance->name, 0) == 0;
        task->has_creation = task->has_creation || task->fails;
    }
    if (duration_ms > 0) {
        rc = arm(task, duration_ms);
    } else if (!driver->posted) {
        rc = loop_post(driver->loop, on_soon, driver);
        driver->posted = rc == 0;
    }
    if (rc < 0) {
        loop_timer_free(task->timer);
        free(task);
        return rc;
    }
    if (duration_ms <= 0)
        DL_APPEND(driver->soon, task);
    return 0;
}

static int simulated_create(struct driver *base, const struct driver_instance *instance,
                            const struct driver_callbacks *callbacks)
{
    const struct simulated *driver = (const struct simulated *)base;
    return begin(base, WORK_CREATE, instance->id, instance, driver->options.create_ms, callbacks);
}

static int simulated_start(struct driver *base, const struct driver_instance *instance,
                           const struct driver_callbacks *callbacks)
{
    const struct simulated *driver = (const struct simulated *)base;
    return begin(base, WORK_START, instance->id, instance, driver->options.start_ms, callbacks);
}

static int simulated_stop(struct driver *base, const char *id,
                          const struct driver_callbacks *callbacks)
{
    const struct simulated *driver = (const struct simulated *)base;
    return begin(base, WORK_STOP, id, NULL, driver->options.stop_ms, callbacks);
}

/* What is still in flight for the instance ends as cancelled first. */
static void cancel(struct simulated *driver, const char *id)
{
    struct task *task, *next;
    DL_FOREACH_SAFE(driver->waiting, task, next)
    {
        if (!text_equal(task->id, id))
            continue;
        loop_timer_free(task->timer);
        task->timer = NULL;
        loop_unpost(driver->loop, task);
        DL_DELETE(driver->waiting, task);
        (void)begin(&driver->base, task->work, id, NULL, 0,
                    &task->callbacks); /* its `done`, from the loop */
        free(task);
    }
}

static int simulated_remove(struct driver *base, const char *id,
                            const struct driver_callbacks *callbacks)
{
    struct simulated *driver = (struct simulated *)base;
    cancel(driver, id);
    return begin(base, WORK_REMOVE, id, NULL, driver->options.remove_ms, callbacks);
}

static int simulated_running(struct driver *base, const char *id, struct error *err)
{
    const struct simulated *driver = (const struct simulated *)base;
    struct down *down = NULL;
    (void)err;
    HASH_FIND_STR(driver->down, id, down);
    return down ? 0 : 1;
}

static int simulated_exec(struct driver *base, const char *id, const cJSON *argv, bool terminal,
                          cJSON **out_argv, struct error *err)
{
    (void)base, (void)id, (void)argv, (void)terminal, (void)out_argv;
    return error_set(err, ERROR_INVALID, "simulated instances run nothing");
}

static void free_tasks(struct loop *loop, struct task *tasks)
{
    struct task *task, *next;
    DL_FOREACH_SAFE(tasks, task, next)
    {
        loop_unpost(loop, task);
        loop_timer_free(task->timer);
        free(task);
    }
}

static void simulated_free(struct driver *base)
{
    struct simulated *driver = (struct simulated *)base;
    struct down *down = driver->down;
    struct down *next;
    loop_unpost(driver->loop, driver);
    free_tasks(driver->loop, driver->soon);
    free_tasks(driver->loop, driver->waiting);
    HASH_CLEAR(hh, driver->down);
    for (; down; down = next) {
        next = down->hh.next;
        free(down);
    }
    free(driver->fail_creation);
    free(driver);
}

static const struct driver_ops simulated_ops = {
    .name = "simulated",
    .create = simulated_create,
    .start = simulated_start,
    .stop = simulated_stop,
    .remove = simulated_remove,
    .running = simulated_running,
    .exec = simulated_exec,
    .free = simulated_free,
};

int driver_simulated_new(struct loop *loop, const struct simulated_options *options,
                         struct driver **out, struct error *err)
{
    struct simulated *driver = calloc(1, sizeof *driver);
    if (driver && options) {
        driver->options = *options;
        driver->fail_creation = options->fail_creation ? strdup(options->fail_creation) : NULL;
    }
    if (!driver || (options && options->fail_creation && !driver->fail_creation)) {
        free(driver);
        return error_set(err, ERROR_NO_MEMORY, "no memory for a driver");
    }
    driver->base.ops = &simulated_ops;
    driver->loop = loop;
    *out = &driver->base;
    return 0;
}
