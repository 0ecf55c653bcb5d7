/* describe.h - help on the types of recipes, printed from the schema. */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include "base/buffer.h"
#include "cli/command.h"

bool describe_type_exists(const char *name);
/* The type's fields, as text or as JSON. */
int describe_type(struct invocation *invocation, const char *name, struct error *err);

/* Appends the classes of all types for editors (LuaLS annotations): a file of Lua. */
void describe_annotations(struct buffer *out);

#endif
