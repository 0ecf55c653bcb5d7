/* instances.c - what the plane lists, read, filtered and sorted. */
#include "cli/instances.h"

#include <fnmatch.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/schema.h"
#include "model/vm_sizes.h"

#define PEOPLE_BATCH 1000 /* ids in one getByIds: Graph's limit */

bool instance_name_is_glob(const char *name)
{
    return strpbrk(name, "*?[") != NULL;
}

void instances_clear(struct instances *list)
{
    for (size_t i = 0; i < list->count; i++)
        cJSON_Delete(list->items[i].body);
    free(list->items);
    cJSON_Delete(list->people);
    *list = (struct instances) { 0 };
}

static void read_body(struct instance *out, cJSON *body)
{
    const char *created = json_string(body, "properties.createdOn", NULL);
    const char *assigned = json_string(
        body, "properties.properties.personalComputeInstanceSettings.assignedUser.objectId", NULL);
    const char *creator = json_string(body, "properties.properties.createdBy.userId", NULL);
    *out = (struct instance) {
        .body = body,
        .name = json_string(body, "name", "?"),
        .state = json_string(body, "properties.properties.state",
                             json_string(body, "properties.provisioningState", "Unknown")),
        .size = json_string(body, "properties.properties.vmSize", NULL),
        .fleet = schema_tag(body, TAG_FLEET),
        .assigned_id = assigned,
        .creator_id = creator,
        .person_id = assigned ? assigned : creator,
        .assigned = assigned,
        .creator = json_string(body, "properties.properties.createdBy.userName", creator),
    };
    /* the service shouts sizes: the spelling of recipes reads better */
    const struct vm_size *size = vm_size_find(out->size);
    if (size)
        out->size = size->name;
    out->person = assigned ? out->assigned : out->creator;
    if (created)
        (void)time_parse(created, &out->created_ms);
}

int instances_add(struct instances *list, cJSON *body, struct error *err)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct instance *items = realloc(list->items, capacity * sizeof *items);
        if (!items) {
            cJSON_Delete(body);
            return error_set(err, ERROR_NO_MEMORY, "no memory");
        }
        list->items = items;
        list->capacity = capacity;
    }
    read_body(&list->items[list->count++], body);
    return 0;
}

/* ---- filters ---- */

static bool name_passes(const struct instance_filter *filter, const char *name)
{
    for (size_t i = 0; i < filter->name_count; i++)
        if (fnmatch(filter->names[i], name, FNM_CASEFOLD) == 0)
            return true;
    return filter->name_count == 0;
}

static bool person_passes(const struct instance_filter *filter, const struct instance *instance)
{
    return !filter->person_id || text_equal_nocase(filter->person_id, instance->person_id) ||
           (filter->created_too && text_equal_nocase(filter->person_id, instance->creator_id));
}

static bool passes(const struct instance_filter *filter, const struct instance *instance)
{
    return name_passes(filter, instance->name) &&
           (!filter->fleet || text_equal_nocase(filter->fleet, instance->fleet)) &&
           (!filter->state || text_equal_nocase(filter->state, instance->state)) &&
           person_passes(filter, instance);
}

int instance_filter_of(const struct invocation *invocation, struct session *session,
                       struct instance_filter *out, char **out_me, struct error *err)
{
    *out = (struct instance_filter) {
        .names = invocation->arguments,
        .name_count = invocation->argument_count,
        .fleet = invocation_value(invocation, "fleet", NULL),
        .state = invocation_value(invocation, "state", NULL),
    };
    if (!invocation_flag(invocation, "mine"))
        return 0;
    int rc = session_me(session, out_me, err);
    out->person_id = rc == 0 ? *out_me : NULL;
    return rc;
}

/* ---- listing ---- */

/* One list call as it runs. */
struct listing {
    const struct instance_filter *filter;
    struct instances *out;
    struct error *err; /* may be NULL */
    int rc;
    bool over;
};

static int on_page(const cJSON *items, void *arg, struct error *err)
{
    struct listing *listing = arg;
    const cJSON *item = NULL;
    int rc = 0;
    cJSON_ArrayForEach(item, items)
    {
        struct instance view;
        read_body(&view, (cJSON *)item);
        if (rc < 0 || !instance_is(item) || !passes(listing->filter, &view))
            continue;
        cJSON *copy = cJSON_Duplicate(item, true);
        rc = copy ? instances_add(listing->out, copy, err)
                  : error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const struct instance *left = a, *right = b;
    return text_compare_nocase(left->name, right->name);
}

static void on_listed(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct listing *listing = arg;
    (void)reply;
    listing->rc = rc;
    if (rc < 0 && listing->err)
        *listing->err = *err;
    listing->over = true;
}

int instances_list(struct session *session, const struct instance_filter *filter,
                   struct instances *out, struct error *err)
{
    struct instances list = { 0 };
    struct listing listing = { .filter = filter, .out = &list, .err = err };
    struct workspace_ref workspace;
    struct computes_request request = { 0 };
    int rc = session_workspace(session, &workspace, err);
    if (rc == 0)
        rc = computes_list(&request, &workspace, err);
    if (rc < 0)
        return rc;
    request.arm.on_page = on_page;
    rc = arm_send(session_client(session), &request.arm, on_listed, &listing, NULL, err);
    computes_request_clear(&request);
    if (rc == 0)
        rc = loop_run_until(session_loop(session), &listing.over);
    if (rc == 0)
        rc = listing.rc;
    if (rc < 0) {
        instances_clear(&list);
        return rc;
    }
    if (list.count > 1)
        qsort(list.items, list.count, sizeof *list.items, by_name);
    *out = list;
    return 0;
}

/* ---- people ---- */

/* Asks for the persons of `ids` (taken): their rows are an array, or NULL. */
static cJSON *ask_people(struct session *session, cJSON *ids)
{
    cJSON *body = cJSON_CreateObject(), *reply = NULL;
    cJSON *types = cJSON_AddArrayToObject(body, "types");
    cJSON_AddItemToArray(types, cJSON_CreateString("user"));
    cJSON_AddItemToArray(types, cJSON_CreateString("servicePrincipal"));
    cJSON_AddItemToObject(body, "ids", ids);
    const struct arm_request request = { .method = HTTP_POST,
                                         .path = "/" API_GRAPH "/directoryObjects/getByIds",
                                         .body = body,
                                         .idempotent = true };
    (void)arm_wait(session_client(session), &request, &reply, NULL);
    cJSON *rows = cJSON_DetachItemFromObjectCaseSensitive(reply, "value");
    cJSON_Delete(reply);
    cJSON_Delete(body);
    return rows;
}

/* A place that is to show somebody's name. */
struct named {
    const char *id;        /* borrowed */
    const char **out_name; /* in an instance */
};

static int by_id(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    return text_compare_nocase(left->id, right->id);
}

static int id_to_named(const void *id, const void *named)
{
    return text_compare_nocase(id, ((const struct named *)named)->id);
}

/* Gives a person's name to all places of theirs among the sorted. */
static void give_name(struct named *sorted, size_t count, const cJSON *person)
{
    const char *id = json_string(person, "id", NULL);
    const char *name =
        json_string(person, "userPrincipalName", json_string(person, "displayName", NULL));
    struct named *found =
        id && name ? bsearch(id, sorted, count, sizeof *sorted, id_to_named) : NULL;
    if (!found)
        return;
    while (found > sorted && text_equal_nocase(found[-1].id, id))
        found--;
    for (; found < sorted + count && text_equal_nocase(found->id, id); found++)
        *found->out_name = name;
}

/* Distinct ids of the sorted from *at on, up to a batch. */
static cJSON *next_batch(const struct named *sorted, size_t count, size_t *at)
{
    cJSON *ids = cJSON_CreateArray();
    const char *previous = NULL;
    int taken = 0;
    for (; *at < count; (*at)++) {
        const char *id = sorted[*at].id;
        if (text_equal_nocase(previous, id))
            continue;
        if (taken++ == PEOPLE_BATCH)
            break;
        cJSON_AddItemToArray(ids, cJSON_CreateString(id));
        previous = id;
    }
    return ids;
}

void instances_name_people(struct session *session, struct instances *list)
{
    struct named *sorted = calloc(2 * list->count + 1, sizeof *sorted);
    size_t count = 0, at = 0;
    list->people = cJSON_CreateArray();
    for (size_t i = 0; sorted && i < list->count; i++) {
        struct instance *instance = &list->items[i];
        if (instance->assigned_id)
            sorted[count++] = (struct named) { instance->assigned_id, &instance->assigned };
        if (instance->creator_id)
            sorted[count++] = (struct named) { instance->creator_id, &instance->creator };
    }
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, by_id);
    while (at < count) {
        cJSON *rows = ask_people(session, next_batch(sorted, count, &at));
        const cJSON *person = NULL;
        cJSON_ArrayForEach(person, rows) give_name(sorted, count, person);
        cJSON_AddItemToArray(list->people, rows);
        if (!rows)
            break; /* a directory that does not answer is not asked again */
    }
    for (size_t i = 0; i < list->count; i++)
        list->items[i].person =
            list->items[i].assigned_id ? list->items[i].assigned : list->items[i].creator;
    free(sorted);
}

/* ---- names ---- */

int instances_check_names(struct session *session, const struct instance_filter *filter,
                          const struct instances *list, struct error *err)
{
    const char *missing = NULL;
    for (size_t i = 0; i < filter->name_count && !missing; i++) {
        bool found = instance_name_is_glob(filter->names[i]);
        for (size_t j = 0; j < list->count && !found; j++)
            found = text_equal_nocase(filter->names[i], list->items[j].name);
        missing = found ? NULL : filter->names[i];
    }
    if (!missing)
        return 0;
    struct instances all = { 0 };
    const struct instance_filter any = { 0 };
    char safe[OUTPUT_SAFE_SIZE];
    output_safe(safe, sizeof safe, missing);
    int rc = instances_list(session, &any, &all, err);
    if (rc < 0)
        return rc;
    const char **names = calloc(all.count + 1, sizeof *names);
    for (size_t i = 0; names && i < all.count; i++)
        names[i] = all.items[i].name;
    const char *near = names ? text_nearest(missing, names, all.count) : NULL;
    if (near)
        rc = error_set(err, ERROR_NOT_FOUND, "there is no instance '%s', did you mean '%s'?", safe,
                       near);
    else
        rc = error_set(err, ERROR_NOT_FOUND, "there is no such instance '%s'", safe);
    free((void *)names);
    instances_clear(&all);
    return rc;
}

/* ---- as data ---- */

/* A member of the body under another name; null when it is not there. */
static void copy_member(cJSON *object, const char *name, const cJSON *body, const char *path)
{
    const cJSON *value = json_at(body, path);
    cJSON_AddItemToObject(object, name, value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
}

cJSON *instance_json(const struct instance *instance)
{
    const cJSON *body = instance->body;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", instance->name);
    cJSON_AddStringToObject(object, "state", instance->state);
    copy_member(object, "provisioningState", body, "properties.provisioningState");
    json_put_string(object, "size", instance->size);
    json_put_string(object, "person", instance->person);
    json_put_string(object, "personId", instance->person_id);
    json_put_string(object, "createdBy", instance->creator);
    json_put_string(object, "createdById", instance->creator_id);
    json_put_string(object, "assignedTo", instance->assigned);
    json_put_string(object, "assignedToId", instance->assigned_id);
    json_put_string(object, "fleet", instance->fleet);
    copy_member(object, "location", body, "location");
    copy_member(object, "created", body, "properties.createdOn");
    copy_member(object, "idleShutdown", body, "properties.properties.idleTimeBeforeShutdown");
    copy_member(object, "schedules", body, "properties.properties.schedules.computeStartStop");
    copy_member(object, "lastOperation", body, "properties.properties.lastOperation");
    copy_member(object, "tags", body, "tags");
    copy_member(object, "id", body, "id");
    return object;
}

int instances_complete(const struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct instances list = { 0 };
    const struct instance_filter any = { 0 };
    struct error quiet = { 0 };
    (void)err;
    if (session_open_running(invocation, &session, &quiet) == 0 &&
        instances_list(session, &any, &list, &quiet) == 0)
        for (size_t i = 0; i < list.count; i++)
            output_print(invocation->output, "%s\n", list.items[i].name);
    instances_clear(&list);
    session_free(session);
    return EXIT_DONE;
}
