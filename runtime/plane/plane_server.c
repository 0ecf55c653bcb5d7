/* plane_server.c - HTTP in, plane_handle(), HTTP out. */
#include "plane/plane_server.h"

#include <unistd.h>
#include <utlist.h>

#include "arm/arm_error.h"
#include "net/http_server.h"

/* One request that the plane has. */
struct pending {
    struct plane_server *server;
    struct http_reply *reply;
    uint64_t ticket;
    struct pending *prev, *next;
};

struct plane_server {
    struct loop *loop;
    struct plane *plane;
    struct plane_server_options options;
    struct http_server *http;
    struct loop_timer *timer; /* looks for idleness; NULL: not asked for */
    struct pending *pending;
    int64_t last_ms; /* when the last request came or was answered */
};

static void on_answer(struct http_response *response, void *arg)
{
    struct pending *pending = arg;
    struct plane_server *server = pending->server;
    server->last_ms = loop_now_ms(server->loop);
    http_reply_send(pending->reply, response);
    DL_DELETE(server->pending, pending);
    free(pending);
}

static void refuse(struct http_reply *reply, int status, const char *code, const char *message)
{
    struct http_response response = { 0 };
    arm_error_write(&response, status, code, NULL, "%s", message);
    http_reply_send(reply, &response);
}

static void on_request(struct http_reply *reply, const struct http_request *request,
                       const struct http_peer *peer, void *arg)
{
    struct plane_server *server = arg;
    struct plane_caller owner = { NULL };
    server->last_ms = loop_now_ms(server->loop);
    if (!peer->local || (peer->uid != geteuid() && peer->uid != 0)) {
        refuse(reply, 403, "AuthorizationFailed",
               "This plane belongs to another user of this machine.");
        return;
    }
    struct pending *pending = calloc(1, sizeof *pending);
    if (!pending) {
        refuse(reply, 500, "InternalServerError", "no memory");
        return;
    }
    pending->server = server;
    pending->reply = reply;
    DL_APPEND(server->pending, pending);
    plane_handle(server->plane, &owner, request, on_answer, pending, &pending->ticket);
}

/* Looks again when the span since the last request is over. */
static void on_timer(void *arg)
{
    struct plane_server *server = arg;
    int64_t quiet = loop_now_ms(server->loop) - server->last_ms;
    bool busy = server->pending || plane_busy(server->plane) > 0;
    if (!busy && quiet >= server->options.idle_ms) {
        server->last_ms = loop_now_ms(server->loop);
        (void)loop_timer_set(server->timer, server->options.idle_ms);
        server->options.idle(server->options.idle_arg);
        return;
    }
    if (busy) { /* what is done now counts as a request */
        log_line(server->options.log, LOG_DEBUG, "not idle: instances run, or requests wait");
        server->last_ms = loop_now_ms(server->loop);
        quiet = 0;
    }
    (void)loop_timer_set(server->timer, server->options.idle_ms - quiet);
}

int plane_server_new(struct loop *loop, struct plane *plane,
                     const struct plane_server_options *options, struct plane_server **out,
                     struct error *err)
{
    struct plane_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a server");
    server->loop = loop;
    server->plane = plane;
    if (options)
        server->options = *options;
    server->last_ms = loop_now_ms(loop);
    int rc = http_server_new(loop, on_request, server, &server->http, err);
    if (rc == 0 && server->options.idle_ms > 0 && server->options.idle) {
        rc = loop_timer_new(loop, on_timer, server, &server->timer);
        if (rc == 0)
            rc = loop_timer_set(server->timer, server->options.idle_ms);
        if (rc < 0)
            error_set(err, rc, "no memory for a timer");
    }
    if (rc < 0) {
        plane_server_free(server);
        return rc;
    }
    *out = server;
    return 0;
}

void plane_server_free(struct plane_server *server)
{
    if (!server)
        return;
    struct pending *pending, *next;
    DL_FOREACH_SAFE(server->pending, pending, next)
    {
        plane_forget(server->plane, pending->ticket);
        DL_DELETE(server->pending, pending);
        free(pending);
    }
    loop_timer_free(server->timer);
    http_server_free(server->http);
    free(server);
}

int plane_server_listen_unix(struct plane_server *server, const char *path, struct error *err)
{
    int rc = http_server_listen_unix(server->http, path, err);
    if (rc == 0)
        log_line(server->options.log, LOG_INFO, "listening on %s", path);
    return rc;
}
