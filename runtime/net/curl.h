/* curl.h - libcurl, loaded when it is first needed.
 *
 * Loading it takes longer than most commands run (it brings thirty other libraries), and a recipe's
 * child, a container's first process or `--version` never ask anything over a network.  So it is no
 * dependency of the program file: the functions are looked up at run time, with libcurl's own
 * types. */
#ifndef NET_CURL_H
#define NET_CURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/error.h"

#define CURL_FUNCTIONS(each)                                                                       \
    each(global_init) each(global_cleanup) each(easy_init) each(easy_cleanup) each(easy_reset)     \
        each(easy_setopt) each(easy_getinfo) each(easy_strerror) each(slist_append)                \
            each(slist_free_all) each(multi_init) each(multi_cleanup) each(multi_setopt)           \
                each(multi_add_handle) each(multi_remove_handle) each(multi_socket_action)         \
                    each(multi_info_read) each(multi_assign) each(version)

/* `curl->easy_init()` is curl_easy_init(), and so on. */
struct curl {
#define CURL_MEMBER(name) __typeof__(curl_##name) *(name);
    CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* Loads and initializes libcurl; curl_release() once for each success.  The library itself stays
 * loaded: OpenSSL does not survive being unloaded.  ERROR_UNAVAILABLE when it is not installed. */
int curl_load(struct curl *out, struct error *err);
void curl_release(const struct curl *curl);

#endif
