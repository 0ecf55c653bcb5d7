/* The versions of the API that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "arm/api.h"
#include "base/text.h"

static void knows_the_versions_with_compute_instances(void **state)
{
    (void)state;
    static const char *const known[] = { API_COMPUTES,         API_WORKSPACES, API_IDLE_SHUTDOWN,
                                         "2020-02-18-preview", "2021-07-01",   "2026-05-15-preview",
                                         "2024-07-01-PREVIEW" };
    static const char *const unknown[] = { NULL,         "",
                                           "2018-11-19", "2020-05-15-preview",
                                           "2024-07-01", "2025-12-01 ",
                                           "2025-12",    "2025-12-01-preview",
                                           "v1.0" };
    for (size_t i = 0; i < COUNT(known); i++)
        assert_true(api_version_known(known[i]));
    for (size_t i = 0; i < COUNT(unknown); i++)
        assert_false(api_version_known(unknown[i]));
}

static void lists_them_in_order(void **state)
{
    (void)state;
    const char *text = api_versions_text();
    assert_true(text_starts(text, "2020-02-18-preview, 2020-06-01, 2020-08-01, "));
    assert_true(text_ends(text, ", 2026-05-01, 2026-05-15-preview"));
    char last[32] = "";
    int count = 0;
    while (*text) {
        char version[32];
        size_t size = strcspn(text, ",");
        assert_true(size < sizeof version);
        memcpy(version, text, size);
        version[size] = '\0';
        assert_true(api_version_known(version));
        assert_true(strcmp(last, version) < 0);
        memcpy(last, version, sizeof last);
        text += size + (text[size] ? 2 : 0);
        count++;
    }
    assert_int_equal(count, 17 + 23); /* stable and preview: ci-properties-by-version */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_versions_with_compute_instances),
        cmocka_unit_test(lists_them_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
