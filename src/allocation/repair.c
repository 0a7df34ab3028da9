/* The last means to keep a floor: moving single slots from items that have more than it to items
 * that have less. A move changes one feed: an item rises past another that can spare the
 * difference, or takes the slot of one that can spare all of it. */
#include "allocation/constrained.h"

struct move {
    size_t slot;
    uint64_t gain; /* 0: no move */
};

/* Of two gains, the smaller if it suffices, else the larger.                                    */
static bool better_gain(uint64_t a, uint64_t b, uint64_t wanted)
{
    if (a >= wanted && b >= wanted)
        return a < b;
    return a > b;
}

static size_t slot_of_item(const uint32_t *feed, size_t k, uint32_t item)
{
    size_t at = 0;
    while (at < k && feed[at] != item)
        at++;
    return at;
}

/* The best move for an item that stands at slot `at` of user u's feed of k (k: not in it).       */
static struct move find_move(const struct allocation_histories *h, size_t u, const uint32_t *feed,
                             size_t k, size_t at, uint64_t floor, const uint64_t *given,
                             uint64_t wanted)
{
    struct move best = {0, 0};
    uint64_t has = at < k ? slot_exposure(h, u, at) : 0;
    for (size_t slot = 0; slot < at; slot++) {
        uint64_t gain = slot_exposure(h, u, slot) - has;
        if (given[feed[slot]] >= floor + gain &&
            (best.gain == 0 || better_gain(gain, best.gain, wanted)))
            best = (struct move){slot, gain};
    }
    return best;
}

bool history_blocks(const struct allocation_histories *h, size_t u, uint32_t item)
{
    if (!h->blocked_offsets)
        return false;
    uint64_t low = h->blocked_offsets[u], end = h->blocked_offsets[u + 1], high = end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (h->blocked[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && h->blocked[low] == item;
}

/* Puts an item that stands at `at` (size: nowhere) into a slot, and what was there into its place.
 */
static void put(uint32_t *feed, size_t size, size_t at, size_t slot, uint32_t item)
{
    if (at < size)
        feed[at] = feed[slot];
    feed[slot] = item;
}

static uint32_t excess(struct allocator *a, const uint32_t *feed, size_t size, size_t k)
{
    size_t rows;
    return a && a->constrained ? constrained_broken(a, feed, size, (uint32_t)k, NULL, NULL, &rows)
                               : 0;
}

bool floor_repair(struct allocator *a, uint32_t *feeds, const struct allocation_histories *h,
                  size_t k, const uint8_t *eligible, size_t n, uint64_t floor, uint64_t *given)
{
    for (uint32_t item = 0; item < n; item++) {
        for (size_t u = 0; u < h->n && eligible[item] && given[item] < floor; u++) {
            uint32_t *feed = feeds + u * k;
            size_t size = slot_of_item(feed, k, NO_ITEM), at = slot_of_item(feed, size, item);
            if (at == size && history_blocks(h, u, item))
                continue;
            struct move m = find_move(h, u, feed, size, at, floor, given, floor - given[item]);
            if (m.gain == 0)
                continue;
            size_t asked = h->places ? h->places->slots[u] : k;
            uint32_t before = excess(a, feed, size, asked), other = feed[m.slot];
            put(feed, size, at, m.slot, item);
            if (excess(a, feed, size, asked) > before) {
                feed[m.slot] = other;
                if (at < size)
                    feed[at] = item;
                continue;
            }
            given[item] += m.gain;
            given[other] -= m.gain;
        }
        if (eligible[item] && given[item] < floor)
            return false;
    }
    return true;
}
