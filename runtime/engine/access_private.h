/* access_private.h - the inside of what is known about access: access_load.c asks for it, access.c
 * answers from it. */
#ifndef ENGINE_ACCESS_PRIVATE_H
#define ENGINE_ACCESS_PRIVATE_H

#include <uthash.h>

#include "base/error.h"
#include "engine/access.h"

/* Stands for the caller where the directory does not say who that is. */
#define ACCESS_CALLER_WORD "caller"

/* One that an assignment, a group or a request names. */
struct principal {
    char *id;   /* lower case */
    char *name; /* as access_name() tells it; NULL: not known */
    bool is_group;
    bool members_asked, members_known;
    struct principal **members; /* of the group itself; borrowed */
    size_t member_count, member_capacity;
    unsigned mark; /* for walks */
    UT_hash_handle hh;
};

struct access {
    char *caller; /* NULL: not known */
    unsigned unknown;
    char reason[ERROR_MESSAGE_SIZE];
    cJSON *roles, *assignments, *denies; /* arrays */
    cJSON *own;                          /* {scope: permissions}: of the caller, when asked */
    struct principal *principals;        /* uthash by id */
    char **parents; /* pairs: a subscription, and a management group above it; owned */
    size_t parent_count;
    struct rbac_policy *policy;
    unsigned mark;
};

/* The one with that id, made when it is new; NULL: no memory. */
struct principal *access_principal(struct access *access, const char *id);
struct principal *access_principal_find(const struct access *access, const char *id);

/* Last segment of an id. */
const char *access_last(const char *id);

#endif
