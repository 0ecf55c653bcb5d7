/* http_client.h - requests over libcurl's multi interface, driven by the loop. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include "net/http.h"
#include "net/loop.h"

struct http_client;
struct http_exchange;

/* `rc` is 0 with a response (any status), or ERROR_UNAVAILABLE (no connection, name, broken pipe:
 * err->message says what), ERROR_TIMEOUT, ERROR_TOO_LARGE, ERROR_NO_MEMORY with NULL.  `sent` tells
 * whether any byte of the request may have reached the other side: what is not idempotent must not
 * be repeated then.  The response is borrowed; take its body with buffer moves if it is needed
 * longer. */
typedef void http_done_fn(int rc, struct http_response *response, bool sent,
                          const struct error *err, void *arg);

struct http_client_options {
    const char *base_url;    /* "https://management.azure.com", "http://127.0.0.1:1234"; required */
    const char *unix_socket; /* path, or NULL: then base_url's host is only the Host header */
    const char *ca_file;     /* extra trust, or NULL */
    int connections_max;     /* 0: 64 */
};

/* Options are copied. `loop` is borrowed.  libcurl is loaded by the first client: ERROR_UNAVAILABLE
 * when it is not installed, ERROR_NO_MEMORY.  Time limits count the machine's time, also when the
 * loop's clock is virtual. */
int http_client_new(struct loop *loop, const struct http_client_options *options,
                    struct http_client **out_client, struct error *err);
/* Abandons what is in flight without calling back.  May be called from a callback. NULL is fine. */
void http_client_free(struct http_client *client);

/* Sends one request.  An absolute target ("https://…") overrides the base URL (a Unix socket is
 * used all the same; whether a foreign host may see the headers is the caller's question).
 * `request` is borrowed until this returns.  The callback comes later, exactly once, unless
 * cancelled. `timeout_ms` covers the whole exchange, its time in the queue (beyond connections_max
 * at once) included; 0: none.  No redirect is followed.  What is not idempotent (POST, PATCH) is
 * written at most once.  ERROR_INVALID: not a target; ERROR_NO_MEMORY.  out_exchange may be NULL.
 */
int http_client_send(struct http_client *client, const struct http_request *request,
                     int64_t timeout_ms, http_done_fn *done, void *arg,
                     struct http_exchange **out_exchange, struct error *err);
/* Ends the exchange without calling back.  Only before the callback ran. */
void http_exchange_cancel(struct http_exchange *exchange);

/* What carries the requests, for people: "libcurl/7.88.1 OpenSSL/3.0.22 …", or why it cannot be
 * loaded. */
void http_client_library(char *out, size_t out_size);

#endif
