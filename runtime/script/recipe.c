/* recipe.c - the parent's side: starts the child, answers what it asks, checks what it sends, and
 * ends it when its time is up. */
#include "script/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "script/recipe_check.h"
#include "script/recipe_wire.h"
#include "setup/secrets.h"

#define READ_SIZE 65536
#define ENV_VALUE_MAX 65536
#define REAP_MS 2000 /* how long a child that hung up may take to end */

struct session {
    const struct recipe_options *options; /* borrowed */
    int64_t cpu_ms, wall_ms, deadline_ms;
    size_t memory_bytes;
    const char *name;      /* borrowed: the recipe's file without its folder */
    int folder;            /* O_PATH; -1: none */
    int socket;            /* -1: none */
    pid_t child;           /* 0: none, or reaped */
    struct buffer text;    /* the recipe */
    struct buffer out, in; /* on their way */
    int asks;
    size_t files_size; /* bytes given so far */
    cJSON *secrets;    /* owned: name → value of those given */
    cJSON *document;   /* the outcome */
    bool is_template;  /* a setup script to be rendered */
    bool done;
};

/* ---- start ---- */

static int open_folder(struct session *s, struct error *err)
{
    const char *path = s->options->path, *slash = strrchr(path, '/');
    char *folder = slash ? text_dup_size(path, slash == path ? 1 : (size_t)(slash - path))
                         : text_dup_size(".", 1);
    s->name = slash ? slash + 1 : path;
    if (!folder)
        return error_set(err, ERROR_NO_MEMORY, "no memory to open '%s'", path);
    int rc = 0;
    if (!text_is_utf8(s->name, strlen(s->name)) || strlen(s->name) > 255)
        rc = error_set(err, ERROR_INVALID, "the recipe's file name is not plain UTF-8 text");
    for (const char *c = s->name; *c && rc == 0; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            rc = error_set(err, ERROR_INVALID, "the recipe's file name has control characters");
    }
    if (rc == 0)
        rc = file_read(path, RECIPE_FILE_MAX, &s->text, err);
    if (rc == 0) {
        s->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (s->folder < 0)
            rc = error_system(err, errno, "opening the folder '%s'", folder);
    }
    free(folder);
    return rc;
}

/* In the child: /dev/null thrice, the socket on its descriptor, nothing else. */
static int prepare_files(posix_spawn_file_actions_t *files, int theirs)
{
    int rc = posix_spawn_file_actions_adddup2(files, theirs, WIRE_CHILD_FD);
    for (int fd = 0; fd <= 2 && rc == 0; fd++)
        rc = posix_spawn_file_actions_addopen(files, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(files, WIRE_CHILD_FD + 1);
    return rc;
}

static int prepare_signals(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int rc = posix_spawnattr_setsigdefault(attributes, &all);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return rc;
}

static int spawn(struct session *s, int theirs)
{
    char *const argv[] = { "moonfleet", "__recipe", NULL }, *const env[] = { NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = prepare_files(&files, theirs);
        if (rc == 0)
            rc = prepare_signals(&attributes);
        if (rc == 0)
            rc = posix_spawn(&s->child, s->options->program, &files, &attributes, argv, env);
        if (rc != 0)
            s->child = 0;
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static int start_child(struct session *s, struct error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return error_system(err, errno, "making a socket for the recipe's process");
    s->socket = pair[0];
    int rc = spawn(s, pair[1]);
    (void)close(pair[1]);
    if (rc != 0)
        return error_system(err, rc, "starting the recipe's process");
    if (fcntl(s->socket, F_SETFL, O_NONBLOCK) != 0)
        return error_system(err, errno, "talking to the recipe's process");
    return 0;
}

/* What the child needs to know, and the recipe. */
static int queue_setup(struct session *s, struct error *err)
{
    struct buffer setup = { .max = WIRE_ANSWER_MAX };
    buffer_text(&setup, "{\"name\":");
    json_quote(&setup, s->name);
    buffer_format(&setup, ",\"cpu_ms\":%lld,\"memory_bytes\":%zu,\"template\":%s,\"parameters\":",
                  (long long)s->cpu_ms, s->memory_bytes, s->is_template ? "true" : "false");
    if (s->options->parameters)
        json_print(s->options->parameters, true, &setup);
    else
        buffer_text(&setup, "{}");
    buffer_char(&setup, '}');
    int rc = buffer_check(&setup, "the recipe's parameters", err);
    if (rc == 0) {
        wire_put(&s->out, WIRE_SETUP, setup.data, setup.size);
        wire_put(&s->out, WIRE_TEXT, s->text.data, s->text.size);
        rc = buffer_check(&s->out, "the recipe", err);
    }
    buffer_clear(&setup);
    return rc;
}

/* ---- answers ---- */

static int misbehaved(struct session *s, const char *what, struct error *err)
{
    int rc = error_set(err, ERROR_INVALID,
                       "the recipe's process sent something that no recipe sends (%s)", what);
    error_at(err, s->name, 0);
    return rc;
}

static void refuse(struct session *s, const char *sentence)
{
    wire_put(&s->out, WIRE_REFUSED, sentence, strlen(sentence));
}

/* The first byte of a refusal says whether the file is only missing. */
static void refuse_file(struct session *s, int rc, const struct error *why)
{
    const char *sentence = rc == ERROR_NOT_FOUND ? "there is no such file in the recipe's folder"
                           : rc == ERROR_DENIED  ? "only readable files inside the recipe's folder "
                                                   "can be used"
                                                 : why->message;
    struct buffer text = { 0 };
    buffer_char(&text, rc == ERROR_NOT_FOUND ? 'm' : 'r');
    buffer_text(&text, sentence);
    wire_put(&s->out, WIRE_REFUSED, text.data, text.size);
    if (text.failed)
        s->out.failed = text.failed;
    buffer_clear(&text);
}

static void answer_read(struct session *s, const char *path)
{
    struct buffer content = { .max = RECIPE_FILE_MAX };
    struct error why = { 0 };
    int rc = file_read_beneath(s->folder, path, RECIPE_FILE_MAX, &content, &why);
    if (rc == 0 && content.size > RECIPE_FILES_MAX - s->files_size)
        rc = error_set(&why, ERROR_TOO_LARGE, "this recipe reads more than %zu MiB in all",
                       RECIPE_FILES_MAX >> 20);
    if (rc == 0) {
        s->files_size += content.size;
        wire_put(&s->out, WIRE_CONTENT, content.data, content.size);
    } else {
        refuse_file(s, rc, &why);
    }
    buffer_clear(&content);
}

static void answer_env(struct session *s, const char *name)
{
    struct error why = { 0 };
    if (recipe_check_env(name, &why) < 0) {
        refuse(s, why.message);
        return;
    }
    const char *value = getenv(name);
    size_t size = value ? strlen(value) : 0;
    if (!value)
        wire_put(&s->out, WIRE_NOTHING, NULL, 0);
    else if (size > ENV_VALUE_MAX)
        refuse(s, "its value is longer than 64 KiB");
    else
        wire_put(&s->out, WIRE_CONTENT, value, size);
}

const char *recipe_secret(const cJSON *secrets, const char *name)
{
    const char *given = json_string(secrets, name, NULL);
    char *variable = given ? NULL : text_format(RECIPE_SECRET_ENV "%s", name);
    const char *value = given ? given : variable ? getenv(variable) : NULL;
    free(variable);
    return value && *value ? value : NULL;
}

/* What was given is kept for the document: the child's word on it is not needed. */
static void answer_secret(struct session *s, const char *name)
{
    struct error why = { 0 };
    const char *value = secret_name_valid(name) ? recipe_secret(s->options->secrets, name) : NULL;
    if (!value) {
        wire_put(&s->out, WIRE_NOTHING, NULL, 0);
    } else if (!text_is_utf8(value, strlen(value))) {
        refuse(s, "is not UTF-8 text");
    } else if (secret_value_check(strlen(value), &why) < 0) {
        refuse(s, why.message);
    } else {
        if (json_put_string(s->secrets, name, value) < 0)
            s->out.failed = ERROR_NO_MEMORY;
        wire_put(&s->out, WIRE_CONTENT, value, strlen(value));
    }
}

static int answer(struct session *s, char kind, const char *payload, size_t size, struct error *err)
{
    char *text = memchr(payload, '\0', size) ? NULL : text_dup_size(payload, size);
    if (!text)
        return misbehaved(s, "a question", err);
    if (++s->asks > RECIPE_ASKS_MAX) {
        free(text);
        int rc =
            error_set(err, ERROR_LIMIT, "read more than %d files and variables", RECIPE_ASKS_MAX);
        error_at(err, s->name, 0);
        return rc;
    }
    if (kind == WIRE_READ)
        answer_read(s, text);
    else if (kind == WIRE_SECRET)
        answer_secret(s, text);
    else
        answer_env(s, text);
    free(text);
    return buffer_check(&s->out, "an answer to the recipe", err);
}

/* ---- what comes ---- */

static int add_secrets(struct session *s, cJSON *document, struct error *err)
{
    const cJSON *given = NULL;
    cJSON *list = cJSON_AddArrayToObject(document, "secrets");
    cJSON_ArrayForEach(given, s->secrets)
    {
        cJSON *entry = cJSON_CreateObject();
        if (!cJSON_AddStringToObject(entry, "name", given->string) ||
            !cJSON_AddStringToObject(entry, "value", given->valuestring) ||
            !cJSON_AddItemToArray(list, entry)) {
            cJSON_Delete(entry);
            list = NULL;
            break;
        }
    }
    return list ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for the recipe's secrets");
}

static int take_document(struct session *s, const char *json, size_t size, struct error *err)
{
    cJSON *document = NULL;
    int rc = json_parse(json, size, "the recipe's document", &document, err);
    if (rc == ERROR_NO_MEMORY)
        return rc;
    if (rc < 0)
        return misbehaved(s, "text that is no JSON", err);
    rc = s->is_template ? recipe_check_rendering(document, s->name, err)
                        : recipe_check_document(document, s->name, err);
    if (rc == 0 && !s->is_template)
        rc = add_secrets(s, document, err);
    if (rc < 0) {
        cJSON_Delete(document);
        error_at(err, s->name, 0);
        return rc;
    }
    s->document = document;
    s->done = true;
    return 0;
}

static size_t frame_max(char kind)
{
    switch (kind) {
    case WIRE_READ:
    case WIRE_ENV:
    case WIRE_SECRET:
        return WIRE_ASK_MAX;
    case WIRE_DOCUMENT:
        return RECIPE_DOCUMENT_MAX;
    case WIRE_FAILURE:
        return WIRE_FAILURE_MAX;
    default:
        return 0;
    }
}

/* Handles the frame at the front of `in`, if it is complete. */
static int take_frame(struct session *s, bool *out_taken, struct error *err)
{
    char kind;
    size_t size;
    *out_taken = false;
    if (s->in.size < WIRE_HEADER_SIZE)
        return 0;
    wire_header(s->in.data, &kind, &size);
    if (frame_max(kind) == 0 || size > frame_max(kind))
        return misbehaved(s, "an unknown or oversized message", err);
    if (s->in.size < WIRE_HEADER_SIZE + size)
        return 0;
    *out_taken = true;
    const char *payload = s->in.data + WIRE_HEADER_SIZE;
    int rc;
    if (kind == WIRE_DOCUMENT) {
        rc = take_document(s, payload, size, err);
    } else if (kind == WIRE_FAILURE) {
        rc = recipe_check_failure(payload, size, err);
        if (rc == ERROR_INVALID)
            error_at(err, s->name, 0);
    } else {
        rc = answer(s, kind, payload, size, err);
    }
    buffer_consume(&s->in, WIRE_HEADER_SIZE + size);
    return rc;
}

/* ---- the end of the child ---- */

/* Waits for the child, which ended or is about to; kills it when it takes its time. */
static int reap(struct session *s, struct rusage *out_usage)
{
    int status = 0;
    int handle = (int)syscall(SYS_pidfd_open, s->child, 0U);
    bool ended = false;
    if (handle >= 0) {
        struct pollfd watch = { .fd = handle, .events = POLLIN };
        ended = poll(&watch, 1, REAP_MS) == 1;
        (void)close(handle);
    }
    if (!ended && handle >= 0)
        (void)kill(s->child, SIGKILL);
    while (wait4(s->child, &status, 0, out_usage) < 0 && errno == EINTR)
        ;
    s->child = 0;
    return status;
}

static int64_t cpu_used_ms(const struct rusage *usage)
{
    return (int64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
           (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
}

/* The socket was closed without a last word: the child's status tells why. */
static int explain_end(struct session *s, struct error *err)
{
    struct rusage usage = { 0 };
    int status = reap(s, &usage);
    int signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    int rc;
    if (signo == SIGXCPU || (signo == SIGKILL && cpu_used_ms(&usage) >= s->cpu_ms))
        rc = error_set(err, ERROR_LIMIT,
                       "used more than %g s of CPU; a recipe only describes a fleet: look for a "
                       "loop that never ends",
                       (double)s->cpu_ms / 1000);
    else if (signo == SIGSYS)
        rc = error_set(err, ERROR_DENIED, "the recipe's process tried what its sandbox forbids");
    else if (signo)
        rc = error_set(err, ERROR_INTERNAL, "the recipe's process was ended by signal %d (SIG%s)",
                       signo, sigabbrev_np(signo) ? sigabbrev_np(signo) : "?");
    else
        rc = error_set(err, ERROR_INTERNAL,
                       "the recipe's process ended without an answer (status %d)",
                       WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    error_at(err, s->name, 0);
    return rc;
}

/* ---- the loop ---- */

static int send_some(struct session *s, struct error *err)
{
    ssize_t n = send(s->socket, s->out.data, s->out.size, MSG_NOSIGNAL);
    if (n > 0)
        buffer_consume(&s->out, (size_t)n);
    else if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
        buffer_reset(&s->out); /* it ended; what it said before is still to be read */
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        return error_system(err, errno, "talking to the recipe's process");
    return 0;
}

static int receive_some(struct session *s, struct error *err)
{
    char chunk[READ_SIZE];
    ssize_t n = recv(s->socket, chunk, sizeof chunk, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) /* a reset too means that it ended */
        return explain_end(s, err);
    buffer_append(&s->in, chunk, (size_t)n);
    int rc = buffer_check(&s->in, "what the recipe's process sends", err);
    for (bool taken = true; rc == 0 && taken && !s->done;)
        rc = take_frame(s, &taken, err);
    return rc;
}

/* One turn: while something is to be sent nothing is read, so that neither side can pile up work.
 */
static int turn(struct session *s, struct error *err)
{
    int64_t left = s->deadline_ms - clock_monotonic_ms(clock_real());
    if (left <= 0) {
        int rc =
            error_set(err, ERROR_LIMIT, "took longer than %g s; a recipe only describes a fleet",
                      (double)s->wall_ms / 1000);
        error_at(err, s->name, 0);
        return rc;
    }
    struct pollfd watch = { .fd = s->socket, .events = s->out.size ? POLLOUT : POLLIN };
    int ready = poll(&watch, 1, left > 60000 ? 60000 : (int)left + 1);
    if (ready < 0 && errno != EINTR)
        return error_system(err, errno, "waiting for the recipe's process");
    if (ready <= 0)
        return 0;
    return s->out.size ? send_some(s, err) : receive_some(s, err);
}

static int run(struct session *s, struct error *err)
{
    int rc = open_folder(s, err);
    if (rc == 0)
        rc = start_child(s, err);
    if (rc == 0)
        rc = queue_setup(s, err);
    s->deadline_ms = clock_monotonic_ms(clock_real()) + s->wall_ms;
    while (rc == 0 && !s->done)
        rc = turn(s, err);
    return rc;
}

static void end(struct session *s)
{
    if (s->child) {
        (void)kill(s->child, SIGKILL);
        while (waitpid(s->child, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (s->socket >= 0)
        (void)close(s->socket);
    if (s->folder >= 0)
        (void)close(s->folder);
    cJSON_Delete(s->secrets);
    buffer_clear(&s->text);
    buffer_clear(&s->out);
    buffer_clear(&s->in);
}

static int evaluate(const struct recipe_options *options, bool is_template, cJSON **out_document,
                    struct error *err)
{
    struct session s = {
        .options = options,
        .is_template = is_template,
        .cpu_ms = options->cpu_ms > 0 ? options->cpu_ms : RECIPE_CPU_MS_DEFAULT,
        .memory_bytes = options->memory_bytes ? options->memory_bytes : RECIPE_MEMORY_DEFAULT,
        .folder = -1,
        .socket = -1,
        .secrets = cJSON_CreateObject(),
        .in = { .max = WIRE_HEADER_SIZE + RECIPE_DOCUMENT_MAX + READ_SIZE },
    };
    s.wall_ms = options->wall_ms > 0 ? options->wall_ms : s.cpu_ms + RECIPE_WALL_EXTRA_MS;
    int rc = run(&s, err);
    end(&s);
    if (rc == 0)
        *out_document = s.document;
    return rc;
}

int recipe_evaluate(const struct recipe_options *options, cJSON **out_document, struct error *err)
{
    return evaluate(options, false, out_document, err);
}

int recipe_render(const struct recipe_options *options, cJSON **out_document, struct error *err)
{
    return evaluate(options, true, out_document, err);
}
