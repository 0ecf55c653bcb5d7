/* assignments.h - role assignments at a scope, as people ask for them: in force there, inherited ones
 * included, and below it; everybody's, or one principal's by way of groups too.
 *
 * An assignment (`given`) is a resource of access_assignments(). */
#ifndef ENGINE_ASSIGNMENTS_H
#define ENGINE_ASSIGNMENTS_H

#include "client/computes.h"
#include "engine/access.h"
#include "engine/who.h"

/* Begin with zeros, release with assignments_clear() also after a failure. */
struct assignments {
    char *scope;
    struct workspace_ref here; /* texts borrowed */
    struct who who;            /* whose; id NULL: everybody's */
    struct access *access;
};
void assignments_clear(struct assignments *assignments);

struct assignments_asking;
/* The end, from the loop, once.  `rc` 0: the receiver may take what is in it, leaving zeros. */
typedef void assignments_done_fn(int rc, struct assignments *assignments, const struct error *err,
                                 void *arg);

/* Starts asking; `scope` and `who` are as they were typed, or NULL: the workspace, everybody.  The
 * texts of `here` are borrowed.  At once: no scope is ERROR_USAGE.  *out is valid until the callback.
 */
int assignments_start(struct arm_client *client, const struct workspace_ref *here,
                      const char *scope, const char *who, assignments_done_fn *done, void *arg,
                      struct assignments_asking **out, struct error *err);
void assignments_cancel(struct assignments_asking *asking); /* without its callback; NULL is fine */

/* The same, running the loop until it is there. */
int assignments_load(struct arm_client *client, const struct workspace_ref *here, const char *scope,
                     const char *who, struct assignments *out, struct error *err);

/* ERROR_DENIED with the plane's sentence when the caller may not read who has which role. */
int assignments_told(const struct assignments *assignments, struct error *err);

/* Those that were asked for, by scope (the widest first), who and role.  *out is the caller's to
 * free(); what it points to stays `assignments`'. */
int assignments_sorted(const struct assignments *assignments, const cJSON ***out, size_t *out_count,
                       struct error *err);

/* ---- one of them ---- */

const char *assignment_scope(const cJSON *given);
const char *assignment_principal(const cJSON *given);
bool assignment_has_condition(const cJSON *given);
/* What people call the role and the principal; their ids where nobody tells. */
const char *assignment_role(const struct assignments *assignments, const cJSON *given);
const char *assignment_name(const struct assignments *assignments, const cJSON *given);
/* The fleet that owns it; "" when none does.  Returns `out`. */
const char *assignment_fleet(const cJSON *given, char *out, size_t out_size);

enum assignment_standing { STANDS_HERE, STANDS_ABOVE, STANDS_BELOW };
enum assignment_standing assignment_standing(const struct assignments *assignments,
                                             const cJSON *given);

/* A row of `grants --json`; the caller's. */
cJSON *assignment_json(const struct assignments *assignments, const cJSON *given);

/* ---- roles ---- */

/* Of role definitions (resources) those that are custom, or all, by name.  *out as above. */
int roles_sorted(const cJSON *roles, bool custom, const cJSON ***out, size_t *out_count,
                 struct error *err);
bool role_is_custom(const cJSON *role);
/* A row of `roles --json`; the caller's. */
cJSON *role_json(const cJSON *role);
/* Where `roles` looks: the workspace, or what is above it; the caller's to free(). */
int roles_scope(const struct workspace_ref *here, char **out, struct error *err);

#endif
