/* operation.c - see operation.h. */
#include "arm/operation.h"

#include <string.h>
#include <time.h>

#include "arm/arm_error.h"
#include "base/text.h"

enum operation_state operation_state_of(const char *text)
{
    if (!text || text_equal_nocase(text, "Succeeded"))
        return OPERATION_SUCCEEDED;
    if (text_equal_nocase(text, "Failed"))
        return OPERATION_FAILED;
    if (text_equal_nocase(text, "Canceled") || text_equal_nocase(text, "Cancelled"))
        return OPERATION_CANCELED;
    return OPERATION_RUNNING;
}

/* A header's value; NULL when it is missing or empty. */
static const char *header(const struct http_response *reply, const char *name)
{
    const char *value = http_header_get(&reply->headers, name);
    return value && *value ? value : NULL;
}

static const char *provisioning_state(const cJSON *body)
{
    return json_string(body, "properties.provisioningState", NULL);
}

static enum operation_state first_state(const struct http_response *reply, const cJSON *body)
{
    const char *text = provisioning_state(body);
    if (!text && (reply->status == 201 || reply->status == 202))
        return OPERATION_RUNNING; /* as azcore has it */
    return operation_state_of(text);
}

/* The error of a failed resource: a compute keeps its own in lists, with or without a wrapper. */
static const cJSON *resource_error(const cJSON *body)
{
    static const char *const lists[] = { "properties.provisioningErrors",
                                         "properties.properties.errors", "properties.errors" };
    for (size_t i = 0; i < COUNT(lists); i++) {
        const cJSON *list = json_at(body, lists[i]);
        const cJSON *first = cJSON_IsArray(list) ? list->child : NULL;
        const cJSON *error = json_at(first, "error");
        if (!error)
            error = first;
        if (json_string(error, "code", NULL) || json_string(error, "message", NULL))
            return error;
    }
    return json_at(body, "properties.error");
}

/* Fills `err` for an operation that ended badly; `error` may be NULL.  Returns its code. */
static int read_failure(enum operation_state state, const cJSON *error, struct error *err)
{
    struct buffer body = { 0 };
    int rc;
    if (cJSON_IsObject(error)) {
        buffer_text(&body, "{\"error\":");
        json_print(error, false, &body);
        buffer_char(&body, '}');
        rc = body.failed
                 ? error_set(err, body.failed, "an operation's error does not fit into memory")
                 : arm_error_read(0, body.data, body.size, err);
    } else {
        rc = error_set(err, ERROR_REMOTE, "the operation %s and the plane did not say why",
                       state == OPERATION_CANCELED ? "was canceled" : "failed");
        if (err)
            (void)text_copy(err->name, sizeof err->name,
                            state == OPERATION_CANCELED ? "Canceled" : "Failed");
    }
    buffer_clear(&body);
    return rc;
}

static int keep_url(const char *url, char **out_url, struct error *err)
{
    *out_url = text_dup_size(url, strlen(url));
    return *out_url ? 0 : error_set(err, ERROR_NO_MEMORY, "an operation's URL: out of memory");
}

/* No header says where to ask: then the body of a PUT or PATCH tells the resource's state. */
static int begin_without_header(enum http_method method, const struct http_response *reply,
                                const cJSON *body, enum operation_way *out_way, struct error *err)
{
    if (method != HTTP_PUT && method != HTTP_PATCH) {
        if (reply->status == 202 && method != HTTP_GET && method != HTTP_HEAD)
            return error_set(err, ERROR_REMOTE,
                             "the plane accepted the %s but did not say where to ask about it",
                             http_method_name(method));
        *out_way = OPERATION_DONE;
        return 0;
    }
    enum operation_state state = first_state(reply, body);
    if (state == OPERATION_FAILED || state == OPERATION_CANCELED)
        return read_failure(state, resource_error(body), err);
    *out_way = state == OPERATION_RUNNING ? OPERATION_RESOURCE : OPERATION_DONE;
    return 0;
}

int operation_begin(enum http_method method, const struct http_response *reply, const cJSON *body,
                    enum operation_way *out_way, char **out_url, struct error *err)
{
    if (reply->status >= 400)
        return arm_error_read(reply->status, reply->body.data, reply->body.size, err);
    if (reply->status < 200 || reply->status >= 300)
        return error_set(err, ERROR_REMOTE, "the plane answered %d, which means nothing here",
                         reply->status);
    const char *status_url = header(reply, "Azure-AsyncOperation");
    const char *location = header(reply, "Location");
    enum operation_way way = OPERATION_DONE;
    char *url = NULL;
    int rc;
    if (status_url) {
        way = OPERATION_STATUS;
        rc = keep_url(status_url, &url, err);
    } else if (location && reply->status == 202) {
        way = OPERATION_LOCATION;
        rc = keep_url(location, &url, err);
    } else {
        rc = begin_without_header(method, reply, body, &way, err);
    }
    if (rc < 0)
        return rc;
    *out_way = way;
    *out_url = url;
    return 0;
}

int operation_read(enum operation_way way, const struct http_response *reply, const cJSON *body,
                   enum operation_state *out_state, struct error *err)
{
    const char *text =
        way == OPERATION_STATUS ? json_string(body, "status", NULL) : provisioning_state(body);
    enum operation_state state = operation_state_of(text);
    if (reply->status == 202 && (way == OPERATION_LOCATION || !text)) {
        state = OPERATION_RUNNING;
    } else if (way == OPERATION_STATUS && !text) {
        return error_set(err, ERROR_REMOTE, "the plane's reply about an operation has no status");
    }
    if (state == OPERATION_FAILED || state == OPERATION_CANCELED)
        (void)read_failure(
            state, way == OPERATION_STATUS ? json_at(body, "error") : resource_error(body), err);
    *out_state = state;
    return 0;
}

int64_t operation_retry_after_ms(const struct http_headers *headers, int64_t now_unix_ms)
{
    const char *value = http_header_get(headers, "Retry-After");
    int64_t wait_ms;
    if (!value)
        return -1;
    int rc = text_to_int64(value, 0, OPERATION_WAIT_MAX_MS / 1000, &wait_ms);
    if (rc == ERROR_RANGE)
        return *value == '-' ? 0 : OPERATION_WAIT_MAX_MS;
    if (rc == 0)
        return wait_ms * 1000;
    struct tm tm = { 0 };
    const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end != '\0')
        return -1;
    wait_ms = (int64_t)timegm(&tm) * 1000 - now_unix_ms;
    if (wait_ms < 0)
        return 0;
    return wait_ms > OPERATION_WAIT_MAX_MS ? OPERATION_WAIT_MAX_MS : wait_ms;
}
