/* url.c - see url.h.  Strict on purpose: what we and libcurl could read differently is refused. */
#include "client/url.h"

#include "base/buffer.h"
#include "base/text.h"
#include "net/http.h"

#define HOST_MAX 255

bool url_is_absolute(const char *url)
{
    return strstr(url, "://") != NULL && url[0] != '/';
}

/* Just behind "scheme://", or NULL. */
static const char *authority_of(const char *url, bool *out_tls)
{
    *out_tls = text_starts_nocase(url, "https://");
    if (*out_tls)
        return url + strlen("https://");
    return text_starts_nocase(url, "http://") ? url + strlen("http://") : NULL;
}

static size_t authority_size(const char *authority)
{
    return strcspn(authority, "/?#");
}

/* Splits "host:port" or "[::1]:port"; *out_port stays as it is when there is none. */
static int split_port(char *host, int64_t *out_port)
{
    char *bracket = strchr(host, ']');
    char *colon = strchr(bracket ? bracket : host, ':');
    if ((host[0] == '[') != (bracket != NULL) || (bracket && bracket[1] && bracket + 1 != colon))
        return ERROR_SYNTAX;
    if (!colon)
        return 0;
    *colon = '\0';
    return text_to_int64(colon + 1, 1, 65535, out_port);
}

int url_origin(const char *url, char **out, struct error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-._:[]";
    bool tls = false;
    const char *authority = authority_of(url, &tls);
    if (!authority)
        return error_set(err, ERROR_SYNTAX, "%.200s is not an http or https URL", url);
    size_t size = authority_size(authority);
    char host[HOST_MAX + 1];
    if (size == 0 || size > HOST_MAX)
        return error_set(err, ERROR_SYNTAX, "%.200s names no host", url);
    memcpy(host, authority, size);
    host[size] = '\0';
    text_lower(host);
    int64_t port = tls ? 443 : 80;
    if (host[strspn(host, allowed)] != '\0' || split_port(host, &port) < 0 || host[0] == '\0')
        return error_set(err, ERROR_SYNTAX, "%.200s has a host that cannot be right", url);
    char *origin = text_format("%s://%s:%d", tls ? "https" : "http", host, (int)port);
    if (!origin)
        return error_set(err, ERROR_NO_MEMORY, "out of memory");
    *out = origin;
    return 0;
}

const char *url_target(const char *url)
{
    bool tls = false;
    const char *authority = authority_of(url, &tls);
    const char *target = authority ? authority + authority_size(authority) : url;
    return target && target[0] == '/' && target[1] != '/' ? target : NULL;
}

int url_clean(const char *url, char **out, struct error *err)
{
    struct buffer clean = { .max = HTTP_TARGET_MAX };
    for (const char *c = url; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f || byte == '#') {
            buffer_clear(&clean);
            return error_set(err, ERROR_SYNTAX, "a URL with the byte 0x%02x in it", byte);
        }
        if (byte > 0x7f || strchr(" \"<>\\^`{|}", byte))
            buffer_format(&clean, "%%%02X", byte);
        else
            buffer_char(&clean, *c);
    }
    return buffer_detach(&clean, out, NULL, err);
}

bool url_origin_is_private(const char *origin)
{
    return !origin || text_starts(origin, "https://") || text_starts(origin, "http://127.0.0.1:") ||
           text_starts(origin, "http://localhost:") || text_starts(origin, "http://[::1]:");
}
