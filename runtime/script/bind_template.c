/* bind_template.c - the Lua face of templates: template(text) and what can be done with one.
 *
 * Only lua/recipe/template.lua sees it; what a script's own Lua gets are functions around it. */
#include "script/lua_state.h"

#include <math.h>

#include "base/random.h"
#include "base/text.h"
#include "setup/quote.h"
#include "setup/render.h"
#include "setup/template.h"

#define TEMPLATE_TYPE "moonfleet.template"
#define RENDER_TYPE "moonfleet.render"
#define NUMBER_SIZE 40
#define EXACT_MAX 9007199254740992.0 /* 2^53: every whole number up to it is a float of its own */

struct template_box {
    struct template *template; /* owned */
};

struct render_box {
    struct render *render; /* owned; user value 1 keeps the template */
};

/* ---- templates ---- */

/* template = template(text), or nil, sentence, line, column */
static int core_template(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct template_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    struct error err = { 0 };
    int column = 1;
    box->template = NULL;
    luaL_setmetatable(L, TEMPLATE_TYPE);
    if (template_parse(text, size, &box->template, &column, &err) == 0)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.message);
    lua_pushinteger(L, err.line > 0 ? err.line : 1);
    lua_pushinteger(L, column);
    return 4;
}

static struct template *check_template(lua_State *L, int index)
{
    struct template_box *box = luaL_checkudata(L, index, TEMPLATE_TYPE);
    return box->template;
}

static int template_gc(lua_State *L)
{
    struct template_box *box = luaL_checkudata(L, 1, TEMPLATE_TYPE);
    template_free(box->template);
    box->template = NULL;
    return 0;
}

/* source = template:lua(), or nil when there are no markers */
static int template_source(lua_State *L)
{
    size_t size;
    const struct template *template = check_template(L, 1);
    if (!template_has_markers(template))
        return 0;
    const char *lua = template_lua(template, &size);
    lua_pushlstring(L, lua, size);
    return 1;
}

/* column = template:column(line, marker) */
static int template_column_of(lua_State *L)
{
    const struct template *template = check_template(L, 1);
    int line = (int)luaL_checkinteger(L, 2);
    lua_pushinteger(L, template_column(template, line, (size_t)luaL_checkinteger(L, 3)));
    return 1;
}

/* line, column, code = template:place(marker), or nothing */
static int template_place(lua_State *L)
{
    const struct template *template = check_template(L, 1);
    const struct template_marker *marker =
        template_marker(template, (size_t)luaL_checkinteger(L, 2));
    if (!marker)
        return 0;
    lua_pushinteger(L, marker->line);
    lua_pushinteger(L, marker->column);
    lua_pushlstring(L, marker->code, marker->code_size);
    return 3;
}

/* ---- values ---- */

/* Replaces the value at `index`, which is on top, by its text in the shell; false when it has none:
 * then a word that says what it is is there. [-0, +0, m] */
static bool make_text(lua_State *L, bool *out_integer)
{
    char text[NUMBER_SIZE];
    double value;
    *out_integer = false;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        return true;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        value = lua_tonumber(L, -1);
        *out_integer = lua_isinteger(L, -1) || (floor(value) == value && fabs(value) <= EXACT_MAX);
        if (lua_isinteger(L, -1))
            (void)snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(L, -1));
        else if (*out_integer)
            (void)snprintf(text, sizeof text, "%.0f", value == 0 ? 0.0 : value);
        else
            (void)snprintf(text, sizeof text, "%.15g", value);
        if (!*out_integer && strtod(text, NULL) != value)
            (void)snprintf(text, sizeof text, "%.17g", value);
        if (!isfinite(value)) {
            lua_pushstring(L, isnan(value) ? "not a number (0/0)" : "infinite");
            lua_replace(L, -2);
            return false;
        }
        lua_pushstring(L, text);
        break;
    default: {
        const char *kind = reference_kind(L, -1);
        lua_pushfstring(L, "%s%s", lua_isnil(L, -1) ? "" : "a ",
                        kind ? kind : luaL_typename(L, -1));
        lua_replace(L, -2);
        return false;
    }
    }
    lua_replace(L, -2);
    return true;
}

/* text = shell_text(value), or nil and what it is */
static int core_shell_text(lua_State *L)
{
    bool integer;
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (make_text(L, &integer))
        return 1;
    lua_pushnil(L);
    lua_insert(L, 1);
    return 2;
}

/* word = shell_quote(text), or nil and a sentence */
static int core_shell_quote(lua_State *L)
{
    struct recipe_run *run = recipe_run_of(L);
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct error err = { 0 };
    buffer_reset(&run->scratch);
    if (setup_quote_word(text, size, &run->scratch, &err) < 0) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    lua_pushlstring(L, run->scratch.data, run->scratch.size);
    return 1;
}

/* text = base64(bytes) */
static int core_base64(lua_State *L)
{
    struct recipe_run *run = recipe_run_of(L);
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    buffer_reset(&run->scratch);
    base64_encode(bytes, size, &run->scratch);
    lua_pushlstring(L, run->scratch.data ? run->scratch.data : "", run->scratch.size);
    return 1;
}

/* ---- renderings ---- */

/* render = template:render() */
static int template_render(lua_State *L)
{
    struct error err = { 0 };
    const struct template *template = check_template(L, 1);
    struct render_box *box = lua_newuserdatauv(L, sizeof *box, 1);
    box->render = NULL;
    luaL_setmetatable(L, RENDER_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    if (render_new(template, &box->render, &err) < 0)
        return luaL_error(L, "%s", err.message);
    return 1;
}

static struct render *check_render(lua_State *L)
{
    struct render_box *box = luaL_checkudata(L, 1, RENDER_TYPE);
    luaL_argcheck(L, box->render, 1, "this rendering has ended");
    return box->render;
}

static int render_gc(lua_State *L)
{
    struct render_box *box = luaL_checkudata(L, 1, RENDER_TYPE);
    render_free(box->render);
    box->render = NULL;
    return 0;
}

/* true, or nil, sentence, marker */
static int push_outcome(lua_State *L, const struct render *render, int rc, const struct error *err)
{
    if (rc == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, err->message);
    lua_pushinteger(L, (lua_Integer)render_failed_at(render));
    return 3;
}

static int refuse_value(lua_State *L, const char *sentence, lua_Integer marker)
{
    lua_pushnil(L);
    lua_insert(L, -2);
    if (sentence) {
        lua_pushstring(L, sentence);
        lua_replace(L, -2);
    }
    lua_pushinteger(L, marker);
    return 3;
}

/* render:literal(index) */
static int lua_render_literal(lua_State *L)
{
    struct error err = { 0 };
    struct render *render = check_render(L);
    int rc = render_literal(render, (size_t)luaL_checkinteger(L, 2), &err);
    return push_outcome(L, render, rc, &err);
}

/* The list at index 3 as words; their texts stay alive in a table.  NULL: a sentence is on top. */
static struct shell_word *read_list(lua_State *L, size_t *out_count)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, 3), seen = 0;
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1))
        seen++;
    if (seen != count) {
        lua_pushliteral(L, "is a table that is no list");
        return NULL;
    }
    struct shell_word *words = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *words, 0);
    lua_newtable(L);
    for (lua_Integer i = 1; i <= count; i++) {
        struct shell_word *word = &words[i - 1];
        lua_rawgeti(L, 3, i);
        if (!make_text(L, &word->is_integer)) {
            lua_pushfstring(L, "holds, as item %I, %s", (LUAI_UACINT)i, lua_tostring(L, -1));
            return NULL;
        }
        word->text = lua_tolstring(L, -1, &word->size);
        lua_rawseti(L, -2, i);
    }
    *out_count = (size_t)count;
    return words;
}

/* render:value(marker, value) */
static int lua_render_value(lua_State *L)
{
    struct error err = { 0 };
    struct shell_word word = { 0 };
    const struct shell_word *words = &word;
    size_t count = 1;
    struct render *render = check_render(L);
    lua_Integer marker = luaL_checkinteger(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    bool is_list = lua_istable(L, 3);
    if (is_list) {
        words = read_list(L, &count);
        if (!words)
            return refuse_value(L, NULL, marker);
    } else {
        if (!make_text(L, &word.is_integer)) {
            lua_pushfstring(L, "is %s", lua_tostring(L, -1));
            return refuse_value(L, NULL, marker);
        }
        word.text = lua_tolstring(L, -1, &word.size);
    }
    int rc = render_value(render, (size_t)marker, words, count, is_list, &err);
    return push_outcome(L, render, rc, &err);
}

/* render:raw(marker, text) */
static int lua_render_raw(lua_State *L)
{
    struct error err = { 0 };
    size_t size;
    struct render *render = check_render(L);
    const char *text = luaL_checklstring(L, 3, &size);
    int rc = render_raw(render, (size_t)luaL_checkinteger(L, 2), text, size, &err);
    return push_outcome(L, render, rc, &err);
}

/* render:as_user(marker, name), render:end_as_user(marker) */
static int lua_render_as_user(lua_State *L)
{
    struct error err = { 0 };
    struct render *render = check_render(L);
    int rc =
        render_as_user_begin(render, (size_t)luaL_checkinteger(L, 2), luaL_checkstring(L, 3), &err);
    return push_outcome(L, render, rc, &err);
}

static int lua_render_end_as_user(lua_State *L)
{
    struct error err = { 0 };
    struct render *render = check_render(L);
    int rc = render_as_user_end(render, (size_t)luaL_checkinteger(L, 2), &err);
    return push_outcome(L, render, rc, &err);
}

/* text, lines = render:finish(), or nil, sentence, marker */
static int lua_render_finish(lua_State *L)
{
    struct error err = { 0 };
    struct recipe_run *run = recipe_run_of(L);
    struct render *render = check_render(L);
    int rc = render_finish(render, &err);
    if (rc < 0)
        return push_outcome(L, render, rc, &err);
    const struct buffer *text = render_text(render);
    lua_pushlstring(L, text->data ? text->data : "", text->size);
    buffer_reset(&run->scratch);
    render_lines(render, &run->scratch);
    if (run->scratch.failed)
        return luaL_error(L, "this script has more lines than a recipe may hold");
    lua_pushlstring(L, run->scratch.data, run->scratch.size);
    return 2;
}

/* ---- the types ---- */

static void add_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction gc)
{
    luaL_newmetatable(L, type);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void template_functions_add(lua_State *L)
{
    static const luaL_Reg functions[] = { { "template", core_template },
                                          { "shell_text", core_shell_text },
                                          { "shell_quote", core_shell_quote },
                                          { "base64", core_base64 },
                                          { NULL, NULL } };
    static const luaL_Reg of_template[] = { { "lua", template_source },
                                            { "column", template_column_of },
                                            { "place", template_place },
                                            { "render", template_render },
                                            { NULL, NULL } };
    static const luaL_Reg of_render[] = { { "literal", lua_render_literal },
                                          { "value", lua_render_value },
                                          { "raw", lua_render_raw },
                                          { "as_user", lua_render_as_user },
                                          { "end_as_user", lua_render_end_as_user },
                                          { "finish", lua_render_finish },
                                          { NULL, NULL } };
    luaL_setfuncs(L, functions, 0);
    add_type(L, TEMPLATE_TYPE, of_template, template_gc);
    add_type(L, RENDER_TYPE, of_render, render_gc);
}
