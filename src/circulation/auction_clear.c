/* Clearing of what needs no search: one thing, units, slots; and the checks of all. */
#include "circulation/auction_clear.h"

#include "base/error.h"

#include <stdlib.h>

__extension__ typedef __int128 wide;

const char *auction_kind_name(enum auction_kind kind)
{
    static const char *const names[AUCTION_KINDS] = {
        "first_price", "vickrey", "uniform", "pay_as_bid", "vcg", "gsp", "position_vcg"};
    heed_assert((int)kind >= 0 && kind < AUCTION_KINDS);
    return names[kind];
}

static bool is_slots(const struct clear_market *m)
{
    return m->kind == AUCTION_GSP || m->kind == AUCTION_POSITION_VCG;
}

/* ── checks ── */

static enum refusal check_bid(const struct clear_market *m, const struct clear_bid *b)
{
    if (b->price_minor <= 0 || (b->package == 0 && b->units <= 0) ||
        (is_slots(m) && (b->quality == 0 || b->quality > AUCTION_QUALITY_MAX)))
        return REFUSED_not_positive;
    return REFUSED_NOT;
}

static enum refusal check_numbers(const struct clear_market *m)
{
    if (m->reserve_minor < 0 || (m->items == 0 && m->slots == 0 && m->units <= 0))
        return REFUSED_not_positive;
    for (size_t i = 0; i < m->slots; i++)
        if (m->clicks[i] <= 0 || (i > 0 && m->clicks[i] > m->clicks[i - 1]))
            return REFUSED_not_positive;
    for (size_t i = 0; i < m->bids_n; i++)
        if (check_bid(m, &m->bids[i]) != REFUSED_NOT)
            return REFUSED_not_positive;
    for (size_t i = 0; i < m->bids_n; i++)
        if (m->items > 0 ? m->bids[i].package == 0 || m->items > AUCTION_ITEMS_MAX ||
                               m->bids[i].package >> m->items
                         : m->bids[i].package != 0)
            return m->items > AUCTION_ITEMS_MAX ? REFUSED_too_large_to_clear : REFUSED_unknown_item;
    return REFUSED_NOT;
}

/* How many have bid; seen[bidders_n] is zero, and has 1 for each of them after.                  */
static size_t count_bidders(const struct clear_market *m, uint8_t *seen, bool *twice)
{
    size_t n = 0;
    *twice = false;
    for (size_t i = 0; i < m->bids_n; i++) {
        uint8_t *s = &seen[m->bids[i].bidder];
        *twice = *twice || *s;
        n += !*s;
        *s = 1;
    }
    return n;
}

static bool too_large(const struct clear_market *m, size_t bidders)
{
    if (m->kind != AUCTION_VCG)
        return m->slots > AUCTION_SLOTS_MAX;
    if (m->items > 0)
        return m->items > AUCTION_ITEMS_MAX || bidders > AUCTION_BIDDERS_MAX ||
               m->bids_n > AUCTION_PACKAGES_MAX;
    return m->bids_n > AUCTION_CELLS_MAX ||
           (wide)(m->bids_n + bidders + 2) * ((wide)m->units + 1) > AUCTION_CELLS_MAX;
}

/* Whether every sum that clearing can make fits.                                                */
static bool fits(const struct clear_market *m)
{
    wide sum = 0, best = 0;
    if (m->kind == AUCTION_FIRST_PRICE || m->kind == AUCTION_VICKREY)
        return true;
    if (is_slots(m)) {
        for (size_t i = 0; i < m->bids_n; i++) {
            wide w = (wide)m->bids[i].price_minor * m->bids[i].quality;
            best = w > best ? w : best;
        }
        for (size_t i = 0; i < m->slots; i++)
            sum += m->clicks[i];
        wide limit = (wide)INT64_MAX * AUCTION_QUALITY_ONE;
        return best == 0 || sum <= limit / best;
    }
    for (size_t i = 0; i < m->bids_n && sum <= INT64_MAX; i++) {
        const struct clear_bid *b = &m->bids[i];
        wide each = (wide)b->price_minor * (b->package ? 1 : b->units);
        if (each > INT64_MAX)
            return false;
        sum += each;
    }
    return sum <= INT64_MAX && (wide)m->reserve_minor * (m->items ? m->items : 1) <= INT64_MAX;
}

/* ── units ── */

struct ranked {
    int64_t price;
    size_t bid;
};

static int by_price(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->price != y->price)
        return x->price > y->price ? -1 : 1;
    return (x->bid > y->bid) - (x->bid < y->bid);
}

enum heed_status clear_units(const struct clear_market *m, int64_t *won, int64_t *pays)
{
    struct ranked *order = malloc((m->bids_n ? m->bids_n : 1) * sizeof *order);
    size_t n = 0;
    int64_t left = m->units, price = m->reserve_minor;
    if (!order)
        return HEED_NOMEM;
    for (size_t i = 0; i < m->bids_n; i++) {
        won[i] = pays[i] = 0;
        if (m->bids[i].price_minor >= m->reserve_minor)
            order[n++] = (struct ranked){m->bids[i].price_minor, i};
    }
    if (n)
        qsort(order, n, sizeof *order, by_price);
    for (size_t k = 0; k < n; k++) {
        const struct clear_bid *b = &m->bids[order[k].bid];
        int64_t take = b->units < left ? b->units : left;
        won[order[k].bid] = take;
        left -= take;
        if (take > 0 && m->price_rule == AUCTION_LOWEST_ACCEPTED)
            price = b->price_minor;
        if (take < b->units && m->price_rule == AUCTION_HIGHEST_REJECTED) {
            price = b->price_minor;
            break;
        }
    }
    free(order);
    for (size_t i = 0; i < m->bids_n; i++)
        pays[i] = won[i] * (m->kind == AUCTION_UNIFORM ? price : m->bids[i].price_minor);
    return HEED_OK;
}

/* ── one thing ── */

static void clear_single(const struct clear_market *m, bool *taken, int64_t *pays)
{
    size_t best = SIZE_MAX;
    int64_t price = m->reserve_minor;
    for (size_t i = 0; i < m->bids_n; i++)
        if (m->bids[i].price_minor >= m->reserve_minor &&
            (best == SIZE_MAX || m->bids[i].price_minor > m->bids[best].price_minor))
            best = i;
    if (best == SIZE_MAX)
        return;
    for (size_t i = 0; i < m->bids_n; i++)
        if (m->bids[i].bidder != m->bids[best].bidder && m->bids[i].price_minor > price)
            price = m->bids[i].price_minor;
    taken[best] = true;
    pays[best] = m->kind == AUCTION_VICKREY ? price : m->bids[best].price_minor;
}

/* ── slots ── */

static slot_cost weight(const struct clear_bid *b)
{
    return (slot_cost)b->price_minor * b->quality;
}

/* The best `slots` + 1 bids from the top: insertion into a short list.                           */
static size_t rank_bids(const struct clear_market *m, size_t *order)
{
    size_t n = 0;
    for (size_t i = 0; i < m->bids_n; i++) {
        if (m->bids[i].price_minor < m->reserve_minor)
            continue;
        size_t k = n < m->slots + 1 ? n++ : n;
        for (; k > 0 && weight(&m->bids[order[k - 1]]) < weight(&m->bids[i]); k--)
            if (k < n)
                order[k] = order[k - 1];
        if (k < n)
            order[k] = i;
    }
    return n;
}

size_t clear_slots(const struct clear_market *m, size_t *order, size_t *rank, slot_cost *cost)
{
    size_t n = rank_bids(m, order), filled = n < m->slots ? n : m->slots;
    for (size_t i = 0; i < filled; i++) {
        const struct clear_bid *b = &m->bids[order[i]];
        slot_cost least = (slot_cost)m->reserve_minor * b->quality, total = 0;
        for (size_t j = i; j < filled; j++) {
            slot_cost next = j + 1 < n ? weight(&m->bids[order[j + 1]]) : 0;
            int64_t below =
                m->kind == AUCTION_POSITION_VCG && j + 1 < m->slots ? m->clicks[j + 1] : 0;
            int64_t lost = m->clicks[j] - (j + 1 < filled ? below : 0);
            total += (slot_cost)lost * (next > least ? next : least);
            if (m->kind == AUCTION_GSP)
                break;
        }
        rank[i] = order[i];
        cost[i] = total;
    }
    return filled;
}

static enum heed_status fill_slots(const struct clear_market *m, struct clear_result *out)
{
    size_t *order = malloc((m->bids_n + 1) * sizeof *order);
    size_t *rank = malloc((m->slots + 1) * sizeof *rank);
    slot_cost *cost = malloc((m->slots + 1) * sizeof *cost);
    struct clear_winner *winners = malloc((m->slots + 1) * sizeof *winners);
    bool ok = order && rank && cost && winners;
    slot_cost welfare = 0;
    for (size_t i = 0; ok && i < (out->n = clear_slots(m, order, rank, cost)); i++) {
        const struct clear_bid *b = &m->bids[rank[i]];
        winners[i] = (struct clear_winner){.bidder = b->bidder,
                                           .units = 1,
                                           .slot = i,
                                           .pays_minor = (int64_t)(cost[i] / AUCTION_QUALITY_ONE)};
        out->revenue_minor += winners[i].pays_minor;
        welfare += weight(b) * m->clicks[i];
    }
    out->welfare_minor = (int64_t)(welfare / AUCTION_QUALITY_ONE);
    free(order);
    free(rank);
    free(cost);
    if (ok)
        out->winners = winners;
    else
        free(winners);
    return ok ? HEED_OK : HEED_NOMEM;
}

/* ── the whole ── */

/* A bidder's bids become one winner, at the place of the first.                                 */
static enum heed_status gather(const struct clear_market *m, const int64_t *won,
                               const int64_t *pays, struct clear_result *out)
{
    size_t *of = calloc((size_t)m->bidders_n + 1, sizeof *of);
    out->winners = malloc((m->bids_n ? m->bids_n : 1) * sizeof *out->winners);
    if (!of || !out->winners) {
        free(of);
        return HEED_NOMEM;
    }
    for (size_t i = 0; i < m->bids_n; i++) {
        const struct clear_bid *b = &m->bids[i];
        if (won[i] == 0)
            continue;
        if (of[b->bidder] == 0) {
            of[b->bidder] = ++out->n;
            out->winners[out->n - 1] = (struct clear_winner){.bidder = b->bidder};
        }
        struct clear_winner *w = &out->winners[of[b->bidder] - 1];
        w->package |= b->package;
        w->units += b->package ? 0 : won[i];
        w->pays_minor += pays[i];
        out->revenue_minor += pays[i];
        out->welfare_minor += b->package ? b->price_minor : b->price_minor * won[i];
    }
    free(of);
    return HEED_OK;
}

static enum heed_status clear(const struct clear_market *m, struct clear_result *out)
{
    size_t n = m->bids_n ? m->bids_n : 1;
    if (is_slots(m))
        return fill_slots(m, out);
    int64_t *won = calloc(n, sizeof *won), *pays = calloc(n, sizeof *pays);
    bool *taken = calloc(n, sizeof *taken);
    enum heed_status status = won && pays && taken ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        if (m->kind == AUCTION_VCG)
            status = m->items ? clear_packages(m, taken, pays) : clear_bundles(m, taken, pays);
        else if (m->kind == AUCTION_UNIFORM || m->kind == AUCTION_PAY_AS_BID)
            status = clear_units(m, won, pays);
        else
            clear_single(m, taken, pays);
        for (size_t i = 0; i < m->bids_n; i++)
            if (taken[i])
                won[i] = m->kind != AUCTION_VCG || m->items ? 1 : m->bids[i].units;
        if (status == HEED_OK)
            status = gather(m, won, pays, out);
    }
    free(won);
    free(pays);
    free(taken);
    return status;
}

enum heed_status auction_clear(const struct clear_market *m, struct clear_result *out,
                               enum refusal *refusal)
{
    *out = (struct clear_result){0};
    *refusal = check_numbers(m);
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    bool twice;
    uint8_t *seen = calloc((size_t)m->bidders_n + 1, 1);
    if (!seen)
        return HEED_NOMEM;
    size_t bidders = count_bidders(m, seen, &twice);
    free(seen);
    *refusal = is_slots(m) && twice    ? REFUSED_slot_taken
               : too_large(m, bidders) ? REFUSED_too_large_to_clear
               : !fits(m)              ? REFUSED_overflow
                                       : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    enum heed_status status = clear(m, out);
    if (status != HEED_OK)
        clear_result_deinit(out);
    return status;
}

void clear_result_deinit(struct clear_result *r)
{
    free(r->winners);
    *r = (struct clear_result){0};
}
