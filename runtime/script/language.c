/* language.c - Lua's base and libraries as far as a recipe may use them.
 *
 * An allow-list: what is not named here does not exist.  Some functions are replaced, because the
 * originals show addresses, follow the hash seed or the clock, or read binary chunks. */
#include "script/lua_state.h"

#include <limits.h>

#include "base/text.h"

/* ---- base ---- */

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    value_text(L, 1, NULL);
    return 1;
}

/* next(t, nil) looks for the smallest key; next(t, key) goes through a sorted list kept from call
 * to call in upvalue 1 (weak keys), made again when a traversal begins. */
static void push_positions(lua_State *L)
{
    keys_push_sorted(L, 1);
    int keys = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, keys);
    lua_createtable(L, 0, 2);
    lua_createtable(L, 0, count < INT_MAX ? (int)count : 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, keys, i);
        lua_pushinteger(L, i);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "positions");
    lua_pushvalue(L, keys);
    lua_setfield(L, -2, "keys");
    lua_remove(L, keys);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(1));
}

/* Pushes key and value of the first key from position `at` on that still has a value. */
static int push_from(lua_State *L, int table, int keys, lua_Integer at)
{
    for (;; at++) {
        if (lua_rawgeti(L, keys, at) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, table) != LUA_TNIL)
            return 2;
        lua_pop(L, 2);
    }
}

static int base_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) { /* often only "is it empty?" */
        lua_pushnil(L);
        if (!lua_next(L, 1)) {
            lua_pushnil(L);
            return 1;
        }
        lua_settop(L, 2);
        push_positions(L);
        lua_getfield(L, -1, "keys");
        return push_from(L, 1, lua_gettop(L), 1);
    }
    lua_pushvalue(L, 1);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL)
        push_positions(L);
    int state = lua_gettop(L);
    lua_getfield(L, state, "keys");
    lua_getfield(L, state, "positions");
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) == LUA_TNIL)
        return luaL_error(L, "next() was given a key that the table did not have");
    return push_from(L, 1, state + 1, lua_tointeger(L, -1) + 1);
}

/* Upvalues: the table, its keys in order, the last position. */
static int pairs_step(lua_State *L)
{
    lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
    for (;;) {
        at++;
        if (lua_rawgeti(L, lua_upvalueindex(2), at) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
            break;
        lua_pop(L, 2);
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(3));
    return 2;
}

static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushvalue(L, 1);
    keys_push_sorted(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_step, 3);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* ---- metatables ----
 *
 * Finalizers and weak tables would show when the collector runs, which is not the same every time.
 * Looking for them in setmetatable() is not enough, for a metatable can be given `__mode` later.
 * So an object gets a stand-in with the metamethods as they are, which no recipe ever sees:
 * getmetatable() gives the original.  Metamethods that are changed later are told as a mistake. */

#define METATABLES "moonfleet.metatables"      /* in the registry: original → stand-in */
enum { ORIGINAL = 1, PLACE_FILE, PLACE_LINE }; /* in a stand-in, beside the metamethods */

static bool is_metamethod(lua_State *L, int key)
{
    return lua_type(L, key) == LUA_TSTRING && text_starts(lua_tostring(L, key), "__");
}

/* Has the table at `other` the same metamethods as the one at `index` has? [-0, +0, -] */
static bool has_all_of(lua_State *L, int index, int other)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (!is_metamethod(L, -2))
            continue;
        lua_pushvalue(L, -2);
        lua_rawget(L, other);
        bool same = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
        if (!same) {
            lua_pop(L, 2);
            return false;
        }
    }
    return true;
}

static bool is_current(lua_State *L, int original, int stand_in)
{
    return has_all_of(L, original, stand_in) && has_all_of(L, stand_in, original);
}

/* Makes the stand-in what the original is now, for every object that has it. [-0, +0, m] */
static void refresh(lua_State *L, int original, int stand_in)
{
    struct place place;
    for (lua_pushnil(L); lua_next(L, stand_in); lua_pop(L, 1)) {
        if (!is_metamethod(L, -2))
            continue;
        lua_pushvalue(L, -2);
        lua_pushnil(L);
        lua_rawset(L, stand_in);
    }
    for (lua_pushnil(L); lua_next(L, original); lua_pop(L, 1)) {
        if (!is_metamethod(L, -2))
            continue;
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, stand_in);
    }
    place_of_caller(L, &place);
    lua_pushstring(L, place.file[0] ? place.file : recipe_run_of(L)->input->name);
    lua_rawseti(L, stand_in, PLACE_FILE);
    lua_pushinteger(L, place.line);
    lua_rawseti(L, stand_in, PLACE_LINE);
}

/* [-0, +1, m] */
static void push_stand_in(lua_State *L, int original)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, METATABLES);
    lua_pushvalue(L, original);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, original);
        lua_rawseti(L, -2, ORIGINAL);
        lua_pushvalue(L, original);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
        refresh(L, original, lua_gettop(L));
    } else if (!is_current(L, original, lua_gettop(L))) {
        refresh(L, original, lua_gettop(L));
    }
    lua_remove(L, -2);
}

void metatables_push_changed(lua_State *L)
{
    lua_Integer count = 0;
    lua_newtable(L);
    int list = lua_gettop(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, METATABLES);
    int all = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, all); lua_pop(L, 1)) {
        int stand_in = lua_gettop(L);
        if (is_current(L, stand_in - 1, stand_in))
            continue;
        lua_createtable(L, 2, 0);
        lua_rawgeti(L, stand_in, PLACE_FILE);
        lua_rawseti(L, -2, 1);
        lua_rawgeti(L, stand_in, PLACE_LINE);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, list, ++count);
    }
    lua_settop(L, list);
}

static int base_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    if (luaL_getmetafield(L, 1, "__metatable") == LUA_TNIL)
        lua_rawgeti(L, -1, ORIGINAL);
    return 1;
}

static int base_setmetatable(lua_State *L)
{
    static const char *const forbidden[] = { "__gc", "__mode" };
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    for (size_t i = 0; i < COUNT(forbidden) && lua_istable(L, 2); i++) {
        lua_pushstring(L, forbidden[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "a recipe's metatables cannot have '%s'", forbidden[i]);
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    if (lua_istable(L, 2))
        push_stand_in(L, 2);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* Tables with a protected metatable are ours: raw writes would go around their locks. */
static int base_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    luaL_checkany(L, 3);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected table");
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 1;
}

/* load() of text only, by default into the recipe's own globals (upvalue 2); upvalue 1 is the
 * original.  The chunk's name cannot pass for one of ours. */
static int base_load(lua_State *L)
{
    const char *name = luaL_optstring(L, 2, "=(load)");
    const char *mode = luaL_optstring(L, 3, "t");
    bool own_environment = lua_gettop(L) >= 4;
    luaL_argcheck(L, !text_starts(name, OWN_CHUNK), 2, "this name is taken");
    luaL_argcheck(L, strchr(mode, 't'), 3, "this loads text only");
    lua_settop(L, 4);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushstring(L, name);
    lua_pushliteral(L, "t");
    lua_pushvalue(L, own_environment ? 4 : lua_upvalueindex(2));
    lua_call(L, 4, LUA_MULTRET);
    return lua_gettop(L) - 4;
}

/* ---- string ---- */

/* The originals' upvalue 1: string.rep. */
static int string_rep(lua_State *L)
{
    size_t size, separator_size = 0;
    luaL_checklstring(L, 1, &size);
    (void)luaL_checkinteger(L, 2);
    (void)luaL_optlstring(L, 3, "", &separator_size);
    if (size == 0 && separator_size == 0) { /* which the original would count to the end */
        lua_pushliteral(L, "");
        return 1;
    }
    lua_settop(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 3, 1);
    return 1;
}

/* Makes the argument of %s text without addresses and refuses %p; then the original (upvalue 1). */
static int string_format(lua_State *L)
{
    const char *format = luaL_checkstring(L, 1);
    int argument = 1, top = lua_gettop(L);
    for (const char *c = format; *c; c++) {
        if (*c != '%')
            continue;
        c++;
        if (*c == '%')
            continue;
        argument++;
        c += strspn(c, "-+ #0123456789.");
        if (*c == 'p')
            return luaL_error(L, "'%%p' is not available in a recipe: addresses differ every time");
        if (*c == 's' && argument <= top) {
            value_text(L, argument, NULL);
            lua_replace(L, argument);
            lua_settop(L, top);
        }
        if (!*c)
            break;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, top, 1);
    return 1;
}

/* ---- table.sort: a merge sort, stable; the original picks pivots by the clock ---- */

/* Is the value on top less than the one below it? [-2, +0, e] */
static bool top_is_less(lua_State *L, bool by_function)
{
    bool less;
    if (by_function) {
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -2); /* top */
        lua_pushvalue(L, -4); /* below */
        lua_call(L, 2, 1);
        less = lua_toboolean(L, -1);
        lua_pop(L, 1);
    } else {
        less = lua_compare(L, -1, -2, LUA_OPLT);
    }
    lua_pop(L, 2);
    return less;
}

struct merge {
    int from, to; /* stack indices of two raw lists */
    lua_Integer left, middle, right;
    bool by_function;
};

/* Merges [left, middle) and [middle, right) of `from` into `to`. */
static void merge(lua_State *L, const struct merge *m)
{
    lua_Integer a = m->left, b = m->middle;
    for (lua_Integer out = m->left; out < m->right; out++) {
        bool take_b = a >= m->middle;
        if (!take_b && b < m->right) {
            lua_rawgeti(L, m->from, a);
            lua_rawgeti(L, m->from, b);
            take_b = top_is_less(L, m->by_function);
        }
        lua_rawgeti(L, m->from, take_b ? b++ : a++);
        lua_rawseti(L, m->to, out);
    }
}

static int table_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count < INT_MAX, 1, "array too big");
    bool by_function = !lua_isnoneornil(L, 2);
    if (by_function)
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_createtable(L, count > 0 ? (int)count : 0, 0);
    lua_createtable(L, count > 0 ? (int)count : 0, 0);
    int from = 3, to = 4;
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        lua_rawseti(L, from, i);
    }
    for (lua_Integer width = 1; width < count; width *= 2) {
        for (lua_Integer left = 1; left <= count; left += 2 * width) {
            lua_Integer middle = left + width > count ? count + 1 : left + width;
            lua_Integer right = left + 2 * width > count ? count + 1 : left + 2 * width;
            merge(L, &(struct merge) { from, to, left, middle, right, by_function });
        }
        int other = from;
        from = to;
        to = other;
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, from, i);
        lua_seti(L, 1, i);
    }
    return 0;
}

/* ---- the allow-list ---- */

static const char *const base_names[] = { "assert",   "error",  "ipairs", "pcall",
                                          "rawequal", "rawget", "rawlen", "select",
                                          "tonumber", "type",   "xpcall", "_VERSION" };
static const char *const string_names[] = { "byte",    "char",  "find",   "gmatch", "gsub",
                                            "len",     "lower", "match",  "pack",   "packsize",
                                            "reverse", "sub",   "unpack", "upper" };
static const char *const table_names[] = { "concat", "insert", "move", "pack", "remove", "unpack" };
static const char *const math_names[] = { "abs",        "acos", "asin",      "atan",       "ceil",
                                          "cos",        "deg",  "exp",       "floor",      "fmod",
                                          "huge",       "log",  "max",       "maxinteger", "min",
                                          "mininteger", "modf", "pi",        "rad",        "sin",
                                          "sqrt",       "tan",  "tointeger", "type",       "ult" };
static const char *const utf8_names[] = { "char",  "charpattern", "codepoint",
                                          "codes", "len",         "offset" };
static const char *const coroutine_names[] = { "close",   "create", "isyieldable", "resume",
                                               "running", "status", "wrap",        "yield" };

/* Copies the named fields of the table on top into a new one, which takes its place. [-1, +1, m] */
static void keep(lua_State *L, const char *const *names, size_t count)
{
    lua_createtable(L, 0, (int)count + 4);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, -2, names[i]);
        lua_setfield(L, -2, names[i]);
    }
    lua_remove(L, -2);
}

/* Puts `function` into the table on top, its upvalue 1 the original of that name in `library`. */
static void wrap(lua_State *L, lua_CFunction function, const char *library, const char *name)
{
    lua_getglobal(L, library);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

static void add_libraries(lua_State *L)
{
    static const struct {
        const char *name;
        const char *const *names;
        size_t count;
    } libraries[] = {
        { LUA_STRLIBNAME, string_names, COUNT(string_names) },
        { LUA_TABLIBNAME, table_names, COUNT(table_names) },
        { LUA_MATHLIBNAME, math_names, COUNT(math_names) },
        { LUA_UTF8LIBNAME, utf8_names, COUNT(utf8_names) },
        { LUA_COLIBNAME, coroutine_names, COUNT(coroutine_names) },
    };
    for (size_t i = 0; i < COUNT(libraries); i++) {
        lua_getglobal(L, libraries[i].name);
        keep(L, libraries[i].names, libraries[i].count);
        lua_setfield(L, -2, libraries[i].name);
    }
}

/* Strings' methods are the allowed library, and nobody reaches the metatable. */
static void lock_strings(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -3, LUA_STRLIBNAME);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

static void add_next(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushcclosure(L, base_next, 1);
    lua_setfield(L, -2, "next");
}

void language_open(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        { LUA_GNAME, luaopen_base },
        { LUA_STRLIBNAME, luaopen_string },
        { LUA_TABLIBNAME, luaopen_table },
        { LUA_MATHLIBNAME, luaopen_math },
        { LUA_UTF8LIBNAME, luaopen_utf8 },
        { LUA_COLIBNAME, luaopen_coroutine },
        { NULL, NULL },
    };
    for (const luaL_Reg *library = libraries; library->name; library++) {
        luaL_requiref(L, library->name, library->func, 1);
        lua_pop(L, 1);
    }
}

void language_push_allowed(lua_State *L)
{
    static const luaL_Reg base[] = { { "tostring", base_tostring },
                                     { "pairs", base_pairs },
                                     { "getmetatable", base_getmetatable },
                                     { "setmetatable", base_setmetatable },
                                     { "rawset", base_rawset },
                                     { NULL, NULL } };
    lua_pushglobaltable(L);
    keep(L, base_names, COUNT(base_names));
    luaL_setfuncs(L, base, 0);
    add_next(L);
    add_libraries(L);
    lua_getfield(L, -1, LUA_STRLIBNAME);
    wrap(L, string_rep, LUA_STRLIBNAME, "rep");
    wrap(L, string_format, LUA_STRLIBNAME, "format");
    lua_pop(L, 1);
    lua_getfield(L, -1, LUA_TABLIBNAME);
    lua_pushcfunction(L, table_sort);
    lua_setfield(L, -2, "sort");
    lua_pop(L, 1);
    lock_strings(L);
}

/* Copies fields of the library `name` as they are into the allowed one. The allowed ones are on top.
 */
static void keep_more(lua_State *L, const char *library, const char *const *names, size_t count)
{
    lua_getglobal(L, library);
    lua_getfield(L, -2, library);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, -2, names[i]);
        lua_setfield(L, -2, names[i]);
    }
    lua_pop(L, 2);
}

/* No finalizers: no hook would end one that loops.  Upvalue 1: the original.  A metatable that gets
 * its __gc later makes none. */
static int plain_setmetatable(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "a script's metatables cannot have '__gc'");
        lua_pop(L, 1);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

void language_push_plain(lua_State *L)
{
    static const char *const base[] = { "tostring", "pairs",        "next",
                                        "rawset",   "getmetatable", "collectgarbage" };
    static const char *const string[] = { "rep", "format" };
    static const char *const table[] = { "sort" };
    lua_pushglobaltable(L);
    keep(L, base_names, COUNT(base_names));
    for (size_t i = 0; i < COUNT(base); i++) {
        lua_getglobal(L, base[i]);
        lua_setfield(L, -2, base[i]);
    }
    wrap(L, plain_setmetatable, LUA_GNAME, "setmetatable");
    add_libraries(L);
    keep_more(L, LUA_STRLIBNAME, string, COUNT(string));
    keep_more(L, LUA_TABLIBNAME, table, COUNT(table));
    lua_getfield(L, -1, LUA_COLIBNAME);
    lua_pushnil(L); /* nobody gets hold of a task, to resume or close it */
    lua_setfield(L, -2, "running");
    lua_pop(L, 1);
    lock_strings(L);
}

void language_push_load(lua_State *L, int environment)
{
    environment = lua_absindex(L, environment);
    lua_getglobal(L, "load");
    lua_pushvalue(L, environment);
    lua_pushcclosure(L, base_load, 2);
}
