/* setup.h - the `setup` commands: scripts without a cloud. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "cli/command.h"

extern const struct command command_setup_lint, command_setup_try, command_setup_diff,
    command_setup_cache;

#endif
