/* fold.h - lower-casing and hashing eight bytes at a time.  Private to rbac/. */
#ifndef RBAC_FOLD_H
#define RBAC_FOLD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FOLD_SEED UINT64_C(0x243F6A8885A308D3)

/* ASCII upper case to lower case in each of the eight bytes; all others stay. */
static inline uint64_t fold_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = word & (0x7F * ones);
    uint64_t from_a = low + ((0x80 - 'A') * ones);
    uint64_t after_z = low + ((0x7F - 'Z') * ones);
    uint64_t upper = ~word & (from_a ^ after_z) & (0x80 * ones);
    return word | (upper >> 2);
}

static inline uint64_t fold_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

/* Fewer than eight bytes. */
static inline uint64_t fold_short(char *out, const char *text, size_t size)
{
    uint32_t halves[2] = { 0 };
    uint64_t word = 0;
    if (size >= 4) { /* two halves, which may overlap */
        memcpy(&halves[0], text, 4);
        memcpy(&halves[1], text + size - 4, 4);
        word = fold_word(halves[0] | ((uint64_t)halves[1] << 32));
        halves[0] = (uint32_t)word;
        halves[1] = (uint32_t)(word >> 32);
        memcpy(out, &halves[0], 4);
        memcpy(out + size - 4, &halves[1], 4);
        return word;
    }
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)(unsigned char)text[i] << (8 * i);
    word = fold_word(word);
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(unsigned char)(word >> (8 * i));
    return word;
}

/* Writes `size` folded bytes to `out` and returns `hash` carried over them and their number.  What
 * is left after whole words is taken as a word that overlaps the one before: no copy of a length
 * that the compiler does not know. */
static inline uint64_t fold_text(char *out, const char *text, size_t size, uint64_t hash)
{
    uint64_t word;
    if (size < 8)
        return fold_mix(fold_mix(hash, fold_short(out, text, size)), size);
    for (size_t at = 0; at + 8 <= size; at += 8) {
        memcpy(&word, text + at, 8);
        word = fold_word(word);
        memcpy(out + at, &word, 8);
        hash = fold_mix(hash, word);
    }
    memcpy(&word, text + size - 8, 8);
    word = fold_word(word);
    memcpy(out + size - 8, &word, 8);
    return fold_mix(fold_mix(hash, word), size);
}

#endif
