/* principals.c - see principals.h.  Paths and bodies: Microsoft Graph v1.0. */
#include "client/principals.h"

#include "base/random.h"
#include "base/text.h"

#define PATH_MAX_BYTES 1024
#define PAGE "$top=999" /* Graph's most */
/* Of mixed kinds; Graph refuses a property that the one kind asked for does not have. */
#define SELECT "$select=id,displayName,userPrincipalName"
/* What a link to an object begins with, whichever directory it is of. */
#define LINK "https://graph.microsoft.com/v1.0/directoryObjects/"

static const char *const collections[] = {
    [DIRECTORY_USER] = "users",
    [DIRECTORY_GROUP] = "groups",
    [DIRECTORY_SERVICE_PRINCIPAL] = "servicePrincipals",
};

static const char *const selects[] = {
    [DIRECTORY_USER] = SELECT,
    [DIRECTORY_GROUP] = "$select=id,displayName",
    [DIRECTORY_SERVICE_PRINCIPAL] = "$select=id,displayName,appId",
};

static const char *const types[] = {
    [DIRECTORY_USER] = "#microsoft.graph.user",
    [DIRECTORY_GROUP] = "#microsoft.graph.group",
    [DIRECTORY_SERVICE_PRINCIPAL] = "#microsoft.graph.servicePrincipal",
};

void principals_request_clear(struct principals_request *request)
{
    free(request->path);
    cJSON_Delete(request->body);
    *request = (struct principals_request) { 0 };
}

/* ---- paths ---- */

static int begin(struct principals_request *out, const struct directory *directory,
                 enum http_method method, struct error *err, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The format's path behind the directory's own address. */
static int begin(struct principals_request *out, const struct directory *directory,
                 enum http_method method, struct error *err, const char *format, ...)
{
    struct buffer path = { .max = PATH_MAX_BYTES };
    const char *base = directory->graph_url ? directory->graph_url : "";
    size_t base_size = strlen(base);
    va_list args;
    while (base_size > 0 && base[base_size - 1] == '/')
        base_size--;
    *out = (struct principals_request) {
        .arm = { .method = method, .token = directory->graph_token },
    };
    buffer_append(&path, base, base_size);
    buffer_text(&path, "/" API_GRAPH "/");
    va_start(args, format);
    buffer_vformat(&path, format, args);
    va_end(args);
    int rc = buffer_detach(&path, &out->path, NULL, err);
    out->arm.path = out->path;
    return rc;
}

static int check_id(struct principals_request *out, const char *id, struct error *err)
{
    *out = (struct principals_request) { 0 };
    if (uuid_is_valid(id))
        return 0;
    return error_set(err, ERROR_INVALID, "\"%.100s\" is no object id", id ? id : "");
}

/* The body is the request's from here on; `ok` false: it could not be made. */
static int take_body(struct principals_request *out, cJSON *body, bool ok, struct error *err)
{
    out->body = body;
    out->arm.body = body;
    if (body && ok)
        return 0;
    principals_request_clear(out);
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

/* ---- reading ---- */

int principals_list(struct principals_request *out, const struct directory *directory,
                    enum directory_kind kind, struct error *err)
{
    int rc = begin(out, directory, HTTP_GET, err, "%s?%s&" PAGE, collections[kind], selects[kind]);
    out->arm.follow = ARM_PAGES;
    return rc;
}

int principals_me(struct principals_request *out, const struct directory *directory,
                  struct error *err)
{
    return begin(out, directory, HTTP_GET, err, "me?" SELECT);
}

int principals_members(struct principals_request *out, const struct directory *directory,
                       const char *group_id, struct error *err)
{
    int rc = check_id(out, group_id, err);
    if (rc == 0)
        rc = begin(out, directory, HTTP_GET, err, "groups/%s/members?" SELECT "&" PAGE, group_id);
    out->arm.follow = ARM_PAGES;
    return rc;
}

int principals_by_ids(struct principals_request *out, const struct directory *directory,
                      const cJSON *ids, struct error *err)
{
    int rc = begin(out, directory, HTTP_POST, err, "directoryObjects/getByIds");
    if (rc < 0)
        return rc;
    out->arm.idempotent = true; /* it only asks */
    cJSON *body = cJSON_CreateObject(), *copy = cJSON_Duplicate(ids, true);
    cJSON *wanted = cJSON_AddArrayToObject(body, "types");
    bool ok = copy && cJSON_AddItemToObject(body, "ids", copy);
    if (!ok)
        cJSON_Delete(copy);
    ok = ok && cJSON_AddItemToArray(wanted, cJSON_CreateString("user")) &&
         cJSON_AddItemToArray(wanted, cJSON_CreateString("group")) &&
         cJSON_AddItemToArray(wanted, cJSON_CreateString("servicePrincipal"));
    return take_body(out, body, ok, err);
}

bool principals_kind_of(const cJSON *item, enum directory_kind *out)
{
    /* a member name with a dot: not a path */
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "@odata.type"));
    for (size_t kind = 0; kind < COUNT(types); kind++)
        if (text_equal_nocase(type, types[kind])) {
            *out = (enum directory_kind)kind;
            return true;
        }
    return false;
}

const char *principals_name_of(const cJSON *item)
{
    return json_string(item, "userPrincipalName", json_string(item, "displayName", NULL));
}

/* ---- writing ---- */

/* Graph wants a mail nickname of both: letters, digits and a few signs, 64 at most. */
static void nickname(const char *name, char out[65])
{
    size_t used = 0;
    for (const char *at = name; *at && *at != '@' && used < 64; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || strchr("-_.", *at);
        out[used++] = (char)(plain ? *at : '-');
    }
    if (used == 0)
        out[used++] = '-';
    out[used] = '\0';
}

int principals_create_user(struct principals_request *out, const struct directory *directory,
                           const char *upn, const char *display_name, struct error *err)
{
    char nick[65];
    int rc = begin(out, directory, HTTP_POST, err, "users");
    if (rc < 0)
        return rc;
    nickname(upn, nick);
    char *local = text_dup_size(upn, strcspn(upn, "@"));
    cJSON *body = cJSON_CreateObject();
    bool ok = local && cJSON_AddTrueToObject(body, "accountEnabled") &&
              json_put_string(body, "userPrincipalName", upn) == 0 &&
              json_put_string(body, "displayName", display_name ? display_name : local) == 0 &&
              json_put_string(body, "mailNickname", nick) == 0;
    free(local);
    return take_body(out, body, ok, err);
}

int principals_create_group(struct principals_request *out, const struct directory *directory,
                            const char *name, struct error *err)
{
    char nick[65];
    int rc = begin(out, directory, HTTP_POST, err, "groups");
    if (rc < 0)
        return rc;
    nickname(name, nick);
    cJSON *body = cJSON_CreateObject();
    bool ok = json_put_string(body, "displayName", name) == 0 &&
              json_put_string(body, "mailNickname", nick) == 0 &&
              cJSON_AddFalseToObject(body, "mailEnabled") &&
              cJSON_AddTrueToObject(body, "securityEnabled");
    return take_body(out, body, ok, err);
}

static enum operation_state settled_delete(const cJSON *resource)
{
    return resource ? OPERATION_FAILED : OPERATION_SUCCEEDED;
}

int principals_delete(struct principals_request *out, const struct directory *directory,
                      enum directory_kind kind, const char *id, struct error *err)
{
    int rc = check_id(out, id, err);
    if (rc == 0)
        rc = begin(out, directory, HTTP_DELETE, err, "%s/%s", collections[kind], id);
    out->arm.settled = settled_delete;
    return rc;
}

int principals_add_member(struct principals_request *out, const struct directory *directory,
                          const char *group_id, const char *member_id, struct error *err)
{
    int rc = check_id(out, group_id, err);
    if (rc == 0)
        rc = check_id(out, member_id, err);
    if (rc == 0)
        rc = begin(out, directory, HTTP_POST, err, "groups/%s/members/$ref", group_id);
    if (rc < 0)
        return rc;
    out->arm.idempotent = true; /* who is there stays there */
    char *link = text_format(LINK "%s", member_id);
    cJSON *body = cJSON_CreateObject();
    bool ok = link && cJSON_AddStringToObject(body, "@odata.id", link);
    free(link);
    return take_body(out, body, ok, err);
}

int principals_remove_member(struct principals_request *out, const struct directory *directory,
                             const char *group_id, const char *member_id, struct error *err)
{
    int rc = check_id(out, group_id, err);
    if (rc == 0)
        rc = check_id(out, member_id, err);
    if (rc == 0)
        rc = begin(out, directory, HTTP_DELETE, err, "groups/%s/members/%s/$ref", group_id,
                   member_id);
    return rc;
}
