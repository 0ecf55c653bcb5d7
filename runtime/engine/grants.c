/* grants.c - from lists of role definitions and role assignments, and what a recipe says, to the
 * items of a plan: see grants.h. */
#include "engine/grants.h"

#include "base/random.h"
#include "base/text.h"
#include "client/authorization.h"
#include "engine/scope.h"
#include "model/rules.h"
#include "rbac/builtin_roles.h"
#include "rbac/scope.h"
#include "rbac/wire.h"
#include "rbac/words.h"

#define MARK TAG_FLEET "="
#define ROLE_IDS "/providers/" AUTHORIZATION_PROVIDER "/roleDefinitions/"
#define SCOPE_TEXT_SIZE 512

void grant_item_free(struct grant_item *grant)
{
    if (!grant)
        return;
    char *texts[] = { grant->id,           grant->guid,     grant->scope,       grant->role_id,
                      grant->principal_id, grant->role_key, grant->instance_key };
    for (size_t i = 0; i < COUNT(texts); i++)
        free(texts[i]);
    cJSON_Delete(grant->body);
    free(grant);
}

/* ---- scopes ---- */

static char *scope_at(const struct plan *plan, const char *said)
{
    const struct workspace_ref here = plan_workspace_ref(plan);
    char *out = NULL;
    return scope_of(said, &here, &out, NULL) == 0 ? out : NULL;
}

char *grants_list_scope(const struct plan *plan, int widening)
{
    static const char *const said[] = { "subscription", "resource-group", "workspace" };
    return widening < (int)COUNT(said) ? scope_at(plan, said[widening]) : NULL;
}

/* Is what stands at `scope` told by a list at `listed`? */
static bool in_sight(const char *listed, const char *scope)
{
    return listed && (rbac_scope_covers(listed, scope) || rbac_scope_covers(scope, listed) ||
                      text_starts_nocase(scope, "/providers/Microsoft.Management/"));
}

/* ---- whose it is ---- */

char *grants_mark(const struct plan *plan, const char *rest)
{
    char *workspace = scope_at(plan, "workspace"), *out = NULL;
    if (workspace)
        out = text_format(MARK "%s in %s%s%s", plan->fleet->name, workspace,
                          rest && *rest ? "; " : "", rest ? rest : "");
    free(workspace);
    return out;
}

bool grants_are_ours(const struct plan *plan, const char *description, const char **out_rest)
{
    char *mark = description && plan->fleet->name ? grants_mark(plan, NULL) : NULL;
    bool ours = false;
    if (mark && text_starts_nocase(description, mark)) {
        const char *rest = description + strlen(mark);
        ours = *rest == '\0' || text_starts(rest, "; ");
        if (ours && out_rest)
            *out_rest = *rest ? rest + 2 : rest;
    }
    free(mark);
    return ours;
}

/* The GUID of something of this fleet's: the same for the same parts. */
static char *guid_of(const struct plan *plan, const char *const *parts, size_t count)
{
    char guid[UUID_TEXT_SIZE], *workspace = scope_at(plan, "workspace"), *text = NULL;
    struct buffer name = { 0 };
    buffer_format(&name, "%s\n%s", workspace ? workspace : "", plan->fleet->name);
    for (size_t i = 0; i < count; i++)
        buffer_format(&name, "\n%s", parts[i]);
    if (workspace && buffer_check(&name, "a name", NULL) == 0) {
        uuid_of_text(text_lower(name.data), guid);
        text = strdup(guid);
    }
    buffer_clear(&name);
    free(workspace);
    return text;
}

/* The last segment of an id. */
static const char *last_of(const char *id)
{
    const char *slash = id ? strrchr(id, '/') : NULL;
    return slash ? slash + 1 : id ? id : "";
}

/* ---- which role is meant ---- */

/* A role definition that may be given; texts are borrowed. */
struct meant {
    const char *guid, *name;
    const struct fleet_role *own; /* declared by the same recipe */
    char *own_guid;               /* owned */
};

static bool is_role_id(const char *text)
{
    return uuid_is_valid(last_of(text)) && (text[0] != '/' || strcasestr(text, ROLE_IDS));
}

static const cJSON *listed_role(const struct plan *plan, const char *text)
{
    const cJSON *role;
    cJSON_ArrayForEach(role, plan->access.roles)
    {
        if (text_equal_nocase(json_string(role, "properties.roleName", ""), text) ||
            text_equal_nocase(json_string(role, "name", ""), last_of(text)))
            return role;
    }
    return NULL;
}

const char *grants_unknown_role(const struct plan *plan, size_t index)
{
    const struct fleet *fleet = plan->fleet;
    for (size_t i = 0; i < fleet->grant_count; i++) {
        const char *role = fleet->grants[i].role;
        bool known = fleet_find_role(fleet, role) || rbac_builtin_role(role) || is_role_id(role);
        for (size_t k = 0; k < i && !known; k++)
            known = text_equal_nocase(fleet->grants[k].role, role);
        if (!known && index-- == 0)
            return role;
    }
    return NULL;
}

static bool mean_role(const struct plan *plan, const char *text, struct meant *out)
{
    const cJSON *listed;
    const struct rbac_role *builtin = rbac_builtin_role(text);
    *out = (struct meant) { .own = fleet_find_role(plan->fleet, text) };
    if (out->own) {
        const char *const parts[] = { "role", out->own->name };
        out->guid = out->own_guid = guid_of(plan, parts, COUNT(parts));
        out->name = out->own->name;
    } else if (builtin) {
        out->guid = last_of(builtin->id);
        out->name = builtin->name;
    } else if ((listed = listed_role(plan, text))) {
        out->guid = json_string(listed, "name", "");
        out->name = json_string(listed, "properties.roleName", text);
    } else if (is_role_id(text)) {
        out->guid = out->name = last_of(text);
    }
    return out->guid != NULL;
}

/* What a role definition is called that somebody was given. */
static const char *role_name(const struct plan *plan, const char *id)
{
    const struct rbac_role *builtin = rbac_builtin_role(last_of(id));
    const cJSON *listed = builtin ? NULL : listed_role(plan, last_of(id));
    return builtin ? builtin->name : json_string(listed, "properties.roleName", last_of(id));
}

static void refuse_role(struct plan *plan, const struct fleet_grant *grant)
{
    size_t builtin_count, count = 0;
    const struct rbac_role *builtin = rbac_builtin_roles(&builtin_count);
    const cJSON *role;
    size_t size =
        builtin_count + plan->fleet->role_count + (size_t)cJSON_GetArraySize(plan->access.roles);
    const char **names = calloc(size + 1, sizeof *names);
    for (size_t i = 0; names && i < plan->fleet->role_count; i++)
        names[count++] = plan->fleet->roles[i].name;
    for (size_t i = 0; names && i < builtin_count; i++)
        names[count++] = builtin[i].name;
    if (names)
        cJSON_ArrayForEach(role, plan->access.roles) names[count++] =
            json_string(role, "properties.roleName", "");
    const char *near = names ? text_nearest(grant->role, names, count) : NULL;
    if (near)
        problems_add(&plan->problems, grant->file, grant->line,
                     "grant: there is no role '%s', did you mean '%s'?", grant->role, near);
    else
        problems_add(&plan->problems, grant->file, grant->line,
                     "grant: there is no role '%s'; `moonfleet roles` lists those there are",
                     grant->role);
    free(names);
}

/* ---- items ---- */

static struct item *add_item(struct plan *plan, const struct resource_type *type)
{
    struct grant_item *grant = calloc(1, sizeof *grant);
    struct item *item = grant ? plan_add_item(plan, type) : NULL;
    if (!item) {
        free(grant);
        return NULL;
    }
    item->grant = grant;
    return item;
}

/* Takes `name` (NULL: no memory) and makes the key of it; things of one name differ by GUID. */
static int name_item(struct item *item, char *name)
{
    item->owned_name = name;
    item->step.name = name;
    item->key =
        name ? text_format("%s %s", name, item->grant->guid ? item->grant->guid : "") : NULL;
    if (!item->key)
        return ERROR_NO_MEMORY;
    (void)text_lower(item->key);
    return 0;
}

/* Copies a text into a place of an item; NULL stays NULL. */
static int copy(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? ERROR_NO_MEMORY : 0;
}

static int remember(struct item *item, const cJSON *listed)
{
    struct buffer text = { 0 };
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(listed, "properties");
    if (properties)
        json_print(properties, true, &text);
    digest_hex(text.data ? text.data : "", text.size, item->state);
    buffer_clear(&text);
    item->listed = true;
    return copy(&item->grant->id, json_string(listed, "id", NULL));
}

/* ---- custom roles ---- */

/* "computes/start", one with stars, or a whole one: as the API knows it.  The caller's; NULL: none such. */
static char *whole_action(const char *said, struct error *err)
{
    const char *action = NULL;
    size_t first = strcspn(said, "/");
    bool whole = said[0] == '*' || memchr(said, '.', first);
    if (whole)
        return strdup(said);
    if (strchr(said, '*'))
        return text_format("Microsoft.MachineLearningServices/workspaces/%s", said);
    return rbac_action_of(said, &action, err) < 0 ? NULL : strdup(action);
}

/* A list of texts in which `whole` has made each what it stands for; mistakes become problems. */
static cJSON *whole_texts(struct plan *plan, const struct fleet_role *role, const char *field,
                          bool scopes)
{
    const cJSON *entry, *said = cJSON_GetObjectItemCaseSensitive(role->fields, field);
    cJSON *out = cJSON_CreateArray();
    cJSON_ArrayForEach(entry, said)
    {
        struct error err = { 0 };
        const struct workspace_ref here = plan_workspace_ref(plan);
        char *whole = NULL;
        if (!cJSON_IsString(entry))
            continue;
        if (scopes)
            (void)scope_of(entry->valuestring, &here, &whole, &err);
        else
            whole = whole_action(entry->valuestring, &err);
        if (whole)
            cJSON_AddItemToArray(out, cJSON_CreateString(whole));
        else
            problems_add(&plan->problems, role->file, role->line, "role '%s': %s: %s", role->name,
                         field, err.message);
        free(whole);
    }
    return out;
}

/* All fields of a role, said or not: what the recipe leaves out is empty, for a role does exactly
 * what its recipe says. */
static cJSON *role_fields(struct plan *plan, const struct fleet_role *role)
{
    cJSON *out = cJSON_CreateObject();
    for (size_t i = 0; i < schema_role()->field_count; i++) {
        const struct schema_field *field = &schema_role()->fields[i];
        bool scopes = text_equal(field->name, "assignable_scopes");
        if (field->kind == SCHEMA_STRING) {
            cJSON_AddStringToObject(out, field->name, json_string(role->fields, field->name, ""));
            continue;
        }
        cJSON *texts = whole_texts(plan, role, field->name, scopes);
        char *group = scopes && !texts->child ? scope_at(plan, "resource-group") : NULL;
        if (group)
            cJSON_AddItemToArray(texts, cJSON_CreateString(group));
        free(group);
        cJSON_AddItemToObject(out, field->name, texts);
    }
    return out;
}

/* A listed role in the flat view that the schema's rows are about. */
static cJSON *flat_role(const struct plan *plan, const cJSON *listed)
{
    static const char *const lists[] = { "actions", "notActions", "dataActions", "notDataActions" };
    const cJSON *entry, *permission;
    const char *description = json_string(listed, "properties.description", "");
    cJSON *out = cJSON_CreateObject();
    for (size_t i = 0; i < COUNT(lists); i++) {
        cJSON *list = cJSON_AddArrayToObject(out, lists[i]);
        cJSON_ArrayForEach(permission, json_at(listed, "properties.permissions"))
        {
            cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(permission, lists[i]))
                cJSON_AddItemToArray(list, cJSON_Duplicate(entry, true));
        }
    }
    (void)grants_are_ours(plan, description, &description);
    cJSON_AddStringToObject(out, "description", description);
    const cJSON *scopes = json_at(listed, "properties.assignableScopes");
    cJSON_AddItemToObject(out, "assignableScopes",
                          scopes ? cJSON_Duplicate(scopes, true) : cJSON_CreateArray());
    return out;
}

/* The body that makes the role what `fields` say. */
static cJSON *role_body(const struct plan *plan, const struct fleet_role *role, const cJSON *fields)
{
    const struct schema_layers layers = { .blocks = { fields } };
    cJSON *out = cJSON_CreateObject(), *permission = cJSON_CreateObject();
    int rc = json_put_string(out, "properties.roleName", role->name);
    rc = rc ? rc : json_put_string(out, "properties.type", RBAC_ROLE_CUSTOM);
    for (size_t i = 0; rc == 0 && i < schema_role()->field_count; i++) {
        const struct schema_field *field = &schema_role()->fields[i];
        cJSON *desired = schema_desired(field, &layers, &plan->fleet->refs);
        if (text_equal(field->arm, "description")) {
            char *mark = grants_mark(plan, cJSON_GetStringValue(desired));
            rc = json_put_string(out, "properties.description", mark);
            free(mark);
        } else if (text_equal(field->arm, "assignableScopes")) {
            rc = json_put(out, "properties.assignableScopes", cJSON_Duplicate(desired, true));
        } else {
            rc = schema_put(field, desired, &plan->fleet->refs, permission);
        }
        cJSON_Delete(desired);
    }
    cJSON *permissions = cJSON_CreateArray();
    cJSON_AddItemToArray(permissions, permission);
    rc = json_put(out, "properties.permissions", permissions) < 0 ? ERROR_NO_MEMORY : rc;
    if (rc == 0)
        return out;
    cJSON_Delete(out);
    return NULL;
}

/* Can this role be made under its name, and will the next plan see it? */
static bool role_is_sound(struct plan *plan, const struct fleet_role *role, const char *guid,
                          const cJSON *fields)
{
    const cJSON *scope, *other = listed_role(plan, role->name);
    const struct rbac_role *builtin = rbac_builtin_role(role->name);
    char *workspace = scope_at(plan, "workspace");
    bool sight = !workspace;
    size_t before = plan->problems.count;
    if (strlen(role->name) > ROLE_NAME_MAX)
        problems_add(&plan->problems, role->file, role->line,
                     "role '%s': the name has more than %d characters", role->name, ROLE_NAME_MAX);
    if (builtin)
        problems_add(&plan->problems, role->file, role->line,
                     "role '%s': a built-in role has that name", role->name);
    else if (other && !text_equal_nocase(json_string(other, "name", ""), guid))
        problems_add(&plan->problems, role->file, role->line,
                     "role '%s': exists and is not owned by this fleet", role->name);
    cJSON_ArrayForEach(scope, cJSON_GetObjectItemCaseSensitive(fields, "assignable_scopes")) sight =
        sight || rbac_scope_covers(scope->valuestring, workspace);
    if (!sight)
        problems_add(&plan->problems, role->file, role->line,
                     "role '%s': assignable_scopes: one of them must hold the workspace, or the "
                     "fleet would lose sight of the role",
                     role->name);
    free(workspace);
    return plan->problems.count == before;
}

static int compare_role(struct plan *plan, struct item *item, const cJSON *fields,
                        const cJSON *listed)
{
    const char *description = json_string(listed, "properties.description", "");
    cJSON *flat = flat_role(plan, listed);
    diff_role(plan->fleet, fields, flat, &item->diff);
    cJSON_Delete(flat);
    if (!grants_are_ours(plan, description, NULL) ||
        cJSON_GetArraySize(json_at(listed, "properties.permissions")) != 1 ||
        !text_equal(json_string(listed, "properties.roleName", ""), item->step.name))
        item->diff.todo |= TODO_PUT; /* somebody else's hand was on it */
    item->step.action = item->diff.todo ? PLAN_UPDATE : PLAN_UNCHANGED;
    if (item->diff.todo && item->diff.count == 0)
        item->step.note = item->note = strdup("it was changed by another hand");
    return item->diff.todo && item->diff.count == 0 && !item->note ? ERROR_NO_MEMORY : 0;
}

static int add_role(struct plan *plan, const struct fleet_role *role)
{
    const char *const parts[] = { "role", role->name };
    char *guid = guid_of(plan, parts, COUNT(parts));
    cJSON *fields = guid ? role_fields(plan, role) : NULL;
    const cJSON *listed = guid ? listed_role(plan, guid) : NULL;
    struct item *item = NULL;
    int rc = fields ? 0 : ERROR_NO_MEMORY;
    if (rc == 0 && !role_is_sound(plan, role, guid, fields))
        goto done;
    if (rc == 0 && !(item = add_item(plan, &resource_role)))
        rc = ERROR_NO_MEMORY;
    if (rc < 0)
        goto done;
    item->step.file = role->file;
    item->step.line = role->line;
    item->step.action = PLAN_CREATE;
    item->grant->role = role;
    const cJSON *scopes = cJSON_GetObjectItemCaseSensitive(fields, "assignable_scopes");
    rc = copy(&item->grant->guid, guid);
    rc = rc ? rc : copy(&item->grant->scope, cJSON_GetStringValue(scopes->child));
    rc = rc ? rc : name_item(item, strdup(role->name));
    if (rc == 0 && !(item->grant->body = role_body(plan, role, fields)))
        rc = ERROR_NO_MEMORY;
    if (rc == 0 && listed) {
        rc = remember(item, listed);
        rc = rc ? rc : compare_role(plan, item, fields, listed);
    }
done:
    cJSON_Delete(fields);
    free(guid);
    return rc;
}

/* ---- grants ---- */

/* "Owner to group x", and where, unless at the workspace. */
static char *grant_name(const struct plan *plan, const char *role, const char *to,
                        const char *scope)
{
    char where[SCOPE_TEXT_SIZE], *workspace = scope_at(plan, "workspace"), *out = NULL;
    if (workspace && text_equal_nocase(workspace, scope))
        out = text_format("%s to %s", role, to);
    else if (workspace)
        out = text_format("%s to %s at %s", role, to, rbac_scope_text(where, sizeof where, scope));
    free(workspace);
    return out;
}

static bool same_scope(const char *a, const char *b)
{
    return rbac_scope_covers(a, b) && rbac_scope_covers(b, a);
}

static bool is_equal(const struct grant_item *grant, const cJSON *listed)
{
    return text_equal_nocase(json_string(listed, "properties.principalId", ""),
                             grant->principal_id) &&
           text_equal_nocase(last_of(json_string(listed, "properties.roleDefinitionId", "")),
                             last_of(grant->role_id)) &&
           same_scope(json_string(listed, "properties.scope", ""), grant->scope);
}

/* What is there already: ours by its name, or an equal one that somebody else made. */
static int compare_grant(const struct plan *plan, struct item *item)
{
    const cJSON *listed, *equal = NULL;
    struct grant_item *grant = item->grant;
    cJSON_ArrayForEach(listed, plan->access.assignments)
    {
        if (text_equal_nocase(json_string(listed, "name", ""), grant->guid)) {
            bool marked =
                grants_are_ours(plan, json_string(listed, "properties.description", NULL), NULL);
            item->step.action = marked ? PLAN_UNCHANGED : PLAN_UPDATE;
            if (!marked)
                item->step.note = item->note = strdup("its description no longer says whose it is");
            return remember(item, listed);
        }
        if (is_equal(grant, listed))
            equal = listed;
    }
    if (!equal)
        return 0;
    item->step.action = PLAN_UNCHANGED;
    item->step.note = item->note = strdup("granted already, not by this fleet");
    return item->note ? remember(item, equal) : ERROR_NO_MEMORY;
}

/* The declared instance at whose id `scope` is; NULL: none. */
static const struct fleet_instance *instance_at(const struct plan *plan, const char *scope)
{
    char *workspace = scope_at(plan, "workspace");
    const struct fleet_instance *found = NULL;
    const char *name = last_of(scope);
    size_t size = workspace ? strlen(workspace) : 0;
    if (workspace && text_starts_nocase(scope, workspace) &&
        text_starts_nocase(scope + size, "/computes/") &&
        scope + size + strlen("/computes/") == name)
        found = fleet_find(plan->fleet, name);
    free(workspace);
    return found;
}

/* The whole id of the scope, or NULL after a problem. */
static char *grant_scope(struct plan *plan, const struct fleet_grant *grant)
{
    struct error err = { 0 };
    const struct workspace_ref here = plan_workspace_ref(plan);
    char *scope = NULL, *subscription = scope_at(plan, "subscription");
    if (scope_of(grant->scope, &here, &scope, &err) < 0) {
        problems_add(&plan->problems, grant->file, grant->line, "grant '%s': scope: %s",
                     grant->role, err.message);
    } else if (subscription && !in_sight(subscription, scope)) {
        problems_add(&plan->problems, grant->file, grant->line,
                     "grant '%s': scope: '%s' is outside of the workspace's subscription, where "
                     "the fleet would lose sight of it",
                     grant->role, scope);
        free(scope);
        scope = NULL;
    }
    free(subscription);
    return scope;
}

/* Is the same granted twice by the recipe?  Then true, with the problem told. */
static bool is_repeated(struct plan *plan, const struct fleet_grant *grant, const char *guid)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct item *other = &plan->items[i];
        if (other->type != &resource_grant || !text_equal(other->grant->guid, guid))
            continue;
        problems_add(&plan->problems, grant->file, grant->line,
                     "grant '%s': the same is granted at %s:%d", other->step.name,
                     other->step.file ? other->step.file : "?", other->step.line);
        return true;
    }
    return false;
}

static int fill_grant(struct plan *plan, struct item *item, const struct fleet_grant *grant,
                      const struct meant *meant, const char *scope, const char *guid)
{
    struct grant_item *out = item->grant;
    const struct fleet_instance *instance = instance_at(plan, scope);
    out->grant = grant;
    item->step.file = grant->file;
    item->step.line = grant->line;
    item->step.action = PLAN_CREATE;
    char *to =
        text_format("%s %s", fleet_principal_word(grant->principal->kind), grant->principal->name);
    out->role_id = text_format("/subscriptions/%s" ROLE_IDS "%s", plan->subscription, meant->guid);
    int rc = to && out->role_id ? 0 : ERROR_NO_MEMORY;
    rc = rc ? rc : copy(&out->guid, guid);
    rc = rc ? rc : copy(&out->scope, scope);
    rc = rc ? rc : copy(&out->principal_id, grant->principal->id);
    rc = rc ? rc : copy(&out->role_key, meant->own ? meant->own->key : NULL);
    rc = rc ? rc : copy(&out->instance_key, instance ? instance->key : NULL);
    rc = rc ? rc : name_item(item, grant_name(plan, meant->name, to, scope));
    free(to);
    return rc ? rc : compare_grant(plan, item);
}

static void note_unseen(const struct plan *plan, struct item *item)
{
    if (item->step.action == PLAN_CREATE && !in_sight(plan->access.listed_at, item->grant->scope))
        item->step.note = item->note = strdup("what is granted there already cannot be read");
}

static int add_grant(struct plan *plan, const struct fleet_grant *grant)
{
    struct meant meant;
    if (!grant->principal->id)
        return 0; /* the directory does not know them: that was told */
    if (!mean_role(plan, grant->role, &meant)) {
        if (fleet_find_role(plan->fleet, grant->role))
            return ERROR_NO_MEMORY;
        refuse_role(plan, grant);
        return 0;
    }
    char *scope = grant_scope(plan, grant), *guid = NULL;
    int rc = 0;
    if (scope) {
        const char *const parts[] = { "grant", meant.guid, grant->principal->id, scope };
        guid = guid_of(plan, parts, COUNT(parts));
        rc = guid ? 0 : ERROR_NO_MEMORY;
    }
    if (guid && !is_repeated(plan, grant, guid)) {
        struct item *item = add_item(plan, &resource_grant);
        rc = item ? fill_grant(plan, item, grant, &meant, scope, guid) : ERROR_NO_MEMORY;
        if (rc == 0)
            note_unseen(plan, item);
    }
    free(meant.own_guid);
    free(guid);
    free(scope);
    return rc;
}

/* ---- what is owned and declared no more ---- */

static bool is_declared(const struct plan *plan, const struct resource_type *type, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].type == type && text_equal_nocase(plan->items[i].grant->guid, name))
            return true;
    return false;
}

static char *orphan_name(const struct plan *plan, const struct resource_type *type,
                         const cJSON *listed, const char *rest)
{
    if (type == &resource_role)
        return strdup(json_string(listed, "properties.roleName", "?"));
    const char *to = *rest ? rest : json_string(listed, "properties.principalId", "?");
    return grant_name(plan, role_name(plan, json_string(listed, "properties.roleDefinitionId", "")),
                      to, json_string(listed, "properties.scope", ""));
}

static int add_orphans(struct plan *plan, const struct resource_type *type, const cJSON *list)
{
    const cJSON *listed;
    cJSON_ArrayForEach(listed, list)
    {
        const char *rest = "", *name = json_string(listed, "name", "");
        const char *description = json_string(listed, "properties.description", NULL);
        if (!grants_are_ours(plan, description, &rest) || is_declared(plan, type, name))
            continue;
        struct item *item = add_item(plan, type);
        if (!item)
            return ERROR_NO_MEMORY;
        item->step.action = PLAN_DELETE;
        int rc = copy(&item->grant->guid, name);
        rc = rc ? rc : copy(&item->grant->scope, json_string(listed, "properties.scope", NULL));
        rc = rc ? rc : name_item(item, orphan_name(plan, type, listed, rest));
        rc = rc ? rc : remember(item, listed);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int grants_add_items(struct plan *plan)
{
    const struct fleet *fleet = plan->fleet;
    int rc = 0;
    /* Destroying: all that is owned counts as declared no more. */
    for (size_t i = 0; rc == 0 && !plan->destroy && i < fleet->role_count; i++)
        rc = add_role(plan, &fleet->roles[i]);
    for (size_t i = 0; rc == 0 && !plan->destroy && i < fleet->grant_count; i++)
        rc = add_grant(plan, &fleet->grants[i]);
    rc = rc ? rc : add_orphans(plan, &resource_role, plan->access.roles);
    rc = rc ? rc : add_orphans(plan, &resource_grant, plan->access.assignments);
    if (plan->access.denied && fleet->grant_count + fleet->role_count > 0)
        plan_warn(
            plan,
            "role assignments could not be read (%s), so what is granted already is not known",
            plan->access.denied);
    return rc;
}

const struct item *grants_role_item(const struct plan *plan, const char *key)
{
    for (size_t i = 0; i < plan->count && plan->items[i].type == &resource_role; i++)
        if (plan->items[i].grant->role && text_equal(plan->items[i].grant->role->key, key))
            return &plan->items[i];
    return NULL;
}

void grants_follow_instances(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct item *item = &plan->items[i];
        if (item->type != &resource_grant || !item->grant->instance_key ||
            item->step.action != PLAN_UNCHANGED || !item->grant->grant)
            continue;
        const struct item *instance =
            plan_find_item(plan, &resource_instance, item->grant->instance_key);
        if (!instance || instance->step.action != PLAN_REPLACE)
            continue;
        free(item->note);
        item->step.note = item->note = strdup("it goes with its instance, and is made again");
        item->step.action = PLAN_CREATE;
    }
}
