/* who.h - the principals that commands name: a user, a group or a service principal, by name or by
 * object id, or `me`. */
#ifndef CLI_WHO_H
#define CLI_WHO_H

#include "cli/session.h"
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

/* The directory that commands ask: the plane's own. */
struct directory who_directory(const struct session *session);

/* Finds whom `said` means.  ERROR_NOT_FOUND with what is near; ERROR_CONFLICT when several are called
 * so: their ids are told.  `out` is written only on success. */
int who_resolve(struct session *session, const char *said, struct who *out, struct error *err);

/* The same where only one kind can be meant: a group to show, a user to delete. */
int who_resolve_kind(struct session *session, enum directory_kind kind, const char *said,
                     struct who *out, struct error *err);
/* "user", "group", "service principal". */
const char *who_kind_name(enum directory_kind kind);

/* "User", "Group", "ServicePrincipal", as role assignments say it. */
const char *who_type(const struct who *who);

#endif
