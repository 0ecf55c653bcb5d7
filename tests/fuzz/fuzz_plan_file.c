/* fuzz_plan_file.c - saved plans, which come from a disk: their text as it is, and, for what does not
 * begin as one, a plan around it with a digest that is right.  Behind it stands a whole plane. */
#include <stdint.h>

#include "base/random.h"
#include "base/text.h"
#include "cli/embedded.h"
#include "client/arm_client.h"
#include "engine/plan.h"
#include "engine/plan_private.h"

#define TEXT_MAX 65536
#define SUBSCRIPTION "00000000-0000-4000-8000-000000000001"
#define GROUP "moonfleet"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct clock fuzz_clock;
static struct arm_client *client;

static void start(void)
{
    static const struct simulated_options simulated = { 0 };
    struct error err = { 0 };
    struct loop *loop = NULL;
    struct driver *driver = NULL;
    struct plane *plane = NULL;
    struct transport *transport = NULL;
    clock_init_virtual(&fuzz_clock, 1700000000000);
    if (loop_new(&fuzz_clock, &loop, &err) < 0 ||
        driver_simulated_new(loop, &simulated, &driver, &err) < 0)
        abort();
    const struct plane_options options = { .loop = loop, .driver = driver };
    if (plane_new(&options, &plane, &err) < 0 ||
        embedded_transport_new(loop, plane, &transport, &err) < 0)
        abort();
    const struct arm_client_options wanted = { .transport = transport };
    if (arm_client_new(loop, &wanted, &client, &err) < 0)
        abort();
}

/* A saved plan around a recipe's document. */
static void wrap(const uint8_t *data, size_t size, struct buffer *out)
{
    char hex[DIGEST_TEXT_SIZE];
    buffer_text(out, "{\"format\":\"moonfleet-plan/1\",\"request\":{\"target\":{\"subscription\":"
                     "\"" SUBSCRIPTION "\",\"resourceGroup\":\"" GROUP
                     "\",\"workspace\":\"ds-workspace\"},\"document\":");
    buffer_append(out, data, size);
    buffer_char(out, '}');
    digest_hex(out->data, out->size, hex);
    buffer_format(out, PLAN_DIGEST_BEGINS "%s\"}", hex);
}

static void show(const struct plan *plan)
{
    struct buffer out = { 0 };
    for (size_t i = 0; i < plan_step_count(plan); i++)
        plan_step_describe(plan, i, &out);
    plan_write_json(plan, true, &out);
    buffer_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct plan_target target = { .subscription = SUBSCRIPTION,
                                               .group = GROUP,
                                               .workspace = "ds-workspace" };
    struct buffer text = { 0 };
    struct error err = { 0 };
    struct plan *plan = NULL;
    if (size > TEXT_MAX)
        return 0;
    if (!client)
        start();
    if (plan_is_saved((const char *)data, size))
        buffer_append(&text, data, size);
    else
        wrap(data, size, &text);
    if (plan_load_wait(client, &target, text.data, text.size, &plan, &err) == 0)
        show(plan);
    plan_free(plan);
    buffer_clear(&text);
    return 0;
}
