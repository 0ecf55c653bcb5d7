/* truth.h - a random world of groups (in each other, in circles too), roles, assignments (some on a
 * condition) and deny assignments, on a whole plane in this process: what is said of rights is
 * compared with what that plane then does.
 *
 * MOONFLEET_TRUTH_ROUNDS: how many worlds; MOONFLEET_TRUTH_SEED: the first one's seed. */
#ifndef TESTS_CLI_TRUTH_H
#define TESTS_CLI_TRUTH_H

#include "house.h"

#include "arm/api.h"
#include "base/file.h"
#include "base/random.h"

#define PEOPLE 3
#define INSTANCES 3
#define GROUPS 3
#define OWNER "00000000-0000-4000-8000-000000000100"
#define SUBSCRIPTION_SCOPE "/subscriptions/" SUBSCRIPTION
#define GROUP_SCOPE SUBSCRIPTION_SCOPE "/resourceGroups/moonfleet"
#define WORKSPACE GROUP_SCOPE "/providers/Microsoft.MachineLearningServices/workspaces/ds-workspace"
#define READER "acdd72a7-3385-48ef-bd42-f606fba81ae7"
#define ROLES "/providers/Microsoft.Authorization/roleDefinitions/"

static const char *const people[PEOPLE] = { "ada@moonfleet.local", "grace@moonfleet.local",
                                            "linus@moonfleet.local" };
static const char *const person_ids[PEOPLE] = { "00000000-0000-4000-8000-000000000101",
                                                "00000000-0000-4000-8000-000000000102",
                                                "00000000-0000-4000-8000-000000000103" };
static const char *const group_ids[GROUPS] = { "00000000-0000-4000-8000-000000000a00",
                                               "00000000-0000-4000-8000-000000000a01",
                                               "00000000-0000-4000-8000-000000000a02" };
static const char *const instances[INSTANCES] = { "ds-one", "ds-two", "ds-three" };

/* What is there before any recipe may be given at these; a recipe says them so. */
static const struct {
    const char *said, *id;
} scopes[] = {
    { "subscription", SUBSCRIPTION_SCOPE },
    { "resource-group", GROUP_SCOPE },
    { "workspace", WORKSPACE },
    { "workspace", WORKSPACE },
    { "instance:ds-one", WORKSPACE "/computes/ds-one" },
    { "instance:ds-two", WORKSPACE "/computes/ds-two" },
};

/* Built-in roles, and GUIDs of those. */
static const struct {
    const char *name, *guid;
} builtins[] = {
    { "Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635" },
    { "Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c" },
    { "Reader", READER },
    { "AzureML Compute Operator", "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815" },
    { "AzureML Data Scientist", "f6c7c914-8db3-469d-8ca1-694a8f32e121" },
    { "User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9" },
};

static const char *const actions[] = {
    "computes/start",
    "computes/stop",
    "computes/restart",
    "computes/applicationaccess",
    "computes/write",
    "computes/delete",
    "computes/read",
    "computes/*",
    "*/read",
    "Microsoft.MachineLearningServices/*/action",
    "Microsoft.MachineLearningServices/*",
    "Microsoft.Authorization/*",
    "Microsoft.Authorization/roleAssignments/*",
    "*",
};

struct world {
    struct house house;
    struct arm_client *as[PEOPLE];
    uint64_t seed, state;
    int recipe;
};

/* ---- chance ---- */

static inline size_t below(struct world *world, size_t bound)
{
    world->state = world->state * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(world->state >> 33) % bound;
}

static inline bool chance(struct world *world, size_t percent)
{
    return below(world, 100) < percent;
}

/* A person, or a group. */
static inline const char *anybody(struct world *world, bool *out_group)
{
    *out_group = chance(world, 50);
    return *out_group ? group_ids[below(world, GROUPS)] : person_ids[below(world, PEOPLE)];
}

/* ---- requests ---- */

/* The ARM status of the reply. */
static inline int send(struct arm_client *client, enum http_method method, const char *path,
                       const char *version, const char *text)
{
    struct error err = { 0 };
    cJSON *body = text ? parse(text) : NULL, *reply = NULL;
    const struct arm_request request = {
        .method = method,
        .path = path,
        .api_version = version,
        .body = body,
        .follow = method == HTTP_POST && version ? ARM_OPERATION : ARM_REPLY,
    };
    int rc = arm_wait(client, &request, &reply, &err);
    cJSON_Delete(body);
    cJSON_Delete(reply);
    return rc == 0 ? 200 : err.status ? err.status : -1;
}

/* ---- what is there before ---- */

/* Several of the actions, as JSON texts. */
static inline void put_actions(struct world *world, struct buffer *out, size_t most, bool whole)
{
    size_t count = below(world, most + 1);
    for (size_t i = 0; i < count; i++) {
        const char *action = actions[below(world, COUNT(actions))];
        bool is_short = text_starts(action, "computes/");
        bool verb = is_short && !strchr(action, '*') && !text_equal(action, "computes/write") &&
                    !text_equal(action, "computes/delete") && !text_equal(action, "computes/read");
        buffer_format(out, "%s\"%s%s%s\"", i ? "," : "",
                      whole && is_short ? "Microsoft.MachineLearningServices/workspaces/" : "",
                      action, whole && verb ? "/action" : "");
    }
}

static inline void put_groups(struct world *world, struct buffer *out)
{
    for (size_t i = 0; i < GROUPS; i++) {
        size_t count = 0;
        buffer_format(out, ",{\"id\":\"%s\",\"displayName\":\"g%zu\",\"members\":[", group_ids[i],
                      i);
        for (size_t k = 0; k < PEOPLE + GROUPS; k++)
            if (k != PEOPLE + i && chance(world, 35))
                buffer_format(out, "%s\"%s\"", count++ ? "," : "",
                              k < PEOPLE ? person_ids[k] : group_ids[k - PEOPLE]);
        buffer_text(out, "]}");
    }
}

/* The owner is always left out: he makes the world. */
static inline void put_denies(struct world *world, struct buffer *out)
{
    for (size_t i = 0, count = below(world, 3); i < count; i++) {
        bool group, everyone = chance(world, 30);
        const char *who = anybody(world, &group);
        buffer_format(out,
                      "%s{\"name\":\"00000000-0000-4000-8000-000000000d0%zu\",\"properties\":{"
                      "\"denyAssignmentName\":\"no %zu\",\"scope\":\"%s\","
                      "\"doNotApplyToChildScopes\":%s,\"principals\":[{\"id\":\"%s\","
                      "\"type\":\"%s\"}],\"permissions\":[{\"actions\":[",
                      i ? "," : "", i, i, scopes[below(world, COUNT(scopes))].id,
                      chance(world, 25) ? "true" : "false",
                      everyone ? "00000000-0000-0000-0000-000000000000" : who,
                      everyone ? "SystemDefined"
                      : group  ? "Group"
                               : "User");
        put_actions(world, out, 3, true);
        buffer_text(out, "],\"notActions\":[");
        put_actions(world, out, 1, true);
        buffer_text(out, "]}],\"excludePrincipals\":[{\"id\":\"" OWNER "\",\"type\":\"User\"}");
        who = anybody(world, &group);
        if (chance(world, 40))
            buffer_format(out, ",{\"id\":\"%s\",\"type\":\"%s\"}", who, group ? "Group" : "User");
        buffer_text(out, "]}}");
    }
}

/* The binary's own seed, with groups and deny assignments; the caller's to free(). */
static inline char *make_seed(struct world *world)
{
    struct buffer text = { 0 }, own = { 0 };
    struct error err = { 0 };
    char *out = NULL;
    assert_int_equal(file_read(SOURCE_DIR "/runtime/plane/seed.json", 1 << 20, &own, &err), 0);
    char *groups = strstr(own.data, "\"groups\": [");
    char *end = groups ? strstr(groups, "\n  ]") : NULL;
    assert_non_null(end);
    buffer_format(&text, "%.*s", (int)(end - own.data), own.data);
    put_groups(world, &text);
    buffer_text(&text, "],\"denyAssignments\":[");
    put_denies(world, &text);
    buffer_text(&text, end + 3);
    assert_int_equal(buffer_detach(&text, &out, NULL, &err), 0);
    buffer_clear(&own);
    return out;
}

static inline void give(struct world *world, const char *role, const char *who, bool group,
                        const char *scope, bool condition)
{
    char guid[UUID_TEXT_SIZE];
    uuid_make(guid);
    char *path =
        text_format("%s/providers/Microsoft.Authorization/roleAssignments/%s", scope, guid);
    char *text = text_format("{\"properties\":{\"roleDefinitionId\":\"" SUBSCRIPTION_SCOPE ROLES
                             "%s\",\"principalId\":\"%s\",\"principalType\":\"%s\"%s}}",
                             role, who, group ? "Group" : "User",
                             condition ? ",\"condition\":\"a\",\"conditionVersion\":\"2.0\"" : "");
    (void)send(world->house.client, HTTP_PUT, path, API_AUTHORIZATION, text); /* once more: 409 */
    free(path);
    free(text);
}

static inline void make_assignments(struct world *world)
{
    char custom[UUID_TEXT_SIZE];
    struct buffer text = { 0 };
    uuid_make(custom);
    buffer_text(&text, "{\"properties\":{\"roleName\":\"There Before\",\"type\":\"CustomRole\","
                       "\"assignableScopes\":[\"" SUBSCRIPTION_SCOPE "\"],\"permissions\":[{"
                       "\"actions\":[\"Microsoft.Resources/subscriptions/read\"");
    buffer_text(&text, "],\"notActions\":[");
    put_actions(world, &text, 1, true);
    buffer_text(&text, "]},{\"actions\":[");
    put_actions(world, &text, 3, true);
    buffer_text(&text, "]}]}}");
    char *path = text_format(SUBSCRIPTION_SCOPE ROLES "%s", custom);
    assert_int_equal(send(world->house.client, HTTP_PUT, path, API_AUTHORIZATION, text.data), 200);
    free(path);
    buffer_clear(&text);
    for (size_t i = 0; i < PEOPLE; i++)
        if (chance(world, 70))
            give(world, READER, person_ids[i], false, SUBSCRIPTION_SCOPE, false); /* can plan */
    for (size_t i = 0, count = below(world, 6); i < count; i++) {
        bool group;
        const char *who = anybody(world, &group);
        size_t role = below(world, COUNT(builtins) + 1);
        give(world, role < COUNT(builtins) ? builtins[role].guid : custom, who, group,
             scopes[below(world, 4)].id, chance(world, 15));
    }
}

static inline void world_open(struct world *world, uint64_t seed)
{
    struct error err = { 0 };
    const struct simulated_options simulated = { 0 };
    *world = (struct world) { .seed = seed, .state = seed * 2654435761U + 1 };
    char *text = make_seed(world);
    house_open_seeded(&world->house, &simulated, text);
    free(text);
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct arm_client_options options = { .transport = world->house.transport,
                                                    .as_principal = people[i] };
        assert_int_equal(arm_client_new(world->house.loop, &options, &world->as[i], &err), 0);
    }
    make_assignments(world);
}

static inline void world_close(struct world *world)
{
    plan_free(world->house.plan);
    world->house.plan = NULL;
    for (size_t i = 0; i < PEOPLE; i++)
        arm_client_free(world->as[i]);
    house_close(&world->house);
}

/* ---- rounds ---- */

static inline uint64_t number_of(const char *variable, uint64_t otherwise)
{
    int64_t number = 0;
    const char *text = getenv(variable);
    return text && text_to_int64(text, 0, INT64_MAX, &number) == 0 ? (uint64_t)number : otherwise;
}

static inline void in_world(uint64_t seed, void (*look)(struct world *world))
{
    struct world world;
    world_open(&world, seed);
    look(&world);
    world_close(&world);
}

static inline void in_worlds(uint64_t otherwise, void (*look)(struct world *world))
{
    uint64_t rounds = number_of("MOONFLEET_TRUTH_ROUNDS", otherwise);
    uint64_t seed = number_of("MOONFLEET_TRUTH_SEED", 1);
    for (uint64_t i = 0; i < rounds; i++)
        in_world(seed + i, look);
}

#endif
