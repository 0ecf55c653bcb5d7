/* groups.c - tenants, subscriptions, locations, resource groups. */
#include "base/text.h"
#include "model/rules.h"
#include "plane/access.h"

#define GROUP_NAME_MAX 90

cJSON *subscription_body(const char *id, const char *name, const char *tenant)
{
    cJSON *body = cJSON_CreateObject();
    char *path = text_format("/subscriptions/%s", id);
    int rc = body && path ? 0 : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = json_put_string(body, "id", path);
    if (rc == 0)
        rc = json_put_string(body, "subscriptionId", id);
    if (rc == 0)
        rc = json_put_string(body, "tenantId", tenant);
    if (rc == 0)
        rc = json_put_string(body, "displayName", name);
    if (rc == 0)
        rc = json_put_string(body, "state", "Enabled");
    if (rc == 0)
        rc = json_put_string(body, "subscriptionPolicies.spendingLimit", "Off");
    if (rc == 0)
        rc = json_put_string(body, "authorizationSource", "RoleBased");
    free(path);
    if (rc == 0)
        return body;
    cJSON_Delete(body);
    return NULL;
}

cJSON *group_body(const char *subscription, const char *name, const char *location,
                  const cJSON *tags)
{
    cJSON *body = cJSON_CreateObject();
    char *path = text_format("/subscriptions/%s/resourceGroups/%s", subscription, name);
    int rc = body && path ? 0 : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = json_put_string(body, "id", path);
    if (rc == 0)
        rc = json_put_string(body, "name", name);
    if (rc == 0)
        rc = json_put_string(body, "type", "Microsoft.Resources/resourceGroups");
    if (rc == 0)
        rc = json_put_string(body, "location", location);
    if (rc == 0)
        rc = json_put(body, "tags",
                      cJSON_IsObject(tags) ? cJSON_Duplicate(tags, true) : cJSON_CreateObject());
    if (rc == 0)
        rc = json_put_string(body, "properties.provisioningState", "Succeeded");
    free(path);
    if (rc == 0)
        return body;
    cJSON_Delete(body);
    return NULL;
}

typedef bool sees_fn(struct call *call, const char *name);

/* Answers the rows of a query (its first column is a body); `statement` NULL: it failed.  With
 * `sees` only those that the caller may see, by their second column. */
static void answer_rows(struct call *call, sqlite3_stmt *row, sees_fn *sees, struct error *err)
{
    int rc = row ? 1 : ERROR_IO;
    answer_list_begin(call);
    while (rc == 1 && (rc = store_step(call->plane->store, row, err)) == 1)
        if (!sees || sees(call, store_text(row, 1)))
            answer_list_item(call, store_text(row, 0), strlen(store_text(row, 0)));
    store_done(row);
    if (rc < 0)
        answer_failure(call, err);
    else
        answer_list_end(call, NULL);
}

void tenants_list(struct call *call)
{
    struct error err = { 0 };
    answer_rows(
        call,
        store_query(
            call->plane->store, &err,
            "SELECT json_object('id', '/tenants/' || t.value, 'tenantId', t.value,"
            " 'tenantCategory', 'Home', 'displayName', n.value, 'defaultDomain', d.value,"
            " 'domains', json_array(d.value))"
            " FROM settings t, settings n, settings d"
            " WHERE t.name = 'tenant' AND n.name = 'tenantName' AND d.name = 'tenantDomain'",
            ""),
        NULL, &err);
}

/* Whoever has any role inside of a subscription sees that it exists. */
static bool sees_subscription(struct call *call, const char *id)
{
    char scope[RBAC_SCOPE_MAX + 2];
    snprintf(scope, sizeof scope, "/subscriptions/%s", id);
    return authorization_sees(call, "%s", scope) || authorization_touches(call, scope);
}

void subscriptions_list(struct call *call)
{
    struct error err = { 0 };
    answer_rows(
        call,
        store_query(call->plane->store, &err, "SELECT body, id FROM subscriptions ORDER BY id", ""),
        sees_subscription, &err);
}

/* One body, or what is missing. */
static void answer_row(struct call *call, sqlite3_stmt *row, struct error *err)
{
    int rc = row ? store_step(call->plane->store, row, err) : ERROR_IO;
    if (rc == 1)
        answer_text(call, 200, store_text(row, 0), strlen(store_text(row, 0)));
    store_done(row);
    if (rc == 0)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, err);
}

void subscription_get(struct call *call)
{
    struct error err = { 0 };
    answer_row(call,
               store_query(call->plane->store, &err, "SELECT body FROM subscriptions WHERE id = ?",
                           "s", call->params.subscription),
               &err);
}

bool subscription_exists(struct plane *plane, const char *subscription)
{
    return store_integer(plane->store, 0, "SELECT count(*) FROM subscriptions WHERE id = ?", "s",
                         subscription) > 0;
}

void locations_list(struct call *call)
{
    struct error err = { 0 };
    if (!subscription_exists(call->plane, call->params.subscription)) {
        answer_missing(call);
        return;
    }
    answer_rows(
        call,
        store_query(
            call->plane->store, &err,
            "SELECT json_object('id', '/subscriptions/' || ? || '/locations/' || name,"
            " 'subscriptionId', ?, 'name', name, 'type', 'Region', 'displayName', display_name,"
            " 'regionalDisplayName', display_name) FROM locations ORDER BY rowid",
            "ss", call->params.subscription, call->params.subscription),
        NULL, &err);
}

static bool sees_group(struct call *call, const char *name)
{
    return authorization_sees(call, "/subscriptions/%s/resourceGroups/%s",
                              call->params.subscription, name);
}

void groups_list(struct call *call)
{
    struct error err = { 0 };
    if (!subscription_exists(call->plane, call->params.subscription) &&
        authorization_sees(call, "/subscriptions/%s", call->params.subscription)) {
        answer_missing(call);
        return;
    }
    answer_rows(
        call,
        store_query(call->plane->store, &err,
                    "SELECT body, name FROM resource_groups WHERE subscription = ? ORDER BY name",
                    "s", call->params.subscription),
        sees_group, &err);
}

void group_get(struct call *call)
{
    struct error err = { 0 };
    answer_row(call,
               store_query(call->plane->store, &err,
                           "SELECT body FROM resource_groups WHERE subscription = ? AND name = ?",
                           "ss", call->params.subscription, call->params.group),
               &err);
}

bool group_exists(struct plane *plane, const char *subscription, const char *group)
{
    return store_integer(plane->store, 0,
                         "SELECT count(*) FROM resource_groups WHERE subscription = ? AND name = ?",
                         "ss", subscription, group) > 0;
}

void group_head(struct call *call)
{
    bool there = group_exists(call->plane, call->params.subscription, call->params.group);
    answer_empty(call, there ? 204 : 404);
}

/* ARM: letters, digits, "._-()", up to 90, no full stop last. */
static bool group_name_valid(const char *name)
{
    size_t length = strlen(name);
    size_t good =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-()");
    return length >= 1 && length <= GROUP_NAME_MAX && good == length && name[length - 1] != '.';
}

bool tags_acceptable(struct call *call, const cJSON *tags)
{
    const cJSON *tag = NULL;
    if (tags && !cJSON_IsNull(tags) && !cJSON_IsObject(tags)) {
        answer_error(call, 400, "InvalidRequestContent", "tags",
                     "Tags must be an object of strings.");
        return false;
    }
    if (cJSON_GetArraySize(tags) > TAGS_MAX) {
        answer_error(call, 400, "InvalidTagsCount", "tags",
                     "The number of tags '%d' exceeds the maximum number of tags '%d' allowed for "
                     "a resource.",
                     cJSON_GetArraySize(tags), TAGS_MAX);
        return false;
    }
    cJSON_ArrayForEach(tag, tags)
    {
        const char *rule = NULL;
        const char *value = cJSON_GetStringValue(tag);
        if (!tag_name_valid(tag->string, &rule)) {
            answer_error(call, 400, "InvalidTagName", tag->string,
                         "The tag name '%.64s' is not valid. %s", tag->string, rule);
            return false;
        }
        if (!value || strlen(value) > (size_t)4 * TAG_VALUE_MAX) {
            answer_error(call, 400, "InvalidTagValue", tag->string,
                         "The value of the tag '%.64s' must be a string of at most %d characters.",
                         tag->string, TAG_VALUE_MAX);
            return false;
        }
    }
    return true;
}

/* The normal form of a required location that this plane has; NULL with the error answered.  The
 * caller's. */
static char *location_of(struct call *call, const cJSON *request)
{
    const char *text = json_string(request, "location", NULL);
    char *location = text ? location_normal(text) : NULL;
    if (!text)
        answer_error(call, 400, "LocationRequired", NULL,
                     "The location property is required for this definition.");
    else if (location && !location_known(call->plane, location)) {
        answer_error(call, 400, "LocationNotAvailableForResourceGroup", NULL,
                     "The provided location '%.64s' is not available for resource group. List of "
                     "available regions "
                     "is '%s'.",
                     text, call->plane->locations_text);
        free(location);
        location = NULL;
    }
    return location;
}

/* A group stays where it is: false with the error answered when it is elsewhere already. */
static bool stays_there(struct call *call, const cJSON *old, const char *location)
{
    const char *before = json_string(old, "location", location);
    if (text_equal_nocase(before, location))
        return true;
    answer_error(call, 409, "InvalidResourceGroupLocation", NULL,
                 "Invalid resource group location '%s'. The Resource group already exists in "
                 "location '%s'.",
                 location, before);
    return false;
}

/* The group's body; NULL: there is none. The caller's. */
static cJSON *group_load(struct call *call, struct error *err)
{
    sqlite3_stmt *row =
        store_query(call->plane->store, err,
                    "SELECT body FROM resource_groups WHERE subscription = ? AND name = ?", "ss",
                    call->params.subscription, call->params.group);
    bool there = row && store_step(call->plane->store, row, err) == 1;
    cJSON *body = there ? cJSON_Parse(store_text(row, 0)) : NULL;
    store_done(row);
    return body;
}

static void write_group(struct call *call, const char *location, const cJSON *tags,
                        const cJSON *old)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    cJSON *body = group_body(p->subscription, json_string(old, "name", p->group), location, tags);
    char *text = body ? json_text(body) : NULL;
    int rc =
        text ? store_run(call->plane->store, &err,
                         "INSERT INTO resource_groups (subscription, name, body) VALUES (?, ?, ?)"
                         " ON CONFLICT DO UPDATE SET body = excluded.body",
                         "sss", p->subscription, p->group, text)
             : ERROR_NO_MEMORY;
    free(text);
    if (rc < 0) {
        cJSON_Delete(body);
        answer_failure(call, &err);
        return;
    }
    answer_json(call, old ? 200 : 201, body);
}

void group_put(struct call *call)
{
    const cJSON *request = call_body(call);
    if (!request)
        return;
    if (!subscription_exists(call->plane, call->params.subscription)) {
        answer_missing(call);
        return;
    }
    if (!group_name_valid(call->params.group)) {
        answer_error(call, 400, "InvalidResourceGroup", NULL,
                     "The provided resource group name '%.90s' has these invalid characters or is "
                     "too long: letters, "
                     "digits and ._-() are allowed, 90 at most, and no full stop at the end.",
                     call->params.group);
        return;
    }
    if (!tags_acceptable(call, json_at(request, "tags")))
        return;
    struct error err = { 0 };
    cJSON *old = group_load(call, &err);
    char *location = err.code < 0 ? NULL : location_of(call, request);
    if (err.code < 0)
        answer_failure(call, &err);
    else if (location && stays_there(call, old, location))
        write_group(call, location, json_at(request, "tags"), old);
    cJSON_Delete(old);
    free(location);
}

/* ARM would delete what is inside; this plane wants that to be said one by one. */
void group_delete(struct call *call)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    if (!group_exists(call->plane, p->subscription, p->group)) {
        answer_missing(call);
        return;
    }
    if (store_integer(
            call->plane->store, 0,
            "SELECT count(*) FROM workspaces WHERE subscription = ? AND resource_group = ?", "ss",
            p->subscription, p->group) > 0) {
        answer_error(call, 409, "CannotDeleteResource", NULL,
                     "Cannot delete resource group '%s' while it contains workspaces. Please "
                     "delete all nested "
                     "resources before deleting this resource.",
                     p->group);
        return;
    }
    if (store_run(call->plane->store, &err,
                  "DELETE FROM resource_groups WHERE subscription = ? AND name = ?", "ss",
                  p->subscription, p->group) < 0 ||
        access_scope_gone(call->plane, call->scope, &err) < 0)
        answer_failure(call, &err);
    else
        answer_empty(call, 200);
}
