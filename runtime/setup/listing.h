/* listing.h - what stands in an instance beyond the machine it is a view of, and what makes two of
 * those differ.
 *
 * A listing is written by a process that can see the layers (plane/drivers/oci_scan.c) and read by
 * whoever compares: pure text, one record an entry, fields parted by tabs, each record ended by a
 * NUL, since file names may hold anything else:
 *
 *   F <type> <size> <mtime ns> <mode, octal> <uid> <gid> <below> <digest or -> <path>
 *   P <name> <version>           a Debian package that is installed
 *   U <name> <uid>   G <name> <gid>
 *   E <version of the format>    the end: a listing without it was cut
 *
 * Of files only those are listed that differ from the machine below, removed ones included. */
#ifndef SETUP_LISTING_H
#define SETUP_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define LISTING_DIGEST_SIZE 33 /* half a SHA-256 as text: enough to tell contents apart */

/* What the machine below has at the same path. */
enum listing_below {
    LISTING_BELOW_NOTHING = 'n',
    LISTING_BELOW_SAME = 's',    /* the same content, mode and owner: it was only touched */
    LISTING_BELOW_CHANGED = 'c', /* something else */
};

enum listing_type {
    LISTING_FILE = 'f',
    LISTING_FOLDER = 'd',
    LISTING_LINK = 'l',
    LISTING_OTHER = 'o',   /* a socket, a pipe, a device */
    LISTING_REMOVED = 'w', /* the machine has it, the instance doesn't */
};

struct listing_file {
    const char *path; /* "/usr/bin/x" */
    char type;        /* enum listing_type */
    char below;       /* enum listing_below */
    int64_t size, mtime_ns;
    unsigned mode;
    int64_t uid, gid;
    char digest[LISTING_DIGEST_SIZE]; /* of a file's content or a link's target; "": not known */
};

/* A package, a user or a group. */
struct listing_name {
    const char *name;
    const char *value; /* version or id */
};

struct listing_names {
    struct listing_name *items; /* sorted by name */
    size_t count, capacity;
};

struct listing {
    char *text;                 /* owned: what all else points into */
    struct listing_file *files; /* sorted by path */
    size_t count, capacity;
    struct listing_names packages, users, groups;
};

/* Appends one record. */
void listing_write_file(struct buffer *out, const struct listing_file *file);
void listing_write_name(struct buffer *out, char kind, const char *name, const char *value);
void listing_write_end(struct buffer *out);

/* Reads a whole listing; *out is the caller's: listing_clear().  ERROR_SYNTAX tells which record is
 * malformed, or that the end is missing; ERROR_NO_MEMORY. */
int listing_read(const char *text, size_t size, struct listing *out, struct error *err);
void listing_clear(struct listing *listing);

enum change_kind { CHANGE_ADDED, CHANGE_CHANGED, CHANGE_REMOVED };

/* One thing that differs.  Texts are borrowed from the two listings. */
struct change {
    enum change_kind kind;
    const char *name;           /* a path, a package, a user, a group */
    const char *before, *after; /* versions and ids; NULL: none */
    const struct listing_file
        *file;     /* files: how it is now (removed ones: how it was); may be NULL */
    int64_t grown; /* files: bytes that it got longer by */
};

struct change_list {
    struct change *items; /* sorted by name */
    size_t count, capacity;
};

struct changes {
    struct change_list files; /* folders: new, gone, of another mode or owner */
    struct change_list packages, users, groups;
    struct change_list pip;      /* from .dist-info folders; names and versions are owned */
    struct change_list services; /* unit files and init scripts */
    char **owned;                /* texts of pip */
    size_t owned_count, owned_capacity;
};

/* What `after` has different from `before`.  A file that was written again with the same content,
 * mode and owner is no change, whatever its time says, where its content is known.  Both listings
 * must outlive `out` (changes_clear(), also after a failure).  ERROR_NO_MEMORY. */
int listing_compare(const struct listing *before, const struct listing *after, struct changes *out,
                    struct error *err);
void changes_clear(struct changes *changes);
/* Nothing at all? */
bool changes_none(const struct changes *changes);

/* A place for what comes and goes by itself: caches, logs, temporary files, compiled Python. */
bool listing_is_noise(const char *path);

#endif
