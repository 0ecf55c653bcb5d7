/* access_commands.h - roles as commands see them: who may do what, who was given what, what was
 * done. */
#ifndef CLI_ACCESS_COMMANDS_H
#define CLI_ACCESS_COMMANDS_H

#include "cli/command.h"

extern const struct command command_can, command_why;                      /* access_commands.c */
extern const struct command command_roles;                                 /* role_commands.c */
extern const struct command command_grants, command_grant, command_revoke; /* grant_commands.c */
extern const struct command command_audit;                                 /* audit_command.c */

#endif
