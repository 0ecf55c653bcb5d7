/* sealed.h - recipe documents in files: without the values of their secrets. */
#ifndef ENGINE_SEALED_H
#define ENGINE_SEALED_H

#include "engine/fleet.h"
#include "engine/plan.h"

/* A copy of the fleet's document in which the secrets have no values and the scripts hold a mark in
 * each place where one stood.  The caller's; NULL: no memory, or a script that holds such a mark
 * already. */
cJSON *sealed_document(const struct fleet *fleet);

/* Puts the values back.  ERROR_INVALID for a secret that has none, which the sentence names. */
int sealed_open(cJSON *document, const struct plan_target *target, struct error *err);

#endif
