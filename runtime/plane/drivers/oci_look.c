/* oci_look.c - looking into an instance without disturbing it: its files, its processes, its ports.
 *
 * Processes are looked at from this machine: who made a user namespace may look at whoever is in
 * it.  Instances share the machine's network, so a port is an instance's when a process of the
 * instance holds its socket. */
#include "plane/drivers/oci_private.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_scan.h"
#include "plane/drivers/oci_view.h"

#define WORDS_MAX 24
#define COMMAND_MAX ((size_t)4096)
#define TABLE_MAX ((size_t)64 << 20)
#define SOCKETS_MAX 65536

/* ---- files ---- */

static size_t scan_words(const struct oci *oci, const char *folder, const char *id,
                         const char *name, const char *words[WORDS_MAX])
{
    const char *const first[] = { "--scan", folder, id, name, oci->host->rootless ? "1" : "0" };
    size_t count = COUNT(first);
    memcpy((void *)words, (const void *)first, sizeof first);
    for (const char *const *top = oci_view_tops; *top && count < WORDS_MAX; top++) {
        if (oci_is_based(oci, *top))
            words[count++] = *top;
    }
    return count;
}

/* In a container, where every file has an owner that may be looked at. */
static int scan_contained(struct machine *machine, const char *name, struct error *err)
{
    const char *words[WORDS_MAX];
    char *path = NULL;
    size_t count = scan_words(machine->oci, OCI_SCAN_FOLDER, machine->id, name, words);
    int rc = oci_bundle_scan(&machine->oci->bundle, machine->id, words, count, &path, err);
    char *bundle = path ? file_join(path, "bundle") : NULL;
    char *container = text_format("moonfleet-scan-%s", machine->id);
    const char *const run[] = { "run", "--bundle", bundle, container };
    if (rc == 0)
        rc = oci_child_runtime(machine, CHILD_SCAN, run, COUNT(run), err);
    free(container);
    free(bundle);
    free(path);
    return rc;
}

int driver_oci_scan(struct driver *driver, const char *id, const char *name,
                    const struct driver_callbacks *callbacks)
{
    struct oci *oci = (struct oci *)driver;
    struct machine *machine = NULL;
    struct error err = { 0 };
    const char *words[WORDS_MAX];
    int rc = oci_begin(oci, CALL_SCAN, id, callbacks, &machine);
    if (rc < 0 || !machine)
        return rc;
    if (oci->host->rootless && oci->host->has_range) {
        rc = scan_contained(machine, name, &err);
    } else {
        size_t count = scan_words(oci, oci->folder, id, name, words);
        rc = oci_child_own(machine, CHILD_SCAN, words, count, &err);
    }
    if (rc < 0) {
        machine->call = (struct call) { .kind = CALL_NONE };
        log_line(oci->log, LOG_ERROR, "%s", err.message);
    }
    return rc;
}

void oci_look_forget(const struct machine *machine)
{
    char *path = text_format("%s/.scan-%s", machine->oci->folder, machine->id);
    if (path)
        (void)file_remove_tree(path, NULL); /* small: a bundle and empty folders */
    free(path);
}

void oci_look_ended(struct machine *machine, bool good)
{
    struct error err = { 0 };
    if (!good)
        oci_child_last_words(machine, &err, "looking at the instance's files");
    oci_look_forget(machine);
    oci_finish(machine, good ? 0 : ERROR_IO, good ? NULL : &err);
}

/* ---- processes and ports ---- */

struct sockets {
    struct {
        uint64_t inode;
        const char *command; /* borrowed from the processes' row */
    } items[SOCKETS_MAX];
    size_t count;
};

static bool read_namespace(pid_t pid, char *out, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    ssize_t got = readlink(path, out, size - 1);
    out[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* Its command line as one text, words parted by blanks; a kernel's name for one without. */
static void read_command(pid_t pid, struct buffer *out)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    if (file_read(path, COMMAND_MAX, out, NULL) < 0 || out->size == 0) {
        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
        (void)file_read(path, COMMAND_MAX, out, NULL);
    }
    for (size_t i = 0; i < out->size; i++) {
        if (out->data[i] == '\0' || out->data[i] == '\n')
            out->data[i] = ' ';
    }
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
}

/* Its number inside: the last of the line "NSpid:  4711  12". */
static int64_t inner_pid(pid_t pid)
{
    char path[64];
    struct buffer text = { 0 };
    int64_t inner = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *line = file_read(path, 16384, &text, NULL) == 0 && text.data
                     ? strstr(text.data, "\nNSpid:")
                     : NULL;
    if (line) {
        line[1 + strcspn(line + 1, "\n")] = '\0';
        char *tab = strrchr(line, '\t');
        if (!tab || text_to_int64(tab + 1, 1, INT32_MAX, &inner) < 0)
            inner = 0;
    }
    buffer_clear(&text);
    return inner;
}

static void read_sockets(pid_t pid, const char *command, struct sockets *out)
{
    char path[64];
    const struct dirent *entry = NULL;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir)) && out->count < SOCKETS_MAX) {
        char target[64];
        char digits[24];
        int64_t inode = 0;
        ssize_t size = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        if (!text_starts(target, "socket:["))
            continue;
        (void)text_copy(digits, sizeof digits, target + strlen("socket:["));
        digits[strcspn(digits, "]")] = '\0';
        if (text_to_int64(digits, 1, INT64_MAX, &inode) == 0) {
            out->items[out->count].inode = (uint64_t)inode;
            out->items[out->count++].command = command;
        }
    }
    if (dir)
        (void)closedir(dir);
}

static int read_processes(pid_t init, cJSON *processes, struct sockets *sockets)
{
    char wanted[64];
    char space[64];
    const struct dirent *entry = NULL;
    DIR *dir = opendir("/proc");
    if (!dir || !read_namespace(init, wanted, sizeof wanted)) {
        if (dir)
            (void)closedir(dir);
        return ERROR_IO;
    }
    while ((entry = readdir(dir))) {
        int64_t pid = 0;
        struct buffer command = { 0 };
        if (text_to_int64(entry->d_name, 1, INT32_MAX, &pid) < 0 || pid == init ||
            !read_namespace((pid_t)pid, space, sizeof space) || !text_equal(space, wanted))
            continue;
        read_command((pid_t)pid, &command);
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(row, "pid", (double)inner_pid((pid_t)pid));
        (void)cJSON_AddStringToObject(row, "command", command.data ? command.data : "?");
        buffer_clear(&command);
        if (cJSON_AddItemToArray(processes, row))
            read_sockets((pid_t)pid, json_string(row, "command", "?"), sockets);
    }
    (void)closedir(dir);
    return 0;
}

/* "0100007F:1F90" of /proc/net/tcp: words of 32 bits in the machine's byte order. */
static bool read_address(const char *text, char *out, size_t out_size, unsigned *out_port)
{
    uint32_t words[4] = { 0 };
    size_t size = strcspn(text, ":");
    if ((size != 8 && size != 32) || text[size] != ':')
        return false;
    for (size_t i = 0; i < size; i += 8) {
        char part[9];
        (void)snprintf(part, sizeof part, "%.8s", text + i);
        words[i / 8] = (uint32_t)strtoul(part, NULL, 16);
    }
    *out_port = (unsigned)strtoul(text + size + 1, NULL, 16);
    return inet_ntop(size == 8 ? AF_INET : AF_INET6, words, out, (socklen_t)out_size) != NULL;
}

/* A row of /proc/net/{tcp,udp}: "sl local remote state … inode". */
static void read_row(char *line, const char *protocol, const char *state,
                     const struct sockets *sockets, cJSON *ports)
{
    char *fields[10] = { 0 };
    char address[INET6_ADDRSTRLEN];
    size_t count = 0;
    unsigned port = 0;
    int64_t inode = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word && count < COUNT(fields);
         word = strtok_r(NULL, " ", &rest))
        fields[count++] = word;
    if (count < COUNT(fields) || !text_equal(fields[3], state) ||
        text_to_int64(fields[9], 1, INT64_MAX, &inode) < 0 ||
        !read_address(fields[1], address, sizeof address, &port))
        return;
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->items[i].inode != (uint64_t)inode)
            continue;
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(row, "protocol", protocol);
        (void)cJSON_AddStringToObject(row, "address", address);
        (void)cJSON_AddNumberToObject(row, "port", port);
        (void)cJSON_AddStringToObject(row, "command", sockets->items[i].command);
        (void)cJSON_AddItemToArray(ports, row);
        return;
    }
}

static void read_ports(pid_t init, const struct sockets *sockets, cJSON *ports)
{
    static const struct {
        const char *file, *protocol, *state; /* 0A: listening; 07: bound, for UDP */
    } tables[] = { { "tcp", "tcp", "0A" },
                   { "tcp6", "tcp", "0A" },
                   { "udp", "udp", "07" },
                   { "udp6", "udp", "07" } };
    for (size_t i = 0; i < COUNT(tables); i++) {
        char path[64];
        char *rest = NULL;
        struct buffer text = { .max = TABLE_MAX };
        (void)snprintf(path, sizeof path, "/proc/%d/net/%s", (int)init, tables[i].file);
        if (file_read(path, TABLE_MAX, &text, NULL) == 0 && text.data) {
            for (char *line = strtok_r(text.data, "\n", &rest); line;
                 line = strtok_r(NULL, "\n", &rest))
                read_row(line, tables[i].protocol, tables[i].state, sockets, ports);
        }
        buffer_clear(&text);
    }
}

int driver_oci_inside(struct driver *driver, const char *id, cJSON **out, struct error *err)
{
    struct oci *oci = (struct oci *)driver;
    int running = driver->ops->running(driver, id, err);
    struct machine *machine = NULL;
    HASH_FIND(hh, oci->machines, id, strlen(id), machine);
    if (running <= 0 || !machine)
        return running < 0 ? running
                           : error_set(err, ERROR_CONFLICT, "the instance is not running");
    struct sockets *sockets = calloc(1, sizeof *sockets);
    cJSON *tree = cJSON_CreateObject();
    cJSON *processes = cJSON_AddArrayToObject(tree, "processes");
    cJSON *ports = cJSON_AddArrayToObject(tree, "ports");
    int rc = sockets && ports ? read_processes(machine->pid, processes, sockets) : ERROR_NO_MEMORY;
    if (rc == 0) {
        read_ports(machine->pid, sockets, ports);
        *out = tree;
    } else {
        cJSON_Delete(tree);
        error_set(err, rc, "the instance's processes cannot be looked at");
    }
    free(sockets);
    return rc;
}
