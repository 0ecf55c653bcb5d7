/* output.c - errors, notes, JSON documents, tables and questions: the one place that prints. */
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <libsmartcols.h>
#include <locale.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/text.h"

#define DETAILS_DEPTH_MAX 8
#define LINE_MAX_BYTES 4096

static const char *const style_codes[] = {
    [STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m",   [STYLE_DIM] = "\033[2m",
    [STYLE_RED] = "\033[31m",  [STYLE_GREEN] = "\033[32m", [STYLE_YELLOW] = "\033[33m",
    [STYLE_BLUE] = "\033[34m",
};

void output_init(struct output *output)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    bool colour = (!no_colour || !*no_colour) && terminal && !text_equal(terminal, "dumb");
    *output = (struct output) {
        .out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = isatty(STDERR_FILENO) == 1,
        .in_is_terminal = isatty(STDIN_FILENO) == 1,
    };
    output->colour_out = colour && output->out_is_terminal;
    output->colour_err = colour && output->err_is_terminal;
}

void output_clear(struct output *output)
{
    cJSON_Delete(output->errors);
    output->errors = NULL;
}

bool output_is_broken(void)
{
    return ferror(stdout) != 0;
}

int output_finish(struct output *output, struct error *err)
{
    (void)output;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    int errnum = errno ? errno : EPIPE; /* an earlier write said why; a closed pipe says it again */
    return errnum == EPIPE ? 0 : error_system(err, errnum, "writing to standard output");
}

const char *output_style(bool colour, enum style style)
{
    return colour ? style_codes[style] : "";
}

void output_print(const struct output *output, const char *format, ...)
{
    (void)output;
    va_list args;
    va_start(args, format);
    (void)vfprintf(stdout, format, args);
    va_end(args);
}

void output_note(const struct output *output, const char *format, ...)
{
    (void)output;
    va_list args;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
}

void output_warning(const struct output *output, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(stderr, "moonfleet: %swarning:%s ",
                  output_style(output->colour_err, STYLE_YELLOW),
                  output_style(output->colour_err, STYLE_PLAIN));
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

/* ---- foreign text ---- */

/* Size of the UTF-8 character at `text` and its code point; 0 when the bytes are none. */
static size_t character_at(const unsigned char *text, uint32_t *out_code)
{
    size_t size = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < size; i++)
        if (!text[i])
            return 0;
    if (!text_is_utf8((const char *)text, size))
        return 0;
    uint32_t code = size == 1 ? text[0] : text[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (text[i] & 0x3fU);
    *out_code = code;
    return size;
}

/* Characters that change how their neighbours are shown. */
static bool misleads(uint32_t code)
{
    return (code >= 0x80 && code < 0xa0) || code == 0x061c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069) ||
           code == 0xfeff;
}

void output_escape(struct buffer *out, const char *text, bool keep_lines)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        uint32_t code = 0;
        size_t size = character_at(at, &code);
        if (size == 0 || code < 0x20 || code == 0x7f) {
            if (keep_lines && (*at == '\n' || *at == '\t'))
                buffer_char(out, (char)*at);
            else
                buffer_format(out, "\\x%02x", *at);
            at++;
            continue;
        }
        if (misleads(code))
            buffer_format(out, "\\u{%04" PRIx32 "}", code);
        else
            buffer_append(out, at, size);
        at += size;
    }
}

const char *output_safe(char *out, size_t out_size, const char *text)
{
    struct buffer buffer = { 0 };
    output_escape(&buffer, text ? text : "", false);
    text_copy(out, out_size, buffer.data ? buffer.data : "");
    buffer_clear(&buffer);
    return out;
}

/* ---- errors ---- */

/* ARM's details: an array of {"code","message","details"}, or whatever came as text. */
static void print_detail(struct buffer *out, const cJSON *detail, int depth)
{
    if (depth > DETAILS_DEPTH_MAX)
        return;
    const cJSON *item = NULL;
    if (cJSON_IsArray(detail)) {
        cJSON_ArrayForEach(item, detail) print_detail(out, item, depth);
        return;
    }
    const char *code = json_string(detail, "code", NULL);
    const char *message = json_string(detail, "message", NULL);
    if (message) {
        buffer_format(out, "%*s", 2 * depth, "");
        output_escape(out, message, true);
        if (code) {
            buffer_text(out, " (");
            output_escape(out, code, false);
            buffer_char(out, ')');
        }
        buffer_char(out, '\n');
    }
    if (json_at(detail, "details"))
        print_detail(out, json_at(detail, "details"), depth + 1);
}

static void print_details(struct buffer *out, const char *text)
{
    cJSON *details = NULL;
    if (json_parse(text, strlen(text), "details", &details, NULL) == 0) {
        print_detail(out, details, 1);
        cJSON_Delete(details);
        return;
    }
    buffer_text(out, "  ");
    output_escape(out, text, true);
    buffer_char(out, '\n');
}

static void print_error(const struct output *output, const struct error *err)
{
    struct buffer text = { 0 };
    buffer_format(&text, "%smoonfleet:%s ", output_style(output->colour_err, STYLE_RED),
                  output_style(output->colour_err, STYLE_PLAIN));
    if (err->file[0]) {
        output_escape(&text, err->file, false);
        buffer_text(&text, ":");
        if (err->line > 0)
            buffer_format(&text, "%d:", err->line);
        buffer_char(&text, ' ');
    }
    output_escape(&text, err->message[0] ? err->message : error_code_text(err->code), true);
    if (err->name[0]) {
        buffer_text(&text, " (");
        output_escape(&text, err->name, false);
        if (err->status > 0)
            buffer_format(&text, ", %d", err->status);
        buffer_char(&text, ')');
    }
    buffer_char(&text, '\n');
    if (err->details[0])
        print_details(&text, err->details);
    (void)fwrite(text.data, 1, text.size, stderr);
    buffer_clear(&text);
}

void output_error(struct output *output, const struct error *err)
{
    if (!output->json) {
        print_error(output, err);
        return;
    }
    if (!output->errors)
        output->errors = cJSON_CreateArray();
    cJSON_AddItemToArray(output->errors, json_error(err));
}

cJSON *output_take_errors(struct output *output)
{
    cJSON *errors = output->errors ? output->errors : cJSON_CreateArray();
    output->errors = NULL;
    return errors;
}

void output_json(struct output *output, cJSON *document)
{
    char *text = output->out_is_terminal ? json_pretty(document) : json_text(document);
    if (text)
        (void)puts(text);
    free(text);
    cJSON_Delete(document);
    output->document_printed = true;
}

void output_errors(struct output *output)
{
    int count = cJSON_GetArraySize(output->errors);
    if (!output->json || output->document_printed || count == 0)
        return;
    cJSON *error = NULL;
    if (count == 1) {
        error = cJSON_DetachItemFromArray(output->errors, 0);
    } else {
        char message[64];
        (void)snprintf(message, sizeof message, "%d errors", count);
        error = cJSON_CreateObject();
        cJSON_AddStringToObject(error, "code", "MultipleErrors");
        cJSON_AddStringToObject(error, "message", message);
        cJSON_AddItemToObject(error, "details", output_take_errors(output));
    }
    cJSON *document = cJSON_CreateObject();
    cJSON_AddItemToObject(document, "error", error);
    output_json(output, document);
}

/* ---- questions ---- */

int output_confirm(const struct output *output, const char *question, struct error *err)
{
    char line[64];
    if (!output->in_is_terminal || !output->err_is_terminal || output->json)
        return error_set(
            err, ERROR_USAGE,
            "this needs a confirmation, and there is no terminal to ask on: say --yes");
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s [y/N] ", question);
    (void)fflush(stderr);
    if (!fgets(line, sizeof line, stdin)) {
        (void)fputc('\n', stderr);
        return 0;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return text_equal_nocase(line, "y") || text_equal_nocase(line, "yes");
}

/* ---- human units ---- */

void output_age(int64_t since_ms, int64_t now_ms, char *out, size_t out_size)
{
    int64_t seconds = (now_ms - since_ms) / 1000;
    if (seconds < 1)
        (void)text_copy(out, out_size, "now");
    else
        duration_text(seconds, out, out_size);
}

void output_bytes(int64_t bytes, char *out, size_t out_size)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
    if (bytes < 1024) {
        (void)snprintf(out, out_size, "%" PRId64 " B", bytes);
        return;
    }
    double value = (double)bytes / 1024.0;
    size_t unit = 0;
    for (; value >= 1024.0 && unit + 1 < COUNT(units); unit++)
        value /= 1024.0;
    bool whole = value >= 100.0 || value == (double)(int64_t)value;
    (void)snprintf(out, out_size, whole ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* ---- tables ---- */

struct table {
    struct libscols_table *columns;
    struct libscols_line *line; /* borrowed from `columns`: the row being filled */
    size_t next;                /* its next cell */
    bool colour;
    bool failed;
};

/* Widths are counted in characters, which needs a locale that knows UTF-8. */
static void use_utf8(void)
{
    if (!setlocale(LC_CTYPE, "") || !text_equal(nl_langinfo(CODESET), "UTF-8"))
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

struct table *table_new(const struct output *output, const char *const *headings)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    use_utf8();
    table->colour = output->colour_out;
    table->columns = scols_new_table();
    if (!table->columns) {
        free(table);
        return NULL;
    }
    (void)scols_table_enable_colors(table->columns, table->colour);
    (void)scols_table_enable_noencoding(table->columns, 1); /* output_safe() has done it */
    (void)scols_table_enable_minout(table->columns, 1);     /* no blanks at the end of lines */
    for (; *headings; headings++)
        if (!scols_table_new_column(table->columns, *headings, 0, 0))
            table->failed = true;
    return table;
}

void table_row(struct table *table)
{
    table->line = scols_table_new_line(table->columns, NULL);
    table->next = 0;
    if (!table->line)
        table->failed = true;
}

void table_cell(struct table *table, const char *text, enum style style)
{
    static const char *const colours[] = {
        [STYLE_BOLD] = "bold",   [STYLE_DIM] = "halfbright", [STYLE_RED] = "red",
        [STYLE_GREEN] = "green", [STYLE_YELLOW] = "yellow",  [STYLE_BLUE] = "blue",
        [STYLE_PLAIN] = NULL
    };
    char safe[LINE_MAX_BYTES];
    if (!table->line)
        return;
    output_safe(safe, sizeof safe, text && *text ? text : "-");
    if (scols_line_set_data(table->line, table->next, safe) != 0)
        table->failed = true;
    else if (table->colour && colours[style])
        (void)scols_cell_set_color(scols_line_get_cell(table->line, table->next), colours[style]);
    table->next++;
}

int table_print(struct table *table, struct error *err)
{
    if (!table)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a table");
    bool failed = table->failed;
    if (!failed && scols_table_get_nlines(table->columns) > 0)
        failed = scols_print_table(table->columns) != 0 && !output_is_broken();
    scols_unref_table(table->columns);
    free(table);
    return failed ? error_set(err, ERROR_NO_MEMORY, "no memory for a table") : 0;
}
