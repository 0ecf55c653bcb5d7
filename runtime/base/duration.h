/* duration.h - spans of time in recipes and on the wire. */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Reads "90s", "30m", "1h", "2d", "1h30m" or ISO 8601 ("PT1H30M", "P2D"; no years or months).
 * ERROR_SYNTAX, or ERROR_RANGE beyond int64 seconds; *out_seconds is then left alone. */
int duration_parse(const char *text, int64_t *out_seconds, struct error *err);

/* For people: "45s", "3m", "1h30m", "2d4h": at most the two largest units. */
void duration_text(int64_t seconds, char *out, size_t out_size);

/* On the wire: minutes only ("PT120M"), the one form that azure-ai-ml can read (FACTS: idle
 * shutdown); seconds are rounded up to a whole minute. */
void duration_iso_minutes(int64_t seconds, char *out, size_t out_size);

#define DURATION_TEXT_SIZE 32

#endif
