/* lint.c - a script's findings: places, what is switched off, order; and the walk through the
 * script's commands that calls the rules. */
#include "setup/lint_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "setup/template.h"

#define MESSAGE_SIZE 512
#define DIRECTIVE "moonfleet:"
#define DISABLE "disable="
#define SCRIPTS_DEPTH_MAX 8 /* scripts in here-documents of scripts in … */
#define OFFS_MAX 2000

/* One rule (or code) that is switched off, in lines `from` to `to`. */
struct lint_off {
    char name[32];
    int from, to;
};

/* ---- places ---- */

static bool find_lines(struct lint *lint)
{
    size_t count = 1;
    for (size_t i = 0; i < lint->size; i++)
        count += lint->text[i] == '\n';
    lint->lines = malloc(count * sizeof *lint->lines);
    if (!lint->lines)
        return false;
    lint->lines[lint->line_count++] = 0;
    for (size_t i = 0; i < lint->size; i++)
        if (lint->text[i] == '\n')
            lint->lines[lint->line_count++] = (uint32_t)i + 1;
    return true;
}

/* Index from 0 of the line that holds a place. */
static size_t line_of(const struct lint *lint, uint32_t place)
{
    size_t low = 0, high = lint->line_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (lint->lines[middle] <= place)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Characters, counted on from the last answer when that is in the same line: findings of one huge
 * line do not count it again and again. */
static int column_of(struct lint *lint, size_t line, uint32_t place)
{
    size_t at = lint->lines[line];
    int column = 1;
    if (lint->seen_line == line && lint->seen_at >= at && lint->seen_at <= place) {
        at = lint->seen_at;
        column = lint->seen_column;
    }
    if (lint->seen_column == 0)
        at = lint->lines[line], column = 1;
    for (; at < place && at < lint->size; at++)
        column += ((unsigned char)lint->text[at] & 0xC0) != 0x80;
    lint->seen_line = line;
    lint->seen_at = at;
    lint->seen_column = column;
    return column;
}

/* ---- switching off ---- */

static bool is_off(const struct lint *lint, const char *name, int line)
{
    for (size_t i = 0; name && i < lint->off_count; i++)
        if (line >= lint->offs[i].from && line <= lint->offs[i].to &&
            text_equal(lint->offs[i].name, name))
            return true;
    return false;
}

/* Is the line (from 0) blank, or a comment and nothing else? */
static bool is_idle(const struct lint *lint, size_t line)
{
    size_t at = lint->lines[line];
    while (at < lint->size && (lint->text[at] == ' ' || lint->text[at] == '\t'))
        at++;
    return at >= lint->size || strchr("#\r\n", lint->text[at]) != NULL;
}

static bool is_continued(const struct lint *lint, size_t line)
{
    if (line + 1 >= lint->line_count)
        return false;
    size_t end = lint->lines[line + 1] - 1;
    if (end > lint->lines[line] && lint->text[end - 1] == '\r')
        end--;
    return end > lint->lines[line] && lint->text[end - 1] == '\\';
}

/* The first line behind `line` that is not idle; comments on end ask for the same one. */
static size_t next_busy(struct lint *lint, size_t line)
{
    size_t next = line + 1;
    if (line >= lint->idle_from && next < lint->idle_to)
        next = lint->idle_to;
    while (next < lint->line_count && is_idle(lint, next))
        next++;
    lint->idle_from = line;
    lint->idle_to = next;
    return next;
}

/* Which lines (from 1) a comment in `line` (from 0) is about. */
static void reach_of(struct lint *lint, size_t line, int *out_from, int *out_to)
{
    if (is_idle(lint, line))
        line = next_busy(lint, line);
    *out_from = (int)line + 1;
    while (is_continued(lint, line))
        line++;
    *out_to = (int)line + 1;
}

static bool is_code(const char *name)
{
    return text_starts(name, "SC") && name[2] && strspn(name + 2, "0123456789") == strlen(name + 2);
}

static void switch_off(struct lint *lint, const char *name, uint32_t place, int from, int to)
{
    if (!lint_rule_find(name) && !is_code(name)) {
        const char *names[RULES];
        for (size_t i = 0; i < RULES; i++)
            names[i] = lint_rule(i)->name;
        const char *near = /* nobody reads a thousandth suggestion */
            lint->finding_count < LINT_FINDINGS_MAX ? text_nearest(name, names, RULES) : NULL;
        lint_report(lint, RULE_UNKNOWN_RULE, place,
                    near ? "there is no rule '%s', did you mean '%s'?" : "there is no rule '%s'",
                    name, near);
        return;
    }
    if (lint->off_count >= OFFS_MAX)
        return;
    if (!lint->offs && !(lint->offs = calloc(OFFS_MAX, sizeof *lint->offs))) {
        lint->failed = true;
        return;
    }
    struct lint_off *off = &lint->offs[lint->off_count++];
    (void)text_copy(off->name, sizeof off->name, name);
    off->from = from;
    off->to = to;
}

static const char *skip_spaces(const char *text)
{
    return text + strspn(text, " \t");
}

/* "moonfleet: disable=a,b" in a comment; what else stands behind it is a remark. */
static void read_directive(struct lint *lint, const struct shell_script *script,
                           const struct shell_comment *comment, bool of_file)
{
    const char *text = skip_spaces(shell_piece_text(script, comment->text));
    if (!text_starts(text, DIRECTIVE))
        return;
    text = skip_spaces(text + strlen(DIRECTIVE));
    if (!text_starts(text, DISABLE)) {
        lint_report(lint, RULE_UNKNOWN_RULE, comment->place,
                    "a comment for moonfleet is written '# moonfleet: disable=RULE[,RULE]'");
        return;
    }
    text += strlen(DISABLE);
    int from = 1, to = INT32_MAX;
    if (!of_file || comment->command > 0)
        reach_of(lint, line_of(lint, comment->place), &from, &to);
    for (;;) {
        char name[32];
        size_t size = strcspn(text, ", \t\r");
        (void)snprintf(name, sizeof name, "%.*s", (int)(size < 31 ? size : 31), text);
        if (size > 0)
            switch_off(lint, name, comment->place, from, to);
        text = skip_spaces(text + size);
        if (*text != ',')
            return;
        text = skip_spaces(text + 1);
    }
}

static void read_directives(struct lint *lint, const struct shell_script *script, bool of_file)
{
    for (size_t i = 0; i < script->comment_count; i++)
        read_directive(lint, script, &script->comments[i], of_file);
}

/* ---- findings ---- */

static bool is_full(const struct lint *lint)
{
    return lint->finding_count >= LINT_FINDINGS_MAX;
}

static int add_finding(struct lint *lint, const struct lint_rule *rule, const char *code,
                       enum lint_severity severity, int line, int column, const char *message)
{
    if (is_off(lint, rule->name, line) || is_off(lint, code, line))
        return 0;
    for (size_t i = 0; i < lint->finding_count && !is_full(lint); i++) {
        const struct lint_finding *seen = &lint->findings[i];
        if (seen->rule == rule && seen->line == line && seen->column == column &&
            (rule->name == lint_rule(RULE_SECRET)->name || text_equal(seen->message, message)))
            return 0; /* a template's loop, or two ways to the same place */
    }
    lint->counts[severity]++;
    if (is_full(lint)) {
        lint->dropped++;
        return 0;
    }
    if (lint->finding_count == lint->finding_capacity) {
        size_t capacity = lint->finding_capacity ? lint->finding_capacity * 2 : 32;
        struct lint_finding *findings = realloc(lint->findings, capacity * sizeof *findings);
        if (!findings)
            return ERROR_NO_MEMORY;
        lint->findings = findings;
        lint->finding_capacity = capacity;
    }
    char *owned_message = strdup(message), *owned_code = code ? strdup(code) : NULL;
    if (!owned_message || (code && !owned_code)) {
        free(owned_message);
        free(owned_code);
        return ERROR_NO_MEMORY;
    }
    lint->findings[lint->finding_count++] =
        (struct lint_finding) { rule, owned_code, severity, line, column, owned_message };
    lint->sorted = false;
    return 0;
}

void lint_report(struct lint *lint, enum rule rule, uint32_t place, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    const struct lint_rule *row = lint_rule(rule);
    size_t line = line_of(lint, place);
    int column = !is_full(lint) ? column_of(lint, line, place) : 1;
    if (add_finding(lint, row, NULL, row->severity, (int)line + 1, column, message) < 0)
        lint->failed = true;
}

int lint_add(struct lint *lint, const char *rule, const char *code, enum lint_severity severity,
             int line, int column, const char *message)
{
    const struct lint_rule *row = lint_rule_find(rule);
    return add_finding(lint, row, code, severity, line, column, message);
}

/* The `line`-th line (from 1) without its end; empty past the last. */
static const char *line_at(const char *text, size_t size, int line, size_t *out_size)
{
    const char *at = text, *end = text + size;
    for (; line > 1 && at < end; line--) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    *out_size = (size_t)((newline ? newline : end) - at);
    if (*out_size > 0 && at[*out_size - 1] == '\r')
        --*out_size;
    return at;
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

/* The column in the template's line of a column in the rendered one. */
static int map_column(const char *rendered, size_t rendered_size, const char *own, size_t own_size,
                      int column)
{
    size_t same = 0, at = 0, tail = 0;
    int result = 1, count = 1;
    while (same < rendered_size && same < own_size && rendered[same] == own[same])
        same++;
    while (at < rendered_size && (count < column || !begins_character(rendered[at]))) {
        at++;
        count += at < rendered_size && begins_character(rendered[at]);
    }
    while (tail < rendered_size - same && tail < own_size - same &&
           rendered[rendered_size - 1 - tail] == own[own_size - 1 - tail])
        tail++;
    if (at > same)
        at = rendered_size - at <= tail ? own_size - (rendered_size - at) : same;
    if (column == 0)
        for (at = 0; at < own_size && (own[at] == ' ' || own[at] == '\t');)
            at++;
    for (size_t i = 1; i <= at && i <= own_size; i++)
        result += i == own_size || begins_character(own[i]);
    return result;
}

int lint_add_rendered(struct lint *lint, const char *rule, const char *code,
                      enum lint_severity severity, const char *rendered, size_t rendered_size,
                      const cJSON *lines, int line, int column, const char *message)
{
    size_t size = 0, own_size = 0;
    int own_line = template_line_of(lines, line);
    if (own_line < 1 || (size_t)own_line > lint->line_count)
        own_line = (int)lint->line_count;
    if (is_full(lint)) /* only counted */
        return lint_add(lint, rule, code, severity, own_line, 1, message);
    const char *text = line_at(rendered, rendered_size, line, &size);
    size_t from = lint->lines[own_line - 1];
    const char *own = line_at(lint->text + from, lint->size - from, 1, &own_size);
    return lint_add(lint, rule, code, severity, own_line,
                    map_column(text, size, own, own_size, column), message);
}

static int compare(const void *a, const void *b)
{
    const struct lint_finding *one = a, *two = b;
    if (one->line != two->line)
        return one->line < two->line ? -1 : 1;
    if (one->column != two->column)
        return one->column < two->column ? -1 : 1;
    int rc = strcmp(one->rule->name, two->rule->name);
    rc = rc ? rc : strcmp(one->code ? one->code : "", two->code ? two->code : "");
    return rc ? rc : strcmp(one->message, two->message);
}

const struct lint_finding *lint_findings(struct lint *lint, size_t *out_count)
{
    if (!lint->sorted && lint->finding_count > 0)
        qsort(lint->findings, lint->finding_count, sizeof *lint->findings, compare);
    lint->sorted = true;
    *out_count = lint->finding_count;
    return lint->findings;
}

size_t lint_count(const struct lint *lint, enum lint_severity severity)
{
    return lint->counts[severity];
}

size_t lint_dropped(const struct lint *lint)
{
    return lint->dropped;
}

const char *lint_shell(const struct lint *lint)
{
    return lint->shell;
}

bool lint_is_template(const struct lint *lint)
{
    return lint->is_template;
}

bool lint_is_readable(const struct lint *lint)
{
    return lint->is_readable;
}

/* ---- the walk ---- */

bool lint_in_as_user(const struct lint *lint, uint32_t place)
{
    size_t low = 0, high = lint->as_user_count; /* they are in order */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lint->as_user[middle].to <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lint->as_user_count && place >= lint->as_user[low].from;
}

static void check_script(struct lint *lint, const struct shell_source *source,
                         struct lint_scope *scope);

static void check_command(struct lint *lint, struct lint_scope *scope,
                          const struct shell_command *command)
{
    struct lint_call call;
    lint_call_resolve(scope->script, command, &call);
    lint_check_word_secrets(lint, scope->script, command);
    bool as_user = scope->as_user;
    scope->as_user = as_user || lint_in_as_user(lint, command->place);
    lint_check_prompt(lint, scope, &call);
    lint_check_call(lint, scope, &call);
    if (call.has_inner && scope->depth < SCRIPTS_DEPTH_MAX) {
        struct lint_scope inner = *scope;
        struct shell_source source = shell_piece_source(scope->script, call.inner);
        inner.outer = scope;
        inner.call = &call;
        inner.depth = scope->depth + 1;
        inner.as_user = scope->as_user || call.other_user;
        check_script(lint, &source, &inner);
    }
    scope->as_user = as_user;
}

static void check_script(struct lint *lint, const struct shell_source *source,
                         struct lint_scope *scope)
{
    struct shell_script script;
    if (shell_read(source, &script, NULL) < 0) {
        lint->failed = true;
    } else {
        scope->script = &script;
        scope->names = lint_names_new(lint, &script);
        read_directives(lint, &script, scope->depth == 0);
        for (size_t i = 0; i < script.command_count && !lint->failed; i++)
            check_command(lint, scope, &script.commands[i]);
        lint_check_input_secrets(lint, &script);
        lint_check_lost(lint, scope);
        if (lint->options.cached)
            lint_check_cached(lint, &script);
        if (scope->depth == 0)
            lint_check_whole(lint, &script);
        lint_names_free(scope->names);
        scope->names = NULL;
        scope->script = NULL;
    }
    shell_script_clear(&script);
}

int lint_new(const char *text, size_t size, const struct lint_options *options, struct lint **out,
             struct error *err)
{
    if (size > LINT_TEXT_MAX)
        return error_set(err, ERROR_TOO_LARGE, "the script is larger than %zu MiB",
                         LINT_TEXT_MAX >> 20);
    struct lint *lint = calloc(1, sizeof *lint);
    if (!lint)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    lint->text = text;
    lint->size = size;
    lint->options = *options;
    lint->is_readable = find_lines(lint) && lint_make_view(lint);
    lint->failed |= !lint->lines;
    if (!lint->failed) {
        struct lint_scope scope = { .script = NULL };
        struct shell_source source = { lint->view.text, lint->view.size, lint->view.places };
        lint_find_shell(lint);
        if (lint->is_readable && lint->shell[0])
            check_script(lint, &source, &scope);
        lint_check_bytes(lint);
        lint_check_tokens(lint);
    }
    if (lint->failed) {
        lint_free(lint);
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    *out = lint;
    return 0;
}

void lint_free(struct lint *lint)
{
    if (!lint)
        return;
    for (size_t i = 0; i < lint->finding_count; i++) {
        free((char *)lint->findings[i].code);
        free((char *)lint->findings[i].message);
    }
    free(lint->findings);
    free(lint->offs);
    free(lint->as_user);
    free(lint->view.text);
    free(lint->view.places);
    free(lint->lines);
    free(lint);
}
