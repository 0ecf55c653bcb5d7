/* workspaces.c - workspaces: get, list, create or update, delete; is a compute's name still free?
 */
#include "base/text.h"
#include "model/rules.h"
#include "plane/access.h"

/* ---- bodies ---- */

static int put_properties(struct plane *plane, cJSON *body, const char *id, const cJSON *request)
{
    const cJSON *sent = json_at(request, "properties");
    cJSON *properties = cJSON_IsObject(sent) ? cJSON_Duplicate(sent, true) : cJSON_CreateObject();
    char guid[UUID_TEXT_SIZE];
    char now[TIME_TEXT_SIZE];
    uuid_of_text(id, guid);
    plane_time(plane, now);
    if (json_put(body, "properties", properties) < 0 || !properties)
        return ERROR_NO_MEMORY;
    const char *description = json_string(request, "description", NULL); /* a seed's */
    int rc = 0;
    if (description && !cJSON_GetObjectItemCaseSensitive(properties, "description"))
        rc = json_put_string(properties, "description", description);
    if (rc == 0 && !cJSON_GetObjectItemCaseSensitive(properties, "friendlyName"))
        rc = json_put_string(properties, "friendlyName", json_string(body, "name", ""));
    if (rc == 0)
        rc = json_put_string(properties, "workspaceId", guid);
    if (rc == 0)
        rc = json_put_string(properties, "tenantId", plane->tenant_id);
    if (rc == 0)
        rc = json_put_string(properties, "provisioningState", "Succeeded");
    if (rc == 0)
        rc = json_put_string(properties, "creationTime", now);
    return rc;
}

cJSON *workspace_body(struct plane *plane, const char *subscription, const char *group,
                      const char *name, const char *location, const cJSON *request)
{
    cJSON *body = cJSON_CreateObject();
    char *id =
        text_format("/subscriptions/%s/resourceGroups/%s/providers/" PLANE_TYPE_WORKSPACE "/%s",
                    subscription, group, name);
    const cJSON *tags = json_at(request, "tags");
    int rc = body && id ? 0 : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = json_put_string(body, "id", id);
    if (rc == 0)
        rc = json_put_string(body, "name", name);
    if (rc == 0)
        rc = json_put_string(body, "type", PLANE_TYPE_WORKSPACE);
    if (rc == 0)
        rc = json_put_string(body, "location", location);
    if (rc == 0)
        rc = json_put(body, "tags", tags ? cJSON_Duplicate(tags, true) : cJSON_CreateObject());
    static const char *const kept[] = { "identity", "sku", "kind" };
    for (size_t i = 0; i < COUNT(kept) && rc == 0; i++)
        if (json_at(request, kept[i]))
            rc = json_put(body, kept[i], cJSON_Duplicate(json_at(request, kept[i]), true));
    if (rc == 0)
        rc = put_properties(plane, body, id, request);
    free(id);
    if (rc == 0)
        return body;
    cJSON_Delete(body);
    return NULL;
}

/* ---- loading ---- */

int workspace_load(struct plane *plane, const struct route_params *params, struct workspace *out,
                   struct error *err)
{
    *out = (struct workspace) { 0 };
    sqlite3_stmt *row =
        store_query(plane->store, err,
                    "SELECT key, name, resource_group, subscription, location FROM workspaces"
                    " WHERE subscription = ? AND resource_group = ? AND name = ?",
                    "sss", params->subscription, params->group, params->workspace);
    int rc = row ? store_step(plane->store, row, err) : ERROR_IO;
    if (rc == 1) {
        out->key = sqlite3_column_int64(row, 0);
        out->name = strdup(store_text(row, 1));
        out->group = strdup(store_text(row, 2));
        out->subscription = strdup(store_text(row, 3));
        out->location = strdup(store_text(row, 4));
        if (!out->name || !out->group || !out->subscription || !out->location)
            rc = error_set(err, ERROR_NO_MEMORY, "no memory for a workspace");
    }
    store_done(row);
    return rc == 1 ? 0 : rc == 0 ? ERROR_NOT_FOUND : rc;
}

void workspace_clear(struct workspace *workspace)
{
    free(workspace->name);
    free(workspace->group);
    free(workspace->subscription);
    free(workspace->location);
    *workspace = (struct workspace) { 0 };
}

/* ---- reading ---- */

void workspace_get(struct call *call)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    sqlite3_stmt *row =
        store_query(call->plane->store, &err,
                    "SELECT body FROM workspaces WHERE subscription = ? AND resource_group = ?"
                    " AND name = ?",
                    "sss", p->subscription, p->group, p->workspace);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    if (rc == 1)
        answer_text(call, 200, store_text(row, 0), strlen(store_text(row, 0)));
    store_done(row);
    if (rc == 0)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, &err);
}

/* One page; the continuation is the key after which the next one begins. */
static void list(struct call *call, const char *group)
{
    struct error err = { 0 };
    char *skip = http_query_get(call->query, "$skip");
    int64_t after = 0;
    if (skip && text_to_int64(skip, 0, INT64_MAX, &after) < 0) {
        free(skip);
        answer_error(call, 400, "BadRequest", "$skip", "The continuation token is not valid.");
        return;
    }
    free(skip);
    sqlite3_stmt *row =
        store_query(call->plane->store, &err,
                    "SELECT key, body, resource_group, name FROM workspaces WHERE key > ?"
                    " AND subscription = ? AND (? IS NULL OR resource_group = ?) ORDER BY key",
                    "isss", after, call->params.subscription, group, group);
    int rc = row ? 1 : ERROR_IO;
    int count = 0;
    char *next = NULL;
    answer_list_begin(call);
    while (rc == 1 && (rc = store_step(call->plane->store, row, &err)) == 1) {
        if (!authorization_sees(
                call, "/subscriptions/%s/resourceGroups/%s/providers/" PLANE_TYPE_WORKSPACE "/%s",
                call->params.subscription, store_text(row, 2), store_text(row, 3)))
            continue;
        if (count++ == PLANE_PAGE_MAX) {
            next = text_format("%s%.*s?api-version=%s&%%24skip=%lld", call->base_url,
                               (int)strcspn(call->request->target, "?"), call->request->target,
                               call->api_version, (long long)after);
            break;
        }
        after = sqlite3_column_int64(row, 0);
        answer_list_item(call, store_text(row, 1), strlen(store_text(row, 1)));
    }
    store_done(row);
    if (rc < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, next);
    free(next);
}

void workspaces_list(struct call *call)
{
    const struct route_params *p = &call->params;
    if (!group_exists(call->plane, p->subscription, p->group) &&
        authorization_sees(call, "/subscriptions/%s/resourceGroups/%s", p->subscription, p->group))
        answer_missing(call);
    else
        list(call, p->group);
}

void workspaces_list_all(struct call *call)
{
    const char *subscription = call->params.subscription;
    if (!subscription_exists(call->plane, subscription) &&
        authorization_sees(call, "/subscriptions/%s", subscription))
        answer_missing(call);
    else
        list(call, NULL);
}

/* ---- writing ---- */

/* Writes and answers; `body` is taken. */
static void write_workspace(struct call *call, const char *location, cJSON *body, int status)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    char *text = body ? json_text(body) : NULL;
    int rc = text
                 ? store_run(
                       call->plane->store, &err,
                       "INSERT INTO workspaces (subscription, resource_group, name, location, body)"
                       " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
                       "sssss", p->subscription, p->group, p->workspace, location, text)
                 : error_set(&err, ERROR_NO_MEMORY, "no memory for a workspace");
    free(text);
    if (rc == 0) {
        answer_json(call, status, body);
        return;
    }
    cJSON_Delete(body);
    answer_failure(call, &err);
}

static void create(struct call *call, const cJSON *request)
{
    const struct route_params *p = &call->params;
    const char *rule = NULL;
    const char *text = json_string(request, "location", NULL);
    if (!workspace_name_valid(p->workspace, &rule)) {
        answer_error(call, 400, "InvalidResourceName", NULL,
                     "The workspace name '%.64s' is not valid. %s", p->workspace, rule);
        return;
    }
    if (!text) {
        answer_error(call, 400, "LocationRequired", NULL,
                     "The location property is required for this definition.");
        return;
    }
    char *location = location_normal(text);
    if (!location || !location_known(call->plane, location))
        answer_error(call, 400, "LocationNotAvailableForResourceType", NULL,
                     "The provided location '%.64s' is not available for resource type '%s'. List "
                     "of available "
                     "regions for the resource type is '%s'.",
                     text, PLANE_TYPE_WORKSPACE, call->plane->locations_text);
    else
        write_workspace(
            call, location,
            workspace_body(call->plane, p->subscription, p->group, p->workspace, location, request),
            201);
    free(location);
}

/* A new body, with what only the service says taken from the old one. */
static cJSON *replacing_body(struct call *call, const struct workspace *old, const cJSON *request)
{
    cJSON *body = workspace_body(call->plane, old->subscription, old->group, old->name,
                                 old->location, request);
    sqlite3_stmt *row = store_query(
        call->plane->store, NULL,
        "SELECT json_extract(body, '$.properties.creationTime') FROM workspaces WHERE key = ?", "i",
        old->key);
    int rc = body && row && store_step(call->plane->store, row, NULL) == 1
                 ? json_put_string(body, "properties.creationTime", store_text(row, 0))
                 : ERROR_IO;
    store_done(row);
    if (rc == 0)
        return body;
    cJSON_Delete(body);
    return NULL;
}

/* Update: the identity of the workspace stays, what was sent replaces the rest. */
static void update(struct call *call, const struct workspace *old, const cJSON *request)
{
    const char *text = json_string(request, "location", NULL);
    char *location = text ? location_normal(text) : NULL;
    if (location && !text_equal_nocase(location, old->location))
        answer_error(
            call, 409, "InvalidResourceLocation", NULL,
            "The resource '%s' already exists in location '%s' in resource group '%s'. A resource "
            "with the "
            "same name cannot be created in location '%s'. Please select a new resource name.",
            old->name, old->location, old->group, location);
    else
        write_workspace(call, old->location, replacing_body(call, old, request), 200);
    free(location);
}

void workspace_put(struct call *call)
{
    struct error err = { 0 };
    struct workspace old;
    const cJSON *request = call_body(call);
    if (!request || !tags_acceptable(call, json_at(request, "tags")))
        return;
    int rc = workspace_load(call->plane, &call->params, &old, &err);
    if (rc == 0)
        update(call, &old, request);
    else if (rc != ERROR_NOT_FOUND)
        answer_failure(call, &err);
    else if (!group_exists(call->plane, call->params.subscription, call->params.group))
        answer_missing(call);
    else
        create(call, request);
    workspace_clear(&old);
}

static int merge(cJSON *body, const cJSON *request)
{
    static const char *const members[] = { "tags", "identity", "sku" };
    int rc = 0;
    for (size_t i = 0; i < COUNT(members) && rc == 0; i++)
        if (json_at(request, members[i]))
            rc = json_put(body, members[i], cJSON_Duplicate(json_at(request, members[i]), true));
    static const char *const properties[] = { "description", "friendlyName", "publicNetworkAccess",
                                              "imageBuildCompute" };
    for (size_t i = 0; i < COUNT(properties) && rc == 0; i++) {
        char path[64];
        snprintf(path, sizeof path, "properties.%s", properties[i]);
        if (json_at(request, path))
            rc = json_put(body, path, cJSON_Duplicate(json_at(request, path), true));
    }
    return rc;
}

void workspace_patch(struct call *call)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    const cJSON *request = call_body(call);
    if (!request || !tags_acceptable(call, json_at(request, "tags")))
        return;
    sqlite3_stmt *row = store_query(call->plane->store, &err,
                                    "SELECT body, location FROM workspaces WHERE subscription = ?"
                                    " AND resource_group = ? AND name = ?",
                                    "sss", p->subscription, p->group, p->workspace);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    char *location = rc == 1 ? strdup(store_text(row, 1)) : NULL;
    cJSON *body = rc == 1 ? cJSON_Parse(store_text(row, 0)) : NULL;
    store_done(row);
    if (rc == 0)
        answer_missing(call);
    else if (rc < 0 || !location || !body || merge(body, request) < 0)
        answer_failure(call, &err);
    else {
        write_workspace(call, location, body, 200);
        body = NULL;
    }
    cJSON_Delete(body);
    free(location);
}

void workspace_delete(struct call *call)
{
    struct error err = { 0 };
    struct workspace old;
    int rc = workspace_load(call->plane, &call->params, &old, &err);
    int64_t computes =
        rc == 0 ? store_integer(call->plane->store, 0,
                                "SELECT count(*) FROM computes WHERE workspace = ?", "i", old.key)
                : 0;
    if (rc == ERROR_NOT_FOUND &&
        group_exists(call->plane, call->params.subscription, call->params.group))
        answer_empty(call, 204);
    else if (rc == ERROR_NOT_FOUND)
        answer_missing(call);
    else if (computes > 0)
        answer_error(call, 409, "CannotDeleteResource", NULL,
                     "Cannot delete workspace '%s' while nested resources exist: it has %lld "
                     "computes. Please delete "
                     "all nested resources before deleting this resource.",
                     old.name, (long long)computes);
    else if (rc < 0 ||
             store_run(call->plane->store, &err, "DELETE FROM workspaces WHERE key = ?", "i",
                       old.key) < 0 ||
             access_scope_gone(call->plane, call->scope, &err) < 0)
        answer_failure(call, &err);
    else
        answer_empty(call, 200);
    workspace_clear(&old);
}

/* The service's operation is in no schema: the answer follows ARM's usual form for such questions.
 */
void workspace_check_name(struct call *call)
{
    struct error err = { 0 };
    struct workspace workspace;
    const cJSON *request = call_body(call);
    const char *name = json_string(request, "name", NULL);
    const char *rule = NULL;
    if (!request)
        return;
    int rc = workspace_load(call->plane, &call->params, &workspace, &err);
    cJSON *answer = rc == 0 && name ? cJSON_CreateObject() : NULL;
    if (rc == ERROR_NOT_FOUND)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, &err);
    else if (!name)
        answer_error(call, 400, "BadRequest", "name",
                     "The body must have the compute's name as \"name\".");
    else {
        bool valid = compute_name_valid(name, &rule);
        bool taken = store_integer(call->plane->store, 0,
                                   "SELECT count(*) FROM computes WHERE location = ? AND name = ?",
                                   "ss", workspace.location, name) > 0;
        cJSON_AddBoolToObject(answer, "nameAvailable", valid && !taken);
        if (!valid || taken) {
            cJSON_AddStringToObject(answer, "reason", valid ? "AlreadyExists" : "Invalid");
            cJSON_AddStringToObject(
                answer, "message",
                valid ? "The specified name is already in use and is therefore unavailable" : rule);
        }
        answer_json(call, 200, answer);
    }
    workspace_clear(&workspace);
}
