/* directory.c - the principals of this plane, in the shapes of Microsoft Graph (the part that
 * Moonfleet asks). */
#include <ctype.h>
#include <strings.h>

#include "base/text.h"
#include "plane/plane_private.h"

#define NAMES_MAX 1000 /* in one `in (…)` filter, and ids of getByIds: Graph's own limit */

/* ---- looking up for others ---- */

bool directory_has_user(struct plane *plane, const char *id)
{
    return store_integer(plane->store, 0,
                         "SELECT count(*) FROM principals WHERE id = ? AND kind = 'user'", "s",
                         id) > 0;
}

char *directory_name(struct plane *plane, const char *id)
{
    sqlite3_stmt *row =
        store_query(plane->store, NULL,
                    "SELECT coalesce(upn, display_name) FROM principals WHERE id = ?", "s", id);
    char *name = strdup(row && store_step(plane->store, row, NULL) == 1 ? store_text(row, 0) : "");
    store_done(row);
    return name;
}

char *directory_id(struct plane *plane, const char *id_or_name)
{
    sqlite3_stmt *row =
        store_query(plane->store, NULL,
                    "SELECT id FROM principals WHERE id = ? OR upn = ? OR app_id = ? LIMIT 1",
                    "sss", id_or_name, id_or_name, id_or_name);
    char *id = row && store_step(plane->store, row, NULL) == 1 ? strdup(store_text(row, 0)) : NULL;
    store_done(row);
    return id;
}

/* ---- filters ---- */

enum filter_kind { FILTER_NONE, FILTER_EQUAL, FILTER_STARTS };

/* `field eq 'x'` and `field in ('x','y')` are the same to us: any of some names. */
struct filter {
    enum filter_kind kind;
    char field[32];
    char **names; /* owned */
    size_t count;
};

static void filter_clear(struct filter *filter)
{
    for (size_t i = 0; i < filter->count; i++)
        free(filter->names[i]);
    free(filter->names);
    *filter = (struct filter) { 0 };
}

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t");
}

/* 'it''s' → it's; *at moves behind it; NULL when it is no literal. */
static char *read_literal(const char **at)
{
    const char *from = skip_space(*at);
    struct buffer text = { 0 };
    char *out = NULL;
    if (*from++ != '\'')
        return NULL;
    for (; *from; from++) {
        if (*from == '\'' && from[1] != '\'')
            break;
        if (*from == '\'')
            from++;
        buffer_char(&text, *from);
    }
    if (*from != '\'') {
        buffer_clear(&text);
        return NULL;
    }
    *at = skip_space(from + 1);
    return buffer_detach(&text, &out, NULL, NULL) == 0 ? out : NULL;
}

static bool read_name(struct filter *filter, const char **at)
{
    if (filter->count >= NAMES_MAX)
        return false;
    char **names = realloc(filter->names, (filter->count + 1) * sizeof *names);
    if (!names)
        return false;
    filter->names = names;
    filter->names[filter->count] = read_literal(at);
    return filter->names[filter->count] && ++filter->count > 0;
}

static bool read_field(struct filter *filter, const char **at)
{
    size_t length = 0;
    *at = skip_space(*at);
    while (isalpha((unsigned char)(*at)[length]))
        length++;
    if (length == 0 || length >= sizeof filter->field)
        return false;
    memcpy(filter->field, *at, length);
    filter->field[length] = '\0';
    *at = skip_space(*at + length);
    return true;
}

static bool eat(const char **at, const char *word)
{
    if (strncasecmp(*at, word, strlen(word)) != 0)
        return false;
    *at = skip_space(*at + strlen(word));
    return true;
}

static bool filter_read(const char *text, struct filter *out)
{
    const char *at = skip_space(text);
    if (eat(&at, "startsWith(")) {
        out->kind = FILTER_STARTS;
        return read_field(out, &at) && eat(&at, ",") && read_name(out, &at) && eat(&at, ")") &&
               !*at;
    }
    out->kind = FILTER_EQUAL;
    if (!read_field(out, &at))
        return false;
    if (eat(&at, "eq "))
        return read_name(out, &at) && !*at;
    if (!eat(&at, "in") || !eat(&at, "("))
        return false;
    do
        if (!read_name(out, &at))
            return false;
    while (eat(&at, ","));
    return eat(&at, ")") && !*at;
}

/* ---- lists ---- */

/* The statements of each field that can be asked for. */
static const struct {
    const char *field, *equal, *starts;
} fields[] = {
#define STATEMENTS(column)                                                                         \
    "SELECT body FROM principals WHERE kind = ? AND " column " = ? ORDER BY id",                   \
        "SELECT body FROM principals WHERE kind = ? AND substr(" column ", 1, length(?2)) = ?2"    \
        " COLLATE NOCASE ORDER BY " column " LIMIT 1000"
    { "id", STATEMENTS("id") },        { "userPrincipalName", STATEMENTS("upn") },
    { "mail", STATEMENTS("upn") },     { "displayName", STATEMENTS("display_name") },
    { "appId", STATEMENTS("app_id") },
#undef STATEMENTS
};

static int add_matches(struct call *call, const char *sql, const char *kind, const char *name,
                       struct error *err)
{
    sqlite3_stmt *row = store_query(call->plane->store, err, sql, "ss", kind, name);
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && (rc = store_step(call->plane->store, row, err)) == 1)
        answer_list_item(call, store_text(row, 0), strlen(store_text(row, 0)));
    store_done(row);
    return rc;
}

static void list_filtered(struct call *call, const char *kind, const struct filter *filter)
{
    struct error err = { 0 };
    for (size_t i = 0; i < COUNT(fields); i++) {
        int rc = 0;
        if (!text_equal_nocase(fields[i].field, filter->field))
            continue;
        answer_list_begin(call);
        for (size_t n = 0; n < filter->count && rc == 0; n++)
            rc = add_matches(call,
                             filter->kind == FILTER_STARTS ? fields[i].starts : fields[i].equal,
                             kind, filter->names[n], &err);
        if (rc < 0)
            answer_failure(call, &err);
        else
            answer_list_end(call, NULL);
        return;
    }
    answer_error(call, 400, "Request_UnsupportedQuery", NULL,
                 "Unsupported or invalid query filter clause: '%s'.", filter->field);
}

/* All of a kind, page by page, by id. */
static void list_all(struct call *call, const char *kind)
{
    struct error err = { 0 };
    char *after = http_query_get(call->query, "$skiptoken");
    char last[UUID_TEXT_SIZE] = "";
    int count = 0;
    sqlite3_stmt *row =
        store_query(call->plane->store, &err,
                    "SELECT id, body FROM principals WHERE kind = ? AND id > ? ORDER BY id LIMIT ?",
                    "ssn", kind, after ? after : "", PLANE_PAGE_MAX + 1);
    int rc = row ? 1 : ERROR_IO;
    answer_list_begin(call);
    while (rc == 1 && (rc = store_step(call->plane->store, row, &err)) == 1 &&
           count++ < PLANE_PAGE_MAX) {
        answer_list_item(call, store_text(row, 1), strlen(store_text(row, 1)));
        text_copy(last, sizeof last, store_text(row, 0));
    }
    store_done(row);
    free(after);
    if (rc < 0) {
        answer_failure(call, &err);
        return;
    }
    answer_list_end(call, NULL);
    if (count <= PLANE_PAGE_MAX)
        return;
    call->response->body.size--; /* the closing brace: Graph's link has a name of its own */
    buffer_format(&call->response->body, ",\"@odata.nextLink\":\"%s%.*s?$skiptoken=%s\"}",
                  call->base_url, (int)strcspn(call->request->target, "?"), call->request->target,
                  last);
}

static void list(struct call *call, const char *kind)
{
    struct filter filter = { 0 };
    char *text = http_query_get(call->query, "$filter");
    if (!text)
        list_all(call, kind);
    else if (filter_read(text, &filter))
        list_filtered(call, kind, &filter);
    else
        answer_error(call, 400, "Request_UnsupportedQuery", NULL,
                     "Unsupported or invalid query filter clause: '%.256s'.", text);
    filter_clear(&filter);
    free(text);
}

void directory_users(struct call *call)
{
    list(call, "user");
}

void directory_groups(struct call *call)
{
    list(call, "group");
}

void directory_service_principals(struct call *call)
{
    list(call, "servicePrincipal");
}

/* ---- one ---- */

static void answer_none(struct call *call, const char *id)
{
    answer_error(call, 404, "Request_ResourceNotFound", NULL,
                 "Resource '%.256s' does not exist or one of its queried reference-property "
                 "objects are not present.",
                 id);
}

static void get(struct call *call, const char *kind, const char *id)
{
    struct error err = { 0 };
    sqlite3_stmt *row = store_query(
        call->plane->store, &err,
        "SELECT body FROM principals WHERE kind = ? AND (id = ? OR upn = ?)", "sss", kind, id, id);
    int rc = row ? store_step(call->plane->store, row, &err) : ERROR_IO;
    if (rc == 1)
        answer_text(call, 200, store_text(row, 0), strlen(store_text(row, 0)));
    store_done(row);
    if (rc == 0)
        answer_none(call, id);
    else if (rc < 0)
        answer_failure(call, &err);
}

void directory_me(struct call *call)
{
    get(call, "user", call->caller);
}

void directory_user(struct call *call)
{
    get(call, "user", call->params.name);
}

void directory_group(struct call *call)
{
    get(call, "group", call->params.name);
}

void directory_service_principal(struct call *call)
{
    get(call, "servicePrincipal", call->params.name);
}

/* ---- of mixed kinds ---- */

/* A body with the type that Graph tells in mixed lists. */
static void add_typed(struct call *call, const char *kind, const char *body)
{
    struct buffer text = { 0 };
    buffer_format(&text, "{\"@odata.type\":\"#microsoft.graph.%s\",%s", kind, body + 1);
    answer_list_item(call, text.data ? text.data : "{}", text.data ? text.size : 2);
    buffer_clear(&text);
}

static void list_members(struct call *call, const char *sql)
{
    struct error err = { 0 };
    if (store_integer(call->plane->store, 0,
                      "SELECT count(*) FROM principals WHERE kind = 'group' AND id = ?", "s",
                      call->params.name) == 0) {
        answer_none(call, call->params.name);
        return;
    }
    sqlite3_stmt *row = store_query(call->plane->store, &err, sql, "s", call->params.name);
    int rc = row ? 1 : ERROR_IO;
    answer_list_begin(call);
    while (rc == 1 && (rc = store_step(call->plane->store, row, &err)) == 1)
        add_typed(call, store_text(row, 0), store_text(row, 1));
    store_done(row);
    if (rc < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, NULL);
}

void directory_members(struct call *call)
{
    list_members(call,
                 "SELECT p.kind, p.body FROM members m JOIN principals p ON p.id = m.member_id"
                 " WHERE m.group_id = ? ORDER BY p.id");
}

/* Groups in a circle end: UNION takes each id once.  The group itself is none of its members. */
void directory_transitive_members(struct call *call)
{
    list_members(call,
                 "WITH RECURSIVE reach (id) AS (SELECT member_id FROM members WHERE group_id = ?1"
                 " UNION SELECT m.member_id FROM reach JOIN members m ON m.group_id = reach.id)"
                 " SELECT p.kind, p.body FROM reach JOIN principals p ON p.id = reach.id"
                 " WHERE p.id <> ?1 ORDER BY p.id");
}

static int add_by_id(struct call *call, const char *id, struct error *err)
{
    sqlite3_stmt *row = store_query(call->plane->store, err,
                                    "SELECT kind, body FROM principals WHERE id = ?", "s", id);
    int rc = row ? store_step(call->plane->store, row, err) : ERROR_IO;
    if (rc == 1)
        add_typed(call, store_text(row, 0), store_text(row, 1));
    store_done(row);
    return rc < 0 ? rc : 0;
}

void directory_by_ids(struct call *call)
{
    struct error err = { 0 };
    const cJSON *request = call_body(call);
    const cJSON *ids = json_at(request, "ids");
    const cJSON *id = NULL;
    int rc = 0;
    if (!request)
        return;
    if (!cJSON_IsArray(ids) || cJSON_GetArraySize(ids) > NAMES_MAX) {
        answer_error(call, 400, "Request_BadRequest", "ids",
                     "The body must have an array of at most %d ids.", NAMES_MAX);
        return;
    }
    answer_list_begin(call);
    cJSON_ArrayForEach(id, ids) if (rc == 0 && cJSON_IsString(id)) rc =
        add_by_id(call, id->valuestring, &err);
    if (rc < 0)
        answer_failure(call, &err);
    else
        answer_list_end(call, NULL);
}
