/* quota.c - cores: how many are used, how many may be, and setting that.
 *
 * Limits are the seed's until somebody sets one; a limit holds in one location of a subscription.
 * What is used is counted by the store itself (table usages), stopped and failed instances and
 * those that are being made included. */
#include <strings.h>

#include "base/text.h"
#include "model/vm_sizes.h"
#include "plane/plane_private.h"

#define UPDATES_MAX 1000            /* lines of one updateQuotas */
#define LIMIT_MAX INT64_C(10000000) /* cores */
#define TOTAL "total"               /* quotas.name of the whole; else a family */

static int64_t seeded(struct plane *plane, const char *setting)
{
    return store_integer(plane->store, 0,
                         "SELECT CAST(value AS INTEGER) FROM settings WHERE name = ?", "s",
                         setting);
}

int64_t quota_limit(struct plane *plane, const char *subscription, const char *location,
                    const char *family)
{
    return store_integer(plane->store, seeded(plane, family ? "coresPerFamily" : "cores"),
                         "SELECT cores FROM quotas WHERE subscription = ? AND location = ?"
                         " AND name = ?",
                         "sss", subscription, location, family ? family : TOTAL);
}

int64_t quota_clusters_limit(struct plane *plane)
{
    return seeded(plane, "clusters");
}

int64_t quota_used(struct plane *plane, const char *subscription, const char *location,
                   const char *family)
{
    return store_integer(plane->store, 0,
                         "SELECT sum(cores) FROM usages WHERE subscription = ? AND location = ?"
                         " AND (? IS NULL OR family = ?)",
                         "ssss", subscription, location, family, family);
}

int64_t quota_computes(struct plane *plane, const char *subscription, const char *location)
{
    return store_integer(plane->store, 0,
                         "SELECT sum(computes) FROM usages WHERE subscription = ? AND location = ?",
                         "ss", subscription, location);
}

/* ---- lists ---- */

struct row {
    const char *name; /* "Standard DSv2 Family Cluster Dedicated vCPUs" */
    const char *kind; /* "vmFamily" */
    bool whole;       /* the subscription's: its id has no name */
    int64_t used, limit;
};

/* What differs between the two lists is the word in ids and types, and whether use is told. */
static void add_row(struct call *call, const char *word, const struct row *row)
{
    struct buffer text = { 0 };
    char name[VM_FAMILY_USAGE_SIZE];
    text_copy(name, sizeof name, row->name);
    for (char *at = name; *at; at++)
        if (*at == ' ')
            *at = '_';
    buffer_format(
        &text,
        "{\"id\":\"/subscriptions/%s/%s%s%s\",\"type\":\"Microsoft.MachineLearningServices/%s/%s\"",
        call->params.subscription, word, row->whole ? "" : "/", row->whole ? "" : name, row->kind,
        word);
    if (text_equal(word, "usages"))
        buffer_format(&text, ",\"currentValue\":%lld", (long long)row->used);
    buffer_format(
        &text,
        ",\"limit\":%lld,\"name\":{\"value\":\"%s\",\"localizedValue\":\"%s\"},\"unit\":\"Count\"}",
        (long long)row->limit, row->name, row->name);
    answer_list_item(call, text.data ? text.data : "", text.size);
    buffer_clear(&text);
}

static bool seen_before(const struct vm_size *sizes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (text_equal_nocase(sizes[i].family, sizes[index].family))
            return true;
    return false;
}

static void list_rows(struct call *call, const char *word, const char *location)
{
    struct plane *plane = call->plane;
    const char *subscription = call->params.subscription;
    size_t count = 0;
    const struct vm_size *sizes = vm_sizes(&count);
    const struct row clusters = { "Clusters", "totalCores", true,
                                  quota_computes(plane, subscription, location),
                                  quota_clusters_limit(plane) };
    const struct row total = { QUOTA_TOTAL_NAME, "dedicatedCores", true,
                               quota_used(plane, subscription, location, NULL),
                               quota_limit(plane, subscription, location, NULL) };
    answer_list_begin(call);
    add_row(call, word, &clusters);
    add_row(call, word, &total);
    for (size_t i = 0; i < count; i++) {
        char name[VM_FAMILY_USAGE_SIZE];
        if (seen_before(sizes, i))
            continue;
        vm_family_usage_name(sizes[i].family, name, sizeof name);
        const struct row family = { name, "vmFamily", false,
                                    quota_used(plane, subscription, location, sizes[i].family),
                                    quota_limit(plane, subscription, location, sizes[i].family) };
        add_row(call, word, &family);
    }
    answer_list_end(call, NULL);
}

void usages_list(struct call *call)
{
    char *location = NULL;
    if (place_known(call, &location))
        list_rows(call, "usages", location);
    free(location);
}

void quotas_list(struct call *call)
{
    char *location = NULL;
    if (place_known(call, &location))
        list_rows(call, "quotas", location);
    free(location);
}

/* ---- setting limits ---- */

/* What one line of an update is about. */
enum line_kind { LINE_FAMILY, LINE_TOTAL, LINE_CLUSTERS, LINE_WORKSPACE, LINE_UNKNOWN };

/* "Standard_DSv2_Family_Cluster_Dedicated_vCPUs" → the family; NULL: none is called so. */
static const char *family_of(const char *name)
{
    size_t count = 0;
    const struct vm_size *sizes = vm_sizes(&count);
    for (size_t i = 0; i < count; i++) {
        char known[VM_FAMILY_USAGE_SIZE];
        vm_family_usage_name(sizes[i].family, known, sizeof known);
        for (char *at = known; *at; at++)
            if (*at == ' ')
                *at = '_';
        if (text_equal_nocase(known, name))
            return sizes[i].family;
    }
    return NULL;
}

/* Ids are those that the lists have: "/subscriptions/{s}/quotas/{name}", and without a name for the
 * wholes, which `type` tells apart. */
static enum line_kind line_of(const struct call *call, const char *id, const char *type,
                              const char **out_family)
{
    char *own = text_format("/subscriptions/%s/", call->params.subscription);
    const char *rest = own && text_starts_nocase(id, own) ? id + strlen(own) : "";
    size_t word = strcspn(rest, "/");
    bool whole = rest[0] && !rest[word];
    free(own);
    if (text_starts_nocase(rest, "resourceGroups/"))
        return LINE_WORKSPACE;
    if ((word != 6 || strncasecmp(rest, "quotas", word) != 0) &&
        (word != 6 || strncasecmp(rest, "usages", word) != 0))
        return LINE_UNKNOWN;
    if (whole)
        return strcasestr(type, "/dedicatedCores/") ? LINE_TOTAL
               : strcasestr(type, "/totalCores/")   ? LINE_CLUSTERS
                                                    : LINE_UNKNOWN;
    *out_family = family_of(rest + word + 1);
    return *out_family ? LINE_FAMILY : LINE_UNKNOWN;
}

/* Sets one limit; the status that the service tells. */
static const char *set_limit(struct call *call, const char *location, const char *family,
                             int64_t limit, struct error *err)
{
    struct plane *plane = call->plane;
    const char *subscription = call->params.subscription;
    if (limit < quota_used(plane, subscription, location, family))
        return "InvalidQuotaBelowClusterMinimum";
    if (family && limit > quota_limit(plane, subscription, location, NULL))
        return "InvalidQuotaExceedsSubscriptionLimit";
    int rc = store_run(plane->store, err,
                       "INSERT INTO quotas VALUES (?, ?, ?, ?)"
                       " ON CONFLICT DO UPDATE SET cores = excluded.cores",
                       "sssi", subscription, location, family ? family : TOTAL, limit);
    return rc < 0 ? NULL : "Success";
}

/* One line of the request; NULL: the store failed. */
static const char *update_line(struct call *call, const char *location, const cJSON *line,
                               struct error *err)
{
    const char *family = NULL;
    int64_t limit = json_int(line, "limit", -1);
    switch (line_of(call, json_string(line, "id", ""), json_string(line, "type", ""), &family)) {
    case LINE_FAMILY:
    case LINE_TOTAL:
        return set_limit(call, location, family, limit, err);
    case LINE_CLUSTERS:
    case LINE_WORKSPACE: /* limits of single workspaces are not kept here */
        return "OperationNotSupportedForSku";
    default:
        return "InvalidVMFamilyName";
    }
}

/* Is it a list of ids with whole limits?  False with the error answered. */
static bool updates_acceptable(struct call *call, const cJSON *request)
{
    const cJSON *lines = json_at(request, "value"), *line = NULL;
    if (!cJSON_IsArray(lines) || cJSON_GetArraySize(lines) > UPDATES_MAX) {
        answer_error(call, 400, "InvalidRequestContent", "value",
                     "The body must have an array 'value' of at most %d limits.", UPDATES_MAX);
        return false;
    }
    cJSON_ArrayForEach(line, lines)
    {
        const cJSON *limit = json_at(line, "limit");
        double number = cJSON_IsNumber(limit) ? limit->valuedouble : -1;
        if (json_string(line, "id", NULL) && number >= 0 && number <= (double)LIMIT_MAX &&
            number == (double)(int64_t)number)
            continue;
        answer_error(call, 400, "InvalidRequestContent", "limit",
                     "Each line of 'value' must have an id and a whole limit from 0 to %lld.",
                     (long long)LIMIT_MAX);
        return false;
    }
    return true;
}

static void update(struct call *call, const char *location, const cJSON *request)
{
    struct error err = { 0 };
    const cJSON *line = NULL;
    answer_list_begin(call);
    cJSON_ArrayForEach(line, json_at(request, "value"))
    {
        const char *status = update_line(call, location, line, &err);
        struct buffer text = { 0 };
        if (!status) {
            answer_failure(call, &err);
            return;
        }
        buffer_text(&text, "{\"id\":");
        json_quote(&text, json_string(line, "id", ""));
        buffer_text(&text, ",\"type\":");
        json_quote(&text, json_string(line, "type", ""));
        buffer_format(&text, ",\"limit\":%lld,\"unit\":\"Count\",\"status\":\"%s\"}",
                      (long long)json_int(line, "limit", 0), status);
        answer_list_item(call, text.data ? text.data : "{}", text.data ? text.size : 2);
        buffer_clear(&text);
    }
    answer_list_end(call, NULL);
}

void quotas_update(struct call *call)
{
    char *location = NULL;
    const cJSON *request = call_body(call);
    if (request && place_known(call, &location) && updates_acceptable(call, request))
        update(call, location, request);
    free(location);
}
