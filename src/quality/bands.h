/* Which sketches may be alike: locality-sensitive hashing of 128 minima in 32 bands of 4.
 *
 * Sketches that share all 4 minima of some band are candidates. Two sketches that agree in at least
 * 97 of their 128 minima (similarity 757,809 ppm) share a band for certain: 31 differences cannot
 * reach into all 32 bands. Below, texts of Jaccard similarity s are candidates with probability
 * 1 - (1 - s^4)^32: .87 at .5, .05 at .2.
 *
 * The sketches that share a band's minima stand in a chain of at most CHAIN_MAX, so a search costs
 * at most 32 CHAIN_MAX steps whatever is published. A later sketch finds those of a full chain but
 * is not found through it: among hundreds of near copies of one text the first remain known.
 *
 * Source: A. Rajaraman, J. D. Ullman, J. Leskovec, "Mining of Massive Datasets", section 3.4.   */
#ifndef HEED_QUALITY_BANDS_H
#define HEED_QUALITY_BANDS_H

#include "quality/quality.h"

enum { BANDS = 32, BAND_ROWS = SKETCH_SIZE / BANDS, CHAIN_MAX = 256 };

/* Sketches in order of arrival; entry = sketch * BANDS + band.                                   */
struct bands {
    uint64_t *words;  /* n x BANDS: the minima, 4 to a word */
    uint32_t *next;   /* n x BANDS: older entry of the chain, or HANDLE_NONE */
    uint16_t *places; /* n x BANDS: from 1 for the oldest of the chain; 0: not in it */
    size_t n, words_cap, next_cap, places_cap;
    uint32_t *heads; /* open addressing: the newest entry of a chain, or HANDLE_NONE */
    size_t heads_cap, heads_n;
};

void bands_deinit(struct bands *b);

/* Adds a sketch as number b->n. HEED_NOMEM; HEED_RANGE beyond 2^27 - 2 sketches. */
HEED_MUST_CHECK enum heed_status bands_add(struct bands *b, const uint64_t words[BANDS]);

/* Candidates one by one, each once, in an order that depends on the state alone: start with
 * zeros; HANDLE_NONE at the end.                                                                 */
struct bands_cursor {
    uint32_t band, entry;
    bool inside;
};
uint32_t bands_next(const struct bands *b, const uint64_t words[BANDS], struct bands_cursor *c);

/* How many of the 128 minima agree.                                                              */
uint32_t bands_matches(const uint64_t a[BANDS], const uint64_t b[BANDS]);

void bands_pack(const uint16_t minima[SKETCH_SIZE], uint64_t words[BANDS]);

/* Estimated similarity of sketches with that many agreeing minima.                               */
uint32_t bands_similarity_ppm(uint32_t matches);
#endif
