/* log.c - see log.h.  A line is one write(2), so that lines of several processes never mix. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_MAX_BYTES 4096 /* of text; what is longer is cut */

/* A control character of ASCII, or half of one of U+0080..U+009F, which terminals obey as well. */
static bool is_control(const unsigned char *p, bool utf8)
{
    if (*p < 0x20 || *p == 0x7F)
        return true;
    if (!utf8)
        return *p >= 0x80;
    return *p == 0xC2 && p[1] < 0xA0;
}

/* Copies `text` with control characters spelt out; returns the bytes written. */
static size_t spell(char *out, const char *text)
{
    bool utf8 = text_is_utf8(text, strlen(text));
    size_t size = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (!is_control(p, utf8)) {
            out[size++] = (char)*p;
            continue;
        }
        size += (size_t)snprintf(out + size, 5, "\\x%02x", *p);
        if (*p == 0xC2 && utf8) /* the other half */
            size += (size_t)snprintf(out + size, 5, "\\x%02x", *++p);
    }
    return size;
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    static const char *const names[] = { "debug", "info ", "warn ", "error" };
    if (!log || level < log->level)
        return;
    int saved = errno;
    char raw[LINE_MAX_BYTES + 4];
    va_list args;
    va_start(args, format);
    if (vsnprintf(raw, sizeof raw, format, args) < 0)
        raw[0] = '\0';
    va_end(args);
    char text[LINE_MAX_BYTES];
    (void)text_copy(text, sizeof text, raw);

    char line[TIME_TEXT_SIZE + 16 + 4 * LINE_MAX_BYTES];
    time_format(clock_unix_ms(log->clock), line);
    size_t size = strlen(line);
    size += (size_t)snprintf(line + size, 16, " %s ", names[level]);
    size += spell(line + size, text);
    line[size++] = '\n';
    while (write(log->fd, line, size) < 0 && errno == EINTR)
        continue; /* nothing was written; any other failure has nobody to be told to */
    errno = saved;
}
