/* checks.c - what is checked against the plane before anything is touched: sizes, quota, location.
 */
#include "engine/plan_private.h"

#include "base/text.h"
#include "model/vm_sizes.h"

#define FAMILIES_MAX 256
#define TOTAL_USAGE "Total Cluster Dedicated Regional vCPUs"

/* A size that the location offers, or a family and what is wanted of it.  Texts are borrowed. */
struct offer {
    char *key;
    const cJSON *size;
    UT_hash_handle hh;
};

struct need {
    const char *family;
    int64_t cores;
};

static bool offers_instances(const cJSON *size)
{
    const cJSON *type, *types = cJSON_GetObjectItemCaseSensitive(size, "supportedComputeTypes");
    if (!cJSON_IsArray(types))
        return true;
    cJSON_ArrayForEach(type, types)
    {
        if (text_equal_nocase(cJSON_GetStringValue(type), "ComputeInstance"))
            return true;
    }
    return false;
}

static struct offer *index_sizes(const cJSON *sizes)
{
    const cJSON *size;
    struct offer *offers = NULL;
    cJSON_ArrayForEach(size, cJSON_GetObjectItemCaseSensitive(sizes, "value"))
    {
        struct offer *offer = NULL;
        const char *name = json_string(size, "name", NULL);
        char *key = name && offers_instances(size) ? fleet_key(name) : NULL;
        if (key)
            HASH_FIND_STR(offers, key, offer);
        if (!key || offer || !(offer = calloc(1, sizeof *offer))) {
            free(key);
            continue;
        }
        offer->key = key;
        offer->size = size;
        HASH_ADD_KEYPTR(hh, offers, offer->key, strlen(offer->key), offer);
    }
    return offers;
}

static void free_offers(struct offer *offers)
{
    struct offer *first = offers;
    HASH_CLEAR(hh, offers); /* the table alone: the rows are still linked */
    for (struct offer *offer = first, *next; offer; offer = next) {
        next = offer->hh.next;
        free(offer->key);
        free(offer);
    }
}

static struct offer *find_offer(struct offer *offers, const char *name)
{
    struct offer *offer = NULL;
    char *key = fleet_key(name);
    if (key)
        HASH_FIND_STR(offers, key, offer);
    free(key);
    return offer;
}

static const char *size_of(const struct plan *plan, const struct fleet_instance *instance)
{
    const struct schema_layers layers = fleet_layers(plan->fleet, instance);
    return cJSON_GetStringValue(schema_said(schema_field_find(schema_instance(), "size"), &layers));
}

static const char *nearest_size(struct offer *offers, const char *name)
{
    struct offer *offer, *next;
    size_t count = 0;
    const char **names = calloc(HASH_COUNT(offers) + 1, sizeof *names);
    if (!names)
        return NULL;
    HASH_ITER(hh, offers, offer, next)
    {
        names[count++] = json_string(offer->size, "name", "");
    }
    const char *near = text_nearest(name, names, count);
    free(names);
    return near;
}

static void refuse_size(struct plan *plan, const struct fleet_instance *instance,
                        struct offer *offers, const char *name)
{
    const char *near = nearest_size(offers, name);
    bool known = vm_size_find(name) != NULL;
    if (known)
        problems_add(&plan->problems, instance->file, instance->line,
                     "instance '%s': size '%s' is not offered for instances in %s; `moonfleet "
                     "sizes` lists what is",
                     instance->name, name, plan->location);
    else if (near)
        problems_add(&plan->problems, instance->file, instance->line,
                     "instance '%s': unknown size '%s', did you mean '%s'?", instance->name, name,
                     near);
    else
        problems_add(&plan->problems, instance->file, instance->line,
                     "instance '%s': unknown size '%s'; `moonfleet sizes` lists those of %s",
                     instance->name, name, plan->location);
}

void check_sizes(struct plan *plan, const cJSON *sizes)
{
    struct offer *offers = index_sizes(sizes);
    for (size_t i = 0; i < plan->fleet->count; i++) {
        const struct fleet_instance *instance = &plan->fleet->instances[i];
        const char *name = size_of(plan, instance);
        if (name && !find_offer(offers, name))
            refuse_size(plan, instance, offers, name);
    }
    free_offers(offers);
}

/* ---- quota ---- */

static void add_need(struct need *needs, size_t *count, const char *family, int64_t cores)
{
    for (size_t i = 0; i < *count; i++) {
        if (text_equal_nocase(needs[i].family, family)) {
            needs[i].cores += cores;
            return;
        }
    }
    if (*count < FAMILIES_MAX)
        needs[(*count)++] = (struct need) { family, cores };
}

static const cJSON *find_usage(const cJSON *usages, const char *name)
{
    const cJSON *usage;
    cJSON_ArrayForEach(usage, cJSON_GetObjectItemCaseSensitive(usages, "value"))
    {
        /* Lines of single workspaces and clusters have the same names as the subscription's. */
        if (text_equal_nocase(json_string(usage, "name.value", ""), name) &&
            !strcasestr(json_string(usage, "type", ""), "workspaces/"))
            return usage;
    }
    return NULL;
}

static void check_need(struct plan *plan, const cJSON *usages, const char *name, int64_t cores)
{
    const cJSON *usage = find_usage(usages, name);
    int64_t limit = json_int(usage, "limit", -1), used = json_int(usage, "currentValue", 0);
    if (!usage || limit < 0 || used + cores <= limit)
        return;
    problems_add(&plan->problems, plan->fleet->file, plan->fleet->line,
                 "quota: the new instances need %lld cores of '%s' in %s, %lld of %lld are left",
                 (long long)cores, name, plan->location,
                 (long long)(limit > used ? limit - used : 0), (long long)limit);
}

void check_quota(struct plan *plan, const cJSON *sizes, const cJSON *usages)
{
    struct offer *offers = index_sizes(sizes);
    struct need needs[FAMILIES_MAX];
    size_t count = 0;
    int64_t total = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct item *item = &plan->items[i];
        const char *name = item->instance && item->step.action == PLAN_CREATE
                               ? size_of(plan, item->instance)
                               : NULL;
        const struct offer *offer = name ? find_offer(offers, name) : NULL;
        if (!offer)
            continue;
        int64_t cores = json_int(offer->size, "vCPUs", 0);
        add_need(needs, &count, json_string(offer->size, "family", ""), cores);
        total += cores;
    }
    for (size_t i = 0; i < count; i++) {
        char name[VM_FAMILY_USAGE_SIZE];
        vm_family_usage_name(needs[i].family, name, sizeof name);
        check_need(plan, usages, name, needs[i].cores);
    }
    if (total > 0)
        check_need(plan, usages, TOTAL_USAGE, total);
    free_offers(offers);
}

/* ---- the rest ---- */

/* "West Europe" and "westeurope" are one place. */
static bool same_location(const char *a, const char *b)
{
    while (*a || *b) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        char pair[2][2] = { { *a, 0 }, { *b, 0 } };
        if (!text_equal_nocase(pair[0], pair[1]))
            return false;
        a += *a != '\0';
        b += *b != '\0';
    }
    return true;
}

void check_location(struct plan *plan, const char *workspace_location)
{
    const char *wanted = plan->fleet->location;
    if (wanted && !same_location(wanted, workspace_location))
        problems_add(&plan->problems, plan->fleet->file, plan->fleet->line,
                     "fleet '%s': location is '%s', but the workspace %s is in %s, and instances "
                     "stand where their workspace is",
                     plan->fleet->name, wanted, plan->workspace, workspace_location);
}

static void check_replace_name(struct plan *plan, const char *name)
{
    const char **names = calloc(plan->count + 1, sizeof *names);
    for (size_t i = 0; names && i < plan->count; i++)
        names[i] = plan->items[i].step.name;
    const char *near = names ? text_nearest(name, names, plan->count) : NULL;
    free(names);
    if (near)
        problems_add(&plan->problems, NULL, 0,
                     "--replace %s: the fleet has no such instance, did you mean '%s'?", name,
                     near);
    else
        problems_add(&plan->problems, NULL, 0, "--replace %s: the fleet has no such instance",
                     name);
}

void check_replace_names(struct plan *plan)
{
    for (size_t i = 0; i < plan->replace_count; i++) {
        const struct item *found = NULL;
        for (size_t k = 0; k < plan->count && !found; k++)
            if (text_equal_nocase(plan->items[k].step.name, plan->replace[i]))
                found = &plan->items[k];
        if (!found)
            check_replace_name(plan, plan->replace[i]);
        else if (found->step.action != PLAN_REPLACE && found->step.action != PLAN_WAIT)
            plan_warn(plan, "--replace %s: nothing about it needs re-creation", plan->replace[i]);
    }
}
