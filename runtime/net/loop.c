/* loop.c - libevent, timers on the given clock, and the posts of a turn.
 *
 * A turn is: one pass of libevent, timers that are due, posts, turn-end posts.  Timers live in a
 * min-heap of ours, because a virtual clock is nothing that libevent could wait for; with the real
 * clock one libevent timer is armed for the earliest of them.  Posts hang in two rows (soon, turn
 * end) and in a hash of their arguments, so that an object that dies finds its own at once. */
#include "net/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>

#define BUCKETS 512        /* of the posts' hash; a power of two */
#define SPARE_MAX 256      /* posts kept for reuse */
#define GENERATIONS_MAX 16 /* of posts made by posts, within one turn */
#define HEAP_START 16
#define ARMED_NEVER INT64_MAX

struct post {
    loop_fn *fn;
    void *arg;
    uint64_t seq;
    struct post_row *row;
    TAILQ_ENTRY(post) in_row;
    LIST_ENTRY(post) in_bucket;
};

TAILQ_HEAD(post_row, post);
LIST_HEAD(post_bucket, post);

struct loop_timer {
    struct loop *loop; /* NULL once the loop is gone */
    loop_fn *fn;
    void *arg;
    int64_t deadline_ms;
    uint64_t seq;
    size_t index; /* in the heap; NOT_ARMED otherwise */
    LIST_ENTRY(loop_timer) all;
};

#define NOT_ARMED SIZE_MAX

struct loop {
    struct clock *clock; /* borrowed */
    struct event_base *base;
    struct event *alarm; /* real clock: wakes libevent for the earliest timer */
    int64_t armed_ms;    /* what `alarm` is set for, or ARMED_NEVER */
    bool stopped;
    bool running;
    int holds; /* real things that are waited for */
    struct loop_exit *exits;
    uint64_t next_seq;

    struct loop_timer **heap;
    size_t heap_count, heap_capacity;
    size_t timer_count; /* the heap has room for all of them, so that setting one cannot fail */
    LIST_HEAD(, loop_timer) timers;

    struct post_row soon, turn_end;
    struct post_bucket buckets[BUCKETS];
    struct post_row spare;
    size_t spare_count;
};

struct loop_signal {
    struct event *event;
    loop_fn *fn;
    void *arg;
};

struct loop_watch {
    struct event *event;
    loop_fn *fn;
    void *arg;
};

/* ---- the heap of timers ---- */

static bool earlier(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->deadline_ms != b->deadline_ms ? a->deadline_ms < b->deadline_ms : a->seq < b->seq;
}

static void place(struct loop *loop, size_t index, struct loop_timer *timer)
{
    loop->heap[index] = timer;
    timer->index = index;
}

static void sift_up(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->heap[index];
    while (index > 0 && earlier(timer, loop->heap[(index - 1) / 2])) {
        place(loop, index, loop->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place(loop, index, timer);
}

static void sift_down(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->heap_count)
            break;
        if (child + 1 < loop->heap_count && earlier(loop->heap[child + 1], loop->heap[child]))
            child++;
        if (!earlier(loop->heap[child], timer))
            break;
        place(loop, index, loop->heap[child]);
        index = child;
    }
    place(loop, index, timer);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
    size_t index = timer->index;
    struct loop_timer *last = loop->heap[--loop->heap_count];
    timer->index = NOT_ARMED;
    if (last == timer)
        return;
    place(loop, index, last);
    sift_up(loop, index);
    sift_down(loop, last->index);
}

static int heap_reserve(struct loop *loop, size_t count)
{
    if (count <= loop->heap_capacity)
        return 0;
    size_t capacity = loop->heap_capacity ? loop->heap_capacity * 2 : HEAP_START;
    struct loop_timer **heap = realloc(loop->heap, capacity * sizeof(struct loop_timer *));
    if (!heap)
        return ERROR_NO_MEMORY;
    loop->heap = heap;
    loop->heap_capacity = capacity;
    return 0;
}

int loop_timer_new(struct loop *loop, loop_fn *fn, void *arg, struct loop_timer **out_timer)
{
    if (heap_reserve(loop, loop->timer_count + 1) < 0)
        return ERROR_NO_MEMORY;
    struct loop_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return ERROR_NO_MEMORY;
    timer->loop = loop;
    timer->fn = fn;
    timer->arg = arg;
    timer->index = NOT_ARMED;
    loop->timer_count++;
    LIST_INSERT_HEAD(&loop->timers, timer, all);
    *out_timer = timer;
    return 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    if (timer->loop) {
        loop_timer_stop(timer);
        LIST_REMOVE(timer, all);
        timer->loop->timer_count--;
    }
    free(timer);
}

int loop_timer_set(struct loop_timer *timer, int64_t delay_ms)
{
    struct loop *loop = timer->loop;
    if (!loop)
        return ERROR_CANCELLED;
    int64_t now = loop_now_ms(loop);
    if (delay_ms < 0)
        delay_ms = 0;
    loop_timer_stop(timer);
    timer->deadline_ms = delay_ms < ARMED_NEVER - 1 - now ? now + delay_ms : ARMED_NEVER - 1;
    timer->seq = loop->next_seq++;
    place(loop, loop->heap_count++, timer);
    sift_up(loop, timer->index);
    return 0;
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer && timer->loop && timer->index != NOT_ARMED)
        heap_remove(timer->loop, timer);
}

/* Timers that were due when this began; one that is set again by a callback waits for the next
 * turn. */
static void run_timers(struct loop *loop)
{
    if (loop->heap_count == 0)
        return;
    int64_t now = loop_now_ms(loop);
    uint64_t mark = loop->next_seq;
    while (loop->heap_count > 0) {
        struct loop_timer *timer = loop->heap[0];
        if (timer->deadline_ms > now || timer->seq >= mark)
            break;
        heap_remove(loop, timer);
        timer->fn(timer->arg); /* may free the timer */
    }
}

/* ---- posts ---- */

static struct post_bucket *bucket_of(struct loop *loop, const void *arg)
{
    uint64_t hash = (uint64_t)(uintptr_t)arg * UINT64_C(0x9E3779B97F4A7C15);
    return &loop->buckets[hash >> 32 & (BUCKETS - 1)];
}

static struct post *post_alloc(struct loop *loop)
{
    struct post *post = TAILQ_FIRST(&loop->spare);
    if (!post)
        return malloc(sizeof *post);
    TAILQ_REMOVE(&loop->spare, post, in_row);
    loop->spare_count--;
    return post;
}

static void post_drop(struct loop *loop, struct post *post)
{
    TAILQ_REMOVE(post->row, post, in_row);
    LIST_REMOVE(post, in_bucket);
    if (loop->spare_count >= SPARE_MAX) {
        free(post);
        return;
    }
    TAILQ_INSERT_HEAD(&loop->spare, post, in_row);
    loop->spare_count++;
}

static int post_add(struct loop *loop, struct post_row *row, loop_fn *fn, void *arg)
{
    struct post *post = post_alloc(loop);
    if (!post)
        return ERROR_NO_MEMORY;
    *post = (struct post) { .fn = fn, .arg = arg, .seq = loop->next_seq++, .row = row };
    TAILQ_INSERT_TAIL(row, post, in_row);
    LIST_INSERT_HEAD(bucket_of(loop, arg), post, in_bucket);
    return 0;
}

int loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
    return post_add(loop, &loop->soon, fn, arg);
}

int loop_post_turn_end(struct loop *loop, loop_fn *fn, void *arg)
{
    return post_add(loop, &loop->turn_end, fn, arg);
}

void loop_unpost(struct loop *loop, const void *arg)
{
    struct post *next = NULL;
    for (struct post *post = LIST_FIRST(bucket_of(loop, arg)); post; post = next) {
        next = LIST_NEXT(post, in_bucket);
        if (post->arg == arg)
            post_drop(loop, post);
    }
}

/* Runs the posts of a row that are older than this call. */
static void run_row(struct loop *loop, struct post_row *row)
{
    uint64_t mark = loop->next_seq;
    struct post *post;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a dropped post is in no row any more */
    while ((post = TAILQ_FIRST(row)) && post->seq < mark) {
        loop_fn *fn = post->fn;
        void *arg = post->arg;
        post_drop(loop, post);
        fn(arg);
    }
}

/* Posts, posts made by posts, …: bounded, so that a post that always posts itself starves nobody.
 */
static void run_posts(struct loop *loop)
{
    for (int i = 0; i < GENERATIONS_MAX && !TAILQ_EMPTY(&loop->soon); i++)
        run_row(loop, &loop->soon);
    run_row(loop, &loop->turn_end);
}

static bool has_posts(const struct loop *loop)
{
    return !TAILQ_EMPTY(&loop->soon) || !TAILQ_EMPTY(&loop->turn_end);
}

static void row_clear(struct post_row *row)
{
    struct post *next = NULL;
    for (struct post *post = TAILQ_FIRST(row); post; post = next) {
        next = TAILQ_NEXT(post, in_row);
        free(post);
    }
    TAILQ_INIT(row);
}

/* ---- turns ---- */

enum pass { PASS_HANDLED, PASS_IDLE, PASS_EMPTY };

/* One pass of libevent.  PASS_EMPTY: no event is registered at all. */
static enum pass run_events(struct loop *loop, bool wait)
{
    (void)event_base_get_max_events(loop->base, EVENT_BASE_COUNT_ACTIVE, 1);
    int rc = event_base_loop(loop->base, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK));
    if (rc == 1)
        return PASS_EMPTY;
    bool handled = event_base_get_max_events(loop->base, EVENT_BASE_COUNT_ACTIVE, 0) > 0;
    return handled ? PASS_HANDLED : PASS_IDLE;
}

static void alarm_set(struct loop *loop, int64_t delay_ms)
{
    if (delay_ms < 0)
        delay_ms = 0;
    if (delay_ms > INT32_MAX)
        delay_ms = INT32_MAX; /* wakes once for nothing, in 24 days */
    struct timeval wait = { (time_t)(delay_ms / 1000), (suseconds_t)(delay_ms % 1000 * 1000) };
    event_add(loop->alarm, &wait);
}

/* Arms libevent for the earliest timer.  An alarm that is too early is left alone: it only wakes us
 * once for nothing, which costs less than moving it each time. */
static void arm(struct loop *loop)
{
    if (loop->heap_count == 0) {
        if (loop->armed_ms != ARMED_NEVER)
            event_del(loop->alarm);
        loop->armed_ms = ARMED_NEVER;
        return;
    }
    int64_t deadline = loop->heap[0]->deadline_ms;
    if (deadline >= loop->armed_ms)
        return;
    alarm_set(loop, deadline - loop_now_ms(loop));
    loop->armed_ms = deadline;
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    (void)fd, (void)what;
    loop->armed_ms = ARMED_NEVER;
}

/* Waits for events or the next timer on the machine's clock.  False: nothing can ever happen. */
static bool wait_real(struct loop *loop)
{
    int64_t now = loop->heap_count > 0 ? loop_now_ms(loop) : 0;
    if (has_posts(loop) || (loop->heap_count > 0 && loop->heap[0]->deadline_ms <= now)) {
        run_events(loop, false);
        return true;
    }
    arm(loop);
    return run_events(loop, true) != PASS_EMPTY;
}

/* Waits for events, at most `ahead` ms, and lets the virtual clock follow the machine's meanwhile.
 */
static void walk(struct loop *loop, int64_t ahead)
{
    int64_t start = clock_monotonic_ms(clock_real());
    alarm_set(loop, ahead);
    run_events(loop, true);
    event_del(loop->alarm);
    int64_t passed = clock_monotonic_ms(clock_real()) - start;
    clock_advance(loop->clock, passed < ahead ? passed : ahead);
}

/* The same on a virtual clock, which jumps to the next timer when nothing else moves. */
static bool wait_virtual(struct loop *loop)
{
    enum pass pass = run_events(loop, false);
    if (pass == PASS_HANDLED || has_posts(loop))
        return true;
    if (loop->heap_count == 0)
        return pass != PASS_EMPTY && run_events(loop, true) != PASS_EMPTY;
    int64_t ahead = loop->heap[0]->deadline_ms - loop_now_ms(loop);
    if (ahead > 0 && loop->holds > 0)
        walk(loop, ahead);
    else if (ahead > 0)
        clock_advance(loop->clock, ahead);
    return true;
}

/* False when nothing was done and nothing is left that could wake us. */
static bool turn(struct loop *loop)
{
    bool alive = clock_is_virtual(loop->clock) ? wait_virtual(loop) : wait_real(loop);
    if (!alive)
        return false;
    run_timers(loop);
    run_posts(loop);
    return true;
}

int loop_run_until(struct loop *loop, const bool *flag)
{
    int rc = 0;
    assert(!loop->running);
    loop->running = true;
    while (!*flag && !loop->stopped) {
        if (!turn(loop)) {
            rc = ERROR_INTERNAL;
            break;
        }
    }
    loop->running = false;
    loop->stopped = false;
    return rc;
}

void loop_run(struct loop *loop)
{
    static const bool never = false;
    (void)loop_run_until(loop, &never);
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

void loop_poll(struct loop *loop)
{
    assert(!loop->running);
    loop->running = true;
    run_events(loop, false);
    run_timers(loop);
    run_posts(loop);
    loop->running = false;
}

/* ---- the loop ---- */

/* Writing to a peer that has gone is an error to report, not a reason to die: neither libevent nor
 * OpenSSL asks for MSG_NOSIGNAL.  A handler that somebody installed is left alone. */
static void ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
}

/* libevent's warnings are of no use to a person; after an error it ends the process, which should
 * not happen without a word. */
static void on_libevent_log(int severity, const char *message)
{
    if (severity == EVENT_LOG_ERR)
        (void)fprintf(stderr, "moonfleet: libevent: %s\n", message);
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int loop_new(struct clock *clock, struct loop **out_loop, struct error *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an event loop");
    loop->clock = clock;
    loop->armed_ms = ARMED_NEVER;
    LIST_INIT(&loop->timers);
    TAILQ_INIT(&loop->soon);
    TAILQ_INIT(&loop->turn_end);
    TAILQ_INIT(&loop->spare);
    loop->base = base_new();
    if (loop->base)
        loop->alarm = evtimer_new(loop->base, on_alarm, loop);
    if (!loop->alarm) {
        loop_free(loop);
        return error_set(err, ERROR_NO_MEMORY, "cannot make an event loop");
    }
    ignore_sigpipe();
    event_set_log_callback(on_libevent_log);
    *out_loop = loop;
    return 0;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    assert(!loop->running);
    while (loop->exits) {
        struct loop_exit *hook = loop->exits;
        loop_exit_remove(hook);
        hook->fn(hook->arg);
    }
    struct loop_timer *timer;
    while ((timer = LIST_FIRST(&loop->timers))) { /* their owners free them, maybe later */
        LIST_REMOVE(timer, all);
        timer->loop = NULL;
    }
    free(loop->heap);
    row_clear(&loop->soon);
    row_clear(&loop->turn_end);
    row_clear(&loop->spare);
    if (loop->alarm)
        event_free(loop->alarm);
    if (loop->base)
        event_base_free(loop->base);
    free(loop);
}

void loop_hold(struct loop *loop)
{
    loop->holds++;
}

void loop_release(struct loop *loop)
{
    assert(loop->holds > 0);
    loop->holds--;
}

void loop_exit_add(struct loop *loop, struct loop_exit *hook)
{
    hook->next = loop->exits;
    hook->link = &loop->exits;
    if (hook->next)
        hook->next->link = &hook->next;
    loop->exits = hook;
}

void loop_exit_remove(struct loop_exit *hook)
{
    if (!hook->link)
        return;
    *hook->link = hook->next;
    if (hook->next)
        hook->next->link = hook->link;
    hook->next = NULL;
    hook->link = NULL;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

struct clock *loop_clock(struct loop *loop)
{
    return loop->clock;
}

int64_t loop_now_ms(struct loop *loop)
{
    return clock_monotonic_ms(loop->clock);
}

/* ---- signals and descriptors ---- */

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    struct loop_signal *signal = arg;
    (void)fd, (void)what;
    signal->fn(signal->arg); /* may free the signal */
}

int loop_signal_new(struct loop *loop, int signal, loop_fn *fn, void *arg, struct loop_signal **out)
{
    struct loop_signal *made = calloc(1, sizeof *made);
    if (!made)
        return ERROR_NO_MEMORY;
    made->fn = fn;
    made->arg = arg;
    made->event = evsignal_new(loop->base, signal, on_signal, made);
    if (!made->event || event_add(made->event, NULL) != 0) {
        loop_signal_free(made);
        return ERROR_IO;
    }
    *out = made;
    return 0;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (!signal)
        return;
    if (signal->event)
        event_free(signal->event);
    free(signal);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *watch = arg;
    (void)fd, (void)what;
    watch->fn(watch->arg); /* may free the watch */
}

int loop_watch_new(struct loop *loop, int fd, bool write, loop_fn *fn, void *arg,
                   struct loop_watch **out)
{
    struct loop_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return ERROR_NO_MEMORY;
    watch->fn = fn;
    watch->arg = arg;
    watch->event =
        event_new(loop->base, fd, EV_PERSIST | (write ? EV_WRITE : EV_READ), on_ready, watch);
    if (!watch->event || event_add(watch->event, NULL) != 0) {
        loop_watch_free(watch);
        return ERROR_IO;
    }
    *out = watch;
    return 0;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (!watch)
        return;
    if (watch->event)
        event_free(watch->event);
    free(watch);
}
