/* oci_cache.c - instances whose creation script's result may be shared.
 *
 * The first one that wants a result makes it: its container runs the creation script and ends; what
 * it wrote becomes a layer (oci_layer.h), and the instance starts again on top of it.  Those that
 * want the same meanwhile wait for that, then start on top of it, too.  So all of them are alike,
 * and nothing is copied.
 *
 * When the first one's script fails, the others run it themselves, each for itself and all at once:
 * a network that was away for a moment fails one instance, not twelve, and a script that is wrong
 * fails each with its own log.  When the first one is stopped or removed, the next makes it. */
#include "plane/drivers/oci_private.h"

#include <dirent.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_files.h"
#include "plane/drivers/oci_layer.h"

/* ---- the wish ---- */

static char *copy(const char *text, bool *failed)
{
    char *out = text ? strdup(text) : NULL;
    *failed = *failed || (text && !out);
    return out;
}

static void copy_script(const struct driver_script *from, struct driver_script *to, bool *failed)
{
    *to = *from;
    to->text = from->text ? text_dup_size(from->text, from->size) : NULL;
    *failed = *failed || (from->text && !to->text);
    to->arguments = copy(from->arguments, failed);
    to->directory = copy(from->directory, failed);
}

static void free_script(struct driver_script *script)
{
    free((char *)(uintptr_t)script->text);
    free((char *)(uintptr_t)script->arguments);
    free((char *)(uintptr_t)script->directory);
}

void oci_cache_forget(struct machine *machine)
{
    struct oci_wish *wish = machine->wish;
    machine->wish = NULL;
    if (!wish)
        return;
    free_script(&wish->instance.creation);
    free_script(&wish->instance.startup);
    free((char *)(uintptr_t)wish->instance.name);
    free((char *)(uintptr_t)wish->instance.workspace);
    free((char *)(uintptr_t)wish->instance.resource_group);
    free((char *)(uintptr_t)wish->instance.share_folder);
    free((char *)(uintptr_t)wish->instance.ssh_public_key);
    free(wish);
}

static void make_key(const struct oci *oci, const struct driver_instance *instance,
                     char out[OCI_LAYER_KEY_SIZE])
{
    char base[DIGEST_TEXT_SIZE];
    const struct oci_host *host = oci->host;
    oci_layer_base(base);
    const struct oci_layer_inputs inputs = { .base = base,
                                             .script = instance->creation.text,
                                             .script_size = instance->creation.size,
                                             .arguments = instance->creation.arguments,
                                             .directory = instance->creation.directory,
                                             .name = instance->name,
                                             .workspace = instance->workspace,
                                             .resource_group = instance->resource_group,
                                             .uid = geteuid(),
                                             .gid = getegid(),
                                             .first_uid = host->has_range ? host->uids.first : -1,
                                             .first_gid = host->has_range ? host->gids.first : -1 };
    oci_layer_key(&inputs, out);
}

int oci_cache_wish(struct machine *machine, const struct driver_instance *instance,
                   struct error *err)
{
    bool failed = false;
    struct oci_wish *wish = calloc(1, sizeof *wish);
    if (!wish)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    oci_cache_forget(machine);
    machine->wish = wish;
    wish->instance = *instance;
    wish->instance.base = NULL;
    copy_script(&instance->creation, &wish->instance.creation, &failed);
    copy_script(&instance->startup, &wish->instance.startup, &failed);
    wish->instance.name = copy(instance->name, &failed);
    wish->instance.workspace = copy(instance->workspace, &failed);
    wish->instance.resource_group = copy(instance->resource_group, &failed);
    wish->instance.share_folder = copy(instance->share_folder, &failed);
    wish->instance.ssh_public_key = copy(instance->ssh_public_key, &failed);
    wish->instance.id = machine->id;
    wish->instance.log_folder = machine->log_folder;
    if (failed) {
        oci_cache_forget(machine);
        return error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    }
    make_key(machine->oci, instance, wish->key);
    return 0;
}

/* ---- what has been done ---- */

/* Did its container run only to make a layer? */
static bool is_maker(const struct machine *machine)
{
    cJSON *spec = NULL;
    char *run = file_join(machine->folder, "run");
    bool maker =
        run && oci_files_json(run, "spec.json", &spec, NULL) == 0 && json_bool(spec, "seal", false);
    cJSON_Delete(spec);
    free(run);
    return maker;
}

bool oci_cache_built(const struct machine *machine)
{
    cJSON *result = NULL;
    char *run = file_join(machine->folder, "run");
    bool good = machine->wish && is_maker(machine) && run &&
                oci_files_json(run, "creation.json", &result, NULL) == 0 &&
                json_int(result, "exitStatus", -1) == 0 && !json_bool(result, "timedOut", false);
    cJSON_Delete(result);
    free(run);
    return good;
}

void oci_cache_adopted(struct machine *machine)
{
    if (machine->wish) {
        machine->wish->makes = is_maker(machine);
        machine->wish->decided = true;
    }
}

static const struct machine *maker_of(const struct machine *machine)
{
    const struct machine *other = NULL;
    const struct machine *next = NULL;
    HASH_ITER(hh, machine->oci->machines, other, next)
    {
        if (other != machine && other->wish && other->wish->makes &&
            text_equal(other->wish->key, machine->wish->key))
            return other;
    }
    return NULL;
}

static void on_step(void *arg)
{
    struct machine *machine = arg;
    if (machine->call.kind == CALL_CREATE && machine->wish && !machine->child)
        oci_cache_step(machine);
}

/* Those that wait for what `machine` was to make look again. */
static void wake(const struct machine *machine, bool failed)
{
    struct machine *other = NULL;
    struct machine *next = NULL;
    HASH_ITER(hh, machine->oci->machines, other, next)
    {
        if (other == machine || !other->wish || !other->wish->waits ||
            !text_equal(other->wish->key, machine->wish->key))
            continue;
        other->wish->waits = false;
        other->wish->alone = failed;
        if (loop_post(machine->oci->loop, on_step, other) < 0)
            log_line(machine->oci->log, LOG_ERROR, "%s: no memory to go on", other->id);
    }
}

void oci_cache_over(struct machine *machine, bool failed)
{
    if (machine->wish && machine->wish->makes) {
        machine->wish->makes = false;
        wake(machine, failed);
    }
    oci_cache_forget(machine);
}

/* ---- from a layer ---- */

/* The log of a creation script that did not have to run, and its result. */
static int tell_layer(struct machine *machine, const cJSON *layer, struct error *err)
{
    char result[160];
    struct oci_wish *wish = machine->wish;
    const cJSON *seconds = json_at(layer, "seconds");
    (void)snprintf(result, sizeof result, "{\"exitStatus\":0,\"timedOut\":false,\"layer\":\"%s\"}",
                   wish->key);
    char *text =
        text_format("[moonfleet] from the cached layer %s, made by %s at %s in %.1f s\n", wish->key,
                    json_string(layer, "instance", "?"), json_string(layer, "created", "?"),
                    cJSON_IsNumber(seconds) ? seconds->valuedouble : 0);
    int rc = text ? oci_files_write(machine->folder, "run/creation.json", result, strlen(result),
                                    0644, err)
                  : error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    if (rc == 0 && !wish->made)
        rc = oci_bundle_log(&wish->instance, "creation", &wish->instance.creation, text, err);
    free(text);
    return rc;
}

static bool begun(const struct machine *machine, const char *name)
{
    char *path = file_join(machine->folder, name);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

static void forget_look(void *arg)
{
    struct oci *oci = arg;
    oci->looked_key[0] = '\0';
}

/* Those that waited for a layer begin in one turn of the loop, and look through it once. */
static cJSON *find_layer(struct oci *oci, const char *key)
{
    bool looked = text_equal(oci->looked_key, key);
    cJSON *layer = oci_layer_find(oci->folder, key, !looked);
    if (layer && !looked && loop_post_turn_end(oci->loop, forget_look, oci) == 0)
        (void)text_copy(oci->looked_key, sizeof oci->looked_key, key);
    return layer;
}

/* 1: the instance stands on the layer now; 0: there is none.  Its layers.json comes first, its result
 * last: after a kill in between this is done again. */
static int use_layer(struct machine *machine, struct error *err)
{
    struct oci *oci = machine->oci;
    struct oci_wish *wish = machine->wish;
    int lock = oci_layer_lock(oci->folder, err);
    if (lock < 0)
        return ERROR_IO;
    cJSON *layer = find_layer(oci, wish->key);
    char *base = text_format(OCI_LAYERS_FOLDER "/%s", wish->key);
    int rc = base ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    if (rc == 0 && layer) {
        struct driver_instance instance = wish->instance;
        instance.base = base;
        instance.creation = (struct driver_script) { 0 };
        rc = oci_bundle_prepare(&oci->bundle, &instance, OCI_BUNDLE_CREATE, machine->token, err);
        if (rc == 0)
            rc = tell_layer(machine, layer, err);
        if (rc == 0)
            rc = 1;
    }
    (void)close(lock);
    free(base);
    cJSON_Delete(layer);
    return rc;
}

static void launch(struct machine *machine, int rc, struct error *err)
{
    if (rc == 0)
        rc = oci_start_notify(machine, err);
    machine->wish->decided = true;
    if (rc < 0)
        oci_finish(machine, rc, err);
    else
        oci_launch(machine);
}

/* Runs the script in the instance itself; with `makes` it ends after that. */
static int run_script(struct machine *machine, struct error *err)
{
    struct oci_wish *wish = machine->wish;
    return oci_bundle_prepare(&machine->oci->bundle, &wish->instance,
                              wish->makes ? OCI_BUNDLE_MAKE_LAYER : OCI_BUNDLE_CREATE,
                              machine->token, err);
}

void oci_cache_step(struct machine *machine)
{
    struct error err = { 0 };
    struct oci_wish *wish = machine->wish;
    int rc = 0;
    if (oci_cache_built(machine)) { /* and a plane died */
        wish->makes = wish->seals = wish->decided = true;
        oci_launch(machine);
        return;
    }
    /* One that began before, in whatever way, goes on in that way. */
    bool settled = begun(machine, "run/creation.json") ||
                   (begun(machine, "run/status.json") && !begun(machine, "layers.json"));
    if (!settled)
        rc = use_layer(machine, &err);
    wish->alone = wish->alone || wish->made; /* a layer that cannot be found again is none */
    if (rc == 0 && !settled && !wish->alone && maker_of(machine)) {
        wish->waits = true;
        return;
    }
    if (rc == 0) {
        wish->makes = !settled && !wish->alone;
        rc = run_script(machine, &err);
    }
    launch(machine, rc < 0 ? rc : 0, &err);
}

/* ---- to a layer ---- */

void oci_cache_seal(struct machine *machine)
{
    struct error err = { 0 };
    struct oci *oci = machine->oci;
    struct oci_wish *wish = machine->wish;
    const char *const words[] = { "--seal", oci->folder, machine->id };
    wish->seals = false;
    int rc = oci_layer_begin(oci->folder, machine->id, wish->key, wish->instance.name, &err);
    if (rc == 0)
        rc = oci_child_own(machine, CHILD_SEAL, words, COUNT(words), &err);
    if (rc < 0)
        oci_finish(machine, rc, &err);
}

void oci_cache_sealed(struct machine *machine, bool good)
{
    struct oci_wish *wish = machine->wish;
    wish->makes = false;
    wish->made = good;
    wish->alone = !good;
    if (!good)
        log_line(machine->oci->log, LOG_WARN,
                 "%s: what its creation script made could not be kept: it runs again",
                 wish->instance.name);
    wake(machine, !good);
    oci_cache_step(machine);
}

static void on_resealed(struct process *process, int status, const struct buffer *output, void *arg)
{
    (void)process, (void)status, (void)output, (void)arg; /* what is left is for a prune */
}

void oci_cache_resume(struct oci *oci)
{
    const struct dirent *entry = NULL;
    char *path = file_join(oci->folder, OCI_LAYERS_FOLDER);
    DIR *dir = path ? opendir(path) : NULL;
    while (dir && (entry = readdir(dir))) {
        struct process *process = NULL;
        if (!text_starts(entry->d_name, ".new-"))
            continue;
        const char *const argv[] = {
            oci->program, "__init", "--seal", oci->folder, entry->d_name + strlen(".new-"), NULL
        };
        const struct process_options options = {
            .argv = argv, .stdin_fd = -1, .output_fd = -1, .new_session = true
        };
        (void)process_start(oci->loop, &options, on_resealed, NULL, &process, NULL);
    }
    if (dir)
        (void)closedir(dir);
    free(path);
}
