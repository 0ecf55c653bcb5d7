/* role_definitions.c - role definitions: the built-in ones, which never change, and custom ones,
 * which are the store's. */
#include <ctype.h>

#include "base/text.h"
#include "plane/access.h"
#include "rbac/builtin_roles.h"
#include "rbac/pattern.h"
#include "rbac/wire.h"

#define A_ROLES "Microsoft.Authorization/roleDefinitions"
#define CUSTOM_MAX 5000 /* a tenant's (FACTS, section 10) */
#define NAME_MAX_BYTES 512
#define DESCRIPTION_MAX_BYTES 2048
#define SCOPES_MAX 2000
#define PATTERNS_MAX 10000

/* ---- reading ---- */

static void answer_none(struct call *call)
{
    answer_error(call, 404, "RoleDefinitionDoesNotExist", NULL,
                 "The specified role definition with ID '%.64s' does not exist.",
                 call->params.name);
}

/* May the role be assigned at the path's scope (or, with `below`, somewhere below it)? */
static bool is_offered(const struct rbac_policy *policy, const struct rbac_role *role,
                       const char *scope, bool below)
{
    for (size_t i = 0; i < role->assignable_scopes.count; i++) {
        const char *at = role->assignable_scopes.items[i];
        if (rbac_policy_covers(policy, at, scope) ||
            (below && rbac_policy_covers(policy, scope, at)))
            return true;
    }
    return false;
}

static bool wanted(const struct access_filter *filter, const char *name, const char *type)
{
    const char *want_name = access_filter_text(filter, ACCESS_ROLE_NAME);
    const char *want_type = access_filter_text(filter, ACCESS_TYPE);
    return (!want_name || text_equal_nocase(want_name, name)) &&
           (!want_type || text_equal_nocase(want_type, type));
}

static void list_builtin(struct call *call, const struct access_filter *filter)
{
    size_t count = 0;
    const struct rbac_role *roles = rbac_builtin_roles(&count);
    for (size_t i = 0; i < count; i++)
        if (wanted(filter, roles[i].name, RBAC_ROLE_BUILT_IN))
            access_list_item(call, rbac_role_json(&roles[i], RBAC_ROLE_BUILT_IN));
}

static int list_custom(struct call *call, const struct access_filter *filter, struct error *err)
{
    struct plane *plane = call->plane;
    const struct rbac_policy *policy = authorization_policy(plane, err);
    sqlite3_stmt *row =
        policy ? store_query(plane->store, err,
                             "SELECT name, role_name, body FROM role_definitions ORDER BY name", "")
               : NULL;
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && (rc = store_step(plane->store, row, err)) == 1) {
        const struct rbac_role *role = rbac_policy_role(policy, store_text(row, 0));
        if (role && wanted(filter, store_text(row, 1), RBAC_ROLE_CUSTOM) &&
            is_offered(policy, role, call->params.scope, filter->set[ACCESS_AT_SCOPE_AND_BELOW]))
            answer_list_item(call, store_text(row, 2), strlen(store_text(row, 2)));
    }
    store_done(row);
    return rc;
}

void role_definitions_list(struct call *call)
{
    struct error err = { 0 };
    struct access_filter filter;
    if (!access_scope_exists(call) ||
        !access_filter_read(call,
                            1U << ACCESS_ROLE_NAME | 1U << ACCESS_TYPE | 1U << ACCESS_AT_SCOPE |
                                1U << ACCESS_AT_SCOPE_AND_BELOW,
                            &filter))
        return;
    answer_list_begin(call);
    list_builtin(call, &filter);
    if (list_custom(call, &filter, &err) < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, NULL);
}

/* The body of a custom role, or NULL: none, or `err` tells.  The caller's. */
static cJSON *load(struct plane *plane, const char *name, struct error *err)
{
    sqlite3_stmt *row = store_query(plane->store, err,
                                    "SELECT body FROM role_definitions WHERE name = ?", "s", name);
    cJSON *body =
        row && store_step(plane->store, row, err) == 1 ? cJSON_Parse(store_text(row, 0)) : NULL;
    store_done(row);
    return body;
}

void role_definition_get(struct call *call)
{
    struct error err = { 0 };
    const struct rbac_role *builtin =
        uuid_is_valid(call->params.name) ? rbac_builtin_role(call->params.name) : NULL;
    if (!access_scope_exists(call))
        return;
    if (builtin) {
        answer_json(call, 200, rbac_role_json(builtin, RBAC_ROLE_BUILT_IN));
        return;
    }
    const struct rbac_policy *policy = authorization_policy(call->plane, &err);
    const struct rbac_role *role = policy ? rbac_policy_role(policy, call->params.name) : NULL;
    /* By its id it is found at every scope that it has to do with. */
    bool offered = role && is_offered(policy, role, call->params.scope, true);
    cJSON *body = offered ? load(call->plane, call->params.name, &err) : NULL;
    if (body)
        answer_json(call, 200, body);
    else if (err.code < 0)
        answer_failure(call, &err);
    else
        answer_none(call);
}

/* ---- what a custom role may say ---- */

static bool bad(struct call *call, const char *code, const char *target, const char *message)
{
    answer_error(call, 400, code, target, "%s", message);
    return false;
}

/* "*", or "Provider.Name/…/read|write|delete|action" with stars anywhere. */
static bool is_pattern(const char *text)
{
    static const char *const verbs[] = { "/read", "/write", "/delete", "/action" };
    bool verb = strchr(text, '*');
    if (!*text || strlen(text) > RBAC_ACTION_MAX)
        return false;
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("/*._-$", *at))
            return false;
    for (size_t i = 0; i < COUNT(verbs) && !verb; i++)
        verb = strlen(text) > strlen(verbs[i]) &&
               text_equal_nocase(text + strlen(text) - strlen(verbs[i]), verbs[i]);
    return verb && text[0] != '/' && !strstr(text, "//");
}

static bool patterns_good(struct call *call, const cJSON *list, const char *name)
{
    const cJSON *item = NULL;
    if (!list)
        return true;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > PATTERNS_MAX)
        return bad(call, "InvalidActionOrNotAction", name,
                   "The actions of a permission must be lists of strings.");
    cJSON_ArrayForEach(item, list)
    {
        const char *text = cJSON_GetStringValue(item);
        if (text && is_pattern(text))
            continue;
        answer_error(call, 400, "InvalidActionOrNotAction", name,
                     "'%.256s' does not match any of the actions supported by the providers: it "
                     "must look like 'Microsoft.MachineLearningServices/workspaces/computes/read', "
                     "with '*' for whatever may stand there.",
                     text ? text : "(no string)");
        return false;
    }
    return true;
}

static bool permissions_good(struct call *call, const cJSON *list)
{
    static const char *const names[] = { "actions", "notActions", "dataActions", "notDataActions" };
    const cJSON *entry = NULL;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) < 1)
        return bad(call, "InvalidRoleDefinition", "properties.permissions",
                   "A role definition must have at least one entry in 'permissions'.");
    cJSON_ArrayForEach(entry, list)
    {
        if (!cJSON_IsObject(entry))
            return bad(call, "InvalidRoleDefinition", "properties.permissions",
                       "Entries of 'permissions' must be objects.");
        for (size_t i = 0; i < COUNT(names); i++)
            if (!patterns_good(call, json_at(entry, names[i]), names[i]))
                return false;
    }
    return true;
}

/* "/" is for built-in roles alone. */
static bool scopes_good(struct call *call, const cJSON *list)
{
    const cJSON *item = NULL;
    struct rbac_scope read;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) < 1 ||
        cJSON_GetArraySize(list) > SCOPES_MAX)
        return bad(call, "InvalidAssignableScopes", "properties.assignableScopes",
                   "A custom role must have at least one assignable scope.");
    cJSON_ArrayForEach(item, list)
    {
        const char *scope = cJSON_GetStringValue(item);
        if (scope && rbac_scope_read(&read, scope) && read.count >= 2 && !strchr(scope, '*'))
            continue;
        answer_error(call, 400, "InvalidAssignableScopes", "properties.assignableScopes",
                     "'%.256s' cannot be an assignable scope of a custom role: it must be a "
                     "subscription or something in one, without wildcards.",
                     scope ? scope : "(no string)");
        return false;
    }
    return true;
}

static bool texts_good(struct call *call, const cJSON *properties)
{
    const cJSON *description = json_at(properties, "description");
    const char *name = json_string(properties, "roleName", "");
    if (!*name || strlen(name) > NAME_MAX_BYTES)
        return bad(call, "InvalidRoleDefinitionName", "properties.roleName",
                   "A role definition must have a name, of 512 characters at most.");
    if (description &&
        (!cJSON_IsString(description) || strlen(description->valuestring) > DESCRIPTION_MAX_BYTES))
        return bad(call, "InvalidRoleDefinition", "properties.description",
                   "The description must be a string of 2048 characters at most.");
    return true;
}

static bool name_free(struct call *call, const char *role_name)
{
    const struct rbac_role *builtin = rbac_builtin_role(role_name);
    if ((!builtin || !text_equal_nocase(builtin->name, role_name)) &&
        store_integer(call->plane->store, 1,
                      "SELECT count(*) FROM role_definitions WHERE role_name = ? AND name <> ?",
                      "ss", role_name, call->params.name) == 0)
        return true;
    answer_error(call, 409, "RoleDefinitionWithSameNameExists", "properties.roleName",
                 "A role definition with the name '%.256s' already exists in this directory. Use a "
                 "different name.",
                 role_name);
    return false;
}

/* Who changes a role must be allowed to at each scope where it can be assigned. */
static bool may_at(struct call *call, const cJSON *scopes)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, scopes)
    {
        const char *scope = cJSON_GetStringValue(item);
        if (!scope || authorization_allows(call->plane, call->caller, call->route->action, scope))
            continue;
        char *name = directory_name(call->plane, call->caller);
        answer_error(call, 403, "LinkedAuthorizationFailed", NULL,
                     "The client '%s' with object id '%s' has permission to perform action '%s' on "
                     "scope '%s'; however, it does not have permission to perform action '%s' on "
                     "the linked scope(s) '%s' or the linked scope(s) are invalid.",
                     name && *name ? name : call->caller, call->caller, call->route->action,
                     call->scope, call->route->action, scope);
        free(name);
        return false;
    }
    return true;
}

/* ---- writing ---- */

static bool is_custom_name(struct call *call)
{
    if (!uuid_is_valid(call->params.name)) {
        answer_error(call, 400, "InvalidRoleDefinitionId", NULL,
                     "The role definition ID '%.64s' is not valid. The role definition ID must be "
                     "a GUID.",
                     call->params.name);
        return false;
    }
    if (!rbac_builtin_role(call->params.name))
        return true;
    answer_error(call, 400, "BuiltInRoleUpdateNotPermitted", NULL,
                 "'%s' is a built-in role: built-in roles cannot be changed or deleted.",
                 rbac_builtin_role(call->params.name)->name);
    return false;
}

/* Role assignments of this role; of those, all or only the ones that `scopes` would not cover. */
static bool in_use(struct call *call, const cJSON *scopes)
{
    struct plane *plane = call->plane;
    sqlite3_stmt *row =
        store_query(plane->store, NULL, "SELECT scope FROM role_assignments WHERE role = ?", "s",
                    call->params.name);
    int64_t count = 0;
    while (row && store_step(plane->store, row, NULL) == 1) {
        const cJSON *item = NULL;
        bool covered = false;
        cJSON_ArrayForEach(item, scopes) covered =
            covered || rbac_scope_covers(item->valuestring, store_text(row, 0));
        count += !covered;
    }
    store_done(row);
    if (count == 0)
        return false;
    answer_error(call, 400, "RoleDefinitionHasAssignments", NULL,
                 "There are existing role assignments referencing role (code: "
                 "RoleDefinitionHasAssignments): %lld%s. Delete them first.",
                 (long long)count, scopes ? " outside of the new assignable scopes" : "");
    return true;
}

static cJSON *list_or_empty(const cJSON *list)
{
    return list ? cJSON_Duplicate(list, true) : cJSON_CreateArray();
}

static cJSON *permissions_of(const cJSON *list)
{
    static const char *const names[] = { "actions", "notActions", "dataActions", "notDataActions" };
    cJSON *out = cJSON_CreateArray();
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, list)
    {
        cJSON *permission = cJSON_CreateObject();
        for (size_t i = 0; i < COUNT(names); i++)
            (void)json_put(permission, names[i], list_or_empty(json_at(entry, names[i])));
        cJSON_AddItemToArray(out, permission);
    }
    return out;
}

/* The resource for a checked request; its id names the subscription of the path. */
static cJSON *body_of(const struct call *call, const cJSON *sent, const cJSON *old)
{
    char now[TIME_TEXT_SIZE];
    char prefix[128] = "";
    const char *scope = call->params.scope;
    plane_time(call->plane, now);
    if (text_starts_nocase(scope, "/subscriptions/"))
        snprintf(prefix, sizeof prefix, "/subscriptions/%.*s",
                 (int)strcspn(scope + strlen("/subscriptions/"), "/"),
                 scope + strlen("/subscriptions/"));
    char *id = text_format("%s/providers/" A_ROLES "/%s", prefix, call->params.name);
    cJSON *out = cJSON_CreateObject();
    const struct {
        const char *path, *text;
    } texts[] = {
        { "properties.roleName", json_string(sent, "roleName", "") },
        { "properties.type", RBAC_ROLE_CUSTOM },
        { "properties.description", json_string(sent, "description", "") },
        { "properties.createdOn", json_string(old, "properties.createdOn", now) },
        { "properties.updatedOn", now },
        { "properties.createdBy", json_string(old, "properties.createdBy", call->caller) },
        { "properties.updatedBy", call->caller },
        { "id", json_string(old, "id", id) },
        { "type", A_ROLES },
        { "name", json_string(old, "name", call->params.name) },
    };
    int rc = out && id ? 0 : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = json_put(out, "properties.assignableScopes",
                      list_or_empty(json_at(sent, "assignableScopes")));
    if (rc == 0)
        rc = json_put(out, "properties.permissions", permissions_of(json_at(sent, "permissions")));
    for (size_t i = 0; i < COUNT(texts) && rc == 0; i++)
        rc = json_put_string(out, texts[i].path, texts[i].text);
    free(id);
    if (rc == 0)
        return out;
    cJSON_Delete(out);
    return NULL;
}

static void write_role(struct call *call, const cJSON *sent, const cJSON *old)
{
    struct error err = { 0 };
    cJSON *body = body_of(call, sent, old);
    char *text = body ? json_text(body) : NULL;
    int rc = text ? store_run(call->plane->store, &err,
                              "INSERT INTO role_definitions (name, role_name, body) VALUES (?, ?, "
                              "?) ON CONFLICT (name) DO UPDATE SET role_name = "
                              "excluded.role_name, body = excluded.body",
                              "sss", call->params.name, json_string(sent, "roleName", ""), text)
                  : error_set(&err, ERROR_NO_MEMORY, "no memory for a role definition");
    authorization_changed(call->plane);
    free(text);
    if (rc == 0) {
        answer_json(call, 201, body);
        return;
    }
    cJSON_Delete(body);
    answer_failure(call, &err);
}

static bool room_left(struct call *call, const cJSON *old)
{
    if (old || store_integer(call->plane->store, 0, "SELECT count(*) FROM role_definitions", "") <
                   CUSTOM_MAX)
        return true;
    answer_error(call, 400, "RoleDefinitionLimitExceeded", NULL,
                 "No more custom roles: a directory can have %d.", CUSTOM_MAX);
    return false;
}

void role_definition_put(struct call *call)
{
    struct error err = { 0 };
    const cJSON *request = call_body(call);
    const cJSON *sent = json_at(request, "properties");
    const cJSON *scopes = json_at(sent, "assignableScopes");
    if (!request || !access_scope_exists(call) || !is_custom_name(call))
        return;
    if (!texts_good(call, sent) || !scopes_good(call, scopes) ||
        !permissions_good(call, json_at(sent, "permissions")))
        return;
    cJSON *old = load(call->plane, call->params.name, &err);
    if (err.code < 0)
        answer_failure(call, &err);
    else if (may_at(call, json_at(old, "properties.assignableScopes")) && may_at(call, scopes) &&
             name_free(call, json_string(sent, "roleName", "")) && room_left(call, old) &&
             !(old && in_use(call, scopes)))
        write_role(call, sent, old);
    cJSON_Delete(old);
}

void role_definition_delete(struct call *call)
{
    struct error err = { 0 };
    if (!access_scope_exists(call) || !is_custom_name(call))
        return;
    cJSON *old = load(call->plane, call->params.name, &err);
    if (err.code < 0) {
        answer_failure(call, &err);
    } else if (!old) {
        answer_empty(call, 204);
    } else if (may_at(call, json_at(old, "properties.assignableScopes")) && !in_use(call, NULL)) {
        int rc = store_run(call->plane->store, &err, "DELETE FROM role_definitions WHERE name = ?",
                           "s", call->params.name);
        authorization_changed(call->plane);
        if (rc == 0) {
            answer_json(call, 200, old);
            old = NULL;
        } else {
            answer_failure(call, &err);
        }
    }
    cJSON_Delete(old);
}
