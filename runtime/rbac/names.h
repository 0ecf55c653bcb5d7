/* names.h - an arena, and texts that are numbered as they come.  Private to rbac/. */
#ifndef RBAC_NAMES_H
#define RBAC_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define NAME_NONE UINT32_MAX

/* Memory that is given back all at once.  Start with `{ 0 }`. */
struct arena {
    struct arena_chunk *chunks;
    size_t bytes; /* taken from the system */
};

/* `size` bytes aligned for any object, not zeroed; NULL without memory. */
void *arena_take(struct arena *arena, size_t size);
char *arena_text(struct arena *arena, const char *text, size_t size); /* terminated copy */
void arena_clear(struct arena *arena);

struct name {
    const char *text; /* in the arena */
    uint64_t hash;
    uint32_t size;
};

struct name_slot {
    uint32_t hash; /* upper half of the name's hash */
    uint32_t id;   /* NAME_NONE: free */
};

/* Texts numbered from 0.  Start with `{ 0 }`. */
struct names {
    struct name *items;
    uint32_t count, capacity;
    struct name_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
};

/* The number of that text, or NAME_NONE.  `hash` must be a function of the text. */
uint32_t names_find(const struct names *names, const char *text, size_t size, uint64_t hash);
/* The same, adding it when it is new; NAME_NONE without memory. */
uint32_t names_add(struct names *names, struct arena *arena, const char *text, size_t size,
                   uint64_t hash);
void names_clear(struct names *names);
size_t names_bytes(const struct names *names);

#endif
