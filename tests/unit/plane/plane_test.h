/* plane_test.h - a plane to talk to: in memory or in a folder of its own, on a virtual clock, with
 * the simulated driver.  Requests go through plane_handle(), as every transport's do. */
#ifndef TESTS_PLANE_TEST_H
#define TESTS_PLANE_TEST_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "plane/plane.h"

#define SUBSCRIPTION "/subscriptions/00000000-0000-4000-8000-000000000001"
#define GROUP SUBSCRIPTION "/resourceGroups/moonfleet"
#define LEARNING "/providers/Microsoft.MachineLearningServices"
#define WORKSPACE GROUP LEARNING "/workspaces/ds-workspace"
#define COMPUTES WORKSPACE "/computes"
#define LOCATION SUBSCRIPTION LEARNING "/locations/westeurope"
#define V "?api-version=2024-10-01"
#define R "?api-version=2022-12-01"
#define TENANT "00000000-0000-4000-8000-00000000000a"
#define OWNER "00000000-0000-4000-8000-000000000100"
#define ADA "00000000-0000-4000-8000-000000000101"
#define START_UNIX_MS INT64_C(1795248000000)

/* A PUT body with `inner` (members, with their comma) beside the size. */
#define BODY(inner)                                                                                \
    "{\"location\":\"westeurope\",\"properties\":{\"computeType\":\"ComputeInstance\","            \
    "\"properties\":{"                                                                             \
    "\"vmSize\":\"Standard_DS3_v2\"" inner "}}}"

struct rig {
    struct clock clock;
    struct loop *loop;
    struct driver *driver;
    struct plane *plane;
    char *folder; /* NULL: in memory; removed by rig_close() */
    int log_fd;   /* a file: what the plane logged */
    struct log log;
    struct simulated_options simulated;
    const char *caller; /* NULL: the owner */
    bool stopped;       /* the plane's stop callback was called */
};

struct reply {
    bool done;
    int status;
    struct http_response response;
    cJSON *body; /* NULL: none, or not JSON */
};

static inline void rig_stop(void *arg)
{
    ((struct rig *)arg)->stopped = true;
}

/* Opens a plane on the rig's folder; the caller looks at the outcome. */
static inline int rig_plane(struct rig *rig, const char *seed, struct error *err)
{
    struct plane_options options = { .loop = rig->loop,
                                     .data_folder = rig->folder,
                                     .driver = rig->driver,
                                     .seed = seed,
                                     .log = &rig->log,
                                     .driver_reason = "asked for",
                                     .stop = rig_stop,
                                     .stop_arg = rig };
    return plane_new(&options, &rig->plane, err);
}

static inline void rig_up(struct rig *rig)
{
    struct error err = { 0 };
    assert_int_equal(loop_new(&rig->clock, &rig->loop, &err), 0);
    assert_int_equal(driver_simulated_new(rig->loop, &rig->simulated, &rig->driver, &err), 0);
    if (rig_plane(rig, NULL, &err) < 0)
        fail_msg("plane_new: %s", err.message);
}

/* Drops everything without waiting for anything, as a crash would. */
static inline void rig_down(struct rig *rig)
{
    plane_free(rig->plane);
    driver_free(rig->driver);
    loop_free(rig->loop);
    rig->plane = NULL;
    rig->driver = NULL;
    rig->loop = NULL;
}

static inline struct rig *rig_new(bool on_disk, const struct simulated_options *simulated)
{
    struct rig *rig = calloc(1, sizeof *rig);
    char log_path[] = "/tmp/moonfleet-log-XXXXXX";
    assert_non_null(rig);
    clock_init_virtual(&rig->clock, START_UNIX_MS);
    rig->log_fd = mkstemp(log_path);
    assert_true(rig->log_fd >= 0);
    (void)unlink(log_path);
    rig->log = (struct log) { rig->log_fd, LOG_DEBUG, &rig->clock };
    if (simulated)
        rig->simulated = *simulated;
    if (on_disk) {
        char path[] = "/tmp/moonfleet-plane-XXXXXX";
        assert_non_null(mkdtemp(path));
        rig->folder = strdup(path);
    }
    rig_up(rig);
    return rig;
}

static inline struct rig *rig_memory(void)
{
    return rig_new(false, NULL);
}

static inline void rig_close(struct rig *rig)
{
    rig_down(rig);
    if (rig->folder)
        assert_int_equal(file_remove_tree(rig->folder, NULL), 0);
    (void)close(rig->log_fd);
    free(rig->folder);
    free(rig);
}

/* Has the plane logged a line with this text? */
static inline bool rig_logged(const struct rig *rig, const char *text)
{
    char lines[65536];
    ssize_t size = pread(rig->log_fd, lines, sizeof lines - 1, 0);
    lines[size > 0 ? size : 0] = '\0';
    return strstr(lines, text) != NULL;
}

static inline void reply_clear(struct reply *reply)
{
    http_response_clear(&reply->response);
    cJSON_Delete(reply->body);
    *reply = (struct reply) { 0 };
}

static inline void rig_respond(struct http_response *response, void *arg)
{
    struct reply *reply = arg;
    assert_false(reply->done); /* once */
    reply->done = true;
    reply->status = response->status;
    reply->response = *response; /* taken */
    *response = (struct http_response) { 0 };
    const char *type = http_header_get(&reply->response.headers, "Content-Type");
    if (reply->response.body.size > 0 && type && text_starts(type, "application/json")) {
        struct error err = { 0 };
        if (json_parse(reply->response.body.data, reply->response.body.size, "the reply",
                       &reply->body, &err) < 0)
            fail_msg("%s in %s", err.message, reply->response.body.data);
    }
}

/* Begins a request; `headers` are "Name: value" lines, NULL-terminated, or NULL. */
static inline uint64_t rig_begin(struct rig *rig, enum http_method method, const char *target,
                                 const char *body, const char *const *headers, struct reply *reply)
{
    struct http_request request = { .method = method, .target = strdup(target) };
    struct plane_caller caller = { rig->caller };
    uint64_t ticket = 0;
    *reply = (struct reply) { 0 };
    if (body)
        buffer_text(&request.body, body);
    for (size_t i = 0; headers && headers[i]; i++) {
        char name[128];
        const char *colon = strchr(headers[i], ':');
        assert_non_null(colon);
        snprintf(name, sizeof name, "%.*s", (int)(colon - headers[i]), headers[i]);
        assert_int_equal(http_header_add(&request.headers, name, colon + 2), 0);
    }
    plane_handle(rig->plane, &caller, &request, rig_respond, reply, &ticket);
    assert_false(reply->done); /* never from inside */
    http_request_clear(&request);
    return ticket;
}

static inline struct reply rig_send_with(struct rig *rig, enum http_method method,
                                         const char *target, const char *body,
                                         const char *const *headers)
{
    struct reply reply;
    rig_begin(rig, method, target, body, headers, &reply);
    assert_int_equal(loop_run_until(rig->loop, &reply.done), 0);
    return reply;
}

static inline struct reply rig_send(struct rig *rig, enum http_method method, const char *target,
                                    const char *body)
{
    return rig_send_with(rig, method, target, body, NULL);
}

/* Sends, checks the status, and drops the reply. */
static inline void rig_expect(struct rig *rig, enum http_method method, const char *target,
                              const char *body, int status)
{
    struct reply reply = rig_send(rig, method, target, body);
    if (reply.status != status)
        fail_msg("%s %s: %d instead of %d: %s", http_method_name(method), target, reply.status,
                 status, reply.response.body.data ? reply.response.body.data : "");
    reply_clear(&reply);
}

/* Likewise for a refusal: its status and its code; *message (size 512, may be NULL) gets its
 * message. */
static inline void rig_refused(struct rig *rig, enum http_method method, const char *target,
                               const char *body, int status, const char *code, char *message)
{
    struct reply reply = rig_send(rig, method, target, body);
    const char *got = json_string(reply.body, "error.code", "(none)");
    if (reply.status != status || !text_equal(got, code))
        fail_msg("%s %s: %d %s instead of %d %s: %s", http_method_name(method), target,
                 reply.status, got, status, code,
                 reply.response.body.data ? reply.response.body.data : "");
    assert_non_null(json_string(reply.body, "error.message", NULL));
    if (message)
        text_copy(message, 512, json_string(reply.body, "error.message", ""));
    reply_clear(&reply);
}

/* The path and query of an absolute URL. */
static inline const char *target_of(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;
    const char *path = host ? strchr(host + 3, '/') : NULL;
    if (!path)
        fail_msg("no absolute URL: %s", url ? url : "(none)");
    return path;
}

/* Waits for the operation of a reply, by long polling; its last status is in the answer. */
static inline struct reply rig_wait(struct rig *rig, const struct reply *begun)
{
    static const char *const prefer[] = { "Prefer: wait=20", NULL };
    const char *url = http_header_get(&begun->response.headers, "Azure-AsyncOperation");
    assert_non_null(url);
    for (;;) {
        struct reply reply = rig_send_with(rig, HTTP_GET, target_of(url), NULL, prefer);
        assert_int_equal(reply.status, 200);
        if (!text_equal(json_string(reply.body, "status", NULL), "InProgress"))
            return reply;
        reply_clear(&reply);
    }
}

/* Sends, expects `status`, waits, and expects the operation to end as `outcome`. */
static inline void rig_complete(struct rig *rig, enum http_method method, const char *target,
                                const char *body, int status, const char *outcome)
{
    struct reply begun = rig_send(rig, method, target, body);
    if (begun.status != status)
        fail_msg("%s %s: %d instead of %d: %s", http_method_name(method), target, begun.status,
                 status, begun.response.body.data ? begun.response.body.data : "");
    struct reply ended = rig_wait(rig, &begun);
    assert_string_equal(json_string(ended.body, "status", ""), outcome);
    reply_clear(&begun);
    reply_clear(&ended);
}

static inline void rig_create(struct rig *rig, const char *name, const char *body)
{
    char target[512];
    snprintf(target, sizeof target, COMPUTES "/%s" V, name);
    rig_complete(rig, HTTP_PUT, target, body ? body : BODY(""), 201, "Succeeded");
}

static inline struct reply rig_get(struct rig *rig, const char *name)
{
    char target[512];
    snprintf(target, sizeof target, COMPUTES "/%s" V, name);
    return rig_send(rig, HTTP_GET, target, NULL);
}

/* What a GET of the compute says at `path`. */
static inline void rig_compute_says(struct rig *rig, const char *name, const char *path,
                                    const char *value)
{
    struct reply reply = rig_get(rig, name);
    assert_int_equal(reply.status, 200);
    assert_string_equal(json_string(reply.body, path, "(nothing)"), value);
    reply_clear(&reply);
}

#define STATE "properties.properties.state"
#define PROVISIONING "properties.provisioningState"

#endif
