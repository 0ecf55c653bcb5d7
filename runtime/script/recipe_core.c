/* recipe_core.c - one evaluation: the Lua state with its allocator, the language, the recipe's run.
 */
#include "script/lua_state.h"

#include "base/embedded.h"
#include "base/text.h"
#include "script/embedded.h"
#include "script/recipe.h"

#define SCRATCH_MAX ((size_t)16 << 20)
#define TRACE_MAX 10
#define HOOK_STEP 1000 /* instructions between two looks at instructions_max */

/* ---- memory ---- */

/* Looking at the stack is safe here: it neither allocates nor changes anything. */
static void on_refused(void *arg)
{
    struct recipe_run *run = arg;
    if (run->evaluating)
        place_of_caller(run->L, &run->refused_at);
}

static int memory_error(const struct recipe_run *run, struct error *err)
{
    int rc =
        error_set(err, ERROR_LIMIT,
                  "used more than %zu MiB of memory; a recipe only describes a fleet and should "
                  "need little",
                  run->memory.max >> 20);
    const struct place *place = &run->refused_at;
    error_at(err, place->file[0] ? place->file : run->input->name, place->line);
    return rc;
}

/* ---- limits by instructions, for runs without a CPU limit ---- */

static void count_instructions(lua_State *L, lua_Debug *ar)
{
    struct recipe_run *run = recipe_run_of(L);
    (void)ar;
    run->instructions += HOOK_STEP;
    if (!run->stopped && run->instructions < run->input->instructions_max)
        return;
    /* From now on every instruction raises: no pcall() of the recipe can go on. */
    run->stopped = true;
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, 1);
    /* Lua takes this very text for its memory error, for which it calls no message handler: hooks
     * do not run in handlers that are called from hooks, so that one that loops would never end. */
    lua_pushliteral(L, "not enough memory");
    lua_error(L);
}

/* ---- interrupts ---- */

static void stop_here(lua_State *L, lua_Debug *ar)
{
    struct place place;
    (void)ar;
    place_of_caller(L, &place);
    recipe_run_of(L)->stop(place.file[0] ? place.file : recipe_run_of(L)->input->name, place.line);
}

void recipe_run_interrupt(struct recipe_run *run, void (*stop)(const char *file, int line))
{
    run->stop = stop;
    lua_sethook(run->L, stop_here, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

/* ---- opening ---- */

/* require() of the words' own files: lua/recipe/<name>.lua, each once (upvalue 1). */
static int own_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (lua_getfield(L, lua_upvalueindex(1), name) != LUA_TNIL)
        return 1;
    lua_pushfstring(L, "lua/recipe/%s.lua", name);
    const struct embedded_file *file = embedded_find(embedded_lua, lua_tostring(L, -1));
    if (!file)
        return luaL_error(L, "no embedded file '%s'", name);
    lua_pushfstring(L, OWN_CHUNK "%s", name);
    if (luaL_loadbufferx(L, file->data, file->size, lua_tostring(L, -1), "t") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, lua_upvalueindex(1), name);
    return 1;
}

/* Everything but the recipe; leaves the words' control table in the registry as
 * "moonfleet.control". */
static int open_language(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, LOADED_FILES);
    language_open(L);
    language_push_allowed(L); /* whose order is the same every time, for the words too */
    lua_getfield(L, -1, "pairs");
    lua_setglobal(L, "pairs");
    lua_pop(L, 1);
    core_push(L);
    lua_setglobal(L, "core");
    lua_newtable(L);
    lua_pushcclosure(L, own_require, 1);
    lua_setglobal(L, "require");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "init");
    lua_call(L, 1, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "moonfleet.control");
    return 0;
}

int recipe_run_new(const struct recipe_input *input, struct recipe_run **out, struct error *err)
{
    struct recipe_run *run = calloc(1, sizeof *run);
    if (!run)
        return error_set(err, ERROR_NO_MEMORY, "no memory to evaluate a recipe");
    run->input = input;
    run->memory = (struct memory) {
        .max = input->memory_bytes ? input->memory_bytes : RECIPE_MEMORY_DEFAULT,
        .allocations_max = input->allocations_max,
        .on_refused = on_refused,
        .arg = run,
    };
    run->scratch.max = SCRATCH_MAX;
    run->document.max = RECIPE_DOCUMENT_MAX;
    run->answer.max = RECIPE_FILE_MAX;
    run->L = lua_newstate(memory_allocate, &run->memory);
    int status = LUA_ERRMEM;
    if (run->L) {
        *(struct recipe_run **)lua_getextraspace(run->L) = run;
        lua_pushcfunction(run->L, open_language);
        status = lua_pcall(run->L, 0, 0, 0);
    }
    if (status == LUA_OK) {
        *out = run;
        return 0;
    }
    int rc = status == LUA_ERRMEM || run->memory.refused
                 ? memory_error(run, err)
                 : error_set(err, ERROR_INTERNAL, "loading the recipe language: %s",
                             lua_tostring(run->L, -1));
    recipe_run_free(run);
    return rc;
}

void recipe_run_free(struct recipe_run *run)
{
    if (!run)
        return;
    if (run->L) {
        lua_sethook(run->L, NULL, 0, 0);
        lua_close(run->L);
    }
    buffer_clear(&run->scratch);
    buffer_clear(&run->suspended);
    buffer_clear(&run->document);
    buffer_clear(&run->answer);
    free(run);
}

/* ---- running ---- */

/* The recipe's frames from the innermost on, as a list of { file, line }. [-0, +1, m] */
static void push_trace(lua_State *L)
{
    lua_Debug ar;
    lua_Integer count = 0;
    lua_newtable(L);
    for (int level = 0; count < TRACE_MAX && lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || !frame_is_users(&ar))
            continue;
        lua_createtable(L, 2, 0);
        lua_pushstring(L,
                       ar.source[0] == '@' || ar.source[0] == '=' ? ar.source + 1 : ar.short_src);
        lua_rawseti(L, -2, 1);
        lua_pushinteger(L, ar.currentline > 0 ? ar.currentline : 0);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, ++count);
    }
}

/* Message handler: turns what was raised into { message, file, line, trace }. */
static int describe(lua_State *L)
{
    struct place place = { 0 };
    const char *message = NULL;
    luaL_checkstack(L, 12, NULL);
    if (lua_type(L, 1) == LUA_TSTRING)
        message = place_strip(L, lua_tostring(L, 1), &place);
    else
        message =
            lua_pushfstring(L, "the recipe raised a %s instead of a message", luaL_typename(L, 1));
    if (!place.file[0])
        place_of_caller(L, &place);
    lua_createtable(L, 4, 0);
    lua_pushstring(L, message);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, place.file[0] ? place.file : recipe_run_of(L)->input->name);
    lua_rawseti(L, -2, 2);
    lua_pushinteger(L, place.line);
    lua_rawseti(L, -2, 3);
    push_trace(L);
    lua_rawseti(L, -2, 4);
    return 1;
}

/* Pushes a function of the control table. [-0, +1, m] */
static void push_control(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "moonfleet.control");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* control.compile(text): → function, or nil, sentence, line */
static int compile_recipe(lua_State *L)
{
    const struct recipe_input *input = recipe_run_of(L)->input;
    push_control(L, "compile");
    lua_pushlstring(L, input->text, input->size);
    lua_call(L, 1, 3);
    return 3;
}

/* control.finish(failure): writes the document; the argument is describe()'s table or nil. */
static int finish_recipe(lua_State *L)
{
    push_control(L, "finish");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 0);
    return 0;
}

/* What a failed call left on top, as an error. */
static int call_error(struct recipe_run *run, int status, struct error *err)
{
    lua_State *L = run->L;
    if (run->stopped) {
        int rc = error_set(err, ERROR_LIMIT, "ran more than %lld instructions",
                           (long long)run->input->instructions_max);
        error_at(err, run->input->name, 0);
        return rc;
    }
    if (status == LUA_ERRMEM || run->memory.refused)
        return memory_error(run, err);
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an unknown error";
    int rc = error_set(err, ERROR_INTERNAL, "evaluating the recipe: %s", message);
    error_at(err, run->input->name, 0);
    return rc;
}

static int compile(struct recipe_run *run, struct error *err)
{
    lua_State *L = run->L;
    lua_pushcfunction(L, compile_recipe);
    int status = lua_pcall(L, 0, 3, 0);
    if (status != LUA_OK)
        return call_error(run, status, err);
    if (!lua_isnil(L, -3)) {
        lua_pop(L, 2);
        return 0;
    }
    int rc = error_set(err, ERROR_SYNTAX, "%s", lua_tostring(L, -2));
    error_at(err, run->input->name, (int)lua_tointeger(L, -1));
    return rc;
}

/* control.render(text): writes the document of recipe_render(). */
static int render_template(lua_State *L)
{
    const struct recipe_input *input = recipe_run_of(L)->input;
    push_control(L, "render");
    lua_pushlstring(L, input->text, input->size);
    lua_call(L, 1, 0);
    return 0;
}

static int run_template(struct recipe_run *run, struct buffer *out, struct error *err)
{
    lua_pushcfunction(run->L, render_template);
    run->evaluating = true;
    int status = lua_pcall(run->L, 0, 0, 0);
    run->evaluating = false;
    if (status != LUA_OK || run->stopped || run->memory.refused)
        return call_error(run, status, err);
    int rc = buffer_check(&run->document, "the rendered script", err);
    if (rc == 0)
        buffer_append(out, run->document.data, run->document.size);
    return rc == 0 ? buffer_check(out, "the rendered script", err) : rc;
}

int recipe_run_evaluate(struct recipe_run *run, struct buffer *out, struct error *err)
{
    lua_State *L = run->L;
    if (run->input->instructions_max)
        lua_sethook(L, count_instructions, LUA_MASKCOUNT, HOOK_STEP);
    if (run->input->is_template)
        return run_template(run, out, err);
    int rc = compile(run, err);
    if (rc < 0)
        return rc;
    lua_pushcfunction(L, finish_recipe);
    lua_pushcfunction(L, describe);
    lua_pushvalue(L, -3); /* the recipe */
    run->evaluating = true;
    int status = lua_pcall(L, 0, 0, -2);
    run->evaluating = false;
    if (status == LUA_ERRMEM || run->stopped)
        return call_error(run, status, err);
    lua_settop(L, status == LUA_OK ? 3 : 4);
    if (status == LUA_OK)
        lua_pushnil(L);
    lua_remove(L, 3); /* the handler; finish_recipe and its argument are on top */
    status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK)
        return call_error(run, status, err);
    lua_settop(L, 0);
    rc = buffer_check(&run->document, "the recipe's document", err);
    if (rc == 0)
        buffer_append(out, run->document.data, run->document.size);
    return rc == 0 ? buffer_check(out, "the recipe's document", err) : rc;
}

int recipe_run_text(const struct recipe_input *input, struct buffer *out, struct error *err)
{
    struct recipe_run *run = NULL;
    int rc = recipe_run_new(input, &run, err);
    if (run)
        rc = recipe_run_evaluate(run, out, err);
    recipe_run_free(run);
    return rc;
}
