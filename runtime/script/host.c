/* host.c - see host.h. */
#include "script/host.h"

#include "base/text.h"
#include "script/bind.h"
#include "script/lua_state.h"
#include "script/task.h"

#define HOOK_STEP 1000                      /* instructions between two looks at whether to end */
#define ENVIRONMENT "moonfleet.environment" /* in the registry: the script's globals */

/* Found from any of its Lua states with host_of(). */
struct host {
    const struct host_options *options; /* borrowed */
    struct memory memory;
    lua_State *L;                   /* owned; a loaded script is at its index 1 */
    const struct host_plane *plane; /* borrowed; NULL: not running */
    struct scheduler *scheduler;
    char *name; /* of the script; owned */
    bool over, interrupted;
    int outcome;
    struct error err; /* of the script */
    bool wants_value;
    cJSON *value; /* owned: what the script returned */
};

static struct host *host_of(lua_State *L)
{
    return *(struct host **)lua_getextraspace(L);
}

const struct host_plane *host_plane_of(lua_State *L)
{
    return host_of(L)->plane;
}

/* ---- what every script has ---- */

/* print(…): a line, its values apart by tabs. */
static int host_print(lua_State *L)
{
    struct host *host = host_of(L);
    luaL_Buffer line;
    int count = lua_gettop(L);
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        (void)luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (host->options->print)
        host->options->print(text, size, host->options->arg);
    return 0;
}

static int open_host(lua_State *L)
{
    static const luaL_Reg modules[] = { { "rbac", luaopen_rbac },
                                        { "parallel", luaopen_parallel } };
    language_open(L);
    language_push_plain(L);
    language_push_load(L, -1);
    lua_setfield(L, -2, "load");
    lua_pushcfunction(L, host_print);
    lua_setfield(L, -2, "print");
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    bind_open(L);
    for (size_t i = 0; i < COUNT(modules); i++) {
        lua_pushcfunction(L, modules[i].func);
        lua_call(L, 0, 1);
        lua_setfield(L, -2, modules[i].name);
    }
    lua_setfield(L, LUA_REGISTRYINDEX, ENVIRONMENT);
    return 0;
}

/* ---- interrupting what runs ---- */

/* From then on every instruction raises, so that no pcall() of the script goes on.  Lua takes this
 * very text for its memory error, for which it calls no message handler: hooks do not run in
 * handlers that are called from hooks, so that one that loops would never end. */
static void on_hook(lua_State *L, lua_Debug *ar)
{
    struct host *host = host_of(L);
    const struct host_options *options = host->options;
    (void)ar;
    if (!host->interrupted && !(options->interrupted && options->interrupted(options->arg)))
        return;
    host->interrupted = true;
    lua_sethook(L, on_hook, LUA_MASKCOUNT, 1);
    lua_pushliteral(L, "not enough memory");
    lua_error(L);
}

void host_interrupt(struct host *host)
{
    host->interrupted = true;
    host->over = true;
}

/* ---- its life ---- */

static int limit_error(const struct host *host, struct error *err)
{
    return error_set(err, ERROR_LIMIT, "used more than %zu MiB of memory", host->memory.max >> 20);
}

int host_new(const struct host_options *options, struct host **out, struct error *err)
{
    struct host *host = calloc(1, sizeof *host);
    int status = LUA_ERRMEM;
    if (!host)
        return error_set(err, ERROR_NO_MEMORY, "no memory for scripts");
    host->options = options;
    host->memory.max = options->memory_bytes ? options->memory_bytes : HOST_MEMORY_DEFAULT;
    host->memory.allocations_max = options->allocations_max;
    host->L = lua_newstate(memory_allocate, &host->memory);
    if (host->L) {
        *(struct host **)lua_getextraspace(host->L) = host;
        lua_pushcfunction(host->L, open_host);
        status = lua_pcall(host->L, 0, 0, 0);
    }
    if (status == LUA_OK) {
        *out = host;
        return 0;
    }
    int rc = status == LUA_ERRMEM ? limit_error(host, err)
                                  : error_set(err, ERROR_INTERNAL, "opening the script host: %s",
                                              lua_tostring(host->L, -1));
    host_free(host);
    return rc;
}

void host_free(struct host *host)
{
    if (!host)
        return;
    scheduler_free(host->scheduler);
    if (host->L)
        lua_close(host->L);
    cJSON_Delete(host->value);
    free(host->name);
    free(host);
}

/* ---- the script ---- */

struct source {
    const char *text;
    size_t size;
};

/* (source): → function, its globals the script's. */
static int compile_script(lua_State *L)
{
    const struct source *source = lua_touserdata(L, 1);
    lua_pushfstring(L, "@%s", host_of(L)->name);
    if (luaL_loadbufferx(L, source->text, source->size, lua_tostring(L, -1), "t") != LUA_OK)
        return lua_error(L);
    lua_getfield(L, LUA_REGISTRYINDEX, ENVIRONMENT);
    lua_setupvalue(L, -2, 1);
    return 1;
}

/* "file:line: what", as Lua's compiler says it. */
static int syntax_error(struct host *host, int status, struct error *err)
{
    int line = 0;
    const char *message = lua_tostring(host->L, -1);
    const char *rest = message ? place_after(message, host->name, &line) : NULL;
    if (status == LUA_ERRMEM)
        return limit_error(host, err);
    int rc = error_set(err, ERROR_SYNTAX, "%s", rest ? rest : message ? message : "?");
    error_at(err, host->name, line);
    lua_pop(host->L, 1);
    return rc;
}

int host_load(struct host *host, const char *name, const char *text, size_t size, struct error *err)
{
    lua_State *L = host->L;
    if (size > 0 && text[0] == '#') {
        const char *end = memchr(text, '\n', size);
        size -= end ? (size_t)(end - text) : size;
        text = end ? end : "";
    }
    host->name = strdup(name);
    if (!host->name)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    lua_pushcfunction(L, compile_script);
    lua_pushlightuserdata(L, &(struct source) { text, size });
    int status = lua_pcall(L, 1, 1, 0);
    return status == LUA_OK ? 0 : syntax_error(host, status, err);
}

/* ---- running it ---- */

static void on_ended(int rc, const struct error *err, void *arg)
{
    struct host *host = arg;
    host->over = true;
    host->outcome = rc;
    host->err = *err;
    if (rc == ERROR_LIMIT) {
        limit_error(host, &host->err);
        error_at(&host->err, err->file, err->line);
    }
    if (rc < 0 && !err->file[0])
        error_at(&host->err, host->name, 0);
}

/* The task: (script, arguments…), and then what the script returned is kept. */
static int keep_value(lua_State *L, int status, lua_KContext context)
{
    struct host *host = host_of(L);
    struct error err = { 0 };
    (void)status, (void)context;
    if (!host->wants_value)
        return 0;
    host->value = bind_json(L, -1, &err);
    return host->value ? 0 : luaL_error(L, "what the script returned %s", err.message);
}

static int call_script(lua_State *L)
{
    lua_callk(L, lua_gettop(L) - 1, 1, 0, keep_value);
    return keep_value(L, LUA_OK, 0);
}

struct words {
    const char *const *texts;
    size_t count;
};

/* (script, words): → what the task calls, the script and its arguments; `arg` is set. */
static int push_arguments(lua_State *L)
{
    const struct words *words = lua_touserdata(L, 2);
    lua_settop(L, 1);
    luaL_argcheck(L, words->count < INT32_MAX / 2, 2, "too many arguments");
    luaL_checkstack(L, (int)words->count + 4, "too many arguments");
    lua_getfield(L, LUA_REGISTRYINDEX, ENVIRONMENT);
    lua_createtable(L, (int)words->count, 1);
    lua_pushstring(L, host_of(L)->name);
    lua_rawseti(L, -2, 0);
    for (size_t i = 0; i < words->count; i++) {
        lua_pushstring(L, words->texts[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "arg");
    lua_settop(L, 1);
    lua_pushcfunction(L, call_script);
    lua_insert(L, 1);
    for (size_t i = 0; i < words->count; i++)
        lua_pushstring(L, words->texts[i]);
    return lua_gettop(L);
}

static int start(struct host *host, const struct words *words, struct error *err)
{
    lua_State *L = host->L;
    lua_pushcfunction(L, push_arguments);
    lua_insert(L, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)words);
    if (lua_pcall(L, 2, LUA_MULTRET, 0) != LUA_OK) {
        lua_settop(L, 0);
        return error_set(err, ERROR_LIMIT, "the arguments take too much memory");
    }
    lua_sethook(L, on_hook, LUA_MASKCOUNT, HOOK_STEP);
    return task_start(host->scheduler, L, (int)words->count + 1, on_ended, host, err);
}

int host_run(struct host *host, const struct host_plane *plane, const char *const *arguments,
             size_t count, cJSON **out_value, struct error *err)
{
    const struct words words = { arguments, count };
    struct loop *loop = arm_client_loop(plane->client);
    host->plane = plane;
    host->wants_value = out_value != NULL;
    int rc = scheduler_new(host->L, loop, &host->scheduler, err);
    if (rc == 0)
        rc = start(host, &words, err);
    if (rc < 0)
        return rc;
    rc = loop_run_until(loop, &host->over);
    if (host->interrupted)
        return error_set(err, ERROR_CANCELLED, "interrupted");
    if (rc < 0)
        return error_set(err, ERROR_INTERNAL, "the script waits, and nothing is left to wait for");
    if (host->outcome < 0 && err)
        *err = host->err;
    if (host->outcome == 0 && out_value) {
        *out_value = host->value;
        host->value = NULL;
    }
    return host->outcome;
}
