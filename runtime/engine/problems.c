/* problems.c - see problems.h. */
#include "engine/problems.h"

#include "base/text.h"

static struct plan_problem *grow(struct problems *problems)
{
    if (problems->count < problems->capacity)
        return &problems->items[problems->count];
    size_t capacity = problems->capacity ? problems->capacity * 2 : 8;
    struct plan_problem *items = realloc(problems->items, capacity * sizeof *items);
    if (!items)
        return NULL;
    problems->items = items;
    problems->capacity = capacity;
    return &items[problems->count];
}

/* A declaration that makes several resources is told of its mistake once. */
static bool is_repeated(const struct problems *problems, const char *file, int line,
                        const char *message)
{
    const struct plan_problem *last =
        problems->count ? &problems->items[problems->count - 1] : NULL;
    return last && last->line == line && text_equal(last->file, file) &&
           text_equal(last->message, message);
}

void problems_add(struct problems *problems, const char *file, int line, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list args;
    if (problems->count >= PROBLEMS_MAX) {
        problems->dropped++;
        return;
    }
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (is_repeated(problems, file, line, message))
        return;
    struct plan_problem *item = grow(problems);
    char *text = strdup(message), *where = file ? strdup(file) : NULL;
    if (!item || !text || (file && !where)) {
        free(text);
        free(where);
        problems->failed = true;
        return;
    }
    *item = (struct plan_problem) { .message = text, .file = where, .line = line };
    problems->count++;
}

static bool before(const struct plan_problem *a, const struct plan_problem *b)
{
    int order = strcmp(a->file ? a->file : "", b->file ? b->file : "");
    return order < 0 || (order == 0 && a->line < b->line);
}

/* Merge sort, because the order of equals is kept: by halves into `spare`, and back. */
static void sort(struct plan_problem *items, struct plan_problem *spare, size_t count)
{
    size_t half = count / 2, left = 0, right = half, out = 0;
    if (count < 2)
        return;
    sort(items, spare, half);
    sort(items + half, spare, count - half);
    while (left < half && right < count)
        spare[out++] = before(&items[right], &items[left]) ? items[right++] : items[left++];
    while (left < half)
        spare[out++] = items[left++];
    while (right < count)
        spare[out++] = items[right++];
    memcpy(items, spare, count * sizeof *items);
}

void problems_sort(struct problems *problems)
{
    struct plan_problem *spare = calloc(problems->count + 1, sizeof *spare);
    if (spare)
        sort(problems->items, spare, problems->count);
    free(spare);
}

void problems_clear(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free((char *)problems->items[i].message);
        free((char *)problems->items[i].file);
    }
    free(problems->items);
    *problems = (struct problems) { 0 };
}
