/* error.h - what went wrong, as a value.
 *
 * A function returns 0 or a negative `enum error_code`; the rest goes to a `struct error` that the
 * caller owns.  It has a fixed size, so that reporting never allocates, and every text that does
 * not fit is cut at a whole UTF-8 character and ends in "...".  Layers report; only cli/ prints,
 * and only the plane's server turns an error into an ARM body. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum error_code {
    ERROR_NONE = 0,
    ERROR_NO_MEMORY = -1,
    ERROR_IO = -2,      /* the operating system refused: a file, a socket */
    ERROR_SYNTAX = -3,  /* outside bytes are malformed */
    ERROR_RANGE = -4,   /* well-formed, but a number or a length is out of its bounds */
    ERROR_INVALID = -5, /* well-formed, but not acceptable: an unknown field, a wrong type */
    ERROR_NOT_FOUND = -6,
    ERROR_CONFLICT = -7, /* it exists, it is busy, the world moved */
    ERROR_DENIED = -8,   /* authentication or authorization */
    ERROR_QUOTA = -9,
    ERROR_TOO_LARGE = -10, /* a named cap was reached */
    ERROR_TOO_NEW = -11,   /* a later release wrote this */
    ERROR_TIMEOUT = -12,
    ERROR_CANCELLED = -13,
    ERROR_UNAVAILABLE = -14, /* nobody answers, or it answers 5xx/429 to the end of our patience */
    ERROR_REMOTE = -15,      /* the plane refused or failed: see `name`, `status` */
    ERROR_LIMIT = -16,       /* a recipe or script ran into its CPU, memory or time limit */
    ERROR_USAGE = -17,       /* a command was used wrongly */
    ERROR_INTERNAL = -18,    /* our own mistake */
};

#define ERROR_NAME_SIZE 96
#define ERROR_MESSAGE_SIZE 2048
#define ERROR_TARGET_SIZE 512
#define ERROR_FILE_SIZE 256
#define ERROR_DETAILS_SIZE 4096

/* Start with `struct error err = { 0 };`.  All texts are NUL-terminated, empty when unknown. */
struct error {
    int code;                         /* enum error_code; 0: none */
    int status;                       /* HTTP status of an ARM error; 0: none */
    int line;                         /* where in `file`; 0: unknown */
    char name[ERROR_NAME_SIZE];       /* ARM's code ("AuthorizationFailed"); else "" */
    char message[ERROR_MESSAGE_SIZE]; /* one sentence for a person */
    char target[ERROR_TARGET_SIZE];   /* ARM's target, or the resource it is about */
    char file[ERROR_FILE_SIZE];       /* the recipe that it is about */
    char details[ERROR_DETAILS_SIZE]; /* ARM's details[] and additionalInfo[] as JSON text; else ""
                                       */
};

/* Fills `err` (may be NULL; what it held is forgotten) and returns `code`, so that
 * `return error_set(err, ERROR_RANGE, "…", …);` reads well. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int error_vset(struct error *err, int code, const char *format, va_list args);

/* The same for a failed system call: adds the text of `errnum` (an errno value) and picks the code:
 * ENOENT → ERROR_NOT_FOUND, ENOMEM → ERROR_NO_MEMORY, EACCES/EPERM → ERROR_DENIED,
 * EEXIST → ERROR_CONFLICT, else ERROR_IO. */
int error_system(struct error *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<what we were doing>: " before the message, keeps everything else, returns `code`. */
int error_wrap(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says where in a recipe: keeps everything else.  `file` may be NULL. */
void error_at(struct error *err, const char *file, int line);

/* A short English name of a code ("not found"); never NULL. */
const char *error_code_text(int code);

#endif
