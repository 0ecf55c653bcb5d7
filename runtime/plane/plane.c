/* plane.c - the plane itself: a request comes in, is routed, authorized and handled; its answer
 * goes out when what the turn of the loop wrote is durable.
 *
 * All requests of a turn share one transaction: the first write opens it, the end of the turn
 * commits it, and only then are the answers of that turn sent and the driver called.  When the
 * commit fails, every answer becomes a 500 and nothing of the turn has happened. */
#include "plane/plane.h"

#include <assert.h>
#include <ctype.h>
#include <unistd.h>
#include <utlist.h>

#include "arm/api.h"
#include "arm/arm_error.h"
#include "base/embedded.h"
#include "base/text.h"
#include "plane/audit.h"
#include "plane/operations.h"
#include "plane/plane_private.h"

#define HOST_MAX 255
#define ALLOW_MAX 128
#define API_AUTHORIZATION_KNOWN                                                                    \
    "2015-07-01,2018-01-01-preview,2018-07-01,2020-04-01-preview,2020-08-01-preview,"              \
    "2020-10-01-preview,2022-04-01,2022-05-01-preview"
#define API_RESOURCES_KNOWN                                                                        \
    "2014-04-01,2015-11-01,2016-06-01,2018-05-01,2019-03-01,2019-05-01,2019-11-01,2020-01-01,"     \
    "2020-06-01,"                                                                                  \
    "2021-01-01,2021-04-01,2022-09-01,2022-12-01,2023-07-01,2024-03-01,2024-07-01"

extern const struct embedded_file embedded_seed[];

/* ---- making one ---- */

static char *dup_or(const char *text, const char *fallback)
{
    return strdup(text ? text : fallback);
}

static int take_options(struct plane *plane, const struct plane_options *options, struct error *err)
{
    plane->loop = options->loop;
    plane->driver = options->driver;
    plane->log = options->log;
    plane->stop = options->stop;
    plane->stop_arg = options->stop_arg;
    plane->data_folder = options->data_folder ? strdup(options->data_folder) : NULL;
    plane->base_url = dup_or(options->base_url, "http://localhost");
    plane->driver_reason = dup_or(options->driver_reason, "");
    plane->started_unix_ms = plane_unix_ms(plane);
    if ((options->data_folder && !plane->data_folder) || !plane->base_url ||
        !plane->driver_reason || router_new(&plane->router) < 0)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a plane");
    return 0;
}

static int open_store(struct plane *plane, const char *seed, struct error *err)
{
    int rc = store_open(plane->data_folder, &plane->store, err);
    if (rc == 0 && store_is_new(plane->store)) {
        const struct embedded_file *file =
            seed ? NULL : embedded_find(embedded_seed, "runtime/plane/seed.json");
        rc = seed || file ? seed_load(plane, seed ? seed : file->data, err)
                          : error_set(err, ERROR_INTERNAL, "this program carries no seed");
        if (rc == 0)
            rc = store_commit(plane->store, err);
    }
    if (rc == 0)
        rc = seed_settings(plane, err);
    return rc == 0 ? authorization_open(plane, err) : rc;
}

int plane_new(const struct plane_options *options, struct plane **out, struct error *err)
{
    struct plane *plane = calloc(1, sizeof *plane);
    if (!plane)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a plane");
    int rc = take_options(plane, options, err);
    if (rc == 0)
        rc = open_store(plane, options->seed, err);
    if (rc == 0)
        rc = operations_resume(plane, err);
    if (rc < 0) {
        plane_free(plane);
        return rc;
    }
    plane->driver->ended = machine_ended;
    plane->driver->ended_arg = plane;
    log_line(plane->log, LOG_INFO,
             "plane opened on %s with the %s driver, %zu instances or operations busy",
             plane->data_folder ? plane->data_folder : "memory", plane->driver->ops->name,
             plane_busy(plane));
    *out = plane;
    return 0;
}

static void exchange_free(struct exchange *exchange)
{
    HASH_DEL(exchange->plane->exchanges, exchange);
    loop_timer_free(exchange->timer);
    http_response_clear(&exchange->response);
    free(exchange->base_url);
    free(exchange);
}

void plane_free(struct plane *plane)
{
    if (!plane)
        return;
    if (plane->driver && plane->driver->ended_arg == plane)
        plane->driver->ended = NULL;
    loop_unpost(plane->loop, plane);
    struct exchange *exchange, *next;
    HASH_ITER(hh, plane->exchanges, exchange, next)
    {
        exchange_free(exchange);
    }
    operations_free(plane);
    loop_timer_free(plane->retry);
    loop_timer_free(plane->stopping);
    if (plane->store && plane->denials_repeated > 0) {
        store_rollback(plane->store); /* a turn that was not finished */
        audit_flush(plane);
        (void)store_commit(plane->store, NULL);
    }
    audit_forget(plane);
    rbac_policy_free(plane->policy);
    store_free(plane->store);
    router_free(plane->router);
    free(plane->data_folder);
    free(plane->base_url);
    free(plane->driver_reason);
    free(plane->owner_id);
    free(plane->owner_name);
    free(plane->tenant_id);
    free(plane->location);
    free(plane->locations_text);
    free(plane);
}

int64_t plane_unix_ms(const struct plane *plane)
{
    return clock_unix_ms(loop_clock(plane->loop));
}

void plane_time(const struct plane *plane, char out[TIME_TEXT_SIZE])
{
    time_format(plane_unix_ms(plane), out);
}

size_t plane_busy(struct plane *plane)
{
    int64_t running = store_integer(plane->store, 0,
                                    "SELECT count(*) FROM computes WHERE operation IS NULL AND "
                                    "state IN ('Running', 'JobRunning', 'UserSetupFailed')",
                                    "");
    return (size_t)running + HASH_COUNT(plane->operations);
}

/* ---- the end of a turn ---- */

/* "WESTEUROPE:20240131T120000Z:" and room for an id; made anew each second only. */
static void routing_begin(struct plane *plane)
{
    int64_t now_s = plane_unix_ms(plane) / 1000;
    char now[TIME_TEXT_SIZE]; /* "2024-01-31T12:00:00.0000000Z" */
    if (now_s == plane->routing_s)
        return;
    plane_time(plane, now);
    plane->routing_s = now_s;
    plane->routing_size = (size_t)snprintf(plane->routing, sizeof plane->routing,
                                           "%s:%.4s%.2s%.2sT%.2s%.2s%.2sZ:", plane->region, now,
                                           now + 5, now + 8, now + 11, now + 14, now + 17);
}

static void request_ids(struct plane *plane, struct http_headers *headers)
{
    char id[UUID_TEXT_SIZE];
    uuid_pool_make(&plane->request_ids, id);
    routing_begin(plane);
    memcpy(plane->routing + plane->routing_size, id, sizeof id);
    (void)http_header_add(headers, "x-ms-request-id", id);
    (void)http_header_add(headers, "x-ms-correlation-request-id", id);
    (void)http_header_add(headers, "x-ms-routing-request-id", plane->routing);
}

/* Replaces whatever was going to be said. */
static void fail_exchange(struct exchange *exchange, const struct error *why)
{
    http_response_clear(&exchange->response);
    exchange->response = (struct http_response) { 0 };
    request_ids(exchange->plane, &exchange->response.headers);
    arm_error_write(
        &exchange->response, why->status ? why->status : 500,
        why->name[0] ? why->name : "InternalServerError", NULL,
        "The plane could not make the change durable, so nothing of it has happened: %s",
        why->message);
}

/* Answers that a response adds while this runs belong to the next turn. */
static void send_ready(struct plane *plane, const struct error *failure)
{
    struct exchange *sending = plane->ready;
    plane->ready = NULL;
    while (sending) {
        struct exchange *exchange = sending;
        DL_DELETE(sending, exchange);
        if (failure)
            fail_exchange(exchange, failure);
        if (exchange->respond)
            exchange->respond(&exchange->response, exchange->arg);
        exchange_free(exchange);
    }
}

void plane_trouble(struct plane *plane, const struct error *why)
{
    const char *text = why ? why->message : "";
    if (text_equal(plane->trouble, text))
        return;
    if (why)
        log_line(plane->log, LOG_ERROR, "changes cannot be kept: %s", text);
    else
        log_line(plane->log, LOG_INFO, "changes can be kept again");
    text_copy(plane->trouble, sizeof plane->trouble, text);
}

static void flush(void *arg)
{
    struct plane *plane = arg;
    struct error err = { 0 };
    plane->flush_posted = false;
    operations_before_commit(plane);
    bool wrote = store_in_transaction(plane->store);
    if (wrote)
        audit_flush(plane);
    int rc = store_commit(plane->store, &err);
    if (rc < 0) {
        plane_trouble(plane, &err);
        authorization_changed(plane); /* what it knows may not have happened */
        audit_forget(plane);
    } else if (wrote)
        plane_trouble(plane, NULL);
    operations_after_commit(plane, rc == 0);
    send_ready(plane, rc < 0 ? &err : NULL);
}

void plane_flush_later(struct plane *plane)
{
    if (!plane->flush_posted && loop_post_turn_end(plane->loop, flush, plane) == 0)
        plane->flush_posted = true;
}

void exchange_ready(struct exchange *exchange)
{
    if (exchange->response.body.failed || exchange->response.status == 0) {
        http_response_clear(&exchange->response);
        exchange->response = (struct http_response) { 0 };
        arm_error_write(&exchange->response, 500, "InternalServerError", NULL,
                        "The reply is too large, or there is no memory for it.");
    }
    exchange->queued = true;
    exchange->operation = NULL;
    DL_APPEND(exchange->plane->ready, exchange);
    plane_flush_later(exchange->plane);
}

void plane_forget(struct plane *plane, uint64_t ticket)
{
    struct exchange *exchange = NULL;
    HASH_FIND(hh, plane->exchanges, &ticket, sizeof ticket, exchange);
    if (!exchange)
        return;
    if (exchange->queued) { /* it may be in the row that is being sent: it stays there and says
                               nothing */
        exchange->respond = NULL;
        return;
    }
    operation_forget_waiter(exchange);
    exchange_free(exchange);
}

/* ---- one request ---- */

/* "http://" and the Host header, when that is a plausible one. */
static char *base_url_of(const struct plane *plane, const struct http_request *request)
{
    const char *host = http_header_get(&request->headers, "Host");
    size_t length = host ? strlen(host) : 0;
    bool plausible = length > 0 && length <= HOST_MAX;
    for (size_t i = 0; plausible && i < length; i++)
        plausible = isalnum((unsigned char)host[i]) || strchr(".:-_[]", host[i]);
    return plausible ? text_format("http://%s", host) : strdup(plane->base_url);
}

/* The caller's own ids come back as ARM has it: the client's id only when asked for. */
static void common_headers(struct call *call)
{
    const struct http_headers *in = &call->request->headers;
    struct http_headers *out = &call->response->headers;
    request_ids(call->plane, out);
    const char *client_id = http_header_get(in, "x-ms-client-request-id");
    const char *wanted = http_header_get(in, "x-ms-return-client-request-id");
    if (client_id && text_equal_nocase(wanted, "true"))
        (void)http_header_add(out, "x-ms-client-request-id", client_id);
}

static bool version_in(const char *list, const char *version)
{
    size_t length = strlen(version);
    for (const char *at = list; length > 0 && (at = strstr(at, version)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static void answer_no_version(struct call *call)
{
    answer_error(call, 400, "MissingApiVersionParameter", NULL,
                 "The api-version query parameter (?api-version=) is required for all requests.");
}

/* api-version as ARM asks for it: before anything else. */
static bool version_acceptable(struct call *call)
{
    const char *version = call->api_version;
    if (call->route->api == ROUTE_API_NONE)
        return true;
    if (!version || !*version) {
        answer_no_version(call);
        return false;
    }
    if (call->route->api != ROUTE_API_LEARNING) { /* ARM's own types */
        const char *known = call->route->api == ROUTE_API_AUTHORIZATION ? API_AUTHORIZATION_KNOWN
                                                                        : API_RESOURCES_KNOWN;
        if (version_in(known, version))
            return true;
        answer_error(call, 400, "InvalidApiVersionParameter", NULL,
                     "The api-version '%.64s' is invalid. The supported versions are '%s'.",
                     version, known);
        return false;
    }
    if (api_version_known(version))
        return true;
    answer_error(call, 400, "NoRegisteredProviderFound", NULL,
                 "No registered resource provider found for location '%.64s' and API version "
                 "'%.64s' for type "
                 "'%s'. The supported api-versions are '%s'. The supported locations are '%s'.",
                 call->params.location ? call->params.location : call->plane->location, version,
                 call->route->type, api_versions_text(), call->plane->locations_text);
    return false;
}

/* An owner may try what somebody else could do: `x-moonfleet-as`.  False with the error answered.
 */
static bool take_disguise(struct call *call, char **out_principal)
{
    const char *as = http_header_get(&call->request->headers, "x-moonfleet-as");
    if (!as)
        return true;
    if (!text_equal_nocase(call->caller, call->plane->owner_id)) {
        answer_error(call, 403, "AuthorizationFailed", NULL,
                     "Only the owner of a plane may act as somebody else (x-moonfleet-as).");
        return false;
    }
    *out_principal = directory_id(call->plane, as);
    if (*out_principal)
        call->caller = *out_principal;
    else
        answer_error(call, 400, "PrincipalNotFound", NULL,
                     "The principal '%.256s' does not exist in the directory.", as);
    return *out_principal;
}

/* ARM names the provider's namespace, and wants an api-version even for what it does not have. */
static void answer_no_route(struct call *call)
{
    static const char word[] = "/providers/";
    const char *target = call->request->target;
    const char *provider = strcasestr(target, word);
    if (!provider || provider > target + strcspn(target, "?"))
        answer_error(
            call, 404, "InvalidResourceType", NULL,
            "The resource type could not be found: this plane has nothing at the requested path.");
    else if (!call->api_version || !*call->api_version)
        answer_no_version(call);
    else
        answer_error(call, 404, "InvalidResourceType", NULL,
                     "The resource type could not be found in the namespace '%.*s' for api version "
                     "'%.64s'.",
                     (int)strcspn(provider + strlen(word), "/?"), provider + strlen(word),
                     call->api_version);
}

static void route_call(struct call *call, char *path)
{
    char allow[ALLOW_MAX] = "";
    switch (router_find(call->plane->router, call->request->method, path, &call->route,
                        &call->params, allow, sizeof allow)) {
    case ROUTE_FOUND:
        if (version_acceptable(call) && authorization_admit(call))
            call->route->handler(call);
        break;
    case ROUTE_WRONG_METHOD:
        answer_header(call, "Allow", "%s", allow);
        answer_error(call, 405, "MethodNotAllowed", NULL,
                     "The requested resource does not support http method '%s'.",
                     http_method_name(call->request->method));
        break;
    case ROUTE_NOT_FOUND:
        answer_no_route(call);
        break;
    }
}

/* A parameter that cannot be decoded must not be taken for one that is not there. */
static bool query_well_formed(const char *query)
{
    for (const char *at = query; *at; at++) {
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return false;
        if (*at == '%' && (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2])))
            return false;
    }
    return true;
}

static void dispatch(struct call *call)
{
    struct error err = { 0 };
    char *path = NULL;
    const char *target = call->request->target;
    common_headers(call);
    while (target[0] == '/' && target[1] == '/') /* "/" + "/subscriptions/…": SDKs put a scope so */
        target++;
    if (http_target_split(target, &path, &call->query, &err) < 0) {
        answer_error(call, 400, "InvalidRequestUri", NULL, "The request's URI is not valid: %s",
                     err.message);
        return;
    }
    if (!query_well_formed(call->query)) {
        answer_error(call, 400, "InvalidRequestUri", NULL,
                     "The request's query string is malformed.");
        free(path);
        return;
    }
    char *version = http_query_get(call->query, "api-version");
    call->api_version = version;
    call->base_url = base_url_of(call->plane, call->request);
    char *disguise = NULL;
    if (!call->base_url)
        call->response->body.failed = ERROR_NO_MEMORY;
    else if (take_disguise(call, &disguise))
        route_call(call, path);
    audit_record(call);
    free(disguise);
    cJSON_Delete(call->body);
    free(call->base_url);
    free(version);
    free(path);
}

void plane_handle(struct plane *plane, const struct plane_caller *caller,
                  const struct http_request *request, plane_respond_fn *respond, void *arg,
                  uint64_t *out_ticket)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) { /* not even memory to answer later */
        struct http_response response = { .status = 500 };
        respond(&response, arg);
        return;
    }
    exchange->plane = plane;
    exchange->ticket = ++plane->next_ticket;
    exchange->respond = respond;
    exchange->arg = arg;
    exchange->response.body.max = HTTP_REPLY_MAX;
    HASH_ADD(hh, plane->exchanges, ticket, sizeof exchange->ticket, exchange);
    if (out_ticket)
        *out_ticket = exchange->ticket;

    const char *principal = caller ? caller->principal_id : NULL;
    struct call call = { .plane = plane,
                         .request = request,
                         .self = principal ? principal : plane->owner_id,
                         .caller = principal ? principal : plane->owner_id,
                         .query = "",
                         .exchange = exchange,
                         .response = &exchange->response };
    dispatch(&call);
    if (!exchange->operation)
        exchange_ready(exchange);
}
