/* explain.c - the same decision once more, by looking at everything, to be able to say why. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rbac/builtin_roles.h"
#include "rbac/policy_private.h"

#define FAR UINT32_MAX
#define NEAR_OWN 0x8000   /* a scope of the question's own text: more the deeper it is */
#define NEAR_ABOVE 0x7000 /* a scope reached through management groups: less the higher it is */

/* How far an assignment is from giving the action.  Sorted: a lower rank is told first. */
enum rank {
    RANK_PLAIN,
    RANK_CONDITION,
    RANK_NOT_ACTION,
    RANK_OTHER_PLANE,
    RANK_SCOPE,
    RANK_ROLE_GONE,
    RANK_NOTHING,
};

struct finding {
    enum rank rank;
    uint32_t steps; /* group by group, from the asker to the assignment's principal */
    uint32_t near;  /* how near its scope is; for RANK_SCOPE the segments that both share */
    const struct given_assignment *assignment;
    const struct given_role *role;
    const struct rbac_pattern *gives, *less;
};

struct search {
    const struct rbac_policy *policy;
    struct rbac_action action;
    struct rbac_scope scope;
    uint32_t own; /* the question's scope, or NAME_NONE */
    uint32_t plane;
    const char *principal_id;
    uint32_t *steps; /* principal → steps from the asker, or FAR */
    uint32_t *via;   /* principal → who brought us there */
    uint32_t *queue;
    uint16_t *near; /* scope → nearness, 0: does not cover the question's */
};

static void find_groups(struct search *search, uint32_t principal)
{
    const struct rbac_policy *policy = search->policy;
    uint32_t count = 0;
    memset(search->steps, 0xFF, policy->principals.count * sizeof *search->steps);
    if (principal == NAME_NONE)
        return;
    search->steps[principal] = 0;
    search->queue[count++] = principal;
    for (uint32_t at = 0; at < count; at++) {
        uint32_t member = search->queue[at];
        struct range groups = policy->direct[member];
        for (uint32_t i = 0; i < groups.count; i++) {
            uint32_t group = policy->direct_groups[groups.first + i];
            if (search->steps[group] != FAR)
                continue;
            search->steps[group] = search->steps[member] + 1;
            search->via[group] = member;
            search->queue[count++] = group;
        }
    }
}

/* Does the scope begin with those segments? */
static bool begins(const struct name *name, const struct rbac_scope *scope)
{
    return name->size <= scope->size && memcmp(name->text, scope->text, name->size) == 0 &&
           (name->size == scope->size || scope->text[name->size] == '/');
}

static void find_scopes(struct search *search)
{
    const struct rbac_policy *policy = search->policy;
    bool exact;
    uint32_t found = scope_find(policy, &search->scope, &exact);
    struct range trail = policy->places[found].trail;
    search->own = exact ? found : NAME_NONE;
    for (uint32_t i = 0; i < trail.count; i++) {
        uint32_t scope = policy->trails[trail.first + i];
        const struct name *name = &policy->scopes.items[scope];
        if (name->size == 0)
            search->near[scope] = 1; /* "/" */
        else if (begins(name, &search->scope))
            search->near[scope] = (uint16_t)(NEAR_OWN + name->size);
        else
            search->near[scope] = (uint16_t)(i < NEAR_ABOVE - 2 ? NEAR_ABOVE - i : 2);
    }
}

static uint32_t shared_segments(const struct search *search, uint32_t scope)
{
    struct rbac_scope other;
    uint32_t shared = 0;
    if (!rbac_scope_read(&other, search->policy->scopes.items[scope].text))
        return 0;
    while (shared < other.count && shared < search->scope.count &&
           other.hashes[shared + 1] == search->scope.hashes[shared + 1])
        shared++;
    return shared;
}

/* --- Roles */

/* Do the permissions give the action on that plane?  The patterns tell which decided; *less is set
 * only when nothing gives it and a notAction was in the way. */
static bool permits(const struct search *search, struct range permissions, uint32_t plane,
                    const struct rbac_pattern **gives, const struct rbac_pattern **less)
{
    const struct rules *rules = search->policy->rules + permissions.first + plane;
    *gives = NULL;
    *less = NULL;
    for (uint32_t i = 0; i < permissions.count; i++, rules += PLANES) {
        const struct rbac_pattern *a = NULL;
        const struct rbac_pattern *b = NULL;
        if (rules_give(search->policy, rules, &search->action, &a, &b)) {
            *gives = a;
            *less = NULL;
            return true;
        }
        if (a && !*gives) {
            *gives = a;
            *less = b;
        }
    }
    return false;
}

static void rank_role(const struct search *search, bool here, struct finding *finding)
{
    const struct rbac_pattern *gives;
    const struct rbac_pattern *less;
    if (permits(search, finding->role->permits, search->plane, &gives, &less)) {
        finding->rank = RANK_SCOPE;
        if (here)
            finding->rank = finding->assignment->shown.has_condition ? RANK_CONDITION : RANK_PLAIN;
    } else if (!here) {
        return;
    } else if (gives) {
        finding->rank = RANK_NOT_ACTION;
    } else if (permits(search, finding->role->permits, 1 - search->plane, &gives, &less)) {
        finding->rank = RANK_OTHER_PLANE;
    } else {
        return;
    }
    finding->gives = gives;
    finding->less = less;
}

static struct finding judge(const struct search *search, const struct given_assignment *assignment)
{
    const struct rbac_policy *policy = search->policy;
    struct finding finding = { .rank = RANK_NOTHING, .assignment = assignment };
    finding.steps = search->steps[assignment->principal];
    finding.near = search->near[assignment->scope];
    if (finding.steps == FAR)
        return finding;
    uint32_t role = policy->role_of_key[assignment->role_key];
    if (role == NAME_NONE) {
        if (finding.near > 0)
            finding.rank = RANK_ROLE_GONE;
        return finding;
    }
    finding.role = &policy->roles[role];
    rank_role(search, finding.near > 0, &finding);
    if (finding.rank == RANK_SCOPE)
        finding.near = shared_segments(search, assignment->scope);
    return finding;
}

/* Is `a` to be told rather than `b`, which was added before it? */
static bool tells_more(const struct finding *a, const struct finding *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->rank == RANK_SCOPE && a->near != b->near)
        return a->near > b->near;
    if (a->steps != b->steps)
        return a->steps < b->steps;
    return a->near > b->near;
}

static struct finding best_assignment(const struct search *search)
{
    struct finding best = { .rank = RANK_NOTHING };
    for (uint32_t i = 0; i < search->policy->assignment_count; i++) {
        struct finding finding = judge(search, &search->policy->assignments[i]);
        if (finding.rank != RANK_NOTHING && tells_more(&finding, &best))
            best = finding;
    }
    return best;
}

/* --- Denies */

static uint32_t nearest(const struct search *search, const uint32_t *ids, size_t count)
{
    uint32_t best = NAME_NONE;
    for (size_t i = 0; i < count; i++) {
        if (search->steps[ids[i]] != FAR &&
            (best == NAME_NONE || search->steps[ids[i]] < search->steps[best]))
            best = ids[i];
    }
    return best;
}

static bool deny_hits(const struct search *search, const struct given_deny *deny,
                      const struct rbac_pattern **gives)
{
    const struct rbac_pattern *less;
    const struct rbac_deny *shown = &deny->shown;
    if (search->near[deny->scope] == 0 || (shown->not_child_scopes && deny->scope != search->own) ||
        nearest(search, deny->excluded, shown->excluded.count) != NAME_NONE)
        return false;
    return (deny->everyone ||
            nearest(search, deny->principals, shown->principals.count) != NAME_NONE) &&
           permits(search, deny->permits, search->plane, gives, &less);
}

/* The first one that hits, one without a condition before any with one. */
static const struct given_deny *best_deny(const struct search *search,
                                          const struct rbac_pattern **out_gives)
{
    const struct given_deny *best = NULL;
    for (uint32_t i = 0; i < search->policy->deny_count; i++) {
        const struct given_deny *deny = &search->policy->denies[i];
        const struct rbac_pattern *gives;
        if ((best && (deny->shown.has_condition || !best->shown.has_condition)) ||
            !deny_hits(search, deny, &gives))
            continue;
        best = deny;
        *out_gives = gives;
    }
    return best;
}

/* --- The answer */

static void trace(const struct search *search, uint32_t named, struct rbac_path *out)
{
    *out = (struct rbac_path) { .count = 1 };
    out->ids[0] = search->principal_id;
    if (named == NAME_NONE)
        return;
    uint32_t steps = search->steps[named];
    uint32_t skipped = steps < RBAC_PATH_MAX ? 0 : steps + 1 - RBAC_PATH_MAX;
    out->count = steps + 1 - skipped;
    out->gap = skipped ? RBAC_PATH_MAX / 2 : 0;
    for (uint32_t at = steps; at > 0; at--, named = search->via[named]) {
        if (skipped == 0 || at < out->gap)
            out->ids[at] = search->policy->principals.items[named].text;
        else if (at >= out->gap + skipped)
            out->ids[at - skipped] = search->policy->principals.items[named].text;
    }
}

static void tell_assignment(const struct search *search, const struct finding *finding,
                            struct rbac_explanation *out)
{
    out->assignment = &finding->assignment->shown;
    out->role = finding->role ? &finding->role->shown : NULL;
    out->pattern = finding->gives ? finding->gives->original : NULL;
    out->not_pattern = finding->less ? finding->less->original : NULL;
    trace(search, finding->assignment->principal, &out->path);
}

static void tell_deny(const struct search *search, const struct given_deny *deny,
                      const struct rbac_pattern *gives, struct rbac_explanation *out)
{
    out->deny = &deny->shown;
    out->deny_pattern = gives->original;
    trace(search, nearest(search, deny->principals, deny->shown.principals.count), &out->deny_path);
}

static void conclude(const struct search *search, struct rbac_explanation *out)
{
    static const enum rbac_because because[] = {
        [RANK_PLAIN] = RBAC_BECAUSE_ASSIGNMENT,      [RANK_CONDITION] = RBAC_BECAUSE_ASSIGNMENT,
        [RANK_NOT_ACTION] = RBAC_BECAUSE_NOT_ACTION, [RANK_OTHER_PLANE] = RBAC_BECAUSE_OTHER_PLANE,
        [RANK_SCOPE] = RBAC_BECAUSE_SCOPE,           [RANK_ROLE_GONE] = RBAC_BECAUSE_ROLE_GONE,
        [RANK_NOTHING] = RBAC_BECAUSE_NOTHING,
    };
    const struct rbac_pattern *gives = NULL;
    const struct given_deny *deny = best_deny(search, &gives);
    struct finding finding = best_assignment(search);
    bool given = finding.rank <= RANK_CONDITION;
    if (deny && (!deny->shown.has_condition || finding.rank == RANK_PLAIN)) {
        out->because = RBAC_BECAUSE_DENY;
        out->verdict = deny->shown.has_condition ? RBAC_CONDITIONAL : RBAC_DENIED;
        tell_deny(search, deny, gives, out);
        if (given)
            tell_assignment(search, &finding, out);
        return;
    }
    out->because = because[finding.rank];
    out->verdict = finding.rank == RANK_PLAIN       ? RBAC_ALLOWED
                   : finding.rank == RANK_CONDITION ? RBAC_CONDITIONAL
                                                    : RBAC_DENIED;
    if (finding.rank != RANK_NOTHING)
        tell_assignment(search, &finding, out);
}

int rbac_explain(const struct rbac_policy *policy, const char *principal_id, const char *action,
                 const char *scope, bool data_action, struct rbac_explanation *out,
                 struct error *err)
{
    struct search search = { .policy = policy, .principal_id = principal_id };
    struct rbac_explanation answer = { .because = RBAC_BECAUSE_NO_QUESTION };
    assert(policy->compiled);
    if (!rbac_action_read(&search.action, action) || !rbac_scope_read(&search.scope, scope)) {
        *out = answer;
        return 0;
    }
    search.plane = data_action ? 1 : 0;
    size_t principals = policy->principals.count + (size_t)1;
    search.steps = calloc(principals, sizeof *search.steps);
    search.via = calloc(principals, sizeof *search.via);
    search.queue = calloc(principals, sizeof *search.queue);
    search.near = calloc(policy->scopes.count, sizeof *search.near);
    int rc = 0;
    if (search.steps && search.via && search.queue && search.near) {
        find_groups(&search, policy_principal(policy, principal_id));
        find_scopes(&search);
        conclude(&search, &answer);
        if (answer.verdict == RBAC_DENIED && answer.because != RBAC_BECAUSE_DENY)
            answer.suggestion = rbac_builtin_role_for(action, data_action);
        *out = answer;
    } else {
        rc = error_set(err, ERROR_NO_MEMORY, "out of memory for an explanation");
    }
    free(search.steps);
    free(search.via);
    free(search.queue);
    free(search.near);
    return rc;
}

static const char *first_cover(const struct rbac_strings *patterns, const char *action)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (rbac_pattern_covers(patterns->items[i], action))
            return patterns->items[i];
    }
    return NULL;
}

bool rbac_role_gives(const struct rbac_role *role, const char *action, bool data_action,
                     const char **out_pattern, const char **out_not_pattern)
{
    const char *gives = NULL;
    const char *less = NULL;
    bool given = false;
    for (size_t i = 0; i < role->permission_count && !given; i++) {
        const struct rbac_permission *permission = &role->permissions[i];
        const char *found =
            first_cover(data_action ? &permission->data_actions : &permission->actions, action);
        if (!found)
            continue;
        const char *taken = first_cover(
            data_action ? &permission->not_data_actions : &permission->not_actions, action);
        given = !taken;
        if (given || !gives) {
            gives = found;
            less = taken;
        }
    }
    if (out_pattern)
        *out_pattern = gives;
    if (out_not_pattern)
        *out_not_pattern = less;
    return given;
}
