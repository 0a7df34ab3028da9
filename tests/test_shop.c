/* The shop: money, stock and purchases move together or not at all. */
#include "circulation/shop.h"

#include "base/prng.h"
#include "support_books.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

/* A market: all that a purchase touches.                                                        */
struct market {
    struct catalogue catalogue;
    struct ledger ledger;
    struct shop shop;
};

static void market_init(struct market *m)
{
    catalogue_init(&m->catalogue);
    ledger_init(&m->ledger);
    shop_init(&m->shop);
}

static void market_deinit(void *x)
{
    struct market *m = x;
    catalogue_deinit(&m->catalogue);
    ledger_deinit(&m->ledger);
    shop_deinit(&m->shop);
}

static void market_save(const void *x, struct sink *s)
{
    const struct market *m = x;
    catalogue_save(&m->catalogue, s);
    ledger_save(&m->ledger, s);
    shop_save(&m->shop, s);
}

static enum heed_status market_load(void *x, struct source *s, struct heed_error *err)
{
    struct market *m = x;
    market_init(m);
    enum heed_status status = catalogue_load(&m->catalogue, s, err);
    if (status == HEED_OK)
        status = ledger_load(&m->ledger, s, err);
    if (status == HEED_OK)
        status = shop_load(&m->shop, s, err);
    if (status == HEED_OK)
        status = shop_check(&m->shop, &m->catalogue, &m->ledger, 2, err);
    return status;
}

static void market_check(const void *x)
{
    const struct market *m = x;
    assert_books(&m->ledger);
    for (uint32_t i = 0; i < m->shop.purchases_n; i++) {
        const struct purchase *p = &m->shop.purchases[i];
        assert_non_null(catalogue_good(&m->catalogue, p->target));
        assert_true(p->units > 0 && p->fee_minor >= 0 && p->fee_minor <= p->price_minor);
        assert_true(p->buyer < m->catalogue.parties_n && p->buyer != p->seller_holder);
    }
}

static const struct saved_kind MARKET = {sizeof(struct market), market_save, market_load,
                                         market_deinit, market_check};

/* Ann buys, ben sells, cam is poor. Sword: 100 of ben's, ten in stock. Rock: 30, of nobody. Gift:
 * free. Relic: not offered. Castle: dear. Tour: a service of ben's. Gold is currency 0. */
enum { ANN, BEN, CAM, PARTIES };
enum { SWORD, ROCK, GIFT, RELIC, CASTLE };
#define GOOD(index) target_make(TARGET_GOOD, index)
#define TOUR target_make(TARGET_SERVICE, 0)

static const struct shop_rules RULES = {.fee_ppm = 25000, .refund_ms = 1000};

static void pay_in(struct market *m, uint32_t holder, int64_t amount)
{
    struct posting leg = {HOLDER_ISSUE, holder, amount, 0, CODE_ISSUE, LEDGER_NONE};
    enum refusal refusal;
    assert_int_equal(ledger_post(&m->ledger, 0, 0, 0, &leg, 1, &refusal, NULL, NULL), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
}

static void open_market(struct market *m)
{
    static const struct good goods[] = {{0, 100, 10, 7, BEN, HANDLE_NONE, 0, true},
                                        {0, 30, -1, 0, HANDLE_NONE, HANDLE_NONE, 0, true},
                                        {0, 0, 2, 0, BEN, HANDLE_NONE, 0, true},
                                        {0, -1, -1, 0, BEN, HANDLE_NONE, 0, false},
                                        {0, INT64_MAX, -1, 0, BEN, HANDLE_NONE, 0, true}};
    static const struct good tour = {0, 45, -1, 0, BEN, HANDLE_NONE, 0, true};
    static const char *const ids[] = {"sword", "rock", "gift", "relic", "castle"};
    uint32_t handle;
    market_init(m);
    for (int i = 0; i < PARTIES; i++)
        assert_int_equal(
            catalogue_add_party(&m->catalogue, &(struct party){0, PARTY_USER, 0}, &handle),
            HEED_OK);
    for (size_t i = 0; i < sizeof goods / sizeof *goods; i++)
        assert_int_equal(
            catalogue_add_good(&m->catalogue, false, str_of(ids[i]), &goods[i], &handle), HEED_OK);
    assert_int_equal(catalogue_add_good(&m->catalogue, true, STR("tour"), &tour, &handle), HEED_OK);
    pay_in(m, ANN, 1000);
    pay_in(m, BEN, 5);
}

static int64_t held(const struct market *m, uint32_t holder)
{
    return ledger_balance(&m->ledger, ledger_find(&m->ledger, holder, 0));
}

static enum refusal buy(struct market *m, uint64_t id, uint32_t buyer, uint32_t target,
                        int64_t units, uint32_t *number, bool *repeated)
{
    enum refusal refusal;
    assert_int_equal(shop_buy(&m->shop, &RULES, &m->catalogue, &m->ledger, 5000, 0, id, buyer,
                              target, units, &refusal, number, repeated),
                     HEED_OK);
    return refusal;
}

static uint32_t must_buy(struct market *m, uint64_t id, uint32_t buyer, uint32_t target,
                         int64_t units)
{
    uint32_t number;
    bool repeated;
    assert_int_equal(buy(m, id, buyer, target, units, &number, &repeated), REFUSED_NOT);
    assert_false(repeated);
    assert_int_equal(number, m->shop.purchases_n - 1);
    return number;
}

static enum refusal refund(struct market *m, int64_t time_ms, uint32_t number)
{
    enum refusal refusal;
    assert_int_equal(
        shop_refund(&m->shop, &RULES, &m->catalogue, &m->ledger, time_ms, number, &refusal),
        HEED_OK);
    return refusal;
}

static void assert_refused(struct market *m, const struct strbuf *before, const char *what,
                           enum refusal expected, enum refusal got)
{
    struct strbuf after = saved_bytes(&MARKET, m);
    if (got != expected || !saved_equal(before, &after)) {
        print_error("%s: expected %s, got %s%s\n", what, refusal_code(expected), refusal_code(got),
                    saved_equal(before, &after) ? "" : ", and something changed");
        fail();
    }
    strbuf_deinit(&after);
}

/* ── buying ── */

static void a_sale_pays_the_fee_the_seller_and_takes_stock(void **state)
{
    (void)state;
    struct market m;
    open_market(&m);
    uint32_t number = must_buy(&m, 0, ANN, GOOD(SWORD), 3); /* 300: fee 2.5% is 7.5, so 7 */
    const struct purchase *p = &m.shop.purchases[number];
    assert_int_equal(p->price_minor, 300);
    assert_int_equal(p->fee_minor, 7);
    assert_int_equal(held(&m, ANN), 700);
    assert_int_equal(held(&m, BEN), 5 + 293);
    assert_int_equal(held(&m, HOLDER_RETIRE), 7);
    assert_int_equal(m.catalogue.goods[SWORD].stock, 7);
    assert_int_equal(m.catalogue.goods[SWORD].sales, 10);
    const struct transfer *t = &m.ledger.transfers[m.ledger.transfers_n - 2];
    assert_int_equal(t[0].code, CODE_SALE);
    assert_int_equal(t[1].code, CODE_FEE);
    assert_int_equal(t[0].reference, number);
    assert_int_equal(t[1].reference, number);
    assert_int_equal(t[0].time_ms, 5000);
    assert_books(&m.ledger);
    market_deinit(&m);
}

static void a_good_of_nobody_pays_the_shop_and_no_limit_stays_none(void **state)
{
    (void)state;
    struct market m;
    open_market(&m);
    must_buy(&m, 0, ANN, GOOD(ROCK), 4); /* 120, fee 3 */
    assert_int_equal(held(&m, HOLDER_SHOP), 117);
    assert_int_equal(m.catalogue.goods[ROCK].stock, -1);
    assert_int_equal(m.catalogue.goods[ROCK].sales, 4);
    must_buy(&m, 0, ANN, TOUR, 1);
    assert_int_equal(m.catalogue.services[0].sales, 1);
    assert_int_equal(held(&m, BEN), 5 + 44);
    market_deinit(&m);
}

static void each_refusal_to_sell_is_the_first_that_applies(void **state)
{
    (void)state;
    const struct {
        const char *what;
        uint64_t id;
        uint32_t buyer, target;
        int64_t units;
        enum refusal refusal;
    } rows[] = {
        {"a good that is not there", 0, ANN, GOOD(9), 1, REFUSED_unknown_target},
        {"a user", 0, ANN, target_make(TARGET_USER, BEN), 1, REFUSED_unknown_target},
        {"unknown before a known id", 1, ANN, GOOD(9), 1, REFUSED_unknown_target},
        {"a known id, other units", 1, ANN, GOOD(SWORD), 2, REFUSED_id_reused},
        {"a known id, other good", 1, ANN, GOOD(ROCK), 1, REFUSED_id_reused},
        {"a known id, other buyer", 1, CAM, GOOD(SWORD), 1, REFUSED_id_reused},
        {"a transfer's id", 2, ANN, GOOD(SWORD), 1, REFUSED_id_reused},
        {"a known id before no units", 1, ANN, GOOD(SWORD), 0, REFUSED_id_reused},
        {"a known id before own good", 1, BEN, GOOD(SWORD), 1, REFUSED_id_reused},
        {"no units", 0, ANN, GOOD(SWORD), 0, REFUSED_not_positive},
        {"fewer than none", 0, ANN, GOOD(SWORD), INT64_MIN, REFUSED_not_positive},
        {"no units before own good", 0, BEN, GOOD(SWORD), 0, REFUSED_not_positive},
        {"no units before not offered", 0, ANN, GOOD(RELIC), 0, REFUSED_not_positive},
        {"his own good", 0, BEN, GOOD(SWORD), 1, REFUSED_same_account},
        {"his own free good", 0, BEN, GOOD(GIFT), 1, REFUSED_same_account},
        {"his own good before not offered", 0, BEN, GOOD(RELIC), 1, REFUSED_same_account},
        {"his own good before no stock", 0, BEN, GOOD(SWORD), 99, REFUSED_same_account},
        {"not offered", 0, ANN, GOOD(RELIC), 1, REFUSED_not_listed},
        {"not offered before poor", 0, CAM, GOOD(RELIC), 1, REFUSED_not_listed},
        {"more than in stock", 0, ANN, GOOD(SWORD), 10, REFUSED_out_of_stock},
        {"no stock before poor", 0, CAM, GOOD(SWORD), 10, REFUSED_out_of_stock},
        {"more free ones than there are", 0, ANN, GOOD(GIFT), 3, REFUSED_out_of_stock},
        {"poor", 0, CAM, GOOD(SWORD), 1, REFUSED_insufficient_funds},
        {"one unit too many", 0, ANN, GOOD(ROCK), 31, REFUSED_insufficient_funds},
        {"a price beyond counting", 0, ANN, GOOD(CASTLE), 2, REFUSED_insufficient_funds},
        {"more units than can be priced", 0, ANN, GOOD(ROCK), INT64_MAX,
         REFUSED_insufficient_funds},
    };
    struct market m;
    open_market(&m);
    must_buy(&m, 1, ANN, GOOD(SWORD), 1);
    enum refusal refusal;
    struct posting leg = {HOLDER_ISSUE, ANN, 20, 0, CODE_SALE, 55};
    assert_int_equal(ledger_post(&m.ledger, 0, 0, 2, &leg, 1, &refusal, NULL, NULL), HEED_OK);
    struct strbuf before = saved_bytes(&MARKET, &m);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t number = 0;
        bool repeated = true;
        refusal =
            buy(&m, rows[i].id, rows[i].buyer, rows[i].target, rows[i].units, &number, &repeated);
        assert_refused(&m, &before, rows[i].what, rows[i].refusal, refusal);
        assert_int_equal(number, LEDGER_NONE);
        assert_false(repeated);
    }
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void what_cannot_be_counted_is_not_sold(void **state)
{
    (void)state;
    struct market m;
    open_market(&m);
    m.catalogue.goods[GIFT].stock = -1;
    m.catalogue.goods[GIFT].sales = INT64_MAX;
    pay_in(&m, BEN, INT64_MAX - 1005); /* issue is at its end */
    struct strbuf before = saved_bytes(&MARKET, &m);
    uint32_t number;
    bool repeated;
    enum refusal refusal = buy(&m, 0, ANN, GOOD(GIFT), 1, &number, &repeated);
    assert_refused(&m, &before, "more sales than can be counted", REFUSED_overflow, refusal);
    must_buy(&m, 0, ANN, GOOD(SWORD), 10); /* ben has received all but the buyer's money */
    strbuf_deinit(&before);
    before = saved_bytes(&MARKET, &m);
    refusal = refund(&m, 5000, 0); /* the fee cannot be issued again */
    assert_refused(&m, &before, "an overflowing refund", REFUSED_overflow, refusal);
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void the_same_id_buys_once_whatever_happened_since(void **state)
{
    (void)state;
    struct market m;
    open_market(&m);
    uint32_t sword = must_buy(&m, 1, ANN, GOOD(SWORD), 2);
    uint32_t gift = must_buy(&m, 2, ANN, GOOD(GIFT), 1);
    assert_int_equal(shop_list(&m.catalogue, GOOD(SWORD), 999, 0, false), REFUSED_NOT);
    assert_int_equal(refund(&m, 5000, gift), REFUSED_NOT);
    struct strbuf before = saved_bytes(&MARKET, &m);
    uint32_t number;
    bool repeated;
    enum refusal refusal = buy(&m, 1, ANN, GOOD(SWORD), 2, &number, &repeated);
    assert_refused(&m, &before, "a repeated purchase", REFUSED_NOT, refusal);
    assert_true(repeated);
    assert_int_equal(number, sword);
    refusal = buy(&m, 2, ANN, GOOD(GIFT), 1, &number, &repeated);
    assert_refused(&m, &before, "a repeated free purchase", REFUSED_NOT, refusal);
    assert_true(repeated);
    assert_int_equal(number, gift);
    strbuf_deinit(&before);
    market_deinit(&m);
}

static void a_fee_of_everything_leaves_the_seller_nothing(void **state)
{
    (void)state;
    struct market m;
    open_market(&m);
    const struct shop_rules all = {.fee_ppm = 1000000, .refund_ms = 10};
    enum refusal refusal;
    uint32_t number;
    bool repeated;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(shop_buy(&m.shop, &all, &m.catalogue, &m.ledger, 0, 4, 4, ANN, GOOD(SWORD),
                                  1, &refusal, &number, &repeated),
                         HEED_OK);
        assert_int_equal(refusal, REFUSED_NOT);
        assert_int_equal(repeated, turn);
    }
    assert_int_equal(held(&m, BEN), 5);
    assert_int_equal(held(&m, HOLDER_RETIRE), 100);
    assert_int_equal(refund(&m, 0, number), REFUSED_NOT);
    assert_int_equal(held(&m, ANN), 1000);
    market_deinit(&m);
}

/* ── listing ── */

static void listing_changes_what_is_named_and_no_more(void **state)
{
    (void)state;
    const struct {
        const char *what;
        uint32_t target;
        int64_t price, stock;
        bool listed;
        enum refusal refusal;
        int64_t price_after, stock_after;
    } rows[] = {
        {"a new price", GOOD(SWORD), 7, -2, true, REFUSED_NOT, 7, 10},
        {"a new stock", GOOD(SWORD), -1, 0, true, REFUSED_NOT, 100, 0},
        {"no limit", GOOD(SWORD), -1, -1, true, REFUSED_NOT, 100, -1},
        {"withdrawn", GOOD(SWORD), -1, -2, false, REFUSED_NOT, 100, 10},
        {"for free", TOUR, 0, 3, true, REFUSED_NOT, 0, 3},
        {"offered at last", GOOD(RELIC), 9, 1, true, REFUSED_NOT, 9, 1},
        {"without a price", GOOD(RELIC), -1, 5, true, REFUSED_not_listed, -1, -1},
        {"withdrawn without a price", GOOD(RELIC), -1, -2, false, REFUSED_NOT, -1, -1},
        {"the smallest price", GOOD(SWORD), INT64_MIN, INT64_MIN, true, REFUSED_NOT, 100, 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct market m;
        open_market(&m);
        enum refusal refusal =
            shop_list(&m.catalogue, rows[i].target, rows[i].price, rows[i].stock, rows[i].listed);
        const struct good *g = catalogue_good(&m.catalogue, rows[i].target);
        if (refusal != rows[i].refusal || g->price_minor != rows[i].price_after ||
            g->stock != rows[i].stock_after ||
            (refusal == REFUSED_NOT && g->listed != rows[i].listed)) {
            print_error("%s: got %s, price %lld, stock %lld\n", rows[i].what, refusal_code(refusal),
                        (long long)g->price_minor, (long long)g->stock);
            fail();
        }
        market_deinit(&m);
    }
    struct market m;
    open_market(&m);
    assert_int_equal(shop_list(&m.catalogue, target_make(TARGET_CONTENT, 0), 1, 1, true),
                     REFUSED_unknown_target);
    market_deinit(&m);
}

/* ── refunding ── */

static void a_refund_puts_everything_back(void **state)
{
    (void)state;
    struct market m;
    open_market(&m);
    uint32_t number = must_buy(&m, 0, ANN, GOOD(SWORD), 3);
    assert_int_equal(shop_list(&m.catalogue, GOOD(SWORD), 1, -2, true), REFUSED_NOT);
    assert_int_equal(refund(&m, 6000, number), REFUSED_NOT); /* the last millisecond */
    assert_int_equal(held(&m, ANN), 1000);
    assert_int_equal(held(&m, BEN), 5);
    assert_int_equal(m.catalogue.goods[SWORD].stock, 10);
    assert_int_equal(m.catalogue.goods[SWORD].sales, 7);
    assert_true(m.shop.purchases[number].refunded);
    struct ledger_totals t = ledger_totals(&m.ledger, 0);
    assert_int_equal(t.issued_minor, 1005 + 7); /* the fee was issued again */
    assert_int_equal(t.retired_minor, 7);
    assert_int_equal(t.supply_minor, 1005);
    assert_books(&m.ledger);
    market_deinit(&m);
}

static void each_refusal_to_refund_is_the_first_that_applies(void **state)
{
    (void)state;
    struct market m;
    open_market(&m);
    uint32_t back = must_buy(&m, 0, ANN, GOOD(SWORD), 1);
    uint32_t spent = must_buy(&m, 0, ANN, GOOD(SWORD), 2);
    uint32_t full = must_buy(&m, 0, ANN, GOOD(ROCK), 1);
    assert_int_equal(refund(&m, 5000, back), REFUSED_NOT);
    must_buy(&m, 0, BEN, GOOD(ROCK), 6); /* ben spends 180 of his 200 */
    assert_int_equal(shop_list(&m.catalogue, GOOD(ROCK), -1, INT64_MAX, true), REFUSED_NOT);
    struct strbuf before = saved_bytes(&MARKET, &m);
    const struct {
        const char *what;
        int64_t time_ms;
        uint32_t number;
        enum refusal refusal;
    } rows[] = {
        {"no such purchase", 5000, 4, REFUSED_unknown_purchase},
        {"no number at all", 5000, LEDGER_NONE, REFUSED_unknown_purchase},
        {"a second time", 5000, back, REFUSED_already_refunded},
        {"a second time before too late", 9000, back, REFUSED_already_refunded},
        {"too late by a millisecond", 6001, spent, REFUSED_refund_closed},
        {"too late by an age", INT64_MAX, spent, REFUSED_refund_closed},
        {"the seller has spent it", 6000, spent, REFUSED_insufficient_funds},
        {"at a time before it was bought", 0, spent, REFUSED_insufficient_funds},
        {"more stock than can be counted", 6000, full, REFUSED_overflow},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum refusal refusal = refund(&m, rows[i].time_ms, rows[i].number);
        assert_refused(&m, &before, rows[i].what, rows[i].refusal, refusal);
    }
    strbuf_deinit(&before);
    market_deinit(&m);
}

/* ── a naive market ── */

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
    if (time_ms - w->purchases[number].time_ms > RULES.refund_ms)
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
        assert_true(w->held[h] == held(m, h < PARTIES ? h : HOLDER_SYSTEM + (h - PARTIES)));
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
        if (p->refunded)
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
        w->held[h] = held(m, h < PARTIES ? h : HOLDER_SYSTEM + (h - PARTIES));
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
    s.got = shop_list(&m->catalogue, naive_target(good), price, stock, listed);
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
    uint32_t buyer = (uint32_t)prng_below(r, PARTIES), number;
    int64_t units = prng_below(r, 20) ? 1 + (int64_t)prng_below(r, 4) : (int64_t)prng_u64(r);
    bool again = id > 0 && w->of_id[id] > 0, repeated;
    if (again && prng_below(r, 3)) {
        buyer = w->purchases[w->of_id[id] - 1].buyer;
        good = w->purchases[w->of_id[id] - 1].good;
        units = w->purchases[w->of_id[id] - 1].units;
    }
    struct step s = {.unchanged = again};
    s.expected = naive_buy(w, now, id, buyer, good, units, &expected_number);
    assert_int_equal(shop_buy(&m->shop, &RULES, &m->catalogue, &m->ledger, now, id % 3, id, buyer,
                              naive_target(good), units, &s.got, &number, &repeated),
                     HEED_OK);
    assert_int_equal(repeated, again && s.expected == REFUSED_NOT);
    if (s.got == REFUSED_NOT)
        assert_int_equal(number, expected_number);
    return s;
}

static struct step step_refund(struct market *m, struct naive *w, struct prng *r, int64_t now)
{
    size_t number = (size_t)prng_below(r, w->n + 1);
    if (number + 8 < w->n && prng_below(r, 2))
        number = w->n - 1 - (size_t)prng_below(r, 8);
    struct step s = {.expected = naive_refund(w, now, number)};
    assert_int_equal(
        shop_refund(&m->shop, &RULES, &m->catalogue, &m->ledger, now, (uint32_t)number, &s.got),
        HEED_OK);
    return s;
}

/* Money on its way between people, so that sellers have spent it when a refund is asked for.     */
static struct step step_pay(struct market *m, struct naive *w, struct prng *r, int64_t *issued)
{
    uint32_t from = (uint32_t)prng_below(r, PARTIES + 1), to = (uint32_t)prng_below(r, PARTIES);
    int64_t amount = 1 + (int64_t)prng_below(r, 400);
    struct posting leg = {
        from < PARTIES ? from : HOLDER_ISSUE, to, amount, 0, CODE_TRANSFER, LEDGER_NONE};
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
    open_market(&m);
    naive_open(&w, &m);
    int64_t issued = 1005, now = 0;
    struct strbuf before = saved_bytes(&MARKET, &m);
    for (int i = 0; i < steps; i++) {
        uint64_t pick = prng_below(&r, 20);
        now += (int64_t)prng_below(&r, 150);
        struct step s = pick < 3    ? step_list(&m, &w, &r)
                        : pick < 11 ? step_buy(&m, &w, &r, now)
                        : pick < 16 ? step_refund(&m, &w, &r, now)
                                    : step_pay(&m, &w, &r, &issued);
        struct strbuf after = saved_bytes(&MARKET, &m);
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
    assert_round_trip(&MARKET, &m);
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

/* ── saved ── */

static void fill_small(struct market *m)
{
    open_market(m);
    must_buy(m, 1, ANN, GOOD(SWORD), 2);
    must_buy(m, 0, ANN, GOOD(ROCK), 3);
    must_buy(m, 3, ANN, TOUR, 1);
    must_buy(m, 4, ANN, GOOD(GIFT), 1);
    assert_int_equal(refund(m, 5001, 1), REFUSED_NOT);
}

static void a_damaged_save_is_found_or_harmless(void **state)
{
    (void)state;
    struct market m;
    fill_small(&m);
    assert_round_trip(&MARKET, &m);
    assert_damage_is_found_or_harmless(&MARKET, &m);
    market_deinit(&m);
}

/* Each row spoils one field. */
static void no_units(struct market *m)
{
    m->shop.purchases[0].units = 0;
}
static void fee_above_price(struct market *m)
{
    m->shop.purchases[0].fee_minor = 201;
}
static void negative_price(struct market *m)
{
    m->shop.purchases[0].price_minor = -1;
}
static void sold_to_himself(struct market *m)
{
    m->shop.purchases[0].buyer = BEN;
}
static void far_buyer(struct market *m)
{
    m->shop.purchases[0].buyer = PARTIES;
}
static void far_seller(struct market *m)
{
    m->shop.purchases[0].seller_holder = PARTIES;
}
static void far_good(struct market *m)
{
    m->shop.purchases[0].target = GOOD(5);
}
static void far_service(struct market *m)
{
    m->shop.purchases[2].target = TOUR + 1;
}
static void far_currency(struct market *m)
{
    m->shop.purchases[0].currency = 2;
}
static void far_account(struct market *m)
{
    m->ledger.accounts[1].holder = PARTIES;
}
static void far_price(struct market *m)
{
    m->catalogue.goods[0].currency = 2;
}
static void half_refunded(struct market *m)
{
    m->shop.purchases[0].refunded = 2;
}

static void what_no_trade_could_make_does_not_load(void **state)
{
    (void)state;
    static void (*const rows[])(struct market *) = {
        no_units, fee_above_price, negative_price, sold_to_himself, far_buyer, far_seller,
        far_good, far_service,     far_currency,   far_account,     far_price, half_refunded};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct market m, loaded;
        fill_small(&m);
        rows[i](&m);
        struct strbuf bytes = saved_bytes(&MARKET, &m);
        size_t used;
        enum heed_status status = saved_load(&MARKET, &loaded, bytes.p, bytes.n, &used, NULL);
        if (status != HEED_INPUT) {
            print_error("row %zu: expected HEED_INPUT, got %d\n", i, (int)status);
            fail();
        }
        strbuf_deinit(&bytes);
        market_deinit(&loaded);
        market_deinit(&m);
    }
}

static void a_loaded_market_remembers_ids_and_purchases(void **state)
{
    (void)state;
    struct market m, loaded;
    fill_small(&m);
    struct strbuf bytes = saved_bytes(&MARKET, &m);
    size_t used;
    assert_int_equal(saved_load(&MARKET, &loaded, bytes.p, bytes.n, &used, NULL), HEED_OK);
    uint32_t number;
    bool repeated;
    assert_int_equal(buy(&loaded, 1, ANN, GOOD(SWORD), 2, &number, &repeated), REFUSED_NOT);
    assert_true(repeated && number == 0);
    assert_int_equal(buy(&loaded, 4, ANN, GOOD(GIFT), 1, &number, &repeated), REFUSED_NOT);
    assert_true(repeated && number == 3);
    assert_int_equal(refund(&loaded, 5002, 1), REFUSED_already_refunded);
    assert_int_equal(refund(&loaded, 5002, 2), REFUSED_NOT);
    strbuf_deinit(&bytes);
    market_deinit(&m);
    market_deinit(&loaded);
}

/* ── memory runs out ── */

/* `fill` purchases before, so that every table is somewhere about to grow.            */
static void crowded_market(struct market *m, uint64_t fill)
{
    open_market(m);
    for (uint64_t i = 0; i < fill; i++)
        must_buy(m, 1000 + i, ANN, GOOD(ROCK), 1);
}

static long sweep(uint64_t fill, bool refunding)
{
    for (long n = 1;; n++) {
        struct market m;
        enum refusal refusal;
        uint32_t number;
        bool repeated;
        crowded_market(&m, fill);
        if (refunding)
            number = must_buy(&m, 0, ANN, GOOD(SWORD), 1);
        struct strbuf before = saved_bytes(&MARKET, &m);
        fault_fail_at(n);
        enum heed_status status =
            refunding
                ? shop_refund(&m.shop, &RULES, &m.catalogue, &m.ledger, 5000, number, &refusal)
                : shop_buy(&m.shop, &RULES, &m.catalogue, &m.ledger, 5000, 0, 7, ANN, GOOD(ROCK), 1,
                           &refusal, &number, &repeated);
        fault_off();
        struct strbuf after = saved_bytes(&MARKET, &m);
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(saved_equal(&before, &after), fault_fired());
        if (!refunding)
            assert_int_equal(number, fault_fired() ? LEDGER_NONE : fill);
        assert_books(&m.ledger);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        market_deinit(&m);
        if (!fault_fired())
            return n;
    }
}

static void a_trade_without_memory_changes_nothing(void **state)
{
    (void)state;
    long buying = 0, refunding = 0;
    for (uint64_t fill = 0; fill < 20; fill++) {
        buying += sweep(fill, false) - 1;
        refunding += sweep(fill, true) - 1;
    }
    assert_true(buying >= 5 && refunding >= 1);
}

static void a_load_without_memory_leaves_nothing(void **state)
{
    (void)state;
    struct market m;
    crowded_market(&m, 20);
    struct strbuf bytes = saved_bytes(&MARKET, &m);
    long n = 1;
    for (;; n++) {
        struct market loaded;
        struct heed_error err = {0};
        size_t used;
        fault_fail_at(n);
        enum heed_status status = saved_load(&MARKET, &loaded, bytes.p, bytes.n, &used, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(err.status, status);
        assert_int_equal(loaded.shop.purchases_n, fault_fired() ? 0 : 20);
        market_deinit(&loaded);
        if (!fault_fired())
            break;
    }
    assert_true(n > 8);
    strbuf_deinit(&bytes);
    market_deinit(&m);
}

static int memory_returns(void **state)
{
    (void)state;
    fault_off();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sale_pays_the_fee_the_seller_and_takes_stock),
        cmocka_unit_test(a_good_of_nobody_pays_the_shop_and_no_limit_stays_none),
        cmocka_unit_test(each_refusal_to_sell_is_the_first_that_applies),
        cmocka_unit_test(what_cannot_be_counted_is_not_sold),
        cmocka_unit_test(the_same_id_buys_once_whatever_happened_since),
        cmocka_unit_test(a_fee_of_everything_leaves_the_seller_nothing),
        cmocka_unit_test(listing_changes_what_is_named_and_no_more),
        cmocka_unit_test(a_refund_puts_everything_back),
        cmocka_unit_test(each_refusal_to_refund_is_the_first_that_applies),
        cmocka_unit_test(random_trade_agrees_with_a_naive_market),
        cmocka_unit_test(a_damaged_save_is_found_or_harmless),
        cmocka_unit_test(what_no_trade_could_make_does_not_load),
        cmocka_unit_test(a_loaded_market_remembers_ids_and_purchases),
        cmocka_unit_test_teardown(a_trade_without_memory_changes_nothing, memory_returns),
        cmocka_unit_test_teardown(a_load_without_memory_leaves_nothing, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
