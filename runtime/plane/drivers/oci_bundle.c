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
#include "plane/drivers/oci_view.h"
#include "setup/quote.h"

#define ID_MAX 64
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

/* Writes the identity unless that has been done. */
static int prepare_identity(const struct oci_bundle *bundle, const char *folder, int64_t *out_uid,
                            int64_t *out_gid, struct error *err)
{
    cJSON *ids = NULL;
    if (oci_files_json(folder, "prepared.json", &ids, NULL) == 0) {
        *out_uid = json_int(ids, "uid", 0);
        *out_gid = json_int(ids, "gid", 0);
        cJSON_Delete(ids);
        return 0;
    }
    char *upper = file_join(folder, "upper");
    char *rootfs = file_join(folder, "rootfs");
    int rc = upper && rootfs
                 ? oci_files_identity(bundle->host, upper, rootfs, out_uid, out_gid, err)
                 : error_set(err, ERROR_NO_MEMORY, "no memory for an instance's folder");
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

static int add_step(cJSON *steps, const char *folder, const char *kind,
                    const struct driver_script *script, int64_t number, struct error *err)
{
    char name[64], log[64], digest[DIGEST_TEXT_SIZE];
    cJSON *words = NULL;
    (void)snprintf(name, sizeof name, "run/%s.sh", kind);
    (void)snprintf(log, sizeof log, "%04lld-%s.log", (long long)number, kind);
    int rc = setup_split_words(script->arguments ? script->arguments : "", &words, err);
    if (rc < 0)
        return error_wrap(err, rc, "the arguments of the %s script", kind);
    rc = oci_files_write(folder, name, script->text, script->size, 0755, err);
    digest_hex(script->text, script->size, digest);
    cJSON *step = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(step, "kind", kind);
    (void)cJSON_AddStringToObject(step, "script", name + strlen("run/"));
    (void)cJSON_AddStringToObject(step, "log", log);
    (void)cJSON_AddStringToObject(step, "arguments", script->arguments ? script->arguments : "");
    (void)cJSON_AddItemToObject(step, "words", words);
    (void)cJSON_AddNumberToObject(step, "timeout", (double)script->timeout_s);
    (void)cJSON_AddStringToObject(step, "directory", script->directory ? script->directory : "/");
    (void)cJSON_AddStringToObject(step, "digest", digest);
    if (!cJSON_AddItemToArray(steps, step)) {
        cJSON_Delete(step);
        rc = error_set(err, ERROR_NO_MEMORY, "no memory for a script");
    }
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
                     bool create, struct error *err)
{
    cJSON *steps = cJSON_AddArrayToObject(spec, "steps");
    int64_t number = next_number(instance->log_folder);
    char *run = file_join(folder, "run");
    int rc = steps && run ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    if (rc == 0 && instance->creation.text && creation_wanted(run, create))
        rc = add_step(steps, folder, "creation", &instance->creation, number++, err);
    if (rc == 0 && instance->startup.text)
        rc = add_step(steps, folder, "startup", &instance->startup, number, err);
    free(run);
    return rc;
}

static int write_spec(const char *folder, const struct driver_instance *instance, bool create,
                      const char *token, int64_t uid, int64_t gid, struct error *err)
{
    cJSON *spec = cJSON_CreateObject();
    char *share = text_format(SHARE_FORMAT, instance->name);
    (void)cJSON_AddStringToObject(spec, "token", token);
    (void)cJSON_AddStringToObject(spec, "home", OCI_USER_HOME);
    (void)cJSON_AddStringToObject(spec, "share", share ? share : "/");
    (void)cJSON_AddNumberToObject(spec, "uid", (double)uid);
    (void)cJSON_AddNumberToObject(spec, "gid", (double)gid);
    if (instance->ssh_public_key)
        (void)cJSON_AddStringToObject(spec, "sshPublicKey", instance->ssh_public_key);
    (void)cJSON_AddItemToObject(spec, "files", oci_files_network(instance->name));
    int rc = add_steps(spec, folder, instance, create, err);
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

static int add_mounts(const struct oci_bundle *bundle, cJSON *config, const char *folder,
                      const struct driver_instance *instance)
{
    int rc = 0;
    char *base = file_join(bundle->folder, ".base");
    char *run = file_join(folder, "run");
    for (const char *const *top = oci_view_tops; base && rc == 0 && *top; top++) {
        bool layer = oci_bundle_layered(bundle->host, *top) && !oci_bundle_inside(bundle, *top);
        if (oci_view_shown(*top))
            rc = oci_config_overlay(config, bundle->host, *top, folder, layer ? base : NULL);
    }
    if (!base || !run)
        rc = ERROR_NO_MEMORY;
    if (rc == 0)
        rc = oci_config_bind(config, run, OCI_RUN_FOLDER, true);
    if (rc == 0)
        rc = oci_config_bind(config, instance->log_folder, OCI_LOG_FOLDER, true);
    if (rc == 0)
        rc = oci_config_bind(config, bundle->program, OCI_INIT_PATH, false);
    free(base);
    free(run);
    return rc;
}

static int write_config(const struct oci_bundle *bundle, const char *folder,
                        const struct driver_instance *instance, struct error *err)
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
        rc = add_mounts(bundle, config, folder, instance);
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

/* ---- exports ---- */

int oci_bundle_prepare(const struct oci_bundle *bundle, const struct driver_instance *instance,
                       bool create, const char *token, struct error *err)
{
    int64_t uid = 0;
    int64_t gid = 0;
    char *folder = file_join(bundle->folder, instance->id);
    if (!folder)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an instance");
    int rc = make_folders(folder, err);
    if (rc == 0)
        rc = file_make_dirs(instance->log_folder, 0755, err);
    if (rc == 0)
        rc = prepare_identity(bundle, folder, &uid, &gid, err);
    if (rc == 0)
        rc = write_spec(folder, instance, create, token, uid, gid, err);
    if (rc == 0)
        rc = write_config(bundle, folder, instance, err);
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
            rc = oci_config_overlay(config, bundle->host, *top, path, NULL);
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
