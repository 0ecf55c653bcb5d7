/* apply_json.c - what an apply did, as JSON: see apply.h. */
#include "engine/apply_private.h"

#include "base/text.h"

static void write_step(const struct plan_step *step, struct buffer *out)
{
    buffer_format(out, "{ \"action\": \"%s\", \"type\": \"%s\", \"name\": ",
                  plan_action_name(step->action), step->type);
    json_quote(out, step->name);
}

static void write_failure(const struct apply_failure *failure, struct buffer *out)
{
    write_step(failure->step, out);
    if (failure->step->file) {
        buffer_text(out, ", \"at\": { \"file\": ");
        json_quote(out, failure->step->file);
        buffer_format(out, ", \"line\": %d }", failure->step->line);
    }
    buffer_text(out, ", \"code\": ");
    json_quote(out, *failure->name ? failure->name : error_code_text(failure->code));
    buffer_format(out, ", \"status\": %d, \"message\": ", failure->status);
    json_quote(out, failure->message);
    buffer_text(out, ", \"target\": ");
    json_quote(out, failure->target);
    buffer_format(out, ", \"details\": %s }", *failure->details ? failure->details : "null");
}

static void write_counts(const struct apply *apply, struct buffer *out)
{
    static const enum plan_action order[] = { PLAN_CREATE, PLAN_UPDATE, PLAN_REPLACE, PLAN_DELETE,
                                              PLAN_START,  PLAN_STOP,   PLAN_WAIT };
    const struct apply_summary *summary = &apply->summary;
    buffer_text(out, "  \"counts\": { ");
    for (size_t i = 0; i < COUNT(order); i++)
        buffer_format(out, "\"%s\": %zu, ", plan_action_name(order[i]), summary->done[order[i]]);
    buffer_format(out, "\"unchanged\": %zu, \"failed\": %zu, \"left\": %zu },\n",
                  summary->unchanged, summary->failed, summary->left);
    buffer_format(out, "  \"changes\": %zu,\n  \"stopped\": %s,\n  \"elapsedMs\": %lld,\n",
                  summary->done_count, summary->stopped ? "true" : "false",
                  (long long)summary->elapsed_ms);
}

void apply_write_json(const struct apply *apply, struct buffer *out)
{
    const cJSON *output, *outputs = plan_outputs(apply->plan);
    const char *gap = "\n    ";
    buffer_text(out, "{\n  \"format\": \"moonfleet-apply/1\",\n  \"fleet\": ");
    json_quote(out, apply->plan->fleet->name ? apply->plan->fleet->name : "");
    buffer_text(out, ",\n");
    write_counts(apply, out);
    buffer_text(out, "  \"steps\": [");
    for (size_t i = 0; i < apply->plan->count; i++) {
        if (apply->outcomes[i] != OUTCOME_DONE)
            continue;
        buffer_text(out, gap);
        write_step(&apply->plan->items[i].step, out);
        buffer_text(out, " }");
        gap = ",\n    ";
    }
    buffer_text(out, gap[0] == ',' ? "\n  ],\n  \"failures\": [" : "],\n  \"failures\": [");
    for (size_t i = 0; i < apply->failure_count; i++) {
        buffer_text(out, i ? ",\n    " : "\n    ");
        write_failure(&apply->failures[i], out);
    }
    buffer_text(out, apply->failure_count ? "\n  ],\n  \"outputs\": [" : "],\n  \"outputs\": [");
    gap = "";
    cJSON_ArrayForEach(output, outputs)
    {
        buffer_format(out, "%s{ \"name\": ", gap);
        json_quote(out, json_string(output, "name", ""));
        buffer_text(out, ", \"value\": ");
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(output, "value");
        if (value)
            json_print(value, false, out);
        else
            buffer_text(out, "null");
        buffer_text(out, " }");
        gap = ", ";
    }
    buffer_text(out, "]\n}\n");
}
