/* machine.c - the states of a compute instance, and what the driver is told to do about them.
 *
 * The states and their order are those of FACTS, section 3; a compute's row has them twice, in
 * columns for looking up and in its body for answering, and machine_change() is the one place that
 * writes both. */
#include <errno.h>
#include <sys/stat.h>

#include "arm/arm_error.h"
#include "base/duration.h"
#include "base/file.h"
#include "base/text.h"
#include "model/rules.h"
#include "model/schema.h"
#include "model/vm_sizes.h"
#include "plane/operations.h"

#define INNER "properties.properties."
#define CODE_FOLDER "/home/azureuser/cloudfiles/code"
#define INLINE_FOLDER "/mnt/batch/tasks/shared/LS_root/mounts/clusters/%s/code/Users"

/* ---- changing a body ---- */

int machine_set_state(struct plane *plane, cJSON *body, const char *state, const char *provisioning)
{
    char now[TIME_TEXT_SIZE];
    plane_time(plane, now);
    int rc = json_put_string(body, INNER "state", state);
    if (rc == 0 && provisioning)
        rc = json_put_string(body, "properties.provisioningState", provisioning);
    return rc == 0 ? json_put_string(body, "properties.modifiedOn", now) : rc;
}

int machine_set_operation(struct plane *plane, cJSON *body, enum operation_kind kind,
                          const char *status)
{
    char now[TIME_TEXT_SIZE];
    plane_time(plane, now);
    int rc = json_put_string(body, INNER "lastOperation.operationName", operation_kind_name(kind));
    if (rc == 0)
        rc = json_put_string(body, INNER "lastOperation.operationTime", now);
    if (rc == 0)
        rc = json_put_string(body, INNER "lastOperation.operationStatus", status);
    return rc == 0 ? json_put_string(body, INNER "lastOperation.operationTrigger", "User") : rc;
}

/* The body of a compute, parsed; NULL with a reason. */
static cJSON *load_body(struct plane *plane, const char *id, struct error *err)
{
    cJSON *body = NULL;
    sqlite3_stmt *row =
        store_query(plane->store, err, "SELECT body FROM computes WHERE id = ?", "s", id);
    int rc = row ? store_step(plane->store, row, err) : ERROR_IO;
    if (rc == 1) {
        body = cJSON_Parse(store_text(row, 0));
        if (!body)
            error_set(err, ERROR_NO_MEMORY, "a compute's body could not be read");
    } else if (rc == 0) {
        error_set(err, ERROR_NOT_FOUND, "the compute is gone");
    }
    store_done(row);
    return body;
}

int machine_change(struct plane *plane, const char *id, const char *operation,
                   machine_change_fn *change, void *arg, struct error *err)
{
    struct error why = { 0 };
    cJSON *body = load_body(plane, id, &why);
    if (!body) {
        if (err)
            *err = why;
        return why.code;
    }
    int rc = change(plane, body, arg);
    char *text = rc == 0 ? json_text(body) : NULL;
    if (!text)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory for a compute's body");
    else
        rc = store_run(
            plane->store, err,
            "UPDATE computes SET state = ?, provisioning = ?, operation = ?, body = ? WHERE id = ?",
            "sssss", json_string(body, INNER "state", ""),
            json_string(body, "properties.provisioningState", ""), operation, text, id);
    free(text);
    cJSON_Delete(body);
    return rc;
}

/* ---- scripts ---- */

/* Where a compute stands, and what it is to run. */
struct place {
    char *workspace, *group;
    const char *name;     /* borrowed from its body */
    const cJSON *scripts; /* {"creationScript","startupScript"} or NULL: of its body or … */
    cJSON *kept;          /* … with the secrets in them; owned; NULL: there are none */
};

static void place_clear(struct place *place)
{
    cJSON_Delete(place->kept);
    free(place->workspace);
    free(place->group);
}

/* One script, and what its driver_script points to. */
struct script {
    struct buffer text;
    char *directory;
};

static void script_clear(struct script *script)
{
    buffer_clear(&script->text);
    free(script->directory);
}

/* "Users/ada/x.sh" → "/home/azureuser/cloudfiles/code/Users/ada" */
static char *share_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? text_format(CODE_FOLDER "/%.*s", (int)(slash - path), path)
                 : strdup(CODE_FOLDER);
}

/* Reads one of a compute's scripts; `out` is left zero when there is none. */
static int load_script(struct plane *plane, const struct place *place, const char *which,
                       struct script *script, struct driver_script *out, struct error *err)
{
    const cJSON *spec = json_at(place->scripts, which);
    const char *data = json_string(spec, "scriptData", NULL);
    if (!data)
        return 0;
    script->text.max = SCRIPT_SIZE_MAX;
    int rc = 0;
    if (text_equal_nocase(json_string(spec, "scriptSource", ""), "inline")) {
        rc = base64_decode(data, strlen(data), &script->text);
        script->directory = text_format(INLINE_FOLDER, place->name);
    } else {
        rc = share_read(plane, place->workspace, data, &script->text, err);
        script->directory = share_directory(data);
    }
    if (rc < 0) {
        struct error why = err ? *err : (struct error) { 0 };
        rc = error_set(err, ERROR_REMOTE, "The %s '%.200s' could not be read: %s", which, data,
                       why.message);
        text_copy(err->name, sizeof err->name, "SetupScriptNotFound");
        return rc;
    }
    if (!script->text.data)
        buffer_text(&script->text, "");
    rc = buffer_check(&script->text, "a setup script", err);
    if (rc < 0 || !script->directory)
        return rc < 0 ? rc : error_set(err, ERROR_NO_MEMORY, "no memory for a setup script");
    out->text = script->text.data;
    out->size = script->text.size;
    out->arguments = json_string(spec, "scriptArguments", NULL);
    out->directory = script->directory;
    out->timeout_s = SCRIPT_TIMEOUT_DEFAULT_S;
    (void)duration_parse(json_string(spec, "timeout", "15m"), &out->timeout_s, NULL);
    return 0;
}

/* ---- calling the driver ---- */

static int load_place(struct plane *plane, const char *id, const cJSON *body, struct place *out,
                      struct error *err)
{
    sqlite3_stmt *row =
        store_query(plane->store, err,
                    "SELECT w.name, w.resource_group FROM computes c JOIN workspaces w"
                    " ON w.key = c.workspace WHERE c.id = ?",
                    "s", id);
    int rc = row ? store_step(plane->store, row, err) : ERROR_IO;
    if (rc == 1) {
        out->workspace = strdup(store_text(row, 0));
        out->group = strdup(store_text(row, 1));
    }
    store_done(row);
    if (rc == 1 && out->workspace && out->group) {
        out->name = json_string(body, "name", "");
        rc = secret_scripts_load(plane, id, &out->kept, err);
        out->scripts = out->kept ? out->kept : json_at(body, INNER "setupScripts.scripts");
        return rc;
    }
    return rc < 0
               ? rc
               : error_set(err, rc == 0 ? ERROR_NOT_FOUND : ERROR_NO_MEMORY, "the compute is gone");
}

static int call_driver(struct operation *operation, const struct driver_instance *instance,
                       const struct driver_callbacks *callbacks)
{
    struct driver *driver = operation->plane->driver;
    return operation->kind == OPERATION_CREATE ? driver->ops->create(driver, instance, callbacks)
                                               : driver->ops->start(driver, instance, callbacks);
}

/* Everybody's folder in the file share; who can get at the plane's folder at all is settled above it. */
static int make_users_folder(const char *share, struct error *err)
{
    int rc = 0;
    char *users = file_join(share, "Users");
    if (!users)
        return error_set(err, ERROR_NO_MEMORY, "no memory for the file share");
    if (!file_exists(users)) {
        rc = file_make_dirs(users, 0755, err);
        if (rc == 0 && chmod(users, 01777) < 0)
            rc = error_system(err, errno, "opening '%s' to everybody", users);
    }
    free(users);
    return rc;
}

/* May others begin with what its creation script leaves?  Not when that was given secrets. */
static bool is_cached(const cJSON *body, const struct place *place)
{
    static const char data[] = "creationScript.scriptData";
    const cJSON *shown = json_at(body, INNER "setupScripts.scripts");
    return text_equal_nocase(schema_tag(body, TAG_CACHE), "true") &&
           text_equal(json_string(shown, data, ""), json_string(place->scripts, data, ""));
}

/* Gathers what the instance is, and creates or starts it. */
static int bring_up(struct operation *operation, const cJSON *body, const struct place *place,
                    const struct driver_callbacks *callbacks, struct error *err)
{
    struct plane *plane = operation->plane;
    struct script creation = { 0 };
    struct script startup = { 0 };
    const struct vm_size *size = vm_size_find(json_string(body, INNER "vmSize", NULL));
    const char *name = json_string(body, "name", operation->name);
    char *logs = logs_folder(plane, place->workspace, name);
    char *share = share_folder(plane, place->workspace);
    struct driver_instance instance = { .id = operation->compute,
                                        .name = name,
                                        .workspace = place->workspace,
                                        .resource_group = place->group,
                                        .cores = size ? size->cores : 1,
                                        .memory_bytes = (size ? size->memory_mib : 1024) << 20,
                                        .log_folder = logs,
                                        .share_folder = share,
                                        .cached = is_cached(body, place) };
    if (text_equal_nocase(json_string(body, INNER "sshSettings.sshPublicAccess", ""), "Enabled"))
        instance.ssh_public_key = json_string(body, INNER "sshSettings.adminPublicKey", NULL);
    int rc = logs ? file_make_dirs(logs, 0755, err) : 0;
    if (rc == 0 && share)
        rc = make_users_folder(share, err);
    if (rc == 0)
        rc = load_script(plane, place, "creationScript", &creation, &instance.creation, err);
    if (rc == 0)
        rc = load_script(plane, place, "startupScript", &startup, &instance.startup, err);
    if (rc == 0) {
        rc = call_driver(operation, &instance, callbacks);
        if (rc < 0)
            error_set(err, rc, "the driver refused");
    }
    script_clear(&creation);
    script_clear(&startup);
    free(share);
    free(logs);
    return rc;
}

int machine_dispatch(struct operation *operation, const struct driver_callbacks *callbacks,
                     struct error *err)
{
    struct plane *plane = operation->plane;
    struct driver *driver = plane->driver;
    bool down = operation->kind == OPERATION_STOP ||
                (operation->kind == OPERATION_RESTART && !operation->restarting);
    int rc = 0;
    if (operation->kind == OPERATION_DELETE || down) {
        rc = down ? driver->ops->stop(driver, operation->compute, callbacks)
                  : driver->ops->remove(driver, operation->compute, callbacks);
        return rc < 0 ? error_set(err, rc, "the driver refused") : 0;
    }
    struct place place = { 0 };
    cJSON *body = load_body(plane, operation->compute, err);
    rc = body ? load_place(plane, operation->compute, body, &place, err) : ERROR_NOT_FOUND;
    if (rc == 0)
        rc = bring_up(operation, body, &place, callbacks, err);
    cJSON_Delete(body);
    place_clear(&place);
    return rc;
}

/* ---- phases and ends ---- */

static int change_phase(struct plane *plane, cJSON *body, void *arg)
{
    const struct operation *operation = arg;
    bool user = operation->phase == DRIVER_USER_SETTING_UP;
    return machine_set_state(plane, body, user ? "UserSettingUp" : "SettingUp", NULL);
}

int machine_phase(struct operation *operation, struct error *err)
{
    return machine_change(operation->plane, operation->compute, operation->id, change_phase,
                          operation, err);
}

static const char *failure_code(const struct operation *operation)
{
    return operation->why && operation->why->name[0] ? operation->why->name : "DriverFailed";
}

static bool script_failed(const struct operation *operation)
{
    return text_starts(failure_code(operation), "SetupScript");
}

/* Where a machine stands after an operation that failed. */
static const char *failed_state(const struct operation *operation)
{
    struct driver *driver = operation->plane->driver;
    if (operation->kind == OPERATION_DELETE)
        return "Unusable";
    if (script_failed(operation))
        return "UserSetupFailed";
    if (operation->kind == OPERATION_CREATE)
        return operation->set_up ? "SetupFailed" : "CreateFailed";
    return driver->ops->running(driver, operation->compute, NULL) == 1 ? "Running" : "Stopped";
}

static cJSON *failure_list(const cJSON *error)
{
    cJSON *list = cJSON_CreateArray();
    cJSON *entry = cJSON_CreateObject();
    if (entry)
        cJSON_AddItemToObject(entry, "error", cJSON_Duplicate(error, true));
    if (!list || !entry) {
        cJSON_Delete(entry);
        cJSON_Delete(list);
        return NULL;
    }
    cJSON_AddItemToArray(list, entry);
    return list;
}

struct ending {
    const struct operation *operation;
    const cJSON *error; /* NULL: succeeded */
};

static int change_failed(struct plane *plane, cJSON *body, const struct ending *ending)
{
    const struct operation *operation = ending->operation;
    bool lost = operation->kind == OPERATION_CREATE || operation->kind == OPERATION_DELETE;
    char status[32];
    snprintf(status, sizeof status, "%sFailed", operation_kind_name(operation->kind));
    int rc = machine_set_state(plane, body, failed_state(operation), lost ? "Failed" : "Succeeded");
    if (rc == 0)
        rc = machine_set_operation(plane, body, operation->kind, status);
    if (rc == 0)
        rc = json_put(body, INNER "errors", failure_list(ending->error));
    if (rc == 0 && lost)
        rc = json_put(body, "properties.provisioningErrors", failure_list(ending->error));
    return rc;
}

static int change_succeeded(struct plane *plane, cJSON *body, const struct ending *ending)
{
    enum operation_kind kind = ending->operation->kind;
    int rc =
        machine_set_state(plane, body, kind == OPERATION_STOP ? "Stopped" : "Running", "Succeeded");
    if (rc == 0)
        rc = machine_set_operation(plane, body, kind, "Succeeded");
    if (rc == 0 && cJSON_GetArraySize(json_at(body, INNER "errors")) > 0)
        rc = json_put(body, INNER "errors", cJSON_CreateArray());
    return rc;
}

static int change_ended(struct plane *plane, cJSON *body, void *arg)
{
    const struct ending *ending = arg;
    return ending->error ? change_failed(plane, body, ending)
                         : change_succeeded(plane, body, ending);
}

int machine_end(struct operation *operation, cJSON **out_error, struct error *err)
{
    struct plane *plane = operation->plane;
    if (operation->rc == 0 && operation->kind == OPERATION_DELETE)
        return store_run(plane->store, err, "DELETE FROM computes WHERE id = ?", "s",
                         operation->compute);
    cJSON *error = NULL;
    if (operation->rc < 0) {
        const char *message = operation->why && operation->why->message[0]
                                  ? operation->why->message
                                  : error_code_text(operation->rc);
        error = arm_error_object(failure_code(operation), NULL, message);
        if (!error)
            return error_set(err, ERROR_NO_MEMORY, "no memory for an error");
        log_line(plane->log, LOG_WARN, "%s of %s failed: %s", operation_kind_name(operation->kind),
                 operation->name, message);
    }
    struct ending ending = { operation, error };
    *out_error = error;
    return machine_change(plane, operation->compute, NULL, change_ended, &ending, err);
}

/* ---- machines that end by themselves ---- */

static int change_stopped(struct plane *plane, cJSON *body, void *arg)
{
    (void)arg;
    return machine_set_state(plane, body, "Stopped", NULL);
}

void machine_ended(const char *id, void *arg)
{
    struct plane *plane = arg;
    struct error err = { 0 };
    sqlite3_stmt *row =
        store_query(plane->store, &err,
                    "SELECT name, operation IS NULL AND state IN ('Running', 'JobRunning')"
                    " FROM computes WHERE id = ?",
                    "s", id);
    int rc = row ? store_step(plane->store, row, &err) : ERROR_IO;
    bool ran = rc == 1 && sqlite3_column_int(row, 1) == 1;
    if (ran)
        log_line(plane->log, LOG_WARN,
                 "the machine of %s is not running any more: it is Stopped now",
                 store_text(row, 0));
    store_done(row);
    if (ran)
        rc = machine_change(plane, id, NULL, change_stopped, NULL, &err);
    if (rc < 0) {
        store_spoil(plane->store);
        log_line(plane->log, LOG_ERROR, "the end of a machine could not be written: %s",
                 err.message);
    }
    plane_flush_later(plane);
}
