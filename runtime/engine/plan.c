/* plan.c - a plan as an object: what it holds, and how it is read. */
#include "engine/plan_private.h"

#include "base/text.h"
#include "engine/resource.h"

/* ---- making and releasing ---- */

static int copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return text && !*out ? ERROR_NO_MEMORY : 0;
}

static int copy_target(struct plan *plan, const struct plan_target *target)
{
    int rc = copy_text(&plan->subscription, target->subscription);
    rc = rc ? rc : copy_text(&plan->group, target->group);
    rc = rc ? rc : copy_text(&plan->location, target->location);
    rc = rc ? rc : copy_text(&plan->tenant, target->tenant);
    rc = rc ? rc : copy_text(&plan->graph_url, target->graph_url);
    return rc ? rc : copy_text(&plan->graph_token, target->graph_token);
}

static int copy_names(struct name_list *out, const char *const *names, size_t count)
{
    out->items = calloc(count + 1, sizeof *out->items);
    if (!out->items)
        return ERROR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!(out->items[i] = strdup(names[i])))
            return ERROR_NO_MEMORY;
        out->count++;
    }
    return 0;
}

static void free_names(struct name_list *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static void free_text(char **text)
{
    free(*text);
    *text = NULL;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++)
        plan_item_clear(&plan->items[i]);
    free(plan->items);
    free_names(&plan->replace);
    free_names(&plan->forced);
    plan_checks_clear(plan);
    cJSON_Delete(plan->access.assignments);
    cJSON_Delete(plan->access.roles);
    for (size_t i = 0; i < plan->warning_count; i++)
        free(plan->warnings[i]);
    free(plan->warnings);
    problems_clear(&plan->problems);
    fleet_free(plan->fleet);
    char **texts[] = { &plan->subscription, &plan->group,
                       &plan->workspace,    &plan->location,
                       &plan->tenant,       &plan->graph_url,
                       &plan->graph_token,  &plan->access.listed_at,
                       &plan->access.denied };
    for (size_t i = 0; i < COUNT(texts); i++)
        free_text(texts[i]);
    cJSON_Delete(plan->own_document);
    free(plan);
}

void plan_warn(struct plan *plan, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char **warnings = realloc(plan->warnings, (plan->warning_count + 1) * sizeof *warnings);
    if (!warnings) {
        plan->problems.failed = true;
        return;
    }
    plan->warnings = warnings;
    if ((warnings[plan->warning_count] = strdup(text)))
        plan->warning_count++;
    else
        plan->problems.failed = true;
}

struct workspace_ref plan_workspace_ref(const struct plan *plan)
{
    return (struct workspace_ref) { .subscription = plan->subscription,
                                    .group = plan->group,
                                    .workspace = plan->workspace };
}

struct item *plan_add_item(struct plan *plan, const struct resource_type *type)
{
    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity ? plan->capacity * 2 : 64;
        struct item *items = realloc(plan->items, capacity * sizeof *items);
        if (!items)
            return NULL;
        plan->items = items;
        plan->capacity = capacity;
    }
    struct item *item = &plan->items[plan->count++];
    *item = (struct item) { .type = type, .step = { .type = type->name } };
    return item;
}

static bool is_permitted(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->replace.count; i++)
        if (text_equal_nocase(plan->replace.items[i], name))
            return true;
    return false;
}

/* An item for each declared instance, at its own index. */
static int add_declared(struct plan *plan)
{
    for (size_t i = 0; i < plan->fleet->count; i++) {
        const struct fleet_instance *instance = &plan->fleet->instances[i];
        struct item *item = plan_add_item(plan, &resource_instance);
        if (!item || !(item->key = strdup(instance->key)))
            return ERROR_NO_MEMORY;
        item->instance = instance;
        item->permitted = is_permitted(plan, instance->name);
        item->step.name = instance->name;
        item->step.file = instance->file;
        item->step.line = instance->line;
    }
    return 0;
}

int plan_new(const struct plan_request *request, struct plan **out, struct error *err)
{
    struct plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    plan->document = request->document;
    plan->destroy = request->destroy;
    plan->parallel = request->parallel ? request->parallel : PLAN_PARALLEL_DEFAULT;
    int rc = copy_target(plan, &request->target);
    rc = rc ? rc : copy_names(&plan->replace, request->replace, request->replace_count);
    rc = rc ? rc : copy_names(&plan->forced, request->forced, request->forced_count);
    if (rc < 0)
        (void)error_set(err, rc, "out of memory");
    else
        rc = fleet_new(request->document, plan->tenant, &plan->problems, &plan->fleet, err);
    if (rc < 0)
        goto fail;
    const char *workspace =
        plan->fleet->workspace ? plan->fleet->workspace : request->target.workspace;
    if (!workspace) {
        rc = error_set(err, ERROR_USAGE,
                       "neither the recipe's fleet nor the context names a workspace");
        goto fail;
    }
    if (!(plan->workspace = strdup(workspace)) || add_declared(plan) < 0) {
        rc = error_set(err, ERROR_NO_MEMORY, "out of memory");
        goto fail;
    }
    *out = plan;
    return 0;
fail:
    plan_free(plan);
    return rc;
}

/* ---- reading it ---- */

const char *plan_action_name(enum plan_action action)
{
    static const char *const names[PLAN_ACTIONS] = {
        [PLAN_UNCHANGED] = "unchanged", [PLAN_CREATE] = "create", [PLAN_UPDATE] = "update",
        [PLAN_REPLACE] = "replace",     [PLAN_DELETE] = "delete", [PLAN_START] = "start",
        [PLAN_STOP] = "stop",           [PLAN_WAIT] = "wait",
    };
    return names[action];
}

size_t plan_step_count(const struct plan *plan)
{
    return plan->count;
}

const struct plan_step *plan_step(const struct plan *plan, size_t index)
{
    return &plan->items[index].step;
}

void plan_step_describe(const struct plan *plan, size_t index, struct buffer *out)
{
    const struct item *item = &plan->items[index];
    if (item->step.file)
        item->type->describe(plan, item, out);
}

struct plan_counts plan_counts(const struct plan *plan)
{
    struct plan_counts counts = { 0 };
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->items[i].step;
        counts.of[step->action]++;
        counts.blocked += step->blocked != NULL;
        counts.changes += step->action != PLAN_UNCHANGED;
    }
    return counts;
}

const struct plan_problem *plan_problems(const struct plan *plan, size_t *out_count)
{
    *out_count = plan->problems.count;
    return plan->problems.items;
}

const char *const *plan_warnings(const struct plan *plan, size_t *out_count)
{
    *out_count = plan->warning_count;
    return (const char *const *)plan->warnings;
}

const char *plan_fleet(const struct plan *plan)
{
    return plan->fleet->name;
}

const char *plan_workspace(const struct plan *plan)
{
    return plan->workspace;
}

const char *plan_location(const struct plan *plan)
{
    return plan->location;
}

bool plan_is_destroy(const struct plan *plan)
{
    return plan->destroy;
}

const cJSON *plan_outputs(const struct plan *plan)
{
    return cJSON_GetObjectItemCaseSensitive(plan->document, "outputs");
}
