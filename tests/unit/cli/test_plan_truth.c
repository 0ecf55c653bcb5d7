/* What a plan says of rights is what the plane then does: random groups, roles, assignments and
 * recipes; what the plan says of the caller and of each assigned person against what the plane
 * allows them with x-moonfleet-as.
 *
 * MOONFLEET_TRUTH_ROUNDS: how many worlds (60); MOONFLEET_TRUTH_SEED: the first one's seed. */
#include "house.h"

#include "arm/api.h"
#include "base/random.h"

#define ROUNDS 60
#define RECIPES 3 /* that one world sees, each after the other */
#define PEOPLE 3
#define INSTANCES 3
#define GROUPS 3
#define SUBSCRIPTION_SCOPE "/subscriptions/" SUBSCRIPTION
#define GROUP_SCOPE SUBSCRIPTION_SCOPE "/resourceGroups/moonfleet"
#define WORKSPACE GROUP_SCOPE "/providers/Microsoft.MachineLearningServices/workspaces/ds-workspace"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define ROLES "/providers/Microsoft.Authorization/roleDefinitions/"

static const char *const people[PEOPLE] = { "ada@moonfleet.local", "grace@moonfleet.local",
                                            "linus@moonfleet.local" };
static const char *const person_ids[PEOPLE] = { "00000000-0000-4000-8000-000000000101",
                                                "00000000-0000-4000-8000-000000000102",
                                                "00000000-0000-4000-8000-000000000103" };
static const char *const instances[INSTANCES] = { "ds-one", "ds-two", "ds-three" };

/* What is there before any recipe may be given at these; a recipe says them so. */
static const struct {
    const char *said, *id;
} scopes[] = {
    { "subscription", SUBSCRIPTION_SCOPE },
    { "resource-group", GROUP_SCOPE },
    { "workspace", WORKSPACE },
    { "workspace", WORKSPACE },
    { "instance:ds-one", NULL },
    { "instance:ds-two", NULL },
};

/* Built-in roles, and GUIDs of those. */
static const struct {
    const char *name, *guid;
} builtins[] = {
    { "Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635" },
    { "Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c" },
    { "Reader", READER },
    { "AzureML Compute Operator", "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815" },
    { "AzureML Data Scientist", "f6c7c914-8db3-469d-8ca1-694a8f32e121" },
    { "User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9" },
};

static const char *const actions[] = {
    "computes/start",
    "computes/stop",
    "computes/restart",
    "computes/applicationaccess",
    "computes/write",
    "computes/delete",
    "computes/read",
    "computes/*",
    "*/read",
    "Microsoft.MachineLearningServices/*/action",
    "Microsoft.MachineLearningServices/*",
    "Microsoft.Authorization/*",
    "Microsoft.Authorization/roleAssignments/*",
    "*",
};

struct world {
    struct house house;
    struct arm_client *as[PEOPLE];
    char *groups[GROUPS]; /* object ids */
    uint64_t seed, state;
    int recipe;
};

/* ---- chance ---- */

static size_t below(struct world *world, size_t bound)
{
    world->state = world->state * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(world->state >> 33) % bound;
}

static bool chance(struct world *world, size_t percent)
{
    return below(world, 100) < percent;
}

/* ---- requests ---- */

/* The ARM status of the reply; *out_body (may be NULL) is the caller's. */
static int send(struct arm_client *client, enum http_method method, const char *path,
                const char *version, const char *text, cJSON **out_body)
{
    struct error err = { 0 };
    cJSON *body = text ? parse(text) : NULL, *reply = NULL;
    const struct arm_request request = {
        .method = method,
        .path = path,
        .api_version = version,
        .body = body,
        .follow = method == HTTP_POST && version ? ARM_OPERATION : ARM_REPLY,
    };
    int rc = arm_wait(client, &request, &reply, &err);
    cJSON_Delete(body);
    if (out_body)
        *out_body = reply;
    else
        cJSON_Delete(reply);
    return rc == 0 ? 200 : err.status ? err.status : -1;
}

static void must(struct world *world, enum http_method method, const char *path,
                 const char *version, const char *text, cJSON **out_body)
{
    int status = send(world->house.client, method, path, version, text, out_body);
    if (status != 200)
        fail_msg("seed %llu: %s: %d: %s", (unsigned long long)world->seed, path, status, text);
}

/* ---- what is there before ---- */

/* Several of the actions, as JSON texts. */
static void put_actions(struct world *world, struct buffer *out, size_t most, bool whole)
{
    size_t count = below(world, most + 1);
    for (size_t i = 0; i < count; i++) {
        const char *action = actions[below(world, COUNT(actions))];
        bool is_short = text_starts(action, "computes/");
        bool verb = is_short && !strchr(action, '*') && !text_equal(action, "computes/write") &&
                    !text_equal(action, "computes/delete") && !text_equal(action, "computes/read");
        buffer_format(out, "%s\"%s%s%s\"", i ? "," : "",
                      whole && is_short ? "Microsoft.MachineLearningServices/workspaces/" : "",
                      action, whole && verb ? "/action" : "");
    }
}

static void make_groups(struct world *world)
{
    for (size_t i = 0; i < GROUPS; i++) {
        cJSON *body = NULL;
        char *text = text_format("{\"displayName\":\"g%zu\",\"mailEnabled\":false,"
                                 "\"mailNickname\":\"g%zu\",\"securityEnabled\":true}",
                                 i, i);
        must(world, HTTP_POST, "/v1.0/groups", NULL, text, &body);
        world->groups[i] = strdup(json_string(body, "id", ""));
        free(text);
        cJSON_Delete(body);
    }
    for (size_t i = 0; i < GROUPS; i++) {
        for (size_t k = 0; k < PEOPLE + GROUPS; k++) {
            const char *member = k < PEOPLE ? person_ids[k] : world->groups[k - PEOPLE];
            if (!chance(world, 35) || text_equal(member, world->groups[i]))
                continue;
            char *path = text_format("/v1.0/groups/%s/members/$ref", world->groups[i]);
            char *text = text_format("{\"@odata.id\":\"http://localhost/v1.0/directoryObjects/"
                                     "%s\"}",
                                     member);
            (void)send(world->house.client, HTTP_POST, path, NULL, text, NULL); /* no cycles */
            free(path);
            free(text);
        }
    }
}

static void give(struct world *world, const char *role, const char *who, const char *type,
                 const char *scope)
{
    char guid[UUID_TEXT_SIZE];
    uuid_make(guid);
    char *path =
        text_format("%s/providers/Microsoft.Authorization/roleAssignments/%s", scope, guid);
    char *text = text_format("{\"properties\":{\"roleDefinitionId\":\"" SUBSCRIPTION_SCOPE ROLES
                             "%s\",\"principalId\":\"%s\",\"principalType\":\"%s\"}}",
                             role, who, type);
    (void)send(world->house.client, HTTP_PUT, path, API_AUTHORIZATION, text, NULL);
    free(path);
    free(text);
}

static void make_assignments(struct world *world)
{
    char custom[UUID_TEXT_SIZE];
    struct buffer text = { 0 };
    uuid_make(custom);
    buffer_text(&text, "{\"properties\":{\"roleName\":\"There Before\",\"type\":\"CustomRole\","
                       "\"assignableScopes\":[\"" SUBSCRIPTION_SCOPE "\"],\"permissions\":[{"
                       "\"actions\":[\"Microsoft.Resources/subscriptions/read\"");
    buffer_text(&text, "],\"notActions\":[");
    put_actions(world, &text, 1, true);
    buffer_text(&text, "]},{\"actions\":[");
    put_actions(world, &text, 3, true);
    buffer_text(&text, "]}]}}");
    char *path = text_format(SUBSCRIPTION_SCOPE ROLES "%s", custom);
    must(world, HTTP_PUT, path, API_AUTHORIZATION, text.data, NULL);
    free(path);
    buffer_clear(&text);
    for (size_t i = 0; i < PEOPLE; i++)
        if (chance(world, 70))
            give(world, READER, person_ids[i], "User", SUBSCRIPTION_SCOPE); /* they can plan */
    for (size_t i = 0, count = below(world, 6); i < count; i++) {
        bool group = chance(world, 50);
        const char *who =
            group ? world->groups[below(world, GROUPS)] : person_ids[below(world, PEOPLE)];
        size_t role = below(world, COUNT(builtins) + 1);
        give(world, role < COUNT(builtins) ? builtins[role].guid : custom, who,
             group ? "Group" : "User", scopes[below(world, 4)].id);
    }
}

static void world_open(struct world *world, uint64_t seed)
{
    struct error err = { 0 };
    const struct simulated_options simulated = { 0 };
    *world = (struct world) { .seed = seed, .state = seed * 2654435761U + 1 };
    house_open(&world->house, &simulated);
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct arm_client_options options = { .transport = world->house.transport,
                                                    .as_principal = people[i] };
        assert_int_equal(arm_client_new(world->house.loop, &options, &world->as[i], &err), 0);
    }
    make_groups(world);
    make_assignments(world);
}

static void world_close(struct world *world)
{
    plan_free(world->house.plan);
    world->house.plan = NULL;
    for (size_t i = 0; i < PEOPLE; i++)
        arm_client_free(world->as[i]);
    for (size_t i = 0; i < GROUPS; i++)
        free(world->groups[i]);
    house_close(&world->house);
}

/* ---- recipes ---- */

static void declare(struct buffer *out, const char *type, const char *name, const char *fields)
{
    char *text = declaration(type, name, fields);
    buffer_format(out, "%s%s", out->size ? "," : "", text);
    free(text);
}

static void declare_grant(struct world *world, struct buffer *out, bool own_role)
{
    char to[96];
    size_t role = below(world, COUNT(builtins) + (own_role ? 4 : 0));
    if (chance(world, 50))
        (void)snprintf(to, sizeof to, "{\"$group\":\"g%zu\"}", below(world, GROUPS));
    else
        (void)snprintf(to, sizeof to, "{\"$user\":\"%s\"}", people[below(world, PEOPLE)]);
    char *fields = text_format("\"role\":\"%s\",\"to\":%s,\"scope\":\"%s\"",
                               role < COUNT(builtins) ? builtins[role].name : "Own", to,
                               own_role && role >= COUNT(builtins) ? "workspace"
                                                                   : scopes[below(world, 6)].said);
    declare(out, "grant", "grant", fields);
    free(fields);
}

/* A random recipe; *owners tells which person each instance is for, -1: nobody, -2: not declared. */
static cJSON *make_recipe(struct world *world, int owners[INSTANCES])
{
    struct buffer text = { 0 }, role = { 0 };
    bool own_role = chance(world, 50);
    world->recipe++;
    for (size_t i = 0; i < INSTANCES; i++) {
        char assigned[96] = "";
        /* The first two are there always: grants stand at them. */
        owners[i] = i == 2 && chance(world, 50) ? -2 : (int)below(world, PEOPLE + 1) - 1;
        if (owners[i] >= 0)
            (void)snprintf(assigned, sizeof assigned, ",\"assigned_to\":{\"$user\":\"%s\"}",
                           people[owners[i]]);
        char *fields = text_format("\"size\":\"Standard_DS3_v2\",\"tags\":{\"n\":\"%zu\"}%s",
                                   below(world, 3), assigned);
        if (owners[i] > -2)
            declare(&text, "instance", instances[i], fields);
        free(fields);
    }
    if (own_role) {
        buffer_text(&role, "\"actions\":[");
        put_actions(world, &role, 3, false);
        buffer_text(&role, "],\"not_actions\":[");
        put_actions(world, &role, 2, false);
        buffer_text(&role, "]");
        declare(&text, "role", "Own", role.data);
    }
    for (size_t i = 0, count = below(world, 3); i < count; i++)
        declare_grant(world, &text, own_role);
    cJSON *document = document_declaring(text.data);
    buffer_clear(&text);
    buffer_clear(&role);
    return document;
}

/* NULL: the caller may not even read what a plan is made of, or the recipe is wrong (the same
 * granted twice, a role that gives nothing). */
static struct plan *plan_as(struct arm_client *client, const cJSON *document)
{
    static const char *const forced[] = { "assigned", "caller" };
    struct error err = { 0 };
    size_t problems;
    struct plan *plan = NULL;
    const struct plan_request request = {
        .document = document,
        .target = { .subscription = SUBSCRIPTION,
                    .group = "moonfleet",
                    .workspace = "ds-workspace",
                    .tenant = TENANT },
        .forced = forced,
        .forced_count = COUNT(forced),
        .replace = instances,
        .replace_count = INSTANCES,
    };
    if (plan_make_wait(client, &request, &plan, &err) < 0)
        return NULL;
    if (plan_problems(plan, &problems) && problems > 0) {
        plan_free(plan);
        return NULL;
    }
    return plan;
}

static void fail_with(const struct world *world, const struct plan *plan, const char *what)
{
    struct buffer text = { 0 };
    plan_write_json(plan, true, &text);
    (void)fprintf(stderr, "%s\n", text.data);
    buffer_clear(&text);
    fail_msg("seed %llu, recipe %d: %s", (unsigned long long)world->seed, world->recipe, what);
}

/* ---- the caller ---- */

static bool has(const struct plan *plan, const char *name, enum plan_check_status status)
{
    size_t count;
    const struct plan_check *checks = plan_checks(plan, &count);
    for (size_t i = 0; i < count; i++)
        if (text_equal(checks[i].name, name) && checks[i].status == status)
            return true;
    return false;
}

/* Whatever is said to be allowed is done; of what is said to be refused, something is. */
static void apply_as(struct world *world, struct arm_client *client, struct plan *plan)
{
    struct error err = { 0 };
    bool refused = has(plan, "caller", PLAN_CHECK_FAILURE);
    bool open = has(plan, "caller", PLAN_CHECK_UNKNOWN) || has(plan, "caller", PLAN_CHECK_WARNING);
    int rc = apply_run(client, plan, NULL, NULL, NULL, &err);
    if (!refused && !open && rc < 0)
        fail_with(world, plan, err.message);
    if (refused && rc == 0)
        fail_with(world, plan, "the caller check failed, and the apply did not");
}

/* ---- the people ---- */

/* What a person does with an instance, and where the plane has it. */
static const struct {
    const char *action, *path;
} uses[] = {
    { "computes/start", "start" },
    { "computes/stop", "stop" },
    { "computes/restart", "restart" },
    { "computes/applicationaccess", "exec" },
};

static bool may(struct world *world, int person, const char *instance, size_t use)
{
    char *path = text_format(WORKSPACE "/computes/%s/%s", instance, uses[use].path);
    int status = send(world->as[person], HTTP_POST, path, API_COMPUTES,
                      text_equal(uses[use].path, "exec") ? "{\"command\":[\"true\"]}" : NULL, NULL);
    free(path);
    assert_int_not_equal(status, -1);
    assert_int_not_equal(status, 404);
    return status != 403;
}

/* Is the person said to lack this? */
static bool is_told(const struct plan *plan, const char *person, const char *action)
{
    size_t count;
    const struct plan_check *checks = plan_checks(plan, &count);
    for (size_t i = 0; i < count; i++)
        if (text_equal(checks[i].name, "assigned") && text_equal(checks[i].subject, person) &&
            strstr(checks[i].message, action))
            return true;
    return false;
}

static void compare_people(struct world *world, const struct plan *plan,
                           const int owners[INSTANCES])
{
    bool allowed[PEOPLE][COUNT(uses)];
    memset(allowed, true, sizeof allowed);
    for (size_t i = 0; i < INSTANCES; i++)
        for (size_t k = 0; owners[i] >= 0 && k < COUNT(uses); k++)
            if (!may(world, owners[i], instances[i], k))
                allowed[owners[i]][k] = false;
    for (size_t i = 0; i < PEOPLE; i++) {
        for (size_t k = 0; k < COUNT(uses); k++) {
            char what[256];
            if (allowed[i][k] == !is_told(plan, people[i], uses[k].action))
                continue;
            (void)snprintf(what, sizeof what, "%s %s %s, the plan says otherwise", people[i],
                           allowed[i][k] ? "may" : "may not", uses[k].action);
            fail_with(world, plan, what);
        }
    }
}

/* ---- rounds ---- */

/* Somebody plans and applies it, as far as they may; then the owner does the rest. */
static void one_recipe(struct world *world)
{
    int owners[INSTANCES];
    size_t who = below(world, PEOPLE);
    cJSON *document = make_recipe(world, owners);
    struct plan *plan = plan_as(world->as[who], document);
    if (plan)
        apply_as(world, world->as[who], plan);
    plan_free(plan);
    plan = plan_as(world->house.client, document);
    if (plan) {
        apply_as(world, world->house.client, plan);
        compare_people(world, plan, owners);
    }
    plan_free(plan);
    cJSON_Delete(document);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    int64_t number = 0;
    const char *text = getenv(variable);
    return text && text_to_int64(text, 0, INT64_MAX, &number) == 0 ? (uint64_t)number : otherwise;
}

static void what_a_plan_says_is_what_the_plane_does(void **state)
{
    uint64_t rounds = number_of("MOONFLEET_TRUTH_ROUNDS", ROUNDS);
    uint64_t seed = number_of("MOONFLEET_TRUTH_SEED", 1);
    (void)state;
    for (uint64_t i = 0; i < rounds; i++) {
        struct world world;
        world_open(&world, seed + i);
        for (int k = 0; k < RECIPES; k++)
            one_recipe(&world);
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_plan_says_is_what_the_plane_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
