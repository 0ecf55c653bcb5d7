/* policy.h - who was given what: the inputs of a decision, and the index made of them.
 *
 * Add everything, compile once, ask often.  The policy copies all it is given; after
 * rbac_policy_compile() nothing in it changes, so any number of readers may ask it.  What a policy
 * hands out (roles, assignments, texts) is borrowed from it.
 *
 * Identifiers of principals compare case-folded.  A role definition is known by the last segment of
 * its id (its GUID), because replies name the same one with and without a subscription in front. */
#ifndef RBAC_POLICY_H
#define RBAC_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* The principal of a deny assignment that means everyone (type "SystemDefined"). */
#define RBAC_EVERYONE "00000000-0000-0000-0000-000000000000"

#define RBAC_ID_MAX 2048 /* bytes of an id of a principal, role, assignment or deny assignment */
#define RBAC_ITEMS_MAX 10000000   /* of each kind: assignments, memberships, ... */
#define RBAC_CLOSURE_MAX 50000000 /* once nested groups (or scopes) are spelled out */

struct rbac_strings {
    const char *const *items;
    size_t count;
};

/* One entry of permissions[]: gives its (data) actions less its own not(Data)Actions. */
struct rbac_permission {
    struct rbac_strings actions, not_actions, data_actions, not_data_actions;
};

struct rbac_role {
    const char *id;          /* ".../roleDefinitions/<GUID>", or the GUID alone */
    const char *name;        /* "Contributor" */
    const char *description; /* may be NULL */
    const struct rbac_permission *permissions;
    size_t permission_count;
    struct rbac_strings assignable_scopes; /* say where it may be assigned; no part of a decision */
};

struct rbac_assignment {
    const char *id;           /* may be NULL */
    const char *principal_id; /* a user, a group, a service principal */
    const char *role_id;      /* a role definition's id */
    const char *scope;
    bool has_condition; /* then it is never a plain yes */
};

struct rbac_deny {
    const char *id;   /* may be NULL */
    const char *name; /* may be NULL */
    const struct rbac_permission *permissions;
    size_t permission_count;
    struct rbac_strings principals; /* ids; RBAC_EVERYONE is everyone */
    struct rbac_strings excluded;   /* ids; members of an excluded group are excluded too */
    const char *scope;
    bool not_child_scopes; /* doNotApplyToChildScopes: at its own scope and nowhere else */
    bool has_condition;    /* then it turns a plain yes into a conditional one, no more */
};

struct rbac_policy;

/* An empty policy, or NULL without memory. */
struct rbac_policy *rbac_policy_new(void);
void rbac_policy_free(struct rbac_policy *policy);

/* Each copies what it is given.  ERROR_INVALID for a missing id or a scope that does not begin with
 * a slash, ERROR_TOO_LARGE beyond the caps, ERROR_NO_MEMORY; the policy is then as it was, but for
 * memory.  Not after rbac_policy_compile(). */

/* ERROR_CONFLICT when that role definition is there already. */
int rbac_policy_add_role(struct rbac_policy *policy, const struct rbac_role *role,
                         struct error *err);
/* All of rbac_builtin_roles(). */
int rbac_policy_add_builtin_roles(struct rbac_policy *policy, struct error *err);
/* Its role definition may come later, or never: then it gives nothing. */
int rbac_policy_add_assignment(struct rbac_policy *policy, const struct rbac_assignment *assignment,
                               struct error *err);
int rbac_policy_add_deny(struct rbac_policy *policy, const struct rbac_deny *deny,
                         struct error *err);
/* `member_id` (a principal or another group) is in the group.  Cycles are fine. */
int rbac_policy_add_member(struct rbac_policy *policy, const char *group_id, const char *member_id,
                           struct error *err);
/* What holds at management group `parent` holds at `child`, a subscription or another management
 * group ("/providers/Microsoft.Management/managementGroups/<name>").  Cycles are fine. */
int rbac_policy_add_parent(struct rbac_policy *policy, const char *child, const char *parent,
                           struct error *err);

/* Builds the index.  ERROR_NO_MEMORY; ERROR_TOO_LARGE beyond RBAC_CLOSURE_MAX.  After a failure the
 * policy can only be freed. */
int rbac_policy_compile(struct rbac_policy *policy, struct error *err);

/* --- Of a compiled policy */

/* Does `above` cover `below`, management groups considered?  For assignable scopes, and for what
 * is in force at a scope.  False when one is no scope. */
bool rbac_policy_covers(const struct rbac_policy *policy, const char *above, const char *below);

/* The role definition with that id (or GUID), or NULL. */
const struct rbac_role *rbac_policy_role(const struct rbac_policy *policy, const char *id);

/* Bytes that the policy holds, its copies of the inputs included. */
size_t rbac_policy_memory(const struct rbac_policy *policy);

#endif
