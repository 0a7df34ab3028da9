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

enum { PEOPLE = 6, ORDERS = 6000, STEPS = 4000, SENT = 50, PPM = 1000000, TICK = 5 };
static const int64_t maker_ppm = 3300, taker_ppm = 7700;

struct plain_order {
    int64_t number, price, left, fee_sum; /* fee_sum: in millionths */
    int64_t turn;                         /* of equal prices the lower trades first */
    int who;
    bool buys, open;
};

struct plain {
    struct plain_order o[ORDERS];
    int64_t n, turns, gold[PEOPLE], swords[PEOPLE], fees;
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
        if (!best || (o->buys ? m->price < best->price : m->price > best->price) ||
            (m->price == best->price && m->turn < best->turn))
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

/* Trades what it can of an order, and leaves the rest. */
static void plain_enter(struct plain *p, struct plain_order *o, bool rests)
{
    struct plain_order *m;
    while (o->left > 0 && (m = best_against(p, o)) != NULL && m->who != o->who)
        plain_trade(p, o, m);
    o->open = rests && o->left > 0 && !best_against(p, o); /* its own: the newest goes */
}

/* "" or the refusal's code. */
static const char *plain_place(struct plain *p, int who, bool buys, int64_t price, int64_t size,
                               bool rests)
{
    struct plain_order *o = &p->o[p->n];
    assert_true(p->n < ORDERS);
    *o = (struct plain_order){p->n + 1, price, size, 0, p->turns, who, buys, true};
    if (need_of(o) > (buys ? p->gold[who] : p->swords[who]) - set_aside(p, who, buys))
        return buys ? "insufficient_funds" : "insufficient_items";
    p->n++;
    p->turns++;
    plain_enter(p, o, rests);
    return "";
}

/* The same of an open order that is to be another; a smaller size keeps its turn. */
static const char *plain_replace(struct plain *p, struct plain_order *o, int64_t price,
                                 int64_t size)
{
    struct plain_order was = *o;
    int64_t free = (o->buys ? p->gold[o->who] : p->swords[o->who]) - set_aside(p, o->who, o->buys);
    int64_t before = need_of(o);
    o->price = price;
    o->left = size;
    if (need_of(o) - before > free) {
        *o = was;
        return o->buys ? "insufficient_funds" : "insufficient_items";
    }
    if (price == was.price && size <= was.left)
        return "";
    o->turn = p->turns++;
    plain_enter(p, o, true);
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

/* A command that may be sent again: what was asked under an id. */
struct sent {
    char price[32], size[32], number[32], id[32];
    struct heed_arg args[8];
    size_t n;
    const struct command_spec *spec;
    int who;
    bool done;
};

static enum heed_status send(struct world *w, struct sent *s, json_t **reply)
{
    const struct heed_context context = {.actor = numbered("u", (uint64_t)s->who), .time_ms = T0};
    struct heed_error err;
    return admit_call(w, s->spec, &context, s->args, s->n, reply, &err);
}

static void arg(struct sent *s, const char *name, const char *value)
{
    s->args[s->n++] = (struct heed_arg){name, value};
}

static const char *ask_change(struct plain *p, struct prng *r, struct sent *s)
{
    struct plain_order *o = NULL;
    for (int tries = 0; tries < 12 && (!o || !o->open || o->who != s->who); tries++)
        o = &p->o[p->n - 1 - (int64_t)prng_below(r, p->n < 60 ? (uint64_t)p->n : 60)];
    bool replaces = prng_below(r, 2);
    int64_t price = TICK * (90 + (int64_t)prng_below(r, 20)), size = 1 + (int64_t)prng_below(r, 9);
    snprintf(s->number, sizeof s->number, "%lld", (long long)o->number);
    s->spec = command_spec(replaces ? COMMAND_exchange_replace : COMMAND_exchange_cancel);
    arg(s, "order", s->number);
    if (replaces && prng_below(r, 2)) {
        price = o->price; /* as it is: only a larger size goes to the end of its queue */
    } else if (replaces) {
        arg(s, "price", amount_text(s->price, price));
    }
    snprintf(s->size, sizeof s->size, "%lld", (long long)size);
    if (replaces)
        arg(s, "size", s->size);
    if (!o->open || o->who != s->who)
        return !o->open ? "unknown_order" : "not_your_order";
    if (replaces)
        return plain_replace(p, o, price, size);
    o->open = false;
    return "";
}

static const char *ask_order(struct plain *p, struct prng *r, struct sent *s)
{
    bool buys = prng_below(r, 2), rests = prng_below(r, 5) != 0;
    int64_t price = TICK * (90 + (int64_t)prng_below(r, 20));
    int64_t size = 1 + (int64_t)prng_below(r, 9);
    snprintf(s->size, sizeof s->size, "%lld", (long long)size);
    s->spec = command_spec(COMMAND_exchange_place);
    arg(s, "side", buys ? "buy" : "sell");
    arg(s, "price", amount_text(s->price, price));
    arg(s, "size", s->size);
    arg(s, "tif", rests ? "gtc" : "ioc");
    return plain_place(p, s->who, buys, price, size, rests);
}

/* What was done is sent again, or something else under its id: nothing comes of it. */
static void send_again(struct world *w, struct prng *r, struct sent *s, uint64_t step)
{
    json_t *reply = NULL;
    struct sha256 before = hash_of(w);
    bool other = prng_below(r, 3) == 0;
    struct sent now = *s;
    if (other)
        now.args[now.n++] = (struct heed_arg){"display", "77"};
    if (other && s->spec == command_spec(COMMAND_exchange_cancel)) /* all, and not this one */
        now.args[1] = (struct heed_arg){"id", s->id}, now.n = 2;
    enum heed_status status = send(w, &now, &reply);
    const char *code =
        json_string_value(json_object_get(json_object_get(reply, "refused"), "code"));
    if (other ? !code || (strcmp(code, "id_reused") != 0 && strcmp(code, "unknown_order") != 0)
              : status != HEED_OK || !json_is_true(json_object_get(reply, "repeated")))
        fail_msg("step %llu: %s again: status %d %s", (unsigned long long)step, s->spec->verb,
                 (int)status, code ? code : "");
    assert_true(sha256_eq(before, hash_of(w)));
    json_decref(reply);
}

static void step_once(struct world *w, struct plain *p, struct prng *r, struct sent *s,
                      uint64_t step)
{
    json_t *reply = NULL;
    *s = (struct sent){.who = (int)prng_below(r, PEOPLE)};
    arg(s, "good", "sword");
    snprintf(s->id, sizeof s->id, "x%llu", (unsigned long long)step);
    if (prng_below(r, 2))
        arg(s, "id", s->id);
    bool named = s->n == 2;
    const char *expected =
        p->n > 0 && prng_below(r, 3) == 0 ? ask_change(p, r, s) : ask_order(p, r, s);
    enum heed_status status = send(w, s, &reply);
    const char *code =
        json_string_value(json_object_get(json_object_get(reply, "refused"), "code"));
    if ((status == HEED_OK) != !*expected || (code && strcmp(code, expected) != 0))
        fail_msg("step %llu: %s: status %d %s, expected %s", (unsigned long long)step,
                 s->spec->verb, (int)status, code ? code : "", expected);
    s->done = named && status == HEED_OK;
    json_decref(reply);
}

static void random_orders_move_what_plain_lists_say(void **state)
{
    (void)state;
    struct world *w = market_of("3300", "7700");
    struct plain *p = calloc(1, sizeof *p);
    struct sent *sent = calloc(SENT, sizeof *sent);
    struct prng r;
    assert_true(p && sent);
    prng_seed(&r, 20260301);
    for (int i = 0; i < PEOPLE; i++) {
        person(w, numbered("u", (uint64_t)i), "400", "60");
        p->gold[i] = 40000;
        p->swords[i] = 60;
    }
    for (uint64_t step = 0; step < STEPS; step++) {
        struct sent *s = &sent[step % SENT];
        step_once(w, p, &r, s, step);
        s = &sent[prng_below(&r, SENT)];
        if (s->done && prng_below(&r, 8) == 0)
            send_again(w, &r, s, step);
        if (step % 16 == 0 || step + 1 == STEPS)
            compare(w, p, step);
    }
    assert_true(w->state.venues.done_n > STEPS / 40);
    assert_true(p->fees > 0 && w->state.venues.list[0].trades_n > STEPS / 8);
    world_close(restored_from(w));
    assert_verified(w);
    world_close(w);
    free(sent);
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

/* The reply to a command of ann's under an id. */
static json_t *under(struct world *w, const char *id, const char *name, const char *order,
                     const char *size)
{
    return size ? call_ok(w, name, "good", "sword", "order", order, "size", size, "id", id, NULL)
                : call_ok(w, name, "good", "sword", "order", order, "id", id, NULL);
}

static bool again(json_t *reply)
{
    bool is = json_is_true(json_object_get(reply, "repeated"));
    json_decref(reply);
    return is;
}

/* A replacement that is sent twice, with a fill between, does not open the size anew. */
static void a_replacement_under_an_id_is_done_once(void **state)
{
    (void)state;
    struct world *w = market_of("0", "0");
    person(w, "ann", "100", NULL);
    person(w, "bob", "0.10", "10");
    place(w, "ann", "buy", "5", "2");
    assert_false(again(under(w, "r1", "exchange replace", "1", "4")));
    place(w, "bob", "sell", "5", "3");
    struct sha256 before = hash_of(w);
    assert_true(again(under(w, "r1", "exchange replace", "1", "4")));
    assert_true(sha256_eq(before, hash_of(w)));
    assert_int_equal(has(w, "ann", false, PURPOSE_ORDERS), 500);
    place(w, "bob", "sell", "5", "1");
    assert_true(again(under(w, "r1", "exchange replace", "1", "4"))); /* though it is gone */
    assert_int_equal(has(w, "ann", true, 0), 4);
    assert_int_equal(has(w, "ann", false, 0), 8000);

    /* what moves nothing is remembered as well, and in whose name */
    place(w, "bob", "sell", "6", "1");
    json_decref(call_ok(w, "exchange replace", "good", "sword", "order", "4", "price", "6.05", "id",
                        "r2", NULL));
    before = hash_of(w);
    assert_true(again(call_ok(w, "exchange replace", "good", "sword", "order", "4", "price", "6.05",
                              "id", "r2", NULL)));
    call_refused(w, "id_reused", "exchange replace", "good", "sword", "order", "4", "price", "7",
                 "id", "r2", NULL);
    call_refused(w, "id_reused", "exchange replace", "good", "sword", "order", "4", "price", "6.05",
                 "id", "r1", NULL);
    call_refused(w, "id_reused", "exchange cancel", "good", "sword", "order", "4", "id", "r2",
                 NULL);
    call_refused(w, "id_reused", "exchange place", "good", "sword", "user", "bob", "side", "sell",
                 "price", "6", "size", "1", "id", "r2", NULL);
    assert_true(sha256_eq(before, hash_of(w)));
    json_t *reply = NULL; /* ids are each person's own */
    assert_int_equal(call_as(w, "bob", T0, &reply, "exchange replace", "good", "sword", "order",
                             "4", "price", "6.05", "id", "r2", NULL),
                     HEED_OK);
    assert_false(again(reply));

    struct world *other = restored_from(w);
    assert_true(again(under(other, "r1", "exchange replace", "1", "4")));
    world_close(other);
    assert_verified(w);
    world_close(w);
}

static void a_cancellation_under_an_id_is_done_once(void **state)
{
    (void)state;
    struct world *w = market_of("0", "0");
    person(w, "ann", "100", "10");
    place(w, "ann", "buy", "5", "2");
    place(w, "ann", "buy", "4", "2");
    assert_false(again(under(w, "c1", "exchange cancel", "1", NULL)));
    assert_true(again(under(w, "c1", "exchange cancel", "1", NULL)));
    call_refused(w, "unknown_order", "exchange cancel", "good", "sword", "order", "1", "id", "c2",
                 NULL);
    call_refused(w, "id_reused", "exchange cancel", "good", "sword", "order", "2", "id", "c1",
                 NULL);
    call_refused(w, "id_reused", "ledger transfer", "from", "ann", "to", "smith", "amount", "1",
                 "id", "c1", NULL);
    json_decref(call_ok(w, "ledger transfer", "from", "ann", "to", "smith", "amount", "1", "id",
                        "t1", NULL));
    call_refused(w, "id_reused", "exchange cancel", "good", "sword", "order", "2", "id", "t1",
                 NULL);
    /* all of them, those that came since not */
    assert_false(
        again(call_ok(w, "exchange cancel", "good", "sword", "user", "ann", "id", "c3", NULL)));
    place(w, "ann", "buy", "3", "2");
    assert_true(
        again(call_ok(w, "exchange cancel", "good", "sword", "user", "ann", "id", "c3", NULL)));
    assert_int_equal(has(w, "ann", false, PURPOSE_ORDERS), 600);
    assert_verified(w);
    world_close(w);
}

static const char *code_of(struct world *w, int64_t time_ms, const char *name, const char *arg,
                           const char *value)
{
    static char code[64];
    json_t *reply = NULL;
    enum heed_status status =
        arg ? call_as(w, NULL, time_ms, &reply, name, "good", "sword", arg, value, NULL)
            : call_as(w, NULL, time_ms, &reply, name, "good", "sword", NULL);
    const char *is = json_string_value(json_object_get(json_object_get(reply, "refused"), "code"));
    snprintf(code, sizeof code, "%s", status == HEED_OK ? "" : is ? is : "none");
    json_decref(reply);
    return code;
}

/* In each phase: holds go back, and nothing comes any more, whatever hour it is. */
static void a_market_that_is_closed_gives_everything_back(void **state)
{
    (void)state;
    static const char *const before[] = {NULL, "exchange halt", "exchange call"};
    for (size_t i = 0; i < 3; i++) {
        struct world *w = market_of("0", "2000");
        json_decref(call_ok(w, "exchange open", "good", "sword", "currency", "gem", "opens", "540",
                            "closes", "1020", NULL));
        person(w, "ann", "100", "10");
        person(w, "bob", "100", "10");
        place(w, "ann", "buy", "5", "2");
        place(w, "bob", "sell", "5", "1");
        place(w, "bob", "sell", "6", "4");
        if (before[i])
            json_decref(call_ok(w, before[i], "good", "sword", NULL));
        if (i == 2) /* what would trade in the call does not: it is cancelled first */
            place(w, "bob", "sell", "4", "1");
        json_t *reply = call_ok(w, "exchange close", "good", "sword", NULL);
        assert_string_equal(json_string_value(json_object_get(reply, "phase")), "ended");
        json_decref(reply);
        assert_int_equal(has(w, "ann", false, 0), 9500);
        assert_int_equal(has(w, "bob", false, 0), 10500 - 1);
        assert_int_equal(has(w, "ann", false, PURPOSE_ORDERS), 0);
        assert_int_equal(has(w, "bob", true, PURPOSE_ORDERS), 0);
        assert_int_equal(has(w, "bob", true, 0), 9);
        static const char *const commands[] = {"exchange halt", "exchange call", "exchange resume",
                                               "exchange close"};
        struct sha256 whole = hash_of(w);
        for (size_t c = 0; c < 4; c++)
            assert_string_equal(code_of(w, T0, commands[c], NULL, NULL), "market_ended");
        assert_string_equal(code_of(w, T0, "exchange cancel", "order", "1"), "unknown_order");
        assert_string_equal(code_of(w, T0, "exchange open", NULL, NULL), "exists");
        call_refused(w, "market_ended", "exchange place", "good", "sword", "user", "ann", "side",
                     "buy", "price", "5", "size", "1", NULL);
        call_refused(w, "market_closed", "exchange place", "good", "sword", "currency", "gem",
                     "user", "ann", "side", "buy", "price", "5", "size", "1", NULL);
        assert_true(sha256_eq(whole, hash_of(w)));
        world_close(restored_from(w));
        assert_verified(w);
        world_close(w);
    }
}

/* Its hours go on ringing for nobody, and do not open it. */
static void the_hours_of_a_closed_market_are_over(void **state)
{
    (void)state;
    struct world *w = world_with_rules(rules);
    json_decref(call_ok(w, "user add", "id", "smith", NULL));
    json_decref(call_ok(w, "good add", "id", "sword", "name", "Sword", "seller", "smith", "price",
                        "5", NULL));
    json_decref(
        call_ok(w, "exchange open", "good", "sword", "opens", "540", "closes", "1020", NULL));
    json_decref(call_ok(w, "exchange close", "good", "sword", NULL));
    assert_false(venues_due(&w->state.venues, T0 + INT64_C(400000000)));
    assert_string_equal(code_of(w, T0 + INT64_C(400000000), "exchange halt", NULL, NULL),
                        "market_ended");
    struct world *other = restored_from(w);
    assert_string_equal(code_of(other, T0 + INT64_C(400000000), "exchange resume", NULL, NULL),
                        "market_ended");
    world_close(other);
    assert_verified(w);
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
        cmocka_unit_test(a_replacement_under_an_id_is_done_once),
        cmocka_unit_test(a_cancellation_under_an_id_is_done_once),
        cmocka_unit_test(a_market_that_is_closed_gives_everything_back),
        cmocka_unit_test(the_hours_of_a_closed_market_are_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
