/* Tests of model/schema.h: mistakes and their sentences, values and their three forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/schema.h"

static cJSON *parse(const char *text)
{
    struct error err = { 0 };
    cJSON *tree = NULL;
    if (json_parse(text, strlen(text), "test", &tree, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return tree;
}

static void collect(const char *message, void *arg)
{
    buffer_format(arg, "%s\n", message);
}

/* One mistake in a block of an instance: the sentence has these words; NULL: there is none. */
static const struct {
    const char *block, *words;
} mistakes[] = {
    { "{\"size\":\"Standard_DS3_v2\"}", NULL },
    { "{\"sise\":\"x\"}", "unknown field 'sise', did you mean 'size'?" },
    { "{\"zzzzzz\":1}", "unknown field 'zzzzzz'; `moonfleet help instance`" },
    { "{\"size\":3}", "size is text, not a number; for instance size = \"Standard_DS3_v2\"" },
    { "{\"size\":{\"$user\":\"a\"}}", "size is text, not a user" },
    { "{\"assigned_to\":{\"$user\":\"ada@x\"}}", NULL },
    { "{\"assigned_to\":{\"$user\":\" \"}}", "the name of the user is empty" },
    { "{\"assigned_to\":\"ada@x\"}", "assigned_to is a user, not text" },
    { "{\"assigned_to\":{\"$group\":\"g\"}}", "assigned_to is a user, not a group" },
    { "{\"setup\":{\"$setup_script\":1}}", NULL },
    { "{\"setup\":{\"$setup_script\":2}}", "not there" },
    { "{\"setup\":{\"$setup_script\":-1}}", "not there" },
    { "{\"setup\":\"a.sh\"}", "setup is a setup script, not text" },
    { "{\"ssh\":{\"public_key\":\"ssh-ed25519 AAA\\n\"}}", NULL },
    { "{\"ssh\":{\"public_key\":\" \\n\"}}", "ssh: public_key is empty" },
    { "{\"ssh\":{}}", "ssh: public_key is missing" },
    { "{\"ssh\":{\"public_key\":\"x\",\"xxx\":1}}",
      "ssh: unknown field 'xxx'; for instance ssh =" },
    { "{\"ssh\":true}", "ssh is a table, not true or false" },
    { "{\"idle_shutdown\":\"15m\"}", NULL },
    { "{\"idle_shutdown\":\"3d\"}", NULL },
    { "{\"idle_shutdown\":\"PT120M\"}", NULL },
    { "{\"idle_shutdown\":\"14m\"}", "between 15m and 3d, not '14m'" },
    { "{\"idle_shutdown\":\"4d\"}", "between 15m and 3d" },
    { "{\"idle_shutdown\":\"1001s\"}", "whole minutes" },
    { "{\"idle_shutdown\":\"soon\"}", "'soon' is not a duration" },
    { "{\"idle_shutdown\":60}", "a duration in quotes, not a number" },
    { "{\"schedules\":[]}", NULL },
    { "{\"schedules\":{}}", NULL },
    { "{\"schedules\":[{\"stop\":\"0 19 * * 1-5\",\"time_zone\":\"utc\",\"enabled\":false}]}",
      NULL },
    { "{\"schedules\":[{\"stop\":\"0 25 * * *\"}]}", "schedules, entry 1: stop: '0 25 * * *': " },
    { "{\"schedules\":[{\"stop\":\"0 1 * * *\",\"start\":\"0 2 * * *\"}]}",
      "either start or stop" },
    { "{\"schedules\":[{\"time_zone\":\"UTC\"}]}", "neither start nor stop" },
    { "{\"schedules\":[{\"stop\":\"0 1 * * *\",\"time_zone\":\"W. Europe Standart Time\"}]}",
      "did you mean 'W. Europe Standard Time'?" },
    { "{\"schedules\":[{\"stop\":\"0 1 * * *\",\"time_zone\":\"Europe/Berlin\"}]}",
      "unknown time zone 'Europe/Berlin'" },
    { "{\"schedules\":[{\"stopp\":\"0 1 * * *\",\"start\":\"0 1 * * *\"}]}",
      "schedules, entry 1: unknown field 'stopp', did you mean 'stop'?" },
    { "{\"schedules\":{\"stop\":\"0 1 * * *\"}}", "schedules is a list, not a table" },
    { "{\"schedules\":[\"0 1 * * *\"]}", "schedules, entry 1: is a table such as" },
    { "{\"schedules\":[{\"stop\":\"0 1 * * *\"},{\"stop\":\"0 2 * * *\"},{\"stop\":\"0 3 * * *\"},"
      "{\"stop\":\"0 4 * * *\"},{\"stop\":\"0 5 * * *\"}]}",
      "5 are too many; an instance has at most 4" },
    { "{\"tags\":{\"cost\":\"4711\"}}", NULL },
    { "{\"tags\":[]}", NULL },
    { "{\"tags\":{\"cost\":4711}}", "the value of 'cost' is text in quotes, not a number" },
    { "{\"tags\":{\"a/b\":\"1\"}}", "must not have any of" },
    { "{\"tags\":{\"moonfleet-fleet\":\"1\"}}", "moonfleet's own" },
    { "{\"tags\":{\"A\":\"1\",\"a\":\"2\"}}", "the same name" },
    { "{\"tags\":[\"x\"]}", "tags is a table of names and texts, not a list" },
    { "{\"description\":\"\"}", NULL },
    { "{\"application_sharing\":\"personal\"}", NULL },
    { "{\"application_sharing\":\"Personal\"}", "did you mean 'personal'?" },
    { "{\"identity\":\"system\"}", NULL },
    { "{\"identity\":[\"system\",\"/subscriptions/s/x\"]}", NULL },
    { "{\"identity\":\"me\"}", "neither \"system\" nor a resource id" },
    { "{\"subnet\":\"/subscriptions/s/x\"}", NULL },
    { "{\"subnet\":\"x\"}", "not a resource id" },
    { "{\"public_ip\":\"no\"}", "public_ip is true or false, not text" },
    { "{\"power\":\"off\"}", "power is \"running\" | \"stopped\", not 'off'" },
    { "{\"power\":\"stoped\"}", "did you mean 'stopped'?" },
    { "{\"protect\":1}", "protect is true or false, not a number" },
    { "[1]", "a value without a name" },
};

static void tells_each_mistake_in_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct buffer told = { 0 };
        cJSON *block = parse(mistakes[i].block);
        size_t count = schema_check(schema_instance(), block, 2, collect, &told);
        if (count != (mistakes[i].words ? 1 : 0))
            fail_msg("%s: %zu mistakes: %s", mistakes[i].block, count, told.data ? told.data : "");
        if (mistakes[i].words && !strstr(told.data, mistakes[i].words))
            fail_msg("%s: %s", mistakes[i].block, told.data);
        cJSON_Delete(block);
        buffer_clear(&told);
    }
}

static void tells_all_mistakes_of_a_block(void **state)
{
    (void)state;
    struct buffer told = { 0 };
    cJSON *block =
        parse("{\"sise\":1,\"defaults\":{\"power\":3,\"sso\":\"x\"},\"workspace\":\"a\"}");
    assert_int_equal(schema_check(schema_fleet(), block, 0, collect, &told), 4);
    assert_non_null(strstr(told.data, "defaults: power is"));
    cJSON_Delete(block);
    buffer_clear(&told);
}

/* ---- values ---- */

static const struct schema_script scripts[] = {
    { "a.sh", false, "IyEvYmluL3No", "one 'two three'", "20m", "d1", false },
    { "b.sh", false, "ZWNobw==", NULL, NULL, "d2", false },
};

static const struct schema_principal *resolve(const cJSON *reference, void *arg)
{
    static const struct schema_principal ada = { "00000000-0000-4000-8000-000000000101", "ada@x" };
    (void)arg;
    return text_equal(json_string(reference, "$user", ""), "ada@x") ? &ada : NULL;
}

static const struct schema_refs refs = {
    .scripts = scripts,
    .script_count = COUNT(scripts),
    .principal = resolve,
    .tenant = "00000000-0000-4000-8000-00000000000a",
};

/* What a recipe says, the members that are sent for it, and how people read it. */
static const struct {
    const char *field, *said, *sent, *text;
} values[] = {
    { "size", "\"standard_ds3_V2\"",
      "{\"properties\":{\"properties\":{\"vmSize\":\"Standard_DS3_v2\"}}}", "Standard_DS3_v2" },
    { "assigned_to", "{\"$user\":\"ada@x\"}",
      "{\"properties\":{\"properties\":{\"personalComputeInstanceSettings\":{\"assignedUser\":{"
      "\"objectId\":\"00000000-0000-4000-8000-000000000101\","
      "\"tenantId\":\"00000000-0000-4000-8000-00000000000a\"}},"
      "\"computeInstanceAuthorizationType\":\"personal\"}}}",
      "ada@x" },
    { "setup", "{\"$setup_script\":0}",
      "{\"properties\":{\"properties\":{\"setupScripts\":{\"scripts\":{\"creationScript\":{"
      "\"scriptSource\":\"inline\",\"scriptData\":\"IyEvYmluL3No\","
      "\"scriptArguments\":\"one 'two three'\",\"timeout\":\"20m\"}}}}},"
      "\"tags\":{\"moonfleet-digest\":\"1:d1:-\"}}",
      "a.sh (d1)" },
    { "startup", "{\"$setup_script\":1}",
      "{\"properties\":{\"properties\":{\"setupScripts\":{\"scripts\":{\"startupScript\":{"
      "\"scriptSource\":\"inline\",\"scriptData\":\"ZWNobw==\"}}}}},"
      "\"tags\":{\"moonfleet-digest\":\"1:-:d2\"}}",
      "b.sh (d2)" },
    { "ssh", "{\"public_key\":\"ssh-ed25519 AAAA ada\\n\"}",
      "{\"properties\":{\"properties\":{\"sshSettings\":{\"sshPublicAccess\":\"Enabled\","
      "\"adminPublicKey\":\"ssh-ed25519 AAAA ada\"}}}}",
      "ssh-ed25519 AAAA ada" },
    { "idle_shutdown", "\"2h\"",
      "{\"properties\":{\"properties\":{\"idleTimeBeforeShutdown\":\"PT120M\"}}}", "2h" },
    { "schedules",
      "[{\"stop\":\"0  19 * * 1-5\",\"time_zone\":\"w. europe standard time\"},"
      "{\"start\":\"0 8 * * 1-5\",\"enabled\":false}]",
      "{\"properties\":{\"properties\":{\"schedules\":{\"computeStartStop\":["
      "{\"status\":\"Disabled\",\"action\":\"Start\",\"triggerType\":\"Cron\","
      "\"cron\":{\"expression\":\"0 8 * * 1-5\",\"timeZone\":\"UTC\"}},"
      "{\"status\":\"Enabled\",\"action\":\"Stop\",\"triggerType\":\"Cron\","
      "\"cron\":{\"expression\":\"0  19 * * 1-5\",\"timeZone\":\"W. Europe Standard Time\"}}]}}}}",
      "start 0 8 * * 1-5 (UTC) disabled, stop 0 19 * * 1-5 (W. Europe Standard Time)" },
    { "schedules", "[]",
      "{\"properties\":{\"properties\":{\"schedules\":{\"computeStartStop\":[]}}}}", "none" },
    { "tags", "{\"b\":\"2\",\"a\":\"1\"}", "{\"tags\":{\"a\":\"1\",\"b\":\"2\"}}", "a=1, b=2" },
    { "description", "\"a sentence\"", "{\"properties\":{\"description\":\"a sentence\"}}",
      "a sentence" },
    { "application_sharing", "\"personal\"",
      "{\"properties\":{\"properties\":{\"applicationSharingPolicy\":\"Personal\"}}}", "personal" },
    { "identity", "\"system\"", "{\"identity\":{\"type\":\"SystemAssigned\"}}", "system" },
    { "identity", "[\"/subscriptions/S/b\",\"system\"]",
      "{\"identity\":{\"type\":\"SystemAssigned,UserAssigned\",\"userAssignedIdentities\":"
      "{\"/subscriptions/s/b\":{}}}}",
      "/subscriptions/s/b, system" },
    { "subnet", "\"/subscriptions/s/n\"",
      "{\"properties\":{\"properties\":{\"subnet\":{\"id\":\"/subscriptions/s/n\"}}}}",
      "/subscriptions/s/n" },
    { "public_ip", "false", "{\"properties\":{\"properties\":{\"enableNodePublicIp\":false}}}",
      "false" },
    { "local_auth", "false", "{\"properties\":{\"disableLocalAuth\":true}}", "false" },
    { "sso", "false", "{\"properties\":{\"properties\":{\"enableSSO\":false}}}", "false" },
    { "protect", "true", "{\"tags\":{\"moonfleet-protect\":\"true\"}}", "true" },
};

static cJSON *desired_of(const char *field, const char *said, cJSON **out_block)
{
    *out_block = cJSON_CreateObject();
    cJSON_AddItemToObject(*out_block, field, parse(said));
    const struct schema_layers layers = { .blocks = { NULL, NULL, *out_block } };
    return schema_desired(schema_field_find(schema_instance(), field), &layers, &refs);
}

static void sends_what_comes_back_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct schema_field *field = schema_field_find(schema_instance(), values[i].field);
        cJSON *block, *desired = desired_of(values[i].field, values[i].said, &block);
        cJSON *body = cJSON_CreateObject(), *expected = parse(values[i].sent);
        struct buffer text = { 0 };
        assert_non_null(desired);
        assert_int_equal(schema_put(field, desired, &refs, body), 0);
        if (!json_equal(body, expected))
            fail_msg("%s: sent %s", values[i].field, json_text(body));
        cJSON *actual = schema_actual(field, body);
        if (!schema_equal(field, desired, actual))
            fail_msg("%s does not equal what comes back", values[i].field);
        schema_text(field, desired, &text);
        assert_string_equal(text.data, values[i].text);
        buffer_clear(&text);
        cJSON_Delete(actual);
        cJSON_Delete(expected);
        cJSON_Delete(body);
        cJSON_Delete(desired);
        cJSON_Delete(block);
    }
}

/* A body as a service may give it back, against what a recipe says. */
static const struct {
    const char *field, *said, *body;
    bool equal;
} comparisons[] = {
    { "size", "\"Standard_DS3_v2\"",
      "{\"properties\":{\"properties\":{\"vmSize\":\"STANDARD_DS3_V2\"}}}", true },
    { "size", "\"Standard_DS3_v2\"",
      "{\"properties\":{\"properties\":{\"vmSize\":\"STANDARD_DS2_V2\"}}}", false },
    { "idle_shutdown", "\"1h\"",
      "{\"properties\":{\"properties\":{\"idleTimeBeforeShutdown\":\"PT1H\"}}}", true },
    { "idle_shutdown", "\"1h\"",
      "{\"properties\":{\"properties\":{\"idleTimeBeforeShutdown\":\"PT30M\"}}}", false },
    { "idle_shutdown", "\"1h\"", "{}", false },
    { "description", "\"\"", "{\"properties\":{\"description\":null}}", true },
    { "tags", "{}", "{\"tags\":{\"moonfleet-fleet\":\"ds\"}}", true },
    { "tags", "{}", "{}", true },
    { "tags", "{}", "{\"tags\":{\"other\":\"1\"}}", false },
    { "tags", "{\"Cost\":\"1\"}", "{\"tags\":{\"cost\":\"1\",\"moonfleet-digest\":\"x\"}}", true },
    { "tags", "{\"cost\":\"1\"}", "{\"tags\":{\"cost\":\"01\"}}", false },
    { "schedules", "[]", "{\"properties\":{\"properties\":{\"schedules\":null}}}", true },
    { "schedules", "{}",
      "{\"properties\":{\"properties\":{\"schedules\":{\"computeStartStop\":[]}}}}", true },
    { "schedules", "[{\"stop\":\"0 1 * * *\"},{\"start\":\"0 2 * * *\"}]",
      "{\"properties\":{\"properties\":{\"schedules\":{\"computeStartStop\":["
      "{\"id\":\"x\",\"provisioningStatus\":\"Completed\",\"status\":\"Enabled\",\"action\":"
      "\"Start\","
      "\"triggerType\":\"Cron\",\"cron\":{\"expression\":\"0 2 * * *\",\"timeZone\":\"UTC\","
      "\"startTime\":null}},"
      "{\"status\":\"Enabled\",\"action\":\"Stop\",\"triggerType\":\"Cron\","
      "\"cron\":{\"expression\":\"0 1 * * *\"}}]}}}}",
      true },
    { "schedules", "[{\"stop\":\"0 1 * * *\"}]",
      "{\"properties\":{\"properties\":{\"schedules\":{\"computeStartStop\":[{\"action\":\"Stop\","
      "\"triggerType\":\"Recurrence\",\"recurrence\":{\"frequency\":\"Day\",\"interval\":1}}]}}}}",
      false },
    { "ssh", "{\"public_key\":\"ssh-rsa A\"}",
      "{\"properties\":{\"properties\":{\"sshSettings\":{\"sshPublicAccess\":\"Enabled\","
      "\"adminPublicKey\":null,\"sshPort\":4001}}}}",
      true },
    { "ssh", "{\"public_key\":\"ssh-rsa A\"}",
      "{\"properties\":{\"properties\":{\"sshSettings\":{\"sshPublicAccess\":\"Disabled\"}}}}",
      false },
    { "ssh", "{\"public_key\":\"ssh-rsa A\"}", "{}", false },
    { "public_ip", "true", "{\"properties\":{\"properties\":{\"enableNodePublicIp\":null}}}",
      true },
    { "public_ip", "false", "{}", false },
    { "local_auth", "true", "{}", true },
    { "local_auth", "true", "{\"properties\":{\"disableLocalAuth\":true}}", false },
    { "application_sharing", "\"shared\"", "{}", true },
    { "application_sharing", "\"personal\"", "{}", false },
    { "assigned_to", "{\"$user\":\"ada@x\"}",
      "{\"properties\":{\"properties\":{\"personalComputeInstanceSettings\":null}}}", false },
    { "identity", "\"system\"",
      "{\"identity\":{\"type\":\"systemAssigned\",\"principalId\":\"p\",\"tenantId\":\"t\"}}",
      true },
    { "identity", "[\"/subscriptions/s/B\"]",
      "{\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"/Subscriptions/S/b\":"
      "{\"clientId\":\"c\"}}}}",
      true },
    { "identity", "{}", "{\"identity\":{\"type\":\"None\"}}", true },
    { "setup", "{\"$setup_script\":0}", "{\"tags\":{\"Moonfleet-Digest\":\"1:d1:d9\"}}", true },
    { "setup", "{\"$setup_script\":0}", "{\"tags\":{\"moonfleet-digest\":\"1:d2:d1\"}}", false },
    { "setup", "{\"$setup_script\":0}", "{\"tags\":{\"moonfleet-digest\":\"2:d1\"}}", false },
    { "power", "\"running\"", "{\"properties\":{\"properties\":{\"state\":\"JobRunning\"}}}",
      true },
    { "power", "\"running\"", "{\"properties\":{\"properties\":{\"state\":\"Stopped\"}}}", false },
    { "power", "\"stopped\"", "{\"properties\":{\"properties\":{\"state\":\"Stopped\"}}}", true },
    { "protect", "false", "{}", true },
    { "protect", "true", "{}", false },
};

static void compares_as_the_service_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(comparisons); i++) {
        const struct schema_field *field =
            schema_field_find(schema_instance(), comparisons[i].field);
        cJSON *block, *desired = desired_of(comparisons[i].field, comparisons[i].said, &block);
        cJSON *body = parse(comparisons[i].body), *actual = schema_actual(field, body);
        if (schema_equal(field, desired, actual) != comparisons[i].equal)
            fail_msg("row %zu: %s = %s against %s", i, comparisons[i].field, comparisons[i].said,
                     comparisons[i].body);
        cJSON_Delete(actual);
        cJSON_Delete(body);
        cJSON_Delete(desired);
        cJSON_Delete(block);
    }
}

static void lays_the_strongest_layer_on_top_and_adds_tags(void **state)
{
    (void)state;
    cJSON *fleet = parse("{\"tags\":{\"a\":\"1\",\"b\":\"1\"}}");
    cJSON *defaults = parse("{\"size\":\"S\",\"tags\":{\"B\":\"2\"}}");
    cJSON *own = parse("{\"size\":\"T\",\"tags\":{\"c\":\"3\"}}");
    const struct schema_layers layers = { .blocks = { fleet, defaults, own } };
    struct buffer text = { 0 };
    const struct schema_field *tags = schema_field_find(schema_instance(), "tags");
    cJSON *value = schema_desired(tags, &layers, &refs);
    schema_text(tags, value, &text);
    assert_string_equal(text.data, "a=1, B=2, c=3");
    assert_string_equal(
        schema_said(schema_field_find(schema_instance(), "size"), &layers)->valuestring, "T");
    assert_null(schema_said(schema_field_find(schema_instance(), "power"), &layers));
    cJSON_Delete(value);
    cJSON_Delete(fleet);
    cJSON_Delete(defaults);
    cJSON_Delete(own);
    buffer_clear(&text);
}

static void keeps_the_other_script_in_the_digest(void **state)
{
    static const struct {
        const char *setup, *startup, *old, *tag;
    } cases[] = {
        { "a", "b", NULL, "1:a:b" },       { "a", NULL, NULL, "1:a:-" },
        { NULL, "b", "1:x:y", "1:x:b" },   { "a", NULL, "1:x:y", "1:a:y" },
        { "a", NULL, "garbage", "1:a:-" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *tag = schema_digest_tag(cases[i].setup, cases[i].startup, cases[i].old);
        assert_string_equal(tag, cases[i].tag);
        free(tag);
    }
}

static void replaces_tags_but_keeps_its_own(void **state)
{
    (void)state;
    cJSON *block, *desired = desired_of("tags", "{\"new\":\"1\"}", &block);
    cJSON *body = parse("{\"tags\":{\"moonfleet-fleet\":\"ds\",\"old\":\"x\"}}");
    cJSON *expected = parse("{\"tags\":{\"moonfleet-fleet\":\"ds\",\"new\":\"1\"}}");
    const struct schema_field *tags = schema_field_find(schema_instance(), "tags");
    assert_int_equal(schema_put(tags, desired, &refs, body), 0);
    assert_true(json_equal(body, expected));
    cJSON_Delete(expected);
    cJSON_Delete(body);
    cJSON_Delete(desired);
    cJSON_Delete(block);
}

static void strips_what_only_the_service_may_say(void **state)
{
    (void)state;
    cJSON *body = parse(
        "{\"id\":\"i\",\"name\":\"n\",\"type\":\"t\",\"systemData\":{},\"location\":\"l\",\"tags\":"
        "{},"
        "\"identity\":{\"type\":\"SystemAssigned\",\"principalId\":\"p\"},"
        "\"properties\":{\"computeType\":\"ComputeInstance\",\"provisioningState\":\"Succeeded\","
        "\"description\":null,\"createdOn\":\"x\",\"properties\":{\"vmSize\":\"S\",\"state\":"
        "\"Running\","
        "\"subnet\":null,\"unheardOf\":1,\"sshSettings\":{\"sshPublicAccess\":\"Disabled\","
        "\"sshPort\":22,\"adminPublicKey\":null},\"schedules\":{\"computeStartStop\":[{\"id\":"
        "\"x\","
        "\"provisioningStatus\":\"Completed\",\"action\":\"Stop\"}]}}}}");
    cJSON *expected = parse(
        "{\"location\":\"l\",\"tags\":{},\"identity\":{\"type\":\"SystemAssigned\"},"
        "\"properties\":{\"computeType\":\"ComputeInstance\",\"properties\":{\"vmSize\":\"S\","
        "\"unheardOf\":1,\"sshSettings\":{\"sshPublicAccess\":\"Disabled\"},"
        "\"schedules\":{\"computeStartStop\":[{\"action\":\"Stop\"}]}}}}");
    schema_instance_strip(body);
    if (!json_equal(body, expected))
        fail_msg("%s", json_text(body));
    cJSON_Delete(body);
    cJSON_Delete(expected);
}

static void tells_what_an_instance_is_doing(void **state)
{
    static const struct {
        const char *provisioning, *state, *operation, *status;
        enum instance_phase phase;
    } cases[] = {
        { "Succeeded", "Running", "Create", "Succeeded", INSTANCE_STEADY },
        { "Succeeded", "Stopped", "Stop", "Succeeded", INSTANCE_STEADY },
        { "Creating", "Creating", "Create", "InProgress", INSTANCE_MOVING },
        { "Creating", "UserSettingUp", "Create", "InProgress", INSTANCE_MOVING },
        { "Updating", "Running", "Create", "Succeeded", INSTANCE_MOVING },
        { "Succeeded", "Stopping", "Stop", "InProgress", INSTANCE_MOVING },
        { "Deleting", "Deleting", "Delete", "InProgress", INSTANCE_LEAVING },
        { "Failed", "UserSetupFailed", "Create", "CreateFailed", INSTANCE_BROKEN },
        { "Failed", "CreateFailed", "Create", "CreateFailed", INSTANCE_BROKEN },
        { "Failed", "UserSetupFailed", "Start", "StartFailed", INSTANCE_STEADY },
        { "Failed", "Running", "Create", "Succeeded", INSTANCE_STEADY },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *body = cJSON_CreateObject();
        json_put_string(body, "properties.provisioningState", cases[i].provisioning);
        json_put_string(body, "properties.properties.state", cases[i].state);
        json_put_string(body, "properties.properties.lastOperation.operationName",
                        cases[i].operation);
        json_put_string(body, "properties.properties.lastOperation.operationStatus",
                        cases[i].status);
        assert_int_equal(instance_phase(body), cases[i].phase);
        cJSON_Delete(body);
    }
}

static void describes_every_field(void **state)
{
    size_t count;
    const struct schema_type *const *types = schema_types(&count);
    (void)state;
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(schema_type_find(types[i]->name), types[i]);
        for (size_t k = 0; k < types[i]->field_count; k++) {
            const struct schema_field *field = &types[i]->fields[k];
            char kind[64] = "", lua[64] = "";
            schema_kind_text(field, kind, sizeof kind);
            schema_kind_lua(field, lua, sizeof lua);
            assert_true(kind[0] && lua[0] && *schema_change_text(field));
            assert_true(field->summary && field->example);
            assert_true(field->change == SCHEMA_NEVER || field->arm);
        }
    }
    assert_null(schema_type_find("pool"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_mistake_in_a_sentence),
        cmocka_unit_test(tells_all_mistakes_of_a_block),
        cmocka_unit_test(sends_what_comes_back_equal),
        cmocka_unit_test(compares_as_the_service_does),
        cmocka_unit_test(lays_the_strongest_layer_on_top_and_adds_tags),
        cmocka_unit_test(keeps_the_other_script_in_the_digest),
        cmocka_unit_test(replaces_tags_but_keeps_its_own),
        cmocka_unit_test(strips_what_only_the_service_may_say),
        cmocka_unit_test(tells_what_an_instance_is_doing),
        cmocka_unit_test(describes_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
