/* words.c - see words.h. */
#include "rbac/words.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define ML "Microsoft.MachineLearningServices/"
#define AUTHORIZATION "Microsoft.Authorization/"

static const struct rbac_word words[] = {
    { "computes/read", RBAC_READ, "see instances" },
    { "computes/write", RBAC_WRITE, "create and change instances" },
    { "computes/delete", RBAC_DELETE, "delete instances" },
    { "computes/start", RBAC_START, "start instances" },
    { "computes/stop", RBAC_STOP, "stop instances" },
    { "computes/restart", RBAC_RESTART, "restart instances" },
    { "computes/applicationaccess", RBAC_APPLICATION_ACCESS, "use the applications of instances" },
    { "computes/updateSchedules", RBAC_UPDATE_SCHEDULES, "change the schedules of instances" },
    { "computes/updateIdleShutdownSetting", RBAC_UPDATE_IDLE_SHUTDOWN,
      "change the idle shutdown of instances" },
    { "computes/enableSso", RBAC_COMPUTES "enableSso/action", "enable single sign-on" },
    { "computes/listNodes", RBAC_COMPUTES "listNodes/action", "list the nodes of computes" },
    { "computes/listKeys", RBAC_COMPUTES "listKeys/action", "read the keys of computes" },
    { "checkComputeNameAvailability", RBAC_CHECK_NAME, "ask whether an instance's name is free" },
    { "workspaces/read", ML "workspaces/read", "see the workspace" },
    { "workspaces/write", ML "workspaces/write", "create and change workspaces" },
    { "workspaces/delete", ML "workspaces/delete", "delete workspaces" },
    { "locations/updateQuotas", ML "locations/updateQuotas/action", "change quota" },
    { "roleAssignments/read", AUTHORIZATION "roleAssignments/read", "see who has which role" },
    { "roleAssignments/write", RBAC_GRANT, "give roles to people" },
    { "roleAssignments/delete", RBAC_REVOKE, "take roles away" },
    { "roleDefinitions/read", AUTHORIZATION "roleDefinitions/read", "see role definitions" },
    { "roleDefinitions/write", RBAC_ROLE_WRITE, "make and change roles" },
    { "roleDefinitions/delete", RBAC_ROLE_DELETE, "delete roles" },
    { "denyAssignments/read", AUTHORIZATION "denyAssignments/read", "see deny assignments" },
};

const struct rbac_word *rbac_words(size_t *out_count)
{
    *out_count = COUNT(words);
    return words;
}

/* ---- actions ---- */

static const char *last_part(const char *word)
{
    const char *slash = strrchr(word, '/');
    return slash ? slash + 1 : word;
}

/* A whole action names its provider: "Microsoft.X/…", with a dot before the first slash. */
static bool names_provider(const char *said)
{
    size_t provider = strcspn(said, "/");
    return said[provider] == '/' && memchr(said, '.', provider);
}

/* "a/b/c", nothing empty, nothing but letters, digits and what names hold. */
static bool is_action(const char *said)
{
    size_t size = strlen(said);
    if (size > RBAC_ACTION_MAX || said[0] == '/' || said[size - 1] == '/' || strstr(said, "//"))
        return false;
    for (const char *c = said; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '*')
            return false;
    return true;
}

/* Copies `said` without what people may leave out or not: "workspaces/", "/action". */
static void strip(char *out, size_t out_size, const char *said)
{
    const char *under = "workspaces/computes/";
    (void)text_copy(out, out_size, text_starts_nocase(said, under) ? said + 11 : said);
    size_t size = strlen(out), tail = strlen("/action");
    if (size > tail && text_equal_nocase(out + size - tail, "/action"))
        out[size - tail] = '\0';
}

static int no_action(const char *said, struct error *err)
{
    const char *names[2 * COUNT(words)];
    for (size_t i = 0; i < COUNT(words); i++) {
        names[i] = words[i].word;
        names[COUNT(words) + i] = last_part(words[i].word);
    }
    const char *near = text_nearest(said, names, COUNT(names));
    for (size_t i = 0; near && i < COUNT(words); i++)
        if (near == names[COUNT(words) + i])
            near = words[i].word;
    if (near)
        return error_set(err, ERROR_INVALID, "unknown action '%.100s', did you mean '%s'?", said,
                         near);
    return error_set(err, ERROR_INVALID,
                     "unknown action '%.100s': it is one like computes/start or roleAssignments/"
                     "write, or a whole one like Microsoft.Storage/storageAccounts/read",
                     said);
}

int rbac_action_of(const char *said, const char **out, struct error *err)
{
    char word[128];
    const struct rbac_word *found = NULL;
    if (names_provider(said)) {
        if (!is_action(said))
            return error_set(
                err, ERROR_INVALID,
                "'%.200s' is no single action: it has a star, a blank or an empty part", said);
        *out = said;
        return 0;
    }
    strip(word, sizeof word, said);
    for (size_t i = 0; i < COUNT(words); i++) {
        if (text_equal_nocase(words[i].word, word)) {
            *out = words[i].action;
            return 0;
        }
        if (!text_equal_nocase(last_part(words[i].word), word))
            continue;
        if (found)
            return error_set(err, ERROR_INVALID, "'%s' is several actions: '%s', '%s'…", word,
                             found->word, words[i].word);
        found = &words[i];
    }
    if (!found)
        return no_action(word, err);
    *out = found->action;
    return 0;
}

static const struct rbac_word *word_of(const char *action)
{
    for (size_t i = 0; i < COUNT(words); i++)
        if (text_equal_nocase(words[i].action, action))
            return &words[i];
    return NULL;
}

const char *rbac_action_word(const char *action)
{
    const struct rbac_word *word = word_of(action);
    return word ? word->word : action;
}

const char *rbac_action_doing(const char *action)
{
    const struct rbac_word *word = word_of(action);
    return word ? word->doing : NULL;
}

#define INSTANCES " instances"

/* "a, b and c": what stands before the index-th of `count`. */
static const char *comma(size_t index, size_t count)
{
    return index == 0 ? "" : index + 1 == count ? " and " : ", ";
}

static size_t pick(const char *const *actions, size_t count, bool of_instances,
                   const char *out[COUNT(words)])
{
    size_t picked = 0;
    for (size_t i = 0; i < count && picked < COUNT(words); i++) {
        const char *doing = rbac_action_doing(actions[i]);
        if (doing && text_ends(doing, INSTANCES) == of_instances)
            out[picked++] = doing;
    }
    return picked;
}

void rbac_doing_words(struct buffer *out, const char *const *actions, size_t count)
{
    const char *doings[COUNT(words)];
    size_t picked = pick(actions, count, true, doings);
    for (size_t i = 0; i < picked; i++)
        buffer_format(out, "%s%.*s", comma(i, picked), (int)(strlen(doings[i]) - strlen(INSTANCES)),
                      doings[i]);
    if (picked > 0)
        buffer_text(out, INSTANCES);
    bool both = picked > 0;
    picked = pick(actions, count, false, doings);
    for (size_t i = 0; i < picked; i++)
        buffer_format(out, "%s%s", i == 0 && both ? ", and " : comma(i, picked), doings[i]);
}

/* ---- scopes ---- */

static const struct {
    const char *type, *word;
} types[] = {
    { "subscriptions", "subscription" },
    { "resourceGroups", "resource group" },
    { "managementGroups", "management group" },
    { "workspaces", "workspace" },
    { "computes", "instance" },
};

/* Finds the last two segments: type and name.  False when there are no two. */
static bool last_pair(const char *scope, const char **type, size_t *type_size, const char **name,
                      size_t *name_size)
{
    size_t end = strlen(scope);
    while (end > 0 && scope[end - 1] == '/')
        end--;
    size_t at = end;
    while (at > 0 && scope[at - 1] != '/')
        at--;
    *name = scope + at;
    *name_size = end - at;
    if (at < 2)
        return false;
    end = at - 1;
    for (at = end; at > 0 && scope[at - 1] != '/';)
        at--;
    *type = scope + at;
    *type_size = end - at;
    return *type_size > 0 && *name_size > 0;
}

void rbac_scope_words(struct buffer *out, const char *scope)
{
    const char *type, *name;
    size_t type_size, name_size;
    if (scope[0] == '/' && strspn(scope, "/") == strlen(scope)) {
        buffer_text(out, "everything (/)");
        return;
    }
    if (last_pair(scope, &type, &type_size, &name, &name_size)) {
        for (size_t i = 0; i < COUNT(types); i++) {
            if (strlen(types[i].type) != type_size ||
                strncasecmp(types[i].type, type, type_size) != 0)
                continue;
            buffer_format(out, "%s %.*s", types[i].word, (int)name_size, name);
            return;
        }
    }
    buffer_text(out, scope);
}

const char *rbac_scope_text(char *out, size_t out_size, const char *scope)
{
    struct buffer text = { 0 };
    rbac_scope_words(&text, scope);
    (void)text_copy(out, out_size, text.data ? text.data : "");
    buffer_clear(&text);
    return out;
}

/* ---- explanations ---- */

void rbac_principal_words(struct buffer *out, const struct rbac_naming *naming, const char *id)
{
    const char *name = naming && naming->name ? naming->name(id, naming->arg) : NULL;
    if (text_equal(id, RBAC_EVERYONE))
        buffer_text(out, "everyone");
    else
        buffer_text(out, name ? name : id);
}

/* "ada@x is a member of group a" for every step of the way. */
static void say_path(struct buffer *out, const struct rbac_path *path,
                     const struct rbac_naming *naming)
{
    for (size_t i = 1; i < path->count; i++) {
        rbac_principal_words(out, naming, path->ids[i - 1]);
        buffer_text(out, " is a member of ");
        rbac_principal_words(out, naming, path->ids[i]);
        if (path->gap == i)
            buffer_text(out, ", by way of further groups");
        buffer_char(out, '\n');
    }
}

static const char *role_name(const struct rbac_explanation *why)
{
    return why->role ? why->role->name ? why->role->name : why->role->id : why->assignment->role_id;
}

/* "group g has the role 'R' at workspace w" */
static void say_assignment(struct buffer *out, const struct rbac_explanation *why,
                           const struct rbac_naming *naming)
{
    say_path(out, &why->path, naming);
    rbac_principal_words(out, naming, why->assignment->principal_id);
    buffer_format(out, " has the role '%s' at ", role_name(why));
    rbac_scope_words(out, why->assignment->scope);
    buffer_char(out, '\n');
}

static void say_pattern(struct buffer *out, const struct rbac_question *question,
                        const struct rbac_explanation *why)
{
    if (!why->pattern)
        return;
    buffer_format(out, "the role gives '%s'", why->pattern);
    if (!text_equal_nocase(why->pattern, question->action))
        buffer_format(out, ", which covers %s", question->action);
    buffer_char(out, '\n');
}

static void say_chain(struct buffer *out, const struct rbac_question *question,
                      const struct rbac_explanation *why, const struct rbac_naming *naming)
{
    say_assignment(out, why, naming);
    say_pattern(out, question, why);
}

static void say_deny(struct buffer *out, const struct rbac_question *question,
                     const struct rbac_explanation *why, const struct rbac_naming *naming)
{
    const struct rbac_path *path = &why->deny_path;
    bool may = why->verdict == RBAC_CONDITIONAL;
    say_path(out, path, naming);
    buffer_format(out, "the deny assignment '%s' at ",
                  why->deny->name ? why->deny->name
                  : why->deny->id ? why->deny->id
                                  : "without a name");
    rbac_scope_words(out, why->deny->scope);
    buffer_format(out, " %s %s to ", may ? "may deny" : "denies",
                  why->deny_pattern ? why->deny_pattern : question->action);
    bool everyone = path->count == 0 || (path->count == 1 && why->deny->principals.count == 1 &&
                                         text_equal(why->deny->principals.items[0], RBAC_EVERYONE));
    rbac_principal_words(out, naming, everyone ? RBAC_EVERYONE : path->ids[path->count - 1]);
    buffer_text(out, may ? ": it has a condition, which is decided by the plane at each request\n"
                         : ", whatever roles say\n");
    if (why->assignment) {
        buffer_text(out, may ? "else it is given: " : "without it, it would be given: ");
        say_chain(out, question, why, naming);
    }
}

static void say_other_plane(struct buffer *out, const struct rbac_question *question,
                            const struct rbac_explanation *why)
{
    buffer_format(
        out,
        question->data_action
            ? "the role gives '%s', but as an action, and this was asked as a data action\n"
            : "the role gives '%s', but as a data action, and this is none\n",
        why->pattern ? why->pattern : question->action);
}

static void say_out_of_scope(struct buffer *out, const struct rbac_question *question)
{
    buffer_text(out, "that is not ");
    rbac_scope_words(out, question->scope);
    buffer_text(out, ", nor anything above it\n");
}

static void say_nothing(struct buffer *out, const struct rbac_question *question,
                        const struct rbac_naming *naming)
{
    rbac_principal_words(out, naming, question->principal_id);
    buffer_format(out, " has no role that gives %s, at ", question->action);
    rbac_scope_words(out, question->scope);
    buffer_text(out, " or anywhere else that is known\n");
}

void rbac_because_words(struct buffer *out, const struct rbac_question *question,
                        const struct rbac_explanation *why, const struct rbac_naming *naming)
{
    switch (why->because) {
    case RBAC_BECAUSE_ASSIGNMENT:
        say_chain(out, question, why, naming);
        if (why->assignment->has_condition)
            buffer_text(out,
                        "the role assignment has a condition, which is decided by the plane at "
                        "each request\n");
        break;
    case RBAC_BECAUSE_DENY:
        say_deny(out, question, why, naming);
        break;
    case RBAC_BECAUSE_NOT_ACTION:
        say_chain(out, question, why, naming);
        buffer_format(out, "but the same role takes '%s' out again (notActions)\n",
                      why->not_pattern ? why->not_pattern : question->action);
        break;
    case RBAC_BECAUSE_OTHER_PLANE:
        say_assignment(out, why, naming);
        say_other_plane(out, question, why);
        break;
    case RBAC_BECAUSE_SCOPE:
        say_assignment(out, why, naming);
        say_out_of_scope(out, question);
        break;
    case RBAC_BECAUSE_ROLE_GONE:
        say_assignment(out, why, naming);
        buffer_text(out, "that role's definition is gone, so it gives nothing\n");
        break;
    case RBAC_BECAUSE_NOTHING:
        say_nothing(out, question, naming);
        break;
    case RBAC_BECAUSE_NO_QUESTION:
        buffer_format(out, "'%s' at '%s' is no single action at a scope\n", question->action,
                      question->scope);
        break;
    }
}
