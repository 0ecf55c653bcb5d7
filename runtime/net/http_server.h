/* http_server.h - a thin shell of evhttp around a handler that answers now or later. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <sys/types.h>

#include "net/http.h"
#include "net/loop.h"

/* Connections at once; the process's limit of open files may leave room for fewer.  Who comes later
 * waits until one has ended. */
#define HTTP_CONNECTIONS_MAX 20000

struct http_server;
struct http_reply; /* one answer that is still owed */

/* Who is at the other end. */
struct http_peer {
    bool local; /* a Unix socket: uid, gid and pid are the kernel's word */
    uid_t uid;
    gid_t gid;
    pid_t pid;
    char host[64]; /* otherwise: the address */
};

/* Called for each request.  `request` is borrowed until this returns.  Answer exactly once with
 * http_reply_send(), now or later; a client that went away is noticed by http_reply_send() itself.
 */
typedef void http_handler_fn(struct http_reply *reply, const struct http_request *request,
                             const struct http_peer *peer, void *arg);

/* `loop` is borrowed. Requests over the caps of http.h are answered 413/431/414 without the handler
 * (400 when request line and headers together pass 64 KiB), methods that http.h does not have 501,
 * and what is no HTTP, or HTTP that could be read in two ways, 400.  A connection without a pending
 * request is closed after two minutes. */
int http_server_new(struct loop *loop, http_handler_fn *handler, void *arg,
                    struct http_server **out_server, struct error *err);
/* Unanswered replies are dropped: later http_reply_send() of them is harmless (and still needed, to
 * free them). Not from inside the handler.  Removes its Unix sockets' files. NULL is fine. */
void http_server_free(struct http_server *server);

/* Listens on a Unix socket (mode 0600; a stale file in the way is replaced, ERROR_CONFLICT when
 * somebody listens there). */
int http_server_listen_unix(struct http_server *server, const char *path, struct error *err);
/* Listens on an address and port; port 0: the kernel's choice, told in *out_port (may be NULL). */
int http_server_listen_tcp(struct http_server *server, const char *address, int port, int *out_port,
                           struct error *err);

/* Sends (response's contents are taken, and cleared) and frees the reply.  Date and Content-Length
 * are added, and are not the handler's to set. */
void http_reply_send(struct http_reply *reply, struct http_response *response);

/* Requests that were taken and are not answered yet. */
size_t http_server_pending(const struct http_server *server);

#endif
