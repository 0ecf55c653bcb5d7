/* setup_cache.c - `moonfleet setup cache`: what creation scripts left for the next instance. */
#include "cli/setup.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/trial.h"
#include "plane/drivers/oci_layer.h"

#define GONE_PREFIX "gone-" /* a layer on its way out */

/* What a row stands for: a whole layer by its key, else the folder of a remain. */
static const char *row_name(const cJSON *row)
{
    return json_string(row, "key", json_string(row, "folder", "?"));
}

static cJSON *row_json(const cJSON *row)
{
    static const char *const copied[] = {
        "key", "instance", "created", "seconds", "bytes", "users"
    };
    cJSON *out = cJSON_CreateObject();
    for (size_t i = 0; i < COUNT(copied); i++) {
        const cJSON *item = json_at(row, copied[i]);
        if (item)
            (void)cJSON_AddItemToObject(out, copied[i], cJSON_Duplicate(item, true));
    }
    if (json_bool(row, "broken", false)) {
        (void)cJSON_AddStringToObject(out, "folder", json_string(row, "folder", "?"));
        (void)cJSON_AddTrueToObject(out, "broken");
    }
    return out;
}

/* ---- list ---- */

static int print_table(const struct output *output, const cJSON *rows, struct error *err)
{
    static const char *const headings[] = {
        "KEY", "MADE BY", "AGE", "TOOK", "SIZE", "USED BY", NULL
    };
    const cJSON *row = NULL;
    struct table *table = table_new(output, headings);
    if (!table)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(row, rows)
    {
        char age[32], took[32], bytes[32], users[32];
        int64_t made = 0;
        bool broken = json_bool(row, "broken", false);
        const cJSON *seconds = json_at(row, "seconds");
        (void)time_parse(json_string(row, "created", ""), &made);
        output_age(made, clock_unix_ms(clock_real()), age, sizeof age);
        output_bytes(json_int(row, "bytes", 0), bytes, sizeof bytes);
        (void)snprintf(took, sizeof took, "%.1f s",
                       cJSON_IsNumber(seconds) ? seconds->valuedouble : 0);
        (void)snprintf(users, sizeof users, "%d", cJSON_GetArraySize(json_at(row, "users")));
        table_row(table);
        table_cell(table, row_name(row), STYLE_BOLD);
        table_cell(table, broken ? "not whole: never used" : json_string(row, "instance", NULL),
                   broken ? STYLE_YELLOW : STYLE_PLAIN);
        table_cell(table, broken ? NULL : age, STYLE_DIM);
        table_cell(table, broken ? NULL : took, STYLE_PLAIN);
        table_cell(table, broken ? NULL : bytes, STYLE_PLAIN);
        table_cell(table, users, STYLE_PLAIN);
    }
    return table_print(table, err);
}

static int run_list(struct invocation *invocation, struct error *err)
{
    struct house house;
    cJSON *rows = NULL;
    const cJSON *row = NULL;
    int rc = house_open(invocation, &house, err);
    if (rc == 0)
        rc = oci_layer_list(house.folder, &rows, err);
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON *layers = cJSON_AddArrayToObject(document, "layers");
        cJSON_ArrayForEach(row, rows)(void) cJSON_AddItemToArray(layers, row_json(row));
        output_json(invocation->output, document);
    } else if (rc == 0 && cJSON_GetArraySize(rows) == 0) {
        output_note(invocation->output, "no layer is cached\n");
    } else if (rc == 0) {
        rc = print_table(invocation->output, rows, err);
    }
    cJSON_Delete(rows);
    house_close(&house);
    return rc < 0 ? rc : EXIT_DONE;
}

/* ---- prune ---- */

/* Is it to go? Those in use never are; without --all those of today's programs stay that are younger
 * than asked for. */
static bool is_old(const struct house *house, const cJSON *row, int64_t older_s)
{
    int64_t made = 0;
    const char *folder = json_string(row, "folder", "");
    if (cJSON_GetArraySize(json_at(row, "users")) > 0)
        return false;
    /* .new-… is on its way, or what a full disk left of that. */
    if (json_bool(row, "broken", false))
        return !text_starts(folder, ".new-") ||
               (older_s == 0 && !oci_layer_is_being_made(house->folder, folder));
    return time_parse(json_string(row, "created", ""), &made) < 0 ||
           clock_unix_ms(clock_real()) - made >= older_s * 1000;
}

/* Takes the layer away from those that look for one: from here on nobody begins with it. */
static int move_away(const struct house *house, const cJSON *row, char *out_id, size_t out_size,
                     struct error *err)
{
    char random[UUID_TEXT_SIZE];
    uuid_make(random);
    (void)snprintf(out_id, out_size, GONE_PREFIX "%.8s", random);
    char *from =
        text_format("%s/" OCI_LAYERS_FOLDER "/%s", house->folder, json_string(row, "folder", "?"));
    char *to = text_format("%s/%s", house->folder, out_id);
    int rc = !from || !to ? error_set(err, ERROR_NO_MEMORY, "no memory")
             : rename(from, to) < 0
                 ? error_system(err, errno, "removing the layer %s", row_name(row))
                 : 0;
    free(from);
    free(to);
    return rc;
}

/* What an interrupted prune left. */
static int sweep_gone(struct house *house, struct error *err)
{
    const struct dirent *entry = NULL;
    int rc = 0;
    DIR *dir = opendir(house->folder);
    while (dir && rc == 0 && (entry = readdir(dir))) {
        if (text_starts(entry->d_name, GONE_PREFIX))
            rc = house_remove(house, entry->d_name, err);
    }
    if (dir)
        (void)closedir(dir);
    return rc;
}

/* Moves away under the lock what is to go, so that nobody begins with a layer that goes. */
static int take_away(struct house *house, int64_t older_s, cJSON *removed, int64_t *out_bytes,
                     int *out_kept, struct error *err)
{
    char id[32];
    cJSON *rows = NULL;
    const cJSON *row = NULL;
    int lock = oci_layer_lock(house->folder, err);
    int rc = lock < 0 ? ERROR_IO : oci_layer_list(house->folder, &rows, err);
    cJSON_ArrayForEach(row, rows)
    {
        if (rc == 0 && !is_old(house, row, older_s)) {
            ++*out_kept;
        } else if (rc == 0 && (rc = move_away(house, row, id, sizeof id, err)) == 0) {
            *out_bytes += json_int(row, "bytes", 0);
            (void)cJSON_AddItemToArray(removed, cJSON_CreateString(row_name(row)));
        }
    }
    if (lock >= 0)
        (void)close(lock);
    cJSON_Delete(rows);
    return rc;
}

static int run_prune(struct invocation *invocation, struct error *err)
{
    struct house house;
    int64_t older_s = 0;
    int64_t bytes = 0;
    int kept = 0;
    char size[32];
    cJSON *removed = cJSON_CreateArray();
    int rc = invocation_duration(invocation, "older", 30 * INT64_C(86400), &older_s, err);
    if (rc == 0 && invocation_flag(invocation, "all"))
        older_s = 0;
    int opened = rc == 0 ? (rc = house_open(invocation, &house, err), 1) : 0;
    if (rc == 0)
        rc = house_open_driver(&house, err);
    if (rc == 0)
        rc = take_away(&house, older_s, removed, &bytes, &kept, err);
    if (rc == 0)
        rc = sweep_gone(&house, err);
    output_bytes(bytes, size, sizeof size);
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        (void)cJSON_AddItemToObject(document, "removed", removed);
        (void)cJSON_AddNumberToObject(document, "bytes", (double)bytes);
        (void)cJSON_AddNumberToObject(document, "kept", kept);
        output_json(invocation->output, document);
        removed = NULL;
    } else if (rc == 0) {
        output_print(invocation->output, "%d removed, %s; %d kept\n", cJSON_GetArraySize(removed),
                     size, kept);
    }
    cJSON_Delete(removed);
    if (opened)
        house_close(&house);
    return rc < 0 ? rc : EXIT_DONE;
}

static int run_cache(struct invocation *invocation, struct error *err)
{
    const char *verb = invocation->argument_count > 0 ? invocation->arguments[0] : "list";
    if (text_equal(verb, "list"))
        return run_list(invocation, err);
    if (text_equal(verb, "prune"))
        return run_prune(invocation, err);
    return error_set(err, ERROR_USAGE, "setup cache knows 'list' and 'prune', not '%s'", verb);
}

static const struct option_row cache_options[] = {
    { "all", 0, NULL, "prune: all that no instance uses", COMPLETES_NOTHING, NULL },
    { "older", 0, "D", "prune: those made longer ago than this (30d)", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_setup_cache = {
    .name = "setup cache",
    .arguments = "[list|prune]",
    .arguments_min = 0,
    .arguments_max = 1,
    .summary = "what setup scripts with cache = true left for the next instance",
    .details =
        "The oci driver keeps what such a script left as a layer, and starts the next instance "
        "that\n"
        "wants the same from it. A layer's key is made of the script, its arguments, the "
        "workspace,\n"
        "Moonfleet's version and the state of this machine: its package database, its users, and\n"
        "the folders where things are installed by hand. A file that was changed in place\n"
        "elsewhere is not seen: prune --all makes everything anew. What an instance stands on is\n"
        "never pruned.\n"
        "--json: list: "
        "{\"layers\":[{\"key\",\"instance\",\"created\",\"seconds\",\"bytes\",\"users\":[id]}]},\n"
        "prune: {\"removed\":[key],\"bytes\",\"kept\"}.",
    .examples = "moonfleet setup cache\n"
                "moonfleet setup cache prune --older 7d\n"
                "moonfleet setup cache prune --all",
    .options = cache_options,
    .run = run_cache,
};
