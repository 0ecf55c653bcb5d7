/* context.c - contexts: the file that keeps them, and which one a command means. */
#include "cli/context.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define CONTEXTS_FILE_MAX ((size_t)1 << 20)
#define CONTEXT_NAME_MAX 64
#define NAMES_MAX 256

static const char *const built_in[] = { "local", "memory" };

/* ---- the file ---- */

static int file_path(char **out, struct error *err)
{
    char *folder = NULL;
    int rc = file_home(FILE_CONFIG_HOME, &folder, err);
    if (rc < 0)
        return rc;
    *out = file_join(folder, "contexts.json");
    free(folder);
    return *out ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory");
}

/* Is it as we write it?  {"current":name, "contexts":{name:{member:text}}}; what a later release
 * may add is left alone. */
static int contexts_check(const cJSON *contexts, struct error *err)
{
    const cJSON *current = json_at(contexts, "current"), *all = json_at(contexts, "contexts");
    const cJSON *row = NULL, *member = NULL;
    bool sound = cJSON_IsObject(contexts) && (!current || cJSON_IsString(current)) &&
                 (!all || cJSON_IsObject(all));
    cJSON_ArrayForEach(row, all)
    {
        sound = sound && cJSON_IsObject(row) && cJSON_IsString(json_at(row, "plane"));
        cJSON_ArrayForEach(member, row) sound = sound && cJSON_IsString(member);
    }
    return sound ? 0
                 : error_set(err, ERROR_SYNTAX,
                             "this is not a contexts file: mend it, or remove it and set the "
                             "contexts again");
}

/* The file's object, or an empty one when there is no file.  *out is the caller's. */
static int contexts_read(cJSON **out, struct error *err)
{
    char *path = NULL;
    cJSON *contexts = NULL;
    struct buffer text = { 0 };
    int rc = file_path(&path, err);
    if (rc == 0) {
        rc = file_read(path, CONTEXTS_FILE_MAX, &text, err);
        if (rc == 0)
            rc = json_parse(text.data ? text.data : "", text.size, "the contexts file", &contexts,
                            err);
        else if (rc == ERROR_NOT_FOUND)
            rc = (contexts = cJSON_CreateObject()) ? 0
                                                   : error_set(err, ERROR_NO_MEMORY, "no memory");
        if (rc == 0)
            rc = contexts_check(contexts, err);
        if (rc == ERROR_SYNTAX)
            error_at(err, path, 0);
    }
    buffer_clear(&text);
    free(path);
    if (rc == 0)
        *out = contexts;
    else
        cJSON_Delete(contexts);
    return rc;
}

static int contexts_write(const cJSON *contexts, struct error *err)
{
    char *path = NULL, *folder = NULL;
    char *text = json_pretty(contexts);
    if (!text)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    int rc = file_home(FILE_CONFIG_HOME, &folder, err);
    if (rc == 0)
        rc = file_make_dirs(folder, 0700, err);
    if (rc == 0)
        rc = file_path(&path, err);
    if (rc == 0)
        rc = file_write(path, text, strlen(text), 0600, err);
    free(text);
    free(path);
    free(folder);
    return rc < 0 ? error_wrap(err, rc, "saving contexts") : 0;
}

static const cJSON *context_row(const cJSON *contexts, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(json_at(contexts, "contexts"), name);
}

static bool is_built_in(const char *name)
{
    for (size_t i = 0; i < COUNT(built_in); i++)
        if (text_equal(built_in[i], name))
            return true;
    return false;
}

/* All names, built-in ones first; borrowed from `contexts`. */
static size_t context_names(const cJSON *contexts, const char **out, size_t max)
{
    const cJSON *row = NULL;
    size_t count = 0;
    for (; count < COUNT(built_in) && count < max; count++)
        out[count] = built_in[count];
    cJSON_ArrayForEach(row, json_at(contexts, "contexts"))
    {
        if (count < max)
            out[count++] = row->string;
    }
    return count;
}

/* ---- which one ---- */

static int plane_kind_of(const char *plane, enum plane_kind *out)
{
    if (text_equal(plane, "local"))
        *out = PLANE_LOCAL;
    else if (text_equal(plane, "memory"))
        *out = PLANE_MEMORY;
    else if (text_starts(plane, "unix:") && plane[5])
        *out = PLANE_SOCKET;
    else if (text_starts(plane, "http://") || text_starts(plane, "https://"))
        *out = PLANE_URL;
    else
        return ERROR_NOT_FOUND;
    return 0;
}

void context_clear(struct context *context)
{
    free(context->name);
    free(context->plane);
    free(context->subscription);
    free(context->group);
    free(context->workspace);
    free(context->tenant);
    *context = (struct context) { 0 };
}

/* Replaces an owned text; NULL leaves it. */
static int set_text(char **slot, const char *text)
{
    if (!text)
        return 0;
    char *copy = strdup(text);
    if (!copy)
        return ERROR_NO_MEMORY;
    free(*slot);
    *slot = copy;
    return 0;
}

static int set_all(struct context *context, const char *subscription, const char *group,
                   const char *workspace, const char *tenant)
{
    return set_text(&context->subscription, subscription) < 0 ||
                   set_text(&context->group, group) < 0 ||
                   set_text(&context->workspace, workspace) < 0 ||
                   set_text(&context->tenant, tenant) < 0
               ? ERROR_NO_MEMORY
               : 0;
}

static int no_such_context(const cJSON *contexts, const char *name, struct error *err)
{
    const char *names[NAMES_MAX];
    char safe[OUTPUT_SAFE_SIZE];
    const char *near = text_nearest(name, names, context_names(contexts, names, COUNT(names)));
    output_safe(safe, sizeof safe, name);
    if (near)
        return error_set(err, ERROR_NOT_FOUND, "there is no context '%s', did you mean '%s'?", safe,
                         near);
    return error_set(
        err, ERROR_NOT_FOUND,
        "there is no context '%s': see 'moonfleet context list', or give local, memory, "
        "unix:PATH or a URL",
        safe);
}

/* Fills `out` from a name of the file, a built-in name or a plane's address. */
static int context_load(const cJSON *contexts, const char *name, struct context *out,
                        struct error *err)
{
    const cJSON *row = is_built_in(name) ? NULL : context_row(contexts, name);
    const char *plane = row ? json_string(row, "plane", "local") : name;
    if (plane_kind_of(plane, &out->kind) < 0) {
        if (!row)
            return no_such_context(contexts, name, err);
        return error_set(err, ERROR_SYNTAX,
                         "the plane of context '%s' is neither local, memory, "
                         "unix:PATH nor a URL",
                         name);
    }
    int rc =
        set_text(&out->name, name) < 0 || set_text(&out->plane, plane) < 0 ? ERROR_NO_MEMORY : 0;
    /* a plane on this machine is most likely one with the seed of the program */
    if (rc == 0 && out->kind != PLANE_URL)
        rc = set_all(out, LOCAL_SUBSCRIPTION, LOCAL_GROUP, LOCAL_WORKSPACE, LOCAL_TENANT);
    if (rc == 0 && row)
        rc = set_all(out, json_string(row, "subscription", NULL),
                     json_string(row, "resourceGroup", NULL), json_string(row, "workspace", NULL),
                     json_string(row, "tenant", NULL));
    return rc < 0 ? error_set(err, rc, "no memory") : 0;
}

/* Borrowed from the command line, the environment or `contexts`. */
static const char *chosen_name(const struct invocation *invocation, const cJSON *contexts)
{
    const char *environment = getenv("MOONFLEET_CONTEXT");
    const char *name =
        invocation_value(invocation, "context", environment && *environment ? environment : NULL);
    return name ? name : json_string(contexts, "current", "local");
}

int context_resolve(const struct invocation *invocation, struct context *out, struct error *err)
{
    struct context context = { 0 };
    cJSON *contexts = NULL;
    int rc = contexts_read(&contexts, err);
    if (rc < 0)
        return rc;
    rc = context_load(contexts, chosen_name(invocation, contexts), &context, err);
    if (rc == 0 && set_all(&context, invocation_value(invocation, "subscription", NULL),
                           invocation_value(invocation, "resource-group", NULL),
                           invocation_value(invocation, "workspace", NULL), NULL) < 0)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_Delete(contexts);
    if (rc == 0)
        *out = context;
    else
        context_clear(&context);
    return rc;
}

int context_complete(const struct invocation *invocation, struct error *err)
{
    const char *names[NAMES_MAX];
    cJSON *contexts = NULL;
    int rc = contexts_read(&contexts, err);
    if (rc < 0)
        return rc;
    size_t count = context_names(contexts, names, COUNT(names));
    for (size_t i = 0; i < count; i++)
        output_print(invocation->output, "%s\n", names[i]);
    cJSON_Delete(contexts);
    return EXIT_DONE;
}

/* ---- commands ---- */

static cJSON *context_json(const struct context *context, bool current)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", context->name);
    cJSON_AddBoolToObject(object, "current", current);
    cJSON_AddStringToObject(object, "plane", context->plane);
    json_put_string(object, "subscription", context->subscription);
    json_put_string(object, "resourceGroup", context->group);
    json_put_string(object, "workspace", context->workspace);
    json_put_string(object, "tenant", context->tenant);
    return object;
}

static int show_rows(struct invocation *invocation, const cJSON *rows, struct error *err)
{
    static const char *const headings[] = { "",          "NAME",           "PLANE",
                                            "WORKSPACE", "RESOURCE GROUP", "SUBSCRIPTION",
                                            NULL };
    struct table *table = table_new(invocation->output, headings);
    const cJSON *row = NULL;
    if (!table)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    cJSON_ArrayForEach(row, rows)
    {
        bool current = json_bool(row, "current", false);
        table_row(table);
        table_cell(table, current ? "*" : " ", STYLE_GREEN);
        table_cell(table, json_string(row, "name", NULL), current ? STYLE_BOLD : STYLE_PLAIN);
        table_cell(table, json_string(row, "plane", NULL), STYLE_PLAIN);
        table_cell(table, json_string(row, "workspace", NULL), STYLE_PLAIN);
        table_cell(table, json_string(row, "resourceGroup", NULL), STYLE_PLAIN);
        table_cell(table, json_string(row, "subscription", NULL), STYLE_DIM);
    }
    return table_print(table, err);
}

/* Lists whatever is there, also what no command can use: this is where one looks for the reason. */
static int run_list(struct invocation *invocation, struct error *err)
{
    const char *names[NAMES_MAX];
    cJSON *contexts = NULL, *rows = cJSON_CreateArray();
    int rc = contexts_read(&contexts, err);
    size_t count = rc == 0 ? context_names(contexts, names, COUNT(names)) : 0;
    for (size_t i = 0; i < count; i++) {
        struct context context = { 0 };
        if (context_load(contexts, names[i], &context, NULL) < 0) {
            (void)set_text(&context.name, names[i]);
            (void)set_text(&context.plane,
                           json_string(context_row(contexts, names[i]), "plane", "?"));
        }
        bool current = text_equal(names[i], chosen_name(invocation, contexts));
        cJSON_AddItemToArray(rows, context_json(&context, current));
        context_clear(&context);
    }
    if (rc == 0 && invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddItemToObject(document, "contexts", rows);
        output_json(invocation->output, document);
        rows = NULL;
    } else if (rc == 0) {
        rc = show_rows(invocation, rows, err);
    }
    cJSON_Delete(rows);
    cJSON_Delete(contexts);
    return rc;
}

static void show_line(const struct output *output, const char *label, const char *value)
{
    char safe[OUTPUT_SAFE_SIZE];
    output_print(output, "%-15s %s\n", label, value ? output_safe(safe, sizeof safe, value) : "-");
}

static int run_show(struct invocation *invocation, struct error *err)
{
    struct context context = { 0 };
    int rc = context_resolve(invocation, &context, err);
    if (rc < 0)
        return rc;
    if (invocation->output->json) {
        output_json(invocation->output, context_json(&context, true));
    } else {
        show_line(invocation->output, "context", context.name);
        show_line(invocation->output, "plane", context.plane);
        show_line(invocation->output, "subscription", context.subscription);
        show_line(invocation->output, "resource group", context.group);
        show_line(invocation->output, "workspace", context.workspace);
        show_line(invocation->output, "tenant", context.tenant);
    }
    context_clear(&context);
    return EXIT_DONE;
}

/* What changed, as a document or a line. */
static void tell(struct invocation *invocation, const char *what, const char *name)
{
    if (invocation->output->json) {
        cJSON *document = cJSON_CreateObject();
        cJSON_AddStringToObject(document, "name", name);
        output_json(invocation->output, document);
        return;
    }
    char safe[OUTPUT_SAFE_SIZE];
    output_print(invocation->output, "%s %s\n", what, output_safe(safe, sizeof safe, name));
}

static int run_use(struct invocation *invocation, struct error *err)
{
    const char *name = invocation->arguments[0];
    cJSON *contexts = NULL;
    int rc = contexts_read(&contexts, err);
    if (rc == 0 && !is_built_in(name) && !context_row(contexts, name))
        rc = no_such_context(contexts, name, err);
    if (rc == 0 && json_put_string(contexts, "current", name) < 0)
        rc = error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0)
        rc = contexts_write(contexts, err);
    if (rc == 0)
        tell(invocation, "now using context", name);
    cJSON_Delete(contexts);
    return rc;
}

/* Names are words of letters, digits, '-', '_' and '.': they stand in command lines. */
static int check_name(const char *name, struct error *err)
{
    size_t size = strlen(name);
    if (is_built_in(name))
        return error_set(err, ERROR_USAGE, "the context '%s' is always there and cannot be changed",
                         name);
    if (size == 0 || size > CONTEXT_NAME_MAX || name[0] == '-' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != size)
        return error_set(err, ERROR_USAGE,
                         "a context's name has 1 to %d letters, digits, '-', '_' or '.'",
                         CONTEXT_NAME_MAX);
    return 0;
}

/* The members of a context's row, by the options that set them. */
static int set_members(const struct invocation *invocation, cJSON *row, struct error *err)
{
    static const struct {
        const char *option, *member;
    } members[] = { { "plane", "plane" },
                    { "subscription", "subscription" },
                    { "resource-group", "resourceGroup" },
                    { "workspace", "workspace" },
                    { "tenant", "tenant" } };
    enum plane_kind kind = PLANE_LOCAL;
    for (size_t i = 0; i < COUNT(members); i++) {
        const char *value = invocation_value(invocation, members[i].option, NULL);
        if (value && json_put_string(row, members[i].member, value) < 0)
            return error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    if (plane_kind_of(json_string(row, "plane", ""), &kind) < 0)
        return error_set(err, ERROR_USAGE, "--plane must be local, memory, unix:PATH or a URL");
    return 0;
}

static int run_set(struct invocation *invocation, struct error *err)
{
    const char *name = invocation->arguments[0];
    cJSON *contexts = NULL, *row = NULL;
    int rc = check_name(name, err);
    if (rc == 0)
        rc = contexts_read(&contexts, err);
    if (rc < 0)
        return rc;
    row = cJSON_Duplicate(context_row(contexts, name), true);
    if (!row)
        row = cJSON_CreateObject();
    rc = set_members(invocation, row, err);
    cJSON *all = cJSON_GetObjectItemCaseSensitive(contexts, "contexts");
    if (!all)
        all = cJSON_AddObjectToObject(contexts, "contexts");
    if (rc == 0) {
        cJSON_DeleteItemFromObjectCaseSensitive(all, name);
        cJSON_AddItemToObject(all, name, row);
        row = NULL;
        rc = contexts_write(contexts, err);
    }
    if (rc == 0)
        tell(invocation, "saved context", name);
    cJSON_Delete(row);
    cJSON_Delete(contexts);
    return rc;
}

static int run_remove(struct invocation *invocation, struct error *err)
{
    const char *name = invocation->arguments[0];
    cJSON *contexts = NULL;
    int rc = check_name(name, err);
    if (rc == 0)
        rc = contexts_read(&contexts, err);
    if (rc == 0 && !context_row(contexts, name))
        rc = no_such_context(contexts, name, err);
    if (rc == 0) {
        cJSON_DeleteItemFromObjectCaseSensitive(
            cJSON_GetObjectItemCaseSensitive(contexts, "contexts"), name);
        if (text_equal(json_string(contexts, "current", NULL), name))
            cJSON_DeleteItemFromObjectCaseSensitive(contexts, "current");
        rc = contexts_write(contexts, err);
    }
    if (rc == 0)
        tell(invocation, "removed context", name);
    cJSON_Delete(contexts);
    return rc;
}

const struct command command_context_list = {
    .name = "context list",
    .arguments = "",
    .summary = "the contexts there are, and which one is used",
    .needs = NEEDS_PLANE,
    .run = run_list,
};

const struct command command_context_show = {
    .name = "context show",
    .arguments = "",
    .summary = "where commands go now",
    .details = "Reads --context, MOONFLEET_CONTEXT and the contexts file, in this order.",
    .needs = NEEDS_PLANE,
    .run = run_show,
};

const struct command command_context_use = {
    .name = "context use",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "make a context the one that commands use",
    .examples = "moonfleet context use team\n"
                "moonfleet context use local\tback to this machine's own plane",
    .completes = COMPLETES_CONTEXT,
    .run = run_use,
};

static const struct option_row set_options[] = {
    { "plane", 0, "PLANE", "local, memory, unix:PATH or a URL", COMPLETES_NOTHING, NULL },
    { "subscription", 0, "ID", "its subscription", COMPLETES_NOTHING, NULL },
    { "resource-group", 0, "NAME", "its resource group", COMPLETES_NOTHING, NULL },
    { "workspace", 0, "NAME", "its workspace", COMPLETES_NOTHING, NULL },
    { "tenant", 0, "ID", "its tenant", COMPLETES_NOTHING, NULL },
    { NULL, 0, NULL, NULL, COMPLETES_NOTHING, NULL },
};

const struct command command_context_set = {
    .name = "context set",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "add a context, or change what it says",
    .details = "What is not said stays as it was. On a plane of this machine the subscription,\n"
               "resource group and workspace of a fresh local plane are assumed.",
    .examples = "moonfleet context set team --plane https://management.azure.com \\\n"
                "    --subscription ID --resource-group ml --workspace ds\n"
                "moonfleet context set lab --plane unix:/run/lab/plane.sock",
    .options = set_options,
    .completes = COMPLETES_CONTEXT,
    .run = run_set,
};

const struct command command_context_remove = {
    .name = "context remove",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .summary = "forget a context",
    .completes = COMPLETES_CONTEXT,
    .run = run_remove,
};

const struct command command_context = {
    .name = "context",
    .arguments = "list|show|use|set|remove",
    .summary = "which plane and workspace commands talk to",
    .details =
        "A context is a plane with a subscription, a resource group and a workspace. 'local', "
        "this\n"
        "user's own plane, and 'memory', a plane that lives as long as the command, are always\n"
        "there; others are kept in contexts.json. Without a word it lists them.",
    .examples = "moonfleet context list\n"
                "moonfleet context set team --plane URL --subscription ID\n"
                "moonfleet context use team",
    .needs = NEEDS_PLANE,
    .run = run_list,
};
