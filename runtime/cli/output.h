/* output.h - what people and programs read: results on stdout, everything else on stderr. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"

/* How this process may write.  Colour only where a terminal reads, and never with NO_COLOR. */
struct output {
    bool json; /* --json: stdout gets one JSON document */
    bool out_is_terminal;
    bool err_is_terminal;
    bool in_is_terminal;
    bool colour_out;
    bool colour_err;
    bool document_printed; /* the one JSON document is out */
    cJSON *errors;         /* --json: what was reported so far; owned; NULL: nothing */
};

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_BLUE };

/* Looks at the terminal and the environment. */
void output_init(struct output *output);

/* Flushes stdout.  A reader that went away is nobody's mistake (0); ERROR_IO for a full disk. */
int output_finish(struct output *output, struct error *err);
void output_clear(struct output *output);
/* Has the reader of stdout gone, or its disk filled?  Then there is no point in going on. */
bool output_is_broken(void);

/* Result lines; the text is trusted to hold no foreign bytes that were not escaped. */
void output_print(const struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same to stderr: remarks, questions. */
void output_note(const struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reports one error: "moonfleet: quickstart.lua:12: message (AuthorizationFailed, 403)" with its
 * details below; with --json it waits for output_errors(). */
void output_error(struct output *output, const struct error *err);
/* "moonfleet: warning: …" on stderr, in either mode. */
void output_warning(const struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints the one JSON document (taken). */
void output_json(struct output *output, cJSON *document);
/* What output_error() kept, as an array (moved to the caller; never NULL unless memory is out). */
cJSON *output_take_errors(struct output *output);
/* With --json and nothing printed yet: {"error":{…}} of what was kept; several become its details.
 */
void output_errors(struct output *output);

/* The escape sequence that begins / ends a style; "" without colour. */
const char *output_style(bool colour, enum style style);

/* Appends foreign text as a terminal may show it: control characters, bytes that are not UTF-8 and
 * characters that turn the direction of writing become \xNN or \u{NNNN}; line breaks too unless
 * `keep_lines`. */
void output_escape(struct buffer *out, const char *text, bool keep_lines);
/* The same into a fixed size, cut at the end. Returns `out`. */
const char *output_safe(char *out, size_t out_size, const char *text);
#define OUTPUT_SAFE_SIZE 256

/* Asks on the terminal; 1 yes, 0 no.  Without one: ERROR_USAGE, saying that --yes is needed. */
int output_confirm(const struct output *output, const char *question, struct error *err);

/* "now", "45s", "3m", "2d4h" between two Unix times. */
void output_age(int64_t since_ms, int64_t now_ms, char *out, size_t out_size);
/* "512 B", "1.5 KiB", "3 GiB". */
void output_bytes(int64_t bytes, char *out, size_t out_size);

/* A table on stdout, as libsmartcols draws it.  Texts are copied and escaped. */
struct table;
/* `headings` ends with NULL.  NULL: no memory. */
struct table *table_new(const struct output *output, const char *const *headings);
/* Starts a row; cells are set one after the other. NULL texts are shown as "-". */
void table_row(struct table *table);
void table_cell(struct table *table, const char *text, enum style style);
/* Prints and frees it; ERROR_NO_MEMORY when anything on the way failed. */
int table_print(struct table *table, struct error *err);

#endif
