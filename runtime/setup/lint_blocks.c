/* lint_blocks.c - scripts inside scripts: what sudo, su and bash -c do not let through.
 *
 * What the outer shell puts into an unquoted here-document or double quotes is there; what the
 * inner shell is to find by itself is looked at here. */
#include "setup/lint_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/text.h"

/* A variable that a script sets, and the first of its commands that does. */
struct lint_name {
    char *name;
    uint32_t command;
    bool inside, outside; /* of as_user blocks */
    UT_hash_handle hh;
};

static struct lint_name *find(struct lint_name *names, const char *name)
{
    struct lint_name *found = NULL;
    HASH_FIND_STR(names, name, found);
    return found;
}

static void note_block(struct lint_name *row, bool inside)
{
    if (row && inside)
        row->inside = true;
    else if (row)
        row->outside = true;
}

static void add(struct lint *lint, struct lint_name **names, const char *text, size_t size,
                size_t command, bool inside)
{
    char *name = size > 0 ? text_dup_size(text, size) : NULL;
    struct lint_name *row = name ? find(*names, name) : NULL;
    if (size == 0 || row) {
        note_block(row, inside);
        free(name);
        return;
    }
    row = name ? calloc(1, sizeof *row) : NULL;
    if (!row) {
        free(name);
        lint->failed = true;
        return;
    }
    row->name = name;
    row->command = (uint32_t)command;
    note_block(row, inside);
    HASH_ADD_KEYPTR(hh, *names, row->name, strlen(row->name), row);
}

/* "export a=1 b", "local x", "read -r a b": names, with or without a value. */
static bool sets_arguments(const char *name)
{
    static const char *const words[] = { "export",  "local", "declare", "typeset", "readonly",
                                         "read",    "for",   "select",  "mapfile", "readarray",
                                         "getopts", "unset", "printf" };
    for (size_t i = 0; i < COUNT(words); i++)
        if (text_equal(words[i], name))
            return true;
    return false;
}

static size_t whole_name(const char *text)
{
    size_t size = lint_assigned_name(text);
    if (size > 0)
        return size;
    size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return text[size] ? 0 : size;
}

static void add_arguments(struct lint *lint, struct lint_name **names, const struct lint_call *call,
                          size_t command)
{
    bool first_only = text_equal(call->name, "for") || text_equal(call->name, "select");
    bool printf_v = text_equal(call->name, "printf");
    if (printf_v && !lint_call_has(call, "-v", 0))
        return;
    for (uint32_t word = call->first; word; word = call->script->words[word].next) {
        const char *text = lint_word_text(call->script, word);
        if (text[0] == '-')
            continue;
        add(lint, names, text, whole_name(text), command,
            lint_in_as_user(lint, call->command->place));
        if (first_only || printf_v)
            return;
    }
}

struct lint_name *lint_names_new(struct lint *lint, const struct shell_script *script)
{
    struct lint_name *names = NULL;
    for (size_t i = 0; i < script->command_count && !lint->failed; i++) {
        struct lint_call call;
        bool inside = lint_in_as_user(lint, script->commands[i].place);
        lint_call_resolve(script, &script->commands[i], &call);
        for (size_t k = 0; k < call.given_count && !call.word; k++) {
            const char *text = lint_word_text(script, call.given[k]);
            add(lint, &names, text, lint_assigned_name(text), i, inside);
        }
        if (call.word && sets_arguments(call.name))
            add_arguments(lint, &names, &call, i);
        if (call.word && text_equal(call.name, "set") && lint_call_has(&call, "--", 0))
            add(lint, &names, "@", 1, i, inside);
    }
    return names;
}

void lint_names_free(struct lint_name *names)
{
    struct lint_name *first = names;
    HASH_CLEAR(hh, names); /* the table alone: the rows are still linked */
    for (struct lint_name *row = first, *next; row; row = next) {
        next = row->hh.next;
        free(row->name);
        free(row);
    }
}

/* ---- what is lost ---- */

static bool is_argument(const char *name)
{
    return (name[0] >= '1' && name[0] <= '9') ||
           (strchr("@*#", name[0]) != NULL && name[0] && !name[1]);
}

/* What every new shell has by itself. */
static bool is_own(const char *name)
{
    static const char *const words[] = { "PATH", "HOME",     "USER",   "LOGNAME", "SHELL",
                                         "PWD",  "TERM",     "LANG",   "LC_ALL",  "IFS",
                                         "UID",  "HOSTNAME", "OPTIND", "REPLY",   "OLDPWD" };
    for (size_t i = 0; i < COUNT(words); i++)
        if (text_equal(words[i], name))
            return true;
    return false;
}

static bool in_function(const struct shell_script *script, uint32_t group)
{
    for (; group; group = script->groups[group].parent)
        if (script->groups[group].function)
            return true;
    return false;
}

/* "sudo NAME=… command", "env NAME=…" */
static bool is_given(const struct lint_call *call, const char *name)
{
    for (size_t i = 0; i < call->given_count; i++) {
        const char *text = lint_word_text(call->script, call->given[i]);
        size_t size = lint_assigned_name(text);
        if (size == strlen(name) && memcmp(text, name, size) == 0)
            return true;
    }
    return false;
}

/* Does the script read others, which may set anything? */
static bool reads_others(const struct shell_script *script)
{
    for (size_t i = 0; i < script->command_count; i++) {
        struct lint_call call;
        lint_call_resolve(script, &script->commands[i], &call);
        if (text_equal(call.name, ".") || text_equal(call.name, "source") ||
            text_equal(call.name, "eval"))
            return true;
    }
    return false;
}

static bool set_before(const struct lint_scope *scope, const char *name,
                       const struct shell_use *use)
{
    const struct lint_name *row = find(scope->names, name);
    return row && use->command > row->command + 1;
}

/* A variable of the service, or of the script around. */
static bool belongs_outside(const struct lint_scope *scope, const char *name, bool others)
{
    if (text_starts(name, "CI_"))
        return true;
    for (const struct lint_scope *outer = scope->outer; outer && !others; outer = outer->outer)
        if (find(outer->names, name))
            return !is_own(name);
    return false;
}

static const char *runner(const struct lint_call *call)
{
    const struct script_word *words = call->script->words;
    uint32_t word = call->command->first_word;
    while (word && words[word].next && lint_assigned_name(lint_word_text(call->script, word)))
        word = words[word].next;
    const char *text = word ? lint_word_text(call->script, word) : "";
    return strchr(text, SHELL_VALUE) ? "the command" : text;
}

static void check_use(struct lint *lint, const struct lint_scope *scope,
                      const struct shell_use *use, bool others)
{
    const struct lint_call *call = scope->call;
    char name[64];
    (void)snprintf(name, sizeof name, "%s", shell_piece_text(scope->script, use->name));
    if (is_argument(name)) {
        if (!call->has_arguments && !set_before(scope, "@", use) &&
            !in_function(scope->script, use->group))
            lint_report(lint, RULE_LOST_ARGUMENT, use->place,
                        "$%s is empty here: the shell that %s starts has no arguments", name,
                        runner(call));
    } else if (call->sudo && !call->keeps_environment && !set_before(scope, name, use) &&
               !is_given(call, name) && belongs_outside(scope, name, others)) {
        lint_report(lint, RULE_LOST_VARIABLE, use->place,
                    "%s is not set here: %s starts its shell without it", name, runner(call));
    }
}

/* as_user hands over $1…, the CI_… variables and the template's, but not what the script sets. */
static void check_blocks(struct lint *lint, const struct lint_scope *scope)
{
    const struct shell_script *script = scope->script;
    if (lint->as_user_count == 0 || reads_others(script))
        return;
    for (size_t i = 0; i < script->use_count; i++) {
        const char *name = shell_piece_text(script, script->uses[i].name);
        const struct lint_name *row =
            lint_in_as_user(lint, script->uses[i].place) ? find(scope->names, name) : NULL;
        if (row && row->outside && !row->inside && !is_own(name) && !is_argument(name) &&
            !text_starts(name, "CI_"))
            lint_report(
                lint, RULE_LOST_VARIABLE, script->uses[i].place,
                "%.60s is not set here: as_user hands over the arguments, the CI_ variables "
                "and the template's own, not what the script sets",
                name);
    }
}

void lint_check_lost(struct lint *lint, const struct lint_scope *scope)
{
    if (scope->script->use_count == 0)
        return;
    if (!scope->call) {
        check_blocks(lint, scope);
        return;
    }
    bool others = reads_others(scope->script);
    for (size_t i = 0; i < scope->script->use_count; i++)
        check_use(lint, scope, &scope->script->uses[i], others);
}
