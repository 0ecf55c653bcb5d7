/* oci_config.h - an OCI runtime configuration (config.json) for containers of ours. */
#ifndef DRIVERS_OCI_CONFIG_H
#define DRIVERS_OCI_CONFIG_H

#include "base/json.h"
#include "plane/drivers/oci_host.h"

/* Where things stand inside an instance. */
#define OCI_RUN_FOLDER "/run/moonfleet"
#define OCI_LOG_FOLDER "/run/moonfleet-logs"
#define OCI_SHARE_FOLDER "/home/azureuser/cloudfiles/code" /* the workspace's file share */
#define OCI_TRACE_NAME "trace" /* of the run folder: what a traced script did when */
#define OCI_INIT_PATH "/run/moonfleet-init"
#define OCI_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct oci_config {
    const struct oci_host *host;
    const char *rootfs; /* host path */
    const char *host_name;
    const char *cgroup; /* "moonfleet-<id>" */
    int cores;          /* 0: no limits */
    int64_t memory_bytes;
    cJSON *args; /* taken */
};

/* Everything but the mounts of its own folders; the caller adds these.  NULL: no memory. */
cJSON *oci_config_new(const struct oci_config *config);

/* Shows a host folder or file at `path`.  The mount keeps the restrictions that the host has on it,
 * as the kernel asks of ordinary users. */
int oci_config_bind(cJSON *config, const char *source, const char *path, bool writable);

/* Shows a small empty folder of its own at `path`. */
int oci_config_empty(cJSON *config, const char *path);

/* Shows /<top> with changes going to <folder>/upper/<top>; `lowers` (host paths, the uppermost first,
 * at least one) lie below. */
int oci_config_overlay(cJSON *config, const struct oci_host *host, const char *top,
                       const char *folder, char *const *lowers, size_t count);

/* "NAME=value" for everything that runs inside. */
int oci_config_env(cJSON *config, const char *name, const char *value);

#endif
