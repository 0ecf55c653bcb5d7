/* wire.h - role definitions, role assignments and deny assignments as the REST API of
 * Microsoft.Authorization writes them (api-version 2022-04-01).
 *
 * Read: a whole resource, {"id","name","type","properties":{…}}, as a reply has it; members that are
 * not named here are of no interest.  A list that is missing or null is empty, anything else that
 * is no list of strings is ERROR_INVALID.  The policy copies: the tree may go. */
#ifndef RBAC_WIRE_H
#define RBAC_WIRE_H

#include <cjson/cJSON.h>

#include "rbac/policy.h"

/* What `properties.type` of a role definition says. */
#define RBAC_ROLE_BUILT_IN "BuiltInRole"
#define RBAC_ROLE_CUSTOM "CustomRole"

/* Each fails as its rbac_policy_add_…() does, or with ERROR_INVALID for a tree of another shape;
 * the policy is then as it was, except that a part of a deny assignment may be in it. */

/* properties: roleName, description, permissions[], assignableScopes[]; the id is `id`, or else
 * `name`.  ERROR_CONFLICT when that role definition is there already: for one that a reply of
 * another scope has told, the caller may pass over it. */
int rbac_policy_add_role_json(struct rbac_policy *policy, const cJSON *role, struct error *err);
/* properties: principalId, roleDefinitionId, scope, condition. */
int rbac_policy_add_assignment_json(struct rbac_policy *policy, const cJSON *assignment,
                                    struct error *err);
/* properties: denyAssignmentName, permissions[] (each may have a condition), principals[],
 * excludePrincipals[], scope, doNotApplyToChildScopes, condition. */
int rbac_policy_add_deny_json(struct rbac_policy *policy, const cJSON *deny, struct error *err);

/* --- Written; each is the caller's; NULL: no memory. */

/* A role definition's resource; `type` is RBAC_ROLE_BUILT_IN or RBAC_ROLE_CUSTOM.  An id that is a
 * GUID alone gets the path of a role definition of the tenant. */
cJSON *rbac_role_json(const struct rbac_role *role, const char *type);
/* [{"actions":[…],"notActions":[…],"dataActions":[…],"notDataActions":[…]}, …] */
cJSON *rbac_permissions_json(const struct rbac_permission *permissions, size_t count);

#endif
