/* access.h - what the handlers of Microsoft.Authorization share: filters, scopes, pages. */
#ifndef PLANE_ACCESS_H
#define PLANE_ACCESS_H

#include "plane/plane_private.h"

#define ACCESS_TEXT_MAX 512 /* bytes of a filter's literal */

/* Terms of $filter, joined by "and": FACTS, section 10, and the schema's own descriptions. */
enum access_term {
    ACCESS_AT_SCOPE,           /* atScope(): at the scope or above */
    ACCESS_AT_SCOPE_AND_BELOW, /* atScopeAndBelow() */
    ACCESS_ASSIGNED_TO,        /* assignedTo('ID'): the principal's own, and its groups' */
    ACCESS_PRINCIPAL,          /* principalId eq 'ID'; the quotes may be missing */
    ACCESS_ROLE_NAME,          /* roleName eq 'NAME' */
    ACCESS_TYPE,               /* type eq 'CustomRole' */
    ACCESS_DENY_NAME,          /* denyAssignmentName eq 'NAME' */
    ACCESS_TERMS
};

struct access_filter {
    bool set[ACCESS_TERMS];
    char texts[ACCESS_TERMS][ACCESS_TEXT_MAX + 1];
};

/* Reads the call's $filter; `allowed` has a bit (1 << term) for each term that this list knows.
 * False with the error answered. */
bool access_filter_read(struct call *call, unsigned allowed, struct access_filter *out);
/* The same of a text, without a word about what is wrong. */
bool access_filter_parse(const char *text, unsigned allowed, struct access_filter *out);
/* The literal of a term; NULL when the filter has no such term.  Borrowed. */
const char *access_filter_text(const struct access_filter *filter, enum access_term term);

/* Is there what the path's scope names?  False with the error answered.  Of a workspace's children
 * nothing is asked, as the service asks only for what ARM itself keeps a list of. */
bool access_scope_exists(struct call *call);

/* Are two texts the same scope? */
bool access_same_scope(const char *a, const char *b);

/* The GUID at the end of an id, or of itself: "…/roleDefinitions/GUID".  Borrowed. */
const char *access_guid(const char *id);

/* Role assignments at the scope and below go with it. */
int access_scope_gone(struct plane *plane, const char *scope, struct error *err);

/* Answers a tree as one entry of a list; `tree` is taken. */
void access_list_item(struct call *call, cJSON *tree);

/* The next page of a list with $filter and $skipToken; the caller's. */
char *access_next_link(const struct call *call, int64_t key);
/* The key after which the page begins; false with the error answered. */
bool access_skip(struct call *call, int64_t *out_key);

#endif
