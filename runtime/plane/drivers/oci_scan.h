/* oci_scan.h - lists what an instance has different from the machine (setup/listing.h says how). */
#ifndef DRIVERS_OCI_SCAN_H
#define DRIVERS_OCI_SCAN_H

#include "base/buffer.h"
#include "base/error.h"

/* An instance may stand on others that are finished: its layers, the uppermost first. */
#define OCI_LAYERS_MAX 16

struct oci_layers {
    char *names[OCI_LAYERS_MAX]; /* folders below the driver's, owned: "trial-a", ".layers/<key>" */
    size_t count;
};

/* Reads "<folder>/<id>/layers.json" (missing: none).  *out is the caller's.  ERROR_SYNTAX,
 * ERROR_NO_MEMORY. */
int oci_layers_read(const char *folder, const char *id, struct oci_layers *out, struct error *err);
void oci_layers_clear(struct oci_layers *layers);

/* Which folder of the layer or instance at `path` holds what it has of /<top>: its changes of it,
 * or the folder itself where it is its own.  The caller frees; NULL: it has nothing there. */
char *oci_layers_part(const char *path, const char *top);

/* Is /<top> a place of its own in every container, never part of a layer? */
bool oci_layers_special(const char *top);

/* `__init --scan FOLDER ID OUT 0|1 TOP...`: writes the listing of FOLDER/ID to FOLDER/ID/OUT.  The
 * tops are those which the shared layer (FOLDER/.base) covers; 1: for an ordinary user.  The exit
 * status; the error on stderr. */
int oci_scan_main(int argc, char **argv);

#endif
