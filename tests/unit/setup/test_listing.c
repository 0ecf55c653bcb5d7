/* test_listing.c - listings are read as they were written, and compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/text.h"
#include "setup/listing.h"

#define D1 "0123456789abcdef0123456789abcdef"
#define D2 "fedcba9876543210fedcba9876543210"

/* A listing of text with '|' for the NULs. */
static int read_text(const char *text, struct listing *out)
{
    char bytes[2048];
    size_t size = strlen(text);
    assert_true(size < sizeof bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(text[i] == '|' ? '\0' : text[i]);
    return listing_read(bytes, size, out, NULL);
}

static void reads_what_it_writes(void **state)
{
    struct buffer text = { 0 };
    struct listing listing;
    const struct listing_file file = { .path = "/a\tb\n\xff",
                                       .type = LISTING_FILE,
                                       .below = LISTING_BELOW_CHANGED,
                                       .size = 12,
                                       .mtime_ns = -5,
                                       .mode = 04755,
                                       .uid = 1000,
                                       .gid = 7,
                                       .digest = D1 };
    (void)state;
    listing_write_file(&text, &file);
    listing_write_name(&text, 'P', "bash", "5.2-1");
    listing_write_end(&text);
    assert_int_equal(listing_read(text.data, text.size, &listing, NULL), 0);
    assert_int_equal(listing.count, 1);
    assert_string_equal(listing.files[0].path, file.path);
    assert_int_equal(listing.files[0].mode, 04755);
    assert_int_equal(listing.files[0].mtime_ns, -5);
    assert_string_equal(listing.files[0].digest, D1);
    assert_string_equal(listing.packages.items[0].value, "5.2-1");
    listing_clear(&listing);
    buffer_clear(&text);
}

static void refuses_what_is_no_listing(void **state)
{
    static const char *const texts[] = {
        "",
        "E\t1",                                           /* not ended by a NUL */
        "E\t2|",                                          /* another format */
        "P\tbash\t5|",                                    /* cut */
        "P\tbash|E\t1|",                                  /* a field is missing */
        "X\ta\tb|E\t1|",                                  /* no such record */
        "F\tf\t1\t0\t644\t0\t0\tn\t-|E\t1|",              /* no path */
        "F\tf\t1\t0\t644\t0\t0\tn\t-\trelative|E\t1|",    /* not absolute */
        "F\tf\t-1\t0\t644\t0\t0\tn\t-\t/a|E\t1|",         /* negative size */
        "F\tf\t1\t0\t99\t0\t0\tn\t-\t/a|E\t1|",           /* not octal */
        "F\tz\t1\t0\t644\t0\t0\tn\t-\t/a|E\t1|",          /* no such type */
        "F\tf\t1\t0\t644\t0\t0\tn\tshort\t/a|E\t1|",      /* no digest */
        "F\tf\t1\t0\t644\t4294967296\t0\tn\t-\t/a|E\t1|", /* no user id */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct listing listing = { 0 };
        assert_int_equal(read_text(texts[i], &listing), ERROR_SYNTAX);
    }
}

/* One file before and after, and what that is: + ~ - or nothing. */
static const struct {
    const char *before, *after;
    char kind;
} cases[] = {
    { "", "", 0 },
    { "", "F\tf\t1\t1\t644\t0\t0\tn\t" D1 "\t/a|", '+' },
    { "", "F\tf\t1\t1\t644\t0\t0\tc\t" D1 "\t/a|", '~' },
    { "", "F\tf\t1\t1\t644\t0\t0\ts\t" D1 "\t/a|", 0 }, /* only touched */
    { "", "F\tw\t0\t0\t0\t0\t0\tc\t-\t/a|", '-' },
    { "", "F\td\t0\t0\t755\t0\t0\tn\t-\t/a|", '+' },
    { "", "F\td\t0\t0\t755\t0\t0\ts\t-\t/a|", 0 }, /* a folder on the way to a change */
    { "", "F\td\t0\t0\t700\t0\t0\tc\t-\t/a|", '~' },
    { "F\td\t0\t0\t755\t0\t0\tn\t-\t/a|", "F\td\t0\t9\t755\t0\t0\tn\t-\t/a|", 0 },
    { "F\td\t0\t0\t755\t0\t0\tn\t-\t/a|", "F\td\t0\t0\t755\t5\t0\tn\t-\t/a|", '~' },
    { "F\tf\t1\t1\t644\t0\t0\tn\t" D1 "\t/a|", "", '-' },
    { "F\tf\t1\t1\t644\t0\t0\tc\t" D1 "\t/a|", "", '~' }, /* the machine's shows again */
    { "F\tw\t0\t0\t0\t0\t0\tc\t-\t/a|", "F\tf\t1\t1\t644\t0\t0\tc\t" D1 "\t/a|", '+' },
    { "F\tf\t1\t1\t644\t0\t0\tc\t" D1 "\t/a|", "F\tw\t0\t0\t0\t0\t0\tc\t-\t/a|", '-' },
    { "F\tw\t0\t0\t0\t0\t0\tc\t-\t/a|", "F\tw\t0\t0\t0\t0\t0\tc\t-\t/a|", 0 },
    /* written again: the content counts, not the time */
    { "F\tf\t1\t1\t644\t0\t0\tn\t" D1 "\t/a|", "F\tf\t1\t9\t644\t0\t0\tn\t" D1 "\t/a|", 0 },
    { "F\tf\t1\t1\t644\t0\t0\tn\t" D1 "\t/a|", "F\tf\t1\t1\t644\t0\t0\tn\t" D2 "\t/a|", '~' },
    { "F\tf\t1\t1\t644\t0\t0\tn\t" D1 "\t/a|", "F\tf\t1\t1\t600\t0\t0\tn\t" D1 "\t/a|", '~' },
    { "F\tf\t1\t1\t644\t0\t0\tn\t" D1 "\t/a|", "F\tf\t1\t1\t644\t5\t0\tn\t" D1 "\t/a|", '~' },
    /* too large for a digest: the time counts */
    { "F\tf\t1\t1\t644\t0\t0\tn\t-\t/a|", "F\tf\t1\t9\t644\t0\t0\tn\t-\t/a|", '~' },
    { "F\tf\t1\t1\t644\t0\t0\tn\t" D1 "\t/a|", "F\tl\t1\t1\t777\t0\t0\tn\t" D1 "\t/a|", '~' },
};

static void tells_what_became_of_a_file(void **state)
{
    static const char kinds[] = { '+', '~', '-' };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct listing before;
        struct listing after;
        struct changes changes;
        char text[512];
        (void)snprintf(text, sizeof text, "%sE\t1|", cases[i].before);
        assert_int_equal(read_text(text, &before), 0);
        (void)snprintf(text, sizeof text, "%sE\t1|", cases[i].after);
        assert_int_equal(read_text(text, &after), 0);
        assert_int_equal(listing_compare(&before, &after, &changes, NULL), 0);
        char kind = (char)(changes.files.count ? kinds[changes.files.items[0].kind] : 0);
        if (kind != cases[i].kind)
            fail_msg("case %zu: '%c' instead of '%c'", i, kind, cases[i].kind);
        assert_int_equal(changes_none(&changes), cases[i].kind == 0);
        changes_clear(&changes);
        listing_clear(&before);
        listing_clear(&after);
    }
}

static void tells_packages_people_and_services(void **state)
{
    struct listing before;
    struct listing after;
    struct changes c;
    (void)state;
    assert_int_equal(
        read_text("P\tbash\t5|P\tcurl\t7|U\tada\t1000|G\tada\t1000|"
                  "F\td\t0\t0\t755\t0\t0\tn\t-\t/opt/v/site-packages/numpy-1.0.dist-info|E\t1|",
                  &before),
        0);
    assert_int_equal(
        read_text("P\tbash\t6|P\tzsh\t1|U\tada\t1001|G\tada\t1000|G\tgrace\t7|"
                  "F\td\t0\t0\t755\t0\t0\tn\t-\t/opt/v/site-packages/numpy-1.1.dist-info|"
                  "F\td\t0\t0\t755\t0\t0\tn\t-\t/opt/v/site-packages/scipy-2.dist-info|"
                  "F\tf\t1\t0\t644\t0\t0\tn\t-\t/etc/systemd/system/x.service|"
                  "F\tf\t1\t0\t644\t0\t0\tn\t-\t/etc/systemd/system/x.service.d/y.conf|E\t1|",
                  &after),
        0);
    assert_int_equal(listing_compare(&before, &after, &c, NULL), 0);
    assert_int_equal(c.packages.count, 3);
    assert_int_equal(c.packages.items[0].kind, CHANGE_CHANGED);
    assert_string_equal(c.packages.items[0].before, "5");
    assert_string_equal(c.packages.items[0].after, "6");
    assert_int_equal(c.packages.items[1].kind, CHANGE_REMOVED);
    assert_int_equal(c.packages.items[2].kind, CHANGE_ADDED);
    assert_int_equal(c.users.count, 1);
    assert_string_equal(c.users.items[0].after, "1001");
    assert_int_equal(c.groups.count, 1);
    assert_string_equal(c.groups.items[0].name, "grace");
    assert_int_equal(c.pip.count, 2); /* one came as another version */
    assert_int_equal(c.pip.items[0].kind, CHANGE_CHANGED);
    assert_string_equal(c.pip.items[0].before, "1.0");
    assert_string_equal(c.pip.items[0].after, "1.1");
    assert_string_equal(c.pip.items[1].name, "scipy");
    assert_int_equal(c.services.count, 1);
    assert_string_equal(c.services.items[0].name, "/etc/systemd/system/x.service");
    changes_clear(&c);
    listing_clear(&before);
    listing_clear(&after);
}

static void knows_what_comes_by_itself(void **state)
{
    (void)state;
    assert_true(listing_is_noise("/var/cache"));
    assert_true(listing_is_noise("/var/cache/apt/x"));
    assert_true(listing_is_noise("/opt/v/lib/__pycache__/a.pyc"));
    assert_false(listing_is_noise("/var/cached"));
    assert_false(listing_is_noise("/etc/motd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(refuses_what_is_no_listing),
        cmocka_unit_test(tells_what_became_of_a_file),
        cmocka_unit_test(tells_packages_people_and_services),
        cmocka_unit_test(knows_what_comes_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
