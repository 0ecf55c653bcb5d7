/* bench_server.c - two HTTP servers on loopback that answer with the same bytes: a bare libevent
 * server, and a plane behind our server.  tests/bench/run puts the same load on both.
 *
 *   bench_server bare|plane      prints the port and the path, then serves until standard input
 * ends */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/text.h"
#include "net/http_server.h"
#include "plane/plane.h"

#define COMPUTES                                                                                   \
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/moonfleet/providers/"      \
    "Microsoft.MachineLearningServices/workspaces/ds-workspace/computes/"
#define TARGET COMPUTES "bench-one?api-version=2024-10-01"

static const char body[] =
    "{\"location\":\"westeurope\",\"tags\":{\"team\":\"bench\"},\"properties\":{\"computeType\":"
    "\"ComputeInstance\",\"properties\":{\"vmSize\":\"STANDARD_DS3_V2\"}}}";

struct bench {
    struct loop *loop;
    struct plane *plane;
    struct http_response answer; /* of the plane, kept for the bare server */
    bool answered;
};

_Noreturn static void die(const struct error *err)
{
    (void)fprintf(stderr, "bench_server: %s\n", err->message);
    exit(1);
}

static void keep(struct http_response *response, void *arg)
{
    struct bench *bench = arg;
    http_response_clear(&bench->answer);
    bench->answer = *response;
    *response = (struct http_response) { 0 };
    bench->answered = true;
}

/* One request to the plane, without any server. */
static void ask(struct bench *bench, enum http_method method, const char *text)
{
    struct plane_caller owner = { 0 };
    struct http_request request = { .method = method, .target = text_format("%s", TARGET) };
    buffer_text(&request.body, text);
    bench->answered = false;
    plane_handle(bench->plane, &owner, &request, keep, bench, NULL);
    (void)loop_run_until(bench->loop, &bench->answered);
    http_request_clear(&request);
}

static void send_answer(struct http_response *response, void *arg)
{
    http_reply_send(arg, response);
}

static void on_plane_request(struct http_reply *reply, const struct http_request *request,
                             const struct http_peer *peer, void *arg)
{
    struct bench *bench = arg;
    struct plane_caller owner = { 0 };
    (void)peer;
    plane_handle(bench->plane, &owner, request, send_answer, reply, NULL);
}

/* The peer: what a server that does nothing else would do with libevent. */
static void on_bare_request(struct evhttp_request *request, void *arg)
{
    struct bench *bench = arg;
    struct evbuffer *out = evbuffer_new();
    for (size_t i = 0; i < bench->answer.headers.count; i++)
        evhttp_add_header(evhttp_request_get_output_headers(request),
                          bench->answer.headers.items[i].name,
                          bench->answer.headers.items[i].value);
    evbuffer_add_reference(out, bench->answer.body.data, bench->answer.body.size, NULL, NULL);
    evhttp_send_reply(request, 200, "OK", out);
    evbuffer_free(out);
}

static void on_input(void *arg)
{
    char c;
    if (read(STDIN_FILENO, &c, 1) <= 0)
        loop_stop(arg);
}

static void serve_bare(struct bench *bench)
{
    struct evhttp *http = evhttp_new(loop_base(bench->loop));
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    struct sockaddr_in address = { 0 };
    socklen_t size = sizeof address;
    if (!bound || getsockname(evhttp_bound_socket_get_fd(bound), (void *)&address, &size) < 0)
        exit(1);
    evhttp_set_gencb(http, on_bare_request, bench);
    printf("%d %s\n", ntohs(address.sin_port), TARGET);
    (void)fflush(stdout);
    loop_run(bench->loop);
    evhttp_free(http);
}

static void serve_plane(struct bench *bench)
{
    struct error err = { 0 };
    struct http_server *server = NULL;
    int port = 0;
    if (http_server_new(bench->loop, on_plane_request, bench, &server, &err) < 0 ||
        http_server_listen_tcp(server, "127.0.0.1", 0, &port, &err) < 0)
        die(&err);
    printf("%d %s\n", port, TARGET);
    (void)fflush(stdout);
    loop_run(bench->loop);
    http_server_free(server);
}

int main(int argc, char **argv)
{
    static const struct simulated_options simulated = { 0 };
    struct error err = { 0 };
    struct bench bench = { 0 };
    struct driver *driver = NULL;
    struct loop_watch *input = NULL;

    if (argc != 2 || (!text_equal(argv[1], "bare") && !text_equal(argv[1], "plane"))) {
        (void)fprintf(stderr, "usage: bench_server bare|plane\n");
        return 64;
    }
    if (loop_new(clock_real(), &bench.loop, &err) < 0 ||
        driver_simulated_new(bench.loop, &simulated, &driver, &err) < 0)
        die(&err);
    struct plane_options options = { .loop = bench.loop, .driver = driver };
    if (plane_new(&options, &bench.plane, &err) < 0 ||
        loop_watch_new(bench.loop, STDIN_FILENO, false, on_input, bench.loop, &input) < 0)
        die(&err);
    ask(&bench, HTTP_PUT, body);
    ask(&bench, HTTP_GET, "");
    if (bench.answer.status != 200)
        return 1;
    if (text_equal(argv[1], "bare"))
        serve_bare(&bench);
    else
        serve_plane(&bench);
    loop_watch_free(input);
    http_response_clear(&bench.answer);
    plane_free(bench.plane);
    driver_free(driver);
    loop_free(bench.loop);
    return 0;
}
