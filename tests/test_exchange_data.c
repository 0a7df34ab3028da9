/* Market data: a reader who has only the packets sees the same book, and knows when one is missing.
 */
#include "circulation/exchange_data.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static int64_t pick(struct prng *r, int64_t from, int64_t to)
{
    return from + (int64_t)prng_below(r, (uint64_t)(to - from + 1));
}

static struct exchange_ask draw(struct prng *r, uint64_t *ids)
{
    struct exchange_ask a = {.id_lo = ++*ids,
                             .price = pick(r, 90, 110),
                             .size = pick(r, 1, 40),
                             .side = (uint8_t)pick(r, 0, 1),
                             .account = (uint32_t)pick(r, 0, 2),
                             .owner = EXCHANGE_NONE,
                             .stp = (uint8_t)pick(r, 0, 4)};
    switch (pick(r, 0, 9)) {
    case 0:
        a.op = EXCHANGE_MARKET;
        a.price = 0;
        break;
    case 1:
        a.op = EXCHANGE_STOP_LIMIT;
        a.stop = pick(r, 90, 110);
        break;
    case 2:
        a.display = pick(r, 2, 9);
        break;
    case 3:
    case 4:
    case 5:
        --*ids;
        a = (struct exchange_ask){.op = pick(r, 0, 1) ? EXCHANGE_CANCEL : EXCHANGE_REPLACE,
                                  .id_lo = *ids - prng_below(r, *ids < 30 ? *ids + 1 : 30),
                                  .size = pick(r, 1, 30),
                                  .account = EXCHANGE_NONE,
                                  .owner = EXCHANGE_NONE};
        a.price = a.op == EXCHANGE_REPLACE ? pick(r, 90, 110) : 0;
        break;
    default:
        break;
    }
    return a;
}

struct walk {
    const struct data_view *v;
    uint64_t rank;
    int64_t price;
    uint8_t side;
    size_t n;
    bool ok;
};

/* Orders come in their queues: ranks rise within a price. */
static bool seen(void *context, const struct exchange_order *o)
{
    struct walk *w = context;
    if (o->waits)
        return true;
    uint32_t at = map_get(&w->v->by_number, o->number);
    w->n++;
    w->ok = w->ok && at != MAP_NONE && w->v->orders[at].size == o->shown &&
            w->v->orders[at].price == o->price && w->v->orders[at].side == o->side &&
            (o->price != w->price || o->side != w->side || w->v->orders[at].rank > w->rank);
    if (at != MAP_NONE)
        w->rank = w->v->orders[at].rank;
    w->price = o->price;
    w->side = o->side;
    return w->ok;
}

static void assert_same(const struct data_view *v, const struct exchange *x)
{
    struct walk w = {.v = v, .price = -1, .ok = true};
    assert_true(exchange_each(x, seen, &w));
    assert_int_equal(w.n, v->n);
    for (int side = 0; side < 2; side++) {
        assert_int_equal(v->levels_n[side], exchange_levels(x, (enum exchange_side)side));
        for (size_t i = 0; i < v->levels_n[side]; i++) {
            const struct data_level a = data_view_level(v, (enum exchange_side)side, i);
            const struct exchange_quote b = exchange_level(x, (enum exchange_side)side, i);
            assert_int_equal(a.price, b.price);
            assert_int_equal(a.size, b.size);
            assert_int_equal(a.orders, b.orders);
        }
    }
}

static void readers_see_the_book_and_notice_gaps(void **state)
{
    (void)state;
    struct prng r;
    const struct exchange_settings s = exchange_defaults();
    struct exchange *x = exchange_new(&s);
    struct exchange_out out = {0};
    struct data_view v, late;
    struct data_bars bars = {.each_ms = 10};
    uint64_t ids = 1, gaps = 0;
    int64_t volume = 0;
    prng_seed(&r, 11);
    data_view_init(&v);
    data_view_init(&late);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(exchange_account(x, i, 0, 0), i);
    for (int64_t step = 0; step < 30000; step++) {
        struct exchange_answer answer;
        enum refusal refusal;
        const struct exchange_ask a = draw(&r, &ids);
        const struct exchange_turn t = {
            .to = exchange_phase_of(x) == EXCHANGE_CALL ? EXCHANGE_CONTINUOUS : EXCHANGE_CALL};
        out.n = 0;
        if (prng_below(&r, 150) == 0)
            assert_int_equal(exchange_turn(x, step, &t, &refusal, &out), HEED_OK);
        else
            assert_int_equal(exchange_apply(x, step, &a, &answer, &out), HEED_OK);
        for (size_t i = 0; i < out.n; i++) {
            struct data_packet p;
            data_of_event(&out.events[i], &p);
            assert_int_equal(data_view_take(&v, &p), DATA_TAKEN);
            assert_int_equal(data_view_take(&v, &p), DATA_OLD);
            assert_true(data_bars_take(&bars, &p));
            volume += p.trade_size;
            if (prng_below(&r, 300) == 0)
                continue; /* lost on its way to the other reader */
            gaps += data_view_take(&late, &p) == DATA_GAP;
        }
        if (late.seq < v.seq && prng_below(&r, 5) == 0)
            assert_int_equal(data_view_snapshot(&late, x), HEED_OK);
        if (step % 10 == 0) {
            assert_same(&v, x);
            if (late.seq == v.seq)
                assert_same(&late, x);
        }
    }
    assert_true(gaps > 20);
    int64_t sum = 0;
    for (size_t i = 0; i < bars.n; i++) {
        const struct data_bar *b = &bars.bars[i];
        sum += b->volume;
        assert_true(b->low <= b->open && b->open <= b->high && b->low <= b->close &&
                    b->close <= b->high && b->begin_ms % 10 == 0);
        int64_t average = data_vwap(b, 1, 1);
        assert_true(average >= b->low && average <= b->high);
    }
    assert_int_equal(sum, volume);
    assert_true(volume > 0);
    data_view_deinit(&v);
    data_view_deinit(&late);
    data_bars_deinit(&bars);
    exchange_out_deinit(&out);
    exchange_free(x);
}

static void a_bar_has_its_prices_volume_and_average(void **state)
{
    (void)state;
    const int64_t trades[][3] = {{1005, 10, 2}, {1006, 14, 1}, {1059, 9, 3}, {1060, 11, 1}};
    struct data_bars b = {.each_ms = 60};
    for (size_t i = 0; i < 4; i++) {
        const struct data_packet p = {
            .time_ms = trades[i][0], .trade_price = trades[i][1], .trade_size = trades[i][2]};
        assert_true(data_bars_take(&b, &p));
    }
    assert_int_equal(b.n, 2); /* 960 to 1019, 1020 to 1079 */
    assert_int_equal(b.bars[0].open, 10);
    assert_int_equal(b.bars[0].high, 14);
    assert_int_equal(b.bars[0].close, 14);
    assert_int_equal(b.bars[0].volume, 3);
    assert_int_equal(b.bars[1].begin_ms, 1020);
    assert_int_equal(b.bars[1].low, 9);
    assert_int_equal(data_vwap(b.bars, 2, 1000), 10285); /* (20 + 14 + 27 + 11) / 7 */
    data_bars_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_the_book_and_notice_gaps),
        cmocka_unit_test(a_bar_has_its_prices_volume_and_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
