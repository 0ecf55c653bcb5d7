/* arm_call.h - what one call of the ARM client is.  For arm_client.c (its life: the queue, the
 * wire, the timer) and arm_reply.c (what a reply means for it) only. */
#ifndef CLIENT_ARM_CALL_H
#define CLIENT_ARM_CALL_H

#include "client/arm_client.h"

enum call_state { CALL_QUEUED, CALL_IN_FLIGHT, CALL_WAITING, CALL_HANDLING };
enum call_phase { PHASE_REQUEST, PHASE_POLL, PHASE_SETTLE };

/* Does the plane hold polls of one way?  Learnt from its replies, so that one that does not (Azure)
 * is only once asked sooner than its Retry-After says. */
enum holds { HOLDS_UNKNOWN, HOLDS_YES, HOLDS_NO };

struct arm_call {
    struct arm_client *client;
    arm_done_fn *done;
    void *arg;
    int (*on_page)(const cJSON *items, void *arg, struct error *err);
    enum operation_state (*settled)(const cJSON *resource);

    char *first_target;  /* what the caller asked for; for messages */
    char *target;        /* what the next request asks for */
    char *origin;        /* of absolute targets on another host; NULL: the transport's own */
    char *token;         /* "Bearer …" of this call; NULL: the client's */
    char *settle_target; /* the resource itself; only with `settled` */
    char *seen_link;     /* a nextLink of earlier, to notice a circle */
    char *body;          /* until the request was taken */
    size_t body_size;
    cJSON *items;             /* ARM_PAGES without on_page: all of them so far */
    struct error *refusal;    /* what stands when nothing settles; NULL otherwise */
    void *exchange;           /* IN_FLIGHT: the transport's */
    struct loop_timer *timer; /* made when it is first needed */

    int64_t deadline_ms; /* monotonic; 0: none */
    int64_t wake_ms;     /* WAITING: monotonic */
    int64_t sent_ms;     /* when the last request went out */
    int retries, attempts, polls, pages;
    int last_status;
    enum http_method method, first_method;
    enum call_state state;
    enum call_phase phase;
    enum arm_follow follow;
    enum operation_way way;
    bool idempotent, raw, doubtful, held, cancelled;

    struct arm_call *prev, *next;         /* in the queue */
    struct arm_call *all_prev, *all_next; /* in the client */
};

struct arm_client {
    struct loop *loop;
    struct transport *transport;
    char *token; /* "Bearer …", wiped */
    char *as_principal;
    int retries_max, in_flight_max, held_max;
    int64_t backoff_first_ms;
    int in_flight, held;
    bool pump_posted;
    bool answered; /* the other end is there, or was */
    enum holds holds[OPERATION_RESOURCE + 1];
    struct arm_call *queue; /* waits for a place on the wire, in order */
    struct arm_call *calls; /* all */
    struct arm_client_stats stats;
};

/* ---- arm_client.c ---- */

/* Ends the call with its callback and frees it; `reply` may be NULL (nothing came). */
void arm_call_finish(struct arm_call *call, int rc, struct arm_reply *reply, struct error *err);
void arm_call_finish_no_memory(struct arm_call *call);
/* Ends and frees it without. */
void arm_call_drop(struct arm_call *call);
/* Puts it into the queue for the wire; after `delay_ms`. */
void arm_call_enqueue(struct arm_call *call);
void arm_call_wait(struct arm_call *call, int64_t delay_ms);

/* ---- arm_reply.c ---- */

/* Goes on with a call that is HANDLING after its request came back: as http_done_fn tells. */
void arm_call_read(struct arm_call *call, int rc, const struct http_response *response, bool sent,
                   const struct error *err);

#endif
