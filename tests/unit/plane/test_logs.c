/* test_logs.c - logs of setup scripts, scripts of the file share, and the way in. */
#include "plane/plane_test.h"

#include <sys/stat.h>

#define LOGS COMPUTES "/ds-ada/logs"

static void put_file(const struct rig *rig, const char *path, const char *text)
{
    char *whole = file_join(rig->folder, path);
    char *folder = strdup(whole);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(file_make_dirs(folder, 0755, NULL), 0);
    assert_int_equal(file_write(whole, text, strlen(text), 0644, NULL), 0);
    free(folder);
    free(whole);
}

static void lists_logs_oldest_first(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    rig_create(rig, "ds-ada", NULL);
    static const char at[] = "shares/ds-workspace/Logs/ds-ada/";
    char path[256];
    static const struct {
        const char *name, *text;
    } files[] = { { "0002-startup.log", "two" },
                  { "0001-creation.log", "one\n" },
                  { "0001-creation.json",
                    "{\"kind\":\"creation\",\"startTime\":\"2026-01-01T00:00:00Z\",\"endTime\":"
                    "\"2026-01-01T00:00:01Z\",\"exitStatus\":3,\"timedOut\":false}" },
                  { "0002-startup.json",
                    "{\"kind\":\"startup\",\"startTime\":\"2026-01-01T00:00:00Z\"}" },
                  { "10000-startup.log", "the last" },
                  { "9999-startup.log", "" },
                  { "notes.txt", "no log" } };
    for (size_t i = 0; i < COUNT(files); i++) {
        snprintf(path, sizeof path, "%s%s", at, files[i].name);
        put_file(rig, path, files[i].text);
    }
    struct reply reply = rig_send(rig, HTTP_GET, LOGS V, NULL);
    const cJSON *value = json_at(reply.body, "value");
    assert_int_equal(cJSON_GetArraySize(value), 4);
    const cJSON *first = cJSON_GetArrayItem(value, 0);
    assert_string_equal(json_string(first, "name", ""), "0001-creation.log");
    assert_string_equal(json_string(first, "kind", ""), "creation");
    assert_int_equal(json_int(first, "exitStatus", -1), 3);
    assert_int_equal(json_int(first, "size", -1), 4);
    assert_null(json_at(cJSON_GetArrayItem(value, 1), "endTime"));
    assert_string_equal(json_string(cJSON_GetArrayItem(value, 3), "name", ""), "10000-startup.log");
    reply_clear(&reply);

    static const struct {
        const char *target, *text, *complete;
    } reads[] = { { LOGS "/0001-creation.log" V, "one\n", "true" },
                  { LOGS "/0001-creation.log" V "&offset=2", "e\n", "true" },
                  { LOGS "/0001-creation.log" V "&offset=99", "", "true" },
                  { LOGS "/0002-startup.log" V, "two", "false" } };
    for (size_t i = 0; i < COUNT(reads); i++) {
        reply = rig_send(rig, HTTP_GET, reads[i].target, NULL);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.response.body.size, strlen(reads[i].text));
        assert_memory_equal(reply.response.body.data ? reply.response.body.data : "", reads[i].text,
                            strlen(reads[i].text));
        assert_string_equal(http_header_get(&reply.response.headers, "x-moonfleet-log-complete"),
                            reads[i].complete);
        assert_true(
            text_starts(http_header_get(&reply.response.headers, "Content-Type"), "text/plain"));
        reply_clear(&reply);
    }
    rig_close(rig);
}

static void links_and_other_names_are_no_logs(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    rig_create(rig, "ds-ada", NULL);
    char *link = file_join(rig->folder, "shares/ds-workspace/Logs/ds-ada/0001-creation.log");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    static const char *const targets[] = { LOGS "/0001-creation.log" V, LOGS "/passwd" V,
                                           LOGS "/%2e%2e%2f%2e%2e%2fplane.db" V,
                                           LOGS "/0009-creation.log" V };
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct reply reply = rig_send(rig, HTTP_GET, targets[i], NULL);
        assert_true(reply.status == 404 || reply.status == 400);
        reply_clear(&reply);
    }
    char *pipe = file_join(rig->folder, "shares/ds-workspace/Logs/ds-ada/0003-creation.log");
    assert_int_equal(mkfifo(pipe, 0644), 0);
    rig_refused(rig, HTTP_GET, LOGS "/0003-creation.log" V, NULL, 404, "NotFound", NULL);
    assert_int_equal(unlink(pipe), 0);
    assert_int_equal(mkdir(pipe, 0755), 0);
    rig_refused(rig, HTTP_GET, LOGS "/0003-creation.log" V, NULL, 404, "NotFound", NULL);
    assert_int_equal(rmdir(pipe), 0);
    free(pipe);
    rig_refused(rig, HTTP_GET, LOGS "/0001-creation.log" V "&offset=-1", NULL, 400, "BadRequest",
                NULL);
    /* The folder itself turned into a link. */
    assert_int_equal(unlink(link), 0);
    char *folder = file_join(rig->folder, "shares/ds-workspace/Logs/ds-ada");
    assert_int_equal(rmdir(folder), 0);
    char *elsewhere = file_join(rig->folder, "elsewhere");
    put_file(rig, "elsewhere/0001-creation.log", "secret");
    assert_int_equal(symlink(elsewhere, folder), 0);
    struct reply reply = rig_send(rig, HTTP_GET, LOGS V, NULL);
    assert_int_equal(cJSON_GetArraySize(json_at(reply.body, "value")), 0);
    reply_clear(&reply);
    rig_refused(rig, HTTP_GET, LOGS "/0001-creation.log" V, NULL, 404, "NotFound", NULL);
    free(link);
    free(folder);
    free(elsewhere);
    rig_close(rig);
}

static void there_are_none_in_memory(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    struct reply reply = rig_send(rig, HTTP_GET, LOGS V, NULL);
    assert_int_equal(reply.status, 200);
    assert_int_equal(cJSON_GetArraySize(json_at(reply.body, "value")), 0);
    reply_clear(&reply);
    rig_refused(rig, HTTP_GET, COMPUTES "/none/logs" V, NULL, 404, "ResourceNotFound", NULL);
    rig_close(rig);
}

/* ---- a driver that remembers what it was told ---- */

static struct driver_instance told;
static char told_text[256], told_directory[256], told_arguments[256], told_logs[512];
static const struct driver_ops *real_ops;

static int remembering_create(struct driver *driver, const struct driver_instance *instance,
                              const struct driver_callbacks *callbacks)
{
    told = *instance;
    snprintf(told_text, sizeof told_text, "%.*s", (int)instance->creation.size,
             instance->creation.text ? instance->creation.text : "");
    text_copy(told_directory, sizeof told_directory,
              instance->creation.directory ? instance->creation.directory : "");
    text_copy(told_arguments, sizeof told_arguments,
              instance->creation.arguments ? instance->creation.arguments : "");
    text_copy(told_logs, sizeof told_logs, instance->log_folder ? instance->log_folder : "");
    return real_ops->create(driver, instance, callbacks);
}

static int fake_exec(struct driver *driver, const char *id, const cJSON *argv, bool terminal,
                     cJSON **out_argv, struct error *err)
{
    (void)driver, (void)id, (void)err;
    *out_argv = cJSON_Duplicate(argv, true);
    cJSON_AddItemToArray(*out_argv, cJSON_CreateString(terminal ? "tty" : "plain"));
    return 0;
}

static void scripts_reach_the_driver_decoded(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    real_ops = rig->driver->ops;
    struct driver_ops ops = *real_ops;
    ops.create = remembering_create;
    rig->driver->ops = &ops;
    rig_create(rig, "ds-ada",
               BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":"
                    "\"inline\",\"scriptData\":"
                    "\"ZWNobyBoaQo=\",\"scriptArguments\":\"a 'b c'\",\"timeout\":\"20m\"}}}"));
    assert_string_equal(told_text, "echo hi\n");
    assert_string_equal(told_arguments, "a 'b c'");
    assert_int_equal(told.creation.timeout_s, 1200);
    assert_string_equal(told_directory,
                        "/mnt/batch/tasks/shared/LS_root/mounts/clusters/ds-ada/code/Users");
    assert_true(text_ends(told_logs, "/shares/ds-workspace/Logs/ds-ada"));
    assert_true(file_is_dir(told_logs));
    assert_int_equal(told.cores, 4);
    assert_int_equal(told.memory_bytes, (int64_t)14 << 30);

    put_file(rig, "shares/ds-workspace/Users/admin/x.sh", "echo share\n");
    rig_create(rig, "ds-grace",
               BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":"
                    "\"workspaceStorage\","
                    "\"scriptData\":\"Users/admin/x.sh\"}}}"));
    assert_string_equal(told_text, "echo share\n");
    assert_int_equal(told.creation.timeout_s, 900);
    assert_string_equal(told_directory, "/home/azureuser/cloudfiles/code/Users/admin");

    rig_complete(rig, HTTP_PUT, COMPUTES "/ds-linus" V,
                 BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{\"scriptSource\":"
                      "\"workspaceStorage\","
                      "\"scriptData\":\"Users/admin/missing.sh\"}}}"),
                 201, "Failed");
    rig_compute_says(rig, "ds-linus", STATE, "UserSetupFailed");
    rig->driver->ops = real_ops;
    rig_close(rig);
}

static void exec_gives_the_drivers_command_line(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    rig_refused(rig, HTTP_POST, COMPUTES "/ds-ada/exec" V, "{\"command\":[\"id\"]}", 400,
                "ExecNotSupported", NULL);
    rig_refused(rig, HTTP_POST, COMPUTES "/ds-ada/exec" V, "{\"command\":[]}", 400, "BadRequest",
                NULL);
    rig_refused(rig, HTTP_POST, COMPUTES "/ds-ada/exec" V, "{\"command\":[7]}", 400, "BadRequest",
                NULL);
    real_ops = rig->driver->ops;
    struct driver_ops ops = *real_ops;
    ops.exec = fake_exec;
    rig->driver->ops = &ops;
    struct reply reply = rig_send(rig, HTTP_POST, COMPUTES "/ds-ada/exec" V,
                                  "{\"command\":[\"id\",\"-u\"],\"terminal\":true}");
    assert_int_equal(reply.status, 200);
    assert_string_equal(cJSON_GetArrayItem(json_at(reply.body, "argv"), 2)->valuestring, "tty");
    reply_clear(&reply);
    rig_complete(rig, HTTP_POST, COMPUTES "/ds-ada/stop" V, NULL, 202, "Succeeded");
    rig_refused(rig, HTTP_POST, COMPUTES "/ds-ada/exec" V, "{\"command\":[\"id\"]}", 409,
                "Conflict", NULL);
    rig->driver->ops = real_ops;
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_logs_oldest_first),
        cmocka_unit_test(links_and_other_names_are_no_logs),
        cmocka_unit_test(there_are_none_in_memory),
        cmocka_unit_test(scripts_reach_the_driver_decoded),
        cmocka_unit_test(exec_gives_the_drivers_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
