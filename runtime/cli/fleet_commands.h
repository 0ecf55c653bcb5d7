/* fleet_commands.h - plan, apply, destroy. */
#ifndef CLI_FLEET_COMMANDS_H
#define CLI_FLEET_COMMANDS_H

#include "cli/command.h"

extern const struct command command_plan, command_apply, command_destroy;

#endif
