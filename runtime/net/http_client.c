/* http_client.c - libcurl's multi interface on libevent.
 *
 * libcurl tells us which descriptors and which delay it waits for; those callbacks only arm events.
 * When an event fires, libcurl is told, and after curl_multi_socket_action() finished transfers are
 * read and put into a row, from which an event of its own calls back.
 *
 * An exchange waits in `queue` until one of `connections_max` easy handles is free, so that ten
 * thousand exchanges cost little more than their requests.  Time here is the machine's, whatever
 * the loop's clock is: the other side does not live by ours. */
#include "net/http_client.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/text.h"
#include "net/curl.h"

#define CONNECTIONS_DEFAULT 64
#define CONNECT_TIMEOUT_MS 15000L
#define RECEIVE_SIZE 65536L
#define KEEPALIVE_IDLE_S 30L

enum state { STATE_QUEUED, STATE_ACTIVE, STATE_FINISHED, STATE_DELIVERING };

struct http_exchange {
    struct http_client *client; /* borrowed */
    enum state state;
    TAILQ_ENTRY(http_exchange) link; /* in the row of its state */
    http_done_fn *done;
    void *arg;

    enum http_method method;
    char *url;
    struct curl_slist *headers;
    struct buffer body;
    int64_t deadline_ms;   /* machine's monotonic; 0: none */
    struct event *expired; /* while it is queued with a deadline */

    CURL *easy;   /* while it is active */
    int attempts; /* of libcurl to send the request */
    char failure[CURL_ERROR_SIZE];
    struct http_response response;
    int refused;     /* why we stopped reading the response: an error code */
    bool whole_head; /* the empty line after the headers came: libcurl does without it */

    int rc;
    CURLcode result; /* when rc is not 0; CURLE_OK: it was never given to libcurl */
    bool sent;
};

TAILQ_HEAD(row, http_exchange);

/* A descriptor of libcurl's that is waited for. */
struct watch {
    struct http_client *client;
    struct event *event; /* NULL while it is spare */
    LIST_ENTRY(watch) link;
};

LIST_HEAD(watch_row, watch);

struct http_client {
    struct loop *loop; /* borrowed */
    char *base_url;    /* without a slash at its end */
    char *unix_socket; /* or NULL */
    char *ca_file;     /* or NULL */
    int active_max;
    int active_count;
    CURLM *multi;
    struct event *timer;   /* libcurl's */
    struct event *deliver; /* calls back */
    struct row queue, active, finished;
    struct watch_row watches, spare_watches;
    CURL **easies; /* idle handles, for reuse */
    int easy_count;
    bool *gone; /* told when the client is freed by a callback */
    struct curl curl;
    bool loaded; /* `curl` is usable */
};

/* ---- exchanges ---- */

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_real());
}

static struct row *row_of(struct http_exchange *exchange)
{
    switch (exchange->state) {
    case STATE_QUEUED:
        return &exchange->client->queue;
    case STATE_ACTIVE:
        return &exchange->client->active;
    default:
        return &exchange->client->finished;
    }
}

static void move(struct http_exchange *exchange, enum state state)
{
    TAILQ_REMOVE(row_of(exchange), exchange, link);
    exchange->state = state;
    TAILQ_INSERT_TAIL(row_of(exchange), exchange, link);
}

static void forget_deadline(struct http_exchange *exchange)
{
    if (exchange->expired)
        event_free(exchange->expired);
    exchange->expired = NULL;
}

static void drop_headers(struct http_exchange *exchange)
{
    if (exchange->headers)
        exchange->client->curl.slist_free_all(exchange->headers);
    exchange->headers = NULL;
}

/* Frees what belongs to it; it is in no row and has no easy handle or headers any more.  The client
 * may be gone. */
static void exchange_free(struct http_exchange *exchange)
{
    forget_deadline(exchange);
    free(exchange->url);
    buffer_clear(&exchange->body);
    http_response_clear(&exchange->response);
    free(exchange);
}

/* Takes the easy handle away from an active exchange and keeps it for another one. */
static void easy_release(struct http_exchange *exchange)
{
    struct http_client *client = exchange->client;
    CURL *easy = exchange->easy;
    exchange->easy = NULL;
    client->active_count--;
    client->curl.multi_remove_handle(client->multi, easy);
    client->curl.easy_reset(easy);
    client->easies[client->easy_count++] = easy;
}

/* The callback comes from an event of its own: never from inside http_client_send(). */
static void finish(struct http_exchange *exchange, int rc)
{
    forget_deadline(exchange);
    exchange->rc = rc;
    move(exchange, STATE_FINISHED);
    event_active(exchange->client->deliver, EV_TIMEOUT, 1);
}

static void on_expired(evutil_socket_t fd, short what, void *arg)
{
    struct http_exchange *exchange = arg;
    (void)fd, (void)what;
    finish(exchange, ERROR_TIMEOUT);
}

/* ---- what libcurl calls: a response arrives ---- */

static size_t refuse(struct http_exchange *exchange, int rc)
{
    exchange->refused = rc;
    return 0; /* not the size: libcurl ends the transfer */
}

static size_t on_body(char *data, size_t unit, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;
    size_t size = unit * count;
    buffer_append(&exchange->response.body, data, size);
    return exchange->response.body.failed ? refuse(exchange, exchange->response.body.failed) : size;
}

/* One header line, with its end.  A status line begins a new response: an interim one came before.
 */
static size_t on_header(char *data, size_t unit, size_t count, void *arg)
{
    struct http_exchange *exchange = arg;
    size_t size = unit * count;
    if (size >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        http_headers_clear(&exchange->response.headers);
        exchange->whole_head = false;
        return size;
    }
    if (size > 0 && (data[0] == '\r' || data[0] == '\n'))
        exchange->whole_head = true;
    const char *colon = memchr(data, ':', size);
    if (!colon)
        return size;
    const char *value = colon + 1, *end = data + size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && strchr(" \t\r\n", end[-1]))
        end--;
    char *name_text = text_dup_size(data, (size_t)(colon - data));
    char *value_text = text_dup_size(value, (size_t)(end - value));
    int rc = ERROR_NO_MEMORY;
    if (name_text && value_text)
        rc = http_header_add(&exchange->response.headers, name_text, value_text);
    free(name_text);
    free(value_text);
    return rc < 0 && rc != ERROR_INVALID ? refuse(exchange, rc) : size;
}

static bool is_idempotent(enum http_method method)
{
    return method != HTTP_POST && method != HTTP_PATCH;
}

/* Before a request goes out.  When a kept connection turns out to be dead, libcurl sends the
 * request again on a new one; what must not happen twice does not get that far. */
static int on_request(void *arg, char *remote, char *local, /* NOLINT: libcurl's signature */
                      int remote_port, int local_port)
{
    struct http_exchange *exchange = arg;
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    exchange->attempts++;
    bool again = exchange->attempts > 1 && !is_idempotent(exchange->method);
    return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static curl_socket_t on_socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- starting ---- */

static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return false;
    host += 3;
    size_t size = strcspn(host, ":/?");
    return text_starts(host, "[::1]") || text_starts(host, "127.") ||
           (size == 9 && strncasecmp(host, "localhost", size) == 0);
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (rc == CURLE_OK)                                                                        \
            rc = exchange->client->curl.easy_setopt(easy, option, value);                          \
    } while (0)

static CURLcode set_method(CURL *easy, const struct http_exchange *exchange)
{
    enum http_method method = exchange->method;
    bool bare = exchange->body.size == 0;
    CURLcode rc = CURLE_OK;
    if (method == HTTP_HEAD) {
        SET(CURLOPT_NOBODY, 1L);
        return rc;
    }
    if (bare && method == HTTP_GET) {
        SET(CURLOPT_HTTPGET, 1L);
        return rc;
    }
    if (!bare || method != HTTP_DELETE) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.size);
        /* points into the exchange, which outlives the transfer */
        SET(CURLOPT_POSTFIELDS, bare ? "" : exchange->body.data);
    }
    if (method != HTTP_POST)
        SET(CURLOPT_CUSTOMREQUEST, http_method_name(method));
    return rc;
}

static CURLcode set_callbacks(CURL *easy, struct http_exchange *exchange)
{
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_PRIVATE, exchange);
    SET(CURLOPT_ERRORBUFFER, exchange->failure);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_PREREQFUNCTION, on_request);
    SET(CURLOPT_PREREQDATA, exchange);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket_open);
    return rc;
}

static CURLcode set_connection(CURL *easy, const struct http_exchange *exchange)
{
    const struct http_client *client = exchange->client;
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    SET(CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
    if (text_starts_nocase(exchange->url, "https:")) {
        SET(CURLOPT_PIPEWAIT, 1L); /* rather another stream than another handshake */
        SET(CURLOPT_ACCEPT_ENCODING, "");
    }
    if (client->unix_socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, client->unix_socket);
    if (client->unix_socket || is_loopback(exchange->url))
        SET(CURLOPT_NOPROXY, "*");
    if (client->ca_file)
        SET(CURLOPT_CAINFO, client->ca_file); /* beside the system's folder of certificates */
    return rc;
}

static CURLcode configure(CURL *easy, struct http_exchange *exchange)
{
    CURLcode rc = set_callbacks(easy, exchange);
    if (rc == CURLE_OK)
        rc = set_connection(easy, exchange);
    if (rc == CURLE_OK)
        rc = set_method(easy, exchange);
    SET(CURLOPT_URL, exchange->url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTPHEADER, exchange->headers);
    if (exchange->deadline_ms > 0) {
        int64_t left = exchange->deadline_ms - now_ms();
        SET(CURLOPT_TIMEOUT_MS, (long)(left > 0 ? left : 1));
    }
    return rc;
}

static CURL *easy_get(struct http_client *client)
{
    return client->easy_count > 0 ? client->easies[--client->easy_count] : client->curl.easy_init();
}

/* Gives a queued exchange to libcurl. */
static int start(struct http_exchange *exchange)
{
    struct http_client *client = exchange->client;
    CURL *easy = easy_get(client);
    if (!easy)
        return ERROR_NO_MEMORY;
    CURLcode rc = configure(easy, exchange);
    if (rc != CURLE_OK || client->curl.multi_add_handle(client->multi, easy) != CURLM_OK) {
        client->curl.easy_reset(easy);
        client->easies[client->easy_count++] = easy;
        return rc == CURLE_OK || rc == CURLE_OUT_OF_MEMORY ? ERROR_NO_MEMORY : ERROR_INVALID;
    }
    forget_deadline(exchange);
    exchange->easy = easy;
    client->active_count++;
    move(exchange, STATE_ACTIVE);
    return 0;
}

static void start_queued(struct http_client *client)
{
    struct http_exchange *exchange;
    while (client->active_count < client->active_max && (exchange = TAILQ_FIRST(&client->queue))) {
        int rc = start(exchange);
        if (rc < 0)
            finish(exchange, rc);
    }
}

/* ---- finishing ---- */

static int rc_of(const struct http_exchange *exchange, CURLcode result)
{
    if (exchange->refused)
        return exchange->refused;
    switch (result) {
    case CURLE_OK:
        return 0;
    case CURLE_OUT_OF_MEMORY:
        return ERROR_NO_MEMORY;
    case CURLE_OPERATION_TIMEDOUT:
        return ERROR_TIMEOUT;
    default:
        return ERROR_UNAVAILABLE;
    }
}

/* An error is large: it is made when it is told, not kept in each exchange. */
static void describe(const struct http_exchange *exchange, struct error *err)
{
    const char *where =
        exchange->client->unix_socket ? exchange->client->unix_socket : exchange->url;
    const char *why = exchange->failure[0] ? exchange->failure
                                           : exchange->client->curl.easy_strerror(exchange->result);
    if (exchange->result == CURLE_OK)
        why = "its turn did not come";
    if (exchange->result == CURLE_COULDNT_CONNECT && exchange->client->unix_socket)
        why = "nobody listens there"; /* the library would speak of localhost and port 80 */
    if (exchange->result == CURLE_ABORTED_BY_CALLBACK)
        why = "the connection broke before an answer came";
    switch (exchange->rc) {
    case ERROR_TOO_LARGE:
        (void)error_set(err, exchange->rc, "%s: the answer is too large", exchange->url);
        break;
    case ERROR_NO_MEMORY:
        (void)error_set(err, exchange->rc, "%s: no memory for the exchange", exchange->url);
        break;
    case ERROR_TIMEOUT:
        (void)error_set(err, exchange->rc, "%s: no answer in time: %s", where, why);
        break;
    default:
        (void)error_set(err, exchange->rc, "cannot reach %s: %s", where, why);
        break;
    }
}

static void complete(struct http_exchange *exchange, CURLcode result)
{
    long status = 0;
    (void)exchange->client->curl.easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    exchange->response.status = (int)status;
    exchange->sent = exchange->attempts > 0; /* it had a connection and was about to be written */
    exchange->result = result == CURLE_OK && !exchange->whole_head ? CURLE_GOT_NOTHING : result;
    easy_release(exchange);
    finish(exchange, rc_of(exchange, exchange->result));
}

static void read_results(struct http_client *client)
{
    const CURLMsg *message;
    int left;
    while ((message = client->curl.multi_info_read(client->multi, &left))) {
        struct http_exchange *exchange = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result; /* gone once the handle is removed */
        (void)client->curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        complete(exchange, result);
    }
    start_queued(client);
}

static void tell(struct http_exchange *exchange)
{
    static const struct error none = { 0 };
    if (exchange->rc == 0) {
        exchange->done(0, &exchange->response, exchange->sent, &none, exchange->arg);
        return;
    }
    struct error err = { 0 };
    describe(exchange, &err);
    exchange->done(exchange->rc, NULL, exchange->sent, &err, exchange->arg);
}

/* Calls back for all that is finished.  A callback may send, cancel, or free the client. */
static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    struct http_exchange *exchange;
    bool gone = false;
    (void)fd, (void)what;
    client->gone = &gone;
    while ((exchange = TAILQ_FIRST(&client->finished))) {
        TAILQ_REMOVE(&client->finished, exchange, link);
        exchange->state = STATE_DELIVERING;
        drop_headers(exchange);
        tell(exchange);
        exchange_free(exchange);
        if (gone)
            return;
    }
    client->gone = NULL;
}

/* ---- what libcurl waits for ---- */

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    struct http_client *client = watch->client;
    int running;
    int action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    client->curl.multi_socket_action(client->multi, fd, action, &running);
    read_results(client);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    int running;
    (void)fd, (void)what;
    client->curl.multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    read_results(client);
}

static struct watch *watch_get(struct http_client *client, curl_socket_t fd)
{
    struct watch *watch = LIST_FIRST(&client->spare_watches);
    if (watch) {
        LIST_REMOVE(watch, link);
    } else {
        watch = calloc(1, sizeof *watch);
        if (!watch)
            return NULL;
        watch->client = client;
        watch->event = event_new(loop_base(client->loop), -1, 0, on_ready, watch);
        if (!watch->event) {
            free(watch);
            return NULL;
        }
    }
    LIST_INSERT_HEAD(&client->watches, watch, link);
    client->curl.multi_assign(client->multi, fd, watch);
    return watch;
}

static void watch_free(struct watch *watch)
{
    LIST_REMOVE(watch, link);
    event_free(watch->event);
    free(watch);
}

/* May run inside the watch's own callback: nothing is freed, it is put aside. */
static void watch_put(struct http_client *client, curl_socket_t fd, struct watch *watch)
{
    client->curl.multi_assign(client->multi, fd, NULL);
    event_del(watch->event);
    LIST_REMOVE(watch, link);
    LIST_INSERT_HEAD(&client->spare_watches, watch, link);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *client = arg;
    struct watch *watch = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            watch_put(client, fd, watch);
        return 0;
    }
    if (!watch && !(watch = watch_get(client, fd)))
        return -1;
    short kind = EV_PERSIST;
    if (what & CURL_POLL_IN)
        kind |= EV_READ;
    if (what & CURL_POLL_OUT)
        kind |= EV_WRITE;
    event_del(watch->event);
    event_assign(watch->event, loop_base(client->loop), fd, kind, on_ready, watch);
    return event_add(watch->event, NULL);
}

static int on_delay(CURLM *multi, long delay_ms, void *arg)
{
    struct http_client *client = arg;
    (void)multi;
    if (delay_ms < 0)
        return event_del(client->timer);
    const struct timeval wait = { delay_ms / 1000, delay_ms % 1000 * 1000 };
    return event_add(client->timer, &wait);
}

/* ---- sending ---- */

/* libcurl adds headers of its own unless it is told not to. */
static int add_header(const struct curl *curl, struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl->slist_append(*list, line);
    if (!longer)
        return ERROR_NO_MEMORY;
    *list = longer;
    return 0;
}

static int copy_headers(const struct curl *curl, const struct http_headers *headers,
                        struct curl_slist **list)
{
    int rc = add_header(curl, list, "Expect:");
    if (rc == 0 && !http_header_get(headers, "Content-Type"))
        rc = add_header(curl, list, "Content-Type:");
    for (size_t i = 0; rc == 0 && i < headers->count; i++) {
        const struct http_header *header = &headers->items[i];
        if (text_equal_nocase(header->name, "Content-Length"))
            continue; /* libcurl counts by itself */
        bool empty = header->value[0] == '\0';
        char *line = text_format(empty ? "%s;%s" : "%s: %s", header->name, header->value);
        rc = line ? add_header(curl, list, line) : ERROR_NO_MEMORY;
        free(line);
    }
    return rc;
}

static char *make_url(const struct http_client *client, const char *target)
{
    return target[0] == '/' ? text_format("%s%s", client->base_url, target) : strdup(target);
}

static int check_target(const char *target, struct error *err)
{
    bool known = target[0] == '/' || text_starts_nocase(target, "http://") ||
                 text_starts_nocase(target, "https://");
    for (const char *p = target; *p && known; p++)
        known = (unsigned char)*p > ' ' && *p != 0x7f;
    if (!known)
        return error_set(err, ERROR_INVALID, "not a URL that can be asked: \"%s\"", target);
    return 0;
}

static int copy_request(struct http_exchange *exchange, const struct http_request *request)
{
    exchange->method = request->method;
    exchange->url = make_url(exchange->client, request->target);
    buffer_append(&exchange->body, request->body.data, request->body.size);
    if (!exchange->url || exchange->body.failed)
        return ERROR_NO_MEMORY;
    return copy_headers(&exchange->client->curl, &request->headers, &exchange->headers);
}

/* An exchange that waits for its turn can run out of time there. */
static int watch_deadline(struct http_exchange *exchange, int64_t timeout_ms)
{
    const struct timeval wait = { (time_t)(timeout_ms / 1000),
                                  (suseconds_t)(timeout_ms % 1000 * 1000) };
    exchange->expired = evtimer_new(loop_base(exchange->client->loop), on_expired, exchange);
    if (!exchange->expired || evtimer_add(exchange->expired, &wait) != 0)
        return ERROR_NO_MEMORY;
    return 0;
}

static void exchange_drop(struct http_exchange *exchange)
{
    TAILQ_REMOVE(row_of(exchange), exchange, link);
    if (exchange->easy)
        easy_release(exchange);
    drop_headers(exchange);
    exchange_free(exchange);
}

int http_client_send(struct http_client *client, const struct http_request *request,
                     int64_t timeout_ms, http_done_fn *done, void *arg,
                     struct http_exchange **out_exchange, struct error *err)
{
    int rc = check_target(request->target, err);
    if (rc < 0)
        return rc;
    struct http_exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return error_set(err, ERROR_NO_MEMORY, "no memory for a request");
    exchange->client = client;
    exchange->done = done;
    exchange->arg = arg;
    exchange->response.body.max = HTTP_REPLY_MAX;
    exchange->deadline_ms = timeout_ms > 0 ? now_ms() + timeout_ms : 0;
    exchange->state = STATE_QUEUED;
    TAILQ_INSERT_TAIL(&client->queue, exchange, link);
    rc = copy_request(exchange, request);
    if (rc == 0 && client->active_count < client->active_max)
        rc = start(exchange);
    else if (rc == 0 && timeout_ms > 0)
        rc = watch_deadline(exchange, timeout_ms);
    if (rc < 0) {
        exchange_drop(exchange);
        return error_set(err, rc, "cannot send a request to %s", request->target);
    }
    if (out_exchange)
        *out_exchange = exchange;
    return 0;
}

void http_exchange_cancel(struct http_exchange *exchange)
{
    if (!exchange || exchange->state == STATE_DELIVERING)
        return;
    struct http_client *client = exchange->client;
    exchange_drop(exchange);
    start_queued(client);
}

/* ---- the client ---- */

void http_client_library(char *out, size_t out_size)
{
    struct curl curl;
    struct error err = { 0 };
    if (curl_load(&curl, &err) < 0) {
        (void)text_copy(out, out_size, err.message);
        return;
    }
    (void)text_copy(out, out_size, curl.version());
    curl_release(&curl);
}

static int copy_options(struct http_client *client, const struct http_client_options *options,
                        struct error *err)
{
    client->active_max =
        options->connections_max > 0 ? options->connections_max : CONNECTIONS_DEFAULT;
    client->easies = calloc((size_t)client->active_max, sizeof *client->easies);
    size_t size = strlen(options->base_url);
    while (size > 0 && options->base_url[size - 1] == '/')
        size--;
    client->base_url = text_dup_size(options->base_url, size);
    if (options->unix_socket)
        client->unix_socket = strdup(options->unix_socket);
    if (options->ca_file)
        client->ca_file = strdup(options->ca_file);
    bool complete = client->easies && client->base_url &&
                    (client->unix_socket || !options->unix_socket) &&
                    (client->ca_file || !options->ca_file);
    return complete ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for an HTTP client");
}

static int open_multi(struct http_client *client, struct error *err)
{
    struct event_base *base = loop_base(client->loop);
    const struct curl *curl = &client->curl;
    int rc = curl_load(&client->curl, err);
    if (rc < 0)
        return rc;
    client->loaded = true;
    client->multi = curl->multi_init();
    client->timer = evtimer_new(base, on_timer, client);
    client->deliver = event_new(base, -1, 0, on_deliver, client);
    if (!client->multi || !client->timer || !client->deliver)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an HTTP client");
    long connections = client->active_max;
    curl->multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl->multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl->multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_delay);
    curl->multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl->multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections);
    curl->multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    return 0;
}

int http_client_new(struct loop *loop, const struct http_client_options *options,
                    struct http_client **out_client, struct error *err)
{
    struct http_client *client = calloc(1, sizeof *client);
    if (!client)
        return error_set(err, ERROR_NO_MEMORY, "no memory for an HTTP client");
    client->loop = loop;
    TAILQ_INIT(&client->queue);
    TAILQ_INIT(&client->active);
    TAILQ_INIT(&client->finished);
    LIST_INIT(&client->watches);
    LIST_INIT(&client->spare_watches);
    int rc = copy_options(client, options, err);
    if (rc == 0)
        rc = open_multi(client, err);
    if (rc < 0) {
        http_client_free(client);
        return rc;
    }
    *out_client = client;
    return 0;
}

static void drop_row(struct row *row)
{
    struct http_exchange *next = NULL;
    for (struct http_exchange *exchange = TAILQ_FIRST(row); exchange; exchange = next) {
        next = TAILQ_NEXT(exchange, link);
        exchange_drop(exchange);
    }
}

static void drop_watches(struct watch_row *row)
{
    struct watch *next = NULL;
    for (struct watch *watch = LIST_FIRST(row); watch; watch = next) {
        next = LIST_NEXT(watch, link);
        watch_free(watch);
    }
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    if (client->gone)
        *client->gone = true;
    drop_row(&client->queue);
    drop_row(&client->active);
    drop_row(&client->finished);
    while (client->easy_count > 0)
        client->curl.easy_cleanup(client->easies[--client->easy_count]);
    free(client->easies);
    if (client->multi)
        client->curl.multi_cleanup(client->multi); /* closes connections: on_socket may be called */
    drop_watches(&client->watches);
    drop_watches(&client->spare_watches);
    if (client->timer)
        event_free(client->timer);
    if (client->deliver)
        event_free(client->deliver);
    if (client->loaded)
        curl_release(&client->curl);
    free(client->base_url);
    free(client->unix_socket);
    free(client->ca_file);
    free(client);
}
