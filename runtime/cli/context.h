/* context.h - which plane, subscription, resource group and workspace a command talks to.
 *
 * Named contexts stand in $XDG_CONFIG_HOME/moonfleet/contexts.json:
 *   {"current":"team","contexts":{"team":{"plane":"https://…","subscription","resourceGroup",
 *    "workspace","tenant"}}}
 * `local` and `memory` are always there. */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include "cli/command.h"

/* What a fresh local plane has (runtime/plane/seed.json). */
#define LOCAL_TENANT "00000000-0000-4000-8000-00000000000a"
#define LOCAL_SUBSCRIPTION "00000000-0000-4000-8000-000000000001"
#define LOCAL_GROUP "moonfleet"
#define LOCAL_WORKSPACE "ds-workspace"

enum plane_kind {
    PLANE_LOCAL,  /* the user's own, started when it is needed */
    PLANE_MEMORY, /* in this process */
    PLANE_SOCKET, /* unix:PATH */
    PLANE_URL,    /* http(s)://… */
};

/* All texts are owned; NULL: not known. */
struct context {
    enum plane_kind kind;
    char *name;
    char *plane; /* "local", "memory", "unix:/path", "https://host" */
    char *subscription, *group, *workspace, *tenant;
};

/* The context of this command: --context, else MOONFLEET_CONTEXT, else the file's current one, else
 * local; then --subscription, --resource-group and --workspace.  ERROR_NOT_FOUND with a suggestion;
 * ERROR_USAGE for a plane that is none; ERROR_SYNTAX for a damaged file. */
int context_resolve(const struct invocation *invocation, struct context *out, struct error *err);
void context_clear(struct context *context);

/* Names of all contexts, one a line, for the shells. */
int context_complete(const struct invocation *invocation, struct error *err);

extern const struct command command_context, command_context_list, command_context_show,
    command_context_use, command_context_set, command_context_remove;

#endif
