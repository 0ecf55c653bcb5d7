/* Whose host a URL is of must never be read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "client/url.h"
#include "net/http.h"

static void test_origin_is_canonical(void **state)
{
    static const char *const cases[][2] = {
        { "https://management.azure.com/subscriptions?x=y", "https://management.azure.com:443" },
        { "HTTPS://Management.Azure.COM:443/", "https://management.azure.com:443" },
        { "http://127.0.0.1:1234/a", "http://127.0.0.1:1234" },
        { "http://localhost", "http://localhost:80" },
        { "https://[::1]:8443/x", "https://[::1]:8443" },
        { "https://[::1]/x", "https://[::1]:443" },
        { "https://host?x=https://other/", "https://host:443" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *origin = NULL;
        struct error err = { 0 };
        assert_int_equal(url_origin(cases[i][0], &origin, &err), 0);
        assert_string_equal(origin, cases[i][1]);
        free(origin);
    }
}

static void test_strange_hosts_are_refused(void **state)
{
    static const char *const cases[] = {
        "ftp://host/",           "https://",
        "https:///path",         "https://good.com@evil.com/",
        "https://a b/",          "https://evil.com\\@good.com/",
        "https://host:0/",       "https://host:65536/",
        "https://host:80:80/",   "https://host:/",
        "https://[::1/",         "https://::1]/",
        "https://[::1]x:80/",    "https://h\xc3\xa4st/",
        "https://host%2eevil/",  "/just/a/path",
        "https://host\r\nX: y/", "javascript://host/",
        "https://:443/",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *origin = NULL;
        struct error err = { 0 };
        if (url_origin(cases[i], &origin, &err) != ERROR_SYNTAX)
            fail_msg("%s was read as %s", cases[i], origin);
        assert_null(origin);
        assert_true(err.message[0]);
    }
}

static void test_target_is_path_and_query_as_they_stand(void **state)
{
    static const char *const cases[][2] = {
        { "https://h/a/b?t=%2B&s=x+y%3D", "/a/b?t=%2B&s=x+y%3D" },
        { "/a?b", "/a?b" },
        { "https://h", NULL },
        { "https://h?x", NULL },
        { "//evil/a", NULL },
        { "a/b", NULL },
        { "https://h//evil/a", NULL },
        { "", NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *target = url_target(cases[i][0]);
        assert_true(text_equal(target, cases[i][1]));
    }
}

static void test_clean_encodes_only_what_cannot_travel(void **state)
{
    char *out = NULL;
    struct error err = { 0 };
    (void)state;
    assert_int_equal(url_clean("/a?$filter=x eq 'y'&s=a%2Bb+c/=\xc3\xa9", &out, &err), 0);
    assert_string_equal(out, "/a?$filter=x%20eq%20'y'&s=a%2Bb+c/=%C3%A9");
    free(out);
    out = NULL;
    assert_int_equal(url_clean("/a\r\nHost: evil", &out, &err), ERROR_SYNTAX);
    assert_int_equal(url_clean("/a#b", &out, &err), ERROR_SYNTAX);
    char *huge = calloc(1, HTTP_TARGET_MAX + 2);
    memset(huge, 'a', HTTP_TARGET_MAX + 1);
    assert_int_equal(url_clean(huge, &out, &err), ERROR_TOO_LARGE);
    free(huge);
    assert_null(out);
}

static void test_secrets_travel_privately(void **state)
{
    (void)state;
    assert_true(url_origin_is_private(NULL));
    assert_true(url_origin_is_private("https://a:443"));
    assert_true(url_origin_is_private("http://127.0.0.1:80"));
    assert_true(url_origin_is_private("http://[::1]:80"));
    assert_false(url_origin_is_private("http://a:80"));
    assert_false(url_origin_is_private("http://localhost.evil.com:80"));
    assert_false(url_origin_is_private("http://127.0.0.1.evil.com:80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin_is_canonical),
        cmocka_unit_test(test_strange_hosts_are_refused),
        cmocka_unit_test(test_target_is_path_and_query_as_they_stand),
        cmocka_unit_test(test_clean_encodes_only_what_cannot_travel),
        cmocka_unit_test(test_secrets_travel_privately),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
