/* computes.c - the handlers of compute instances. */
#include "arm/resource_id.h"
#include "base/text.h"
#include "model/rules.h"
#include "plane/compute_body.h"
#include "plane/operations.h"

#define INNER "properties.properties."
#define SHARING INNER "applicationSharingPolicy"

/* What a handler needs to know of a compute. */
struct compute {
    char id[UUID_TEXT_SIZE];
    char operation[UUID_TEXT_SIZE]; /* "" when none is in flight */
    char name[COMPUTE_NAME_MAX + 1];
    char state[32], provisioning[32];
    char location[64], subscription[64];
};

/* ERROR_NOT_FOUND, or a failure. */
static int compute_load(struct plane *plane, const struct route_params *p, struct compute *out,
                        struct error *err)
{
    *out = (struct compute) { 0 };
    sqlite3_stmt *row = store_query(
        plane->store, err,
        "SELECT c.id, c.operation, c.name, c.state, c.provisioning, c.location, c.subscription"
        " FROM workspaces w JOIN computes c ON c.workspace = w.key"
        " WHERE w.subscription = ? AND w.resource_group = ? AND w.name = ? AND c.name = ?",
        "ssss", p->subscription, p->group, p->workspace, p->compute);
    int rc = row ? store_step(plane->store, row, err) : ERROR_IO;
    if (rc == 1) {
        text_copy(out->id, sizeof out->id, store_text(row, 0));
        text_copy(out->operation, sizeof out->operation, store_text(row, 1));
        text_copy(out->name, sizeof out->name, store_text(row, 2));
        text_copy(out->state, sizeof out->state, store_text(row, 3));
        text_copy(out->provisioning, sizeof out->provisioning, store_text(row, 4));
        text_copy(out->location, sizeof out->location, store_text(row, 5));
        text_copy(out->subscription, sizeof out->subscription, store_text(row, 6));
    }
    store_done(row);
    return rc == 1 ? 0 : rc == 0 ? ERROR_NOT_FOUND : rc;
}

/* The same, with what is missing or failed answered. */
static bool find(struct call *call, struct compute *out)
{
    struct error err = { 0 };
    int rc = compute_load(call->plane, &call->params, out, &err);
    if (rc == ERROR_NOT_FOUND)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, &err);
    return rc == 0;
}

/* ---- reading ---- */

void compute_get(struct call *call)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    sqlite3_stmt *row = store_query(
        call->plane->store, &err,
        "SELECT c.body FROM workspaces w JOIN computes c ON c.workspace = w.key"
        " WHERE w.subscription = ? AND w.resource_group = ? AND w.name = ? AND c.name = ?",
        "ssss", p->subscription, p->group, p->workspace, p->compute);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    if (rc == 1) {
        const char *body = store_text(row, 0);
        answer_text(call, 200, body, (size_t)sqlite3_column_bytes(row, 0));
    }
    store_done(row);
    if (rc == 0)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, &err);
}

/* A continuation is the base64 of the last name of the page before; NULL when it is not one. */
static char *continuation_read(const char *token)
{
    struct buffer name = { .max = 256 };
    char *out = NULL;
    if (base64_decode(token, strlen(token), &name) == 0 && name.size > 0 &&
        text_is_utf8(name.data, name.size))
        (void)buffer_detach(&name, &out, NULL, NULL);
    buffer_clear(&name);
    return out;
}

static char *next_link(const struct call *call, const char *last_name)
{
    struct buffer token = { 0 };
    struct buffer link = { 0 };
    char *out = NULL;
    base64_encode(last_name, strlen(last_name), &token);
    buffer_format(&link, "%s%.*s?api-version=%s&%%24skip=", call->base_url,
                  (int)strcspn(call->request->target, "?"), call->request->target,
                  call->api_version);
    http_encode(&link, token.data ? token.data : "", false);
    if (buffer_detach(&link, &out, NULL, NULL) < 0)
        out = NULL;
    buffer_clear(&token);
    return out;
}

/* Bodies are spliced as they are stored: nothing is parsed. */
static int list_page(struct call *call, int64_t workspace, const char *after, char **out_next,
                     struct error *err)
{
    struct buffer *body = &call->response->body;
    char last[COMPUTE_NAME_MAX + 1] = "";
    int count = 0;
    sqlite3_stmt *row =
        store_query(call->plane->store, err,
                    "SELECT name, body FROM computes WHERE workspace = ? AND name > ?"
                    " ORDER BY name LIMIT ?",
                    "isn", workspace, after, PLANE_PAGE_MAX + 1);
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && (rc = store_step(call->plane->store, row, err)) == 1) {
        const char *text = store_text(row, 1);
        size_t size = (size_t)sqlite3_column_bytes(row, 1);
        if (count == PLANE_PAGE_MAX || (count > 0 && body->size + size > PLANE_PAGE_BYTES_MAX)) {
            *out_next = next_link(call, last);
            if (!*out_next)
                rc = error_set(err, ERROR_NO_MEMORY, "no memory for a link");
            break;
        }
        answer_list_item(call, text, size);
        text_copy(last, sizeof last, store_text(row, 0));
        count++;
    }
    store_done(row);
    return rc < 0 ? rc : 0;
}

void compute_list(struct call *call)
{
    struct error err = { 0 };
    struct workspace workspace;
    char *token = http_query_get(call->query, "$skip");
    char *after = token ? continuation_read(token) : strdup("");
    char *next = NULL;
    int rc = workspace_load(call->plane, &call->params, &workspace, &err);
    if (rc == 0 && after) {
        answer_list_begin(call);
        rc = list_page(call, workspace.key, after, &next, &err);
    }
    if (rc == ERROR_NOT_FOUND)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, &err);
    else if (!after)
        answer_error(call, 400, "BadRequest", "$skip", "The continuation token is not valid.");
    else
        answer_list_end(call, next);
    workspace_clear(&workspace);
    free(next);
    free(after);
    free(token);
}

/* ---- creating ---- */

/* The service's own sentence (its comma is full-width). */
static void answer_bad_name(struct call *call)
{
    answer_error(call, 400, "BadRequest", NULL,
                 "Compute name '%.64s' is not available. Reason: Invalid. Message: A name for an "
                 "Azure ML Compute "
                 "Instance must be between 3 and 24 characters in length and must use only "
                 "numbers, letters and minus "
                 "symbol (-)\xef\xbc\x8cmust start with letters. Numbers cannot be the ending of "
                 "the name if the "
                 "previous character is a minus symbol (-). Please specify a different Azure ML "
                 "Instance name",
                 call->params.compute);
}

static bool name_free(struct call *call, const struct workspace *workspace)
{
    if (store_integer(call->plane->store, 0,
                      "SELECT count(*) FROM computes WHERE location = ? AND name = ?", "ss",
                      workspace->location, call->params.compute) == 0)
        return true;
    answer_error(call, 409, "Conflict", NULL,
                 "Compute name '%s' is not available. Reason: AlreadyExists. Message: The "
                 "specified name %s is "
                 "already in use and is therefore unavailable",
                 call->params.compute, call->params.compute);
    return false;
}

/* Stopped ones count too. */
static bool quota_left(struct call *call, const struct workspace *workspace,
                       const struct vm_size *size)
{
    struct plane *plane = call->plane;
    const char *subscription = workspace->subscription;
    const char *location = workspace->location;
    char family[VM_FAMILY_USAGE_SIZE];
    vm_family_usage_name(size->family, family, sizeof family);
    int64_t in_family = quota_used(plane, subscription, location, size->family);
    int64_t total = quota_used(plane, subscription, location, NULL);
    int64_t count = quota_computes(plane, subscription, location);
    const struct {
        const char *name;
        int64_t limit, used, more;
    } limits[] = { { family, quota_limit(plane, subscription, location, size->family), in_family,
                     size->cores },
                   { QUOTA_TOTAL_NAME, quota_limit(plane, subscription, location, NULL), total,
                     size->cores },
                   { "Clusters", quota_clusters_limit(plane), count, 1 } };
    for (size_t i = 0; i < COUNT(limits); i++) {
        int64_t needed = limits[i].used + limits[i].more;
        if (needed <= limits[i].limit)
            continue;
        answer_error(call, 409, "ClusterCoreQuotaReached", NULL,
                     "Operation could not be completed as it results in exceeding approved %s "
                     "quota. Additional "
                     "details - Deployment Model: Resource Manager, Location: %s, Current Limit: "
                     "%lld, Current "
                     "Usage: %lld, Additional Required: %lld, (Minimum) New Limit Required: %lld.",
                     limits[i].name, workspace->location, (long long)limits[i].limit,
                     (long long)limits[i].used, (long long)limits[i].more, (long long)needed);
        return false;
    }
    return true;
}

/* Writes the new compute and its operation, and answers 201; `sharing` is what was asked for (see
 * inside.c), NULL: nothing; `kept` are scripts with secrets, or NULL; `body` is taken. */
static void insert(struct call *call, const struct workspace *workspace, const struct vm_size *size,
                   const char *sharing, const char *kept, cJSON *body)
{
    struct plane *plane = call->plane;
    struct error err = { 0 };
    char id[UUID_TEXT_SIZE];
    uuid_make(id);
    int rc =
        body ? machine_set_operation(plane, body, OPERATION_CREATE, "InProgress") : ERROR_NO_MEMORY;
    char *text = rc == 0 ? json_text(body) : NULL;
    cJSON_Delete(body);
    if (!text) {
        error_set(&err, ERROR_NO_MEMORY, "no memory for a compute");
        answer_failure(call, &err);
        return;
    }
    struct operation *operation =
        operation_begin_on(plane, OPERATION_CREATE, id, call->params.compute,
                           workspace->subscription, workspace->location, call->caller, &err);
    if (operation)
        rc = store_run(plane->store, &err,
                       "INSERT INTO computes (id, workspace, name, subscription, location, family, "
                       "cores, state,"
                       " provisioning, operation, body, sharing) VALUES (?, ?, ?, ?, ?, ?, ?, "
                       "'Creating', 'Creating', ?, ?, ?)",
                       "sissssisss", id, workspace->key, call->params.compute,
                       workspace->subscription, workspace->location, size->family,
                       (int64_t)size->cores, operation->id, text, sharing);
    if (operation && rc == 0 && kept)
        rc = secret_scripts_keep(plane, id, kept, &err);
    if (!operation || rc < 0) {
        store_spoil(plane->store);
        answer_failure(call, &err);
    } else {
        operation_headers(call, operation, false);
        answer_text(call, 201, text, strlen(text));
    }
    free(text);
}

/* Creating asks whether the name is free, which is a right of its own (FACTS, section 1). */
static bool may_ask_for_names(struct call *call)
{
    char scope[RBAC_SCOPE_MAX + 2];
    const struct route_params *p = &call->params;
    snprintf(scope, sizeof scope,
             "/subscriptions/%s/resourceGroups/%s/providers/" PLANE_TYPE_WORKSPACE "/%s",
             p->subscription, p->group, p->workspace);
    return authorization_require(call, PLANE_TYPE_WORKSPACE "/checkComputeNameAvailability/action",
                                 scope);
}

/* The request as readers may see it: itself, or a copy in *out_copy, with *out_kept.  Both are the
 * caller's.  NULL with the error answered. */
static const cJSON *split(struct call *call, const cJSON *request, cJSON **out_copy,
                          char **out_kept)
{
    struct error err = { 0 };
    int rc = secret_scripts_split(request, out_copy, out_kept, &err);
    if (rc == ERROR_NO_MEMORY)
        answer_failure(call, &err);
    else if (rc < 0)
        answer_error(call, 400, "InvalidPropertyValue", INNER "setupScripts.scripts",
                     "The secrets of a setup script cannot be read: %s.", err.message);
    if (rc < 0)
        return NULL;
    return *out_copy ? *out_copy : request;
}

static void create(struct call *call, const struct workspace *workspace, const cJSON *request)
{
    cJSON *copy = NULL;
    char *kept = NULL;
    if (!may_ask_for_names(call))
        return;
    if (!compute_name_valid(call->params.compute, NULL)) {
        answer_bad_name(call);
        return;
    }
    const struct vm_size *size = compute_body_check(call, workspace, request);
    if (size && name_free(call, workspace) && quota_left(call, workspace, size) &&
        (request = split(call, request, &copy, &kept)))
        insert(call, workspace, size, json_string(request, SHARING, NULL), kept,
               compute_body_make(call, workspace, call->params.compute, request, NULL));
    cJSON_Delete(copy);
    free(kept);
}

/* ---- updating ---- */

static void answer_busy(struct call *call, const struct compute *compute)
{
    answer_error(call, 409, "Conflict", NULL,
                 "The compute instance '%s' is in state '%s': another operation is in progress. "
                 "Try again when it "
                 "has ended.",
                 compute->name, compute->state);
}

/* The old body, for an update; NULL with the error answered.  The caller's. */
static cJSON *body_of(struct call *call, const struct compute *compute)
{
    struct error err = { 0 };
    sqlite3_stmt *row = store_query(call->plane->store, &err,
                                    "SELECT body FROM computes WHERE id = ?", "s", compute->id);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    cJSON *body = rc == 1 ? cJSON_Parse(store_text(row, 0)) : NULL;
    store_done(row);
    if (!body) {
        if (rc == 1)
            error_set(&err, ERROR_NO_MEMORY, "a compute's body could not be read");
        answer_failure(call, &err);
    }
    return body;
}

/* Stores a body that changed in place, and answers 200 with it.  `sharing` NULL: as it was. */
static void write_body(struct call *call, const struct compute *compute, const cJSON *body,
                       const char *sharing)
{
    struct error err = { 0 };
    char *text = json_text(body);
    if (!text)
        error_set(&err, ERROR_NO_MEMORY, "no memory for a compute");
    if (text && store_run(call->plane->store, &err,
                          "UPDATE computes SET body = ?, sharing = coalesce(?, sharing)"
                          " WHERE id = ?",
                          "sss", text, sharing, compute->id) == 0)
        answer_text(call, 200, text, strlen(text));
    else
        answer_failure(call, &err);
    free(text);
}

/* ARM: a provisioningState in a request must be the server's own. */
static bool state_agrees(struct call *call, const cJSON *request, const struct compute *compute)
{
    const char *sent = json_string(request, "properties.provisioningState", NULL);
    if (!sent || text_equal_nocase(sent, compute->provisioning))
        return true;
    answer_error(call, 400, "InvalidProvisioningState", "properties.provisioningState",
                 "The provisioningState '%.32s' of the request is not the resource's: it is '%s'. "
                 "Leave it out.",
                 sent, compute->provisioning);
    return false;
}

static void update_with(struct call *call, const struct workspace *workspace, const cJSON *request,
                        const struct compute *compute, const cJSON *old)
{
    cJSON *body =
        compute_body_make(call, workspace, json_string(old, "name", compute->name), request, old);
    const char *fixed = body ? compute_body_fixed(old, body) : NULL;
    if (!body) {
        struct error err = { .message = "no memory for a compute" };
        answer_failure(call, &err);
    } else if (fixed) {
        answer_error(call, 400, "PropertyChangeNotAllowed", fixed,
                     "Changing property '%s' of the compute instance '%s' is not allowed. Delete "
                     "it and create it "
                     "again to change that.",
                     fixed, compute->name);
    } else {
        /* A client that sends back what it read has asked for nothing. */
        const char *sharing = json_string(body, SHARING, NULL);
        bool asked = !text_equal_nocase(sharing, json_string(old, SHARING, NULL));
        write_body(call, compute, body, asked ? sharing : NULL);
    }
    cJSON_Delete(body);
}

static void update(struct call *call, const struct workspace *workspace, const cJSON *request,
                   const struct compute *compute)
{
    if (compute->operation[0]) {
        answer_busy(call, compute);
        return;
    }
    if (text_equal(compute->provisioning, "Failed")) {
        answer_error(call, 400, "BadRequest", NULL,
                     "The compute instance '%s' is in state '%s': it cannot be updated. Delete it "
                     "and create it again.",
                     compute->name, compute->state);
        return;
    }
    if (!state_agrees(call, request, compute) || !compute_body_check(call, workspace, request))
        return;
    cJSON *copy = NULL;
    char *kept = NULL;
    request = split(call, request, &copy, &kept);
    cJSON *old = request ? body_of(call, compute) : NULL;
    if (old)
        update_with(call, workspace, request, compute, old);
    cJSON_Delete(old);
    cJSON_Delete(copy);
    free(kept); /* scripts do not change: those of the creation go on being run */
}

void compute_put(struct call *call)
{
    struct error err = { 0 };
    struct workspace workspace = { 0 };
    struct compute compute;
    const cJSON *request = call_body(call);
    if (!request)
        return;
    int rc = workspace_load(call->plane, &call->params, &workspace, &err);
    if (rc == ERROR_NOT_FOUND) {
        answer_missing(call);
    } else if (rc < 0) {
        answer_failure(call, &err);
    } else {
        rc = compute_load(call->plane, &call->params, &compute, &err);
        if (rc == 0)
            update(call, &workspace, request, &compute);
        else if (rc == ERROR_NOT_FOUND)
            create(call, &workspace, request);
        else
            answer_failure(call, &err);
    }
    workspace_clear(&workspace);
}

/* The schema's PATCH holds the scale settings of clusters only; ARM's own rule lets it change tags.
 */
void compute_patch(struct call *call)
{
    struct compute compute;
    const cJSON *request = call_body(call);
    if (!request || !find(call, &compute))
        return;
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, request)
    {
        if (text_equal(member->string, "tags"))
            continue;
        answer_error(call, 400, "BadRequest", member->string,
                     "Only the tags of a compute instance can be patched, not '%.64s': use PUT.",
                     member->string);
        return;
    }
    const cJSON *tags = json_at(request, "tags");
    if (compute.operation[0]) {
        answer_busy(call, &compute);
        return;
    }
    if (!tags_acceptable(call, tags))
        return;
    char now[TIME_TEXT_SIZE];
    plane_time(call->plane, now);
    cJSON *body = body_of(call, &compute);
    if (!body)
        return;
    if (tags)
        (void)json_put(body, "tags", cJSON_Duplicate(tags, true));
    (void)json_put_string(body, "properties.modifiedOn", now);
    write_body(call, &compute, body, NULL);
    cJSON_Delete(body);
}

static int change_idle(struct plane *plane, cJSON *body, void *arg)
{
    const cJSON *value = arg;
    char now[TIME_TEXT_SIZE];
    plane_time(plane, now);
    int rc = json_put(body, INNER "idleTimeBeforeShutdown",
                      value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
    return rc == 0 ? json_put_string(body, "properties.modifiedOn", now) : rc;
}

void compute_idle(struct call *call)
{
    struct error err = { 0 };
    struct compute compute;
    const cJSON *request = call_body(call);
    if (!request || !find(call, &compute))
        return;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(request, "idleTimeBeforeShutdown");
    if (compute.operation[0]) {
        answer_busy(call, &compute);
        return;
    }
    if (!compute_body_idle(call, value, "idleTimeBeforeShutdown"))
        return;
    if (machine_change(call->plane, compute.id, NULL, change_idle, (void *)(uintptr_t)value, &err) <
        0)
        answer_failure(call, &err);
    else
        answer_empty(call, 200);
}

/* ---- operations ---- */

struct beginning {
    enum operation_kind kind;
    const char *state;
};

static int change_begun(struct plane *plane, cJSON *body, void *arg)
{
    const struct beginning *beginning = arg;
    bool deleting = beginning->kind == OPERATION_DELETE;
    int rc = machine_set_state(plane, body, beginning->state, deleting ? "Deleting" : NULL);
    return rc == 0 ? machine_set_operation(plane, body, beginning->kind, "InProgress") : rc;
}

/* Begins it and answers 202. */
static void begin(struct call *call, const struct compute *compute, enum operation_kind kind)
{
    static const char *const states[OPERATION_KINDS] = { "Creating", "Starting", "Stopping",
                                                         "Restarting", "Deleting" };
    struct plane *plane = call->plane;
    struct error err = { 0 };
    struct beginning beginning = { kind, states[kind] };
    struct operation *running =
        compute->operation[0] ? operation_find(plane, compute->operation) : NULL;
    struct operation *operation =
        operation_begin_on(plane, kind, compute->id, compute->name, compute->subscription,
                           compute->location, call->caller, &err);
    int rc = operation ? 0 : ERROR_IO;
    if (rc == 0 && running)
        rc = operation_supersede(operation, running, &err);
    if (rc == 0)
        rc = machine_change(plane, compute->id, operation->id, change_begun, &beginning, &err);
    if (rc < 0) {
        store_spoil(plane->store);
        answer_failure(call, &err);
        return;
    }
    operation_headers(call, operation, true);
    answer_empty(call, 202);
}

/* Did only a start or restart fail to set up?  Then the machine runs, and may be stopped or
 * restarted. */
static bool set_up_failed_later(const struct compute *compute)
{
    return text_equal(compute->state, "UserSetupFailed") &&
           text_equal(compute->provisioning, "Succeeded");
}

void compute_start(struct call *call)
{
    struct compute compute;
    if (!find(call, &compute))
        return;
    if (compute.operation[0])
        answer_busy(call, &compute);
    else if (!text_equal(compute.state, "Stopped"))
        answer_error(call, 400, "StartComputeInstanceOnlyAllowedInStoppedState", NULL,
                     "Start Azure ML Compute Instance is only allowed when the instance %s is in "
                     "'stopped' state",
                     compute.name);
    else
        begin(call, &compute, OPERATION_START);
}

static void from_running(struct call *call, enum operation_kind kind, const char *code)
{
    struct compute compute;
    if (!find(call, &compute))
        return;
    if (compute.operation[0])
        answer_busy(call, &compute);
    else if (!text_equal(compute.state, "Running") && !set_up_failed_later(&compute))
        answer_error(call, 400, code, NULL,
                     "%s Azure ML Compute Instance is only allowed when the instance %s is in "
                     "'running' state",
                     operation_kind_name(kind), compute.name);
    else
        begin(call, &compute, kind);
}

void compute_stop(struct call *call)
{
    from_running(call, OPERATION_STOP, "StopComputeInstanceOnlyAllowedInRunningState");
}

void compute_restart(struct call *call)
{
    from_running(call, OPERATION_RESTART, "RestartComputeInstanceOnlyAllowedInRunningState");
}

static bool action_acceptable(struct call *call)
{
    char *action = http_query_get(call->query, "underlyingResourceAction");
    bool good = text_equal_nocase(action, "Delete");
    if (!action)
        answer_error(
            call, 400, "MissingRequiredParameter", "underlyingResourceAction",
            "The query parameter underlyingResourceAction (Delete or Detach) is required.");
    else if (!good)
        answer_error(
            call, 400, "BadRequest", "underlyingResourceAction",
            "A compute instance can only be deleted: underlyingResourceAction must be Delete.");
    free(action);
    return good;
}

void compute_delete(struct call *call)
{
    struct error err = { 0 };
    struct compute compute;
    struct workspace workspace = { 0 };
    if (!action_acceptable(call))
        return;
    int rc = compute_load(call->plane, &call->params, &compute, &err);
    if (rc == ERROR_NOT_FOUND) {
        if (workspace_load(call->plane, &call->params, &workspace, &err) == 0)
            answer_empty(call, 204);
        else
            answer_missing(call);
        workspace_clear(&workspace);
        return;
    }
    struct operation *running =
        rc == 0 && compute.operation[0] ? operation_find(call->plane, compute.operation) : NULL;
    if (rc < 0) {
        answer_failure(call, &err);
    } else if (running && running->kind == OPERATION_DELETE) { /* said again: the same operation */
        operation_headers(call, running, true);
        answer_empty(call, 202);
    } else {
        begin(call, &compute, OPERATION_DELETE);
    }
}

/* ---- what only other computes have ---- */

void compute_list_nodes(struct call *call)
{
    struct compute compute;
    if (find(call, &compute))
        answer_error(call, 400, "UserError", NULL,
                     "ComputeListNodes with computeType ComputeInstance is not supported.");
}

void compute_list_keys(struct call *call)
{
    struct compute compute;
    if (find(call, &compute))
        answer_error(call, 400, "UserError", NULL,
                     "ComputeListKeys with computeType ComputeInstance is not supported.");
}
