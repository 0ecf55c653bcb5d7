/* instance_logs.c - logs: what an instance's setup scripts printed, when, and how they ended. */
#include "cli/instances.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "model/schema.h"
#include "setup/secrets.h"

#define POLL_MS 300
#define TIMES_MAX ((size_t)4 << 20)     /* text of a .times file */
#define LINE_MAX_SIZE ((size_t)1 << 20) /* with --times: longer lines are printed in pieces */

/* Bytes from `offset` on came at `unix_ms`; 0: nobody knows when. */
struct mark {
    int64_t offset, unix_ms;
};

/* One `logs` command. */
struct reading {
    struct invocation *invocation;
    struct session *session;
    struct workspace_ref workspace;
    const char *name;
    bool follow, times;
    long run;                      /* 0: the last */
    struct secrets *secrets;       /* of its scripts, where the plane gives them: owned */
    struct secrets_filter *filter; /* owned; NULL: nothing to hide */
    struct buffer all;             /* --json: the text so far */
    cJSON *log;                    /* owned: the row of the log that is read */
    int64_t offset;
    bool line_open; /* what was printed last was no newline */

    struct buffer times_text; /* of the .times file, not read into marks yet */
    int64_t times_offset;
    struct mark *marks;
    size_t mark_count, mark_capacity, mark_at;
    struct buffer line;  /* --times: the line that is not whole yet … */
    int64_t line_offset; /* … and where it begins */
};

/* ---- runs ---- */

/* The number in front of a log's name ("0003-startup.log"). */
static long run_number(const cJSON *log)
{
    const char *name = json_string(log, "name", "");
    char digits[16];
    int64_t number = 0;
    size_t size = strspn(name, "0123456789");
    if (size >= sizeof digits)
        return 0;
    memcpy(digits, name, size);
    digits[size] = '\0';
    return text_to_int64(digits, 0, 1000000000, &number) == 0 ? (long)number : 0;
}

/* The row that is meant: that of --run, or the first behind `after`, or the last; NULL: there is none
 * (yet).  Borrowed from `reply`. */
static const cJSON *choose_log(const cJSON *reply, long run, long after)
{
    const cJSON *log = NULL, *chosen = NULL;
    cJSON_ArrayForEach(log, json_at(reply, "value"))
    {
        long number = run_number(log);
        if (after > 0 && number > after)
            return log;
        if (after == 0 && (run == 0 || number == run))
            chosen = log;
    }
    return chosen;
}

static void on_pause(void *arg)
{
    *(bool *)arg = true;
}

static int pause_a_little(struct reading *reading, struct error *err)
{
    struct loop_timer *timer = NULL;
    bool over = false;
    int rc = loop_timer_new(session_loop(reading->session), on_pause, &over, &timer);
    if (rc == 0)
        rc = loop_timer_set(timer, POLL_MS);
    if (rc == 0)
        rc = loop_run_until(session_loop(reading->session), &over);
    loop_timer_free(timer);
    return rc < 0 ? error_set(err, rc, "waiting for more of the log") : 0;
}

static int get_instance(struct reading *reading, cJSON **out, struct error *err)
{
    struct computes_request request = { 0 };
    int rc = computes_get(&request, &reading->workspace, reading->name, err);
    if (rc == 0)
        rc = arm_wait(session_client(reading->session), &request.arm, out, err);
    computes_request_clear(&request);
    return rc;
}

/* Is the instance still on the way somewhere, so that a log may yet begin? */
static int may_begin(struct reading *reading, bool *out, struct error *err)
{
    cJSON *body = NULL;
    int rc = get_instance(reading, &body, err);
    if (rc == 0)
        *out = body && instance_phase(body) == INSTANCE_MOVING;
    cJSON_Delete(body);
    return rc;
}

static int list_logs(struct reading *reading, cJSON **out, struct error *err)
{
    struct computes_request request = { 0 };
    int rc = computes_logs(&request, &reading->workspace, reading->name, err);
    if (rc == 0)
        rc = arm_wait(session_client(reading->session), &request.arm, out, err);
    computes_request_clear(&request);
    return rc;
}

/* Finds the log (the first behind run `after`; 0: the one that is meant), waiting for it to begin
 * with -f; reading->log stays NULL when none will. */
static int find_log(struct reading *reading, long after, struct error *err)
{
    for (;;) {
        cJSON *reply = NULL;
        bool again = false;
        /* Asked before the list: a script that ends in between is in the list then. */
        int rc = reading->follow ? may_begin(reading, &again, err) : 0;
        if (rc == 0)
            rc = list_logs(reading, &reply, err);
        if (rc == 0)
            reading->log = cJSON_Duplicate(choose_log(reply, reading->run, after), true);
        cJSON_Delete(reply);
        if (rc < 0 || reading->log || !again)
            return rc;
        rc = pause_a_little(reading, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- secrets, where the plane gives the scripts as they are ---- */

static int take_secrets(struct reading *reading, struct error *err)
{
    static const char *const kinds[] = { "creationScript", "startupScript" };
    cJSON *body = NULL;
    int rc = secrets_new(&reading->secrets, err);
    if (rc == 0)
        rc = get_instance(reading, &body, err);
    for (size_t i = 0; rc == 0 && i < COUNT(kinds); i++) {
        char path[96];
        struct buffer text = { 0 };
        (void)snprintf(path, sizeof path,
                       "properties.properties.setupScripts.scripts.%s.scriptData", kinds[i]);
        const char *data = json_string(body, path, "");
        if (base64_decode(data, strlen(data), &text) == 0 && text.size > 0)
            (void)secrets_read(text.data, text.size, reading->secrets, NULL, NULL);
        buffer_clear(&text);
    }
    cJSON_Delete(body);
    return rc;
}

/* ---- times ---- */

static int add_mark(struct reading *reading, const char *line, struct error *err)
{
    char offset[32];
    struct mark mark;
    size_t size = strcspn(line, " ");
    if (line[size] != ' ' || size >= sizeof offset)
        return 0; /* it was written inside the instance: what makes no sense is left out */
    (void)snprintf(offset, sizeof offset, "%.*s", (int)size, line);
    if (text_to_int64(offset, 0, INT64_MAX, &mark.offset) < 0 ||
        text_to_int64(line + size + 1, 0, INT64_MAX, &mark.unix_ms) < 0)
        return 0;
    if (reading->mark_count == reading->mark_capacity) {
        size_t capacity = reading->mark_capacity ? reading->mark_capacity * 2 : 256;
        struct mark *more = realloc(reading->marks, capacity * sizeof *more);
        if (!more)
            return error_set(err, ERROR_NO_MEMORY, "no memory for a log's times");
        reading->marks = more;
        reading->mark_capacity = capacity;
    }
    reading->marks[reading->mark_count++] = mark;
    return 0;
}

/* The whole lines that have come. */
static int take_marks(struct reading *reading, struct error *err)
{
    struct buffer *text = &reading->times_text;
    char *newline;
    size_t at = 0;
    int rc = buffer_check(text, "a log's times", err);
    while (rc == 0 && at < text->size &&
           (newline = memchr(text->data + at, '\n', text->size - at))) {
        *newline = '\0';
        rc = add_mark(reading, text->data + at, err);
        at = (size_t)(newline - text->data) + 1;
    }
    buffer_consume(text, at);
    return rc;
}

/* When the byte at `offset` came, 0: not known; offsets are asked for in their order. */
static int64_t time_of(struct reading *reading, int64_t offset)
{
    while (reading->mark_at + 1 < reading->mark_count &&
           reading->marks[reading->mark_at + 1].offset <= offset)
        reading->mark_at++;
    const struct mark *mark = &reading->marks[reading->mark_at];
    return reading->mark_count > 0 && mark->offset <= offset ? mark->unix_ms : 0;
}

/* ---- printing ---- */

/* "2026-11-21T11:42:55.700Z line": of a line that was overwritten (a progress bar) its last state. */
static void print_line(struct reading *reading, const char *line, size_t size)
{
    char text[TIME_TEXT_SIZE] = "";
    struct buffer shown = { 0 };
    const char *state = text_last_state(line, &size);
    int64_t ms = time_of(reading, reading->line_offset);
    if (ms > 0)
        time_format(ms, text);
    secrets_redact(reading->secrets, state, size, &shown);
    (void)printf("%.23s%s ", ms > 0 ? text : "-", ms > 0 ? "Z" : "");
    (void)fwrite(shown.data ? shown.data : "", 1, shown.size, stdout);
    (void)putchar('\n');
    buffer_clear(&shown);
}

/* Prints the lines that are whole; at the end the last one too. */
static void print_lines(struct reading *reading, bool end)
{
    struct buffer *line = &reading->line;
    size_t at = 0;
    while (at < line->size) {
        size_t left = line->size - at;
        const char *newline = memchr(line->data + at, '\n', left);
        if (!newline && !end && left < LINE_MAX_SIZE)
            break;
        size_t size = newline ? (size_t)(newline - line->data) - at : left;
        print_line(reading, line->data + at, size);
        size += newline != NULL;
        reading->line_offset += (int64_t)size;
        at += size;
    }
    buffer_consume(line, at);
}

static void take_text(struct reading *reading, const char *text, size_t size, bool end)
{
    struct buffer shown = { 0 };
    if (reading->filter) {
        secrets_filter_put(reading->filter, text, size, &shown);
        if (end)
            secrets_filter_end(reading->filter, &shown);
        text = shown.data;
        size = shown.size;
    }
    if (size > 0 && reading->invocation->output->json)
        buffer_append(&reading->all, text, size);
    else if (size > 0 && reading->times)
        buffer_append(&reading->line, text, size);
    else if (size > 0)
        (void)fwrite(text, 1, size, stdout); /* as it is: it is theirs */
    if (size > 0)
        reading->line_open = text[size - 1] != '\n' && !reading->times;
    buffer_clear(&shown);
}

/* ---- reading ---- */

/* One reply with text. */
struct chunk {
    struct reading *reading;
    struct buffer *into; /* NULL: to take_text() */
    struct error *err;
    int rc;
    bool complete, over;
    size_t size;
};

static void on_chunk(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct chunk *chunk = arg;
    chunk->rc = rc;
    chunk->over = true;
    if (rc < 0) {
        if (chunk->err)
            *chunk->err = *err;
        return;
    }
    const char *complete =
        reply->headers ? http_header_get(reply->headers, COMPUTES_LOG_COMPLETE) : NULL;
    chunk->complete = !text_equal_nocase(complete, "false");
    chunk->size = reply->text_size;
    if (chunk->into)
        buffer_append(chunk->into, reply->text, reply->text_size);
    else
        take_text(chunk->reading, reply->text, reply->text_size, false);
}

static int read_chunk(struct chunk *chunk, const char *name, int64_t *offset, struct error *err)
{
    struct reading *reading = chunk->reading;
    struct computes_request request = { 0 };
    int rc = computes_log_read(&request, &reading->workspace, reading->name, name, *offset, err);
    if (rc == 0)
        rc = arm_send(session_client(reading->session), &request.arm, on_chunk, chunk, NULL, err);
    computes_request_clear(&request);
    if (rc == 0)
        rc = loop_run_until(session_loop(reading->session), &chunk->over);
    if (rc == 0)
        rc = chunk->rc;
    *offset += (int64_t)chunk->size;
    return rc;
}

/* What the .times file has by now.  A plane or a log without one has no times: that is all. */
static int read_times(struct reading *reading, struct error *err)
{
    const char *log = json_string(reading->log, "name", "");
    char *name = text_format("%.*s.times", (int)(strlen(log) - strlen(".log")), log);
    int rc = name ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
    bool more = rc == 0;
    while (more) {
        struct error why = { 0 };
        struct chunk chunk = { .reading = reading, .into = &reading->times_text, .err = &why };
        more = read_chunk(&chunk, name, &reading->times_offset, &why) == 0 && chunk.size > 0 &&
               (size_t)reading->times_offset < TIMES_MAX;
        rc = take_marks(reading, err);
    }
    free(name);
    return rc;
}

/* Reads what is there; with -f until the script has ended. */
static int read_log(struct reading *reading, bool *out_complete, struct error *err)
{
    for (;;) {
        struct chunk chunk = { .reading = reading, .err = err };
        int rc = read_chunk(&chunk, json_string(reading->log, "name", ""), &reading->offset, err);
        *out_complete = chunk.complete;
        bool end = chunk.size == 0 && (chunk.complete || !reading->follow);
        if (rc == 0 && end)
            take_text(reading, "", 0, true);
        if (rc == 0 && (reading->times || reading->invocation->output->json))
            rc = read_times(reading, err);
        if (rc < 0)
            return rc;
        print_lines(reading, end);
        (void)fflush(stdout);
        if (output_is_broken() || end)
            return buffer_check(&reading->line, "a line of the log", err);
        if (chunk.size > 0)
            continue; /* there may be more already */
        rc = pause_a_little(reading, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- what is said of a run ---- */

static void elapsed_text(const cJSON *log, char *out, size_t out_size)
{
    int64_t start = 0, end = 0;
    (void)text_copy(out, out_size, "-");
    if (time_parse(json_string(log, "startTime", ""), &start) == 0 &&
        time_parse(json_string(log, "endTime", ""), &end) == 0 && end >= start)
        (void)snprintf(out, out_size, "%.1fs", (double)(end - start) / 1000.0);
}

static void outcome_text(const cJSON *log, char *out, size_t out_size)
{
    if (!json_string(log, "endTime", NULL))
        (void)text_copy(out, out_size, "runs, or was cut off");
    else if (json_bool(log, "timedOut", false))
        (void)text_copy(out, out_size, "timed out");
    else
        (void)snprintf(out, out_size, "exit status %d", (int)json_int(log, "exitStatus", -1));
}

/* To stderr, so that stdout has the log and nothing else. */
static int tell_run(struct reading *reading, struct error *err)
{
    char elapsed[32], outcome[64], start[OUTPUT_SAFE_SIZE];
    cJSON *reply = NULL;
    long number = run_number(reading->log);
    const char *gap =
        reading->line_open && reading->invocation->output->out_is_terminal ? "\n" : "";
    int rc = list_logs(reading, &reply, err);
    const cJSON *log = rc == 0 ? choose_log(reply, number, 0) : NULL;
    if (log) {
        elapsed_text(log, elapsed, sizeof elapsed);
        outcome_text(log, outcome, sizeof outcome);
        output_safe(start, sizeof start, json_string(log, "startTime", "?"));
        output_note(reading->invocation->output,
                    "%smoonfleet: run %ld (%s) began %.19sZ, took %s: %s\n", gap, number,
                    json_string(log, "kind", "?"), start, elapsed, outcome);
    }
    cJSON_Delete(reply);
    return rc;
}

static cJSON *times_json(const struct reading *reading)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < reading->mark_count; i++) {
        char text[TIME_TEXT_SIZE];
        cJSON *entry = cJSON_CreateObject();
        time_format(reading->marks[i].unix_ms, text);
        (void)cJSON_AddNumberToObject(entry, "offset", (double)reading->marks[i].offset);
        if (reading->marks[i].unix_ms > 0)
            (void)cJSON_AddStringToObject(entry, "time", text);
        else
            (void)cJSON_AddNullToObject(entry, "time");
        (void)cJSON_AddItemToArray(list, entry);
    }
    return list;
}

static int print_log_json(struct reading *reading, bool complete, struct error *err)
{
    cJSON *document = cJSON_CreateObject();
    struct buffer data = { 0 };
    const char *text = reading->all.data ? reading->all.data : "";
    int rc = buffer_check(&reading->all, "the log", err);
    cJSON_AddStringToObject(document, "instance", reading->name);
    cJSON_AddItemToObject(document, "log",
                          reading->log ? cJSON_Duplicate(reading->log, true) : cJSON_CreateNull());
    cJSON_AddBoolToObject(document, "complete", complete);
    if (text_is_utf8(text, reading->all.size)) {
        cJSON_AddStringToObject(document, "text", text);
    } else {
        base64_encode(text, reading->all.size, &data);
        rc = rc == 0 ? buffer_check(&data, "the log", err) : rc;
        cJSON_AddNullToObject(document, "text");
        cJSON_AddStringToObject(document, "base64", data.data ? data.data : "");
    }
    cJSON_AddItemToObject(document, "times", times_json(reading));
    buffer_clear(&data);
    if (rc == 0)
        output_json(reading->invocation->output, document);
    else
        cJSON_Delete(document);
    return rc;
}

/* ---- the list of runs ---- */

static int print_runs(struct reading *reading, struct error *err)
{
    static const char *const headings[] = { "RUN",  "KIND",   "BEGAN",     "TOOK", "ENDED",
                                            "SIZE", "DIGEST", "ARGUMENTS", NULL };
    struct output *output = reading->invocation->output;
    cJSON *reply = NULL, *log = NULL;
    int rc = list_logs(reading, &reply, err);
    if (rc == 0 && output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON *runs = cJSON_DetachItemFromObjectCaseSensitive(reply, "value");
        cJSON_ArrayForEach(log, runs) cJSON_AddNumberToObject(log, "run", (double)run_number(log));
        cJSON_AddStringToObject(document, "instance", reading->name);
        cJSON_AddItemToObject(document, "runs", runs ? runs : cJSON_CreateArray());
        output_json(output, document);
        cJSON_Delete(reply);
        return 0;
    }
    struct table *table = rc == 0 ? table_new(output, headings) : NULL;
    cJSON_ArrayForEach(log, json_at(reply, "value"))
    {
        char number[24], elapsed[32], outcome[64], size[32], digest[16], began[24];
        (void)snprintf(number, sizeof number, "%ld", run_number(log));
        (void)snprintf(began, sizeof began, "%.19sZ", json_string(log, "startTime", "-"));
        (void)snprintf(digest, sizeof digest, "%.8s", json_string(log, "digest", "-"));
        elapsed_text(log, elapsed, sizeof elapsed);
        outcome_text(log, outcome, sizeof outcome);
        output_bytes(json_int(log, "size", 0), size, sizeof size);
        const char *cells[] = { number,  json_string(log, "kind", "-"),
                                began,   elapsed,
                                outcome, size,
                                digest,  json_string(log, "arguments", "-") };
        table_row(table);
        for (size_t i = 0; i < COUNT(cells); i++)
            table_cell(table, cells[i], STYLE_PLAIN);
    }
    cJSON_Delete(reply);
    return rc == 0 ? table_print(table, err) : rc;
}

/* ---- the command ---- */

/* The next log begins where this one ended. */
static void forget_log(struct reading *reading)
{
    cJSON_Delete(reading->log);
    reading->log = NULL;
    reading->offset = reading->times_offset = reading->line_offset = 0;
    reading->mark_count = reading->mark_at = 0;
    buffer_reset(&reading->times_text);
    buffer_reset(&reading->line);
}

/* Reads the log; with -f and no --run those that begin behind it, too, until nothing is on its way. */
static int read_logs(struct reading *reading, bool *out_complete, struct error *err)
{
    struct output *output = reading->invocation->output;
    int rc = 0;
    while (rc == 0 && reading->log) {
        long number = run_number(reading->log);
        rc = read_log(reading, out_complete, err);
        if (rc == 0 && !output->json && !output_is_broken())
            rc = tell_run(reading, err);
        if (rc < 0 || !reading->follow || reading->run > 0 || output->json || output_is_broken())
            break;
        forget_log(reading);
        rc = find_log(reading, number, err);
    }
    return rc;
}

static int run_reading(struct reading *reading, struct error *err)
{
    struct output *output = reading->invocation->output;
    bool complete = true;
    int rc = take_secrets(reading, err);
    if (rc == 0 && secrets_count(reading->secrets) > 0 && (!reading->times || output->json))
        rc = secrets_filter_new(reading->secrets, &reading->filter, err);
    if (rc == 0)
        rc = find_log(reading, 0, err);
    if (rc == 0 && !reading->log && reading->run > 0)
        rc = error_set(err, ERROR_NOT_FOUND, "%s has no run %ld; 'logs %s --runs' lists them",
                       reading->name, reading->run, reading->name);
    bool found = reading->log != NULL;
    if (rc == 0)
        rc = read_logs(reading, &complete, err);
    if (rc == 0 && output->json)
        rc = print_log_json(reading, complete, err);
    else if (rc == 0 && !found)
        output_note(output, "no setup script has run on it\n");
    return rc;
}

static void reading_clear(struct reading *reading)
{
    forget_log(reading);
    secrets_filter_free(reading->filter);
    secrets_free(reading->secrets);
    free(reading->marks);
    buffer_clear(&reading->all);
    buffer_clear(&reading->times_text);
    buffer_clear(&reading->line);
    session_free(reading->session);
}

static int run_logs(struct invocation *invocation, struct error *err)
{
    struct reading reading = { .invocation = invocation,
                               .name = invocation->arguments[0],
                               .follow = invocation_flag(invocation, "follow"),
                               .times = invocation_flag(invocation, "times") };
    int rc = invocation_number(invocation, "run", 1, 999999999, 0, &reading.run, err);
    if (rc == 0)
        rc = session_open(invocation, &reading.session, err);
    if (rc == 0)
        rc = session_workspace(reading.session, &reading.workspace, err);
    if (rc == 0)
        rc = invocation_flag(invocation, "runs") ? print_runs(&reading, err)
                                                 : run_reading(&reading, err);
    reading_clear(&reading);
    return rc;
}

static const struct option_row logs_options[] = {
    { "follow", 'f', NULL, "wait for more until the scripts have ended", COMPLETES_NOTHING, NULL },
    { "run", 0, "N", "the N-th run of a setup script instead of the last", COMPLETES_NOTHING,
      NULL },
    { "runs", 0, NULL, "list the runs: when, how long, how they ended, of which script",
      COMPLETES_NOTHING, NULL },
    { "times", 't', NULL, "put in front of each line when it came", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_logs = {
    .name = "logs",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "what an instance's setup scripts printed",
    .details =
        "stdout gets the output as it is; when the run began and how it ended goes to stderr. -f\n"
        "goes on to the next script's run while the instance is being set up. With --times lines\n"
        "that were overwritten (progress bars) show their last state. --json:\n"
        "{\"instance\",\"log\":{\"name\",\"kind\",\"startTime\",\"endTime\",\"exitStatus\","
        "\"timedOut\","
        "\"size\",\n"
        "\"digest\",\"arguments\"},\"complete\",\"text\",\"times\":[{\"offset\",\"time\"}]}; "
        "output that is\n"
        "not UTF-8 comes as \"base64\" instead of \"text\". --runs --json: "
        "{\"instance\",\"runs\":[…]}.",
    .examples = "moonfleet logs ds-ada\n"
                "moonfleet logs ds-ada -f\twhile it is being set up\n"
                "moonfleet logs ds-ada --runs\twhat ran on it\n"
                "moonfleet logs ds-ada --run 1 --times\tthe creation script's, with times",
    .options = logs_options,
    .needs = NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_logs,
};
