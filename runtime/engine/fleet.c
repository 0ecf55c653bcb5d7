/* fleet.c - see fleet.h.  The document comes from a sandboxed child: everything in it is checked
 * here, its shape included. */
#include "engine/fleet.h"

#include "base/duration.h"
#include "base/random.h"
#include "base/text.h"
#include "model/rules.h"
#include "setup/quote.h"

#define SCRIPT_DIGEST_SIZE 32 /* hex digits of the digest that the tag holds */
#define TAGS_OURS 3
#define SCRIPT_TIMEOUT_MAX_S (24 * 3600)

char *fleet_key(const char *name)
{
    char *key = strdup(name);
    return key ? text_lower(key) : NULL;
}

static const char *file_of(const cJSON *node)
{
    return json_string(node, "at.file", NULL);
}

static int line_of(const cJSON *node)
{
    return (int)json_int(node, "at.line", 0);
}

/* ---- what the evaluation found already ---- */

static void take_problems(const cJSON *document, struct problems *problems)
{
    const cJSON *problem;
    cJSON_ArrayForEach(problem, cJSON_GetObjectItemCaseSensitive(document, "problems"))
    {
        problems_add(problems, file_of(problem), line_of(problem), "%s",
                     json_string(problem, "message", "the recipe has a mistake"));
    }
}

/* Did the evaluation tell of this declaration already? */
static bool told(const cJSON *document, const cJSON *node, const char *name)
{
    const cJSON *problem;
    cJSON_ArrayForEach(problem, cJSON_GetObjectItemCaseSensitive(document, "problems"))
    {
        if (line_of(problem) == line_of(node) && text_equal(file_of(problem), file_of(node)) &&
            strstr(json_string(problem, "message", ""), name))
            return true;
    }
    return false;
}

/* ---- scripts ---- */

/* Puts `text`, the buffer's content, to *out; the caller of fleet_free() owns it. */
static int detach(struct buffer *buffer, const char **out)
{
    char *text = NULL;
    int rc = buffer_detach(buffer, &text, NULL, NULL);
    *out = text;
    return rc;
}

/* Of what runs: two ways of writing the same time limit are one script. */
static int digest_script(const char *script, const struct schema_script *wire, const char **out)
{
    char hex[DIGEST_TEXT_SIZE];
    struct buffer text = { 0 };
    cJSON *digested = cJSON_CreateObject();
    cJSON_AddStringToObject(digested, "text", script);
    if (wire->arguments)
        cJSON_AddStringToObject(digested, "arguments", wire->arguments);
    if (wire->timeout)
        cJSON_AddStringToObject(digested, "timeout", wire->timeout);
    json_print(digested, true, &text);
    cJSON_Delete(digested);
    int rc = buffer_check(&text, "a script's digest", NULL);
    if (rc == 0)
        digest_hex(text.data, text.size, hex);
    buffer_clear(&text);
    if (rc < 0)
        return rc;
    *out = text_dup_size(hex, SCRIPT_DIGEST_SIZE);
    return *out ? 0 : ERROR_NO_MEMORY;
}

static int take_timeout(const cJSON *script, struct schema_script *out, struct problems *problems)
{
    int64_t seconds = 0;
    char text[DURATION_TEXT_SIZE];
    const char *timeout = json_string(script, "timeout", NULL);
    if (!timeout)
        return 0;
    if (duration_parse(timeout, &seconds, NULL) < 0) {
        problems_add(problems, file_of(script), line_of(script),
                     "setup script: timeout '%s' is not a duration; write \"20m\" or \"1h\"",
                     timeout);
        return 0;
    }
    if (seconds < 1 || seconds > SCRIPT_TIMEOUT_MAX_S) {
        problems_add(problems, file_of(script), line_of(script),
                     "setup script: timeout is between 1 second and 24 hours, not '%s'", timeout);
        return 0;
    }
    script_timeout_text(seconds, text, sizeof text);
    out->timeout = strdup(text);
    return out->timeout ? 0 : ERROR_NO_MEMORY;
}

static int take_arguments(const cJSON *script, struct schema_script *out, struct problems *problems)
{
    struct error err = { 0 };
    struct buffer text = { 0 };
    const cJSON *args = cJSON_GetObjectItemCaseSensitive(script, "args");
    if (!args || cJSON_IsNull(args) || !args->child)
        return 0;
    if (setup_quote_arguments(args, &text, &err) < 0) {
        buffer_clear(&text);
        problems_add(problems, file_of(script), line_of(script), "setup script: %s", err.message);
        return 0;
    }
    return detach(&text, &out->arguments);
}

static int take_script(const cJSON *script, struct schema_script *out, struct problems *problems)
{
    struct buffer data = { 0 };
    const char *text = json_string(script, "text", "");
    base64_encode(text, strlen(text), &data);
    int rc = detach(&data, &out->data);
    if (rc == 0)
        rc = take_arguments(script, out, problems);
    if (rc == 0)
        rc = take_timeout(script, out, problems);
    if (rc == 0)
        rc = digest_script(text, out, &out->digest);
    out->label = json_string(script, "path", "inline script");
    return rc;
}

static int take_scripts(struct fleet *fleet, struct problems *problems)
{
    const cJSON *script, *scripts = cJSON_GetObjectItemCaseSensitive(fleet->document, "scripts");
    size_t size = (size_t)cJSON_GetArraySize(scripts);
    fleet->scripts = calloc(size + 1, sizeof *fleet->scripts);
    if (!fleet->scripts)
        return ERROR_NO_MEMORY;
    fleet->script_count = size;
    size_t index = 0;
    cJSON_ArrayForEach(script, scripts)
    {
        int rc = take_script(script, &fleet->scripts[index++], problems);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- the fleet itself ---- */

struct place {
    struct problems *problems;
    const char *word, *name, *file;
    int line;
};

static void tell(const char *message, void *arg)
{
    const struct place *place = arg;
    problems_add(place->problems, place->file, place->line, "%s '%s': %s", place->word, place->name,
                 message);
}

static void take_fleet_fields(struct fleet *fleet, const cJSON *fields, struct problems *problems)
{
    const char *rule;
    struct place place = { problems, "fleet", fleet->name, fleet->file, fleet->line };
    schema_check(schema_fleet(), fields, fleet->script_count, tell, &place);
    fleet->workspace = json_string(fields, "workspace", NULL);
    fleet->location = json_string(fields, "location", NULL);
    fleet->defaults = cJSON_GetObjectItemCaseSensitive(fields, "defaults");
    if (cJSON_GetObjectItemCaseSensitive(fields, "tags"))
        fleet->tags_block = fields;
    if (!fleet_name_valid(fleet->name, &rule))
        tell(rule, &place);
    if (fleet->workspace && !workspace_name_valid(fleet->workspace, &rule)) {
        struct place workspace = { problems, "workspace", fleet->workspace, fleet->file,
                                   fleet->line };
        tell(rule, &workspace);
    }
}

static void take_fleet(struct fleet *fleet, struct problems *problems)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(fleet->document, "fleet");
    const cJSON *first =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(fleet->document, "declarations"), 0);
    if (cJSON_IsObject(node)) {
        fleet->name = json_string(node, "name", "");
        fleet->file = file_of(node);
        fleet->line = line_of(node);
        take_fleet_fields(fleet, cJSON_GetObjectItemCaseSensitive(node, "fields"), problems);
    } else if (!cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(fleet->document, "problems"))) {
        /* else the evaluation told why there is none */
        problems_add(problems,
                     first ? file_of(first) : json_string(fleet->document, "recipe", NULL),
                     first ? line_of(first) : 0,
                     "the recipe declares no fleet; begin it with fleet(\"name\") { }");
    }
}

/* ---- instances ---- */

static int add_principal(struct fleet *fleet, const struct fleet_instance *instance,
                         const char *name)
{
    struct fleet_principal *principal = NULL;
    char *key = fleet_key(name);
    if (!key)
        return ERROR_NO_MEMORY;
    HASH_FIND_STR(fleet->principals, key, principal);
    if (principal) {
        free(key);
        return 0;
    }
    principal = calloc(1, sizeof *principal);
    if (!principal) {
        free(key);
        return ERROR_NO_MEMORY;
    }
    *principal = (struct fleet_principal) { .key = key,
                                            .name = name,
                                            .file = instance->file,
                                            .line = instance->line,
                                            .instance = instance->name };
    HASH_ADD_KEYPTR(hh, fleet->principals, principal->key, strlen(principal->key), principal);
    return 0;
}

static int take_principals(struct fleet *fleet, const struct fleet_instance *instance)
{
    const struct schema_type *type = schema_instance();
    const struct schema_layers layers = fleet_layers(fleet, instance);
    for (size_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].kind != SCHEMA_PRINCIPAL)
            continue;
        const char *user = json_string(schema_said(&type->fields[i], &layers), "$user", NULL);
        int rc = user && *user ? add_principal(fleet, instance, user) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void check_required(const struct fleet *fleet, const struct fleet_instance *instance,
                           struct place *place)
{
    const struct schema_type *type = schema_instance();
    const struct schema_layers layers = fleet_layers(fleet, instance);
    if (!fleet->name) /* whose defaults nobody knows: that mistake is told already */
        return;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct schema_field *field = &type->fields[i];
        if (!(field->flags & SCHEMA_REQUIRED) || schema_said(field, &layers))
            continue;
        char message[256];
        snprintf(message, sizeof message,
                 "%s is missing; say %s = %s here or in the defaults of the fleet", field->name,
                 field->name, field->example);
        tell(message, place);
    }
}

/* Rules that no single field can break. */
static void check_together(const struct fleet *fleet, const struct fleet_instance *instance,
                           struct place *place)
{
    const struct schema_type *type = schema_instance();
    const struct schema_layers layers = fleet_layers(fleet, instance);
    const struct schema_field *tags = schema_field_find(type, "tags");
    bool scripted = schema_said(schema_field_find(type, "setup"), &layers) ||
                    schema_said(schema_field_find(type, "startup"), &layers);
    if (cJSON_IsTrue(schema_said(schema_field_find(type, "sso"), &layers)) && scripted &&
        schema_said(schema_field_find(type, "assigned_to"), &layers))
        tell("sso = true cannot be had on behalf of somebody together with a setup script: the "
             "service then switches it off, and only that person can switch it on",
             place);
    if (layers.blocks[0] || layers.blocks[1]) {
        cJSON *merged = schema_desired(tags, &layers, &fleet->refs);
        if (merged && cJSON_GetArraySize(merged) > TAGS_MAX - TAGS_OURS)
            tell("together with the tags of the fleet there are more than 50", place);
        cJSON_Delete(merged);
    }
}

static bool is_duplicate(struct fleet *fleet, const struct fleet_instance *instance,
                         const cJSON *node, struct problems *problems)
{
    struct fleet_instance *first = NULL;
    HASH_FIND_STR(fleet->by_name, instance->key, first);
    if (first && !told(fleet->document, node, instance->name))
        problems_add(problems, instance->file, instance->line,
                     "instance '%s' is declared twice; the first is at %s:%d", instance->name,
                     first->file ? first->file : "?", first->line);
    return first != NULL;
}

static int take_instance(struct fleet *fleet, const cJSON *node, struct problems *problems)
{
    const char *rule;
    struct fleet_instance *instance = &fleet->instances[fleet->count];
    *instance = (struct fleet_instance) {
        .name = json_string(node, "name", ""),
        .fields = cJSON_GetObjectItemCaseSensitive(node, "fields"),
        .file = file_of(node),
        .line = line_of(node),
    };
    struct place place = { problems, "instance", instance->name, instance->file, instance->line };
    instance->key = fleet_key(instance->name);
    if (!instance->key)
        return ERROR_NO_MEMORY;
    if (!compute_name_valid(instance->name, &rule))
        tell(rule, &place);
    schema_check(schema_instance(), instance->fields, fleet->script_count, tell, &place);
    if (is_duplicate(fleet, instance, node, problems)) {
        free(instance->key);
        return 0;
    }
    check_required(fleet, instance, &place);
    check_together(fleet, instance, &place);
    HASH_ADD_KEYPTR(hh, fleet->by_name, instance->key, strlen(instance->key), instance);
    fleet->count++;
    return take_principals(fleet, instance);
}

static int take_declarations(struct fleet *fleet, struct problems *problems, struct error *err)
{
    const cJSON *node,
        *declarations = cJSON_GetObjectItemCaseSensitive(fleet->document, "declarations");
    size_t size = (size_t)cJSON_GetArraySize(declarations);
    if (size > FLEET_INSTANCES_MAX)
        return error_set(err, ERROR_TOO_LARGE, "the recipe declares %zu resources, at most %d go",
                         size, FLEET_INSTANCES_MAX);
    fleet->instances = calloc(size + 1, sizeof *fleet->instances);
    if (!fleet->instances)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    cJSON_ArrayForEach(node, declarations)
    {
        const char *type = json_string(node, "type", "");
        if (!text_equal(type, schema_instance()->name)) {
            problems_add(problems, file_of(node), line_of(node), "unknown type of resource '%s'",
                         type);
            continue;
        }
        if (take_instance(fleet, node, problems) < 0)
            return error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    return 0;
}

static const struct schema_principal *principal_of(const cJSON *reference, void *arg)
{
    const struct fleet *fleet = arg;
    struct fleet_principal *principal = NULL;
    const char *name = json_string(reference, "$user", NULL);
    char *key = name ? fleet_key(name) : NULL;
    if (key)
        HASH_FIND_STR(fleet->principals, key, principal);
    free(key);
    if (!principal || !principal->id)
        return NULL;
    principal->view = (struct schema_principal) { .id = principal->id, .name = principal->name };
    return &principal->view;
}

int fleet_new(const cJSON *document, const char *tenant, struct problems *problems,
              struct fleet **out, struct error *err)
{
    if (!cJSON_IsObject(document))
        return error_set(err, ERROR_INVALID, "the recipe's evaluation gave no document");
    struct fleet *fleet = calloc(1, sizeof *fleet);
    if (!fleet)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    fleet->document = document;
    take_problems(document, problems);
    int rc = take_scripts(fleet, problems);
    if (rc < 0) {
        fleet_free(fleet);
        return error_set(err, rc, "out of memory");
    }
    fleet->refs = (struct schema_refs) {
        .scripts = fleet->scripts,
        .script_count = fleet->script_count,
        .principal = principal_of,
        .arg = fleet,
        .tenant = tenant,
    };
    take_fleet(fleet, problems);
    rc = take_declarations(fleet, problems, err);
    if (rc < 0) {
        fleet_free(fleet);
        return rc;
    }
    *out = fleet;
    return 0;
}

void fleet_free(struct fleet *fleet)
{
    if (!fleet)
        return;
    HASH_CLEAR(hh, fleet->by_name);
    for (size_t i = 0; i < fleet->count; i++)
        free(fleet->instances[i].key);
    free(fleet->instances);
    struct fleet_principal *first = fleet->principals;
    HASH_CLEAR(hh, fleet->principals); /* the table alone: the rows are still linked */
    for (struct fleet_principal *principal = first, *next; principal; principal = next) {
        next = principal->hh.next;
        free(principal->key);
        free(principal->id);
        free(principal);
    }
    for (size_t i = 0; i < fleet->script_count; i++) {
        free((char *)fleet->scripts[i].data);
        free((char *)fleet->scripts[i].arguments);
        free((char *)fleet->scripts[i].timeout);
        free((char *)fleet->scripts[i].digest);
    }
    free(fleet->scripts);
    free(fleet);
}

struct fleet_instance *fleet_find(const struct fleet *fleet, const char *name)
{
    struct fleet_instance *instance = NULL;
    char *key = fleet_key(name);
    if (key)
        HASH_FIND_STR(fleet->by_name, key, instance);
    free(key);
    return instance;
}

struct schema_layers fleet_layers(const struct fleet *fleet, const struct fleet_instance *instance)
{
    return (struct schema_layers) { .blocks = { fleet->tags_block, fleet->defaults,
                                                instance->fields } };
}

const struct fleet_principal *fleet_principal_by_id(const struct fleet *fleet, const char *id)
{
    struct fleet_principal *principal, *next;
    HASH_ITER(hh, fleet->principals, principal, next)
    {
        if (text_equal_nocase(principal->id, id))
            return principal;
    }
    return NULL;
}
