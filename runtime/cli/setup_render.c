/* setup_render.c - `moonfleet setup render`: a setup script as the machine will get it. */
#include "cli/setup_render.h"

#include "base/duration.h"
#include "base/random.h"
#include "base/text.h"
#include "cli/recipe_run.h"
#include "engine/fleet.h"
#include "script/recipe.h"
#include "setup/secrets.h"

int setup_render_file(const struct invocation *invocation, const char *path, cJSON **out_document,
                      struct error *err)
{
    cJSON *parameters = NULL;
    int rc = recipe_parameters(invocation, &parameters, err);
    if (rc < 0)
        return rc;
    const struct recipe_options options = {
        .program = invocation->program,
        .path = path,
        .parameters = parameters,
    };
    rc = recipe_render(&options, out_document, err);
    cJSON_Delete(parameters);
    return rc;
}

static size_t report(const struct invocation *invocation, const cJSON *problems)
{
    const cJSON *problem;
    size_t count = 0;
    cJSON_ArrayForEach(problem, problems)
    {
        struct error err = { 0 };
        int column = (int)json_int(problem, "column", 0);
        char place[32] = "";
        if (column > 0) /* behind the line, which is part of the place already */
            (void)snprintf(place, sizeof place, "column %d: ", column);
        (void)error_set(&err, ERROR_INVALID, "%s%s", place, json_string(problem, "message", "?"));
        error_at(&err, json_string(problem, "at.file", NULL), (int)json_int(problem, "at.line", 0));
        output_error(invocation->output, &err);
        count++;
    }
    return count;
}

size_t setup_render_report(const struct invocation *invocation, const cJSON *document)
{
    return report(invocation, cJSON_GetObjectItemCaseSensitive(document, "problems"));
}

/* ---- what is shown ---- */

/* The rendered script of a document, as text or as bytes that are none. */
static int take_text(const cJSON *document, struct buffer *out, struct error *err)
{
    const char *text = json_string(document, "text", NULL);
    const char *encoded = json_string(document, "base64", "");
    if (text)
        buffer_text(out, text);
    else if (base64_decode(encoded, strlen(encoded), out) < 0)
        return error_set(err, ERROR_INVALID, "the rendered script is damaged");
    return buffer_check(out, "the rendered script", err);
}

/* A script goes to stdout byte for byte, whatever they are. */
static int print_rendered(const cJSON *document, struct error *err)
{
    struct buffer bytes = { 0 };
    int rc = take_text(document, &bytes, err);
    if (rc == 0 && bytes.size > 0)
        (void)fwrite(bytes.data, 1, bytes.size, stdout);
    buffer_clear(&bytes);
    return rc;
}

static void cell_json(struct table *table, const cJSON *value)
{
    char *text = cJSON_IsString(value) || cJSON_IsNull(value) ? NULL : json_text(value);
    table_cell(table, text ? text : cJSON_IsString(value) ? value->valuestring : NULL, STYLE_PLAIN);
    free(text);
}

static int print_parameters(const struct output *output, const cJSON *document, struct error *err)
{
    static const char *const headings[] = { "NAME",    "TYPE",        "REQUIRED",
                                            "DEFAULT", "DESCRIPTION", NULL };
    struct table *table = table_new(output, headings);
    const cJSON *parameter;
    if (!table)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(parameter, cJSON_GetObjectItemCaseSensitive(document, "parameters"))
    {
        table_row(table);
        table_cell(table, json_string(parameter, "name", "?"), STYLE_BOLD);
        table_cell(table, json_string(parameter, "type", "?"), STYLE_PLAIN);
        table_cell(table, json_bool(parameter, "required", false) ? "yes" : "no", STYLE_PLAIN);
        cell_json(table, cJSON_GetObjectItemCaseSensitive(parameter, "default"));
        table_cell(table, json_string(parameter, "description", NULL), STYLE_PLAIN);
    }
    return table_print(table, err);
}

/* ---- the script of a recipe's instance ---- */

/* The index of the script that this field of the instance or of the fleet's defaults names; -1. */
static int64_t script_index(const struct fleet *fleet, const struct fleet_instance *instance,
                            const char *field)
{
    const struct schema_layers layers = fleet_layers(fleet, instance);
    const cJSON *said = schema_said(schema_field_find(schema_instance(), field), &layers);
    return json_int(said, "$setup_script", -1);
}

static bool names_script(const cJSON *script, const char *path)
{
    const char *known = json_string(script, "path", NULL);
    size_t size = known ? strlen(known) : 0;
    return known && text_ends(path, known) &&
           (strlen(path) == size || path[strlen(path) - size - 1] == '/');
}

/* Which of the recipe's scripts is the instance's setup or startup script at `path`; -1: none. */
static int64_t find_script(const struct fleet *fleet, const struct fleet_instance *instance,
                           const char *path)
{
    static const char *const fields[] = { "setup", "startup" };
    const cJSON *scripts = cJSON_GetObjectItemCaseSensitive(fleet->document, "scripts");
    for (size_t i = 0; i < COUNT(fields); i++) {
        int64_t index = script_index(fleet, instance, fields[i]);
        if (index >= 0 && (size_t)index < fleet->script_count &&
            names_script(cJSON_GetArrayItem(scripts, (int)index), path))
            return index;
    }
    return -1;
}

/* The document of the script as recipe_render() would give it. */
static cJSON *describe_script(const cJSON *script)
{
    cJSON *document = cJSON_CreateObject();
    const char *text = json_string(script, "text", "");
    cJSON_AddStringToObject(document, "script", json_string(script, "path", ""));
    cJSON_AddStringToObject(document, "text", text);
    cJSON_AddNullToObject(document, "base64");
    cJSON_AddItemToObject(document, "lines",
                          cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(script, "lines"), true));
    return document;
}

/* The values of the recipe's secrets are no part of what is shown. */
static int hide_secrets(const cJSON *recipe, cJSON *document, struct error *err)
{
    const cJSON *secret;
    struct secrets *secrets = NULL;
    struct buffer hidden = { 0 };
    const char *text = json_string(document, "text", "");
    int rc = secrets_new(&secrets, err);
    cJSON_ArrayForEach(secret, cJSON_GetObjectItemCaseSensitive(recipe, "secrets"))
    {
        const char *value = json_string(secret, "value", "");
        if (rc == 0)
            rc = secrets_add(secrets, json_string(secret, "name", ""), value, strlen(value), err);
    }
    if (rc == 0 && secrets_count(secrets) > 0) {
        secrets_redact(secrets, text, strlen(text), &hidden);
        rc = buffer_check(&hidden, "the rendered script", err);
    }
    if (rc == 0 && secrets_count(secrets) > 0)
        rc = json_put_string(document, "text", hidden.data ? hidden.data : "");
    secrets_free(secrets);
    buffer_clear(&hidden);
    return rc;
}

/* A script of an evaluated recipe. */
struct recipe_script {
    cJSON *recipe;       /* owned */
    struct fleet *fleet; /* owned */
    const cJSON *script; /* its row in the recipe's document */
    const struct schema_script *made;
};

static void close_script(struct recipe_script *script)
{
    fleet_free(script->fleet);
    cJSON_Delete(script->recipe);
}

static int find_in_fleet(const struct invocation *invocation, const char *path,
                         struct recipe_script *out, struct error *err)
{
    const char *name = invocation_value(invocation, "for", NULL);
    const struct fleet_instance *instance = fleet_find(out->fleet, name);
    const cJSON *scripts = cJSON_GetObjectItemCaseSensitive(out->recipe, "scripts");
    char safe[OUTPUT_SAFE_SIZE];
    if (!instance)
        return error_set(err, ERROR_NOT_FOUND, "the recipe declares no instance '%s'",
                         output_safe(safe, sizeof safe, name));
    int64_t index = find_script(out->fleet, instance, path);
    if (index < 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "instance '%s' has no setup or startup script '%s' of the recipe's folder",
                         instance->name, output_safe(safe, sizeof safe, path));
    out->script = cJSON_GetArrayItem(scripts, (int)index);
    out->made = &out->fleet->scripts[index];
    return out->made->shared
               ? error_set(err, ERROR_INVALID,
                           "'%s' stands in the workspace's file share: only the machine reads it",
                           output_safe(safe, sizeof safe, path))
               : 0;
}

/* The script at `path` as --for and --in name it; EXIT_FAILED when mistakes of the recipe were
 * reported.  Release with close_script(), also after a failure. */
static int open_script(const struct invocation *invocation, const char *path,
                       struct recipe_script *out, struct error *err)
{
    struct problems problems = { 0 };
    *out = (struct recipe_script) { 0 };
    int rc = recipe_run(invocation, invocation_value(invocation, "in", NULL), &out->recipe, err);
    if (rc == 0 &&
        report(invocation, cJSON_GetObjectItemCaseSensitive(out->recipe, "problems")) > 0)
        rc = EXIT_FAILED;
    if (rc == 0)
        rc = fleet_new(out->recipe, NULL, &problems, &out->fleet, err);
    problems_clear(&problems);
    return rc == 0 ? find_in_fleet(invocation, path, out, err) : rc;
}

static int render_for(const struct invocation *invocation, const char *path, cJSON **out,
                      struct error *err)
{
    struct recipe_script script;
    int rc = open_script(invocation, path, &script, err);
    if (rc == 0) {
        *out = describe_script(script.script);
        rc = hide_secrets(script.recipe, *out, err);
    }
    close_script(&script);
    return rc;
}

/* Is it about an instance of a recipe? */
static int check_for(const struct invocation *invocation, bool *out, struct error *err)
{
    bool instance = invocation_flag(invocation, "for");
    *out = instance;
    return instance == invocation_flag(invocation, "in")
               ? 0
               : error_set(err, ERROR_USAGE, "--for INSTANCE and --in RECIPE go together");
}

/* ---- a script as a machine gets it ---- */

static int take_lines(const cJSON *document, struct setup_rendered *out, struct error *err)
{
    const cJSON *lines = cJSON_GetObjectItemCaseSensitive(document, "lines");
    out->lines = cJSON_IsArray(lines) ? cJSON_Duplicate(lines, true) : NULL;
    return cJSON_IsArray(lines) && !out->lines ? error_set(err, ERROR_NO_MEMORY, "no memory") : 0;
}

static int machine_for(const struct invocation *invocation, const char *path,
                       struct setup_rendered *out, struct error *err)
{
    struct recipe_script script;
    int rc = open_script(invocation, path, &script, err);
    if (rc == 0 && base64_decode(script.made->data, strlen(script.made->data), &out->text) < 0)
        rc = error_set(err, ERROR_INVALID, "the rendered script is damaged");
    if (rc == 0)
        rc = take_lines(script.script, out, err);
    if (rc == 0 && script.made->timeout)
        rc = duration_parse(script.made->timeout, &out->timeout_s, err);
    if (rc == 0 && script.made->arguments && !(out->arguments = strdup(script.made->arguments)))
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    close_script(&script);
    return rc;
}

/* The line of the secrets of --secrets FILE, behind the script that is alone. */
static int mark(const struct invocation *invocation, struct buffer *text, struct error *err)
{
    struct secrets *secrets = NULL;
    cJSON *values = NULL;
    const cJSON *value = NULL;
    size_t size = 0;
    int rc = recipe_secrets(invocation, &values, err);
    if (rc < 0 || !values)
        return rc;
    rc = secrets_new(&secrets, err);
    if (rc == 0)
        rc = secrets_read(text->data, text->size, secrets, &size, err);
    cJSON_ArrayForEach(value, values)
    {
        if (rc == 0 && (rc = secrets_add(secrets, value->string, value->valuestring,
                                         strlen(value->valuestring), err)) < 0)
            rc = error_wrap(err, rc, "the secret '%s'", value->string);
    }
    if (rc == 0) {
        text->size = size;
        text->data[size] = '\0';
        rc = secrets_mark(secrets, true, text, err);
    }
    secrets_free(secrets);
    cJSON_Delete(values);
    return rc;
}

static int machine_alone(const struct invocation *invocation, const char *path,
                         struct setup_rendered *out, struct error *err)
{
    cJSON *document = NULL;
    int rc = setup_render_file(invocation, path, &document, err);
    if (rc == 0 && setup_render_report(invocation, document) > 0)
        rc = EXIT_FAILED;
    if (rc == 0)
        rc = take_text(document, &out->text, err);
    if (rc == 0)
        rc = take_lines(document, out, err);
    cJSON_Delete(document);
    if (rc == 0 && out->text.size > 0)
        rc = mark(invocation, &out->text, err);
    return rc;
}

int setup_render_machine(const struct invocation *invocation, const char *path,
                         struct setup_rendered *out, struct error *err)
{
    bool in_recipe = false;
    *out = (struct setup_rendered) { 0 };
    int rc = check_for(invocation, &in_recipe, err);
    if (rc == 0)
        rc = in_recipe ? machine_for(invocation, path, out, err)
                       : machine_alone(invocation, path, out, err);
    if (rc == 0 && out->text.size == 0)
        rc = error_set(err, ERROR_INVALID, "'%s' is empty", path);
    if (rc == 0 && memchr(out->text.data, '\0', out->text.size))
        rc = error_set(err, ERROR_INVALID, "'%s' holds a zero byte: it is no script", path);
    if (rc == 0)
        rc = secrets_new(&out->secrets, err);
    if (rc == 0)
        rc = secrets_read(out->text.data, out->text.size, out->secrets, NULL, err);
    return rc;
}

void setup_rendered_clear(struct setup_rendered *rendered)
{
    buffer_clear(&rendered->text);
    free(rendered->arguments);
    cJSON_Delete(rendered->lines);
    secrets_free(rendered->secrets);
    *rendered = (struct setup_rendered) { 0 };
}

/* ---- the command ---- */

static int run_render(struct invocation *invocation, struct error *err)
{
    const char *path = invocation->arguments[0];
    bool wants_parameters = invocation_flag(invocation, "parameters");
    bool in_recipe = false;
    cJSON *document = NULL;
    int rc = check_for(invocation, &in_recipe, err);
    if (rc < 0)
        return rc;
    if (in_recipe && wants_parameters)
        return error_set(err, ERROR_USAGE, "--parameters shows those of a script by itself");
    rc = in_recipe ? render_for(invocation, path, &document, err)
                   : setup_render_file(invocation, path, &document, err);
    if (rc == 0 && !wants_parameters && setup_render_report(invocation, document) > 0)
        rc = EXIT_FAILED;
    if (rc == 0 && invocation->output->json) {
        output_json(invocation->output, document);
        return 0;
    }
    if (rc == 0)
        rc = wants_parameters ? print_parameters(invocation->output, document, err)
                              : print_rendered(document, err);
    cJSON_Delete(document);
    return rc;
}

static const struct option_row render_options[] = {
    SETUP_RENDER_OPTIONS,
    { "parameters", 0, NULL, "show the parameters of the script instead", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_setup_render = {
    .name = "setup render",
    .arguments = "SCRIPT",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "a setup script as the machine will get it",
    .details =
        "A setup script may be a template: {{ expression }} is a value of Lua, quoted for the\n"
        "place where it stands; {% statement %} is Lua; {# comment #} is nothing; {{{{, {%% and\n"
        "{## stand for {{, {% and {#. Its parameters are stated at its top:\n"
        "  {% parameter(\"packages\", { type = \"list\", default = {} }) %}\n"
        "A list is given as -p packages=a,b or as JSON. It is evaluated as a recipe is: in a\n"
        "process that can only compute. Nothing is run. Secrets of a recipe are not shown.\n"
        "--json: {\"script\",\"text\"|null,\"base64\"|null (text that is no UTF-8),\"lines\": "
        "pairs\n"
        "of a rendered line and the template's,\"raw\":[{\"line\",\"column\"}],\"parameters\":\n"
        "[{\"name\",\"type\",\"value\",\"default\",\"description\",\"choices\",\"required\","
        "\"line\"}],\n"
        "\"problems\"}; with --for only the first four.",
    .examples = "setup render setup/tools.sh -p packages=numpy,pandas\tto stdout\n"
                "setup render setup/tools.sh --parameters\twhat it takes\n"
                "setup render setup/tools.sh --for ds-ada --in team.lua\tas ds-ada gets it",
    .options = render_options,
    .needs = NEEDS_RECIPE,
    .completes = COMPLETES_FILE,
    .run = run_render,
};
