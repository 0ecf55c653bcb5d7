/* test_http_exchange.c - our client and our server, in one loop, over a Unix socket and TCP; and
 * what either does when the other misbehaves. */
#include "net/http_client.h"
#include "net/http_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/text.h"

#define MANY 2000
#define WAITING_MAX 4096

/* A server that answers as its path says: /echo, /status/NNN, /size/N, /later (when released),
 * /drop. */
struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    char folder[64], path[96], url[64];
    int port;
    struct http_reply *waiting[WAITING_MAX];
    size_t waiting_count;
    size_t handled;
    struct http_peer peer;
    char last_target[256];
};

struct answer {
    int rc, status;
    bool sent, done;
    struct http_headers headers; /* taken */
    struct buffer body;          /* taken */
    char message[256];
    size_t *left;
    bool *all;
};

/* ---- the server's side ---- */

static void reply_text(struct http_reply *reply, int status, const char *text)
{
    struct http_response response = { .status = status };
    assert_int_equal(http_header_add(&response.headers, "Content-Type", "text/plain"), 0);
    buffer_text(&response.body, text);
    http_reply_send(reply, &response);
}

static void reply_echo(struct http_reply *reply, const struct http_request *request)
{
    struct http_response response = { .status = 200 };
    const char *tag = http_header_get(&request->headers, "X-Tag");
    assert_int_equal(http_header_add(&response.headers, "X-Tag", tag ? tag : "none"), 0);
    assert_int_equal(
        http_header_add(&response.headers, "X-Method", http_method_name(request->method)), 0);
    if (request->body.size > 0) {
        assert_int_equal(request->body.data[request->body.size], '\0');
        buffer_append(&response.body, request->body.data, request->body.size);
    }
    http_reply_send(reply, &response);
}

static void reply_size(struct http_reply *reply, int64_t size)
{
    struct http_response response = { .status = 200 };
    char block[65536];
    memset(block, 'x', sizeof block);
    while (size > 0) {
        size_t part = size < (int64_t)sizeof block ? (size_t)size : sizeof block;
        buffer_append(&response.body, block, part);
        size -= (int64_t)part;
    }
    http_reply_send(reply, &response);
}

static void on_request(struct http_reply *reply, const struct http_request *request,
                       const struct http_peer *peer, void *arg)
{
    struct fixture *f = arg;
    int64_t number = 0;
    f->handled++;
    f->peer = *peer;
    (void)text_copy(f->last_target, sizeof f->last_target, request->target);
    if (text_starts(request->target, "/echo")) {
        reply_echo(reply, request);
    } else if (text_starts(request->target, "/later")) {
        assert_true(f->waiting_count < WAITING_MAX);
        f->waiting[f->waiting_count++] = reply;
    } else if (text_starts(request->target, "/status/")) {
        assert_int_equal(text_to_int64(request->target + 8, 200, 599, &number), 0);
        reply_text(reply, (int)number, "text");
    } else if (text_starts(request->target, "/size/")) {
        assert_int_equal(text_to_int64(request->target + 6, 0, INT32_MAX, &number), 0);
        reply_size(reply, number);
    } else {
        reply_text(reply, 404, "no");
    }
}

static void release(struct fixture *f)
{
    for (size_t i = 0; i < f->waiting_count; i++)
        reply_text(f->waiting[i], 200, "late");
    f->waiting_count = 0;
}

/* ---- the client's side ---- */

static void on_done(int rc, struct http_response *response, bool sent, const struct error *err,
                    void *arg)
{
    struct answer *answer = arg;
    assert_false(answer->done);
    answer->done = true;
    answer->rc = rc;
    answer->sent = sent;
    (void)text_copy(answer->message, sizeof answer->message, err->message);
    assert_int_equal(response != NULL, rc == 0);
    if (response) {
        answer->status = response->status;
        answer->headers = response->headers;
        answer->body = response->body;
        response->headers = (struct http_headers) { 0 };
        response->body = (struct buffer) { 0 };
    }
    if (answer->left && --*answer->left == 0)
        *answer->all = true;
}

static struct http_exchange *send_with(struct http_client *client, enum http_method method,
                                       const char *target, const char *body, int64_t timeout_ms,
                                       struct answer *answer)
{
    struct http_request request = { .method = method, .target = (char *)target };
    struct http_exchange *exchange = NULL;
    struct error err = { 0 };
    assert_int_equal(http_header_add(&request.headers, "X-Tag", "t1"), 0);
    if (body)
        buffer_text(&request.body, body);
    assert_int_equal(
        http_client_send(client, &request, timeout_ms, on_done, answer, &exchange, &err), 0);
    http_headers_clear(&request.headers);
    buffer_clear(&request.body);
    return exchange;
}

static struct http_exchange *send_get(struct fixture *f, const char *target, struct answer *answer)
{
    return send_with(f->client, HTTP_GET, target, NULL, 0, answer);
}

static void answer_clear(struct answer *answer)
{
    http_headers_clear(&answer->headers);
    buffer_clear(&answer->body);
    *answer = (struct answer) { 0 };
}

static void wait_for(struct fixture *f, const bool *flag)
{
    assert_int_equal(loop_run_until(f->loop, flag), 0);
}

static void wait_handled(struct fixture *f, size_t count)
{
    while (f->handled < count) {
        loop_poll(f->loop);
        usleep(100);
    }
}

/* ---- fixtures ---- */

static struct http_client *client_new(struct fixture *f, const char *unix_socket, const char *url,
                                      int connections)
{
    struct http_client *client = NULL;
    const struct http_client_options options = { .base_url = url,
                                                 .unix_socket = unix_socket,
                                                 .connections_max = connections };
    assert_int_equal(http_client_new(f->loop, &options, &client, NULL), 0);
    return client;
}

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture) { 0 };
    (void)text_copy(f->folder, sizeof f->folder, "/tmp/moonfleet-net-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof f->path, "%.*s/s", (int)sizeof f->folder, f->folder);
    assert_int_equal(loop_new(clock_real(), &f->loop, NULL), 0);
    assert_int_equal(http_server_new(f->loop, on_request, f, &f->server, NULL), 0);
    *state = f;
    return 0;
}

static int setup_unix(void **state)
{
    setup(state);
    struct fixture *f = *state;
    assert_int_equal(http_server_listen_unix(f->server, f->path, NULL), 0);
    f->client = client_new(f, f->path, "http://localhost/", 0);
    return 0;
}

static int setup_tcp(void **state)
{
    setup(state);
    struct fixture *f = *state;
    assert_int_equal(http_server_listen_tcp(f->server, "127.0.0.1", 0, &f->port, NULL), 0);
    (void)snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d", f->port);
    f->client = client_new(f, NULL, f->url, 0);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_client_free(f->client);
    release(f); /* needs no server */
    if (f->server)
        assert_int_equal(http_server_pending(f->server), 0);
    http_server_free(f->server);
    loop_free(f->loop);
    assert_int_equal(access(f->path, F_OK), -1); /* the socket's file went with the server */
    return rmdir(f->folder);
}

/* ---- round trips ---- */

static void carries_each_method_with_headers_and_body(void **state)
{
    struct fixture *f = *state;
    for (int method = 0; method < HTTP_METHODS; method++) {
        for (int with_body = 0; with_body < 2; with_body++) {
            struct answer answer = { 0 };
            if (method == HTTP_HEAD && with_body)
                continue;
            send_with(f->client, (enum http_method)method, "/echo", with_body ? "{\"a\":1}" : NULL,
                      5000, &answer);
            assert_false(answer.done); /* never from inside the call */
            wait_for(f, &answer.done);
            assert_int_equal(answer.rc, 0);
            assert_int_equal(answer.status, 200);
            assert_true(answer.sent);
            assert_string_equal(http_header_get(&answer.headers, "x-tag"), "t1");
            assert_string_equal(http_header_get(&answer.headers, "x-method"),
                                http_method_name((enum http_method)method));
            assert_non_null(http_header_get(&answer.headers, "date"));
            assert_int_equal(answer.body.size, with_body ? 7 : 0);
            answer_clear(&answer);
        }
    }
}

static void carries_the_target_as_it_is(void **state)
{
    struct fixture *f = *state;
    static const char *const targets[] = { "/a/../b/./c", "/%41%2f?x=%20y&$filter=a+b'", "//",
                                           "/?" };
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct answer answer = { 0 };
        send_get(f, targets[i], &answer);
        wait_for(f, &answer.done);
        assert_int_equal(answer.status, 404);
        assert_string_equal(f->last_target, targets[i]);
        answer_clear(&answer);
    }
}

static void an_absolute_target_goes_through_the_same_socket(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    send_get(f, "http://elsewhere.invalid:1234/status/202", &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.status, 202);
    assert_string_equal(f->last_target, "/status/202");
    answer_clear(&answer);
}

static void carries_statuses_and_follows_no_redirect(void **state)
{
    struct fixture *f = *state;
    static const int rows[] = { 200, 201, 202, 204, 301, 304, 400, 409, 412, 429, 500, 503, 599 };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct answer answer = { 0 };
        char target[32];
        (void)snprintf(target, sizeof target, "/status/%d", rows[i]);
        send_get(f, target, &answer);
        wait_for(f, &answer.done);
        assert_int_equal(answer.rc, 0);
        assert_int_equal(answer.status, rows[i]);
        assert_int_equal(answer.body.size, rows[i] == 204 || rows[i] == 304 ? 0 : 4);
        answer_clear(&answer);
    }
    assert_int_equal(f->handled, COUNT(rows));
}

static void head_tells_the_length_without_the_body(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    send_with(f->client, HTTP_HEAD, "/size/1234", NULL, 0, &answer);
    wait_for(f, &answer.done);
    assert_string_equal(http_header_get(&answer.headers, "Content-Length"), "1234");
    assert_int_equal(answer.body.size, 0);
    answer_clear(&answer);
    send_get(f, "/size/10", &answer); /* and the connection still makes sense */
    wait_for(f, &answer.done);
    assert_int_equal(answer.body.size, 10);
    answer_clear(&answer);
}

static void carries_large_bodies_both_ways(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    struct http_request request = { .method = HTTP_PUT, .target = (char *)"/echo" };
    unsigned char block[4096];
    random_bytes(block, sizeof block);
    while (request.body.size < HTTP_BODY_MAX)
        buffer_append(&request.body, block, sizeof block);
    assert_int_equal(http_client_send(f->client, &request, 0, on_done, &answer, NULL, NULL), 0);
    wait_for(f, &answer.done);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body.size, request.body.size);
    assert_memory_equal(answer.body.data, request.body.data, request.body.size);
    buffer_clear(&request.body);
    answer_clear(&answer);
}

static void two_thousand_at_once_all_come_back(void **state)
{
    struct fixture *f = *state;
    static struct answer answers[MANY];
    size_t left = MANY;
    bool all = false;
    for (size_t i = 0; i < MANY; i++) {
        answers[i] = (struct answer) { .left = &left, .all = &all };
        send_get(f, "/echo", &answers[i]);
    }
    wait_for(f, &all);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(answers[i].status, 200);
        answer_clear(&answers[i]);
    }
    assert_int_equal(f->handled, MANY);
}

static void late_answers_find_their_request(void **state)
{
    struct fixture *f = *state;
    struct answer answers[3] = { 0 }, quick = { 0 };
    for (size_t i = 0; i < COUNT(answers); i++)
        send_get(f, "/later", &answers[i]);
    wait_handled(f, 3);
    send_get(f, "/echo", &quick); /* the server is not held up */
    wait_for(f, &quick.done);
    assert_int_equal(http_server_pending(f->server), 3);
    assert_false(answers[0].done);
    release(f);
    for (size_t i = 0; i < COUNT(answers); i++) {
        wait_for(f, &answers[i].done);
        assert_int_equal(answers[i].status, 200);
        assert_string_equal(answers[i].body.data, "late");
        answer_clear(&answers[i]);
    }
    answer_clear(&quick);
}

/* ---- who is there ---- */

static void the_kernel_says_who_calls_over_a_unix_socket(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    struct stat info;
    send_get(f, "/echo", &answer);
    wait_for(f, &answer.done);
    answer_clear(&answer);
    assert_true(f->peer.local);
    assert_int_equal(f->peer.uid, geteuid());
    assert_int_equal(f->peer.gid, getegid());
    assert_int_equal(f->peer.pid, getpid());
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void a_tcp_peer_has_an_address(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    send_get(f, "/echo", &answer);
    wait_for(f, &answer.done);
    answer_clear(&answer);
    assert_false(f->peer.local);
    assert_string_equal(f->peer.host, "127.0.0.1");
}

static void a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    struct fixture *f = *state;
    struct http_server *second;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct error err = { 0 };
    struct answer answer = { 0 };
    (void)text_copy(address.sun_path, sizeof address.sun_path, f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* its file stays, nobody listens */
    assert_int_equal(http_server_listen_unix(f->server, f->path, &err), 0);
    assert_int_equal(http_server_new(f->loop, on_request, f, &second, NULL), 0);
    assert_int_equal(http_server_listen_unix(second, f->path, &err), ERROR_CONFLICT);
    http_server_free(second);
    f->client = client_new(f, f->path, "http://localhost", 0);
    send_get(f, "/echo", &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

static void a_file_in_the_way_is_not_removed(void **state)
{
    struct fixture *f = *state;
    struct error err = { 0 };
    close(open(f->path, O_CREAT | O_CLOEXEC | O_WRONLY, 0600));
    assert_int_equal(http_server_listen_unix(f->server, f->path, &err), ERROR_CONFLICT);
    assert_int_equal(unlink(f->path), 0);
}

/* ---- cancelling, leaving, failing ---- */

static void a_cancelled_exchange_does_not_call_back(void **state)
{
    struct fixture *f = *state;
    struct answer cancelled = { 0 }, queued = { 0 }, finished = { 0 }, kept = { 0 };
    http_client_free(f->client);
    f->client = client_new(f, f->path, "http://localhost", 1);
    struct http_exchange *in_flight = send_get(f, "/later", &cancelled);
    struct http_exchange *waiting = send_get(f, "/echo", &queued);
    wait_handled(f, 1);
    http_exchange_cancel(waiting);
    http_exchange_cancel(in_flight);
    struct http_exchange *fresh = send_get(f, "/echo", &finished);
    http_exchange_cancel(fresh);
    send_get(f, "/echo", &kept);
    wait_for(f, &kept.done);
    assert_int_equal(kept.status, 200);
    release(f); /* to a client that is gone */
    answer_clear(&kept);
    send_get(f, "/echo", &kept);
    wait_for(f, &kept.done);
    assert_false(cancelled.done || queued.done || finished.done);
    answer_clear(&kept);
}

static void a_client_that_goes_drops_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    static struct answer answers[200];
    for (size_t i = 0; i < COUNT(answers); i++) {
        answers[i] = (struct answer) { 0 };
        send_get(f, "/later", &answers[i]);
    }
    wait_handled(f, 64);
    http_client_free(f->client);
    f->client = NULL;
    for (int i = 0; i < 10; i++)
        loop_poll(f->loop);
    release(f);
    for (size_t i = 0; i < COUNT(answers); i++)
        assert_false(answers[i].done);
}

static void a_server_that_goes_drops_what_it_owes(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    send_with(f->client, HTTP_POST, "/later", "x", 0, &answer);
    wait_handled(f, 1);
    http_server_free(f->server);
    f->server = NULL;
    wait_for(f, &answer.done);
    assert_int_equal(answer.rc, ERROR_UNAVAILABLE);
    assert_true(answer.sent);
    assert_true(answer.message[0] != '\0');
    release(f); /* harmless, and frees them */
}

static struct fixture *freeing;

static void on_done_free(int rc, struct http_response *response, bool sent, const struct error *err,
                         void *arg)
{
    (void)rc, (void)response, (void)sent, (void)err;
    http_client_free(freeing->client);
    freeing->client = NULL;
    *(bool *)arg = true;
}

static void a_callback_may_free_the_client(void **state)
{
    struct fixture *f = *state;
    struct http_request request = { .method = HTTP_GET, .target = (char *)"/echo" };
    struct answer others[20] = { 0 };
    bool done = false;
    freeing = f;
    assert_int_equal(http_client_send(f->client, &request, 0, on_done_free, &done, NULL, NULL), 0);
    for (size_t i = 0; i < COUNT(others); i++)
        send_get(f, "/later", &others[i]);
    wait_for(f, &done);
    release(f);
}

static void nobody_there_means_unavailable_and_not_sent(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    char missing[128];
    (void)snprintf(missing, sizeof missing, "%s/none", f->folder);
    struct http_client *client = client_new(f, missing, "http://localhost", 0);
    send_with(client, HTTP_POST, "/echo", "x", 5000, &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.rc, ERROR_UNAVAILABLE);
    assert_false(answer.sent);
    assert_non_null(strstr(answer.message, missing));
    assert_null(strstr(answer.message, "localhost"));
    http_client_free(client);
}

static void a_refused_connection_means_unavailable_and_not_sent(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    http_server_free(f->server);
    f->server = NULL;
    send_with(f->client, HTTP_POST, "/echo", "x", 5000, &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.rc, ERROR_UNAVAILABLE);
    assert_false(answer.sent);
}

static void time_runs_out_in_flight_and_in_the_queue(void **state)
{
    struct fixture *f = *state;
    struct answer flying = { 0 }, queued = { 0 }, after = { 0 };
    http_client_free(f->client);
    f->client = client_new(f, f->path, "http://localhost", 1);
    send_with(f->client, HTTP_GET, "/later", NULL, 150, &flying);
    send_with(f->client, HTTP_GET, "/echo", NULL, 30, &queued);
    wait_for(f, &queued.done);
    assert_int_equal(queued.rc, ERROR_TIMEOUT);
    assert_false(queued.sent);
    assert_false(flying.done);
    wait_for(f, &flying.done);
    assert_int_equal(flying.rc, ERROR_TIMEOUT);
    assert_true(flying.sent);
    send_with(f->client, HTTP_GET, "/echo", NULL, 5000, &after);
    wait_for(f, &after.done);
    assert_int_equal(after.status, 200);
    answer_clear(&after);
    release(f);
}

static void an_answer_that_is_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    char target[64];
    (void)snprintf(target, sizeof target, "/size/%zu", HTTP_REPLY_MAX + 1);
    send_get(f, target, &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.rc, ERROR_TOO_LARGE);
    assert_true(answer.sent);
}

static void a_target_that_would_break_the_message_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const targets[] = { "",           "a",        "/a b",
                                           "/a\r\nX: y", "ftp://x/", "file:///etc/passwd",
                                           "gopher://x" };
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct http_request request = { .method = HTTP_GET, .target = (char *)targets[i] };
        struct error err = { 0 };
        assert_int_equal(http_client_send(f->client, &request, 0, on_done, NULL, NULL, &err),
                         ERROR_INVALID);
    }
}

/* ---- a server that misbehaves: one connection at a time, a script of bytes ---- */

struct rogue {
    struct fixture *f;
    int listener, connection;
    struct loop_watch *accepts, *reads;
    const char *say; /* once a request has come */
    bool hang_up;
    size_t requests;
};

static void rogue_hang_up(struct rogue *rogue)
{
    loop_watch_free(rogue->reads);
    rogue->reads = NULL;
    if (rogue->connection >= 0)
        close(rogue->connection);
    rogue->connection = -1;
}

static void rogue_read(void *arg)
{
    struct rogue *rogue = arg;
    char data[4096];
    ssize_t size = read(rogue->connection, data, sizeof data);
    if (size <= 0) {
        rogue_hang_up(rogue);
        return;
    }
    rogue->requests++;
    if (rogue->say)
        assert_true(write(rogue->connection, rogue->say, strlen(rogue->say)) > 0);
    if (rogue->hang_up)
        rogue_hang_up(rogue);
}

static void rogue_accept(void *arg)
{
    struct rogue *rogue = arg;
    rogue_hang_up(rogue);
    rogue->connection = accept(rogue->listener, NULL, NULL);
    assert_true(rogue->connection >= 0);
    assert_int_equal(
        loop_watch_new(rogue->f->loop, rogue->connection, false, rogue_read, rogue, &rogue->reads),
        0);
}

static void rogue_start(struct fixture *f, struct rogue *rogue)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)text_copy(address.sun_path, sizeof address.sun_path, f->path);
    rogue->f = f;
    rogue->connection = -1;
    rogue->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(rogue->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(rogue->listener, 8), 0);
    assert_int_equal(
        loop_watch_new(f->loop, rogue->listener, false, rogue_accept, rogue, &rogue->accepts), 0);
    f->client = client_new(f, f->path, "http://localhost", 1);
}

static void rogue_stop(struct rogue *rogue)
{
    rogue_hang_up(rogue);
    loop_watch_free(rogue->accepts);
    close(rogue->listener);
    assert_int_equal(unlink(rogue->f->path), 0);
}

static void a_kept_connection_that_dies_repeats_only_what_may_be_repeated(void **state)
{
    static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    static const struct {
        enum http_method method;
        size_t requests;
    } rows[] = { { HTTP_GET, 2 }, { HTTP_PUT, 2 }, { HTTP_POST, 1 }, { HTTP_PATCH, 1 } };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rogue rogue = { .say = fine };
        struct answer answer = { 0 };
        rogue_start(f, &rogue);
        send_get(f, "/warm", &answer);
        wait_for(f, &answer.done);
        assert_int_equal(answer.status, 200);
        answer_clear(&answer);
        rogue.requests = 0;
        rogue.say = NULL;
        rogue.hang_up = true; /* reads the request, and dies without a word */
        send_with(f->client, rows[i].method, "/x", rows[i].method == HTTP_GET ? NULL : "body", 5000,
                  &answer);
        wait_for(f, &answer.done);
        assert_int_equal(answer.rc, ERROR_UNAVAILABLE);
        assert_true(answer.sent);
        assert_int_equal(rogue.requests, rows[i].requests);
        http_client_free(f->client);
        f->client = NULL;
        rogue_stop(&rogue);
    }
}

static void answers_that_are_broken_are_unavailable(void **state)
{
    static const struct {
        const char *say;
        int rc;
    } rows[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", ERROR_UNAVAILABLE },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERROR_UNAVAILABLE },
        { "garbage\r\n\r\n", ERROR_UNAVAILABLE },
        { "HTTP/1.1 200 OK\r\nContent-Le", ERROR_UNAVAILABLE },
        { "HTTP/1.1 200 OK\r\nX-Whole: 1\r\n", ERROR_UNAVAILABLE },
        { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", ERROR_UNAVAILABLE },
        { "HTTP/1.1 100 Continue\r\nX-Old: 1\r\n\r\nHTTP/1.1 201 Created\r\nX-New: "
          "1\r\nContent-Length: 0\r\n\r\n",
          0 },
        { "HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 0\r\n\r\n", 0 },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rogue rogue = { .say = rows[i].say, .hang_up = true };
        struct answer answer = { 0 };
        rogue_start(f, &rogue);
        send_with(f->client, HTTP_POST, "/x", "body", 5000, &answer);
        wait_for(f, &answer.done);
        assert_int_equal(answer.rc, rows[i].rc);
        assert_true(answer.sent);
        assert_null(http_header_get(&answer.headers, "X-Old"));
        answer_clear(&answer);
        http_client_free(f->client);
        f->client = NULL;
        rogue_stop(&rogue);
    }
}

/* ---- clients that misbehave: raw bytes ---- */

static int raw_connect(struct fixture *f)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)text_copy(address.sun_path, sizeof address.sun_path, f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends, then reads until the server hangs up or `until` has come; false: it hung up. */
static bool raw_talk(struct fixture *f, int fd, const char *data, size_t size, const char *until,
                     struct buffer *out)
{
    char block[65536];
    for (int idle = 0; idle < 20000;) {
        loop_poll(f->loop);
        if (size > 0) {
            ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
            if (sent > 0) {
                data += sent;
                size -= (size_t)sent;
                continue;
            }
            if (errno != EAGAIN)
                size = 0; /* it does not listen any more: what did it say? */
        }
        ssize_t got = recv(fd, block, sizeof block, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        if (got > 0) {
            buffer_append(out, block, (size_t)got);
            idle = 0;
        } else {
            idle++;
            usleep(50);
        }
        if (until && out->size > 0 && size == 0 && strstr(out->data, until))
            return true;
    }
    fail_msg("nothing came after: %s", out->data ? out->data : "");
    return false;
}

static void hostile_requests_are_refused_without_the_handler(void **state)
{
    static const struct {
        const char *bytes, *reply;
    } rows[] = {
        { "garbage\r\n\r\n", "HTTP/1.1 400 " },
        { "\x16\x03\x01\x02\x01\xfc\x03\x03\r\n\r\n", "HTTP/1.1 400 " },
        { "GET / HTTP/9.9\r\n\r\n", "400 " },
        { "GET /\r\n\r\n", "400 " },
        { "GET / HTTP/1.1\r\nno colon here\r\n\r\n", " 400 " },
        { "GET / HTTP/1.1\r\n leading: continuation\r\n\r\n", " 400 " },
        { "BREW / HTTP/1.1\r\n\r\n", " 501 " },
        { "TRACE / HTTP/1.1\r\n\r\n", " 501 " },
        { "CONNECT x:1 HTTP/1.1\r\n\r\n", " 501 " },
        { "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", " 400 " },
        { "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", " 400 " },
        { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", " 413 " },
        { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", " 413 " },
        { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", " 413 " },
        { "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", " 400 " },
        { "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          " 400 " },
        { "HEAD / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", " 400 " },
        { "GET / HTTP/1.1\r\nExpect: the unexpected\r\nContent-Length: 1\r\n\r\nx", " 417 " },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer out = { 0 };
        int fd = raw_connect(f);
        /* the connection is closed after each of them; evhttp makes an exception for CONNECT */
        const char *until = text_starts(rows[i].bytes, "CONNECT") ? "</HTML>" : NULL;
        bool open = raw_talk(f, fd, rows[i].bytes, strlen(rows[i].bytes), until, &out);
        assert_int_equal(open, until != NULL);
        assert_non_null(out.data);
        if (!strstr(out.data, rows[i].reply))
            fail_msg("row %zu: %s", i, out.data);
        buffer_clear(&out);
        close(fd);
    }
    assert_int_equal(f->handled, 0);
}

static void caps_are_answered_by_name(void **state)
{
    static const struct {
        const char *start, *filler;
        size_t size;
        const char *end, *reply;
    } rows[] = {
        { "GET /", "a", HTTP_TARGET_MAX, " HTTP/1.1\r\n\r\n", " 414 " },
        { "GET / HTTP/1.1\r\n", "A: b\r\n", (HTTP_HEADERS_MAX + 1) * 6, "\r\n", " 431 " },
        { "GET / HTTP/1.1\r\nA: ", "a", 70000, "\r\n\r\n", " 400 " },
        { "GET /", "a", 200000, "", " 400 " },
        { "PUT / HTTP/1.1\r\nContent-Length: 9437184\r\n\r\n", "x", 9437184, "", " 413 " },
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer in = { 0 }, out = { 0 };
        int fd = raw_connect(f);
        buffer_text(&in, rows[i].start);
        for (size_t size = 0; size < rows[i].size; size += strlen(rows[i].filler))
            buffer_text(&in, rows[i].filler);
        buffer_text(&in, rows[i].end);
        (void)raw_talk(f, fd, in.data, in.size, NULL, &out);
        assert_non_null(out.data);
        if (!strstr(out.data, rows[i].reply))
            fail_msg("row %zu: %s", i, out.data);
        buffer_clear(&in);
        buffer_clear(&out);
        close(fd);
    }
    assert_int_equal(f->handled, 0);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    static const char requests[] = "GET /status/201 HTTP/1.1\r\n\r\n"
                                   "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nfirst"
                                   "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n"
                                   "GET /status/203 HTTP/1.1\r\nConnection: close\r\n\r\n";
    struct fixture *f = *state;
    struct buffer out = { 0 };
    int fd = raw_connect(f);
    assert_false(raw_talk(f, fd, requests, sizeof requests - 1, NULL, &out));
    assert_non_null(out.data);
    const char *a = out.data ? strstr(out.data, " 201 ") : NULL;
    const char *b = a ? strstr(a, "first") : NULL;
    const char *c = b ? strstr(b, "second") : NULL;
    assert_non_null(c ? strstr(c, " 203 ") : NULL);
    assert_int_equal(f->handled, 4);
    buffer_clear(&out);
    close(fd);
}

static void a_request_in_single_bytes_is_a_request(void **state)
{
    static const char request[] =
        "PUT /echo HTTP/1.1\r\nX-Tag: slow\r\nContent-Length: 4\r\n\r\nbody";
    struct fixture *f = *state;
    struct buffer out = { 0 };
    int fd = raw_connect(f);
    for (size_t i = 0; i + 1 < sizeof request; i++) {
        assert_int_equal(send(fd, &request[i], 1, MSG_NOSIGNAL), 1);
        loop_poll(f->loop);
    }
    assert_true(raw_talk(f, fd, "", 0, "\r\n\r\nbody", &out));
    assert_non_null(strstr(out.data, "X-Tag: slow"));
    buffer_clear(&out);
    close(fd);
}

static void clients_that_leave_at_any_moment_do_no_harm(void **state)
{
    static const char request[] =
        "POST /later HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody";
    struct fixture *f = *state;
    struct answer answer = { 0 };
    for (size_t cut = 0; cut <= sizeof request - 1; cut++) {
        int fd = raw_connect(f);
        assert_int_equal(send(fd, request, cut, MSG_NOSIGNAL), cut);
        if (cut % 2)
            loop_poll(f->loop);
        close(fd);
        loop_poll(f->loop);
    }
    for (int i = 0; i < 5; i++)
        loop_poll(f->loop);
    assert_int_equal(f->handled, f->waiting_count);
    assert_true(f->handled >= 1);
    release(f); /* nobody reads it */
    send_get(f, "/echo", &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

static void random_bytes_do_not_crash_the_server(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    static const char *const starts[] = { "", "GET / HTTP/1.1\r\n",
                                          "PUT /x HTTP/1.1\r\nContent-Length: 50\r\n",
                                          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" };
    for (size_t i = 0; i < 400; i++) {
        char bytes[300];
        const char *start = starts[i % COUNT(starts)];
        size_t size = random_below(sizeof bytes);
        int fd = raw_connect(f);
        random_bytes(bytes, sizeof bytes);
        for (size_t at = 0; at < size; at += 1 + random_below(40))
            bytes[at] = "\r\n: \0a1"[random_below(7)];
        (void)send(fd, start, strlen(start), MSG_NOSIGNAL);
        (void)send(fd, bytes, size, MSG_NOSIGNAL);
        loop_poll(f->loop);
        loop_poll(f->loop);
        close(fd);
        loop_poll(f->loop);
    }
    send_get(f, "/echo", &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
}

static void a_client_that_never_reads_cannot_fill_our_memory(void **state)
{
    struct fixture *f = *state;
    static char block[65536];
    size_t sent = 0;
    int fd = raw_connect(f);
    const char *request = "GET /size/1000000 HTTP/1.1\r\n\r\n";
    assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    memset(block, 'x', sizeof block);
    for (int idle = 0; idle < 50 && sent < 64 * HTTP_BODY_MAX;) {
        ssize_t size = send(fd, block, sizeof block, MSG_NOSIGNAL);
        sent += size > 0 ? (size_t)size : 0;
        idle = size > 0 ? 0 : idle + 1;
        loop_poll(f->loop);
    }
    assert_true(sent < 2 * HTTP_BODY_MAX);
    close(fd);
    for (int i = 0; i < 5; i++)
        loop_poll(f->loop);
}

static void a_server_without_descriptors_serves_those_it_has(void **state)
{
    struct fixture *f = *state;
    struct answer answer = { 0 };
    struct rlimit limit, low;
    int more[40];
    send_get(f, "/echo", &answer);
    wait_for(f, &answer.done);
    answer_clear(&answer);
    for (size_t i = 0; i < COUNT(more); i++) /* they wait to be accepted */
        more[i] = raw_connect(f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit) { (rlim_t)more[COUNT(more) - 1] + 1, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    send_get(f, "/echo", &answer);
    wait_for(f, &answer.done);
    assert_int_equal(answer.status, 200);
    answer_clear(&answer);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct buffer out = { 0 };
    const char *request = "GET /echo HTTP/1.1\r\n\r\n";
    assert_true(raw_talk(f, more[COUNT(more) - 1], request, strlen(request), "\r\n\r\n", &out));
    buffer_clear(&out);
    for (size_t i = 0; i < COUNT(more); i++)
        close(more[i]);
    for (int i = 0; i < 5; i++)
        loop_poll(f->loop);
}

static void above_its_cap_connections_wait_their_turn(void **state)
{
    struct fixture *f = *state;
    struct rlimit limit, low;
    int many[200];
    char path[96];
    (void)snprintf(path, sizeof path, "%s/few", f->folder);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit) { 600, limit.rlim_max }; /* connections leave 256 of them */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct http_server *server = NULL;
    assert_int_equal(http_server_new(f->loop, on_request, f, &server, NULL), 0);
    assert_int_equal(http_server_listen_unix(server, path, NULL), 0);
    (void)text_copy(f->path, sizeof f->path, path);
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = raw_connect(f);
    for (int i = 0; i < 50; i++)
        loop_poll(f->loop);
    int next = dup(0); /* far fewer than 200 more were accepted */
    assert_in_range(next, 200, 600 - 256 + 2);
    close(next);
    const char *request = "GET /echo HTTP/1.1\r\n\r\n";
    struct buffer out = { 0 };
    for (size_t i = 0; i + 1 < COUNT(many); i++)
        close(many[i]);
    assert_true(raw_talk(f, many[COUNT(many) - 1], request, strlen(request), "\r\n\r\n", &out));
    buffer_clear(&out);
    close(many[COUNT(many) - 1]);
    http_server_free(server);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

#define BARE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define UNIX(test) cmocka_unit_test_setup_teardown(test, setup_unix, teardown)
#define TCP(test) cmocka_unit_test_setup_teardown(test, setup_tcp, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIX(carries_each_method_with_headers_and_body),
        TCP(carries_each_method_with_headers_and_body),
        UNIX(carries_the_target_as_it_is),
        UNIX(an_absolute_target_goes_through_the_same_socket),
        UNIX(carries_statuses_and_follows_no_redirect),
        UNIX(head_tells_the_length_without_the_body),
        UNIX(carries_large_bodies_both_ways),
        TCP(carries_large_bodies_both_ways),
        UNIX(two_thousand_at_once_all_come_back),
        TCP(two_thousand_at_once_all_come_back),
        UNIX(late_answers_find_their_request),
        UNIX(the_kernel_says_who_calls_over_a_unix_socket),
        TCP(a_tcp_peer_has_an_address),
        BARE(a_stale_socket_is_replaced_and_a_live_one_is_not),
        BARE(a_file_in_the_way_is_not_removed),
        UNIX(a_cancelled_exchange_does_not_call_back),
        UNIX(a_client_that_goes_drops_what_is_in_flight),
        TCP(a_client_that_goes_drops_what_is_in_flight),
        UNIX(a_server_that_goes_drops_what_it_owes),
        TCP(a_server_that_goes_drops_what_it_owes),
        UNIX(a_callback_may_free_the_client),
        BARE(nobody_there_means_unavailable_and_not_sent),
        TCP(a_refused_connection_means_unavailable_and_not_sent),
        UNIX(time_runs_out_in_flight_and_in_the_queue),
        UNIX(an_answer_that_is_too_large_is_refused),
        UNIX(a_target_that_would_break_the_message_is_refused),
        BARE(a_kept_connection_that_dies_repeats_only_what_may_be_repeated),
        BARE(answers_that_are_broken_are_unavailable),
        UNIX(hostile_requests_are_refused_without_the_handler),
        UNIX(caps_are_answered_by_name),
        UNIX(pipelined_requests_are_answered_in_order),
        UNIX(a_request_in_single_bytes_is_a_request),
        UNIX(clients_that_leave_at_any_moment_do_no_harm),
        UNIX(random_bytes_do_not_crash_the_server),
        UNIX(a_client_that_never_reads_cannot_fill_our_memory),
        UNIX(a_server_without_descriptors_serves_those_it_has),
        UNIX(above_its_cap_connections_wait_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
