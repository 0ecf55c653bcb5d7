/* run_command.c - run: a Lua script that asks the plane, in this process, with the caller's rights.
 *
 * Lua may run for long without the loop, and the loop may wait for long without Lua: Ctrl-C sets a
 * flag that Lua looks at now and then, and makes a descriptor readable that the loop watches. */
#include "cli/run_command.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/session.h"
#include "script/host.h"

/* What the handler may touch. */
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t wake_fd = -1;

struct running {
    const struct output *output;
    struct host *host;
    struct session *session;
    struct loop_watch *watch;
    struct buffer text; /* of the script */
};

/* ---- Ctrl-C ---- */

static void on_signal(int number)
{
    const uint64_t one = 1;
    int saved = errno;
    (void)number;
    interrupted = 1;
    ssize_t done = write(wake_fd, &one, sizeof one); /* full: readable already */
    (void)done;
    errno = saved;
}

static void on_wake(void *arg)
{
    struct running *running = arg;
    host_interrupt(running->host);
}

/* A second Ctrl-C ends the process as if there were no handler: what Lua does in one long step, such
 * as a hostile pattern, looks at no flag. */
static int listen(struct running *running, struct error *err)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0)
        return error_system(err, errno, "making an eventfd");
    int rc = loop_watch_new(session_loop(running->session), wake_fd, false, on_wake, running,
                            &running->watch);
    if (rc < 0)
        return error_set(err, rc, "no memory to listen to Ctrl-C");
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail: the signal and the handler are valid */
    return 0;
}

static void running_clear(struct running *running)
{
    host_free(running->host);
    if (wake_fd >= 0) {
        (void)signal(SIGINT, SIG_DFL);
        loop_watch_free(running->watch);
        (void)close(wake_fd);
        wake_fd = -1;
    }
    session_free(running->session);
    buffer_clear(&running->text);
}

/* A reader of what is printed that went away ends it like Ctrl-C. */
static bool is_interrupted(void *arg)
{
    (void)arg;
    return interrupted || output_is_broken();
}

/* ---- what it prints ---- */

/* Programs get the very bytes; terminals, and who reads remarks beside a document, what is safe. */
static void print_line(const char *line, size_t size, void *arg)
{
    const struct running *running = arg;
    struct buffer text = { 0 };
    if (!running->output->json && !running->output->out_is_terminal) {
        (void)fwrite(line, 1, size, stdout);
        (void)putchar('\n');
        return;
    }
    for (size_t at = 0; at <= size; at += strlen(line + at) + 1) {
        buffer_text(&text, at ? "\\x00" : "");
        output_escape(&text, line + at, true);
    }
    buffer_char(&text, '\n');
    if (running->output->json)
        output_note(running->output, "%s", text.data ? text.data : "");
    else
        output_print(running->output, "%s", text.data ? text.data : "");
    buffer_clear(&text);
}

/* ---- the command ---- */

static int load(const struct invocation *invocation, const struct host_options *options,
                struct running *running, struct error *err)
{
    const char *path = invocation->arguments[0];
    bool piped = text_equal(path, "-");
    if (!text_is_utf8(path, strlen(path)))
        return error_set(err, ERROR_INVALID, "the script's file name is not UTF-8 text");
    int rc = file_read(piped ? "/dev/stdin" : path, HOST_SCRIPT_MAX, &running->text, err);
    if (rc == 0)
        rc = host_new(options, &running->host, err);
    if (rc == 0)
        rc = host_load(running->host, piped ? "stdin" : path,
                       running->text.data ? running->text.data : "", running->text.size, err);
    return rc;
}

/* The words behind the script's name, those behind "--" too; *out is the caller's to free(). */
static int words_of(const struct invocation *invocation, const char ***out, size_t *out_count,
                    struct error *err)
{
    size_t named = invocation->argument_count - 1;
    const char **words = calloc(named + invocation->rest_count + 1, sizeof(const char *));
    if (!words)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    for (size_t i = 0; i < named; i++)
        words[i] = invocation->arguments[i + 1];
    for (size_t i = 0; i < invocation->rest_count; i++)
        words[named + i] = invocation->rest[i];
    *out = words;
    *out_count = named + invocation->rest_count;
    return 0;
}

static int execute(const struct invocation *invocation, struct running *running, cJSON **out_value,
                   struct error *err)
{
    const char **words = NULL;
    size_t count = 0;
    int rc = listen(running, err);
    if (rc == 0)
        rc = words_of(invocation, &words, &count, err);
    if (rc < 0)
        return rc;
    const struct host_plane plane = { session_client(running->session),
                                      session_here(running->session) };
    rc = host_run(running->host, &plane, words, count, out_value, err);
    free(words);
    return rc;
}

static int run(struct invocation *invocation, struct error *err)
{
    struct running running = { .output = invocation->output };
    const struct host_options options = { .print = print_line,
                                          .interrupted = is_interrupted,
                                          .arg = &running };
    cJSON *value = NULL;
    int rc = load(invocation, &options, &running, err); /* mistakes there wake no plane */
    if (rc == 0)
        rc = session_open(invocation, &running.session, err);
    if (rc == 0)
        rc = execute(invocation, &running, invocation->output->json ? &value : NULL, err);
    if (rc == ERROR_CANCELLED && !interrupted)
        rc = 0; /* the reader went away, which is told, or not, when all ends */
    if (rc == 0 && value) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddItemToObject(document, "value", value);
        output_json(invocation->output, document);
    }
    running_clear(&running);
    return rc < 0 ? rc : EXIT_DONE;
}

const struct command command_run = {
    .name = "run",
    .arguments = "SCRIPT.lua [ARG…]",
    .arguments_min = 1,
    .arguments_max = -1,
    .summary = "run a Lua script that asks who may do what",
    .details = "Lua 5.4 without io, os, debug and require, and at most 256 MiB of memory; '-'\n"
               "reads the script from standard input. ARG… are its `...` and `arg`; behind '--'\n"
               "they may begin with '-'. A call that waits for an answer looks like any other:\n"
               "\n"
               "  rbac.can(who, action [, scope])     true or false, and the word of the answer\n"
               "  rbac.why(who, action [, scope])     the document of `why --json`\n"
               "  rbac.roles([name])                  what `roles --json` lists, or one role\n"
               "  rbac.assignments{ scope=, who= }    what `grants --json` lists\n"
               "  parallel(list, fn)                  fn(value, index) for each, 64 at once\n"
               "\n"
               "When the plane refuses, they return nil and an error, a table with code,\n"
               "message and status. --json: {\"value\"}, what the script returned; what it prints\n"
               "goes to stderr then.",
    .examples = "moonfleet run audit.lua\n"
                "moonfleet run audit.lua ada@moonfleet.local --json\n"
                "echo 'print(rbac.can(\"me\", \"computes/start\"))' | moonfleet run -",
    .needs = NEEDS_PLANE,
    .completes = COMPLETES_RECIPE,
    .run = run,
};
