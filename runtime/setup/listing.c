/* listing.c - reads, writes and compares listings. */
#include "setup/listing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define VERSION "1"
#define FIELDS_MAX 10

/* ---- writing ---- */

void listing_write_file(struct buffer *out, const struct listing_file *file)
{
    buffer_format(out, "F\t%c\t%lld\t%lld\t%o\t%lld\t%lld\t%c\t%s\t%s", file->type,
                  (long long)file->size, (long long)file->mtime_ns, file->mode,
                  (long long)file->uid, (long long)file->gid, file->below,
                  file->digest[0] ? file->digest : "-", file->path);
    buffer_append(out, "", 1);
}

void listing_write_name(struct buffer *out, char kind, const char *name, const char *value)
{
    buffer_format(out, "%c\t%s\t%s", kind, name, value);
    buffer_append(out, "", 1);
}

void listing_write_end(struct buffer *out)
{
    buffer_append(out, "E\t" VERSION, sizeof "E\t" VERSION);
}

/* ---- reading ---- */

/* Room for one more item in a growing array; NULL: no memory. */
static void *grow(void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return items;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    void *grown = reallocarray(items, wanted, item_size);
    if (grown)
        *capacity = wanted;
    return grown;
}

/* Cuts a record at its tabs; the last field keeps its own.  The number of fields. */
static size_t cut(char *record, char **fields, size_t max)
{
    size_t count = 0;
    while (count < max) {
        fields[count++] = record;
        char *tab = count < max ? strchr(record, '\t') : NULL;
        if (!tab)
            break;
        *tab = '\0';
        record = tab + 1;
    }
    return count;
}

static bool read_octal(const char *text, unsigned *out)
{
    unsigned value = 0;
    size_t size = strspn(text, "01234567");
    if (size == 0 || size > 7 || text[size] != '\0')
        return false;
    for (; *text; text++)
        value = value * 8 + (unsigned)(*text - '0');
    *out = value;
    return true;
}

static bool one_of(const char *text, const char *letters)
{
    return text[0] && text[1] == '\0' && strchr(letters, text[0]);
}

static bool is_digest(const char *text)
{
    return strspn(text, "0123456789abcdef") == LISTING_DIGEST_SIZE - 1 &&
           text[LISTING_DIGEST_SIZE - 1] == '\0';
}

static int read_file(struct listing *listing, char *record)
{
    char *f[FIELDS_MAX];
    struct listing_file file = { 0 };
    if (cut(record, f, FIELDS_MAX) != FIELDS_MAX || !one_of(f[1], "fdlow") ||
        !one_of(f[7], "nsc") || !read_octal(f[4], &file.mode) ||
        text_to_int64(f[2], 0, INT64_MAX, &file.size) < 0 ||
        text_to_int64(f[3], INT64_MIN, INT64_MAX, &file.mtime_ns) < 0 ||
        text_to_int64(f[5], 0, UINT32_MAX, &file.uid) < 0 ||
        text_to_int64(f[6], 0, UINT32_MAX, &file.gid) < 0 ||
        !(text_equal(f[8], "-") || is_digest(f[8])) || f[9][0] != '/')
        return ERROR_SYNTAX;
    file.type = f[1][0];
    file.below = f[7][0];
    if (f[8][0] != '-')
        (void)text_copy(file.digest, sizeof file.digest, f[8]);
    file.path = f[9];
    struct listing_file *grown =
        grow(listing->files, listing->count, &listing->capacity, sizeof *grown);
    if (!grown)
        return ERROR_NO_MEMORY;
    listing->files = grown;
    listing->files[listing->count++] = file;
    return 0;
}

static int read_name(struct listing_names *names, char *record)
{
    char *f[3];
    if (cut(record, f, COUNT(f)) != COUNT(f) || f[1][0] == '\0')
        return ERROR_SYNTAX;
    struct listing_name *grown = grow(names->items, names->count, &names->capacity, sizeof *grown);
    if (!grown)
        return ERROR_NO_MEMORY;
    names->items = grown;
    names->items[names->count++] = (struct listing_name) { .name = f[1], .value = f[2] };
    return 0;
}

static int read_record(struct listing *listing, char *record, bool *out_end)
{
    if (text_starts(record, "F\t"))
        return read_file(listing, record);
    if (text_starts(record, "P\t"))
        return read_name(&listing->packages, record);
    if (text_starts(record, "U\t"))
        return read_name(&listing->users, record);
    if (text_starts(record, "G\t"))
        return read_name(&listing->groups, record);
    *out_end = text_equal(record, "E\t" VERSION);
    return *out_end ? 0 : ERROR_SYNTAX;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct listing_file *)a)->path, ((const struct listing_file *)b)->path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct listing_name *)a)->name, ((const struct listing_name *)b)->name);
}

static void sort_names(struct listing_names *names)
{
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, by_name);
}

int listing_read(const char *text, size_t size, struct listing *out, struct error *err)
{
    struct listing listing = { .text = text_dup_size(text, size) };
    size_t number = 0;
    bool end = false;
    int rc = listing.text ? 0 : ERROR_NO_MEMORY;
    for (size_t at = 0; rc == 0 && !end && at < size; number++) {
        size_t length = strnlen(listing.text + at, size - at);
        rc = at + length < size ? read_record(&listing, listing.text + at, &end) : ERROR_SYNTAX;
        at += length + 1;
    }
    if (rc == 0 && !end)
        rc = error_set(err, ERROR_SYNTAX, "the listing of an instance's files was cut");
    else if (rc == ERROR_SYNTAX)
        error_set(err, rc, "record %zu of a listing is malformed", number);
    else if (rc < 0)
        error_set(err, rc, "no memory for a listing");
    if (rc < 0) {
        listing_clear(&listing);
        return rc;
    }
    if (listing.count > 0)
        qsort(listing.files, listing.count, sizeof *listing.files, by_path);
    sort_names(&listing.packages);
    sort_names(&listing.users);
    sort_names(&listing.groups);
    *out = listing;
    return 0;
}

void listing_clear(struct listing *listing)
{
    free(listing->text);
    free(listing->files);
    free(listing->packages.items);
    free(listing->users.items);
    free(listing->groups.items);
    *listing = (struct listing) { 0 };
}

/* ---- comparing ---- */

static int add_change(struct change_list *list, const struct change *change)
{
    struct change *grown = grow(list->items, list->count, &list->capacity, sizeof *grown);
    if (!grown)
        return ERROR_NO_MEMORY;
    list->items = grown;
    list->items[list->count++] = *change;
    return 0;
}

static bool differ(const struct listing_file *a, const struct listing_file *b)
{
    if (a->type != b->type || a->mode != b->mode || a->uid != b->uid || a->gid != b->gid)
        return true;
    if (a->type == LISTING_FOLDER || a->type == LISTING_OTHER)
        return false;
    if (a->digest[0] && b->digest[0])
        return !text_equal(a->digest, b->digest);
    return a->size != b->size || a->mtime_ns != b->mtime_ns;
}

/* What became of one path; `before` or `after` is NULL where the machine below shows through. */
static int compare_file(const struct listing_file *before, const struct listing_file *after,
                        struct changes *out)
{
    const struct listing_file *file = after ? after : before;
    assert(file);
    bool was = before ? before->type != LISTING_REMOVED : after->below != LISTING_BELOW_NOTHING;
    bool is = after ? after->type != LISTING_REMOVED : before->below != LISTING_BELOW_NOTHING;
    struct change change = { .name = file->path, .file = file };
    if (was && is) {
        bool changed =
            before && after ? differ(before, after) : file->below == LISTING_BELOW_CHANGED;
        if (!changed)
            return 0;
        change.kind = CHANGE_CHANGED;
        if (before && after)
            change.grown = after->size - before->size;
    } else if (is) {
        change.kind = CHANGE_ADDED;
        change.grown = file->size;
    } else if (was) {
        change.kind = CHANGE_REMOVED;
        if (!after) /* how it was is known */
            change.grown = -file->size;
    } else {
        return 0;
    }
    return add_change(&out->files, &change);
}

static int compare_files(const struct listing *before, const struct listing *after,
                         struct changes *out)
{
    size_t i = 0;
    size_t j = 0;
    int rc = 0;
    while (rc == 0 && (i < before->count || j < after->count)) {
        int order = i == before->count  ? 1
                    : j == after->count ? -1
                                        : strcmp(before->files[i].path, after->files[j].path);
        rc = compare_file(order <= 0 ? &before->files[i++] : NULL,
                          order >= 0 ? &after->files[j++] : NULL, out);
    }
    return rc;
}

static int compare_names(const struct listing_names *before, const struct listing_names *after,
                         struct change_list *out)
{
    size_t i = 0;
    size_t j = 0;
    int rc = 0;
    while (rc == 0 && (i < before->count || j < after->count)) {
        int order = i == before->count  ? 1
                    : j == after->count ? -1
                                        : strcmp(before->items[i].name, after->items[j].name);
        struct change change = { .kind = order < 0   ? CHANGE_REMOVED
                                         : order > 0 ? CHANGE_ADDED
                                                     : CHANGE_CHANGED };
        if (order >= 0) {
            change.name = after->items[j].name;
            change.after = after->items[j++].value;
        }
        if (order <= 0) {
            change.name = before->items[i].name;
            change.before = before->items[i++].value;
        }
        if (order != 0 || !text_equal(change.before, change.after))
            rc = add_change(out, &change);
    }
    return rc;
}

/* ---- what files mean ---- */

static bool is_service(const char *path)
{
    static const char *const folders[] = { "/etc/systemd/system/", "/lib/systemd/system/",
                                           "/usr/lib/systemd/system/",
                                           "/usr/local/lib/systemd/system/" };
    static const char *const ends[] = { ".service", ".timer", ".socket", ".path", ".mount" };
    if (text_starts(path, "/etc/init.d/"))
        return path[strlen("/etc/init.d/")] != '\0';
    for (size_t i = 0; i < COUNT(folders); i++) {
        for (size_t j = 0; text_starts(path, folders[i]) && j < COUNT(ends); j++) {
            if (text_ends(path, ends[j]) && !strchr(path + strlen(folders[i]), '/'))
                return true;
        }
    }
    return false;
}

static char *own(struct changes *changes, char *text)
{
    char **grown = text ? grow((void *)changes->owned, changes->owned_count,
                               &changes->owned_capacity, sizeof *grown)
                        : NULL;
    if (!grown) {
        free(text);
        return NULL;
    }
    changes->owned = grown;
    return changes->owned[changes->owned_count++] = text;
}

/* "/opt/venv/lib/python3.11/site-packages/numpy-1.2.dist-info" → numpy 1.2.  One name may come and
 * go in one run, which is a change of version, and may stand in several places. */
static int add_pip(struct changes *changes, const struct change *file)
{
    const char *base = strrchr(file->name, '/') + 1;
    const char *dash = strchr(base, '-');
    const char *end = base + strlen(base) - strlen(".dist-info");
    if (!dash || dash >= end)
        return 0;
    char *name = own(changes, text_dup_size(base, (size_t)(dash - base)));
    char *version = own(changes, text_dup_size(dash + 1, (size_t)(end - dash - 1)));
    if (!name || !version)
        return ERROR_NO_MEMORY;
    struct change pip = { .kind = file->kind, .name = name };
    if (file->kind == CHANGE_REMOVED)
        pip.before = version;
    else
        pip.after = version;
    for (size_t i = 0; i < changes->pip.count; i++) {
        struct change *other = &changes->pip.items[i];
        if (!text_equal(other->name, name))
            continue;
        if (other->kind == pip.kind && text_equal(pip.after, other->after))
            return 0;
        if ((other->kind == CHANGE_ADDED && pip.kind == CHANGE_REMOVED) ||
            (other->kind == CHANGE_REMOVED && pip.kind == CHANGE_ADDED)) {
            other->kind = CHANGE_CHANGED;
            other->before = pip.before ? pip.before : other->before;
            other->after = pip.after ? pip.after : other->after;
            return 0;
        }
    }
    return add_change(&changes->pip, &pip);
}

static int find_meanings(struct changes *changes)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < changes->files.count; i++) {
        const struct change *file = &changes->files.items[i];
        if (text_ends(file->name, ".dist-info") && file->kind != CHANGE_CHANGED)
            rc = add_pip(changes, file);
        else if (is_service(file->name) && file->file->type != LISTING_FOLDER)
            rc = add_change(&changes->services, file);
    }
    return rc;
}

int listing_compare(const struct listing *before, const struct listing *after, struct changes *out,
                    struct error *err)
{
    *out = (struct changes) { 0 };
    int rc = compare_files(before, after, out);
    if (rc == 0)
        rc = compare_names(&before->packages, &after->packages, &out->packages);
    if (rc == 0)
        rc = compare_names(&before->users, &after->users, &out->users);
    if (rc == 0)
        rc = compare_names(&before->groups, &after->groups, &out->groups);
    if (rc == 0)
        rc = find_meanings(out);
    return rc < 0 ? error_set(err, rc, "no memory to compare two listings") : 0;
}

void changes_clear(struct changes *changes)
{
    struct change_list *const lists[] = {
        &changes->files,  &changes->packages, &changes->users,
        &changes->groups, &changes->pip,      &changes->services
    };
    for (size_t i = 0; i < COUNT(lists); i++)
        free(lists[i]->items);
    for (size_t i = 0; i < changes->owned_count; i++)
        free(changes->owned[i]);
    free((void *)changes->owned);
    *changes = (struct changes) { 0 };
}

bool changes_none(const struct changes *changes)
{
    return changes->files.count == 0 && changes->packages.count == 0 && changes->users.count == 0 &&
           changes->groups.count == 0;
}

bool listing_is_noise(const char *path)
{
    static const char *const folders[] = { "/tmp",
                                           "/var/tmp",
                                           "/var/cache",
                                           "/var/log",
                                           "/var/lib/apt/lists",
                                           "/var/lib/systemd",
                                           "/var/lib/dpkg",
                                           "/var/lib/ucf",
                                           "/etc/ld.so.cache",
                                           "/root/.cache",
                                           "/home/azureuser/.cache",
                                           "/root/.npm/_cacache" };
    for (size_t i = 0; i < COUNT(folders); i++) {
        size_t size = strlen(folders[i]);
        if (text_starts(path, folders[i]) && (path[size] == '/' || path[size] == '\0'))
            return true;
    }
    return strstr(path, "/__pycache__/") || text_ends(path, "/__pycache__") ||
           strstr(path, "/.conda/pkgs/") || strstr(path, "/pkgs/cache/");
}
