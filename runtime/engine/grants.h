/* grants.h - roles and grants of a fleet: what the recipe wants beside what the plane lists.
 *
 * A role definition and a role assignment hold no tags.  Who owns one stands in its description:
 * "moonfleet-fleet=ds in <id of the workspace>", for a role followed by "; " and its own text; and
 * its name is a GUID made of the fleet, the workspace and what it is, so that a repeated PUT is the
 * same one.  An assignment never changes: another role, principal or scope is another GUID.
 *
 * All assignments of the subscription are listed (those above it are told with it), so that a grant
 * which the recipe no longer names is found wherever it is; who may not read there sees those of
 * the resource group, or of the workspace.  Scopes and roles that would be out of sight are refused
 * as problems. */
#ifndef ENGINE_GRANTS_H
#define ENGINE_GRANTS_H

#include "engine/resource.h"

/* Beyond what all items have; one is owned by each item of a role or a grant. */
struct grant_item {
    const struct fleet_grant *grant; /* NULL: a role, or declared no more */
    const struct fleet_role *role;
    char *id;    /* whole id of what is listed; NULL: nothing is */
    char *guid;  /* its name */
    char *scope; /* where it stands, for a role the first of its assignable scopes */
    char *role_id;
    char *principal_id;
    cJSON *body;        /* what is PUT for a role */
    char *role_key;     /* the recipe's own role that it gives; NULL: another's */
    char *instance_key; /* the declared instance that it stands at; NULL: none */
};
void grant_item_free(struct grant_item *grant); /* NULL is fine */

extern const struct resource_type resource_role, resource_grant;

/* ---- making a plan ---- */

/* The scope at which assignments are listed: the subscription, the resource group, the workspace
 * (0, 1, 2).  The caller's; NULL past the last, or for want of memory. */
char *grants_list_scope(const struct plan *plan, int widening);

/* Names of roles that the recipe gives and only the plane can know: the index-th, or NULL.
 * Borrowed. */
const char *grants_unknown_role(const struct plan *plan, size_t index);

/* Adds items for all roles and grants, declared or owned, from plan->access and the directory's
 * answers; mistakes become problems.  Before plan_settle().  ERROR_NO_MEMORY. */
int grants_add_items(struct plan *plan);

/* When instances are settled: grants at an instance that is re-created go with it. */
void grants_follow_instances(struct plan *plan);

/* The item of a declared role, by its key; NULL: none. */
const struct item *grants_role_item(const struct plan *plan, const char *key);

/* "moonfleet-fleet=ds in …", and `rest` (may be NULL).  The caller's; NULL: no memory. */
char *grants_mark(const struct plan *plan, const char *rest);
/* Is it this fleet's, by its description?  *out_rest (may be NULL) is what follows the mark, "" for
 * nothing; borrowed. */
bool grants_are_ours(const struct plan *plan, const char *description, const char **out_rest);

#endif
