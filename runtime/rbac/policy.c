/* policy.c - taking the inputs in: copies, numbers, caps.  The index is made in index.c. */
#include "rbac/policy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rbac/builtin_roles.h"
#include "rbac/fold.h"
#include "rbac/policy_private.h"

/* Texts that are shown are kept as they were written, so they must not share a hash function that
 * folds; the seed alone would not do. */
static uint64_t exact_hash(const char *text, size_t size)
{
    uint64_t hash = FOLD_SEED;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, text + at, size - at < 8 ? size - at : 8);
        hash = fold_mix(hash, word);
    }
    return fold_mix(hash, size);
}

struct rbac_policy *rbac_policy_new(void)
{
    struct rbac_policy *policy = calloc(1, sizeof *policy);
    if (policy && names_add(&policy->scopes, &policy->arena, "", 0, FOLD_SEED) == NAME_NONE) {
        rbac_policy_free(policy);
        return NULL;
    }
    return policy;
}

void rbac_policy_free(struct rbac_policy *policy)
{
    if (!policy)
        return;
    names_clear(&policy->principals);
    names_clear(&policy->scopes);
    names_clear(&policy->role_keys);
    names_clear(&policy->texts);
    free(policy->roles);
    free(policy->assignments);
    free(policy->denies);
    free(policy->members);
    free(policy->parents);
    free(policy->patterns);
    free(policy->rules);
    free(policy->role_of_key);
    free(policy->entries);
    free(policy->fingers);
    free(policy->places);
    free(policy->deny_order);
    free(policy->trails);
    free(policy->direct);
    free(policy->direct_groups);
    free(policy->closed);
    free(policy->closed_ids);
    free(policy->signatures);
    arena_clear(&policy->arena);
    free(policy);
}

/* --- Numbers */

/* Folds an id into `out`; false when it is missing, empty or too long. */
static bool fold_id(const char *id, char out[RBAC_ID_MAX], size_t *out_size, uint64_t *out_hash)
{
    size_t size = id ? strnlen(id, RBAC_ID_MAX + 1) : 0;
    if (size == 0 || size > RBAC_ID_MAX)
        return false;
    *out_size = size;
    *out_hash = fold_text(out, id, size, FOLD_SEED);
    return true;
}

/* "<…>/roleDefinitions/<GUID>" and "<GUID>" are the same role. */
static const char *role_guid(const char *id)
{
    const char *slash = id ? strrchr(id, '/') : NULL;
    return slash ? slash + 1 : id;
}

static uint32_t find(const struct names *names, const char *id)
{
    char folded[RBAC_ID_MAX];
    size_t size;
    uint64_t hash;
    return fold_id(id, folded, &size, &hash) ? names_find(names, folded, size, hash) : NAME_NONE;
}

uint32_t policy_principal(const struct rbac_policy *policy, const char *id)
{
    return find(&policy->principals, id);
}

uint32_t policy_role(const struct rbac_policy *policy, const char *id)
{
    uint32_t key = find(&policy->role_keys, role_guid(id));
    return key == NAME_NONE ? NAME_NONE : policy->role_of_key[key];
}

static int no_memory(struct error *err)
{
    return error_set(err, ERROR_NO_MEMORY, "out of memory for the access policy");
}

static int number(struct rbac_policy *policy, struct names *names, const char *id, const char *what,
                  uint32_t *out, struct error *err)
{
    char folded[RBAC_ID_MAX];
    size_t size;
    uint64_t hash;
    if (!fold_id(id, folded, &size, &hash)) {
        if (id && *id)
            return error_set(err, ERROR_TOO_LARGE, "%s is longer than %d bytes", what, RBAC_ID_MAX);
        return error_set(err, ERROR_INVALID, "%s is missing", what);
    }
    *out = names_add(names, &policy->arena, folded, size, hash);
    return *out == NAME_NONE ? no_memory(err) : 0;
}

static int number_scope(struct rbac_policy *policy, const char *scope, uint32_t *out,
                        struct error *err)
{
    struct rbac_scope read;
    if (!scope || *scope != '/')
        return error_set(err, ERROR_INVALID, "'%s' is no scope: it must begin with '/'",
                         scope ? scope : "");
    if (!rbac_scope_read(&read, scope))
        return error_set(err, ERROR_TOO_LARGE, "a scope has more than %d bytes or %d segments",
                         RBAC_SCOPE_MAX, RBAC_SEGMENTS_MAX);
    *out =
        names_add(&policy->scopes, &policy->arena, read.text, read.size, read.hashes[read.count]);
    return *out == NAME_NONE ? no_memory(err) : 0;
}

/* One copy of each text that is shown.  NULL stays NULL. */
static int keep(struct rbac_policy *policy, const char **text, struct error *err)
{
    if (!*text)
        return 0;
    size_t size = strnlen(*text, RBAC_ID_MAX + 1);
    if (size > RBAC_ID_MAX)
        return error_set(err, ERROR_TOO_LARGE,
                         "a text of the access policy is longer than %d bytes", RBAC_ID_MAX);
    uint32_t id = names_add(&policy->texts, &policy->arena, *text, size, exact_hash(*text, size));
    if (id == NAME_NONE)
        return no_memory(err);
    *text = policy->texts.items[id].text;
    return 0;
}

static int keep_strings(struct rbac_policy *policy, struct rbac_strings *strings, size_t max_size,
                        struct error *err)
{
    if (strings->count > RBAC_ITEMS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "a list of the access policy is too long");
    const char **items = arena_take(&policy->arena, (strings->count + 1) * sizeof *items);
    if (!items)
        return no_memory(err);
    for (size_t i = 0; i < strings->count; i++) {
        items[i] = strings->items[i];
        if (!items[i])
            return error_set(err, ERROR_INVALID, "a text of the access policy is missing");
        if (strnlen(items[i], max_size + 1) > max_size)
            return error_set(err, ERROR_TOO_LARGE, "'%.40s...' is longer than %zu bytes", items[i],
                             max_size);
        int rc = keep(policy, &items[i], err);
        if (rc < 0)
            return rc;
    }
    strings->items = items;
    return 0;
}

static int keep_permissions(struct rbac_policy *policy, const struct rbac_permission **permissions,
                            size_t count, struct error *err)
{
    if (count > RBAC_ITEMS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "a list of permissions is too long");
    struct rbac_permission *copies = arena_take(&policy->arena, (count + 1) * sizeof *copies);
    if (!copies)
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        copies[i] = (*permissions)[i];
        struct rbac_strings *lists[] = { &copies[i].actions, &copies[i].not_actions,
                                         &copies[i].data_actions, &copies[i].not_data_actions };
        for (size_t k = 0; k < COUNT(lists); k++) {
            int rc = keep_strings(policy, lists[k], RBAC_ACTION_MAX, err);
            if (rc < 0)
                return rc;
        }
    }
    *permissions = copies;
    return 0;
}

/* --- Adding */

/* Room for one more item in a growing array. */
static int grow(void *items_of, uint32_t count, uint32_t *capacity, size_t item_size,
                struct error *err)
{
    if (count < *capacity)
        return 0;
    if (count >= RBAC_ITEMS_MAX)
        return error_set(err, ERROR_TOO_LARGE, "an access policy holds at most %d of a kind",
                         RBAC_ITEMS_MAX);
    void *items;
    uint32_t more = *capacity ? *capacity * 2 : 16;
    memcpy(&items, items_of, sizeof items);
    items = realloc(items, more * item_size);
    if (!items)
        return no_memory(err);
    memcpy(items_of, &items, sizeof items);
    *capacity = more;
    return 0;
}

int rbac_policy_add_role(struct rbac_policy *policy, const struct rbac_role *role,
                         struct error *err)
{
    struct given_role copy = { .shown = *role };
    assert(!policy->compiled);
    int rc = grow(&policy->roles, policy->role_count, &policy->role_capacity, sizeof copy, err);
    if (rc == 0)
        rc = number(policy, &policy->role_keys, role_guid(role->id), "a role definition's id",
                    &copy.key, err);
    for (uint32_t i = 0; rc == 0 && i < policy->role_count; i++) {
        if (policy->roles[i].key == copy.key)
            rc = error_set(err, ERROR_CONFLICT, "the role definition %s is there twice", role->id);
    }
    if (rc == 0)
        rc = keep(policy, &copy.shown.id, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.name, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.description, err);
    if (rc == 0)
        rc = keep_permissions(policy, &copy.shown.permissions, copy.shown.permission_count, err);
    if (rc == 0)
        rc = keep_strings(policy, &copy.shown.assignable_scopes, RBAC_SCOPE_MAX, err);
    if (rc == 0)
        policy->roles[policy->role_count++] = copy;
    return rc;
}

int rbac_policy_add_builtin_roles(struct rbac_policy *policy, struct error *err)
{
    size_t count;
    const struct rbac_role *roles = rbac_builtin_roles(&count);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = rbac_policy_add_role(policy, &roles[i], err);
    return rc;
}

int rbac_policy_add_assignment(struct rbac_policy *policy, const struct rbac_assignment *assignment,
                               struct error *err)
{
    struct given_assignment copy = { .shown = *assignment };
    assert(!policy->compiled);
    int rc = grow(&policy->assignments, policy->assignment_count, &policy->assignment_capacity,
                  sizeof copy, err);
    if (rc == 0)
        rc = number(policy, &policy->principals, assignment->principal_id,
                    "an assignment's principal", &copy.principal, err);
    if (rc == 0)
        rc = number(policy, &policy->role_keys, role_guid(assignment->role_id),
                    "an assignment's role definition", &copy.role_key, err);
    if (rc == 0)
        rc = number_scope(policy, assignment->scope, &copy.scope, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.id, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.principal_id, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.role_id, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.scope, err);
    if (rc == 0)
        policy->assignments[policy->assignment_count++] = copy;
    return rc;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int number_principals(struct rbac_policy *policy, const struct rbac_strings *ids,
                             uint32_t **out, struct error *err)
{
    uint32_t *numbers = arena_take(&policy->arena, (ids->count + 1) * sizeof *numbers);
    if (!numbers)
        return no_memory(err);
    for (size_t i = 0; i < ids->count; i++) {
        int rc = number(policy, &policy->principals, ids->items[i], "a deny assignment's principal",
                        &numbers[i], err);
        if (rc < 0)
            return rc;
    }
    qsort(numbers, ids->count, sizeof *numbers, compare_numbers);
    *out = numbers;
    return 0;
}

int rbac_policy_add_deny(struct rbac_policy *policy, const struct rbac_deny *deny,
                         struct error *err)
{
    struct given_deny copy = { .shown = *deny };
    assert(!policy->compiled);
    int rc = grow(&policy->denies, policy->deny_count, &policy->deny_capacity, sizeof copy, err);
    if (rc == 0)
        rc = number_scope(policy, deny->scope, &copy.scope, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.id, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.name, err);
    if (rc == 0)
        rc = keep(policy, &copy.shown.scope, err);
    if (rc == 0)
        rc = keep_permissions(policy, &copy.shown.permissions, copy.shown.permission_count, err);
    if (rc == 0)
        rc = keep_strings(policy, &copy.shown.principals, RBAC_ID_MAX, err);
    if (rc == 0)
        rc = keep_strings(policy, &copy.shown.excluded, RBAC_ID_MAX, err);
    if (rc == 0)
        rc = number_principals(policy, &copy.shown.principals, &copy.principals, err);
    if (rc == 0)
        rc = number_principals(policy, &copy.shown.excluded, &copy.excluded, err);
    for (size_t i = 0; rc == 0 && i < deny->principals.count; i++)
        copy.everyone |= text_equal_nocase(deny->principals.items[i], RBAC_EVERYONE);
    if (rc == 0)
        policy->denies[policy->deny_count++] = copy;
    return rc;
}

int rbac_policy_add_member(struct rbac_policy *policy, const char *group_id, const char *member_id,
                           struct error *err)
{
    struct pair pair = { 0 };
    assert(!policy->compiled);
    int rc =
        grow(&policy->members, policy->member_count, &policy->member_capacity, sizeof pair, err);
    if (rc == 0)
        rc = number(policy, &policy->principals, member_id, "a group's member", &pair.from, err);
    if (rc == 0)
        rc = number(policy, &policy->principals, group_id, "a group", &pair.to, err);
    if (rc == 0)
        policy->members[policy->member_count++] = pair;
    return rc;
}

int rbac_policy_add_parent(struct rbac_policy *policy, const char *child, const char *parent,
                           struct error *err)
{
    struct pair pair = { 0 };
    assert(!policy->compiled);
    int rc =
        grow(&policy->parents, policy->parent_count, &policy->parent_capacity, sizeof pair, err);
    if (rc == 0)
        rc = number_scope(policy, child, &pair.from, err);
    if (rc == 0)
        rc = number_scope(policy, parent, &pair.to, err);
    if (rc == 0)
        policy->parents[policy->parent_count++] = pair;
    return rc;
}

/* --- Compiled */

int rbac_policy_compile(struct rbac_policy *policy, struct error *err)
{
    assert(!policy->compiled && !policy->broken);
    int rc = index_build(policy);
    policy->compiled = rc == 0;
    policy->broken = rc < 0;
    if (rc == ERROR_TOO_LARGE)
        return error_set(err, rc, "groups or scopes are nested so deep that the index exceeds %d",
                         RBAC_CLOSURE_MAX);
    return rc < 0 ? no_memory(err) : 0;
}

const struct rbac_role *rbac_policy_role(const struct rbac_policy *policy, const char *id)
{
    assert(policy->compiled);
    uint32_t role = policy_role(policy, id);
    return role == NAME_NONE ? NULL : &policy->roles[role].shown;
}

/* Does the normal form `above` begin `below`, whole segments only? */
static bool begins(const struct rbac_scope *above, const char *below, size_t size)
{
    return above->size <= size && memcmp(above->text, below, above->size) == 0 &&
           (above->size == size || below[above->size] == '/');
}

bool rbac_policy_covers(const struct rbac_policy *policy, const char *above, const char *below)
{
    struct rbac_scope high;
    struct rbac_scope low;
    bool exact;
    assert(policy->compiled);
    if (!rbac_scope_read(&high, above) || !rbac_scope_read(&low, below))
        return false;
    if (begins(&high, low.text, low.size))
        return true;
    struct range trail = policy->places[scope_find(policy, &low, &exact)].trail;
    for (uint32_t i = 0; i < trail.count; i++) {
        const struct name *name = &policy->scopes.items[policy->trails[trail.first + i]];
        if (begins(&high, name->text, name->size))
            return true;
    }
    return false;
}

size_t rbac_policy_memory(const struct rbac_policy *policy)
{
    size_t principals = policy->principals.count;
    size_t bytes = sizeof *policy + policy->arena.bytes + names_bytes(&policy->principals) +
                   names_bytes(&policy->scopes) + names_bytes(&policy->role_keys) +
                   names_bytes(&policy->texts);
    bytes += policy->role_capacity * sizeof *policy->roles +
             policy->assignment_capacity * sizeof *policy->assignments +
             policy->deny_capacity * sizeof *policy->denies +
             (policy->member_capacity + (size_t)policy->parent_capacity) * sizeof(struct pair);
    if (!policy->compiled)
        return bytes;
    bytes += policy->pattern_count * sizeof *policy->patterns +
             policy->rule_count * sizeof *policy->rules +
             policy->role_keys.count * sizeof *policy->role_of_key +
             policy->entry_count * sizeof *policy->entries +
             policy->finger_count * sizeof *policy->fingers +
             policy->scopes.count * sizeof *policy->places +
             (policy->deny_count + (size_t)policy->trail_count) * sizeof(uint32_t);
    bytes += principals * (2 * sizeof(struct range) + sizeof(uint64_t)) +
             (policy->member_count + (size_t)policy->closed_count) * sizeof(uint32_t);
    return bytes;
}
