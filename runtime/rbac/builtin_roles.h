/* builtin_roles.h - the built-in roles that matter here. */
#ifndef RBAC_BUILTIN_ROLES_H
#define RBAC_BUILTIN_ROLES_H

#include <stdbool.h>
#include <stddef.h>

#include "rbac/policy.h"

/* All of them, the smallest first: a role that changes less comes before one that changes more, and
 * of those that change the same, the one that sees less.  (What is compared is how many of the
 * table's own patterns, taken as samples, a role covers; a test computes it anew.)  Static. */
const struct rbac_role *rbac_builtin_roles(size_t *out_count);

/* By its GUID, its id or its name, in any case; NULL when there is none. */
const struct rbac_role *rbac_builtin_role(const char *id_or_name);

/* The smallest one that gives the action, or NULL. */
const struct rbac_role *rbac_builtin_role_for(const char *action, bool data_action);

/* The smallest one that gives all of these actions (none of them data actions), or NULL. */
const struct rbac_role *rbac_builtin_role_for_all(const char *const *actions, size_t count);

#endif
