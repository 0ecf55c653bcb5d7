/* role_commands.c - roles: the role definitions there are, or one of them whole. */
#include "base/text.h"
#include "cli/access_commands.h"
#include "cli/session.h"
#include "client/authorization.h"
#include "engine/assignments.h"

#define LABEL_WIDTH 15

static const struct {
    const char *member, *label;
} pattern_lists[] = {
    { "actions", "actions" },
    { "notActions", "not actions" },
    { "dataActions", "data actions" },
    { "notDataActions", "not data" },
};

static int print_list(struct invocation *invocation, const cJSON *roles, struct error *err)
{
    static const char *const headings[] = { "NAME", "KIND", "DESCRIPTION", NULL };
    const cJSON **rows = NULL;
    size_t count = 0;
    int rc = roles_sorted(roles, invocation_flag(invocation, "custom"), &rows, &count, err);
    if (rc < 0)
        return rc;
    if (invocation->output->json) {
        cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "roles");
        for (size_t i = 0; i < count; i++)
            cJSON_AddItemToArray(list, role_json(rows[i]));
        output_json(invocation->output, document);
    } else if (count == 0) {
        output_note(invocation->output, "no roles\n");
    } else {
        struct table *table = table_new(invocation->output, headings);
        for (size_t i = 0; table && i < count; i++) {
            table_row(table);
            table_cell(table, json_string(rows[i], "properties.roleName", NULL), STYLE_BOLD);
            table_cell(table, role_is_custom(rows[i]) ? "custom" : "built-in", STYLE_DIM);
            table_cell(table, json_string(rows[i], "properties.description", NULL), STYLE_PLAIN);
        }
        rc = table ? table_print(table, err) : error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    free(rows);
    return rc;
}

/* A label, and the texts under each other. */
static void print_texts(const struct output *output, const char *label, const cJSON *texts)
{
    const cJSON *text;
    char safe[RBAC_ACTION_MAX];
    cJSON_ArrayForEach(text, texts)
    {
        if (!cJSON_IsString(text))
            continue;
        output_print(output, "%-*s %s\n", LABEL_WIDTH, label,
                     output_safe(safe, sizeof safe, text->valuestring));
        label = "";
    }
}

static void print_line(const struct output *output, const char *label, const char *text)
{
    char safe[2048];
    if (text && *text)
        output_print(output, "%-*s %s\n", LABEL_WIDTH, label, output_safe(safe, sizeof safe, text));
}

static int print_one(struct invocation *invocation, const cJSON *roles, struct error *err)
{
    const struct output *output = invocation->output;
    const cJSON *role = NULL, *permission;
    int rc = access_find_role(roles, invocation->arguments[0], &role, err);
    if (rc < 0)
        return rc;
    if (output->json) {
        output_json(invocation->output, role_json(role));
        return 0;
    }
    print_line(output, "name", json_string(role, "properties.roleName", NULL));
    print_line(output, "id", json_string(role, "id", NULL));
    print_line(output, "kind", role_is_custom(role) ? "custom" : "built-in");
    print_line(output, "description", json_string(role, "properties.description", NULL));
    print_texts(output, "assignable at", json_at(role, "properties.assignableScopes"));
    cJSON_ArrayForEach(permission, json_at(role, "properties.permissions"))
    {
        for (size_t i = 0; i < COUNT(pattern_lists); i++)
            print_texts(output, pattern_lists[i].label,
                        cJSON_GetObjectItemCaseSensitive(permission, pattern_lists[i].member));
    }
    return 0;
}

/* All that may be assigned at the scope. */
static int list_roles(struct session *session, const char *scope, cJSON **out, struct error *err)
{
    struct authorization_request request;
    int rc = authorization_roles(&request, scope, NULL, err);
    if (rc == 0)
        rc = arm_wait(session_client(session), &request.arm, out, err);
    authorization_request_clear(&request);
    return rc;
}

static int run_roles(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    char *scope = NULL;
    cJSON *body = NULL;
    int rc = session_open(invocation, &session, err);
    if (rc == 0)
        rc = session_group(session, err);
    if (rc == 0) {
        const struct workspace_ref here = session_here(session);
        rc = roles_scope(&here, &scope, err);
    }
    if (rc == 0)
        rc = list_roles(session, scope, &body, err);
    const cJSON *roles = cJSON_GetObjectItemCaseSensitive(body, "value");
    if (rc == 0 && invocation->argument_count > 0)
        rc = print_one(invocation, roles, err);
    else if (rc == 0)
        rc = print_list(invocation, roles, err);
    cJSON_Delete(body);
    free(scope);
    session_free(session);
    return rc < 0 ? rc : EXIT_DONE;
}

static const struct option_row role_options[] = {
    { "custom", 0, NULL, "only custom roles", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_roles = {
    .name = "roles",
    .arguments = "[NAME]",
    .arguments_max = 1,
    .summary = "the roles there are, or one with all that it gives",
    .details = "NAME is a role's name, its GUID or its id.\n"
               "--json: {\"roles\":[{\"name\",\"id\",\"custom\",\"description\","
               "\"permissions\":[{\"actions\",\n\"notActions\",\"dataActions\","
               "\"notDataActions\"}],\"assignableScopes\"}]}; with NAME one of these.",
    .examples = "moonfleet roles\n"
                "moonfleet roles 'AzureML Compute Operator'\n"
                "moonfleet roles --custom --json",
    .options = role_options,
    .needs = NEEDS_PLANE,
    .run = run_roles,
};
