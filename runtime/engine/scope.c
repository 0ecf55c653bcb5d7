/* scope.c - see scope.h. */
#include "engine/scope.h"

#include "arm/resource_id.h"
#include "base/text.h"

#define MANAGEMENT_GROUPS "/providers/Microsoft.Management/managementGroups/"

enum kind { WORKSPACE, INSTANCE, GROUP, SUBSCRIPTION, MANAGEMENT_GROUP };

static const struct {
    const char *word;
    enum kind kind;
    bool needs_name;
} kinds[] = {
    { "workspace", WORKSPACE, false },
    { "instance", INSTANCE, true },
    { "resource-group", GROUP, false },
    { "subscription", SUBSCRIPTION, false },
    { "management-group", MANAGEMENT_GROUP, true },
};

/* A whole id: no control characters, nothing that a path could not carry. */
static int whole_id(const char *said, char **out, struct error *err)
{
    size_t size = strlen(said);
    while (size > 1 && said[size - 1] == '/')
        size--;
    bool ok = size <= RESOURCE_ID_MAX && !strstr(said, "//") && !strpbrk(said, "\\?#%");
    for (size_t i = 0; i < size && ok; i++)
        ok = (unsigned char)said[i] >= ' ' && said[i] != 0x7f;
    if (!ok)
        return error_set(err, ERROR_INVALID, "'%.200s' is no scope: it is one of " SCOPE_WORDS,
                         said);
    *out = text_dup_size(said, size);
    return *out ? 0 : error_set(err, ERROR_NO_MEMORY, "out of memory");
}

static int unknown_word(const char *said, size_t size, struct error *err)
{
    const char *words[COUNT(kinds)];
    char *word = text_dup_size(said, size);
    for (size_t i = 0; i < COUNT(kinds); i++)
        words[i] = kinds[i].word;
    const char *near = word ? text_nearest(word, words, COUNT(words)) : NULL;
    free(word);
    if (near)
        return error_set(err, ERROR_INVALID, "unknown scope '%.200s', did you mean '%s'?", said,
                         near);
    return error_set(err, ERROR_INVALID, "unknown scope '%.200s': it is one of " SCOPE_WORDS, said);
}

static bool is_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("/\\?#%", *c))
            return false;
    return name[0] && !text_equal(name, ".") && !text_equal(name, "..");
}

static int make(enum kind kind, const char *name, const struct workspace_ref *here, char **out,
                struct error *err)
{
    const char *subscription = kind == SUBSCRIPTION && name ? name : here->subscription;
    const char *group = kind == GROUP && name ? name : here->group;
    const char *workspace = kind == WORKSPACE && name ? name : here->workspace;
    struct buffer text = { .max = RESOURCE_ID_MAX };
    const char *lacks = kind == MANAGEMENT_GROUP                                ? NULL
                        : !subscription                                         ? "subscription"
                        : kind != SUBSCRIPTION && !group                        ? "resource group"
                        : (kind == WORKSPACE || kind == INSTANCE) && !workspace ? "workspace"
                                                                                : NULL;
    if (lacks)
        return error_set(err, ERROR_USAGE, "the context has no %s", lacks);
    if (kind == MANAGEMENT_GROUP)
        buffer_format(&text, MANAGEMENT_GROUPS "%s", name);
    else if (kind == SUBSCRIPTION)
        buffer_format(&text, "/subscriptions/%s", subscription);
    else if (kind == GROUP)
        buffer_format(&text, "/subscriptions/%s/resourceGroups/%s", subscription, group);
    else
        resource_id_compute(&text, subscription, group, workspace, kind == INSTANCE ? name : NULL);
    return buffer_detach(&text, out, NULL, err);
}

int scope_of(const char *said, const struct workspace_ref *here, char **out, struct error *err)
{
    if (!said || !said[0])
        said = kinds[WORKSPACE].word;
    if (said[0] == '/')
        return whole_id(said, out, err);
    size_t size = strcspn(said, ":");
    const char *name = said[size] ? said + size + 1 : NULL;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (strlen(kinds[i].word) != size || strncasecmp(kinds[i].word, said, size) != 0)
            continue;
        if (name ? !is_name(name) : kinds[i].needs_name)
            return error_set(err, ERROR_INVALID, "'%.200s' needs a name, like %s:NAME", said,
                             kinds[i].word);
        return make(kinds[i].kind, name, here, out, err);
    }
    return unknown_word(said, size, err);
}

void scope_say(struct buffer *out, const char *scope, const struct workspace_ref *here)
{
    static const char *const words[] = { "workspace", "resource-group", "subscription" };
    struct resource_id id = { 0 };
    for (size_t i = 0; i < COUNT(words); i++) {
        char *same = NULL;
        bool found = scope_of(words[i], here, &same, NULL) == 0 && text_equal_nocase(same, scope);
        free(same);
        if (found) {
            buffer_text(out, words[i]);
            return;
        }
    }
    if (resource_id_parse(scope, &id, NULL) == 0 && id.compute && here->workspace &&
        text_equal_nocase(id.workspace, here->workspace) &&
        text_equal_nocase(id.group, here->group) &&
        text_equal_nocase(id.subscription, here->subscription))
        buffer_format(out, "instance:%s", id.compute);
    else
        buffer_text(out, scope);
    resource_id_clear(&id);
}

void scope_instance(struct buffer *out, const struct workspace_ref *here, const char *name)
{
    resource_id_compute(out, here->subscription, here->group, here->workspace, name);
}
