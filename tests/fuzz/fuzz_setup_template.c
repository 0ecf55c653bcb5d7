/* fuzz_setup_template.c - any bytes as a setup script: what is cut must be whole, and values put
 * into it through the lexer must leave it where it says it is.
 *
 * The bytes are cut into literals and markers; every expression is replaced by a value that is made
 * of its own code, so that one input decides both the script and the values. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "setup/render.h"

#define TEXT_MAX 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_integer(const char *text, size_t size)
{
    size_t from = size > 1 && text[0] == '-' ? 1 : 0;
    for (size_t i = from; i < size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return size > from && size < 18;
}

/* One marker, as its code says: "as_user", "end", "raw…", "{…" for a list, else a value. */
static int follow(struct render *render, const struct template_marker *marker, size_t index,
                  bool *in_block, struct error *err)
{
    struct shell_word words[2] = { { marker->code, marker->code_size,
                                     is_integer(marker->code, marker->code_size) } };
    words[1] = words[0];
    if (marker->is_value && marker->code_size > 3 && memcmp(marker->code, "raw", 3) == 0)
        return render_raw(render, index, marker->code + 3, marker->code_size - 3, err);
    if (marker->is_value)
        return render_value(render, index, words, marker->code[0] == '{' ? 2 : 1,
                            marker->code[0] == '{', err);
    if (marker->code_size > 7 && memcmp(marker->code, "as_user", 7) == 0 && !*in_block) {
        *in_block = true;
        return render_as_user_begin(render, index, "azureuser", err);
    }
    if (marker->code_size == 3 && memcmp(marker->code, "end", 3) == 0 && *in_block) {
        *in_block = false;
        return render_as_user_end(render, index, err);
    }
    return 0;
}

/* Runs the pieces in the order of the Lua source, as the chunk would without its statements. */
static void run(const struct template *template, struct render *render)
{
    struct error err = { 0 };
    size_t size, literals = 0;
    bool in_block = false;
    int rc = 0;
    const char *lua = template_lua(template, &size);
    for (const char *at = lua; rc == 0 && (at = strstr(at, "__")); at += 2) {
        size_t index = strtoul(at + strcspn(at, "0123456789"), NULL, 10);
        if (text_starts(at, "__literal(") && index == literals + 1)
            rc = render_literal(render, ++literals, &err);
        else if (text_starts(at, "__at(") && template_marker(template, index))
            rc = follow(render, template_marker(template, index), index, &in_block, &err);
    }
    if (rc == 0)
        rc = render_finish(render, &err);
    if (rc == ERROR_INTERNAL || (rc < 0 && !err.message[0]))
        abort();
    if (rc == 0) {
        struct buffer lines = { 0 };
        render_lines(render, &lines);
        if (lines.size < 2 || lines.data[lines.size - 1] != ']')
            abort();
        buffer_clear(&lines);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct template *template = NULL;
    struct render *render = NULL;
    struct error err = { 0 };
    int column = 0;
    if (size > TEXT_MAX)
        return 0;
    if (template_parse((const char *)data, size, &template, &column, &err) < 0) {
        if (column < 1 || !err.message[0])
            abort();
        return 0;
    }
    if (render_new(template, &render, &err) == 0)
        run(template, render);
    if (!template_has_markers(template)) {
        const struct template_literal *all = template_literal(template, 1);
        if (size > 0 && (!all || all->size != size || memcmp(all->text, data, size) != 0))
            abort(); /* a script without markers is its own rendering */
    }
    render_free(render);
    template_free(template);
    return 0;
}
