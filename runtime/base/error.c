/* error.c - errors as values of a fixed size: nothing here allocates. */
#include "base/error.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Copies `text`; what does not fit is cut at a whole character and ends in "...". */
static void fit(char *out, size_t out_size, const char *text)
{
    static const char dots[] = "...";
    if (text_copy(out, out_size, text))
        return;
    (void)text_copy(out, out_size - (sizeof dots - 1), text);
    memcpy(out + strlen(out), dots, sizeof dots);
}

/* Formats into `out`, cut like fit().  The arguments may point into the error that `out` is for, so
 * `out` is always memory of its own. */
static void format_into(char out[ERROR_MESSAGE_SIZE], const char *format, va_list args)
{
    /* One more byte than fits, so that fit() sees what was cut and where a character ends. */
    char text[ERROR_MESSAGE_SIZE + 8];
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    fit(out, ERROR_MESSAGE_SIZE, text);
}

int error_vset(struct error *err, int code, const char *format, va_list args)
{
    if (!err)
        return code;
    char message[ERROR_MESSAGE_SIZE];
    format_into(message, format, args);
    *err = (struct error) { .code = code };
    memcpy(err->message, message, sizeof message);
    return code;
}

int error_set(struct error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_vset(err, code, format, args);
    va_end(args);
    return code;
}

static int code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case ENOMEM:
        return ERROR_NO_MEMORY;
    case EACCES:
    case EPERM:
        return ERROR_DENIED;
    case EEXIST:
        return ERROR_CONFLICT;
    default:
        return ERROR_IO;
    }
}

int error_system(struct error *err, int errnum, const char *format, ...)
{
    int code = code_of_errno(errnum);
    if (!err)
        return code;
    char what[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    format_into(what, format, args);
    va_end(args);
    return error_set(err, code, "%s: %s", what, text_errno(errnum));
}

int error_wrap(struct error *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    char what[ERROR_MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    format_into(what, format, args);
    va_end(args);
    char text[2 * ERROR_MESSAGE_SIZE + 2];
    (void)snprintf(text, sizeof text, "%s%s%s", what, err->message[0] ? ": " : "", err->message);
    fit(err->message, sizeof err->message, text);
    err->code = code;
    return code;
}

void error_at(struct error *err, const char *file, int line)
{
    if (!err)
        return;
    if (file != err->file)
        fit(err->file, sizeof err->file, file ? file : "");
    err->line = line;
}

const char *error_code_text(int code)
{
    static const char *const texts[] = {
        [-ERROR_NONE] = "no error",
        [-ERROR_NO_MEMORY] = "out of memory",
        [-ERROR_IO] = "input or output failed",
        [-ERROR_SYNTAX] = "malformed",
        [-ERROR_RANGE] = "out of range",
        [-ERROR_INVALID] = "not acceptable",
        [-ERROR_NOT_FOUND] = "not found",
        [-ERROR_CONFLICT] = "conflict",
        [-ERROR_DENIED] = "denied",
        [-ERROR_QUOTA] = "over quota",
        [-ERROR_TOO_LARGE] = "too large",
        [-ERROR_TOO_NEW] = "made by a later release",
        [-ERROR_TIMEOUT] = "timed out",
        [-ERROR_CANCELLED] = "cancelled",
        [-ERROR_UNAVAILABLE] = "unavailable",
        [-ERROR_REMOTE] = "refused by the plane",
        [-ERROR_LIMIT] = "ran into its limit",
        [-ERROR_USAGE] = "used wrongly",
        [-ERROR_INTERNAL] = "internal error",
    };
    if (code > 0 || code <= -(int)COUNT(texts))
        return "unknown error";
    return texts[-code];
}
