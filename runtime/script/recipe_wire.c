/* recipe_wire.c - the frames between a recipe's child and its parent. */
#include "script/recipe_wire.h"

#include <errno.h>
#include <unistd.h>

static void put_header(char out[WIRE_HEADER_SIZE], enum wire_kind kind, size_t size)
{
    out[0] = (char)kind;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (char)(unsigned char)(size >> (8 * i));
}

void wire_put(struct buffer *out, enum wire_kind kind, const void *payload, size_t size)
{
    char header[WIRE_HEADER_SIZE];
    put_header(header, kind, size);
    buffer_append(out, header, sizeof header);
    if (size)
        buffer_append(out, payload, size);
}

void wire_header(const char *bytes, char *out_kind, size_t *out_size)
{
    size_t size = 0;
    for (int i = 0; i < 4; i++)
        size |= (size_t)(unsigned char)bytes[1 + i] << (8 * i);
    *out_kind = bytes[0];
    *out_size = size;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERROR_IO;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int read_all(int fd, char *data, size_t size)
{
    while (size) {
        ssize_t n = read(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERROR_IO;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

int wire_write(int fd, enum wire_kind kind, const void *payload, size_t size)
{
    char header[WIRE_HEADER_SIZE];
    put_header(header, kind, size);
    int rc = write_all(fd, header, sizeof header);
    return rc < 0 ? rc : write_all(fd, payload, size);
}

int wire_read(int fd, char *out_kind, struct buffer *out, size_t max)
{
    char header[WIRE_HEADER_SIZE];
    size_t size = 0;
    int rc = read_all(fd, header, sizeof header);
    if (rc < 0)
        return rc;
    wire_header(header, out_kind, &size);
    if (size > max)
        return ERROR_TOO_LARGE;
    char chunk[16384];
    while (size) {
        size_t want = size < sizeof chunk ? size : sizeof chunk;
        rc = read_all(fd, chunk, want);
        if (rc < 0)
            return rc;
        buffer_append(out, chunk, want);
        size -= want;
    }
    return out->failed;
}
