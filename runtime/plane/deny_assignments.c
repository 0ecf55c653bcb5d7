/* deny_assignments.c - deny assignments, which take what roles give.
 *
 * As in Azure, no request makes or removes one: here they come with the seed. */
#include "base/text.h"
#include "plane/access.h"

/* The principals of a deny assignment: one id, or any id of a set; everyone is in each set. */
#define AMONG(set)                                                                                 \
    "EXISTS (SELECT 1 FROM json_each(d.body, '$.properties.principals') p"                         \
    " WHERE json_extract(p.value, '$.id') COLLATE NOCASE IN " set ")"

static bool belongs(const struct rbac_policy *policy, const struct call *call,
                    const struct access_filter *filter, const char *scope)
{
    return rbac_policy_covers(policy, scope, call->params.scope) ||
           (!filter->set[ACCESS_AT_SCOPE] && rbac_policy_covers(policy, call->params.scope, scope));
}

static int list_rows(struct call *call, const struct access_filter *filter, struct error *err)
{
    struct plane *plane = call->plane;
    const struct rbac_policy *policy = authorization_policy(plane, err);
    sqlite3_stmt *row =
        policy ? store_query(
                     plane->store, err,
                     "SELECT d.scope, d.body FROM deny_assignments d"
                     " WHERE (?1 IS NULL OR json_extract(d.body, '$.properties.denyAssignmentName')"
                     " = ?1 COLLATE NOCASE) AND (?2 IS NULL OR " AMONG(
                         "(?2)") ")"
                                 " AND (?3 IS NULL OR " AMONG(
                                     "(WITH RECURSIVE mine(id) AS (VALUES(?3), ('" RBAC_EVERYONE
                                     "') UNION"
                                     " SELECT m.group_id FROM mine JOIN members m ON m.member_id = "
                                     "mine.id)"
                                     " SELECT id FROM mine)") ") ORDER BY d.key",
                     "sss", access_filter_text(filter, ACCESS_DENY_NAME),
                     access_filter_text(filter, ACCESS_PRINCIPAL),
                     access_filter_text(filter, ACCESS_ASSIGNED_TO))
               : NULL;
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && (rc = store_step(plane->store, row, err)) == 1)
        if (belongs(policy, call, filter, store_text(row, 0)))
            answer_list_item(call, store_text(row, 1), strlen(store_text(row, 1)));
    store_done(row);
    return rc;
}

void deny_assignments_list(struct call *call)
{
    struct error err = { 0 };
    struct access_filter filter;
    if (!access_scope_exists(call) ||
        !access_filter_read(call,
                            1U << ACCESS_AT_SCOPE | 1U << ACCESS_PRINCIPAL |
                                1U << ACCESS_ASSIGNED_TO | 1U << ACCESS_DENY_NAME,
                            &filter))
        return;
    answer_list_begin(call);
    if (list_rows(call, &filter, &err) < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, NULL);
}

void deny_assignment_get(struct call *call)
{
    struct error err = { 0 };
    struct store *store = call->plane->store;
    if (!access_scope_exists(call))
        return;
    sqlite3_stmt *row =
        store_query(store, &err, "SELECT scope, body FROM deny_assignments WHERE name = ?", "s",
                    call->params.name);
    int rc = row ? store_step(store, row, &err) : ERROR_IO;
    if (rc == 1 && !access_same_scope(store_text(row, 0), call->params.scope))
        rc = 0;
    if (rc == 1)
        answer_text(call, 200, store_text(row, 1), strlen(store_text(row, 1)));
    store_done(row);
    if (rc == 0)
        answer_error(call, 404, "DenyAssignmentNotFound", NULL,
                     "The deny assignment '%.64s' is not found.", call->params.name);
    else if (rc < 0)
        answer_failure(call, &err);
}
