/* oci_host.h - what this machine and this user offer for containers: found once, by trying. */
#ifndef DRIVERS_OCI_HOST_H
#define DRIVERS_OCI_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "plane/driver.h"

/* How limits on memory, processes and CPU can be set. */
enum oci_limits {
    OCI_LIMITS_CGROUPFS, /* the runtime writes the control groups itself */
    OCI_LIMITS_SYSTEMD,  /* through systemd */
    OCI_LIMITS_NONE,
};

/* A range of ids of /etc/subuid or /etc/subgid. */
struct oci_range {
    int64_t first, count; /* count 0: none */
};

struct oci_host {
    char *runtime; /* path; owned */
    bool crun;
    enum oci_limits limits;
    bool rootless;
    bool has_range; /* more than one id can be mapped */
    struct oci_range uids, gids;
    bool has_sudo;        /* the machine's own sudo works in an instance */
    int cores;            /* of this machine */
    int64_t memory_bytes; /* of this machine */
};

/* Tries what there is, once per process and runtime asked for: later calls answer from memory.
 * `rows` and the result as driver_oci_probe() tells them; *out_rows may be NULL.  *out is borrowed
 * and lives as long as the process. */
int oci_host_find(const struct oci_options *options, const struct oci_host **out, cJSON **out_rows,
                  struct error *err);

/* The command line "runtime --root ROOT ..." as far as the verb; an array the caller owns. */
cJSON *oci_host_command(const struct oci_host *host, const char *root);

#endif
