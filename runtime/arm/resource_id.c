/* resource_id.c - see resource_id.h. */
#include "arm/resource_id.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* The fixed words of an id, each followed by the name that goes to that field. */
static const char *const words[] = { "subscriptions", "resourceGroups", "providers", "workspaces",
                                     "computes" };

/* The next segment of a path: *at stands on its slash and is moved behind it.  Empty at the end. */
static size_t next_segment(const char **at, const char **out_start)
{
    *out_start = *at + (**at == '/');
    size_t size = strcspn(*out_start, "/");
    *at = *out_start + size;
    return size;
}

static bool same_nocase(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && text_starts_nocase(text, word);
}

/* May these bytes be a name in an id?  What would change the meaning of a URL may not. */
static bool is_name(const char *text, size_t size)
{
    if (size == 0 || (size == 1 && text[0] == '.') || (size == 2 && memcmp(text, "..", 2) == 0))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F || strchr("?#%\\", text[i]))
            return false;
    return text_is_utf8(text, size);
}

static int malformed(const char *text, struct error *err)
{
    return error_set(
        err, ERROR_SYNTAX,
        "'%.200s' is not the id of a subscription, resource group, workspace or compute", text);
}

int resource_id_parse(const char *text, struct resource_id *out, struct error *err)
{
    struct resource_id id = { 0 };
    char **const fields[] = { &id.subscription, &id.group, &id.provider, &id.workspace,
                              &id.compute };
    static_assert(COUNT(fields) == COUNT(words), "a field for each word");
    int rc = 0;
    if (!text || strnlen(text, RESOURCE_ID_MAX + 1) > RESOURCE_ID_MAX || *text != '/')
        return malformed(text ? text : "", err);
    const char *at = text;
    for (size_t i = 0; rc == 0 && (i == 0 || (*at && strcmp(at, "/") != 0)); i++) {
        const char *segment;
        size_t size = next_segment(&at, &segment);
        if (i == COUNT(words) || !same_nocase(segment, size, words[i])) {
            rc = malformed(text, err);
            break;
        }
        size = next_segment(&at, &segment);
        bool provider = fields[i] == &id.provider;
        if (!is_name(segment, size) || (provider && !same_nocase(segment, size, ARM_PROVIDER)))
            rc = malformed(text, err);
        else if (!(*fields[i] = text_dup_size(segment, size)))
            rc = error_set(err, ERROR_NO_MEMORY, "a resource id: out of memory");
    }
    if (rc < 0) {
        resource_id_clear(&id);
        return rc;
    }
    *out = id;
    return 0;
}

void resource_id_clear(struct resource_id *id)
{
    if (!id)
        return;
    free(id->subscription);
    free(id->group);
    free(id->provider);
    free(id->workspace);
    free(id->compute);
    *id = (struct resource_id) { 0 };
}

void resource_id_compute(struct buffer *out, const char *subscription, const char *group,
                         const char *workspace, const char *compute)
{
    buffer_format(out,
                  "/subscriptions/%s/resourceGroups/%s/providers/" ARM_PROVIDER "/workspaces/%s",
                  subscription, group, workspace);
    if (compute)
        buffer_format(out, "/computes/%s", compute);
}

bool resource_id_contains(const char *ancestor, const char *scope)
{
    if (!ancestor || !scope || *ancestor != '/' || *scope != '/')
        return false;
    size_t size = strlen(ancestor);
    while (size > 0 && ancestor[size - 1] == '/')
        size--;
    for (size_t i = 0; i < size; i++) {
        char a = ancestor[i];
        char b = scope[i]; /* a shorter scope differs at its NUL */
        a = (char)(a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a);
        b = (char)(b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
        if (a != b)
            return false;
    }
    return scope[size] == '\0' || scope[size] == '/';
}
