/* router.c - the table of routes, and finding one. */
#include "plane/router.h"

#include <strings.h>

#include "base/buffer.h"
#include "base/text.h"
#include "plane/plane_private.h"

#define SEGMENTS_MAX 24

#define LEARNING "Microsoft.MachineLearningServices"
#define SUBSCRIPTION "/subscriptions/{s}"
#define GROUP SUBSCRIPTION "/resourceGroups/{g}"
#define WORKSPACES GROUP "/providers/" LEARNING "/workspaces"
#define WORKSPACE WORKSPACES "/{w}"
#define COMPUTES WORKSPACE "/computes"
#define COMPUTE COMPUTES "/{c}"
#define LOCATION SUBSCRIPTION "/providers/" LEARNING "/locations/{l}"

#define A_SUBSCRIPTION "Microsoft.Resources/subscriptions"
#define A_GROUP A_SUBSCRIPTION "/resourceGroups"
#define A_WORKSPACE LEARNING "/workspaces"
#define A_COMPUTE A_WORKSPACE "/computes"
#define A_LOCATION LEARNING "/locations"
#define A_ACCESS "Microsoft.Authorization"
#define A_DIRECTORY "Moonfleet/directory/read"
#define A_DIRECTORY_WRITE "Moonfleet/directory/write"

/* A scope, then the resource of Microsoft.Authorization that is there. */
#define AT_SCOPE "{*}/providers/" A_ACCESS

#define FILTERED ROUTE_SCOPE_ANYONE, ROUTE_API_RESOURCES
#define OWN ROUTE_SCOPE_OWNER, ROUTE_API_NONE
#define GRAPH ROUTE_SCOPE_ANYONE, ROUTE_API_NONE
/* One rule for all changes of the directory: A_DIRECTORY_WRITE at "/", which Owner and Contributor
 * there give (their action is a star). */
#define GRAPH_WRITE ROUTE_SCOPE_ROOT, ROUTE_API_NONE
#define ACCESS ROUTE_SCOPE_PATH, ROUTE_API_AUTHORIZATION
#define ACCESS_ANYONE ROUTE_SCOPE_ANYONE, ROUTE_API_AUTHORIZATION
#define IN_SUBSCRIPTION ROUTE_SCOPE_SUBSCRIPTION, ROUTE_API_RESOURCES
#define IN_GROUP ROUTE_SCOPE_GROUP, ROUTE_API_RESOURCES
#define ML_SUBSCRIPTION ROUTE_SCOPE_SUBSCRIPTION, ROUTE_API_LEARNING
#define ML_FILTERED ROUTE_SCOPE_ANYONE, ROUTE_API_LEARNING
#define ML_OPERATION ROUTE_SCOPE_OPERATION, ROUTE_API_LEARNING
#define ML_WORKSPACE ROUTE_SCOPE_WORKSPACE, ROUTE_API_LEARNING
#define ML_COMPUTE ROUTE_SCOPE_COMPUTE, ROUTE_API_LEARNING

/* clang-format off */
static const struct route routes[] = {
    /* What is asked most stands first: routes are tried in order. */
    { HTTP_GET, COMPUTE, A_COMPUTE "/read", ML_COMPUTE, "workspaces/computes", compute_get },
    { HTTP_PUT, COMPUTE, A_COMPUTE "/write", ML_COMPUTE, "workspaces/computes", compute_put },
    { HTTP_PATCH, COMPUTE, A_COMPUTE "/write", ML_COMPUTE, "workspaces/computes", compute_patch },
    { HTTP_DELETE, COMPUTE, A_COMPUTE "/delete", ML_COMPUTE, "workspaces/computes", compute_delete },
    { HTTP_GET, COMPUTES, A_COMPUTE "/read", ML_WORKSPACE, "workspaces/computes", compute_list },
    { HTTP_GET, LOCATION "/computeOperationsStatus/{n}", A_LOCATION "/computeOperationsStatus/read", ML_OPERATION, "locations/computeOperationsStatus", operation_status },
    { HTTP_GET, LOCATION "/computeOperationsResults/{n}", A_LOCATION "/computeOperationsResults/read", ML_OPERATION, "locations/computeOperationsResults", operation_result },
    { HTTP_POST, COMPUTE "/start", A_COMPUTE "/start/action", ML_COMPUTE, "workspaces/computes", compute_start },
    { HTTP_POST, COMPUTE "/stop", A_COMPUTE "/stop/action", ML_COMPUTE, "workspaces/computes", compute_stop },
    { HTTP_POST, COMPUTE "/restart", A_COMPUTE "/restart/action", ML_COMPUTE, "workspaces/computes", compute_restart },
    { HTTP_POST, COMPUTE "/updateIdleShutdownSetting", A_COMPUTE "/updateIdleShutdownSetting/action", ML_COMPUTE, "workspaces/computes", compute_idle },
    { HTTP_POST, COMPUTE "/listNodes", A_COMPUTE "/listNodes/action", ML_COMPUTE, "workspaces/computes", compute_list_nodes },
    { HTTP_POST, COMPUTE "/listKeys", A_COMPUTE "/listKeys/action", ML_COMPUTE, "workspaces/computes", compute_list_keys },
    { HTTP_POST, COMPUTE "/exec", A_COMPUTE "/applicationaccess/action", ML_COMPUTE, "workspaces/computes", compute_exec },
    { HTTP_GET, WORKSPACE "/shareScript", A_WORKSPACE "/read", ML_WORKSPACE, "workspaces", share_script },
    { HTTP_GET, COMPUTE "/logs", A_COMPUTE "/read", ML_COMPUTE, "workspaces/computes", logs_list },
    { HTTP_GET, COMPUTE "/logs/{n}", A_COMPUTE "/read", ML_COMPUTE, "workspaces/computes", log_read },

    { HTTP_GET, WORKSPACE, A_WORKSPACE "/read", ML_WORKSPACE, "workspaces", workspace_get },
    { HTTP_PUT, WORKSPACE, A_WORKSPACE "/write", ML_WORKSPACE, "workspaces", workspace_put },
    { HTTP_PATCH, WORKSPACE, A_WORKSPACE "/write", ML_WORKSPACE, "workspaces", workspace_patch },
    { HTTP_DELETE, WORKSPACE, A_WORKSPACE "/delete", ML_WORKSPACE, "workspaces", workspace_delete },
    { HTTP_GET, WORKSPACES, A_WORKSPACE "/read", ML_FILTERED, "workspaces", workspaces_list },
    { HTTP_GET, SUBSCRIPTION "/providers/" LEARNING "/workspaces", A_WORKSPACE "/read", ML_FILTERED, "workspaces", workspaces_list_all },
    { HTTP_POST, WORKSPACE "/checkComputeNameAvailability", A_WORKSPACE "/checkComputeNameAvailability/action", ML_WORKSPACE, "workspaces", workspace_check_name },

    { HTTP_GET, LOCATION "/vmSizes", A_LOCATION "/vmSizes/read", ML_SUBSCRIPTION, "locations/vmSizes", vm_sizes_list },
    { HTTP_GET, LOCATION "/usages", A_LOCATION "/usages/read", ML_SUBSCRIPTION, "locations/usages", usages_list },
    { HTTP_GET, LOCATION "/quotas", A_LOCATION "/quotas/read", ML_SUBSCRIPTION, "locations/quotas", quotas_list },
    { HTTP_POST, LOCATION "/updateQuotas", A_LOCATION "/updateQuotas/action", ML_SUBSCRIPTION, "locations/updateQuotas", quotas_update },

    /* Microsoft.Authorization, at any scope. */
    { HTTP_GET, AT_SCOPE "/roleAssignments", A_ACCESS "/roleAssignments/read", ACCESS, "roleAssignments", role_assignments_list },
    { HTTP_GET, AT_SCOPE "/roleAssignments/{n}", A_ACCESS "/roleAssignments/read", ACCESS, "roleAssignments", role_assignment_get },
    { HTTP_PUT, AT_SCOPE "/roleAssignments/{n}", A_ACCESS "/roleAssignments/write", ACCESS, "roleAssignments", role_assignment_put },
    { HTTP_DELETE, AT_SCOPE "/roleAssignments/{n}", A_ACCESS "/roleAssignments/delete", ACCESS, "roleAssignments", role_assignment_delete },
    { HTTP_GET, AT_SCOPE "/roleDefinitions", A_ACCESS "/roleDefinitions/read", ACCESS, "roleDefinitions", role_definitions_list },
    { HTTP_GET, AT_SCOPE "/roleDefinitions/{n}", A_ACCESS "/roleDefinitions/read", ACCESS, "roleDefinitions", role_definition_get },
    { HTTP_PUT, AT_SCOPE "/roleDefinitions/{n}", A_ACCESS "/roleDefinitions/write", ACCESS, "roleDefinitions", role_definition_put },
    { HTTP_DELETE, AT_SCOPE "/roleDefinitions/{n}", A_ACCESS "/roleDefinitions/delete", ACCESS, "roleDefinitions", role_definition_delete },
    { HTTP_GET, AT_SCOPE "/denyAssignments", A_ACCESS "/denyAssignments/read", ACCESS, "denyAssignments", deny_assignments_list },
    { HTTP_GET, AT_SCOPE "/denyAssignments/{n}", A_ACCESS "/denyAssignments/read", ACCESS, "denyAssignments", deny_assignment_get },
    { HTTP_GET, AT_SCOPE "/permissions", A_ACCESS "/permissions/read", ACCESS_ANYONE, "permissions", permissions_list },

    { HTTP_GET, "/tenants", "Microsoft.Resources/tenants/read", FILTERED, "tenants", tenants_list },
    { HTTP_GET, "/subscriptions", A_SUBSCRIPTION "/read", FILTERED, "subscriptions", subscriptions_list },
    { HTTP_GET, SUBSCRIPTION, A_SUBSCRIPTION "/read", IN_SUBSCRIPTION, "subscriptions", subscription_get },
    { HTTP_GET, SUBSCRIPTION "/locations", A_SUBSCRIPTION "/locations/read", IN_SUBSCRIPTION, "subscriptions/locations", locations_list },
    { HTTP_GET, SUBSCRIPTION "/resourceGroups", A_GROUP "/read", FILTERED, "resourceGroups", groups_list },
    { HTTP_GET, GROUP, A_GROUP "/read", IN_GROUP, "resourceGroups", group_get },
    { HTTP_HEAD, GROUP, A_GROUP "/read", IN_GROUP, "resourceGroups", group_head },
    { HTTP_PUT, GROUP, A_GROUP "/write", IN_GROUP, "resourceGroups", group_put },
    { HTTP_DELETE, GROUP, A_GROUP "/delete", IN_GROUP, "resourceGroups", group_delete },

    /* The subset of Microsoft Graph. */
    { HTTP_GET, "/v1.0/me", A_DIRECTORY, GRAPH, "users", directory_me },
    { HTTP_GET, "/v1.0/users", A_DIRECTORY, GRAPH, "users", directory_users },
    { HTTP_GET, "/v1.0/users/{n}", A_DIRECTORY, GRAPH, "users", directory_user },
    { HTTP_GET, "/v1.0/groups", A_DIRECTORY, GRAPH, "groups", directory_groups },
    { HTTP_GET, "/v1.0/groups/{n}", A_DIRECTORY, GRAPH, "groups", directory_group },
    { HTTP_GET, "/v1.0/groups/{n}/members", A_DIRECTORY, GRAPH, "groups", directory_members },
    { HTTP_GET, "/v1.0/groups/{n}/transitiveMembers", A_DIRECTORY, GRAPH, "groups", directory_transitive_members },
    { HTTP_GET, "/v1.0/servicePrincipals", A_DIRECTORY, GRAPH, "servicePrincipals", directory_service_principals },
    { HTTP_GET, "/v1.0/servicePrincipals/{n}", A_DIRECTORY, GRAPH, "servicePrincipals", directory_service_principal },
    { HTTP_GET, "/v1.0/users/{n}/transitiveMemberOf", A_DIRECTORY, GRAPH, "users", directory_member_of_user },
    { HTTP_POST, "/v1.0/users/{n}/getMemberGroups", A_DIRECTORY, GRAPH, "users", directory_groups_of_user },
    { HTTP_POST, "/v1.0/users", A_DIRECTORY_WRITE, GRAPH_WRITE, "users", directory_create_user },
    { HTTP_DELETE, "/v1.0/users/{n}", A_DIRECTORY_WRITE, GRAPH_WRITE, "users", directory_delete_user },
    { HTTP_GET, "/v1.0/groups/{n}/transitiveMemberOf", A_DIRECTORY, GRAPH, "groups", directory_member_of_group },
    { HTTP_POST, "/v1.0/groups/{n}/getMemberGroups", A_DIRECTORY, GRAPH, "groups", directory_groups_of_group },
    { HTTP_POST, "/v1.0/groups", A_DIRECTORY_WRITE, GRAPH_WRITE, "groups", directory_create_group },
    { HTTP_DELETE, "/v1.0/groups/{n}", A_DIRECTORY_WRITE, GRAPH_WRITE, "groups", directory_delete_group },
    { HTTP_GET, "/v1.0/servicePrincipals/{n}/transitiveMemberOf", A_DIRECTORY, GRAPH, "servicePrincipals", directory_member_of_service_principal },
    { HTTP_POST, "/v1.0/servicePrincipals/{n}/getMemberGroups", A_DIRECTORY, GRAPH, "servicePrincipals", directory_groups_of_service_principal },
    { HTTP_POST, "/v1.0/servicePrincipals", A_DIRECTORY_WRITE, GRAPH_WRITE, "servicePrincipals", directory_create_service_principal },
    { HTTP_DELETE, "/v1.0/servicePrincipals/{n}", A_DIRECTORY_WRITE, GRAPH_WRITE, "servicePrincipals", directory_delete_service_principal },
    { HTTP_POST, "/v1.0/groups/{n}/members/$ref", A_DIRECTORY_WRITE, GRAPH_WRITE, "groups", directory_add_member },
    { HTTP_DELETE, "/v1.0/groups/{n}/members/{m}/$ref", A_DIRECTORY_WRITE, GRAPH_WRITE, "groups", directory_remove_member },
    { HTTP_POST, "/v1.0/directoryObjects/getByIds", A_DIRECTORY, GRAPH, "directoryObjects", directory_by_ids },

    /* Moonfleet's own: of the owner himself, so that no assignment can take the plane from him. */
    { HTTP_GET, "/moonfleet/status", "Moonfleet/plane/read", OWN, "plane", plane_status },
    { HTTP_POST, "/moonfleet/stop", "Moonfleet/plane/stop/action", OWN, "plane", plane_stop },
    { HTTP_GET, "/moonfleet/audit", "Moonfleet/audit/read", OWN, "audit", audit_list },
};
/* clang-format on */

struct segment {
    const char *text; /* owned by the pattern; "" for a parameter */
    char parameter;   /* 's', 'g', …; 0: `text` */
};

struct pattern {
    char *text; /* owned: what segments point into */
    bool open;  /* begins with any number of segments; `segments` are those after them */
    size_t count;
    struct segment segments[SEGMENTS_MAX];
};

struct router {
    struct pattern patterns[COUNT(routes)];
};

/* Cuts at slashes in place; ignores one at the end.  Returns the count, SEGMENTS_MAX + 1 when there
 * are more. */
static size_t cut(char *path, const char *out[SEGMENTS_MAX])
{
    size_t count = 0;
    char *at = path;
    while (*at == '/' && at[1]) {
        *at++ = '\0';
        if (count == SEGMENTS_MAX)
            return SEGMENTS_MAX + 1;
        out[count++] = at;
        at += strcspn(at, "/");
    }
    *at = '\0';
    return count;
}

static int compile(const struct route *route, struct pattern *pattern)
{
    static const char any[] = "{*}";
    const char *segments[SEGMENTS_MAX];
    pattern->text = strdup(route->path);
    if (!pattern->text)
        return ERROR_NO_MEMORY;
    pattern->open = text_starts(route->path, any);
    pattern->count = cut(pattern->text + (pattern->open ? strlen(any) : 0), segments);
    for (size_t i = 0; i < pattern->count; i++) {
        bool parameter = segments[i][0] == '{';
        pattern->segments[i].text = parameter ? "" : segments[i];
        pattern->segments[i].parameter = (char)(parameter ? segments[i][1] : 0);
    }
    return 0;
}

int router_new(struct router **out)
{
    struct router *router = calloc(1, sizeof *router);
    if (!router)
        return ERROR_NO_MEMORY;
    for (size_t i = 0; i < COUNT(routes); i++)
        if (compile(&routes[i], &router->patterns[i]) < 0) {
            router_free(router);
            return ERROR_NO_MEMORY;
        }
    *out = router;
    return 0;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    for (size_t i = 0; i < COUNT(routes); i++)
        free(router->patterns[i].text);
    free(router);
}

static bool matches(const struct pattern *pattern, const char *const *segments, size_t count)
{
    if (pattern->open ? pattern->count > count : pattern->count != count)
        return false;
    segments += count - pattern->count;
    count = pattern->count;
    /* From the end: that is where routes differ. */
    for (size_t i = count; i-- > 0;)
        if (!pattern->segments[i].parameter &&
            strcasecmp(pattern->segments[i].text, segments[i]) != 0)
            return false;
    return true;
}

/* The first `count` segments as one text again, in place. */
static const char *join(char *path, const char *const *segments, size_t count)
{
    if (count == 0)
        return "/";
    for (size_t i = 0; i < count; i++)
        path[segments[i] - path - 1] = '/';
    return path;
}

static void take(const struct pattern *pattern, char *path, const char *const *segments,
                 size_t count, struct route_params *out)
{
    *out = (struct route_params) { 0 };
    if (pattern->open)
        out->scope = join(path, segments, count - pattern->count);
    segments += count - pattern->count;
    for (size_t i = 0; i < pattern->count; i++)
        switch (pattern->segments[i].parameter) {
        case 's':
            out->subscription = segments[i];
            break;
        case 'g':
            out->group = segments[i];
            break;
        case 'w':
            out->workspace = segments[i];
            break;
        case 'c':
            out->compute = segments[i];
            break;
        case 'l':
            out->location = segments[i];
            break;
        case 'n':
            out->name = segments[i];
            break;
        case 'm':
            out->member = segments[i];
            break;
        default:
            break;
        }
}

enum route_match router_find(const struct router *router, enum http_method method, char *path,
                             const struct route **out_route, struct route_params *out_params,
                             char *allow, size_t allow_size)
{
    const char *segments[SEGMENTS_MAX];
    size_t count = cut(path, segments);
    enum route_match found = ROUTE_NOT_FOUND;
    if (allow_size > 0)
        allow[0] = '\0';
    for (size_t i = 0; i < COUNT(routes) && count > 0 && count <= SEGMENTS_MAX; i++) {
        if (!matches(&router->patterns[i], segments, count))
            continue;
        if (routes[i].method == method) {
            *out_route = &routes[i];
            take(&router->patterns[i], path, segments, count, out_params);
            return ROUTE_FOUND;
        }
        size_t used = strlen(allow);
        snprintf(allow + used, allow_size - used, "%s%s", used > 0 ? ", " : "",
                 http_method_name(routes[i].method));
        found = ROUTE_WRONG_METHOD;
    }
    return found;
}
