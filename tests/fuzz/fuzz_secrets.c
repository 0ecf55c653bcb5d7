/* fuzz_secrets.c - the line of secrets in a script, and the filter, cut where the input says.
 *
 * The first byte tells how long the pieces are, the rest is a script whose secrets are then looked
 * for in the script itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "setup/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_filter(const struct secrets *secrets, const char *text, size_t size, size_t step)
{
    struct secrets_filter *filter = NULL;
    struct buffer whole = { 0 }, pieces = { 0 };
    if (secrets_filter_new(secrets, &filter, NULL) < 0)
        abort();
    secrets_redact(secrets, text, size, &whole);
    for (size_t at = 0; at < size; at += step)
        secrets_filter_put(filter, text + at, size - at < step ? size - at : step, &pieces);
    secrets_filter_end(filter, &pieces);
    if (whole.size != pieces.size ||
        (whole.size > 0 && memcmp(whole.data, pieces.data, whole.size) != 0))
        abort(); /* cutting must not matter */
    secrets_filter_free(filter);
    buffer_clear(&whole);
    buffer_clear(&pieces);
}

static void check_seal(const struct secrets *secrets, const char *text, size_t size)
{
    struct buffer sealed = { 0 }, back = { 0 };
    if (secrets_seal(secrets, text, size, &sealed, NULL) == 0 &&
        (secrets_unseal(secrets, sealed.data ? sealed.data : "", sealed.size, &back, NULL) < 0 ||
         back.size != size || (size > 0 && memcmp(back.data, text, size) != 0)))
        abort();
    buffer_clear(&sealed);
    buffer_clear(&back);
    if (secrets_unseal(secrets, text, size, &back, NULL) == 0 && size > 0 && !back.data)
        abort();
    buffer_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct secrets *secrets = NULL;
    struct buffer scrubbed = { 0 };
    size_t body = 0;
    if (size < 1 || secrets_new(&secrets, NULL) < 0)
        return 0;
    const char *script = (const char *)data + 1;
    size_t script_size = size - 1;
    if (secrets_read(script, script_size, secrets, &body, NULL) == 0) {
        if (body > script_size)
            abort();
        check_filter(secrets, script, script_size, data[0] % 17 + 1);
        check_seal(secrets, script, body);
        if (secrets_scrub_script(script, script_size, &scrubbed, NULL) < 0)
            abort();
    }
    buffer_clear(&scrubbed);
    secrets_free(secrets);
    return 0;
}
