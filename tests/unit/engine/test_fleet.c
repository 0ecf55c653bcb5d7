/* Tests of engine/fleet.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "engine/fleet.h"

static cJSON *parse(const char *text)
{
    struct error err = { 0 };
    cJSON *tree = NULL;
    if (json_parse(text, strlen(text), "test", &tree, &err) < 0)
        fail_msg("%s", err.message);
    return tree;
}

#define HEAD "{\"fleet\":{\"name\":\"ds\",\"fields\":{},\"at\":{\"file\":\"r\",\"line\":1}},"

static void read_fleet(const char *text, cJSON **document, struct problems *problems,
                       struct fleet **fleet)
{
    struct error err = { 0 };
    *document = parse(text);
    *problems = (struct problems) { 0 };
    *fleet = NULL;
    assert_int_equal(fleet_new(*document, "tenant", problems, fleet, &err), 0);
}

static char *digest_of(const char *script)
{
    cJSON *document;
    struct problems problems;
    struct fleet *fleet;
    char *text = text_format(HEAD "\"declarations\":[],\"scripts\":[%s]}", script);
    read_fleet(text, &document, &problems, &fleet);
    assert_int_equal(problems.count, 0);
    char *digest = strdup(fleet->scripts[0].digest);
    fleet_free(fleet);
    problems_clear(&problems);
    cJSON_Delete(document);
    free(text);
    return digest;
}

static void digests_what_runs_and_not_how_it_is_written(void **state)
{
    static const struct {
        const char *script;
        bool same; /* as the first one */
    } cases[] = {
        { "{\"path\":\"a\",\"text\":\"x\",\"args\":[\"1\"],\"timeout\":\"20m\"}", true },
        { "{\"path\":\"b\",\"text\":\"x\",\"args\":[\"1\"],\"timeout\":\"1200s\",\"at\":{}}",
          true },
        { "{\"path\":\"a\",\"text\":\"y\",\"args\":[\"1\"],\"timeout\":\"20m\"}", false },
        { "{\"path\":\"a\",\"text\":\"x\",\"args\":[\"2\"],\"timeout\":\"20m\"}", false },
        { "{\"path\":\"a\",\"text\":\"x\",\"args\":[\"1\"],\"timeout\":\"21m\"}", false },
        { "{\"path\":\"a\",\"text\":\"x\",\"args\":[\"1\"],\"timeout\":null}", false },
        { "{\"path\":\"a\",\"text\":\"x\",\"timeout\":\"20m\"}", false },
    };
    (void)state;
    char *first = digest_of(cases[0].script);
    assert_int_equal(strlen(first), 32);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *digest = digest_of(cases[i].script);
        assert_int_equal(text_equal(first, digest), cases[i].same);
        free(digest);
    }
    free(first);
}

/* A document, and what is wrong with it: a part of the one sentence; NULL: nothing. */
static const struct {
    const char *rest, *words;
} cases[] = {
    { "\"declarations\":[],\"scripts\":[]}", NULL },
    { "\"declarations\":[],\"scripts\":[{\"text\":\"x\",\"timeout\":\"soon\"}]}",
      "timeout 'soon' is not a duration" },
    { "\"declarations\":[],\"scripts\":[{\"text\":\"x\",\"timeout\":\"2d\"}]}",
      "between 1 second and 24 hours" },
    { "\"declarations\":[],\"scripts\":[{\"text\":\"x\",\"args\":[{}]}]}", "setup script: " },
    { "\"declarations\":[{\"type\":\"pool\",\"name\":\"x\"}]}", "unknown type of resource 'pool'" },
    { "\"declarations\":[{\"type\":\"instance\",\"name\":\"abc\",\"fields\":{}}]}",
      "instance 'abc': size is missing" },
    { "\"declarations\":[{\"type\":\"instance\",\"name\":\"a-1\",\"fields\":{\"size\":\"S\"}}]}",
      "must not end in a hyphen and digits" },
    { "\"declarations\":[{\"type\":\"instance\",\"name\":\"abc\",\"fields\":{\"size\":\"S\"}},"
      "{\"type\":\"instance\",\"name\":\"ABC\",\"fields\":{\"size\":\"S\"},"
      "\"at\":{\"file\":\"r\",\"line\":3}}],"
      "\"problems\":[{\"message\":\"instance 'ABC' is there twice\","
      "\"at\":{\"file\":\"r\",\"line\":3}}]}",
      "is there twice" },
    { "\"problems\":[{\"message\":\"m\"}]}", "m" },
    { "\"declarations\":7,\"scripts\":\"x\",\"problems\":{}}", NULL },
};

static void tells_each_mistake_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *document;
        struct problems problems;
        struct fleet *fleet;
        char *text = text_format(HEAD "%s", cases[i].rest);
        read_fleet(text, &document, &problems, &fleet);
        assert_int_equal(problems.count, cases[i].words ? 1 : 0);
        if (cases[i].words && !strstr(problems.items[0].message, cases[i].words))
            fail_msg("%s", problems.items[0].message);
        fleet_free(fleet);
        problems_clear(&problems);
        cJSON_Delete(document);
        free(text);
    }
}

static void finds_instances_and_people_in_any_case(void **state)
{
    cJSON *document;
    struct problems problems;
    struct fleet *fleet;
    (void)state;
    read_fleet("{\"fleet\":{\"name\":\"ds\",\"fields\":{\"defaults\":{\"size\":\"S\","
               "\"assigned_to\":{\"$user\":\"Ada@X\"}}}},\"declarations\":["
               "{\"type\":\"instance\",\"name\":\"Ds-Ada\",\"fields\":{}},"
               "{\"type\":\"instance\",\"name\":\"ds-two\",\"fields\":{\"assigned_to\":"
               "{\"$user\":\"ada@x\"}}}]}",
               &document, &problems, &fleet);
    assert_int_equal(problems.count, 0);
    assert_string_equal(fleet_find(fleet, "DS-ADA")->name, "Ds-Ada");
    assert_null(fleet_find(fleet, "ds"));
    assert_int_equal(HASH_COUNT(fleet->principals), 1);
    fleet->principals->id = strdup("ID");
    assert_string_equal(fleet_principal_by_id(fleet, "id")->name, "Ada@X");
    assert_null(fleet_principal_by_id(fleet, "other"));
    fleet_free(fleet);
    problems_clear(&problems);
    cJSON_Delete(document);
}

static void refuses_what_is_no_document(void **state)
{
    struct problems problems = { 0 };
    struct fleet *fleet = NULL;
    (void)state;
    assert_int_equal(fleet_new(NULL, NULL, &problems, &fleet, NULL), ERROR_INVALID);
    cJSON *list = parse("[]");
    assert_int_equal(fleet_new(list, NULL, &problems, &fleet, NULL), ERROR_INVALID);
    cJSON_Delete(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_what_runs_and_not_how_it_is_written),
        cmocka_unit_test(tells_each_mistake_once),
        cmocka_unit_test(finds_instances_and_people_in_any_case),
        cmocka_unit_test(refuses_what_is_no_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
