/* fuzz_directory_filter.c - $filter as a stranger might send it. */
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "plane/directory_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct directory_entry entry = { .values = { "1", "ada@b.c", "Ada", NULL } };
    struct directory_filter *filter = NULL;
    enum directory_field field;
    char *const *names;
    size_t count;
    char *text = text_dup_size((const char *)data, size);
    if (!text)
        return 0;
    if (directory_filter_read(text, &filter) == 0) {
        bool passes = directory_filter_passes(filter, &entry), found = false;
        if (directory_filter_is_names(filter, &field, &names, &count)) {
            for (size_t i = 0; i < count; i++)
                found |= entry.values[field] && text_equal_nocase(entry.values[field], names[i]);
            if (found != passes)
                abort(); /* the index and the walk must agree */
        }
    }
    directory_filter_free(filter);
    free(text);
    return 0;
}
