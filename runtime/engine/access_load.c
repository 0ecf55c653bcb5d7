/* access_load.c - asks the plane and the directory for what access.h tells.
 *
 * First, at once: the lists at each scope, and who the caller is.  Then, at once: the members of the
 * groups that they name, the names of principals, role definitions that no list had, and, where
 * something could not be read, what the caller itself may do.  A group in a group is asked for when
 * it is seen. */
#include "engine/access_private.h"

#include <utlist.h>

#include "arm/resource_id.h"
#include "base/random.h"
#include "base/text.h"
#include "client/authorization.h"
#include "client/principals.h"
#include "rbac/builtin_roles.h"
#include "rbac/wire.h"

#define MANAGEMENT_GROUPS "/providers/Microsoft.Management/managementGroups/"
#define GROUPS_MAX 10000 /* asked for their members */

enum query_kind { ROLES, ASSIGNMENTS, DENIES, ME, PERMISSIONS, MEMBERS, NAMES, ROLE };

struct query {
    enum query_kind kind;
    struct access_loading *loading;
    struct arm_call *call;
    struct principal *group; /* MEMBERS; borrowed */
    const char *scope;       /* lists and PERMISSIONS; borrowed from the loading */
    struct query *prev, *next;
};

struct access_loading {
    struct arm_client *client;
    struct directory directory;
    access_done_fn *done;
    void *arg;
    struct access *access;
    char **scopes;      /* as they were given; owned */
    char **list_scopes; /* where lists are asked for: an instance's workspace; owned */
    size_t scope_count;
    struct query *queries; /* in flight */
    size_t groups_asked;
    bool second; /* the second round has begun */
};

/* What a 403 leaves unknown. */
static const enum access_part parts[] = {
    [ROLES] = ACCESS_ROLES,        [ASSIGNMENTS] = ACCESS_ASSIGNMENTS,
    [DENIES] = ACCESS_DENIES,      [ME] = 0,
    [PERMISSIONS] = ACCESS_CALLER, [MEMBERS] = ACCESS_MEMBERS,
    [NAMES] = ACCESS_NAMES,        [ROLE] = ACCESS_ROLES,
};

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

static void free_loading(struct access_loading *loading)
{
    struct query *query, *next;
    DL_FOREACH_SAFE(loading->queries, query, next)
    {
        arm_call_cancel(query->call);
        free(query);
    }
    free_texts(loading->scopes, loading->scope_count);
    free_texts(loading->list_scopes, loading->scope_count);
    access_free(loading->access);
    free(loading);
}

void access_cancel(struct access_loading *loading)
{
    if (loading)
        free_loading(loading);
}

static void end(struct access_loading *loading, int rc, const struct error *err)
{
    struct access *access = rc == 0 ? loading->access : NULL;
    access_done_fn *done = loading->done;
    void *arg = loading->arg;
    if (rc == 0)
        loading->access = NULL;
    free_loading(loading);
    done(rc, access, err, arg);
}

static int no_memory(struct error *err)
{
    return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

static void on_reply(int rc, struct arm_reply *reply, const struct error *err, void *arg);

static int ask(struct access_loading *loading, struct query about, const struct arm_request *arm,
               struct error *err)
{
    struct query *query = malloc(sizeof *query);
    if (!query)
        return no_memory(err);
    *query = about;
    query->loading = loading;
    int rc = arm_send(loading->client, arm, on_reply, query, &query->call, err);
    if (rc < 0) {
        free(query);
        return rc;
    }
    DL_APPEND(loading->queries, query);
    return 0;
}

/* ---- the first round ---- */

typedef int list_fn(struct authorization_request *out, const char *scope, const char *filter,
                    struct error *err);

static int ask_list(struct access_loading *loading, enum query_kind kind, list_fn *list,
                    const char *scope, struct error *err)
{
    struct authorization_request request;
    int rc = list(&request, scope, NULL, err);
    if (rc == 0)
        rc = ask(loading, (struct query) { .kind = kind, .scope = scope }, &request.arm, err);
    authorization_request_clear(&request);
    return rc;
}

static bool listed_before(const struct access_loading *loading, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (text_equal_nocase(loading->list_scopes[i], loading->list_scopes[index]))
            return true;
    return false;
}

static int ask_first(struct access_loading *loading, struct error *err)
{
    struct principals_request me;
    int rc = principals_me(&me, &loading->directory, err);
    if (rc == 0)
        rc = ask(loading, (struct query) { .kind = ME }, &me.arm, err);
    principals_request_clear(&me);
    for (size_t i = 0; i < loading->scope_count && rc == 0; i++) {
        const char *scope = loading->list_scopes[i];
        if (listed_before(loading, i))
            continue;
        rc = ask_list(loading, ROLES, authorization_roles, scope, err);
        if (rc == 0)
            rc = ask_list(loading, ASSIGNMENTS, authorization_assignments, scope, err);
        if (rc == 0)
            rc = ask_list(loading, DENIES, authorization_denies, scope, err);
    }
    return rc;
}

/* ---- the second round ---- */

static int ask_members(struct access_loading *loading, struct principal *group, struct error *err)
{
    struct principals_request request;
    if (group->members_asked)
        return 0;
    group->members_asked = true;
    if (!uuid_is_valid(group->id) || loading->groups_asked++ >= GROUPS_MAX) {
        loading->access->unknown |= ACCESS_MEMBERS;
        return 0;
    }
    int rc = principals_members(&request, &loading->directory, group->id, err);
    if (rc == 0)
        rc = ask(loading, (struct query) { .kind = MEMBERS, .group = group }, &request.arm, err);
    principals_request_clear(&request);
    return rc;
}

static int ask_some_names(struct access_loading *loading, cJSON *ids, struct error *err)
{
    struct principals_request request;
    int rc = principals_by_ids(&request, &loading->directory, ids, err);
    if (rc == 0)
        rc = ask(loading, (struct query) { .kind = NAMES }, &request.arm, err);
    principals_request_clear(&request);
    return rc;
}

/* All that are known so far and have no name yet. */
static int ask_names(struct access_loading *loading, struct error *err)
{
    const struct principal *principal = loading->access->principals;
    int rc = 0;
    while (principal && rc == 0) {
        cJSON *ids = cJSON_CreateArray();
        int count = 0;
        for (; principal && count < PRINCIPALS_BY_IDS_MAX; principal = principal->hh.next) {
            cJSON *id = principal->name || !uuid_is_valid(principal->id)
                            ? NULL
                            : cJSON_CreateString(principal->id);
            if (id && cJSON_AddItemToArray(ids, id))
                count++;
        }
        if (count > 0)
            rc = ask_some_names(loading, ids, err);
        cJSON_Delete(ids);
    }
    return rc;
}

/* GUIDs of role definitions that need not be asked for (again). */
struct known_role {
    char *guid; /* lower case */
    UT_hash_handle hh;
};

/* 1: it was there, 0: it is now, < 0: no memory. */
static int know_role(struct known_role **known, const char *id)
{
    struct known_role *row = NULL;
    char *guid = strdup(access_last(id));
    if (!guid)
        return ERROR_NO_MEMORY;
    text_lower(guid);
    HASH_FIND_STR(*known, guid, row);
    if (row || !(row = calloc(1, sizeof *row))) {
        free(guid);
        return row ? 1 : ERROR_NO_MEMORY;
    }
    row->guid = guid;
    HASH_ADD_KEYPTR(hh, *known, row->guid, strlen(row->guid), row);
    return 0;
}

static void forget_roles(struct known_role *known)
{
    struct known_role *first = known;
    HASH_CLEAR(hh, known); /* the table alone: the rows are still linked */
    for (struct known_role *row = first, *next; row; row = next) {
        next = row->hh.next;
        free(row->guid);
        free(row);
    }
}

static int ask_role(struct access_loading *loading, const char *id, struct error *err)
{
    struct authorization_request request;
    int rc = authorization_role_get(&request, id, err);
    if (rc == 0)
        rc = ask(loading, (struct query) { .kind = ROLE }, &request.arm, err);
    else if (rc == ERROR_INVALID)
        rc = 0; /* no id at all: such a role is gone */
    authorization_request_clear(&request);
    return rc;
}

/* Role definitions that assignments name and no list had. */
static int ask_missing_roles(struct access_loading *loading, struct error *err)
{
    struct known_role *known = NULL;
    const cJSON *item;
    int rc = 0;
    cJSON_ArrayForEach(item, loading->access->roles)
    {
        rc = rc < 0 ? rc : know_role(&known, json_string(item, "id", ""));
    }
    cJSON_ArrayForEach(item, loading->access->assignments)
    {
        const char *id = json_string(item, "properties.roleDefinitionId", "");
        rc = rc < 0 ? rc : know_role(&known, id);
        if (rc == 0)
            rc = ask_role(loading, id, err);
    }
    forget_roles(known);
    return rc == ERROR_NO_MEMORY ? no_memory(err) : rc < 0 ? rc : 0;
}

static int ask_permissions(struct access_loading *loading, struct error *err)
{
    struct authorization_request request;
    int rc = 0;
    for (size_t i = 0; i < loading->scope_count && rc == 0; i++) {
        const char *scope = loading->scopes[i];
        rc = authorization_permissions(&request, scope, err);
        if (rc == 0)
            rc = ask(loading, (struct query) { .kind = PERMISSIONS, .scope = scope }, &request.arm,
                     err);
        authorization_request_clear(&request);
    }
    return rc;
}

static int note_group(struct access_loading *loading, const char *id, const char *type,
                      struct error *err)
{
    struct principal *principal = id ? access_principal(loading->access, id) : NULL;
    if (!id || text_equal(id, RBAC_EVERYONE))
        return 0;
    if (!principal)
        return no_memory(err);
    if (!text_equal_nocase(type, "Group"))
        return 0;
    principal->is_group = true;
    return ask_members(loading, principal, err);
}

static int note_denied(struct access_loading *loading, const cJSON *list, struct error *err)
{
    const cJSON *item;
    int rc = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (rc == 0)
            rc = note_group(loading, json_string(item, "id", NULL), json_string(item, "type", NULL),
                            err);
    }
    return rc;
}

static int note_principals(struct access_loading *loading, struct error *err)
{
    const cJSON *item;
    int rc = 0;
    cJSON_ArrayForEach(item, loading->access->assignments)
    {
        if (rc == 0)
            rc = note_group(loading, json_string(item, "properties.principalId", NULL),
                            json_string(item, "properties.principalType", NULL), err);
    }
    cJSON_ArrayForEach(item, loading->access->denies)
    {
        if (rc == 0)
            rc = note_denied(loading, json_at(item, "properties.principals"), err);
        if (rc == 0)
            rc = note_denied(loading, json_at(item, "properties.excludePrincipals"), err);
    }
    for (struct principal *group = loading->access->principals; group && rc == 0;
         group = group->hh.next)
        if (group->is_group)
            rc = ask_members(loading, group, err);
    return rc;
}

static int use_builtin_roles(struct access *access, struct error *err)
{
    size_t count;
    const struct rbac_role *roles = rbac_builtin_roles(&count);
    for (size_t i = 0; i < count; i++) {
        cJSON *role = rbac_role_json(&roles[i], RBAC_ROLE_BUILT_IN);
        if (!role || !cJSON_AddItemToArray(access->roles, role))
            return no_memory(err);
    }
    return 0;
}

static int ask_second(struct access_loading *loading, struct error *err)
{
    struct access *access = loading->access;
    const unsigned decisive = ACCESS_ROLES | ACCESS_ASSIGNMENTS;
    int rc = access->unknown & ACCESS_ROLES ? use_builtin_roles(access, err) : 0;
    loading->second = true;
    if (rc == 0)
        rc = note_principals(loading, err);
    if (rc == 0)
        rc = ask_names(loading, err);
    if (rc == 0)
        rc = ask_missing_roles(loading, err);
    if (rc == 0 && (access->unknown & decisive || !access->caller))
        rc = ask_permissions(loading, err);
    return rc;
}

/* ---- replies ---- */

static bool has_id(const cJSON *list, const char *id)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (text_equal_nocase(json_string(item, "id", NULL), id))
            return true;
    }
    return false;
}

/* Moves the items of a reply into the list; of a second scope only those that are not there. */
static void take_items(const struct access_loading *loading, cJSON *body, cJSON *list)
{
    cJSON *value = cJSON_GetObjectItemCaseSensitive(body, "value");
    bool may_repeat = loading->scope_count > 1 && list->child;
    while (value && value->child) {
        cJSON *item = cJSON_DetachItemFromArray(value, 0);
        if (may_repeat && has_id(list, json_string(item, "id", "")))
            cJSON_Delete(item);
        else
            (void)cJSON_AddItemToArray(list, item);
    }
}

/* "/subscriptions/{s}" of a scope; the caller's to free; NULL: it is in none. */
static char *subscription_of(const char *scope)
{
    size_t prefix = strlen("/subscriptions/");
    if (!text_starts_nocase(scope, "/subscriptions/"))
        return NULL;
    return text_dup_size(scope, prefix + strcspn(scope + prefix, "/"));
}

/* What is in force at a scope and given at a management group: that group is above it. */
static int note_parent(struct access *access, const char *scope, const char *given_at)
{
    if (!given_at || !text_starts_nocase(given_at, MANAGEMENT_GROUPS))
        return 0;
    char *child = subscription_of(scope);
    for (size_t i = 0; child && i < access->parent_count; i++) {
        if (text_equal_nocase(access->parents[2 * i], child) &&
            text_equal_nocase(access->parents[2 * i + 1], given_at)) {
            free(child);
            return 0;
        }
    }
    char *parent = child ? strdup(given_at) : NULL;
    char **parents = realloc(access->parents, 2 * (access->parent_count + 1) * sizeof *parents);
    if (parents)
        access->parents = parents;
    if (!child || !parent || !parents) {
        bool none = !child;
        free(child);
        free(parent);
        return none ? 0 : ERROR_NO_MEMORY;
    }
    parents[2 * access->parent_count] = child;
    parents[2 * access->parent_count + 1] = parent;
    access->parent_count++;
    return 0;
}

static int note_parents(struct access *access, const char *scope, const cJSON *body,
                        struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "value"))
    {
        if (note_parent(access, scope, json_string(item, "properties.scope", NULL)) < 0)
            return no_memory(err);
    }
    return 0;
}

/* "group data-scientists" */
static int take_name(struct principal *principal, const cJSON *item)
{
    static const char *const before[] = { [DIRECTORY_USER] = "",
                                          [DIRECTORY_GROUP] = "group ",
                                          [DIRECTORY_SERVICE_PRINCIPAL] = "service principal " };
    const char *name = principals_name_of(item);
    enum directory_kind kind = DIRECTORY_USER;
    bool known = principals_kind_of(item, &kind);
    if (known && kind == DIRECTORY_GROUP)
        principal->is_group = true;
    if (!name || principal->name)
        return 0;
    principal->name = text_format("%s%s", before[kind], name);
    return principal->name ? 0 : ERROR_NO_MEMORY;
}

static int add_member(struct principal *group, struct principal *member)
{
    if (group->member_count == group->member_capacity) {
        size_t capacity = group->member_capacity ? 2 * group->member_capacity : 16;
        struct principal **members = realloc(group->members, capacity * sizeof(struct principal *));
        if (!members)
            return ERROR_NO_MEMORY;
        group->members = members;
        group->member_capacity = capacity;
    }
    group->members[group->member_count++] = member;
    return 0;
}

static int take_members(struct access_loading *loading, struct principal *group, const cJSON *body,
                        struct error *err)
{
    const cJSON *item;
    group->members_known = true;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "value"))
    {
        const char *id = json_string(item, "id", NULL);
        struct principal *member = id ? access_principal(loading->access, id) : NULL;
        if (!id)
            continue;
        if (!member || take_name(member, item) < 0 || add_member(group, member) < 0)
            return no_memory(err);
        int rc = member->is_group ? ask_members(loading, member, err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Names; and who turns out to be a group, though nobody said so. */
static int take_names(struct access_loading *loading, const cJSON *body, struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(body, "value"))
    {
        const char *id = json_string(item, "id", NULL);
        struct principal *principal = id ? access_principal(loading->access, id) : NULL;
        if (!id)
            continue;
        if (!principal || take_name(principal, item) < 0)
            return no_memory(err);
        int rc = principal->is_group ? ask_members(loading, principal, err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int take_me(struct access *access, const cJSON *body, struct error *err)
{
    const char *id = json_string(body, "id", NULL);
    struct principal *principal = id ? access_principal(access, id) : NULL;
    if (!id)
        return 0;
    access->caller = strdup(id);
    if (!access->caller || !principal || take_name(principal, body) < 0)
        return no_memory(err);
    return 0;
}

static int take(struct query *query, cJSON **body, struct error *err)
{
    struct access_loading *loading = query->loading;
    struct access *access = loading->access;
    int rc = 0;
    switch (query->kind) {
    case ROLES:
        take_items(loading, *body, access->roles);
        return 0;
    case ASSIGNMENTS:
    case DENIES:
        rc = note_parents(access, query->scope, *body, err);
        take_items(loading, *body, query->kind == DENIES ? access->denies : access->assignments);
        return rc;
    case ME:
        return take_me(access, *body, err);
    case MEMBERS:
        return take_members(loading, query->group, *body, err);
    case NAMES:
        return take_names(loading, *body, err);
    case PERMISSIONS:
        if (!access->own && !(access->own = cJSON_CreateObject()))
            return no_memory(err);
        (void)cJSON_AddItemToObject(access->own, query->scope,
                                    cJSON_DetachItemFromObjectCaseSensitive(*body, "value"));
        return 0;
    case ROLE:
        if (*body && cJSON_AddItemToArray(access->roles, *body))
            *body = NULL;
        return 0;
    }
    return 0;
}

/* What may fail and only leaves something unknown. */
static int tolerate(const struct query *query, int rc, const struct error *err)
{
    struct access *access = query->loading->access;
    bool best_effort = query->kind == ME || query->kind == NAMES || query->kind == PERMISSIONS;
    if (rc == ERROR_NOT_FOUND && (query->kind == ROLE || query->kind == MEMBERS)) {
        if (query->group)
            query->group->members_known = true; /* a group that is gone has none */
        return 0;
    }
    if (rc == ERROR_NO_MEMORY || (rc != ERROR_DENIED && !best_effort))
        return rc;
    access->unknown |= parts[query->kind];
    /* Of several reasons the one that matters most is told. */
    if (query->kind == ASSIGNMENTS || (!access->reason[0] && query->kind != ME))
        (void)text_copy(access->reason, sizeof access->reason, err->message);
    return 0;
}

static void finish(struct access_loading *loading)
{
    struct error err = { 0 };
    struct access *access = loading->access;
    int rc = access_copy(access, NULL, NULL, &access->policy, &err);
    if (rc == 0)
        rc = rbac_policy_compile(access->policy, &err);
    end(loading, rc, &err);
}

static void on_reply(int rc, struct arm_reply *reply, const struct error *err, void *arg)
{
    struct query *query = arg;
    struct access_loading *loading = query->loading;
    struct error local = { 0 };
    DL_DELETE(loading->queries, query);
    if (rc == 0)
        rc = take(query, &reply->body, &local);
    else if ((rc = tolerate(query, rc, err)) < 0)
        local = *err;
    free(query);
    if (rc == 0 && !loading->queries && !loading->second)
        rc = ask_second(loading, &local);
    if (rc < 0) {
        error_wrap(&local, rc, "asking who may do what");
        end(loading, rc, &local);
    } else if (!loading->queries) {
        finish(loading);
    }
}

/* ---- beginning ---- */

/* Lists are asked for at the workspace: an instance may not be there yet, and what is given at it is
 * in the workspace's list too. */
static char *list_scope(const char *scope)
{
    struct resource_id id = { 0 };
    struct buffer out = { 0 };
    char *text = NULL;
    if (resource_id_parse(scope, &id, NULL) == 0 && id.compute) {
        resource_id_compute(&out, id.subscription, id.group, id.workspace, NULL);
        (void)buffer_detach(&out, &text, NULL, NULL);
    } else {
        text = strdup(scope);
    }
    resource_id_clear(&id);
    return text;
}

static int take_request(struct access_loading *loading, const struct access_request *request,
                        struct error *err)
{
    struct access *access = loading->access;
    size_t count = request->scope_count;
    loading->scopes = calloc(count + 1, sizeof(char *));
    loading->list_scopes = calloc(count + 1, sizeof(char *));
    if (!access || !loading->scopes || !loading->list_scopes)
        return no_memory(err);
    access->roles = cJSON_CreateArray();
    access->assignments = cJSON_CreateArray();
    access->denies = cJSON_CreateArray();
    bool ok = access->roles && access->assignments && access->denies;
    for (size_t i = 0; i < count && ok; i++) {
        loading->scope_count = i + 1;
        loading->scopes[i] = strdup(request->scopes[i]);
        loading->list_scopes[i] = list_scope(request->scopes[i]);
        ok = loading->scopes[i] && loading->list_scopes[i];
    }
    for (size_t i = 0; i < request->principal_count && ok; i++)
        ok = access_principal(access, request->principals[i]) != NULL;
    for (size_t i = 0; i < request->group_count && ok; i++) {
        struct principal *group = access_principal(access, request->groups[i]);
        ok = group != NULL;
        if (group)
            group->is_group = true;
    }
    return ok ? 0 : no_memory(err);
}

int access_load(struct arm_client *client, const struct access_request *request,
                access_done_fn *done, void *arg, struct access_loading **out, struct error *err)
{
    struct access_loading *loading = calloc(1, sizeof *loading);
    if (!loading)
        return no_memory(err);
    *loading = (struct access_loading) {
        .client = client,
        .directory = { .client = client,
                       .graph_url = request->graph_url,
                       .graph_token = request->graph_token },
        .done = done,
        .arg = arg,
        .access = calloc(1, sizeof *loading->access),
    };
    int rc = take_request(loading, request, err);
    if (rc == 0)
        rc = ask_first(loading, err);
    if (rc < 0) {
        free_loading(loading);
        return rc;
    }
    if (out)
        *out = loading;
    return 0; /* NOLINT(clang-analyzer-unix.Malloc): its queries hold it */
}

struct waiting {
    bool done;
    int rc;
    struct access *access;
    struct error *err;
};

static void on_loaded(int rc, struct access *access, const struct error *err, void *arg)
{
    struct waiting *waiting = arg;
    waiting->done = true;
    waiting->rc = rc;
    waiting->access = access;
    if (rc < 0 && waiting->err)
        *waiting->err = *err;
}

int access_load_wait(struct arm_client *client, const struct access_request *request,
                     struct access **out, struct error *err)
{
    struct waiting waiting = { .err = err };
    struct access_loading *loading = NULL;
    int rc = access_load(client, request, on_loaded, &waiting, &loading, err);
    if (rc < 0)
        return rc;
    rc = loop_run_until(arm_client_loop(client), &waiting.done);
    if (!waiting.done) {
        access_cancel(loading);
        return rc < 0 ? error_set(err, rc,
                                  "asking who may do what: nothing is left that could "
                                  "answer")
                      : error_set(err, ERROR_CANCELLED, "asking who may do what: interrupted");
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was loading is freed by then */
    if (waiting.rc == 0)
        *out = waiting.access; /* NOLINT(clang-analyzer-unix.Malloc) */
    return waiting.rc;
}
