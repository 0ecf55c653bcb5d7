/* audit.c - see audit.h. */
#include "plane/audit.h"

#include "base/text.h"

#define REPEAT_MS 60000  /* a denial is the same one for so long */
#define DENIALS_MAX 1024 /* that are remembered */
#define PRUNE_EVERY 1024 /* lines */

/* A denial that was written and may be repeated. */
struct audit_denial {
    char digest[DIGEST_TEXT_SIZE];
    int64_t sequence, first_ms, last_ms;
    int64_t repeated; /* times that are not written yet */
    UT_hash_handle hh;
};

/* ---- what is worth a line ---- */

/* Questions that are no reads by their method. */
static bool is_question(const struct route *route)
{
    static const char *const endings[] = { "/read", "/checkComputeNameAvailability/action",
                                           "/listNodes/action" };
    for (size_t i = 0; i < COUNT(endings); i++)
        if (text_ends(route->action, endings[i]))
            return true;
    return false;
}

static bool is_write(const struct call *call)
{
    enum http_method method = call->request->method;
    return method != HTTP_GET && method != HTTP_HEAD && call->route && !is_question(call->route);
}

static int status_of(const struct call *call)
{
    const struct http_response *response = call->response;
    return response->body.failed || response->status == 0 ? 500 : response->status;
}

static bool is_denial(int status)
{
    return status == 401 || status == 403;
}

/* ---- repeated denials ---- */

static void digest_of(const struct call *call, char out[DIGEST_TEXT_SIZE])
{
    struct buffer text = { 0 };
    const char *target = call->request->target;
    buffer_format(&text, "%s\n%s\n%d\n%s\n%.*s", call->self, call->caller, call->request->method,
                  call->route ? call->route->action : "", (int)strcspn(target, "?"), target);
    digest_hex(text.data ? text.data : "", text.size, out);
    buffer_clear(&text);
}

void audit_forget(struct plane *plane)
{
    struct audit_denial *denial = plane->denials;
    struct audit_denial *next;
    HASH_CLEAR(hh, plane->denials);
    for (; denial; denial = next) {
        next = denial->hh.next;
        free(denial);
    }
    plane->denials_repeated = 0;
}

void audit_flush(struct plane *plane)
{
    struct audit_denial *denial, *next;
    if (plane->denials_repeated == 0)
        return;
    HASH_ITER(hh, plane->denials, denial, next)
    {
        if (denial->repeated > 0)
            (void)store_run(plane->store, NULL,
                            "UPDATE audit SET count = count + ?, last_ms = ? WHERE sequence = ?",
                            "iii", denial->repeated, denial->last_ms, denial->sequence);
        denial->repeated = 0;
    }
    plane->denials_repeated = 0;
}

/* Was it written less than a minute ago?  Then it is counted. */
static bool repeats(struct plane *plane, const char *digest)
{
    struct audit_denial *denial = NULL;
    int64_t now_ms = plane_unix_ms(plane);
    HASH_FIND_STR(plane->denials, digest, denial);
    if (denial && now_ms - denial->first_ms < REPEAT_MS) {
        plane->denials_repeated += denial->repeated++ == 0;
        denial->last_ms = now_ms;
        return true;
    }
    if (denial || HASH_COUNT(plane->denials) >= DENIALS_MAX) {
        audit_flush(plane);
        if (!denial) {
            audit_forget(plane);
            return false;
        }
        HASH_DEL(plane->denials, denial);
        free(denial);
    }
    return false;
}

static void remember(struct plane *plane, const char *digest, int64_t sequence)
{
    struct audit_denial *denial = calloc(1, sizeof *denial);
    if (!denial)
        return; /* it is written again, then */
    text_copy(denial->digest, sizeof denial->digest, digest);
    denial->sequence = sequence;
    denial->first_ms = plane_unix_ms(plane);
    HASH_ADD_STR(plane->denials, digest, denial);
}

/* ---- writing ---- */

static void prune(struct plane *plane)
{
    static const struct {
        const char *outcome;
        int64_t kept;
    } outcomes[] = { { "done", AUDIT_DONE_KEPT },
                     { "failed", AUDIT_FAILED_KEPT },
                     { "denied", AUDIT_DENIED_KEPT } };
    for (size_t i = 0; i < COUNT(outcomes); i++)
        (void)store_run(plane->store, NULL,
                        "DELETE FROM audit WHERE outcome = ?1 AND sequence <= (SELECT sequence"
                        " FROM audit WHERE outcome = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
                        "si", outcomes[i].outcome, outcomes[i].kept);
}

/* The number of the new line; 0 when it could not be written: the turn's commit then fails. */
static int64_t write_line(struct call *call, const char *outcome, int status)
{
    struct plane *plane = call->plane;
    const char *target = call->request->target;
    const char *id = http_header_get(&call->response->headers, "x-ms-request-id");
    bool disguised = !text_equal_nocase(call->self, call->caller);
    char *resource = text_dup_size(target, strcspn(target, "?"));
    char *self_name = directory_name(plane, call->self);
    char *name = disguised ? directory_name(plane, call->caller) : NULL;
    int64_t now_ms = plane_unix_ms(plane);
    int rc = store_run(
        plane->store, NULL,
        "INSERT INTO audit (at_ms, caller, caller_name, disguise, disguise_name, method, action,"
        " resource, outcome, status, code, request_id, count, last_ms)"
        " VALUES (?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?1)",
        "issssssssnss", now_ms, call->self, self_name ? self_name : "",
        disguised ? call->caller : NULL, name, http_method_name(call->request->method),
        call->route ? call->route->action : "", resource ? resource : "", outcome, status,
        call->code[0] ? call->code : NULL, id ? id : "");
    free(resource);
    free(self_name);
    free(name);
    return rc < 0 ? 0 : store_integer(plane->store, 0, "SELECT last_insert_rowid()", "");
}

void audit_record(struct call *call)
{
    struct plane *plane = call->plane;
    int status = status_of(call);
    bool denied = is_denial(status);
    char digest[DIGEST_TEXT_SIZE];
    if (!denied && !is_write(call))
        return;
    if (denied) {
        digest_of(call, digest);
        if (repeats(plane, digest))
            return;
    }
    int64_t sequence = write_line(call,
                                  denied          ? "denied"
                                  : status >= 400 ? "failed"
                                                  : "done",
                                  status);
    if (denied && sequence > 0)
        remember(plane, digest, sequence);
    if (sequence > 0 && sequence % PRUNE_EVERY == 0)
        prune(plane);
}

/* ---- reading ---- */

struct audit_query {
    int64_t since_ms, before, top;
    char *who, *outcome; /* owned; NULL: any */
};

static bool read_number(struct call *call, const char *name, int64_t max, int64_t *out)
{
    char *text = http_query_get(call->query, name);
    bool good = !text || text_to_int64(text, 1, max, out) == 0;
    if (!good)
        answer_error(call, 400, "BadRequest", name, "'%s' must be a number from 1 to %lld.", name,
                     (long long)max);
    free(text);
    return good;
}

static bool read_query(struct call *call, struct audit_query *out)
{
    static const char *const outcomes[] = { "done", "denied", "failed" };
    bool good = read_number(call, "top", AUDIT_PAGE_MAX, &out->top) &&
                read_number(call, "before", INT64_MAX, &out->before);
    char *since = http_query_get(call->query, "since");
    if (good && since && time_parse(since, &out->since_ms) < 0) {
        answer_error(call, 400, "BadRequest", "since",
                     "'since' must be a time such as 2026-11-21T07:42:10Z.");
        good = false;
    }
    free(since);
    out->who = http_query_get(call->query, "who");
    out->outcome = http_query_get(call->query, "outcome");
    bool known = !out->outcome;
    for (size_t i = 0; i < COUNT(outcomes) && !known; i++)
        known = text_equal(out->outcome, outcomes[i]);
    if (good && !known)
        answer_error(call, 400, "BadRequest", "outcome",
                     "'outcome' must be done, denied or failed.");
    return good && known;
}

static void add_principal(cJSON *line, const char *member, const char *id, const char *name)
{
    cJSON *principal = *id ? cJSON_CreateObject() : cJSON_CreateNull();
    if (*id) {
        cJSON_AddStringToObject(principal, "id", id);
        cJSON_AddStringToObject(principal, "name", name);
    }
    cJSON_AddItemToObject(line, member, principal);
}

/* Columns are those of list()'s statement. */
static void add_line(struct call *call, sqlite3_stmt *row)
{
    static const struct {
        const char *name;
        int column;
    } texts[] = { { "method", 6 }, { "action", 7 }, { "resource", 8 }, { "outcome", 9 } };
    char time[TIME_TEXT_SIZE];
    struct buffer text = { 0 };
    cJSON *line = cJSON_CreateObject();
    cJSON_AddNumberToObject(line, "sequence", (double)sqlite3_column_int64(row, 0));
    time_format(sqlite3_column_int64(row, 1), time);
    cJSON_AddStringToObject(line, "time", time);
    add_principal(line, "caller", store_text(row, 2), store_text(row, 3));
    add_principal(line, "as", store_text(row, 4), store_text(row, 5));
    for (size_t i = 0; i < COUNT(texts); i++)
        cJSON_AddStringToObject(line, texts[i].name, store_text(row, texts[i].column));
    cJSON_AddNumberToObject(line, "status", sqlite3_column_int(row, 10));
    if (*store_text(row, 11))
        cJSON_AddStringToObject(line, "code", store_text(row, 11));
    else
        cJSON_AddNullToObject(line, "code");
    cJSON_AddStringToObject(line, "requestId", store_text(row, 12));
    cJSON_AddNumberToObject(line, "count", (double)sqlite3_column_int64(row, 13));
    time_format(sqlite3_column_int64(row, 14), time);
    cJSON_AddStringToObject(line, "lastTime", time);
    json_print(line, false, &text);
    cJSON_Delete(line);
    answer_list_item(call, text.data ? text.data : "{}", text.data ? text.size : 2);
    buffer_clear(&text);
}

/* The same question about what is before the last line of the page. */
static char *next_link(const struct call *call, const struct audit_query *query, int64_t last)
{
    struct buffer link = { 0 };
    char time[TIME_TEXT_SIZE];
    char *out = NULL;
    buffer_format(&link, "%s/moonfleet/audit?before=%lld&top=%lld", call->base_url, (long long)last,
                  (long long)query->top);
    if (query->since_ms > 0) {
        time_format(query->since_ms, time);
        buffer_format(&link, "&since=%s", time);
    }
    if (query->outcome)
        buffer_format(&link, "&outcome=%s", query->outcome);
    if (query->who) {
        buffer_text(&link, "&who=");
        http_encode(&link, query->who, false);
    }
    return buffer_detach(&link, &out, NULL, NULL) == 0 ? out : NULL;
}

static void list(struct call *call, const struct audit_query *query)
{
    struct error err = { 0 };
    int64_t last = 0;
    int64_t count = 0;
    char *next = NULL;
    sqlite3_stmt *row = store_query(
        call->plane->store, &err,
        "SELECT sequence, at_ms, caller, caller_name, disguise, disguise_name, method, action,"
        " resource, outcome, status, code, request_id, count, last_ms FROM audit"
        " WHERE sequence < ?1 AND last_ms >= ?2 AND (?3 IS NULL OR outcome = ?3)"
        " AND (?4 IS NULL OR caller = ?4 OR caller_name = ?4 OR disguise = ?4 OR"
        " disguise_name = ?4) ORDER BY sequence DESC LIMIT ?5",
        "iissi", query->before, query->since_ms, query->outcome, query->who, query->top + 1);
    int rc = row ? 1 : ERROR_IO;
    answer_list_begin(call);
    while (rc == 1 && (rc = store_step(call->plane->store, row, &err)) == 1) {
        if (count++ == query->top) {
            next = next_link(call, query, last);
            break;
        }
        last = sqlite3_column_int64(row, 0);
        add_line(call, row);
    }
    store_done(row);
    if (rc < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, next);
    free(next);
}

void audit_list(struct call *call)
{
    struct audit_query query = { .before = INT64_MAX, .top = AUDIT_PAGE_MAX };
    audit_flush(call->plane);
    if (read_query(call, &query))
        list(call, &query);
    free(query.who);
    free(query.outcome);
}
