/* setup_try.c - `moonfleet setup try`: runs a setup script for real, in a container of this machine,
 * and says what it did.
 *
 * The container is made and started once without the script, so that what the machine itself writes
 * is known; then it is started with it.  Listings before and after tell the difference. */
#include "cli/setup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "cli/context.h"
#include "cli/setup_render.h"
#include "cli/setup_report.h"
#include "cli/trial.h"
#include "plane/drivers/oci_config.h"
#include "setup/quote.h"

#define SCRIPT_MAX ((size_t)1 << 20)
#define LINE_MAX_SIZE ((size_t)64 << 10)
#define TRACE_MAX ((size_t)64 << 20)
#define CORES 4
#define MEMORY_BYTES ((int64_t)14 << 30)
#define TIMEOUT_S 900 /* the service's own default */
#define NAME_SIZE 64
#define DIRECTORY "/mnt/batch/tasks/shared/LS_root/mounts/clusters/" TRIAL_CI_NAME "/code/Users"

/* One run of the script. */
struct pass {
    cJSON *log;     /* owned: the .json beside its log */
    cJSON *inside;  /* owned: processes and ports at its end */
    cJSON *slowest; /* owned; NULL: the shell is not bash */
    cJSON *lines;   /* owned: [{"seconds","line"}] */
    double seconds;
    int exit_status; /* 0, the script's, 128 + signal */
    bool timed_out;
};

struct trying {
    struct invocation *invocation;
    const struct output *output;
    struct house house;
    struct trial trial;
    struct setup_rendered script;
    struct buffer arguments;
    int64_t timeout_s;
    const char *base; /* id of the kept trial to start from; or NULL; borrowed from `trials` */
    cJSON *trials;
    struct listing listings[3]; /* before, after, after the second run */
    struct pass passes[2];
    /* The log that is being followed: */
    char *log_path; /* owned; NULL: none */
    int notify;
    struct loop_watch *watch;
    int64_t offset, start_ms;
    struct buffer line;
    cJSON *lines; /* borrowed: of the pass */
};

/* ---- output, live ---- */

static void print_line(struct trying *trying)
{
    struct buffer text = { 0 };
    struct buffer *line = &trying->line;
    double seconds = (double)(loop_now_ms(trying->house.loop) - trying->start_ms) / 1000;
    if (line->size > 0 && line->data[line->size - 1] == '\r')
        line->data[--line->size] = '\0';
    output_escape(&text, line->data ? line->data : "", false);
    if (trying->output->json) {
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(row, "seconds", seconds);
        (void)cJSON_AddStringToObject(row, "line", text.data ? text.data : "");
        (void)cJSON_AddItemToArray(trying->lines, row);
    } else {
        output_print(trying->output, "%s%8.2fs%s  %s\n",
                     output_style(trying->output->colour_out, STYLE_DIM), seconds,
                     output_style(trying->output->colour_out, STYLE_PLAIN),
                     text.data ? text.data : "");
    }
    buffer_clear(&text);
    buffer_reset(line);
}

static void read_more(struct trying *trying)
{
    char bytes[16384];
    ssize_t got = 0;
    int fd = trying->log_path ? open(trying->log_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    while (fd >= 0 && (got = pread(fd, bytes, sizeof bytes, trying->offset)) > 0) {
        trying->offset += got;
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] != '\n' && trying->line.size < LINE_MAX_SIZE)
                buffer_append(&trying->line, bytes[i] ? &bytes[i] : "?", 1);
            else
                print_line(trying);
        }
    }
    if (fd >= 0)
        (void)close(fd);
    if (!trying->output->json)
        (void)fflush(stdout);
}

static void on_log(void *arg)
{
    struct trying *trying = arg;
    char bytes[4096];
    while (read(trying->notify, bytes, sizeof bytes) > 0)
        ;
    read_more(trying);
}

static void on_begun(void *arg)
{
    struct trying *trying = arg;
    if (trying->offset == 0)
        trying->start_ms = loop_now_ms(trying->house.loop);
    read_more(trying);
}

static int start_following(struct trying *trying, int number, struct error *err)
{
    free(trying->log_path);
    trying->log_path = text_format("%s/%04d-creation.log", trying->trial.logs, number);
    trying->offset = 0;
    trying->start_ms = loop_now_ms(trying->house.loop);
    trying->house.phase = on_begun;
    trying->house.phase_arg = trying;
    if (!trying->log_path)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    if (trying->notify >= 0)
        return 0;
    trying->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (trying->notify < 0 ||
        inotify_add_watch(trying->notify, trying->trial.logs, IN_MODIFY | IN_CREATE) < 0)
        return error_system(err, errno, "watching '%s'", trying->trial.logs);
    int rc =
        loop_watch_new(trying->house.loop, trying->notify, false, on_log, trying, &trying->watch);
    return rc < 0 ? error_set(err, rc, "no memory") : 0;
}

static void stop_following(struct trying *trying)
{
    loop_watch_free(trying->watch);
    trying->watch = NULL;
    if (trying->notify >= 0)
        (void)close(trying->notify);
    trying->notify = -1;
}

/* ---- steps ---- */

static struct driver_instance instance_of(struct trying *trying, bool with_script)
{
    struct driver_instance instance = { .id = trying->trial.id,
                                        .name = TRIAL_CI_NAME,
                                        .workspace = LOCAL_WORKSPACE,
                                        .resource_group = LOCAL_GROUP,
                                        .cores = CORES,
                                        .memory_bytes = MEMORY_BYTES,
                                        .log_folder = trying->trial.logs,
                                        .base = trying->base };
    if (with_script)
        instance.creation = (struct driver_script) { .text = trying->script.text.data,
                                                     .size = trying->script.text.size,
                                                     .arguments = trying->arguments.data,
                                                     .timeout_s = trying->timeout_s,
                                                     .directory = DIRECTORY,
                                                     .trace = true };
    return instance;
}

static int bring_up(struct trying *trying, bool with_script, struct error *err)
{
    struct driver *driver = trying->house.driver;
    const struct driver_instance instance = instance_of(trying, with_script);
    const struct driver_callbacks callbacks = house_callbacks(&trying->house, err);
    return house_wait(&trying->house, driver->ops->create(driver, &instance, &callbacks), err);
}

static int bring_down(struct trying *trying, struct error *err)
{
    struct driver *driver = trying->house.driver;
    const struct driver_callbacks callbacks = house_callbacks(&trying->house, err);
    return house_wait(&trying->house, driver->ops->stop(driver, trying->trial.id, &callbacks), err);
}

/* Lists the files; `index` is which of the listings. */
static int look(struct trying *trying, size_t index, struct error *err)
{
    static const char *const names[] = { "listing-0", "listing-1", "listing-2" };
    const struct driver_callbacks callbacks = house_callbacks(&trying->house, err);
    int rc = house_wait(
        &trying->house,
        driver_oci_scan(trying->house.driver, trying->trial.id, names[index], &callbacks), err);
    return rc < 0 ? rc
                  : report_read_listing(trying->trial.folder, names[index],
                                        &trying->listings[index], err);
}

/* ---- a run of the script ---- */

static void read_log_json(struct trying *trying, int number, struct pass *pass)
{
    struct buffer text = { 0 };
    int64_t start = 0;
    int64_t end = 0;
    char *path = text_format("%s/%04d-creation.json", trying->trial.logs, number);
    if (path && file_read(path, SCRIPT_MAX, &text, NULL) == 0 && text.data)
        (void)json_parse(text.data, text.size, path, &pass->log, NULL);
    pass->exit_status = (int)json_int(pass->log, "exitStatus", -1);
    pass->timed_out = json_bool(pass->log, "timedOut", false);
    if (time_parse(json_string(pass->log, "startTime", ""), &start) == 0 &&
        time_parse(json_string(pass->log, "endTime", ""), &end) == 0)
        pass->seconds = (double)(end - start) / 1000;
    buffer_clear(&text);
    free(path);
}

static void read_trace(struct trying *trying, struct pass *pass)
{
    struct buffer text = { .max = TRACE_MAX };
    struct report_script script = { .lines = trying->script.lines,
                                    .secrets = trying->script.secrets };
    char *path = file_join(trying->trial.folder, "run/" OCI_TRACE_NAME);
    if (path && time_parse(json_string(pass->log, "endTime", ""), &script.end_ms) == 0 &&
        file_read(path, TRACE_MAX, &text, NULL) == 0)
        pass->slowest = report_slowest(text.data ? text.data : "", text.size, &script);
    buffer_clear(&text);
    free(path);
}

/* So that the script runs once more, and no value of a secret is left in what is kept. */
static void forget_run(const struct trying *trying)
{
    static const char *const names[] = { "creation.json", "creation.sh", "spec.json",
                                         OCI_TRACE_NAME };
    for (size_t i = 0; i < COUNT(names); i++) {
        char *path = text_format("%s/run/%s", trying->trial.folder, names[i]);
        if (path)
            (void)unlink(path);
        free(path);
    }
}

/* What processes were started with may be secret. */
static int hide_commands(const struct trying *trying, cJSON *inside, struct error *err)
{
    static const char *const lists[] = { "processes", "ports" };
    struct buffer hidden = { 0 };
    cJSON *row = NULL;
    int rc = 0;
    for (size_t i = 0; i < COUNT(lists); i++) {
        cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(inside, lists[i]))
        {
            const char *command = json_string(row, "command", "");
            buffer_reset(&hidden);
            secrets_redact(trying->script.secrets, command, strlen(command), &hidden);
            if (rc == 0)
                rc = buffer_check(&hidden, "a command", err);
            if (rc == 0)
                rc = json_put_string(row, "command", hidden.data ? hidden.data : "");
        }
    }
    buffer_clear(&hidden);
    return rc;
}

/* Runs the script in the container, which is down, and leaves it up. */
static int run_pass(struct trying *trying, size_t index, struct error *err)
{
    struct pass *pass = &trying->passes[index];
    int number = (int)index + 1;
    forget_run(trying);
    pass->lines = trying->lines = cJSON_CreateArray();
    int rc = start_following(trying, number, err);
    if (rc == 0)
        rc = bring_up(trying, true, err);
    read_more(trying);
    if (trying->line.size > 0)
        print_line(trying);
    trying->house.phase = NULL;
    if (rc == ERROR_REMOTE && err && text_equal(err->name, "SetupScriptFailed"))
        rc = 0; /* that is what the report tells */
    if (rc < 0)
        return rc;
    read_log_json(trying, number, pass);
    read_trace(trying, pass);
    (void)driver_oci_inside(trying->house.driver, trying->trial.id, &pass->inside, NULL);
    rc = hide_commands(trying, pass->inside, err);
    if (rc < 0)
        return rc;
    return look(trying, index + 1, err);
}

/* ---- what is not idempotent ---- */

/* Does the file begin with all that it was before?  Only where it can be read from here. */
static bool was_appended(const struct trying *trying, const struct change *change)
{
    struct buffer text = { 0 };
    char digest[DIGEST_TEXT_SIZE];
    const struct listing *before = &trying->listings[1];
    size_t low = 0;
    size_t high = before->count;
    bool same = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(before->files[middle].path, change->name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == before->count || !text_equal(before->files[low].path, change->name) ||
        change->grown <= 0)
        return false;
    const struct listing_file *old = &before->files[low];
    static const char *const kinds[] = { "upper", "rootfs" };
    for (size_t i = 0; !same && i < COUNT(kinds); i++) {
        char *path = text_format("%s/%s%s", trying->trial.folder, kinds[i], change->name);
        if (path && file_read(path, SCRIPT_MAX, &text, NULL) == 0 &&
            (int64_t)text.size > old->size) {
            digest_hex(text.data, (size_t)old->size, digest);
            digest[LISTING_DIGEST_SIZE - 1] = '\0';
            same = text_equal(digest, old->digest);
        }
        buffer_reset(&text);
        free(path);
    }
    buffer_clear(&text);
    return same;
}

/* ---- the report ---- */

static void print_pass(const struct trying *trying, const struct pass *pass)
{
    const struct output *output = trying->output;
    char limit[DURATION_TEXT_SIZE];
    bool good = pass->exit_status == 0 && !pass->timed_out;
    duration_text(trying->timeout_s, limit, sizeof limit);
    output_print(output, "%s%s%s after %.2f s",
                 output_style(output->colour_out, good ? STYLE_GREEN : STYLE_RED),
                 good ? "succeeded" : "failed", output_style(output->colour_out, STYLE_PLAIN),
                 pass->seconds);
    if (pass->timed_out)
        output_print(output, ": stopped at its time limit of %s", limit);
    else
        output_print(output, ": exit status %d", pass->exit_status);
    output_print(output, "\n");
}

static void print_slowest(const struct output *output, const struct pass *pass)
{
    const cJSON *row = NULL;
    if (!pass->slowest) {
        output_print(output, "slowest commands: not known, since the script is not run by bash\n");
        return;
    }
    if (cJSON_GetArraySize(pass->slowest) > 0)
        output_print(output, "%sslowest commands%s\n", output_style(output->colour_out, STYLE_BOLD),
                     output_style(output->colour_out, STYLE_PLAIN));
    cJSON_ArrayForEach(row, pass->slowest)
    {
        output_print(output, "  %7.2fs  line %d: %s\n",
                     cJSON_GetObjectItemCaseSensitive(row, "seconds")->valuedouble,
                     (int)json_int(row, "line", 0), json_string(row, "command", ""));
    }
}

static void print_inside(const struct output *output, const cJSON *inside)
{
    char safe[OUTPUT_SAFE_SIZE];
    const cJSON *row = NULL;
    const cJSON *ports = json_at(inside, "ports");
    const cJSON *processes = json_at(inside, "processes");
    if (cJSON_GetArraySize(ports) > 0)
        output_print(output, "%sports%s\n", output_style(output->colour_out, STYLE_BOLD),
                     output_style(output->colour_out, STYLE_PLAIN));
    cJSON_ArrayForEach(row, ports)
    {
        output_print(output, "  %s %s port %d: %s\n", json_string(row, "protocol", ""),
                     json_string(row, "address", ""), (int)json_int(row, "port", 0),
                     output_safe(safe, sizeof safe, json_string(row, "command", "")));
    }
    if (cJSON_GetArraySize(processes) > 0)
        output_print(output, "%sprocesses left running%s\n",
                     output_style(output->colour_out, STYLE_BOLD),
                     output_style(output->colour_out, STYLE_PLAIN));
    cJSON_ArrayForEach(row, processes)
    {
        output_print(output, "  %d  %s\n", (int)json_int(row, "pid", 0),
                     output_safe(safe, sizeof safe, json_string(row, "command", "")));
    }
}

static cJSON *pass_json(struct pass *pass, const struct changes *changes)
{
    cJSON *tree = report_changes_json(changes);
    (void)cJSON_AddNumberToObject(tree, "exitStatus", pass->exit_status);
    (void)cJSON_AddBoolToObject(tree, "timedOut", pass->timed_out);
    (void)cJSON_AddNumberToObject(tree, "seconds", pass->seconds);
    (void)cJSON_AddItemToObject(tree, "output", pass->lines);
    (void)cJSON_AddItemToObject(tree, "slowest",
                                pass->slowest ? pass->slowest : cJSON_CreateNull());
    cJSON *ports = cJSON_DetachItemFromObjectCaseSensitive(pass->inside, "ports");
    cJSON *processes = cJSON_DetachItemFromObjectCaseSensitive(pass->inside, "processes");
    (void)cJSON_AddItemToObject(tree, "ports", ports ? ports : cJSON_CreateArray());
    (void)cJSON_AddItemToObject(tree, "processes", processes ? processes : cJSON_CreateArray());
    pass->lines = pass->slowest = NULL;
    return tree;
}

/* The first run: prints it, or adds it to the document. */
static int report_first(struct trying *trying, cJSON *document, struct error *err)
{
    static const struct report_words words = { "added", "changed", "removed" };
    struct pass *pass = &trying->passes[0];
    struct changes changes;
    int rc = listing_compare(&trying->listings[0], &trying->listings[1], &changes, err);
    if (rc == 0 && trying->output->json) {
        cJSON *tree = pass_json(pass, &changes);
        while (tree->child) {
            cJSON *item = cJSON_DetachItemViaPointer(tree, tree->child);
            (void)cJSON_AddItemToObject(document, item->string, item);
        }
        cJSON_Delete(tree);
    } else if (rc == 0) {
        output_print(trying->output, "\n");
        print_pass(trying, pass);
        print_slowest(trying->output, pass);
        report_changes(trying->output, &changes, &words);
        print_inside(trying->output, pass->inside);
    }
    changes_clear(&changes);
    return rc;
}

static void print_appended(const struct trying *trying, const struct changes *changes)
{
    for (size_t i = 0; i < changes->files.count; i++) {
        const struct change *change = &changes->files.items[i];
        char safe[OUTPUT_SAFE_SIZE];
        char bytes[32];
        if (listing_is_noise(change->name) || change->kind != CHANGE_CHANGED ||
            !was_appended(trying, change))
            continue;
        output_bytes(change->grown, bytes, sizeof bytes);
        output_print(trying->output, "  %s: %s appended to what it was\n",
                     output_safe(safe, sizeof safe, change->name), bytes);
    }
}

static cJSON *appended_json(const struct trying *trying, const struct changes *changes)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < changes->files.count; i++) {
        const struct change *change = &changes->files.items[i];
        struct buffer path = { 0 };
        if (listing_is_noise(change->name) || change->kind != CHANGE_CHANGED ||
            !was_appended(trying, change))
            continue;
        output_escape(&path, change->name, false);
        (void)cJSON_AddItemToArray(array, cJSON_CreateString(path.data ? path.data : ""));
        buffer_clear(&path);
    }
    return array;
}

/* The second run: what a script that could be repeated would not have done. */
static int report_second(struct trying *trying, cJSON *document, bool *out_same, struct error *err)
{
    static const struct report_words words = { "came again", "changed again", "went" };
    struct pass *pass = &trying->passes[1];
    struct changes changes;
    int rc = listing_compare(&trying->listings[1], &trying->listings[2], &changes, err);
    bool good = pass->exit_status == 0 && !pass->timed_out;
    *out_same = rc == 0 && good && report_count(&changes) == 0;
    if (rc == 0 && trying->output->json) {
        cJSON *appended = appended_json(trying, &changes);
        cJSON *tree = pass_json(pass, &changes);
        (void)cJSON_AddItemToObject(tree, "appended", appended);
        (void)cJSON_AddBoolToObject(tree, "idempotent", *out_same);
        (void)cJSON_AddItemToObject(document, "second", tree);
    } else if (rc == 0) {
        output_print(trying->output, "\nthe second run ");
        print_pass(trying, pass);
        output_print(trying->output, "%s\n",
                     *out_same ? "idempotent: it changed nothing more"
                     : good    ? "not idempotent: it changed things again"
                               : "not idempotent: it cannot be run again");
        if (!*out_same) {
            report_changes(trying->output, &changes, &words);
            print_appended(trying, &changes);
        }
    }
    changes_clear(&changes);
    return rc;
}

/* ---- the shell ---- */

/* The shell gets the terminal and its signals; we wait. */
static int open_shell(struct trying *trying, struct error *err)
{
    /* A shell prompts only when its errors go to the terminal too. */
    static const char *const shell[] = { "/bin/sh", "-c",
                                         "command -v bash >/dev/null && exec bash -l; exec sh -l" };
    cJSON *words = cJSON_CreateStringArray(shell, (int)COUNT(shell));
    cJSON *command = NULL;
    const cJSON *word = NULL;
    const char *argv[48] = { 0 };
    size_t count = 0;
    int status = 0;
    struct driver *driver = trying->house.driver;
    int rc = driver->ops->exec(driver, trying->trial.id, words, true, &command, err);
    cJSON_Delete(words);
    cJSON_ArrayForEach(word, command)
    {
        if (count + 1 < COUNT(argv))
            argv[count++] = word->valuestring;
    }
    if (rc == 0 && count > 0) {
        output_note(trying->output, "a shell in the container; it ends with it\n");
        (void)fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            (void)signal(SIGINT, SIG_DFL);
            (void)signal(SIGPIPE, SIG_DFL);
            (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
            _exit(127);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (pid < 0)
            rc = error_system(err, errno, "starting a shell");
    }
    cJSON_Delete(command);
    return rc;
}

/* ---- the command ---- */

/* "setup/python-venv.sh" → "python-venv", "python-venv-2" when that is taken. */
static void make_name(const struct trying *trying, const char *path, char out[NAME_SIZE])
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    char stem[NAME_SIZE - 16];
    (void)text_copy(stem, sizeof stem, base);
    if (strrchr(stem, '.') && strrchr(stem, '.') != stem)
        *strrchr(stem, '.') = '\0';
    (void)text_copy(out, NAME_SIZE, stem);
    for (int i = 2; house_kept(trying->trials, out) && i < 1000; i++)
        (void)snprintf(out, NAME_SIZE, "%s-%d", stem, i);
}

static int keep(struct trying *trying, const char *name, struct error *err)
{
    int rc = bring_down(trying, err);
    forget_run(trying);
    if (rc == 0)
        rc = json_put(trying->trial.about, "kept", cJSON_CreateTrue());
    if (rc == 0)
        rc = json_put(trying->trial.about, "exitStatus",
                      cJSON_CreateNumber(trying->passes[0].exit_status));
    if (rc == 0)
        rc = trial_save(&trying->trial, err);
    trying->trial.kept = rc == 0;
    if (rc == 0)
        output_note(trying->output,
                    "kept as '%s': 'moonfleet setup try --base %s SCRIPT' goes on from it\n", name,
                    name);
    return rc;
}

/* Runs it all in a trial that has begun. */
static int try_it(struct trying *trying, cJSON *document, int *out_status, struct error *err)
{
    const struct invocation *invocation = trying->invocation;
    bool twice = invocation_flag(invocation, "twice");
    bool same = true;
    int rc = bring_up(trying, false, err);
    if (rc == 0)
        rc = look(trying, 0, err);
    if (rc == 0)
        rc = bring_down(trying, err);
    if (rc == 0)
        rc = run_pass(trying, 0, err);
    if (rc == 0)
        rc = report_first(trying, document, err);
    if (rc == 0 && twice)
        rc = bring_down(trying, err);
    if (rc == 0 && twice && !trying->output->json)
        output_print(trying->output, "\n");
    if (rc == 0 && twice)
        rc = run_pass(trying, 1, err);
    if (rc == 0 && twice)
        rc = report_second(trying, document, &same, err);
    if (rc == 0 && invocation_flag(invocation, "shell"))
        rc = open_shell(trying, err);
    if (rc == 0)
        *out_status = trying->passes[0].exit_status == 0 && !trying->passes[0].timed_out && same
                          ? EXIT_DONE
                          : EXIT_FAILED;
    return rc;
}

/* The script, its arguments and its time limit: as said here, else as the recipe has them. */
static int read_script(struct trying *trying, struct error *err)
{
    const struct invocation *invocation = trying->invocation;
    struct setup_rendered *script = &trying->script;
    int rc = setup_render_machine(invocation, invocation->arguments[0], script, err);
    if (rc != 0)
        return rc;
    if (invocation->rest_count > 0 || !script->arguments) {
        cJSON *words = cJSON_CreateStringArray(invocation->rest, (int)invocation->rest_count);
        rc = setup_quote_arguments(words, &trying->arguments, err);
        cJSON_Delete(words);
    } else {
        buffer_text(&trying->arguments, script->arguments);
        rc = buffer_check(&trying->arguments, "the arguments of the script", err);
    }
    return rc == 0 ? invocation_duration(invocation, "timeout",
                                         script->timeout_s > 0 ? script->timeout_s : TIMEOUT_S,
                                         &trying->timeout_s, err)
                   : rc;
}

static int find_base(struct trying *trying, struct error *err)
{
    const char *name = invocation_value(trying->invocation, "base", NULL);
    int rc = house_trials(&trying->house, &trying->trials, err);
    if (rc < 0 || !name)
        return rc;
    trying->base = json_string(house_kept(trying->trials, name), "id", NULL);
    return trying->base
               ? 0
               : error_set(err, ERROR_NOT_FOUND,
                           "no trial is kept as '%s': see 'moonfleet setup try --list'", name);
}

static cJSON *about_json(const struct trying *trying, const char *name)
{
    cJSON *about = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(about, "name", name);
    (void)cJSON_AddStringToObject(about, "script", trying->invocation->arguments[0]);
    (void)cJSON_AddFalseToObject(about, "kept");
    if (trying->base)
        (void)cJSON_AddStringToObject(about, "base", trying->base);
    return about;
}

static int check_use(const struct invocation *invocation, struct error *err)
{
    if (invocation->argument_count == 0)
        return error_set(err, ERROR_USAGE, "setup try needs a script: setup try SCRIPT");
    if (invocation_flag(invocation, "shell") && (isatty(0) != 1 || isatty(1) != 1))
        return error_set(err, ERROR_USAGE, "--shell needs a terminal");
    if (invocation_flag(invocation, "shell") && invocation->output->json)
        return error_set(err, ERROR_USAGE, "--shell and --json don't go together");
    return 0;
}

static void clear_trying(struct trying *trying)
{
    stop_following(trying);
    for (size_t i = 0; i < COUNT(trying->listings); i++)
        listing_clear(&trying->listings[i]);
    for (size_t i = 0; i < COUNT(trying->passes); i++) {
        cJSON_Delete(trying->passes[i].log);
        cJSON_Delete(trying->passes[i].inside);
        cJSON_Delete(trying->passes[i].slowest);
        cJSON_Delete(trying->passes[i].lines);
    }
    cJSON_Delete(trying->trials);
    buffer_clear(&trying->line);
    setup_rendered_clear(&trying->script);
    buffer_clear(&trying->arguments);
    free(trying->log_path);
    house_close(&trying->house);
}

static int run_script(struct invocation *invocation, struct error *err)
{
    struct trying trying = { .invocation = invocation,
                             .output = invocation->output,
                             .notify = -1,
                             .trial = { .lock = -1, .guard_pipe = -1 } };
    char name[NAME_SIZE] = "";
    const char *wanted = invocation_value(invocation, "name", NULL);
    bool kept = invocation_flag(invocation, "keep") || wanted;
    cJSON *document = cJSON_CreateObject();
    int status = EXIT_FAILED;
    int rc = check_use(invocation, err);
    if (rc == 0)
        rc = house_open(invocation, &trying.house, err);
    if (rc == 0)
        rc = read_script(&trying, err);
    if (rc == 0)
        rc = find_base(&trying, err);
    if (rc == 0 && wanted && house_kept(trying.trials, wanted))
        rc = error_set(err, ERROR_CONFLICT, "a trial is kept as '%s' already: --remove %s", wanted,
                       wanted);
    if (rc == 0)
        rc = house_open_driver(&trying.house, err);
    if (rc == 0) {
        house_sweep(&trying.house);
        if (wanted)
            (void)text_copy(name, sizeof name, wanted);
        else
            make_name(&trying, invocation->arguments[0], name);
        rc = trial_begin(&trying.house, about_json(&trying, name), &trying.trial, err);
        if (rc == 0)
            rc = try_it(&trying, document, &status, err);
        if (rc == 0 && kept)
            rc = keep(&trying, name, err);
        struct error end = { 0 };
        int ended = trial_end(&trying.trial, &end);
        if (rc == 0 && ended < 0) {
            rc = ended;
            if (err)
                *err = end;
        }
    }
    if (rc == 0 && invocation->output->json) {
        (void)cJSON_AddStringToObject(document, "script", invocation->arguments[0]);
        (void)cJSON_AddItemToObject(document, "kept",
                                    kept ? cJSON_CreateString(name) : cJSON_CreateNull());
        output_json(invocation->output, document);
        document = NULL;
    }
    cJSON_Delete(document);
    clear_trying(&trying);
    return rc != 0 ? rc : status;
}

/* ---- kept trials ---- */

static int list_kept(struct invocation *invocation, struct error *err)
{
    static const char *const headings[] = { "NAME", "SCRIPT", "STATUS", "MADE", NULL };
    struct house house;
    cJSON *trials = NULL;
    cJSON *kept = cJSON_CreateArray();
    const cJSON *about = NULL;
    int rc = house_open(invocation, &house, err);
    if (rc == 0)
        house_sweep(&house);
    if (rc == 0)
        rc = house_trials(&house, &trials, err);
    cJSON_ArrayForEach(about, trials)
    {
        if (json_bool(about, "kept", false))
            (void)cJSON_AddItemToArray(kept, cJSON_Duplicate(about, true));
    }
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        (void)cJSON_AddItemToObject(document, "trials", kept);
        output_json(invocation->output, document);
        kept = NULL;
    } else if (rc == 0 && cJSON_GetArraySize(kept) == 0) {
        output_note(invocation->output, "no trial is kept\n");
    } else if (rc == 0) {
        struct table *table = table_new(invocation->output, headings);
        cJSON_ArrayForEach(about, kept)
        {
            char number[16], age[32];
            int64_t made = 0;
            (void)snprintf(number, sizeof number, "%d", (int)json_int(about, "exitStatus", 0));
            (void)time_parse(json_string(about, "created", ""), &made);
            output_age(made, clock_unix_ms(clock_real()), age, sizeof age);
            table_row(table);
            table_cell(table, json_string(about, "name", NULL), STYLE_BOLD);
            table_cell(table, json_string(about, "script", NULL), STYLE_PLAIN);
            table_cell(table, number, STYLE_PLAIN);
            table_cell(table, age, STYLE_DIM);
        }
        rc = table ? table_print(table, err) : error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    cJSON_Delete(kept);
    cJSON_Delete(trials);
    house_close(&house);
    return rc < 0 ? rc : EXIT_DONE;
}

/* Who begins with what trial `id` left; NULL: nobody. */
static const cJSON *user_of(const cJSON *trials, const char *id)
{
    const cJSON *about = NULL;
    cJSON_ArrayForEach(about, trials)
    {
        if (text_equal(json_string(about, "base", NULL), id))
            return about;
    }
    return NULL;
}

static int remove_kept(struct invocation *invocation, const char *name, struct error *err)
{
    struct house house;
    cJSON *trials = NULL;
    int rc = house_open(invocation, &house, err);
    if (rc == 0)
        rc = house_trials(&house, &trials, err);
    const cJSON *about = house_kept(trials, name);
    const cJSON *user = about ? user_of(trials, json_string(about, "id", NULL)) : NULL;
    if (rc == 0 && !about)
        rc = error_set(err, ERROR_NOT_FOUND,
                       "no trial is kept as '%s': see 'moonfleet setup try --list'", name);
    if (rc == 0 && user)
        rc = error_set(err, ERROR_CONFLICT, "'%s' stands on it: --remove that one first",
                       json_string(user, "name", "?"));
    if (rc == 0)
        rc = house_open_driver(&house, err);
    if (rc == 0)
        rc = house_remove(&house, json_string(about, "id", ""), err);
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(document, "removed", name);
        output_json(invocation->output, document);
    }
    cJSON_Delete(trials);
    house_close(&house);
    return rc < 0 ? rc : EXIT_DONE;
}

static int run_try(struct invocation *invocation, struct error *err)
{
    const char *removed = invocation_value(invocation, "remove", NULL);
    const char *guarded = invocation_value(invocation, "guard", NULL);
    if (guarded)
        return trial_guard(invocation, guarded, err);
    if (invocation_flag(invocation, "list"))
        return list_kept(invocation, err);
    if (removed)
        return remove_kept(invocation, removed, err);
    return run_script(invocation, err);
}

static const struct option_row try_options[] = {
    SETUP_RENDER_OPTIONS,
    { "twice", 0, NULL, "run it a second time on the result, and tell what was not idempotent",
      COMPLETES_NOTHING, NULL },
    { "timeout", 0, "D", "the time limit (15m)", COMPLETES_NOTHING, NULL },
    { "shell", 0, NULL, "open a shell in the result", COMPLETES_NOTHING, NULL },
    { "keep", 0, NULL, "keep the result, under the script's name", COMPLETES_NOTHING, NULL },
    { "name", 0, "NAME", "keep the result under this name", COMPLETES_NOTHING, NULL },
    { "base", 0, "NAME", "start from a kept trial", COMPLETES_NOTHING, NULL },
    { "list", 0, NULL, "the kept trials", COMPLETES_NOTHING, NULL },
    { "remove", 0, "NAME", "remove a kept trial", COMPLETES_NOTHING, NULL },
    { "guard", 0, "ID", NULL, COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_setup_try = {
    .name = "setup try",
    .arguments = "SCRIPT [-- ARG…]",
    .arguments_min = 0,
    .arguments_max = 1,
    .summary = "run a setup script in a container of this machine, and say what it did",
    .details =
        "The container is a copy-on-write view of this machine, as an instance of the oci driver\n"
        "is: the same user, working directory and CI_ variables (CI_NAME is \"trial\"). Nothing "
        "of\n"
        "it reaches this machine, and it is gone afterwards unless kept. Instances share the\n"
        "machine's network: a port that the script opens is open here as long as it runs.\n"
        "A template gets its values as for 'setup render'; with --for, the recipe's arguments and\n"
        "time limit too, unless others are given here. Values of secrets are hidden in all that\n"
        "is shown or kept; those of --secrets also in a script that is tried by itself.\n"
        "For an ordinary user owners and setuid bits are not compared with this machine's.\n"
        "Exits with 1 when the script failed or, with --twice, was not idempotent.\n"
        "--json: "
        "{\"script\",\"exitStatus\",\"timedOut\",\"seconds\",\"output\":[{\"seconds\",\"line\"}],\n"
        "\"slowest\":[{\"seconds\",\"line\",\"command\"}]|null,\"files\":{\"added\":[{\"path\","
        "\"type\",\n"
        "\"bytes\"}],\"changed\",\"removed\",\"noise\":{\"count\",\"bytes\"}},\"packages\":{"
        "\"deb\":[{\n"
        "\"change\",\"name\",\"before\",\"after\"}],\"pip\"},\"users\",\"groups\",\"services\","
        "\"ports\":[{\n"
        "\"protocol\",\"address\",\"port\",\"command\"}],\"processes\":[{\"pid\",\"command\"}],"
        "\"kept\",\n"
        "\"second\":{the same of the second run,\"appended\",\"idempotent\"}}.",
    .examples = "moonfleet setup try setup/tools.sh -- ada\twith an argument\n"
                "moonfleet setup try setup/tools.sh -p packages=numpy,pandas\ta template\n"
                "moonfleet setup try setup/tools.sh --for ds-ada --in team.lua\tas ds-ada gets it\n"
                "moonfleet setup try setup/tools.sh --twice\n"
                "moonfleet setup try setup/tools.sh --keep --shell\n"
                "moonfleet setup try --list",
    .options = try_options,
    .needs = NEEDS_RECIPE,
    .completes = COMPLETES_FILE,
    .run = run_try,
};
