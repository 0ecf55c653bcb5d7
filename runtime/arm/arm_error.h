/* arm_error.h - ARM's error body, both ways.
 * {"error":{"code","message","target","details":[…],"additionalInfo":[{"type","info"}]}}
 * Source: ARM RPC common-api-details; texts in FACTS.md section 11. */
#ifndef ARM_ARM_ERROR_H
#define ARM_ARM_ERROR_H

#include "base/error.h"
#include "base/json.h"
#include "net/http.h"

/* Reads the reply of a request that failed (status >= 400), or the `error` member of an operation
 * (body = {"error":{…}}); copes with bodies that are not ARM's (a proxy's HTML: the message is then
 * the status and the first words). err->code follows the status: 401/403 DENIED, 404 NOT_FOUND,
 * 409/412 CONFLICT, 408/429/5xx UNAVAILABLE, codes that name a quota QUOTA, else REMOTE.
 * err->details is
 * {"details":[…],"additionalInfo":[…]} with as many items as fit, or "".  Returns err->code; `err`
 * may be NULL. */
int arm_error_read(int status, const char *body, size_t size, struct error *err);

/* Fills `response`: status, Content-Type, body. */
void arm_error_write(struct http_response *response, int status, const char *code,
                     const char *target, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The `error` object alone, for a failed operation's status; the caller's; NULL: no memory. */
cJSON *arm_error_object(const char *code, const char *target, const char *message);

#endif
