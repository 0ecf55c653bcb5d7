/* init.h - a starter recipe for a new folder. */
#ifndef CLI_INIT_H
#define CLI_INIT_H

#include "cli/command.h"

extern const struct command command_init;

#endif
