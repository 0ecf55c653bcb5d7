/* computes.c - see computes.h. */
#include "client/computes.h"

#include "arm/resource_id.h"
#include "base/text.h"

void computes_request_clear(struct computes_request *request)
{
    free(request->path);
    free(request->query);
    cJSON_Delete(request->body);
    *request = (struct computes_request) { 0 };
}

/* ---- paths ---- */

/* A name that can only be one segment; the client percent-encodes the rest. */
static bool is_segment(const char *name)
{
    if (!name || !name[0] || text_equal(name, ".") || text_equal(name, ".."))
        return false;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || strchr("/\\?#%", *c))
            return false;
    return true;
}

/* Starts a request at "/a/b/c", from a format and its segments, each checked. */
static int begin(struct computes_request *out, enum http_method method, const char *const *segments,
                 size_t count, struct error *err)
{
    struct buffer path = { .max = RESOURCE_ID_MAX };
    *out = (struct computes_request) { .arm = { .method = method, .api_version = API_COMPUTES } };
    for (size_t i = 0; i < count; i++) {
        if (!is_segment(segments[i])) {
            buffer_clear(&path);
            return error_set(err, ERROR_INVALID, "\"%.100s\" cannot be part of a resource's id",
                             segments[i] ? segments[i] : "");
        }
        buffer_char(&path, '/');
        buffer_text(&path, segments[i]);
    }
    int rc = buffer_detach(&path, &out->path, NULL, err);
    out->arm.path = out->path;
    return rc;
}

/* .../workspaces/{w}, or further: `tail` are segments behind it, up to a NULL. */
static int begin_workspace(struct computes_request *out, enum http_method method,
                           const struct workspace_ref *ref, const char *const tail[4],
                           struct error *err)
{
    const char *segments[12] = { "subscriptions", ref->subscription, "resourceGroups",
                                 ref->group,      "providers",       ARM_PROVIDER,
                                 "workspaces",    ref->workspace };
    size_t count = 8;
    for (size_t i = 0; i < 4 && tail[i]; i++)
        segments[count++] = tail[i];
    return begin(out, method, segments, count, err);
}

/* .../computes/{name}[/{action}[/{further}]] */
static int begin_compute(struct computes_request *out, enum http_method method,
                         const struct workspace_ref *ref, const char *name, const char *action,
                         struct error *err)
{
    const char *tail[4] = { "computes", name ? name : "", action, NULL };
    return begin_workspace(out, method, ref, tail, err);
}

static int begin_location(struct computes_request *out, const char *subscription,
                          const char *location, const char *what, struct error *err)
{
    const char *segments[] = { "subscriptions", subscription, "providers", ARM_PROVIDER,
                               "locations",     location,     what };
    return begin(out, HTTP_GET, segments, COUNT(segments), err);
}

static int take_query(struct computes_request *out, char *query, struct error *err)
{
    out->query = query;
    out->arm.query = query;
    if (query)
        return 0;
    computes_request_clear(out);
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

/* ---- what a compute shows of an attempt whose reply was lost (arm_request.settled) ---- */

static bool state_is_one_of(const cJSON *resource, const char *const *states, size_t count)
{
    const char *state = json_string(resource, "properties.properties.state", "");
    for (size_t i = 0; i < count; i++)
        if (text_equal_nocase(state, states[i]))
            return true;
    return false;
}

static enum operation_state settled_start(const cJSON *resource)
{
    static const char *const there[] = { "Running", "JobRunning" };
    static const char *const coming[] = { "Starting", "SettingUp", "UserSettingUp" };
    if (state_is_one_of(resource, there, COUNT(there)))
        return OPERATION_SUCCEEDED;
    return state_is_one_of(resource, coming, COUNT(coming)) ? OPERATION_RUNNING : OPERATION_FAILED;
}

static enum operation_state settled_stop(const cJSON *resource)
{
    static const char *const there[] = { "Stopped" };
    static const char *const coming[] = { "Stopping" };
    if (state_is_one_of(resource, there, COUNT(there)))
        return OPERATION_SUCCEEDED;
    return state_is_one_of(resource, coming, COUNT(coming)) ? OPERATION_RUNNING : OPERATION_FAILED;
}

static enum operation_state settled_delete(const cJSON *resource)
{
    static const char *const coming[] = { "Deleting" };
    if (!resource)
        return OPERATION_SUCCEEDED;
    const char *provisioning = json_string(resource, "properties.provisioningState", "");
    bool deleting = state_is_one_of(resource, coming, COUNT(coming)) ||
                    text_equal_nocase(provisioning, "Deleting");
    return deleting ? OPERATION_RUNNING : OPERATION_FAILED;
}

static enum operation_state settled_put(const cJSON *resource)
{
    const char *state = json_string(resource, "properties.provisioningState", NULL);
    if (!resource || text_equal_nocase(state, "Deleting"))
        return OPERATION_FAILED;
    return operation_state_of(state);
}

/* ---- requests ---- */

int computes_workspace(struct computes_request *out, const struct workspace_ref *workspace,
                       struct error *err)
{
    const char *tail[4] = { NULL };
    int rc = begin_workspace(out, HTTP_GET, workspace, tail, err);
    out->arm.api_version = API_WORKSPACES;
    return rc;
}

int computes_list(struct computes_request *out, const struct workspace_ref *workspace,
                  struct error *err)
{
    const char *tail[4] = { "computes", NULL };
    int rc = begin_workspace(out, HTTP_GET, workspace, tail, err);
    out->arm.follow = ARM_PAGES;
    return rc;
}

int computes_get(struct computes_request *out, const struct workspace_ref *workspace,
                 const char *name, struct error *err)
{
    return begin_compute(out, HTTP_GET, workspace, name, NULL, err);
}

int computes_put(struct computes_request *out, const struct workspace_ref *workspace,
                 const char *name, const cJSON *body, struct error *err)
{
    int rc = begin_compute(out, HTTP_PUT, workspace, name, NULL, err);
    out->arm.follow = ARM_OPERATION;
    out->arm.settled = settled_put;
    out->arm.body = body;
    return rc;
}

int computes_delete(struct computes_request *out, const struct workspace_ref *workspace,
                    const char *name, struct error *err)
{
    int rc = begin_compute(out, HTTP_DELETE, workspace, name, NULL, err);
    if (rc < 0)
        return rc;
    out->arm.follow = ARM_OPERATION;
    out->arm.settled = settled_delete;
    return take_query(out, strdup("underlyingResourceAction=Delete"), err);
}

static int begin_power(struct computes_request *out, const struct workspace_ref *workspace,
                       const char *name, const char *action, struct error *err)
{
    int rc = begin_compute(out, HTTP_POST, workspace, name, action, err);
    out->arm.follow = ARM_OPERATION;
    return rc;
}

int computes_start(struct computes_request *out, const struct workspace_ref *workspace,
                   const char *name, struct error *err)
{
    int rc = begin_power(out, workspace, name, "start", err);
    out->arm.idempotent = true;
    out->arm.settled = settled_start;
    return rc;
}

int computes_stop(struct computes_request *out, const struct workspace_ref *workspace,
                  const char *name, struct error *err)
{
    int rc = begin_power(out, workspace, name, "stop", err);
    out->arm.idempotent = true;
    out->arm.settled = settled_stop;
    return rc;
}

int computes_restart(struct computes_request *out, const struct workspace_ref *workspace,
                     const char *name, struct error *err)
{
    return begin_power(out, workspace, name, "restart", err);
}

int computes_update_idle_shutdown(struct computes_request *out,
                                  const struct workspace_ref *workspace, const char *name,
                                  const char *idle, struct error *err)
{
    int rc = begin_compute(out, HTTP_POST, workspace, name, "updateIdleShutdownSetting", err);
    if (rc < 0)
        return rc;
    out->arm.api_version = API_IDLE_SHUTDOWN;
    out->arm.follow = ARM_OPERATION;
    out->arm.idempotent = true; /* it sets a value */
    out->body = cJSON_CreateObject();
    out->arm.body = out->body;
    if (out->body && json_put_string(out->body, "idleTimeBeforeShutdown", idle) == 0)
        return 0;
    computes_request_clear(out);
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

int computes_check_name(struct computes_request *out, const struct workspace_ref *workspace,
                        const char *name, struct error *err)
{
    const char *tail[4] = { "checkComputeNameAvailability", NULL };
    int rc = begin_workspace(out, HTTP_POST, workspace, tail, err);
    if (rc < 0)
        return rc;
    out->arm.idempotent = true; /* it only asks */
    out->body = cJSON_CreateObject();
    out->arm.body = out->body;
    if (cJSON_AddStringToObject(out->body, "name", name))
        return 0;
    computes_request_clear(out);
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

int computes_vm_sizes(struct computes_request *out, const char *subscription, const char *location,
                      struct error *err)
{
    return begin_location(out, subscription, location, "vmSizes", err);
}

int computes_usages(struct computes_request *out, const char *subscription, const char *location,
                    struct error *err)
{
    int rc = begin_location(out, subscription, location, "usages", err);
    out->arm.follow = ARM_PAGES;
    return rc;
}

int computes_update_quotas(struct computes_request *out, const char *subscription,
                           const char *location, const cJSON *value, struct error *err)
{
    int rc = begin_location(out, subscription, location, "updateQuotas", err);
    if (rc < 0)
        return rc;
    out->arm.method = HTTP_POST;
    out->arm.idempotent = true; /* it sets values */
    out->body = cJSON_CreateObject();
    out->arm.body = out->body;
    cJSON *copy = cJSON_Duplicate(value, true);
    bool ok = out->body && copy && cJSON_AddItemToObject(out->body, "value", copy);
    if (!ok)
        cJSON_Delete(copy);
    if (ok && cJSON_AddStringToObject(out->body, "location", location))
        return 0;
    computes_request_clear(out);
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

/* ---- what only local planes have ---- */

int computes_logs(struct computes_request *out, const struct workspace_ref *workspace,
                  const char *name, struct error *err)
{
    int rc = begin_compute(out, HTTP_GET, workspace, name, "logs", err);
    out->arm.follow = ARM_PAGES;
    return rc;
}

int computes_log_read(struct computes_request *out, const struct workspace_ref *workspace,
                      const char *name, const char *log, int64_t offset, struct error *err)
{
    const char *tail[4] = { "computes", name ? name : "", "logs", log ? log : "" };
    int rc = begin_workspace(out, HTTP_GET, workspace, tail, err);
    if (rc < 0)
        return rc;
    out->arm.raw = true;
    return take_query(out, text_format("offset=%lld", (long long)offset), err);
}

int computes_share_script(struct computes_request *out, const struct workspace_ref *workspace,
                          const char *path, struct error *err)
{
    const char *tail[4] = { "shareScript", NULL };
    struct buffer query = { 0 };
    char *text = NULL;
    int rc = begin_workspace(out, HTTP_GET, workspace, tail, err);
    if (rc < 0)
        return rc;
    buffer_text(&query, "path=");
    http_encode(&query, path, false);
    if (buffer_detach(&query, &text, NULL, NULL) < 0)
        text = NULL;
    return take_query(out, text, err);
}

int computes_exec(struct computes_request *out, const struct workspace_ref *workspace,
                  const char *name, const char *const *command, bool terminal, struct error *err)
{
    int rc = begin_compute(out, HTTP_POST, workspace, name, "exec", err);
    if (rc < 0)
        return rc;
    int count = 0;
    while (command[count])
        count++;
    out->arm.idempotent = true; /* it only tells how; running it is the caller's */
    out->body = cJSON_CreateObject();
    out->arm.body = out->body;
    cJSON *words = cJSON_CreateStringArray(command, count);
    bool ok = out->body && words && cJSON_AddItemToObject(out->body, "command", words);
    if (!ok)
        cJSON_Delete(words);
    if (ok && cJSON_AddBoolToObject(out->body, "terminal", terminal))
        return 0;
    computes_request_clear(out);
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}
