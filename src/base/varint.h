/* Variable-length numbers over a sink and a source: LEB128 with one encoding per value, and zigzag
 * differences for columns of times and references.
 * Source: DWARF Debugging Information Format 5, section 7.6 (unsigned LEB128).                  */
#ifndef HEED_BASE_VARINT_H
#define HEED_BASE_VARINT_H

#include "base/serial.h"

static inline void sink_varint(struct sink *s, uint64_t v)
{
    uint8_t b[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        b[n++] = (uint8_t)(v | 0x80);
    b[n++] = (uint8_t)v;
    sink_bytes(s, b, n);
}

/* A number of at most max; the source is failed (and 0 given) when it is larger, longer than it
 * need be, or cut off.                                                                          */
static inline uint64_t source_varint(struct source *s, uint64_t max)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && !s->failed; shift += 7) {
        uint8_t b = source_u8(s);
        if ((shift == 63 && b > 1) || (shift > 0 && b == 0))
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            if (v > max)
                break;
            return s->failed ? 0 : v;
        }
    }
    s->failed = true;
    return 0;
}

/* A number of either sign.                                                                       */
static inline void sink_signed(struct sink *s, int64_t v)
{
    sink_varint(s, (uint64_t)v << 1 ^ (0 - ((uint64_t)v >> 63)));
}

static inline int64_t source_signed(struct source *s)
{
    uint64_t z = source_varint(s, UINT64_MAX);
    return (int64_t)(z >> 1 ^ (0 - (z & 1)));
}

/* The difference of v from *previous, which becomes v. Any two int64_t will do.                 */
static inline void sink_delta(struct sink *s, int64_t *previous, int64_t v)
{
    sink_signed(s, (int64_t)((uint64_t)v - (uint64_t)*previous));
    *previous = v;
}

static inline int64_t source_delta(struct source *s, int64_t *previous)
{
    *previous = (int64_t)((uint64_t)*previous + (uint64_t)source_signed(s));
    return *previous;
}
#endif
