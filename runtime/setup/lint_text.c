/* lint_text.c - rules about the file as such: its bytes, its first line, its size. */
#include "setup/lint_private.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define MARK "\xEF\xBB\xBF"

static size_t first_line(const struct lint *lint, const char **out)
{
    const char *at = lint->view.text, *end = at + lint->view.size;
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    *out = at;
    return (size_t)((newline ? newline : end) - at);
}

/* The word behind the #!, or behind its env; without its folder. */
static void interpreter(const char *line, size_t size, char *out, size_t out_size)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%.*s", (int)(size < 255 ? size : 255), line);
    char *rest = text + 2, *word = NULL;
    *out = '\0';
    while ((word = strsep(&rest, " \t\r"))) {
        const char *base = strrchr(word, '/') ? strrchr(word, '/') + 1 : word;
        if (*base && *base != '-' && !strchr(base, '=') && !text_equal(base, "env")) {
            (void)text_copy(out, out_size, base);
            return;
        }
    }
}

static bool is_shell(const char *name)
{
    static const char *const shells[] = { "sh", "bash", "dash", "ash", "ksh", "zsh" };
    for (size_t i = 0; i < COUNT(shells); i++)
        if (text_equal(shells[i], name))
            return true;
    return false;
}

void lint_find_shell(struct lint *lint)
{
    const char *line = NULL;
    char name[64];
    size_t size = first_line(lint, &line);
    if (size < 2 || memcmp(line, "#!", 2) != 0) {
        (void)text_copy(lint->shell, sizeof lint->shell, "sh");
        return;
    }
    interpreter(line, size, name, sizeof name);
    if (is_shell(name))
        (void)text_copy(lint->shell, sizeof lint->shell, name);
}

static void check_first_line(struct lint *lint)
{
    const char *line = NULL;
    size_t size = first_line(lint, &line);
    uint32_t place = lint->view.places[line - lint->view.text];
    if (lint->size == 0) {
        lint_report(lint, RULE_EMPTY, 0, "the script is empty");
    } else if (size < 2 || memcmp(line, "#!", 2) != 0) {
        const char *late = memmem(lint->view.text, lint->view.size, "\n#!", 3);
        lint_report(lint, RULE_NO_SHEBANG, place,
                    late && (size_t)(late - lint->view.text) < 512
                        ? "the #! stands further down; it counts in the first line only"
                        : "the first line is not #! and a shell");
    } else if (size > 2 && !memchr(line, '/', size)) {
        lint_report(lint, RULE_BAD_SHEBANG, place, "the #! names no program by its whole path");
    } else if (size == 2) {
        lint_report(lint, RULE_NO_SHEBANG, place, "nothing stands behind the #!");
    }
}

static void check_line_ends(struct lint *lint)
{
    size_t count = 0;
    uint32_t first = 0;
    for (const char *at = lint->text; at && at < lint->text + lint->size;) {
        const char *found = memmem(at, lint->size - (size_t)(at - lint->text), "\r\n", 2);
        if (found && count++ == 0)
            first = (uint32_t)(found - lint->text);
        at = found ? found + 2 : NULL;
    }
    if (count > 0)
        lint_report(lint, RULE_CRLF, first, "%zu of %zu lines end with a carriage return", count,
                    lint->line_count - (lint->lines[lint->line_count - 1] == lint->size));
}

/* The first byte that is no UTF-8; lines are short, so they are asked one by one. */
static void check_encoding(struct lint *lint)
{
    if (text_is_utf8(lint->text, lint->size))
        return;
    size_t low = 0, high = lint->size;
    while (low < high) { /* the longest beginning that is text, give or take a cut character */
        size_t middle = low + (high - low + 1) / 2;
        size_t cut = middle;
        while (cut > 0 && middle - cut < 4 && cut < lint->size &&
               ((unsigned char)lint->text[cut] & 0xC0) == 0x80)
            cut--;
        if (text_is_utf8(lint->text, cut))
            low = middle;
        else
            high = middle - 1;
    }
    size_t at = low < lint->size ? low : lint->size - 1;
    lint_report(lint, RULE_NOT_TEXT, (uint32_t)at,
                lint->text[at] ? "byte 0x%02X is not UTF-8" : "a zero byte (0x%02X)",
                (unsigned)(unsigned char)lint->text[at]);
}

void lint_check_bytes(struct lint *lint)
{
    if (lint->size >= 3 && memcmp(lint->text, MARK, 3) == 0)
        lint_report(lint, RULE_BYTE_ORDER_MARK, 0, "the file begins with EF BB BF");
    check_first_line(lint);
    check_line_ends(lint);
    check_encoding(lint);
    if (lint->size > SETUP_SCRIPT_MAX)
        lint_report(lint, RULE_TOO_LARGE, 0, "%zu bytes, and at most %zu can be sent", lint->size,
                    SETUP_SCRIPT_MAX);
}
