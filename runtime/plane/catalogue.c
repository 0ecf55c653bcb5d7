/* catalogue.c - what a location offers: VM sizes. */
#include "base/text.h"
#include "model/vm_sizes.h"
#include "plane/plane_private.h"

#define OS_DISK_MB 1047552 /* as every size of the service's own list has it */

bool place_known(struct call *call, char **out_location)
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
