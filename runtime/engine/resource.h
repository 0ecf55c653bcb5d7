/* resource.h - what a type of resource does its own way: how it is described, when its turn comes,
 * and by which requests it is made and deleted.  Listing and comparing are planning.c's and
 * planning_access.c's; everything else of a plan and an apply is the same for all types. */
#ifndef ENGINE_RESOURCE_H
#define ENGINE_RESOURCE_H

#include "engine/plan_private.h"

struct job; /* apply_private.h */

/* One request of a step. */
enum part {
    PART_CHECK,  /* read it: is it still what the plan saw? */
    PART_SETTLE, /* read it until nothing moves, then compare again */
    PART_DELETE,
    PART_CREATE,
    PART_UPDATE,
    PART_IDLE,
    PART_START,
    PART_STOP,
};

/* What must have ended before the next begins, in the order of an apply.  STAGE_FREEING is used
 * when deletions must go first for the sake of the quota. */
enum stage {
    STAGE_ROLES,     /* custom roles are made before what gives them */
    STAGE_GRANTS,    /* rights are given before there are instances that need them */
    STAGE_FREEING,   /* deletions of instances, when cores are short */
    STAGE_INSTANCES, /* and grants at an instance, each once its instance is there */
    STAGE_REVOKING,
    STAGE_UNMAKING, /* roles that nothing gives any more */
    STAGES
};

struct resource_type {
    const char *name; /* "instance": the word in recipes */
    int rank;         /* where a plan shows it */
    /* One line about what is made; appends.  The item is declared. */
    void (*describe)(const struct plan *plan, const struct item *item, struct buffer *out);
    enum stage (*stage)(const struct plan *plan, const struct item *item);
    /* The index-th of the plan's items that must be done before this one begins, whatever its stage;
     * NULL past the last, or when the index-th is none.  NULL: nothing ever is. */
    const struct item *(*after)(const struct plan *plan, const struct item *item, size_t index);
    /* Queues the parts of a step. */
    void (*add_parts)(struct job *job);
    /* Sends one part; job_next() or job_fail() follows, later. */
    void (*send)(struct job *job, enum part part);
};

extern const struct resource_type resource_instance;

#endif
