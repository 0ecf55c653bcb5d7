/* command.h - a command is data: one row tells its name, arguments, options, help and what runs it.
 *
 * Parsing, help, usage errors, the man page and the shells' completions are all printed from these
 * rows, so that nothing about a command is said twice. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/output.h"

struct invocation;

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_CHANGES = 2, /* plan --detailed-exitcode */
    EXIT_USAGE = 64,
    EXIT_INTERRUPTED = 130,
};

/* What an argument or an option's value is, for completions. */
enum completes {
    COMPLETES_NOTHING,
    COMPLETES_FILE,
    COMPLETES_RECIPE, /* *.lua */
    COMPLETES_FOLDER,
    COMPLETES_INSTANCE,
    COMPLETES_CONTEXT,
    COMPLETES_COMMAND,
    COMPLETES_WORDS, /* option_row.words */
};

/* One option.  Tables end with a NULL name. */
struct option_row {
    const char *name;     /* "context", without the dashes */
    char letter;          /* 'h', or 0 */
    const char *argument; /* "NAME"; NULL: a flag */
    const char *help;     /* one line; NULL: hidden, for our own use */
    enum completes completes;
    const char *words; /* COMPLETES_WORDS: "auto oci simulated" */
};

/* What a command needs; each brings options of its own. */
enum command_needs {
    NEEDS_NOTHING = 0,
    NEEDS_PLANE = 1 << 0,   /* --context, --as, --subscription, … */
    NEEDS_RECIPE = 1 << 1,  /* -p name=value */
    NEEDS_TARGETS = 1 << 2, /* NAME… or --all, --fleet, --mine; --wait, --no-wait */
    NEEDS_APPLY = 1 << 3,   /* --yes, --replace, --parallel */
};

struct command {
    const char *name;      /* one word, or two ("context use") */
    const char *arguments; /* "RECIPE", "NAME -- CMD…"; "" when there are none */
    int arguments_min;
    int arguments_max;                /* -1: any number */
    const char *summary;              /* NULL: hidden */
    const char *details;              /* paragraphs, wrapped by hand to 78 columns */
    const char *examples;             /* lines of "command", a tab, "what it does" */
    const struct option_row *options; /* its own; NULL: none */
    unsigned needs;
    enum completes completes;
    /* An exit status, or a negative error code with `err` filled: the caller reports it, once. */
    int (*run)(struct invocation *invocation, struct error *err);
};

/* All commands, in the order in which help shows them; ends with NULL. */
extern const struct command *const command_table[];

/* The row of `name` ("plan", "context use"), or NULL. */
const struct command *command_find(const char *name);
/* Is `word` the first word of commands of two words? */
bool command_is_group(const char *word);

/* The command's options, its own first, then those that its needs bring, then those of all
 * commands: the index-th, or NULL past the end. */
const struct option_row *command_option(const struct command *command, size_t index);
/* Options that may stand before the command's name. */
const struct option_row *command_global_option(size_t index);

/* One option as it was given. */
struct given_option {
    const struct option_row *row;
    const char *value; /* NULL for a flag */
};

/* A command line that was understood.  Texts are borrowed from argv. */
struct invocation {
    const struct command *command;
    struct output *output;
    const char *program; /* our own path, for children */
    const char **arguments;
    size_t argument_count;
    const char **rest; /* what stood behind "--" */
    size_t rest_count;
    bool has_rest;
    struct given_option *given;
    size_t given_count;
};

/* Reads argv (without the program's name) into `out`; release it with invocation_clear(), also
 * after a failure.  ERROR_USAGE, with a suggestion where one is near; out->command then tells how
 * far it got. No command at all: out->command is NULL and 0 is returned. */
int invocation_parse(int argc, char **argv, struct invocation *out, struct error *err);
void invocation_clear(struct invocation *invocation);

/* Was the option given?  `name` must be one of the command's. */
bool invocation_flag(const struct invocation *invocation, const char *name);
/* Its value when given (the last one), else `fallback`. */
const char *invocation_value(const struct invocation *invocation, const char *name,
                             const char *fallback);
/* The index-th value of an option that may be given several times; NULL past the end. */
const char *invocation_value_at(const struct invocation *invocation, const char *name,
                                size_t index);
/* A whole number; ERROR_USAGE names the option and the bounds. */
int invocation_number(const struct invocation *invocation, const char *name, long min, long max,
                      long fallback, long *out, struct error *err);
/* A duration ("10m") in seconds; ERROR_USAGE. */
int invocation_duration(const struct invocation *invocation, const char *name, int64_t fallback_s,
                        int64_t *out_s, struct error *err);

/* The whole program: parses, runs, reports; returns the exit status. */
int cli_main(int argc, char **argv);

#endif
