/* world.h - a small plane for tests of the engine: it keeps computes as they are sent and answers
 * at once, or as a test tells it to.  The client under it is the real one, on a virtual clock. */
#ifndef TESTS_ENGINE_WORLD_H
#define TESTS_ENGINE_WORLD_H

#include "client/fake.h"

#include "base/json.h"
#include "engine/apply.h"
#include "engine/check.h"
#include "engine/plan.h"
#include "model/schema.h"

#define WORLD_ADA "00000000-0000-4000-8000-000000000101"
#define WORLD_GRACE "00000000-0000-4000-8000-000000000102"
#define WORLD_TEAM "00000000-0000-4000-8000-000000000200"
#define WORLD_OWNER_ROLE "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
#define WORLD_TENANT "00000000-0000-4000-8000-00000000000a"

struct world {
    struct fake fake;
    cJSON *roles, *assignments;
    int access_status;      /* != 0: nothing is told of them */
    bool strict;            /* nobody may do anything but by them */
    int unknown_principals; /* so many grants are refused because the principal is new */
    cJSON *computes;        /* array of bodies, in the order of the list */
    int lists, reads, puts; /* requests so far */
    bool reversed;          /* the list comes backwards */
    int page_size;          /* 0: one page */
    int list_status;        /* != 0: the list is refused */
    int quota;              /* limit of every family; 0: 100000 */
    const char *taken;      /* a name that is not available */
    int names_status;       /* of the answer to whether a name is; 0: 200 */
    const char *fail;       /* creating an instance of that name fails */
    int polls_to_settle;    /* so many GETs until what is Creating has Succeeded */
    int64_t delay_ms;       /* of every answer */
    struct buffer log;      /* what was changed: "PUT ds-ada\n" */
    struct plan *plan;
};

static inline cJSON *world_parse(const char *text)
{
    struct error err = { 0 };
    cJSON *tree = NULL;
    if (json_parse(text, strlen(text), "test", &tree, &err) < 0)
        fail_msg("%s", err.message);
    return tree;
}

static inline cJSON *world_find(struct world *world, const char *name)
{
    cJSON *body;
    cJSON_ArrayForEach(body, world->computes)
    {
        if (text_equal_nocase(json_string(body, "name", ""), name))
            return body;
    }
    return NULL;
}

static inline void world_remove(struct world *world, cJSON *body)
{
    cJSON_Delete(cJSON_DetachItemViaPointer(world->computes, body));
}

static inline void world_answer(struct answer *out, int status, cJSON *body)
{
    out->status = status;
    out->headers[0] = "Content-Type";
    out->headers[1] = "application/json";
    out->owned_body = body ? json_text(body) : NULL;
    cJSON_Delete(body);
}

static inline void world_refuse(struct answer *out, int status, const char *code,
                                const char *message)
{
    char *text = text_format("{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);
    world_answer(out, status, world_parse(text));
    free(text);
}

static inline void world_list(struct world *world, const char *target, struct answer *out)
{
    int count = cJSON_GetArraySize(world->computes), first = 0, last = count;
    const char *skip = strstr(target, "$skip=");
    cJSON *page = cJSON_CreateObject(), *value = cJSON_AddArrayToObject(page, "value");
    world->lists++;
    if (world->list_status) {
        cJSON_Delete(page);
        world_refuse(out, world->list_status, "ResourceNotFound", "no such workspace");
        return;
    }
    if (skip)
        first = (int)strtol(skip + strlen("$skip="), NULL, 10);
    if (world->page_size && first + world->page_size < count) {
        last = first + world->page_size;
        char *next = text_format("http://plane/subscriptions/s/resourceGroups/g/providers/"
                                 "Microsoft.MachineLearningServices/workspaces/w/computes?"
                                 "api-version=x&$skip=%d",
                                 last);
        cJSON_AddStringToObject(page, "nextLink", next);
        free(next);
    }
    const cJSON *body =
        cJSON_GetArrayItem(world->computes, world->reversed ? count - 1 - first : first);
    for (int i = first; i < last; i++) {
        cJSON_AddItemToArray(value, cJSON_Duplicate(body, true));
        body = world->reversed ? body->prev : body->next;
    }
    world_answer(out, 200, page);
}

static inline void world_sizes(struct answer *out)
{
    world_answer(out, 200,
                 world_parse("{\"value\":[{\"name\":\"Standard_DS3_v2\",\"vCPUs\":4,"
                             "\"family\":\"standardDSv2Family\","
                             "\"supportedComputeTypes\":[\"AmlCompute\",\"ComputeInstance\"]},"
                             "{\"name\":\"Standard_DS2_v2\",\"vCPUs\":2,"
                             "\"family\":\"standardDSv2Family\"},"
                             "{\"name\":\"Standard_DS4_v2\",\"vCPUs\":8,"
                             "\"family\":\"standardDSv2Family\","
                             "\"supportedComputeTypes\":[\"AmlCompute\"]}]}"));
}

static inline void world_usages(struct world *world, struct answer *out)
{
    cJSON *page = world_parse(
        "{\"value\":[{\"type\":\"x/vmFamily/usages\",\"currentValue\":2,\"limit\":100000,"
        "\"name\":{\"value\":\"Standard DSv2 Family Cluster Dedicated vCPUs\"}}]}");
    if (world->quota)
        json_put(cJSON_GetArrayItem(cJSON_GetObjectItem(page, "value"), 0), "limit",
                 cJSON_CreateNumber(world->quota));
    world_answer(out, 200, page);
}

static inline void world_users(struct answer *out)
{
    world_answer(out, 200,
                 world_parse("{\"value\":[{\"id\":\"" WORLD_ADA
                             "\",\"userPrincipalName\":\"ada@x\",\"displayName\":\"Ada\"},"
                             "{\"id\":\"" WORLD_GRACE
                             "\",\"userPrincipalName\":\"grace@x\",\"displayName\":\"Grace\"}]}"));
}

static inline void world_name(struct world *world, const char *sent, struct answer *out)
{
    cJSON *request = world_parse(sent), *body = cJSON_CreateObject();
    bool taken = text_equal(world->taken, json_string(request, "name", ""));
    cJSON_AddBoolToObject(body, "nameAvailable", !taken);
    if (taken)
        cJSON_AddStringToObject(body, "message", "in use");
    cJSON_Delete(request);
    if (world->names_status && world->names_status != 200) {
        cJSON_Delete(body);
        world_refuse(out, world->names_status, "Refused", "it will not say");
        return;
    }
    world_answer(out, 200, body);
}

static inline void world_get(struct world *world, cJSON *body, struct answer *out)
{
    world->reads++;
    if (!body) {
        world_refuse(out, 404, "ResourceNotFound", "not there");
        return;
    }
    if (text_equal(json_string(body, "properties.provisioningState", ""), "Creating") &&
        --world->polls_to_settle <= 0) {
        json_put_string(body, "properties.provisioningState", "Succeeded");
        json_put_string(body, "properties.properties.state", "Running");
    }
    world_answer(out, 200, cJSON_Duplicate(body, true));
}

static inline void world_put(struct world *world, const char *name, cJSON *old, const char *sent,
                             struct answer *out)
{
    cJSON *body = world_parse(sent);
    world->puts++;
    json_put_string(body, "name", name);
    json_put_string(body, "properties.provisioningState", "Succeeded");
    json_put_string(body, "properties.properties.state",
                    old ? json_string(old, "properties.properties.state", "Running") : "Running");
    if (old)
        world_remove(world, old);
    cJSON_AddItemToArray(world->computes, body);
    if (text_equal(world->fail, name)) {
        json_put_string(body, "properties.provisioningState", "Failed");
        json_put_string(body, "properties.properties.state", "CreateFailed");
        json_put_string(body, "properties.properties.lastOperation.operationName", "Create");
        json_put_string(body, "properties.properties.lastOperation.operationStatus",
                        "CreateFailed");
        world_refuse(out, 400, "ClusterCoreQuotaReached", "no cores are left");
        out->status = 400;
        return;
    }
    world_answer(out, 200, cJSON_Duplicate(body, true));
}

static inline void world_post(const char *action, cJSON *body, const char *sent, struct answer *out)
{
    cJSON *request = *sent ? world_parse(sent) : NULL;
    if (text_equal(action, "updateIdleShutdownSetting"))
        json_put_string(body, "properties.properties.idleTimeBeforeShutdown",
                        json_string(request, "idleTimeBeforeShutdown", NULL));
    else
        json_put_string(body, "properties.properties.state",
                        text_equal(action, "start") ? "Running" : "Stopped");
    cJSON_Delete(request);
    world_answer(out, 200, NULL);
}

static inline void world_compute(struct world *world, const struct asked *asked, const char *rest,
                                 struct answer *out)
{
    char name[64] = "", action[64] = "";
    size_t size = strcspn(rest, "/?");
    snprintf(name, sizeof name, "%.*s", (int)size, rest);
    if (rest[size] == '/')
        snprintf(action, sizeof action, "%.*s", (int)strcspn(rest + size + 1, "?"),
                 rest + size + 1);
    cJSON *body = world_find(world, name);
    if (asked->method == HTTP_GET) {
        world_get(world, body, out);
        return;
    }
    buffer_format(&world->log, "%s %s%s%s\n", http_method_name(asked->method), name,
                  *action ? "/" : "", action);
    if (asked->method == HTTP_PUT) {
        world_put(world, name, body, asked->body, out);
    } else if (!body) {
        world_refuse(out, 404, "ResourceNotFound", "not there");
    } else if (asked->method == HTTP_DELETE) {
        world_remove(world, body);
        world_answer(out, 200, NULL);
    } else {
        world_post(action, body, asked->body, out);
    }
}

/* One assignment of Owner, at "/". */
static inline cJSON *world_owner(const char *who)
{
    char *text = text_format(
        "{\"id\":\"/providers/Microsoft.Authorization/roleAssignments/%s\",\"name\":\"%s\","
        "\"properties\":{\"principalId\":\"%s\",\"principalType\":\"User\",\"scope\":\"/\","
        "\"roleDefinitionId\":\"/x/" WORLD_OWNER_ROLE "\"}}",
        who, who, who);
    cJSON *tree = world_parse(text);
    free(text);
    return tree;
}

/* Everybody may do everything, unless a test is about that: the caller, whom the directory does not
 * name, by `permissions`, ada and grace as Owners. */
static inline void world_everybody(const struct world *world, const char *target, cJSON *value)
{
    if (world->strict)
        return;
    if (strstr(target, "/permissions?"))
        cJSON_AddItemToArray(value, world_parse("{\"actions\":[\"*\"]}"));
    if (strstr(target, "/roleAssignments?")) {
        cJSON_AddItemToArray(value, world_owner(WORLD_ADA));
        cJSON_AddItemToArray(value, world_owner(WORLD_GRACE));
    }
    if (strstr(target, "/roleDefinitions?") && !strstr(target, "filter"))
        cJSON_AddItemToArray(value,
                             world_parse("{\"id\":\"/x/" WORLD_OWNER_ROLE "\",\"properties\":{"
                                         "\"roleName\":\"Owner\",\"type\":\"BuiltInRole\","
                                         "\"permissions\":[{\"actions\":[\"*\"]}]}}"));
}

/* Roles and role assignments: kept as they are sent; lists tell all, whatever the scope and the
 * filter. */
static inline void world_access(struct world *world, const struct asked *asked, struct answer *out)
{
    const char *path = strstr(asked->target, "//plane/");
    const char *type = strstr(asked->target, "/providers/Microsoft.Authorization/");
    bool roles = strstr(type, "/roleDefinitions") != NULL;
    cJSON *list = roles ? world->roles : world->assignments, *body, *found = NULL;
    const char *name = strchr(type + strlen("/providers/Microsoft.Authorization/"), '/');
    char guid[64] = "";
    if (world->access_status) {
        world_refuse(out, world->access_status, "AuthorizationFailed", "it will not say");
        return;
    }
    if (!name) {
        cJSON *page = cJSON_CreateObject();
        bool kept = strstr(type, "/roleAssignments") || strstr(type, "/roleDefinitions");
        cJSON_AddItemToObject(page, "value",
                              kept ? cJSON_Duplicate(list, true) : cJSON_CreateArray());
        world_everybody(world, type, cJSON_GetObjectItem(page, "value"));
        world_answer(out, 200, page);
        return;
    }
    snprintf(guid, sizeof guid, "%.*s", (int)strcspn(name + 1, "?"), name + 1);
    cJSON_ArrayForEach(body, list)
    {
        if (text_equal_nocase(json_string(body, "name", ""), guid))
            found = body;
    }
    const char *what = roles ? "role" : "grant";
    buffer_format(&world->log, "%s %s\n", http_method_name(asked->method), what);
    if (asked->method == HTTP_PUT && world->unknown_principals > 0) {
        world->unknown_principals--;
        world_refuse(out, 400, "PrincipalNotFound", "it does not exist in the directory");
        return;
    }
    if (found)
        cJSON_Delete(cJSON_DetachItemViaPointer(list, found));
    if (asked->method != HTTP_PUT) {
        world_answer(out, found ? 200 : 204, NULL);
        return;
    }
    body = world_parse(asked->body);
    path = path ? path + strlen("//plane") : asked->target;
    char *id = text_dup_size(path, strcspn(path, "?"));
    char *scope = text_dup_size(path, (size_t)(type - path));
    json_put_string(body, "id", id);
    json_put_string(body, "name", guid);
    if (!roles)
        json_put_string(body, "properties.scope", scope);
    free(id);
    free(scope);
    cJSON_AddItemToArray(list, cJSON_Duplicate(body, true));
    world_answer(out, 201, body);
}

static inline void world_answers(struct fake *fake, const struct asked *asked, struct answer *out,
                                 void *arg)
{
    struct world *world = arg;
    const char *computes = strstr(asked->target, "/computes");
    (void)fake;
    out->delay_ms = world->delay_ms;
    if (strstr(asked->target, "/groups"))
        world_answer(
            out, 200,
            world_parse("{\"value\":[{\"id\":\"" WORLD_TEAM "\",\"displayName\":\"team\"}]}"));
    else if (strstr(asked->target, "/users"))
        world_users(out);
    else if (strstr(asked->target, "/vmSizes"))
        world_sizes(out);
    else if (strstr(asked->target, "/usages"))
        world_usages(world, out);
    else if (strstr(asked->target, "Microsoft.Authorization"))
        world_access(world, asked, out);
    else if (strstr(asked->target, "/checkComputeNameAvailability"))
        world_name(world, asked->body, out);
    else if (computes && computes[strlen("/computes")] == '/')
        world_compute(world, asked, computes + strlen("/computes/"), out);
    else if (computes)
        world_list(world, asked->target, out);
    else
        world_answer(out, 200, world_parse("{\"name\":\"w\",\"location\":\"westeurope\"}"));
}

/* `computes`: JSON text of an array, or NULL. */
static inline void world_start(struct world *world, const char *computes)
{
    const struct arm_client_options options = { .in_flight_max = 1000 };
    *world = (struct world) { .computes = computes ? world_parse(computes) : cJSON_CreateArray(),
                              .roles = cJSON_CreateArray(),
                              .assignments = cJSON_CreateArray() };
    fake_start(&world->fake, &options, "http://plane");
    world->fake.fn = world_answers;
    world->fake.arg = world;
}

static inline void world_stop(struct world *world)
{
    plan_free(world->plan);
    fake_stop(&world->fake);
    cJSON_Delete(world->computes);
    cJSON_Delete(world->roles);
    cJSON_Delete(world->assignments);
    buffer_clear(&world->log);
}

static inline struct plan_target world_target(void)
{
    return (struct plan_target) {
        .subscription = "s", .group = "g", .workspace = "w", .tenant = WORLD_TENANT
    };
}

static inline int world_plan_for(struct world *world, const cJSON *document, const char *replace,
                                 bool destroy, struct error *err)
{
    const char *names[] = { replace };
    const struct plan_request request = { .document = document,
                                          .target = world_target(),
                                          .destroy = destroy,
                                          .replace = names,
                                          .replace_count = replace ? 1 : 0 };
    plan_free(world->plan);
    world->plan = NULL;
    return plan_make_wait(world->fake.client, &request, &world->plan, err);
}

/* Plans, and fails the test when that cannot be done. */
static inline const struct plan *world_plan(struct world *world, const cJSON *document)
{
    struct error err = { 0 };
    if (world_plan_for(world, document, NULL, false, &err) < 0)
        fail_msg("planning: %s", err.message);
    return world->plan;
}

/* "create ds-ada; update ds-grace(size, tags)!blocked; " of everything that changes. */
static inline char *world_steps(const struct plan *plan)
{
    struct buffer text = { 0 };
    char *out = NULL;
    for (size_t i = 0; i < plan_step_count(plan); i++) {
        const struct plan_step *step = plan_step(plan, i);
        if (step->action == PLAN_UNCHANGED)
            continue;
        buffer_format(&text, "%s %s", plan_action_name(step->action), step->name);
        for (size_t k = 0; k < step->reason_count; k++)
            buffer_format(&text, "%s%s", k ? "," : ":", step->reasons[k].field);
        buffer_format(&text, "%s; ", step->blocked ? "!" : "");
    }
    (void)buffer_detach(&text, &out, NULL, NULL);
    return out;
}

static inline void assert_steps(const struct plan *plan, const char *expected)
{
    char *steps = world_steps(plan);
    if (!text_equal(steps, expected))
        fail_msg("the plan is '%s', not '%s'", steps, expected);
    free(steps);
}

/* All problems, a line each: "file:line: message". */
static inline char *world_problems(const struct plan *plan)
{
    struct buffer text = { 0 };
    size_t count;
    char *out = NULL;
    const struct plan_problem *problems = plan_problems(plan, &count);
    for (size_t i = 0; i < count; i++)
        buffer_format(&text, "%s:%d: %s\n", problems[i].file ? problems[i].file : "-",
                      problems[i].line, problems[i].message);
    (void)buffer_detach(&text, &out, NULL, NULL);
    return out;
}

/* The findings of one check, a line each: "failure file:line: message". */
static inline char *world_checks(const struct plan *plan, const char *name)
{
    struct buffer text = { 0 };
    size_t count;
    char *out = NULL;
    const struct plan_check *checks = plan_checks(plan, &count);
    for (size_t i = 0; i < count; i++)
        if (text_equal(checks[i].name, name))
            buffer_format(&text, "%s %s:%d: %s\n", plan_check_status_name(checks[i].status),
                          checks[i].file ? checks[i].file : "-", checks[i].line, checks[i].message);
    (void)buffer_detach(&text, &out, NULL, NULL);
    return out;
}

/* A document with these declarations (JSON of the array's inside). */
static inline cJSON *world_document(const char *fleet_fields, const char *declarations)
{
    char *text =
        text_format("{\"recipe\":\"r.lua\",\"fleet\":{\"name\":\"ds\",\"fields\":%s,"
                    "\"at\":{\"file\":\"r.lua\",\"line\":1}},\"declarations\":[%s],"
                    "\"scripts\":[{\"path\":\"setup/a.sh\",\"text\":\"#!/bin/sh\\necho $1\\n\","
                    "\"args\":[\"one\",\"two three\"],\"timeout\":\"20m\"}],"
                    "\"outputs\":[{\"name\":\"instances\",\"value\":3}],\"problems\":[]}",
                    fleet_fields, declarations);
    cJSON *document = world_parse(text);
    free(text);
    return document;
}

/* One declaration at line `LINE`, to be joined by commas. */
#define DECLARED(NAME, LINE, FIELDS)                                                               \
    "{\"type\":\"instance\",\"name\":\"" NAME "\",\"fields\":{" FIELDS                             \
    "},\"at\":{\"file\":\"r.lua\",\"line\":" #LINE "}}"

/* A listed instance. */
#define LISTED(NAME, TAGS, STATE, INNER)                                                           \
    "{\"name\":\"" NAME "\",\"location\":\"westeurope\",\"tags\":{" TAGS                           \
    "},\"properties\":{\"computeType\":\"ComputeInstance\",\"provisioningState\":\"Succeeded\","   \
    "\"properties\":{\"state\":\"" STATE "\",\"vmSize\":\"STANDARD_DS3_V2\"" INNER "}}}"

#define OURS "\"moonfleet-fleet\":\"ds\""
#define SIZE "\"size\":\"Standard_DS3_v2\""

#endif
