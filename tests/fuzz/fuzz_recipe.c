/* fuzz_recipe.c - any bytes as a recipe: the evaluator must end with a document that its own parent
 * believes, or with an error.  Runs in this process, without the child and its walls. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/text.h"
#include "script/recipe_check.h"
#include "script/recipe_core.h"

#define TEXT_MAX 65536
#define INSTRUCTIONS_MAX 200000
#define MEMORY_MAX ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every file has the input's own bytes: as CSV, JSON, module and script. */
struct folder {
    const char *text;
    size_t size;
};

static int read_file(void *arg, const char *path, struct buffer *out, struct error *err)
{
    const struct folder *folder = arg;
    if (text_starts(path, "no"))
        return error_set(err, ERROR_NOT_FOUND, "there is no such file in the recipe's folder");
    buffer_append(out, folder->text, folder->size);
    return 0;
}

static int read_env(void *arg, const char *name, struct buffer *out, bool *out_found,
                    struct error *err)
{
    (void)arg, (void)err;
    *out_found = name[0] < 'N';
    if (*out_found)
        buffer_text(out, name);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer text = { 0 }, out = { 0 };
    if (size > TEXT_MAX)
        return 0;
    buffer_append(&text, data, size);
    struct folder folder = { text.data ? text.data : "", size };
    struct recipe_input input = { .name = "recipe.lua",
                                  .text = folder.text,
                                  .size = size,
                                  .memory_bytes = MEMORY_MAX,
                                  .instructions_max = INSTRUCTIONS_MAX,
                                  .source = {
                                      .read = read_file, .env = read_env, .arg = &folder } };
    struct error err = { 0 };
    int rc = recipe_run_text(&input, &out, &err);
    if (rc == 0) {
        cJSON *document = NULL;
        if (json_parse(out.data, out.size, "the document", &document, &err) < 0 ||
            recipe_check_document(document, "recipe.lua", &err) < 0)
            __builtin_trap();
        cJSON_Delete(document);
    } else if (rc == ERROR_INTERNAL) {
        __builtin_trap();
    }
    buffer_clear(&text);
    buffer_clear(&out);
    return 0;
}
