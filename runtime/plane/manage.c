/* manage.c - the plane about itself: /moonfleet/status and /moonfleet/stop. */
#include <unistd.h>

#include "plane/plane_private.h"

void plane_status(struct call *call)
{
    struct plane *plane = call->plane;
    char started[TIME_TEXT_SIZE];
    time_format(plane->started_unix_ms, started);
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "version", MOONFLEET_VERSION);
    cJSON_AddNumberToObject(body, "pid", getpid());
    cJSON_AddStringToObject(body, "driver", plane->driver->ops->name);
    cJSON_AddStringToObject(body, "driverReason", plane->driver_reason);
    cJSON_AddNumberToObject(
        body, "instances",
        (double)store_integer(plane->store, 0, "SELECT count(*) FROM computes", ""));
    cJSON_AddNumberToObject(
        body, "running",
        (double)store_integer(plane->store, 0,
                              "SELECT count(*) FROM computes WHERE state = 'Running'", ""));
    cJSON_AddNumberToObject(body, "busy", (double)plane_busy(plane));
    if (plane->data_folder)
        cJSON_AddStringToObject(body, "dataFolder", plane->data_folder);
    else
        cJSON_AddNullToObject(body, "dataFolder");
    cJSON_AddStringToObject(body, "startTime", started);
    answer_json(call, 200, body);
}

#define STOP_DELAY_MS 20 /* for the answer to leave first */

static void stop(void *arg)
{
    struct plane *plane = arg;
    plane->stop(plane->stop_arg);
}

void plane_stop(struct call *call)
{
    struct plane *plane = call->plane;
    if (!plane->stop) {
        answer_error(call, 501, "NotImplemented", NULL,
                     "This plane lives in another program and ends with it.");
        return;
    }
    answer_empty(call, 202);
    if ((!plane->stopping && loop_timer_new(plane->loop, stop, plane, &plane->stopping) < 0) ||
        loop_timer_set(plane->stopping, STOP_DELAY_MS) < 0)
        call->response->body.failed = ERROR_NO_MEMORY;
}
