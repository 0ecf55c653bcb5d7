/* directory_commands.c - user …, group ….
 *
 * Reading works on every plane.  Changing is for directories of our own: an organisation's is not
 * ours to change, and the service is not even asked. */
#include "cli/directory_commands.h"

#include "base/random.h"
#include "base/text.h"
#include "cli/session.h"
#include "client/principals.h"
#include "engine/who.h"
#include "model/rules.h"

#define NESTED_MAX 1000 /* groups that one show walks through */

/* ---- asking ---- */

/* Sends what was filled with outcome `rc`, and clears it.  *out (may be NULL) is the caller's. */
static int ask(struct session *session, struct principals_request *request, int rc, cJSON **out,
               struct error *err)
{
    if (rc < 0)
        return rc;
    rc = arm_wait(session_client(session), &request->arm, out, err);
    principals_request_clear(request);
    return rc;
}

/* Only planes of Moonfleet's own have a status: everything else is somebody's organisation. */
static int check_ours(struct session *session, struct error *err)
{
    const struct arm_request request = { .method = HTTP_GET, .path = "/moonfleet/status" };
    if (session_context(session)->kind != PLANE_URL)
        return 0;
    struct error why = { 0 };
    if (arm_wait(session_client(session), &request, NULL, &why) != ERROR_NOT_FOUND)
        return 0;
    return error_set(err, ERROR_DENIED,
                     "the directory of context '%s' is an organisation's, and not ours to change: "
                     "ask who manages it in Microsoft Entra ID",
                     session_context(session)->name);
}

static int open_ours(const struct invocation *invocation, struct session **out, struct error *err)
{
    int rc = session_open(invocation, out, err);
    return rc < 0 ? rc : check_ours(*out, err);
}

/* ---- as data ---- */

static void copy_text(cJSON *object, const char *name, const cJSON *item)
{
    json_put_string(object, name, json_string(item, name, NULL));
}

static cJSON *principal_json(const cJSON *item, enum directory_kind kind)
{
    cJSON *object = cJSON_CreateObject();
    if (kind == DIRECTORY_USER)
        copy_text(object, "userPrincipalName", item);
    copy_text(object, "displayName", item);
    copy_text(object, "id", item);
    return object;
}

static cJSON *who_json(const struct who *who)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", who->name);
    cJSON_AddStringToObject(object, "kind", who_kind_name(who->kind));
    cJSON_AddStringToObject(object, "id", who->id);
    return object;
}

static const char *safe_name(const char *name, char out[OUTPUT_SAFE_SIZE])
{
    return output_safe(out, OUTPUT_SAFE_SIZE, name);
}

/* ---- lists ---- */

/* An item of a list that is sorted by name, then id. */
struct named_item {
    const char *name, *id;
    const cJSON *item;
};

static int by_name(const void *a, const void *b)
{
    const struct named_item *left = a, *right = b;
    int order = text_compare_nocase(left->name, right->name);
    return order ? order : text_compare_nocase(left->id, right->id);
}

/* The items by name; *out is the caller's, its texts the tree's. */
static int sort_items(const cJSON *items, struct named_item **out, size_t *out_count,
                      struct error *err)
{
    size_t count = 0;
    struct named_item *sorted = calloc((size_t)cJSON_GetArraySize(items) + 1, sizeof *sorted);
    const cJSON *item = NULL;
    if (!sorted)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(item, items)
    {
        const char *id = json_string(item, "id", "");
        const char *name = principals_name_of(item);
        sorted[count++] = (struct named_item) { name ? name : id, id, item };
    }
    qsort(sorted, count, sizeof *sorted, by_name);
    *out = sorted;
    *out_count = count;
    return 0;
}

static int show_list(const struct invocation *invocation, enum directory_kind kind,
                     const cJSON *items, struct error *err)
{
    static const char *const user_headings[] = { "USER", "NAME", "ID", NULL };
    static const char *const group_headings[] = { "GROUP", "ID", NULL };
    bool json = invocation->output->json, users = kind == DIRECTORY_USER;
    struct named_item *sorted = NULL;
    size_t count = 0;
    int rc = sort_items(items, &sorted, &count, err);
    if (rc < 0)
        return rc;
    struct table *table =
        json ? NULL : table_new(invocation->output, users ? user_headings : group_headings);
    cJSON *document = json ? cJSON_CreateObject() : NULL;
    cJSON *rows = cJSON_AddArrayToObject(document, users ? "users" : "groups");
    for (size_t i = 0; i < count; i++) {
        if (json)
            cJSON_AddItemToArray(rows, principal_json(sorted[i].item, kind));
        if (!table)
            continue;
        table_row(table);
        table_cell(table, sorted[i].name, STYLE_BOLD);
        if (users)
            table_cell(table, json_string(sorted[i].item, "displayName", NULL), STYLE_PLAIN);
        table_cell(table, sorted[i].id, STYLE_DIM);
    }
    free(sorted);
    if (!json)
        return table_print(table, err);
    output_json(invocation->output, document);
    return 0;
}

static int run_list(struct invocation *invocation, enum directory_kind kind, struct error *err)
{
    struct session *session = NULL;
    struct principals_request request;
    cJSON *body = NULL;
    int rc = session_open(invocation, &session, err);
    if (rc == 0) {
        const struct directory directory = who_directory(session_client(session));
        rc = ask(session, &request, principals_list(&request, &directory, kind, err), &body, err);
    }
    if (rc == 0)
        rc = show_list(invocation, kind, cJSON_GetObjectItemCaseSensitive(body, "value"), err);
    cJSON_Delete(body);
    session_free(session);
    return rc;
}

static int run_user_list(struct invocation *invocation, struct error *err)
{
    return run_list(invocation, DIRECTORY_USER, err);
}

static int run_group_list(struct invocation *invocation, struct error *err)
{
    return run_list(invocation, DIRECTORY_GROUP, err);
}

/* ---- one group, with what is in it ---- */

/* The members as a flat array of {"name","kind","id","via":[groups on the way]}; the walk goes from
 * group to group, each one once. */
struct walk {
    struct session *session;
    cJSON *rows;    /* owned */
    cJSON *visited; /* owned: {"<group id>":true} */
    int groups;
};

static bool visit(struct walk *walk, const char *id)
{
    if (cJSON_GetObjectItem(walk->visited, id))
        return false;
    cJSON_AddTrueToObject(walk->visited, id);
    return true;
}

/* Adds the members of one group that was reached by way of `via`; those that are groups follow
 * right behind themselves. */
static int walk_group(struct walk *walk, const char *id, const cJSON *via, struct error *err);

static int walk_member(struct walk *walk, const struct named_item *member, const cJSON *via,
                       struct error *err)
{
    enum directory_kind kind = DIRECTORY_USER;
    bool known = principals_kind_of(member->item, &kind);
    bool group = known && kind == DIRECTORY_GROUP;
    bool again = group && !visit(walk, member->id);
    cJSON *row = cJSON_CreateObject(), *further = cJSON_Duplicate(via, true);
    cJSON_AddStringToObject(row, "name", member->name);
    cJSON_AddStringToObject(row, "kind", known ? who_kind_name(kind) : "other");
    cJSON_AddStringToObject(row, "id", member->id);
    cJSON_AddItemToObject(row, "via", cJSON_Duplicate(via, true));
    if (again)
        cJSON_AddTrueToObject(row, "again");
    cJSON_AddItemToArray(walk->rows, row);
    cJSON_AddItemToArray(further, cJSON_CreateString(member->name));
    int rc = group && !again ? walk_group(walk, member->id, further, err) : 0;
    cJSON_Delete(further);
    return rc;
}

static int walk_group(struct walk *walk, const char *id, const cJSON *via, struct error *err)
{
    const struct directory directory = who_directory(session_client(walk->session));
    struct principals_request request;
    struct named_item *sorted = NULL;
    size_t count = 0;
    cJSON *body = NULL;
    if (++walk->groups > NESTED_MAX)
        return error_set(err, ERROR_TOO_LARGE, "more than %d groups are nested in this one",
                         NESTED_MAX);
    int rc =
        ask(walk->session, &request, principals_members(&request, &directory, id, err), &body, err);
    if (rc == 0)
        rc = sort_items(cJSON_GetObjectItemCaseSensitive(body, "value"), &sorted, &count, err);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = walk_member(walk, &sorted[i], via, err);
    free(sorted);
    cJSON_Delete(body);
    return rc;
}

static int members_table(const struct output *output, const cJSON *rows, struct error *err)
{
    static const char *const headings[] = { "MEMBER", "KIND", "BY WAY OF", NULL };
    struct table *table = table_new(output, headings);
    const cJSON *row = NULL, *step = NULL;
    cJSON_ArrayForEach(row, rows)
    {
        struct buffer via = { 0 };
        if (!table)
            break;
        cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(row, "via")) buffer_format(
            &via, "%s%s", via.size ? " > " : "", step->valuestring ? step->valuestring : "?");
        table_row(table);
        table_cell(table, json_string(row, "name", "?"), STYLE_BOLD);
        table_cell(table, json_string(row, "kind", "?"), STYLE_PLAIN);
        table_cell(table, via.data, STYLE_DIM);
        buffer_clear(&via);
    }
    return table_print(table, err);
}

static int show_group(const struct invocation *invocation, const struct who *group,
                      struct walk *walk, struct error *err)
{
    char safe[OUTPUT_SAFE_SIZE];
    if (invocation->output->json) {
        cJSON *document = who_json(group);
        cJSON_AddItemToObject(document, "members", walk->rows);
        walk->rows = NULL;
        output_json(invocation->output, document);
        return 0;
    }
    output_print(invocation->output, "group %s (%s)\n", safe_name(group->name, safe), group->id);
    if (cJSON_GetArraySize(walk->rows) > 0)
        return members_table(invocation->output, walk->rows, err);
    output_note(invocation->output, "no members\n");
    return 0;
}

static int run_group_show(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct who group = { 0 };
    struct walk walk = { 0 };
    cJSON *via = cJSON_CreateArray();
    int rc = session_open(invocation, &session, err);
    if (rc == 0)
        rc = who_resolve_kind(session_client(session), DIRECTORY_GROUP, invocation->arguments[0],
                              &group, err);
    if (rc == 0) {
        walk = (struct walk) { session, cJSON_CreateArray(), cJSON_CreateObject(), 0 };
        (void)visit(&walk, group.id);
        rc = walk_group(&walk, group.id, via, err);
    }
    if (rc == 0)
        rc = show_group(invocation, &group, &walk, err);
    cJSON_Delete(walk.rows);
    cJSON_Delete(walk.visited);
    cJSON_Delete(via);
    who_clear(&group);
    session_free(session);
    return rc;
}

/* ---- making and deleting ---- */

static void say_made(struct output *output, const cJSON *body, enum directory_kind kind)
{
    char safe[OUTPUT_SAFE_SIZE];
    const char *name = principals_name_of(body);
    if (output->json)
        output_json(output, principal_json(body, kind));
    else
        output_print(output, "created %s %s (%s)\n", who_kind_name(kind),
                     safe_name(name ? name : "?", safe), json_string(body, "id", "?"));
}

static int run_user_create(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct principals_request request;
    cJSON *body = NULL;
    const char *upn = invocation->arguments[0], *rule = NULL;
    char safe[OUTPUT_SAFE_SIZE];
    if (!upn_valid(upn, &rule))
        return error_set(err, ERROR_INVALID, "'%s': %s", safe_name(upn, safe), rule);
    int rc = open_ours(invocation, &session, err);
    if (rc == 0) {
        const struct directory directory = who_directory(session_client(session));
        rc = ask(session, &request,
                 principals_create_user(&request, &directory, upn,
                                        invocation_value(invocation, "name", NULL), err),
                 &body, err);
    }
    if (rc == 0)
        say_made(invocation->output, body, DIRECTORY_USER);
    cJSON_Delete(body);
    session_free(session);
    return rc;
}

/* A directory lets several groups have one name; by name nobody could tell them apart. */
static int check_no_such_group(struct session *session, const char *name, struct error *err)
{
    struct who group = { 0 };
    struct error why = { 0 };
    char safe[OUTPUT_SAFE_SIZE];
    int rc = who_resolve_kind(session_client(session), DIRECTORY_GROUP, name, &group, &why);
    who_clear(&group);
    if (rc == ERROR_NOT_FOUND)
        return 0;
    if (rc == 0 || rc == ERROR_CONFLICT)
        return error_set(err, ERROR_CONFLICT, "there is a group '%s' already",
                         safe_name(name, safe));
    if (err)
        *err = why;
    return rc;
}

static int run_group_create(struct invocation *invocation, struct error *err)
{
    struct session *session = NULL;
    struct principals_request request;
    cJSON *body = NULL;
    const char *name = invocation->arguments[0];
    if (!name[0])
        return error_set(err, ERROR_INVALID, "a group needs a name");
    if (uuid_is_valid(name))
        return error_set(err, ERROR_INVALID,
                         "'%s' would be taken for an object id: give the group another name", name);
    int rc = open_ours(invocation, &session, err);
    if (rc == 0)
        rc = check_no_such_group(session, name, err);
    if (rc == 0) {
        const struct directory directory = who_directory(session_client(session));
        rc = ask(session, &request, principals_create_group(&request, &directory, name, err), &body,
                 err);
    }
    if (rc == 0)
        say_made(invocation->output, body, DIRECTORY_GROUP);
    cJSON_Delete(body);
    session_free(session);
    return rc;
}

static int run_delete(struct invocation *invocation, enum directory_kind kind, struct error *err)
{
    struct session *session = NULL;
    struct principals_request request;
    struct who who = { 0 };
    char safe[OUTPUT_SAFE_SIZE];
    int rc = open_ours(invocation, &session, err);
    if (rc == 0)
        rc = who_resolve_kind(session_client(session), kind, invocation->arguments[0], &who, err);
    if (rc == 0) {
        const struct directory directory = who_directory(session_client(session));
        rc = ask(session, &request, principals_delete(&request, &directory, kind, who.id, err),
                 NULL, err);
    }
    if (rc == 0 && invocation->output->json)
        output_json(invocation->output, who_json(&who));
    else if (rc == 0)
        output_print(invocation->output, "deleted %s %s\n", who_kind_name(kind),
                     safe_name(who.name, safe));
    who_clear(&who);
    session_free(session);
    return rc;
}

static int run_user_delete(struct invocation *invocation, struct error *err)
{
    return run_delete(invocation, DIRECTORY_USER, err);
}

static int run_group_delete(struct invocation *invocation, struct error *err)
{
    return run_delete(invocation, DIRECTORY_GROUP, err);
}

/* ---- members ---- */

/* A group, and who is to join or leave it. */
struct joining {
    struct session *session;
    bool leaves;
    struct who group;
    struct who *members; /* owned */
    size_t count;
};

static void joining_clear(struct joining *joining)
{
    for (size_t i = 0; i < joining->count; i++)
        who_clear(&joining->members[i]);
    free(joining->members);
    who_clear(&joining->group);
    session_free(joining->session);
}

/* All names are found before the first one is changed. */
static int find_all(const struct invocation *invocation, struct joining *joining, struct error *err)
{
    size_t count = invocation->argument_count - 1;
    int rc = who_resolve_kind(session_client(joining->session), DIRECTORY_GROUP,
                              invocation->arguments[0], &joining->group, err);
    if (rc < 0)
        return rc;
    joining->members = calloc(count, sizeof *joining->members);
    if (!joining->members)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = who_resolve(session_client(joining->session), invocation->arguments[i + 1],
                         &joining->members[i], err);
        joining->count += rc == 0;
    }
    return rc;
}

/* Changes one; *out_outcome is what happened: there already, or gone already, is fine. */
static int change(const struct joining *joining, const struct who *member, const char **out_outcome,
                  struct error *err)
{
    const struct directory directory = who_directory(session_client(joining->session));
    struct principals_request request;
    struct error why = { 0 };
    const char *group = joining->group.id;
    int rc = joining->leaves
                 ? principals_remove_member(&request, &directory, group, member->id, &why)
                 : principals_add_member(&request, &directory, group, member->id, &why);
    rc = ask(joining->session, &request, rc, NULL, &why);
    bool was = joining->leaves ? rc == ERROR_NOT_FOUND
                               : rc < 0 && strstr(why.message, PRINCIPALS_IS_THERE) != NULL;
    *out_outcome = joining->leaves ? was ? "absent" : "removed" : was ? "present" : "added";
    if (rc < 0 && !was && err)
        *err = why;
    return was ? 0 : rc;
}

static void say_changed(const struct output *output, const struct joining *joining,
                        const struct who *member, const char *outcome)
{
    char name[OUTPUT_SAFE_SIZE], group[OUTPUT_SAFE_SIZE];
    safe_name(member->name, name);
    safe_name(joining->group.name, group);
    if (text_equal(outcome, "added"))
        output_print(output, "added %s to %s\n", name, group);
    else if (text_equal(outcome, "removed"))
        output_print(output, "removed %s from %s\n", name, group);
    else if (text_equal(outcome, "present"))
        output_print(output, "%s is in %s already\n", name, group);
    else
        output_print(output, "%s is not in %s\n", name, group);
}

static int change_all(struct output *output, const struct joining *joining, struct error *err)
{
    cJSON *document = output->json ? cJSON_CreateObject() : NULL;
    if (document)
        cJSON_AddItemToObject(document, "group", who_json(&joining->group));
    cJSON *rows = cJSON_AddArrayToObject(document, "members");
    int rc = 0;
    for (size_t i = 0; i < joining->count && rc == 0; i++) {
        const char *outcome = NULL;
        rc = change(joining, &joining->members[i], &outcome, err);
        if (rc < 0)
            break;
        if (document) {
            cJSON *row = who_json(&joining->members[i]);
            cJSON_AddStringToObject(row, "outcome", outcome);
            cJSON_AddItemToArray(rows, row);
        } else {
            say_changed(output, joining, &joining->members[i], outcome);
        }
    }
    if (rc == 0 && document)
        output_json(output, document);
    else
        cJSON_Delete(document);
    return rc;
}

static int run_members(struct invocation *invocation, bool leaves, struct error *err)
{
    struct joining joining = { .leaves = leaves };
    int rc = open_ours(invocation, &joining.session, err);
    if (rc == 0)
        rc = find_all(invocation, &joining, err);
    if (rc == 0)
        rc = change_all(invocation->output, &joining, err);
    joining_clear(&joining);
    return rc;
}

static int run_group_add(struct invocation *invocation, struct error *err)
{
    return run_members(invocation, false, err);
}

static int run_group_remove(struct invocation *invocation, struct error *err)
{
    return run_members(invocation, true, err);
}

/* ---- rows ---- */

#define WRITES "The local plane's directory; an organisation's is not ours to change.\n"

const struct command command_user_list = {
    .name = "user list",
    .arguments = "",
    .summary = "the users of the directory",
    .details = "--json: {\"users\":[{\"userPrincipalName\",\"displayName\",\"id\"}]}, sorted.",
    .examples = "moonfleet user list",
    .needs = NEEDS_PLANE,
    .run = run_user_list,
};

static const struct option_row user_create_options[] = {
    { "name", 0, "TEXT", "the name to show: \"Ada Lovelace\"", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_user_create = {
    .name = "user create",
    .arguments = "UPN",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "a new user, by user principal name",
    .details = WRITES "--json: {\"userPrincipalName\",\"displayName\",\"id\"}.",
    .examples = "moonfleet user create joan@moonfleet.local --name \"Joan Clarke\"",
    .options = user_create_options,
    .needs = NEEDS_PLANE,
    .run = run_user_create,
};

const struct command command_user_delete = {
    .name = "user delete",
    .arguments = "UPN",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "delete a user, and take them out of every group",
    .details = WRITES "Their instances stay, and so do their role assignments, which then name\n"
                      "nobody. --json: {\"name\",\"kind\",\"id\"}.",
    .examples = "moonfleet user delete joan@moonfleet.local",
    .needs = NEEDS_PLANE,
    .run = run_user_delete,
};

const struct command command_group_list = {
    .name = "group list",
    .arguments = "",
    .summary = "the groups of the directory",
    .details = "--json: {\"groups\":[{\"displayName\",\"id\"}]}, sorted.",
    .examples = "moonfleet group list",
    .needs = NEEDS_PLANE,
    .run = run_group_list,
};

const struct command command_group_show = {
    .name = "group show",
    .arguments = "GROUP",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "who is in a group, by way of other groups too",
    .details = "GROUP is a name or an object id.\n"
               "--json: {\"name\",\"kind\",\"id\",\"members\":[{\"name\",\"kind\",\"id\",\"via\":["
               "groups]}]}; \"again\": true\n"
               "for a group whose members stand elsewhere in the list.",
    .examples = "moonfleet group show data-scientists",
    .needs = NEEDS_PLANE,
    .run = run_group_show,
};

const struct command command_group_create = {
    .name = "group create",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "a new group, without members",
    .details = WRITES "--json: {\"displayName\",\"id\"}.",
    .examples = "moonfleet group create analysts\n"
                "moonfleet group add analysts ada@moonfleet.local",
    .needs = NEEDS_PLANE,
    .run = run_group_create,
};

#define MEMBERS_JSON                                                                               \
    "--json: {\"group\":{\"name\",\"kind\",\"id\"},\"members\":[{\"name\",\"kind\",\"id\","        \
    "\"outcome\"}]}.\n"

const struct command command_group_add = {
    .name = "group add",
    .arguments = "GROUP WHO…",
    .arguments_min = 2,
    .arguments_max = -1,
    .summary = "put somebody into a group",
    .details = WRITES "WHO is " WHO_WORDS ".\n"
                      "Nothing is changed when one of them is not found; who is in it already "
                      "stays.\n" MEMBERS_JSON,
    .examples = "moonfleet group add data-scientists joan@moonfleet.local\n"
                "moonfleet group add data-scientists analysts\ta group in a group",
    .needs = NEEDS_PLANE,
    .run = run_group_add,
};

const struct command command_group_remove = {
    .name = "group remove",
    .arguments = "GROUP WHO…",
    .arguments_min = 2,
    .arguments_max = -1,
    .summary = "take somebody out of a group",
    .details = WRITES "WHO is " WHO_WORDS ".\n" MEMBERS_JSON,
    .examples = "moonfleet group remove data-scientists joan@moonfleet.local",
    .needs = NEEDS_PLANE,
    .run = run_group_remove,
};

const struct command command_group_delete = {
    .name = "group delete",
    .arguments = "GROUP",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "delete a group; its members stay",
    .details = WRITES "Its role assignments stay too, and then name nobody.\n"
                      "--json: {\"name\",\"kind\",\"id\"}.",
    .examples = "moonfleet group delete analysts",
    .needs = NEEDS_PLANE,
    .run = run_group_delete,
};
