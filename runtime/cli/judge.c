/* judge.c - see judge.h: RBAC's answer, then what the service asks beyond RBAC. */
#include "cli/judge.h"

#include "arm/resource_id.h"
#include "base/text.h"
#include "engine/scope.h"
#include "rbac/builtin_roles.h"
#include "setup/quote.h"

void judged_clear(struct judged *judged)
{
    who_clear(&judged->who);
    free(judged->scope);
    free(judged->command);
    buffer_clear(&judged->because);
    buffer_clear(&judged->notes);
    access_free(judged->access);
    *judged = (struct judged) { 0 };
}

static struct workspace_ref here(const struct session *session)
{
    const struct context *context = session_context(session);
    return (struct workspace_ref) { .subscription = context->subscription,
                                    .group = context->group,
                                    .workspace = context->workspace };
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

static const char *name_of_person(const struct judged *judged, const char *id)
{
    const char *name = access_name(judged->access, id);
    return name ? name : id;
}

/* The names of people come with what is known of access; the person of an instance may have none. */
static int judge_inside(struct session *session, const struct resource_id *id,
                        struct judged *judged, struct error *err)
{
    const struct workspace_ref ref = { id->subscription, id->group, id->workspace };
    struct computes_request request;
    struct error refusal = { 0 };
    struct who person = { 0 };
    cJSON *body = NULL;
    int rc = computes_get(&request, &ref, id->compute, err);
    if (rc < 0)
        return rc;
    rc = arm_wait(session_client(session), &request.arm, &body, &refusal);
    computes_request_clear(&request);
    if (rc == ERROR_NOT_FOUND) {
        buffer_format(&judged->notes, "there is no instance %s yet\n", id->compute);
    } else if (rc < 0) {
        if (judged->answer == ACCESS_ALLOWED)
            judged->answer = ACCESS_UNKNOWN;
        buffer_format(&judged->because, "whose instance %s is could not be read: %s\n", id->compute,
                      refusal.message);
    } else {
        const struct inside inside = inside_of(body);
        const char *name = inside.person ? name_of_person(judged, inside.person) : "somebody else";
        if (inside.person && name == inside.person &&
            who_resolve(session, inside.person, &person, NULL) == 0)
            name = person.name;
        apply_inside(judged, &inside, name);
    }
    who_clear(&person);
    cJSON_Delete(body);
    return 0;
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

static int suggest(const struct session *session, struct judged *judged, bool data_action,
                   struct error *err)
{
    static const char *const create[] = { RBAC_WRITE, RBAC_CHECK_NAME };
    const struct workspace_ref ref = here(session);
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
    scope_say(&scope, judged->scope, &ref);
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

/* ---- the question ---- */

/* Words that cannot be understood are a wrong use of the command. */
static int usage(int rc, struct error *err)
{
    if (rc == ERROR_INVALID)
        err->code = ERROR_USAGE;
    return rc == ERROR_INVALID ? ERROR_USAGE : rc;
}

static int load(struct session *session, struct judged *judged, struct error *err)
{
    const char *scopes[] = { judged->scope }, *whom[] = { judged->who.id };
    bool is_group = judged->who.kind == DIRECTORY_GROUP;
    const struct access_request request = {
        .scopes = scopes,
        .scope_count = COUNT(scopes),
        .groups = whom,
        .group_count = is_group ? 1 : 0,
        .principals = whom,
        .principal_count = 1,
    };
    return access_load_wait(session_client(session), &request, &judged->access, err);
}

int judge(struct session *session, const struct question *question, struct judged *out,
          struct error *err)
{
    const struct workspace_ref ref = here(session);
    struct resource_id id = { 0 };
    int rc = usage(rbac_action_of(question->action, &out->action, err), err);
    if (rc == 0)
        rc = usage(scope_of(question->scope, &ref, &out->scope, err), err);
    if (rc == 0)
        rc = who_resolve(session, question->who, &out->who, err);
    if (rc == 0)
        rc = load(session, out, err);
    if (rc == 0)
        rc = explain(out, question->data_action, err);
    if (rc == 0)
        rc = suggest(session, out, question->data_action, err);
    if (rc == 0 && text_equal_nocase(out->action, RBAC_APPLICATION_ACCESS) &&
        resource_id_parse(out->scope, &id, NULL) == 0 && id.compute)
        rc = judge_inside(session, &id, out, err);
    resource_id_clear(&id);
    if (rc < 0)
        return rc;
    say_unknown(out);
    say_creating(out);
    rc = buffer_check(&out->because, "the reasons", err);
    return rc < 0 ? rc : buffer_check(&out->notes, "the reasons", err);
}
