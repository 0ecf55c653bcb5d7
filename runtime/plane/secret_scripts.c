/* secret_scripts.c - setup scripts that hold secrets.
 *
 * A compute's body, which readers get, has them without the values; the scripts that are really run
 * stand in a table of their own, which no route gives back. */
#include "base/text.h"
#include "plane/plane_private.h"
#include "setup/secrets.h"

#define SCRIPTS "properties.properties.setupScripts.scripts"

static const char *const kinds[] = { "creationScript", "startupScript" };

/* The text of an inline script; false: it is none, or no base64. */
static bool decode(const cJSON *script, struct buffer *out)
{
    const char *data = json_string(script, "scriptData", "");
    return text_equal_nocase(json_string(script, "scriptSource", ""), "inline") &&
           base64_decode(data, strlen(data), out) == 0 && out->size > 0;
}

/* Puts what readers may see of one script into its place. */
static int scrub(cJSON *script, const struct buffer *text, const struct secrets *secrets,
                 struct error *err)
{
    struct buffer shown = { 0 }, data = { 0 }, words = { 0 };
    const char *arguments = json_string(script, "scriptArguments", NULL);
    int rc = secrets_scrub_script(text->data, text->size, &shown, err);
    if (rc == 0) {
        base64_encode(shown.data, shown.size, &data);
        rc = buffer_check(&data, "a setup script", err);
    }
    if (rc == 0)
        rc = json_put_string(script, "scriptData", data.data);
    if (rc == 0 && arguments) {
        secrets_name_values(secrets, arguments, strlen(arguments), &words);
        rc = buffer_check(&words, "a setup script's arguments", err);
        if (rc == 0)
            rc = json_put_string(script, "scriptArguments", words.data ? words.data : "");
    }
    buffer_clear(&shown);
    buffer_clear(&data);
    buffer_clear(&words);
    return rc < 0 ? error_set(err, rc, "no memory for a setup script") : 0;
}

/* Looks at one script; *copy is made when it is the first that holds secrets. */
static int split_one(const cJSON *request, const char *path, cJSON **copy, struct error *err)
{
    struct buffer text = { 0 };
    struct secrets *secrets = NULL;
    int rc = 0;
    if (decode(json_at(request, path), &text) && (rc = secrets_new(&secrets, err)) == 0)
        rc = secrets_read(text.data, text.size, secrets, NULL, err);
    if (rc == 0 && secrets_count(secrets) > 0) {
        if (!*copy)
            *copy = cJSON_Duplicate(request, true);
        rc = *copy ? scrub((cJSON *)json_at(*copy, path), &text, secrets, err)
                   : error_set(err, ERROR_NO_MEMORY, "no memory for a setup script");
    }
    secrets_free(secrets);
    buffer_clear(&text);
    return rc;
}

int secret_scripts_split(const cJSON *request, cJSON **out_request, char **out_kept,
                         struct error *err)
{
    cJSON *copy = NULL;
    char *kept = NULL;
    int rc = 0;
    for (size_t i = 0; i < COUNT(kinds) && rc == 0; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, SCRIPTS ".%s", kinds[i]);
        rc = split_one(request, path, &copy, err);
    }
    if (rc == 0 && copy && !(kept = json_text(json_at(request, SCRIPTS))))
        rc = error_set(err, ERROR_NO_MEMORY, "no memory for a setup script");
    if (rc < 0) {
        cJSON_Delete(copy);
        return rc;
    }
    *out_request = copy;
    *out_kept = kept;
    return 0;
}

int secret_scripts_keep(struct plane *plane, const char *compute, const char *kept,
                        struct error *err)
{
    return store_run(plane->store, err,
                     "INSERT INTO secret_scripts (compute, scripts) VALUES (?, ?)", "ss", compute,
                     kept);
}

int secret_scripts_load(struct plane *plane, const char *compute, cJSON **out, struct error *err)
{
    sqlite3_stmt *row = store_query(
        plane->store, err, "SELECT scripts FROM secret_scripts WHERE compute = ?", "s", compute);
    int rc = row ? store_step(plane->store, row, err) : ERROR_IO;
    *out = rc == 1 ? cJSON_Parse(store_text(row, 0)) : NULL;
    store_done(row);
    if (rc == 1 && !*out)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a setup script");
    return rc < 0 ? rc : 0;
}
