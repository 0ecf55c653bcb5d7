/* arm_client.h - the ARM client: requests with retries, pages, long-running operations.
 *
 * Asynchronous, for thousands of calls at once in one loop.  A call ends with exactly one callback,
 * from the loop, unless it was cancelled.
 *
 * Requests wait in one fair queue for a place on the wire.  An operation's status is asked for with
 * `Prefer: wait`, and a plane that knows it holds the reply until the operation ends; such held
 * polls take at most three quarters of the places, further ones ask without waiting and obey
 * Retry-After, so that neither operations nor new requests starve, however many wait.  URLs that a
 * plane names (nextLink, Azure-AsyncOperation, Location) keep their query whole, and with a token
 * only the caller's own host is followed. */
#ifndef CLIENT_ARM_CLIENT_H
#define CLIENT_ARM_CLIENT_H

#include "arm/api.h"
#include "arm/operation.h"
#include "client/transport.h"

struct arm_client;
struct arm_call;

struct arm_client_options {
    struct transport *transport; /* borrowed */
    const char *token;           /* bearer token, or NULL; copied, wiped at the end, never logged */
    const char
        *as_principal; /* --as: sent as `x-moonfleet-as`; only local planes know it; or NULL */
    int retries_max;   /* per request; 0: 6; negative: none */
    int64_t backoff_first_ms; /* 0: 500; doubles up to 30 s, with full jitter */
    int in_flight_max;        /* requests on the wire at once; 0: 64; further ones queue */
};

int arm_client_new(struct loop *loop, const struct arm_client_options *options,
                   struct arm_client **out, struct error *err);
/* What has not ended is cancelled.  Not from inside a callback of the client.  NULL is fine. */
void arm_client_free(struct arm_client *client);

enum arm_follow {
    ARM_REPLY,     /* just the reply */
    ARM_PAGES,     /* all pages of a list, following nextLink; on_page for each */
    ARM_OPERATION, /* until the long-running operation has ended */
};

struct arm_request {
    enum http_method method;
    const char *path; /* a resource id with its action ("/subscriptions/…/start"), percent-encoded
                       * by the client; or a full target of its own, used as it is, when it holds a
                       * '?' or "://".  An absolute URL of another host gets `token` below, never
                       * the client's own. */
    const char *api_version; /* NULL: none is added (Graph, logs) */
    const char *query; /* further query ("underlyingResourceAction=Delete"), encoded; or NULL */
    const cJSON *body; /* borrowed until arm_send() returns; NULL: none */
    enum arm_follow follow;
    int64_t timeout_ms; /* whole call with retries, pages and polling; 0: none */
    bool idempotent;    /* a POST that may be repeated (start, stop, …); others know themselves */
    bool raw;           /* the reply is text, not JSON: see arm_reply.text */
    const char *token;  /* bearer token instead of the client's own (Graph's); copied; or NULL */
    /* For what is repeated although a repetition may be refused (start, stop, delete, put).  When
     * an earlier attempt may have been taken (its reply was lost, or was a 408 or 5xx) and a
     * repetition is refused with 400, 404 or 409, the client reads the resource itself (`path`; for
     * a POST without its last segment) and asks this what it shows: RUNNING reads again later,
     * SUCCEEDED ends the call well with the resource as body, anything else lets the refusal stand.
     * `resource` is NULL when it is not there.  Or NULL. */
    enum operation_state (*settled)(const cJSON *resource);
    /* ARM_PAGES: called for each page with its `value` array (borrowed); < 0 ends the call with
     * that code (set `err`). NULL: the final reply's `body` is {"value":[all]}. */
    int (*on_page)(const cJSON *items, void *arg, struct error *err);
};

struct arm_reply {
    int status;       /* of the last reply; 0: none came */
    cJSON *body;      /* the callback may take it (set it to NULL); ARM_OPERATION: the resource or
                       * result when the last reply carried one (`properties` of an
                       * Azure-AsyncOperation status); may be NULL */
    const char *text; /* raw: the body, NUL-terminated; borrowed */
    size_t text_size;
    const struct http_headers *headers; /* of the last reply; borrowed; may be NULL */
    int attempts;                       /* requests that were sent, polls not counted */
    int polls;                          /* status requests that were sent */
};

/* `rc` 0 (2xx, and the operation succeeded) or an error code with `err` filled: ARM's own code,
 * message, target, details and status are kept. */
typedef void arm_done_fn(int rc, struct arm_reply *reply, const struct error *err, void *arg);

/* Starts a call; `request` is borrowed until this returns.  Retries: 408, 429, 500, 502, 503, 504
 * and broken connections (only twice to reach a plane that never answered), with exponential
 * backoff and full jitter, Retry-After obeyed; never what is not idempotent once a byte may have
 * arrived (a 429 or 503 with Retry-After was refused, so it may).  *out_call (may be NULL) is valid
 * until the callback. */
int arm_send(struct arm_client *client, const struct arm_request *request, arm_done_fn *done,
             void *arg, struct arm_call **out_call, struct error *err);

/* Ends the call without its callback; an operation already accepted goes on at the plane.  At any
 * time before the callback, also from inside on_page.  NULL is fine. */
void arm_call_cancel(struct arm_call *call);

/* Runs the loop until this one call has ended: for commands that do one thing. *out_body (may be
 * NULL) is the caller's; NULL when the reply had none (and always for `raw`). */
int arm_wait(struct arm_client *client, const struct arm_request *request, cJSON **out_body,
             struct error *err);

struct loop *arm_client_loop(struct arm_client *client);

/* What the client did so far, for progress and the plan's request budget. */
struct arm_client_stats {
    int64_t requests, retries, polls;
};
struct arm_client_stats arm_client_stats(const struct arm_client *client);

#endif
