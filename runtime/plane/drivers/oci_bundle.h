/* oci_bundle.h - an instance's folder, made ready for its next start.
 *
 *   <folder>/<id>/rootfs/        folders of its own: /home, /root, /tmp, /mnt
 *                 upper/ work/   what it changed of the machine's folders
 *                 bundle/        config.json, the pid, what the runtime said
 *                 run/           /run/moonfleet of the instance: scripts, spec.json, status.json,
 * creation.json prepared.json  the identity has been written, and which ids azureuser has
 *                 machine.json   the process that runs it
 *   <folder>/.base/              the layer that all share (oci_view.h)
 *   <folder>/.runtime/           the runtime's own state */
#ifndef DRIVERS_OCI_BUNDLE_H
#define DRIVERS_OCI_BUNDLE_H

#include "plane/drivers/oci_host.h"

struct oci_bundle {
    const struct oci_host *host;
    const char *folder;      /* the driver's */
    const char *mask_folder; /* or NULL */
    const char *program;
};

/* A name that may be a folder of ours? */
bool oci_bundle_id_valid(const char *id);

/* A creation runs the creation script again unless it succeeded, a start only when it never came to
 * its end. */
enum oci_bundle_aim {
    OCI_BUNDLE_START,
    OCI_BUNDLE_CREATE,
    OCI_BUNDLE_MAKE_LAYER, /* nothing but the creation script, then it ends */
};

/* Writes all of it. */
int oci_bundle_prepare(const struct oci_bundle *bundle, const struct driver_instance *instance,
                       enum oci_bundle_aim aim, const char *token, struct error *err);

/* Writes a log of a script that did not have to run: `text` is all that it says. */
int oci_bundle_log(const struct driver_instance *instance, const char *kind,
                   const struct driver_script *script, const char *text, struct error *err);

/* Makes a bundle at <folder>/.remove-<id> whose container removes <folder>/<id>: for files that
 * belong to mapped ids, which we may not touch from outside.  *out_path is the caller's. */
int oci_bundle_removal(const struct oci_bundle *bundle, const char *id, char **out_path,
                       struct error *err);

/* Makes a bundle at <folder>/.scan-<id> whose container runs `__init <words...>` with the machine's
 * folders to read and the driver's folder at OCI_SCAN_FOLDER: for looking at files of mapped ids.
 * *out_path is the caller's. */
#define OCI_SCAN_FOLDER "/run/instances"
int oci_bundle_scan(const struct oci_bundle *bundle, const char *id, const char *const *words,
                    size_t count, char **out_path, struct error *err);

/* Does the driver's folder stand in /<top>?  Then the shared layer cannot be used for it (overlayfs
 * refuses lower folders inside one another): the layer is written into each instance's upper
 * folder. */
bool oci_bundle_inside(const struct oci_bundle *bundle, const char *top);

/* Does /<top> need the layer at all? */
bool oci_bundle_layered(const struct oci_host *host, const char *top);

#endif
