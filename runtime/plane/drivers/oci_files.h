/* oci_files.h - the files of an instance's own: who lives in it, a sudo, and small writes without
 * fsync. */
#ifndef DRIVERS_OCI_FILES_H
#define DRIVERS_OCI_FILES_H

#include "base/json.h"
#include "plane/drivers/oci_host.h"

#define OCI_USER "azureuser"
#define OCI_USER_HOME "/home/" OCI_USER

/* Writes "<folder>/<name>", making the folders above it below `folder`; a symlink at the end is
 * replaced, never followed. Not durable: what isn't whole after a crash is written again. */
int oci_files_write(const char *folder, const char *name, const char *text, size_t size,
                    mode_t mode, struct error *err);

/* Puts an instance's own /etc and sudo into its upper folders ("<upper>/etc/passwd" ...), and what
 * a new user's home has into `rootfs`.  Tells which ids azureuser got. */
int oci_files_identity(const struct oci_host *host, const char *upper, const char *rootfs,
                       int64_t *out_uid, int64_t *out_gid, struct error *err);

/* A machine's number of its own, into "<upper>/etc/machine-id". */
int oci_files_machine_id(const char *upper, struct error *err);

/* {"/etc/hosts": text, ...}: what follows the machine and is written anew at each start; the
 * caller's. */
cJSON *oci_files_network(const char *host_name);

/* Appends the last lines of "<folder>/<name>" that fit into `max` bytes, or the end of the last one
 * when that alone does not: as text, of overwritten lines their last state, without a newline at the
 * end.  A symlink or a device is refused: instances can write there. */
int oci_files_tail(const char *folder, const char *name, size_t max, struct buffer *out,
                   struct error *err);

/* Reads "<folder>/<name>" as JSON with the same caution. */
int oci_files_json(const char *folder, const char *name, cJSON **out, struct error *err);

#endif
