/* bind_parallel.c - parallel(list, fn): fn(value, index) for each of a list, many at once.
 *
 *   answers = parallel(names, function(name) return rbac.can(name, "computes/start") end)
 *
 * A few tasks work the list off, each taking what is next; the caller waits for all.  The results
 * stand in the order of the list.  When one raised, nothing further is begun, and what the first of
 * them (in the list) raised is raised again at the end.  A call owns its count in one userdata on
 * the stacks of the caller and the tasks, which also holds what was raised. */
#include "script/bind.h"
#include "script/task.h"

#define CALL_TYPE "moonfleet.parallel_call"

#define WORKERS_MAX 64 /* as many as requests are on the wire; each may hold much of an answer */

/* Where things stand on the caller's stack, and on that of a task of it. */
enum { AT_LIST = 1, AT_FUNCTION, AT_RESULTS, AT_CALL };

struct call {
    struct task *waiter; /* borrowed; NULL: nobody waits */
    size_t open;         /* tasks that have not ended */
    lua_Integer begun;   /* of the list */
    lua_Integer raised;  /* the first of them; 0: none.  What it raised is user value 1 */
    int rc;              /* < 0: tasks could not be started, or not keep their results */
    char why[ERROR_MESSAGE_SIZE];
};

static void fail(struct call *call, int rc, const struct error *err)
{
    if (call->rc == 0)
        (void)snprintf(call->why, sizeof call->why, "%s", err->message);
    call->rc = rc;
}

/* ---- one task ---- */

static void keep_result(lua_State *L, struct call *call, int status, lua_Integer index)
{
    if (status == LUA_OK || status == LUA_YIELD) {
        lua_rawseti(L, AT_RESULTS, index);
    } else if (!call->raised || index < call->raised) {
        call->raised = index;
        lua_setiuservalue(L, AT_CALL, 1);
    }
    lua_settop(L, AT_CALL);
}

static int go_on(lua_State *L, int status, lua_KContext index);

static int work(lua_State *L)
{
    struct call *call = luaL_checkudata(L, AT_CALL, CALL_TYPE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, AT_LIST);
    while (!call->raised && call->rc == 0 && call->begun < count) {
        lua_Integer index = ++call->begun;
        lua_pushvalue(L, AT_FUNCTION);
        lua_rawgeti(L, AT_LIST, index);
        lua_pushinteger(L, index);
        keep_result(L, call, lua_pcallk(L, 2, 1, 0, (lua_KContext)index, go_on), index);
    }
    return 0;
}

static int go_on(lua_State *L, int status, lua_KContext index)
{
    keep_result(L, luaL_checkudata(L, AT_CALL, CALL_TYPE), status, (lua_Integer)index);
    return work(L);
}

static void on_ended(int rc, const struct error *err, void *arg)
{
    struct call *call = arg;
    struct task *waiter = call->waiter;
    if (rc < 0)
        fail(call, rc, err);
    if (--call->open > 0 || !waiter)
        return;
    call->waiter = NULL;
    task_wake(waiter, 0);
}

/* ---- all of them ---- */

/* The state ends: the tasks do too, and are not told. */
static void on_cancel(void *arg)
{
    struct call *call = arg;
    struct task *waiter = call->waiter;
    call->waiter = NULL;
    task_wake(waiter, ERROR_CANCELLED);
}

/* Raises nothing: from the first task on, what it counts in must stay where it is. */
static void start_all(lua_State *L, struct call *call)
{
    struct error err = { 0 };
    lua_Unsigned count = lua_rawlen(L, AT_LIST);
    while (call->open < WORKERS_MAX && call->open < count && call->rc == 0) {
        lua_pushcfunction(L, work);
        for (int i = AT_LIST; i <= AT_CALL; i++)
            lua_pushvalue(L, i);
        int rc = task_start(scheduler_of(L), L, AT_CALL, on_ended, call, &err);
        if (rc < 0)
            fail(call, rc, &err);
        else
            call->open++;
    }
}

static int push_results(lua_State *L, int status, lua_KContext context)
{
    const struct call *call = luaL_checkudata(L, AT_CALL, CALL_TYPE);
    (void)status, (void)context;
    if (call->rc < 0)
        return luaL_error(L, "%s", call->why);
    if (call->raised) {
        lua_getiuservalue(L, AT_CALL, 1);
        return lua_error(L);
    }
    lua_pushvalue(L, AT_RESULTS);
    return 1;
}

static int parallel(lua_State *L)
{
    luaL_checktype(L, AT_LIST, LUA_TTABLE);
    luaL_checktype(L, AT_FUNCTION, LUA_TFUNCTION);
    lua_settop(L, AT_FUNCTION);
    struct task *self = task_self(L);
    lua_newtable(L);
    struct call *call = lua_newuserdatauv(L, sizeof *call, 1);
    *call = (struct call) { 0 };
    luaL_setmetatable(L, CALL_TYPE);
    luaL_checkstack(L, AT_CALL + 3, NULL);
    start_all(L, call);
    if (call->open == 0)
        return push_results(L, LUA_OK, 0);
    call->waiter = self;
    task_park(self, on_cancel, call);
    return lua_yieldk(L, 0, 0, push_results);
}

int luaopen_parallel(lua_State *L)
{
    luaL_newmetatable(L, CALL_TYPE);
    lua_pop(L, 1);
    lua_pushcfunction(L, parallel);
    return 1;
}
