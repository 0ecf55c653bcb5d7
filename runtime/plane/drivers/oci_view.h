/* oci_view.h - what of this machine an instance sees, and what it never sees.
 *
 * Each top-level folder of OCI_VIEW_TOPS that is a real one here is shown by an overlay of its own.
 * Between the host's folder (below) and the instance's own changes (above) lies a layer that all
 * instances share, the base: it hides what no instance may see and, for an ordinary user, makes
 * folders belong to the instance's root.  It is made by a child process of ours (`__init --base`),
 * because reading a whole /usr takes a second when nothing is cached. */
#ifndef DRIVERS_OCI_VIEW_H
#define DRIVERS_OCI_VIEW_H

#include <stdbool.h>

#include "base/error.h"

/* The top-level folders that are shown, NULL at the end. */
extern const char *const oci_view_tops[];

/* Is it one of them? */
bool oci_view_known(const char *top);

/* Is /<top> a folder of its own here (not a symlink)? */
bool oci_view_shown(const char *top);

/* Is `path` (absolute, symlinks resolved) the folder /<top> or something in it? */
bool oci_view_holds(const char *top, const char *path);

struct oci_view_options {
    const char *out; /* the layer of /usr is written to "<out>/usr", and so on */
    bool rootless;   /* for an ordinary user: owners can't be kept, xattrs are user.overlay */
    const char *mask_folder; /* hidden, too; or NULL */
};

/* Writes the layer of one top-level folder, or brings it up to date.  What the machine's other
 * users cannot read is hidden, and what the table of hidden places names.  ERROR_IO and the like.
 */
int oci_view_write(const struct oci_view_options *options, const char *top, struct error *err);

/* `__init --base OUT 0|1 MASK TOP...`: the same as a program; the exit status, the error on stderr.
 */
int oci_view_main(int argc, char **argv);

#endif
