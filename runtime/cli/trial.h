/* trial.h - containers of the oci driver that this process runs itself, without a plane.
 *
 * A trial is a folder "trial-<hex>" beside the plane's instances, with a trial.json that says what
 * it is.  Whoever runs it holds a lock on it; one whose lock is free and that is not kept is the
 * rest of a command that died, and is swept: by a guard process at once, else by the next command. */
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include "cli/command.h"
#include "net/loop.h"
#include "plane/driver.h"

#define TRIAL_PREFIX "trial-"
#define TRIAL_CI_NAME "trial"

/* Where trials and instances stand. */
struct house {
    const struct invocation *invocation;
    char *data;   /* owned: Moonfleet's data folder */
    char *folder; /* owned: the driver's */
    struct loop *loop;
    struct driver *driver; /* NULL until house_open_driver() */
    struct loop_signal *signals[3];
    bool interrupted;
    bool over;                /* what is waited for has come */
    int rc;                   /* of the driver's call that is waited for */
    struct error *err;        /* of that call */
    void (*phase)(void *arg); /* told when the script begins; or NULL */
    void *phase_arg;
};

/* Folders and a loop; nothing is started.  Release with house_close(), also after a failure. */
int house_open(const struct invocation *invocation, struct house *out, struct error *err);
/* The driver, with INT, TERM and HUP caught from then on; ERROR_UNAVAILABLE tells why containers do
 * not work here. */
int house_open_driver(struct house *house, struct error *err);
void house_close(struct house *house);

/* Callbacks for a driver's call that house_wait() then waits for: its result, or ERROR_CANCELLED
 * after a signal, and the call goes on. */
struct driver_callbacks house_callbacks(struct house *house, struct error *err);
int house_wait(struct house *house, int started, struct error *err);

/* Removes what a trial or instance of that id has. Not interrupted by signals. */
int house_remove(struct house *house, const char *id, struct error *err);

/* The trial.json of every trial, with its "id", oldest first; an array, the caller's. */
int house_trials(const struct house *house, cJSON **out, struct error *err);
/* The row of a kept trial in it, borrowed; NULL. */
const cJSON *house_kept(const cJSON *trials, const char *name);
/* Removes the rests of commands that died. */
void house_sweep(struct house *house);

struct trial {
    struct house *house;
    char id[32];
    char *folder, *logs; /* owned */
    cJSON *about;        /* owned: trial.json */
    int lock;            /* held; -1 */
    struct process *guard;
    int guard_pipe;
    bool kept;
};

/* Makes the folder, the lock and the guard. Release with trial_end(), also after a failure. */
int trial_begin(struct house *house, cJSON *about, struct trial *out, struct error *err);
/* Removes the trial unless it was kept. */
int trial_end(struct trial *trial, struct error *err);
/* Writes trial->about. */
int trial_save(struct trial *trial, struct error *err);

/* The guard: waits until its standard input ends, then sweeps that trial. */
int trial_guard(const struct invocation *invocation, const char *id, struct error *err);

#endif
