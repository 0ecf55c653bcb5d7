/* house.h - a whole plane in this process, with simulated instances and a virtual clock, and a client
 * of it: for tests of what engine and plane do together. */
#ifndef TESTS_CLI_HOUSE_H
#define TESTS_CLI_HOUSE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "cli/embedded.h"
#include "engine/apply.h"
#include "engine/plan.h"
#include "plane/plane.h"

#define TENANT "00000000-0000-4000-8000-00000000000a"
#define SUBSCRIPTION "00000000-0000-4000-8000-000000000001"

struct house {
    struct clock clock;
    struct loop *loop;
    struct driver *driver;
    struct plane *plane;
    struct transport *transport;
    struct arm_client *client;
    struct plan *plan;
};

/* `seed`: JSON text of a seed; NULL: the one in the binary. */
static inline void house_open_seeded(struct house *house, const struct simulated_options *simulated,
                                     const char *seed)
{
    struct error err = { 0 };
    *house = (struct house) { 0 };
    clock_init_virtual(&house->clock, 1795255200000);
    assert_int_equal(loop_new(&house->clock, &house->loop, &err), 0);
    assert_int_equal(driver_simulated_new(house->loop, simulated, &house->driver, &err), 0);
    const struct plane_options options = { .loop = house->loop,
                                           .driver = house->driver,
                                           .seed = seed };
    if (plane_new(&options, &house->plane, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(embedded_transport_new(house->loop, house->plane, &house->transport, &err), 0);
    const struct arm_client_options client = { .transport = house->transport };
    assert_int_equal(arm_client_new(house->loop, &client, &house->client, &err), 0);
}

static inline void house_open(struct house *house, const struct simulated_options *simulated)
{
    house_open_seeded(house, simulated, NULL);
}

static inline void house_close(struct house *house)
{
    plan_free(house->plan);
    arm_client_free(house->client);
    transport_free(house->transport);
    plane_free(house->plane);
    driver_free(house->driver);
    loop_free(house->loop);
}

static inline cJSON *parse(const char *text)
{
    struct error err = { 0 };
    cJSON *tree = NULL;
    if (json_parse(text, strlen(text), "test", &tree, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return tree;
}

/* A recipe of these declarations. */
static inline cJSON *document_declaring(const char *declarations)
{
    char *text = text_format(
        "{\"recipe\":\"r.lua\",\"fleet\":{\"name\":\"ds\",\"fields\":{},\"at\":{\"file\":\"r.lua\","
        "\"line\":1}},\"declarations\":[%s],"
        "\"scripts\":[{\"path\":\"a.sh\",\"text\":\"#!/bin/sh\\ntrue\\n\",\"args\":[\"x y\"],"
        "\"timeout\":\"20m\"},{\"path\":null,\"text\":\"#!/bin/sh\\necho\\n\"}],\"problems\":[]}",
        declarations);
    cJSON *document = parse(text);
    free(text);
    return document;
}

/* One declaration with these fields (JSON members). */
static inline char *declaration(const char *type, const char *name, const char *fields)
{
    return text_format("{\"type\":\"%s\",\"name\":\"%s\",\"fields\":{%s},"
                       "\"at\":{\"file\":\"r.lua\",\"line\":2}}",
                       type, name, fields);
}

#endif
