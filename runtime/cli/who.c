/* who.c - see who.h. */
#include "cli/who.h"

#include "base/random.h"
#include "base/text.h"
#include "client/principals.h"

#define KINDS 3

void who_clear(struct who *who)
{
    free(who->id);
    free(who->name);
    *who = (struct who) { 0 };
}

struct directory who_directory(const struct session *session)
{
    return (struct directory) { .client = session_client(session) };
}

const char *who_type(const struct who *who)
{
    static const char *const types[] = { [DIRECTORY_USER] = "User",
                                         [DIRECTORY_GROUP] = "Group",
                                         [DIRECTORY_SERVICE_PRINCIPAL] = "ServicePrincipal" };
    return types[who->kind];
}

const char *who_kind_name(enum directory_kind kind)
{
    static const char *const names[KINDS] = { [DIRECTORY_USER] = "user",
                                              [DIRECTORY_GROUP] = "group",
                                              [DIRECTORY_SERVICE_PRINCIPAL] = "service principal" };
    return names[kind];
}

static int fill(struct who *out, const char *id, const char *name, enum directory_kind kind,
                struct error *err)
{
    struct who who = { .id = strdup(id), .name = strdup(name ? name : id), .kind = kind };
    if (!who.id || !who.name) {
        who_clear(&who);
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    *out = who;
    return 0;
}

/* ---- me, and object ids ---- */

static int fill_from(struct who *out, const cJSON *item, struct error *err)
{
    enum directory_kind kind = DIRECTORY_USER;
    const char *id = json_string(item, "id", NULL);
    (void)principals_kind_of(item, &kind);
    if (!id)
        return error_set(err, ERROR_REMOTE, "the directory does not say who that is");
    return fill(out, id, principals_name_of(item), kind, err);
}

static int resolve_me(struct session *session, struct who *out, struct error *err)
{
    const struct directory directory = who_directory(session);
    struct principals_request request;
    cJSON *body = NULL;
    int rc = principals_me(&request, &directory, err);
    if (rc == 0)
        rc = arm_wait(session_client(session), &request.arm, &body, err);
    principals_request_clear(&request);
    rc = rc < 0 ? error_wrap(err, rc, "asking the directory who I am") : fill_from(out, body, err);
    cJSON_Delete(body);
    return rc;
}

static int resolve_id(struct session *session, const char *id, struct who *out, struct error *err)
{
    const struct directory directory = who_directory(session);
    struct principals_request request;
    cJSON *body = NULL, *ids = cJSON_CreateStringArray(&id, 1);
    int rc = ids ? principals_by_ids(&request, &directory, ids, err)
                 : error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0) {
        rc = arm_wait(session_client(session), &request.arm, &body, err);
        principals_request_clear(&request);
    }
    cJSON_Delete(ids);
    if (rc < 0)
        return error_wrap(err, rc, "asking the directory for %s", id);
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(body, "value"), 0);
    rc = item ? fill_from(out, item, err)
              : error_set(err, ERROR_NOT_FOUND, "the directory has nobody with the id %s", id);
    cJSON_Delete(body);
    return rc;
}

/* ---- names ---- */

struct looking {
    bool done;
    int rc;
    const enum directory_kind *kinds; /* that were asked for, one answer each */
    size_t kind_count;
    const char *said;
    struct who *out;
    struct error *err;
};

static void tell_ids(struct looking *looking, const struct directory_answer *answers, size_t count)
{
    struct buffer text = { 0 };
    for (size_t i = 0; i < count; i++) {
        const char *word = who_kind_name(looking->kinds[i]);
        if (answers[i].outcome == DIRECTORY_FOUND)
            buffer_format(&text, "%s %s %s", text.size ? "," : "", word, answers[i].id);
        for (size_t k = 0; k < answers[i].ids_count; k++)
            buffer_format(&text, "%s %s %s", text.size ? "," : "", word, answers[i].ids[k]);
    }
    looking->rc = error_set(looking->err, ERROR_CONFLICT,
                            "several are called '%.200s'; name one by its id:%s", looking->said,
                            text.data ? text.data : "");
    buffer_clear(&text);
}

static void tell_near(struct looking *looking, const struct directory_answer *answers, size_t count)
{
    const char *near = NULL;
    char nobody[64] = "nobody called";
    for (size_t i = 0; i < count && !near; i++)
        near = answers[i].near;
    if (looking->kind_count == 1)
        (void)snprintf(nobody, sizeof nobody, "no %s", who_kind_name(looking->kinds[0]));
    if (near)
        looking->rc = error_set(looking->err, ERROR_NOT_FOUND,
                                "the directory has %s '%.200s', did you mean '%.200s'?", nobody,
                                looking->said, near);
    else if (looking->kind_count == 1)
        looking->rc = error_set(looking->err, ERROR_NOT_FOUND, "the directory has %s '%.200s'",
                                nobody, looking->said);
    else
        looking->rc =
            error_set(looking->err, ERROR_NOT_FOUND,
                      "the directory has %s '%.200s': say " WHO_WORDS, nobody, looking->said);
}

static void on_answers(int rc, const struct directory_answer *answers, size_t count,
                       const struct error *err, void *arg)
{
    struct looking *looking = arg;
    size_t found = 0, which = 0;
    looking->done = true;
    looking->rc = rc;
    if (rc < 0) {
        if (looking->err)
            *looking->err = *err;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t here = answers[i].outcome == DIRECTORY_FOUND ? 1 : answers[i].ids_count;
        found += here;
        which = here ? i : which;
    }
    if (found == 0)
        tell_near(looking, answers, count);
    else if (found > 1)
        tell_ids(looking, answers, count);
    else
        looking->rc = fill(looking->out, answers[which].id,
                           looking->kinds[which] == DIRECTORY_USER || !answers[which].display_name
                               ? looking->said
                               : answers[which].display_name,
                           looking->kinds[which], looking->err);
}

static int resolve_name(struct session *session, const char *said, const enum directory_kind *kinds,
                        size_t count, struct who *out, struct error *err)
{
    const struct directory directory = who_directory(session);
    struct directory_name names[KINDS] = { 0 };
    struct looking looking = {
        .kinds = kinds, .kind_count = count, .said = said, .out = out, .err = err
    };
    struct directory_lookup *lookup = NULL;
    for (size_t i = 0; i < count; i++)
        names[i] = (struct directory_name) { kinds[i], said };
    int rc = directory_resolve(&directory, names, count, on_answers, &looking, &lookup, err);
    if (rc < 0)
        return rc;
    rc = loop_run_until(session_loop(session), &looking.done);
    if (!looking.done) {
        directory_cancel(lookup);
        return error_set(err, rc < 0 ? rc : ERROR_CANCELLED, "asking the directory: interrupted");
    }
    return looking.rc;
}

int who_resolve(struct session *session, const char *said, struct who *out, struct error *err)
{
    static const enum directory_kind all[KINDS] = { DIRECTORY_USER, DIRECTORY_GROUP,
                                                    DIRECTORY_SERVICE_PRINCIPAL };
    if (!said[0])
        return error_set(err, ERROR_NOT_FOUND, "nobody is called '': say " WHO_WORDS);
    if (text_equal_nocase(said, "me"))
        return resolve_me(session, out, err);
    if (uuid_is_valid(said))
        return resolve_id(session, said, out, err);
    return resolve_name(session, said, all, KINDS, out, err);
}

int who_resolve_kind(struct session *session, enum directory_kind kind, const char *said,
                     struct who *out, struct error *err)
{
    struct who who = { 0 };
    if (!said[0])
        return error_set(err, ERROR_NOT_FOUND, "no %s is called ''", who_kind_name(kind));
    if (!uuid_is_valid(said))
        return resolve_name(session, said, &kind, 1, out, err);
    int rc = resolve_id(session, said, &who, err);
    if (rc == 0 && who.kind != kind)
        rc = error_set(err, ERROR_NOT_FOUND, "%s is the %s '%.200s', not a %s", said,
                       who_kind_name(who.kind), who.name, who_kind_name(kind));
    if (rc == 0)
        *out = who;
    else
        who_clear(&who);
    return rc;
}
