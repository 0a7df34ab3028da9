/* The exchange of a world: its money and pieces are transfers of the ledger and nothing else.
 * Random orders are held against a market of plain lists that keeps purses and what is set aside of
 * them. */
#include "support_world.h"

#include "base/prng.h"
#include "circulation/items.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char rules[] = "currencies: [{code: gold, scale: 2}, {code: gem, scale: 0}]\n";

static struct world *market_of(const char *maker, const char *taker)
{
    struct world *w = world_with_rules(rules);
    json_decref(call_ok(w, "user add", "id", "smith", NULL));
    json_decref(call_ok(w, "good add", "id", "sword", "name", "Sword", "seller", "smith", "price",
                        "5", NULL));
    json_decref(call_ok(w, "exchange open", "good", "sword", "maker", maker, "taker", taker, "tick",
                        "0.05", NULL));
    return w;
}

static void person(struct world *w, const char *id, const char *gold, const char *swords)
{
    json_decref(call_ok(w, "user add", "id", id, NULL));
    json_decref(call_ok(w, "ledger issue", "to", id, "amount", gold, NULL));
    if (swords)
        json_decref(
            call_ok(w, "ledger issue", "to", id, "amount", swords, "currency", "good:sword", NULL));
}

static int64_t has(const struct world *w, const char *id, bool swords, uint16_t purpose)
{
    const struct ledger *l = &w->state.ledger;
    uint32_t unit = swords ? item_unit(world_find_target(w, STR("good:sword"))) : 0;
    return ledger_balance(l, ledger_find_for(l, world_find_user(w, str_of(id)), unit, purpose));
}

/* ── a market of plain lists ── */

enum { PEOPLE = 6, ORDERS = 6000, STEPS = 4000, PPM = 1000000, TICK = 5 };
static const int64_t maker_ppm = 3300, taker_ppm = 7700;

struct plain_order {
    int64_t number, price, left, fee_sum; /* fee_sum: in millionths */
    int who;
    bool buys, open;
};

struct plain {
    struct plain_order o[ORDERS];
    int64_t n, gold[PEOPLE], swords[PEOPLE], fees;
};

/* Rounded down over all trades of an order. */
static int64_t fee_of(struct plain_order *o, int64_t ppm, int64_t value)
{
    int64_t before = o->fee_sum / PPM;
    o->fee_sum += ppm * value;
    return o->fee_sum / PPM - before;
}

/* What a buy needs: its price, and the fee at the higher rate. */
static int64_t need_of(const struct plain_order *o)
{
    int64_t value = o->price * o->left;
    if (!o->buys)
        return o->left;
    return value + (o->fee_sum + taker_ppm * value) / PPM - o->fee_sum / PPM;
}

static int64_t set_aside(const struct plain *p, int who, bool buys)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < p->n; i++)
        if (p->o[i].open && p->o[i].who == who && p->o[i].buys == buys)
            sum += need_of(&p->o[i]);
    return sum;
}

static struct plain_order *best_against(struct plain *p, const struct plain_order *o)
{
    struct plain_order *best = NULL;
    for (int64_t i = 0; i < p->n; i++) {
        struct plain_order *m = &p->o[i];
        if (!m->open || m == o || m->buys == o->buys ||
            (o->buys ? m->price > o->price : m->price < o->price))
            continue;
        if (!best || (o->buys ? m->price < best->price : m->price > best->price))
            best = m;
    }
    return best;
}

static void plain_trade(struct plain *p, struct plain_order *o, struct plain_order *m)
{
    int64_t size = o->left < m->left ? o->left : m->left, value = size * m->price;
    int64_t taken = fee_of(o, taker_ppm, value), given = fee_of(m, maker_ppm, value);
    struct plain_order *buy = o->buys ? o : m, *sell = o->buys ? m : o;
    p->gold[buy->who] -= value + (o->buys ? taken : given);
    p->gold[sell->who] += value - (o->buys ? given : taken);
    p->swords[buy->who] += size;
    p->swords[sell->who] -= size;
    p->fees += taken + given;
    o->left -= size;
    m->left -= size;
    m->open = m->left > 0;
}

/* "" or the refusal's code. */
static const char *plain_place(struct plain *p, int who, bool buys, int64_t price, int64_t size,
                               bool rests)
{
    struct plain_order *o = &p->o[p->n], *m;
    assert_true(p->n < ORDERS);
    *o = (struct plain_order){p->n + 1, price, size, 0, who, buys, true};
    if (need_of(o) > (buys ? p->gold[who] : p->swords[who]) - set_aside(p, who, buys))
        return buys ? "insufficient_funds" : "insufficient_items";
    p->n++;
    while (o->left > 0 && (m = best_against(p, o)) != NULL && m->who != who)
        plain_trade(p, o, m);
    o->open = rests && o->left > 0 && !best_against(p, o); /* its own: the newest goes */
    return "";
}

/* ── random orders ── */

static const char *amount_text(char buffer[32], int64_t minor)
{
    snprintf(buffer, 32, "%lld.%02d", (long long)(minor / 100), (int)(minor % 100));
    return buffer;
}

static void compare(const struct world *w, const struct plain *p, uint64_t step)
{
    for (int i = 0; i < PEOPLE; i++) {
        const char *id = numbered("u", (uint64_t)i);
        int64_t gold = set_aside(p, i, true), swords = set_aside(p, i, false);
        if (has(w, id, false, PURPOSE_ORDERS) != gold ||
            has(w, id, true, PURPOSE_ORDERS) != swords ||
            has(w, id, false, 0) != p->gold[i] - gold ||
            has(w, id, true, 0) != p->swords[i] - swords)
            fail_msg("step %llu, %s: has %lld gold, %lld in orders, %lld swords, %lld in orders; "
                     "should have %lld, %lld, %lld, %lld",
                     (unsigned long long)step, id, (long long)has(w, id, false, 0),
                     (long long)has(w, id, false, PURPOSE_ORDERS), (long long)has(w, id, true, 0),
                     (long long)has(w, id, true, PURPOSE_ORDERS), (long long)(p->gold[i] - gold),
                     (long long)gold, (long long)(p->swords[i] - swords), (long long)swords);
    }
    assert_int_equal(
        ledger_balance(&w->state.ledger, ledger_find(&w->state.ledger, HOLDER_RETIRE, 0)), p->fees);
}

static void step_once(struct world *w, struct plain *p, struct prng *r, uint64_t step)
{
    char price_text[32], size_text[32], number[32];
    int who = (int)prng_below(r, PEOPLE);
    const char *id = numbered("u", (uint64_t)who), *expected = "";
    json_t *reply = NULL;
    enum heed_status status;
    if (p->n > 0 && prng_below(r, 4) == 0) {
        struct plain_order *o =
            &p->o[p->n - 1 - (int64_t)prng_below(r, p->n < 60 ? (uint64_t)p->n : 60)];
        expected = !o->open ? "unknown_order" : o->who != who ? "not_your_order" : "";
        snprintf(number, sizeof number, "%lld", (long long)o->number);
        status =
            call_as(w, id, T0, &reply, "exchange cancel", "good", "sword", "order", number, NULL);
        if (!*expected)
            o->open = false;
    } else {
        bool buys = prng_below(r, 2), rests = prng_below(r, 5) != 0;
        int64_t price = TICK * (90 + (int64_t)prng_below(r, 20));
        int64_t size = 1 + (int64_t)prng_below(r, 9);
        snprintf(size_text, sizeof size_text, "%lld", (long long)size);
        status = call_as(w, id, T0, &reply, "exchange place", "good", "sword", "side",
                         buys ? "buy" : "sell", "price", amount_text(price_text, price), "size",
                         size_text, "tif", rests ? "gtc" : "ioc", NULL);
        expected = plain_place(p, who, buys, price, size, rests);
    }
    const char *code =
        json_string_value(json_object_get(json_object_get(reply, "refused"), "code"));
    if ((status == HEED_OK) != !*expected || (code && strcmp(code, expected) != 0))
        fail_msg("step %llu: status %d %s, expected %s", (unsigned long long)step, (int)status,
                 code ? code : "", expected);
    json_decref(reply);
}

static void random_orders_move_what_plain_lists_say(void **state)
{
    (void)state;
    struct world *w = market_of("3300", "7700");
    struct plain *p = calloc(1, sizeof *p);
    struct prng r;
    prng_seed(&r, 20260301);
    for (int i = 0; i < PEOPLE; i++) {
        person(w, numbered("u", (uint64_t)i), "400", "60");
        p->gold[i] = 40000;
        p->swords[i] = 60;
    }
    for (uint64_t step = 0; step < STEPS; step++) {
        step_once(w, p, &r, step);
        if (step % 16 == 0 || step + 1 == STEPS)
            compare(w, p, step);
    }
    assert_true(p->fees > 0 && w->state.venues.list[0].trades_n > STEPS / 8);
    world_close(restored_from(w));
    assert_verified(w);
    world_close(w);
    free(p);
}

/* ── case by case ── */

static void place(struct world *w, const char *user, const char *side, const char *price,
                  const char *size)
{
    json_decref(call_ok(w, "exchange place", "good", "sword", "user", user, "side", side, "price",
                        price, "size", size, NULL));
}

static void erasing_a_person_gives_back_what_his_orders_hold(void **state)
{
    (void)state;
    struct world *w = market_of("0", "0");
    person(w, "ann", "100", "10");
    place(w, "ann", "buy", "4", "5");
    place(w, "ann", "sell", "6", "5");
    assert_int_equal(has(w, "ann", false, PURPOSE_ORDERS), 2000);
    uint32_t ann = world_find_user(w, STR("ann"));
    json_decref(call_ok(w, "user erase", "user", "ann", NULL));
    const struct ledger *l = &w->state.ledger;
    assert_int_equal(ledger_balance(l, ledger_find(l, ann, 0)), 10000);
    assert_int_equal(ledger_balance(l, ledger_find_for(l, ann, 0, PURPOSE_ORDERS)), 0);
    assert_int_equal(exchange_orders(w->state.venues.list[0].x), 0);
    assert_verified(w);
    world_close(w);
}

static void an_order_that_is_refused_leaves_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *what, *user, *side, *price, *size, *code;
    } rows[] = {
        {"more than he has", "ann", "buy", "50.05", "2", "insufficient_funds"},
        {"more than he holds", "ann", "sell", "5", "11", "insufficient_items"},
        {"off the tick", "ann", "buy", "5.01", "1", "price_off_tick"},
        {"off the tick before poor", "ann", "buy", "500.01", "1", "price_off_tick"},
        {"none", "ann", "buy", "5", "0", "not_positive"},
        {"fewer than none", "ann", "sell", "5", "-1", "not_positive"},
        {"beyond counting", "ann", "buy", "5", "9223372036854775807", "overflow"},
        {"nobody", "zoe", "buy", "5", "1", "unknown_user"},
        {"frozen", "bob", "buy", "5", "1", "account_frozen"},
        {"frozen before poor", "bob", "buy", "5000", "1", "account_frozen"},
        {"what takes no more than was taken", "dan", "buy", "5", "1", "exceeds_debits"},
        {"poor before that", "dan", "buy", "60", "1", "insufficient_funds"},
        {"nothing before frozen", "bob", "buy", "5", "0", "not_positive"},
    };
    struct world *w = market_of("0", "2000");
    person(w, "ann", "100", "10");
    person(w, "bob", "100", NULL);
    json_decref(call_ok(w, "ledger freeze", "account", "bob", NULL));
    json_decref(call_ok(w, "user add", "id", "dan", NULL));
    json_decref(call_ok(w, "ledger issue", "to", "dan", "amount", "50", NULL));
    json_decref(call_ok(w, "ledger open", "account", "dan", "currency", "good:sword", "bounds",
                        "credits", NULL));
    struct sha256 before = hash_of(w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        call_refused(w, rows[i].code, "exchange place", "good", "sword", "user", rows[i].user,
                     "side", rows[i].side, "price", rows[i].price, "size", rows[i].size, NULL);
        struct sha256 after = hash_of(w);
        if (!sha256_eq(before, after))
            fail_msg("%s: refused, and the world changed", rows[i].what);
    }
    world_close(w);
}

/* An account that was paid all that can be counted cannot be paid back: orders of it are refused,
 * and a market that holds something of it waits; the world goes on. */
static void what_cannot_be_counted_stops_no_world(void **state)
{
    (void)state;
    struct world *w = market_of("0", "0");
    json_t *reply = NULL;
    person(w, "ann", "0.10", "10");
    person(w, "bob", "100", NULL);
    json_decref(call_ok(w, "exchange place", "good", "sword", "user", "ann", "side", "sell",
                        "price", "5", "size", "2", "for", "60", NULL));
    json_decref(call_ok(w, "ledger issue", "to", "ann", "amount", "9223372036854775797", "currency",
                        "good:sword", NULL));
    struct sha256 before = hash_of(w);
    call_refused(w, "overflow", "exchange place", "good", "sword", "user", "ann", "side", "sell",
                 "price", "6", "size", "1", NULL);
    call_refused(w, "overflow", "exchange cancel", "good", "sword", "order", "1", NULL);
    struct sha256 after = hash_of(w);
    assert_true(sha256_eq(before, after));
    assert_int_equal(call_as(w, NULL, T0 + 61000, &reply, "exchange halt", "good", "sword", NULL),
                     HEED_REFUSED); /* its time has come and cannot be */
    json_decref(reply);
    assert_int_equal(call_as(w, NULL, T0 + 61000, NULL, "ledger transfer", "from", "bob", "to",
                             "ann", "amount", "1", NULL),
                     HEED_OK);
    assert_int_equal(has(w, "ann", true, PURPOSE_ORDERS), 2);
    assert_verified(w);
    world_close(w);
}

static void the_ledger_names_every_part_of_a_trade(void **state)
{
    (void)state;
    struct world *w = market_of("1000", "2000");
    person(w, "ann", "100", NULL);
    person(w, "bob", "0.01", "10");
    place(w, "bob", "sell", "5", "4");
    size_t first = w->state.ledger.transfers_n;
    place(w, "ann", "buy", "6", "4"); /* holds 24.00 and 4 of fee; pays 20.00, 4 and 2 of fees */
    static const struct {
        unsigned code;
        int64_t amount;
    } rows[] = {
        {CODE_ORDER, 2404}, {CODE_TRADE, 1998}, {CODE_FEE, 6}, {CODE_ORDER, 400}, {CODE_TRADE, 4}};
    const struct ledger *l = &w->state.ledger;
    assert_int_equal(l->transfers_n - first, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(l->transfers[first + i].code, rows[i].code);
        assert_int_equal(l->transfers[first + i].amount_minor, rows[i].amount);
    }
    char number[32];
    snprintf(number, sizeof number, "%zu", first + 1);
    call_refused(w, "made_elsewhere", "ledger reverse", "transfer", number, NULL);
    assert_int_equal(has(w, "ann", false, 0), 10000 - 2004);
    assert_int_equal(has(w, "bob", false, 0), 1 + 1998);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_orders_move_what_plain_lists_say),
        cmocka_unit_test(erasing_a_person_gives_back_what_his_orders_hold),
        cmocka_unit_test(an_order_that_is_refused_leaves_nothing),
        cmocka_unit_test(what_cannot_be_counted_stops_no_world),
        cmocka_unit_test(the_ledger_names_every_part_of_a_trade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
