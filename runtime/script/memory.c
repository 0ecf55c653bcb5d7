/* memory.c - see memory.h. */
#include "script/memory.h"

#include <stdlib.h>

/* Lua raises then. */
static void *refuse(struct memory *memory)
{
    memory->refused = true;
    if (memory->on_refused)
        memory->on_refused(memory->arg);
    return NULL;
}

void *memory_allocate(void *arg, void *block, size_t old_size, size_t size)
{
    struct memory *memory = arg;
    if (!block)
        old_size = 0; /* Lua passes a kind of object there */
    if (size == 0) {
        free(block);
        memory->used -= old_size;
        return NULL;
    }
    if (size > old_size) {
        bool enough = size - old_size <= memory->max - memory->used;
        if (memory->allocations_max && ++memory->allocations > memory->allocations_max)
            enough = false;
        if (!enough)
            return refuse(memory);
    }
    void *moved = realloc(block, size);
    if (!moved)
        return size <= old_size ? block /* Lua relies on shrinking */ : refuse(memory);
    memory->used = memory->used - old_size + size;
    return moved;
}
