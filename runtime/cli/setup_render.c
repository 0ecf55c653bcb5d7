/* setup_render.c - `moonfleet setup render`: a setup script as the machine will get it. */
#include "cli/setup_render.h"

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

/* A script goes to stdout byte for byte, whatever they are. */
static void print_script(const struct output *output, const char *data, size_t size)
{
    (void)output;
    if (size > 0)
        (void)fwrite(data, 1, size, stdout);
}

static int print_rendered(const struct output *output, const cJSON *document, struct error *err)
{
    const char *text = json_string(document, "text", NULL);
    const char *encoded = json_string(document, "base64", NULL);
    struct buffer bytes = { 0 };
    if (text) {
        print_script(output, text, strlen(text));
        return 0;
    }
    int rc = base64_decode(encoded ? encoded : "", encoded ? strlen(encoded) : 0, &bytes);
    if (rc == 0)
        print_script(output, bytes.data, bytes.size);
    else
        (void)error_set(err, rc, "the rendered script is damaged");
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

/* The instance's setup or startup script whose path is the one asked for. */
static const cJSON *find_script(const struct fleet *fleet, const struct fleet_instance *instance,
                                const char *path)
{
    static const char *const fields[] = { "setup", "startup" };
    const cJSON *scripts = cJSON_GetObjectItemCaseSensitive(fleet->document, "scripts");
    for (size_t i = 0; i < COUNT(fields); i++) {
        int64_t index = script_index(fleet, instance, fields[i]);
        const cJSON *script = index >= 0 ? cJSON_GetArrayItem(scripts, (int)index) : NULL;
        if (names_script(script, path))
            return script;
    }
    return NULL;
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

static int render_of_fleet(const struct invocation *invocation, const cJSON *recipe,
                           const char *path, const char *name, cJSON **out, struct error *err)
{
    struct problems problems = { 0 };
    struct fleet *fleet = NULL;
    int rc = fleet_new(recipe, NULL, &problems, &fleet, err);
    const struct fleet_instance *instance = rc == 0 ? fleet_find(fleet, name) : NULL;
    const cJSON *script = instance ? find_script(fleet, instance, path) : NULL;
    char safe[OUTPUT_SAFE_SIZE];
    (void)invocation;
    if (rc == 0 && !instance)
        rc = error_set(err, ERROR_NOT_FOUND, "the recipe declares no instance '%s'",
                       output_safe(safe, sizeof safe, name));
    else if (rc == 0 && !script)
        rc = error_set(err, ERROR_NOT_FOUND,
                       "instance '%s' has no setup or startup script '%s' of the recipe's folder",
                       instance->name, output_safe(safe, sizeof safe, path));
    if (rc == 0) {
        *out = describe_script(script);
        rc = hide_secrets(recipe, *out, err);
    }
    fleet_free(fleet);
    problems_clear(&problems);
    return rc;
}

static int render_for(const struct invocation *invocation, const char *path, cJSON **out,
                      struct error *err)
{
    const char *name = invocation_value(invocation, "for", NULL);
    const char *file = invocation_value(invocation, "in", NULL);
    cJSON *recipe = NULL;
    int rc = recipe_run(invocation, file, &recipe, err);
    if (rc < 0)
        return rc;
    if (report(invocation, cJSON_GetObjectItemCaseSensitive(recipe, "problems")) > 0)
        rc = EXIT_FAILED;
    else
        rc = render_of_fleet(invocation, recipe, path, name, out, err);
    cJSON_Delete(recipe);
    return rc;
}

static int run_render(struct invocation *invocation, struct error *err)
{
    const char *path = invocation->arguments[0];
    bool wants_parameters = invocation_flag(invocation, "parameters");
    bool in_recipe = invocation_flag(invocation, "for") || invocation_flag(invocation, "in");
    cJSON *document = NULL;
    if (in_recipe && (!invocation_flag(invocation, "for") || !invocation_flag(invocation, "in")))
        return error_set(err, ERROR_USAGE, "--for INSTANCE and --in RECIPE go together");
    if (in_recipe && wants_parameters)
        return error_set(err, ERROR_USAGE, "--parameters shows those of a script by itself");
    int rc = in_recipe ? render_for(invocation, path, &document, err)
                       : setup_render_file(invocation, path, &document, err);
    if (rc == 0 && !wants_parameters && setup_render_report(invocation, document) > 0)
        rc = EXIT_FAILED;
    if (rc == 0 && invocation->output->json) {
        output_json(invocation->output, document);
        return 0;
    }
    if (rc == 0)
        rc = wants_parameters ? print_parameters(invocation->output, document, err)
                              : print_rendered(invocation->output, document, err);
    cJSON_Delete(document);
    return rc;
}

static const struct option_row render_options[] = {
    { "for", 0, "INSTANCE", "as that instance of --in RECIPE gets it; -p is then the recipe's",
      COMPLETES_INSTANCE, NULL },
    { "in", 0, "RECIPE", "the recipe that gives the script its values", COMPLETES_RECIPE, NULL },
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
