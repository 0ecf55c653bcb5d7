/* decide.c - the decision: no allocation, no text compared twice. */
#include "rbac/decide.h"

#include <assert.h>
#include <string.h>

#include "rbac/policy_private.h"

#define TRIED_MAX 512 /* role definitions whose "no" is remembered within one question */

/* A question, with everything that is the same at every scope. */
struct question {
    const struct rbac_policy *policy;
    struct rbac_action action;
    uint32_t plane;
    uint32_t own;          /* the question's scope, or NAME_NONE when nothing is said about it */
    const uint32_t *trail; /* the scopes that cover it */
    uint32_t trail_count;
    uint32_t id_count;
    const uint32_t *ids; /* the principal and its groups, sorted */
    uint64_t signature;  /* of ids */
    bool conditional;    /* something with a condition gives it */
    uint64_t tried[TRIED_MAX / 64];
    uint64_t filter[FILTER_BITS / 64]; /* the marks of ids */
};

uint32_t scope_find(const struct rbac_policy *policy, const struct rbac_scope *scope,
                    bool *out_exact)
{
    for (size_t i = scope->count;; i--) {
        uint32_t found = names_find(&policy->scopes, scope->text, scope->ends[i], scope->hashes[i]);
        *out_exact = i == scope->count;
        if (found != NAME_NONE || i == 0)
            return found;
    }
}

static const struct rbac_pattern *first_match(const struct rbac_policy *policy, struct range range,
                                              const struct rbac_action *action)
{
    const struct rbac_pattern *patterns = policy->patterns + range.first;
    for (uint32_t i = 0; i < range.count; i++) {
        if (rbac_pattern_matches(&patterns[i], action))
            return &patterns[i];
    }
    return NULL;
}

bool rules_give(const struct rbac_policy *policy, const struct rules *rules,
                const struct rbac_action *action, const struct rbac_pattern **out_gives,
                const struct rbac_pattern **out_less)
{
    const struct rbac_pattern *gives = first_match(policy, rules->gives, action);
    if (!gives)
        return false;
    const struct rbac_pattern *less = first_match(policy, rules->less, action);
    if (out_gives)
        *out_gives = gives;
    if (out_less)
        *out_less = less;
    return !less;
}

/* Each permission is judged by itself. */
static bool permits(const struct question *question, struct range permissions)
{
    const struct rules *rules = question->policy->rules + permissions.first + question->plane;
    for (uint32_t i = 0; i < permissions.count; i++, rules += PLANES) {
        if (rules_give(question->policy, rules, &question->action, NULL, NULL))
            return true;
    }
    return false;
}

/* --- Deny assignments */

/* Have two sorted lists a common member? */
static bool meet(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
    for (size_t i = 0, k = 0; i < a_count && k < b_count;) {
        if (a[i] == b[k])
            return true;
        if (a[i] < b[k])
            i++;
        else
            k++;
    }
    return false;
}

static bool deny_hits(const struct question *question, const struct given_deny *deny)
{
    const struct rbac_deny *shown = &deny->shown;
    if (!deny->everyone &&
        !meet(question->ids, question->id_count, deny->principals, shown->principals.count))
        return false;
    return !meet(question->ids, question->id_count, deny->excluded, shown->excluded.count) &&
           permits(question, deny->permits);
}

/* RBAC_DENIED, RBAC_CONDITIONAL when only denies with a condition hit, else RBAC_ALLOWED. */
static enum rbac_verdict weigh_denies(const struct question *question, uint32_t scope)
{
    const struct rbac_policy *policy = question->policy;
    struct range denies = policy->places[scope].denies;
    enum rbac_verdict verdict = RBAC_ALLOWED;
    for (uint32_t i = 0; i < denies.count; i++) {
        const struct given_deny *deny = &policy->denies[policy->deny_order[denies.first + i]];
        if ((deny->shown.not_child_scopes && scope != question->own) || !deny_hits(question, deny))
            continue;
        if (!deny->shown.has_condition)
            return RBAC_DENIED;
        verdict = RBAC_CONDITIONAL;
    }
    return verdict;
}

static enum rbac_verdict weigh_all_denies(const struct question *question)
{
    enum rbac_verdict verdict = RBAC_ALLOWED;
    for (uint32_t i = 0; i < question->trail_count; i++) {
        enum rbac_verdict here = weigh_denies(question, question->trail[i]);
        if (here == RBAC_DENIED)
            return here;
        if (here == RBAC_CONDITIONAL)
            verdict = here;
    }
    return verdict;
}

/* --- Assignments */

static bool role_gives(struct question *question, uint32_t role)
{
    uint64_t bit = UINT64_C(1) << (role % 64);
    if (role < TRIED_MAX && (question->tried[role / 64] & bit))
        return false;
    if (permits(question, question->policy->roles[role].permits))
        return true;
    if (role < TRIED_MAX)
        question->tried[role / 64] |= bit;
    return false;
}

/* True when the entry is a plain yes. */
static bool weigh_entry(struct question *question, const struct entry *entry)
{
    if (entry->condition && question->conditional)
        return false;
    if (!role_gives(question, entry->role))
        return false;
    question->conditional |= entry->condition;
    return !entry->condition;
}

static bool is_asker(const struct question *question, uint32_t principal)
{
    uint32_t first = 0;
    uint32_t count = question->id_count;
    while (count > 0) {
        uint32_t half = count / 2;
        if (question->ids[first + half] == principal)
            return true;
        if (question->ids[first + half] < principal) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return false;
}

/* Few entries: one after the other.  The filter sorts nearly all others' out. */
static bool weigh_one_by_one(struct question *question, struct range range)
{
    const struct entry *entry = question->policy->entries + range.first;
    for (const struct entry *end = entry + range.count; entry < end; entry++) {
        if ((question->filter[entry->mark / 64] >> (entry->mark % 64)) & 1 &&
            is_asker(question, entry->principal) && weigh_entry(question, entry))
            return true;
    }
    return false;
}

/* Many entries: each of the principal's ids is looked up. */
static bool weigh_by_finger(struct question *question, uint32_t scope)
{
    const struct rbac_policy *policy = question->policy;
    size_t mask = policy->finger_count - 1;
    for (uint32_t i = 0; i < question->id_count; i++) {
        uint32_t id = question->ids[i];
        size_t at = finger_hash(scope, id) & mask;
        const struct finger *finger = &policy->fingers[at];
        while (finger->scope != NAME_NONE && (finger->scope != scope || finger->principal != id)) {
            at = (at + 1) & mask;
            finger = &policy->fingers[at];
        }
        if (finger->scope == NAME_NONE)
            continue;
        for (uint32_t k = finger->first; k < policy->entry_count; k++) {
            const struct entry *entry = &policy->entries[k];
            if (entry->scope != scope || entry->principal != id)
                break;
            if (weigh_entry(question, entry))
                return true;
        }
    }
    return false;
}

static bool weigh_place(struct question *question, uint32_t scope)
{
    const struct place *place = &question->policy->places[scope];
    if ((place->signature & question->signature) == 0)
        return false;
    if (place->entries.count <= question->id_count * 4)
        return weigh_one_by_one(question, place->entries);
    return weigh_by_finger(question, scope);
}

static void take_principal(struct question *question, uint32_t principal)
{
    const struct rbac_policy *policy = question->policy;
    question->ids = policy->closed_ids + policy->closed[principal].first;
    question->id_count = policy->closed[principal].count;
    question->signature = policy->signatures[principal];
    memset(question->filter, 0, sizeof question->filter);
    for (uint32_t i = 0; i < question->id_count; i++) {
        uint16_t bit = mark(question->ids[i]);
        question->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
}

static bool take_scope(struct question *question, const char *scope)
{
    const struct rbac_policy *policy = question->policy;
    struct rbac_scope read;
    bool exact;
    if (!rbac_scope_read(&read, scope))
        return false;
    uint32_t found = scope_find(policy, &read, &exact);
    question->own = exact ? found : NAME_NONE;
    question->trail = policy->trails + policy->places[found].trail.first;
    question->trail_count = policy->places[found].trail.count;
    return true;
}

enum rbac_verdict rbac_decide(const struct rbac_policy *policy, const char *principal_id,
                              const char *action, const char *scope, bool data_action)
{
    struct question question;
    assert(policy->compiled);
    uint32_t principal = policy_principal(policy, principal_id);
    if (principal == NAME_NONE || policy->closed[principal].count == 0)
        return RBAC_DENIED;
    question.policy = policy;
    question.plane = data_action ? 1 : 0;
    question.conditional = false;
    if (!rbac_action_read(&question.action, action) || !take_scope(&question, scope))
        return RBAC_DENIED;
    take_principal(&question, principal);
    memset(question.tried, 0, sizeof question.tried);

    enum rbac_verdict best = RBAC_ALLOWED;
    if (policy->deny_count > 0)
        best = weigh_all_denies(&question);
    if (best == RBAC_DENIED)
        return best;
    for (uint32_t i = 0; i < question.trail_count; i++) {
        if (weigh_place(&question, question.trail[i]))
            return best;
    }
    return question.conditional ? RBAC_CONDITIONAL : RBAC_DENIED;
}
