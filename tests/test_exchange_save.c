/* A market saved, damaged, loaded, and short of memory. */
#include "circulation/exchange.h"

#include "support_fault.h"
#include "support_saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct held {
    struct exchange *x;
};

static void save(const void *x, struct sink *k)
{
    exchange_save(((const struct held *)x)->x, k);
}

static enum heed_status load(void *x, struct source *k, struct heed_error *err)
{
    return exchange_load(&((struct held *)x)->x, k, err);
}

static void deinit(void *x)
{
    exchange_free(((struct held *)x)->x);
    ((struct held *)x)->x = NULL;
}

/* Sums over all accounts are not told by one file: a flipped balance is another market. */
static void check(const void *x)
{
    assert_non_null(((const struct held *)x)->x);
}

static bool empty(const void *x)
{
    return ((const struct held *)x)->x == NULL;
}

static const struct saved_kind KIND = {sizeof(struct held), save, load, deinit, check};

static const struct exchange_ask asks[] = {
    {.id_lo = 1, .price = 100, .size = 9, .display = 2, .account = 0},
    {.id_lo = 2, .price = 101, .size = 9, .account = 0, .tif = EXCHANGE_GTT, .expires_ms = 900},
    {.id_lo = 3, .price = 100, .size = 4, .account = 1, .side = EXCHANGE_SELL},
    {.id_lo = 4, .price = 103, .size = 5, .account = 1, .side = EXCHANGE_SELL, .post_only = 1},
    {.id_lo = 5, .op = EXCHANGE_STOP_LIMIT, .stop = 105, .price = 106, .size = 3, .account = 0},
    {.id_lo = 6, .op = EXCHANGE_STOP, .stop = 90, .size = 3, .account = 1, .side = EXCHANGE_SELL},
    {.id_lo = 7, .price = 103, .size = 1, .account = 0, .tif = EXCHANGE_IOC},
    {.id_hi = 7, .id_lo = 8, .price = 99, .size = 2, .account = 0, .stp = EXCHANGE_STP_BOTH},
};
enum { ASKS = sizeof asks / sizeof *asks };

static struct exchange_settings settings(void)
{
    struct exchange_settings s = exchange_defaults();
    s.taker_ppm = 2500;
    s.maker_ppm = -1000;
    s.rounding = EXCHANGE_CEILING;
    s.static_ppm = 100000;
    s.dynamic_ppm = 90000;
    s.remember = 3;
    s.funded = 1;
    return s;
}

static struct exchange *filled(size_t n, struct exchange_out *out)
{
    const struct exchange_settings s = settings();
    struct exchange *x = exchange_new(&s);
    struct exchange_answer answer;
    assert_non_null(x);
    assert_int_equal(exchange_account(x, 11, 100000, 50), 0);
    assert_int_equal(exchange_account(x, 12, 5, EXCHANGE_UNLIMITED), 1);
    for (size_t i = 0; i < n; i++) {
        struct exchange_ask a = asks[i];
        a.owner = EXCHANGE_NONE;
        assert_int_equal(exchange_apply(x, 100 + (int64_t)i, &a, &answer, out), HEED_OK);
        assert_int_equal(answer.refusal, REFUSED_NOT);
    }
    return x;
}

static void a_damaged_save_is_found_or_harmless(void **state)
{
    (void)state;
    struct exchange_out out = {0};
    struct held h = {filled(ASKS, &out)};
    assert_round_trip(&KIND, &h);
    assert_damage_is_found_or_harmless(&KIND, &h);
    assert_true(assert_load_says_when_memory_is_out(&KIND, &h, empty) > 5);
    deinit(&h);
    exchange_out_deinit(&out);
}

static void a_command_without_memory_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ASKS; i++)
        for (long n = 1;; n++) {
            struct exchange_out out = {0}, fresh = {0};
            struct exchange_answer answer;
            struct held h = {filled(i, &out)};
            struct exchange_ask a = asks[i];
            a.owner = EXCHANGE_NONE;
            assert_int_equal(exchange_advance(h.x, 150, &out), HEED_OK);
            struct strbuf before = saved_bytes(&KIND, &h);
            fault_fail_at(n);
            enum heed_status status = exchange_apply(h.x, 150, &a, &answer, &fresh);
            fault_off();
            bool fired = fault_fired();
            assert_int_equal(status, fired ? HEED_NOMEM : HEED_OK);
            struct strbuf after = saved_bytes(&KIND, &h);
            assert_int_equal(saved_equal(&before, &after), fired);
            assert_null(exchange_broken(h.x));
            strbuf_deinit(&before);
            strbuf_deinit(&after);
            exchange_out_deinit(&out);
            exchange_out_deinit(&fresh);
            deinit(&h);
            if (!fired)
                break;
        }
}

static void a_new_market_says_when_memory_is_out(void **state)
{
    (void)state;
    const struct exchange_settings s = settings();
    for (long n = 1;; n++) {
        fault_fail_at(n);
        struct exchange *x = exchange_new(&s);
        bool ok = x && exchange_account(x, 1, 5, 5) != EXCHANGE_NONE;
        fault_off();
        assert_int_equal(ok, !fault_fired());
        exchange_free(x);
        if (!fault_fired())
            break;
    }
}

/* Room is made by doubling: a market that has seen its size asks for no more memory. */
static void a_steady_market_allocates_nothing(void **state)
{
    (void)state;
    const struct exchange_settings s = exchange_defaults();
    struct exchange *x = exchange_new(&s);
    struct exchange_out out = {0};
    struct exchange_answer answer;
    exchange_account(x, 1, 0, 0);
    exchange_account(x, 2, 0, 0);
    for (uint64_t i = 1; i <= 300000; i++) {
        const struct exchange_ask a = {.id_lo = i,
                                       .price = 100 + (int64_t)(i * 7 % 11) - (i % 2 ? 4 : -4),
                                       .size = 1 + (int64_t)(i % 9),
                                       .side = (uint8_t)(i % 2),
                                       .account = (uint32_t)(i % 2),
                                       .owner = EXCHANGE_NONE};
        const struct exchange_ask c = {.id_lo = i - 40,
                                       .op = EXCHANGE_CANCEL,
                                       .account = EXCHANGE_NONE,
                                       .owner = EXCHANGE_NONE};
        if (i == 200000)
            fault_fail_at(0);
        out.n = 0;
        assert_int_equal(exchange_apply(x, 5, &a, &answer, &out), HEED_OK);
        assert_int_equal(exchange_apply(x, 5, &c, &answer, &out), HEED_OK);
    }
    fault_off();
    assert_int_equal(fault_count(), 0);
    exchange_out_deinit(&out);
    exchange_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_damaged_save_is_found_or_harmless, memory_returns),
        cmocka_unit_test_teardown(a_command_without_memory_changes_nothing, memory_returns),
        cmocka_unit_test_teardown(a_new_market_says_when_memory_is_out, memory_returns),
        cmocka_unit_test_teardown(a_steady_market_allocates_nothing, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
