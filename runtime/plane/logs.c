/* logs.c - logs of setup scripts, and the way into a running instance: Moonfleet's own, under a
 * compute's path.
 *
 * The logs stand in the workspace's file share, which instances may write to: whatever is opened
 * there is opened without following a link. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/plane_private.h"

#define LOG_CHUNK_MAX ((size_t)1 << 20) /* of one reply */
#define META_MAX ((size_t)64 << 10)
#define LOGS_MAX 10000   /* told in one list; older ones are left out */
#define NAMES_MAX 100000 /* looked at: more in one folder are an instance's doing */
#define COMMAND_MAX 4096

char *logs_folder(const struct plane *plane, const char *workspace, const char *name)
{
    return plane->data_folder
               ? text_format("%s/shares/%s/Logs/%s", plane->data_folder, workspace, name)
               : NULL;
}

/* ---- which instance ---- */

struct inside {
    char id[UUID_TEXT_SIZE];
    char state[32];
    char *folder; /* below the data folder: "shares/<workspace>/Logs/<name>" */
};

/* False with the error answered. */
static bool find(struct call *call, struct inside *out)
{
    struct error err = { 0 };
    const struct route_params *p = &call->params;
    *out = (struct inside) { 0 };
    sqlite3_stmt *row =
        store_query(call->plane->store, &err,
                    "SELECT c.id, c.state, w.name, c.name FROM workspaces w JOIN computes c"
                    " ON c.workspace = w.key WHERE w.subscription = ? AND w.resource_group = ?"
                    " AND w.name = ? AND c.name = ?",
                    "ssss", p->subscription, p->group, p->workspace, p->compute);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    if (rc == 1) {
        text_copy(out->id, sizeof out->id, store_text(row, 0));
        text_copy(out->state, sizeof out->state, store_text(row, 1));
        out->folder = text_format("shares/%s/Logs/%s", store_text(row, 2), store_text(row, 3));
    }
    store_done(row);
    if (rc == 0)
        answer_missing(call);
    else if (rc < 0 || !out->folder)
        answer_failure(call, &err);
    return rc == 1 && out->folder;
}

/* Opens something below the data folder, following no link.  -1 with errno. */
static int open_below(const struct plane *plane, const char *path, int flags)
{
    int root =
        plane->data_folder ? open(plane->data_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    struct open_how how = { .flags = (unsigned)(flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK),
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    if (root < 0) {
        errno = ENOENT;
        return -1;
    }
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    int problem = errno;
    (void)close(root);
    errno = problem;
    return fd;
}

/* Folders, pipes and devices under a log's name are an instance's doing. */
static bool is_regular(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* "0001-creation" and ".log". */
static bool is_log_name(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits >= 1 && digits <= 9 &&
           (text_equal(name + digits, "-creation.log") ||
            text_equal(name + digits, "-startup.log"));
}

/* Of a log or of the times beside it ("0001-creation.times"): the name of the log; false: neither. */
static bool log_of(const char *name, char out[64])
{
    size_t size = strlen(name);
    if (text_ends(name, ".times") && size < 60)
        (void)snprintf(out, 64, "%.*s.log", (int)(size - strlen(".times")), name);
    else if (!text_copy(out, 64, name))
        return false;
    return is_log_name(out);
}

static cJSON *read_meta(int folder, const char *log)
{
    char name[64];
    cJSON *meta = NULL;
    struct buffer text = { 0 };
    snprintf(name, sizeof name, "%.*s.json", (int)(strlen(log) - 4), log);
    if (file_read_beneath(folder, name, META_MAX, &text, NULL) == 0)
        (void)json_parse(text.data ? text.data : "", text.size, name, &meta, NULL);
    buffer_clear(&text);
    return meta;
}

/* ---- the list ---- */

/* By their numbers, which go on beyond four digits. */
static int by_number(const void *a, const void *b)
{
    const char *one = *(const char *const *)a, *other = *(const char *const *)b;
    long first = strtol(one, NULL, 10), second = strtol(other, NULL, 10);
    return first != second ? (first > second) - (first < second) : strcmp(one, other);
}

static cJSON *describe(int folder, const char *log)
{
    static const char *const members[] = { "startTime",    "endTime", "exitStatus", "timedOut",
                                           "droppedBytes", "digest",  "arguments" };
    struct stat status = { 0 };
    cJSON *meta = read_meta(folder, log);
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "name", log);
    cJSON_AddStringToObject(out, "kind", text_ends(log, "-creation.log") ? "creation" : "startup");
    for (size_t i = 0; i < COUNT(members); i++)
        if (json_at(meta, members[i]))
            cJSON_AddItemToObject(out, members[i],
                                  cJSON_Duplicate(json_at(meta, members[i]), true));
    (void)fstatat(folder, log, &status, AT_SYMLINK_NOFOLLOW);
    cJSON_AddNumberToObject(out, "size", (double)status.st_size);
    cJSON_Delete(meta);
    return out;
}

/* Names of the folder's logs, sorted; the caller frees them and the array. */
static size_t names_of(DIR *folder, char ***out_names)
{
    char **names = NULL;
    size_t count = 0;
    size_t room = 0;
    const struct dirent *entry;
    while (count < NAMES_MAX && (entry = readdir(folder))) {
        if (!is_log_name(entry->d_name))
            continue;
        if (count == room) {
            room = room ? room * 2 : 16;
            char **more = realloc(names, room * sizeof *names);
            if (!more)
                break;
            names = more;
        }
        names[count] = strdup(entry->d_name);
        if (!names[count])
            break;
        count++;
    }
    if (count > 0)
        qsort(names, count, sizeof *names, by_number);
    *out_names = names;
    return count;
}

void logs_list(struct call *call)
{
    struct inside inside;
    if (!find(call, &inside) || !inside_admits_logs(call)) {
        free(inside.folder);
        return;
    }
    cJSON *list = cJSON_CreateArray();
    int fd = open_below(call->plane, inside.folder, O_DIRECTORY);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    char **names = NULL;
    size_t count = folder ? names_of(folder, &names) : 0;
    for (size_t i = 0; i < count; i++) {
        if (count - i <= LOGS_MAX)
            cJSON_AddItemToArray(list, describe(fd, names[i]));
        free(names[i]);
    }
    free(names);
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        (void)close(fd);
    cJSON *answer = cJSON_CreateObject();
    cJSON_AddItemToObject(answer, "value", list);
    answer_json(call, 200, answer);
    free(inside.folder);
}

/* ---- one log ---- */

static bool script_ended(const struct plane *plane, const char *folder, const char *log)
{
    int fd = open_below(plane, folder, O_DIRECTORY);
    cJSON *meta = fd >= 0 ? read_meta(fd, log) : NULL;
    bool ended = json_at(meta, "endTime");
    cJSON_Delete(meta);
    if (fd >= 0)
        (void)close(fd);
    return ended;
}

static void answer_log(struct call *call, int fd, int64_t offset, bool ended)
{
    struct buffer *body = &call->response->body;
    struct stat status = { 0 };
    char *chunk = malloc(LOG_CHUNK_MAX);
    if (!chunk || fstat(fd, &status) != 0) {
        body->failed = ERROR_NO_MEMORY;
        free(chunk);
        return;
    }
    ssize_t size = pread(fd, chunk, LOG_CHUNK_MAX, offset);
    if (size > 0)
        buffer_append(body, chunk, (size_t)size);
    free(chunk);
    bool complete = ended && offset + (size > 0 ? size : 0) >= status.st_size;
    call->response->status = 200;
    answer_header(call, "Content-Type", "text/plain; charset=utf-8");
    answer_header(call, "x-moonfleet-log-complete", "%s", complete ? "true" : "false");
}

static void answer_no_log(struct call *call)
{
    answer_error(call, 404, "NotFound", NULL, "The instance '%s' has no log '%.64s'.",
                 call->params.compute, call->params.name);
}

void log_read(struct call *call)
{
    struct inside inside;
    char log[64];
    int64_t offset = 0;
    char *text = http_query_get(call->query, "offset");
    bool good = !text || text_to_int64(text, 0, INT64_MAX, &offset) == 0;
    free(text);
    if (!find(call, &inside) || !inside_admits_logs(call)) {
        free(inside.folder);
        return;
    }
    if (!good) {
        answer_error(call, 400, "BadRequest", "offset", "The offset is not a number of bytes.");
    } else if (!log_of(call->params.name, log)) {
        answer_no_log(call);
    } else {
        /* Asked before the text is read, so that "complete" is never said too early. */
        bool ended = script_ended(call->plane, inside.folder, log);
        char *path = file_join(inside.folder, call->params.name);
        int fd = path ? open_below(call->plane, path, 0) : -1;
        if (fd >= 0 && is_regular(fd))
            answer_log(call, fd, offset, ended);
        else
            answer_no_log(call);
        if (fd >= 0)
            (void)close(fd);
        free(path);
    }
    free(inside.folder);
}

/* ---- a command inside ---- */

static bool is_command(const cJSON *command)
{
    const cJSON *word = NULL;
    if (!cJSON_IsArray(command) || cJSON_GetArraySize(command) < 1 ||
        cJSON_GetArraySize(command) > COMMAND_MAX)
        return false;
    cJSON_ArrayForEach(word, command) if (!cJSON_IsString(word)) return false;
    return true;
}

static bool may_be_entered(const char *state)
{
    static const char *const states[] = { "Running", "JobRunning", "UserSettingUp",
                                          "UserSetupFailed" };
    for (size_t i = 0; i < COUNT(states); i++)
        if (text_equal(state, states[i]))
            return true;
    return false;
}

static void enter(struct call *call, const struct inside *inside, const cJSON *command,
                  bool terminal)
{
    struct error err = { 0 };
    struct driver *driver = call->plane->driver;
    cJSON *argv = NULL;
    int rc = driver->ops->exec(driver, inside->id, command, terminal, &argv, &err);
    if (rc == 0) {
        cJSON *answer = cJSON_CreateObject();
        cJSON_AddItemToObject(answer, "argv", argv);
        answer_json(call, 200, answer);
    } else if (rc == ERROR_INVALID) {
        answer_error(call, 400, "ExecNotSupported", NULL,
                     "Instances of this plane have no inside: its driver is '%s'. %s",
                     driver->ops->name, err.message);
    } else {
        answer_error(call, 409, "Conflict", NULL, "The instance '%s' cannot be entered: %s",
                     call->params.compute, err.message);
    }
}

void compute_exec(struct call *call)
{
    struct inside inside = { 0 };
    const cJSON *request = call_body(call);
    const cJSON *command = json_at(request, "command");
    if (!request)
        return;
    if (!find(call, &inside) || !inside_admits(call))
        ; /* answered */
    else if (!is_command(command))
        answer_error(call, 400, "BadRequest", "command",
                     "The body must have an array of strings as \"command\".");
    else if (!may_be_entered(inside.state))
        answer_error(call, 409, "Conflict", NULL,
                     "The instance '%s' is in state '%s': it must be Running.",
                     call->params.compute, inside.state);
    else
        enter(call, &inside, command, json_bool(request, "terminal", false));
    free(inside.folder);
}
