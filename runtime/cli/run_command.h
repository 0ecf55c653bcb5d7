/* run_command.h - run: a Lua script that asks. */
#ifndef CLI_RUN_COMMAND_H
#define CLI_RUN_COMMAND_H

#include "cli/command.h"

extern const struct command command_run;

#endif
