/* lint_private.h - the inside of the linter, for the files of this folder that hold its rules. */
#ifndef SETUP_LINT_PRIVATE_H
#define SETUP_LINT_PRIVATE_H

#include "setup/lint.h"
#include "setup/shell_reader.h"

enum rule {
    RULE_BAD_SHEBANG,
    RULE_BYTE_ORDER_MARK,
    RULE_CACHED_INSTANCE,
    RULE_CRLF,
    RULE_EMPTY,
    RULE_LOST_ARGUMENT,
    RULE_LOST_VARIABLE,
    RULE_NO_ERREXIT,
    RULE_NO_SHEBANG,
    RULE_NOT_AS_USER,
    RULE_NOT_TEXT,
    RULE_PROMPT,
    RULE_RAW,
    RULE_SECRET,
    RULE_SHELLCHECK,
    RULE_SHUTDOWN,
    RULE_SYNTAX,
    RULE_TEMPLATE,
    RULE_TOO_LARGE,
    RULE_UNKNOWN_RULE,
    RULES
};

/* What of the script the shell sees, with its places in the file. */
struct lint_view {
    char *text; /* values of the template are SHELL_VALUE */
    uint32_t *places;
    size_t size;
};

/* From `from` to before `to` of the file stands an as_user block. */
struct lint_range {
    uint32_t from, to;
};

struct lint_off; /* one "disable=" */

struct lint {
    const char *text; /* borrowed */
    size_t size;
    struct lint_options options;
    uint32_t *lines; /* where each line begins */
    size_t line_count;
    struct lint_view view;
    struct lint_range *as_user;
    size_t as_user_count, as_user_capacity;
    struct lint_off *offs;
    size_t off_count;
    struct lint_finding *findings;
    size_t finding_count, finding_capacity;
    size_t counts[LINT_SEVERITIES];
    size_t dropped;
    char shell[16];
    size_t idle_from, idle_to; /* between them no line holds a command */
    bool is_template, is_readable;
    bool sorted, failed;
    size_t seen_line, seen_at; /* columns are counted on from here */
    int seen_column;
};

/* Reports a finding at a place of the file. */
void lint_report(struct lint *lint, enum rule rule, uint32_t place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Does a place stand in an as_user block? */
bool lint_in_as_user(const struct lint *lint, uint32_t place);

/* lint_view.c: fills lint->view and as_user, reports raw(…).  false: the template's markers make no
 * sense (reported), and its commands can't be told. */
bool lint_make_view(struct lint *lint);

/* lint_text.c: bytes, first line, size. */
void lint_find_shell(struct lint *lint); /* fills lint->shell; "sh" when no line names one */
void lint_check_bytes(struct lint *lint);

/* lint_secrets.c */
void lint_check_tokens(struct lint *lint); /* well-known shapes, anywhere in the text */
void lint_check_word_secrets(struct lint *lint, const struct shell_script *script,
                             const struct shell_command *command);
void lint_check_input_secrets(struct lint *lint, const struct shell_script *script);

/* What a command runs once sudo, env and the like are taken away. */
struct lint_call {
    const struct shell_script *script;
    const struct shell_command *command;
    uint32_t word;    /* of the name; 0: none (a shell of its own when `shell`) */
    const char *name; /* without its folder; "" when it is not known */
    const char *path; /* as written */
    uint32_t first;   /* the first argument's word; 0: none */
    bool sudo;        /* sudo, su, runuser: environment and arguments do not go through */
    bool other_user;  /* somebody else than root, as far as can be told */
    bool keeps_environment;
    bool shell;               /* it runs a script that we can see: */
    struct shell_piece inner; /* that script */
    bool has_inner;
    bool has_arguments; /* the script gets arguments */
    uint32_t given[16]; /* words "NAME=value" in front of the name */
    size_t given_count;
};
/* lint_calls.c */
void lint_call_resolve(const struct shell_script *script, const struct shell_command *command,
                       struct lint_call *out);
const char *lint_word_text(const struct shell_script *script, uint32_t word);
/* Is "NAME=…" or "NAME+=…" what the word begins with?  Gives the name's length, else 0. */
size_t lint_assigned_name(const char *text);
/* Does one of the arguments equal one of the words of `list` ("-y --yes"), or hold the letter among
 * bundled ones ("-qy")?  0: no letter. */
bool lint_call_has(const struct lint_call *call, const char *list, char letter);
/* The index-th argument that is no option; NULL past the end. */
const char *lint_call_operand(const struct lint_call *call, size_t index);

/* lint_blocks.c: the variables that a script sets. */
struct lint_name;
struct lint_name *lint_names_new(struct lint *lint, const struct shell_script *script);
void lint_names_free(struct lint_name *names);

/* What a script runs in. */
struct lint_scope {
    const struct shell_script *script;
    const struct lint_scope *outer; /* NULL: the file itself */
    const struct lint_call *call;   /* what runs it */
    struct lint_name *names;        /* that it sets */
    unsigned depth;
    bool as_user;         /* not root */
    bool has_input;       /* `exec <` gave it all an input */
    bool has_frontend;    /* DEBIAN_FRONTEND is set */
    bool has_environment; /* a virtual environment was entered */
};
/* lint_prompts.c, lint_commands.c, lint_blocks.c: the rules of one command, of one script. */
void lint_check_prompt(struct lint *lint, const struct lint_scope *scope,
                       const struct lint_call *call);
void lint_check_call(struct lint *lint, struct lint_scope *scope, const struct lint_call *call);
void lint_check_lost(struct lint *lint, const struct lint_scope *scope);
void lint_check_cached(struct lint *lint, const struct shell_script *script);
void lint_check_whole(struct lint *lint, const struct shell_script *script);

#endif
