/* command.c - reads a command line by the command table.
 *
 * Options may stand anywhere before "--", as "--name value", "--name=value", "-n value", "-nvalue"
 * or bundled flags ("-fh"); those of all commands also before the command's name. */
#include "cli/command.h"

#include <assert.h>

#include "base/duration.h"
#include "base/text.h"

#define WORD_SIZE 64

static const struct option_row common_options[] = {
    { "json", 0, NULL, "print one JSON document instead of text", COMPLETES_NOTHING, NULL },
    { "help", 'h', NULL, "show this help", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

static const struct option_row plane_options[] = {
    { "context", 0, "NAME", "a context, local (the default), memory, unix:PATH or a URL",
      COMPLETES_CONTEXT, NULL },
    { "as", 0, "PRINCIPAL", "act as somebody else (the owner of a local plane may)",
      COMPLETES_NOTHING, NULL },
    { "subscription", 0, "ID", "subscription, instead of the context's", COMPLETES_NOTHING, NULL },
    { "resource-group", 0, "NAME", "resource group, instead of the context's", COMPLETES_NOTHING,
      NULL },
    { "workspace", 0, "NAME", "workspace, instead of the context's", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

static const struct option_row recipe_options[] = {
    { "parameter", 'p', "NAME=VALUE", "set a parameter of the recipe; may be repeated",
      COMPLETES_NOTHING, NULL },
    { "secrets", 0, "FILE", "values of the recipe's secrets, NAME=VALUE a line (mode 0600)",
      COMPLETES_FILE, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

static const struct option_row target_options[] = {
    { "all", 0, NULL, "every instance of the workspace", COMPLETES_NOTHING, NULL },
    { "fleet", 0, "NAME", "the instances of this fleet", COMPLETES_NOTHING, NULL },
    { "mine", 0, NULL, "those assigned to me, or created by me for nobody else", COMPLETES_NOTHING,
      NULL },
    { "wait", 0, NULL, "wait until it is done (the default)", COMPLETES_NOTHING, NULL },
    { "no-wait", 0, NULL, "return as soon as the plane has accepted it", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

static const struct option_row apply_options[] = {
    { "yes", 'y', NULL, "do not ask for confirmation", COMPLETES_NOTHING, NULL },
    { "parallel", 0, "N", "how many operations run at once (default: 32)", COMPLETES_NOTHING,
      NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

/* Which needs bring which options, in the order of help. */
static const struct {
    unsigned need;
    const struct option_row *rows;
} brought[] = {
    { NEEDS_RECIPE, recipe_options },
    { NEEDS_TARGETS, target_options },
    { NEEDS_APPLY, apply_options },
    { NEEDS_PLANE, plane_options },
};

/* The index-th row of a table, counting *index down past it. */
static const struct option_row *row_at(const struct option_row *rows, size_t *index)
{
    for (; rows && rows->name; rows++)
        if ((*index)-- == 0)
            return rows;
    return NULL;
}

const struct option_row *command_option(const struct command *command, size_t index)
{
    const struct option_row *row = row_at(command->options, &index);
    for (size_t i = 0; !row && i < COUNT(brought); i++)
        if (command->needs & brought[i].need)
            row = row_at(brought[i].rows, &index);
    return row ? row : row_at(common_options, &index);
}

const struct option_row *command_global_option(size_t index)
{
    const struct option_row *row = row_at(plane_options, &index);
    return row ? row : row_at(common_options, &index);
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; command_table[i]; i++)
        if (text_equal(command_table[i]->name, name))
            return command_table[i];
    return NULL;
}

bool command_is_group(const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; command_table[i]; i++)
        if (text_starts(command_table[i]->name, word) && command_table[i]->name[size] == ' ')
            return true;
    return false;
}

/* ---- options ---- */

/* Before the command is known only the options of all commands may stand. */
static const struct option_row *option_at(const struct command *command, size_t index)
{
    return command ? command_option(command, index) : command_global_option(index);
}

static const struct option_row *option_named(const struct command *command, const char *name)
{
    const struct option_row *row = NULL;
    for (size_t i = 0; (row = option_at(command, i)); i++)
        if (text_equal(row->name, name))
            return row;
    return NULL;
}

static const struct option_row *option_lettered(const struct command *command, char letter)
{
    const struct option_row *row = NULL;
    for (size_t i = 0; (row = option_at(command, i)); i++)
        if (row->letter == letter)
            return row;
    return NULL;
}

#define CANDIDATES_MAX 128

static int unknown_option(const struct command *command, const char *name, struct error *err)
{
    const char *names[CANDIDATES_MAX];
    const struct option_row *row = NULL;
    size_t count = 0;
    for (size_t i = 0; (row = option_at(command, i)) && count < COUNT(names); i++)
        if (row->help)
            names[count++] = row->name;
    const char *near = text_nearest(name, names, count);
    char safe[OUTPUT_SAFE_SIZE];
    output_safe(safe, sizeof safe, name);
    if (near)
        return error_set(err, ERROR_USAGE, "unknown option --%s, did you mean --%s?", safe, near);
    return error_set(err, ERROR_USAGE, "unknown option --%s", safe);
}

static int unknown_command(const char *name, struct error *err)
{
    const char *names[CANDIDATES_MAX];
    size_t count = 0;
    for (size_t i = 0; command_table[i] && count < COUNT(names); i++)
        if (command_table[i]->summary)
            names[count++] = command_table[i]->name;
    const char *near = text_nearest(name, names, count);
    char safe[OUTPUT_SAFE_SIZE];
    output_safe(safe, sizeof safe, name);
    if (near)
        return error_set(err, ERROR_USAGE, "unknown command '%s', did you mean '%s'?", safe, near);
    return error_set(err, ERROR_USAGE, "unknown command '%s'", safe);
}

/* A position in argv. */
struct cursor {
    int argc, at;
    char **argv;
};

static void keep(struct invocation *out, const struct option_row *row, const char *value)
{
    assert(row);
    out->given[out->given_count++] = (struct given_option) { .row = row, .value = value };
}

static int take_value(struct cursor *cursor, const struct option_row *row, const char **out_value,
                      struct error *err)
{
    if (cursor->at >= cursor->argc)
        return error_set(err, ERROR_USAGE, "option --%s needs a value: --%s %s", row->name,
                         row->name, row->argument);
    *out_value = cursor->argv[cursor->at++];
    return 0;
}

static int parse_long(struct cursor *cursor, const char *text, struct invocation *out,
                      struct error *err)
{
    const char *equals = strchr(text, '=');
    size_t size = equals ? (size_t)(equals - text) : strlen(text);
    char name[WORD_SIZE];
    if (size >= sizeof name)
        return unknown_option(out->command, "…", err);
    memcpy(name, text, size);
    name[size] = '\0';
    const struct option_row *row = option_named(out->command, name);
    if (!row)
        return unknown_option(out->command, name, err);
    if (!row->argument && equals)
        return error_set(err, ERROR_USAGE, "option --%s takes no value", row->name);
    const char *value = equals ? equals + 1 : NULL;
    int rc = row->argument && !equals ? take_value(cursor, row, &value, err) : 0;
    if (rc == 0)
        keep(out, row, value);
    return rc;
}

/* Bundled letters; the first that takes a value takes what is left of the word. */
static int parse_short(struct cursor *cursor, const char *letters, struct invocation *out,
                       struct error *err)
{
    for (; *letters; letters++) {
        const struct option_row *row = option_lettered(out->command, *letters);
        if (!row) {
            char letter[2] = { *letters, '\0' }, safe[16];
            return error_set(err, ERROR_USAGE, "unknown option -%s",
                             output_safe(safe, sizeof safe, letter));
        }
        if (!row->argument) {
            keep(out, row, NULL);
            continue;
        }
        const char *value = letters[1] ? letters + 1 : NULL;
        int rc = value ? 0 : take_value(cursor, row, &value, err);
        if (rc == 0)
            keep(out, row, value);
        return rc;
    }
    return 0;
}

/* ---- the whole line ---- */

/* Finds the command of `word`, and of the word behind it for a group. */
static int parse_command(struct cursor *cursor, const char *word, struct invocation *out,
                         struct error *err)
{
    if (!command_is_group(word)) {
        out->command = command_find(word);
        return out->command ? 0 : unknown_command(word, err);
    }
    const char *next = cursor->at < cursor->argc ? cursor->argv[cursor->at] : NULL;
    if (!next || next[0] == '-') {
        /* "context", "context -h": the group's own row shows what it has */
        out->command = command_find(word);
        return out->command ? 0 : error_set(err, ERROR_USAGE, "%s what?", word);
    }
    char name[WORD_SIZE];
    (void)snprintf(name, sizeof name, "%s %s", word, next);
    out->command = command_find(name);
    if (!out->command)
        return unknown_command(name, err);
    cursor->at++;
    return 0;
}

static int parse_word(struct cursor *cursor, struct invocation *out, struct error *err)
{
    const char *word = cursor->argv[cursor->at++];
    if (text_starts(word, "--"))
        return parse_long(cursor, word + 2, out, err);
    if (word[0] == '-' && word[1])
        return parse_short(cursor, word + 1, out, err);
    if (!out->command)
        return parse_command(cursor, word, out, err);
    out->arguments[out->argument_count++] = word;
    return 0;
}

static int check_counts(const struct invocation *out, struct error *err)
{
    const struct command *command = out->command;
    size_t max = (size_t)command->arguments_max;
    char safe[OUTPUT_SAFE_SIZE];
    if (out->argument_count < (size_t)command->arguments_min)
        return error_set(err, ERROR_USAGE, "%s needs %s", command->name, command->arguments);
    if (command->arguments_max >= 0 && out->argument_count > max)
        return error_set(err, ERROR_USAGE, "%s: one argument too many: '%s'", command->name,
                         output_safe(safe, sizeof safe, out->arguments[max]));
    return 0;
}

int invocation_parse(int argc, char **argv, struct invocation *out, struct error *err)
{
    struct cursor cursor = { .argc = argc, .argv = argv };
    size_t slots = 1;
    for (int i = 0; i < argc; i++)
        slots += strlen(argv[i]) + 1; /* bundled letters: one option a byte at most */
    out->argument_count = out->given_count = 0;
    out->arguments = calloc((size_t)argc + 1, sizeof *out->arguments);
    out->given = calloc(slots, sizeof *out->given);
    if (!out->arguments || !out->given)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    while (cursor.at < argc) {
        if (text_equal(argv[cursor.at], "--")) {
            out->has_rest = true;
            out->rest = (const char **)argv + cursor.at + 1;
            out->rest_count = (size_t)(argc - cursor.at - 1);
            break;
        }
        int rc = parse_word(&cursor, out, err);
        if (rc < 0)
            return rc;
    }
    if (!out->command || invocation_flag(out, "help"))
        return 0; /* help helps however little else is there */
    /* An option before the command's name must be one that this command has. */
    for (size_t i = 0; i < out->given_count; i++)
        if (!option_named(out->command, out->given[i].row->name))
            return error_set(err, ERROR_USAGE, "%s has no option --%s", out->command->name,
                             out->given[i].row->name);
    return check_counts(out, err);
}

void invocation_clear(struct invocation *invocation)
{
    free((void *)invocation->arguments);
    free(invocation->given);
    invocation->arguments = NULL;
    invocation->given = NULL;
    invocation->argument_count = invocation->given_count = 0;
}

/* ---- what was given ---- */

const char *invocation_value_at(const struct invocation *invocation, const char *name, size_t index)
{
    for (size_t i = 0; i < invocation->given_count; i++)
        if (text_equal(invocation->given[i].row->name, name) && index-- == 0)
            return invocation->given[i].value;
    return NULL;
}

bool invocation_flag(const struct invocation *invocation, const char *name)
{
    for (size_t i = 0; i < invocation->given_count; i++)
        if (text_equal(invocation->given[i].row->name, name))
            return true;
    return false;
}

const char *invocation_value(const struct invocation *invocation, const char *name,
                             const char *fallback)
{
    const char *value = fallback;
    for (size_t i = 0; i < invocation->given_count; i++)
        if (text_equal(invocation->given[i].row->name, name))
            value = invocation->given[i].value;
    return value;
}

int invocation_number(const struct invocation *invocation, const char *name, long min, long max,
                      long fallback, long *out, struct error *err)
{
    const char *text = invocation_value(invocation, name, NULL);
    int64_t value = fallback;
    if (text && text_to_int64(text, min, max, &value) < 0)
        return error_set(err, ERROR_USAGE, "--%s must be a whole number from %ld to %ld", name, min,
                         max);
    *out = (long)value;
    return 0;
}

int invocation_duration(const struct invocation *invocation, const char *name, int64_t fallback_s,
                        int64_t *out_s, struct error *err)
{
    const char *text = invocation_value(invocation, name, NULL);
    int64_t value = fallback_s;
    if (text && duration_parse(text, &value, NULL) < 0)
        return error_set(err, ERROR_USAGE, "--%s must be a duration such as 30s, 10m or 1h", name);
    *out_s = value;
    return 0;
}
