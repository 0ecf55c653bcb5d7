/* planning.c - making a plan: what is asked of the plane, in which order, and what becomes of the
 * answers.
 *
 * At once: the workspace, the list of computes, the directory.  Then the checks, each with the
 * requests of its own (check.h).  `struct planning` lives from plan_make() to its
 * callback. */
#include "engine/planning.h"

#include "base/text.h"
#include "client/directory.h"
#include "engine/check.h"
#include "client/authorization.h"
#include "engine/grants.h"

#define READS_AT_ONCE 250 /* the cloud's token bucket: FACTS section 12 */
#define READS_A_SECOND 25
#define READS_NEAR 200
#define WRITES_AT_ONCE 200
#define WRITES_A_SECOND 10

#define ROLES_ASKED_MAX 16 /* names of roles that are looked up; more are recipe mistakes */

enum call { CALL_WORKSPACE, CALL_LIST, CALL_ASSIGNMENTS, CALLS };

/* A list of roles that is on its way. */
struct roles_call {
    struct planning *planning;
    struct arm_call *call;
};

struct planning {
    struct arm_client *client;
    struct plan *plan;
    plan_done_fn *done;
    void *arg;
    const cJSON *saved; /* plan_load(): what it must turn out to be; owned */
    size_t pending;     /* answers that are still to come */
    int rc;             /* the first failure */
    struct error err;
    struct fleet_principal **asked; /* in the order of the directory's answers */
    size_t asked_count;
    int64_t requests_before;
    int widening;                  /* where assignments are being listed: see grants_list_scope() */
    struct arm_call *calls[CALLS]; /* in flight, for abandoning them */
    struct roles_call roles[1 + ROLES_ASKED_MAX];
    struct directory_lookup *lookup;
    struct checks *checks;
};

static void settle(void *arg);

/* ---- the end ---- */

static void planning_free(struct planning *planning)
{
    checks_free(planning->checks);
    plan_free(planning->plan);
    cJSON_Delete((cJSON *)planning->saved);
    free(planning->asked);
    free(planning);
}

/* Ends it without its callback. */
static void abandon(struct planning *planning)
{
    if (!planning)
        return;
    for (size_t i = 0; i < CALLS; i++)
        if (planning->calls[i])
            arm_call_cancel(planning->calls[i]);
    for (size_t i = 0; i < COUNT(planning->roles); i++)
        arm_call_cancel(planning->roles[i].call);
    directory_cancel(planning->lookup);
    loop_unpost(arm_client_loop(planning->client), planning);
    planning_free(planning);
}

/* Keeps the first failure: it is the one that tells. */
static void fail(struct planning *planning, int rc, const struct error *err, const char *doing)
{
    if (planning->rc < 0)
        return;
    planning->rc = rc;
    if (err)
        planning->err = *err;
    (void)error_wrap(&planning->err, rc, "%s", doing);
}

/* An answer came: goes on when it was the last. */
static void arrived(struct planning *planning)
{
    if (--planning->pending == 0 &&
        loop_post(arm_client_loop(planning->client), settle, planning) < 0)
        settle(planning);
}

/* ---- the directory ---- */

#define IDS_TOLD 5

/* "(id, id)" of those that share a name, the first few. */
static char *ids_of(const struct directory_answer *answer)
{
    struct buffer text = { 0 };
    char *out = NULL;
    for (size_t i = 0; i < answer->ids_count && i < IDS_TOLD; i++)
        buffer_format(&text, "%s%s", i > 0 ? ", " : "", answer->ids[i]);
    if (answer->ids_count > IDS_TOLD)
        buffer_text(&text, ", …");
    return buffer_detach(&text, &out, NULL, NULL) == 0 ? out : NULL;
}

static void refuse_ambiguous(struct plan *plan, const struct fleet_principal *principal,
                             const struct directory_answer *answer)
{
    char *ids = ids_of(answer);
    problems_add(&plan->problems, principal->file, principal->line,
                 "%s '%s': the directory has %zu %ss called '%s'; name one by its object id: %s",
                 principal->word, principal->by, answer->ids_count,
                 fleet_principal_word(principal->kind), principal->name, ids ? ids : "…");
    free(ids);
}

static void refuse_principal(struct plan *plan, const struct fleet_principal *principal,
                             const struct directory_answer *answer)
{
    const char *what = fleet_principal_word(principal->kind);
    if (answer->outcome == DIRECTORY_AMBIGUOUS)
        refuse_ambiguous(plan, principal, answer);
    else if (answer->near)
        problems_add(&plan->problems, principal->file, principal->line,
                     "%s '%s': the directory has no %s '%s', did you mean '%s'?", principal->word,
                     principal->by, what, principal->name, answer->near);
    else
        problems_add(&plan->problems, principal->file, principal->line,
                     "%s '%s': the directory has no %s '%s'", principal->word, principal->by, what,
                     principal->name);
}

static void on_directory(int rc, const struct directory_answer *answers, size_t count,
                         const struct error *err, void *arg)
{
    struct planning *planning = arg;
    planning->lookup = NULL;
    if (rc < 0)
        fail(planning, rc, err, "asking the directory for the people in the recipe");
    for (size_t i = 0; rc == 0 && i < count && i < planning->asked_count; i++) {
        struct fleet_principal *principal = planning->asked[i];
        if (answers[i].outcome != DIRECTORY_FOUND)
            refuse_principal(planning->plan, principal, &answers[i]);
        else if (!(principal->id = strdup(answers[i].id)))
            fail(planning, ERROR_NO_MEMORY, NULL, "out of memory");
    }
    arrived(planning);
}

static int ask_directory(struct planning *planning, struct error *err)
{
    struct plan *plan = planning->plan;
    struct fleet_principal *principal, *next;
    size_t count = HASH_COUNT(plan->fleet->principals), i = 0;
    if (count == 0 || plan->destroy)
        return 0;
    struct directory_name *names = calloc(count, sizeof *names);
    planning->asked = calloc(count, sizeof(struct fleet_principal *));
    if (!names || !planning->asked) {
        free(names);
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    HASH_ITER(hh, plan->fleet->principals, principal, next)
    {
        names[i] = (struct directory_name) { .kind = principal->kind, .name = principal->name };
        planning->asked[i++] = principal;
    }
    planning->asked_count = count;
    const struct directory directory = { .client = planning->client,
                                         .graph_url = plan->graph_url,
                                         .graph_token = plan->graph_token };
    int rc =
        directory_resolve(&directory, names, count, on_directory, planning, &planning->lookup, err);
    free(names);
    if (rc == 0)
        planning->pending++;
    return rc;
}

/* ---- the list ---- */

static void conflict(struct plan *plan, struct item *item, const cJSON *body)
{
    const char *owner = schema_tag(body, TAG_FLEET);
    item->conflict = true;
    if (plan->destroy)
        return; /* not ours: nothing to delete */
    if (!instance_is(body))
        problems_add(&plan->problems, item->step.file, item->step.line,
                     "instance '%s': the workspace has a compute of that name that is no instance",
                     item->step.name);
    else if (owner)
        problems_add(&plan->problems, item->step.file, item->step.line,
                     "instance '%s': exists and belongs to the fleet '%s'", item->step.name, owner);
    else
        problems_add(
            &plan->problems, item->step.file, item->step.line,
            "instance '%s': exists and is not owned by this fleet (it has no tag " TAG_FLEET ")",
            item->step.name);
}

/* The person is compared now, or later when the directory has not answered yet. */
static int note_person(const struct plan *plan, struct item *item, const cJSON *body)
{
    const struct schema_type *type = schema_instance();
    const struct schema_layers layers = fleet_layers(plan->fleet, item->instance);
    const struct schema_field *field = schema_field_find(type, "assigned_to");
    const cJSON *said = schema_said(field, &layers);
    if (!said || plan->fleet->refs.principal(said, plan->fleet->refs.arg))
        return 0; /* nothing to compare, or diff_instance() does it */
    cJSON *actual = schema_actual(field, body);
    item->actual_id = strdup(json_string(actual, "id", ""));
    cJSON_Delete(actual);
    return item->actual_id ? 0 : ERROR_NO_MEMORY;
}

/* For counting cores that its end sets free. */
static int note_size(struct item *item, const cJSON *body)
{
    const char *size = json_string(body, "properties.properties.vmSize", NULL);
    item->listed_size = size ? strdup(size) : NULL;
    return size && !item->listed_size ? ERROR_NO_MEMORY : 0;
}

static int see_declared(struct plan *plan, struct item *item, const cJSON *body)
{
    if (!instance_is(body) || !plan_owns(plan, body)) {
        conflict(plan, item, body);
        return 0;
    }
    item->listed = true;
    item->phase = instance_phase(body);
    item->protect = text_equal_nocase(schema_tag(body, TAG_PROTECT), "true");
    if (!plan->destroy && item->phase == INSTANCE_STEADY) {
        diff_instance(plan->fleet, item->instance, body, &item->diff);
        if (note_person(plan, item, body) < 0)
            return ERROR_NO_MEMORY;
    }
    bool touched =
        plan->destroy || item->phase != INSTANCE_STEADY || item->diff.count > 0 || item->actual_id;
    if (touched)
        diff_state(body, item->state);
    return touched ? note_size(item, body) : 0;
}

static int see_orphan(struct plan *plan, const char *name, const cJSON *body)
{
    if (!instance_is(body) || !plan_owns(plan, body))
        return 0;
    struct item *item = plan_add_item(plan, &resource_instance);
    if (!item || !(item->owned_name = strdup(name)) || !(item->key = fleet_key(name)))
        return ERROR_NO_MEMORY;
    item->step.name = item->owned_name;
    item->listed = true;
    item->phase = instance_phase(body);
    item->protect = text_equal_nocase(schema_tag(body, TAG_PROTECT), "true");
    diff_state(body, item->state);
    return note_size(item, body);
}

static int on_page(const cJSON *items, void *arg, struct error *err)
{
    struct planning *planning = arg;
    struct plan *plan = planning->plan;
    const cJSON *body;
    int rc = 0;
    cJSON_ArrayForEach(body, items)
    {
        const char *name = json_string(body, "name", NULL);
        const struct fleet_instance *instance = name ? fleet_find(plan->fleet, name) : NULL;
        if (!name)
            continue;
        if (instance) {
            struct item *item = &plan->items[instance - plan->fleet->instances];
            rc = item->listed || item->conflict ? 0 : see_declared(plan, item, body);
        } else {
            rc = see_orphan(plan, name, body);
        }
        if (rc < 0)
            return error_set(err, rc, "out of memory");
    }
    return 0;
}

static void on_list(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct planning *planning = arg;
    (void)reply;
    planning->calls[CALL_LIST] = NULL;
    if (rc < 0)
        fail(planning, rc, err, "listing the instances of the workspace");
    arrived(planning);
}

/* ---- the workspace ---- */

static void on_workspace(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct planning *planning = arg;
    struct plan *plan = planning->plan;
    planning->calls[CALL_WORKSPACE] = NULL;
    const char *location = rc == 0 ? json_string(reply->body, "location", NULL) : NULL;
    if (location) {
        check_location(plan, location);
        free(plan->location);
        if (!(plan->location = strdup(location)))
            fail(planning, ERROR_NO_MEMORY, NULL, "out of memory");
    } else if (rc == ERROR_DENIED && (plan->location || plan->fleet->location)) {
        /* Who may only handle computes cannot read the workspace: the word of the recipe will do.
         */
        if (!plan->location)
            plan->location = strdup(plan->fleet->location);
        plan_warn(plan, "the workspace could not be read (%s), so its location was not checked",
                  err->name[0] ? err->name : err->message);
    } else if (rc < 0) {
        fail(planning, rc, err, "reading the workspace");
    } else {
        fail(planning, ERROR_REMOTE, NULL, "the workspace has no location");
    }
    arrived(planning);
}

static int ask(struct planning *planning, struct computes_request *request, int rc,
               arm_done_fn *done, enum call call, struct error *err)
{
    if (rc == 0)
        rc = arm_send(planning->client, &request->arm, done, planning, &planning->calls[call], err);
    if (rc == 0)
        planning->pending++;
    computes_request_clear(request);
    return rc;
}

/* ---- roles and role assignments ---- */

/* Whom the plane does not tell what is granted where: sees less, and can do less. */
static bool is_refused(int rc)
{
    return rc == ERROR_DENIED || rc == ERROR_NOT_FOUND;
}

/* Moves the entries of a reply's list to *out. */
static int take_entries(cJSON **out, struct arm_reply *reply)
{
    cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(reply->body, "value");
    if (!*out) {
        *out = list ? list : cJSON_CreateArray();
        return *out ? 0 : ERROR_NO_MEMORY;
    }
    for (cJSON *entry = list ? list->child : NULL, *next; entry; entry = next) {
        next = entry->next;
        cJSON_AddItemToArray(*out, cJSON_DetachItemViaPointer(list, entry));
    }
    cJSON_Delete(list);
    return 0;
}

static int ask_assignments(struct planning *planning, struct error *err);

static void on_assignments(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct planning *planning = arg;
    struct plan_access *access = &planning->plan->access;
    struct error next = { 0 };
    planning->calls[CALL_ASSIGNMENTS] = NULL;
    if (rc == 0) {
        free(access->denied);
        access->denied = NULL;
        if (take_entries(&access->assignments, reply) < 0)
            fail(planning, ERROR_NO_MEMORY, NULL, "out of memory");
    } else if (is_refused(rc)) {
        if (!access->denied)
            access->denied = strdup(err->name[0] ? err->name : err->message);
        free(access->listed_at);
        access->listed_at = NULL;
        planning->widening++;
        rc = ask_assignments(planning, &next);
        if (rc < 0)
            fail(planning, rc, &next, "listing role assignments");
    } else {
        fail(planning, rc, err, "listing role assignments");
    }
    arrived(planning);
}

static void on_roles(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct roles_call *call = arg;
    struct planning *planning = call->planning;
    call->call = NULL;
    if (rc == 0 && take_entries(&planning->plan->access.roles, reply) < 0)
        fail(planning, ERROR_NO_MEMORY, NULL, "out of memory");
    else if (rc < 0 && !is_refused(rc))
        fail(planning, rc, err, "listing roles");
    arrived(planning);
}

static int ask_access(struct planning *planning, struct authorization_request *request, int rc,
                      arm_done_fn *done, void *arg, struct arm_call **call, struct error *err)
{
    if (rc < 0)
        return rc;
    rc = arm_send(planning->client, &request->arm, done, arg, call, err);
    authorization_request_clear(request);
    if (rc == 0)
        planning->pending++;
    return rc;
}

/* At the next scope that there is to try; none: nothing is asked. */
static int ask_assignments(struct planning *planning, struct error *err)
{
    struct authorization_request request;
    struct plan_access *access = &planning->plan->access;
    access->listed_at = grants_list_scope(planning->plan, planning->widening);
    if (!access->listed_at)
        return 0;
    int rc = authorization_assignments(&request, access->listed_at, NULL, err);
    return ask_access(planning, &request, rc, on_assignments, planning,
                      &planning->calls[CALL_ASSIGNMENTS], err);
}

/* Quotes in OData texts are doubled. */
static char *named_filter(const char *name)
{
    struct buffer text = { 0 };
    char *out = NULL;
    buffer_text(&text, "roleName eq '");
    for (; *name; name++)
        buffer_format(&text, *name == '\'' ? "%c%c" : "%c", *name, *name);
    buffer_char(&text, '\'');
    (void)buffer_detach(&text, &out, NULL, NULL);
    return out;
}

static int ask_roles_where(struct planning *planning, const char *filter, size_t index,
                           struct error *err)
{
    struct roles_call *call = &planning->roles[index];
    struct authorization_request request;
    char *workspace = grants_list_scope(planning->plan, 2);
    int rc = workspace && filter ? authorization_roles(&request, workspace, filter, err)
                                 : error_set(err, ERROR_NO_MEMORY, "out of memory");
    call->planning = planning;
    rc = ask_access(planning, &request, rc, on_roles, call, &call->call, err);
    free(workspace);
    return rc;
}

/* Custom ones all together; of the many built-in ones those that the recipe names and we do not
 * know. */
static int ask_roles(struct planning *planning, struct error *err)
{
    const char *name;
    int rc = ask_roles_where(planning, "type eq 'CustomRole'", 0, err);
    for (size_t i = 0;
         rc == 0 && i < ROLES_ASKED_MAX && (name = grants_unknown_role(planning->plan, i)); i++) {
        char *filter = named_filter(name);
        rc = ask_roles_where(planning, filter, 1 + i, err);
        free(filter);
    }
    return rc;
}

static int ask_first(struct planning *planning, struct error *err)
{
    struct computes_request request;
    const struct workspace_ref workspace = plan_workspace_ref(planning->plan);
    int rc = computes_workspace(&request, &workspace, err);
    rc = ask(planning, &request, rc, on_workspace, CALL_WORKSPACE, err);
    if (rc < 0)
        return rc;
    rc = computes_list(&request, &workspace, err);
    if (rc == 0)
        request.arm.on_page = on_page;
    rc = ask(planning, &request, rc, on_list, CALL_LIST, err);
    rc = rc ? rc : ask_assignments(planning, err);
    return rc ? rc : ask_roles(planning, err);
}

/* ---- putting it together ---- */

static void warn_of_budget(struct plan *plan)
{
    const struct plan_counts counts = plan_counts(plan);
    size_t writes = counts.changes;
    if (plan->requests > READS_NEAR)
        plan_warn(plan,
                  "this plan took %lld requests; the cloud lets %d reads through at once, then "
                  "%d a second",
                  (long long)plan->requests, READS_AT_ONCE, READS_A_SECOND);
    if (writes > WRITES_AT_ONCE && plan->graph_url)
        plan_warn(plan,
                  "%zu changes: the cloud lets %d writes through at once, then %d a second, so "
                  "this takes %zu seconds or more",
                  writes, WRITES_AT_ONCE, WRITES_A_SECOND,
                  (writes - WRITES_AT_ONCE) / WRITES_A_SECOND);
}

/* A failure of the plane does not hide the recipe's own mistakes: those are told with it. */
static bool tells_problems_only(struct planning *planning)
{
    struct plan *plan = planning->plan;
    if (planning->rc == 0 || plan->problems.count == 0)
        return false;
    plan_warn(plan, "%s, so nothing was checked against the plane", planning->err.message);
    for (size_t i = 0; i < plan->count; i++) {
        diff_clear(&plan->items[i].diff);
        plan->items[i].conflict = true; /* nothing is known of them */
    }
    plan_settle(plan);
    return true;
}

/* A loaded plan is what was reviewed, or it is nothing.  Warnings and checks may differ: an apply
 * goes by what they say now. */
static void compare_saved(struct planning *planning)
{
    static const char *const apart[] = { "request", "warnings", "checks", "digest" };
    struct buffer text = { 0 };
    cJSON *now = NULL;
    plan_write_json(planning->plan, false, &text);
    if (text.data && json_parse(text.data, text.size, "plan", &now, NULL) == 0) {
        for (size_t i = 0; i < COUNT(apart); i++) {
            cJSON_DeleteItemFromObjectCaseSensitive(now, apart[i]);
            cJSON_DeleteItemFromObjectCaseSensitive((cJSON *)planning->saved, apart[i]);
        }
    }
    if (!now || !json_equal(now, planning->saved))
        planning->rc = error_set(&planning->err, ERROR_CONFLICT,
                                 "the world has moved since this plan was saved: plan again");
    cJSON_Delete(now);
    buffer_clear(&text);
}

static void finish(struct planning *planning)
{
    struct plan *plan = planning->plan;
    struct arm_client_stats stats = arm_client_stats(planning->client);
    plan->requests = stats.requests - planning->requests_before;
    plan->made_at_ms = loop_now_ms(arm_client_loop(planning->client));
    bool told = tells_problems_only(planning);
    if (told)
        planning->rc = 0;
    if (planning->rc == 0 && !told) {
        check_replace_names(plan);
        warn_of_budget(plan);
    }
    problems_sort(&plan->problems);
    if (plan->problems.dropped > 0)
        plan_warn(plan, "%zu more problems are not told here", plan->problems.dropped);
    if (plan->problems.failed && planning->rc == 0)
        planning->rc = error_set(&planning->err, ERROR_NO_MEMORY, "out of memory");
    if (planning->rc == 0 && planning->saved)
        compare_saved(planning);
    plan_done_fn *done = planning->done;
    void *arg = planning->arg;
    struct error err = planning->err;
    int rc = planning->rc;
    if (rc == 0)
        planning->plan = NULL; /* the receiver's */
    planning_free(planning);
    done(rc, rc == 0 ? plan : NULL, rc == 0 ? NULL : &err, arg);
}

static void on_checked(int rc, const struct error *err, void *arg)
{
    struct planning *planning = arg;
    if (rc < 0) {
        planning->rc = rc;
        planning->err = *err;
    }
    finish(planning);
}

/* All answers are in. */
static void settle(void *arg)
{
    struct planning *planning = arg;
    struct plan *plan = planning->plan;
    if (planning->rc == 0 && plan->fleet->name && grants_add_items(plan) < 0)
        fail(planning, ERROR_NO_MEMORY, NULL, "out of memory");
    if (planning->rc < 0) {
        finish(planning);
        return;
    }
    plan_settle(plan);
    if (!plan->fleet->name) { /* nothing to ask about: only problems to tell */
        finish(planning);
        return;
    }
    planning->checks = checks_start(plan, planning->client, on_checked, planning);
    if (!planning->checks) {
        fail(planning, ERROR_NO_MEMORY, NULL, "out of memory");
        finish(planning);
    }
}

int planning_start(struct arm_client *client, const struct plan_request *request,
                   struct planning_saved saved, plan_done_fn *done, void *arg,
                   struct planning **out, struct error *err)
{
    struct planning *planning = calloc(1, sizeof *planning);
    if (!planning) {
        cJSON_Delete(saved.plan);
        cJSON_Delete(saved.document);
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    *planning =
        (struct planning) { .client = client, .done = done, .arg = arg, .saved = saved.plan };
    planning->requests_before = arm_client_stats(client).requests;
    int rc = plan_new(request, &planning->plan, err);
    if (rc < 0 || !planning->plan) {
        cJSON_Delete(saved.document);
        planning_free(planning);
        return rc;
    }
    planning->plan->own_document = saved.document;
    /* From here on every end is told by the callback: a request that could not be sent is a failed
     * one. */
    struct error first = { 0 };
    planning->pending = 1; /* this function itself */
    if (planning->plan->fleet->name) {
        rc = ask_first(planning, &first);
        rc = rc ? rc : ask_directory(planning, &first);
        if (rc < 0)
            fail(planning, rc, &first, "planning");
    }
    if (--planning->pending == 0) {
        rc = loop_post(arm_client_loop(client), settle, planning);
        if (rc < 0) {
            planning_free(planning);
            return error_set(err, rc, "out of memory");
        }
    }
    if (out)
        *out = planning;
    return 0;
}

int plan_make(struct arm_client *client, const struct plan_request *request, plan_done_fn *done,
              void *arg, struct error *err)
{
    return planning_start(client, request, (struct planning_saved) { 0 }, done, arg, NULL, err);
}

/* ---- waiting for it ---- */

void planning_waiting_done(int rc, struct plan *plan, const struct error *err, void *arg)
{
    struct planning_waiting *waiting = arg;
    waiting->done = true;
    waiting->rc = rc;
    waiting->plan = plan;
    if (err && waiting->err)
        *waiting->err = *err;
}

int planning_wait(struct arm_client *client, struct planning_waiting *waiting,
                  struct plan **out_plan)
{
    int rc = loop_run_until(arm_client_loop(client), &waiting->done);
    if (!waiting->done) {
        abandon(waiting->planning);
        return error_set(waiting->err, rc < 0 ? rc : ERROR_CANCELLED, "planning was interrupted");
    }
    if (waiting->rc == 0)
        *out_plan = waiting->plan;
    return waiting->rc;
}

int plan_make_wait(struct arm_client *client, const struct plan_request *request,
                   struct plan **out_plan, struct error *err)
{
    struct planning_waiting waiting = { .err = err };
    int rc = planning_start(client, request, (struct planning_saved) { 0 }, planning_waiting_done,
                            &waiting, &waiting.planning, err);
    return rc < 0 ? rc : planning_wait(client, &waiting, out_plan);
}
