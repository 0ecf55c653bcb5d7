/* setup_diff.c - `moonfleet setup diff`: what two kept trials or instances have different. */
#include "cli/setup.h"

#include <dirent.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/setup_report.h"
#include "cli/trial.h"
#include "plane/drivers/oci_bundle.h"

#define CONFIG_MAX ((size_t)1 << 20)

/* Is it the instance's folder? Its container has its name as host name. */
static bool is_named(const char *folder, const char *id, const char *name)
{
    struct buffer text = { 0 };
    cJSON *config = NULL;
    char *path = text_format("%s/%s/bundle/config.json", folder, id);
    if (path && file_read(path, CONFIG_MAX, &text, NULL) == 0 && text.data)
        (void)json_parse(text.data, text.size, "config.json", &config, NULL);
    bool named = text_equal_nocase(json_string(config, "hostname", NULL), name);
    cJSON_Delete(config);
    buffer_clear(&text);
    free(path);
    return named;
}

/* The id of a kept trial, else of the one instance of that name; the caller frees *out. */
static int find(const struct house *house, const cJSON *trials, const char *name, char **out,
                struct error *err)
{
    const cJSON *kept = house_kept(trials, name);
    const struct dirent *entry = NULL;
    size_t count = 0;
    char *id = kept ? strdup(json_string(kept, "id", "")) : NULL;
    DIR *dir = kept ? NULL : opendir(house->folder);
    while (dir && (entry = readdir(dir))) {
        if (!oci_bundle_id_valid(entry->d_name) || text_starts(entry->d_name, TRIAL_PREFIX) ||
            !is_named(house->folder, entry->d_name, name))
            continue;
        count++;
        free(id);
        id = strdup(entry->d_name);
    }
    if (dir)
        (void)closedir(dir);
    if (count > 1 || !id) {
        free(id);
        return count > 1 ? error_set(err, ERROR_CONFLICT,
                                     "%zu instances on this machine are named '%s'", count, name)
                         : error_set(err, ERROR_NOT_FOUND,
                                     "'%s' is neither a kept trial ('moonfleet setup try --list') "
                                     "nor an instance of the oci driver on this machine",
                                     name);
    }
    *out = id;
    return 0;
}

static int look(struct house *house, const char *id, struct listing *out, struct error *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "listing-diff-%d", (int)getpid());
    char *folder = file_join(house->folder, id);
    char *path = folder ? file_join(folder, name) : NULL;
    const struct driver_callbacks callbacks = house_callbacks(house, err);
    int rc = path ? house_wait(house, driver_oci_scan(house->driver, id, name, &callbacks), err)
                  : error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0)
        rc = report_read_listing(folder, name, out, err);
    if (path)
        (void)unlink(path);
    free(path);
    free(folder);
    return rc;
}

/* What every instance has of its own, whatever its scripts do: its number, its name. */
static void drop_own(struct change_list *files)
{
    static const char *const own[] = { "/etc/machine-id", "/etc/hostname", "/etc/hosts",
                                       "/mnt/batch/tasks/shared/LS_root/mounts/clusters/" };
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        bool dropped = false;
        for (size_t j = 0; !dropped && j < COUNT(own); j++)
            dropped = text_ends(own[j], "/") ? text_starts(files->items[i].name, own[j])
                                             : text_equal(files->items[i].name, own[j]);
        if (!dropped)
            files->items[kept++] = files->items[i];
    }
    files->count = kept;
}

static int run_diff(struct invocation *invocation, struct error *err)
{
    static const struct report_words words = { "only in the second", "different",
                                               "only in the first" };
    struct house house;
    struct listing listings[2] = { 0 };
    struct changes changes = { 0 };
    char *ids[2] = { NULL, NULL };
    cJSON *trials = NULL;
    size_t count = 0;
    int rc = house_open(invocation, &house, err);
    if (rc == 0)
        rc = house_trials(&house, &trials, err);
    for (size_t i = 0; rc == 0 && i < COUNT(ids); i++)
        rc = find(&house, trials, invocation->arguments[i], &ids[i], err);
    if (rc == 0)
        rc = house_open_driver(&house, err);
    for (size_t i = 0; rc == 0 && i < COUNT(ids); i++)
        rc = look(&house, ids[i], &listings[i], err);
    if (rc == 0)
        rc = listing_compare(&listings[0], &listings[1], &changes, err);
    if (rc == 0) {
        drop_own(&changes.files);
        count = report_count(&changes);
        if (invocation->output->json) {
            cJSON *document = report_changes_json(&changes);
            (void)cJSON_AddBoolToObject(document, "same", count == 0);
            output_json(invocation->output, document);
        } else if (count == 0) {
            output_print(invocation->output,
                         "the same, but for caches, logs and temporary files\n");
        } else {
            report_changes(invocation->output, &changes, &words);
        }
    }
    changes_clear(&changes);
    for (size_t i = 0; i < COUNT(ids); i++) {
        listing_clear(&listings[i]);
        free(ids[i]);
    }
    cJSON_Delete(trials);
    house_close(&house);
    return rc < 0 ? rc : count == 0 ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_setup_diff = {
    .name = "setup diff",
    .arguments = "A B",
    .arguments_min = 2,
    .arguments_max = 2,
    .summary = "what two kept trials or instances of this machine have different",
    .details =
        "A kept trial goes before an instance of the same name. '+' is only in B, '-' only in "
        "A.\n"
        "Exits with 0 when they are the same, but for caches, logs and temporary files, and "
        "with 1\n"
        "when they differ. --json: "
        "{\"same\",\"files\",\"packages\",\"users\",\"groups\",\"services\"} "
        "as of\n"
        "'setup try'.",
    .examples = "moonfleet setup diff tools tools-2\n"
                "moonfleet setup diff ds-ada ds-grace --json",
    .run = run_diff,
};
