/* access.c - see access.h. */
#include "plane/access.h"

#include <ctype.h>
#include <strings.h>

#include "base/text.h"

/* ---- filters ---- */

static const struct {
    const char *name;
    bool function; /* name('literal'), else name eq 'literal' */
    bool literal;  /* a function has one */
} terms[ACCESS_TERMS] = {
    [ACCESS_AT_SCOPE] = { "atScope", true, false },
    [ACCESS_AT_SCOPE_AND_BELOW] = { "atScopeAndBelow", true, false },
    [ACCESS_ASSIGNED_TO] = { "assignedTo", true, true },
    [ACCESS_PRINCIPAL] = { "principalId", false, true },
    [ACCESS_ROLE_NAME] = { "roleName", false, true },
    [ACCESS_TYPE] = { "type", false, true },
    [ACCESS_DENY_NAME] = { "denyAssignmentName", false, true },
};

/* The service's documentation writes "atScope()+and+assignedTo('ID')". */
#define SPACE " \t+"

static const char *skip_space(const char *at)
{
    return at + strspn(at, SPACE);
}

/* 'it''s', or a word without quotes. */
static bool read_literal(const char **at, char out[ACCESS_TEXT_MAX + 1])
{
    const char *from = skip_space(*at);
    bool quoted = *from == '\'';
    size_t used = 0;
    for (from += quoted; *from; from++) {
        if (quoted && from[0] == '\'' && from[1] != '\'')
            break;
        if (quoted && from[0] == '\'')
            from++;
        else if (!quoted && strchr(SPACE ")'", *from))
            break;
        if (used == ACCESS_TEXT_MAX)
            return false;
        out[used++] = *from;
    }
    out[used] = '\0';
    if (quoted ? *from != '\'' : used == 0)
        return false;
    *at = skip_space(from + quoted);
    return true;
}

/* What follows a term's name. */
static bool read_rest(const char **at, enum access_term term, char *text)
{
    if (!terms[term].function) {
        if (strncasecmp(*at, "eq", 2) != 0 || !(*at)[2] || !strchr(SPACE "'", (*at)[2]))
            return false;
        *at += 2;
        return read_literal(at, text);
    }
    if (**at != '(')
        return false;
    *at = skip_space(*at + 1);
    if (terms[term].literal && !read_literal(at, text))
        return false;
    if (**at != ')')
        return false;
    *at = skip_space(*at + 1);
    return true;
}

static bool read_term(const char **at, unsigned allowed, struct access_filter *out)
{
    size_t size = 0;
    *at = skip_space(*at);
    while (isalpha((unsigned char)(*at)[size]))
        size++;
    for (size_t i = 0; i < ACCESS_TERMS; i++) {
        if (!(allowed & (1U << i)) || strlen(terms[i].name) != size ||
            strncasecmp(terms[i].name, *at, size) != 0)
            continue;
        *at = skip_space(*at + size);
        bool twice = out->set[i];
        out->set[i] = true;
        return !twice && read_rest(at, (enum access_term)i, out->texts[i]);
    }
    return false;
}

bool access_filter_parse(const char *text, unsigned allowed, struct access_filter *out)
{
    memset(out, 0, sizeof *out);
    while (read_term(&text, allowed, out)) {
        if (!*text)
            return true;
        if (strncasecmp(text, "and", 3) != 0 || !text[3] || !strchr(SPACE, text[3]))
            return false;
        text += 3;
    }
    return false;
}

bool access_filter_read(struct call *call, unsigned allowed, struct access_filter *out)
{
    char *text = http_query_get(call->query, "$filter");
    char known[256] = "";
    memset(out, 0, sizeof *out);
    bool good = !text || !*skip_space(text) || access_filter_parse(text, allowed, out);
    for (size_t i = 0; i < ACCESS_TERMS && !good; i++)
        if (allowed & (1U << i)) {
            size_t used = strlen(known);
            snprintf(known + used, sizeof known - used, "%s%s%s", used ? ", " : "", terms[i].name,
                     !terms[i].function ? " eq '...'"
                     : terms[i].literal ? "('...')"
                                        : "()");
        }
    if (!good)
        answer_error(call, 400, "UnsupportedQuery", "$filter",
                     "The filter '%.256s' is not supported. Supported are, also joined by 'and': "
                     "%s.",
                     text, known);
    free(text);
    return good;
}

const char *access_filter_text(const struct access_filter *filter, enum access_term term)
{
    return filter->set[term] ? filter->texts[term] : NULL;
}

/* ---- scopes ---- */

#define PARTS_MAX 5 /* subscriptions, S, resourceGroups, G, providers */

/* Of {scope}: what ARM keeps a list of.  Points into `text`, which is cut at its slashes. */
static bool read_parts(char *text, struct route_params *out, const char **out_type)
{
    static const char *const words[] = { "subscriptions", NULL, "resourceGroups", NULL,
                                         "providers" };
    char *parts[PARTS_MAX + 3] = { 0 };
    size_t count = 0;
    char *rest = NULL;
    for (char *at = text; *at == '/' && count < COUNT(parts); count++) {
        *at++ = '\0';
        parts[count] = at;
        at += strcspn(at, "/");
        rest = at;
    }
    for (size_t i = 0; i < count && i < PARTS_MAX; i++)
        if (words[i] && strcasecmp(words[i], parts[i]) != 0)
            return false;
    size_t more = 0; /* segments after the first resource's name: kinds and names in turn */
    for (const char *at = rest; at && *at; at++)
        more += *at == '/';
    out->subscription = parts[1];
    out->group = parts[3];
    *out_type = NULL;
    if (rest && more > 0)
        *rest = '\0';
    if (count <= 4)
        return count % 2 == 0;
    if (count < COUNT(parts) || more % 2 != 0)
        return false;
    out->workspace = parts[7];
    *out_type = strcasecmp(parts[5], "Microsoft.MachineLearningServices") == 0 &&
                        strcasecmp(parts[6], "workspaces") == 0
                    ? PLANE_TYPE_WORKSPACE
                    : "";
    return true;
}

static bool parts_exist(struct call *call, const struct route_params *p, const char *type)
{
    struct plane *plane = call->plane;
    if (!p->subscription)
        return true;
    if (!subscription_exists(plane, p->subscription) ||
        (p->group && !group_exists(plane, p->subscription, p->group)))
        return false;
    return !type || (*type && store_integer(plane->store, 0,
                                            "SELECT count(*) FROM workspaces WHERE subscription = ?"
                                            " AND resource_group = ? AND name = ?",
                                            "sss", p->subscription, p->group, p->workspace) > 0);
}

bool access_scope_exists(struct call *call)
{
    char text[RBAC_SCOPE_MAX + 1];
    const struct route_params kept = call->params;
    struct route_params parts = { 0 };
    const char *type = NULL;
    if (text_equal(kept.scope, "/"))
        return true;
    if (!text_copy(text, sizeof text, kept.scope) || !read_parts(text, &parts, &type)) {
        answer_error(call, 400, "InvalidScope", NULL,
                     "The scope '%.256s' is none that this plane has: a subscription, a resource "
                     "group, or a resource in one.",
                     kept.scope);
        return false;
    }
    if (parts_exist(call, &parts, type))
        return true;
    call->params = parts;
    answer_missing(call);
    call->params = kept;
    return false;
}

bool access_same_scope(const char *a, const char *b)
{
    return rbac_scope_covers(a, b) && rbac_scope_covers(b, a);
}

const char *access_guid(const char *id)
{
    const char *slash = strrchr(id, '/');
    return slash ? slash + 1 : id;
}

int access_scope_gone(struct plane *plane, const char *scope, struct error *err)
{
    authorization_changed(plane);
    return store_run(plane->store, err,
                     "DELETE FROM role_assignments WHERE scope = ?1"
                     " OR substr(scope, 1, length(?1) + 1) = ?1 || '/' COLLATE NOCASE",
                     "s", scope);
}

/* ---- lists ---- */

void access_list_item(struct call *call, cJSON *tree)
{
    struct buffer text = { 0 };
    json_print(tree, false, &text);
    if (!tree || text.failed)
        call->response->body.failed = ERROR_NO_MEMORY;
    else
        answer_list_item(call, text.data, text.size);
    buffer_clear(&text);
    cJSON_Delete(tree);
}

char *access_next_link(const struct call *call, int64_t key)
{
    struct buffer link = { 0 };
    char *out = NULL;
    char *filter = http_query_get(call->query, "$filter");
    buffer_format(&link, "%s%.*s?api-version=%s&%%24skipToken=%lld", call->base_url,
                  (int)strcspn(call->request->target, "?"), call->request->target,
                  call->api_version, (long long)key);
    if (filter) {
        buffer_text(&link, "&%24filter=");
        http_encode(&link, filter, false);
    }
    free(filter);
    return buffer_detach(&link, &out, NULL, NULL) == 0 ? out : NULL;
}

bool access_skip(struct call *call, int64_t *out_key)
{
    char *token = http_query_get(call->query, "$skipToken");
    bool good = !token || text_to_int64(token, 0, INT64_MAX, out_key) == 0;
    if (!good)
        answer_error(call, 400, "InvalidSkipToken", "$skipToken",
                     "The continuation token is not valid.");
    free(token);
    return good;
}
