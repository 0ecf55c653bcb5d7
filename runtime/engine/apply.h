/* apply.h - makes a plan so: bounded parallelism, each instance a small chain of requests of its
 * own.
 *
 * A step that fails does not stop the others.  Nothing that is done is done twice; whatever is
 * left when an apply ends early, or is killed, the next plan finds. */
#ifndef ENGINE_APPLY_H
#define ENGINE_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/plan.h"

#define APPLY_PARALLEL_DEFAULT PLAN_PARALLEL_DEFAULT
#define APPLY_PARALLEL_MAX 1024

struct apply;

struct apply_options {
    int parallel; /* steps at work at once; 0: APPLY_PARALLEL_DEFAULT */
};

enum apply_event_kind {
    APPLY_STARTED, /* the step's first request goes out */
    APPLY_DOING,   /* its next part begins: see `doing` */
    APPLY_DONE,
    APPLY_FAILED, /* see `err` */
};

struct apply_event {
    enum apply_event_kind kind;
    size_t index;                 /* in the plan */
    const struct plan_step *step; /* borrowed from the plan */
    const char *doing;  /* "creating", "deleting", "updating", "setting idle shutdown", "starting",
                         * "stopping", "waiting", "checking"; static */
    int64_t elapsed_ms; /* of this step */
    int64_t total_ms;   /* of the whole apply */
    size_t finished, total;  /* steps that have ended (well or not); steps there are */
    const struct error *err; /* APPLY_FAILED; borrowed */
};

struct apply_failure {
    const struct plan_step *step;
    int code;            /* enum error_code */
    int status;          /* HTTP; 0: none */
    const char *name;    /* ARM's code, or "" */
    const char *message; /* everything the plane said */
    const char *target;  /* or "" */
    const char *details; /* JSON text, or "" */
};

struct apply_summary {
    size_t done[PLAN_ACTIONS]; /* steps that ended well, by their action */
    size_t done_count;
    size_t failed;
    size_t left;      /* never begun: it was stopped */
    size_t unchanged; /* there was nothing to do */
    bool stopped;     /* apply_stop() was called */
    int64_t elapsed_ms;
    const struct apply_failure *failures; /* sorted by name */
    size_t failure_count;
};

/* Both come from the loop.  `step` (may be NULL) for each event; `done` once, at the end: `summary`
 * is valid until apply_free(). */
struct apply_observer {
    void (*step)(const struct apply_event *event, void *arg);
    void (*done)(const struct apply_summary *summary, void *arg);
    void *arg;
};

/* Begins.  `plan` is borrowed and must outlive the apply; `options` may be NULL.  Refuses as a
 * whole, before anything is touched: ERROR_INVALID when the plan holds problems, ERROR_CONFLICT
 * when a step is blocked or a check failed (err names the first one and the flag that lets it
 * through).  *out is the
 * caller's: apply_free() after `done`, from outside the callbacks. */
int apply_start(struct arm_client *client, struct plan *plan, const struct apply_options *options,
                const struct apply_observer *observer, struct apply **out, struct error *err);

/* Ctrl-C: nothing more is issued; what is in flight is waited for; then `done`. */
void apply_stop(struct apply *apply);

/* Before `done`: abandons what is in flight (the plane goes on with what it accepted). NULL is
 * fine. */
void apply_free(struct apply *apply);

/* Runs the loop until it has ended. The return value is 0, or that of apply_start(), or the code of
 * the first failure by name with `err` filled, or ERROR_CANCELLED.  `observer` may be NULL;
 * *out_summary is the caller's copy without `failures`; may be NULL. */
int apply_run(struct arm_client *client, struct plan *plan, const struct apply_options *options,
              const struct apply_observer *observer, struct apply_summary *out_summary,
              struct error *err);

/* The summary as the JSON of `apply --json`, stable:
 *   {"format":"moonfleet-apply/1","fleet","counts":{"create","update",…,"unchanged","failed","left"},"changes":N,
 *    "stopped":false,"elapsedMs":N,"steps":[{"action","type","name"}],      what was done, sorted
 * by name "failures":[{"action","type","name","at","code","status","message","target","details"}],
 *    "outputs":[…]}
 * Appends, indented, with a newline at the end. */
void apply_write_json(const struct apply *apply, struct buffer *out);

#endif
