/* url.h - the URLs that a plane names: whose host they are of, and what of them is asked for.
 * The path and the query are never rewritten: a query may carry a signature. */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include <stdbool.h>

#include "base/error.h"

/* Does it name a scheme ("https://…")? */
bool url_is_absolute(const char *url);

/* "https://host:443": scheme and host in lower case, the port always said.  *out is the caller's to
 * free(). ERROR_SYNTAX for anything but http and https, user information, no host, or a character
 * that no host has. */
int url_origin(const char *url, char **out, struct error *err);

/* The path and query of an absolute URL, or the whole of a relative one, as it stands there; NULL
 * when it does not start with a '/'.  Borrowed from `url`. */
const char *url_target(const char *url);

/* Copy of a URL or target in which blanks and bytes that a request line cannot carry are
 * percent-encoded and nothing else is touched.  *out is the caller's to free().  ERROR_SYNTAX for
 * control characters and '#', ERROR_TOO_LARGE beyond HTTP_TARGET_MAX. */
int url_clean(const char *url, char **out, struct error *err);

/* May a secret travel there: https, this machine itself, or NULL (a Unix socket, an embedded
 * plane)? */
bool url_origin_is_private(const char *origin);

#endif
