/* test_simulated.c - the driver that keeps states only. */
#include "plane/plane_test.h"

struct heard {
    int phases, done, rc;
    enum driver_phase last;
    bool ended;
    char name[ERROR_NAME_SIZE];
};

static void on_phase(enum driver_phase phase, void *arg)
{
    struct heard *heard = arg;
    heard->phases++;
    heard->last = phase;
}

static void on_done(int rc, const struct error *err, void *arg)
{
    struct heard *heard = arg;
    heard->done++;
    heard->rc = rc;
    heard->ended = true;
    text_copy(heard->name, sizeof heard->name, err ? err->name : "");
}

struct bench {
    struct clock clock;
    struct loop *loop;
    struct driver *driver;
};

static void open_bench(struct bench *bench, const struct simulated_options *options)
{
    struct error err = { 0 };
    clock_init_virtual(&bench->clock, START_UNIX_MS);
    assert_int_equal(loop_new(&bench->clock, &bench->loop, &err), 0);
    assert_int_equal(driver_simulated_new(bench->loop, options, &bench->driver, &err), 0);
}

static void close_bench(struct bench *bench)
{
    driver_free(bench->driver);
    loop_free(bench->loop);
}

static void calls_end_in_the_next_turn(void **state)
{
    (void)state;
    struct bench b;
    struct simulated_options none = { 0 };
    open_bench(&b, &none);
    struct heard heard = { 0 };
    struct driver_callbacks callbacks = { on_phase, on_done, &heard };
    struct driver_instance instance = { .id = "i",
                                        .name = "n",
                                        .startup = { .text = "x", .size = 1 } };
    assert_int_equal(b.driver->ops->create(b.driver, &instance, &callbacks), 0);
    assert_int_equal(heard.done, 0); /* never from inside */
    assert_int_equal(loop_run_until(b.loop, &heard.ended), 0);
    assert_int_equal(heard.done, 1);
    assert_int_equal(heard.phases, 2);
    assert_int_equal(heard.last, DRIVER_USER_SETTING_UP);
    assert_int_equal(loop_now_ms(b.loop), clock_monotonic_ms(&b.clock));
    assert_int_equal(b.driver->ops->running(b.driver, "i", NULL), 1);
    heard.ended = false;
    assert_int_equal(b.driver->ops->stop(b.driver, "i", &callbacks), 0);
    assert_int_equal(loop_run_until(b.loop, &heard.ended), 0);
    assert_int_equal(b.driver->ops->running(b.driver, "i", NULL), 0);
    heard.ended = false;
    assert_int_equal(b.driver->ops->start(b.driver, &instance, &callbacks), 0);
    assert_int_equal(loop_run_until(b.loop, &heard.ended), 0);
    assert_int_equal(b.driver->ops->running(b.driver, "i", NULL), 1);
    close_bench(&b);
}

static void durations_are_those_of_the_loops_clock(void **state)
{
    (void)state;
    struct bench b;
    struct simulated_options slow = { .create_ms = 240000 };
    open_bench(&b, &slow);
    struct heard heard = { 0 };
    struct driver_callbacks callbacks = { on_phase, on_done, &heard };
    struct driver_instance instance = { .id = "i", .name = "n" };
    int64_t from_ms = loop_now_ms(b.loop);
    assert_int_equal(b.driver->ops->create(b.driver, &instance, &callbacks), 0);
    assert_int_equal(loop_run_until(b.loop, &heard.ended), 0);
    assert_int_equal(loop_now_ms(b.loop) - from_ms, 240000);
    close_bench(&b);
}

static void fails_what_it_is_asked_to_fail(void **state)
{
    (void)state;
    struct bench b;
    struct simulated_options failing = { .fail_creation = "bad-*" };
    open_bench(&b, &failing);
    struct heard good = { 0 }, bad = { 0 };
    struct driver_callbacks good_callbacks = { on_phase, on_done, &good };
    struct driver_callbacks bad_callbacks = { on_phase, on_done, &bad };
    struct driver_instance first = { .id = "1", .name = "good" };
    struct driver_instance second = { .id = "2", .name = "bad-one" };
    assert_int_equal(b.driver->ops->create(b.driver, &first, &good_callbacks), 0);
    assert_int_equal(b.driver->ops->create(b.driver, &second, &bad_callbacks), 0);
    assert_int_equal(loop_run_until(b.loop, &bad.ended), 0);
    assert_int_equal(good.rc, 0);
    assert_int_equal(bad.rc, ERROR_REMOTE);
    assert_string_equal(bad.name, "SetupScriptFailed");
    close_bench(&b);
}

static void removing_ends_what_is_in_flight(void **state)
{
    (void)state;
    struct bench b;
    struct simulated_options slow = { .create_ms = 1000000, .remove_ms = 10 };
    open_bench(&b, &slow);
    struct heard creation = { 0 }, removal = { 0 };
    struct driver_callbacks creating = { on_phase, on_done, &creation };
    struct driver_callbacks removing = { on_phase, on_done, &removal };
    struct driver_instance instance = { .id = "i", .name = "n" };
    assert_int_equal(b.driver->ops->create(b.driver, &instance, &creating), 0);
    assert_int_equal(b.driver->ops->remove(b.driver, "i", &removing), 0);
    assert_int_equal(loop_run_until(b.loop, &removal.ended), 0);
    assert_int_equal(creation.done, 1);
    assert_int_equal(removal.done, 1);
    close_bench(&b);
}

static void what_is_in_flight_is_dropped_with_it(void **state)
{
    (void)state;
    struct bench b;
    struct simulated_options slow = { .create_ms = 1000 };
    open_bench(&b, &slow);
    struct heard heard = { 0 };
    struct driver_callbacks callbacks = { on_phase, on_done, &heard };
    struct driver_instance instance = { .id = "i", .name = "n" };
    assert_int_equal(b.driver->ops->create(b.driver, &instance, &callbacks), 0);
    assert_int_equal(b.driver->ops->stop(b.driver, "i", &callbacks), 0);
    close_bench(&b);
    assert_int_equal(heard.done, 0);
    driver_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_end_in_the_next_turn),
        cmocka_unit_test(durations_are_those_of_the_loops_clock),
        cmocka_unit_test(fails_what_it_is_asked_to_fail),
        cmocka_unit_test(removing_ends_what_is_in_flight),
        cmocka_unit_test(what_is_in_flight_is_dropped_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
