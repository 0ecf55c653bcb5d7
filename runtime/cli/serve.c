/* serve.c - `moonfleet serve`: the local plane in the foreground, and the end of one that runs. */
#include "cli/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/local_plane.h"
#include "cli/session.h"
#include "net/process.h"
#include "plane/plane_server.h"

#define SEED_MAX ((size_t)16 << 20)
#define STOP_TIMEOUT_MS 30000
#define PREDECESSOR_WAIT_MS 5000
#define PREDECESSOR_PAUSE_MS 50

/* Everything that a running plane is made of; released in the reverse order. */
struct serving {
    struct log log;
    struct loop *loop;
    struct driver *driver;
    struct plane *plane;
    struct plane_server *server;
    struct loop_signal *interrupt, *terminate;
    char *data, *socket, *instances;
    struct buffer seed;
    char note[ERROR_MESSAGE_SIZE + 128]; /* why auto did not take oci; "" */
};

static void serving_clear(struct serving *serving)
{
    loop_signal_free(serving->interrupt);
    loop_signal_free(serving->terminate);
    plane_server_free(serving->server);
    plane_free(serving->plane);
    driver_free(serving->driver);
    loop_free(serving->loop);
    free(serving->data);
    free(serving->socket);
    free(serving->instances);
    buffer_clear(&serving->seed);
}

/* ---- options ---- */

/* "create=2s,start=1s,stop=500ms" */
static int parse_simulate(const char *text, struct simulated_options *out, struct error *err)
{
    while (*text) {
        char name[16], value[32];
        size_t size = strcspn(text, ","), equals = strcspn(text, "=");
        if (equals >= size || equals >= sizeof name || size - equals - 1 >= sizeof value)
            return error_set(err, ERROR_USAGE,
                             "--simulate takes create=2s,start=1s,stop=1s,remove=1s");
        memcpy(name, text, equals);
        name[equals] = '\0';
        memcpy(value, text + equals + 1, size - equals - 1);
        value[size - equals - 1] = '\0';
        int64_t *slot = text_equal(name, "create")   ? &out->create_ms
                        : text_equal(name, "start")  ? &out->start_ms
                        : text_equal(name, "stop")   ? &out->stop_ms
                        : text_equal(name, "remove") ? &out->remove_ms
                                                     : NULL;
        int64_t seconds = 0;
        if (!slot)
            return error_set(err, ERROR_USAGE, "--simulate knows create, start, stop and remove");
        if (text_ends(value, "ms")) {
            value[strlen(value) - 2] = '\0';
            if (text_to_int64(value, 0, 86400000, slot) < 0)
                return error_set(err, ERROR_USAGE, "--simulate %s=%sms is no duration", name,
                                 value);
        } else {
            if (duration_parse(value, &seconds, NULL) < 0 || seconds > 86400)
                return error_set(err, ERROR_USAGE, "--simulate %s=%s is no duration up to a day",
                                 name, value);
            *slot = seconds * 1000;
        }
        text += size + (text[size] == ',');
    }
    return 0;
}

static int parse_level(const char *text, enum log_level *out, struct error *err)
{
    static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        if (text_equal(names[i], text)) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return error_set(err, ERROR_USAGE, "--log-level is debug, info, warn or error");
}

static int take_folder(const struct invocation *invocation, struct serving *serving,
                       struct error *err)
{
    const char *data = invocation_value(invocation, "data", NULL);
    int rc = 0;
    if (!data)
        rc = file_home(FILE_DATA_HOME, &serving->data, err);
    else if (!(serving->data = realpath(data, NULL)))
        serving->data = strdup(data);
    if (rc < 0)
        return rc;
    rc = serving->data ? file_make_dirs(serving->data, 0700, err)
                       : error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc < 0)
        return rc;
    char *whole = realpath(serving->data, NULL); /* containers are told of it: no symlinks */
    if (!whole)
        return error_system(err, errno, "opening %s", serving->data);
    free(serving->data);
    serving->data = whole;
    serving->instances = file_join(serving->data, "instances");
    return serving->instances ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
}

static int take_socket(const struct invocation *invocation, char **out, struct error *err)
{
    const char *path = invocation_value(invocation, "socket", NULL);
    if (!path)
        return local_plane_socket(out, err);
    *out = strdup(path);
    return *out ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
}

/* ---- the driver ---- */

static int make_simulated(const struct invocation *invocation, struct serving *serving,
                          struct error *err)
{
    struct simulated_options options = { 0 };
    options.fail_creation = invocation_value(invocation, "fail-creation", NULL);
    const char *simulate = invocation_value(invocation, "simulate", NULL);
    int rc = simulate ? parse_simulate(simulate, &options, err) : 0;
    return rc < 0 ? rc : driver_simulated_new(serving->loop, &options, &serving->driver, err);
}

static int make_driver(const struct invocation *invocation, struct serving *serving,
                       struct error *err)
{
    const char *environment = getenv("MOONFLEET_DRIVER");
    const char *name =
        invocation_value(invocation, "driver", environment && *environment ? environment : "auto");
    long places = 0;
    if (invocation_number(invocation, "at-once", 1, 10000, 0, &places, err) < 0)
        return err->code;
    const struct oci_options oci = { .folder = serving->instances,
                                     .mask_folder = serving->data,
                                     .program = invocation->program,
                                     .log = &serving->log,
                                     .places = (int)places };
    if (text_equal(name, "simulated"))
        return make_simulated(invocation, serving, err);
    if (text_equal(name, "oci"))
        return driver_oci_new(serving->loop, &oci, &serving->driver, err);
    if (!text_equal(name, "auto"))
        return error_set(err, ERROR_USAGE, "the driver is auto, oci or simulated");
    struct error why = { 0 };
    cJSON *rows = NULL;
    int rc = driver_oci_probe(&oci, &rows, &why);
    cJSON_Delete(rows);
    if (rc == 0)
        return driver_oci_new(serving->loop, &oci, &serving->driver, err);
    (void)snprintf(serving->note, sizeof serving->note,
                   "instances are only simulated here: %s (see 'moonfleet doctor')", why.message);
    log_line(&serving->log, LOG_WARN, "%s", serving->note);
    return make_simulated(invocation, serving, err);
}

/* ---- serving ---- */

static void on_end(void *arg)
{
    struct serving *serving = arg;
    log_line(&serving->log, LOG_INFO, "ending: asked to");
    loop_stop(serving->loop);
}

static void on_idle(void *arg)
{
    struct serving *serving = arg;
    log_line(&serving->log, LOG_INFO, "ending: nobody has asked for anything, and nothing runs");
    loop_stop(serving->loop);
}

/* Started in the background, we may follow on the heels of a plane that stopped listening and still
 * holds its store. */
static int open_plane(const struct plane_options *options, bool in_background, struct plane **out,
                      struct error *err)
{
    const struct timespec pause = { .tv_nsec = PREDECESSOR_PAUSE_MS * 1000000L };
    int tries = in_background ? PREDECESSOR_WAIT_MS / PREDECESSOR_PAUSE_MS : 0;
    int rc = plane_new(options, out, err);
    for (; rc == ERROR_CONFLICT && tries > 0; tries--) {
        (void)nanosleep(&pause, NULL);
        rc = plane_new(options, out, err);
    }
    return rc;
}

static int build(const struct invocation *invocation, struct serving *serving, struct error *err)
{
    int64_t idle_s = 0;
    const char *seed = invocation_value(invocation, "seed", NULL);
    int rc = invocation_duration(invocation, "idle-exit", 0, &idle_s, err);
    if (rc == 0)
        rc = parse_level(invocation_value(invocation, "log-level", "info"), &serving->log.level,
                         err);
    if (rc == 0)
        rc = take_folder(invocation, serving, err);
    if (rc == 0)
        rc = take_socket(invocation, &serving->socket, err);
    if (rc == 0 && !invocation_flag(invocation, "socket"))
        rc = local_plane_make_folder(err);
    if (rc == 0 && seed)
        rc = file_read(seed, SEED_MAX, &serving->seed, err);
    if (rc == 0)
        rc = loop_new(clock_real(), &serving->loop, err);
    if (rc == 0)
        rc = make_driver(invocation, serving, err);
    if (rc < 0)
        return rc;
    const struct plane_options plane = {
        .loop = serving->loop,
        .data_folder = serving->data,
        .driver = serving->driver,
        .seed = serving->seed.data,
        .log = &serving->log,
        .driver_reason = serving->note[0] ? serving->note : NULL,
        .stop = on_end,
        .stop_arg = serving,
    };
    const struct plane_server_options server = {
        .log = &serving->log,
        .idle_ms = idle_s * 1000,
        .idle = on_idle,
        .idle_arg = serving,
    };
    rc = open_plane(&plane, invocation_flag(invocation, "ready-fd"), &serving->plane, err);
    if (rc == 0)
        rc = plane_server_new(serving->loop, serving->plane, &server, &serving->server, err);
    if (rc == 0)
        rc = plane_server_listen_unix(serving->server, serving->socket, err);
    if (rc == 0)
        rc = loop_signal_new(serving->loop, SIGINT, on_end, serving, &serving->interrupt);
    if (rc == 0)
        rc = loop_signal_new(serving->loop, SIGTERM, on_end, serving, &serving->terminate);
    return rc;
}

/* The command that started us waits at the other end of this pipe. */
static void tell_starter(int fd, int rc, const struct serving *serving, const struct error *err)
{
    if (fd < 0)
        return;
    if (rc < 0) {
        (void)dprintf(fd, "error %s\n", err->message);
    } else {
        if (serving->note[0])
            (void)dprintf(fd, "note %s\n", serving->note);
        (void)dprintf(fd, "ready\n");
    }
    (void)close(fd);
}

static int serve(struct invocation *invocation, struct error *err)
{
    struct serving serving = { .log = { .fd = STDERR_FILENO, .clock = clock_real() } };
    long ready_fd = -1;
    int rc = invocation_number(invocation, "ready-fd", 3, 1024, -1, &ready_fd, err);
    if (rc < 0)
        return rc;
    if (ready_fd >= 0)
        (void)fcntl((int)ready_fd, F_SETFD, FD_CLOEXEC);
    process_raise_files();
    rc = build(invocation, &serving, err);
    tell_starter((int)ready_fd, rc, &serving, err);
    if (rc == 0) {
        log_line(&serving.log, LOG_INFO, "moonfleet " MOONFLEET_VERSION ", process %d, data in %s",
                 (int)getpid(), serving.data);
        loop_run(serving.loop);
    } else if (ready_fd >= 0) {
        log_line(&serving.log, LOG_ERROR, "cannot start: %s", err->message);
    }
    serving_clear(&serving);
    if (rc < 0 && ready_fd >= 0)
        return EXIT_FAILED; /* told over the pipe and in the log */
    return rc;
}

/* ---- --status and --stop ---- */

int serve_status(struct session *session, cJSON **out, struct error *err)
{
    const struct arm_request request = {
        .method = HTTP_GET,
        .path = "/moonfleet/status",
        .timeout_ms = STOP_TIMEOUT_MS,
    };
    return arm_wait(session_client(session), &request, out, err);
}

static void say(struct invocation *invocation, bool listening, cJSON *document, const char *line)
{
    if (!invocation->output->json) {
        cJSON_Delete(document);
        output_print(invocation->output, "%s\n", line);
        return;
    }
    if (!document)
        document = cJSON_CreateObject();
    cJSON_AddBoolToObject(document, "listening", listening);
    output_json(invocation->output, document);
}

static int show_status(struct invocation *invocation, const char *socket_path, struct error *err)
{
    struct session *session = NULL;
    cJSON *status = NULL;
    if (!local_plane_listens(socket_path)) {
        say(invocation, false, NULL, "no plane listens there");
        return EXIT_DONE;
    }
    int rc = session_open_socket(socket_path, &session, err);
    if (rc == 0)
        rc = serve_status(session, &status, err);
    if (rc == 0) {
        char line[512], folder[OUTPUT_SAFE_SIZE];
        output_safe(folder, sizeof folder, json_string(status, "dataFolder", "memory"));
        (void)snprintf(
            line, sizeof line,
            "moonfleet %s runs as process %d with the %s driver: %d instances, %d running; "
            "data in %s",
            json_string(status, "version", "?"), (int)json_int(status, "pid", 0),
            json_string(status, "driver", "?"), (int)json_int(status, "instances", 0),
            (int)json_int(status, "running", 0), folder);
        say(invocation, true, status, line);
    }
    session_free(session);
    return rc;
}

struct ending {
    bool over, late;
};

static void on_gone(void *arg)
{
    ((struct ending *)arg)->over = true;
}

static void on_late(void *arg)
{
    struct ending *ending = arg;
    ending->over = ending->late = true;
}

/* Waits until the process has gone: only then is its store free for the next one. */
static int wait_for_end(struct session *session, pid_t pid, struct error *err)
{
    struct process_watch *watch = NULL;
    struct loop_timer *timer = NULL;
    struct ending ending = { 0 };
    if (process_watch_new(session_loop(session), pid, on_gone, &ending, &watch, NULL) < 0)
        return 0; /* it has gone already */
    int rc = loop_timer_new(session_loop(session), on_late, &ending, &timer);
    if (rc == 0)
        rc = loop_timer_set(timer, STOP_TIMEOUT_MS);
    if (rc == 0)
        rc = loop_run_until(session_loop(session), &ending.over);
    if (rc < 0)
        (void)error_set(err, rc, "waiting for the plane to end");
    else if (ending.late)
        rc = error_set(err, ERROR_TIMEOUT, "the plane (process %d) does not end", (int)pid);
    loop_timer_free(timer);
    process_watch_free(watch);
    return rc;
}

static int stop(struct invocation *invocation, const char *socket_path, struct error *err)
{
    struct session *session = NULL;
    cJSON *status = NULL;
    const struct arm_request request = {
        .method = HTTP_POST,
        .path = "/moonfleet/stop",
        .idempotent = true,
        .timeout_ms = STOP_TIMEOUT_MS,
    };
    if (!local_plane_listens(socket_path)) {
        say(invocation, false, NULL, "no plane runs");
        return EXIT_DONE;
    }
    int rc = session_open_socket(socket_path, &session, err);
    if (rc == 0)
        rc = serve_status(session, &status, err);
    if (rc == 0)
        rc = arm_wait(session_client(session), &request, NULL, err);
    if (rc == 0)
        rc = wait_for_end(session, (pid_t)json_int(status, "pid", 0), err);
    if (rc == 0)
        say(invocation, false, NULL, "the plane has ended; instances go on as they are");
    cJSON_Delete(status);
    session_free(session);
    return rc;
}

static int run_serve(struct invocation *invocation, struct error *err)
{
    if (!invocation_flag(invocation, "stop") && !invocation_flag(invocation, "status"))
        return serve(invocation, err);
    char *socket_path = NULL;
    int rc = take_socket(invocation, &socket_path, err);
    if (rc == 0)
        rc = invocation_flag(invocation, "stop") ? stop(invocation, socket_path, err)
                                                 : show_status(invocation, socket_path, err);
    free(socket_path);
    return rc;
}

static const struct option_row serve_options[] = {
    { "data", 0, "DIR", "where the plane keeps its store, logs and instances", COMPLETES_FOLDER,
      NULL },
    { "socket", 0, "PATH", "the Unix socket to listen on", COMPLETES_FILE, NULL },
    { "driver", 0, "NAME", "how instances are made: auto, oci or simulated", COMPLETES_WORDS,
      "auto oci simulated" },
    { "at-once", 0, "N", "containers brought up at the same time (2 for each core)",
      COMPLETES_NOTHING, NULL },
    { "seed", 0, "FILE", "what a fresh store contains, instead of the built-in seed",
      COMPLETES_FILE, NULL },
    { "idle-exit", 0, "DURATION", "end after this long without a request and a running instance",
      COMPLETES_NOTHING, NULL },
    { "log-level", 0, "LEVEL", "debug, info, warn or error", COMPLETES_WORDS,
      "debug info warn error" },
    { "simulate", 0, "LIST", "durations of simulated operations: create=2s,start=1s,…",
      COMPLETES_NOTHING, NULL },
    { "fail-creation", 0, "GLOB", "simulated instances of such names fail their creation script",
      COMPLETES_NOTHING, NULL },
    { "foreground", 0, NULL, "stay in the foreground (the default)", COMPLETES_NOTHING, NULL },
    { "status", 0, NULL, "tell about the plane that runs", COMPLETES_NOTHING, NULL },
    { "stop", 0, NULL, "end the plane that runs", COMPLETES_NOTHING, NULL },
    { "ready-fd", 0, "N", NULL, COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_serve = {
    .name = "serve",
    .arguments = "",
    .summary = "run the local plane",
    .details =
        "The local plane answers the cloud's REST API on a Unix socket. The first command that\n"
        "needs it starts it in the background; it ends by itself after ten minutes without a\n"
        "request while nothing runs. Instances are containers (oci) where this machine can run\n"
        "them, and simulated otherwise; MOONFLEET_DRIVER or --driver chooses.\n"
        "--status --json: "
        "{\"listening\",\"version\",\"pid\",\"driver\",\"driverReason\",\"instances\",\n"
        "\"running\",\"busy\",\"dataFolder\",\"startTime\"}.",
    .examples = "moonfleet serve --driver simulated --simulate create=2s\n"
                "moonfleet serve --status\n"
                "moonfleet serve --stop",
    .options = serve_options,
    .run = run_serve,
};
