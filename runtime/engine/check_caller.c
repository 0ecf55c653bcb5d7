/* check_caller.c - may the caller do all that this plan does? */
#include "engine/check_access.h"

#include "base/text.h"
#include "engine/resource.h"
#include "engine/scope.h"
#include "rbac/builtin_roles.h"
#include "rbac/scope.h"

#define NEEDS_MAX 16

/* An action that the plan needs, at as many scopes as there are steps that do it. */
struct need {
    const char *action;
    size_t count, refused, unknown, conditional;
    size_t lost; /* allowed at first, and taken from the caller by a step of the same kind */
    char *scope; /* the first that is refused; owned */
    const char *file;
    int line; /* of the step that needs it there */
};

struct needs {
    const struct access_check *check;
    const char *caller;
    /* The step that is looked at: when it is done, and where it is declared. */
    enum access_moment moment;
    const char *file;
    int line;
    struct need items[NEEDS_MAX];
    size_t count;
};

static struct need *need_of(struct needs *needs, const char *action)
{
    for (size_t i = 0; i < needs->count; i++)
        if (text_equal(needs->items[i].action, action))
            return &needs->items[i];
    if (needs->count == NEEDS_MAX)
        return NULL;
    needs->items[needs->count] = (struct need) { .action = action };
    return &needs->items[needs->count++];
}

static void add_need(struct needs *needs, const char *action, const char *scope)
{
    struct need *need = need_of(needs, action);
    if (!need || !scope)
        return;
    need->count++;
    switch (check_answer(needs->check, needs->moment, needs->caller, action, scope)) {
    case ACCESS_ALLOWED:
        need->lost += needs->moment == ACCESS_BEFORE_REVOKING &&
                      check_answer(needs->check, ACCESS_AFTER, needs->caller, action, scope) !=
                          ACCESS_ALLOWED;
        break;
    case ACCESS_CONDITIONAL:
        need->conditional++;
        break;
    case ACCESS_UNKNOWN:
        need->unknown++;
        break;
    case ACCESS_DENIED:
        if (need->refused++ == 0) {
            need->scope = strdup(scope);
            need->file = needs->file;
            need->line = needs->line;
        }
        break;
    }
}

/* ---- what a plan needs ---- */

static void need_of_instance(struct needs *needs, const struct item *item)
{
    static const struct {
        enum todo todo;
        const char *action;
    } todos[] = {
        { TODO_PUT, RBAC_WRITE },
        { TODO_IDLE, RBAC_UPDATE_IDLE_SHUTDOWN },
        { TODO_START, RBAC_START },
        { TODO_STOP, RBAC_STOP },
    };
    const struct plan_step *step = &item->step;
    bool makes = step->action == PLAN_CREATE || step->action == PLAN_REPLACE;
    bool changes =
        step->action == PLAN_UPDATE || step->action == PLAN_START || step->action == PLAN_STOP;
    char *scope = check_scope_of(needs->check, item);
    needs->moment = ACCESS_WITH_GRANTS;
    needs->file = step->file;
    needs->line = step->line;
    if (step->action == PLAN_DELETE || step->action == PLAN_REPLACE)
        add_need(needs, RBAC_DELETE, scope);
    if (makes) {
        add_need(needs, RBAC_WRITE, scope);
        add_need(needs, RBAC_CHECK_NAME, needs->check->place);
        if (text_equal(plan_item_power(needs->check->plan, item), "stopped"))
            add_need(needs, RBAC_STOP, scope);
    }
    for (size_t i = 0; changes && i < COUNT(todos); i++)
        if (item->diff.todo & todos[i].todo)
            add_need(needs, todos[i].action, scope);
    /* What is there is looked at before it is changed. */
    if (step->action != PLAN_UNCHANGED && step->action != PLAN_CREATE)
        add_need(needs, RBAC_READ, scope);
    free(scope);
}

static bool has_scope(const cJSON *scopes, const char *scope)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, scopes)
    {
        if (text_equal_nocase(entry->valuestring, scope))
            return true;
    }
    return false;
}

/* Who changes a role must be allowed to wherever it can be assigned, before and after. */
static void need_of_role(struct needs *needs, const struct access_change *change)
{
    const char *action = change->makes ? RBAC_ROLE_WRITE : RBAC_ROLE_DELETE;
    const cJSON *old = NULL, *entry;
    (void)access_find_role(access_roles(needs->check->access), change->name, &old, NULL);
    const cJSON *before = json_at(old, "properties.assignableScopes");
    const cJSON *after = json_at(change->role, "properties.assignableScopes");
    if (!has_scope(before, change->scope) && !has_scope(after, change->scope))
        add_need(needs, action, change->scope);
    cJSON_ArrayForEach(entry, after) add_need(needs, action, entry->valuestring);
    cJSON_ArrayForEach(entry, before)
    {
        if (!has_scope(after, entry->valuestring))
            add_need(needs, action, entry->valuestring);
    }
}

/* A change is made while those of the moment before hold. */
static void need_of_change(struct needs *needs, const struct access_change *change)
{
    needs->moment = (enum access_moment)(change->moment - 1);
    needs->file = change->file;
    needs->line = change->line;
    if (!change->is_role) {
        add_need(needs, change->makes ? RBAC_GRANT : RBAC_REVOKE, change->scope);
        return;
    }
    if (!change->makes)
        needs->moment = ACCESS_AFTER; /* roles go when nothing gives them any more */
    need_of_role(needs, change);
}

/* ---- findings ---- */

/* The widest scope at which something is refused, when it is above the workspace; or the workspace. */
static const char *widest(const struct needs *needs)
{
    const char *scope = needs->check->place;
    for (size_t i = 0; i < needs->count; i++)
        if (needs->items[i].scope && rbac_scope_covers(needs->items[i].scope, scope))
            scope = needs->items[i].scope;
    return scope;
}

/* The smallest built-in role that gives all that is refused; the caller's to free(). */
static char *mend_of(const struct needs *needs)
{
    const char *actions[NEEDS_MAX];
    const struct workspace_ref here = plan_workspace_ref(needs->check->plan);
    struct buffer text = { 0 };
    char *out = NULL;
    size_t count = 0;
    for (size_t i = 0; i < needs->count; i++)
        if (needs->items[i].refused > 0)
            actions[count++] = needs->items[i].action;
    const struct rbac_role *role = rbac_builtin_role_for_all(actions, count);
    if (!role)
        return NULL;
    buffer_format(&text, "somebody who may grant has to: moonfleet grant '%s' --to %s --at ",
                  role->name, check_name(needs->check, needs->caller));
    scope_say(&text, widest(needs), &here);
    return buffer_detach(&text, &out, NULL, NULL) == 0 ? out : NULL;
}

static void refuse(const struct needs *needs, const struct need *need, const char *mend)
{
    char scope[RBAC_SCOPE_MAX + 1], more[64] = "";
    const struct plan_check finding = { .name = CHECK_CALLER,
                                        .status = PLAN_CHECK_FAILURE,
                                        .subject = rbac_action_word(need->action),
                                        .mend = mend,
                                        .file = need->file,
                                        .line = need->line };
    const char *doing = rbac_action_doing(need->action);
    if (need->refused > 1)
        (void)snprintf(more, sizeof more, " and %zu more", need->refused - 1);
    check_add(needs->check->plan, &finding, "%s may not %s (%s) at %s%s",
              check_name(needs->check, needs->caller), doing ? doing : "do that",
              rbac_action_word(need->action),
              rbac_scope_text(scope, sizeof scope, need->scope ? need->scope : "?"), more);
}

/* "computes/write, computes/delete" of those that `which` counts. */
static void list_actions(const struct needs *needs, size_t offset, struct buffer *out)
{
    for (size_t i = 0; i < needs->count; i++) {
        const size_t *counted =
            (const size_t *)(const void *)((const char *)&needs->items[i] + offset);
        if (*counted > 0)
            buffer_format(out, "%s%s", out->size ? ", " : "",
                          rbac_action_word(needs->items[i].action));
    }
}

static void tell(const struct needs *needs, enum plan_check_status status, size_t offset,
                 const char *format)
{
    struct buffer actions = { 0 };
    const struct plan_check finding = { .name = CHECK_CALLER, .status = status };
    list_actions(needs, offset, &actions);
    if (actions.size > 0)
        check_add(needs->check->plan, &finding, "%s %s: %s",
                  check_name(needs->check, needs->caller), format, actions.data);
    buffer_clear(&actions);
}

static void tell_all(const struct needs *needs)
{
    size_t refused = 0, open = 0;
    char *mend = NULL;
    for (size_t i = 0; i < needs->count; i++) {
        refused += needs->items[i].refused;
        open += needs->items[i].unknown + needs->items[i].conditional + needs->items[i].lost;
    }
    if (refused > 0)
        mend = mend_of(needs);
    for (size_t i = 0, told = 0; i < needs->count; i++)
        if (needs->items[i].refused > 0)
            refuse(needs, &needs->items[i], told++ == 0 ? mend : NULL);
    free(mend);
    tell(needs, PLAN_CHECK_WARNING, offsetof(struct need, conditional),
         "may do this only on a condition, which the plane decides");
    tell(needs, PLAN_CHECK_WARNING, offsetof(struct need, lost),
         "loses this right by this very plan, perhaps before all of it is done");
    tell(needs, PLAN_CHECK_UNKNOWN, offsetof(struct need, unknown), "may or may not do this");
    if (refused == 0 && open == 0)
        tell(needs, PLAN_CHECK_OK, offsetof(struct need, count),
             access_unknown(needs->check->access) & ACCESS_DENIES
                 ? "may do all that this needs, unless a deny assignment that they may not read is "
                   "in the way"
                 : "may do all that this needs");
}

void check_caller(const struct access_check *check)
{
    struct needs needs = { .check = check, .caller = access_caller(check->access) };
    for (size_t i = 0; i < check->plan->count; i++)
        if (check->plan->items[i].type == &resource_instance)
            need_of_instance(&needs, &check->plan->items[i]);
    for (size_t i = 0; i < check->changes.count; i++)
        need_of_change(&needs, &check->changes.items[i]);
    tell_all(&needs);
    for (size_t i = 0; i < needs.count; i++)
        free(needs.items[i].scope);
}
