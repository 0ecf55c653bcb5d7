/* Embedded files are found by their whole name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/embedded.h"

static void finds_files_by_their_name(void **state)
{
    static const struct embedded_file table[] = { { "lua/a.lua", "x", 1 },
                                                  { "lua/b.lua", "y", 1 },
                                                  { NULL, NULL, 0 } };
    (void)state;
    assert_ptr_equal(embedded_find(table, "lua/b.lua"), &table[1]);
    assert_null(embedded_find(table, "lua/b"));
    assert_null(embedded_find(table, "LUA/B.LUA"));
    assert_null(embedded_find(table, ""));
    assert_null(embedded_find(&table[2], "lua/a.lua"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(finds_files_by_their_name) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
