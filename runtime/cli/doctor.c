/* doctor.c - what this machine has and lacks, and what to do about it. */
#include "cli/doctor.h"

#include <errno.h>
#include <event2/event.h>
#include <libsmartcols.h>
#include <linux/landlock.h>
#include <openssl/crypto.h>
#include <seccomp.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/local_plane.h"
#include "cli/serve.h"
#include "cli/session.h"
#include "net/http_client.h"
#include "plane/driver.h"

/* {"check","status":"ok|warning|failure","message","advice"} */
static void add(cJSON *rows, const char *check, const char *status, const char *message,
                const char *advice)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "check", check);
    cJSON_AddStringToObject(row, "status", status);
    cJSON_AddStringToObject(row, "message", message);
    if (advice)
        cJSON_AddStringToObject(row, "advice", advice);
    cJSON_AddItemToArray(rows, row);
}

static void check_program(cJSON *rows, const char *program)
{
    char message[512];
    (void)snprintf(message, sizeof message, "moonfleet " MOONFLEET_VERSION ", %s", program);
    add(rows, "program", "ok", message, NULL);
}

static void check_libraries(cJSON *rows)
{
    char message[768], curl[256];
    http_client_library(curl, sizeof curl);
    if (!text_starts(curl, "libcurl/")) {
        add(rows, "libraries", "failure", curl, "install libcurl (the package libcurl4)");
        return;
    }
    curl[strcspn(curl, " ")] = '\0'; /* the libraries that it uses itself */
    (void)snprintf(message, sizeof message,
                   "%s, %s, SQLite %s, libevent %s, smartcols %s, seccomp %u.%u", curl,
                   OpenSSL_version(OPENSSL_VERSION), sqlite3_libversion(), event_get_version(),
                   LIBSMARTCOLS_VERSION, seccomp_version()->major, seccomp_version()->minor);
    add(rows, "libraries", "ok", message, NULL);
}

/* Folders are looked at where they, or their nearest parent, exist. */
static void check_folder(cJSON *rows, const char *check, enum file_home home)
{
    struct error err = { 0 };
    char *path = NULL, message[1024];
    if (file_home(home, &path, &err) < 0) {
        add(rows, check, "failure", err.message, "set HOME, or the folder's XDG_… variable");
        return;
    }
    char *probe = strdup(path);
    while (probe && !file_exists(probe) && strrchr(probe, '/') && strrchr(probe, '/') != probe)
        *strrchr(probe, '/') = '\0';
    if (probe && access(probe, W_OK | X_OK) == 0) {
        add(rows, check, "ok", path, NULL);
    } else {
        (void)snprintf(message, sizeof message, "%s cannot be written", path);
        add(rows, check, "failure", message, "make it writable, or set its XDG_… variable");
    }
    free(probe);
    free(path);
}

/* Where somebody puts a script that a recipe names by setup_script { workspace = … }. */
static void tell_share(cJSON *rows)
{
    char *data = NULL, *path = NULL;
    if (file_home(FILE_DATA_HOME, &data, NULL) == 0)
        path = text_format("%s/shares/<workspace>: files that its instances share", data);
    if (path)
        add(rows, "file shares", "ok", path, NULL);
    free(path);
    free(data);
}

static void tell_plane(cJSON *rows, const cJSON *status)
{
    const char *version = json_string(status, "version", "?");
    char message[1024];
    (void)snprintf(message, sizeof message, "runs: version %s, process %d, driver %s%s%s", version,
                   (int)json_int(status, "pid", 0), json_string(status, "driver", "?"),
                   json_string(status, "driverReason", "")[0] ? ": " : "",
                   json_string(status, "driverReason", ""));
    bool same = text_equal(version, MOONFLEET_VERSION);
    add(rows, "local plane", same ? "ok" : "warning", message,
        same ? NULL
             : "it is of another release: 'moonfleet serve --stop', the next command starts it");
}

static void check_plane(cJSON *rows)
{
    struct error err = { 0 };
    struct session *session = NULL;
    cJSON *status = NULL;
    char *path = NULL;
    int rc = local_plane_socket(&path, &err);
    if (rc == 0 && !local_plane_listens(path)) {
        add(rows, "local plane", "ok", "does not run; the first command that needs it starts it",
            NULL);
        free(path);
        return;
    }
    if (rc == 0)
        rc = session_open_socket(path, &session, &err);
    if (rc == 0)
        rc = serve_status(session, &status, &err);
    if (rc == 0)
        tell_plane(rows, status);
    else
        add(rows, "local plane", "failure", err.message,
            "look into $XDG_STATE_HOME/moonfleet/plane.log");
    cJSON_Delete(status);
    session_free(session);
    free(path);
}

/* The oci driver's own rows: none of them is essential, since simulated always works. */
static void check_containers(cJSON *rows, const char *program)
{
    struct error err = { 0 };
    cJSON *probed = NULL, *row = NULL;
    char *folder = NULL, *instances = NULL;
    int rc = file_home(FILE_DATA_HOME, &folder, &err);
    instances = rc == 0 ? file_join(folder, "instances") : NULL;
    if (instances) {
        const struct oci_options options = { .folder = instances,
                                             .mask_folder = folder,
                                             .program = program };
        rc = driver_oci_probe(&options, &probed, &err);
        while ((row = cJSON_DetachItemFromArray(probed, 0))) {
            if (text_equal(json_string(row, "status", NULL), "failure"))
                (void)json_put_string(row, "status", "warning");
            cJSON_AddItemToArray(rows, row);
        }
        if (rc == 0)
            add(rows, "oci driver", "ok", "instances are containers here", NULL);
        else
            add(rows, "oci driver", "warning", err.message,
                "instances are only simulated until this is mended");
    }
    cJSON_Delete(probed);
    free(instances);
    free(folder);
}

static void check_sandbox(cJSON *rows)
{
    char message[128];
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi > 0) {
        (void)snprintf(message, sizeof message, "Landlock, version %ld", abi);
        add(rows, "recipes: files", "ok", message, NULL);
    } else {
        add(rows, "recipes: files", "warning",
            "this kernel has no Landlock: seccomp alone guards files",
            "a kernel from 5.13 on with CONFIG_SECURITY_LANDLOCK");
    }
    if (seccomp_api_get() > 0)
        add(rows, "recipes: calls", "ok", "seccomp filters", NULL);
    else
        add(rows, "recipes: calls", "failure", "this kernel has no seccomp filters",
            "a kernel with CONFIG_SECCOMP_FILTER");
}

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    bool found = false;
    while (path && *path && !found) {
        size_t size = strcspn(path, ":");
        char *file = text_format("%.*s/%s", (int)size, path, program);
        found = file && access(file, X_OK) == 0;
        free(file);
        path += size + (path[size] == ':');
    }
    return found;
}

static void check_tools(cJSON *rows, const struct output *output)
{
    if (in_path("shellcheck"))
        add(rows, "shellcheck", "ok", "found", NULL);
    else
        add(rows, "shellcheck", "warning", "not found: setup lint goes without it",
            "install the package shellcheck");
    add(rows, "terminal", "ok",
        !output->out_is_terminal ? "standard output is none: plain text, no questions"
        : output->colour_out     ? "with colours"
                                 : "without colours",
        NULL);
}

static int show(const struct output *output, const cJSON *rows, struct error *err)
{
    static const char *const headings[] = { "", "CHECK", "WHAT", NULL };
    struct table *table = table_new(output, headings);
    const cJSON *row = NULL;
    if (!table)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(row, rows)
    {
        const char *status = json_string(row, "status", "failure");
        const char *advice = json_string(row, "advice", "");
        char text[2048];
        (void)snprintf(text, sizeof text, "%s%s%s", json_string(row, "message", ""),
                       advice[0] ? ". Advice: " : "", advice);
        table_row(table);
        table_cell(table, status,
                   text_equal(status, "ok")        ? STYLE_GREEN
                   : text_equal(status, "warning") ? STYLE_YELLOW
                                                   : STYLE_RED);
        table_cell(table, json_string(row, "check", "?"), STYLE_BOLD);
        table_cell(table, text, STYLE_PLAIN);
    }
    return table_print(table, err);
}

static int run_doctor(struct invocation *invocation, struct error *err)
{
    cJSON *rows = cJSON_CreateArray();
    const cJSON *row = NULL;
    bool failed = false;
    int rc = 0;
    check_program(rows, invocation->program);
    check_libraries(rows);
    check_folder(rows, "data folder", FILE_DATA_HOME);
    tell_share(rows);
    check_folder(rows, "runtime folder", FILE_RUNTIME_DIR);
    check_folder(rows, "state folder", FILE_STATE_HOME);
    check_plane(rows);
    check_containers(rows, invocation->program);
    check_sandbox(rows);
    check_tools(rows, invocation->output);
    cJSON_ArrayForEach(row, rows) failed |= text_equal(json_string(row, "status", NULL), "failure");
    if (invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddBoolToObject(document, "ok", !failed);
        cJSON_AddItemToObject(document, "checks", rows);
        output_json(invocation->output, document);
    } else {
        rc = show(invocation->output, rows, err);
        cJSON_Delete(rows);
    }
    return rc < 0 ? rc : failed ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "what this machine has and lacks, and what to do about it",
    .details = "Tries a container with each runtime that is there. Exits with 1 when something is "
               "missing\n"
               "that Moonfleet cannot do without.\n"
               "--json: "
               "{\"ok\",\"checks\":[{\"check\",\"status\":\"ok\"|\"warning\"|\"failure\","
               "\"message\",\"advice\"}]}.",
    .run = run_doctor,
};
