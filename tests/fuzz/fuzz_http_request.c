/* fuzz_http_request.c - request lines and bodies against a whole plane in memory.
 *
 * The first byte chooses the method, the first line is the target, the rest the body.  The plane
 * lives through all inputs, so that states which one request leaves are met by the next. */
#include <stdint.h>

#include "base/text.h"
#include "plane/plane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct clock fuzz_clock;
static struct loop *loop;
static struct plane *plane;
static struct driver *driver;

static void start(void)
{
    static const struct simulated_options simulated = { 0 };
    struct error err = { 0 };
    clock_init_virtual(&fuzz_clock, 1700000000000);
    if (loop_new(&fuzz_clock, &loop, &err) < 0 ||
        driver_simulated_new(loop, &simulated, &driver, &err) < 0)
        abort();
    struct plane_options options = { .loop = loop, .driver = driver };
    if (plane_new(&options, &plane, &err) < 0)
        abort();
}

static void answered(struct http_response *response, void *arg)
{
    if (response->status < 200 || response->status > 599)
        abort();
    *(bool *)arg = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plane_caller owner = { 0 };
    struct http_request request = { 0 };
    bool done = false;

    if (size < 2)
        return 0;
    if (!loop)
        start();
    const uint8_t *newline = memchr(data + 1, '\n', size - 1);
    size_t target_size = newline ? (size_t)(newline - data - 1) : size - 1;
    request.method = (enum http_method)(data[0] % HTTP_METHODS);
    request.target = text_dup_size((const char *)data + 1, target_size);
    if (newline)
        buffer_append(&request.body, newline + 1, size - target_size - 2);
    plane_handle(plane, &owner, &request, answered, &done, NULL);
    if (loop_run_until(loop, &done) < 0)
        abort(); /* every request is answered */
    http_request_clear(&request);
    return 0;
}
