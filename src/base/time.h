/* Times: milliseconds since 1970-01-01T00:00:00Z, from 1970 up to the end of the year 2105. */
#ifndef HEED_BASE_TIME_H
#define HEED_BASE_TIME_H

#include "base/str.h"

#define TIME_MAX_MS (INT64_C(4291747200) * 1000 - 1) /* 2105-12-31T23:59:59.999Z */
#define DAY_MS INT64_C(86400000)

enum time_parse { TIME_OK, TIME_MALFORMED, TIME_OUT_OF_RANGE };

/* RFC 3339 ("2026-01-02T03:04:05.678Z", offsets allowed, 'T' or a space, a bare date is midnight
 * UTC) or Unix seconds with an optional fraction. Digits beyond milliseconds are cut.           */
enum time_parse time_from_text(struct str text, int64_t *ms);

/* RFC 3339 in UTC, milliseconds only when not zero; returns buf.                                */
char *time_to_text(int64_t ms, char buf[32]);

/* Civil date of a day counted from 1970-01-01.                                                  */
void time_civil(int64_t day, int *year, int *month, int *day_of_month);
#endif
