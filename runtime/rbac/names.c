/* names.c - arena and numbered texts. */
#include "rbac/names.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)64 << 10)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

void *arena_take(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;
    size = (size + align - 1) / align * align;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + room);
        if (!chunk)
            return NULL;
        *chunk = (struct arena_chunk) { .next = arena->chunks, .size = room };
        arena->chunks = chunk;
        arena->bytes += sizeof *chunk + room;
    }
    chunk->used += size;
    return chunk->bytes + chunk->used - size;
}

char *arena_text(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_take(arena, size + 1);
    if (copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

void arena_clear(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
    arena->bytes = 0;
}

uint32_t names_find(const struct names *names, const char *text, size_t size, uint64_t hash)
{
    if (names->slot_count == 0)
        return NAME_NONE;
    size_t mask = names->slot_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        const struct name_slot *slot = &names->slots[at];
        if (slot->id == NAME_NONE)
            return NAME_NONE;
        if (slot->hash != (uint32_t)(hash >> 32))
            continue;
        const struct name *name = &names->items[slot->id];
        if (name->size == size && memcmp(name->text, text, size) == 0)
            return slot->id;
    }
}

static void put(struct name_slot *slots, size_t slot_count, uint64_t hash, uint32_t id)
{
    size_t at = hash & (slot_count - 1);
    while (slots[at].id != NAME_NONE)
        at = (at + 1) & (slot_count - 1);
    slots[at] = (struct name_slot) { (uint32_t)(hash >> 32), id };
}

/* Room for one more: at most half of the slots are used, so that misses end soon. */
static int make_room(struct names *names)
{
    if (names->count == names->capacity) {
        uint32_t capacity = names->capacity ? names->capacity * 2 : 32;
        struct name *items = realloc(names->items, capacity * sizeof *items);
        if (!items)
            return -1;
        names->items = items;
        names->capacity = capacity;
    }
    if ((names->count + (size_t)1) * 2 <= names->slot_count)
        return 0;
    size_t slot_count = names->slot_count ? names->slot_count * 2 : 64;
    struct name_slot *slots = malloc(slot_count * sizeof *slots);
    if (!slots)
        return -1;
    memset(slots, 0xFF, slot_count * sizeof *slots);
    for (uint32_t id = 0; id < names->count; id++)
        put(slots, slot_count, names->items[id].hash, id);
    free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    return 0;
}

uint32_t names_add(struct names *names, struct arena *arena, const char *text, size_t size,
                   uint64_t hash)
{
    uint32_t id = names_find(names, text, size, hash);
    if (id != NAME_NONE || make_room(names) < 0)
        return id;
    char *copy = arena_text(arena, text, size);
    if (!copy)
        return NAME_NONE;
    names->items[names->count] = (struct name) { copy, hash, (uint32_t)size };
    put(names->slots, names->slot_count, hash, names->count);
    return names->count++;
}

void names_clear(struct names *names)
{
    free(names->items);
    free(names->slots);
    *names = (struct names) { 0 };
}

size_t names_bytes(const struct names *names)
{
    return names->capacity * sizeof *names->items + names->slot_count * sizeof *names->slots;
}
