/* The duplication bugs by which other virtual worlds lost their economies, each a test of its
 * name. In each exactly one side wins, everybody is answered, and of every unit there is as much as
 * before. Clean under ThreadSanitizer too (the tsan preset). */
#include "support_trade.h"

#include "import/import.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 25 };

/* Whatever the reason is: refused, and nothing has changed. */
#define REFUSED_WHOLE(h, ...)                                                                      \
    do {                                                                                           \
        struct sha256 before_it = hash_of((h)->w);                                                 \
        assert_int_equal(call_as((h)->w, NULL, T0, NULL, __VA_ARGS__, NULL), HEED_REFUSED);        \
        assert_true(sha256_eq(before_it, hash_of((h)->w)));                                        \
    } while (0)

/* ── buy-out raced with cancellation ── */

static void buy_out_of_an_auction_raced_with_its_cancellation(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    int64_t sold = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char number[24];
        number_of(number,
                  call_ok(h->w, "auction open", "good", "sword", "user", "cyd", "closes",
                          "2026-01-02", "buy-now", "9", NULL),
                  "auction");
        struct racer two[2] = {
            {.name = "auction bid",
             .n = 3,
             .args = {{"auction", number}, {"user", "ann"}, {"buy-now", "1"}}},
            {.name = "auction close",
             .n = 2,
             .args = {{"auction", number}, {round % 2 ? "withdraw" : "cancel", "1"}}},
        };
        sold += one_of(h, two, "auction_closed") == 0;
        assert_int_equal(trade_has(h, "ann", true, 0), sold);
        assert_int_equal(trade_has(h, "ann", false, 0), 100000 - 900 * sold);
        assert_int_equal(trade_has(h, "cyd", true, 0), 20 - sold);
        assert_int_equal(trade_has(h, "cyd", false, 0), 900 * sold);
        assert_int_equal(
            trade_has(h, "ann", false, PURPOSE_BIDS) + trade_has(h, "cyd", true, PURPOSE_BIDS), 0);
        if (sold == 20) { /* cyd has none left */
            DO(h->w, "ledger transfer", "from", "ann", "to", "cyd", "amount", "20", "currency",
               "good:sword", NULL);
            break;
        }
    }
    trade_close_whole(h, 200000, 20);
}

static void buy_out_of_a_shop_offer_raced_with_its_withdrawal(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    int64_t sold = 0;
    for (int round = 0; round < ROUNDS && sold < 20; round++) {
        char number[24];
        number_of(number,
                  call_ok(h->w, "shop resell", "good", "sword", "user", "cyd", "price", "3", NULL),
                  "offer");
        struct racer two[2] = {
            {.name = "shop buy",
             .n = 3,
             .args = {{"good", "sword"}, {"user", "ann"}, {"offer", number}}},
            {.name = "shop withdraw", .n = 1, .args = {{"offer", number}}},
        };
        sold += one_of(h, two, "refused") == 0;
        assert_int_equal(trade_has(h, "ann", true, 0), sold);
        assert_int_equal(trade_has(h, "cyd", true, 0), 20 - sold);
        assert_int_equal(trade_has(h, "cyd", true, PURPOSE_OFFERS), 0);
        assert_int_equal(trade_has(h, "cyd", false, 0), 300 * sold);
    }
    trade_close_whole(h, 200000, 20);
}

static void purchase_of_a_reservation_raced_with_letting_it_go(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    DO(h->w, "shop list", "good", "sword", "stock", "40", NULL);
    int64_t sold = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char number[24];
        number_of(number, call_ok(h->w, "shop reserve", "good", "sword", "user", "ann", NULL),
                  "reservation");
        struct racer two[2] = {
            {.name = "shop buy",
             .n = 3,
             .args = {{"good", "sword"}, {"user", "ann"}, {"reservation", number}}},
            {.name = "shop unreserve", .n = 1, .args = {{"reservation", number}}},
        };
        sold += one_of(h, two, "pending_") == 0;
        assert_int_equal(trade_has(h, "ann", true, 0), sold);
        assert_int_equal(trade_has(h, "smith", true, PURPOSE_OFFERS), 40 - sold);
    }
    trade_close_whole(h, 200000, 60);
}

/* ── an offer accepted twice ── */

static void offer_accepted_twice(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    char number[24], first[24];
    number_of(number,
              call_ok(h->w, "shop resell", "good", "sword", "user", "cyd", "price", "3", NULL),
              "offer");
    /* in sequence: by the id of the first time it is the same purchase, by another none */
    json_t *bought = call_ok(h->w, "shop buy", "good", "sword", "user", "ann", "offer", number,
                             "id", "a1", NULL);
    json_t *again = call_ok(h->w, "shop buy", "good", "sword", "user", "ann", "offer", number, "id",
                            "a1", NULL);
    assert_true(json_is_true(json_object_get(again, "repeated")));
    json_object_set_new(again, "repeated", json_false());
    assert_true(json_equal(bought, again));
    json_decref(again);
    number_of(first, bought, "purchase");
    assert_string_equal(first, "0");
    call_refused(h->w, "out_of_stock", "shop buy", "good", "sword", "user", "ann", "offer", number,
                 "id", "a2", NULL);
    call_refused(h->w, "out_of_stock", "shop buy", "good", "sword", "user", "bob", "offer", number,
                 NULL);
    assert_int_equal(trade_has(h, "ann", true, 0), 1);
    assert_int_equal(trade_has(h, "cyd", false, 0), 300);
    /* raced: by two people, then by one person who sends it twice */
    for (int round = 0; round < 8; round++) {
        const char *other = round % 2 ? "ann" : "bob";
        number_of(number,
                  call_ok(h->w, "shop resell", "good", "sword", "user", "cyd", "price", "3", NULL),
                  "offer");
        struct racer racers[RACERS];
        size_t refused;
        for (int i = 0; i < RACERS; i++)
            racers[i] = (struct racer){
                .name = "shop buy",
                .n = 3,
                .args = {{"good", "sword"}, {"user", i % 2 ? "ann" : other}, {"offer", number}}};
        race(h, racers, RACERS);
        assert_int_equal(race_won(racers, RACERS, "out_of_stock", &refused), 1);
        assert_int_equal(refused, RACERS - 1);
        assert_int_equal(trade_has(h, "cyd", true, 0), 18 - round);
        assert_int_equal(trade_has(h, "cyd", false, 0), 300 * (round + 2));
    }
    assert_int_equal(trade_has(h, "ann", true, 0) + trade_has(h, "bob", true, 0), 9);
    trade_close_whole(h, 200000, 20);
}

/* What was held for an offer is paid out once, whoever takes it up and however often. */
static void held_payment_taken_up_twice(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    for (int round = 0; round < 8; round++) {
        char number[24];
        number_of(number,
                  call_ok(h->w, "ledger pending", "from", "ann", "to", "bob", "amount", "5", NULL),
                  "transfer");
        struct racer racers[RACERS];
        size_t refused;
        for (int i = 0; i < RACERS; i++)
            racers[i] =
                (struct racer){.name = "ledger post", .n = 1, .args = {{"transfer", number}}};
        race(h, racers, RACERS);
        assert_int_equal(race_won(racers, RACERS, "pending_posted", &refused), 1);
        assert_int_equal(trade_has(h, "bob", false, 0), 100000 + 500 * (round + 1));
    }
    trade_close_whole(h, 200000, 20);
}

/* ── a stack split into negative parts ── */

static void stack_split_into_negative_parts(void **unused)
{
    (void)unused;
    static const char *const amounts[] = {
        "0", "-1", "-20", "21", "-9223372036854775808", "9223372036854775807", "1000000001",
    };
    struct heed_world *h = trade_open(TRADE_PLAIN);
    char hold[24], bought[24];
    DO(h->w, "exchange open", "good", "sword", NULL);
    DO(h->w, "exchange place", "good", "sword", "user", "cyd", "side", "sell", "price", "5", "size",
       "2", NULL);
    number_of(hold,
              call_ok(h->w, "ledger pending", "from", "cyd", "to", "bob", "amount", "2", "currency",
                      "good:sword", NULL),
              "transfer");
    DO(h->w, "shop resell", "good", "sword", "user", "cyd", "price", "3", "units", "4", NULL);
    number_of(
        bought,
        call_ok(h->w, "shop buy", "good", "sword", "user", "ann", "offer", "0", "units", "2", NULL),
        "purchase");
    /* the argument that is split stands last; cyd has 12 free, an order of 2, a hold of 2, an offer
     * of 2, ann two bought ones */
    const char *const rows[][12] = {
        {"ledger transfer", "from", "cyd", "to", "ann", "currency", "good:sword", "amount"},
        {"ledger pending", "from", "cyd", "to", "ann", "currency", "good:sword", "amount"},
        {"ledger retire", "from", "cyd", "currency", "good:sword", "amount"},
        {"ledger post", "transfer", hold, "amount"},
        {"shop resell", "good", "sword", "user", "cyd", "price", "3", "units"},
        {"shop buy", "good", "sword", "user", "ann", "offer", "0", "units"},
        {"shop refund", "purchase", bought, "units"},
        {"shop reserve", "good", "sword", "user", "bob", "offer", "0", "units"},
        {"exchange place", "good", "sword", "user", "cyd", "side", "sell", "price", "5", "size"},
        {"exchange replace", "good", "sword", "order", "1", "size"},
        {"auction open", "good", "sword", "user", "cyd", "kind", "uniform", "closes", "2026-01-02",
         "units"},
    };
    struct sha256 before = hash_of(h->w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < sizeof amounts / sizeof *amounts; k++) {
            struct heed_arg args[8];
            size_t n = 0, at = 1;
            for (; rows[i][at + 1]; at += 2)
                args[n++] = (struct heed_arg){rows[i][at], rows[i][at + 1]};
            args[n++] = (struct heed_arg){rows[i][at], amounts[k]};
            struct heed_context context = {T0, NULL};
            struct heed_error err;
            char *reply = NULL;
            enum heed_status status = heed_call(h, rows[i][0], &context, args, n, &reply, &err);
            if ((status != HEED_REFUSED && status != HEED_USAGE) ||
                !sha256_eq(before, hash_of(h->w)))
                fail_msg("%s %s %s: %d %s", rows[i][0], rows[i][at], amounts[k], (int)status,
                         reply ? reply : "");
            heed_free(reply);
        }
    }
    /* bids for units of an auction that sells three */
    char number[24];
    number_of(number,
              call_ok(h->w, "auction open", "good", "sword", "user", "cyd", "kind", "uniform",
                      "closes", "2026-01-02", "units", "3", NULL),
              "auction");
    before = hash_of(h->w);
    static const char *const bids[][2] = {{"0", "1"},   {"-1", "1"}, {"-9223372036854775808", "1"},
                                          {"1", "0"},   {"1", "-5"}, {"5", "9223372036854775807"},
                                          {"-1", "-1"}, {"0", "0"}};
    for (size_t i = 0; i < sizeof bids / sizeof *bids; i++) {
        enum heed_status status =
            call_as(h->w, NULL, T0, NULL, "auction bid", "auction", number, "user", "ann", "units",
                    bids[i][0], "amount", bids[i][1], NULL);
        if ((status != HEED_REFUSED && status != HEED_USAGE) || !sha256_eq(before, hash_of(h->w)))
            fail_msg("a bid for %s at %s: %d", bids[i][0], bids[i][1], (int)status);
    }
    trade_close_whole(h, 200000, 20);
}

/* ── prices that overflow ── */

static void price_times_size_that_overflows(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    DO(h->w, "exchange open", "good", "sword", "taker", "1000", NULL);
    DO(h->w, "shop list", "good", "sword", "unlimited", "1", NULL);
    DO(h->w, "shop list", "good", "sword", "price", "92233720368547758.07", NULL);
    DO(h->w, "ledger issue", "to", "cyd", "amount", "4611686018427387000", "currency", "good:sword",
       NULL);
    DO(h->w, "shop resell", "good", "sword", "user", "cyd", "price", "92233720368547758.07",
       "units", "1000000000", NULL);
    struct ledger_totals gold = ledger_totals(&h->w->state.ledger, 0);
    uint32_t sword = item_unit(world_find_target(h->w, STR("good:sword")));
    /* 2^63 and more wraps to a little, or to less than nothing */
    static const char *const sizes[] = {"2", "3", "4", "1000000000"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        REFUSED_WHOLE(h, "shop buy", "good", "sword", "user", "ann", "units", sizes[i]);
        REFUSED_WHOLE(h, "shop buy", "good", "sword", "user", "ann", "offer", "0", "units",
                      sizes[i]);
    }
    static const char *const orders[][2] = {
        {"92233720368547758.07", "2"},
        {"46116860184273879.04", "4"},   /* 2^62 x 4 = 2^64: nothing */
        {"0.02", "4611686018427387904"}, /* 2 x 2^62 = 2^63 */
        {"0.04", "4611686018427387904"}, /* 2^64 */
        {"42949672.96", "4294967296"},   /* 2^32 x 2^32 = 2^64 */
        {"0.01", "9223372036854775807"}, /* fits alone, not with its fee */
        {"92233720368547758.07", "9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        REFUSED_WHOLE(h, "exchange place", "good", "sword", "user", "ann", "side", "buy", "price",
                      orders[i][0], "size", orders[i][1]);
    char number[24];
    number_of(number,
              call_ok(h->w, "auction open", "good", "sword", "user", "cyd", "kind", "uniform",
                      "closes", "2026-01-02", "units", "1000", NULL),
              "auction");
    REFUSED_WHOLE(h, "auction bid", "auction", number, "user", "ann", "units", "3", "amount",
                  "92233720368547758.07");
    trade_close_whole(h, gold.supply_minor, ledger_totals(&h->w->state.ledger, sword).supply_minor);
}

/* ── a name changed during a trade ── */

static void import_users(struct heed_world *h, const char *text)
{
    char *file = test_path("users.csv");
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    struct import_result result = {0};
    const struct import_options options = {0};
    const struct heed_context context = {T0, NULL};
    struct heed_error err = {0};
    assert_int_equal(import_file(h->w, &context, IMPORT_USERS, file, &options, &result, &err),
                     HEED_OK);
    assert_int_equal(result.total.applied, 0);
    assert_int_equal(result.total.refused, 1);
    import_result_deinit(&result);
    unlink(file);
    free(file);
}

/* Everything of value is by the person's number, which no import changes: neither another name
 * under the same id nor the id said another way makes somebody of whom there are two. */
static void rename_of_the_holder_during_a_trade(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_ESCROW);
    char auction[24];
    DO(h->w, "shop list", "good", "sword", "stock", "1", NULL);
    DO(h->w, "shop buy", "good", "sword", "user", "ann", NULL);
    DO(h->w, "exchange open", "good", "sword", NULL);
    DO(h->w, "exchange place", "good", "sword", "user", "ann", "side", "buy", "price", "5", "size",
       "2", NULL);
    number_of(
        auction,
        call_ok(h->w, "auction open", "good", "sword", "user", "cyd", "closes", "2026-01-02", NULL),
        "auction");
    DO(h->w, "auction bid", "auction", auction, "user", "ann", "amount", "11", NULL);
    import_users(h, "id,name,role\nann,Anna Other,operator\n");
    import_users(h, "id,name\nuser:ann,Ann Again\n");
    call_refused(h->w, "exists", "user add", "id", "ann", "name", "Second", NULL);
    DO(h->w, "exchange place", "good", "sword", "user", "cyd", "side", "sell", "price", "5", "size",
       "2", NULL);
    DO(h->w, "shop deliver", "purchase", "0", NULL);
    assert_int_equal(call_as(h->w, NULL, T0 + DAY, NULL, "auction close", "auction", auction, NULL),
                     HEED_OK);
    assert_int_equal(trade_has(h, "ann", true, 0), 4);
    assert_int_equal(trade_has(h, "ann", false, 0), 100000 - 700 - 1000 - 1);
    assert_int_equal(trade_has(h, "cyd", true, 0), 17);
    /* the shop's fee leaves the world */
    trade_close_whole(h, 200000 - 35, 21);
}

/* Erasure is the one change of a name that there is: with everything he has open. It races with
 * whoever would take it up. What was open ends once; the name is then nobody's, and whoever takes
 * it has nothing. */
static void erasure_of_the_holder_raced_with_a_trade(void **unused)
{
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        struct heed_world *h = trade_open(TRADE_ESCROW);
        char auction[24], hold[24];
        uint32_t ann = world_find_user(h->w, STR("ann"));
        const struct ledger *l = &h->w->state.ledger;
        DO(h->w, "shop list", "good", "sword", "stock", "1", NULL);
        DO(h->w, "shop buy", "good", "sword", "user", "ann", NULL);
        DO(h->w, "exchange open", "good", "sword", NULL);
        DO(h->w, "exchange place", "good", "sword", "user", "ann", "side", "buy", "price", "5",
           "size", "1", NULL);
        number_of(auction,
                  call_ok(h->w, "auction open", "good", "sword", "user", "cyd", "closes",
                          "2026-01-02", NULL),
                  "auction");
        DO(h->w, "auction bid", "auction", auction, "user", "ann", "amount", "11", NULL);
        number_of(hold,
                  call_ok(h->w, "ledger pending", "from", "ann", "to", "bob", "amount", "3", NULL),
                  "transfer");
        struct racer four[4] = {
            {.name = "user erase", .n = 1, .args = {{"user", "ann"}}},
            {.name = "exchange place",
             .n = 6,
             .args = {{"good", "sword"},
                      {"user", "cyd"},
                      {"side", "sell"},
                      {"price", "5"},
                      {"size", "1"},
                      {"tif", "ioc"}}},
            {.name = "ledger post", .n = 1, .args = {{"transfer", hold}}},
            {.name = "shop deliver", .n = 1, .args = {{"purchase", "0"}}},
        };
        size_t refused;
        race(h, four, 4);
        bool sold = four[1].status == HEED_OK && strstr(four[1].reply, "\"filled\":1") != NULL;
        bool posted = four[2].status == HEED_OK, erased = four[0].status == HEED_OK;
        assert_true(erased);
        race_won(four, 4, "erased", &refused);
        assert_int_equal(trade_has(h, "cyd", true, 0), 19 - sold);
        assert_int_equal(trade_has(h, "cyd", false, 0), 500 * sold);
        assert_int_equal(trade_has(h, "bob", false, 0), 100000 + 300 * posted);
        const uint32_t orders = ledger_find_for(l, ann, 0, PURPOSE_ORDERS),
                       bids = ledger_find_for(l, ann, 0, PURPOSE_BIDS);
        assert_int_equal(ledger_balance(l, orders), 0);
        assert_int_equal(ledger_balance(l, bids), 0);
        assert_int_equal(
            call_as(h->w, NULL, T0 + DAY, NULL, "auction close", "auction", auction, NULL),
            HEED_OK);
        assert_int_equal(trade_has(h, "cyd", true, 0), 20 - sold);
        json_t *reply = NULL;
        enum heed_status status = call_as(h->w, NULL, T0, &reply, "user add", "id", "ann", NULL);
        json_decref(reply);
        if (status == HEED_OK) {
            assert_true(world_find_user(h->w, STR("ann")) != ann);
            assert_int_equal(trade_has(h, "ann", false, 0) + trade_has(h, "ann", true, 0), 0);
        }
        int64_t fee = trade_has(h, "smith", false, 0) > 0 ? 35 : 0;
        trade_close_whole(h, 200000 - fee, 21);
    }
}

/* What somebody offered is not sold after he is gone, put aside or not: he cannot be paid. */
static void offer_that_outlives_its_seller(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    uint32_t cyd = world_find_user(h->w, STR("cyd"));
    uint32_t sword = item_unit(world_find_target(h->w, STR("good:sword")));
    const struct ledger *l = &h->w->state.ledger;
    DO(h->w, "shop resell", "good", "sword", "user", "cyd", "price", "3", "units", "5", NULL);
    DO(h->w, "shop reserve", "good", "sword", "offer", "0", "user", "ann", "units", "2", NULL);
    DO(h->w, "shop list", "good", "sword", "stock", "3", NULL);
    DO(h->w, "shop reserve", "good", "sword", "user", "cyd", NULL);
    DO(h->w, "user erase", "user", "cyd", NULL);
    assert_int_equal(ledger_balance(l, ledger_find_for(l, cyd, sword, PURPOSE_OFFERS)), 0);
    assert_int_equal(ledger_balance(l, ledger_find(l, cyd, sword)), 20);
    assert_int_equal(
        catalogue_good(&h->w->state.catalogue, world_find_target(h->w, STR("good:sword")))->stock,
        3);
    call_refused(h->w, "not_listed", "shop buy", "good", "sword", "user", "ann", "reservation", "0",
                 NULL);
    call_refused(h->w, "not_listed", "shop buy", "good", "sword", "user", "bob", "offer", "0",
                 NULL);
    DO(h->w, "shop reserve", "good", "sword", "user", "bob", NULL);
    DO(h->w, "user erase", "user", "smith", NULL);
    call_refused(h->w, "not_listed", "shop buy", "good", "sword", "user", "bob", "reservation", "2",
                 NULL);
    trade_close_whole(h, 200000, 23);
}

/* ── a connection lost during delivery ── */

/* The client dies after its command was sent: sent again with the same id it is told the same, and
 * nothing happens twice; what ends once has ended. */
static void connection_lost_during_delivery(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_ESCROW);
    DO(h->w, "shop list", "good", "sword", "stock", "9", NULL);
    struct racer racers[RACERS];
    size_t refused;
    for (int i = 0; i < RACERS; i++)
        racers[i] = (struct racer){
            .name = "shop buy",
            .n = 4,
            .args = {{"good", "sword"}, {"user", "ann"}, {"units", "3"}, {"id", "b1"}}};
    race(h, racers, RACERS);
    for (int i = 0; i < RACERS; i++)
        assert_non_null(strstr(racers[i].reply, "\"purchase\":0"));
    assert_int_equal(race_won(racers, RACERS, "nothing", &refused), RACERS);
    assert_int_equal(trade_has(h, "ann", true, 0), 3);
    assert_int_equal(trade_has(h, "ann", false, PURPOSE_ESCROW), 2100);
    for (int i = 0; i < RACERS; i++)
        racers[i] = (struct racer){.name = "shop deliver", .n = 1, .args = {{"purchase", "0"}}};
    race(h, racers, RACERS);
    assert_int_equal(race_won(racers, RACERS, "already_delivered", &refused), 1);
    assert_int_equal(trade_has(h, "smith", false, 0), 1995);
    for (int i = 0; i < RACERS; i++)
        racers[i] = (struct racer){.name = "shop refund",
                                   .n = 3,
                                   .args = {{"purchase", "0"}, {"units", "1"}, {"id", "r1"}}};
    race(h, racers, RACERS);
    assert_int_equal(race_won(racers, RACERS, "nothing", &refused), RACERS);
    assert_int_equal(trade_has(h, "ann", true, 0), 2);
    assert_int_equal(trade_has(h, "ann", false, 0), 100000 - 1400);
    trade_close_whole(h, 200000 - 70, 29);
}

/* The machine's process is killed between the delivery and the reply to it. */
static void server_killed_between_delivery_and_reply(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_ESCROW);
    struct heed_error err;
    int64_t before = 0;
    enum { KILLS = 12 };
    DO(h->w, "shop list", "good", "sword", "stock", "99", NULL);
    for (int k = 0; k < KILLS; k++) {
        char number[24];
        int fds[2], status;
        char told;
        number_of(number, call_ok(h->w, "shop buy", "good", "sword", "user", "ann", NULL),
                  "purchase");
        heed_close(h);
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            char *reply;
            const struct heed_context context = {T0, NULL};
            const struct heed_arg args[] = {{"purchase", number}};
            if (heed_open(trade_path, NULL, &h, &err) != HEED_OK || write(fds[1], "1", 1) != 1)
                _exit(3);
            if (heed_call(h, "shop deliver", &context, args, 1, &reply, &err) != HEED_OK)
                _exit(4);
            kill(getpid(), SIGKILL); /* done, durable, and nobody is told */
        }
        assert_int_equal(read(fds[0], &told, 1), 1);
        if (k % 3 == 0) /* somewhere within the delivery */
            kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        close(fds[0]);
        close(fds[1]);
        assert_int_equal(heed_open(trade_path, NULL, &h, &err), HEED_OK);
        bool delivered = trade_has(h, "smith", false, 0) == before + 665;
        assert_true(delivered || (k % 3 == 0 && trade_has(h, "smith", false, 0) == before));
        if (delivered)
            call_refused(h->w, "already_delivered", "shop deliver", "purchase", number, NULL);
        else
            DO(h->w, "shop deliver", "purchase", number, NULL);
        before += 665;
        assert_int_equal(trade_has(h, "smith", false, 0), before);
        assert_int_equal(trade_has(h, "ann", false, PURPOSE_ESCROW), 0);
        assert_int_equal(trade_has(h, "ann", true, 0), k + 1);
    }
    trade_close_whole(h, 200000 - 35 * KILLS, 20 + 99);
}

/* ── who leaves during a trade ── */

/* Heed knows no sessions: whoever is barred (frozen) while his order is open still trades by it
 * once, or has it cancelled; his hold goes one way. */
static void trader_frozen_during_a_trade(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_PLAIN);
    int64_t sold = 0;
    DO(h->w, "exchange open", "good", "sword", NULL);
    for (int round = 0; round < 20; round++) {
        char number[24];
        number_of(number,
                  call_ok(h->w, "exchange place", "good", "sword", "user", "ann", "side", "buy",
                          "price", "5", "size", "1", NULL),
                  "order");
        struct racer three[3] = {
            {.name = "ledger freeze", .n = 1, .args = {{"account", "ann"}}},
            {.name = "exchange cancel", .n = 2, .args = {{"good", "sword"}, {"order", number}}},
            {.name = "exchange place",
             .n = 6,
             .args = {{"good", "sword"},
                      {"user", "cyd"},
                      {"side", "sell"},
                      {"price", "5"},
                      {"size", "1"},
                      {"tif", "ioc"}}},
        };
        size_t refused;
        race(h, three, 3);
        bool cancelled = three[1].status == HEED_OK,
             filled = strstr(three[2].reply, "\"filled\":1") != NULL;
        assert_true(cancelled != filled);
        race_won(three, 3, "unknown_order", &refused);
        sold += filled;
        assert_int_equal(trade_has(h, "ann", true, 0), sold);
        assert_int_equal(trade_has(h, "ann", false, 0), 100000 - 500 * sold);
        assert_int_equal(trade_has(h, "ann", false, PURPOSE_ORDERS), 0);
        call_refused(h->w, "account_frozen", "ledger transfer", "from", "ann", "to", "bob",
                     "amount", "1", NULL);
        DO(h->w, "ledger freeze", "account", "ann", "thaw", "1", NULL);
    }
    trade_close_whole(h, 200000, 20);
}

/* A replacement that many connections send again while it is filled opens its size once. */
static void replacement_sent_again_while_it_fills(void **unused)
{
    (void)unused;
    enum { WAS = 5, NEW = 4, SENT = RACERS / 2 };
    struct heed_world *h = trade_open(TRADE_PLAIN);
    DO(h->w, "exchange open", "good", "sword", NULL);
    for (int round = 0; round < ROUNDS; round++) {
        char number[24];
        struct racer all[RACERS];
        char mine[16];
        snprintf(mine, sizeof mine, "r%d", round);
        number_of(number,
                  call_ok(h->w, "exchange place", "good", "sword", "user", "ann", "side", "buy",
                          "price", "5", "size", "5", NULL),
                  "order");
        for (size_t i = 0; i < RACERS; i++)
            all[i] = i < SENT ? (struct racer){.name = "exchange replace",
                                               .n = 4,
                                               .args = {{"good", "sword"},
                                                        {"order", number},
                                                        {"size", "4"},
                                                        {"id", mine}}}
                              : (struct racer){.name = "exchange place",
                                               .n = 6,
                                               .args = {{"good", "sword"},
                                                        {"user", "cyd"},
                                                        {"side", "sell"},
                                                        {"price", "5"},
                                                        {"size", "1"},
                                                        {"tif", "ioc"}}};
        race(h, all, RACERS);
        size_t done = 0, refused;
        for (size_t i = 0; i < SENT; i++)
            done += all[i].status == HEED_OK && strstr(all[i].reply, "\"repeated\":false");
        assert_true(done <= 1);
        race_won(all, RACERS, "unknown_order", &refused);
        DO(h->w, "exchange place", "good", "sword", "user", "cyd", "side", "sell", "price", "5",
           "size", "9", "tif", "ioc", NULL);
        int64_t got = trade_has(h, "ann", true, 0);
        assert_true(done ? got >= NEW && got < WAS + NEW : got == WAS);
        assert_int_equal(trade_has(h, "ann", false, PURPOSE_ORDERS), 0);
        char back[24];
        snprintf(back, sizeof back, "%lld", (long long)got);
        DO(h->w, "ledger transfer", "from", "ann", "to", "cyd", "amount", back, "currency",
           "good:sword", NULL);
    }
    trade_close_whole(h, 200000, 20);
}

/* ── a world that is set back ── */

static void run_sql(const char *sql)
{
    sqlite3 *db;
    char *why = NULL;
    assert_int_equal(sqlite3_open(trade_path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

/* Brought back from an older snapshot and the journal, and from the journal alone: the same world,
 * in which what was traded after the snapshot is traded, and once. */
static void rollback_to_an_older_snapshot(void **unused)
{
    (void)unused;
    struct heed_world *h = trade_open(TRADE_ESCROW);
    struct heed_error err;
    DO(h->w, "shop list", "good", "sword", "stock", "99", NULL);
    DO(h->w, "exchange open", "good", "sword", NULL);
    for (int day = 0; day < 3; day++) {
        DO(h->w, "shop buy", "good", "sword", "user", "ann", "id", numbered("b", (uint64_t)day),
           NULL);
        DO(h->w, "exchange place", "good", "sword", "user", "cyd", "side", "sell", "price", "5",
           "size", "2", "id", numbered("o", (uint64_t)day), NULL);
        DO(h->w, "exchange place", "good", "sword", "user", "bob", "side", "buy", "price", "5",
           "size", "1", NULL);
        heed_close(h);
        assert_int_equal(heed_open(trade_path, NULL, &h, &err), HEED_OK);
    }
    DO(h->w, "shop deliver", "purchase", "0", NULL);
    struct sha256 whole = hash_of(h->w);
    for (int less = 0; less < 3; less++) {
        heed_close(h);
        if (less == 0)
            run_sql("DELETE FROM snapshot_parts WHERE batch = (SELECT max(batch) FROM snapshots);"
                    "DELETE FROM snapshots WHERE batch = (SELECT max(batch) FROM snapshots)");
        else if (less == 1)
            run_sql("DELETE FROM snapshot_parts; DELETE FROM snapshots");
        assert_int_equal(heed_open(trade_path, NULL, &h, &err), HEED_OK);
        assert_true(sha256_eq(whole, hash_of(h->w)));
    }
    /* what was done is done, under whatever is left of snapshots */
    json_t *again = call_ok(h->w, "shop buy", "good", "sword", "user", "ann", "id", "b2", NULL);
    assert_true(json_is_true(json_object_get(again, "repeated")));
    json_decref(again);
    call_refused(h->w, "already_delivered", "shop deliver", "purchase", "0", NULL);
    assert_int_equal(trade_has(h, "ann", true, 0), 3);
    assert_int_equal(trade_has(h, "bob", true, 0), 3);
    assert_int_equal(trade_has(h, "smith", false, 0), 665);
    trade_close_whole(h, 200000 - 35, 119);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buy_out_of_an_auction_raced_with_its_cancellation),
        cmocka_unit_test(buy_out_of_a_shop_offer_raced_with_its_withdrawal),
        cmocka_unit_test(purchase_of_a_reservation_raced_with_letting_it_go),
        cmocka_unit_test(offer_accepted_twice),
        cmocka_unit_test(held_payment_taken_up_twice),
        cmocka_unit_test(stack_split_into_negative_parts),
        cmocka_unit_test(price_times_size_that_overflows),
        cmocka_unit_test(rename_of_the_holder_during_a_trade),
        cmocka_unit_test(erasure_of_the_holder_raced_with_a_trade),
        cmocka_unit_test(offer_that_outlives_its_seller),
        cmocka_unit_test(connection_lost_during_delivery),
        cmocka_unit_test(server_killed_between_delivery_and_reply),
        cmocka_unit_test(trader_frozen_during_a_trade),
        cmocka_unit_test(replacement_sent_again_while_it_fills),
        cmocka_unit_test(rollback_to_an_older_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
