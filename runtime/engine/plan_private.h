/* plan_private.h - the inside of a plan, for the files of this folder that make and apply it. */
#ifndef ENGINE_PLAN_PRIVATE_H
#define ENGINE_PLAN_PRIVATE_H

#include "engine/fleet.h"
#include "engine/plan.h"
#include "base/random.h"
#include "client/computes.h"

/* The last member of a saved plan: the digest, in hex, of all that stands before these words. */
#define PLAN_DIGEST_BEGINS ",\n  \"digest\": \""

/* What is to be done to one instance, beside creating and deleting. */
enum todo {
    TODO_PUT = 1,
    TODO_IDLE = 2,
    TODO_START = 4,
    TODO_STOP = 8,
    TODO_REPLACE = 16,
};

/* The comparison of one listed instance with what is wanted.  Reasons in the order of the schema.
 */
struct diff {
    struct plan_reason *reasons; /* texts owned, but for `field` */
    size_t count, capacity;
    unsigned todo; /* enum todo */
    bool failed;   /* no memory */
};
void diff_clear(struct diff *diff);

/* Compares all fields that the recipe says.  A principal that is not resolved yet is left out: see
 * diff_principals(). */
void diff_instance(const struct fleet *fleet, const struct fleet_instance *instance,
                   const cJSON *body, struct diff *out);
/* Compares the person later: `actual_id` as listed (NULL: none). */
void diff_principals(const struct fleet *fleet, const struct fleet_instance *instance,
                     const char *actual_id, struct diff *diff);

/* Compares a role: the fields that are wanted, whole, against the flat view of what is there. */
void diff_role(const struct fleet *fleet, const cJSON *fields, const cJSON *flat, struct diff *out);

/* Digest of everything in a listed body that a plan looks at. */
void diff_state(const cJSON *body, char out[DIGEST_TEXT_SIZE]);

struct resource_type; /* resource.h */

/* One resource of the plan: declared, or owned and declared no more. */
struct item {
    const struct resource_type *type;
    struct plan_step step;                 /* what the world sees; `reasons` point into diff */
    const struct fleet_instance *instance; /* NULL: not declared (any more), or no instance */
    struct grant_item *grant;              /* a role's or a grant's own; owned; NULL */
    char *key;                             /* name, case folded; owned */
    char *owned_name;                      /* for those not declared */
    struct diff diff;
    char *actual_id;              /* the person's id as listed, until it is compared */
    char *listed_size;            /* of what may be deleted or replaced; owned */
    char *note;                   /* owned; step.note points here */
    char *blocked;                /* owned; step.blocked points here */
    char state[DIGEST_TEXT_SIZE]; /* diff_state() when it is touched; "" */
    enum instance_phase phase;
    bool listed;
    bool conflict;  /* it exists and is not ours: a problem, never a step */
    bool protect;   /* as recorded on it */
    bool permitted; /* --replace names it */
};

struct name_list {
    char **items; /* owned */
    size_t count;
};

/* What the plane tells of roles and grants; see grants.h. */
struct plan_access {
    cJSON *assignments; /* array; NULL: they could not be read */
    cJSON *roles;       /* array of role definitions, not the built-in ones we know */
    char *listed_at;    /* the scope at which assignments were listed; NULL: nowhere */
    char *denied;       /* why assignments could not be read; NULL: they could */
};

struct plan {
    const cJSON *document;
    cJSON *own_document; /* a loaded plan's */
    char *subscription, *group, *workspace, *location, *tenant, *graph_url, *graph_token;
    bool destroy;
    struct name_list replace; /* --replace */
    struct name_list forced;  /* --force-checks */
    int parallel;
    bool deletes_first; /* an apply ends all deletions before it begins anything else */
    struct fleet *fleet;
    struct item *items; /* declared ones first, then orphans; sorted by key once it is made */
    size_t count, capacity;
    struct plan_access access;
    struct problems problems;
    struct plan_check *checks; /* subject, message, mend owned; see check.h */
    size_t check_count, check_capacity;
    char **warnings;
    size_t warning_count;
    int64_t requests;
    int64_t made_at_ms; /* monotonic: when it was listed */
};

/* A plan that asks nothing yet: an item for each declared instance, at its own index.  *out is the
 * caller's. */
int plan_new(const struct plan_request *request, struct plan **out, struct error *err);
struct item *plan_add_item(struct plan *plan,
                           const struct resource_type *type); /* NULL: no memory */
/* Of a settled plan: the one of that type and key; NULL: none. */
struct item *plan_find_item(const struct plan *plan, const struct resource_type *type,
                            const char *key);
struct workspace_ref plan_workspace_ref(const struct plan *plan);
/* May this instance be deleted or re-created, as far as `protect` goes? */
bool plan_item_protected(const struct plan *plan, const struct item *item);
/* The body that creates a declared instance, or that updates `listed` (its current body, taken and
 * changed). The caller's; NULL: no memory. */
cJSON *plan_item_body(const struct plan *plan, const struct item *item, cJSON *listed);
/* What the recipe wants: "running", "stopped", or NULL. Borrowed. */
const char *plan_item_power(const struct plan *plan, const struct item *item);

void plan_warn(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Turns comparisons into steps (settle.c): actions, notes, losses, blocks; sorts. */
void plan_settle(struct plan *plan);
/* Whether `body` (NULL: gone) is owned by the plan's fleet. */
bool plan_owns(const struct plan *plan, const cJSON *body);

/* Problems that only the plane's answers show (complaints.c). */
void check_location(struct plan *plan, const char *workspace_location);
void check_replace_names(struct plan *plan);

void plan_item_clear(struct item *item);
void plan_checks_clear(struct plan *plan);

#endif
