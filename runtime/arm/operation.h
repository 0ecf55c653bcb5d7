/* operation.h - ARM's long-running operations: what a reply says about how to go on.
 * Source: ARM RPC async-api-reference; FACTS.md section 5. */
#ifndef ARM_OPERATION_H
#define ARM_OPERATION_H

#include "base/error.h"
#include "base/json.h"
#include "net/http.h"

#define OPERATION_WAIT_DEFAULT_MS 60000 /* no Retry-After (ARM RPC) */
#define OPERATION_WAIT_MAX_MS 600000

enum operation_state {
    OPERATION_RUNNING,
    OPERATION_SUCCEEDED,
    OPERATION_FAILED,
    OPERATION_CANCELED
};

enum operation_way {
    OPERATION_DONE,     /* nothing to poll: the first reply was the answer */
    OPERATION_STATUS,   /* poll an Azure-AsyncOperation URL: 200 with {"status"} */
    OPERATION_LOCATION, /* poll a Location URL: 202 while it runs */
    OPERATION_RESOURCE, /* poll the resource itself: its properties.provisioningState */
};

/* Decides from the first reply.  *out_url is the caller's (NULL for DONE and RESOURCE); the query
 * string is kept whole (it may carry a signature).  A 202 to POST/DELETE without a polling header
 * is ERROR_REMOTE; a reply of 400 and more fails as arm_error_read() has it, and a PUT whose body
 * says that provisioning failed fails with that error. */
int operation_begin(enum http_method method, const struct http_response *reply, const cJSON *body,
                    enum operation_way *out_way, char **out_url, struct error *err);

/* Reads one polling reply (2xx).  Returns 0 once the reply was understood, also when it says FAILED
 * or CANCELED: `err` is then filled from the operation's error.  ERROR_REMOTE: a status without
 * `status`. */
int operation_read(enum operation_way way, const struct http_response *reply, const cJSON *body,
                   enum operation_state *out_state, struct error *err);

/* "Succeeded" and so on, of `status` or `provisioningState`: anything unknown runs; missing (NULL)
 * is succeeded. */
enum operation_state operation_state_of(const char *text);

/* Retry-After in milliseconds: whole seconds or an HTTP date; -1 when there is none. Capped. */
int64_t operation_retry_after_ms(const struct http_headers *headers, int64_t now_unix_ms);

#endif
