/* compute_body.c - requests for compute instances: checked, completed, compared. */
#include "plane/compute_body.h"

#include <ctype.h>
#include <stdarg.h>

#include "base/duration.h"
#include "base/text.h"
#include "model/rules.h"

#define INNER "properties.properties."

/* One member of `properties` or of `properties.properties`, in the order in which replies have
 * them. */
struct member {
    const char *name;
    const char *fallback; /* JSON text of what stands there when it was not sent; NULL: nothing */
    bool read_only;       /* what a request says of it is ignored */
    bool fixed;           /* cannot be changed in place */
};

static const struct member outer_members[] = {
    { "createdOn", NULL, true, false },
    { "modifiedOn", NULL, true, false },
    { "disableLocalAuth", "false", false, true },
    { "description", "null", false, false },
    { "resourceId", "null", false, true },
    { "computeType", NULL, false, true },
    { "computeLocation", NULL, false, true },
    { "provisioningState", "\"Creating\"", true, false },
    { "provisioningErrors", "null", true, false },
    { "isAttachedCompute", "false", true, false },
};

static const struct member inner_members[] = {
    { "vmSize", NULL, false, true },
    { "subnet", "null", false, true },
    { "sshSettings", "{\"sshPublicAccess\":\"Disabled\"}", false, true },
    { "errors", "[]", true, false },
    { "connectivityEndpoints", "null", true, false },
    { "applications", "[]", true, false },
    { "state", "\"Creating\"", true, false },
    { "lastOperation", "null", true, false },
    { "createdBy", "null", true, false },
    { "applicationSharingPolicy", "\"Shared\"", false, false },
    { "computeInstanceAuthorizationType", "null", false, true },
    { "personalComputeInstanceSettings", "null", false, true },
    { "setupScripts", "null", false, true },
    { "schedules", "{\"computeStartStop\":[]}", false, false },
    { "idleTimeBeforeShutdown", "null", false, false },
    { "enableNodePublicIp", "true", false, true },
    { "enableSSO", "true", false, false },
    { "enableRootAccess", NULL, false, true },
    { "osImageMetadata", NULL, true, false },
    { "dataMounts", "null", true, false },
    { "dataDisks", "null", true, false },
    { "containers", "null", true, false },
    { "updateStatus", NULL, true, false },
    { "versions", NULL, true, false },
};

/* ---- checking ---- */

/* Member at `path`; JSON null counts as not there. */
static const cJSON *sent(const cJSON *request, const char *path)
{
    return json_at(request, path);
}

/* Answers 400 about a property; always false. */
__attribute__((format(printf, 3, 4))) static bool refuse(struct call *call, const char *target,
                                                         const char *format, ...)
{
    struct error text = { 0 };
    va_list args;
    va_start(args, format);
    error_vset(&text, ERROR_INVALID, format, args);
    va_end(args);
    answer_error(call, 400, "InvalidPropertyValue", target, "%s", text.message);
    return false;
}

static bool one_of(struct call *call, const cJSON *object, const char *path, const char *target,
                   const char *const *words)
{
    const cJSON *value = sent(object, path);
    if (!value)
        return true;
    for (size_t i = 0; words[i]; i++)
        if (text_equal_nocase(cJSON_GetStringValue(value), words[i]))
            return true;
    struct buffer list = { 0 };
    for (size_t i = 0; words[i]; i++)
        buffer_format(&list, "%s%s", i > 0 ? ", " : "", words[i]);
    bool good = refuse(call, target, "The value of property '%s' is not one of: %s.", target,
                       list.data ? list.data : "");
    buffer_clear(&list);
    return good;
}

static bool is_object_or_unset(struct call *call, const cJSON *request, const char *path)
{
    const cJSON *value = sent(request, path);
    return !value || cJSON_IsObject(value) ||
           refuse(call, path, "The value of property '%s' must be an object.", path);
}

/* Kinds of plain members: whether each is what the schema says. */
static bool check_kinds(struct call *call, const cJSON *request)
{
    static const char *const objects[] = { "identity",
                                           "sku",
                                           "properties.properties",
                                           INNER "subnet",
                                           INNER "sshSettings",
                                           INNER "personalComputeInstanceSettings",
                                           INNER "setupScripts",
                                           INNER "schedules" };
    static const char *const booleans[] = {
        "properties.disableLocalAuth", INNER "enableNodePublicIp", INNER "enableSSO",
        INNER "enableRootAccess",      INNER "enableOSPatching",   INNER "releaseQuotaOnStop"
    };
    static const char *const strings[] = {
        "properties.description",           "properties.resourceId",
        "properties.computeLocation",       INNER "subnet.id",
        INNER "sshSettings.adminPublicKey", INNER "vmSize"
    };
    for (size_t i = 0; i < COUNT(objects); i++)
        if (!is_object_or_unset(call, request, objects[i]))
            return false;
    for (size_t i = 0; i < COUNT(booleans); i++)
        if (sent(request, booleans[i]) && !cJSON_IsBool(sent(request, booleans[i])))
            return refuse(call, booleans[i], "The value of property '%s' must be true or false.",
                          booleans[i]);
    for (size_t i = 0; i < COUNT(strings); i++)
        if (sent(request, strings[i]) && !cJSON_IsString(sent(request, strings[i])))
            return refuse(call, strings[i], "The value of property '%s' must be a string.",
                          strings[i]);
    return true;
}

static bool check_words(struct call *call, const cJSON *request)
{
    static const char *const sharing[] = { "Personal", "Shared", NULL };
    static const char *const access[] = { "Enabled", "Disabled", NULL };
    static const char *const authorization[] = { "personal", NULL };
    static const char *const identity[] = { "SystemAssigned",
                                            "UserAssigned",
                                            "SystemAssigned,UserAssigned",
                                            "SystemAssigned, UserAssigned",
                                            "None",
                                            NULL };
    return one_of(call, request, INNER "applicationSharingPolicy", INNER "applicationSharingPolicy",
                  sharing) &&
           one_of(call, request, INNER "sshSettings.sshPublicAccess",
                  INNER "sshSettings.sshPublicAccess", access) &&
           one_of(call, request, INNER "computeInstanceAuthorizationType",
                  INNER "computeInstanceAuthorizationType", authorization) &&
           one_of(call, request, "identity.type", "identity.type", identity);
}

static bool check_place(struct call *call, const struct workspace *workspace, const cJSON *request)
{
    const char *text = json_string(request, "location", NULL);
    if (!text) {
        answer_error(call, 400, "LocationRequired", NULL,
                     "The location property is required for this definition.");
        return false;
    }
    char *location = location_normal(text);
    bool same = location && text_equal_nocase(location, workspace->location);
    free(location);
    return same || refuse(call, "location",
                          "The compute instance must be in the location of its workspace, '%s', "
                          "not in '%.64s'.",
                          workspace->location, text);
}

static bool check_type(struct call *call, const cJSON *request)
{
    const char *type = json_string(request, "properties.computeType", NULL);
    if (!cJSON_IsObject(sent(request, "properties")) || !type) {
        answer_error(call, 400, "MissingRequiredProperty", "properties.computeType",
                     "The property 'properties.computeType' is required.");
        return false;
    }
    return text_equal_nocase(type, "ComputeInstance") ||
           refuse(
               call, "properties.computeType",
               "Computes of type '%.64s' are not supported by this plane: only ComputeInstance is.",
               type);
}

static bool check_assigned(struct call *call, const cJSON *request)
{
    const char *path = INNER "personalComputeInstanceSettings.assignedUser";
    if (!sent(request, path))
        return true;
    const cJSON *user = sent(request, path);
    const char *id = json_string(user, "objectId", NULL);
    const char *tenant = json_string(user, "tenantId", NULL);
    if (!id || !tenant)
        return refuse(call, path, "The property '%s' must have an objectId and a tenantId.", path);
    if (!text_equal_nocase(tenant, call->plane->tenant_id))
        return refuse(
            call, path,
            "The assigned user's tenant '%.64s' is not the tenant of this subscription, '%s'.",
            tenant, call->plane->tenant_id);
    return directory_has_user(call->plane, id) ||
           refuse(call, path,
                  "The assigned user with object id '%.64s' does not exist in the directory.", id);
}

/* ---- setup scripts ---- */

/* As timeout(1): a number and s, m, h or d. */
static bool timeout_valid(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    int64_t seconds = 0;
    bool unit = digits > 0 && digits < 9 && text[digits] && strchr("smhd", text[digits]) &&
                !text[digits + 1];
    return unit && duration_parse(text, &seconds, NULL) == 0 && seconds > 0 &&
           seconds <= SCRIPT_TIMEOUT_MAX_S;
}

static bool inline_script_valid(const char *data)
{
    struct buffer script = { .max = SCRIPT_SIZE_MAX };
    bool valid = base64_decode(data, strlen(data), &script) == 0 &&
                 buffer_check(&script, "script", NULL) == 0;
    buffer_clear(&script);
    return valid;
}

static bool check_script_text(struct call *call, const cJSON *script, const char *target)
{
    const char *source = json_string(script, "scriptSource", "workspaceStorage");
    const char *data = json_string(script, "scriptData", NULL), *rule = NULL;
    if (!data)
        return refuse(call, target, "The property '%s' must have scriptData.", target);
    if (text_equal_nocase(source, "inline"))
        return inline_script_valid(data) ||
               refuse(call, target, "The scriptData of '%s' is not base64, or is more than 1 MiB.",
                      target);
    return share_path_valid(data, &rule) ||
           refuse(call, target,
                  "The scriptData of '%s' is not a script in the workspace's file share: %s.",
                  target, rule);
}

static bool check_script(struct call *call, const cJSON *request, const char *path)
{
    static const char *const sources[] = { "workspaceStorage", "inline", NULL };
    const cJSON *script = sent(request, path);
    if (!script)
        return true;
    if (!is_object_or_unset(call, request, path) ||
        !one_of(call, script, "scriptSource", path, sources) ||
        !check_script_text(call, script, path))
        return false;
    const cJSON *timeout = sent(script, "timeout");
    if (timeout && (!cJSON_IsString(timeout) || !timeout_valid(timeout->valuestring)))
        return refuse(
            call, path,
            "The timeout of '%s' is not a number followed by s, m, h or d, of at most a day.",
            path);
    const cJSON *arguments = sent(script, "scriptArguments");
    if (arguments &&
        (!cJSON_IsString(arguments) || strlen(arguments->valuestring) > SCRIPT_ARGUMENTS_MAX))
        return refuse(call, path,
                      "The scriptArguments of '%s' must be a string of at most %d bytes.", path,
                      SCRIPT_ARGUMENTS_MAX);
    return true;
}

/* ---- schedules ---- */

static bool numbers_within(const cJSON *list, int min, int max, bool required)
{
    const cJSON *item = NULL;
    if (!list || cJSON_IsNull(list))
        return !required;
    if (!cJSON_IsArray(list))
        return false;
    cJSON_ArrayForEach(item, list) if (!cJSON_IsNumber(item) ||
                                       item->valuedouble != item->valueint ||
                                       item->valueint < min || item->valueint > max) return false;
    return !required || cJSON_GetArraySize(list) > 0;
}

static bool check_zone(struct call *call, const cJSON *trigger, const char *target)
{
    const char *zone = json_string(trigger, "timeZone", "UTC");
    return time_zone_known(zone) ||
           refuse(call, target, "The time zone '%.64s' of '%s' is not a Windows time zone name.",
                  zone, target);
}

/* "yyyy-MM-ddTHH:mm:ss" without zone. */
static bool check_start_time(struct call *call, const cJSON *trigger, const char *target)
{
    const cJSON *start = sent(trigger, "startTime");
    if (!start)
        return true;
    const char *text = cJSON_GetStringValue(start);
    char zoned[32];
    int64_t ms = 0;
    bool fits = text && strlen(text) == 19;
    if (fits)
        snprintf(zoned, sizeof zoned, "%sZ", text);
    return (fits && time_parse(zoned, &ms) == 0) ||
           refuse(call, target, "The startTime of '%s' is not of the form yyyy-MM-ddTHH:mm:ss.",
                  target);
}

static bool check_cron(struct call *call, const cJSON *schedule, const char *target)
{
    const cJSON *cron = sent(schedule, "cron");
    struct error err = { 0 };
    const char *expression = json_string(cron, "expression", NULL);
    if (!expression)
        return refuse(call, target, "The schedule '%s' must have a cron.expression.", target);
    if (cron_check(expression, &err) < 0)
        return refuse(call, target, "The cron expression '%.128s' of '%s' is not valid: %s",
                      expression, target, err.message);
    return check_zone(call, cron, target) && check_start_time(call, cron, target);
}

static bool check_recurrence(struct call *call, const cJSON *schedule, const char *target)
{
    static const char *const frequencies[] = { "Minute", "Hour", "Day", "Week", "Month", NULL };
    const cJSON *recurrence = sent(schedule, "recurrence");
    const cJSON *times = sent(recurrence, "schedule");
    if (!json_string(recurrence, "frequency", NULL) || json_int(recurrence, "interval", 0) < 1)
        return refuse(call, target,
                      "The schedule '%s' must have a recurrence with a frequency and an interval.",
                      target);
    if (times && (!numbers_within(sent(times, "hours"), 0, 23, true) ||
                  !numbers_within(sent(times, "minutes"), 0, 59, true) ||
                  !numbers_within(sent(times, "monthDays"), 1, 31, false)))
        return refuse(call, target,
                      "The hours, minutes or monthDays of '%s' are missing or out of range.",
                      target);
    return one_of(call, recurrence, "frequency", target, frequencies) &&
           check_zone(call, recurrence, target) && check_start_time(call, recurrence, target);
}

static bool check_schedule(struct call *call, const cJSON *schedule, int index)
{
    static const char *const statuses[] = { "Enabled", "Disabled", NULL };
    static const char *const actions[] = { "Start", "Stop", NULL };
    static const char *const triggers[] = { "Recurrence", "Cron", NULL };
    char target[80];
    snprintf(target, sizeof target, INNER "schedules.computeStartStop[%d]", index);
    if (!cJSON_IsObject(schedule))
        return refuse(call, target, "The schedule '%s' must be an object.", target);
    if (!one_of(call, schedule, "status", target, statuses) ||
        !one_of(call, schedule, "action", target, actions) ||
        !one_of(call, schedule, "triggerType", target, triggers))
        return false;
    const char *trigger = json_string(schedule, "triggerType", "");
    if (text_equal_nocase(trigger, "Cron"))
        return check_cron(call, schedule, target);
    if (text_equal_nocase(trigger, "Recurrence"))
        return check_recurrence(call, schedule, target);
    return true; /* the deprecated `schedule` member: kept as it is */
}

static bool check_schedules(struct call *call, const cJSON *request)
{
    const cJSON *list = sent(request, INNER "schedules.computeStartStop");
    const cJSON *schedule = NULL;
    int index = 0;
    if (!list)
        return true;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > SCHEDULES_MAX)
        return refuse(call, INNER "schedules.computeStartStop",
                      "A compute instance can have at most %d schedules, in an array.",
                      SCHEDULES_MAX);
    cJSON_ArrayForEach(schedule, list) if (!check_schedule(call, schedule, index++)) return false;
    return true;
}

bool compute_body_idle(struct call *call, const cJSON *value, const char *target)
{
    const char *text = cJSON_GetStringValue(value);
    int64_t seconds = 0;
    if (!value || cJSON_IsNull(value))
        return true;
    if (!text || text[0] != 'P' || duration_parse(text, &seconds, NULL) < 0)
        return refuse(call, target, "The value of property '%s' is not an ISO 8601 duration.",
                      target);
    return (seconds >= IDLE_SHUTDOWN_MIN_S && seconds <= IDLE_SHUTDOWN_MAX_S) ||
           refuse(call, target,
                  "The value '%.32s' of property '%s' is not between 15 minutes and 3 days.", text,
                  target);
}

const struct vm_size *compute_body_check(struct call *call, const struct workspace *workspace,
                                         const cJSON *request)
{
    if (!check_type(call, request) || !check_place(call, workspace, request) ||
        !tags_acceptable(call, sent(request, "tags")) || !check_kinds(call, request) ||
        !check_words(call, request))
        return NULL;
    const char *name = json_string(request, INNER "vmSize", NULL);
    const struct vm_size *size = vm_size_find(name);
    if (!size) {
        answer_error(call, 400, "InvalidPropertyValue", INNER "vmSize",
                     "The specified value '%.64s' for property Properties.VMSize is not a "
                     "supported VM size.",
                     name ? name : "");
        return NULL;
    }
    bool good = check_assigned(call, request) &&
                check_script(call, request, INNER "setupScripts.scripts.creationScript") &&
                check_script(call, request, INNER "setupScripts.scripts.startupScript") &&
                check_schedules(call, request) &&
                compute_body_idle(call, sent(request, INNER "idleTimeBeforeShutdown"),
                                  INNER "idleTimeBeforeShutdown");
    return good ? size : NULL;
}

/* ---- making ---- */

static const struct member *member_find(const struct member *members, size_t count,
                                        const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (text_equal(members[i].name, name))
            return &members[i];
    return NULL;
}

/* One object of the reply; `request` and `old` may be NULL. */
static cJSON *make_object(const struct member *members, size_t count, const cJSON *request,
                          const cJSON *old)
{
    cJSON *out = cJSON_CreateObject();
    for (size_t i = 0; i < count && out; i++) {
        const struct member *m = &members[i];
        const cJSON *from = cJSON_GetObjectItemCaseSensitive(m->read_only ? old : request, m->name);
        cJSON *value = from && (m->read_only || !cJSON_IsNull(from)) ? cJSON_Duplicate(from, true)
                       : m->fallback                                 ? cJSON_Parse(m->fallback)
                                                                     : NULL;
        if (value)
            cJSON_AddItemToObjectCS(out, m->name, value);
    }
    const cJSON *other = NULL;
    cJSON_ArrayForEach(other, request) if (!member_find(members, count, other->string) &&
                                           !text_equal(other->string, "properties"))
        cJSON_AddItemToObject(out, other->string, cJSON_Duplicate(other, true));
    return out;
}

/* Is the new schedule the old one, but for what only the service says? */
static bool same_schedule(const cJSON *a, const cJSON *old)
{
    cJSON *b = cJSON_Duplicate(old, true);
    cJSON *c = cJSON_Duplicate(a, true);
    static const char *const own[] = { "id", "provisioningStatus" };
    for (size_t i = 0; i < COUNT(own); i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(b, own[i]);
        cJSON_DeleteItemFromObjectCaseSensitive(c, own[i]);
    }
    bool same = b && c && json_equal(b, c);
    cJSON_Delete(b);
    cJSON_Delete(c);
    return same;
}

static int finish_schedules(cJSON *inner, const cJSON *old)
{
    const cJSON *before = json_at(old, "properties.properties.schedules.computeStartStop");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(inner, "schedules"), "computeStartStop");
    if (!cJSON_IsArray(list))
        return json_put(inner, "schedules.computeStartStop", cJSON_CreateArray());
    cJSON *schedule = NULL;
    int index = 0;
    cJSON_ArrayForEach(schedule, list)
    {
        const cJSON *was = cJSON_GetArrayItem(before, index++);
        char id[UUID_TEXT_SIZE];
        if (was && same_schedule(schedule, was))
            text_copy(id, sizeof id, json_string(was, "id", ""));
        else
            uuid_make(id);
        if (json_put_string(schedule, "id", id) < 0 ||
            json_put_string(schedule, "provisioningStatus", "Completed") < 0)
            return ERROR_NO_MEMORY;
    }
    return 0;
}

static int finish_inner(struct call *call, cJSON *inner, const cJSON *old)
{
    char size[64];
    text_copy(size, sizeof size, json_string(inner, "vmSize", ""));
    for (char *at = size; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    int rc = json_put_string(inner, "vmSize", size);
    if (rc == 0)
        rc = json_put_string(inner, "sshSettings.adminUserName", "azureuser");
    if (rc == 0 && !json_at(inner, "sshSettings.sshPublicAccess"))
        rc = json_put_string(inner, "sshSettings.sshPublicAccess", "Disabled");
    if (rc == 0)
        rc = json_put_string(inner, "sshSettings.sshPort", NULL); /* nothing listens */
    if (rc == 0 && !json_at(inner, "sshSettings.adminPublicKey"))
        rc = json_put_string(inner, "sshSettings.adminPublicKey", NULL);
    if (rc == 0)
        rc = finish_schedules(inner, old);
    if (rc < 0 || old)
        return rc;
    char *name = directory_name(call->plane, call->caller);
    rc = json_put_string(inner, "createdBy.userName", name ? name : "");
    free(name);
    if (rc == 0)
        rc = json_put_string(inner, "createdBy.userOrgId", call->plane->tenant_id);
    if (rc == 0)
        rc = json_put_string(inner, "createdBy.userId", call->caller);
    return rc;
}

static int finish_outer(struct call *call, const struct workspace *workspace, cJSON *outer,
                        const cJSON *old)
{
    char now[TIME_TEXT_SIZE];
    plane_time(call->plane, now);
    int rc = json_put_string(outer, "computeType", "ComputeInstance");
    if (rc == 0 && !json_at(outer, "computeLocation"))
        rc = json_put_string(outer, "computeLocation", workspace->location);
    if (rc == 0 && !old)
        rc = json_put_string(outer, "createdOn", now);
    if (rc == 0)
        rc = json_put_string(outer, "modifiedOn", now);
    return rc;
}

/* What Azure makes of a managed identity: ids that stay the same for the same resource. */
static int put_identity(struct plane *plane, cJSON *body, const cJSON *request)
{
    const char *type = json_string(request, "identity.type", "None");
    char id[UUID_TEXT_SIZE];
    if (!json_at(request, "identity") ||
        json_put(body, "identity", cJSON_Duplicate(json_at(request, "identity"), true)) < 0)
        return json_at(request, "identity") ? ERROR_NO_MEMORY : 0;
    int rc = 0;
    if (text_starts_nocase(type, "SystemAssigned")) {
        uuid_of_text(json_string(body, "id", ""), id);
        rc = json_put_string(body, "identity.principalId", id);
        if (rc == 0)
            rc = json_put_string(body, "identity.tenantId", plane->tenant_id);
    }
    cJSON *user = NULL;
    cJSON *users = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(body, "identity"), "userAssignedIdentities");
    cJSON_ArrayForEach(user, users)
    {
        if (rc < 0 || !cJSON_IsObject(user))
            continue;
        uuid_of_text(user->string, id);
        rc = json_put_string(user, "principalId", id);
        if (rc == 0)
            rc = json_put_string(user, "clientId", id);
    }
    return rc;
}

static int put_head(struct plane *plane, const struct workspace *workspace, const char *name,
                    cJSON *body, const cJSON *request)
{
    char *id = text_format("/subscriptions/%s/resourceGroups/%s/providers/" PLANE_TYPE_WORKSPACE
                           "/%s/computes/%s",
                           workspace->subscription, workspace->group, workspace->name, name);
    const cJSON *tags = json_at(request, "tags");
    const cJSON *sku = json_at(request, "sku");
    int rc = id ? json_put_string(body, "id", id) : ERROR_NO_MEMORY;
    free(id);
    if (rc == 0)
        rc = json_put_string(body, "name", name);
    if (rc == 0)
        rc = json_put_string(body, "type", PLANE_TYPE_COMPUTE);
    if (rc == 0)
        rc = json_put_string(body, "location", workspace->location);
    if (rc == 0)
        rc = json_put(body, "tags", tags ? cJSON_Duplicate(tags, true) : cJSON_CreateObject());
    if (rc == 0 && sku)
        rc = json_put(body, "sku", cJSON_Duplicate(sku, true));
    if (rc == 0)
        rc = put_identity(plane, body, request);
    return rc;
}

cJSON *compute_body_make(struct call *call, const struct workspace *workspace, const char *name,
                         const cJSON *request, const cJSON *old)
{
    cJSON *body = cJSON_CreateObject();
    cJSON *outer = make_object(outer_members, COUNT(outer_members), json_at(request, "properties"),
                               json_at(old, "properties"));
    cJSON *inner =
        make_object(inner_members, COUNT(inner_members), json_at(request, "properties.properties"),
                    json_at(old, "properties.properties"));
    int rc = body && outer && inner ? 0 : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = put_head(call->plane, workspace, name, body, request);
    if (rc == 0)
        rc = finish_outer(call, workspace, outer, old);
    if (rc == 0)
        rc = finish_inner(call, inner, old);
    if (rc == 0) {
        cJSON_AddItemToObject(outer, "properties", inner);
        cJSON_AddItemToObject(body, "properties", outer);
        return body;
    }
    cJSON_Delete(inner);
    cJSON_Delete(outer);
    cJSON_Delete(body);
    return NULL;
}

/* ---- comparing ---- */

static bool same_value(const char *name, const cJSON *a, const cJSON *b)
{
    if (text_equal(name, "computeInstanceAuthorizationType")) /* its only value is its default */
        return true;
    if (text_equal(name, "computeType") || text_equal(name, "computeLocation"))
        return text_equal_nocase(cJSON_GetStringValue(a), cJSON_GetStringValue(b));
    if (!a || !b)
        return a == b;
    if (text_equal(name, "personalComputeInstanceSettings"))
        return text_equal_nocase(json_string(a, "assignedUser.objectId", NULL),
                                 json_string(b, "assignedUser.objectId", NULL));
    return json_equal(a, b);
}

const char *compute_body_fixed(const cJSON *old, const cJSON *new_body)
{
    static const struct {
        const struct member *members;
        size_t count;
        const char *path;
    } objects[] = { { outer_members, COUNT(outer_members), "properties" },
                    { inner_members, COUNT(inner_members), "properties.properties" } };
    for (size_t o = 0; o < COUNT(objects); o++) {
        const cJSON *a = json_at(old, objects[o].path);
        const cJSON *b = json_at(new_body, objects[o].path);
        for (size_t i = 0; i < objects[o].count; i++) {
            const struct member *m = &objects[o].members[i];
            if (m->fixed && !same_value(m->name, cJSON_GetObjectItemCaseSensitive(a, m->name),
                                        cJSON_GetObjectItemCaseSensitive(b, m->name)))
                return m->name;
        }
    }
    return NULL;
}
