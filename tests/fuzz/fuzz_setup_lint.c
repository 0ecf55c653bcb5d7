/* fuzz_setup_lint.c - setup scripts of anybody: every rule on any bytes.
 *
 * The first byte chooses the options; the rest is the script.  Whatever it is, places lie inside of
 * it, findings stand in order, and the same script gives the same findings. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "setup/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_lines(const char *text, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

static void check(struct lint *lint, const char *text, size_t size)
{
    size_t count = 0, lines = count_lines(text, size);
    const struct lint_finding *findings = lint_findings(lint, &count);
    for (size_t i = 0; i < count; i++) {
        if (findings[i].line < 1 || (size_t)findings[i].line > lines || findings[i].column < 1 ||
            (size_t)findings[i].column > size + 1)
            abort();
        if (i > 0 && (findings[i - 1].line > findings[i].line ||
                      (findings[i - 1].line == findings[i].line &&
                       findings[i - 1].column > findings[i].column)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lint *one = NULL, *two = NULL;
    size_t one_count = 0, two_count = 0;
    if (size == 0)
        return 0;
    const struct lint_options options = { .rendered = data[0] & 1, .cached = data[0] & 2 };
    const char *text = (const char *)data + 1;
    size--;
    if (lint_new(text, size, &options, &one, NULL) < 0 ||
        lint_new(text, size, &options, &two, NULL) < 0)
        abort();
    check(one, text, size);
    const struct lint_finding *first = lint_findings(one, &one_count);
    const struct lint_finding *second = lint_findings(two, &two_count);
    if (one_count != two_count)
        abort();
    for (size_t i = 0; i < one_count; i++)
        if (first[i].line != second[i].line || !text_equal(first[i].message, second[i].message))
            abort();
    /* What a tool says of the rendered script must find its place too. */
    for (int line = -1; line < 4; line++)
        if (lint_add_rendered(one, "shellcheck", "SC1000", LINT_HINT, text, size, NULL, line,
                              data[0] % 9, "x") < 0)
            abort();
    check(one, text, size);
    lint_free(one);
    lint_free(two);
    return 0;
}
