/* operations.h - operations on computes: what is in flight, who waits for it, and what the driver
 * makes of it. */
#ifndef PLANE_OPERATIONS_H
#define PLANE_OPERATIONS_H

#include "plane/plane_private.h"

enum operation_kind {
    OPERATION_CREATE,
    OPERATION_START,
    OPERATION_STOP,
    OPERATION_RESTART,
    OPERATION_DELETE,
    OPERATION_KINDS
};

const char *operation_kind_name(enum operation_kind kind); /* "Create" */

/* One in flight.  Its row is in the store; this is what only a running plane needs. */
struct operation {
    struct plane *plane;
    char id[UUID_TEXT_SIZE];
    char compute[UUID_TEXT_SIZE]; /* the compute's id in the store and for the driver */
    char *name, *location, *subscription;
    enum operation_kind kind;
    int64_t started_ms;
    bool committed;  /* its row is durable: the driver may be called */
    bool wanting;    /* … and is to be, once this turn is durable */
    bool dispatched; /* the driver has been called and owes us a `done` */
    bool restarting; /* a restart's second half */
    bool superseded; /* a deletion took over: what the driver still says is of no interest */
    bool phase_told; /* `phase` is to be written */
    bool set_up;     /* the driver said that the machine exists */
    enum driver_phase phase;
    bool done;         /* the driver has ended it: */
    int rc;            /* … with this */
    struct error *why; /* … and this; NULL: nothing to say */
    bool ended;        /* its end is written, perhaps not yet durable */
    bool changed;      /* in plane->changed */
    struct operation
        *supersedes; /* the one in flight that this deletion took over, until durable */
    struct exchange *waiters;
    struct operation *prev, *next; /* in plane->changed */
    UT_hash_handle hh;             /* by id */
};

/* Begins an operation on the compute (its id): writes the row, and after the turn's commit calls
 * the driver.  The compute's own row is the caller's to change; `caller` (an object id) may then
 * read the operation's status.  NULL: no memory, or the store
 * failed: the turn's commit fails then. */
struct operation *operation_begin_on(struct plane *plane, enum operation_kind kind,
                                     const char *compute, const char *name,
                                     const char *subscription, const char *location,
                                     const char *caller, struct error *err);
/* The one in flight called `id`, or NULL. */
struct operation *operation_find(struct plane *plane, const char *id);
/* A deletion takes over from `running`, which ends as canceled. */
int operation_supersede(struct operation *deletion, struct operation *running, struct error *err);

/* Azure-AsyncOperation (and Location when `result`), Retry-After. */
void operation_headers(struct call *call, const struct operation *operation, bool result);

/* The turn's ends: phases to write before the commit; afterwards the driver is called, or all is
 * taken back. */
void operations_before_commit(struct plane *plane);
void operations_after_commit(struct plane *plane, bool durable);

/* When a plane starts: takes up what was in flight, finds machines that no longer run. */
int operations_resume(struct plane *plane, struct error *err);
void operations_free(struct plane *plane);
/* Of a held status request that is forgotten. */
void operation_forget_waiter(struct exchange *exchange);

/* ---- machine.c: computes' states ---- */

/* Calls the driver for it. */
int machine_dispatch(struct operation *operation, const struct driver_callbacks *callbacks,
                     struct error *err);
/* Writes where it is. */
int machine_phase(struct operation *operation, struct error *err);
/* Writes how it ended into the compute; *out_error is the ARM error of a failed one (the caller's),
 * else NULL. */
int machine_end(struct operation *operation, cJSON **out_error, struct error *err);
/* A machine ended by itself. */
void machine_ended(const char *id, void *plane);

/* The compute's body, from its row: `change` edits the tree, then it is written back with the
 * columns that follow from it. ERROR_NOT_FOUND when there is none. */
typedef int machine_change_fn(struct plane *plane, cJSON *body, void *arg);
int machine_change(struct plane *plane, const char *id, const char *operation,
                   machine_change_fn *change, void *arg, struct error *err);
/* Sets state, provisioningState (NULL: as it is) and modifiedOn. */
int machine_set_state(struct plane *plane, cJSON *body, const char *state,
                      const char *provisioning);
/* Sets lastOperation. */
int machine_set_operation(struct plane *plane, cJSON *body, enum operation_kind kind,
                          const char *status);

#endif
