/* buffer.c - see buffer.h.  Grows by doubling; a failure sticks until buffer_reset or _clear. */
#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64

/* Makes room for `more` bytes and a NUL; false (and `failed`) when that can't be. */
static bool reserve(struct buffer *buffer, size_t more)
{
    size_t max = buffer->max ? buffer->max : BUFFER_MAX_DEFAULT;
    if (buffer->failed)
        return false;
    if (buffer->size > max || more > max - buffer->size) {
        buffer->failed = ERROR_TOO_LARGE;
        return false;
    }
    size_t needed = buffer->size + more + 1;
    if (needed <= buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : CAPACITY_MIN;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    char *data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->failed = ERROR_NO_MEMORY;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (!reserve(buffer, size))
        return;
    if (size > 0)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_char(struct buffer *buffer, char c)
{
    buffer_append(buffer, &c, 1);
}

void buffer_vformat(struct buffer *buffer, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buffer->failed ? 0 : buffer->capacity - buffer->size;
    int length = vsnprintf(room ? buffer->data + buffer->size : NULL, room, format, args);
    if (length < 0) {
        buffer->failed = buffer->failed ? buffer->failed : ERROR_NO_MEMORY;
    } else if (reserve(buffer, (size_t)length)) {
        if ((size_t)length >= room)
            (void)vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    if (buffer->data) /* a refused or failed print may have written over the NUL */
        buffer->data[buffer->size] = '\0';
    va_end(again);
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buffer_vformat(buffer, format, args);
    va_end(args);
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    if (size == 0 || buffer->size == 0)
        return;
    if (size > buffer->size)
        size = buffer->size;
    buffer->size -= size;
    memmove(buffer->data, buffer->data + size, buffer->size + 1);
}

void buffer_reset(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->failed = 0;
    if (buffer->data)
        buffer->data[0] = '\0';
}

void buffer_clear(struct buffer *buffer)
{
    size_t max = buffer->max;
    free(buffer->data);
    *buffer = (struct buffer) { .max = max };
}

int buffer_check(const struct buffer *buffer, const char *what, struct error *err)
{
    if (buffer->failed == 0)
        return 0;
    if (buffer->failed == ERROR_TOO_LARGE)
        return error_set(err, ERROR_TOO_LARGE, "%s is larger than %zu bytes", what,
                         buffer->max ? buffer->max : BUFFER_MAX_DEFAULT);
    return error_set(err, buffer->failed, "%s does not fit into memory", what);
}

int buffer_detach(struct buffer *buffer, char **out, size_t *out_size, struct error *err)
{
    (void)reserve(buffer, 0); /* an empty buffer may have no memory yet */
    int rc = buffer_check(buffer, "the text", err);
    if (rc < 0) {
        buffer_clear(buffer);
        return rc;
    }
    buffer->data[buffer->size] = '\0';
    *out = buffer->data;
    if (out_size)
        *out_size = buffer->size;
    *buffer = (struct buffer) { .max = buffer->max };
    return 0;
}
