/* oci_host.c - finds out what works here by running a container that does nothing.
 *
 * Nothing is concluded from versions: whether a runtime copes with this machine's control groups,
 * whether user namespaces are allowed, whether overlays work on the data folder's file system is
 * seen only when a container runs.  It blocks for the tenth of a second that this takes; a plane
 * asks when it starts. */
#include "plane/drivers/oci_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <linux/magic.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_config.h"
#include "plane/drivers/oci_view.h"

#define TRY_TIMEOUT_MS 20000
#define OUTPUT_MAX 8192
#define IDS_MAX 65536
#define FOUND_MAX 4
#define TRIAL_PREFIX ".trial-" /* and the pid of who tries */

/* What one runtime asked for led to. */
struct found {
    char *wish;   /* options->runtime */
    char *folder; /* options->folder */
    struct oci_host host;
    cJSON *rows;
    struct error error;
    int rc;
};

/* ---- running something to its end ---- */

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_real());
}

static void drain(int fd, struct buffer *out)
{
    char bytes[1024];
    ssize_t got = 0;
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        buffer_append(out, bytes, (size_t)got);
}

/* Waits for the child, reading what it says; kills it when it takes too long. */
static int wait_for(pid_t pid, int fd, struct buffer *out)
{
    int status = -1;
    int64_t deadline = now_ms() + TRY_TIMEOUT_MS;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    for (bool ended = pidfd < 0; !ended;) {
        struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN },
                                 { .fd = fd, .events = POLLIN } };
        int64_t left = deadline - now_ms();
        int got = poll(fds, 2, left > 0 ? (int)left : 0);
        if (got == 0)
            (void)kill(pid, SIGKILL);
        drain(fd, out);
        if (fds[1].revents & POLLHUP)
            fd = -1;
        ended = (got < 0 && errno != EINTR) || (fds[0].revents & POLLIN);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pidfd >= 0)
        (void)close(pidfd);
    return status;
}

/* Runs a command to its end, without input; the wait status, or -1 when it could not be started. */
static int run(const cJSON *command, struct buffer *out)
{
    const char *argv[32] = { 0 };
    size_t count = 0;
    const cJSON *word = NULL;
    int ends[2];
    int status = -1;
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    cJSON_ArrayForEach(word, command)
    {
        if (count + 1 < COUNT(argv))
            argv[count++] = word->valuestring;
    }
    if (count == 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (rc == 0) {
        status = wait_for(pid, ends[0], out);
        drain(ends[0], out);
    }
    (void)close(ends[0]);
    return status;
}

static bool ended_well(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- what there is ---- */

/* Looks a program up as a shell does, and where administrators' programs stand. */
static char *find_program(const char *name)
{
    const char *path = getenv("PATH");
    char *all = text_format("%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            path ? path : "");
    char *found = NULL;
    if (strchr(name, '/')) {
        free(all);
        return access(name, X_OK) == 0 ? strdup(name) : NULL;
    }
    for (const char *at = all; at && *at && !found;) {
        size_t size = strcspn(at, ":");
        char *file = text_format("%.*s/%s", (int)size, at, name);
        if (size > 0 && file && access(file, X_OK) == 0) {
            found = file;
            file = NULL;
        }
        free(file);
        at += size + (at[size] == ':');
    }
    free(all);
    return found;
}

/* The first range of `user` (by name or number) in /etc/subuid or /etc/subgid. */
static struct oci_range read_range(const char *path, const char *user, uid_t uid)
{
    struct oci_range range = { 0 };
    struct buffer text = { 0 };
    char number[24];
    (void)snprintf(number, sizeof number, "%u", (unsigned)uid);
    if (file_read(path, 1 << 20, &text, NULL) < 0)
        buffer_reset(&text);
    for (const char *line = text.data; line && *line && range.count == 0;) {
        size_t size = strcspn(line, "\n");
        char name[256], first[24], count[24];
        char *row = text_dup_size(line, size);
        if (row && sscanf(row, "%255[^:]:%23[0-9]:%23[0-9]", name, first, count) == 3 &&
            (text_equal(name, user) || text_equal(name, number)) &&
            (text_to_int64(first, 1, UINT32_MAX, &range.first) < 0 ||
             text_to_int64(count, 1, UINT32_MAX, &range.count) < 0))
            range.count = 0;
        free(row);
        line += size + (line[size] == '\n');
    }
    buffer_clear(&text);
    if (range.count > IDS_MAX)
        range.count = IDS_MAX;
    return range;
}

static bool helper_there(const char *name)
{
    char *path = find_program(name);
    free(path);
    return path != NULL;
}

static void look_around(struct oci_host *host)
{
    const struct passwd *user = getpwuid(geteuid());
    struct sysinfo info = { 0 };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    (void)sysinfo(&info);
    host->cores = cores > 0 ? (int)cores : 1;
    host->memory_bytes = (int64_t)info.totalram * info.mem_unit;
    host->rootless = geteuid() != 0;
    if (!host->rootless) {
        host->has_sudo = access("/usr/bin/sudo", X_OK) == 0;
        return;
    }
    host->uids = read_range("/etc/subuid", user ? user->pw_name : "", geteuid());
    host->gids = read_range("/etc/subgid", user ? user->pw_name : "", geteuid());
    host->has_range = host->uids.count > 0 && host->gids.count > 0 && helper_there("newuidmap") &&
                      helper_there("newgidmap");
}

/* ---- trying ---- */

cJSON *oci_host_command(const struct oci_host *host, const char *root)
{
    cJSON *command = cJSON_CreateArray();
    (void)cJSON_AddItemToArray(command, cJSON_CreateString(host->runtime));
    (void)cJSON_AddItemToArray(command, cJSON_CreateString("--root"));
    (void)cJSON_AddItemToArray(command, cJSON_CreateString(root));
    if (host->limits == OCI_LIMITS_SYSTEMD)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString("--systemd-cgroup"));
    else if (host->crun && host->limits == OCI_LIMITS_NONE)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString("--cgroup-manager=disabled"));
    return command;
}

static void make_trial_folders(const char *folder, struct error *err)
{
    static const char *const names[] = { "rootfs", "root" };
    for (size_t i = 0; i < COUNT(names); i++) {
        char *path = file_join(folder, names[i]);
        if (path)
            (void)file_make_dirs(path, 0755, err);
        free(path);
    }
    for (const char *const *top = oci_view_tops; *top; top++) {
        char target[256];
        char from[64];
        (void)snprintf(from, sizeof from, "/%s", *top);
        ssize_t size = readlink(from, target, sizeof target - 1);
        char *to = text_format("%s/rootfs/%s", folder, *top);
        if (size > 0 && to) {
            target[size] = '\0';
            (void)symlink(target, to);
        }
        free(to);
        for (int i = 0; i < 2; i++) {
            char *path = text_format("%s/%s/%s", folder, i == 0 ? "upper" : "work", *top);
            if (path && oci_view_shown(*top))
                (void)file_make_dirs(path, 0755, err);
            free(path);
        }
    }
}

static int write_trial(const struct oci_host *host, const char *program, const char *folder,
                       const char *name, struct error *err)
{
    char *rootfs = file_join(folder, "rootfs");
    char *file = file_join(folder, "config.json");
    const char *const args[] = { OCI_INIT_PATH, "__init", "--nothing" };
    const char *const plain[] = { "/bin/sh", "-c", ":" };
    struct oci_config c = { .host = host,
                            .rootfs = rootfs ? rootfs : "",
                            .host_name = "trial",
                            .cgroup = name,
                            .cores = 1,
                            .memory_bytes = (int64_t)512 << 20,
                            .args = cJSON_CreateStringArray(program ? args : plain, 3) };
    cJSON *config = oci_config_new(&c);
    for (const char *const *top = oci_view_tops; config && *top; top++) {
        char *lower = text_format("/%s", *top);
        if (lower && oci_view_shown(*top))
            (void)oci_config_overlay(config, host, *top, folder, &lower, 1);
        free(lower);
    }
    if (config && program)
        (void)oci_config_bind(config, program, OCI_INIT_PATH, false);
    char *text = config ? json_text(config) : NULL;
    int rc = !text || !file ? error_set(err, ERROR_NO_MEMORY, "no memory for a trial container")
                            : file_write(file, text, strlen(text), 0600, err);
    free(text);
    cJSON_Delete(config);
    free(file);
    free(rootfs);
    return rc;
}

/* The last line of what a runtime said, without the frame that runc's log puts around it. */
static void reason(struct buffer *output, struct error *err)
{
    buffer_text(output, "");
    char *text = output->data ? output->data : "";
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        text[--size] = '\0';
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    const char *msg = strstr(line, "msg=\"");
    (void)error_set(err, ERROR_UNAVAILABLE, "%s",
                    *line == '\0' ? "it failed without a word"
                    : msg         ? msg + 5
                                  : line);
}

/* What a failed trial may have left with the runtime. */
static void forget_trial(const struct oci_host *host, const char *root, const char *name)
{
    const char *const rest[] = { "delete", "-f", name };
    struct buffer output = { .max = OUTPUT_MAX };
    cJSON *command = oci_host_command(host, root);
    for (size_t i = 0; i < COUNT(rest); i++)
        (void)cJSON_AddItemToArray(command, cJSON_CreateString(rest[i]));
    (void)run(command, &output);
    cJSON_Delete(command);
    buffer_clear(&output);
}

/* By our own __init, which may remove what other ids of the range own. */
static void remove_trial(const struct oci_options *options, const char *folder)
{
    struct buffer output = { .max = OUTPUT_MAX };
    const char *const words[] = { options->program ? options->program : "rm",
                                  options->program ? "__init" : "-rf",
                                  options->program ? "--remove" : "--", folder };
    cJSON *command = cJSON_CreateStringArray(words, (int)COUNT(words));
    (void)run(command, &output);
    cJSON_Delete(command);
    buffer_clear(&output);
}

/* The folders of programs that were killed while they tried. */
static void sweep_trials(const struct oci_options *options)
{
    const struct dirent *entry = NULL;
    DIR *dir = opendir(options->folder);
    while (dir && (entry = readdir(dir))) {
        int64_t pid = 0;
        const char *name = entry->d_name;
        if (!text_starts(name, TRIAL_PREFIX) ||
            text_to_int64(name + strlen(TRIAL_PREFIX), 1, INT32_MAX, &pid) < 0 ||
            kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        char *folder = file_join(options->folder, name);
        if (folder)
            remove_trial(options, folder);
        free(folder);
    }
    if (dir)
        (void)closedir(dir);
}

/* Runs a container that does nothing, as `host` says, below `where`. */
static int try_it(const struct oci_host *host, const struct oci_options *options, struct error *err)
{
    char *folder = text_format("%s/" TRIAL_PREFIX "%d", options->folder, (int)getpid());
    char *root = folder ? file_join(folder, "root") : NULL;
    char *name = text_format("moonfleet-trial-%d", (int)getpid());
    struct buffer output = { .max = OUTPUT_MAX };
    int rc = ERROR_NO_MEMORY;
    if (root && name) {
        make_trial_folders(folder, err);
        rc = write_trial(host, options->program, folder, name, err);
    }
    if (rc == 0) {
        cJSON *command = oci_host_command(host, root);
        const char *const rest[] = { "run", "--bundle", folder, name };
        for (size_t i = 0; i < COUNT(rest); i++)
            (void)cJSON_AddItemToArray(command, cJSON_CreateString(rest[i]));
        if (!ended_well(run(command, &output))) {
            reason(&output, err);
            rc = ERROR_UNAVAILABLE;
            forget_trial(host, root, name);
        }
        cJSON_Delete(command);
    }
    if (folder)
        remove_trial(options, folder);
    buffer_clear(&output);
    free(name);
    free(root);
    free(folder);
    return rc;
}

static bool systemd_may_help(const struct oci_host *host)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (!host->rootless)
        return file_is_dir("/run/systemd/system");
    char *bus = text_format("%s/systemd/private", runtime ? runtime : "/nonexistent");
    bool there = bus && file_exists(bus) && file_exists("/sys/fs/cgroup/cgroup.controllers");
    free(bus);
    return there;
}

/* The best way in which this runtime works: limits if there can be any, many ids if there can be.
 */
static int try_runtime(struct oci_host *host, const struct oci_options *options, struct error *err)
{
    bool range = host->has_range;
    int rc = 0;
    sweep_trials(options);
    for (int ids = range ? 0 : 1; ids < 2; ids++) {
        host->has_range = ids == 0;
        for (int limits = OCI_LIMITS_CGROUPFS; limits <= OCI_LIMITS_NONE; limits++) {
            struct error first = { 0 };
            if ((limits == OCI_LIMITS_CGROUPFS && host->rootless) ||
                (limits == OCI_LIMITS_SYSTEMD && !systemd_may_help(host)))
                continue;
            host->limits = (enum oci_limits)limits;
            rc = try_it(host, options, &first);
            if (rc == 0)
                return 0;
            *err = first;
        }
    }
    host->has_range = range;
    return rc;
}

/* ---- what doctor shows ---- */

static void add_row(cJSON *rows, const char *check, const char *status, const char *advice,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

static void add_row(cJSON *rows, const char *check, const char *status, const char *advice,
                    const char *format, ...)
{
    struct buffer message = { 0 };
    cJSON *row = cJSON_CreateObject();
    va_list args;
    va_start(args, format);
    buffer_vformat(&message, format, args);
    va_end(args);
    (void)cJSON_AddStringToObject(row, "check", check);
    (void)cJSON_AddStringToObject(row, "status", status);
    (void)cJSON_AddStringToObject(row, "message", message.data ? message.data : "");
    (void)cJSON_AddStringToObject(row, "advice", advice);
    (void)cJSON_AddItemToArray(rows, row);
    buffer_clear(&message);
}

/* Is the data folder on a file system that can hold what overlays change? */
static void add_overlay_row(cJSON *rows, const char *folder)
{
    struct statfs fs = { 0 };
    if (statfs(folder, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC)
        add_row(
            rows, "overlay", "failure",
            "Put the data folder on a real file system: moonfleet serve --data DIR",
            "the data folder '%s' is itself on an overlay, which cannot hold another one's changes",
            folder);
    else if (statfs(folder, &fs) == 0 && fs.f_type == NFS_SUPER_MAGIC)
        add_row(rows, "overlay", "warning",
                "Put the data folder on a local file system: moonfleet serve --data DIR",
                "the data folder '%s' is on NFS, which overlays do not work on", folder);
    else
        add_row(rows, "overlay", "ok", "", "the data folder '%s' can hold what instances change",
                folder);
}

static bool number_in(const char *path, int64_t *out)
{
    struct buffer text = { 0 };
    bool ok = file_read(path, 64, &text, NULL) == 0 && text.data;
    if (ok)
        text.data[strcspn(text.data, "\n")] = '\0';
    ok = ok && text_to_int64(text.data, 0, INT64_MAX, out) == 0;
    buffer_clear(&text);
    return ok;
}

static void add_user_rows(cJSON *rows, const struct oci_host *host, bool works)
{
    int64_t number = 1;
    if (!host->rootless)
        return;
    if (number_in("/proc/sys/user/max_user_namespaces", &number) && number == 0)
        add_row(rows, "user namespaces", "failure", "sysctl -w user.max_user_namespaces=15000",
                "the kernel allows none");
    else if (number_in("/proc/sys/kernel/unprivileged_userns_clone", &number) && number == 0)
        add_row(rows, "user namespaces", "failure", "sysctl -w kernel.unprivileged_userns_clone=1",
                "ordinary users may not make one");
    else if (!works &&
             number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", &number) &&
             number != 0)
        add_row(rows, "user namespaces", "warning",
                "Give the runtime an AppArmor profile, or: "
                "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
                "AppArmor restricts them to programs with a profile");
    else
        add_row(rows, "user namespaces", "ok", "", "ordinary users may make them");
    if (host->has_range)
        add_row(rows, "user ids", "ok", "",
                "%lld ids of /etc/subuid are mapped: azureuser is a user of its own in an instance",
                (long long)host->uids.count);
    else
        add_row(rows, "user ids", "warning",
                "Install uidmap (newuidmap, newgidmap) and give this user a range: "
                "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER",
                "only one id can be mapped: in an instance azureuser is root under another name");
}

static void add_limit_row(cJSON *rows, const struct oci_host *host)
{
    static const char *const texts[] = { "the runtime sets them through control groups",
                                         "systemd sets them", "" };
    if (host->limits != OCI_LIMITS_NONE)
        add_row(rows, "limits", "ok", "", "memory, processes and CPU of instances: %s",
                texts[host->limits]);
    else
        add_row(rows, "limits", "warning",
                host->rootless
                    ? "Needs cgroup v2 and a systemd user session (loginctl enable-linger)"
                    : "Needs control groups that root may write",
                "memory, processes and CPU of instances are not limited here");
}

static void add_rows(cJSON *rows, const struct oci_host *host, const char *folder, bool works)
{
    add_overlay_row(rows, folder);
    add_user_rows(rows, host, works);
    if (!works)
        return;
    add_limit_row(rows, host);
    add_row(rows, "at once", "ok", "", "%d instances are brought up at the same time, others queue",
            host->cores * OCI_PLACES_PER_CORE);
    if (host->has_sudo)
        add_row(rows, "sudo", "ok", "", "instances use this machine's own");
    else
        add_row(rows, "sudo", "ok", "", "instances have a small one of Moonfleet's (root to user)");
}

static void version_of(const char *runtime, char *out, size_t out_size)
{
    struct buffer output = { .max = OUTPUT_MAX };
    const char *const words[] = { runtime, "--version" };
    cJSON *command = cJSON_CreateStringArray(words, 2);
    (void)snprintf(out, out_size, "of unknown version");
    if (ended_well(run(command, &output)) && output.data) {
        const char *at = strstr(output.data, "version ");
        if (at)
            (void)snprintf(out, out_size, "%.*s", (int)strcspn(at + 8, "\n"), at + 8);
    }
    cJSON_Delete(command);
    buffer_clear(&output);
}

/* ---- finding ---- */

/* Tries one runtime by name; its row is added.  1 when it isn't there. */
static int look_at_runtime(struct oci_host *host, const struct oci_options *options,
                           const char *name, cJSON *rows, struct error *err)
{
    char version[64];
    char *path = find_program(name);
    if (!path)
        return 1;
    host->runtime = path;
    const char *slash = strrchr(path, '/');
    host->crun = text_starts(slash ? slash + 1 : path, "crun");
    int rc = try_runtime(host, options, err);
    version_of(path, version, sizeof version);
    if (rc == 0) {
        add_row(rows, "runtime", "ok", "", "%s %s works here", path, version);
        return 0;
    }
    add_row(rows, "runtime", "warning", "", "%s %s does not work here: %s", path, version,
            err->message);
    error_wrap(err, rc, "%s", path);
    free(path);
    host->runtime = NULL;
    return rc;
}

static void find(struct found *found, const struct oci_options *options)
{
    static const char *const known[] = { "crun", "runc" };
    bool any = false;
    found->rc = ERROR_UNAVAILABLE;
    look_around(&found->host);
    if (file_make_dirs(options->folder, 0700, &found->error) < 0) {
        add_row(found->rows, "data folder", "failure", "", "%s", found->error.message);
        found->error.code = ERROR_UNAVAILABLE;
        return;
    }
    for (size_t i = 0; found->rc != 0 && i < (options->runtime ? 1 : COUNT(known)); i++) {
        const char *name = options->runtime ? options->runtime : known[i];
        struct error err = { 0 };
        int rc = look_at_runtime(&found->host, options, name, found->rows, &err);
        any = any || rc != 1;
        found->rc = rc == 0 ? 0 : ERROR_UNAVAILABLE;
        if (rc < 0)
            found->error = err;
    }
    if (!any) {
        (void)error_set(&found->error, ERROR_UNAVAILABLE, "there is no container runtime (%s)",
                        options->runtime ? options->runtime : "crun or runc");
        add_row(found->rows, "runtime", "failure", "apt install runc, or: apt install crun", "%s",
                found->error.message);
    } else if (found->rc != 0) {
        found->error.code = ERROR_UNAVAILABLE;
        add_row(found->rows, "containers", "failure",
                "See the reasons above; until then: moonfleet serve --driver simulated",
                "no container runtime works here");
    }
    add_rows(found->rows, &found->host, options->folder, found->rc == 0);
}

int oci_host_find(const struct oci_options *options, const struct oci_host **out, cJSON **out_rows,
                  struct error *err)
{
    /* What a machine can do does not change under a process, and trying is dear: hence the one
     * table in this program that lives as long as the process. */
    static struct found table[FOUND_MAX];
    struct found *found = NULL;
    for (size_t i = 0; !found && i < FOUND_MAX; i++) {
        if (!table[i].folder || (text_equal(table[i].wish, options->runtime) &&
                                 text_equal(table[i].folder, options->folder)))
            found = &table[i];
    }
    if (!found)
        return error_set(err, ERROR_LIMIT, "more than %d kinds of oci driver in one process",
                         FOUND_MAX);
    if (!found->folder) {
        found->wish = options->runtime ? strdup(options->runtime) : NULL;
        found->folder = strdup(options->folder);
        found->rows = cJSON_CreateArray();
        find(found, options);
    }
    if (out_rows && !(*out_rows = cJSON_Duplicate(found->rows, true)))
        return error_set(err, ERROR_NO_MEMORY, "no memory for what was found");
    if (found->rc != 0) {
        if (err)
            *err = found->error;
        return found->rc;
    }
    if (out)
        *out = &found->host;
    return 0;
}
