/* schema_value.c - values of fields in their three forms: recipe, canonical, ARM. */
#include "model/schema.h"

#include <strings.h>

#include "base/duration.h"
#include "base/random.h"
#include "base/text.h"
#include "model/rules.h"
#include "model/vm_sizes.h"

#define DIGEST_VERSION "1"
#define DIGEST_PART_MAX 64

static bool is_blank_char(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static cJSON *trimmed(const char *text)
{
    size_t size;
    while (is_blank_char(*text))
        text++;
    for (size = strlen(text); size > 0 && is_blank_char(text[size - 1]);)
        size--;
    char *copy = text_dup_size(text, size);
    cJSON *out = copy ? cJSON_CreateString(copy) : NULL;
    free(copy);
    return out;
}

static const char *string_of(const cJSON *value)
{
    return cJSON_IsString(value) ? value->valuestring : "";
}

static bool is_empty(const cJSON *value)
{
    if (!value || cJSON_IsNull(value))
        return true;
    if (cJSON_IsArray(value) || cJSON_IsObject(value))
        return !value->child;
    return cJSON_IsString(value) && !*value->valuestring;
}

/* ---- ordering: canonical lists and maps are sorted ---- */

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A JSON array of the texts, sorted. */
static cJSON *sorted_strings(const char **texts, size_t count)
{
    qsort(texts, count, sizeof *texts, compare_strings);
    return cJSON_CreateStringArray(texts, (int)count);
}

/* ---- tags ---- */

static cJSON *find_nocase(cJSON *object, const char *name)
{
    for (cJSON *item = object ? object->child : NULL; item; item = item->next)
        if (item->string && strcasecmp(item->string, name) == 0)
            return item;
    return NULL;
}

const char *schema_tag(const cJSON *body, const char *name)
{
    cJSON *tags = cJSON_GetObjectItemCaseSensitive(body, "tags");
    const cJSON *tag = find_nocase(tags, name);
    return cJSON_IsString(tag) ? tag->valuestring : NULL;
}

static cJSON *object_at(cJSON *body, const char *name)
{
    cJSON *object = cJSON_GetObjectItemCaseSensitive(body, name);
    if (cJSON_IsObject(object))
        return object;
    if (object)
        cJSON_DeleteItemFromObjectCaseSensitive(body, name);
    return cJSON_AddObjectToObject(body, name);
}

int schema_tag_put(cJSON *body, const char *name, const char *value)
{
    cJSON *tags = object_at(body, "tags");
    if (!tags)
        return ERROR_NO_MEMORY;
    cJSON *old = find_nocase(tags, name);
    if (old)
        cJSON_Delete(cJSON_DetachItemViaPointer(tags, old));
    if (value && !cJSON_AddStringToObject(tags, name, value))
        return ERROR_NO_MEMORY;
    return 0;
}

static cJSON *map_of_layers(const struct schema_field *field, const struct schema_layers *layers)
{
    cJSON *out = cJSON_CreateObject();
    for (size_t i = 0; out && i < COUNT(layers->blocks); i++) {
        const cJSON *entry,
            *block = cJSON_GetObjectItemCaseSensitive(layers->blocks[i], field->name);
        cJSON_ArrayForEach(entry, block)
        {
            cJSON *old = entry->string ? find_nocase(out, entry->string) : NULL;
            if (old)
                cJSON_Delete(cJSON_DetachItemViaPointer(out, old));
            if (entry->string && cJSON_IsString(entry))
                cJSON_AddStringToObject(out, entry->string, entry->valuestring);
        }
    }
    return out;
}

static cJSON *map_of_arm(const cJSON *arm)
{
    const cJSON *entry;
    cJSON *out = cJSON_CreateObject();
    cJSON_ArrayForEach(entry, arm)
    {
        if (cJSON_IsString(entry) && !text_starts_nocase(entry->string, TAG_PREFIX))
            cJSON_AddStringToObject(out, entry->string, entry->valuestring);
    }
    return out;
}

/* Names are case-folded, values are exact; both sides have no two names that differ in case only.
 */
static bool maps_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *entry;
    if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    cJSON_ArrayForEach(entry, a)
    {
        const cJSON *other = find_nocase((cJSON *)b, entry->string);
        if (!other || !text_equal(string_of(entry), string_of(other)))
            return false;
    }
    return true;
}

/* The recipe owns all tags but ours. */
static int put_map(cJSON *body, const cJSON *desired)
{
    const cJSON *entry;
    cJSON *tags = object_at(body, "tags");
    if (!tags)
        return ERROR_NO_MEMORY;
    for (cJSON *tag = tags->child, *next; tag; tag = next) {
        next = tag->next;
        if (!text_starts_nocase(tag->string, TAG_PREFIX))
            cJSON_Delete(cJSON_DetachItemViaPointer(tags, tag));
    }
    cJSON_ArrayForEach(entry, desired)
    {
        if (!cJSON_AddStringToObject(tags, entry->string, string_of(entry)))
            return ERROR_NO_MEMORY;
    }
    return 0;
}

char *schema_digest_tag(const char *setup, const char *startup, const char *old_tag)
{
    char old[2][DIGEST_PART_MAX + 1] = { "-", "-" };
    if (old_tag)
        (void)sscanf(old_tag, DIGEST_VERSION ":%64[^:]:%64[^:]", old[0], old[1]);
    return text_format(DIGEST_VERSION ":%s:%s", setup ? setup : old[0], startup ? startup : old[1]);
}

/* The part of the digest tag that is about this field; false: it is not recorded. */
static bool digest_of_tag(const struct schema_field *field, const cJSON *body,
                          char out[DIGEST_PART_MAX + 1])
{
    char parts[2][DIGEST_PART_MAX + 1] = { "-", "-" };
    const char *tag = schema_tag(body, TAG_DIGEST);
    if (tag)
        (void)sscanf(tag, DIGEST_VERSION ":%64[^:]:%64[^:]", parts[0], parts[1]);
    memcpy(out, parts[text_equal(field->name, "startup")], DIGEST_PART_MAX + 1);
    return !text_equal(out, "-");
}

/* ---- schedules ---- */

static void squeeze(const char *text, struct buffer *out)
{
    const char *gap = "";
    while (*text) {
        text += strspn(text, " \t");
        size_t size = strcspn(text, " \t");
        if (size == 0)
            break;
        buffer_text(out, gap);
        buffer_append(out, text, size);
        text += size;
        gap = " ";
    }
}

/* One line that says all of a schedule: equal lines, equal schedules. */
static char *schedule_line(bool stop, const char *expression, const char *zone, bool enabled)
{
    struct buffer line = { 0 };
    char *out = NULL;
    const char *known = time_zone_name(zone);
    buffer_text(&line, stop ? "stop " : "start ");
    squeeze(expression, &line);
    buffer_format(&line, " (%s)%s", known ? known : zone, enabled ? "" : " disabled");
    (void)buffer_detach(&line, &out, NULL, NULL);
    return out;
}

static cJSON *schedule_of_recipe(const cJSON *entry)
{
    const char *start = json_string(entry, "start", NULL);
    const char *stop = json_string(entry, "stop", NULL);
    const char *zone = json_string(entry, "time_zone", "UTC");
    const char *known = time_zone_name(zone);
    bool enabled = json_bool(entry, "enabled", true);
    char *line = schedule_line(stop != NULL, stop ? stop : start ? start : "", zone, enabled);
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "line", line ? line : "");
    cJSON_AddStringToObject(out, "action", stop ? "Stop" : "Start");
    cJSON_AddStringToObject(out, "expression", stop ? stop : start ? start : "");
    cJSON_AddStringToObject(out, "zone", known ? known : zone);
    cJSON_AddBoolToObject(out, "enabled", enabled);
    free(line);
    return out;
}

/* What is no cron schedule of our making is shown by its own text, which equals none of ours. */
static cJSON *schedule_of_arm(const cJSON *entry)
{
    char *line = NULL;
    const char *expression = json_string(entry, "cron.expression", NULL);
    bool enabled = !text_equal_nocase(json_string(entry, "status", "Enabled"), "Disabled");
    bool stop = text_equal_nocase(json_string(entry, "action", ""), "Stop");
    if (expression)
        line = schedule_line(stop, expression, json_string(entry, "cron.timeZone", "UTC"), enabled);
    else
        line = text_format("%s by recurrence every %lld %s", stop ? "stop" : "start",
                           (long long)json_int(entry, "recurrence.interval", 1),
                           json_string(entry, "recurrence.frequency", "?"));
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "line", line ? line : "");
    free(line);
    return out;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(json_string(*(cJSON *const *)a, "line", ""),
                  json_string(*(cJSON *const *)b, "line", ""));
}

/* Makes the list of what `make` makes of each entry, sorted by line: the service may reorder. */
static cJSON *schedules_of(const cJSON *entries, cJSON *(*make)(const cJSON *entry))
{
    const cJSON *entry;
    cJSON *out = cJSON_CreateArray();
    size_t size = (size_t)cJSON_GetArraySize(entries), count = 0;
    cJSON **items = size ? calloc(size, sizeof(cJSON *)) : NULL;
    if (items && cJSON_IsArray(entries)) {
        cJSON_ArrayForEach(entry, entries) items[count++] = make(entry);
        qsort(items, count, sizeof(cJSON *), compare_lines);
        for (size_t i = 0; i < count; i++)
            cJSON_AddItemToArray(out, items[i]);
    }
    free(items);
    return out;
}

static bool schedules_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *left = a ? a->child : NULL, *right = b ? b->child : NULL;
    for (; left && right; left = left->next, right = right->next)
        if (!text_equal(json_string(left, "line", ""), json_string(right, "line", "")))
            return false;
    return !left && !right;
}

static cJSON *schedules_to_arm(const cJSON *desired)
{
    const cJSON *entry;
    cJSON *out = cJSON_CreateArray();
    cJSON_ArrayForEach(entry, desired)
    {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "status",
                                json_bool(entry, "enabled", true) ? "Enabled" : "Disabled");
        cJSON_AddStringToObject(item, "action", json_string(entry, "action", "Stop"));
        cJSON_AddStringToObject(item, "triggerType", "Cron");
        cJSON *cron = cJSON_AddObjectToObject(item, "cron");
        cJSON_AddStringToObject(cron, "expression", json_string(entry, "expression", ""));
        cJSON_AddStringToObject(cron, "timeZone", json_string(entry, "zone", "UTC"));
        cJSON_AddItemToArray(out, item);
    }
    return out;
}

/* ---- identities ---- */

#define SYSTEM "system"

/* ids in lower case, "system" among them, sorted. */
static cJSON *identity_of_texts(const char *const *texts, size_t count)
{
    const char **folded = calloc(count + 1, sizeof *folded);
    cJSON *out = NULL;
    for (size_t i = 0; folded && i < count; i++) {
        char *copy = strdup(texts[i]);
        folded[i] = copy ? text_lower(copy) : NULL;
        if (!folded[i])
            goto done;
    }
    if (folded)
        out = sorted_strings(folded, count);
done:
    for (size_t i = 0; folded && i < count; i++)
        free((void *)folded[i]);
    free(folded);
    return out;
}

static cJSON *identity_of_recipe(const cJSON *value)
{
    const cJSON *entry;
    size_t count = 0;
    if (cJSON_IsString(value)) {
        const char *one = value->valuestring;
        return identity_of_texts(&one, 1);
    }
    const char **texts = calloc((size_t)cJSON_GetArraySize(value) + 1, sizeof *texts);
    if (!texts)
        return NULL;
    cJSON_ArrayForEach(entry, value)
    {
        if (cJSON_IsString(entry))
            texts[count++] = entry->valuestring;
    }
    cJSON *out = identity_of_texts(texts, count);
    free(texts);
    return out;
}

static bool contains_nocase(const char *text, const char *part)
{
    return strcasestr(text, part) != NULL;
}

static cJSON *identity_of_arm(const cJSON *arm)
{
    const cJSON *entry, *users = cJSON_GetObjectItemCaseSensitive(arm, "userAssignedIdentities");
    const char *type = json_string(arm, "type", "None");
    size_t count = 0;
    const char **texts = calloc((size_t)cJSON_GetArraySize(users) + 2, sizeof *texts);
    if (!texts)
        return NULL;
    if (contains_nocase(type, "SystemAssigned"))
        texts[count++] = SYSTEM;
    if (contains_nocase(type, "UserAssigned"))
        cJSON_ArrayForEach(entry, users) texts[count++] = entry->string;
    cJSON *out = identity_of_texts(texts, count);
    free(texts);
    return out;
}

static cJSON *identity_to_arm(const cJSON *desired)
{
    const cJSON *entry;
    bool by_service = false;
    cJSON *out = cJSON_CreateObject(), *users = cJSON_CreateObject();
    cJSON_ArrayForEach(entry, desired)
    {
        if (text_equal(string_of(entry), SYSTEM))
            by_service = true;
        else
            cJSON_AddItemToObject(users, string_of(entry), cJSON_CreateObject());
    }
    const char *type = by_service ? "SystemAssigned" : "None";
    if (users->child)
        type = by_service ? "SystemAssigned,UserAssigned" : "UserAssigned";
    cJSON_AddStringToObject(out, "type", type);
    if (users->child)
        cJSON_AddItemToObject(out, "userAssignedIdentities", users);
    else
        cJSON_Delete(users);
    return out;
}

/* ---- lists of texts ---- */

static int compare_folded(const void *a, const void *b)
{
    const char *left = *(const char *const *)a, *right = *(const char *const *)b;
    int order = strcasecmp(left, right);
    return order ? order : strcmp(left, right);
}

/* Sorted, each once: as written, but for order and repetition. */
static cJSON *texts_of(const cJSON *value)
{
    const cJSON *entry;
    size_t count = 0, kept = 0;
    const char **texts = calloc((size_t)cJSON_GetArraySize(value) + 1, sizeof *texts);
    if (!texts)
        return NULL;
    cJSON_ArrayForEach(entry, value)
    {
        if (cJSON_IsString(entry))
            texts[count++] = entry->valuestring;
    }
    qsort(texts, count, sizeof *texts, compare_folded);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcasecmp(texts[kept - 1], texts[i]) != 0)
            texts[kept++] = texts[i];
    cJSON *out = cJSON_CreateStringArray(texts, (int)kept);
    free(texts);
    return out;
}

static bool texts_equal(const cJSON *a, const cJSON *b)
{
    const cJSON *left = a ? a->child : NULL, *right = b ? b->child : NULL;
    for (; left && right; left = left->next, right = right->next)
        if (strcasecmp(string_of(left), string_of(right)) != 0)
            return false;
    return !left && !right;
}

/* ---- what a recipe says ---- */

const cJSON *schema_said(const struct schema_field *field, const struct schema_layers *layers)
{
    for (size_t i = COUNT(layers->blocks); i-- > 0;) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(layers->blocks[i], field->name);
        if (value && !cJSON_IsNull(value))
            return value;
    }
    return NULL;
}

static cJSON *principal_of_recipe(const cJSON *value, const struct schema_refs *refs)
{
    const struct schema_principal *principal =
        refs->principal ? refs->principal(value, refs->arg) : NULL;
    if (!principal)
        return NULL;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "id", principal->id);
    cJSON_AddStringToObject(out, "name", principal->name);
    return out;
}

static cJSON *script_of_recipe(const cJSON *value, const struct schema_refs *refs)
{
    int64_t index = json_int(value, "$setup_script", -1);
    if (index < 0 || (size_t)index >= refs->script_count)
        return NULL;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "digest", refs->scripts[index].digest);
    cJSON_AddStringToObject(out, "label", refs->scripts[index].label);
    cJSON_AddNumberToObject(out, "index", (double)index);
    return out;
}

static cJSON *object_of_recipe(const struct schema_field *field, const cJSON *value,
                               const struct schema_refs *refs)
{
    cJSON *out = cJSON_CreateObject();
    const struct schema_layers layers = { .blocks = { value } };
    for (size_t i = 0; i < field->object->field_count; i++) {
        const struct schema_field *part = &field->object->fields[i];
        cJSON *item = schema_desired(part, &layers, refs);
        if (item)
            cJSON_AddItemToObject(out, part->name, item);
    }
    return out;
}

static cJSON *duration_of_text(const char *text)
{
    int64_t seconds;
    if (duration_parse(text, &seconds, NULL) < 0)
        return cJSON_CreateString(text); /* not ours: equals no number */
    return cJSON_CreateNumber((double)seconds);
}

cJSON *schema_desired(const struct schema_field *field, const struct schema_layers *layers,
                      const struct schema_refs *refs)
{
    const cJSON *value = schema_said(field, layers);
    const struct vm_size *size;
    const char *zone;
    if (!value)
        return NULL;
    switch (field->kind) {
    case SCHEMA_STRING:
        if (field->flags & SCHEMA_TRIMMED)
            return trimmed(string_of(value));
        break;
    case SCHEMA_SIZE:
        size = vm_size_find(string_of(value));
        return cJSON_CreateString(size ? size->name : string_of(value));
    case SCHEMA_TIME_ZONE:
        zone = time_zone_name(string_of(value));
        return cJSON_CreateString(zone ? zone : string_of(value));
    case SCHEMA_DURATION:
        return duration_of_text(string_of(value));
    case SCHEMA_MAP:
        return map_of_layers(field, layers);
    case SCHEMA_LIST:
        return schedules_of(value, schedule_of_recipe);
    case SCHEMA_OBJECT:
        return object_of_recipe(field, value, refs);
    case SCHEMA_PRINCIPAL:
        return principal_of_recipe(value, refs);
    case SCHEMA_SCRIPT:
        return script_of_recipe(value, refs);
    case SCHEMA_IDENTITY:
        return identity_of_recipe(value);
    case SCHEMA_TEXTS:
        return texts_of(value);
    case SCHEMA_BOOL:
    case SCHEMA_INT:
    case SCHEMA_ENUM:
    case SCHEMA_ID:
    case SCHEMA_CRON:
    case SCHEMA_ANYONE: /* the engine's own to resolve */
    case SCHEMA_SCOPE:
        break;
    }
    return cJSON_Duplicate(value, true);
}

/* ---- what ARM says ---- */

static cJSON *enum_of_arm(const struct schema_field *field, const cJSON *arm)
{
    for (size_t i = 0; field->choices[i]; i++)
        if (text_equal_nocase(string_of(arm), field->wire[i]))
            return cJSON_CreateString(field->choices[i]);
    return cJSON_IsString(arm) ? cJSON_CreateString(arm->valuestring) : NULL;
}

static cJSON *bool_of_arm(const struct schema_field *field, const cJSON *arm)
{
    bool value = cJSON_IsTrue(arm) || text_equal_nocase(string_of(arm), "true");
    if (!cJSON_IsBool(arm) && !cJSON_IsString(arm))
        return NULL;
    return cJSON_CreateBool((field->flags & SCHEMA_INVERTED) ? !value : value);
}

static cJSON *ssh_of_arm(const cJSON *arm)
{
    if (!text_equal_nocase(json_string(arm, "sshPublicAccess", "Disabled"), "Enabled"))
        return NULL;
    cJSON *out = cJSON_CreateObject();
    cJSON *key = trimmed(json_string(arm, "adminPublicKey", ""));
    if (key && *key->valuestring)
        cJSON_AddItemToObject(out, "public_key", key);
    else
        cJSON_Delete(key);
    return out;
}

static cJSON *principal_of_arm(const cJSON *arm)
{
    const char *id = json_string(arm, "objectId", NULL);
    cJSON *out = id ? cJSON_CreateObject() : NULL;
    if (out)
        cJSON_AddStringToObject(out, "id", id);
    return out;
}

static cJSON *script_of_arm(const struct schema_field *field, const cJSON *body)
{
    char digest[DIGEST_PART_MAX + 1];
    if (!digest_of_tag(field, body, digest))
        return NULL;
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "digest", digest);
    return out;
}

cJSON *schema_actual(const struct schema_field *field, const cJSON *body)
{
    const cJSON *arm = field->arm ? json_at(body, field->arm) : NULL;
    if (field->change == SCHEMA_BY_POWER)
        return cJSON_CreateString(instance_runs(body) ? "running" : "stopped");
    if (field->kind == SCHEMA_SCRIPT)
        return script_of_arm(field, body);
    if (is_empty(arm))
        return NULL;
    switch (field->kind) {
    case SCHEMA_BOOL:
        return bool_of_arm(field, arm);
    case SCHEMA_DURATION:
        return duration_of_text(string_of(arm));
    case SCHEMA_ENUM:
        return enum_of_arm(field, arm);
    case SCHEMA_MAP:
        return map_of_arm(arm);
    case SCHEMA_LIST:
        return schedules_of(arm, schedule_of_arm);
    case SCHEMA_OBJECT:
        return ssh_of_arm(arm);
    case SCHEMA_PRINCIPAL:
        return principal_of_arm(arm);
    case SCHEMA_IDENTITY:
        return identity_of_arm(arm);
    case SCHEMA_TEXTS:
        return texts_of(arm);
    case SCHEMA_ANYONE:
    case SCHEMA_SCOPE:
    case SCHEMA_STRING:
    case SCHEMA_INT:
    case SCHEMA_SCRIPT:
    case SCHEMA_ID:
    case SCHEMA_SIZE:
    case SCHEMA_CRON:
    case SCHEMA_TIME_ZONE:
        break;
    }
    return cJSON_Duplicate(arm, true);
}

/* ---- comparison ---- */

static bool equals_unset(const struct schema_field *field, const cJSON *desired)
{
    if (cJSON_IsBool(desired) && field->fallback)
        return cJSON_IsTrue(desired) == text_equal(field->fallback, "true");
    if (field->kind == SCHEMA_ENUM && field->fallback)
        return text_equal(string_of(desired), field->fallback);
    if (field->kind == SCHEMA_OBJECT)
        return false;
    return is_empty(desired);
}

/* A service that has SSH switched on does not always tell the key: then there is nothing to
 * compare. */
static bool ssh_equal(const cJSON *desired, const cJSON *actual)
{
    const char *key = json_string(actual, "public_key", NULL);
    return !key || text_equal(json_string(desired, "public_key", ""), key);
}

bool schema_equal(const struct schema_field *field, const cJSON *desired, const cJSON *actual)
{
    if (!actual)
        return equals_unset(field, desired);
    switch (field->kind) {
    case SCHEMA_MAP:
        return maps_equal(desired, actual);
    case SCHEMA_LIST:
        return schedules_equal(desired, actual);
    case SCHEMA_OBJECT:
        return ssh_equal(desired, actual);
    case SCHEMA_PRINCIPAL:
        return text_equal_nocase(json_string(desired, "id", ""), json_string(actual, "id", ""));
    case SCHEMA_SCRIPT:
        return text_equal(json_string(desired, "digest", ""), json_string(actual, "digest", ""));
    case SCHEMA_SIZE:
    case SCHEMA_ID:
    case SCHEMA_TIME_ZONE:
        return text_equal_nocase(string_of(desired), string_of(actual));
    case SCHEMA_TEXTS:
        return texts_equal(desired, actual);
    case SCHEMA_ANYONE:
    case SCHEMA_SCOPE:
    case SCHEMA_STRING:
    case SCHEMA_BOOL:
    case SCHEMA_INT:
    case SCHEMA_DURATION:
    case SCHEMA_ENUM:
    case SCHEMA_CRON:
    case SCHEMA_IDENTITY:
        break;
    }
    return json_equal(desired, actual);
}

/* ---- sending ---- */

static int put_enum(const struct schema_field *field, const cJSON *desired, cJSON *body)
{
    for (size_t i = 0; field->choices[i]; i++)
        if (text_equal(string_of(desired), field->choices[i]))
            return json_put_string(body, field->arm, field->wire[i]);
    return ERROR_INVALID;
}

static int put_bool(const struct schema_field *field, const cJSON *desired, cJSON *body)
{
    bool value = cJSON_IsTrue(desired) != ((field->flags & SCHEMA_INVERTED) != 0);
    if (text_starts(field->arm, "tags."))
        return schema_tag_put(body, field->arm + strlen("tags."), value ? "true" : NULL);
    return json_put(body, field->arm, cJSON_CreateBool(value));
}

static int put_duration(const struct schema_field *field, const cJSON *desired, cJSON *body)
{
    char text[DURATION_TEXT_SIZE];
    duration_iso_minutes((int64_t)desired->valuedouble, text, sizeof text);
    return json_put_string(body, field->arm, text);
}

static int put_ssh(const struct schema_field *field, const cJSON *desired, cJSON *body)
{
    cJSON *ssh = cJSON_CreateObject();
    cJSON_AddStringToObject(ssh, "sshPublicAccess", "Enabled");
    cJSON_AddStringToObject(ssh, "adminPublicKey", json_string(desired, "public_key", ""));
    return json_put(body, field->arm, ssh);
}

static int put_principal(const struct schema_field *field, const cJSON *desired, const char *tenant,
                         cJSON *body)
{
    cJSON *user = cJSON_CreateObject();
    cJSON_AddStringToObject(user, "objectId", json_string(desired, "id", ""));
    cJSON_AddStringToObject(user, "tenantId", tenant ? tenant : "");
    int rc = json_put(body, field->arm, user);
    if (rc < 0)
        return rc;
    return json_put_string(body, "properties.properties.computeInstanceAuthorizationType",
                           "personal");
}

static int put_script(const struct schema_field *field, const cJSON *desired,
                      const struct schema_refs *refs, cJSON *body)
{
    int64_t index = json_int(desired, "index", -1);
    if (index < 0 || (size_t)index >= refs->script_count)
        return ERROR_INVALID;
    const struct schema_script *script = &refs->scripts[index];
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "scriptSource", script->shared ? "workspaceStorage" : "inline");
    cJSON_AddStringToObject(out, "scriptData", script->data);
    if (script->arguments)
        cJSON_AddStringToObject(out, "scriptArguments", script->arguments);
    if (script->timeout)
        cJSON_AddStringToObject(out, "timeout", script->timeout);
    int rc = json_put(body, field->arm, out);
    if (rc < 0)
        return rc;
    bool startup = text_equal(field->name, "startup");
    char *tag = schema_digest_tag(startup ? NULL : script->digest, startup ? script->digest : NULL,
                                  schema_tag(body, TAG_DIGEST));
    rc = tag ? schema_tag_put(body, TAG_DIGEST, tag) : ERROR_NO_MEMORY;
    free(tag);
    if (rc == 0 && !startup) /* says how it is made, not what it is: no part of the digest */
        rc = schema_tag_put(body, TAG_CACHE, script->cache ? "true" : NULL);
    return rc;
}

int schema_put(const struct schema_field *field, const cJSON *desired,
               const struct schema_refs *refs, cJSON *body)
{
    if (field->change == SCHEMA_BY_POWER || !field->arm)
        return 0; /* not in the body: start and stop do it */
    switch (field->kind) {
    case SCHEMA_BOOL:
        return put_bool(field, desired, body);
    case SCHEMA_DURATION:
        return put_duration(field, desired, body);
    case SCHEMA_ENUM:
        return put_enum(field, desired, body);
    case SCHEMA_MAP:
        return put_map(body, desired);
    case SCHEMA_LIST:
        return json_put(body, field->arm, schedules_to_arm(desired));
    case SCHEMA_OBJECT:
        return put_ssh(field, desired, body);
    case SCHEMA_PRINCIPAL:
        return put_principal(field, desired, refs->tenant, body);
    case SCHEMA_SCRIPT:
        return put_script(field, desired, refs, body);
    case SCHEMA_IDENTITY:
        return json_put(body, field->arm, identity_to_arm(desired));
    case SCHEMA_TEXTS:
    case SCHEMA_ANYONE:
    case SCHEMA_SCOPE:
    case SCHEMA_STRING:
    case SCHEMA_INT:
    case SCHEMA_ID:
    case SCHEMA_SIZE:
    case SCHEMA_CRON:
    case SCHEMA_TIME_ZONE:
        break;
    }
    return json_put(body, field->arm, cJSON_Duplicate(desired, true));
}

/* ---- as people read them ---- */

static int compare_names(const void *a, const void *b)
{
    return text_compare_nocase((*(const cJSON *const *)a)->string,
                               (*(const cJSON *const *)b)->string);
}

static void map_text(const cJSON *value, struct buffer *out)
{
    const cJSON *entry;
    size_t count = 0, size = (size_t)cJSON_GetArraySize(value);
    const cJSON **entries = calloc(size + 1, sizeof(cJSON *));
    if (!entries)
        return;
    cJSON_ArrayForEach(entry, value) entries[count++] = entry;
    qsort(entries, count, sizeof(cJSON *), compare_names);
    for (size_t i = 0; i < count; i++)
        buffer_format(out, "%s%s=%s", i ? ", " : "", entries[i]->string, string_of(entries[i]));
    free(entries);
}

static void lines_text(const cJSON *value, struct buffer *out)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, value)
    {
        buffer_format(out, "%s%s", entry == value->child ? "" : ", ",
                      cJSON_IsString(entry) ? entry->valuestring : json_string(entry, "line", ""));
    }
}

/* A key is long and only its end tells one from another. */
static void key_text(const char *key, struct buffer *out)
{
    size_t size = strlen(key);
    if (size <= 40)
        buffer_text(out, key);
    else
        buffer_format(out, "%.*s...%s", (int)strcspn(key, " "), key, key + size - 24);
}

static void script_text(const cJSON *value, struct buffer *out)
{
    const char *label = json_string(value, "label", NULL);
    const char *digest = json_string(value, "digest", "");
    if (label)
        buffer_format(out, "%s (%.8s)", label, digest);
    else
        buffer_format(out, "another script (%.8s)", digest);
}

void schema_text(const struct schema_field *field, const cJSON *value, struct buffer *out)
{
    char text[DURATION_TEXT_SIZE];
    if (!value)
        buffer_text(out, "unset");
    else if (field->kind == SCHEMA_DURATION && cJSON_IsNumber(value)) {
        duration_text((int64_t)value->valuedouble, text, sizeof text);
        buffer_text(out, text);
    } else if (is_empty(value) && field->kind != SCHEMA_OBJECT)
        buffer_text(out, "none");
    else if (field->kind == SCHEMA_MAP)
        map_text(value, out);
    else if (field->kind == SCHEMA_LIST || field->kind == SCHEMA_IDENTITY ||
             field->kind == SCHEMA_TEXTS)
        lines_text(value, out);
    else if (field->kind == SCHEMA_OBJECT)
        key_text(json_string(value, "public_key", "enabled"), out);
    else if (field->kind == SCHEMA_PRINCIPAL)
        buffer_text(out, json_string(value, "name", json_string(value, "id", "")));
    else if (field->kind == SCHEMA_SCRIPT)
        script_text(value, out);
    else if (cJSON_IsString(value))
        buffer_text(out, value->valuestring);
    else
        json_print(value, true, out);
}
