/* Random trade against a naive market; money and goods are conserved. */
#include "circulation/shop.h"

#include "base/prng.h"
#include "support_books.h"
#include "support_market.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

enum { HOLDERS = PARTIES + 4, GOODS = 6, PURCHASES = 2000, IDS = 80 };

struct naive {
    wide held[HOLDERS];
    int64_t price[GOODS], stock[GOODS], sales[GOODS];
    bool listed[GOODS];
    size_t n;
    struct {
        int64_t time_ms, units, price, fee;
        uint32_t buyer, good;
        bool refunded;
    } purchases[PURCHASES];
    int of_id[IDS]; /* purchase + 1 */
};

static const uint32_t naive_seller[GOODS] = {BEN, PARTIES + 3, BEN, BEN, BEN, BEN};

static uint32_t naive_target(size_t good)
{
    return good < 5 ? GOOD((uint32_t)good) : TOUR;
}

static enum refusal naive_buy(struct naive *w, int64_t time_ms, size_t id, uint32_t buyer,
                              size_t good, int64_t units, size_t *number)
{
    if (id > 0 && w->of_id[id] > 0) {
        *number = (size_t)w->of_id[id] - 1;
        bool same = w->purchases[*number].buyer == buyer && w->purchases[*number].good == good &&
                    w->purchases[*number].units == units;
        return same ? REFUSED_NOT : REFUSED_id_reused;
    }
    wide price = (wide)w->price[good] * units;
    if (units <= 0)
        return REFUSED_not_positive;
    if (buyer == naive_seller[good])
        return REFUSED_same_account;
    if (!w->listed[good])
        return REFUSED_not_listed;
    if (w->stock[good] != -1 && w->stock[good] < units)
        return REFUSED_out_of_stock;
    if (price > w->held[buyer])
        return REFUSED_insufficient_funds;
    wide fee = price * 25 / 1000;
    w->held[buyer] -= price;
    w->held[naive_seller[good]] += price - fee;
    w->held[PARTIES + 1] += fee;
    w->stock[good] -= w->stock[good] == -1 ? 0 : units;
    w->sales[good] += units;
    *number = w->n;
    w->purchases[w->n].time_ms = time_ms;
    w->purchases[w->n].units = units;
    w->purchases[w->n].price = (int64_t)price;
    w->purchases[w->n].fee = (int64_t)fee;
    w->purchases[w->n].buyer = buyer;
    w->purchases[w->n].good = (uint32_t)good;
    w->n++;
    if (id > 0)
        w->of_id[id] = (int)w->n;
    return REFUSED_NOT;
}

static enum refusal naive_refund(struct naive *w, int64_t time_ms, size_t number)
{
    if (number >= w->n)
        return REFUSED_unknown_purchase;
    size_t good = w->purchases[number].good;
    int64_t proceeds = w->purchases[number].price - w->purchases[number].fee;
    if (w->purchases[number].refunded)
        return REFUSED_already_refunded;
    if (time_ms - w->purchases[number].time_ms > MARKET_RULES.refund_ms)
        return REFUSED_refund_closed;
    if (w->held[naive_seller[good]] < proceeds)
        return REFUSED_insufficient_funds;
    w->held[naive_seller[good]] -= proceeds;
    w->held[PARTIES] -= w->purchases[number].fee;
    w->held[w->purchases[number].buyer] += w->purchases[number].price;
    w->stock[good] += w->stock[good] == -1 ? 0 : w->purchases[number].units;
    w->sales[good] -= w->purchases[number].units;
    w->purchases[number].refunded = true;
    return REFUSED_NOT;
}

static void assert_agree(const struct market *m, const struct naive *w)
{
    for (uint32_t h = 0; h < HOLDERS; h++)
        assert_true(w->held[h] == market_held(m, h < PARTIES ? h : HOLDER_SYSTEM + (h - PARTIES)));
    for (size_t i = 0; i < GOODS; i++) {
        const struct good *g = catalogue_good(&m->catalogue, naive_target(i));
        assert_int_equal(g->stock, w->stock[i]);
        assert_int_equal(g->sales, w->sales[i]);
        assert_int_equal(g->price_minor, w->price[i]);
        assert_int_equal(g->listed, w->listed[i]);
        assert_true(g->stock >= -1);
    }
    assert_int_equal(m->shop.purchases_n, w->n);
}

/* Sold in the past and in purchases that stand is what the goods say; the fees of those are what
 * was retired and not issued again. */
static void assert_conserved(const struct market *m, int64_t issued)
{
    int64_t units[GOODS] = {7}, fees = 0;
    for (size_t i = 0; i < m->shop.purchases_n; i++) {
        const struct purchase *p = &m->shop.purchases[i];
        if (purchase_refunded(p))
            continue;
        units[target_kind(p->target) == TARGET_SERVICE ? 5 : target_index(p->target)] += p->units;
        fees += p->fee_minor;
    }
    for (size_t i = 0; i < GOODS; i++)
        assert_int_equal(catalogue_good(&m->catalogue, naive_target(i))->sales, units[i]);
    assert_int_equal(ledger_totals(&m->ledger, 0).supply_minor, issued - fees);
}

static void naive_open(struct naive *w, const struct market *m)
{
    *w = (struct naive){0};
    for (uint32_t h = 0; h < HOLDERS; h++)
        w->held[h] = market_held(m, h < PARTIES ? h : HOLDER_SYSTEM + (h - PARTIES));
    for (size_t i = 0; i < GOODS; i++) {
        const struct good *g = catalogue_good(&m->catalogue, naive_target(i));
        w->price[i] = g->price_minor;
        w->stock[i] = g->stock;
        w->sales[i] = g->sales;
        w->listed[i] = g->listed;
    }
}

struct step {
    enum refusal got, expected;
    bool unchanged; /* it is none that changes anything */
};

static struct step step_list(struct market *m, struct naive *w, struct prng *r)
{
    size_t good = (size_t)prng_below(r, GOODS);
    int64_t price = prng_below(r, 2) ? -1 : (int64_t)prng_below(r, 200);
    int64_t stock = (int64_t)prng_below(r, 30) - 2;
    bool listed = prng_below(r, 5) > 0;
    struct step s = {.expected = listed && price < 0 && w->price[good] < 0 ? REFUSED_not_listed
                                                                           : REFUSED_NOT};
    s.got = market_list(m, naive_target(good), price, stock, listed);
    if (s.expected == REFUSED_NOT) {
        w->price[good] = price < 0 ? w->price[good] : price;
        w->stock[good] = stock < -1 ? w->stock[good] : stock;
        w->listed[good] = listed;
    }
    return s;
}

static struct step step_buy(struct market *m, struct naive *w, struct prng *r, int64_t now)
{
    size_t id = prng_below(r, 2) ? (size_t)prng_below(r, IDS) : 0;
    size_t good = (size_t)prng_below(r, GOODS), expected_number = 0;
    uint32_t buyer = (uint32_t)prng_below(r, PARTIES);
    int64_t units = prng_below(r, 20) ? 1 + (int64_t)prng_below(r, 4) : (int64_t)prng_u64(r);
    bool again = id > 0 && w->of_id[id] > 0;
    if (again && prng_below(r, 3)) {
        buyer = w->purchases[w->of_id[id] - 1].buyer;
        good = w->purchases[w->of_id[id] - 1].good;
        units = w->purchases[w->of_id[id] - 1].units;
    }
    struct step s = {.unchanged = again};
    s.expected = naive_buy(w, now, id, buyer, good, units, &expected_number);
    struct shop_desk d = market_desk(m, now);
    struct shop_ask ask = market_ask(id, buyer, naive_target(good), units);
    struct shop_answer answer;
    ask.id_hi = id % 3;
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
    s.got = answer.refusal;
    assert_int_equal(answer.repeated, again && s.expected == REFUSED_NOT);
    if (s.got == REFUSED_NOT)
        assert_int_equal(answer.number, expected_number);
    return s;
}

static struct step step_refund(struct market *m, struct naive *w, struct prng *r, int64_t now)
{
    size_t number = (size_t)prng_below(r, w->n + 1);
    if (number + 8 < w->n && prng_below(r, 2))
        number = w->n - 1 - (size_t)prng_below(r, 8);
    struct step s = {.expected = naive_refund(w, now, number)};
    struct shop_desk d = market_desk(m, now);
    int64_t back;
    bool repeated;
    assert_int_equal(shop_refund(&d, (uint32_t)number, 0, 0, 0, &s.got, &back, &repeated), HEED_OK);
    return s;
}

/* Money on its way between people, so that sellers have spent it when a refund is asked for.     */
static struct step step_pay(struct market *m, struct naive *w, struct prng *r, int64_t *issued)
{
    uint32_t from = (uint32_t)prng_below(r, PARTIES + 1), to = (uint32_t)prng_below(r, PARTIES);
    int64_t amount = 1 + (int64_t)prng_below(r, 400);
    struct posting leg = {.from = from < PARTIES ? from : HOLDER_ISSUE,
                          .to = to,
                          .amount_minor = amount,
                          .code = CODE_TRANSFER,
                          .reference = LEDGER_NONE};
    struct step s = {.expected = from == to ? REFUSED_same_account
                                 : from < PARTIES && w->held[from] < amount
                                     ? REFUSED_insufficient_funds
                                     : REFUSED_NOT};
    assert_int_equal(ledger_post(&m->ledger, 0, 0, 0, &leg, 1, &s.got, NULL, NULL), HEED_OK);
    if (s.expected == REFUSED_NOT) {
        w->held[from] -= amount;
        w->held[to] += amount;
        *issued += from == PARTIES ? amount : 0;
    }
    return s;
}

static void run_against_naive(uint64_t seed, int steps, size_t *seen)
{
    struct prng r;
    struct market m;
    static struct naive w;
    prng_seed(&r, seed);
    market_open(&m);
    naive_open(&w, &m);
    int64_t issued = 1005, now = 0;
    struct strbuf before = saved_bytes(&MARKET_KIND, &m);
    for (int i = 0; i < steps; i++) {
        uint64_t pick = prng_below(&r, 20);
        now += (int64_t)prng_below(&r, 150);
        struct step s = pick < 3    ? step_list(&m, &w, &r)
                        : pick < 11 ? step_buy(&m, &w, &r, now)
                        : pick < 16 ? step_refund(&m, &w, &r, now)
                                    : step_pay(&m, &w, &r, &issued);
        struct strbuf after = saved_bytes(&MARKET_KIND, &m);
        if (s.got != s.expected ||
            ((s.got != REFUSED_NOT || s.unchanged) && !saved_equal(&before, &after))) {
            print_error("seed %llu step %d: expected %s, got %s\n", (unsigned long long)seed, i,
                        refusal_code(s.expected), refusal_code(s.got));
            fail();
        }
        assert_agree(&m, &w);
        assert_books(&m.ledger);
        assert_conserved(&m, issued);
        seen[s.got]++;
        strbuf_deinit(&before);
        before = after;
    }
    strbuf_deinit(&before);
    assert_round_trip(&MARKET_KIND, &m);
    market_deinit(&m);
}

static void random_trade_agrees_with_a_naive_market(void **state)
{
    (void)state;
    size_t seen[REFUSED_COUNT] = {0};
    for (uint64_t seed = 1; seed <= 30; seed++)
        run_against_naive(seed, 400, seen);
    static const enum refusal all[] = {REFUSED_NOT,
                                       REFUSED_id_reused,
                                       REFUSED_not_positive,
                                       REFUSED_same_account,
                                       REFUSED_not_listed,
                                       REFUSED_out_of_stock,
                                       REFUSED_already_refunded,
                                       REFUSED_refund_closed,
                                       REFUSED_insufficient_funds};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) /* of 12000 steps none of these starves */
        assert_true(seen[all[i]] >= 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_trade_agrees_with_a_naive_market),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
