/* log.h - lines for whoever runs a plane.  Commands do not log: they report errors. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/clock.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* A log is passed down, never global; NULL is a log that drops everything. */
struct log {
    int fd;               /* borrowed: where lines go */
    enum log_level level; /* lines below it are dropped */
    struct clock *clock;  /* borrowed */
};

/* One line: time, level, text.  Control characters in the text are written as \xNN. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
