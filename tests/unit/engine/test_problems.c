/* Tests of engine/problems.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/problems.h"

static void sorts_by_place_and_keeps_the_order_of_equals(void **state)
{
    static const char *const expected[] = { "whole", "a1", "a2", "a3", "b" };
    struct problems problems = { 0 };
    (void)state;
    problems_add(&problems, "b.lua", 1, "b");
    problems_add(&problems, "a.lua", 7, "a%d", 2);
    problems_add(&problems, "a.lua", 7, "a%d", 3);
    problems_add(&problems, "a.lua", 2, "a%d", 1);
    problems_add(&problems, NULL, 0, "whole");
    problems_sort(&problems);
    assert_int_equal(problems.count, 5);
    for (size_t i = 0; i < problems.count; i++)
        assert_string_equal(problems.items[i].message, expected[i]);
    problems_clear(&problems);
    problems_sort(&problems);
    problems_clear(&problems);
}

static void keeps_only_so_many(void **state)
{
    struct problems problems = { 0 };
    (void)state;
    for (int i = 0; i < PROBLEMS_MAX + 3; i++)
        problems_add(&problems, "a.lua", i, "x");
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_int_equal(problems.dropped, 3);
    problems_clear(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_by_place_and_keeps_the_order_of_equals),
        cmocka_unit_test(keeps_only_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
