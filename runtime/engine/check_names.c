/* check_names.c - are the names of new instances free in the region?  The rules of names are the
 * recipe's business (engine/fleet.c); this one only the service can answer. */
#include "engine/check.h"

#include "base/text.h"
#include "model/rules.h"

#define ASKED_MAX 64 /* one request a name: a plan lists, it does not ask for each resource */

struct names {
    size_t wanted, asked, free_count, taken;
    int refused;   /* the code of what refused to answer; 0: everything answered */
    char why[256]; /* ARM's code of it */
};

static void on_answer(struct checking *checking, int rc, struct arm_reply *reply,
                      const struct error *err, void *arg)
{
    struct names *names = checking->state;
    const struct item *item = arg;
    if (rc < 0) {
        names->refused = rc;
        (void)text_copy(names->why, sizeof names->why, err->name[0] ? err->name : err->message);
        return;
    }
    if (json_bool(reply->body, "nameAvailable", true)) {
        names->free_count++;
        return;
    }
    const char *message = json_string(reply->body, "message", "");
    const struct plan_check check = { .name = CHECK_NAMES,
                                      .status = PLAN_CHECK_FAILURE,
                                      .subject = item->step.name,
                                      .mend = "choose another name",
                                      .file = item->step.file,
                                      .line = item->step.line };
    names->taken++;
    check_add(checking->plan, &check, "instance '%s': the name is not available in %s%s%s",
              item->step.name, checking->plan->location, *message ? ": " : "", message);
}

static int ask(struct checking *checking, const struct item *item, struct error *err)
{
    struct computes_request request;
    const struct workspace_ref workspace = plan_workspace_ref(checking->plan);
    int rc = computes_check_name(&request, &workspace, item->step.name, err);
    if (rc == 0)
        rc = check_ask(checking, &request.arm, on_answer, (void *)item, err);
    computes_request_clear(&request);
    return rc;
}

static int begin(struct checking *checking, struct error *err)
{
    const struct plan *plan = checking->plan;
    if (plan->destroy || plan_counts(plan).of[PLAN_CREATE] == 0)
        return 0;
    struct names *names = checking->state = calloc(1, sizeof *names);
    if (!names)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < plan->count; i++) {
        const struct item *item = &plan->items[i];
        const char *rule;
        if (!item->instance || item->step.action != PLAN_CREATE ||
            !compute_name_valid(item->step.name, &rule))
            continue;
        if (names->wanted++ >= ASKED_MAX)
            continue;
        int rc = ask(checking, item, err);
        if (rc < 0)
            return rc;
        names->asked++;
    }
    return 0;
}

static void conclude(struct checking *checking)
{
    const struct names *names = checking->state;
    struct plan_check check = { .name = CHECK_NAMES, .status = PLAN_CHECK_UNKNOWN };
    if (!names || names->wanted == 0)
        return;
    if (names->refused)
        check_add(checking->plan, &check,
                  "whether new names are free in %s could not be asked (%s)",
                  checking->plan->location, names->why);
    else if (names->wanted > names->asked)
        check_add(checking->plan, &check,
                  "%zu of %zu new names were not asked for: one request a name is too many",
                  names->wanted - names->asked, names->wanted);
    check.status = PLAN_CHECK_OK;
    if (names->taken == 0 && names->free_count > 0)
        check_add(checking->plan, &check, "%zu new %s free in %s", names->free_count,
                  names->free_count == 1 ? "name is" : "names are", checking->plan->location);
}

static void release(struct checking *checking)
{
    free(checking->state);
    checking->state = NULL;
}

const struct checker checker_names = {
    .doing = "asking for names",
    .begin = begin,
    .conclude = conclude,
    .release = release,
};
