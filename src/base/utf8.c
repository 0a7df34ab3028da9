#include "base/utf8.h"

#include "base/error.h"

#include <utf8proc.h>

/* Bytes of the well-formed sequence at p[0..n), n > 0; 0 where there is none.
 * Source: RFC 3629, section 4 (UTF8-octets).                                                     */
static size_t sequence(const unsigned char *p, size_t n)
{
    unsigned char lead = p[0];
    if (lead < 0x80)
        return 1;
    size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || n < length)
        return 0;
    /* The second byte is narrower after the leads that could begin overlong forms, surrogates or
     * more than U+10FFFF.                                                                        */
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

size_t utf8_invalid_at(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    while (i < s.n) {
        uint64_t eight;
        if (s.n - i >= sizeof eight) {
            memcpy(&eight, p + i, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        size_t length = sequence(p + i, s.n - i);
        if (length == 0)
            return i;
        i += length;
    }
    return s.n;
}

uint32_t utf8_next(struct str s, size_t *i)
{
    const unsigned char *p = (const unsigned char *)s.p + *i;
    size_t length = sequence(p, s.n - *i);
    *i += length ? length : 1;
    switch (length) {
    case 1:
        return p[0];
    case 2:
        return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3fu);
    case 3:
        return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3fu);
    case 4:
        return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
               (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3fu);
    default:
        return 0xfffd;
    }
}

size_t utf8_width(struct str s)
{
    size_t columns = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t c = utf8_next(s, &i);
        if (c < 0x80)
            columns += c >= 0x20 && c != 0x7f;
        else if (c < 0x1160 || c > 0x11ff) /* vowels and finals join the Hangul letter before */
            columns += (size_t)utf8proc_charwidth((utf8proc_int32_t)c);
    }
    return columns;
}

size_t utf8_cut(struct str s, size_t limit)
{
    if (limit >= s.n)
        return s.n;
    /* A code point that straddles the limit begins at most three bytes before it.                */
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t back = 1; back <= 3 && back <= limit; back++) {
        size_t start = limit - back;
        size_t length = sequence(p + start, s.n - start);
        if (length)
            return length > back ? start : limit;
    }
    return limit;
}

static bool separator(uint32_t c)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

bool utf8_blank_edge(struct str s)
{
    uint32_t first = 0, last = 0;
    for (size_t i = 0, n = 0; i < s.n; n++) {
        last = utf8_next(s, &i);
        if (n == 0)
            first = last;
    }
    return s.n && (separator(first) || separator(last));
}

bool utf8_has_control(struct str s)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t c = utf8_next(s, &i);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            return true;
    }
    return false;
}

bool utf8_is_nfc(struct str s)
{
    enum { BYTES = 64, DECOMPOSED = 4 /* code points that one becomes at most */ };
    heed_assert(s.n <= BYTES);
    bool plain = true; /* all below U+0300 is in NFC */
    for (size_t i = 0; plain && i < s.n; i++)
        plain = (unsigned char)s.p[i] < 0xcc;
    if (plain)
        return true;
    utf8proc_int32_t buffer[BYTES * DECOMPOSED + 1];
    const utf8proc_option_t nfc = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    utf8proc_ssize_t n = utf8proc_decompose((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n,
                                            buffer, BYTES * DECOMPOSED, nfc);
    if (n < 0 || n > BYTES * DECOMPOSED)
        return false;
    utf8proc_ssize_t bytes = utf8proc_reencode(buffer, n, nfc);
    return bytes == (utf8proc_ssize_t)s.n && memcmp(buffer, s.p, s.n) == 0;
}
