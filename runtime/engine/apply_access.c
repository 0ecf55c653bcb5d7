/* apply_access.c - how roles and grants are made and deleted: one request each. */
#include "engine/apply_private.h"

#include "base/text.h"
#include "client/authorization.h"
#include "engine/grants.h"
#include "rbac/words.h"

/* A principal or role that was just made is not known everywhere at once. */
#define SPREAD_MAX_MS (3 * 60 * 1000)

static void describe_role(const struct plan *plan, const struct item *item, struct buffer *out)
{
    const cJSON *permission =
        cJSON_GetArrayItem(json_at(item->grant->body, "properties.permissions"), 0);
    const cJSON *action;
    const char *gap = "";
    (void)plan;
    cJSON_ArrayForEach(action, cJSON_GetObjectItemCaseSensitive(permission, "actions"))
    {
        buffer_format(out, "%s%s", gap, rbac_action_word(action->valuestring));
        gap = ", ";
    }
}

/* Its name says all of it. */
static void describe_grant(const struct plan *plan, const struct item *item, struct buffer *out)
{
    (void)plan, (void)item, (void)out;
}

static enum stage role_stage(const struct plan *plan, const struct item *item)
{
    (void)plan;
    return item->step.action == PLAN_DELETE ? STAGE_UNMAKING : STAGE_ROLES;
}

static enum stage grant_stage(const struct plan *plan, const struct item *item)
{
    (void)plan;
    if (item->step.action == PLAN_DELETE)
        return STAGE_REVOKING;
    return item->grant->instance_key ? STAGE_INSTANCES : STAGE_GRANTS;
}

static const struct item *grant_after(const struct plan *plan, const struct item *item,
                                      size_t index)
{
    const struct grant_item *grant = item->grant;
    const struct item *found[2] = { NULL, NULL };
    size_t count = 0;
    if (item->step.action == PLAN_DELETE)
        return NULL;
    if (grant->role_key)
        found[count++] = grants_role_item(plan, grant->role_key);
    if (grant->instance_key)
        found[count++] = plan_find_item(plan, &resource_instance, grant->instance_key);
    return index < count ? found[index] : NULL;
}

static void add_parts(struct job *job)
{
    bool gone = job->item->step.action == PLAN_DELETE;
    job_add_part(job, gone                                    ? PART_DELETE
                      : job->item->step.action == PLAN_UPDATE ? PART_UPDATE
                                                              : PART_CREATE);
}

/* ---- replies ---- */

static bool is_unknown_yet(const struct error *err)
{
    static const char *const codes[] = { "PrincipalNotFound", "RoleDefinitionDoesNotExist" };
    for (size_t i = 0; i < COUNT(codes); i++)
        if (text_equal_nocase(err->name, codes[i]))
            return true;
    return false;
}

static void on_put(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct job *job = arg;
    (void)reply;
    job->call = NULL;
    if (rc < 0 && text_equal_nocase(err->name, "RoleAssignmentExists"))
        job_next(job); /* somebody granted the same meanwhile: the next plan says so */
    else if (rc < 0 && is_unknown_yet(err) && !job->apply->stopped &&
             loop_now_ms(arm_client_loop(job->apply->client)) - job->started_ms < SPREAD_MAX_MS)
        job_later(job, job->parts[job->next - 1], SPREAD_MAX_MS, "is not known yet");
    else if (rc < 0)
        job_fail(job, err);
    else
        job_next(job);
}

/* What is gone is deleted: an instance takes along what was granted at it. */
static void on_deleted(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    job_on_part(rc == ERROR_NOT_FOUND ? 0 : rc, reply, err, arg);
}

/* ---- requests ---- */

static int fill_role(const struct grant_item *grant, struct authorization_request *out,
                     struct error *err)
{
    return authorization_role_put(out, grant->scope, grant->guid, grant->body, err);
}

static int fill_grant(const struct plan *plan, const struct grant_item *grant,
                      struct authorization_request *out, struct error *err)
{
    static const char *const types[] = { [DIRECTORY_USER] = "User",
                                         [DIRECTORY_GROUP] = "Group",
                                         [DIRECTORY_SERVICE_PRINCIPAL] = "ServicePrincipal" };
    const struct fleet_principal *principal = grant->grant->principal;
    char *to = text_format("%s %s", fleet_principal_word(principal->kind), principal->name);
    char *mark = to ? grants_mark(plan, to) : NULL;
    const struct authorization_grant put = { .scope = grant->scope,
                                             .name = grant->guid,
                                             .role_id = grant->role_id,
                                             .principal_id = grant->principal_id,
                                             .principal_type = types[principal->kind],
                                             .description = mark };
    int rc = mark ? authorization_assignment_put(out, &put, err)
                  : error_set(err, ERROR_NO_MEMORY, "out of memory");
    free(to);
    free(mark);
    return rc;
}

static void send(struct job *job, enum part part)
{
    struct error err = { 0 };
    struct authorization_request request = { 0 };
    const struct grant_item *grant = job->item->grant;
    bool role = job->item->type == &resource_role;
    int rc;
    if (part == PART_DELETE)
        rc = role ? authorization_role_delete(&request, grant->id, &err)
                  : authorization_assignment_delete(&request, grant->id, &err);
    else
        rc = role ? fill_role(grant, &request, &err)
                  : fill_grant(job->apply->plan, grant, &request, &err);
    job_send(job, &request.arm, rc, part == PART_DELETE ? on_deleted : on_put, &err);
    authorization_request_clear(&request);
}

const struct resource_type resource_role = {
    .name = "role",
    .rank = 0,
    .describe = describe_role,
    .stage = role_stage,
    .add_parts = add_parts,
    .send = send,
};

const struct resource_type resource_grant = {
    .name = "grant",
    .rank = 1,
    .describe = describe_grant,
    .stage = grant_stage,
    .after = grant_after,
    .add_parts = add_parts,
    .send = send,
};
