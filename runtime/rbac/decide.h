/* decide.h - may they?  And because of what?
 *
 * The rules (FACTS.md section 10):
 *   - An assignment gives its role's permissions to its principal, and to the members of it when it
 *     is a group, at its scope and below.
 *   - Each assignment is judged by itself: a notAction subtracts from its own permission only.
 *   - Deny assignments come first and beat every assignment, except for those they exclude.
 *   - An assignment with a condition gives a conditional answer, never a plain yes.
 *   - Actions and data actions are two planes; a pattern of one says nothing about the other. */
#ifndef RBAC_DECIDE_H
#define RBAC_DECIDE_H

#include <stdbool.h>

#include "base/error.h"
#include "rbac/policy.h"

enum rbac_verdict {
    RBAC_DENIED,
    RBAC_ALLOWED,
    RBAC_CONDITIONAL, /* depends on a condition that this engine does not evaluate */
};

/* May the principal do `action` (one action, no pattern) at `scope`?  `data_action` chooses the
 * plane.  Total: what it does not know, or what is no action or no scope, is denied.  Allocates
 * nothing.  The policy must be compiled. */
enum rbac_verdict rbac_decide(const struct rbac_policy *policy, const char *principal_id,
                              const char *action, const char *scope, bool data_action);

enum rbac_because {
    RBAC_BECAUSE_ASSIGNMENT, /* allowed or conditional: `assignment` gives it */
    RBAC_BECAUSE_DENY,       /* `deny` takes it (denied), or makes it depend on its condition
                              * (conditional); `assignment`, if any, is what would give it */
    /* Denied, and what comes nearest: */
    RBAC_BECAUSE_NOT_ACTION,  /* `assignment` would, but `not_pattern` of its role subtracts it */
    RBAC_BECAUSE_OTHER_PLANE, /* `assignment` would, if it were a data action, or were not one */
    RBAC_BECAUSE_SCOPE,       /* `assignment` would, were it at this scope or above */
    RBAC_BECAUSE_ROLE_GONE,   /* `assignment` is in force here, but its role definition is gone */
    RBAC_BECAUSE_NOTHING,     /* nothing comes near */
    RBAC_BECAUSE_NO_QUESTION, /* `action` is no single action, or `scope` is no scope */
};

#define RBAC_PATH_MAX 16

/* How a principal comes to be meant: its own id, then group after group up to the one that is
 * named; the shortest way there is.  Ids of groups are in lower case.  A longer way is cut in the
 * middle, at `gap`. */
struct rbac_path {
    const char *ids[RBAC_PATH_MAX];
    size_t count; /* 1: named directly; 0: no such path */
    size_t gap;   /* ids[gap] does not contain ids[gap - 1] directly; 0: nothing is left out */
};

/* All pointers are borrowed from the policy, except `path.ids[0]` and `deny_path.ids[0]` (the
 * question's principal_id) and `suggestion` (static); NULL where there is nothing to say. */
struct rbac_explanation {
    enum rbac_verdict verdict;
    enum rbac_because because;
    const struct rbac_assignment *assignment; /* by its scope, principal, role */
    const struct rbac_role *role;             /* the assignment's */
    const char *pattern;                      /* of the role, that covers the action */
    const char *not_pattern;                  /* of the role, that subtracts it */
    struct rbac_path path;                    /* to the assignment's principal */
    const struct rbac_deny *deny;
    const char *deny_pattern;
    struct rbac_path deny_path; /* to the deny's principal; only ids[0] for everyone */
    const struct rbac_role
        *suggestion; /* denied for want of a role: the smallest built-in role that
                                         * would give it, or NULL when none does */
};

/* Decides as rbac_decide() does and tells why.  Of several assignments it names the plainest one:
 * without a condition, by the shortest path, at the deepest scope, the first that was added.  Slow
 * (it looks at every assignment).  ERROR_NO_MEMORY leaves *out alone. */
int rbac_explain(const struct rbac_policy *policy, const char *principal_id, const char *action,
                 const char *scope, bool data_action, struct rbac_explanation *out,
                 struct error *err);

/* Does the role by itself give the action?  *out_pattern and *out_not_pattern (either may be NULL)
 * tell which patterns decided. */
bool rbac_role_gives(const struct rbac_role *role, const char *action, bool data_action,
                     const char **out_pattern, const char **out_not_pattern);

#endif
