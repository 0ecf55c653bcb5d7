/* instance_inside.c - logs and exec: what happens inside an instance. */
#include "cli/instances.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "model/schema.h"

#define POLL_MS 300

/* ---- logs ---- */

/* One `logs` command. */
struct reading {
    struct invocation *invocation;
    struct session *session;
    struct workspace_ref workspace;
    const char *name;
    bool follow;
    long run;          /* 0: the last */
    struct buffer all; /* --json: the text so far */
    cJSON *log;        /* owned: the row of the log that is read */
    int64_t offset;
};

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

/* The row that is meant; NULL: there is none (yet). Borrowed from `reply`. */
static const cJSON *choose_log(const cJSON *reply, long run)
{
    const cJSON *log = NULL, *chosen = NULL;
    cJSON_ArrayForEach(log, json_at(reply, "value"))
    {
        if (run == 0 || run_number(log) == run)
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

/* Is the instance still on the way somewhere, so that a log may yet begin? */
static int may_begin(struct reading *reading, bool *out, struct error *err)
{
    struct computes_request request = { 0 };
    cJSON *body = NULL;
    int rc = computes_get(&request, &reading->workspace, reading->name, err);
    if (rc == 0)
        rc = arm_wait(session_client(reading->session), &request.arm, &body, err);
    if (rc == 0)
        *out = body && instance_phase(body) == INSTANCE_MOVING;
    cJSON_Delete(body);
    computes_request_clear(&request);
    return rc;
}

/* Finds the log, waiting for it to begin with -f; reading->log stays NULL when none will. */
static int find_log(struct reading *reading, struct error *err)
{
    for (;;) {
        struct computes_request request = { 0 };
        cJSON *reply = NULL;
        bool again = false;
        int rc = computes_logs(&request, &reading->workspace, reading->name, err);
        if (rc == 0)
            rc = arm_wait(session_client(reading->session), &request.arm, &reply, err);
        computes_request_clear(&request);
        if (rc == 0)
            reading->log = cJSON_Duplicate(choose_log(reply, reading->run), true);
        cJSON_Delete(reply);
        if (rc == 0 && !reading->log && reading->follow)
            rc = may_begin(reading, &again, err);
        if (rc == 0 && again)
            rc = pause_a_little(reading, err);
        if (rc < 0 || !again)
            return rc;
    }
}

/* One reply with text. */
struct chunk {
    struct reading *reading;
    struct error *err;
    int rc;
    bool complete, over;
    size_t size;
};

static void on_chunk(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct chunk *chunk = arg;
    struct reading *reading = chunk->reading;
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
    if (reading->invocation->output->json)
        buffer_append(&reading->all, reply->text, reply->text_size);
    else if (reply->text_size > 0)
        (void)fwrite(reply->text, 1, reply->text_size, stdout); /* as it is: it is theirs */
}

static int read_chunk(struct chunk *chunk, struct error *err)
{
    struct reading *reading = chunk->reading;
    struct computes_request request = { 0 };
    int rc = computes_log_read(&request, &reading->workspace, reading->name,
                               json_string(reading->log, "name", ""), reading->offset, err);
    if (rc == 0)
        rc = arm_send(session_client(reading->session), &request.arm, on_chunk, chunk, NULL, err);
    computes_request_clear(&request);
    if (rc == 0)
        rc = loop_run_until(session_loop(reading->session), &chunk->over);
    if (rc == 0)
        rc = chunk->rc;
    reading->offset += (int64_t)chunk->size;
    return rc;
}

/* Reads what is there; with -f until the script has ended. */
static int read_log(struct reading *reading, bool *out_complete, struct error *err)
{
    for (;;) {
        struct chunk chunk = { .reading = reading, .err = err };
        int rc = read_chunk(&chunk, err);
        if (rc < 0)
            return rc;
        (void)fflush(stdout);
        *out_complete = chunk.complete;
        if (output_is_broken() || (chunk.size == 0 && (chunk.complete || !reading->follow)))
            return 0;
        if (chunk.size > 0)
            continue; /* there may be more already */
        rc = pause_a_little(reading, err);
        if (rc < 0)
            return rc;
    }
}

static int print_log_json(struct reading *reading, bool complete, struct error *err)
{
    cJSON *document = cJSON_CreateObject();
    int rc = buffer_check(&reading->all, "the log", err);
    cJSON_AddStringToObject(document, "instance", reading->name);
    cJSON_AddItemToObject(document, "log",
                          reading->log ? cJSON_Duplicate(reading->log, true) : cJSON_CreateNull());
    cJSON_AddBoolToObject(document, "complete", complete);
    cJSON_AddStringToObject(document, "text", reading->all.data ? reading->all.data : "");
    if (rc == 0)
        output_json(reading->invocation->output, document);
    else
        cJSON_Delete(document);
    return rc;
}

static int run_logs(struct invocation *invocation, struct error *err)
{
    struct reading reading = { .invocation = invocation,
                               .name = invocation->arguments[0],
                               .follow = invocation_flag(invocation, "follow") };
    bool complete = true;
    int rc = invocation_number(invocation, "run", 1, 999999999, 0, &reading.run, err);
    if (rc == 0)
        rc = session_open(invocation, &reading.session, err);
    if (rc == 0)
        rc = session_workspace(reading.session, &reading.workspace, err);
    if (rc == 0)
        rc = find_log(&reading, err);
    if (rc == 0 && !reading.log && reading.run > 0)
        rc = error_set(err, ERROR_NOT_FOUND, "%s has no run %ld", reading.name, reading.run);
    if (rc == 0 && reading.log)
        rc = read_log(&reading, &complete, err);
    if (rc == 0 && invocation->output->json)
        rc = print_log_json(&reading, complete, err);
    else if (rc == 0 && !reading.log)
        output_note(invocation->output, "no setup script has run on it\n");
    buffer_clear(&reading.all);
    cJSON_Delete(reading.log);
    session_free(reading.session);
    return rc;
}

/* ---- exec ---- */

/* Asks the plane which command line does it. */
static int ask_exec(struct invocation *invocation, bool terminal, cJSON **out, struct error *err)
{
    struct session *session = NULL;
    struct workspace_ref workspace;
    struct computes_request request = { 0 };
    cJSON *reply = NULL;
    int rc = session_open(invocation, &session, err);
    if (rc == 0 && session_context(session)->kind == PLANE_URL)
        rc = error_set(err, ERROR_INVALID, "exec works on planes of this machine only");
    if (rc == 0)
        rc = session_workspace(session, &workspace, err);
    if (rc == 0)
        rc = computes_exec(&request, &workspace, invocation->arguments[0], invocation->rest,
                           terminal, err);
    if (rc == 0)
        rc = arm_wait(session_client(session), &request.arm, &reply, err);
    computes_request_clear(&request);
    if (rc == 0) {
        *out = cJSON_DetachItemFromObjectCaseSensitive(reply, "argv");
        if (!cJSON_IsArray(*out) || cJSON_GetArraySize(*out) == 0)
            rc = error_set(err, ERROR_REMOTE, "the plane does not say how to run a command there");
    }
    cJSON_Delete(reply);
    session_free(session);
    return rc;
}

/* Becomes the command: its terminal, its signals and its exit status are the real ones. */
static int become(const cJSON *argv_json, struct error *err)
{
    size_t count = (size_t)cJSON_GetArraySize(argv_json), i = 0; /* at least one: ask_exec() */
    char **argv = calloc(count + 1, sizeof *argv);
    const cJSON *item = NULL;
    if (!argv)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(item, argv_json)
    {
        if (!cJSON_IsString(item)) {
            free(argv);
            return error_set(err, ERROR_REMOTE, "the plane's command line is malformed");
        }
        argv[i++] = item->valuestring;
    }
    (void)fflush(stdout);
    (void)signal(SIGPIPE, SIG_DFL);
    if (argv[0])
        (void)execvp(argv[0], argv);
    int rc = error_system(err, errno, "running %s", argv[0] ? argv[0] : "nothing");
    free(argv);
    return rc;
}

static int run_exec(struct invocation *invocation, struct error *err)
{
    cJSON *argv = NULL;
    bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    if (invocation->rest_count == 0)
        return error_set(err, ERROR_USAGE, "exec needs a command behind '--': exec NAME -- CMD…");
    int rc = ask_exec(invocation, terminal, &argv, err);
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddItemToObject(document, "argv", argv);
        output_json(invocation->output, document);
        return EXIT_DONE;
    }
    if (rc == 0)
        rc = become(argv, err);
    cJSON_Delete(argv);
    return rc;
}

/* ---- rows ---- */

static const struct option_row logs_options[] = {
    { "follow", 'f', NULL, "wait for more until the script has ended", COMPLETES_NOTHING, NULL },
    { "run", 0, "N", "the N-th run of a setup script instead of the last", COMPLETES_NOTHING,
      NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_logs = {
    .name = "logs",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "what an instance's setup script printed",
    .details = "--json: "
               "{\"instance\",\"log\":{\"name\",\"kind\",\"startTime\",\"endTime\",\"exitStatus\","
               "\"timedOut\",\n"
               "\"size\"},\"complete\",\"text\"}.",
    .examples = "moonfleet logs ds-ada\n"
                "moonfleet logs ds-ada -f\twhile it is being set up\n"
                "moonfleet logs ds-ada --run 1\tthe first run, the creation script's",
    .options = logs_options,
    .needs = NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_logs,
};

const struct command command_exec = {
    .name = "exec",
    .arguments = "NAME -- CMD…",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "run a command inside a running instance",
    .details =
        "The command runs as root there; its exit status becomes this one's. On planes of this\n"
        "machine only. --json prints the command line that would do it, and does not run it:\n"
        "{\"argv\":[…]}.",
    .examples = "moonfleet exec ds-ada -- sh -c 'id -u; hostname'\n"
                "moonfleet exec ds-ada -- bash\ta shell",
    .needs = NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_exec,
};
