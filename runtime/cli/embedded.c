/* embedded.c - see embedded.h. */
#include "cli/embedded.h"

#include <utlist.h>

struct embedded {
    struct transport base;
    struct loop *loop;
    struct plane *plane;
    struct exchange *exchanges; /* all that are unanswered */
};

struct exchange {
    struct embedded *embedded;
    http_done_fn *done;
    void *arg;
    uint64_t ticket;
    struct loop_timer *timer; /* NULL: no time limit */
    struct exchange *prev, *next;
};

static void forget(struct exchange *exchange)
{
    DL_DELETE(exchange->embedded->exchanges, exchange);
    loop_timer_free(exchange->timer);
    free(exchange);
}

static void on_answer(struct http_response *response, void *arg)
{
    struct exchange *exchange = arg;
    http_done_fn *done = exchange->done;
    void *done_arg = exchange->arg;
    forget(exchange);
    done(0, response, true, NULL, done_arg);
}

static void on_late(void *arg)
{
    struct exchange *exchange = arg;
    http_done_fn *done = exchange->done;
    void *done_arg = exchange->arg;
    struct error err = { 0 };
    plane_forget(exchange->embedded->plane, exchange->ticket);
    forget(exchange);
    error_set(&err, ERROR_TIMEOUT, "the plane in this process did not answer in time");
    done(ERROR_TIMEOUT, NULL, true, &err, done_arg);
}

static int send_request(struct transport *transport, const struct http_request *request,
                        int64_t timeout_ms, http_done_fn *done, void *arg, void **out_exchange,
                        struct error *err)
{
    struct embedded *embedded = (struct embedded *)transport;
    struct plane_caller owner = { 0 };
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    *exchange = (struct exchange) { .embedded = embedded, .done = done, .arg = arg };
    if (timeout_ms > 0 &&
        (loop_timer_new(embedded->loop, on_late, exchange, &exchange->timer) < 0 ||
         loop_timer_set(exchange->timer, timeout_ms) < 0)) {
        loop_timer_free(exchange->timer);
        free(exchange);
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    DL_APPEND(embedded->exchanges, exchange);
    *out_exchange = exchange;
    plane_handle(embedded->plane, &owner, request, on_answer, exchange, &exchange->ticket);
    return 0;
}

static void cancel_request(struct transport *transport, void *arg)
{
    struct embedded *embedded = (struct embedded *)transport;
    struct exchange *exchange = arg;
    plane_forget(embedded->plane, exchange->ticket);
    forget(exchange);
}

static void free_embedded(struct transport *transport)
{
    struct embedded *embedded = (struct embedded *)transport;
    struct exchange *exchange, *next;
    DL_FOREACH_SAFE(embedded->exchanges, exchange, next)
    {
        cancel_request(transport, exchange);
    }
    free(embedded);
}

int embedded_transport_new(struct loop *loop, struct plane *plane, struct transport **out,
                           struct error *err)
{
    static const struct transport_ops ops = { send_request, cancel_request, free_embedded };
    struct embedded *embedded = calloc(1, sizeof *embedded);
    if (!embedded)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    embedded->base.ops = &ops;
    embedded->loop = loop;
    embedded->plane = plane;
    *out = &embedded->base;
    return 0;
}
