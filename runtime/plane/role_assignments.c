/* role_assignments.c - role assignments: who was given which role where. */
#include "base/text.h"
#include "plane/access.h"
#include "rbac/wire.h"

#define A_ASSIGNMENTS "Microsoft.Authorization/roleAssignments"
#define ROLE_IDS "/providers/Microsoft.Authorization/roleDefinitions/"
#define DESCRIPTION_MAX_BYTES 2048
#define CONDITION_MAX_BYTES 8192

/* Ids of a principal and of the groups that it is in, at any depth. */
#define MINE(parameter)                                                                            \
    "(WITH RECURSIVE mine(id) AS (VALUES(" parameter ") UNION SELECT m.group_id FROM mine"         \
    " JOIN members m ON m.member_id = mine.id) SELECT id FROM mine)"

/* ---- lists ---- */

/* Is an assignment at `scope` one of those that the path's list tells? */
static bool belongs(const struct rbac_policy *policy, const struct call *call,
                    const struct access_filter *filter, const char *scope)
{
    return rbac_policy_covers(policy, scope, call->params.scope) ||
           (!filter->set[ACCESS_AT_SCOPE] && rbac_policy_covers(policy, call->params.scope, scope));
}

static int list_page(struct call *call, const struct access_filter *filter, int64_t after,
                     char **out_next, struct error *err)
{
    struct plane *plane = call->plane;
    int64_t last = after;
    size_t count = 0;
    const struct rbac_policy *policy = authorization_policy(plane, err);
    sqlite3_stmt *row =
        policy ? store_query(plane->store, err,
                             "SELECT key, scope, body FROM role_assignments WHERE key > ?1"
                             " AND (?2 IS NULL OR principal = ?2)"
                             " AND (?3 IS NULL OR principal IN " MINE("?3") ") ORDER BY key",
                             "iss", after, access_filter_text(filter, ACCESS_PRINCIPAL),
                             access_filter_text(filter, ACCESS_ASSIGNED_TO))
               : NULL;
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && (rc = store_step(plane->store, row, err)) == 1) {
        if (!belongs(policy, call, filter, store_text(row, 1)))
            continue;
        if (count++ == PLANE_PAGE_MAX) {
            *out_next = access_next_link(call, last);
            break;
        }
        last = sqlite3_column_int64(row, 0);
        answer_list_item(call, store_text(row, 2), strlen(store_text(row, 2)));
    }
    store_done(row);
    return rc < 0 ? rc : 0;
}

void role_assignments_list(struct call *call)
{
    struct error err = { 0 };
    struct access_filter filter;
    int64_t after = 0;
    char *next = NULL;
    if (!access_scope_exists(call) ||
        !access_filter_read(
            call, 1U << ACCESS_AT_SCOPE | 1U << ACCESS_PRINCIPAL | 1U << ACCESS_ASSIGNED_TO,
            &filter) ||
        !access_skip(call, &after))
        return;
    answer_list_begin(call);
    if (list_page(call, &filter, after, &next, &err) < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, next);
    free(next);
}

/* ---- one ---- */

/* An assignment as the store has it. */
struct assignment {
    char *scope, *principal, *role; /* owned */
    cJSON *body;
};

static void clear(struct assignment *assignment)
{
    free(assignment->scope);
    free(assignment->principal);
    free(assignment->role);
    cJSON_Delete(assignment->body);
    *assignment = (struct assignment) { 0 };
}

/* By the path's name, wherever it is: ERROR_NOT_FOUND without a text, or a failure.  Clear it in
 * any case. */
static int load(struct call *call, struct assignment *out, struct error *err)
{
    struct store *store = call->plane->store;
    *out = (struct assignment) { 0 };
    sqlite3_stmt *row = store_query(
        store, err, "SELECT scope, principal, role, body FROM role_assignments WHERE name = ?", "s",
        call->params.name);
    int rc = row ? store_step(store, row, err) : ERROR_IO;
    if (rc == 1) {
        out->scope = strdup(store_text(row, 0));
        out->principal = strdup(store_text(row, 1));
        out->role = strdup(store_text(row, 2));
        out->body = cJSON_Parse(store_text(row, 3));
        if (!out->scope || !out->principal || !out->role || !out->body)
            rc = error_set(err, ERROR_NO_MEMORY, "no memory for a role assignment");
    }
    store_done(row);
    return rc == 1 ? 0 : rc == 0 ? ERROR_NOT_FOUND : rc;
}

/* The same, of the path's scope. */
static int load_here(struct call *call, struct assignment *out, struct error *err)
{
    int rc = load(call, out, err);
    return rc == 0 && !access_same_scope(out->scope, call->params.scope) ? ERROR_NOT_FOUND : rc;
}

void role_assignment_get(struct call *call)
{
    struct error err = { 0 };
    struct assignment found = { 0 };
    if (!access_scope_exists(call))
        return;
    int rc = load_here(call, &found, &err);
    if (rc == ERROR_NOT_FOUND) {
        answer_error(call, 404, "RoleAssignmentNotFound", NULL,
                     "The role assignment '%.64s' is not found.", call->params.name);
    } else if (rc < 0) {
        answer_failure(call, &err);
    } else {
        answer_json(call, 200, found.body);
        found.body = NULL;
    }
    clear(&found);
}

/* ---- what may be granted ---- */

/* What a request asks for, checked. */
struct wish {
    const char *principal, *role; /* object id, GUID; the request's */
    char type[24];                /* "User" */
    const cJSON *properties;
};

static bool is_guid(struct call *call, const char *text, const char *code, const char *what)
{
    if (uuid_is_valid(text))
        return true;
    answer_error(call, 400, code, NULL,
                 "The %s ID '%.128s' is not valid. The %s ID must be a GUID.", what,
                 text ? text : "", what);
    return false;
}

static bool find_principal(struct call *call, struct wish *wish)
{
    static const char *const types[][2] = { { "user", "User" },
                                            { "group", "Group" },
                                            { "servicePrincipal", "ServicePrincipal" } };
    struct plane *plane = call->plane;
    const char *said = json_string(wish->properties, "principalType", NULL);
    sqlite3_stmt *row = store_query(plane->store, NULL, "SELECT kind FROM principals WHERE id = ?",
                                    "s", wish->principal);
    bool there = row && store_step(plane->store, row, NULL) == 1;
    for (size_t i = 0; there && i < COUNT(types); i++)
        if (text_equal(types[i][0], store_text(row, 0)))
            text_copy(wish->type, sizeof wish->type, types[i][1]);
    store_done(row);
    if (!there)
        answer_error(call, 400, "PrincipalNotFound", NULL,
                     "Principal %s does not exist in the directory %s. Check that you have the "
                     "correct principal ID. If you are creating this principal and then "
                     "immediately assigning a role, this error might be related to a replication "
                     "delay. In this case, set the role assignment principalType property to a "
                     "value, such as ServicePrincipal, User, or Group.  See "
                     "https://aka.ms/docs-principaltype",
                     wish->principal, plane->tenant_id);
    else if (said && !text_equal_nocase(said, wish->type))
        answer_error(call, 400, "UnmatchedPrincipalType", NULL,
                     "The PrincipalId '%s' has type '%s' , which is different from specified "
                     "PrincipalType '%.32s'.",
                     wish->principal, wish->type, said);
    return there && (!said || text_equal_nocase(said, wish->type));
}

static bool find_role(struct call *call, const struct wish *wish)
{
    struct error err = { 0 };
    const struct rbac_policy *policy = authorization_policy(call->plane, &err);
    const struct rbac_role *role = policy ? rbac_policy_role(policy, wish->role) : NULL;
    if (!policy) {
        answer_failure(call, &err);
        return false;
    }
    if (!role) {
        answer_error(call, 404, "RoleDefinitionDoesNotExist", NULL,
                     "The specified role definition with ID '%s' does not exist.", wish->role);
        return false;
    }
    for (size_t i = 0; i < role->assignable_scopes.count; i++)
        if (rbac_policy_covers(policy, role->assignable_scopes.items[i], call->params.scope))
            return true;
    answer_error(call, 400, "RoleAssignmentScopeNotAssignableToRoleDefinition", NULL,
                 "The role assignment scope '%s' is not in the assignable scopes of the role "
                 "definition '%s'.",
                 call->params.scope, role->name);
    return false;
}

static bool text_good(struct call *call, const struct wish *wish, const char *name, size_t max)
{
    const cJSON *item = json_at(wish->properties, name);
    if (!item || (cJSON_IsString(item) && strlen(item->valuestring) <= max))
        return true;
    answer_error(call, 400, "BadRequestFormat", name,
                 "The property '%s' must be a string of at most %zu bytes.", name, max);
    return false;
}

static bool condition_good(struct call *call, const struct wish *wish)
{
    const char *condition = json_string(wish->properties, "condition", NULL);
    const char *version = json_string(wish->properties, "conditionVersion", NULL);
    if (!condition || text_equal(version, "2.0"))
        return true;
    answer_error(call, 400, "ConditionVersionNotSupported", "conditionVersion",
                 "A condition needs the conditionVersion '2.0'.");
    return false;
}

static bool read_wish(struct call *call, const cJSON *request, struct wish *out)
{
    *out = (struct wish) { .properties = json_at(request, "properties") };
    out->principal = json_string(out->properties, "principalId", NULL);
    const char *role = json_string(out->properties, "roleDefinitionId", NULL);
    if (!role || !out->principal) {
        answer_error(call, 400, "BadRequestFormat", NULL,
                     "The request was incorrectly formatted: it must have "
                     "'properties.roleDefinitionId' and 'properties.principalId'.");
        return false;
    }
    out->role = access_guid(role);
    return is_guid(call, call->params.name, "InvalidRoleAssignmentId", "role assignment") &&
           is_guid(call, out->principal, "InvalidPrincipalId", "Principal") &&
           is_guid(call, out->role, "InvalidRoleDefinitionId", "role definition") &&
           text_good(call, out, "description", DESCRIPTION_MAX_BYTES) &&
           text_good(call, out, "condition", CONDITION_MAX_BYTES) && condition_good(call, out) &&
           find_principal(call, out) && find_role(call, out);
}

/* ---- granting ---- */

static cJSON *body_of(const struct call *call, const struct wish *wish, const cJSON *old)
{
    char now[TIME_TEXT_SIZE];
    plane_time(call->plane, now);
    const char *scope = call->params.scope;
    char *id = text_format("%s/providers/" A_ASSIGNMENTS "/%s", text_equal(scope, "/") ? "" : scope,
                           call->params.name);
    char *role = text_format(ROLE_IDS "%s", wish->role);
    cJSON *out = cJSON_CreateObject();
    const struct {
        const char *path, *text;
    } texts[] = {
        { "properties.roleDefinitionId", json_string(old, "properties.roleDefinitionId", role) },
        { "properties.principalId", wish->principal },
        { "properties.principalType", wish->type },
        { "properties.scope", json_string(old, "properties.scope", scope) },
        { "properties.condition", json_string(wish->properties, "condition", NULL) },
        { "properties.conditionVersion", json_string(wish->properties, "conditionVersion", NULL) },
        { "properties.createdOn", json_string(old, "properties.createdOn", now) },
        { "properties.updatedOn", now },
        { "properties.createdBy", json_string(old, "properties.createdBy", call->caller) },
        { "properties.updatedBy", call->caller },
        { "properties.delegatedManagedIdentityResourceId", NULL },
        { "properties.description", json_string(wish->properties, "description", NULL) },
        { "id", json_string(old, "id", id) },
        { "type", A_ASSIGNMENTS },
        { "name", json_string(old, "name", call->params.name) },
    };
    int rc = out && id && role ? 0 : ERROR_NO_MEMORY;
    for (size_t i = 0; i < COUNT(texts) && rc == 0; i++)
        rc = json_put_string(out, texts[i].path, texts[i].text);
    free(id);
    free(role);
    if (rc == 0)
        return out;
    cJSON_Delete(out);
    return NULL;
}

static void write_assignment(struct call *call, const struct wish *wish, const cJSON *old)
{
    struct error err = { 0 };
    bool conditional = *json_string(wish->properties, "condition", "") != '\0';
    cJSON *body = body_of(call, wish, old);
    char *text = body ? json_text(body) : NULL;
    int rc =
        text ? store_run(call->plane->store, &err,
                         "INSERT INTO role_assignments (name, scope, principal, role, conditional,"
                         " body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                         " conditional = excluded.conditional, body = excluded.body",
                         "ssssns", call->params.name, call->params.scope, wish->principal,
                         wish->role, conditional, text)
             : error_set(&err, ERROR_NO_MEMORY, "no memory for a role assignment");
    authorization_changed(call->plane);
    free(text);
    if (rc == 0) {
        answer_json(call, old ? 200 : 201, body);
        return;
    }
    cJSON_Delete(body);
    answer_failure(call, &err);
}

/* Is the same thing granted under another name?  Then true, with the conflict answered. */
static bool granted_already(struct call *call, const struct wish *wish)
{
    struct store *store = call->plane->store;
    char digits[UUID_TEXT_SIZE] = "";
    size_t used = 0;
    sqlite3_stmt *row =
        store_query(store, NULL,
                    "SELECT name FROM role_assignments WHERE scope = ? AND "
                    "principal = ? AND role = ? AND name <> ?",
                    "ssss", call->params.scope, wish->principal, wish->role, call->params.name);
    bool there = row && store_step(store, row, NULL) == 1;
    for (const char *at = there ? store_text(row, 0) : ""; *at && used < 32; at++)
        if (*at != '-')
            digits[used++] = *at;
    store_done(row);
    if (there)
        answer_error(call, 409, "RoleAssignmentExists", NULL,
                     "The role assignment already exists. The ID of the existing role assignment "
                     "is %s.",
                     digits);
    return there;
}

/* The owner's own role must not come to depend on a condition. */
static bool keeps_owner(struct call *call, const struct assignment *old, const struct wish *wish)
{
    if (!wish || *json_string(wish->properties, "condition", "")) {
        if (authorization_is_owners(call->plane, old->scope, old->principal, old->role)) {
            answer_error(call, 409, "CannotDeleteLastRbacAdminAssignment", NULL,
                         "Cannot delete the last RBAC admin assignment: the owner of a plane is "
                         "always Owner at '/', so that nobody is locked out of it.");
            return false;
        }
    }
    return true;
}

static void put(struct call *call, const struct wish *wish)
{
    struct error err = { 0 };
    struct assignment old;
    int rc = load(call, &old, &err);
    if (rc < 0 && rc != ERROR_NOT_FOUND)
        answer_failure(call, &err);
    else if (rc == 0 && (!access_same_scope(old.scope, call->params.scope) ||
                         !text_equal_nocase(old.principal, wish->principal) ||
                         !text_equal_nocase(old.role, wish->role)))
        answer_error(call, 400, "RoleAssignmentUpdateNotPermitted", NULL,
                     "Tenant ID, application ID, principal ID, and scope are not allowed to be "
                     "updated.");
    else if (rc == 0 && keeps_owner(call, &old, wish))
        write_assignment(call, wish, old.body);
    else if (rc == ERROR_NOT_FOUND && !granted_already(call, wish))
        write_assignment(call, wish, NULL);
    clear(&old);
}

void role_assignment_put(struct call *call)
{
    struct wish wish;
    const cJSON *request = call_body(call);
    if (request && access_scope_exists(call) && read_wish(call, request, &wish))
        put(call, &wish);
}

void role_assignment_delete(struct call *call)
{
    struct error err = { 0 };
    struct assignment old = { 0 };
    if (!access_scope_exists(call))
        return;
    int rc = load_here(call, &old, &err);
    if (rc == ERROR_NOT_FOUND) {
        answer_empty(call, 204);
    } else if (rc < 0) {
        answer_failure(call, &err);
    } else if (keeps_owner(call, &old, NULL)) {
        rc = store_run(call->plane->store, &err, "DELETE FROM role_assignments WHERE name = ?", "s",
                       call->params.name);
        authorization_changed(call->plane);
        if (rc == 0) {
            answer_json(call, 200, old.body);
            old.body = NULL;
        } else {
            answer_failure(call, &err);
        }
    }
    clear(&old);
}

/* ---- what the caller himself may do ---- */

/* The permissions of every role that the caller has at the scope, by himself or a group.  Roles
 * under a condition are left out: they are no plain yes.  What deny assignments take is told by
 * their own list. */
void permissions_list(struct call *call)
{
    struct error err = { 0 };
    struct plane *plane = call->plane;
    const struct rbac_policy *policy = authorization_policy(plane, &err);
    sqlite3_stmt *row =
        policy ? store_query(plane->store, &err,
                             "SELECT DISTINCT role, scope FROM role_assignments"
                             " WHERE NOT conditional AND principal IN " MINE("?") " ORDER BY role",
                             "s", call->caller)
               : NULL;
    char told[UUID_TEXT_SIZE] = "";
    int rc = row ? 1 : ERROR_IO;
    answer_list_begin(call);
    while (rc == 1 && (rc = store_step(plane->store, row, &err)) == 1) {
        const struct rbac_role *role = rbac_policy_role(policy, store_text(row, 0));
        if (!role || text_equal_nocase(told, store_text(row, 0)) ||
            !rbac_policy_covers(policy, store_text(row, 1), call->params.scope))
            continue;
        text_copy(told, sizeof told, store_text(row, 0));
        cJSON *list = rbac_permissions_json(role->permissions, role->permission_count);
        while (list && list->child)
            access_list_item(call, cJSON_DetachItemFromArray(list, 0));
        cJSON_Delete(list);
    }
    store_done(row);
    if (rc < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, NULL);
}
