/* Tests of model/vm_sizes.h, against the reference list when it is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "model/vm_sizes.h"

static void finds_a_size_in_any_case(void **state)
{
    (void)state;
    const struct vm_size *size = vm_size_find("STANDARD_ds3_V2");
    assert_non_null(size);
    assert_string_equal(size->name, "Standard_DS3_v2");
    assert_int_equal(size->cores, 4);
    assert_int_equal(size->memory_mib, 14 * 1024);
    assert_null(vm_size_find("Standard_DS3"));
    assert_null(vm_size_find(""));
    assert_null(vm_size_find(NULL));
}

static void finds_every_row_of_its_own_table(void **state)
{
    (void)state;
    size_t count;
    const struct vm_size *sizes = vm_sizes(&count);
    assert_int_equal(count, 92);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(vm_size_find(sizes[i].name), &sizes[i]);
        assert_true(sizes[i].cores > 0 && sizes[i].memory_mib > 0);
    }
}

static void names_a_family_as_usages_do(void **state)
{
    static const struct {
        const char *family, *usage;
    } cases[] = {
        { "standardDSv2Family", "Standard DSv2 Family Cluster Dedicated vCPUs" },
        { "StandardNCASv3_T4Family", "Standard NCASv3_T4 Family Cluster Dedicated vCPUs" },
        { "odd", "Standard odd Family Cluster Dedicated vCPUs" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[VM_FAMILY_USAGE_SIZE];
        vm_family_usage_name(cases[i].family, name, sizeof name);
        assert_string_equal(name, cases[i].usage);
    }
}

static void agrees_with_the_reference(void **state)
{
    (void)state;
    struct buffer text = { 0 };
    cJSON *tree = NULL;
    const cJSON *row;
    size_t rows = 0;
    if (file_read(SOURCE_DIR "/../shared/reference/vmsizes.json", 1 << 20, &text, NULL) < 0) {
        print_message("the reference is not beside this tree: not compared\n");
        skip();
    }
    assert_int_equal(json_parse(text.data, text.size, "vmsizes.json", &tree, NULL), 0);
    cJSON_ArrayForEach(row, json_at(tree, "sizes"))
    {
        const struct vm_size *size = vm_size_find(json_string(row, "name", ""));
        assert_non_null(size);
        assert_string_equal(size->name, json_string(row, "name", ""));
        assert_string_equal(size->family, json_string(row, "family", ""));
        assert_int_equal(size->cores, json_int(row, "vCPUs", -1));
        assert_int_equal(size->gpus, json_int(row, "gpus", -1));
        assert_int_equal(size->disk_mib, json_int(row, "maxResourceVolumeMB", 0));
        assert_true((double)size->memory_mib == json_at(row, "memoryGB")->valuedouble * 1024);
        const cJSON *price = json_at(row, "priceUsdPerHourLinuxEastus");
        assert_true(size->price_usd_hour == (price ? price->valuedouble : 0));
        rows++;
    }
    assert_int_equal(rows, 92);
    cJSON_Delete(tree);
    buffer_clear(&text);
}

static void finds_a_family_by_any_of_its_names(void **state)
{
    static const struct {
        const char *said, *family;
    } cases[] = {
        { "standardDSv2Family", "standardDSv2Family" },
        { "dsv2", "standardDSv2Family" },
        { "Standard DSv2 Family", "standardDSv2Family" },
        { "Standard_DSv2_Family", "standardDSv2Family" },
        { "Standard DSv2 Family Cluster Dedicated vCPUs", "standardDSv2Family" },
        { "standard_ds3_V2", "standardDSv2Family" }, /* a size of it */
        { "NCASv3_T4", "Standard NCASv3_T4 Family" },
        { "ncasv3-t4", "Standard NCASv3_T4 Family" },
        { "", NULL },
        { "Standard", NULL },
        { "total", NULL },
        { "DSv", NULL },
        { NULL, NULL },
    };
    char name[VM_FAMILY_USAGE_SIZE], usage[VM_FAMILY_USAGE_SIZE], again[VM_FAMILY_USAGE_SIZE];
    size_t count = 0;
    const struct vm_size *all = vm_sizes(&count);
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!text_equal(vm_family_find(cases[i].said), cases[i].family))
            fail_msg("%s: %s", cases[i].said, vm_family_find(cases[i].said));
    vm_family_short_name("Standard NCASv3_T4 Family", name, sizeof name);
    assert_string_equal(name, "NCASv3_T4");
    for (size_t i = 0; i < count; i++) { /* each family by its short name, and by its usage's */
        vm_family_short_name(all[i].family, name, sizeof name);
        assert_string_equal(vm_family_find(name), all[i].family);
        vm_family_usage_name(all[i].family, usage, sizeof usage);
        assert_string_equal(vm_family_find(usage), all[i].family);
        vm_family_short_name(usage, again, sizeof again);
        assert_string_equal(name, again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_size_in_any_case),
        cmocka_unit_test(finds_every_row_of_its_own_table),
        cmocka_unit_test(names_a_family_as_usages_do),
        cmocka_unit_test(finds_a_family_by_any_of_its_names),
        cmocka_unit_test(agrees_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
