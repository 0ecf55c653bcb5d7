/* lint.h - what is wrong with a setup script, as far as its text tells.
 *
 * Our own rules, on the template: every branch of it is looked at, and places are those of the
 * template.  They work on the commands and words of shell_reader.h, so comments, strings and
 * here-documents raise no false alarms.  What other tools find is added with lint_add(), and then
 * sorted, counted and switched off with the rest.
 *
 * "# moonfleet: disable=rule,rule" in a comment switches rules off: for the whole script when it
 * stands before the first command, for its own line when a command stands before it there, else for
 * the next line that holds a command.  Pure. */
#ifndef SETUP_LINT_H
#define SETUP_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

/* What the local plane takes; the service documents no limit of its own but that a reply, which
 * holds the script, stays under 8 MB. */
#define SETUP_SCRIPT_MAX ((size_t)1 << 20)
/* What is looked at at all. */
#define LINT_TEXT_MAX ((size_t)4 << 20)
#define LINT_FINDINGS_MAX 1000 /* kept; the rest is counted */

enum lint_severity { LINT_HINT, LINT_WARNING, LINT_ERROR };
#define LINT_SEVERITIES 3
const char *lint_severity_name(enum lint_severity severity); /* "error" */

/* A rule.  Its texts are sentences. */
struct lint_rule {
    const char *name;
    enum lint_severity severity;
    bool stops; /* such a script cannot run at all: a plan fails */
    const char *summary, *why, *mend;
};
/* All rules, by name; NULL past the end. */
const struct lint_rule *lint_rule(size_t index);
const struct lint_rule *lint_rule_find(const char *name);

struct lint_finding {
    const struct lint_rule *rule;
    const char *code; /* the other tool's name for it ("SC2086"); NULL */
    enum lint_severity severity;
    int line, column; /* from 1; columns count characters */
    const char *message;
};

struct lint_options {
    bool rendered; /* the text has no template markers: braces are its own */
    bool cached;   /* it is used with cache = true: its result must not depend on the instance */
};

struct lint;

/* Looks at `size` bytes (borrowed until lint_free()).  *out is the caller's.  Fails only with
 * ERROR_NO_MEMORY, or ERROR_TOO_LARGE beyond LINT_TEXT_MAX. */
int lint_new(const char *text, size_t size, const struct lint_options *options, struct lint **out,
             struct error *err);
void lint_free(struct lint *lint); /* NULL is fine */

/* Adds what another tool found, unless it is switched off; `rule` is one of ours ("shellcheck"),
 * `code` the tool's own name or NULL.  Texts are copied.  ERROR_NO_MEMORY. */
int lint_add(struct lint *lint, const char *rule, const char *code, enum lint_severity severity,
             int line, int column, const char *message);

/* The same for a place in the rendered script, of which `lines` (as template_line_of() reads them;
 * NULL: they are the file's own) tells where its lines came from.  Where the two lines differ, a
 * column behind the difference becomes that of the difference.  A column of 0 is the line's first
 * word. */
int lint_add_rendered(struct lint *lint, const char *rule, const char *code,
                      enum lint_severity severity, const char *rendered, size_t rendered_size,
                      const cJSON *lines, int line, int column, const char *message);

/* Appends the rendered script with its as_user blocks opened: a block's own lines stand in "(" and
 * ")", blanks stand for everything that carries them to the user's shell, and every byte keeps its
 * place. */
void lint_open_blocks(const char *rendered, size_t size, struct buffer *out);

/* By place; valid until the next lint_add(). */
const struct lint_finding *lint_findings(struct lint *lint, size_t *out_count);
/* How many of a severity, those included that were not kept. */
size_t lint_count(const struct lint *lint, enum lint_severity severity);
size_t lint_dropped(const struct lint *lint);

/* The shell that the first line names ("bash", "sh", "dash"); "" when it names none, or one that
 * is no shell. */
const char *lint_shell(const struct lint *lint);
/* Does the text hold markers of a template (or such as make no sense)?  Then what the machine gets is
 * another text. */
bool lint_is_template(const struct lint *lint);
/* Do its markers make sense?  Else a finding of `template` says what does not. */
bool lint_is_readable(const struct lint *lint);

#endif
