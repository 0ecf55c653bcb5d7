/* quota_commands.c - quota, quota set, sizes. */
#include "cli/quota_commands.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <strings.h>

#include "base/text.h"
#include "cli/session.h"
#include "model/vm_sizes.h"

#define CORES_MAX 10000000 /* what "cores" may be told; the plane has limits of its own */
#define TOTAL "total"

/* ---- where ---- */

/* --location, else the workspace's.  *out is the caller's. */
static int find_location(const struct invocation *invocation, struct session *session, char **out,
                         struct error *err)
{
    struct workspace_ref workspace;
    struct computes_request request = { 0 };
    cJSON *body = NULL;
    const char *said = invocation_value(invocation, "location", NULL);
    int rc = session_workspace(session, &workspace, err);
    if (rc == 0 && !said)
        rc = computes_workspace(&request, &workspace, err);
    if (rc == 0 && !said)
        rc = arm_wait(session_client(session), &request.arm, &body, err);
    computes_request_clear(&request);
    if (rc == 0) {
        const char *location = said ? said : json_string(body, "location", NULL);
        *out = location ? strdup(location) : NULL;
        if (!location)
            rc = error_set(err, ERROR_REMOTE, "the workspace does not say where it is");
        else if (!*out)
            rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    cJSON_Delete(body);
    return rc;
}

/* ---- what is used ---- */

enum line_kind { LINE_FAMILY, LINE_TOTAL, LINE_INSTANCES, LINE_OTHER };

/* One line of usages; texts are borrowed from the reply. */
struct line {
    enum line_kind kind;
    const char *name; /* as the plane has it */
    char family[VM_FAMILY_USAGE_SIZE];
    int64_t used, limit; /* limit -1: none */
};

static struct line read_line(const cJSON *usage)
{
    const char *type = json_string(usage, "type", "");
    struct line line = {
        .kind = LINE_OTHER,
        .name = json_string(usage, "name.value", ""),
        .used = json_int(usage, "currentValue", 0),
        .limit = json_int(usage, "limit", -1),
    };
    vm_family_short_name(line.name, line.family, sizeof line.family);
    if (strcasestr(type, "/workspace")) /* what a workspace or a compute has of it */
        return line;
    if (strcasestr(type, "/dedicatedCores/"))
        line.kind = LINE_TOTAL;
    else if (strcasestr(type, "/totalCores/") || text_equal(line.name, "Clusters"))
        line.kind = LINE_INSTANCES;
    else if (strcasestr(type, "/vmFamily/") && strcasestr(line.name, "Dedicated"))
        line.kind = LINE_FAMILY;
    return line;
}

static int fetch_usages(struct session *session, const char *location, cJSON **out,
                        struct error *err)
{
    struct computes_request request;
    int rc = computes_usages(&request, session_context(session)->subscription, location, err);
    if (rc < 0)
        return rc;
    rc = arm_wait(session_client(session), &request.arm, out, err);
    computes_request_clear(&request);
    return rc;
}

/* The first line of that kind (and family, in any of its names); false: there is none. */
static bool find_line(const cJSON *usages, enum line_kind kind, const char *family,
                      struct line *out)
{
    const cJSON *usage;
    cJSON_ArrayForEach(usage, cJSON_GetObjectItemCaseSensitive(usages, "value"))
    {
        struct line line = read_line(usage);
        if (line.kind != kind || (family && !text_equal(vm_family_find(line.name), family) &&
                                  !text_equal_nocase(line.family, family)))
            continue;
        *out = line;
        return true;
    }
    return false;
}

/* ---- quota ---- */

/* Something is used of it, or it is what would stop one first. */
static bool matters(const struct line *line, const struct line *total)
{
    bool tight = line->limit > 0 && total && line->limit < total->limit;
    return line->kind == LINE_FAMILY && (line->used > 0 || tight);
}

static void figure(int64_t number, char *out, size_t out_size)
{
    if (number < 0)
        (void)text_copy(out, out_size, "none");
    else
        (void)snprintf(out, out_size, "%" PRId64, number);
}

static int64_t left_of(const struct line *line)
{
    return line->limit < 0 ? -1 : line->limit > line->used ? line->limit - line->used : 0;
}

static void quota_row(struct table *table, const struct line *line, const char *name)
{
    char used[24], limit[24], left[24];
    int64_t rest = left_of(line);
    figure(line->used, used, sizeof used);
    figure(line->limit, limit, sizeof limit);
    figure(rest, left, sizeof left);
    table_row(table);
    table_cell(table, name, STYLE_BOLD);
    table_cell(table, used, STYLE_PLAIN);
    table_cell(table, limit, STYLE_PLAIN);
    table_cell(table, left, rest == 0 && line->used > 0 ? STYLE_YELLOW : STYLE_PLAIN);
}

static int quota_table(const struct output *output, const cJSON *usages, bool all,
                       struct error *err)
{
    static const char *const headings[] = { "FAMILY", "USED", "LIMIT", "LEFT", NULL };
    struct table *table = table_new(output, headings);
    struct line total = { 0 }, line = { 0 };
    bool has_total = find_line(usages, LINE_TOTAL, NULL, &total);
    const cJSON *usage;
    cJSON_ArrayForEach(usage, cJSON_GetObjectItemCaseSensitive(usages, "value"))
    {
        line = read_line(usage);
        if (table && line.kind == LINE_FAMILY && (all || matters(&line, has_total ? &total : NULL)))
            quota_row(table, &line, line.family);
    }
    if (table && has_total)
        quota_row(table, &total, TOTAL " cores");
    if (table && find_line(usages, LINE_INSTANCES, NULL, &line))
        quota_row(table, &line, "instances");
    return table_print(table, err);
}

static cJSON *line_json(const struct line *line)
{
    cJSON *object = cJSON_CreateObject();
    const char *family = vm_family_find(line->name);
    if (line->kind == LINE_FAMILY)
        cJSON_AddStringToObject(object, "family", family ? family : line->family);
    cJSON_AddStringToObject(object, "name", line->name);
    cJSON_AddNumberToObject(object, "used", (double)line->used);
    json_put(object, "limit",
             line->limit < 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)line->limit));
    json_put(object, "left",
             line->limit < 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)left_of(line)));
    return object;
}

static void quota_json(struct output *output, const cJSON *usages, const char *location)
{
    cJSON *document = cJSON_CreateObject();
    struct line line = { 0 };
    const cJSON *usage;
    cJSON_AddStringToObject(document, "location", location);
    cJSON *families = cJSON_AddArrayToObject(document, "families");
    cJSON_ArrayForEach(usage, cJSON_GetObjectItemCaseSensitive(usages, "value"))
    {
        line = read_line(usage);
        if (line.kind == LINE_FAMILY)
            cJSON_AddItemToArray(families, line_json(&line));
    }
    if (find_line(usages, LINE_TOTAL, NULL, &line))
        cJSON_AddItemToObject(document, "total", line_json(&line));
    if (find_line(usages, LINE_INSTANCES, NULL, &line))
        cJSON_AddItemToObject(document, "instances", line_json(&line));
    output_json(output, document);
}

static int run_quota(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    char *location = NULL;
    cJSON *usages = NULL;
    int rc = session_open(invocation, &session, err);
    if (rc == 0)
        rc = find_location(invocation, session, &location, err);
    if (rc == 0)
        rc = fetch_usages(session, location, &usages, err);
    if (rc == 0 && invocation->output->json)
        quota_json(invocation->output, usages, location);
    else if (rc == 0)
        rc = quota_table(invocation->output, usages, invocation_flag(invocation, "all"), err);
    cJSON_Delete(usages);
    free(location);
    session_free(session);
    return rc;
}

/* ---- quota set ---- */

/* Names for a "did you mean": families as people say them. */
static int unknown_family(const char *said, struct error *err)
{
    size_t count = 0, used = 0;
    const struct vm_size *sizes = vm_sizes(&count);
    char(*shorts)[VM_FAMILY_USAGE_SIZE] = calloc(count, sizeof *shorts);
    const char **names = calloc(2 * count + 1, sizeof *names);
    char safe[OUTPUT_SAFE_SIZE], wanted[VM_FAMILY_USAGE_SIZE];
    vm_family_short_name(said, wanted, sizeof wanted);
    for (size_t i = 0; shorts && names && i < count; i++) {
        vm_family_short_name(sizes[i].family, shorts[i], sizeof shorts[i]);
        names[used++] = shorts[i];
        names[used++] = sizes[i].name;
    }
    if (names)
        names[used++] = TOTAL;
    const char *near = names ? text_nearest(said, names, used) : NULL;
    if (!near && names)
        near = text_nearest(wanted, names, used);
    output_safe(safe, sizeof safe, said);
    int rc = near ? error_set(err, ERROR_NOT_FOUND,
                              "there is no VM family '%s', did you mean '%s'?", safe, near)
                  : error_set(err, ERROR_NOT_FOUND,
                              "there is no VM family '%s': say a family, a size or '" TOTAL
                              "' ('moonfleet sizes' lists them)",
                              safe);
    free((void *)names);
    free(shorts);
    return rc;
}

static int read_cores(const char *text, int64_t *out, struct error *err)
{
    char safe[OUTPUT_SAFE_SIZE];
    if (text_to_int64(text, 0, CORES_MAX, out) == 0)
        return 0;
    return error_set(err, ERROR_USAGE, "CORES is a whole number from 0 to %d, not '%s'", CORES_MAX,
                     output_safe(safe, sizeof safe, text));
}

/* The one line of the request: ids as the list of quotas has them. */
static cJSON *update_of(const struct session *session, const struct line *line, int64_t cores)
{
    const char *subscription = session_context(session)->subscription;
    char name[VM_FAMILY_USAGE_SIZE];
    cJSON *value = cJSON_CreateArray(), *update = cJSON_CreateObject();
    (void)text_copy(name, sizeof name, line->name);
    for (char *at = name; *at; at++)
        if (*at == ' ')
            *at = '_';
    char *id = line->kind == LINE_TOTAL
                   ? text_format("/subscriptions/%s/quotas", subscription)
                   : text_format("/subscriptions/%s/quotas/%s", subscription, name);
    if (id)
        cJSON_AddStringToObject(update, "id", id);
    cJSON_AddStringToObject(update, "type",
                            line->kind == LINE_TOTAL
                                ? "Microsoft.MachineLearningServices/dedicatedCores/quotas"
                                : "Microsoft.MachineLearningServices/vmFamily/quotas");
    cJSON_AddNumberToObject(update, "limit", (double)cores);
    cJSON_AddStringToObject(update, "unit", "Count");
    cJSON_AddItemToArray(value, update);
    free(id);
    return value;
}

/* What a status of updateQuotas other than Success means. */
static int refused(const struct line *line, const struct line *total, int64_t cores,
                   const char *status, struct error *err)
{
    const char *what = line->kind == LINE_TOTAL ? TOTAL : line->family;
    int rc;
    if (text_equal(status, "InvalidQuotaBelowClusterMinimum"))
        rc = error_set(err, ERROR_REMOTE,
                       "%s: %" PRId64 " cores are fewer than the %" PRId64
                       " that are in use; delete instances first",
                       what, cores, line->used);
    else if (text_equal(status, "InvalidQuotaExceedsSubscriptionLimit") && total)
        rc = error_set(err, ERROR_REMOTE,
                       "%s: %" PRId64 " cores are more than the total of %" PRId64
                       "; raise that first: moonfleet quota set " TOTAL " %" PRId64,
                       what, cores, total->limit, cores);
    else
        rc = error_set(err, ERROR_REMOTE, "%s: the service does not set this limit", what);
    if (err)
        (void)text_copy(err->name, sizeof err->name, status);
    return rc;
}

static int send_update(struct session *session, const char *location, const struct line *line,
                       const struct line *total, int64_t cores, struct error *err)
{
    struct computes_request request;
    cJSON *reply = NULL, *value = update_of(session, line, cores);
    int rc = computes_update_quotas(&request, session_context(session)->subscription, location,
                                    value, err);
    cJSON_Delete(value);
    if (rc < 0)
        return rc;
    rc = arm_wait(session_client(session), &request.arm, &reply, err);
    computes_request_clear(&request);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(reply, "value"), 0);
    const char *status = json_string(first, "status", "Undefined");
    if (rc == 0 && !text_equal(status, "Success"))
        rc = refused(line, total, cores, status, err);
    cJSON_Delete(reply);
    return rc;
}

static void say_set(struct output *output, const char *location, const struct line *line,
                    int64_t cores)
{
    struct line after = *line;
    after.limit = cores;
    if (output->json) {
        cJSON *document = line_json(&after);
        cJSON_AddStringToObject(document, "location", location);
        json_put(document, "before",
                 line->limit < 0 ? cJSON_CreateNull() : cJSON_CreateNumber((double)line->limit));
        output_json(output, document);
        return;
    }
    output_print(output, "%s: %" PRId64 " cores in %s, %" PRId64 " used, %" PRId64 " left\n",
                 line->kind == LINE_TOTAL ? TOTAL : line->family, cores, location, line->used,
                 left_of(&after));
}

static int run_quota_set(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    char *location = NULL;
    cJSON *usages = NULL;
    const char *said = invocation->arguments[0];
    bool whole = text_equal_nocase(said, TOTAL);
    const char *family = vm_family_find(said);
    struct line line = { 0 }, total = { 0 };
    int64_t cores = 0;
    int rc = read_cores(invocation->arguments[1], &cores, err);
    if (rc == 0 && !whole && !family)
        rc = unknown_family(said, err);
    if (rc == 0)
        rc = session_open(invocation, &session, err);
    if (rc == 0)
        rc = find_location(invocation, session, &location, err);
    if (rc == 0)
        rc = fetch_usages(session, location, &usages, err);
    if (rc == 0 && !find_line(usages, whole ? LINE_TOTAL : LINE_FAMILY, family, &line))
        rc = error_set(err, ERROR_NOT_FOUND, "%s has no quota of its own in %s",
                       whole ? TOTAL : family, location);
    if (rc == 0) {
        bool has_total = find_line(usages, LINE_TOTAL, NULL, &total);
        rc = send_update(session, location, &line, has_total ? &total : NULL, cores, err);
    }
    if (rc == 0)
        say_set(invocation->output, location, &line, cores);
    cJSON_Delete(usages);
    free(location);
    session_free(session);
    return rc;
}

/* ---- sizes ---- */

/* Texts are borrowed from the reply. */
struct size_row {
    const char *name, *family;
    int64_t cores, gpus;
    double memory_gb, price; /* of an hour; 0: not known */
    const char *currency;
};

static struct size_row read_size(const cJSON *item)
{
    struct size_row row = {
        .name = json_string(item, "name", "?"),
        .family = json_string(item, "family", "?"),
        .cores = json_int(item, "vCPUs", 0),
        .gpus = json_int(item, "gpus", 0),
        .currency = json_string(item, "estimatedVMPrices.billingCurrency", "USD"),
    };
    const cJSON *memory = json_at(item, "memoryGB"), *price;
    row.memory_gb = cJSON_IsNumber(memory) ? memory->valuedouble : 0;
    cJSON_ArrayForEach(price, json_at(item, "estimatedVMPrices.values"))
    {
        const cJSON *retail = json_at(price, "retailPrice");
        if (cJSON_IsNumber(retail) &&
            text_equal_nocase(json_string(price, "osType", "Linux"), "Linux") &&
            text_equal_nocase(json_string(price, "vmTier", "Standard"), "Standard"))
            row.price = retail->valuedouble;
    }
    return row;
}

static bool size_passes(const struct invocation *invocation, const char *family,
                        const struct size_row *row)
{
    bool named = invocation->argument_count == 0;
    for (size_t i = 0; i < invocation->argument_count && !named; i++)
        named = fnmatch(invocation->arguments[i], row->name, FNM_CASEFOLD) == 0;
    return named && (!invocation_flag(invocation, "gpu") || row->gpus > 0) &&
           (!family || text_equal_nocase(family, row->family));
}

static void size_cells(struct table *table, const struct size_row *row)
{
    char family[VM_FAMILY_USAGE_SIZE], text[64];
    vm_family_short_name(row->family, family, sizeof family);
    table_row(table);
    table_cell(table, row->name, STYLE_BOLD);
    table_cell(table, family, STYLE_PLAIN);
    (void)snprintf(text, sizeof text, "%" PRId64, row->cores);
    table_cell(table, text, STYLE_PLAIN);
    (void)snprintf(text, sizeof text, "%g GB", row->memory_gb);
    table_cell(table, text, STYLE_PLAIN);
    (void)snprintf(text, sizeof text, "%" PRId64, row->gpus);
    table_cell(table, row->gpus > 0 ? text : NULL, STYLE_PLAIN);
    (void)snprintf(text, sizeof text, "%.3f %.8s", row->price, row->currency);
    table_cell(table, row->price > 0 ? text : NULL, STYLE_PLAIN);
}

static cJSON *size_json(const struct size_row *row)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", row->name);
    cJSON_AddStringToObject(object, "family", row->family);
    cJSON_AddNumberToObject(object, "vCPUs", (double)row->cores);
    cJSON_AddNumberToObject(object, "memoryGB", row->memory_gb);
    cJSON_AddNumberToObject(object, "gpus", (double)row->gpus);
    json_put(object, "pricePerHour",
             row->price > 0 ? cJSON_CreateNumber(row->price) : cJSON_CreateNull());
    json_put_string(object, "currency", row->price > 0 ? row->currency : NULL);
    return object;
}

static int show_sizes(const struct invocation *invocation, const cJSON *reply, const char *family,
                      const char *location, struct error *err)
{
    static const char *const headings[] = { "NAME", "FAMILY",     "VCPUS", "MEMORY",
                                            "GPUS", "PRICE/HOUR", NULL };
    bool json = invocation->output->json;
    struct table *table = json ? NULL : table_new(invocation->output, headings);
    cJSON *document = json ? cJSON_CreateObject() : NULL;
    cJSON *rows = cJSON_AddArrayToObject(document, "sizes");
    size_t count = 0;
    const cJSON *item;
    cJSON_AddStringToObject(document, "location", location);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(reply, "value"))
    {
        struct size_row row = read_size(item);
        if (!size_passes(invocation, family, &row))
            continue;
        count++;
        if (json)
            cJSON_AddItemToArray(rows, size_json(&row));
        else if (table)
            size_cells(table, &row);
    }
    if (json) {
        output_json(invocation->output, document);
        return 0;
    }
    if (count == 0)
        output_note(invocation->output, "no sizes\n");
    return table_print(table, err);
}

static int run_sizes(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct computes_request request = { 0 };
    char *location = NULL;
    cJSON *reply = NULL;
    const char *said = invocation_value(invocation, "family", NULL);
    const char *family = said ? vm_family_find(said) : NULL;
    int rc = said && !family ? unknown_family(said, err) : session_open(invocation, &session, err);
    if (rc == 0)
        rc = find_location(invocation, session, &location, err);
    if (rc == 0)
        rc = computes_vm_sizes(&request, session_context(session)->subscription, location, err);
    if (rc == 0)
        rc = arm_wait(session_client(session), &request.arm, &reply, err);
    if (rc == 0)
        rc = show_sizes(invocation, reply, family, location, err);
    computes_request_clear(&request);
    cJSON_Delete(reply);
    free(location);
    session_free(session);
    return rc;
}

/* ---- rows ---- */

#define LOCATION_ROW                                                                               \
    {                                                                                              \
        "location", 0, "LOCATION", "another location than the workspace's", COMPLETES_NOTHING,     \
            NULL                                                                                   \
    }
#define LAST_ROW                                                                                   \
    {                                                                                              \
        NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL                                               \
    }

static const struct option_row quota_options[] = {
    { "all", 0, NULL, "every family, also those of which nothing is used", COMPLETES_NOTHING,
      NULL },
    LOCATION_ROW,
    LAST_ROW,
};

const struct command command_quota = {
    .name = "quota",
    .arguments = "",
    .summary = "the cores that are used, and that may be",
    .details = "A stopped instance keeps its cores. Without --all: families of which something is\n"
               "used, or whose limit is below the total's.\n"
               "--json: {\"location\",\"families\":[{\"family\",\"name\",\"used\",\"limit\","
               "\"left\"}],\"total\":{…},\n"
               "\"instances\":{…}} with every family; a limit of null is none.",
    .examples = "moonfleet quota\n"
                "moonfleet quota --all --location northeurope",
    .options = quota_options,
    .needs = NEEDS_PLANE,
    .run = run_quota,
};

static const struct option_row quota_set_options[] = { LOCATION_ROW, LAST_ROW };

const struct command command_quota_set = {
    .name = "quota set",
    .arguments = "FAMILY CORES",
    .arguments_min = 2,
    .arguments_max = 2,
    .summary = "how many cores of a family may be used",
    .details =
        "FAMILY is a VM family (\"DSv2\"), a size of it, or \"total\". On a local plane; the\n"
        "cloud's own limits are raised by a support request.\n"
        "--json: {\"family\",\"name\",\"used\",\"limit\",\"left\",\"location\",\"before\"}.",
    .examples = "moonfleet quota set DSv2 48\n"
                "moonfleet quota set Standard_NC6s_v3 12\tthe family of that size\n"
                "moonfleet quota set total 100",
    .options = quota_set_options,
    .needs = NEEDS_PLANE,
    .run = run_quota_set,
};

static const struct option_row sizes_options[] = {
    { "family", 0, "FAMILY", "only those of this family", COMPLETES_NOTHING, NULL },
    { "gpu", 0, NULL, "only those with a GPU", COMPLETES_NOTHING, NULL },
    LOCATION_ROW,
    LAST_ROW,
};

const struct command command_sizes = {
    .name = "sizes",
    .arguments = "[NAME|GLOB]…",
    .arguments_max = -1,
    .summary = "the VM sizes that the workspace's location offers",
    .details = "Prices are indicative: what the plane tells, without discounts.\n"
               "--json: {\"sizes\":[{\"name\",\"family\",\"vCPUs\",\"memoryGB\",\"gpus\","
               "\"pricePerHour\",\"currency\"}],\"location\"}.",
    .examples = "moonfleet sizes --gpu\n"
                "moonfleet sizes --family DSv2\n"
                "moonfleet sizes 'Standard_DS*'",
    .options = sizes_options,
    .needs = NEEDS_PLANE,
    .run = run_sizes,
};
