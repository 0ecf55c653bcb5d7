/* plane.h - the local control plane: ARM's REST API over a store, a clock and a driver.
 *
 * plane_handle() is the whole of it: an HTTP request in, an HTTP response out, now or later.  The
 * server (plane_server.h) and the embedded transport are thin shells around it. */
#ifndef PLANE_PLANE_H
#define PLANE_PLANE_H

#include "base/log.h"
#include "net/http.h"
#include "plane/driver.h"

struct plane;

struct plane_options {
    struct loop *loop;       /* borrowed; its clock is the plane's */
    const char *data_folder; /* store, logs, instances; NULL: in memory */
    struct driver *driver;   /* borrowed */
    const char *seed;        /* JSON text of a seed file; NULL: the one in the binary */
    const struct log *log;   /* borrowed; may be NULL */
    const char
        *base_url; /* for absolute URLs when a request has no Host; NULL: "http://localhost" */
    const char
        *driver_reason; /* why this driver, in a few words, for /moonfleet/status; NULL: "" */
    /* `POST /moonfleet/stop`: called from the loop a little after its 202 was given away; NULL:
     * 501. */
    void (*stop)(void *arg);
    void *stop_arg;
};

/* Opens the store (made and seeded when it is new), finds instances again, resumes or fails what
 * was in flight and says so in the log.  ERROR_CONFLICT when another plane has the data folder. */
int plane_new(const struct plane_options *options, struct plane **out, struct error *err);
/* Instances go on running; answers that are still owed are dropped.  Calls of the driver may be in
 * flight: do not run the loop again before the driver is freed too.  NULL is fine. */
void plane_free(struct plane *plane);

/* Who asks.  `principal_id` is the object id; NULL: the owner of the plane (Unix peer of the same
 * user). */
struct plane_caller {
    const char *principal_id;
};

/* Called once with the answer; `response` contents may be taken. */
typedef void plane_respond_fn(struct http_response *response, void *arg);

/* Handles one request (borrowed until this returns).  `respond` is called later from the loop:
 * after what the request changed is durable (requests of one turn share a commit), and for a status
 * request with `Prefer: wait` when the operation has ended.  *out_ticket (may be NULL) lets
 * plane_forget() drop the answer. */
void plane_handle(struct plane *plane, const struct plane_caller *caller,
                  const struct http_request *request, plane_respond_fn *respond, void *arg,
                  uint64_t *out_ticket);
void plane_forget(struct plane *plane, uint64_t ticket);

/* For an idle exit: instances that are running or on the way, and operations in flight. */
size_t plane_busy(struct plane *plane);

#endif
