/* pattern.h - action patterns of role definitions: what `*` covers.
 *
 * The rule (a star is written `+` in (3) and below, for this comment's sake):
 *   1. Case does not matter (ASCII).
 *   2. A star stands for any number of any characters, none and slashes included: it spans segments.
 *      `Microsoft.X/vms/` and a star covers `Microsoft.X/vms/disks/read`; a star alone covers
 *      everything; a run of stars is one.
 *   3. A star that is a whole segment between two slashes may also stand for no segment at all: the
 *      two slashes around it may be the same one.  `workspaces/computes/+/write` covers
 *      `workspaces/computes/write`, and `workspaces/+/delete` covers `workspaces/delete`.
 *   4. Everything else stands for itself; a pattern covers whole actions, not parts of them.
 *
 * Source: FACTS.md section 10.  (2) is documented; (3) is inferred from how the service documents
 * AzureML Data Scientist, whose notAction `computes/+/write` is what forbids to create a compute.
 *
 * The same rule serves actions, notActions, dataActions and notDataActions. */
#ifndef RBAC_PATTERN_H
#define RBAC_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest pattern and longest action, in bytes. */
#define RBAC_ACTION_MAX 1024

/* Does the pattern cover the action?  Never when either is longer than RBAC_ACTION_MAX, or when
 * `action` is no single action (see rbac_action_read()). */
bool rbac_pattern_covers(const char *pattern, const char *action);

/* --- The same in two steps, for whoever asks often. */

/* One action, folded, with room around it so that eight bytes may be read anywhere in it. */
struct rbac_action {
    size_t size;                         /* bytes of the action */
    char bytes[8 + RBAC_ACTION_MAX + 8]; /* the action starts at bytes[8] */
};

/* Takes an action into `out`.  False when it is no single action: empty, too long, or with a `*`
 * (a question about a pattern has no answer). */
bool rbac_action_read(struct rbac_action *out, const char *action);

/* A pattern made ready.  Embedded: nothing to free, but it borrows its text. */
struct rbac_pattern {
    const char *text;     /* folded, runs of stars collapsed; borrowed */
    const char *original; /* as its author wrote it; borrowed */
    uint16_t size;        /* bytes of `text` */
    uint16_t head;        /* bytes before the first star (all of them when there is none) */
    uint16_t tail;        /* bytes after the last star; 0 when there is none */
    uint16_t least;       /* bytes that an action needs at least */
    bool star;            /* has a star */
    uint64_t head_last;   /* the last eight bytes (or fewer) of the head, and which bits count */
    uint64_t head_mask;
    uint64_t tail_last; /* likewise of the tail */
    uint64_t tail_mask;
};

/* Makes `out` ready.  `scratch` is where the folded text goes: at least strlen(original) + 1 bytes
 * that live as long as the pattern.  `original` must not be longer than RBAC_ACTION_MAX. */
void rbac_pattern_init(struct rbac_pattern *out, const char *original, char *scratch);

bool rbac_pattern_matches(const struct rbac_pattern *pattern, const struct rbac_action *action);

#endif
