/* arm_error.c - see arm_error.h. */
#include "arm/arm_error.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define EXCERPT_SIZE 200 /* of a body that is not ARM's */

/* ---- reading ---- */

static int code_of(int status, const char *name)
{
    if (status == 408 || status == 429 || status >= 500)
        return ERROR_UNAVAILABLE;
    if (strcasestr(name, "quota"))
        return ERROR_QUOTA;
    switch (status) {
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
    case 412:
        return ERROR_CONFLICT;
    default:
        return ERROR_REMOTE;
    }
}

/* The first words of a foreign body: without markup, blanks folded, nothing a terminal obeys. */
static void excerpt(const char *body, size_t size, char out[EXCERPT_SIZE])
{
    size_t used = 0;
    bool blank = false;
    bool utf8 = text_is_utf8(body, size);
    char text[EXCERPT_SIZE + 8];
    for (size_t i = 0; i < size && used < sizeof text - 3; i++) {
        unsigned char c = (unsigned char)body[i];
        if (c == '<') { /* a tag is a blank; one without an end hides the rest */
            const char *end = memchr(body + i, '>', size - i);
            i = end ? (size_t)(end - body) : size;
            c = ' ';
        }
        if (c <= 0x20 || c == 0x7F) {
            blank = used > 0;
            continue;
        }
        if (blank)
            text[used++] = ' ';
        blank = false;
        text[used++] = c >= 0x80 && !utf8 ? '?' : (char)c;
    }
    text[used] = '\0';
    (void)text_copy(out, EXCERPT_SIZE, text);
}

/* Appends `"name":[…]` with as many items as fit: JSON that is cut would be none. */
static void append_list(struct buffer *out, const char *name, const cJSON *list, size_t max)
{
    struct buffer item = { .max = max };
    const cJSON *child;
    size_t count = 0;
    if (!cJSON_IsArray(list))
        return;
    cJSON_ArrayForEach(child, list)
    {
        buffer_reset(&item);
        json_print(child, false, &item);
        size_t around = strlen(name) + sizeof ",\"\":[]}"; /* once more than needed */
        if (item.failed || out->size + item.size + around >= max)
            continue;
        if (count++ == 0)
            buffer_format(out, "%s\"%s\":[", out->size > 1 ? "," : "", name);
        else
            buffer_char(out, ',');
        buffer_append(out, item.data, item.size);
    }
    if (count > 0)
        buffer_char(out, ']');
    buffer_clear(&item);
}

static void read_details(const cJSON *error, struct error *err)
{
    struct buffer out = { 0 };
    buffer_char(&out, '{');
    append_list(&out, "details", json_at(error, "details"), sizeof err->details);
    append_list(&out, "additionalInfo", json_at(error, "additionalInfo"), sizeof err->details);
    buffer_char(&out, '}');
    if (!out.failed && out.size > 2 && out.size < sizeof err->details)
        memcpy(err->details, out.data, out.size + 1);
    buffer_clear(&out);
}

/* ARM's sentence, or the first one of its details. */
static const char *message_of(const cJSON *error)
{
    const char *message = json_string(error, "message", NULL);
    if (message && *message)
        return message;
    const cJSON *details = json_at(error, "details");
    const cJSON *first = cJSON_IsArray(details) ? details->child : NULL;
    message = json_string(first, "message", NULL);
    return message && *message ? message : NULL;
}

/* The error of a body: ARM's and Graph's `error` object, an object that is one itself (older
 * services); NULL when there is none. */
static const cJSON *error_of(const cJSON *tree)
{
    const cJSON *error = json_at(tree, "error");
    if (cJSON_IsObject(error))
        return error;
    if (json_string(tree, "code", NULL) && json_string(tree, "message", NULL))
        return tree;
    return NULL;
}

static void say(struct error *err, int status, const char *name, const char *message,
                const char *target)
{
    (void)error_set(err, code_of(status, name), "%s", message);
    err->status = status;
    (void)text_copy(err->name, sizeof err->name, name);
    (void)text_copy(err->target, sizeof err->target, target);
}

/* A body that is not ARM's. */
static void say_foreign(struct error *err, int status, const char *name, const char *body,
                        size_t size)
{
    char words[EXCERPT_SIZE];
    char message[EXCERPT_SIZE + 64];
    excerpt(body, size, words);
    (void)snprintf(message, sizeof message, "the plane answered %d%s%s", status,
                   *words ? ": " : " and did not say why", words);
    say(err, status, name, message, "");
}

int arm_error_read(int status, const char *body, size_t size, struct error *err)
{
    struct error local;
    cJSON *tree = NULL;
    if (!err)
        err = &local;
    if (size > 0)
        (void)json_parse(body, size, "the reply", &tree, NULL);
    const cJSON *error = error_of(tree);
    const char *oauth = json_string(tree, "error", NULL); /* RFC 6749: a token server's refusal */
    const char *message = error ? message_of(error) : json_string(tree, "error_description", NULL);
    const char *name = error ? json_string(error, "code", "") : oauth ? oauth : "";
    if (message)
        say(err, status, name, message, json_string(error, "target", ""));
    else if (*name)
        say(err, status, name, name, json_string(error, "target", ""));
    else
        say_foreign(err, status, name, body, size);
    if (error)
        read_details(error, err);
    cJSON_Delete(tree);
    return err->code;
}

/* ---- writing ---- */

cJSON *arm_error_object(const char *code, const char *target, const char *message)
{
    cJSON *error = cJSON_CreateObject();
    if (!error || json_put_string(error, "code", code) < 0 ||
        json_put_string(error, "message", message) < 0 ||
        (target && json_put_string(error, "target", target) < 0)) {
        cJSON_Delete(error);
        return NULL;
    }
    return error;
}

void arm_error_write(struct http_response *response, int status, const char *code,
                     const char *target, const char *format, ...)
{
    struct buffer message = { 0 };
    va_list args;
    va_start(args, format);
    buffer_vformat(&message, format, args);
    va_end(args);

    response->status = status;
    if (!http_header_get(&response->headers, "Content-Type"))
        (void)http_header_add(&response->headers, "Content-Type",
                              "application/json; charset=utf-8");
    struct buffer *body = &response->body;
    buffer_reset(body);
    buffer_text(body, "{\"error\":{\"code\":");
    json_quote(body, code);
    buffer_text(body, ",\"message\":");
    json_quote(body, message.data && !message.failed ? message.data : "");
    if (target) {
        buffer_text(body, ",\"target\":");
        json_quote(body, target);
    }
    buffer_text(body, "}}");
    buffer_clear(&message);
}
