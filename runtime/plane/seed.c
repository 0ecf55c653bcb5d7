/* seed.c - what a new store contains: a JSON document of the form of seed.json. */
#include <ctype.h>

#include "base/text.h"
#include "model/rules.h"
#include "plane/access.h"
#include "plane/directory_private.h"
#include "rbac/wire.h"

#define SEED_WHAT "the seed"

/* A required string of a seed object. */
static const char *need(const cJSON *object, const char *name, struct error *err)
{
    const char *text = json_string(object, name, NULL);
    if (!text || !*text)
        error_set(err, ERROR_INVALID, "%s: \"%s\" is missing or not a string", SEED_WHAT, name);
    return text && *text ? text : NULL;
}

static const char *need_id(const cJSON *object, struct error *err)
{
    const char *id = need(object, "id", err);
    if (id && !uuid_is_valid(id)) {
        error_set(err, ERROR_INVALID, "%s: \"%s\" is no uuid", SEED_WHAT, id);
        return NULL;
    }
    return id;
}

static int put_setting(struct plane *plane, const char *name, const char *value, struct error *err)
{
    return store_run(plane->store, err, "INSERT INTO settings VALUES (?, ?)", "ss", name, value);
}

static int put_number(struct plane *plane, const char *name, int64_t value, struct error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return put_setting(plane, name, text, err);
}

/* Prints and frees `body`, and runs the insert whose last parameter it is. */
static int put_body(struct plane *plane, cJSON *body, struct error *err, const char *sql,
                    const char *a, const char *b, const char *c, const char *d)
{
    char *text = body ? json_text(body) : NULL;
    cJSON_Delete(body);
    if (!text)
        return error_set(err, ERROR_NO_MEMORY, "no memory for %s", SEED_WHAT);
    int rc = !b   ? store_run(plane->store, err, sql, "ss", a, text)
             : !c ? store_run(plane->store, err, sql, "sss", a, b, text)
                  : store_run(plane->store, err, sql, "sssss", a, b, c, d, text);
    free(text);
    return rc;
}

/* ---- resources ---- */

static int load_workspaces(struct plane *plane, const char *subscription, const char *group,
                           const cJSON *list, struct error *err)
{
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, list)
    {
        const char *name = need(entry, "name", err);
        const char *location = name ? need(entry, "location", err) : NULL;
        const char *rule = NULL;
        if (!location)
            return ERROR_INVALID;
        if (!workspace_name_valid(name, &rule))
            return error_set(err, ERROR_INVALID, "%s: workspace \"%s\": %s", SEED_WHAT, name, rule);
        int rc =
            put_body(plane, workspace_body(plane, subscription, group, name, location, entry), err,
                     "INSERT INTO workspaces (subscription, resource_group, name, location, body)"
                     " VALUES (?, ?, ?, ?, ?)",
                     subscription, group, name, location);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_groups(struct plane *plane, const char *subscription, const cJSON *list,
                       struct error *err)
{
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, list)
    {
        const char *name = need(entry, "name", err);
        const char *location = name ? need(entry, "location", err) : NULL;
        if (!location)
            return ERROR_INVALID;
        int rc =
            put_body(plane, group_body(subscription, name, location, json_at(entry, "tags")), err,
                     "INSERT INTO resource_groups (subscription, name, body) VALUES (?, ?, ?)",
                     subscription, name, NULL, NULL);
        if (rc == 0)
            rc = load_workspaces(plane, subscription, name, json_at(entry, "workspaces"), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_subscriptions(struct plane *plane, const cJSON *list, struct error *err)
{
    const cJSON *entry = NULL;
    cJSON_ArrayForEach(entry, list)
    {
        const char *id = need_id(entry, err);
        const char *name = id ? need(entry, "displayName", err) : NULL;
        if (!name)
            return ERROR_INVALID;
        int rc =
            put_body(plane, subscription_body(id, name, plane->tenant_id), err,
                     "INSERT INTO subscriptions (id, body) VALUES (?, ?)", id, NULL, NULL, NULL);
        if (rc == 0)
            rc = load_groups(plane, id, json_at(entry, "resourceGroups"), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_locations(struct plane *plane, const cJSON *list, struct error *err)
{
    const cJSON *entry = NULL;
    int count = 0;
    cJSON_ArrayForEach(entry, list)
    {
        const char *name = need(entry, "name", err);
        const char *display = name ? need(entry, "displayName", err) : NULL;
        if (!display)
            return ERROR_INVALID;
        int rc = store_run(plane->store, err, "INSERT INTO locations VALUES (?, ?)", "ss", name,
                           display);
        if (rc < 0)
            return rc;
        count++;
    }
    return count > 0 ? 0 : error_set(err, ERROR_INVALID, "%s: \"locations\" is empty", SEED_WHAT);
}

/* ---- principals ---- */

static int load_principal(struct plane *plane, const cJSON *entry, const char *kind,
                          struct error *err)
{
    const char *id = need_id(entry, err);
    const char *display = id ? need(entry, "displayName", err) : NULL;
    const char *upn =
        display && text_equal(kind, "user") ? need(entry, "userPrincipalName", err) : NULL;
    if (!display || (text_equal(kind, "user") && !upn))
        return ERROR_INVALID;
    cJSON *body = cJSON_Duplicate(entry, true);
    cJSON_DeleteItemFromObject(body, "members");
    if (upn && body && !cJSON_GetObjectItem(body, "mail"))
        (void)json_put_string(body, "mail", upn);
    char *text = body ? json_text(body) : NULL;
    cJSON_Delete(body);
    if (!text)
        return error_set(err, ERROR_NO_MEMORY, "no memory for %s", SEED_WHAT);
    int rc = store_run(plane->store, err,
                       "INSERT INTO principals (id, kind, upn, display_name, app_id, body) VALUES "
                       "(?, ?, ?, ?, ?, ?)",
                       "ssssss", id, kind, upn, display, json_string(entry, "appId", NULL), text);
    free(text);
    return rc;
}

static int load_members(struct plane *plane, const cJSON *group, struct error *err)
{
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, json_at(group, "members"))
    {
        const char *id = cJSON_GetStringValue(member);
        if (!uuid_is_valid(id))
            return error_set(err, ERROR_INVALID, "%s: a group's member is no uuid", SEED_WHAT);
        int rc = store_run(plane->store, err, "INSERT OR IGNORE INTO members VALUES (?, ?)", "ss",
                           json_string(group, "id", ""), id);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_principals(struct plane *plane, const cJSON *seed, struct error *err)
{
    static const struct {
        const char *list, *kind;
    } kinds[] = { { "users", "user" },
                  { "groups", "group" },
                  { "servicePrincipals", "servicePrincipal" } };
    int rc = 0;
    for (size_t i = 0; i < COUNT(kinds) && rc == 0; i++) {
        const cJSON *entry = NULL;
        cJSON_ArrayForEach(entry, json_at(seed, kinds[i].list))
        {
            rc = load_principal(plane, entry, kinds[i].kind, err);
            if (rc == 0)
                rc = load_members(plane, entry, err);
            if (rc < 0)
                break;
        }
    }
    return rc;
}

/* ---- who may do what: resources of Microsoft.Authorization, as its REST API has them ---- */

#define A_ACCESS "Microsoft.Authorization"

/* "name", which is a uuid, and a string of "properties" that must be there. */
static const char *need_property(const cJSON *entry, const char *name, struct error *err)
{
    const char *id = need(entry, "name", err);
    if (!id)
        return NULL;
    if (!uuid_is_valid(id)) {
        error_set(err, ERROR_INVALID, "%s: \"%s\" is no uuid", SEED_WHAT, id);
        return NULL;
    }
    const char *text = need(json_at(entry, "properties"), name, err);
    if (!text)
        error_wrap(err, ERROR_INVALID, "%s", id);
    return text;
}

/* The entry with its id and type; the caller's. */
static cJSON *resource(const cJSON *entry, const char *scope, const char *type)
{
    char *id = text_format("%s/providers/" A_ACCESS "/%s/%s", text_equal(scope, "/") ? "" : scope,
                           type, json_string(entry, "name", ""));
    cJSON *body = id ? cJSON_Duplicate(entry, true) : NULL;
    char full[64];
    snprintf(full, sizeof full, A_ACCESS "/%s", type);
    if (body && (json_put_string(body, "id", id) < 0 || json_put_string(body, "type", full) < 0)) {
        cJSON_Delete(body);
        body = NULL;
    }
    free(id);
    return body;
}

static int load_roles(struct plane *plane, const cJSON *list, struct error *err)
{
    const cJSON *entry = NULL;
    int rc = 0;
    cJSON_ArrayForEach(entry, list)
    {
        const char *role_name = need_property(entry, "roleName", err);
        cJSON *body = role_name ? resource(entry, "/", "roleDefinitions") : NULL;
        if (!role_name)
            return ERROR_INVALID;
        if (body && json_put_string(body, "properties.type", RBAC_ROLE_CUSTOM) < 0) {
            cJSON_Delete(body);
            body = NULL;
        }
        rc = put_body(plane, body, err,
                      "INSERT INTO role_definitions (name, role_name, body) VALUES (?, ?, ?)",
                      json_string(entry, "name", ""), role_name, NULL, NULL);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_assignment(struct plane *plane, const cJSON *entry, struct error *err)
{
    const char *scope = need_property(entry, "scope", err);
    const char *principal = scope ? need_property(entry, "principalId", err) : NULL;
    const char *role = principal ? need_property(entry, "roleDefinitionId", err) : NULL;
    if (!role)
        return ERROR_INVALID;
    if (!directory_has(plane, NULL, principal))
        return error_set(err, ERROR_INVALID, "%s: a role assignment names %s, who is nobody",
                         SEED_WHAT, principal);
    int rc =
        put_body(plane, resource(entry, scope, "roleAssignments"), err,
                 "INSERT INTO role_assignments (name, scope, principal, role, conditional, body)"
                 " VALUES (?1, ?2, ?3, ?4, 0, ?5)",
                 json_string(entry, "name", ""), scope, principal, access_guid(role));
    if (rc < 0 || !*json_string(entry, "properties.condition", ""))
        return rc;
    return store_run(plane->store, err,
                     "UPDATE role_assignments SET conditional = 1 WHERE name = ?", "s",
                     json_string(entry, "name", ""));
}

/* All of it is read back, so that a mistake is told now and not at the first request. */
static int load_access(struct plane *plane, const cJSON *seed, struct error *err)
{
    const cJSON *entry = NULL;
    int rc = load_roles(plane, json_at(seed, "roleDefinitions"), err);
    if (rc < 0)
        return rc;
    cJSON_ArrayForEach(entry, json_at(seed, "roleAssignments"))
    {
        rc = load_assignment(plane, entry, err);
        if (rc < 0)
            return rc;
    }
    cJSON_ArrayForEach(entry, json_at(seed, "denyAssignments"))
    {
        const char *scope = need_property(entry, "scope", err);
        rc = scope ? put_body(plane, resource(entry, scope, "denyAssignments"), err,
                              "INSERT INTO deny_assignments (name, scope, body) VALUES (?, ?, ?)",
                              json_string(entry, "name", ""), scope, NULL, NULL)
                   : ERROR_INVALID;
        if (rc < 0)
            return rc;
    }
    const struct rbac_policy *policy = authorization_policy(plane, err);
    if (!policy)
        return error_wrap(err, ERROR_INVALID, "%s", SEED_WHAT);
    cJSON_ArrayForEach(entry, json_at(seed, "roleAssignments"))
    {
        const char *role = json_string(entry, "properties.roleDefinitionId", "");
        if (!rbac_policy_role(policy, role))
            return error_set(err, ERROR_INVALID, "%s: there is no role definition %s", SEED_WHAT,
                             role);
    }
    return 0;
}

/* ---- all of it ---- */

static int load_settings(struct plane *plane, const cJSON *seed, struct error *err)
{
    const char *tenant = need_id(json_at(seed, "tenant"), err);
    const char *owner = tenant ? need(seed, "owner", err) : NULL;
    if (!owner)
        return ERROR_INVALID;
    plane->tenant_id = strdup(tenant);
    if (!plane->tenant_id)
        return error_set(err, ERROR_NO_MEMORY, "no memory for %s", SEED_WHAT);
    int rc = put_setting(plane, "tenant", tenant, err);
    if (rc == 0)
        rc =
            put_setting(plane, "tenantName", json_string(seed, "tenant.displayName", "Local"), err);
    if (rc == 0)
        rc = put_setting(plane, "tenantDomain",
                         json_string(seed, "tenant.domain", "moonfleet.local"), err);
    if (rc == 0)
        rc = put_setting(plane, "owner", owner, err);
    if (rc == 0)
        rc = put_number(plane, "coresPerFamily", json_int(seed, "quota.coresPerFamily", 100000),
                        err);
    if (rc == 0)
        rc = put_number(plane, "cores", json_int(seed, "quota.cores", 100000), err);
    if (rc == 0)
        rc = put_number(plane, "clusters", json_int(seed, "quota.clusters", 100000), err);
    return rc;
}

int seed_load(struct plane *plane, const char *text, struct error *err)
{
    cJSON *seed = NULL;
    int rc = json_parse(text, strlen(text), SEED_WHAT, &seed, err);
    if (rc == 0)
        rc = load_settings(plane, seed, err);
    if (rc == 0)
        rc = load_locations(plane, json_at(seed, "locations"), err);
    if (rc == 0)
        rc = load_principals(plane, seed, err);
    if (rc == 0)
        rc = load_access(plane, seed, err);
    if (rc == 0)
        rc = load_subscriptions(plane, json_at(seed, "subscriptions"), err);
    cJSON_Delete(seed);
    free(plane->tenant_id);
    plane->tenant_id = NULL;
    return rc < 0 ? error_wrap(err, rc, "filling a new store") : 0;
}

static char *setting(struct plane *plane, const char *name)
{
    sqlite3_stmt *row =
        store_query(plane->store, NULL, "SELECT value FROM settings WHERE name = ?", "s", name);
    char *value =
        row && store_step(plane->store, row, NULL) == 1 ? strdup(store_text(row, 0)) : NULL;
    store_done(row);
    return value;
}

static int read_locations(struct plane *plane, struct error *err)
{
    struct buffer text = { 0 };
    sqlite3_stmt *row =
        store_query(plane->store, err, "SELECT name FROM locations ORDER BY rowid", "");
    while (row && store_step(plane->store, row, NULL) == 1) {
        if (!plane->location)
            plane->location = strdup(store_text(row, 0));
        buffer_text(&text, text.size > 0 ? ", " : "");
        buffer_text(&text, store_text(row, 0));
    }
    store_done(row);
    return buffer_detach(&text, &plane->locations_text, NULL, err);
}

int seed_settings(struct plane *plane, struct error *err)
{
    plane->owner_id = setting(plane, "owner");
    plane->tenant_id = setting(plane, "tenant");
    if (!plane->owner_id || !plane->tenant_id)
        return error_set(err, ERROR_SYNTAX, "the store has no tenant or owner: it is damaged");
    plane->owner_name = directory_name(plane, plane->owner_id);
    int rc = read_locations(plane, err);
    if (rc == 0 && (!plane->location || !plane->owner_name))
        return error_set(err, ERROR_SYNTAX, "the store has no locations: it is damaged");
    for (size_t i = 0; rc == 0 && i < REGION_MAX && plane->location[i]; i++)
        plane->region[i] = (char)toupper((unsigned char)plane->location[i]);
    return rc;
}

char *location_normal(const char *text)
{
    char *out = malloc(strlen(text) + 1);
    size_t used = 0;
    if (!out)
        return NULL;
    for (; *text; text++)
        if (*text != ' ')
            out[used++] = (char)tolower((unsigned char)*text);
    out[used] = '\0';
    return out;
}

bool location_known(struct plane *plane, const char *normal)
{
    return store_integer(plane->store, 0, "SELECT count(*) FROM locations WHERE name = ?", "s",
                         normal) > 0;
}
