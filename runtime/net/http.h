/* http.h - one request and one response, as values: what a transport carries, what the plane
 * answers. Client, server and embedded plane all speak in these. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

#define HTTP_BODY_MAX ((size_t)8 << 20)   /* a request's body (ARM's own limit: FACTS, section 5) */
#define HTTP_REPLY_MAX ((size_t)64 << 20) /* a reply's body */
#define HTTP_HEADERS_MAX 64
#define HTTP_TARGET_MAX ((size_t)16 << 10)

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_PUT,
    HTTP_POST,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_METHODS
};

const char *http_method_name(enum http_method method);          /* "GET" */
int http_method_parse(const char *text, enum http_method *out); /* ERROR_SYNTAX */

struct http_header {
    char *name;  /* owned; as it was sent; compares case-folded */
    char *value; /* owned; no CR, LF, NUL */
};

struct http_headers {
    struct http_header *items;
    size_t count;
};

/* The first value, or NULL. */
const char *http_header_get(const struct http_headers *headers, const char *name);
/* Adds a copy; ERROR_INVALID for CR, LF, or an empty name, ERROR_TOO_LARGE, ERROR_NO_MEMORY. */
int http_header_add(struct http_headers *headers, const char *name, const char *value);
int http_header_format(struct http_headers *headers, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void http_headers_clear(struct http_headers *headers);

struct http_request {
    enum http_method method;
    char *target; /* owned; path and query as sent, percent-encoded: "/a/b?c=d" */
    struct http_headers headers;
    struct buffer body;
};

struct http_response {
    int status;
    struct http_headers headers;
    struct buffer body;
};

void http_request_clear(struct http_request *request);
void http_response_clear(struct http_response *response);

/* Splits a target: the decoded path, and the raw query ("" when none) as a pointer into `target`.
 * *out_path is the caller's.  ERROR_SYNTAX for a bad escape, NUL, "#" or what is not UTF-8 in either,
 * and for an escaped slash, "//", "." or ".." segments in the path; ERROR_TOO_LARGE. */
int http_target_split(const char *target, char **out_path, const char **out_query,
                      struct error *err);
/* The decoded value of a query parameter (names decoded and case-folded, "+" is a plus); NULL when
 * it is not there or malformed; the caller frees. */
char *http_query_get(const char *query, const char *name);
/* Percent-encodes everything but unreserved characters (and "/" when `keep_slash`). */
void http_encode(struct buffer *out, const char *text, bool keep_slash);

#endif
