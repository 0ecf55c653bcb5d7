/* Resource ids: what is one, and which is above which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "arm/resource_id.h"
#include "base/text.h"

#define RG "/subscriptions/s1/resourceGroups/rg"
#define PROVIDER RG "/providers/" ARM_PROVIDER
#define WS PROVIDER "/workspaces/ws"

static void reads_ids_of_every_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *parts[5];
    } cases[] = {
        { "/subscriptions/s1", { "s1" } },
        { "/subscriptions/s1/", { "s1" } },
        { RG, { "s1", "rg" } },
        { PROVIDER, { "s1", "rg", ARM_PROVIDER } },
        { WS, { "s1", "rg", ARM_PROVIDER, "ws" } },
        { WS "/computes/ds-ada", { "s1", "rg", ARM_PROVIDER, "ws", "ds-ada" } },
        { "/SUBSCRIPTIONS/S1/resourcegroups/RG/PROVIDERS/microsoft.machinelearningservices/"
          "Workspaces/WS/Computes/C",
          { "S1", "RG", "microsoft.machinelearningservices", "WS", "C" } },
        { "/subscriptions/s1/resourceGroups/r.g_(1)-\xC3\xA4", { "s1", "r.g_(1)-\xC3\xA4" } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct resource_id id = { 0 };
        struct error err = { 0 };
        if (resource_id_parse(cases[i].text, &id, &err) < 0)
            fail_msg("%s", err.message);
        const char *parts[] = { id.subscription, id.group, id.provider, id.workspace, id.compute };
        for (size_t j = 0; j < COUNT(parts); j++)
            assert_true(text_equal(parts[j], cases[i].parts[j]));
        resource_id_clear(&id);
        resource_id_clear(&id);
        assert_null(id.subscription);
    }
    resource_id_clear(NULL);
}

static void refuses_what_is_no_id(void **state)
{
    (void)state;
    static char endless[RESOURCE_ID_MAX + 32] = "/subscriptions/";
    memset(endless + strlen(endless), 'x', sizeof endless - 1 - strlen(endless));
    const char *const wrong[] = {
        NULL,
        "",
        "/",
        "//",
        "subscriptions/s1",
        " /subscriptions/s1",
        "/subscriptions",
        "/subscriptions/",
        "/subscriptions//",
        "/subscriptions//resourceGroups/rg",
        "/subscriptions/s1//",
        "/subscriptions/s1//resourceGroups/rg",
        "/subscriptionsX/s1",
        "/subscription/s1",
        "/subscriptions/s1/resourceGroups",
        "/subscriptions/s1/resourceGroups/",
        "/subscriptions/s1/resourceGroups/..",
        "/subscriptions/./resourceGroups/rg",
        "/subscriptions/s1/resourceGroups/a?b",
        "/subscriptions/s1/resourceGroups/a#b",
        "/subscriptions/s1/resourceGroups/a%2Fb",
        "/subscriptions/s1/resourceGroups/a\\b",
        "/subscriptions/s1/resourceGroups/a\nb",
        "/subscriptions/s1/resourceGroups/a\x7F",
        "/subscriptions/s1/resourceGroups/a\xFF",
        "/subscriptions/s1/providers/" ARM_PROVIDER,
        RG "/providers/Microsoft.Compute",
        RG "/providers/Microsoft.Compute/workspaces/ws",
        PROVIDER "/computes/c",
        PROVIDER "/workspaces",
        WS "/computes",
        WS "/jobs/j",
        WS "/computes/c/start",
        WS "/computes/c/nodes/n",
        endless,
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct resource_id id = { .subscription = (char *)"untouched" };
        struct error err = { 0 };
        if (resource_id_parse(wrong[i], &id, &err) != ERROR_SYNTAX)
            fail_msg("'%s' was read", wrong[i]);
        assert_int_equal(err.code, ERROR_SYNTAX);
        assert_string_equal(id.subscription, "untouched");
        assert_null(id.group);
    }
}

static void prints_canonical_ids(void **state)
{
    (void)state;
    struct buffer out = { 0 };
    resource_id_compute(&out, "s1", "rg", "ws", NULL);
    assert_string_equal(out.data, WS);
    buffer_reset(&out);
    resource_id_compute(&out, "s1", "rg", "ws", "ds-ada");
    assert_string_equal(out.data, WS "/computes/ds-ada");
    struct resource_id id = { 0 };
    assert_int_equal(resource_id_parse(out.data, &id, NULL), 0);
    assert_string_equal(id.compute, "ds-ada");
    resource_id_clear(&id);
    buffer_clear(&out);
}

static void knows_which_scope_is_above(void **state)
{
    (void)state;
    static const struct {
        const char *ancestor, *scope;
        bool contains;
    } cases[] = {
        { "/", "/", true },
        { "/", RG, true },
        { RG, "/", false },
        { RG, RG, true },
        { RG "/", RG, true },
        { RG, RG "/", true },
        { RG "//", RG, true },
        { "/SUBSCRIPTIONS/S1/RESOURCEGROUPS/RG", WS, true },
        { RG, "/subscriptions/s1/resourceGroups/rg2", false }, /* whole segments */
        { "/subscriptions/s1/resourceGroups/rg2", RG, false },
        { RG, "/subscriptions/s1/resourceGroups/r", false },
        { WS, WS "/computes/c", true },
        { WS "/computes/c", WS, false },
        { "", RG, false },
        { RG, "", false },
        { "subscriptions", "subscriptions/s1", false },
        { NULL, RG, false },
        { RG, NULL, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (resource_id_contains(cases[i].ancestor, cases[i].scope) != cases[i].contains)
            fail_msg("'%s' and '%s'", cases[i].ancestor, cases[i].scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ids_of_every_length),
        cmocka_unit_test(refuses_what_is_no_id),
        cmocka_unit_test(prints_canonical_ids),
        cmocka_unit_test(knows_which_scope_is_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
