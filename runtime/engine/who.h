/* who.h - the principals that commands and scripts name: a user, a group or a service principal, by
 * name or by object id, or `me`. */
#ifndef ENGINE_WHO_H
#define ENGINE_WHO_H

#include "client/directory.h"

/* For help and messages. */
#define WHO_WORDS "a user principal name, a group, a service principal, an object id, or me"

/* Texts are owned. */
struct who {
    char *id;   /* object id */
    char *name; /* "ada@example.com", "data-scientists"; the id when the directory tells none */
    enum directory_kind kind;
};
void who_clear(struct who *who); /* harmless twice */

/* The directory that is asked: the plane's own. */
struct directory who_directory(struct arm_client *client);

struct who_finding;
/* The end, from the loop, once.  `rc` 0: the receiver may take what is in `who`, leaving zeros. */
typedef void who_done_fn(int rc, struct who *who, const struct error *err, void *arg);

/* Starts finding whom `said` (copied) means.  ERROR_NOT_FOUND with what is near; ERROR_CONFLICT when
 * several are called so: their ids are told.  *out is valid until the callback. */
int who_find(struct arm_client *client, const char *said, who_done_fn *done, void *arg,
             struct who_finding **out, struct error *err);
void who_cancel(struct who_finding *finding); /* without its callback; NULL is fine */

/* The same, running the loop until it is there.  `out` is written only on success. */
int who_resolve(struct arm_client *client, const char *said, struct who *out, struct error *err);

/* The same where only one kind can be meant: a group to show, a user to delete. */
int who_resolve_kind(struct arm_client *client, enum directory_kind kind, const char *said,
                     struct who *out, struct error *err);
/* "user", "group", "service principal". */
const char *who_kind_name(enum directory_kind kind);

/* "User", "Group", "ServicePrincipal", as role assignments say it. */
const char *who_type(const struct who *who);

#endif
