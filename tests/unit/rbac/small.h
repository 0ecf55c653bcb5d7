/* small.h - small policies for tests: one call an input, each of which must succeed. */
#ifndef RBAC_TEST_SMALL_H
#define RBAC_TEST_SMALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rbac/builtin_roles.h"
#include "rbac/decide.h"
#include "rbac/pattern.h"

#define ML "Microsoft.MachineLearningServices/"
#define SUB "/subscriptions/s1"
#define RG SUB "/resourceGroups/rg"
#define WS RG "/providers/Microsoft.MachineLearningServices/workspaces/ws"
#define VM WS "/computes/vm"
#define MG "/providers/Microsoft.Management/managementGroups/"

#define STRINGS(...)                                                                               \
    (struct rbac_strings)                                                                          \
    {                                                                                              \
        (const char *const[]) { __VA_ARGS__ },                                                     \
            sizeof((const char *const[]) { __VA_ARGS__ }) / sizeof(char *)                         \
    }

static inline struct rbac_policy *small_policy(void)
{
    struct rbac_policy *policy = rbac_policy_new();
    assert_non_null(policy);
    assert_int_equal(rbac_policy_add_builtin_roles(policy, NULL), 0);
    return policy;
}

/* A role of one permission. */
static inline void small_role(struct rbac_policy *policy, const char *id,
                              struct rbac_permission permission)
{
    struct rbac_role role = {
        .id = id, .name = id, .permissions = &permission, .permission_count = 1
    };
    assert_int_equal(rbac_policy_add_role(policy, &role, NULL), 0);
}

/* `role` is a built-in role's name or a role definition's id. */
static inline void small_give(struct rbac_policy *policy, const char *who, const char *role,
                              const char *scope)
{
    const struct rbac_role *builtin = rbac_builtin_role(role);
    struct rbac_assignment assignment = { .principal_id = who,
                                          .role_id = builtin ? builtin->id : role,
                                          .scope = scope };
    assert_int_equal(rbac_policy_add_assignment(policy, &assignment, NULL), 0);
}

static inline void small_member(struct rbac_policy *policy, const char *group, const char *member)
{
    assert_int_equal(rbac_policy_add_member(policy, group, member, NULL), 0);
}

static inline void small_compile(struct rbac_policy *policy)
{
    assert_int_equal(rbac_policy_compile(policy, NULL), 0);
}

#endif
