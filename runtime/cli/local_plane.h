/* local_plane.h - the user's own plane: found, or started in the background as tmux does. */
#ifndef CLI_LOCAL_PLANE_H
#define CLI_LOCAL_PLANE_H

#include <stdbool.h>

#include "cli/output.h"

/* Where it listens: "$XDG_RUNTIME_DIR/moonfleet/plane.sock".  The caller frees *out. */
int local_plane_socket(char **out, struct error *err);
/* Makes the folder of that socket. */
int local_plane_make_folder(struct error *err);
/* "$XDG_STATE_HOME/moonfleet/plane.log".  The caller frees *out. */
int local_plane_log(char **out, struct error *err);

/* Does somebody listen on this Unix socket? */
bool local_plane_listens(const char *socket_path);

/* Makes sure that it answers; starts `program serve` in a session of its own otherwise.  Two
 * commands never start two: a lock beside the socket decides.  What the new plane has to say (its
 * driver is not the one that was hoped for) goes to stderr.  Fails with the plane's own error. */
int local_plane_ensure(const struct output *output, const char *program, const char *socket_path,
                       struct error *err);

#endif
