/* access_changes.c - see access_changes.h. */
#include "engine/access_changes.h"

#include "base/text.h"
#include "engine/grants.h"

/* Where something stands: what its id says before it names the provider. */
static const char *scope_of_id(struct access_changes *changes, const char *id)
{
    const char *provider = id ? strcasestr(id, "/providers/Microsoft.Authorization/") : NULL;
    char *scope = provider == id ? strdup("/")
                  : provider     ? text_dup_size(id, (size_t)(provider - id))
                                 : NULL;
    cJSON *text = scope ? cJSON_CreateString(scope) : NULL;
    free(scope);
    return text && cJSON_AddItemToArray(changes->texts, text) ? text->valuestring : NULL;
}

/* The resource that a PUT of the body makes. */
static const cJSON *role_resource(struct access_changes *changes, const struct grant_item *grant)
{
    cJSON *resource = cJSON_Duplicate(grant->body, true);
    if (!resource || !cJSON_AddItemToArray(changes->texts, resource))
        return NULL;
    return json_put_string(resource, "name", grant->guid) == 0 ? resource : NULL;
}

static enum access_moment moment_of(const struct item *item)
{
    if (item->step.action == PLAN_DELETE)
        return ACCESS_AFTER;
    if (item->type == &resource_role)
        return ACCESS_WITH_ROLES;
    return item->grant->instance_key ? ACCESS_BEFORE_REVOKING : ACCESS_WITH_GRANTS;
}

static int add(struct access_changes *changes, const struct item *item)
{
    const struct grant_item *grant = item->grant;
    struct access_change *change = &changes->items[changes->count++];
    *change = (struct access_change) {
        .is_role = item->type == &resource_role,
        .makes = item->step.action != PLAN_DELETE,
        .moment = moment_of(item),
        .name = grant->guid,
        .file = item->step.file,
        .line = item->step.line,
        .scope = grant->scope,
        .principal_id = grant->principal_id,
        .role_id = grant->role_id,
        .is_group = grant->grant && grant->grant->principal->kind == DIRECTORY_GROUP,
    };
    if (!change->scope)
        change->scope = scope_of_id(changes, grant->id);
    if (change->is_role && change->makes)
        change->role = role_resource(changes, grant);
    bool complete =
        change->scope && change->name && (!change->role == !(change->is_role && change->makes));
    return complete ? 0 : ERROR_NO_MEMORY;
}

int access_changes_read(const struct plan *plan, struct access_changes *out, struct error *err)
{
    *out = (struct access_changes) { .items = calloc(plan->count + 1, sizeof *out->items),
                                     .texts = cJSON_CreateArray() };
    int rc = out->items && out->texts ? 0 : ERROR_NO_MEMORY;
    for (size_t i = 0; i < plan->count && rc == 0; i++) {
        const struct item *item = &plan->items[i];
        if (item->grant && item->step.action != PLAN_UNCHANGED)
            rc = add(out, item);
    }
    return rc < 0 ? error_set(err, rc, "out of memory") : 0;
}

void access_changes_clear(struct access_changes *changes)
{
    free(changes->items);
    cJSON_Delete(changes->texts);
    *changes = (struct access_changes) { 0 };
}
