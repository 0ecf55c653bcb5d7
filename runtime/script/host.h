/* host.h - scripts that act: a Lua state with its limits, the loop, and the plane that it talks to.
 *
 * Unlike recipes, scripts run in this process, with the caller's own rights, and wait in its loop.
 * They get the same allow-list of Lua's functions (script/lua_state.h), the modules of bind_*.c as
 * globals, and a cap on memory. */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include "client/computes.h"

#define HOST_MEMORY_DEFAULT ((size_t)256 << 20)
#define HOST_SCRIPT_MAX ((size_t)16 << 20)

struct host;

/* Borrowed for as long as the host lives. */
struct host_options {
    size_t memory_bytes;     /* 0: HOST_MEMORY_DEFAULT */
    int64_t allocations_max; /* for tests: every further one fails; 0: no limit */
    /* What print() prints, a line each, without its line break. */
    void (*print)(const char *line, size_t size, void *arg);
    /* Asked now and then while Lua runs: shall it end? NULL: never. */
    bool (*interrupted)(void *arg);
    void *arg;
};
/* Makes the state with its modules.  *out is the caller's.  ERROR_NO_MEMORY, ERROR_LIMIT. */
int host_new(const struct host_options *options, struct host **out, struct error *err);
/* What waits is cancelled.  Before the client and the loop.  NULL is fine. */
void host_free(struct host *host);

/* Compiles a script whose messages call it `name`; a first line that begins with # is skipped.
 * ERROR_SYNTAX with file and line. */
int host_load(struct host *host, const char *name, const char *text, size_t size,
              struct error *err);

/* Where its questions go; the texts of `here` and the client are borrowed. */
struct host_plane {
    struct arm_client *client;
    struct workspace_ref here;
};
/* Runs what was loaded, once, as a task in the client's loop until it ends; `arguments` become `...`
 * and `arg`.  With `out_value` (NULL: nobody wants to know) what the script returned is the caller's,
 * as JSON.  ERROR_INVALID with file, line and traceback (details) for what the script raised;
 * ERROR_LIMIT; ERROR_CANCELLED after host_interrupt(). */
int host_run(struct host *host, const struct host_plane *plane, const char *const *arguments,
             size_t count, cJSON **out_value, struct error *err);
/* Ends host_run(), from the loop. */
void host_interrupt(struct host *host);

#endif
