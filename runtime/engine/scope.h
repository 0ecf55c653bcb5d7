/* scope.h - the scopes of roles as people say them: "workspace", "instance:ds-ada", or a whole id. */
#ifndef ENGINE_SCOPE_H
#define ENGINE_SCOPE_H

#include "base/error.h"
#include "client/computes.h"

/* How a scope may be said, for messages and help. */
#define SCOPE_WORDS "workspace, instance:NAME, resource-group, subscription, / or a whole id"

/* What `said` means where `here` is the context's place:
 *   workspace (also NULL or ""), workspace:NAME    instance:NAME, one of the workspace
 *   resource-group, resource-group:NAME            subscription, subscription:ID
 *   management-group:NAME                          / and whole ids: as they are, without a slash at
 *                                                  their end
 * *out is the caller's to free().  ERROR_INVALID with what is near; ERROR_USAGE when `here` lacks
 * what is meant. */
int scope_of(const char *said, const struct workspace_ref *here, char **out, struct error *err);

/* Appends the shortest word that means the scope: the inverse of scope_of(). */
void scope_say(struct buffer *out, const char *scope, const struct workspace_ref *here);

/* Appends the id of an instance, and of the place that it is in. */
void scope_instance(struct buffer *out, const struct workspace_ref *here, const char *name);

#endif
