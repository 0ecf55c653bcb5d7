/* catalogue.c - what a location offers: VM sizes, and how much of the quota is used. */
#include "base/text.h"
#include "model/vm_sizes.h"
#include "plane/plane_private.h"

#define OS_DISK_MB 1047552 /* as every size of the service's own list has it */

/* Subscription and location of the path: true, or false with the error answered.  *out_location is
 * the caller's. */
static bool place_known(struct call *call, char **out_location)
{
    struct plane *plane = call->plane;
    char *location = location_normal(call->params.location);
    *out_location = location;
    if (!subscription_exists(plane, call->params.subscription)) {
        answer_missing(call);
        return false;
    }
    if (location && location_known(plane, location))
        return true;
    answer_error(call, 400, "NoRegisteredProviderFound", NULL,
                 "No registered resource provider found for location '%.64s' and API version '%s' "
                 "for type '%s'. "
                 "The supported locations are '%s'.",
                 call->params.location, call->api_version, call->route->type,
                 plane->locations_text);
    return false;
}

/* ---- sizes ---- */

static cJSON *size_body(const struct vm_size *size)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "name", size->name);
    cJSON_AddStringToObject(body, "family", size->family);
    cJSON_AddNumberToObject(body, "vCPUs", size->cores);
    cJSON_AddNumberToObject(body, "gpus", size->gpus);
    cJSON_AddNumberToObject(body, "osVhdSizeMB", OS_DISK_MB);
    cJSON_AddNumberToObject(body, "maxResourceVolumeMB", (double)size->disk_mib);
    cJSON_AddNumberToObject(body, "memoryGB", (double)size->memory_mib / 1024.0);
    cJSON_AddBoolToObject(body, "lowPriorityCapable", false);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "supportedComputeTypes"),
                         cJSON_CreateString("ComputeInstance"));
    if (size->price_usd_hour <= 0)
        return body;
    cJSON *prices = cJSON_AddObjectToObject(body, "estimatedVMPrices");
    cJSON *price = cJSON_CreateObject();
    cJSON_AddStringToObject(prices, "billingCurrency", "USD");
    cJSON_AddStringToObject(prices, "unitOfMeasure", "OneHour");
    cJSON_AddNumberToObject(price, "retailPrice", size->price_usd_hour);
    cJSON_AddStringToObject(price, "osType", "Linux");
    cJSON_AddStringToObject(price, "vmTier", "Standard");
    cJSON_AddItemToArray(cJSON_AddArrayToObject(prices, "values"), price);
    return body;
}

void vm_sizes_list(struct call *call)
{
    size_t count = 0;
    const struct vm_size *sizes = vm_sizes(&count);
    char *location = NULL;
    if (place_known(call, &location)) {
        answer_list_begin(call);
        for (size_t i = 0; i < count; i++) {
            cJSON *body = size_body(&sizes[i]);
            struct buffer text = { 0 };
            json_print(body, false, &text);
            answer_list_item(call, text.data ? text.data : "{}", text.data ? text.size : 2);
            buffer_clear(&text);
            cJSON_Delete(body);
        }
        answer_list_end(call, NULL);
    }
    free(location);
}

/* ---- usages and quotas ---- */

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

int64_t quota_limit(struct plane *plane, const char *setting)
{
    return store_integer(plane->store, 0,
                         "SELECT CAST(value AS INTEGER) FROM settings WHERE name = ?", "s",
                         setting);
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
                                  quota_limit(plane, "clusters") };
    const struct row total = { QUOTA_TOTAL_NAME, "dedicatedCores", true,
                               quota_used(plane, subscription, location, NULL),
                               quota_limit(plane, "cores") };
    const int64_t family_limit = quota_limit(plane, "coresPerFamily");
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
                                    family_limit };
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
