/* instance_power.c - start, stop, restart, delete: the same request to many instances at once. */
#include "cli/instances.h"

#include "base/text.h"
#include "cli/progress.h"
#include "model/schema.h"

#define NAMES_ASKED_MAX 10 /* a question names so many */

typedef int computes_fn(struct computes_request *out, const struct workspace_ref *workspace,
                        const char *name, struct error *err);

/* What makes one of these commands. */
struct act {
    const char *name, *doing, *done;
    computes_fn *request;
    bool deletes;
    /* With --all and its like: is there anything to do for this one? NULL: always. */
    bool (*applies)(const cJSON *body);
};

/* One instance of the command. */
struct target {
    struct acting *acting;
    const char *name; /* borrowed from the list or from argv */
    struct error err;
    bool failed;
};

struct acting {
    struct invocation *invocation;
    const struct act *act;
    struct session *session;
    struct workspace_ref workspace;
    struct instances list; /* when they had to be looked up */
    struct target *targets;
    size_t count, open, failed;
    struct progress *progress;
    bool wait, over;
};

static void acting_clear(struct acting *acting)
{
    progress_free(acting->progress);
    free(acting->targets);
    instances_clear(&acting->list);
    session_free(acting->session);
}

/* ---- which ones ---- */

static bool needs_lookup(const struct invocation *invocation, const struct act *act)
{
    if (act->deletes || invocation_flag(invocation, "all") || invocation_flag(invocation, "mine") ||
        invocation_flag(invocation, "fleet"))
        return true;
    for (size_t i = 0; i < invocation->argument_count; i++)
        if (instance_name_is_glob(invocation->arguments[i]))
            return true;
    return false;
}

static int check_selection(const struct invocation *invocation, struct error *err)
{
    bool named = invocation->argument_count > 0, all = invocation_flag(invocation, "all");
    bool filtered = invocation_flag(invocation, "mine") || invocation_flag(invocation, "fleet");
    if (!named && !all && !filtered)
        return error_set(err, ERROR_USAGE, "%s needs NAME…, --all, --fleet or --mine",
                         invocation->command->name);
    if (named && all)
        return error_set(err, ERROR_USAGE, "--all and names exclude each other");
    if (invocation_flag(invocation, "wait") && invocation_flag(invocation, "no-wait"))
        return error_set(err, ERROR_USAGE, "--wait and --no-wait exclude each other");
    return 0;
}

static int make_targets(struct acting *acting, size_t max, struct error *err)
{
    acting->targets = calloc(max + 1, sizeof *acting->targets);
    return acting->targets ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
}

static void add_target(struct acting *acting, const char *name)
{
    for (size_t i = 0; i < acting->count; i++)
        if (text_equal_nocase(acting->targets[i].name, name))
            return; /* named twice */
    acting->targets[acting->count++] = (struct target) { .acting = acting, .name = name };
}

static int look_up(struct acting *acting, struct error *err)
{
    struct instance_filter filter = { 0 };
    char *me = NULL;
    int rc = instance_filter_of(acting->invocation, acting->session, &filter, &me, err);
    if (rc == 0)
        rc = instances_list(acting->session, &filter, &acting->list, err);
    if (rc == 0 && !filter.fleet && !filter.person_id)
        rc = instances_check_names(acting->session, &filter, &acting->list, err);
    free(me);
    if (rc == 0)
        rc = make_targets(acting, acting->list.count, err);
    for (size_t i = 0; rc == 0 && i < acting->list.count; i++) {
        const struct instance *instance = &acting->list.items[i];
        bool named = filter.name_count > 0;
        if (named || !acting->act->applies || acting->act->applies(instance->body))
            acting->targets[acting->count++] =
                (struct target) { .acting = acting, .name = instance->name };
    }
    return rc;
}

static int select_targets(struct acting *acting, struct error *err)
{
    const struct invocation *invocation = acting->invocation;
    if (needs_lookup(invocation, acting->act))
        return look_up(acting, err);
    int rc = make_targets(acting, invocation->argument_count, err);
    for (size_t i = 0; rc == 0 && i < invocation->argument_count; i++)
        add_target(acting, invocation->arguments[i]);
    return rc;
}

/* ---- deleting ---- */

/* `protect` of a recipe holds for people's hands too. */
static int refuse_protected(const struct acting *acting, struct error *err)
{
    for (size_t i = 0; i < acting->list.count; i++)
        if (text_equal_nocase(schema_tag(acting->list.items[i].body, TAG_PROTECT), "true"))
            return error_set(
                err, ERROR_CONFLICT,
                "%s is protected: take 'protect' out of its recipe and apply that first",
                acting->list.items[i].name);
    return 0;
}

static int confirm_delete(const struct acting *acting, struct error *err)
{
    struct buffer question = { 0 };
    if (invocation_flag(acting->invocation, "yes") || acting->count == 0)
        return 1;
    buffer_format(&question, "Delete %zu instance%s (", acting->count,
                  acting->count == 1 ? "" : "s");
    for (size_t i = 0; i < acting->count && i < NAMES_ASKED_MAX; i++) {
        buffer_text(&question, i > 0 ? ", " : "");
        output_escape(&question, acting->targets[i].name, false);
    }
    buffer_text(&question, acting->count > NAMES_ASKED_MAX ? ", …" : "");
    buffer_text(&question, ") and what is on their disks?");
    int rc = buffer_check(&question, "a question", err);
    if (rc == 0)
        rc = output_confirm(acting->invocation->output, question.data, err);
    buffer_clear(&question);
    int woken = rc > 0 ? session_wake(acting->session, acting->invocation, err) : 0;
    return woken < 0 ? woken : rc;
}

/* ---- acting ---- */

static void target_ended(struct target *target, int rc, const struct error *err)
{
    struct acting *acting = target->acting;
    size_t index = (size_t)(target - acting->targets);
    if (rc < 0) {
        target->err = *err;
        target->failed = true;
        acting->failed++;
    }
    progress_done(acting->progress, index, target->name,
                  rc < 0         ? "failed"
                  : acting->wait ? acting->act->done
                                 : "accepted",
                  rc < 0);
    if (--acting->open == 0)
        acting->over = true;
}

static void on_done(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    (void)reply;
    target_ended(arg, rc, err);
}

static void begin(struct acting *acting, size_t index)
{
    struct target *target = &acting->targets[index];
    struct computes_request request = { 0 };
    struct error err = { 0 };
    progress_doing(acting->progress, index, target->name, acting->act->doing);
    int rc = acting->act->request(&request, &acting->workspace, target->name, &err);
    if (rc == 0 && !acting->wait)
        request.arm.follow = ARM_REPLY;
    if (rc == 0)
        rc = arm_send(session_client(acting->session), &request.arm, on_done, target, NULL, &err);
    computes_request_clear(&request);
    if (rc < 0)
        target_ended(target, rc, &err);
}

static int act_on_all(struct acting *acting, struct error *err)
{
    int rc =
        progress_new(session_loop(acting->session), acting->invocation->output, acting->count,
                     acting->count, !session_is_virtual(acting->session), &acting->progress, err);
    if (rc < 0)
        return rc;
    acting->open = acting->count;
    acting->over = acting->count == 0;
    for (size_t i = 0; i < acting->count; i++)
        begin(acting, i);
    if (loop_run_until(session_loop(acting->session), &acting->over) < 0)
        return error_set(err, ERROR_INTERNAL, "nothing is left to wait for, and it is not done");
    progress_free(acting->progress);
    acting->progress = NULL;
    return 0;
}

static cJSON *report_json(const struct acting *acting)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "action", acting->act->name);
    cJSON *rows = cJSON_AddArrayToObject(document, "instances");
    for (size_t i = 0; i < acting->count; i++) {
        const struct target *target = &acting->targets[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", target->name);
        cJSON_AddStringToObject(row, "result",
                                target->failed ? "failed"
                                : acting->wait ? "done"
                                               : "accepted");
        if (target->failed)
            cJSON_AddItemToObject(row, "error", json_error(&target->err));
        cJSON_AddItemToArray(rows, row);
    }
    return document;
}

static int report(struct acting *acting)
{
    struct output *output = acting->invocation->output;
    if (output->json) {
        output_json(output, report_json(acting));
        return acting->failed > 0 ? EXIT_FAILED : EXIT_DONE;
    }
    for (size_t i = 0; i < acting->count; i++) {
        struct target *target = &acting->targets[i];
        if (!target->failed)
            continue;
        (void)error_wrap(&target->err, target->err.code, "%s", target->name);
        output_error(output, &target->err);
    }
    if (acting->count == 0)
        output_note(output, "nothing to %s\n", acting->act->name);
    return acting->failed > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int run_act(struct invocation *invocation, const struct act *act, struct error *err)
{
    struct acting acting = { .invocation = invocation,
                             .act = act,
                             .wait = !invocation_flag(invocation, "no-wait") };
    int rc = check_selection(invocation, err);
    if (rc == 0)
        rc = session_open(invocation, &acting.session, err);
    if (rc == 0)
        rc = session_workspace(acting.session, &acting.workspace, err);
    if (rc == 0)
        rc = select_targets(&acting, err);
    if (rc == 0 && act->deletes)
        rc = refuse_protected(&acting, err);
    if (rc == 0 && act->deletes) {
        int answer = confirm_delete(&acting, err);
        if (answer == 0)
            output_note(invocation->output, "moonfleet: nothing was deleted\n");
        rc = answer < 0 ? answer : answer == 0 ? EXIT_FAILED : 0;
    }
    if (rc == 0)
        rc = act_on_all(&acting, err);
    if (rc == 0)
        rc = report(&acting);
    acting_clear(&acting);
    return rc;
}

/* ---- rows ---- */

static bool is_stopped(const cJSON *body)
{
    return text_equal(json_string(body, "properties.properties.state", NULL), "Stopped");
}

static bool is_running(const cJSON *body)
{
    return text_equal(json_string(body, "properties.properties.state", NULL), "Running");
}

static int run_start(struct invocation *invocation, struct error *err)
{
    static const struct act act = { .name = "start",
                                    .doing = "starting",
                                    .done = "started",
                                    .request = computes_start,
                                    .applies = is_stopped };
    return run_act(invocation, &act, err);
}

static int run_stop(struct invocation *invocation, struct error *err)
{
    static const struct act act = { .name = "stop",
                                    .doing = "stopping",
                                    .done = "stopped",
                                    .request = computes_stop,
                                    .applies = is_running };
    return run_act(invocation, &act, err);
}

static int run_restart(struct invocation *invocation, struct error *err)
{
    static const struct act act = { .name = "restart",
                                    .doing = "restarting",
                                    .done = "restarted",
                                    .request = computes_restart,
                                    .applies = is_running };
    return run_act(invocation, &act, err);
}

static int run_delete(struct invocation *invocation, struct error *err)
{
    static const struct act act = { .name = "delete",
                                    .doing = "deleting",
                                    .done = "deleted",
                                    .request = computes_delete,
                                    .deletes = true };
    return run_act(invocation, &act, err);
}

#define TARGETS "NAME… | --all | --fleet NAME | --mine"
#define RESULT_JSON                                                                                \
    "--json: "                                                                                     \
    "{\"action\",\"instances\":[{\"name\",\"result\":\"done\"|\"accepted\"|\"failed\",\"error\"}]" \
    "}."

const struct command command_start = {
    .name = "start",
    .arguments = TARGETS,
    .arguments_max = -1,
    .summary = "start instances",
    .details = "Names may be globs. With --all, --fleet or --mine only stopped ones are "
               "started.\n" RESULT_JSON,
    .examples = "moonfleet start ds-ada ds-grace\n"
                "moonfleet start --mine --no-wait",
    .needs = NEEDS_TARGETS | NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_start,
};

const struct command command_stop = {
    .name = "stop",
    .arguments = TARGETS,
    .arguments_max = -1,
    .summary = "stop instances; their disks stay",
    .details = "Names may be globs. With --all, --fleet or --mine only running ones are "
               "stopped.\n" RESULT_JSON,
    .examples = "moonfleet stop ds-ada\n"
                "moonfleet stop --fleet ds",
    .needs = NEEDS_TARGETS | NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_stop,
};

const struct command command_restart = {
    .name = "restart",
    .arguments = TARGETS,
    .arguments_max = -1,
    .summary = "restart instances",
    .details = RESULT_JSON,
    .examples = "moonfleet restart 'ds-*'",
    .needs = NEEDS_TARGETS | NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_restart,
};

static const struct option_row delete_options[] = {
    { "yes", 'y', NULL, "do not ask for confirmation", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_delete = {
    .name = "delete",
    .arguments = TARGETS,
    .arguments_max = -1,
    .summary = "delete instances and their disks",
    .details = "Asks first. Instances whose recipe says 'protect' are refused.\n" RESULT_JSON,
    .examples = "moonfleet delete ds-ada\n"
                "moonfleet delete --fleet ds --yes",
    .options = delete_options,
    .needs = NEEDS_TARGETS | NEEDS_PLANE,
    .completes = COMPLETES_INSTANCE,
    .run = run_delete,
};
