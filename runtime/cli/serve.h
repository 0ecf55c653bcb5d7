/* serve.h - the command that runs, looks at and ends a plane. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "cli/session.h"

/* GET /moonfleet/status; *out is the caller's. */
int serve_status(struct session *session, cJSON **out, struct error *err);

extern const struct command command_serve;

#endif
