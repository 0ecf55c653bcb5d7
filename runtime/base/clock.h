/* clock.h - the time, so that tests and rehearsals can bring their own. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A clock is passed down, never global.  `now_ms` below is monotonic, `unix_ms` is wall time. */
struct clock {
    int64_t (*monotonic_ms)(const struct clock *clock);
    int64_t (*unix_ms)(const struct clock *clock);
    int64_t virtual_ms; /* virtual clock only: milliseconds since it was made */
    int64_t epoch_ms;   /* virtual clock only: Unix time when it was made */
};

/* The machine's clock; static, never freed. */
struct clock *clock_real(void);

/* Makes `clock` a virtual one that stands still until clock_advance().  `start_unix_ms` is its
 * first wall time. */
void clock_init_virtual(struct clock *clock, int64_t start_unix_ms);
bool clock_is_virtual(const struct clock *clock);
void clock_advance(struct clock *clock, int64_t ms);

int64_t clock_monotonic_ms(const struct clock *clock);
int64_t clock_unix_ms(const struct clock *clock);

#define TIME_TEXT_SIZE 40

/* "2026-11-21T07:42:10.1234567Z", as the service writes times (7 decimals, UTC). */
void time_format(int64_t unix_ms, char out[TIME_TEXT_SIZE]);
/* RFC 3339 with any offset and any number of decimals. ERROR_SYNTAX leaves *out_unix_ms alone. */
int time_parse(const char *text, int64_t *out_unix_ms);

#endif
