#include "quality/bands.h"

#include "base/hash.h"

#include <stdlib.h>

static const uint32_t SKETCHES_MAX = (1u << 27) - 2;

void bands_deinit(struct bands *b)
{
    free(b->words);
    free(b->next);
    free(b->places);
    free(b->heads);
    memset(b, 0, sizeof *b);
}

void bands_pack(const uint16_t minima[SKETCH_SIZE], uint64_t words[BANDS])
{
    for (int i = 0; i < BANDS; i++) {
        words[i] = 0;
        for (int j = 0; j < BAND_ROWS; j++)
            words[i] |= (uint64_t)minima[i * BAND_ROWS + j] << 16 * j;
    }
}

/* Zero lanes of 16 bits in a XOR b, counted exactly (no carry from lane to lane).                */
uint32_t bands_matches(const uint64_t a[BANDS], const uint64_t b[BANDS])
{
    static const uint64_t low = UINT64_C(0x7fff7fff7fff7fff);
    uint32_t matches = 0;
    for (int i = 0; i < BANDS; i++) {
        uint64_t x = a[i] ^ b[i];
        uint64_t zero = ~(((x & low) + low) | x | low); /* the top bit of each zero lane */
        zero >>= 15;
        matches += (uint32_t)((zero * UINT64_C(0x0001000100010001)) >> 48);
    }
    return matches;
}

uint32_t bands_similarity_ppm(uint32_t matches)
{
    static const uint64_t coincidence = 1u << 16; /* C = 1 / coincidence */
    uint64_t per_row = coincidence / SKETCH_SIZE;
    if (matches == 0)
        return 0;
    return (uint32_t)(((matches * per_row - 1) * 1000000 + (coincidence - 1) / 2) /
                      (coincidence - 1));
}

static uint64_t band_hash(uint64_t word, uint32_t band)
{
    return hash_u64(word + (band + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* The slot of the chain of (band, word), or the free slot where it would stand.                  */
static size_t head_slot(const struct bands *b, uint64_t word, uint32_t band)
{
    size_t at = (size_t)band_hash(word, band) & (b->heads_cap - 1);
    for (;; at = (at + 1) & (b->heads_cap - 1)) {
        uint32_t entry = b->heads[at];
        if (entry == HANDLE_NONE || (entry % BANDS == band && b->words[entry] == word))
            return at;
    }
}

static bool heads_grow(struct bands *b)
{
    size_t old_cap = b->heads_cap, cap = old_cap ? old_cap * 2 : 1024;
    if (cap > SIZE_MAX / sizeof *b->heads)
        return false;
    uint32_t *old = b->heads, *heads = malloc(cap * sizeof *heads);
    if (!heads)
        return false;
    memset(heads, 0xff, cap * sizeof *heads);
    b->heads = heads;
    b->heads_cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i] != HANDLE_NONE)
            heads[head_slot(b, b->words[old[i]], old[i] % BANDS)] = old[i];
    free(old);
    return true;
}

enum heed_status bands_add(struct bands *b, const uint64_t words[BANDS])
{
    if (b->n >= SKETCHES_MAX)
        return HEED_RANGE;
    size_t first = b->n * BANDS;
    while ((b->heads_n + BANDS) * 4 > b->heads_cap * 3)
        if (!heads_grow(b))
            return HEED_NOMEM;
    if (!array_grow(&b->words, &b->words_cap, first + BANDS, sizeof *b->words) ||
        !array_grow(&b->next, &b->next_cap, first + BANDS, sizeof *b->next) ||
        !array_grow(&b->places, &b->places_cap, first + BANDS, sizeof *b->places))
        return HEED_NOMEM;
    memcpy(b->words + first, words, BANDS * sizeof *words);
    b->n++;
    for (uint32_t band = 0; band < BANDS; band++) {
        size_t at = head_slot(b, words[band], band), entry = first + band;
        uint32_t older = b->heads[at];
        b->next[entry] = older;
        b->places[entry] = 1;
        if (older == HANDLE_NONE)
            b->heads_n++;
        else if (b->places[older] < CHAIN_MAX)
            b->places[entry] = (uint16_t)(b->places[older] + 1);
        else
            b->places[entry] = 0;
        if (b->places[entry] > 0)
            b->heads[at] = (uint32_t)entry;
    }
    return HEED_OK;
}

uint32_t bands_next(const struct bands *b, const uint64_t words[BANDS], struct bands_cursor *c)
{
    if (b->n == 0)
        return HANDLE_NONE;
    for (;;) {
        if (c->inside) {
            c->entry = b->next[c->entry];
        } else {
            if (c->band == BANDS)
                return HANDLE_NONE;
            c->entry = b->heads[head_slot(b, words[c->band], c->band)];
            c->inside = true;
        }
        if (c->entry == HANDLE_NONE) {
            c->inside = false;
            c->band++;
            continue;
        }
        /* once only: in the first band whose chain both belong to */
        size_t first = c->entry - c->entry % BANDS;
        uint32_t shared = 0;
        while (b->words[first + shared] != words[shared] || b->places[first + shared] == 0)
            shared++;
        if (shared == c->band)
            return c->entry / BANDS;
    }
}
