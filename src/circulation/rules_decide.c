/* Whether a trade may be, and what is due of it. */
#include "base/error.h"
#include "circulation/rules_parts.h"
#include "circulation/rules_usage.h"

/* All but the lines, of which there are none then.                                              */
static void clear(struct market_decision *d)
{
    memset(d, 0, offsetof(struct market_decision, lines));
}

static enum refusal refuse(struct market_decision *d, enum refusal why, const char *rule,
                           uint32_t line)
{
    clear(d);
    d->refused = why;
    d->rule = rule;
    d->line = line;
    return why;
}

static bool trades(enum market_kind kind)
{
    return kind != MARKET_LISTING && kind != MARKET_RELIST;
}

/* ── whether it may be ── */

static enum refusal access_refused(const struct market_seen *x, struct market_decision *d)
{
    for (uint32_t i = 0; i < x->r->access_n; i++) {
        const struct market_access *a = &x->r->access[i];
        if (!market_applies(x, &a->scope))
            continue;
        bool buyer = !trades(x->t->kind) || market_is(x, &x->t->buyer, &a->buyer);
        if (a->forbidden || !buyer || !market_is(x, &x->t->seller, &a->seller))
            return refuse(d, REFUSED_not_tradable, a->name.text, a->line);
    }
    return REFUSED_NOT;
}

enum bound { BOUND_FLOOR, BOUND_CEILING, BOUND_BAND };

static bool out_of(const struct market_price *p, const struct market_trade *t, enum bound bound)
{
    int64_t away, reach;
    switch (bound) {
    case BOUND_FLOOR:
        return p->floor_minor >= 0 && t->unit_minor < p->floor_minor;
    case BOUND_CEILING:
        return p->ceiling_minor >= 0 && t->unit_minor > p->ceiling_minor;
    default:
        if (p->within_ppm < 0 || t->reference_minor <= 0)
            return false;
        away = t->unit_minor > t->reference_minor ? t->unit_minor - t->reference_minor
                                                  : t->reference_minor - t->unit_minor;
        return muldiv_i64(t->reference_minor, p->within_ppm, MARKET_PPM, ROUND_DOWN, &reach) &&
               away > reach; /* what does not fit reaches everywhere */
    }
}

static enum refusal price_refused(const struct market_seen *x, struct market_decision *d)
{
    static const enum refusal why[] = {REFUSED_price_floor, REFUSED_price_ceiling,
                                       REFUSED_price_distance};
    for (int bound = BOUND_FLOOR; bound <= BOUND_BAND; bound++)
        for (uint32_t i = 0; i < x->r->prices_n; i++) {
            const struct market_price *p = &x->r->prices[i];
            if (market_applies(x, &p->scope) && out_of(p, x->t, (enum bound)bound))
                return refuse(d, why[bound], p->name.text, p->line);
        }
    return REFUSED_NOT;
}

/* Units of what is done together with the trade that a limit counts with it; at most INT64_MAX.  */
static int64_t together(const struct market_seen *x, const struct market_limit *l)
{
    int64_t units = 0;
    for (uint32_t i = 0; i < x->t->earlier_n; i++) {
        const struct market_trade *t = &x->t->earlier[i];
        struct market_seen other = market_see(x->r, t);
        if (market_applies(&other, &l->scope) && (!l->per_item || t->item == x->t->item) &&
            __builtin_add_overflow(units, t->quantity, &units))
            return INT64_MAX;
    }
    return units;
}

static enum refusal limit_refused(const struct market_seen *x, const struct market_usage *u,
                                  struct market_decision *d)
{
    const struct market_trade *t = x->t;
    for (uint32_t i = 0; i < x->r->limits_n; i++) {
        const struct market_limit *l = &x->r->limits[i];
        uint32_t party = l->of_seller ? t->seller.party : t->buyer.party;
        if (!market_applies(x, &l->scope))
            continue;
        int64_t before = u ? market_usage_units(u, l, party, t->item, t->time_ms) : 0;
        if (__builtin_add_overflow(before, together(x, l), &before))
            before = INT64_MAX;
        if (before > l->units || t->quantity > l->units - before)
            return refuse(d, REFUSED_trade_limit, l->name.text, l->line);
    }
    return REFUSED_NOT;
}

/* ── what is due ── */

/* Moves minor from one end to the other: what the two sides have of it. false: overflow.        */
static bool moved(struct market_decision *d, struct market_end from, struct market_end to,
                  int64_t minor)
{
    bool ok = true;
    if (from.kind == MARKET_SELLER)
        ok = !__builtin_sub_overflow(d->seller_minor, minor, &d->seller_minor);
    else if (from.kind == MARKET_BUYER)
        ok = !__builtin_add_overflow(d->buyer_minor, minor, &d->buyer_minor);
    if (ok && to.kind == MARKET_SELLER)
        ok = !__builtin_add_overflow(d->seller_minor, minor, &d->seller_minor);
    else if (ok && to.kind == MARKET_BUYER)
        ok = !__builtin_sub_overflow(d->buyer_minor, minor, &d->buyer_minor);
    return ok;
}

static bool put_line(struct market_decision *d, const char *rule, uint32_t line,
                     struct market_end from, struct market_end to, int64_t minor)
{
    if (minor == 0)
        return true;
    heed_assert(d->lines_n < MARKET_RULES_MAX + 1);
    d->lines[d->lines_n++] = (struct market_line){rule, line, from, to, minor};
    return moved(d, from, to, minor);
}

/* All charges at a unit price; false: overflow. *d holds the sides and lines.                   */
static bool charge_all(const struct market_seen *x, int64_t unit_minor, struct market_decision *d)
{
    const struct market_rules *r = x->r;
    const struct market_base_fee *b = &r->base_fee;
    int64_t taken[MARKET_RULES_MAX], gross, fee;
    clear(d);
    if (__builtin_mul_overflow(unit_minor, x->t->quantity, &gross))
        return false;
    d->gross_minor = gross;
    d->buyer_minor = d->seller_minor = trades(x->t->kind) ? gross : 0;
    for (uint32_t i = 0; i < r->charges_n; i++) {
        const struct market_charge *c = &r->charges[i];
        struct market_end from, to;
        taken[i] = 0;
        if (!market_charged(x, c, &from, &to))
            continue;
        if (!market_amount(x, c, unit_minor, x->t->quantity,
                           c->counting < 0 ? 0 : taken[c->counting], &taken[i]) ||
            !put_line(d, c->name.text, c->line, from, to, taken[i]))
            return false;
    }
    if (!b->set || !market_applies(x, &b->scope))
        return true;
    return !__builtin_mul_overflow(x->t->base_fee_minor, x->t->quantity, &fee) &&
           put_line(d, b->name.text, b->line, b->from, b->to, fee);
}

/* What the seller asks so that the buyer pays no more than the price with all that is put on him:
 * the largest such price. What is left over goes with the first line of the buyer's, as on Steam.
 * Charges on the buyer never fall as the price rises (market_rules_read sees to it), so halving
 * finds it. Where even 1 is too much, *d is what 1 would cost. false: overflow.                 */
static bool charge_paid(const struct market_seen *x, struct market_decision *d)
{
    int64_t low = 1, high = x->t->unit_minor, paid;
    if (__builtin_mul_overflow(x->t->unit_minor, x->t->quantity, &paid))
        return false;
    while (low < high) { /* nothing above high fits; low does, unless it is 1 */
        int64_t middle = low + (high - low) / 2 + (high - low) % 2;
        if (charge_all(x, middle, d) && d->buyer_minor <= paid)
            low = middle;
        else
            high = middle - 1;
    }
    if (!charge_all(x, low, d))
        return false;
    int64_t left = paid - d->buyer_minor;
    if (left < 0) { /* said as what the seller would lack */
        d->seller_minor = left;
        return true;
    }
    for (uint32_t i = 0; i < d->lines_n; i++)
        if (d->lines[i].from.kind == MARKET_BUYER) {
            d->lines[i].minor += left;
            return moved(d, d->lines[i].from, d->lines[i].to, left);
        }
    d->gross_minor += left; /* nothing is put on the buyer */
    d->buyer_minor += left;
    d->seller_minor += left;
    return true;
}

/* By the rule after whose line the buyer or the seller is below nothing; with `paid`, by the first
 * on the buyer when that is more than he pays.                                                   */
static enum refusal above_refused(struct market_decision *d)
{
    if (d->seller_minor >= 0 && d->buyer_minor >= 0)
        return REFUSED_NOT;
    struct market_decision walk;
    clear(&walk);
    walk.buyer_minor = walk.seller_minor = d->gross_minor;
    const struct market_line *by = NULL;
    for (uint32_t i = 0; i < d->lines_n; i++) {
        const struct market_line *l = &d->lines[i];
        (void)moved(&walk, l->from, l->to, l->minor);
        if (walk.seller_minor < 0 || walk.buyer_minor < 0) {
            by = l;
            break;
        }
    }
    for (uint32_t i = 0; i < d->lines_n && !by; i++)
        if (d->lines[i].from.kind == MARKET_BUYER)
            by = &d->lines[i];
    return by ? refuse(d, REFUSED_fee_above_trade, by->rule, by->line)
              : refuse(d, REFUSED_fee_above_trade, NULL, 0);
}

static void hold_all(const struct market_seen *x, struct market_decision *d)
{
    for (uint32_t i = 0; i < x->r->holds_n; i++) {
        const struct market_hold *h = &x->r->holds[i];
        bool free = (h->unless_seller.set && market_is(x, &x->t->seller, &h->unless_seller)) ||
                    (h->unless_buyer.set && market_is(x, &x->t->buyer, &h->unless_buyer));
        if (market_applies(x, &h->scope) && !free && h->span_ms > d->held_ms[h->what]) {
            d->held_ms[h->what] = h->span_ms;
            d->held_by[h->what] = h->name.text;
        }
    }
}

void market_decide(const struct market_rules *r, const struct market_usage *u,
                   const struct market_trade *t, struct market_decision *out)
{
    heed_assert(t->kind >= 0 && t->kind < MARKET_KINDS);
    const struct market_seen x = market_see(r, t);
    if (t->unit_minor <= 0 || t->quantity <= 0 || t->previous_minor < 0 || t->base_fee_minor < 0) {
        refuse(out, REFUSED_not_positive, NULL, 0);
        return;
    }
    if (access_refused(&x, out) || price_refused(&x, out) || limit_refused(&x, u, out))
        return;
    if (!((r->paid || t->paid) && trades(t->kind) ? charge_paid(&x, out)
                                                  : charge_all(&x, t->unit_minor, out)))
        refuse(out, REFUSED_overflow, NULL, 0);
    else if (!trades(t->kind) || !above_refused(out))
        hold_all(&x, out);
}

enum refusal market_decide_side(const struct market_rules *r, const struct market_trade *t,
                                bool sells, const char **rule)
{
    const struct market_seen x = market_see(r, t);
    struct market_decision d;
    enum refusal refusal = REFUSED_NOT;
    clear(&d);
    for (uint32_t i = 0; i < r->access_n && refusal == REFUSED_NOT; i++) {
        const struct market_access *a = &r->access[i];
        if (market_applies(&x, &a->scope) &&
            (a->forbidden || !(sells ? market_is(&x, &t->seller, &a->seller)
                                     : market_is(&x, &t->buyer, &a->buyer))))
            refusal = refuse(&d, REFUSED_not_tradable, a->name.text, a->line);
    }
    if (refusal == REFUSED_NOT && t->unit_minor > 0)
        refusal = price_refused(&x, &d);
    *rule = d.rule;
    return refusal;
}
