/* realm.h - who may do what, for tests: answers the requests for roles, assignments, deny
 * assignments, groups and names from a few texts, and counts them. */
#ifndef TESTS_ENGINE_REALM_H
#define TESTS_ENGINE_REALM_H

#include "world.h"

#include "rbac/builtin_roles.h"
#include "rbac/wire.h"

#define GROUP_TEAM "00000000-0000-4000-8000-000000000200"
#define GROUP_INNER "00000000-0000-4000-8000-000000000201"
#define WORKSPACE                                                                                  \
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
#define ROLE(GUID) "/providers/Microsoft.Authorization/roleDefinitions/" GUID
#define OPERATOR "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815"
#define OWNER "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define CUSTOM "00000000-0000-4000-8000-00000000c001"

/* One role assignment, to be joined by commas. */
#define GIVEN(NAME, WHO, TYPE, ROLE_GUID, SCOPE)                                                   \
    "{\"id\":\"" SCOPE "/providers/Microsoft.Authorization/roleAssignments/" NAME                  \
    "\",\"name\":\"" NAME                                                                          \
    "\",\"properties\":{\"roleDefinitionId\":\"" ROLE(ROLE_GUID) "\","                             \
                                                                 "\"principalId\":\"" WHO          \
                                                                 "\",\"principalType\":\"" TYPE    \
                                                                 "\",\"scope\":\"" SCOPE "\"}}"
#define USER(ID, UPN)                                                                              \
    "{\"@odata.type\":\"#microsoft.graph.user\",\"id\":\"" ID "\",\"userPrincipalName\":\"" UPN    \
    "\",\"displayName\":\"x\"}"
#define GROUP(ID, NAME)                                                                            \
    "{\"@odata.type\":\"#microsoft.graph.group\",\"id\":\"" ID "\",\"displayName\":\"" NAME "\"}"

/* Insides of arrays; NULL: empty. */
struct realm {
    const char *assignments, *custom_roles, *denies, *team, *inner, *names, *permissions;
    const char *me;                                                      /* object id; NULL: 404 */
    int roles_status, assignments_status, denies_status, members_status; /* 0: 200 */
    int requests, member_requests, permission_requests, role_requests;
};

static inline void realm_list(struct answer *out, int status, const char *items)
{
    if (status) {
        world_refuse(out, status, "AuthorizationFailed", "may not read that");
        return;
    }
    char *text = text_format("{\"value\":[%s]}", items ? items : "");
    world_answer(out, 200, world_parse(text));
    free(text);
}

static inline void realm_roles(const struct realm *realm, struct answer *out)
{
    size_t count;
    const struct rbac_role *roles = rbac_builtin_roles(&count);
    char *text = text_format("{\"value\":[%s]}", realm->custom_roles ? realm->custom_roles : "");
    cJSON *page = world_parse(text);
    free(text);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(cJSON_GetObjectItem(page, "value"),
                             rbac_role_json(&roles[i], RBAC_ROLE_BUILT_IN));
    world_answer(out, 200, page);
}

/* False: it is none of the requests that are answered here. */
static inline bool realm_answers(struct realm *realm, const struct asked *asked, struct answer *out)
{
    const char *target = asked->target;
    realm->requests++;
    if (strstr(target, "/roleDefinitions?")) {
        if (realm->roles_status)
            realm_list(out, realm->roles_status, NULL);
        else
            realm_roles(realm, out);
    } else if (strstr(target, "/roleDefinitions/")) {
        realm->role_requests++;
        world_refuse(out, 404, "RoleDefinitionDoesNotExist", "gone");
    } else if (strstr(target, "/roleAssignments?")) {
        realm_list(out, realm->assignments_status, realm->assignments);
    } else if (strstr(target, "/denyAssignments?")) {
        realm_list(out, realm->denies_status, realm->denies);
    } else if (strstr(target, "/permissions?")) {
        realm->permission_requests++;
        realm_list(out, 0, realm->permissions);
    } else if (strstr(target, "/members")) {
        realm->member_requests++;
        realm_list(out, realm->members_status,
                   strstr(target, GROUP_TEAM) ? realm->team : realm->inner);
    } else if (strstr(target, "/getByIds")) {
        realm_list(out, 0, realm->names);
    } else if (strstr(target, "/v1.0/me") && realm->me) {
        char *text = text_format("{\"id\":\"%s\",\"userPrincipalName\":\"me@x\"}", realm->me);
        world_answer(out, 200, world_parse(text));
        free(text);
    } else if (strstr(target, "/v1.0/me")) {
        world_refuse(out, 404, "Request_ResourceNotFound", "no user");
    } else {
        realm->requests--;
        return false;
    }
    return true;
}

#endif
