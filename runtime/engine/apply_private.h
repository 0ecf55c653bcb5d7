/* apply_private.h - the inside of an apply, for the types of resources that it makes. */
#ifndef ENGINE_APPLY_PRIVATE_H
#define ENGINE_APPLY_PRIVATE_H

#include "engine/apply.h"
#include "engine/resource.h"

#define PARTS_MAX 8

enum outcome { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_LEFT };

/* One step at work: a short queue of parts. */
struct job {
    struct apply *apply;
    size_t index;
    const struct item *item;
    enum part parts[PARTS_MAX];
    size_t part_count, next;
    cJSON *body; /* as it is now, for the update; owned */
    struct arm_call *call;
    struct loop_timer *timer;
    enum part later; /* what is sent when the timer fires */
    bool waiting;    /* for the timer, no request is out */
    int tries;       /* of a part that is tried again */
    int64_t started_ms, poll_ms;
    struct job *previous, *following; /* of those at work */
};

struct apply {
    struct arm_client *client;
    struct plan *plan;
    struct apply_observer observer;
    int parallel;
    int stage;      /* enum stage: what is at work */
    size_t cursor;  /* the next step to look at, in this stage */
    size_t running; /* jobs at work */
    struct job *jobs;
    unsigned char *outcomes; /* enum outcome, by index */
    bool *begun;             /* by index: it is, or was, at work, or was left */
    size_t *dependents;      /* by index: the first step that waits for it alone, plus 1; or 0 */
    size_t *siblings;        /* by index: the next one that waits for the same; plus 1; or 0 */
    bool *waits;             /* by index: it begins when it is called */
    size_t ready;            /* the first of those whose wait is over, plus 1; or 0 */
    size_t total, finished;
    bool stopped, checking, posted, over;
    struct arm_call *check_call;
    int64_t started_ms;
    struct apply_summary summary;
    struct apply_failure *failures;
    size_t failure_count, failure_capacity;
    bool no_memory;
};

/* ---- for the types of resources ---- */

void job_add_part(struct job *job, enum part part);
/* Sends `request`, or ends the job with `rc` < 0 and `err`, when filling it failed. */
void job_send(struct job *job, const struct arm_request *request, int rc, arm_done_fn *done,
              struct error *err);
/* The end of a part: the next one, or the end of the job. */
void job_next(struct job *job);
/* A part that has nothing to look at in its reply. */
arm_done_fn job_on_part;

/* Each ends the job: it is freed. */
void job_done(struct job *job);
void job_fail(struct job *job, const struct error *err);
void job_leave(struct job *job); /* it was stopped: the next plan finds what is left */
void job_refuse(struct job *job, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends `part` again after a while, longer each time; `whole_ms` after the job's start it ends with
 * ERROR_TIMEOUT and `what`. */
void job_later(struct job *job, enum part part, int64_t whole_ms, const char *what);

#endif
