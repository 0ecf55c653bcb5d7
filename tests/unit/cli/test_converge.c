/* After an apply the next plan is empty, for every field of every type: a recipe's document against
 * a whole plane in this process, with simulated instances and a virtual clock. */
#include "house.h"

#include "model/schema.h"

/* A recipe of one instance with these fields. */
static cJSON *document_of(const char *fields)
{
    char *declared = declaration("instance", "ds-ada", fields);
    cJSON *document = document_declaring(declared);
    free(declared);
    return document;
}

static struct plan *make_plan(struct house *house, const cJSON *document, const char *replace)
{
    struct error err = { 0 };
    size_t problems;
    /* Nobody but the owner has a role: who may use an instance is not what these tests are about. */
    static const char *const forced[] = { "assigned" };
    const struct plan_request request = {
        .document = document,
        .target = { .subscription = SUBSCRIPTION,
                    .group = "moonfleet",
                    .workspace = "ds-workspace",
                    .tenant = TENANT },
        .forced = forced,
        .forced_count = COUNT(forced),
        .replace = &replace,
        .replace_count = replace ? 1 : 0,
    };
    plan_free(house->plan);
    house->plan = NULL;
    if (plan_make_wait(house->client, &request, &house->plan, &err) < 0)
        fail_msg("planning: %s", err.message);
    const struct plan_problem *first = plan_problems(house->plan, &problems);
    if (problems > 0)
        fail_msg("%s", first->message);
    return house->plan;
}

static void assert_empty(struct house *house, const cJSON *document, const char *what)
{
    struct plan *plan = make_plan(house, document, NULL);
    struct buffer text = { 0 };
    if (plan_counts(plan).changes == 0)
        return;
    plan_write_json(plan, false, &text);
    fail_msg("%s: the plan after an apply is not empty: %s", what, text.data);
}

static void apply(struct house *house, const char *what)
{
    struct error err = { 0 };
    if (apply_run(house->client, house->plan, NULL, NULL, NULL, &err) < 0)
        fail_msg("%s: applying: %s", what, err.message);
}

/* Asks for the plan of `document`, which is exactly this one step for this one reason. */
static void assert_one_step(struct house *house, const cJSON *document, const char *field,
                            enum plan_action action)
{
    struct plan *plan = make_plan(house, document, action == PLAN_REPLACE ? "ds-ada" : NULL);
    const struct plan_step *step = plan_step(plan, 0);
    assert_int_equal(plan_step_count(plan), 1);
    if (step->action != action || step->reason_count != 1 ||
        !text_equal(step->reasons[0].field, field)) {
        struct buffer text = { 0 };
        plan_write_json(plan, false, &text);
        fail_msg("%s: not what was changed: %s", field, text.data);
    }
    assert_null(step->blocked);
}

#define ID_A "/subscriptions/" SUBSCRIPTION "/x/a"
#define ID_B "/subscriptions/" SUBSCRIPTION "/x/b"

/* For each field: what it is first, what it is changed to, and how that is done. */
static const struct {
    const char *field, *first, *second;
    enum plan_action action;
} rows[] = {
    { "size", "\"Standard_DS3_v2\"", "\"Standard_DS2_v2\"", PLAN_REPLACE },
    { "assigned_to", "{\"$user\":\"ada@moonfleet.local\"}", "{\"$user\":\"grace@moonfleet.local\"}",
      PLAN_REPLACE },
    { "setup", "{\"$setup_script\":0}", "{\"$setup_script\":1}", PLAN_REPLACE },
    { "startup", "{\"$setup_script\":0}", "{\"$setup_script\":1}", PLAN_REPLACE },
    { "ssh", "{\"public_key\":\"ssh-ed25519 AAAA ada\\n\"}",
      "{\"public_key\":\"ssh-ed25519 BBBB ada\\n\"}", PLAN_REPLACE },
    { "idle_shutdown", "\"1h\"", "\"2h\"", PLAN_UPDATE },
    { "schedules", "[{\"stop\":\"0 19 * * 1-5\",\"time_zone\":\"W. Europe Standard Time\"}]",
      "[{\"stop\":\"0 19 * * 1-5\",\"enabled\":false},{\"start\":\"0 8 * * 1-5\"}]", PLAN_UPDATE },
    { "schedules", "[{\"stop\":\"0 19 * * 1-5\"}]", "[]", PLAN_UPDATE },
    { "tags", "{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"1\",\"c\":\"3\"}", PLAN_UPDATE },
    { "tags", "{\"a\":\"1\"}", "{}", PLAN_UPDATE },
    { "description", "\"one\"", "\"two\"", PLAN_UPDATE },
    { "description", "\"one\"", "\"\"", PLAN_UPDATE },
    { "application_sharing", "\"personal\"", "\"shared\"", PLAN_UPDATE },
    { "identity", "\"system\"", "[\"" ID_A "\",\"" ID_B "\"]", PLAN_UPDATE },
    { "identity", "[\"system\",\"" ID_A "\"]", "{}", PLAN_UPDATE },
    { "subnet", "\"" ID_A "\"", "\"" ID_B "\"", PLAN_REPLACE },
    { "public_ip", "true", "false", PLAN_REPLACE },
    { "local_auth", "true", "false", PLAN_REPLACE },
    { "sso", "true", "false", PLAN_UPDATE },
    { "power", "\"running\"", "\"stopped\"", PLAN_STOP },
    { "power", "\"stopped\"", "\"running\"", PLAN_START },
    { "protect", "false", "true", PLAN_UPDATE },
    { "protect", "true", "false", PLAN_UPDATE },
};

static char *fields_of(const char *field, const char *value)
{
    const char *size = text_equal(field, "size") ? "" : "\"size\":\"Standard_DS3_v2\",";
    return text_format("%s\"%s\":%s", size, field, value);
}

static void walk(struct house *house, size_t row)
{
    char *first_fields = fields_of(rows[row].field, rows[row].first);
    char *second_fields = fields_of(rows[row].field, rows[row].second);
    cJSON *first = document_of(first_fields), *second = document_of(second_fields);
    make_plan(house, first, NULL);
    apply(house, first_fields);
    assert_empty(house, first, first_fields);
    assert_one_step(house, second, rows[row].field, rows[row].action);
    apply(house, second_fields);
    assert_empty(house, second, second_fields);
    plan_free(house->plan); /* it borrows the document */
    house->plan = NULL;
    cJSON_Delete(first);
    cJSON_Delete(second);
    free(first_fields);
    free(second_fields);
}

static void every_field_converges(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct house house;
        const struct simulated_options simulated = {
            .create_ms = 3000, .start_ms = 500, .stop_ms = 500, .remove_ms = 100
        };
        house_open(&house, &simulated);
        walk(&house, i);
        house_close(&house);
    }
}

/* The same of roles and grants.  A grant has no change in place: the old one goes, a new one comes. */
static const struct {
    const char *type, *field, *first, *second;
    size_t changes;
} access_rows[] = {
    { "role", "actions", "[\"computes/start\",\"*/read\"]", "[\"computes/*\"]", 1 },
    { "role", "not_actions", "[\"computes/stop\"]", "[]", 1 },
    { "role", "data_actions", "[\"Microsoft.Storage/*/read\"]", "[\"Microsoft.X/y/read\"]", 1 },
    { "role", "not_data_actions", "[]", "[\"Microsoft.X/y/read\"]", 1 },
    { "role", "description", "\"one; two\"", "\"\"", 1 },
    { "role", "assignable_scopes", "[\"subscription\"]", "[\"workspace\",\"resource-group\"]", 1 },
    { "grant", "role", "\"Reader\"", "\"Contributor\"", 2 },
    { "grant", "to", "[{\"$user\":\"ada@moonfleet.local\"},{\"$group\":\"data-scientists\"}]",
      "{\"$service_principal\":\"automation\"}", 3 },
    { "grant", "scope", "\"workspace\"", "\"resource-group\"", 2 },
    { "grant", "scope", "\"subscription\"",
      "\"/subscriptions/" SUBSCRIPTION "/resourceGroups/moonfleet\"", 2 },
};

/* What a role or grant needs besides the field that is walked. */
static cJSON *access_document(const char *type, const char *field, const char *value)
{
    bool role = text_equal(type, "role");
    char *fields = text_format(
        "%s%s\"%s\":%s", role || text_equal(field, "role") ? "" : "\"role\":\"Reader\",",
        role || text_equal(field, "to") ? "" : "\"to\":{\"$group\":\"data-scientists\"},", field,
        value);
    char *declared = declaration(type, role ? "Converging" : "grant", fields);
    cJSON *document = document_declaring(declared);
    free(fields);
    free(declared);
    return document;
}

static void every_field_of_roles_and_grants_converges(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(access_rows); i++) {
        struct house house;
        const struct simulated_options simulated = { 0 };
        house_open(&house, &simulated);
        cJSON *first =
            access_document(access_rows[i].type, access_rows[i].field, access_rows[i].first);
        cJSON *second =
            access_document(access_rows[i].type, access_rows[i].field, access_rows[i].second);
        make_plan(&house, first, NULL);
        apply(&house, access_rows[i].first);
        assert_empty(&house, first, access_rows[i].first);
        make_plan(&house, second, NULL);
        assert_int_equal(plan_counts(house.plan).changes, access_rows[i].changes);
        apply(&house, access_rows[i].second);
        assert_empty(&house, second, access_rows[i].second);
        house_close(&house);
        cJSON_Delete(first);
        cJSON_Delete(second);
    }
}

static bool is_walked(const struct schema_type *type, const char *field)
{
    for (size_t i = 0; type == schema_instance() && i < COUNT(rows); i++)
        if (text_equal(rows[i].field, field))
            return true;
    for (size_t i = 0; i < COUNT(access_rows); i++)
        if (text_equal(access_rows[i].type, type->name) && text_equal(access_rows[i].field, field))
            return true;
    return false;
}

static void every_field_of_the_schema_is_walked(void **state)
{
    size_t count;
    const struct schema_type *const *types = schema_types(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; types[i] != schema_fleet() && k < types[i]->field_count; k++)
            if (!is_walked(types[i], types[i]->fields[k].name))
                fail_msg("nothing walks %s.%s", types[i]->name, types[i]->fields[k].name);
}

static void all_fields_together_converge(void **state)
{
    (void)state;
    struct house house;
    const struct simulated_options simulated = { .create_ms = 10 };
    struct buffer fields = { 0 };
    house_open(&house, &simulated);
    const char *last = "";
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (text_equal(last, rows[i].field) || text_equal(rows[i].field, "sso"))
            continue;
        buffer_format(&fields, "%s\"%s\":%s", i ? "," : "", rows[i].field, rows[i].first);
        last = rows[i].field;
    }
    cJSON *document = document_of(fields.data);
    make_plan(&house, document, NULL);
    apply(&house, "all fields");
    assert_empty(&house, document, "all fields");
    buffer_clear(&fields);
    house_close(&house);
    cJSON_Delete(document);
}

static void a_failed_creation_is_made_again(void **state)
{
    (void)state;
    struct house house;
    struct error err = { 0 };
    const struct simulated_options simulated = { .fail_creation = "ds-*" };
    house_open(&house, &simulated);
    cJSON *document = document_of("\"size\":\"Standard_DS3_v2\",\"setup\":{\"$setup_script\":0}");
    make_plan(&house, document, NULL);
    assert_true(apply_run(house.client, house.plan, NULL, NULL, NULL, &err) < 0);
    const struct plan_step *step = plan_step(make_plan(&house, document, NULL), 0);
    assert_int_equal(step->action, PLAN_REPLACE);
    assert_string_equal(step->note, "its creation failed");
    assert_null(step->blocked);
    assert_null(step->lost);
    house_close(&house);
    cJSON_Delete(document);
}

static void on_begun(const struct apply_event *event, void *arg)
{
    if (event->kind == APPLY_STARTED)
        *(bool *)arg = true;
}

/* The client dies in the middle of a creation: the plane goes on, and the next apply waits for it.
 */
static void a_client_that_dies_is_made_up_for(void **state)
{
    (void)state;
    struct house house;
    struct error err = { 0 };
    bool begun = false;
    struct apply *dying = NULL;
    const struct simulated_options simulated = { .create_ms = 60000 };
    const struct apply_observer observer = { on_begun, NULL, &begun };
    house_open(&house, &simulated);
    cJSON *document = document_of("\"size\":\"Standard_DS3_v2\",\"power\":\"stopped\"");
    make_plan(&house, document, NULL);
    assert_int_equal(apply_start(house.client, house.plan, NULL, &observer, &dying, &err), 0);
    for (int turns = 0; turns < 100; turns++)
        loop_poll(house.loop);
    assert_true(begun);
    apply_free(dying);
    const struct plan_step *step = plan_step(make_plan(&house, document, NULL), 0);
    assert_int_equal(step->action, PLAN_WAIT);
    apply(&house, "waiting");
    assert_empty(&house, document, "after waiting");
    house_close(&house);
    cJSON_Delete(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_converges),
        cmocka_unit_test(every_field_of_roles_and_grants_converges),
        cmocka_unit_test(every_field_of_the_schema_is_walked),
        cmocka_unit_test(all_fields_together_converge),
        cmocka_unit_test(a_failed_creation_is_made_again),
        cmocka_unit_test(a_client_that_dies_is_made_up_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
