/* recipe_run.c - evaluates the recipe of a command. */
#include "cli/recipe_run.h"

#include "base/text.h"
#include "cli/secrets_file.h"
#include "script/recipe.h"

int recipe_parameters(const struct invocation *invocation, cJSON **out, struct error *err)
{
    cJSON *parameters = cJSON_CreateObject();
    const char *text = NULL;
    for (size_t i = 0; (text = invocation_value_at(invocation, "parameter", i)); i++) {
        const char *equals = text_is_utf8(text, strlen(text)) ? strchr(text, '=') : NULL;
        char *name = equals && equals > text ? text_dup_size(text, (size_t)(equals - text)) : NULL;
        if (!name) {
            char safe[OUTPUT_SAFE_SIZE];
            cJSON_Delete(parameters);
            return error_set(err, ERROR_USAGE, "-p takes name=value, in UTF-8, not '%s'",
                             output_safe(safe, sizeof safe, text));
        }
        cJSON_DeleteItemFromObjectCaseSensitive(parameters, name);
        cJSON_AddStringToObject(parameters, name, equals + 1);
        free(name);
    }
    *out = parameters;
    return 0;
}

int recipe_secrets(const struct invocation *invocation, cJSON **out, struct error *err)
{
    const char *path = invocation_value(invocation, "secrets", NULL);
    *out = NULL;
    return path ? secrets_file_read(path, out, err) : 0;
}

int recipe_run(const struct invocation *invocation, const char *path, cJSON **out_document,
               struct error *err)
{
    cJSON *parameters = NULL, *secrets = NULL;
    const cJSON *line = NULL;
    int rc = recipe_parameters(invocation, &parameters, err);
    if (rc == 0)
        rc = recipe_secrets(invocation, &secrets, err);
    if (rc < 0) {
        cJSON_Delete(parameters);
        return rc;
    }
    const struct recipe_options options = {
        .program = invocation->program,
        .path = path,
        .parameters = parameters,
        .secrets = secrets,
    };
    rc = recipe_evaluate(&options, out_document, err);
    cJSON_Delete(parameters);
    cJSON_Delete(secrets);
    if (rc < 0)
        return rc;
    cJSON_ArrayForEach(line, json_at(*out_document, "prints"))
    {
        struct buffer text = { 0 };
        output_escape(&text, cJSON_IsString(line) ? line->valuestring : "", false);
        output_note(invocation->output, "%s\n", text.data ? text.data : "");
        buffer_clear(&text);
    }
    return 0;
}
