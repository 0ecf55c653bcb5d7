/* check_assigned.c - may each person start, stop, restart and use the instance that is assigned to
 * them, once this plan's grants are made?
 *
 * One finding a person that lacks something; when many lack the same, the first few and then one
 * finding for all others. */
#include "engine/check_access.h"

#include <uthash.h>

#include "base/text.h"
#include "engine/resource.h"
#include "rbac/builtin_roles.h"

#define TOLD_MAX 3    /* people with the same want who get a finding of their own */
#define LISTED_MAX 20 /* people who are named in the finding of all others */

/* What a person does with their instance; `optional`: doing without is a warning. */
static const struct {
    const char *action;
    bool optional;
} uses[] = {
    { RBAC_START, false },           { RBAC_STOP, false },
    { RBAC_RESTART, false },         { RBAC_APPLICATION_ACCESS, false },
    { RBAC_UPDATE_SCHEDULES, true },
};

#define OPTIONAL (1U << (COUNT(uses) - 1))
#define KINDS (1U << COUNT(uses)) /* of wants */

/* A person, with all instances at which they lack something. */
struct person {
    const char *id, *name;
    unsigned lacks, conditional, unknown; /* bits of `uses` */
    size_t count;                         /* instances at which something is lacking */
    const struct item *first;             /* of those */
    const struct item *conditional_at;    /* the first with a condition */
    bool touched; /* the plan makes or changes one of these instances, or takes a right */
    UT_hash_handle hh;
};

struct people {
    const struct access_check *check;
    struct person *all; /* uthash by id, in order of declaration */
    size_t asked;
    bool failed; /* no memory */
};

static struct person *person_of(struct people *people, const struct schema_principal *principal)
{
    struct person *person = NULL;
    HASH_FIND_STR(people->all, principal->id, person);
    if (person)
        return person;
    person = calloc(1, sizeof *person);
    if (!person) {
        people->failed = true;
        return NULL;
    }
    person->id = principal->id;
    person->name = principal->name;
    HASH_ADD_KEYPTR(hh, people->all, person->id, strlen(person->id), person);
    return person;
}

static void ask(struct people *people, const struct item *item, struct person *person)
{
    char *scope = check_scope_of(people->check, item);
    const struct access *before = people->check->access;
    unsigned lacks = 0;
    bool taken = false;
    for (size_t i = 0; scope && i < COUNT(uses); i++) {
        switch (check_answer(people->check, ACCESS_AFTER, person->id, uses[i].action, scope)) {
        case ACCESS_ALLOWED:
            break;
        case ACCESS_CONDITIONAL:
            person->conditional |= 1U << i;
            person->conditional_at = person->conditional_at ? person->conditional_at : item;
            break;
        case ACCESS_UNKNOWN:
            person->unknown |= 1U << i;
            break;
        case ACCESS_DENIED:
            lacks |= 1U << i;
            taken = taken || access_decide(before, person->id, uses[i].action, scope, false) ==
                                 ACCESS_ALLOWED;
            break;
        }
    }
    free(scope);
    if (lacks && person->count++ == 0)
        person->first = item;
    if (taken || (lacks && item->step.action != PLAN_UNCHANGED))
        person->touched = true;
    person->lacks |= lacks;
}

/* ---- findings ---- */

static void list_uses(unsigned bits, struct buffer *out)
{
    for (size_t i = 0; i < COUNT(uses); i++)
        if (bits & (1U << i))
            buffer_format(out, "%s%s", out->size ? ", " : "", rbac_action_word(uses[i].action));
}

/* The smallest built-in role that gives what is lacking; for the recipe, after `to`. */
static const char *role_for(unsigned lacks)
{
    const char *actions[COUNT(uses)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(uses); i++)
        if (lacks & (1U << i))
            actions[count++] = uses[i].action;
    const struct rbac_role *role = rbac_builtin_role_for_all(actions, count);
    return role ? role->name : NULL;
}

/* A name as a Lua text. */
static void lua_text(struct buffer *out, const char *text)
{
    buffer_char(out, '"');
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            buffer_char(out, '\\');
        buffer_char(out, *c);
    }
    buffer_char(out, '"');
}

/* A role helps unless a deny assignment is in the way; that one is told. */
static bool deny_in_the_way(const struct people *people, const struct person *person,
                            struct buffer *out)
{
    const struct access_check *check = people->check;
    const struct rbac_policy *policy = check_policy(check, ACCESS_AFTER);
    const struct rbac_naming naming = access_naming(check->access);
    struct rbac_explanation why;
    size_t which = 0;
    char *scope = check_scope_of(check, person->first);
    while (!(person->lacks & (1U << which)))
        which++;
    const struct rbac_question question = { .principal_id = person->id,
                                            .action = uses[which].action,
                                            .scope = scope };
    bool denied =
        scope && rbac_explain(policy, person->id, question.action, scope, false, &why, NULL) == 0 &&
        why.because == RBAC_BECAUSE_DENY;
    if (denied) {
        buffer_text(out, ": ");
        rbac_because_words(out, &question, &why, &naming);
        for (size_t i = 0; out->data && i < out->size; i++)
            if (out->data[i] == '\n')
                out->data[i] = i + 1 == out->size ? ' ' : ';';
    }
    free(scope);
    return denied;
}

static enum plan_check_status status_of(const struct person *person)
{
    return person->lacks == OPTIONAL || !person->touched ? PLAN_CHECK_WARNING : PLAN_CHECK_FAILURE;
}

/* "ada@x may not computes/start, … at instance ds-ada and 2 more" */
static void tell_one(const struct people *people, const struct person *person)
{
    struct buffer actions = { 0 }, mend = { 0 }, deny = { 0 };
    char more[64] = "";
    const char *role = role_for(person->lacks);
    bool denied = deny_in_the_way(people, person, &deny);
    list_uses(person->lacks, &actions);
    if (person->count > 1)
        (void)snprintf(more, sizeof more, " and %zu more of theirs", person->count - 1);
    if (role && !denied) {
        buffer_text(&mend, "grant { role = ");
        lua_text(&mend, role);
        buffer_text(&mend, ", to = user ");
        lua_text(&mend, person->name);
        buffer_text(&mend, " }");
    }
    const struct plan_check finding = { .name = CHECK_ASSIGNED,
                                        .status = status_of(person),
                                        .subject = person->name,
                                        .mend = mend.size ? mend.data : NULL,
                                        .file = person->first->step.file,
                                        .line = person->first->step.line };
    check_add(people->check->plan, &finding, "%s lacks %s at instance %s%s%s", person->name,
              actions.data ? actions.data : "", person->first->step.name, more,
              deny.data ? deny.data : "");
    buffer_clear(&actions);
    buffer_clear(&mend);
    buffer_clear(&deny);
}

/* Everybody else who lacks the same, in one finding. */
struct others {
    size_t count;
    const struct person *first;
    struct buffer names, mend;
};

static void add_other(struct others *others, const struct person *person)
{
    if (others->count++ == 0)
        others->first = person;
    if (others->count <= LISTED_MAX)
        buffer_format(&others->names, "%s%s", others->count > 1 ? ", " : "", person->name);
    buffer_text(&others->mend, others->count > 1 ? ", user " : "user ");
    lua_text(&others->mend, person->name);
}

static void tell_others(const struct people *people, struct others *others)
{
    struct buffer actions = { 0 }, mend = { 0 };
    char more[64] = "";
    const struct person *first = others->first;
    const char *role = role_for(first->lacks);
    list_uses(first->lacks, &actions);
    if (others->count > LISTED_MAX)
        (void)snprintf(more, sizeof more, " and %zu more", others->count - LISTED_MAX);
    if (role) {
        buffer_text(&mend, "grant { role = ");
        lua_text(&mend, role);
        buffer_format(&mend, ", to = { %s } }  (or a group that has them)", others->mend.data);
    }
    const struct plan_check finding = { .name = CHECK_ASSIGNED,
                                        .status = status_of(first),
                                        .subject = "others",
                                        .mend = mend.size ? mend.data : NULL,
                                        .file = first->first->step.file,
                                        .line = first->first->step.line };
    check_add(people->check->plan, &finding, "%zu more people lack %s at their instances: %s%s",
              others->count, actions.data ? actions.data : "",
              others->names.data ? others->names.data : "", more);
    buffer_clear(&actions);
    buffer_clear(&mend);
}

/* Everybody with the same want and the same weight. */
static void tell_kind(const struct people *people, unsigned lacks, enum plan_check_status status)
{
    struct others others = { 0 };
    size_t told = 0;
    for (const struct person *person = people->all; person; person = person->hh.next) {
        if (person->lacks != lacks || status_of(person) != status)
            continue;
        if (told++ < TOLD_MAX)
            tell_one(people, person);
        else
            add_other(&others, person);
    }
    if (others.count == 1)
        tell_one(people, others.first);
    else if (others.count > 1)
        tell_others(people, &others);
    buffer_clear(&others.names);
    buffer_clear(&others.mend);
}

static void tell_conditional(const struct people *people)
{
    struct plan_check finding = { .name = CHECK_ASSIGNED, .status = PLAN_CHECK_WARNING };
    size_t count = 0;
    for (const struct person *person = people->all; person; person = person->hh.next) {
        struct buffer actions = { 0 };
        if (!person->conditional || count++ >= TOLD_MAX)
            continue;
        list_uses(person->conditional, &actions);
        finding.subject = person->name;
        finding.file = person->conditional_at->step.file;
        finding.line = person->conditional_at->step.line;
        check_add(people->check->plan, &finding,
                  "%s has %s at instance %s only on a condition, which the plane decides",
                  person->name, actions.data ? actions.data : "",
                  person->conditional_at->step.name);
        buffer_clear(&actions);
    }
    finding = (struct plan_check) { .name = CHECK_ASSIGNED, .status = PLAN_CHECK_WARNING };
    if (count > TOLD_MAX)
        check_add(people->check->plan, &finding,
                  "%zu more may use their instances only on a condition, which the plane decides",
                  count - TOLD_MAX);
}

static void tell_open(const struct people *people)
{
    size_t unknown = 0, fine = 0;
    const struct access *access = people->check->access;
    for (const struct person *person = people->all; person; person = person->hh.next) {
        unknown += person->unknown != 0;
        fine += !person->unknown && !person->conditional && !person->lacks;
    }
    struct plan_check finding = { .name = CHECK_ASSIGNED, .status = PLAN_CHECK_UNKNOWN };
    if (unknown > 0)
        check_add(people->check->plan, &finding,
                  "whether %zu %s may use their instances is not known: %s", unknown,
                  unknown == 1 ? "person" : "people", access_unknown_reason(access));
    tell_conditional(people);
    finding.status = PLAN_CHECK_OK;
    if (fine > 0)
        check_add(people->check->plan, &finding, "%zu %s may start, stop, restart and use %s", fine,
                  fine == 1 ? "person" : "people",
                  fine == 1 ? "the instance that is theirs" : "the instances that are theirs");
}

void check_assigned(const struct access_check *check)
{
    struct people people = { .check = check };
    for (size_t i = 0; i < check->plan->count; i++) {
        const struct item *item = &check->plan->items[i];
        const struct schema_principal *principal =
            item->type == &resource_instance ? check_person(check->plan, item) : NULL;
        struct person *person = principal ? person_of(&people, principal) : NULL;
        if (person)
            ask(&people, item, person);
    }
    for (unsigned lacks = KINDS - 1; lacks > 0; lacks--) {
        tell_kind(&people, lacks, PLAN_CHECK_FAILURE);
        tell_kind(&people, lacks, PLAN_CHECK_WARNING);
    }
    tell_open(&people);
    if (people.failed)
        check->plan->problems.failed = true;
    struct person *person, *next;
    HASH_ITER(hh, people.all, person, next)
    {
        HASH_DEL(people.all, person);
        free(person);
    }
}
