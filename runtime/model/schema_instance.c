/* schema_instance.c - bodies of compute instances: made, sent back, and what they say of
 * themselves. */
#include "model/schema.h"

#include "base/text.h"

cJSON *schema_instance_body(const char *location)
{
    cJSON *body = cJSON_CreateObject();
    if (location && !cJSON_AddStringToObject(body, "location", location))
        goto fail;
    cJSON *properties = cJSON_AddObjectToObject(body, "properties");
    if (!cJSON_AddStringToObject(properties, "computeType", "ComputeInstance") ||
        !cJSON_AddObjectToObject(properties, "properties"))
        goto fail;
    return body;
fail:
    cJSON_Delete(body);
    return NULL;
}

static void drop(cJSON *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cJSON_DeleteItemFromObjectCaseSensitive(object, names[i]);
}

/* Nulls say nothing, and some of them would be refused. */
static void drop_nulls(cJSON *object)
{
    for (cJSON *item = object ? object->child : NULL, *next; item; item = next) {
        next = item->next;
        if (cJSON_IsNull(item))
            cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
    }
}

void schema_instance_strip(cJSON *body)
{
    static const char *const top[] = { "id", "name", "type", "systemData", "etag" };
    static const char *const outer[] = { "createdOn", "modifiedOn", "provisioningState",
                                         "provisioningErrors", "isAttachedCompute" };
    static const char *const inner[] = {
        "state",        "lastOperation", "createdBy",       "errors",     "connectivityEndpoints",
        "applications", "versions",      "osImageMetadata", "containers", "dataDisks",
        "dataMounts",   "updateStatus"
    };
    static const char *const ssh[] = { "adminUserName", "sshPort" };
    static const char *const schedule[] = { "id", "provisioningStatus" };
    static const char *const identity[] = { "principalId", "tenantId" };
    cJSON *entry;
    drop(body, top, COUNT(top));
    cJSON *properties = cJSON_GetObjectItemCaseSensitive(body, "properties");
    drop(properties, outer, COUNT(outer));
    drop_nulls(properties);
    cJSON *instance = cJSON_GetObjectItemCaseSensitive(properties, "properties");
    drop(instance, inner, COUNT(inner));
    drop_nulls(instance);
    drop(cJSON_GetObjectItemCaseSensitive(instance, "sshSettings"), ssh, COUNT(ssh));
    drop_nulls(cJSON_GetObjectItemCaseSensitive(instance, "sshSettings"));
    cJSON_ArrayForEach(entry, json_at(instance, "schedules.computeStartStop"))
    {
        drop(entry, schedule, COUNT(schedule));
        drop_nulls(entry);
    }
    cJSON *who = cJSON_GetObjectItemCaseSensitive(body, "identity");
    drop(who, identity, COUNT(identity));
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(who, "userAssignedIdentities"))
    {
        while (entry->child)
            cJSON_Delete(cJSON_DetachItemViaPointer(entry, entry->child));
    }
    drop_nulls(body);
}

static bool any_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal_nocase(text, words[i]))
            return true;
    return false;
}

bool instance_is(const cJSON *body)
{
    return text_equal_nocase(json_string(body, "properties.computeType", ""), "ComputeInstance");
}

bool instance_runs(const cJSON *body)
{
    static const char *const up[] = { "Running",  "JobRunning",      "SettingUp",  "UserSettingUp",
                                      "Starting", "Restarting",      "Creating",   "Resizing",
                                      "Unusable", "UserSetupFailed", "SetupFailed" };
    return any_of(json_string(body, "properties.properties.state", ""), up, COUNT(up));
}

enum instance_phase instance_phase(const cJSON *body)
{
    static const char *const provisioning[] = { "Creating", "Updating" };
    static const char *const moving[] = { "Creating", "Starting",  "Stopping",     "Restarting",
                                          "Resizing", "SettingUp", "UserSettingUp" };
    const char *provisioned = json_string(body, "properties.provisioningState", "Succeeded");
    const char *state = json_string(body, "properties.properties.state", "");
    if (text_equal_nocase(provisioned, "Deleting") || text_equal_nocase(state, "Deleting"))
        return INSTANCE_LEAVING;
    if (any_of(provisioned, provisioning, COUNT(provisioning)))
        return INSTANCE_MOVING;
    if (text_equal_nocase(provisioned, "Failed") || text_equal_nocase(provisioned, "Canceled")) {
        const char *operation =
            json_string(body, "properties.properties.lastOperation.operationName", "Create");
        const char *status = json_string(
            body, "properties.properties.lastOperation.operationStatus", "CreateFailed");
        if (text_equal_nocase(operation, "Create") && !text_equal_nocase(status, "Succeeded"))
            return INSTANCE_BROKEN;
        return INSTANCE_STEADY;
    }
    return any_of(state, moving, COUNT(moving)) ? INSTANCE_MOVING : INSTANCE_STEADY;
}
