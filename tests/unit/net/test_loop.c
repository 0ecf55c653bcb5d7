/* test_loop.c - timers, posts, turns, signals, descriptors. */
#include "net/loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

#define START_UNIX_MS INT64_C(1700000000000)
#define MANY 2000

struct fixture {
    struct clock clock;
    struct loop *loop;
    char trace[4096]; /* what happened, in order: a letter each */
    size_t traced;
};

struct step {
    struct fixture *f;
    char letter;
    struct loop_timer *timer;
    struct step *post;     /* posted by this one */
    struct step *turn_end; /* posted to the turn's end by this one */
    bool *flag;
    int64_t ran_at_ms;
};

static void on_step(void *arg)
{
    struct step *step = arg;
    struct fixture *f = step->f;
    assert_true(f->traced + 1 < sizeof f->trace);
    f->trace[f->traced++] = step->letter;
    step->ran_at_ms = loop_now_ms(f->loop);
    if (step->post)
        assert_int_equal(loop_post(f->loop, on_step, step->post), 0);
    if (step->turn_end)
        assert_int_equal(loop_post_turn_end(f->loop, on_step, step->turn_end), 0);
    if (step->flag)
        *step->flag = true;
}

static int setup_with(void **state, bool virtual)
{
    static struct fixture fixture;
    fixture = (struct fixture) { 0 };
    clock_init_virtual(&fixture.clock, START_UNIX_MS);
    *state = &fixture;
    return loop_new(virtual ? &fixture.clock : clock_real(), &fixture.loop, NULL);
}

static int setup_virtual(void **state)
{
    return setup_with(state, true);
}

static int setup_real(void **state)
{
    return setup_with(state, false);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_free(f->loop);
    return 0;
}

static void arm(struct step *step, int64_t delay_ms)
{
    if (!step->timer)
        assert_int_equal(loop_timer_new(step->f->loop, on_step, step, &step->timer), 0);
    assert_int_equal(loop_timer_set(step->timer, delay_ms), 0);
}

static void timers_run_in_order_and_move_the_virtual_clock(void **state)
{
    struct fixture *f = *state;
    static const struct {
        char letter;
        int64_t delay_ms;
    } rows[] = { { 'd', 3600000 }, { 'b', 20 }, { 'a', 0 }, { 'c', 20 }, { 'e', 86400000 } };
    struct step steps[COUNT(rows)] = { 0 };
    bool done = false;
    int64_t start = loop_now_ms(f->loop);
    for (size_t i = 0; i < COUNT(rows); i++) {
        steps[i] = (struct step) { .f = f, .letter = rows[i].letter };
        arm(&steps[i], rows[i].delay_ms);
    }
    steps[4].flag = &done;
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_string_equal(f->trace, "abcde");
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(steps[i].ran_at_ms - start, rows[i].delay_ms);
        loop_timer_free(steps[i].timer);
    }
}

static void many_timers_run_in_order_whatever_is_stopped(void **state)
{
    struct fixture *f = *state;
    static struct step steps[MANY];
    const bool never = false;
    uint32_t seed = 7;
    for (size_t i = 0; i < MANY; i++) {
        seed = seed * 1664525 + 1013904223;
        steps[i] = (struct step) { .f = f, .letter = 'x' };
        arm(&steps[i], seed >> 20); /* many share a moment */
    }
    for (size_t i = 0; i < MANY; i += 3)
        loop_timer_stop(steps[i].timer);
    for (size_t i = 0; i < MANY; i += 5)
        arm(&steps[i], 5000 + (int64_t)i);
    assert_int_equal(loop_run_until(f->loop, &never), ERROR_INTERNAL); /* nothing is left */
    int64_t last_ms = -1;
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(steps[i].ran_at_ms != 0, i % 3 != 0 || i % 5 == 0);
        if (i % 5 == 0) {
            assert_true(steps[i].ran_at_ms > last_ms);
            last_ms = steps[i].ran_at_ms;
        }
        loop_timer_free(steps[i].timer);
    }
}

static void a_real_timer_waits_as_long_as_it_was_told(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    struct step late = { .f = f, .letter = 'b', .flag = &done }, early = { .f = f, .letter = 'a' };
    int64_t start = loop_now_ms(f->loop);
    arm(&late, 30);
    arm(&early, 10);
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_string_equal(f->trace, "ab");
    assert_true(loop_now_ms(f->loop) - start >= 30);
    assert_true(loop_now_ms(f->loop) - start < 5000);
    loop_timer_free(late.timer);
    loop_timer_free(early.timer);
}

struct again {
    struct loop *loop;
    struct loop_timer *timer;
    int left;
    bool gone;
};

static void on_again(void *arg)
{
    struct again *again = arg;
    if (again->left-- > 0) {
        assert_int_equal(loop_timer_set(again->timer, 0), 0);
        return;
    }
    loop_timer_free(again->timer);
    again->gone = true;
}

static void a_timer_may_set_and_free_itself_in_its_callback(void **state)
{
    struct fixture *f = *state;
    struct again again = { .loop = f->loop, .left = 3 };
    assert_int_equal(loop_timer_new(f->loop, on_again, &again, &again.timer), 0);
    assert_int_equal(loop_timer_set(again.timer, 5), 0);
    clock_advance(&f->clock, 5);
    loop_poll(f->loop);
    assert_int_equal(again.left, 2); /* once a turn, though it is due at once */
    assert_int_equal(loop_run_until(f->loop, &again.gone), 0);
}

static void timers_outlive_their_loop(void **state)
{
    struct fixture *f = *state;
    struct loop *loop;
    struct loop_timer *timer;
    (void)f;
    assert_int_equal(loop_new(clock_real(), &loop, NULL), 0);
    assert_int_equal(loop_timer_new(loop, on_again, NULL, &timer), 0);
    assert_int_equal(loop_timer_set(timer, 0), 0);
    loop_free(loop);
    loop_timer_stop(timer);
    loop_timer_free(timer);
}

static void polling_does_not_move_a_virtual_clock(void **state)
{
    struct fixture *f = *state;
    struct step step = { .f = f, .letter = 'a' };
    arm(&step, 1);
    loop_poll(f->loop);
    loop_poll(f->loop);
    assert_string_equal(f->trace, "");
    clock_advance(&f->clock, 1);
    loop_poll(f->loop);
    assert_string_equal(f->trace, "a");
    loop_timer_free(step.timer);
}

static void posts_run_in_order_and_turn_ends_after_them(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    struct step end = { .f = f, .letter = 'E' };
    struct step last = { .f = f, .letter = 'z', .flag = &done };
    struct step third = { .f = f, .letter = 'c' };
    struct step second = { .f = f, .letter = 'b', .post = &third };
    struct step first = { .f = f, .letter = 'a', .post = &second, .turn_end = &end };
    end.post = &last; /* belongs to the next turn */
    assert_int_equal(loop_post(f->loop, on_step, &first), 0);
    assert_int_equal(loop_post(f->loop, on_step, &third), 0);
    assert_string_equal(f->trace, ""); /* never from inside the call */
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_string_equal(f->trace, "acbcEz");
}

static void a_post_that_posts_itself_does_not_keep_the_turn_from_ending(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    struct step forever = { .f = f, .letter = '.' };
    struct step end = { .f = f, .letter = 'E', .flag = &done };
    forever.post = &forever;
    assert_int_equal(loop_post(f->loop, on_step, &forever), 0);
    assert_int_equal(loop_post_turn_end(f->loop, on_step, &end), 0);
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_int_equal(f->trace[f->traced - 1], 'E');
    loop_unpost(f->loop, &forever);
}

static void posts_of_a_dying_object_are_forgotten(void **state)
{
    struct fixture *f = *state;
    static struct step steps[MANY];
    for (size_t i = 0; i < MANY; i++) {
        steps[i] = (struct step) { .f = f, .letter = 'x' };
        assert_int_equal(loop_post(f->loop, on_step, &steps[i]), 0);
        assert_int_equal(loop_post_turn_end(f->loop, on_step, &steps[i]), 0);
    }
    for (size_t i = 0; i < MANY; i++) {
        if (i != 1234)
            loop_unpost(f->loop, &steps[i]);
    }
    loop_poll(f->loop);
    assert_string_equal(f->trace, "xx");
}

static void a_loop_with_nothing_left_says_so(void **state)
{
    struct fixture *f = *state;
    const bool never = false;
    assert_int_equal(loop_run_until(f->loop, &never), ERROR_INTERNAL);
}

static void a_flag_that_is_true_already_runs_nothing(void **state)
{
    struct fixture *f = *state;
    const bool done = true;
    struct step step = { .f = f, .letter = 'a' };
    assert_int_equal(loop_post(f->loop, on_step, &step), 0);
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_string_equal(f->trace, "");
}

static void on_stop(void *arg)
{
    loop_stop(arg);
}

static void stop_ends_a_run_once(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    struct step step = { .f = f, .letter = 'a', .flag = &done };
    assert_int_equal(loop_post(f->loop, on_stop, f->loop), 0);
    loop_run(f->loop);
    assert_int_equal(loop_post(f->loop, on_step, &step), 0);
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_string_equal(f->trace, "a");
}

static void signals_arrive_from_the_loop(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    struct step step = { .f = f, .letter = 's', .flag = &done };
    struct loop_signal *signal;
    assert_int_equal(loop_signal_new(f->loop, SIGUSR1, on_step, &step, &signal), 0);
    for (int i = 0; i < 2; i++) {
        done = false;
        assert_int_equal(kill(getpid(), SIGUSR1), 0);
        assert_int_equal(loop_run_until(f->loop, &done), 0);
    }
    assert_string_equal(f->trace, "ss");
    loop_signal_free(signal);
}

static void a_virtual_clock_stands_still_while_descriptors_are_ready(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    struct step ready = { .f = f, .letter = 'r', .flag = &done };
    struct step later = { .f = f, .letter = 't' };
    struct loop_watch *watch;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(loop_watch_new(f->loop, ends[0], false, on_step, &ready, &watch), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    arm(&later, 1000);
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_string_equal(f->trace, "r");
    loop_watch_free(watch);
    loop_timer_free(later.timer);
    close(ends[0]);
    close(ends[1]);
}

static void a_held_virtual_clock_walks(void **state)
{
    struct fixture *f = *state;
    bool done = false;
    struct step step = { .f = f, .letter = 'a', .flag = &done };
    int64_t start = clock_monotonic_ms(clock_real());
    loop_hold(f->loop);
    arm(&step, 25);
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    assert_true(clock_monotonic_ms(clock_real()) - start >= 24);
    loop_release(f->loop);
    done = false;
    arm(&step, 86400000); /* and jumps again: this test would last a day */
    assert_int_equal(loop_run_until(f->loop, &done), 0);
    loop_timer_free(step.timer);
}

static void exit_hooks_run_when_the_loop_is_freed(void **state)
{
    struct fixture *f = *state;
    struct loop *loop;
    struct step first = { .f = f, .letter = 'a' }, second = { .f = f, .letter = 'b' };
    struct loop_exit hooks[2] = { { .fn = on_step, .arg = &first },
                                  { .fn = on_step, .arg = &second } };
    assert_int_equal(loop_new(clock_real(), &loop, NULL), 0);
    loop_exit_add(loop, &hooks[0]);
    loop_exit_add(loop, &hooks[1]);
    loop_exit_remove(&hooks[0]);
    loop_exit_remove(&hooks[0]);
    loop_free(loop);
    assert_string_equal(f->trace, "b");
}

#define VIRTUAL(test) cmocka_unit_test_setup_teardown(test, setup_virtual, teardown)
#define REAL(test) cmocka_unit_test_setup_teardown(test, setup_real, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VIRTUAL(timers_run_in_order_and_move_the_virtual_clock),
        VIRTUAL(many_timers_run_in_order_whatever_is_stopped),
        REAL(a_real_timer_waits_as_long_as_it_was_told),
        VIRTUAL(a_timer_may_set_and_free_itself_in_its_callback),
        VIRTUAL(timers_outlive_their_loop),
        VIRTUAL(polling_does_not_move_a_virtual_clock),
        VIRTUAL(posts_run_in_order_and_turn_ends_after_them),
        REAL(posts_run_in_order_and_turn_ends_after_them),
        VIRTUAL(a_post_that_posts_itself_does_not_keep_the_turn_from_ending),
        VIRTUAL(posts_of_a_dying_object_are_forgotten),
        VIRTUAL(a_loop_with_nothing_left_says_so),
        REAL(a_loop_with_nothing_left_says_so),
        REAL(a_flag_that_is_true_already_runs_nothing),
        REAL(stop_ends_a_run_once),
        REAL(signals_arrive_from_the_loop),
        VIRTUAL(signals_arrive_from_the_loop),
        VIRTUAL(a_virtual_clock_stands_still_while_descriptors_are_ready),
        VIRTUAL(a_held_virtual_clock_walks),
        VIRTUAL(exit_hooks_run_when_the_loop_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
