/* fleet_commands.c - plan, apply, destroy: from a recipe to what changed. */
#include "cli/fleet_commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/plan_text.h"
#include "cli/progress.h"
#include "cli/recipe_run.h"
#include "cli/session.h"
#include "engine/apply.h"
#include "script/recipe.h"

#define LEFT_NAMED_MAX 20 /* what was left is told by name up to so many */
#define LABEL_SIZE 512
#define REPLACE_MAX 1024
#define FORCED_MAX 64

/* What one of these commands holds; released in the reverse order. */
struct work {
    struct invocation *invocation;
    cJSON *document; /* the recipe's; NULL for a saved plan */
    struct buffer saved;
    struct session *session;
    struct plan *plan;
    long parallel;
    char *forced[FORCED_MAX]; /* names after --force-checks; owned */
    size_t forced_count;
};

static void work_clear(struct work *work)
{
    plan_free(work->plan);
    session_free(work->session);
    buffer_clear(&work->saved);
    cJSON_Delete(work->document);
    for (size_t i = 0; i < work->forced_count; i++)
        free(work->forced[i]);
}

/* ---- planning ---- */

/* One name of --force-checks: must be a check's. */
static int take_forced(struct work *work, const char *name, size_t size, struct error *err)
{
    size_t count;
    const char *const *names = plan_check_names(&count);
    char *copy = text_dup_size(name, size);
    if (!copy || work->forced_count == FORCED_MAX) {
        free(copy);
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    work->forced[work->forced_count++] = copy;
    for (size_t i = 0; i < count; i++)
        if (text_equal(names[i], copy))
            return 0;
    const char *near = text_nearest(copy, names, count);
    if (near)
        return error_set(err, ERROR_USAGE, "--force-checks: no check '%s', did you mean '%s'?",
                         copy, near);
    return error_set(err, ERROR_USAGE, "--force-checks: no check '%s'; there are " PLAN_CHECK_WORDS,
                     copy);
}

static int read_forced(struct work *work, struct error *err)
{
    const char *value;
    for (size_t i = 0; (value = invocation_value_at(work->invocation, "force-checks", i)); i++) {
        for (size_t size; *value; value += size + (value[size] == ',')) {
            size = strcspn(value, ",");
            int rc = size > 0 ? take_forced(work, value, size, err) : 0;
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* Does the file begin as a plan that we saved? What cannot be read is not one. */
static bool file_is_saved_plan(const char *path)
{
    char head[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (fd >= 0)
        (void)close(fd);
    return size > 0 && plan_is_saved(head, (size_t)size);
}

/* Where the context points.  The workspace may stand in the recipe. */
static int take_target(const struct work *work, struct plan_target *out, struct error *err)
{
    const struct context *context = session_context(work->session);
    int rc = session_group(work->session, err);
    if (rc < 0)
        return rc;
    *out = (struct plan_target) { .subscription = context->subscription,
                                  .group = context->group,
                                  .workspace = context->workspace,
                                  .tenant = context->tenant };
    return 0;
}

static const char *secret_of(const char *name, void *arg)
{
    return recipe_secret(arg, name);
}

static int load_saved(struct work *work, const char *path, bool destroy, struct error *err)
{
    if (invocation_flag(work->invocation, "parameter") ||
        invocation_flag(work->invocation, "replace") || work->forced_count > 0)
        return error_set(err, ERROR_USAGE,
                         "a saved plan already holds its parameters, replacements and forced "
                         "checks");
    struct plan_target target;
    cJSON *secrets = NULL;
    int rc = recipe_secrets(work->invocation, &secrets, err);
    if (rc == 0)
        rc = file_read(path, PLAN_FILE_MAX, &work->saved, err);
    if (rc == 0)
        rc = session_open(work->invocation, &work->session, err);
    if (rc == 0)
        rc = take_target(work, &target, err);
    if (rc == 0) {
        target.secret = secret_of;
        target.secret_arg = secrets;
        rc = plan_load_wait(session_client(work->session), &target, work->saved.data,
                            work->saved.size, &work->plan, err);
    }
    cJSON_Delete(secrets);
    if (rc == 0 && destroy && !plan_is_destroy(work->plan))
        rc = error_set(err, ERROR_USAGE,
                       "this saved plan destroys nothing: 'moonfleet apply' carries it out");
    return rc;
}

static int plan_recipe(struct work *work, const char *path, bool destroy, struct error *err)
{
    const char *replace[REPLACE_MAX];
    size_t count = 0;
    /* the recipe first: its mistakes need no plane */
    int rc = recipe_run(work->invocation, path, &work->document, err);
    if (rc == 0)
        rc = session_open(work->invocation, &work->session, err);
    struct plan_request request = { .document = work->document,
                                    .destroy = destroy,
                                    .forced = (const char *const *)work->forced,
                                    .forced_count = work->forced_count,
                                    .parallel = (int)work->parallel };
    if (rc == 0)
        rc = take_target(work, &request.target, err);
    if (rc < 0)
        return rc;
    while (count < COUNT(replace) &&
           (replace[count] = invocation_value_at(work->invocation, "replace", count)))
        count++;
    request.replace = replace;
    request.replace_count = count;
    return plan_make_wait(session_client(work->session), &request, &work->plan, err);
}

/* Every mistake of the recipe, once; how many. */
static size_t report_problems(const struct work *work)
{
    size_t count = 0;
    const struct plan_problem *problems = plan_problems(work->plan, &count);
    for (size_t i = 0; i < count; i++) {
        struct error err = { 0 };
        (void)error_set(&err, ERROR_INVALID, "%s", problems[i].message);
        error_at(&err, problems[i].file, problems[i].line);
        output_error(work->invocation->output, &err);
    }
    return count;
}

/* Makes work->plan and reports what is wrong with it: 0 for a sound plan, EXIT_FAILED after
 * reporting mistakes, or an error. */
static int make_plan(struct work *work, bool destroy, struct error *err)
{
    const char *path = work->invocation->arguments[0];
    size_t count = 0;
    int rc = read_forced(work, err);
    if (rc < 0)
        return rc;
    rc = file_is_saved_plan(path) ? load_saved(work, path, destroy, err)
                                  : plan_recipe(work, path, destroy, err);
    if (rc < 0)
        return rc;
    const char *const *warnings = plan_warnings(work->plan, &count);
    for (size_t i = 0; i < count; i++) {
        char safe[ERROR_MESSAGE_SIZE];
        output_warning(work->invocation->output, "%s", output_safe(safe, sizeof safe, warnings[i]));
    }
    return report_problems(work) > 0 ? EXIT_FAILED : 0;
}

static int print_plan(const struct work *work, struct error *err)
{
    struct output *output = work->invocation->output;
    struct buffer text = { 0 };
    if (output->json)
        plan_write_json(work->plan, false, &text);
    else
        plan_text(work->plan, output->colour_out, &text);
    int rc = buffer_check(&text, "the plan", err);
    if (rc == 0) {
        (void)fwrite(text.data, 1, text.size, stdout);
        output->document_printed = output->json;
    }
    buffer_clear(&text);
    return rc;
}

/* Which checks failed, by name, and the way past them, on stderr: EXIT_FAILED. */
static int refuse_checks(const struct work *work, const char *consequence)
{
    size_t count;
    const char *last = NULL;
    struct buffer names = { 0 };
    const struct plan_check *checks = plan_checks(work->plan, &count);
    for (size_t i = 0; i < count; i++) {
        if (checks[i].status != PLAN_CHECK_FAILURE || checks[i].forced ||
            text_equal(last, checks[i].name))
            continue;
        buffer_format(&names, "%s%s", last ? "," : "", checks[i].name);
        last = checks[i].name;
    }
    output_note(work->invocation->output,
                "moonfleet: %zu failed %s%s%s; --force-checks %s goes on regardless\n",
                plan_failed_checks(work->plan),
                plan_failed_checks(work->plan) == 1 ? "check" : "checks", consequence ? ": " : "",
                consequence ? consequence : "", names.data ? names.data : "");
    buffer_clear(&names);
    return EXIT_FAILED;
}

/* ---- plan ---- */

static int save_plan(const struct work *work, const char *path, struct error *err)
{
    struct buffer text = { 0 };
    plan_write_json(work->plan, true, &text);
    int rc = buffer_check(&text, "the plan", err);
    if (rc == 0)
        rc = file_write(path, text.data, text.size, 0600, err); /* it holds the recipe's scripts */
    buffer_clear(&text);
    return rc < 0 ? error_wrap(err, rc, "saving the plan") : 0;
}

static int run_plan(struct invocation *invocation, struct error *err)
{
    struct work work = { .invocation = invocation };
    const char *path = invocation_value(invocation, "out", NULL);
    int rc = make_plan(&work, invocation_flag(invocation, "destroy"), err);
    bool sound = rc == 0 && plan_failed_checks(work.plan) == 0;
    if (sound && path)
        rc = save_plan(&work, path, err);
    if (rc == 0)
        rc = print_plan(&work, err);
    if (rc == 0 && !sound)
        rc = refuse_checks(&work, path ? "the plan was not saved" : NULL);
    if (rc == 0 && invocation_flag(invocation, "detailed-exitcode") &&
        plan_counts(work.plan).changes > 0)
        rc = EXIT_CHANGES;
    work_clear(&work);
    return rc;
}

/* ---- apply ---- */

/* One apply as it runs. */
struct running {
    struct work *work;
    struct apply *apply;
    struct progress *progress;
    struct loop_signal *interrupt;
    bool *begun; /* for each step of the plan */
    int interrupts;
    bool over;
    struct apply_summary summary; /* its failures live as long as `apply` */
};

static void on_interrupt(void *arg)
{
    struct running *running = arg;
    if (++running->interrupts > 1) {
        progress_free(running->progress);
        _exit(EXIT_INTERRUPTED); /* at once: whatever is in flight is the plane's to finish */
    }
    progress_note(running->progress,
                  "moonfleet: interrupted: waiting for what is in flight; once more "
                  "leaves at once");
    apply_stop(running->apply);
}

/* Most steps are instances; of others the type is told, because a role and its grants have the same
 * name. */
static const char *label_of(const struct plan_step *step, char out[LABEL_SIZE])
{
    bool plain = text_equal(step->type, "instance");
    (void)snprintf(out, LABEL_SIZE, "%s%s%s", plain ? "" : step->type, plain ? "" : " ",
                   step->name);
    return out;
}

static void on_step(const struct apply_event *event, void *arg)
{
    static const char *const done[PLAN_ACTIONS] = {
        [PLAN_CREATE] = "created", [PLAN_UPDATE] = "updated", [PLAN_REPLACE] = "replaced",
        [PLAN_DELETE] = "deleted", [PLAN_START] = "started",  [PLAN_STOP] = "stopped",
        [PLAN_WAIT] = "settled",   [PLAN_UNCHANGED] = "kept",
    };
    struct running *running = arg;
    char label[LABEL_SIZE];
    (void)label_of(event->step, label);
    running->begun[event->index] = true;
    switch (event->kind) {
    case APPLY_STARTED:
    case APPLY_DOING:
        progress_doing(running->progress, event->index, label,
                       event->doing ? event->doing : "beginning");
        break;
    case APPLY_DONE:
        progress_done(running->progress, event->index, label, done[event->step->action], false);
        break;
    case APPLY_FAILED:
        progress_done(running->progress, event->index, label, "failed", true);
        break;
    }
}

static void on_done(const struct apply_summary *summary, void *arg)
{
    struct running *running = arg;
    running->summary = *summary;
    running->over = true;
}

static void report_failures(const struct running *running)
{
    for (size_t i = 0; i < running->summary.failure_count; i++) {
        const struct apply_failure *failure = &running->summary.failures[i];
        struct error err = { 0 };
        char label[LABEL_SIZE];
        (void)error_set(&err, failure->code, "%s: %s", label_of(failure->step, label),
                        failure->message);
        err.status = failure->status;
        (void)text_copy(err.name, sizeof err.name, failure->name ? failure->name : "");
        (void)text_copy(err.target, sizeof err.target, failure->target ? failure->target : "");
        (void)text_copy(err.details, sizeof err.details, failure->details ? failure->details : "");
        error_at(&err, failure->step->file, failure->step->line);
        output_error(running->work->invocation->output, &err);
    }
}

/* Names of the steps that never began. */
static void report_left(const struct running *running)
{
    const struct plan *plan = running->work->plan;
    size_t told = 0;
    if (running->summary.left == 0)
        return;
    output_note(running->work->invocation->output, "moonfleet: left undone:");
    for (size_t i = 0; i < plan_step_count(plan) && told < LEFT_NAMED_MAX; i++) {
        char safe[OUTPUT_SAFE_SIZE], label[LABEL_SIZE];
        if (running->begun[i] || plan_step(plan, i)->action == PLAN_UNCHANGED)
            continue;
        output_note(running->work->invocation->output, "%s %s", told ? "," : "",
                    output_safe(safe, sizeof safe, label_of(plan_step(plan, i), label)));
        told++;
    }
    if (running->summary.left > told)
        output_note(running->work->invocation->output, " and %zu more",
                    running->summary.left - told);
    output_note(running->work->invocation->output, "; apply again to go on\n");
}

static void report_summary(const struct running *running)
{
    const struct apply_summary *summary = &running->summary;
    const struct output *output = running->work->invocation->output;
    char elapsed[32];
    (void)snprintf(elapsed, sizeof elapsed, "%.1fs", (double)summary->elapsed_ms / 1000.0);
    output_print(output, "%zu done", summary->done_count);
    if (summary->failed > 0)
        output_print(output, ", %zu failed", summary->failed);
    if (summary->left > 0)
        output_print(output, ", %zu left", summary->left);
    if (summary->unchanged > 0)
        output_print(output, ", %zu unchanged", summary->unchanged);
    output_print(output, "  (%s)\n", elapsed);
}

static int report_apply(const struct running *running, struct error *err)
{
    struct output *output = running->work->invocation->output;
    const struct apply_summary *summary = &running->summary;
    struct buffer text = { 0 };
    int rc = 0;
    if (output->json) {
        apply_write_json(running->apply, &text);
        rc = buffer_check(&text, "the result", err);
        if (rc == 0)
            (void)fwrite(text.data, 1, text.size, stdout);
        output->document_printed = rc == 0;
        buffer_clear(&text);
    } else {
        report_failures(running);
        report_summary(running);
    }
    report_left(running);
    if (rc < 0)
        return rc;
    return summary->stopped ? EXIT_INTERRUPTED : summary->failed > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int start_apply(struct running *running, struct error *err)
{
    struct work *work = running->work;
    struct loop *loop = session_loop(work->session);
    const struct apply_observer observer = { .step = on_step, .done = on_done, .arg = running };
    size_t steps = plan_step_count(work->plan);
    running->begun = calloc(steps + 1, sizeof *running->begun);
    if (!running->begun)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    const struct apply_options options = { .parallel = (int)work->parallel };
    int rc = apply_start(session_client(work->session), work->plan, &options, &observer,
                         &running->apply, err);
    if (rc == 0)
        rc = progress_new(loop, work->invocation->output, steps, plan_counts(work->plan).changes,
                          !session_is_virtual(work->session), &running->progress, err);
    if (rc == 0 && loop_signal_new(loop, SIGINT, on_interrupt, running, &running->interrupt) < 0)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    return rc;
}

static int run_steps(struct work *work, struct error *err)
{
    struct running running = { .work = work };
    int rc = start_apply(&running, err);
    if (rc == 0 && loop_run_until(session_loop(work->session), &running.over) < 0)
        rc = error_set(err, ERROR_INTERNAL, "the apply has nothing to wait for and is not done");
    progress_free(running.progress);
    if (rc == 0)
        rc = report_apply(&running, err);
    loop_signal_free(running.interrupt);
    apply_free(running.apply);
    free(running.begun);
    return rc;
}

/* 1: go on, 0: do not, or an error. */
static int confirm(const struct work *work, bool destroy, struct error *err)
{
    struct plan_counts counts = plan_counts(work->plan);
    struct buffer question = { 0 };
    /* a blocked plan is refused anyway: do not ask first */
    if (counts.changes == 0 || counts.blocked > 0 || invocation_flag(work->invocation, "yes"))
        return 1;
    buffer_text(&question, destroy ? "Destroy: " : "Apply: ");
    plan_text_counts(work->plan, &question);
    buffer_text(&question, "?");
    int rc = buffer_check(&question, "a question", err);
    if (rc == 0)
        rc = output_confirm(work->invocation->output, question.data, err);
    buffer_clear(&question);
    int woken = rc > 0 ? session_wake(work->session, work->invocation, err) : 0;
    return woken < 0 ? woken : rc;
}

static int apply_or_destroy(struct invocation *invocation, bool destroy, struct error *err)
{
    struct work work = { .invocation = invocation };
    int rc = invocation_number(invocation, "parallel", 1, APPLY_PARALLEL_MAX,
                               APPLY_PARALLEL_DEFAULT, &work.parallel, err);
    if (rc == 0)
        rc = make_plan(&work, destroy, err);
    if (rc == 0 && !invocation->output->json)
        rc = print_plan(&work, err);
    if (rc == 0 && !invocation->output->json && plan_failed_checks(work.plan) > 0)
        rc = refuse_checks(&work, "nothing was changed");
    if (rc == 0) {
        (void)fflush(stdout);
        int answer = confirm(&work, destroy, err);
        if (answer == 0) {
            output_note(invocation->output, "moonfleet: nothing was changed\n");
            rc = EXIT_FAILED;
        } else {
            rc = answer < 0 ? answer : 0;
        }
    }
    if (rc == 0 && (plan_counts(work.plan).changes > 0 || invocation->output->json))
        rc = run_steps(&work, err);
    work_clear(&work);
    return rc;
}

static int run_apply(struct invocation *invocation, struct error *err)
{
    return apply_or_destroy(invocation, false, err);
}

static int run_destroy(struct invocation *invocation, struct error *err)
{
    return apply_or_destroy(invocation, true, err);
}

/* ---- rows ---- */

#define FORCE_CHECKS                                                                               \
    {                                                                                              \
        "force-checks", 0, "NAMES",                                                                \
            "go on although checks of these names failed, separated by commas", COMPLETES_WORDS,   \
            PLAN_CHECK_WORDS                                                                       \
    }

static const struct option_row plan_options[] = {
    { "out", 'o', "FILE", "save the plan, for 'apply FILE'", COMPLETES_FILE, NULL },
    { "replace", 0, "NAME", "let NAME be deleted and created again; may be repeated",
      COMPLETES_INSTANCE, NULL },
    FORCE_CHECKS,
    { "destroy", 0, NULL, "plan the deletion of everything the fleet owns", COMPLETES_NOTHING,
      NULL },
    { "detailed-exitcode", 0, NULL, "exit with 2 when there are changes", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

static const struct option_row replace_options[] = {
    { "replace", 0, "NAME", "let NAME be deleted and created again; may be repeated",
      COMPLETES_INSTANCE, NULL },
    FORCE_CHECKS,
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

static const struct option_row destroy_options[] = {
    FORCE_CHECKS,
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_plan = {
    .name = "plan",
    .arguments = "RECIPE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "show what an apply would change, and why",
    .details =
        "Evaluates the recipe, lists what the plane has, and compares. Nothing is changed. Every\n"
        "mistake of the recipe is told with its file and line. '+' is created, '~' updated in\n"
        "place, '±' deleted and created again (only with --replace), '-' deleted. Then come the\n"
        "checks: what would make an apply fail. A failed one makes the exit status 1; what could\n"
        "not be found out ('?') stops nothing.",
    .examples =
        "moonfleet plan fleet.lua\n"
        "moonfleet plan fleet.lua -p team=ds --detailed-exitcode\n"
        "moonfleet plan fleet.lua --out reviewed.plan\tand later: moonfleet apply reviewed.plan",
    .options = plan_options,
    .needs = NEEDS_RECIPE | NEEDS_PLANE,
    .completes = COMPLETES_RECIPE,
    .run = run_plan,
};

const struct command command_apply = {
    .name = "apply",
    .arguments = "RECIPE|PLANFILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "make it so: create, update, start, stop and delete what the plan says",
    .details =
        "Shows the plan, asks, and carries it out, many operations at once. A failed one does not\n"
        "stop the others; running apply again goes on where this one ended. Ctrl-C stops issuing\n"
        "and waits for what is in flight; the second Ctrl-C leaves at once. A saved plan is "
        "carried\n"
        "out as it was reviewed, or refused because the world has moved.",
    .examples = "moonfleet apply fleet.lua\n"
                "moonfleet apply fleet.lua --yes --parallel 64\n"
                "moonfleet apply fleet.lua --force-checks quota\ttry it although a check failed\n"
                "moonfleet apply fleet.lua --replace ds-ada\tlose ds-ada's disk, knowingly",
    .options = replace_options,
    .needs = NEEDS_RECIPE | NEEDS_APPLY | NEEDS_PLANE,
    .completes = COMPLETES_RECIPE,
    .run = run_apply,
};

const struct command command_destroy = {
    .name = "destroy",
    .arguments = "RECIPE",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "delete what the fleet owns",
    .details =
        "Deletes every instance that carries the fleet's tag, whether or not the recipe still\n"
        "names it. Instances with 'protect' are refused.",
    .examples = "moonfleet destroy fleet.lua",
    .options = destroy_options,
    .needs = NEEDS_RECIPE | NEEDS_APPLY | NEEDS_PLANE,
    .completes = COMPLETES_RECIPE,
    .run = run_destroy,
};
