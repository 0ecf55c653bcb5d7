/* fuzz_listing.c - listings, as a process that looked into an instance might have left them: read,
 * and compared with an empty one both ways. */
#include <stdint.h>
#include <stdlib.h>

#include "setup/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct listing listing;
    struct listing none = { 0 };
    struct changes changes;
    if (listing_read((const char *)data, size, &listing, NULL) < 0)
        return 0;
    if (listing_compare(&none, &listing, &changes, NULL) < 0)
        abort();
    changes_clear(&changes);
    if (listing_compare(&listing, &none, &changes, NULL) < 0)
        abort();
    changes_clear(&changes);
    if (listing_compare(&listing, &listing, &changes, NULL) < 0 || !changes_none(&changes))
        abort(); /* nothing differs from itself */
    changes_clear(&changes);
    listing_clear(&listing);
    return 0;
}
