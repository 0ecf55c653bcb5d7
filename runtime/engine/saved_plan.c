/* saved_plan.c - plans that were written to a file, and are made again before they are applied. */
#include "engine/planning.h"

#include "base/text.h"
#include "engine/sealed.h"

bool plan_is_saved(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && strchr(" \t\r\n", text[i]) && text[i])
        i++;
    return i < size && text[i] == '{';
}

/* A saved plan ends with the digest of what stands before it. */
static int check_digest(const cJSON *saved, const char *text, size_t size, struct error *err)
{
    char hex[DIGEST_TEXT_SIZE];
    const char *begins = NULL;
    for (const char *at = text; (at = memmem(at, size - (size_t)(at - text), PLAN_DIGEST_BEGINS,
                                             strlen(PLAN_DIGEST_BEGINS)));
         at++)
        begins = at;
    digest_hex(text, begins ? (size_t)(begins - text) : size, hex);
    if (!text_equal(hex, json_string(saved, "digest", NULL)))
        return error_set(err, ERROR_CONFLICT,
                         "this plan was changed after it was saved: plan again");
    return 0;
}

static int check_saved(const cJSON *saved, const struct plan_target *target, struct error *err)
{
    static const struct {
        const char *path, *what;
    } parts[] = {
        { "request.target.subscription", "subscription" },
        { "request.target.resourceGroup", "resource group" },
    };
    const char *here[] = { target->subscription, target->group };
    const char *format = json_string(saved, "format", "");
    if (!text_starts(format, "moonfleet-plan/"))
        return error_set(err, ERROR_SYNTAX, "this is not a saved plan");
    if (!text_equal(format, "moonfleet-plan/1"))
        return error_set(err, ERROR_TOO_NEW, "a later release saved this plan (%s)", format);
    if (!json_at(saved, "request.document"))
        return error_set(err, ERROR_SYNTAX, "this plan was printed, not saved: use --out FILE");
    for (size_t i = 0; i < COUNT(parts); i++) {
        const char *there = json_string(saved, parts[i].path, "");
        if (!text_equal_nocase(there, here[i]))
            return error_set(err, ERROR_CONFLICT,
                             "this plan was made for the %s '%s', the context has '%s'",
                             parts[i].what, there, here[i]);
    }
    return 0;
}

/* The texts of a list; the caller frees the array; NULL: no memory. */
static const char **names_at(const cJSON *request, const char *member, size_t *out_count)
{
    const cJSON *name, *names = cJSON_GetObjectItemCaseSensitive(request, member);
    const char **out = calloc((size_t)cJSON_GetArraySize(names) + 1, sizeof *out);
    *out_count = 0;
    cJSON_ArrayForEach(name, names)
    {
        if (out && cJSON_IsString(name))
            out[(*out_count)++] = name->valuestring;
    }
    return out;
}

static int load(struct arm_client *client, const struct plan_target *target, const char *text,
                size_t size, plan_done_fn *done, void *arg, struct planning **out,
                struct error *err)
{
    cJSON *saved = NULL;
    int rc = json_parse(text, size, "saved plan", &saved, err);
    if (rc == 0)
        rc = check_saved(saved, target, err);
    if (rc == 0)
        rc = check_digest(saved, text, size, err);
    if (rc == 0)
        rc = sealed_open(cJSON_GetObjectItemCaseSensitive(
                             cJSON_GetObjectItemCaseSensitive(saved, "request"), "document"),
                         target, err);
    if (rc < 0) {
        cJSON_Delete(saved);
        return rc;
    }
    cJSON *request_part = cJSON_DetachItemFromObjectCaseSensitive(saved, "request");
    cJSON *document = cJSON_DetachItemFromObjectCaseSensitive(request_part, "document");
    size_t replace_count, forced_count;
    const char **replace = names_at(request_part, "replace", &replace_count);
    const char **forced = names_at(request_part, "forced", &forced_count);
    struct plan_request request = {
        .document = document,
        .target = *target,
        .destroy = json_bool(request_part, "destroy", false),
        .replace = replace,
        .replace_count = replace_count,
        .forced = forced,
        .forced_count = forced_count,
    };
    request.target.workspace = json_string(request_part, "target.workspace", target->workspace);
    const struct planning_saved parts = { .plan = saved, .document = document };
    rc = replace && forced ? planning_start(client, &request, parts, done, arg, out, err)
                           : error_set(err, ERROR_NO_MEMORY, "out of memory");
    if (!replace || !forced) {
        cJSON_Delete(saved);
        cJSON_Delete(document);
    }
    free(replace);
    free(forced);
    cJSON_Delete(request_part);
    return rc;
}

int plan_load(struct arm_client *client, const struct plan_target *target, const char *text,
              size_t size, plan_done_fn *done, void *arg, struct error *err)
{
    return load(client, target, text, size, done, arg, NULL, err);
}

int plan_load_wait(struct arm_client *client, const struct plan_target *target, const char *text,
                   size_t size, struct plan **out_plan, struct error *err)
{
    struct planning_waiting waiting = { .err = err };
    int rc =
        load(client, target, text, size, planning_waiting_done, &waiting, &waiting.planning, err);
    return rc < 0 ? rc : planning_wait(client, &waiting, out_plan);
}
