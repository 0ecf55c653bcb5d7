/* audit_command.c - audit: what was done and what was refused, as a local plane's own log has it. */
#include "base/clock.h"
#include "base/duration.h"
#include "base/text.h"
#include "cli/access_commands.h"
#include "cli/session.h"
#include "rbac/words.h"

#define AUDIT_PATH "/moonfleet/audit"
#define LINES_DEFAULT 50
#define LINES_MAX 1000 /* of a page: the plane's most */

/* "2d" ago, a day, or a moment, as RFC 3339. */
static int since_of(const char *said, char out[TIME_TEXT_SIZE], struct error *err)
{
    char moment[64];
    int64_t unix_ms = 0, span_s = 0;
    (void)snprintf(moment, sizeof moment, "%s%s", said,
                   strlen(said) == strlen("2026-11-21") ? "T00:00:00Z" : "");
    if (time_parse(moment, &unix_ms) == 0) {
        time_format(unix_ms, out);
        return 0;
    }
    if (duration_parse(said, &span_s, NULL) < 0 || span_s > INT64_C(1000) * 366 * 86400)
        return error_set(err, ERROR_USAGE,
                         "--since %.100s is neither a span (2d, 30m) nor a day or moment "
                         "(2026-11-21, 2026-11-21T07:42:00Z)",
                         said);
    time_format(clock_unix_ms(clock_real()) - (span_s * 1000), out);
    return 0;
}

static void add_parameter(struct buffer *query, const char *name, const char *value)
{
    buffer_format(query, "%s%s=", query->size ? "&" : "", name);
    http_encode(query, value, false);
}

static int make_query(const struct invocation *invocation, long top, struct buffer *out,
                      struct error *err)
{
    char since[TIME_TEXT_SIZE];
    const char *who = invocation_value(invocation, "who", NULL);
    const char *said = invocation_value(invocation, "since", NULL);
    if (said) {
        int rc = since_of(said, since, err);
        if (rc < 0)
            return rc;
        add_parameter(out, "since", since);
    }
    if (who)
        add_parameter(out, "who", who);
    if (invocation_flag(invocation, "denied"))
        add_parameter(out, "outcome", "denied");
    buffer_format(out, "%stop=%ld", out->size ? "&" : "", top);
    return buffer_check(out, "the question", err);
}

/* ---- showing ---- */

/* "instance ds-ada", or the path. */
static void say_resource(struct buffer *out, const char *path)
{
    const char *end = strstr(path, "/providers/Microsoft.Authorization/");
    const char *compute = strstr(path, "/computes/");
    char *cut = NULL;
    if (end)
        cut = text_dup_size(path, end > path ? (size_t)(end - path) : 0);
    else if (compute)
        cut = text_dup_size(path, (size_t)(compute - path) + strlen("/computes/") +
                                      strcspn(compute + strlen("/computes/"), "/"));
    if (cut && !cut[0])
        buffer_text(out, "everything (/)");
    else
        rbac_scope_words(out, cut ? cut : path);
    free(cut);
}

static void audit_row(struct table *table, const cJSON *line)
{
    char when[TIME_TEXT_SIZE], who[512], outcome[128];
    struct buffer resource = { 0 };
    const char *as = json_string(line, "as.name", NULL);
    const char *action = json_string(line, "action", "");
    const char *what = json_string(line, "outcome", "");
    const char *code = json_string(line, "code", "");
    int64_t count = json_int(line, "count", 1);
    (void)snprintf(when, sizeof when, "%.19sZ", json_string(line, "time", ""));
    (void)snprintf(who, sizeof who, "%.200s%s%.200s", json_string(line, "caller.name", "?"),
                   as ? " as " : "", as ? as : "");
    if (count > 1)
        (void)snprintf(outcome, sizeof outcome, "%.20s ×%lld%s%.80s", what, (long long)count,
                       *code ? ", " : "", code);
    else
        (void)snprintf(outcome, sizeof outcome, "%.20s%s%.80s", what, *code ? ", " : "", code);
    say_resource(&resource, json_string(line, "resource", ""));
    table_row(table);
    table_cell(table, when, STYLE_DIM);
    table_cell(table, who, STYLE_BOLD);
    table_cell(table, *action ? rbac_action_word(action) : json_string(line, "method", NULL),
               STYLE_PLAIN);
    table_cell(table, resource.data, STYLE_PLAIN);
    table_cell(table, outcome, text_equal(what, "done") ? STYLE_GREEN : STYLE_RED);
    buffer_clear(&resource);
}

static int print_lines(struct output *output, const cJSON *lines, struct error *err)
{
    static const char *const headings[] = { "TIME", "WHO", "ACTION", "ON", "OUTCOME", NULL };
    int count = cJSON_GetArraySize(lines);
    if (!lines || count == 0) {
        output_note(output, "nothing in the audit log\n");
        return 0;
    }
    struct table *table = table_new(output, headings);
    const cJSON *line = table ? lines->child->prev : NULL; /* the newest comes first: last here */
    for (int i = 0; i < count && line; i++, line = line->prev)
        audit_row(table, line);
    return table ? table_print(table, err) : error_set(err, ERROR_NO_MEMORY, "no memory");
}

/* ---- asking ---- */

/* Another plane, Azure's among them, keeps no log of ours. */
static int elsewhere(const struct session *session, struct error *err)
{
    const struct context *context = session_context(session);
    return error_set(
        err, ERROR_NOT_FOUND,
        "the plane of context '%s' has no audit log of this kind; Azure keeps its own: "
        "`az monitor activity-log list --resource-group %s`, or Monitor, Activity log "
        "in the portal",
        context->name, context->group ? context->group : "NAME");
}

static bool speaks_audit(int rc, const struct error *err)
{
    return !(rc == ERROR_NOT_FOUND || err->status == 404 || err->status == 405 ||
             text_equal(err->name, "InvalidResourceType"));
}

/* Pages until there are enough lines. */
static int ask(struct session *session, const char *query, long wanted, cJSON **out,
               struct error *err)
{
    struct arm_request request = { .method = HTTP_GET, .path = AUDIT_PATH, .query = query };
    cJSON *all = cJSON_CreateArray(), *body = NULL;
    char *next = NULL;
    int rc = all ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
    while (rc == 0 && cJSON_GetArraySize(all) < wanted) {
        rc = arm_wait(session_client(session), &request, &body, err);
        cJSON *value = cJSON_GetObjectItemCaseSensitive(body, "value");
        while (rc == 0 && value && value->child && cJSON_GetArraySize(all) < wanted)
            (void)cJSON_AddItemToArray(all, cJSON_DetachItemFromArray(value, 0));
        const char *link = json_string(body, "nextLink", NULL);
        free(next);
        next = link ? strdup(link) : NULL;
        cJSON_Delete(body);
        body = NULL;
        if (!next)
            break;
        request.path = next;
        request.query = NULL;
    }
    free(next);
    if (rc == 0)
        *out = all;
    else
        cJSON_Delete(all);
    return rc;
}

static int run_audit(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct buffer query = { 0 };
    cJSON *lines = NULL;
    long wanted = LINES_DEFAULT;
    int rc = invocation_number(invocation, "lines", 1, 1000000, LINES_DEFAULT, &wanted, err);
    if (rc == 0)
        rc = make_query(invocation, wanted < LINES_MAX ? wanted : LINES_MAX, &query, err);
    if (rc == 0)
        rc = session_open(invocation, &session, err);
    if (rc == 0) {
        rc = ask(session, query.data, wanted, &lines, err);
        if (rc < 0 && !speaks_audit(rc, err))
            rc = elsewhere(session, err);
    }
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddItemToObject(document, "lines", lines);
        lines = NULL;
        output_json(invocation->output, document);
    } else if (rc == 0) {
        rc = print_lines(invocation->output, lines, err);
    }
    cJSON_Delete(lines);
    buffer_clear(&query);
    session_free(session);
    return rc < 0 ? rc : EXIT_DONE;
}

static const struct option_row audit_options[] = {
    { "who", 0, "WHO", "only what they did, or what was done as them", COMPLETES_NOTHING, NULL },
    { "denied", 0, NULL, "only what was refused for want of a right", COMPLETES_NOTHING, NULL },
    { "since", 0, "SPAN|TIME", "2d, 30m, 2026-11-21, 2026-11-21T07:42:00Z", COMPLETES_NOTHING,
      NULL },
    { "lines", 'n', "N", "the newest N lines (50)", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_audit = {
    .name = "audit",
    .arguments = "",
    .summary = "what was done and what was refused, by whom",
    .details = "Every write and every refusal, the newest at the end; for the plane's owner.\n"
               "Azure keeps a log of its own (az monitor activity-log list).\n"
               "--json: {\"lines\":[{\"sequence\",\"time\",\"caller\":{\"id\",\"name\"},"
               "\"as\":{…}|null,\"method\",\n\"action\",\"resource\",\"outcome\":\"done|denied|"
               "failed\",\"status\",\"code\",\"requestId\",\n\"count\",\"lastTime\"}]}, the newest "
               "first.",
    .examples = "moonfleet audit --denied --since 1d\n"
                "moonfleet audit --who ada@moonfleet.local -n 200 --json",
    .options = audit_options,
    .needs = NEEDS_PLANE,
    .run = run_audit,
};
