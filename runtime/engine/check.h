/* check.h - a plan's checks: what would make an apply fail, looked at before anything is touched.
 *
 * To add one: a file check_<what>.c with a `struct checker`, a row for it in check.c, and, when it
 * speaks under a name of its own, that name in PLAN_CHECK_NAMES.  All checkers work at once, after
 * the steps stand (their actions, reasons, losses) and before the plan is told:
 *
 *     static int begin(struct checking *checking, struct error *err)
 *     {
 *         if (checking->plan->destroy)
 *             return 0;                                  nothing to ask; conclude() still comes
 *         … fill `request` …
 *         return check_ask(checking, &request.arm, on_reply, NULL, err);
 *     }
 *     static void conclude(struct checking *checking)
 *     {
 *         check_add(checking->plan, &(struct plan_check) { .name = CHECK_QUOTA, … }, "%lld …", n);
 *     }
 */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include "engine/plan_private.h"

#define CHECK_CALLER "caller"     /* may the caller do all of this? */
#define CHECK_ASSIGNED "assigned" /* may the assigned people use their instances? */
#define CHECK_EFFECTS "effects"   /* what grants and roles change, in words */
#define CHECK_QUOTA "quota"
#define CHECK_NAMES "names"
#define CHECK_SIZES "sizes"
#define CHECK_SCRIPTS "scripts"

/* In the order in which a plan shows them. */
#define PLAN_CHECK_NAMES                                                                           \
    CHECK_CALLER, CHECK_ASSIGNED, CHECK_EFFECTS, CHECK_QUOTA, CHECK_NAMES, CHECK_SIZES,            \
        CHECK_SCRIPTS

struct checker;
struct checks; /* all checkers of one plan, at work */

/* One checker at work on one plan. */
struct checking {
    const struct checker *checker;
    struct plan *plan;         /* its items are settled; borrowed */
    struct arm_client *client; /* borrowed */
    void *state;               /* the checker's own */
    struct checks *all;
    size_t pending; /* what it waits for */
};

struct checker {
    const char *doing; /* for errors: "asking for the location's quota" */
    /* Asks what it needs to know.  What it cannot even ask for (< 0) ends the planning. */
    int (*begin)(struct checking *checking, struct error *err);
    /* Everything is there: says what it found.  Comes from the loop, once, also when nothing was
     * asked; but not when planning failed meanwhile. */
    void (*conclude)(struct checking *checking);
    /* Releases checking->state, and cancels what check_hold() waits for; NULL: there is none. */
    void (*release)(struct checking *checking);
};

/* The reply to check_ask(): as an arm_done_fn, with the checking.  `arg` is what was given. */
typedef void check_reply_fn(struct checking *checking, int rc, struct arm_reply *reply,
                            const struct error *err, void *arg);
/* Sends a request of a checker's; an abandoned plan cancels it. */
int check_ask(struct checking *checking, const struct arm_request *request, check_reply_fn *fn,
              void *arg, struct error *err);

/* For what waits otherwise: each hold needs its end, from the loop. */
void check_hold(struct checking *checking);
void check_unhold(struct checking *checking);

/* Planning cannot go on: keeps the first failure. */
void check_fail(struct checking *checking, int rc, const struct error *err);

/* Adds a finding: everything of `check` but its message, which is formatted. Texts are copied. */
void check_add(struct plan *plan, const struct plan_check *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- for planning.c ---- */

/* Runs all checkers; `done` comes later, from the loop, and may free them.  The caller's; NULL for
 * want of memory. */
typedef void checks_done_fn(int rc, const struct error *err, void *arg);
struct checks *checks_start(struct plan *plan, struct arm_client *client, checks_done_fn *done,
                            void *arg);
void checks_free(struct checks *checks); /* abandons them when they are not done; NULL is fine */

/* The checkers there are, for the table in check.c. */
extern const struct checker checker_access;   /* caller, assigned, effects */
extern const struct checker checker_capacity; /* quota and sizes */
extern const struct checker checker_names;
extern const struct checker checker_scripts;

#endif
