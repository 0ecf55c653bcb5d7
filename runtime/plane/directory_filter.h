/* directory_filter.h - the part of OData's $filter that Graph's clients use on principals:
 * eq, in, startsWith, servicePrincipalNames/any, joined by and, or and parentheses. */
#ifndef PLANE_DIRECTORY_FILTER_H
#define PLANE_DIRECTORY_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define DIRECTORY_FILTER_NAMES_MAX 1000 /* literals of one filter */
#define DIRECTORY_FILTER_NODES_MAX 64   /* conditions, and words between them */

enum directory_field {
    DIRECTORY_FIELD_ID,
    DIRECTORY_FIELD_UPN,          /* userPrincipalName, mail */
    DIRECTORY_FIELD_DISPLAY_NAME, /* displayName */
    DIRECTORY_FIELD_APP_ID,       /* appId, servicePrincipalNames */
    DIRECTORY_FIELDS,
};

/* What a filter looks at; NULL: it has none. */
struct directory_entry {
    const char *values[DIRECTORY_FIELDS];
};

struct directory_filter;

/* *out is the caller's.  ERROR_SYNTAX for what is none of the above, and for a field that is not
 * known; ERROR_NO_MEMORY. */
int directory_filter_read(const char *text, struct directory_filter **out);
void directory_filter_free(struct directory_filter *filter); /* NULL is fine */

/* Values compare case-folded. */
bool directory_filter_passes(const struct directory_filter *filter,
                             const struct directory_entry *entry);

/* Is all of it one field that equals one of some names?  Then an index finds them.  The names are
 * borrowed from the filter. */
bool directory_filter_is_names(const struct directory_filter *filter,
                               enum directory_field *out_field, char *const **out_names,
                               size_t *out_count);

#endif
