/* test_grants.c - roles and grants: planned, made, changed, taken back, and whose they are. */
#include "world.h"

#include "base/text.h"
#include "engine/grants.h"

#define OPERATOR "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815" /* AzureML Compute Operator */
#define WORKSPACE                                                                                  \
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"

#define GRANT(LINE, FIELDS)                                                                        \
    "{\"type\":\"grant\",\"name\":\"grant\",\"fields\":{" FIELDS                                   \
    "},\"at\":{\"file\":\"r.lua\",\"line\":" #LINE "}}"
#define ROLE(NAME, LINE, FIELDS)                                                                   \
    "{\"type\":\"role\",\"name\":\"" NAME "\",\"fields\":{" FIELDS                                 \
    "},\"at\":{\"file\":\"r.lua\",\"line\":" #LINE "}}"
#define OPERATES "\"role\":\"AzureML Compute Operator\""
#define TEAM "\"to\":{\"$group\":\"team\"}"
#define ADA "\"to\":{\"$user\":\"ada@x\"}"
#define STARTS "\"actions\":[\"computes/start\",\"computes/*/read\"],\"description\":\"Starts\""
#define EVERYTHING                                                                                 \
    GRANT(2, OPERATES "," TEAM)                                                                    \
    "," ROLE("Starter", 3,                                                                         \
             STARTS) "," GRANT(4, "\"role\":\"starter\"," ADA                                      \
                                  ",\"scope\":\"instance:ds-a\"") "," DECLARED("ds-a", 5, SIZE)

static void apply(struct world *world, const cJSON *document, bool destroy)
{
    struct error err = { 0 };
    if (world_plan_for(world, document, NULL, destroy, &err) < 0)
        fail_msg("planning: %s", err.message);
    buffer_clear(&world->log);
    buffer_text(&world->log, "");
    if (apply_run(world->fake.client, world->plan, NULL, NULL, NULL, &err) < 0)
        fail_msg("applying: %s", err.message);
}

static void makes_roles_then_grants_then_what_needs_them(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document = world_document("{}", EVERYTHING);
    assert_steps(world_plan(&world, document),
                 "create Starter; create AzureML Compute Operator to group team; create Starter to "
                 "user ada@x at instance ds-a; create ds-a; ");
    apply(&world, document, false);
    assert_string_equal(world.log.data, "PUT role\nPUT grant\nPUT ds-a\nPUT grant\n");
    assert_steps(world_plan(&world, document), "");
    assert_int_equal(plan_counts(world.plan).of[PLAN_UNCHANGED], 4);
    const cJSON *role = cJSON_GetArrayItem(world.roles, 0);
    assert_string_equal(json_string(role, "properties.roleName", ""), "Starter");
    assert_string_equal(json_string(role, "properties.description", ""),
                        "moonfleet-fleet=ds in " WORKSPACE "; Starts");
    char *permissions = json_text(json_at(role, "properties.permissions"));
    assert_string_equal(permissions,
                        "[{\"actions\":[\"Microsoft.MachineLearningServices/workspaces/computes/"
                        "*/read\",\"Microsoft.MachineLearningServices/workspaces/computes/start/"
                        "action\"],\"notActions\":[],\"dataActions\":[],\"notDataActions\":[]}]");
    free(permissions);
    const cJSON *grant = cJSON_GetArrayItem(world.assignments, 0);
    assert_string_equal(json_string(grant, "properties.principalType", ""), "Group");
    assert_string_equal(json_string(grant, "properties.principalId", ""), WORLD_TEAM);
    assert_true(text_ends(json_string(grant, "properties.roleDefinitionId", ""), "/" OPERATOR));
    world_stop(&world);
    cJSON_Delete(document);
}

static void destroys_grants_after_instances_and_roles_last(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document = world_document("{}", EVERYTHING);
    apply(&world, document, false);
    apply(&world, document, true);
    assert_string_equal(world.log.data, "DELETE ds-a\nDELETE grant\nDELETE grant\nDELETE role\n");
    assert_int_equal(cJSON_GetArraySize(world.assignments), 0);
    world_stop(&world);
    cJSON_Delete(document);
}

/* From what is applied first to what is planned then. */
static const struct {
    const char *before, *after, *steps;
} changes[] = {
    { GRANT(2, OPERATES "," TEAM), GRANT(2, OPERATES "," TEAM ",\"scope\":\"workspace\""), "" },
    { GRANT(2, OPERATES "," TEAM), GRANT(2, OPERATES "," TEAM ",\"scope\":\"resource-group\""),
      "delete AzureML Compute Operator to group team; create AzureML Compute Operator to group "
      "team at resource group g; " },
    { GRANT(2, OPERATES "," TEAM), GRANT(2, OPERATES "," ADA),
      "delete AzureML Compute Operator to group team; create AzureML Compute Operator to user "
      "ada@x; " },
    { GRANT(2, OPERATES "," TEAM), GRANT(2, "\"role\":\"Reader\"," TEAM),
      "delete AzureML Compute Operator to group team; create Reader to group team; " },
    { GRANT(2, OPERATES "," TEAM), GRANT(2, "\"role\":\"" OPERATOR "\"," TEAM), "" },
    { GRANT(2, OPERATES "," TEAM), "", "delete AzureML Compute Operator to group team; " },
    { GRANT(2, OPERATES ",\"to\":[{\"$group\":\"team\"},{\"$user\":\"ada@x\"}]"),
      GRANT(2, OPERATES "," ADA), "delete AzureML Compute Operator to group team; " },
    { GRANT(2,
            OPERATES "," TEAM ",\"scope\":\"/providers/Microsoft.Management/managementGroups/m\""),
      "", "delete AzureML Compute Operator to group team at management group m; " },
    { ROLE("R", 2, STARTS),
      ROLE("R", 2,
           "\"actions\":[\"computes/*/read\",\"COMPUTES/START\"],"
           "\"description\":\"Starts\",\"not_actions\":[]"),
      "" },
    { ROLE("R", 2, STARTS),
      ROLE("R", 2,
           "\"actions\":[\"computes/start\"],"
           "\"description\":\"Starts instances\""),
      "update R:actions,description; " },
    { ROLE("R", 2, STARTS ",\"not_actions\":[\"computes/stop\"]"), ROLE("R", 2, STARTS),
      "update R:not_actions; " },
    { ROLE("R", 2, STARTS), ROLE("R", 2, STARTS ",\"assignable_scopes\":[\"subscription\"]"),
      "update R:assignable_scopes; " },
    { ROLE("R", 2, STARTS), ROLE("Q", 2, STARTS), "create Q; delete R; " },
};

static void changes_what_the_recipe_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct world world;
        world_start(&world, NULL);
        cJSON *before = world_document("{}", changes[i].before);
        cJSON *after = world_document("{}", changes[i].after);
        apply(&world, before, false);
        char *steps = world_steps(world_plan(&world, after));
        if (!text_equal(steps, changes[i].steps))
            fail_msg("change %zu: '%s'", i, steps);
        free(steps);
        apply(&world, after, false);
        assert_steps(world_plan(&world, after), "");
        world_stop(&world);
        cJSON_Delete(before);
        cJSON_Delete(after);
    }
}

/* An assignment as somebody else made it. */
static void grant_otherwise(struct world *world, const char *name, const char *description)
{
    char *text = text_format(
        "{\"id\":\"" WORKSPACE "/providers/Microsoft.Authorization/roleAssignments/%s\",\"name\":"
        "\"%s\",\"properties\":{\"roleDefinitionId\":\"/providers/Microsoft.Authorization/"
        "roleDefinitions/" OPERATOR "\",\"principalId\":\"" WORLD_TEAM "\",\"scope\":\"" WORKSPACE
        "\",\"description\":\"%s\"}}",
        name, name, description);
    cJSON_AddItemToArray(world->assignments, world_parse(text));
    free(text);
}

static void leaves_what_others_granted(void **state)
{
    (void)state;
    static const char *const theirs[] = { "", "moonfleet-fleet=other in " WORKSPACE,
                                          "moonfleet-fleet=ds in " WORKSPACE "2",
                                          "moonfleet-fleet=ds2 in " WORKSPACE,
                                          "moonfleet-fleet=ds" };
    for (size_t i = 0; i < COUNT(theirs); i++) {
        struct world world;
        world_start(&world, NULL);
        grant_otherwise(&world, "11111111-0000-4000-8000-000000000001", theirs[i]);
        cJSON *document = world_document("{}", GRANT(2, OPERATES "," TEAM));
        assert_steps(world_plan(&world, document), "");
        assert_string_equal(plan_step(world.plan, 0)->note, "granted already, not by this fleet");
        apply(&world, document, true);
        assert_int_equal(cJSON_GetArraySize(world.assignments), 1);
        world_stop(&world);
        cJSON_Delete(document);
    }
}

static void takes_back_what_it_granted_and_forgot(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    grant_otherwise(&world, "11111111-0000-4000-8000-000000000001",
                    "moonfleet-fleet=ds in " WORKSPACE "; group team");
    cJSON *document = world_document("{}", "");
    assert_steps(world_plan(&world, document), "delete AzureML Compute Operator to group team; ");
    apply(&world, document, false);
    assert_int_equal(cJSON_GetArraySize(world.assignments), 0);
    world_stop(&world);
    cJSON_Delete(document);
}

static void puts_back_a_mark_that_was_lost(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document = world_document("{}", GRANT(2, OPERATES "," TEAM) "," ROLE("R", 3, STARTS));
    apply(&world, document, false);
    json_put_string(cJSON_GetArrayItem(world.assignments, 0), "properties.description", "mine");
    json_put_string(cJSON_GetArrayItem(world.roles, 0), "properties.description", "Starts");
    assert_steps(world_plan(&world, document),
                 "update R; update AzureML Compute Operator to group team; ");
    apply(&world, document, false);
    assert_steps(world_plan(&world, document), "");
    world_stop(&world);
    cJSON_Delete(document);
}

static const struct {
    const char *declared, *problem;
} mistakes[] = {
    { GRANT(2, "\"role\":\"AzureML Compute Operater\"," TEAM),
      "r.lua:2: grant: there is no role 'AzureML Compute Operater', did you mean 'AzureML Compute "
      "Operator'?\n" },
    { ROLE("Starter", 2, STARTS) "," GRANT(3, "\"role\":\"Startr\"," TEAM),
      "r.lua:3: grant: there is no role 'Startr', did you mean 'Starter'?\n" },
    { GRANT(2, OPERATES),
      "r.lua:2: grant 'grant': to is missing; for instance to = group(\"data-scientists\")\n" },
    { GRANT(2, OPERATES ",\"to\":\"team\""), "r.lua:2: grant 'grant': to is a user, a group or a "
                                             "service principal, not text; for instance "
                                             "to = group(\"data-scientists\")\n" },
    { GRANT(2, OPERATES "," TEAM ",\"scope\":\"workspce\""),
      "r.lua:2: grant 'AzureML Compute Operator': scope: unknown scope 'workspce', did you mean "
      "'workspace'?\n" },
    { GRANT(2, OPERATES "," TEAM ",\"scope\":\"/subscriptions/other/resourceGroups/g\""),
      "r.lua:2: grant 'AzureML Compute Operator': scope: '/subscriptions/other/resourceGroups/g' "
      "is "
      "outside of the workspace's subscription, where the fleet would lose sight of it\n" },
    { GRANT(2, OPERATES "," TEAM) "," GRANT(3, OPERATES "," TEAM),
      "r.lua:3: grant 'AzureML Compute Operator to group team': the same is granted at r.lua:2\n" },
    { ROLE("Reader", 2, STARTS), "r.lua:2: role 'Reader': a built-in role has that name\n" },
    { ROLE("R", 2, "\"actions\":[\"computes/strt\"]"),
      "r.lua:2: role 'R': actions: unknown action 'computes/strt', did you mean "
      "'computes/start'?\n" },
    { ROLE("R", 2, STARTS ",\"assignable_scopes\":[\"/subscriptions/s/resourceGroups/other\"]"),
      "r.lua:2: role 'R': assignable_scopes: one of them must hold the workspace, or the fleet "
      "would "
      "lose sight of the role\n" },
    { ROLE("R", 2, "\"actions\":\"computes/start\""),
      "r.lua:2: role 'R': actions is a list of texts, not text; for instance actions = { "
      "\"computes/start\", \"computes/stop\" }\n" },
    { GRANT(2, OPERATES ",\"to\":{\"$group\":\"teem\"}"),
      "r.lua:2: grant 'AzureML Compute Operator': the directory has no group 'teem', did you mean "
      "'team'?\n" },
};

static void tells_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct world world;
        world_start(&world, NULL);
        cJSON *document = world_document("{}", mistakes[i].declared);
        char *problems = world_problems(world_plan(&world, document));
        if (!text_equal(problems, mistakes[i].problem))
            fail_msg("mistake %zu: %s", i, problems);
        free(problems);
        world_stop(&world);
        cJSON_Delete(document);
    }
}

static void plans_without_knowing_what_is_granted(void **state)
{
    (void)state;
    struct world world;
    size_t count;
    world_start(&world, NULL);
    world.access_status = 403;
    cJSON *document = world_document("{}", GRANT(2, OPERATES "," TEAM));
    assert_steps(world_plan(&world, document), "create AzureML Compute Operator to group team; ");
    assert_non_null(strstr(plan_warnings(world.plan, &count)[0], "AuthorizationFailed"));
    assert_int_equal(count, 1);
    cJSON_Delete(document);
    document = world_document("{}", DECLARED("ds-a", 2, SIZE));
    assert_steps(world_plan(&world, document), "create ds-a; ");
    (void)plan_warnings(world.plan, &count); /* who grants nothing is not told */
    assert_int_equal(count, 0);
    world_stop(&world);
    cJSON_Delete(document);
}

static void waits_for_a_principal_that_is_new(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    world.unknown_principals = 3;
    cJSON *document = world_document("{}", GRANT(2, OPERATES "," TEAM));
    apply(&world, document, false);
    assert_string_equal(world.log.data, "PUT grant\nPUT grant\nPUT grant\nPUT grant\n");
    assert_int_equal(cJSON_GetArraySize(world.assignments), 1);
    world_stop(&world);
    cJSON_Delete(document);
}

static void a_grant_at_an_instance_that_failed_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    struct apply_summary summary;
    world_start(&world, NULL);
    world.fail = "ds-a";
    cJSON *document = world_document("{}", EVERYTHING "," DECLARED("ds-b", 6, SIZE));
    (void)world_plan(&world, document);
    assert_int_not_equal(apply_run(world.fake.client, world.plan, NULL, NULL, &summary, &err), 0);
    assert_int_equal(summary.failed, 2);
    assert_int_equal(summary.done_count, 3);
    world_stop(&world);
    cJSON_Delete(document);
}

static void a_grant_goes_with_its_instance_and_comes_back(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    world_start(&world, NULL);
    cJSON *document = world_document("{}", EVERYTHING);
    apply(&world, document, false);
    cJSON_Delete(document);
    document = world_document(
        "{}", GRANT(2, OPERATES "," TEAM) "," ROLE("Starter", 3, STARTS) "," GRANT(
                  4, "\"role\":\"starter\"," ADA
                     ",\"scope\":\"instance:ds-a\"") "," DECLARED("ds-a", 5,
                                                                  "\"size\":\"Standard_DS2_v2\""));
    assert_int_equal(world_plan_for(&world, document, "ds-a", false, &err), 0);
    assert_steps(world.plan, "create Starter to user ada@x at instance ds-a; replace ds-a:size; ");
    world_stop(&world);
    cJSON_Delete(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_roles_then_grants_then_what_needs_them),
        cmocka_unit_test(destroys_grants_after_instances_and_roles_last),
        cmocka_unit_test(changes_what_the_recipe_changes),
        cmocka_unit_test(leaves_what_others_granted),
        cmocka_unit_test(takes_back_what_it_granted_and_forgot),
        cmocka_unit_test(puts_back_a_mark_that_was_lost),
        cmocka_unit_test(tells_mistakes),
        cmocka_unit_test(plans_without_knowing_what_is_granted),
        cmocka_unit_test(waits_for_a_principal_that_is_new),
        cmocka_unit_test(a_grant_at_an_instance_that_failed_is_refused),
        cmocka_unit_test(a_grant_goes_with_its_instance_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
