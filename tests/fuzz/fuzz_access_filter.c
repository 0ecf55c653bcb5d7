/* fuzz_access_filter.c - $filter of Microsoft.Authorization's lists as a stranger might send it: what
 * is understood means the same when it is written out again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "plane/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quote(struct buffer *out, const char *text)
{
    buffer_char(out, '\'');
    for (; *text; text++) {
        buffer_char(out, *text);
        if (*text == '\'')
            buffer_char(out, '\'');
    }
    buffer_char(out, '\'');
}

static void write_out(const struct access_filter *filter, struct buffer *out)
{
    static const char *const before[ACCESS_TERMS] = {
        "atScope()",    "atScopeAndBelow()", "assignedTo(",           "principalId eq ",
        "roleName eq ", "type eq ",          "denyAssignmentName eq "
    };
    for (size_t i = 0; i < ACCESS_TERMS; i++) {
        if (!filter->set[i])
            continue;
        buffer_text(out, out->size > 0 ? " and " : "");
        buffer_text(out, before[i]);
        if (i >= ACCESS_ASSIGNED_TO)
            quote(out, filter->texts[i]);
        buffer_text(out, i == ACCESS_ASSIGNED_TO ? ")" : "");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct access_filter first;
    static struct access_filter second;
    struct buffer again = { 0 };
    char *text = text_dup_size((const char *)data, size);
    if (text && access_filter_parse(text, (1U << ACCESS_TERMS) - 1, &first)) {
        write_out(&first, &again);
        if (!access_filter_parse(again.data, (1U << ACCESS_TERMS) - 1, &second))
            abort();
        for (size_t i = 0; i < ACCESS_TERMS; i++)
            if (first.set[i] != second.set[i] || !text_equal(first.texts[i], second.texts[i]))
                abort();
    }
    buffer_clear(&again);
    free(text);
    return 0;
}
