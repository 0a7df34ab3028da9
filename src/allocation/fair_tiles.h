/* The best of a user's list without looking at all items: the items are sorted so that those of
 * like worth stand together, in tiles of which the greatest worth to each user is known, and a tile
 * is looked into only if that and its greatest price could reach the list. The answer is
 * fair_best's to the last bit, ties included.                                                    */
#ifndef HEED_ALLOCATION_FAIR_TILES_H
#define HEED_ALLOCATION_FAIR_TILES_H

#include "allocation/fair.h"

enum { FAIR_TILE = 16 }; /* items */

struct fair_tiles {
    struct fair_offers offers; /* those given, the items sorted; even_items and order are its own,
                                * `blocked` is not there */
    uint32_t *item;            /* [items] which stands at a place */
    float *most;               /* [users * n] the greatest worth in each tile */
    size_t n;                  /* tiles, rounded up to a multiple of 16; the last may be empty */
    float *scratch;            /* [items] a worker */
};

/* Sorts f's worths in place: until fair_tiles_deinit puts them back, f must not be read.
 * Cost: three passes over the worths; memory items / 4 bytes a user. Errors: HEED_NOMEM.         */
HEED_MUST_CHECK enum heed_status fair_tiles_make(const struct fair_offers *f, unsigned threads,
                                                 struct fair_tiles *out);
void fair_tiles_deinit(struct fair_tiles *t, unsigned threads);

/* tile_price[n] out: the greatest price in each tile.                                            */
void fair_tiles_prices(const struct fair_tiles *t, const float *price, float *tile_price);

/* As fair_best on t->offers, for slope >= 0.
 *
 * near, like  lists of the user's length at least, such as the answer to a question like this and
 *             another user's answer, or NULL; the better the better of them is by this slope and
 *             these prices, the less is looked at
 * Cost: some twenty tiles where one is good.                                                     */
size_t fair_tiles_best(const struct fair_tiles *t, size_t user, float slope, const float *price,
                       const float *tile_price, const uint32_t *near, const uint32_t *like,
                       struct top_item *room);

/* Has the memory that fair_tiles_best will want for the user brought nearer.                     */
void fair_tiles_ahead(const struct fair_tiles *t, size_t user, const uint32_t *near);
#endif
