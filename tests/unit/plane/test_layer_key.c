/* test_layer_key.c - what makes a cached layer another one, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"
#include "plane/drivers/oci_layer.h"

#define CLUSTERS "/mnt/batch/tasks/shared/LS_root/mounts/clusters/"

static const struct oci_layer_inputs usual = { .base = "base",
                                               .script = "echo 1",
                                               .script_size = 6,
                                               .arguments = "a b",
                                               .directory = CLUSTERS "ds-ada/code/Users",
                                               .name = "ds-ada",
                                               .workspace = "w",
                                               .resource_group = "g",
                                               .uid = 1000,
                                               .gid = 1000,
                                               .first_uid = 100000,
                                               .first_gid = 100000 };

static bool same_key(const struct oci_layer_inputs *inputs)
{
    char a[OCI_LAYER_KEY_SIZE], b[OCI_LAYER_KEY_SIZE];
    oci_layer_key(&usual, a);
    oci_layer_key(inputs, b);
    assert_int_equal(strlen(a), OCI_LAYER_KEY_SIZE - 1);
    return text_equal(a, b);
}

static void is_the_same_for_another_instance(void **state)
{
    struct oci_layer_inputs other = usual;
    (void)state;
    other.name = "ds-grace";
    other.directory = CLUSTERS "ds-grace/code/Users";
    assert_true(same_key(&other));
}

static void is_another_for_anything_that_counts(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        struct oci_layer_inputs other = usual;
        switch (i) {
        case 0:
            other.base = "another";
            break;
        case 1:
            other.script = "echo 2";
            break;
        case 2:
            other.script_size = 5;
            break;
        case 3:
            other.arguments = "a b ";
            break;
        case 4:
            other.arguments = NULL;
            break;
        case 5:
            other.directory = "/home/azureuser/cloudfiles/code/Users/ada";
            break;
        case 6:
            other.workspace = "v";
            break;
        case 7:
            other.resource_group = "h";
            break;
        case 8:
            other.uid = 1001;
            break;
        case 9:
            other.gid = 1001;
            break;
        case 10:
            other.first_uid = -1;
            break;
        default:
            other.first_gid = -1;
            break;
        }
        if (same_key(&other))
            fail_msg("case %d makes no difference", i);
    }
}

/* A text that moves from one field to the next is another thing. */
static void keeps_fields_apart(void **state)
{
    struct oci_layer_inputs a = usual, b = usual;
    char one[OCI_LAYER_KEY_SIZE], two[OCI_LAYER_KEY_SIZE];
    (void)state;
    a.workspace = "ab", a.resource_group = "c";
    b.workspace = "a", b.resource_group = "bc";
    oci_layer_key(&a, one);
    oci_layer_key(&b, two);
    assert_string_not_equal(one, two);
}

static void stands_for_this_machine(void **state)
{
    char one[DIGEST_TEXT_SIZE], two[DIGEST_TEXT_SIZE];
    (void)state;
    oci_layer_base(one);
    oci_layer_base(two);
    assert_string_equal(one, two);
    assert_false(oci_layer_possible("/etc/moonfleet"));
    assert_false(oci_layer_possible("/var/lib/moonfleet/instances"));
    assert_true(oci_layer_possible("/home/ada/.local/share/moonfleet/instances"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_for_another_instance),
        cmocka_unit_test(is_another_for_anything_that_counts),
        cmocka_unit_test(keeps_fields_apart),
        cmocka_unit_test(stands_for_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
