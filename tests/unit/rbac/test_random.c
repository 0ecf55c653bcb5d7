/* The decision against the rules.  A slow evaluator, written from the rules of decide.h and
 * pattern.h and sharing no code with the engine, is asked the same random questions about the same
 * random policies.  When they differ, the policy is shrunk as far as they still do, and printed.
 *
 *   MOONFLEET_RBAC_CASES   questions to ask (50,000)
 *   MOONFLEET_RBAC_SEED    where to begin (1) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "rbac/decide.h"
#include "rbac/pattern.h"

#define CASES_DEFAULT 50000
#define QUESTIONS_A_WORLD 20
#define WORD 64
#define SCOPE 160
#define FEW 3
#define MANY 10

/* --- Random numbers: the same for the same seed, everywhere */

static uint64_t random_state;

static uint32_t below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % bound);
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

/* --- A world: everything in fixed places, so that it can be copied and cut */

struct permit {
    char lists[4][FEW][WORD]; /* actions, notActions, dataActions, notDataActions; "" ends one */
};

struct world_role {
    char id[WORD];
    struct permit permits[2];
    size_t permit_count;
};

struct world_assignment {
    char principal[WORD], role[WORD], scope[SCOPE];
    bool condition;
};

struct world_deny {
    struct permit permits[2];
    size_t permit_count;
    char principals[FEW][WORD], excluded[FEW][WORD];
    size_t principal_count, excluded_count;
    char scope[SCOPE];
    bool own_only, condition;
};

struct world_pair {
    char from[SCOPE], to[SCOPE];
};

struct world {
    struct world_role roles[5];
    struct world_assignment assignments[MANY];
    struct world_deny denies[FEW];
    struct world_pair members[MANY]; /* from: group, to: member */
    struct world_pair parents[5];    /* from: child, to: parent */
    size_t role_count, assignment_count, deny_count, member_count, parent_count;
};

struct question {
    char principal[WORD], action[WORD], scope[SCOPE];
    bool data;
};

/* --- The slow evaluator */

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* `text` is what is left of the action, pattern[at] what is left of the pattern. */
static bool slow_covers_from(const char *pattern, size_t at, const char *text)
{
    if (pattern[at] == '\0')
        return *text == '\0';
    if (pattern[at] != '*')
        return *text && same(pattern[at], *text) && slow_covers_from(pattern, at + 1, text + 1);
    /* Between two slashes it may stand for no segment: the second slash is the first one. */
    if (at > 0 && pattern[at - 1] == '/' && pattern[at + 1] == '/' &&
        slow_covers_from(pattern, at + 2, text))
        return true;
    /* It stands for nothing, or one character, or two, ... */
    for (const char *rest = text;; rest++) {
        if (slow_covers_from(pattern, at + 1, rest))
            return true;
        if (*rest == '\0')
            return false;
    }
}

static bool slow_covers(const char *pattern, const char *action)
{
    char plain[WORD] = "";
    size_t size = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p != '*' || size == 0 || plain[size - 1] != '*')
            plain[size++] = *p;
    }
    plain[size] = '\0';
    return *action && !strchr(action, '*') && slow_covers_from(plain, 0, action);
}

static bool slow_permits(const struct permit *permits, size_t count, const char *action, bool data)
{
    for (size_t i = 0; i < count; i++) {
        bool gives = false;
        bool less = false;
        for (size_t k = 0; k < FEW; k++) {
            const char *give = permits[i].lists[data ? 2 : 0][k];
            const char *take = permits[i].lists[data ? 3 : 1][k];
            gives |= *give && slow_covers(give, action);
            less |= *take && slow_covers(take, action);
        }
        if (gives && !less)
            return true;
    }
    return false;
}

/* The scope's segments in lower case, each with a slash in front. */
static void slow_normal(const char *scope, char out[SCOPE])
{
    size_t size = 0;
    for (const char *p = scope; *p; p++) {
        if (*p == '/' && (p[1] == '/' || p[1] == '\0'))
            continue;
        out[size++] = (char)tolower((unsigned char)*p);
    }
    out[size] = '\0';
}

static bool slow_begins(const char *above, const char *below)
{
    char a[SCOPE];
    char b[SCOPE];
    slow_normal(above, a);
    slow_normal(below, b);
    size_t size = strlen(a);
    return strncmp(a, b, size) == 0 && (b[size] == '\0' || b[size] == '/');
}

/* Scopes that stand above the question's, by way of management groups: until nothing is new. */
static size_t slow_reach(const struct world *world, const char *scope, const char *out[])
{
    size_t count = 0;
    out[count++] = scope;
    for (size_t at = 0; at < count; at++) {
        for (size_t i = 0; i < world->parent_count; i++) {
            bool known = false;
            if (!slow_begins(world->parents[i].from, out[at]))
                continue;
            for (size_t k = 0; k < count; k++)
                known |= out[k] == world->parents[i].to;
            if (!known)
                out[count++] = world->parents[i].to;
        }
    }
    return count;
}

static bool slow_scope(const struct world *world, const char *above, const char *below)
{
    const char *reach[COUNT(world->parents) + 1];
    size_t count = slow_reach(world, below, reach);
    for (size_t i = 0; i < count; i++) {
        if (slow_begins(above, reach[i]))
            return true;
    }
    return false;
}

/* Is `who` that principal, or in it, however deep? */
static bool slow_is(const struct world *world, const char *who, const char *principal)
{
    const char *ids[MANY + 1] = { who };
    size_t count = 1;
    for (size_t at = 0; at < count; at++) {
        if (strcasecmp(ids[at], principal) == 0)
            return true;
        for (size_t i = 0; i < world->member_count; i++) {
            bool known = strcasecmp(world->members[i].to, ids[at]) != 0;
            for (size_t k = 0; k < count; k++)
                known |= strcasecmp(ids[k], world->members[i].from) == 0;
            if (!known)
                ids[count++] = world->members[i].from;
        }
    }
    return false;
}

static bool slow_deny(const struct world *world, const struct world_deny *deny,
                      const struct question *question)
{
    bool meant = false;
    char own[SCOPE];
    char asked[SCOPE];
    for (size_t i = 0; i < deny->principal_count; i++)
        meant |= strcasecmp(deny->principals[i], RBAC_EVERYONE) == 0 ||
                 slow_is(world, question->principal, deny->principals[i]);
    for (size_t i = 0; i < deny->excluded_count; i++)
        meant &= !slow_is(world, question->principal, deny->excluded[i]);
    slow_normal(deny->scope, own);
    slow_normal(question->scope, asked);
    bool here =
        deny->own_only ? strcmp(own, asked) == 0 : slow_scope(world, deny->scope, question->scope);
    return meant && here &&
           slow_permits(deny->permits, deny->permit_count, question->action, question->data);
}

static bool slow_assignment(const struct world *world, const struct world_assignment *assignment,
                            const struct question *question)
{
    if (!slow_is(world, question->principal, assignment->principal) ||
        !slow_scope(world, assignment->scope, question->scope))
        return false;
    const char *slash = strrchr(assignment->role, '/');
    for (size_t i = 0; i < world->role_count; i++) {
        const struct world_role *role = &world->roles[i];
        if (strcasecmp(role->id, slash ? slash + 1 : assignment->role) == 0)
            return slow_permits(role->permits, role->permit_count, question->action,
                                question->data);
    }
    return false;
}

static enum rbac_verdict slow_decide(const struct world *world, const struct question *question)
{
    bool yes = false;
    bool maybe = false;
    bool maybe_not = false;
    for (size_t i = 0; i < world->deny_count; i++) {
        if (!slow_deny(world, &world->denies[i], question))
            continue;
        if (!world->denies[i].condition)
            return RBAC_DENIED;
        maybe_not = true;
    }
    for (size_t i = 0; i < world->assignment_count; i++) {
        if (slow_assignment(world, &world->assignments[i], question)) {
            yes |= !world->assignments[i].condition;
            maybe |= world->assignments[i].condition;
        }
    }
    if (yes)
        return maybe_not ? RBAC_CONDITIONAL : RBAC_ALLOWED;
    return maybe ? RBAC_CONDITIONAL : RBAC_DENIED;
}

/* --- Random worlds: few words, so that things meet */

static void random_case(char *text)
{
    for (; *text; text++) {
        if (one_in(8))
            *text = (char)toupper((unsigned char)*text);
    }
}

static void random_action(char out[WORD], bool pattern)
{
    static const char *const words[] = { "a", "b", "ab", "aab", "x", "read" };
    static const char *const stars[] = { "*", "*", "*", "a*", "*b", "**", "a*b" };
    size_t size = 0;
    uint32_t segments = 1 + below(5);
    out[0] = '\0';
    if (pattern && one_in(12))
        segments = 1;
    for (uint32_t i = 0; i < segments; i++) {
        const char *word =
            pattern && one_in(3) ? stars[below(COUNT(stars))] : words[below(COUNT(words))];
        size += (size_t)snprintf(out + size, WORD - size, "%s%s", i ? "/" : "", word);
    }
    random_case(out);
}

static void random_scope(char out[SCOPE])
{
    static const char *const groups[] = { "m", "m2", "mm" };
    static const char *const subscriptions[] = { "1", "10", "2" };
    static const char *const deeper[] = { "/resourceGroups", "/rg", "/rg2",
                                          "/providers",      "/w",  "/w/c" };
    size_t size = 0;
    uint32_t kind = below(8);
    if (kind == 0) {
        size = (size_t)snprintf(out, SCOPE, "/");
    } else if (kind < 3) {
        size = (size_t)snprintf(out, SCOPE, "/providers/Microsoft.Management/managementGroups/%s",
                                groups[below(COUNT(groups))]);
    } else {
        size = (size_t)snprintf(out, SCOPE, "/subscriptions/%s",
                                subscriptions[below(COUNT(subscriptions))]);
    }
    for (uint32_t i = below(4); kind != 0 && i > 0; i--)
        size += (size_t)snprintf(out + size, SCOPE - size, "%s", deeper[below(COUNT(deeper))]);
    if (one_in(6))
        (void)snprintf(out + size, SCOPE - size, one_in(2) ? "/" : "//");
    random_case(out);
}

static void random_principal(char out[WORD])
{
    (void)snprintf(out, WORD, "p%u", below(7));
    random_case(out);
}

static size_t random_permits(struct permit permits[2])
{
    size_t count = one_in(4) ? 2 : one_in(20) ? 0 : 1;
    for (size_t i = 0; i < count; i++) {
        for (size_t list = 0; list < 4; list++) {
            uint32_t wanted = list % 2 == 0 ? below(FEW + 1) : below(FEW);
            for (uint32_t k = 0; k < wanted; k++)
                random_action(permits[i].lists[list][k], true);
        }
    }
    return count;
}

static void random_deny(struct world_deny *deny)
{
    deny->permit_count = random_permits(deny->permits);
    deny->principal_count = below(FEW + 1);
    deny->excluded_count = one_in(2) ? below(FEW + 1) : 0;
    for (size_t i = 0; i < FEW; i++) {
        random_principal(deny->principals[i]);
        random_principal(deny->excluded[i]);
    }
    if (one_in(3))
        (void)snprintf(deny->principals[0], WORD, "%s", RBAC_EVERYONE);
    random_scope(deny->scope);
    deny->own_only = one_in(3);
    deny->condition = one_in(4);
}

static void random_world(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->role_count = 1 + below(COUNT(world->roles));
    world->assignment_count = below(MANY + 1);
    world->deny_count = one_in(2) ? below(FEW + 1) : 0;
    world->member_count = below(MANY + 1);
    world->parent_count = below(COUNT(world->parents) + 1);
    for (size_t i = 0; i < world->role_count; i++) {
        (void)snprintf(world->roles[i].id, WORD, "r%zu", i);
        world->roles[i].permit_count = random_permits(world->roles[i].permits);
    }
    for (size_t i = 0; i < world->assignment_count; i++) {
        struct world_assignment *assignment = &world->assignments[i];
        random_principal(assignment->principal);
        (void)snprintf(assignment->role, WORD, "%s%u", one_in(2) ? "/x/roleDefinitions/R" : "r",
                       below(COUNT(world->roles))); /* which may not be there */
        random_scope(assignment->scope);
        assignment->condition = one_in(5);
    }
    for (size_t i = 0; i < world->deny_count; i++)
        random_deny(&world->denies[i]);
    for (size_t i = 0; i < world->member_count; i++) {
        random_principal(world->members[i].from);
        random_principal(world->members[i].to);
    }
    for (size_t i = 0; i < world->parent_count; i++) {
        random_scope(world->parents[i].from);
        random_scope(world->parents[i].to);
    }
}

/* An action that the pattern may well cover: its stars become something. */
static void action_of(const char *pattern, char out[WORD])
{
    static const char *const fillings[] = { "", "a", "b", "ab", "a/read", "x/b" };
    size_t size = 0;
    for (const char *p = pattern; *p && size + 8 < WORD; p++) {
        if (*p == '*' && p > pattern && p[-1] == '/' && p[1] == '/' && one_in(4))
            p++; /* no segment at all */
        else if (*p == '*')
            size += (size_t)snprintf(out + size, WORD - size, "%s", fillings[below(6)]);
        else
            out[size++] = *p;
    }
    out[size] = '\0';
}

/* Asks for what one of the assignments might give: most answers to quite random questions are no. */
static void aim(const struct world *world, struct question *question)
{
    const struct world_assignment *given =
        &world->assignments[below((uint32_t)world->assignment_count)];
    const struct world_role *role = &world->roles[below((uint32_t)world->role_count)];
    for (size_t i = 0; i < world->role_count; i++) {
        if (tolower((unsigned char)world->roles[i].id[1]) ==
            tolower((unsigned char)given->role[strlen(given->role) - 1]))
            role = &world->roles[i];
    }
    if (role->permit_count > 0) {
        const char *pattern = role->permits[below((uint32_t)role->permit_count)]
                                  .lists[question->data ? 2 : 0][below(FEW)];
        if (*pattern)
            action_of(pattern, question->action);
    }
    if (one_in(2))
        (void)snprintf(question->principal, WORD, "%s", given->principal);
    if (!one_in(4))
        (void)snprintf(question->scope, SCOPE, "%.100s%s", given->scope,
                       one_in(2)                      ? ""
                       : given->scope[1] && one_in(2) ? "/w/c"
                                                      : "subscriptions/1");
}

static void random_question(const struct world *world, struct question *question)
{
    random_principal(question->principal);
    random_action(question->action, one_in(40));
    random_scope(question->scope);
    question->data = one_in(3);
    if (world->assignment_count > 0 && !one_in(4))
        aim(world, question);
}

/* --- The world as a policy */

struct room {
    const char *texts[4][FEW];
};

static void to_permissions(const struct permit *permits, size_t count, struct room room[2],
                           struct rbac_permission out[2])
{
    for (size_t i = 0; i < count; i++) {
        struct rbac_strings *lists[] = { &out[i].actions, &out[i].not_actions, &out[i].data_actions,
                                         &out[i].not_data_actions };
        for (size_t list = 0; list < 4; list++) {
            size_t used = 0;
            while (used < FEW && *permits[i].lists[list][used]) {
                room[i].texts[list][used] = permits[i].lists[list][used];
                used++;
            }
            *lists[list] = (struct rbac_strings) { room[i].texts[list], used };
        }
    }
}

static void add_deny(struct rbac_policy *policy, const struct world_deny *deny)
{
    struct room room[2];
    struct rbac_permission permissions[2];
    const char *principals[FEW];
    const char *excluded[FEW];
    for (size_t i = 0; i < FEW; i++) {
        principals[i] = deny->principals[i];
        excluded[i] = deny->excluded[i];
    }
    to_permissions(deny->permits, deny->permit_count, room, permissions);
    struct rbac_deny made = { .permissions = permissions,
                              .permission_count = deny->permit_count,
                              .principals = { principals, deny->principal_count },
                              .excluded = { excluded, deny->excluded_count },
                              .scope = deny->scope,
                              .not_child_scopes = deny->own_only,
                              .has_condition = deny->condition };
    assert_int_equal(rbac_policy_add_deny(policy, &made, NULL), 0);
}

static struct rbac_policy *to_policy(const struct world *world)
{
    struct rbac_policy *policy = rbac_policy_new();
    assert_non_null(policy);
    for (size_t i = 0; i < world->assignment_count; i++) {
        const struct world_assignment *given = &world->assignments[i];
        struct rbac_assignment made = { .principal_id = given->principal,
                                        .role_id = given->role,
                                        .scope = given->scope,
                                        .has_condition = given->condition };
        assert_int_equal(rbac_policy_add_assignment(policy, &made, NULL), 0);
    }
    for (size_t i = 0; i < world->role_count; i++) {
        struct room room[2];
        struct rbac_permission permissions[2];
        to_permissions(world->roles[i].permits, world->roles[i].permit_count, room, permissions);
        struct rbac_role made = { .id = world->roles[i].id,
                                  .permissions = permissions,
                                  .permission_count = world->roles[i].permit_count };
        assert_int_equal(rbac_policy_add_role(policy, &made, NULL), 0);
    }
    for (size_t i = 0; i < world->deny_count; i++)
        add_deny(policy, &world->denies[i]);
    for (size_t i = 0; i < world->member_count; i++)
        assert_int_equal(
            rbac_policy_add_member(policy, world->members[i].from, world->members[i].to, NULL), 0);
    for (size_t i = 0; i < world->parent_count; i++)
        assert_int_equal(
            rbac_policy_add_parent(policy, world->parents[i].from, world->parents[i].to, NULL), 0);
    assert_int_equal(rbac_policy_compile(policy, NULL), 0);
    return policy;
}

/* --- What must agree */

static const char *const verdict_names[] = { "denied", "allowed", "conditional" };

/* The path must be one that the world's memberships allow, from the asker to `named`. */
static const char *check_path(const struct world *world, const struct question *question,
                              const struct rbac_path *path, const char *named)
{
    if (path->count == 0 || strcmp(path->ids[0], question->principal) != 0)
        return "the path does not begin at the asker";
    if (strcasecmp(path->ids[path->count - 1], named) != 0)
        return "the path does not end where it should";
    for (size_t i = 1; i < path->count; i++) {
        bool found = false;
        for (size_t k = 0; k < world->member_count; k++)
            found |= strcasecmp(world->members[k].from, path->ids[i]) == 0 &&
                     strcasecmp(world->members[k].to, path->ids[i - 1]) == 0;
        if (!found)
            return "the path takes a step that is no membership";
    }
    return NULL;
}

/* The world with that assignment alone must give what is said of it. */
static const char *check_assignment(const struct world *world, const struct question *question,
                                    const struct rbac_explanation *why)
{
    for (size_t i = 0; i < world->assignment_count; i++) {
        const struct world_assignment *given = &world->assignments[i];
        if (strcmp(given->scope, why->assignment->scope) != 0 ||
            strcmp(given->principal, why->assignment->principal_id) != 0 ||
            strcmp(given->role, why->assignment->role_id) != 0 ||
            given->condition != why->assignment->has_condition)
            continue;
        bool gives = slow_assignment(world, given, question);
        struct question other = *question;
        other.data = !other.data;
        switch (why->because) {
        case RBAC_BECAUSE_ASSIGNMENT:
        case RBAC_BECAUSE_DENY:
            return gives && slow_covers(why->pattern, question->action)
                       ? NULL
                       : "the assignment does not give it";
        case RBAC_BECAUSE_NOT_ACTION:
            return !gives && slow_covers(why->pattern, question->action) &&
                           slow_covers(why->not_pattern, question->action)
                       ? NULL
                       : "the notAction does not take it";
        case RBAC_BECAUSE_OTHER_PLANE:
            return !gives && slow_assignment(world, given, &other)
                       ? NULL
                       : "it is not given on the other plane";
        case RBAC_BECAUSE_SCOPE:
            (void)snprintf(other.scope, sizeof other.scope, "%s", given->scope);
            other.data = question->data;
            return !gives && slow_assignment(world, given, &other) ? NULL : "it is not the scope";
        case RBAC_BECAUSE_ROLE_GONE:
            return !why->role && slow_scope(world, given->scope, question->scope)
                       ? NULL
                       : "the role is not gone";
        default:
            return "no assignment should be named";
        }
    }
    return "the assignment is not the world's";
}

/* NULL, or what is wrong with the engine's answers; `policy` was made from `world`. */
static const char *compare(const struct world *world, const struct rbac_policy *policy,
                           const struct question *question)
{
    struct rbac_explanation why;
    enum rbac_verdict slow = slow_decide(world, question);
    const char *wrong = NULL;
    assert_int_equal(rbac_explain(policy, question->principal, question->action, question->scope,
                                  question->data, &why, NULL),
                     0);
    if (rbac_decide(policy, question->principal, question->action, question->scope,
                    question->data) != slow)
        wrong = "rbac_decide() differs";
    else if (why.verdict != slow)
        wrong = "rbac_explain() differs";
    else if (why.assignment)
        wrong = check_assignment(world, question, &why);
    else if (slow == RBAC_ALLOWED)
        wrong = "no assignment is named";
    if (!wrong && why.assignment)
        wrong = check_path(world, question, &why.path, why.assignment->principal_id);
    if (!wrong && why.because == RBAC_BECAUSE_DENY &&
        (!why.deny || !slow_covers(why.deny_pattern, question->action)))
        wrong = "the deny is not told";
    return wrong;
}

static const char *disagreement(const struct world *world, const struct question *question)
{
    struct rbac_policy *policy = to_policy(world);
    const char *wrong = compare(world, policy, question);
    rbac_policy_free(policy);
    return wrong;
}

/* --- Shrinking */

/* Drops item `at` of an array of the world; false when there is none. */
static bool drop(void *items, size_t item_size, size_t *count, size_t at)
{
    if (at >= *count)
        return false;
    char *bytes = items;
    memmove(bytes + at * item_size, bytes + (at + 1) * item_size, (*count - at - 1) * item_size);
    (*count)--;
    return true;
}

static bool drop_one(struct world *world, size_t kind, size_t at)
{
    switch (kind) {
    case 0:
        return drop(world->roles, sizeof world->roles[0], &world->role_count, at);
    case 1:
        return drop(world->assignments, sizeof world->assignments[0], &world->assignment_count, at);
    case 2:
        return drop(world->denies, sizeof world->denies[0], &world->deny_count, at);
    case 3:
        return drop(world->members, sizeof world->members[0], &world->member_count, at);
    case 4:
        return drop(world->parents, sizeof world->parents[0], &world->parent_count, at);
    default:
        break;
    }
    /* Pattern after pattern of the roles. */
    size_t role = at / (2 * 4 * FEW);
    size_t permit = at / (4 * FEW) % 2;
    size_t list = at / FEW % 4;
    size_t item = at % FEW;
    if (role >= world->role_count)
        return false;
    char(*items)[WORD] = world->roles[role].permits[permit].lists[list];
    for (size_t i = item; i + 1 < FEW; i++)
        memmove(items[i], items[i + 1], WORD);
    items[FEW - 1][0] = '\0';
    return true;
}

static void shrink(struct world *world, const struct question *question)
{
    bool smaller = true;
    for (int round = 0; smaller && round < 20; round++) {
        smaller = false;
        for (size_t kind = 0; kind < 6; kind++) {
            for (size_t at = 0;; at++) {
                struct world less = *world;
                if (!drop_one(&less, kind, at))
                    break;
                /* A drop of nothing is no step; padding that differs only costs one more try.
                 * NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
                if (memcmp(&less, world, sizeof less) != 0 && disagreement(&less, question)) {
                    *world = less;
                    smaller = true;
                }
            }
        }
    }
}

static void print_permits(const struct permit *permits, size_t count)
{
    static const char *const names[] = { "actions", "notActions", "dataActions", "notDataActions" };
    for (size_t i = 0; i < count; i++) {
        for (size_t list = 0; list < 4; list++) {
            for (size_t k = 0; k < FEW && *permits[i].lists[list][k]; k++)
                print_error("    [%zu] %s '%s'\n", i, names[list], permits[i].lists[list][k]);
        }
    }
}

static void print_world(const struct world *world, const struct question *question)
{
    for (size_t i = 0; i < world->role_count; i++) {
        print_error("  role %s\n", world->roles[i].id);
        print_permits(world->roles[i].permits, world->roles[i].permit_count);
    }
    for (size_t i = 0; i < world->assignment_count; i++)
        print_error("  assignment of %s to %s at '%s'%s\n", world->assignments[i].role,
                    world->assignments[i].principal, world->assignments[i].scope,
                    world->assignments[i].condition ? " with a condition" : "");
    for (size_t i = 0; i < world->deny_count; i++) {
        const struct world_deny *deny = &world->denies[i];
        print_error("  deny at '%s'%s%s\n", deny->scope, deny->own_only ? ", own scope only" : "",
                    deny->condition ? ", with a condition" : "");
        for (size_t k = 0; k < deny->principal_count; k++)
            print_error("    for %s\n", deny->principals[k]);
        for (size_t k = 0; k < deny->excluded_count; k++)
            print_error("    except %s\n", deny->excluded[k]);
        print_permits(deny->permits, deny->permit_count);
    }
    for (size_t i = 0; i < world->member_count; i++)
        print_error("  %s is in %s\n", world->members[i].to, world->members[i].from);
    for (size_t i = 0; i < world->parent_count; i++)
        print_error("  '%s' is under '%s'\n", world->parents[i].from, world->parents[i].to);
    print_error("  may %s do %s '%s' at '%s'?  The rules say: %s\n", question->principal,
                question->data ? "data action" : "action", question->action, question->scope,
                verdict_names[slow_decide(world, question)]);
}

static int64_t number_of(const char *name, int64_t fallback)
{
    const char *text = getenv(name);
    int64_t number = fallback;
    if (text && text_to_int64(text, 1, INT64_MAX, &number) < 0)
        fail_msg("%s is no number", name);
    return number;
}

static void report(struct world *world, const struct question *question, int64_t seed,
                   int64_t asked)
{
    shrink(world, question);
    print_error("seed %lld, question %lld: %s\n", (long long)seed, (long long)asked,
                disagreement(world, question));
    print_world(world, question);
    fail();
}

static void the_engine_decides_by_the_rules(void **state)
{
    (void)state;
    int64_t cases = number_of("MOONFLEET_RBAC_CASES", CASES_DEFAULT);
    int64_t seed = number_of("MOONFLEET_RBAC_SEED", 1);
    size_t verdicts[3] = { 0 };
    static struct world world;
    random_state = (uint64_t)seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int64_t asked = 0; asked < cases;) {
        random_world(&world);
        struct rbac_policy *policy = to_policy(&world);
        for (int i = 0; i < QUESTIONS_A_WORLD; i++, asked++) {
            struct question question;
            random_question(&world, &question);
            verdicts[slow_decide(&world, &question)]++;
            if (compare(&world, policy, &question))
                report(&world, &question, seed, asked);
        }
        rbac_policy_free(policy);
    }
    print_message("%lld questions: %zu denied, %zu allowed, %zu conditional\n", (long long)cases,
                  verdicts[RBAC_DENIED], verdicts[RBAC_ALLOWED], verdicts[RBAC_CONDITIONAL]);
    /* Questions that are nearly all denied would compare little. */
    assert_true(verdicts[RBAC_ALLOWED] * 20 > (size_t)cases);
    assert_true(verdicts[RBAC_CONDITIONAL] * 100 > (size_t)cases);
}

static void patterns_match_by_the_rules(void **state)
{
    (void)state;
    static const char letters[] = "ab//**";
    int64_t cases = number_of("MOONFLEET_RBAC_CASES", CASES_DEFAULT) * 4;
    size_t covered = 0;
    random_state = (uint64_t)number_of("MOONFLEET_RBAC_SEED", 1) + 77;
    for (int64_t i = 0; i < cases; i++) {
        char pattern[WORD] = "";
        char action[WORD] = "";
        for (uint32_t k = below(11); k > 0; k--)
            pattern[k - 1] = letters[below(6)];
        for (uint32_t k = 1 + below(11); k > 0; k--)
            action[k - 1] = letters[below(4)];
        bool fast = rbac_pattern_covers(pattern, action);
        covered += fast;
        if (fast != slow_covers(pattern, action))
            fail_msg("'%s' and '%s': the rules say %s", pattern, action, fast ? "no" : "yes");
    }
    assert_true(covered * 50 > (size_t)cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_by_the_rules),
        cmocka_unit_test(the_engine_decides_by_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
