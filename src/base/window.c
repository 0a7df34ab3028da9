#include "base/window.h"

#include "base/error.h"

#include <stdlib.h>

static const size_t FIRST_CAP = 1 << 18;

bool window_init(struct window *w, struct reader *r, size_t max)
{
    *w = (struct window){.reader = r, .max = max, .cap = max < FIRST_CAP ? max : FIRST_CAP};
    w->buf = calloc(1, w->cap + WINDOW_PAD);
    return w->buf != NULL;
}

void window_deinit(struct window *w)
{
    free(w->buf);
    *w = (struct window){0};
}

static bool grow(struct window *w)
{
    size_t cap = w->cap > w->max / 2 ? w->max : w->cap * 2;
    heed_assert(cap > w->cap);
    char *buf = realloc(w->buf, cap + WINDOW_PAD);
    if (!buf)
        return false;
    memset(buf + w->cap, 0, cap + WINDOW_PAD - w->cap);
    w->buf = buf;
    w->cap = cap;
    return true;
}

bool window_fill(struct window *w)
{
    if (w->at > 0) {
        memmove(w->buf, w->buf + w->at, w->end - w->at);
        w->end -= w->at;
        w->at = 0;
    }
    if (w->end == w->cap && !grow(w))
        return false;
    while (w->end < w->cap && !w->eof && w->failed == HEED_OK) {
        size_t n;
        error_clear(&w->failure);
        w->failed = reader_read(w->reader, w->buf + w->end, w->cap - w->end, &n, &w->failure);
        w->eof = w->failed == HEED_OK && n == 0;
        w->end += n;
    }
    return true;
}

bool window_skip_line(struct window *w)
{
    for (;;) {
        char *lf = memchr(w->buf + w->at, '\n', w->end - w->at);
        if (lf) {
            w->at = (size_t)(lf + 1 - w->buf);
            return true;
        }
        w->at = w->end;
        if (w->eof)
            return true;
        if (w->failed != HEED_OK || !window_fill(w))
            return false;
    }
}

bool window_skip_bom(struct window *w)
{
    if (!window_fill(w))
        return false;
    if (w->end >= 3 && memcmp(w->buf, "\xef\xbb\xbf", 3) == 0)
        w->at = 3;
    return true;
}
