/* plan_json.c - a plan as JSON.  Written as it goes, without a tree: a plan may have 10,000 steps.
 */
#include "engine/plan_private.h"
#include "engine/sealed.h"

static void member(struct buffer *out, const char *name, const char *text)
{
    buffer_format(out, "\"%s\": ", name);
    if (text)
        json_quote(out, text);
    else
        buffer_text(out, "null");
}

static void optional(struct buffer *out, const char *name, const char *text)
{
    if (!text)
        return;
    buffer_text(out, ", ");
    member(out, name, text);
}

static void write_at(struct buffer *out, const char *file, int line)
{
    if (!file)
        return;
    buffer_text(out, ", \"at\": { ");
    member(out, "file", file);
    buffer_format(out, ", \"line\": %d }", line);
}

static void write_tree(struct buffer *out, const char *name, const cJSON *tree)
{
    buffer_format(out, "\"%s\": ", name);
    if (tree)
        json_print(tree, false, out);
    else
        buffer_text(out, "null");
}

static void write_target(const struct plan *plan, struct buffer *out)
{
    buffer_text(out, "\"target\": { ");
    member(out, "subscription", plan->subscription);
    buffer_text(out, ", ");
    member(out, "resourceGroup", plan->group);
    buffer_text(out, ", ");
    member(out, "workspace", plan->workspace);
    buffer_text(out, ", ");
    member(out, "location", plan->location);
    buffer_text(out, " }");
}

static void write_counts(const struct plan *plan, struct buffer *out)
{
    static const enum plan_action order[] = {
        PLAN_CREATE, PLAN_UPDATE, PLAN_REPLACE, PLAN_DELETE,
        PLAN_START,  PLAN_STOP,   PLAN_WAIT,    PLAN_UNCHANGED
    };
    const struct plan_counts counts = plan_counts(plan);
    buffer_text(out, "\"counts\": { ");
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        buffer_format(out, "\"%s\": %zu, ", plan_action_name(order[i]), counts.of[order[i]]);
    buffer_format(out, "\"blocked\": %zu }", counts.blocked);
}

static void write_reasons(const struct plan_step *step, struct buffer *out)
{
    buffer_text(out, ", \"reasons\": [");
    for (size_t i = 0; i < step->reason_count; i++) {
        const struct plan_reason *reason = &step->reasons[i];
        buffer_text(out, i ? ", { " : "{ ");
        member(out, "field", reason->field);
        buffer_text(out, ", ");
        member(out, "old", reason->old_text);
        buffer_text(out, ", ");
        member(out, "new", reason->new_text);
        buffer_format(out, ", \"replaces\": %s }", reason->replaces ? "true" : "false");
    }
    buffer_text(out, "]");
}

static void write_step(const struct item *item, struct buffer *out)
{
    const struct plan_step *step = &item->step;
    buffer_text(out, "{ ");
    member(out, "action", plan_action_name(step->action));
    buffer_text(out, ", ");
    member(out, "type", step->type);
    buffer_text(out, ", ");
    member(out, "name", step->name);
    write_at(out, step->file, step->line);
    write_reasons(step, out);
    optional(out, "note", step->note);
    optional(out, "loses", step->lost);
    optional(out, "blocked", step->blocked);
    optional(out, "state", item->state);
    buffer_text(out, " }");
}

static void write_steps(const struct plan *plan, struct buffer *out)
{
    const char *gap = "\n";
    buffer_text(out, "\"steps\": [");
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->items[i].step.action == PLAN_UNCHANGED && !plan->items[i].step.note)
            continue;
        buffer_format(out, "%s    ", gap);
        write_step(&plan->items[i], out);
        gap = ",\n";
    }
    buffer_text(out, gap[0] == ',' ? "\n  ]" : "]");
}

static void write_checks(const struct plan *plan, struct buffer *out)
{
    buffer_text(out, "\"checks\": [");
    for (size_t i = 0; i < plan->check_count; i++) {
        const struct plan_check *check = &plan->checks[i];
        buffer_text(out, i ? ",\n    { " : "\n    { ");
        member(out, "check", check->name);
        optional(out, "status", plan_check_status_name(check->status));
        optional(out, "subject", check->subject);
        optional(out, "message", check->message);
        optional(out, "mend", check->mend);
        if (check->forced)
            buffer_text(out, ", \"forced\": true");
        write_at(out, check->file, check->line);
        buffer_text(out, " }");
    }
    buffer_text(out, plan->check_count ? "\n  ]" : "]");
}

static void write_problems(const struct plan *plan, struct buffer *out)
{
    buffer_text(out, "\"problems\": [");
    for (size_t i = 0; i < plan->problems.count; i++) {
        const struct plan_problem *problem = &plan->problems.items[i];
        buffer_text(out, i ? ",\n    { " : "\n    { ");
        member(out, "message", problem->message);
        write_at(out, problem->file, problem->line);
        buffer_text(out, " }");
    }
    buffer_text(out, plan->problems.count ? "\n  ]" : "]");
}

static void write_warnings(const struct plan *plan, struct buffer *out)
{
    buffer_text(out, "\"warnings\": [");
    for (size_t i = 0; i < plan->warning_count; i++) {
        buffer_text(out, i ? ", " : "");
        json_quote(out, plan->warnings[i]);
    }
    buffer_text(out, "]");
}

static void write_outputs(const struct plan *plan, struct buffer *out)
{
    const cJSON *output;
    const char *gap = "";
    buffer_text(out, "\"outputs\": [");
    cJSON_ArrayForEach(output, plan_outputs(plan))
    {
        buffer_format(out, "%s{ ", gap);
        member(out, "name", json_string(output, "name", ""));
        buffer_text(out, ", ");
        write_tree(out, "value", cJSON_GetObjectItemCaseSensitive(output, "value"));
        buffer_text(out, " }");
        gap = ", ";
    }
    buffer_text(out, "]");
}

static void write_names(const char *name, const struct name_list *names, struct buffer *out)
{
    buffer_format(out, ", \"%s\": [", name);
    for (size_t i = 0; i < names->count; i++) {
        buffer_text(out, i ? ", " : "");
        json_quote(out, names->items[i]);
    }
    buffer_text(out, "]");
}

static void write_request(const struct plan *plan, struct buffer *out)
{
    buffer_text(out, ",\n  \"request\": { ");
    write_target(plan, out);
    buffer_format(out, ", \"destroy\": %s", plan->destroy ? "true" : "false");
    write_names("replace", &plan->replace, out);
    write_names("forced", &plan->forced, out);
    buffer_text(out, ", ");
    cJSON *document = sealed_document(plan->fleet);
    if (!document)
        out->failed = ERROR_NO_MEMORY;
    write_tree(out, "document", document);
    cJSON_Delete(document);
    buffer_text(out, " }");
}

/* Of all that was written from `start` on, so that a file that was edited is noticed. */
static void write_digest(struct buffer *out, size_t start)
{
    char hex[DIGEST_TEXT_SIZE];
    if (out->failed)
        return;
    digest_hex(out->data + start, out->size - start, hex);
    buffer_format(out, PLAN_DIGEST_BEGINS "%s\"", hex);
}

void plan_write_json(const struct plan *plan, bool save, struct buffer *out)
{
    size_t start = out->size;
    buffer_text(out, "{\n  \"format\": \"moonfleet-plan/1\",\n  ");
    member(out, "fleet", plan->fleet->name);
    buffer_format(out, ",\n  \"destroy\": %s,\n  ", plan->destroy ? "true" : "false");
    write_target(plan, out);
    buffer_text(out, ",\n  ");
    write_counts(plan, out);
    buffer_text(out, ",\n  ");
    write_steps(plan, out);
    buffer_text(out, ",\n  ");
    write_checks(plan, out);
    buffer_text(out, ",\n  ");
    write_problems(plan, out);
    buffer_text(out, ",\n  ");
    write_warnings(plan, out);
    buffer_text(out, ",\n  ");
    write_outputs(plan, out);
    if (save) {
        write_request(plan, out);
        write_digest(out, start);
    }
    buffer_text(out, "\n}\n");
}
