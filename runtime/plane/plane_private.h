/* plane_private.h - what the parts of the plane share.  For files of plane/ only. */
#ifndef PLANE_PLANE_PRIVATE_H
#define PLANE_PLANE_PRIVATE_H

#include <uthash.h>

#include "base/json.h"
#include "base/random.h"
#include "plane/plane.h"
#include "plane/router.h"
#include "plane/store.h"
#include "rbac/decide.h"
#include "rbac/scope.h"

#define PLANE_TYPE_WORKSPACE "Microsoft.MachineLearningServices/workspaces"
#define PLANE_TYPE_COMPUTE "Microsoft.MachineLearningServices/workspaces/computes"
#define PLANE_PAGE_MAX 1000                    /* entries of a list reply */
#define PLANE_PAGE_BYTES_MAX ((size_t)6 << 20) /* of its bodies: ARM's replies end at 8 MiB */
#define PLANE_BODY_MAX ((size_t)4 << 20)       /* a request: one must fit into a list's page */
#define PLANE_WAITERS_MAX 100000               /* status requests that are held at once */
#define PLANE_WAIT_MAX_S 60                    /* `Prefer: wait`: ARM's own limit for a reply */
#define REGION_MAX 64
#define PLANE_OPERATION_KEPT_MS ((int64_t)24 * 3600 * 1000)

struct operation;
struct audit_denial;

struct plane {
    struct loop *loop;
    struct driver *driver;
    const struct log *log;
    char *data_folder; /* NULL: in memory */
    char *base_url;
    char *driver_reason;
    void (*stop)(void *arg);
    void *stop_arg;
    struct loop_timer *stopping; /* the stop that was asked for */
    struct store *store;
    struct router *router;
    struct rbac_policy *policy;   /* authorization_policy()'s; NULL: to be built */
    struct audit_denial *denials; /* told lately, by digest: see audit.c */
    size_t denials_repeated;      /* of them, those whose count is not written yet */
    char *owner_id, *owner_name, *tenant_id, *location; /* of the seed; `location` is its first */
    char *locations_text;                               /* "westeurope, northeurope" */
    char region[REGION_MAX + 1];                        /* `location` in capitals */
    struct uuid_pool request_ids;
    char routing[REGION_MAX + 24 + UUID_TEXT_SIZE]; /* the last x-ms-routing-request-id, … */
    size_t routing_size;                            /* … up to its uuid, … */
    int64_t routing_s;                              /* … and of which second it is */
    int64_t started_unix_ms;

    struct exchange *exchanges; /* every answer that is owed, by ticket */
    struct exchange *ready; /* answers that go out when this turn's writes are durable, in order */
    uint64_t next_ticket;
    bool flush_posted;
    size_t waiters;

    char trouble[ERROR_MESSAGE_SIZE]; /* plane_trouble()'s last; "": none */

    struct operation *operations; /* in flight, by id */
    struct operation *changed;    /* those that this turn's transaction began or ended */
    struct loop_timer *retry;     /* for ends of operations that could not be made durable */
};

/* One answer that is owed. */
struct exchange {
    struct plane *plane;
    uint64_t ticket;
    plane_respond_fn *respond;
    void *arg;
    struct http_response response;
    bool queued;                  /* in plane->ready */
    struct operation *operation;  /* held until it ends; NULL: not held */
    bool wants_result;            /* held: asked by its Location, not its status */
    char *base_url;               /* held: the call's */
    char api_version[40];         /* likewise */
    struct loop_timer *timer;     /* … or until this fires */
    struct exchange *prev, *next; /* in plane->ready, or among the operation's waiters */
    UT_hash_handle hh;
};

/* One request while its handler runs. */
struct call {
    struct plane *plane;
    const struct http_request *request;
    const char *self;   /* object id of who asks */
    const char *caller; /* … and as whom: the same one but for an owner in disguise */
    const struct route *route;
    struct route_params params;
    char scope[RBAC_SCOPE_MAX + 2]; /* where the right is needed; a too long one is no scope */
    char code[ERROR_NAME_SIZE];     /* of the error answered; "": none */
    const char *query;              /* raw; never NULL */
    const char *api_version;        /* NULL when the route has none */
    char *base_url;                 /* "http://host": nextLink, Location, … */
    struct exchange *exchange;
    struct http_response *response; /* the exchange's: what the handler fills */
    cJSON *body;                    /* call_body() */
};

/* ---- answers (answer.c) ---- */

/* Status and JSON body; `text` is copied. */
void answer_text(struct call *call, int status, const char *text, size_t size);
/* The same from a tree, which is taken; NULL: 500. */
void answer_json(struct call *call, int status, cJSON *tree);
void answer_empty(struct call *call, int status);
/* ARM's error body. */
void answer_error(struct call *call, int status, const char *code, const char *target,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A failure of our own: 500, and a line in the log. */
void answer_failure(struct call *call, const struct error *err);
/* ARM's 404 of a subscription, resource group, workspace or compute of the path: the first that is
 * missing. */
void answer_missing(struct call *call);
/* The request's body as an object; NULL when it is not one, with the error answered.  The call's.
 */
const cJSON *call_body(struct call *call);
void answer_header(struct call *call, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Lists: "{"value":[" … , then rows, then the end. */
void answer_list_begin(struct call *call);
void answer_list_item(struct call *call, const char *text, size_t size);
void answer_list_end(struct call *call, const char *next_link);

/* ---- plane.c ---- */

/* Sees to it that the answers and writes of this turn are finished at its end. */
void plane_flush_later(struct plane *plane);
/* Logs a failure that every write meets (a full disk) once, and its end (NULL) too. */
void plane_trouble(struct plane *plane, const struct error *why);
/* Gives an answer to the end of the turn. */
void exchange_ready(struct exchange *exchange);
int64_t plane_unix_ms(const struct plane *plane);
/* Now, as the service writes times. */
void plane_time(const struct plane *plane, char out[TIME_TEXT_SIZE]);

/* ---- authorization.c: the one place that decides ---- */

/* May `principal` do `action` at `scope`?  A right that depends on a condition is none: this plane
 * evaluates no conditions.  False also when the policy cannot be built. */
bool authorization_allows(struct plane *plane, const char *principal, const char *action,
                          const char *scope);
/* Who may do what, as the store says now.  Borrowed, until the next change; NULL: `err` tells. */
const struct rbac_policy *authorization_policy(struct plane *plane, struct error *err);
/* Call it after each write of role definitions, role assignments, deny assignments, principals or
 * memberships: the next decision then sees it. */
void authorization_changed(struct plane *plane);
/* When a plane opens: sees to it that its owner is Owner at "/". */
int authorization_open(struct plane *plane, struct error *err);
/* Is that the assignment that authorization_open() sees to? */
bool authorization_is_owners(const struct plane *plane, const char *scope, const char *principal,
                             const char *role);

/* May the call's caller call its route?  False with the refusal answered: before anything is
 * revealed, also of what does not exist. */
bool authorization_admit(struct call *call);
/* Needs the call this further right too?  The same, for another action and scope. */
bool authorization_require(struct call *call, const char *action, const char *scope);
/* ARM's 403. */
void authorization_refuse(struct call *call, const char *action, const char *scope);
/* Of a list that spans scopes: may the caller see the entry at this scope? */
bool authorization_sees(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Has the caller any role at the scope or below it? */
bool authorization_touches(struct call *call, const char *scope);

/* ---- inside.c: beyond RBAC, who may use the inside of an instance ---- */

/* Applications, terminals, commands (`inside_admits`) and the logs of setup scripts
 * (`inside_admits_logs`) of the compute of the path, which exists; the route's own action was
 * checked before.  False with the refusal answered. */
bool inside_admits(struct call *call);
bool inside_admits_logs(struct call *call);

/* ---- seed.c ---- */

int seed_load(struct plane *plane, const char *text, struct error *err);
/* Reads what the plane keeps at hand (owner, tenant, locations). */
int seed_settings(struct plane *plane, struct error *err);
/* "West Europe" → "westeurope"; the caller frees. */
char *location_normal(const char *text);
bool location_known(struct plane *plane, const char *normal);

/* ---- groups.c, workspaces.c ---- */

/* Reply bodies of new ones; the caller's. */
cJSON *subscription_body(const char *id, const char *name, const char *tenant);
cJSON *group_body(const char *subscription, const char *name, const char *location,
                  const cJSON *tags);
cJSON *workspace_body(struct plane *plane, const char *subscription, const char *group,
                      const char *name, const char *location, const cJSON *request);
/* False also when the store cannot be read: answer_missing() finds that out. */
bool subscription_exists(struct plane *plane, const char *subscription);
bool group_exists(struct plane *plane, const char *subscription, const char *group);

struct workspace {
    int64_t key;
    char *name, *group, *subscription, *location; /* as they were created */
};
/* ERROR_NOT_FOUND without a text, or a failure.  Clear it in any case. */
int workspace_load(struct plane *plane, const struct route_params *params, struct workspace *out,
                   struct error *err);
void workspace_clear(struct workspace *workspace);

/* Tags of a request: true, or false with the error answered. */
bool tags_acceptable(struct call *call, const cJSON *tags);

/* ---- handlers ---- */

route_handler_fn tenants_list, subscriptions_list, subscription_get, locations_list, groups_list,
    group_get, group_head, group_put, group_delete;
route_handler_fn workspaces_list, workspaces_list_all, workspace_get, workspace_put,
    workspace_delete, workspace_patch, workspace_check_name;
route_handler_fn compute_list, compute_get, compute_put, compute_patch, compute_delete,
    compute_start, compute_stop, compute_restart, compute_idle, compute_list_nodes,
    compute_list_keys;
route_handler_fn operation_status, operation_result;
route_handler_fn vm_sizes_list, usages_list, quotas_list, quotas_update;
route_handler_fn directory_me, directory_users, directory_user, directory_groups, directory_group,
    directory_members, directory_transitive_members, directory_service_principals,
    directory_service_principal, directory_by_ids;
route_handler_fn directory_member_of_user, directory_member_of_group,
    directory_member_of_service_principal, directory_groups_of_user, directory_groups_of_group,
    directory_groups_of_service_principal;
route_handler_fn directory_create_user, directory_create_group, directory_create_service_principal,
    directory_delete_user, directory_delete_group, directory_delete_service_principal,
    directory_add_member, directory_remove_member;
route_handler_fn share_script;
route_handler_fn logs_list, log_read, compute_exec;
route_handler_fn role_definitions_list, role_definition_get, role_definition_put,
    role_definition_delete;
route_handler_fn role_assignments_list, role_assignment_get, role_assignment_put,
    role_assignment_delete;
route_handler_fn deny_assignments_list, deny_assignment_get, permissions_list;
route_handler_fn audit_list;
route_handler_fn plane_status, plane_stop;

/* ---- catalogue.c ---- */

/* Subscription and location of the path: true, or false with the error answered.  *out_location is
 * the caller's in either case. */
bool place_known(struct call *call, char **out_location);

/* ---- quota.c ---- */

#define QUOTA_TOTAL_NAME "Total Cluster Dedicated Regional vCPUs"

/* Cores that may be used (family NULL: of all), and computes. */
int64_t quota_limit(struct plane *plane, const char *subscription, const char *location,
                    const char *family);
int64_t quota_clusters_limit(struct plane *plane);
/* Cores in use (family NULL: of all), stopped instances included. */
int64_t quota_used(struct plane *plane, const char *subscription, const char *location,
                   const char *family);
int64_t quota_computes(struct plane *plane, const char *subscription, const char *location);

/* ---- the directory ---- */

/* Is there a user with this object id? */
bool directory_has_user(struct plane *plane, const char *id);
/* Display or user principal name; "" when unknown; the caller frees. */
char *directory_name(struct plane *plane, const char *id);
/* The object id of a principal told by object id, user principal name or application id; NULL:
 * none; the caller frees. */
char *directory_id(struct plane *plane, const char *id_or_name);

/* ---- scripts with secrets (secret_scripts.c) ---- */

/* Of a checked request for a compute: *out_request is a copy that readers may see and *out_kept the
 * JSON text of the scripts that are to be run; both NULL when no script holds secrets.  The caller's.
 * ERROR_SYNTAX and the like for a malformed line of secrets. */
int secret_scripts_split(const cJSON *request, cJSON **out_request, char **out_kept,
                         struct error *err);
/* Keeps them until the compute is gone. */
int secret_scripts_keep(struct plane *plane, const char *compute, const char *kept,
                        struct error *err);
/* {"creationScript","startupScript"} as kept; *out is NULL when there is nothing. The caller's. */
int secret_scripts_load(struct plane *plane, const char *compute, cJSON **out, struct error *err);

/* The folder of an instance's logs on the host; NULL in memory or without memory; the caller frees.
 */
char *logs_folder(const struct plane *plane, const char *workspace, const char *name);
/* Likewise that of a workspace's file share: "<data>/shares/<workspace>". */
char *share_folder(const struct plane *plane, const char *workspace);
/* Appends a script that stands there.  ERROR_NOT_FOUND, and as file_read_beneath(). */
int share_read(const struct plane *plane, const char *workspace, const char *path,
               struct buffer *out, struct error *err);

#endif
