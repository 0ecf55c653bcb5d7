/* judge.c - see judge.h: RBAC's answer, then what the service asks beyond RBAC. */
#include "engine/judge.h"

#include "arm/resource_id.h"
#include "base/text.h"
#include "engine/scope.h"
#include "rbac/builtin_roles.h"
#include "setup/quote.h"

void judged_clear(struct judged *judged)
{
    who_clear(&judged->who);
    free(judged->action);
    free(judged->scope);
    free(judged->command);
    buffer_clear(&judged->because);
    buffer_clear(&judged->notes);
    access_free(judged->access);
    *judged = (struct judged) { 0 };
}

struct judging {
    struct arm_client *client; /* borrowed */
    struct workspace_ref here; /* texts borrowed */
    bool data_action;
    struct judged judged;
    judge_done_fn *done;
    void *arg;
    struct who_finding *finding; /* at most one of these three is under way */
    struct access_loading *loading;
    struct arm_call *call;
    cJSON *instance; /* owned: what was asked about, when its inside was */
};

void judge_cancel(struct judging *judging)
{
    if (!judging)
        return;
    who_cancel(judging->finding);
    access_cancel(judging->loading);
    arm_call_cancel(judging->call);
    judged_clear(&judging->judged);
    cJSON_Delete(judging->instance);
    free(judging);
}

/* ---- beyond RBAC: the inside of an instance ---- */

/* Who an instance belongs to. */
struct inside {
    const char *person; /* object id: the assigned person, or else the creator; NULL: not told */
    bool assigned, shared;
};

static struct inside inside_of(const cJSON *body)
{
    const char *assigned = json_string(
        body, "properties.properties.personalComputeInstanceSettings.assignedUser.objectId", NULL);
    const char *creator = json_string(body, "properties.properties.createdBy.userId", NULL);
    const char *sharing =
        json_string(body, "properties.properties.applicationSharingPolicy", "Personal");
    return (struct inside) { .person = assigned ? assigned : creator,
                             .assigned = assigned != NULL,
                             .shared = text_equal_nocase(sharing, "Shared") };
}

/* The service's own rule: only the assigned person, or the creator when there is none, uses the
 * applications of an instance, whatever roles others have, unless it is shared.  "Shared" is also
 * what an instance is by default, and does not open one that was assigned to somebody: whether it
 * was asked for cannot be seen from here. */
static void apply_inside(struct judged *judged, const struct inside *inside, const char *person)
{
    bool own = text_equal_nocase(inside->person, judged->who.id);
    if (own) {
        buffer_format(&judged->notes, "the instance is %s\n",
                      inside->assigned ? "assigned to them, as its applications ask for"
                                       : "their own, as its applications ask for");
    } else if (!inside->shared) {
        judged->answer = ACCESS_DENIED;
        buffer_format(&judged->because,
                      "the instance %s %s: only that person may use its applications, terminal and "
                      "commands, whatever roles others have\n",
                      inside->assigned ? "is assigned to" : "was created by", person);
    } else if (inside->assigned && judged->answer == ACCESS_ALLOWED) {
        judged->answer = ACCESS_CONDITIONAL;
        buffer_format(&judged->because,
                      "the instance is assigned to %s: others may use its applications only where "
                      "sharing them was asked for, which the plane decides\n",
                      person);
    }
}

/* ---- reasons ---- */

static const struct {
    enum access_part part;
    const char *what;
} parts[] = {
    { ACCESS_ASSIGNMENTS, "who has which role" },
    { ACCESS_ROLES, "all role definitions" },
    { ACCESS_MEMBERS, "who is in which group" },
};

static bool is_own(const struct judged *judged)
{
    return judged->why.assignment && access_role_is_own(judged->why.assignment->role_id);
}

static void say_unknown(struct judged *judged)
{
    unsigned unknown = access_unknown(judged->access);
    if (judged->answer != ACCESS_UNKNOWN) {
        if (unknown & ACCESS_DENIES && !is_own(judged) && judged->answer != ACCESS_DENIED)
            buffer_text(&judged->notes, "the plane does not tell the caller deny assignments\n");
        return;
    }
    for (size_t i = 0; i < COUNT(parts); i++)
        if (unknown & parts[i].part)
            buffer_format(&judged->because, "the plane does not tell the caller %s\n",
                          parts[i].what);
    if (access_unknown_reason(judged->access)[0])
        buffer_format(&judged->because, "%s\n", access_unknown_reason(judged->access));
}

/* What the plane said when it was asked what the caller itself may do. */
static void say_own(struct judged *judged)
{
    buffer_format(&judged->because,
                  "the plane says that the caller may do '%s' there, which covers %s\n",
                  judged->why.pattern ? judged->why.pattern : judged->action, judged->action);
}

/* Creating asks for more than writing: an instance's name is looked at first. */
static void say_creating(struct judged *judged)
{
    if (judged->answer == ACCESS_ALLOWED && text_equal_nocase(judged->action, RBAC_WRITE) &&
        access_decide(judged->access, judged->who.id, RBAC_CHECK_NAME, judged->scope, false) !=
            ACCESS_ALLOWED)
        buffer_text(
            &judged->notes,
            "creating a new instance also asks for checkComputeNameAvailability, which they "
            "may not: they may change instances, not create them\n");
}

static int suggest(const struct workspace_ref *here, struct judged *judged, bool data_action,
                   struct error *err)
{
    static const char *const create[] = { RBAC_WRITE, RBAC_CHECK_NAME };
    struct buffer command = { 0 }, scope = { 0 };
    const struct rbac_role *role = judged->why.suggestion;
    if (judged->why.verdict != RBAC_DENIED || judged->why.because == RBAC_BECAUSE_DENY)
        return 0;
    if (!role)
        role = rbac_builtin_role_for(judged->action, data_action);
    if (text_equal_nocase(judged->action, RBAC_WRITE))
        role = rbac_builtin_role_for_all(create, COUNT(create));
    judged->suggestion = role;
    if (!role)
        return 0;
    buffer_text(&command, "moonfleet grant ");
    (void)setup_quote_word(role->name, strlen(role->name), &command, NULL);
    buffer_text(&command, " --to ");
    (void)setup_quote_word(judged->who.name, strlen(judged->who.name), &command, NULL);
    scope_say(&scope, judged->scope, here);
    if (scope.data && !text_equal(scope.data, "workspace")) {
        buffer_text(&command, " --at ");
        (void)setup_quote_word(scope.data, scope.size, &command, NULL);
    }
    buffer_clear(&scope);
    return buffer_detach(&command, &judged->command, NULL, err);
}

static int explain(struct judged *judged, bool data_action, struct error *err)
{
    const struct rbac_question question = { .principal_id = judged->who.id,
                                            .action = judged->action,
                                            .scope = judged->scope,
                                            .data_action = data_action };
    const struct rbac_naming naming = access_naming(judged->access);
    int rc = rbac_explain(access_policy(judged->access), judged->who.id, judged->action,
                          judged->scope, data_action, &judged->why, err);
    if (rc < 0)
        return rc;
    judged->answer =
        access_answer_of(judged->access, judged->why.verdict, judged->who.id, judged->scope);
    if (is_own(judged))
        say_own(judged);
    else if (judged->answer != ACCESS_UNKNOWN)
        rbac_because_words(&judged->because, &question, &judged->why, &naming);
    return 0;
}

/* ---- as JSON ---- */

/* Lines as an array of texts. */
static cJSON *lines_json(const struct buffer *lines)
{
    cJSON *array = cJSON_CreateArray();
    for (const char *at = lines->data; at && *at;) {
        size_t size = strcspn(at, "\n");
        char *line = text_dup_size(at, size);
        if (line)
            cJSON_AddItemToArray(array, cJSON_CreateString(line));
        free(line);
        at += size + (at[size] == '\n');
    }
    return array;
}

static cJSON *text_json(const char *text)
{
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

static cJSON *assignment_json(const struct judged *judged)
{
    const struct rbac_assignment *given = judged->why.assignment;
    if (!given || access_role_is_own(given->role_id))
        return cJSON_CreateNull();
    cJSON *row = cJSON_CreateObject();
    cJSON_AddItemToObject(row, "id", text_json(given->id));
    cJSON_AddItemToObject(row, "role", text_json(judged->why.role ? judged->why.role->name : NULL));
    cJSON_AddStringToObject(row, "roleId", given->role_id);
    cJSON_AddStringToObject(row, "scope", given->scope);
    cJSON_AddStringToObject(row, "principalId", given->principal_id);
    cJSON_AddItemToObject(row, "principal",
                          text_json(access_name(judged->access, given->principal_id)));
    cJSON_AddBoolToObject(row, "condition", given->has_condition);
    return row;
}

cJSON *judged_json(const struct judged *judged)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "answer", access_answer_name(judged->answer));
    cJSON *who = cJSON_AddObjectToObject(document, "who");
    cJSON_AddStringToObject(who, "id", judged->who.id);
    cJSON_AddStringToObject(who, "name", judged->who.name);
    cJSON_AddStringToObject(document, "action", judged->action);
    cJSON_AddStringToObject(document, "scope", judged->scope);
    cJSON_AddItemToObject(document, "because", lines_json(&judged->because));
    cJSON_AddItemToObject(document, "notes", lines_json(&judged->notes));
    cJSON_AddItemToObject(document, "assignment", assignment_json(judged));
    cJSON_AddItemToObject(document, "pattern", text_json(judged->why.pattern));
    cJSON_AddItemToObject(document, "suggestedRole",
                          text_json(judged->suggestion ? judged->suggestion->name : NULL));
    cJSON_AddItemToObject(document, "command", text_json(judged->command));
    return document;
}

/* ---- the question ---- */

/* Words that cannot be understood are the asker's mistake. */
static int usage(int rc, struct error *err)
{
    if (rc == ERROR_INVALID && err)
        err->code = ERROR_USAGE;
    return rc == ERROR_INVALID ? ERROR_USAGE : rc;
}

/* Tells the end. */
static void end(struct judging *judging, int rc, const struct error *err)
{
    judge_done_fn *done = judging->done;
    void *arg = judging->arg;
    struct judged judged = judging->judged;
    judging->judged = (struct judged) { 0 };
    judge_cancel(judging);
    done(rc, &judged, err, arg);
    judged_clear(&judged);
}

/* All is known: the last remarks. */
static void conclude(struct judging *judging)
{
    struct judged *judged = &judging->judged;
    struct error err = { 0 };
    say_unknown(judged);
    say_creating(judged);
    int rc = buffer_check(&judged->because, "the reasons", &err);
    if (rc == 0)
        rc = buffer_check(&judged->notes, "the reasons", &err);
    end(judging, rc, &err);
}

static void on_person(int rc, struct who *who, const struct error *err, void *arg)
{
    struct judging *judging = arg;
    const struct inside inside = inside_of(judging->instance);
    (void)err;
    judging->finding = NULL;
    apply_inside(&judging->judged, &inside, rc == 0 ? who->name : inside.person);
    conclude(judging);
}

/* The names of people come with what is known of access; the person of an instance may have none. */
static void judge_inside(struct judging *judging)
{
    const struct inside inside = inside_of(judging->instance);
    const char *name =
        inside.person ? access_name(judging->judged.access, inside.person) : "somebody else";
    if (!name &&
        who_find(judging->client, inside.person, on_person, judging, &judging->finding, NULL) == 0)
        return;
    apply_inside(&judging->judged, &inside, name ? name : inside.person);
    conclude(judging);
}

static void on_instance(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct judging *judging = arg;
    struct judged *judged = &judging->judged;
    const char *slash = strrchr(judged->scope, '/');
    judging->call = NULL;
    if (rc == 0) {
        judging->instance = reply->body;
        reply->body = NULL;
        judge_inside(judging);
        return;
    }
    if (rc == ERROR_NOT_FOUND) {
        buffer_format(&judged->notes, "there is no instance %s yet\n", slash + 1);
    } else {
        if (judged->answer == ACCESS_ALLOWED)
            judged->answer = ACCESS_UNKNOWN;
        buffer_format(&judged->because, "whose instance %s is could not be read: %s\n", slash + 1,
                      err->message);
    }
    conclude(judging);
}

/* Is the inside of an instance what was asked about?  Then the instance is asked for. */
static int ask_instance(struct judging *judging, struct error *err)
{
    struct resource_id id = { 0 };
    struct computes_request request;
    int rc = 0;
    if (text_equal_nocase(judging->judged.action, RBAC_APPLICATION_ACCESS) &&
        resource_id_parse(judging->judged.scope, &id, NULL) == 0 && id.compute) {
        const struct workspace_ref ref = { id.subscription, id.group, id.workspace };
        rc = computes_get(&request, &ref, id.compute, err);
        if (rc == 0) {
            rc = arm_send(judging->client, &request.arm, on_instance, judging, &judging->call, err);
            computes_request_clear(&request);
        }
    }
    resource_id_clear(&id);
    return rc;
}

static void on_access(int rc, struct access *access, const struct error *err, void *arg)
{
    struct judging *judging = arg;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    judging->loading = NULL;
    judging->judged.access = access;
    if (rc == 0)
        rc = explain(&judging->judged, judging->data_action, &why);
    if (rc == 0)
        rc = suggest(&judging->here, &judging->judged, judging->data_action, &why);
    if (rc == 0)
        rc = ask_instance(judging, &why);
    if (rc < 0)
        end(judging, rc, &why);
    else if (!judging->call)
        conclude(judging);
}

static void on_who(int rc, struct who *who, const struct error *err, void *arg)
{
    struct judging *judging = arg;
    struct judged *judged = &judging->judged;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    judging->finding = NULL;
    if (rc == 0) {
        judged->who = *who;
        *who = (struct who) { 0 };
        const char *scopes[] = { judged->scope }, *whom[] = { judged->who.id };
        const struct access_request request = {
            .scopes = scopes,
            .scope_count = COUNT(scopes),
            .groups = whom,
            .group_count = judged->who.kind == DIRECTORY_GROUP ? 1 : 0,
            .principals = whom,
            .principal_count = 1,
        };
        rc = access_load(judging->client, &request, on_access, judging, &judging->loading, &why);
    }
    if (rc < 0)
        end(judging, rc, &why);
}

int judge_start(struct arm_client *client, const struct workspace_ref *here,
                const struct question *question, judge_done_fn *done, void *arg,
                struct judging **out, struct error *err)
{
    const char *action = NULL;
    struct judging *judging = calloc(1, sizeof *judging);
    if (!judging)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    *judging = (struct judging) { .client = client,
                                  .here = *here,
                                  .data_action = question->data_action,
                                  .done = done,
                                  .arg = arg };
    struct judged *judged = &judging->judged;
    int rc = usage(rbac_action_of(question->action, &action, err), err);
    if (rc == 0 && !(judged->action = strdup(action)))
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0)
        rc = usage(scope_of(question->scope, here, &judged->scope, err), err);
    if (rc == 0)
        rc = who_find(client, question->who, on_who, judging, &judging->finding, err);
    if (rc < 0)
        judge_cancel(judging);
    else
        *out = judging;
    return rc;
}

struct waiting {
    bool done;
    int rc;
    struct judged *out;
    struct error *err;
};

static void on_judged(int rc, struct judged *judged, const struct error *err, void *arg)
{
    struct waiting *waiting = arg;
    waiting->done = true;
    waiting->rc = rc;
    if (rc < 0 && waiting->err)
        *waiting->err = *err;
    if (rc == 0) {
        *waiting->out = *judged;
        *judged = (struct judged) { 0 };
    }
}

int judge(struct arm_client *client, const struct workspace_ref *here,
          const struct question *question, struct judged *out, struct error *err)
{
    struct waiting waiting = { .out = out, .err = err };
    struct judging *judging = NULL;
    int rc = judge_start(client, here, question, on_judged, &waiting, &judging, err);
    if (rc < 0)
        return rc;
    rc = loop_run_until(arm_client_loop(client), &waiting.done);
    if (waiting.done)
        return waiting.rc;
    judge_cancel(judging);
    return error_set(err, rc < 0 ? rc : ERROR_CANCELLED, "asking who may do what: interrupted");
}
