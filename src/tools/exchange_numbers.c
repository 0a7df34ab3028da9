#include "tools/exchange_numbers.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum heed_status numbers_open(const char *path, struct numbers **out, struct heed_error *err)
{
    struct numbers *r = malloc(sizeof *r);
    *out = r;
    if (!r)
        return error_nomem(err);
    r->path = path;
    r->reader = NULL;
    r->line = 0;
    r->at = r->have = 0;
    r->ended = false;
    return reader_open(path, NULL, &r->reader, err);
}

void numbers_close(struct numbers *r)
{
    if (r)
        reader_close(r->reader);
    free(r);
}

enum heed_status numbers_error(const struct numbers *r, struct heed_error *err, const char *format,
                               ...)
{
    char what[300], where[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(where, sizeof where, "%.200s, line %llu", r->path, (unsigned long long)r->line);
    return error_set(err, HEED_INPUT, where, "%s", what);
}

/* The next line, [from, end) of the buffer; NULL: the end of the file. */
static enum heed_status next_line(struct numbers *r, const char **from, const char **end,
                                  struct heed_error *err)
{
    for (;;) {
        char *start = r->buffer + r->at;
        const char *stop = memchr(start, '\n', r->have - r->at);
        if (!stop && r->ended && r->have > r->at)
            stop = r->buffer + r->have;
        if (stop) {
            *from = start;
            *end = stop;
            r->at = (size_t)(stop - r->buffer) + (stop < r->buffer + r->have);
            return HEED_OK;
        }
        if (r->ended) {
            *from = *end = NULL;
            return HEED_OK;
        }
        memmove(r->buffer, start, r->have - r->at);
        r->have -= r->at;
        r->at = 0;
        if (r->have == NUMBERS_BUFFER)
            return numbers_error(r, err, "a row is longer than %d bytes; this is no such file",
                                 NUMBERS_BUFFER);
        size_t n = 0;
        struct heed_error why = {0};
        enum heed_status status =
            reader_read(r->reader, r->buffer + r->have, NUMBERS_BUFFER - r->have, &n, &why);
        if (status != HEED_OK)
            return error_set(err, status, r->path, "%s", why.message);
        r->have += n;
        r->ended = n == 0;
    }
}

/* A number; *ms: it had a fraction and is in thousandths. NULL: it is none. */
static const char *number(const char *p, const char *end, bool first, int64_t *out)
{
    bool minus = p < end && *p == '-';
    uint64_t v = 0;
    const char *digits = p += minus;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    if (p == digits || p - digits > 18)
        return NULL;
    if (p < end && *p == '.') {
        int64_t scale = 100;
        v *= first && p - digits < 15 ? 1000 : 1;
        for (p++; p < end && *p >= '0' && *p <= '9'; p++, scale /= 10)
            v += first ? (uint64_t)((*p - '0') * scale) : 0;
    } else if (first && p - digits < 15) {
        v *= 1000;
    }
    *out = minus ? -(int64_t)v : (int64_t)v;
    return p;
}

enum heed_status numbers_next(struct numbers *r, int64_t *values, size_t *n, struct heed_error *err)
{
    const char *p, *end;
    *n = 0;
    do {
        enum heed_status status = next_line(r, &p, &end, err);
        if (status != HEED_OK || !p)
            return status;
        r->line++;
        end -= end > p && end[-1] == '\r';
    } while (p == end);
    for (;;) {
        if (*n == NUMBERS_COLUMNS)
            return numbers_error(r, err, "it has more than %d columns", NUMBERS_COLUMNS);
        const char *next = number(p, end, *n == 0, &values[*n]);
        if (!next || (next < end && *next != ','))
            return numbers_error(
                r, err, "column %zu is no whole number (a LOBSTER file has no header)", *n + 1);
        ++*n;
        if (next == end)
            return HEED_OK;
        p = next + 1;
    }
}
