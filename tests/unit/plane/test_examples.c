/* test_examples.c - the reference's own examples, when the reference stands beside the source tree:
 * every request of theirs is taken, and every reply of ours has the members that theirs has. */
#include "plane/plane_test.h"

#include "model/vm_sizes.h"

#define EXAMPLES SOURCE_DIR "/../shared/reference/examples"
#define BETTER_SIZE "STANDARD_NC6S_V3" /* where an example names a size that is retired */

static cJSON *example(const char *name)
{
    char path[1024];
    struct buffer text = { 0 };
    struct error err = { 0 };
    cJSON *tree = NULL;
    snprintf(path, sizeof path, EXAMPLES "/%s", name);
    if (file_read(path, 1 << 20, &text, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(json_parse(text.data, text.size, name, &tree, &err), 0);
    buffer_clear(&text);
    return tree;
}

/* The example's people and place do not exist here. */
static void adapt(cJSON *body)
{
    static const char user[] = "properties.properties.personalComputeInstanceSettings.assignedUser";
    const char *size = json_string(body, "properties.properties.vmSize", "");
    if (!vm_size_find(size))
        json_put_string(body, "properties.properties.vmSize", BETTER_SIZE);
    json_put_string(body, "location", "westeurope");
    if (json_at(body, "properties.computeLocation"))
        json_put_string(body, "properties.computeLocation", "westeurope");
    if (!json_at(body, user))
        return;
    json_put(body, user, cJSON_CreateObject());
    char path[160];
    snprintf(path, sizeof path, "%s.objectId", user);
    json_put_string(body, path, ADA);
    snprintf(path, sizeof path, "%s.tenantId", user);
    json_put_string(body, path, TENANT);
}

/* Everything that `sent` has is in `got`, with its value; members that only the service says are
 * left out. */
static void assert_contains(const cJSON *got, const cJSON *sent, const char *path)
{
    static const char *const own[] = { "id",
                                       "name",
                                       "type",
                                       "location",
                                       "createdOn",
                                       "modifiedOn",
                                       "provisioningState",
                                       "provisioningErrors",
                                       "isAttachedCompute",
                                       "state",
                                       "errors",
                                       "createdBy",
                                       "connectivityEndpoints",
                                       "applications",
                                       "lastOperation",
                                       "osImageMetadata",
                                       "sshPort",
                                       "adminUserName",
                                       "versions",
                                       "updateStatus",
                                       "dataMounts",
                                       "dataDisks",
                                       "containers",
                                       "vmSize",
                                       "systemData" };
    if (!cJSON_IsObject(sent)) {
        if (!json_equal(got, sent) && !cJSON_IsNull(sent)) /* null: the service fills it */
            fail_msg("%s differs", path);
        return;
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, sent)
    {
        char below[512];
        bool skip = false;
        for (size_t i = 0; i < COUNT(own); i++)
            skip = skip || text_equal(member->string, own[i]);
        snprintf(below, sizeof below, "%s.%s", path, member->string);
        if (text_equal(member->string, "computeStartStop")) {
            assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(got, "computeStartStop")),
                             cJSON_GetArraySize(member));
            continue;
        }
        if (!skip)
            assert_contains(cJSON_GetObjectItemCaseSensitive(got, member->string), member, below);
    }
}

static void put_and_compare(struct rig *rig, const char *name, cJSON *body)
{
    adapt(body);
    char *text = json_text(body);
    rig_create(rig, name, text);
    struct reply got = rig_get(rig, name);
    assert_contains(got.body, body, name);
    assert_string_equal(json_string(got.body, PROVISIONING, ""), "Succeeded");
    reply_clear(&got);
    free(text);
}

static void request_bodies_round_trip(void **state)
{
    (void)state;
    static const char *const files[] = { "ci-create-minimal.json", "ci-create-full.json",
                                         "ci-create-schedules.json" };
    struct rig *rig = rig_memory();
    for (size_t i = 0; i < COUNT(files); i++) {
        char name[16];
        cJSON *tree = example(files[i]);
        cJSON *body =
            cJSON_DetachItemFromObject(cJSON_GetObjectItem(tree, "parameters"), "parameters");
        snprintf(name, sizeof name, "request%zu", i);
        put_and_compare(rig, name, body);
        cJSON_Delete(body);
        cJSON_Delete(tree);
    }
    cJSON *tree = example("ci-update-idleshutdown.preview.json");
    char *text = json_text(json_at(tree, "parameters.parameters"));
    rig_expect(rig, HTTP_POST,
               COMPUTES "/request0/updateIdleShutdownSetting?api-version=2024-07-01-preview", text,
               200);
    rig_compute_says(rig, "request0", "properties.properties.idleTimeBeforeShutdown", "PT120M");
    free(text);
    cJSON_Delete(tree);
    rig_close(rig);
}

static void replies_of_the_service_can_be_sent(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    cJSON *tree = example("observed-ci-get.json");
    cJSON *body = cJSON_DetachItemFromObject(cJSON_GetObjectItem(tree, "response"), "body");
    put_and_compare(rig, "observed", body);
    cJSON_Delete(body);
    cJSON_Delete(tree);
    tree = example("ci-get.json");
    body = cJSON_Duplicate(json_at(tree, "responses.200.body"), true);
    put_and_compare(rig, "official", body);
    cJSON_Delete(body);
    cJSON_Delete(tree);
    rig_close(rig);
}

static void our_get_has_the_members_of_a_real_one(void **state)
{
    (void)state;
    struct rig *rig = rig_memory();
    cJSON *tree = example("observed-ci-get.json");
    rig_create(rig, "ds-ada", NULL);
    struct reply got = rig_get(rig, "ds-ada");
    static const char *const paths[] = { "", "properties", "properties.properties" };
    for (size_t i = 0; i < COUNT(paths); i++) {
        const cJSON *theirs = json_at(tree, "response.body");
        const cJSON *ours = got.body;
        const cJSON *member = NULL;
        if (paths[i][0]) {
            theirs = json_at(theirs, paths[i]);
            ours = json_at(ours, paths[i]);
        }
        cJSON_ArrayForEach(member, theirs)
        {
            /* In no schema, or of an image that no local instance has. */
            if (text_equal(member->string, "updateStatus") ||
                text_equal(member->string, "versions"))
                continue;
            if (!cJSON_HasObjectItem(ours, member->string))
                fail_msg("%s.%s is missing", paths[i], member->string);
        }
    }
    reply_clear(&got);
    cJSON_Delete(tree);
    rig_close(rig);
}

static void lists_have_the_shape_of_the_examples(void **state)
{
    (void)state;
    static const struct {
        const char *file, *target;
    } cases[] = { { "computes-list.json", COMPUTES V },
                  { "usages-list.json", LOCATION "/usages" V },
                  { "vmsizes-list.json", LOCATION "/vmSizes" V },
                  { "quotas-list.json", LOCATION "/quotas" V } };
    static const char *const not_here[] = { "nextLink", "resourceId", "premiumIO" };
    struct rig *rig = rig_memory();
    rig_create(rig, "ds-ada", NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *tree = example(cases[i].file);
        struct reply reply = rig_send(rig, HTTP_GET, cases[i].target, NULL);
        const cJSON *theirs = cJSON_GetArrayItem(json_at(tree, "responses.200.body.value"), 0);
        const cJSON *ours = cJSON_GetArrayItem(json_at(reply.body, "value"), 0);
        const cJSON *member = NULL;
        assert_non_null(theirs);
        assert_non_null(ours);
        cJSON_ArrayForEach(member, theirs)
        {
            bool skip = false;
            for (size_t n = 0; n < COUNT(not_here); n++)
                skip = skip || text_equal(member->string, not_here[n]);
            if (!skip && !cJSON_HasObjectItem(ours, member->string))
                fail_msg("%s: %s is missing", cases[i].target, member->string);
        }
        reply_clear(&reply);
        cJSON_Delete(tree);
    }
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_bodies_round_trip),
        cmocka_unit_test(replies_of_the_service_can_be_sent),
        cmocka_unit_test(our_get_has_the_members_of_a_real_one),
        cmocka_unit_test(lists_have_the_shape_of_the_examples),
    };
    if (!file_is_dir(EXAMPLES)) {
        print_message("skipped: the reference does not stand beside the source tree (%s)\n",
                      EXAMPLES);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
