/* operations.c - operations in flight: begun in a turn's transaction, given to the driver once that
 * is durable, ended in another, and told to whoever waits.
 *
 * What a transaction did to an operation is in plane->changed until its commit; when that fails,
 * begun ones are forgotten (nothing of them has happened) and ended ones are ended again a second
 * later (they have). */
#include "plane/operations.h"

#include <ctype.h>
#include <utlist.h>

#include "arm/arm_error.h"
#include "base/text.h"

#define RETRY_MS 1000
#define RETRY_AFTER_S 1

static const char *const kind_names[OPERATION_KINDS] = { "Create", "Start", "Stop", "Restart",
                                                         "Delete" };

const char *operation_kind_name(enum operation_kind kind)
{
    return kind_names[kind];
}

/* ---- the ones in flight ---- */

struct operation *operation_find(struct plane *plane, const char *id)
{
    struct operation *operation = NULL;
    HASH_FIND_STR(plane->operations, id, operation);
    return operation;
}

static void unchange(struct operation *operation)
{
    if (!operation->changed)
        return;
    DL_DELETE(operation->plane->changed, operation);
    operation->changed = false;
}

static void change(struct operation *operation)
{
    if (!operation->changed)
        DL_APPEND(operation->plane->changed, operation);
    operation->changed = true;
    plane_flush_later(operation->plane);
}

static void operation_free(struct operation *operation)
{
    unchange(operation);
    HASH_DEL(operation->plane->operations, operation);
    free(operation->name);
    free(operation->location);
    free(operation->subscription);
    free(operation->why);
    free(operation);
}

void operations_free(struct plane *plane)
{
    struct operation *operation, *next;
    HASH_ITER(hh, plane->operations, operation, next)
    {
        operation_free(operation);
    }
}

static struct operation *operation_new(struct plane *plane, enum operation_kind kind,
                                       const char *id, const char *compute, const char *name,
                                       const char *subscription, const char *location)
{
    struct operation *operation = calloc(1, sizeof *operation);
    if (!operation)
        return NULL;
    operation->plane = plane;
    operation->kind = kind;
    operation->started_ms = plane_unix_ms(plane);
    text_copy(operation->id, sizeof operation->id, id);
    text_copy(operation->compute, sizeof operation->compute, compute);
    operation->name = strdup(name);
    operation->subscription = strdup(subscription);
    operation->location = strdup(location);
    HASH_ADD_STR(plane->operations, id, operation);
    if (operation->name && operation->subscription && operation->location)
        return operation;
    operation_free(operation);
    return NULL;
}

struct operation *operation_begin_on(struct plane *plane, enum operation_kind kind,
                                     const char *compute, const char *name,
                                     const char *subscription, const char *location,
                                     const char *caller, struct error *err)
{
    char id[UUID_TEXT_SIZE];
    if (store_begin(plane->store, err) < 0)
        return NULL;
    uuid_make(id);
    struct operation *operation =
        operation_new(plane, kind, id, compute, name, subscription, location);
    if (!operation) {
        store_spoil(plane->store);
        error_set(err, ERROR_NO_MEMORY, "no memory for an operation");
        return NULL;
    }
    int rc = store_run(plane->store, err,
                       "INSERT INTO operations (id, kind, status, subscription, location, compute, "
                       "name, started_ms, caller)"
                       " VALUES (?, ?, 'InProgress', ?, ?, ?, ?, ?, ?)",
                       "ssssssis", id, kind_names[kind], subscription, location, compute, name,
                       operation->started_ms, caller);
    if (rc < 0) {
        store_spoil(plane->store);
        operation_free(operation);
        return NULL;
    }
    operation->wanting = true;
    change(operation);
    return operation;
}

/* ---- ends ---- */

static void answer_waiters(struct operation *operation);

/* Writes the operation's own end. */
static int write_end(struct operation *operation, const char *status, const cJSON *error,
                     struct error *err)
{
    char *text = error ? json_text(error) : NULL;
    if (error && !text)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an operation's error");
    int rc = store_run(operation->plane->store, err,
                       "UPDATE operations SET status = ?, ended_ms = ?, error = ? WHERE id = ?",
                       "siss", status, plane_unix_ms(operation->plane), text, operation->id);
    free(text);
    return rc;
}

/* The driver has ended it: the compute's and the operation's rows say so, and who waits is
 * answered. */
static void end(struct operation *operation)
{
    struct plane *plane = operation->plane;
    struct error err = { 0 };
    cJSON *error = NULL;
    int rc = store_begin(plane->store, &err);
    if (rc == 0)
        rc = machine_end(operation, &error, &err);
    if (rc == 0)
        rc = write_end(operation, operation->rc < 0 ? "Failed" : "Succeeded", error, &err);
    cJSON_Delete(error);
    if (rc < 0) {
        if (err.status == STORE_FULL_STATUS)
            plane_trouble(plane, &err);
        else
            log_line(plane->log, LOG_ERROR, "the end of %s %s could not be written: %s",
                     kind_names[operation->kind], operation->name, err.message);
        store_spoil(plane->store);
    }
    operation->ended = true;
    change(operation);
    answer_waiters(operation);
}

static void on_done(int rc, const struct error *why, void *arg)
{
    struct operation *operation = arg;
    operation->dispatched = false;
    if (operation->superseded &&
        !operation->changed) { /* its end was told, and is durable, long ago */
        operation_free(operation);
        return;
    }
    if (rc == 0 && operation->kind == OPERATION_RESTART && !operation->restarting &&
        !operation->superseded) {
        operation->restarting = true; /* stopped: now the start */
        operation->wanting = true;
        change(operation);
        return;
    }
    operation->done = true;
    operation->rc = rc;
    if (rc < 0 && why) {
        operation->why = malloc(sizeof *why);
        if (operation->why)
            *operation->why = *why;
    }
    if (!operation->superseded)
        end(operation);
}

static void on_phase(enum driver_phase phase, void *arg)
{
    struct operation *operation = arg;
    operation->phase = phase;
    operation->set_up = true;
    if (operation->superseded || operation->done)
        return;
    operation->phase_told = true;
    change(operation);
}

static void dispatch(struct operation *operation)
{
    const struct driver_callbacks callbacks = { on_phase, on_done, operation };
    struct error err = { 0 };
    operation->wanting = false;
    operation->dispatched = true;
    int rc = machine_dispatch(operation, &callbacks, &err);
    if (rc < 0)
        on_done(rc, &err, operation);
}

int operation_supersede(struct operation *deletion, struct operation *running, struct error *err)
{
    cJSON *error =
        arm_error_object("OperationCanceled", NULL, "The compute instance was deleted meanwhile.");
    int rc = error ? write_end(running, "Canceled", error, err)
                   : error_set(err, ERROR_NO_MEMORY, "no memory for an operation's error");
    cJSON_Delete(error);
    if (rc < 0) {
        store_spoil(deletion->plane->store);
        return rc;
    }
    running->superseded = true;
    deletion->supersedes = running;
    change(running);
    answer_waiters(running);
    return 0;
}

/* ---- turns ---- */

/* Several phases of a turn are one write; one that ended in the same turn needs none. */
void operations_before_commit(struct plane *plane)
{
    struct operation *operation;
    DL_FOREACH(plane->changed, operation)
    {
        struct error err = { 0 };
        if (!operation->phase_told || operation->ended || operation->superseded)
            continue;
        operation->phase_told = false;
        if (machine_phase(operation, &err) < 0)
            log_line(plane->log, LOG_WARN, "the state of %s could not be written: %s",
                     operation->name, err.message);
    }
}

static void after_durable(struct operation *operation)
{
    operation->committed = true;
    operation->supersedes = NULL;
    if (operation->superseded) {
        if (!operation
                 ->dispatched) /* the driver owes nothing: it never heard of it, or has answered */
            operation_free(operation);
    } else if (operation->ended) {
        operation_free(operation);
    } else if (operation->wanting) {
        dispatch(operation);
    }
}

static void retry(void *arg)
{
    struct plane *plane = arg;
    struct operation *operation, *next;
    HASH_ITER(hh, plane->operations, operation, next)
    {
        if (operation->done && !operation->ended && !operation->superseded)
            end(operation);
    }
}

static void try_again_later(struct plane *plane)
{
    if (!plane->retry && loop_timer_new(plane->loop, retry, plane, &plane->retry) < 0)
        return;
    (void)loop_timer_set(plane->retry, RETRY_MS);
}

static void after_failure(struct operation *operation)
{
    if (operation->supersedes) {
        operation->supersedes->superseded = false;
        if (operation->supersedes->done)
            try_again_later(operation->plane);
        operation->supersedes = NULL;
    }
    if (!operation->committed) {
        answer_waiters(operation);
        operation_free(operation);
    } else if (operation->ended) {
        operation->ended = false;
        try_again_later(operation->plane);
    } else if (operation->wanting) {
        dispatch(operation);
    }
}

void operations_after_commit(struct plane *plane, bool durable)
{
    struct operation *changed = plane->changed;
    struct operation *operation, *next;
    plane->changed = NULL; /* what the driver's calls change belongs to the next turn */
    DL_FOREACH(changed, operation)
    {
        operation->changed = false;
    }
    /* First those that take something over, so that `supersedes` still points to something. */
    for (int pass = 0; pass < 2; pass++)
        for (operation = changed; operation; operation = next) {
            next = operation->next;
            bool takes_over = operation->kind == OPERATION_DELETE;
            if (takes_over != (pass == 0))
                continue;
            DL_DELETE(changed, operation);
            if (durable)
                after_durable(operation);
            else
                after_failure(operation);
        }
}

/* ---- resuming ---- */

static void take_up(struct plane *plane, const char *id, const char *kind, const char *compute,
                    const char *name, const char *subscription, const char *location)
{
    for (int i = 0; i < OPERATION_KINDS; i++) {
        if (!text_equal(kind_names[i], kind))
            continue;
        struct operation *operation =
            operation_new(plane, (enum operation_kind)i, id, compute, name, subscription, location);
        if (!operation)
            return;
        log_line(plane->log, LOG_INFO, "resuming %s of %s, which was in flight", kind, name);
        operation->committed = true;
        operation->wanting = true;
        change(operation);
    }
}

/* A row whose compute is gone or busy with something else cannot be resumed: it failed. */
static int fail_orphans(struct plane *plane, struct error *err)
{
    sqlite3_stmt *row =
        store_query(plane->store, err,
                    "SELECT kind, name FROM operations o WHERE ended_ms IS NULL AND NOT EXISTS"
                    " (SELECT 1 FROM computes c WHERE c.operation = o.id)",
                    "");
    int rc = row ? 1 : ERROR_IO;
    bool any = false;
    while (rc == 1 && (rc = store_step(plane->store, row, err)) == 1) {
        log_line(plane->log, LOG_WARN, "%s of %s was in flight and cannot be resumed: it failed",
                 store_text(row, 0), store_text(row, 1));
        any = true;
    }
    store_done(row);
    if (rc < 0 || !any)
        return rc;
    return store_run(
        plane->store, err,
        "UPDATE operations SET status = 'Failed', ended_ms = ?, error = ? WHERE ended_ms IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM computes c WHERE c.operation = operations.id)",
        "is", plane_unix_ms(plane),
        "{\"code\":\"OperationLost\",\"message\":\"The plane ended while this was in flight, and "
        "it "
        "could not be resumed.\"}");
}

static int resume_all(struct plane *plane, struct error *err)
{
    sqlite3_stmt *row =
        store_query(plane->store, err,
                    "SELECT o.id, o.kind, o.compute, o.name, o.subscription, o.location"
                    " FROM operations o JOIN computes c ON c.operation = o.id"
                    " WHERE o.ended_ms IS NULL ORDER BY o.started_ms",
                    "");
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && (rc = store_step(plane->store, row, err)) == 1)
        take_up(plane, store_text(row, 0), store_text(row, 1), store_text(row, 2),
                store_text(row, 3), store_text(row, 4), store_text(row, 5));
    store_done(row);
    return rc;
}

/* Running ones whose machine is not there any more.  The ids are gathered first: each is then
 * written. */
static int find_machines(struct plane *plane, struct error *err)
{
    struct buffer ids = { 0 };
    sqlite3_stmt *row =
        store_query(plane->store, err,
                    "SELECT id, name FROM computes WHERE operation IS NULL AND state IN"
                    " ('Running', 'JobRunning')",
                    "");
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && (rc = store_step(plane->store, row, err)) == 1) {
        struct error why = { 0 };
        int running = plane->driver->ops->running(plane->driver, store_text(row, 0), &why);
        if (running < 0)
            log_line(plane->log, LOG_WARN, "whether %s runs could not be found out: %s",
                     store_text(row, 1), why.message);
        if (running == 0)
            buffer_append(&ids, store_text(row, 0), UUID_TEXT_SIZE);
    }
    store_done(row);
    if (rc == 0)
        rc = buffer_check(&ids, "the list of stopped machines", err);
    for (size_t at = 0; rc == 0 && at < ids.size; at += UUID_TEXT_SIZE)
        machine_ended(ids.data + at, plane);
    buffer_clear(&ids);
    return rc;
}

int operations_resume(struct plane *plane, struct error *err)
{
    int rc = fail_orphans(plane, err);
    if (rc == 0)
        rc = find_machines(plane, err);
    if (rc == 0)
        rc = resume_all(plane, err);
    if (rc == 0)
        rc = store_run(plane->store, err, "DELETE FROM operations WHERE ended_ms < ?", "i",
                       plane_unix_ms(plane) - PLANE_OPERATION_KEPT_MS);
    return rc == 0 ? store_commit(plane->store, err) : rc;
}

/* ---- replies ---- */

/* Of an operation's row, or of one in flight. */
struct operation_place {
    const char *subscription, *location, *id;
};

static void add_url(struct call *call, const char *header, const char *path,
                    const struct operation_place *place)
{
    char *url = text_format(
        "%s/subscriptions/%s/providers/Microsoft.MachineLearningServices/locations/%s/%s/%s"
        "?api-version=%s&service=new",
        call->base_url, place->subscription, place->location, path, place->id, call->api_version);
    if (!url || http_header_add(&call->response->headers, header, url) < 0)
        call->response->body.failed = ERROR_NO_MEMORY;
    free(url);
}

void operation_headers(struct call *call, const struct operation *operation, bool result)
{
    const struct operation_place place = { operation->subscription, operation->location,
                                           operation->id };
    add_url(call, "Azure-AsyncOperation", "computeOperationsStatus", &place);
    if (result)
        add_url(call, "Location", "computeOperationsResults", &place);
    answer_header(call, "Retry-After", "%d", RETRY_AFTER_S);
}

/* {"id","name","status","startTime","endTime","error"} */
static void fill_status(struct call *call, sqlite3_stmt *row)
{
    struct buffer *body = &call->response->body;
    char time[TIME_TEXT_SIZE];
    bool ended = sqlite3_column_type(row, 4) != SQLITE_NULL;
    call->response->status = 200;
    answer_header(call, "Content-Type", "application/json; charset=utf-8");
    if (!ended)
        answer_header(call, "Retry-After", "%d", RETRY_AFTER_S);
    buffer_format(
        body,
        "{\"id\":\"/subscriptions/%s/providers/Microsoft.MachineLearningServices/locations/%s/"
        "computeOperationsStatus/%s\",\"name\":\"%s\",\"status\":\"%s\"",
        store_text(row, 5), store_text(row, 6), store_text(row, 0), store_text(row, 0),
        store_text(row, 1));
    time_format(sqlite3_column_int64(row, 3), time);
    buffer_format(body, ",\"startTime\":\"%s\"", time);
    if (ended) {
        time_format(sqlite3_column_int64(row, 4), time);
        buffer_format(body, ",\"endTime\":\"%s\",\"percentComplete\":100.0", time);
    }
    if (sqlite3_column_type(row, 2) != SQLITE_NULL)
        buffer_format(body, ",\"error\":%s", store_text(row, 2));
    buffer_char(body, '}');
}

/* What the request would have been answered, had it not taken long. */
static void fill_result(struct call *call, sqlite3_stmt *row)
{
    const char *status = store_text(row, 1);
    if (text_equal(status, "InProgress")) {
        const struct operation_place place = { store_text(row, 5), store_text(row, 6),
                                               store_text(row, 0) };
        add_url(call, "Location", "computeOperationsResults", &place);
        answer_header(call, "Retry-After", "%d", RETRY_AFTER_S);
        answer_empty(call, 202);
    } else if (text_equal(status, "Succeeded")) {
        answer_empty(call, text_equal(store_text(row, 7), "Delete") ? 204 : 200);
    } else {
        answer_header(call, "Content-Type", "application/json; charset=utf-8");
        call->response->status = text_equal(status, "Canceled") ? 409 : 500;
        buffer_format(&call->response->body, "{\"error\":%s}", store_text(row, 2));
    }
}

/* Fills the reply of a status (or result) request from the operation's row. */
static void fill(struct call *call, const char *id, bool result)
{
    struct error err = { 0 };
    sqlite3_stmt *row =
        store_query(call->plane->store, &err,
                    "SELECT id, status, error, started_ms, ended_ms, subscription, location, kind"
                    " FROM operations WHERE id = ?",
                    "s", id);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    if (rc == 1 && result)
        fill_result(call, row);
    else if (rc == 1)
        fill_status(call, row);
    store_done(row);
    if (rc == 0)
        answer_error(call, 404, "NotFound", NULL, "The operation '%s' could not be found.", id);
    else if (rc < 0)
        answer_failure(call, &err);
}

static void release(struct exchange *exchange)
{
    DL_DELETE(exchange->operation->waiters, exchange);
    exchange->operation = NULL;
    exchange->plane->waiters--;
    loop_timer_free(exchange->timer);
    exchange->timer = NULL;
}

void operation_forget_waiter(struct exchange *exchange)
{
    if (exchange->operation)
        release(exchange);
}

/* Answers a held request with what is known now. */
static void answer_held(struct exchange *exchange)
{
    static const struct http_request none = { .target = (char *)"(held)" };
    char id[UUID_TEXT_SIZE];
    text_copy(id, sizeof id, exchange->operation->id);
    release(exchange);
    struct call call = { .plane = exchange->plane,
                         .request = &none,
                         .query = "",
                         .api_version = exchange->api_version,
                         .base_url = exchange->base_url,
                         .exchange = exchange,
                         .response = &exchange->response };
    answer_header(&call, "Preference-Applied", "wait");
    fill(&call, id, exchange->wants_result);
    exchange_ready(exchange);
}

static void answer_waiters(struct operation *operation)
{
    while (operation->waiters)
        answer_held(operation->waiters);
}

static void on_patience(void *arg)
{
    answer_held(arg);
}

/* Seconds of `Prefer: wait=N` (RFC 7240), at most ours; 0: not asked. */
static int64_t prefer_wait_s(const struct call *call)
{
    const char *prefer = http_header_get(&call->request->headers, "Prefer");
    int64_t seconds = 0;
    for (const char *at = prefer; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        at += strspn(at, " \t");
        if (!text_starts_nocase(at, "wait="))
            continue;
        char digits[12];
        size_t length = strspn(at + 5, "0123456789");
        snprintf(digits, sizeof digits, "%.*s", (int)(length < 11 ? length : 11), at + 5);
        if (text_to_int64(digits, 1, INT64_MAX, &seconds) == 0)
            return seconds < PLANE_WAIT_MAX_S ? seconds : PLANE_WAIT_MAX_S;
    }
    return 0;
}

/* Holds the answer until the operation ends; false when that cannot be. */
static bool hold(struct call *call, struct operation *operation, int64_t seconds, bool result)
{
    struct exchange *exchange = call->exchange;
    if (call->plane->waiters >= PLANE_WAITERS_MAX)
        return false;
    exchange->base_url = strdup(call->base_url);
    text_copy(exchange->api_version, sizeof exchange->api_version, call->api_version);
    if (!exchange->base_url ||
        loop_timer_new(call->plane->loop, on_patience, exchange, &exchange->timer) < 0 ||
        loop_timer_set(exchange->timer, seconds * 1000) < 0)
        return false;
    exchange->operation = operation;
    exchange->wants_result = result;
    DL_APPEND(operation->waiters, exchange);
    call->plane->waiters++;
    return true;
}

/* Is there an operation of that name, subscription and location?  `id` gets the name as it is
 * stored. */
static bool operation_there(struct call *call, char id[UUID_TEXT_SIZE])
{
    const char *name = call->params.name;
    char *location = location_normal(call->params.location);
    bool there = false;
    if (location && strlen(name) < UUID_TEXT_SIZE) {
        for (size_t i = 0; i == 0 || name[i - 1]; i++)
            id[i] = (char)tolower((unsigned char)name[i]);
        there = store_integer(call->plane->store, 0,
                              "SELECT count(*) FROM operations WHERE id = ? AND subscription = ?"
                              " AND location = ?",
                              "sss", id, call->params.subscription, location) > 0;
    }
    free(location);
    return there;
}

static void ask(struct call *call, bool result)
{
    char id[UUID_TEXT_SIZE];
    if (!operation_there(call, id)) {
        answer_error(call, 404, "NotFound", NULL, "The operation '%.64s' could not be found.",
                     call->params.name);
        return;
    }
    struct operation *operation = operation_find(call->plane, id);
    int64_t seconds = prefer_wait_s(call);
    if (seconds > 0 && operation && !operation->ended && !operation->superseded &&
        hold(call, operation, seconds, result))
        return;
    if (seconds > 0)
        answer_header(call, "Preference-Applied", "wait");
    fill(call, id, result);
}

void operation_status(struct call *call)
{
    ask(call, false);
}

void operation_result(struct call *call)
{
    ask(call, true);
}
