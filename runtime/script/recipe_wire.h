/* recipe_wire.h - the frames between a recipe's child and its parent, on one socket.
 *
 * A frame is one byte of kind, four bytes of size (little endian), then the payload. */
#ifndef SCRIPT_RECIPE_WIRE_H
#define SCRIPT_RECIPE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define WIRE_HEADER_SIZE 5
#define WIRE_ASK_MAX 4096                   /* a path or a name */
#define WIRE_FAILURE_MAX ((size_t)16 << 10) /* JSON of a failure */
#define WIRE_ANSWER_MAX ((size_t)5 << 20)   /* a file, or the recipe with its parameters */
#define WIRE_CHILD_FD 3

enum wire_kind {
    WIRE_SETUP = 'S',    /* parent: JSON with the name, the limits, the parameters */
    WIRE_TEXT = 'T',     /* parent: the recipe's text */
    WIRE_READ = 'R',     /* child: asks for a file */
    WIRE_ENV = 'E',      /* child: asks for an environment variable */
    WIRE_SECRET = 'Q',   /* child: asks for the value of a secret */
    WIRE_CONTENT = 'C',  /* parent: the file or the value */
    WIRE_NOTHING = 'N',  /* parent: there is no such variable or secret */
    WIRE_REFUSED = 'X',  /* parent: a sentence that says why not */
    WIRE_DOCUMENT = 'D', /* child: the document, the last it sends */
    WIRE_FAILURE = 'Z',  /* child: JSON {"code","message","file","line"}, the last it sends */
};

/* Appends a whole frame to `out`. */
void wire_put(struct buffer *out, enum wire_kind kind, const void *payload, size_t size);

/* Reads a header of WIRE_HEADER_SIZE bytes. */
void wire_header(const char *bytes, char *out_kind, size_t *out_size);

/* For the child, which waits for its parent: one whole frame out or in.  Return 0, or ERROR_IO when
 * the parent is gone, or ERROR_TOO_LARGE. */
int wire_write(int fd, enum wire_kind kind, const void *payload, size_t size);
int wire_read(int fd, char *out_kind, struct buffer *out, size_t max);

#endif
