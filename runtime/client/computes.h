/* computes.h - requests for workspaces and their compute instances: paths, versions and bodies in
 * one place.
 *
 * A function fills a request, arm_send() or arm_wait() sends it, nothing else does:
 *
 *     struct computes_request request;
 *     int rc = computes_start(&request, &workspace, "ds-ada", err);
 *     if (rc == 0)
 *         rc = arm_send(client, &request.arm, started, arg, &call, err);
 *     computes_request_clear(&request);
 *
 * All of them fail with ERROR_INVALID for a name that cannot stand in a path, or ERROR_NO_MEMORY;
 * the request is then cleared.  Fields of `request.arm` may be changed before sending (timeout_ms,
 * on_page).
 *
 * Repeating: start, stop, put and delete may be sent again when a connection breaks, because the
 * client afterwards reads the compute to see whether the first one was taken (arm_request.settled):
 * a repeated start that is refused since the instance already runs ends well.  A restart is not
 * repeated once it may have arrived: the second one would throw out who logged in after the first.
 */
#ifndef CLIENT_COMPUTES_H
#define CLIENT_COMPUTES_H

#include "client/arm_client.h"

struct workspace_ref {
    const char *subscription, *group, *workspace;
};

/* Owns what `arm` points to, but for bodies that a caller gave. */
struct computes_request {
    struct arm_request arm;
    char *path;
    char *query;
    cJSON *body;
};
void computes_request_clear(struct computes_request *request); /* harmless twice */

/* GET the workspace itself. */
int computes_workspace(struct computes_request *out, const struct workspace_ref *workspace,
                       struct error *err);
/* All computes, page by page; set arm.on_page, or take the whole list from the reply. */
int computes_list(struct computes_request *out, const struct workspace_ref *workspace,
                  struct error *err);
int computes_get(struct computes_request *out, const struct workspace_ref *workspace,
                 const char *name, struct error *err);
/* Create or update, until the operation has ended.  `body` is borrowed until the request was sent.
 */
int computes_put(struct computes_request *out, const struct workspace_ref *workspace,
                 const char *name, const cJSON *body, struct error *err);
/* Deletes the compute and the machine under it, until that is done. */
int computes_delete(struct computes_request *out, const struct workspace_ref *workspace,
                    const char *name, struct error *err);
/* Until the operation has ended. */
int computes_start(struct computes_request *out, const struct workspace_ref *workspace,
                   const char *name, struct error *err);
int computes_stop(struct computes_request *out, const struct workspace_ref *workspace,
                  const char *name, struct error *err);
int computes_restart(struct computes_request *out, const struct workspace_ref *workspace,
                     const char *name, struct error *err);
/* `idle` is an ISO 8601 duration ("PT120M"); NULL switches idle shutdown off. */
int computes_update_idle_shutdown(struct computes_request *out,
                                  const struct workspace_ref *workspace, const char *name,
                                  const char *idle, struct error *err);

/* Is the name free in the workspace's region?  The reply has nameAvailable, reason, message. */
int computes_check_name(struct computes_request *out, const struct workspace_ref *workspace,
                        const char *name, struct error *err);

/* Of a location: what VM sizes there are, what quota is used (all pages). */
int computes_vm_sizes(struct computes_request *out, const char *subscription, const char *location,
                      struct error *err);
int computes_usages(struct computes_request *out, const char *subscription, const char *location,
                    struct error *err);
/* Sets limits of a location: `value` is an array (copied) of {"id","type","limit","unit"}, ids and
 * types as the list of quotas has them.  The reply's value has a "status" for each: "Success" or
 * why not. */
int computes_update_quotas(struct computes_request *out, const char *subscription,
                           const char *location, const cJSON *value, struct error *err);

/* Only local planes know these.  Logs of setup scripts, oldest first; then the text of one from
 * byte `offset` on (raw: arm_reply.text; header COMPUTES_LOG_COMPLETE tells whether more will
 * come). */
#define COMPUTES_LOG_COMPLETE "x-moonfleet-log-complete" /* "true" or "false" */
int computes_logs(struct computes_request *out, const struct workspace_ref *workspace,
                  const char *name, struct error *err);
int computes_log_read(struct computes_request *out, const struct workspace_ref *workspace,
                      const char *name, const char *log, int64_t offset, struct error *err);
/* Is a script in the workspace's file share?  {"path","exists","readable","message"}. */
int computes_share_script(struct computes_request *out, const struct workspace_ref *workspace,
                          const char *path, struct error *err);
/* Asks how to run `command` (NULL-terminated) inside the instance: the reply's `argv` is run by the
 * caller. */
int computes_exec(struct computes_request *out, const struct workspace_ref *workspace,
                  const char *name, const char *const *command, bool terminal, struct error *err);

#endif
