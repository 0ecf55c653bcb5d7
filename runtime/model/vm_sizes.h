/* vm_sizes.h - VM sizes: shape, family and an indicative price. */
#ifndef MODEL_VM_SIZES_H
#define MODEL_VM_SIZES_H

#include <stddef.h>
#include <stdint.h>

struct vm_size {
    const char *name;   /* "Standard_DS3_v2"; sizes compare case-folded */
    const char *family; /* "standardDSv2Family" */
    int cores;
    int64_t memory_mib;
    int gpus;
    int64_t disk_mib;      /* temporary disk; 0: not known */
    double price_usd_hour; /* Linux, eastus, pay as you go; 0: not known */
};

/* All of them, sorted by name (case folded). Static. */
const struct vm_size *vm_sizes(size_t *out_count);

/* The size called `name` in any case, or NULL (also for NULL). */
const struct vm_size *vm_size_find(const char *name);

/* How usages and quotas call a family: "Standard DSv2 Family Cluster Dedicated vCPUs".  Cut to
 * `out_size`; VM_FAMILY_USAGE_SIZE is always enough for the families above. */
#define VM_FAMILY_USAGE_SIZE 96
void vm_family_usage_name(const char *family, char *out, size_t out_size);

/* A family as people say it: "DSv2" of "standardDSv2Family" or of the name that usages and quotas
 * have for it.  Cut to `out_size`; VM_FAMILY_USAGE_SIZE is always enough. */
void vm_family_short_name(const char *family, char *out, size_t out_size);

/* The family ("standardDSv2Family") that is meant by any of its names, in any case and with any
 * blanks, or by a size of it; NULL: none.  Static. */
const char *vm_family_find(const char *said);

#endif
