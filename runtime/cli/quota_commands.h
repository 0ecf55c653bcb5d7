/* quota_commands.h - quota and sizes: what a location offers, and how much of it may be used. */
#ifndef CLI_QUOTA_COMMANDS_H
#define CLI_QUOTA_COMMANDS_H

#include "cli/command.h"

extern const struct command command_quota, command_quota_set, command_sizes;

#endif
