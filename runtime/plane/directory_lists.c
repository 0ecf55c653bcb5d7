/* directory_lists.c - lists of principals: of a kind, filtered, of a group's members.
 *
 * Every list is read in two steps: the ids of one page, in their order, then their bodies.  A page
 * goes on behind the last id of the one before ($skiptoken), so that nothing is lost or told twice
 * when the directory changes in between. */
#include <strings.h>

#include "base/text.h"
#include "plane/directory_filter.h"
#include "plane/directory_private.h"

#define TOP_DEFAULT 100 /* Graph's */
#define TOP_MAX 999     /* Graph's */

/* ---- how one is shown ---- */

void view_clear(struct view *view)
{
    free(view->select);
    *view = (struct view) { 0 };
}

/* Is the name one of the comma-separated? */
static bool selected(const char *select, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = select; *at;) {
        at += strspn(at, " ,");
        size_t size = strcspn(at, " ,");
        if (size == length && strncasecmp(at, name, size) == 0)
            return true;
        at += size;
    }
    return false;
}

bool view_of(struct call *call, const char *kind, struct view *out)
{
    static const struct {
        const char *name, *kind;
    } own[] = { { "userPrincipalName", KIND_USER }, { "givenName", KIND_USER },
                { "surname", KIND_USER },           { "securityEnabled", KIND_GROUP },
                { "mailEnabled", KIND_GROUP },      { "appId", KIND_SERVICE_PRINCIPAL } };
    *out = (struct view) { .select = http_query_get(call->query, "$select"), .typed = !kind };
    for (size_t i = 0; out->select && kind && i < COUNT(own); i++) {
        if (text_equal(own[i].kind, kind) || !selected(out->select, own[i].name))
            continue;
        answer_error(call, 400, "BadRequest", NULL,
                     "Could not find a property named '%s' on type 'microsoft.graph.%s'.",
                     own[i].name, kind);
        return false;
    }
    return true;
}

/* Members that were not asked for go. */
static char *project(const char *select, const char *body)
{
    cJSON *tree = cJSON_Parse(body);
    for (cJSON *member = tree ? tree->child : NULL, *next; member; member = next) {
        next = member->next;
        if (!selected(select, member->string))
            cJSON_Delete(cJSON_DetachItemViaPointer(tree, member));
    }
    char *text = tree ? json_text(tree) : NULL;
    cJSON_Delete(tree);
    return text;
}

void view_append(const struct view *view, const char *kind, const char *body, struct buffer *out)
{
    char *projected = view->select && view->select[0] ? project(view->select, body) : NULL;
    const char *text = projected ? projected : body;
    if (view->typed)
        buffer_format(out, "{\"@odata.type\":\"#microsoft.graph.%s\"%s%s", kind,
                      text[1] == '}' ? "" : ",", text + 1);
    else
        buffer_text(out, text);
    free(projected);
}

int view_add_item(struct call *call, const struct view *view, const char *id, struct error *err)
{
    sqlite3_stmt *row = store_query(call->plane->store, err,
                                    "SELECT kind, body FROM principals WHERE id = ?", "s", id);
    int rc = row ? store_step(call->plane->store, row, err) : ERROR_IO;
    if (rc == 1) {
        struct buffer text = { 0 };
        view_append(view, store_text(row, 0), store_text(row, 1), &text);
        answer_list_item(call, text.data ? text.data : "{}", text.data ? text.size : 2);
        buffer_clear(&text);
    }
    store_done(row);
    return rc < 0 ? rc : 0;
}

/* ---- one page ---- */

struct page {
    char (*ids)[UUID_TEXT_SIZE]; /* owned */
    size_t count, capacity;
    int top;                         /* entries that are told; one more tells that there is more */
    char after[UUID_TEXT_SIZE];      /* "": from the first */
    struct directory_filter *filter; /* owned; NULL: all */
};

static void page_clear(struct page *page)
{
    free(page->ids);
    directory_filter_free(page->filter);
    *page = (struct page) { 0 };
}

static int page_add(struct page *page, const char *id)
{
    if (page->count == page->capacity) {
        size_t capacity = page->capacity ? 2 * page->capacity : 64;
        void *ids = realloc(page->ids, capacity * sizeof *page->ids);
        if (!ids)
            return ERROR_NO_MEMORY;
        page->ids = ids;
        page->capacity = capacity;
    }
    text_copy(page->ids[page->count++], sizeof *page->ids, id);
    return 0;
}

static bool refuse_query(struct call *call, const char *name, const char *value)
{
    answer_error(call, 400, "Request_UnsupportedQuery", NULL,
                 "Unsupported or invalid value '%.256s' of the query parameter '%s'.", value, name);
    return false;
}

static bool read_top(struct call *call, struct page *page)
{
    char *text = http_query_get(call->query, "$top");
    int64_t top = TOP_DEFAULT;
    bool good = !text || text_to_int64(text, 1, TOP_MAX, &top) == 0;
    page->top = (int)top;
    if (!good)
        answer_error(call, 400, "Request_UnsupportedQuery", NULL,
                     "Invalid page size specified: '%.64s'. Must be between 1 and %d inclusive.",
                     text, TOP_MAX);
    free(text);
    return good;
}

static bool read_token(struct call *call, struct page *page)
{
    char *text = http_query_get(call->query, "$skiptoken");
    bool good = !text || uuid_is_valid(text) || refuse_query(call, "$skiptoken", text);
    if (text && good)
        text_copy(page->after, sizeof page->after, text);
    free(text);
    return good;
}

static bool read_filter(struct call *call, struct page *page)
{
    char *text = http_query_get(call->query, "$filter");
    int rc = text ? directory_filter_read(text, &page->filter) : 0;
    if (rc == ERROR_NO_MEMORY)
        call->response->body.failed = rc;
    else if (rc < 0)
        answer_error(call, 400, "Request_UnsupportedQuery", NULL,
                     "Unsupported or invalid query filter clause: '%.256s'.", text);
    free(text);
    return rc == 0;
}

/* What the query asks for; false with the error answered.  Clear it in any case.  What would
 * change the list and is not known here must not be passed over. */
static bool page_read(struct call *call, struct page *page)
{
    static const char *const unknown[] = { "$search", "$orderby", "$expand", "$skip" };
    *page = (struct page) { 0 };
    for (size_t i = 0; i < COUNT(unknown); i++) {
        char *text = http_query_get(call->query, unknown[i]);
        if (text)
            (void)refuse_query(call, unknown[i], text);
        free(text);
        if (text)
            return false;
    }
    return read_top(call, page) && read_token(call, page) && read_filter(call, page);
}

/* The request's own query with another token. */
static char *next_link(const struct call *call, const char *token)
{
    static const char name[] = "$skiptoken=", encoded[] = "%24skiptoken=";
    struct buffer link = { 0 };
    char *out = NULL;
    buffer_format(&link, "%s%.*s?", call->base_url, (int)strcspn(call->request->target, "?"),
                  call->request->target);
    for (const char *at = call->query; *at;) {
        size_t size = strcspn(at, "&");
        if (size > 0 && !text_starts_nocase(at, name) && !text_starts_nocase(at, encoded))
            buffer_format(&link, "%.*s&", (int)size, at);
        at += size + (at[size] == '&');
    }
    buffer_format(&link, "%s%s", name, token);
    return buffer_detach(&link, &out, NULL, NULL) == 0 ? out : NULL;
}

/* Answers the page, of one kind or (NULL) mixed; `rc` < 0: it could not be read. */
static void page_answer(struct call *call, const struct page *page, const char *kind, int rc,
                        struct error *err)
{
    struct view view;
    if (!view_of(call, kind, &view)) {
        view_clear(&view);
        return;
    }
    answer_list_begin(call);
    size_t count = page->count > (size_t)page->top ? (size_t)page->top : page->count;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = view_add_item(call, &view, page->ids[i], err);
    view_clear(&view);
    if (rc == ERROR_NO_MEMORY)
        error_set(err, rc, "no memory for a list");
    if (rc < 0) {
        answer_failure(call, err);
        return;
    }
    answer_list_end(call, NULL);
    if (page->count <= count)
        return;
    char *link = next_link(call, page->ids[count - 1]);
    struct buffer *body = &call->response->body;
    body->size--; /* the closing brace: Graph's link has a name of its own */
    buffer_text(body, ",\"@odata.nextLink\":");
    json_quote(body, link ? link : "");
    buffer_char(body, '}');
    if (!link)
        body->failed = ERROR_NO_MEMORY;
    free(link);
}

/* ---- where the ids come from ---- */

/* Columns of a row that a filter looks at: the first is the id. */
static bool row_passes(const struct page *page, sqlite3_stmt *row)
{
    struct directory_entry entry = { 0 };
    for (int i = 0; i < DIRECTORY_FIELDS; i++)
        entry.values[i] = (const char *)sqlite3_column_text(row, i);
    return !page->filter || directory_filter_passes(page->filter, &entry);
}

/* Takes rows that pass until the page is full; `row` NULL: the query failed. */
static int take_rows(struct plane *plane, struct page *page, sqlite3_stmt *row, struct error *err)
{
    int rc = row ? 1 : ERROR_IO;
    while (rc == 1 && page->count <= (size_t)page->top &&
           (rc = store_step(plane->store, row, err)) == 1)
        if (row_passes(page, row) && page_add(page, store_text(row, 0)) < 0)
            rc = ERROR_NO_MEMORY;
    store_done(row);
    return rc < 0 ? rc : 0;
}

#define COLUMNS "p.id, p.upn, p.display_name, p.app_id"

static int scan(struct plane *plane, const char *kind, struct page *page, struct error *err)
{
    return take_rows(plane, page,
                     store_query(plane->store, err,
                                 "SELECT " COLUMNS " FROM principals p"
                                 " WHERE p.kind = ? AND p.id > ? ORDER BY p.id",
                                 "ss", kind, page->after),
                     err);
}

static int by_text(const void *a, const void *b)
{
    return text_compare_nocase(a, b);
}

/* Names that an index knows: each is looked up, and the page is what comes first of them all. */
static int look_up(struct plane *plane, const char *kind, enum directory_field field,
                   char *const *names, size_t count, struct page *page, struct error *err)
{
#define LOOK_UP(column)                                                                            \
    "SELECT p.id FROM principals p WHERE p.kind = ? AND p." column " = ? AND p.id > ?"             \
    " ORDER BY p.id LIMIT ?"
    static const char *const statements[DIRECTORY_FIELDS] = {
        [DIRECTORY_FIELD_ID] = LOOK_UP("id"),
        [DIRECTORY_FIELD_UPN] = LOOK_UP("upn"),
        [DIRECTORY_FIELD_DISPLAY_NAME] = LOOK_UP("display_name"),
        [DIRECTORY_FIELD_APP_ID] = LOOK_UP("app_id"),
    };
#undef LOOK_UP
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        sqlite3_stmt *row = store_query(plane->store, err, statements[field], "sssn", kind,
                                        names[i], page->after, page->top + 1);
        int step = row ? 1 : ERROR_IO;
        while (step == 1 && (step = store_step(plane->store, row, err)) == 1)
            if (page_add(page, store_text(row, 0)) < 0)
                step = ERROR_NO_MEMORY;
        store_done(row);
        rc = step < 0 ? step : 0;
    }
    if (page->count > 1)
        qsort(page->ids, page->count, sizeof *page->ids, by_text);
    size_t kept = 0; /* a name that was given twice */
    for (size_t i = 0; i < page->count; i++)
        if (kept == 0 || !text_equal_nocase(page->ids[kept - 1], page->ids[i]))
            memmove(page->ids[kept++], page->ids[i], sizeof *page->ids);
    page->count = kept;
    return rc;
}

static void list_kind(struct call *call, const char *kind)
{
    struct error err = { 0 };
    struct page page;
    enum directory_field field;
    char *const *names;
    size_t count;
    if (page_read(call, &page)) {
        int rc = page.filter && directory_filter_is_names(page.filter, &field, &names, &count)
                     ? look_up(call->plane, kind, field, names, count, &page, &err)
                     : scan(call->plane, kind, &page, &err);
        page_answer(call, &page, kind, rc, &err);
    }
    page_clear(&page);
}

void directory_users(struct call *call)
{
    list_kind(call, KIND_USER);
}

void directory_groups(struct call *call)
{
    list_kind(call, KIND_GROUP);
}

void directory_service_principals(struct call *call)
{
    list_kind(call, KIND_SERVICE_PRINCIPAL);
}

/* ---- members and memberships ---- */

/* `sql` has two parameters: whose, and behind which id. */
static void list_related(struct call *call, const char *kind, const char *sql)
{
    struct error err = { 0 };
    struct page page;
    if (!directory_has(call->plane, kind, call->params.name)) {
        directory_answer_none(call, call->params.name);
        return;
    }
    if (page_read(call, &page)) {
        char *id = directory_id(call->plane, call->params.name);
        int rc =
            id ? take_rows(call->plane, &page,
                           store_query(call->plane->store, &err, sql, "ss", id, page.after), &err)
               : ERROR_NO_MEMORY;
        page_answer(call, &page, NULL, rc, &err);
        free(id);
    }
    page_clear(&page);
}

void directory_members(struct call *call)
{
    list_related(call, KIND_GROUP,
                 "SELECT " COLUMNS " FROM members m JOIN principals p ON p.id = m.member_id"
                 " WHERE m.group_id = ?1 AND p.id > ?2 ORDER BY p.id");
}

/* Groups in a circle end: UNION takes each id once.  A group is none of its own members. */
#define REACH(from, to)                                                                            \
    "WITH RECURSIVE reach (id) AS (SELECT " to " FROM members WHERE " from " = ?1"                 \
    " UNION SELECT m." to " FROM reach JOIN members m ON m." from " = reach.id)"                   \
    " SELECT " COLUMNS " FROM reach JOIN principals p ON p.id = reach.id"                          \
    " WHERE p.id <> ?1 AND p.id > ?2 ORDER BY p.id"

void directory_transitive_members(struct call *call)
{
    list_related(call, KIND_GROUP, REACH("group_id", "member_id"));
}

void directory_member_of_user(struct call *call)
{
    list_related(call, KIND_USER, REACH("member_id", "group_id"));
}

void directory_member_of_group(struct call *call)
{
    list_related(call, KIND_GROUP, REACH("member_id", "group_id"));
}

void directory_member_of_service_principal(struct call *call)
{
    list_related(call, KIND_SERVICE_PRINCIPAL, REACH("member_id", "group_id"));
}
