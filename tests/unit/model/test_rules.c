/* Tests of model/rules.h: the rules of the service, and the sentence that each is told by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "model/rules.h"

static void checks_names_of_instances(void **state)
{
    static const struct {
        const char *name, *rule; /* a part of the sentence; NULL: valid */
        bool accepted;           /* by the service's own pattern */
    } cases[] = {
        { "abc", NULL, true },
        { "ds-ada", NULL, true },
        { "DS3-a1", NULL, true },
        { "a23456789012345678901234", NULL, true },
        { "a-1b", NULL, true },
        { "ab", "3 to 24", false },
        { "", "3 to 24", false },
        { NULL, "3 to 24", false },
        { "a234567890123456789012345", "3 to 24", false },
        { "1abc", "starts with a letter", false },
        { "-abc", "starts with a letter", false },
        { "a_bc", "only letters", false },
        { "\xc3\xa4"
          "bc",
          "only letters", false },
        { "cpu-cluster-1", "hyphen and digits", false },
        { "abc-", "end in a hyphen", true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *rule = "";
        assert_int_equal(compute_name_valid(cases[i].name, &rule), cases[i].rule == NULL);
        if (cases[i].rule)
            assert_non_null(strstr(rule, cases[i].rule));
        assert_int_equal(compute_name_accepted(cases[i].name), cases[i].accepted);
    }
    assert_false(compute_name_valid("x", NULL));
}

static void checks_names_of_workspaces(void **state)
{
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {
        { "ds-workspace", true },
        { "1_a", true },
        { "ab", false },
        { "_ab", false },
        { "a.b", false },
        { "a23456789012345678901234567890123", true },
        { "a234567890123456789012345678901234", false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(workspace_name_valid(cases[i].name, NULL), cases[i].valid);
}

static void checks_names_of_fleets(void **state)
{
    (void)state;
    assert_true(fleet_name_valid("ds", NULL));
    assert_true(fleet_name_valid("team.a_1", NULL));
    assert_false(fleet_name_valid("", NULL));
    assert_false(fleet_name_valid("-x", NULL));
    assert_false(fleet_name_valid("a b", NULL));
}

static void checks_names_of_tags(void **state)
{
    (void)state;
    assert_true(tag_name_valid("cost center", NULL));
    assert_false(tag_name_valid("a/b", NULL));
    assert_false(tag_name_valid("a?", NULL));
    assert_false(tag_name_valid("", NULL));
}

static void checks_user_principal_names(void **state)
{
    static const struct {
        const char *upn;
        bool valid;
    } cases[] = {
        { "ada@moonfleet.local", true },
        { "O'Neil_x!#EXT#^~-1.a@contoso-1.onmicrosoft.com", true },
        { "a@b.c", true },
        { NULL, false },
        { "", false },
        { "ada", false },
        { "@b.c", false },
        { "ada@", false },
        { "ada@local", false },
        { "ada.@b.c", false },
        { "a b@b.c", false },
        { "ädä@b.c", false },
        { "a@b@c.d", false },
        { "a@b..c", false },
        { "a@.c", false },
        { "a@-b.c", false },
        { "a@b.c.", false },
        { "a@b c.d", false },
        { "a@b.c\n", false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *rule = NULL;
        if (upn_valid(cases[i].upn, &rule) != cases[i].valid)
            fail_msg("%s", cases[i].upn);
        assert_int_equal(rule == NULL, cases[i].valid);
    }
    char name[256];
    snprintf(name, sizeof name, "%064d@b.c", 0);
    assert_true(upn_valid(name, NULL));
    snprintf(name, sizeof name, "%065d@b.c", 0);
    assert_false(upn_valid(name, NULL));
    snprintf(name, sizeof name, "a@%046d.c", 0);
    assert_true(upn_valid(name, NULL));
    snprintf(name, sizeof name, "a@%047d.c", 0);
    assert_false(upn_valid(name, NULL));
}

static void knows_time_zones(void **state)
{
    (void)state;
    assert_true(time_zone_known("W. Europe Standard Time"));
    assert_true(time_zone_known("UTC"));
    assert_string_equal(time_zone_name("w. europe standard time"), "W. Europe Standard Time");
    assert_false(time_zone_known("Europe/Berlin"));
    assert_false(time_zone_known(NULL));
}

static void time_zones_agree_with_the_reference(void **state)
{
    (void)state;
    struct buffer text = { 0 };
    cJSON *tree = NULL;
    const cJSON *zone;
    size_t count;
    (void)time_zones(&count);
    if (file_read(SOURCE_DIR "/../shared/reference/timezones.json", 1 << 20, &text, NULL) < 0) {
        print_message("the reference is not beside this tree: not compared\n");
        skip();
    }
    assert_int_equal(json_parse(text.data, text.size, "timezones.json", &tree, NULL), 0);
    assert_int_equal(cJSON_GetArraySize(json_at(tree, "timeZones")), count);
    cJSON_ArrayForEach(zone, json_at(tree, "timeZones"))
    {
        assert_string_equal(time_zone_name(zone->valuestring), zone->valuestring);
    }
    cJSON_Delete(tree);
    buffer_clear(&text);
}

static void checks_cron_expressions(void **state)
{
    static const struct {
        const char *text, *fault; /* a part of the sentence; NULL: valid */
    } cases[] = {
        { "0 8 * * 1-5", NULL },
        { "*/15 8-18/2 1,15 jan-mar mon,wed", NULL },
        { "  0  0  *  *  * ", NULL },
        { "0 8 * *", "this one has 4" },
        { "0 0 8 * * 1", "this one has 6" },
        { "", "this one has 0" },
        { "60 8 * * *", "minute (0 to 59)" },
        { "0 24 * * *", "hour (0 to 23)" },
        { "0 8 0 * *", "day of the month (1 to 31)" },
        { "0 8 * 13 *", "month (1 to 12)" },
        { "0 8 * * 7", "day of the week (0 to 6)" },
        { "0 8 * * 5-1", "runs backwards" },
        { "0 8 * * mon-", "day of the week" },
        { "0 8 * * ,", "malformed" },
        { "*/0 8 * * *", "step" },
        { "0 8 * * someday", "day of the week" },
        { "0 99999999999 * * *", "hour" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        int rc = cron_check(cases[i].text, &err);
        assert_int_equal(rc, cases[i].fault ? ERROR_SYNTAX : 0);
        if (cases[i].fault && !strstr(err.message, cases[i].fault))
            fail_msg("'%s': %s", cases[i].text, err.message);
    }
}

static void writes_time_limits_as_timeout_reads_them(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = { { 1200, "20m" }, { 90, "90s" }, { 7200, "2h" }, { 5400, "90m" }, { 0, "0s" } };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32];
        script_timeout_text(cases[i].seconds, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_names_of_instances),
        cmocka_unit_test(checks_names_of_workspaces),
        cmocka_unit_test(checks_names_of_fleets),
        cmocka_unit_test(checks_names_of_tags),
        cmocka_unit_test(checks_user_principal_names),
        cmocka_unit_test(knows_time_zones),
        cmocka_unit_test(time_zones_agree_with_the_reference),
        cmocka_unit_test(checks_cron_expressions),
        cmocka_unit_test(writes_time_limits_as_timeout_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
