/* words.h - actions, scopes and explanations as people say them.
 *
 * "computes/start" is Microsoft.MachineLearningServices/workspaces/computes/start/action; a scope is
 * "instance ds-ada"; a decision is a few sentences.  Appended texts are as they came: whoever shows
 * them on a terminal escapes them. */
#ifndef RBAC_WORDS_H
#define RBAC_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "rbac/decide.h"
#include "rbac/pattern.h"

/* What this program and its plane ask for by name. */
#define RBAC_COMPUTES "Microsoft.MachineLearningServices/workspaces/computes/"
#define RBAC_READ RBAC_COMPUTES "read"
#define RBAC_WRITE RBAC_COMPUTES "write"
#define RBAC_DELETE RBAC_COMPUTES "delete"
#define RBAC_START RBAC_COMPUTES "start/action"
#define RBAC_STOP RBAC_COMPUTES "stop/action"
#define RBAC_RESTART RBAC_COMPUTES "restart/action"
#define RBAC_APPLICATION_ACCESS RBAC_COMPUTES "applicationaccess/action"
#define RBAC_UPDATE_SCHEDULES RBAC_COMPUTES "updateSchedules/action"
#define RBAC_UPDATE_IDLE_SHUTDOWN RBAC_COMPUTES "updateIdleShutdownSetting/action"
#define RBAC_CHECK_NAME                                                                            \
    "Microsoft.MachineLearningServices/workspaces/checkComputeNameAvailability/action"
#define RBAC_GRANT "Microsoft.Authorization/roleAssignments/write"
#define RBAC_REVOKE "Microsoft.Authorization/roleAssignments/delete"
#define RBAC_ROLE_WRITE "Microsoft.Authorization/roleDefinitions/write"
#define RBAC_ROLE_DELETE "Microsoft.Authorization/roleDefinitions/delete"

/* An action that has a short word. */
struct rbac_word {
    const char *word;   /* "computes/start" */
    const char *action; /* the whole of it */
    const char *doing;  /* what it does: "start instances" */
};
/* All of them, in an order for people.  Static. */
const struct rbac_word *rbac_words(size_t *out_count);

/* What was meant by `said`: a short word, its last part alone where that is one action ("start"),
 * either with or without "/action", or a whole action ("Microsoft.X/y/read"), which is taken as it
 * is.  *out (static, or `said` itself) is then the action.  ERROR_INVALID tells what is near. */
int rbac_action_of(const char *said, const char **out, struct error *err);
/* The short word of an action, or the action itself. */
const char *rbac_action_word(const char *action);
/* "start instances"; NULL for an action that has no word. */
const char *rbac_action_doing(const char *action);

/* Appends what several actions do, as one phrase: "see, start and stop instances, and give roles to
 * people".  Those without a word are left out. */
void rbac_doing_words(struct buffer *out, const char *const *actions, size_t count);

/* Appends "instance ds-ada", "workspace ds-workspace", "resource group rg", "subscription 0000…",
 * "management group top", "everything (/)", or the scope itself. */
void rbac_scope_words(struct buffer *out, const char *scope);
/* The same, and nothing else, into a fixed size, cut at the end.  Returns `out`. */
const char *rbac_scope_text(char *out, size_t out_size, const char *scope);

/* How principals are called.  Returns NULL for those it does not know; their id is then shown. */
struct rbac_naming {
    const char *(*name)(const char *principal_id, void *arg); /* "group data-scientists" */
    void *arg;
};
/* Appends what `naming` (may be NULL) says, or the id. */
void rbac_principal_words(struct buffer *out, const struct rbac_naming *naming, const char *id);

/* What was asked. */
struct rbac_question {
    const char *principal_id, *action, *scope;
    bool data_action;
};

/* Appends the explanation as sentences without a full stop, each on a line of its own, in the order
 * in which a person follows them: who is in which group, which role is given where, what of the
 * role covers the action; or what is in the way. */
void rbac_because_words(struct buffer *out, const struct rbac_question *question,
                        const struct rbac_explanation *why, const struct rbac_naming *naming);

#endif
