/* oci_scan.c - walks the layers of an instance as overlayfs would merge them.
 *
 * The walk sees two stacks at each path: above, what the instance and the layers it stands on wrote;
 * below, what this machine shows (the shared layer, then the machine).  Only what is above is
 * listed, each entry with what is below it.  It runs in a process of its own, for an ordinary user
 * with mapped ids even in a container, where every file has an owner that may be looked at. */
#include "plane/drivers/oci_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "plane/drivers/oci_files.h"
#include "plane/drivers/oci_view.h"
#include "setup/listing.h"

#define LISTING_MAX ((size_t)1 << 30)
#define DIGEST_MAX ((off_t)64 << 20) /* larger files are told apart by size and time */
#define TEXT_MAX ((size_t)64 << 20)
#define DEPTH_MAX 256
#define ROOTS_MAX (OCI_LAYERS_MAX + 3)

/* ---- layers ---- */

void oci_layers_clear(struct oci_layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        free(layers->names[i]);
    *layers = (struct oci_layers) { 0 };
}

int oci_layers_read(const char *folder, const char *id, struct oci_layers *out, struct error *err)
{
    cJSON *tree = NULL;
    const cJSON *name = NULL;
    struct oci_layers layers = { 0 };
    char *path = file_join(folder, id);
    char *file = path ? file_join(path, "layers.json") : NULL;
    int rc = file ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for an instance's layers");
    if (rc == 0 && file_exists(file))
        rc = oci_files_json(path, "layers.json", &tree, err);
    cJSON_ArrayForEach(name, tree)
    {
        if (rc == 0 && (!cJSON_IsString(name) || layers.count == OCI_LAYERS_MAX))
            rc = error_set(err, ERROR_SYNTAX, "'%s' is damaged", file);
        if (rc == 0 && !(layers.names[layers.count++] = strdup(name->valuestring)))
            rc = error_set(err, ERROR_NO_MEMORY, "no memory for an instance's layers");
    }
    if (rc == 0)
        *out = layers;
    else
        oci_layers_clear(&layers);
    cJSON_Delete(tree);
    free(file);
    free(path);
    return rc;
}

char *oci_layers_part(const char *path, const char *top)
{
    static const char *const kinds[] = { "upper", "rootfs" };
    struct stat st;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        char *part = text_format("%s/%s/%s", path, kinds[i], top);
        if (part && lstat(part, &st) == 0)
            return part;
        free(part);
    }
    return NULL;
}

bool oci_layers_special(const char *top)
{
    static const char *const tops[] = { "dev", "proc", "run", "sys" };
    for (size_t i = 0; i < COUNT(tops); i++) {
        if (text_equal(tops[i], top))
            return true;
    }
    return false;
}

/* ---- the walk ---- */

struct scan {
    const char *folder; /* the driver's */
    const char *id;
    bool rootless;
    char *const *based; /* tops which the shared layer covers */
    int based_count;
    struct oci_layers layers;
    struct buffer out;
    /* Of the top-level folder that is being walked: */
    char *roots[ROOTS_MAX]; /* owned */
    size_t count, above;    /* the first `above` of them are the instance's */
    char path[PATH_MAX];    /* "/usr/bin" */
};

/* Which roots still count at a path; one bit each. */
struct view {
    unsigned above, below;
    bool shows; /* what is below shows through */
};

struct names {
    char **items;
    size_t count, capacity;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free((void *)names->items);
}

static int names_add(struct names *names, const char *name)
{
    if (names->count == names->capacity) {
        size_t wanted = names->capacity ? names->capacity * 2 : 32;
        char **grown = reallocarray((void *)names->items, wanted, sizeof *grown);
        if (!grown)
            return ERROR_NO_MEMORY;
        names->items = grown;
        names->capacity = wanted;
    }
    names->items[names->count] = strdup(name);
    return names->items[names->count] ? (int)(names->count++, 0) : ERROR_NO_MEMORY;
}

static void names_sort(struct names *names)
{
    size_t kept = 0;
    if (names->count > 0)
        qsort((void *)names->items, names->count, sizeof *names->items, by_text);
    for (size_t i = 0; i < names->count; i++) {
        if (kept > 0 && text_equal(names->items[kept - 1], names->items[i]))
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

static int names_read(struct names *names, const char *path)
{
    const struct dirent *entry = NULL;
    int rc = 0;
    DIR *dir = opendir(path);
    while (dir && rc == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = names_add(names, entry->d_name);
    }
    if (dir)
        (void)closedir(dir);
    return rc;
}

/* The path of what root `i` has at the place that is being looked at; the caller frees. A root is
 * the top-level folder's. */
static char *place(const struct scan *scan, size_t i)
{
    const char *rest = strchr(scan->path + 1, '/');
    return text_format("%s%s", scan->roots[i], rest ? rest : "");
}

static bool is_opaque(const struct scan *scan, const char *path)
{
    char value = 0;
    const char *name = scan->rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
    return lgetxattr(path, name, &value, 1) == 1 && value == 'y';
}

/* One entry, as one of the two stacks shows it. */
struct entry {
    char *path; /* owned: where it really is; NULL: nothing, or a whiteout */
    struct stat st;
    bool whiteout;
    unsigned folders; /* the roots that together make the folder */
    bool opaque;      /* nothing of what is further down shows */
};

/* Looks the current path up in the roots of `mask`, from the top. */
static void look_up(const struct scan *scan, unsigned mask, struct entry *out)
{
    *out = (struct entry) { 0 };
    for (size_t i = 0; i < scan->count; i++) {
        struct stat st;
        char *path = mask & (1u << i) ? place(scan, i) : NULL;
        if (!path || lstat(path, &st) < 0) {
            free(path);
            continue;
        }
        bool whiteout = S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
        bool folder = S_ISDIR(st.st_mode);
        bool first = !out->path;
        if (folder) {
            out->folders |= 1u << i;
            out->opaque = is_opaque(scan, path);
        }
        if (first && whiteout)
            out->whiteout = true;
        if (first && !whiteout) {
            out->path = path;
            out->st = st;
            path = NULL;
        }
        free(path);
        if (!folder || out->opaque)
            return;
    }
}

static char type_of(const struct stat *st)
{
    return S_ISREG(st->st_mode)   ? LISTING_FILE
           : S_ISDIR(st->st_mode) ? LISTING_FOLDER
           : S_ISLNK(st->st_mode) ? LISTING_LINK
                                  : LISTING_OTHER;
}

/* Reads a file of at most DIGEST_MAX bytes; false when that can't be.  Not mapped: what is inside
 * may cut it meanwhile. */
static bool read_whole(const char *path, off_t size, struct buffer *out)
{
    char bytes[16384];
    ssize_t got = 0;
    int fd = size > DIGEST_MAX
                 ? -1
                 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    while ((off_t)out->size <= size && (got = read(fd, bytes, sizeof bytes)) > 0)
        buffer_append(out, bytes, (size_t)got);
    (void)close(fd);
    return got == 0 && out->failed == 0 && (off_t)out->size == size;
}

static void digest(const struct entry *entry, char out[LISTING_DIGEST_SIZE])
{
    char whole[DIGEST_TEXT_SIZE];
    char target[PATH_MAX];
    struct buffer bytes = { .max = (size_t)DIGEST_MAX + 16384 };
    out[0] = '\0';
    if (S_ISLNK(entry->st.st_mode)) {
        ssize_t size = readlink(entry->path, target, sizeof target);
        if (size < 0)
            return;
        digest_hex(target, (size_t)size, whole);
    } else if (S_ISREG(entry->st.st_mode) && read_whole(entry->path, entry->st.st_size, &bytes)) {
        digest_hex(bytes.data ? bytes.data : "", bytes.size, whole);
    } else {
        buffer_clear(&bytes);
        return;
    }
    buffer_clear(&bytes);
    (void)text_copy(out, LISTING_DIGEST_SIZE, whole);
}

/* Has it another mode or owner than what is below?  For an ordinary user owners are not compared,
 * since the machine's have no number there, nor the bits that are lost with them. */
static bool permits_otherwise(const struct scan *scan, const struct stat *a, const struct stat *b)
{
    mode_t compared = scan->rootless ? 01777 : 07777;
    return (!S_ISLNK(a->st_mode) && ((a->st_mode ^ b->st_mode) & compared)) ||
           (!scan->rootless && (a->st_uid != b->st_uid || a->st_gid != b->st_gid));
}

/* What is below an entry. */
static char compare_below(const struct scan *scan, const struct entry *above,
                          const char *above_digest, const struct entry *below)
{
    char below_digest[LISTING_DIGEST_SIZE];
    const struct stat *a = &above->st;
    const struct stat *b = &below->st;
    if (!below->path)
        return LISTING_BELOW_NOTHING;
    if (type_of(a) != type_of(b) || permits_otherwise(scan, a, b))
        return LISTING_BELOW_CHANGED;
    if (S_ISDIR(a->st_mode))
        return LISTING_BELOW_SAME;
    if (a->st_size != b->st_size)
        return LISTING_BELOW_CHANGED;
    digest(below, below_digest);
    if (!above_digest[0] || !below_digest[0])
        return a->st_mtim.tv_sec == b->st_mtim.tv_sec ? LISTING_BELOW_SAME : LISTING_BELOW_CHANGED;
    return text_equal(above_digest, below_digest) ? LISTING_BELOW_SAME : LISTING_BELOW_CHANGED;
}

/* Inside a user namespace of one id everything is root's. */
static int64_t inside_id(const struct scan *scan, unsigned id, unsigned own)
{
    return scan->rootless && id == own ? 0 : id;
}

static void write_entry(struct scan *scan, const struct entry *above, const struct entry *below)
{
    struct listing_file file = { .path = scan->path,
                                 .type = type_of(&above->st),
                                 .size = S_ISDIR(above->st.st_mode) ? 0 : above->st.st_size,
                                 .mtime_ns = above->st.st_mtim.tv_sec * INT64_C(1000000000) +
                                             above->st.st_mtim.tv_nsec,
                                 .mode = above->st.st_mode & 07777,
                                 .uid = inside_id(scan, above->st.st_uid, geteuid()),
                                 .gid = inside_id(scan, above->st.st_gid, getegid()) };
    digest(above, file.digest);
    file.below = compare_below(scan, above, file.digest, below);
    listing_write_file(&scan->out, &file);
}

static void write_removed(struct scan *scan, const struct entry *below)
{
    const struct listing_file file = { .path = scan->path,
                                       .type = LISTING_REMOVED,
                                       .below = LISTING_BELOW_CHANGED,
                                       .size = S_ISREG(below->st.st_mode) ? below->st.st_size : 0 };
    listing_write_file(&scan->out, &file);
}

static int walk_folder(struct scan *scan, const struct view *view, int depth);

/* The current path: an entry of a folder, or a top-level folder. */
static int walk_entry(struct scan *scan, const struct view *view, int depth)
{
    struct entry above;
    struct entry below;
    int rc = 0;
    look_up(scan, view->above, &above);
    look_up(scan, view->below, &below);
    if (above.path)
        write_entry(scan, &above, &below);
    else if (below.path && (above.whiteout || !view->shows))
        write_removed(scan, &below);
    if (above.path && S_ISDIR(above.st.st_mode) && depth < DEPTH_MAX) {
        const struct view inner = { .above = above.folders,
                                    .below = below.folders,
                                    .shows = view->shows && !above.opaque };
        rc = walk_folder(scan, &inner, depth + 1);
    }
    free(above.path);
    free(below.path);
    return rc;
}

static int read_names(const struct scan *scan, const struct view *view, struct names *out)
{
    unsigned mask = view->above | (view->shows ? 0 : view->below);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < scan->count; i++) {
        char *path = mask & (1u << i) ? place(scan, i) : NULL;
        if (path)
            rc = names_read(out, path);
        free(path);
    }
    names_sort(out);
    return rc;
}

static int walk_folder(struct scan *scan, const struct view *view, int depth)
{
    struct names names = { 0 };
    size_t size = strlen(scan->path);
    int rc = read_names(scan, view, &names);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        size_t room = sizeof scan->path - size;
        int wrote = snprintf(scan->path + size, room, "/%s", names.items[i]);
        if (wrote > 0 && (size_t)wrote < room)
            rc = walk_entry(scan, view, depth);
        scan->path[size] = '\0';
    }
    names_clear(&names);
    return rc;
}

/* ---- a top-level folder ---- */

static void clear_roots(struct scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        free(scan->roots[i]);
    scan->count = scan->above = 0;
}

static void add_root(struct scan *scan, char *path)
{
    if (path)
        scan->roots[scan->count++] = path;
}

/* The stack of /<top>: the instance, its layers, the shared layer, the machine. */
static int set_roots(struct scan *scan, const char *top)
{
    clear_roots(scan);
    (void)snprintf(scan->path, sizeof scan->path, "/%s", top);
    char *own = file_join(scan->folder, scan->id);
    if (!own)
        return ERROR_NO_MEMORY;
    add_root(scan, oci_layers_part(own, top));
    free(own);
    for (size_t i = 0; i < scan->layers.count; i++) {
        char *path = file_join(scan->folder, scan->layers.names[i]);
        add_root(scan, path ? oci_layers_part(path, top) : NULL);
        free(path);
    }
    scan->above = scan->count;
    for (int i = 0; i < scan->based_count; i++) {
        if (text_equal(scan->based[i], top))
            add_root(scan, text_format("%s/.base/%s", scan->folder, top));
    }
    for (const char *const *shown = oci_view_tops; *shown; shown++) {
        if (text_equal(*shown, top))
            add_root(scan, text_format("/%s", top));
    }
    return 0;
}

static struct view whole_view(const struct scan *scan)
{
    unsigned above = (1u << scan->above) - 1;
    unsigned all = (1u << scan->count) - 1;
    return (struct view) { .above = above, .below = all & ~above, .shows = true };
}

static int read_tops(const struct scan *scan, struct names *out)
{
    static const char *const kinds[] = { "upper", "rootfs" };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i <= scan->layers.count; i++) {
        for (size_t j = 0; rc == 0 && j < COUNT(kinds); j++) {
            char *path = text_format("%s/%s/%s", scan->folder,
                                     i == 0 ? scan->id : scan->layers.names[i - 1], kinds[j]);
            rc = path ? names_read(out, path) : ERROR_NO_MEMORY;
            free(path);
        }
    }
    names_sort(out);
    return rc;
}

static int walk_tops(struct scan *scan)
{
    struct names tops = { 0 };
    int rc = read_tops(scan, &tops);
    for (size_t i = 0; rc == 0 && i < tops.count; i++) {
        if (oci_layers_special(tops.items[i]))
            continue;
        rc = set_roots(scan, tops.items[i]);
        const struct view view = whole_view(scan);
        if (rc == 0)
            rc = walk_entry(scan, &view, 0);
    }
    clear_roots(scan);
    names_clear(&tops);
    return rc;
}

/* ---- packages and people ---- */

/* Reads a file of the instance as it sees it; an empty text when there is none. */
static void read_merged(struct scan *scan, const char *top, const char *path, struct buffer *out)
{
    struct entry entry = { 0 };
    if (set_roots(scan, top) == 0) {
        const struct view view = whole_view(scan);
        (void)text_copy(scan->path, sizeof scan->path, path);
        look_up(scan, view.above, &entry);
        if (!entry.path && !entry.whiteout)
            look_up(scan, view.below, &entry);
    }
    if (!entry.path || !S_ISREG(entry.st.st_mode) ||
        file_read(entry.path, TEXT_MAX, out, NULL) < 0 || !out->data)
        buffer_text(out, "");
    free(entry.path);
}

/* "name:x:1000:…" → U name 1000 */
static void write_ids(struct scan *scan, char kind, const char *path)
{
    struct buffer text = { .max = TEXT_MAX };
    char *rest = NULL;
    read_merged(scan, "etc", path, &text);
    for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        char *name_end = strchr(line, ':');
        char *id = name_end ? strchr(name_end + 1, ':') : NULL;
        if (!id || name_end == line || memchr(line, '\t', strlen(line)))
            continue;
        *name_end = '\0';
        id++;
        id[strcspn(id, ":")] = '\0';
        listing_write_name(&scan->out, kind, line, id);
    }
    buffer_clear(&text);
}

/* The installed packages of dpkg's status file. */
static void write_packages(struct scan *scan)
{
    struct buffer text = { .max = TEXT_MAX };
    const char *name = NULL;
    const char *version = NULL;
    bool installed = false;
    read_merged(scan, "var", "/var/lib/dpkg/status", &text);
    for (char *line = text.data; line && *line;) {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0' || end[1] == '\n' || end[1] == '\0';
        *end = '\0';
        if (text_starts(line, "Package: "))
            name = line + strlen("Package: ");
        else if (text_starts(line, "Version: "))
            version = line + strlen("Version: ");
        else if (text_starts(line, "Status: "))
            installed = text_ends(line, " installed");
        if (last) {
            if (name && version && installed && !strpbrk(name, "\t") && !strpbrk(version, "\t"))
                listing_write_name(&scan->out, 'P', name, version);
            name = version = NULL;
            installed = false;
        }
        line = end + 1 < text.data + text.size ? end + 1 : NULL;
    }
    buffer_clear(&text);
}

/* ---- the program ---- */

static int scan_to(struct scan *scan, const char *name, struct error *err)
{
    int rc = oci_layers_read(scan->folder, scan->id, &scan->layers, err);
    if (rc == 0 && (rc = walk_tops(scan)) < 0)
        error_set(err, rc, "no memory to list an instance's files");
    if (rc == 0) {
        write_packages(scan);
        write_ids(scan, 'U', "/etc/passwd");
        write_ids(scan, 'G', "/etc/group");
        listing_write_end(&scan->out);
        rc = buffer_check(&scan->out, "the listing of an instance's files", err);
    }
    char *folder = file_join(scan->folder, scan->id);
    if (rc == 0 && folder)
        rc = oci_files_write(folder, name, scan->out.data, scan->out.size, 0600, err);
    free(folder);
    return rc;
}

int oci_scan_main(int argc, char **argv)
{
    struct error err = { 0 };
    if (argc < 4) {
        (void)fprintf(stderr, "usage: __init --scan FOLDER ID OUT 0|1 TOP...\n");
        return 64;
    }
    struct scan *scan = calloc(1, sizeof *scan);
    if (!scan)
        return 70;
    scan->folder = argv[0];
    scan->id = argv[1];
    scan->rootless = text_equal(argv[3], "1");
    scan->based = argv + 4;
    scan->based_count = argc - 4;
    scan->out.max = LISTING_MAX;
    int rc = scan_to(scan, argv[2], &err);
    if (rc < 0)
        (void)fprintf(stderr, "%s\n", err.message);
    clear_roots(scan);
    oci_layers_clear(&scan->layers);
    buffer_clear(&scan->out);
    free(scan);
    return rc < 0 ? 1 : 0;
}
