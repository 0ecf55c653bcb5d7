/* fuzz_arm_body.c - bodies as an ARM plane (or whoever answers in its place) might send them. */
#include <stdint.h>

#include "arm/arm_error.h"
#include "arm/operation.h"
#include "arm/resource_id.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_operation(const cJSON *body, int status)
{
    struct http_response reply = { .status = status };
    enum operation_way way;
    enum operation_state state;
    struct error err = { 0 };
    char *url = NULL;

    const char *location = json_string(body, "location", NULL);
    if (location)
        (void)http_header_add(&reply.headers, "Location", location);
    for (int method = 0; method < HTTP_METHODS; method++) {
        if (operation_begin((enum http_method)method, &reply, body, &way, &url, &err) == 0) {
            (void)operation_read(way, &reply, body, &state, &err);
            free(url);
            url = NULL;
        }
    }
    (void)operation_read(OPERATION_STATUS, &reply, body, &state, &err);
    (void)operation_read(OPERATION_RESOURCE, &reply, body, &state, &err);
    http_response_clear(&reply);
}

static void round_trip(const cJSON *body)
{
    struct buffer first = { 0 };
    struct buffer second = { 0 };
    cJSON *again = NULL;
    json_print(body, true, &first);
    if (json_parse(first.data, first.size, "printed", &again, NULL) == 0) {
        json_print(again, true, &second);
        if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0)
            abort(); /* canonical text must be a fixed point */
    }
    cJSON_Delete(again);
    buffer_clear(&first);
    buffer_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    cJSON *body = NULL;
    (void)arm_error_read(size > 0 ? 400 + data[0] : 400, (const char *)data, size, &err);
    if (json_parse((const char *)data, size, "body", &body, &err) == 0) {
        read_operation(body, 200);
        read_operation(body, 202);
        round_trip(body);
    }
    cJSON_Delete(body);

    char *text = text_dup_size((const char *)data, size);
    struct resource_id id = { 0 };
    if (text && resource_id_parse(text, &id, &err) == 0)
        resource_id_clear(&id);
    free(text);
    return 0;
}
