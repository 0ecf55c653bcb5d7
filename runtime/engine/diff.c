/* diff.c - one listed instance against what the recipe wants of it, by the rows of the schema. */
#include "engine/plan_private.h"

#include "base/text.h"

void diff_clear(struct diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        free((char *)diff->reasons[i].old_text);
        free((char *)diff->reasons[i].new_text);
    }
    free(diff->reasons);
    *diff = (struct diff) { 0 };
}

static char *text_of(const struct schema_field *field, const cJSON *value)
{
    struct buffer text = { 0 };
    char *out = NULL;
    if (!value)
        return NULL;
    schema_text(field, value, &text);
    (void)buffer_detach(&text, &out, NULL, NULL);
    return out;
}

static unsigned todo_of(const struct schema_field *field, const cJSON *desired)
{
    switch (field->change) {
    case SCHEMA_BY_PUT:
        return TODO_PUT;
    case SCHEMA_BY_IDLE:
        return TODO_IDLE;
    case SCHEMA_BY_POWER:
        return text_equal(cJSON_GetStringValue(desired), "running") ? TODO_START : TODO_STOP;
    case SCHEMA_BY_REPLACE:
        return TODO_REPLACE;
    case SCHEMA_NEVER:
        break;
    }
    return 0;
}

/* The place of a field in the table, for keeping reasons in its order. */
static size_t rank(const struct schema_type *type, const char *name)
{
    size_t i = 0;
    while (i < type->field_count && !text_equal(type->fields[i].name, name))
        i++;
    return i;
}

static void add(struct diff *diff, const struct schema_type *type, const struct schema_field *field,
                const cJSON *actual, const cJSON *desired)
{
    if (diff->count == diff->capacity) {
        size_t capacity = diff->capacity ? diff->capacity * 2 : 2;
        struct plan_reason *reasons = realloc(diff->reasons, capacity * sizeof *reasons);
        if (!reasons) {
            diff->failed = true;
            return;
        }
        diff->reasons = reasons;
        diff->capacity = capacity;
    }
    size_t at = diff->count++;
    for (; at > 0 && rank(type, diff->reasons[at - 1].field) > rank(type, field->name); at--)
        diff->reasons[at] = diff->reasons[at - 1];
    diff->reasons[at] = (struct plan_reason) {
        .field = field->name,
        .old_text = text_of(field, actual),
        .new_text = text_of(field, desired),
        .replaces = field->change == SCHEMA_BY_REPLACE,
    };
    diff->todo |= todo_of(field, desired);
}

/* People know names, not ids. */
static void name_principal(const struct fleet *fleet, cJSON *actual)
{
    const struct fleet_principal *principal =
        fleet_principal_by_id(fleet, json_string(actual, "id", NULL));
    if (principal)
        cJSON_AddStringToObject(actual, "name", principal->name);
}

static void compare(const struct fleet *fleet, const struct schema_type *type,
                    const struct schema_field *field, const cJSON *desired, cJSON *actual,
                    struct diff *out)
{
    if (schema_equal(field, desired, actual))
        return;
    if (field->kind == SCHEMA_PRINCIPAL && actual)
        name_principal(fleet, actual);
    add(out, type, field, actual, desired);
}

static void diff_fields(const struct fleet *fleet, const struct schema_type *type,
                        struct schema_layers layers, const cJSON *body, struct diff *out)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct schema_field *field = &type->fields[i];
        cJSON *desired = schema_desired(field, &layers, &fleet->refs);
        if (!desired)
            continue;
        cJSON *actual = schema_actual(field, body);
        compare(fleet, type, field, desired, actual, out);
        cJSON_Delete(actual);
        cJSON_Delete(desired);
    }
}

void diff_instance(const struct fleet *fleet, const struct fleet_instance *instance,
                   const cJSON *body, struct diff *out)
{
    diff_fields(fleet, schema_instance(), fleet_layers(fleet, instance), body, out);
}

void diff_role(const struct fleet *fleet, const cJSON *fields, const cJSON *flat, struct diff *out)
{
    diff_fields(fleet, schema_role(), (struct schema_layers) { .blocks = { fields } }, flat, out);
}

void diff_principals(const struct fleet *fleet, const struct fleet_instance *instance,
                     const char *actual_id, struct diff *diff)
{
    const struct schema_type *type = schema_instance();
    const struct schema_layers layers = fleet_layers(fleet, instance);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct schema_field *field = &type->fields[i];
        if (field->kind != SCHEMA_PRINCIPAL)
            continue;
        cJSON *desired = schema_desired(field, &layers, &fleet->refs);
        cJSON *actual = actual_id ? cJSON_CreateObject() : NULL;
        if (actual)
            cJSON_AddStringToObject(actual, "id", actual_id);
        if (desired)
            compare(fleet, type, field, desired, actual, diff);
        cJSON_Delete(actual);
        cJSON_Delete(desired);
    }
}

/* Schedules carry what the service says of them (ids, progress): their canonical form does not. */
static void digest_field(const struct schema_field *field, const cJSON *body, struct buffer *out)
{
    buffer_char(out, '\n');
    if (field->kind == SCHEMA_LIST) {
        cJSON *value = schema_actual(field, body);
        if (value)
            json_print(value, true, out);
        cJSON_Delete(value);
        return;
    }
    const cJSON *value = field->arm ? json_at(body, field->arm) : NULL;
    if (value)
        json_print(value, true, out);
}

void diff_state(const cJSON *body, char out[DIGEST_TEXT_SIZE])
{
    const struct schema_type *type = schema_instance();
    struct buffer text = { 0 };
    buffer_text(&text, json_string(body, "properties.provisioningState", ""));
    for (size_t i = 0; i < type->field_count; i++)
        digest_field(&type->fields[i], body, &text);
    digest_hex(text.data ? text.data : "", text.size, out);
    buffer_clear(&text);
}
