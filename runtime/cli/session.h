/* session.h - what a command needs to talk to a plane: a loop, a transport, a client, a workspace.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli/context.h"
#include "client/computes.h"

struct session;

/* Opens the command's context; starts the local plane when that is meant and none runs.  *out is
 * the caller's. */
int session_open(const struct invocation *invocation, struct session **out, struct error *err);
/* Likewise, but never starts a plane: ERROR_UNAVAILABLE when none listens. */
int session_open_running(const struct invocation *invocation, struct session **out,
                         struct error *err);
/* After a wait for a person: the local plane may have ended meanwhile, for nobody asked it
 * anything, and is then started again. */
int session_wake(const struct session *session, const struct invocation *invocation,
                 struct error *err);
/* Every call must have ended. NULL is fine. */
void session_free(struct session *session);

struct loop *session_loop(const struct session *session);
struct arm_client *session_client(const struct session *session);
const struct context *session_context(const struct session *session);
/* Is the clock a virtual one (context memory)?  Then nothing must be redrawn by a timer. */
bool session_is_virtual(const struct session *session);

/* Does the context say subscription and resource group?  ERROR_USAGE tells what it lacks. */
int session_group(const struct session *session, struct error *err);
/* The workspace of the context; ERROR_USAGE likewise. */
int session_workspace(const struct session *session, struct workspace_ref *out, struct error *err);

/* Where the context is, as far as it says: members are NULL where it does not. */
struct workspace_ref session_here(const struct session *session);

/* The object id of whom this command acts as (--as included).  The caller frees *out. */
int session_me(struct session *session, char **out, struct error *err);

/* A client of a Unix socket for a plane's own requests (serve --stop, --status, doctor). */
int session_open_socket(const char *socket_path, struct session **out, struct error *err);

#endif
