/* judge.h - one question of who may do what, with its answer, its reasons and what to do: what `can`
 * and `why` print. */
#ifndef CLI_JUDGE_H
#define CLI_JUDGE_H

#include "cli/session.h"
#include "cli/who.h"
#include "engine/access.h"

/* Texts are owned; begin with zeros, release with judged_clear() also after a failure. */
struct judged {
    struct who who;
    const char *action; /* whole; static or from argv */
    char *scope;
    struct access *access;
    enum access_answer answer;
    struct rbac_explanation why;
    struct buffer because;              /* sentences, a line each, in the order to be followed */
    struct buffer notes;                /* remarks beside it, a line each */
    const struct rbac_role *suggestion; /* the smallest built-in role that would do; or NULL */
    char *command;                      /* that gives it; or NULL */
};

struct question {
    const char *who, *action, *scope; /* as they were typed; scope NULL: the workspace */
    bool data_action;
};

/* Words that are no action or no scope are ERROR_USAGE; nobody of that name ERROR_NOT_FOUND. */
int judge(struct session *session, const struct question *question, struct judged *out,
          struct error *err);
void judged_clear(struct judged *judged);

#endif
