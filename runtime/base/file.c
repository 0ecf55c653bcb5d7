/* file.c - see file.h. */
#include "base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

#define OPEN_TRIES 16 /* a rename elsewhere makes openat2 say EAGAIN */

/* ---- reading ---- */

/* openat2(2), which glibc has no function for. */
static int open_how(int dir_fd, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
    for (int i = 0;; i++) {
        int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
        if (fd >= 0 || i >= OPEN_TRIES || (errno != EAGAIN && errno != EINTR))
            return fd;
    }
}

static int too_large(const char *path, size_t max, struct error *err)
{
    return error_set(err, ERROR_TOO_LARGE, "'%s' is larger than %zu bytes", path, max);
}

/* Appends all that `fd` has, at most `max` bytes. */
static int read_all(int fd, const char *path, size_t max, struct buffer *out, struct error *err)
{
    char part[65536];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, part, sizeof part);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_system(err, errno, "reading '%s'", path);
        if (got == 0)
            break;
        total += (size_t)got;
        if (total > max)
            return too_large(path, max, err);
        buffer_append(out, part, (size_t)got);
    }
    buffer_append(out, "", 0); /* an empty file is an empty text */
    return buffer_check(out, path, err);
}

/* Reads what `fd` (taken) is open on; `out` is as it was when that fails. */
static int read_fd(int fd, const char *path, bool regular, size_t max, struct buffer *out,
                   struct error *err)
{
    size_t before = out->size;
    struct stat st;
    int rc;
    if (fstat(fd, &st) < 0)
        rc = error_system(err, errno, "reading '%s'", path);
    else if (S_ISDIR(st.st_mode))
        rc = error_set(err, ERROR_INVALID, "'%s' is a folder, not a file", path);
    else if (!S_ISREG(st.st_mode) && regular)
        rc = error_set(err, ERROR_INVALID, "'%s' is not a regular file", path);
    else if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
        rc = too_large(path, max, err);
    else
        rc = read_all(fd, path, max, out, err);
    (void)close(fd);
    if (rc < 0) {
        out->size = before;
        if (out->data)
            out->data[before] = '\0';
    }
    return rc;
}

int file_read(const char *path, size_t max, struct buffer *out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_system(err, errno, "reading '%s'", path);
    return read_fd(fd, path, false, max, out, err);
}

int file_read_beneath(int dir_fd, const char *path, size_t max, struct buffer *out,
                      struct error *err)
{
    /* O_NONBLOCK: a FIFO in the folder must not make us wait for its writer. */
    int fd = open_how(dir_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK,
                      RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0)
        return read_fd(fd, path, true, max, out, err);
    if (errno == EXDEV)
        return error_set(err, ERROR_DENIED,
                         "'%s' leaves its folder: only files beneath it can be read", path);
    if (errno == ELOOP)
        return error_set(err, ERROR_DENIED, "'%s' leads through links that can't be followed",
                         path);
    return error_system(err, errno, "reading '%s'", path);
}

/* ---- writing ---- */

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* The folder part of a path: the caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return text_dup_size(".", 1);
    return text_dup_size(path, slash == path ? 1 : (size_t)(slash - path));
}

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd);
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return rc < 0 && saved != EINVAL ? -1 : 0; /* EINVAL: a file system that can't, and needn't */
}

static int fill(int fd, const void *data, size_t size, mode_t mode)
{
    if (write_all(fd, data, size) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return -1;
    return 0;
}

int file_write(const char *path, const void *data, size_t size, mode_t mode, struct error *err)
{
    char *folder = folder_of(path);
    char *temporary = text_format("%s.XXXXXX", path);
    int rc = 0;
    int fd = -1;
    if (!folder || !temporary) {
        rc = error_set(err, ERROR_NO_MEMORY, "writing '%s': out of memory", path);
        goto done;
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        rc = error_system(err, errno, "writing '%s'", path);
        goto done;
    }
    if (fill(fd, data, size, mode) < 0 || rename(temporary, path) < 0) {
        rc = error_system(err, errno, "writing '%s'", path);
        (void)unlink(temporary);
    } else if (sync_folder(folder) < 0) {
        rc = error_system(err, errno, "writing '%s': its folder", path);
    }
    (void)close(fd);
done:
    free(temporary);
    free(folder);
    return rc;
}

int file_make_dirs(const char *path, mode_t mode, struct error *err)
{
    if (*path == '\0')
        return error_set(err, ERROR_INVALID, "a folder needs a name");
    if (mkdir(path, mode) == 0 || (errno == EEXIST && file_is_dir(path)))
        return 0; /* as almost always */
    char *copy = strdup(path);
    if (!copy)
        return error_set(err, ERROR_NO_MEMORY, "making folder '%s': out of memory", path);
    int rc = 0;
    for (char *p = copy; rc == 0 && *p;) {
        p += strspn(p, "/");
        p += strcspn(p, "/");
        char next = *p;
        *p = '\0';
        /* Whatever mkdir objects to (a read-only parent, say), an existing folder is fine. */
        int errnum = mkdir(copy, mode) < 0 ? errno : 0;
        if (errnum != 0 && !file_is_dir(copy))
            rc = error_system(err, errnum, "making folder '%s'", copy);
        *p = next;
    }
    free(copy);
    return rc;
}

/* --- removing ------------------------------------------------------------------------------
 *
 * An explicit stack, so that depth costs no C stack, and at most OPEN_FOLDERS of its levels are
 * held open: the outer ones are closed and found again by "..", checked to be what they were. */

#define OPEN_FOLDERS 32
#define RESCANS 64 /* of a folder that somebody else keeps filling */

struct level {
    DIR *dir; /* NULL: closed for now */
    dev_t dev;
    ino_t ino;
    char *name; /* owned; in the level above */
    int rescans;
};

struct removal {
    const char *path; /* what the user named, for messages */
    struct level *levels;
    size_t count;
    size_t capacity;
};

static void pop_level(struct removal *removal)
{
    struct level *level = &removal->levels[--removal->count];
    if (level->dir)
        (void)closedir(level->dir);
    free(level->name);
}

/* Opens a folder for removing what is in it: not through a link, not into another mount. */
static int open_folder(int dir_fd, const char *name)
{
    const uint64_t flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    int fd = open_how(dir_fd, name, flags, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    if (fd < 0 && errno == EACCES && fchmodat(dir_fd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
        fd = open_how(dir_fd, name, flags, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    return fd;
}

static int refuse_mount(const struct removal *removal, const char *name, struct error *err)
{
    return error_set(
        err, ERROR_CONFLICT,
        "removing '%s': the folder '%s' in it is another file system; unmount it first",
        removal->path, name);
}

/* Goes down into `name`, which stands in `dir_fd`. */
static int push_level(struct removal *removal, int dir_fd, const char *name, struct error *err)
{
    if (removal->count == removal->capacity) {
        size_t capacity = removal->capacity ? 2 * removal->capacity : 16;
        struct level *levels = realloc(removal->levels, capacity * sizeof *levels);
        if (!levels)
            return error_system(err, ENOMEM, "removing '%s'", removal->path);
        removal->levels = levels;
        removal->capacity = capacity;
    }
    struct level level = { 0 };
    struct stat st;
    int rc = 0;
    int fd = open_folder(dir_fd, name);
    if (fd < 0 && errno == EXDEV)
        return refuse_mount(removal, name, err);
    if (fd < 0)
        return error_system(err, errno, "removing '%s': '%s'", removal->path, name);
    if (fstat(fd, &st) < 0)
        goto refused;
    if (removal->count > 0 && st.st_dev != removal->levels[0].dev) {
        rc = refuse_mount(removal, name, err);
        goto fail;
    }
    if ((st.st_mode & 0700) != 0700)
        (void)fchmod(fd, st.st_mode | 0700); /* if that fails, the removing tells why */
    level.name = strdup(name);
    if (!level.name)
        goto refused;
    level.dir = fdopendir(fd);
    if (!level.dir)
        goto refused;
    level.dev = st.st_dev;
    level.ino = st.st_ino;
    removal->levels[removal->count++] = level;
    if (removal->count > OPEN_FOLDERS) {
        struct level *outer = &removal->levels[removal->count - 1 - OPEN_FOLDERS];
        if (outer->dir)
            (void)closedir(outer->dir);
        outer->dir = NULL;
    }
    return 0;
refused:
    rc = error_system(err, errno, "removing '%s': '%s'", removal->path, name);
fail:
    free(level.name);
    (void)close(fd);
    return rc;
}

/* Opens the level above the innermost again, if it was closed. */
static int reopen_outer(struct removal *removal, struct error *err)
{
    const struct level *inner = &removal->levels[removal->count - 1];
    struct level *outer = &removal->levels[removal->count - 2];
    if (outer->dir)
        return 0;
    struct stat st;
    int fd = openat(dirfd(inner->dir), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_system(err, errno, "removing '%s'", removal->path);
    if (fstat(fd, &st) == 0 && st.st_dev == outer->dev && st.st_ino == outer->ino) {
        outer->dir = fdopendir(fd);
        if (outer->dir)
            return 0;
    }
    (void)close(fd);
    return error_set(err, ERROR_CONFLICT, "removing '%s': it was moved meanwhile", removal->path);
}

/* The innermost level was read to its end: removes it, or starts over if it is not empty yet. */
static int finish_level(struct removal *removal, int top_fd, struct error *err)
{
    struct level *level = &removal->levels[removal->count - 1];
    int above = top_fd;
    if (removal->count > 1) {
        int rc = reopen_outer(removal, err);
        if (rc < 0)
            return rc;
        above = dirfd(removal->levels[removal->count - 2].dir);
    }
    if (unlinkat(above, level->name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
        pop_level(removal);
        return 0;
    }
    if ((errno == ENOTEMPTY || errno == EEXIST) && level->rescans++ < RESCANS) {
        rewinddir(level->dir);
        return 0;
    }
    return error_system(err, errno, "removing '%s': '%s'", removal->path, level->name);
}

/* One entry of the innermost level. */
static int remove_entry(struct removal *removal, const struct dirent *entry, struct error *err)
{
    int fd = dirfd(removal->levels[removal->count - 1].dir);
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (entry->d_type != DT_DIR) {
        if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
            return 0;
        if (errno != EISDIR)
            return error_system(err, errno, "removing '%s': '%s'", removal->path, name);
    }
    return push_level(removal, fd, name, err);
}

static int remove_levels(struct removal *removal, int top_fd, struct error *err)
{
    int rc = 0;
    while (rc == 0 && removal->count > 0) {
        errno = 0;
        const struct dirent *entry = readdir(removal->levels[removal->count - 1].dir);
        if (entry)
            rc = remove_entry(removal, entry, err);
        else if (errno != 0)
            rc = error_system(err, errno, "removing '%s'", removal->path);
        else
            rc = finish_level(removal, top_fd, err);
    }
    return rc;
}

/* `name` stands in `top_fd`; it is a folder. */
static int remove_folder(int top_fd, const char *name, const char *path, struct error *err)
{
    struct removal removal = { .path = path };
    int rc = push_level(&removal, top_fd, name, err);
    if (rc == 0)
        rc = remove_levels(&removal, top_fd, err);
    while (removal.count > 0)
        pop_level(&removal);
    free(removal.levels);
    return rc;
}

int file_remove_tree(const char *path, struct error *err)
{
    char *trimmed = strdup(path);
    char *folder = NULL;
    int top_fd = -1;
    int rc = 0;
    if (!trimmed)
        return error_system(err, ENOMEM, "removing '%s'", path);
    for (size_t size = strlen(trimmed); size > 0 && trimmed[size - 1] == '/'; size--)
        trimmed[size - 1] = '\0';
    const char *slash = strrchr(trimmed, '/');
    const char *name = slash ? slash + 1 : trimmed;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        rc = error_set(err, ERROR_INVALID, "'%s' can't be removed: it names no entry of a folder",
                       path);
        goto done;
    }
    folder = folder_of(trimmed);
    if (!folder) {
        rc = error_system(err, ENOMEM, "removing '%s'", path);
        goto done;
    }
    top_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top_fd < 0) {
        if (errno != ENOENT)
            rc = error_system(err, errno, "removing '%s'", path);
        goto done;
    }
    if (unlinkat(top_fd, name, 0) < 0 && errno != ENOENT) {
        struct stat st;
        int saved = errno;
        if (fstatat(top_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            rc = remove_folder(top_fd, name, path, err);
        else
            rc = error_system(err, saved, "removing '%s'", path);
    }
    (void)close(top_fd);
done:
    free(folder);
    free(trimmed);
    return rc;
}

/* ---- questions and names ---- */

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    int saved = errno;
    bool yes = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    errno = saved;
    return yes;
}

char *file_join(const char *a, const char *b)
{
    if (*b == '/' || *a == '\0')
        return text_dup_size(b, strlen(b));
    return text_format(text_ends(a, "/") ? "%s%s" : "%s/%s", a, b);
}

/* The value of an XDG variable; the specification says to ignore what is no absolute path. */
static const char *xdg(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value == '/' ? value : NULL;
}

/* The user's home folder: the caller frees. */
static char *user_home(void)
{
    const char *home = xdg("HOME");
    if (home)
        return strdup(home);
    struct passwd entry;
    struct passwd *found = NULL;
    char space[4096];
    if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found && entry.pw_dir &&
        *entry.pw_dir == '/')
        return strdup(entry.pw_dir);
    errno = ENOENT;
    return NULL;
}

/* Ours alone?  A folder under /tmp could have been laid out for us by somebody else. */
static int check_private(const char *path, struct error *err)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return error_system(err, errno, "the runtime folder '%s'", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return error_set(err, ERROR_DENIED,
                         "'%s' is not a folder of this user alone: remove it, or set "
                         "XDG_RUNTIME_DIR",
                         path);
    return 0;
}

static int runtime_home(char **out, struct error *err)
{
    const char *base = xdg("XDG_RUNTIME_DIR");
    struct stat st;
    char run[64];
    (void)snprintf(run, sizeof run, "/run/user/%ju", (uintmax_t)geteuid());
    if (!base && stat(run, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
        base = run;
    char *path = base ? file_join(base, "moonfleet")
                      : text_format("/tmp/moonfleet-%ju", (uintmax_t)geteuid());
    int rc = 0;
    if (!path)
        rc = error_set(err, ERROR_NO_MEMORY, "the runtime folder: out of memory");
    else if (!base && mkdir(path, 0700) < 0 && errno != EEXIST)
        rc = error_system(err, errno, "making the runtime folder '%s'", path);
    else if (!base)
        rc = check_private(path, err);
    if (rc < 0) {
        free(path);
        return rc;
    }
    *out = path;
    return 0;
}

int file_home(enum file_home which, char **out, struct error *err)
{
    static const struct {
        const char *variable;
        const char *below_home;
    } homes[] = {
        [FILE_DATA_HOME] = { "XDG_DATA_HOME", ".local/share/moonfleet" },
        [FILE_CONFIG_HOME] = { "XDG_CONFIG_HOME", ".config/moonfleet" },
        [FILE_STATE_HOME] = { "XDG_STATE_HOME", ".local/state/moonfleet" },
    };
    if (which == FILE_RUNTIME_DIR)
        return runtime_home(out, err);
    assert((size_t)which < COUNT(homes));
    const char *base = xdg(homes[which].variable);
    char *home = base ? NULL : user_home();
    if (!base && !home)
        return error_set(err, errno == ENOMEM ? ERROR_NO_MEMORY : ERROR_NOT_FOUND,
                         "this user has no home folder: set HOME or %s", homes[which].variable);
    char *path = base ? file_join(base, "moonfleet") : file_join(home, homes[which].below_home);
    free(home);
    if (!path)
        return error_set(err, ERROR_NO_MEMORY, "a folder's name: out of memory");
    *out = path;
    return 0;
}
