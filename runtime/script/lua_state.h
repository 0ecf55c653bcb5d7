/* lua_state.h - what the C files of the recipe language share: the host behind a Lua state, places
 * in the recipe, values in an order.  Stack effects are written [-pops, +pushes, raises?]. */
#ifndef SCRIPT_LUA_STATE_H
#define SCRIPT_LUA_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "script/memory.h"
#include "script/recipe_core.h"

/* Chunks of ours have names that start so; the recipe's own start with '@' or '='. */
#define OWN_CHUNK "=moonfleet:"

/* In the registry: the recipe's own files by name, as far as they were loaded. */
#define LOADED_FILES "moonfleet.files"

/* In the registry: the function that gives a setup script's record its index in "scripts", and the
 * references by index. */
#define SCRIPT_INDEX "moonfleet.script_index"
#define SCRIPT_REFERENCES "moonfleet.script_references"

#define PLACE_FILE_SIZE 256

struct place {
    char file[PLACE_FILE_SIZE]; /* "" when unknown */
    int line;                   /* 0 when unknown */
};

/* One evaluation.  Found from any of its Lua states with recipe_run_of(). */
struct recipe_run {
    const struct recipe_input *input; /* borrowed */
    lua_State *L;                     /* owned */
    struct memory memory;
    int64_t instructions;
    bool evaluating;         /* the recipe's own code may be running */
    struct place refused_at; /* where the allocator said no last */
    bool stopped;            /* instructions_max was reached: every further instruction raises */
    struct buffer scratch;   /* owned here: a raise in the middle of an encoding leaks nothing */
    struct buffer suspended; /* owned: the scratch of an encoding that waits for another */
    struct buffer document;  /* owned */
    struct buffer answer;    /* owned: what the source gave */
    void (*stop)(const char *file, int line);
};

struct recipe_run *recipe_run_of(lua_State *L); /* [-0, +0, -] */

/* The innermost place in code of the recipe. [-0, +0, -] */
void place_of_caller(lua_State *L, struct place *out);

/* Is the frame in `ar` (filled with "S") code of the recipe? */
bool frame_is_users(const lua_Debug *ar);

/* The text of `message` behind "file:line: ", as Lua puts it there, long names shortened; NULL when it
 * does not begin so.  `out_line` is then left alone. */
const char *place_after(const char *message, const char *file, int *out_line);

/* Takes "file:line: " prefixes, as Lua puts them there, off a message; the innermost one is where
 * it happened.  Returns the rest of `message`; `out` is left alone when there is none. */
const char *place_strip(lua_State *L, const char *message, struct place *out);

/* A new list of all keys of the table at `index`: numbers, then strings by bytes, then booleans.
 * Raises when a key is of another type. [-0, +1, m e] */
void keys_push_sorted(lua_State *L, int index);

/* Text of any value without addresses ("table", "function"); honours __tostring. [-0, +1, e] */
const char *value_text(lua_State *L, int index, size_t *out_size);

/* Opens the libraries of which something is allowed, as globals. [-0, +0, m] */
void language_open(lua_State *L);

/* A table of base functions and libraries, as much as a recipe may use of them.  [-0, +1, m] */
void language_push_allowed(lua_State *L);

/* A list of { file, line } of each setmetatable() whose metatable has other metamethods by now, in
 * no order.  [-0, +1, m] */
void metatables_push_changed(lua_State *L);

/* The same functions as Lua has them, for scripts that act: no stand-ins, no order.  collectgarbage() is
 * there too; load() is language_push_load()'s. [-0, +1, m] */
void language_push_plain(lua_State *L);

/* load() of text only, into the globals in the table at `environment` unless told otherwise. [-0,
 * +1, m] */
void language_push_load(lua_State *L, int environment);

/* The C side of the words: a table of functions for lua/recipe/init.lua. [-0, +1, m] */
void core_push(lua_State *L);

/* Adds the C side of templates to the table on top. [-0, +0, m] */
void template_functions_add(lua_State *L);

/* ---- data ---- */

/* Appends the value at `index` to run->scratch as JSON.  What is no data is left out and told in
 * problems: an array at `problems` (index) grows by "path: what is wrong". [-0, +0, m e] */
void data_encode(lua_State *L, int index, int problems);

/* Reads JSON.  With `references`, {"$user":…} become references.  Pushes the value and returns
 * true, or pushes a sentence and returns false with the line in *out_line. [-0, +1, m] */
bool data_decode(lua_State *L, const char *text, size_t size, bool references, int *out_line);

/* RFC 4180 with a header row.  Pushes a list of rows, then a list of { line, sentence } of what is
 * wrong in them. [-0, +2, m] */
void csv_read(lua_State *L, const char *text, size_t size);

/* References: userdata of a kind ("user", …) and a value. */
#define REFERENCE_TYPE "moonfleet.reference"
#define PLACEHOLDER_TYPE "moonfleet.placeholder"
void reference_open(lua_State *L);                   /* [-0, +0, m] */
void reference_push(lua_State *L, const char *kind); /* of the value on top [-1, +1, m] */
const char *reference_kind(lua_State *L, int index); /* NULL: no reference [-0, +0, -] */

#endif
