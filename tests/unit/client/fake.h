/* fake.h - a transport that plays a script, on a virtual clock: the client under test is real, what
 * carries its requests is not.  Every request is written down with the time it was made at. */
#ifndef TESTS_CLIENT_FAKE_H
#define TESTS_CLIENT_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <utlist.h>

#include "base/text.h"
#include "client/arm_client.h"

#define FAKE_EPOCH_MS 1795255200000 /* a wall time for dates in headers */

/* What one request is answered. */
struct answer {
    int rc; /* < 0: the transport's failure, `sent` says how far it came */
    bool sent;
    bool never; /* no answer at all, until it is cancelled */
    int status;
    const char *headers[9]; /* name, value, name, value, … */
    const char *body;       /* borrowed; NULL: none */
    char *owned_body;       /* freed once it was given */
    int64_t delay_ms;
};

/* What was asked. */
struct asked {
    enum http_method method;
    char *target, *prefer, *authorization, *as, *request_id, *agent, *type, *body;
    int64_t at_ms;
};

struct fake;
typedef void fake_fn(struct fake *fake, const struct asked *asked, struct answer *out, void *arg);

struct fake_exchange {
    struct fake *fake;
    struct answer answer;
    http_done_fn *done;
    void *arg;
    struct loop_timer *timer;
    struct fake_exchange *prev, *next;
};

struct fake {
    struct transport base;
    struct clock clock;
    struct loop *loop;
    struct arm_client *client;
    fake_fn *fn; /* or a list of answers: */
    void *arg;
    const struct answer *answers;
    size_t answers_count;
    bool forgetful; /* requests are not written down: for very many */
    struct asked *asked;
    size_t asked_count;
    struct fake_exchange *exchanges;
    int in_flight, in_flight_most, cancelled;
};

static inline char *fake_copy(const struct http_request *request, const char *name)
{
    const char *value = http_header_get(&request->headers, name);
    return value ? strdup(value) : NULL;
}

static inline void fake_clear_asked(struct asked *asked)
{
    free(asked->target);
    free(asked->prefer);
    free(asked->authorization);
    free(asked->as);
    free(asked->request_id);
    free(asked->agent);
    free(asked->type);
    free(asked->body);
}

static inline void fake_drop(struct fake_exchange *exchange)
{
    DL_DELETE(exchange->fake->exchanges, exchange);
    exchange->fake->in_flight--;
    loop_timer_free(exchange->timer);
    free(exchange->answer.owned_body);
    free(exchange);
}

static inline void fake_fire(void *arg)
{
    struct fake_exchange *exchange = arg;
    struct answer answer = exchange->answer;
    http_done_fn *done = exchange->done;
    void *done_arg = exchange->arg;
    exchange->answer.owned_body = NULL;
    fake_drop(exchange);
    struct error err = { 0 };
    struct http_response response = { .status = answer.status };
    if (answer.rc < 0) {
        error_set(&err, answer.rc, "the wire broke");
        done(answer.rc, NULL, answer.sent, &err, done_arg);
        return;
    }
    for (size_t i = 0; answer.headers[i]; i += 2)
        assert_int_equal(
            http_header_add(&response.headers, answer.headers[i], answer.headers[i + 1]), 0);
    const char *body = answer.owned_body ? answer.owned_body : answer.body;
    if (body)
        buffer_text(&response.body, body);
    done(0, &response, true, NULL, done_arg);
    http_response_clear(&response);
    free(answer.owned_body);
}

static inline int fake_send(struct transport *transport, const struct http_request *request,
                            int64_t timeout_ms, http_done_fn *done, void *arg, void **out_exchange,
                            struct error *err)
{
    struct fake *fake = (struct fake *)transport;
    (void)timeout_ms, (void)err;
    struct asked asked = { .method = request->method,
                           .target = strdup(request->target),
                           .prefer = fake_copy(request, "Prefer"),
                           .authorization = fake_copy(request, "Authorization"),
                           .as = fake_copy(request, "x-moonfleet-as"),
                           .request_id = fake_copy(request, "x-ms-client-request-id"),
                           .agent = fake_copy(request, "User-Agent"),
                           .type = fake_copy(request, "Content-Type"),
                           .body = text_dup_size(request->body.size ? request->body.data : "",
                                                 request->body.size),
                           .at_ms = loop_now_ms(fake->loop) };
    struct fake_exchange *exchange = calloc(1, sizeof *exchange);
    *exchange = (struct fake_exchange) { .fake = fake, .done = done, .arg = arg };
    if (fake->fn) {
        fake->fn(fake, &asked, &exchange->answer, fake->arg);
    } else {
        assert_true(fake->asked_count < fake->answers_count); /* asked more often than scripted */
        exchange->answer = fake->answers[fake->asked_count];
    }
    if (fake->forgetful) {
        fake_clear_asked(&asked);
    } else {
        fake->asked = realloc(fake->asked, (fake->asked_count + 1) * sizeof asked);
        fake->asked[fake->asked_count] = asked;
    }
    fake->asked_count++;
    DL_APPEND(fake->exchanges, exchange);
    if (++fake->in_flight > fake->in_flight_most)
        fake->in_flight_most = fake->in_flight;
    if (!exchange->answer.never) {
        assert_int_equal(loop_timer_new(fake->loop, fake_fire, exchange, &exchange->timer), 0);
        loop_timer_set(exchange->timer, exchange->answer.delay_ms);
    }
    *out_exchange = exchange;
    return 0;
}

static inline void fake_cancel(struct transport *transport, void *exchange)
{
    ((struct fake *)transport)->cancelled++;
    fake_drop(exchange);
}

static inline void fake_free(struct transport *transport)
{
    (void)transport;
}

/* Options may be NULL; the transport in it is set here. */
static inline void fake_start(struct fake *fake, const struct arm_client_options *options,
                              const char *origin)
{
    static const struct transport_ops ops = { fake_send, fake_cancel, fake_free };
    struct arm_client_options used = options ? *options : (struct arm_client_options) { 0 };
    struct error err = { 0 };
    *fake = (struct fake) { .base = { .ops = &ops, .origin = origin } };
    clock_init_virtual(&fake->clock, FAKE_EPOCH_MS);
    assert_int_equal(loop_new(&fake->clock, &fake->loop, &err), 0);
    used.transport = &fake->base;
    assert_int_equal(arm_client_new(fake->loop, &used, &fake->client, &err), 0);
}

static inline void fake_script(struct fake *fake, const struct answer *answers, size_t count)
{
    fake->answers = answers;
    fake->answers_count = count;
}

static inline void fake_stop(struct fake *fake)
{
    arm_client_free(fake->client);
    assert_int_equal(fake->in_flight, 0);
    for (size_t i = 0; !fake->forgetful && i < fake->asked_count; i++)
        fake_clear_asked(&fake->asked[i]);
    free(fake->asked);
    loop_free(fake->loop);
}

/* ---- one call and how it ended ---- */

struct ended {
    bool done;
    int calls; /* of the callback */
    int rc, status, attempts, polls;
    cJSON *body;
    char *text;
    struct error err;
};

static inline void on_ended(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct ended *ended = arg;
    ended->done = true;
    ended->calls++;
    ended->rc = rc;
    ended->status = reply->status;
    ended->attempts = reply->attempts;
    ended->polls = reply->polls;
    ended->body = reply->body;
    reply->body = NULL;
    ended->text = reply->text ? strdup(reply->text) : NULL;
    if (rc < 0)
        ended->err = *err;
}

static inline void ended_clear(struct ended *ended)
{
    cJSON_Delete(ended->body);
    free(ended->text);
    *ended = (struct ended) { 0 };
}

/* Sends and runs the loop until the call has ended. */
static inline void fake_run(struct fake *fake, const struct arm_request *request,
                            struct ended *ended)
{
    struct error err = { 0 };
    *ended = (struct ended) { 0 };
    assert_int_equal(arm_send(fake->client, request, on_ended, ended, NULL, &err), 0);
    assert_false(ended->done); /* never from inside arm_send() */
    assert_int_equal(loop_run_until(fake->loop, &ended->done), 0);
    assert_int_equal(ended->calls, 1);
}

#endif
