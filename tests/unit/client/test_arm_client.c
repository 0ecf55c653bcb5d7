/* The ARM client over a scripted transport and a virtual clock: nothing here waits. */
#include "fake.h"

#include <malloc.h>

#include "base/random.h"
#include "client/computes.h"

#define STATUS_URL "https://plane.test/operations/1?api-version=v&t=638%2B&c=MII%3D&s=a+b/c==&h=x"
#define STATUS_TARGET "/operations/1?api-version=v&t=638%2B&c=MII%3D&s=a+b/c==&h=x"
#define ORIGIN "https://plane.test:443"

static const struct arm_request get = { .method = HTTP_GET, .path = "/a", .api_version = "v" };
static const struct arm_request post = { .method = HTTP_POST, .path = "/a/b", .api_version = "v" };
static const struct arm_request put = {
    .method = HTTP_PUT, .path = "/a", .api_version = "v", .follow = ARM_OPERATION
};
static const struct arm_request pages = {
    .method = HTTP_GET, .path = "/list", .api_version = "v", .follow = ARM_PAGES
};

/* ---- requests ---- */

static void test_request_says_who_we_are(void **state)
{
    static const struct answer answers[] = { { .status = 200, .body = "{\"a\":1}" },
                                             { .status = 204 } };
    struct arm_client_options options = { .token = "t0ken", .as_principal = "ada@x" };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, &options, ORIGIN);
    fake_script(&fake, answers, COUNT(answers));
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "k", "v");
    struct arm_request request = {
        .method = HTTP_PUT, .path = "/a b/(c)/d%", .api_version = "v1", .query = "x=y", .body = body
    };
    fake_run(&fake, &request, &ended);
    cJSON_Delete(body);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(ended.status, 200);
    assert_int_equal(ended.attempts, 1);
    assert_int_equal(json_int(ended.body, "a", 0), 1);
    const struct asked *asked = &fake.asked[0];
    assert_string_equal(asked->target, "/a%20b/%28c%29/d%25?api-version=v1&x=y");
    assert_string_equal(asked->authorization, "Bearer t0ken");
    assert_string_equal(asked->as, "ada@x");
    assert_true(uuid_is_valid(asked->request_id));
    assert_string_equal(asked->agent, "moonfleet/" MOONFLEET_VERSION);
    assert_string_equal(asked->type, "application/json");
    assert_string_equal(asked->body, "{\"k\":\"v\"}");
    ended_clear(&ended);
    fake_run(&fake, &get, &ended);
    assert_null(ended.body);
    assert_null(fake.asked[1].type);
    assert_string_not_equal(fake.asked[1].request_id, fake.asked[0].request_id);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_target_with_a_query_is_used_as_it_is(void **state)
{
    static const struct answer answers[] = { { .status = 200 } };
    struct arm_request request = { .method = HTTP_GET, .path = "/v1.0/users?$filter=x%20eq%20'y'" };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    assert_string_equal(fake.asked[0].target, "/v1.0/users?$filter=x%20eq%20'y'");
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_what_is_no_request_is_refused_at_once(void **state)
{
    static const struct arm_request wrong[] = {
        { .method = HTTP_GET, .path = "a" },
        { .method = HTTP_GET, .path = "/a?x\r\nHost: evil" },
        { .method = HTTP_GET, .path = "https://a@b/c" },
        { .method = HTTP_GET, .path = "/a", .token = "x\r\ny" },
    };
    struct fake fake;
    (void)state;
    fake_start(&fake, NULL, ORIGIN);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct error err = { 0 };
        assert_true(arm_send(fake.client, &wrong[i], on_ended, NULL, NULL, &err) < 0);
        assert_true(err.message[0]);
    }
    fake_stop(&fake);
}

static void test_raw_reply_is_text(void **state)
{
    static const struct answer answers[] = { { .status = 200, .body = "not {json" },
                                             { .status = 200 } };
    struct arm_request request = { .method = HTTP_GET, .path = "/log", .raw = true };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, 0);
    assert_string_equal(ended.text, "not {json");
    ended_clear(&ended);
    fake_run(&fake, &request, &ended);
    assert_string_equal(ended.text, "");
    ended_clear(&ended);
    fake_stop(&fake);
}

/* ---- errors ---- */

static void test_error_of_the_plane_is_kept_whole(void **state)
{
    static const struct answer answers[] = {
        { .status = 409,
          .body = "{\"error\":{\"code\":\"Busy\",\"message\":\"It is busy.\",\"target\":\"ds-ada\","
                  "\"details\":[{\"code\":\"Inner\",\"message\":\"why\"}]}}" },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &post, &ended);
    assert_int_equal(ended.rc, ERROR_CONFLICT);
    assert_int_equal(ended.status, 409);
    assert_int_equal(ended.err.status, 409);
    assert_string_equal(ended.err.name, "Busy");
    assert_string_equal(ended.err.message, "It is busy.");
    assert_string_equal(ended.err.target, "ds-ada");
    assert_non_null(strstr(ended.err.details, "Inner"));
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_hostile_replies_are_errors(void **state)
{
    static const struct {
        struct answer answer;
        int rc;
        const char *says;
    } cases[] = {
        { { .status = 200, .body = "<html>hello</html>" }, ERROR_SYNTAX, "where JSON was due" },
        { { .status = 200, .headers = { "Content-Type", "text/html" }, .body = "<" },
          ERROR_SYNTAX,
          "text/html" },
        { { .status = 200, .body = "{\"a\":1} trailing" }, ERROR_SYNTAX, "" },
        { { .status = 400, .body = "<html><body>Bad &amp; ugly</body></html>" },
          ERROR_REMOTE,
          "400" },
        { { .status = 404 }, ERROR_NOT_FOUND, "404" },
        { { .status = 302, .headers = { "Location", "https://login.test/" } },
          ERROR_REMOTE,
          "login.test" },
        { { .status = 100 }, ERROR_REMOTE, "100" },
        { { .status = 403, .body = "{\"error\":\"not an object\"}" }, ERROR_DENIED, "" },
        { { .rc = ERROR_TOO_LARGE, .sent = true }, ERROR_TOO_LARGE, "wire" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake fake;
        struct ended ended;
        fake_start(&fake, NULL, NULL);
        fake_script(&fake, &cases[i].answer, 1);
        fake_run(&fake, &get, &ended);
        if (ended.rc != cases[i].rc || !strstr(ended.err.message, cases[i].says))
            fail_msg("case %zu: %d %s", i, ended.rc, ended.err.message);
        assert_string_equal(ended.err.target, "/a");
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

static void test_deep_json_is_refused(void **state)
{
    struct answer answer = { .status = 200 };
    char deep[4001];
    struct fake fake;
    struct ended ended;
    (void)state;
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    answer.body = deep;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, &answer, 1);
    fake_run(&fake, &get, &ended);
    assert_int_equal(ended.rc, ERROR_SYNTAX);
    ended_clear(&ended);
    fake_stop(&fake);
}

/* ---- retries ---- */

static void test_passing_failures_are_retried(void **state)
{
    static const struct answer answers[] = {
        { .status = 502, .body = "<html>Bad Gateway</html>" },
        { .rc = ERROR_UNAVAILABLE, .sent = true },
        { .status = 429 },
        { .rc = ERROR_UNAVAILABLE },
        { .status = 408 },
        { .status = 200, .body = "{}" },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &get, &ended);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(ended.attempts, 6);
    assert_int_equal(arm_client_stats(fake.client).retries, 5);
    for (size_t i = 1; i < COUNT(answers); i++) {
        int64_t waited_ms = fake.asked[i].at_ms - fake.asked[i - 1].at_ms;
        assert_true(waited_ms >= 0 && waited_ms <= (int64_t)500 << (i - 1));
    }
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_patience_ends(void **state)
{
    static const struct answer answers[] = { { .status = 503 },
                                             { .status = 503 },
                                             { .status = 500 } };
    struct arm_client_options options = { .retries_max = 2 };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, &options, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &get, &ended);
    assert_int_equal(ended.rc, ERROR_UNAVAILABLE);
    assert_int_equal(ended.err.status, 500);
    assert_non_null(strstr(ended.err.message, "after 3 attempts"));
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_who_never_answered_is_not_long_waited_for(void **state)
{
    static const struct answer answers[] = { { .rc = ERROR_UNAVAILABLE },
                                             { .rc = ERROR_UNAVAILABLE },
                                             { .rc = ERROR_UNAVAILABLE } };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &get, &ended);
    assert_int_equal(ended.rc, ERROR_UNAVAILABLE);
    assert_true(loop_now_ms(fake.loop) - fake.asked[0].at_ms <= 1500);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_no_retries_when_told_so(void **state)
{
    static const struct answer answers[] = { { .status = 503 } };
    struct arm_client_options options = { .retries_max = -1 };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, &options, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &get, &ended);
    assert_int_equal(ended.rc, ERROR_UNAVAILABLE);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_retry_after_in_seconds_is_obeyed(void **state)
{
    static const struct answer answers[] = {
        { .status = 429, .headers = { "Retry-After", "17" } },
        { .status = 200 },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &post, &ended); /* a POST too: a 429 was not taken */
    assert_int_equal(ended.rc, 0);
    int64_t waited_ms = fake.asked[1].at_ms - fake.asked[0].at_ms;
    assert_true(waited_ms >= 17000 && waited_ms <= 17500);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_retry_after_as_a_date_is_obeyed(void **state)
{
    struct answer answers[] = { { .status = 503 }, { .status = 200 } };
    time_t then = FAKE_EPOCH_MS / 1000 + 30;
    char date[64];
    struct tm tm;
    struct fake fake;
    struct ended ended;
    (void)state;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
    answers[0].headers[0] = "Retry-After";
    answers[0].headers[1] = date;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &get, &ended);
    assert_int_equal(ended.rc, 0);
    int64_t waited_ms = fake.asked[1].at_ms - fake.asked[0].at_ms;
    assert_true(waited_ms >= 29000 && waited_ms <= 30500);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_post_is_never_sent_twice_after_bytes_went(void **state)
{
    static const struct answer broken[] = { { .rc = ERROR_UNAVAILABLE, .sent = true } };
    static const struct answer failing[] = { { .status = 500 } };
    static const struct answer unsent[] = { { .rc = ERROR_UNAVAILABLE }, { .status = 200 } };
    const struct {
        const struct answer *answers;
        size_t count;
        int rc;
    } cases[] = { { broken, 1, ERROR_UNAVAILABLE },
                  { failing, 1, ERROR_UNAVAILABLE },
                  { unsent, 2, 0 } };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake fake;
        struct ended ended;
        fake_start(&fake, NULL, NULL);
        fake_script(&fake, cases[i].answers, cases[i].count);
        fake_run(&fake, &post, &ended);
        assert_int_equal(ended.rc, cases[i].rc);
        assert_int_equal(fake.asked_count, cases[i].count);
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

static void test_put_and_idempotent_post_are_sent_again_whole(void **state)
{
    static const struct answer answers[] = { { .rc = ERROR_UNAVAILABLE, .sent = true },
                                             { .status = 200, .body = "{}" } };
    struct arm_request requests[] = { put, post };
    cJSON *body = cJSON_CreateString("b");
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct fake fake;
        struct ended ended;
        requests[i].idempotent = requests[i].method == HTTP_POST;
        requests[i].body = body;
        fake_start(&fake, NULL, NULL);
        fake_script(&fake, answers, COUNT(answers));
        fake_run(&fake, &requests[i], &ended);
        assert_int_equal(ended.rc, 0);
        assert_string_equal(fake.asked[1].body, "\"b\"");
        assert_int_equal(fake.asked[1].method, requests[i].method);
        ended_clear(&ended);
        fake_stop(&fake);
    }
    cJSON_Delete(body);
}

/* ---- repetitions that are refused because the first one was taken ---- */

static void run_compute(struct fake *fake,
                        int (*fill)(struct computes_request *, const struct workspace_ref *,
                                    const char *, struct error *),
                        struct ended *ended)
{
    static const struct workspace_ref workspace = { "s", "g", "w" };
    struct computes_request request;
    struct error err = { 0 };
    assert_int_equal(fill(&request, &workspace, "ada", &err), 0);
    fake_run(fake, &request.arm, ended);
    computes_request_clear(&request);
}

#define REFUSED                                                                                    \
    "{\"error\":{\"code\":\"StartComputeInstanceOnlyAllowedInStoppedState\",\"message\":\"no\"}}"
#define RESOURCE(state) "{\"properties\":{\"properties\":{\"state\":\"" state "\"}}}"

static void test_repeated_start_of_a_started_instance_ends_well(void **state)
{
    static const struct answer answers[] = {
        { .rc = ERROR_UNAVAILABLE, .sent = true },       { .status = 400, .body = REFUSED },
        { .status = 200, .body = RESOURCE("Starting") }, { .status = 500 },
        { .status = 200, .body = RESOURCE("Running") },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    run_compute(&fake, computes_start, &ended);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(ended.attempts, 2);
    assert_string_equal(json_string(ended.body, "properties.properties.state", ""), "Running");
    assert_int_equal(fake.asked[2].method, HTTP_GET);
    assert_non_null(strstr(fake.asked[2].target, "/computes/ada?api-version="));
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_first_refusal_of_a_start_stands(void **state)
{
    static const struct answer answers[] = { { .status = 400, .body = REFUSED } };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    run_compute(&fake, computes_start, &ended);
    assert_int_equal(ended.rc, ERROR_REMOTE);
    assert_string_equal(ended.err.name, "StartComputeInstanceOnlyAllowedInStoppedState");
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_refusal_stands_when_nothing_was_taken(void **state)
{
    static const struct answer denied[] = { { .rc = ERROR_UNAVAILABLE, .sent = true },
                                            { .status = 409, .body = REFUSED },
                                            { .status = 200, .body = RESOURCE("Stopped") } };
    static const struct answer blind[] = { { .rc = ERROR_UNAVAILABLE, .sent = true },
                                           { .status = 409, .body = REFUSED },
                                           { .status = 403 } };
    const struct answer *cases[] = { denied, blind };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake fake;
        struct ended ended;
        fake_start(&fake, NULL, NULL);
        fake_script(&fake, cases[i], 3);
        run_compute(&fake, computes_start, &ended);
        assert_int_equal(ended.rc, ERROR_CONFLICT);
        assert_string_equal(ended.err.name, "StartComputeInstanceOnlyAllowedInStoppedState");
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

static void test_repeated_delete_of_what_is_gone_ends_well(void **state)
{
    static const struct answer answers[] = { { .status = 504 },
                                             { .status = 409 },
                                             { .status = 200, .body = RESOURCE("Deleting") },
                                             { .status = 404 } };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    run_compute(&fake, computes_delete, &ended);
    assert_int_equal(ended.rc, 0);
    assert_null(ended.body);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_restart_is_not_repeated(void **state)
{
    static const struct answer answers[] = { { .rc = ERROR_UNAVAILABLE, .sent = true } };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    run_compute(&fake, computes_restart, &ended);
    assert_int_equal(ended.rc, ERROR_UNAVAILABLE);
    ended_clear(&ended);
    fake_stop(&fake);
}

/* ---- operations ---- */

static void test_operation_by_status_url_keeps_the_signature(void **state)
{
    static const struct answer answers[] = {
        { .status = 201, .headers = { "Azure-AsyncOperation", STATUS_URL, "Retry-After", "10" } },
        { .status = 200,
          .headers = { "Retry-After", "10" },
          .body = "{\"status\":\"InProgress\"}" },
        { .status = 200, .body = "{\"status\":\"Creating\"}" },
        { .status = 200, .body = "{\"status\":\"Succeeded\",\"properties\":{\"id\":\"x\"}}" },
    };
    const char *origins[] = { NULL, ORIGIN };
    const char *targets[] = { STATUS_TARGET, STATUS_URL };
    (void)state;
    for (size_t i = 0; i < COUNT(origins); i++) {
        struct arm_client_options options = { .token = "t" };
        struct fake fake;
        struct ended ended;
        fake_start(&fake, &options, origins[i]);
        fake_script(&fake, answers, COUNT(answers));
        fake_run(&fake, &put, &ended);
        assert_int_equal(ended.rc, 0);
        assert_int_equal(ended.attempts, 1);
        assert_int_equal(ended.polls, 3);
        assert_string_equal(json_string(ended.body, "id", ""), "x");
        for (size_t poll = 1; poll < COUNT(answers); poll++) {
            assert_int_equal(fake.asked[poll].method, HTTP_GET);
            assert_string_equal(fake.asked[poll].target, targets[i]);
            assert_string_equal(fake.asked[poll].authorization, "Bearer t");
        }
        /* The first asks at once, to learn whether the plane holds; it does not: Retry-After, then
         * 60 s. */
        assert_string_equal(fake.asked[1].prefer, "wait=20");
        assert_int_equal(fake.asked[1].at_ms, fake.asked[0].at_ms);
        assert_null(fake.asked[2].prefer);
        assert_int_equal(fake.asked[2].at_ms - fake.asked[1].at_ms, 10000);
        assert_int_equal(fake.asked[3].at_ms - fake.asked[2].at_ms, 60000);
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

static void test_first_poll_waits_once_the_plane_is_known_not_to_hold(void **state)
{
    static const struct answer answers[] = {
        { .status = 202, .headers = { "Azure-AsyncOperation", "/op", "Retry-After", "10" } },
        { .status = 200, .body = "{\"status\":\"Running\"}", .headers = { "Retry-After", "1" } },
        { .status = 200, .body = "{\"status\":\"Succeeded\"}" },
        { .status = 202, .headers = { "Azure-AsyncOperation", "/op", "Retry-After", "10" } },
        { .status = 200, .body = "{\"status\":\"Succeeded\"}" },
    };
    struct arm_request request = post;
    struct fake fake;
    struct ended ended;
    (void)state;
    request.follow = ARM_OPERATION;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    ended_clear(&ended);
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(fake.asked[4].at_ms - fake.asked[3].at_ms, 10000);
    assert_null(fake.asked[4].prefer);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_held_polls_follow_each_other(void **state)
{
    static const struct answer answers[] = {
        { .status = 201, .headers = { "Azure-AsyncOperation", "/op", "Retry-After", "10" } },
        { .status = 200,
          .headers = { "Preference-Applied", "wait", "Retry-After", "10" },
          .body = "{\"status\":\"InProgress\"}",
          .delay_ms = 20000 },
        { .status = 200,
          .headers = { "Preference-Applied", "wait=20" },
          .body = "{\"status\":\"Succeeded\"}",
          .delay_ms = 7000 },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &put, &ended);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(loop_now_ms(fake.loop) - fake.asked[0].at_ms, 27000);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_plane_that_only_says_it_held_is_not_hammered(void **state)
{
    static const struct answer answers[] = {
        { .status = 201, .headers = { "Azure-AsyncOperation", "/op" } },
        { .status = 200,
          .headers = { "Preference-Applied", "wait" },
          .body = "{\"status\":\"R\"}" },
        { .status = 200,
          .headers = { "Preference-Applied", "wait" },
          .body = "{\"status\":\"R\"}" },
        { .status = 200, .body = "{\"status\":\"Succeeded\"}" },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &put, &ended);
    assert_true(fake.asked[3].at_ms - fake.asked[1].at_ms >= 2000);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_operation_by_location(void **state)
{
    static const struct answer answers[] = {
        { .status = 202, .headers = { "Location", "https://elsewhere/result?s=1" } },
        { .status = 202,
          .headers = { "Location", "https://elsewhere/result?s=2", "Retry-After", "3" } },
        { .status = 200, .body = "{\"argv\":[]}" },
    };
    struct arm_request request = post;
    struct fake fake;
    struct ended ended;
    (void)state;
    request.follow = ARM_OPERATION;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, 0);
    assert_string_equal(fake.asked[1].target, "/result?s=1");
    assert_string_equal(fake.asked[2].target, "/result?s=2"); /* it moved, and we with it */
    assert_non_null(cJSON_GetObjectItem(ended.body, "argv"));
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_operation_by_the_resource_itself(void **state)
{
    static const struct answer answers[] = {
        { .status = 201, .body = "{\"properties\":{\"provisioningState\":\"Creating\"}}" },
        { .status = 200, .body = "{\"properties\":{\"provisioningState\":\"Creating\"}}" },
        { .status = 200,
          .body = "{\"properties\":{\"provisioningState\":\"Succeeded\"},\"id\":1}" },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &put, &ended);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(json_int(ended.body, "id", 0), 1);
    assert_int_equal(fake.asked[2].method, HTTP_GET);
    assert_string_equal(fake.asked[2].target, "/a?api-version=v");
    assert_string_equal(fake.asked[2].body, "");
    assert_null(fake.asked[2].prefer);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_operation_that_is_done_at_once(void **state)
{
    static const struct answer answers[] = {
        { .status = 200, .body = "{\"properties\":{\"provisioningState\":\"Succeeded\"}}" },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &put, &ended);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(ended.polls, 0);
    assert_non_null(ended.body);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_failed_operation_keeps_its_error(void **state)
{
    static const struct answer answers[] = {
        { .status = 201, .headers = { "Azure-AsyncOperation", "/op" } },
        { .status = 200,
          .body = "{\"status\":\"Failed\",\"error\":{\"code\":\"UserSetupFailed\",\"message\":"
                  "\"exit status 3\",\"target\":\"ds-ada\",\"details\":[{\"code\":\"Log\","
                  "\"message\":\"last lines\"}]}}" },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &put, &ended);
    assert_true(ended.rc < 0);
    assert_string_equal(ended.err.name, "UserSetupFailed");
    assert_string_equal(ended.err.message, "exit status 3");
    assert_string_equal(ended.err.target, "ds-ada");
    assert_non_null(strstr(ended.err.details, "last lines"));
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_status_that_cannot_be_read_is_asked_again(void **state)
{
    static const struct answer answers[] = {
        { .status = 201, .headers = { "Azure-AsyncOperation", "/op" } },
        { .status = 404 },
        { .rc = ERROR_UNAVAILABLE, .sent = true },
        { .status = 503 },
        { .status = 200, .body = "{\"status\":\"Succeeded\"}" },
    };
    struct arm_request request = post; /* the polls of a POST are GETs: they may be repeated */
    struct fake fake;
    struct ended ended;
    (void)state;
    request.follow = ARM_OPERATION;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, 0);
    assert_int_equal(ended.attempts, 1);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_malformed_status_is_an_error(void **state)
{
    static const char *const bodies[] = { NULL, "{}", "[]", "null", "{\"status\":7}" };
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct answer answers[] = {
            { .status = 201, .headers = { "Azure-AsyncOperation", "/op" } },
            { .status = 200, .body = bodies[i] },
        };
        struct fake fake;
        struct ended ended;
        fake_start(&fake, NULL, NULL);
        fake_script(&fake, answers, COUNT(answers));
        fake_run(&fake, &put, &ended);
        assert_int_equal(ended.rc, ERROR_REMOTE);
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

/* ---- whose host is followed ---- */

static void test_token_never_goes_to_another_host(void **state)
{
    static const char *const elsewhere[] = {
        "https://evil.test/op?s=1",      "http://plane.test/op",
        "https://plane.test:444/op",     "https://plane.test.evil/",
        "https://plane.test@evil.test/", "//evil.test/op",
        "ftp://plane.test/op",           "https://evil.test\\@plane.test/",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(elsewhere); i++) {
        struct answer answers[] = {
            { .status = 201, .headers = { "Azure-AsyncOperation", elsewhere[i] } },
        };
        struct arm_client_options options = { .token = "t" };
        struct fake fake;
        struct ended ended;
        fake_start(&fake, &options, ORIGIN);
        fake_script(&fake, answers, COUNT(answers));
        fake_run(&fake, &put, &ended);
        assert_true(ended.rc < 0);
        assert_int_equal(fake.asked_count, 1);
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

static void test_next_link_to_another_host_is_refused_likewise(void **state)
{
    static const struct answer answers[] = {
        { .status = 200, .body = "{\"value\":[],\"nextLink\":\"https://evil.test/list?p=2\"}" },
    };
    struct arm_client_options options = { .token = "t" };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, &options, ORIGIN);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &pages, &ended);
    assert_int_equal(ended.rc, ERROR_DENIED);
    assert_non_null(strstr(ended.err.message, "evil.test"));
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_without_a_token_another_host_is_followed_bare(void **state)
{
    static const struct answer answers[] = {
        { .status = 200, .body = "{\"value\":[1],\"nextLink\":\"https://other.test/l?p=2\"}" },
        { .status = 200, .body = "{\"value\":[2]}" },
    };
    struct arm_client_options options = { .as_principal = "ada" };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, &options, ORIGIN);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &pages, &ended);
    assert_int_equal(ended.rc, 0);
    assert_string_equal(fake.asked[1].target, "https://other.test/l?p=2");
    assert_string_equal(fake.asked[0].as, "ada");
    assert_null(fake.asked[1].as);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_absolute_request_carries_its_own_token_only(void **state)
{
    static const struct answer answers[] = { { .status = 200 },
                                             { .status = 200 },
                                             { .status = 200 } };
    struct arm_client_options options = { .token = "arm" };
    struct arm_request bare = { .method = HTTP_GET, .path = "https://graph.test/v1.0/me" };
    struct arm_request own = { .method = HTTP_GET,
                               .path = "https://graph.test/x",
                               .token = "graph" };
    struct arm_request home = { .method = HTTP_GET, .path = "https://PLANE.test/x" };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, &options, ORIGIN);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &bare, &ended);
    ended_clear(&ended);
    fake_run(&fake, &own, &ended);
    ended_clear(&ended);
    fake_run(&fake, &home, &ended);
    ended_clear(&ended);
    assert_null(fake.asked[0].authorization);
    assert_string_equal(fake.asked[1].authorization, "Bearer graph");
    assert_string_equal(fake.asked[2].authorization, "Bearer arm");
    fake_stop(&fake);
}

static void test_token_does_not_travel_in_the_clear(void **state)
{
    struct arm_client_options options = { .token = "t" };
    struct fake fake;
    struct error err = { 0 };
    (void)state;
    fake_start(&fake, &options, "http://plane.test:80");
    assert_int_equal(arm_send(fake.client, &get, on_ended, NULL, NULL, &err), ERROR_DENIED);
    fake_stop(&fake);
}

/* ---- pages ---- */

static void test_pages_become_one_list(void **state)
{
    static const struct answer answers[] = {
        { .status = 200, .body = "{\"value\":[1,2],\"nextLink\":\"http://x/list?$skip=a%2Bb\"}" },
        { .status = 503 },
        { .status = 200, .body = "{\"value\":[],\"nextLink\":\"/list?$skip=c\"}" },
        { .status = 200, .body = "{\"value\":[3],\"nextLink\":null,\"more\":true}" },
    };
    struct fake fake;
    struct ended ended;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &pages, &ended);
    assert_int_equal(ended.rc, 0);
    assert_string_equal(fake.asked[1].target, "/list?$skip=a%2Bb");
    assert_string_equal(fake.asked[3].target, "/list?$skip=c");
    char *text = json_text(cJSON_GetObjectItem(ended.body, "value"));
    assert_string_equal(text, "[1,2,3]");
    free(text);
    ended_clear(&ended);
    fake_stop(&fake);
}

struct collector {
    struct ended ended; /* first: on_ended() gets the same argument */
    struct arm_call *call;
    int items, pages;
    int stop_at; /* pages */
    bool cancel;
};

static int collect(const cJSON *items, void *arg, struct error *err)
{
    struct collector *collector = arg;
    collector->items += cJSON_GetArraySize(items);
    if (++collector->pages != collector->stop_at)
        return 0;
    if (collector->cancel) {
        arm_call_cancel(collector->call);
        return 0;
    }
    return error_set(err, ERROR_LIMIT, "enough");
}

static fake_fn endless_pages;
static void endless_pages(struct fake *fake, const struct asked *asked, struct answer *out,
                          void *arg)
{
    (void)asked, (void)arg;
    out->status = 200;
    out->owned_body = text_format("{\"value\":[%zu],\"nextLink\":\"/list?p=%zu\"}",
                                  fake->asked_count, fake->asked_count + 1);
}

static void test_on_page_can_end_the_call(void **state)
{
    struct collector collector = { .stop_at = 3 };
    struct arm_request request = pages;
    struct error err = { 0 };
    struct fake fake;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake.fn = endless_pages;
    request.on_page = collect;
    assert_int_equal(arm_send(fake.client, &request, on_ended, &collector, NULL, &err), 0);
    assert_int_equal(loop_run_until(fake.loop, &collector.ended.done), 0);
    assert_int_equal(collector.ended.rc, ERROR_LIMIT);
    assert_string_equal(collector.ended.err.message, "enough");
    assert_int_equal(collector.items, 3);
    assert_int_equal(fake.asked_count, 3);
    ended_clear(&collector.ended);
    fake_stop(&fake);
}

static void test_call_can_be_cancelled_from_its_own_page(void **state)
{
    struct collector collector = { .stop_at = 2, .cancel = true };
    struct arm_request request = pages;
    struct error err = { 0 };
    struct fake fake;
    bool never = false;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake.fn = endless_pages;
    request.on_page = collect;
    assert_int_equal(arm_send(fake.client, &request, on_ended, &collector, &collector.call, &err),
                     0);
    assert_true(loop_run_until(fake.loop, &never) < 0); /* until nothing is left to do */
    assert_int_equal(collector.ended.calls, 0);
    assert_int_equal(collector.pages, 2);
    fake_stop(&fake);
}

static fake_fn circling_pages;
static void circling_pages(struct fake *fake, const struct asked *asked, struct answer *out,
                           void *arg)
{
    const int *length = arg;
    (void)asked;
    assert_true(fake->asked_count < 100);
    out->status = 200;
    out->owned_body = text_format("{\"value\":[1],\"nextLink\":\"/list?p=%d\"}",
                                  (int)(fake->asked_count + 1) % *length);
}

static void test_pages_in_a_circle_end(void **state)
{
    (void)state;
    for (int length = 1; length < 20; length++) {
        struct fake fake;
        struct ended ended;
        fake_start(&fake, NULL, NULL);
        fake.fn = circling_pages;
        fake.arg = &length;
        fake_run(&fake, &pages, &ended);
        assert_int_equal(ended.rc, ERROR_REMOTE);
        assert_non_null(strstr(ended.err.message, "circle"));
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

static void test_list_without_value_is_an_error(void **state)
{
    static const char *const bodies[] = { NULL, "{}", "[]", "{\"value\":{}}", "{\"value\":null}" };
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct answer answer = { .status = 200, .body = bodies[i] };
        struct fake fake;
        struct ended ended;
        fake_start(&fake, NULL, NULL);
        fake_script(&fake, &answer, 1);
        fake_run(&fake, &pages, &ended);
        assert_int_equal(ended.rc, ERROR_SYNTAX);
        ended_clear(&ended);
        fake_stop(&fake);
    }
}

/* ---- deadlines ---- */

static void test_deadline_covers_a_reply_that_never_comes(void **state)
{
    static const struct answer answers[] = { { .never = true } };
    struct arm_request request = get;
    struct fake fake;
    struct ended ended;
    (void)state;
    request.timeout_ms = 3000;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, ERROR_TIMEOUT);
    assert_int_equal(loop_now_ms(fake.loop) - fake.asked[0].at_ms, 3000);
    assert_int_equal(fake.cancelled, 1);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_deadline_covers_operations(void **state)
{
    static const struct answer answers[] = {
        { .status = 201, .headers = { "Azure-AsyncOperation", "/op" } },
        { .status = 200, .headers = { "Retry-After", "40" }, .body = "{\"status\":\"R\"}" },
        { .status = 200, .headers = { "Retry-After", "40" }, .body = "{\"status\":\"R\"}" },
    };
    struct arm_request request = put;
    struct fake fake;
    struct ended ended;
    (void)state;
    request.timeout_ms = 60000;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, ERROR_TIMEOUT);
    assert_non_null(strstr(ended.err.message, "goes on"));
    assert_int_equal(loop_now_ms(fake.loop) - fake.asked[0].at_ms, 60000);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_deadline_covers_the_queue(void **state)
{
    static const struct answer answers[] = { { .never = true } };
    struct arm_client_options options = { .in_flight_max = 1 };
    struct arm_request request = get;
    struct arm_call *first = NULL;
    struct error err = { 0 };
    struct fake fake;
    struct ended ended;
    (void)state;
    request.timeout_ms = 1000;
    fake_start(&fake, &options, NULL);
    fake_script(&fake, answers, COUNT(answers));
    assert_int_equal(arm_send(fake.client, &get, on_ended, NULL, &first, &err), 0);
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, ERROR_TIMEOUT);
    assert_int_equal(ended.attempts, 0);
    assert_int_equal(fake.asked_count, 1);
    arm_call_cancel(first);
    ended_clear(&ended);
    fake_stop(&fake);
}

static void test_the_cause_is_told_when_no_time_is_left_to_retry(void **state)
{
    static const struct answer answers[] = { { .status = 429,
                                               .headers = { "Retry-After", "60" } } };
    struct arm_request request = get;
    struct fake fake;
    struct ended ended;
    (void)state;
    request.timeout_ms = 5000;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    fake_run(&fake, &request, &ended);
    assert_int_equal(ended.rc, ERROR_UNAVAILABLE);
    assert_int_equal(ended.err.status, 429);
    assert_int_equal(loop_now_ms(fake.loop), fake.asked[0].at_ms);
    ended_clear(&ended);
    fake_stop(&fake);
}

/* ---- cancelling ---- */

static void test_cancel_at_every_stage(void **state)
{
    /* After each of these many turns, whatever the call is doing then: queued, in flight, backing
     * off, waiting for a poll, polling. */
    static const struct answer answers[] = {
        { .status = 503, .delay_ms = 100, .headers = { "Retry-After", "1" } },
        { .status = 201,
          .delay_ms = 100,
          .headers = { "Azure-AsyncOperation", "/op", "Retry-After", "1" } },
        { .status = 200,
          .delay_ms = 100,
          .headers = { "Retry-After", "1" },
          .body = "{\"status\":\"R\"}" },
        { .status = 200, .delay_ms = 100, .body = "{\"status\":\"Succeeded\"}" },
    };
    bool seen_end = false;
    int stages = 0;
    (void)state;
    for (int64_t at_ms = 0; !seen_end; at_ms += 50, stages++) {
        struct arm_request request = put;
        struct arm_call *call = NULL;
        struct error err = { 0 };
        struct ended ended = { 0 };
        struct fake fake;
        bool never = false;
        request.timeout_ms = 100000;
        fake_start(&fake, NULL, NULL);
        fake_script(&fake, answers, COUNT(answers));
        assert_int_equal(arm_send(fake.client, &request, on_ended, &ended, &call, &err), 0);
        for (int64_t step_ms = 0; step_ms < at_ms && !ended.done; step_ms += 50) {
            loop_poll(fake.loop);
            clock_advance(&fake.clock, 50);
            loop_poll(fake.loop);
        }
        seen_end = ended.done;
        if (!ended.done)
            arm_call_cancel(call);
        assert_true(loop_run_until(fake.loop, &never) < 0);
        assert_int_equal(ended.calls, seen_end ? 1 : 0);
        assert_int_equal(fake.in_flight, 0);
        ended_clear(&ended);
        fake_stop(&fake);
    }
    assert_true(stages > 20);
}

static void test_client_that_dies_takes_its_calls_along(void **state)
{
    static const struct answer answers[] = { { .never = true }, { .status = 503 } };
    struct arm_client_options options = { .in_flight_max = 2 };
    struct error err = { 0 };
    struct fake fake;
    (void)state;
    fake_start(&fake, &options, NULL);
    fake_script(&fake, answers, COUNT(answers));
    for (int i = 0; i < 2; i++)
        assert_int_equal(arm_send(fake.client, &get, on_ended, NULL, NULL, &err), 0);
    loop_poll(fake.loop);
    loop_poll(fake.loop);
    fake.asked_count = 2;
    assert_int_equal(arm_send(fake.client, &put, on_ended, NULL, NULL, &err), 0);
    fake_stop(&fake); /* leaks and late callbacks are what the sanitizers would tell */
}

/* ---- one call for a command ---- */

static void test_wait_gives_body_or_error(void **state)
{
    static const struct answer answers[] = { { .status = 200, .body = "{\"a\":1}" },
                                             { .status = 200, .body = "{\"a\":1}" },
                                             { .status = 404 },
                                             { .never = true } };
    struct error err = { 0 };
    cJSON *body = NULL;
    struct fake fake;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake_script(&fake, answers, COUNT(answers));
    assert_int_equal(arm_wait(fake.client, &get, &body, &err), 0);
    assert_int_equal(json_int(body, "a", 0), 1);
    cJSON_Delete(body);
    body = NULL;
    assert_int_equal(arm_wait(fake.client, &get, NULL, &err), 0);
    assert_int_equal(arm_wait(fake.client, &get, &body, &err), ERROR_NOT_FOUND);
    assert_int_equal(err.status, 404);
    assert_null(body);
    assert_true(arm_wait(fake.client, &get, &body, &err) < 0); /* nothing could ever answer */
    assert_int_equal(fake.cancelled, 1);
    fake_stop(&fake);
}

/* ---- many ---- */

#define MANY 10000
#define OPERATION_MS 120000

struct crowd {
    int ended, lost;
    bool done;
    int wanted;
    size_t heap_peak;
    int64_t last_ms;
    struct fake *fake;
};

static void on_one(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct crowd *crowd = arg;
    (void)reply, (void)err;
    crowd->lost += rc != 0;
    crowd->done = ++crowd->ended == crowd->wanted;
    if (crowd->fake)
        crowd->last_ms = loop_now_ms(crowd->fake->loop);
}

/* A plane whose operations take two minutes, and which holds polls: 20 s at most. */
static fake_fn slow_plane;
static void slow_plane(struct fake *fake, const struct asked *asked, struct answer *out, void *arg)
{
    struct crowd *crowd = arg;
    int64_t now_ms = loop_now_ms(fake->loop);
    out->status = 200;
    if (asked->method == HTTP_PUT) {
        out->status = 201;
        out->delay_ms = 5;
        out->headers[0] = "Azure-AsyncOperation";
        out->headers[1] = "https://plane/subscriptions/s/operations/1?api-version=v&s=signature";
        out->headers[2] = "Retry-After";
        out->headers[3] = "10";
        return;
    }
    if (!strstr(asked->target, "/operations/"))
        return;
    bool ready = now_ms >= OPERATION_MS;
    out->headers[0] = "Retry-After";
    out->headers[1] = "10";
    out->delay_ms = 1;
    if (!ready && asked->prefer) {
        out->headers[2] = "Preference-Applied";
        out->headers[3] = "wait";
        out->delay_ms = 20000;
        ready = now_ms + 20000 >= OPERATION_MS;
        if (ready)
            out->delay_ms = OPERATION_MS - now_ms;
    }
    out->body = ready ? "{\"status\":\"Succeeded\"}" : "{\"status\":\"InProgress\"}";
#ifndef MOONFLEET_SANITIZE
    if (fake->asked_count % 1024 != 0)
        return; /* asking walks the whole heap */
    struct mallinfo2 heap = mallinfo2();
    if (heap.uordblks > crowd->heap_peak)
        crowd->heap_peak = heap.uordblks;
#else
    (void)crowd;
#endif
}

static void test_ten_thousand_operations_at_once(void **state)
{
    struct crowd crowd = { .wanted = MANY };
    struct arm_request request = put;
    struct error err = { 0 };
    struct fake fake;
    (void)state;
    fake_start(&fake, NULL, NULL);
    fake.fn = slow_plane;
    fake.arg = &crowd;
    fake.forgetful = true;
    request.path = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/moonfleet/"
                   "providers/Microsoft.MachineLearningServices/workspaces/ds-workspace/computes/x";
    request.timeout_ms = 30 * OPERATION_MS;
    cJSON *body = cJSON_CreateString("a body of some size that is gone once the request was taken");
    request.body = body;
    size_t heap_before = mallinfo2().uordblks;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(arm_send(fake.client, &request, on_one, &crowd, NULL, &err), 0);
    cJSON_Delete(body);
    assert_int_equal(loop_run_until(fake.loop, &crowd.done), 0);
    assert_int_equal(crowd.ended, MANY);
    assert_int_equal(crowd.lost, 0);
    assert_true(fake.in_flight_most <= 64);
    assert_true(loop_now_ms(fake.loop) < OPERATION_MS + 40000); /* seen soon after they ended */
    if (crowd.heap_peak > 0) {
        size_t each = (crowd.heap_peak - heap_before) / MANY;
        print_message("%zu bytes for each of %d operations in flight\n", each, MANY);
        assert_true(each < 4096);
    }
    fake_stop(&fake);
}

static void test_polls_never_starve_new_requests(void **state)
{
    struct crowd polls = { .wanted = 500 };
    struct error err = { 0 };
    struct fake fake;
    (void)state;
    for (int in_flight_max = 1; in_flight_max <= 8; in_flight_max *= 2) {
        struct arm_client_options options = { .in_flight_max = in_flight_max };
        fake_start(&fake, &options, NULL);
        fake.fn = slow_plane;
        fake.arg = &polls;
        fake.forgetful = true;
        polls = (struct crowd) { .wanted = 500 };
        for (int i = 0; i < 500; i++)
            assert_int_equal(arm_send(fake.client, &put, on_one, &polls, NULL, &err), 0);
        while (loop_now_ms(fake.loop) < 60000) {
            clock_advance(&fake.clock, 100);
            loop_poll(fake.loop);
        }
        for (int i = 0; i < 50; i++) {
            struct crowd one = { .wanted = 1, .fake = &fake };
            int64_t begun_ms = loop_now_ms(fake.loop);
            assert_int_equal(arm_send(fake.client, &get, on_one, &one, NULL, &err), 0);
            assert_int_equal(loop_run_until(fake.loop, &one.done), 0);
            assert_true(one.last_ms - begun_ms < 1500);
        }
        assert_int_equal(loop_run_until(fake.loop, &polls.done), 0);
        assert_int_equal(polls.lost, 0);
        fake_stop(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_says_who_we_are),
        cmocka_unit_test(test_target_with_a_query_is_used_as_it_is),
        cmocka_unit_test(test_what_is_no_request_is_refused_at_once),
        cmocka_unit_test(test_raw_reply_is_text),
        cmocka_unit_test(test_error_of_the_plane_is_kept_whole),
        cmocka_unit_test(test_hostile_replies_are_errors),
        cmocka_unit_test(test_deep_json_is_refused),
        cmocka_unit_test(test_passing_failures_are_retried),
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_who_never_answered_is_not_long_waited_for),
        cmocka_unit_test(test_no_retries_when_told_so),
        cmocka_unit_test(test_retry_after_in_seconds_is_obeyed),
        cmocka_unit_test(test_retry_after_as_a_date_is_obeyed),
        cmocka_unit_test(test_post_is_never_sent_twice_after_bytes_went),
        cmocka_unit_test(test_put_and_idempotent_post_are_sent_again_whole),
        cmocka_unit_test(test_repeated_start_of_a_started_instance_ends_well),
        cmocka_unit_test(test_first_refusal_of_a_start_stands),
        cmocka_unit_test(test_refusal_stands_when_nothing_was_taken),
        cmocka_unit_test(test_repeated_delete_of_what_is_gone_ends_well),
        cmocka_unit_test(test_restart_is_not_repeated),
        cmocka_unit_test(test_operation_by_status_url_keeps_the_signature),
        cmocka_unit_test(test_first_poll_waits_once_the_plane_is_known_not_to_hold),
        cmocka_unit_test(test_held_polls_follow_each_other),
        cmocka_unit_test(test_plane_that_only_says_it_held_is_not_hammered),
        cmocka_unit_test(test_operation_by_location),
        cmocka_unit_test(test_operation_by_the_resource_itself),
        cmocka_unit_test(test_operation_that_is_done_at_once),
        cmocka_unit_test(test_failed_operation_keeps_its_error),
        cmocka_unit_test(test_status_that_cannot_be_read_is_asked_again),
        cmocka_unit_test(test_malformed_status_is_an_error),
        cmocka_unit_test(test_token_never_goes_to_another_host),
        cmocka_unit_test(test_next_link_to_another_host_is_refused_likewise),
        cmocka_unit_test(test_without_a_token_another_host_is_followed_bare),
        cmocka_unit_test(test_absolute_request_carries_its_own_token_only),
        cmocka_unit_test(test_token_does_not_travel_in_the_clear),
        cmocka_unit_test(test_pages_become_one_list),
        cmocka_unit_test(test_on_page_can_end_the_call),
        cmocka_unit_test(test_call_can_be_cancelled_from_its_own_page),
        cmocka_unit_test(test_pages_in_a_circle_end),
        cmocka_unit_test(test_list_without_value_is_an_error),
        cmocka_unit_test(test_deadline_covers_a_reply_that_never_comes),
        cmocka_unit_test(test_deadline_covers_operations),
        cmocka_unit_test(test_deadline_covers_the_queue),
        cmocka_unit_test(test_the_cause_is_told_when_no_time_is_left_to_retry),
        cmocka_unit_test(test_cancel_at_every_stage),
        cmocka_unit_test(test_client_that_dies_takes_its_calls_along),
        cmocka_unit_test(test_wait_gives_body_or_error),
        cmocka_unit_test(test_ten_thousand_operations_at_once),
        cmocka_unit_test(test_polls_never_starve_new_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
