/* Small packed records inside a call's blob: LEB128 numbers, raw bytes; reading is bounded. */
#ifndef HEED_PACK_H
#define HEED_PACK_H

#include "base/str.h"

/* Into memory with room for ten bytes; gives where they end.                                    */
static inline uint8_t *pack_at(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(0x80 | (v & 0x7f));
    *p++ = (uint8_t)v;
    return p;
}

static inline bool pack_u64(struct strbuf *b, uint64_t v)
{
    while (v >= 0x80) {
        if (!strbuf_putc(b, (char)(0x80 | (v & 0x7f))))
            return false;
        v >>= 7;
    }
    return strbuf_putc(b, (char)v);
}

static inline bool pack_i64(struct strbuf *b, int64_t v)
{
    return pack_u64(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

struct unpack {
    const char *p;
    size_t n;
    bool bad; /* read past the end, or a number that does not fit; all further reads give zeros */
};

static inline uint64_t unpack_u64(struct unpack *u)
{
    uint64_t v = 0;
    for (unsigned shift = 0; !u->bad && shift < 64; shift += 7) {
        if (u->n == 0)
            break;
        uint8_t byte = (uint8_t)*u->p++;
        u->n--;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    u->bad = true;
    return 0;
}

static inline int64_t unpack_i64(struct unpack *u)
{
    uint64_t v = unpack_u64(u);
    return (int64_t)(v >> 1 ^ (~(v & 1) + 1));
}

/* A number at most max, else bad.                                                               */
static inline uint64_t unpack_max(struct unpack *u, uint64_t max)
{
    uint64_t v = unpack_u64(u);
    if (v > max)
        u->bad = true;
    return u->bad ? 0 : v;
}

/* The next n bytes in place; p NULL when there are not as many.                                 */
static inline struct str unpack_bytes(struct unpack *u, size_t n)
{
    if (u->bad || n > u->n) {
        u->bad = true;
        return STR_NONE;
    }
    struct str s = {u->p, n};
    u->p += n;
    u->n -= n;
    return s;
}
#endif
