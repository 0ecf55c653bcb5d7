/* data_encode.c - Lua values to JSON, written straight into the run's scratch buffer.
 *
 * Only plain data: what is none is left out and told as "path: what is wrong", so that one run
 * finds every mistake.  Metatables are ignored, no code of the recipe runs. */
#include "script/lua_state.h"

#include <math.h>

#include "base/json.h"
#include "base/text.h"

#define DEPTH_MAX 32
#define PATH_SIZE 512
#define EXACT_MAX ((lua_Integer)1 << 53)

struct encoder {
    lua_State *L;
    struct buffer *out;
    int problems; /* absolute index of the list */
    int depth;
    const void *tables[DEPTH_MAX]; /* the tables that we are inside of */
    char path[PATH_SIZE];
};

static void encode(struct encoder *e, int index);

static void complain(struct encoder *e, const char *what)
{
    lua_pushfstring(e->L, "%s%s%s", e->path, e->path[0] ? ": " : "", what);
    lua_rawseti(e->L, e->problems, (lua_Integer)lua_rawlen(e->L, e->problems) + 1);
    buffer_text(e->out, "null");
}

static void encode_number(struct encoder *e, int index)
{
    if (lua_isinteger(e->L, index)) {
        lua_Integer whole = lua_tointeger(e->L, index);
        if (whole < -EXACT_MAX || whole > EXACT_MAX)
            complain(e, "is beyond the integers that JSON keeps exactly (2^53)");
        else
            buffer_format(e->out, "%lld", (long long)whole);
        return;
    }
    double value = lua_tonumber(e->L, index);
    if (!isfinite(value)) {
        complain(e, isnan(value) ? "is not a number (0/0)" : "is infinite");
        return;
    }
    char text[40];
    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof text, "%.17g", value);
    buffer_text(e->out, text);
}

static void encode_string(struct encoder *e, int index)
{
    size_t size;
    const char *text = lua_tolstring(e->L, index, &size);
    if (text_is_utf8(text, size))
        json_quote(e->out, text);
    else
        complain(e, "is not UTF-8 text");
}

static void encode_reference(struct encoder *e, int index, const char *kind)
{
    lua_State *L = e->L;
    if (text_equal(kind, "secret")) {
        complain(e, "a secret can stand in 'with' and 'args' of a setup script only");
        return;
    }
    lua_getiuservalue(L, index, 1);
    if (lua_istable(L, -1)) { /* a setup script, which gets its index when it is first used */
        struct recipe_run *run = recipe_run_of(L);
        lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_INDEX);
        lua_insert(L, -2);
        buffer_clear(&run->suspended); /* of an encoding that was raised out of */
        run->suspended = run->scratch; /* the script may be a template, which needs one too */
        run->scratch = (struct buffer) { .max = run->suspended.max };
        lua_call(L, 1, 1);
        buffer_clear(&run->scratch);
        run->scratch = run->suspended;
        run->suspended = (struct buffer) { 0 };
    }
    buffer_format(e->out, "{\"$%s\":", kind);
    if (lua_isinteger(L, -1))
        encode_number(e, lua_gettop(L));
    else
        encode_string(e, lua_gettop(L));
    buffer_char(e->out, '}');
    lua_pop(L, 1);
}

/* How the keys of a table are: all of 1..n, all strings, or neither. */
enum shape { SHAPE_LIST, SHAPE_MAP, SHAPE_HOLES, SHAPE_MIXED, SHAPE_OTHER };

static enum shape shape_of(lua_State *L, int index)
{
    lua_Integer integers = 0, strings = 0, others = 0, largest = 0, smallest = 1;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            strings++;
        } else if (lua_isinteger(L, -2)) {
            lua_Integer key = lua_tointeger(L, -2);
            integers++;
            largest = key > largest ? key : largest;
            smallest = key < smallest ? key : smallest;
        } else {
            others++;
        }
    }
    if (others)
        return SHAPE_OTHER;
    if (strings)
        return integers ? SHAPE_MIXED : SHAPE_MAP;
    return largest == integers && smallest == 1 ? SHAPE_LIST : SHAPE_HOLES;
}

/* A placeholder stands for something that was a mistake and was told: it is left out. */
static bool is_left_out(lua_State *L, int index)
{
    return luaL_testudata(L, index, PLACEHOLDER_TYPE) != NULL;
}

static void encode_list(struct encoder *e, int index)
{
    lua_State *L = e->L;
    size_t length = strlen(e->path);
    bool first = true;
    buffer_char(e->out, '[');
    for (lua_Integer i = 1; lua_rawgeti(L, index, i) != LUA_TNIL; i++) {
        if (!is_left_out(L, -1)) {
            if (!first)
                buffer_char(e->out, ',');
            first = false;
            snprintf(e->path + length, PATH_SIZE - length, "[%lld]", (long long)i);
            encode(e, lua_gettop(L));
            e->path[length] = '\0';
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    buffer_char(e->out, ']');
}

/* One field, its key and value on top of the stack. */
static void encode_field(struct encoder *e, bool *first)
{
    lua_State *L = e->L;
    size_t length = strlen(e->path), size;
    const char *key = lua_tolstring(L, -2, &size);
    if (is_left_out(L, -1))
        return;
    if (!*first)
        buffer_char(e->out, ',');
    *first = false;
    bool text = text_is_utf8(key, size), fit = text && key[0] != '$';
    json_quote(e->out, fit ? key : "?");
    buffer_char(e->out, ':');
    if (text)
        snprintf(e->path + length, PATH_SIZE - length, "%s%s", length ? "." : "", key);
    if (fit)
        encode(e, lua_gettop(L));
    else
        complain(e,
                 text ? "names that begin with '$' are taken" : "a field's name is not UTF-8 text");
    e->path[length] = '\0';
}

static void encode_map(struct encoder *e, int index)
{
    lua_State *L = e->L;
    bool first = true;
    keys_push_sorted(L, index);
    int keys = lua_gettop(L);
    buffer_char(e->out, '{');
    for (lua_Integer i = 1; lua_rawgeti(L, keys, i) != LUA_TNIL; i++) {
        lua_pushvalue(L, -1);
        lua_rawget(L, index);
        encode_field(e, &first);
        lua_pop(L, 2);
    }
    lua_pop(L, 2);
    buffer_char(e->out, '}');
}

static void encode_table(struct encoder *e, int index)
{
    const void *self = lua_topointer(e->L, index);
    for (int i = 0; i < e->depth; i++) {
        if (e->tables[i] == self) {
            complain(e, "contains itself");
            return;
        }
    }
    if (e->depth == DEPTH_MAX) {
        complain(e, "is nested too deeply (32 levels at most)");
        return;
    }
    e->tables[e->depth++] = self;
    switch (shape_of(e->L, index)) {
    case SHAPE_LIST:
        encode_list(e, index);
        break;
    case SHAPE_MAP:
        encode_map(e, index);
        break;
    case SHAPE_HOLES:
        complain(e, "is a list with holes");
        break;
    case SHAPE_MIXED:
        complain(e, "mixes a list with named fields");
        break;
    case SHAPE_OTHER:
        complain(e, "has keys that are neither names nor a list");
        break;
    }
    e->depth--;
}

static void encode(struct encoder *e, int index)
{
    luaL_checkstack(e->L, 10, NULL);
    if (e->out->failed)
        luaL_error(e->L, "this is more data than a recipe may hold in one value");
    const char *kind = reference_kind(e->L, index);
    if (kind) {
        encode_reference(e, index, kind);
        return;
    }
    switch (lua_type(e->L, index)) {
    case LUA_TNIL:
        buffer_text(e->out, "null");
        break;
    case LUA_TBOOLEAN:
        buffer_text(e->out, lua_toboolean(e->L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        encode_number(e, index);
        break;
    case LUA_TSTRING:
        encode_string(e, index);
        break;
    case LUA_TTABLE:
        encode_table(e, index);
        break;
    default:
        if (is_left_out(e->L, index)) {
            buffer_text(e->out, "null");
            break;
        }
        complain(e, lua_pushfstring(e->L, "a %s is not data", luaL_typename(e->L, index)));
        lua_pop(e->L, 1);
    }
}

void data_encode(lua_State *L, int index, int problems)
{
    struct encoder e = { .L = L,
                         .out = &recipe_run_of(L)->scratch,
                         .problems = lua_absindex(L, problems) };
    encode(&e, lua_absindex(L, index));
    if (e.out->failed)
        luaL_error(L, "this is more data than a recipe may hold in one value");
}
