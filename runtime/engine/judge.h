/* judge.h - one question of who may do what, with its answer, its reasons and what to do: what `can`
 * and `why` print, and what scripts get. */
#ifndef ENGINE_JUDGE_H
#define ENGINE_JUDGE_H

#include "client/computes.h"
#include "engine/access.h"
#include "engine/who.h"

/* Texts are owned; begin with zeros, release with judged_clear() also after a failure. */
struct judged {
    struct who who;
    char *action; /* whole */
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

struct judging;
/* The end, from the loop, once.  `rc` 0: the receiver may take what is in `judged`, leaving zeros. */
typedef void judge_done_fn(int rc, struct judged *judged, const struct error *err, void *arg);

/* Starts asking; the question is copied, the texts of `here` are borrowed until the end.  At once:
 * words that are no action or no scope are ERROR_USAGE.  Later: nobody of that name is
 * ERROR_NOT_FOUND.  *out is valid until the callback. */
int judge_start(struct arm_client *client, const struct workspace_ref *here,
                const struct question *question, judge_done_fn *done, void *arg,
                struct judging **out, struct error *err);
void judge_cancel(struct judging *judging); /* without its callback; NULL is fine */

/* The same, running the loop until it is answered. */
int judge(struct arm_client *client, const struct workspace_ref *here,
          const struct question *question, struct judged *out, struct error *err);
void judged_clear(struct judged *judged);

/* The document of `can --json` and `why --json`; the caller's. */
cJSON *judged_json(const struct judged *judged);

#endif
