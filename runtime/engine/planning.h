/* planning.h - the making of a plan, for the files of this folder that begin it. */
#ifndef ENGINE_PLANNING_H
#define ENGINE_PLANNING_H

#include "engine/plan_private.h"

struct planning;

/* What plan_load() adds to a request: what the plan must turn out to be, and the document in it.
 * planning_start() owns both whatever it returns; NULL: none. */
struct planning_saved {
    cJSON *plan, *document;
};

/* Starts planning; `done` as told at plan_make(). *out (may be NULL) is valid until it is called.
 */
int planning_start(struct arm_client *client, const struct plan_request *request,
                   struct planning_saved saved, plan_done_fn *done, void *arg,
                   struct planning **out, struct error *err);

/* Somebody who waits: gives planning_waiting_done() to what starts, then waits. */
struct planning_waiting {
    bool done;
    int rc;
    struct plan *plan;
    struct planning *planning; /* valid until `done` */
    struct error *err;
};
plan_done_fn planning_waiting_done; /* arg: the struct */
int planning_wait(struct arm_client *client, struct planning_waiting *waiting,
                  struct plan **out_plan);

#endif
