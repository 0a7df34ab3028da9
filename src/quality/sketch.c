/* MinHash of a text. Tokens (words, or characters of unspaced scripts) are hashed as they are read;
 * the last few make a shingle; each new shingle lowers the 128 minima. Everything is arithmetic on
 * code points, so a text has the same sketch on every machine.                                   */
#include "quality/bands.h"
#include "quality/quality.h"

#include "base/hash.h"
#include "base/prng.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { WORDS_IN_SHINGLE = 3, CHARACTERS_IN_SHINGLE = 4 };

/* ── letters ─────────────────────────────────────────────────────────────────────────────────── */

/* The lower-case letter, digit or mark at *i, which advances; 0 for anything else.               */
static uint32_t next_letter(struct str s, size_t *i)
{
    unsigned char byte = (unsigned char)s.p[*i];
    if (byte < 0x80) {
        ++*i;
        if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'))
            return byte;
        return byte >= 'A' && byte <= 'Z' ? byte + 32u : 0;
    }
    int32_t c = (int32_t)utf8_next(s, i);
    utf8proc_category_t category = utf8proc_category(c);
    if (category < UTF8PROC_CATEGORY_LU || category > UTF8PROC_CATEGORY_NO)
        return 0;
    return (uint32_t)utf8proc_tolower(c);
}

static bool is_unspaced(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x1100, 0x11ff},   /* hangul jamo                       */
        {0x2e80, 0x2fdf},   /* Han radicals                      */
        {0x3005, 0x3007},   /* Han iteration mark, zero          */
        {0x3021, 0x3029},   /* Han numerals                      */
        {0x3041, 0x30ff},   /* hiragana, katakana                */
        {0x3130, 0x318f},   /* hangul compatibility jamo         */
        {0x31f0, 0x31ff},   /* katakana extensions               */
        {0x3400, 0x4dbf},   /* Han extension A                   */
        {0x4e00, 0x9fff},   /* Han                               */
        {0xa960, 0xa97f},   /* hangul jamo extended A            */
        {0xac00, 0xd7ff},   /* hangul syllables, jamo extended B */
        {0xf900, 0xfaff},   /* Han compatibility                 */
        {0xff66, 0xff9f},   /* half-width katakana               */
        {0x1aff0, 0x1b16f}, /* kana extensions                   */
        {0x20000, 0x3ffff}, /* Han, further planes               */
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && c >= ranges[i].first; i++)
        if (c <= ranges[i].last)
            return true;
    return false;
}

static bool mostly_unspaced(const struct str texts[2])
{
    size_t letters = 0, unspaced = 0;
    for (int t = 0; t < 2; t++) {
        for (size_t i = 0; i < texts[t].n;) {
            uint32_t c = next_letter(texts[t], &i);
            letters += c != 0;
            unspaced += c >= 0x1100 && is_unspaced(c);
        }
    }
    return unspaced > letters / 2;
}

/* ── the set of shingles and its minima ──────────────────────────────────────────────────────── */

struct shingler {
    uint64_t last[CHARACTERS_IN_SHINGLE]; /* hashes of the newest tokens */
    int width, have;
    uint64_t *seen; /* open addressing, 0: free */
    size_t seen_n, seen_cap;
    uint64_t minima[SKETCH_SIZE];
    bool failed;
};

/* The hash functions: x -> (x ^ xors[i]) * odds[i] mod 2^64 over well mixed x.                   */
struct permutations {
    uint64_t xors[SKETCH_SIZE], odds[SKETCH_SIZE];
};

/* SplitMix64 of a fixed seed: changing it changes every stored sketch.                           */
static void permutations_init(struct permutations *p)
{
    uint64_t state = UINT64_C(0x68656564);
    for (int i = 0; i < SKETCH_SIZE; i++) {
        p->xors[i] = splitmix64(&state);
        p->odds[i] = splitmix64(&state) | 1;
    }
}

static size_t seen_slot(const uint64_t *seen, size_t cap, uint64_t shingle)
{
    size_t at = (size_t)shingle & (cap - 1);
    while (seen[at] != 0 && seen[at] != shingle)
        at = (at + 1) & (cap - 1);
    return at;
}

static bool seen_grow(struct shingler *s)
{
    size_t cap = s->seen_cap ? s->seen_cap * 2 : 512;
    uint64_t *seen = calloc(cap, sizeof *seen);
    if (!seen)
        return false;
    for (size_t i = 0; i < s->seen_cap; i++)
        if (s->seen[i] != 0)
            seen[seen_slot(seen, cap, s->seen[i])] = s->seen[i];
    free(s->seen);
    s->seen = seen;
    s->seen_cap = cap;
    return true;
}

static void add_shingle(struct shingler *s, const struct permutations *p, uint64_t shingle)
{
    if (s->seen_n >= s->seen_cap / 2 && !seen_grow(s)) {
        s->failed = true;
        return;
    }
    size_t at = seen_slot(s->seen, s->seen_cap, shingle);
    if (s->seen[at] == shingle)
        return;
    s->seen[at] = shingle;
    s->seen_n++;
    for (int i = 0; i < SKETCH_SIZE; i++) {
        uint64_t h = (shingle ^ p->xors[i]) * p->odds[i];
        s->minima[i] = h < s->minima[i] ? h : s->minima[i];
    }
}

static void add_token(struct shingler *s, const struct permutations *p, uint64_t token)
{
    memmove(s->last, s->last + 1, sizeof s->last - sizeof *s->last);
    s->last[CHARACTERS_IN_SHINGLE - 1] = hash_u64(token);
    if (s->have < s->width)
        s->have++;
    if (s->have < s->width || s->failed)
        return;
    uint64_t shingle = 0;
    for (int i = CHARACTERS_IN_SHINGLE - s->width; i < CHARACTERS_IN_SHINGLE; i++)
        shingle = hash_u64(shingle * 3 + s->last[i]);
    add_shingle(s, p, shingle ? shingle : 1);
}

static void add_words(struct shingler *s, const struct permutations *p, struct str text)
{
    static const uint64_t basis = UINT64_C(0xcbf29ce484222325); /* FNV-1a, by code point */
    uint64_t word = basis;
    bool inside = false;
    for (size_t i = 0; i < text.n;) {
        uint32_t c = next_letter(text, &i);
        if (c != 0) {
            word = (word ^ c) * UINT64_C(0x100000001b3);
            inside = true;
        }
        if (inside && (c == 0 || i >= text.n)) {
            add_token(s, p, word);
            word = basis;
            inside = false;
        }
    }
}

static void add_characters(struct shingler *s, const struct permutations *p, struct str text)
{
    for (size_t i = 0; i < text.n;) {
        uint32_t c = next_letter(text, &i);
        if (c != 0)
            add_token(s, p, c);
    }
}

bool sketch_text(struct str title, struct str body, uint32_t min_shingles, struct sketch *out)
{
    const struct str texts[2] = {title, body};
    bool characters = mostly_unspaced(texts);
    struct permutations p;
    struct shingler s = {.width = characters ? CHARACTERS_IN_SHINGLE : WORDS_IN_SHINGLE};
    permutations_init(&p);
    memset(s.minima, 0xff, sizeof s.minima);
    memset(out, 0, sizeof *out);

    for (int t = 0; t < 2; t++) {
        if (characters)
            add_characters(&s, &p, texts[t]);
        else
            add_words(&s, &p, texts[t]);
    }
    free(s.seen);
    if (s.failed)
        return false;
    if (s.seen_n == 0 || s.seen_n < min_shingles)
        return true;
    out->shingles = s.seen_n < UINT32_MAX ? (uint32_t)s.seen_n : UINT32_MAX;
    /* Bits 16 to 31: small minima fix only the high bits, and the lowest are mixed least.        */
    for (int i = 0; i < SKETCH_SIZE; i++)
        out->minima[i] = (uint16_t)(s.minima[i] >> 16);
    return true;
}

uint32_t sketch_similarity_ppm(const struct sketch *a, const struct sketch *b)
{
    if (a->shingles == 0 || b->shingles == 0)
        return 0;
    uint32_t matches = 0;
    for (int i = 0; i < SKETCH_SIZE; i++)
        matches += a->minima[i] == b->minima[i];
    return bands_similarity_ppm(matches);
}
