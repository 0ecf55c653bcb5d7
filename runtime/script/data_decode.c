/* data_decode.c - JSON to Lua values: for the word `json`, and for what was declared so far. */
#include "script/lua_state.h"

#include <errno.h>
#include <math.h>

#include "base/text.h"

#define DEPTH_MAX 64

struct reader {
    lua_State *L;
    const char *at, *end;
    bool references;
    int depth;
    const char *wrong; /* static text; NULL: nothing so far */
};

static bool read_value(struct reader *r);

static bool fail(struct reader *r, const char *wrong)
{
    r->wrong = wrong;
    return false;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at >= r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0)
        return false;
    r->at += size;
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hexadecimal digits; -1 when there are none. */
static long read_hex(struct reader *r)
{
    long code = 0;
    if (r->end - r->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*r->at++);
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

static bool read_unicode(struct reader *r, luaL_Buffer *out)
{
    long code = read_hex(r);
    if (code >= 0xD800 && code < 0xDC00) {
        if (!take_word(r, "\\u"))
            return fail(r, "half a surrogate pair");
        long low = read_hex(r);
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(r, "half a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code <= 0 || (code >= 0xDC00 && code < 0xE000)) {
        return fail(r, "a bad \\u escape");
    }
    if (code < 0x80) {
        luaL_addchar(out, (char)code);
    } else if (code < 0x800) {
        luaL_addchar(out, (char)(0xC0 | (code >> 6)));
        luaL_addchar(out, (char)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        luaL_addchar(out, (char)(0xE0 | (code >> 12)));
        luaL_addchar(out, (char)(0x80 | ((code >> 6) & 0x3F)));
        luaL_addchar(out, (char)(0x80 | (code & 0x3F)));
    } else {
        luaL_addchar(out, (char)(0xF0 | (code >> 18)));
        luaL_addchar(out, (char)(0x80 | ((code >> 12) & 0x3F)));
        luaL_addchar(out, (char)(0x80 | ((code >> 6) & 0x3F)));
        luaL_addchar(out, (char)(0x80 | (code & 0x3F)));
    }
    return true;
}

static bool read_escape(struct reader *r, luaL_Buffer *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->at >= r->end)
        return fail(r, "a string that never ends");
    char c = *r->at++;
    if (c == 'u')
        return read_unicode(r, out);
    const char *found = c ? strchr(from, c) : NULL;
    if (!found)
        return fail(r, "an unknown escape in a string");
    luaL_addchar(out, to[found - from]);
    return true;
}

/* After the opening quote. [-0, +1 when true] */
static bool read_string(struct reader *r)
{
    luaL_Buffer out;
    luaL_buffinit(r->L, &out);
    for (;;) {
        const char *from = r->at;
        while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= 0x20)
            r->at++;
        luaL_addlstring(&out, from, (size_t)(r->at - from));
        if (r->at >= r->end)
            return fail(r, "a string that never ends");
        char c = *r->at++;
        if (c == '"')
            break;
        if (c != '\\')
            return fail(r, "a control character in a string");
        if (!read_escape(r, &out))
            return false;
    }
    luaL_pushresult(&out);
    return true;
}

/* ---- the rest ---- */

static bool read_number(struct reader *r)
{
    const char *from = r->at;
    bool integer = true;
    char text[64];
    while (r->at < r->end && *r->at && strchr("+-0123456789.eE", *r->at)) {
        if (*r->at == '.' || *r->at == 'e' || *r->at == 'E')
            integer = false;
        r->at++;
    }
    size_t size = (size_t)(r->at - from);
    if (size == 0 || size >= sizeof text)
        return fail(r, size ? "a number that is too long" : "something that is no value");
    memcpy(text, from, size);
    text[size] = '\0';
    const char *digits = text + (text[0] == '-');
    if (digits[0] < '0' || digits[0] > '9' ||
        (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9'))
        return fail(r, "a malformed number");
    char *end;
    errno = 0;
    long long whole = integer ? strtoll(text, &end, 10) : 0;
    if (integer && *end == '\0' && errno == 0) {
        lua_pushinteger(r->L, whole);
        return true;
    }
    double value = strtod(text, &end);
    if (*end || !isfinite(value))
        return fail(r, "a malformed number");
    lua_pushnumber(r->L, value);
    return true;
}

static bool read_list(struct reader *r)
{
    lua_State *L = r->L;
    lua_newtable(L);
    lua_Integer count = 0;
    if (take(r, ']'))
        return true;
    do {
        if (!read_value(r))
            return false;
        if (lua_isnil(L, -1)) {
            if (!r->references)
                return fail(r, "null in a list");
            lua_pop(L, 1);
        } else {
            lua_rawseti(L, -2, ++count);
        }
    } while (take(r, ','));
    return take(r, ']') || fail(r, "a list without its ']'");
}

/* Turns the table on top into a reference when it is one of ours. */
static void to_reference(lua_State *L)
{
    lua_pushnil(L);
    if (!lua_next(L, -2))
        return;
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (name[0] != '$') {
        lua_pop(L, 2);
        return;
    }
    if (text_equal(name, "$setup_script") && lua_isinteger(L, -1)) {
        lua_getfield(L, LUA_REGISTRYINDEX, SCRIPT_REFERENCES);
        lua_rawgeti(L, -1, lua_tointeger(L, -2) + 1);
        lua_replace(L, -5);
        lua_pop(L, 3);
        return;
    }
    reference_push(L, name + 1);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static bool read_map(struct reader *r)
{
    lua_State *L = r->L;
    lua_newtable(L);
    if (take(r, '}'))
        return true;
    do {
        if (!take(r, '"'))
            return fail(r, "an object's member without a name");
        if (!read_string(r))
            return false;
        if (!take(r, ':'))
            return fail(r, "an object's member without a ':'");
        if (!read_value(r))
            return false;
        lua_rawset(L, -3); /* null: the member is not there */
    } while (take(r, ','));
    if (!take(r, '}'))
        return fail(r, "an object without its '}'");
    if (r->references)
        to_reference(L);
    return true;
}

/* [-0, +1 when true] */
static bool read_value(struct reader *r)
{
    luaL_checkstack(r->L, 8, NULL);
    skip_space(r);
    if (r->at >= r->end)
        return fail(r, "an end too early");
    if (r->depth == DEPTH_MAX)
        return fail(r, "values nested too deeply");
    r->depth++;
    bool done;
    if (take(r, '{'))
        done = read_map(r);
    else if (take(r, '['))
        done = read_list(r);
    else if (take(r, '"'))
        done = read_string(r);
    else if (take_word(r, "true"))
        lua_pushboolean(r->L, 1), done = true;
    else if (take_word(r, "false"))
        lua_pushboolean(r->L, 0), done = true;
    else if (take_word(r, "null"))
        lua_pushnil(r->L), done = true;
    else
        done = read_number(r);
    r->depth--;
    return done;
}

bool data_decode(lua_State *L, const char *text, size_t size, bool references, int *out_line)
{
    int top = lua_gettop(L);
    struct reader r = { .L = L, .at = text, .end = text + size, .references = references };
    bool done =
        text_is_utf8(text, size) ? read_value(&r) : fail(&r, "bytes that are not UTF-8 text");
    if (done) {
        skip_space(&r);
        if (r.at == r.end)
            return true;
        r.wrong = "more text after its value";
    }
    lua_settop(L, top);
    *out_line = 1;
    for (const char *c = text; c < r.at && c < r.end; c++)
        *out_line += *c == '\n';
    lua_pushfstring(L, "this JSON has %s", r.wrong);
    return false;
}
