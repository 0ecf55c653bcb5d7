/* buffer.h - bytes that grow, up to a cap.
 *
 * An allocation failure or the cap does not have to be checked at every call: the buffer turns
 * `failed`, later appends do nothing, and whoever finishes it asks once. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct buffer {
    char *data;      /* owned; NUL-terminated once anything was appended; may be NULL when empty */
    size_t size;     /* bytes in use, without the NUL */
    size_t capacity; /* bytes allocated */
    size_t max;      /* cap on `size`; 0: BUFFER_MAX_DEFAULT */
    int failed;      /* 0, ERROR_NO_MEMORY or ERROR_TOO_LARGE */
};

#define BUFFER_MAX_DEFAULT ((size_t)256 << 20)

/* An empty buffer is `{ 0 }` or `{ .max = CAP }`. */
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_char(struct buffer *buffer, char c);
void buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buffer_vformat(struct buffer *buffer, const char *format, va_list args);

/* Drops `size` bytes from the front (at most all). */
void buffer_consume(struct buffer *buffer, size_t size);

/* Empties it and keeps the memory and the cap. */
void buffer_reset(struct buffer *buffer);

/* Frees it; harmless twice. */
void buffer_clear(struct buffer *buffer);

/* 0, or why an append failed, told in `err` as "<what> ...". */
int buffer_check(const struct buffer *buffer, const char *what, struct error *err);

/* Moves the text out: *out is the caller's to free() (an empty string when nothing was appended).
 * Fails like buffer_check(); the buffer is empty afterwards either way. */
int buffer_detach(struct buffer *buffer, char **out, size_t *out_size, struct error *err);

#endif
