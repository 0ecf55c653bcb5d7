/* embedded.h - a transport into a plane in this same process: the client neither knows nor cares.
 */
#ifndef CLI_EMBEDDED_H
#define CLI_EMBEDDED_H

#include "client/transport.h"
#include "net/loop.h"
#include "plane/plane.h"

/* Requests are the plane owner's.  `loop` and `plane` are borrowed and outlive the transport; *out
 * is the caller's, to be released with transport_free(), which forgets what is unanswered.
 * ERROR_NO_MEMORY. */
int embedded_transport_new(struct loop *loop, struct plane *plane, struct transport **out,
                           struct error *err);

#endif
