/* api.c - see api.h.  The versions of Microsoft.MachineLearningServices that have a compute
 * instance: Azure/bicep-types-az. */
#include "arm/api.h"

#include <string.h>

#include "base/text.h"

/* In order of date, so that the text below is sorted; a preview follows the stable one of its day.
 */
#define VERSIONS(V)                                                                                \
    V("2020-02-18-preview")                                                                        \
    V("2020-06-01")                                                                                \
    V("2020-08-01")                                                                                \
    V("2020-09-01-preview")                                                                        \
    V("2021-01-01")                                                                                \
    V("2021-03-01-preview")                                                                        \
    V("2021-04-01")                                                                                \
    V("2021-07-01")                                                                                \
    V("2022-01-01-preview")                                                                        \
    V("2022-02-01-preview")                                                                        \
    V("2022-05-01")                                                                                \
    V("2022-06-01-preview")                                                                        \
    V("2022-10-01")                                                                                \
    V("2022-10-01-preview")                                                                        \
    V("2022-12-01-preview")                                                                        \
    V("2023-02-01-preview")                                                                        \
    V("2023-04-01")                                                                                \
    V("2023-04-01-preview")                                                                        \
    V("2023-06-01-preview")                                                                        \
    V("2023-08-01-preview")                                                                        \
    V("2023-10-01")                                                                                \
    V("2024-01-01-preview")                                                                        \
    V("2024-04-01")                                                                                \
    V("2024-04-01-preview")                                                                        \
    V("2024-07-01-preview")                                                                        \
    V("2024-10-01")                                                                                \
    V("2024-10-01-preview")                                                                        \
    V("2025-01-01-preview")                                                                        \
    V("2025-04-01")                                                                                \
    V("2025-04-01-preview")                                                                        \
    V("2025-06-01")                                                                                \
    V("2025-07-01-preview")                                                                        \
    V("2025-09-01")                                                                                \
    V("2025-10-01-preview")                                                                        \
    V("2025-12-01")                                                                                \
    V("2026-01-15-preview")                                                                        \
    V("2026-03-01")                                                                                \
    V("2026-03-15-preview")                                                                        \
    V("2026-05-01")                                                                                \
    V("2026-05-15-preview")

#define AS_ROW(version) version,
#define AS_TEXT(version) ", " version

static const char *const versions[] = { VERSIONS(AS_ROW) };

bool api_version_known(const char *version)
{
    for (size_t i = 0; i < COUNT(versions); i++)
        if (text_equal_nocase(version, versions[i]))
            return true;
    return false;
}

const char *api_versions_text(void)
{
    static const char text[] = VERSIONS(AS_TEXT);
    return text + strlen(", ");
}
