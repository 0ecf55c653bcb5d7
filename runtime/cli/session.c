/* session.c - opens what a context names. */
#include "cli/session.h"

#include "base/text.h"
#include "cli/embedded.h"
#include "cli/local_plane.h"

#define PIPELINE_MAX 64 /* requests on the wire at once */

/* Released in the reverse order of the members. */
struct session {
    struct clock virtual_clock; /* memory only */
    struct loop *loop;
    struct driver *driver; /* memory only */
    struct plane *plane;   /* memory only */
    struct transport *transport;
    struct arm_client *client;
    struct context context;
};

void session_free(struct session *session)
{
    if (!session)
        return;
    arm_client_free(session->client);
    transport_free(session->transport);
    plane_free(session->plane);
    driver_free(session->driver);
    loop_free(session->loop);
    context_clear(&session->context);
    free(session);
}

struct loop *session_loop(const struct session *session)
{
    return session->loop;
}
struct arm_client *session_client(const struct session *session)
{
    return session->client;
}
const struct context *session_context(const struct session *session)
{
    return &session->context;
}
bool session_is_virtual(const struct session *session)
{
    return session->context.kind == PLANE_MEMORY;
}

/* A plane that lives in this process and dies with it, on a clock that never waits. */
static int open_memory(struct session *session, struct error *err)
{
    const struct simulated_options simulated = { 0 };
    clock_init_virtual(&session->virtual_clock, clock_unix_ms(clock_real()));
    int rc = loop_new(&session->virtual_clock, &session->loop, err);
    if (rc == 0)
        rc = driver_simulated_new(session->loop, &simulated, &session->driver, err);
    if (rc < 0)
        return rc;
    const struct plane_options options = { .loop = session->loop, .driver = session->driver };
    rc = plane_new(&options, &session->plane, err);
    return rc < 0 ? rc
                  : embedded_transport_new(session->loop, session->plane, &session->transport, err);
}

static int open_http(struct session *session, const char *url, const char *unix_socket,
                     struct error *err)
{
    const struct http_client_options options = {
        .base_url = url,
        .unix_socket = unix_socket,
        .connections_max = PIPELINE_MAX,
    };
    int rc = loop_new(clock_real(), &session->loop, err);
    return rc < 0 ? rc : transport_http_new(session->loop, &options, &session->transport, err);
}

static int open_local(struct session *session, const struct invocation *invocation, bool start,
                      struct error *err)
{
    char *path = NULL;
    int rc = local_plane_socket(&path, err);
    if (rc == 0 && start)
        rc = local_plane_ensure(invocation->output, invocation->program, path, err);
    else if (rc == 0 && !local_plane_listens(path))
        rc = error_set(err, ERROR_UNAVAILABLE, "the local plane does not run");
    if (rc == 0)
        rc = open_http(session, "http://localhost", path, err);
    free(path);
    return rc;
}

int session_wake(const struct session *session, const struct invocation *invocation,
                 struct error *err)
{
    char *path = NULL;
    if (session->context.kind != PLANE_LOCAL)
        return 0;
    int rc = local_plane_socket(&path, err);
    if (rc == 0)
        rc = local_plane_ensure(invocation->output, invocation->program, path, err);
    free(path);
    return rc;
}

static int open_transport(struct session *session, const struct invocation *invocation, bool start,
                          struct error *err)
{
    const char *plane = session->context.plane;
    switch (session->context.kind) {
    case PLANE_LOCAL:
        return open_local(session, invocation, start, err);
    case PLANE_MEMORY:
        return open_memory(session, err);
    case PLANE_SOCKET:
        return open_http(session, "http://localhost", plane + strlen("unix:"), err);
    case PLANE_URL:
        return open_http(session, plane, NULL, err);
    }
    return error_set(err, ERROR_INTERNAL, "unknown kind of plane");
}

static int open_client(struct session *session, const char *as_principal, struct error *err)
{
    const struct arm_client_options options = {
        .transport = session->transport,
        .as_principal = as_principal,
        .in_flight_max = PIPELINE_MAX,
    };
    return arm_client_new(session->loop, &options, &session->client, err);
}

static int open_session(const struct invocation *invocation, bool start, struct session **out,
                        struct error *err)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    int rc = context_resolve(invocation, &session->context, err);
    if (rc == 0)
        rc = open_transport(session, invocation, start, err);
    if (rc == 0)
        rc = open_client(session, invocation_value(invocation, "as", NULL), err);
    if (rc < 0)
        session_free(session);
    else
        *out = session;
    return rc;
}

int session_open(const struct invocation *invocation, struct session **out, struct error *err)
{
    return open_session(invocation, true, out, err);
}

int session_open_running(const struct invocation *invocation, struct session **out,
                         struct error *err)
{
    return open_session(invocation, false, out, err);
}

int session_open_socket(const char *socket_path, struct session **out, struct error *err)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    int rc = open_http(session, "http://localhost", socket_path, err);
    if (rc == 0)
        rc = open_client(session, NULL, err);
    if (rc < 0)
        session_free(session);
    else
        *out = session;
    return rc;
}

static int lacks(const struct context *context, const char *what, struct error *err)
{
    return error_set(err, ERROR_USAGE,
                     "context '%s' has no %s: give --%s, or 'moonfleet context set'", context->name,
                     what, what);
}

int session_group(const struct session *session, struct error *err)
{
    const struct context *context = &session->context;
    return !context->subscription ? lacks(context, "subscription", err)
           : !context->group      ? lacks(context, "resource-group", err)
                                  : 0;
}

int session_workspace(const struct session *session, struct workspace_ref *out, struct error *err)
{
    const struct context *context = &session->context;
    int rc = session_group(session, err);
    if (rc == 0 && !context->workspace)
        rc = lacks(context, "workspace", err);
    if (rc < 0)
        return rc;
    *out = session_here(session);
    return 0;
}

struct workspace_ref session_here(const struct session *session)
{
    const struct context *context = &session->context;
    return (struct workspace_ref) { .subscription = context->subscription,
                                    .group = context->group,
                                    .workspace = context->workspace };
}

int session_me(struct session *session, char **out, struct error *err)
{
    cJSON *body = NULL;
    const struct arm_request request = { .method = HTTP_GET, .path = "/" API_GRAPH "/me" };
    int rc = arm_wait(session->client, &request, &body, err);
    if (rc < 0)
        return error_wrap(err, rc, "asking the directory who I am");
    const char *id = json_string(body, "id", NULL);
    char *copy = id ? strdup(id) : NULL;
    cJSON_Delete(body);
    if (!copy)
        return error_set(err, ERROR_REMOTE, "the directory does not say who I am");
    *out = copy;
    return 0;
}
