/* directory.c - the principals of this plane, in the shapes of Microsoft Graph (the part that
 * Moonfleet asks): one by one, and for other parts of the plane.  Lists are in directory_lists.c,
 * changes in directory_write.c. */
#include "base/text.h"
#include "plane/directory_private.h"

/* ---- looking up for others ---- */

bool directory_has(struct plane *plane, const char *kind, const char *id)
{
    return store_integer(plane->store, 0,
                         "SELECT count(*) FROM principals"
                         " WHERE (id = ?1 OR upn = ?1) AND (?2 IS NULL OR kind = ?2)",
                         "ss", id, kind) > 0;
}

bool directory_has_user(struct plane *plane, const char *id)
{
    return store_integer(plane->store, 0,
                         "SELECT count(*) FROM principals WHERE id = ? AND kind = 'user'", "s",
                         id) > 0;
}

char *directory_name(struct plane *plane, const char *id)
{
    sqlite3_stmt *row =
        store_query(plane->store, NULL,
                    "SELECT coalesce(upn, display_name) FROM principals WHERE id = ?", "s", id);
    char *name = strdup(row && store_step(plane->store, row, NULL) == 1 ? store_text(row, 0) : "");
    store_done(row);
    return name;
}

char *directory_id(struct plane *plane, const char *id_or_name)
{
    sqlite3_stmt *row =
        store_query(plane->store, NULL,
                    "SELECT id FROM principals WHERE id = ? OR upn = ? OR app_id = ? LIMIT 1",
                    "sss", id_or_name, id_or_name, id_or_name);
    char *id = row && store_step(plane->store, row, NULL) == 1 ? strdup(store_text(row, 0)) : NULL;
    store_done(row);
    return id;
}

/* ---- one ---- */

void directory_answer_none(struct call *call, const char *id)
{
    answer_error(call, 404, "Request_ResourceNotFound", NULL,
                 "Resource '%.256s' does not exist or one of its queried reference-property "
                 "objects are not present.",
                 id);
}

/* `kind` NULL: any, and told. */
static void get(struct call *call, const char *kind, const char *id)
{
    struct error err = { 0 };
    sqlite3_stmt *row = store_query(call->plane->store, &err,
                                    "SELECT kind, body FROM principals"
                                    " WHERE (id = ?1 OR upn = ?1) AND (?2 IS NULL OR kind = ?2)",
                                    "ss", id, kind);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    if (rc == 1) {
        struct view view;
        if (view_of(call, kind, &view)) {
            answer_text(call, 200, "", 0);
            view_append(&view, store_text(row, 0), store_text(row, 1), &call->response->body);
        }
        view_clear(&view);
    }
    store_done(row);
    if (rc == 0)
        directory_answer_none(call, id);
    else if (rc < 0)
        answer_failure(call, &err);
}

/* Graph has no /me for what is no user; here a service principal too may ask who it is. */
void directory_me(struct call *call)
{
    get(call, NULL, call->caller);
}

void directory_user(struct call *call)
{
    get(call, KIND_USER, call->params.name);
}

void directory_group(struct call *call)
{
    get(call, KIND_GROUP, call->params.name);
}

void directory_service_principal(struct call *call)
{
    get(call, KIND_SERVICE_PRINCIPAL, call->params.name);
}

/* ---- many by their ids ---- */

void directory_by_ids(struct call *call)
{
    struct error err = { 0 };
    const cJSON *request = call_body(call);
    const cJSON *ids = json_at(request, "ids");
    const cJSON *id = NULL;
    struct view view;
    int rc = 0;
    if (!request)
        return;
    if (!cJSON_IsArray(ids) || cJSON_GetArraySize(ids) > DIRECTORY_IDS_MAX) {
        answer_error(call, 400, "Request_BadRequest", "ids",
                     "The body must have an array of at most %d ids.", DIRECTORY_IDS_MAX);
        return;
    }
    (void)view_of(call, NULL, &view);
    answer_list_begin(call);
    cJSON_ArrayForEach(id, ids) if (rc == 0 && cJSON_IsString(id)) rc =
        view_add_item(call, &view, id->valuestring, &err);
    view_clear(&view);
    if (rc < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, NULL);
}

/* ---- the groups that somebody is in, by way of others too ---- */

static void member_groups(struct call *call, const char *kind)
{
    struct error err = { 0 };
    const cJSON *request = call_body(call);
    const cJSON *security = json_at(request, "securityEnabledOnly");
    if (!request)
        return;
    if (!cJSON_IsBool(security)) {
        answer_error(call, 400, "Request_BadRequest", "securityEnabledOnly",
                     "The body must say securityEnabledOnly: true or false.");
        return;
    }
    if (!directory_has(call->plane, kind, call->params.name)) {
        directory_answer_none(call, call->params.name);
        return;
    }
    sqlite3_stmt *row = store_query(
        call->plane->store, &err,
        "WITH RECURSIVE reach (id) AS (SELECT m.group_id FROM members m JOIN principals p"
        " ON p.id = m.member_id WHERE p.id = ?1 OR p.upn = ?1"
        " UNION SELECT m.group_id FROM reach JOIN members m ON m.member_id = reach.id)"
        " SELECT p.id FROM reach JOIN principals p ON p.id = reach.id WHERE p.id <> ?1"
        " AND (?2 = 0 OR coalesce(json_extract(p.body, '$.securityEnabled'), 1)) ORDER BY p.id",
        "sn", call->params.name, cJSON_IsTrue(security) ? 1 : 0);
    int rc = row ? 1 : ERROR_IO;
    answer_list_begin(call);
    while (rc == 1 && (rc = store_step(call->plane->store, row, &err)) == 1) {
        char quoted[UUID_TEXT_SIZE + 2];
        int size = snprintf(quoted, sizeof quoted, "\"%s\"", store_text(row, 0));
        answer_list_item(call, quoted, (size_t)size);
    }
    store_done(row);
    if (rc < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, NULL);
}

void directory_groups_of_user(struct call *call)
{
    member_groups(call, KIND_USER);
}

void directory_groups_of_group(struct call *call)
{
    member_groups(call, KIND_GROUP);
}

void directory_groups_of_service_principal(struct call *call)
{
    member_groups(call, KIND_SERVICE_PRINCIPAL);
}
