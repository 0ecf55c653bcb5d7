/* plan.h - what would change: a recipe's document against what the plane lists.
 *
 * A list of instances, one of role assignments, one of roles, a few small calls beside them
 * (workspace, directory, those of the checks), never one a resource.  Each listed instance is compared as its page arrives and dropped, so memory stays
 * small and the time linear.
 *
 * The JSON of a plan (plan_write_json), stable and the same bytes for the same inputs:
 *   {"format":"moonfleet-plan/1",
 *    "fleet":"ds",                        null when the recipe declares none
 *    "destroy":false,
 *    "target":{"subscription","resourceGroup","workspace","location"},
 *    "counts":{"create":0,"update":0,"replace":0,"delete":0,"start":0,"stop":0,"wait":0,
 *              "unchanged":0,"blocked":0},
 *    "steps":[                            what would be done, roles, grants, instances, each by name
 *      {"action":"create|update|replace|delete|start|stop|wait",   "unchanged" when it has a note
 *       "type":"instance|role|grant","name":"ds-ada",
 *       "at":{"file","line"},             where it is declared; absent for a deletion
 *       "reasons":[{"field","old","new","replaces"}],   texts for people; null: unset
 *       "note":"…",                       why, where no field tells it; or absent
 *       "loses":"…",                      what is destroyed; absent: nothing
 *       "blocked":"…",                    why an apply refuses; absent: it does not
 *       "state":"…"}],                    digest of what the plane has now; "" for nothing
 *    "checks":[                           findings, those of one name together
 *      {"check":"quota","status":"ok|warning|failure|unknown",
 *       "subject":"…",                    what was looked at; or absent
 *       "message":"…","mend":"…",         what to do; or absent
 *       "forced":true,                    a failure that --force-checks lets pass; or absent
 *       "at":{"file","line"}}],           or absent
 *    "problems":[{"message","at":{"file","line"}}],
 *    "warnings":["…"],
 *    "outputs":[{"name","value"}],
 *    "request":{…},                       only in a saved plan, for plan_load(): holds the scripts,
 *                                         without the values of their secrets
 *    "digest":"…"}                        only in a saved plan: of its bytes up to here
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/json.h"
#include "client/arm_client.h"
#include "engine/problems.h"

#define PLAN_PARALLEL_DEFAULT 32 /* steps at work at once */

struct plan;

enum plan_action {
    PLAN_UNCHANGED,
    PLAN_CREATE,
    PLAN_UPDATE,  /* in place */
    PLAN_REPLACE, /* delete and create again */
    PLAN_DELETE,
    PLAN_START,
    PLAN_STOP,
    PLAN_WAIT, /* the plane is at work on it: wait, then compare again */
    PLAN_ACTIONS
};
const char *plan_action_name(enum plan_action action); /* "create" */

struct plan_target {
    const char *subscription, *group;
    const char *workspace; /* the context's; the recipe's own wins; NULL: only the recipe's */
    const char *location;  /* NULL: the workspace's */
    const char *tenant;
    const char *graph_url;   /* where the directory answers; NULL: at the plane itself */
    const char *graph_token; /* bearer token for it; NULL: the client's own */
    /* For plan_load(): the value of a secret (borrowed), which a saved plan does not hold; NULL:
     * there is none.  May be NULL. */
    const char *(*secret)(const char *name, void *arg);
    void *secret_arg;
};

struct plan_request {
    const cJSON *document; /* what the recipe's evaluation gave; borrowed: must outlive the plan */
    struct plan_target target;  /* copied */
    bool destroy;               /* delete what the fleet owns */
    const char *const *replace; /* names that may be replaced (--replace); copied */
    size_t replace_count;
    const char *const *forced; /* checks whose failures are let through (--force-checks); copied */
    size_t forced_count;
    int parallel; /* steps that the apply will have at work at once; 0: PLAN_PARALLEL_DEFAULT */
};

/* The end of planning, from the loop, once.  `rc` 0: `plan` is the receiver's (plan_free()); it may
 * hold problems, and then it can be shown but not applied.  Otherwise plan is NULL and `err` says
 * why. */
typedef void plan_done_fn(int rc, struct plan *plan, const struct error *err, void *arg);

/* Starts planning.  Fails at once only for want of memory or with ERROR_USAGE (no workspace
 * anywhere). */
int plan_make(struct arm_client *client, const struct plan_request *request, plan_done_fn *done,
              void *arg, struct error *err);

/* The same, running the loop until it is there. *out_plan is the caller's. */
int plan_make_wait(struct arm_client *client, const struct plan_request *request,
                   struct plan **out_plan, struct error *err);

void plan_free(struct plan *plan); /* NULL is fine */

/* ---- reading a plan ---- */

struct plan_reason {
    const char *field;               /* as in recipes */
    const char *old_text, *new_text; /* for people; NULL: unset */
    bool replaces;                   /* only re-creation can change it */
};

struct plan_step {
    enum plan_action action;
    const char *type; /* "instance" */
    const char *name;
    const char *file; /* where it is declared; NULL: nowhere (a deletion) */
    int line;
    const struct plan_reason *reasons; /* why it is an update, replacement, start or stop */
    size_t reason_count;
    const char *note;    /* why, where no field tells it ("its creation failed"); or NULL */
    const char *lost;    /* what is destroyed; or NULL */
    const char *blocked; /* why an apply refuses, naming the way out; or NULL */
};

/* Every instance of the fleet, unchanged ones too, sorted by name (case folded).  Valid as long as
 * the plan. */
size_t plan_step_count(const struct plan *plan);
const struct plan_step *plan_step(const struct plan *plan, size_t index);

/* One line about what a step makes: "Standard_DS3_v2, ada@example.com, setup setup/hello.sh, idle
 * 1h". Empty for a deletion. Made on demand; appends. */
void plan_step_describe(const struct plan *plan, size_t index, struct buffer *out);

struct plan_counts {
    size_t of[PLAN_ACTIONS];
    size_t blocked;
    size_t changes; /* everything but PLAN_UNCHANGED */
};
struct plan_counts plan_counts(const struct plan *plan);

/* What was looked at before anything is touched. */
enum plan_check_status {
    PLAN_CHECK_OK,
    PLAN_CHECK_WARNING,
    PLAN_CHECK_FAILURE, /* an apply refuses, unless it is forced */
    PLAN_CHECK_UNKNOWN, /* it could not be found out: stops nothing */
};
const char *plan_check_status_name(enum plan_check_status status); /* "ok" */

struct plan_check {
    const char *name; /* "quota", … : static */
    enum plan_check_status status;
    const char *subject; /* what was looked at; or NULL */
    const char *message; /* one sentence */
    const char *mend;    /* what to do, perhaps lines to paste; or NULL */
    const char *file;    /* NULL: nowhere; borrowed from the plan's document */
    int line;
    bool forced; /* a failure that was forced */
};

/* Sorted by name, in the order of plan_check_names(). */
const struct plan_check *plan_checks(const struct plan *plan, size_t *out_count);
size_t plan_failed_checks(const struct plan *plan); /* failures that are not forced */
const char *const *plan_check_names(size_t *out_count);
/* The same names for a command's row. */
#define PLAN_CHECK_WORDS "caller assigned effects quota names sizes scripts"

const struct plan_problem *plan_problems(const struct plan *plan, size_t *out_count);
const char *const *plan_warnings(const struct plan *plan, size_t *out_count); /* sentences */

const char *plan_fleet(const struct plan *plan); /* NULL: the recipe declares none */
const char *plan_workspace(const struct plan *plan);
const char *plan_location(const struct plan *plan); /* NULL: not known */
bool plan_is_destroy(const struct plan *plan);
const cJSON *plan_outputs(const struct plan *plan); /* the document's array, or NULL */

/* ---- writing and reading back ---- */

/* Appends the JSON told above, indented, with a newline at the end.  `save`: with "request", so
 * that plan_load() can read it (it holds the recipe's scripts: write it 0600). */
void plan_write_json(const struct plan *plan, bool save, struct buffer *out);

/* Reads a saved plan and plans again from the document in it.  ERROR_CONFLICT when the result is
 * not the one that was saved: the world moved, the text was changed since, or `target` (the
 * context's: its workspace may be NULL) is not where the plan was made for; ERROR_SYNTAX or ERROR_TOO_NEW when the text is not a
 * saved plan of ours.  Otherwise as plan_make(). */
int plan_load(struct arm_client *client, const struct plan_target *target, const char *text,
              size_t size, plan_done_fn *done, void *arg, struct error *err);
int plan_load_wait(struct arm_client *client, const struct plan_target *target, const char *text,
                   size_t size, struct plan **out_plan, struct error *err);

/* Is this text a saved plan (rather than a recipe)?  Looks at its first bytes only. */
bool plan_is_saved(const char *text, size_t size);

#endif
