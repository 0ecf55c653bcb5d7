/* embedded.h - the Lua files that the binary carries, made from lua/ by the build. */
#ifndef SCRIPT_EMBEDDED_H
#define SCRIPT_EMBEDDED_H

#include "base/embedded.h"

extern const struct embedded_file embedded_lua[]; /* sorted by name; ends with a NULL name */

#endif
