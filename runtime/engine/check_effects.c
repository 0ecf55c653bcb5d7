/* check_effects.c - what the recipe's own grants and roles change: who may do what after this apply
 * that they could not before, and the reverse. */
#include "engine/check_access.h"

#include "base/text.h"
#include "rbac/scope.h"

/* What is looked at; `weighty`: whoever gains it may gain everything. */
static const struct {
    const char *action;
    bool weighty;
} looks[] = {
    { RBAC_CHECK_NAME, false },
    { RBAC_WRITE, false },
    { RBAC_READ, false },
    { RBAC_DELETE, false },
    { RBAC_START, false },
    { RBAC_STOP, false },
    { RBAC_RESTART, false },
    { RBAC_APPLICATION_ACCESS, false },
    { RBAC_UPDATE_SCHEDULES, false },
    { RBAC_UPDATE_IDLE_SHUTDOWN, false },
    { RBAC_GRANT, true },
    { RBAC_REVOKE, false },
    { RBAC_ROLE_WRITE, true },
};

/* Somebody somewhere whom a change is about. */
struct affected {
    const char *principal_id, *scope, *file;
    int line;
};

struct effects {
    const struct access_check *check;
    struct affected *items;
    size_t count, capacity;
    bool failed; /* no memory */
};

static void add(struct effects *effects, struct affected affected)
{
    for (size_t i = 0; i < effects->count; i++)
        if (text_equal_nocase(effects->items[i].principal_id, affected.principal_id) &&
            text_equal_nocase(effects->items[i].scope, affected.scope))
            return;
    if (effects->count == effects->capacity) {
        size_t capacity = effects->capacity ? 2 * effects->capacity : 16;
        struct affected *items = realloc(effects->items, capacity * sizeof *items);
        if (!items) {
            effects->failed = true;
            return;
        }
        effects->items = items;
        effects->capacity = capacity;
    }
    effects->items[effects->count++] = affected;
}

static const char *last_of(const char *id)
{
    const char *slash = strrchr(id, '/');
    return slash ? slash + 1 : id;
}

/* Whom the change is about: the assignment's principal, or everybody who has the role already. */
static void add_affected(struct effects *effects, const struct access_change *change)
{
    const cJSON *given;
    if (change->principal_id)
        add(effects,
            (struct affected) { change->principal_id, change->scope, change->file, change->line });
    cJSON_ArrayForEach(given, access_assignments(effects->check->access))
    {
        const char *scope = json_string(given, "properties.scope", NULL);
        const char *who = json_string(given, "properties.principalId", NULL);
        const char *id =
            json_string(given, change->is_role ? "properties.roleDefinitionId" : "id", "");
        if (scope && who && text_equal_nocase(last_of(id), change->name))
            add(effects, (struct affected) { who, scope, change->file, change->line });
    }
}

/* A bit for each of `looks`. */
static unsigned look(const struct rbac_policy *policy, const struct affected *affected)
{
    unsigned bits = 0;
    for (size_t i = 0; i < COUNT(looks); i++)
        if (rbac_decide(policy, affected->principal_id, looks[i].action, affected->scope, false) !=
            RBAC_DENIED)
            bits |= 1U << i;
    return bits;
}

/* The first two of `looks`. */
#define BIT_CHECK_NAME 1U
#define BIT_WRITE 2U

/* What is gained or lost, as a phrase.  Creating asks for more than writing (the name is looked at
 * first): who has only the one may change instances, not create them. */
static void say(unsigned bits, unsigned state, struct buffer *out)
{
    const char *actions[COUNT(looks)];
    size_t count = 0;
    bool creates = (state & BIT_WRITE) && (state & BIT_CHECK_NAME);
    for (size_t i = 0; i < COUNT(looks); i++) {
        unsigned bit = 1U << i;
        if ((bits & bit) && bit != BIT_CHECK_NAME && (bit != BIT_WRITE || creates))
            actions[count++] = looks[i].action;
    }
    if ((bits & BIT_WRITE) && !creates)
        buffer_text(out, count ? "change (not create), " : "change (not create) instances");
    else if ((bits & BIT_CHECK_NAME) && creates && !(bits & BIT_WRITE))
        buffer_text(out, count ? "create, " : "create instances");
    rbac_doing_words(out, actions, count);
}

/* `bits` are gained or lost; `state` is what they have, or had.  False: there is nothing to say. */
static bool tell(const struct access_check *check, const struct affected *affected, unsigned bits,
                 unsigned state, bool gain)
{
    char scope[RBAC_SCOPE_MAX + 1], members[64] = "";
    struct buffer actions = { 0 };
    int size = access_group_size(check->access, affected->principal_id);
    bool weighty = !gain;
    for (size_t i = 0; i < COUNT(looks); i++)
        weighty = weighty || (looks[i].weighty && bits & (1U << i));
    if (size >= 0)
        (void)snprintf(members, sizeof members, " (%d %s)", size, size == 1 ? "member" : "members");
    say(bits, state, &actions);
    if (actions.size == 0)
        return false;
    const struct plan_check finding = {
        .name = CHECK_EFFECTS,
        .status = weighty ? PLAN_CHECK_WARNING : PLAN_CHECK_OK,
        .subject = check_name(check, affected->principal_id),
        .file = affected->file,
        .line = affected->line,
    };
    check_add(check->plan, &finding, "%s%s may %s %s, at %s", finding.subject, members,
              gain ? "then" : "no longer", actions.data,
              rbac_scope_text(scope, sizeof scope, affected->scope));
    buffer_clear(&actions);
    return true;
}

/* ---- roles that cannot go ---- */

static bool is_taken_back(const struct access_check *check, const char *id)
{
    for (size_t i = 0; i < check->changes.count; i++)
        if (!check->changes.items[i].makes &&
            text_equal_nocase(check->changes.items[i].name, last_of(id)))
            return true;
    return false;
}

/* A role that is still given to somebody when the plan's own grants are taken back is not deleted. */
static void tell_kept(const struct access_check *check, const struct access_change *change)
{
    const cJSON *role = NULL, *given, *first = NULL;
    char scope[RBAC_SCOPE_MAX + 1], more[64] = "";
    size_t count = 0;
    (void)access_find_role(access_roles(check->access), change->name, &role, NULL);
    cJSON_ArrayForEach(given, access_assignments(check->access))
    {
        const char *id = json_string(given, "properties.roleDefinitionId", "");
        if (text_equal_nocase(last_of(id), change->name) &&
            !is_taken_back(check, json_string(given, "id", "")))
            first = count++ == 0 ? given : first;
    }
    if (!first)
        return;
    const struct plan_check finding = {
        .name = CHECK_EFFECTS,
        .status = PLAN_CHECK_FAILURE,
        .subject = json_string(role, "properties.roleName", change->name),
        .mend = "`moonfleet revoke` what is left of it first, or keep the role in the recipe",
    };
    if (count > 1)
        (void)snprintf(more, sizeof more, ", and %zu more", count - 1);
    check_add(check->plan, &finding, "role '%s' cannot be deleted: %s still has it at %s%s",
              finding.subject, check_name(check, json_string(first, "properties.principalId", "?")),
              rbac_scope_text(scope, sizeof scope, json_string(first, "properties.scope", "?")),
              more);
}

void check_effects(const struct access_check *check)
{
    struct effects effects = { .check = check };
    size_t told = 0;
    struct plan_check finding = { .name = CHECK_EFFECTS, .status = PLAN_CHECK_UNKNOWN };
    if (check->changes.count == 0)
        return;
    if (access_unknown(check->access) & ACCESS_ASSIGNMENTS) {
        check_add(check->plan, &finding, "what the recipe's grants change is not known: %s",
                  access_unknown_reason(check->access));
        return;
    }
    for (size_t i = 0; i < check->changes.count; i++) {
        const struct access_change *change = &check->changes.items[i];
        add_affected(&effects, change);
        if (change->is_role && !change->makes)
            tell_kept(check, change);
    }
    for (size_t i = 0; i < effects.count; i++) {
        unsigned before = look(access_policy(check->access), &effects.items[i]);
        unsigned after = look(check_policy(check, ACCESS_AFTER), &effects.items[i]);
        told += tell(check, &effects.items[i], after & ~before, after, true);
        told += tell(check, &effects.items[i], before & ~after, before, false);
    }
    finding.status = PLAN_CHECK_OK;
    if (told == 0)
        check_add(check->plan, &finding,
                  "the recipe's grants and roles change nothing about instances and grants that "
                  "people could not do before");
    if (effects.failed)
        check->plan->problems.failed = true;
    free(effects.items);
}
