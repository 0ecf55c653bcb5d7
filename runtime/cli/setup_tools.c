/* setup_tools.c - see setup_tools.h.  The tools get the script on their standard input, nothing of
 * our environment but PATH, and a time limit. */
#include "cli/setup_tools.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "net/loop.h"
#include "net/process.h"

#define LIMIT_MS 60000
#define CPU_LIMIT_S 120 /* more than what it can use before that */
#define OUTPUT_MAX ((size_t)32 << 20)
#define SHELLCHECK_MAX ((size_t)128 << 10) /* beyond it takes minutes, and gigabytes of memory */

/* What our own rules say better: no #!, Windows line ends, a byte-order mark. */
#define SHELLCHECK_EXCLUDED "SC2148,SC1017,SC1082,SC1128"

struct run {
    struct process *process;
    struct buffer output;
    int status;
    bool done, late;
};

static void on_done(struct process *process, int status, const struct buffer *output, void *arg)
{
    struct run *run = arg;
    (void)process;
    run->status = status;
    buffer_append(&run->output, output->data, output->size);
    run->process = NULL;
    run->done = true;
}

static void on_late(void *arg)
{
    struct run *run = arg;
    run->late = true;
    if (run->process)
        process_kill(run->process, SIGKILL);
}

/* A file in memory, read from its start. */
static int memory_file(const char *text, size_t size, struct error *err)
{
    int fd = memfd_create("script", MFD_CLOEXEC);
    if (fd < 0)
        return error_system(err, errno, "keeping the script in memory");
    for (size_t at = 0; at < size;) {
        ssize_t written = write(fd, text + at, size - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            int rc = error_system(err, errno, "keeping the script in memory");
            (void)close(fd);
            return rc;
        }
        at += (size_t)written;
    }
    (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Starts it with a limit of its own: one that outlives us, because we were killed, ends too. */
static int start_limited(struct loop *loop, const struct process_options *options, struct run *run,
                         struct error *err)
{
    struct rlimit ours;
    bool known = getrlimit(RLIMIT_CPU, &ours) == 0;
    const struct rlimit its = { known && ours.rlim_max < CPU_LIMIT_S ? ours.rlim_max : CPU_LIMIT_S,
                                known ? ours.rlim_max : RLIM_INFINITY };
    bool limited = known && setrlimit(RLIMIT_CPU, &its) == 0;
    int rc = process_start(loop, options, on_done, run, &run->process, err);
    if (limited)
        (void)setrlimit(RLIMIT_CPU, &ours);
    return rc;
}

/* Runs a tool to its end; ERROR_NOT_FOUND when there is none of that name. */
static int run_tool(const char *const *argv, const struct rendered *script, struct run *run,
                    struct error *err)
{
    char path[4096];
    const char *const env[] = { path, "LC_ALL=C.UTF-8", NULL };
    struct loop *loop = NULL;
    struct loop_timer *timer = NULL;
    (void)snprintf(path, sizeof path, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    *run = (struct run) { .output = { .max = OUTPUT_MAX } };
    int fd = memory_file(script->text, script->size, err);
    int rc = fd < 0 ? fd : loop_new(clock_real(), &loop, err);
    const struct process_options options = { .argv = argv,
                                             .env = env,
                                             .stdin_fd = fd,
                                             .output_fd = -1,
                                             .capture = true,
                                             .capture_max = OUTPUT_MAX };
    if (rc == 0 && loop_timer_new(loop, on_late, run, &timer) < 0)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0)
        rc = start_limited(loop, &options, run, err);
    if (rc == 0)
        rc = loop_timer_set(timer, LIMIT_MS);
    if (rc == 0)
        rc = loop_run_until(loop, &run->done);
    loop_timer_free(timer);
    loop_free(loop);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* ---- the shell ---- */

/* "bash: line 3: message" or "dash: 3: message": the message, and the line; NULL: another form. */
static const char *split_message(char *text, int *out_line)
{
    char *at = strstr(text, ": ");
    int64_t line = 0;
    if (!at)
        return NULL;
    at += text_starts(at + 2, "line ") ? 7 : 2;
    char *colon = strchr(at, ':');
    if (!colon)
        return NULL;
    *colon = '\0';
    if (text_to_int64(at, 1, INT32_MAX, &line) < 0 || colon[1] != ' ')
        return NULL;
    *out_line = (int)line;
    return colon + 2;
}

/* The first message tells; what follows quotes the line.  bash also warns of here-documents that
 * the end of the file ends. */
static int add_shell_message(struct lint *lint, const struct rendered *script, struct run *run,
                             struct error *err)
{
    char *rest = run->output.data, *text = NULL;
    bool failed = !WIFEXITED(run->status) || WEXITSTATUS(run->status) != 0;
    while (rest && (text = strsep(&rest, "\n"))) {
        int line = 1;
        const char *message = split_message(text, &line);
        bool warning = message && text_starts(message, "warning: ");
        if (!message || (!failed && !warning))
            continue;
        if (lint_add_rendered(lint, "syntax", NULL, warning ? LINT_WARNING : LINT_ERROR,
                              script->text, script->size, script->lines, line, 0,
                              warning ? message + strlen("warning: ") : message) < 0)
            return error_set(err, ERROR_NO_MEMORY, "no memory");
        if (!warning)
            return 0;
    }
    return 0;
}

int setup_tools_shell(struct lint *lint, const struct rendered *script, struct buffer *note,
                      struct error *err)
{
    /* What /bin/sh is on the machine: dash. */
    const char *shell = lint_shell(lint), *own = text_equal(shell, "sh") ? "dash" : shell;
    const char *const first[] = { own, "-n", NULL }, *const second[] = { "sh", "-n", NULL };
    struct run run;
    int rc = run_tool(first, script, &run, err);
    if (rc == ERROR_NOT_FOUND && text_equal(shell, "sh")) {
        buffer_clear(&run.output);
        rc = run_tool(second, script, &run, err);
    }
    if (rc == ERROR_NOT_FOUND) {
        buffer_format(note, "there is no %s here to read the script", shell);
        rc = 0;
    } else if (rc == 0 && run.late) {
        buffer_format(note, "%s -n did not come to an end in %d s", shell, LIMIT_MS / 1000);
    } else if (rc == 0) {
        rc = add_shell_message(lint, script, &run, err);
    }
    buffer_clear(&run.output);
    return rc;
}

/* ---- shellcheck ---- */

static enum lint_severity severity_of(const char *level)
{
    if (text_equal(level, "error"))
        return LINT_ERROR;
    return text_equal(level, "warning") ? LINT_WARNING : LINT_HINT; /* info, style */
}

static int add_comments(struct lint *lint, const struct rendered *script, const cJSON *reply,
                        struct error *err)
{
    const cJSON *comment = NULL;
    cJSON_ArrayForEach(comment, cJSON_GetObjectItemCaseSensitive(reply, "comments"))
    {
        char code[16];
        (void)snprintf(code, sizeof code, "SC%04d", (int)json_int(comment, "code", 0));
        if (lint_add_rendered(
                lint, "shellcheck", code, severity_of(json_string(comment, "level", "")),
                script->text, script->size, script->lines, (int)json_int(comment, "line", 1),
                (int)json_int(comment, "column", 1), json_string(comment, "message", "")) < 0)
            return error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    return 0;
}

int setup_tools_shellcheck(struct lint *lint, const struct rendered *script, bool *out_missing,
                           struct buffer *note, struct error *err)
{
    const char *shell = lint_shell(lint);
    const char *dialect = text_equal(shell, "ash") ? "dash" : shell;
    const char *const argv[] = { "shellcheck",
                                 "--norc",
                                 "--format=json1",
                                 "--exclude",
                                 SHELLCHECK_EXCLUDED,
                                 "--shell",
                                 dialect,
                                 "-",
                                 NULL };
    struct run run;
    cJSON *reply = NULL;
    *out_missing = false;
    if (text_equal(shell, "zsh")) {
        buffer_text(note, "shellcheck does not read zsh");
        return 0;
    }
    if (script->size > SHELLCHECK_MAX) {
        buffer_format(note, "shellcheck reads scripts of up to %zu KiB here", SHELLCHECK_MAX >> 10);
        return 0;
    }
    int rc = run_tool(argv, script, &run, err);
    if (rc == ERROR_NOT_FOUND) {
        *out_missing = true;
        rc = 0;
    } else if (rc == 0 && run.late) {
        buffer_format(note, "shellcheck did not come to an end in %d s", LIMIT_MS / 1000);
    } else if (rc == 0 && json_parse(run.output.data ? run.output.data : "", run.output.size,
                                     "shellcheck's answer", &reply, NULL) < 0) {
        buffer_text(note, "shellcheck said something that is not its JSON");
    } else if (rc == 0) {
        rc = add_comments(lint, script, reply, err);
    }
    cJSON_Delete(reply);
    buffer_clear(&run.output);
    return rc;
}
