/* check_access.c - asks once who may do what, then has three checks look at it: the caller, the
 * people that instances are assigned to, and what the recipe's own grants change. */
#include "engine/check_access.h"

#include "base/text.h"
#include "engine/resource.h"
#include "engine/scope.h"
#include "rbac/scope.h"
#include "rbac/wire.h"

#define SCOPES_MAX 16 /* asked for: the workspace, and other places that are granted at */

/* ---- what is asked ---- */

static bool has_people(const struct plan *plan)
{
    for (size_t i = 0; !plan->destroy && i < plan->count; i++)
        if (plan->items[i].type == &resource_instance && check_person(plan, &plan->items[i]))
            return true;
    return false;
}

/* What is in force at the workspace comes with the workspace; other places are asked for. */
static size_t find_scopes(const struct access_check *check, const char *out[SCOPES_MAX])
{
    size_t count = 0;
    out[count++] = check->place;
    for (size_t i = 0; i < check->changes.count && count < SCOPES_MAX; i++) {
        const char *scope = check->changes.items[i].scope;
        bool known = !scope;
        for (size_t k = 0; k < count && !known; k++)
            known = rbac_scope_covers(scope, out[k]) || rbac_scope_covers(out[k], scope);
        if (!known)
            out[count++] = scope;
    }
    return count;
}

static void on_access(int rc, struct access *access, const struct error *err, void *arg)
{
    struct checking *checking = arg;
    struct access_check *check = checking->state;
    check->loading = NULL;
    check->access = access;
    if (rc == ERROR_NO_MEMORY)
        check_fail(checking, rc, err);
    else if (rc < 0)
        check->why = strdup(err->message);
    check_unhold(checking);
}

static int ask(struct checking *checking, struct access_check *check, struct error *err)
{
    const char *scopes[SCOPES_MAX];
    const struct access_changes *changes = &check->changes;
    const char **groups = calloc(changes->count + 1, sizeof *groups);
    const char **principals = calloc(changes->count + 1, sizeof *principals);
    struct access_request request = { .scopes = scopes,
                                      .scope_count = find_scopes(check, scopes),
                                      .groups = groups,
                                      .principals = principals,
                                      .graph_url = check->plan->graph_url,
                                      .graph_token = check->plan->graph_token };
    int rc = groups && principals ? 0 : error_set(err, ERROR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < changes->count && groups && principals; i++) {
        const struct access_change *change = &changes->items[i];
        if (change->principal_id)
            principals[request.principal_count++] = change->principal_id;
        if (change->principal_id && change->is_group)
            groups[request.group_count++] = change->principal_id;
    }
    if (rc == 0)
        rc = access_load(checking->client, &request, on_access, checking, &check->loading, err);
    if (rc == 0)
        check_hold(checking);
    free(groups);
    free(principals);
    return rc;
}

static int begin(struct checking *checking, struct error *err)
{
    struct plan *plan = checking->plan;
    const struct workspace_ref here = plan_workspace_ref(plan);
    struct access_check *check = checking->state = calloc(1, sizeof *check);
    if (!check)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    check->plan = plan;
    int rc = access_changes_read(plan, &check->changes, err);
    if (rc < 0 || (plan_counts(plan).changes == 0 && !has_people(plan)))
        return rc;
    rc = scope_of("workspace", &here, &check->place, err);
    return rc < 0 ? rc : ask(checking, check, err);
}

/* ---- before and after ---- */

/* The changes that hold at a moment. */
struct until {
    const struct access_changes *changes;
    enum access_moment moment;
};

/* What is there now and is then gone, or otherwise.  Roles are told with and without a subscription
 * in front: their GUIDs tell. */
static bool is_changed(const cJSON *resource, void *arg)
{
    const struct until *until = arg;
    const char *id = json_string(resource, "id", "");
    const char *slash = strrchr(id, '/');
    for (size_t i = 0; i < until->changes->count; i++)
        if (until->changes->items[i].moment <= until->moment &&
            text_equal_nocase(until->changes->items[i].name, slash ? slash + 1 : id))
            return true;
    return false;
}

static int add_change(struct rbac_policy *policy, const struct access_change *change,
                      struct error *err)
{
    const struct rbac_assignment given = { .principal_id = change->principal_id,
                                           .role_id = change->role_id,
                                           .scope = change->scope };
    if (!change->makes)
        return 0;
    return change->is_role ? rbac_policy_add_role_json(policy, change->role, err)
                           : rbac_policy_add_assignment(policy, &given, err);
}

static int make_policy(struct access_check *check, enum access_moment moment, struct error *err)
{
    const struct access_changes *changes = &check->changes;
    struct until until = { changes, moment };
    struct rbac_policy **out = &check->policies[moment];
    bool same = true;
    for (size_t i = 0; i < changes->count; i++)
        same = same && changes->items[i].moment != moment;
    if (same)
        return 0;
    int rc = access_copy(check->access, is_changed, &until, out, err);
    for (size_t i = 0; i < changes->count && rc == 0; i++)
        if (changes->items[i].moment <= moment)
            rc = add_change(*out, &changes->items[i], err);
    return rc < 0 ? rc : rbac_policy_compile(*out, err);
}

static int make_policies(struct access_check *check, struct error *err)
{
    int rc = 0;
    for (int moment = ACCESS_NOW + 1; moment < ACCESS_MOMENTS && rc == 0; moment++)
        rc = make_policy(check, (enum access_moment)moment, err);
    return rc;
}

static void drop_policies(struct access_check *check)
{
    for (size_t i = 0; i < ACCESS_MOMENTS; i++) {
        rbac_policy_free(check->policies[i]);
        check->policies[i] = NULL;
    }
}

const struct rbac_policy *check_policy(const struct access_check *check, enum access_moment moment)
{
    for (int i = (int)moment; i > ACCESS_NOW; i--)
        if (check->policies[i])
            return check->policies[i];
    return access_policy(check->access);
}

enum access_answer check_answer(const struct access_check *check, enum access_moment moment,
                                const char *principal_id, const char *action, const char *scope)
{
    return access_answer_of(
        check->access, rbac_decide(check_policy(check, moment), principal_id, action, scope, false),
        principal_id, scope);
}

/* ---- for the checks ---- */

char *check_scope_of(const struct access_check *check, const struct item *item)
{
    return text_format("%s/computes/%s", check->place, item->step.name);
}

const struct schema_principal *check_person(const struct plan *plan, const struct item *item)
{
    if (!item->instance)
        return NULL;
    const struct schema_layers layers = fleet_layers(plan->fleet, item->instance);
    const cJSON *said = schema_said(schema_field_find(schema_instance(), "assigned_to"), &layers);
    return said ? plan->fleet->refs.principal(said, plan->fleet->refs.arg) : NULL;
}

const char *check_name(const struct access_check *check, const char *principal_id)
{
    const struct fleet_principal *said = fleet_principal_by_id(check->plan->fleet, principal_id);
    const char *name = access_name(check->access, principal_id);
    if (!name && text_equal(principal_id, access_caller(check->access)))
        return "the caller"; /* whom the directory does not name */
    return name ? name : said ? said->name : principal_id;
}

static void not_known(const struct access_check *check, const char *name, const char *what)
{
    const struct plan_check finding = { .name = name, .status = PLAN_CHECK_UNKNOWN };
    check_add(check->plan, &finding, "%s could not be found out: %s", what,
              check->why ? check->why : "");
}

static void conclude(struct checking *checking)
{
    struct access_check *check = checking->state;
    struct error err = { 0 };
    if (check->why) {
        if (plan_counts(check->plan).changes > 0)
            not_known(check, CHECK_CALLER, "what the caller may do");
        if (has_people(check->plan))
            not_known(check, CHECK_ASSIGNED, "what the assigned people may do");
    } else if (check->access) {
        int rc = make_policies(check, &err);
        if (rc < 0) {
            check->why = strdup(err.message);
            not_known(check, CHECK_EFFECTS, "what the recipe's grants change");
            drop_policies(check);
        }
        check_caller(check);
        if (!check->plan->destroy)
            check_assigned(check);
        if (rc == 0)
            check_effects(check);
    }
}

static void release(struct checking *checking)
{
    struct access_check *check = checking->state;
    if (!check)
        return;
    access_cancel(check->loading);
    access_free(check->access);
    drop_policies(check);
    access_changes_clear(&check->changes);
    free(check->place);
    free(check->why);
    free(check);
    checking->state = NULL;
}

const struct checker checker_access = {
    .doing = "asking who may do what",
    .begin = begin,
    .conclude = conclude,
    .release = release,
};
