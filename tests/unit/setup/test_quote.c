/* Shell words, quoted and split: the real shell is asked whether it sees the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "setup/quote.h"

#define BATCH 1000
#define BATCHES 4

static void quotes_what_a_shell_would_change(void **state)
{
    (void)state;
    static const struct {
        const char *text, *quoted;
    } cases[] = {
        { "", "''" },
        { "plain", "plain" },
        { "a-b_c.d/e:f,g@h%i+1", "a-b_c.d/e:f,g@h%i+1" },
        { "--name=value", "--name=value" },
        { "name=value", "'name=value'" }, /* could be an assignment */
        { "-=", "-=" },
        { "two words", "'two words'" },
        { "it's", "'it'\\''s'" },
        { "'", "''\\'''" },
        { "''", "''\\'''\\'''" },
        { "$HOME", "'$HOME'" },
        { "`id`", "'`id`'" },
        { "a;b", "'a;b'" },
        { "a\nb", "'a\nb'" },
        { "\\", "'\\'" },
        { "~", "'~'" },
        { "*", "'*'" },
        { "#", "'#'" },
        { "!", "'!'" },
        { "{a,b}", "'{a,b}'" },
        { "\xC3\xA4", "'\xC3\xA4'" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer out = { 0 };
        assert_int_equal(setup_quote_word(cases[i].text, strlen(cases[i].text), &out, NULL), 0);
        assert_string_equal(out.data, cases[i].quoted);
        buffer_clear(&out);
    }
}

static void a_nul_can_be_no_argument(void **state)
{
    (void)state;
    struct buffer out = { 0 };
    struct error err = { 0 };
    buffer_text(&out, "before");
    assert_int_equal(setup_quote_word("a\0b", 3, &out, &err), ERROR_INVALID);
    assert_int_equal(setup_quote_word("\0", 1, &out, &err), ERROR_INVALID);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_string_equal(out.data, "before");
    assert_int_equal(setup_quote_word(NULL, 0, &out, NULL), 0);
    assert_string_equal(out.data, "before''");
    buffer_clear(&out);
}

static void quoting_obeys_the_cap(void **state)
{
    (void)state;
    struct buffer out = { .max = 4 };
    assert_int_equal(setup_quote_word("a b", 3, &out, NULL), ERROR_TOO_LARGE);
    buffer_clear(&out);
}

static cJSON *parse(const char *text)
{
    cJSON *tree = NULL;
    assert_int_equal(json_parse(text, strlen(text), "the test", &tree, NULL), 0);
    return tree;
}

static void joins_arguments_of_every_kind(void **state)
{
    (void)state;
    static const struct {
        const char *json, *line;
    } cases[] = {
        { "[]", "" },
        { "[\"\"]", "''" },
        { "[\"a\",\"b c\",\"it's\"]", "a 'b c' 'it'\\''s'" },
        { "[1,-2.5,1e21,true,false]", "1 -2.5 1e+21 true false" },
    };
    struct buffer out = { 0 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *arguments = parse(cases[i].json);
        assert_int_equal(setup_quote_arguments(arguments, &out, NULL), 0);
        assert_string_equal(out.data ? out.data : "", cases[i].line);
        buffer_reset(&out);
        cJSON_Delete(arguments);
    }
    assert_int_equal(setup_quote_arguments(NULL, &out, NULL), 0);
    assert_int_equal(out.size, 0);
    buffer_clear(&out);
}

static void says_which_argument_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } cases[] = {
        { "[null]", "argument 1 of the script is neither text nor a number nor a boolean" },
        { "[1,\"a\",[2]]", "argument 3 of the script is neither text nor a number nor a boolean" },
        { "[1,{}]", "argument 2 of the script is neither text nor a number nor a boolean" },
        { "{\"a\":1}", "the arguments of a script are a list" },
        { "\"a\"", "the arguments of a script are a list" },
        { "null", "the arguments of a script are a list" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *arguments = parse(cases[i].json);
        struct buffer out = { 0 };
        struct error err = { 0 };
        buffer_text(&out, "before");
        assert_int_equal(setup_quote_arguments(arguments, &out, &err), ERROR_INVALID);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(out.data, "before");
        buffer_clear(&out);
        cJSON_Delete(arguments);
    }
}

static void splits_as_a_shell_does(void **state)
{
    (void)state;
    static const struct {
        const char *line, *json;
    } cases[] = {
        { "", "[]" },
        { " \t\n ", "[]" },
        { "a", "[\"a\"]" },
        { "  a  b\tc\nd ", "[\"a\",\"b\",\"c\",\"d\"]" },
        { "''", "[\"\"]" },
        { "\"\"", "[\"\"]" },
        { "'' \"\"", "[\"\",\"\"]" },
        { "a''b", "[\"ab\"]" },
        { "'a b'\"c d\"e\\ f", "[\"a bc de f\"]" },
        { "'it'\\''s'", "[\"it's\"]" },
        { "\"it's\"", "[\"it's\"]" },
        { "'say \"x\"'", "[\"say \\\"x\\\"\"]" },
        { "\"a\\\"b\\\\c\\$d\\`e\\f\"", "[\"a\\\"b\\\\c$d`e\\\\f\"]" },
        { "\"a\\\nb\" c\\\nd", "[\"ab\",\"cd\"]" },
        { "a \\\n b", "[\"a\",\"b\"]" },
        { "'a\\\nb'", "[\"a\\\\\\nb\"]" },
        { "\\a\\\\", "[\"a\\\\\"]" },
        { "a\\", "[\"a\\\\\"]" },
        { "\\", "[\"\\\\\"]" },
        { "$HOME `id` *.c ~ #x a;b", "[\"$HOME\",\"`id`\",\"*.c\",\"~\",\"#x\",\"a;b\"]" },
        { "--packages numpy,pandas -v", "[\"--packages\",\"numpy,pandas\",\"-v\"]" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *words = NULL;
        assert_int_equal(setup_split_words(cases[i].line, &words, NULL), 0);
        char *text = json_text(words);
        assert_string_equal(text, cases[i].json);
        free(text);
        cJSON_Delete(words);
    }
}

static void a_quote_without_an_end_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        { "'", "the quote at byte 0 has no end" },
        { "a \"b", "the quote at byte 2 has no end" },
        { "'a'\"b\\\"", "the quote at byte 3 has no end" },
        { "\"b\\", "the quote at byte 0 has no end" },
        { "it's", "the quote at byte 2 has no end" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *words = (cJSON *)"untouched";
        struct error err = { 0 };
        assert_int_equal(setup_split_words(cases[i].line, &words, &err), ERROR_SYNTAX);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal((const char *)words, "untouched");
    }
}

/* ---- against the real shell ---- */

static uint64_t dice = UINT64_C(0x9E3779B97F4A7C15); /* the same throws in every run */

static unsigned roll(unsigned sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)((dice >> 32) % sides);
}

/* A byte that is no NUL; half of them are those that a shell takes seriously. */
static char random_byte(void)
{
    static const char serious[] = "'\"\\$`\n\t !#&*()[]{}<>?;|~=%^-";
    return roll(2) ? serious[roll(sizeof serious - 1)] : (char)(1 + roll(255));
}

static void random_word(struct buffer *out)
{
    buffer_append(out, "", 0);
    for (unsigned left = roll(12); left > 0; left--)
        buffer_char(out, random_byte());
}

/* Runs the script with `shell`; its output is appended to `out`. */
static void run(const char *shell, const struct buffer *script, struct buffer *out)
{
    char path[] = "/tmp/moonfleet-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, script->data, script->size), script->size);
    (void)close(fd);
    char *command = text_format("LC_ALL=C %s %s", shell, path);
    FILE *pipe = popen(command, "re");
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof part, pipe)) > 0)
        buffer_append(out, part, got);
    assert_int_equal(pclose(pipe), 0);
    (void)unlink(path);
    free(command);
}

static const char *const shells[] = { "sh", "bash" };

static bool has_shell(const char *shell)
{
    char *path = file_join("/bin", shell);
    bool found = file_exists(path);
    free(path);
    return found;
}

static void the_shell_sees_each_quoted_word_whole(void **state)
{
    (void)state;
    for (int batch = 0; batch < BATCHES; batch++) {
        struct buffer script = { 0 };
        struct buffer expected = { 0 };
        struct buffer word = { 0 };
        buffer_text(&script, "printf '%s\\0'");
        for (int i = 0; i < BATCH; i++) {
            buffer_reset(&word);
            random_word(&word);
            buffer_append(&expected, word.data, word.size + 1);
            buffer_char(&script, ' ');
            assert_int_equal(setup_quote_word(word.data, word.size, &script, NULL), 0);
        }
        buffer_char(&script, '\n');
        for (size_t i = 0; i < COUNT(shells); i++) {
            struct buffer seen = { 0 };
            if (!has_shell(shells[i]))
                continue;
            run(shells[i], &script, &seen);
            assert_int_equal(seen.size, expected.size);
            assert_memory_equal(seen.data, expected.data, expected.size);
            buffer_clear(&seen);
        }
        buffer_clear(&script);
        buffer_clear(&expected);
        buffer_clear(&word);
    }
}

/* A piece of a word as people write them, with nothing in it that a shell would expand. */
static void random_piece(struct buffer *line)
{
    static const char *const pieces[] = {
        "a",       "b-c",        "x=1",        "\\ ",         "\\'",      "\\\"",
        "\\\\",    "\\$",        "\\`",        "\\a",         "\\\n",     "\\;",
        "\\#",     "''",         "\"\"",       "'a b'",       "'\"'",     "'$x `y` \\'",
        "'\n'",    "\"a b\"",    "\"it's\"",   "\"\\\"\"",    "\"\\\\\"", "\"\\$x\"",
        "\"\\`\"", "\"\\a\\'\"", "\"a\\\nb\"", "\"\n\t*;#\"", "'*'",      ",",
    };
    buffer_text(line, pieces[roll(COUNT(pieces))]);
}

static void random_line(struct buffer *line)
{
    for (unsigned words = roll(5); words > 0; words--) {
        for (unsigned pieces = 1 + roll(4); pieces > 0; pieces--)
            random_piece(line);
        buffer_text(line, roll(4) ? " " : " \t ");
    }
}

static void the_shell_splits_the_same_words(void **state)
{
    (void)state;
    struct buffer script = { 0 };
    struct buffer expected = { 0 };
    for (int i = 0; i < BATCH * BATCHES; i++) {
        struct buffer line = { 0 };
        cJSON *words = NULL;
        buffer_append(&line, "", 0);
        random_line(&line);
        assert_int_equal(setup_split_words(line.data, &words, NULL), 0);
        buffer_format(&expected, "%d", cJSON_GetArraySize(words));
        buffer_char(&expected, '\0');
        const cJSON *word;
        cJSON_ArrayForEach(word, words)
            buffer_append(&expected, word->valuestring, strlen(word->valuestring) + 1);
        buffer_format(&script, "set -- %s\nprintf '%%s\\0' \"$#\" \"$@\"\n", line.data);
        cJSON_Delete(words);
        buffer_clear(&line);
    }
    for (size_t i = 0; i < COUNT(shells); i++) {
        struct buffer seen = { 0 };
        if (!has_shell(shells[i]))
            continue;
        run(shells[i], &script, &seen);
        assert_int_equal(seen.size, expected.size);
        assert_memory_equal(seen.data, expected.data, expected.size);
        buffer_clear(&seen);
    }
    buffer_clear(&script);
    buffer_clear(&expected);
}

static void splitting_undoes_quoting(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        cJSON *arguments = cJSON_CreateArray();
        struct buffer line = { 0 };
        for (unsigned left = roll(6); left > 0; left--) {
            struct buffer word = { 0 };
            random_word(&word);
            cJSON_AddItemToArray(arguments, cJSON_CreateString(word.data));
            buffer_clear(&word);
        }
        cJSON *words = NULL;
        buffer_append(&line, "", 0);
        assert_int_equal(setup_quote_arguments(arguments, &line, NULL), 0);
        assert_int_equal(setup_split_words(line.data, &words, NULL), 0);
        assert_true(json_equal(words, arguments));
        cJSON_Delete(words);
        cJSON_Delete(arguments);
        buffer_clear(&line);
    }
}

static void any_bytes_are_split_or_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct buffer line = { 0 };
        cJSON *words = NULL;
        random_word(&line);
        int rc = setup_split_words(line.data, &words, NULL);
        assert_true(rc == 0 || rc == ERROR_SYNTAX);
        cJSON_Delete(words);
        buffer_clear(&line);
    }
}

static void long_lines_are_split(void **state)
{
    (void)state;
    struct buffer line = { 0 };
    for (int i = 0; i < 100000; i++)
        buffer_text(&line, "'w' ");
    cJSON *words = NULL;
    assert_int_equal(setup_split_words(line.data, &words, NULL), 0);
    assert_int_equal(cJSON_GetArraySize(words), 100000);
    cJSON_Delete(words);
    buffer_clear(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_what_a_shell_would_change),
        cmocka_unit_test(a_nul_can_be_no_argument),
        cmocka_unit_test(quoting_obeys_the_cap),
        cmocka_unit_test(joins_arguments_of_every_kind),
        cmocka_unit_test(says_which_argument_is_none),
        cmocka_unit_test(splits_as_a_shell_does),
        cmocka_unit_test(a_quote_without_an_end_is_an_error),
        cmocka_unit_test(the_shell_sees_each_quoted_word_whole),
        cmocka_unit_test(the_shell_splits_the_same_words),
        cmocka_unit_test(splitting_undoes_quoting),
        cmocka_unit_test(any_bytes_are_split_or_refused),
        cmocka_unit_test(long_lines_are_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
