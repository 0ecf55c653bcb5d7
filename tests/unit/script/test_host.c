/* test_host.c - scripts that act, against a plane of a few texts: what they have, what they are told,
 * and how they are ended. */
#include "engine/realm.h"

#include "script/host.h"

/* One host with what it printed. */
struct stage {
    struct realm realm;
    struct fake fake;
    struct host_options options;
    struct host *host;
    struct buffer printed;
    int64_t delay_ms; /* of each answer */
    bool silent;      /* the plane answers nothing */
    int looks;        /* before it is interrupted; 0: never */
    cJSON *value;
    struct error err;
};

static void answers(struct fake *fake, const struct asked *asked, struct answer *out, void *arg)
{
    struct stage *stage = arg;
    (void)fake;
    if (!realm_answers(&stage->realm, asked, out))
        fail_msg("%s was asked", asked->target);
    out->delay_ms = stage->delay_ms;
    out->never = stage->silent;
}

static void print(const char *line, size_t size, void *arg)
{
    struct stage *stage = arg;
    buffer_append(&stage->printed, line, size);
    buffer_char(&stage->printed, '\n');
}

static bool is_interrupted(void *arg)
{
    struct stage *stage = arg;
    return stage->looks > 0 && --stage->looks == 0;
}

/* Loads and runs; release it with clear(). */
static int play(struct stage *stage, const char *text, size_t size)
{
    static const char *const words[] = { "one", "--two" };
    const struct host_plane plane = { stage->fake.client, { "s", "g", "w" } };
    stage->options.print = print;
    stage->options.interrupted = is_interrupted;
    stage->options.arg = stage;
    int rc = host_new(&stage->options, &stage->host, &stage->err);
    if (rc == 0)
        rc = host_load(stage->host, "test.lua", text, size, &stage->err);
    if (rc == 0)
        rc = host_run(stage->host, &plane, words, COUNT(words), &stage->value, &stage->err);
    return rc;
}

static void open(struct stage *stage)
{
    stage->realm.me = WORLD_ADA;
    stage->realm.assignments = GIVEN("a1", GROUP_TEAM, "Group", OPERATOR, WORKSPACE);
    stage->realm.team = USER(WORLD_ADA, "ada@x");
    fake_start(&stage->fake, NULL, "http://plane");
    stage->fake.fn = answers;
    stage->fake.arg = stage;
}

static void clear(struct stage *stage)
{
    host_free(stage->host);
    fake_stop(&stage->fake);
    buffer_clear(&stage->printed);
    cJSON_Delete(stage->value);
}

static void prints(const char *text, const char *expected)
{
    struct stage stage = { 0 };
    open(&stage);
    if (play(&stage, text, strlen(text)) < 0)
        fail_msg("%s: line %d: %s", text, stage.err.line, stage.err.message);
    assert_string_equal(stage.printed.data ? stage.printed.data : "", expected);
    clear(&stage);
}

static void scripts_have_lua_and_their_words(void **state)
{
    (void)state;
    prints(
        "#!/usr/bin/env moonfleet\nprint(1, nil, 'x y', ...) print() print(arg[0], #arg, arg[2])",
        "1\tnil\tx y\tone\t--two\n\ntest.lua\t2\t--two\n");
    prints("print(io, os, debug, require, package, dofile, loadfile, string.dump)",
           "nil\tnil\tnil\tnil\tnil\tnil\tnil\tnil\n");
    prints("print(coroutine.running)", "nil\n"); /* a task is nobody's to resume */
    prints("print(load('return x', 'n', 't', { x = 1 })(), load('\\27Lua'))",
           "1\tnil\tattempt to load a binary chunk (mode is 't')\n");
    prints("x = 1 print(_G.x, load 'return x'(), ('%d'):format(3), getmetatable(''))",
           "1\t1\t3\tfalse\n");
}

static void answers_are_those_of_the_plane(void **state)
{
    (void)state;
    prints("print(rbac.can('me', 'computes/start'))", "true\tallowed\n");
    prints("print(rbac.can('me', 'computes/delete', 'instance:ds-x'))", "true\tallowed\n");
    prints("print(rbac.can('me', 'roleAssignments/write'))", "false\tdenied\n");
    prints("print(rbac.why('me', 'computes/start').answer)", "allowed\n");
    prints("print(rbac.roles('Reader').custom, #rbac.roles { custom = true })", "false\t0\n");
    prints("print(rbac.assignments()[1].role)", "AzureML Compute Operator\n");
    prints("print(#rbac.assignments { who = 'me', scope = 'instance:ds-x' })", "1\n");
}

static void the_world_refuses_with_nil_and_why(void **state)
{
    (void)state;
    prints("local yes, err = rbac.can('00000000-0000-4000-8000-000000000199', 'computes/start')\n"
           "print(yes, err.code, err.status, err)",
           "nil\tNotFound\tnil\tthe directory has nobody with the id "
           "00000000-0000-4000-8000-000000000199\n");
    prints("local role, err = rbac.roles 'Raeder' print(role, err.code)", "nil\tNotFound\n");
}

static void mistakes_of_the_script_raise(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "rbac.can('me')", "bad argument #2 to 'can' (string expected, got no value)" },
        { "rbac.can('me', 'computes/strat')",
          "unknown action 'computes/strat', did you mean 'computes/start'?" },
        { "rbac.can('me\\0', 'x')", "bad argument #1 to 'can' (a zero byte in a text)" },
        { "rbac.can('me', 'x', nil, { dta = true })",
          "bad argument #4 to 'can' (unknown field 'dta')" },
        { "rbac.can('me', 'x', nil, { data = 1 })",
          "bad argument #4 to 'can' ('data' must be true or false)" },
        { "rbac.assignments { who = 1 }",
          "bad argument #1 to 'assignments' ('who' must be a text)" },
        { "rbac.assignments { 'me' }", "bad argument #1 to 'assignments' (unknown field '1')" },
        { "rbac.roles(true)", "bad argument #1 to 'roles' (string expected, got boolean)" },
        { "setmetatable({}, { __gc = print })", "a script's metatables cannot have '__gc'" },
        { "setmetatable(1, {})", "bad argument #1 to 'setmetatable' (table expected, got number)" },
        { "parallel({})", "bad argument #2 to 'parallel' (function expected, got no value)" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stage stage = { 0 };
        open(&stage);
        assert_int_equal(play(&stage, cases[i].text, strlen(cases[i].text)), ERROR_INVALID);
        assert_string_equal(stage.err.message, cases[i].message);
        assert_string_equal(stage.err.file, "test.lua");
        assert_int_equal(stage.err.line, 1);
        clear(&stage);
    }
}

/* ---- many at once ---- */

static int64_t time_of(const char *text)
{
    struct stage stage = { .delay_ms = 1000 };
    open(&stage);
    int64_t before = loop_now_ms(stage.fake.loop);
    assert_int_equal(play(&stage, text, strlen(text)), 0);
    int64_t took = loop_now_ms(stage.fake.loop) - before;
    clear(&stage);
    return took;
}

static void many_questions_take_the_time_of_one(void **state)
{
    int64_t one = time_of("rbac.can('me', 'computes/start')");
    (void)state;
    assert_true(one >= 2000);
    assert_int_equal(time_of("for _ = 1, 2 do rbac.can('me', 'computes/start') end"), 2 * one);
    assert_int_equal(
        time_of("local list = { 1, 2, 3, 4, 5, 6, 7, 8 }\n"
                "parallel(list, function() assert(rbac.can('me', 'computes/start')) end)"),
        one);
}

static void parallel_keeps_the_order_and_raises_the_first(void **state)
{
    (void)state;
    prints("print(#parallel({}, print))", "0\n");
    prints("print(table.unpack(parallel({ 'a', 'b', 'c' }, function(v, i)\n"
           "  if i == 1 then coroutine.yield() rbac.can('me', 'computes/start') end\n"
           "  return v .. i\nend)))",
           "a1\tb2\tc3\n");
    prints("local mark = {}\n"
           "local ok, raised = pcall(parallel, { 1, 2, 3 }, function(v)\n"
           "  if v == 2 then rbac.can('me', 'computes/start') error(mark) end\n"
           "  if v == 3 then error 'the second' end\nend)\nprint(ok, raised == mark)",
           "false\ttrue\n");
    prints("local list = {} for i = 1, 20 do list[i] = i end\n"
           "local sum = 0 parallel(list, function(v)\n"
           "  parallel(list, function(w) coroutine.yield() sum = sum + v * w end)\nend)\n"
           "print(sum)",
           "44100\n");
    prints("local list = {} for i = 1, 10000 do list[i] = i end\n"
           "local at_once, most = 0, 0\n"
           "local results = parallel(list, function(v)\n"
           "  at_once = at_once + 1 most = math.max(most, at_once)\n"
           "  coroutine.yield() at_once = at_once - 1 return v\nend)\n"
           "print(#results, results[10000], most)",
           "10000\t10000\t64\n");
    prints("local list = {} for i = 1, 64 do list[i] = i end\n"
           "local function nest() parallel(list, nest) end print(pcall(nest))\n"
           "print(#parallel({ 1 }, function() return 1 end))",
           "false\ttest.lua:2: more than 10000 tasks at once\n1\n");
}

/* ---- ends ---- */

static void syntax_errors_tell_their_line(void **state)
{
    static const struct {
        const char *text, *message;
        int line;
    } cases[] = {
        { "x = = 1", "unexpected symbol near '='", 1 },
        { "#! the first line counts\n\nx = 'a", "unfinished string near <eof>", 3 },
        { "if x then", "'end' expected near <eof>", 1 },
        { "\33", "attempt to load a binary chunk (mode is 't')", 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stage stage = { 0 };
        open(&stage);
        assert_int_equal(play(&stage, cases[i].text, strlen(cases[i].text)), ERROR_SYNTAX);
        assert_string_equal(stage.err.message, cases[i].message);
        assert_string_equal(stage.err.file, "test.lua");
        assert_int_equal(stage.err.line, cases[i].line);
        clear(&stage);
    }
}

static void memory_has_a_limit(void **state)
{
    static const char text[] = "local t = {}\nfor i = 1, 1e9 do t[i] = { i } end";
    struct stage stage = { .options = { .memory_bytes = 8 << 20 } };
    (void)state;
    open(&stage);
    assert_int_equal(play(&stage, text, strlen(text)), ERROR_LIMIT);
    assert_string_equal(stage.err.message, "used more than 8 MiB of memory");
    assert_int_equal(stage.err.line, 2);
    clear(&stage);
}

static void nothing_that_runs_survives_an_interruption(void **state)
{
    static const char *const texts[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(error, function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "local x <close> = setmetatable({}, { __close = function() while true do end end })",
        "parallel({ 1, 2 }, function() while true do pcall(coroutine.yield) end end)",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "while true do coroutine.yield() end",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct stage stage = { .looks = 3 };
        open(&stage);
        if (play(&stage, texts[i], strlen(texts[i])) != ERROR_CANCELLED)
            fail_msg("%s: %s", texts[i], stage.err.message);
        clear(&stage);
    }
}

static void interrupt(void *arg)
{
    host_interrupt(((struct stage *)arg)->host);
}

static void nothing_that_waits_survives_an_interruption(void **state)
{
    static const char *const texts[] = {
        "rbac.can('me', 'computes/start')",
        "rbac.roles()",
        "rbac.assignments()",
        "parallel({ 1, 2, 3 }, function() rbac.why('me', 'computes/start') end)",
        "pcall(rbac.roles) print 'goes on'",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct stage stage = { .silent = true };
        struct loop_timer *timer = NULL;
        open(&stage);
        assert_int_equal(loop_timer_new(stage.fake.loop, interrupt, &stage, &timer), 0);
        (void)loop_timer_set(timer, 1000);
        assert_int_equal(play(&stage, texts[i], strlen(texts[i])), ERROR_CANCELLED);
        assert_int_equal(stage.printed.size, 0);
        loop_timer_free(timer);
        clear(&stage);
    }
}

static void what_it_returns_is_data(void **state)
{
    static const struct {
        const char *text, *json; /* or what is wrong */
    } cases[] = {
        { "", "null" },
        { "return 1, 2", "1" },
        { "return { b = { 1, 2.5, 'x' }, a = { c = true }, d = {} }",
          "{\"a\":{\"c\":true},\"b\":[1,2.5,\"x\"],\"d\":{}}" },
        { "return rbac.roles { custom = true }", "[]" },
        { "return { f = print }", "what the script returned holds a function, which is no data" },
        { "local t = {} t[1] = t return t",
          "what the script returned holds itself, or is nested too deeply" },
        { "return { 1, x = 2 }",
          "what the script returned holds a list with holes, or with named fields" },
        { "return { [true] = 2 }", "what the script returned holds a table with a key that is "
                                   "neither a name nor one of a list" },
        { "return 1 / 0", "what the script returned holds a number that is not finite" },
        { "return 1 << 60", "what the script returned holds an integer beyond those that JSON "
                            "keeps exactly (2^53)" },
        { "return '\\xff'", "what the script returned holds a string that is not UTF-8 text" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stage stage = { 0 };
        open(&stage);
        int rc = play(&stage, cases[i].text, strlen(cases[i].text));
        char *text = rc == 0 ? json_text(stage.value) : strdup(stage.err.message);
        assert_string_equal(text, cases[i].json);
        free(text);
        clear(&stage);
    }
}

static const char all_of_it[] =
    "local people = { 'me', 'me' }\n"
    "local answers = parallel(people, function(who) return rbac.why(who, 'computes/start') end)\n"
    "print(rbac.can('me', 'computes/start'), #rbac.assignments(), rbac.roles 'Reader'.name)\n"
    "return answers";

static void survives_every_failing_allocation(void **state)
{
    int64_t max = 1;
    (void)state;
    for (int rc = -1; rc < 0; max++) {
        struct stage stage = { .options = { .allocations_max = max } };
        open(&stage);
        rc = play(&stage, all_of_it, strlen(all_of_it));
        if (rc < 0 && rc != ERROR_LIMIT && rc != ERROR_NO_MEMORY)
            fail_msg("allocation %lld: %d %s", (long long)max, rc, stage.err.message);
        clear(&stage);
    }
    assert_true(max > 300);
}

static void works_with_a_collector_that_never_rests(void **state)
{
    char text[sizeof all_of_it + 64];
    (void)state;
    (void)snprintf(text, sizeof text, "collectgarbage('incremental', 1, 1000) %s", all_of_it);
    prints(text, "true\t1\tReader\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_have_lua_and_their_words),
        cmocka_unit_test(answers_are_those_of_the_plane),
        cmocka_unit_test(the_world_refuses_with_nil_and_why),
        cmocka_unit_test(mistakes_of_the_script_raise),
        cmocka_unit_test(many_questions_take_the_time_of_one),
        cmocka_unit_test(parallel_keeps_the_order_and_raises_the_first),
        cmocka_unit_test(syntax_errors_tell_their_line),
        cmocka_unit_test(memory_has_a_limit),
        cmocka_unit_test(nothing_that_runs_survives_an_interruption),
        cmocka_unit_test(nothing_that_waits_survives_an_interruption),
        cmocka_unit_test(what_it_returns_is_data),
        cmocka_unit_test(survives_every_failing_allocation),
        cmocka_unit_test(works_with_a_collector_that_never_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
