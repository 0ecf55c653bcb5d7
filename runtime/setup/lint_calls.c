/* lint_calls.c - what a command runs in the end: behind assignments, sudo, su, env, timeout and
 * the like; and the script that a shell is given as text or as a here-document. */
#include "setup/lint_private.h"

#include <string.h>

#include "base/text.h"

#define PREFIXES_MAX 16 /* sudo env timeout … in front of each other */

const char *lint_word_text(const struct shell_script *script, uint32_t word)
{
    return shell_piece_text(script, script->words[word].text);
}

size_t lint_assigned_name(const char *text)
{
    size_t size = 0;
    while ((text[size] >= 'a' && text[size] <= 'z') || (text[size] >= 'A' && text[size] <= 'Z') ||
           text[size] == '_' || (size > 0 && text[size] >= '0' && text[size] <= '9'))
        size++;
    if (size == 0)
        return 0;
    size_t behind = size;
    if (text[behind] == '[') {
        behind += strcspn(text + behind, "]");
        behind += text[behind] == ']';
    }
    behind += text[behind] == '+';
    return text[behind] == '=' ? size : 0;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Is `word` one of the words of a list that blanks separate? */
static bool listed(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; size > 0 && *at;) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, word, size) == 0)
            return true;
        at += length + (at[length] == ' ');
    }
    return false;
}

/* Letters bundled behind one dash ("-Hiu") hold this one? */
static bool bundled(const char *text, char letter)
{
    return letter && text[0] == '-' && text[1] && text[1] != '-' && strchr(text + 1, letter);
}

bool lint_call_has(const struct lint_call *call, const char *list, char letter)
{
    for (uint32_t word = call->first; word; word = call->script->words[word].next) {
        const char *text = lint_word_text(call->script, word);
        size_t size = strcspn(text, "=");
        char name[64];
        if (bundled(text, letter) || listed(list, text))
            return true;
        if (text[0] == '-' && text[1] == '-' && text[size] && size < sizeof name) {
            memcpy(name, text, size);
            name[size] = '\0';
            if (listed(list, name)) /* --yes=true */
                return true;
        }
    }
    return false;
}

const char *lint_call_operand(const struct lint_call *call, size_t index)
{
    for (uint32_t word = call->first; word; word = call->script->words[word].next) {
        const char *text = lint_word_text(call->script, word);
        if (text[0] != '-' && index-- == 0)
            return text;
    }
    return NULL;
}

/* ---- prefixes ---- */

/* A command that runs another one: its options that take a word of their own, and how many
 * operands stand before that command. */
struct prefix {
    const char *name;
    const char *with_value;
    const char *letters; /* of these options, when they end a bundle */
    int operands;
};

static const struct prefix prefixes[] = {
    { "sudo",
      "-u --user -g --group -C -D --chdir -h --host -p --prompt -r -t -T -U -R --role --type",
      "ugCDhprtTUR", 0 },
    { "doas", "-u -C", "uC", 0 },
    { "env", "-u --unset -C --chdir -S --split-string", "uCS", 0 },
    { "nohup", "", "", 0 },
    { "setsid", "", "", 0 },
    { "time", "-f --format -o --output", "fo", 0 },
    { "nice", "-n --adjustment", "n", 0 },
    { "ionice", "-c --class -n --classdata -p", "cnp", 0 },
    { "stdbuf", "-i -o -e", "ioe", 0 },
    { "timeout", "-s --signal -k --kill-after", "sk", 1 },
    { "exec", "-a", "a", 0 },
    { "command", "", "", 0 },
    { "builtin", "", "", 0 },
    { "eatmydata", "", "", 0 },
    { "chronic", "", "", 0 },
    { "xargs", "-n -P -I -L -d -a -s -E --max-args --max-procs --delimiter --arg-file", "nPILdasE",
      0 },
};

static const struct prefix *find_prefix(const char *name)
{
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (text_equal(prefixes[i].name, name))
            return &prefixes[i];
    return NULL;
}

static bool takes_value(const struct prefix *prefix, const char *text)
{
    size_t size = strlen(text);
    if (listed(prefix->with_value, text))
        return true;
    return text[0] == '-' && text[1] != '-' && size > 2 &&
           strchr(prefix->letters, text[size - 1]) != NULL;
}

static bool is_root(const char *user)
{
    return text_equal(user, "root") || text_equal(user, "0") || text_equal(user, "#0");
}

/* What an option of sudo says; `value` is the word behind it (or ""). */
static void note_sudo(struct lint_call *call, const char *text, const char *value)
{
    size_t size = strlen(text);
    const char *user = NULL;
    bool letters = text[0] == '-' && text[1] && text[1] != '-';
    if (text_equal(text, "--user") || (letters && text[size - 1] == 'u'))
        user = value;
    else if (text_starts(text, "--user="))
        user = text + strlen("--user=");
    else if (letters && text[1] == 'u')
        user = text + 2;
    if (user)
        call->other_user = *user && !is_root(user);
    if (text_starts(text, "--preserve-env") || (letters && !user && strchr(text, 'E')) ||
        (letters && user == value && strchr(text, 'E')))
        call->keeps_environment = true;
}

static void note_given(struct lint_call *call, uint32_t word)
{
    if (call->given_count < COUNT(call->given))
        call->given[call->given_count++] = word;
}

/* From behind the prefix's name to the word of the command that it runs; 0: none. */
static uint32_t skip_prefix(struct lint_call *call, const struct prefix *prefix, uint32_t word)
{
    const struct script_word *words = call->script->words;
    bool sudo = text_equal(prefix->name, "sudo") || text_equal(prefix->name, "doas");
    bool env = text_equal(prefix->name, "env");
    int operands = prefix->operands;
    call->sudo |= sudo;
    call->has_arguments |= text_equal(prefix->name, "xargs"); /* it appends them */
    while (word) {
        const char *text = lint_word_text(call->script, word);
        uint32_t next = words[word].next;
        if (text_equal(text, "--")) {
            word = next;
            break;
        }
        bool option = text[0] == '-' && text[1];
        if (!option && !((sudo || env) && lint_assigned_name(text)) && operands-- <= 0)
            break;
        bool value = option && takes_value(prefix, text) && next;
        if (option && sudo)
            note_sudo(call, text, value ? lint_word_text(call->script, next) : "");
        if (!option && lint_assigned_name(text))
            note_given(call, word);
        word = value ? words[next].next : next;
    }
    while (operands-- > 0 && word)
        word = words[word].next;
    return word;
}

/* ---- shells and what they run ---- */

static void set_inner(struct lint_call *call, struct shell_piece text)
{
    call->has_inner = text.size > 0;
    call->inner = text;
}

/* The here-document that the command reads, itself or through `cat <<EOF |`. */
static void take_input(struct lint_call *call)
{
    const struct shell_script *script = call->script;
    uint32_t input = call->command->input;
    if (!input && call->command->piped_from) {
        const struct shell_command *from = &script->commands[call->command->piped_from - 1];
        if (from->first_word && text_equal(lint_word_text(script, from->first_word), "cat") &&
            !script->words[from->first_word].next)
            input = from->input;
    }
    call->shell = true;
    if (input)
        set_inner(call, script->inputs[input].text);
}

/* bash, sh, … with their options. */
static void take_shell(struct lint_call *call)
{
    const struct script_word *words = call->script->words;
    bool script = false, standard = false;
    uint32_t word = call->first;
    for (; word; word = words[word].next) {
        const char *text = lint_word_text(call->script, word);
        bool option = (text[0] == '-' || text[0] == '+') && text[1];
        if (!option || text_equal(text, "--"))
            break;
        bool letters = text[0] == '-' && text[1] != '-';
        script |= letters && strchr(text, 'c') != NULL;
        standard |= letters && strchr(text, 's') != NULL;
        if (text[strlen(text) - 1] == 'o' && words[word].next && letters)
            word = words[word].next;
    }
    if (word && text_equal(lint_word_text(call->script, word), "--"))
        word = words[word].next;
    if (script && word) {
        call->shell = true;
        set_inner(call, words[word].text);
        uint32_t name = words[word].next;
        call->has_arguments |= name && words[name].next;
    } else if (!script && (standard || !word)) {
        take_input(call);
        call->has_arguments |= word != 0;
    }
}

/* su and runuser: USER, -c SCRIPT; runuser -u USER COMMAND gives back the command's word. */
static uint32_t take_su(struct lint_call *call, bool runuser)
{
    const struct script_word *words = call->script->words;
    uint32_t text_word = 0;
    const char *user = NULL;
    call->sudo = true;
    call->keeps_environment = true; /* until - or -l says otherwise */
    for (uint32_t word = call->first; word; word = words[word].next) {
        const char *text = lint_word_text(call->script, word);
        uint32_t next = words[word].next;
        if (runuser && text_equal(text, "-u") && next) {
            user = lint_word_text(call->script, next);
            call->other_user = !is_root(user);
            word = words[next].next;
            if (word && text_equal(lint_word_text(call->script, word), "--"))
                word = words[word].next;
            return word;
        }
        if (text_equal(text, "-") || text_equal(text, "-l") || text_equal(text, "--login") ||
            text_equal(text, "-lc")) {
            call->keeps_environment = false;
        }
        if ((text_equal(text, "-c") || text_equal(text, "-lc") || text_equal(text, "--command")) &&
            next) {
            text_word = next;
            word = next;
        } else if (text_equal(text, "-s") && next) {
            word = next;
        } else if (text[0] != '-' && !user) {
            user = text;
        } else if (text[0] != '-' && text_word) {
            call->has_arguments = true;
        }
    }
    call->other_user = user && !is_root(user);
    call->shell = true;
    if (text_word)
        set_inner(call, words[text_word].text);
    else
        take_input(call);
    return 0;
}

static bool is_shell(const char *name)
{
    return listed("sh bash dash ash ksh zsh", name);
}

/* Sets the name, and what stands behind it. */
static void set_name(struct lint_call *call, uint32_t word)
{
    const struct script_word *words = call->script->words;
    call->word = word;
    call->path = lint_word_text(call->script, word);
    call->name = base_of(call->path);
    call->first = words[word].next;
    if (strchr(call->name, SHELL_VALUE))
        call->name = "";
}

void lint_call_resolve(const struct shell_script *script, const struct shell_command *command,
                       struct lint_call *out)
{
    *out = (struct lint_call) { .script = script, .command = command, .name = "", .path = "" };
    uint32_t word = command->first_word;
    bool prefixed = false;
    for (int i = 0; i < PREFIXES_MAX; i++) {
        while (word && lint_assigned_name(lint_word_text(script, word))) {
            note_given(out, word);
            word = script->words[word].next;
        }
        if (!word)
            break;
        set_name(out, word);
        const struct prefix *prefix = find_prefix(out->name);
        bool runuser = text_equal(out->name, "runuser");
        if (prefix) {
            word = skip_prefix(out, prefix, out->first);
        } else if (runuser || text_equal(out->name, "su")) {
            word = take_su(out, runuser);
            if (!word)
                return;
        } else {
            break;
        }
        prefixed = true;
    }
    if (!word && prefixed && out->sudo)
        take_input(out); /* sudo -i: a shell that reads its commands */
    else if (word && is_shell(out->name))
        take_shell(out);
}
