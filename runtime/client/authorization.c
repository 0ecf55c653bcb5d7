/* authorization.c - see authorization.h.  Paths: the OpenAPI of Microsoft.Authorization. */
#include "client/authorization.h"

#include "base/text.h"

#define SCOPE_MAX 2048

void authorization_request_clear(struct authorization_request *request)
{
    free(request->path);
    free(request->query);
    cJSON_Delete(request->body);
    *request = (struct authorization_request) { 0 };
}

/* ---- paths ---- */

/* May this stand between two slashes?  The client percent-encodes the rest. */
static bool is_segment(const char *name, size_t size)
{
    if (size == 0 || (size == 1 && name[0] == '.') || (size == 2 && memcmp(name, "..", 2) == 0))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f || strchr("/\\?#%", name[i]))
            return false;
    return true;
}

/* Appends a scope or an id, without a slash at its end: "/" becomes "". */
static int append_id(struct buffer *path, const char *id, struct error *err)
{
    bool ok = id && id[0] == '/' && strlen(id) <= SCOPE_MAX;
    for (const char *at = id; ok && *at;) {
        const char *name = at + 1;
        size_t size = strcspn(name, "/");
        at = name + size;
        if (size == 0 && !*at)
            break; /* a slash at the end */
        ok = is_segment(name, size);
        buffer_char(path, '/');
        buffer_append(path, name, size);
    }
    if (ok)
        return 0;
    return error_set(err, ERROR_INVALID, "\"%.200s\" is no scope and no resource's id",
                     id ? id : "");
}

static int finish_path(struct authorization_request *out, struct buffer *path, int rc,
                       struct error *err)
{
    if (rc == 0)
        rc = buffer_detach(path, &out->path, NULL, err);
    else
        buffer_clear(path);
    out->arm.path = out->path;
    return rc;
}

/* {id}: one resource of Microsoft.Authorization by its whole id. */
static int begin_id(struct authorization_request *out, enum http_method method, const char *id,
                    struct error *err)
{
    struct buffer path = { .max = SCOPE_MAX };
    *out = (struct authorization_request) { .arm = { .method = method,
                                                     .api_version = API_AUTHORIZATION } };
    return finish_path(out, &path, append_id(&path, id, err), err);
}

/* {scope}/providers/Microsoft.Authorization/{type}[/{name}] */
static int begin(struct authorization_request *out, enum http_method method, const char *scope,
                 const char *type, const char *name, struct error *err)
{
    struct buffer path = { .max = SCOPE_MAX + 256 };
    *out = (struct authorization_request) { .arm = { .method = method,
                                                     .api_version = API_AUTHORIZATION } };
    int rc = append_id(&path, scope, err);
    buffer_format(&path, "/providers/" AUTHORIZATION_PROVIDER "/%s", type);
    if (rc == 0 && name && !is_segment(name, strlen(name)))
        rc = error_set(err, ERROR_INVALID, "\"%.100s\" cannot be part of a resource's id", name);
    if (name)
        buffer_format(&path, "/%s", name);
    return finish_path(out, &path, rc, err);
}

static int begin_list(struct authorization_request *out, const char *scope, const char *type,
                      const char *filter, struct error *err)
{
    int rc = begin(out, HTTP_GET, scope, type, NULL, err);
    out->arm.follow = ARM_PAGES;
    if (rc < 0 || !filter)
        return rc;
    struct buffer query = { 0 };
    buffer_text(&query, "$filter=");
    http_encode(&query, filter, false);
    rc = buffer_detach(&query, &out->query, NULL, err);
    out->arm.query = out->query;
    if (rc < 0)
        authorization_request_clear(out);
    return rc;
}

/* ---- what is there after an attempt whose reply was lost (arm_request.settled) ---- */

static enum operation_state settled_put(const cJSON *resource)
{
    return resource ? OPERATION_SUCCEEDED : OPERATION_FAILED;
}

static enum operation_state settled_delete(const cJSON *resource)
{
    return resource ? OPERATION_FAILED : OPERATION_SUCCEEDED;
}

static int begin_delete(struct authorization_request *out, const char *id, struct error *err)
{
    int rc = begin_id(out, HTTP_DELETE, id, err);
    out->arm.settled = settled_delete;
    return rc;
}

/* ---- requests ---- */

int authorization_roles(struct authorization_request *out, const char *scope, const char *filter,
                        struct error *err)
{
    return begin_list(out, scope, "roleDefinitions", filter, err);
}

int authorization_role_get(struct authorization_request *out, const char *id, struct error *err)
{
    return begin_id(out, HTTP_GET, id, err);
}

int authorization_role_put(struct authorization_request *out, const char *scope, const char *name,
                           const cJSON *body, struct error *err)
{
    int rc = begin(out, HTTP_PUT, scope, "roleDefinitions", name ? name : "", err);
    out->arm.settled = settled_put;
    out->arm.body = body;
    return rc;
}

int authorization_role_delete(struct authorization_request *out, const char *id, struct error *err)
{
    return begin_delete(out, id, err);
}

int authorization_assignments(struct authorization_request *out, const char *scope,
                              const char *filter, struct error *err)
{
    return begin_list(out, scope, "roleAssignments", filter, err);
}

int authorization_assignment_get(struct authorization_request *out, const char *id,
                                 struct error *err)
{
    return begin_id(out, HTTP_GET, id, err);
}

static cJSON *grant_body(const struct authorization_grant *grant)
{
    cJSON *body = cJSON_CreateObject();
    int rc = body ? 0 : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = json_put_string(body, "properties.roleDefinitionId", grant->role_id);
    if (rc == 0)
        rc = json_put_string(body, "properties.principalId", grant->principal_id);
    if (rc == 0 && grant->principal_type)
        rc = json_put_string(body, "properties.principalType", grant->principal_type);
    if (rc == 0 && grant->description)
        rc = json_put_string(body, "properties.description", grant->description);
    if (rc == 0)
        return body;
    cJSON_Delete(body);
    return NULL;
}

int authorization_assignment_put(struct authorization_request *out,
                                 const struct authorization_grant *grant, struct error *err)
{
    const char *name = grant->name ? grant->name : "";
    int rc = begin(out, HTTP_PUT, grant->scope, "roleAssignments", name, err);
    if (rc < 0)
        return rc;
    out->arm.settled = settled_put;
    out->body = grant_body(grant);
    out->arm.body = out->body;
    if (out->body)
        return 0;
    authorization_request_clear(out);
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

int authorization_assignment_delete(struct authorization_request *out, const char *id,
                                    struct error *err)
{
    return begin_delete(out, id, err);
}

int authorization_denies(struct authorization_request *out, const char *scope, const char *filter,
                         struct error *err)
{
    return begin_list(out, scope, "denyAssignments", filter, err);
}

int authorization_permissions(struct authorization_request *out, const char *scope,
                              struct error *err)
{
    return begin_list(out, scope, "permissions", NULL, err);
}
