/* run_log.h - the log of one run of a setup script, as its output comes.
 *
 * Beside "0001-creation.log", which is the output as it is (less the values of secrets), stands
 * "0001-creation.times": a line "<offset> <Unix time in ms>" says when the bytes from that offset on
 * came, to RUN_LOG_TIMES_MS.  A time of 0 is the last one: there is no room for those that follow. */
#ifndef PLANE_DRIVERS_RUN_LOG_H
#define PLANE_DRIVERS_RUN_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "setup/secrets.h"

#define RUN_LOG_MAX ((int64_t)64 << 20)      /* bytes of one script's output that are kept */
#define RUN_LOG_TIMES_MS 50                  /* output within so long has one time */
#define RUN_LOG_TIMES_MAX ((int64_t)1 << 20) /* bytes of a .times file */

struct run_log;

/* Makes the log `name` ("….log") in `folder`, following no link.  `secrets` (NULL or empty: none)
 * are hidden before anything is written; borrowed until run_log_close(). */
int run_log_open(const char *folder, const char *name, const struct secrets *secrets,
                 struct run_log **out, struct error *err);

/* Output as it comes.  What cannot be kept (too much of it, a full disk) is counted; where it was
 * too much, the log says so. */
void run_log_put(struct run_log *log, const char *bytes, size_t size);

/* A line of ours, "[moonfleet] …", always at the beginning of a line. */
void run_log_note(struct run_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes what waits for its continuation.  More output may follow all the same. */
void run_log_flush(struct run_log *log);

int64_t run_log_dropped(const struct run_log *log); /* bytes; NULL: 0 */

void run_log_close(struct run_log *log); /* flushes; NULL is fine */

#endif
