/* progress.c - a block of lines that is redrawn, or plain lines where nobody can redraw. */
#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define REDRAW_MS 100
#define ROWS_DEFAULT 24
#define COLUMNS_DEFAULT 80
#define BLOCK_ROWS_MAX 16 /* operations shown at once; others are counted */

struct row {
    char *name;        /* owned; NULL: has not begun */
    const char *doing; /* borrowed, static; NULL: has ended */
    int64_t since_ms;
};

struct progress {
    struct loop *loop;
    const struct output *output;
    struct loop_timer *timer; /* NULL: nothing is redrawn by itself */
    struct row *rows;
    size_t slots, total, finished, failed;
    size_t first; /* no row before it is at work */
    size_t begun; /* no row from here on has begun */
    int64_t since_ms;
    int drawn;             /* lines of the block on the screen */
    struct buffer pending; /* lines that go above the block when it is next drawn */
    bool redraws, quiet;
};

static void seconds_text(int64_t ms, char *out, size_t out_size)
{
    if (ms < 10000)
        (void)snprintf(out, out_size, "%.1fs", (double)ms / 1000.0);
    else if (ms < 600000)
        (void)snprintf(out, out_size, "%ds", (int)(ms / 1000));
    else
        (void)snprintf(out, out_size, "%dm%02ds", (int)(ms / 60000), (int)(ms / 1000 % 60));
}

/* Moves to the block's first line and clears what is below. */
static void erase(struct progress *progress, struct buffer *out)
{
    if (progress->drawn > 0)
        buffer_format(out, "\033[%dA\r\033[J", progress->drawn);
    progress->drawn = 0;
}

static void flush(struct buffer *text)
{
    if (text->size > 0)
        (void)fwrite(text->data, 1, text->size, stderr);
    (void)fflush(stderr);
    buffer_clear(text);
}

static void draw_total(struct progress *progress, size_t at_work, struct buffer *out)
{
    char elapsed[24];
    seconds_text(loop_now_ms(progress->loop) - progress->since_ms, elapsed, sizeof elapsed);
    buffer_format(out, "%s%zu of %zu done", output_style(progress->output->colour_err, STYLE_BOLD),
                  progress->finished - progress->failed, progress->total);
    if (at_work > 0)
        buffer_format(out, ", %zu at work", at_work);
    if (progress->failed > 0)
        buffer_format(out, ", %zu failed", progress->failed);
    buffer_format(out, "  %s%s\n", elapsed,
                  output_style(progress->output->colour_err, STYLE_PLAIN));
}

static void draw(struct progress *progress, struct buffer *out)
{
    struct winsize window = { 0 };
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0)
        window = (struct winsize) { .ws_row = ROWS_DEFAULT, .ws_col = COLUMNS_DEFAULT };
    int rows_max = window.ws_row > 6 ? window.ws_row - 4 : 2;
    if (rows_max > BLOCK_ROWS_MAX)
        rows_max = BLOCK_ROWS_MAX;
    int64_t now = loop_now_ms(progress->loop);
    size_t at_work = 0;
    for (size_t i = progress->first; i < progress->begun; i++) {
        const struct row *row = &progress->rows[i];
        char elapsed[24];
        if (!row->doing)
            continue;
        if ((int)at_work++ >= rows_max)
            continue;
        seconds_text(now - row->since_ms, elapsed, sizeof elapsed);
        buffer_format(out, "  %-24.24s %-24.24s %s\n", row->name, row->doing, elapsed);
        progress->drawn++;
    }
    draw_total(progress, at_work, out);
    progress->drawn++;
}

static void redraw(struct progress *progress)
{
    struct buffer text = { 0 };
    erase(progress, &text);
    buffer_append(&text, progress->pending.data, progress->pending.size);
    buffer_reset(&progress->pending);
    draw(progress, &text);
    flush(&text);
}

/* A line that stays: at once where nothing is redrawn, else with the next redraw, so that thousands
 * of ends do not mean thousands of redraws. */
static void add_line(struct progress *progress, struct buffer *line)
{
    if (!progress->redraws) {
        flush(line);
        return;
    }
    buffer_append(&progress->pending, line->data, line->size);
    buffer_clear(line);
}

static void on_timer(void *arg)
{
    struct progress *progress = arg;
    redraw(progress);
    (void)loop_timer_set(progress->timer, REDRAW_MS);
}

int progress_new(struct loop *loop, const struct output *output, size_t slots, size_t total,
                 bool timer, struct progress **out, struct error *err)
{
    struct progress *progress = calloc(1, sizeof *progress);
    struct row *rows = calloc(slots + 1, sizeof *rows);
    if (!progress || !rows) {
        free(progress);
        free(rows);
        return error_set(err, ERROR_NO_MEMORY, "no memory");
    }
    *progress = (struct progress) {
        .loop = loop,
        .output = output,
        .rows = rows,
        .slots = slots,
        .total = total,
        .since_ms = loop_now_ms(loop),
        .redraws = output->err_is_terminal && timer,
        .quiet = output->json && !output->err_is_terminal,
    };
    int rc = 0;
    if (progress->redraws) {
        rc = loop_timer_new(loop, on_timer, progress, &progress->timer);
        if (rc == 0)
            rc = loop_timer_set(progress->timer, REDRAW_MS);
    }
    if (rc < 0) {
        progress_free(progress);
        return error_set(err, rc, "no memory");
    }
    *out = progress;
    return 0;
}

void progress_free(struct progress *progress)
{
    if (!progress)
        return;
    struct buffer text = { 0 };
    erase(progress, &text);
    buffer_append(&text, progress->pending.data, progress->pending.size);
    flush(&text);
    buffer_clear(&progress->pending);
    loop_timer_free(progress->timer);
    for (size_t i = 0; i < progress->slots; i++)
        free(progress->rows[i].name);
    free(progress->rows);
    free(progress);
}

void progress_doing(struct progress *progress, size_t index, const char *name, const char *doing)
{
    struct row *row = &progress->rows[index];
    if (!row->name) {
        char safe[OUTPUT_SAFE_SIZE];
        row->name = strdup(output_safe(safe, sizeof safe, name));
        row->since_ms = loop_now_ms(progress->loop);
    }
    row->doing = row->name ? doing : NULL;
    if (index >= progress->begun)
        progress->begun = index + 1;
    if (index < progress->first)
        progress->first = index;
}

void progress_done(struct progress *progress, size_t index, const char *name, const char *done,
                   bool failed)
{
    struct row *row = &progress->rows[index];
    int64_t now = loop_now_ms(progress->loop);
    struct buffer text = { 0 };
    char elapsed[24], safe[OUTPUT_SAFE_SIZE];
    bool colour = progress->output->colour_err;
    seconds_text(row->name ? now - row->since_ms : 0, elapsed, sizeof elapsed);
    row->doing = NULL;
    progress->finished++;
    progress->failed += failed;
    while (progress->first < progress->begun && !progress->rows[progress->first].doing)
        progress->first++;
    if (progress->quiet)
        return;
    buffer_format(&text, "%s%s%s %s (%s)\n", output_style(colour, failed ? STYLE_RED : STYLE_GREEN),
                  done, output_style(colour, STYLE_PLAIN), output_safe(safe, sizeof safe, name),
                  elapsed);
    add_line(progress, &text);
}

void progress_note(struct progress *progress, const char *note)
{
    struct buffer text = { 0 };
    buffer_format(&text, "%s\n", note);
    add_line(progress, &text);
    if (progress->redraws)
        redraw(progress);
}
