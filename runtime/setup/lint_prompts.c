/* lint_prompts.c - commands that ask, and the options that answer for them. */
#include "setup/lint_private.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* A command that asks unless it is told not to. */
struct asking {
    const char *name;
    const char *verbs;   /* it asks with one of these as its first operand; "": always */
    const char *answers; /* options that keep it quiet */
    char letter;         /* the same, among bundled ones; 0: none */
    const char *mend;    /* "give -y" */
};

#define APT_VERBS                                                                                  \
    "install remove purge upgrade dist-upgrade full-upgrade autoremove autopurge build-dep "       \
    "reinstall satisfy"
#define APT_ANSWERS                                                                                \
    "-y --yes --assume-yes -qq -q=2 --force-yes -s --simulate --just-print --dry-run --no-act "    \
    "--recon --print-uris --assume-no -h --help"
#define CONDA_VERBS "install create update upgrade remove uninstall clean"

static const struct asking table[] = {
    { "apt-get", APT_VERBS, APT_ANSWERS, 'y', "give -y" },
    { "apt", APT_VERBS, APT_ANSWERS, 'y', "give -y" },
    { "aptitude", "install remove purge upgrade safe-upgrade full-upgrade reinstall", APT_ANSWERS,
      'y', "give -y" },
    { "yum", "install remove update upgrade", "-y --assumeyes -h --help", 'y', "give -y" },
    { "dnf", "install remove update upgrade", "-y --assumeyes -h --help", 'y', "give -y" },
    { "add-apt-repository", "", "-y --yes --assume-yes -L --list -h --help", 'y', "give -y" },
    { "apt-add-repository", "", "-y --yes --assume-yes -L --list -h --help", 'y', "give -y" },
    { "conda", CONDA_VERBS, "-y --yes --dry-run -d --help -h", 'y', "give -y" },
    { "mamba", CONDA_VERBS, "-y --yes --dry-run -d --help -h", 'y', "give -y" },
    { "micromamba", CONDA_VERBS, "-y --yes --dry-run --help -h", 'y', "give -y" },
    { "pip", "uninstall", "-y --yes -h --help", 'y', "give -y" },
    { "pip3", "uninstall", "-y --yes -h --help", 'y', "give -y" },
    { "jupyter", "uninstall", "-y -f --help", 'y', "give -y" },
    { "npm", "init", "-y --yes", 'y', "give -y" },
    { "passwd", "", "-l --lock -u --unlock -d --delete -e --expire -S --status --stdin -n -x -w -i",
      0, "use chpasswd with its input from a pipe" },
    { "visudo", "", "-c --check", 'c', "write a file into /etc/sudoers.d" },
    { "gpg", "", "--batch --no-tty --yes", 0, "give --batch" },
    { "mysql_secure_installation", "", "--use-default", 'D', "give --use-default" },
    { "do-release-upgrade", "", "-f --frontend", 'f', "give -f DistUpgradeViewNonInteractive" },
    { "tasksel", "", "install remove --list-tasks", 0, "name the task" },
    { "nano", "", "", 0, "write the file with cat or sed" },
    { "vi", "", "-e -es -c", 's', "change the file with sed" },
    { "vim", "", "-e -es -c", 's', "change the file with sed" },
    { "whiptail", "", "", 0, "leave the question out" },
    { "dialog", "", "", 0, "leave the question out" },
    { "rm", "", "-f --force", 'f', "leave -i out" },
    { "cp", "", "-f --force", 'f', "leave -i out" },
    { "mv", "", "-f --force", 'f', "leave -i out" },
};

/* Without one of these words they do not ask at all. */
static bool asks_at_all(const struct lint_call *call)
{
    static const struct {
        const char *name, *words;
        char letter;
    } only[] = {
        { "gpg", "--gen-key --full-gen-key --full-generate-key --edit-key --generate-key", 0 },
        { "rm", "-i --interactive", 'i' },
        { "cp", "-i --interactive", 'i' },
        { "mv", "-i --interactive", 'i' },
    };
    for (size_t i = 0; i < COUNT(only); i++)
        if (text_equal(only[i].name, call->name))
            return lint_call_has(call, only[i].words, only[i].letter);
    return true;
}

static bool is_listed(const char *list, const char *word)
{
    size_t size = word ? strlen(word) : 0;
    for (const char *at = list; size > 0 && *at;) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, word, size) == 0)
            return true;
        at += length + (at[length] == ' ');
    }
    return false;
}

/* The first operand among `verbs`; operands may follow options that take a word (-t stable). */
static const char *find_verb(const struct lint_call *call, const char *verbs)
{
    for (size_t i = 0; i < 4; i++) {
        const char *operand = lint_call_operand(call, i);
        if (is_listed(verbs, operand))
            return operand;
    }
    return NULL;
}

/* Something stands on its standard input: `yes |`, a file, the loop's own. */
static bool is_fed(const struct lint_scope *scope, const struct lint_call *call)
{
    const struct shell_group *groups = scope->script->groups;
    bool fed = call->command->has_input || scope->has_input;
    for (uint32_t group = call->command->group; !fed; group = groups[group].parent) {
        fed = groups[group].has_input;
        if (group == 0)
            break;
    }
    return fed;
}

static bool in_function(const struct lint_scope *scope, const struct lint_call *call)
{
    const struct shell_group *groups = scope->script->groups;
    for (uint32_t group = call->command->group; group; group = groups[group].parent)
        if (groups[group].function)
            return true;
    return false;
}

/* An option might hide in a value ("$APT_OPTIONS", "${flags[@]}", {{ options }}). */
static bool has_unknown_option(const struct lint_call *call)
{
    for (uint32_t word = call->first; word; word = call->script->words[word].next) {
        const char *text = lint_word_text(call->script, word);
        if (text[0] == '-' && strchr(text, SHELL_VALUE))
            return true;
        if (text[0] == SHELL_VALUE && !text[1] && !call->script->words[word].quoted &&
            word == call->first)
            return true; /* apt-get $options install */
    }
    return false;
}

static void report(struct lint *lint, const struct lint_call *call, const char *what,
                   const char *mend)
{
    lint_report(lint, RULE_PROMPT, call->script->words[call->word].place,
                "%s asks, and nobody answers: %s", what, mend);
}

static void check_table(struct lint *lint, const struct lint_call *call)
{
    for (size_t i = 0; i < COUNT(table); i++) {
        const struct asking *row = &table[i];
        char what[64];
        if (!text_equal(row->name, call->name))
            continue;
        const char *verb = *row->verbs ? find_verb(call, row->verbs) : "";
        if (!verb || !asks_at_all(call) || has_unknown_option(call) ||
            lint_call_has(call, row->answers, row->letter))
            return;
        (void)snprintf(what, sizeof what, "%s%s%s", row->name, *verb ? " " : "", verb);
        if (text_equal(row->name, "apt-get") &&
            lint_call_has(call, "APT::Get::Assume-Yes=true APT::Get::Assume-Yes=1", 0))
            return;
        report(lint, call, what, row->mend);
    }
}

/* python -m pip uninstall */
static void check_python(struct lint *lint, const struct lint_call *call)
{
    const char *module = lint_call_operand(call, 0), *verb = lint_call_operand(call, 1);
    if (text_starts(call->name, "python") && lint_call_has(call, "-m", 0) &&
        text_equal(module, "pip") && text_equal(verb, "uninstall") &&
        !lint_call_has(call, "-y --yes", 'y'))
        report(lint, call, "pip uninstall", "give -y");
}

static void check_ssh_keygen(struct lint *lint, const struct lint_call *call)
{
    static const char others[] = "-l -y -R -F -A -e -i -p -c -B -D -H -K -L -k -Q -s -Y -r -M -I "
                                 "-? --help";
    if (!text_equal(call->name, "ssh-keygen") || lint_call_has(call, others, 0) ||
        has_unknown_option(call))
        return;
    bool file = lint_call_has(call, "-f", 'f'), phrase = lint_call_has(call, "-N", 'N');
    if (!file || !phrase)
        report(lint, call, "ssh-keygen",
               !file && !phrase ? "give -f FILE and -N ''"
               : file           ? "give -N ''"
                                : "give -f FILE");
}

static void check_dpkg_reconfigure(struct lint *lint, const struct lint_scope *scope,
                                   const struct lint_call *call)
{
    bool given = scope->has_frontend;
    for (size_t i = 0; i < call->given_count; i++)
        given |= text_starts(lint_word_text(call->script, call->given[i]), "DEBIAN_FRONTEND=");
    if (text_equal(call->name, "dpkg-reconfigure") && !given &&
        !lint_call_has(call, "-f --frontend", 'f'))
        report(lint, call, "dpkg-reconfigure", "give -f noninteractive");
}

static void check_adduser(struct lint *lint, const struct lint_call *call)
{
    if (!text_equal(call->name, "adduser") || lint_call_operand(call, 1) ||
        lint_call_has(call, "--system --disabled-password --disabled-login --group -h --help", 0))
        return;
    report(lint, call, "adduser", "give --disabled-password --gecos '', or use useradd");
}

/* Logging in opens a browser or asks for a password. */
static void check_logins(struct lint *lint, const struct lint_call *call)
{
    static const struct {
        const char *name, *verbs[2], *answers, *mend;
    } logins[] = {
        { "az",
          { "login", NULL },
          "--identity -i --service-principal --federated-token",
          "give --identity" },
        { "gh", { "auth", "login" }, "--with-token", "give --with-token" },
        { "docker", { "login", NULL }, "--password-stdin -p --password", "give --password-stdin" },
        { "huggingface-cli", { "login", NULL }, "--token", "give --token" },
        { "wandb", { "login", NULL }, "--anonymously", "set WANDB_API_KEY" },
    };
    for (size_t i = 0; i < COUNT(logins); i++) {
        char what[64];
        if (!text_equal(logins[i].name, call->name) ||
            !text_equal(lint_call_operand(call, 0), logins[i].verbs[0]) ||
            (logins[i].verbs[1] && !text_equal(lint_call_operand(call, 1), logins[i].verbs[1])) ||
            lint_call_has(call, logins[i].answers, 0))
            continue;
        (void)snprintf(what, sizeof what, "%s login", logins[i].name);
        report(lint, call, what, logins[i].mend);
    }
}

/* The shell's own words. In a function the caller may give the input, but who prints a question
 * means a person. */
static void check_read(struct lint *lint, const struct lint_scope *scope,
                       const struct lint_call *call)
{
    bool select = text_equal(call->name, "select");
    if (!text_equal(call->name, "read") && !select)
        return;
    bool question = lint_call_has(call, "-p", 'p');
    if (!select && (lint_call_has(call, "", 'u') || (in_function(scope, call) && !question)))
        return;
    report(lint, call, select ? "select" : "read", "give the value as a parameter of the script");
}

void lint_check_prompt(struct lint *lint, const struct lint_scope *scope,
                       const struct lint_call *call)
{
    if (!call->name[0] || is_fed(scope, call))
        return;
    check_table(lint, call);
    check_python(lint, call);
    check_ssh_keygen(lint, call);
    check_dpkg_reconfigure(lint, scope, call);
    check_adduser(lint, call);
    check_logins(lint, call);
    check_read(lint, scope, call);
}
