/* csv.c - RFC 4180 with a header row: each further row is a table by the header's names. */
#include "script/lua_state.h"

#include "base/text.h"

struct csv {
    lua_State *L;
    const char *at, *end;
    int line;
    const char *wrong; /* in this record; static text; NULL: nothing so far */
};

static bool at_line_end(const struct csv *c)
{
    return c->at >= c->end || *c->at == '\n' ||
           (*c->at == '\r' && (c->at + 1 == c->end || c->at[1] == '\n'));
}

static void skip_line_end(struct csv *c)
{
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    if (c->at < c->end && *c->at == '\n')
        c->at++;
    c->line++;
}

/* After the opening quote. [-0, +1] */
static void read_quoted(struct csv *c)
{
    luaL_Buffer out;
    luaL_buffinit(c->L, &out);
    for (;;) {
        const char *from = c->at;
        while (c->at < c->end && *c->at != '"')
            c->line += *c->at++ == '\n';
        luaL_addlstring(&out, from, (size_t)(c->at - from));
        if (c->at >= c->end) {
            c->wrong = "a quoted field never ends";
            break;
        }
        c->at++;
        if (c->at >= c->end || *c->at != '"')
            break;
        luaL_addchar(&out, '"');
        c->at++;
    }
    luaL_pushresult(&out);
    if (!at_line_end(c) && *c->at != ',')
        c->wrong = "there is text after a closing quote";
}

/* [-0, +1] */
static void read_field(struct csv *c)
{
    if (c->at < c->end && *c->at == '"') {
        c->at++;
        read_quoted(c);
        return;
    }
    const char *from = c->at;
    while (!at_line_end(c) && *c->at != ',') {
        if (*c->at++ == '"')
            c->wrong = "there is a quote inside a field that does not begin with one";
    }
    lua_pushlstring(c->L, from, (size_t)(c->at - from));
}

/* A list of the record's fields; whatever is wrong ends the record at the end of its line. [-0, +1]
 */
static void read_record(struct csv *c)
{
    lua_State *L = c->L;
    c->wrong = NULL;
    lua_newtable(L);
    for (lua_Integer i = 1;; i++) {
        read_field(c);
        lua_rawseti(L, -2, i);
        if (c->wrong || at_line_end(c))
            break;
        c->at++; /* the comma */
    }
    while (!at_line_end(c))
        c->at++;
    skip_line_end(c);
}

/* [-0, +0] */
static void complain(struct csv *c, int problems, int line, const char *what)
{
    lua_State *L = c->L;
    lua_createtable(L, 2, 0);
    lua_pushinteger(L, line);
    lua_rawseti(L, -2, 1);
    lua_pushstring(L, what);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, problems, (lua_Integer)lua_rawlen(L, problems) + 1);
}

/* Checks the header on top of the stack: every column has a name of its own. */
static void check_header(struct csv *c, int problems)
{
    lua_State *L = c->L;
    int header = lua_gettop(L);
    lua_newtable(L);
    for (lua_Integer i = 1; lua_rawgeti(L, header, i) != LUA_TNIL; i++) {
        if (lua_rawlen(L, -1) == 0) {
            complain(c, problems, 1, "a column of the header row has no name");
        } else {
            lua_pushvalue(L, -1);
            if (lua_rawget(L, header + 1) != LUA_TNIL) {
                complain(c, problems, 1,
                         lua_pushfstring(L, "two columns are called '%s'", lua_tostring(L, -2)));
                lua_pop(L, 1);
            }
            lua_pop(L, 1);
            lua_pushvalue(L, -1);
            lua_pushboolean(L, 1);
            lua_rawset(L, header + 1);
        }
        lua_pop(L, 1);
    }
    lua_settop(L, header);
}

/* Turns the record on top into a row by the header's names. [-1, +1] */
static void name_fields(lua_State *L, int header)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, header);
    lua_createtable(L, 0, (int)count);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, header, i);
        lua_rawgeti(L, -3, i);
        lua_rawset(L, -3);
    }
    lua_remove(L, -2);
}

static void read_rows(struct csv *c, int rows, int problems)
{
    lua_State *L = c->L;
    lua_Integer count = 0;
    read_record(c);
    int header = lua_gettop(L);
    if (c->wrong)
        complain(c, problems, 1, c->wrong);
    check_header(c, problems);
    lua_Integer columns = (lua_Integer)lua_rawlen(L, header);
    while (c->at < c->end) {
        int line = c->line;
        if (at_line_end(c)) { /* an empty line */
            skip_line_end(c);
            continue;
        }
        read_record(c);
        lua_Integer fields = (lua_Integer)lua_rawlen(L, -1);
        if (c->wrong || fields != columns) {
            complain(c, problems, line,
                     c->wrong ? c->wrong
                              : lua_pushfstring(L, "this row has %I field%s, the header row has %I",
                                                fields, fields == 1 ? "" : "s", columns));
            lua_settop(L, header);
            continue;
        }
        name_fields(L, header);
        lua_rawseti(L, rows, ++count);
    }
    lua_settop(L, header - 1);
}

void csv_read(lua_State *L, const char *text, size_t size)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* spreadsheets write it */
    struct csv c = { .L = L, .at = text, .end = text + size, .line = 1 };
    luaL_checkstack(L, 16, NULL);
    lua_newtable(L);
    lua_newtable(L);
    int problems = lua_gettop(L);
    if (size >= 3 && memcmp(text, mark, 3) == 0)
        c.at += 3;
    if (!text_is_utf8(text, size))
        complain(&c, problems, 1, "this is not UTF-8 text");
    else if (c.at == c.end)
        complain(&c, problems, 1, "this file has no header row");
    else
        read_rows(&c, problems - 1, problems);
}
