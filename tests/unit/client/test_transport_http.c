/* The client over real sockets: net's own server, and servers that misbehave, in the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "client/arm_client.h"
#include "client/directory.h"
#include "net/http_server.h"

struct ended {
    bool done;
    int rc, attempts;
    cJSON *body;
    struct error err;
};

static void on_ended(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct ended *ended = arg;
    ended->done = true;
    ended->rc = rc;
    ended->attempts = reply->attempts;
    ended->body = reply->body;
    reply->body = NULL;
    if (rc < 0)
        ended->err = *err;
}

static void ended_clear(struct ended *ended)
{
    cJSON_Delete(ended->body);
    *ended = (struct ended) { 0 };
}

/* ---- a plane that plays operations ---- */

struct stage {
    struct loop *loop;
    struct http_server *server;
    struct transport *transport;
    struct arm_client *client;
    char folder[64], socket[96];
    int puts, wanted, fail_first, requests;
    bool held_seen;
    struct http_reply *held[64];
    size_t held_count;
};

static void reply_with(struct http_reply *reply, int status, const char *header, const char *value,
                       const char *body)
{
    struct http_response response = { .status = status };
    if (header)
        assert_int_equal(http_header_add(&response.headers, header, value), 0);
    if (body)
        buffer_text(&response.body, body);
    http_reply_send(reply, &response);
}

static void release_held(struct stage *stage)
{
    for (size_t i = 0; i < stage->held_count; i++)
        reply_with(stage->held[i], 200, "Preference-Applied", "wait", "{\"status\":\"Succeeded\"}");
    stage->held_count = 0;
}

/* Operations succeed once `wanted` PUTs were taken; until then polls that ask for it are held. */
static void serve(struct http_reply *reply, const struct http_request *request,
                  const struct http_peer *peer, void *arg)
{
    struct stage *stage = arg;
    (void)peer;
    stage->requests++;
    if (stage->fail_first-- > 0) {
        reply_with(reply, 502, "Content-Type", "text/html", "<html>Bad Gateway</html>");
    } else if (request->method == HTTP_PUT) {
        stage->puts++;
        reply_with(reply, 201, "Azure-AsyncOperation",
                   "https://management.example/operations/1?s=a%2Bb+c==", "{}");
        if (stage->puts == stage->wanted)
            release_held(stage);
    } else if (text_equal(request->target, "/operations/1?s=a%2Bb+c==")) {
        bool hold = http_header_get(&request->headers, "Prefer") != NULL;
        if (stage->puts >= stage->wanted) {
            reply_with(reply, 200, NULL, NULL, "{\"status\":\"Succeeded\"}");
        } else if (hold && stage->held_count < COUNT(stage->held)) {
            stage->held[stage->held_count++] = reply;
            stage->held_seen = true;
        } else {
            reply_with(reply, 200, "Retry-After", "1", "{\"status\":\"InProgress\"}");
        }
    } else if (text_starts(request->target, "/v1.0/users?")) {
        reply_with(reply, 200, NULL, NULL,
                   "{\"value\":[{\"id\":\"1\",\"userPrincipalName\":\"ada@x\"}]}");
    } else if (request->method == HTTP_POST) {
        reply_with(reply, 200, NULL, NULL, request->body.size ? request->body.data : "\"empty\"");
    } else {
        reply_with(reply, 404, NULL, NULL,
                   "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"no\"}}");
    }
}

static void stage_open(struct stage *stage, bool tcp, const struct arm_client_options *options)
{
    struct arm_client_options used = options ? *options : (struct arm_client_options) { 0 };
    struct error err = { 0 };
    char url[64] = "http://localhost";
    *stage = (struct stage) { .folder = "/tmp/moonfleet-client-XXXXXX", .wanted = 1 };
    assert_int_equal(loop_new(clock_real(), &stage->loop, &err), 0);
    assert_int_equal(http_server_new(stage->loop, serve, stage, &stage->server, &err), 0);
    struct http_client_options http = { .base_url = url };
    if (tcp) {
        int port = 0;
        assert_int_equal(http_server_listen_tcp(stage->server, "127.0.0.1", 0, &port, &err), 0);
        snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    } else {
        assert_non_null(mkdtemp(stage->folder));
        snprintf(stage->socket, sizeof stage->socket, "%s/socket", stage->folder);
        assert_int_equal(http_server_listen_unix(stage->server, stage->socket, &err), 0);
        http.unix_socket = stage->socket;
    }
    assert_int_equal(transport_http_new(stage->loop, &http, &stage->transport, &err), 0);
    used.transport = stage->transport;
    used.backoff_first_ms = 1;
    assert_int_equal(arm_client_new(stage->loop, &used, &stage->client, &err), 0);
}

static void stage_close(struct stage *stage)
{
    arm_client_free(stage->client);
    transport_free(stage->transport);
    http_server_free(stage->server);
    loop_free(stage->loop);
    if (stage->socket[0]) {
        (void)unlink(stage->socket);
        (void)rmdir(stage->folder);
    }
}

static void stage_run(struct stage *stage, const struct arm_request *request, struct ended *ended)
{
    struct error err = { 0 };
    *ended = (struct ended) { 0 };
    assert_int_equal(arm_send(stage->client, request, on_ended, ended, NULL, &err), 0);
    assert_int_equal(loop_run_until(stage->loop, &ended->done), 0);
}

static void test_operation_over_a_unix_socket(void **state)
{
    struct arm_request put = {
        .method = HTTP_PUT, .path = "/a b", .api_version = "v", .follow = ARM_OPERATION
    };
    struct stage stage;
    struct ended ended;
    (void)state;
    stage_open(&stage, false, NULL);
    stage.fail_first = 2;
    stage_run(&stage, &put, &ended); /* the status URL names another host: only its path counts */
    assert_int_equal(ended.rc, 0);
    assert_int_equal(ended.attempts, 3);
    ended_clear(&ended);
    stage_close(&stage);
}

static void test_held_poll_is_answered_when_the_operation_ends(void **state)
{
    struct arm_request put = { .method = HTTP_PUT, .path = "/a", .follow = ARM_OPERATION };
    struct stage stage;
    struct ended first = { 0 }, second = { 0 };
    struct error err = { 0 };
    (void)state;
    stage_open(&stage, false, NULL);
    stage.wanted = 2;
    assert_int_equal(arm_send(stage.client, &put, on_ended, &first, NULL, &err), 0);
    assert_int_equal(loop_run_until(stage.loop, &stage.held_seen), 0);
    assert_int_equal(arm_send(stage.client, &put, on_ended, &second, NULL, &err), 0);
    assert_int_equal(loop_run_until(stage.loop, &second.done), 0);
    assert_int_equal(loop_run_until(stage.loop, &first.done), 0);
    assert_int_equal(first.rc, 0);
    assert_int_equal(second.rc, 0);
    ended_clear(&first);
    ended_clear(&second);
    stage_close(&stage);
}

static void test_other_host_is_refused_over_tcp_with_a_token(void **state)
{
    struct arm_client_options options = { .token = "secret" };
    struct arm_request put = { .method = HTTP_PUT, .path = "/a", .follow = ARM_OPERATION };
    struct stage stage;
    struct ended ended;
    (void)state;
    stage_open(&stage, true, &options);
    stage_run(&stage, &put, &ended);
    assert_int_equal(ended.rc, ERROR_DENIED);
    assert_int_equal(stage.requests, 1);
    ended_clear(&ended);
    stage_close(&stage);
}

static void test_bodies_and_errors_over_tcp(void **state)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "name", "Zo\xc3\xab");
    struct arm_request post = { .method = HTTP_POST, .path = "/a", .body = body };
    struct arm_request empty = { .method = HTTP_POST, .path = "/a" };
    struct arm_request missing = { .method = HTTP_GET, .path = "/nothing" };
    struct stage stage;
    struct ended ended;
    (void)state;
    stage_open(&stage, true, NULL);
    stage_run(&stage, &post, &ended);
    assert_true(json_equal(ended.body, body));
    ended_clear(&ended);
    stage_run(&stage, &empty, &ended);
    assert_string_equal(cJSON_GetStringValue(ended.body), "empty");
    ended_clear(&ended);
    stage_run(&stage, &missing, &ended);
    assert_int_equal(ended.rc, ERROR_NOT_FOUND);
    assert_string_equal(ended.err.name, "ResourceNotFound");
    ended_clear(&ended);
    cJSON_Delete(body);
    stage_close(&stage);
}

static void on_resolved(int rc, const struct directory_answer *answers, size_t count,
                        const struct error *err, void *arg)
{
    (void)err;
    assert_int_equal(rc, 0);
    assert_int_equal(count, 2);
    assert_int_equal(answers[0].outcome, DIRECTORY_FOUND);
    assert_string_equal(answers[0].id, "1");
    assert_int_equal(answers[1].outcome, DIRECTORY_MISSING);
    assert_string_equal(answers[1].near, "ada@x");
    *(bool *)arg = true;
}

static void test_directory_over_a_socket(void **state)
{
    static const struct directory_name names[] = { { DIRECTORY_USER, "Ada@x" },
                                                   { DIRECTORY_USER, "adda@x" } };
    struct stage stage;
    struct error err = { 0 };
    bool done = false;
    (void)state;
    stage_open(&stage, false, NULL);
    struct directory directory = { .client = stage.client };
    assert_int_equal(directory_resolve(&directory, names, 2, on_resolved, &done, NULL, &err), 0);
    assert_int_equal(loop_run_until(stage.loop, &done), 0);
    stage_close(&stage);
}

static void test_nobody_there_is_told_soon(void **state)
{
    struct arm_request get = { .method = HTTP_GET, .path = "/a" };
    struct stage stage;
    struct ended ended;
    (void)state;
    stage_open(&stage, false, NULL);
    http_server_free(stage.server);
    stage.server = NULL;
    (void)unlink(stage.socket);
    stage_run(&stage, &get, &ended);
    assert_int_equal(ended.rc, ERROR_UNAVAILABLE);
    assert_int_equal(ended.attempts, 3);
    ended_clear(&ended);
    stage_close(&stage);
}

#ifdef MOONFLEET_SANITIZE
#define MANY 2000
#else
#define MANY 10000
#endif

struct crowd {
    int ended, failed;
    bool done;
};

static void on_one(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct crowd *crowd = arg;
    (void)reply, (void)err;
    crowd->failed += rc != 0;
    crowd->done = ++crowd->ended == MANY;
}

static void test_thousands_of_operations_in_flight(void **state)
{
    struct arm_request put = { .method = HTTP_PUT, .path = "/a", .follow = ARM_OPERATION };
    struct crowd crowd = { 0 };
    struct stage stage;
    struct error err = { 0 };
    struct rusage usage;
    (void)state;
    stage_open(&stage, false, NULL);
    stage.wanted = MANY; /* none ends before all have begun */
    for (int i = 0; i < MANY; i++)
        assert_int_equal(arm_send(stage.client, &put, on_one, &crowd, NULL, &err), 0);
    assert_int_equal(loop_run_until(stage.loop, &crowd.done), 0);
    assert_int_equal(crowd.ended, MANY);
    assert_int_equal(crowd.failed, 0);
    assert_int_equal(stage.puts, MANY); /* nothing was sent twice */
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
#ifndef MOONFLEET_SANITIZE
    print_message("%ld KiB with %d operations, client and server\n", usage.ru_maxrss, MANY);
    assert_true(usage.ru_maxrss < 100L << 10);
#endif
    stage_close(&stage);
}

/* ---- servers that misbehave ---- */

struct rude {
    struct loop *loop;
    int fd, connections;
    const char *says; /* after the request was read; then it closes */
    int peer;
    struct loop_watch *listening, *reading;
};

static void on_rude_request(void *arg)
{
    struct rude *rude = arg;
    char request[4096];
    (void)!read(rude->peer, request, sizeof request);
    if (rude->says)
        (void)!write(rude->peer, rude->says, strlen(rude->says));
    (void)close(rude->peer);
    loop_watch_free(rude->reading);
    rude->reading = NULL;
}

static void on_rude_connection(void *arg)
{
    struct rude *rude = arg;
    if (rude->reading)
        return; /* one after the other */
    rude->peer = accept4(rude->fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(rude->peer >= 0);
    rude->connections++;
    assert_int_equal(
        loop_watch_new(rude->loop, rude->peer, false, on_rude_request, rude, &rude->reading), 0);
}

static int rude_open(struct rude *rude, struct loop *loop)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    rude->loop = loop;
    rude->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(rude->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(rude->fd, 16), 0);
    assert_int_equal(getsockname(rude->fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(
        loop_watch_new(loop, rude->fd, false, on_rude_connection, rude, &rude->listening), 0);
    return ntohs(address.sin_port);
}

static void test_broken_connections(void **state)
{
    static const struct {
        const char *says;
        enum http_method method;
        bool idempotent;
        int connections;
    } cases[] = {
        { NULL, HTTP_GET, false, 3 },
        { NULL, HTTP_PUT, false, 3 },
        { NULL, HTTP_DELETE, false, 3 },
        { NULL, HTTP_POST, true, 3 },
        { NULL, HTTP_POST, false, 1 },
        { NULL, HTTP_PATCH, false, 1 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half", HTTP_GET, false, 3 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half", HTTP_POST, false, 1 },
        { "not HTTP at all\r\n\r\n", HTTP_POST, false, 1 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arm_client_options options = { .retries_max = 2, .backoff_first_ms = 1 };
        struct arm_request request = { .method = cases[i].method,
                                       .path = "/a",
                                       .idempotent = cases[i].idempotent };
        struct rude rude = { .says = cases[i].says };
        struct error err = { 0 };
        struct loop *loop = NULL;
        char url[64];
        assert_int_equal(loop_new(clock_real(), &loop, &err), 0);
        snprintf(url, sizeof url, "http://127.0.0.1:%d", rude_open(&rude, loop));
        struct http_client_options http = { .base_url = url };
        assert_int_equal(transport_http_new(loop, &http, &options.transport, &err), 0);
        struct arm_client *client = NULL;
        assert_int_equal(arm_client_new(loop, &options, &client, &err), 0);
        int rc = arm_wait(client, &request, NULL, &err);
        if (rc != ERROR_UNAVAILABLE || rude.connections != cases[i].connections)
            fail_msg("case %zu: %d after %d times", i, rc, rude.connections);
        arm_client_free(client);
        transport_free(options.transport);
        loop_watch_free(rude.listening);
        loop_watch_free(rude.reading);
        (void)close(rude.fd);
        loop_free(loop);
    }
}

static void test_cancel_while_the_request_is_on_the_wire(void **state)
{
    struct arm_request put = { .method = HTTP_PUT, .path = "/a", .follow = ARM_OPERATION };
    struct arm_call *call = NULL;
    struct ended ended = { 0 }, other = { 0 };
    struct error err = { 0 };
    struct stage stage;
    (void)state;
    stage_open(&stage, false, NULL);
    stage.wanted = 2;
    assert_int_equal(arm_send(stage.client, &put, on_ended, &ended, &call, &err), 0);
    assert_int_equal(loop_run_until(stage.loop, &stage.held_seen), 0);
    arm_call_cancel(call);
    stage_run(&stage, &put, &other); /* the client goes on */
    assert_int_equal(other.rc, 0);
    assert_false(ended.done);
    ended_clear(&other);
    stage_close(&stage);
}

static void test_base_url_must_be_one(void **state)
{
    static const char *const urls[] = { "", "localhost", "ftp://host", "http://a@b", "https://" };
    struct loop *loop = NULL;
    struct error err = { 0 };
    (void)state;
    assert_int_equal(loop_new(clock_real(), &loop, &err), 0);
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct http_client_options options = { .base_url = urls[i] };
        struct transport *transport = NULL;
        assert_int_equal(transport_http_new(loop, &options, &transport, &err), ERROR_SYNTAX);
        assert_null(transport);
    }
    transport_free(NULL);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operation_over_a_unix_socket),
        cmocka_unit_test(test_held_poll_is_answered_when_the_operation_ends),
        cmocka_unit_test(test_other_host_is_refused_over_tcp_with_a_token),
        cmocka_unit_test(test_bodies_and_errors_over_tcp),
        cmocka_unit_test(test_directory_over_a_socket),
        cmocka_unit_test(test_nobody_there_is_told_soon),
        cmocka_unit_test(test_thousands_of_operations_in_flight),
        cmocka_unit_test(test_broken_connections),
        cmocka_unit_test(test_cancel_while_the_request_is_on_the_wire),
        cmocka_unit_test(test_base_url_must_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
