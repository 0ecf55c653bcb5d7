/* directory_commands.h - user and group: the directory of a plane. */
#ifndef CLI_DIRECTORY_COMMANDS_H
#define CLI_DIRECTORY_COMMANDS_H

#include "cli/command.h"

extern const struct command command_user_list, command_user_create, command_user_delete,
    command_group_list, command_group_show, command_group_create, command_group_add,
    command_group_remove, command_group_delete;

#endif
