/* Log lines: one write each, nothing in them that a terminal obeys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define STAMP "1970-01-01T00:00:01.0000000Z"

/* A socket that keeps the bounds of writes: what one recv() gives is what one write() sent. */
struct fixture {
    int reader;
    struct clock clock;
    struct log log;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return -1;
    clock_init_virtual(&fixture.clock, 1000);
    fixture.reader = ends[0];
    fixture.log = (struct log) { .fd = ends[1], .level = LOG_INFO, .clock = &fixture.clock };
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)close(fixture->reader);
    (void)close(fixture->log.fd);
    return 0;
}

/* The next write, as text; "" when there was none. */
static const char *next_write(const struct fixture *fixture)
{
    static char text[32768];
    ssize_t size = recv(fixture->reader, text, sizeof text - 1, 0);
    text[size < 0 ? 0 : size] = '\0';
    return text;
}

static void writes_a_line_at_once(void **state)
{
    struct fixture *fixture = *state;
    log_line(&fixture->log, LOG_INFO, "started %d of %s", 3, "ds");
    assert_string_equal(next_write(fixture), STAMP " info  started 3 of ds\n");
    log_line(&fixture->log, LOG_ERROR, "%s", "");
    assert_string_equal(next_write(fixture), STAMP " error \n");
    assert_string_equal(next_write(fixture), "");
}

static void drops_lines_below_its_level(void **state)
{
    struct fixture *fixture = *state;
    log_line(&fixture->log, LOG_DEBUG, "no");
    log_line(NULL, LOG_ERROR, "no");
    assert_string_equal(next_write(fixture), "");
    fixture->log.level = LOG_ERROR;
    log_line(&fixture->log, LOG_WARN, "no");
    assert_string_equal(next_write(fixture), "");
}

static void spells_control_characters(void **state)
{
    static const struct {
        const char *text;
        const char *spelt;
    } cases[] = {
        { "a\nb\r\tc", "a\\x0ab\\x0d\\x09c" },
        { "\x1B[31mred\x7F", "\\x1b[31mred\\x7f" },
        { "\xC3\xA4\xE2\x82\xAC\xC2\xA0", "\xC3\xA4\xE2\x82\xAC\xC2\xA0" },
        { "\xC2\x9B"
          "2J",
          "\\xc2\\x9b2J" }, /* U+009B: a control sequence, too */
        { "\x9B"
          "2J\xC3\xA4",
          "\\x9b2J\\xc3\\xa4" }, /* no UTF-8: any of it may be one */
        { "back\\slash", "back\\slash" },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        log_line(&fixture->log, LOG_WARN, "%s", cases[i].text);
        const char *line = next_write(fixture);
        assert_true(text_starts(line, STAMP " warn  "));
        line += strlen(STAMP " warn  ");
        assert_int_equal(line[strlen(line) - 1], '\n');
        assert_int_equal(strlen(line) - 1, strlen(cases[i].spelt));
        assert_memory_equal(line, cases[i].spelt, strlen(cases[i].spelt));
    }
}

static void long_lines_are_cut_at_a_character(void **state)
{
    struct fixture *fixture = *state;
    static char text[20000];
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "\xC3\xA4", 3);
        log_line(&fixture->log, LOG_INFO, "%s", text);
        const char *line = next_write(fixture);
        assert_in_range(strlen(line), 4000, 4200);
        assert_true(text_is_utf8(line, strlen(line)));
        assert_true(text_ends(line, "\xC3\xA4\n"));
        memset(text, '\x01', sizeof text - 1);
        log_line(&fixture->log, LOG_INFO, "%s", text);
        line = next_write(fixture);
        assert_in_range(strlen(line), 16000, 17000);
        assert_true(text_ends(line, "\\x01\n"));
        assert_string_equal(next_write(fixture), "");
    }
}

static void leaves_errno_alone(void **state)
{
    struct fixture *fixture = *state;
    errno = EAGAIN;
    log_line(&fixture->log, LOG_INFO, "x");
    assert_int_equal(errno, EAGAIN);
    struct log broken = { .fd = -1, .level = LOG_DEBUG, .clock = &fixture->clock };
    log_line(&broken, LOG_INFO, "x");
    assert_int_equal(errno, EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_a_line_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_lines_below_its_level, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spells_control_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lines_are_cut_at_a_character, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_errno_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
