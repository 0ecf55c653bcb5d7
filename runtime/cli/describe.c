/* describe.c - the fields of a type, as `moonfleet help instance` shows them. */
#include "cli/describe.h"

#include "base/text.h"
#include "model/schema.h"

#define KIND_SIZE 256
#define DEPTH_MAX 4

bool describe_type_exists(const char *name)
{
    return schema_type_find(name) != NULL;
}

static void field_line(struct buffer *out, const struct schema_field *field, int depth)
{
    char kind[KIND_SIZE];
    schema_kind_text(field, kind, sizeof kind);
    int indent = 2 + 4 * depth;
    buffer_format(out, "%*s%s%s  (%s%s%s)\n", indent, "", field->name,
                  field->flags & SCHEMA_REQUIRED ? ", required" : "", kind,
                  field->change == SCHEMA_NEVER ? "" : "; changed ",
                  field->change == SCHEMA_NEVER ? "" : schema_change_text(field));
    buffer_format(out, "%*s%s", indent + 4, "", field->summary);
    if (field->fallback)
        buffer_format(out, " Default: %s.", field->fallback);
    buffer_char(out, '\n');
    if (field->example)
        buffer_format(out, "%*s%s = %s\n", indent + 4, "", field->name, field->example);
}

static void type_lines(struct buffer *out, const struct schema_type *type, int depth)
{
    for (size_t i = 0; i < type->field_count; i++) {
        field_line(out, &type->fields[i], depth);
        /* an instance's fields under a fleet's `defaults` have a help of their own */
        if (type->fields[i].object && !type->fields[i].object->named && depth < DEPTH_MAX)
            type_lines(out, type->fields[i].object, depth + 1);
    }
}

static cJSON *type_json(const struct schema_type *type, int depth)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", type->name);
    cJSON_AddStringToObject(object, "summary", type->summary);
    cJSON *fields = cJSON_AddArrayToObject(object, "fields");
    for (size_t i = 0; i < type->field_count; i++) {
        const struct schema_field *field = &type->fields[i];
        char kind[KIND_SIZE];
        schema_kind_text(field, kind, sizeof kind);
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", field->name);
        cJSON_AddStringToObject(row, "kind", kind);
        cJSON_AddBoolToObject(row, "required", (field->flags & SCHEMA_REQUIRED) != 0);
        cJSON_AddStringToObject(row, "changed", schema_change_text(field));
        cJSON_AddStringToObject(row, "summary", field->summary);
        if (field->fallback)
            cJSON_AddStringToObject(row, "default", field->fallback);
        if (field->object && !field->object->named && depth < DEPTH_MAX)
            cJSON_AddItemToObject(row, "of", type_json(field->object, depth + 1));
        cJSON_AddItemToArray(fields, row);
    }
    return object;
}

int describe_type(struct invocation *invocation, const char *name, struct error *err)
{
    const struct schema_type *type = schema_type_find(name);
    if (invocation->output->json) {
        output_json(invocation->output, type_json(type, 0));
        return 0;
    }
    struct buffer text = { 0 };
    buffer_format(&text, "%s: %s\n\nFields:\n", type->name, type->summary);
    type_lines(&text, type, 0);
    if (type->example)
        buffer_format(&text, "\nExample:\n\n%s\n", type->example);
    int rc = buffer_check(&text, "help", err);
    if (rc == 0)
        output_print(invocation->output, "%s", text.data);
    buffer_clear(&text);
    return rc;
}

/* ---- for editors ---- */

static void annotate(struct buffer *out, const struct schema_type *type, int depth)
{
    buffer_format(out, "\n--- %s\n---@class recipe.%s\n", type->summary, type->name);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct schema_field *field = &type->fields[i];
        char kind[KIND_SIZE];
        schema_kind_lua(field, kind, sizeof kind);
        /* what is required of an instance may stand in the fleet's defaults */
        bool required = (field->flags & SCHEMA_REQUIRED) && !type->named;
        buffer_format(out, "---@field %s%s %s  %s\n", field->name, required ? "" : "?", kind,
                      field->summary);
    }
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].object && !type->fields[i].object->named && depth < DEPTH_MAX)
            annotate(out, type->fields[i].object, depth + 1);
}

void describe_annotations(struct buffer *out)
{
    size_t count = 0;
    const struct schema_type *const *types = schema_types(&count);
    buffer_text(out,
                "---@meta\n"
                "--- schema.lua - what blocks of a recipe may hold, written by `moonfleet init` "
                "from the\n--- program's own tables, for editors (LuaLS).  Never run.\n");
    for (size_t i = 0; i < count; i++)
        annotate(out, types[i], 0);
}
