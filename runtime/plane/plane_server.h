/* plane_server.h - the thin shell that lets a plane answer HTTP.
 *
 * Over a Unix socket the kernel says who is calling: a peer with the plane's own user id, or root,
 * is the plane's owner; anybody else is answered 403. */
#ifndef PLANE_PLANE_SERVER_H
#define PLANE_PLANE_SERVER_H

#include "base/log.h"
#include "net/loop.h"
#include "plane/plane.h"

struct plane_server;

struct plane_server_options {
    const struct log *log; /* borrowed; may be NULL */
    /* When for `idle_ms` no request was in hand and plane_busy() was 0, `idle(idle_arg)` is called
     * from the loop, once per such span.  0 or NULL: never. */
    int64_t idle_ms;
    loop_fn *idle;
    void *idle_arg;
};

/* `loop` and `plane` are borrowed and outlive the server; `options` (may be NULL) is copied. */
int plane_server_new(struct loop *loop, struct plane *plane,
                     const struct plane_server_options *options, struct plane_server **out,
                     struct error *err);
/* Answers that are owed are dropped.  NULL is fine. */
void plane_server_free(struct plane_server *server);

/* As http_server_listen_unix(): mode 0600, ERROR_CONFLICT when somebody listens there. */
int plane_server_listen_unix(struct plane_server *server, const char *path, struct error *err);

#endif
