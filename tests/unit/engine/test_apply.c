/* Tests of engine/apply.h. */
#include "engine/world.h"

/* What an observer saw. */
struct seen {
    struct world *world;
    struct apply *apply;
    bool done;
    int started, ended, failed;
    size_t left, done_count;
    int stop_after; /* ends the apply after so many steps began */
    char *json;
};

static void on_step(const struct apply_event *event, void *arg)
{
    struct seen *seen = arg;
    assert_non_null(event->step);
    seen->started += event->kind == APPLY_STARTED;
    seen->ended += event->kind == APPLY_DONE;
    seen->failed += event->kind == APPLY_FAILED;
    assert_int_equal(event->err != NULL, event->kind == APPLY_FAILED);
    if (seen->stop_after > 0 && seen->started == seen->stop_after)
        apply_stop(seen->apply);
}

static void on_done(const struct apply_summary *summary, void *arg)
{
    struct seen *seen = arg;
    seen->done = true;
    seen->left = summary->left;
    seen->done_count = summary->done_count;
}

/* Applies the world's plan, running the loop to its end. */
static int apply(struct world *world, int parallel, struct seen *seen, struct error *err)
{
    const struct apply_options options = { .parallel = parallel };
    const struct apply_observer observer = { on_step, on_done, seen };
    struct buffer json = { 0 };
    seen->world = world;
    int rc = apply_start(world->fake.client, world->plan, &options, &observer, &seen->apply, err);
    if (rc < 0)
        return rc;
    assert_false(seen->done);
    assert_int_equal(loop_run_until(world->fake.loop, &seen->done), 0);
    apply_write_json(seen->apply, &json);
    assert_int_equal(buffer_detach(&json, &seen->json, NULL, NULL), 0);
    apply_free(seen->apply);
    return 0;
}

static void apply_all(struct world *world, const cJSON *document)
{
    struct seen seen = { 0 };
    struct error err = { 0 };
    world_plan(world, document);
    if (apply(world, 0, &seen, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(seen.failed, 0);
    free(seen.json);
}

/* The order in which a virtual clock lets parallel steps through is that of their names. */
static void assert_log(struct world *world, const char *expected)
{
    assert_string_equal(world->log.data ? world->log.data : "", expected);
    buffer_reset(&world->log);
}

static void creates_and_then_has_nothing_to_do(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document = world_document(
        "{\"tags\":{\"team\":\"ds\"}}",
        DECLARED("ds-a", 2,
                 SIZE ",\"assigned_to\":{\"$user\":\"ada@x\"},\"protect\":true,"
                      "\"setup\":{\"$setup_script\":0}") "," DECLARED("ds-b", 3, SIZE));
    cJSON *expected = world_parse(
        "{\"name\":\"ds-a\",\"location\":\"westeurope\",\"properties\":{\"computeType\":"
        "\"ComputeInstance\",\"provisioningState\":\"Succeeded\",\"properties\":{"
        "\"vmSize\":\"Standard_DS3_v2\",\"state\":\"Running\","
        "\"computeInstanceAuthorizationType\":\"personal\","
        "\"personalComputeInstanceSettings\":{\"assignedUser\":{\"objectId\":\"" WORLD_ADA
        "\",\"tenantId\":\"" WORLD_TENANT "\"}},"
        "\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":\"inline\","
        "\"scriptData\":\"IyEvYmluL3NoCmVjaG8gJDEK\",\"scriptArguments\":\"one 'two three'\","
        "\"timeout\":\"20m\"}}}}},\"tags\":{\"moonfleet-fleet\":\"ds\",\"team\":\"ds\","
        "\"moonfleet-protect\":\"true\"}}");
    apply_all(&world, document);
    assert_log(&world, "PUT ds-a\nPUT ds-b\n");
    cJSON *made = world_find(&world, "ds-a");
    const char *digest = schema_tag(made, TAG_DIGEST);
    assert_int_equal(strlen(digest), strlen("1:") + 32 + strlen(":-"));
    schema_tag_put(expected, TAG_DIGEST, digest);
    if (!json_equal(made, expected))
        fail_msg("%s", json_pretty(made));
    assert_steps(world_plan(&world, document), "");
    cJSON_Delete(expected);
    world_stop(&world);
    cJSON_Delete(document);
}

static void keeps_what_it_does_not_manage(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "[" LISTED("ds-a", OURS ",\"theirs\":\"1\"", "Running",
                                   ",\"customServices\":[{\"name\":\"rstudio\"}],\"errors\":[],"
                                   "\"subnet\":null") "]");
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE ",\"description\":\"new\""));
    apply_all(&world, document);
    assert_log(&world, "PUT ds-a\n");
    cJSON *made = world_find(&world, "ds-a");
    assert_string_equal(json_string(made, "properties.description", ""), "new");
    assert_string_equal(schema_tag(made, "theirs"), "1");
    assert_non_null(json_at(made, "properties.properties.customServices"));
    assert_null(json_at(made, "properties.properties.errors"));
    assert_string_equal(json_string(made, "properties.properties.vmSize", ""), "STANDARD_DS3_V2");
    assert_steps(world_plan(&world, document), "");
    world_stop(&world);
    cJSON_Delete(document);
}

/* What the recipe says, what is there, and what is asked of the plane. */
static const struct {
    const char *fields, *state, *replace, *log;
} ways[] = {
    { SIZE ",\"idle_shutdown\":\"2h\"", "Running", NULL, "POST ds-a/updateIdleShutdownSetting\n" },
    { SIZE ",\"power\":\"running\"", "Stopped", NULL, "POST ds-a/start\n" },
    { SIZE ",\"power\":\"stopped\"", "Running", NULL, "POST ds-a/stop\n" },
    { SIZE ",\"power\":\"stopped\",\"idle_shutdown\":\"2h\",\"tags\":{\"a\":\"1\"}", "Running",
      NULL, "PUT ds-a\nPOST ds-a/updateIdleShutdownSetting\nPOST ds-a/stop\n" },
    { "\"size\":\"Standard_DS2_v2\",\"power\":\"stopped\"", "Running", "ds-a",
      "DELETE ds-a\nPUT ds-a\nPOST ds-a/stop\n" },
};

static void uses_the_operation_that_the_api_has_for_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct world world;
        struct seen seen = { 0 };
        struct error err = { 0 };
        char *listed = text_format("[" LISTED("ds-a", OURS, "%s", "") "]", ways[i].state);
        char *declared = text_format("{\"type\":\"instance\",\"name\":\"ds-a\",\"fields\":{%s}}",
                                     ways[i].fields);
        cJSON *document = world_document("{}", declared);
        world_start(&world, listed);
        assert_int_equal(world_plan_for(&world, document, ways[i].replace, false, &err), 0);
        assert_int_equal(apply(&world, 0, &seen, &err), 0);
        assert_int_equal(seen.failed, 0);
        assert_log(&world, ways[i].log);
        assert_steps(world_plan(&world, document), "");
        free(seen.json);
        world_stop(&world);
        cJSON_Delete(document);
        free(listed);
        free(declared);
    }
}

static void creates_stopped_by_stopping_what_it_created(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE ",\"power\":\"stopped\""));
    apply_all(&world, document);
    assert_log(&world, "PUT ds-a\nPOST ds-a/stop\n");
    assert_steps(world_plan(&world, document), "");
    world_stop(&world);
    cJSON_Delete(document);
}

static void deletes_what_the_recipe_names_no_more(void **state)
{
    (void)state;
    struct world world;
    world_start(&world,
                "[" LISTED("ds-a", OURS, "Running", "") "," LISTED("x", "", "Running", "") "]");
    cJSON *document = world_document("{}", "");
    apply_all(&world, document);
    assert_log(&world, "DELETE ds-a\n");
    assert_non_null(world_find(&world, "x"));
    world_stop(&world);
    cJSON_Delete(document);
}

static void a_failed_step_does_not_stop_the_others(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { 0 };
    struct error err = { 0 };
    world_start(&world, NULL);
    world.fail = "ds-b";
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE) "," DECLARED(
                                               "ds-b", 3, SIZE) "," DECLARED("ds-c", 4, SIZE));
    world_plan(&world, document);
    assert_int_equal(apply(&world, 1, &seen, &err), 0);
    assert_int_equal(seen.failed, 1);
    assert_int_equal(seen.done_count, 2);
    cJSON *json = world_parse(seen.json);
    const cJSON *failure = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "failures"), 0);
    assert_string_equal(json_string(failure, "name", ""), "ds-b");
    assert_string_equal(json_string(failure, "code", ""), "ClusterCoreQuotaReached");
    assert_string_equal(json_string(failure, "message", ""), "no cores are left");
    assert_int_equal(json_int(failure, "at.line", 0), 3);
    assert_int_equal(json_int(json, "counts.create", 0), 2);
    assert_int_equal(json_int(json, "counts.failed", 0), 1);
    cJSON_Delete(json);
    free(seen.json);
    /* Nobody's data is on what never came to be: it is made again without being asked for. */
    world.fail = NULL;
    assert_steps(world_plan(&world, document), "replace ds-b; ");
    struct seen again = { 0 };
    assert_int_equal(apply(&world, 1, &again, &err), 0);
    assert_int_equal(again.failed, 0);
    assert_steps(world_plan(&world, document), "");
    free(again.json);
    world_stop(&world);
    cJSON_Delete(document);
}

static cJSON *many(int count)
{
    struct buffer text = { 0 };
    for (int i = 0; i < count; i++)
        buffer_format(&text,
                      "%s{\"type\":\"instance\",\"name\":\"ds-%03da\",\"fields\":{" SIZE "}}",
                      i ? "," : "", i);
    cJSON *document = world_document("{}", text.data);
    buffer_clear(&text);
    return document;
}

static void works_at_no_more_than_it_may_at_once(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { 0 };
    struct error err = { 0 };
    world_start(&world, NULL);
    cJSON *document = many(50);
    world_plan(&world, document);
    world.delay_ms = 100;
    world.fake.in_flight_most = 0;
    assert_int_equal(apply(&world, 7, &seen, &err), 0);
    assert_int_equal(world.fake.in_flight_most, 7);
    assert_int_equal(seen.started, 50);
    assert_int_equal(seen.ended, 50);
    assert_int_equal(world.puts, 50);
    free(seen.json);
    world_stop(&world);
    cJSON_Delete(document);
}

static void stops_issuing_and_waits_for_what_is_in_flight(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { .stop_after = 5 };
    struct error err = { 0 };
    world_start(&world, NULL);
    cJSON *document = many(20);
    world_plan(&world, document);
    world.delay_ms = 100;
    assert_int_equal(apply(&world, 5, &seen, &err), 0);
    assert_int_equal(world.puts, 5);
    assert_int_equal(seen.done_count, 5);
    assert_int_equal(seen.left, 15);
    free(seen.json);
    /* The next one does the rest, and nothing twice. */
    apply_all(&world, document);
    assert_int_equal(world.puts, 20);
    world_stop(&world);
    cJSON_Delete(document);
}

static void refuses_as_a_whole(void **state)
{
    static const struct {
        const char *fields, *words;
        int rc;
    } cases[] = {
        { "\"size\":\"Standard_DS2_v2\"", "--replace ds-a allows it", ERROR_CONFLICT },
        { SIZE ",\"power\":\"up\"", "power is", ERROR_INVALID },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world world;
        struct seen seen = { 0 };
        struct error err = { 0 };
        world_start(&world, "[" LISTED("ds-a", OURS, "Running", "") "]");
        char *declared = text_format("{\"type\":\"instance\",\"name\":\"ds-a\",\"fields\":{%s}},%s",
                                     cases[i].fields, DECLARED("ds-b", 3, SIZE));
        cJSON *document = world_document("{}", declared);
        world_plan(&world, document);
        assert_int_equal(apply(&world, 0, &seen, &err), cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_int_equal(world.puts, 0);
        world_stop(&world);
        cJSON_Delete(document);
        free(declared);
    }
}

static void leaves_alone_what_moved_since_it_was_planned(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { 0 };
    struct error err = { 0 };
    world_start(&world, "[" LISTED("ds-a", OURS, "Running", "") "," LISTED("ds-b", OURS, "Running",
                                                                           "") "]");
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE ",\"description\":\"x\""));
    world_plan(&world, document);
    json_put_string(world_find(&world, "ds-a"), "properties.properties.state", "Stopped");
    schema_tag_put(world_find(&world, "ds-b"), TAG_FLEET, "other");
    assert_int_equal(apply(&world, 0, &seen, &err), 0);
    assert_int_equal(seen.failed, 2);
    assert_log(&world, "");
    assert_non_null(strstr(seen.json, "changed since it was planned"));
    free(seen.json);
    world_stop(&world);
    cJSON_Delete(document);
}

static void looks_again_when_somebody_took_time_to_say_yes(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { 0 };
    struct error err = { 0 };
    world_start(&world, NULL);
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE));
    world_plan(&world, document);
    clock_advance(&world.fake.clock, 60000);
    cJSON_AddItemToArray(world.computes, world_parse(LISTED("DS-A", "", "Running", "")));
    assert_int_equal(apply(&world, 0, &seen, &err), 0);
    assert_int_equal(seen.done_count, 0);
    assert_int_equal(world.puts, 0);
    assert_non_null(strstr(seen.json, "has appeared since this was planned"));
    free(seen.json);
    world_stop(&world);
    cJSON_Delete(document);
}

static const char creating[] =
    "[{\"name\":\"ds-a\",\"location\":\"westeurope\",\"tags\":{" OURS "},\"properties\":{"
    "\"computeType\":\"ComputeInstance\",\"provisioningState\":\"Creating\",\"properties\":{"
    "\"state\":\"Creating\",\"vmSize\":\"Standard_DS3_v2\"}}}]";

static void waits_for_what_is_under_way_and_compares_then(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { 0 };
    struct error err = { 0 };
    world_start(&world, creating);
    world.polls_to_settle = 4;
    cJSON *document = world_document(
        "{}", DECLARED("ds-a", 2, SIZE ",\"power\":\"stopped\",\"tags\":{\"a\":\"1\"}"));
    assert_steps(world_plan(&world, document), "wait ds-a; ");
    assert_int_equal(apply(&world, 0, &seen, &err), 0);
    assert_int_equal(seen.failed, 0);
    assert_int_equal(world.reads, 4);
    assert_log(&world, "PUT ds-a\nPOST ds-a/stop\n");
    assert_steps(world_plan(&world, document), "");
    free(seen.json);
    world_stop(&world);
    cJSON_Delete(document);
}

static void waiting_ends_when_it_is_stopped(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { .stop_after = 1 };
    struct error err = { 0 };
    world_start(&world, creating);
    world.polls_to_settle = 1000;
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE));
    world_plan(&world, document);
    assert_int_equal(apply(&world, 0, &seen, &err), 0);
    assert_int_equal(seen.left, 1);
    assert_true(world.reads <= 2);
    free(seen.json);
    world_stop(&world);
    cJSON_Delete(document);
}

static void can_be_abandoned(void **state)
{
    (void)state;
    struct world world;
    struct seen seen = { 0 };
    struct error err = { 0 };
    const struct apply_observer observer = { on_step, on_done, &seen };
    struct apply *running = NULL;
    world_start(&world, NULL);
    cJSON *document = many(3);
    world_plan(&world, document);
    world.delay_ms = 1000;
    assert_int_equal(apply_start(world.fake.client, world.plan, NULL, &observer, &running, &err),
                     0);
    loop_poll(world.fake.loop);
    assert_int_equal(seen.started, 3);
    apply_free(running);
    assert_false(seen.done);
    world_stop(&world);
    cJSON_Delete(document);
}

static void runs_to_the_end_and_tells_the_first_failure(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    struct apply_summary summary;
    world_start(&world, NULL);
    world.fail = "ds-000a";
    cJSON *document = many(3);
    world_plan(&world, document);
    assert_int_equal(apply_run(world.fake.client, world.plan, NULL, NULL, &summary, &err),
                     ERROR_QUOTA);
    assert_string_equal(err.name, "ClusterCoreQuotaReached");
    assert_int_equal(summary.done[PLAN_CREATE], 2);
    assert_int_equal(summary.failed, 1);
    world_stop(&world);
    cJSON_Delete(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_and_then_has_nothing_to_do),
        cmocka_unit_test(keeps_what_it_does_not_manage),
        cmocka_unit_test(uses_the_operation_that_the_api_has_for_each),
        cmocka_unit_test(creates_stopped_by_stopping_what_it_created),
        cmocka_unit_test(deletes_what_the_recipe_names_no_more),
        cmocka_unit_test(a_failed_step_does_not_stop_the_others),
        cmocka_unit_test(works_at_no_more_than_it_may_at_once),
        cmocka_unit_test(stops_issuing_and_waits_for_what_is_in_flight),
        cmocka_unit_test(refuses_as_a_whole),
        cmocka_unit_test(leaves_alone_what_moved_since_it_was_planned),
        cmocka_unit_test(looks_again_when_somebody_took_time_to_say_yes),
        cmocka_unit_test(waits_for_what_is_under_way_and_compares_then),
        cmocka_unit_test(waiting_ends_when_it_is_stopped),
        cmocka_unit_test(can_be_abandoned),
        cmocka_unit_test(runs_to_the_end_and_tells_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
