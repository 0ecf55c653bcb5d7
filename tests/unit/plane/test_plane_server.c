/* test_plane_server.c - a plane behind a Unix socket. */
#include "plane/plane_test.h"

#include "net/http_client.h"
#include "plane/plane_server.h"

struct fixture {
    struct clock *clock;
    struct loop *loop;
    struct driver *driver;
    struct plane *plane;
    struct plane_server *server;
    char *folder, *socket;
    bool idle;
};

static void on_idle(void *arg)
{
    ((struct fixture *)arg)->idle = true;
}

static void open_fixture(struct fixture *f, struct clock *clock, int64_t idle_ms)
{
    struct error err = { 0 };
    char path[] = "/tmp/moonfleet-server-XXXXXX";
    *f = (struct fixture) { .clock = clock };
    assert_non_null(mkdtemp(path));
    f->folder = strdup(path);
    f->socket = file_join(path, "plane.sock");
    assert_int_equal(loop_new(clock, &f->loop, &err), 0);
    struct simulated_options simulated = { 0 };
    assert_int_equal(driver_simulated_new(f->loop, &simulated, &f->driver, &err), 0);
    struct plane_options options = { .loop = f->loop, .driver = f->driver };
    assert_int_equal(plane_new(&options, &f->plane, &err), 0);
    struct plane_server_options server = { .idle_ms = idle_ms, .idle = on_idle, .idle_arg = f };
    assert_int_equal(plane_server_new(f->loop, f->plane, &server, &f->server, &err), 0);
    if (plane_server_listen_unix(f->server, f->socket, &err) < 0)
        fail_msg("%s", err.message);
}

static void close_fixture(struct fixture *f)
{
    plane_server_free(f->server);
    plane_free(f->plane);
    driver_free(f->driver);
    loop_free(f->loop);
    assert_int_equal(file_remove_tree(f->folder, NULL), 0);
    free(f->folder);
    free(f->socket);
}

struct got {
    bool done;
    int rc, status;
    char *body;
};

static void on_reply(int rc, struct http_response *response, bool sent, const struct error *err,
                     void *arg)
{
    struct got *got = arg;
    (void)sent, (void)err;
    got->done = true;
    got->rc = rc;
    got->status = response ? response->status : 0;
    got->body = response && response->body.data ? strdup(response->body.data) : NULL;
}

static struct got ask(struct fixture *f, enum http_method method, const char *target,
                      const char *body)
{
    struct error err = { 0 };
    struct got got = { 0 };
    struct http_client *client = NULL;
    struct http_client_options options = { .base_url = "http://localhost",
                                           .unix_socket = f->socket };
    assert_int_equal(http_client_new(f->loop, &options, &client, &err), 0);
    struct http_request request = { .method = method, .target = strdup(target) };
    if (body)
        buffer_text(&request.body, body);
    struct http_exchange *exchange = NULL;
    assert_int_equal(http_client_send(client, &request, 0, on_reply, &got, &exchange, &err), 0);
    assert_int_equal(loop_run_until(f->loop, &got.done), 0);
    http_request_clear(&request);
    http_client_free(client);
    return got;
}

static void answers_over_its_socket(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, clock_real(), 0);
    struct got got = ask(&f, HTTP_GET, WORKSPACE V, NULL);
    assert_int_equal(got.rc, 0);
    assert_int_equal(got.status, 200);
    assert_non_null(strstr(got.body, "\"ds-workspace\""));
    free(got.body);
    got = ask(&f, HTTP_PUT, COMPUTES "/ds-ada" V, BODY(""));
    assert_int_equal(got.status, 201);
    free(got.body);
    close_fixture(&f);
}

static void a_server_that_goes_drops_what_it_owes(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = { 0 };
    struct got got = { 0 };
    struct http_client *client = NULL;
    open_fixture(&f, clock_real(), 0);
    struct http_client_options options = { .base_url = "http://localhost",
                                           .unix_socket = f.socket };
    assert_int_equal(http_client_new(f.loop, &options, &client, &err), 0);
    struct http_request request = { .method = HTTP_GET, .target = strdup(WORKSPACE V) };
    struct http_exchange *exchange = NULL;
    assert_int_equal(http_client_send(client, &request, 0, on_reply, &got, &exchange, &err), 0);
    for (int i = 0; i < 3; i++)
        loop_poll(f.loop);
    http_request_clear(&request);
    http_client_free(client);
    free(got.body);
    close_fixture(&f);
}

static void tells_when_it_was_idle_and_not_while_an_instance_runs(void **state)
{
    (void)state;
    struct clock clock;
    struct fixture f;
    clock_init_virtual(&clock, START_UNIX_MS);
    open_fixture(&f, &clock, 600000);
    int64_t from_ms = loop_now_ms(f.loop);
    assert_int_equal(loop_run_until(f.loop, &f.idle), 0);
    assert_int_equal(loop_now_ms(f.loop) - from_ms, 600000);
    f.idle = false;
    /* With a running instance it never is: an hour passes. */
    struct http_request request = { .method = HTTP_PUT, .target = strdup(COMPUTES "/ds-ada" V) };
    struct reply reply = { 0 };
    buffer_text(&request.body, BODY(""));
    plane_handle(f.plane, NULL, &request, rig_respond, &reply, NULL);
    http_request_clear(&request);
    assert_int_equal(loop_run_until(f.loop, &reply.done), 0);
    reply_clear(&reply);
    struct loop_timer *hour = NULL;
    struct fixture mark = { 0 };
    assert_int_equal(loop_timer_new(f.loop, on_idle, &mark, &hour), 0);
    assert_int_equal(loop_timer_set(hour, 3600000), 0);
    assert_int_equal(loop_run_until(f.loop, &mark.idle), 0);
    assert_false(f.idle);
    loop_timer_free(hour);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_over_its_socket),
        cmocka_unit_test(a_server_that_goes_drops_what_it_owes),
        cmocka_unit_test(tells_when_it_was_idle_and_not_while_an_instance_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
