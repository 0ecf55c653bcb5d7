/* instance_list.c - list and show. */
#include "cli/instances.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/text.h"
#include "model/schema.h"
#include "model/vm_sizes.h"

/* ---- shared ---- */

static enum style state_style(const char *state)
{
    static const struct {
        const char *state;
        enum style style;
    } styles[] = {
        { "Running", STYLE_GREEN },   { "JobRunning", STYLE_GREEN },
        { "Stopped", STYLE_DIM },     { "CreateFailed", STYLE_RED },
        { "SetupFailed", STYLE_RED }, { "UserSetupFailed", STYLE_RED },
        { "Unusable", STYLE_RED },    { "Unknown", STYLE_RED },
    };
    for (size_t i = 0; i < COUNT(styles); i++)
        if (text_equal(styles[i].state, state))
            return styles[i].style;
    return STYLE_YELLOW; /* on the way from one to another */
}

static void age_of(const struct instance *instance, char *out, size_t out_size)
{
    if (instance->created_ms > 0)
        output_age(instance->created_ms, clock_unix_ms(clock_real()), out, out_size);
    else
        (void)text_copy(out, out_size, "-");
}

/* "PT90M" as "1h30m"; what is no duration as it is. */
static const char *idle_of(const struct instance *instance, char *out, size_t out_size)
{
    const char *text =
        json_string(instance->body, "properties.properties.idleTimeBeforeShutdown", NULL);
    int64_t seconds = 0;
    if (text && duration_parse(text, &seconds, NULL) == 0)
        duration_text(seconds, out, out_size);
    else
        (void)text_copy(out, out_size, text ? text : "-");
    return out;
}

/* ---- list ---- */

static int list_table(const struct output *output, const struct instances *list, struct error *err)
{
    static const char *const headings[] = { "NAME",  "STATE", "SIZE", "PERSON",
                                            "FLEET", "IDLE",  "AGE",  NULL };
    struct table *table = table_new(output, headings);
    for (size_t i = 0; table && i < list->count; i++) {
        const struct instance *instance = &list->items[i];
        char age[DURATION_TEXT_SIZE], idle[DURATION_TEXT_SIZE];
        age_of(instance, age, sizeof age);
        table_row(table);
        table_cell(table, instance->name, STYLE_BOLD);
        table_cell(table, instance->state, state_style(instance->state));
        table_cell(table, instance->size, STYLE_PLAIN);
        table_cell(table, instance->person, STYLE_PLAIN);
        table_cell(table, instance->fleet, STYLE_PLAIN);
        table_cell(table, idle_of(instance, idle, sizeof idle), STYLE_PLAIN);
        table_cell(table, age, STYLE_PLAIN);
    }
    return table_print(table, err);
}

static void list_json(struct output *output, const struct instances *list)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *rows = cJSON_AddArrayToObject(document, "instances");
    for (size_t i = 0; i < list->count; i++)
        cJSON_AddItemToArray(rows, instance_json(&list->items[i]));
    output_json(output, document);
}

static int run_list(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct instances list = { 0 };
    struct instance_filter filter = { 0 };
    char *me = NULL;
    int rc = session_open(invocation, &session, err);
    if (rc == 0)
        rc = instance_filter_of(invocation, session, &filter, &me, err);
    filter.created_too = true;
    if (rc == 0)
        rc = instances_list(session, &filter, &list, err);
    if (rc == 0 && !filter.fleet && !filter.state && !filter.person_id)
        rc = instances_check_names(session, &filter, &list, err);
    if (rc == 0) {
        instances_name_people(session, &list);
        if (invocation->output->json)
            list_json(invocation->output, &list);
        else if (list.count == 0)
            output_note(invocation->output, "no instances\n");
        else
            rc = list_table(invocation->output, &list, err);
    }
    instances_clear(&list);
    session_free(session);
    free(me);
    return rc;
}

/* ---- show ---- */

#define LABEL_WIDTH 15

static void line(const struct output *output, const char *label, const char *text)
{
    char safe[1024];
    if (text && *text)
        output_print(output, "%-*s %s\n", LABEL_WIDTH, label, output_safe(safe, sizeof safe, text));
}

/* A text of several lines: an error with the end of a log. */
static void lines(const struct output *output, const char *label, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        char *one = text_dup_size(text, size);
        line(output, label, one);
        free(one);
        label = "";
        text += size + (text[size] == '\n');
    }
}

static void show_size(const struct output *output, const struct instance *instance)
{
    const struct vm_size *size = instance->size ? vm_size_find(instance->size) : NULL;
    char text[256];
    if (size)
        (void)snprintf(text, sizeof text, "%s (%d vCPUs, %g GB)", instance->size, size->cores,
                       (double)size->memory_mib / 1024.0);
    else
        (void)snprintf(text, sizeof text, "%s", instance->size ? instance->size : "");
    line(output, "size", text);
}

static void show_operation(const struct output *output, const struct instance *instance)
{
    const cJSON *operation = json_at(instance->body, "properties.properties.lastOperation");
    char text[256], age[DURATION_TEXT_SIZE] = "";
    int64_t at_ms = 0;
    if (!operation)
        return;
    if (time_parse(json_string(operation, "operationTime", ""), &at_ms) == 0)
        output_age(at_ms, clock_unix_ms(clock_real()), age, sizeof age);
    (void)snprintf(text, sizeof text, "%s, %s, by %s%s%s",
                   json_string(operation, "operationName", "?"),
                   json_string(operation, "operationStatus", "?"),
                   json_string(operation, "operationTrigger", "?"), age[0] ? ", " : "", age);
    line(output, "last operation", text);
}

static void show_schedules(const struct output *output, const struct instance *instance)
{
    const cJSON *schedule = NULL;
    cJSON_ArrayForEach(schedule,
                       json_at(instance->body, "properties.properties.schedules.computeStartStop"))
    {
        char text[512];
        const char *type =
            text_equal_nocase(json_string(schedule, "triggerType", "Cron"), "Recurrence")
                ? "recurrence"
                : "cron";
        const cJSON *when = json_at(schedule, type);
        (void)snprintf(text, sizeof text, "%s %s %s (%s)", json_string(schedule, "action", "?"),
                       json_string(when, "expression", json_string(when, "frequency", "?")),
                       json_string(when, "timeZone", "UTC"),
                       json_string(schedule, "status", "Enabled"));
        line(output, "schedule", text);
    }
}

static void show_members(const struct output *output, const struct instance *instance)
{
    const cJSON *item = NULL;
    char text[1024];
    cJSON_ArrayForEach(item, json_at(instance->body, "tags"))
    {
        (void)snprintf(text, sizeof text, "%s=%s", item->string,
                       cJSON_IsString(item) ? item->valuestring : "?");
        line(output, "tag", text);
    }
    cJSON_ArrayForEach(item, json_at(instance->body, "properties.properties.applications"))
    {
        (void)snprintf(text, sizeof text, "%s  %s", json_string(item, "displayName", "?"),
                       json_string(item, "endpointUri", "-"));
        line(output, "application", text);
    }
    cJSON_ArrayForEach(item, json_at(instance->body, "properties.provisioningErrors"))
    {
        lines(output, "error",
              json_string(item, "error.message", json_string(item, "message", "?")));
    }
}

static void show_text(const struct output *output, const struct instance *instance)
{
    char age[DURATION_TEXT_SIZE], idle[DURATION_TEXT_SIZE];
    age_of(instance, age, sizeof age);
    line(output, "name", instance->name);
    line(output, "state", instance->state);
    line(output, "provisioning", json_string(instance->body, "properties.provisioningState", NULL));
    show_size(output, instance);
    line(output, "assigned to", instance->assigned);
    line(output, "created by", instance->creator);
    line(output, "fleet", instance->fleet);
    line(output, "description", json_string(instance->body, "properties.description", NULL));
    line(output, "location", json_string(instance->body, "location", NULL));
    line(output, "age", age);
    line(output, "idle shutdown", idle_of(instance, idle, sizeof idle));
    show_schedules(output, instance);
    show_operation(output, instance);
    show_members(output, instance);
    line(output, "id", json_string(instance->body, "id", NULL));
}

static int run_show(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct instances list = { 0 };
    struct workspace_ref workspace;
    struct computes_request request = { 0 };
    cJSON *body = NULL;
    int rc = session_open(invocation, &session, err);
    if (rc == 0)
        rc = session_workspace(session, &workspace, err);
    if (rc == 0)
        rc = computes_get(&request, &workspace, invocation->arguments[0], err);
    if (rc == 0)
        rc = arm_wait(session_client(session), &request.arm, &body, err);
    computes_request_clear(&request);
    if (rc == 0 && !body)
        rc = error_set(err, ERROR_REMOTE, "the plane gave an empty answer");
    if (rc == 0)
        rc = instances_add(&list, body, err);
    if (rc == 0) {
        instances_name_people(session, &list);
        if (invocation->output->json) {
            cJSON *document = instance_json(&list.items[0]);
            cJSON_AddItemToObject(document, "resource", cJSON_Duplicate(body, true));
            output_json(invocation->output, document);
        } else {
            show_text(invocation->output, &list.items[0]);
        }
    }
    instances_clear(&list);
    session_free(session);
    return rc;
}

/* ---- rows ---- */

static const struct option_row list_options[] = {
    { "fleet", 0, "NAME", "only the instances of this fleet", COMPLETES_NOTHING, NULL },
    { "state", 0, "STATE", "only those in this state", COMPLETES_WORDS,
      "Running Stopped Creating Starting Stopping UserSetupFailed" },
    { "mine", 0, NULL, "only those that I created, or that are assigned to me", COMPLETES_NOTHING,
      NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_list = {
    .name = "list",
    .arguments = "[NAME|GLOB]…",
    .arguments_max = -1,
    .summary = "the instances of the workspace",
    .details = "PERSON is whose it is: the one it is assigned to, else who created it.\n"
               "--json: "
               "{\"instances\":[{\"name\",\"state\",\"provisioningState\",\"size\",\"person\","
               "\"personId\",\n"
               "\"createdBy\",\"createdById\",\"assignedTo\",\"assignedToId\",\n"
               "\"fleet\",\"location\",\"created\",\"idleShutdown\",\"schedules\","
               "\"lastOperation\",\"tags\",\"id\"}]},\n"
               "sorted by name; what is unknown is null.",
    .examples = "moonfleet list\n"
                "moonfleet list 'ds-*' --state Running\n"
                "moonfleet list --mine --json",
    .options = list_options,
    .needs = NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_list,
};

const struct command command_show = {
    .name = "show",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "everything about one instance",
    .details = "--json: the members of 'list --json', and the whole resource as 'resource'.",
    .examples = "moonfleet show ds-ada",
    .needs = NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_show,
};
