/* ARM's error bodies, read and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "arm/arm_error.h"
#include "base/text.h"

static struct error read_error(int status, const char *body)
{
    struct error err = { .code = 1, .line = 9, .file = "stale", .details = "stale" };
    int rc = arm_error_read(status, body, strlen(body), &err);
    assert_int_equal(rc, err.code);
    assert_int_equal(err.status, status);
    assert_int_equal(err.line, 0);
    assert_string_equal(err.file, "");
    return err;
}

static void keeps_all_that_arm_says(void **state)
{
    (void)state;
    struct error err = read_error(
        400, "{\"error\":{\"code\":\"UserError\",\"message\":\"no\",\"target\":\"vmSize\","
             "\"details\":[{\"code\":\"A\",\"message\":\"x\"},{\"code\":\"B\"}],"
             "\"additionalInfo\":[{\"type\":\"Time\",\"info\":{\"t\":1}}]}}");
    assert_int_equal(err.code, ERROR_REMOTE);
    assert_string_equal(err.name, "UserError");
    assert_string_equal(err.message, "no");
    assert_string_equal(err.target, "vmSize");
    assert_string_equal(err.details,
                        "{\"details\":[{\"code\":\"A\",\"message\":\"x\"},{\"code\":\"B\"}],"
                        "\"additionalInfo\":[{\"type\":\"Time\",\"info\":{\"t\":1}}]}");
}

static void the_status_picks_the_code(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *name;
        int code;
    } cases[] = {
        { 400, "UserError", ERROR_REMOTE },
        { 401, "AuthenticationFailed", ERROR_DENIED },
        { 403, "AuthorizationFailed", ERROR_DENIED },
        { 404, "ResourceNotFound", ERROR_NOT_FOUND },
        { 409, "Conflict", ERROR_CONFLICT },
        { 412, "PreconditionFailed", ERROR_CONFLICT },
        { 408, "Timeout", ERROR_UNAVAILABLE },
        { 429, "SubscriptionRequestsThrottled", ERROR_UNAVAILABLE },
        { 429, "RequestQuota", ERROR_UNAVAILABLE }, /* to be tried again, unlike a full quota */
        { 500, "InternalServerError", ERROR_UNAVAILABLE },
        { 503, "ServerBusy", ERROR_UNAVAILABLE },
        { 400, "ClusterCoreQuotaReached", ERROR_QUOTA },
        { 409, "quotaexceeded", ERROR_QUOTA },
        { 0, "QuotaExceeded", ERROR_QUOTA }, /* of an operation */
        { 0, "UserSetupFailed", ERROR_REMOTE },
        { 405, "", ERROR_REMOTE },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer body = { 0 };
        buffer_format(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"m\"}}", cases[i].name);
        struct error err = read_error(cases[i].status, body.data);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(arm_error_read(cases[i].status, body.data, body.size, NULL),
                         cases[i].code);
        buffer_clear(&body);
    }
}

static void copes_with_other_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *body, *name, *message;
    } cases[] = {
        { "{\"code\":\"Old\",\"message\":\"style\"}", "Old", "style" },
        { "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: no\"}",
          "invalid_client", "AADSTS7000215: no" },
        { "{\"error\":\"invalid_client\"}", "invalid_client", "invalid_client" },
        { "{\"error\":{\"code\":\"OnlyACode\"}}", "OnlyACode", "OnlyACode" },
        { "{\"error\":{\"code\":\"Outer\",\"message\":\"\",\"details\":[{\"message\":\"inner\"}]}}",
          "Outer", "inner" },
        { "{\"error\":{\"code\":7,\"message\":\"m\",\"target\":null,\"details\":{}}}", "", "m" },
        { "{\"error\":{\"message\":\"m\",\"details\":[]}}", "", "m" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = read_error(400, cases[i].body);
        assert_string_equal(err.name, cases[i].name);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.target, "");
    }
    assert_string_equal(read_error(400, cases[6].body).details, "");
}

static void tells_the_first_words_of_what_is_not_arm(void **state)
{
    (void)state;
    static const struct {
        const char *body, *message;
    } cases[] = {
        { "", "the plane answered 502 and did not say why" },
        { " \n", "the plane answered 502 and did not say why" },
        { "<html>\n<head><title>502 Bad Gateway</title></head>\n<h1>nginx</h1>",
          "the plane answered 502: 502 Bad Gateway nginx" },
        { "upstream\x1B[31m  \t is\r\ndown", "the plane answered 502: upstream [31m is down" },
        { "a\xFFz \xC3", "the plane answered 502: a?z ?" },
        { "text <unfinished tag", "the plane answered 502: text" },
        { "{\"error\":", "the plane answered 502: {\"error\":" },
        { "[1,2]", "the plane answered 502: [1,2]" },
        { "{\"error\":{}}", "the plane answered 502: {\"error\":{}}" },
        { "{\"error\":[]}", "the plane answered 502: {\"error\":[]}" },
        { "null", "the plane answered 502: null" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = read_error(502, cases[i].body);
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.name, "");
    }
    struct error err = { 0 };
    assert_int_equal(arm_error_read(404, NULL, 0, &err), ERROR_NOT_FOUND);
    assert_string_equal(err.message, "the plane answered 404 and did not say why");
}

static void long_foreign_bodies_are_cut_at_a_character(void **state)
{
    (void)state;
    char body[4000];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(body, 'a', shift);
        size_t size = shift;
        for (; size + 3 < sizeof body; size += 3)
            memcpy(body + size, "\xE2\x82\xAC", 4);
        struct error err = read_error(500, body);
        assert_true(text_is_utf8(err.message, strlen(err.message)));
        assert_in_range(strlen(err.message), 200, 250);
    }
}

static void details_that_do_not_fit_are_left_out_whole(void **state)
{
    (void)state;
    for (size_t length = 100; length < 5000; length += 97) {
        struct buffer body = { 0 };
        char *filler = malloc(length + 1);
        memset(filler, 'x', length);
        filler[length] = '\0';
        buffer_text(&body, "{\"error\":{\"code\":\"C\",\"message\":\"m\",\"details\":[");
        for (int i = 0; i < 20; i++)
            buffer_format(&body, "%s{\"n\":%d,\"message\":\"%s\"}", i ? "," : "", i, filler);
        buffer_text(&body, "],\"additionalInfo\":[{\"type\":\"small\"}]}}");
        struct error err = read_error(400, body.data);
        cJSON *tree = NULL;
        assert_int_equal(json_parse(err.details, strlen(err.details), "details", &tree, NULL), 0);
        assert_string_equal(json_at(tree, "additionalInfo")->child->child->valuestring, "small");
        assert_int_equal(cJSON_GetArraySize(json_at(tree, "details")) > 0, length < 4000);
        cJSON_Delete(tree);
        free(filler);
        buffer_clear(&body);
    }
}

static void overlong_texts_are_cut(void **state)
{
    (void)state;
    struct buffer body = { 0 };
    char filler[6000];
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    buffer_format(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"target\":\"%s\"}}",
                  filler, filler, filler);
    struct error err = read_error(400, body.data);
    assert_int_equal(strlen(err.name), ERROR_NAME_SIZE - 1);
    assert_int_equal(strlen(err.target), ERROR_TARGET_SIZE - 1);
    assert_true(text_ends(err.message, "x..."));
    buffer_clear(&body);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    struct http_response response = { 0 };
    buffer_text(&response.body, "what was there");
    arm_error_write(&response, 404, "ResourceNotFound", "/a/\"b\"", "The Resource '%s' was %d\n",
                    "x", 5);
    assert_int_equal(response.status, 404);
    assert_string_equal(http_header_get(&response.headers, "content-type"),
                        "application/json; charset=utf-8");
    assert_string_equal(
        response.body.data,
        "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"The Resource 'x' was "
        "5\\n\",\"target\":\"/a/\\\"b\\\"\"}}");
    struct error err = read_error(404, response.body.data);
    assert_string_equal(err.message, "The Resource 'x' was 5\n");
    assert_string_equal(err.target, "/a/\"b\"");
    arm_error_write(&response, 400, "C", NULL, "m");
    assert_string_equal(response.body.data, "{\"error\":{\"code\":\"C\",\"message\":\"m\"}}");
    assert_int_equal(response.headers.count, 1);
    http_response_clear(&response);
}

static void makes_the_error_of_an_operation(void **state)
{
    (void)state;
    cJSON *error = arm_error_object("C", NULL, "m");
    char *text = json_text(error);
    assert_string_equal(text, "{\"code\":\"C\",\"message\":\"m\"}");
    free(text);
    cJSON_Delete(error);
    error = arm_error_object("C", "t", "m");
    assert_string_equal(json_string(error, "target", ""), "t");
    cJSON_Delete(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_all_that_arm_says),
        cmocka_unit_test(the_status_picks_the_code),
        cmocka_unit_test(copes_with_other_shapes),
        cmocka_unit_test(tells_the_first_words_of_what_is_not_arm),
        cmocka_unit_test(long_foreign_bodies_are_cut_at_a_character),
        cmocka_unit_test(details_that_do_not_fit_are_left_out_whole),
        cmocka_unit_test(overlong_texts_are_cut),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(makes_the_error_of_an_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
