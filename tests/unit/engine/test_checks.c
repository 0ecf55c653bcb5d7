/* test_checks.c - what is looked at before anything is touched. */
#include "world.h"

#include "base/text.h"

#define SMALL "\"size\":\"Standard_DS2_v2\""
#define LARGER(NAME, TAGS)                                                                         \
    "{\"name\":\"" NAME "\",\"location\":\"westeurope\",\"tags\":{" TAGS                           \
    "},\"properties\":{\"computeType\":\"ComputeInstance\",\"provisioningState\":\"Succeeded\","   \
    "\"properties\":{\"state\":\"Stopped\",\"vmSize\":\"STANDARD_DS3_V2\"}}}"

struct options {
    const char *forced;
    int parallel;
    const char *replace;
};

static void plan_with(struct world *world, const cJSON *document, struct options options)
{
    struct error err = { 0 };
    const struct plan_request request = { .document = document,
                                          .target = world_target(),
                                          .replace = &options.replace,
                                          .replace_count = options.replace ? 1 : 0,
                                          .forced = &options.forced,
                                          .forced_count = options.forced ? 1 : 0,
                                          .parallel = options.parallel };
    plan_free(world->plan);
    world->plan = NULL;
    if (plan_make_wait(world->fake.client, &request, &world->plan, &err) < 0)
        fail_msg("planning: %s", err.message);
}

static void the_words_are_the_names(void **state)
{
    (void)state;
    size_t count;
    struct buffer words = { 0 };
    const char *const *names = plan_check_names(&count);
    for (size_t i = 0; i < count; i++)
        buffer_format(&words, "%s%s", i ? " " : "", names[i]);
    assert_string_equal(words.data, PLAN_CHECK_WORDS);
    buffer_clear(&words);
}

static void a_failure_stops_an_apply_unless_it_is_forced(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    world_start(&world, NULL);
    world.quota = 5;
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE));
    plan_with(&world, document, (struct options) { 0 });
    assert_int_equal(apply_run(world.fake.client, world.plan, NULL, NULL, NULL, &err),
                     ERROR_CONFLICT);
    assert_non_null(strstr(err.message, "--force-checks quota"));
    assert_string_equal(err.file, "r.lua");
    assert_int_equal(err.line, 2);
    assert_int_equal(world.puts, 0);
    plan_with(&world, document, (struct options) { .forced = "names" });
    assert_int_equal(plan_failed_checks(world.plan), 1);
    plan_with(&world, document, (struct options) { .forced = "quota" });
    assert_int_equal(plan_failed_checks(world.plan), 0);
    assert_int_equal(apply_run(world.fake.client, world.plan, NULL, NULL, NULL, &err), 0);
    assert_int_equal(world.puts, 1);
    world_stop(&world);
    cJSON_Delete(document);
}

/* 2 cores are used by others; each of these is listed with 4, and all lines are one family's. */
static const struct {
    const char *listed, *declared, *replace;
    int quota, parallel;
    const char *expected; /* the beginning */
} orders[] = {
    /* one in, one out: the room is there before, or the deletion goes first */
    { LARGER("ds-z", OURS), DECLARED("ds-a", 2, SIZE), NULL, 6, 32,
      "ok -:0: Standard DSv2 Family Cluster Dedicated vCPUs: 2 → 2 of 6" },
    { LARGER("ds-z", OURS), DECLARED("ds-a", 2, SIZE), NULL, 5, 32,
      "ok -:0: Standard DSv2 Family Cluster Dedicated vCPUs: 2 → 2 of 5" },
    { LARGER("ds-z", OURS), DECLARED("ds-a", 2, SIZE), NULL, 1, 32,
      "failure r.lua:2: Standard DSv2 Family Cluster Dedicated vCPUs in westeurope: 2 cores are "
      "used, 2 after this plan (6 on the way), the limit is 1" },
    /* a replacement that shrinks frees cores only once it has ended */
    { LARGER("ds-a", OURS), DECLARED("ds-a", 2, SMALL) "," DECLARED("ds-b", 3, SMALL), "ds-a", 2, 1,
      "ok -:0: Standard DSv2 Family Cluster Dedicated vCPUs: 2 → 2 of 2" },
    { LARGER("ds-a", OURS), DECLARED("ds-a", 2, SMALL) "," DECLARED("ds-b", 3, SMALL), "ds-a", 2, 2,
      "failure r.lua:3: Standard DSv2 Family Cluster Dedicated vCPUs in westeurope: 2 cores are "
      "used, 2 after this plan (4 on the way), the limit is 2; 'ds-b' is the first that" },
    { LARGER("ds-a", OURS), DECLARED("ds-a", 2, SMALL) "," DECLARED("ds-b", 3, SMALL), "ds-a", 4,
      32, "ok -:0: Standard DSv2 Family Cluster Dedicated vCPUs: 2 → 2 of 4" },
};

static void counts_cores_in_the_worst_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct world world;
        char *listed = text_format("[%s]", orders[i].listed);
        world_start(&world, listed);
        world.quota = orders[i].quota;
        cJSON *document = world_document("{}", orders[i].declared);
        plan_with(
            &world, document,
            (struct options) { .replace = orders[i].replace, .parallel = orders[i].parallel });
        char *checks = world_checks(world.plan, CHECK_QUOTA);
        if (!text_starts(checks, orders[i].expected))
            fail_msg("case %zu: %s", i, checks);
        free(checks);
        free(listed);
        world_stop(&world);
        cJSON_Delete(document);
    }
}

static void deletions_go_first_when_cores_are_short(void **state)
{
    (void)state;
    struct world world;
    struct error err = { 0 };
    world_start(&world, "[" LARGER("ds-z", OURS) "]");
    world.quota = 5;
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE));
    plan_with(&world, document, (struct options) { 0 });
    assert_int_equal(apply_run(world.fake.client, world.plan, NULL, NULL, NULL, &err), 0);
    assert_string_equal(world.log.data, "DELETE ds-z\nPUT ds-a\n");
    world_stop(&world);
    cJSON_Delete(document);
}

static void sizes_that_are_not_offered_are_told(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, "\"size\":\"Standard_DS4_v2\""));
    char *checks = world_checks(world_plan(&world, document), CHECK_SIZES);
    assert_string_equal(checks, "failure r.lua:2: instance 'ds-a': size 'Standard_DS4_v2' is not "
                                "offered for instances in westeurope\n");
    free(checks);
    world_stop(&world);
    cJSON_Delete(document);
}

static void names_that_are_taken_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *taken;
        int status;
        const char *expected;
    } cases[] = {
        { NULL, 200, "ok -:0: 2 new names are free in westeurope\n" },
        { "ds-b", 200,
          "failure r.lua:3: instance 'ds-b': the name is not available in westeurope: in use\n" },
        { NULL, 403,
          "unknown -:0: whether new names are free in westeurope could not be asked (Refused)\n" },
        { NULL, 404,
          "unknown -:0: whether new names are free in westeurope could not be asked (Refused)\n" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world world;
        world_start(&world, NULL);
        world.taken = cases[i].taken;
        world.names_status = cases[i].status;
        cJSON *document =
            world_document("{}", DECLARED("ds-a", 2, SIZE) "," DECLARED("ds-b", 3, SIZE));
        char *checks = world_checks(world_plan(&world, document), CHECK_NAMES);
        assert_string_equal(checks, cases[i].expected);
        free(checks);
        world_stop(&world);
        cJSON_Delete(document);
    }
}

static void many_names_are_not_all_asked_for(void **state)
{
    (void)state;
    struct world world;
    struct buffer declared = { 0 };
    for (int i = 0; i < 100; i++)
        buffer_format(&declared,
                      "%s{\"type\":\"instance\",\"name\":\"ds-%03dx\",\"fields\":{" SIZE
                      "},\"at\":{\"file\":\"r.lua\",\"line\":2}}",
                      i ? "," : "", i);
    world_start(&world, NULL);
    cJSON *document = world_document("{}", declared.data);
    char *checks = world_checks(world_plan(&world, document), CHECK_NAMES);
    assert_string_equal(checks, "unknown -:0: 36 of 100 new names were not asked for: one request "
                                "a name is too many\nok -:0: 64 new names are free in "
                                "westeurope\n");
    assert_int_equal(world.fake.asked_count, 4 + 2 + 64 + 6); /* 6: who may do what */
    free(checks);
    buffer_clear(&declared);
    world_stop(&world);
    cJSON_Delete(document);
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void planning_that_ends_early_leaves_no_check_behind(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL);
    cJSON *document = world_document("{}", DECLARED("ds-a", 2, SIZE));
    world.delay_ms = 100;
    struct plan_request request = { .document = document, .target = world_target() };
    struct error err = { 0 };
    for (int stop_ms = 0; stop_ms < 300; stop_ms += 50) {
        struct plan *plan = NULL;
        struct loop_timer *timer = NULL;
        assert_int_equal(loop_timer_new(world.fake.loop, stop_loop, world.fake.loop, &timer), 0);
        assert_int_equal(loop_timer_set(timer, stop_ms), 0);
        int rc = plan_make_wait(world.fake.client, &request, &plan, &err);
        assert_true(rc == 0 || rc == ERROR_CANCELLED);
        plan_free(plan);
        loop_timer_free(timer);
    }
    world_stop(&world);
    cJSON_Delete(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_words_are_the_names),
        cmocka_unit_test(a_failure_stops_an_apply_unless_it_is_forced),
        cmocka_unit_test(counts_cores_in_the_worst_order),
        cmocka_unit_test(deletions_go_first_when_cores_are_short),
        cmocka_unit_test(sizes_that_are_not_offered_are_told),
        cmocka_unit_test(names_that_are_taken_are_told),
        cmocka_unit_test(many_names_are_not_all_asked_for),
        cmocka_unit_test(planning_that_ends_early_leaves_no_check_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
