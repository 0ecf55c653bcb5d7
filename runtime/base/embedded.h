/* embedded.h - files that the binary carries (lua/, the seed, the starter recipe). */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

/* One file.  `data` ends with a NUL that `size` does not count.  Tables end with a NULL name and
 * are sorted by name; names are relative to the source tree ("lua/recipe/fleet.lua"). */
struct embedded_file {
    const char *name;
    const char *data;
    size_t size;
};

/* The row called `name`, or NULL. */
const struct embedded_file *embedded_find(const struct embedded_file *table, const char *name);

#endif
