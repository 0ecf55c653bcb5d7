/* test_context.c - which plane a command means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/context.h"

struct fixture {
    char folder[64];
};

static const char contexts[] =
    "{\"current\":\"team\",\"contexts\":{\"team\":{\"plane\":\"https://example.com\","
    "\"subscription\":\"s\",\"resourceGroup\":\"g\",\"workspace\":\"w\"},"
    "\"lab\":{\"plane\":\"unix:/run/lab.sock\",\"workspace\":\"lab-ws\"},"
    "\"odd\":{\"plane\":\"ftp://x\"}}}";

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    char path[128];
    assert_non_null(fixture);
    text_copy(fixture->folder, sizeof fixture->folder, "/tmp/moonfleet-context-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_int_equal(setenv("XDG_CONFIG_HOME", fixture->folder, 1), 0);
    assert_int_equal(unsetenv("MOONFLEET_CONTEXT"), 0);
    (void)snprintf(path, sizeof path, "%s/moonfleet", fixture->folder);
    assert_int_equal(file_make_dirs(path, 0700, NULL), 0);
    (void)snprintf(path, sizeof path, "%s/moonfleet/contexts.json", fixture->folder);
    assert_int_equal(file_write(path, contexts, strlen(contexts), 0600, NULL), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int rc = file_remove_tree(fixture->folder, NULL);
    free(fixture);
    return rc;
}

/* Resolves what `moonfleet list` with these words would use. */
static int resolve(char **words, int count, struct context *out, struct error *err)
{
    struct invocation invocation = { 0 };
    char *argv[8] = { "list" };
    for (int i = 0; i < count; i++)
        argv[i + 1] = words[i];
    assert_int_equal(invocation_parse(count + 1, argv, &invocation, err), 0);
    int rc = context_resolve(&invocation, out, err);
    invocation_clear(&invocation);
    return rc;
}

static void uses_the_files_current_one(void **state)
{
    struct context context = { 0 };
    struct error err = { 0 };
    (void)state;
    assert_int_equal(resolve(NULL, 0, &context, &err), 0);
    assert_int_equal(context.kind, PLANE_URL);
    assert_string_equal(context.plane, "https://example.com");
    assert_string_equal(context.subscription, "s");
    assert_null(context.tenant);
    context_clear(&context);
}

static void environment_beats_the_file_and_the_option_beats_both(void **state)
{
    struct context context = { 0 };
    struct error err = { 0 };
    char *words[] = { "--context", "memory" };
    (void)state;
    assert_int_equal(setenv("MOONFLEET_CONTEXT", "lab", 1), 0);
    assert_int_equal(resolve(NULL, 0, &context, &err), 0);
    assert_int_equal(context.kind, PLANE_SOCKET);
    assert_string_equal(context.workspace, "lab-ws");
    assert_string_equal(context.subscription, LOCAL_SUBSCRIPTION); /* of the seed */
    context_clear(&context);
    assert_int_equal(resolve(words, 2, &context, &err), 0);
    assert_int_equal(context.kind, PLANE_MEMORY);
    context_clear(&context);
}

static void takes_addresses_and_overrides(void **state)
{
    struct context context = { 0 };
    struct error err = { 0 };
    char *words[] = { "--context", "unix:/tmp/x", "--workspace", "other" };
    (void)state;
    assert_int_equal(resolve(words, 4, &context, &err), 0);
    assert_int_equal(context.kind, PLANE_SOCKET);
    assert_string_equal(context.workspace, "other");
    assert_string_equal(context.group, LOCAL_GROUP);
    context_clear(&context);
}

static void suggests_a_context_for_a_misspelt_one(void **state)
{
    struct context context = { 0 };
    struct error err = { 0 };
    char *words[] = { "--context", "teem" };
    (void)state;
    assert_int_equal(resolve(words, 2, &context, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'team'"));
}

static void refuses_a_plane_that_is_none(void **state)
{
    struct context context = { 0 };
    struct error err = { 0 };
    char *words[] = { "--context", "odd" };
    (void)state;
    assert_int_equal(resolve(words, 2, &context, &err), ERROR_SYNTAX);
}

static void is_local_without_a_file(void **state)
{
    struct fixture *fixture = *state;
    struct context context = { 0 };
    struct error err = { 0 };
    char path[128];
    (void)snprintf(path, sizeof path, "%s/moonfleet", fixture->folder);
    assert_int_equal(file_remove_tree(path, NULL), 0);
    assert_int_equal(resolve(NULL, 0, &context, &err), 0);
    assert_int_equal(context.kind, PLANE_LOCAL);
    assert_string_equal(context.workspace, LOCAL_WORKSPACE);
    context_clear(&context);
}

static void tells_a_damaged_file(void **state)
{
    struct fixture *fixture = *state;
    struct context context = { 0 };
    struct error err = { 0 };
    char path[128];
    (void)snprintf(path, sizeof path, "%s/moonfleet/contexts.json", fixture->folder);
    assert_int_equal(file_write(path, "{", 1, 0600, NULL), 0);
    assert_int_equal(resolve(NULL, 0, &context, &err), ERROR_SYNTAX);
    assert_string_equal(err.file, path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(uses_the_files_current_one),
        TEST(environment_beats_the_file_and_the_option_beats_both),
        TEST(takes_addresses_and_overrides),
        TEST(suggests_a_context_for_a_misspelt_one),
        TEST(refuses_a_plane_that_is_none),
        TEST(is_local_without_a_file),
        TEST(tells_a_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
