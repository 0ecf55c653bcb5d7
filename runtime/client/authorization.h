/* authorization.h - requests for role definitions, role assignments and deny assignments
 * (Microsoft.Authorization), in the manner of client/computes.h: a function fills a request,
 * arm_send() or arm_wait() sends it, nothing else does.
 *
 * A `scope` is "/", or an id that begins with a slash ("/subscriptions/…", an instance's id, a
 * management group's).  A `filter` is OData text as a person would write it ("atScope()",
 * "principalId eq '…'"), NULL for none.  Lists come page by page: set arm.on_page, or take the whole
 * list from the reply.
 *
 * All of them fail with ERROR_INVALID for a scope, id or name that cannot stand in a path, or
 * ERROR_NO_MEMORY; the request is then cleared.
 *
 * Repeating: names are GUIDs that the client makes, so a put or a deletion whose reply was lost may
 * be sent again; the client afterwards reads what is there (arm_request.settled). */
#ifndef CLIENT_AUTHORIZATION_H
#define CLIENT_AUTHORIZATION_H

#include "client/arm_client.h"

#define AUTHORIZATION_PROVIDER "Microsoft.Authorization"

/* Owns what `arm` points to, but for bodies that a caller gave. */
struct authorization_request {
    struct arm_request arm;
    char *path;
    char *query;
    cJSON *body;
};
void authorization_request_clear(struct authorization_request *request); /* harmless twice */

/* ---- role definitions ---- */

/* Those that may be assigned at the scope, built-in and custom ("roleName eq '…'", "type eq
 * 'CustomRole'"). */
int authorization_roles(struct authorization_request *out, const char *scope, const char *filter,
                        struct error *err);
/* One, by its whole id. */
int authorization_role_get(struct authorization_request *out, const char *id, struct error *err);
/* Creates or replaces a custom role.  `name` is its GUID; `body` ({"properties":{"roleName",…}}) is
 * borrowed until the request was sent. */
int authorization_role_put(struct authorization_request *out, const char *scope, const char *name,
                           const cJSON *body, struct error *err);
int authorization_role_delete(struct authorization_request *out, const char *id, struct error *err);

/* ---- role assignments ---- */

/* Those in force at the scope and those below it; "atScope()" leaves out what is below; "principalId
 * eq '…'" keeps one principal's own, "assignedTo('…')" those of its groups too. */
int authorization_assignments(struct authorization_request *out, const char *scope,
                              const char *filter, struct error *err);
int authorization_assignment_get(struct authorization_request *out, const char *id,
                                 struct error *err);

struct authorization_grant {
    const char *scope;
    const char *name;           /* GUID of the assignment */
    const char *role_id;        /* whole id of the role definition */
    const char *principal_id;   /* object id */
    const char *principal_type; /* "User", "Group", "ServicePrincipal"; NULL: not said */
    const char *description;    /* or NULL */
};
/* Gives a role.  A repeated one (the same name) is the same one; another one with the same role,
 * principal and scope is refused with RoleAssignmentExists. */
int authorization_assignment_put(struct authorization_request *out,
                                 const struct authorization_grant *grant, struct error *err);
int authorization_assignment_delete(struct authorization_request *out, const char *id,
                                    struct error *err);

/* ---- the rest ---- */

int authorization_denies(struct authorization_request *out, const char *scope, const char *filter,
                         struct error *err);
/* What the caller itself may do at the scope: permissions, one entry a role. */
int authorization_permissions(struct authorization_request *out, const char *scope,
                              struct error *err);

#endif
