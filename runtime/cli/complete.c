/* complete.c - completions for the shells and the man page, printed from the command table. */
#include "cli/help.h"

#include "base/text.h"
#include "cli/context.h"
#include "cli/instances.h"

/* ---- shared ---- */

/* A shell function's name for a command: blanks become underscores. */
static void identifier(struct buffer *out, const char *name)
{
    for (; *name; name++)
        buffer_char(out, *name == ' ' || *name == '-' ? '_' : *name);
}

/* Text between single quotes of a shell. */
static void single_quoted(struct buffer *out, const char *text)
{
    buffer_char(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_char(out, *text);
    }
    buffer_char(out, '\'');
}

/* The second words of a group: "list show use". */
static void group_words(struct buffer *out, const char *group)
{
    size_t size = strlen(group);
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary && text_starts(command_table[i]->name, group) &&
            command_table[i]->name[size] == ' ')
            buffer_format(out, "%s ", command_table[i]->name + size + 1);
}

/* The first words of all commands, each once. */
static void first_words(struct buffer *out)
{
    for (size_t i = 0; command_table[i]; i++) {
        const struct command *command = command_table[i];
        if (command->summary && !strchr(command->name, ' '))
            buffer_format(out, "%s ", command->name);
    }
}

/* ---- bash ---- */

/* What fills COMPREPLY for one kind of word. */
static void bash_words(struct buffer *out, enum completes completes, const char *words)
{
    switch (completes) {
    case COMPLETES_FILE:
        buffer_text(out, "COMPREPLY=($(compgen -f -- \"$word\")); compopt -o filenames");
        break;
    case COMPLETES_FOLDER:
        buffer_text(out, "COMPREPLY=($(compgen -d -- \"$word\")); compopt -o filenames");
        break;
    case COMPLETES_RECIPE:
        buffer_text(out, "COMPREPLY=($(compgen -f -X '!*.lua' -- \"$word\") "
                         "$(compgen -d -- \"$word\")); compopt -o filenames");
        break;
    case COMPLETES_INSTANCE:
        buffer_text(out, "COMPREPLY=($(compgen -W \"$(moonfleet __complete instances "
                         "2>/dev/null)\" -- \"$word\"))");
        break;
    case COMPLETES_CONTEXT:
        buffer_text(out, "COMPREPLY=($(compgen -W \"$(moonfleet __complete contexts "
                         "2>/dev/null)\" -- \"$word\"))");
        break;
    case COMPLETES_COMMAND:
        buffer_text(out, "COMPREPLY=($(compgen -W '");
        first_words(out);
        buffer_text(out, "' -- \"$word\"))");
        break;
    case COMPLETES_WORDS:
        buffer_format(out, "COMPREPLY=($(compgen -W '%s' -- \"$word\"))", words);
        break;
    case COMPLETES_NOTHING:
        buffer_text(out, "COMPREPLY=()");
        break;
    }
}

static void bash_command(struct buffer *out, const struct command *command)
{
    const struct option_row *row = NULL;
    buffer_text(out, "_moonfleet_");
    identifier(out, command->name);
    buffer_text(out, "() {\n    case $previous in\n");
    for (size_t i = 0; (row = command_option(command, i)); i++) {
        if (!row->help || !row->argument)
            continue;
        buffer_format(out, "    --%s", row->name);
        if (row->letter)
            buffer_format(out, "|-%c", row->letter);
        buffer_text(out, ") ");
        bash_words(out, row->completes, row->words);
        buffer_text(out, "; return ;;\n");
    }
    buffer_text(out, "    esac\n    if [[ $word == -* ]]; then\n        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; (row = command_option(command, i)); i++)
        if (row->help)
            buffer_format(out, "--%s ", row->name);
    buffer_text(out, "' -- \"$word\")); return\n    fi\n    ");
    bash_words(out, command->completes, NULL);
    buffer_text(out, "\n}\n");
}

static void bash_case(struct buffer *out, const struct command *command)
{
    if (command_is_group(command->name)) {
        buffer_format(out, "    %s)\n        COMPREPLY=($(compgen -W '", command->name);
        group_words(out, command->name);
        buffer_text(out, "' -- \"$word\")) ;;\n");
        return;
    }
    buffer_format(out, "    '%s') _moonfleet_", command->name);
    identifier(out, command->name);
    buffer_text(out, " ;;\n");
}

static void generate_bash(struct buffer *out)
{
    buffer_text(out, "# bash completion for moonfleet; printed from its command table\n");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary && !command_is_group(command_table[i]->name))
            bash_command(out, command_table[i]);
    buffer_text(out,
                "_moonfleet() {\n"
                "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                "    local command=${COMP_WORDS[1]}\n"
                "    COMPREPLY=()\n"
                "    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W '");
    first_words(out);
    buffer_text(out, "--version' -- \"$word\")); return\n    fi\n");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary && command_is_group(command_table[i]->name))
            buffer_format(out,
                          "    [[ $command == %s && $COMP_CWORD -gt 2 ]] && command+=\" "
                          "${COMP_WORDS[2]}\"\n",
                          command_table[i]->name);
    buffer_text(out, "    case $command in\n");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary)
            bash_case(out, command_table[i]);
    buffer_text(out, "    esac\n}\ncomplete -F _moonfleet moonfleet\n");
}

/* ---- zsh ---- */

/* The action part of an _arguments specification. */
static void zsh_action(struct buffer *out, enum completes completes, const char *words)
{
    switch (completes) {
    case COMPLETES_FILE:
        buffer_text(out, "_files");
        break;
    case COMPLETES_FOLDER:
        buffer_text(out, "_files -/");
        break;
    case COMPLETES_RECIPE:
        buffer_text(out, "_files -g \"*.lua\"");
        break;
    case COMPLETES_INSTANCE:
        buffer_text(out, "($(moonfleet __complete instances 2>/dev/null))");
        break;
    case COMPLETES_CONTEXT:
        buffer_text(out, "($(moonfleet __complete contexts 2>/dev/null))");
        break;
    case COMPLETES_COMMAND:
        buffer_char(out, '(');
        first_words(out);
        buffer_char(out, ')');
        break;
    case COMPLETES_WORDS:
        buffer_format(out, "(%s)", words);
        break;
    case COMPLETES_NOTHING:
        break;
    }
}

/* Help between the brackets of a specification: colons and brackets mean something there. */
static void zsh_help(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            buffer_char(out, '\\');
        if (*text == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_char(out, *text);
    }
}

static void zsh_option(struct buffer *out, const struct option_row *row)
{
    buffer_text(out, " \\\n            ");
    if (row->letter)
        buffer_format(out, "'(-%c --%s)'{-%c,--%s}'", row->letter, row->name, row->letter,
                      row->name);
    else
        buffer_format(out, "'--%s", row->name);
    buffer_char(out, '[');
    zsh_help(out, row->help);
    buffer_char(out, ']');
    if (row->argument) {
        buffer_char(out, ':');
        zsh_help(out, row->argument);
        buffer_char(out, ':');
        zsh_action(out, row->completes, row->words);
    }
    buffer_char(out, '\'');
}

static void zsh_case(struct buffer *out, const struct command *command)
{
    const struct option_row *row = NULL;
    buffer_format(out, "        '%s')\n            _arguments -s", command->name);
    for (size_t i = 0; (row = command_option(command, i)); i++)
        if (row->help)
            zsh_option(out, row);
    if (command_is_group(command->name)) {
        buffer_text(out, " \\\n            '1:command:(");
        group_words(out, command->name);
        buffer_text(out, ")'");
    } else if (command->completes != COMPLETES_NOTHING) {
        buffer_text(out, " \\\n            '*:argument:");
        zsh_action(out, command->completes, NULL);
        buffer_char(out, '\'');
    }
    buffer_text(out, " ;;\n");
}

static void zsh_list(struct buffer *out)
{
    for (size_t i = 0; command_table[i]; i++) {
        const struct command *command = command_table[i];
        if (!command->summary || strchr(command->name, ' '))
            continue;
        struct buffer row = { 0 };
        buffer_format(&row, "%s:%s", command->name, command->summary);
        buffer_text(out, "        ");
        single_quoted(out, row.data ? row.data : "");
        buffer_char(out, '\n');
        buffer_clear(&row);
    }
}

static void generate_zsh(struct buffer *out)
{
    buffer_text(out, "#compdef moonfleet\n# printed from moonfleet's command table\n"
                     "_moonfleet() {\n    local -a commands\n    commands=(\n");
    zsh_list(out);
    buffer_text(out, "    )\n    if (( CURRENT == 2 )); then\n"
                     "        _describe command commands\n        return\n    fi\n"
                     "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary && command_is_group(command_table[i]->name))
            buffer_format(out,
                          "    if [[ $command == %s ]] && (( CURRENT > 2 )); then\n"
                          "        command=\"$command $words[2]\"\n"
                          "        shift words\n        (( CURRENT-- ))\n    fi\n",
                          command_table[i]->name);
    buffer_text(out, "    case $command in\n");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary)
            zsh_case(out, command_table[i]);
    buffer_text(out, "    esac\n}\n_moonfleet \"$@\"\n");
}

/* ---- fish ---- */

/* The condition under which a line of a command counts. */
static void fish_condition(struct buffer *out, const struct command *command)
{
    const char *blank = strchr(command->name, ' ');
    buffer_text(out, "complete -c moonfleet -n '__fish_seen_subcommand_from ");
    if (blank)
        buffer_format(out, "%.*s; and __fish_seen_subcommand_from %s' ",
                      (int)(blank - command->name), command->name, blank + 1);
    else
        buffer_format(out, "%s' ", command->name);
}

static void fish_words(struct buffer *out, enum completes completes, const char *words)
{
    switch (completes) {
    case COMPLETES_FILE:
    case COMPLETES_RECIPE:
        buffer_text(out, " -F");
        break;
    case COMPLETES_FOLDER:
        buffer_text(out, " -xa '(__fish_complete_directories)'");
        break;
    case COMPLETES_INSTANCE:
        buffer_text(out, " -xa '(moonfleet __complete instances 2>/dev/null)'");
        break;
    case COMPLETES_CONTEXT:
        buffer_text(out, " -xa '(moonfleet __complete contexts 2>/dev/null)'");
        break;
    case COMPLETES_COMMAND:
        buffer_text(out, " -xa '");
        first_words(out);
        buffer_char(out, '\'');
        break;
    case COMPLETES_WORDS:
        buffer_format(out, " -xa '%s'", words);
        break;
    case COMPLETES_NOTHING:
        break;
    }
}

static void fish_command(struct buffer *out, const struct command *command)
{
    const struct option_row *row = NULL;
    const char *blank = strchr(command->name, ' ');
    if (blank)
        buffer_format(out, "complete -c moonfleet -n '__fish_seen_subcommand_from %.*s' -a %s -d ",
                      (int)(blank - command->name), command->name, blank + 1);
    else
        buffer_format(out, "complete -c moonfleet -n __fish_use_subcommand -a %s -d ",
                      command->name);
    single_quoted(out, command->summary);
    buffer_char(out, '\n');
    for (size_t i = 0; (row = command_option(command, i)); i++) {
        if (!row->help)
            continue;
        fish_condition(out, command);
        buffer_format(out, "-l %s", row->name);
        if (row->letter)
            buffer_format(out, " -s %c", row->letter);
        if (row->argument)
            buffer_text(out, " -r");
        fish_words(out, row->completes, row->words);
        buffer_text(out, " -d ");
        single_quoted(out, row->help);
        buffer_char(out, '\n');
    }
    if (command->completes != COMPLETES_NOTHING) {
        fish_condition(out, command);
        fish_words(out, command->completes, NULL);
        buffer_char(out, '\n');
    }
}

static void generate_fish(struct buffer *out)
{
    buffer_text(
        out, "# fish completion for moonfleet; printed from its command table\n"
             "complete -c moonfleet -f\n"
             "complete -c moonfleet -n __fish_use_subcommand -l version -d 'show the release'\n");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary)
            fish_command(out, command_table[i]);
}

/* ---- man ---- */

/* roff text: dashes are real ones, and no line begins with a control character. */
static void roff(struct buffer *out, const char *text)
{
    bool start = true;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            buffer_text(out, "\\&");
        if (*text == '-')
            buffer_text(out, "\\-");
        else if (*text == '\\')
            buffer_text(out, "\\e");
        else
            buffer_char(out, *text);
        start = *text == '\n';
    }
}

static void man_option(struct buffer *out, const struct option_row *row)
{
    buffer_text(out, ".TP\n");
    if (row->letter)
        buffer_format(out, "\\fB\\-%c\\fR, ", row->letter);
    buffer_text(out, "\\fB\\-\\-");
    roff(out, row->name);
    buffer_text(out, "\\fR");
    if (row->argument) {
        buffer_text(out, " \\fI");
        roff(out, row->argument);
        buffer_text(out, "\\fR");
    }
    buffer_char(out, '\n');
    roff(out, row->help);
    buffer_char(out, '\n');
}

static void man_examples(struct buffer *out, const char *examples)
{
    while (*examples) {
        size_t line = strcspn(examples, "\n"), left = strcspn(examples, "\t\n");
        char *command = text_dup_size(examples, left);
        char *what = left < line ? text_dup_size(examples + left + 1, line - left - 1) : NULL;
        buffer_text(out, ".TP\n\\fB");
        roff(out, command ? command : "");
        buffer_text(out, "\\fR\n");
        roff(out, what ? what : "");
        buffer_char(out, '\n');
        free(command);
        free(what);
        examples += line + (examples[line] == '\n');
    }
}

static void man_command(struct buffer *out, const struct command *command)
{
    const struct option_row *row = NULL;
    buffer_text(out, ".SS \"moonfleet ");
    roff(out, command->name);
    buffer_char(out, ' ');
    roff(out, command->arguments);
    buffer_text(out, "\"\n");
    roff(out, command->summary);
    buffer_text(out, ".\n");
    if (command->details) {
        buffer_text(out, ".PP\n");
        roff(out, command->details);
        buffer_char(out, '\n');
    }
    for (size_t i = 0; (row = command_option(command, i)); i++)
        if (row->help)
            man_option(out, row);
    if (command->examples) {
        buffer_text(out, ".PP\nExamples:\n");
        man_examples(out, command->examples);
    }
}

static void generate_man(struct buffer *out)
{
    buffer_text(out, ".TH MOONFLEET 1 \"\" \"Moonfleet " MOONFLEET_VERSION "\" \"User commands\"\n"
                     ".SH NAME\nmoonfleet \\- compute instances for a team, from a Lua recipe\n"
                     ".SH SYNOPSIS\n\\fBmoonfleet\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
                     ".SH COMMANDS\n");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary)
            man_command(out, command_table[i]);
    buffer_text(
        out,
        ".SH EXIT STATUS\n"
        ".TP\n0\ndone\n.TP\n1\nfailed\n"
        ".TP\n2\na plan with changes, with \\fB\\-\\-detailed\\-exitcode\\fR\n"
        ".TP\n64\nused wrongly\n.TP\n130\ninterrupted\n"
        ".SH ENVIRONMENT\n"
        ".TP\n\\fBMOONFLEET_CONTEXT\\fR\nthe context, when \\fB\\-\\-context\\fR is not given\n"
        ".TP\n\\fBMOONFLEET_DRIVER\\fR\nhow the local plane makes instances: auto, oci or "
        "simulated\n"
        ".TP\n\\fBNO_COLOR\\fR\nwhen set, nothing is coloured\n"
        ".SH FILES\n"
        ".TP\n$XDG_CONFIG_HOME/moonfleet/contexts.json\ncontexts\n"
        ".TP\n$XDG_DATA_HOME/moonfleet\nthe local plane's store\n"
        ".TP\n$XDG_STATE_HOME/moonfleet/plane.log\nits log\n"
        ".TP\n$XDG_RUNTIME_DIR/moonfleet/plane.sock\nits socket\n");
}

/* ---- the command ---- */

int help_generate(const char *kind, struct buffer *out, struct error *err)
{
    static const struct {
        const char *kind;
        void (*generate)(struct buffer *out);
    } kinds[] = { { "bash", generate_bash },
                  { "zsh", generate_zsh },
                  { "fish", generate_fish },
                  { "man", generate_man } };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (text_equal(kinds[i].kind, kind)) {
            kinds[i].generate(out);
            return buffer_check(out, kind, err);
        }
    }
    return error_set(err, ERROR_USAGE, "__complete knows bash, zsh, fish and man");
}

static int run_complete(struct invocation *invocation, struct error *err)
{
    const char *kind = invocation->arguments[0];
    if (text_equal(kind, "instances"))
        return instances_complete(invocation, err);
    if (text_equal(kind, "contexts"))
        return context_complete(invocation, err);
    struct buffer text = { 0 };
    int rc = help_generate(kind, &text, err);
    if (rc == 0)
        output_print(invocation->output, "%s", text.data);
    buffer_clear(&text);
    return rc;
}

const struct command command_complete = {
    .name = "__complete",
    .arguments = "bash|zsh|fish|man|instances|contexts",
    .arguments_min = 1,
    .arguments_max = 1,
    .needs = NEEDS_PLANE,
    .run = run_complete,
};
