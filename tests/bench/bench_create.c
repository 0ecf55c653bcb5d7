/* bench_create.c - asks a plane for one instance and tells when the request was sent.
 *
 *   bench_create SOCKET NAME SCRIPT      prints Unix time in nanoseconds, then waits until it runs
 *
 * The connection is open before: what is measured is the plane's work, not a program's start. */
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/random.h"
#include "client/arm_client.h"

#define WORKSPACE                                                                                  \
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/moonfleet/providers/"      \
    "Microsoft.MachineLearningServices/workspaces/ds-workspace"

static cJSON *body_of(const char *script)
{
    struct buffer text = { 0 };
    struct buffer data = { 0 };
    cJSON *body = cJSON_CreateObject();
    if (file_read(script, 1 << 20, &text, NULL) < 0)
        exit(1);
    base64_encode(text.data, text.size, &data);
    (void)json_put_string(body, "location", "westeurope");
    (void)json_put_string(body, "properties.computeType", "ComputeInstance");
    (void)json_put_string(body, "properties.properties.vmSize", "Standard_DS3_v2");
    cJSON *creation = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(creation, "scriptSource", "inline");
    (void)cJSON_AddStringToObject(creation, "scriptData", data.data);
    (void)json_put(body, "properties.properties.setupScripts.scripts.creationScript", creation);
    buffer_clear(&text);
    buffer_clear(&data);
    return body;
}

static void ask(struct arm_client *client, const struct arm_request *request)
{
    struct error err = { 0 };
    if (arm_wait(client, request, NULL, &err) < 0) {
        (void)fprintf(stderr, "bench_create: %s\n", err.message);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct loop *loop = NULL;
    struct transport *transport = NULL;
    struct arm_client *client = NULL;
    struct timespec now;
    char path[512];

    if (argc != 4) {
        (void)fprintf(stderr, "usage: bench_create SOCKET NAME SCRIPT\n");
        return 64;
    }
    struct http_client_options http = { .base_url = "http://localhost", .unix_socket = argv[1] };
    if (loop_new(clock_real(), &loop, NULL) < 0 ||
        transport_http_new(loop, &http, &transport, NULL) < 0)
        return 1;
    struct arm_client_options options = { .transport = transport };
    if (arm_client_new(loop, &options, &client, NULL) < 0)
        return 1;
    ask(client, &(struct arm_request) { .path = WORKSPACE, .api_version = API_WORKSPACES });

    cJSON *body = body_of(argv[3]);
    (void)snprintf(path, sizeof path, WORKSPACE "/computes/%s", argv[2]);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)printf("%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    ask(client, &(struct arm_request) { .method = HTTP_PUT,
                                        .path = path,
                                        .api_version = API_COMPUTES,
                                        .body = body,
                                        .follow = ARM_OPERATION });
    cJSON_Delete(body);
    arm_client_free(client);
    transport_free(transport);
    loop_free(loop);
    return 0;
}
