/* pattern.c - matching without backtracking over more than the last star.
 *
 * A pattern is literal pieces with stars between them.  Taking each piece at its earliest place is
 * right, because a star covers any text: an earlier end leaves the rest more room.  Rule 3 is one
 * byte of leeway: behind a star that is a whole segment the next piece may begin one byte earlier,
 * on the slash that the piece before it ended with. */
#include "rbac/pattern.h"

#include <assert.h>
#include <string.h>

#include "rbac/fold.h"

#define PAD 8

bool rbac_action_read(struct rbac_action *out, const char *action)
{
    size_t size = strnlen(action, RBAC_ACTION_MAX + 1);
    if (size == 0 || size > RBAC_ACTION_MAX || memchr(action, '*', size))
        return false;
    memset(out->bytes, 0, PAD);
    (void)fold_text(out->bytes + PAD, action, size, 0);
    memset(out->bytes + PAD + size, 0, PAD);
    out->size = size;
    return true;
}

/* Up to eight bytes before `end`, in the last bytes of a word as a load of eight would have them. */
static void last_bytes(const char *start, size_t size, uint64_t *out_word, uint64_t *out_mask)
{
    unsigned char word[8] = { 0 };
    unsigned char mask[8] = { 0 };
    size_t count = size < 8 ? size : 8;
    memcpy(word + 8 - count, start + size - count, count);
    memset(mask + 8 - count, 0xFF, count);
    memcpy(out_word, word, 8);
    memcpy(out_mask, mask, 8);
}

/* May the slashes around the star at text[at] be one? */
static bool shares_slash(const char *text, size_t at, size_t size)
{
    return at > 0 && at + 1 < size && text[at - 1] == '/' && text[at + 1] == '/';
}

void rbac_pattern_init(struct rbac_pattern *out, const char *original, char *scratch)
{
    size_t size = strlen(original);
    assert(size <= RBAC_ACTION_MAX);
    (void)fold_text(scratch, original, size, 0);
    size_t kept = 0;
    for (size_t i = 0; i < size; i++) {
        if (scratch[i] != '*' || kept == 0 || scratch[kept - 1] != '*')
            scratch[kept++] = scratch[i];
    }
    scratch[kept] = '\0';

    const char *first = memchr(scratch, '*', kept);
    const char *last = memrchr(scratch, '*', kept);
    *out = (struct rbac_pattern) { .text = scratch, .original = original, .size = (uint16_t)kept };
    out->star = first != NULL;
    out->head = (uint16_t)(first ? (size_t)(first - scratch) : kept);
    out->tail = (uint16_t)(last ? kept - 1 - (size_t)(last - scratch) : 0);
    size_t spare = 0;
    for (size_t i = 0; i < kept; i++) {
        if (scratch[i] == '*')
            spare += 1 + (shares_slash(scratch, i, kept) ? 1 : 0);
    }
    out->least = (uint16_t)(kept - spare);
    last_bytes(scratch, out->head, &out->head_last, &out->head_mask);
    last_bytes(scratch + kept - out->tail, out->tail, &out->tail_last, &out->tail_mask);
}

/* The eight bytes of the action that end before byte `end`. */
static uint64_t word_before(const struct rbac_action *action, size_t end)
{
    uint64_t word;
    memcpy(&word, action->bytes + end, 8); /* bytes[] has eight more in front */
    return word;
}

/* Finds the pieces between the first and the last star; *at is where the head ended, then where
 * the last piece may begin. */
static bool match_middle(const struct rbac_pattern *pattern, const char *text, size_t size,
                         size_t *at)
{
    size_t star = pattern->head;
    size_t last = pattern->size - 1U - pattern->tail;
    while (star < last) {
        size_t piece = star + 1;
        const char *next = memchr(pattern->text + piece, '*', pattern->size - piece);
        size_t piece_size = (size_t)(next - (pattern->text + piece));
        if (shares_slash(pattern->text, star, pattern->size))
            (*at)--;
        const char *found = memmem(text + *at, size - *at, pattern->text + piece, piece_size);
        if (!found)
            return false;
        *at = (size_t)(found - text) + piece_size;
        star = piece + piece_size;
    }
    if (shares_slash(pattern->text, star, pattern->size))
        (*at)--;
    return true;
}

bool rbac_pattern_matches(const struct rbac_pattern *pattern, const struct rbac_action *action)
{
    size_t size = action->size;
    const char *text = action->bytes + PAD;
    if (size < pattern->least || (!pattern->star && size != pattern->size))
        return false;
    /* Most patterns fall out here: another verb, or another resource type. */
    if (((word_before(action, size) ^ pattern->tail_last) & pattern->tail_mask) != 0)
        return false;
    if (pattern->head > size ||
        ((word_before(action, pattern->head) ^ pattern->head_last) & pattern->head_mask) != 0)
        return false;
    if (pattern->head > 8 && memcmp(text, pattern->text, pattern->head - 8U) != 0)
        return false;
    if (!pattern->star)
        return true;
    size_t tail_at = size - pattern->tail;
    if (pattern->tail > 8 && memcmp(text + tail_at, pattern->text + pattern->size - pattern->tail,
                                    pattern->tail - 8U) != 0)
        return false;
    size_t at = pattern->head;
    return match_middle(pattern, text, size, &at) && at <= tail_at;
}

bool rbac_pattern_covers(const char *pattern, const char *action)
{
    char folded[RBAC_ACTION_MAX + 1];
    struct rbac_action read;
    struct rbac_pattern ready;
    if (strnlen(pattern, RBAC_ACTION_MAX + 1) > RBAC_ACTION_MAX || !rbac_action_read(&read, action))
        return false;
    rbac_pattern_init(&ready, pattern, folded);
    return rbac_pattern_matches(&ready, &read);
}
