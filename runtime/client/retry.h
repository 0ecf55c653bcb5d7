/* retry.h - when a request is sent again, and how long after.  Pure. */
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_BACKOFF_MAX_MS 30000

/* How one attempt ended. */
struct retry_outcome {
    int rc;               /* of the transport: 0, or why there is no reply */
    int status;           /* of the reply, when rc is 0 */
    bool sent;            /* rc < 0: may a byte of it have arrived? */
    bool has_retry_after; /* the reply says when to come back: it was not taken */
    bool idempotent;      /* may the request be taken twice? */
};

/* Is it worth sending again, and allowed?  Worth it: no connection, a broken or timed-out one, 408,
 * 429, 500, 502, 503, 504.  Allowed for what is not idempotent: only when it surely was not taken
 * (nothing was sent; a 429, or a 503 with Retry-After). */
bool retry_wanted(const struct retry_outcome *outcome);

/* May this attempt have been taken although its reply does not say so? */
bool retry_doubtful(const struct retry_outcome *outcome);

/* Exponential backoff with full jitter: uniform in 0 … min(first_ms << retry,
 * RETRY_BACKOFF_MAX_MS), where `retry` counts from 0.  With a Retry-After (>= 0) never earlier than
 * that, and at most `first_ms` later, so that those who were told the same second do not all come
 * back in it. */
int64_t retry_delay_ms(int retry, int64_t first_ms, int64_t retry_after_ms);

#endif
