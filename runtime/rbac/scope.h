/* scope.h - scopes as lists of segments.
 *
 * "/" is above everything; case does not matter (ASCII); empty segments do not count, so trailing
 * and doubled slashes change nothing.  A scope covers another when its segments are the first ones
 * of the other, whole segments only: `/subscriptions/1` does not cover `/subscriptions/10`. */
#ifndef RBAC_SCOPE_H
#define RBAC_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RBAC_SCOPE_MAX 2048  /* bytes */
#define RBAC_SEGMENTS_MAX 64 /* segments of one scope */

/* A scope that was read: its normal form and what stands above it in the same text. */
struct rbac_scope {
    size_t count;                         /* segments; 0: "/" */
    size_t size;                          /* bytes of `text` */
    uint16_t ends[RBAC_SEGMENTS_MAX + 1]; /* ends[i]: bytes of the first i segments */
    uint64_t hashes[RBAC_SEGMENTS_MAX + 1];
    char text[RBAC_SCOPE_MAX + 1]; /* folded, "/a/b"; "" is "/"; not terminated */
};

/* Takes a scope into `out`.  False when it does not begin with a slash (an empty text is no scope:
 * it must never mean everything), is too long or too deep. */
bool rbac_scope_read(struct rbac_scope *out, const char *scope);

/* Does `above` cover `below`, by their texts alone?  (Management groups: rbac_policy_covers().)
 * False when one of them is no scope. */
bool rbac_scope_covers(const char *above, const char *below);

#endif
