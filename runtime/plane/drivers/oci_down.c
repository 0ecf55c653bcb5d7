/* oci_down.c - how an instance is stopped and removed, and what its end leaves to be said. */
#include "plane/drivers/oci_private.h"

#include <signal.h>

#include "base/file.h"
#include "base/text.h"
#include "plane/drivers/oci_files.h"

#define STOP_PATIENCE_MS 10000 /* between TERM and KILL for a machine */

/* Ends what runs, then cleans up, then goes on by what was asked. */
void oci_down_step(struct machine *machine)
{
    struct error err = { 0 };
    bool stop = machine->call.kind == CALL_STOP;
    if (machine->pid > 0) {
        oci_process_signal(machine, stop ? SIGTERM : SIGKILL);
        if (loop_timer_set(machine->patience, stop ? STOP_PATIENCE_MS : 1000) < 0)
            oci_process_signal(machine, SIGKILL);
        return; /* on_ended() goes on */
    }
    if (!oci_child_remains(machine))
        oci_down_cleaned(machine);
    else if (oci_child_clean(machine, &err) < 0)
        oci_finish(machine, err.code, &err);
}

static bool removal_begun(const struct machine *machine)
{
    char *path = text_format("%s/.remove-%s", machine->oci->folder, machine->id);
    bool there = path && file_exists(path);
    free(path);
    return there;
}

static int remove_path(struct machine *machine, enum child_kind kind, const char *path,
                       struct error *err)
{
    const char *const words[] = { "--remove", path };
    return oci_child_own(machine, kind, words, COUNT(words), err);
}

/* Nothing runs any more, and the runtime has forgotten it. */
void oci_down_cleaned(struct machine *machine)
{
    struct error err = { 0 };
    if (machine->call.kind == CALL_REMOVE)
        oci_look_forget(machine);
    if (machine->call.kind == CALL_STOP)
        oci_finish(machine, 0, NULL);
    else if (!file_exists(machine->folder) && !removal_begun(machine))
        oci_finish_removal(machine); /* never made */
    else if (remove_path(machine, CHILD_REMOVE, machine->folder, &err) < 0)
        oci_finish(machine, err.code, &err);
}

/* Files of mapped ids were left: a container in which they have owners removes them. */
static int remove_contained(struct machine *machine, struct error *err)
{
    char *path = NULL;
    char *name = text_format("moonfleet-remove-%s", machine->id);
    int rc = oci_bundle_removal(&machine->oci->bundle, machine->id, &path, err);
    char *bundle = path ? file_join(path, "bundle") : NULL;
    const char *const words[] = { "run", "--bundle", bundle, name };
    if (rc == 0)
        rc = oci_child_runtime(machine, CHILD_CONTAINED, words, COUNT(words), err);
    free(bundle);
    free(path);
    free(name);
    return rc;
}

/* Our own removal ended: done, or on to stronger means. */
void oci_down_removed(struct machine *machine)
{
    struct error err = { 0 };
    int rc = 0;
    if (!file_exists(machine->folder) && !removal_begun(machine))
        oci_finish_removal(machine);
    else if (!machine->oci->host->has_range || !machine->oci->host->rootless)
        rc = error_set(&err, ERROR_IO, "'%s' could not be removed", machine->folder);
    else
        rc = remove_contained(machine, &err);
    if (rc < 0)
        oci_finish(machine, rc, &err);
}

void oci_down_contained(struct machine *machine)
{
    struct error err = { 0 };
    char *path = text_format("%s/.remove-%s", machine->oci->folder, machine->id);
    if (!path || remove_path(machine, CHILD_SWEEP, path, &err) < 0)
        oci_finish(machine, ERROR_NO_MEMORY, &err);
    free(path);
}

void oci_down_swept(struct machine *machine)
{
    struct error err = { 0 };
    /* Starting that last child may have made the folder again, for its words. */
    if (removal_begun(machine))
        oci_finish(machine, error_set(&err, ERROR_IO, "'%s' could not be removed", machine->folder),
                   &err);
    else
        oci_finish_removal(machine);
}

/* A script was running when the machine ended: nobody inside can write the end of its log any more.
 */
void oci_down_close_log(const struct machine *machine)
{
    cJSON *status = NULL;
    cJSON *about = NULL;
    char now[TIME_TEXT_SIZE];
    char *run = file_join(machine->folder, "run");
    if (!run || !machine->log_folder || oci_files_json(run, "status.json", &status, NULL) < 0) {
        free(run);
        return;
    }
    const char *log = json_string(status, "log", "");
    size_t size = strlen(log);
    char *name =
        size > 4 && !strchr(log, '/') ? text_format("%.*s.json", (int)size - 4, log) : NULL;
    if (name && oci_files_json(machine->log_folder, name, &about, NULL) == 0 &&
        !json_at(about, "endTime")) {
        time_format(clock_unix_ms(clock_real()), now);
        (void)json_put_string(about, "endTime", now);
        (void)json_put(about, "exitStatus", cJSON_CreateNumber(128 + SIGKILL));
        (void)json_put(about, "timedOut", cJSON_CreateFalse());
        char *text = json_text(about);
        if (text)
            (void)oci_files_write(machine->log_folder, name, text, strlen(text), 0644, NULL);
        free(text);
    }
    free(name);
    cJSON_Delete(about);
    cJSON_Delete(status);
    free(run);
}
