/* local_plane.c - starts the user's own plane when a command needs it.
 *
 * The starter keeps a lock beside the socket from before it looks until the plane is ready, so that
 * of two commands one starts and the other finds.  Readiness comes over a pipe that the plane
 * inherits: lines "note …", then "ready" or "error …". */
#include "cli/local_plane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "script/recipe.h"
#include "setup/secrets.h"

#define START_TIMEOUT_MS 60000 /* probing container runtimes on a slow machine takes a while */
#define ANSWER_MAX ((size_t)64 << 10)

int local_plane_socket(char **out, struct error *err)
{
    char *folder = NULL;
    int rc = file_home(FILE_RUNTIME_DIR, &folder, err);
    if (rc < 0)
        return rc;
    *out = file_join(folder, "plane.sock");
    free(folder);
    return *out ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
}

int local_plane_make_folder(struct error *err)
{
    char *folder = NULL;
    int rc = file_home(FILE_RUNTIME_DIR, &folder, err);
    if (rc == 0)
        rc = file_make_dirs(folder, 0700, err);
    free(folder);
    return rc;
}

int local_plane_log(char **out, struct error *err)
{
    char *folder = NULL;
    int rc = file_home(FILE_STATE_HOME, &folder, err);
    if (rc < 0)
        return rc;
    *out = file_join(folder, "plane.log");
    free(folder);
    return *out ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
}

/* A connection to it, or -1. */
static int connect_to(const char *socket_path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!text_copy(address.sun_path, sizeof address.sun_path, socket_path))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool local_plane_listens(const char *socket_path)
{
    int fd = connect_to(socket_path);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* Does it answer?  A plane that is just ending, for nobody has asked it for so long, still listens
 * and hangs up; one that has answered stays as long again.  One that takes its time is there. */
static bool answers(const char *socket_path)
{
    static const char hello[] = "GET /moonfleet/status HTTP/1.0\r\nHost: localhost\r\n\r\n";
    char byte = 0;
    ssize_t size = -1;
    int fd = connect_to(socket_path);
    if (fd < 0)
        return false;
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (send(fd, hello, sizeof hello - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof hello - 1)) {
        int ready = poll(&wait, 1, START_TIMEOUT_MS);
        size = ready > 0 ? recv(fd, &byte, 1, 0) : 1;
    }
    (void)close(fd);
    return size > 0;
}

/* The lock; closing the descriptor releases it, also when we are killed. */
static int take_lock(const char *socket_path, int *out_fd, struct error *err)
{
    char *path = text_format("%s.lock", socket_path);
    if (!path)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = fd < 0 ? error_system(err, errno, "opening %s", path) : 0;
    while (rc == 0 && flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            rc = error_system(err, errno, "locking %s", path);
    free(path);
    if (rc < 0 && fd >= 0)
        (void)close(fd);
    if (rc == 0)
        *out_fd = fd;
    return rc;
}

static int open_log(int *out_fd, struct error *err)
{
    char *path = NULL, *folder = NULL;
    int fd = -1;
    int rc = file_home(FILE_STATE_HOME, &folder, err);
    if (rc == 0)
        rc = file_make_dirs(folder, 0700, err);
    if (rc == 0)
        rc = local_plane_log(&path, err);
    if (rc == 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        rc = fd < 0 ? error_system(err, errno, "opening %s", path) : 0;
    }
    free(path);
    free(folder);
    if (rc == 0)
        *out_fd = fd;
    return rc;
}

/* A recipe's secrets are for the command that was given them, not for a plane that outlives it. */
static void forget_secrets(void)
{
    static const char prefix[] = RECIPE_SECRET_ENV;
    char name[sizeof prefix + SECRET_NAME_MAX + 1];
    for (char **entry = environ; *entry;) {
        size_t size = strcspn(*entry, "=");
        if (!text_starts(*entry, prefix) || size >= sizeof name) {
            entry++;
            continue;
        }
        memcpy(name, *entry, size);
        name[size] = '\0';
        if (unsetenv(name) < 0) /* else the next one stands here now */
            entry++;
    }
}

/* The child: nothing of the starting terminal stays, and only the pipe is inherited besides 0,
 * 1, 2. */
static void become_plane(const char *program, const char *socket_path, int log_fd, int ready_fd)
{
    char ready[16];
    sigset_t none;
    (void)snprintf(ready, sizeof ready, "%d", ready_fd);
    char *const argv[] = { (char *)program,     "serve",       "--socket",
                           (char *)socket_path, "--idle-exit", "10m",
                           "--ready-fd",        ready,         NULL };
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setsid();
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") != 0 || dup2(null_fd, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0 ||
        fcntl(ready_fd, F_SETFD, 0) != 0)
        _exit(EXIT_FAILURE);
    forget_secrets();
    (void)execv(program, argv);
    (void)dprintf(ready_fd, "error %s: %s\n", program, text_errno(errno));
    _exit(EXIT_FAILURE);
}

/* Two forks: the plane is nobody's child, so nobody has to reap it. */
static int spawn(const char *program, const char *socket_path, int log_fd, int ready_fd,
                 struct error *err)
{
    pid_t middle = fork();
    if (middle < 0)
        return error_system(err, errno, "starting the local plane");
    if (middle == 0) {
        pid_t plane = fork();
        if (plane == 0)
            become_plane(program, socket_path, log_fd, ready_fd);
        _exit(plane < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    int status = 0;
    while (waitpid(middle, &status, 0) < 0 && errno == EINTR)
        continue;
    return status == 0 ? 0 : error_set(err, ERROR_IO, "starting the local plane: cannot fork");
}

/* All that the plane writes until it closes its end. */
static int read_answer(int fd, struct buffer *out, struct error *err)
{
    int64_t deadline = clock_monotonic_ms(clock_real()) + START_TIMEOUT_MS;
    char bytes[1024];
    for (;;) {
        int64_t left = deadline - clock_monotonic_ms(clock_real());
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return error_set(err, ERROR_TIMEOUT, "the local plane did not get ready in %d seconds",
                             START_TIMEOUT_MS / 1000);
        ssize_t size = read(fd, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return buffer_check(out, "the local plane's answer", err);
        buffer_append(out, bytes, (size_t)size);
    }
}

static int understand(const struct output *output, char *answer, struct error *err)
{
    char safe[ERROR_MESSAGE_SIZE], *next = NULL;
    for (char *line = answer; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (text_starts(line, "note "))
            output_note(output, "moonfleet: %s\n", output_safe(safe, sizeof safe, line + 5));
        else if (text_equal(line, "ready"))
            return 0;
        else if (text_starts(line, "error "))
            return error_set(err, ERROR_UNAVAILABLE, "the local plane does not start: %s",
                             output_safe(safe, sizeof safe, line + 6));
    }
    char *log = NULL;
    (void)local_plane_log(&log, NULL);
    (void)error_set(err, ERROR_UNAVAILABLE, "the local plane ended while starting; its log is %s",
                    log ? log : "unknown");
    free(log);
    return ERROR_UNAVAILABLE;
}

static int start(const struct output *output, const char *program, const char *socket_path,
                 struct error *err)
{
    struct buffer answer = { .max = ANSWER_MAX };
    int log_fd = -1, ends[2] = { -1, -1 };
    int rc = open_log(&log_fd, err);
    if (rc == 0 && pipe2(ends, O_CLOEXEC) != 0)
        rc = error_system(err, errno, "starting the local plane");
    if (rc == 0)
        rc = spawn(program, socket_path, log_fd, ends[1], err);
    if (ends[1] >= 0)
        (void)close(ends[1]); /* from here on only the plane holds it: its death is seen */
    if (rc == 0)
        rc = read_answer(ends[0], &answer, err);
    if (rc == 0)
        rc = understand(output, answer.data, err);
    if (ends[0] >= 0)
        (void)close(ends[0]);
    if (log_fd >= 0)
        (void)close(log_fd);
    buffer_clear(&answer);
    return rc;
}

int local_plane_ensure(const struct output *output, const char *program, const char *socket_path,
                       struct error *err)
{
    int lock = -1;
    if (answers(socket_path))
        return 0;
    int rc = local_plane_make_folder(err);
    if (rc == 0)
        rc = take_lock(socket_path, &lock, err);
    if (rc < 0)
        return rc;
    if (!answers(socket_path)) /* else somebody was quicker */
        rc = start(output, program, socket_path, err);
    (void)close(lock);
    return rc;
}
