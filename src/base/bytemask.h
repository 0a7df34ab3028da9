/* Sixty-four bytes at a time to bit masks: which of them are structural, which are not ASCII.
 * Source of the idea: G. Langdale, D. Lemire, "Parsing gigabytes of JSON per second", VLDB J. 28
 * (2019), section 3.1.                                                                          */
#ifndef HEED_BASE_BYTEMASK_H
#define HEED_BASE_BYTEMASK_H

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct bytemask {
    uint64_t found; /* bit i: p[i] is a, b, a line feed or NUL */
    uint64_t high;  /* bit i: p[i] >= 0x80                     */
};

static inline struct bytemask bytemask_portable(const char *p, char a, char b)
{
    struct bytemask m = {0, 0};
    for (unsigned i = 0; i < 64; i++) {
        m.found |= (uint64_t)((p[i] == a) | (p[i] == b) | (p[i] == '\n') | (p[i] == '\0')) << i;
        m.high |= (uint64_t)((unsigned char)p[i] >> 7) << i;
    }
    return m;
}

#ifdef __SSE2__
static inline struct bytemask bytemask(const char *p, char a, char b)
{
    struct bytemask m = {0, 0};
    const __m128i va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b), lf = _mm_set1_epi8('\n');
    for (unsigned i = 0; i < 64; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i hit = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb)),
            _mm_or_si128(_mm_cmpeq_epi8(v, lf), _mm_cmpeq_epi8(v, _mm_setzero_si128())));
        m.found |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << i;
        m.high |= (uint64_t)(unsigned)_mm_movemask_epi8(v) << i;
    }
    return m;
}
#else
static inline struct bytemask bytemask(const char *p, char a, char b)
{
    return bytemask_portable(p, a, b);
}
#endif
#endif
