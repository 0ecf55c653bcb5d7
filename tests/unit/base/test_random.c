/* Random numbers, uuids, digests, base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"

static void stays_below_the_bound_and_meets_every_value(void **state)
{
    (void)state;
    static const uint64_t bounds[] = { 1, 2, 3, 7, 10, 64 };
    for (size_t i = 0; i < COUNT(bounds); i++) {
        int seen[64] = { 0 };
        for (int j = 0; j < 4000; j++) {
            uint64_t value = random_below(bounds[i]);
            assert_true(value < bounds[i]);
            seen[value]++;
        }
        for (uint64_t value = 0; value < bounds[i]; value++)
            assert_true(seen[value] > 0); /* missing one of 64: once in 10^25 runs */
    }
    for (int j = 0; j < 100; j++) {
        assert_true(random_below(UINT64_MAX) < UINT64_MAX);
        assert_true(random_below((UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void makes_uuids_of_version_4(void **state)
{
    (void)state;
    char last[UUID_TEXT_SIZE] = "";
    for (int i = 0; i < 200; i++) {
        char uuid[UUID_TEXT_SIZE];
        uuid_make(uuid);
        assert_true(uuid_is_valid(uuid));
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
        assert_string_not_equal(uuid, last);
        memcpy(last, uuid, sizeof last);
        assert_string_equal(text_lower(uuid), last);
    }
}

static void names_make_the_same_uuid_again(void **state)
{
    (void)state;
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
    uuid_of_text("ada", a);
    uuid_of_text("ada", b);
    assert_string_equal(a, b);
    assert_true(uuid_is_valid(a));
    assert_int_equal(a[14], '5');
    assert_non_null(strchr("89ab", a[19]));
    uuid_of_text("grace", b);
    assert_string_not_equal(a, b);
    uuid_of_text("", b); /* SHA-256 of nothing: e3b0c442 98fc 1c14 9afb f4c8996fb924 */
    assert_string_equal(b, "e3b0c442-98fc-5c14-9afb-f4c8996fb924");
}

static void knows_uuids(void **state)
{
    (void)state;
    assert_true(uuid_is_valid("00000000-0000-4000-8000-00000000000a"));
    assert_true(uuid_is_valid("ABCDEFab-0000-0000-0000-00000000000A"));
    static const char *const wrong[] = {
        NULL,
        "",
        "00000000-0000-4000-8000-00000000000",
        "00000000-0000-4000-8000-00000000000aa",
        "00000000-0000-4000-8000-00000000000g",
        "0000000000000-4000-8000-00000000000a",
        "000000000000-4000-8000-000000000000a",
        "{0000000-0000-4000-8000-00000000000}",
        "00000000-0000-4000-8000-0000000000 a",
        "000000000000400080000000000000000000",
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(uuid_is_valid(wrong[i]));
}

static void digests(void **state)
{
    (void)state;
    char out[DIGEST_TEXT_SIZE];
    digest_hex("", 0, out);
    assert_string_equal(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_hex("abc", 3, out);
    assert_string_equal(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void encodes_base64(void **state)
{
    (void)state;
    static const struct {
        const char *plain;
        const char *text;
    } cases[] = { /* RFC 4648, section 10 */
                  { "", "" },
                  { "f", "Zg==" },
                  { "fo", "Zm8=" },
                  { "foo", "Zm9v" },
                  { "foob", "Zm9vYg==" },
                  { "fooba", "Zm9vYmE=" },
                  { "foobar", "Zm9vYmFy" },
                  { "\xFB\xFF\xBF", "+/+/" }
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buffer out = { 0 };
        base64_encode(cases[i].plain, strlen(cases[i].plain), &out);
        assert_string_equal(out.data ? out.data : "", cases[i].text);
        buffer_reset(&out);
        assert_int_equal(base64_decode(cases[i].text, strlen(cases[i].text), &out), 0);
        assert_int_equal(out.size, strlen(cases[i].plain));
        assert_string_equal(out.data, cases[i].plain);
        buffer_clear(&out);
    }
}

static void decodes_both_alphabets_with_or_without_padding(void **state)
{
    (void)state;
    static const char *const same[] = { "+/8=", "-_8=", "+_8", "-/8" };
    for (size_t i = 0; i < COUNT(same); i++) {
        struct buffer out = { 0 };
        assert_int_equal(base64_decode(same[i], strlen(same[i]), &out), 0);
        assert_int_equal(out.size, 2);
        assert_memory_equal(out.data, "\xFB\xFF", 2);
        buffer_clear(&out);
    }
}

static void refuses_what_is_no_base64(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "A",     "=",     "==",     "A===",   "Zg=",        "Zg===", "Zm9v=",
        "Zm9vY", "Zm 9v", "Zm9v\n", "Zm9v\r", " Zm9v",      "Zm9*",  "Zg==Zg==",
        "Z=g=",  "Zh==",  "Zm9=",   "Zh",     "\xC3\xA4Zm",
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct buffer out = { 0 };
        buffer_text(&out, "before");
        if (base64_decode(wrong[i], strlen(wrong[i]), &out) != ERROR_SYNTAX)
            fail_msg("'%s' was read", wrong[i]);
        assert_string_equal(out.data, "before");
        buffer_clear(&out);
    }
    struct buffer out = { 0 };
    assert_int_equal(base64_decode("Zm\0v", 4, &out), ERROR_SYNTAX);
    buffer_clear(&out);
}

static void long_bytes_come_back(void **state)
{
    (void)state;
    for (size_t size = 0; size < 5000; size += size < 10 ? 1 : 383) {
        char *bytes = malloc(size + 1);
        struct buffer text = { 0 };
        struct buffer back = { 0 };
        random_bytes(bytes, size);
        base64_encode(bytes, size, &text);
        assert_int_equal(text.size, (size + 2) / 3 * 4);
        assert_int_equal(base64_decode(text.data, text.size, &back), 0);
        assert_int_equal(back.size, size);
        assert_memory_equal(back.data, bytes, size);
        if (size > 0) { /* a mistake at the end takes all of it back */
            text.data[text.size - 1] = '*';
            assert_int_equal(base64_decode(text.data, text.size, &back), ERROR_SYNTAX);
            assert_int_equal(back.size, size);
        }
        buffer_clear(&text);
        buffer_clear(&back);
        free(bytes);
    }
}

static void decoding_obeys_the_cap(void **state)
{
    (void)state;
    struct buffer out = { .max = 2 };
    assert_int_equal(base64_decode("Zm9v", 4, &out), ERROR_TOO_LARGE);
    buffer_clear(&out);
}

static void a_pool_gives_each_uuid_once(void **state)
{
    (void)state;
    static char made[3 * UUID_POOL_SIZE][UUID_TEXT_SIZE];
    struct uuid_pool pool = { 0 };
    for (size_t i = 0; i < COUNT(made); i++) {
        uuid_pool_make(&pool, made[i]);
        assert_true(uuid_is_valid(made[i]));
        assert_int_equal(made[i][14], '4');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(made[i], made[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_below_the_bound_and_meets_every_value),
        cmocka_unit_test(makes_uuids_of_version_4),
        cmocka_unit_test(a_pool_gives_each_uuid_once),
        cmocka_unit_test(names_make_the_same_uuid_again),
        cmocka_unit_test(knows_uuids),
        cmocka_unit_test(digests),
        cmocka_unit_test(encodes_base64),
        cmocka_unit_test(decodes_both_alphabets_with_or_without_padding),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(long_bytes_come_back),
        cmocka_unit_test(decoding_obeys_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
