/* directory_write.c - changes of the directory: principals made and deleted, members of groups.
 *
 * Rules and refusals are Graph's, but that any domain will do: a local directory stands in for the
 * organisation's. */
#include "base/text.h"
#include "model/rules.h"
#include "plane/directory_private.h"

#define GROUP_DESCRIPTION_MAX 1024

/* ---- what a request says ---- */

static void answer_invalid(struct call *call, const char *property, const char *resource)
{
    answer_error(call, 400, "Request_BadRequest", property,
                 "Invalid value specified for property '%s' of resource '%s'.", property, resource);
}

static bool is_text(const char *text, size_t max)
{
    size_t count = 0;
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
        count += ((unsigned char)*at & 0xc0) != 0x80; /* characters, not bytes */
    }
    return count <= max && text[strspn(text, " ")] != '\0';
}

/* A text of the request into the body.  False with the error answered. */
static bool take_text(struct call *call, const cJSON *request, cJSON *body, const char *property,
                      const char *resource, size_t max, bool required)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(request, property);
    bool missing = !value || cJSON_IsNull(value);
    if (missing && required)
        answer_error(call, 400, "Request_BadRequest", property,
                     "A value is required for property '%s' of resource '%s'.", property, resource);
    if (missing)
        return !required;
    if (!cJSON_IsString(value) || !is_text(value->valuestring, max)) {
        answer_invalid(call, property, resource);
        return false;
    }
    if (json_put_string(body, property, value->valuestring) == 0)
        return true;
    call->response->body.failed = ERROR_NO_MEMORY;
    return false;
}

/* Likewise a boolean, `fallback` when nothing is said. */
static bool take_bool(struct call *call, const cJSON *request, cJSON *body, const char *property,
                      const char *resource, bool fallback)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(request, property);
    bool said = value && !cJSON_IsNull(value);
    if (said && !cJSON_IsBool(value)) {
        answer_invalid(call, property, resource);
        return false;
    }
    if (cJSON_AddBoolToObject(body, property, said ? cJSON_IsTrue(value) : fallback))
        return true;
    call->response->body.failed = ERROR_NO_MEMORY;
    return false;
}

/* ---- principals ---- */

/* Stores the new principal and answers 201; `body` is taken. */
static void insert(struct call *call, const char *kind, cJSON *body, const char *conflict)
{
    struct error err = { 0 };
    const char *upn = json_string(body, "userPrincipalName", NULL);
    char *text = json_text(body);
    int rc = text ? store_run(call->plane->store, &err,
                              "INSERT INTO principals (id, kind, upn, display_name, app_id, body)"
                              " VALUES (?, ?, ?, ?, ?, ?)",
                              "ssssss", json_string(body, "id", ""), kind, upn,
                              json_string(body, "displayName", ""),
                              json_string(body, "appId", NULL), text)
                  : error_set(&err, ERROR_NO_MEMORY, "no memory for a principal");
    if (rc == ERROR_CONFLICT)
        answer_error(call, 400, "Request_BadRequest", NULL,
                     "Another object with the same value for property %s already exists.",
                     conflict);
    else if (rc < 0)
        answer_failure(call, &err);
    else if (text)
        answer_text(call, 201, text, strlen(text));
    free(text);
    cJSON_Delete(body);
}

static cJSON *new_body(void)
{
    char id[UUID_TEXT_SIZE];
    cJSON *body = cJSON_CreateObject();
    uuid_make(id);
    if (cJSON_AddStringToObject(body, "id", id))
        return body;
    cJSON_Delete(body);
    return NULL;
}

static bool take_upn(struct call *call, const cJSON *request, cJSON *body)
{
    if (!take_text(call, request, body, "userPrincipalName", "User", UPN_MAX, true))
        return false;
    if (upn_valid(json_string(body, "userPrincipalName", ""), NULL))
        return true;
    answer_error(call, 400, "Request_BadRequest", "userPrincipalName",
                 "Property userPrincipalName is invalid.");
    return false;
}

void directory_create_user(struct call *call)
{
    const cJSON *request = call_body(call);
    if (!request)
        return;
    cJSON *body = new_body();
    bool good = body &&
                take_text(call, request, body, "displayName", "User", DISPLAY_NAME_MAX, true) &&
                take_upn(call, request, body) &&
                take_text(call, request, body, "mailNickname", "User", 64, false) &&
                take_text(call, request, body, "givenName", "User", 64, false) &&
                take_text(call, request, body, "surname", "User", 64, false) &&
                take_text(call, request, body, "mail", "User", 256, false) &&
                take_bool(call, request, body, "accountEnabled", "User", true);
    if (!good) {
        cJSON_Delete(body);
        return;
    }
    if (!json_at(body, "mail"))
        (void)json_put_string(body, "mail", json_string(body, "userPrincipalName", ""));
    insert(call, KIND_USER, body, "userPrincipalName");
}

/* Names of groups need not be unique: as in the service, ids tell them apart. */
void directory_create_group(struct call *call)
{
    const cJSON *request = call_body(call);
    if (!request)
        return;
    if (cJSON_GetObjectItemCaseSensitive(request, "members@odata.bind")) {
        answer_error(call, 400, "Request_BadRequest", "members@odata.bind",
                     "This plane takes members one by one: POST /groups/{id}/members/$ref.");
        return;
    }
    cJSON *body = new_body();
    bool good =
        body && take_text(call, request, body, "displayName", "Group", DISPLAY_NAME_MAX, true) &&
        take_text(call, request, body, "mailNickname", "Group", 64, false) &&
        take_text(call, request, body, "description", "Group", GROUP_DESCRIPTION_MAX, false) &&
        take_bool(call, request, body, "mailEnabled", "Group", false) &&
        take_bool(call, request, body, "securityEnabled", "Group", true);
    if (good)
        insert(call, KIND_GROUP, body, "displayName");
    else
        cJSON_Delete(body);
}

/* The principal of an application, of which this plane knows the id alone. */
static bool take_app(struct call *call, const cJSON *request, cJSON *body)
{
    char made[UUID_TEXT_SIZE];
    const char *id = json_string(request, "appId", NULL);
    uuid_make(made);
    if (id && !uuid_is_valid(id)) {
        answer_invalid(call, "appId", "ServicePrincipal");
        return false;
    }
    if (id && store_integer(call->plane->store, 0,
                            "SELECT count(*) FROM principals WHERE app_id = ?", "s", id) > 0) {
        answer_error(call, 409, "Request_MultipleObjectsWithSameKeyValue", "appId",
                     "The service principal cannot be created, updated, or restored because the "
                     "service principal name %s is already in use.",
                     id);
        return false;
    }
    if (json_put_string(body, "appId", id ? id : made) == 0)
        return true;
    call->response->body.failed = ERROR_NO_MEMORY;
    return false;
}

void directory_create_service_principal(struct call *call)
{
    const cJSON *request = call_body(call);
    if (!request)
        return;
    cJSON *body = new_body();
    bool good = body && take_app(call, request, body) &&
                take_text(call, request, body, "displayName", "ServicePrincipal", DISPLAY_NAME_MAX,
                          false) &&
                take_bool(call, request, body, "accountEnabled", "ServicePrincipal", true);
    if (good && !json_at(body, "displayName"))
        (void)json_put_string(body, "displayName", json_string(body, "appId", ""));
    if (good)
        insert(call, KIND_SERVICE_PRINCIPAL, body, "appId");
    else
        cJSON_Delete(body);
}

/* What a principal is a member of, and what are its members, goes with it; role assignments stay
 * and name nobody, as in the service. */
static void delete (struct call *call, const char *kind)
{
    struct plane *plane = call->plane;
    struct error err = { 0 };
    if (!directory_has(plane, kind, call->params.name)) {
        directory_answer_none(call, call->params.name);
        return;
    }
    char *id = directory_id(plane, call->params.name);
    if (text_equal_nocase(id, plane->owner_id)) {
        answer_error(call, 400, "Request_BadRequest", NULL,
                     "The owner of this plane cannot be deleted.");
        free(id);
        return;
    }
    int rc = id ? store_run(plane->store, &err, "DELETE FROM principals WHERE id = ?", "s", id)
                : error_set(&err, ERROR_NO_MEMORY, "no memory for an id");
    if (rc == 0)
        rc = store_run(plane->store, &err,
                       "DELETE FROM members WHERE member_id = ?1 OR group_id = ?1", "s", id);
    free(id);
    authorization_changed(plane);
    if (rc < 0) {
        store_spoil(plane->store);
        answer_failure(call, &err);
        return;
    }
    answer_empty(call, 204);
}

void directory_delete_user(struct call *call)
{
    delete (call, KIND_USER);
}

void directory_delete_group(struct call *call)
{
    delete (call, KIND_GROUP);
}

void directory_delete_service_principal(struct call *call)
{
    delete (call, KIND_SERVICE_PRINCIPAL);
}

/* ---- members ---- */

/* The id at the end of ".../directoryObjects/{id}"; NULL with the error answered. */
static const char *linked_id(struct call *call, const cJSON *request)
{
    /* a member name with a dot: not a path */
    const char *link = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "@odata.id"));
    const char *slash = link ? strrchr(link, '/') : NULL;
    if (slash && uuid_is_valid(slash + 1))
        return slash + 1;
    answer_error(call, 400, "Request_BadRequest", "@odata.id",
                 "The body must have an @odata.id that ends in /directoryObjects/{id}.");
    return NULL;
}

static bool is_member(struct plane *plane, const char *group, const char *id)
{
    return store_integer(plane->store, 0,
                         "SELECT count(*) FROM members WHERE group_id = ? AND member_id = ?", "ss",
                         group, id) > 0;
}

/* May `id` become a member?  False with the error answered. */
static bool can_join(struct call *call, const char *id)
{
    const char *group = call->params.name;
    if (!directory_has(call->plane, KIND_GROUP, group))
        directory_answer_none(call, group);
    else if (!directory_has(call->plane, NULL, id))
        directory_answer_none(call, id);
    else if (text_equal_nocase(group, id))
        answer_error(call, 400, "Request_BadRequest", NULL,
                     "A group cannot be a member of itself.");
    else if (is_member(call->plane, group, id))
        answer_error(call, 400, "Request_BadRequest", NULL,
                     "One or more added object references already exist for the following "
                     "modified properties: 'members'.");
    else
        return true;
    return false;
}

static void finish(struct call *call, int rc, const struct error *err)
{
    authorization_changed(call->plane);
    if (rc < 0)
        answer_failure(call, err);
    else
        answer_empty(call, 204);
}

/* Circles of groups are the directory's right; only a group in itself is none. */
void directory_add_member(struct call *call)
{
    struct error err = { 0 };
    const cJSON *request = call_body(call);
    const char *id = request ? linked_id(call, request) : NULL;
    if (id && can_join(call, id))
        finish(call,
               store_run(call->plane->store, &err,
                         "INSERT INTO members SELECT g.id, p.id FROM principals g, principals p"
                         " WHERE g.id = ? AND p.id = ?",
                         "ss", call->params.name, id),
               &err);
}

void directory_remove_member(struct call *call)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    if (!is_member(call->plane, p->name, p->member)) {
        directory_answer_none(call, p->member);
        return;
    }
    finish(call,
           store_run(call->plane->store, &err,
                     "DELETE FROM members WHERE group_id = ? AND member_id = ?", "ss", p->name,
                     p->member),
           &err);
}
