/* scope.c - scopes into segments. */
#include "rbac/scope.h"

#include <string.h>

#include "rbac/fold.h"

bool rbac_scope_read(struct rbac_scope *out, const char *scope)
{
    size_t size = strnlen(scope, RBAC_SCOPE_MAX + 1);
    if (size == 0 || size > RBAC_SCOPE_MAX || scope[0] != '/')
        return false;
    out->count = 0;
    out->size = 0;
    out->ends[0] = 0;
    out->hashes[0] = FOLD_SEED;
    const char *end = scope + size;
    for (const char *at = scope; at < end;) {
        if (*at == '/') {
            at++;
            continue;
        }
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t segment = (size_t)((slash ? slash : end) - at);
        if (out->count == RBAC_SEGMENTS_MAX)
            return false;
        uint64_t hash = out->hashes[out->count++];
        out->text[out->size++] = '/';
        out->hashes[out->count] = fold_text(out->text + out->size, at, segment, hash);
        out->size += segment;
        out->ends[out->count] = (uint16_t)out->size;
        at += segment;
    }
    return true;
}

bool rbac_scope_covers(const char *above, const char *below)
{
    struct rbac_scope high;
    struct rbac_scope low;
    if (!rbac_scope_read(&high, above) || !rbac_scope_read(&low, below))
        return false;
    return high.count <= low.count && low.ends[high.count] == high.size &&
           memcmp(high.text, low.text, high.size) == 0;
}
