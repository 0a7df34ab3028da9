/* A ledger saved, damaged, loaded, and short of memory. */
#include "ledger/ledger.h"

#include "support_fault.h"
#include "support_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ── saved ── */

static void fill_small(struct ledger *l)
{
    books_open(l);
    const struct posting legs[] = {LEG(ANN, BOB, 60),
                                   LEG(BOB, HOLDER_POOL, 5),
                                   {HOLDER_POOL, CAM, 5, GOLD, CODE_REWARD_USER, 300, 0, 0, 0, 0}};
    assert_int_equal(books_post(l, 77, legs, 3), REFUSED_NOT);
    assert_int_equal(books_post(l, 78, &(struct posting)LEG(ANN, CAM, 0), 1), REFUSED_NOT);
    assert_true(ledger_open(l, NEW, GEMS) != LEDGER_NONE);
}

static void a_damaged_save_is_found_or_harmless(void **state)
{
    (void)state;
    struct ledger l;
    fill_small(&l);
    assert_round_trip(&LEDGER_KIND, &l);
    assert_damage_is_found_or_harmless(&LEDGER_KIND, &l);
    ledger_deinit(&l);
}

static void a_loaded_ledger_goes_on_as_the_saved_one(void **state)
{
    (void)state;
    struct ledger a, b;
    fill_small(&a);
    struct strbuf bytes = saved_bytes(&LEDGER_KIND, &a);
    size_t used;
    assert_int_equal(saved_load(&LEDGER_KIND, &b, bytes.p, bytes.n, &used, NULL), HEED_OK);
    for (int64_t i = 0; i < 50; i++) {
        const struct posting legs[] = {LEG(HOLDER_ISSUE, NEW, i), LEG(ANN, BOB, i % 4)};
        uint64_t id = 60 + (uint64_t)i;
        assert_int_equal(books_post(&a, id, legs, 2), books_post(&b, id, legs, 2));
    }
    struct strbuf end_a = saved_bytes(&LEDGER_KIND, &a), end_b = saved_bytes(&LEDGER_KIND, &b);
    assert_true(saved_equal(&end_a, &end_b));
    strbuf_deinit(&bytes);
    strbuf_deinit(&end_a);
    strbuf_deinit(&end_b);
    ledger_deinit(&a);
    ledger_deinit(&b);
}

/* Each row spoils a ledger in memory as no posting could, and saves it.                          */
static void spend_too_early(struct ledger *l)
{
    l->transfers[2].amount_minor = 111;
}
static void swap_currency(struct ledger *l)
{
    l->accounts[l->transfers[0].credit].unit = 9;
}
static void pay_itself(struct ledger *l)
{
    l->transfers[2].credit = l->transfers[2].debit;
}
static void no_account(struct ledger *l)
{
    l->transfers[2].credit = (uint32_t)l->accounts_n;
}
static void nobody(struct ledger *l)
{
    l->accounts[1].holder = HOLDER_SYSTEM_END;
}
static void twice(struct ledger *l)
{
    l->accounts[2].holder = l->accounts[1].holder;
}
static void no_code(struct ledger *l)
{
    l->transfers[1].code = 0;
}
static void unknown_code(struct ledger *l)
{
    l->transfers[1].code = CODE_COUNT;
}
static void zero_unnamed(struct ledger *l)
{
    l->transfers[1].amount_minor = 0;
}
static void zero_in_named(struct ledger *l)
{
    l->transfers[7].amount_minor = 0;
}
static void negative(struct ledger *l)
{
    l->transfers[0].amount_minor = -110;
}
static void one_id_twice(struct ledger *l)
{
    l->transfers[5].id_lo = l->transfers[6].id_lo = l->transfers[7].id_lo = 1;
}
static void issue_takes_back(struct ledger *l)
{
    l->transfers[2].credit = ledger_find(l, HOLDER_ISSUE, GOLD);
}

static void what_no_posting_could_make_does_not_load(void **state)
{
    (void)state;
    static void (*const rows[])(struct ledger *) = {
        spend_too_early, swap_currency, pay_itself,      no_account,   nobody,
        twice,           no_code,       unknown_code,    zero_unnamed, zero_in_named,
        negative,        one_id_twice,  issue_takes_back};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger l, loaded;
        fill_small(&l);
        rows[i](&l);
        struct strbuf bytes = saved_bytes(&LEDGER_KIND, &l);
        struct heed_error err = {0};
        size_t used;
        enum heed_status status = saved_load(&LEDGER_KIND, &loaded, bytes.p, bytes.n, &used, &err);
        if (status != HEED_INPUT) {
            print_error("row %zu: expected HEED_INPUT, got %d\n", i, (int)status);
            fail();
        }
        assert_int_equal(loaded.accounts_n + loaded.transfers_n, 0);
        strbuf_deinit(&bytes);
        ledger_deinit(&loaded);
        ledger_deinit(&l);
    }
}

/* ── memory runs out ── */

enum { CROWD = 24 };

static void crowd(struct posting legs[CROWD])
{
    for (uint32_t i = 0; i < CROWD; i++)
        legs[i] = (struct posting){.from = i % 2 ? i : HOLDER_ISSUE,
                                   .to = 100 + i,
                                   .amount_minor = i % 2 ? 0 : 7 + i,
                                   .unit = GEMS + 1,
                                   .code = CODE_ISSUE,
                                   .reference = i};
}

/* `fill` postings before, so that every table is somewhere about to grow.                       */
static void crowd_books(struct ledger *l, uint64_t fill)
{
    books_open(l);
    for (uint64_t i = 0; i < fill; i++)
        books_must_post(l, 1000 + i, (struct posting)LEG(HOLDER_ISSUE, (uint32_t)(200 + i), 1));
}

static long sweep_posting(uint64_t fill)
{
    struct posting legs[CROWD];
    crowd(legs);
    for (long n = 1;; n++) {
        struct ledger l;
        enum refusal refusal;
        uint32_t first;
        crowd_books(&l, fill);
        struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
        fault_fail_at(n);
        enum heed_status status = ledger_post(&l, 1, 0, 5, legs, CROWD, &refusal, &first, NULL);
        fault_off();
        struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(saved_equal(&before, &after), fault_fired());
        assert_int_equal(first == LEDGER_NONE, fault_fired());
        assert_books(&l);
        assert_int_equal(books_post(&l, 5, legs, CROWD), REFUSED_NOT);
        assert_int_equal(books_held(&l, 102, GEMS + 1), 9);
        assert_books(&l);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        ledger_deinit(&l);
        if (!fault_fired())
            return n;
    }
}

static void a_posting_without_memory_changes_nothing(void **state)
{
    (void)state;
    long failures = 0;
    for (uint64_t fill = 0; fill < 30; fill++)
        failures += sweep_posting(fill) - 1;
    assert_true(failures >= 60);
}

static bool empty(const void *x)
{
    const struct ledger *l = x;
    return l->accounts_n + l->transfers_n == 0;
}

static void a_load_without_memory_leaves_nothing(void **state)
{
    (void)state;
    struct ledger l;
    crowd_books(&l, 30);
    assert_true(assert_load_says_when_memory_is_out(&LEDGER_KIND, &l, empty) >= 4);
    ledger_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_save_is_found_or_harmless),
        cmocka_unit_test(a_loaded_ledger_goes_on_as_the_saved_one),
        cmocka_unit_test(what_no_posting_could_make_does_not_load),
        cmocka_unit_test_teardown(a_posting_without_memory_changes_nothing, memory_returns),
        cmocka_unit_test_teardown(a_load_without_memory_leaves_nothing, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
