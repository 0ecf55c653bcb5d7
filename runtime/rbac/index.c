/* index.c - the index that a decision uses, made once from what a policy was given. */
#include <stdlib.h>
#include <string.h>

#include "rbac/policy_private.h"

/* Makes an array of `count` zeroed items (one at least, so that NULL always means no memory). */
static void *array(size_t count, size_t item_size)
{
    return calloc(count ? count : 1, item_size);
}

/* Sorts pairs by `from`: ranges[n] tells where the `to`s of n are in *out_ids. */
static int group_pairs(const struct pair *pairs, uint32_t pair_count, uint32_t count,
                       struct range **out_ranges, uint32_t **out_ids)
{
    *out_ranges = array(count, sizeof **out_ranges);
    *out_ids = array(pair_count, sizeof **out_ids);
    if (!*out_ranges || !*out_ids)
        return ERROR_NO_MEMORY;
    for (uint32_t i = 0; i < pair_count; i++)
        (*out_ranges)[pairs[i].from].count++;
    uint32_t first = 0;
    for (uint32_t i = 0; i < count; i++) {
        (*out_ranges)[i].first = first;
        first += (*out_ranges)[i].count;
        (*out_ranges)[i].count = 0;
    }
    for (uint32_t i = 0; i < pair_count; i++) {
        struct range *range = &(*out_ranges)[pairs[i].from];
        (*out_ids)[range->first + range->count++] = pairs[i].to;
    }
    return 0;
}

/* A growing list of numbers. */
struct list {
    uint32_t *items;
    size_t count, capacity;
};

static int list_add(struct list *list, uint32_t item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 256;
        if (list->count >= RBAC_CLOSURE_MAX)
            return ERROR_TOO_LARGE;
        uint32_t *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return ERROR_NO_MEMORY;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return 0;
}

/* --- Roles and deny assignments: patterns made ready */

static void count_patterns(const struct rbac_permission *permissions, size_t count,
                           struct rbac_policy *policy)
{
    for (size_t i = 0; i < count; i++) {
        policy->pattern_count +=
            (uint32_t)(permissions[i].actions.count + permissions[i].not_actions.count +
                       permissions[i].data_actions.count + permissions[i].not_data_actions.count);
    }
    policy->rule_count += (uint32_t)(count * PLANES);
}

static int ready_patterns(struct rbac_policy *policy, const struct rbac_strings *strings,
                          struct range *out)
{
    *out = (struct range) { policy->pattern_count, (uint32_t)strings->count };
    for (size_t i = 0; i < strings->count; i++) {
        char *scratch = arena_take(&policy->arena, strlen(strings->items[i]) + 1);
        if (!scratch)
            return ERROR_NO_MEMORY;
        rbac_pattern_init(&policy->patterns[policy->pattern_count++], strings->items[i], scratch);
    }
    return 0;
}

static int ready_permissions(struct rbac_policy *policy, const struct rbac_permission *permissions,
                             size_t count, struct range *out)
{
    *out = (struct range) { policy->rule_count, (uint32_t)count };
    for (size_t i = 0; i < count; i++) {
        const struct rbac_permission *permission = &permissions[i];
        struct rules *rules = &policy->rules[policy->rule_count];
        int rc = ready_patterns(policy, &permission->actions, &rules[0].gives);
        if (rc == 0)
            rc = ready_patterns(policy, &permission->not_actions, &rules[0].less);
        if (rc == 0)
            rc = ready_patterns(policy, &permission->data_actions, &rules[1].gives);
        if (rc == 0)
            rc = ready_patterns(policy, &permission->not_data_actions, &rules[1].less);
        if (rc < 0)
            return rc;
        policy->rule_count += PLANES;
    }
    return 0;
}

static int build_rules(struct rbac_policy *policy)
{
    for (uint32_t i = 0; i < policy->role_count; i++)
        count_patterns(policy->roles[i].shown.permissions, policy->roles[i].shown.permission_count,
                       policy);
    for (uint32_t i = 0; i < policy->deny_count; i++)
        count_patterns(policy->denies[i].shown.permissions,
                       policy->denies[i].shown.permission_count, policy);
    policy->patterns = array(policy->pattern_count, sizeof *policy->patterns);
    policy->rules = array(policy->rule_count, sizeof *policy->rules);
    policy->role_of_key = array(policy->role_keys.count, sizeof *policy->role_of_key);
    if (!policy->patterns || !policy->rules || !policy->role_of_key)
        return ERROR_NO_MEMORY;
    policy->pattern_count = 0;
    policy->rule_count = 0;
    memset(policy->role_of_key, 0xFF, policy->role_keys.count * sizeof *policy->role_of_key);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < policy->role_count; i++) {
        struct given_role *role = &policy->roles[i];
        policy->role_of_key[role->key] = i;
        rc = ready_permissions(policy, role->shown.permissions, role->shown.permission_count,
                               &role->permits);
    }
    for (uint32_t i = 0; rc == 0 && i < policy->deny_count; i++) {
        struct given_deny *deny = &policy->denies[i];
        rc = ready_permissions(policy, deny->shown.permissions, deny->shown.permission_count,
                               &deny->permits);
    }
    return rc;
}

/* --- Assignments by scope and principal */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->scope != y->scope)
        return x->scope < y->scope ? -1 : 1;
    if (x->principal != y->principal)
        return x->principal < y->principal ? -1 : 1;
    if (x->role != y->role)
        return x->role < y->role ? -1 : 1;
    return (int)x->condition - (int)y->condition;
}

static void drop_twins(struct rbac_policy *policy)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < policy->entry_count; i++) {
        if (kept == 0 || compare_entries(&policy->entries[kept - 1], &policy->entries[i]) != 0)
            policy->entries[kept++] = policy->entries[i];
    }
    policy->entry_count = kept;
}

static void point_at_entries(struct rbac_policy *policy)
{
    size_t mask = policy->finger_count - 1;
    for (uint32_t i = 0; i < policy->entry_count; i++) {
        const struct entry *entry = &policy->entries[i];
        struct place *place = &policy->places[entry->scope];
        if (place->entries.count++ == 0)
            place->entries.first = i;
        place->signature |= signature(entry->principal);
        if (i > 0 && entry[-1].scope == entry->scope && entry[-1].principal == entry->principal)
            continue;
        size_t at = finger_hash(entry->scope, entry->principal) & mask;
        while (policy->fingers[at].scope != NAME_NONE)
            at = (at + 1) & mask;
        policy->fingers[at] = (struct finger) { entry->scope, entry->principal, i };
    }
}

static int build_entries(struct rbac_policy *policy)
{
    policy->entries = array(policy->assignment_count, sizeof *policy->entries);
    policy->places = array(policy->scopes.count, sizeof *policy->places);
    if (!policy->entries || !policy->places)
        return ERROR_NO_MEMORY;
    for (uint32_t i = 0; i < policy->assignment_count; i++) {
        const struct given_assignment *given = &policy->assignments[i];
        uint32_t role = policy->role_of_key[given->role_key];
        if (role != NAME_NONE)
            policy->entries[policy->entry_count++] =
                (struct entry) { given->principal, role, given->scope, mark(given->principal),
                                 given->shown.has_condition };
    }
    qsort(policy->entries, policy->entry_count, sizeof *policy->entries, compare_entries);
    drop_twins(policy);
    policy->finger_count = 16;
    while (policy->finger_count < policy->entry_count * (size_t)2)
        policy->finger_count *= 2;
    policy->fingers = malloc(policy->finger_count * sizeof *policy->fingers);
    if (!policy->fingers)
        return ERROR_NO_MEMORY;
    memset(policy->fingers, 0xFF, policy->finger_count * sizeof *policy->fingers);
    point_at_entries(policy);
    return 0;
}

/* Deny assignments by scope: counted, then put in their order. */
static int build_denies(struct rbac_policy *policy)
{
    policy->deny_order = array(policy->deny_count, sizeof *policy->deny_order);
    if (!policy->deny_order)
        return ERROR_NO_MEMORY;
    for (uint32_t i = 0; i < policy->deny_count; i++)
        policy->places[policy->denies[i].scope].denies.count++;
    uint32_t first = 0;
    for (uint32_t i = 0; i < policy->scopes.count; i++) {
        struct range *denies = &policy->places[i].denies;
        denies->first = first;
        first += denies->count;
        denies->count = 0;
    }
    for (uint32_t i = 0; i < policy->deny_count; i++) {
        struct range *denies = &policy->places[policy->denies[i].scope].denies;
        policy->deny_order[denies->first + denies->count++] = i;
    }
    return 0;
}

/* --- Scopes above scopes, by their texts and by way of management groups */

struct climb {
    struct range *parents; /* scope → its parents, in parent_ids */
    uint32_t *parent_ids;
    uint32_t *seen; /* scope → the climb that met it last */
    uint32_t turn;
    struct list trails;
};

/* Adds a scope and what stands above it in its own text, nearest first, each once a climb. */
static int climb_to(const struct rbac_policy *policy, struct climb *climb, uint32_t scope)
{
    struct rbac_scope read = { .hashes = { policy->scopes.items[0].hash } };
    if (scope != 0)
        (void)rbac_scope_read(&read, policy->scopes.items[scope].text);
    for (size_t i = read.count + 1; i-- > 0;) {
        uint32_t found = names_find(&policy->scopes, read.text, read.ends[i], read.hashes[i]);
        if (found == NAME_NONE || climb->seen[found] == climb->turn)
            continue;
        climb->seen[found] = climb->turn;
        int rc = list_add(&climb->trails, found);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int climb_from(const struct rbac_policy *policy, struct climb *climb, uint32_t scope)
{
    size_t first = climb->trails.count;
    climb->turn = scope + 1;
    int rc = climb_to(policy, climb, scope);
    for (size_t at = first; rc == 0 && at < climb->trails.count; at++) {
        struct range parents = climb->parents[climb->trails.items[at]];
        for (uint32_t i = 0; rc == 0 && i < parents.count; i++)
            rc = climb_to(policy, climb, climb->parent_ids[parents.first + i]);
    }
    policy->places[scope].trail =
        (struct range) { (uint32_t)first, (uint32_t)(climb->trails.count - first) };
    return rc;
}

static int build_trails(struct rbac_policy *policy)
{
    struct climb climb = { 0 };
    int rc = group_pairs(policy->parents, policy->parent_count, policy->scopes.count,
                         &climb.parents, &climb.parent_ids);
    climb.seen = array(policy->scopes.count, sizeof *climb.seen);
    if (!climb.seen)
        rc = ERROR_NO_MEMORY;
    for (uint32_t i = 0; rc == 0 && i < policy->scopes.count; i++)
        rc = climb_from(policy, &climb, i);
    policy->trails = climb.trails.items;
    policy->trail_count = (uint32_t)climb.trails.count;
    free(climb.parents);
    free(climb.parent_ids);
    free(climb.seen);
    return rc;
}

/* --- Groups */

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Principals that an assignment or a deny assignment names: no other group can matter. */
static void mark_named(const struct rbac_policy *policy, bool *named)
{
    for (uint32_t i = 0; i < policy->entry_count; i++)
        named[policy->entries[i].principal] = true;
    for (uint32_t i = 0; i < policy->deny_count; i++) {
        const struct given_deny *deny = &policy->denies[i];
        for (size_t k = 0; k < deny->shown.principals.count; k++)
            named[deny->principals[k]] = true;
        for (size_t k = 0; k < deny->shown.excluded.count; k++)
            named[deny->excluded[k]] = true;
    }
}

/* Walks from one principal through all its groups; `walk` holds them as they are met. */
static int walk_groups(const struct rbac_policy *policy, uint32_t principal, uint32_t *seen,
                       struct list *walk)
{
    walk->count = 0;
    seen[principal] = principal + 1;
    int rc = list_add(walk, principal);
    for (size_t at = 0; rc == 0 && at < walk->count; at++) {
        struct range groups = policy->direct[walk->items[at]];
        for (uint32_t i = 0; rc == 0 && i < groups.count; i++) {
            uint32_t group = policy->direct_groups[groups.first + i];
            if (seen[group] == principal + 1)
                continue;
            seen[group] = principal + 1;
            rc = list_add(walk, group);
        }
    }
    return rc;
}

static int close_groups(struct rbac_policy *policy, const bool *named, uint32_t *seen,
                        struct list *walk, struct list *closed)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < policy->principals.count; i++) {
        size_t first = closed->count;
        rc = walk_groups(policy, i, seen, walk);
        for (size_t at = 0; rc == 0 && at < walk->count; at++) {
            if (!named[walk->items[at]])
                continue;
            policy->signatures[i] |= signature(walk->items[at]);
            rc = list_add(closed, walk->items[at]);
        }
        size_t count = closed->count - first;
        if (count > 1)
            qsort(closed->items + first, count, sizeof *closed->items, compare_numbers);
        policy->closed[i] = (struct range) { (uint32_t)first, (uint32_t)count };
    }
    return rc;
}

static int build_groups(struct rbac_policy *policy)
{
    uint32_t count = policy->principals.count;
    struct list walk = { 0 };
    struct list closed = { 0 };
    bool *named = array(count, sizeof *named);
    uint32_t *seen = array(count, sizeof *seen);
    policy->closed = array(count, sizeof *policy->closed);
    policy->signatures = array(count, sizeof *policy->signatures);
    int rc = group_pairs(policy->members, policy->member_count, count, &policy->direct,
                         &policy->direct_groups);
    if (!named || !seen || !policy->closed || !policy->signatures)
        rc = ERROR_NO_MEMORY;
    if (rc == 0) {
        mark_named(policy, named);
        rc = close_groups(policy, named, seen, &walk, &closed);
    }
    policy->closed_ids = closed.items;
    policy->closed_count = (uint32_t)closed.count;
    free(walk.items);
    free(named);
    free(seen);
    return rc;
}

int index_build(struct rbac_policy *policy)
{
    int rc = build_rules(policy);
    if (rc == 0)
        rc = build_entries(policy);
    if (rc == 0)
        rc = build_denies(policy);
    if (rc == 0)
        rc = build_trails(policy);
    if (rc == 0)
        rc = build_groups(policy);
    return rc;
}
