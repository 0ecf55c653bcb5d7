/* plan_text.c - one line a change, and below it why. */
#include "cli/plan_text.h"

#include "base/text.h"

/* How an action is shown.  What stays as it is, is listed only when there is something to say. */
static const struct {
    const char *mark, *verb;
    enum style style;
} shown[PLAN_ACTIONS] = {
    [PLAN_CREATE] = { "+", "create", STYLE_GREEN }, [PLAN_UPDATE] = { "~", "update", STYLE_YELLOW },
    [PLAN_REPLACE] = { "±", "replace", STYLE_RED }, [PLAN_DELETE] = { "-", "delete", STYLE_RED },
    [PLAN_START] = { "▸", "start", STYLE_GREEN },   [PLAN_STOP] = { "▪", "stop", STYLE_YELLOW },
    [PLAN_WAIT] = { "…", "wait for", STYLE_DIM },   [PLAN_UNCHANGED] = { "=", "keep", STYLE_DIM },
};

static void reason_line(struct buffer *out, const struct plan_reason *reason)
{
    buffer_text(out, "      ");
    output_escape(out, reason->field, false);
    buffer_text(out, ": ");
    output_escape(out, reason->old_text ? reason->old_text : "unset", false);
    buffer_text(out, " → ");
    output_escape(out, reason->new_text ? reason->new_text : "unset", false);
    if (reason->replaces)
        buffer_text(out, "  (only by re-creation)");
    buffer_char(out, '\n');
}

/* A sentence about the step, in a style. */
static void remark_line(struct buffer *out, bool colour, enum style style, const char *label,
                        const char *text)
{
    buffer_format(out, "      %s%s", output_style(colour, style), label);
    output_escape(out, text, false);
    buffer_format(out, "%s\n", output_style(colour, STYLE_PLAIN));
}

static void step_lines(const struct plan *plan, size_t index, bool colour, struct buffer *out)
{
    const struct plan_step *step = plan_step(plan, index);
    const char *on = output_style(colour, shown[step->action].style);
    const char *off = output_style(colour, STYLE_PLAIN);
    struct buffer about = { 0 };
    if (step->action == PLAN_UNCHANGED && !step->note)
        return;
    buffer_format(out, "  %s%s %s%s %s ", on, shown[step->action].mark, shown[step->action].verb,
                  off, step->type);
    output_escape(out, step->name, false);
    if (step->action == PLAN_CREATE)
        plan_step_describe(plan, index, &about);
    if (about.size > 0) {
        buffer_text(out, ": ");
        output_escape(out, about.data, false);
    }
    buffer_char(out, '\n');
    buffer_clear(&about);
    for (size_t i = 0; i < step->reason_count; i++)
        reason_line(out, &step->reasons[i]);
    if (step->note)
        remark_line(out, colour, STYLE_PLAIN, "", step->note);
    if (step->lost)
        remark_line(out, colour, STYLE_RED, "loses: ", step->lost);
    if (step->blocked)
        remark_line(out, colour, STYLE_RED, "refused: ", step->blocked);
}

void plan_text_counts(const struct plan *plan, struct buffer *out)
{
    static const char *const words[PLAN_ACTIONS] = {
        [PLAN_CREATE] = "to create", [PLAN_UPDATE] = "to update", [PLAN_REPLACE] = "to replace",
        [PLAN_DELETE] = "to delete", [PLAN_START] = "to start",   [PLAN_STOP] = "to stop",
        [PLAN_WAIT] = "to wait for",
    };
    struct plan_counts counts = plan_counts(plan);
    const char *comma = "";
    if (counts.changes == 0)
        buffer_text(out, "nothing to change");
    for (size_t i = 0; i < PLAN_ACTIONS; i++) {
        if (!words[i] || counts.of[i] == 0)
            continue;
        buffer_format(out, "%s%zu %s", comma, counts.of[i], words[i]);
        comma = ", ";
    }
    if (counts.of[PLAN_UNCHANGED] > 0)
        buffer_format(out, ", %zu unchanged", counts.of[PLAN_UNCHANGED]);
    if (counts.blocked > 0)
        buffer_format(out, "; %zu refused", counts.blocked);
    if (plan_failed_checks(plan) > 0)
        buffer_format(out, "; %zu failed %s", plan_failed_checks(plan),
                      plan_failed_checks(plan) == 1 ? "check" : "checks");
}

static void heading(const struct plan *plan, bool colour, struct buffer *out)
{
    const char *fleet = plan_fleet(plan), *workspace = plan_workspace(plan);
    buffer_text(out, output_style(colour, STYLE_BOLD));
    if (fleet) {
        buffer_text(out, "fleet ");
        output_escape(out, fleet, false);
    } else {
        buffer_text(out, "instances");
    }
    if (workspace) {
        buffer_text(out, " in workspace ");
        output_escape(out, workspace, false);
    }
    if (plan_location(plan)) {
        buffer_text(out, ", ");
        output_escape(out, plan_location(plan), false);
    }
    buffer_format(out, "%s\n", output_style(colour, STYLE_PLAIN));
}

static void outputs(const struct plan *plan, struct buffer *out)
{
    const cJSON *output = NULL;
    cJSON_ArrayForEach(output, plan_outputs(plan))
    {
        const cJSON *value = json_at(output, "value");
        buffer_text(out, "  ");
        output_escape(out, json_string(output, "name", "?"), false);
        buffer_text(out, " = ");
        if (cJSON_IsString(value)) {
            output_escape(out, value->valuestring, false);
        } else {
            char *text = value ? json_text(value) : NULL;
            output_escape(out, text ? text : "nil", false);
            free(text);
        }
        buffer_char(out, '\n');
    }
}

/* How a check's status is shown. */
static const struct {
    const char *mark;
    enum style style;
} statuses[] = {
    [PLAN_CHECK_OK] = { "✓", STYLE_GREEN },
    [PLAN_CHECK_WARNING] = { "!", STYLE_YELLOW },
    [PLAN_CHECK_FAILURE] = { "✗", STYLE_RED },
    [PLAN_CHECK_UNKNOWN] = { "?", STYLE_DIM },
};

/* Lines of `text`, each set in under the check. */
static void mend_lines(struct buffer *out, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        char *line = text_dup_size(text, size);
        buffer_text(out, "      ");
        output_escape(out, line ? line : "", false);
        buffer_char(out, '\n');
        free(line);
        text += size + (text[size] == '\n');
    }
}

static void check_lines(struct buffer *out, bool colour, const struct plan_check *check)
{
    buffer_format(out, "  %s%s %s%s: ", output_style(colour, statuses[check->status].style),
                  statuses[check->status].mark, check->name, output_style(colour, STYLE_PLAIN));
    if (check->file && check->status != PLAN_CHECK_OK) {
        output_escape(out, check->file, false);
        buffer_format(out, ":%d: ", check->line);
    }
    output_escape(out, check->message, false);
    buffer_text(out, check->forced ? "  (forced)\n" : "\n");
    if (check->mend && !check->forced)
        mend_lines(out, check->mend);
}

static void checks(const struct plan *plan, bool colour, struct buffer *out)
{
    size_t count;
    const struct plan_check *list = plan_checks(plan, &count);
    if (count > 0)
        buffer_text(out, "checks\n");
    for (size_t i = 0; i < count; i++)
        check_lines(out, colour, &list[i]);
}

void plan_text(const struct plan *plan, bool colour, struct buffer *out)
{
    heading(plan, colour, out);
    for (size_t i = 0; i < plan_step_count(plan); i++)
        step_lines(plan, i, colour, out);
    checks(plan, colour, out);
    if (cJSON_GetArraySize(plan_outputs(plan)) > 0) {
        buffer_text(out, "outputs\n");
        outputs(plan, out);
    }
    plan_text_counts(plan, out);
    buffer_char(out, '\n');
}
