/* check_scripts.c - setup scripts that this plan would send: can they run at all, and what else is
 * to be said about their text (`moonfleet setup lint` says more)?  And those that are to be in the
 * workspace's file share: are they there? */
#include "engine/check.h"

#include "base/text.h"
#include "client/computes.h"
#include "model/rules.h"
#include "setup/lint.h"
#include "setup/secrets.h"
#include "setup/template.h"

#define TOLD_MAX 3    /* reasons told of one script */
#define SHARED_MAX 64 /* scripts of the file share that are asked for: one request each */

/* Marks the scripts that an instance runs, which is about to be made or changed. */
static void mark_used(const struct plan *plan, const struct item *item, bool *used)
{
    static const char *const fields[] = { "setup", "startup" };
    const struct schema_layers layers = fleet_layers(plan->fleet, item->instance);
    for (size_t i = 0; i < COUNT(fields); i++) {
        const struct schema_field *field = schema_field_find(schema_instance(), fields[i]);
        const cJSON *said = field ? schema_said(field, &layers) : NULL;
        int64_t index = json_int(said, "$setup_script", -1);
        if (index >= 0 && (size_t)index < plan->fleet->script_count)
            used[index] = true;
    }
}

static bool *find_used(const struct plan *plan)
{
    bool *used = calloc(plan->fleet->script_count + 1, sizeof *used);
    for (size_t i = 0; used && i < plan->count; i++) {
        enum plan_action action = plan->items[i].step.action;
        if (plan->items[i].instance &&
            (action == PLAN_CREATE || action == PLAN_REPLACE || action == PLAN_UPDATE))
            mark_used(plan, &plan->items[i], used);
    }
    return used;
}

static void tell_finding(struct plan *plan, struct plan_check check, const cJSON *script,
                         const struct lint_finding *finding)
{
    int line = template_line_of(cJSON_GetObjectItemCaseSensitive(script, "lines"), finding->line);
    check.status = PLAN_CHECK_FAILURE;
    check.mend = finding->rule->mend;
    check_add(plan, &check, "%s, line %d: %s (%s)", check.subject, line, finding->message,
              finding->rule->name);
}

/* What cannot run fails the plan; the rest is counted. */
static void tell(struct plan *plan, struct plan_check check, const cJSON *script, struct lint *lint)
{
    size_t count = 0, told = 0;
    const struct lint_finding *findings = lint_findings(lint, &count);
    for (size_t i = 0; i < count && told < TOLD_MAX; i++) {
        if (!findings[i].rule->stops)
            continue;
        tell_finding(plan, check, script, &findings[i]);
        told++;
    }
    size_t others = lint_count(lint, LINT_ERROR) + lint_count(lint, LINT_WARNING) - told;
    const char *path = json_string(script, "path", NULL);
    char *mend = text_format("moonfleet setup lint %s tells %s",
                             path ? path : json_string(plan->document, "recipe", "RECIPE"),
                             others == 1 ? "it" : "them");
    check.status = PLAN_CHECK_WARNING;
    check.mend = mend;
    if (others > 0)
        check_add(plan, &check, "%s: %zu %s", path ? path : check.subject, others,
                  others == 1 ? "finding" : "findings");
    free(mend);
}

/* The script with the names of its declared secrets in place of their values: those are meant to
 * be there. */
static void name_secrets(const struct plan *plan, const char *text, struct buffer *out)
{
    struct secrets *secrets = NULL;
    const cJSON *secret = NULL;
    int rc = secrets_new(&secrets, NULL);
    cJSON_ArrayForEach(secret, cJSON_GetObjectItemCaseSensitive(plan->document, "secrets"))
    {
        const char *value = json_string(secret, "value", "");
        if (rc == 0)
            (void)secrets_add(secrets, json_string(secret, "name", ""), value, strlen(value), NULL);
    }
    if (rc == 0)
        secrets_name_values(secrets, text, strlen(text), out);
    secrets_free(secrets);
}

static bool look(struct plan *plan, const cJSON *script)
{
    const char *text = json_string(script, "text", "");
    struct buffer named = { 0 };
    struct lint *lint = NULL;
    struct error err = { 0 };
    const struct lint_options options = { .rendered = true,
                                          .cached = json_bool(script, "cache", false) };
    struct plan_check check = { .name = CHECK_SCRIPTS,
                                .subject = json_string(script, "path", "inline script"),
                                .file = json_string(script, "at.file", NULL),
                                .line = (int)json_int(script, "at.line", 0) };
    name_secrets(plan, text, &named);
    text = named.data ? named.data : "";
    int rc = lint_new(text, strlen(text), &options, &lint, &err);
    bool well = rc == 0 && lint_count(lint, LINT_ERROR) + lint_count(lint, LINT_WARNING) == 0;
    if (rc == ERROR_TOO_LARGE) {
        check.status = PLAN_CHECK_FAILURE;
        check.mend = lint_rule_find("too-large")->mend;
        check_add(plan, &check, "%s: %s", check.subject, err.message);
    } else if (rc < 0) {
        plan->problems.failed = true;
    } else if (!well) {
        tell(plan, check, script, lint);
    }
    lint_free(lint);
    buffer_clear(&named);
    return well;
}

/* ---- scripts of the file share ---- */

static bool is_shared(const cJSON *script)
{
    return text_equal(json_string(script, "source", NULL), "workspace");
}

/* Only planes of ours tell; Azure's file share takes rights to the storage account. */
static void on_answer(struct checking *checking, int rc, struct arm_reply *reply,
                      const struct error *err, void *arg)
{
    const cJSON *script = arg;
    const char *path = json_string(script, "path", "");
    struct plan_check check = { .name = CHECK_SCRIPTS,
                                .status = PLAN_CHECK_FAILURE,
                                .subject = path,
                                .file = json_string(script, "at.file", NULL),
                                .line = (int)json_int(script, "at.line", 0) };
    (void)err;
    if (rc < 0 || !json_at(reply->body, "exists")) {
        check.status = PLAN_CHECK_UNKNOWN;
        check_add(checking->plan, &check,
                  "%s: whether it is in the workspace's file share could not be asked", path);
    } else if (!json_bool(reply->body, "exists", false)) {
        check.mend = "put it there: 'moonfleet doctor' tells where the share of a local plane is";
        check_add(checking->plan, &check, "%s: there is no such file in the workspace's file share",
                  path);
    } else if (!json_bool(reply->body, "readable", false)) {
        check.mend = "put a regular file there, of at most 1 MiB";
        check_add(checking->plan, &check, "%s: %s", path, json_string(reply->body, "message", ""));
    } else {
        check.status = PLAN_CHECK_OK;
        check_add(checking->plan, &check, "%s is in the workspace's file share", path);
    }
}

static int ask(struct checking *checking, const cJSON *script, struct error *err)
{
    struct computes_request request;
    const struct workspace_ref workspace = plan_workspace_ref(checking->plan);
    int rc = computes_share_script(&request, &workspace, json_string(script, "path", ""), err);
    if (rc == 0)
        rc = check_ask(checking, &request.arm, on_answer, (void *)script, err);
    computes_request_clear(&request);
    return rc;
}

static int begin(struct checking *checking, struct error *err)
{
    const struct plan *plan = checking->plan;
    const cJSON *script = NULL;
    size_t index = 0, asked = 0;
    int rc = 0;
    bool *used = plan->destroy ? NULL : find_used(plan);
    cJSON_ArrayForEach(script, cJSON_GetObjectItemCaseSensitive(plan->fleet->document, "scripts"))
    {
        bool wanted = used && index < plan->fleet->script_count && used[index++] &&
                      is_shared(script) && share_path_valid(json_string(script, "path", ""), NULL);
        if (rc == 0 && wanted && asked++ < SHARED_MAX)
            rc = ask(checking, script, err);
    }
    free(used);
    return rc;
}

static void conclude(struct checking *checking)
{
    struct plan *plan = checking->plan;
    const cJSON *script = NULL;
    const cJSON *scripts = cJSON_GetObjectItemCaseSensitive(plan->fleet->document, "scripts");
    size_t index = 0, count = 0, well = 0;
    bool *used = plan->destroy ? NULL : find_used(plan);
    cJSON_ArrayForEach(script, scripts)
    {
        bool inside = index < plan->fleet->script_count;
        if (!used || !inside || !used[index++] || is_shared(script))
            continue; /* what the workspace holds is not ours to read */
        count++;
        well += look(plan, script);
    }
    free(used);
    const struct plan_check check = { .name = CHECK_SCRIPTS, .status = PLAN_CHECK_OK };
    if (count > 0 && well == count)
        check_add(plan, &check, "%zu setup %s looked at, nothing found", count,
                  count == 1 ? "script" : "scripts");
}

const struct checker checker_scripts = {
    .doing = "looking at setup scripts",
    .begin = begin,
    .conclude = conclude,
};
