/* test_core.c - the evaluator without its child: allocators that fail, limits, what a child's
 * answer must look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/text.h"
#include "script/lua_state.h"
#include "script/recipe_check.h"
#include "script/recipe_core.h"
#include "script/recipe_wire.h"

/* A folder and an environment of one entry each. */
static int read_file(void *arg, const char *path, struct buffer *out, struct error *err)
{
    (void)arg;
    if (text_equal(path, "people.csv")) {
        buffer_text(out, "login,upn\nada,ada@x\n\"gra\"\"ce\",grace@x\n");
        return 0;
    }
    if (text_equal(path, "module.lua")) {
        buffer_text(out, "return { size = 'small' }");
        return 0;
    }
    return error_set(err, ERROR_NOT_FOUND, "there is no such file in the recipe's folder");
}

static int read_env(void *arg, const char *name, struct buffer *out, bool *out_found,
                    struct error *err)
{
    (void)arg, (void)err;
    *out_found = text_equal(name, "REGION");
    if (*out_found)
        buffer_text(out, "westeurope");
    return 0;
}

static struct recipe_input input_of(const char *text)
{
    return (struct recipe_input) { .name = "recipe.lua",
                                   .text = text,
                                   .size = strlen(text),
                                   .source = { .read = read_file, .env = read_env } };
}

static const char small_recipe[] =
    "fleet 'ds' { location = env 'REGION' }\n"
    "local script = setup_script { inline = 'echo', args = { 'a' }, timeout = '5m' }\n"
    "for _, person in ipairs(csv 'people.csv') do\n"
    "  instance('ds-' .. person.login) { assigned_to = user(person.upn), setup = script,\n"
    "    size = require 'module'.size, tags = { b = 1, a = { 1, 2 } } }\n"
    "end\n"
    "local list = { 3, 1, 2 } table.sort(list)\n"
    "output('list', list) output('all', instances()) print(('%s'):format({}))\n"
    "unknown_word 'x' { file 'missing' }\n"
    "error 'the end'\n";

static void survives_every_failing_allocation(void **state)
{
    (void)state;
    struct recipe_input input = input_of(small_recipe);
    for (input.allocations_max = 1;; input.allocations_max++) {
        struct buffer out = { 0 };
        struct error err = { 0 };
        int rc = recipe_run_text(&input, &out, &err);
        buffer_clear(&out);
        if (rc == 0)
            break;
        if (rc != ERROR_LIMIT)
            fail_msg("allocation %lld: %d %s", (long long)input.allocations_max, rc, err.message);
        assert_true(text_starts(err.message, "used more than 64 MiB of memory"));
        assert_string_equal(err.file, "recipe.lua");
    }
    assert_true(input.allocations_max > 500);
}

static void leaves_the_stack_as_it_was(void **state)
{
    (void)state;
    struct recipe_input input = input_of(small_recipe);
    struct recipe_run *run = NULL;
    struct buffer out = { 0 };
    assert_int_equal(recipe_run_new(&input, &run, NULL), 0);
    assert_int_equal(lua_gettop(run->L), 0);
    assert_int_equal(recipe_run_evaluate(run, &out, NULL), 0);
    assert_int_equal(lua_gettop(run->L), 0);
    recipe_run_free(run);
    buffer_clear(&out);
}

static void works_with_a_collector_that_never_rests(void **state)
{
    (void)state;
    struct recipe_input input = input_of(small_recipe);
    struct buffer calm = { 0 }, restless = { 0 };
    assert_int_equal(recipe_run_text(&input, &calm, NULL), 0);
    struct recipe_run *run = NULL;
    assert_int_equal(recipe_run_new(&input, &run, NULL), 0);
    lua_gc(run->L, LUA_GCINC, 1, 1000, 0);
    assert_int_equal(recipe_run_evaluate(run, &restless, NULL), 0);
    recipe_run_free(run);
    assert_string_equal(calm.data, restless.data);
    buffer_clear(&calm);
    buffer_clear(&restless);
}

static void ends_after_so_many_instructions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "xpcall(error, function() while true do end end) while true do end",
        "local x <close> = setmetatable({}, { __close = function() while true do end end })",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct recipe_input input = input_of(texts[i]);
        struct buffer out = { 0 };
        struct error err = { 0 };
        input.instructions_max = 100000;
        int rc = recipe_run_text(&input, &out, &err);
        if (rc != ERROR_LIMIT)
            fail_msg("%s: %d %s", texts[i], rc, err.message);
        buffer_clear(&out);
    }
}

static void takes_a_byte_order_mark_and_a_hash_line(void **state)
{
    (void)state;
    struct recipe_input input =
        input_of("\xEF\xBB\xBF#!/usr/bin/env moonfleet\nfleet 'ds' {}\noutput('o', 1)");
    struct buffer out = { 0 };
    struct error err = { 0 };
    assert_int_equal(recipe_run_text(&input, &out, &err), 0);
    assert_non_null(
        strstr(out.data, "\"name\":\"o\",\"value\":1,\"at\":{\"file\":\"recipe.lua\",\"line\":3}"));
    buffer_clear(&out);
}

static void refuses_binary_recipes(void **state)
{
    (void)state;
    struct recipe_input input = input_of("\x1BLua");
    struct buffer out = { 0 };
    struct error err = { 0 };
    assert_int_equal(recipe_run_text(&input, &out, &err), ERROR_SYNTAX);
    assert_non_null(strstr(err.message, "binary"));
    buffer_clear(&out);
}

/* ---- what a child may send ---- */

#define AT "{\"file\":\"r.lua\",\"line\":1}"
#define REST(scripts, problems)                                                                    \
    ",\"scripts\":[" scripts "],\"parameters\":[],\"outputs\":[],\"prints\":[],\"stopped\":false," \
    "\"problems\":[" problems "]}"
#define FLEET(fields)                                                                              \
    "{\"recipe\":\"r.lua\",\"fleet\":{\"name\":\"ds\",\"fields\":" fields ",\"at\":" AT "}"
#define INSTANCE(fields)                                                                           \
    FLEET("{}")                                                                                    \
    ",\"declarations\":[{\"type\":\"instance\",\"name\":\"a\",\"fields\":" fields ",\"at\":" AT "}]"

static const struct {
    const char *json;
    const char *wrong; /* NULL: nothing */
} documents[] = {
    { FLEET("{}") ",\"declarations\":[]" REST("", ""), NULL },
    { "{\"recipe\":\"r.lua\",\"fleet\":null,\"declarations\":[]" REST("", ""), NULL },
    { INSTANCE("{\"to\":{\"$user\":\"ada\"},\"list\":[{\"$group\":\"g\"}]}") REST("", ""), NULL },
    { INSTANCE("{\"setup\":{\"$setup_script\":0}}")
          REST("{\"source\":\"inline\",\"secrets\":[],\"path\":null,\"text\":\"\",\"args\":[\"a\"],"
               "\"timeout\":null,\"cache\":false,\"lines\":null,\"at\":" AT "}",
               ""),
      NULL },
    { FLEET("{}") ",\"declarations\":[]" REST("", "{\"message\":\"m\",\"at\":" AT ",\"trace\":[" AT
                                                  "]}"),
      NULL },
    { "{\"recipe\":\"other.lua\",\"fleet\":null,\"declarations\":[]" REST("", ""), "(recipe)" },
    { "{\"recipe\":\"r.lua\",\"fleet\":[],\"declarations\":[]" REST("", ""), "(fleet)" },
    { FLEET("[]") ",\"declarations\":[]" REST("", ""), "(fleet)" },
    { FLEET("{}") ",\"declarations\":{}" REST("", ""), "(declarations)" },
    { FLEET("{}") ",\"declarations\":[],\"more\":1" REST("", ""), "(another document)" },
    { INSTANCE("[]") REST("", ""), "(declarations)" },
    { INSTANCE("{\"$user\":\"ada\"}") REST("", ""), "(declarations)" },
    { INSTANCE("{\"to\":{\"$user\":3}}") REST("", ""), "(declarations)" },
    { INSTANCE("{\"to\":{\"$owner\":\"x\"}}") REST("", ""), "(declarations)" },
    { INSTANCE("{\"to\":{\"$user\":\"a\",\"b\":1}}") REST("", ""), "(declarations)" },
    { INSTANCE("{\"to\":{\"b\":1,\"$user\":\"a\"}}") REST("", ""), "(declarations)" },
    { INSTANCE("{\"setup\":{\"$setup_script\":0}}") REST("", ""), "(declarations)" },
    { INSTANCE("{\"setup\":{\"$setup_script\":-1}}") REST("", ""), "(declarations)" },
    { INSTANCE("{}") REST("{\"source\":\"inline\",\"secrets\":[],\"path\":1,\"text\":\"\",\"args\":"
                          "[],\"timeout\":null,\"cache\":false,\"lines\":null,\"at\":" AT "}",
                          ""),
      "(scripts)" },
    { INSTANCE("{}")
          REST("{\"source\":\"inline\",\"secrets\":[],\"path\":null,\"text\":\"\","
               "\"args\":[1],\"timeout\":null,\"cache\":false,\"lines\":null,\"at\":" AT "}",
               ""),
      "(scripts)" },
    { INSTANCE("{}") REST(
          "{\"source\":\"workspace\",\"secrets\":[],\"path\":\"a.sh\",\"text\":\"\",\"args\":[],"
          "\"timeout\":null,\"cache\":false,\"lines\":null,\"at\":" AT
          "},{\"source\":\"inline\",\"secrets\":[\"S\"],\"path\":null,"
          "\"text\":\"\",\"args\":[{\"$secret\":\"S\"}],\"timeout\":null,\"cache\":false,\"lines\":"
          "null,\"at\":" AT "}",
          ""),
      NULL },
    { INSTANCE("{}")
          REST("{\"source\":\"workspace\",\"secrets\":[],\"path\":null,\"text\":\"\",\"args\":[],"
               "\"timeout\":null,\"cache\":false,\"lines\":null,\"at\":" AT "}",
               ""),
      "(scripts)" },
    { INSTANCE("{}") REST(
          "{\"source\":\"inline\",\"secrets\":[],\"path\":null,\"text\":\"\",\"args\":[{\"$user\":"
          "\"S\"}],\"timeout\":null,\"cache\":false,\"lines\":null,\"at\":" AT "}",
          ""),
      "(scripts)" },
    { INSTANCE("{\"to\":{\"$secret\":\"S\"}}") REST("", ""), "(declarations)" },
    { INSTANCE("{}") REST("", "{\"message\":\"\\u001b[2J\",\"at\":" AT "}"), "(problems)" },
    { INSTANCE("{}") REST("", "{\"message\":\"m\",\"at\":{\"file\":\"f\",\"line\":-1}}"),
      "(problems)" },
    { INSTANCE("{}") REST("", "{\"message\":\"m\",\"at\":{\"file\":\"f\",\"line\":1.5}}"),
      "(problems)" },
};

static void checks_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(documents); i++) {
        cJSON *document = NULL;
        struct error err = { 0 };
        if (json_parse(documents[i].json, strlen(documents[i].json), "x", &document, &err) != 0)
            fail_msg("%s\n%s", documents[i].json, err.message);
        int rc = recipe_check_document(document, "r.lua", &err);
        cJSON_Delete(document);
        if (rc != (documents[i].wrong ? ERROR_INVALID : 0) ||
            (documents[i].wrong && !strstr(err.message, documents[i].wrong)))
            fail_msg("%s\n%d %s", documents[i].json, rc, err.message);
    }
}

static void keeps_credentials_from_recipes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rc;
    } cases[] = {
        { "HOME", 0 },
        { "REGION", 0 },
        { "KEYBOARD", 0 },
        { "PATH", 0 },
        { "AZURE_CLIENT_SECRET", ERROR_DENIED },
        { "GITHUB_TOKEN", ERROR_DENIED },
        { "AZURE_FEDERATED_TOKEN_FILE", ERROR_DENIED },
        { "db_password", ERROR_DENIED },
        { "STORAGE_ACCOUNT_KEY", ERROR_DENIED },
        { "KEY", ERROR_DENIED },
        { "API_KEY_2", ERROR_DENIED },
        { "MY_PAT", ERROR_DENIED },
        { "AZURE_STORAGE_CONNECTION_STRING", ERROR_DENIED },
        { "", ERROR_INVALID },
        { "1A", ERROR_INVALID },
        { "A=B", ERROR_INVALID },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(recipe_check_env(cases[i].name, NULL), cases[i].rc);
}

static void frames_have_a_header(void **state)
{
    (void)state;
    struct buffer out = { 0 };
    char kind;
    size_t size;
    wire_put(&out, WIRE_CONTENT, "abc", 3);
    assert_int_equal(out.size, WIRE_HEADER_SIZE + 3);
    wire_header(out.data, &kind, &size);
    assert_int_equal(kind, WIRE_CONTENT);
    assert_int_equal(size, 3);
    wire_header("D\xFF\xFF\xFF\xFF", &kind, &size);
    assert_int_equal(size, 0xFFFFFFFF);
    buffer_clear(&out);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_every_failing_allocation),
        cmocka_unit_test(leaves_the_stack_as_it_was),
        cmocka_unit_test(works_with_a_collector_that_never_rests),
        cmocka_unit_test(ends_after_so_many_instructions),
        cmocka_unit_test(takes_a_byte_order_mark_and_a_hash_line),
        cmocka_unit_test(refuses_binary_recipes),
        cmocka_unit_test(checks_documents),
        cmocka_unit_test(keeps_credentials_from_recipes),
        cmocka_unit_test(frames_have_a_header),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
