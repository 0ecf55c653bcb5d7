/* answer.c - how handlers fill their response. */
#include <stdarg.h>

#include "arm/api.h"
#include "arm/arm_error.h"
#include "base/text.h"
#include "plane/plane_private.h"

#define JSON_TYPE "application/json; charset=utf-8"

static void json_type(struct call *call)
{
    answer_header(call, "Content-Type", "%s", JSON_TYPE);
}

void answer_text(struct call *call, int status, const char *text, size_t size)
{
    call->response->status = status;
    json_type(call);
    buffer_append(&call->response->body, text, size);
}

void answer_json(struct call *call, int status, cJSON *tree)
{
    call->response->status = status;
    json_type(call);
    if (tree)
        json_print(tree, false, &call->response->body);
    else
        call->response->body.failed = ERROR_NO_MEMORY; /* plane_handle() turns that into a 500 */
    cJSON_Delete(tree);
}

void answer_empty(struct call *call, int status)
{
    call->response->status = status;
}

void answer_error(struct call *call, int status, const char *code, const char *target,
                  const char *format, ...)
{
    struct error text = { 0 }; /* cuts a long message at a whole character */
    va_list args;
    va_start(args, format);
    error_vset(&text, ERROR_REMOTE, format, args);
    va_end(args);
    /* A precision in the format may have cut a foreign text inside a character. */
    text_mend(text.message, strlen(text.message));
    text_copy(call->code, sizeof call->code, code);
    arm_error_write(call->response, status, code, target, "%s", text.message);
}

void answer_failure(struct call *call, const struct error *err)
{
    if (err->status == STORE_FULL_STATUS)
        plane_trouble(call->plane, err);
    else
        log_line(call->plane->log, LOG_ERROR, "%s %s: %s", http_method_name(call->request->method),
                 call->request->target, err->message);
    answer_error(call, err->status ? err->status : 500,
                 err->name[0] ? err->name : "InternalServerError", NULL,
                 "The plane could not do that: %s", err->message);
}

void answer_header(struct call *call, const char *name, const char *format, ...)
{
    char value[2048];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof value ||
        http_header_add(&call->response->headers, name, value) < 0)
        call->response->body.failed = ERROR_NO_MEMORY;
}

/* A body without a type is taken for JSON, as ARM takes it. */
static bool says_json(const struct call *call)
{
    static const char json[] = "application/json";
    const char *type = http_header_get(&call->request->headers, "Content-Type");
    if (!type)
        return true;
    const char *after = text_starts_nocase(type, json) ? type + strlen(json) : "x";
    return *after == '\0' || strchr("; \t", *after);
}

const cJSON *call_body(struct call *call)
{
    struct error err = { 0 };
    const struct buffer *body = &call->request->body;
    if (body->size == 0) {
        answer_error(call, 400, "MissingRequestBody", NULL, "The request has no body.");
        return NULL;
    }
    if (!says_json(call)) {
        answer_error(call, 415, "UnsupportedMediaType", NULL,
                     "The content media type '%.128s' is not supported. Only 'application/json' is "
                     "supported.",
                     http_header_get(&call->request->headers, "Content-Type"));
        return NULL;
    }
    if (body->size > PLANE_BODY_MAX) {
        answer_error(call, 413, "RequestEntityTooLarge", NULL,
                     "The request's body is larger than %zu bytes.", PLANE_BODY_MAX);
        return NULL;
    }
    int rc = json_parse(body->data, body->size, "the request's body", &call->body, &err);
    if (rc == ERROR_NO_MEMORY) {
        answer_failure(call, &err);
        return NULL;
    }
    if (rc < 0 || !cJSON_IsObject(call->body)) {
        answer_error(call, 400, "InvalidRequestContent", NULL,
                     "The request content was invalid and could not be deserialized: '%s'.",
                     rc < 0 ? err.message : "it is not a JSON object");
        return NULL;
    }
    return call->body;
}

/* ---- what is missing ---- */

void answer_missing(struct call *call)
{
    const struct route_params *params = &call->params;
    struct store *store = call->plane->store;
    int64_t subscriptions = store_integer(
        store, -1, "SELECT count(*) FROM subscriptions WHERE id = ?", "s", params->subscription);
    if (subscriptions < 0) /* what cannot be read is not known to be missing */
        answer_failure(call, &(struct error) { .message = "the store cannot be read" });
    else if (subscriptions == 0)
        answer_error(call, 404, "SubscriptionNotFound", NULL,
                     "The subscription '%s' could not be found.", params->subscription);
    else if (params->group && !group_exists(call->plane, params->subscription, params->group))
        answer_error(call, 404, "ResourceGroupNotFound", NULL,
                     "Resource group '%s' could not be found.", params->group);
    else {
        bool workspace =
            store_integer(
                store, 0,
                "SELECT count(*) FROM workspaces WHERE subscription = ? AND resource_group = ?"
                " AND name = ?",
                "sss", params->subscription, params->group, params->workspace) > 0;
        answer_error(
            call, 404, "ResourceNotFound", NULL,
            "The Resource '%s/%s%s%s' under resource group '%s' was not found. For more details "
            "please go to https://aka.ms/ARMResourceNotFoundFix",
            workspace ? PLANE_TYPE_COMPUTE : PLANE_TYPE_WORKSPACE, params->workspace,
            workspace ? "/" : "", workspace && params->compute ? params->compute : "",
            params->group);
    }
}

/* ---- lists ---- */

void answer_list_begin(struct call *call)
{
    call->response->status = 200;
    json_type(call);
    buffer_text(&call->response->body, "{\"value\":[");
}

void answer_list_item(struct call *call, const char *text, size_t size)
{
    struct buffer *body = &call->response->body;
    if (body->size > 0 && body->data[body->size - 1] != '[')
        buffer_char(body, ',');
    buffer_append(body, text, size);
}

void answer_list_end(struct call *call, const char *next_link)
{
    struct buffer *body = &call->response->body;
    buffer_char(body, ']');
    if (next_link) {
        buffer_text(body, ",\"nextLink\":");
        json_quote(body, next_link);
    }
    buffer_char(body, '}');
}
