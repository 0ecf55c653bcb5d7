/* The audit log: what has a line, what the line says, floods, and failures. */
#include "plane_test.h"

#include <signal.h>
#include <sys/resource.h>

#include "plane/store.h"

#define LINUS "00000000-0000-4000-8000-000000000103"
#define ACCESS "/providers/Microsoft.Authorization"
#define AUDIT "/moonfleet/audit"

/* The log's lines, the newest first. */
static struct reply lines(struct rig *rig, const char *query, int count)
{
    char target[512];
    const char *caller = rig->caller;
    rig->caller = NULL;
    snprintf(target, sizeof target, AUDIT "%s", query);
    struct reply reply = rig_send(rig, HTTP_GET, target, NULL);
    rig->caller = caller;
    if (reply.status != 200 || cJSON_GetArraySize(json_at(reply.body, "value")) != count)
        fail_msg("%s: not %d lines: %.3000s", target, count, reply.response.body.data);
    return reply;
}

static void expect_lines(struct rig *rig, const char *query, int count)
{
    struct reply reply = lines(rig, query, count);
    reply_clear(&reply);
}

static void writes_and_denials_have_lines_and_questions_have_none(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    static const struct {
        const char *path, *value;
    } says[] = {
        { "caller.id", OWNER },
        { "caller.name", "owner@moonfleet.local" },
        { "method", "PUT" },
        { "action", "Microsoft.MachineLearningServices/workspaces/computes/write" },
        { "resource", COMPUTES "/ds-ada" },
        { "outcome", "done" },
    };
    expect_lines(rig, "", 0);
    struct reply begun = rig_send(rig, HTTP_PUT, COMPUTES "/ds-ada" V "&x=secret", BODY(""));
    assert_int_equal(begun.status, 201);
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 200);
    rig_expect(rig, HTTP_GET, COMPUTES "/none" V, NULL, 404);
    rig_expect(rig, HTTP_POST, WORKSPACE "/checkComputeNameAvailability" V, "{\"name\":\"a\"}",
               200);
    rig_expect(rig, HTTP_POST, "/v1.0/directoryObjects/getByIds", "{\"ids\":[]}", 200);
    struct reply reply = lines(rig, "", 1);
    const cJSON *line = json_at(reply.body, "value")->child;
    for (size_t i = 0; i < COUNT(says); i++)
        assert_string_equal(json_string(line, says[i].path, "(nothing)"), says[i].value);
    assert_string_equal(json_string(line, "requestId", ""),
                        http_header_get(&begun.response.headers, "x-ms-request-id"));
    assert_int_equal(json_int(line, "status", 0), 201);
    assert_null(json_at(line, "as"));
    assert_null(json_at(line, "code"));
    assert_null(strstr(reply.response.body.data, "secret"));
    reply_clear(&reply);
    reply_clear(&begun);
    rig_expect(rig, HTTP_PUT, COMPUTES "/1" V, BODY(""), 400);
    rig->caller = LINUS;
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
    rig_expect(rig, HTTP_GET, AUDIT, NULL, 403);
    rig_expect(rig, HTTP_DELETE, AUDIT, NULL, 405);
    expect_lines(rig, "", 4);
    expect_lines(rig, "?outcome=denied", 2);
    expect_lines(rig, "?outcome=failed", 1);
    expect_lines(rig, "?outcome=done", 1);
    expect_lines(rig, "?who=linus@moonfleet.local", 2);
    expect_lines(rig, "?who=" OWNER "&outcome=failed", 1);
    expect_lines(rig, "?since=2099-01-01T00:00:00Z", 0);
    expect_lines(rig, "?since=2020-01-01T00:00:00Z", 4);
    rig_close(rig);
}

static void a_disguise_is_told_with_who_is_in_it(void **state)
{
    (void)state;
    static const char *const as_linus[] = { "x-moonfleet-as: linus@moonfleet.local", NULL };
    struct rig *rig = rig_memory();
    struct reply reply = rig_send_with(rig, HTTP_PUT, COMPUTES "/a-b" V, BODY(""), as_linus);
    assert_int_equal(reply.status, 403);
    reply_clear(&reply);
    reply = lines(rig, "?who=" LINUS, 1);
    const cJSON *line = json_at(reply.body, "value")->child;
    assert_string_equal(json_string(line, "caller.id", ""), OWNER);
    assert_string_equal(json_string(line, "as.id", ""), LINUS);
    assert_string_equal(json_string(line, "as.name", ""), "linus@moonfleet.local");
    assert_string_equal(json_string(line, "outcome", ""), "denied");
    assert_string_equal(json_string(line, "code", ""), "AuthorizationFailed");
    assert_int_equal(json_int(line, "status", 0), 403);
    reply_clear(&reply);
    rig->caller = LINUS; /* who may not disguise himself is refused, and told */
    reply = rig_send_with(rig, HTTP_GET, COMPUTES V, NULL, as_linus);
    assert_int_equal(reply.status, 403);
    reply_clear(&reply);
    expect_lines(rig, "?who=" LINUS, 2);
    rig_close(rig);
}

static void a_flood_of_one_denial_is_counted(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    rig->caller = LINUS;
    for (int i = 0; i < 100; i++)
        rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
    clock_advance(&rig->clock, 5000);
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
    struct reply reply = lines(rig, "", 1);
    const cJSON *line = json_at(reply.body, "value")->child;
    assert_int_equal(json_int(line, "count", 0), 101);
    assert_string_not_equal(json_string(line, "time", ""), json_string(line, "lastTime", ""));
    reply_clear(&reply);
    clock_advance(&rig->clock, 60000);
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
    rig_expect(rig, HTTP_GET, COMPUTES V, NULL, 403);
    plane_free(rig->plane); /* what is counted is not lost with the plane */
    struct error err = { 0 };
    assert_int_equal(rig_plane(rig, NULL, &err), 0);
    reply = lines(rig, "", 2);
    assert_int_equal(json_int(json_at(reply.body, "value")->child, "count", 0), 2);
    reply_clear(&reply);
    rig_close(rig);
}

static void different_denials_are_not_mixed_up(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig->caller = LINUS;
    for (int i = 0; i < 1500; i++) { /* more than are remembered */
        char target[512];
        snprintf(target, sizeof target, COMPUTES "/none-%d" V, i);
        rig_expect(rig, HTTP_GET, target, NULL, 403);
    }
    struct reply reply = lines(rig, "?outcome=denied", 1000);
    struct reply rest =
        rig_send(rig, HTTP_GET, target_of(json_string(reply.body, "nextLink", NULL)), NULL);
    assert_int_equal(rest.status, 403); /* the link gives no right */
    rig->caller = NULL;
    reply_clear(&rest);
    rest = rig_send(rig, HTTP_GET, target_of(json_string(reply.body, "nextLink", NULL)), NULL);
    assert_int_equal(cJSON_GetArraySize(json_at(rest.body, "value")), 500);
    assert_null(json_at(rest.body, "nextLink"));
    reply_clear(&rest);
    reply_clear(&reply);
    rig_close(rig);
}

static void denials_are_pruned_apart_from_what_was_done(void **state)
{
    (void)state;
    static const char fill[] =
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
        " INSERT INTO audit SELECT i, 0, 'x', 'x', NULL, NULL, 'PUT', '', '',"
        " iif(i <= 10, 'done', 'denied'), 200, NULL, '', 1, 0 FROM n";
    struct rig *rig = rig_new(true, NULL);
    char path[256];
    sqlite3 *db = NULL;
    rig_down(rig);
    snprintf(path, sizeof path, "%s/" STORE_FILE, rig->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, fill, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    rig_up(rig);
    for (int i = 0; i < 1024; i++) {
        char target[512];
        snprintf(target, sizeof target, "/v1.0/groups/none-%d", i);
        rig_expect(rig, HTTP_DELETE, target, NULL, 404);
    }
    expect_lines(rig, "?outcome=done", 10);
    expect_lines(rig, "?outcome=denied&top=1&before=10001", 0); /* the oldest have gone */
    expect_lines(rig, "?outcome=denied&top=1&before=60001", 1);
    rig_close(rig);
}

static void questions_to_the_log_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "?top=0",       "?top=1001",      "?top=x",
                                         "?since=today", "?outcome=maybe", "?before=-1",
                                         "?outcome=Done" };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char target[128];
        snprintf(target, sizeof target, AUDIT "%s", wrong[i]);
        rig_refused(rig, HTTP_GET, target, NULL, 400, "BadRequest", NULL);
    }
    rig_close(rig);
}

/* A change that cannot be kept has not happened, and the next decision knows it. */
static void what_could_not_be_kept_is_neither_told_nor_in_force(void **state)
{
    (void)state;
    static const char grant[] =
        "{\"properties\":{\"roleDefinitionId\":\"" ACCESS
        "/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7\",\"principalId\":\"" LINUS "\"}}";
    struct rig *rig = rig_new(true, NULL);
    struct rlimit old;
    struct rlimit none = { 0, 0 };
    struct reply granted;
    struct reply used;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    rig_begin(rig, HTTP_PUT,
              WORKSPACE ACCESS
              "/roleAssignments/11111111-0000-4000-8000-000000000001?api-version=2022-04-01",
              grant, NULL, &granted);
    rig->caller = LINUS; /* in the same turn it is in force already */
    rig_begin(rig, HTTP_GET, WORKSPACE V, NULL, NULL, &used);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    int rc = loop_run_until(rig->loop, &used.done);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(rc, 0);
    assert_int_equal(granted.status, 500);
    assert_int_equal(used.status, 500);
    reply_clear(&granted);
    reply_clear(&used);
    rig_expect(rig, HTTP_GET, WORKSPACE V, NULL, 403);
    expect_lines(rig, "?outcome=done", 0);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_denials_have_lines_and_questions_have_none),
        cmocka_unit_test(a_disguise_is_told_with_who_is_in_it),
        cmocka_unit_test(a_flood_of_one_denial_is_counted),
        cmocka_unit_test(different_denials_are_not_mixed_up),
        cmocka_unit_test(denials_are_pruned_apart_from_what_was_done),
        cmocka_unit_test(questions_to_the_log_that_make_no_sense_are_refused),
        cmocka_unit_test(what_could_not_be_kept_is_neither_told_nor_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
