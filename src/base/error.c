#include "base/error.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

/* Copies text, of which n bytes are known, into field[size], cut at a UTF-8 boundary; '?' for what
 * is not UTF-8, for messages quote paths and damaged files. */
static void fill(char *field, size_t size, const char *text, size_t n)
{
    size_t kept = n < size ? n : utf8_cut((struct str){text, n}, size - 1);
    memcpy(field, text, kept);
    field[kept] = '\0';
    for (size_t at; (at = utf8_invalid_at((struct str){field, kept})) < kept;)
        field[at] = '?';
}

enum heed_status error_set(struct heed_error *err, enum heed_status status, const char *where,
                           const char *format, ...)
{
    if (!err || err->status != HEED_OK)
        return status;
    err->status = status;
    fill(err->where, sizeof err->where, where ? where : "", where ? strlen(where) : 0);

    char text[sizeof err->message + 4]; /* shows whole the code point a cut may fall in */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t written = n < 0 ? 0 : (size_t)n;
    if (written > sizeof text - 1)
        written = sizeof text - 1;
    fill(err->message, sizeof err->message, text, written);
    return status;
}

enum heed_status error_nomem(struct heed_error *err)
{
    return error_set(err, HEED_NOMEM, NULL,
                     "out of memory; free some, or give the process more, and try again");
}

void error_clear(struct heed_error *err)
{
    if (err) {
        err->status = HEED_OK;
        err->where[0] = '\0';
        err->message[0] = '\0';
    }
}

void heed_assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "heed: %s:%d: broken assumption: %s\n", file, line, expression);
    abort();
}
