/* oci_layer.c - see oci_layer.h. */
#include "plane/drivers/oci_layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_files.h"
#include "plane/drivers/oci_scan.h"
#include "plane/drivers/oci_view.h"

#define FORMAT "moonfleet-layer/2"
#define DEPTH_MAX 256
#define SUM_SIZE 17
#define CLUSTERS "rootfs/mnt/batch/tasks/shared/LS_root/mounts/clusters"
#define NEW_PREFIX ".new-"

/* ---- the key ---- */

static void add_text(cJSON *parts, const char *text)
{
    (void)cJSON_AddItemToArray(parts, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

/* "/mnt/…/clusters/ds-ada/code/Users" → "/mnt/…/clusters/\1/code/Users" */
static char *without_name(const char *directory, const char *name)
{
    const char *at = name && *name ? strstr(directory, name) : NULL;
    size_t size = at ? strlen(name) : 0;
    if (!at || at == directory || at[-1] != '/' || (at[size] != '/' && at[size] != '\0'))
        return strdup(directory);
    return text_format("%.*s\1%s", (int)(at - directory), directory, at + size);
}

void oci_layer_key(const struct oci_layer_inputs *inputs, char out[OCI_LAYER_KEY_SIZE])
{
    char digest[DIGEST_TEXT_SIZE];
    cJSON *parts = cJSON_CreateArray();
    char *directory = inputs->directory ? without_name(inputs->directory, inputs->name) : NULL;
    const int64_t owners[] = { inputs->uid, inputs->gid, inputs->first_uid, inputs->first_gid };
    digest_hex(inputs->script ? inputs->script : "", inputs->script_size, digest);
    add_text(parts, FORMAT " " MOONFLEET_VERSION);
    add_text(parts, inputs->base);
    add_text(parts, digest);
    add_text(parts, inputs->arguments);
    add_text(parts, directory);
    add_text(parts, inputs->workspace);
    add_text(parts, inputs->resource_group);
    for (size_t i = 0; i < COUNT(owners); i++)
        (void)cJSON_AddItemToArray(parts, cJSON_CreateNumber((double)owners[i]));
    char *text = json_text(parts);
    digest_hex(text ? text : "", text ? strlen(text) : 0, digest);
    (void)text_copy(out, OCI_LAYER_KEY_SIZE, digest);
    free(text);
    free(directory);
    cJSON_Delete(parts);
}

void oci_layer_base(char out[DIGEST_TEXT_SIZE])
{
    /* Package managers write their database, ld.so its cache; who installs by hand makes an entry
     * in one of the folders.  A file that is changed in place elsewhere is not seen. */
    static const char *const witnesses[] = {
        "/etc/os-release",
        "/etc/passwd",
        "/etc/group",
        "/etc/ld.so.cache",
        "/etc/apt",
        "/etc/apt/sources.list",
        "/var/lib/dpkg/status",
        "/var/lib/rpm",
        "/usr/lib/sysimage/rpm",
        "/var/lib/pacman/local",
        "/lib/apk/db/installed",
        "/usr",
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib",
        "/usr/local",
        "/usr/local/bin",
        "/usr/local/lib",
        "/opt",
        "/srv",
    };
    struct buffer text = { 0 };
    for (size_t i = 0; i < COUNT(witnesses); i++) {
        struct stat st = { 0 };
        if (stat(witnesses[i], &st) == 0)
            buffer_format(&text, "%s %lld %lld %lld %lld.%09ld\n", witnesses[i],
                          (long long)st.st_dev, (long long)st.st_ino, (long long)st.st_size,
                          (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    }
    digest_hex(text.data ? text.data : "", text.size, out);
    buffer_clear(&text);
}

bool oci_layer_possible(const char *folder)
{
    for (const char *const *top = oci_view_tops; *top; top++) {
        if (oci_view_shown(*top) && oci_view_holds(*top, folder))
            return false;
    }
    return true;
}

/* ---- finding ---- */

static char *layer_path(const char *folder, const char *key)
{
    return text_format("%s/" OCI_LAYERS_FOLDER "/%s", folder, key);
}

/* What a layer holds, as far as it may be looked at. */
struct contents {
    int64_t bytes;
    uint64_t sum; /* of one number an entry, whatever their order */
};

/* FNV-1a: this finds damage, not malice; who can write here owns the plane. */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Adds `name` and what lies below it.  The time of change tells every write, also one that restored
 * the time of modification; nobody writes to a layer, so there is none. */
static void add_contents(int dir_fd, const char *name, uint64_t above, int depth,
                         struct contents *out)
{
    struct stat st;
    const struct dirent *entry = NULL;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    const int64_t facts[] = { st.st_mode, st.st_uid,         st.st_gid,         (int64_t)st.st_ino,
                              st.st_size, st.st_ctim.tv_sec, st.st_ctim.tv_nsec };
    uint64_t path = mix(above, name, strlen(name) + 1);
    out->sum += mix(path, facts, sizeof facts);
    out->bytes += st.st_blocks * INT64_C(512);
    int fd = S_ISDIR(st.st_mode) && depth < DEPTH_MAX
                 ? openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            add_contents(dirfd(dir), entry->d_name, path, depth + 1, out);
    }
    if (dir)
        (void)closedir(dir);
    else if (fd >= 0)
        (void)close(fd);
}

static struct contents read_contents(const char *path, char out_sum[SUM_SIZE])
{
    static const char *const names[] = { "upper", "rootfs", "prepared.json" };
    struct contents contents = { 0 };
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < COUNT(names); i++)
        add_contents(fd, names[i], UINT64_C(0xcbf29ce484222325), 0, &contents);
    if (fd >= 0)
        (void)close(fd);
    (void)snprintf(out_sum, SUM_SIZE, "%016llx", (unsigned long long)contents.sum);
    return contents;
}

cJSON *oci_layer_find(const char *folder, const char *key, bool look)
{
    char sum[SUM_SIZE];
    cJSON *about = NULL;
    char *path = layer_path(folder, key);
    if (!path || oci_files_json(path, "layer.json", &about, NULL) < 0)
        about = NULL;
    bool whole = about && text_equal(json_string(about, "format", NULL), FORMAT) &&
                 text_equal(json_string(about, "key", NULL), key);
    if (whole && look) {
        (void)read_contents(path, sum);
        whole = text_equal(json_string(about, "contents", NULL), sum);
    }
    if (!whole) {
        cJSON_Delete(about);
        about = NULL;
    }
    free(path);
    return about;
}

int oci_layer_lock(const char *folder, struct error *err)
{
    char *path = text_format("%s/" OCI_LAYERS_FOLDER "/.lock", folder);
    char *above = file_join(folder, OCI_LAYERS_FOLDER);
    int fd = -1;
    int rc = path && above ? file_make_dirs(above, 0700, err)
                           : error_set(err, ERROR_NO_MEMORY, "no memory for a layer");
    if (rc == 0 && path) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || flock(fd, LOCK_EX) < 0)
            rc = error_system(err, errno, "locking '%s'", path);
    }
    if (rc < 0 && fd >= 0)
        (void)close(fd);
    free(above);
    free(path);
    return rc < 0 ? -1 : fd;
}

/* ---- making ---- */

int oci_layer_begin(const char *folder, const char *id, const char *key, const char *name,
                    struct error *err)
{
    char *from = file_join(folder, id);
    char *to = text_format("%s/" OCI_LAYERS_FOLDER "/" NEW_PREFIX "%s", folder, id);
    char *above = file_join(folder, OCI_LAYERS_FOLDER);
    cJSON *wish = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(wish, "key", key);
    (void)cJSON_AddStringToObject(wish, "instance", name);
    char *text = json_text(wish);
    int rc = from && to && above && text ? file_make_dirs(above, 0700, err)
                                         : error_set(err, ERROR_NO_MEMORY, "no memory for a layer");
    if (rc == 0 && text)
        rc = oci_files_write(from, "seal.json", text, strlen(text), 0600, err);
    if (rc == 0 && rename(from, to) < 0)
        rc = error_system(err, errno, "moving '%s'", from);
    free(text);
    cJSON_Delete(wish);
    free(above);
    free(to);
    free(from);
    return rc;
}

/* Drops what belonged to the instance alone.  Its temporary files may belong to ids that only a
 * container can remove: then they lie in a corner that no instance is shown. */
static void strip(const char *path)
{
    static const char *const names[] = { "work",         "bundle", "run",  "logs",
                                         "machine.json", CLUSTERS, "trash" };
    char *tmp = file_join(path, "rootfs/tmp");
    char *trash = file_join(path, "trash");
    if (tmp && trash)
        (void)rename(tmp, trash);
    for (size_t i = 0; i < COUNT(names); i++) {
        char *name = file_join(path, names[i]);
        if (name)
            (void)file_remove_tree(name, NULL);
        free(name);
    }
    free(trash);
    free(tmp);
}

static int write_about(const char *path, const cJSON *wish, double seconds, struct error *err)
{
    char now[TIME_TEXT_SIZE];
    char sum[SUM_SIZE];
    cJSON *about = cJSON_CreateObject();
    const struct contents contents = read_contents(path, sum);
    time_format(clock_unix_ms(clock_real()), now);
    (void)cJSON_AddStringToObject(about, "format", FORMAT);
    (void)cJSON_AddStringToObject(about, "key", json_string(wish, "key", ""));
    (void)cJSON_AddStringToObject(about, "instance", json_string(wish, "instance", ""));
    (void)cJSON_AddNumberToObject(about, "seconds", seconds);
    (void)cJSON_AddStringToObject(about, "created", now);
    (void)cJSON_AddNumberToObject(about, "bytes", (double)contents.bytes);
    (void)cJSON_AddStringToObject(about, "contents", sum);
    char *text = json_text(about);
    char *file = file_join(path, "layer.json");
    int rc = text && file ? file_write(file, text, strlen(text), 0600, err)
                          : error_set(err, ERROR_NO_MEMORY, "no memory for a layer");
    free(file);
    free(text);
    cJSON_Delete(about);
    return rc;
}

/* All of it is on the disk before it gets its name, and the name before anybody is told. */
static int publish(const char *folder, const char *path, const char *key, struct error *err)
{
    char random[UUID_TEXT_SIZE]; /* process numbers come again */
    char *to = layer_path(folder, key);
    char *above = file_join(folder, OCI_LAYERS_FOLDER);
    int fd = above ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = 0;
    uuid_make(random);
    cJSON *there = oci_layer_find(folder, key, true);
    char *broken = there ? NULL : text_format("%s/.broken-%s-%.8s", above, key, random);
    if (broken && to)
        (void)rename(to, broken); /* one that is damaged makes way, and waits to be pruned */
    if (there)                    /* somebody was faster */
        rc = file_remove_tree(path, err);
    else if (fd < 0 || !to || syncfs(fd) < 0)
        rc = error_system(err, errno, "writing the layer '%s'", path);
    else if (rename(path, to) < 0)
        rc = error_system(err, errno, "naming the layer '%s'", path);
    else if (fsync(fd) < 0)
        rc = error_system(err, errno, "writing '%s'", above);
    if (fd >= 0)
        (void)close(fd);
    cJSON_Delete(there);
    free(broken);
    free(above);
    free(to);
    return rc;
}

static int seal(const char *folder, const char *path, struct error *err)
{
    cJSON *wish = NULL;
    cJSON *result = NULL;
    char *run = file_join(path, "run");
    int rc = oci_files_json(path, "seal.json", &wish, err);
    if (rc == 0 && strlen(json_string(wish, "key", "")) != OCI_LAYER_KEY_SIZE - 1)
        rc = error_set(err, ERROR_SYNTAX, "'%s/seal.json' is damaged", path);
    /* After a kill the run folder may be gone already: then only the time is not known. */
    if (rc == 0 && run)
        (void)oci_files_json(run, "creation.json", &result, NULL);
    const cJSON *seconds = json_at(result, "seconds");
    if (rc == 0) {
        strip(path);
        rc = write_about(path, wish, cJSON_IsNumber(seconds) ? seconds->valuedouble : 0, err);
    }
    if (rc == 0)
        rc = publish(folder, path, json_string(wish, "key", ""), err);
    cJSON_Delete(result);
    cJSON_Delete(wish);
    free(run);
    return rc;
}

int oci_layer_main(int argc, char **argv)
{
    struct error err = { 0 };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: __init --seal FOLDER ID\n");
        return 64;
    }
    char *path = text_format("%s/" OCI_LAYERS_FOLDER "/" NEW_PREFIX "%s", argv[0], argv[1]);
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = 0;
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) /* another one is at it, or it is done */
        rc = error_set(&err, ERROR_CONFLICT, "'%s' is not there to be sealed", argv[1]);
    else
        rc = seal(argv[0], path, &err);
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", err.message);
    if (fd >= 0)
        (void)close(fd);
    free(path);
    return rc < 0 ? 1 : 0;
}

bool oci_layer_is_being_made(const char *folder, const char *name)
{
    char *path = layer_path(folder, name);
    int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
    if (fd >= 0)
        (void)close(fd);
    free(path);
    return held;
}

/* ---- listing ---- */

/* Does an instance with these layers stand on the one of that row?  One that cannot say counts
 * everywhere: what it stood on is not to be lost, too. */
static bool stands_on(const struct oci_layers *layers, int rc, const cJSON *row)
{
    for (size_t i = 0; i < layers->count; i++) {
        if (text_starts(layers->names[i], OCI_LAYERS_FOLDER "/") &&
            text_equal(strchr(layers->names[i], '/') + 1, json_string(row, "folder", "")))
            return true;
    }
    return rc < 0;
}

/* Adds the instances that stand on layers to the layers' rows. */
static void add_users(const char *folder, cJSON *rows)
{
    const struct dirent *entry = NULL;
    DIR *dir = opendir(folder);
    while (dir && (entry = readdir(dir))) {
        cJSON *row = NULL;
        struct oci_layers layers = { 0 };
        if (entry->d_name[0] == '.')
            continue;
        int rc = oci_layers_read(folder, entry->d_name, &layers, NULL);
        cJSON_ArrayForEach(row, rows)
        {
            if (stands_on(&layers, rc, row))
                (void)cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(row, "users"),
                                           cJSON_CreateString(entry->d_name));
        }
        oci_layers_clear(&layers);
    }
    if (dir)
        (void)closedir(dir);
}

static cJSON *layer_row(const char *folder, const char *name)
{
    cJSON *row = name[0] != '.' ? oci_layer_find(folder, name, true) : NULL;
    if (!row) {
        row = cJSON_CreateObject();
        (void)cJSON_AddTrueToObject(row, "broken");
    }
    (void)cJSON_AddStringToObject(row, "folder", name);
    (void)cJSON_AddArrayToObject(row, "users");
    return row;
}

static int by_age(const cJSON *a, const cJSON *b)
{
    return strcmp(json_string(a, "created", ""), json_string(b, "created", ""));
}

int oci_layer_list(const char *folder, cJSON **out, struct error *err)
{
    const struct dirent *entry = NULL;
    cJSON *rows = cJSON_CreateArray();
    char *path = file_join(folder, OCI_LAYERS_FOLDER);
    DIR *dir = path ? opendir(path) : NULL;
    if (!rows || !path) {
        cJSON_Delete(rows);
        return error_set(err, ERROR_NO_MEMORY, "no memory for a list of layers");
    }
    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            strcmp(entry->d_name, ".lock") == 0)
            continue;
        (void)cJSON_AddItemToArray(rows, layer_row(folder, entry->d_name));
    }
    if (dir)
        (void)closedir(dir);
    free(path);
    add_users(folder, rows);
    (void)json_sort(rows, by_age);
    *out = rows;
    return 0;
}
