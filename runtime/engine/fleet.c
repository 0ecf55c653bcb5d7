/* fleet.c - see fleet.h.  The document comes from a sandboxed child: everything in it is checked
 * here, its shape included. */
#include "engine/fleet.h"

#include "base/duration.h"
#include "base/random.h"
#include "base/text.h"
#include "model/rules.h"
#include "setup/quote.h"

#define SCRIPT_DIGEST_SIZE 32 /* hex digits of the digest that the tag holds */
#define TAGS_OURS 4

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

/* What a script is, as far as it is compared: without the values of its secrets, so that a new
 * value re-creates no machine and nobody can guess at it from the digest. */
struct identity {
    const char *text; /* or the path in the file share */
    bool shared;
    const char *arguments; /* NULL: none */
    const char *timeout;   /* NULL: the service's */
};

/* Of what runs: two ways of writing the same time limit are one script. */
static int digest_script(const struct identity *script, const char **out)
{
    char hex[DIGEST_TEXT_SIZE];
    struct buffer text = { 0 };
    cJSON *digested = cJSON_CreateObject();
    cJSON_AddStringToObject(digested, script->shared ? "path" : "text", script->text);
    if (script->arguments)
        cJSON_AddStringToObject(digested, "arguments", script->arguments);
    if (script->timeout)
        cJSON_AddStringToObject(digested, "timeout", script->timeout);
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

/* The value of a secret of the recipe; NULL: the document has none of that name. */
static const char *secret_value(const struct fleet *fleet, const char *name)
{
    const cJSON *secret = NULL;
    cJSON_ArrayForEach(secret, cJSON_GetObjectItemCaseSensitive(fleet->document, "secrets"))
    {
        if (text_equal(json_string(secret, "name", NULL), name))
            return json_string(secret, "value", NULL);
    }
    return NULL;
}

/* The arguments with each {"$secret":name} replaced by its value, or by its name for people. */
static cJSON *arguments_of(const struct fleet *fleet, const cJSON *script, bool values)
{
    const cJSON *arg = NULL;
    cJSON *out = cJSON_CreateArray();
    cJSON_ArrayForEach(arg, cJSON_GetObjectItemCaseSensitive(script, "args"))
    {
        const char *name = json_string(arg, "$secret", NULL);
        const char *value = name && values ? secret_value(fleet, name) : NULL;
        char *shown = name && !value ? text_format("(secret %s)", name) : NULL;
        cJSON *item = name ? cJSON_CreateString(value   ? value
                                                : shown ? shown
                                                        : "")
                           : cJSON_Duplicate(arg, true);
        free(shown);
        if (!cJSON_AddItemToArray(out, item))
            cJSON_Delete(item);
    }
    return out;
}

/* The arguments as one string; *out stays NULL when there are none, or a mistake was told. */
static int take_arguments(const struct fleet *fleet, const cJSON *script, bool values,
                          struct problems *problems, const char **out)
{
    struct error err = { 0 };
    struct buffer text = { 0 };
    cJSON *args = arguments_of(fleet, script, values);
    int rc = !args || !args->child ? ERROR_NOT_FOUND : setup_quote_arguments(args, &text, &err);
    cJSON_Delete(args);
    if (rc == 0 && text.size > SCRIPT_ARGUMENTS_MAX)
        rc = error_set(&err, ERROR_TOO_LARGE,
                       "its arguments are %zu bytes long as the service gets them, at most %d go",
                       text.size, SCRIPT_ARGUMENTS_MAX);
    if (rc == 0)
        return detach(&text, out);
    buffer_clear(&text);
    if (rc != ERROR_NOT_FOUND && values)
        problems_add(problems, file_of(script), line_of(script), "setup script: %s", err.message);
    return 0;
}

/* The secrets that a script was given, or that stand in it. */
static int script_secrets(const struct fleet *fleet, const cJSON *script, struct secrets **out)
{
    const cJSON *name = NULL;
    int rc = secrets_new(out, NULL);
    cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(script, "secrets"))
    {
        const char *value = rc == 0 ? secret_value(fleet, name->valuestring) : NULL;
        if (value)
            rc = secrets_add(*out, name->valuestring, value, strlen(value), NULL);
    }
    return rc;
}

/* The script with the line of its secrets, as base64. */
static int take_text(const struct fleet *fleet, const cJSON *script, struct schema_script *out,
                     struct problems *problems)
{
    struct secrets *secrets = NULL;
    struct buffer text = { 0 }, data = { 0 };
    buffer_text(&text, json_string(script, "text", ""));
    int rc = script_secrets(fleet, script, &secrets);
    if (rc == 0)
        rc = secrets_mark(secrets, true, &text, NULL);
    secrets_free(secrets);
    if (rc == 0 && text.size > SCRIPT_SIZE_MAX)
        problems_add(
            problems, file_of(script), line_of(script),
            "setup script '%s' is %zu KiB long, at most %zu KiB go; have it fetch the rest",
            out->label, text.size >> 10, SCRIPT_SIZE_MAX >> 10);
    if (rc == 0) {
        base64_encode(text.data, text.size, &data);
        rc = detach(&data, &out->data);
    }
    buffer_clear(&text);
    return rc;
}

static int take_shared(const cJSON *script, struct schema_script *out, struct problems *problems)
{
    const char *rule = NULL;
    out->shared = true;
    out->data = strdup(out->label);
    if (!share_path_valid(out->label, &rule))
        problems_add(problems, file_of(script), line_of(script), "setup_script workspace '%s': %s",
                     out->label, rule);
    return out->data ? 0 : ERROR_NO_MEMORY;
}

static int take_digest(const struct fleet *fleet, const cJSON *script, struct schema_script *out)
{
    const char *arguments = NULL, *text = json_string(script, "text", "");
    struct buffer named = { 0 };
    secrets_name_values(fleet->secrets, text, strlen(text), &named);
    int rc = buffer_check(&named, "a script", NULL);
    if (rc == 0)
        rc = take_arguments(fleet, script, false, NULL, &arguments);
    const struct identity identity = { .text = out->shared  ? out->label
                                               : named.data ? named.data
                                                            : "",
                                       .shared = out->shared,
                                       .arguments = arguments,
                                       .timeout = out->timeout };
    if (rc == 0)
        rc = digest_script(&identity, &out->digest);
    free((char *)arguments);
    buffer_clear(&named);
    return rc;
}

static int take_script(const struct fleet *fleet, const cJSON *script, struct schema_script *out,
                       struct problems *problems)
{
    out->label = json_string(script, "path", "inline script");
    out->cache = json_bool(script, "cache", false);
    int rc = text_equal(json_string(script, "source", "inline"), "workspace")
                 ? take_shared(script, out, problems)
                 : take_text(fleet, script, out, problems);
    if (rc == 0)
        rc = take_arguments(fleet, script, true, problems, &out->arguments);
    if (rc == 0)
        rc = take_timeout(script, out, problems);
    return rc == 0 ? take_digest(fleet, script, out) : rc;
}

static int take_secrets(struct fleet *fleet)
{
    const cJSON *secret = NULL;
    int rc = secrets_new(&fleet->secrets, NULL);
    cJSON_ArrayForEach(secret, cJSON_GetObjectItemCaseSensitive(fleet->document, "secrets"))
    {
        const char *value = json_string(secret, "value", "");
        if (rc == 0)
            rc = secrets_add(fleet->secrets, json_string(secret, "name", ""), value, strlen(value),
                             NULL);
    }
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
        int rc = take_script(fleet, script, &fleet->scripts[index++], problems);
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

static const struct {
    enum directory_kind kind;
    const char *member, *word;
} principal_kinds[] = {
    { DIRECTORY_USER, "$user", "user" },
    { DIRECTORY_GROUP, "$group", "group" },
    { DIRECTORY_SERVICE_PRINCIPAL, "$service_principal", "service principal" },
};

const char *fleet_principal_word(enum directory_kind kind)
{
    for (size_t i = 0; i < COUNT(principal_kinds); i++)
        if (principal_kinds[i].kind == kind)
            return principal_kinds[i].word;
    return "principal";
}

/* "user:ada@example.com", or NULL for what is no reference (or for want of memory). */
static char *principal_key(const cJSON *reference, enum directory_kind *out_kind,
                           const char **out_name)
{
    for (size_t i = 0; i < COUNT(principal_kinds); i++) {
        const char *name = json_string(reference, principal_kinds[i].member, NULL);
        if (!name || !*name)
            continue;
        char *key = text_format("%s:%s", principal_kinds[i].word, name);
        *out_kind = principal_kinds[i].kind;
        *out_name = name;
        return key ? text_lower(key) : NULL;
    }
    return NULL;
}

/* The principal of a reference, made when it is new.  Its place and what named it are those of the
 * first.  *out is NULL for what is no reference: a mistake that was told. */
static int add_principal(struct fleet *fleet, const cJSON *reference,
                         const struct fleet_principal *like, struct fleet_principal **out)
{
    struct fleet_principal *principal = NULL;
    enum directory_kind kind = DIRECTORY_USER;
    const char *name = NULL;
    char *key = principal_key(reference, &kind, &name);
    *out = NULL;
    if (!key)
        return name ? ERROR_NO_MEMORY : 0;
    HASH_FIND_STR(fleet->principals, key, principal);
    if (principal) {
        free(key);
        *out = principal;
        return 0;
    }
    principal = calloc(1, sizeof *principal);
    if (!principal) {
        free(key);
        return ERROR_NO_MEMORY;
    }
    *principal = *like;
    principal->key = key;
    principal->kind = kind;
    principal->name = name;
    HASH_ADD_KEYPTR(hh, fleet->principals, principal->key, strlen(principal->key), principal);
    *out = principal;
    return 0;
}

static int take_principals(struct fleet *fleet, const struct fleet_instance *instance)
{
    const struct schema_type *type = schema_instance();
    const struct schema_layers layers = fleet_layers(fleet, instance);
    for (size_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].kind != SCHEMA_PRINCIPAL)
            continue;
        const struct fleet_principal like = {
            .file = instance->file, .line = instance->line, .word = "instance", .by = instance->name
        };
        struct fleet_principal *unused;
        int rc = add_principal(fleet, schema_said(&type->fields[i], &layers), &like, &unused);
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

/* ---- roles and grants ---- */

static int take_role(struct fleet *fleet, const cJSON *node, struct problems *problems)
{
    struct fleet_role *role = &fleet->roles[fleet->role_count];
    *role = (struct fleet_role) {
        .name = json_string(node, "name", ""),
        .fields = cJSON_GetObjectItemCaseSensitive(node, "fields"),
        .file = file_of(node),
        .line = line_of(node),
    };
    struct place place = { problems, "role", role->name, role->file, role->line };
    const struct fleet_role *first = fleet_find_role(fleet, role->name);
    schema_check(schema_role(), role->fields, fleet->script_count, tell, &place);
    if (first) {
        if (!told(fleet->document, node, role->name))
            problems_add(problems, role->file, role->line,
                         "role '%s' is declared twice; the first is at %s:%d", role->name,
                         first->file ? first->file : "?", first->line);
        return 0;
    }
    role->key = fleet_key(role->name);
    if (!role->key)
        return ERROR_NO_MEMORY;
    fleet->role_count++;
    return 0;
}

static int add_grant(struct fleet *fleet, const struct fleet_grant *grant)
{
    if (fleet->grant_count == fleet->grant_capacity) {
        size_t capacity = fleet->grant_capacity ? fleet->grant_capacity * 2 : 8;
        struct fleet_grant *grants = realloc(fleet->grants, capacity * sizeof *grants);
        if (!grants)
            return ERROR_NO_MEMORY;
        fleet->grants = grants;
        fleet->grant_capacity = capacity;
    }
    fleet->grants[fleet->grant_count++] = *grant;
    return 0;
}

static int take_grant_to(struct fleet *fleet, const cJSON *reference, struct fleet_grant *grant)
{
    const struct fleet_principal like = {
        .file = grant->file, .line = grant->line, .word = "grant", .by = grant->role
    };
    int rc = add_principal(fleet, reference, &like, &grant->principal);
    return rc < 0 || !grant->principal ? rc : add_grant(fleet, grant);
}

static int take_grant(struct fleet *fleet, const cJSON *node, struct problems *problems)
{
    const cJSON *entry, *fields = cJSON_GetObjectItemCaseSensitive(node, "fields");
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(fields, "to");
    struct fleet_grant grant = {
        .role = json_string(fields, "role", NULL),
        .scope = json_string(fields, "scope", NULL),
        .file = file_of(node),
        .line = line_of(node),
    };
    struct place place = { problems, "grant", json_string(node, "name", ""), grant.file,
                           grant.line };
    size_t wrong = schema_check(schema_grant(), fields, fleet->script_count, tell, &place);
    for (size_t i = 0; i < schema_grant()->field_count; i++) {
        const struct schema_field *field = &schema_grant()->fields[i];
        char message[160];
        if (!(field->flags & SCHEMA_REQUIRED) ||
            cJSON_GetObjectItemCaseSensitive(fields, field->name))
            continue;
        snprintf(message, sizeof message, "%s is missing; for instance %s = %s", field->name,
                 field->name, field->example);
        tell(message, &place);
        wrong++;
    }
    if (wrong)
        return 0;
    if (!cJSON_IsArray(to))
        return take_grant_to(fleet, to, &grant);
    cJSON_ArrayForEach(entry, to)
    {
        int rc = take_grant_to(fleet, entry, &grant);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int take_declaration(struct fleet *fleet, const cJSON *node, struct problems *problems)
{
    static const struct {
        const char *type;
        int (*take)(struct fleet *fleet, const cJSON *node, struct problems *problems);
    } types[] = { { "instance", take_instance }, { "role", take_role }, { "grant", take_grant } };
    const char *type = json_string(node, "type", "");
    for (size_t i = 0; i < COUNT(types); i++)
        if (text_equal(types[i].type, type))
            return types[i].take(fleet, node, problems);
    problems_add(problems, file_of(node), line_of(node), "unknown type of resource '%s'", type);
    return 0;
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
    fleet->roles = calloc(size + 1, sizeof *fleet->roles);
    if (!fleet->instances || !fleet->roles)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    cJSON_ArrayForEach(node, declarations)
    {
        if (take_declaration(fleet, node, problems) < 0)
            return error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    return 0;
}

static const struct schema_principal *principal_of(const cJSON *reference, void *arg)
{
    const struct fleet *fleet = arg;
    struct fleet_principal *principal = NULL;
    const char *name = NULL;
    enum directory_kind kind;
    char *key = principal_key(reference, &kind, &name);
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
    int rc = take_secrets(fleet);
    if (rc == 0)
        rc = take_scripts(fleet, problems);
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
    for (size_t i = 0; i < fleet->role_count; i++)
        free(fleet->roles[i].key);
    free(fleet->roles);
    free(fleet->grants);
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
    secrets_free(fleet->secrets);
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

const struct fleet_role *fleet_find_role(const struct fleet *fleet, const char *name)
{
    for (size_t i = 0; i < fleet->role_count; i++)
        if (text_equal_nocase(fleet->roles[i].name, name))
            return &fleet->roles[i];
    return NULL;
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
