/* directory.c - see directory.h.
 *
 * One lookup has three kinds of queries, all in flight at once: batches of users, single names,
 * and, once those are back, hints for the names that nobody has.  Hints are best effort: they never
 * fail a lookup. */
#include "client/directory.h"

#include <uthash.h>
#include <utlist.h>

#include "base/random.h"
#include "base/text.h"

#define HINT_PREFIX 2        /* letters of a name that its likes must share */
#define HINT_TIMEOUT_MS 5000 /* nobody waits longer for a "did you mean" */

/* One name, however often it was asked for. */
struct entry {
    char *key; /* "<kind>:<lower-case name>" */
    enum directory_kind kind;
    char *name;
    char **ids; /* owned, all that were found */
    size_t ids_count;
    char *display_name;
    char *near;
    UT_hash_handle hh;
};

enum query_kind {
    QUERY_NAMES,  /* who is called so */
    QUERY_ID,     /* who has this object id: one object, or 404 */
    QUERY_PREFIX, /* hint: who is called a little like that */
    QUERY_LIST,   /* hint: the first page of all */
};

struct query {
    enum query_kind kind;
    struct directory_lookup *lookup;
    struct arm_call *call;
    struct entry *entries[DIRECTORY_BATCH]; /* borrowed: whom it is about */
    size_t count;
    struct query *prev, *next;
};

/* One name of the caller's. */
struct asked {
    struct entry *entry;
};

struct directory_lookup {
    struct directory directory;
    directory_done_fn *done;
    void *arg;
    struct entry *entries; /* hash by key */
    struct asked *asked; /* one for each name of the caller's, in order; borrowed from `entries` */
    size_t asked_count;
    struct query *queries; /* in flight */
    bool hinted;           /* hints were asked for */
};

/* What a kind is called in Graph, and by which property people name it. */
static const struct {
    const char *collection, *property, *select;
} kinds[] = {
    [DIRECTORY_USER] = { "users", "userPrincipalName", "id,displayName,userPrincipalName" },
    [DIRECTORY_GROUP] = { "groups", "displayName", "id,displayName" },
    [DIRECTORY_SERVICE_PRINCIPAL] = { "servicePrincipals", "displayName", "id,displayName" },
};

/* ---- memory ---- */

static void free_entry(struct entry *entry)
{
    for (size_t i = 0; i < entry->ids_count; i++)
        free(entry->ids[i]);
    free(entry->ids);
    free(entry->key);
    free(entry->name);
    free(entry->display_name);
    free(entry->near);
    free(entry);
}

static void free_lookup(struct directory_lookup *lookup)
{
    loop_unpost(arm_client_loop(lookup->directory.client), lookup);
    struct query *query, *next_query;
    DL_FOREACH_SAFE(lookup->queries, query, next_query)
    {
        arm_call_cancel(query->call);
        free(query);
    }
    struct entry *entry, *next_entry;
    HASH_ITER(hh, lookup->entries, entry, next_entry)
    {
        HASH_DEL(lookup->entries, entry);
        free_entry(entry);
    }
    free(lookup->asked);
    free(lookup);
}

void directory_cancel(struct directory_lookup *lookup)
{
    if (lookup)
        free_lookup(lookup);
}

/* The entry of a name, made when it is the first of its like. */
static struct entry *entry_of(struct directory_lookup *lookup, const struct directory_name *name)
{
    char *key = text_format("%d:%s", (int)name->kind, name->name);
    if (!key)
        return NULL;
    text_lower(key);
    struct entry *entry = NULL;
    HASH_FIND_STR(lookup->entries, key, entry);
    if (entry) {
        free(key);
        return entry;
    }
    entry = calloc(1, sizeof *entry);
    if (entry)
        *entry = (struct entry) { .key = key, .kind = name->kind, .name = strdup(name->name) };
    if (!entry || !entry->name) {
        free(key);
        free(entry);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, lookup->entries, entry->key, strlen(entry->key), entry);
    return entry;
}

static int add_id(struct entry *entry, const cJSON *item)
{
    const char *id = json_string(item, "id", NULL);
    const char *display_name = json_string(item, "displayName", NULL);
    for (size_t i = 0; id && i < entry->ids_count; i++)
        if (text_equal_nocase(entry->ids[i], id))
            return 0; /* it moved to another page meanwhile */
    if (!id)
        return 0;
    char **ids = realloc(entry->ids, (entry->ids_count + 1) * sizeof *ids);
    if (!ids)
        return ERROR_NO_MEMORY;
    entry->ids = ids;
    ids[entry->ids_count] = strdup(id);
    if (!ids[entry->ids_count])
        return ERROR_NO_MEMORY;
    entry->ids_count++;
    if (!entry->display_name && display_name)
        entry->display_name = strdup(display_name);
    return 0;
}

/* ---- answers ---- */

static void end(struct directory_lookup *lookup, int rc, const struct error *err)
{
    struct error local = { 0 };
    struct directory_answer *answers = NULL;
    size_t count = 0;
    if (rc == 0 && lookup->asked_count > 0)
        answers = calloc(lookup->asked_count, sizeof *answers);
    if (rc == 0 && !answers && lookup->asked_count > 0) {
        rc = error_set(&local, ERROR_NO_MEMORY, "out of memory");
        err = &local;
    }
    for (; answers && count < lookup->asked_count; count++) {
        const struct entry *entry = lookup->asked[count].entry;
        struct directory_answer *answer = &answers[count];
        answer->outcome = entry->ids_count == 1   ? DIRECTORY_FOUND
                          : entry->ids_count == 0 ? DIRECTORY_MISSING
                                                  : DIRECTORY_AMBIGUOUS;
        answer->id = entry->ids_count == 1 ? entry->ids[0] : NULL;
        answer->display_name = entry->ids_count == 1 ? entry->display_name : NULL;
        answer->near = entry->ids_count == 0 ? entry->near : NULL;
        answer->ids = entry->ids_count > 1 ? entry->ids : NULL;
        answer->ids_count = entry->ids_count > 1 ? entry->ids_count : 0;
    }
    directory_done_fn *done = lookup->done;
    void *arg = lookup->arg;
    done(rc, answers, count, err, arg);
    free(answers);
    free_lookup(lookup);
}

/* ---- queries ---- */

static void append_literal(struct buffer *out, const char *text)
{
    buffer_char(out, '\'');
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            buffer_char(out, '\'');
        buffer_char(out, *c);
    }
    buffer_char(out, '\'');
}

/* The filter as people would read it; it is encoded when it becomes a query. */
static void append_filter(struct buffer *out, const struct query *query)
{
    const struct entry *first = query->entries[0];
    const char *property = kinds[first->kind].property;
    if (query->kind == QUERY_PREFIX) {
        char *prefix = text_dup_size(first->name, strnlen(first->name, HINT_PREFIX));
        buffer_format(out, "startsWith(%s,", property);
        append_literal(out, prefix ? prefix : "");
        buffer_char(out, ')');
        free(prefix);
        return;
    }
    buffer_format(out, query->count > 1 ? "%s in (" : "%s eq ", property);
    for (size_t i = 0; i < query->count; i++) {
        if (i > 0)
            buffer_char(out, ',');
        append_literal(out, query->entries[i]->name);
    }
    if (query->count > 1)
        buffer_char(out, ')');
}

static int make_target(const struct query *query, char **out, struct error *err)
{
    const struct directory *directory = &query->lookup->directory;
    const struct entry *first = query->entries[0];
    struct buffer target = { .max = HTTP_TARGET_MAX };
    struct buffer filter = { .max = HTTP_TARGET_MAX };
    const char *base = directory->graph_url ? directory->graph_url : "";
    size_t base_size = strlen(base);
    while (base_size > 0 && base[base_size - 1] == '/')
        base_size--;
    buffer_append(&target, base, base_size);
    buffer_format(&target, "/" API_GRAPH "/%s", kinds[first->kind].collection);
    if (query->kind == QUERY_ID) {
        buffer_char(&target, '/');
        http_encode(&target, first->name, false);
    }
    buffer_format(&target, "?$select=%s", kinds[first->kind].select);
    if (query->kind == QUERY_NAMES || query->kind == QUERY_PREFIX) {
        append_filter(&filter, query);
        buffer_text(&target, "&$filter=");
        http_encode(&target, filter.data ? filter.data : "", false);
    }
    int rc = buffer_check(&filter, "a name of the directory", err);
    buffer_clear(&filter);
    if (rc == 0)
        return buffer_detach(&target, out, NULL, err);
    buffer_clear(&target);
    return rc;
}

static void on_reply(int rc, struct arm_reply *reply, const struct error *err, void *arg);

/* Sends a query about `count` entries; it is then the lookup's. */
static int ask(struct directory_lookup *lookup, enum query_kind kind, struct entry *const *entries,
               size_t count, struct error *err)
{
    struct query *query = calloc(1, sizeof *query);
    if (!query)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    query->lookup = lookup;
    query->kind = kind;
    query->count = count;
    for (size_t i = 0; i < count; i++)
        query->entries[i] = entries[i];
    char *target = NULL;
    int rc = make_target(query, &target, err);
    struct arm_request request = {
        .method = HTTP_GET,
        .path = target,
        .token = lookup->directory.graph_token,
        /* Names similar to a wrong one: the first page will do. */
        .follow = kind == QUERY_NAMES ? ARM_PAGES : ARM_REPLY,
        .timeout_ms = kind == QUERY_PREFIX || kind == QUERY_LIST ? HINT_TIMEOUT_MS : 0,
    };
    if (rc == 0)
        rc = arm_send(lookup->directory.client, &request, on_reply, query, &query->call, err);
    free(target);
    if (rc < 0) {
        free(query);
        return rc;
    }
    DL_APPEND(lookup->queries, query);
    return 0;
}

/* ---- similar names ---- */

static int take_hint(const struct query *query, const cJSON *value)
{
    const char *property = kinds[query->entries[0]->kind].property;
    int count = cJSON_GetArraySize(value);
    if (count <= 0)
        return 0;
    const char **names = calloc((size_t)count, sizeof *names);
    if (!names)
        return ERROR_NO_MEMORY;
    size_t used = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, value)
    {
        const char *name = json_string(item, property, NULL);
        if (name)
            names[used++] = name;
    }
    for (size_t i = 0; i < query->count; i++) {
        struct entry *entry = query->entries[i];
        const char *near = entry->near ? NULL : text_nearest(entry->name, names, used);
        if (near)
            entry->near = strdup(near);
    }
    free(names);
    return 0;
}

/* Looks for names like those that nobody has: by their first letters, and among the first of all,
 * for a slip in the first letters.  What goes wrong here only costs the hint. */
static void ask_hints(struct directory_lookup *lookup)
{
    struct entry *lists[COUNT(kinds)][DIRECTORY_BATCH];
    size_t sizes[COUNT(kinds)] = { 0 };
    struct entry *entry, *next;
    size_t count = 0;
    lookup->hinted = true;
    HASH_ITER(hh, lookup->entries, entry, next)
    {
        if (entry->ids_count > 0 || uuid_is_valid(entry->name) || !entry->name[0])
            continue;
        if (count++ == DIRECTORY_HINTS_MAX)
            break;
        (void)ask(lookup, QUERY_PREFIX, &entry, 1, NULL);
        if (sizes[entry->kind] < DIRECTORY_BATCH)
            lists[entry->kind][sizes[entry->kind]++] = entry;
    }
    for (size_t kind = 0; kind < COUNT(kinds); kind++)
        if (sizes[kind] > 0)
            (void)ask(lookup, QUERY_LIST, lists[kind], sizes[kind], NULL);
}

/* ---- replies ---- */

static int take_found(const struct query *query, const cJSON *body)
{
    if (query->kind == QUERY_ID)
        return add_id(query->entries[0], body);
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "value"))
    {
        const char *property = kinds[query->entries[0]->kind].property;
        const char *name = json_string(item, property, "");
        for (size_t i = 0; i < query->count; i++)
            if (text_equal_nocase(query->entries[i]->name, name) &&
                add_id(query->entries[i], item) < 0)
                return ERROR_NO_MEMORY;
    }
    return 0;
}

static void on_reply(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct query *query = arg;
    struct directory_lookup *lookup = query->lookup;
    struct error local = { 0 };
    DL_DELETE(lookup->queries, query);
    if (query->kind == QUERY_PREFIX || query->kind == QUERY_LIST)
        rc = rc < 0 ? 0 : take_hint(query, cJSON_GetObjectItemCaseSensitive(reply->body, "value"));
    else if (query->kind == QUERY_ID && rc == ERROR_NOT_FOUND)
        rc = 0;
    else if (rc == 0)
        rc = take_found(query, reply->body);
    free(query);
    if (rc == ERROR_NO_MEMORY)
        error_set(&local, rc, "out of memory");
    else if (rc < 0)
        local = *err;
    if (rc < 0) {
        error_wrap(&local, rc, "asking the directory");
        end(lookup, rc, &local);
        return;
    }
    if (!lookup->queries && !lookup->hinted)
        ask_hints(lookup);
    if (!lookup->queries)
        end(lookup, 0, &local);
}

/* ---- the lookup ---- */

/* Users in batches, others and object ids one by one. */
static int ask_all(struct directory_lookup *lookup, struct error *err)
{
    struct entry *batch[DIRECTORY_BATCH];
    struct entry *entry, *next;
    size_t count = 0;
    int rc = 0;
    HASH_ITER(hh, lookup->entries, entry, next)
    {
        if (!entry->name[0])
            continue; /* nobody is called that */
        if (uuid_is_valid(entry->name))
            rc = ask(lookup, QUERY_ID, &entry, 1, err);
        else if (entry->kind != DIRECTORY_USER)
            rc = ask(lookup, QUERY_NAMES, &entry, 1, err);
        else
            batch[count++] = entry;
        if (rc == 0 && count == DIRECTORY_BATCH) {
            rc = ask(lookup, QUERY_NAMES, batch, count, err);
            count = 0;
        }
        if (rc < 0)
            return rc;
    }
    return count > 0 ? ask(lookup, QUERY_NAMES, batch, count, err) : 0;
}

/* Nothing was asked: the answer still comes from the loop. */
static void on_nothing(void *arg)
{
    struct error none = { 0 };
    end(arg, 0, &none);
}

int directory_resolve(const struct directory *directory, const struct directory_name *names,
                      size_t count, directory_done_fn *done, void *arg,
                      struct directory_lookup **out_lookup, struct error *err)
{
    struct directory_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    lookup->directory = *directory;
    lookup->done = done;
    lookup->arg = arg;
    lookup->asked = calloc(count ? count : 1, sizeof *lookup->asked);
    int rc = lookup->asked ? 0 : error_set(err, ERROR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count && rc == 0; i++) {
        lookup->asked[i].entry = entry_of(lookup, &names[i]);
        lookup->asked_count = i + 1;
        if (!lookup->asked[i].entry)
            rc = error_set(err, ERROR_NO_MEMORY, "out of memory");
    }
    if (rc == 0)
        rc = ask_all(lookup, err);
    if (rc == 0 && !lookup->queries)
        rc = loop_post(arm_client_loop(directory->client), on_nothing, lookup);
    if (rc != 0) {
        free_lookup(lookup);
        return rc;
    }
    if (out_lookup)
        *out_lookup = lookup;
    return 0; /* NOLINT(clang-analyzer-unix.Malloc): its queries or its post hold it */
}
