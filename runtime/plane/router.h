/* router.h - which handler answers which request: the one table of routes. */
#ifndef PLANE_ROUTER_H
#define PLANE_ROUTER_H

#include "net/http.h"

struct call;

typedef void route_handler_fn(struct call *call);

/* What api-version a route asks for. */
enum route_api {
    ROUTE_API_NONE,          /* Moonfleet's own, and Microsoft Graph's subset */
    ROUTE_API_RESOURCES,     /* Microsoft.Resources */
    ROUTE_API_LEARNING,      /* Microsoft.MachineLearningServices */
    ROUTE_API_AUTHORIZATION, /* Microsoft.Authorization */
};

/* Where the right to the action is needed; the scope's text is made from the path. */
enum route_scope {
    /* No right is needed: every principal of the directory may ask.  Of a list that spans scopes
     * the handler tells only what the caller has the action for (as ARM does: an empty list, no
     * 403). */
    ROUTE_SCOPE_ANYONE,
    ROUTE_SCOPE_OWNER,     /* the plane's owner alone, whatever roles others have */
    ROUTE_SCOPE_OPERATION, /* whoever began it, or who has the right at the subscription */
    ROUTE_SCOPE_PATH,      /* what the path has before its last part: {*} */
    ROUTE_SCOPE_ROOT,
    ROUTE_SCOPE_SUBSCRIPTION,
    ROUTE_SCOPE_GROUP,
    ROUTE_SCOPE_WORKSPACE,
    ROUTE_SCOPE_COMPUTE,
};

struct route {
    enum http_method method;
    /* "{x}" takes a segment, see struct route_params; "{*}" at the beginning any number of them;
     * others compare case-folded. */
    const char *path;
    const char *action; /* RBAC */
    enum route_scope scope;
    enum route_api api;
    const char *type; /* the ARM type, for messages */
    route_handler_fn *handler;
};

/* Segments of the path, decoded; NULL where the route has none.  They point into the router's copy
 * of the path. */
struct route_params {
    const char *subscription; /* {s} */
    const char *group;        /* {g} */
    const char *workspace;    /* {w} */
    const char *compute;      /* {c} */
    const char *location;     /* {l} */
    const char *name;         /* {n}: an operation, a log, a principal, a role assignment */
    const char *scope;        /* {*}: "/", "/subscriptions/…" */
    const char *member;       /* {m}: one in a group */
};

struct router;

int router_new(struct router **out);
void router_free(struct router *router);

enum route_match { ROUTE_FOUND, ROUTE_NOT_FOUND, ROUTE_WRONG_METHOD };

/* Finds the route of a decoded path, which is cut into its segments in place.  For
 * ROUTE_WRONG_METHOD `allow` gets the methods that the path has ("GET, PUT"). */
enum route_match router_find(const struct router *router, enum http_method method, char *path,
                             const struct route **out_route, struct route_params *out_params,
                             char *allow, size_t allow_size);

#endif
