/* check.c - what all checks of a plan have in common: see check.h. */
#include "engine/check.h"

#include "base/text.h"

static const struct checker *const checkers[] = { &checker_access, &checker_capacity,
                                                  &checker_names, &checker_scripts };

static const char *const names[] = { PLAN_CHECK_NAMES };

struct check_call {
    struct checking *checking;
    check_reply_fn *fn;
    void *arg;
    struct arm_call *call;
    struct check_call *previous, *following; /* of those in flight */
};

struct checks {
    struct plan *plan;
    struct arm_client *client;
    checks_done_fn *done;
    void *arg;
    int rc; /* the first failure */
    struct error err;
    struct checking at_work[COUNT(checkers)];
    struct check_call *calls;
    bool posted;
};

/* ---- findings ---- */

const char *const *plan_check_names(size_t *out_count)
{
    *out_count = COUNT(names);
    return names;
}

const char *plan_check_status_name(enum plan_check_status status)
{
    static const char *const texts[] = { [PLAN_CHECK_OK] = "ok",
                                         [PLAN_CHECK_WARNING] = "warning",
                                         [PLAN_CHECK_FAILURE] = "failure",
                                         [PLAN_CHECK_UNKNOWN] = "unknown" };
    return texts[status];
}

static size_t rank(const char *name)
{
    size_t i = 0;
    while (i < COUNT(names) && !text_equal(names[i], name))
        i++;
    return i;
}

static bool is_forced(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->forced.count; i++)
        if (text_equal(plan->forced.items[i], name))
            return true;
    return false;
}

static void check_clear(struct plan_check *check)
{
    free((char *)check->subject);
    free((char *)check->message);
    free((char *)check->mend);
}

/* Keeps them in the order of their names; those of one name as they came. */
static void insert(struct plan *plan, const struct plan_check *check)
{
    if (plan->check_count == plan->check_capacity) {
        size_t capacity = plan->check_capacity ? plan->check_capacity * 2 : 8;
        struct plan_check *checks = realloc(plan->checks, capacity * sizeof *checks);
        if (!checks) {
            plan->problems.failed = true;
            check_clear(&(struct plan_check) {
                .subject = check->subject, .message = check->message, .mend = check->mend });
            return;
        }
        plan->checks = checks;
        plan->check_capacity = capacity;
    }
    size_t at = plan->check_count++;
    for (; at > 0 && rank(plan->checks[at - 1].name) > rank(check->name); at--)
        plan->checks[at] = plan->checks[at - 1];
    plan->checks[at] = *check;
}

void check_add(struct plan *plan, const struct plan_check *check, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    struct plan_check kept = *check;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kept.subject = check->subject ? strdup(check->subject) : NULL;
    kept.mend = check->mend ? strdup(check->mend) : NULL;
    kept.message = strdup(text);
    kept.forced = kept.status == PLAN_CHECK_FAILURE && is_forced(plan, kept.name);
    if (!kept.message || (check->subject && !kept.subject) || (check->mend && !kept.mend)) {
        plan->problems.failed = true;
        check_clear(&kept);
        return;
    }
    insert(plan, &kept);
}

void plan_checks_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->check_count; i++)
        check_clear(&plan->checks[i]);
    free(plan->checks);
    plan->checks = NULL;
    plan->check_count = plan->check_capacity = 0;
}

const struct plan_check *plan_checks(const struct plan *plan, size_t *out_count)
{
    *out_count = plan->check_count;
    return plan->checks;
}

size_t plan_failed_checks(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->check_count; i++)
        count += plan->checks[i].status == PLAN_CHECK_FAILURE && !plan->checks[i].forced;
    return count;
}

/* ---- running them ---- */

static void over(void *arg)
{
    struct checks *checks = arg;
    checks->posted = false;
    for (size_t i = 0; checks->rc == 0 && i < COUNT(checkers); i++)
        checks->at_work[i].checker->conclude(&checks->at_work[i]);
    checks->done(checks->rc, checks->rc < 0 ? &checks->err : NULL, checks->arg);
}

static bool is_waiting(const struct checks *checks)
{
    for (size_t i = 0; i < COUNT(checkers); i++)
        if (checks->at_work[i].pending > 0)
            return true;
    return false;
}

static int go_on(struct checks *checks)
{
    if (is_waiting(checks) || checks->posted)
        return 0;
    int rc = loop_post(arm_client_loop(checks->client), over, checks);
    checks->posted = rc == 0;
    return rc;
}

void check_hold(struct checking *checking)
{
    checking->pending++;
}

void check_unhold(struct checking *checking)
{
    checking->pending--;
    if (go_on(checking->all) < 0)
        over(checking->all);
}

void check_fail(struct checking *checking, int rc, const struct error *err)
{
    struct checks *checks = checking->all;
    if (checks->rc < 0)
        return;
    checks->rc = rc;
    if (err)
        checks->err = *err;
    (void)error_wrap(&checks->err, rc, "%s", checking->checker->doing);
}

static void unlink_call(struct check_call *call)
{
    struct checks *checks = call->checking->all;
    if (call->previous)
        call->previous->following = call->following;
    else
        checks->calls = call->following;
    if (call->following)
        call->following->previous = call->previous;
}

static void on_reply(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct check_call *call = arg;
    struct checking *checking = call->checking;
    unlink_call(call);
    call->fn(checking, rc, reply, err, call->arg);
    free(call);
    check_unhold(checking);
}

int check_ask(struct checking *checking, const struct arm_request *request, check_reply_fn *fn,
              void *arg, struct error *err)
{
    struct checks *checks = checking->all;
    struct check_call *call = calloc(1, sizeof *call);
    if (!call)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    *call = (struct check_call) { .checking = checking, .fn = fn, .arg = arg };
    int rc = arm_send(checks->client, request, on_reply, call, &call->call, err);
    if (rc < 0) {
        free(call);
        return rc;
    }
    call->following = checks->calls;
    if (checks->calls)
        checks->calls->previous = call;
    checks->calls = call;
    check_hold(checking);
    return 0;
}

struct checks *checks_start(struct plan *plan, struct arm_client *client, checks_done_fn *done,
                            void *arg)
{
    struct checks *checks = calloc(1, sizeof *checks);
    if (!checks)
        return NULL;
    *checks = (struct checks) { .plan = plan, .client = client, .done = done, .arg = arg };
    for (size_t i = 0; i < COUNT(checkers); i++)
        checks->at_work[i] = (struct checking) {
            .checker = checkers[i], .plan = plan, .client = client, .all = checks, .pending = 1
        };
    for (size_t i = 0; i < COUNT(checkers); i++) {
        struct error err = { 0 };
        int rc = checks->rc < 0 ? 0 : checkers[i]->begin(&checks->at_work[i], &err);
        if (rc < 0)
            check_fail(&checks->at_work[i], rc, &err);
        checks->at_work[i].pending--;
    }
    if (go_on(checks) < 0) {
        checks_free(checks);
        return NULL;
    }
    return checks;
}

void checks_free(struct checks *checks)
{
    if (!checks)
        return;
    for (struct check_call *call = checks->calls, *following; call; call = following) {
        following = call->following;
        arm_call_cancel(call->call);
        free(call);
    }
    for (size_t i = 0; i < COUNT(checkers); i++)
        if (checks->at_work[i].checker->release)
            checks->at_work[i].checker->release(&checks->at_work[i]);
    loop_unpost(arm_client_loop(checks->client), checks);
    free(checks);
}
