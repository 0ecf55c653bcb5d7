/* assignments.c - see assignments.h. */
#include "engine/assignments.h"

#include "base/text.h"
#include "engine/scope.h"
#include "rbac/scope.h"
#include "rbac/wire.h"

#define FLEET_MARK "moonfleet-fleet=" /* in descriptions of what a fleet owns */

void assignments_clear(struct assignments *assignments)
{
    access_free(assignments->access);
    who_clear(&assignments->who);
    free(assignments->scope);
    *assignments = (struct assignments) { 0 };
}

/* ---- asking ---- */

struct assignments_asking {
    struct arm_client *client; /* borrowed */
    struct assignments assignments;
    assignments_done_fn *done;
    void *arg;
    struct who_finding *finding; /* at most one of the two is under way */
    struct access_loading *loading;
};

void assignments_cancel(struct assignments_asking *asking)
{
    if (!asking)
        return;
    who_cancel(asking->finding);
    access_cancel(asking->loading);
    assignments_clear(&asking->assignments);
    free(asking);
}

static void end(struct assignments_asking *asking, int rc, const struct error *err)
{
    assignments_done_fn *done = asking->done;
    void *arg = asking->arg;
    struct assignments assignments = asking->assignments;
    asking->assignments = (struct assignments) { 0 };
    assignments_cancel(asking);
    done(rc, &assignments, err, arg);
    assignments_clear(&assignments);
}

static void on_access(int rc, struct access *access, const struct error *err, void *arg)
{
    struct assignments_asking *asking = arg;
    asking->loading = NULL;
    asking->assignments.access = access;
    end(asking, rc, err);
}

static int load(struct assignments_asking *asking, struct error *err)
{
    const struct assignments *wanted = &asking->assignments;
    const char *scopes[] = { wanted->scope }, *whom[] = { wanted->who.id };
    const struct access_request request = {
        .scopes = scopes,
        .scope_count = COUNT(scopes),
        .groups = whom,
        .group_count = whom[0] && wanted->who.kind == DIRECTORY_GROUP ? 1 : 0,
        .principals = whom,
        .principal_count = whom[0] ? 1 : 0,
    };
    return access_load(asking->client, &request, on_access, asking, &asking->loading, err);
}

static void on_who(int rc, struct who *who, const struct error *err, void *arg)
{
    struct assignments_asking *asking = arg;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    asking->finding = NULL;
    if (rc == 0) {
        asking->assignments.who = *who;
        *who = (struct who) { 0 };
        rc = load(asking, &why);
    }
    if (rc < 0)
        end(asking, rc, &why);
}

int assignments_start(struct arm_client *client, const struct workspace_ref *here,
                      const char *scope, const char *who, assignments_done_fn *done, void *arg,
                      struct assignments_asking **out, struct error *err)
{
    struct assignments_asking *asking = calloc(1, sizeof *asking);
    if (!asking)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    *asking = (struct assignments_asking) { .client = client, .done = done, .arg = arg };
    asking->assignments.here = *here;
    int rc = scope_of(scope, here, &asking->assignments.scope, err);
    if (rc == ERROR_INVALID) {
        rc = ERROR_USAGE;
        if (err)
            err->code = rc;
    }
    if (rc == 0)
        rc = who ? who_find(client, who, on_who, asking, &asking->finding, err) : load(asking, err);
    if (rc < 0)
        assignments_cancel(asking);
    else
        *out = asking;
    return rc;
}

struct waiting {
    bool done;
    int rc;
    struct assignments *out;
    struct error *err;
};

static void on_loaded(int rc, struct assignments *assignments, const struct error *err, void *arg)
{
    struct waiting *waiting = arg;
    waiting->done = true;
    waiting->rc = rc;
    if (rc < 0 && waiting->err)
        *waiting->err = *err;
    if (rc == 0) {
        *waiting->out = *assignments;
        *assignments = (struct assignments) { 0 };
    }
}

int assignments_load(struct arm_client *client, const struct workspace_ref *here, const char *scope,
                     const char *who, struct assignments *out, struct error *err)
{
    struct waiting waiting = { .out = out, .err = err };
    struct assignments_asking *asking = NULL;
    int rc = assignments_start(client, here, scope, who, on_loaded, &waiting, &asking, err);
    if (rc < 0)
        return rc;
    rc = loop_run_until(arm_client_loop(client), &waiting.done);
    if (waiting.done)
        return waiting.rc;
    assignments_cancel(asking);
    return error_set(err, rc < 0 ? rc : ERROR_CANCELLED, "asking who has which role: interrupted");
}

int assignments_told(const struct assignments *assignments, struct error *err)
{
    if (!(access_unknown(assignments->access) & ACCESS_ASSIGNMENTS))
        return 0;
    return error_set(err, ERROR_DENIED, "%s", access_unknown_reason(assignments->access));
}

/* ---- one assignment ---- */

const char *assignment_scope(const cJSON *given)
{
    return json_string(given, "properties.scope", "");
}

const char *assignment_principal(const cJSON *given)
{
    return json_string(given, "properties.principalId", "");
}

bool assignment_has_condition(const cJSON *given)
{
    const char *condition = json_string(given, "properties.condition", NULL);
    return condition && *condition;
}

const char *assignment_role(const struct assignments *assignments, const cJSON *given)
{
    const char *id = json_string(given, "properties.roleDefinitionId", "");
    const struct rbac_role *role = rbac_policy_role(access_policy(assignments->access), id);
    return role && role->name ? role->name : id;
}

const char *assignment_name(const struct assignments *assignments, const cJSON *given)
{
    const char *id = assignment_principal(given);
    const char *name = access_name(assignments->access, id);
    return name ? name : id;
}

const char *assignment_fleet(const cJSON *given, char *out, size_t out_size)
{
    const char *text = json_string(given, "properties.description", "");
    const char *mark = strstr(text, FLEET_MARK);
    const char *name = mark ? mark + strlen(FLEET_MARK) : "";
    (void)snprintf(out, out_size, "%.*s", (int)strcspn(name, " \t\n"), name);
    return out;
}

enum assignment_standing assignment_standing(const struct assignments *assignments,
                                             const cJSON *given)
{
    bool below = rbac_scope_covers(assignments->scope, assignment_scope(given));
    bool above = rbac_scope_covers(assignment_scope(given), assignments->scope);
    return below && above ? STANDS_HERE : below ? STANDS_BELOW : STANDS_ABOVE;
}

cJSON *assignment_json(const struct assignments *assignments, const cJSON *given)
{
    char fleet[128];
    cJSON *row = cJSON_CreateObject();
    const char *name = access_name(assignments->access, assignment_principal(given));
    (void)assignment_fleet(given, fleet, sizeof fleet);
    cJSON_AddItemToObject(row, "who", name ? cJSON_CreateString(name) : cJSON_CreateNull());
    cJSON_AddStringToObject(row, "whoId", assignment_principal(given));
    cJSON_AddStringToObject(row, "role", assignment_role(assignments, given));
    cJSON_AddStringToObject(row, "roleId", json_string(given, "properties.roleDefinitionId", ""));
    cJSON_AddStringToObject(row, "scope", assignment_scope(given));
    cJSON_AddBoolToObject(row, "inherited",
                          assignment_standing(assignments, given) == STANDS_ABOVE);
    cJSON_AddBoolToObject(row, "condition", assignment_has_condition(given));
    cJSON_AddItemToObject(row, "fleet", fleet[0] ? cJSON_CreateString(fleet) : cJSON_CreateNull());
    cJSON_AddStringToObject(row, "id", json_string(given, "id", ""));
    return row;
}

/* ---- all of them ---- */

struct row {
    const struct assignments *assignments;
    const cJSON *given;
};

/* By scope, the widest first; then by who and role. */
static int by_scope(const void *a, const void *b)
{
    const struct row *one = a, *other = b;
    const struct assignments *all = one->assignments;
    int order = text_compare_nocase(assignment_scope(one->given), assignment_scope(other->given));
    if (order == 0)
        order = text_compare_nocase(assignment_name(all, one->given),
                                    assignment_name(all, other->given));
    if (order == 0)
        order = text_compare_nocase(assignment_role(all, one->given),
                                    assignment_role(all, other->given));
    return order ? order
                 : strcmp(json_string(one->given, "id", ""), json_string(other->given, "id", ""));
}

static bool is_wanted(const struct assignments *assignments, const cJSON *given)
{
    const char *id = assignments->who.id;
    return !id || access_includes(assignments->access, assignment_principal(given), id);
}

int assignments_sorted(const struct assignments *assignments, const cJSON ***out, size_t *out_count,
                       struct error *err)
{
    const cJSON *given, *all = access_assignments(assignments->access);
    size_t count = 0, size = (size_t)cJSON_GetArraySize(all) + 1;
    struct row *rows = calloc(size, sizeof *rows);
    const cJSON **sorted = calloc(size, sizeof(cJSON *));
    if (!rows || !sorted) {
        free(rows);
        free(sorted);
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    cJSON_ArrayForEach(given, all)
    {
        if (is_wanted(assignments, given))
            rows[count++] = (struct row) { assignments, given };
    }
    if (count > 1)
        qsort(rows, count, sizeof *rows, by_scope);
    for (size_t i = 0; i < count; i++)
        sorted[i] = rows[i].given;
    free(rows);
    *out = sorted;
    *out_count = count;
    return 0;
}

/* ---- roles ---- */

bool role_is_custom(const cJSON *role)
{
    return text_equal_nocase(json_string(role, "properties.type", NULL), RBAC_ROLE_CUSTOM);
}

cJSON *role_json(const cJSON *role)
{
    static const char *const members[] = { "description", "permissions", "assignableScopes" };
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "name", json_string(role, "properties.roleName", ""));
    cJSON_AddStringToObject(row, "id", json_string(role, "id", ""));
    cJSON_AddBoolToObject(row, "custom", role_is_custom(role));
    for (size_t i = 0; i < COUNT(members); i++) {
        const cJSON *value =
            cJSON_GetObjectItemCaseSensitive(json_at(role, "properties"), members[i]);
        cJSON_AddItemToObject(row, members[i],
                              value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
    }
    return row;
}

static int by_name(const void *a, const void *b)
{
    const cJSON *const *one = a, *const *other = b;
    int order = text_compare_nocase(json_string(*one, "properties.roleName", ""),
                                    json_string(*other, "properties.roleName", ""));
    return order ? order : strcmp(json_string(*one, "id", ""), json_string(*other, "id", ""));
}

int roles_sorted(const cJSON *roles, bool custom, const cJSON ***out, size_t *out_count,
                 struct error *err)
{
    const cJSON *role;
    size_t count = 0;
    const cJSON **rows = calloc((size_t)cJSON_GetArraySize(roles) + 1, sizeof(cJSON *));
    if (!rows)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(role, roles)
    {
        if (!custom || role_is_custom(role))
            rows[count++] = role;
    }
    if (count > 1)
        qsort(rows, count, sizeof(const cJSON *), by_name);
    *out = rows;
    *out_count = count;
    return 0;
}

int roles_scope(const struct workspace_ref *here, char **out, struct error *err)
{
    return scope_of(here->workspace ? "workspace" : "resource-group", here, out, err);
}
