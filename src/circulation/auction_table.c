/* Winner determination with package bids by a table over sets of items: of[S] is the best that some
 * bidders make of the items in S. A bidder is added by looking at each of his bids in each set that
 * holds it: 2^(items - size) steps a bid, whatever the bids are worth. For auctions on which the
 * tree of auction_package.c does not end in good time.
 *
 * The choices of bidders b … are kept for each S, so the winners are read off from the first bidder
 * on. What all but one can make comes by halves: the table of all outside a half, carried down to
 * single bidders. O(bids x 2^items x log bidders); with 20 items 80 to 130 MiB. Source: M.
 * Rothkopf, A. Pekec, R. Harstad, Management Science 44 (1998) 1131, section 3.     */
#include "circulation/auction_clear.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { HALVINGS = 6, NO_BID = UINT16_MAX };

struct table {
    const struct clear_market *m;
    size_t bidders, sets;
    size_t from[AUCTION_BIDDERS_MAX + 1];
    uint16_t *bids;                /* numbers of bids, a bidder's together */
    uint16_t *choice;              /* [bidders][sets] number of a bid, NO_BID */
    int64_t *layers[HALVINGS + 2]; /* [sets] each */
    const int64_t *value;          /* of each bid above the reserve; < 0: takes no part */
    bool *taken;
    int64_t *pays, total;
};

/* to = from, and bidder b added; choice[sets] out, of equals the earlier bid, before none; or NULL.
 */
static void add_bidder(const struct table *t, size_t b, const int64_t *from, int64_t *to,
                       uint16_t *choice)
{
    memcpy(to, from, t->sets * sizeof *to);
    for (size_t s = 0; choice && s < t->sets; s++)
        choice[s] = NO_BID;
    for (size_t i = t->from[b]; i < t->from[b + 1]; i++) {
        const int64_t value = t->value[t->bids[i]];
        const uint32_t package = t->m->bids[t->bids[i]].package;
        const uint32_t rest = (uint32_t)(t->sets - 1) & ~package;
        for (uint32_t set = rest;; set = (set - 1) & rest) {
            int64_t with = from[set] + value;
            uint32_t whole = set | package;
            if (with > to[whole] || (choice && with == to[whole] && choice[whole] == NO_BID)) {
                to[whole] = with;
                if (choice)
                    choice[whole] = t->bids[i];
            }
            if (set == 0)
                break;
        }
    }
}

/* layers[depth] is what all outside of bidders first … last - 1 make: payments of winners among
 * these. */
static void without_each(struct table *t, size_t first, size_t last, size_t depth)
{
    bool any = false;
    for (size_t i = t->from[first]; i < t->from[last]; i++)
        any = any || t->taken[t->bids[i]];
    if (!any)
        return;
    if (last - first == 1) {
        for (size_t i = t->from[first]; i < t->from[last]; i++) {
            uint16_t bid = t->bids[i];
            if (t->taken[bid])
                t->pays[bid] = t->layers[depth][t->sets - 1] - (t->total - t->value[bid]) +
                               t->m->bids[bid].price_minor - t->value[bid];
        }
        return;
    }
    size_t middle = first + (last - first) / 2;
    for (int half = 0; half < 2; half++) {
        int64_t *to = t->layers[depth + 1], *spare = t->layers[HALVINGS + 1];
        memcpy(to, t->layers[depth], t->sets * sizeof *to);
        for (size_t b = half ? first : middle; b < (half ? middle : last); b++) {
            add_bidder(t, b, to, spare, NULL);
            memcpy(to, spare, t->sets * sizeof *to);
        }
        without_each(t, half ? middle : first, half ? last : middle, depth + 1);
    }
}

static void fill(struct table *t)
{
    int64_t *from = t->layers[0], *to = t->layers[1];
    memset(from, 0, t->sets * sizeof *from);
    for (size_t b = t->bidders; b-- > 0;) {
        add_bidder(t, b, from, to, t->choice + b * t->sets);
        int64_t *other = from;
        from = to;
        to = other;
    }
    t->total = from[t->sets - 1];
    size_t left = t->sets - 1;
    for (size_t b = 0; b < t->bidders; b++) {
        uint16_t bid = t->choice[b * t->sets + left];
        if (bid == NO_BID)
            continue;
        t->taken[bid] = true;
        left &= ~(size_t)t->m->bids[bid].package;
    }
    memset(t->layers[0], 0, t->sets * sizeof *t->layers[0]);
    if (t->bidders > 0)
        without_each(t, 0, t->bidders, 0);
}

/* The bids that take part, a bidder's together, in order; of[bidders_n] and value[bids_n] are room.
 */
static void take_in(struct table *t, uint32_t *of, int64_t *value)
{
    const struct clear_market *m = t->m;
    size_t at[AUCTION_BIDDERS_MAX + 1] = {0};
    for (size_t i = 0; i < m->bidders_n; i++)
        of[i] = UINT32_MAX;
    for (size_t i = 0; i < m->bids_n; i++) {
        uint32_t *b = &of[m->bids[i].bidder];
        value[i] =
            m->bids[i].price_minor - m->reserve_minor * __builtin_popcount(m->bids[i].package);
        if (*b == UINT32_MAX)
            *b = (uint32_t)t->bidders++;
        heed_assert(t->bidders <= AUCTION_BIDDERS_MAX);
        at[*b + 1] += value[i] >= 0;
    }
    for (size_t b = 0; b < t->bidders; b++)
        t->from[b + 1] = at[b + 1] += at[b];
    memcpy(at, t->from, sizeof at);
    for (size_t i = 0; i < m->bids_n; i++)
        if (value[i] >= 0)
            t->bids[at[of[m->bids[i].bidder]]++] = (uint16_t)i;
    t->value = value;
}

enum heed_status clear_packages_table(const struct clear_market *m, bool *taken, int64_t *pays)
{
    struct table t = {.m = m, .sets = (size_t)1 << m->items, .taken = taken, .pays = pays};
    uint32_t *of = malloc(((size_t)m->bidders_n + 1) * sizeof *of);
    int64_t *value = malloc((m->bids_n + 1) * sizeof *value);
    t.bids = malloc((m->bids_n + 1) * sizeof *t.bids);
    bool ok = of && value && t.bids;
    if (ok) {
        take_in(&t, of, value);
        t.choice = malloc((t.bidders + 1) * t.sets * sizeof *t.choice);
        ok = t.choice != NULL;
    }
    for (size_t k = 0; ok && k < HALVINGS + 2; k++)
        ok = (t.layers[k] = malloc(t.sets * sizeof *t.layers[k])) != NULL;
    if (ok)
        fill(&t);
    for (size_t k = 0; k < HALVINGS + 2; k++)
        free(t.layers[k]);
    free(t.choice);
    free(t.bids);
    free(value);
    free(of);
    return ok ? HEED_OK : HEED_NOMEM;
}
