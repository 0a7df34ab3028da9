/* Many threads on one shared world, from outside the single writer: exactly one wins what there is
 * one of, everyone gets an answer, and the world adds up and replays. Also clean under
 * ThreadSanitizer (the tsan preset). */
#include "support_race.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = RACERS, ROUNDS = 5 };
static const char path[] = "test_races.world";

static char *call(struct heed_world *w, const char *name, const struct heed_arg *args, size_t n)
{
    struct heed_error err;
    struct heed_context context = {RACE_TIME, NULL};
    char *reply = NULL;
    if (heed_call(w, name, &context, args, n, &reply, &err) != HEED_OK)
        fail_msg("%s: %s %s %s", name, err.where, err.message, reply ? reply : "");
    return reply;
}

static void done(struct heed_world *w, const char *name, const struct heed_arg *args, size_t n)
{
    heed_free(call(w, name, args, n));
}

static struct heed_world *open_world(void)
{
    struct heed_world *w = NULL;
    struct heed_error err;
    const struct heed_options options = {.create = 1};
    unlink(path);
    assert_int_equal(heed_open(path, &options, &w, &err), HEED_OK);
    for (int i = 0; i < THREADS; i++) {
        char id[8];
        snprintf(id, sizeof id, "u%d", i);
        done(w, "user add", (struct heed_arg[]){{"id", id}}, 1);
        done(w, "ledger issue", (struct heed_arg[]){{"to", id}, {"amount", "100"}}, 2);
    }
    done(w, "user add", (struct heed_arg[]){{"id", "smith"}}, 1);
    done(w, "good add",
         (struct heed_arg[]){{"id", "sword"},
                             {"name", "Sword"},
                             {"seller", "smith"},
                             {"price", "7"},
                             {"stock", "0"}},
         5);
    return w;
}

static void close_world(struct heed_world *w)
{
    char *reply = NULL;
    struct heed_error err;
    heed_close(w);
    assert_int_equal(heed_verify(path, &reply, &err), HEED_OK);
    assert_non_null(strstr(reply, "\"ok\":true"));
    heed_free(reply);
    unlink(path);
    unlink("test_races.world.lock");
}

static long number_in(const char *reply, const char *key)
{
    const char *at = strstr(reply, key);
    if (!at)
        fail_msg("no %s in %s", key, reply);
    return strtol(at + strlen(key), NULL, 10);
}

static void balance_is(struct heed_world *w, const char *who, long minor)
{
    char *reply = call(w, "ledger balance", (struct heed_arg[]){{"account", who}}, 1);
    if (number_in(reply, "\"balance_minor\":") != minor)
        fail_msg("%s does not have %ld: %s", who, minor, reply);
    heed_free(reply);
}

static size_t run(struct heed_world *w, struct racer racers[THREADS], const char *code,
                  size_t *refused)
{
    race(w, racers, THREADS);
    return race_won(racers, THREADS, code, refused);
}

static void one_buys_the_last_piece(void **unused)
{
    (void)unused;
    struct heed_world *w = open_world();
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[THREADS] = {0};
        size_t refused;
        done(w, "shop list", (struct heed_arg[]){{"good", "sword"}, {"stock", "1"}}, 2);
        for (int i = 0; i < THREADS; i++) {
            struct racer *r = &racers[i];
            snprintf(r->id, sizeof r->id, "u%d", i);
            *r = (struct racer){.name = "shop buy", .n = 2, .args = {{"good", "sword"}}};
            snprintf(r->id, sizeof r->id, "u%d", i);
            r->args[1] = (struct heed_arg){"user", r->id};
        }
        assert_int_equal(run(w, racers, "out_of_stock", &refused), 1);
        assert_int_equal(refused, THREADS - 1);
    }
    char *reply = call(w, "ledger balance", (struct heed_arg[]){{"account", "smith"}}, 1);
    char money[64];
    snprintf(money, sizeof money, "\"balance_minor\":%d", 665 * ROUNDS);
    if (!strstr(reply, money))
        fail_msg("no %s in %s", money, reply);
    heed_free(reply);
    close_world(w);
}

/* A kit of a sword and a shield: of those who buy it and those who buy the last sword, one does,
 * and where it is the sword no shield moves. */
static void a_bundle_races_with_its_last_part(void **unused)
{
    (void)unused;
    struct heed_world *w = open_world();
    static const char *const goods[] = {"shield", "kit"};
    for (int i = 0; i < 2; i++)
        done(w, "good add",
             (struct heed_arg[]){{"id", goods[i]},
                                 {"name", goods[i]},
                                 {"seller", "smith"},
                                 {"price", i ? "8" : "7"}},
             4);
    for (int i = 0; i < 2; i++)
        done(w, "shop bundle",
             (struct heed_arg[]){{"good", "kit"}, {"part", i ? "shield" : "sword"}}, 2);
    done(w, "shop list", (struct heed_arg[]){{"good", "shield"}, {"stock", "1000"}}, 2);
    long kits = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[THREADS] = {0};
        size_t refused;
        done(w, "shop list", (struct heed_arg[]){{"good", "sword"}, {"stock", "1"}}, 2);
        for (int i = 0; i < THREADS; i++) {
            struct racer *r = &racers[i];
            *r = (struct racer){
                .name = "shop buy", .n = 2, .args = {{"good", i % 2 ? "kit" : "sword"}}};
            snprintf(r->id, sizeof r->id, "u%d", i);
            r->args[1] = (struct heed_arg){"user", r->id};
        }
        assert_int_equal(run(w, racers, "out_of_stock", &refused), 1);
        assert_int_equal(refused, THREADS - 1);
        char *reply = call(w, "shop goods", NULL, 0);
        long now = 0;
        const char *at = strstr(reply, "\"good:shield\"");
        assert_non_null(at);
        at = strstr(at, "\"stock\":");
        assert_non_null(at);
        now = 1000 - strtol(at + 8, NULL, 10);
        assert_true(now == kits || now == kits + 1);
        kits = now;
        heed_free(reply);
    }
    balance_is(w, "smith", 665 * (ROUNDS - kits) + 760 * kits);
    close_world(w);
}

/* Of those who refund the same purchase, post or void the same hold, or reverse the same transfer,
 * one does. */
static void one_ends_what_ends_once(void **unused)
{
    (void)unused;
    static const struct {
        const char *names[2]; /* threads in turn ask these */
        const char *code;
    } rows[] = {
        {{"shop refund", "shop refund"}, "already_refunded"},
        {{"ledger post", "ledger void"}, "pending_"},
        {{"ledger reverse", "ledger reverse"}, "reversed_before"},
    };
    struct heed_world *w = open_world();
    done(w, "shop list", (struct heed_arg[]){{"good", "sword"}, {"stock", "99"}}, 2);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
            struct racer racers[THREADS] = {0};
            char *reply, number[24];
            size_t refused;
            if (row == 0)
                reply =
                    call(w, "shop buy", (struct heed_arg[]){{"good", "sword"}, {"user", "u1"}}, 2);
            else
                reply = call(w, row == 1 ? "ledger pending" : "ledger transfer",
                             (struct heed_arg[]){{"from", "u1"}, {"to", "u2"}, {"amount", "3"}}, 3);
            const char *key = row == 0 ? "\"purchase\":" : "\"transfer\":";
            const char *at = strstr(reply, key);
            assert_non_null(at);
            snprintf(number, sizeof number, "%ld", strtol(at + strlen(key), NULL, 10));
            heed_free(reply);
            for (int i = 0; i < THREADS; i++)
                racers[i] = (struct racer){.name = rows[row].names[i % 2],
                                           .n = 1,
                                           .args = {{row == 0 ? "purchase" : "transfer", number}}};
            assert_int_equal(run(w, racers, rows[row].code, &refused), 1);
            assert_int_equal(refused, THREADS - 1);
        }
    }
    close_world(w);
}

/* Opens an auction of a new sword that closes at `closes`, and writes its number. */
static void open_auction(struct heed_world *w, const char *closes, char number[24])
{
    char *reply = call(w, "auction open",
                       (struct heed_arg[]){{"good", "sword"},
                                           {"user", "smith"},
                                           {"new", "1"},
                                           {"closes", closes},
                                           {"buy-now", "9"}},
                       5);
    snprintf(number, 24, "%ld", number_in(reply, "\"auction\":"));
    heed_free(reply);
}

/* Of those who buy at once one has it; the others keep their money. */
static void one_buys_at_once(void **unused)
{
    (void)unused;
    struct heed_world *w = open_world();
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[THREADS] = {0};
        char number[24];
        int winner = 0;
        size_t refused;
        open_auction(w, "2026-03-02", number);
        for (int i = 0; i < THREADS; i++) {
            struct racer *r = &racers[i];
            *r = (struct racer){
                .name = "auction bid", .n = 3, .args = {{"auction", number}, {"buy-now", "1"}}};
            snprintf(r->id, sizeof r->id, "u%d", i);
            r->args[2] = (struct heed_arg){"user", r->id};
        }
        assert_int_equal(run(w, racers, "auction_closed", &refused), 1);
        assert_int_equal(refused, THREADS - 1);
        while (racers[winner].status != HEED_OK)
            winner++;
        char *reply = call(w, "auction show", (struct heed_arg[]){{"auction", number}}, 1), key[32];
        snprintf(key, sizeof key, "\"leader\":\"user:u%d\"", winner);
        if (!strstr(reply, key))
            fail_msg("no %s in %s", key, reply);
        heed_free(reply);
    }
    balance_is(w, "smith", 900L * ROUNDS);
    close_world(w);
}

/* Bids race with the operator who ends it: whoever comes first is answered so, the others are told
 * it is over, and nobody's money stays held. */
static void bids_race_with_the_end(void **unused)
{
    (void)unused;
    struct heed_world *w = open_world();
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[THREADS] = {0};
        char number[24];
        size_t refused;
        open_auction(w, "2026-03-02", number);
        for (int i = 0; i < THREADS; i++) {
            struct racer *r = &racers[i];
            *r = (struct racer){
                .name = "auction bid", .n = 3, .args = {{"auction", number}, {"amount", "5"}}};
            snprintf(r->id, sizeof r->id, "u%d", i);
            r->args[2] = (struct heed_arg){"user", r->id};
            if (i % 16 == round)
                *r = (struct racer){.name = "auction close",
                                    .n = 2,
                                    .args = {{"auction", number}, {"cancel", "1"}}};
        }
        size_t won = run(w, racers, "\"refused\"", &refused);
        int ended = 0;
        for (int i = 0; i < THREADS; i++)
            ended += racers[i].status == HEED_OK && i % 16 == round;
        assert_int_equal(ended, 1);
        /* a second bid of the same amount is one, a third is too little */
        assert_true(won <= 3 && won + refused == THREADS);
    }
    for (int i = 0; i < THREADS; i++) {
        char id[8];
        snprintf(id, sizeof id, "u%d", i);
        balance_is(w, id, 10000);
    }
    close_world(w);
}

/* At the very moment of the close nobody bids any more, whoever is first to say what came of it. */
static void nobody_bids_at_the_close(void **unused)
{
    (void)unused;
    struct heed_world *w = open_world();
    struct racer racers[THREADS] = {0};
    struct heed_error err;
    char number[24], *reply = NULL;
    size_t refused;
    struct heed_context before = {RACE_TIME - 60000, NULL};
    const struct heed_arg open[] = {
        {"good", "sword"}, {"user", "smith"}, {"new", "1"}, {"closes", "1767225600"}};
    assert_int_equal(heed_call(w, "auction open", &before, open, 4, &reply, &err), HEED_OK);
    snprintf(number, sizeof number, "%ld", number_in(reply, "\"auction\":"));
    heed_free(reply);
    const struct heed_arg bid[] = {{"auction", number}, {"user", "u5"}, {"amount", "5"}};
    assert_int_equal(heed_call(w, "auction bid", &before, bid, 3, &reply, &err), HEED_OK);
    heed_free(reply);
    for (int i = 0; i < THREADS; i++) {
        struct racer *r = &racers[i];
        *r = (struct racer){.name = i % 2 ? "auction bid" : "auction close",
                            .n = i % 2 ? 3 : 1,
                            .args = {{"auction", number}, {"amount", "50"}}};
        snprintf(r->id, sizeof r->id, "u%d", i);
        r->args[2] = (struct heed_arg){"user", r->id};
    }
    assert_int_equal(run(w, racers, "auction_closed", &refused), THREADS / 2);
    assert_int_equal(refused, THREADS / 2);
    balance_is(w, "u5", 9999); /* alone: the start */
    balance_is(w, "smith", 1);
    close_world(w);
}

/* One id from all threads moves once, and all are told of the same transfer. */
static void one_id_moves_once(void **unused)
{
    (void)unused;
    struct heed_world *w = open_world();
    struct racer racers[THREADS] = {0};
    size_t refused;
    for (int i = 0; i < THREADS; i++)
        racers[i] = (struct racer){
            .name = "ledger transfer",
            .n = 4,
            .args = {{"from", "u1"}, {"to", "u2"}, {"amount", "30"}, {"id", "once"}}};
    assert_int_equal(run(w, racers, "nothing", &refused), THREADS);
    char *reply = call(w, "ledger balance", (struct heed_arg[]){{"account", "u2"}}, 1);
    assert_non_null(strstr(reply, "\"balance_minor\":13000"));
    heed_free(reply);
    close_world(w);
}

static void number_of(char number[24], char *reply, const char *key)
{
    const char *at = strstr(reply, key);
    assert_non_null(at);
    snprintf(number, 24, "%ld", strtol(at + strlen(key), NULL, 10));
    heed_free(reply);
}

static void must_hold(struct heed_world *w, const char *account, const char *words)
{
    char *reply = call(w, "ledger balance", (struct heed_arg[]){{"account", account}}, 1);
    if (!strstr(reply, words))
        fail_msg("no %s in %s", words, reply);
    heed_free(reply);
}

static struct heed_world *open_market(void)
{
    struct heed_world *w = open_world();
    done(w, "ledger issue",
         (struct heed_arg[]){{"to", "smith"}, {"amount", "50"}, {"currency", "good:sword"}}, 3);
    done(w, "exchange open", (struct heed_arg[]){{"good", "sword"}}, 1);
    return w;
}

static char *sell_one(struct heed_world *w)
{
    return call(
        w, "exchange place",
        (struct heed_arg[]){
            {"good", "sword"}, {"user", "smith"}, {"side", "sell"}, {"price", "7"}, {"size", "1"}},
        5);
}

/* Of those who buy the last piece for sale at once or not at all, and those who cancel it, one has
 * it. Immediate orders that come late are answered, and get nothing. */
static void an_order_is_filled_or_cancelled_once(void **unused)
{
    (void)unused;
    struct heed_world *w = open_market();
    int cancelled = 0, filled = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racers[THREADS] = {0};
        char number[24];
        number_of(number, sell_one(w), "\"order\":");
        int won = 0;
        for (int i = 0; i < THREADS; i++) {
            struct racer *r = &racers[i];
            *r = (struct racer){.name = "exchange cancel", .n = 2};
            snprintf(r->id, sizeof r->id, "u%d", i);
            r->args[0] = (struct heed_arg){"good", "sword"};
            r->args[1] = (struct heed_arg){"order", number};
            if ((i + round) % 2 == 0) {
                const struct heed_arg buy[] = {{"user", r->id},
                                               {"side", "buy"},
                                               {"price", "7"},
                                               {"size", "1"},
                                               {"tif", "ioc"}};
                r->name = "exchange place";
                memcpy(r->args + 1, buy, sizeof buy);
                r->n = 6;
            }
        }
        race(w, racers, THREADS);
        for (int i = 0; i < THREADS; i++) {
            const struct racer *r = &racers[i];
            assert_non_null(r->reply);
            bool has = r->status == HEED_OK && (r->n == 2 || strstr(r->reply, "\"filled\":1"));
            won += has;
            cancelled += has && r->n == 2;
            filled += has && r->n == 6;
            if (r->status != HEED_OK && !strstr(r->reply, "unknown_order"))
                fail_msg("thread %d: status %d, %s", i, (int)r->status, r->reply);
            heed_free(r->reply);
        }
        assert_int_equal(won, 1);
    }
    assert_int_equal(cancelled + filled, ROUNDS);
    char money[64];
    snprintf(money, sizeof money, "\"currency\":\"gold\",\"balance_minor\":%d", 700 * filled);
    must_hold(w, "smith", money);
    close_world(w);
}

/* Sixty-four who want what one sells: as many pieces are sold as there were. */
static void no_more_is_sold_than_there_is(void **unused)
{
    (void)unused;
    struct heed_world *w = open_market();
    struct racer racers[THREADS] = {0};
    size_t refused;
    done(w, "exchange place",
         (struct heed_arg[]){
             {"good", "sword"}, {"user", "smith"}, {"side", "sell"}, {"price", "7"}, {"size", "5"}},
         5);
    for (int i = 0; i < THREADS; i++) {
        struct racer *r = &racers[i];
        *r = (struct racer){.name = "exchange place", .n = 6};
        snprintf(r->id, sizeof r->id, "u%d", i);
        const struct heed_arg buy[] = {{"good", "sword"}, {"user", r->id}, {"side", "buy"},
                                       {"price", "7"},    {"size", "1"},   {"tif", "ioc"}};
        memcpy(r->args, buy, sizeof buy);
    }
    assert_int_equal(run(w, racers, "nothing", &refused), THREADS);
    must_hold(w, "smith", "\"currency\":\"gold\",\"balance_minor\":3500");
    close_world(w);
}

/* A malformed call in a round hurts nobody else's. */
static void a_bad_call_hurts_nobody(void **unused)
{
    (void)unused;
    struct heed_world *w = open_world();
    struct racer racers[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){
            .name = i % 4 == 0 ? "user add" : "ledger transfer",
            .n = i % 4 == 0 ? 1 : 3,
            .args = {{"from", "u1"}, {"to", "u2"}, {"amount", i % 4 == 1 ? "x" : "1"}}};
        if (i % 4 == 0)
            racers[i].args[0] = (struct heed_arg){"id", "system:new"};
    }
    race(w, racers, THREADS);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(racers[i].status, i % 4 < 2 ? HEED_USAGE : HEED_OK);
        heed_free(racers[i].reply);
    }
    char *reply = call(w, "ledger balance", (struct heed_arg[]){{"account", "u2"}}, 1);
    assert_non_null(strstr(reply, "\"balance_minor\":13200"));
    heed_free(reply);
    close_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_buys_the_last_piece),
        cmocka_unit_test(a_bundle_races_with_its_last_part),
        cmocka_unit_test(one_ends_what_ends_once),
        cmocka_unit_test(one_buys_at_once),
        cmocka_unit_test(bids_race_with_the_end),
        cmocka_unit_test(nobody_bids_at_the_close),
        cmocka_unit_test(one_id_moves_once),
        cmocka_unit_test(an_order_is_filled_or_cancelled_once),
        cmocka_unit_test(no_more_is_sold_than_there_is),
        cmocka_unit_test(a_bad_call_hurts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
