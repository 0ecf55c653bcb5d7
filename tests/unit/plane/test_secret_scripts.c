/* Setup scripts with secrets: what is run has the values, what is answered has not. */
#include "plane/plane_test.h"

#include <stdio.h>

#include "base/random.h"
#include "plane/driver.h"

#define VALUE "hunter2-is-it"
#define SCRIPTS "properties.properties.setupScripts.scripts"

/* What the driver was told to run last. */
static struct {
    char text[512], arguments[256];
} ran;

static const struct driver_ops *real;

static int watched_create(struct driver *driver, const struct driver_instance *instance,
                          const struct driver_callbacks *callbacks)
{
    (void)text_copy(ran.text, sizeof ran.text,
                    instance->creation.text ? instance->creation.text : "");
    (void)text_copy(ran.arguments, sizeof ran.arguments,
                    instance->creation.arguments ? instance->creation.arguments : "");
    return real->create(driver, instance, callbacks);
}

static struct driver_ops watched;

static void watch(struct rig *rig)
{
    real = rig->driver->ops;
    watched = *real;
    watched.create = watched_create;
    rig->driver->ops = &watched;
}

/* A PUT body with that script and arguments; `more` are members beside them. */
static char *request(const char *script, const char *arguments)
{
    struct buffer data = { 0 };
    base64_encode(script, strlen(script), &data);
    char *body = text_format(BODY(",\"setupScripts\":{\"scripts\":{\"creationScript\":{"
                                  "\"scriptSource\":\"inline\",\"scriptData\":\"%s\","
                                  "\"scriptArguments\":\"%s\"}}}"),
                             data.data, arguments);
    buffer_clear(&data);
    assert_non_null(body);
    return body;
}

static char *secret_request(const char *value)
{
    struct buffer line = { 0 };
    base64_encode(value, strlen(value), &line);
    char *script = text_format("login %s\n\n# moonfleet-secrets/1 TOKEN:%s\n", value, line.data);
    char *arguments = text_format("a %s", value);
    char *body = request(script, arguments);
    buffer_clear(&line);
    free(script);
    free(arguments);
    return body;
}

static void assert_hidden(const struct reply *reply)
{
    struct buffer data = { 0 };
    const char *text = json_string(reply->body, SCRIPTS ".creationScript.scriptData", "");
    assert_null(strstr(reply->response.body.data, VALUE));
    assert_int_equal(base64_decode(text, strlen(text), &data), 0);
    assert_string_equal(data.data, "login (secret TOKEN)\n\n# moonfleet-secrets/1 TOKEN\n");
    assert_string_equal(json_string(reply->body, SCRIPTS ".creationScript.scriptArguments", ""),
                        "a (secret TOKEN)");
    buffer_clear(&data);
}

static void readers_do_not_get_the_values(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    char *body = secret_request(VALUE);
    watch(rig);
    struct reply begun = rig_send(rig, HTTP_PUT, COMPUTES "/ds-ada" V, body);
    assert_int_equal(begun.status, 201);
    assert_hidden(&begun);
    struct reply ended = rig_wait(rig, &begun);
    assert_null(strstr(ended.response.body.data, VALUE));
    reply_clear(&begun);
    reply_clear(&ended);
    struct reply got = rig_get(rig, "ds-ada");
    assert_hidden(&got);
    reply_clear(&got);
    got = rig_send(rig, HTTP_GET, COMPUTES V, NULL);
    assert_int_equal(got.status, 200);
    assert_null(strstr(got.response.body.data, VALUE));
    reply_clear(&got);
    assert_false(rig_logged(rig, VALUE));
    assert_non_null(strstr(ran.text, "login " VALUE "\n"));
    assert_string_equal(ran.arguments, "a " VALUE);
    free(body);
    rig_close(rig);
}

/* What was read can be sent back; so can the original; neither changes what runs. */
static void an_update_keeps_the_secrets(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    char *body = secret_request(VALUE), *other = request("another", "");
    rig_create(rig, "ds-ada", body);
    struct reply got = rig_get(rig, "ds-ada");
    cJSON_DeleteItemFromObjectCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(got.body, "properties"), "provisioningState");
    char *back = json_text(got.body);
    rig_expect(rig, HTTP_PUT, COMPUTES "/ds-ada" V, back, 200);
    rig_expect(rig, HTTP_PUT, COMPUTES "/ds-ada" V, body, 200);
    rig_refused(rig, HTTP_PUT, COMPUTES "/ds-ada" V, other, 400, "PropertyChangeNotAllowed", NULL);
    reply_clear(&got);
    got = rig_get(rig, "ds-ada");
    assert_hidden(&got);
    reply_clear(&got);
    free(back);
    free(other);
    free(body);
    rig_close(rig);
}

static void a_new_machine_of_the_name_has_its_own(void **state)
{
    (void)state;
    struct rig *rig = rig_new(true, NULL);
    char *body = secret_request(VALUE), *plain = request("echo plain", "x");
    rig_create(rig, "ds-ada", body);
    rig_complete(rig, HTTP_DELETE, COMPUTES "/ds-ada" V "&underlyingResourceAction=Delete", NULL,
                 202, "Succeeded");
    watch(rig);
    rig_create(rig, "ds-ada", plain);
    assert_string_equal(ran.text, "echo plain");
    free(plain);
    free(body);
    rig_close(rig);
}

static void a_malformed_line_is_refused(void **state)
{
    (void)state;
    static const char *const scripts[] = { "echo\n# moonfleet-secrets/9 A\n",
                                           "echo\n# moonfleet-secrets/1 A:***\n",
                                           "echo\n# moonfleet-secrets/1 A:YQ==\n" };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(scripts); i++) {
        char *body = request(scripts[i], "");
        rig_refused(rig, HTTP_PUT, COMPUTES "/ds-ada" V, body, 400, "InvalidPropertyValue", NULL);
        free(body);
    }
    rig_close(rig);
}

static void paths_of_the_share_lead_nowhere_else(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        { "Users/ada/x.sh", 201 },
        { "x.sh", 201 },
        { "a..b/x.sh", 201 },
        { "/etc/x.sh", 400 },
        { "../x.sh", 400 },
        { "Users/../../x.sh", 400 },
        { "Users/./x.sh", 400 },
        { "Users//x.sh", 400 },
        { "Users/x.txt", 400 },
        { "Users/.sh", 400 },
        { "Users/x.sh/", 400 },
        { "Users\\\\x.sh", 400 },
        { "Users/\\u001b[2Jx.sh", 400 },
        { "", 400 },
        { ".sh", 400 },
    };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char target[512];
        char *body =
            text_format(BODY(",\"setupScripts\":{\"scripts\":{\"startupScript\":{"
                             "\"scriptSource\":\"workspaceStorage\",\"scriptData\":\"%s\"}}}"),
                        cases[i].path);
        snprintf(target, sizeof target, COMPUTES "/ds-a%zux" V, i);
        rig_expect(rig, HTTP_PUT, target, body, cases[i].status);
        free(body);
    }
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_do_not_get_the_values),
        cmocka_unit_test(an_update_keeps_the_secrets),
        cmocka_unit_test(a_new_machine_of_the_name_has_its_own),
        cmocka_unit_test(a_malformed_line_is_refused),
        cmocka_unit_test(paths_of_the_share_lead_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
