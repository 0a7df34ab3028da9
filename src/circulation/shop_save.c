/* Serialised form, columns of varints:
 *
 *     purchases     n, time[n] (difference), units[n], refunded[n], price[n], fee[n], buyer[n],
 *                   recipient[n] (0: the buyer, else + 1), target[n], seller[n] + 1 (0: the shop),
 *                   offer[n] + 1, coupon[n] + 1, currency[n], state[n], lines[n], then of those in
 *                   escrow: free and auto since the purchase, delivered; then of each 0, or 1 and
 *                   the bundle and its units, or 2 when it is of the same as the one before
 *     lines         of each purchase: amount, given back, holder (system bit lowest), purpose,
 *                   code, rule
 *     offers        n, of each: price, units, seller, target
 *     reservations  n, of each: transfer, buyer, target, offer + 1, units, price
 *     coupons       n, of each: key, share, minus, until, uses + 1, each, target
 *     bundles       n, of each: target, parts, then their targets and units
 *     sinks         n, names
 *
 * then usage and meter of the market rules. A target is its index twice, + 1 for a service. The
 * heap of escrows and who used which coupon are made again. */
#include "base/error.h"
#include "base/scalars.h"
#include "base/varint.h"
#include "circulation/shop_parts.h"

static void sink_target(struct sink *k, uint32_t target)
{
    sink_varint(k, target_index(target) << 1 | (target_kind(target) == TARGET_SERVICE));
}

static uint32_t source_target(struct source *k)
{
    uint32_t v = (uint32_t)source_varint(k, (uint64_t)TARGET_INDEX_MAX << 1 | 1);
    return target_make(v & 1 ? TARGET_SERVICE : TARGET_GOOD, v >> 1);
}

static void sink_holder(struct sink *k, uint32_t holder)
{
    sink_varint(k, (uint32_t)(holder << 1 | holder >> 31));
}

static uint32_t source_holder(struct source *k)
{
    uint32_t v = (uint32_t)source_varint(k, UINT32_MAX);
    return v >> 1 | v << 31;
}

static void save_lines(const struct shop *s, struct sink *k)
{
    for (size_t i = 0; i < s->lines_n; i++) {
        const struct shop_line *l = &s->lines[i];
        sink_varint(k, (uint64_t)l->minor);
        sink_varint(k, (uint64_t)l->back_minor);
        sink_holder(k, l->holder);
        sink_varint(k, l->purpose);
        sink_varint(k, l->code);
        sink_varint(k, l->rule);
    }
}

static void save_purchases(const struct shop *s, struct sink *k)
{
    const struct purchase *p = s->purchases;
    size_t n = s->purchases_n;
    int64_t previous = 0;
    sink_varint(k, n);
    for (size_t i = 0; i < n; i++)
        sink_delta(k, &previous, p[i].time_ms);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint64_t)p[i].units);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint64_t)p[i].refunded_units);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint64_t)p[i].price_minor);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint64_t)p[i].fee_minor);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, p[i].buyer);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, p[i].recipient == p[i].buyer ? 0 : p[i].recipient + 1);
    for (size_t i = 0; i < n; i++)
        sink_target(k, p[i].target);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, p[i].seller_holder == HOLDER_SHOP ? 0 : p[i].seller_holder + 1);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint32_t)(p[i].offer + 1));
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint32_t)(p[i].coupon + 1));
    for (size_t i = 0; i < n; i++)
        sink_varint(k, p[i].currency);
    for (size_t i = 0; i < n; i++)
        sink_u8(k, p[i].state);
    for (size_t i = 0; i < n; i++)
        sink_u8(k, p[i].lines);
    for (size_t i = 0; i < n; i++)
        if (p[i].state != SHOP_PAID) {
            sink_varint(k, (uint64_t)(p[i].free_ms - p[i].time_ms));
            sink_varint(k, (uint64_t)(p[i].auto_ms - p[i].time_ms));
            sink_u8(k, p[i].delivered);
        }
    for (size_t i = 0; i < n; i++) {
        bool part = p[i].bundle != SHOP_NONE, first = part && p[i].bundle_first == i;
        sink_u8(k, first ? 1 : part ? 2 : 0);
        if (first) {
            sink_target(k, p[i].bundle);
            sink_varint(k, (uint64_t)p[i].bundle_units);
        }
    }
}

static void save_bundles(const struct shop *s, struct sink *k)
{
    sink_varint(k, s->bundles_n);
    for (size_t i = 0; i < s->bundles_n; i++) {
        const struct bundle *b = &s->bundles[i];
        sink_target(k, b->target);
        sink_varint(k, b->parts_n);
        for (uint32_t j = 0; j < b->parts_n; j++) {
            sink_target(k, b->parts[j].target);
            sink_varint(k, (uint64_t)b->parts[j].units);
        }
    }
}

void shop_save(const struct shop *s, struct sink *k)
{
    save_purchases(s, k);
    save_lines(s, k);
    sink_varint(k, s->offers_n);
    for (size_t i = 0; i < s->offers_n; i++) {
        sink_varint(k, (uint64_t)s->offers[i].price_minor);
        sink_varint(k, (uint64_t)s->offers[i].units);
        sink_varint(k, s->offers[i].seller);
        sink_target(k, s->offers[i].target);
    }
    sink_varint(k, s->reservations_n);
    for (size_t i = 0; i < s->reservations_n; i++) {
        const struct reservation *r = &s->reservations[i];
        sink_varint(k, r->transfer);
        sink_varint(k, r->buyer);
        sink_target(k, r->target);
        sink_varint(k, (uint32_t)(r->offer + 1));
        sink_varint(k, (uint64_t)r->units);
        sink_varint(k, (uint64_t)r->price_minor);
    }
    sink_varint(k, s->coupons_n);
    for (size_t i = 0; i < s->coupons_n; i++) {
        const struct coupon *x = &s->coupons[i];
        sink_u64(k, x->key);
        sink_varint(k, x->off_ppm);
        sink_varint(k, (uint64_t)x->minus_minor);
        sink_varint(k, (uint64_t)x->until_ms);
        sink_varint(k, (uint64_t)(x->uses + 1));
        sink_varint(k, x->each);
        sink_target(k, x->target);
    }
    save_bundles(s, k);
    sink_varint(k, s->sinks_n);
    for (size_t i = 0; i < s->sinks_n; i++)
        sink_str(k, str_of(s->sinks[i].text));
    market_usage_save(&s->usage, k);
    market_meter_save(&s->meter, k);
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "shop", "the saved shop is damaged (%s)", what);
}

static bool could_have_been(const struct purchase *p)
{
    return p->units > 0 && p->refunded_units <= p->units && p->fee_minor <= p->price_minor &&
           p->buyer != p->seller_holder && p->state <= SHOP_RELEASED && p->free_ms >= p->time_ms &&
           p->auto_ms >= p->time_ms && !(p->state == SHOP_ESCROW && purchase_refunded(p));
}

/* Whether q, of the bundle that p begins, was bought with p. */
static bool together(const struct purchase *p, const struct purchase *q)
{
    return q->buyer == p->buyer && q->recipient == p->recipient && q->time_ms == p->time_ms &&
           q->currency == p->currency && q->seller_holder == p->seller_holder &&
           purchase_refunded(q) == purchase_refunded(p) && (q == p || q->coupon == SHOP_NONE) &&
           q->offer == SHOP_NONE && (q->refunded_units == 0 || purchase_refunded(q));
}

static enum heed_status load_wholes(struct shop *s, struct source *k, struct heed_error *err)
{
    for (size_t i = 0; i < s->purchases_n && !k->failed; i++) {
        struct purchase *p = &s->purchases[i], *first = p;
        uint8_t of = source_u8(k);
        p->bundle = SHOP_NONE;
        if (of == 0)
            continue;
        if (of == 1) {
            p->bundle = source_target(k);
            p->bundle_units = (int64_t)source_varint(k, INT64_MAX);
            p->bundle_first = (uint32_t)i;
        } else if (of == 2 && i > 0 && p[-1].bundle != SHOP_NONE) {
            first = &s->purchases[p[-1].bundle_first];
            p->bundle = first->bundle;
            p->bundle_units = first->bundle_units;
            p->bundle_first = p[-1].bundle_first;
        }
        if (of > 2 || p->bundle == SHOP_NONE || p->bundle_units <= 0 || !together(first, p) ||
            i - p->bundle_first >= 2 * BUNDLE_PARTS_MAX)
            return damaged(err, "a purchase that is no part of a bundle");
    }
    return k->failed ? damaged(err, "purchases") : HEED_OK;
}

static enum heed_status load_purchases(struct shop *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, LEDGER_NONE);
    int64_t previous = 0;
    for (; s->purchases_n < n && !k->failed; s->purchases_n++) {
        if (!array_grow(&s->purchases, &s->purchases_cap, s->purchases_n + 1, sizeof *s->purchases))
            return error_nomem(err);
        s->purchases[s->purchases_n] = (struct purchase){.time_ms = source_delta(k, &previous)};
    }
    struct purchase *p = s->purchases;
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].units = (int64_t)source_varint(k, INT64_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].refunded_units = (int64_t)source_varint(k, INT64_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].price_minor = (int64_t)source_varint(k, INT64_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].fee_minor = (int64_t)source_varint(k, INT64_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].buyer = (uint32_t)source_varint(k, TARGET_INDEX_MAX);
    for (size_t i = 0; i < n && !k->failed; i++) {
        uint32_t v = (uint32_t)source_varint(k, (uint64_t)TARGET_INDEX_MAX + 1);
        if (v > 0 && v - 1 == p[i].buyer) /* said in one way only */
            return damaged(err, "who got a purchase");
        p[i].recipient = v == 0 ? p[i].buyer : v - 1;
    }
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].target = source_target(k);
    for (size_t i = 0; i < n && !k->failed; i++) {
        uint32_t v = (uint32_t)source_varint(k, (uint64_t)TARGET_INDEX_MAX + 1);
        p[i].seller_holder = v == 0 ? HOLDER_SHOP : v - 1;
    }
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].offer = (uint32_t)source_varint(k, UINT32_MAX) - 1;
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].coupon = (uint32_t)source_varint(k, UINT32_MAX) - 1;
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].currency = (uint16_t)source_varint(k, UINT16_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].state = source_u8(k);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].lines = source_u8(k);
    for (size_t i = 0; i < n && !k->failed; i++) {
        bool escrow = p[i].state != SHOP_PAID;
        p[i].free_ms = p[i].time_ms + (escrow ? (int64_t)source_varint(k, INT64_MAX / 4) : 0);
        p[i].auto_ms = p[i].time_ms + (escrow ? (int64_t)source_varint(k, INT64_MAX / 4) : 0);
        uint8_t delivered = escrow ? source_u8(k) : 0;
        p[i].delivered = delivered == 1;
        if (delivered > 1 || !could_have_been(&p[i]))
            return damaged(err, "a purchase that could not have been made");
    }
    return k->failed ? damaged(err, "purchases") : load_wholes(s, k, err);
}

/* The lines of a purchase: its price and fee, and what was given back of each. */
static bool adds_up(const struct shop *s, const struct purchase *p)
{
    int64_t price = 0, proceeds = 0;
    for (uint32_t i = 0; i < p->lines; i++) {
        const struct shop_line *l = &s->lines[p->first_line + i];
        int64_t back;
        if (l->minor <= 0 ||
            !muldiv_i64(l->minor, p->refunded_units, p->units, ROUND_DOWN, &back) ||
            l->back_minor != back || __builtin_add_overflow(price, l->minor, &price))
            return false;
        proceeds += l->code == CODE_SALE ? l->minor : 0;
    }
    return price == p->price_minor && price - proceeds == p->fee_minor;
}

static enum heed_status load_lines(struct shop *s, struct source *k, struct heed_error *err)
{
    for (size_t i = 0; i < s->purchases_n; i++) {
        struct purchase *p = &s->purchases[i];
        if (!array_grow(&s->lines, &s->lines_cap, s->lines_n + p->lines, sizeof *s->lines) ||
            !array_grow(&s->escrows, &s->escrows_cap, s->escrows_n + 1, sizeof *s->escrows))
            return error_nomem(err);
        p->first_line = (uint32_t)s->lines_n;
        for (int j = 0; j < p->lines; j++) {
            struct shop_line *l = &s->lines[s->lines_n++];
            l->minor = (int64_t)source_varint(k, INT64_MAX);
            l->back_minor = (int64_t)source_varint(k, INT64_MAX);
            l->holder = source_holder(k);
            l->purpose = (uint16_t)source_varint(k, UINT16_MAX);
            l->code = (uint16_t)source_varint(k, CODE_COUNT - 1);
            l->rule = (uint32_t)source_varint(k, UINT32_MAX);
        }
        if (k->failed || !adds_up(s, p))
            return damaged(err, "who got what of a purchase");
        if (p->state == SHOP_ESCROW)
            escrow_push(s, (uint32_t)i);
    }
    return HEED_OK;
}

static enum heed_status load_offers(struct shop *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, SHOP_NONE);
    for (; s->offers_n < n && !k->failed; s->offers_n++) {
        if (!array_grow(&s->offers, &s->offers_cap, s->offers_n + 1, sizeof *s->offers))
            return error_nomem(err);
        struct offer *o = &s->offers[s->offers_n];
        o->price_minor = (int64_t)source_varint(k, INT64_MAX);
        o->units = (int64_t)source_varint(k, INT64_MAX);
        o->seller = (uint32_t)source_varint(k, TARGET_INDEX_MAX);
        o->target = source_target(k);
    }
    n = source_varint(k, SHOP_NONE);
    for (; s->reservations_n < n && !k->failed; s->reservations_n++) {
        if (!array_grow(&s->reservations, &s->reservations_cap, s->reservations_n + 1,
                        sizeof *s->reservations))
            return error_nomem(err);
        struct reservation *r = &s->reservations[s->reservations_n];
        r->transfer = (uint32_t)source_varint(k, UINT32_MAX);
        r->buyer = (uint32_t)source_varint(k, TARGET_INDEX_MAX);
        r->target = source_target(k);
        r->offer = (uint32_t)source_varint(k, UINT32_MAX) - 1;
        r->units = (int64_t)source_varint(k, INT64_MAX);
        r->price_minor = (int64_t)source_varint(k, INT64_MAX);
    }
    return k->failed ? damaged(err, "offers") : HEED_OK;
}

static enum heed_status load_coupons(struct shop *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, SHOP_NONE);
    for (; s->coupons_n < n && !k->failed; s->coupons_n++) {
        if (!array_grow(&s->coupons, &s->coupons_cap, s->coupons_n + 1, sizeof *s->coupons))
            return error_nomem(err);
        struct coupon *x = &s->coupons[s->coupons_n];
        *x = (struct coupon){.key = source_u64(k), .off_ppm = (uint32_t)source_varint(k, 1000000)};
        x->minus_minor = (int64_t)source_varint(k, INT64_MAX);
        x->until_ms = (int64_t)source_varint(k, INT64_MAX);
        x->uses = (int64_t)source_varint(k, INT64_MAX) - 1;
        x->each = (uint32_t)source_varint(k, UINT32_MAX);
        x->target = source_target(k);
        if (x->key == 0 || (x->off_ppm == 0 && x->minus_minor == 0) ||
            map_get(&s->coupon_of, x->key) != MAP_NONE)
            return damaged(err, "a coupon");
        if (!map_put(&s->coupon_of, x->key, (uint32_t)s->coupons_n))
            return error_nomem(err);
    }
    for (size_t i = 0; i < s->purchases_n && !k->failed; i++) {
        const struct purchase *p = &s->purchases[i];
        if (p->coupon == SHOP_NONE)
            continue;
        if (p->coupon >= s->coupons_n ||
            s->coupons[p->coupon].target != (p->bundle == SHOP_NONE ? p->target : p->bundle))
            return damaged(err, "a purchase by no coupon");
        if (!coupon_room(s))
            return error_nomem(err);
        coupon_count(s, p->coupon, p->buyer);
    }
    return k->failed ? damaged(err, "coupons") : HEED_OK;
}

static bool bundle_ok(const struct bundle *b)
{
    for (uint32_t j = 0; j < b->parts_n; j++) {
        if (b->parts[j].units <= 0 || b->parts[j].target == b->target)
            return false;
        for (uint32_t i = 0; i < j; i++)
            if (b->parts[i].target == b->parts[j].target)
                return false;
    }
    return true;
}

static enum heed_status load_bundles(struct shop *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, SHOP_NONE);
    for (; s->bundles_n < n && !k->failed; s->bundles_n++) {
        if (!array_grow(&s->bundles, &s->bundles_cap, s->bundles_n + 1, sizeof *s->bundles))
            return error_nomem(err);
        struct bundle *b = &s->bundles[s->bundles_n];
        *b = (struct bundle){.target = source_target(k)};
        b->parts_n = (uint32_t)source_varint(k, BUNDLE_PARTS_MAX);
        for (uint32_t j = 0; j < b->parts_n; j++) {
            b->parts[j].target = source_target(k);
            b->parts[j].units = (int64_t)source_varint(k, INT64_MAX);
        }
        if (k->failed || !bundle_ok(b) || map_get(&s->bundle_of, b->target) != MAP_NONE)
            return damaged(err, "a bundle");
        if (!map_put(&s->bundle_of, b->target, (uint32_t)s->bundles_n))
            return error_nomem(err);
    }
    return k->failed ? damaged(err, "bundles") : HEED_OK;
}

static enum heed_status load_sinks(struct shop *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, SINKS_MAX);
    for (; s->sinks_n < n; s->sinks_n++) {
        struct market_name *name = &s->sinks[s->sinks_n];
        uint32_t length = source_u32(k);
        if (k->failed || length < 1 || length > MARKET_NAME_MAX)
            return damaged(err, "the name of a sink");
        source_bytes(k, name->text, length);
        name->text[length] = 0;
        if (k->failed || !plain_name((struct str){name->text, length}, MARKET_NAME_MAX))
            return damaged(err, "the name of a sink");
        for (size_t i = 0; i < s->sinks_n; i++)
            if (strcmp(s->sinks[i].text, name->text) == 0)
                return damaged(err, "two sinks of one name");
    }
    return k->failed ? damaged(err, "sinks") : HEED_OK;
}

enum heed_status shop_load(struct shop *s, struct source *k, struct heed_error *err)
{
    shop_init(s);
    enum heed_status status = load_purchases(s, k, err);
    if (status == HEED_OK)
        status = load_lines(s, k, err);
    if (status == HEED_OK)
        status = load_offers(s, k, err);
    if (status == HEED_OK)
        status = load_coupons(s, k, err);
    if (status == HEED_OK)
        status = load_bundles(s, k, err);
    if (status == HEED_OK)
        status = load_sinks(s, k, err);
    if (status == HEED_OK)
        status = market_usage_load(&s->usage, k, err);
    if (status == HEED_OK)
        status = market_meter_load(&s->meter, k, err);
    if (status != HEED_OK) {
        shop_deinit(s);
        shop_init(s);
    }
    return status;
}

/* ── fitting ── */

static bool holder_ok(uint32_t holder, const struct catalogue *c)
{
    return holder < HOLDER_SYSTEM ? holder < c->parties_n : holder < HOLDER_SYSTEM_END;
}

static enum heed_status check_purchases(const struct shop *s, const struct catalogue *c,
                                        uint32_t currencies_n, struct heed_error *err)
{
    for (size_t i = 0; i < s->purchases_n; i++) {
        const struct purchase *p = &s->purchases[i];
        if (p->buyer >= c->parties_n || p->recipient >= c->parties_n ||
            catalogue_good(c, p->target) == NULL || !holder_ok(p->seller_holder, c) ||
            (p->offer != SHOP_NONE && (p->offer >= s->offers_n || p->coupon != SHOP_NONE)) ||
            (p->bundle != SHOP_NONE && catalogue_good(c, p->bundle) == NULL) ||
            p->currency >= currencies_n)
            return damaged(err, "a purchase by nobody or of nothing");
        for (uint32_t j = 0; j < p->lines; j++) {
            const struct shop_line *l = &s->lines[p->first_line + j];
            bool sink = l->purpose != 0;
            if (!holder_ok(l->holder, c) || l->holder == HOLDER_ISSUE || l->holder == p->buyer ||
                (sink && (l->holder != HOLDER_RETIRE || !shop_sink_name(s, l->purpose))) ||
                (l->code != CODE_SALE && l->code != CODE_FEE && l->code != CODE_ROYALTY))
                return damaged(err, "a line for nobody");
        }
    }
    return HEED_OK;
}

static enum heed_status check_offers(const struct shop *s, const struct catalogue *c,
                                     const struct ledger *l, struct heed_error *err)
{
    for (size_t i = 0; i < s->offers_n; i++)
        if (s->offers[i].seller >= c->parties_n || !catalogue_good(c, s->offers[i].target))
            return damaged(err, "an offer by nobody or of nothing");
    for (size_t i = 0; i < s->reservations_n; i++) {
        const struct reservation *r = &s->reservations[i];
        const struct transfer *t = r->transfer < l->transfers_n ? &l->transfers[r->transfer] : NULL;
        if (r->buyer >= c->parties_n || !catalogue_good(c, r->target) || !t || r->units <= 0 ||
            transfer_kind_of(t) != TRANSFER_PENDING || t->code != CODE_STOCK || t->reference != i ||
            t->amount_minor != r->units || (r->offer != SHOP_NONE && r->offer >= s->offers_n))
            return damaged(err, "a reservation by nobody or of nothing");
    }
    return HEED_OK;
}

static enum heed_status check_bundles(const struct shop *s, const struct catalogue *c,
                                      struct heed_error *err)
{
    for (size_t i = 0; i < s->bundles_n; i++) {
        const struct bundle *b = &s->bundles[i];
        const struct good *g = catalogue_good(c, b->target);
        if (!g || (b->parts_n > 0 && g->stock >= 0))
            return damaged(err, "a bundle of nothing or with a stock");
        for (uint32_t j = 0; j < b->parts_n; j++)
            if (!catalogue_good(c, b->parts[j].target) || shop_bundle_of(s, b->parts[j].target))
                return damaged(err, "a part that is no good or a bundle");
    }
    return HEED_OK;
}

static enum heed_status check_goods(const struct catalogue *c, const struct ledger *l,
                                    uint32_t currencies_n, struct heed_error *err)
{
    for (int service = 0; service < 2; service++) {
        const struct good *g = service ? c->services : c->goods;
        size_t n = service ? c->services_n : c->goods_n;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t target = target_make(service ? TARGET_SERVICE : TARGET_GOOD, i);
            if (g[i].currency >= currencies_n)
                return damaged(err, "a good in no currency");
            if (g[i].stock >= 0 && g[i].stock != offered(l, seller_of(&g[i]), target))
                return damaged(err, "a stock that is not what its account holds");
        }
    }
    return HEED_OK;
}

enum heed_status shop_check(const struct shop *s, const struct catalogue *c, const struct ledger *l,
                            uint32_t currencies_n, struct heed_error *err)
{
    for (size_t i = 0; i < l->accounts_n; i++) {
        const struct account *a = &l->accounts[i];
        bool known = a->unit < UNITS_OF_MONEY ? a->unit < currencies_n
                                              : catalogue_good(c, unit_item(a->unit)) != NULL;
        if (!holder_ok(a->holder, c) || !known)
            return damaged(err, "an account of nobody or in no currency");
    }
    enum heed_status status = check_goods(c, l, currencies_n, err);
    if (status == HEED_OK)
        status = check_purchases(s, c, currencies_n, err);
    if (status == HEED_OK)
        status = check_bundles(s, c, err);
    if (status == HEED_OK)
        status = check_offers(s, c, l, err);
    return status;
}
