/* oci_process.c - which process runs an instance: found again by any plane, never mistaken for
 * another. */
#include "plane/drivers/oci_private.h"

#include <limits.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_config.h"
#include "plane/drivers/oci_files.h"

/* When the process started, in ticks since boot; -1 when there is none. */
static int64_t process_start_time(pid_t pid)
{
    char path[64];
    struct buffer text = { 0 };
    int64_t ticks = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (file_read(path, 4096, &text, NULL) == 0 && text.data) {
        /* The name in parentheses may hold anything; field 3 follows the last one, field 22 is
         * ours. */
        char *at = strrchr(text.data, ')');
        for (int field = 2; at && field < 22; field++)
            at = strchr(at + 1, ' ');
        char *end = at ? strchr(at + 1, ' ') : NULL;
        if (end)
            *end = '\0';
        if (!end || text_to_int64(at + 1, 0, INT64_MAX, &ticks) < 0)
            ticks = -1;
    }
    buffer_clear(&text);
    return ticks;
}

/* Is it process 1 of that instance?  Its command line says so; only we start such. */
static bool is_init_of(pid_t pid, const char *id)
{
    char path[64];
    struct buffer text = { 0 };
    struct buffer wanted = { 0 };
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    buffer_append(&wanted, OCI_INIT_PATH "\0__init", sizeof OCI_INIT_PATH "\0__init");
    buffer_append(&wanted, id, strlen(id) + 1);
    bool same = file_read(path, 4096, &text, NULL) == 0 && text.size == wanted.size &&
                wanted.data && memcmp(text.data, wanted.data, text.size) == 0;
    buffer_clear(&text);
    buffer_clear(&wanted);
    return same;
}

static void read_boot(char out[UUID_TEXT_SIZE])
{
    struct buffer text = { 0 };
    if (file_read("/proc/sys/kernel/random/boot_id", 256, &text, NULL) < 0)
        buffer_reset(&text);
    (void)snprintf(out, UUID_TEXT_SIZE, "%s", text.data ? text.data : "");
    out[strcspn(out, "\n")] = '\0';
    buffer_clear(&text);
}

pid_t oci_process_read(const struct machine *machine)
{
    struct buffer text = { 0 };
    int64_t pid = 0;
    char *path = file_join(machine->folder, "bundle/pid");
    if (path && file_read(path, 64, &text, NULL) == 0 && text.data) {
        text.data[strcspn(text.data, "\n")] = '\0';
        if (text_to_int64(text.data, 2, INT32_MAX, &pid) < 0)
            pid = 0;
    }
    buffer_clear(&text);
    free(path);
    return (pid_t)pid;
}

/* Remembers which process runs the instance, for the next plane. */
void oci_process_remember(const struct machine *machine)
{
    char boot[UUID_TEXT_SIZE];
    cJSON *tree = cJSON_CreateObject();
    read_boot(boot);
    (void)cJSON_AddNumberToObject(tree, "pid", machine->pid);
    (void)cJSON_AddNumberToObject(tree, "startTime", (double)process_start_time(machine->pid));
    (void)cJSON_AddStringToObject(tree, "boot", boot);
    (void)cJSON_AddStringToObject(tree, "token", machine->token);
    char *text = json_text(tree);
    if (text)
        (void)oci_files_write(machine->folder, "machine.json", text, strlen(text), 0600, NULL);
    free(text);
    cJSON_Delete(tree);
}

/* The process that runs the instance now, or 0.  After a crash between `run` and oci_process_remember() only
 * the pid file is there. */
pid_t oci_process_find(const struct machine *machine)
{
    char boot[UUID_TEXT_SIZE];
    cJSON *tree = NULL;
    pid_t pid = oci_process_read(machine);
    if (pid == 0 || !is_init_of(pid, machine->id))
        return 0;
    if (oci_files_json(machine->folder, "machine.json", &tree, NULL) < 0)
        return pid;
    read_boot(boot);
    if (json_int(tree, "pid", 0) == pid &&
        (!text_equal(json_string(tree, "boot", ""), boot) ||
         json_int(tree, "startTime", -2) != process_start_time(pid)))
        pid = 0;
    cJSON_Delete(tree);
    return pid;
}

/* The signal goes to this process or to none: a pid that is somebody else's by now is not hit. */
void oci_process_signal(const struct machine *machine, int signal)
{
    int fd = pidfd_open(machine->pid, 0);
    if (fd < 0)
        return;
    if (is_init_of(machine->pid, machine->id))
        (void)pidfd_send_signal(fd, signal, NULL, 0);
    (void)close(fd);
}
