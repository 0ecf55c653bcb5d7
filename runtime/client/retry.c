/* retry.c - see retry.h. */
#include "client/retry.h"

#include "base/error.h"
#include "base/random.h"

static bool status_is_passing(int status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

/* The other side says that it did not begin. */
static bool was_refused(const struct retry_outcome *outcome)
{
    return outcome->rc == 0 &&
           (outcome->status == 429 || (outcome->status == 503 && outcome->has_retry_after));
}

bool retry_doubtful(const struct retry_outcome *outcome)
{
    if (outcome->rc < 0)
        return outcome->sent;
    return status_is_passing(outcome->status) && !was_refused(outcome);
}

bool retry_wanted(const struct retry_outcome *outcome)
{
    if (outcome->rc < 0 && outcome->rc != ERROR_UNAVAILABLE && outcome->rc != ERROR_TIMEOUT)
        return false;
    if (outcome->rc == 0 && !status_is_passing(outcome->status))
        return false;
    return outcome->idempotent || !retry_doubtful(outcome);
}

int64_t retry_delay_ms(int retry, int64_t first_ms, int64_t retry_after_ms)
{
    if (first_ms < 1)
        first_ms = 1;
    if (retry_after_ms > 0)
        return retry_after_ms + (int64_t)random_below((uint64_t)first_ms + 1);
    int64_t most = first_ms;
    for (int i = 0; i < retry && most < RETRY_BACKOFF_MAX_MS; i++)
        most *= 2;
    if (most > RETRY_BACKOFF_MAX_MS)
        most = RETRY_BACKOFF_MAX_MS;
    return (int64_t)random_below((uint64_t)most + 1);
}
