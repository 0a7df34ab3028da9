/* Posting: refusals and their order, what moves, idempotency. */
#include "ledger/ledger.h"

#include "base/hash.h"
#include "support_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ── refusals ── */

static void each_refusal_is_the_first_that_applies(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint64_t id;
        size_t n;
        struct posting legs[3];
        enum refusal refusal;
    } rows[] = {
        {"an id with another amount", 1, 1, {LEG(HOLDER_ISSUE, ANN, 111)}, REFUSED_id_reused},
        {"an id with one leg more",
         1,
         2,
         {LEG(HOLDER_ISSUE, ANN, 110), LEG(HOLDER_ISSUE, ANN, 1)},
         REFUSED_id_reused},
        {"an id with no leg", 1, 0, {LEG(HOLDER_ISSUE, ANN, 110)}, REFUSED_id_reused},
        {"a known id before a negative amount", 1, 1, {LEG(ANN, BOB, -1)}, REFUSED_id_reused},
        {"a known id before too much", 1, 1, {LEG(ANN, BOB, 101)}, REFUSED_id_reused},
        {"a negative amount", 0, 1, {LEG(ANN, BOB, -1)}, REFUSED_not_positive},
        {"the most negative amount", 0, 1, {LEG(ANN, BOB, INT64_MIN)}, REFUSED_not_positive},
        {"negative before same account", 0, 1, {LEG(ANN, ANN, -1)}, REFUSED_not_positive},
        {"negative in a later leg before same account in the first",
         0,
         2,
         {LEG(ANN, ANN, 1), LEG(ANN, BOB, -1)},
         REFUSED_not_positive},
        {"negative in a later leg before too much in the first",
         0,
         2,
         {LEG(ANN, BOB, 101), LEG(ANN, BOB, -1)},
         REFUSED_not_positive},
        {"an account pays itself", 0, 1, {LEG(ANN, ANN, 1)}, REFUSED_same_account},
        {"issue pays itself", 0, 1, {LEG(HOLDER_ISSUE, HOLDER_ISSUE, 1)}, REFUSED_same_account},
        {"same account in a later leg before a system account in the first",
         0,
         2,
         {LEG(ANN, HOLDER_ISSUE, 1), LEG(BOB, BOB, 1)},
         REFUSED_same_account},
        {"same account before too much", 0, 1, {LEG(ANN, ANN, 101)}, REFUSED_same_account},
        {"issue takes nothing back", 0, 1, {LEG(ANN, HOLDER_ISSUE, 1)}, REFUSED_system_account},
        {"retire gives nothing", 0, 1, {LEG(HOLDER_RETIRE, ANN, 1)}, REFUSED_system_account},
        {"system account before too much",
         0,
         1,
         {LEG(ANN, HOLDER_ISSUE, 101)},
         REFUSED_system_account},
        {"more than is there", 0, 1, {LEG(ANN, BOB, 101)}, REFUSED_insufficient_funds},
        {"all there could be", 0, 1, {LEG(ANN, BOB, INT64_MAX)}, REFUSED_insufficient_funds},
        {"from an empty account", 0, 1, {LEG(CAM, BOB, 1)}, REFUSED_insufficient_funds},
        {"from who has no account", 0, 1, {LEG(NEW, BOB, 1)}, REFUSED_insufficient_funds},
        {"from the empty pool", 0, 1, {LEG(HOLDER_POOL, ANN, 1)}, REFUSED_insufficient_funds},
        {"in a currency not held", 0, 1, {GEM(ANN, BOB, 1)}, REFUSED_insufficient_funds},
        {"the third leg asks too much",
         0,
         3,
         {LEG(ANN, NEW, 60), LEG(BOB, NEW, 50), LEG(ANN, BOB, 41)},
         REFUSED_insufficient_funds},
        {"a leg before the one that funds it",
         0,
         2,
         {LEG(CAM, NEW, 1), LEG(ANN, CAM, 1)},
         REFUSED_insufficient_funds},
        {"more funds than overflow", 0, 1, {GEM(BOB, RICH, 1)}, REFUSED_insufficient_funds},
        {"more issued than can be counted", 0, 1, {GEM(HOLDER_ISSUE, BOB, 1)}, REFUSED_overflow},
        {"more received than can be counted",
         0,
         2,
         {GEM(RICH, BOB, 1), GEM(BOB, RICH, 1)},
         REFUSED_overflow},
        {"the first leg that cannot apply decides",
         0,
         2,
         {GEM(HOLDER_ISSUE, BOB, 1), LEG(ANN, BOB, 101)},
         REFUSED_overflow},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger l;
        books_open(&l);
        struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
        enum refusal refusal;
        uint32_t first = 0;
        bool repeated = true;
        assert_int_equal(ledger_post(&l, 2000, 0, rows[i].id, rows[i].legs, rows[i].n, &refusal,
                                     &first, &repeated),
                         HEED_OK);
        struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
        if (refusal != rows[i].refusal || first != LEDGER_NONE || repeated ||
            !saved_equal(&before, &after)) {
            print_error("%s: expected %s, got %s%s\n", rows[i].what, refusal_code(rows[i].refusal),
                        refusal_code(refusal),
                        saved_equal(&before, &after) ? "" : ", and the ledger changed");
            fail();
        }
        assert_books(&l);
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        ledger_deinit(&l);
    }
}

/* ── what is posted ── */

static void later_legs_see_earlier_ones(void **state)
{
    (void)state;
    struct ledger l;
    books_open(&l);
    const struct posting legs[] = {LEG(ANN, NEW, 100), LEG(NEW, CAM, 99), LEG(CAM, BOB, 98)};
    uint32_t first;
    enum refusal refusal;
    assert_int_equal(ledger_post(&l, 5, 7, 7, legs, 3, &refusal, &first, NULL), HEED_OK);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_int_equal(first, l.transfers_n - 3);
    assert_int_equal(l.transfers[first].time_ms, 5);
    assert_int_equal(books_held(&l, ANN, GOLD), 0);
    assert_int_equal(books_held(&l, NEW, GOLD), 1);
    assert_int_equal(books_held(&l, CAM, GOLD), 1);
    assert_int_equal(books_held(&l, BOB, GOLD), 148);
    assert_books(&l);
    ledger_deinit(&l);
}

static void an_account_holds_all_that_can_be_counted_and_no_more(void **state)
{
    (void)state;
    struct ledger l;
    books_open(&l);
    books_must_post(&l, 0, (struct posting)GEM(RICH, BOB, INT64_MAX));
    assert_int_equal(books_held(&l, BOB, GEMS), INT64_MAX);
    assert_int_equal(books_post(&l, 0, &(struct posting)GEM(BOB, RICH, INT64_MAX), 1),
                     REFUSED_overflow);
    books_must_post(&l, 0, (struct posting)GEM(BOB, HOLDER_RETIRE, INT64_MAX));
    struct ledger_totals t = ledger_totals(&l, GEMS);
    assert_int_equal(t.issued_minor, INT64_MAX);
    assert_int_equal(t.retired_minor, INT64_MAX);
    assert_int_equal(t.supply_minor, 0);
    assert_books(&l);
    ledger_deinit(&l);
}

static void zero_amounts_leave_no_transfer(void **state)
{
    (void)state;
    struct ledger l;
    books_open(&l);
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    assert_int_equal(books_post(&l, 0, &(struct posting)LEG(ANN, NEW, 0), 1), REFUSED_NOT);
    struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
    assert_true(saved_equal(&before, &after));

    const struct posting legs[] = {LEG(ANN, NEW, 0), LEG(ANN, BOB, 1), LEG(NEW, BOB, 0)};
    size_t n = l.transfers_n;
    assert_int_equal(books_post(&l, 9, legs, 3), REFUSED_NOT);
    assert_int_equal(l.transfers_n, n + 1);
    assert_int_equal(ledger_find(&l, NEW, GOLD), LEDGER_NONE);
    strbuf_deinit(&before);
    strbuf_deinit(&after);
    ledger_deinit(&l);
}

/* ── idempotency ── */

static void the_same_id_and_body_move_money_once_whenever_they_come(void **state)
{
    (void)state;
    struct ledger l;
    books_open(&l);
    const struct posting legs[] = {LEG(ANN, BOB, 60), LEG(BOB, CAM, 5)};
    uint32_t first, again;
    bool repeated;
    enum refusal refusal;
    assert_int_equal(ledger_post(&l, 1, 3, 4, legs, 2, &refusal, &first, &repeated), HEED_OK);
    assert_false(repeated);
    books_must_post(&l, 0, (struct posting)LEG(ANN, BOB, 40));
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    assert_int_equal(ledger_post(&l, 99, 3, 4, legs, 2, &refusal, &again, &repeated), HEED_OK);
    struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
    assert_int_equal(refusal, REFUSED_NOT);
    assert_true(repeated);
    assert_int_equal(again, first);
    assert_true(saved_equal(&before, &after));
    strbuf_deinit(&before);
    strbuf_deinit(&after);
    ledger_deinit(&l);
}

static void every_part_of_the_body_counts(void **state)
{
    (void)state;
    static const struct posting body = {ANN, BOB, 10, GOLD, CODE_TRANSFER, 3, 0, 0, 0, 0};
    static const struct posting others[] = {
        {CAM, BOB, 10, GOLD, CODE_TRANSFER, 3, 0, 0, 0, 0},
        {ANN, CAM, 10, GOLD, CODE_TRANSFER, 3, 0, 0, 0, 0},
        {ANN, BOB, 11, GOLD, CODE_TRANSFER, 3, 0, 0, 0, 0},
        {ANN, BOB, 10, GEMS, CODE_TRANSFER, 3, 0, 0, 0, 0},
        {ANN, BOB, 10, GOLD, CODE_SALE, 3, 0, 0, 0, 0},
        {ANN, BOB, 10, GOLD, CODE_TRANSFER, 4, 0, 0, 0, 0},
        {ANN, BOB, 10, GOLD, CODE_TRANSFER, 3, 0, 0, 1, 0},
    };
    struct ledger l;
    books_open(&l);
    books_must_post(&l, 70, body);
    books_must_post(&l, 71, (struct posting)LEG(ANN, BOB, 1));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(books_post(&l, 70, &others[i], 1), REFUSED_id_reused);
    assert_int_equal(books_post(&l, 70, (struct posting[]){body, body}, 2), REFUSED_id_reused);
    books_must_post(&l, 70, body);
    assert_int_equal(books_held(&l, BOB, GOLD), 61);
    ledger_deinit(&l);
}

static void a_named_posting_of_nothing_is_remembered(void **state)
{
    (void)state;
    struct ledger l;
    books_open(&l);
    const struct posting legs[] = {LEG(ANN, BOB, 0), LEG(ANN, CAM, 0)};
    uint32_t first, again;
    bool repeated;
    enum refusal refusal;
    assert_int_equal(ledger_post(&l, 1, 0, 8, legs, 2, &refusal, &first, NULL), HEED_OK);
    assert_int_equal(l.transfers[first].amount_minor, 0);
    assert_int_equal(first, l.transfers_n - 1);
    assert_int_equal(ledger_post(&l, 1, 0, 8, legs, 2, &refusal, &again, &repeated), HEED_OK);
    assert_true(repeated);
    assert_int_equal(first, again);
    assert_int_equal(books_post(&l, 8, &(struct posting)LEG(ANN, BOB, 1), 1), REFUSED_id_reused);
    assert_round_trip(&LEDGER_KIND, &l);
    ledger_deinit(&l);
}

/* A refused posting leaves its id free.                                                         */
static void a_refused_id_can_be_used_again(void **state)
{
    (void)state;
    struct ledger l;
    books_open(&l);
    assert_int_equal(books_post(&l, 5, &(struct posting)LEG(NEW, BOB, 5), 1),
                     REFUSED_insufficient_funds);
    books_must_post(&l, 0, (struct posting)LEG(ANN, NEW, 5));
    books_must_post(&l, 5, (struct posting)LEG(NEW, BOB, 5));
    assert_int_equal(books_held(&l, BOB, GOLD), 55);
    ledger_deinit(&l);
}

/* Ids chosen so that the table's keys are equal, as an attacker would.                           */
static void ids_with_one_mix_stay_apart(void **state)
{
    (void)state;
    const uint64_t golden = 0x9e3779b97f4a7c15u;
    struct ledger l;
    books_open(&l);
    for (int turn = 0; turn < 2; turn++)
        for (uint64_t hi = 0; hi < 40; hi++) {
            struct posting leg = LEG(HOLDER_ISSUE, BOB, (int64_t)hi + 1);
            uint64_t lo = hash_u64(hi + golden) ^ 12345 ^ (hi % 4);
            enum refusal refusal;
            bool repeated;
            assert_int_equal(ledger_post(&l, 0, hi, lo, &leg, 1, &refusal, NULL, &repeated),
                             HEED_OK);
            assert_int_equal(refusal, REFUSED_NOT);
            assert_int_equal(repeated, turn);
        }
    assert_int_equal(books_held(&l, BOB, GOLD), 50 + 40 * 41 / 2);
    assert_round_trip(&LEDGER_KIND, &l);
    ledger_deinit(&l);
}

/* ── names ── */

static void names_and_numbers_agree(void **state)
{
    (void)state;
    static const struct {
        uint32_t holder;
        const char *name;
    } rows[] = {{HOLDER_ISSUE, "system:issue"},
                {HOLDER_RETIRE, "system:retire"},
                {HOLDER_POOL, "system:pool"},
                {HOLDER_SHOP, "system:shop"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(holder_system_name(rows[i].holder), rows[i].name);
        assert_int_equal(holder_of_system_name(str_of(rows[i].name)), rows[i].holder);
    }
    assert_null(holder_system_name(0));
    assert_null(holder_system_name(HOLDER_SYSTEM_END));
    assert_int_equal(holder_of_system_name(STR("system:bank")), UINT32_MAX);
    for (int code = 1; code < CODE_COUNT; code++)
        assert_true(transfer_code_name((enum transfer_code)code)[0] != '\0');
    assert_string_equal(transfer_code_name(CODE_REWARD_CREATOR), "reward_creator");
    assert_string_equal(transfer_code_name((enum transfer_code)0), "");
    assert_string_equal(transfer_code_name(CODE_COUNT), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_is_the_first_that_applies),
        cmocka_unit_test(later_legs_see_earlier_ones),
        cmocka_unit_test(an_account_holds_all_that_can_be_counted_and_no_more),
        cmocka_unit_test(zero_amounts_leave_no_transfer),
        cmocka_unit_test(the_same_id_and_body_move_money_once_whenever_they_come),
        cmocka_unit_test(every_part_of_the_body_counts),
        cmocka_unit_test(a_named_posting_of_nothing_is_remembered),
        cmocka_unit_test(a_refused_id_can_be_used_again),
        cmocka_unit_test(ids_with_one_mix_stay_apart),
        cmocka_unit_test(names_and_numbers_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
