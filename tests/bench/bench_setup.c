/* bench_setup.c - setup scripts rendered a second, in one Lua state, as a recipe's child does it.
 *
 *   bench_setup TEMPLATE SCRIPT    measures with TEMPLATE, and writes the last rendering to SCRIPT
 *
 * The peer (peers/setup.py) renders the same script in its own dialect with the same values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/json.h"
#include "script/recipe_core.h"

#define RENDERS 4000
#define ROUNDS 5
#define TEMPLATE_MAX 65536

static const char recipe[] =
    "fleet 'bench' {}\n"
    "for i = 1, %d do\n"
    "  setup_script 'x.sh' { with = { number = i, title = \"it's number \" .. i,\n"
    "    packages = { 'numpy', 'pandas', 'scikit-learn', 'two words', '$HOME', 'a;b' } } }\n"
    "end\n";

static int read_file(void *arg, const char *path, struct buffer *out, struct error *err)
{
    const struct buffer *text = arg;
    (void)path, (void)err;
    buffer_append(out, text->data, text->size);
    return 0;
}

static void die(const struct error *err)
{
    (void)fprintf(stderr, "bench_setup: %s\n", err->message);
    exit(1);
}

/* Seconds of CPU for a recipe that renders `count` scripts; its document goes to `out`. */
static double run(struct buffer *template, int count, struct buffer *out)
{
    struct error err = { 0 };
    char text[sizeof recipe + 16];
    int size = snprintf(text, sizeof text, recipe, count);
    struct recipe_input input = { .name = "bench.lua",
                                  .text = text,
                                  .size = (size_t)size,
                                  .memory_bytes = (size_t)256 << 20,
                                  .source = { .read = read_file, .arg = template } };
    clock_t start = clock();
    buffer_reset(out);
    if (recipe_run_text(&input, out, &err) < 0)
        die(&err);
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void write_last(const struct buffer *document, const char *path)
{
    struct error err = { 0 };
    cJSON *tree = NULL;
    if (json_parse(document->data, document->size, "the document", &tree, &err) < 0)
        die(&err);
    const cJSON *scripts = cJSON_GetObjectItemCaseSensitive(tree, "scripts");
    const char *text = json_string(cJSON_GetArrayItem(scripts, RENDERS - 1), "text", "");
    if (file_write(path, text, strlen(text), 0644, &err) < 0)
        die(&err);
    cJSON_Delete(tree);
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    struct buffer template = { 0 }, document = { 0 };
    double best = 0;
    if (argc != 3 || file_read(argv[1], TEMPLATE_MAX, &template, &err) < 0)
        die(&err);
    for (int i = 0; i < ROUNDS; i++) {
        double empty = run(&template, 0, &document), seconds = run(&template, RENDERS, &document);
        if (RENDERS / (seconds - empty) > best)
            best = RENDERS / (seconds - empty);
    }
    write_last(&document, argv[2]);
    (void)printf("{\"renders_a_second\":%.0f}\n", best);
    buffer_clear(&template);
    buffer_clear(&document);
    return 0;
}
