/* setup_report.c - see setup_report.h.
 *
 * A script that makes a virtual environment writes thousands of files: for people a folder that is
 * new is one line, however much is in it, and so is a folder where many files came; caches and logs
 * are one line for all. */
#include "cli/setup_report.h"

#include <limits.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"
#include "setup/template.h"

#define LISTING_MAX ((size_t)1 << 30)
#define FEW 6          /* files of one folder that are named one by one */
#define MANY 12        /* things in one folder that have lines of their own */
#define LINES_MAX 60   /* of files, for people */
#define AHEAD_MAX 4096 /* lines that are looked at to tell whether a folder has many */
#define SLOWEST_MAX 5
#define SLOW_MS 10 /* a command that took less is not worth a line */
#define COMMAND_MAX 200

int report_read_listing(const char *folder, const char *name, struct listing *out,
                        struct error *err)
{
    struct buffer text = { .max = LISTING_MAX };
    char *path = file_join(folder, name);
    int rc = path ? file_read(path, LISTING_MAX, &text, err)
                  : error_set(err, ERROR_NO_MEMORY, "no memory");
    if (rc == 0)
        rc = listing_read(text.data ? text.data : "", text.size, out, err);
    buffer_clear(&text);
    free(path);
    return rc;
}

/* ---- JSON ---- */

static const char *const kind_names[] = {
    [CHANGE_ADDED] = "added", [CHANGE_CHANGED] = "changed", [CHANGE_REMOVED] = "removed"
};

static const char *type_name(const struct listing_file *file)
{
    switch (file ? file->type : LISTING_FILE) {
    case LISTING_FOLDER:
        return "folder";
    case LISTING_LINK:
        return "link";
    case LISTING_OTHER:
        return "other";
    default:
        return "file";
    }
}

static cJSON *names_json(const struct change_list *list)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < list->count; i++) {
        const struct change *change = &list->items[i];
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(row, "change", kind_names[change->kind]);
        (void)cJSON_AddStringToObject(row, "name", change->name);
        if (change->before)
            (void)cJSON_AddStringToObject(row, "before", change->before);
        if (change->after)
            (void)cJSON_AddStringToObject(row, "after", change->after);
        (void)cJSON_AddItemToArray(array, row);
    }
    return array;
}

static cJSON *files_json(const struct change_list *list)
{
    cJSON *files = cJSON_CreateObject();
    cJSON *arrays[] = { cJSON_AddArrayToObject(files, "added"),
                        cJSON_AddArrayToObject(files, "changed"),
                        cJSON_AddArrayToObject(files, "removed") };
    int64_t noise_bytes = 0;
    size_t noise = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct change *change = &list->items[i];
        struct buffer path = { 0 };
        if (listing_is_noise(change->name)) {
            noise++;
            noise_bytes += change->grown;
            continue;
        }
        output_escape(&path, change->name, false); /* names of files may be no UTF-8 */
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(row, "path", path.data ? path.data : "");
        (void)cJSON_AddStringToObject(row, "type", type_name(change->file));
        (void)cJSON_AddNumberToObject(row, "bytes", (double)change->file->size);
        (void)cJSON_AddItemToArray(arrays[change->kind], row);
        buffer_clear(&path);
    }
    cJSON *sum = cJSON_AddObjectToObject(files, "noise");
    (void)cJSON_AddNumberToObject(sum, "count", (double)noise);
    (void)cJSON_AddNumberToObject(sum, "bytes", (double)noise_bytes);
    return files;
}

cJSON *report_changes_json(const struct changes *changes)
{
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddItemToObject(tree, "files", files_json(&changes->files));
    cJSON *packages = cJSON_AddObjectToObject(tree, "packages");
    (void)cJSON_AddItemToObject(packages, "deb", names_json(&changes->packages));
    (void)cJSON_AddItemToObject(packages, "pip", names_json(&changes->pip));
    (void)cJSON_AddItemToObject(tree, "users", names_json(&changes->users));
    (void)cJSON_AddItemToObject(tree, "groups", names_json(&changes->groups));
    (void)cJSON_AddItemToObject(tree, "services", names_json(&changes->services));
    return tree;
}

size_t report_count(const struct changes *changes)
{
    size_t count = changes->packages.count + changes->users.count + changes->groups.count;
    for (size_t i = 0; i < changes->files.count; i++)
        count += !listing_is_noise(changes->files.items[i].name);
    return count;
}

/* ---- for people ---- */

static const enum style kind_styles[] = {
    [CHANGE_ADDED] = STYLE_GREEN, [CHANGE_CHANGED] = STYLE_YELLOW, [CHANGE_REMOVED] = STYLE_RED
};
static const char kind_marks[] = {
    [CHANGE_ADDED] = '+', [CHANGE_CHANGED] = '~', [CHANGE_REMOVED] = '-'
};

static void print_mark(const struct output *output, enum change_kind kind)
{
    output_print(output, "  %s%c%s ", output_style(output->colour_out, kind_styles[kind]),
                 kind_marks[kind], output_style(output->colour_out, STYLE_PLAIN));
}

static void print_heading(const struct output *output, const char *text)
{
    output_print(output, "%s%s%s\n", output_style(output->colour_out, STYLE_BOLD), text,
                 output_style(output->colour_out, STYLE_PLAIN));
}

static void print_names(const struct output *output, const char *heading,
                        const struct change_list *list)
{
    char safe[3][OUTPUT_SAFE_SIZE];
    if (list->count == 0)
        return;
    print_heading(output, heading);
    for (size_t i = 0; i < list->count; i++) {
        const struct change *change = &list->items[i];
        const char *after =
            output_safe(safe[1], sizeof safe[1], change->after ? change->after : "");
        print_mark(output, change->kind);
        output_print(output, "%s", output_safe(safe[0], sizeof safe[0], change->name));
        if (change->before && change->after)
            output_print(output, " %s → %s", output_safe(safe[2], sizeof safe[2], change->before),
                         after);
        else if (change->before || change->after)
            output_print(output, " %s",
                         change->after ? after
                                       : output_safe(safe[2], sizeof safe[2], change->before));
        output_print(output, "\n");
    }
}

/* A line of the list of files: one file, or a folder with what is in it. */
struct group {
    const char *path; /* borrowed */
    size_t path_size;
    enum change_kind kind;
    bool folder;
    bool itself;  /* the folder, not what is in it: its mode or owner changed */
    size_t count; /* files in it */
    int64_t bytes;
};

/* Is `path` in the folder of that name? */
static bool within(const char *path, const char *folder, size_t size)
{
    return strncmp(path, folder, size) == 0 && path[size] == '/';
}

static size_t parent_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash > path ? (size_t)(slash - path) : 1;
}

/* How many files of the same kind stand directly in the same folder, from `i` on. */
static size_t siblings(const struct change_list *list, size_t i)
{
    const struct change *first = &list->items[i];
    size_t size = parent_size(first->name);
    size_t count = 0;
    for (size_t j = i; j < list->count && strncmp(list->items[j].name, first->name, size) == 0;
         j++) {
        const struct change *other = &list->items[j];
        count += other->kind == first->kind && parent_size(other->name) == size &&
                 other->file->type != LISTING_FOLDER;
    }
    return count;
}

/* Does the line of `group` already tell of this change? */
static bool told(const struct group *group, const struct change *change)
{
    return group->folder && !group->itself && group->kind == change->kind &&
           within(change->name, group->path, group->path_size);
}

static void add_to(struct group *group, const struct change *change)
{
    group->count += change->file->type != LISTING_FOLDER;
    group->bytes += change->file->size;
}

/* Gathers the lines; `out` has room for one per change.  How many. */
static size_t group_files(const struct change_list *list, struct group *out)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct change *change = &list->items[i];
        struct group *found = NULL;
        if (listing_is_noise(change->name))
            continue;
        for (size_t j = count; !found && j > 0 && j + 64 > count; j--) {
            if (told(&out[j - 1], change))
                found = &out[j - 1];
        }
        if (!found) {
            bool folder = change->file->type == LISTING_FOLDER;
            bool many = !folder && siblings(list, i) > FEW;
            found = &out[count++];
            *found = (struct group) { .path = change->name,
                                      .path_size =
                                          many ? parent_size(change->name) : strlen(change->name),
                                      .kind = change->kind,
                                      .folder = folder || many,
                                      .itself = folder && change->kind == CHANGE_CHANGED };
        }
        add_to(found, change);
    }
    return count;
}

/* The size of the name in `path` that begins with the slash at `from`. */
static size_t name_end(const char *path, size_t from)
{
    return from + 1 + strcspn(path + from + 1, "/");
}

static bool alike(const struct group *group, const struct group *other)
{
    return group->kind == other->kind && !other->itself;
}

/* Do more than MANY things in the folder, the first `size` bytes of the first line's path, have
 * lines of that line's kind? */
static bool is_full(const struct group *lines, size_t count, size_t size)
{
    const char *last = NULL;
    size_t last_size = 0;
    size_t things = 0;
    for (size_t i = 0; i < count && i < AHEAD_MAX && things <= MANY; i++) {
        const char *path = lines[i].path;
        if (!within(path, lines->path, size))
            break;
        if (!alike(lines, &lines[i]) || (last && within(path, last, last_size)))
            continue;
        last = path;
        last_size = name_end(path, size);
        things++;
    }
    return things > MANY;
}

/* The uppermost such folder of the first line, but none of the root's own; 0: there is none. */
static size_t full_folder(const struct group *lines, size_t count)
{
    size_t size = name_end(lines->path, 0);
    while (!lines->itself && size < lines->path_size) {
        size = name_end(lines->path, size);
        if (size < lines->path_size && is_full(lines, count, size))
            return size;
    }
    return 0;
}

/* One line for a folder in which very many things have a line, as translations have in that of each
 * language.  How many lines are left. */
static size_t fold(struct group *lines, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count;) {
        struct group line = lines[i];
        size_t size = full_folder(&lines[i], count - i);
        i++;
        size_t at = kept++;
        if (size > 0) {
            line.path_size = size;
            line.folder = true;
        }
        for (; size > 0 && i < count && within(lines[i].path, line.path, size); i++) {
            if (alike(&line, &lines[i])) {
                line.count += lines[i].count;
                line.bytes += lines[i].bytes;
            } else {
                lines[kept++] = lines[i];
            }
        }
        lines[at] = line;
    }
    return kept;
}

static void print_group(const struct output *output, const struct group *group)
{
    struct buffer path = { 0 };
    char bytes[32];
    char *name = text_dup_size(group->path, group->path_size);
    output_escape(&path, name ? name : "", false);
    output_bytes(group->bytes, bytes, sizeof bytes);
    print_mark(output, group->kind);
    output_print(output, "%s%s", path.data ? path.data : "",
                 group->folder && !text_equal(name, "/") ? "/" : "");
    if (group->itself)
        output_print(output, "  another mode or owner");
    else if (group->folder && group->count > 0)
        output_print(output, "  %zu file%s, %s", group->count, group->count == 1 ? "" : "s", bytes);
    else if (!group->folder && group->kind != CHANGE_REMOVED)
        output_print(output, "  %s", bytes);
    output_print(output, "\n");
    buffer_clear(&path);
    free(name);
}

static void print_noise(const struct output *output, const struct change_list *list)
{
    size_t count = 0;
    int64_t grown = 0;
    char bytes[32];
    for (size_t i = 0; i < list->count; i++) {
        if (listing_is_noise(list->items[i].name) && list->items[i].file->type != LISTING_FOLDER) {
            count++;
            grown += list->items[i].grown;
        }
    }
    if (count == 0)
        return;
    output_bytes(grown < 0 ? -grown : grown, bytes, sizeof bytes);
    output_print(output,
                 "    %zu in caches, logs, temporary folders and the package database, %s%s\n",
                 count, grown < 0 ? "-" : "+", bytes);
}

static void print_files(const struct output *output, const struct change_list *list,
                        const struct report_words *words)
{
    size_t counts[3] = { 0 };
    struct group *groups = list->count > 0 ? calloc(list->count, sizeof *groups) : NULL;
    if (!groups)
        return;
    for (size_t i = 0; i < list->count; i++)
        counts[list->items[i].kind] +=
            list->items[i].file->type != LISTING_FOLDER && !listing_is_noise(list->items[i].name);
    output_print(output, "%sfiles%s: %zu %s, %zu %s, %zu %s\n",
                 output_style(output->colour_out, STYLE_BOLD),
                 output_style(output->colour_out, STYLE_PLAIN), counts[CHANGE_ADDED], words->added,
                 counts[CHANGE_CHANGED], words->changed, counts[CHANGE_REMOVED], words->removed);
    size_t count = fold(groups, group_files(list, groups));
    for (size_t i = 0; i < count && i < LINES_MAX; i++)
        print_group(output, &groups[i]);
    if (count > LINES_MAX)
        output_print(output, "    and %zu more places: --json names all\n", count - LINES_MAX);
    print_noise(output, list);
    free(groups);
}

void report_changes(const struct output *output, const struct changes *changes,
                    const struct report_words *words)
{
    print_files(output, &changes->files, words);
    print_names(output, "Debian packages", &changes->packages);
    print_names(output, "Python packages", &changes->pip);
    print_names(output, "users", &changes->users);
    print_names(output, "groups", &changes->groups);
    print_names(output, "services", &changes->services);
}

/* ---- the slowest commands ---- */

/* One line "++1763722930.123456\t4711\t4700\t12\tcommand" of a trace: when, by which process, which
 * one that process left in the background last (empty: none), the script's line. */
struct traced {
    int64_t start_us, process, background, line;
    const char *command;
    size_t command_size;
    int64_t took_us;
};

/* The next field of a line as a number, without what parts seconds from their decimals; false when
 * it is none.  *text moves on. */
static bool read_number(const char **text, const char *end, bool optional, int64_t *out)
{
    char digits[24];
    size_t used = 0;
    const char *at = *text;
    for (; at < end && *at != '\t' && used + 1 < sizeof digits; at++) {
        if (*at != '.' && *at != ',') /* as the script's language writes numbers */
            digits[used++] = *at;
    }
    digits[used] = '\0';
    *out = 0;
    if (at >= end || *at != '\t')
        return false;
    *text = at + 1;
    return (used == 0 && optional) || text_to_int64(digits, 0, INT64_MAX, out) == 0;
}

/* Reads one line; false for the rest of a command of several lines. */
static bool read_traced(const char *line, size_t size, struct traced *out)
{
    const char *end = line + size;
    const char *at = line;
    *out = (struct traced) { 0 };
    while (at < end && *at == '+')
        at++;
    if (at == line || !read_number(&at, end, false, &out->start_us) ||
        !read_number(&at, end, false, &out->process) ||
        !read_number(&at, end, true, &out->background) || !read_number(&at, end, false, &out->line))
        return false;
    out->command = at;
    out->command_size = (size_t)(end - at);
    return true;
}

static size_t read_trace(const char *trace, size_t size, struct traced *out, size_t max)
{
    size_t count = 0;
    for (size_t at = 0; at < size && count < max;) {
        const char *end = memchr(trace + at, '\n', size - at);
        size_t length = end ? (size_t)(end - trace) - at : size - at;
        count += read_traced(trace + at, length, &out[count]);
        at += length + 1;
    }
    return count;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* What runs in the background is waited for by nobody: its lines don't count. */
static size_t drop_background(struct traced *all, size_t count)
{
    size_t kept = 0;
    size_t known = 0;
    int64_t *processes = calloc(count + 1, sizeof *processes);
    if (!processes)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].background > 0 && (known == 0 || processes[known - 1] != all[i].background))
            processes[known++] = all[i].background;
    }
    qsort(processes, known, sizeof *processes, by_number);
    for (size_t i = 0; i < count; i++) {
        if (!bsearch(&all[i].process, processes, known, sizeof *processes, by_number))
            all[kept++] = all[i];
    }
    free(processes);
    return kept;
}

static int by_took(const void *a, const void *b)
{
    int64_t x = ((const struct traced *)a)->took_us;
    int64_t y = ((const struct traced *)b)->took_us;
    return (x < y) - (x > y);
}

/* What is shown of a command: nothing secret, and not too much. */
static void take_command(const struct traced *traced, const struct secrets *secrets,
                         struct buffer *out)
{
    struct buffer hidden = { 0 };
    secrets_redact(secrets, traced->command, traced->command_size, &hidden);
    if (hidden.size > COMMAND_MAX)
        hidden.data[COMMAND_MAX] = '\0';
    output_escape(out, hidden.data ? hidden.data : "", false);
    buffer_clear(&hidden);
}

cJSON *report_slowest(const char *trace, size_t size, const struct report_script *script)
{
    cJSON *array = cJSON_CreateArray();
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += trace[i] == '\n';
    struct traced *all = calloc(lines, sizeof *all);
    if (!all)
        return array;
    size_t count = drop_background(all, read_trace(trace, size, all, lines));
    for (size_t i = 0; i < count; i++) {
        /* It lasts until the next one is told, whoever does that: the innermost counts. */
        int64_t next = i + 1 < count ? all[i + 1].start_us : script->end_ms * 1000;
        all[i].took_us = next > all[i].start_us ? next - all[i].start_us : 0;
    }
    if (count > 0)
        qsort(all, count, sizeof *all, by_took);
    for (size_t i = 0; i < count && i < SLOWEST_MAX && all[i].took_us >= SLOW_MS * 1000; i++) {
        struct buffer command = { 0 };
        int64_t line = all[i].line <= INT_MAX ? all[i].line : 0;
        take_command(&all[i], script->secrets, &command);
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(row, "seconds", (double)all[i].took_us / 1e6);
        (void)cJSON_AddNumberToObject(row, "line", template_line_of(script->lines, (int)line));
        (void)cJSON_AddStringToObject(row, "command", command.data ? command.data : "");
        (void)cJSON_AddItemToArray(array, row);
        buffer_clear(&command);
    }
    free(all);
    return array;
}
