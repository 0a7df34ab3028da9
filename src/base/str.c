#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool str_starts(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return n == 0 || (s.n >= n && memcmp(s.p, prefix, n) == 0);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.n && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool array_grow(void *p, size_t *cap, size_t need, size_t size)
{
    enum { FIRST = 8 };
    if (need <= *cap)
        return true;
    size_t grown = *cap <= SIZE_MAX / 2 ? *cap * 2 : SIZE_MAX;
    if (grown < need)
        grown = need;
    if (grown < FIRST)
        grown = FIRST;
    if (grown > PTRDIFF_MAX / size)
        return false;

    /* p is the address of a pointer to the elements, whatever their type.                        */
    void *elements;
    memcpy(&elements, p, sizeof elements);
    elements = realloc(elements, grown * size);
    if (!elements)
        return false;
    memcpy(p, &elements, sizeof elements);
    *cap = grown;
    return true;
}

void strbuf_init(struct strbuf *b, size_t limit)
{
    *b = (struct strbuf){.limit = limit < PTRDIFF_MAX ? limit : PTRDIFF_MAX - 1};
}

void strbuf_deinit(struct strbuf *b)
{
    free(b->p);
    strbuf_init(b, b->limit);
}

void strbuf_clear(struct strbuf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = '\0';
}

/* Room for n more bytes and the NUL.                                                             */
static bool room(struct strbuf *b, size_t n)
{
    enum { FIRST = 64 };
    if (b->failed)
        return false;
    if (n > b->limit - b->n) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + n + 1;
    if (need < FIRST)
        need = FIRST;
    if (need > b->cap && !array_grow(&b->p, &b->cap, need, 1)) {
        b->failed = true;
        return false;
    }
    return true;
}

bool strbuf_put(struct strbuf *b, const void *p, size_t n)
{
    if (!room(b, n))
        return false;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return true;
}

bool strbuf_puts(struct strbuf *b, const char *s)
{
    return strbuf_put(b, s, strlen(s));
}

bool strbuf_putc(struct strbuf *b, char c)
{
    return strbuf_put(b, &c, 1);
}

bool strbuf_printf(struct strbuf *b, const char *format, ...)
{
    if (!room(b, 0))
        return false;
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(b->p + b->n, b->cap - b->n, format, args);
    bool fits = n >= 0 && (size_t)n < b->cap - b->n && (size_t)n <= b->limit - b->n;
    if (!fits) {
        b->p[b->n] = '\0';
        fits = n >= 0 && room(b, (size_t)n) &&
               vsnprintf(b->p + b->n, b->cap - b->n, format, again) == n;
    }
    va_end(again);
    va_end(args);
    if (fits)
        b->n += (size_t)n;
    else {
        b->failed = true;
        b->p[b->n] = '\0';
    }
    return fits;
}

const char *strbuf_text(const struct strbuf *b)
{
    return b->p ? b->p : "";
}
