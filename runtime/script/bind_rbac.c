/* bind_rbac.c - module "rbac": who may do what, with the answers of `can`, `why`, `roles`, `grants`.
 *
 *   yes, word = rbac.can(who, action [, scope [, { data = true }]])
 *   answer    = rbac.why(who, action [, scope [, { data = true }]])
 *   list      = rbac.roles([{ custom = true }])      role = rbac.roles(name)
 *   list      = rbac.assignments([{ scope = "workspace", who = "ada@…" }])
 *
 * A call owns what it asks and what came back in one userdata on the task's stack; the loop's
 * callbacks make JSON of the answer, and the continuation makes Lua values of that. */
#include "base/text.h"
#include "client/authorization.h"
#include "engine/assignments.h"
#include "engine/judge.h"
#include "script/bind.h"
#include "script/task.h"

#define CALL_TYPE "moonfleet.rbac_call"

struct call {
    struct task *waiter;     /* borrowed; NULL: nobody waits */
    struct judging *judging; /* at most one of these three is under way */
    struct assignments_asking *asking;
    struct arm_call *request;
    const char *name; /* of the one role that is wanted; of the caller's arguments; or NULL */
    bool custom;
    enum access_answer answer; /* of can() */
    cJSON *document;           /* owned: what came back */
    struct error err;
};

static struct call *push_call(lua_State *L)
{
    struct call *call = lua_newuserdatauv(L, sizeof *call, 0);
    *call = (struct call) { 0 };
    luaL_setmetatable(L, CALL_TYPE);
    return call;
}

static void cancel_all(struct call *call)
{
    judge_cancel(call->judging);
    assignments_cancel(call->asking);
    arm_call_cancel(call->request);
    call->judging = NULL;
    call->asking = NULL;
    call->request = NULL;
}

static int call_close(lua_State *L)
{
    struct call *call = luaL_checkudata(L, 1, CALL_TYPE);
    cancel_all(call);
    cJSON_Delete(call->document);
    call->document = NULL;
    return 0;
}

/* Ends the wait.  From the loop's callbacks: must not raise. */
static void finish(struct call *call, int rc, const struct error *err)
{
    struct task *waiter = call->waiter;
    if (rc < 0)
        call->err = *err;
    call->waiter = NULL;
    if (waiter)
        task_wake(waiter, rc);
}

static void on_cancel(void *arg)
{
    struct call *call = arg;
    const struct error err = { .code = ERROR_CANCELLED, .message = "interrupted" };
    cancel_all(call);
    finish(call, ERROR_CANCELLED, &err);
}

/* ---- what a call takes ---- */

/* A text without zero bytes. [-0, +0, e] */
static const char *check_text(lua_State *L, int index)
{
    size_t size;
    const char *text = luaL_checklstring(L, index, &size);
    luaL_argcheck(L, strlen(text) == size, index, "a zero byte in a text");
    return text;
}

/* Refuses fields of the table at `index` that are not among `names`. [-0, +0, e] */
static void check_fields(lua_State *L, int index, const char *const *names, size_t count)
{
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        bool known = false;
        for (size_t i = 0; i < count && lua_type(L, -2) == LUA_TSTRING; i++)
            known = known || text_equal(lua_tostring(L, -2), names[i]);
        if (!known) {
            lua_pushvalue(L, -2);
            lua_pushfstring(L, "unknown field '%s'", luaL_tolstring(L, -1, NULL));
            luaL_argerror(L, index, lua_tostring(L, -1));
        }
    }
}

/* A boolean field; absent: false. [-0, +0, e] */
static bool check_flag(lua_State *L, int index, const char *name)
{
    int type = lua_getfield(L, index, name);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        luaL_argerror(L, index, lua_pushfstring(L, "'%s' must be true or false", name));
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* A text field, which stays on the stack; absent: NULL. [-0, +1, e] */
static const char *check_field(lua_State *L, int index, const char *name)
{
    int type = lua_getfield(L, index, name);
    const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (type != LUA_TNIL && (!text || strlen(text) != lua_rawlen(L, -1)))
        luaL_argerror(L, index, lua_pushfstring(L, "'%s' must be a text", name));
    return text;
}

/* ---- waiting ---- */

/* The call is under way (`rc` 0), or could not begin: then words that mean nothing are the script's
 * mistake, and anything else is the world's refusal. */
static int await(lua_State *L, struct call *call, struct task *self, int rc, lua_KFunction after)
{
    if (rc == ERROR_USAGE)
        return luaL_error(L, "%s", call->err.message);
    if (rc < 0)
        return bind_fail(L, &call->err);
    call->waiter = self;
    task_park(self, on_cancel, call);
    return lua_yieldk(L, 0, (lua_KContext)lua_gettop(L), after);
}

/* Back in the task: the stack is as it was, the call at `index`. */
static int push_document(lua_State *L, int status, lua_KContext index)
{
    struct call *call = luaL_checkudata(L, (int)index, CALL_TYPE);
    (void)status;
    if (task_outcome(L) < 0)
        return bind_fail(L, &call->err);
    bind_push_json(L, call->document);
    return 1;
}

static int no_memory(struct error *err)
{
    return error_set(err, ERROR_NO_MEMORY, "no memory for the answer");
}

/* ---- can, why ---- */

static void on_judged(int rc, struct judged *judged, const struct error *err, void *arg)
{
    struct call *call = arg;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    call->judging = NULL;
    if (rc == 0) {
        call->answer = judged->answer;
        call->document = judged_json(judged);
        rc = call->document ? 0 : no_memory(&why);
    }
    finish(call, rc, &why);
}

static int ask(lua_State *L, lua_KFunction after)
{
    static const char *const fields[] = { "data" };
    struct question question = { .who = check_text(L, 1), .action = check_text(L, 2) };
    lua_settop(L, 4);
    if (!lua_isnil(L, 3))
        question.scope = check_text(L, 3);
    if (!lua_isnil(L, 4)) {
        check_fields(L, 4, fields, COUNT(fields));
        question.data_action = check_flag(L, 4, "data");
    }
    struct task *self = task_self(L);
    const struct host_plane *plane = host_plane_of(L);
    struct call *call = push_call(L);
    int rc = judge_start(plane->client, &plane->here, &question, on_judged, call, &call->judging,
                         &call->err);
    return await(L, call, self, rc, after);
}

static int push_answer(lua_State *L, int status, lua_KContext index)
{
    struct call *call = luaL_checkudata(L, (int)index, CALL_TYPE);
    (void)status;
    if (task_outcome(L) < 0)
        return bind_fail(L, &call->err);
    lua_pushboolean(L, call->answer == ACCESS_ALLOWED);
    lua_pushstring(L, access_answer_name(call->answer));
    return 2;
}

static int rbac_can(lua_State *L)
{
    return ask(L, push_answer);
}

static int rbac_why(lua_State *L)
{
    return ask(L, push_document);
}

/* ---- roles ---- */

static int list_roles(const struct call *call, const cJSON *roles, cJSON **out, struct error *err)
{
    const cJSON **rows = NULL, *one = NULL;
    size_t count = 0;
    int rc = call->name ? access_find_role(roles, call->name, &one, err)
                        : roles_sorted(roles, call->custom, &rows, &count, err);
    if (rc < 0)
        return rc;
    *out = one ? role_json(one) : cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(*out, role_json(rows[i]));
    free(rows);
    return *out ? 0 : no_memory(err);
}

static void on_roles(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct call *call = arg;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    call->request = NULL;
    if (rc == 0)
        rc = list_roles(call, cJSON_GetObjectItemCaseSensitive(reply->body, "value"),
                        &call->document, &why);
    finish(call, rc, &why);
}

static int send_roles(const struct host_plane *plane, struct call *call)
{
    struct authorization_request request;
    char *scope = NULL;
    int rc = roles_scope(&plane->here, &scope, &call->err);
    if (rc < 0)
        return rc;
    rc = authorization_roles(&request, scope, NULL, &call->err);
    if (rc == 0)
        rc = arm_send(plane->client, &request.arm, on_roles, call, &call->request, &call->err);
    authorization_request_clear(&request);
    free(scope);
    return rc;
}

static int rbac_roles(lua_State *L)
{
    static const char *const fields[] = { "custom" };
    bool custom = false;
    const char *name = NULL;
    lua_settop(L, 1);
    if (lua_istable(L, 1)) {
        check_fields(L, 1, fields, COUNT(fields));
        custom = check_flag(L, 1, "custom");
    } else if (!lua_isnil(L, 1)) {
        name = check_text(L, 1);
    }
    struct task *self = task_self(L);
    struct call *call = push_call(L);
    call->name = name;
    call->custom = custom;
    return await(L, call, self, send_roles(host_plane_of(L), call), push_document);
}

/* ---- assignments ---- */

static int list_assignments(const struct assignments *assignments, cJSON **out, struct error *err)
{
    const cJSON **rows = NULL;
    size_t count = 0;
    int rc = assignments_told(assignments, err);
    if (rc == 0)
        rc = assignments_sorted(assignments, &rows, &count, err);
    if (rc < 0)
        return rc;
    *out = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(*out, assignment_json(assignments, rows[i]));
    free(rows);
    return *out ? 0 : no_memory(err);
}

static void on_assignments(int rc, struct assignments *assignments, const struct error *err,
                           void *arg)
{
    struct call *call = arg;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    call->asking = NULL;
    if (rc == 0)
        rc = list_assignments(assignments, &call->document, &why);
    finish(call, rc, &why);
}

static int rbac_assignments(lua_State *L)
{
    static const char *const fields[] = { "scope", "who" };
    const char *scope = NULL, *who = NULL;
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) {
        check_fields(L, 1, fields, COUNT(fields));
        scope = check_field(L, 1, "scope");
        who = check_field(L, 1, "who");
    }
    struct task *self = task_self(L);
    const struct host_plane *plane = host_plane_of(L);
    struct call *call = push_call(L);
    int rc = assignments_start(plane->client, &plane->here, scope, who, on_assignments, call,
                               &call->asking, &call->err);
    return await(L, call, self, rc, push_document);
}

int luaopen_rbac(lua_State *L)
{
    static const luaL_Reg meta[] = { { "__gc", call_close }, { NULL, NULL } };
    static const luaL_Reg module[] = { { "can", rbac_can },
                                       { "why", rbac_why },
                                       { "roles", rbac_roles },
                                       { "assignments", rbac_assignments },
                                       { NULL, NULL } };
    luaL_newmetatable(L, CALL_TYPE);
    luaL_setfuncs(L, meta, 0);
    lua_pop(L, 1);
    luaL_newlib(L, module);
    return 1;
}
