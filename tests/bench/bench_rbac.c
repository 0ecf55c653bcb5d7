/* bench_rbac.c - decisions a second, the time to build the index, and its memory.
 *
 *   bench_rbac [FILE]    measures, and writes the policy and some questions with their answers to
 *                        FILE as JSON, for the peers (tests/bench/peers/rbac.mjs)
 *
 * 10,000 assignments, 1,000 principals in 100 nested groups, the built-in roles, 4,000 computes in
 * 20 subscriptions under management groups.  Neither conditions nor deny assignments, so that the
 * peers can be asked the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "rbac/builtin_roles.h"
#include "rbac/decide.h"

#define ASSIGNMENTS 10000
#define PRINCIPALS 1000
#define GROUPS 100
#define GROUPS_EACH 3
#define SUBSCRIPTIONS 20
#define QUESTIONS 20000
#define QUESTIONS_FOR_PEERS 2000
#define ROUND_MS 3000
#define BUILDS 9
#define MANAGEMENT "/providers/Microsoft.Management/managementGroups/"
#define WORKSPACES "/providers/Microsoft.MachineLearningServices/workspaces/"
#define ML "Microsoft.MachineLearningServices/"

static const char *const actions[] = {
    ML "workspaces/read",
    ML "workspaces/write",
    ML "workspaces/delete",
    ML "workspaces/listKeys/action",
    ML "workspaces/computes/read",
    ML "workspaces/computes/write",
    ML "workspaces/computes/delete",
    ML "workspaces/computes/start/action",
    ML "workspaces/computes/stop/action",
    ML "workspaces/computes/restart/action",
    ML "workspaces/computes/applicationaccess/action",
    ML "workspaces/computes/updateSchedules/action",
    ML "workspaces/computes/listKeys/action",
    ML "workspaces/notebooks/vm/read",
    ML "locations/usages/read",
    "Microsoft.Authorization/roleAssignments/write",
    "Microsoft.Authorization/roleAssignments/read",
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
};

struct assignment {
    char principal[40], scope[256];
    const struct rbac_role *role;
};

struct question {
    char principal[40], scope[256];
    const char *action;
};

static struct assignment given[ASSIGNMENTS];
static struct question questions[QUESTIONS];
static int memberships[PRINCIPALS][GROUPS_EACH];
static uint64_t random_state = UINT64_C(0x9E3779B97F4A7C15);

static uint32_t below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % bound);
}

static void die(const struct error *err)
{
    (void)fprintf(stderr, "bench_rbac: %s\n", err->message);
    exit(1);
}

/* --- The inputs */

static void person_id(char *out, size_t size, uint32_t n)
{
    (void)snprintf(out, size, "00000000-0000-4000-8000-%012u", n);
}

static void group_id(char *out, size_t size, uint32_t n)
{
    (void)snprintf(out, size, "00000000-0000-4000-9000-%012u", n);
}

static void subscription_scope(char *out, size_t size, uint32_t n)
{
    (void)snprintf(out, size, "/subscriptions/00000000-0000-4000-a000-%012u", n);
}

enum depth { SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE, COMPUTE };

static void random_scope(char *out, size_t size, enum depth depth)
{
    subscription_scope(out, size, below(SUBSCRIPTIONS));
    size_t used = strlen(out);
    if (depth >= RESOURCE_GROUP)
        used += (size_t)snprintf(out + used, size - used, "/resourceGroups/team-%u", below(10));
    if (depth >= WORKSPACE)
        used += (size_t)snprintf(out + used, size - used, WORKSPACES "ws-%u", below(2));
    if (depth >= COMPUTE)
        (void)snprintf(out + used, size - used, "/computes/instance-%u", below(10));
}

static void make_assignments(void)
{
    size_t role_count;
    const struct rbac_role *roles = rbac_builtin_roles(&role_count);
    for (size_t i = 0; i < ASSIGNMENTS; i++) {
        struct assignment *one = &given[i];
        uint32_t kind = below(100);
        if (below(100) < 40)
            group_id(one->principal, sizeof one->principal, below(GROUPS));
        else
            person_id(one->principal, sizeof one->principal, below(PRINCIPALS));
        one->role = &roles[below((uint32_t)role_count)];
        if (kind == 0)
            (void)snprintf(one->scope, sizeof one->scope, MANAGEMENT "division-%u", below(5));
        else
            random_scope(one->scope, sizeof one->scope,
                         kind < 10   ? SUBSCRIPTION
                         : kind < 30 ? RESOURCE_GROUP
                         : kind < 70 ? WORKSPACE
                                     : COMPUTE);
    }
}

static void make_inputs(void)
{
    make_assignments();
    for (size_t i = 0; i < PRINCIPALS; i++) {
        for (size_t k = 0; k < GROUPS_EACH; k++)
            memberships[i][k] = (int)below(GROUPS);
    }
    for (size_t i = 0; i < QUESTIONS; i++) {
        person_id(questions[i].principal, sizeof questions[i].principal, below(PRINCIPALS));
        questions[i].action = actions[below(COUNT(actions))];
        random_scope(questions[i].scope, sizeof questions[i].scope,
                     below(4) == 0 ? WORKSPACE : COMPUTE);
    }
}

/* Calls back for each membership and each management group. */
typedef int pair_fn(void *arg, const char *a, const char *b, struct error *err);

static int each_member(pair_fn *fn, void *arg, struct error *err)
{
    char group[40];
    char member[40];
    int rc = 0;
    for (uint32_t i = 1; rc == 0 && i < GROUPS;
         i++) { /* a tree: each in the one at a third of it */
        group_id(group, sizeof group, i / 3);
        group_id(member, sizeof member, i);
        rc = fn(arg, group, member, err);
    }
    for (uint32_t i = 0; i < PRINCIPALS; i++) {
        person_id(member, sizeof member, i);
        for (size_t k = 0; rc == 0 && k < GROUPS_EACH; k++) {
            group_id(group, sizeof group, (uint32_t)memberships[i][k]);
            rc = fn(arg, group, member, err);
        }
    }
    return rc;
}

static int each_parent(pair_fn *fn, void *arg, struct error *err)
{
    char parent[128];
    char child[128];
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < 5; i++) {
        (void)snprintf(child, sizeof child, MANAGEMENT "division-%u", i);
        rc = fn(arg, child, MANAGEMENT "company", err);
    }
    for (uint32_t i = 0; rc == 0 && i < SUBSCRIPTIONS; i++) {
        subscription_scope(child, sizeof child, i);
        (void)snprintf(parent, sizeof parent, MANAGEMENT "division-%u", i % 5);
        rc = fn(arg, child, parent, err);
    }
    return rc;
}

static int add_member(void *arg, const char *group, const char *member, struct error *err)
{
    return rbac_policy_add_member(arg, group, member, err);
}

static int add_parent(void *arg, const char *child, const char *parent, struct error *err)
{
    return rbac_policy_add_parent(arg, child, parent, err);
}

static struct rbac_policy *build(void)
{
    struct error err = { 0 };
    struct rbac_policy *policy = rbac_policy_new();
    int rc = policy ? rbac_policy_add_builtin_roles(policy, &err) : -1;
    for (size_t i = 0; rc == 0 && i < ASSIGNMENTS; i++) {
        struct rbac_assignment one = { .principal_id = given[i].principal,
                                       .role_id = given[i].role->id,
                                       .scope = given[i].scope };
        rc = rbac_policy_add_assignment(policy, &one, &err);
    }
    if (rc == 0)
        rc = each_member(add_member, policy, &err);
    if (rc == 0)
        rc = each_parent(add_parent, policy, &err);
    if (rc == 0)
        rc = rbac_policy_compile(policy, &err);
    if (rc < 0)
        die(&err);
    return policy;
}

/* --- Measuring */

/* Time of this process on the processor, so that others on the machine do not count. */
static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of some builds, from the first input to the compiled index. */
static double build_ms(void)
{
    double times[BUILDS];
    for (size_t i = 0; i < BUILDS; i++) {
        double start = now_ms();
        struct rbac_policy *policy = build();
        times[i] = now_ms() - start;
        rbac_policy_free(policy);
    }
    qsort(times, BUILDS, sizeof times[0], compare_doubles);
    return times[BUILDS / 2];
}

static double decisions_a_second(const struct rbac_policy *policy, size_t *out_allowed)
{
    size_t asked = 0;
    double start = now_ms();
    double end = start;
    while (end - start < ROUND_MS) {
        *out_allowed = 0;
        for (size_t i = 0; i < QUESTIONS; i++) {
            const struct question *question = &questions[i];
            *out_allowed += rbac_decide(policy, question->principal, question->action,
                                        question->scope, false) == RBAC_ALLOWED;
        }
        asked += QUESTIONS;
        end = now_ms();
    }
    return (double)asked * 1e3 / (end - start);
}

/* --- For the peers */

static void write_strings(struct buffer *out, const char *name, const struct rbac_strings *strings)
{
    buffer_format(out, "\"%s\":[", name);
    for (size_t i = 0; i < strings->count; i++) {
        buffer_text(out, i ? "," : "");
        json_quote(out, strings->items[i]);
    }
    buffer_text(out, "]");
}

static void write_roles(struct buffer *out)
{
    size_t count;
    const struct rbac_role *roles = rbac_builtin_roles(&count);
    buffer_text(out, "{\"roles\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_text(out, i ? ",\n{\"id\":" : "{\"id\":");
        json_quote(out, roles[i].id);
        buffer_text(out, ",");
        write_strings(out, "actions", &roles[i].permissions[0].actions);
        buffer_text(out, ",");
        write_strings(out, "notActions", &roles[i].permissions[0].not_actions);
        buffer_text(out, "}");
    }
}

static int write_pair(void *arg, const char *a, const char *b, struct error *err)
{
    (void)err;
    buffer_format(arg, "[\"%s\",\"%s\"],\n", a, b);
    return 0;
}

static void write_for_peers(const struct rbac_policy *policy, const char *path)
{
    struct error err = { 0 };
    struct buffer out = { 0 };
    write_roles(&out);
    buffer_text(&out, "],\n\"members\":[");
    (void)each_member(write_pair, &out, NULL);
    buffer_text(&out, "[]],\n\"parents\":[");
    (void)each_parent(write_pair, &out, NULL);
    buffer_text(&out, "[]],\n\"assignments\":[");
    for (size_t i = 0; i < ASSIGNMENTS; i++)
        buffer_format(&out, "[\"%s\",\"%s\",\"%s\"],\n", given[i].principal, given[i].role->id,
                      given[i].scope);
    buffer_text(&out, "[]],\n\"questions\":[");
    for (size_t i = 0; i < QUESTIONS_FOR_PEERS; i++) {
        const struct question *question = &questions[i];
        bool allowed = rbac_decide(policy, question->principal, question->action, question->scope,
                                   false) == RBAC_ALLOWED;
        buffer_format(&out, "[\"%s\",\"%s\",\"%s\",%s],\n", question->principal, question->action,
                      question->scope, allowed ? "true" : "false");
    }
    buffer_text(&out, "[]]}\n");
    if (buffer_check(&out, "the policy", &err) < 0 ||
        file_write(path, out.data, out.size, 0644, &err) < 0)
        die(&err);
    buffer_clear(&out);
}

int main(int argc, char **argv)
{
    make_inputs();
    double built = build_ms();
    struct rbac_policy *policy = build();
    size_t allowed = 0;
    double rate = decisions_a_second(policy, &allowed);
    (void)printf("{\"decisions_a_second\":%.0f,\"build_ms\":%.2f,\"memory_bytes\":%zu,"
                 "\"allowed\":%.3f}\n",
                 rate, built, rbac_policy_memory(policy), (double)allowed / QUESTIONS);
    if (argc > 1)
        write_for_peers(policy, argv[1]);
    rbac_policy_free(policy);
    return 0;
}
