/* access_commands.c - can and why: may they, and because of what. */
#include "cli/access_commands.h"

#include "base/text.h"
#include "cli/session.h"
#include "engine/judge.h"

static enum style style_of(enum access_answer answer)
{
    return answer == ACCESS_ALLOWED  ? STYLE_GREEN
           : answer == ACCESS_DENIED ? STYLE_RED
                                     : STYLE_YELLOW;
}

static const char *word_of(enum access_answer answer)
{
    static const char *const words[] = { [ACCESS_DENIED] = "no",
                                         [ACCESS_ALLOWED] = "yes",
                                         [ACCESS_CONDITIONAL] = "conditional",
                                         [ACCESS_UNKNOWN] = "unknown" };
    return words[answer];
}

/* ---- for people ---- */

/* "no: ada@x may not start instances (computes/start) at instance ds-ada" */
static void print_verdict(const struct output *output, const struct judged *judged)
{
    static const char *const verbs[] = { [ACCESS_DENIED] = "may not",
                                         [ACCESS_ALLOWED] = "may",
                                         [ACCESS_CONDITIONAL] = "may, on a condition,",
                                         [ACCESS_UNKNOWN] = "may or may not" };
    struct buffer text = { 0 };
    char name[OUTPUT_SAFE_SIZE], action[RBAC_ACTION_MAX], scope[RBAC_ACTION_MAX];
    const char *doing = rbac_action_doing(judged->action);
    rbac_scope_words(&text, judged->scope);
    output_safe(name, sizeof name, judged->who.name);
    output_safe(action, sizeof action, rbac_action_word(judged->action));
    output_safe(scope, sizeof scope, text.data ? text.data : "");
    buffer_clear(&text);
    output_print(output, "%s%s%s: %s %s ",
                 output_style(output->colour_out, style_of(judged->answer)),
                 word_of(judged->answer), output_style(output->colour_out, STYLE_PLAIN), name,
                 verbs[judged->answer]);
    if (doing)
        output_print(output, "%s (%s) at %s\n", doing, action, scope);
    else
        output_print(output, "do %s at %s\n", action, scope);
}

/* Lines, indented. */
static void print_lines(const struct output *output, const struct buffer *lines, const char *before)
{
    struct buffer safe = { 0 };
    if (lines->size == 0)
        return;
    output_escape(&safe, lines->data, true);
    for (const char *at = safe.data; at && *at;) {
        int size = (int)strcspn(at, "\n");
        output_print(output, "  %s%.*s\n", before, size, at);
        at += size + (at[size] == '\n');
    }
    buffer_clear(&safe);
}

static void print_advice(const struct output *output, const struct judged *judged)
{
    char safe[1024];
    if (judged->answer != ACCESS_DENIED || !judged->command)
        return;
    if (judged->why.verdict == RBAC_DENIED)
        output_print(output, "  the smallest built-in role that gives it is '%s':\n    %s\n",
                     judged->suggestion->name, output_safe(safe, sizeof safe, judged->command));
}

/* The one sentence of `can`: by which role, or what is in the way. */
static void print_reason(const struct output *output, const struct judged *judged)
{
    const struct buffer *because = &judged->because;
    char safe[1024];
    struct buffer first = { 0 };
    const struct rbac_explanation *why = &judged->why;
    if (judged->answer == ACCESS_ALLOWED && why->assignment && why->role &&
        !access_role_is_own(why->assignment->role_id)) {
        const struct rbac_naming naming = access_naming(judged->access);
        buffer_format(&first, "by the role '%s' of ", why->role->name ? why->role->name : "");
        rbac_principal_words(&first, &naming, why->assignment->principal_id);
        buffer_text(&first, " at ");
        rbac_scope_words(&first, why->assignment->scope);
    } else if (because->size > 1) {
        size_t end = because->size - 1, begin = end; /* the last line tells what decided */
        while (begin > 0 && because->data[begin - 1] != '\n')
            begin--;
        buffer_append(&first, because->data + begin, end - begin);
    }
    if (first.size > 0)
        output_print(output, "  %s\n", output_safe(safe, sizeof safe, first.data));
    buffer_clear(&first);
}

static int ask(struct invocation *invocation, struct session **session, struct judged *judged,
               struct error *err)
{
    const struct question question = {
        .who = invocation->arguments[0],
        .action = invocation->arguments[1],
        .scope = invocation->argument_count > 2 ? invocation->arguments[2] : NULL,
        .data_action = invocation_flag(invocation, "data"),
    };
    const char *action = NULL;
    int rc = rbac_action_of(question.action, &action, err);
    if (rc < 0)
        return ERROR_USAGE; /* without waking a plane */
    rc = session_open(invocation, session, err);
    if (rc < 0)
        return rc;
    const struct workspace_ref here = session_here(*session);
    return judge(session_client(*session), &here, &question, judged, err);
}

static int run(struct invocation *invocation, bool whole, struct error *err)
{
    struct output *output = invocation->output;
    struct session *session = NULL;
    struct judged judged = { 0 };
    int rc = ask(invocation, &session, &judged, err);
    bool allowed = judged.answer == ACCESS_ALLOWED;
    if (rc == 0 && output->json) {
        output_json(output, judged_json(&judged));
    } else if (rc == 0) {
        print_verdict(output, &judged);
        if (whole)
            print_lines(output, &judged.because, "");
        else
            print_reason(output, &judged);
        if (whole || allowed)
            print_lines(output, &judged.notes, "note: ");
        if (whole)
            print_advice(output, &judged);
    }
    judged_clear(&judged);
    session_free(session);
    return rc < 0 ? rc : whole || allowed ? EXIT_DONE : EXIT_FAILED;
}

static int run_can(struct invocation *invocation, struct error *err)
{
    return run(invocation, false, err);
}

static int run_why(struct invocation *invocation, struct error *err)
{
    return run(invocation, true, err);
}

/* ---- rows ---- */

#define WHO_ACTION_SCOPE                                                                           \
    "WHO is a user principal name, a group, a service principal, an object id, or me.\n"           \
    "ACTION may be short (computes/start, roleAssignments/write) or whole\n"                       \
    "(Microsoft.Storage/storageAccounts/read). SCOPE is workspace (the default),\n"                \
    "instance:NAME, resource-group, subscription, /, or a whole id.\n"
#define DOCUMENT                                                                                   \
    "--json: {\"answer\":\"allowed|denied|conditional|unknown\",\"who\":{\"id\",\"name\"},"        \
    "\"action\",\"scope\",\n\"because\":[sentences],\"notes\":[sentences],\"assignment\":{\"id\"," \
    "\"role\",\"roleId\",\n\"scope\",\"principalId\",\"principal\",\"condition\"}|null,"           \
    "\"pattern\",\"suggestedRole\",\"command\"}"

static const struct option_row question_options[] = {
    { "data", 0, NULL, "ACTION is a data action", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_can = {
    .name = "can",
    .arguments = "WHO ACTION [SCOPE]",
    .arguments_min = 2,
    .arguments_max = 3,
    .summary = "may they? exit status 0 yes, 1 no",
    .details = WHO_ACTION_SCOPE
    "An answer that depends on a condition, or on what the caller may not read, is no\n"
    "plain yes: exit status 1.\n" DOCUMENT,
    .examples = "moonfleet can ada@moonfleet.local computes/start instance:ds-ada\n"
                "moonfleet can me computes/write\tmay I create instances here?\n"
                "moonfleet can data-scientists roleAssignments/write resource-group --json",
    .options = question_options,
    .needs = NEEDS_PLANE,
    .run = run_can,
};

const struct command command_why = {
    .name = "why",
    .arguments = "WHO ACTION [SCOPE]",
    .arguments_min = 2,
    .arguments_max = 3,
    .summary = "because of what may they, or what to do so that they may",
    .details = WHO_ACTION_SCOPE
    "Tells the chain: which groups, which role, where it was given, which of its patterns.\n"
    "When denied: what comes nearest, and the smallest built-in role that would give "
    "it.\n" DOCUMENT,
    .examples = "moonfleet why ada@moonfleet.local computes/start instance:ds-ada\n"
                "moonfleet why me applicationaccess instance:ds-ada",
    .options = question_options,
    .needs = NEEDS_PLANE,
    .run = run_why,
};
