/* Tests of engine/plan.h. */
#include "engine/world.h"

/* ---- what a plan finds ---- */

static const char everything_declared[] = DECLARED(
    "ds-new", 10,
    SIZE
    ",\"assigned_to\":{\"$user\":\"ada@x\"},"
    "\"setup\":{\"$setup_script\":0}") "," DECLARED("ds-same", 11,
                                                    SIZE) "," DECLARED("DS-idle", 12,
                                                                       SIZE
                                                                       ",\"idle_shutdown\":"
                                                                       "\"1h\",\"description\":"
                                                                       "\"d\"") "," DECLARED("d"
                                                                                             "s"
                                                                                             "-"
                                                                                             "b"
                                                                                             "i"
                                                                                             "g"
                                                                                             "g"
                                                                                             "e"
                                                                                             "r",
                                                                                             13,
                                                                                             "\"siz"
                                                                                             "e\":"
                                                                                             "\"Sta"
                                                                                             "ndard"
                                                                                             "_DS2_"
                                                                                             "v2\"") "," DECLARED("ds-up",
                                                                                                                  14,
                                                                                                                  SIZE
                                                                                                                  ",\"power\":\"running\"") "," DECLARED("ds-down",
                                                                                                                                                         15,
                                                                                                                                                         SIZE
                                                                                                                                                         ",\"power\":\"stopped\"") "," DECLARED("ds-moving",
                                                                                                                                                                                                16,
                                                                                                                                                                                                SIZE) "," DECLARED("ds-broken",
                                                                                                                                                                                                                   17,
                                                                                                                                                                                                                   SIZE);

static const char everything_listed[] =
    "[" LISTED("ds-same", OURS, "Running", "") "," LISTED("ds-idle", OURS, "Running", ",\"idleTimeBeforeShutdown\":\"PT30M\"") "," LISTED(
        "ds-bigger", OURS, "Running",
        "") "," LISTED("ds-up", OURS, "Stopped",
                       "") "," LISTED("ds-down", OURS, "Running",
                                      "") "," LISTED("ds-gone", OURS, "Running",
                                                     "") "," LISTED("ds-kept",
                                                                    OURS ",\"moonfleet-protect\":"
                                                                         "\"true\"",
                                                                    "Running",
                                                                    "") "," LISTED("foreign", "",
                                                                                   "Running",
                                                                                   "") ","
                                                                                       "{\"name\":"
                                                                                       "\"ds-"
                                                                                       "moving\","
                                                                                       "\"tags\":"
                                                                                       "{" OURS "},"
                                                                                       "\"propertie"
                                                                                       "s\":{"
                                                                                       "\"computeTy"
                                                                                       "pe\":"
                                                                                       "\"ComputeIn"
                                                                                       "stance\","
                                                                                       "\"provision"
                                                                                       "ingState\":"
                                                                                       "\"Creating"
                                                                                       "\","
                                                                                       "\"propertie"
                                                                                       "s\":{"
                                                                                       "\"state\":"
                                                                                       "\"Creating"
                                                                                       "\"}}},"
                                                                                       "{\"name\":"
                                                                                       "\"ds-"
                                                                                       "broken\","
                                                                                       "\"tags\":"
                                                                                       "{" OURS "},"
                                                                                       "\"propertie"
                                                                                       "s\":{"
                                                                                       "\"computeTy"
                                                                                       "pe\":"
                                                                                       "\"ComputeIn"
                                                                                       "stance\","
                                                                                       "\"provision"
                                                                                       "ingState\":"
                                                                                       "\"Failed\","
                                                                                       "\"propertie"
                                                                                       "s\":{"
                                                                                       "\"state\":"
                                                                                       "\"UserSetup"
                                                                                       "Failed\","
                                                                                       "\"lastOpera"
                                                                                       "tion\":{"
                                                                                       "\"operation"
                                                                                       "Name\":"
                                                                                       "\"Create\","
                                                                                       "\"operation"
                                                                                       "Status\":"
                                                                                       "\"CreateFai"
                                                                                       "led\"}}}}]";

static const char golden[] =
    "{\n"
    "  \"format\": \"moonfleet-plan/1\",\n"
    "  \"fleet\": \"ds\",\n"
    "  \"destroy\": false,\n"
    "  \"target\": { \"subscription\": \"s\", \"resourceGroup\": \"g\", \"workspace\": \"w\", "
    "\"location\": \"westeurope\" },\n"
    "  \"counts\": { \"create\": 1, \"update\": 1, \"replace\": 2, \"delete\": 2, \"start\": 1, "
    "\"stop\": 1, \"wait\": 1, \"unchanged\": 1, \"blocked\": 2 },\n"
    "  \"steps\": [\n"
    "    { \"action\": \"replace\", \"type\": \"instance\", \"name\": \"ds-bigger\", \"at\": { "
    "\"file\": \"r.lua\", \"line\": 13 }, \"reasons\": [{ \"field\": \"size\", \"old\": "
    "\"STANDARD_DS3_V2\", \"new\": \"Standard_DS2_v2\", \"replaces\": true }], \"loses\": \"its "
    "disk, with everything that its person keeps there\", \"blocked\": \"re-creating 'ds-bigger' "
    "destroys its disk, with everything that its person keeps there; --replace ds-bigger allows "
    "it\", \"state\": \"STATE\" },\n"
    "    { \"action\": \"replace\", \"type\": \"instance\", \"name\": \"ds-broken\", \"at\": { "
    "\"file\": \"r.lua\", \"line\": 17 }, \"reasons\": [], \"note\": \"its creation failed\", "
    "\"state\": \"STATE\" },\n"
    "    { \"action\": \"stop\", \"type\": \"instance\", \"name\": \"ds-down\", \"at\": { "
    "\"file\": \"r.lua\", \"line\": 15 }, \"reasons\": [{ \"field\": \"power\", \"old\": "
    "\"running\", \"new\": \"stopped\", \"replaces\": false }], \"state\": \"STATE\" },\n"
    "    { \"action\": \"delete\", \"type\": \"instance\", \"name\": \"ds-gone\", \"reasons\": [], "
    "\"loses\": \"its disk, with everything that its person keeps there\", \"state\": \"STATE\" "
    "},\n"
    "    { \"action\": \"update\", \"type\": \"instance\", \"name\": \"DS-idle\", \"at\": { "
    "\"file\": \"r.lua\", \"line\": 12 }, \"reasons\": [{ \"field\": \"idle_shutdown\", \"old\": "
    "\"30m\", \"new\": \"1h\", \"replaces\": false }, { \"field\": \"description\", \"old\": null, "
    "\"new\": \"d\", \"replaces\": false }], \"state\": \"STATE\" },\n"
    "    { \"action\": \"delete\", \"type\": \"instance\", \"name\": \"ds-kept\", \"reasons\": [], "
    "\"loses\": \"its disk, with everything that its person keeps there\", \"blocked\": "
    "\"'ds-kept' "
    "is protected; say protect = false and apply that first\", \"state\": \"STATE\" },\n"
    "    { \"action\": \"wait\", \"type\": \"instance\", \"name\": \"ds-moving\", \"at\": { "
    "\"file\": \"r.lua\", \"line\": 16 }, \"reasons\": [], \"note\": \"an operation on it is under "
    "way\", \"state\": \"STATE\" },\n"
    "    { \"action\": \"create\", \"type\": \"instance\", \"name\": \"ds-new\", \"at\": { "
    "\"file\": \"r.lua\", \"line\": 10 }, \"reasons\": [], \"state\": \"\" },\n"
    "    { \"action\": \"start\", \"type\": \"instance\", \"name\": \"ds-up\", \"at\": { \"file\": "
    "\"r.lua\", \"line\": 14 }, \"reasons\": [{ \"field\": \"power\", \"old\": \"stopped\", "
    "\"new\": \"running\", \"replaces\": false }], \"state\": \"STATE\" }\n"
    "  ],\n"
    "  \"checks\": [\n"
    "    { \"check\": \"caller\", \"status\": \"ok\", \"message\": \"the caller may do all that "
    "this "
    "needs: computes/delete, computes/write, checkComputeNameAvailability, computes/read, "
    "computes/stop, "
    "computes/updateIdleShutdownSetting, computes/start\" },\n"
    "    { \"check\": \"assigned\", \"status\": \"ok\", \"message\": \"1 person may start, stop, "
    "restart and use the instance that is theirs\" },\n"
    "    { \"check\": \"quota\", \"status\": \"ok\", \"subject\": \"Standard DSv2 Family "
    "Cluster Dedicated vCPUs\", \"message\": \"Standard DSv2 Family Cluster Dedicated vCPUs: 2 → "
    "0 of 100000 cores\" },\n"
    "    { \"check\": \"names\", \"status\": \"ok\", \"message\": \"1 new name is free in "
    "westeurope\" },\n"
    "    { \"check\": \"sizes\", \"status\": \"ok\", \"message\": \"all sizes are offered "
    "in westeurope\" },\n"
    "    { \"check\": \"scripts\", \"status\": \"ok\", \"message\": \"1 setup script looked at, "
    "nothing found\" }\n"
    "  ],\n"
    "  \"problems\": [],\n"
    "  \"warnings\": [],\n"
    "  \"outputs\": [{ \"name\": \"instances\", \"value\": 3 }]\n"
    "}\n";

static char *plan_text(const struct plan *plan, bool save)
{
    struct buffer text = { 0 };
    char *out = NULL;
    plan_write_json(plan, save, &text);
    assert_int_equal(buffer_detach(&text, &out, NULL, NULL), 0);
    return out;
}

/* Digests say only "the same" or "another": the golden text has STATE for them. */
static void hide_digests(char *text)
{
    static const char before[] = "\"state\": \"";
    char *at = text;
    while ((at = strstr(at, before))) {
        at += strlen(before);
        if (*at == '"')
            continue;
        memcpy(at, "STATE", 5);
        memmove(at + 5, at + 64, strlen(at + 64) + 1);
    }
}

static void writes_the_golden_plan(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, everything_listed);
    cJSON *document = world_document("{}", everything_declared);
    char *text = plan_text(world_plan(&world, document), false);
    hide_digests(text);
    assert_string_equal(text, golden);
    free(text);
    world_stop(&world);
    cJSON_Delete(document);
}

static void writes_the_same_bytes_whatever_the_order_and_the_pages(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, everything_listed);
    cJSON *document = world_document("{}", everything_declared);
    char *first = plan_text(world_plan(&world, document), false);
    assert_int_equal(world.lists, 1);
    world.reversed = true;
    world.page_size = 3;
    char *second = plan_text(world_plan(&world, document), false);
    assert_int_equal(world.lists, 1 + 4);
    assert_int_equal(world.reads, 0);
    assert_string_equal(first, second);
    free(first);
    free(second);
    world_stop(&world);
    cJSON_Delete(document);
}

static void asks_little_when_nothing_changes(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "[" LISTED("ds-a", OURS, "Running", "") "]");
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE));
    assert_steps(world_plan(&world, document), "");
    assert_int_equal(plan_counts(world.plan).of[PLAN_UNCHANGED], 1);
    assert_int_equal(world.fake.asked_count,
                     4); /* the workspace, computes, role assignments, roles */
    world_stop(&world);
    cJSON_Delete(document);
}

static void describes_what_it_creates(void **state)
{
    (void)state;
    struct world world;
    struct buffer text = { 0 };
    world_start(&world, NULL);
    cJSON *document = world_document("{}", DECLARED("ds-a", 2,
                                                    SIZE ",\"assigned_to\":{\"$user\":\"ada@x\"},"
                                                         "\"setup\":{\"$setup_script\":0},"
                                                         "\"idle_shutdown\":\"90m\""));
    assert_steps(world_plan(&world, document), "create ds-a; ");
    plan_step_describe(world.plan, 0, &text);
    assert_string_equal(text.data, "Standard_DS3_v2, ada@x, setup setup/a.sh, idle 1h30m");
    buffer_clear(&text);
    world_stop(&world);
    cJSON_Delete(document);
}

/* One field against one listed instance. */
static const struct {
    const char *fields, *tags, *inner, *steps;
} field_cases[] = {
    { SIZE ",\"assigned_to\":{\"$user\":\"ada@x\"}", OURS,
      ",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" WORLD_ADA "\"}}",
      "" },
    { SIZE ",\"assigned_to\":{\"$user\":\"ada@x\"}", OURS,
      ",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" WORLD_GRACE "\"}}",
      "replace ds-a:assigned_to!; " },
    { SIZE ",\"assigned_to\":{\"$user\":\"ada@x\"}", OURS, "", "replace ds-a:assigned_to!; " },
    { SIZE ",\"setup\":{\"$setup_script\":0}", OURS, "", "replace ds-a:setup!; " },
    { SIZE ",\"tags\":{\"a\":\"1\"}", OURS ",\"a\":\"1\"", "", "" },
    { SIZE ",\"tags\":{\"a\":\"1\"}", OURS ",\"a\":\"2\",\"b\":\"3\"", "", "update ds-a:tags; " },
    { SIZE, OURS ",\"a\":\"2\"", "", "" },
    { SIZE ",\"protect\":true", OURS, "", "update ds-a:protect; " },
    { "\"size\":\"Standard_DS2_v2\",\"protect\":false", OURS ",\"moonfleet-protect\":\"true\"", "",
      "replace ds-a:size,protect!; " },
    { SIZE ",\"schedules\":[]", OURS,
      ",\"schedules\":{\"computeStartStop\":[{\"action\":\"Stop\",\"triggerType\":\"Cron\","
      "\"cron\":{\"expression\":\"0 1 * * *\"}}]}",
      "update ds-a:schedules; " },
    { SIZE, OURS,
      ",\"schedules\":{\"computeStartStop\":[{\"action\":\"Stop\",\"triggerType\":\"Cron\","
      "\"cron\":{\"expression\":\"0 1 * * *\"}}]}",
      "" },
};

static void plans_each_field_by_its_own_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(field_cases); i++) {
        struct world world;
        char *listed = text_format("[{\"name\":\"ds-a\",\"tags\":{%s},\"properties\":{"
                                   "\"computeType\":\"ComputeInstance\",\"properties\":{\"state\":"
                                   "\"Running\",\"vmSize\":\"Standard_DS3_v2\"%s}}}]",
                                   field_cases[i].tags, field_cases[i].inner);
        char *declared = text_format("{\"type\":\"instance\",\"name\":\"ds-a\",\"fields\":{%s},"
                                     "\"at\":{\"file\":\"r.lua\",\"line\":2}}",
                                     field_cases[i].fields);
        cJSON *document = world_document("{}", declared);
        world_start(&world, listed);
        assert_steps(world_plan(&world, document), field_cases[i].steps);
        world_stop(&world);
        cJSON_Delete(document);
        free(listed);
        free(declared);
    }
}

static void shows_people_by_name(void **state)
{
    (void)state;
    struct world world;
    world_start(&world,
                "[" LISTED("ds-a", OURS, "Running",
                           ",\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":"
                           "\"" WORLD_GRACE "\"}}") "]");
    cJSON *document = world_document(
        "{}", DECLARED("ds-a", 2, SIZE ",\"assigned_to\":{\"$user\":\"ada@x\"}") "," DECLARED(
                  "ds-b", 3, SIZE ",\"assigned_to\":{\"$user\":\"grace@x\"}"));
    const struct plan_step *step = plan_step(world_plan(&world, document), 0);
    assert_int_equal(step->reason_count, 1);
    assert_string_equal(step->reasons[0].old_text, "grace@x");
    assert_string_equal(step->reasons[0].new_text, "ada@x");
    world_stop(&world);
    cJSON_Delete(document);
}

/* ---- replacement and protection ---- */

static void replaces_only_what_is_named_and_not_protected(void **state)
{
    static const struct {
        const char *fields, *tags, *replace, *steps;
    } cases[] = {
        { "\"size\":\"Standard_DS2_v2\"", OURS, NULL, "replace ds-a:size!; " },
        { "\"size\":\"Standard_DS2_v2\"", OURS, "DS-A", "replace ds-a:size; " },
        { "\"size\":\"Standard_DS2_v2\",\"protect\":true", OURS ",\"moonfleet-protect\":\"true\"",
          "ds-a", "replace ds-a:size!; " },
        { "\"size\":\"Standard_DS2_v2\"", OURS ",\"moonfleet-protect\":\"true\"", "ds-a",
          "replace ds-a:size!; " },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world world;
        struct error err = { 0 };
        char *listed = text_format("[{\"name\":\"ds-a\",\"tags\":{%s},\"properties\":{"
                                   "\"computeType\":\"ComputeInstance\",\"properties\":{\"state\":"
                                   "\"Running\",\"vmSize\":\"Standard_DS3_v2\"}}}]",
                                   cases[i].tags);
        char *declared = text_format("{\"type\":\"instance\",\"name\":\"ds-a\",\"fields\":{%s}}",
                                     cases[i].fields);
        cJSON *document = world_document("{}", declared);
        world_start(&world, listed);
        assert_int_equal(world_plan_for(&world, document, cases[i].replace, false, &err), 0);
        assert_steps(world.plan, cases[i].steps);
        world_stop(&world);
        cJSON_Delete(document);
        free(listed);
        free(declared);
    }
}

static void knows_a_name_given_to_replace(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    size_t warnings;
    world_start(&world, "[" LISTED("ds-ada", OURS, "Running", "") "]");
    cJSON *document = world_document("{}", DECLARED("ds-ada", 2, SIZE));
    assert_int_equal(world_plan_for(&world, document, "ds-adda", false, &err), 0);
    char *problems = world_problems(world.plan);
    assert_string_equal(problems, "-:0: --replace ds-adda: the fleet has no such instance, did you "
                                  "mean 'ds-ada'?\n");
    free(problems);
    assert_int_equal(world_plan_for(&world, document, "ds-ada", false, &err), 0);
    assert_string_equal(plan_warnings(world.plan, &warnings)[0],
                        "--replace ds-ada: nothing about it needs re-creation");
    world_stop(&world);
    cJSON_Delete(document);
}

static void destroys_what_the_fleet_owns(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    world_start(&world, everything_listed);
    cJSON *document =
        world_document("{}", DECLARED("ds-same", 2, SIZE) "," DECLARED(
                                 "ds-none", 3, SIZE) "," DECLARED("foreign", 4, SIZE));
    assert_int_equal(world_plan_for(&world, document, NULL, true, &err), 0);
    assert_steps(world.plan, "delete ds-bigger; delete ds-broken; delete ds-down; delete ds-gone; "
                             "delete ds-idle; delete ds-kept!; delete ds-moving; delete ds-same; "
                             "delete ds-up; ");
    world_stop(&world);
    cJSON_Delete(document);
}

/* ---- mistakes ---- */

static void finds_all_mistakes_at_once(void **state)
{
    (void)state;
    struct world world;
    world_start(&world,
                "[" LISTED("taken", "", "Running", "") "," LISTED(
                    "theirs", "\"moonfleet-fleet\":\"other\"", "Running",
                    "") ","
                        "{\"name\":\"cluster\",\"properties\":{\"computeType\":\"AmlCompute\"}}]");
    cJSON *document = world_document(
        "{\"defaults\":{\"idle_shutdown\":\"5m\"},\"location\":\"North Europe\"}",
        DECLARED("ds-a", 2, SIZE ",\"sise\":\"x\"") "," DECLARED("ds-b", 3, "\"size\":\"Standard_DS3v2\"") "," DECLARED("a-name-that-is-far-too-long", 4, SIZE) "," DECLARED(
            "DS-A", 5,
            SIZE) "," DECLARED("ds-c", 6,
                               "") "," DECLARED("ds-d", 7,
                                                SIZE
                                                ",\"assigned_to\":{\"$user\":\"adda@"
                                                "x\"}") "," DECLARED("taken", 8,
                                                                     SIZE) "," DECLARED("theirs", 9,
                                                                                        SIZE) "," DECLARED("cluster",
                                                                                                           10,
                                                                                                           SIZE) "," DECLARED("ds-e",
                                                                                                                              11,
                                                                                                                              "\"size\":\"Standard_DS4_v2\"") "," DECLARED("ds-f",
                                                                                                                                                                           12,
                                                                                                                                                                           SIZE
                                                                                                                                                                           ",\"sso\":true,\"setup\":{\"$setup_script\":0},"
                                                                                                                                                                           "\"assigned_to\":{\"$user\":\"ada@x\"}"));
    cJSON_AddItemToArray(cJSON_GetObjectItem(document, "problems"),
                         world_parse("{\"message\":\"there is no file 'x.sh'\",\"at\":{\"file\":"
                                     "\"r.lua\",\"line\":99}}"));
    char *problems = world_problems(world_plan(&world, document));
    static const char *const expected[] = {
        "r.lua:1: fleet 'ds': defaults: idle_shutdown is between 15m and 3d, not '5m'",
        "r.lua:1: fleet 'ds': location is 'North Europe', but the workspace w is in westeurope",
        "r.lua:2: instance 'ds-a': unknown field 'sise', did you mean 'size'?",
        "r.lua:3: instance 'ds-b': unknown size 'Standard_DS3v2', did you mean 'Standard_DS3_v2'?",
        "r.lua:4: instance 'a-name-that-is-far-too-long': the name of an instance has 3 to 24",
        "r.lua:5: instance 'DS-A' is declared twice; the first is at r.lua:2",
        "r.lua:6: instance 'ds-c': size is missing",
        "r.lua:7: instance 'ds-d': the directory has no user 'adda@x'",
        "r.lua:8: instance 'taken': exists and is not owned by this fleet",
        "r.lua:9: instance 'theirs': exists and belongs to the fleet 'other'",
        "r.lua:10: instance 'cluster': the workspace has a compute of that name",
        "r.lua:12: instance 'ds-f': sso = true cannot be had",
        "r.lua:99: there is no file 'x.sh'",
    };
    const char *at = problems;
    for (size_t i = 0; i < COUNT(expected); i++) {
        if (!text_starts(at, expected[i]))
            fail_msg("expected '%s', got '%s'", expected[i], at);
        at = strchr(at, '\n') + 1;
    }
    assert_string_equal(at, "");
    free(problems);
    assert_int_equal(world.puts, 0);
    world_stop(&world);
    cJSON_Delete(document);
}

static void counts_cores_before_it_creates(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    world.quota = 9; /* 2 are used */
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE) "," DECLARED("ds-b", 3, SIZE));
    char *checks = world_checks(world_plan(&world, document), CHECK_QUOTA);
    assert_string_equal(checks,
                        "failure r.lua:3: Standard DSv2 Family Cluster Dedicated vCPUs in "
                        "westeurope: 2 cores are used, 10 after this plan, the limit is 9; 'ds-b' "
                        "is the first that does not fit\n");
    free(checks);
    assert_int_equal(plan_failed_checks(world.plan), 1);
    world.quota = 10;
    checks = world_checks(world_plan(&world, document), CHECK_QUOTA);
    assert_string_equal(checks, "ok -:0: Standard DSv2 Family Cluster Dedicated vCPUs: 2 → 10 of "
                                "10 cores\n");
    free(checks);
    world_stop(&world);
    cJSON_Delete(document);
}

static void needs_a_fleet(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document =
        world_parse("{\"recipe\":\"r.lua\",\"fleet\":null,\"declarations\":[" DECLARED(
            "ds-a", 2, SIZE) "],\"scripts\":[],\"problems\":[]}");
    char *problems = world_problems(world_plan(&world, document));
    assert_true(text_starts(problems, "r.lua:2: the recipe declares no fleet"));
    assert_null(plan_fleet(world.plan));
    free(problems);
    world_stop(&world);
    cJSON_Delete(document);
}

/* A fleet whose word failed may well have had defaults: they are not missed a second time. */
static void tells_a_fleet_that_failed_once(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document =
        world_parse("{\"recipe\":\"r.lua\",\"fleet\":null,\"declarations\":[" DECLARED(
            "ds-a", 2, "\"x\":1") "],\"scripts\":[],"
                                  "\"problems\":[{\"message\":\"its name is "
                                  "empty\",\"at\":{\"file\":\"r.lua\",\"line\":1}}]}");
    char *problems = world_problems(world_plan(&world, document));
    assert_true(text_starts(
        problems, "r.lua:1: its name is empty\nr.lua:2: instance 'ds-a': unknown field 'x'"));
    assert_null(strstr(problems, "size is missing"));
    assert_null(strstr(problems, "declares no fleet"));
    free(problems);
    world_stop(&world);
    cJSON_Delete(document);
}

static void a_plane_that_fails_does_not_hide_mistakes(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    size_t warnings;
    world_start(&world, NULL);
    world.list_status = 404;
    cJSON *good = world_document("{}", DECLARED("ds-a", 2, SIZE));
    cJSON *bad = world_document("{}", DECLARED("ds-a", 2, SIZE ",\"x\":1"));
    assert_int_equal(world_plan_for(&world, good, NULL, false, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "listing the instances"));
    assert_string_equal(err.name, "ResourceNotFound");
    assert_null(world.plan);
    assert_int_equal(world_plan_for(&world, bad, NULL, false, &err), 0);
    char *problems = world_problems(world.plan);
    assert_non_null(strstr(problems, "unknown field 'x'"));
    (void)plan_warnings(world.plan, &warnings);
    assert_int_equal(warnings, 1);
    free(problems);
    world_stop(&world);
    cJSON_Delete(good);
    cJSON_Delete(bad);
}

static void needs_a_workspace(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    struct plan *plan = NULL;
    world_start(&world, NULL);
    cJSON *document = world_document("{}", "");
    struct plan_request request = { .document = document, .target = world_target() };
    request.target.workspace = NULL;
    assert_int_equal(plan_make_wait(world.fake.client, &request, &plan, &err), ERROR_USAGE);
    cJSON_Delete(document);
    document = world_document("{\"workspace\":\"ours\"}", "");
    request.document = document;
    assert_int_equal(plan_make_wait(world.fake.client, &request, &plan, &err), 0);
    assert_string_equal(plan_workspace(plan), "ours");
    plan_free(plan);
    world_stop(&world);
    cJSON_Delete(document);
}

/* ---- saved plans ---- */

static void a_saved_plan_is_the_reviewed_one_or_nothing(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    struct plan *loaded = NULL;
    struct plan_target target = world_target();
    world_start(&world, everything_listed);
    cJSON *document = world_document("{}", everything_declared);
    char *saved = plan_text(world_plan(&world, document), true);
    size_t size = strlen(saved);
    cJSON_Delete(document);
    plan_free(world.plan);
    world.plan = NULL;
    assert_true(plan_is_saved(saved, size));
    assert_int_equal(plan_load_wait(world.fake.client, &target, saved, size, &loaded, &err), 0);
    assert_int_equal(plan_counts(loaded).changes, 9);
    plan_free(loaded);
    loaded = NULL;
    json_put_string(world_find(&world, "ds-up"), "properties.description", "touched");
    assert_int_equal(plan_load_wait(world.fake.client, &target, saved, size, &loaded, &err),
                     ERROR_CONFLICT);
    assert_null(loaded);
    target.group = "another";
    assert_int_equal(plan_load_wait(world.fake.client, &target, saved, size, &loaded, &err),
                     ERROR_CONFLICT);
    assert_non_null(strstr(err.message, "resource group 'g'"));
    free(saved);
    world_stop(&world);
}

/* Nothing of a create shows in its step but its name: the digest is what notices. */
static void a_saved_plan_that_was_edited_is_nothing(void **state)
{
    static const struct {
        const char *from, *to;
    } edits[] = {
        { "tag-of-mine", "tag-of-evil" },
        { "\"digest\": \"", "\"digets\": \"" },
    };
    (void)state;
    struct world world;
    const struct plan_target target = world_target();
    world_start(&world, NULL);
    cJSON *document =
        world_document("{}", DECLARED("ds-a", 2, SIZE ",\"tags\":{\"team\":\"tag-of-mine\"}"));
    char *saved = plan_text(world_plan(&world, document), true);
    for (size_t i = 0; i < COUNT(edits); i++) {
        struct plan *plan = NULL;
        struct error err = { 0 };
        char *edited = strdup(saved), *at = strstr(edited, edits[i].from);
        assert_non_null(at);
        memcpy(at, edits[i].to, strlen(edits[i].to));
        assert_int_equal(
            plan_load_wait(world.fake.client, &target, edited, strlen(edited), &plan, &err),
            ERROR_CONFLICT);
        assert_non_null(strstr(err.message, "changed after it was saved"));
        free(edited);
    }
    free(saved);
    world_stop(&world);
    cJSON_Delete(document);
}

static void refuses_what_is_no_saved_plan(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } cases[] = {
        { "{}", ERROR_SYNTAX },
        { "{", ERROR_SYNTAX },
        { "{\"format\":\"moonfleet-plan/2\"}", ERROR_TOO_NEW },
        { "{\"format\":\"moonfleet-plan/1\"}", ERROR_SYNTAX },
    };
    (void)state;
    struct world world;
    const struct plan_target target = world_target();
    world_start(&world, NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct plan *plan = NULL;
        struct error err = { 0 };
        assert_int_equal(plan_load_wait(world.fake.client, &target, cases[i].text,
                                        strlen(cases[i].text), &plan, &err),
                         cases[i].rc);
    }
    assert_false(plan_is_saved("fleet \"ds\" {}", 13));
    world_stop(&world);
}

/* ---- size ---- */

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void stopped_planning_leaves_nothing_behind(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    struct plan *plan = NULL;
    world_start(&world, everything_listed);
    world.delay_ms = 1000;
    cJSON *document = world_document("{}", everything_declared);
    const struct plan_request request = { .document = document, .target = world_target() };
    assert_int_equal(loop_post(world.fake.loop, stop_loop, world.fake.loop), 0);
    assert_int_equal(plan_make_wait(world.fake.client, &request, &plan, &err), ERROR_CANCELLED);
    assert_null(plan);
    world_stop(&world);
    cJSON_Delete(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_golden_plan),
        cmocka_unit_test(writes_the_same_bytes_whatever_the_order_and_the_pages),
        cmocka_unit_test(asks_little_when_nothing_changes),
        cmocka_unit_test(describes_what_it_creates),
        cmocka_unit_test(plans_each_field_by_its_own_way),
        cmocka_unit_test(shows_people_by_name),
        cmocka_unit_test(replaces_only_what_is_named_and_not_protected),
        cmocka_unit_test(knows_a_name_given_to_replace),
        cmocka_unit_test(destroys_what_the_fleet_owns),
        cmocka_unit_test(finds_all_mistakes_at_once),
        cmocka_unit_test(counts_cores_before_it_creates),
        cmocka_unit_test(needs_a_fleet),
        cmocka_unit_test(tells_a_fleet_that_failed_once),
        cmocka_unit_test(a_plane_that_fails_does_not_hide_mistakes),
        cmocka_unit_test(needs_a_workspace),
        cmocka_unit_test(a_saved_plan_is_the_reviewed_one_or_nothing),
        cmocka_unit_test(a_saved_plan_that_was_edited_is_nothing),
        cmocka_unit_test(refuses_what_is_no_saved_plan),
        cmocka_unit_test(stopped_planning_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
