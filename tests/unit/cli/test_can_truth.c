/* What `can` says is what the plane does: random people ask about random people in random worlds,
 * and the plane is then asked for the very thing with x-moonfleet-as.
 *
 * An answer is never wrong.  Whoever is told everything gets a yes or a no; who may not read what
 * decides may get *unknown*, and then only that. */
#include "truth.h"

#include "engine/judge.h"

#define ROUNDS 15
#define QUESTIONS 40
#define A_LEARNING "Microsoft.MachineLearningServices/workspaces/"
#define A_ACCESS "Microsoft.Authorization/"
#define ACCESS_PATH "/providers/Microsoft.Authorization/"
#define NOTHING "00000000-0000-4000-8000-00000000ffff"

enum place { AT_INSTANCE, AT_WORKSPACE, AT_GROUP, AT_SUBSCRIPTION, PLACES, ANYWHERE };
static const char *const places[PLACES] = { WORKSPACE "/computes/ds-one", WORKSPACE, GROUP_SCOPE,
                                            SUBSCRIPTION_SCOPE };

/* Requests that need one action at one scope, and change nothing about rights: they are refused for
 * another reason when they are not refused for that. */
static const struct probe {
    const char *action;
    enum place place;
    enum http_method method;
    const char *path, *version, *body;
} probes[] = {
    { A_LEARNING "computes/read", AT_INSTANCE, HTTP_GET, "", API_COMPUTES, NULL },
    { A_LEARNING "computes/read", AT_WORKSPACE, HTTP_GET, "/computes", API_COMPUTES, NULL },
    { A_LEARNING "computes/write", AT_INSTANCE, HTTP_PATCH, "", API_COMPUTES, "{\"x\":1}" },
    { A_LEARNING "computes/delete", AT_INSTANCE, HTTP_DELETE, "", API_COMPUTES, NULL },
    { A_LEARNING "computes/start/action", AT_INSTANCE, HTTP_POST, "/start", API_COMPUTES, NULL },
    { A_LEARNING "computes/stop/action", AT_INSTANCE, HTTP_POST, "/stop", API_COMPUTES, NULL },
    { A_LEARNING "computes/restart/action", AT_INSTANCE, HTTP_POST, "/restart", API_COMPUTES,
      NULL },
    { A_LEARNING "computes/applicationaccess/action", AT_INSTANCE, HTTP_POST, "/exec", API_COMPUTES,
      "{\"command\":[\"true\"]}" },
    { A_LEARNING "read", AT_WORKSPACE, HTTP_GET, "", API_WORKSPACES, NULL },
    { A_LEARNING "checkComputeNameAvailability/action", AT_WORKSPACE, HTTP_POST,
      "/checkComputeNameAvailability", API_COMPUTES, "{\"name\":\"x\"}" },
    { "Microsoft.Resources/subscriptions/resourceGroups/read", AT_GROUP, HTTP_GET, "",
      API_RESOURCES, NULL },
    { "Microsoft.Resources/subscriptions/read", AT_SUBSCRIPTION, HTTP_GET, "", API_RESOURCES,
      NULL },
    { A_ACCESS "roleAssignments/read", ANYWHERE, HTTP_GET, ACCESS_PATH "roleAssignments",
      API_AUTHORIZATION, NULL },
    { A_ACCESS "roleAssignments/write", ANYWHERE, HTTP_PUT, ACCESS_PATH "roleAssignments/" NOTHING,
      API_AUTHORIZATION, "{\"properties\":{}}" },
    { A_ACCESS "roleAssignments/delete", ANYWHERE, HTTP_DELETE,
      ACCESS_PATH "roleAssignments/" NOTHING, API_AUTHORIZATION, NULL },
    { A_ACCESS "denyAssignments/read", ANYWHERE, HTTP_GET, ACCESS_PATH "denyAssignments",
      API_AUTHORIZATION, NULL },
};

/* One question, by whom (-1: the owner) about whom. */
struct asking {
    const struct probe *probe;
    int by, about;
    const char *place;
};

static enum access_answer ask(struct world *world, const struct asking *asking,
                              unsigned *out_unknown, struct judged *judged)
{
    const struct workspace_ref here = { SUBSCRIPTION, "moonfleet", "ds-workspace" };
    struct error err = { 0 };
    const struct question question = { .who = people[asking->about],
                                       .action = asking->probe->action,
                                       .scope = asking->place };
    struct arm_client *client = asking->by < 0 ? world->house.client : world->as[asking->by];
    if (judge(client, &here, &question, judged, &err) < 0)
        fail_msg("seed %llu: %s", (unsigned long long)world->seed, err.message);
    *out_unknown = access_unknown(judged->access);
    return judged->answer;
}

static bool does(struct world *world, const struct asking *asking)
{
    const struct probe *probe = asking->probe;
    char *path = text_format("%s%s", asking->place, probe->path);
    int status = send(world->as[asking->about], probe->method, path, probe->version, probe->body);
    free(path);
    assert_int_not_equal(status, -1);
    assert_int_not_equal(status, 404);
    return status != 403;
}

/* Is that an answer that may be given where the plane does, or does not? */
static bool is_true(const struct asking *asking, enum access_answer answer, unsigned unknown,
                    bool done)
{
    bool inside = strstr(asking->probe->path, "/exec") != NULL;
    switch (answer) {
    case ACCESS_ALLOWED:
        return done || unknown & ACCESS_DENIES; /* a note tells that */
    case ACCESS_DENIED:
        return !done;
    case ACCESS_CONDITIONAL: /* sharing that was asked for cannot be seen */
        return inside || !done || unknown & ACCESS_DENIES;
    case ACCESS_UNKNOWN:
        return asking->by >= 0;
    }
    return false;
}

static void one_question(struct world *world)
{
    struct judged judged = { 0 };
    unsigned unknown;
    struct asking asking = { .probe = &probes[below(world, COUNT(probes))],
                             .by = (int)below(world, PEOPLE + 1) - 1,
                             .about = (int)below(world, PEOPLE) };
    enum place place = asking.probe->place;
    asking.place = places[place == ANYWHERE ? below(world, PLACES) : place];
    enum access_answer answer = ask(world, &asking, &unknown, &judged);
    bool done = does(world, &asking);
    if (!is_true(&asking, answer, unknown, done)) {
        cJSON *json = judged_json(&judged);
        char *text = cJSON_Print(json);
        (void)fprintf(stderr, "%s\n", text);
        fail_msg("seed %llu: %s asks whether %s may %s at %s: %s, and the plane %s",
                 (unsigned long long)world->seed, asking.by < 0 ? "the owner" : people[asking.by],
                 people[asking.about], asking.probe->action, asking.place,
                 access_answer_name(answer), done ? "does it" : "refuses");
    }
    judged_clear(&judged);
}

/* ds-one: somebody's, or the owner's own; shared as it comes, or as asked for. */
static void make_instance(struct world *world)
{
    char person[256] = "";
    if (chance(world, 70))
        (void)snprintf(person, sizeof person,
                       ",\"personalComputeInstanceSettings\":{\"assignedUser\":{"
                       "\"objectId\":\"%s\",\"tenantId\":\"" TENANT "\"}}",
                       person_ids[below(world, PEOPLE)]);
    static const char *const sharing[] = { "", ",\"applicationSharingPolicy\":\"Shared\"",
                                           ",\"applicationSharingPolicy\":\"Personal\"" };
    char *text =
        text_format("{\"location\":\"westeurope\",\"properties\":{\"computeType\":"
                    "\"ComputeInstance\",\"properties\":{\"vmSize\":\"Standard_DS3_v2\"%s%s}}}",
                    person, sharing[below(world, COUNT(sharing))]);
    assert_int_equal(
        send(world->house.client, HTTP_PUT, WORKSPACE "/computes/ds-one", API_COMPUTES, text), 200);
    free(text);
}

static void many_questions(struct world *world)
{
    make_instance(world);
    for (int i = 0; i < QUESTIONS; i++)
        one_question(world);
}

static void what_can_says_is_what_the_plane_does(void **state)
{
    (void)state;
    in_worlds(ROUNDS, many_questions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_says_is_what_the_plane_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
