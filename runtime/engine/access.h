/* access.h - who may do what at some scopes, as the plane tells it: role definitions, role
 * assignments, deny assignments and the members of the groups that they name, made into one
 * rbac_policy.
 *
 * Few requests: three lists a scope, one for each group that is named (and each group in it), one
 * for each thousand names; never one a person.  What the caller may not read (403) is *unknown*,
 * never a failure; what the caller itself may do is then asked of the plane (`permissions`). */
#ifndef ENGINE_ACCESS_H
#define ENGINE_ACCESS_H

#include "base/json.h"
#include "client/directory.h"
#include "rbac/words.h"

struct access;
struct access_loading;

struct access_request {
    const char *const *scopes; /* what is in force at them, and below; copied */
    size_t scope_count;
    const char *const *groups; /* object ids of further groups whose members count; copied */
    size_t group_count;
    const char *const *principals; /* further object ids whose names are wanted; copied */
    size_t principal_count;
    const char *graph_url, *graph_token; /* as in struct directory; borrowed until the end */
};

/* The end, from the loop, once.  `rc` 0: `access` is the receiver's. */
typedef void access_done_fn(int rc, struct access *access, const struct error *err, void *arg);

/* Starts asking.  *out (may be NULL) is valid until the callback. */
int access_load(struct arm_client *client, const struct access_request *request,
                access_done_fn *done, void *arg, struct access_loading **out, struct error *err);
void access_cancel(struct access_loading *loading); /* without its callback; NULL is fine */

/* The same, running the loop until it is there.  *out is the caller's. */
int access_load_wait(struct arm_client *client, const struct access_request *request,
                     struct access **out, struct error *err);

void access_free(struct access *access); /* NULL is fine */

/* ---- what is known ---- */

enum access_part {
    ACCESS_ROLES = 1,       /* then only the built-in roles are known */
    ACCESS_ASSIGNMENTS = 2, /* who has which role */
    ACCESS_DENIES = 4,
    ACCESS_MEMBERS = 8, /* of some group */
    ACCESS_NAMES = 16,  /* of principals */
    ACCESS_CALLER = 32, /* what the caller may do, when ACCESS_ASSIGNMENTS is unknown too */
};
/* The parts that the plane did not tell. */
unsigned access_unknown(const struct access *access);
/* Why not, as the plane said it (of who has which role, when that is among them): a sentence; ""
 * when everything is known. */
const char *access_unknown_reason(const struct access *access);

/* The caller's object id (whom it acts as); a word that is no id when the directory does not tell:
 * it can be asked about all the same. */
const char *access_caller(const struct access *access);

/* All that was told, compiled. */
const struct rbac_policy *access_policy(const struct access *access);

/* Does this role id stand for what the plane itself said that the caller may do?  Such a role is
 * nobody's, and its assignment was made here. */
bool access_role_is_own(const char *role_id);

/* As they came, arrays of resources; each one once. */
const cJSON *access_roles(const struct access *access); /* the built-in ones when unknown */
const cJSON *access_assignments(const struct access *access);

/* ---- answers ---- */

enum access_answer { ACCESS_DENIED, ACCESS_ALLOWED, ACCESS_CONDITIONAL, ACCESS_UNKNOWN };
const char *access_answer_name(enum access_answer answer); /* "denied" */

/* rbac_decide(), and *unknown* where what is not known could turn a no into a yes.  `scope` must be
 * one of the request's or below one. */
enum access_answer access_decide(const struct access *access, const char *principal_id,
                                 const char *action, const char *scope, bool data_action);
/* The same of a verdict that came otherwise (another policy, rbac_explain()). */
enum access_answer access_answer_of(const struct access *access, enum rbac_verdict verdict,
                                    const char *principal_id, const char *scope);

/* ---- names ---- */

/* "ada@example.com", "group data-scientists", "service principal automation"; NULL: not known. */
const char *access_name(const struct access *access, const char *principal_id);
struct rbac_naming access_naming(const struct access *access); /* borrows `access` */

/* How many members the group has that are no groups, by way of others too; -1: not known. */
int access_group_size(const struct access *access, const char *group_id);

/* Is `principal_id` this one, or a group that has it, by way of others too? */
bool access_includes(const struct access *access, const char *principal_id, const char *who_id);

/* The role definition of that name, GUID or id, in any case, of a list of them (access_roles(), or
 * a reply's "value").  ERROR_NOT_FOUND tells what is near; ERROR_CONFLICT when two are called so. */
int access_find_role(const cJSON *roles, const char *name, const cJSON **out, struct error *err);

/* ---- what if ---- */

/* Is this assignment (a resource as it came) left out? */
typedef bool access_skip_fn(const cJSON *resource, void *arg);

/* A policy of the same, not compiled, without the roles and assignments that `skip` (may be NULL)
 * leaves out: the caller adds what would be there, compiles it and frees it. */
int access_copy(const struct access *access, access_skip_fn *skip, void *arg,
                struct rbac_policy **out, struct error *err);

#endif
