/* test_check_scripts.c - what a plan says about the scripts that it would send. */
#include "engine/world.h"

#define FIELDS "\"size\":\"Standard_DS2_v2\",\"setup\":{\"$setup_script\":0}"

/* A plan of one instance that runs `text` (as it stands in JSON), and what it says. */
static void check(const char *text, const char *extra, const char *fields, const char *expected,
                  size_t failed)
{
    struct world world;
    world_start(&world, NULL);
    char *json = text_format(
        "{\"recipe\":\"r.lua\",\"fleet\":{\"name\":\"ds\",\"fields\":{},\"at\":{\"file\":"
        "\"r.lua\",\"line\":1}},\"declarations\":[{\"type\":\"instance\",\"name\":"
        "\"ds-a\",\"fields\":{%s},\"at\":{\"file\":\"r.lua\",\"line\":2}}],"
        "\"scripts\":[{\"path\":\"setup/a.sh\",\"text\":\"%s\",\"args\":[],"
        "\"at\":{\"file\":\"r.lua\",\"line\":7}%s}],\"outputs\":[],\"problems\":[]}",
        fields, text, extra);
    cJSON *document = world_parse(json);
    char *checks = world_checks(world_plan(&world, document), CHECK_SCRIPTS);
    assert_string_equal(checks, expected);
    assert_int_equal(plan_failed_checks(world.plan), failed);
    free(checks);
    free(json);
    world_stop(&world);
    cJSON_Delete(document);
}

static void what_cannot_run_fails_the_plan(void **state)
{
    (void)state;
    check("#!bash\\necho\\n", "", FIELDS,
          "failure r.lua:7: setup/a.sh, line 1: the #! names no program by its whole path "
          "(bad-shebang)\n",
          1);
    check("#!/bin/sh\\r\\nid\\r\\n", "", FIELDS,
          "failure r.lua:7: setup/a.sh, line 1: 2 of 2 lines end with a carriage return (crlf)\n",
          1);
}

static void other_findings_are_counted(void **state)
{
    (void)state;
    check("set -e\\necho\\n", "", FIELDS, "warning r.lua:7: setup/a.sh: 1 finding\n", 0);
    check("#!/bin/sh\\nset -e\\napt-get install jq\\npip install x\\n", "", FIELDS,
          "warning r.lua:7: setup/a.sh: 2 findings\n", 0);
    check("#!/bin/sh\\nset -e\\necho $CI_NAME\\n", ",\"cache\":true", FIELDS,
          "warning r.lua:7: setup/a.sh: 1 finding\n", 0);
    check("#!/bin/sh\\nset -e\\necho $CI_NAME {{ x\\n", "", FIELDS,
          "ok -:0: 1 setup script looked at, nothing found\n", 0); /* rendered: its own braces */
}

static void places_are_those_of_the_template(void **state)
{
    (void)state;
    check("#!/bin/sh\\nset -e\\nid\\nid\\r\\n", ",\"lines\":[1,1,3,20]", FIELDS,
          "failure r.lua:7: setup/a.sh, line 21: 1 of 4 lines end with a carriage return (crlf)\n",
          1);
}

static void declared_secrets_are_meant(void **state)
{
    (void)state;
    static const char text[] = "#!/bin/sh\\nset -e\\nexport DB_PASSWORD=hunter2\\n";
    check(text, "", FIELDS, "warning r.lua:7: setup/a.sh: 1 finding\n", 0);
    check(text, "}],\"secrets\":[{\"name\":\"DB\",\"value\":\"hunter2\"", FIELDS,
          "ok -:0: 1 setup script looked at, nothing found\n", 0);
}

static void what_the_workspace_holds_is_asked_for(void **state)
{
    (void)state;
    /* This plane does not tell: Azure's would neither. */
    check("", ",\"source\":\"workspace\"", FIELDS,
          "unknown r.lua:7: setup/a.sh: whether it is in the workspace's file share could not be "
          "asked\n",
          0);
}

static void scripts_that_nobody_runs_are_left_alone(void **state)
{
    (void)state;
    check("echo\\n", "", "\"size\":\"Standard_DS2_v2\"", "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_run_fails_the_plan),
        cmocka_unit_test(other_findings_are_counted),
        cmocka_unit_test(places_are_those_of_the_template),
        cmocka_unit_test(declared_secrets_are_meant),
        cmocka_unit_test(what_the_workspace_holds_is_asked_for),
        cmocka_unit_test(scripts_that_nobody_runs_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
