/* bind_core.c - the C side of the recipe's words: the table `core` that lua/recipe/ builds on.
 *
 * Recipes never see it.  Mistakes in a recipe are not raised here but given back, so that the words
 * can collect them and go on. */
#include "script/lua_state.h"

#include "base/duration.h"
#include "base/json.h"
#include "base/text.h"

/* ---- references and placeholders ---- */

void reference_push(lua_State *L, const char *kind)
{
    size_t size = strlen(kind) + 1;
    char *copy = lua_newuserdatauv(L, size, 1);
    memcpy(copy, kind, size);
    luaL_setmetatable(L, REFERENCE_TYPE);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, 1);
}

const char *reference_kind(lua_State *L, int index)
{
    return lua_isuserdata(L, index) ? luaL_testudata(L, index, REFERENCE_TYPE) : NULL;
}

/* reference(kind, value) */
static int core_reference(lua_State *L)
{
    const char *kind = luaL_checkstring(L, 1);
    lua_settop(L, 2);
    reference_push(L, kind);
    return 1;
}

/* kind, value = reference_of(v), or nothing */
static int core_reference_of(lua_State *L)
{
    const char *kind = reference_kind(L, 1);
    if (!kind)
        return 0;
    lua_pushstring(L, kind);
    lua_getiuservalue(L, 1, 1);
    return 2;
}

static int core_is_placeholder(lua_State *L)
{
    lua_pushboolean(L, luaL_testudata(L, 1, PLACEHOLDER_TYPE) != NULL);
    return 1;
}

/* ---- places ---- */

/* file, line = where(): of the recipe's code that called */
static int core_where(lua_State *L)
{
    struct place place;
    place_of_caller(L, &place);
    lua_pushstring(L, place.file[0] ? place.file : recipe_run_of(L)->input->name);
    lua_pushinteger(L, place.line);
    return 2;
}

/* message, file, line = place(message): without the places that Lua puts in front of it; the place is
 * that of the innermost one, or of the recipe's code that called. */
static int core_place(lua_State *L)
{
    struct place place = { 0 };
    const char *message = place_strip(L, luaL_checkstring(L, 1), &place);
    if (!place.file[0])
        place_of_caller(L, &place);
    lua_pushstring(L, message);
    lua_pushstring(L, place.file[0] ? place.file : recipe_run_of(L)->input->name);
    lua_pushinteger(L, place.line);
    return 3;
}

/* A text given line by line, so that an error without a place (nesting) has at least a line. */
struct lines {
    const char *at, *end;
    int line; /* the last one given */
};

static const char *next_line(lua_State *L, void *arg, size_t *out_size)
{
    struct lines *lines = arg;
    (void)L;
    const char *from = lines->at;
    if (from == lines->end)
        return NULL;
    const char *newline = memchr(from, '\n', (size_t)(lines->end - from));
    lines->at = newline ? newline + 1 : lines->end;
    lines->line++;
    *out_size = (size_t)(lines->at - from);
    return from;
}

/* Without what other programs put in front: a byte order mark, a "#!" line (its newline stays). */
static void skip_preamble(struct lines *lines)
{
    if (lines->end - lines->at >= 3 && memcmp(lines->at, "\xEF\xBB\xBF", 3) == 0)
        lines->at += 3;
    if (lines->at < lines->end && *lines->at == '#') {
        while (lines->at < lines->end && *lines->at != '\n')
            lines->at++;
    }
}

/* function = compile(text, name, globals), or nil, sentence, line */
static int core_compile(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct lines lines = { text, text + size, 0 };
    const char *name = luaL_checkstring(L, 2);
    lua_settop(L, 3);
    lua_getfield(L, LUA_REGISTRYINDEX, LOADED_FILES);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, name);
    lua_pushfstring(L, "@%s", name);
    skip_preamble(&lines);
    int status = lua_load(L, next_line, &lines, lua_tostring(L, -1), "t");
    if (status == LUA_ERRMEM)
        return lua_error(L);
    if (status != LUA_OK) {
        struct place place = { .line = lines.line };
        const char *message = place_strip(L, lua_tostring(L, -1), &place);
        if (text_equal(message, "C stack overflow"))
            message = "nested too deeply (C stack overflow)";
        lua_pushnil(L);
        lua_pushstring(L, message);
        lua_pushinteger(L, place.line);
        return 3;
    }
    lua_pushvalue(L, 3);
    lua_setupvalue(L, -2, 1);
    return 1;
}

/* ---- data ---- */

/* json, problems = encode(value) */
static int core_encode(lua_State *L)
{
    struct recipe_run *run = recipe_run_of(L);
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    lua_newtable(L);
    buffer_reset(&run->scratch);
    data_encode(L, 1, 2);
    lua_pushlstring(L, run->scratch.data, run->scratch.size);
    lua_insert(L, 2);
    return 2;
}

/* value = decode(json): of encode()'s own text */
static int core_decode(lua_State *L)
{
    size_t size;
    int line;
    const char *text = luaL_checklstring(L, 1, &size);
    if (!data_decode(L, text, size, true, &line))
        return lua_error(L);
    return 1;
}

/* true, value = json(text), or false, sentence, line */
static int core_json(lua_State *L)
{
    size_t size;
    int line = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    bool done = data_decode(L, text, size, false, &line);
    lua_pushboolean(L, done);
    lua_insert(L, -2);
    lua_pushinteger(L, line);
    return 3;
}

/* rows, problems = csv(text) */
static int core_csv(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    csv_read(L, text, size);
    return 2;
}

/* literal = quote(text): control characters and bytes that are no UTF-8 become '?' */
static int core_quote(lua_State *L)
{
    struct recipe_run *run = recipe_run_of(L);
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    buffer_reset(&run->scratch);
    if (text_is_utf8(text, size)) {
        json_quote(&run->scratch, text);
    } else {
        buffer_char(&run->scratch, '"');
        for (size_t i = 0; i < size; i++) {
            bool plain = text[i] >= 0x20 && text[i] < 0x7F && text[i] != '"' && text[i] != '\\';
            buffer_char(&run->scratch, plain ? text[i] : '?');
        }
        buffer_char(&run->scratch, '"');
    }
    if (run->scratch.failed)
        return luaL_error(L, "this text is longer than a recipe may hold");
    lua_pushlstring(L, run->scratch.data, run->scratch.size);
    return 1;
}

/* write(text…): appends to the document */
static int core_write(lua_State *L)
{
    struct buffer *document = &recipe_run_of(L)->document;
    int count = lua_gettop(L);
    for (int i = 1; i <= count; i++) {
        size_t size;
        const char *text = luaL_checklstring(L, i, &size);
        buffer_append(document, text, size);
    }
    return 0;
}

/* ---- asking the parent ---- */

/* text = read(path), or nil, sentence, is it only missing? */
static int core_read(lua_State *L)
{
    struct recipe_run *run = recipe_run_of(L);
    size_t size;
    const char *path = luaL_checklstring(L, 1, &size);
    struct error err = { 0 };
    buffer_reset(&run->answer);
    int rc = strlen(path) == size
                 ? run->input->source.read(run->input->source.arg, path, &run->answer, &err)
                 : error_set(&err, ERROR_INVALID, "a path cannot hold a zero byte");
    if (rc < 0) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        lua_pushboolean(L, rc == ERROR_NOT_FOUND);
        return 3;
    }
    lua_pushlstring(L, run->answer.data ? run->answer.data : "", run->answer.size);
    return 1;
}

typedef int asks_for(void *arg, const char *name, struct buffer *out, bool *out_found,
                     struct error *err);

/* Pushes the value, or nil, or nil and a sentence; gives their number. */
static int push_asked(lua_State *L, asks_for *ask)
{
    struct recipe_run *run = recipe_run_of(L);
    const char *name = luaL_checkstring(L, 1);
    struct error err = { 0 };
    bool found = false;
    buffer_reset(&run->answer);
    int rc = ask ? ask(run->input->source.arg, name, &run->answer, &found, &err) : 0;
    if (rc < 0) {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    if (found)
        lua_pushlstring(L, run->answer.data ? run->answer.data : "", run->answer.size);
    else
        lua_pushnil(L);
    return 1;
}

/* value = env(name), or nil, or nil, sentence */
static int core_env(lua_State *L)
{
    return push_asked(L, recipe_run_of(L)->input->source.env);
}

/* value = secret(name), likewise */
static int core_secret(lua_State *L)
{
    return push_asked(L, recipe_run_of(L)->input->source.secret);
}

/* ---- text ---- */

/* nearest(word, list): the one that was perhaps meant, or nil */
static int core_nearest(lua_State *L)
{
    const char *word = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0);
    size_t used = 0;
    for (size_t i = 1; i <= count; i++) {
        if (lua_rawgeti(L, 2, (lua_Integer)i) == LUA_TSTRING)
            names[used++] = lua_tostring(L, -1); /* the list keeps it alive */
        lua_pop(L, 1);
    }
    lua_pushstring(L, text_nearest(word, names, used)); /* NULL: nil */
    return 1;
}

static int core_is_text(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_pushboolean(L, text_is_utf8(text, size));
    return 1;
}

/* nil, or what is wrong with this duration */
static int core_duration_wrong(lua_State *L)
{
    struct error err = { 0 };
    int64_t seconds;
    if (duration_parse(luaL_checkstring(L, 1), &seconds, &err) == 0)
        return 0;
    lua_pushstring(L, err.message);
    return 1;
}

static int core_text(lua_State *L)
{
    luaL_checkany(L, 1);
    value_text(L, 1, NULL);
    return 1;
}

/* scripts(index_function, references): see SCRIPT_INDEX */
static int core_scripts(lua_State *L)
{
    lua_settop(L, 2);
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_REFERENCES);
    lua_setfield(L, LUA_REGISTRYINDEX, SCRIPT_INDEX);
    return 0;
}

/* allowed() → a new table of what Lua offers to a recipe */
static int core_allowed(lua_State *L)
{
    language_push_allowed(L);
    return 1;
}

/* load_into(globals) → a load() */
static int core_load_into(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    language_push_load(L, 1);
    return 1;
}

/* { { file, line }, … } = changed_metatables() */
static int core_changed_metatables(lua_State *L)
{
    metatables_push_changed(L);
    return 1;
}

/* ---- the table ---- */

/* A userdata type, its metatable left in `core` for the words to fill in. */
static void add_type(lua_State *L, const char *type, const char *field)
{
    luaL_newmetatable(L, type);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushnil(L);
    lua_setfield(L, -2, "__name");
    lua_setfield(L, -2, field);
}

/* A parameter's value: text, or for a template whatever JSON holds. */
static bool push_parameter(lua_State *L, const cJSON *value)
{
    struct recipe_run *run = recipe_run_of(L);
    int line;
    if (cJSON_IsString(value)) {
        lua_pushstring(L, value->valuestring);
        return true;
    }
    if (!run->input->is_template)
        return false;
    buffer_reset(&run->scratch);
    json_print(value, true, &run->scratch);
    if (run->scratch.failed)
        return false;
    bool done = data_decode(L, run->scratch.data, run->scratch.size, false, &line);
    if (!done)
        lua_pop(L, 1);
    return done;
}

static void add_parameters(lua_State *L)
{
    lua_newtable(L);
    const cJSON *member;
    cJSON_ArrayForEach(member, recipe_run_of(L)->input->parameters)
    {
        if (push_parameter(L, member))
            lua_setfield(L, -2, member->string);
    }
    lua_setfield(L, -2, "parameters");
}

void core_push(lua_State *L)
{
    static const luaL_Reg functions[] = { { "allowed", core_allowed },
                                          { "changed_metatables", core_changed_metatables },
                                          { "compile", core_compile },
                                          { "csv", core_csv },
                                          { "decode", core_decode },
                                          { "duration_wrong", core_duration_wrong },
                                          { "encode", core_encode },
                                          { "env", core_env },
                                          { "is_placeholder", core_is_placeholder },
                                          { "is_text", core_is_text },
                                          { "json", core_json },
                                          { "load_into", core_load_into },
                                          { "nearest", core_nearest },
                                          { "place", core_place },
                                          { "quote", core_quote },
                                          { "read", core_read },
                                          { "reference", core_reference },
                                          { "reference_of", core_reference_of },
                                          { "scripts", core_scripts },
                                          { "secret", core_secret },
                                          { "text", core_text },
                                          { "where", core_where },
                                          { "write", core_write },
                                          { NULL, NULL } };
    luaL_newlib(L, functions);
    add_type(L, REFERENCE_TYPE, "reference_type");
    add_type(L, PLACEHOLDER_TYPE, "placeholder_type");
    (void)lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, PLACEHOLDER_TYPE);
    lua_setfield(L, -2, "placeholder");
    lua_pushstring(L, recipe_run_of(L)->input->name);
    lua_setfield(L, -2, "name");
    template_functions_add(L);
    add_parameters(L);
}
