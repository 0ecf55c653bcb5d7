/* The client against a real plane in this process, through the embedded transport, on a virtual
 * clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "cli/embedded.h"
#include "client/computes.h"
#include "client/directory.h"

#define CREATE_MS 90000

static const struct workspace_ref workspace = { "00000000-0000-4000-8000-000000000001", "moonfleet",
                                                "ds-workspace" };

struct stage {
    struct clock clock;
    struct loop *loop;
    struct driver *driver;
    struct plane *plane;
    struct transport *transport;
    struct arm_client *client;
};

static void stage_open(struct stage *stage)
{
    struct simulated_options durations = { .create_ms = CREATE_MS, .fail_creation = "bad-*" };
    struct error err = { 0 };
    *stage = (struct stage) { 0 };
    clock_init_virtual(&stage->clock, 1795255200000);
    assert_int_equal(loop_new(&stage->clock, &stage->loop, &err), 0);
    assert_int_equal(driver_simulated_new(stage->loop, &durations, &stage->driver, &err), 0);
    struct plane_options options = { .loop = stage->loop, .driver = stage->driver };
    if (plane_new(&options, &stage->plane, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(embedded_transport_new(stage->loop, stage->plane, &stage->transport, &err), 0);
    struct arm_client_options client = { .transport = stage->transport };
    assert_int_equal(arm_client_new(stage->loop, &client, &stage->client, &err), 0);
}

static void stage_close(struct stage *stage)
{
    arm_client_free(stage->client);
    transport_free(stage->transport);
    plane_free(stage->plane);
    driver_free(stage->driver);
    loop_free(stage->loop);
}

static cJSON *instance_body(void)
{
    cJSON *body = cJSON_CreateObject();
    assert_int_equal(json_put_string(body, "location", "westeurope"), 0);
    assert_int_equal(json_put_string(body, "properties.computeType", "ComputeInstance"), 0);
    assert_int_equal(json_put_string(body, "properties.properties.vmSize", "Standard_DS3_v2"), 0);
    return body;
}

/* Runs one request to its end; *out_body may be NULL. */
static int run(struct stage *stage, int filled, struct computes_request *request, cJSON **out_body,
               struct error *err)
{
    assert_int_equal(filled, 0);
    int rc = arm_wait(stage->client, &request->arm, out_body, err);
    computes_request_clear(request);
    return rc;
}

static int create(struct stage *stage, const char *name, struct error *err)
{
    struct computes_request request;
    cJSON *body = instance_body();
    int rc = run(stage, computes_put(&request, &workspace, name, body, err), &request, NULL, err);
    cJSON_Delete(body);
    return rc;
}

static void check_state(struct stage *stage, const char *name, const char *state)
{
    struct computes_request request;
    struct error err = { 0 };
    cJSON *body = NULL;
    if (run(stage, computes_get(&request, &workspace, name, &err), &request, &body, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(json_string(body, "properties.properties.state", ""), state);
    cJSON_Delete(body);
}

static void test_an_instance_through_its_life(void **state)
{
    struct computes_request request;
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage);
    int64_t begun_ms = loop_now_ms(stage.loop);
    if (create(&stage, "ds-ada", &err) < 0)
        fail_msg("%s", err.message);
    int64_t took_ms = loop_now_ms(stage.loop) - begun_ms;
    assert_in_range(took_ms, CREATE_MS, CREATE_MS + 1000); /* polls are held: no time is lost */
    check_state(&stage, "ds-ada", "Running");
    assert_int_equal(
        run(&stage, computes_stop(&request, &workspace, "ds-ada", &err), &request, NULL, &err), 0);
    check_state(&stage, "ds-ada", "Stopped");
    assert_int_equal(
        run(&stage, computes_start(&request, &workspace, "ds-ada", &err), &request, NULL, &err), 0);
    assert_int_equal(
        run(&stage, computes_restart(&request, &workspace, "ds-ada", &err), &request, NULL, &err),
        0);
    check_state(&stage, "ds-ada", "Running");
    assert_int_equal(
        run(&stage, computes_delete(&request, &workspace, "ds-ada", &err), &request, NULL, &err),
        0);
    assert_int_equal(
        run(&stage, computes_get(&request, &workspace, "ds-ada", &err), &request, NULL, &err),
        ERROR_NOT_FOUND);
    stage_close(&stage);
}

static void test_second_start_is_refused_as_the_service_does(void **state)
{
    struct computes_request request;
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage);
    assert_int_equal(create(&stage, "ds-ada", &err), 0);
    assert_true(run(&stage, computes_start(&request, &workspace, "ds-ada", &err), &request, NULL,
                    &err) < 0);
    assert_string_equal(err.name, "StartComputeInstanceOnlyAllowedInStoppedState");
    stage_close(&stage);
}

static void test_reads_of_a_fresh_plane(void **state)
{
    static const char *const lists[] = { "computes", "vmSizes", "usages" };
    struct computes_request request;
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage);
    for (size_t i = 0; i < COUNT(lists); i++) {
        cJSON *body = NULL;
        int filled = i == 0 ? computes_list(&request, &workspace, &err)
                     : i == 1
                         ? computes_vm_sizes(&request, workspace.subscription, "westeurope", &err)
                         : computes_usages(&request, workspace.subscription, "westeurope", &err);
        if (run(&stage, filled, &request, &body, &err) < 0)
            fail_msg("%s: %s", lists[i], err.message);
        int count = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(body, "value"));
        assert_true(i == 0 ? count == 0 : count > 0);
        cJSON_Delete(body);
    }
    cJSON *body = NULL;
    assert_int_equal(
        run(&stage, computes_workspace(&request, &workspace, &err), &request, &body, &err), 0);
    assert_string_equal(json_string(body, "name", ""), "ds-workspace");
    cJSON_Delete(body);
    stage_close(&stage);
}

#define FLEET 300 /* several times what is on the wire at once */

struct fleet {
    int ended, failed;
    bool done;
};

static void on_created(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct fleet *fleet = arg;
    (void)reply, (void)err;
    fleet->failed += rc != 0;
    fleet->done = ++fleet->ended == FLEET;
}

static void test_a_fleet_at_once(void **state)
{
    struct fleet fleet = { 0 };
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage);
    cJSON *body = instance_body();
    for (int i = 0; i < FLEET; i++) {
        struct computes_request request;
        char name[32];
        snprintf(name, sizeof name, "m%dx", i);
        assert_int_equal(computes_put(&request, &workspace, name, body, &err), 0);
        assert_int_equal(arm_send(stage.client, &request.arm, on_created, &fleet, NULL, &err), 0);
        computes_request_clear(&request);
    }
    cJSON_Delete(body);
    assert_int_equal(loop_run_until(stage.loop, &fleet.done), 0);
    assert_int_equal(fleet.failed, 0);
    struct computes_request request;
    cJSON *list = NULL;
    assert_int_equal(run(&stage, computes_list(&request, &workspace, &err), &request, &list, &err),
                     0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(list, "value")), FLEET);
    cJSON_Delete(list);
    stage_close(&stage);
}

static void never_called(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    (void)rc, (void)reply, (void)err, (void)arg;
    fail_msg("a cancelled call called back");
}

static void test_cancel_and_go_on(void **state)
{
    struct computes_request request;
    struct arm_call *calls[20] = { NULL };
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage);
    cJSON *body = instance_body();
    for (size_t i = 0; i < COUNT(calls); i++) {
        char name[32];
        snprintf(name, sizeof name, "c%zux", i);
        assert_int_equal(computes_put(&request, &workspace, name, body, &err), 0);
        assert_int_equal(arm_send(stage.client, &request.arm, never_called, NULL, &calls[i], &err),
                         0);
        computes_request_clear(&request);
        for (size_t turn = 0; turn < i % 5; turn++) /* to be caught at different stages */
            loop_poll(stage.loop);
    }
    cJSON_Delete(body);
    for (size_t i = 0; i < COUNT(calls); i++)
        arm_call_cancel(calls[i]);
    assert_int_equal(create(&stage, "ds-ada", &err), 0);
    check_state(&stage, "ds-ada", "Running");
    stage_close(&stage);
}

static void test_transport_that_dies_forgets_what_is_owed(void **state)
{
    struct computes_request request;
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage);
    cJSON *body = instance_body();
    assert_int_equal(computes_put(&request, &workspace, "ds-ada", body, &err), 0);
    assert_int_equal(arm_send(stage.client, &request.arm, never_called, NULL, NULL, &err), 0);
    computes_request_clear(&request);
    cJSON_Delete(body);
    for (int turn = 0; turn < 10; turn++)
        loop_poll(stage.loop);
    stage_close(&stage);
}

struct late {
    bool done;
    int rc;
    bool sent;
};

static void on_late(int rc, struct http_response *response, bool sent, const struct error *err,
                    void *arg)
{
    struct late *late = arg;
    assert_null(response);
    assert_int_equal(err->code, rc);
    *late = (struct late) { true, rc, sent };
}

static void test_exchange_has_a_time_limit(void **state)
{
    struct late late = { 0 };
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct http_request request = { .method = HTTP_GET };
    request.target =
        text_format("/subscriptions/%s?api-version=" API_RESOURCES, workspace.subscription);
    void *exchange = NULL;
    assert_int_equal(
        stage.transport->ops->send(stage.transport, &request, 1, on_late, &late, &exchange, &err),
        0);
    clock_advance(&stage.clock, 1000); /* before the plane's turn has ended */
    assert_int_equal(loop_run_until(stage.loop, &late.done), 0);
    assert_int_equal(late.rc, ERROR_TIMEOUT);
    assert_true(late.sent);
    http_request_clear(&request);
    stage_close(&stage);
}

static void on_resolved(int rc, const struct directory_answer *answers, size_t count,
                        const struct error *err, void *arg)
{
    if (rc < 0)
        fail_msg("%s", err->message);
    assert_int_equal(count, 4);
    assert_int_equal(answers[0].outcome, DIRECTORY_FOUND);
    assert_string_equal(answers[0].id, "00000000-0000-4000-8000-000000000101");
    assert_int_equal(answers[1].outcome, DIRECTORY_MISSING);
    assert_string_equal(answers[1].near, "grace@moonfleet.local");
    assert_string_equal(answers[2].id, "00000000-0000-4000-8000-000000000200");
    assert_string_equal(answers[3].id, "00000000-0000-4000-8000-000000000300");
    *(bool *)arg = true;
}

static void test_directory_of_the_seed(void **state)
{
    static const struct directory_name names[] = {
        { DIRECTORY_USER, "Ada@moonfleet.local" },
        { DIRECTORY_USER, "grcae@moonfleet.local" },
        { DIRECTORY_GROUP, "data-scientists" },
        { DIRECTORY_SERVICE_PRINCIPAL, "automation" },
    };
    struct error err = { 0 };
    struct stage stage;
    bool done = false;
    (void)state;
    stage_open(&stage);
    struct directory directory = { .client = stage.client };
    assert_int_equal(
        directory_resolve(&directory, names, COUNT(names), on_resolved, &done, NULL, &err), 0);
    assert_int_equal(loop_run_until(stage.loop, &done), 0);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instance_through_its_life),
        cmocka_unit_test(test_second_start_is_refused_as_the_service_does),
        cmocka_unit_test(test_reads_of_a_fresh_plane),
        cmocka_unit_test(test_a_fleet_at_once),
        cmocka_unit_test(test_cancel_and_go_on),
        cmocka_unit_test(test_transport_that_dies_forgets_what_is_owed),
        cmocka_unit_test(test_exchange_has_a_time_limit),
        cmocka_unit_test(test_directory_of_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
