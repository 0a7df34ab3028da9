/* Serialised form, numbers as zigzag varints:
 *
 *     kind, pacing, seller, slots, opens, closes, click_within, reserve, clicks[slots], now
 *     n, of each advertiser: bidder, price, quality, budget, spent, promised, held, shown, clicked,
 * left first number, n, of each showing: time, slots filled, of each: advertiser, price, clicked */
#include "base/error.h"
#include "base/varint.h"
#include "circulation/auction_ads.h"

#include <stdlib.h>

void ads_save(const struct ads *a, struct sink *k)
{
    const struct ads_terms *t = &a->terms;
    sink_u8(k, (uint8_t)t->kind);
    sink_u8(k, (uint8_t)t->pacing);
    sink_varint(k, t->seller);
    sink_varint(k, t->slots);
    sink_signed(k, t->opens_ms);
    sink_signed(k, t->closes_ms);
    sink_signed(k, t->click_within_ms);
    sink_signed(k, t->reserve_minor);
    for (size_t i = 0; i < t->slots; i++)
        sink_signed(k, t->clicks[i]);
    sink_signed(k, a->now_ms);
    sink_varint(k, a->advertisers_n);
    for (size_t i = 0; i < a->advertisers_n; i++) {
        const struct advertiser *x = &a->advertisers[i];
        sink_varint(k, x->bidder);
        sink_signed(k, x->price_minor);
        sink_varint(k, x->quality);
        sink_signed(k, x->budget_minor);
        sink_signed(k, x->spent_minor);
        sink_signed(k, x->promised_minor);
        sink_signed(k, x->held_minor);
        sink_varint(k, x->shown);
        sink_varint(k, x->clicked);
        sink_u8(k, x->left);
    }
    sink_varint(k, a->first_number);
    sink_varint(k, a->showings_n - a->first);
    for (size_t i = a->first; i < a->showings_n; i++) {
        const struct ads_showing *s = &a->showings[i];
        sink_signed(k, s->time_ms);
        sink_varint(k, s->n);
        for (size_t j = 0; j < s->n; j++) {
            sink_varint(k, s->slots[j].advertiser);
            sink_signed(k, s->slots[j].price_minor);
            sink_u8(k, s->slots[j].clicked);
        }
    }
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "ads", "the saved sale of slots is damaged (%s)", what);
}

static bool load_terms(struct ads *a, struct source *k)
{
    struct ads_terms *t = &a->terms;
    enum refusal refusal;
    uint8_t kind = source_u8(k), pacing = source_u8(k);
    t->kind = (enum auction_kind)kind;
    t->pacing = (enum ads_pacing)pacing;
    t->seller = (uint32_t)source_varint(k, UINT32_MAX);
    t->slots = (uint32_t)source_varint(k, ADS_SLOTS_MAX);
    t->opens_ms = source_signed(k);
    t->closes_ms = source_signed(k);
    t->click_within_ms = source_signed(k);
    t->reserve_minor = source_signed(k);
    for (size_t i = 0; i < t->slots; i++)
        t->clicks[i] = source_signed(k);
    a->now_ms = source_signed(k);
    return !k->failed && ads_terms_good(t, &refusal);
}

static void load_advertiser(struct advertiser *x, struct source *k)
{
    *x = (struct advertiser){.bidder = (uint32_t)source_varint(k, UINT32_MAX)};
    x->price_minor = source_signed(k);
    x->quality = (uint32_t)source_varint(k, AUCTION_QUALITY_MAX);
    x->budget_minor = source_signed(k);
    x->spent_minor = source_signed(k);
    x->promised_minor = source_signed(k);
    x->held_minor = source_signed(k);
    x->shown = source_varint(k, UINT64_MAX);
    x->clicked = source_varint(k, UINT64_MAX);
    x->left = source_u8(k);
}

static bool advertiser_good(const struct ads *a, size_t i, int64_t promised)
{
    const struct advertiser *x = &a->advertisers[i];
    return x->price_minor > 0 && x->quality > 0 && x->budget_minor > 0 && x->spent_minor >= 0 &&
           x->promised_minor == promised && x->bidder != a->terms.seller && x->left <= 1 &&
           x->clicked <= x->shown && x->spent_minor <= x->budget_minor &&
           x->promised_minor <= x->budget_minor - x->spent_minor &&
           x->held_minor == ads_need(a, i, a->now_ms);
}

static bool load_showing(const struct ads *a, struct ads_showing *s, struct source *k)
{
    *s = (struct ads_showing){.time_ms = source_signed(k)};
    s->n = (uint32_t)source_varint(k, a->terms.slots);
    for (size_t i = 0; i < s->n; i++) {
        s->slots[i].advertiser = (uint32_t)source_varint(k, UINT32_MAX);
        s->slots[i].price_minor = source_signed(k);
        s->slots[i].clicked = source_u8(k);
        if (k->failed || s->slots[i].advertiser >= a->advertisers_n ||
            s->slots[i].price_minor < 0 || s->slots[i].clicked > 1)
            return false;
    }
    return !k->failed && s->n > 0 && s->time_ms <= a->now_ms;
}

/* promised[advertisers] is scratch of zeros.                                                    */
static bool could_have_been(const struct ads *a, int64_t *promised)
{
    for (size_t i = 0; i < a->showings_n; i++) {
        const struct ads_showing *s = &a->showings[i];
        if (i > 0 && s->time_ms < a->showings[i - 1].time_ms)
            return false;
        for (size_t j = 0; j < s->n; j++) {
            int64_t *p = &promised[s->slots[j].advertiser];
            if (!s->slots[j].clicked && __builtin_add_overflow(*p, s->slots[j].price_minor, p))
                return false;
        }
    }
    for (size_t i = 0; i < a->advertisers_n; i++)
        if (!advertiser_good(a, i, promised[i]))
            return false;
    return true;
}

static enum heed_status load(struct ads *a, struct source *k, struct heed_error *err)
{
    if (!load_terms(a, k))
        return damaged(err, "terms");
    size_t n = source_varint(k, ADS_ADVERTISERS_MAX);
    for (; a->advertisers_n < n && !k->failed; a->advertisers_n++) {
        if (!array_grow(&a->advertisers, &a->advertisers_cap, a->advertisers_n + 1,
                        sizeof *a->advertisers))
            return error_nomem(err);
        load_advertiser(&a->advertisers[a->advertisers_n], k);
    }
    a->first_number = source_varint(k, UINT64_MAX / 2);
    n = source_varint(k, ADS_SHOWINGS_MAX);
    for (; a->showings_n < n && !k->failed; a->showings_n++) {
        if (!array_grow(&a->showings, &a->showings_cap, a->showings_n + 1, sizeof *a->showings))
            return error_nomem(err);
        if (!load_showing(a, &a->showings[a->showings_n], k))
            return damaged(err, "a showing");
    }
    int64_t *promised = calloc(a->advertisers_n + 1, sizeof *promised);
    if (!promised)
        return error_nomem(err);
    bool good = !k->failed && could_have_been(a, promised);
    free(promised);
    return good ? HEED_OK : damaged(err, "advertisers that could not have been");
}

enum heed_status ads_load(struct ads *a, struct source *k, struct heed_error *err)
{
    *a = (struct ads){0};
    enum heed_status status = load(a, k, err);
    if (status != HEED_OK)
        ads_deinit(a);
    return status;
}
