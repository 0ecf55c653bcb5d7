/* loop.h - the one event loop of a process: libevent, plus timers on a clock that can be virtual.
 *
 * Single-threaded.  Callbacks run from loop_run_*() only; none is called from inside the function
 * that was given it. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct event_base;
struct loop;
struct loop_timer;

typedef void loop_fn(void *arg);

/* `clock` is borrowed.  With a virtual clock, a loop that has nothing else to do moves the clock on
 * to its next timer instead of sleeping.  SIGPIPE is ignored from here on (a vanished peer is an
 * error, not the end of us), unless somebody handles it. */
int loop_new(struct clock *clock, struct loop **out_loop, struct error *err);
/* Drops timers and posts that have not run; timers may still be freed later by their owners,
 * watches and signals must be gone before.  NULL is fine. */
void loop_free(struct loop *loop);

struct event_base *loop_base(struct loop *loop);
struct clock *loop_clock(struct loop *loop);
int64_t loop_now_ms(struct loop *loop); /* monotonic */

/* Runs `fn(arg)` once, soon, from the loop, after what is running now returned; posts run in the
 * order they were made.  ERROR_NO_MEMORY. */
int loop_post(struct loop *loop, loop_fn *fn, void *arg);
/* Forgets every post of `arg` that has not run: for objects that die. */
void loop_unpost(struct loop *loop, const void *arg);
/* Runs `fn(arg)` at the end of this turn, after all events and posts of the turn: the plane's group
 * commit hangs here. */
int loop_post_turn_end(struct loop *loop, loop_fn *fn, void *arg);

/* Timers are one-shot, owned by the caller, re-armable, and may be freed inside their callback. */
int loop_timer_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_timer **out_timer);
void loop_timer_free(struct loop_timer *timer);
int loop_timer_set(struct loop_timer *timer, int64_t delay_ms); /* re-arms; 0: the next turn; cannot
                                                                 * fail while the loop lives */
void loop_timer_stop(struct loop_timer *timer);                 /* NULL is fine */

/* Runs until *flag is true, or loop_stop(), or (returns ERROR_INTERNAL) until nothing is left that
 * could ever make it true. */
int loop_run_until(struct loop *loop, const bool *flag);
/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* One turn: handles what is ready now, without waiting and without moving a virtual clock. */
void loop_poll(struct loop *loop);

/* While something real is waited for (a child process), a virtual clock does not jump: it walks
 * with the machine's clock, so that a time limit on the real thing means what it says.  Calls nest.
 */
void loop_hold(struct loop *loop);
void loop_release(struct loop *loop);

/* What a module of the loop has to drop when the loop is freed; embedded in its owner. */
struct loop_exit {
    loop_fn *fn; /* called once, from loop_free(); may free what the hook is embedded in */
    void *arg;
    struct loop_exit *next, **link; /* the loop's */
};
void loop_exit_add(struct loop *loop, struct loop_exit *hook);
void loop_exit_remove(struct loop_exit *hook); /* harmless when it was not added, or has run */

/* Signals: `fn` runs from the loop on each arrival, until loop_signal_free(). */
struct loop_signal;
int loop_signal_new(struct loop *loop, int signal, loop_fn *fn, void *arg,
                    struct loop_signal **out);
void loop_signal_free(struct loop_signal *signal);

/* Readiness of a descriptor (borrowed), level-triggered, until loop_watch_free(). */
struct loop_watch;
int loop_watch_new(struct loop *loop, int fd, bool write, loop_fn *fn, void *arg,
                   struct loop_watch **out);
void loop_watch_free(struct loop_watch *watch);

#endif
