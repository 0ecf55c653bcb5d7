/* policy_private.h - what a policy is made of.  Private to rbac/.
 *
 * Principals, scopes and role definitions are numbers.  A decision finds the deepest scope of the
 * question's text that anything is said about; that one knows all scopes that cover it.  At each of
 * them it looks for assignments of the principal or of a group that it is in. */
#ifndef RBAC_POLICY_PRIVATE_H
#define RBAC_POLICY_PRIVATE_H

#include "rbac/decide.h"
#include "rbac/names.h"
#include "rbac/pattern.h"
#include "rbac/policy.h"
#include "rbac/scope.h"

#define PLANES 2 /* 0: actions, 1: data actions */

/* A range of some array. */
struct range {
    uint32_t first, count;
};

/* Patterns of one permission and one plane, in policy->patterns. */
struct rules {
    struct range gives, less;
};

struct given_role {
    struct rbac_role shown;
    uint32_t key;         /* in role_keys */
    struct range permits; /* in policy->rules, PLANES a permission */
};

struct given_assignment {
    struct rbac_assignment shown;
    uint32_t principal, role_key, scope;
};

struct given_deny {
    struct rbac_deny shown;
    uint32_t scope;
    bool everyone;
    uint32_t *principals, *excluded; /* in the arena, sorted; counts as in `shown` */
    struct range permits;            /* as of a role */
};

struct pair {
    uint32_t from, to;
};

/* An assignment, as far as a decision needs it.  Sorted by scope, principal, role, condition. */
struct entry {
    uint32_t principal, role;
    uint32_t scope;
    uint16_t mark; /* of its principal: see mark() */
    bool condition;
};

/* What is at one scope. */
struct place {
    struct range entries;
    struct range denies; /* in policy->deny_order */
    struct range trail;  /* in policy->trails: all scopes that cover it, itself included */
    uint64_t signature;  /* of the principals of its entries: see signature() */
};

/* Where in policy->entries a principal's entries at a scope begin. */
struct finger {
    uint32_t scope, principal; /* scope NAME_NONE: free */
    uint32_t first;
};

struct rbac_policy {
    struct arena arena;
    struct names principals; /* by folded id */
    struct names scopes;     /* by normal form; 0 is "/" */
    struct names role_keys;  /* by folded last segment */
    struct names texts;      /* what is shown, one copy of each */
    bool compiled, broken;

    struct given_role *roles;
    struct given_assignment *assignments;
    struct given_deny *denies;
    struct pair *members; /* member → group */
    struct pair *parents; /* child scope → parent scope */
    uint32_t role_count, role_capacity;
    uint32_t assignment_count, assignment_capacity;
    uint32_t deny_count, deny_capacity;
    uint32_t member_count, member_capacity;
    uint32_t parent_count, parent_capacity;

    /* The index, made by rbac_policy_compile(); counts follow from the above. */
    struct rbac_pattern *patterns;
    struct rules *rules;
    uint32_t pattern_count, rule_count;
    uint32_t *role_of_key; /* role_keys → roles, or NAME_NONE */
    struct entry *entries;
    uint32_t entry_count;
    struct finger *fingers;
    size_t finger_count; /* a power of two */
    struct place *places;
    uint32_t *deny_order;
    uint32_t *trails;
    uint32_t trail_count;
    struct range *direct; /* principal → its groups, in direct_groups */
    uint32_t *direct_groups;
    struct range *closed; /* principal → itself and all its groups that anything names, sorted */
    uint32_t *closed_ids;
    uint64_t *signatures; /* principal → signature of its closed set */
    uint32_t closed_count;
};

/* 64 bits of which each principal sets one: two sets without a common bit have no common member. */
static inline uint64_t signature(uint32_t principal)
{
    return UINT64_C(1) << ((principal * UINT32_C(0x9E3779B1)) >> 26);
}

/* Which bit of a filter of FILTER_BITS a principal sets. */
#define FILTER_BITS 512
static inline uint16_t mark(uint32_t principal)
{
    return (uint16_t)((principal * UINT32_C(0x85EBCA6B)) >> 23);
}

static inline size_t finger_hash(uint32_t scope, uint32_t principal)
{
    uint64_t hash = (((uint64_t)scope << 32) | principal) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32);
}

/* --- policy.c */

/* Numbers by id; NAME_NONE when it is nobody's or no id. */
uint32_t policy_principal(const struct rbac_policy *policy, const char *id);
uint32_t policy_role(const struct rbac_policy *policy, const char *id);
/* Makes the index's arrays; frees nothing when it fails. */
int index_build(struct rbac_policy *policy);

/* --- decide.c */

/* The deepest scope of that text that anything is said about; *out_exact: it is the whole text.
 * There always is one, "/". */
uint32_t scope_find(const struct rbac_policy *policy, const struct rbac_scope *scope,
                    bool *out_exact);

/* Does the permission's plane `rules` give the action?  Both patterns may be NULL; *out_gives is
 * set whenever one covers it, *out_less when one then takes it away. */
bool rules_give(const struct rbac_policy *policy, const struct rules *rules,
                const struct rbac_action *action, const struct rbac_pattern **out_gives,
                const struct rbac_pattern **out_less);

#endif
