/* help.c - help as people read it, printed from the command table. */
#include "cli/help.h"

#include <ctype.h>

#include "base/text.h"
#include "cli/describe.h"

#define NAME_WIDTH 14
#define OPTION_WIDTH 26

static void usage_line(struct buffer *out, const struct command *command)
{
    buffer_format(out, "moonfleet %s", command->name);
    if (command->arguments[0])
        buffer_format(out, " %s", command->arguments);
    buffer_text(out, " [OPTION]…\n");
}

void help_usage(struct buffer *out, const struct command *command)
{
    if (!command) {
        buffer_text(out, "Try 'moonfleet help'.\n");
        return;
    }
    buffer_text(out, "Usage: ");
    usage_line(out, command);
    buffer_format(out, "Try 'moonfleet help %s'.\n", command->name);
}

static void summary_lines(struct buffer *out, const char *group)
{
    for (size_t i = 0; command_table[i]; i++) {
        const struct command *command = command_table[i];
        if (!command->summary || (group && !text_starts(command->name, group)))
            continue;
        buffer_format(out, "  %-*s %s\n", NAME_WIDTH, command->name, command->summary);
    }
}

void help_overview(struct buffer *out)
{
    buffer_text(out, "Moonfleet " MOONFLEET_VERSION
                     ": compute instances for a team, from a Lua recipe.\n\n"
                     "Usage: moonfleet COMMAND [OPTION]…\n\nCommands:\n");
    summary_lines(out, NULL);
    buffer_text(out,
                "\n'moonfleet help COMMAND' tells more, with examples; 'moonfleet help instance' "
                "lists\nthe fields of an instance in a recipe; 'moonfleet --version' says which "
                "release this is.\n");
}

void help_group(struct buffer *out, const char *word)
{
    buffer_format(out, "Usage: moonfleet %s COMMAND [OPTION]…\n\nCommands:\n", word);
    summary_lines(out, word);
}

static void option_line(struct buffer *out, const struct option_row *row)
{
    char left[128];
    (void)snprintf(left, sizeof left, "%s%c%s--%s%s%s", row->letter ? "-" : " ",
                   row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
                   row->argument ? " " : "", row->argument ? row->argument : "");
    if (strlen(left) > OPTION_WIDTH)
        buffer_format(out, "  %s\n  %-*s  %s\n", left, OPTION_WIDTH, "", row->help);
    else
        buffer_format(out, "  %-*s  %s\n", OPTION_WIDTH, left, row->help);
}

/* Lines of "command<tab>what it does". */
static void example_lines(struct buffer *out, const char *examples)
{
    while (*examples) {
        size_t line = strcspn(examples, "\n"), left = strcspn(examples, "\t\n");
        buffer_format(out, "  %.*s\n", (int)left, examples);
        if (left < line)
            buffer_format(out, "      %.*s\n", (int)(line - left - 1), examples + left + 1);
        examples += line + (examples[line] == '\n');
    }
}

void help_command(struct buffer *out, const struct command *command)
{
    const struct option_row *row = NULL;
    buffer_text(out, "Usage: ");
    usage_line(out, command);
    buffer_format(out, "\n%c%s.\n", toupper((unsigned char)command->summary[0]),
                  command->summary + 1);
    if (command->details)
        buffer_format(out, "\n%s\n", command->details);
    if (command_is_group(command->name)) {
        buffer_text(out, "\nCommands:\n");
        struct buffer group = { 0 };
        buffer_format(&group, "%s ", command->name);
        summary_lines(out, group.data);
        buffer_clear(&group);
    }
    buffer_text(out, "\nOptions:\n");
    for (size_t i = 0; (row = command_option(command, i)); i++)
        if (row->help)
            option_line(out, row);
    if (command->examples) {
        buffer_text(out, "\nExamples:\n");
        example_lines(out, command->examples);
    }
}

/* ---- as data ---- */

static cJSON *option_json(const struct option_row *row)
{
    char letter[2] = { row->letter, '\0' };
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", row->name);
    if (row->letter)
        cJSON_AddStringToObject(object, "letter", letter);
    if (row->argument)
        cJSON_AddStringToObject(object, "argument", row->argument);
    cJSON_AddStringToObject(object, "help", row->help);
    return object;
}

static cJSON *command_json(const struct command *command)
{
    const struct option_row *row = NULL;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", command->name);
    cJSON_AddStringToObject(object, "arguments", command->arguments);
    cJSON_AddStringToObject(object, "summary", command->summary);
    if (command->details)
        cJSON_AddStringToObject(object, "details", command->details);
    cJSON *options = cJSON_AddArrayToObject(object, "options");
    for (size_t i = 0; (row = command_option(command, i)); i++)
        if (row->help)
            cJSON_AddItemToArray(options, option_json(row));
    return object;
}

cJSON *help_json(const struct command *command)
{
    if (command)
        return command_json(command);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "version", MOONFLEET_VERSION);
    cJSON *commands = cJSON_AddArrayToObject(object, "commands");
    for (size_t i = 0; command_table[i]; i++)
        if (command_table[i]->summary)
            cJSON_AddItemToArray(commands, command_json(command_table[i]));
    return object;
}

/* ---- the command ---- */

static int no_such_topic(const char *topic, struct error *err)
{
    const char *names[128];
    size_t count = 0;
    char safe[OUTPUT_SAFE_SIZE];
    for (size_t i = 0; command_table[i] && count < COUNT(names); i++)
        if (command_table[i]->summary)
            names[count++] = command_table[i]->name;
    const char *near = text_nearest(topic, names, count);
    output_safe(safe, sizeof safe, topic);
    if (near)
        return error_set(err, ERROR_USAGE, "no help on '%s', did you mean '%s'?", safe, near);
    return error_set(err, ERROR_USAGE, "no help on '%s'", safe);
}

static int print(struct invocation *invocation, struct buffer *text, struct error *err)
{
    int rc = buffer_check(text, "help", err);
    if (rc == 0)
        output_print(invocation->output, "%s", text->data ? text->data : "");
    buffer_clear(text);
    return rc;
}

static int run_help(struct invocation *invocation, struct error *err)
{
    struct buffer text = { 0 };
    char topic[128] = "";
    for (size_t i = 0; i < invocation->argument_count; i++) {
        size_t used = strlen(topic);
        (void)snprintf(topic + used, sizeof topic - used, "%s%s", used ? " " : "",
                       invocation->arguments[i]);
    }
    const struct command *command = topic[0] ? command_find(topic) : NULL;
    if (invocation->output->json && (command || !topic[0])) {
        output_json(invocation->output, help_json(command));
        return EXIT_DONE;
    }
    if (!topic[0])
        help_overview(&text);
    else if (command && command->summary)
        help_command(&text, command);
    else if (command_is_group(topic))
        help_group(&text, topic);
    else if (describe_type_exists(topic))
        return describe_type(invocation, topic, err);
    else
        return no_such_topic(topic, err);
    int rc = print(invocation, &text, err);
    /* a word can be both: `grant` is a command, and a word of recipes */
    if (rc == 0 && command && describe_type_exists(topic) && !invocation->output->json) {
        output_print(invocation->output, "\nIn a recipe:\n\n");
        rc = describe_type(invocation, topic, err);
    }
    return rc;
}

const struct command command_help = {
    .name = "help",
    .arguments = "[COMMAND | TYPE]",
    .arguments_max = 2,
    .summary = "tell what a command does, or which fields a resource has",
    .details =
        "TYPE is a word of recipes, such as instance: its fields are listed with their kinds,\n"
        "defaults, and whether they can be changed without making the resource anew.",
    .examples = "moonfleet help plan\tthe options of plan\n"
                "moonfleet help instance\twhat a recipe may say about an instance",
    .completes = COMPLETES_COMMAND,
    .run = run_help,
};
