/* file.h - files and folders: whole reads with a cap, durable writes, recursive removal. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

/* Appends the whole file to `out`; ERROR_TOO_LARGE beyond `max` bytes; folders are ERROR_INVALID.
 * Pipes are read to their end.  `out` is untouched when it fails. */
int file_read(const char *path, size_t max, struct buffer *out, struct error *err);
/* The same relative to `dir_fd`, refusing to leave that folder by "..", a symlink or an absolute
 * path (openat2 RESOLVE_BENEATH): ERROR_DENIED.  Only regular files: anything else is
 * ERROR_INVALID. */
int file_read_beneath(int dir_fd, const char *path, size_t max, struct buffer *out,
                      struct error *err);

/* Replaces the file atomically and durably (temporary file, fsync, rename, fsync of the folder). It
 * gets exactly `mode`, whatever the umask. */
int file_write(const char *path, const void *data, size_t size, mode_t mode, struct error *err);

/* Makes the folder and its parents, each with `mode` less the umask; an existing folder is fine. */
int file_make_dirs(const char *path, mode_t mode, struct error *err);

/* Removes a file or a whole tree, never following symlinks or crossing into another mount (not even
 * one of the same file system: ERROR_CONFLICT); missing is fine.  Folders of ours without rights
 * are given them first.  Stops at the first thing that can't be removed. */
int file_remove_tree(const char *path, struct error *err);

bool file_exists(const char *path);
bool file_is_dir(const char *path);

/* "<a>/<b>"; the caller frees; NULL when there is no memory.  An absolute `b` is returned as it is.
 */
char *file_join(const char *a, const char *b);

/* $XDG_DATA_HOME/moonfleet, $XDG_CONFIG_HOME/moonfleet, $XDG_STATE_HOME/moonfleet and
 * $XDG_RUNTIME_DIR/moonfleet with the fallbacks of the XDG specification (for the runtime folder:
 * /run/user/<uid> when it is ours, else /tmp/moonfleet-<uid>, made 0700 and checked to be ours).
 * Nothing is created except that last one.  The caller frees *out. */
enum file_home { FILE_DATA_HOME, FILE_CONFIG_HOME, FILE_STATE_HOME, FILE_RUNTIME_DIR };
int file_home(enum file_home which, char **out, struct error *err);

#endif
