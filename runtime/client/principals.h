/* principals.h - requests for users, groups and service principals (Microsoft Graph, or the part of
 * it that a local plane has), in the manner of client/computes.h: a function fills a request,
 * arm_send() or arm_wait() sends it, nothing else does.
 *
 * Object ids are GUIDs: anything else is ERROR_INVALID.  directory_resolve() (client/directory.h)
 * finds those of names.  All functions fail with that or ERROR_NO_MEMORY; the request is then
 * cleared.  Lists come page by page: set arm.on_page, or take the whole list from the reply. */
#ifndef CLIENT_PRINCIPALS_H
#define CLIENT_PRINCIPALS_H

#include "client/directory.h"

#define PRINCIPALS_BY_IDS_MAX 1000 /* ids in one getByIds: Graph's limit */

/* Owns what `arm` points to; the token is the directory's and borrowed. */
struct principals_request {
    struct arm_request arm;
    char *path;
    cJSON *body;
};
void principals_request_clear(struct principals_request *request); /* harmless twice */

/* ---- reading ---- */

/* All of a kind. */
int principals_list(struct principals_request *out, const struct directory *directory,
                    enum directory_kind kind, struct error *err);
/* Who is signed in: one user. */
int principals_me(struct principals_request *out, const struct directory *directory,
                  struct error *err);
/* What stands in the group itself: users, groups and service principals, each with its
 * "@odata.type" ("#microsoft.graph.user"). */
int principals_members(struct principals_request *out, const struct directory *directory,
                       const char *group_id, struct error *err);
/* Principals of any kind by their ids (an array of strings, copied; PRINCIPALS_BY_IDS_MAX at most):
 * {"value":[…]} of those that there are. */
int principals_by_ids(struct principals_request *out, const struct directory *directory,
                      const cJSON *ids, struct error *err);

/* The kind that an item's "@odata.type" tells; false when it tells none of ours. */
bool principals_kind_of(const cJSON *item, enum directory_kind *out);
/* What people call it: a user's user principal name, else the display name; NULL: it has neither. */
const char *principals_name_of(const cJSON *item);

/* ---- writing: a local plane's directory ---- */

/* `display_name` NULL: what stands before the @ of the name. */
int principals_create_user(struct principals_request *out, const struct directory *directory,
                           const char *upn, const char *display_name, struct error *err);
/* A security group. */
int principals_create_group(struct principals_request *out, const struct directory *directory,
                            const char *name, struct error *err);
int principals_delete(struct principals_request *out, const struct directory *directory,
                      enum directory_kind kind, const char *id, struct error *err);
/* Adding one that is there is refused with 400 (PRINCIPALS_IS_THERE in its message), removing one
 * that is not with 404. */
#define PRINCIPALS_IS_THERE "added object references already exist"
int principals_add_member(struct principals_request *out, const struct directory *directory,
                          const char *group_id, const char *member_id, struct error *err);
int principals_remove_member(struct principals_request *out, const struct directory *directory,
                             const char *group_id, const char *member_id, struct error *err);

#endif
