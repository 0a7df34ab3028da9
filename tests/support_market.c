#include "support_market.h"

#include "support_books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void market_init(struct market *m)
{
    catalogue_init(&m->catalogue);
    ledger_init(&m->ledger);
    shop_init(&m->shop);
}

void market_deinit(void *x)
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

const struct saved_kind MARKET_KIND = {sizeof(struct market), market_save, market_load,
                                       market_deinit, market_check};

const struct shop_rules MARKET_RULES = {.fee_ppm = 25000, .refund_ms = 1000};

void market_pay_in(struct market *m, uint32_t holder, int64_t amount)
{
    struct posting leg = {.from = HOLDER_ISSUE,
                          .to = holder,
                          .amount_minor = amount,
                          .code = CODE_ISSUE,
                          .reference = LEDGER_NONE};
    enum refusal refusal;
    assert_int_equal(ledger_post(&m->ledger, 0, 0, 0, &leg, 1, &refusal, NULL, NULL), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
}

void market_open(struct market *m)
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
    struct shop_desk d = market_desk(m, 0);
    for (uint32_t i = 0; i < sizeof goods / sizeof *goods; i++)
        assert_int_equal(shop_stock(&d, GOOD(i)), HEED_OK);
    market_pay_in(m, ANN, 1000);
    market_pay_in(m, BEN, 5);
}

int64_t market_held(const struct market *m, uint32_t holder)
{
    return ledger_balance(&m->ledger, ledger_find(&m->ledger, holder, 0));
}

struct shop_desk market_desk(struct market *m, int64_t time_ms)
{
    static const struct market_rules none;
    return (struct shop_desk){.shop = &m->shop,
                              .rules = &MARKET_RULES,
                              .market = &none,
                              .catalogue = &m->catalogue,
                              .ledger = &m->ledger,
                              .time_ms = time_ms};
}

struct shop_ask market_ask(uint64_t id, uint32_t buyer, uint32_t target, int64_t units)
{
    return (struct shop_ask){.id_lo = id,
                             .units = units,
                             .buyer = buyer,
                             .target = target,
                             .recipient = buyer,
                             .offer = SHOP_NONE,
                             .reservation = SHOP_NONE};
}

enum refusal market_list(struct market *m, uint32_t target, int64_t price, int64_t stock,
                         bool listed)
{
    struct shop_desk d = market_desk(m, 5000);
    enum refusal refusal;
    assert_int_equal(shop_list(&d, target, price, stock, listed, &refusal), HEED_OK);
    return refusal;
}

enum refusal market_buy(struct market *m, uint64_t id, uint32_t buyer, uint32_t target,
                        int64_t units, uint32_t *number, bool *repeated)
{
    struct shop_desk d = market_desk(m, 5000);
    struct shop_ask ask = market_ask(id, buyer, target, units);
    struct shop_answer answer;
    assert_int_equal(shop_buy(&d, &ask, &answer), HEED_OK);
    *number = answer.number;
    *repeated = answer.repeated;
    return answer.refusal;
}

uint32_t market_must_buy(struct market *m, uint64_t id, uint32_t buyer, uint32_t target,
                         int64_t units)
{
    uint32_t number;
    bool repeated;
    assert_int_equal(market_buy(m, id, buyer, target, units, &number, &repeated), REFUSED_NOT);
    assert_false(repeated);
    assert_int_equal(number, m->shop.purchases_n - 1);
    return number;
}

enum refusal market_refund(struct market *m, int64_t time_ms, uint32_t number)
{
    struct shop_desk d = market_desk(m, time_ms);
    enum refusal refusal;
    int64_t back;
    bool repeated;
    assert_int_equal(shop_refund(&d, number, 0, 0, 0, &refusal, &back, &repeated), HEED_OK);
    return refusal;
}

void assert_refused(struct market *m, const struct strbuf *before, const char *what,
                    enum refusal expected, enum refusal got)
{
    struct strbuf after = saved_bytes(&MARKET_KIND, m);
    if (got != expected || !saved_equal(before, &after)) {
        print_error("%s: expected %s, got %s%s\n", what, refusal_code(expected), refusal_code(got),
                    saved_equal(before, &after) ? "" : ", and something changed");
        fail();
    }
    strbuf_deinit(&after);
}
