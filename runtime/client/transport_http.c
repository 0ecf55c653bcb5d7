/* transport_http.c - requests over the network or a Unix socket: a thin name for net/http_client.
 */
#include "client/transport.h"

#include "client/url.h"

struct transport_http {
    struct transport base;
    struct http_client *client; /* owned */
    char *origin;               /* owned; NULL on a Unix socket */
};

static int send_request(struct transport *transport, const struct http_request *request,
                        int64_t timeout_ms, http_done_fn *done, void *arg, void **out_exchange,
                        struct error *err)
{
    struct transport_http *self = (struct transport_http *)transport;
    struct http_exchange *exchange = NULL;
    int rc = http_client_send(self->client, request, timeout_ms, done, arg, &exchange, err);
    if (rc == 0)
        *out_exchange = exchange;
    return rc;
}

static void cancel_request(struct transport *transport, void *exchange)
{
    (void)transport;
    http_exchange_cancel(exchange);
}

static void free_transport(struct transport *transport)
{
    struct transport_http *self = (struct transport_http *)transport;
    http_client_free(self->client);
    free(self->origin);
    free(self);
}

void transport_free(struct transport *transport)
{
    if (transport)
        transport->ops->free(transport);
}

int transport_http_new(struct loop *loop, const struct http_client_options *options,
                       struct transport **out, struct error *err)
{
    static const struct transport_ops ops = { send_request, cancel_request, free_transport };
    struct transport_http *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    self->base.ops = &ops;
    int rc = 0;
    if (!options->unix_socket)
        rc = url_origin(options->base_url, &self->origin, err);
    if (rc == 0)
        rc = http_client_new(loop, options, &self->client, err);
    if (rc < 0) {
        free_transport(&self->base);
        return error_wrap(err, rc, "reaching %.200s", options->base_url);
    }
    self->base.origin = self->origin;
    *out = &self->base;
    return 0;
}
