#include "base/time.h"

#include <stdio.h>

#define MS_PER_SECOND 1000
#define SECONDS_PER_DAY 86400

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Day counts by eras of 400 years that begin on 1 March.
 * Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).                     */
static int64_t day_of_civil(int year, int month, int day_of_month)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day_of_month - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void time_civil(int64_t day, int *year, int *month, int *day_of_month)
{
    int64_t z = day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153; /* 0 is March */
    *day_of_month = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2 ? 1 : 0));
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* What is left to read.                                                                         */
struct cursor {
    const char *p, *end;
};

static bool take(struct cursor *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static bool take_number(struct cursor *c, int digits, int low, int high, int *out)
{
    int value = 0;
    if (c->end - c->p < digits)
        return false;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(c->p[i]))
            return false;
        value = value * 10 + (c->p[i] - '0');
    }
    c->p += digits;
    *out = value;
    return value >= low && value <= high;
}

/* ".678" to 678; 0 where there is no fraction; false for a point without digits.                */
static bool take_fraction(struct cursor *c, int *ms)
{
    *ms = 0;
    if (!take(c, '.'))
        return true;
    int unit = 100;
    const char *first = c->p;
    for (; c->p < c->end && is_digit(*c->p); c->p++, unit /= 10)
        *ms += unit * (*c->p - '0');
    return c->p > first;
}

/* "Z" or "+01:00", to seconds east of Greenwich.                                                */
static bool take_offset(struct cursor *c, int *seconds)
{
    int hours;
    int minutes;
    *seconds = 0;
    if (take(c, 'Z') || take(c, 'z'))
        return true;
    bool west = take(c, '-');
    if (!west && !take(c, '+'))
        return false;
    if (!take_number(c, 2, 0, 23, &hours) || !take(c, ':') || !take_number(c, 2, 0, 59, &minutes))
        return false;
    *seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static enum time_parse in_range(int64_t value, int64_t *ms)
{
    if (value < 0 || value > TIME_MAX_MS)
        return TIME_OUT_OF_RANGE;
    *ms = value;
    return TIME_OK;
}

/* A leap second is the last second of a month in UTC; it counts as the second after it, as
 * POSIX time has it.                                                                            */
static bool may_be_leap_second(int64_t seconds_after_it)
{
    int year;
    int month;
    int day_of_month;
    if (seconds_after_it % SECONDS_PER_DAY != 0)
        return false;
    time_civil(seconds_after_it / SECONDS_PER_DAY, &year, &month, &day_of_month);
    return day_of_month == 1;
}

static enum time_parse from_rfc3339(struct cursor c, int64_t *ms)
{
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
    int fraction;
    int offset;
    if (!take_number(&c, 4, 0, 9999, &year) || !take(&c, '-') ||
        !take_number(&c, 2, 1, 12, &month) || !take(&c, '-') ||
        !take_number(&c, 2, 1, days_in_month(year, month), &day))
        return TIME_MALFORMED;
    int64_t seconds = day_of_civil(year, month, day) * SECONDS_PER_DAY;
    if (c.p == c.end)
        return in_range(seconds * MS_PER_SECOND, ms);
    if (!take(&c, 'T') && !take(&c, 't') && !take(&c, ' '))
        return TIME_MALFORMED;
    if (!take_number(&c, 2, 0, 23, &hour) || !take(&c, ':') ||
        !take_number(&c, 2, 0, 59, &minute) || !take(&c, ':') ||
        !take_number(&c, 2, 0, 60, &second) || !take_fraction(&c, &fraction) ||
        !take_offset(&c, &offset) || c.p != c.end)
        return TIME_MALFORMED;
    seconds += hour * 3600 + minute * 60 + second - offset;
    if (second == 60 && !may_be_leap_second(seconds))
        return TIME_MALFORMED;
    return in_range(seconds * MS_PER_SECOND + fraction, ms);
}

static enum time_parse from_unix_seconds(struct cursor c, int64_t *ms)
{
    bool negative = take(&c, '-');
    const char *first = c.p;
    int64_t seconds = 0;
    int fraction;
    for (; c.p < c.end && is_digit(*c.p); c.p++) {
        if (seconds <= TIME_MAX_MS / MS_PER_SECOND) /* past it, further digits change nothing */
            seconds = seconds * 10 + (*c.p - '0');
    }
    if (c.p == first || !take_fraction(&c, &fraction) || c.p != c.end)
        return TIME_MALFORMED;
    if (negative)
        return TIME_OUT_OF_RANGE;
    return in_range(seconds * MS_PER_SECOND + fraction, ms);
}

enum time_parse time_from_text(struct str text, int64_t *ms)
{
    if (text.n == 0)
        return TIME_MALFORMED;
    struct cursor c = {text.p, text.p + text.n};
    return text.n > 4 && text.p[4] == '-' ? from_rfc3339(c, ms) : from_unix_seconds(c, ms);
}

char *time_to_text(int64_t ms, char buf[32])
{
    int64_t day = ms / DAY_MS;
    int64_t rest = ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        day--;
    }
    int year;
    int month;
    int day_of_month;
    time_civil(day, &year, &month, &day_of_month);
    int second = (int)(rest / MS_PER_SECOND);
    int fraction = (int)(rest % MS_PER_SECOND);
    int n = snprintf(buf, 32, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day_of_month,
                     second / 3600, second / 60 % 60, second % 60);
    if (n > 0 && n < 32 && fraction != 0)
        n += snprintf(buf + n, (size_t)(32 - n), ".%03d", fraction);
    if (n > 0 && n < 31) {
        buf[n] = 'Z';
        buf[n + 1] = '\0';
    }
    return buf;
}
