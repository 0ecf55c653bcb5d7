/* http.c - requests and responses as values, and the percent-encoding of their targets. */
#include "net/http.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define HEADERS_GROW 8
#define HEADER_TEXT_MAX ((size_t)64 << 10) /* one name or value */

static const char *const method_names[HTTP_METHODS] = {
    [HTTP_GET] = "GET",   [HTTP_HEAD] = "HEAD",   [HTTP_PUT] = "PUT",
    [HTTP_POST] = "POST", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
};

const char *http_method_name(enum http_method method)
{
    assert((unsigned)method < HTTP_METHODS);
    return method_names[method];
}

int http_method_parse(const char *text, enum http_method *out)
{
    for (size_t i = 0; text && i < HTTP_METHODS; i++) {
        if (text_equal(text, method_names[i])) {
            *out = (enum http_method)i;
            return 0;
        }
    }
    return ERROR_SYNTAX;
}

/* ---- headers ---- */

const char *http_header_get(const struct http_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (text_equal_nocase(headers->items[i].name, name))
            return headers->items[i].value;
    }
    return NULL;
}

/* RFC 9110's token: what a header's name may be made of. */
static bool is_token(const char *name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    if (!*name)
        return false;
    for (const char *p = name; *p; p++) {
        bool alnum =
            (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
        if (!alnum && !strchr(marks, *p))
            return false;
    }
    return true;
}

/* Makes room for one more; the array grows in steps, so `count` tells how much there is. */
static int headers_grow(struct http_headers *headers)
{
    if (headers->count % HEADERS_GROW != 0)
        return 0;
    size_t capacity = headers->count + HEADERS_GROW;
    struct http_header *items = realloc(headers->items, capacity * sizeof *items);
    if (!items)
        return ERROR_NO_MEMORY;
    headers->items = items;
    return 0;
}

int http_header_add(struct http_headers *headers, const char *name, const char *value)
{
    if (!is_token(name) || strpbrk(value, "\r\n"))
        return ERROR_INVALID;
    if (headers->count >= HTTP_HEADERS_MAX || strlen(name) > HEADER_TEXT_MAX ||
        strlen(value) > HEADER_TEXT_MAX)
        return ERROR_TOO_LARGE;
    struct http_header header = { strdup(name), strdup(value) };
    if (!header.name || !header.value || headers_grow(headers) < 0) {
        free(header.name);
        free(header.value);
        return ERROR_NO_MEMORY;
    }
    headers->items[headers->count++] = header;
    return 0;
}

int http_header_format(struct http_headers *headers, const char *name, const char *format, ...)
{
    char *value = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&value, format, args);
    va_end(args);
    if (size < 0)
        return ERROR_NO_MEMORY;
    int rc = http_header_add(headers, name, value);
    free(value);
    return rc;
}

void http_headers_clear(struct http_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        free(headers->items[i].name);
        free(headers->items[i].value);
    }
    free(headers->items);
    *headers = (struct http_headers) { 0 };
}

void http_request_clear(struct http_request *request)
{
    free(request->target);
    http_headers_clear(&request->headers);
    buffer_clear(&request->body);
    *request = (struct http_request) { 0 };
}

void http_response_clear(struct http_response *response)
{
    http_headers_clear(&response->headers);
    buffer_clear(&response->body);
    *response = (struct http_response) { 0 };
}

/* ---- targets ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes `size` bytes into a string of its own.  ERROR_SYNTAX: a bad escape, a control character
 * or blank as it stands, an escaped NUL, a result that is not UTF-8. */
static int decode(const char *text, size_t size, char **out)
{
    char *decoded = malloc(size + 1);
    if (!decoded)
        return ERROR_NO_MEMORY;
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == 0x7f)
            goto bad;
        if (c == '%') {
            int high = size - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = size - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                goto bad;
            c = (unsigned char)(high * 16 + low);
            i += 2;
        }
        decoded[length++] = (char)c;
    }
    decoded[length] = '\0';
    if (!text_is_utf8(decoded, length))
        goto bad;
    *out = decoded;
    return 0;
bad:
    free(decoded);
    return ERROR_SYNTAX;
}

/* An escaped slash would become a border between segments when it is decoded: refused. */
static bool has_escaped_slash(const char *text, size_t size)
{
    for (size_t i = 0; i + 2 < size; i++) {
        if (text[i] == '%' && text[i + 1] == '2' && (text[i + 2] == 'f' || text[i + 2] == 'F'))
            return true;
    }
    return false;
}

/* No empty segment but the last, no "." and no "..". */
static bool segments_are_plain(const char *path)
{
    for (const char *p = path; *p == '/';) {
        const char *segment = ++p;
        p += strcspn(p, "/");
        size_t size = (size_t)(p - segment);
        if (size == 0 && *p)
            return false;
        if ((size == 1 && segment[0] == '.') ||
            (size == 2 && segment[0] == '.' && segment[1] == '.'))
            return false;
    }
    return true;
}

/* 0 when all of a query can be decoded.  Otherwise a parameter of it would count as not there, and a
 * list that was asked for some would give all. */
static int check_query(const char *query, size_t size)
{
    char *decoded = NULL;
    int rc = decode(query, size, &decoded);
    free(decoded);
    return rc;
}

int http_target_split(const char *target, char **out_path, const char **out_query,
                      struct error *err)
{
    size_t length = strlen(target);
    if (length > HTTP_TARGET_MAX)
        return error_set(err, ERROR_TOO_LARGE, "the request target is longer than %zu bytes",
                         HTTP_TARGET_MAX);
    const char *mark = memchr(target, '?', length);
    size_t size = mark ? (size_t)(mark - target) : length;
    char *path = NULL;
    int rc = ERROR_SYNTAX;
    if (target[0] == '/' && !memchr(target, '#', length) && !has_escaped_slash(target, size))
        rc = decode(target, size, &path);
    if (rc == 0 && !segments_are_plain(path))
        rc = ERROR_SYNTAX;
    if (rc == 0 && mark)
        rc = check_query(mark + 1, length - size - 1);
    if (rc < 0) {
        free(path);
        return error_set(err, rc,
                         rc == ERROR_SYNTAX ? "the request target is malformed" : "no memory");
    }
    *out_path = path;
    *out_query = mark ? mark + 1 : target + length;
    return 0;
}

/* Is this raw text, once decoded, `name` in any case?  No allocation: a query is asked often. */
static bool name_matches(const char *text, size_t size, const char *name)
{
    size_t at = 0;
    for (; at < size && *name; name++) {
        unsigned char c = (unsigned char)text[at++];
        if (c == '%' && at + 1 < size && hex_digit(text[at]) >= 0 && hex_digit(text[at + 1]) >= 0) {
            c = (unsigned char)(hex_digit(text[at]) * 16 + hex_digit(text[at + 1]));
            at += 2;
        }
        char a[2] = { (char)c, '\0' }, b[2] = { *name, '\0' };
        if (!text_equal_nocase(a, b))
            return false;
    }
    return at == size && !*name;
}

char *http_query_get(const char *query, const char *name)
{
    for (const char *p = query; p && *p;) {
        size_t size = strcspn(p, "&");
        const char *mark = memchr(p, '=', size);
        size_t name_size = mark ? (size_t)(mark - p) : size;
        if (name_matches(p, name_size, name)) {
            const char *value = mark ? mark + 1 : p + size;
            char *decoded = NULL;
            (void)decode(value, (size_t)(p + size - value), &decoded); /* malformed: not there */
            return decoded;
        }
        p += size;
        p += *p == '&';
    }
    return NULL;
}

void http_encode(struct buffer *out, const char *text, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
        if (plain) {
            buffer_char(out, (char)c);
        } else {
            const char escaped[3] = { '%', hex[c >> 4], hex[c & 15] };
            buffer_append(out, escaped, sizeof escaped);
        }
    }
}
