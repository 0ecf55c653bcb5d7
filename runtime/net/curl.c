/* curl.c - see curl.h. */
#include "net/curl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

#define LIBRARY "libcurl.so.4" /* the name of its ABI since 2006 */

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define CURL_ROW(name) { "curl_" #name, offsetof(struct curl, name) },
    CURL_FUNCTIONS(CURL_ROW)
#undef CURL_ROW
};

int curl_load(struct curl *out, struct error *err)
{
    struct curl found;
    void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return error_set(err, ERROR_UNAVAILABLE, "libcurl cannot be loaded: %s", dlerror());
    for (size_t i = 0; i < COUNT(functions); i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function)
            return error_set(err, ERROR_UNAVAILABLE, "%s has no %s()", LIBRARY, functions[i].name);
        /* C has no cast from an object's pointer to a function's; POSIX says they look the same */
        memcpy((char *)&found + functions[i].offset, &function, sizeof function);
    }
    if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counts its calls */
        return error_set(err, ERROR_NO_MEMORY, "libcurl cannot be initialized");
    *out = found;
    return 0;
}

void curl_release(const struct curl *curl)
{
    curl->global_cleanup();
}
