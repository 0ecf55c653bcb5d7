/* bind.c - see bind.h. */
#include "script/bind.h"

#include <math.h>

#include "base/text.h"

#define FAILURE_TYPE "moonfleet.failure"
#define LIST_TYPE "moonfleet.list" /* of lists that came as JSON: empty ones are lists too */
#define DEPTH_MAX 64
#define EXACT_MAX ((lua_Integer)1 << 53)

static int failure_text(lua_State *L)
{
    lua_getfield(L, 1, "message");
    return 1;
}

void bind_open(lua_State *L)
{
    luaL_newmetatable(L, FAILURE_TYPE);
    lua_pushcfunction(L, failure_text);
    lua_setfield(L, -2, "__tostring");
    luaL_newmetatable(L, LIST_TYPE);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

/* ---- failures ---- */

static void set_text(lua_State *L, const char *field, const char *text)
{
    if (!text[0])
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

int bind_fail(lua_State *L, const struct error *err)
{
    lua_pushnil(L);
    lua_createtable(L, 0, 5);
    set_text(L, "code", json_error_code(err));
    set_text(L, "message", err->message);
    set_text(L, "target", err->target);
    set_text(L, "details", err->details);
    if (err->status > 0) {
        lua_pushinteger(L, err->status);
        lua_setfield(L, -2, "status");
    }
    luaL_setmetatable(L, FAILURE_TYPE);
    return 2;
}

/* ---- JSON to Lua ---- */

static void push_array(lua_State *L, const cJSON *tree)
{
    lua_Integer index = 0;
    const cJSON *item;
    lua_createtable(L, cJSON_GetArraySize(tree), 0);
    luaL_setmetatable(L, LIST_TYPE);
    cJSON_ArrayForEach(item, tree)
    {
        bind_push_json(L, item);
        lua_rawseti(L, -2, ++index);
    }
}

static void push_object(lua_State *L, const cJSON *tree)
{
    const cJSON *item;
    lua_createtable(L, 0, cJSON_GetArraySize(tree));
    cJSON_ArrayForEach(item, tree)
    {
        lua_pushstring(L, item->string);
        bind_push_json(L, item);
        lua_rawset(L, -3);
    }
}

void bind_push_json(lua_State *L, const cJSON *tree)
{
    lua_Integer integer;
    luaL_checkstack(L, 4, "this is nested too deep");
    if (cJSON_IsArray(tree))
        push_array(L, tree);
    else if (cJSON_IsObject(tree))
        push_object(L, tree);
    else if (cJSON_IsString(tree))
        lua_pushstring(L, tree->valuestring);
    else if (cJSON_IsBool(tree))
        lua_pushboolean(L, cJSON_IsTrue(tree));
    else if (cJSON_IsNumber(tree) && lua_numbertointeger(tree->valuedouble, &integer) &&
             (lua_Number)integer == tree->valuedouble)
        lua_pushinteger(L, integer);
    else if (cJSON_IsNumber(tree))
        lua_pushnumber(L, tree->valuedouble);
    else
        lua_pushnil(L);
}

/* ---- Lua to JSON ---- */

static cJSON *json_of(lua_State *L, int index, int depth, struct error *err);

static cJSON *no_data(struct error *err, const char *what)
{
    (void)error_set(err, ERROR_INVALID, "%s", what);
    return NULL;
}

static cJSON *number_json(lua_State *L, int index, struct error *err)
{
    lua_Integer whole = lua_tointeger(L, index);
    if (lua_isinteger(L, index) && (whole < -EXACT_MAX || whole > EXACT_MAX))
        return no_data(err, "holds an integer beyond those that JSON keeps exactly (2^53)");
    if (!isfinite(lua_tonumber(L, index)))
        return no_data(err, "holds a number that is not finite");
    return cJSON_CreateNumber(lua_tonumber(L, index));
}

static cJSON *string_json(lua_State *L, int index, struct error *err)
{
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    return text_is_utf8(text, size) ? cJSON_CreateString(text)
                                    : no_data(err, "holds a string that is not UTF-8 text");
}

static bool is_list(lua_State *L, int index)
{
    if (lua_rawlen(L, index) > 0)
        return true;
    if (!lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, LIST_TYPE);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static cJSON *list_json(lua_State *L, int index, int depth, struct error *err)
{
    lua_Unsigned keys = 0, count = lua_rawlen(L, index);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        keys++;
    if (keys != count)
        return no_data(err, "holds a list with holes, or with named fields");
    cJSON *array = cJSON_CreateArray();
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(L, index, (lua_Integer)i);
        cJSON *item = json_of(L, lua_gettop(L), depth, err);
        lua_pop(L, 1);
        if (!item) {
            cJSON_Delete(array);
            return NULL;
        }
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

static int by_name(const cJSON *a, const cJSON *b)
{
    return strcmp(a->string, b->string);
}

/* The key and value on top as a field. */
static bool add_field(lua_State *L, cJSON *object, int depth, struct error *err)
{
    size_t size;
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &size) : NULL;
    if (!name || !text_is_utf8(name, size)) {
        (void)no_data(err, "holds a table with a key that is neither a name nor one of a list");
        return false;
    }
    cJSON *item = json_of(L, lua_gettop(L), depth, err);
    if (item)
        cJSON_AddItemToObject(object, name, item);
    return item != NULL;
}

static cJSON *object_json(lua_State *L, int index, int depth, struct error *err)
{
    int top = lua_gettop(L);
    cJSON *object = cJSON_CreateObject();
    bool good = object != NULL;
    for (lua_pushnil(L); good && lua_next(L, index); lua_pop(L, good ? 1 : 0))
        good = add_field(L, object, depth, err);
    lua_settop(L, top);
    if (good && json_sort(object, by_name) == 0)
        return object;
    cJSON_Delete(object);
    return NULL;
}

static cJSON *json_of(lua_State *L, int index, int depth, struct error *err)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return cJSON_CreateNull();
    case LUA_TBOOLEAN:
        return cJSON_CreateBool(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return number_json(L, index, err);
    case LUA_TSTRING:
        return string_json(L, index, err);
    case LUA_TTABLE:
        break;
    default:
        (void)error_set(err, ERROR_INVALID, "holds a %s, which is no data",
                        luaL_typename(L, index));
        return NULL;
    }
    if (depth == DEPTH_MAX || !lua_checkstack(L, 10))
        return no_data(err, "holds itself, or is nested too deeply");
    return is_list(L, index) ? list_json(L, index, depth + 1, err)
                             : object_json(L, index, depth + 1, err);
}

cJSON *bind_json(lua_State *L, int index, struct error *err)
{
    (void)error_set(err, ERROR_NO_MEMORY, "takes more memory than there is");
    return json_of(L, lua_absindex(L, index), 0, err);
}
