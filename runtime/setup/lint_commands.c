/* lint_commands.c - rules about single commands: who runs them, what they end, what they ask for;
 * and about the script as a whole. */
#include "setup/lint_private.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static uint32_t place_of(const struct lint_call *call)
{
    return call->script->words[call->word].place;
}

/* ---- shutdown ---- */

/* Does it power the machine off? (a restart goes on being billed, and runs) */
static bool powers_off(const struct lint_call *call)
{
    const char *first = lint_call_operand(call, 0);
    if (text_equal(call->name, "poweroff") || text_equal(call->name, "halt"))
        return !lint_call_has(call, "--help --version -w --wtmp-only --reboot", 0);
    if (text_equal(call->name, "shutdown"))
        return !lint_call_has(call, "-r --reboot -c -k --help --show", 0);
    if (text_equal(call->name, "init") || text_equal(call->name, "telinit"))
        return text_equal(first, "0");
    if (text_equal(call->name, "systemctl"))
        return text_equal(first, "poweroff") || text_equal(first, "halt");
    return false;
}

static void check_shutdown(struct lint *lint, const struct lint_call *call)
{
    if (powers_off(call))
        lint_report(lint, RULE_SHUTDOWN, place_of(call), "%s stops the machine but not the bill",
                    call->name);
}

/* ---- conda, pip, Jupyter ---- */

static bool is_one_of(const char *word, const char *const *list)
{
    for (; word && *list; list++)
        if (text_equal(word, *list))
            return true;
    return false;
}

/* The verb of a command that changes an environment; NULL: it only looks, or is none of these. */
static const char *environment_work(const struct lint_call *call, const char *name, size_t skip)
{
    static const char *const pip[] = { "install", "uninstall", NULL };
    static const char *const conda[] = { "install", "create",    "update", "upgrade", "remove",
                                         "env",     "uninstall", "clean",  "config",  "run",
                                         "init",    "activate",  NULL };
    static const char *const kernels[] = { "kernelspec",  "labextension",
                                           "nbextension", "serverextension",
                                           "server",      "lab",
                                           "notebook",    NULL };
    const char *verb = lint_call_operand(call, skip), *second = lint_call_operand(call, skip + 1);
    if (text_equal(name, "pip") || text_equal(name, "pip3"))
        return is_one_of(verb, pip) ? verb : NULL;
    if (text_equal(name, "conda") || text_equal(name, "mamba") || text_equal(name, "micromamba"))
        return is_one_of(verb, conda) ? verb : NULL;
    if (text_equal(name, "jupyter"))
        return is_one_of(verb, kernels) && !text_equal(second, "list") ? verb : NULL;
    if (text_equal(name, "ipykernel") || text_equal(name, "ipython"))
        return text_equal(verb, "install") || text_equal(verb, "kernel") ? verb : NULL;
    return NULL;
}

static void check_as_user(struct lint *lint, const struct lint_scope *scope,
                          const struct lint_call *call)
{
    bool pip = text_starts(call->name, "pip");
    const char *name = call->name, *verb = NULL;
    if (scope->as_user || call->other_user)
        return;
    if (text_starts(name, "python") && lint_call_has(call, "-m", 0)) {
        name = lint_call_operand(call, 0); /* python -m pip install */
        pip = text_equal(name, "pip");
        verb = name ? environment_work(call, name, 1) : NULL;
    } else {
        verb = environment_work(call, name, 0);
    }
    /* An environment that is named by its path belongs to whoever made it. */
    bool own = pip && (scope->has_environment || strchr(call->path, '/'));
    if (verb && !own)
        lint_report(lint, RULE_NOT_AS_USER, place_of(call),
                    "%s %s runs as root, but environments and kernels belong to azureuser", name,
                    verb);
}

/* ---- what later commands stand in ---- */

static void follow(struct lint_scope *scope, const struct lint_call *call)
{
    const char *first = lint_call_operand(call, 0);
    if (text_equal(call->name, ".") || text_equal(call->name, "source"))
        scope->has_environment |= first && text_ends(first, "/activate");
    scope->has_input |= text_equal(call->name, "exec") && call->command->has_input;
    for (size_t i = 0; i < call->given_count && !call->word; i++)
        if (text_starts(lint_word_text(call->script, call->given[i]), "DEBIAN_FRONTEND="))
            scope->has_frontend = true;
    if (text_equal(call->name, "export"))
        for (uint32_t word = call->first; word; word = call->script->words[word].next)
            if (text_starts(lint_word_text(call->script, word), "DEBIAN_FRONTEND"))
                scope->has_frontend = true;
}

void lint_check_call(struct lint *lint, struct lint_scope *scope, const struct lint_call *call)
{
    check_shutdown(lint, call);
    check_as_user(lint, scope, call);
    follow(scope, call);
}

/* ---- cached scripts ---- */

void lint_check_cached(struct lint *lint, const struct shell_script *script)
{
    static const char *const names[] = { "CI_NAME", "CI_WORKSPACE", "CI_RESOURCE_GROUP",
                                         "HOSTNAME" };
    for (size_t i = 0; i < script->use_count; i++)
        for (size_t k = 0; k < COUNT(names); k++)
            if (shell_piece_is(script, script->uses[i].name, names[k]))
                lint_report(lint, RULE_CACHED_INSTANCE, script->uses[i].place,
                            "%s is not the same for every instance that starts from this result",
                            names[k]);
    for (size_t i = 0; i < script->command_count; i++) {
        struct lint_call call;
        lint_call_resolve(script, &script->commands[i], &call);
        bool asks = text_equal(call.name, "hostname") ||
                    (text_equal(call.name, "uname") && lint_call_has(&call, "-n -a", 'n'));
        if (asks && !lint_call_operand(&call, 0))
            lint_report(lint, RULE_CACHED_INSTANCE, place_of(&call),
                        "%s is not the same for every instance that starts from this result",
                        call.name);
    }
}

/* ---- the whole script ---- */

/* set -e, set -o errexit, also bundled; or in the first line. */
static bool sets_errexit(const struct lint_call *call)
{
    if (!text_equal(call->name, "set"))
        return false;
    return lint_call_has(call, "errexit -o=errexit", 'e');
}

static bool line_sets_errexit(const struct lint *lint)
{
    const char *end = memchr(lint->text, '\n', lint->size);
    size_t size = end ? (size_t)(end - lint->text) : lint->size;
    const char *option = memmem(lint->text, size, " -", 2);
    return option && memchr(option, 'e', size - (size_t)(option - lint->text));
}

void lint_check_whole(struct lint *lint, const struct shell_script *script)
{
    if (script->command_count == 0) {
        if (lint->size > 0)
            lint_report(lint, RULE_EMPTY, 0, "nothing but comments and blank lines");
        return;
    }
    for (size_t i = 0; i < script->command_count; i++) {
        struct lint_call call;
        lint_call_resolve(script, &script->commands[i], &call);
        if (sets_errexit(&call))
            return;
    }
    if (script->command_count > 1 && !line_sets_errexit(lint))
        lint_report(lint, RULE_NO_ERREXIT, script->commands[0].place,
                    "a command that fails does not end the script: begin with set -eu");
}
