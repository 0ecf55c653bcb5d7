/* oci_layer.h - the cache: what a creation script left, kept for the next instance that wants the
 * same.
 *
 *   <folder>/.layers/<key>/      upper/, rootfs/, prepared.json as the instance had them, and
 *                  layer.json    {"format","key","instance","seconds","created","bytes","contents"}
 *   <folder>/.layers/.new-<id>/  an instance's folder on its way to become one
 *   <folder>/.layers/.lock       held while one is taken into use, made or pruned
 *
 * A layer appears by one rename of a folder that is complete and on the disk; a kill before leaves
 * a .new-…, which is swept.  An instance that uses one names it in its layers.json (oci_scan.h). */
#ifndef DRIVERS_OCI_LAYER_H
#define DRIVERS_OCI_LAYER_H

#include "base/json.h"
#include "base/random.h"
#include "plane/driver.h"
#include "plane/drivers/oci_host.h"

#define OCI_LAYERS_FOLDER ".layers"
#define OCI_LAYER_KEY_SIZE 33

/* What the key is made of; all texts borrowed, NULL is fine. */
struct oci_layer_inputs {
    const char *base;   /* what lies below: oci_layer_base() */
    const char *script; /* with its size */
    size_t script_size;
    const char *arguments, *directory;
    const char *name; /* the instance's: where `directory` holds it, it does not count */
    const char *workspace, *resource_group; /* the script sees them */
    int64_t uid, gid; /* of whoever's instances: owners of files depend on them */
    int64_t first_uid, first_gid;
};

/* Pure: equal inputs, equal keys. */
void oci_layer_key(const struct oci_layer_inputs *inputs, char out[OCI_LAYER_KEY_SIZE]);

/* What says that this machine is the same as it was: a digest of what a package manager or an
 * administrator changes when they change what instances see. */
void oci_layer_base(char out[DIGEST_TEXT_SIZE]);

/* Can instances of this folder stand on layers at all?  No where the folder stands in a folder that
 * instances are shown: overlayfs refuses lower folders inside one another. */
bool oci_layer_possible(const char *folder);

/* The layer.json of a whole layer; NULL when there is none or it is broken.  The caller's.  `look`:
 * at every file, which finds what was damaged, replaced or given to somebody else since it was made;
 * about 1 ms for 1,000 files. */
cJSON *oci_layer_find(const char *folder, const char *key, bool look);

/* Takes the lock; -1 with `err`.  Release with close(). */
int oci_layer_lock(const char *folder, struct error *err);

/* Moves an instance that has ended after its creation script out of the way to become the layer
 * `key`: from here on the instance is none any more. */
int oci_layer_begin(const char *folder, const char *id, const char *key, const char *name,
                    struct error *err);
/* `__init --seal FOLDER ID`: makes the layer of it, or removes it when there is one already; again
 * after a kill.  The exit status; the error on stderr. */
int oci_layer_main(int argc, char **argv);

/* Is the remain "<folder>/.layers/<name>" (".new-<id>") being made into a layer right now? */
bool oci_layer_is_being_made(const char *folder, const char *name);

/* All layers, oldest first: their layer.json with "users":[ids of instances]; an array, the
 * caller's. Broken ones and remains have "broken":true and a "folder". */
int oci_layer_list(const char *folder, cJSON **out, struct error *err);

#endif
