/* settle.c - from comparisons to steps: what is done to each instance, what that destroys, and what
 * forbids it. */
#include "engine/grants.h"

#include "base/text.h"

#define LOST "its disk, with everything that its person keeps there"

bool plan_owns(const struct plan *plan, const cJSON *body)
{
    return plan->fleet->name && text_equal(schema_tag(body, TAG_FLEET), plan->fleet->name);
}

/* What the recipe says of a field that is plain text or a boolean. */
static const cJSON *said(const struct plan *plan, const struct item *item, const char *field)
{
    if (!item->instance)
        return NULL;
    const struct schema_layers layers = fleet_layers(plan->fleet, item->instance);
    return schema_said(schema_field_find(schema_instance(), field), &layers);
}

/* The recipe's word counts before the one recorded at the instance. */
bool plan_item_protected(const struct plan *plan, const struct item *item)
{
    const cJSON *protect = said(plan, item, "protect");
    return cJSON_IsBool(protect) ? cJSON_IsTrue(protect) : item->protect;
}

const char *plan_item_power(const struct plan *plan, const struct item *item)
{
    return cJSON_GetStringValue(said(plan, item, "power"));
}

cJSON *plan_item_body(const struct plan *plan, const struct item *item, cJSON *listed)
{
    const struct schema_type *type = schema_instance();
    const struct schema_layers layers = fleet_layers(plan->fleet, item->instance);
    cJSON *body = listed ? listed : schema_instance_body(plan->location);
    if (!body)
        return NULL;
    if (listed)
        schema_instance_strip(body);
    int rc = schema_tag_put(body, TAG_FLEET, plan->fleet->name);
    for (size_t i = 0; rc == 0 && i < type->field_count; i++) {
        const struct schema_field *field = &type->fields[i];
        /* An update says what it changes, and what the service may not have told us. */
        if (listed && field->change != SCHEMA_BY_PUT && !(field->flags & SCHEMA_WRITE_ONLY))
            continue;
        cJSON *desired = schema_desired(field, &layers, &plan->fleet->refs);
        if (desired)
            rc = schema_put(field, desired, &plan->fleet->refs, body);
        cJSON_Delete(desired);
    }
    if (rc < 0) {
        cJSON_Delete(body);
        return NULL;
    }
    return body;
}

/* ---- one step ---- */

static void set_note(struct item *item, char *note)
{
    free(item->note);
    item->note = note;
    item->step.note = note;
}

static void block(struct item *item, char *why)
{
    free(item->blocked);
    item->blocked = why;
    item->step.blocked = why;
}

static void block_protected(struct item *item)
{
    block(item, text_format("'%s' is protected; say protect = false and apply that first",
                            item->step.name));
}

static void settle_delete(const struct plan *plan, struct item *item)
{
    item->step.action = PLAN_DELETE;
    if (item->phase != INSTANCE_BROKEN)
        item->step.lost = LOST;
    if (plan_item_protected(plan, item))
        block_protected(item);
}

static void settle_replace(const struct plan *plan, struct item *item)
{
    item->step.action = PLAN_REPLACE;
    if (item->phase == INSTANCE_BROKEN)
        set_note(item, strdup("its creation failed"));
    else
        item->step.lost = LOST;
    if (plan_item_protected(plan, item))
        block_protected(item);
    else if (item->phase != INSTANCE_BROKEN && !item->permitted)
        block(item, text_format("re-creating '%s' destroys %s; --replace %s allows it",
                                item->step.name, LOST, item->step.name));
}

static void settle_wait(struct item *item)
{
    item->step.action = PLAN_WAIT;
    diff_clear(&item->diff);
    set_note(item, strdup(item->phase == INSTANCE_LEAVING ? "it is being deleted"
                                                          : "an operation on it is under way"));
}

static enum plan_action action_of(unsigned todo)
{
    if (todo & (TODO_PUT | TODO_IDLE))
        return PLAN_UPDATE;
    if (todo & TODO_START)
        return PLAN_START;
    return todo & TODO_STOP ? PLAN_STOP : PLAN_UNCHANGED;
}

static void settle_item(const struct plan *plan, struct item *item)
{
    bool wanted = item->instance && !plan->destroy;
    item->step.reasons = item->diff.reasons;
    item->step.reason_count = item->diff.count;
    if (item->type != &resource_instance)
        return; /* settled as it was added: nothing of it moves */
    if (!item->listed)
        item->step.action = PLAN_CREATE;
    else if (item->phase == INSTANCE_LEAVING || (wanted && item->phase == INSTANCE_MOVING))
        settle_wait(item);
    else if (!wanted)
        settle_delete(plan, item);
    else if (item->phase == INSTANCE_BROKEN || (item->diff.todo & TODO_REPLACE))
        settle_replace(plan, item);
    else
        item->step.action = action_of(item->diff.todo);
    item->step.reasons = item->diff.reasons;
    item->step.reason_count = item->diff.count;
}

/* ---- all of them ---- */

void plan_item_clear(struct item *item)
{
    diff_clear(&item->diff);
    free(item->key);
    free(item->owned_name);
    free(item->actual_id);
    free(item->listed_size);
    grant_item_free(item->grant);
    free(item->note);
    free(item->blocked);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    if (left->type != right->type)
        return left->type->rank - right->type->rank;
    return strcmp(left->key, right->key);
}

struct item *plan_find_item(const struct plan *plan, const struct resource_type *type,
                            const char *key)
{
    const struct item wanted = { .type = type, .key = (char *)key };
    return plan->count ? bsearch(&wanted, plan->items, plan->count, sizeof wanted, compare_items)
                       : NULL;
}

/* Those that are no step: not ours, or (destroying) not there. */
static bool is_dropped(const struct plan *plan, const struct item *item)
{
    return item->conflict || (plan->destroy && !item->listed);
}

void plan_settle(struct plan *plan)
{
    size_t kept = 0;
    for (size_t i = 0; i < plan->count; i++) {
        struct item *item = &plan->items[i];
        if (is_dropped(plan, item)) {
            plan_item_clear(item);
            continue;
        }
        if (item->listed && item->instance && !plan->destroy && item->actual_id)
            diff_principals(plan->fleet, item->instance, *item->actual_id ? item->actual_id : NULL,
                            &item->diff);
        settle_item(plan, item);
        if (item->diff.failed)
            plan->problems.failed = true;
        plan->items[kept++] = *item;
    }
    plan->count = kept;
    if (kept > 1)
        qsort(plan->items, kept, sizeof *plan->items, compare_items);
    grants_follow_instances(plan);
}
