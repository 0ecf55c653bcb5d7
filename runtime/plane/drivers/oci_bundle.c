/* oci_bundle.c - writes what a container needs before it starts.  Nothing here waits for anything
 * but the disk, and everything may be written again. */
#include "plane/drivers/oci_bundle.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "plane/drivers/oci_config.h"
#include "plane/drivers/oci_files.h"
#include "plane/drivers/oci_scan.h"
#include "plane/drivers/oci_view.h"
#include "setup/quote.h"
#include "setup/secrets.h"

#define ID_MAX 64
#define OWN_FILE_MAX ((size_t)16 << 20) /* of a file at the top of a layer */
#define SHARE_FORMAT "/mnt/batch/tasks/shared/LS_root/mounts/clusters/%s/code"

bool oci_bundle_id_valid(const char *id)
{
    size_t size = 0;
    for (; id[size]; size++) {
        if (!isalnum((unsigned char)id[size]) && id[size] != '-' && id[size] != '_')
            return false;
    }
    return size > 0 && size <= ID_MAX;
}

bool oci_bundle_layered(const struct oci_host *host, const char *top)
{
    /* As root only these have secrets; /usr is world-readable by its nature, and large. */
    static const char *const tops[] = { "etc", "var", "opt", "srv" };
    for (size_t i = 0; i < COUNT(tops); i++) {
        if (text_equal(tops[i], top))
            return true;
    }
    return host->rootless;
}

bool oci_bundle_inside(const struct oci_bundle *bundle, const char *top)
{
    return oci_view_holds(top, bundle->folder);
}

/* ---- folders ---- */

static int make_folder(const char *folder, const char *name, mode_t mode, struct error *err)
{
    char *path = file_join(folder, name);
    int rc = 0;
    if (!path)
        return error_set(err, ERROR_NO_MEMORY, "no memory for '%s'", name);
    if (mkdir(path, mode) == 0)
        rc = chmod(path, mode) < 0 ? error_system(err, errno, "making the folder '%s'", path) : 0;
    else if (errno != EEXIST)
        rc = error_system(err, errno, "making the folder '%s'", path);
    free(path);
    return rc;
}

/* The machine's own shape at the top: symlinks stay symlinks, shown folders are places to mount on.
 */
static int make_top(const char *folder, const char *top, struct error *err)
{
    char from[64];
    char to[128];
    char target[PATH_MAX];
    int rc = 0;
    (void)snprintf(from, sizeof from, "/%s", top);
    (void)snprintf(to, sizeof to, "rootfs/%s", top);
    ssize_t size = readlink(from, target, sizeof target - 1);
    if (size > 0) {
        char *path = file_join(folder, to);
        target[size] = '\0';
        if (!path || (symlink(target, path) < 0 && errno != EEXIST))
            rc = error_system(err, path ? errno : ENOMEM, "making '%s'", to);
        free(path);
        return rc;
    }
    if (!oci_view_shown(top))
        return 0;
    rc = make_folder(folder, to, 0755, err);
    if (rc == 0) {
        (void)snprintf(to, sizeof to, "upper/%s", top);
        rc = make_folder(folder, to, 0755, err);
    }
    if (rc == 0) {
        (void)snprintf(to, sizeof to, "work/%s", top);
        rc = make_folder(folder, to, 0755, err);
    }
    return rc;
}

static int make_folders(const char *folder, struct error *err)
{
    static const struct {
        const char *name;
        mode_t mode;
    } own[] = {
        { "rootfs", 0755 },       { "rootfs/dev", 0755 }, { "rootfs/home", 0755 },
        { "rootfs/media", 0755 }, { "rootfs/mnt", 0755 }, { "rootfs/proc", 0755 },
        { "rootfs/root", 0700 },  { "rootfs/run", 0755 }, { "rootfs/sys", 0755 },
        { "rootfs/tmp", 01777 },  { "upper", 0755 },      { "work", 0755 },
        { "bundle", 0700 },       { "run", 0755 },
    };
    int rc = file_make_dirs(folder, 0755, err);
    for (size_t i = 0; rc == 0 && i < COUNT(own); i++)
        rc = make_folder(folder, own[i].name, own[i].mode, err);
    for (const char *const *top = oci_view_tops; rc == 0 && *top; top++)
        rc = make_top(folder, *top, err);
    return rc;
}

/* ---- identity ---- */

static int write_json(const char *folder, const char *name, const cJSON *tree, struct error *err)
{
    char *text = json_text(tree);
    int rc = text ? oci_files_write(folder, name, text, strlen(text), 0600, err)
                  : error_set(err, ERROR_NO_MEMORY, "no memory to write '%s'", name);
    free(text);
    return rc;
}

static bool read_identity(const char *folder, int64_t *out_uid, int64_t *out_gid)
{
    cJSON *ids = NULL;
    if (!folder || oci_files_json(folder, "prepared.json", &ids, NULL) < 0)
        return false;
    *out_uid = json_int(ids, "uid", 0);
    *out_gid = json_int(ids, "gid", 0);
    cJSON_Delete(ids);
    return true;
}

/* An instance that stands on another has the people of that one, and a number of its own. */
static int inherit_identity(const struct oci_bundle *bundle, const char *folder,
                            const struct oci_layers *layers, int64_t *out_uid, int64_t *out_gid,
                            struct error *err)
{
    char *upper = file_join(folder, "upper");
    char *layer = file_join(bundle->folder, layers->names[0]);
    int rc = upper && layer ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    if (rc == 0 && !read_identity(layer, out_uid, out_gid))
        rc = error_set(err, ERROR_NOT_FOUND, "'%s', which the instance stands on, is gone",
                       layers->names[0]);
    if (rc == 0)
        rc = oci_files_machine_id(upper, err);
    free(layer);
    free(upper);
    return rc;
}

/* Writes the identity unless that has been done. */
static int prepare_identity(const struct oci_bundle *bundle, const char *folder,
                            const struct oci_layers *layers, int64_t *out_uid, int64_t *out_gid,
                            struct error *err)
{
    cJSON *ids = NULL;
    if (read_identity(folder, out_uid, out_gid))
        return 0;
    char *upper = file_join(folder, "upper");
    char *rootfs = file_join(folder, "rootfs");
    int rc = 0;
    if (!upper || !rootfs)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory for an instance's folder");
    else if (layers->count > 0)
        rc = inherit_identity(bundle, folder, layers, out_uid, out_gid, err);
    else
        rc = oci_files_identity(bundle->host, upper, rootfs, out_uid, out_gid, err);
    if (rc == 0) {
        ids = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(ids, "uid", (double)*out_uid);
        (void)cJSON_AddNumberToObject(ids, "gid", (double)*out_gid);
        rc = write_json(folder, "prepared.json", ids, err);
        cJSON_Delete(ids);
    }
    free(upper);
    free(rootfs);
    return rc;
}

/* ---- what the start is to do ---- */

/* The next free number of a log in `folder`. */
static int64_t next_number(const char *folder)
{
    const struct dirent *entry = NULL;
    int64_t next = 1;
    DIR *dir = opendir(folder);
    while (dir && (entry = readdir(dir))) {
        char digits[20];
        int64_t number = 0;
        size_t size = strspn(entry->d_name, "0123456789");
        if (size == 0 || size >= sizeof digits || entry->d_name[size] != '-')
            continue;
        (void)snprintf(digits, sizeof digits, "%.*s", (int)size, entry->d_name);
        if (text_to_int64(digits, 0, INT32_MAX, &number) == 0 && number >= next)
            next = number + 1;
    }
    if (dir)
        (void)closedir(dir);
    return next;
}

/* Makes bash tell each command and when it began, on a descriptor of its own in a file of its own.
 * By BASH_ENV, since root's bash takes no PS4 from its environment, and only for the script itself:
 * what it starts runs as ever.  Other shells read none of this. */
static int add_trace(cJSON *step, const char *folder, int rc, struct error *err)
{
    static const char text[] = "unset BASH_ENV\n"
                               "PS4='+${EPOCHREALTIME}\t${BASHPID}\t${!-}\t${LINENO}\t'\n"
                               "exec {BASH_XTRACEFD}>>" OCI_RUN_FOLDER "/" OCI_TRACE_NAME "\n"
                               "set -x\n";
    if (rc == 0)
        rc = oci_files_write(folder, "run/trace.sh", text, strlen(text), 0644, err);
    cJSON *env = cJSON_AddObjectToObject(step, "environment");
    (void)cJSON_AddStringToObject(env, "BASH_ENV", OCI_RUN_FOLDER "/trace.sh");
    return rc;
}

/* What the log's description says of a script: nothing of its secrets.  *out_mode: who may read it. */
static int describe_script(cJSON *step, const struct driver_script *script, mode_t *out_mode,
                           struct error *err)
{
    char digest[DIGEST_TEXT_SIZE];
    struct buffer text = { 0 }, words = { 0 };
    struct secrets *secrets = NULL;
    const char *arguments = script->arguments ? script->arguments : "";
    int rc = secrets_new(&secrets, err);
    if (rc == 0)
        rc = secrets_read(script->text, script->size, secrets, NULL, err);
    if (rc == 0)
        rc = secrets_scrub_script(script->text, script->size, &text, err);
    if (rc == 0) {
        secrets_name_values(secrets, arguments, strlen(arguments), &words);
        rc = buffer_check(&words, "the arguments of a script", err);
    }
    if (rc == 0) {
        digest_hex(text.data ? text.data : "", text.size, digest);
        (void)cJSON_AddStringToObject(step, "arguments", words.data ? words.data : "");
        (void)cJSON_AddStringToObject(step, "digest", digest);
        *out_mode = secrets_count(secrets) > 0 ? 0700 : 0755;
    }
    secrets_free(secrets);
    buffer_clear(&text);
    buffer_clear(&words);
    return rc;
}

static int add_step(cJSON *steps, const char *folder, const char *kind,
                    const struct driver_script *script, int64_t number, struct error *err)
{
    char name[64], log[64];
    mode_t mode = 0700;
    cJSON *words = NULL;
    (void)snprintf(name, sizeof name, "run/%s.sh", kind);
    (void)snprintf(log, sizeof log, "%04lld-%s.log", (long long)number, kind);
    int rc = setup_split_words(script->arguments ? script->arguments : "", &words, err);
    if (rc < 0)
        return error_wrap(err, rc, "the arguments of the %s script", kind);
    cJSON *step = cJSON_CreateObject();
    rc = describe_script(step, script, &mode, err);
    if (rc == 0)
        rc = oci_files_write(folder, name, script->text, script->size, mode, err);
    if (mode == 0700)
        (void)cJSON_AddTrueToObject(step, "secrets");
    (void)cJSON_AddStringToObject(step, "kind", kind);
    (void)cJSON_AddStringToObject(step, "script", name + strlen("run/"));
    (void)cJSON_AddStringToObject(step, "log", log);
    (void)cJSON_AddItemToObject(step, "words", words);
    (void)cJSON_AddNumberToObject(step, "timeout", (double)script->timeout_s);
    (void)cJSON_AddStringToObject(step, "directory", script->directory ? script->directory : "/");
    if (rc == 0 && script->trace)
        rc = add_trace(step, folder, rc, err);
    if (!cJSON_AddItemToArray(steps, step)) {
        cJSON_Delete(step);
        rc = error_set(err, ERROR_NO_MEMORY, "no memory for a script");
    }
    return rc;
}

int oci_bundle_log(const struct driver_instance *instance, const char *kind,
                   const struct driver_script *script, const char *text, struct error *err)
{
    char name[64];
    char now[TIME_TEXT_SIZE];
    mode_t mode = 0;
    int rc = file_make_dirs(instance->log_folder, 0755, err);
    int number = (int)next_number(instance->log_folder);
    cJSON *about = cJSON_CreateObject();
    time_format(clock_unix_ms(clock_real()), now);
    (void)cJSON_AddStringToObject(about, "kind", kind);
    if (rc == 0)
        rc = describe_script(about, script, &mode, err);
    (void)cJSON_AddStringToObject(about, "startTime", now);
    (void)cJSON_AddStringToObject(about, "endTime", now);
    (void)cJSON_AddNumberToObject(about, "exitStatus", 0);
    (void)cJSON_AddFalseToObject(about, "timedOut");
    char *json = json_text(about);
    (void)snprintf(name, sizeof name, "%04d-%s.log", number, kind);
    if (rc == 0)
        rc = oci_files_write(instance->log_folder, name, text, strlen(text), 0644, err);
    (void)snprintf(name, sizeof name, "%04d-%s.json", number, kind);
    if (rc == 0 && json)
        rc = oci_files_write(instance->log_folder, name, json, strlen(json), 0644, err);
    free(json);
    cJSON_Delete(about);
    return rc;
}

/* Is the creation script to run at this start? */
static bool creation_wanted(const char *run, bool create)
{
    cJSON *result = NULL;
    if (oci_files_json(run, "creation.json", &result, NULL) < 0)
        return true; /* it never came to its end */
    bool good = json_int(result, "exitStatus", -1) == 0 && !json_bool(result, "timedOut", false);
    cJSON_Delete(result);
    if (!create || good)
        return false;
    char *path = file_join(run, "creation.json");
    if (path)
        (void)unlink(path);
    free(path);
    return true;
}

static int add_steps(cJSON *spec, const char *folder, const struct driver_instance *instance,
                     enum oci_bundle_aim aim, struct error *err)
{
    cJSON *steps = cJSON_AddArrayToObject(spec, "steps");
    int64_t number = next_number(instance->log_folder);
    char *run = file_join(folder, "run");
    int rc = steps && run ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    if (rc == 0 && instance->creation.text && creation_wanted(run, aim != OCI_BUNDLE_START))
        rc = add_step(steps, folder, "creation", &instance->creation, number++, err);
    if (rc == 0 && instance->startup.text && aim != OCI_BUNDLE_MAKE_LAYER)
        rc = add_step(steps, folder, "startup", &instance->startup, number, err);
    free(run);
    return rc;
}

static int write_spec(const char *folder, const struct driver_instance *instance,
                      enum oci_bundle_aim aim, const char *token, int64_t uid, int64_t gid,
                      const cJSON *own_tops, struct error *err)
{
    cJSON *spec = cJSON_CreateObject();
    char *share = text_format(SHARE_FORMAT, instance->name);
    (void)cJSON_AddStringToObject(spec, "token", token);
    (void)cJSON_AddStringToObject(spec, "home", OCI_USER_HOME);
    (void)cJSON_AddStringToObject(spec, "share", share ? share : "/");
    (void)cJSON_AddBoolToObject(spec, "shared", instance->share_folder != NULL);
    (void)cJSON_AddNumberToObject(spec, "uid", (double)uid);
    (void)cJSON_AddNumberToObject(spec, "gid", (double)gid);
    if (instance->ssh_public_key && aim != OCI_BUNDLE_MAKE_LAYER) /* the layer is for all */
        (void)cJSON_AddStringToObject(spec, "sshPublicKey", instance->ssh_public_key);
    (void)cJSON_AddItemToObject(spec, "files", oci_files_network(instance->name));
    if (own_tops)
        (void)cJSON_AddItemToObject(spec, "tops", cJSON_Duplicate(own_tops, true));
    if (aim == OCI_BUNDLE_MAKE_LAYER)
        (void)cJSON_AddTrueToObject(spec, "seal");
    int rc = add_steps(spec, folder, instance, aim, err);
    if (rc == 0)
        rc = write_json(folder, "run/spec.json", spec, err);
    free(share);
    cJSON_Delete(spec);
    return rc;
}

/* ---- config.json ---- */

static void add_environment(cJSON *config, const struct driver_instance *instance)
{
    /* Instances share the machine's network, so its way out is theirs; not with a password in it.
     */
    static const char *const proxies[] = { "http_proxy", "https_proxy", "no_proxy",
                                           "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY" };
    const char *const own[][2] = {
        { "CI_NAME", instance->name },
        { "CI_WORKSPACE", instance->workspace },
        { "CI_RESOURCE_GROUP", instance->resource_group },
        { "CI_LOCAL_UBUNTU_USER", OCI_USER },
    };
    for (size_t i = 0; i < COUNT(own); i++)
        (void)oci_config_env(config, own[i][0], own[i][1] ? own[i][1] : "");
    for (size_t i = 0; i < COUNT(proxies); i++) {
        const char *value = getenv(proxies[i]);
        if (value && !strchr(value, '@'))
            (void)oci_config_env(config, proxies[i], value);
    }
}

static cJSON *start_config(const struct oci_bundle *bundle, const char *name, const char *host_name,
                           const struct driver_instance *instance, const char *rootfs, cJSON *args)
{
    const struct oci_config c = { .host = bundle->host,
                                  .rootfs = rootfs,
                                  .host_name = host_name,
                                  .cgroup = name,
                                  .cores = instance ? instance->cores : 0,
                                  .memory_bytes = instance ? instance->memory_bytes : 0,
                                  .args = args };
    return oci_config_new(&c);
}

/* Shows /<top>: what the instance changes of it, what its layers have of it, the shared layer where
 * `based`, and the machine's own where that is shown. */
static int add_overlay(const struct oci_bundle *bundle, cJSON *config, const char *top,
                       const char *folder, const struct oci_layers *layers, bool based)
{
    char *lowers[OCI_LAYERS_MAX + 2];
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < layers->count; i++) {
        char *layer = file_join(bundle->folder, layers->names[i]);
        char *part = layer ? oci_layers_part(layer, top) : NULL;
        if (part)
            lowers[count++] = part;
        free(layer);
    }
    if (based && (lowers[count] = text_format("%s/.base/%s", bundle->folder, top)))
        count++;
    if (oci_view_known(top) && oci_view_shown(top) && (lowers[count] = text_format("/%s", top)))
        count++;
    rc = count > 0 ? oci_config_overlay(config, bundle->host, top, folder, lowers, count)
                   : ERROR_NO_MEMORY;
    while (count > 0)
        free(lowers[--count]);
    return rc;
}

/* The workspace's file share, in the user's home.  Of its logs an instance sees its own: others are
 * for whoever may enter the others. */
static int add_share(cJSON *config, const struct driver_instance *instance)
{
    char *logs = text_format(OCI_SHARE_FOLDER "/Logs/%s", instance->name);
    int rc = logs ? oci_config_bind(config, instance->share_folder, OCI_SHARE_FOLDER, true)
                  : ERROR_NO_MEMORY;
    if (rc == 0)
        rc = oci_config_empty(config, OCI_SHARE_FOLDER "/Logs");
    if (rc == 0)
        rc = oci_config_bind(config, instance->log_folder, logs, false);
    free(logs);
    return rc;
}

static int add_mounts(const struct oci_bundle *bundle, cJSON *config, const char *folder,
                      const struct driver_instance *instance, const struct oci_layers *layers,
                      const cJSON *own_tops)
{
    int rc = 0;
    const cJSON *own = NULL;
    char *run = file_join(folder, "run");
    for (const char *const *top = oci_view_tops; run && rc == 0 && *top; top++) {
        bool based = oci_bundle_layered(bundle->host, *top) && !oci_bundle_inside(bundle, *top);
        if (oci_view_shown(*top))
            rc = add_overlay(bundle, config, *top, folder, layers, based);
    }
    cJSON_ArrayForEach(own, own_tops)
    {
        if (rc == 0)
            rc = add_overlay(bundle, config, own->string, folder, layers, false);
    }
    if (!run)
        rc = ERROR_NO_MEMORY;
    if (rc == 0)
        rc = oci_config_bind(config, run, OCI_RUN_FOLDER, true);
    if (rc == 0)
        rc = oci_config_bind(config, instance->log_folder, OCI_LOG_FOLDER, true);
    if (rc == 0 && instance->share_folder)
        rc = add_share(config, instance);
    if (rc == 0)
        rc = oci_config_bind(config, bundle->program, OCI_INIT_PATH, false);
    free(run);
    return rc;
}

static int write_config(const struct oci_bundle *bundle, const char *folder,
                        const struct driver_instance *instance, const struct oci_layers *layers,
                        const cJSON *own_tops, struct error *err)
{
    const char *const args[] = { OCI_INIT_PATH, "__init", instance->id };
    char *rootfs = file_join(folder, "rootfs");
    char *name = text_format("moonfleet-%s", instance->id);
    int rc = ERROR_NO_MEMORY;
    cJSON *config = NULL;
    if (rootfs && name)
        config = start_config(bundle, name, instance->name, instance, rootfs,
                              cJSON_CreateStringArray(args, (int)COUNT(args)));
    if (config) {
        add_environment(config, instance);
        rc = add_mounts(bundle, config, folder, instance, layers, own_tops);
    }
    if (rc == 0)
        rc = write_json(folder, "bundle/config.json", config, err);
    else
        rc = error_set(err, rc, "no memory for a container's configuration");
    cJSON_Delete(config);
    free(name);
    free(rootfs);
    return rc;
}

/* ---- layers ---- */

static bool has(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

/* Which layers the instance stands on: as it began, or now from its base. */
static int settle_layers(const struct oci_bundle *bundle, const char *folder,
                         const struct driver_instance *instance, struct oci_layers *out,
                         struct error *err)
{
    cJSON *tree = NULL;
    if (!instance->base || has(folder, "layers.json"))
        return oci_layers_read(bundle->folder, instance->id, out, err);
    struct oci_layers layers = { 0 };
    int rc = oci_layers_read(bundle->folder, instance->base, &layers, err);
    if (rc == 0 && layers.count == OCI_LAYERS_MAX)
        rc = error_set(err, ERROR_TOO_LARGE, "'%s' stands on %d others: that is the limit",
                       instance->base, OCI_LAYERS_MAX);
    if (rc == 0) {
        memmove((void *)(layers.names + 1), (void *)layers.names,
                layers.count * sizeof *layers.names);
        layers.names[0] = strdup(instance->base);
        layers.count++;
        tree = cJSON_CreateStringArray((const char *const *)layers.names, (int)layers.count);
        rc = layers.names[0] ? write_json(folder, "layers.json", tree, err)
                             : error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
        cJSON_Delete(tree);
    }
    if (rc == 0)
        *out = layers;
    else
        oci_layers_clear(&layers);
    return rc;
}

/* The number inside of an owner outside. */
static int64_t inner_id(const struct oci_host *host, int64_t id, const struct oci_range *range)
{
    if (!host->rootless)
        return id;
    return host->has_range && id >= range->first && id < range->first + range->count
               ? id - range->first + 1
               : 0; /* our own: root's there */
}

/* One top-level name of a layer that is not shown from the machine: a folder is shown by an overlay
 * of its own; a link or a file is made again. */
static int add_own_top(const struct oci_bundle *bundle, const char *folder, const char *layer,
                       const char *top, cJSON *tops, struct error *err)
{
    char name[NAME_MAX + 16];
    char target[PATH_MAX];
    struct stat st = { 0 };
    struct buffer bytes = { 0 };
    char *part = oci_layers_part(layer, top);
    int rc = 0;
    (void)snprintf(name, sizeof name, "rootfs/%s", top);
    if (!part || lstat(part, &st) < 0) {
        rc = error_set(err, ERROR_IO, "'%s' of a layer cannot be read", top);
    } else if (S_ISDIR(st.st_mode)) {
        static const char *const kinds[] = { "rootfs", "upper", "work" };
        for (size_t i = 0; rc == 0 && i < COUNT(kinds); i++) {
            (void)snprintf(name, sizeof name, "%s/%s", kinds[i], top);
            rc = make_folder(folder, name, st.st_mode & 07777, err);
        }
        cJSON *row = cJSON_AddArrayToObject(tops, top);
        const int64_t owner[] = { inner_id(bundle->host, st.st_uid, &bundle->host->uids),
                                  inner_id(bundle->host, st.st_gid, &bundle->host->gids) };
        for (size_t i = 0; i < COUNT(owner); i++)
            (void)cJSON_AddItemToArray(row, cJSON_CreateNumber((double)owner[i]));
    } else if (S_ISLNK(st.st_mode)) {
        ssize_t size = readlink(part, target, sizeof target - 1);
        char *path = file_join(folder, name);
        target[size > 0 ? size : 0] = '\0';
        if (size > 0 && path)
            (void)symlink(target, path);
        free(path);
    } else if (S_ISREG(st.st_mode) && !has(folder, name) &&
               file_read(part, OWN_FILE_MAX, &bytes, err) == 0) {
        rc = oci_files_write(folder, name, bytes.data ? bytes.data : "", bytes.size,
                             st.st_mode & 0777, err);
    }
    buffer_clear(&bytes);
    free(part);
    return rc;
}

/* What the layers have at the top beyond the machine's folders: {"home":[uid,gid],…}. */
static int add_own_tops(const struct oci_bundle *bundle, const char *folder,
                        const struct oci_layers *layers, cJSON *tops, struct error *err)
{
    static const char *const kinds[] = { "upper", "rootfs" };
    int rc = 0;
    for (size_t i = 0; i < layers->count * COUNT(kinds); i++) {
        const struct dirent *entry = NULL;
        char *layer = file_join(bundle->folder, layers->names[i / COUNT(kinds)]);
        char *path = layer ? file_join(layer, kinds[i % COUNT(kinds)]) : NULL;
        DIR *dir = path ? opendir(path) : NULL;
        while (dir && rc == 0 && (entry = readdir(dir))) {
            if (entry->d_name[0] != '.' && !oci_layers_special(entry->d_name) &&
                !oci_view_known(entry->d_name) && !cJSON_HasObjectItem(tops, entry->d_name))
                rc = add_own_top(bundle, folder, layer, entry->d_name, tops, err);
        }
        if (dir)
            (void)closedir(dir);
        free(path);
        free(layer);
    }
    return rc;
}

/* ---- exports ---- */

static int prepare(const struct oci_bundle *bundle, const char *folder,
                   const struct driver_instance *instance, enum oci_bundle_aim aim,
                   const char *token, const struct oci_layers *layers, struct error *err)
{
    int64_t uid = 0;
    int64_t gid = 0;
    cJSON *tops = layers->count > 0 ? cJSON_CreateObject() : NULL;
    int rc = file_make_dirs(instance->log_folder, 0755, err);
    if (rc == 0)
        rc = prepare_identity(bundle, folder, layers, &uid, &gid, err);
    if (rc == 0 && tops)
        rc = add_own_tops(bundle, folder, layers, tops, err);
    if (rc == 0)
        rc = write_spec(folder, instance, aim, token, uid, gid, tops, err);
    if (rc == 0)
        rc = write_config(bundle, folder, instance, layers, tops, err);
    cJSON_Delete(tops);
    return rc;
}

int oci_bundle_prepare(const struct oci_bundle *bundle, const struct driver_instance *instance,
                       enum oci_bundle_aim aim, const char *token, struct error *err)
{
    struct oci_layers layers = { 0 };
    char *folder = file_join(bundle->folder, instance->id);
    if (!folder)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    int rc = make_folders(folder, err);
    if (rc == 0)
        rc = settle_layers(bundle, folder, instance, &layers, err);
    if (rc == 0)
        rc = prepare(bundle, folder, instance, aim, token, &layers, err);
    oci_layers_clear(&layers);
    free(folder);
    return rc;
}

int oci_bundle_removal(const struct oci_bundle *bundle, const char *id, char **out_path,
                       struct error *err)
{
    const char *const args[] = { OCI_INIT_PATH, "__init", "--remove", "/run/target/it" };
    int rc = ERROR_NO_MEMORY;
    char *path = text_format("%s/.remove-%s", bundle->folder, id);
    char *rootfs = path ? file_join(path, "rootfs") : NULL;
    char *it = path ? text_format("%s/%s", bundle->folder, id) : NULL;
    char *target = path ? file_join(path, "target") : NULL;
    char *moved = target ? file_join(target, "it") : NULL;
    cJSON *config = NULL;
    if (rootfs && it && moved && (rc = make_folders(path, err)) == 0 &&
        (rc = file_make_dirs(target, 0700, err)) == 0 && rename(it, moved) < 0 && errno != ENOENT)
        rc = error_system(err, errno, "moving '%s'", it);
    if (rc == 0) {
        config = start_config(bundle, strrchr(path, '/') + 2, "removal", NULL, rootfs,
                              cJSON_CreateStringArray(args, (int)COUNT(args)));
        rc = config ? 0 : ERROR_NO_MEMORY;
    }
    for (const char *const *top = oci_view_tops; rc == 0 && *top; top++) {
        if (oci_view_shown(*top))
            rc = add_overlay(bundle, config, *top, path, &(struct oci_layers) { 0 }, false);
    }
    if (rc == 0)
        rc = oci_config_bind(config, bundle->program, OCI_INIT_PATH, false);
    if (rc == 0)
        rc = oci_config_bind(config, target, "/run/target", true);
    if (rc == 0)
        rc = write_json(path, "bundle/config.json", config, err);
    cJSON_Delete(config);
    free(moved);
    free(target);
    free(it);
    free(rootfs);
    if (rc < 0)
        free(path);
    else
        *out_path = path;
    return rc == ERROR_NO_MEMORY ? error_set(err, rc, "no memory to remove an instance") : rc;
}

int oci_bundle_scan(const struct oci_bundle *bundle, const char *id, const char *const *words,
                    size_t count, char **out_path, struct error *err)
{
    cJSON *args = cJSON_CreateArray();
    cJSON *config = NULL;
    char *path = text_format("%s/.scan-%s", bundle->folder, id);
    char *rootfs = path ? file_join(path, "rootfs") : NULL;
    int rc = rootfs ? make_folders(path, err) : ERROR_NO_MEMORY;
    (void)cJSON_AddItemToArray(args, cJSON_CreateString(OCI_INIT_PATH));
    (void)cJSON_AddItemToArray(args, cJSON_CreateString("__init"));
    for (size_t i = 0; i < count; i++)
        (void)cJSON_AddItemToArray(args, cJSON_CreateString(words[i] ? words[i] : ""));
    if (rc == 0)
        config = start_config(bundle, strrchr(path, '/') + 2, "scan", NULL, rootfs, args);
    else
        cJSON_Delete(args);
    if (rc == 0 && !config)
        rc = ERROR_NO_MEMORY;
    for (const char *const *top = oci_view_tops; rc == 0 && *top; top++) {
        char *shown = text_format("/%s", *top);
        if (shown && oci_view_shown(*top))
            rc = oci_config_bind(config, shown, shown, false);
        free(shown);
    }
    if (rc == 0)
        rc = oci_config_bind(config, bundle->program, OCI_INIT_PATH, false);
    if (rc == 0)
        rc = oci_config_bind(config, bundle->folder, OCI_SCAN_FOLDER, true);
    if (rc == 0)
        rc = write_json(path, "bundle/config.json", config, err);
    cJSON_Delete(config);
    free(rootfs);
    if (rc < 0)
        free(path);
    else
        *out_path = path;
    return rc == ERROR_NO_MEMORY ? error_set(err, rc, "no memory to look into an instance") : rc;
}
