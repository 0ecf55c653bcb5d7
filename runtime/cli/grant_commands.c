/* grant_commands.c - grants, grant, revoke: role assignments as people give and take them. */
#include "base/random.h"
#include "base/text.h"
#include "cli/access_commands.h"
#include "cli/session.h"
#include "client/authorization.h"
#include "engine/assignments.h"
#include "engine/scope.h"
#include "rbac/scope.h"

/* What these commands have in common: where, and what is given there. */
struct place {
    struct session *session;
    struct assignments at; /* `who`: --to, --from, --for */
};

static void place_clear(struct place *place)
{
    assignments_clear(&place->at);
    session_free(place->session);
}

/* Opens, reads the scope, finds the person (`said` NULL: none), asks what is given there. */
static int place_open(struct invocation *invocation, const char *said, struct place *place,
                      struct error *err)
{
    int rc = session_open(invocation, &place->session, err);
    if (rc < 0)
        return rc;
    const struct workspace_ref here = session_here(place->session);
    return assignments_load(session_client(place->session), &here,
                            invocation_value(invocation, "at", NULL), said, &place->at, err);
}

/* ---- one assignment ---- */

static bool same_role(const char *a, const char *b)
{
    const char *one = strrchr(a, '/'), *other = strrchr(b, '/');
    return text_equal_nocase(one ? one + 1 : a, other ? other + 1 : b);
}

/* ---- grants ---- */

static void grant_row(struct table *table, const struct assignments *all, const cJSON *given)
{
    static const char *const standings[] = { "", "inherited", "below" };
    char fleet[128], scope[RBAC_SCOPE_MAX + 1], note[256];
    enum assignment_standing standing = assignment_standing(all, given);
    bool by_group = all->who.id && !text_equal_nocase(all->who.id, assignment_principal(given));
    (void)assignment_fleet(given, fleet, sizeof fleet);
    (void)snprintf(note, sizeof note, "%s%s%s%s%s", standings[standing],
                   by_group && standing != STANDS_HERE ? ", " : "", by_group ? "by group" : "",
                   assignment_has_condition(given) && (by_group || standing != STANDS_HERE) ? ", "
                                                                                            : "",
                   assignment_has_condition(given) ? "on a condition" : "");
    table_row(table);
    table_cell(table, assignment_name(all, given), STYLE_BOLD);
    table_cell(table, assignment_role(all, given), STYLE_PLAIN);
    table_cell(table, rbac_scope_text(scope, sizeof scope, assignment_scope(given)),
               standing == STANDS_HERE ? STYLE_PLAIN : STYLE_DIM);
    table_cell(table, fleet[0] ? fleet : NULL, STYLE_PLAIN);
    table_cell(table, note[0] ? note : NULL, STYLE_DIM);
}

static int print_grants(struct output *output, const struct assignments *all, struct error *err)
{
    static const char *const headings[] = { "WHO", "ROLE", "AT", "FLEET", "NOTE", NULL };
    const cJSON **rows = NULL;
    size_t count = 0;
    int rc = assignments_sorted(all, &rows, &count, err);
    if (rc < 0)
        return rc;
    if (output->json) {
        cJSON *document = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(document, "grants");
        for (size_t i = 0; i < count; i++)
            cJSON_AddItemToArray(list, assignment_json(all, rows[i]));
        output_json(output, document);
    } else if (count == 0) {
        output_note(output, "no role assignments\n");
    } else {
        struct table *table = table_new(output, headings);
        for (size_t i = 0; table && i < count; i++)
            grant_row(table, all, rows[i]);
        rc = table ? table_print(table, err) : error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    free(rows);
    return rc;
}

static int run_grants(struct invocation *invocation, struct error *err)
{
    struct place place = { 0 };
    int rc = place_open(invocation, invocation_value(invocation, "for", NULL), &place, err);
    if (rc == 0)
        rc = assignments_told(&place.at, err);
    if (rc == 0)
        rc = print_grants(invocation->output, &place.at, err);
    place_clear(&place);
    return rc < 0 ? rc : EXIT_DONE;
}

/* ---- grant ---- */

/* The assignment of that role to the person at the scope itself, or NULL. */
static const cJSON *find_given(const struct place *place, const char *role_id)
{
    const cJSON *given;
    cJSON_ArrayForEach(given, access_assignments(place->at.access))
    {
        if (text_equal_nocase(assignment_principal(given), place->at.who.id) &&
            same_role(json_string(given, "properties.roleDefinitionId", ""), role_id) &&
            assignment_standing(&place->at, given) == STANDS_HERE)
            return given;
    }
    return NULL;
}

/* "granted 'Reader' to ada@x at workspace ds-workspace", or a document. */
static void tell(struct invocation *invocation, const struct place *place, const char *what,
                 const cJSON *role, const char *id, bool changed)
{
    char name[OUTPUT_SAFE_SIZE], who[OUTPUT_SAFE_SIZE], scope[RBAC_SCOPE_MAX + 1],
        safe[RBAC_SCOPE_MAX + 1];
    const char *said = json_string(role, "properties.roleName", "");
    if (invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddBoolToObject(document, "changed", changed);
        cJSON_AddStringToObject(document, "role", said);
        cJSON_AddStringToObject(document, "who", place->at.who.name);
        cJSON_AddStringToObject(document, "whoId", place->at.who.id);
        cJSON_AddStringToObject(document, "scope", place->at.scope);
        cJSON_AddStringToObject(document, "id", id);
        output_json(invocation->output, document);
        return;
    }
    output_print(
        invocation->output, "%s '%s' %s %s at %s\n", what, output_safe(name, sizeof name, said),
        text_equal(invocation->command->name, "revoke") ? "from" : "to",
        output_safe(who, sizeof who, place->at.who.name),
        output_safe(safe, sizeof safe, rbac_scope_text(scope, sizeof scope, place->at.scope)));
}

/* The same for the same grant, so that a repeated one is the same one. */
static void grant_name(const struct place *place, const char *role_id, char out[UUID_TEXT_SIZE])
{
    const char *guid = strrchr(role_id, '/');
    char *text = text_format("moonfleet grant\n%s\n%s\n%s", place->at.scope,
                             guid ? guid + 1 : role_id, place->at.who.id);
    uuid_of_text(text ? text_lower(text) : "", out);
    free(text);
}

static int put(const struct place *place, const cJSON *role, char **out_id, struct error *err)
{
    char name[UUID_TEXT_SIZE];
    struct authorization_request request;
    const struct authorization_grant grant = { .scope = place->at.scope,
                                               .name = name,
                                               .role_id = json_string(role, "id", ""),
                                               .principal_id = place->at.who.id,
                                               .principal_type = who_type(&place->at.who) };
    cJSON *body = NULL;
    grant_name(place, grant.role_id, name);
    int rc = authorization_assignment_put(&request, &grant, err);
    if (rc < 0)
        return rc;
    rc = arm_wait(session_client(place->session), &request.arm, &body, err);
    if (rc == 0) {
        *out_id = strdup(json_string(body, "id", request.arm.path));
        rc = *out_id ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    cJSON_Delete(body);
    authorization_request_clear(&request);
    return rc;
}

/* There is no default for whom. */
static int required(const struct invocation *invocation, const char *option, const char **out,
                    struct error *err)
{
    *out = invocation_value(invocation, option, NULL);
    return *out ? 0
                : error_set(err, ERROR_USAGE, "%s needs --%s WHO", invocation->command->name,
                            option);
}

static int run_grant(struct invocation *invocation, struct error *err)
{
    struct place place = { 0 };
    const char *to = NULL;
    const cJSON *role = NULL;
    char *id = NULL;
    int rc = required(invocation, "to", &to, err);
    if (rc < 0)
        return rc;
    rc = place_open(invocation, to, &place, err);
    if (rc == 0)
        rc = access_find_role(access_roles(place.at.access), invocation->arguments[0], &role, err);
    const cJSON *given = rc == 0 ? find_given(&place, json_string(role, "id", "")) : NULL;
    if (given) {
        tell(invocation, &place, "already granted", role, json_string(given, "id", ""), false);
    } else if (rc == 0) {
        rc = put(&place, role, &id, err);
        bool there = rc < 0 && text_equal(err->name, "RoleAssignmentExists");
        if (rc == 0 || there)
            tell(invocation, &place, there ? "already granted" : "granted", role, id ? id : "",
                 !there);
        rc = there ? 0 : rc;
    }
    free(id);
    place_clear(&place);
    return rc < 0 ? rc : EXIT_DONE;
}

/* ---- revoke ---- */

/* They have it, but not from here: says from where, and what to do. */
static int explain_elsewhere(const struct place *place, const cJSON *role, const cJSON *given,
                             struct error *err)
{
    struct buffer at = { 0 }, said = { 0 };
    const char *name = json_string(role, "properties.roleName", "");
    bool by_group = !text_equal_nocase(assignment_principal(given), place->at.who.id);
    rbac_scope_words(&at, assignment_scope(given));
    scope_say(&said, assignment_scope(given), &place->at.here);
    int rc = buffer_check(&at, "a scope", err);
    if (rc == 0)
        rc = buffer_check(&said, "a scope", err);
    if (rc == 0 && by_group)
        rc = error_set(err, ERROR_NOT_FOUND,
                       "%s has '%s' at %s by way of %s: take them out of the group, or revoke the "
                       "group's grant with --from %s --at %s",
                       place->at.who.name, name, at.data, assignment_name(&place->at, given),
                       assignment_principal(given), said.data);
    else if (rc == 0)
        rc = error_set(err, ERROR_NOT_FOUND,
                       "%s has '%s' from %s, which is above: revoke it there, with --at %s",
                       place->at.who.name, name, at.data, said.data);
    buffer_clear(&at);
    buffer_clear(&said);
    return rc;
}

static int explain_nothing(const struct place *place, const cJSON *role, struct error *err)
{
    const cJSON *given;
    const char *role_id = json_string(role, "id", "");
    char scope[RBAC_SCOPE_MAX + 1];
    cJSON_ArrayForEach(given, access_assignments(place->at.access))
    {
        if (assignment_standing(&place->at, given) != STANDS_BELOW &&
            same_role(json_string(given, "properties.roleDefinitionId", ""), role_id) &&
            access_includes(place->at.access, assignment_principal(given), place->at.who.id))
            return explain_elsewhere(place, role, given, err);
    }
    return error_set(err, ERROR_NOT_FOUND, "nothing to revoke: %s does not have '%s' at %s",
                     place->at.who.name, json_string(role, "properties.roleName", ""),
                     rbac_scope_text(scope, sizeof scope, place->at.scope));
}

static int delete_given(const struct place *place, const cJSON *given, struct error *err)
{
    struct authorization_request request;
    int rc = authorization_assignment_delete(&request, json_string(given, "id", ""), err);
    if (rc == 0)
        rc = arm_wait(session_client(place->session), &request.arm, NULL, err);
    authorization_request_clear(&request);
    return rc;
}

static int run_revoke(struct invocation *invocation, struct error *err)
{
    struct place place = { 0 };
    const char *from = NULL;
    const cJSON *role = NULL;
    char fleet[128] = "", safe[OUTPUT_SAFE_SIZE];
    int rc = required(invocation, "from", &from, err);
    if (rc < 0)
        return rc;
    rc = place_open(invocation, from, &place, err);
    if (rc == 0)
        rc = assignments_told(&place.at, err);
    if (rc == 0)
        rc = access_find_role(access_roles(place.at.access), invocation->arguments[0], &role, err);
    const cJSON *given = rc == 0 ? find_given(&place, json_string(role, "id", "")) : NULL;
    if (rc == 0)
        rc = given ? delete_given(&place, given, err) : explain_nothing(&place, role, err);
    if (rc == 0) {
        tell(invocation, &place, "revoked", role, json_string(given, "id", ""), true);
        (void)assignment_fleet(given, fleet, sizeof fleet);
    }
    if (fleet[0])
        output_warning(invocation->output,
                       "the grant belonged to the fleet '%s': its next apply gives it again",
                       output_safe(safe, sizeof safe, fleet));
    place_clear(&place);
    return rc < 0 ? rc : EXIT_DONE;
}

/* ---- rows ---- */

#define AT_OPTION                                                                                  \
    {                                                                                              \
        "at", 0, "SCOPE", "workspace (the default), instance:NAME, resource-group, …",             \
            COMPLETES_NOTHING, NULL                                                                \
    }

static const struct option_row grants_options[] = {
    AT_OPTION,
    { "for", 0, "WHO", "only theirs, those of their groups included", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_grants = {
    .name = "grants",
    .arguments = "",
    .summary = "who has which role: role assignments",
    .details = "Those in force at the scope, inherited ones marked, and those below it.\n"
               "--json: {\"grants\":[{\"who\",\"whoId\",\"role\",\"roleId\",\"scope\","
               "\"inherited\",\"condition\",\n\"fleet\",\"id\"}]}; \"fleet\" is the one that owns "
               "it, or null.",
    .examples = "moonfleet grants\n"
                "moonfleet grants --for ada@moonfleet.local\n"
                "moonfleet grants --at subscription --json",
    .options = grants_options,
    .needs = NEEDS_PLANE,
    .run = run_grants,
};

static const struct option_row grant_options[] = {
    { "to", 0, "WHO", "a person, a group, a service principal, an object id, or me",
      COMPLETES_NOTHING, NULL },
    AT_OPTION,
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_grant = {
    .name = "grant",
    .arguments = "ROLE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "give a role to somebody at a scope",
    .details = "ROLE is a role's name, its GUID or its id. Granting again changes nothing.\n"
               "--json: {\"changed\",\"role\",\"who\",\"whoId\",\"scope\",\"id\"}.",
    .examples = "moonfleet grant 'AzureML Compute Operator' --to data-scientists\n"
                "moonfleet grant Reader --to ada@moonfleet.local --at instance:ds-grace",
    .options = grant_options,
    .needs = NEEDS_PLANE,
    .run = run_grant,
};

static const struct option_row revoke_options[] = {
    { "from", 0, "WHO", "a person, a group, a service principal, an object id, or me",
      COMPLETES_NOTHING, NULL },
    AT_OPTION,
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_revoke = {
    .name = "revoke",
    .arguments = "ROLE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "take a role away again",
    .details = "Only what was given to them at that scope itself; what they have from above or by\n"
               "way of a group is told. Nothing to revoke: exit status 1.\n"
               "--json: {\"changed\",\"role\",\"who\",\"whoId\",\"scope\",\"id\"}.",
    .examples = "moonfleet revoke 'AzureML Compute Operator' --from data-scientists\n"
                "moonfleet revoke Reader --from ada@moonfleet.local --at instance:ds-grace",
    .options = revoke_options,
    .needs = NEEDS_PLANE,
    .run = run_revoke,
};
