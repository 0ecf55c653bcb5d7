/* fuzz_secrets_file.c - files of secrets: what is read has names that a secret may have, and reads
 * the same when it is written in single quotes or as it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/secrets_file.h"
#include "setup/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *values = NULL, *again = NULL;
    const cJSON *value = NULL;
    struct buffer text = { 0 };
    if (secrets_file_parse((const char *)data, size, "fuzz", &values, NULL) < 0)
        return 0;
    cJSON_ArrayForEach(value, values)
    {
        if (!secret_name_valid(value->string))
            abort();
        if (!strpbrk(value->valuestring, "'\n"))
            buffer_format(&text, "%s='%s'\n", value->string, value->valuestring);
    }
    if (secrets_file_parse(text.data ? text.data : "", text.size, "fuzz", &again, NULL) < 0)
        abort();
    cJSON_ArrayForEach(value, again)
    {
        const cJSON *first = cJSON_GetObjectItemCaseSensitive(values, value->string);
        if (!first || !text_equal(first->valuestring, value->valuestring))
            abort();
    }
    cJSON_Delete(values);
    cJSON_Delete(again);
    buffer_clear(&text);
    return 0;
}
