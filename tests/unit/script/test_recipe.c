/* test_recipe.c - recipes good and bad: tests/recipes/<case>/recipe.lua and what must come of it.
 *
 * expected.json is the whole document of a good recipe, expected.txt the mistakes of a bad one, a
 * line each.  A case may have parameters.json.  MOONFLEET_GOLDEN=write writes what comes now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "script/recipe.h"

#define CASES SOURCE_DIR "/tests/recipes"
#define CASES_MAX 200
#define GOLDEN_MAX ((size_t)1 << 20)

static char *in_case(const char *name, const char *file)
{
    return text_format(CASES "/%s/%s", name, file);
}

static cJSON *read_parameters(const char *name)
{
    char *path = in_case(name, "parameters.json");
    struct buffer text = { 0 };
    cJSON *parameters = NULL;
    if (file_exists(path)) {
        assert_int_equal(file_read(path, GOLDEN_MAX, &text, NULL), 0);
        assert_int_equal(json_parse(text.data, text.size, path, &parameters, NULL), 0);
    }
    buffer_clear(&text);
    free(path);
    return parameters;
}

/* The mistakes of a run, a line each: "file:line: message", and after an error how it came there.
 */
static void list_mistakes(const cJSON *document, const struct error *err, struct buffer *out)
{
    if (!document) {
        buffer_format(out, "%s: %s:%d: %s\n", error_code_text(err->code), err->file, err->line,
                      err->message);
        return;
    }
    const cJSON *problem, *frame;
    cJSON_ArrayForEach(problem, json_at(document, "problems"))
    {
        buffer_format(out, "%s:%d: %s\n", json_string(problem, "at.file", "?"),
                      (int)json_int(problem, "at.line", -1), json_string(problem, "message", "?"));
        cJSON_ArrayForEach(frame, json_at(problem, "trace"))
        {
            buffer_format(out, "    from %s:%d\n", json_string(frame, "file", "?"),
                          (int)json_int(frame, "line", -1));
        }
    }
}

static void compare(const char *path, const char *now)
{
    struct buffer expected = { 0 };
    const char *golden = getenv("MOONFLEET_GOLDEN");
    if (text_equal(golden, "write"))
        assert_int_equal(file_write(path, now, strlen(now), 0644, NULL), 0);
    assert_int_equal(file_read(path, GOLDEN_MAX, &expected, NULL), 0);
    assert_string_equal(now, expected.data ? expected.data : "");
    buffer_clear(&expected);
}

static void run_case(void **state)
{
    const char *name = *state;
    char *path = in_case(name, "recipe.lua"), *good = in_case(name, "expected.json"),
         *bad = in_case(name, "expected.txt");
    cJSON *parameters = read_parameters(name), *document = NULL;
    struct error err = { 0 };
    struct recipe_options options = {
        .program = "/proc/self/exe", .path = path, .parameters = parameters, .cpu_ms = 3000
    };
    int rc = recipe_evaluate(&options, &document, &err);
    if (rc == 0 && cJSON_GetArraySize(json_at(document, "problems")) == 0) {
        char *pretty = json_pretty(document);
        char *text = text_format("%s\n", pretty);
        assert_false(file_exists(bad));
        compare(good, text);
        free(pretty);
        free(text);
    } else {
        struct buffer mistakes = { 0 };
        list_mistakes(document, &err, &mistakes);
        if (file_exists(good))
            fail_msg("%s should be good, but:\n%s", name, mistakes.data);
        compare(bad, mistakes.data ? mistakes.data : "");
        buffer_clear(&mistakes);
    }
    cJSON_Delete(document);
    cJSON_Delete(parameters);
    free(path);
    free(good);
    free(bad);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

static size_t find_cases(struct CMUnitTest *out)
{
    size_t count = 0;
    DIR *folder = opendir(CASES);
    if (!folder)
        return 0;
    for (const struct dirent *entry; (entry = readdir(folder)) && count < CASES_MAX;) {
        char *path = in_case(entry->d_name, "recipe.lua");
        if (entry->d_name[0] != '.' && file_exists(path)) {
            char *name = text_format("%s", entry->d_name);
            out[count++] = (struct CMUnitTest) { name, run_case, NULL, NULL, name };
        }
        free(path);
    }
    (void)closedir(folder);
    qsort(out, count, sizeof *out, by_name);
    return count;
}

int main(int argc, char **argv)
{
    if (argc > 1 && text_equal(argv[1], "__recipe"))
        return recipe_child_main(argc, argv);
    static struct CMUnitTest tests[CASES_MAX];
    size_t count = find_cases(tests);
    if (count == 0)
        return 1;
    if (setenv("RECIPE_TEST_REGION", "westeurope", 1) != 0 ||
        setenv("RECIPE_TEST_TOKEN", "hidden", 1) != 0 ||
        setenv("MOONFLEET_SECRET_TOKEN", "hunter2!", 1) != 0 ||
        setenv("MOONFLEET_SECRET_PIN", "123", 1) != 0)
        return 1;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    int failed = _cmocka_run_group_tests("recipes", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        free(tests[i].initial_state);
    return failed;
}
