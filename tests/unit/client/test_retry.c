/* The rules of sending again, as a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/text.h"
#include "client/retry.h"

static void test_what_is_sent_again(void **state)
{
    static const struct {
        struct retry_outcome outcome;
        bool idempotent, other; /* wanted, for what may be taken twice and for what may not */
    } cases[] = {
        { { .status = 200 }, false, false },
        { { .status = 301 }, false, false },
        { { .status = 400 }, false, false },
        { { .status = 401 }, false, false },
        { { .status = 404 }, false, false },
        { { .status = 409 }, false, false },
        { { .status = 408 }, true, false },
        { { .status = 429 }, true, true },
        { { .status = 429, .has_retry_after = true }, true, true },
        { { .status = 500 }, true, false },
        { { .status = 500, .has_retry_after = true }, true, false },
        { { .status = 501 }, false, false },
        { { .status = 502 }, true, false },
        { { .status = 503 }, true, false },
        { { .status = 503, .has_retry_after = true }, true, true },
        { { .status = 504 }, true, false },
        { { .rc = ERROR_UNAVAILABLE, .sent = false }, true, true },
        { { .rc = ERROR_UNAVAILABLE, .sent = true }, true, false },
        { { .rc = ERROR_TIMEOUT, .sent = true }, true, false },
        { { .rc = ERROR_TIMEOUT, .sent = false }, true, true },
        { { .rc = ERROR_TOO_LARGE, .sent = true }, false, false },
        { { .rc = ERROR_NO_MEMORY, .sent = false }, false, false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct retry_outcome outcome = cases[i].outcome;
        outcome.idempotent = true;
        if (retry_wanted(&outcome) != cases[i].idempotent)
            fail_msg("case %zu, idempotent", i);
        outcome.idempotent = false;
        if (retry_wanted(&outcome) != cases[i].other)
            fail_msg("case %zu, not idempotent", i);
    }
}

static void test_backoff_doubles_up_to_its_bound_with_full_jitter(void **state)
{
    (void)state;
    for (int retry = 0; retry < 70; retry++) {
        int64_t bound = retry < 6 ? (int64_t)500 << retry : RETRY_BACKOFF_MAX_MS;
        int64_t least = INT64_MAX, most = -1;
        for (int i = 0; i < 400; i++) {
            int64_t delay = retry_delay_ms(retry, 500, -1);
            least = delay < least ? delay : least;
            most = delay > most ? delay : most;
        }
        assert_true(least >= 0 && most <= bound);
        assert_true(least < bound / 4); /* full jitter: the whole span is used */
        assert_true(most > bound * 3 / 4);
    }
}

static void test_retry_after_is_the_least(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        int64_t delay = retry_delay_ms(0, 500, 7000);
        assert_true(delay >= 7000 && delay <= 7500);
    }
    assert_true(retry_delay_ms(0, 500, 0) <= 500); /* "now" is still backed off from */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sent_again),
        cmocka_unit_test(test_backoff_doubles_up_to_its_bound_with_full_jitter),
        cmocka_unit_test(test_retry_after_is_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
