/* apply_instance.c - how instances are made, changed and deleted: a step is a short chain of
 * requests.  What cannot be known before (what a half-made instance turns out to be) is decided when
 * it is seen, by the same comparison that the plan makes. */
#include "engine/apply_private.h"

#include "base/duration.h"
#include "base/text.h"

#define WAIT_MAX_MS (60 * 60 * 1000) /* for what somebody else set in motion */

/* Creating leaves an instance running; who wants it stopped has it stopped then. */
static void add_creation(struct job *job)
{
    job_add_part(job, PART_CREATE);
    if (text_equal(plan_item_power(job->apply->plan, job->item), "stopped"))
        job_add_part(job, PART_STOP);
}

static void add_todo(struct job *job, unsigned todo)
{
    static const struct {
        enum todo todo;
        enum part part;
    } parts[] = {
        { TODO_PUT, PART_UPDATE },
        { TODO_IDLE, PART_IDLE },
        { TODO_START, PART_START },
        { TODO_STOP, PART_STOP },
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (todo & parts[i].todo)
            job_add_part(job, parts[i].part);
}

static void add_parts(struct job *job)
{
    const struct item *item = job->item;
    switch (item->step.action) {
    case PLAN_CREATE:
        add_creation(job);
        break;
    case PLAN_UPDATE:
    case PLAN_START:
    case PLAN_STOP:
        job_add_part(job, PART_CHECK);
        add_todo(job, item->diff.todo);
        break;
    case PLAN_REPLACE:
        job_add_part(job, PART_CHECK);
        job_add_part(job, PART_DELETE);
        add_creation(job);
        break;
    case PLAN_DELETE:
        job_add_part(job, item->phase == INSTANCE_MOVING ? PART_SETTLE : PART_CHECK);
        if (item->phase != INSTANCE_MOVING)
            job_add_part(job, PART_DELETE);
        break;
    case PLAN_WAIT:
        job_add_part(job, PART_SETTLE);
        break;
    case PLAN_UNCHANGED:
    case PLAN_ACTIONS:
        break;
    }
}

/* A power already as wanted is no part to do: schedules may have been quicker. */
static void on_created(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct job *job = arg;
    const char *power = plan_item_power(job->apply->plan, job->item);
    const char *state =
        rc == 0 ? json_string(reply->body, "properties.properties.state", NULL) : NULL;
    if (state && text_equal(power, "running") && text_equal_nocase(state, "Stopped"))
        job_add_part(job, PART_START);
    if (state && text_equal(power, "stopped") && text_equal_nocase(state, "Stopped"))
        job->part_count = job->next;
    job_on_part(rc, reply, err, arg);
}

static void on_check(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct job *job = arg;
    char state[DIGEST_TEXT_SIZE];
    job->call = NULL;
    if (rc == ERROR_NOT_FOUND && job->item->step.action == PLAN_DELETE) {
        job_done(job);
        return;
    }
    if (rc < 0) {
        job_fail(job, err);
        return;
    }
    diff_state(reply->body, state);
    if (!text_equal(state, job->item->state) || !plan_owns(job->apply->plan, reply->body)) {
        job_refuse(job, ERROR_CONFLICT, "'%s' changed since it was planned: plan again",
                   job->item->step.name);
        return;
    }
    cJSON_Delete(job->body);
    job->body = reply->body;
    reply->body = NULL;
    job_next(job);
}

/* ---- waiting for what is under way, then comparing again ---- */

static void settle_gone(struct job *job)
{
    if (job->item->instance && !job->apply->plan->destroy)
        add_creation(job);
    job_next(job);
}

static bool may_replace(const struct job *job, enum instance_phase phase)
{
    return !plan_item_protected(job->apply->plan, job->item) &&
           (phase == INSTANCE_BROKEN || job->item->permitted);
}

static void settle_steady(struct job *job, cJSON *body, enum instance_phase phase)
{
    const struct plan *plan = job->apply->plan;
    struct diff diff = { 0 };
    bool wanted = job->item->instance && !plan->destroy;
    if (wanted)
        diff_instance(plan->fleet, job->item->instance, body, &diff);
    bool replace = phase == INSTANCE_BROKEN || (diff.todo & TODO_REPLACE);
    unsigned todo = diff.todo;
    diff_clear(&diff);
    cJSON_Delete(job->body);
    job->body = body;
    if (!wanted) {
        job_add_part(job, PART_DELETE);
    } else if (replace && !may_replace(job, phase)) {
        job_refuse(job, ERROR_CONFLICT,
                   "'%s' turned out to need re-creation: plan again to see why",
                   job->item->step.name);
        return;
    } else if (replace) {
        job_add_part(job, PART_DELETE);
        add_creation(job);
    } else {
        add_todo(job, todo);
    }
    job_next(job);
}

static void on_settle(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct job *job = arg;
    job->call = NULL;
    if (rc == ERROR_NOT_FOUND) {
        settle_gone(job);
        return;
    }
    if (rc < 0) {
        job_fail(job, err);
        return;
    }
    if (!plan_owns(job->apply->plan, reply->body)) {
        job_refuse(job, ERROR_CONFLICT, "'%s' does not belong to the fleet any more",
                   job->item->step.name);
        return;
    }
    enum instance_phase phase = instance_phase(reply->body);
    if (job->apply->stopped) {
        job_leave(job);
    } else if (phase == INSTANCE_MOVING || phase == INSTANCE_LEAVING) {
        job_later(job, PART_SETTLE, WAIT_MAX_MS, "is still not done with what is under way");
    } else {
        cJSON *body = reply->body;
        reply->body = NULL;
        settle_steady(job, body, phase);
    }
}

/* ---- sending ---- */

static int fill_put(struct job *job, struct computes_request *out, bool update, cJSON **out_body,
                    struct error *err)
{
    const struct workspace_ref workspace = plan_workspace_ref(job->apply->plan);
    cJSON *listed = update ? job->body : NULL;
    if (update)
        job->body = NULL;
    cJSON *body = plan_item_body(job->apply->plan, job->item, listed);
    if (!body)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    *out_body = body;
    return computes_put(out, &workspace, job->item->step.name, body, err);
}

static int fill_idle(struct job *job, struct computes_request *out, struct error *err)
{
    char text[DURATION_TEXT_SIZE];
    const struct plan *plan = job->apply->plan;
    const struct workspace_ref workspace = plan_workspace_ref(plan);
    const struct schema_field *field = schema_field_find(schema_instance(), "idle_shutdown");
    const struct schema_layers layers = fleet_layers(plan->fleet, job->item->instance);
    cJSON *seconds = schema_desired(field, &layers, &plan->fleet->refs);
    duration_iso_minutes(seconds ? (int64_t)seconds->valuedouble : 0, text, sizeof text);
    cJSON_Delete(seconds);
    return computes_update_idle_shutdown(out, &workspace, job->item->step.name, text, err);
}

static int fill(struct job *job, enum part part, struct computes_request *out, cJSON **out_body,
                struct error *err)
{
    const struct workspace_ref workspace = plan_workspace_ref(job->apply->plan);
    const char *name = job->item->step.name;
    switch (part) {
    case PART_CHECK:
    case PART_SETTLE:
        return computes_get(out, &workspace, name, err);
    case PART_DELETE:
        return computes_delete(out, &workspace, name, err);
    case PART_CREATE:
    case PART_UPDATE:
        return fill_put(job, out, part == PART_UPDATE, out_body, err);
    case PART_IDLE:
        return fill_idle(job, out, err);
    case PART_START:
        return computes_start(out, &workspace, name, err);
    case PART_STOP:
        return computes_stop(out, &workspace, name, err);
    }
    return error_set(err, ERROR_INTERNAL, "no such part");
}

static arm_done_fn *end_of(enum part part)
{
    if (part == PART_CHECK)
        return on_check;
    if (part == PART_SETTLE)
        return on_settle;
    return part == PART_CREATE ? on_created : job_on_part;
}

static void send(struct job *job, enum part part)
{
    struct error err = { 0 };
    struct computes_request request = { 0 };
    cJSON *body = NULL;
    int rc = fill(job, part, &request, &body, &err);
    job_send(job, &request.arm, rc, end_of(part), &err);
    computes_request_clear(&request);
    cJSON_Delete(body);
}

static enum stage stage(const struct plan *plan, const struct item *item)
{
    return plan->deletes_first && item->step.action == PLAN_DELETE ? STAGE_FREEING
                                                                   : STAGE_INSTANCES;
}

static void describe(const struct plan *plan, const struct item *item, struct buffer *out)
{
    static const struct {
        const char *field, *before;
    } parts[] = {
        { "size", "" },
        { "assigned_to", "" },
        { "setup", "setup " },
        { "startup", "startup " },
        { "idle_shutdown", "idle " },
        { "power", "" },
    };
    const char *gap = "";
    const struct schema_layers layers = fleet_layers(plan->fleet, item->instance);
    for (size_t i = 0; i < COUNT(parts); i++) {
        const struct schema_field *field = schema_field_find(schema_instance(), parts[i].field);
        cJSON *value = schema_desired(field, &layers, &plan->fleet->refs);
        if (value) {
            buffer_format(out, "%s%s", gap, parts[i].before);
            if (field->kind == SCHEMA_SCRIPT)
                buffer_text(out, json_string(value, "label", ""));
            else
                schema_text(field, value, out);
            gap = ", ";
        }
        cJSON_Delete(value);
    }
}

const struct resource_type resource_instance = {
    .name = "instance",
    .rank = 2,
    .describe = describe,
    .stage = stage,
    .add_parts = add_parts,
    .send = send,
};
