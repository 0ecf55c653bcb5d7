/* oci_queue.c - how many instances are brought up at once.
 *
 * A fleet may ask for a thousand machines in one breath; this machine has a few cores.  So an
 * instance needs a place before its container starts, keeps it until its call ends, and the others
 * stand in line.  Whoever has had its place for a while gives it up, and goes on without one: a
 * script that waits for something (another instance, perhaps) cannot hold up the line.
 *
 * Nobody waits for another instance while it has a place or stands in line: who waits for another
 * one's layer asks for its place afterwards. */
#include "plane/drivers/oci_private.h"

#include <utlist.h>

#define TURN_MS 30000

/* The line moves on: always from the loop, for places are given up inside the plane's calls, too.
 * Whoever stands in line has no child, so it can be launched here. */
static void on_free_place(void *arg)
{
    struct oci *oci = arg;
    struct machine *machine = NULL;
    while ((machine = oci->queue) && oci->places_taken < oci->places) {
        DL_DELETE2(oci->queue, machine, queue_prev, queue_next);
        machine->queued = false;
        oci_queue_jump(machine);
        oci_launch(machine);
    }
}

void oci_queue_leave(struct machine *machine)
{
    struct oci *oci = machine->oci;
    if (machine->queued)
        DL_DELETE2(oci->queue, machine, queue_prev, queue_next);
    machine->queued = false;
    if (!machine->has_place)
        return;
    machine->has_place = false;
    loop_timer_stop(machine->turn);
    oci->places_taken--;
    if (oci->queue && loop_post(oci->loop, on_free_place, oci) < 0)
        log_line(oci->log, LOG_ERROR, "no memory to start the next instance in line");
}

static void on_turn_over(void *arg)
{
    oci_queue_leave(arg);
}

bool oci_queue_enter(struct machine *machine)
{
    struct oci *oci = machine->oci;
    if (machine->has_place || machine->had_place)
        return true;
    if (machine->queued)
        return false;
    if (oci->queue || oci->places_taken >= oci->places) {
        machine->queued = true;
        DL_APPEND2(oci->queue, machine, queue_prev, queue_next);
        return false;
    }
    oci_queue_jump(machine);
    return true;
}

void oci_queue_jump(struct machine *machine)
{
    machine->has_place = machine->had_place = true;
    machine->oci->places_taken++;
    (void)loop_timer_set(machine->turn, TURN_MS);
}

int oci_queue_init(struct machine *machine)
{
    return loop_timer_new(machine->oci->loop, on_turn_over, machine, &machine->turn);
}

void oci_queue_clear(struct machine *machine)
{
    oci_queue_leave(machine);
    loop_timer_free(machine->turn);
    machine->turn = NULL;
}
