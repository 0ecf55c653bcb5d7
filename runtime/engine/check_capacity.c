/* check_capacity.c - sizes: are they offered here?  quota: do the cores suffice, at every moment of
 * the apply?
 *
 * Cores are counted as the service counts them: a stopped instance keeps its own.  An apply works
 * on several steps at once and nobody knows which ends first, so the worst order counts: of what
 * began before, as many as may still be at work are those whose end would free most. */
#include "engine/check.h"

#include "base/text.h"
#include "model/vm_sizes.h"

#define TOTAL_USAGE "Total Cluster Dedicated Regional vCPUs"
#define COUNT_USAGE "Clusters" /* an instance counts as a cluster of one machine */
#define MEND                                                                                       \
    "delete or shrink instances (a stopped one keeps its cores), choose another size, or ask for " \
    "more quota"

/* A size that the location offers.  Texts are borrowed. */
struct offer {
    char *key;
    const cJSON *size;
    UT_hash_handle hh;
};

/* What the checker keeps. */
struct capacity {
    cJSON *sizes, *usages;
    char *denied[2]; /* why sizes, or usages, could not be read */
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

/* ---- sizes ---- */

/* A size that nobody has heard of is the recipe's own mistake; false then. */
static bool is_known(struct plan *plan, const struct fleet_instance *instance, struct offer *offers,
                     const char *name)
{
    const char *near = nearest_size(offers, name);
    if (vm_size_find(name))
        return true;
    if (near)
        problems_add(&plan->problems, instance->file, instance->line,
                     "instance '%s': unknown size '%s', did you mean '%s'?", instance->name, name,
                     near);
    else
        problems_add(&plan->problems, instance->file, instance->line,
                     "instance '%s': unknown size '%s'; `moonfleet sizes` lists those of %s",
                     instance->name, name, plan->location);
    return false;
}

static void check_sizes(struct plan *plan, struct offer *offers)
{
    size_t wrong = 0;
    for (size_t i = 0; i < plan->fleet->count; i++) {
        const struct fleet_instance *instance = &plan->fleet->instances[i];
        const char *name = size_of(plan, instance);
        if (!name || find_offer(offers, name))
            continue;
        wrong++;
        if (!is_known(plan, instance, offers, name))
            continue;
        const struct plan_check check = { .name = CHECK_SIZES,
                                          .status = PLAN_CHECK_FAILURE,
                                          .subject = instance->name,
                                          .mend = "`moonfleet sizes` lists what is offered",
                                          .file = instance->file,
                                          .line = instance->line };
        check_add(plan, &check, "instance '%s': size '%s' is not offered for instances in %s",
                  instance->name, name, plan->location);
    }
    if (wrong == 0)
        check_add(plan, &(struct plan_check) { .name = CHECK_SIZES, .status = PLAN_CHECK_OK },
                  "all sizes are offered in %s", plan->location);
}

/* ---- quota: what one step does to one line of usages ---- */

/* What counts against a line of usages. */
struct budget {
    const char *family; /* NULL: of all families */
    bool instances;     /* not cores but instances */
};

struct effect {
    int64_t ended; /* when it has ended */
    int64_t worst; /* at its worst while at work */
};

struct size_facts {
    const char *family;
    int64_t cores;
};

static struct size_facts facts_of(struct offer *offers, const char *name)
{
    const struct offer *offer = name ? find_offer(offers, name) : NULL;
    const struct vm_size *size = vm_size_find(name);
    if (offer)
        return (struct size_facts) { json_string(offer->size, "family", ""),
                                     json_int(offer->size, "vCPUs", 0) };
    return size ? (struct size_facts) { size->family, size->cores } : (struct size_facts) { "", 0 };
}

static int64_t weight(const struct budget *budget, const struct size_facts *facts)
{
    if (budget->family && !text_equal_nocase(budget->family, facts->family))
        return 0;
    return budget->instances ? facts->cores > 0 : facts->cores;
}

/* Grants and roles weigh nothing: they have neither size nor instance. */
static struct effect effect_of(const struct plan *plan, const struct item *item,
                               struct offer *offers, const struct budget *budget)
{
    struct size_facts old = facts_of(offers, item->listed_size), new = { "", 0 };
    if (item->instance)
        new = facts_of(offers, size_of(plan, item->instance));
    int64_t before = weight(budget, &old), after = weight(budget, &new);
    switch (item->step.action) {
    case PLAN_CREATE:
        return (struct effect) { after, after };
    case PLAN_REPLACE:
        return (struct effect) { after - before, after > before ? after - before : 0 };
    case PLAN_DELETE:
        return (struct effect) { -before, 0 };
    default:
        return (struct effect) { 0, 0 };
    }
}

/* ---- quota: all of them in order ---- */

/* The largest differences between worst and end among the steps that may still be at work. */
struct window {
    int64_t *slack; /* ascending */
    size_t count, size;
    int64_t sum;
};

static void window_add(struct window *window, int64_t slack)
{
    size_t at = 0;
    if (slack <= 0 || window->size == 0)
        return;
    if (window->count == window->size) {
        if (slack <= window->slack[0])
            return;
        window->sum -= window->slack[0];
        memmove(window->slack, window->slack + 1, --window->count * sizeof *window->slack);
    }
    for (at = window->count++; at > 0 && window->slack[at - 1] > slack; at--)
        window->slack[at] = window->slack[at - 1];
    window->slack[at] = slack;
    window->sum += slack;
}

struct simulation {
    int64_t peak, end;        /* changes against what is used now */
    const struct item *first; /* the step that first goes over; NULL: none */
};

/* `pass`: 0 deletions alone, 1 everything else, 2 all. */
static bool is_in_pass(const struct item *item, int pass)
{
    return pass == 2 || (item->step.action == PLAN_DELETE) == (pass == 0);
}

static void simulate_pass(const struct plan *plan, struct offer *offers,
                          const struct budget *budget, int pass, int64_t room,
                          struct window *window, struct simulation *out)
{
    window->count = 0;
    window->sum = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct item *item = &plan->items[i];
        if (!is_in_pass(item, pass) || item->step.action == PLAN_UNCHANGED)
            continue;
        struct effect effect = effect_of(plan, item, offers, budget);
        int64_t now = out->end + window->sum + effect.worst;
        if (effect.worst > 0 && now > out->peak)
            out->peak = now;
        if (effect.worst > 0 && now > room && !out->first)
            out->first = item;
        out->end += effect.ended;
        window_add(window, effect.worst - effect.ended);
    }
}

/* ERROR_NO_MEMORY. */
static int simulate(const struct plan *plan, struct offer *offers, const struct budget *budget,
                    bool deletes_first, int64_t room, struct simulation *out)
{
    struct window window = { .size = (size_t)plan->parallel - 1 };
    *out = (struct simulation) { 0 };
    window.slack = calloc(window.size + 1, sizeof *window.slack);
    if (!window.slack)
        return ERROR_NO_MEMORY;
    for (int pass = deletes_first ? 0 : 2; pass <= (deletes_first ? 1 : 2); pass++)
        simulate_pass(plan, offers, budget, pass, room, &window, out);
    free(window.slack);
    return 0;
}

/* ---- quota: the lines ---- */

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

/* One line of usages that this plan touches. */
struct line {
    struct budget budget;
    char name[VM_FAMILY_USAGE_SIZE];
    int64_t used, limit;
    struct simulation simulation;
};

#define LINES_MAX 256

struct lines {
    struct line items[LINES_MAX];
    size_t count;
};

static void add_line(struct lines *lines, const cJSON *usages, struct budget budget,
                     const char *name)
{
    for (size_t i = 0; i < lines->count; i++)
        if (text_equal_nocase(lines->items[i].name, name))
            return;
    const cJSON *usage = find_usage(usages, name);
    int64_t limit = json_int(usage, "limit", -1);
    if (limit < 0 || lines->count == LINES_MAX)
        return; /* without a line of its own, or without a limit */
    struct line *line = &lines->items[lines->count++];
    *line = (struct line) { .budget = budget,
                            .used = json_int(usage, "currentValue", 0),
                            .limit = limit };
    (void)text_copy(line->name, sizeof line->name, name);
}

/* A line for each family of which something is made, then those of all families. */
static void find_lines(const struct plan *plan, struct offer *offers, const cJSON *usages,
                       struct lines *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct item *item = &plan->items[i];
        char name[VM_FAMILY_USAGE_SIZE];
        if (!item->instance ||
            (item->step.action != PLAN_CREATE && item->step.action != PLAN_REPLACE))
            continue;
        struct size_facts facts = facts_of(offers, size_of(plan, item->instance));
        if (facts.cores == 0)
            continue;
        vm_family_usage_name(facts.family, name, sizeof name);
        add_line(out, usages, (struct budget) { .family = facts.family }, name);
    }
    add_line(out, usages, (struct budget) { 0 }, TOTAL_USAGE);
    add_line(out, usages, (struct budget) { .instances = true }, COUNT_USAGE);
}

/* How many lines go over their limit; < 0: no memory. */
static int simulate_lines(const struct plan *plan, struct offer *offers, bool deletes_first,
                          struct lines *lines)
{
    int over = 0;
    for (size_t i = 0; i < lines->count; i++) {
        struct line *line = &lines->items[i];
        int rc = simulate(plan, offers, &line->budget, deletes_first, line->limit - line->used,
                          &line->simulation);
        if (rc < 0)
            return rc;
        over += line->simulation.first != NULL;
    }
    return over;
}

static void tell_line(struct plan *plan, const struct line *line)
{
    const struct item *first = line->simulation.first;
    const char *what = line->budget.instances ? "instances" : "cores";
    char peak[64] = "";
    int64_t end = line->used + line->simulation.end, most = line->used + line->simulation.peak;
    struct plan_check check = { .name = CHECK_QUOTA,
                                .status = first ? PLAN_CHECK_FAILURE : PLAN_CHECK_OK,
                                .subject = line->name };
    if (most > end)
        snprintf(peak, sizeof peak, " (%lld on the way)", (long long)most);
    if (first) {
        check.mend = MEND;
        check.file = first->step.file;
        check.line = first->step.line;
        check_add(plan, &check,
                  "%s in %s: %lld %s are used, %lld after this plan%s, the limit is %lld; '%s' "
                  "is the first that does not fit",
                  line->name, plan->location, (long long)line->used, what, (long long)end, peak,
                  (long long)line->limit, first->step.name);
    } else {
        check_add(plan, &check, "%s: %lld → %lld of %lld %s", line->name, (long long)line->used,
                  (long long)end, (long long)line->limit, what);
    }
}

/* When only the order is in the way, an apply does its deletions first. */
static int check_quota(struct plan *plan, struct offer *offers, const cJSON *usages)
{
    struct lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return ERROR_NO_MEMORY;
    find_lines(plan, offers, usages, lines);
    int over = simulate_lines(plan, offers, false, lines);
    if (over > 0 && plan_counts(plan).of[PLAN_DELETE] > 0) {
        int then = simulate_lines(plan, offers, true, lines);
        plan->deletes_first = then < over;
        if (!plan->deletes_first)
            over = simulate_lines(plan, offers, false, lines);
        else
            over = then;
    }
    for (size_t i = 0; over >= 0 && i < lines->count; i++)
        tell_line(plan, &lines->items[i]);
    free(lines);
    return over < 0 ? over : 0;
}

/* ---- asking ---- */

static void take(struct checking *checking, int rc, struct arm_reply *reply,
                 const struct error *err, void *arg)
{
    struct capacity *capacity = checking->state;
    bool usages = arg != NULL;
    if (rc == 0) {
        *(usages ? &capacity->usages : &capacity->sizes) = reply->body;
        reply->body = NULL;
    } else if (rc == ERROR_DENIED) {
        capacity->denied[usages] = strdup(err->name[0] ? err->name : err->message);
    } else {
        check_fail(checking, rc, err);
    }
}

static int ask(struct checking *checking, struct computes_request *request, int rc, void *arg,
               struct error *err)
{
    if (rc == 0) {
        rc = check_ask(checking, &request->arm, take, arg, err);
        computes_request_clear(request);
    }
    return rc;
}

static bool makes_instances(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].instance && (plan->items[i].step.action == PLAN_CREATE ||
                                        plan->items[i].step.action == PLAN_REPLACE))
            return true;
    return false;
}

static int begin(struct checking *checking, struct error *err)
{
    struct computes_request request;
    const struct plan *plan = checking->plan;
    if (plan->destroy || !makes_instances(plan))
        return 0;
    struct capacity *capacity = checking->state = calloc(1, sizeof *capacity);
    if (!capacity)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    int rc = computes_vm_sizes(&request, plan->subscription, plan->location, err);
    rc = ask(checking, &request, rc, NULL, err);
    if (rc < 0)
        return rc;
    rc = computes_usages(&request, plan->subscription, plan->location, err);
    return ask(checking, &request, rc, capacity, err);
}

static void tell_denied(struct plan *plan, const char *name, const char *what, const char *why)
{
    check_add(plan, &(struct plan_check) { .name = name, .status = PLAN_CHECK_UNKNOWN },
              "%s of %s could not be read (%s)", what, plan->location, why);
}

static void conclude(struct checking *checking)
{
    struct capacity *capacity = checking->state;
    struct plan *plan = checking->plan;
    if (!capacity)
        return;
    struct offer *offers = index_sizes(capacity->sizes);
    if (capacity->sizes)
        check_sizes(plan, offers);
    else
        tell_denied(plan, CHECK_SIZES, "the VM sizes",
                    capacity->denied[0] ? capacity->denied[0] : "out of memory");
    if (!capacity->usages)
        tell_denied(plan, CHECK_QUOTA, "the usages",
                    capacity->denied[1] ? capacity->denied[1] : "out of memory");
    else if (check_quota(plan, offers, capacity->usages) < 0)
        plan->problems.failed = true;
    free_offers(offers);
}

static void release(struct checking *checking)
{
    struct capacity *capacity = checking->state;
    if (!capacity)
        return;
    cJSON_Delete(capacity->sizes);
    cJSON_Delete(capacity->usages);
    free(capacity->denied[0]);
    free(capacity->denied[1]);
    free(capacity);
    checking->state = NULL;
}

const struct checker checker_capacity = {
    .doing = "asking for the sizes and usages of the location",
    .begin = begin,
    .conclude = conclude,
    .release = release,
};
