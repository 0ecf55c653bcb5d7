/* arm_reply.c - what a reply means for a call: an error, another try, the next page, the next poll,
 * the end. */
#include "client/arm_call.h"

#include "arm/arm_error.h"
#include "base/text.h"
#include "client/retry.h"
#include "client/url.h"

#define RETRIES_UNSEEN 2 /* to reach a plane that never answered: more likely a wrong address */
#define PAGES_MAX 10000  /* of one list */
#define HELD_AT_LEAST_MS 1000 /* a "held" poll that came back sooner was not held */
#define SETTLE_POLL_MS 2000
/* Between polls of a plane that holds polls, while all places for held ones are taken. */
#define SHORT_POLL_MS 2000

/* ---- where the next request goes ---- */

static int ask_for(struct arm_call *call, enum http_method method, char *target)
{
    if (!target)
        return ERROR_NO_MEMORY;
    if (call->target != target)
        free(call->target);
    call->target = target;
    call->method = method;
    call->retries = 0;
    return 0;
}

static void drop_body(struct arm_call *call)
{
    free(call->body);
    call->body = NULL;
    call->body_size = 0;
}

/* What a URL that the plane named becomes as a target, or why it is not followed. */
static int resolve(struct arm_call *call, const char *url, char **out, struct error *err)
{
    const struct arm_client *client = call->client;
    const char *base = call->origin ? call->origin : client->transport->origin;
    const char *target = url_target(url);
    if (!target)
        return error_set(err, ERROR_REMOTE, "the plane named a URL without a path: %.200s", url);
    if (!base) /* one other end only, whatever it calls itself */
        return url_clean(target, out, err);
    if (!url_is_absolute(url)) {
        char *absolute = text_format("%s%s", base, target);
        int rc = absolute ? url_clean(absolute, out, err) : ERROR_NO_MEMORY;
        free(absolute);
        return rc;
    }
    char *origin = NULL;
    int rc = url_origin(url, &origin, err);
    if (rc == 0 && !text_equal(origin, base) && (call->token || (!call->origin && client->token)))
        rc = error_set(err, ERROR_DENIED,
                       "the plane at %s points to %s, which must not see our token: not followed",
                       base, origin);
    if (rc == 0 && !text_equal(origin, base)) {
        free(call->origin);
        call->origin = origin;
        origin = NULL;
    }
    free(origin);
    return rc < 0 ? rc : url_clean(url, out, err);
}

/* Turns the call to a URL that the plane named. */
static int follow_url(struct arm_call *call, const char *url, struct error *err)
{
    char *target = NULL;
    int rc = resolve(call, url, &target, err);
    return rc < 0 ? rc : ask_for(call, HTTP_GET, target);
}

/* ---- replies that failed ---- */

static void fill_reply(struct arm_reply *reply, const struct http_response *response)
{
    *reply = (struct arm_reply) { 0 };
    if (!response)
        return;
    reply->status = response->status;
    reply->headers = &response->headers;
    reply->text = response->body.data ? response->body.data : "";
    reply->text_size = response->body.size;
}

static void fail(struct arm_call *call, int rc, const struct http_response *response,
                 struct error *err)
{
    struct arm_reply reply;
    fill_reply(&reply, response);
    if (err->code == 0)
        error_set(err, rc, "%s", error_code_text(rc));
    arm_call_finish(call, rc, &reply, err);
}

/* An error reply as an error. */
static int read_refusal(const struct http_response *response, struct error *err)
{
    const struct buffer *body = &response->body;
    if (response->status >= 400)
        return arm_error_read(response->status, body->data ? body->data : "", body->size, err);
    const char *location = http_header_get(&response->headers, "Location");
    error_set(err, ERROR_REMOTE, "answered %d%s%.200s, which an API does not do: is the URL right?",
              response->status, location ? " to " : "", location ? location : "");
    err->status = response->status;
    return ERROR_REMOTE;
}

static int64_t retry_after_ms(const struct arm_call *call, const struct http_response *response)
{
    if (!response)
        return -1;
    return operation_retry_after_ms(&response->headers,
                                    clock_unix_ms(loop_clock(call->client->loop)));
}

/* 404 where something must be that is not there yet: what a first reply named may take a moment. */
static bool is_not_there_yet(const struct arm_call *call, int status)
{
    return call->phase == PHASE_POLL && status == 404;
}

/* Waits for another try when the rules allow one; false: the failure stands. */
static bool try_again(struct arm_call *call, const struct retry_outcome *outcome, int64_t after_ms)
{
    const struct arm_client *client = call->client;
    bool wanted =
        retry_wanted(outcome) || (outcome->rc == 0 && is_not_there_yet(call, outcome->status));
    int retries_max = client->retries_max;
    if (!client->answered && !outcome->sent && retries_max > RETRIES_UNSEEN)
        retries_max = RETRIES_UNSEEN;
    if (!wanted || call->retries >= retries_max)
        return false;
    int64_t delay_ms = retry_delay_ms(call->retries, client->backoff_first_ms, after_ms);
    int64_t now_ms = loop_now_ms(client->loop);
    if (call->deadline_ms && now_ms + delay_ms >= call->deadline_ms)
        return false; /* the reason at hand says more than "too late" would */
    if (call->phase == PHASE_REQUEST && retry_doubtful(outcome))
        call->doubtful = true;
    call->retries++;
    arm_call_wait(call, delay_ms);
    return true;
}

/* Goes and looks whether an earlier attempt was taken, now that its repetition was refused. */
static bool begin_settling(struct arm_call *call, int status, const struct error *err)
{
    bool echo = status == 400 || status == 404 || status == 409;
    if (call->phase != PHASE_REQUEST || !call->settled || !call->doubtful || !echo)
        return false;
    call->refusal = malloc(sizeof *call->refusal);
    if (!call->refusal || ask_for(call, HTTP_GET, strdup(call->settle_target)) < 0) {
        arm_call_finish_no_memory(call);
        return true;
    }
    *call->refusal = *err;
    drop_body(call);
    call->phase = PHASE_SETTLE;
    arm_call_enqueue(call);
    return true;
}

static void handle_failure(struct arm_call *call, const struct retry_outcome *outcome,
                           const struct http_response *response, const struct error *why)
{
    struct error err = { 0 };
    int rc = outcome->rc;
    if (rc == 0)
        rc = read_refusal(response, &err);
    else if (why)
        err = *why;
    if (begin_settling(call, outcome->status, &err))
        return;
    if (try_again(call, outcome, retry_after_ms(call, response)))
        return;
    if (call->phase == PHASE_SETTLE) { /* cannot look: what we know is that it was refused */
        err = *call->refusal;
        rc = err.code;
    } else if (call->phase == PHASE_POLL &&
               (call->way != OPERATION_LOCATION || outcome->rc < 0 || outcome->status >= 500)) {
        /* A Location's 4xx is another matter: it is the answer of the operation itself. */
        error_wrap(&err, rc, "accepted, but the operation's status cannot be read");
    } else if (call->retries > 0) {
        error_wrap(&err, rc, "after %d attempts", call->retries + 1);
    }
    fail(call, rc, response, &err);
}

/* ---- replies that went well ---- */

/* 2xx bodies are JSON or nothing. */
static int parse_body(const struct arm_call *call, const struct http_response *response,
                      cJSON **out_body, struct error *err)
{
    const struct buffer *body = &response->body;
    if (call->raw || body->size == 0)
        return 0;
    int rc = json_parse(body->data, body->size, "the reply", out_body, err);
    if (rc == 0)
        return 0;
    const char *type = http_header_get(&response->headers, "Content-Type");
    err->status = response->status;
    return error_wrap(err, rc, "a %d of type %.60s, where JSON was due", response->status,
                      type ? type : "unknown");
}

static void succeed(struct arm_call *call, const struct http_response *response, cJSON *body)
{
    struct error none = { 0 };
    struct arm_reply reply;
    fill_reply(&reply, response);
    reply.body = body;
    arm_call_finish(call, 0, &reply, &none);
}

/* The page's items: to the caller, or to the pile. 1: the call was cancelled meanwhile. */
static int take_items(struct arm_call *call, cJSON *body, struct error *err)
{
    cJSON *value = cJSON_GetObjectItemCaseSensitive(body, "value");
    if (!cJSON_IsArray(value))
        return error_set(err, ERROR_SYNTAX, "a page of a list without a `value` array");
    if (call->on_page) {
        int rc = call->on_page(value, call->arg, err);
        return call->cancelled ? 1 : rc;
    }
    if (!call->items) {
        call->items = cJSON_DetachItemViaPointer(body, value);
        return 0;
    }
    cJSON *item = value->child;
    while (item) {
        cJSON *next = item->next;
        cJSON_AddItemToArray(call->items, cJSON_DetachItemViaPointer(value, item));
        item = next;
    }
    return 0;
}

/* Notices links that lead back to where they came from (Brent: one link is kept, renewed at every
 * power of two). */
static int check_circle(struct arm_call *call, const char *link, struct error *err)
{
    call->pages++;
    if (text_equal(link, call->target) || (call->seen_link && text_equal(link, call->seen_link)))
        return error_set(err, ERROR_REMOTE, "the pages of the list go in a circle (page %d)",
                         call->pages);
    if (call->pages >= PAGES_MAX)
        return error_set(err, ERROR_TOO_LARGE, "a list of more than %d pages", PAGES_MAX);
    if ((call->pages & (call->pages - 1)) == 0) {
        free(call->seen_link);
        call->seen_link = strdup(link);
    }
    return 0;
}

static int next_page(struct arm_call *call, const char *link, struct error *err)
{
    char *target = NULL;
    int rc = resolve(call, link, &target, err);
    if (rc == 0 && target)
        rc = check_circle(call, target, err);
    if (rc < 0) {
        free(target);
        return rc;
    }
    return ask_for(call, HTTP_GET, target);
}

static void handle_page(struct arm_call *call, const struct http_response *response, cJSON *body)
{
    struct error err = { 0 };
    const char *link = json_string(body, "nextLink", NULL);
    if (!link) /* Graph's name of it; a member name with dots, so not a path */
        link = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "@odata.nextLink"));
    int rc = take_items(call, body, &err);
    if (rc == 0 && link && link[0]) {
        rc = next_page(call, link, &err);
        cJSON_Delete(body);
        if (rc == 0)
            arm_call_enqueue(call);
        else
            fail(call, rc, response, &err);
        return;
    }
    if (rc == 0 && call->items) {
        cJSON_DeleteItemFromObjectCaseSensitive(body, "nextLink");
        cJSON_DeleteItemFromObjectCaseSensitive(body, "value");
        cJSON_AddItemToObject(body, "value", call->items);
        call->items = NULL;
    }
    if (rc == 0) {
        succeed(call, response, body);
        return;
    }
    cJSON_Delete(body);
    if (rc < 0) {
        fail(call, rc, response, &err);
        return;
    }
    arm_call_drop(call); /* cancelled from inside on_page */
}

/* ---- long-running operations ---- */

static bool says_held(const struct http_response *response)
{
    const char *applied = http_header_get(&response->headers, "Preference-Applied");
    return applied && text_starts_nocase(applied, "wait");
}

/* How long until the next poll, after a reply that says "still running". */
static int64_t poll_delay_ms(struct arm_call *call, const struct http_response *response)
{
    struct arm_client *client = call->client;
    int64_t after_ms = retry_after_ms(call, response);
    if (call->held)
        client->holds[call->way] = says_held(response) ? HOLDS_YES : HOLDS_NO;
    if (call->held && client->holds[call->way] == HOLDS_YES) {
        bool at_once = loop_now_ms(client->loop) - call->sent_ms >= HELD_AT_LEAST_MS;
        return at_once ? 0 : after_ms > 0 ? after_ms : HELD_AT_LEAST_MS;
    }
    if (after_ms >= 0)
        return after_ms > 0 ? after_ms : HELD_AT_LEAST_MS;
    if (call->phase == PHASE_SETTLE)
        return SETTLE_POLL_MS;
    return client->holds[call->way] == HOLDS_YES ? SHORT_POLL_MS : OPERATION_WAIT_DEFAULT_MS;
}

/* Before the first poll: at once where polls are held (or may be, for all we know). */
static int64_t first_poll_delay_ms(const struct arm_call *call,
                                   const struct http_response *response)
{
    if (call->client->holds[call->way] != HOLDS_NO)
        return 0;
    int64_t after_ms = retry_after_ms(call, response);
    return after_ms >= 0 ? after_ms : OPERATION_WAIT_DEFAULT_MS;
}

static void begin_operation(struct arm_call *call, const struct http_response *response,
                            cJSON *body)
{
    struct error err = { 0 };
    char *url = NULL;
    int rc = operation_begin(call->first_method, response, body, &call->way, &url, &err);
    if (rc == 0 && call->way == OPERATION_DONE) {
        succeed(call, response, body);
        return;
    }
    cJSON_Delete(body);
    if (rc == 0 && url)
        rc = follow_url(call, url, &err);
    else if (rc == 0)
        rc = ask_for(call, HTTP_GET, call->target);
    free(url);
    if (rc < 0) {
        fail(call, rc, response, &err);
        return;
    }
    drop_body(call);
    call->phase = PHASE_POLL;
    arm_call_wait(call, first_poll_delay_ms(call, response));
}

/* A plane may name another URL while the operation runs. */
static int follow_moved(struct arm_call *call, const struct http_response *response,
                        struct error *err)
{
    const char *name = call->way == OPERATION_STATUS ? "Azure-AsyncOperation" : "Location";
    const char *url = http_header_get(&response->headers, name);
    if (call->way == OPERATION_RESOURCE || !url)
        return 0;
    return follow_url(call, url, err);
}

static void handle_poll(struct arm_call *call, const struct http_response *response, cJSON *body)
{
    struct error err = { 0 };
    enum operation_state state = OPERATION_RUNNING;
    int rc = operation_read(call->way, response, body, &state, &err);
    if (rc == 0 && state == OPERATION_SUCCEEDED) {
        cJSON *result = body;
        if (call->way == OPERATION_STATUS) {
            result = cJSON_DetachItemFromObjectCaseSensitive(body, "properties");
            cJSON_Delete(body);
        }
        succeed(call, response, result);
        return;
    }
    cJSON_Delete(body);
    if (rc == 0 && state == OPERATION_RUNNING)
        rc = follow_moved(call, response, &err);
    else if (rc == 0)
        rc = err.code < 0 ? err.code : ERROR_REMOTE;
    if (rc < 0) {
        fail(call, rc, response, &err);
        return;
    }
    call->retries = 0;
    arm_call_wait(call, poll_delay_ms(call, response));
}

/* What the resource shows of the attempt whose reply was lost; `body` is NULL when it is not there.
 */
static void handle_settling(struct arm_call *call, const struct http_response *response,
                            cJSON *body)
{
    enum operation_state state = call->settled(body);
    if (state == OPERATION_SUCCEEDED) {
        succeed(call, response, body);
        return;
    }
    cJSON_Delete(body);
    if (state == OPERATION_RUNNING) {
        call->retries = 0;
        arm_call_wait(call, poll_delay_ms(call, response));
        return;
    }
    struct error refusal = *call->refusal;
    fail(call, refusal.code, response, &refusal);
}

static void handle_success(struct arm_call *call, const struct http_response *response)
{
    struct error err = { 0 };
    cJSON *body = NULL;
    int rc = parse_body(call, response, &body, &err);
    if (rc < 0)
        fail(call, rc, response, &err);
    else if (call->phase == PHASE_SETTLE)
        handle_settling(call, response, body);
    else if (call->phase == PHASE_POLL)
        handle_poll(call, response, body);
    else if (call->follow == ARM_OPERATION)
        begin_operation(call, response, body);
    else if (call->follow == ARM_PAGES)
        handle_page(call, response, body);
    else
        succeed(call, response, body);
}

void arm_call_read(struct arm_call *call, int rc, const struct http_response *response, bool sent,
                   const struct error *err)
{
    struct retry_outcome outcome = { .rc = rc, .sent = sent };
    /* A page or a poll is a GET, whatever the call began with. */
    outcome.idempotent = call->idempotent || call->method == HTTP_GET;
    if (rc == 0) {
        call->client->answered = true;
        call->last_status = outcome.status = response->status;
        outcome.has_retry_after = http_header_get(&response->headers, "Retry-After") != NULL;
    }
    if (call->phase == PHASE_SETTLE && outcome.status == 404)
        handle_settling(call, response, NULL);
    else if (outcome.status >= 200 && outcome.status < 300)
        handle_success(call, response);
    else
        handle_failure(call, &outcome, response, err);
}
