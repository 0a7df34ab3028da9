/* Slots of a surface, sold by the click. A command works on the advertisers in place, with a copy
 * to go back to: what the purse refuses leaves everything as it was. */
#include "circulation/auction_ads.h"

#include "base/error.h"

#include <stdlib.h>

__extension__ typedef __int128 wide;

bool ads_terms_good(const struct ads_terms *t, enum refusal *refusal)
{
    *refusal = REFUSED_NOT;
    if ((t->kind != AUCTION_GSP && t->kind != AUCTION_POSITION_VCG) ||
        (t->pacing != ADS_AT_ONCE && t->pacing != ADS_EVEN) || t->opens_ms >= t->closes_ms ||
        t->slots == 0 || t->slots > ADS_SLOTS_MAX)
        *refusal = REFUSED_bad_terms;
    else if (t->reserve_minor < 0 || t->click_within_ms <= 0)
        *refusal = REFUSED_not_positive;
    for (size_t i = 0; *refusal == REFUSED_NOT && i < t->slots; i++)
        if (t->clicks[i] <= 0 || t->clicks[i] > ADS_CLICKS_MAX)
            *refusal = REFUSED_not_positive;
        else if (i > 0 && t->clicks[i] > t->clicks[i - 1])
            *refusal = REFUSED_bad_terms;
    return *refusal == REFUSED_NOT;
}

enum refusal ads_open(struct ads *a, const struct ads_terms *terms, int64_t now_ms)
{
    enum refusal refusal;
    *a = (struct ads){0};
    if (ads_terms_good(terms, &refusal) && terms->closes_ms <= now_ms)
        refusal = REFUSED_bad_terms;
    if (refusal != REFUSED_NOT)
        return refusal;
    a->terms = *terms;
    a->now_ms = now_ms;
    return REFUSED_NOT;
}

void ads_deinit(struct ads *a)
{
    free(a->advertisers);
    free(a->spare);
    free(a->showings);
    *a = (struct ads){0};
}

static int64_t time_of(const struct ads *a, int64_t now_ms)
{
    return now_ms > a->now_ms ? now_ms : a->now_ms;
}

static uint32_t find(const struct ads *a, uint32_t bidder)
{
    for (size_t i = 0; i < a->advertisers_n; i++)
        if (a->advertisers[i].bidder == bidder)
            return (uint32_t)i;
    return AUCTION_NONE;
}

int64_t ads_need(const struct ads *a, size_t advertiser, int64_t now_ms)
{
    const struct advertiser *x = &a->advertisers[advertiser];
    return !x->left && time_of(a, now_ms) < a->terms.closes_ms ? x->budget_minor - x->spent_minor
                                                               : x->promised_minor;
}

/* ── changes ── */

struct change {
    struct ads before;
    size_t clicked;    /* a slot that was: showings[clicked_at].slots[clicked] */
    size_t clicked_at; /* SIZE_MAX: none */
    uint32_t payer;    /* AUCTION_NONE: nobody */
    int64_t pay_minor;
};

static bool expired(const struct ads *a, const struct ads_showing *s)
{
    int64_t until;
    return !__builtin_add_overflow(s->time_ms, a->terms.click_within_ms, &until) &&
           until <= a->now_ms;
}

/* Begins a change at that time: copies, and lets go of showings whose time is over. HEED_NOMEM.  */
static enum heed_status begin(struct ads *a, struct change *c, int64_t now_ms)
{
    if (!array_grow(&a->spare, &a->spare_cap, a->advertisers_n + 1, sizeof *a->spare))
        return HEED_NOMEM;
    if (a->advertisers_n > 0)
        memcpy(a->spare, a->advertisers, a->advertisers_n * sizeof *a->spare);
    *c = (struct change){.before = *a, .clicked_at = SIZE_MAX, .payer = AUCTION_NONE};
    a->now_ms = time_of(a, now_ms);
    while (a->first < a->showings_n && expired(a, &a->showings[a->first])) {
        const struct ads_showing *s = &a->showings[a->first++];
        a->first_number++;
        for (size_t i = 0; i < s->n; i++)
            if (!s->slots[i].clicked)
                a->advertisers[s->slots[i].advertiser].promised_minor -= s->slots[i].price_minor;
    }
    return HEED_OK;
}

static void go_back(struct ads *a, const struct change *c)
{
    *a = c->before;
    if (a->advertisers_n > 0)
        memcpy(a->advertisers, a->spare, a->advertisers_n * sizeof *a->spare);
    if (c->clicked_at != SIZE_MAX)
        a->showings[c->clicked_at].slots[c->clicked].clicked = 0;
}

static bool delta_of(const struct ads *a, const struct change *c, size_t i, struct auction_delta *d)
{
    const struct advertiser *x = &a->advertisers[i];
    int64_t pay = c->payer == i ? c->pay_minor : 0;
    wide more = (wide)ads_need(a, i, a->now_ms) + pay - x->held_minor;
    *d = (struct auction_delta){.bid = (uint32_t)i, .bidder = x->bidder, .pay_minor = pay};
    if (more > 0)
        d->hold_minor = (int64_t)more;
    else
        d->release_minor = (int64_t)-more;
    return more != 0 || pay != 0;
}

/* Lets the room of showings that are gone be used again.                                        */
static void tidy(struct ads *a)
{
    size_t left = a->showings_n - a->first;
    if (a->first < 64 || a->first < left)
        return;
    memmove(a->showings, a->showings + a->first, left * sizeof *a->showings);
    a->first = 0;
    a->showings_n = left;
}

static enum heed_status finish(struct ads *a, struct change *c, const struct auction_purse *purse,
                               enum refusal *refusal)
{
    struct auction_delta d, *deltas = NULL;
    enum heed_status status = HEED_OK;
    size_t n = 0, k = 0;
    *refusal = REFUSED_NOT;
    for (size_t i = 0; i < a->advertisers_n; i++)
        n += delta_of(a, c, i, &d);
    if (n > 0 && purse) {
        deltas = malloc(n * sizeof *deltas);
        status = deltas ? HEED_OK : HEED_NOMEM;
        for (size_t i = 0; deltas && i < a->advertisers_n; i++)
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
    for (size_t i = 0; i < a->advertisers_n; i++)
        a->advertisers[i].held_minor = ads_need(a, i, a->now_ms);
    return HEED_OK;
}

enum heed_status ads_advance(struct ads *a, const struct auction_purse *purse, int64_t now_ms,
                             enum refusal *refusal)
{
    struct change c;
    enum heed_status status = begin(a, &c, now_ms);
    *refusal = REFUSED_NOT;
    if (status == HEED_OK)
        status = finish(a, &c, purse, refusal);
    if (status == HEED_OK && *refusal == REFUSED_NOT)
        tidy(a);
    return status;
}

/* ── advertisers ── */

enum heed_status ads_enter(struct ads *a, const struct auction_purse *purse, int64_t now_ms,
                           uint32_t bidder, int64_t price_minor, uint32_t quality,
                           int64_t budget_minor, enum refusal *refusal)
{
    struct change c;
    *refusal =
        price_minor <= 0 || budget_minor <= 0 || quality == 0 || quality > AUCTION_QUALITY_MAX
            ? REFUSED_not_positive
        : bidder == a->terms.seller                ? REFUSED_own_auction
        : time_of(a, now_ms) >= a->terms.closes_ms ? REFUSED_auction_closed
                                                   : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    if (!array_grow(&a->advertisers, &a->advertisers_cap, a->advertisers_n + 1,
                    sizeof *a->advertisers))
        return HEED_NOMEM;
    enum heed_status status = begin(a, &c, now_ms);
    if (status != HEED_OK)
        return status;
    uint32_t at = find(a, bidder);
    if (at != AUCTION_NONE &&
        budget_minor - a->advertisers[at].spent_minor < a->advertisers[at].promised_minor)
        *refusal = REFUSED_budget_spent;
    else if (at == AUCTION_NONE && a->advertisers_n >= ADS_ADVERTISERS_MAX)
        *refusal = REFUSED_too_many_bids;
    if (*refusal != REFUSED_NOT) {
        go_back(a, &c);
        return HEED_OK;
    }
    if (at == AUCTION_NONE) {
        at = (uint32_t)a->advertisers_n++;
        a->advertisers[at] = (struct advertiser){.bidder = bidder};
    }
    struct advertiser *x = &a->advertisers[at];
    x->price_minor = price_minor;
    x->quality = quality;
    x->budget_minor = budget_minor;
    x->left = 0;
    return finish(a, &c, purse, refusal);
}

enum heed_status ads_leave(struct ads *a, const struct auction_purse *purse, int64_t now_ms,
                           uint32_t bidder, enum refusal *refusal)
{
    struct change c;
    uint32_t at = find(a, bidder);
    *refusal = time_of(a, now_ms) >= a->terms.closes_ms        ? REFUSED_auction_closed
               : at == AUCTION_NONE || a->advertisers[at].left ? REFUSED_unknown_bid
                                                               : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    enum heed_status status = begin(a, &c, now_ms);
    if (status != HEED_OK)
        return status;
    a->advertisers[at].left = 1;
    return finish(a, &c, purse, refusal);
}

/* ── showings ── */

static bool takes_part(const struct ads *a, const struct advertiser *x)
{
    const struct ads_terms *t = &a->terms;
    wide next = (wide)x->spent_minor + x->price_minor;
    if (x->left || next + x->promised_minor > x->budget_minor)
        return false;
    wide elapsed = (wide)a->now_ms - t->opens_ms, period = (wide)t->closes_ms - t->opens_ms;
    return t->pacing == ADS_AT_ONCE || next * period <= (wide)x->budget_minor * elapsed;
}

/* The clearing of one showing: bids of those who take part.                                     */
struct round {
    struct clear_bid *bids;
    size_t *order;
};

static void fill(struct ads *a, const struct round *r, struct ads_showing *out)
{
    size_t rank[ADS_SLOTS_MAX], n = 0;
    slot_cost cost[ADS_SLOTS_MAX];
    for (size_t i = 0; i < a->advertisers_n; i++) {
        const struct advertiser *x = &a->advertisers[i];
        if (takes_part(a, x))
            r->bids[n++] = (struct clear_bid){.price_minor = x->price_minor,
                                              .units = 1,
                                              .bidder = (uint32_t)i,
                                              .quality = x->quality};
    }
    const struct clear_market m = {.kind = a->terms.kind,
                                   .reserve_minor = a->terms.reserve_minor,
                                   .clicks = a->terms.clicks,
                                   .slots = a->terms.slots,
                                   .bids = r->bids,
                                   .bids_n = n};
    size_t filled = clear_slots(&m, r->order, rank, cost);
    *out = (struct ads_showing){.time_ms = a->now_ms, .n = (uint32_t)filled};
    for (size_t s = 0; s < filled; s++) {
        const struct clear_bid *b = &r->bids[rank[s]];
        slot_cost weight = (slot_cost)a->terms.clicks[s] * b->quality;
        int64_t price = (int64_t)((cost[s] + weight - 1) / weight); /* never above his own */
        out->slots[s] = (struct ads_slot){.advertiser = b->bidder, .price_minor = price};
        a->advertisers[b->bidder].promised_minor += price;
        a->advertisers[b->bidder].shown++;
    }
}

enum heed_status ads_serve(struct ads *a, const struct auction_purse *purse, int64_t now_ms,
                           uint64_t *number, const struct ads_showing **showing,
                           enum refusal *refusal)
{
    static const struct ads_showing nothing;
    struct change c;
    int64_t now = time_of(a, now_ms);
    *number = UINT64_MAX;
    *showing = &nothing;
    *refusal = now < a->terms.opens_ms                        ? REFUSED_not_open
               : now >= a->terms.closes_ms                    ? REFUSED_auction_closed
               : a->showings_n - a->first >= ADS_SHOWINGS_MAX ? REFUSED_too_many_bids
                                                              : REFUSED_NOT;
    if (*refusal != REFUSED_NOT)
        return HEED_OK;
    struct round r = {malloc((a->advertisers_n + 1) * sizeof *r.bids),
                      malloc((a->advertisers_n + 1) * sizeof *r.order)};
    enum heed_status status =
        r.bids && r.order &&
                array_grow(&a->showings, &a->showings_cap, a->showings_n + 1, sizeof *a->showings)
            ? begin(a, &c, now)
            : HEED_NOMEM;
    if (status == HEED_OK) {
        struct ads_showing *next = &a->showings[a->showings_n];
        fill(a, &r, next);
        a->showings_n += next->n > 0;
        status = finish(a, &c, purse, refusal);
        if (status == HEED_OK && *refusal == REFUSED_NOT && next->n > 0) {
            tidy(a);
            *showing = &a->showings[a->showings_n - 1];
            *number = a->first_number + (a->showings_n - a->first) - 1;
        }
    }
    free(r.bids);
    free(r.order);
    return status;
}

enum heed_status ads_click(struct ads *a, const struct auction_purse *purse, int64_t now_ms,
                           uint64_t number, uint32_t slot, enum refusal *refusal)
{
    struct change c;
    enum heed_status status = begin(a, &c, now_ms);
    *refusal = REFUSED_NOT;
    if (status != HEED_OK)
        return status;
    uint64_t at = number - a->first_number;
    if (number < a->first_number || at >= a->showings_n - a->first ||
        slot >= a->showings[a->first + at].n)
        *refusal = REFUSED_unknown_showing;
    else if (a->showings[a->first + at].slots[slot].clicked)
        *refusal = REFUSED_clicked_before;
    if (*refusal != REFUSED_NOT) {
        go_back(a, &c);
        return HEED_OK;
    }
    struct ads_slot *s = &a->showings[a->first + at].slots[slot];
    struct advertiser *x = &a->advertisers[s->advertiser];
    s->clicked = 1;
    c.clicked_at = a->first + at;
    c.clicked = slot;
    c.payer = s->advertiser;
    c.pay_minor = s->price_minor;
    x->promised_minor -= s->price_minor;
    x->spent_minor += s->price_minor;
    x->clicked++;
    return finish(a, &c, purse, refusal);
}
