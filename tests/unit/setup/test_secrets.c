/* Secrets: their line in a script, and a filter that lets none of them through, however the output
 * is cut into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "setup/secrets.h"

#define ROUNDS 4000

static struct secrets *set_of(const char *name, const char *value)
{
    struct secrets *secrets = NULL;
    assert_int_equal(secrets_new(&secrets, NULL), 0);
    assert_int_equal(secrets_add(secrets, name, value, strlen(value), NULL), 0);
    return secrets;
}

static void assert_text(struct buffer *buffer, const char *expected)
{
    assert_int_equal(buffer_check(buffer, "text", NULL), 0);
    assert_string_equal(buffer->data ? buffer->data : "", expected);
    buffer_clear(buffer);
}

/* ---- the set ---- */

static void refuses_what_is_no_secret(void **state)
{
    (void)state;
    char longer[SECRET_VALUE_MAX + 2];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    const struct {
        const char *name, *value;
        int rc;
    } cases[] = {
        { "TOKEN", "hunter2", 0 },
        { "TOKEN", "hunter2", 0 }, /* once more */
        { "TOKEN", "another", ERROR_INVALID },
        { "_a1", "four", 0 },
        { "PIN", "123", ERROR_RANGE },
        { "EMPTY", "", ERROR_RANGE },
        { "LONG", longer, ERROR_RANGE },
        { "", "value", ERROR_INVALID },
        { "1st", "value", ERROR_INVALID },
        { "with space", "value", ERROR_INVALID },
        { "a:b", "value", ERROR_INVALID },
        { "\xC3\xA4", "value", ERROR_INVALID },
    };
    struct secrets *secrets = NULL;
    assert_int_equal(secrets_new(&secrets, NULL), 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(
            secrets_add(secrets, cases[i].name, cases[i].value, strlen(cases[i].value), NULL),
            cases[i].rc);
    assert_int_equal(secrets_count(secrets), 2);
    secrets_free(secrets);
}

static void has_a_cap(void **state)
{
    (void)state;
    struct secrets *secrets = NULL;
    char name[32];
    assert_int_equal(secrets_new(&secrets, NULL), 0);
    for (int i = 0; i < SECRETS_MAX; i++) {
        (void)snprintf(name, sizeof name, "NAME_%d", i);
        assert_int_equal(secrets_add(secrets, name, name, strlen(name), NULL), 0);
    }
    assert_int_equal(secrets_add(secrets, "ONE_MORE", "value", 5, NULL), ERROR_LIMIT);
    secrets_free(secrets);
}

/* ---- the line ---- */

static void a_marked_script_is_read_back(void **state)
{
    (void)state;
    static const char *const scripts[] = { "", "echo", "echo\n", "echo \\",
                                           "#!/bin/sh\r\necho\r\n" };
    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct secrets *secrets = set_of("TOKEN", "it's \xE2\x80\xA2\n$x");
        struct secrets *read = NULL;
        struct buffer script = { 0 };
        size_t size = 0;
        assert_int_equal(secrets_add(secrets, "B", "bbbb", 4, NULL), 0);
        buffer_text(&script, scripts[i]);
        assert_int_equal(secrets_mark(secrets, true, &script, NULL), 0);
        assert_null(strstr(script.data, "bbbb"));
        assert_int_equal(secrets_new(&read, NULL), 0);
        assert_int_equal(secrets_read(script.data, script.size, read, &size, NULL), 0);
        assert_int_equal(secrets_count(read), 2);
        assert_string_equal(secrets_name(read, 0), "TOKEN");
        assert_true(size >= strlen(scripts[i]) && size <= strlen(scripts[i]) + 1);
        assert_memory_equal(script.data, scripts[i], strlen(scripts[i]));
        /* the same values: adding them again is no conflict */
        assert_int_equal(secrets_read(script.data, script.size, secrets, NULL, NULL), 0);
        secrets_free(read);
        secrets_free(secrets);
        buffer_clear(&script);
    }
}

static void a_script_without_the_line_has_no_secrets(void **state)
{
    (void)state;
    static const char *const scripts[] = { "", "\n", "echo\n",
                                           "# moonfleet-secrets/1 A:YWFhYQ==\necho\n",
                                           "echo # moonfleet-secrets/1 A:YWFhYQ==\n" };
    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct secrets *secrets = NULL;
        size_t size = 0;
        assert_int_equal(secrets_new(&secrets, NULL), 0);
        assert_int_equal(secrets_read(scripts[i], strlen(scripts[i]), secrets, &size, NULL), 0);
        assert_int_equal(secrets_count(secrets), 0);
        assert_int_equal(size, strlen(scripts[i]));
        secrets_free(secrets);
    }
}

static void a_malformed_line_is_an_error(void **state)
{
    (void)state;
    static const char *const lines[] = { "# moonfleet-secrets/",
                                         "# moonfleet-secrets/2 A:YWFhYQ==",
                                         "# moonfleet-secrets/1A:YWFhYQ==",
                                         "# moonfleet-secrets/1 A:***",
                                         "# moonfleet-secrets/1 A:YQ==",
                                         "# moonfleet-secrets/1 1A:YWFhYQ==",
                                         "# moonfleet-secrets/1  ",
                                         "# moonfleet-secrets/1 A:YWFhYQ== A:YmJiYg==" };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct secrets *secrets = NULL;
        assert_int_equal(secrets_new(&secrets, NULL), 0);
        assert_true(secrets_read(lines[i], strlen(lines[i]), secrets, NULL, NULL) < 0);
        secrets_free(secrets);
    }
}

static void readers_get_a_script_without_values(void **state)
{
    (void)state;
    struct secrets *secrets = set_of("TOKEN", "pass'word");
    struct buffer script = { 0 }, seen = { 0 }, again = { 0 };
    buffer_text(&script, "login 'pass'\\''word' \"pass'word\"\n");
    assert_int_equal(secrets_mark(secrets, true, &script, NULL), 0);
    assert_int_equal(secrets_scrub_script(script.data, script.size, &seen, NULL), 0);
    assert_int_equal(secrets_scrub_script(seen.data, seen.size, &again, NULL), 0);
    assert_string_equal(again.data, seen.data); /* nothing left to take out */
    assert_text(&seen,
                "login '(secret TOKEN)' \"(secret TOKEN)\"\n\n# moonfleet-secrets/1 TOKEN\n");
    buffer_clear(&again);
    buffer_clear(&script);
    secrets_free(secrets);
}

/* ---- hiding ---- */

static void hides_values_however_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *value, *text, *shown;
    } cases[] = {
        { "hunter2!", "a hunter2! b", "a ••• b" },
        { "hunter2!", "hunter2!hunter2!", "•••" },
        { "hunter2!", "hunter2", "•••" }, /* cut off by the end */
        { "hunter2!", "hunter3! hun", "hunter3! hun" },
        { "it's ok", "+ echo 'it'\\''s ok'", "+ echo '•••'" },   /* bash, set -x */
        { "it's ok", "+ echo 'it'\"'\"'s ok'", "+ echo '•••'" }, /* dash, set -x */
        { "a\nb\tc'd", "+ x=$'a\\nb\\tc\\'d'", "+ x=$'•••'" },
        { "pa$$ `w`", "\"pa\\$\\$ \\`w\\`\"", "\"•••\"" },
        { "pa$$ (w)", "pa\\$\\$\\ \\(w\\)", "•••" }, /* printf %q */
        { "a\"b\\c", "{\"k\":\"a\\\"b\\\\c\"}", "{\"k\":\"•••\"}" },
        { "a b/c?", "GET /?k=a%20b%2Fc%3F HTTP", "GET /?k=••• HTTP" },
        { "hunter2!", "68756e7465723221", "•••" },
        { "a b/c?", "quote(safe='/'): a%20b/c%3F", "quote(safe='/'): •••" },
        { "a b/c?", "form: a+b%2Fc%3F", "form: •••" },
        { "p\xC3\xA4ss\xF0\x9F\x94\x91\"", "[\"p\\u00e4ss\\ud83d\\udd11\\\"\"]", "[\"•••\"]" },
        { "p\xC3\xA4ss w", "$'p\\303\\244ss w'", "$'•••'" }, /* printf %q, where all is ASCII */
        { "it's ok", "+ echo ''\\''it'\\''\\'\\'''\\''s ok'\\'''", "+ echo ''\\''•••'\\'''" },
        { "it's $x", "+ eval 'echo \"it'\\''s \\$x\"'", "+ eval 'echo \"•••\"'" }, /* as_user */
        { "it's \"x\"", "+ eval 'it\\'\\''s\\ \\\"x\\\"'", "+ eval '•••'" },
        { "hunter2!", "aHVudGVyMiE=", "•••" },
        { "hunter2!", "aHVudGVyMiEK", "•••" },                /* echo … | base64 */
        { "hunter2!", "dXNlcjpodW50ZXIyIQ==", "dXNlcjp•••" }, /* user:hunter2! */
        { "a long secret value", "a long\nsecret", "a long\nsecret" },
        { "a long secret value", "a long s\necret v\r\nalue.", "•••." },
        { "first line\nsecond one", "  first line\n  second one\n", "  •••\n  •••\n" },
        { "first line\nsecond one", "first line\r\nsecond one\r\n", "•••\r\n" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct secrets *secrets = set_of("S", cases[i].value);
        struct buffer out = { 0 };
        secrets_redact(secrets, cases[i].text, strlen(cases[i].text), &out);
        assert_text(&out, cases[i].shown);
        secrets_free(secrets);
    }
}

static void overlapping_values_leave_no_piece(void **state)
{
    (void)state;
    struct secrets *secrets = set_of("A", "abcd");
    struct buffer out = { 0 };
    assert_int_equal(secrets_add(secrets, "B", "cdef", 4, NULL), 0);
    assert_int_equal(secrets_add(secrets, "C", "abcdefgh", 8, NULL), 0);
    secrets_redact(secrets, "-abcdef-abcdefgh-abcdefgx-bcd-", 30, &out);
    assert_text(&out, "-•••-•••-•••gx-bcd-");
    secrets_free(secrets);
}

static void an_error_shows_no_value(void **state)
{
    (void)state;
    struct secrets *secrets = set_of("A", "hunter2!");
    struct error err = { 0 };
    (void)error_set(&err, ERROR_REMOTE, "the last lines:\nlogin hunter2! failed");
    (void)text_copy(err.details, sizeof err.details, "[{\"message\":\"hunter2!\"}]");
    secrets_redact_error(secrets, &err);
    assert_string_equal(err.message, "the last lines:\nlogin ••• failed");
    assert_string_equal(err.details, "[{\"message\":\"•••\"}]");
    secrets_free(secrets);
}

/* Text of few letters, so that values and near misses are everywhere. */
static void random_text(char *out, size_t size)
{
    static const char letters[] = "aab'\n\\";
    for (size_t i = 0; i < size; i++)
        out[i] = letters[random_below(sizeof letters - 1)];
    out[size] = '\0';
}

/* As the filter does it, from the whole text: no value stands in it, and cutting changes nothing. */
static void random_outputs_hide_all_values(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct secrets *secrets = NULL;
        struct secrets_filter *filter = NULL;
        char values[3][16], text[200];
        struct buffer whole = { 0 }, pieces = { 0 };
        assert_int_equal(secrets_new(&secrets, NULL), 0);
        for (size_t i = 0; i < COUNT(values); i++) {
            char name[] = { (char)('A' + i), '\0' };
            random_text(values[i], SECRET_VALUE_MIN + random_below(8));
            assert_int_equal(secrets_add(secrets, name, values[i], strlen(values[i]), NULL), 0);
        }
        size_t size = random_below(sizeof text - 1);
        random_text(text, size);
        secrets_redact(secrets, text, size, &whole);
        assert_int_equal(secrets_filter_new(secrets, &filter, NULL), 0);
        for (size_t at = 0; at < size;) {
            size_t piece = 1 + random_below(size - at < 12 ? size - at : 12);
            secrets_filter_put(filter, text + at, piece, &pieces);
            at += piece;
        }
        secrets_filter_end(filter, &pieces);
        const char *shown = whole.data ? whole.data : "";
        assert_string_equal(pieces.data ? pieces.data : "", shown);
        for (size_t i = 0; i < COUNT(values); i++)
            assert_null(strstr(shown, values[i]));
        secrets_filter_free(filter);
        secrets_free(secrets);
        buffer_clear(&whole);
        buffer_clear(&pieces);
    }
}

static void binary_output_passes_unharmed(void **state)
{
    (void)state;
    struct secrets *secrets = set_of("A", "hunter2!");
    struct secrets_filter *filter = NULL;
    struct buffer out = { 0 };
    static const char bytes[] = "\0\xFF\x80hunter2!\0\r50%\r100%\xE2\x80";
    assert_int_equal(secrets_filter_new(secrets, &filter, NULL), 0);
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        secrets_filter_put(filter, bytes + i, 1, &out);
    secrets_filter_end(filter, &out);
    static const char shown[] = "\0\xFF\x80•••\0\r50%\r100%\xE2\x80";
    assert_int_equal(out.size, sizeof shown - 1);
    assert_memory_equal(out.data, shown, sizeof shown - 1);
    secrets_filter_free(filter);
    secrets_free(secrets);
    buffer_clear(&out);
}

/* What cannot be the beginning of a value is told at once: somebody may be following. */
static void does_not_wait_without_need(void **state)
{
    (void)state;
    struct secrets *secrets = set_of("A", "hunter2!");
    struct secrets_filter *filter = NULL;
    struct buffer out = { 0 };
    assert_int_equal(secrets_filter_new(secrets, &filter, NULL), 0);
    secrets_filter_put(filter, "Password: ", 10, &out);
    assert_text(&out, "Password: ");
    secrets_filter_put(filter, "hunter", 6, &out);
    assert_int_equal(out.size, 0);
    secrets_filter_put(filter, "s\n", 2, &out);
    assert_text(&out, "hunters\n");
    secrets_filter_free(filter);
    secrets_free(secrets);
}

/* ---- names and seals ---- */

static void all_values_of_a_secret_are_one_text(void **state)
{
    (void)state;
    static const char *const values[] = { "hunter2!", "it's", "a\"b$c`d\\e" };
    for (size_t i = 0; i < COUNT(values); i++) {
        struct secrets *secrets = set_of("S", values[i]);
        struct buffer text = { 0 }, out = { 0 };
        buffer_format(&text, "login <%s>\n", values[i]);
        secrets_name_values(secrets, text.data, text.size, &out);
        assert_text(&out, "login <(secret S)>\n");
        buffer_clear(&text);
        secrets_free(secrets);
    }
}

static void what_is_sealed_comes_back(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        char value[16], text[100];
        struct buffer sealed = { 0 }, back = { 0 };
        random_text(value, SECRET_VALUE_MIN + random_below(4));
        random_text(text, random_below(sizeof text - 1));
        struct secrets *secrets = set_of("S", value);
        assert_int_equal(secrets_seal(secrets, text, strlen(text), &sealed, NULL), 0);
        assert_null(strstr(sealed.data ? sealed.data : "", value));
        assert_int_equal(
            secrets_unseal(secrets, sealed.data ? sealed.data : "", sealed.size, &back, NULL), 0);
        assert_text(&back, text);
        buffer_clear(&sealed);
        secrets_free(secrets);
    }
}

/* What stands in a script: the value as a template quoted it when the plan was made. */
static void another_value_takes_the_place_only_when_the_quotes_fit(void **state)
{
    (void)state;
    static const struct {
        const char *planned, *script, *given, *expected; /* NULL: refused */
    } cases[] = {
        { "hunter2", "echo hunter2", "hunter3-new", "echo hunter3-new" },
        { "hunter2", "echo hunter2", "x; touch /tmp/x", NULL },
        { "hunter2", "echo hunter2", "$(id)", NULL },
        { "hunter2", "echo hunter2", "~root", NULL },
        { "hunter2", "echo 'hunter2'", "it's", NULL },
        { "hunter2", "echo \"hunter2\"", "a\"b$c", NULL },
        { "it's", "echo 'it'\\''s'", "x'; id '", "echo 'x'\\''; id '\\'''" },
        { "it's", "echo 'it'\\''s'", "plain", "echo 'plain'" },
        { "a $b\"c", "echo \"a \\$b\\\"c\"", "x \"$(id)", "echo \"x \\\"\\$(id)\"" },
        { "a$bc", "echo \"a\\$bc\"", "x\"$(id)", NULL },
        { "a$bc", "echo 'a$bc'", "it's", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer sealed = { 0 }, out = { 0 };
        struct error err = { 0 };
        struct secrets *planned = set_of("S", cases[i].planned);
        struct secrets *given = set_of("S", cases[i].given);
        assert_int_equal(
            secrets_seal(planned, cases[i].script, strlen(cases[i].script), &sealed, NULL), 0);
        int rc = secrets_unseal(given, sealed.data, sealed.size, &out, &err);
        if (cases[i].expected) {
            assert_int_equal(rc, 0);
            assert_text(&out, cases[i].expected);
        } else {
            assert_int_equal(rc, ERROR_INVALID);
            assert_non_null(strstr(err.message, "other quotes"));
            buffer_clear(&out);
        }
        buffer_clear(&sealed);
        secrets_free(planned);
        secrets_free(given);
    }
}

static void a_seal_without_its_secret_is_an_error(void **state)
{
    (void)state;
    static const char *const sealed[] = { "\x01moonfleet-secret T 0\x01", "\x01moonfleet-secret S",
                                          "\x01moonfleet-secret S 9999\x01",
                                          "\x01moonfleet-secret S 0\x01",
                                          "\x01moonfleet-secret S\x01" };
    struct secrets *secrets = set_of("S", "hunter2!");
    for (size_t i = 0; i < COUNT(sealed); i++) {
        struct buffer out = { 0 };
        assert_true(secrets_unseal(secrets, sealed[i], strlen(sealed[i]), &out, NULL) < 0);
        buffer_clear(&out);
        assert_int_equal(secrets_seal(secrets, sealed[i], strlen(sealed[i]), &out, NULL),
                         ERROR_INVALID);
        buffer_clear(&out);
    }
    secrets_free(secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_secret),
        cmocka_unit_test(has_a_cap),
        cmocka_unit_test(a_marked_script_is_read_back),
        cmocka_unit_test(a_script_without_the_line_has_no_secrets),
        cmocka_unit_test(a_malformed_line_is_an_error),
        cmocka_unit_test(readers_get_a_script_without_values),
        cmocka_unit_test(hides_values_however_they_are_written),
        cmocka_unit_test(overlapping_values_leave_no_piece),
        cmocka_unit_test(an_error_shows_no_value),
        cmocka_unit_test(random_outputs_hide_all_values),
        cmocka_unit_test(binary_output_passes_unharmed),
        cmocka_unit_test(does_not_wait_without_need),
        cmocka_unit_test(all_values_of_a_secret_are_one_text),
        cmocka_unit_test(what_is_sealed_comes_back),
        cmocka_unit_test(another_value_takes_the_place_only_when_the_quotes_fit),
        cmocka_unit_test(a_seal_without_its_secret_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
