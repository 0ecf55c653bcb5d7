/* oci_private.h - what the files of the oci driver share: its instances ("machines") and the steps
 * that a call is made of. */
#ifndef DRIVERS_OCI_PRIVATE_H
#define DRIVERS_OCI_PRIVATE_H

#include <uthash.h>

#include "base/random.h"
#include "net/process.h"
#include "plane/driver.h"
#include "plane/drivers/oci_bundle.h"
#include "plane/drivers/oci_host.h"
#include "plane/drivers/oci_layer.h"

enum call_kind { CALL_NONE, CALL_CREATE, CALL_START, CALL_STOP, CALL_REMOVE, CALL_SCAN };

enum child_kind {
    CHILD_LAYER,     /* the layer of a top-level folder that holds the driver's own folder */
    CHILD_CLEAN,     /* `delete -f`: what is left of a container */
    CHILD_RUN,       /* `run --detach` */
    CHILD_REMOVE,    /* our own removal */
    CHILD_CONTAINED, /* the same in a container, for files of mapped ids */
    CHILD_SWEEP,     /* the rest of that container */
    CHILD_SCAN,      /* the listing of an instance's files */
    CHILD_SEAL,      /* a layer of what a creation script made */
};

struct call {
    enum call_kind kind;
    struct driver_callbacks callbacks;
    int told; /* the last phase told, -1: none */
};

/* A creation whose script's result may be shared. */
struct oci_wish {
    struct driver_instance instance; /* its texts are owned, but for the id and the log folder */
    char key[OCI_LAYER_KEY_SIZE];
    bool decided; /* how it begins; its bundle is written */
    bool waits;   /* for another one that makes the layer */
    bool makes;   /* the layer, in its own container */
    bool seals;   /* its container has made it and ended */
    bool made;    /* the layer that it stands on now */
    bool alone;   /* runs the script for itself */
};

struct machine {
    struct oci *oci;
    char *id;
    char *folder;
    char *log_folder; /* of the call in flight */
    char token[UUID_TEXT_SIZE];
    struct call call;
    struct oci_wish *wish; /* owned; NULL: none */
    bool waits_for_base;
    bool has_place, had_place, queued; /* among those that are brought up: oci_queue.c */
    struct loop_timer *turn;
    struct machine *queue_prev, *queue_next;
    enum child_kind child_kind;
    struct process *child;
    pid_t pid; /* process 1 while it runs; 0 otherwise */
    struct process_watch *watch;
    struct loop_timer *patience;
    int notify;         /* inotify watch of the run folder, or -1 */
    struct error error; /* what a call fails with before it began */
    UT_hash_handle hh;
    UT_hash_handle by_notify;
};

struct oci {
    struct driver driver;
    struct loop *loop;
    struct log log_value;
    const struct log *log;
    const struct oci_host *host;
    struct oci_bundle bundle;
    char *folder, *mask_folder, *program, *root, *base;
    bool base_ready, base_failed;
    struct process *base_child;
    int inotify;
    struct loop_watch *inotify_watch;
    struct machine *machines;            /* by id */
    struct machine *notified;            /* by inotify watch */
    struct machine *queue;               /* those that wait to be brought up, the first first */
    char looked_key[OCI_LAYER_KEY_SIZE]; /* the layer that was looked through in this turn, or "" */
    int places, places_taken;            /* how many may be brought up at once, and how many are */
};

/* ---- oci.c ---- */

/* Ends the call in flight and tells the plane.  Always comes from the loop, never from inside one
 * of the plane's calls. */
void oci_finish(struct machine *machine, int rc, const struct error *err);
/* Likewise for a removal that left nothing; the machine itself is forgotten soon after. */
void oci_finish_removal(struct machine *machine);
/* The running child's end: decides what the next step is.  A process_done_fn. */
void oci_on_child(struct process *process, int status, const struct buffer *output, void *arg);

/* Begins a call: ERROR_CONFLICT when the instance has one that this one may not overtake. */
int oci_begin(struct oci *oci, enum call_kind kind, const char *id,
              const struct driver_callbacks *callbacks, struct machine **out);
/* The shared layer covers /<top>. */
bool oci_is_based(const struct oci *oci, const char *top);

/* The next step of a create or start whose bundle is written. */
void oci_launch(struct machine *machine);
/* Watches the run folder of an instance that is about to start. */
int oci_start_notify(struct machine *machine, struct error *err);

/* ---- oci_queue.c: how many are brought up at once ---- */

/* Takes a place, or stands in line for one (false): oci_launch() comes when it is there.  A call
 * that had its place goes on without. */
bool oci_queue_enter(struct machine *machine);
/* Takes a place even if there is none: of one that runs already. */
void oci_queue_jump(struct machine *machine);
/* Gives up the place, or the line; harmless without. */
void oci_queue_leave(struct machine *machine);
/* What a machine needs for that; clear before it is freed. */
int oci_queue_init(struct machine *machine);
void oci_queue_clear(struct machine *machine);

/* ---- oci_process.c: which process ---- */

/* What the runtime wrote into the pid file, or 0. */
pid_t oci_process_read(const struct machine *machine);
/* Remembers which process runs the instance, for the next plane. */
void oci_process_remember(const struct machine *machine);
/* The process that runs the instance now, or 0.  After a crash between `run` and remembering it
 * only the pid file is there. */
pid_t oci_process_find(const struct machine *machine);
/* The signal goes to this process or to none: a pid that is somebody else's by now is not hit. */
void oci_process_signal(const struct machine *machine, int signal);

/* ---- oci_child.c: steps that are child processes; each ends in oci_on_child() ---- */

/* "moonfleet-<id>"; the caller frees. */
char *oci_child_name(const char *id);
/* Fills `err` (ERROR_IO) with the last line of what the runtime or a child of ours said. */
void oci_child_last_words(const struct machine *machine, struct error *err, const char *doing);
/* `runtime --root ROOT <words...>` */
int oci_child_runtime(struct machine *machine, enum child_kind kind, const char *const *words,
                      size_t count, struct error *err);
/* Our own program: `__init <words...>` */
int oci_child_own(struct machine *machine, enum child_kind kind, const char *const *words,
                  size_t count, struct error *err);
/* Does the runtime still know a container of that name? */
bool oci_child_remains(const struct machine *machine);
/* Makes the runtime forget it (CHILD_CLEAN). */
int oci_child_clean(struct machine *machine, struct error *err);

/* ---- oci_down.c: stopping and removing ---- */

/* Ends what runs, then cleans up, then goes on by what was asked. */
void oci_down_step(struct machine *machine);
/* What follows each of its children. */
void oci_down_cleaned(struct machine *machine);
void oci_down_removed(struct machine *machine);
void oci_down_contained(struct machine *machine);
void oci_down_swept(struct machine *machine);
/* A script was running when the machine ended: writes the end that nobody inside can write any
 * more. */
void oci_down_close_log(const struct machine *machine);

/* ---- oci_cache.c: results of creation scripts that are shared ---- */

/* Keeps what a creation asked for; machine->log_folder is set. */
int oci_cache_wish(struct machine *machine, const struct driver_instance *instance,
                   struct error *err);
void oci_cache_forget(struct machine *machine);
/* Its container runs already: is it to make a layer? */
void oci_cache_adopted(struct machine *machine);
/* Decides how the instance begins: on a layer, by making one, by waiting for one, by itself. */
void oci_cache_step(struct machine *machine);
/* Has its container run the script for a layer, with success? */
bool oci_cache_built(const struct machine *machine);
/* Nothing of the container is left: makes the layer of it (CHILD_SEAL). */
void oci_cache_seal(struct machine *machine);
void oci_cache_sealed(struct machine *machine, bool good);
/* The creation is over, in whatever way; those that waited for its layer go on. */
void oci_cache_over(struct machine *machine, bool failed);
/* Finishes what a plane that died was about to make. */
void oci_cache_resume(struct oci *oci);

/* ---- oci_look.c: looking into an instance ---- */

/* What follows its child. */
void oci_look_ended(struct machine *machine, bool good);
/* Removes what an interrupted look left behind. */
void oci_look_forget(const struct machine *machine);

#endif
