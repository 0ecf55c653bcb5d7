/* apply.c - see apply.h.
 *
 * Each step becomes a job: a short queue of parts, one request each.  What cannot be known before
 * (what a half-made instance turns out to be) is decided when it is seen, by the same comparison
 * that the plan makes. */
#include "engine/apply_private.h"

#include "base/text.h"

#define POLL_FIRST_MS 500
#define POLL_MAX_MS 10000
#define FRESH_MS 5000 /* a plan that waited longer for a person's yes is looked over once more */

static void pump(void *arg);
static void call_dependents(struct apply *apply, size_t index);

static struct loop *loop_of(const struct apply *apply)
{
    return arm_client_loop(apply->client);
}

static void post_pump(struct apply *apply)
{
    if (!apply->posted && loop_post(loop_of(apply), pump, apply) == 0)
        apply->posted = true;
}

/* ---- telling ---- */

static void emit(struct job *job, enum apply_event_kind kind, const char *doing,
                 const struct error *err)
{
    struct apply *apply = job->apply;
    int64_t now = loop_now_ms(loop_of(apply));
    const struct apply_event event = {
        .kind = kind,
        .index = job->index,
        .step = &job->item->step,
        .doing = doing,
        .elapsed_ms = now - job->started_ms,
        .total_ms = now - apply->started_ms,
        .finished = apply->finished,
        .total = apply->total,
        .err = err,
    };
    if (apply->observer.step)
        apply->observer.step(&event, apply->observer.arg);
}

static void keep_failure(struct apply *apply, const struct job *job, const struct error *err)
{
    if (apply->failure_count == apply->failure_capacity) {
        size_t capacity = apply->failure_capacity ? apply->failure_capacity * 2 : 8;
        struct apply_failure *failures = realloc(apply->failures, capacity * sizeof *failures);
        if (!failures) {
            apply->no_memory = true;
            return;
        }
        apply->failures = failures;
        apply->failure_capacity = capacity;
    }
    struct apply_failure failure = {
        .step = &job->item->step,
        .code = err->code,
        .status = err->status,
        .name = strdup(err->name),
        .message = strdup(err->message),
        .target = strdup(err->target),
        .details = strdup(err->details),
    };
    if (!failure.name || !failure.message || !failure.target || !failure.details) {
        apply->no_memory = true;
        free((char *)failure.name);
        free((char *)failure.message);
        free((char *)failure.target);
        free((char *)failure.details);
        return;
    }
    apply->failures[apply->failure_count++] = failure;
}

/* ---- the end of a job ---- */

static void job_free(struct job *job)
{
    struct apply *apply = job->apply;
    if (job->call)
        arm_call_cancel(job->call);
    loop_timer_free(job->timer);
    cJSON_Delete(job->body);
    if (job->previous)
        job->previous->following = job->following;
    else
        apply->jobs = job->following;
    if (job->following)
        job->following->previous = job->previous;
    apply->running--;
    call_dependents(apply, job->index);
    free(job);
}

void job_done(struct job *job)
{
    struct apply *apply = job->apply;
    enum plan_action action = job->item->step.action;
    apply->outcomes[job->index] = OUTCOME_DONE;
    apply->finished++;
    apply->summary.done[action]++;
    apply->summary.done_count++;
    emit(job, APPLY_DONE, NULL, NULL);
    job_free(job);
    post_pump(apply);
}

void job_fail(struct job *job, const struct error *why)
{
    struct apply *apply = job->apply;
    struct error shown = *why; /* the last lines of a log stand in it: not every plane hides them */
    const struct error *err = &shown;
    secrets_redact_error(apply->plan->fleet->secrets, &shown);
    apply->outcomes[job->index] = OUTCOME_FAILED;
    apply->finished++;
    apply->summary.failed++;
    keep_failure(apply, job, err);
    emit(job, APPLY_FAILED, NULL, err);
    job_free(job);
    post_pump(apply);
}

/* It was stopped before its end: the next plan finds what is left of it. */
void job_leave(struct job *job)
{
    struct apply *apply = job->apply;
    apply->outcomes[job->index] = OUTCOME_LEFT;
    apply->summary.left++;
    job_free(job);
    post_pump(apply);
}

void job_refuse(struct job *job, int code, const char *format, ...)
{
    struct error err = { 0 };
    va_list args;
    va_start(args, format);
    (void)error_vset(&err, code, format, args);
    va_end(args);
    job_fail(job, &err);
}

/* ---- parts ---- */

void job_add_part(struct job *job, enum part part)
{
    if (job->part_count < PARTS_MAX)
        job->parts[job->part_count++] = part;
}

static const char *doing_text(enum part part)
{
    switch (part) {
    case PART_CHECK:
        return "checking";
    case PART_SETTLE:
        return "waiting";
    case PART_DELETE:
        return "deleting";
    case PART_CREATE:
        return "creating";
    case PART_UPDATE:
        return "updating";
    case PART_IDLE:
        return "setting idle shutdown";
    case PART_START:
        return "starting";
    case PART_STOP:
        return "stopping";
    }
    return "";
}

void job_on_part(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct job *job = arg;
    (void)reply;
    job->call = NULL;
    if (rc < 0)
        job_fail(job, err);
    else
        job_next(job);
}

void job_next(struct job *job)
{
    if (job->next == job->part_count) {
        job_done(job);
        return;
    }
    if (job->apply->stopped) {
        job_leave(job);
        return;
    }
    enum part part = job->parts[job->next++];
    emit(job, job->next == 1 ? APPLY_STARTED : APPLY_DOING, doing_text(part), NULL);
    job->tries = 0;
    job->item->type->send(job, part);
}

void job_send(struct job *job, const struct arm_request *request, int rc, arm_done_fn *done,
              struct error *err)
{
    if (rc == 0)
        rc = arm_send(job->apply->client, request, done, job, &job->call, err);
    if (rc < 0) {
        job->call = NULL;
        job_fail(job, err);
    }
}

static void send_again(void *arg)
{
    struct job *job = arg;
    job->waiting = false;
    job->item->type->send(job, job->later);
}

void job_later(struct job *job, enum part part, int64_t whole_ms, const char *what)
{
    struct loop *loop = loop_of(job->apply);
    if (loop_now_ms(loop) - job->started_ms > whole_ms) {
        job_refuse(job, ERROR_TIMEOUT, "'%s' %s", job->item->step.name, what);
        return;
    }
    int rc = job->timer ? 0 : loop_timer_new(loop, send_again, job, &job->timer);
    if (rc == 0)
        rc = loop_timer_set(job->timer, job->poll_ms);
    job->later = part;
    job->waiting = rc == 0;
    job->poll_ms = job->poll_ms * 3 / 2 < POLL_MAX_MS ? job->poll_ms * 3 / 2 : POLL_MAX_MS;
    if (rc < 0)
        job_refuse(job, rc, "out of memory");
}

/* ---- all of them ---- */

/* ---- what waits for what ---- */

static size_t index_of(const struct apply *apply, const struct item *item)
{
    return (size_t)(item - apply->plan->items);
}

/* Why this step cannot be done: what it needs was not made; or NULL. */
static const struct item *unmade(const struct apply *apply, const struct item *item)
{
    const struct item *after;
    for (size_t i = 0; item->type->after && (after = item->type->after(apply->plan, item, i)); i++)
        if (apply->outcomes[index_of(apply, after)] == OUTCOME_FAILED ||
            apply->outcomes[index_of(apply, after)] == OUTCOME_LEFT)
            return after;
    return NULL;
}

/* Steps of one stage that wait for another of the same: that one calls them when it ends. */
static void link_dependents(struct apply *apply)
{
    struct plan *plan = apply->plan;
    for (size_t i = 0; i < plan->count; i++) {
        const struct item *after, *item = &plan->items[i];
        if (item->step.action == PLAN_UNCHANGED || !item->type->after)
            continue;
        for (size_t k = 0; (after = item->type->after(plan, item, k)); k++) {
            size_t first = index_of(apply, after);
            if (after->step.action == PLAN_UNCHANGED ||
                after->type->stage(plan, after) != item->type->stage(plan, item))
                continue;
            apply->siblings[i] = apply->dependents[first];
            apply->dependents[first] = i + 1;
            apply->waits[i] = true;
            break;
        }
    }
}

static void call_dependents(struct apply *apply, size_t index)
{
    for (size_t i = apply->dependents[index], next; i; i = next) {
        next = apply->siblings[i - 1];
        apply->siblings[i - 1] = apply->ready;
        apply->ready = i;
    }
    apply->dependents[index] = 0;
}

static void job_start(struct apply *apply, size_t index)
{
    struct job *job = calloc(1, sizeof *job);
    apply->begun[index] = true;
    if (!job) {
        apply->no_memory = true;
        apply->outcomes[index] = OUTCOME_LEFT;
        apply->summary.left++;
        return;
    }
    *job = (struct job) {
        .apply = apply,
        .index = index,
        .item = &apply->plan->items[index],
        .started_ms = loop_now_ms(loop_of(apply)),
        .poll_ms = POLL_FIRST_MS,
        .following = apply->jobs,
    };
    if (apply->jobs)
        apply->jobs->previous = job;
    apply->jobs = job;
    apply->running++;
    const struct item *missing = unmade(apply, job->item);
    if (missing) {
        job_refuse(job, ERROR_CONFLICT, "%s '%s', which it needs, was not made",
                   missing->type->name, missing->step.name);
        return;
    }
    job->item->type->add_parts(job);
    job_next(job);
}

static int compare_failures(const void *a, const void *b)
{
    return text_compare_nocase(((const struct apply_failure *)a)->step->name,
                               ((const struct apply_failure *)b)->step->name);
}

static void end(struct apply *apply)
{
    struct apply_summary *summary = &apply->summary;
    apply->over = true;
    if (apply->failure_count > 1)
        qsort(apply->failures, apply->failure_count, sizeof *apply->failures, compare_failures);
    summary->failures = apply->failures;
    summary->failure_count = apply->failure_count;
    summary->stopped = apply->stopped;
    summary->elapsed_ms = loop_now_ms(loop_of(apply)) - apply->started_ms;
    if (apply->observer.done)
        apply->observer.done(summary, apply->observer.arg);
}

static void leave_rest(struct apply *apply)
{
    for (size_t i = 0; i < apply->plan->count; i++) {
        if (apply->plan->items[i].step.action == PLAN_UNCHANGED || apply->begun[i])
            continue;
        apply->begun[i] = true;
        apply->outcomes[i] = OUTCOME_LEFT;
        apply->summary.left++;
    }
}

static bool is_due(const struct apply *apply, size_t index)
{
    const struct item *item = &apply->plan->items[index];
    return !apply->begun[index] && !apply->waits[index] && item->step.action != PLAN_UNCHANGED &&
           (int)item->type->stage(apply->plan, item) == apply->stage;
}

/* Begins what there is room for; false: the stage is not over. */
static bool pump_stage(struct apply *apply)
{
    while ((apply->ready || apply->cursor < apply->plan->count) &&
           apply->running < (size_t)apply->parallel) {
        size_t index = apply->ready ? apply->ready - 1 : apply->cursor++;
        bool called = apply->ready != 0;
        if (called)
            apply->ready = apply->siblings[index];
        if (called ? !apply->begun[index] : is_due(apply, index))
            job_start(apply, index);
    }
    return apply->running == 0 && !apply->ready && apply->cursor == apply->plan->count;
}

static void pump(void *arg)
{
    struct apply *apply = arg;
    apply->posted = false;
    if (apply->checking || apply->over)
        return;
    if (apply->stopped)
        leave_rest(apply);
    while (apply->stage < STAGES && pump_stage(apply)) {
        apply->stage++;
        apply->cursor = 0;
    }
    if (apply->stage == STAGES)
        end(apply);
}

/* ---- looking over a plan that has waited ---- */

/* Something that the plan would create is there meanwhile: creating it would overwrite it. */
static int on_page(const cJSON *items, void *arg, struct error *err)
{
    struct apply *apply = arg;
    const cJSON *body;
    cJSON_ArrayForEach(body, items)
    {
        const char *name = json_string(body, "name", NULL);
        char *key = name ? fleet_key(name) : NULL;
        const struct item *item = key ? plan_find_item(apply->plan, &resource_instance, key) : NULL;
        free(key);
        if (item && item->step.action == PLAN_CREATE)
            return error_set(err, ERROR_CONFLICT,
                             "'%s' has appeared since this was planned: plan again", name);
    }
    return 0;
}

static void on_looked(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct apply *apply = arg;
    (void)reply;
    apply->checking = false;
    apply->check_call = NULL;
    for (size_t i = 0; rc < 0 && i < apply->plan->count; i++) {
        const struct item *item = &apply->plan->items[i];
        if (item->step.action == PLAN_UNCHANGED)
            continue;
        if (apply->summary.failed++ == 0) {
            const struct job told = { .apply = apply, .index = i, .item = item };
            keep_failure(apply, &told, err);
        }
        apply->outcomes[i] = OUTCOME_FAILED;
        apply->begun[i] = true;
        apply->finished++;
    }
    post_pump(apply);
}

static int look_over(struct apply *apply, struct error *err)
{
    struct computes_request request;
    const struct workspace_ref workspace = plan_workspace_ref(apply->plan);
    int rc = computes_list(&request, &workspace, err);
    if (rc < 0)
        return rc;
    request.arm.on_page = on_page;
    rc = arm_send(apply->client, &request.arm, on_looked, apply, &apply->check_call, err);
    computes_request_clear(&request);
    apply->checking = rc == 0;
    return rc;
}

/* ---- the object ---- */

static int refuse(const struct plan *plan, struct error *err)
{
    struct plan_counts counts = plan_counts(plan);
    if (plan->problems.count > 0) {
        const struct plan_problem *first = &plan->problems.items[0];
        (void)error_set(err, ERROR_INVALID, "%s", first->message);
        if (err)
            error_at(err, first->file, first->line);
        return ERROR_INVALID;
    }
    for (size_t i = 0; counts.blocked > 0 && i < plan->count; i++)
        if (plan->items[i].blocked)
            return error_set(err, ERROR_CONFLICT, "nothing was changed: %s",
                             plan->items[i].blocked);
    for (size_t i = 0; i < plan->check_count; i++) {
        const struct plan_check *check = &plan->checks[i];
        if (check->status != PLAN_CHECK_FAILURE || check->forced)
            continue;
        (void)error_set(err, ERROR_CONFLICT, "nothing was changed: %s; --force-checks %s tries it",
                        check->message, check->name);
        if (err)
            error_at(err, check->file, check->line);
        return ERROR_CONFLICT;
    }
    return 0;
}

static int allocate(struct apply *apply, size_t size)
{
    apply->outcomes = calloc(size, sizeof *apply->outcomes);
    apply->begun = calloc(size, sizeof *apply->begun);
    apply->waits = calloc(size, sizeof *apply->waits);
    apply->dependents = calloc(size, sizeof *apply->dependents);
    apply->siblings = calloc(size, sizeof *apply->siblings);
    return apply->outcomes && apply->begun && apply->waits && apply->dependents && apply->siblings
               ? 0
               : ERROR_NO_MEMORY;
}

static void release(struct apply *apply)
{
    if (!apply)
        return;
    free(apply->outcomes);
    free(apply->begun);
    free(apply->waits);
    free(apply->dependents);
    free(apply->siblings);
    free(apply);
}

int apply_start(struct arm_client *client, struct plan *plan, const struct apply_options *options,
                const struct apply_observer *observer, struct apply **out, struct error *err)
{
    int parallel = options && options->parallel ? options->parallel : APPLY_PARALLEL_DEFAULT;
    int rc = refuse(plan, err);
    if (rc < 0)
        return rc;
    if (parallel < 1 || parallel > APPLY_PARALLEL_MAX)
        return error_set(err, ERROR_USAGE, "parallel is 1 to %d, not %d", APPLY_PARALLEL_MAX,
                         parallel);
    struct apply *apply = calloc(1, sizeof *apply);
    if (!apply || allocate(apply, plan->count + 1) < 0) {
        release(apply);
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    struct plan_counts counts = plan_counts(plan);
    apply->client = client;
    apply->plan = plan;
    apply->parallel = parallel;
    link_dependents(apply);
    apply->total = counts.changes;
    apply->summary.unchanged = counts.of[PLAN_UNCHANGED];
    apply->started_ms = loop_now_ms(arm_client_loop(client));
    if (observer)
        apply->observer = *observer;
    if (counts.of[PLAN_CREATE] > 0 && apply->started_ms - plan->made_at_ms > FRESH_MS)
        rc = look_over(apply, err);
    if (rc == 0 && !apply->checking) {
        rc = loop_post(arm_client_loop(client), pump, apply);
        apply->posted = rc == 0;
    }
    if (rc < 0) {
        apply_free(apply);
        return error_wrap(err, rc, "starting to apply");
    }
    *out = apply;
    return 0;
}

void apply_stop(struct apply *apply)
{
    if (apply->stopped || apply->over)
        return;
    apply->stopped = true;
    for (struct job *job = apply->jobs, *following; job; job = following) {
        following = job->following;
        if (job->waiting)
            job_leave(job);
    }
    post_pump(apply);
}

void apply_free(struct apply *apply)
{
    if (!apply)
        return;
    for (struct job *job = apply->jobs, *following; job; job = following) {
        following = job->following;
        job_free(job);
    }
    if (apply->check_call)
        arm_call_cancel(apply->check_call);
    loop_unpost(loop_of(apply), apply);
    for (size_t i = 0; i < apply->failure_count; i++) {
        free((char *)apply->failures[i].name);
        free((char *)apply->failures[i].message);
        free((char *)apply->failures[i].target);
        free((char *)apply->failures[i].details);
    }
    free(apply->failures);
    release(apply);
}

/* ---- waiting for it ---- */

struct waiting {
    bool done;
    struct apply_observer observer; /* the caller's */
};

static void relay_step(const struct apply_event *event, void *arg)
{
    const struct waiting *waiting = arg;
    if (waiting->observer.step)
        waiting->observer.step(event, waiting->observer.arg);
}

static void relay_done(const struct apply_summary *summary, void *arg)
{
    struct waiting *waiting = arg;
    waiting->done = true;
    if (waiting->observer.done)
        waiting->observer.done(summary, waiting->observer.arg);
}

static int result_of(const struct apply_summary *summary, bool done, struct error *err)
{
    if (summary->failure_count > 0) {
        const struct apply_failure *first = &summary->failures[0];
        (void)error_set(err, first->code, "%s", first->message);
        if (err) {
            err->status = first->status;
            (void)text_copy(err->name, sizeof err->name, first->name);
            (void)text_copy(err->target, sizeof err->target, first->target);
            (void)text_copy(err->details, sizeof err->details, first->details);
        }
        return first->code;
    }
    if (!done || summary->left > 0)
        return error_set(err, ERROR_CANCELLED, "interrupted");
    return 0;
}

int apply_run(struct arm_client *client, struct plan *plan, const struct apply_options *options,
              const struct apply_observer *observer, struct apply_summary *out_summary,
              struct error *err)
{
    struct waiting waiting = { 0 };
    struct apply *apply = NULL;
    const struct apply_observer relay = { relay_step, relay_done, &waiting };
    if (observer)
        waiting.observer = *observer;
    int rc = apply_start(client, plan, options, &relay, &apply, err);
    if (rc < 0 || !apply)
        return rc;
    (void)loop_run_until(arm_client_loop(client), &waiting.done);
    rc = result_of(&apply->summary, waiting.done, err);
    if (out_summary) {
        *out_summary = apply->summary;
        out_summary->failures = NULL;
    }
    apply_free(apply);
    return rc;
}
