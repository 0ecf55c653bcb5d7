/* check_access.h - what the three access checks share: who may do what now, and after this plan. */
#ifndef ENGINE_CHECK_ACCESS_H
#define ENGINE_CHECK_ACCESS_H

#include "engine/access.h"
#include "engine/access_changes.h"
#include "engine/check.h"

struct access_check {
    struct plan *plan;
    struct access *access;                        /* before */
    struct rbac_policy *policies[ACCESS_MOMENTS]; /* NULL: that of the moment before, and at first
                                                   * access_policy() */
    struct access_changes changes;
    struct access_loading *loading;
    char *place; /* the workspace's id */
    char *why;   /* why nothing is known; NULL */
};

/* The three checks: each adds its findings.  `access` is there. */
void check_caller(const struct access_check *check);
void check_assigned(const struct access_check *check);
void check_effects(const struct access_check *check);

/* What holds at that moment of the apply; compiled, borrowed. */
const struct rbac_policy *check_policy(const struct access_check *check, enum access_moment moment);

/* May they then?  As access_decide(). */
enum access_answer check_answer(const struct access_check *check, enum access_moment moment,
                                const char *principal_id, const char *action, const char *scope);

/* The id of an instance; the caller's to free(); NULL: no memory. */
char *check_scope_of(const struct access_check *check, const struct item *item);

/* The person whom the recipe assigns the instance to, resolved; NULL: nobody. */
const struct schema_principal *check_person(const struct plan *plan, const struct item *item);

/* How a principal is called: as the recipe or the directory has it, else the id. */
const char *check_name(const struct access_check *check, const char *principal_id);

#endif
