/* Long-running operations: how to go on after the first reply, and what a polling reply says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "arm/operation.h"
#include "base/text.h"

#define ASYNC                                                                                      \
    "https://management.azure.com/subscriptions/s/providers/Microsoft.MachineLearningServices/"    \
    "locations/westeurope/computeOperationsStatus/1?api-version=2025-12-01&service=new&t=6%2B&"    \
    "c=MII&s=a%3D%3D&h=x"
#define LOCATION "https://management.azure.com/x?api-version=1&h=y"

struct exchange {
    struct http_response reply;
    cJSON *body;
};

static struct exchange reply_of(int status, const char *async, const char *location,
                                const char *body)
{
    struct exchange exchange = { .reply.status = status };
    if (async)
        assert_int_equal(http_header_add(&exchange.reply.headers, "azure-asyncOperation", async),
                         0);
    if (location)
        assert_int_equal(http_header_add(&exchange.reply.headers, "location", location), 0);
    if (body) {
        buffer_text(&exchange.reply.body, body);
        assert_int_equal(json_parse(body, strlen(body), "body", &exchange.body, NULL), 0);
    }
    return exchange;
}

static void clear(struct exchange *exchange)
{
    http_response_clear(&exchange->reply);
    cJSON_Delete(exchange->body);
}

#define CREATING "{\"properties\":{\"provisioningState\":\"Creating\"}}"
#define SUCCEEDED "{\"properties\":{\"provisioningState\":\"succeeded\"}}"

static void decides_how_to_go_on(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        int status;
        const char *async, *location, *body;
        enum operation_way way;
        const char *url;
    } cases[] = {
        { HTTP_PUT, 201, ASYNC, NULL, CREATING, OPERATION_STATUS, ASYNC },
        { HTTP_PUT, 200, ASYNC, LOCATION, CREATING, OPERATION_STATUS, ASYNC },
        { HTTP_PUT, 201, NULL, NULL, CREATING, OPERATION_RESOURCE, NULL },
        { HTTP_PUT, 200, NULL, NULL, CREATING, OPERATION_RESOURCE, NULL },
        { HTTP_PUT, 201, NULL, LOCATION, CREATING, OPERATION_RESOURCE, NULL },
        { HTTP_PUT, 201, NULL, NULL, "{}", OPERATION_RESOURCE, NULL },
        { HTTP_PUT, 201, NULL, NULL, NULL, OPERATION_RESOURCE, NULL },
        { HTTP_PUT, 202, NULL, NULL, NULL, OPERATION_RESOURCE, NULL },
        { HTTP_PUT, 202, NULL, LOCATION, NULL, OPERATION_LOCATION, LOCATION },
        { HTTP_PUT, 201, NULL, NULL, SUCCEEDED, OPERATION_DONE, NULL },
        { HTTP_PUT, 200, NULL, NULL, SUCCEEDED, OPERATION_DONE, NULL },
        { HTTP_PUT, 200, NULL, NULL, "{}", OPERATION_DONE, NULL },
        { HTTP_PUT, 200, "", "", "{}", OPERATION_DONE, NULL }, /* an empty header is none */
        { HTTP_PATCH, 200, NULL, NULL, CREATING, OPERATION_RESOURCE, NULL },
        { HTTP_PATCH, 200, NULL, NULL, NULL, OPERATION_DONE, NULL },
        { HTTP_POST, 202, ASYNC, NULL, NULL, OPERATION_STATUS, ASYNC },
        { HTTP_POST, 202, ASYNC, LOCATION, NULL, OPERATION_STATUS, ASYNC },
        { HTTP_POST, 202, NULL, LOCATION, NULL, OPERATION_LOCATION, LOCATION },
        { HTTP_POST, 200, NULL, NULL, "{\"value\":1}", OPERATION_DONE, NULL },
        { HTTP_POST, 200, NULL, NULL, CREATING, OPERATION_DONE, NULL },
        { HTTP_DELETE, 202, ASYNC, LOCATION, NULL, OPERATION_STATUS, ASYNC },
        { HTTP_DELETE, 204, NULL, NULL, NULL, OPERATION_DONE, NULL },
        { HTTP_DELETE, 200, NULL, NULL, NULL, OPERATION_DONE, NULL },
        { HTTP_GET, 200, NULL, NULL, CREATING, OPERATION_DONE, NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct exchange exchange =
            reply_of(cases[i].status, cases[i].async, cases[i].location, cases[i].body);
        enum operation_way way = OPERATION_DONE;
        char *url = (char *)"untouched";
        struct error err = { 0 };
        if (operation_begin(cases[i].method, &exchange.reply, exchange.body, &way, &url, &err) < 0)
            fail_msg("case %zu: %s", i, err.message);
        if (way != cases[i].way)
            fail_msg("case %zu: way %d", i, way);
        assert_true(text_equal(url, cases[i].url));
        free(url);
        clear(&exchange);
    }
}

static void refuses_replies_that_lead_nowhere(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        int status;
        const char *body;
        int rc;
        const char *message;
    } cases[] = {
        { HTTP_POST, 202, NULL, ERROR_REMOTE,
          "the plane accepted the POST but did not say where to ask about it" },
        { HTTP_DELETE, 202, "{}", ERROR_REMOTE,
          "the plane accepted the DELETE but did not say where to ask about it" },
        { HTTP_PUT, 302, NULL, ERROR_REMOTE, "the plane answered 302, which means nothing here" },
        { HTTP_PUT, 0, NULL, ERROR_REMOTE, "the plane answered 0, which means nothing here" },
        { HTTP_PUT, 409, "{\"error\":{\"code\":\"Busy\",\"message\":\"later\"}}", ERROR_CONFLICT,
          "later" },
        { HTTP_PUT, 500, NULL, ERROR_UNAVAILABLE, "the plane answered 500 and did not say why" },
        { HTTP_PUT, 200, "{\"properties\":{\"provisioningState\":\"Failed\"}}", ERROR_REMOTE,
          "the operation failed and the plane did not say why" },
        { HTTP_PUT, 200, "{\"properties\":{\"provisioningState\":\"Canceled\"}}", ERROR_REMOTE,
          "the operation was canceled and the plane did not say why" },
        { HTTP_PUT, 200,
          "{\"properties\":{\"provisioningState\":\"Failed\",\"provisioningErrors\":[{\"error\":"
          "{\"code\":\"ClusterCoreQuotaReached\",\"message\":\"full\"}}]}}",
          ERROR_QUOTA, "full" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct exchange exchange = reply_of(cases[i].status, NULL, NULL, cases[i].body);
        enum operation_way way = OPERATION_LOCATION;
        char *url = (char *)"untouched";
        struct error err = { 0 };
        assert_int_equal(
            operation_begin(cases[i].method, &exchange.reply, exchange.body, &way, &url, &err),
            cases[i].rc);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(way, OPERATION_LOCATION);
        assert_string_equal(url, "untouched");
        clear(&exchange);
    }
}

static void reads_polling_replies(void **state)
{
    (void)state;
    static const struct {
        enum operation_way way;
        int status;
        const char *body;
        enum operation_state state;
        const char *name, *message;
    } cases[] = {
        { OPERATION_STATUS, 200, "{\"status\":\"Running\"}", OPERATION_RUNNING, "", "" },
        { OPERATION_STATUS, 200, "{\"status\":\"UserSettingUp\"}", OPERATION_RUNNING, "", "" },
        { OPERATION_STATUS, 202, NULL, OPERATION_RUNNING, "", "" },
        { OPERATION_STATUS, 200, "{\"status\":\"Succeeded\",\"properties\":{}}",
          OPERATION_SUCCEEDED, "", "" },
        { OPERATION_STATUS, 202, "{\"status\":\"Succeeded\"}", OPERATION_SUCCEEDED, "", "" },
        { OPERATION_STATUS, 200,
          "{\"status\":\"Failed\",\"error\":{\"code\":\"UserSetupFailed\",\"message\":\"exit 3\"}}",
          OPERATION_FAILED, "UserSetupFailed", "exit 3" },
        { OPERATION_STATUS, 200, "{\"status\":\"failed\"}", OPERATION_FAILED, "Failed",
          "the operation failed and the plane did not say why" },
        { OPERATION_STATUS, 200, "{\"status\":\"Canceled\",\"error\":null}", OPERATION_CANCELED,
          "Canceled", "the operation was canceled and the plane did not say why" },
        { OPERATION_LOCATION, 202, NULL, OPERATION_RUNNING, "", "" },
        { OPERATION_LOCATION, 202, SUCCEEDED, OPERATION_RUNNING, "", "" },
        { OPERATION_LOCATION, 204, NULL, OPERATION_SUCCEEDED, "", "" },
        { OPERATION_LOCATION, 200, NULL, OPERATION_SUCCEEDED, "", "" },
        { OPERATION_LOCATION, 200, "{\"value\":[]}", OPERATION_SUCCEEDED, "", "" },
        { OPERATION_LOCATION, 200, CREATING, OPERATION_RUNNING, "", "" },
        { OPERATION_RESOURCE, 200, CREATING, OPERATION_RUNNING, "", "" },
        { OPERATION_RESOURCE, 200, SUCCEEDED, OPERATION_SUCCEEDED, "", "" },
        { OPERATION_RESOURCE, 200, "{\"properties\":{}}", OPERATION_SUCCEEDED, "", "" },
        { OPERATION_RESOURCE, 202, NULL, OPERATION_RUNNING, "", "" },
        { OPERATION_RESOURCE, 200,
          "{\"properties\":{\"provisioningState\":\"Failed\",\"properties\":{\"errors\":[{"
          "\"error\":"
          "{\"code\":\"C\",\"message\":\"m\"}}]}}}",
          OPERATION_FAILED, "C", "m" },
        { OPERATION_RESOURCE, 200,
          "{\"properties\":{\"provisioningState\":\"Failed\",\"provisioningErrors\":[],"
          "\"properties\":{\"errors\":[{\"code\":\"C\",\"message\":\"m\"}]}}}",
          OPERATION_FAILED, "C", "m" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct exchange exchange = reply_of(cases[i].status, NULL, NULL, cases[i].body);
        enum operation_state got = OPERATION_RUNNING;
        struct error err = { 0 };
        assert_int_equal(operation_read(cases[i].way, &exchange.reply, exchange.body, &got, &err),
                         0);
        if (got != cases[i].state)
            fail_msg("case %zu: state %d", i, got);
        assert_string_equal(err.name, cases[i].name);
        assert_string_equal(err.message, cases[i].message);
        assert_int_equal(operation_read(cases[i].way, &exchange.reply, exchange.body, &got, NULL),
                         0);
        clear(&exchange);
    }
}

static void a_status_reply_without_a_status_is_an_error(void **state)
{
    (void)state;
    static const char *const bodies[] = { NULL, "{}", "{\"status\":1}", "[]" };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct exchange exchange = reply_of(200, NULL, NULL, bodies[i]);
        enum operation_state got = OPERATION_CANCELED;
        struct error err = { 0 };
        assert_int_equal(
            operation_read(OPERATION_STATUS, &exchange.reply, exchange.body, &got, &err),
            ERROR_REMOTE);
        assert_int_equal(got, OPERATION_CANCELED);
        clear(&exchange);
    }
}

static void knows_the_last_states(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum operation_state state;
    } cases[] = {
        { NULL, OPERATION_SUCCEEDED },
        { "Succeeded", OPERATION_SUCCEEDED },
        { "SUCCEEDED", OPERATION_SUCCEEDED },
        { "Failed", OPERATION_FAILED },
        { "Canceled", OPERATION_CANCELED },
        { "Cancelled", OPERATION_CANCELED },
        { "Creating", OPERATION_RUNNING },
        { "Failing", OPERATION_RUNNING },
        { "", OPERATION_RUNNING },
        { "Succeeded ", OPERATION_RUNNING },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(operation_state_of(cases[i].text), cases[i].state);
}

static void waits_as_long_as_it_is_told(void **state)
{
    (void)state;
    const int64_t now = INT64_C(784111777000); /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *value;
        int64_t ms;
    } cases[] = {
        { NULL, -1 },
        { "0", 0 },
        { "1", 1000 },
        { "600", 600000 },
        { "601", OPERATION_WAIT_MAX_MS },
        { "99999999999999999999999", OPERATION_WAIT_MAX_MS },
        { "-5", 0 },
        { "1.5", -1 },
        { "", -1 },
        { "soon", -1 },
        { "1s", -1 },
        { "Sun, 06 Nov 1994 08:49:47 GMT", 10000 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
        { "Sun, 06 Nov 1994 08:49:27 GMT", 0 },
        { "Mon, 07 Nov 1994 08:49:37 GMT", OPERATION_WAIT_MAX_MS },
        { "Sun, 06 Nov 1994 08:49:47", -1 },
        { "Sun, 06 Nov 1994 08:49:47 GMT!", -1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_headers headers = { 0 };
        if (cases[i].value)
            assert_int_equal(http_header_add(&headers, "retry-after", cases[i].value), 0);
        assert_int_equal(operation_retry_after_ms(&headers, now), cases[i].ms);
        http_headers_clear(&headers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_how_to_go_on),
        cmocka_unit_test(refuses_replies_that_lead_nowhere),
        cmocka_unit_test(reads_polling_replies),
        cmocka_unit_test(a_status_reply_without_a_status_is_an_error),
        cmocka_unit_test(knows_the_last_states),
        cmocka_unit_test(waits_as_long_as_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
