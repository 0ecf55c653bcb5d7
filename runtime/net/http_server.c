/* http_server.c - evhttp around a handler.
 *
 * evhttp owns connections and requests.  Once a request is complete it stops reading from that
 * connection until the answer is sent, so a client that leaves early is noticed when we write.  The
 * one exception (a "100 Continue" that could not be written) detaches the request from its
 * connection; it is then freed by evhttp_send_reply(), or by us when the server goes first. */
#include "net/http_server.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define HEADERS_SIZE_MAX ((size_t)64 << 10) /* request line and headers together */
#define IDLE_TIMEOUT_S 120 /* a connection without a pending request; a slow peer */
#define ACCEPT_PAUSE_MS 20 /* until we look again whether there is room for connections */
#define FD_PAUSE_US 1000   /* between attempts to accept when there is no descriptor at all */
#define FILES_RESERVED 256 /* descriptors that connections leave to the rest of the program */
#define BACKLOG 4096

/* A socket of ours in the file system. */
struct socket_file {
    char *path;
    dev_t device;
    ino_t inode;
    LIST_ENTRY(socket_file) link;
};

struct http_server {
    struct loop *loop; /* borrowed */
    struct evhttp *http;
    http_handler_fn *handler;
    void *arg;
    size_t pending;
    int files_max; /* with this many descriptors open, nothing more is accepted */
    struct loop_timer *crowded;
    LIST_HEAD(, http_reply) replies;
    LIST_HEAD(, socket_file) files;
};

struct http_reply {
    struct http_server *server;     /* NULL once the server is gone */
    struct evhttp_request *request; /* owned by evhttp */
    LIST_ENTRY(http_reply) link;
};

/* ---- requests ---- */

static const struct {
    enum evhttp_cmd_type theirs;
    enum http_method ours;
} methods[] = {
    { EVHTTP_REQ_GET, HTTP_GET },     { EVHTTP_REQ_HEAD, HTTP_HEAD },
    { EVHTTP_REQ_PUT, HTTP_PUT },     { EVHTTP_REQ_POST, HTTP_POST },
    { EVHTTP_REQ_PATCH, HTTP_PATCH }, { EVHTTP_REQ_DELETE, HTTP_DELETE },
};

static ev_uint16_t allowed_methods(void)
{
    unsigned allowed = 0;
    for (size_t i = 0; i < COUNT(methods); i++)
        allowed |= (unsigned)methods[i].theirs;
    return (ev_uint16_t)allowed;
}

static enum http_method method_of(const struct evhttp_request *request)
{
    for (size_t i = 0; i < COUNT(methods); i++) {
        if (methods[i].theirs == evhttp_request_get_command(request))
            return methods[i].ours;
    }
    return HTTP_GET; /* evhttp has refused the others */
}

/* A view of evhttp's own strings, in `items`: nothing is copied.  False when there are too many. */
static bool view_headers(struct evhttp_request *request, struct http_header *items,
                         struct http_headers *out)
{
    const struct evkeyval *header = evhttp_request_get_input_headers(request)->tqh_first;
    out->items = items;
    for (; header; header = header->next.tqe_next) {
        if (out->count == HTTP_HEADERS_MAX)
            return false;
        items[out->count++] = (struct http_header) { header->key, header->value };
    }
    return true;
}

/* Makes the body one piece with a NUL behind it, in place. */
static bool view_body(struct evhttp_request *request, struct buffer *out)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(input);
    if (size == 0)
        return true;
    if (evbuffer_add(input, "", 1) != 0)
        return false;
    out->data = (char *)evbuffer_pullup(input, -1);
    out->size = size;
    out->capacity = size + 1;
    return out->data != NULL;
}

/* Where does the body end?  What can be read in two ways is refused: evhttp would take the rest of
 * it for another request. */
static bool framing_is_plain(const struct http_request *request)
{
    const char *encoding = http_header_get(&request->headers, "Transfer-Encoding");
    const char *length = http_header_get(&request->headers, "Content-Length");
    if (encoding)
        return !length && text_equal_nocase(encoding, "chunked") && request->method != HTTP_HEAD;
    return !length || request->method != HTTP_HEAD || text_equal(length, "0");
}

static void peer_of(struct evhttp_request *request, struct http_peer *out)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    const struct sockaddr *address = evhttp_connection_get_addr(connection);
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    *out = (struct http_peer) { .uid = (uid_t)-1, .gid = (gid_t)-1 };
    if (address && address->sa_family == AF_UNIX) {
        int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
            return;
        out->local = true;
        out->uid = credentials.uid;
        out->gid = credentials.gid;
        out->pid = credentials.pid;
        return;
    }
    char *host = NULL;
    ev_uint16_t port;
    evhttp_connection_get_peer(connection, &host, &port);
    (void)text_copy(out->host, sizeof out->host, host ? host : "");
}

static struct http_reply *reply_new(struct http_server *server, struct evhttp_request *request)
{
    struct http_reply *reply = malloc(sizeof *reply);
    if (!reply)
        return NULL;
    reply->server = server;
    reply->request = request;
    LIST_INSERT_HEAD(&server->replies, reply, link);
    server->pending++;
    return reply;
}

/* evhttp's general callback: a request has been read to its end. */
static void on_request(struct evhttp_request *received, void *arg)
{
    struct http_server *server = arg;
    struct http_header items[HTTP_HEADERS_MAX];
    const char *target = evhttp_request_get_uri(received);
    struct http_request request = { .method = method_of(received), .target = (char *)target };
    struct http_peer peer;
    if (strlen(target) > HTTP_TARGET_MAX) {
        evhttp_send_error(received, 414, "URI Too Long");
        return;
    }
    if (!view_headers(received, items, &request.headers)) {
        evhttp_send_error(received, 431, "Request Header Fields Too Large");
        return;
    }
    if (!framing_is_plain(&request)) {
        evhttp_send_error(received, HTTP_BADREQUEST, NULL);
        return;
    }
    struct http_reply *reply =
        view_body(received, &request.body) ? reply_new(server, received) : NULL;
    if (!reply) {
        evhttp_send_error(received, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    peer_of(received, &peer);
    server->handler(reply, &request, &peer, server->arg);
}

/* ---- answers ---- */

static void free_body(const void *data, size_t size, void *extra)
{
    (void)data, (void)size;
    free(extra);
}

/* Framing is evhttp's business, whatever the handler says about it. */
static bool is_framing(const char *name)
{
    return text_equal_nocase(name, "Content-Length") ||
           text_equal_nocase(name, "Transfer-Encoding");
}

static int put_headers(struct evhttp_request *request, const struct http_headers *headers)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(request);
    for (size_t i = 0; i < headers->count; i++) {
        const struct http_header *header = &headers->items[i];
        if (!is_framing(header->name) && evhttp_add_header(out, header->name, header->value) != 0)
            return ERROR_NO_MEMORY;
    }
    return 0;
}

/* Hands the body's memory over; an answer to HEAD only tells how long it would have been. */
static int put_body(struct evhttp_request *request, int status, struct buffer *body)
{
    if (status < 200 || status == 204 || status == 304)
        return 0;
    if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
        char size[24];
        (void)snprintf(size, sizeof size, "%zu", body->size);
        struct evkeyvalq *out = evhttp_request_get_output_headers(request);
        return evhttp_add_header(out, "Content-Length", size) == 0 ? 0 : ERROR_NO_MEMORY;
    }
    if (body->size == 0)
        return 0;
    struct evbuffer *out = evhttp_request_get_output_buffer(request);
    if (evbuffer_add_reference(out, body->data, body->size, free_body, body->data) != 0)
        return ERROR_NO_MEMORY;
    *body = (struct buffer) { 0 };
    return 0;
}

void http_reply_send(struct http_reply *reply, struct http_response *response)
{
    if (reply->server) {
        struct evhttp_request *request = reply->request;
        int status = response->status;
        assert(status >= 100 && status <= 999);
        LIST_REMOVE(reply, link);
        reply->server->pending--;
        int rc = put_headers(request, &response->headers);
        if (rc == 0)
            rc = put_body(request, status, &response->body);
        if (rc < 0) {
            evhttp_clear_headers(evhttp_request_get_output_headers(request));
            status = HTTP_INTERNAL;
        }
        evhttp_send_reply(request, status, NULL, NULL);
    }
    http_response_clear(response);
    free(reply);
}

size_t http_server_pending(const struct http_server *server)
{
    return server->pending;
}

/* ---- listening ---- */

static void enable(struct evhttp_bound_socket *bound, void *arg)
{
    (void)arg;
    (void)evconnlistener_enable(evhttp_bound_socket_get_listener(bound));
}

static void disable(struct evhttp_bound_socket *bound, void *arg)
{
    (void)arg;
    (void)evconnlistener_disable(evhttp_bound_socket_get_listener(bound));
}

/* Descriptors are given out lowest first, so the next one tells how many there are. */
static bool is_crowded(const struct http_server *server)
{
    int next = dup(STDERR_FILENO);
    if (next < 0)
        return errno == EMFILE || errno == ENFILE;
    (void)close(next);
    return next >= server->files_max;
}

/* Who comes meanwhile waits in the kernel's queue. */
static void pause_accepting(struct http_server *server)
{
    if (loop_timer_set(server->crowded, ACCEPT_PAUSE_MS) == 0)
        evhttp_foreach_bound_socket(server->http, disable, NULL);
}

static void accept_again(void *arg)
{
    struct http_server *server = arg;
    if (!is_crowded(server) || loop_timer_set(server->crowded, ACCEPT_PAUSE_MS) < 0)
        evhttp_foreach_bound_socket(server->http, enable, NULL);
}

/* Something else has taken the descriptors: the listener stays readable and accept() fails at once.
 * Slow down rather than spin (`arg` is evhttp's own: there is no way to our server from here). */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    (void)listener, (void)arg;
    (void)usleep(FD_PAUSE_US);
}

/* The cap of connections, and what the program's limit leaves room for. */
static int files_max(void)
{
    const rlim_t most = HTTP_CONNECTIONS_MAX + FILES_RESERVED;
    struct rlimit limit = { .rlim_cur = most };
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t room =
        limit.rlim_cur > 2 * FILES_RESERVED ? limit.rlim_cur - FILES_RESERVED : limit.rlim_cur / 2;
    return (int)(room < most ? room : most);
}

/* Every connection's input is capped: evhttp goes on reading while it writes an answer. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct http_server *server = arg;
    if (is_crowded(server))
        pause_accepting(server);
    struct bufferevent *connection = bufferevent_socket_new(base, -1, 0);
    if (connection)
        bufferevent_setwatermark(connection, EV_READ, 0, HTTP_BODY_MAX + HEADERS_SIZE_MAX);
    return connection;
}

/* Takes `fd`, which listens, also on failure. */
static int accept_from(struct http_server *server, int fd, struct error *err)
{
    struct evhttp_bound_socket *bound = evhttp_accept_socket_with_handle(server->http, fd);
    if (!bound) {
        (void)close(fd);
        return error_set(err, ERROR_NO_MEMORY, "no memory to listen");
    }
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(bound), on_accept_error);
    return 0;
}

static int unix_address(const char *path, const char *suffix, struct sockaddr_un *out,
                        struct error *err)
{
    *out = (struct sockaddr_un) { .sun_family = AF_UNIX };
    int size = snprintf(out->sun_path, sizeof out->sun_path, "%s%s", path, suffix);
    if (size < 0 || (size_t)size >= sizeof out->sun_path)
        return error_set(err, ERROR_TOO_LARGE,
                         "the path of the socket is longer than %zu bytes: %s",
                         sizeof out->sun_path - 1 - strlen(suffix), path);
    return 0;
}

/* Is `path` free to be replaced: missing, or a socket that nobody listens to? */
static int check_stale(const char *path, struct error *err)
{
    struct stat info;
    struct sockaddr_un address;
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? 0 : error_system(err, errno, "%s", path);
    if (!S_ISSOCK(info.st_mode))
        return error_set(err, ERROR_CONFLICT, "%s is in the way: it is not a socket", path);
    int rc = unix_address(path, "", &address, err);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_system(err, errno, "making a socket");
    int errnum = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    (void)close(fd);
    if (errnum == ECONNREFUSED || errnum == ENOENT)
        return 0;
    if (errnum == 0 || errnum == EAGAIN)
        return error_set(err, ERROR_CONFLICT, "somebody listens on %s already", path);
    return error_system(err, errnum, "%s", path);
}

/* A socket that listens beside `path`, under the name `address`.  It is born with mode 0600: bind()
 * takes the mode from the socket's own inode.  Returns the descriptor. */
static int listen_beside(const struct sockaddr_un *address, struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_system(err, errno, "making a socket");
    (void)unlink(address->sun_path); /* left by one that was killed between bind and rename */
    if (fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int rc = error_system(err, errno, "listening on %s", address->sun_path);
    (void)close(fd);
    return rc;
}

static void socket_file_free(struct socket_file *file)
{
    if (!file)
        return;
    free(file->path);
    free(file);
}

/* Remembers what to remove at the end. */
static int remember(struct http_server *server, const char *path, struct error *err)
{
    struct stat info;
    struct socket_file *file = calloc(1, sizeof *file);
    if (file)
        file->path = strdup(path);
    if (!file || !file->path) {
        socket_file_free(file);
        return error_set(err, ERROR_NO_MEMORY, "no memory to listen");
    }
    if (lstat(path, &info) == 0) {
        file->device = info.st_dev;
        file->inode = info.st_ino;
    }
    LIST_INSERT_HEAD(&server->files, file, link);
    return 0;
}

/* The socket listens before it gets its name, so that nobody ever finds it deaf. */
int http_server_listen_unix(struct http_server *server, const char *path, struct error *err)
{
    struct sockaddr_un beside;
    int rc = unix_address(path, "~", &beside, err);
    if (rc == 0)
        rc = check_stale(path, err);
    if (rc < 0)
        return rc;
    int fd = listen_beside(&beside, err);
    if (fd < 0)
        return fd;
    if (rename(beside.sun_path, path) != 0) {
        rc = error_system(err, errno, "listening on %s", path);
        (void)unlink(beside.sun_path);
        (void)close(fd);
        return rc;
    }
    rc = accept_from(server, fd, err);
    if (rc == 0)
        rc = remember(server, path, err);
    if (rc < 0)
        (void)unlink(path);
    return rc;
}

/* Returns the descriptor, or -errno. */
static int listen_at(const struct addrinfo *info)
{
    const int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* connections inherit it */
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int errnum = errno;
    (void)close(fd);
    return -errnum;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { 0 };
    socklen_t size = sizeof address;
    if (getsockname(fd, &address.any, &size) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int http_server_listen_tcp(struct http_server *server, const char *address, int port, int *out_port,
                           struct error *err)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%d", port);
    int failure = getaddrinfo(address, service, &hints, &found);
    if (failure != 0)
        return error_set(err, ERROR_INVALID, "%s: %s", address, gai_strerror(failure));
    int fd = listen_at(found);
    freeaddrinfo(found);
    if (fd < 0)
        return error_system(err, -fd, "listening on %s, port %d", address, port);
    int bound = port_of(fd);
    int rc = accept_from(server, fd, err);
    if (rc == 0 && out_port)
        *out_port = bound;
    return rc;
}

/* ---- the server ---- */

int http_server_new(struct loop *loop, http_handler_fn *handler, void *arg,
                    struct http_server **out_server, struct error *err)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a server");
    server->loop = loop;
    server->handler = handler;
    server->arg = arg;
    LIST_INIT(&server->replies);
    LIST_INIT(&server->files);
    server->files_max = files_max();
    server->http = evhttp_new(loop_base(loop));
    if (!server->http || loop_timer_new(loop, accept_again, server, &server->crowded) < 0) {
        http_server_free(server);
        return error_set(err, ERROR_NO_MEMORY, "no memory for a server");
    }
    evhttp_set_gencb(server->http, on_request, server);
    evhttp_set_bevcb(server->http, on_connection, server);
    evhttp_set_allowed_methods(server->http, allowed_methods());
    evhttp_set_max_headers_size(server->http, (ev_ssize_t)HEADERS_SIZE_MAX);
    evhttp_set_max_body_size(server->http, (ev_ssize_t)HTTP_BODY_MAX);
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_timeout(server->http, IDLE_TIMEOUT_S);
    /* What is too long is read to its end (and dropped), so that the 413 can be read by its sender.
     */
    (void)evhttp_set_flags(server->http, EVHTTP_SERVER_LINGERING_CLOSE);
    *out_server = server;
    return 0;
}

/* Removes the socket's name, unless somebody else has it by now. */
static void remove_file(const struct socket_file *file)
{
    struct stat info;
    if (lstat(file->path, &info) == 0 && info.st_dev == file->device && info.st_ino == file->inode)
        (void)unlink(file->path);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    struct http_reply *reply;
    while ((reply = LIST_FIRST(&server->replies))) {
        LIST_REMOVE(reply, link);
        if (!evhttp_request_get_connection(reply->request))
            evhttp_request_free(reply->request); /* detached: nobody else has it */
        reply->server = NULL;
        reply->request = NULL;
    }
    struct socket_file *next = NULL;
    for (struct socket_file *file = LIST_FIRST(&server->files); file; file = next) {
        next = LIST_NEXT(file, link);
        remove_file(file);
        socket_file_free(file);
    }
    loop_timer_free(server->crowded);
    if (server->http)
        evhttp_free(server->http);
    free(server);
}
