/* access.c - see access.h: what is known, and the answers that come from it. */
#include "engine/access_private.h"

#include "base/text.h"
#include "rbac/builtin_roles.h"
#include "rbac/wire.h"

#define OWN_ROLE "moonfleet-own-permissions-"
#define NAMES_MAX 10000 /* role names that a "did you mean" looks at */

static void free_principal(struct principal *principal)
{
    free(principal->id);
    free(principal->name);
    free(principal->members);
    free(principal);
}

void access_free(struct access *access)
{
    if (!access)
        return;
    struct principal *first = access->principals;
    HASH_CLEAR(hh, access->principals); /* the table alone: the rows are still linked */
    for (struct principal *principal = first, *next; principal; principal = next) {
        next = principal->hh.next;
        free_principal(principal);
    }
    for (size_t i = 0; i < 2 * access->parent_count; i++)
        free(access->parents[i]);
    free(access->parents);
    cJSON_Delete(access->roles);
    cJSON_Delete(access->assignments);
    cJSON_Delete(access->denies);
    cJSON_Delete(access->own);
    rbac_policy_free(access->policy);
    free(access->caller);
    free(access);
}

const char *access_last(const char *id)
{
    const char *slash = strrchr(id, '/');
    return slash ? slash + 1 : id;
}

/* ---- principals ---- */

struct principal *access_principal_find(const struct access *access, const char *id)
{
    char key[RBAC_ID_MAX + 1];
    struct principal *found = NULL;
    if (!text_copy(key, sizeof key, id))
        return NULL;
    text_lower(key);
    HASH_FIND_STR(access->principals, key, found);
    return found;
}

struct principal *access_principal(struct access *access, const char *id)
{
    struct principal *principal = access_principal_find(access, id);
    if (principal)
        return principal;
    principal = calloc(1, sizeof *principal);
    if (!principal || !(principal->id = strdup(id))) {
        free(principal);
        return NULL;
    }
    text_lower(principal->id);
    HASH_ADD_KEYPTR(hh, access->principals, principal->id, strlen(principal->id), principal);
    return principal;
}

const char *access_name(const struct access *access, const char *principal_id)
{
    const struct principal *principal = access_principal_find(access, principal_id);
    return principal ? principal->name : NULL;
}

static const char *name_for_words(const char *principal_id, void *arg)
{
    return access_name(arg, principal_id);
}

struct rbac_naming access_naming(const struct access *access)
{
    return (struct rbac_naming) { .name = name_for_words, .arg = (void *)access };
}

/* Walks mark whom they saw.
 *
 * Counts what is reached and no group; -1 when a group's members are not known. */
static int count_members(struct principal *group, unsigned mark)
{
    int count = 0;
    if (!group->members_known)
        return -1;
    group->mark = mark;
    for (size_t i = 0; i < group->member_count && count >= 0; i++) {
        struct principal *member = group->members[i];
        if (member->mark == mark)
            continue;
        member->mark = mark;
        int below = member->is_group ? count_members(member, mark) : 1;
        count = below < 0 ? -1 : count + below;
    }
    return count;
}

int access_group_size(const struct access *access, const char *group_id)
{
    struct principal *group = access_principal_find(access, group_id);
    return group && group->is_group ? count_members(group, ++((struct access *)access)->mark) : -1;
}

static bool reaches(struct principal *group, const struct principal *who, unsigned mark)
{
    if (group == who)
        return true;
    group->mark = mark;
    for (size_t i = 0; i < group->member_count; i++)
        if (group->members[i]->mark != mark && reaches(group->members[i], who, mark))
            return true;
    return false;
}

bool access_includes(const struct access *access, const char *principal_id, const char *who_id)
{
    struct principal *group = access_principal_find(access, principal_id);
    const struct principal *who = access_principal_find(access, who_id);
    if (text_equal_nocase(principal_id, who_id))
        return true;
    return group && who && reaches(group, who, ++((struct access *)access)->mark);
}

/* ---- what is known ---- */

unsigned access_unknown(const struct access *access)
{
    return access->unknown;
}

const char *access_unknown_reason(const struct access *access)
{
    return access->reason;
}

const char *access_caller(const struct access *access)
{
    return access->caller ? access->caller : ACCESS_CALLER_WORD;
}

const struct rbac_policy *access_policy(const struct access *access)
{
    return access->policy;
}

bool access_role_is_own(const char *role_id)
{
    return text_starts(role_id, OWN_ROLE);
}

const cJSON *access_roles(const struct access *access)
{
    return access->roles;
}

const cJSON *access_assignments(const struct access *access)
{
    return access->assignments;
}

/* ---- answers ---- */

const char *access_answer_name(enum access_answer answer)
{
    static const char *const names[] = { [ACCESS_DENIED] = "denied",
                                         [ACCESS_ALLOWED] = "allowed",
                                         [ACCESS_CONDITIONAL] = "conditional",
                                         [ACCESS_UNKNOWN] = "unknown" };
    return names[answer];
}

enum access_answer access_answer_of(const struct access *access, enum rbac_verdict verdict,
                                    const char *principal_id, const char *scope)
{
    const unsigned decisive = ACCESS_ROLES | ACCESS_ASSIGNMENTS | ACCESS_MEMBERS;
    if (verdict != RBAC_DENIED)
        return verdict == RBAC_ALLOWED ? ACCESS_ALLOWED : ACCESS_CONDITIONAL;
    bool is_caller = text_equal_nocase(principal_id, access_caller(access));
    if (is_caller && access->own && cJSON_GetObjectItem(access->own, scope))
        return ACCESS_DENIED; /* the plane itself told what the caller may do right there */
    if (access->unknown & decisive || (is_caller && !access->caller))
        return ACCESS_UNKNOWN;
    return ACCESS_DENIED;
}

enum access_answer access_decide(const struct access *access, const char *principal_id,
                                 const char *action, const char *scope, bool data_action)
{
    enum rbac_verdict verdict =
        rbac_decide(access->policy, principal_id, action, scope, data_action);
    return access_answer_of(access, verdict, principal_id, scope);
}

/* ---- roles ---- */

static int no_role(const cJSON *roles, const char *name, struct error *err)
{
    const cJSON *role;
    size_t count = 0;
    const char **names = calloc(NAMES_MAX, sizeof *names);
    if (!names)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    cJSON_ArrayForEach(role, roles)
    {
        const char *its = json_string(role, "properties.roleName", NULL);
        if (its && count < NAMES_MAX)
            names[count++] = its;
    }
    const char *near = text_nearest(name, names, count);
    int rc = near ? error_set(err, ERROR_NOT_FOUND, "there is no role '%.200s', did you mean '%s'?",
                              name, near)
                  : error_set(err, ERROR_NOT_FOUND,
                              "there is no role '%.200s'; `moonfleet roles` lists them", name);
    free(names);
    return rc;
}

int access_find_role(const cJSON *roles, const char *name, const cJSON **out, struct error *err)
{
    const cJSON *role, *found = NULL;
    cJSON_ArrayForEach(role, roles)
    {
        const char *id = json_string(role, "id", "");
        if (text_equal_nocase(access_last(id), access_last(name))) {
            *out = role;
            return 0;
        }
        if (!text_equal_nocase(json_string(role, "properties.roleName", NULL), name))
            continue;
        if (found)
            return error_set(err, ERROR_CONFLICT,
                             "two roles are called '%.200s': name one by its id, %s or %s", name,
                             access_last(json_string(found, "id", "")), access_last(id));
        found = role;
    }
    if (!found)
        return no_role(roles, name, err);
    *out = found;
    return 0;
}

/* ---- the policy ---- */

static int add_roles(const struct access *access, struct rbac_policy *policy, access_skip_fn *skip,
                     void *arg, struct error *err)
{
    const cJSON *role;
    cJSON_ArrayForEach(role, access->roles)
    {
        int rc = skip && skip(role, arg) ? 0 : rbac_policy_add_role_json(policy, role, err);
        if (rc < 0 && rc != ERROR_CONFLICT)
            return rc;
    }
    return 0;
}

static int add_given(const struct access *access, struct rbac_policy *policy, access_skip_fn *skip,
                     void *arg, struct error *err)
{
    const cJSON *given;
    int rc = 0;
    cJSON_ArrayForEach(given, access->assignments)
    {
        if (rc == 0 && !(skip && skip(given, arg)))
            rc = rbac_policy_add_assignment_json(policy, given, err);
    }
    cJSON_ArrayForEach(given, access->denies)
    {
        if (rc == 0)
            rc = rbac_policy_add_deny_json(policy, given, err);
    }
    return rc;
}

static int add_members(const struct access *access, struct rbac_policy *policy, struct error *err)
{
    int rc = 0;
    for (const struct principal *group = access->principals; group; group = group->hh.next)
        for (size_t i = 0; i < group->member_count && rc == 0; i++)
            rc = rbac_policy_add_member(policy, group->id, group->members[i]->id, err);
    for (size_t i = 0; i < access->parent_count && rc == 0; i++)
        rc =
            rbac_policy_add_parent(policy, access->parents[2 * i], access->parents[2 * i + 1], err);
    return rc;
}

/* What the plane says that the caller may do at a scope is a role that only the caller has. */
static int add_own(const struct access *access, struct rbac_policy *policy, struct error *err)
{
    const cJSON *permissions;
    int rc = 0, count = 0;
    cJSON_ArrayForEach(permissions, access->own)
    {
        char id[64];
        (void)snprintf(id, sizeof id, OWN_ROLE "%d", count++);
        cJSON *role = cJSON_CreateObject();
        const struct rbac_assignment assignment = { .principal_id = access_caller(access),
                                                    .role_id = id,
                                                    .scope = permissions->string };
        rc = role ? json_put_string(role, "id", id) : ERROR_NO_MEMORY;
        if (rc == 0)
            rc = json_put_string(role, "properties.roleName",
                                 "(what the plane says that the caller may do there)");
        if (rc == 0)
            rc = json_put(role, "properties.permissions", cJSON_Duplicate(permissions, true));
        rc = rc < 0 ? error_set(err, rc, "out of memory")
                    : rbac_policy_add_role_json(policy, role, err);
        cJSON_Delete(role);
        if (rc == 0)
            rc = rbac_policy_add_assignment(policy, &assignment, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int access_copy(const struct access *access, access_skip_fn *skip, void *arg,
                struct rbac_policy **out, struct error *err)
{
    struct rbac_policy *policy = rbac_policy_new();
    if (!policy)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    int rc = add_roles(access, policy, skip, arg, err);
    if (rc == 0)
        rc = add_given(access, policy, skip, arg, err);
    if (rc == 0)
        rc = add_members(access, policy, err);
    if (rc == 0)
        rc = add_own(access, policy, err);
    if (rc < 0) {
        rbac_policy_free(policy);
        return error_wrap(err, rc, "reading what the plane says of roles");
    }
    *out = policy;
    return 0;
}
