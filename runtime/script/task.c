/* task.c - see task.h.
 *
 * The scheduler owns its tasks; the registry keeps their coroutines alive.  A task is in one of
 * three states: ready (its turn comes), running, parked (its cancel function is known). */
#include "script/task.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/text.h"
#include "script/lua_state.h"

static const char scheduler_key; /* its address: the scheduler's place in the registry */

enum state { READY, RUNNING, PARKED };

struct task {
    struct scheduler *scheduler;
    lua_State *co;
    int reference; /* of `co` in the registry */
    enum state state;
    struct loop_timer *turn; /* set: goes on in the loop's next turn */
    int argument_count;      /* of the first resume */
    int outcome;
    void (*cancel)(void *arg); /* PARKED */
    void *cancel_arg;
    task_ended_fn *ended;
    void *arg;
    struct task *prev, *next;
};

struct scheduler {
    lua_State *L;      /* borrowed: the main thread */
    struct loop *loop; /* borrowed */
    struct task *tasks;
    size_t count; /* of them */
    struct task *running;
};

/* ---- the scheduler ---- */

static int set_key(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &scheduler_key);
    return 0;
}

int scheduler_new(lua_State *L, struct loop *loop, struct scheduler **out, struct error *err)
{
    struct scheduler *scheduler = calloc(1, sizeof *scheduler);
    if (!scheduler)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    *scheduler = (struct scheduler) { .L = L, .loop = loop };
    lua_pushcfunction(L, set_key);
    lua_pushlightuserdata(L, scheduler);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        free(scheduler);
        return error_set(err, ERROR_NO_MEMORY, "no memory for tasks");
    }
    *out = scheduler;
    return 0;
}

struct scheduler *scheduler_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &scheduler_key);
    struct scheduler *scheduler = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return scheduler;
}

static void free_task(struct task *task)
{
    loop_timer_free(task->turn);
    DL_DELETE(task->scheduler->tasks, task);
    task->scheduler->count--;
    luaL_unref(task->scheduler->L, LUA_REGISTRYINDEX, task->reference);
    free(task);
}

void scheduler_free(struct scheduler *scheduler)
{
    struct task *task, *next;
    if (!scheduler)
        return;
    DL_FOREACH_SAFE(scheduler->tasks, task, next)
    {
        if (task->state == PARKED)
            task->cancel(task->cancel_arg);
        free_task(task);
    }
    lua_pushnil(scheduler->L); /* nobody finds it from here on */
    lua_rawsetp(scheduler->L, LUA_REGISTRYINDEX, &scheduler_key);
    free(scheduler);
}

/* ---- failures ---- */

/* Where it happened: what the message itself says, when it begins with a file of the stack (and again
 * where coroutines were left); else the innermost line that is known.  Allocates nothing in Lua. */
static const char *find_place(lua_State *co, const char *message, struct error *err)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        const char *rest = message;
        int line = 0;
        if (!lua_getinfo(co, "Sl", &ar) || ar.currentline < 1)
            continue;
        const char *file = ar.source[0] == '@' ? ar.source + 1 : ar.short_src;
        for (const char *next; (next = place_after(rest, file, &line));)
            rest = next;
        if (rest != message || !err->file[0])
            error_at(err, file, rest != message ? line : ar.currentline);
        if (rest != message)
            return rest;
    }
    return message;
}

/* The text of the value that was raised, then a traceback of the coroutine (upvalue 1). */
static int describe(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    if (lua_type(L, 1) != LUA_TSTRING && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL)
        lua_pushfstring(L, "the script raised a %s instead of a message", luaL_typename(L, 1));
    else
        luaL_tolstring(L, 1, NULL);
    luaL_traceback(L, co, NULL, 0);
    return 2;
}

static int push_describe(lua_State *L)
{
    lua_pushcclosure(L, describe, 1);
    return 1;
}

/* Fills `err` from what the coroutine raised, which is on its top. */
static int failure(const struct task *task, int status, struct error *err)
{
    lua_State *L = task->scheduler->L, *co = task->co;
    const char *message = "not enough memory";
    int top = lua_gettop(L), code = status == LUA_ERRMEM ? ERROR_LIMIT : ERROR_INVALID;
    struct error place = { 0 };
    lua_pushcfunction(L, push_describe);
    lua_rawgeti(L, LUA_REGISTRYINDEX, task->reference);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
        lua_xmove(co, L, 1);
        if (lua_pcall(L, 1, 2, 0) == LUA_OK) {
            text_copy(place.details, sizeof place.details, lua_tostring(L, -1));
            lua_pop(L, 1);
        }
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING)
        message = lua_tostring(L, -1);
    message = find_place(co, message, &place);
    int rc = error_set(err, code, "%s", message);
    error_at(err, place.file, place.line);
    text_copy(err->details, sizeof err->details, place.details);
    lua_settop(L, top);
    return rc;
}

/* ---- running ---- */

static void end(struct task *task, int status)
{
    struct error err = { 0 };
    task_ended_fn *ended = task->ended;
    void *arg = task->arg;
    int rc = status == LUA_OK ? 0 : failure(task, status, &err);
    free_task(task);
    ended(rc, &err, arg);
}

static void make_ready(struct task *task)
{
    task->state = READY;
    (void)loop_timer_set(task->turn, 0); /* cannot fail while the loop lives */
}

static void run_task(void *arg)
{
    struct task *task = arg;
    struct scheduler *scheduler = task->scheduler;
    int results = 0, arguments = task->argument_count;
    task->argument_count = 0;
    task->state = RUNNING;
    scheduler->running = task;
    int status = lua_resume(task->co, scheduler->L, arguments, &results);
    scheduler->running = NULL;
    if (status != LUA_YIELD) {
        end(task, status);
        return;
    }
    lua_pop(task->co, results);
    if (task->state == RUNNING) /* a bare coroutine.yield(): the others' turn */
        make_ready(task);
}

/* (scheduler's task, function, arguments…): moves them into a coroutine kept in the registry. */
static int start(lua_State *L)
{
    struct task *task = lua_touserdata(L, 1);
    lua_remove(L, 1);
    int count = lua_gettop(L);
    lua_State *co = lua_newthread(L);
    task->reference = luaL_ref(L, LUA_REGISTRYINDEX);
    if (!lua_checkstack(co, count))
        return luaL_error(L, "too many arguments");
    lua_xmove(L, co, count);
    task->co = co;
    return 0;
}

int task_start(struct scheduler *scheduler, lua_State *L, int argument_count, task_ended_fn *ended,
               void *arg, struct error *err)
{
    struct task *task = scheduler->count < TASKS_MAX ? calloc(1, sizeof *task) : NULL;
    if (!task) {
        lua_pop(L, argument_count + 1);
        return scheduler->count < TASKS_MAX
                   ? error_set(err, ERROR_NO_MEMORY, "no memory to start a task")
                   : error_set(err, ERROR_LIMIT, "more than %d tasks at once", TASKS_MAX);
    }
    *task = (struct task) { .scheduler = scheduler,
                            .reference = LUA_NOREF,
                            .argument_count = argument_count,
                            .ended = ended,
                            .arg = arg };
    lua_pushcfunction(L, start);
    lua_insert(L, -(argument_count + 2));
    lua_pushlightuserdata(L, task);
    lua_insert(L, -(argument_count + 2));
    DL_APPEND(scheduler->tasks, task);
    scheduler->count++;
    int status = lua_pcall(L, argument_count + 2, 0, 0);
    if (status != LUA_OK)
        lua_pop(L, 1);
    if (status != LUA_OK || loop_timer_new(scheduler->loop, run_task, task, &task->turn) < 0) {
        free_task(task);
        return error_set(err, ERROR_NO_MEMORY, "no memory to start a task");
    }
    make_ready(task);
    return 0;
}

/* ---- for bindings ---- */

struct task *task_self(lua_State *L)
{
    struct scheduler *scheduler = scheduler_of(L);
    struct task *task = scheduler ? scheduler->running : NULL;
    if (!task || task->co != L)
        luaL_error(L, "this waits for an answer, which a coroutine of your own cannot: call it "
                      "outside");
    if (!lua_isyieldable(L))
        luaL_error(L, "this waits for an answer, which a function that sort, gsub or the like "
                      "calls cannot: ask before, and use the answer there");
    return task;
}

void task_park(struct task *task, void (*cancel)(void *arg), void *arg)
{
    task->state = PARKED;
    task->cancel = cancel;
    task->cancel_arg = arg;
}

void task_wake(struct task *task, int outcome)
{
    task->outcome = outcome;
    task->cancel = NULL;
    make_ready(task);
}

int task_outcome(lua_State *L)
{
    return scheduler_of(L)->running->outcome;
}
