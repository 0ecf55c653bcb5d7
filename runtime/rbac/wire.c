/* wire.c - Microsoft.Authorization's JSON, read into a policy and written from it. */
#include "rbac/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define ROLE_IDS "/providers/Microsoft.Authorization/roleDefinitions/"
#define ROLE_TYPE "Microsoft.Authorization/roleDefinitions"

/* The four lists of a permission, by their names on the wire. */
static const char *const list_names[] = { "actions", "notActions", "dataActions",
                                          "notDataActions" };
#define LISTS COUNT(list_names)

static void lists_of(struct rbac_permission *permission, struct rbac_strings *out[LISTS])
{
    out[0] = &permission->actions;
    out[1] = &permission->not_actions;
    out[2] = &permission->data_actions;
    out[3] = &permission->not_data_actions;
}

/* --- Reading */

/* What one resource's lists point into, while the policy copies them. */
struct room {
    const char **texts;
    size_t used;
    struct rbac_permission *permissions;
};

/* Strings of a tree are never more than its nodes. */
static size_t nodes(const cJSON *tree)
{
    size_t count = 0;
    for (; tree; tree = tree->next)
        count += 1 + nodes(tree->child);
    return count;
}

static int room_init(struct room *room, const cJSON *resource, struct error *err)
{
    const cJSON *permissions = json_at(resource, "properties.permissions");
    size_t count = (size_t)cJSON_GetArraySize(permissions);
    room->used = 0;
    room->texts = calloc(nodes(json_at(resource, "properties")) + 1, sizeof *room->texts);
    room->permissions = calloc(count + 1, sizeof *room->permissions);
    if (room->texts && room->permissions)
        return 0;
    return error_set(err, ERROR_NO_MEMORY, "out of memory for the access policy");
}

static void room_clear(struct room *room)
{
    free(room->texts);
    free(room->permissions);
}

/* The name of a resource, for messages. */
static const char *name_of(const cJSON *resource)
{
    return json_string(resource, "name", json_string(resource, "id", "(no name)"));
}

/* Strings of `list`; with `member` the strings that its objects have there. */
static int read_strings(struct room *room, const cJSON *list, const char *member,
                        struct rbac_strings *out, struct error *err)
{
    const cJSON *item = NULL;
    out->items = room->texts + room->used;
    out->count = 0;
    if (list && !cJSON_IsArray(list))
        return error_set(err, ERROR_INVALID, "\"%s\" is no list", list->string);
    cJSON_ArrayForEach(item, list)
    {
        const char *text = member ? json_string(item, member, NULL) : cJSON_GetStringValue(item);
        if (!text)
            return error_set(err, ERROR_INVALID, "\"%s\" has an entry that is no text",
                             list->string);
        room->texts[room->used++] = text;
        out->count++;
    }
    return 0;
}

static int read_permission(struct room *room, const cJSON *entry, struct rbac_permission *out,
                           struct error *err)
{
    struct rbac_strings *lists[LISTS];
    if (!cJSON_IsObject(entry))
        return error_set(err, ERROR_INVALID, "\"permissions\" has an entry that is no object");
    lists_of(out, lists);
    for (size_t i = 0; i < LISTS; i++) {
        int rc = read_strings(room, json_at(entry, list_names[i]), NULL, lists[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool has_condition(const cJSON *object)
{
    return *json_string(object, "condition", "") != '\0';
}

/* Permissions of which kind are wanted: a deny assignment may have a condition on some of them. */
enum which { WITHOUT_CONDITION, WITH_CONDITION, WHATEVER };

static int read_permissions(struct room *room, const cJSON *resource, enum which which,
                            size_t *out_count, struct error *err)
{
    const cJSON *list = json_at(resource, "properties.permissions");
    const cJSON *entry = NULL;
    *out_count = 0;
    if (list && !cJSON_IsArray(list))
        return error_set(err, ERROR_INVALID, "\"permissions\" is no list");
    cJSON_ArrayForEach(entry, list)
    {
        if (which != WHATEVER && has_condition(entry) != (which == WITH_CONDITION))
            continue;
        int rc = read_permission(room, entry, &room->permissions[*out_count], err);
        if (rc < 0)
            return rc;
        ++*out_count;
    }
    return 0;
}

static int add_role(struct rbac_policy *policy, struct room *room, const cJSON *json,
                    struct error *err)
{
    struct rbac_role role = {
        .id = json_string(json, "id", json_string(json, "name", NULL)),
        .name = json_string(json, "properties.roleName", name_of(json)),
        .description = json_string(json, "properties.description", NULL),
        .permissions = room->permissions,
    };
    int rc = read_permissions(room, json, WHATEVER, &role.permission_count, err);
    if (rc == 0)
        rc = read_strings(room, json_at(json, "properties.assignableScopes"), NULL,
                          &role.assignable_scopes, err);
    return rc == 0 ? rbac_policy_add_role(policy, &role, err) : rc;
}

int rbac_policy_add_role_json(struct rbac_policy *policy, const cJSON *role, struct error *err)
{
    struct room room = { 0 };
    int rc = room_init(&room, role, err);
    if (rc == 0)
        rc = add_role(policy, &room, role, err);
    room_clear(&room);
    return rc < 0 ? error_wrap(err, rc, "role definition %s", name_of(role)) : 0;
}

int rbac_policy_add_assignment_json(struct rbac_policy *policy, const cJSON *assignment,
                                    struct error *err)
{
    const struct rbac_assignment taken = {
        .id = json_string(assignment, "id", NULL),
        .principal_id = json_string(assignment, "properties.principalId", NULL),
        .role_id = json_string(assignment, "properties.roleDefinitionId", NULL),
        .scope = json_string(assignment, "properties.scope", NULL),
        .has_condition = has_condition(json_at(assignment, "properties")),
    };
    int rc = rbac_policy_add_assignment(policy, &taken, err);
    return rc < 0 ? error_wrap(err, rc, "role assignment %s", name_of(assignment)) : 0;
}

/* A deny assignment whose permissions have conditions of their own is several: a condition on one
 * of them makes nothing of the others uncertain. */
static int add_deny(struct rbac_policy *policy, const cJSON *json, enum which which,
                    struct error *err)
{
    struct room room = { 0 };
    struct rbac_deny deny = {
        .id = json_string(json, "id", NULL),
        .name = json_string(json, "properties.denyAssignmentName", NULL),
        .scope = json_string(json, "properties.scope", NULL),
        .not_child_scopes = json_bool(json, "properties.doNotApplyToChildScopes", false),
        .has_condition = which == WITH_CONDITION || has_condition(json_at(json, "properties")),
    };
    int rc = room_init(&room, json, err);
    deny.permissions = room.permissions;
    if (rc == 0)
        rc = read_permissions(&room, json, which, &deny.permission_count, err);
    if (rc == 0)
        rc = read_strings(&room, json_at(json, "properties.principals"), "id", &deny.principals,
                          err);
    if (rc == 0)
        rc = read_strings(&room, json_at(json, "properties.excludePrincipals"), "id",
                          &deny.excluded, err);
    if (rc == 0 && (which == WITHOUT_CONDITION || deny.permission_count > 0))
        rc = rbac_policy_add_deny(policy, &deny, err);
    room_clear(&room);
    return rc;
}

int rbac_policy_add_deny_json(struct rbac_policy *policy, const cJSON *deny, struct error *err)
{
    int rc = add_deny(policy, deny, WITHOUT_CONDITION, err);
    if (rc == 0)
        rc = add_deny(policy, deny, WITH_CONDITION, err);
    return rc < 0 ? error_wrap(err, rc, "deny assignment %s", name_of(deny)) : 0;
}

/* --- Writing */

static cJSON *strings_json(const struct rbac_strings *strings)
{
    /* cJSON takes an int; a policy's lists are capped far below one. */
    return strings->count > 0 ? cJSON_CreateStringArray(strings->items, (int)strings->count)
                              : cJSON_CreateArray();
}

static cJSON *permission_json(struct rbac_permission permission)
{
    struct rbac_strings *lists[LISTS];
    cJSON *out = cJSON_CreateObject();
    lists_of(&permission, lists);
    for (size_t i = 0; i < LISTS; i++)
        if (!out || json_put(out, list_names[i], strings_json(lists[i])) < 0) {
            cJSON_Delete(out);
            return NULL;
        }
    return out;
}

cJSON *rbac_permissions_json(const struct rbac_permission *permissions, size_t count)
{
    cJSON *out = cJSON_CreateArray();
    for (size_t i = 0; out && i < count; i++) {
        cJSON *entry = permission_json(permissions[i]);
        if (!entry || !cJSON_AddItemToArray(out, entry)) {
            cJSON_Delete(entry);
            cJSON_Delete(out);
            return NULL;
        }
    }
    return out;
}

cJSON *rbac_role_json(const struct rbac_role *role, const char *type)
{
    const char *slash = strrchr(role->id, '/');
    const char *guid = slash ? slash + 1 : role->id;
    char *id = slash ? strdup(role->id) : text_format(ROLE_IDS "%s", guid);
    cJSON *out = id ? cJSON_CreateObject() : NULL;
    int rc = out ? json_put_string(out, "id", id) : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = json_put_string(out, "name", guid);
    if (rc == 0)
        rc = json_put_string(out, "type", ROLE_TYPE);
    if (rc == 0)
        rc = json_put_string(out, "properties.roleName", role->name);
    if (rc == 0)
        rc = json_put_string(out, "properties.type", type);
    if (rc == 0)
        rc = json_put_string(out, "properties.description",
                             role->description ? role->description : "");
    if (rc == 0)
        rc = json_put(out, "properties.assignableScopes", strings_json(&role->assignable_scopes));
    if (rc == 0)
        rc = json_put(out, "properties.permissions",
                      rbac_permissions_json(role->permissions, role->permission_count));
    free(id);
    if (rc == 0)
        return out;
    cJSON_Delete(out);
    return NULL;
}
