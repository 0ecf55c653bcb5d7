/* transport.h - what carries requests: a network, a Unix socket, or a plane in this process.
 * The client does not know which. */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include "net/http_client.h"

struct transport;

/* One way of carrying.  `send` and `cancel` behave as http_client_send() and http_exchange_cancel()
 * do: the callback comes later from the loop, exactly once, unless cancelled. */
struct transport_ops {
    int (*send)(struct transport *transport, const struct http_request *request, int64_t timeout_ms,
                http_done_fn *done, void *arg, void **out_exchange, struct error *err);
    void (*cancel)(struct transport *transport, void *exchange);
    void (*free)(struct transport *transport);
};

/* Embedded first in every transport. */
struct transport {
    const struct transport_ops *ops;
    /* "https://host:port" (see url_origin()) of what stands at the other end, owned by the
     * transport; NULL when there is one possible other end (a Unix socket, a plane in this
     * process): then only path and query of an absolute URL are used, whatever host it names. */
    const char *origin;
};

void transport_free(struct transport *transport); /* NULL is fine */

/* The network or a Unix socket, over libcurl. `options` as in http_client.h.  *out is the caller's,
 * to be released with transport_free() after every client that uses it.  ERROR_SYNTAX for a base
 * URL that is none. */
int transport_http_new(struct loop *loop, const struct http_client_options *options,
                       struct transport **out, struct error *err);

#endif
