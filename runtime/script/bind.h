/* bind.h - what the modules of scripts (bind_*.c) share.  Internal to script/. */
#ifndef SCRIPT_BIND_H
#define SCRIPT_BIND_H

#include <lauxlib.h>
#include <lua.h>

#include "base/json.h"
#include "script/host.h"

/* The plane that the script of this state talks to. [-0, +0, -] */
const struct host_plane *host_plane_of(lua_State *L);

/* Makes the metatable of what bind_fail() returns. [-0, +0, m] */
void bind_open(lua_State *L);

/* nil, and a table { code, message, target, status, details } that prints as its message: what a
 * function returns when the world refused.  [-0, +2, m] */
int bind_fail(lua_State *L, const struct error *err);

/* A value of JSON; null is nil.  `tree` must be owned by what survives a raise. [-0, +1, m] */
void bind_push_json(lua_State *L, const cJSON *tree);

/* A value as JSON: tables are lists or objects, whose names are sorted; metatables are ignored.  The
 * caller's; NULL when it is no data, `err` then says what it does ("holds a function…").  Never
 * raises. */
cJSON *bind_json(lua_State *L, int index, struct error *err);

/* Each pushes what becomes the global of its name. [-0, +1, m] */
int luaopen_rbac(lua_State *L);
int luaopen_parallel(lua_State *L);

#endif
