/* VCG where the items are alike: a bid is for so many units, all or nothing, one bid of a bidder at
 * most. A knapsack of classes, solved by a table: after[b][u] is the best that bidders b … can make
 * of u units, before[b][u] what those before b can. Exact. Source: P. Sinha, A. Zoltners,
 * Operations Research 27 (1979) 503 (the multiple-choice knapsack).
 */
#include "circulation/auction_clear.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct table {
    const struct clear_market *m;
    size_t bidders, units;
    size_t *first;           /* [bidders] the first bid of each, then by `next` */
    size_t *next;            /* [bids_n]; SIZE_MAX: no more                     */
    int64_t *after, *before; /* [bidders + 1][units + 1] */
};

/* What a bid adds above the reserve; -1: it takes no part.                                      */
static int64_t worth(const struct table *t, size_t bid)
{
    const struct clear_bid *b = &t->m->bids[bid];
    if (b->price_minor < t->m->reserve_minor || (uint64_t)b->units > t->units)
        return -1;
    return (b->price_minor - t->m->reserve_minor) * b->units;
}

static int64_t *row(const struct table *t, int64_t *rows, size_t b)
{
    return rows + b * (t->units + 1);
}

/* to[u] = the best of from[u] and of bidder b's bids on top of from.                            */
static void add_bidder(const struct table *t, size_t b, const int64_t *from, int64_t *to)
{
    memcpy(to, from, (t->units + 1) * sizeof *to);
    for (size_t i = t->first[b]; i != SIZE_MAX; i = t->next[i]) {
        int64_t v = worth(t, i);
        size_t need = (size_t)t->m->bids[i].units;
        for (size_t u = need; v >= 0 && u <= t->units; u++)
            if (from[u - need] + v > to[u])
                to[u] = from[u - need] + v;
    }
}

static bool take_in(struct table *t)
{
    const struct clear_market *m = t->m;
    size_t n = m->bids_n ? m->bids_n : 1;
    size_t *of = malloc(((size_t)m->bidders_n + 1) * sizeof *of), *last = malloc(n * sizeof *last);
    t->first = malloc(n * sizeof *t->first);
    t->next = malloc(n * sizeof *t->next);
    bool ok = of && last && t->first && t->next;
    for (size_t b = 0; ok && b < m->bidders_n; b++)
        of[b] = SIZE_MAX;
    for (size_t i = 0; ok && i < m->bids_n; i++) {
        size_t *b = &of[m->bids[i].bidder];
        t->next[i] = SIZE_MAX;
        if (*b == SIZE_MAX) {
            *b = t->bidders++;
            t->first[*b] = i;
        } else {
            t->next[last[*b]] = i;
        }
        last[*b] = i;
    }
    free(of);
    free(last);
    t->units = (size_t)m->units;
    size_t cells = (t->bidders + 1) * (t->units + 1);
    t->after = ok ? calloc(cells, sizeof *t->after) : NULL;
    t->before = ok ? calloc(cells, sizeof *t->before) : NULL;
    return t->after && t->before;
}

/* The most that all but bidder b can make of all units.                                         */
static int64_t without(const struct table *t, size_t b)
{
    const int64_t *x = row(t, t->before, b), *y = row(t, t->after, b + 1);
    int64_t best = 0;
    for (size_t u = 0; u <= t->units; u++)
        if (x[u] + y[t->units - u] > best)
            best = x[u] + y[t->units - u];
    return best;
}

enum heed_status clear_bundles(const struct clear_market *m, bool *taken, int64_t *pays)
{
    struct table t = {.m = m};
    enum heed_status status = take_in(&t) ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        for (size_t b = t.bidders; b-- > 0;)
            add_bidder(&t, b, row(&t, t.after, b + 1), row(&t, t.after, b));
        for (size_t b = 0; b < t.bidders; b++)
            add_bidder(&t, b, row(&t, t.before, b), row(&t, t.before, b + 1));
        size_t left = t.units;
        const int64_t total = row(&t, t.after, 0)[t.units];
        for (size_t b = 0; b < t.bidders; b++)
            for (size_t i = t.first[b]; i != SIZE_MAX; i = t.next[i]) {
                size_t need = (size_t)m->bids[i].units;
                int64_t v = worth(&t, i);
                if (v < 0 || need > left ||
                    row(&t, t.after, b + 1)[left - need] + v != row(&t, t.after, b)[left])
                    continue;
                taken[i] = true;
                pays[i] = without(&t, b) - (total - v) + m->reserve_minor * m->bids[i].units;
                left -= need;
                break;
            }
    }
    free(t.first);
    free(t.next);
    free(t.after);
    free(t.before);
    return status;
}
