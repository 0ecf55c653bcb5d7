/* access_changes.h - what a plan's grants and roles change about who may do what, for the plan's
 * access checks. */
#ifndef ENGINE_ACCESS_CHANGES_H
#define ENGINE_ACCESS_CHANGES_H

#include "engine/plan_private.h"
#include "rbac/policy.h"

/* The moments of an apply, in its order: what the caller may do changes on the way. */
enum access_moment {
    ACCESS_NOW,
    ACCESS_WITH_ROLES,      /* its roles are made */
    ACCESS_WITH_GRANTS,     /* and its grants, but for those at instances: they come with these */
    ACCESS_BEFORE_REVOKING, /* and those; nothing is taken back yet */
    ACCESS_AFTER,
    ACCESS_MOMENTS
};

/* One role assignment, or one role definition, that an apply makes, changes or removes.  Texts are
 * the plan's or the changes' own. */
struct access_change {
    bool is_role;
    bool makes;                /* it is there afterwards, as told below */
    enum access_moment moment; /* from which it holds */
    const char *name;          /* GUID: what is there before under it is not, or otherwise, after */
    const char *file;          /* where it is declared; NULL: nowhere */
    int line;                  /* in `file` */
    const char *scope;         /* the assignment's, or where the role is defined */
    const char *principal_id;  /* an assignment that is made: whose, and of which role */
    const char *role_id;
    bool is_group;     /* the principal is */
    const cJSON *role; /* a role definition that is made: the resource */
};

struct access_changes {
    struct access_change *items; /* in the order of the plan */
    size_t count;
    cJSON *texts; /* what `items` point into, beside the plan */
};

/* Reads a settled plan.  ERROR_NO_MEMORY; `out` is to be cleared also then. */
int access_changes_read(const struct plan *plan, struct access_changes *out, struct error *err);
void access_changes_clear(struct access_changes *changes);

#endif
