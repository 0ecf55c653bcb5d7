/* inside.c - beyond RBAC: who may use the inside of a compute instance.
 *
 * An instance is one person's: the one whom it is assigned to, or else the one who created it.
 * Only that person may use its applications, terminal and commands, whatever roles others have, an
 * Owner of the workspace included; and needs applicationaccess/action for it like everybody.  An
 * instance whose applicationSharingPolicy is Shared may be used by everybody who has that action.
 *
 * Shared is also the service's default (FACTS, section 2), but the applications of an instance that
 * was created on behalf of somebody are for that person alone (FACTS, section 8).  So the default
 * holds for instances without an assigned person only; who wants an assigned one shared says so,
 * and the column `sharing` remembers that it was said (computes.c).
 *
 * Logs of setup scripts are files of the workspace's share: whoever may read its storage may read
 * them, and so may the instance's person and its creator, who has to know what became of the
 * script that he sent.
 *
 * An owner of the plane in disguise is asked as the one he plays. */
#include "base/text.h"
#include "plane/plane_private.h"

#define STORAGE_READ PLANE_TYPE_WORKSPACE "/notebooks/storage/read"
#define INNER "$.properties.properties."

/* What is known of the caller and the instance. */
struct inside {
    bool creator, assigned; /* the caller is its creator, its assigned person */
    bool has_assigned;
    bool shared;
};

static bool load(struct call *call, struct inside *out)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    *out = (struct inside) { 0 };
    sqlite3_stmt *row = store_query(
        call->plane->store, &err,
        "SELECT json_extract(c.body, '" INNER "createdBy.userId'),"
        " json_extract(c.body, '" INNER "personalComputeInstanceSettings.assignedUser.objectId'),"
        " json_extract(c.body, '" INNER "applicationSharingPolicy'), c.sharing"
        " FROM workspaces w JOIN computes c ON c.workspace = w.key"
        " WHERE w.subscription = ? AND w.resource_group = ? AND w.name = ? AND c.name = ?",
        "ssss", p->subscription, p->group, p->workspace, p->compute);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    if (rc == 1) {
        out->creator = text_equal_nocase(store_text(row, 0), call->caller);
        out->has_assigned = *store_text(row, 1) != '\0';
        out->assigned = text_equal_nocase(store_text(row, 1), call->caller);
        out->shared = text_equal_nocase(store_text(row, 2), "Shared") &&
                      (!out->has_assigned || text_equal_nocase(store_text(row, 3), "Shared"));
    }
    store_done(row);
    if (rc == 0)
        answer_missing(call);
    else if (rc < 0)
        answer_failure(call, &err);
    return rc == 1;
}

bool inside_admits(struct call *call)
{
    struct inside inside;
    if (!load(call, &inside))
        return false;
    if (inside.shared || (inside.has_assigned ? inside.assigned : inside.creator))
        return true;
    char *name = directory_name(call->plane, call->caller);
    answer_error(call, 403, "ApplicationAccessDenied", NULL,
                 "The compute instance '%s' is another person's: only who %s may use its "
                 "applications, terminal and commands, whatever roles '%s' has.",
                 call->params.compute,
                 inside.has_assigned ? "it is assigned to" : "created it (it is not shared)",
                 name && *name ? name : call->caller);
    free(name);
    return false;
}

bool inside_admits_logs(struct call *call)
{
    char workspace[RBAC_SCOPE_MAX + 2];
    const struct route_params *p = &call->params;
    struct inside inside;
    if (!load(call, &inside))
        return false;
    if (inside.creator || inside.assigned)
        return true;
    snprintf(workspace, sizeof workspace,
             "/subscriptions/%s/resourceGroups/%s/providers/" PLANE_TYPE_WORKSPACE "/%s",
             p->subscription, p->group, p->workspace);
    return authorization_require(call, STORAGE_READ, workspace);
}
