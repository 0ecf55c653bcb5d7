/* test_task.c - tasks on a virtual clock: they wait, take turns, fail with their place, and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "base/text.h"
#include "script/memory.h"
#include "script/task.h"

/* A state of its own whose one function that waits is wait(seconds). */
struct world {
    struct clock clock;
    struct loop *loop;
    struct memory memory;
    lua_State *L;
    struct scheduler *scheduler;
    int started, ended, failed, waits;
    struct error err; /* of the last one that failed */
    bool over;
};

/* What one wait() owns. */
struct wait {
    struct world *world;
    struct task *task; /* borrowed; NULL: nobody waits */
    struct loop_timer *timer;
};

static struct world *world_of(lua_State *L)
{
    return *(struct world **)lua_getextraspace(L);
}

static void wake(struct wait *wait, int outcome)
{
    struct task *task = wait->task;
    loop_timer_free(wait->timer);
    wait->timer = NULL;
    wait->task = NULL;
    wait->world->waits--;
    task_wake(task, outcome);
}

static void on_fire(void *arg)
{
    wake(arg, 0);
}

static void on_cancel(void *arg)
{
    wake(arg, ERROR_CANCELLED);
}

static int after_wait(lua_State *L, int status, lua_KContext context)
{
    (void)status, (void)context;
    lua_pushinteger(L, task_outcome(L));
    return 1;
}

static int lua_wait(lua_State *L)
{
    int64_t ms = (int64_t)(luaL_checknumber(L, 1) * 1000);
    struct task *self = task_self(L);
    struct wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct wait) { .world = world_of(L), .task = self };
    assert_int_equal(loop_timer_new(wait->world->loop, on_fire, wait, &wait->timer), 0);
    (void)loop_timer_set(wait->timer, ms);
    wait->world->waits++;
    task_park(self, on_cancel, wait);
    return lua_yieldk(L, 0, 0, after_wait);
}

static int lua_log(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "log");
    lua_pushfstring(L, "%s%s;", luaL_optstring(L, -1, ""), luaL_checkstring(L, 1));
    lua_setfield(L, LUA_REGISTRYINDEX, "log");
    return 0;
}

static int open_libraries(lua_State *L)
{
    luaL_openlibs(L);
    lua_register(L, "wait", lua_wait);
    lua_register(L, "log", lua_log);
    return 0;
}

static bool world_start(struct world *world, int64_t allocations_max)
{
    *world = (struct world) { .memory = { .max = 64 << 20 } };
    clock_init_virtual(&world->clock, 0);
    assert_int_equal(loop_new(&world->clock, &world->loop, NULL), 0);
    world->L = lua_newstate(memory_allocate, &world->memory);
    *(struct world **)lua_getextraspace(world->L) = world;
    lua_pushcfunction(world->L, open_libraries);
    assert_int_equal(lua_pcall(world->L, 0, 0, 0), LUA_OK);
    world->memory.allocations_max = allocations_max;
    return scheduler_new(world->L, world->loop, &world->scheduler, NULL) == 0;
}

static void world_stop(struct world *world)
{
    scheduler_free(world->scheduler);
    assert_int_equal(world->waits, 0); /* who waited was cancelled */
    assert_int_equal(lua_gettop(world->L), 0);
    lua_close(world->L);
    assert_int_equal(world->memory.used, 0);
    loop_free(world->loop);
}

static void on_ended(int rc, const struct error *err, void *arg)
{
    struct world *world = arg;
    world->ended++;
    world->failed += rc < 0;
    if (rc < 0)
        world->err = *err;
    world->over = world->ended == world->started;
}

static int try_start(struct world *world, const char *text)
{
    if (luaL_loadbufferx(world->L, text, strlen(text), "@test.lua", "t") != LUA_OK) {
        lua_pop(world->L, 1);
        return ERROR_NO_MEMORY;
    }
    int rc = task_start(world->scheduler, world->L, 0, on_ended, world, &world->err);
    world->started += rc == 0;
    return rc;
}

static void run(struct world *world, const char *text)
{
    assert_true(world_start(world, 0));
    assert_int_equal(try_start(world, text), 0);
    assert_int_equal(world->ended, 0); /* never from inside of task_start() */
    assert_int_equal(loop_run_until(world->loop, &world->over), 0);
}

static void what_waits_looks_like_a_call(void **state)
{
    struct world world;
    (void)state;
    run(&world, "local a = wait(2)  assert(a == 0)  assert(pcall(wait, 3))\n"
                "for _ = 1, 5 do wait(1) end");
    assert_int_equal(world.failed, 0);
    assert_int_equal(loop_now_ms(world.loop), 10000);
    world_stop(&world);
}

static void many_wait_at_once(void **state)
{
    struct world world;
    (void)state;
    assert_true(world_start(&world, 0));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(try_start(&world, "wait(1) wait(2)"), 0);
    assert_int_equal(loop_run_until(world.loop, &world.over), 0);
    assert_int_equal(world.failed, 0);
    assert_int_equal(loop_now_ms(world.loop), 3000);
    world_stop(&world);
}

static void a_bare_yield_gives_the_others_their_turn(void **state)
{
    struct world world;
    (void)state;
    assert_true(world_start(&world, 0));
    assert_int_equal(try_start(&world, "log 'a' coroutine.yield(1, 2) log 'c'"), 0);
    assert_int_equal(try_start(&world, "log 'b' coroutine.yield() log 'd'"), 0);
    assert_int_equal(loop_run_until(world.loop, &world.over), 0);
    lua_getfield(world.L, LUA_REGISTRYINDEX, "log");
    assert_string_equal(lua_tostring(world.L, -1), "a;b;c;d;");
    lua_pop(world.L, 1);
    world_stop(&world);
}

static void failures_tell_where(void **state)
{
    static const struct {
        const char *text, *message;
        int line;
    } cases[] = {
        { "wait(1)\nerror 'boom'", "boom", 2 },
        { "local t\n\nprint(t.x)", "attempt to index a nil value (local 't')", 3 },
        { "error(nil)", "the script raised a nil instead of a message", 1 },
        { "\nerror({})", "the script raised a table instead of a message", 2 },
        { "error(setmetatable({}, { __tostring = function() return 'it' end }))", "it", 1 },
        { "error('plain', 0)", "plain", 1 },
        { "\nwait()", "bad argument #1 to 'wait' (number expected, got no value)", 2 },
        { "\ncoroutine.wrap(function() wait(1) end)()",
          "this waits for an answer, which a coroutine of your own cannot: call it outside", 2 },
        { "\ntable.sort({ 1, 2 }, function() wait(1) end)",
          "this waits for an answer, which a function that sort, gsub or the like calls cannot: "
          "ask before, and use the answer there",
          2 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world world;
        run(&world, cases[i].text);
        assert_int_equal(world.failed, 1);
        assert_int_equal(world.err.code, ERROR_INVALID);
        assert_string_equal(world.err.message, cases[i].message);
        assert_string_equal(world.err.file, "test.lua");
        assert_int_equal(world.err.line, cases[i].line);
        assert_true(text_starts(world.err.details, "stack traceback:"));
        world_stop(&world);
    }
}

static void memory_that_does_not_suffice_is_a_limit(void **state)
{
    struct world world;
    (void)state;
    run(&world, "local t = {}\nwhile true do t[#t + 1] = ('x'):rep(100000) .. #t end");
    assert_int_equal(world.err.code, ERROR_LIMIT);
    assert_int_equal(world.err.line, 2);
    world_stop(&world);
}

static void so_many_and_no_more(void **state)
{
    struct world world;
    (void)state;
    assert_true(world_start(&world, 0));
    for (int i = 0; i < TASKS_MAX; i++)
        assert_int_equal(try_start(&world, ""), 0);
    assert_int_equal(try_start(&world, ""), ERROR_LIMIT);
    assert_string_equal(world.err.message, "more than 10000 tasks at once");
    assert_int_equal(loop_run_until(world.loop, &world.over), 0);
    assert_int_equal(try_start(&world, ""), 0); /* those that ended do not count */
    world_stop(&world);
}

static void what_waits_is_cancelled_at_the_end(void **state)
{
    struct world world;
    (void)state;
    assert_true(world_start(&world, 0));
    assert_int_equal(try_start(&world, "wait(1) log 'never'"), 0);
    assert_int_equal(try_start(&world, "wait(2)"), 0);
    loop_poll(world.loop);
    loop_poll(world.loop);
    assert_int_equal(world.waits, 2);
    assert_int_equal(try_start(&world, "log 'never begun'"), 0);
    world_stop(&world);
    assert_int_equal(world.ended, 0);
}

static void survives_every_failing_allocation(void **state)
{
    int64_t max = 1;
    (void)state;
    for (bool fine = false; !fine; max++) {
        struct world world;
        if (world_start(&world, max)) {
            int rc = try_start(&world, "wait(1) local t = {} for i = 1, 3 do t[i] = { i } end");
            if (rc == 0)
                rc = try_start(&world, "local text = 'a' .. wait(2) error(text)");
            if (world.started > 0)
                assert_int_equal(loop_run_until(world.loop, &world.over), 0);
            fine = rc == 0 && world.failed == 1 && text_equal(world.err.message, "a0") &&
                   world.err.details[0];
        }
        world_stop(&world);
    }
    assert_true(max > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_looks_like_a_call),
        cmocka_unit_test(many_wait_at_once),
        cmocka_unit_test(a_bare_yield_gives_the_others_their_turn),
        cmocka_unit_test(failures_tell_where),
        cmocka_unit_test(memory_that_does_not_suffice_is_a_limit),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(what_waits_is_cancelled_at_the_end),
        cmocka_unit_test(survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
