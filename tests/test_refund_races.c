/* Refunds raced with refunds, deliveries, reversals and chargebacks: money comes back once. Clean
 * under ThreadSanitizer too (the tsan preset). */
#include "support_trade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void double_refund(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_ESCROW);
    DO(h->w, "shop list", "good", "sword", "stock", "9", NULL);
    for (int paid = 0; paid < 2; paid++) { /* out of escrow, and from who was paid */
        char number[24];
        number_of(number,
                  call_ok(h->w, "shop buy", "good", "sword", "user", "ann", "units", "3", NULL),
                  "purchase");
        if (paid)
            DO(h->w, "shop deliver", "purchase", number, NULL);
        struct racer racers[RACERS];
        size_t refused;
        for (int i = 0; i < RACERS; i++)
            racers[i] = (struct racer){
                .name = "shop refund", .n = 2, .args = {{"purchase", number}, {"units", "1"}}};
        race(h, racers, RACERS);
        assert_int_equal(race_won(racers, RACERS, "already_refunded", &refused), 3);
        assert_int_equal(refused, RACERS - 3);
        assert_int_equal(trade_has(h, "ann", false, 0), 100000);
        assert_int_equal(
            trade_has(h, "smith", false, 0) + trade_has(h, "ann", false, PURPOSE_ESCROW), 0);
        assert_int_equal(trade_has(h, "smith", true, PURPOSE_OFFERS), 9);
    }
    trade_close_whole(h, 200000, 29);
}

static void refund_raced_with_delivery(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_ESCROW);
    DO(h->w, "shop list", "good", "sword", "stock", "9", NULL);
    for (int round = 0; round < 8; round++) {
        char number[24];
        number_of(number, call_ok(h->w, "shop buy", "good", "sword", "user", "ann", NULL),
                  "purchase");
        struct racer racers[RACERS];
        size_t refused, refunds = 0;
        for (int i = 0; i < RACERS; i++)
            racers[i] = (struct racer){.name = i % 2 ? "shop refund" : "shop deliver",
                                       .n = 1,
                                       .args = {{"purchase", number}}};
        race(h, racers, RACERS);
        for (int i = 1; i < RACERS; i += 2)
            refunds += racers[i].status == HEED_OK;
        size_t won = race_won(racers, RACERS, "already_", &refused);
        assert_int_equal(refunds, 1);
        assert_true(won == 1 || won == 2); /* delivered, then refunded: both, in this order */
        assert_int_equal(trade_has(h, "ann", false, 0), 100000);
        assert_int_equal(
            trade_has(h, "ann", false, PURPOSE_ESCROW) + trade_has(h, "smith", false, 0), 0);
    }
    trade_close_whole(h, 200000, 29);
}

/* Whoever keeps the world may not take a purchase's transfers back one by one: the refund is the
 * one way, whoever asks for it. */
static void refund_raced_with_a_reversal_of_the_purchase(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    DO(h->w, "shop list", "good", "sword", "stock", "9", NULL);
    for (int round = 0; round < 8; round++) {
        size_t first = h->w->state.ledger.transfers_n, refused, refunds = 0;
        char number[24], legs[RACERS][24];
        number_of(number, call_ok(h->w, "shop buy", "good", "sword", "user", "ann", NULL),
                  "purchase");
        size_t n = h->w->state.ledger.transfers_n - first;
        assert_true(n >= 2); /* money one way, the piece the other */
        struct racer racers[RACERS];
        for (size_t i = 0; i < RACERS; i++) {
            snprintf(legs[i], sizeof legs[i], "%zu", first + i / 2 % n);
            racers[i] =
                i % 2
                    ? (struct racer){.name = "shop refund", .n = 1, .args = {{"purchase", number}}}
                    : (struct racer){
                          .name = "ledger reverse", .n = 1, .args = {{"transfer", legs[i]}}};
        }
        race(h, racers, RACERS);
        for (int i = 0; i < RACERS; i++) {
            refunds += racers[i].status == HEED_OK;
            if (i % 2 == 0)
                assert_non_null(strstr(racers[i].reply, "made_elsewhere"));
        }
        assert_int_equal(refunds, 1);
        race_won(racers, RACERS, "refused", &refused);
        assert_int_equal(trade_has(h, "ann", false, 0), 100000);
        assert_int_equal(trade_has(h, "smith", false, 0), 0);
        assert_int_equal(trade_has(h, "smith", true, PURPOSE_OFFERS), 9);
        /* nor what the refund moved */
        for (size_t t = first; t < h->w->state.ledger.transfers_n; t++)
            call_refused(h->w, "made_elsewhere", "ledger reverse", "transfer", numbered("", t),
                         NULL);
    }
    trade_close_whole(h, 200000, 29);
}

/* A payment from outside that is taken back: the reversal of what was paid in for it. It takes what
 * is there and never what was spent; with the refund of what was bought of it, in either order,
 * nothing comes back twice. */
static void refund_raced_with_a_chargeback(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    DO(h->w, "user add", "id", "bank", NULL);
    DO(h->w, "ledger issue", "to", "bank", "amount", "1000", NULL);
    DO(h->w, "shop list", "good", "sword", "stock", "9", NULL);
    DO(h->w, "ledger transfer", "from", "ann", "to", "bob", "amount", "1000", NULL);
    for (int round = 0; round < 20; round++) {
        char number[24], paid_in[24];
        number_of(
            paid_in,
            call_ok(h->w, "ledger transfer", "from", "bank", "to", "ann", "amount", "10", NULL),
            "transfer");
        number_of(number, call_ok(h->w, "shop buy", "good", "sword", "user", "ann", NULL),
                  "purchase");
        struct racer racers[RACERS];
        size_t refused, refunds = 0, charged = 0;
        for (int i = 0; i < RACERS; i++)
            racers[i] =
                i % 2
                    ? (struct racer){.name = "shop refund", .n = 1, .args = {{"purchase", number}}}
                    : (struct racer){
                          .name = "ledger reverse", .n = 1, .args = {{"transfer", paid_in}}};
        race(h, racers, RACERS);
        for (int i = 0; i < RACERS; i++) {
            refunds += i % 2 && racers[i].status == HEED_OK;
            charged += i % 2 == 0 && racers[i].status == HEED_OK;
            if (i % 2 == 0 && racers[i].status != HEED_OK)
                assert_true(strstr(racers[i].reply, "insufficient_funds") ||
                            strstr(racers[i].reply, "reversed_before"));
        }
        assert_int_equal(refunds, 1);
        assert_true(charged <= 1);
        race_won(racers, RACERS, "refused", &refused);
        assert_int_equal(trade_has(h, "ann", false, 0), charged ? 0 : 1000);
        assert_int_equal(trade_has(h, "bank", false, 0), charged ? 100000 : 99000);
        if (!charged) /* now it is there */
            DO(h->w, "ledger reverse", "transfer", paid_in, NULL);
        call_refused(h->w, "reversed_before", "ledger reverse", "transfer", paid_in, NULL);
        assert_int_equal(trade_has(h, "smith", true, PURPOSE_OFFERS), 9);
        assert_int_equal(trade_has(h, "bank", false, 0), 100000);
    }
    /* spent and given away: neither */
    char number[24], paid_in[24];
    number_of(paid_in,
              call_ok(h->w, "ledger transfer", "from", "bank", "to", "ann", "amount", "7", NULL),
              "transfer");
    number_of(number, call_ok(h->w, "shop buy", "good", "sword", "user", "ann", NULL), "purchase");
    DO(h->w, "ledger transfer", "from", "ann", "to", "cyd", "amount", "1", "currency", "good:sword",
       NULL);
    call_refused(h->w, "item_gone", "shop refund", "purchase", number, NULL);
    call_refused(h->w, "insufficient_funds", "ledger reverse", "transfer", paid_in, NULL);
    trade_close_whole(h, 300000, 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(double_refund),
        cmocka_unit_test(refund_raced_with_delivery),
        cmocka_unit_test(refund_raced_with_a_reversal_of_the_purchase),
        cmocka_unit_test(refund_raced_with_a_chargeback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
