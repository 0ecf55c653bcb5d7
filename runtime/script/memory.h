/* memory.h - a cap on what one Lua state may have allocated. */
#ifndef SCRIPT_MEMORY_H
#define SCRIPT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory {
    size_t used, max;                     /* bytes */
    int64_t allocations, allocations_max; /* for tests: every further one fails; 0: no limit */
    bool refused;                         /* at least once */
    /* Called when it says no; may look at the stack of the state, for Lua has saved it; NULL: nobody
     * wants to know. */
    void (*on_refused)(void *arg);
    void *arg;
};

/* A lua_Alloc; `arg` is the struct memory. */
void *memory_allocate(void *arg, void *block, size_t old_size, size_t size);

#endif
