/* task.h - tasks: coroutines that wait in the loop.  What waits looks like a plain call to a script.
 *
 * A function that has to wait starts something, parks its task with how to cancel it, and yields
 * with a continuation; the loop's callback wakes the task with an outcome, and the task goes on from
 * the loop, never from inside the callback.  Nobody else calls lua_resume. */
#ifndef SCRIPT_TASK_H
#define SCRIPT_TASK_H

#include <lua.h>

#include "base/error.h"
#include "net/loop.h"

#define TASKS_MAX 10000 /* of one scheduler at once */

struct scheduler;
struct task;

/* One for a Lua state.  `loop` is borrowed.  ERROR_NO_MEMORY. */
int scheduler_new(lua_State *L, struct loop *loop, struct scheduler **out, struct error *err);
/* Before lua_close().  Tasks that wait are cancelled and never go on; none is told to have ended.
 * NULL is fine. */
void scheduler_free(struct scheduler *scheduler);
/* That of this state; NULL: it has none (any more). [-0, +0, -] */
struct scheduler *scheduler_of(lua_State *L);

/* The end of a task, from the loop, once.  `rc` 0, or an error with the file and line of the
 * innermost code of a script (ERROR_LIMIT when memory did not suffice, else ERROR_INVALID) and a
 * traceback as its details. */
typedef void task_ended_fn(int rc, const struct error *err, void *arg);

/* A task that calls the function under its `argument_count` arguments on top of L; it begins in the
 * loop's next turn and lives in the registry until it ends.  ERROR_NO_MEMORY; ERROR_LIMIT beyond
 * TASKS_MAX.  [-(1 + argument_count), +0, -] */
int task_start(struct scheduler *scheduler, lua_State *L, int argument_count, task_ended_fn *ended,
               void *arg, struct error *err);

/* The task that runs L.  Raises where it cannot wait: in a coroutine of the script's own, or below a
 * C function that calls back (table.sort, string.gsub). [-0, +0, e] */
struct task *task_self(lua_State *L);

/* The task is about to yield until task_wake().  `cancel` ends what it waits for, and wakes it. */
void task_park(struct task *task, void (*cancel)(void *arg), void *arg);
/* From the loop's callback, once: the task goes on later, with this outcome. */
void task_wake(struct task *task, int outcome);
/* In the continuation: what task_wake() said. */
int task_outcome(lua_State *L);

#endif
