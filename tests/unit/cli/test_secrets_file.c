/* test_secrets_file.c - files of secrets: every way of writing a value, and everything that is no
 * such file refused with its line and without a value in the message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/secrets_file.h"
#include "setup/secrets.h"

#define VALUE "hunter2"

static int parse(const char *text, size_t size, cJSON **out, struct error *err)
{
    *out = NULL;
    *err = (struct error) { 0 };
    return secrets_file_parse(text, size, "s.env", out, err);
}

static void values_are_read_as_they_are_meant(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        { "", "{}" },
        { "\n\r\n  \t\n# A=b\n  # more", "{}" },
        { "A=hunter2", "{\"A\":\"hunter2\"}" },
        { "A=hunter2\n", "{\"A\":\"hunter2\"}" },
        { " \t A \t=\t hunter2 \t\r\n", "{\"A\":\"hunter2\"}" },
        { "export A=1\nexport=2\nexport   B=3", "{\"A\":\"1\",\"export\":\"2\",\"B\":\"3\"}" },
        { "A=", "{\"A\":\"\"}" },
        { "A=\"\"\nB=''", "{\"A\":\"\",\"B\":\"\"}" },
        { "A=b=c==", "{\"A\":\"b=c==\"}" },
        { "A=two words # no comment", "{\"A\":\"two words # no comment\"}" },
        { "A=it's \"so\"", "{\"A\":\"it's \\\"so\\\"\"}" },
        { "A='  $x \\n \"q\" '", "{\"A\":\"  $x \\\\n \\\"q\\\" \"}" },
        { "A=\"a\\nb\\tc\\\"d\\\\e\\$f\" \n", "{\"A\":\"a\\nb\\tc\\\"d\\\\e$f\"}" },
        { "A=\"\\x \\' $y\"", "{\"A\":\"\\\\x \\\\' $y\"}" },
        { "A=p\xC3\xA4ss", "{\"A\":\"p\xC3\xA4ss\"}" },
        { "_=a\na1=b\nA1=c", "{\"_\":\"a\",\"a1\":\"b\",\"A1\":\"c\"}" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *values = NULL;
        struct error err;
        assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &values, &err), 0);
        char *json = json_text(values);
        assert_string_equal(json, cases[i].json);
        free(json);
        cJSON_Delete(values);
    }
}

static void what_is_no_such_file_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line; /* 0: of the file as a whole */
        const char *message;
    } cases[] = {
        { "A=x\n" VALUE, 2, "NAME=VALUE" },
        { "=" VALUE, 1, "a name is made of" },
        { "\xEF\xBB\xBF"
          "A=" VALUE,
          1, "a name is made of" },
        { "1A=" VALUE, 1, "a name is made of" },
        { "A B=" VALUE, 1, "a name is made of" },
        { "\xC3\xA4=" VALUE, 1, "a name is made of" },
        { "A.b=" VALUE, 1, "a name is made of" },
        { "\n\nA=\"" VALUE, 3, "has no end" },
        { "A=\"" VALUE "\\\"", 1, "has no end" },
        { "A=\"" VALUE "\\", 1, "has no end" },
        { "A='" VALUE "\n'", 1, "has no end" },
        { "A='x' " VALUE, 1, "behind the quoted value" },
        { "A=\"x\"" VALUE, 1, "behind the quoted value" },
        { "A=x\nA=" VALUE, 2, "'A' stands there twice" },
        { "A=" VALUE "\xFF", 0, "not UTF-8" },
        { "A=" VALUE "\xC3", 0, "not UTF-8" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *values = NULL;
        struct error err;
        assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &values, &err), ERROR_SYNTAX);
        assert_null(values);
        assert_int_equal(err.line, cases[i].line);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_null(strstr(err.message, VALUE));
    }
}

static void zero_bytes_and_endless_values_are_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = { SECRET_NAME_MAX + 1, SECRET_VALUE_MAX * 3, SECRETS_FILE_MAX };
    cJSON *values = NULL;
    struct error err;
    assert_int_equal(parse("A=b\0c", 5, &values, &err), ERROR_SYNTAX);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *text = malloc(sizes[i] + 2);
        assert_non_null(text);
        memset(text, 'A', sizes[i] + 2);
        text[i == 0 ? sizes[i] : 1] = '='; /* a name at first, then values */
        assert_true(parse(text, sizes[i] + 2, &values, &err) < 0);
        assert_null(values);
        assert_int_equal(err.line, 1);
        free(text);
    }
}

static void others_must_not_be_able_to_read_it(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        int rc;
    } cases[] = { { 0600, 0 },
                  { 0400, 0 },
                  { 0640, ERROR_DENIED },
                  { 0604, ERROR_DENIED },
                  { 0620, ERROR_DENIED } };
    char path[] = "/tmp/moonfleet-secrets-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "A=" VALUE "\n", 10), 10);
    for (size_t i = 0; i < COUNT(cases); i++) {
        cJSON *values = NULL;
        struct error err = { 0 };
        assert_int_equal(fchmod(fd, cases[i].mode), 0);
        assert_int_equal(secrets_file_read(path, &values, &err), cases[i].rc);
        assert_int_equal(values != NULL, cases[i].rc == 0);
        assert_true(cases[i].rc == 0 || strstr(err.message, "chmod 600"));
        cJSON_Delete(values);
    }
    (void)close(fd);
    (void)unlink(path);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    static const char *const paths[] = { "/no/such/file", "/tmp", "" };
    for (size_t i = 0; i < COUNT(paths); i++) {
        cJSON *values = NULL;
        struct error err = { 0 };
        assert_true(secrets_file_read(paths[i], &values, &err) < 0);
        assert_null(values);
        assert_true(err.message[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_as_they_are_meant),
        cmocka_unit_test(what_is_no_such_file_is_refused_with_its_line),
        cmocka_unit_test(zero_bytes_and_endless_values_are_refused),
        cmocka_unit_test(others_must_not_be_able_to_read_it),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
