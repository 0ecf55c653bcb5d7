/* authorization.c - who may do what: the one place that decides.
 *
 * plane_handle() asks here before a handler runs and before anything about a resource is told.  The
 * decision is rbac's; here a policy is made of what the store holds: the built-in roles, custom
 * ones, role assignments, deny assignments, memberships.
 *
 * The policy is built when it is first needed and thrown away by authorization_changed(), so a
 * change holds from the next request on, also within its own turn.  Building it, the reading of the
 * store included, takes about 1 ms with 1,000 assignments and some 20 ms with 10,000: what each of
 * many grants in a row costs.  A decision takes less than a microsecond and allocates nothing.  What
 * a turn wrote is in the policy before it is durable: when the commit fails, the policy goes too
 * (plane.c).
 *
 * The plane's owner has rights by an assignment like everybody else: Owner at "/".
 * authorization_open() writes it when it is missing, and it cannot be deleted, so he cannot lock
 * himself out.  Assignments of principals that are gone from the directory give nothing. */
#include <stdarg.h>

#include "base/text.h"
#include "plane/directory_private.h"
#include "rbac/wire.h"

#define OWNER_ROLE "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define ROLE_IDS "/providers/Microsoft.Authorization/roleDefinitions/"

/* ---- the policy ---- */

typedef int add_fn(struct rbac_policy *policy, sqlite3_stmt *row, struct error *err);

static int add_json(struct rbac_policy *policy, sqlite3_stmt *row,
                    int (*add)(struct rbac_policy *, const cJSON *, struct error *),
                    struct error *err)
{
    cJSON *body = cJSON_Parse(store_text(row, 0));
    int rc = body ? add(policy, body, err) : error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_Delete(body);
    return rc;
}

static int add_role(struct rbac_policy *policy, sqlite3_stmt *row, struct error *err)
{
    return add_json(policy, row, rbac_policy_add_role_json, err);
}

static int add_deny(struct rbac_policy *policy, sqlite3_stmt *row, struct error *err)
{
    return add_json(policy, row, rbac_policy_add_deny_json, err);
}

static int add_assignment(struct rbac_policy *policy, sqlite3_stmt *row, struct error *err)
{
    struct rbac_assignment assignment = { .id = store_text(row, 0),
                                          .principal_id = store_text(row, 1),
                                          .role_id = store_text(row, 2),
                                          .scope = store_text(row, 3),
                                          .has_condition = sqlite3_column_int(row, 4) != 0 };
    return rbac_policy_add_assignment(policy, &assignment, err);
}

static int add_member(struct rbac_policy *policy, sqlite3_stmt *row, struct error *err)
{
    return rbac_policy_add_member(policy, store_text(row, 0), store_text(row, 1), err);
}

/* Where the parts of a policy are. */
static const struct {
    const char *sql;
    add_fn *add;
} parts[] = {
    { "SELECT body FROM role_definitions", add_role },
    { "SELECT a.name, a.principal, a.role, a.scope, a.conditional FROM role_assignments a"
      " WHERE EXISTS (SELECT 1 FROM principals p WHERE p.id = a.principal)",
      add_assignment },
    { "SELECT body FROM deny_assignments", add_deny },
    /* Memberships go with their principals (directory_write.c). */
    { "SELECT group_id, member_id FROM members", add_member },
};

static int fill(struct plane *plane, struct rbac_policy *policy, struct error *err)
{
    int rc = rbac_policy_add_builtin_roles(policy, err);
    for (size_t i = 0; i < COUNT(parts) && rc == 0; i++) {
        sqlite3_stmt *row = store_query(plane->store, err, parts[i].sql, "");
        rc = row ? 1 : ERROR_IO;
        while (rc == 1 && (rc = store_step(plane->store, row, err)) == 1)
            if ((rc = parts[i].add(policy, row, err)) == 0)
                rc = 1;
        store_done(row);
    }
    return rc == 0 ? rbac_policy_compile(policy, err) : rc;
}

const struct rbac_policy *authorization_policy(struct plane *plane, struct error *err)
{
    if (plane->policy)
        return plane->policy;
    struct rbac_policy *policy = rbac_policy_new();
    int rc = policy ? fill(plane, policy, err) : error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc < 0) {
        rbac_policy_free(policy);
        error_wrap(err, rc, "reading who may do what");
        return NULL;
    }
    plane->policy = policy;
    return policy;
}

void authorization_changed(struct plane *plane)
{
    rbac_policy_free(plane->policy);
    plane->policy = NULL;
}

bool authorization_allows(struct plane *plane, const char *principal, const char *action,
                          const char *scope)
{
    struct error err = { 0 };
    const struct rbac_policy *policy = authorization_policy(plane, &err);
    if (!policy)
        log_line(plane->log, LOG_ERROR, "nobody may do anything: %s", err.message);
    return policy && rbac_decide(policy, principal, action, scope, false) == RBAC_ALLOWED;
}

/* ---- the owner's assignment ---- */

bool authorization_is_owners(const struct plane *plane, const char *scope, const char *principal,
                             const char *role)
{
    return text_equal(scope, "/") && text_equal_nocase(principal, plane->owner_id) &&
           text_equal_nocase(role, OWNER_ROLE);
}

/* The name is the same on every plane: it is made from what is granted. */
static int grant_owner(struct plane *plane, struct error *err)
{
    char name[UUID_TEXT_SIZE];
    char now[TIME_TEXT_SIZE];
    char *what = text_format("Owner of / for %s", plane->owner_id);
    if (!what)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the owner's role");
    uuid_of_text(what, name);
    free(what);
    plane_time(plane, now);
    authorization_changed(plane);
    return store_run(
        plane->store, err,
        "INSERT OR IGNORE INTO role_assignments (name, scope, principal, role, conditional, body)"
        " VALUES (?1, '/', ?2, ?3, 0, json_object('properties', json_object("
        "'roleDefinitionId', '" ROLE_IDS "' || ?3, 'principalId', ?2, 'principalType', 'User',"
        " 'scope', '/', 'condition', NULL, 'conditionVersion', NULL, 'createdOn', ?4,"
        " 'updatedOn', ?4, 'createdBy', ?2, 'updatedBy', ?2,"
        " 'description', 'The owner of this plane'),"
        " 'id', '/providers/Microsoft.Authorization/roleAssignments/' || ?1,"
        " 'type', 'Microsoft.Authorization/roleAssignments', 'name', ?1))",
        "ssss", name, plane->owner_id, OWNER_ROLE, now);
}

int authorization_open(struct plane *plane, struct error *err)
{
    int64_t there =
        store_integer(plane->store, -1,
                      "SELECT count(*) FROM role_assignments WHERE scope = '/' AND principal = ?"
                      " AND role = ? AND NOT conditional",
                      "ss", plane->owner_id, OWNER_ROLE);
    if (there > 0)
        return 0;
    int rc = there < 0 ? error_set(err, ERROR_IO, "the role assignments cannot be read")
                       : grant_owner(plane, err);
    return rc == 0 ? store_commit(plane->store, err) : rc;
}

/* ---- one request ---- */

static void set_scope(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void set_scope(struct call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(call->scope, sizeof call->scope, format, args);
    va_end(args);
}

static void find_scope(struct call *call)
{
    const struct route_params *p = &call->params;
    switch (call->route->scope) {
    case ROUTE_SCOPE_OPERATION:
    case ROUTE_SCOPE_SUBSCRIPTION:
        set_scope(call, "/subscriptions/%s", p->subscription);
        break;
    case ROUTE_SCOPE_GROUP:
        set_scope(call, "/subscriptions/%s/resourceGroups/%s", p->subscription, p->group);
        break;
    case ROUTE_SCOPE_WORKSPACE:
        set_scope(call, "/subscriptions/%s/resourceGroups/%s/providers/" PLANE_TYPE_WORKSPACE "/%s",
                  p->subscription, p->group, p->workspace);
        break;
    case ROUTE_SCOPE_COMPUTE:
        set_scope(call,
                  "/subscriptions/%s/resourceGroups/%s/providers/" PLANE_TYPE_WORKSPACE
                  "/%s/computes/%s",
                  p->subscription, p->group, p->workspace, p->compute);
        break;
    case ROUTE_SCOPE_PATH:
        set_scope(call, "%s", p->scope);
        break;
    default:
        set_scope(call, "/");
        break;
    }
}

static bool began_it(struct call *call)
{
    return store_integer(call->plane->store, 0,
                         "SELECT count(*) FROM operations WHERE id = lower(?) AND caller = ?", "ss",
                         call->params.name, call->caller) > 0;
}

void authorization_refuse(struct call *call, const char *action, const char *scope)
{
    if (text_starts(call->route->path, "/v1.0/")) {
        answer_error(call, 403, "Authorization_RequestDenied", NULL,
                     "Insufficient privileges to complete the operation.");
        return;
    }
    char *name = directory_name(call->plane, call->caller);
    answer_error(
        call, 403, "AuthorizationFailed", NULL,
        "The client '%s' with object id '%s' does not have authorization to perform action '%s' "
        "over scope '%s' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials.",
        name && *name ? name : call->caller, call->caller, action, scope);
    free(name);
}

bool authorization_require(struct call *call, const char *action, const char *scope)
{
    struct error err = { 0 };
    const struct rbac_policy *policy = authorization_policy(call->plane, &err);
    if (!policy) {
        answer_failure(call, &err);
        return false;
    }
    if (rbac_decide(policy, call->caller, action, scope, false) == RBAC_ALLOWED)
        return true;
    authorization_refuse(call, action, scope);
    return false;
}

bool authorization_admit(struct call *call)
{
    const char *action = call->route->action;
    bool yes = false;
    find_scope(call);
    switch (call->route->scope) {
    case ROUTE_SCOPE_ANYONE:
        yes = directory_has(call->plane, NULL, call->caller);
        break;
    case ROUTE_SCOPE_OWNER:
        yes = text_equal_nocase(call->caller, call->plane->owner_id);
        break;
    case ROUTE_SCOPE_OPERATION:
        return began_it(call) || authorization_require(call, action, call->scope);
    default:
        return authorization_require(call, action, call->scope);
    }
    if (!yes)
        authorization_refuse(call, action, call->scope);
    return yes;
}

/* ---- lists that span scopes ---- */

bool authorization_sees(struct call *call, const char *format, ...)
{
    char scope[RBAC_SCOPE_MAX + 2];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(scope, sizeof scope, format, args);
    va_end(args);
    return authorization_allows(call->plane, call->caller, call->route->action, scope);
}

bool authorization_touches(struct call *call, const char *scope)
{
    return store_integer(
               call->plane->store, 0,
               "WITH RECURSIVE mine(id) AS (VALUES(?1) UNION SELECT m.group_id FROM mine"
               " JOIN members m ON m.member_id = mine.id)"
               " SELECT EXISTS (SELECT 1 FROM mine JOIN role_assignments a ON a.principal = mine.id"
               " WHERE a.scope = ?2 OR substr(a.scope, 1, length(?2) + 1) = ?2 || '/'"
               " COLLATE NOCASE)",
               "ss", call->caller, scope) > 0;
}
