/* fuzz_rbac_pattern.c - patterns, actions and scopes as a role definition might hold them.
 *
 * The first line is a pattern, the second an action, the third and fourth are scopes.  A table
 * filled cell by cell from the rule tells what the matcher must answer. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rbac/decide.h"
#include "rbac/pattern.h"
#include "rbac/scope.h"

#define SMALL 200 /* the table is quadratic */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only ASCII folds, whatever the locale. */
static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* covers[p][t]: does the pattern from p on cover the action from t on? */
static bool by_table(const char *original, const char *action)
{
    static bool covers[SMALL + 3][SMALL + 2];
    char pattern[SMALL + 2] = "";
    size_t size = 0;
    for (const char *p = original; *p; p++) {
        if (*p != '*' || size == 0 || pattern[size - 1] != '*')
            pattern[size++] = *p;
    }
    size_t length = strlen(action);
    memset(covers, 0, sizeof covers);
    covers[size][length] = true;
    for (size_t p = size; p-- > 0;) {
        bool segment = p > 0 && pattern[p] == '*' && pattern[p - 1] == '/' && pattern[p + 1] == '/';
        bool any = false; /* the rest covers from some place at t or behind it */
        for (size_t t = length + 1; t-- > 0;) {
            any |= covers[p + 1][t];
            if (pattern[p] == '*')
                covers[p][t] = any || (segment && covers[p + 2][t]);
            else
                covers[p][t] =
                    t < length && fold(pattern[p]) == fold(action[t]) && covers[p + 1][t + 1];
        }
    }
    return length > 0 && !strchr(action, '*') && covers[0][0];
}

static void check_scopes(const char *above, const char *below)
{
    char trailing[SMALL + 3];
    bool covers = rbac_scope_covers(above, below);
    if (strlen(above) <= SMALL && *above) {
        (void)snprintf(trailing, sizeof trailing, "%s/", above);
        if (rbac_scope_covers(trailing, below) != covers)
            abort(); /* a trailing slash must not matter */
    }
    if (*above == '/' && strlen(above) <= SMALL && !rbac_scope_covers(above, above) &&
        rbac_scope_covers("/", above))
        abort(); /* what is a scope covers itself */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_dup_size((const char *)data, size);
    char *rest = text;
    if (!text)
        return 0;
    const char *pattern = strsep(&rest, "\n");
    const char *action = rest ? strsep(&rest, "\n") : "";
    const char *above = rest ? strsep(&rest, "\n") : "";
    const char *below = rest ? rest : "";
    bool covers = rbac_pattern_covers(pattern, action);
    if (strlen(pattern) <= SMALL && strlen(action) <= SMALL && covers != by_table(pattern, action))
        abort();
    check_scopes(above, below);
    free(text);
    return 0;
}
