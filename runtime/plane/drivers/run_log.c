/* run_log.c - see run_log.h. */
#include "plane/drivers/run_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

struct run_log {
    int file, times;
    struct secrets_filter *filter; /* NULL: nothing to hide */
    int64_t size;                  /* bytes of the file */
    int64_t taken;                 /* bytes of output, kept or not */
    int64_t dropped;
    int64_t times_size;
    int64_t marked_ms; /* of the last line in .times; monotonic */
    bool marked;       /* there is one */
    bool line_open;    /* the last byte was no newline */
    bool full;         /* the cap was told */
    bool times_full;   /* so was that of .times */
};

static int make_file(const char *folder, const char *name, struct error *err)
{
    char *path = file_join(folder, name);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
    if (fd < 0)
        error_system(err, path ? errno : ENOMEM, "opening the log '%s'", name);
    free(path);
    return fd;
}

int run_log_open(const char *folder, const char *name, const struct secrets *secrets,
                 struct run_log **out, struct error *err)
{
    struct run_log *log = calloc(1, sizeof *log);
    char *times = text_format("%.*s.times", (int)(strlen(name) - strlen(".log")), name);
    int rc = log && times ? 0 : error_set(err, ERROR_NO_MEMORY, "no memory for a log");
    if (rc == 0 && secrets_count(secrets) > 0)
        rc = secrets_filter_new(secrets, &log->filter, err);
    if (rc == 0 && log) {
        log->file = make_file(folder, name, err);
        log->times = log->file < 0 ? -1 : make_file(folder, times, NULL); /* it can do without */
        rc = log->file < 0 ? ERROR_IO : 0;
    }
    free(times);
    if (rc < 0) {
        if (log)
            secrets_filter_free(log->filter);
        free(log);
        return rc;
    }
    *out = log;
    return 0;
}

/* Writes all of it; how much went. */
static size_t write_whole(int fd, const char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t wrote = write(fd, bytes + done, size - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    return done;
}

/* What is written next came now. */
static void mark_time(struct run_log *log)
{
    char line[64];
    int64_t now = clock_monotonic_ms(clock_real());
    if (log->times < 0 || log->times_full ||
        (log->marked && now - log->marked_ms < RUN_LOG_TIMES_MS))
        return;
    log->times_full = log->times_size > RUN_LOG_TIMES_MAX - (int64_t)sizeof line;
    int size = snprintf(line, sizeof line, "%" PRId64 " %" PRId64 "\n", log->size,
                        log->times_full ? 0 : clock_unix_ms(clock_real()));
    log->times_size += (int64_t)write_whole(log->times, line, (size_t)size);
    log->marked_ms = now;
    log->marked = true;
}

static void keep(struct run_log *log, const char *bytes, size_t size)
{
    if (size == 0)
        return;
    mark_time(log);
    size_t done = write_whole(log->file, bytes, size);
    log->size += (int64_t)done;
    log->dropped += (int64_t)(size - done);
    if (done > 0)
        log->line_open = bytes[done - 1] != '\n';
}

static void keep_buffer(struct run_log *log, struct buffer *bytes)
{
    if (bytes->failed)
        run_log_note(log, "no memory to hide the secrets in this output: some of it is dropped");
    else
        keep(log, bytes->data, bytes->size);
    buffer_clear(bytes);
}

void run_log_put(struct run_log *log, const char *bytes, size_t size)
{
    int64_t left = RUN_LOG_MAX - log->taken;
    size_t wanted = (int64_t)size < left ? size : (size_t)(left > 0 ? left : 0);
    struct buffer shown = { 0 };
    log->taken += (int64_t)size;
    log->dropped += (int64_t)(size - wanted);
    if (wanted > 0 && log->filter) {
        secrets_filter_put(log->filter, bytes, wanted, &shown);
        keep_buffer(log, &shown);
    } else {
        keep(log, bytes, wanted);
    }
    if (wanted < size && !log->full) {
        log->full = true;
        run_log_flush(log);
        run_log_note(log, "output beyond %d MiB is dropped", (int)(RUN_LOG_MAX >> 20));
    }
}

void run_log_note(struct run_log *log, const char *format, ...)
{
    struct buffer text = { 0 };
    va_list args;
    va_start(args, format);
    buffer_text(&text, log->line_open ? "\n[moonfleet] " : "[moonfleet] ");
    buffer_vformat(&text, format, args);
    buffer_char(&text, '\n');
    va_end(args);
    if (buffer_check(&text, "a note", NULL) == 0)
        keep(log, text.data, text.size);
    buffer_clear(&text);
}

void run_log_flush(struct run_log *log)
{
    struct buffer shown = { 0 };
    if (!log->filter)
        return;
    secrets_filter_end(log->filter, &shown);
    keep_buffer(log, &shown);
}

int64_t run_log_dropped(const struct run_log *log)
{
    return log ? log->dropped : 0;
}

void run_log_close(struct run_log *log)
{
    if (!log)
        return;
    run_log_flush(log);
    secrets_filter_free(log->filter);
    (void)close(log->file);
    if (log->times >= 0)
        (void)close(log->times);
    free(log);
}
