/* compute_body.h - the body of a compute instance: what a request may say, and what the service
 * makes of it. */
#ifndef PLANE_COMPUTE_BODY_H
#define PLANE_COMPUTE_BODY_H

#include "model/vm_sizes.h"
#include "plane/plane_private.h"

/* Is the request's body acceptable?  NULL, with the error answered, when it is not; else the VM
 * size it asks for. */
const struct vm_size *compute_body_check(struct call *call, const struct workspace *workspace,
                                         const cJSON *request);

/* The reply's body for a checked request: everything as it was sent, what was left out as the
 * service fills it, and what only the service says from `old` (an update) or as of a new one (`old`
 * NULL).  The caller's; NULL: no memory. */
cJSON *compute_body_make(struct call *call, const struct workspace *workspace, const char *name,
                         const cJSON *request, const cJSON *old);

/* The first property that differs and cannot be changed in place ("properties.properties.vmSize"),
 * or NULL. Static. */
const char *compute_body_fixed(const cJSON *old, const cJSON *new_body);

/* Seconds of an idleTimeBeforeShutdown; false with the error answered. `value` NULL or JSON null is
 * fine. */
bool compute_body_idle(struct call *call, const cJSON *value, const char *target);

#endif
