/* The table of built-in roles: its order, its lookups, and the facts it was made from. */
#include "small.h"

#include "base/file.h"
#include "base/json.h"

#define REFERENCE SOURCE_DIR "/../shared/reference"
#define FACTS REFERENCE "/roles/builtin-roles.json"
#define SAMPLES_MAX 8192

struct sample {
    char action[256];
    bool data;
};

/* The table's own patterns as samples: a star becomes "x", and one at the end each kind of verb. */
static struct sample *samples;
static size_t sample_count;

static void add_sample(const char *pattern, const char *verb, bool data)
{
    struct sample sample = { .data = data };
    size_t size = 0;
    for (const char *p = pattern; *p && size + 16 < sizeof sample.action; p++)
        sample.action[size++] = *p == '*' ? 'x' : *p;
    (void)snprintf(sample.action + size, sizeof sample.action - size, "%s%s", *verb ? "/" : "",
                   verb);
    text_lower(sample.action);
    for (size_t i = 0; i < sample_count; i++) {
        if (samples[i].data == data && strcmp(samples[i].action, sample.action) == 0)
            return;
    }
    assert_true(sample_count < SAMPLES_MAX);
    samples[sample_count++] = sample;
}

static void add_samples(const struct rbac_strings *patterns, bool data)
{
    static const char *const verbs[] = { "read", "write", "delete", "action" };
    for (size_t i = 0; i < patterns->count; i++) {
        if (!text_ends(patterns->items[i], "*")) {
            add_sample(patterns->items[i], "", data);
            continue;
        }
        for (size_t k = 0; k < COUNT(verbs); k++)
            add_sample(patterns->items[i], verbs[k], data);
    }
}

static void stands_in_order_of_size(void **state)
{
    (void)state;
    size_t count;
    const struct rbac_role *roles = rbac_builtin_roles(&count);
    samples = calloc(SAMPLES_MAX, sizeof *samples);
    assert_non_null(samples);
    sample_count = 0;
    for (size_t i = 0; i < count; i++) {
        add_samples(&roles[i].permissions->actions, false);
        add_samples(&roles[i].permissions->not_actions, false);
        add_samples(&roles[i].permissions->data_actions, true);
        add_samples(&roles[i].permissions->not_data_actions, true);
    }
    size_t changes_before = 0;
    size_t sees_before = 0;
    for (size_t i = 0; i < count; i++) {
        size_t changes = 0;
        size_t sees = 0;
        for (size_t k = 0; k < sample_count; k++) {
            if (!rbac_role_gives(&roles[i], samples[k].action, samples[k].data, NULL, NULL))
                continue;
            if (text_ends(samples[k].action, "/read"))
                sees++;
            else
                changes++;
        }
        if (changes < changes_before || (changes == changes_before && sees < sees_before))
            fail_msg("%s is smaller than the role before it", roles[i].name);
        changes_before = changes;
        sees_before = sees;
    }
    assert_string_equal(roles[count - 1].name, "Owner");
    free(samples);
}

static void is_found_by_guid_id_and_name(void **state)
{
    (void)state;
    const struct rbac_role *reader = rbac_builtin_role("reader");
    assert_non_null(reader);
    assert_ptr_equal(rbac_builtin_role("ACDD72A7-3385-48ef-bd42-f606fba81ae7"), reader);
    assert_ptr_equal(rbac_builtin_role(reader->id), reader);
    assert_null(rbac_builtin_role("Readers"));
    assert_null(rbac_builtin_role(""));
}

static void suggests_the_smallest_role(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        bool data;
        const char *role;
    } cases[] = {
        { ML "workspaces/computes/start/action", false, "AzureML Compute Operator" },
        { ML "workspaces/computes/write", false, "AzureML Compute Operator" },
        { ML "workspaces/computes/read", false, "Reader" },
        { ML "workspaces/checkComputeNameAvailability/action", false, "AzureML Data Scientist" },
        { ML "workspaces/write", false, "Azure AI Administrator" },
        { "Microsoft.Authorization/roleAssignments/write", false,
          "Role Based Access Control Administrator" },
        { "Microsoft.ContainerRegistry/registries/pull/read", false, "AcrPull" },
        { "Microsoft.Compute/virtualMachines/login/action", true, "Virtual Machine User Login" },
        { "Nobody.Knows/this/action", true, NULL },
        { "*", false, NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct rbac_role *role = rbac_builtin_role_for(cases[i].action, cases[i].data);
        if (!text_equal(role ? role->name : NULL, cases[i].role))
            fail_msg("%s: %s", cases[i].action, role ? role->name : "none");
    }
}

/* --- Against the reference, where it is at hand */

static void compare_strings(const cJSON *facts, const struct rbac_strings *ours, const char *role)
{
    if ((size_t)cJSON_GetArraySize(facts) != ours->count)
        fail_msg("%s: another number of patterns", role);
    for (size_t i = 0; i < ours->count; i++)
        assert_string_equal(cJSON_GetArrayItem(facts, (int)i)->valuestring, ours->items[i]);
}

static void compare_role(const cJSON *facts)
{
    const struct rbac_role *role = rbac_builtin_role(json_string(facts, "name", ""));
    const cJSON *permissions = json_at(facts, "properties.permissions");
    if (!role) {
        fail_msg("%s is missing", json_string(facts, "properties.roleName", "?"));
        return; /* fail_msg() does not return; clang-tidy cannot know */
    }
    assert_string_equal(role->id, json_string(facts, "id", ""));
    assert_string_equal(role->name, json_string(facts, "properties.roleName", ""));
    assert_string_equal(role->description, json_string(facts, "properties.description", ""));
    compare_strings(json_at(facts, "properties.assignableScopes"), &role->assignable_scopes,
                    role->name);
    assert_int_equal(cJSON_GetArraySize(permissions), role->permission_count);
    for (size_t i = 0; i < role->permission_count; i++) {
        const cJSON *permission = cJSON_GetArrayItem(permissions, (int)i);
        const struct rbac_permission *ours = &role->permissions[i];
        compare_strings(json_at(permission, "actions"), &ours->actions, role->name);
        compare_strings(json_at(permission, "notActions"), &ours->not_actions, role->name);
        compare_strings(json_at(permission, "dataActions"), &ours->data_actions, role->name);
        compare_strings(json_at(permission, "notDataActions"), &ours->not_data_actions, role->name);
    }
}

static void is_what_the_reference_says(void **state)
{
    (void)state;
    struct buffer text = { 0 };
    cJSON *facts = NULL;
    const cJSON *role;
    size_t count;
    if (!file_is_dir(REFERENCE)) {
        print_message("no reference at %s: not compared\n", REFERENCE);
        skip();
    }
    assert_int_equal(file_read(FACTS, (size_t)4 << 20, &text, NULL), 0);
    assert_int_equal(json_parse(text.data, text.size, FACTS, &facts, NULL), 0);
    (void)rbac_builtin_roles(&count);
    assert_int_equal(cJSON_GetArraySize(json_at(facts, "value")), count);
    cJSON_ArrayForEach(role, json_at(facts, "value")) compare_role(role);
    cJSON_Delete(facts);
    buffer_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stands_in_order_of_size),
        cmocka_unit_test(is_found_by_guid_id_and_name),
        cmocka_unit_test(suggests_the_smallest_role),
        cmocka_unit_test(is_what_the_reference_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
