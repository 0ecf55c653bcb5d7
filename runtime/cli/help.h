/* help.h - everything that is told about commands, printed from the command table. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/buffer.h"
#include "cli/command.h"

/* The overview: one line a command. */
void help_overview(struct buffer *out);
/* One command in full: usage, text, options, examples. */
void help_command(struct buffer *out, const struct command *command);
/* The one line behind a usage error; `command` may be NULL. */
void help_usage(struct buffer *out, const struct command *command);
/* The commands of a group ("context"). */
void help_group(struct buffer *out, const char *word);
/* The same as data, for --json; `command` NULL: all. The caller's. */
cJSON *help_json(const struct command *command);

/* What the shells and man read: "bash", "zsh", "fish" or "man"; ERROR_USAGE for anything else. */
int help_generate(const char *kind, struct buffer *out, struct error *err);

extern const struct command command_help;
extern const struct command command_complete;

#endif
