/* What all auctions over time share: terms, what bids must hold, changes, the close. */
#include "circulation/auction.h"

#include "base/error.h"

#include <stdlib.h>

__extension__ typedef __int128 wide;

const char *auction_form_name(enum auction_form form)
{
    static const char *const names[AUCTION_FORMS] = {"english", "dutch",   "first_price",
                                                     "vickrey", "uniform", "pay_as_bid"};
    heed_assert((int)form >= 0 && form < AUCTION_FORMS);
    return names[form];
}

static bool is_sealed(const struct auction_terms *t)
{
    return t->form == AUCTION_SEALED_FIRST || t->form == AUCTION_SEALED_VICKREY;
}

static bool is_units(const struct auction_terms *t)
{
    return t->form == AUCTION_UNITS_UNIFORM || t->form == AUCTION_UNITS_PAY_AS_BID;
}

/* ── terms ── */

static bool increments_good(const struct auction_terms *t)
{
    const struct auction_increment *s = t->increments;
    if (t->form != AUCTION_ENGLISH)
        return t->increments_n == 0;
    if (t->increments_n == 0 || t->increments_n > AUCTION_INCREMENTS_MAX || s[0].from_minor != 0)
        return false;
    for (size_t i = 0; i < t->increments_n; i++)
        if (s[i].by_minor <= 0 || (i > 0 && (s[i].from_minor <= s[i - 1].from_minor ||
                                             s[i].by_minor < s[i - 1].by_minor)))
            return false;
    return true;
}

static bool extension_good(const struct auction_terms *t)
{
    if (t->extend_within_ms == 0 && t->extend_by_ms == 0)
        return t->closes_latest_ms == 0;
    return t->form == AUCTION_ENGLISH && t->extend_within_ms > 0 && t->extend_by_ms > 0 &&
           t->closes_latest_ms >= t->closes_ms;
}

static bool amounts_good(const struct auction_terms *t)
{
    bool priced = t->form == AUCTION_ENGLISH || t->form == AUCTION_DUTCH;
    return t->reserve_minor >= 0 && t->deposit_minor >= 0 && t->buy_now_minor >= 0 &&
           (priced ? t->start_minor > 0 : t->start_minor == 0) &&
           (is_units(t) ? t->units > 0 : t->units == 1) &&
           (t->form == AUCTION_DUTCH ? t->step_minor > 0 && t->step_ms > 0
                                     : t->step_minor == 0 && t->step_ms == 0);
}

bool auction_terms_good(const struct auction_terms *t, enum refusal *refusal)
{
    bool retractable = t->form == AUCTION_ENGLISH || is_units(t);
    *refusal = REFUSED_NOT;
    if ((unsigned)t->form >= AUCTION_FORMS)
        *refusal = REFUSED_bad_terms;
    else if (!amounts_good(t))
        *refusal = REFUSED_not_positive;
    else if (t->opens_ms >= t->closes_ms || !increments_good(t) || !extension_good(t) ||
             (is_sealed(t) ? t->reveal_until_ms <= t->closes_ms : t->reveal_until_ms != 0) ||
             (!is_sealed(t) && t->deposit_minor != 0) ||
             (t->retract_until_ms != 0 && (!retractable || t->retract_until_ms > t->closes_ms)) ||
             (t->buy_now_minor != 0 &&
              (t->form != AUCTION_ENGLISH || t->buy_now_minor < t->start_minor ||
               t->buy_now_minor < t->reserve_minor)) ||
             (t->form == AUCTION_DUTCH && t->reserve_minor > t->start_minor) ||
             (t->price_rule != AUCTION_LOWEST_ACCEPTED &&
              (t->form != AUCTION_UNITS_UNIFORM || t->price_rule != AUCTION_HIGHEST_REJECTED)))
        *refusal = REFUSED_bad_terms;
    return *refusal == REFUSED_NOT;
}

enum refusal auction_open(struct auction *a, const struct auction_terms *terms, int64_t now_ms)
{
    enum refusal refusal;
    *a = (struct auction){0};
    if (auction_terms_good(terms, &refusal) && terms->closes_ms <= now_ms)
        refusal = REFUSED_bad_terms;
    if (refusal != REFUSED_NOT)
        return refusal;
    a->terms = *terms;
    a->now_ms = now_ms;
    a->closes_ms = terms->closes_ms;
    a->leader = AUCTION_NONE;
    a->price_minor = terms->start_minor;
    return REFUSED_NOT;
}

void auction_deinit(struct auction *a)
{
    free(a->bids);
    *a = (struct auction){0};
}

/* ── looking ── */

int64_t auction_time(const struct auction *a, int64_t now_ms)
{
    return now_ms > a->now_ms ? now_ms : a->now_ms;
}

int64_t auction_end(const struct auction *a)
{
    return is_sealed(&a->terms) ? a->terms.reveal_until_ms : a->closes_ms;
}

int64_t auction_increment_at(const struct auction_terms *t, int64_t price_minor)
{
    size_t i = t->increments_n;
    while (i > 1 && t->increments[i - 1].from_minor > price_minor)
        i--;
    return i ? t->increments[i - 1].by_minor : 1;
}

static int64_t raised(const struct auction_terms *t, int64_t price)
{
    int64_t sum;
    return __builtin_add_overflow(price, auction_increment_at(t, price), &sum) ? INT64_MAX : sum;
}

int64_t auction_least(const struct auction *a, int64_t now_ms)
{
    const struct auction_terms *t = &a->terms;
    if (t->form == AUCTION_ENGLISH)
        return a->leader == AUCTION_NONE ? t->start_minor : raised(t, a->price_minor);
    if (t->form != AUCTION_DUTCH)
        return 1;
    int64_t least = t->reserve_minor > 1 ? t->reserve_minor : 1, now = auction_time(a, now_ms);
    wide steps = now > t->opens_ms ? ((wide)now - t->opens_ms) / t->step_ms : 0;
    wide price = (wide)t->start_minor - steps * t->step_minor;
    return price > least ? (int64_t)price : least;
}

uint32_t auction_find(const struct auction *a, uint32_t bidder)
{
    for (size_t i = 0; i < a->bids_n; i++)
        if (a->bids[i].bidder == bidder)
            return (uint32_t)i;
    return AUCTION_NONE;
}

int64_t auction_need(const struct auction *a, size_t bid, int64_t now_ms)
{
    const struct auction_bid *b = &a->bids[bid];
    bool leads = a->leader == bid;
    if (a->state != AUCTION_OPEN || b->retracted)
        return 0;
    if (is_sealed(&a->terms))
        return b->revealed ? (leads ? b->price_minor : 0) : a->terms.deposit_minor;
    if (is_units(&a->terms))
        return b->price_minor * b->units;
    return leads || auction_time(a, now_ms) < a->terms.retract_until_ms ? b->price_minor : 0;
}

static bool ahead(const struct auction_bid *x, const struct auction_bid *y)
{
    return x->price_minor != y->price_minor ? x->price_minor > y->price_minor : x->order < y->order;
}

static bool takes_part(const struct auction *a, const struct auction_bid *b)
{
    return !b->retracted && (!is_sealed(&a->terms) || b->revealed);
}

/* The best that takes part but for `but`; NULL: none.                                           */
static const struct auction_bid *best_but(const struct auction *a, const struct auction_bid *but)
{
    const struct auction_bid *best = NULL;
    for (size_t i = 0; i < a->bids_n; i++) {
        const struct auction_bid *b = &a->bids[i];
        if (b != but && takes_part(a, b) && (!best || ahead(b, best)))
            best = b;
    }
    return best;
}

void auction_lead(struct auction *a)
{
    const struct auction_terms *t = &a->terms;
    if (is_units(t) || t->form == AUCTION_DUTCH)
        return;
    const struct auction_bid *first = best_but(a, NULL), *second = best_but(a, first);
    if (is_sealed(t) && first && first->price_minor < t->reserve_minor)
        first = NULL;
    a->leader = first ? (uint32_t)(first - a->bids) : AUCTION_NONE;
    if (t->form != AUCTION_ENGLISH)
        return;
    a->price_minor = t->start_minor;
    if (!first)
        return;
    int64_t over = second ? raised(t, second->price_minor) : t->start_minor;
    int64_t price = over < first->price_minor ? over : first->price_minor;
    if (t->reserve_minor > price && first->price_minor >= t->reserve_minor)
        price = t->reserve_minor;
    a->price_minor = price > t->start_minor ? price : t->start_minor;
}

int64_t auction_due(const struct auction *a)
{
    const struct auction_terms *t = &a->terms;
    if (a->leader == AUCTION_NONE || a->bids[a->leader].price_minor < t->reserve_minor)
        return 0;
    if (t->form == AUCTION_ENGLISH)
        return a->price_minor;
    if (t->form == AUCTION_SEALED_FIRST)
        return a->bids[a->leader].price_minor;
    const struct auction_bid *second = best_but(a, &a->bids[a->leader]);
    int64_t price =
        second && second->price_minor > t->reserve_minor ? second->price_minor : t->reserve_minor;
    return price > 0 ? price : 0;
}

/* ── changes ── */

void auction_begin(struct auction *a, struct auction_change *c, int64_t now_ms, size_t at)
{
    *c = (struct auction_change){.before = *a, .at = at, .payer = AUCTION_NONE};
    a->now_ms = auction_time(a, now_ms);
    if (at == AUCTION_NONE)
        return;
    if (at == a->bids_n)
        a->bids[a->bids_n++] = (struct auction_bid){.units = 1};
    else
        c->bid = a->bids[at];
}

static void go_back(struct auction *a, const struct auction_change *c)
{
    *a = c->before;
    if (c->at < a->bids_n)
        a->bids[c->at] = c->bid;
}

static bool forfeits(const struct auction_change *c, const struct auction_bid *b)
{
    return c->forfeits && !b->revealed;
}

/* What bid i does; false: nothing.                                                              */
static bool delta_of(const struct auction *a, const struct auction_change *c, size_t i,
                     struct auction_delta *d)
{
    const struct auction_bid *b = &a->bids[i];
    int64_t need = auction_need(a, i, a->now_ms);
    int64_t pay = c->pays ? c->pays[i] : c->payer == i ? c->pay_minor : 0;
    *d = (struct auction_delta){.bid = (uint32_t)i, .bidder = b->bidder, .pay_minor = pay};
    if (forfeits(c, b))
        d->forfeit_minor = b->held_minor;
    d->won_units = c->won ? c->won[i] : c->payer == i;
    wide more = (wide)need + pay + d->forfeit_minor - b->held_minor;
    if (more > 0)
        d->hold_minor = (int64_t)more;
    else
        d->release_minor = (int64_t)-more;
    return more != 0 || pay != 0 || d->forfeit_minor != 0 || d->won_units != 0;
}

enum heed_status auction_finish(struct auction *a, struct auction_change *c,
                                const struct auction_purse *purse, enum refusal *refusal)
{
    struct auction_delta d, *deltas = NULL;
    enum heed_status status = HEED_OK;
    size_t n = 0, k = 0;
    *refusal = REFUSED_NOT;
    for (size_t i = 0; i < a->bids_n; i++)
        n += delta_of(a, c, i, &d);
    if (purse) {
        deltas = malloc((n + 1) * sizeof *deltas);
        status = deltas ? HEED_OK : HEED_NOMEM;
        for (size_t i = 0; deltas && i < a->bids_n; i++)
            if (delta_of(a, c, i, &d))
                deltas[k++] = d;
        if (status == HEED_OK)
            status = purse->move(purse->context, deltas, n, refusal);
        free(deltas);
    }
    if (status != HEED_OK || *refusal != REFUSED_NOT) {
        go_back(a, c);
        return status;
    }
    for (size_t i = 0; i < a->bids_n; i++) {
        struct auction_bid *b = &a->bids[i];
        bool changes = delta_of(a, c, i, &d);
        b->won_units = c->won ? c->won[i] : c->payer == i ? 1 : b->won_units;
        if (!changes)
            continue;
        b->held_minor = auction_need(a, i, a->now_ms);
        b->paid_minor += d.pay_minor;
        b->forfeited_minor += d.forfeit_minor;
    }
    return HEED_OK;
}

/* ── the end ── */

static enum heed_status close_units(struct auction *a, const struct auction_purse *purse,
                                    int64_t now_ms, enum refusal *refusal)
{
    const struct auction_terms *t = &a->terms;
    size_t n = a->bids_n ? a->bids_n : 1;
    struct clear_bid *bids = malloc(n * sizeof *bids);
    int64_t *won = malloc(n * sizeof *won), *pays = malloc(n * sizeof *pays);
    enum heed_status status = bids && won && pays ? HEED_OK : HEED_NOMEM;
    if (status == HEED_OK) {
        const struct clear_market m = {
            .kind = t->form == AUCTION_UNITS_UNIFORM ? AUCTION_UNIFORM : AUCTION_PAY_AS_BID,
            .price_rule = t->price_rule,
            .reserve_minor = t->reserve_minor,
            .units = t->units,
            .bids = bids,
            .bids_n = a->bids_n};
        for (size_t i = 0; i < a->bids_n;
             i++) /* what was retracted is for nothing, below any reserve */
            bids[i] = (struct clear_bid){.price_minor =
                                             a->bids[i].retracted ? -1 : a->bids[i].price_minor,
                                         .units = a->bids[i].units,
                                         .bidder = a->bids[i].bidder};
        status = clear_units(&m, won, pays);
    }
    if (status == HEED_OK) {
        struct auction_change c;
        auction_begin(a, &c, now_ms, AUCTION_NONE);
        c.won = won;
        c.pays = pays;
        a->state = AUCTION_UNSOLD;
        for (size_t i = 0; i < a->bids_n; i++)
            if (won[i] > 0) {
                a->state = AUCTION_SOLD;
                a->price_minor = t->form == AUCTION_UNITS_UNIFORM ? pays[i] / won[i] : 0;
            }
        status = auction_finish(a, &c, purse, refusal);
    }
    free(bids);
    free(won);
    free(pays);
    return status;
}

static enum heed_status end(struct auction *a, const struct auction_purse *purse, int64_t now_ms,
                            enum refusal *refusal)
{
    struct auction_change c;
    if (is_units(&a->terms))
        return close_units(a, purse, now_ms, refusal);
    int64_t due = auction_due(a);
    bool sold =
        a->leader != AUCTION_NONE && a->bids[a->leader].price_minor >= a->terms.reserve_minor;
    auction_begin(a, &c, now_ms, AUCTION_NONE);
    c.forfeits = is_sealed(&a->terms);
    if (sold) {
        c.payer = a->leader;
        c.pay_minor = a->price_minor = due;
    }
    a->state = sold ? AUCTION_SOLD : AUCTION_UNSOLD;
    return auction_finish(a, &c, purse, refusal);
}

enum heed_status auction_advance(struct auction *a, const struct auction_purse *purse,
                                 int64_t now_ms, enum refusal *refusal)
{
    const int64_t boundary = a->terms.retract_until_ms;
    struct auction_change c;
    *refusal = REFUSED_NOT;
    if (a->state != AUCTION_OPEN)
        return HEED_OK;
    if (now_ms >= auction_end(a))
        return end(a, purse, now_ms, refusal);
    if (a->now_ms >= boundary || now_ms < boundary)
        return HEED_OK;
    auction_begin(a, &c, now_ms, AUCTION_NONE);
    return auction_finish(a, &c, purse, refusal);
}

enum heed_status auction_close(struct auction *a, const struct auction_purse *purse, int64_t now_ms,
                               enum refusal *refusal)
{
    *refusal = a->state != AUCTION_OPEN                   ? REFUSED_auction_closed
               : auction_time(a, now_ms) < auction_end(a) ? REFUSED_auction_running
                                                          : REFUSED_NOT;
    return *refusal == REFUSED_NOT ? end(a, purse, now_ms, refusal) : HEED_OK;
}

enum heed_status auction_cancel(struct auction *a, const struct auction_purse *purse,
                                int64_t now_ms, enum refusal *refusal)
{
    struct auction_change c;
    *refusal = a->state != AUCTION_OPEN ? REFUSED_auction_closed : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    auction_begin(a, &c, now_ms, AUCTION_NONE);
    a->state = AUCTION_UNSOLD;
    return auction_finish(a, &c, purse, refusal);
}

enum heed_status auction_withdraw(struct auction *a, const struct auction_purse *purse,
                                  int64_t now_ms, enum refusal *refusal)
{
    struct auction_change c;
    *refusal = a->state != AUCTION_OPEN || auction_time(a, now_ms) >= auction_end(a)
                   ? REFUSED_auction_closed
                   : REFUSED_NOT;
    for (size_t i = 0; i < a->bids_n && *refusal == REFUSED_NOT; i++)
        if (!a->bids[i].retracted)
            *refusal = REFUSED_has_bids;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    auction_begin(a, &c, now_ms, AUCTION_NONE);
    a->state = AUCTION_UNSOLD;
    return auction_finish(a, &c, purse, refusal);
}
