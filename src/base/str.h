/* String slices, a bounded builder, and growth of plain arrays. */
#ifndef HEED_BASE_STR_H
#define HEED_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes owned by someone else; not NUL-terminated.                                              */
struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct str str_of(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *s)
{
    return str_eq(a, str_of(s));
}
bool str_starts(struct str s, const char *prefix);
struct str str_trim(struct str s); /* spaces and tabs at both ends */

/* A growing string that never passes its limit. After a failure (limit or memory) `failed` is
 * set, further appends do nothing, and the text so far stays readable and NUL-terminated. An append
 * is done whole or not at all; what is appended must not lie in the builder itself.              */
struct strbuf {
    char *p;
    size_t n, cap, limit;
    bool failed;
};

void strbuf_init(struct strbuf *b, size_t limit);
void strbuf_deinit(struct strbuf *b);
void strbuf_clear(struct strbuf *b); /* keeps the memory, clears `failed` */
bool strbuf_put(struct strbuf *b, const void *p, size_t n);
bool strbuf_puts(struct strbuf *b, const char *s);
bool strbuf_putc(struct strbuf *b, char c);
__attribute__((format(printf, 2, 3))) bool strbuf_printf(struct strbuf *b, const char *format, ...);
const char *strbuf_text(const struct strbuf *b); /* "" when empty; valid until the next append */

/* Grows *p (elements of `size` bytes, *cap of them) to hold at least `need`, at least doubling.
 * false: no memory or overflow, and nothing has changed. New elements are not initialised.      */
bool array_grow(void *p, size_t *cap, size_t need, size_t size);

#endif
