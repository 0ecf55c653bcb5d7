/* router.h - which handler answers which request: the one table of routes. */
#ifndef PLANE_ROUTER_H
#define PLANE_ROUTER_H

#include "net/http.h"

struct call;

typedef void route_handler_fn(struct call *call);

/* What api-version a route asks for. */
enum route_api {
    ROUTE_API_NONE,      /* Moonfleet's own, and Microsoft Graph's subset */
    ROUTE_API_RESOURCES, /* Microsoft.Resources */
    ROUTE_API_LEARNING,  /* Microsoft.MachineLearningServices */
};

/* Where the right to the action is needed; the scope's text is made from the path. */
enum route_scope {
    ROUTE_SCOPE_ROOT,
    ROUTE_SCOPE_SUBSCRIPTION,
    ROUTE_SCOPE_GROUP,
    ROUTE_SCOPE_WORKSPACE,
    ROUTE_SCOPE_COMPUTE,
};

struct route {
    enum http_method method;
    const char
        *path; /* "{x}" takes a segment, see struct route_params; others compare case-folded */
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
    const char *name;         /* {n}: an operation, a log, a principal */
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
