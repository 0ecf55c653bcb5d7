/* who.c - see who.h. */
#include "engine/who.h"

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

struct directory who_directory(struct arm_client *client)
{
    return (struct directory) { .client = client };
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

struct who_finding {
    struct arm_client *client; /* borrowed */
    who_done_fn *done;
    void *arg;
    char *said;                       /* owned */
    const enum directory_kind *kinds; /* that may be meant; names: one answer each */
    size_t kind_count;
    struct directory_lookup *lookup; /* names */
    struct arm_call *call;           /* me, and object ids */
    bool is_me;
};

void who_cancel(struct who_finding *finding)
{
    if (!finding)
        return;
    directory_cancel(finding->lookup);
    arm_call_cancel(finding->call);
    free(finding->said);
    free(finding);
}

/* Tells the end; `who` is ours again afterwards. */
static void end(struct who_finding *finding, int rc, struct who *who, const struct error *err)
{
    who_done_fn *done = finding->done;
    void *arg = finding->arg;
    finding->lookup = NULL; /* it is this that ended */
    finding->call = NULL;
    who_cancel(finding);
    done(rc, who, err, arg);
    who_clear(who);
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

static int read_id(const struct who_finding *finding, const cJSON *body, struct who *out,
                   struct error *err)
{
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(body, "value"), 0);
    if (!item)
        return error_set(err, ERROR_NOT_FOUND, "the directory has nobody with the id %s",
                         finding->said);
    int rc = fill_from(out, item, err);
    if (rc == 0 && finding->kind_count == 1 && out->kind != finding->kinds[0])
        rc = error_set(err, ERROR_NOT_FOUND, "%s is the %s '%.200s', not a %s", finding->said,
                       who_kind_name(out->kind), out->name, who_kind_name(finding->kinds[0]));
    return rc;
}

static void on_reply(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct who_finding *finding = arg;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    struct who who = { 0 };
    if (rc < 0 && finding->is_me)
        rc = error_wrap(&why, rc, "asking the directory who I am");
    else if (rc < 0)
        rc = error_wrap(&why, rc, "asking the directory for %s", finding->said);
    else if (finding->is_me)
        rc = fill_from(&who, reply->body, &why);
    else
        rc = read_id(finding, reply->body, &who, &why);
    end(finding, rc, &who, &why);
}

static int find_me(struct who_finding *finding, struct error *err)
{
    const struct directory directory = who_directory(finding->client);
    struct principals_request request;
    int rc = principals_me(&request, &directory, err);
    finding->is_me = true;
    if (rc == 0)
        rc = arm_send(finding->client, &request.arm, on_reply, finding, &finding->call, err);
    principals_request_clear(&request);
    return rc;
}

static int find_id(struct who_finding *finding, struct error *err)
{
    const struct directory directory = who_directory(finding->client);
    const char *id = finding->said;
    struct principals_request request = { 0 };
    cJSON *ids = cJSON_CreateStringArray(&id, 1);
    int rc = ids ? principals_by_ids(&request, &directory, ids, err)
                 : error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0)
        rc = arm_send(finding->client, &request.arm, on_reply, finding, &finding->call, err);
    principals_request_clear(&request);
    cJSON_Delete(ids);
    return rc;
}

/* ---- names ---- */

static int tell_ids(const struct who_finding *finding, const struct directory_answer *answers,
                    size_t count, struct error *err)
{
    struct buffer text = { 0 };
    for (size_t i = 0; i < count; i++) {
        const char *word = who_kind_name(finding->kinds[i]);
        if (answers[i].outcome == DIRECTORY_FOUND)
            buffer_format(&text, "%s %s %s", text.size ? "," : "", word, answers[i].id);
        for (size_t k = 0; k < answers[i].ids_count; k++)
            buffer_format(&text, "%s %s %s", text.size ? "," : "", word, answers[i].ids[k]);
    }
    int rc = error_set(err, ERROR_CONFLICT, "several are called '%.200s'; name one by its id:%s",
                       finding->said, text.data ? text.data : "");
    buffer_clear(&text);
    return rc;
}

static int tell_near(const struct who_finding *finding, const struct directory_answer *answers,
                     size_t count, struct error *err)
{
    const char *near = NULL;
    char nobody[64] = "nobody called";
    for (size_t i = 0; i < count && !near; i++)
        near = answers[i].near;
    if (finding->kind_count == 1)
        (void)snprintf(nobody, sizeof nobody, "no %s", who_kind_name(finding->kinds[0]));
    if (near)
        return error_set(err, ERROR_NOT_FOUND,
                         "the directory has %s '%.200s', did you mean '%.200s'?", nobody,
                         finding->said, near);
    return error_set(err, ERROR_NOT_FOUND, "the directory has %s '%.200s'%s", nobody, finding->said,
                     finding->kind_count == 1 ? "" : ": say " WHO_WORDS);
}

static int read_answers(const struct who_finding *finding, const struct directory_answer *answers,
                        size_t count, struct who *out, struct error *err)
{
    size_t found = 0, which = 0;
    for (size_t i = 0; i < count; i++) {
        size_t here = answers[i].outcome == DIRECTORY_FOUND ? 1 : answers[i].ids_count;
        found += here;
        which = here ? i : which;
    }
    if (found == 0)
        return tell_near(finding, answers, count, err);
    if (found > 1)
        return tell_ids(finding, answers, count, err);
    const struct directory_answer *answer = &answers[which];
    enum directory_kind kind = finding->kinds[which];
    bool as_said = kind == DIRECTORY_USER || !answer->display_name;
    return fill(out, answer->id, as_said ? finding->said : answer->display_name, kind, err);
}

static void on_answers(int rc, const struct directory_answer *answers, size_t count,
                       const struct error *err, void *arg)
{
    struct who_finding *finding = arg;
    struct error why = rc < 0 ? *err : (struct error) { 0 };
    struct who who = { 0 };
    if (rc == 0)
        rc = read_answers(finding, answers, count, &who, &why);
    end(finding, rc, &who, &why);
}

static int find_name(struct who_finding *finding, struct error *err)
{
    const struct directory directory = who_directory(finding->client);
    struct directory_name names[KINDS] = { 0 };
    for (size_t i = 0; i < finding->kind_count; i++)
        names[i] = (struct directory_name) { finding->kinds[i], finding->said };
    return directory_resolve(&directory, names, finding->kind_count, on_answers, finding,
                             &finding->lookup, err);
}

/* ---- both ---- */

static const enum directory_kind all[KINDS] = { DIRECTORY_USER, DIRECTORY_GROUP,
                                                DIRECTORY_SERVICE_PRINCIPAL };

/* `kind` is a row of all[]; NULL: any may be meant, me too. */
static int start(const struct who_finding *wanted, const enum directory_kind *kind,
                 const char *said, struct who_finding **out, struct error *err)
{
    if (!said[0] && kind)
        return error_set(err, ERROR_NOT_FOUND, "no %s is called ''", who_kind_name(*kind));
    if (!said[0])
        return error_set(err, ERROR_NOT_FOUND, "nobody is called '': say " WHO_WORDS);
    struct who_finding *finding = malloc(sizeof *finding);
    if (!finding)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    *finding = *wanted;
    finding->kinds = kind ? kind : all;
    finding->kind_count = kind ? 1 : KINDS;
    finding->said = strdup(said);
    int rc = !finding->said                           ? error_set(err, ERROR_NO_MEMORY, "no memory")
             : !kind && text_equal_nocase(said, "me") ? find_me(finding, err)
             : uuid_is_valid(said)                    ? find_id(finding, err)
                                                      : find_name(finding, err);
    if (rc < 0)
        who_cancel(finding);
    else
        *out = finding;
    return rc;
}

int who_find(struct arm_client *client, const char *said, who_done_fn *done, void *arg,
             struct who_finding **out, struct error *err)
{
    const struct who_finding wanted = { .client = client, .done = done, .arg = arg };
    return start(&wanted, NULL, said, out, err);
}

struct waiting {
    bool done;
    int rc;
    struct who *out;
    struct error *err; /* may be NULL */
};

static void on_found(int rc, struct who *who, const struct error *err, void *arg)
{
    struct waiting *waiting = arg;
    waiting->done = true;
    waiting->rc = rc;
    if (rc < 0 && waiting->err)
        *waiting->err = *err;
    if (rc == 0) {
        *waiting->out = *who;
        *who = (struct who) { 0 };
    }
}

static int resolve(struct arm_client *client, const enum directory_kind *kind, const char *said,
                   struct who *out, struct error *err)
{
    struct waiting waiting = { .out = out, .err = err };
    const struct who_finding wanted = { .client = client, .done = on_found, .arg = &waiting };
    struct who_finding *finding = NULL;
    int rc = start(&wanted, kind, said, &finding, err);
    if (rc < 0)
        return rc;
    rc = loop_run_until(arm_client_loop(client), &waiting.done);
    if (waiting.done)
        return waiting.rc;
    who_cancel(finding);
    return error_set(err, rc < 0 ? rc : ERROR_CANCELLED, "asking the directory: interrupted");
}

int who_resolve(struct arm_client *client, const char *said, struct who *out, struct error *err)
{
    return resolve(client, NULL, said, out, err);
}

int who_resolve_kind(struct arm_client *client, enum directory_kind kind, const char *said,
                     struct who *out, struct error *err)
{
    return resolve(client, &all[kind], said, out, err);
}
