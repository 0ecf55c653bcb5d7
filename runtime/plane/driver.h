/* driver.h - how the plane makes an instance real.
 *
 * A driver knows nothing of ARM: the plane tells it to create, start, stop and delete, and it
 * reports back from the loop.  Every call is repeatable: after a crash the plane calls it again for
 * what was in flight, and a driver that finds the work done reports success. */
#ifndef PLANE_DRIVER_H
#define PLANE_DRIVER_H

#include "base/json.h"
#include "base/log.h"
#include "net/loop.h"

struct driver;

/* One script of an instance; absent when `text` is NULL. */
struct driver_script {
    const char *text;
    size_t size;
    const char *arguments; /* one shell-quoted string as on the wire (scriptArguments), or NULL */
    int64_t timeout_s;
    const char *directory; /* working directory inside the instance */
    bool trace;            /* oci: bash tells what it runs when (driver_oci_trace()) */
};

/* What an instance is.  All borrowed for the length of the call. */
struct driver_instance {
    const char *id;   /* a uuid of the plane's: names the driver's folder and container */
    const char *name; /* CI_NAME and the host name */
    const char *workspace, *resource_group;
    int cores; /* the VM size's shape; the driver caps it to what the machine has */
    int64_t memory_bytes;
    struct driver_script creation; /* run once, at creation */
    struct driver_script startup;  /* run at every start, the first included, after `creation` */
    const char *ssh_public_key;    /* or NULL */
    const char
        *log_folder; /* host folder (made by the plane) for the scripts' output: Logs/<name> */
    const char
        *share_folder; /* host folder (made by the plane) of the workspace's file share, which
                                 holds Logs/<name>; NULL: there is none */
    bool cached; /* the creation script's result does not depend on the instance: it may begin with
                    what another one's script left, and others with what this one's does */
    const char *base; /* oci: another instance of this driver, which must not run any more and must
                         outlive this one: it begins with what that one was left with.  Or NULL */
};

enum driver_phase {
    DRIVER_SETTING_UP,      /* the machine exists */
    DRIVER_USER_SETTING_UP, /* a setup script is running */
};

/* Progress and end of one call.  Both come from the loop; `done` exactly once per call.  When a
 * setup script failed, rc is ERROR_REMOTE, err->name "SetupScriptFailed", err->message has the exit
 * status (or the time limit) and the last lines of its log; the instance exists and can be looked
 * into and deleted. `log_name` (may be NULL) is the file under log_folder. */
struct driver_callbacks {
    void (*phase)(enum driver_phase phase, void *arg);
    void (*done)(int rc, const struct error *err, void *arg);
    void *arg;
};

struct driver_ops {
    const char *name; /* "simulated", "oci" */
    int (*create)(struct driver *driver, const struct driver_instance *instance,
                  const struct driver_callbacks *callbacks);
    int (*start)(struct driver *driver, const struct driver_instance *instance,
                 const struct driver_callbacks *callbacks);
    int (*stop)(struct driver *driver, const char *id, const struct driver_callbacks *callbacks);
    /* What the instance changed is removed; harmless for what was never made.  May be called while
     * another call for the same instance is in flight (a deletion takes over from a creation): that
     * one is abandoned, and still ends with its own `done`, whose rc then does not matter. */
    int (*remove)(struct driver *driver, const char *id, const struct driver_callbacks *callbacks);
    /* Is its machine running now?  1, 0, or an error.  Asked for each instance when the plane
     * starts. */
    int (*running)(struct driver *driver, const char *id, struct error *err);
    /* The command line that runs `argv` inside a running instance, with a terminal when `terminal`:
     * a NULL-terminated JSON array of strings, the caller's. Run by the client on the same machine
     * as the same user. ERROR_INVALID when this driver has no inside (simulated). */
    int (*exec)(struct driver *driver, const char *id, const cJSON *argv, bool terminal,
                cJSON **out_argv, struct error *err);
    void (*free)(struct driver *driver);
};

/* Embedded first in every driver. */
struct driver {
    const struct driver_ops *ops;
    /* Set by the plane: told when a machine that ran has ended by itself. From the loop. */
    void (*ended)(const char *id, void *arg);
    void *ended_arg;
};

void driver_free(struct driver *driver); /* NULL is fine */

/* simulated: states only.  Durations of each call in ms of the loop's clock (0: the next turn). */
struct simulated_options {
    int64_t create_ms, start_ms, stop_ms, remove_ms;
    /* Instances whose names match this glob fail their creation script with status 3; NULL: none.
     */
    const char *fail_creation;
};
int driver_simulated_new(struct loop *loop, const struct simulated_options *options,
                         struct driver **out, struct error *err);

/* oci: containers of an OCI runtime over a copy-on-write view of this machine, under `folder`
 * (created). */
struct oci_options {
    const char *folder;      /* "<data>/instances" */
    const char *mask_folder; /* the plane's own data folder: never visible inside an instance */
    const char *program; /* this program: its `__init` command is process 1 of every container */
    const char *runtime; /* "runc", "crun", a path, or NULL: probe */
    const struct log *log;
    int places; /* how many instances are brought up at once; 0: OCI_PLACES_PER_CORE for each core */
};
#define OCI_PLACES_PER_CORE 2
int driver_oci_new(struct loop *loop, const struct oci_options *options, struct driver **out,
                   struct error *err);

/* Lists what the instance (running or not) has different from this machine, as setup/listing.h says,
 * into the file `name` of its folder "<options.folder>/<id>". */
int driver_oci_scan(struct driver *driver, const char *id, const char *name,
                    const struct driver_callbacks *callbacks);

/* The processes that run in the instance, but for its process 1, and the ports that these listen
 * on: {"processes":[{"pid","command"}],"ports":[{"protocol","address","port","command"}]}; *out is
 * the caller's. */
int driver_oci_inside(struct driver *driver, const char *id, cJSON **out, struct error *err);

/* What this machine offers the oci driver, for `doctor` and for --driver auto.  Runs a container
 * that does nothing with each runtime found.  `rows` is an array of
 * {"check","status":"ok|warning|failure","message", "advice"}, the caller's.  Returns 0 when oci
 * works here, else ERROR_UNAVAILABLE with the reason in err. */
int driver_oci_probe(const struct oci_options *options, cJSON **out_rows, struct error *err);

/* Process 1 of a container (never returns to the caller's program otherwise): runs the scripts as
 * told by the files in /run/moonfleet, writes what happened there, then sits and reaps. argv as
 * main() got it. */
int driver_oci_init(int argc, char **argv);

#endif
