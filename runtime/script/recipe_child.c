/* recipe_child.c - the child's side: gives up everything, evaluates, sends one last frame, ends. */
#include "script/recipe.h"

#include <unistd.h>

#include "base/json.h"
#include "script/recipe_core.h"
#include "script/recipe_wire.h"
#include "script/sandbox.h"

/* A CPU signal's handler has no argument: the one run of this process. */
static struct recipe_run *current_run;
static int64_t current_cpu_ms;

/* The last frame, then the end.  Nothing is freed or flushed: the process has nothing else. */
static _Noreturn void fail(const struct error *err)
{
    struct buffer json = { .max = WIRE_FAILURE_MAX };
    buffer_format(&json, "{\"code\":%d,\"line\":%d,\"file\":", err->code, err->line);
    json_quote(&json, err->file[0] ? err->file : "recipe");
    buffer_text(&json, ",\"message\":");
    json_quote(&json, err->message);
    buffer_char(&json, '}');
    if (!json.failed)
        (void)wire_write(WIRE_CHILD_FD, WIRE_FAILURE, json.data, json.size);
    _exit(1);
}

/* From Lua's hook, not from the signal handler. */
static void stop_at(const char *file, int line)
{
    struct error err = { 0 };
    (void)error_set(
        &err, ERROR_LIMIT,
        "used more than %g s of CPU; a recipe only describes a fleet: look for a loop that "
        "never ends",
        (double)current_cpu_ms / 1000);
    error_at(&err, file, line);
    fail(&err);
}

static void on_cpu(void)
{
    recipe_run_interrupt(current_run, stop_at);
}

/* ---- asking the parent ---- */

/* Sends a question and reads the answer's kind and payload.  A parent that is gone ends us. */
static char ask(enum wire_kind kind, const char *text, struct buffer *out)
{
    char answer = 0;
    if (wire_write(WIRE_CHILD_FD, kind, text, strlen(text)) < 0 ||
        wire_read(WIRE_CHILD_FD, &answer, out, WIRE_ANSWER_MAX) < 0)
        _exit(1);
    return answer;
}

static int read_file(void *arg, const char *path, struct buffer *out, struct error *err)
{
    (void)arg;
    if (strlen(path) > WIRE_ASK_MAX)
        return error_set(err, ERROR_TOO_LARGE, "this path is too long");
    if (ask(WIRE_READ, path, out) == WIRE_CONTENT)
        return 0;
    const char *sentence = out->data ? out->data : "r";
    return error_set(err, sentence[0] == 'm' ? ERROR_NOT_FOUND : ERROR_INVALID, "%s", sentence + 1);
}

static int ask_value(enum wire_kind kind, const char *name, struct buffer *out, bool *out_found,
                     struct error *err)
{
    if (strlen(name) > WIRE_ASK_MAX)
        return error_set(err, ERROR_TOO_LARGE, "this name is too long");
    switch (ask(kind, name, out)) {
    case WIRE_CONTENT:
        *out_found = true;
        return 0;
    case WIRE_NOTHING:
        return 0;
    default:
        return error_set(err, ERROR_DENIED, "%s", out->data ? out->data : "refused");
    }
}

static int read_env(void *arg, const char *name, struct buffer *out, bool *out_found,
                    struct error *err)
{
    (void)arg;
    return ask_value(WIRE_ENV, name, out, out_found, err);
}

static int read_secret(void *arg, const char *name, struct buffer *out, bool *out_found,
                       struct error *err)
{
    (void)arg;
    return ask_value(WIRE_SECRET, name, out, out_found, err);
}

/* ---- setting up ---- */

/* The parent's first two frames. */
static cJSON *receive_setup(struct buffer *out_text)
{
    struct buffer json = { .max = WIRE_ANSWER_MAX };
    cJSON *setup = NULL;
    char kind = 0;
    if (wire_read(WIRE_CHILD_FD, &kind, &json, WIRE_ANSWER_MAX) < 0 || kind != WIRE_SETUP ||
        json_parse(json.data, json.size, "the setup", &setup, NULL) < 0)
        _exit(2);
    buffer_clear(&json);
    if (wire_read(WIRE_CHILD_FD, &kind, out_text, WIRE_ANSWER_MAX) < 0 || kind != WIRE_TEXT)
        _exit(2);
    return setup;
}

static _Noreturn void serve(const struct recipe_input *input, const struct sandbox_limits *limits)
{
    struct buffer document = { .max = RECIPE_DOCUMENT_MAX };
    struct error err = { 0 };
    error_at(&err, input->name, 0);
    if (sandbox_drop(limits, &err) < 0 || recipe_run_new(input, &current_run, &err) < 0 ||
        sandbox_seal(limits, &err) < 0 || recipe_run_evaluate(current_run, &document, &err) < 0) {
        if (!err.file[0])
            error_at(&err, input->name, 0);
        if (err.code != ERROR_LIMIT && err.code != ERROR_SYNTAX && err.code != ERROR_TOO_LARGE)
            err.code = ERROR_INTERNAL;
        fail(&err);
    }
    _exit(wire_write(WIRE_CHILD_FD, WIRE_DOCUMENT, document.data, document.size) == 0 ? 0 : 1);
}

int recipe_child_main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct buffer text = { .max = WIRE_ANSWER_MAX };
    const cJSON *setup = receive_setup(&text);
    struct recipe_input input = {
        .name = json_string(setup, "name", "recipe.lua"),
        .text = text.data ? text.data : "",
        .size = text.size,
        .is_template = json_bool(setup, "template", false),
        .parameters = json_at(setup, "parameters"),
        .memory_bytes = (size_t)json_int(setup, "memory_bytes", 0),
        .source = { .read = read_file, .env = read_env, .secret = read_secret },
    };
    struct sandbox_limits limits = {
        .socket_fd = WIRE_CHILD_FD,
        .cpu_ms = json_int(setup, "cpu_ms", RECIPE_CPU_MS_DEFAULT),
        .memory_bytes = input.memory_bytes,
        .on_cpu = on_cpu,
    };
    current_cpu_ms = limits.cpu_ms;
    serve(&input, &limits);
}
