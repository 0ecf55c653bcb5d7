/* resource_id.h - ARM resource ids: parsed, printed, compared.  Case folded, whole segments.
 * Source: the ARM RPC (common-api-details) and Azure's resource id syntax. */
#ifndef ARM_RESOURCE_ID_H
#define ARM_RESOURCE_ID_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

#define ARM_PROVIDER "Microsoft.MachineLearningServices"
#define RESOURCE_ID_MAX 1024

/* /subscriptions/{s}/resourceGroups/{rg}/providers/{ns}/{type}/{name}[/{type}/{name}]…
 * The texts are owned; NULL from the first part that the id does not have. */
struct resource_id {
    char *subscription;
    char *group;
    char *provider;
    char *workspace; /* the name after /workspaces/ */
    char *compute;   /* the name after /computes/ */
};

/* Only ids up to a compute: what this program speaks of.  ERROR_SYNTAX. */
int resource_id_parse(const char *text, struct resource_id *out, struct error *err);
void resource_id_clear(struct resource_id *id);

/* Appends the canonical text of a workspace, or of a compute when `compute` is not NULL. */
void resource_id_compute(struct buffer *out, const char *subscription, const char *group,
                         const char *workspace, const char *compute);

/* Is `scope` `ancestor` itself or below it, by whole segments?  Trailing slashes do not matter; "/"
 * is above everything. */
bool resource_id_contains(const char *ancestor, const char *scope);

#endif
