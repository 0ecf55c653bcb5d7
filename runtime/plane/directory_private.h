/* directory_private.h - what the files of the directory share. */
#ifndef PLANE_DIRECTORY_PRIVATE_H
#define PLANE_DIRECTORY_PRIVATE_H

#include "plane/plane_private.h"

/* Kinds as principals.kind and "@odata.type" have them. */
#define KIND_USER "user"
#define KIND_GROUP "group"
#define KIND_SERVICE_PRINCIPAL "servicePrincipal"

#define DIRECTORY_IDS_MAX 1000 /* of getByIds: Graph's own limit */

/* Graph's 404. */
void directory_answer_none(struct call *call, const char *id);
/* Is there a principal of that kind (NULL: of any)?  `id` may be a user principal name. */
bool directory_has(struct plane *plane, const char *kind, const char *id);

/* ---- directory_lists.c ---- */

/* How principals of a reply are shown: $select, and whether they are of mixed kinds. */
struct view {
    char *select; /* the parameter, decoded; owned; NULL: everything */
    bool typed;   /* with "@odata.type" */
};
/* Reads $select; false with the error answered when it names a property that `kind` does not have
 * (NULL: of mixed kinds).  Clear it in any case. */
bool view_of(struct call *call, const char *kind, struct view *out);
void view_clear(struct view *view);
/* Appends one principal's body as the view has it. */
void view_append(const struct view *view, const char *kind, const char *body, struct buffer *out);
/* Adds the principal of that id to the list that is being answered; one that there is not adds
 * nothing. */
int view_add_item(struct call *call, const struct view *view, const char *id, struct error *err);

#endif
