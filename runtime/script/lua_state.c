/* lua_state.c - the host behind a Lua state, places in the recipe, keys in an order. */
#include "script/lua_state.h"

#include "base/text.h"

struct recipe_run *recipe_run_of(lua_State *L)
{
    return *(struct recipe_run **)lua_getextraspace(L);
}

/* ---- places ---- */

bool frame_is_users(const lua_Debug *ar)
{
    return ar->what[0] != 'C' && !text_starts(ar->source, OWN_CHUNK);
}

void place_of_caller(lua_State *L, struct place *out)
{
    lua_Debug ar;
    *out = (struct place) { 0 };
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        if (!lua_getinfo(L, "Sl", &ar) || !frame_is_users(&ar))
            continue;
        text_copy(out->file, sizeof out->file,
                  ar.source[0] == '@' || ar.source[0] == '=' ? ar.source + 1 : ar.short_src);
        out->line = ar.currentline > 0 ? ar.currentline : 0;
        return;
    }
}

/* Lua's own shortening of a chunk's name, which is what its messages begin with. */
static void shorten(const char *file, char out[LUA_IDSIZE])
{
    size_t size = strlen(file);
    if (size < LUA_IDSIZE)
        (void)text_copy(out, LUA_IDSIZE, file);
    else
        snprintf(out, LUA_IDSIZE, "...%s", file + size - (LUA_IDSIZE - 4));
}

const char *place_after(const char *message, const char *file, int *out_line)
{
    char short_source[LUA_IDSIZE];
    shorten(file, short_source);
    size_t size = strlen(short_source);
    if (strncmp(message, short_source, size) != 0 || message[size] != ':')
        return NULL;
    const char *digits = message + size + 1;
    char *end;
    long line = strtol(digits, &end, 10);
    if (end == digits || end[0] != ':' || end[1] != ' ' || line < 0 || line > INT32_MAX)
        return NULL;
    *out_line = (int)line;
    return end + 2;
}

const char *place_strip(lua_State *L, const char *message, struct place *out)
{
    /* The registry's table of loaded files: name → true. */
    lua_getfield(L, LUA_REGISTRYINDEX, LOADED_FILES);
    for (bool found = true; found;) {
        found = false;
        lua_pushnil(L);
        while (lua_next(L, -2)) {
            lua_pop(L, 1);
            int line = 0;
            const char *file = lua_tostring(L, -1);
            const char *rest = place_after(message, file, &line);
            if (!rest)
                continue;
            message = rest;
            text_copy(out->file, sizeof out->file, file);
            out->line = line;
            found = true;
        }
    }
    lua_pop(L, 1);
    return message;
}

/* ---- keys in an order ---- */

struct key {
    int type;
    bool is_integer;
    union {
        lua_Integer integer;
        lua_Number number;
        bool boolean;
        struct {
            const char *data; /* borrowed: the table keeps it alive */
            size_t size;
        } text;
    } as;
};

static int compare_numbers(const struct key *a, const struct key *b)
{
    if (a->is_integer && b->is_integer)
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    /* A float key has a fraction (or is huge), so that comparing as floats never ties. */
    lua_Number x = a->is_integer ? (lua_Number)a->as.integer : a->as.number;
    lua_Number y = b->is_integer ? (lua_Number)b->as.integer : b->as.number;
    return (x > y) - (x < y);
}

static int rank(const struct key *key)
{
    return key->type == LUA_TNUMBER ? 0 : key->type == LUA_TSTRING ? 1 : 2;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    if (a->type == LUA_TNUMBER)
        return compare_numbers(a, b);
    if (a->type == LUA_TBOOLEAN)
        return (int)a->as.boolean - (int)b->as.boolean;
    size_t common = a->as.text.size < b->as.text.size ? a->as.text.size : b->as.text.size;
    int order = common ? memcmp(a->as.text.data, b->as.text.data, common) : 0;
    if (order != 0)
        return order;
    return (a->as.text.size > b->as.text.size) - (a->as.text.size < b->as.text.size);
}

/* The key on top of the stack. */
static void read_key(lua_State *L, struct key *out)
{
    *out = (struct key) { .type = lua_type(L, -1) };
    if (out->type == LUA_TNUMBER) {
        out->is_integer = lua_isinteger(L, -1);
        if (out->is_integer)
            out->as.integer = lua_tointeger(L, -1);
        else
            out->as.number = lua_tonumber(L, -1);
    } else if (out->type == LUA_TSTRING) {
        out->as.text.data = lua_tolstring(L, -1, &out->as.text.size);
    } else if (out->type == LUA_TBOOLEAN) {
        out->as.boolean = lua_toboolean(L, -1);
    } else {
        luaL_error(L, "this table has a %s as a key, and such keys have no order",
                   lua_typename(L, out->type));
    }
}

static void push_key(lua_State *L, const struct key *key)
{
    if (key->type == LUA_TSTRING)
        lua_pushlstring(L, key->as.text.data, key->as.text.size);
    else if (key->type == LUA_TBOOLEAN)
        lua_pushboolean(L, key->as.boolean);
    else if (key->is_integer)
        lua_pushinteger(L, key->as.integer);
    else
        lua_pushnumber(L, key->as.number);
}

void keys_push_sorted(lua_State *L, int index)
{
    luaL_checkstack(L, 6, NULL);
    index = lua_absindex(L, index);
    size_t count = 0, at = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        count++;
    struct key *keys = lua_newuserdatauv(L, (count ? count : 1) * sizeof *keys, 0);
    for (lua_pushnil(L); lua_next(L, index);) {
        lua_pop(L, 1);
        read_key(L, &keys[at++]);
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);
    for (size_t i = 0; i < count; i++) {
        push_key(L, &keys[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_remove(L, -2); /* keys */
}

/* ---- text ---- */

const char *value_text(lua_State *L, int index, size_t *out_size)
{
    index = lua_absindex(L, index);
    if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        lua_pushvalue(L, index);
        lua_call(L, 1, 1);
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
        return lua_tolstring(L, -1, out_size);
    }
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING:
        return luaL_tolstring(L, index, out_size);
    default: /* an address would differ from run to run */
        lua_pushstring(L, luaL_typename(L, index));
        return lua_tolstring(L, -1, out_size);
    }
}
