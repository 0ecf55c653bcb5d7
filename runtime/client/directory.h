/* directory.h - principals by the names that people use: users by user principal name, groups and
 * service principals by display name; each also by object id.  Microsoft Graph, or the part of it
 * that a local plane has. */
#ifndef CLIENT_DIRECTORY_H
#define CLIENT_DIRECTORY_H

#include "client/arm_client.h"

#define DIRECTORY_BATCH 15     /* names in one `in (…)` filter: Graph's limit */
#define DIRECTORY_HINTS_MAX 20 /* names for which similar ones are looked for in one resolve */

/* Where the directory is.  Nothing is owned. */
struct directory {
    struct arm_client *client;
    const char *graph_url; /* "https://graph.microsoft.com"; NULL: the client's own host */
    const char
        *graph_token; /* bearer token for it; NULL: the client's own, which stays on its own host */
};

enum directory_kind { DIRECTORY_USER, DIRECTORY_GROUP, DIRECTORY_SERVICE_PRINCIPAL };

/* What is asked. */
struct directory_name {
    enum directory_kind kind;
    const char *name; /* compares case-folded */
};

enum directory_outcome {
    DIRECTORY_FOUND,
    DIRECTORY_MISSING,
    DIRECTORY_AMBIGUOUS, /* several have that display name */
};

/* What is known of one name; borrowed by the callback, copied by it if needed. */
struct directory_answer {
    enum directory_outcome outcome;
    char *id;           /* FOUND: object id; else NULL */
    char *display_name; /* FOUND; may be NULL */
    char *near;         /* MISSING: the most similar name there is, for a "did you mean"; or NULL */
    char **ids;         /* AMBIGUOUS: all their object ids */
    size_t ids_count;
};

/* answers[i] belongs to names[i].  `rc` < 0: the directory could not be asked; no answers then. */
typedef void directory_done_fn(int rc, const struct directory_answer *answers, size_t count,
                               const struct error *err, void *arg);

struct directory_lookup;

/* Resolves all names, with as few requests as there can be, all of them in flight at once.  `names`
 * are copied; `directory`'s members are borrowed until the callback, which comes later from the
 * loop, exactly once unless cancelled.  *out_lookup (may be NULL) is valid until then. */
int directory_resolve(const struct directory *directory, const struct directory_name *names,
                      size_t count, directory_done_fn *done, void *arg,
                      struct directory_lookup **out_lookup, struct error *err);
void directory_cancel(struct directory_lookup *lookup); /* NULL is fine */

#endif
