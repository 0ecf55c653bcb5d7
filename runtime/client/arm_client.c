/* arm_client.c - the life of calls: the queue, the wire, the timer.
 *
 * A call is in one of four states: QUEUED for a place on the wire, IN_FLIGHT, WAITING for its time
 * (a backoff, the next poll), HANDLING a reply.  The client owns its calls, a call owns everything
 * it points to.  One timer a call serves both the waiting and the deadline.  While it waits, a call
 * holds no reply and no error: only what it takes to send the next request. */
#include "client/arm_client.h"

#include <openssl/crypto.h>
#include <utlist.h>

#include "base/random.h"
#include "base/text.h"
#include "client/arm_call.h"
#include "client/url.h"

#define RETRIES_DEFAULT 6
#define BACKOFF_FIRST_DEFAULT_MS 500
#define IN_FLIGHT_DEFAULT 64
/* One request: ARM's own providers have 60 s, a held poll has 20. */
#define ATTEMPT_TIMEOUT_MS 120000

/* ---- making and ending calls ---- */

static void wipe_free(char *secret)
{
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

static void call_free(struct arm_call *call)
{
    loop_timer_free(call->timer);
    free(call->first_target);
    free(call->target);
    free(call->origin);
    free(call->settle_target);
    free(call->seen_link);
    free(call->body);
    free(call->refusal);
    wipe_free(call->token);
    cJSON_Delete(call->items);
    free(call);
}

/* Takes the call out of everything that may come back to it. */
static void detach(struct arm_call *call)
{
    struct arm_client *client = call->client;
    if (call->state == CALL_QUEUED)
        DL_DELETE(client->queue, call);
    if (call->state == CALL_IN_FLIGHT) {
        client->transport->ops->cancel(client->transport, call->exchange);
        client->in_flight--;
        client->held -= call->held;
    }
    if (call->timer)
        loop_timer_stop(call->timer);
    call->state = CALL_HANDLING;
    DL_DELETE2(client->calls, call, all_prev, all_next);
}

void arm_call_drop(struct arm_call *call)
{
    detach(call);
    call_free(call);
}

void arm_call_finish(struct arm_call *call, int rc, struct arm_reply *reply, struct error *err)
{
    struct arm_reply none = { 0 };
    if (!reply)
        reply = &none;
    reply->attempts = call->attempts;
    reply->polls = call->polls;
    if (rc < 0 && !err->target[0]) {
        (void)text_copy(err->target, sizeof err->target, call->first_target);
        err->target[strcspn(err->target, "?")] = '\0'; /* a query may hold a signature */
    }
    detach(call);
    call->done(rc, reply, err, call->arg);
    cJSON_Delete(reply->body);
    call_free(call);
}

void arm_call_finish_no_memory(struct arm_call *call)
{
    struct error err = { 0 };
    arm_call_finish(call, error_set(&err, ERROR_NO_MEMORY, "out of memory"), NULL, &err);
}

/* ---- the timer ---- */

static void finish_late(struct arm_call *call)
{
    struct error err = { 0 };
    const char *method = http_method_name(call->first_method);
    int path_size = (int)strcspn(call->first_target, "?");
    error_set(&err, ERROR_TIMEOUT, "%s %.*s: not done in time%s", method, path_size,
              call->first_target,
              call->phase == PHASE_POLL ? "; the operation was accepted and goes on" : "");
    err.status = call->last_status;
    arm_call_finish(call, ERROR_TIMEOUT, NULL, &err);
}

static int arm_timer(struct arm_call *call);

static void on_timer(void *arg)
{
    struct arm_call *call = arg;
    int64_t now_ms = loop_now_ms(call->client->loop);
    if (call->deadline_ms && now_ms >= call->deadline_ms)
        finish_late(call);
    else if (call->state == CALL_WAITING && now_ms >= call->wake_ms)
        arm_call_enqueue(call);
    else if (arm_timer(call) < 0)
        arm_call_finish_no_memory(call);
}

/* Sets the timer to whatever comes first: the end of a wait, or the deadline. */
static int arm_timer(struct arm_call *call)
{
    int64_t at_ms = call->deadline_ms;
    if (call->state == CALL_WAITING && (!at_ms || call->wake_ms < at_ms))
        at_ms = call->wake_ms;
    if (at_ms == 0) {
        if (call->timer)
            loop_timer_stop(call->timer);
        return 0;
    }
    struct loop *loop = call->client->loop;
    if (!call->timer && loop_timer_new(loop, on_timer, call, &call->timer) < 0)
        return ERROR_NO_MEMORY;
    int64_t delay_ms = at_ms - loop_now_ms(loop);
    return loop_timer_set(call->timer, delay_ms > 0 ? delay_ms : 0);
}

/* Comes back to the queue after `delay_ms`. */
void arm_call_wait(struct arm_call *call, int64_t delay_ms)
{
    if (delay_ms <= 0) {
        arm_call_enqueue(call);
        return;
    }
    call->state = CALL_WAITING;
    call->wake_ms = loop_now_ms(call->client->loop) + delay_ms;
    if (arm_timer(call) < 0)
        arm_call_finish_no_memory(call);
}

/* ---- the wire ---- */

static void on_reply(int rc, struct http_response *response, bool sent, const struct error *err,
                     void *arg);

static int add_headers(const struct arm_call *call, struct http_headers *headers)
{
    const struct arm_client *client = call->client;
    const char *token = call->token ? call->token : call->origin ? NULL : client->token;
    char request_id[UUID_TEXT_SIZE];
    uuid_make(request_id);
    const struct {
        const char *name, *value;
    } rows[] = {
        { "Accept", call->raw ? "*/*" : "application/json" },
        { "User-Agent", "moonfleet/" MOONFLEET_VERSION },
        { "x-ms-client-request-id", request_id },
        { "Authorization", token },
        { "x-moonfleet-as", call->origin ? NULL : client->as_principal },
        { "Content-Type", call->body ? "application/json" : NULL },
    };
    int rc = 0;
    for (size_t i = 0; i < COUNT(rows) && rc == 0; i++)
        rc = rows[i].value ? http_header_add(headers, rows[i].name, rows[i].value) : 0;
    if (rc == 0 && call->held)
        rc = http_header_format(headers, "Prefer", "wait=%d", API_PREFER_WAIT_S);
    return rc;
}

static void wipe_token(const struct http_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        if (text_equal(headers->items[i].name, "Authorization"))
            OPENSSL_cleanse(headers->items[i].value, strlen(headers->items[i].value));
}

/* May this request ask the plane to hold its reply? */
static bool may_hold(const struct arm_call *call)
{
    const struct arm_client *client = call->client;
    return call->phase == PHASE_POLL && client->holds[call->way] != HOLDS_NO &&
           client->held < client->held_max;
}

static void count_request(struct arm_call *call)
{
    struct arm_client *client = call->client;
    client->stats.requests++;
    client->stats.retries += call->retries > 0;
    client->stats.polls += call->phase != PHASE_REQUEST;
    if (call->phase == PHASE_REQUEST)
        call->attempts++;
    else
        call->polls++;
}

/* Sends what the call asks for next; ends the call when that cannot be. */
static void send_next(struct arm_call *call)
{
    struct arm_client *client = call->client;
    struct error err = { 0 };
    call->held = may_hold(call);
    struct http_request request = { .method = call->method, .target = call->target };
    /* Borrowed: the request only lives until it was handed over. */
    request.body.data = call->body;
    request.body.size = call->body_size;
    int rc = add_headers(call, &request.headers);
    if (rc < 0)
        error_set(&err, rc, "a header of the request could not be made");
    else
        rc = client->transport->ops->send(client->transport, &request, ATTEMPT_TIMEOUT_MS, on_reply,
                                          call, &call->exchange, &err);
    wipe_token(&request.headers);
    http_headers_clear(&request.headers);
    if (rc < 0) {
        call->state = CALL_HANDLING;
        arm_call_finish(call, rc, NULL, &err);
        return;
    }
    count_request(call);
    call->state = CALL_IN_FLIGHT;
    call->sent_ms = loop_now_ms(client->loop);
    client->in_flight++;
    client->held += call->held;
}

static void pump(void *arg)
{
    struct arm_client *client = arg;
    client->pump_posted = false;
    while (client->queue && client->in_flight < client->in_flight_max) {
        struct arm_call *call = client->queue;
        DL_DELETE(client->queue, call);
        call->state = CALL_HANDLING;
        send_next(call);
    }
}

static int post_pump(struct arm_client *client)
{
    if (client->pump_posted || !client->queue || client->in_flight >= client->in_flight_max)
        return 0;
    int rc = loop_post(client->loop, pump, client);
    client->pump_posted = rc == 0;
    return rc;
}

void arm_call_enqueue(struct arm_call *call)
{
    struct arm_client *client = call->client;
    call->state = CALL_QUEUED;
    DL_APPEND(client->queue, call);
    if (arm_timer(call) < 0)
        arm_call_finish_no_memory(call);
    if (post_pump(client) < 0)
        pump(client); /* we are in the loop: only slower to get back to it */
}

static void on_reply(int rc, struct http_response *response, bool sent, const struct error *err,
                     void *arg)
{
    struct arm_call *call = arg;
    struct arm_client *client = call->client;
    call->state = CALL_HANDLING;
    call->exchange = NULL;
    client->in_flight--;
    client->held -= call->held;
    arm_call_read(call, rc, response, sent, err);
    if (post_pump(client) < 0)
        pump(client);
}

/* ---- starting a call ---- */

static void add_query(struct buffer *target, const char *text)
{
    buffer_char(target, target->data && strchr(target->data, '?') ? '&' : '?');
    buffer_text(target, text);
}

/* Path, version and further query as one target. `path_size` bytes of the path count. */
static int make_target(const struct arm_request *request, size_t path_size, const char *query,
                       char **out, struct error *err)
{
    const char *path = request->path;
    struct buffer target = { .max = HTTP_TARGET_MAX };
    char *part = text_dup_size(path, path_size);
    if (!part)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    if (url_is_absolute(path) || strchr(path, '?'))
        buffer_text(&target, part);
    else
        http_encode(&target, part, true);
    free(part);
    if (request->api_version) {
        add_query(&target, "api-version=");
        buffer_text(&target, request->api_version);
    }
    if (query)
        add_query(&target, query);
    char *text = NULL;
    int rc = buffer_detach(&target, &text, NULL, err);
    if (rc == 0)
        rc = url_clean(text, out, err);
    free(text);
    return rc;
}

/* Where an absolute URL of the caller's own leads, and which token may go there. */
static int settle_origin(struct arm_call *call, struct error *err)
{
    const char *own = call->client->transport->origin;
    if (url_is_absolute(call->target) && !own) {
        const char *target = url_target(call->target);
        char *copy = target ? strdup(target) : NULL;
        if (!copy)
            return error_set(err, target ? ERROR_NO_MEMORY : ERROR_INVALID, "no path in %.200s",
                             call->target);
        free(call->target);
        call->target = copy;
    } else if (url_is_absolute(call->target)) {
        int rc = url_origin(call->target, &call->origin, err);
        if (rc < 0)
            return rc;
        if (text_equal(call->origin, own)) {
            free(call->origin);
            call->origin = NULL;
        }
    } else if (call->target[0] != '/') {
        return error_set(err, ERROR_INVALID, "%.200s is not a path", call->target);
    }
    const char *origin = call->origin ? call->origin : own;
    bool secret = call->token || (!call->origin && call->client->token);
    if (secret && !url_origin_is_private(origin))
        return error_set(err, ERROR_DENIED, "%s is not https: a token does not go there", origin);
    return 0;
}

static int copy_body(struct arm_call *call, const cJSON *body, struct error *err)
{
    struct buffer text = { .max = HTTP_BODY_MAX };
    if (!body)
        return 0;
    json_print(body, false, &text);
    return buffer_detach(&text, &call->body, &call->body_size, err);
}

/* Puts "Bearer <token>" into *out, refusing what could break out of a header. */
static int copy_token(const char *token, char **out, struct error *err)
{
    if (!token)
        return 0;
    for (const char *c = token; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            return error_set(err, ERROR_INVALID, "a token with a blank or a control character");
    *out = text_format("Bearer %s", token);
    return *out ? 0 : error_set(err, ERROR_NO_MEMORY, "out of memory");
}

static size_t settle_path_size(const struct arm_request *request)
{
    const char *slash = strrchr(request->path, '/');
    bool action = request->method == HTTP_POST && slash;
    return action ? (size_t)(slash - request->path) : strlen(request->path);
}

static int fill_call(struct arm_call *call, const struct arm_request *request, struct error *err)
{
    bool repeatable = request->method != HTTP_POST && request->method != HTTP_PATCH;
    call->method = call->first_method = request->method;
    call->follow = request->follow;
    call->idempotent = repeatable || request->idempotent;
    call->raw = request->raw;
    call->on_page = request->on_page;
    call->settled = request->settled;
    if (request->timeout_ms > 0)
        call->deadline_ms = loop_now_ms(call->client->loop) + request->timeout_ms;
    int rc = make_target(request, strlen(request->path), request->query, &call->target, err);
    if (rc == 0 && request->settled)
        rc = make_target(request, settle_path_size(request), NULL, &call->settle_target, err);
    if (rc == 0)
        rc = copy_token(request->token, &call->token, err);
    if (rc == 0)
        rc = settle_origin(call, err);
    if (rc == 0)
        rc = copy_body(call, request->body, err);
    if (rc == 0 && !(call->first_target = strdup(call->target)))
        rc = error_set(err, ERROR_NO_MEMORY, "out of memory");
    return rc;
}

int arm_send(struct arm_client *client, const struct arm_request *request, arm_done_fn *done,
             void *arg, struct arm_call **out_call, struct error *err)
{
    struct arm_call *call = calloc(1, sizeof *call);
    if (!call)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    call->client = client;
    call->done = done;
    call->arg = arg;
    call->state = CALL_QUEUED;
    int rc = fill_call(call, request, err);
    if (rc == 0 && arm_timer(call) < 0)
        rc = error_set(err, ERROR_NO_MEMORY, "out of memory");
    if (rc < 0) {
        call_free(call);
        return error_wrap(err, rc, "%s %.300s", http_method_name(request->method), request->path);
    }
    DL_APPEND(client->queue, call);
    DL_APPEND2(client->calls, call, all_prev, all_next);
    if (post_pump(client) < 0) {
        arm_call_drop(call);
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    if (out_call)
        *out_call = call;
    return 0;
}

void arm_call_cancel(struct arm_call *call)
{
    if (!call)
        return;
    if (call->state == CALL_HANDLING) { /* from inside its own on_page */
        call->cancelled = true;
        return;
    }
    struct arm_client *client = call->client;
    arm_call_drop(call);
    (void)post_pump(client); /* its place may be another's; else the next reply pumps */
}

/* ---- one call for a command ---- */

struct waiter {
    bool done;
    int rc;
    cJSON *body;
    struct error *err;
};

static void on_waited(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct waiter *waiter = arg;
    waiter->done = true;
    waiter->rc = rc;
    waiter->body = reply->body;
    reply->body = NULL;
    if (rc < 0 && waiter->err)
        *waiter->err = *err;
}

int arm_wait(struct arm_client *client, const struct arm_request *request, cJSON **out_body,
             struct error *err)
{
    struct waiter waiter = { .err = err };
    struct arm_call *call = NULL;
    int rc = arm_send(client, request, on_waited, &waiter, &call, err);
    if (rc < 0)
        return rc;
    int ran = loop_run_until(client->loop, &waiter.done);
    if (!waiter.done) {
        arm_call_cancel(call);
        return ran < 0
                   ? error_set(err, ran, "%.300s: nothing is left that could answer", request->path)
                   : error_set(err, ERROR_CANCELLED, "%.300s: interrupted", request->path);
    }
    if (waiter.rc == 0 && out_body)
        *out_body = waiter.body;
    else
        cJSON_Delete(waiter.body);
    return waiter.rc;
}

/* ---- the client ---- */

int arm_client_new(struct loop *loop, const struct arm_client_options *options,
                   struct arm_client **out, struct error *err)
{
    struct arm_client *client = calloc(1, sizeof *client);
    if (!client)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    client->loop = loop;
    client->transport = options->transport;
    client->retries_max = options->retries_max ? options->retries_max : RETRIES_DEFAULT;
    client->backoff_first_ms =
        options->backoff_first_ms > 0 ? options->backoff_first_ms : BACKOFF_FIRST_DEFAULT_MS;
    client->in_flight_max = options->in_flight_max > 0 ? options->in_flight_max : IN_FLIGHT_DEFAULT;
    client->held_max = client->in_flight_max * 3 / 4;
    client->holds[OPERATION_RESOURCE] = HOLDS_NO; /* a resource is no status: nothing to hold for */
    int rc = copy_token(options->token, &client->token, err);
    if (rc == 0 && options->as_principal && !(client->as_principal = strdup(options->as_principal)))
        rc = error_set(err, ERROR_NO_MEMORY, "out of memory");
    if (rc < 0) {
        arm_client_free(client);
        return rc;
    }
    *out = client;
    return 0;
}

void arm_client_free(struct arm_client *client)
{
    if (!client)
        return;
    struct arm_call *call, *next;
    DL_FOREACH_SAFE2(client->calls, call, next, all_next)
    {
        arm_call_drop(call);
    }
    loop_unpost(client->loop, client);
    wipe_free(client->token);
    free(client->as_principal);
    free(client);
}

struct loop *arm_client_loop(struct arm_client *client)
{
    return client->loop;
}

struct arm_client_stats arm_client_stats(const struct arm_client *client)
{
    return client->stats;
}
