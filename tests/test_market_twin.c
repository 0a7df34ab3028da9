/* Market rules under random input, beside a twin that knows no clever arithmetic: numbers of 320
 * bits, added, multiplied and divided as on paper. What a rule says goes from the twin's own model
 * through YAML to the library. */
#include "base/prng.h"
#include "circulation/rules_pool.h"
#include "support_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEED = 20261201, CASES = 12000, LIMBS = 10, CHARGES = 6, BANDS = 4 };

/* ── numbers as on paper ── */

struct big {
    uint32_t d[LIMBS];
};

static struct big big(uint64_t x)
{
    return (struct big){{(uint32_t)x, (uint32_t)(x >> 32)}};
}

static struct big sum(struct big a, struct big b)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)a.d[i] + b.d[i];
        a.d[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_true(carry == 0);
    return a;
}

static int order(struct big a, struct big b)
{
    for (int i = LIMBS - 1; i >= 0; i--)
        if (a.d[i] != b.d[i])
            return a.d[i] < b.d[i] ? -1 : 1;
    return 0;
}

static struct big less(struct big a, struct big b)
{
    int64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        int64_t x = (int64_t)a.d[i] - b.d[i] + borrow;
        a.d[i] = (uint32_t)x;
        borrow = x < 0 ? -1 : 0;
    }
    assert_true(borrow == 0);
    return a;
}

static struct big times(struct big a, struct big b)
{
    struct big r = {{0}};
    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        for (int j = 0; i + j < LIMBS; j++) {
            carry += (uint64_t)a.d[i] * b.d[j] + r.d[i + j];
            r.d[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return r;
}

/* Bit by bit.                                                                                   */
static struct big over(struct big a, struct big b, struct big *rest)
{
    struct big q = {{0}}, r = {{0}};
    for (int bit = LIMBS * 32 - 1; bit >= 0; bit--) {
        r = sum(r, r);
        r.d[0] |= a.d[bit / 32] >> (bit % 32) & 1;
        if (order(r, b) >= 0) {
            r = less(r, b);
            q.d[bit / 32] |= UINT32_C(1) << (bit % 32);
        }
    }
    *rest = r;
    return q;
}

static bool fits(struct big a, int64_t *out)
{
    *out = (int64_t)((uint64_t)a.d[1] << 32 | a.d[0]);
    return order(a, big(INT64_MAX)) <= 0;
}

/* ── the twin's rules ── */

struct twin_charge {
    uint32_t kinds, classes; /* bits; classes 0: all; of a, b, c */
    const char *from, *to;
    bool item, increase;
    int rounding, bands_kind; /* 0 none, 1 whole, 2 slices */
    int64_t rate, share, flat, below, min, max;
    int counting, bands_n;
    struct {
        int64_t from, to, flat, rate;
    } band[BANDS];
};

struct twin {
    int n;
    struct twin_charge c[CHARGES];
};

static const char *const kinds[] = {"shop", "resale", "exchange", "auction", "listing", "relist"};
static const char *const ways[] = {"down", "up", "half_even"};

/* Any magnitude alike.                                                                          */
static int64_t amount(struct prng *p, int bits)
{
    return (int64_t)(prng_u64(p) >> 1 >> (63 - (int)prng_below(p, (uint64_t)bits + 1)));
}

static void draw(struct prng *p, struct twin *t)
{
    static const char *const froms[] = {"seller", "buyer", "maker", "taker", "fund"},
                             *const tos[] = {"sink",  "seller", "buyer",
                                             "maker", "taker",  "creator"};
    *t = (struct twin){.n = 1 + (int)prng_below(p, CHARGES)};
    for (int i = 0; i < t->n; i++) {
        struct twin_charge *c = &t->c[i];
        bool large = prng_below(p, 8) == 0;
        *c = (struct twin_charge){.kinds = 1 + (uint32_t)prng_below(p, 63),
                                  .classes = (uint32_t)prng_below(p, 8),
                                  .item = prng_below(p, 2),
                                  .increase = prng_below(p, 4) == 0,
                                  .rounding = (int)prng_below(p, 3),
                                  .rate = (int64_t)prng_below(p, large ? 1000001 : 200001),
                                  .share =
                                      prng_below(p, 2) ? 1000000 : (int64_t)prng_below(p, 1000001),
                                  .flat = prng_below(p, 3) ? 0 : amount(p, large ? 62 : 10),
                                  .below = prng_below(p, 4) ? 0 : amount(p, 20),
                                  .min = prng_below(p, 3) ? 0 : amount(p, 8),
                                  .max = -1,
                                  .counting = -1,
                                  .bands_kind = (int)prng_below(p, 3)};
        do {
            c->from = froms[prng_below(p, 5)];
            c->to = tos[prng_below(p, 6)];
        } while (strcmp(c->from, c->to) == 0);
        if (prng_below(p, 3) == 0)
            c->max = c->min + amount(p, 30);
        if (i > 0 && prng_below(p, 3) == 0) {
            c->counting = (int)prng_below(p, (uint64_t)i);
            c->item = t->c[c->counting].item;
        }
        c->bands_n = c->bands_kind ? 1 + (int)prng_below(p, BANDS) : 0;
        for (int j = 0; j < c->bands_n; j++) {
            c->band[j].from = amount(p, 40);
            c->band[j].to = prng_below(p, 2) ? -1 : c->band[j].from + 1 + amount(p, 40);
            c->band[j].flat = prng_below(p, 2) ? 0 : amount(p, 10);
            c->band[j].rate = (int64_t)prng_below(p, 300000);
        }
    }
}

static void write_rules(const struct twin *t, struct strbuf *out)
{
    strbuf_puts(out, "market:\n  currency: coin\n  charges:\n");
    for (int i = 0; i < t->n; i++) {
        const struct twin_charge *c = &t->c[i];
        strbuf_printf(out, "    - {name: c%d, from: %s, to: %s, per: %s, of: %s, rounding: %s", i,
                      c->from, c->to, c->item ? "item" : "trade",
                      c->increase ? "increase" : "price", ways[c->rounding]);
        strbuf_puts(out, ", on: [");
        for (int k = 0; k < 6; k++)
            if (c->kinds >> k & 1)
                strbuf_printf(out, "%s, ", kinds[k]);
        strbuf_puts(out, "]");
        if (c->classes) {
            strbuf_puts(out, ", class: [");
            for (int k = 0; k < 3; k++)
                if (c->classes >> k & 1)
                    strbuf_printf(out, "%c, ", "abc"[k]);
            strbuf_puts(out, "]");
        }
        strbuf_printf(out, ", rate: %lld.%06lld, share: %lld.%06lld",
                      (long long)(c->rate / 1000000), (long long)(c->rate % 1000000),
                      (long long)(c->share / 1000000), (long long)(c->share % 1000000));
        strbuf_printf(out, ", flat: %lld, below: %lld, min: %lld", (long long)c->flat,
                      (long long)c->below, (long long)c->min);
        if (c->max >= 0)
            strbuf_printf(out, ", max: %lld", (long long)c->max);
        if (c->counting >= 0)
            strbuf_printf(out, ", counting: c%d", c->counting);
        if (c->bands_n)
            strbuf_printf(out, ", %s: [", c->bands_kind == 1 ? "bands" : "slices");
        for (int j = 0; j < c->bands_n; j++) {
            strbuf_printf(out, "{from: %lld, flat: %lld, rate: 0.%06lld",
                          (long long)c->band[j].from, (long long)c->band[j].flat,
                          (long long)c->band[j].rate);
            if (c->band[j].to >= 0)
                strbuf_printf(out, ", to: %lld", (long long)c->band[j].to);
            strbuf_puts(out, "}, ");
        }
        strbuf_puts(out, c->bands_n ? "]}\n" : "}\n");
    }
}

/* ── what the twin makes of a trade ── */

struct outcome {
    enum refusal refused;
    int by; /* the charge, of fee_above_trade */
    int64_t taken[CHARGES];
    int64_t gross, buyer, seller;
};

static const char *side(const struct market_trade *t, const char *end)
{
    if (strcmp(end, "maker") == 0)
        return t->seller_is_maker ? "seller" : "buyer";
    if (strcmp(end, "taker") == 0)
        return t->seller_is_maker ? "buyer" : "seller";
    return end;
}

static uint32_t person(const struct market_trade *t, const char *end)
{
    return strcmp(end, "seller") == 0    ? t->seller.party
           : strcmp(end, "buyer") == 0   ? t->buyer.party
           : strcmp(end, "creator") == 0 ? t->creator
                                         : MARKET_NOBODY;
}

static bool applies(const struct twin_charge *c, const struct market_trade *t)
{
    const char *at = t->class.n ? strchr("abc", t->class.p[0]) : NULL;
    const char *from = side(t, c->from), *to = side(t, c->to);
    if (!(c->kinds >> t->kind & 1) || (c->classes && (!at || !(c->classes >> (at - "abc") & 1))))
        return false;
    if (strcmp(to, "creator") == 0 && t->creator == MARKET_NOBODY)
        return false;
    return strcmp(from, to) != 0 &&
           (person(t, from) == MARKET_NOBODY || person(t, from) != person(t, to));
}

static struct big part(struct big base, int64_t rate, int64_t share)
{
    return times(times(base, big((uint64_t)rate)), big((uint64_t)share));
}

static bool charge(const struct twin_charge *c, const struct market_trade *t, int64_t counted,
                   int64_t *taken)
{
    struct big unit = big((uint64_t)t->unit_minor), q = big((uint64_t)t->quantity);
    struct big one = c->item ? big(1) : q, many = c->item ? q : big(1), rest;
    struct big base = times(unit, one);
    *taken = 0;
    if (c->increase) {
        struct big before = times(big((uint64_t)t->previous_minor), one);
        if (order(base, before) <= 0)
            return true;
        base = less(base, before);
    }
    if (order(base, big((uint64_t)c->below)) < 0)
        return true;
    struct big flat = big((uint64_t)c->flat), n = part(base, c->rate, c->share);
    for (int j = 0; j < c->bands_n; j++) {
        struct big from = big((uint64_t)c->band[j].from), to = big((uint64_t)c->band[j].to);
        bool open = c->band[j].to < 0;
        if (c->bands_kind == 1 && order(base, from) >= 0 && (open || order(base, to) < 0)) {
            flat = sum(flat, big((uint64_t)c->band[j].flat));
            n = sum(n, part(base, c->band[j].rate, c->share));
            break;
        }
        if (c->bands_kind == 2 && order(base, from) > 0) {
            struct big end = open || order(base, to) < 0 ? base : to;
            flat = sum(flat, big((uint64_t)c->band[j].flat));
            n = sum(n, part(less(end, from), c->band[j].rate, c->share));
        }
    }
    struct big d = big(UINT64_C(1000000000000)), x = over(n, d, &rest), two = sum(rest, rest);
    bool odd = x.d[0] & 1;
    if ((c->rounding == 1 && order(rest, big(0)) > 0) ||
        (c->rounding == 2 && (order(two, d) > 0 || (order(two, d) == 0 && odd))))
        x = sum(x, big(1));
    x = sum(x, flat);
    struct big already = over(big((uint64_t)counted), many, &rest);
    struct big min = big((uint64_t)c->min), max = big((uint64_t)c->max);
    if (order(sum(x, already), min) < 0)
        x = less(min, already);
    if (c->max >= 0 && order(sum(x, already), max) > 0)
        x = order(already, max) > 0 ? big(0) : less(max, already);
    return fits(times(x, many), taken);
}

static bool add(int64_t *at, int64_t x)
{
    __extension__ typedef __int128 i128;
    i128 wide = (i128)*at + x;
    *at = (int64_t)wide;
    return wide >= INT64_MIN && wide <= INT64_MAX;
}

static struct outcome decide(const struct twin *w, const struct market_trade *t)
{
    struct outcome o = {.by = -1};
    bool trade = t->kind < MARKET_LISTING, ok = true;
    ok = fits(times(big((uint64_t)t->unit_minor), big((uint64_t)t->quantity)), &o.gross);
    o.buyer = o.seller = trade ? o.gross : 0;
    for (int i = 0; ok && i < w->n; i++) {
        const struct twin_charge *c = &w->c[i];
        if (!applies(c, t))
            continue;
        ok = charge(c, t, c->counting < 0 ? 0 : o.taken[c->counting], &o.taken[i]);
        const char *from = side(t, c->from), *to = side(t, c->to);
        if (ok && strcmp(from, "seller") == 0)
            ok = add(&o.seller, -o.taken[i]);
        if (ok && strcmp(from, "buyer") == 0)
            ok = add(&o.buyer, o.taken[i]);
        if (ok && strcmp(to, "seller") == 0)
            ok = add(&o.seller, o.taken[i]);
        if (ok && strcmp(to, "buyer") == 0)
            ok = add(&o.buyer, -o.taken[i]);
        if (ok && trade && o.by < 0 && (o.seller < 0 || o.buyer < 0))
            o.by = i;
    }
    if (!ok)
        o.refused = REFUSED_overflow;
    else if (trade && (o.seller < 0 || o.buyer < 0))
        o.refused = REFUSED_fee_above_trade;
    return o;
}

/* ── both ── */

static int rule_number(const char *name)
{
    return name[0] == 'c' && !name[2] ? name[1] - '0' : -1; /* of at most ten */
}

static struct market_trade draw_trade(struct prng *p)
{
    static const char *const classes[] = {"a", "b", "c", "z", ""};
    static const uint32_t creators[] = {MARKET_NOBODY, RULES_ANN, RULES_BEN, RULES_CAT};
    int bits = (int)prng_below(p, 63);
    struct market_trade t = rules_trade((enum market_kind)prng_below(p, 6),
                                        classes[prng_below(p, 5)], amount(p, 62), 1);
    t.unit_minor = prng_below(p, 50) ? amount(p, bits) + 1 : INT64_MAX;
    t.quantity = prng_below(p, 3) ? 1 + amount(p, prng_below(p, 10) ? 62 - bits : 62) : 1;
    t.previous_minor = prng_below(p, 2) ? amount(p, bits) : amount(p, 62);
    t.creator = creators[prng_below(p, 4)];
    t.seller_is_maker = prng_below(p, 2);
    return t;
}

static void compare(const struct twin *w, const struct market_rules *r,
                    const struct market_trade *t, int round, const char *yaml)
{
    struct outcome o = decide(w, t);
    struct market_decision d;
    market_decide(r, NULL, t, &d);
    bool same = d.refused == o.refused;
    if (o.refused == REFUSED_fee_above_trade)
        same = same && d.rule && rule_number(d.rule) == o.by;
    if (same && !o.refused) {
        uint32_t at = 0;
        same = d.gross_minor == o.gross && d.buyer_minor == o.buyer && d.seller_minor == o.seller;
        for (int i = 0; same && i < w->n; i++)
            if (o.taken[i] > 0)
                same = at < d.lines_n && rule_number(d.lines[at].rule) == i &&
                       d.lines[at++].minor == o.taken[i];
        same = same && at == d.lines_n;
        rules_assert_conserved(t, &d);
    }
    if (!same)
        fail_msg("seed %d, case %d\n%s\non %s class '%.*s' price %lld x %lld before %lld maker %d "
                 "creator %u\n"
                 "twin: %s c%d gross %lld buyer %lld seller %lld\nheed: %s %s gross %lld buyer "
                 "%lld seller %lld",
                 SEED, round, yaml, kinds[t->kind], STR_ARG(t->class), (long long)t->unit_minor,
                 (long long)t->quantity, (long long)t->previous_minor, t->seller_is_maker,
                 t->creator, refusal_code(o.refused), o.by, (long long)o.gross, (long long)o.buyer,
                 (long long)o.seller, refusal_code(d.refused), d.rule ? d.rule : "-",
                 (long long)d.gross_minor, (long long)d.buyer_minor, (long long)d.seller_minor);
}

static void charges_are_as_on_paper(void **state)
{
    (void)state;
    struct market_rules *r = malloc(sizeof *r);
    struct prng p;
    struct strbuf text;
    size_t met[3] = {0};
    prng_seed(&p, SEED);
    strbuf_init(&text, 1 << 16);
    for (int i = 0; i < CASES; i++) {
        struct twin w;
        struct heed_error err = {0};
        draw(&p, &w);
        strbuf_clear(&text);
        write_rules(&w, &text);
        if (market_rules_parse((struct str){text.p, text.n}, "twin", rules_currencies_known, 3, r,
                               &err) != HEED_OK)
            fail_msg("seed %d, case %d\n%s\n%s: %s", SEED, i, text.p, err.where, err.message);
        for (int k = 0; k < 5; k++) {
            struct market_trade t = draw_trade(&p);
            compare(&w, r, &t, i, text.p);
            struct outcome o = decide(&w, &t);
            met[o.refused == REFUSED_NOT ? 0 : o.refused == REFUSED_overflow ? 1 : 2]++;
        }
    }
    for (int i = 0; i < 3; i++) /* each way it may end is met often */
        if (met[i] < CASES / 20)
            fail_msg("outcome %d only %zu times", i, met[i]);
    strbuf_deinit(&text);
    free(r);
}

/* ── pools of any size ── */

static struct big big128(market_amount_t x)
{
    return (struct big){
        {(uint32_t)x, (uint32_t)(x >> 32), (uint32_t)(x >> 64), (uint32_t)(x >> 96)}};
}

static void pools_are_as_on_paper(void **state)
{
    (void)state;
    struct prng p;
    prng_seed(&p, SEED);
    for (int i = 0; i < 3000; i++) {
        market_amount_t v[3], out, in;
        for (int k = 0; k < 3; k++) {
            v[k] = (market_amount_t)prng_u64(&p) << 64 | prng_u64(&p);
            v[k] = (v[k] >> (17 + prng_below(&p, 100))) + 1;
        }
        int32_t fee = prng_below(&p, 2) ? 3000 : (int32_t)prng_below(&p, 1000000);
        if (!market_pool_out(v[0], v[1], v[2], fee, &out)) {
            assert_true(v[0] + v[1] > MARKET_RESERVE_MAX >> (fee == 3000 ? 0U : 4U));
            continue;
        }
        struct big rest, kept = times(big128(v[0]), big((uint64_t)(1000000 - fee)));
        struct big whole = sum(times(big128(v[1]), big(1000000)), kept);
        struct big expected = over(times(kept, big128(v[2])), whole, &rest);
        if (order(expected, big128(out)) != 0)
            fail_msg("seed %d, case %d", SEED, i);
        if (out == 0 || !market_pool_in(out, v[1], v[2], fee, &in))
            continue;
        struct big d = times(big128(v[2] - out), big((uint64_t)(1000000 - fee)));
        expected =
            sum(over(times(times(big128(v[1]), big128(out)), big(1000000)), d, &rest), big(1));
        if (order(expected, big128(in)) != 0)
            fail_msg("seed %d, case %d: in", SEED, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charges_are_as_on_paper),
        cmocka_unit_test(pools_are_as_on_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
