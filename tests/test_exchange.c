/* What an exchange does, case by case; and which refusal comes first. */
#include "circulation/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ── a market to try things in ── */

struct place {
    struct exchange *x;
    struct exchange_out out;
    int64_t now;
};

static struct place market(const struct exchange_settings *s, int64_t currency)
{
    struct place p = {.x = exchange_new(s), .now = 1000};
    assert_non_null(p.x);
    for (uint32_t i = 0; i < 4; i++) /* 0 and 1 are of one owner */
        assert_int_equal(exchange_account(p.x, i < 2 ? 7 : i, currency, EXCHANGE_UNLIMITED), i);
    return p;
}

static void leave(struct place *p)
{
    assert_null(exchange_broken(p->x));
    exchange_out_deinit(&p->out);
    exchange_free(p->x);
}

static enum refusal give(struct place *p, struct exchange_ask a)
{
    struct exchange_answer answer;
    a.owner = EXCHANGE_NONE;
    p->out.n = 0;
    assert_int_equal(exchange_apply(p->x, p->now, &a, &answer, &p->out), HEED_OK);
    return answer.refusal;
}

static void limit(struct place *p, uint64_t id, uint32_t account, uint8_t side, int64_t price,
                  int64_t size)
{
    assert_int_equal(
        give(p,
             (struct exchange_ask){
                 .id_lo = id, .account = account, .side = side, .price = price, .size = size}),
        REFUSED_NOT);
}

static enum refusal turn(struct place *p, struct exchange_turn t)
{
    enum refusal refusal = REFUSED_NOT;
    p->out.n = 0;
    assert_int_equal(exchange_turn(p->x, p->now, &t, &refusal, &p->out), HEED_OK);
    return refusal;
}

static void assert_event(const struct place *p, size_t i, int kind, uint64_t id, int64_t price,
                         int64_t size)
{
    assert_true(i < p->out.n);
    const struct exchange_event *e = &p->out.events[i];
    assert_int_equal(e->kind, kind);
    assert_int_equal(e->id_lo, id);
    assert_int_equal(e->price, price);
    assert_int_equal(e->size, size);
}

static int64_t held(const struct place *p, uint32_t account)
{
    struct exchange_funds f;
    assert_true(exchange_funds(p->x, account, &f));
    return f.currency_held;
}

/* ── refusals ── */

struct scene {
    struct exchange_settings set;
    struct exchange_ask ask;
    int to;
    bool busy, poor;
};

static void unknown_account(struct scene *s)
{
    s->ask.account = 99;
}
static void id_reused(struct scene *s)
{
    s->ask.id_lo = 1;
}
static void time_over(struct scene *s)
{
    s->ask.tif = EXCHANGE_GTT;
    s->ask.expires_ms = 1;
}
static void not_positive(struct scene *s)
{
    s->ask.price = -s->ask.price;
}
static void order_conflict(struct scene *s)
{
    s->ask.stop = 50;
}
static void price_off_tick(struct scene *s)
{
    s->ask.price++;
}
static void size_off_lot(struct scene *s)
{
    s->ask.size++;
}
static void display_range(struct scene *s)
{
    s->ask.display = 2;
    s->ask.size = s->ask.size > 4000 ? s->ask.size : 4000 + s->ask.size % 2;
}
static void market_closed(struct scene *s)
{
    s->to = EXCHANGE_CLOSED;
}
static void market_halted(struct scene *s)
{
    s->to = EXCHANGE_HALT;
}
static void market_in_call(struct scene *s)
{
    s->to = EXCHANGE_CALL;
    s->ask.post_only = 1;
}
static void price_band(struct scene *s)
{
    s->ask.price = s->ask.price < 0 ? -200 : 200 + s->ask.price % 2;
}
static void would_take(struct scene *s)
{
    s->ask.post_only = 1;
    s->ask.price += s->ask.price < 0 ? -8 : 8;
}
static void rate_limited(struct scene *s)
{
    s->busy = true;
}
static void position_limit(struct scene *s)
{
    s->set.position_max = 30;
    s->ask.size = s->ask.size > 30 ? s->ask.size : 40 + s->ask.size % 2;
}
static void insufficient_funds(struct scene *s)
{
    s->poor = true;
}
static void overflow(struct scene *s)
{
    s->ask.size = (INT64_C(1) << 60) + s->ask.size % 2;
}

#define FAULT(name)                                                                                \
    {                                                                                              \
        REFUSED_##name, name, #name                                                                \
    }
static const struct fault {
    enum refusal refusal;
    void (*spoil)(struct scene *);
    const char *name;
} faults[] = {
    FAULT(unknown_account), FAULT(id_reused),      FAULT(time_over),      FAULT(not_positive),
    FAULT(order_conflict),  FAULT(price_off_tick), FAULT(size_off_lot),   FAULT(display_range),
    FAULT(market_closed),   FAULT(market_halted),  FAULT(market_in_call), FAULT(price_band),
    FAULT(would_take),      FAULT(rate_limited),   FAULT(position_limit), FAULT(insufficient_funds),
    FAULT(overflow),
};
enum { FAULTS = sizeof faults / sizeof *faults };

static enum refusal refusal_of(const struct scene *s)
{
    struct exchange_settings set = s->set;
    set.rate_ms = s->busy ? 1000 : 0;
    set.rate_max = 1;
    set.funded = s->poor; /* who has no bounds can only ask for too much */
    struct place p = market(&set, s->poor ? 2000 : INT64_C(1) << 50);
    assert_int_equal(turn(&p, (struct exchange_turn){.to = EXCHANGE_CALL}), REFUSED_NOT);
    limit(&p, 1, 0, EXCHANGE_BUY, 100, 2);
    p.now++;
    limit(&p, 2, 2, EXCHANGE_SELL, 100, 2);
    assert_int_equal(turn(&p, (struct exchange_turn){.to = EXCHANGE_CONTINUOUS, .uncross = 1}),
                     REFUSED_NOT);
    limit(&p, 3, 3, EXCHANGE_SELL, 106, 2);
    p.now += 100;
    if (s->poor) /* what is left is held */
        limit(&p, 4, 1, EXCHANGE_BUY, 92, 20);
    else if (s->busy)
        limit(&p, 4, 1, EXCHANGE_BUY, 92, 2);
    if (s->to != EXCHANGE_CONTINUOUS)
        assert_int_equal(turn(&p, (struct exchange_turn){.to = (uint8_t)s->to}), REFUSED_NOT);
    enum refusal refusal = give(&p, s->ask);
    leave(&p);
    return refusal;
}

/* Some faults cannot be had at once. */
static bool together(size_t i, size_t j)
{
    const enum refusal a = faults[i].refusal, b = faults[j].refusal;
    bool phases = a >= REFUSED_market_closed && b <= REFUSED_market_in_call;
    return !phases && a != b;
}

static void the_first_refusal_is_given_whatever_else_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < FAULTS; i++)
        for (size_t j = i; j < FAULTS; j++) {
            struct scene s = {.set = exchange_defaults(),
                              .ask = {.id_lo = 9, .account = 1, .price = 100, .size = 8},
                              .to = EXCHANGE_CONTINUOUS};
            s.set.ticks[0] = (struct exchange_tick){0, 2, 2};
            s.set.static_ppm = 100000;
            if (i != j && !together(i, j))
                continue;
            if (faults[i].refusal == REFUSED_insufficient_funds ||
                faults[j].refusal == REFUSED_insufficient_funds)
                s.ask.size = 20;
            faults[i].spoil(&s);
            if (i != j)
                faults[j].spoil(&s);
            enum refusal got = refusal_of(&s);
            if (got != faults[i].refusal)
                fail_msg("%s with %s: %s", faults[i].name, faults[j].name, refusal_code(got));
        }
    for (size_t i = 1; i < FAULTS; i++)
        assert_true(faults[i].refusal > faults[i - 1].refusal);
}

static void cancelling_and_replacing_are_refused_by_name(void **state)
{
    (void)state;
    const struct exchange_settings s = exchange_defaults();
    struct place p = market(&s, 0);
    limit(&p, 1, 0, EXCHANGE_BUY, 100, 5);
    const struct {
        struct exchange_ask ask;
        enum refusal refusal;
    } rows[] = {
        {{.op = EXCHANGE_CANCEL, .id_lo = 8, .account = EXCHANGE_NONE}, REFUSED_unknown_order},
        {{.op = EXCHANGE_CANCEL, .id_lo = 1, .account = 77}, REFUSED_unknown_account},
        {{.op = EXCHANGE_CANCEL, .id_lo = 1, .account = 1}, REFUSED_not_your_order},
        {{.op = EXCHANGE_CANCEL, .id_lo = 1, .account = 0, .size = -1}, REFUSED_not_positive},
        {{.op = EXCHANGE_REPLACE, .id_lo = 1, .account = 0, .size = 0}, REFUSED_not_positive},
        {{.op = EXCHANGE_REPLACE, .id_lo = 1, .account = 0, .size = 3, .stop = 4},
         REFUSED_order_conflict},
        {{.op = EXCHANGE_REPLACE, .id_lo = 1, .account = 1, .size = 3}, REFUSED_not_your_order},
        {{.op = EXCHANGE_REPLACE, .id_lo = 1, .account = 0, .size = INT64_MAX}, REFUSED_overflow},
        {{.op = EXCHANGE_REPLACE, .id_lo = 1, .account = 0, .size = 1, .price = INT64_MAX},
         REFUSED_overflow},
        {{.op = EXCHANGE_CANCEL, .id_lo = 1, .account = 0}, REFUSED_NOT},
        {{.op = EXCHANGE_CANCEL, .id_lo = 1, .account = 0}, REFUSED_unknown_order},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(give(&p, rows[i].ask), rows[i].refusal);
    leave(&p);
}

/* The greatest number stands inside for "at any price": from outside it is a price too high. */
static void a_price_above_the_highest_is_refused(void **state)
{
    (void)state;
    const struct exchange_settings s = exchange_defaults();
    const int64_t prices[] = {EXCHANGE_PRICE_MAX + 1, INT64_MAX - 1, INT64_MAX};
    const uint8_t ops[] = {EXCHANGE_LIMIT, EXCHANGE_STOP_LIMIT, EXCHANGE_MARKET};
    struct place p = market(&s, 0);
    limit(&p, 1, 0, EXCHANGE_BUY, 100, 5);
    limit(&p, 2, 0, EXCHANGE_SELL, 110, 5);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            for (uint8_t side = 0; side < 2; side++) {
                const struct exchange_ask a = {.id_lo = 9,
                                               .account = 1,
                                               .op = ops[k],
                                               .side = side,
                                               .tif = ops[k] == EXCHANGE_MARKET ? EXCHANGE_IOC
                                                                                : EXCHANGE_GTC,
                                               .stop = k == 1 ? 50 : 0,
                                               .price = prices[i],
                                               .size = 1};
                assert_int_equal(give(&p, a), REFUSED_overflow);
            }
    leave(&p);
}

/* ── orders ── */

static void an_id_given_again_does_nothing_again(void **state)
{
    (void)state;
    struct exchange_settings s = exchange_defaults();
    s.remember = 2;
    struct place p = market(&s, 0);
    struct exchange_answer answer;
    struct exchange_ask a = {
        .id_hi = 5, .id_lo = 1, .price = 10, .size = 3, .owner = EXCHANGE_NONE};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(exchange_apply(p.x, 1, &a, &answer, &p.out), HEED_OK);
        assert_int_equal(answer.repeated, i > 0);
        assert_int_equal(answer.number, 1);
        assert_int_equal(p.out.n, 1);
    }
    a.size = 4;
    assert_int_equal(give(&p, a), REFUSED_id_reused);
    a.size = 3;
    limit(&p, 2, 2, EXCHANGE_SELL, 10, 3); /* both are done; two ids are known */
    assert_int_equal(exchange_apply(p.x, 1, &a, &answer, &p.out), HEED_OK);
    assert_true(answer.repeated);
    limit(&p, 3, 0, EXCHANGE_BUY, 10, 1);
    limit(&p, 4, 2, EXCHANGE_SELL, 10, 1); /* two more, which push it out */
    assert_int_equal(exchange_apply(p.x, 1, &a, &answer, &p.out), HEED_OK);
    assert_false(answer.repeated);
    leave(&p);
}

static void an_iceberg_shows_a_part_and_queues_anew(void **state)
{
    (void)state;
    const struct exchange_settings s = exchange_defaults();
    struct place p = market(&s, 0);
    assert_int_equal(
        give(&p,
             (struct exchange_ask){
                 .id_lo = 1, .side = EXCHANGE_SELL, .price = 50, .size = 10, .display = 4}),
        REFUSED_NOT);
    limit(&p, 2, 2, EXCHANGE_SELL, 50, 5);
    assert_int_equal(exchange_level(p.x, EXCHANGE_SELL, 0).size, 9);
    limit(&p, 3, 3, EXCHANGE_BUY, 50, 10); /* 4 of the iceberg, 5 of the other, 1 of the iceberg */
    assert_event(&p, 1, EXCHANGE_TRADE, 3, 50, 4);
    assert_int_equal(p.out.events[1].other_lo, 1);
    assert_event(&p, 2, EXCHANGE_TRADE, 3, 50, 5);
    assert_int_equal(p.out.events[2].other_lo, 2);
    assert_event(&p, 3, EXCHANGE_TRADE, 3, 50, 1);
    assert_int_equal(exchange_level(p.x, EXCHANGE_SELL, 0).size, 3);
    leave(&p);
}

static void a_smaller_size_keeps_its_place_another_price_does_not(void **state)
{
    (void)state;
    const struct exchange_settings s = exchange_defaults();
    struct place p = market(&s, 0);
    limit(&p, 1, 0, EXCHANGE_BUY, 50, 5);
    limit(&p, 2, 2, EXCHANGE_BUY, 50, 5);
    struct exchange_ask a = {.op = EXCHANGE_REPLACE, .id_lo = 1, .account = 0, .size = 3};
    assert_int_equal(give(&p, a), REFUSED_NOT);
    assert_int_equal(p.out.events[0].reason, EXCHANGE_KEPT);
    limit(&p, 3, 3, EXCHANGE_SELL, 50, 1);
    assert_int_equal(p.out.events[1].other_lo, 1);
    a.size = 6; /* larger: behind */
    assert_int_equal(give(&p, a), REFUSED_NOT);
    limit(&p, 4, 3, EXCHANGE_SELL, 50, 1);
    assert_int_equal(p.out.events[1].other_lo, 2);
    leave(&p);
}

static void an_owner_does_not_trade_with_himself(void **state)
{
    (void)state;
    const struct exchange_settings s = exchange_defaults();
    /* account 0 sells 5 at 50, account 1 of the same owner buys 8: what is left of both */
    const struct {
        uint8_t stp;
        int64_t resting, arriving;
        size_t trades;
    } rows[] = {{EXCHANGE_STP_NONE, 0, 3, 1},
                {EXCHANGE_STP_NEWEST, 5, 0, 0},
                {EXCHANGE_STP_OLDEST, 0, 8, 0},
                {EXCHANGE_STP_BOTH, 0, 0, 0},
                {EXCHANGE_STP_DECREMENT, 0, 3, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place p = market(&s, 0);
        struct exchange_order o;
        size_t trades = 0;
        limit(&p, 1, 0, EXCHANGE_SELL, 50, 5);
        assert_int_equal(
            give(&p,
                 (struct exchange_ask){
                     .id_lo = 2, .account = 1, .price = 50, .size = 8, .stp = rows[i].stp}),
            REFUSED_NOT);
        for (size_t k = 0; k < p.out.n; k++)
            trades += p.out.events[k].kind == EXCHANGE_TRADE;
        assert_int_equal(trades, rows[i].trades);
        assert_int_equal(exchange_find(p.x, 0, 1, &o) ? o.left : 0, rows[i].resting);
        assert_int_equal(exchange_find(p.x, 0, 2, &o) ? o.left : 0, rows[i].arriving);
        leave(&p);
    }
}

/* 3 at 101 and 4 at 102 for at most 103, taker 1 %, rounded up over the order: 7 of 711 in all. */
static void holds_cover_price_and_fees_and_are_let_go_to_the_last_unit(void **state)
{
    (void)state;
    struct exchange_settings s = exchange_defaults();
    s.taker_ppm = 10000;
    s.maker_ppm = -5000;
    s.rounding = EXCHANGE_CEILING;
    s.funded = 1;
    struct place p = market(&s, 1000);
    limit(&p, 1, 2, EXCHANGE_SELL, 101, 3);
    limit(&p, 2, 3, EXCHANGE_SELL, 102, 4);
    limit(&p, 3, 0, EXCHANGE_BUY, 103, 8);
    assert_int_equal(p.out.events[0].held, 8 * 103 + 9);
    assert_int_equal(p.out.events[1].fee, 4);        /* 3.03 */
    assert_int_equal(p.out.events[2].fee, 4);        /* 7.11 in all */
    assert_int_equal(p.out.events[1].other_fee, -1); /* 1.515, rounded up: 1 is paid to the maker */
    assert_int_equal(held(&p, 0), 103 + 1 + 0);      /* 1 left at 103, 7.11 + 1.03 in all are 9 */
    struct exchange_funds f;
    assert_true(exchange_funds(p.x, 0, &f));
    assert_int_equal(f.currency, 1000 - 303 - 408 - 8);
    assert_int_equal(
        give(&p, (struct exchange_ask){.op = EXCHANGE_CANCEL, .id_lo = 3, .account = 0}),
        REFUSED_NOT);
    assert_int_equal(held(&p, 0), 0);
    assert_int_equal(exchange_fees(p.x), 8 - 1 - 2);
    leave(&p);
}

/* ── time ── */

static void a_limit_state_that_lasts_halts_and_a_call_reopens(void **state)
{
    (void)state;
    struct exchange_settings s = exchange_defaults();
    s.dynamic_ppm = 50000;
    s.halt_ms = 5000;
    struct place p = market(&s, 0);
    limit(&p, 1, 0, EXCHANGE_SELL, 100, 1);
    limit(&p, 2, 2, EXCHANGE_BUY, 100, 1); /* last 100: the band is 95 to 105 */
    limit(&p, 3, 0, EXCHANGE_SELL, 108, 5);
    limit(&p, 4, 2, EXCHANGE_BUY, 110, 5); /* may not trade at 108: rests at 105 */
    assert_event(&p, 1, EXCHANGE_BOOKED, 4, 105, 5);
    assert_int_equal(p.out.events[1].held, -25);
    assert_int_equal(exchange_due(p.x), 1000 + 15000);
    p.out.n = 0;
    assert_int_equal(exchange_advance(p.x, 16000, &p.out), HEED_OK);
    assert_int_equal(exchange_phase_of(p.x), EXCHANGE_HALT);
    p.now = 16000;
    assert_int_equal(give(&p, (struct exchange_ask){.id_lo = 5, .price = 100, .size = 1}),
                     REFUSED_market_halted);
    p.now = 21000;
    limit(&p, 6, 3, EXCHANGE_BUY, 109, 4); /* the call: 4 of 5 at 108 to 109 */
    assert_int_equal(exchange_phase_of(p.x), EXCHANGE_CALL);
    p.out.n = 0;
    assert_int_equal(exchange_advance(p.x, 21000 + 300000, &p.out), HEED_OK);
    assert_event(&p, 0, EXCHANGE_PHASE, 0, 108, 4);
    assert_event(&p, 1, EXCHANGE_TRADE, 6, 108, 4);
    assert_int_equal(exchange_phase_of(p.x), EXCHANGE_CONTINUOUS);
    assert_int_equal(exchange_due(p.x), INT64_MAX);
    leave(&p);
}

static void hours_open_and_close_by_call_auctions(void **state)
{
    (void)state;
    struct exchange_settings s = exchange_defaults();
    s.open_ms = 9 * 3600000;
    s.close_ms = 17 * 3600000;
    s.closing_ms = 60000;
    const int64_t day = INT64_C(20000) * 86400000;
    const struct {
        int64_t in_day;
        enum exchange_phase phase;
    } rows[] = {{0, EXCHANGE_CLOSED},
                {32400000 - 300001, EXCHANGE_CLOSED},
                {32400000 - 300000, EXCHANGE_CALL},
                {32400000, EXCHANGE_CONTINUOUS},
                {61200000 - 1, EXCHANGE_CONTINUOUS},
                {61200000, EXCHANGE_CALL},
                {61260000, EXCHANGE_CLOSED}};
    struct place went = market(&s, 0); /* through all of them, two days long */
    for (int64_t d = day; d < day + 2 * 86400000; d += 86400000)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct place fresh = market(&s, 0);
            assert_int_equal(exchange_advance(went.x, d + rows[i].in_day, &went.out), HEED_OK);
            assert_int_equal(exchange_advance(fresh.x, d + rows[i].in_day, &fresh.out), HEED_OK);
            assert_int_equal(exchange_phase_of(went.x), rows[i].phase);
            assert_int_equal(exchange_phase_of(fresh.x), rows[i].phase);
            assert_int_equal(exchange_due(went.x), exchange_due(fresh.x));
            leave(&fresh);
        }
    went.now = day + 2 * 86400000 + 32400000 - 1000;
    limit(&went, 1, 0, EXCHANGE_BUY, 12, 5);
    limit(&went, 2, 2, EXCHANGE_SELL, 10, 5);
    went.now += 1000;
    assert_int_equal(exchange_level(went.x, EXCHANGE_BUY, 0).size, 5);
    went.out.n = 0;
    assert_int_equal(exchange_advance(went.x, went.now, &went.out), HEED_OK);
    assert_event(&went, 0, EXCHANGE_PHASE, 0, 11, 5);
    assert_event(&went, 1, EXCHANGE_TRADE, 2, 11, 5);
    leave(&went);
}

static void time_in_one_step_or_in_many_is_the_same(void **state)
{
    (void)state;
    struct exchange_settings s = exchange_defaults();
    s.open_ms = 9 * 3600000;
    s.close_ms = 17 * 3600000;
    struct place a = market(&s, 0), b = market(&s, 0);
    const struct exchange_ask ask = {
        .id_lo = 1, .price = 5, .size = 1, .tif = EXCHANGE_GTT, .expires_ms = 200000000};
    a.now = b.now = 10 * 3600000;
    assert_int_equal(give(&a, ask), REFUSED_NOT);
    assert_int_equal(give(&b, ask), REFUSED_NOT);
    a.out.n = b.out.n = 0;
    assert_int_equal(exchange_advance(a.x, 900000000, &a.out), HEED_OK);
    for (int64_t t = a.now; t <= 900000000; t += 777777)
        assert_int_equal(exchange_advance(b.x, t, &b.out), HEED_OK);
    assert_int_equal(exchange_advance(b.x, 900000000, &b.out), HEED_OK);
    assert_int_equal(a.out.n, b.out.n);
    assert_memory_equal(a.out.events, b.out.events, a.out.n * sizeof *a.out.events);
    leave(&a);
    leave(&b);
}

static void settings_that_cannot_be_are_told(void **state)
{
    (void)state;
    struct exchange_settings s = exchange_defaults();
    assert_null(exchange_settings_wrong(&s));
    struct exchange_settings rows[8];
    for (size_t i = 0; i < 8; i++)
        rows[i] = s;
    rows[0].ticks[0].tick = 0;
    rows[1].ticks[1] = (struct exchange_tick){7, 2, 1}; /* no multiple of 2 */
    rows[2].maker_ppm = -2;
    rows[2].taker_ppm = 1;
    rows[3].taker_ppm = 500001;
    rows[4].rounding = 3;
    rows[5].static_ppm = 1000001;
    rows[6].open_ms = 5;
    rows[7].limit_ms = -1;
    for (size_t i = 0; i < 8; i++)
        assert_non_null(exchange_settings_wrong(&rows[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_refusal_is_given_whatever_else_is_wrong),
        cmocka_unit_test(cancelling_and_replacing_are_refused_by_name),
        cmocka_unit_test(a_price_above_the_highest_is_refused),
        cmocka_unit_test(an_id_given_again_does_nothing_again),
        cmocka_unit_test(an_iceberg_shows_a_part_and_queues_anew),
        cmocka_unit_test(a_smaller_size_keeps_its_place_another_price_does_not),
        cmocka_unit_test(an_owner_does_not_trade_with_himself),
        cmocka_unit_test(holds_cover_price_and_fees_and_are_let_go_to_the_last_unit),
        cmocka_unit_test(a_limit_state_that_lasts_halts_and_a_call_reopens),
        cmocka_unit_test(hours_open_and_close_by_call_auctions),
        cmocka_unit_test(time_in_one_step_or_in_many_is_the_same),
        cmocka_unit_test(settings_that_cannot_be_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
