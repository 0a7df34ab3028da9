/* Random commands, hostile ones included, against a market of plain lists: the same refusals and
 * the same events, byte by byte; and after each, what must hold of any market. A run that differs
 * is cut down to the fewest commands that still do, and printed. HEED_EXCHANGE_RUNS: how many runs
 * of 1000. ctest: TIMEOUT 900 */
#include "exchange_twin.h"

#include "base/prng.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 1000, EVENTS = 65536 };

struct step {
    int64_t now;
    bool turns;
    struct exchange_ask ask;
    struct exchange_turn turn;
};

struct scene {
    struct exchange_settings set;
    int64_t currency, items;
    struct step steps[STEPS];
    size_t n;
};

static int64_t pick(struct prng *r, int64_t from, int64_t to)
{
    return from + (int64_t)prng_below(r, (uint64_t)(to - from + 1));
}

static bool chance(struct prng *r, unsigned percent)
{
    return prng_below(r, 100) < percent;
}

static struct exchange_settings draw_settings(struct prng *r)
{
    struct exchange_settings s = exchange_defaults();
    s.call_ms = pick(r, 0, 40);
    s.limit_ms = pick(r, 0, 30);
    s.halt_ms = pick(r, 0, 20);
    s.slices_max = 20;
    if (chance(r, 30)) {
        s.ticks[0] = (struct exchange_tick){0, 2, 1};
        s.ticks[1] = (struct exchange_tick){100, 5, chance(r, 50) ? 2 : 1};
    }
    if (chance(r, 60)) {
        s.taker_ppm = (int32_t)pick(r, 0, 500000);
        s.maker_ppm = (int32_t)pick(r, -s.taker_ppm, 60000);
        s.auction_ppm = (int32_t)pick(r, 0, 20000);
        s.rounding = (uint32_t)pick(r, 0, 2);
    }
    s.protection_ppm = chance(r, 30) ? (uint32_t)pick(r, 1, 100000) : 0;
    s.static_ppm = chance(r, 30) ? (uint32_t)pick(r, 20000, 200000) : 0;
    s.dynamic_ppm = chance(r, 30) ? (uint32_t)pick(r, 10000, 150000) : 0;
    s.position_max = chance(r, 20) ? pick(r, 20, 400) : 0;
    s.rate_ms = chance(r, 10) ? pick(r, 1, 30) : 0;
    s.rate_max = (uint32_t)pick(r, 1, 5);
    s.funded = chance(r, 50);
    return s;
}

static struct exchange_ask draw_order(struct prng *r, uint64_t *ids, int64_t now)
{
    struct exchange_ask a = {.account = (uint32_t)pick(r, 0, TWIN_ACCOUNTS - 1),
                             .owner = EXCHANGE_NONE,
                             .side = (uint8_t)pick(r, 0, 1),
                             .size = pick(r, 1, chance(r, 5) ? 200 : 30),
                             .price = pick(r, 88, 112)};
    a.id_lo = chance(r, 3) ? (uint64_t)pick(r, 0, (int64_t)*ids) : (*ids)++;
    a.stp = chance(r, 60) ? (uint8_t)pick(r, 0, 4) : 0;
    switch (pick(r, 0, 9)) {
    case 0:
        a.op = EXCHANGE_MARKET;
        a.price = chance(r, 70) ? 0 : a.price;
        a.tif = chance(r, 20) ? EXCHANGE_FOK : 0;
        break;
    case 1:
        a.op = chance(r, 50) ? EXCHANGE_STOP : EXCHANGE_STOP_LIMIT;
        a.stop = pick(r, 90, 110);
        if (a.op == EXCHANGE_STOP && chance(r, 50))
            a.price = 0;
        break;
    case 2:
        a.tif = EXCHANGE_IOC;
        break;
    case 3:
        a.tif = EXCHANGE_FOK;
        break;
    case 4:
        a.post_only = 1;
        break;
    case 5:
        a.display = pick(r, 1, 10);
        break;
    default:
        break;
    }
    if (a.tif == EXCHANGE_GTC && a.op != EXCHANGE_MARKET && chance(r, 15)) {
        a.tif = EXCHANGE_GTT;
        a.expires_ms = now + pick(r, chance(r, 5) ? -2 : 1, 60);
    }
    return a;
}

/* Something is wrong with it, perhaps more than one thing. */
static void spoil(struct prng *r, struct exchange_ask *a)
{
    for (int n = (int)pick(r, 1, 2); n > 0; n--)
        switch (pick(r, 0, 9)) {
        case 0:
            a->size = pick(r, -1, 0);
            break;
        case 1:
            a->price = pick(r, -1, 0);
            break;
        case 2:
            a->account = TWIN_ACCOUNTS + 3;
            break;
        case 3:
            a->tif = (uint8_t)pick(r, 0, 3);
            break;
        case 4:
            a->stop = pick(r, -1, 100);
            break;
        case 5:
            a->display = pick(r, -1, 3);
            break;
        case 6:
            a->post_only = 1;
            break;
        case 7:
            a->expires_ms = pick(r, -1, 5);
            break;
        case 8:
            a->price += 1;
            break;
        default:
            a->op = (uint8_t)pick(r, 0, EXCHANGE_OPS - 1);
            break;
        }
}

static void draw_step(struct prng *r, struct step *s, uint64_t *ids, int64_t *now)
{
    *now += chance(r, 30) ? pick(r, 0, 12) : 0;
    *s = (struct step){.now = *now};
    if (chance(r, 4)) {
        s->turns = true;
        s->turn = (struct exchange_turn){.to = (uint8_t)pick(r, chance(r, 40) ? 0 : 1, 3),
                                         .uncross = chance(r, 10)};
        s->turn.to = chance(r, 45) ? EXCHANGE_CONTINUOUS : s->turn.to;
        s->turn.for_ms = chance(r, 60) ? pick(r, 0, 30) : 0;
        s->turn.low = chance(r, 20) ? pick(r, 80, 105) : 0;
        s->turn.high = chance(r, 20) ? pick(r, 95, 120) : 0;
        s->turn.reference = chance(r, 30) ? pick(r, 80, 120) : 0;
        return;
    }
    s->ask = draw_order(r, ids, *now);
    if (chance(r, 25)) {
        s->ask = (struct exchange_ask){
            .op = EXCHANGE_CANCEL,
            .account = EXCHANGE_NONE,
            .owner = EXCHANGE_NONE,
            .id_lo = *ids ? *ids - 1 - prng_below(r, *ids < 40 ? *ids : 40) : 0};
        if (chance(r, 40)) {
            s->ask.op = EXCHANGE_REPLACE;
            s->ask.size = pick(r, 1, 40);
            s->ask.price = chance(r, 50) ? pick(r, 88, 112) : 0;
            s->ask.stop = chance(r, 20) ? pick(r, 90, 110) : 0;
            s->ask.display = chance(r, 20) ? pick(r, 1, 10) : 0;
        } else if (chance(r, 30)) {
            s->ask.size = pick(r, 1, 10);
        } else if (chance(r, 4)) {
            s->ask.op = EXCHANGE_CANCEL_ALL;
            s->ask.owner = chance(r, 50) ? (uint32_t)pick(r, 0, 5) : EXCHANGE_NONE;
            s->ask.account = chance(r, 50) ? (uint32_t)pick(r, 0, 7) : EXCHANGE_NONE;
            s->ask.both_sides = chance(r, 50);
            s->ask.side = (uint8_t)pick(r, 0, 1);
        }
        if (chance(r, 10))
            s->ask.account = (uint32_t)pick(r, 0, 8);
    } else if (chance(r, 6)) {
        spoil(r, &s->ask);
    }
}

static void draw_scene(struct scene *c, uint64_t seed)
{
    struct prng r;
    uint64_t ids = 1;
    int64_t now = 1000;
    prng_seed(&r, seed);
    memset(c, 0, sizeof *c);
    c->set = draw_settings(&r);
    c->currency = pick(&r, 500, 100000);
    c->items = chance(&r, 30) ? EXCHANGE_UNLIMITED : pick(&r, 20, 2000);
    for (c->n = 0; c->n < STEPS; c->n++)
        draw_step(&r, &c->steps[c->n], &ids, &now);
}

/* ── what must hold ── */

/* Holds and balances by what events say of them. */
struct shadow {
    int64_t currency_held, items_held, currency, items;
};

static const char *add_up(const struct exchange *x, const struct exchange_out *out, size_t from,
                          struct shadow *shadows)
{
    for (size_t i = from; i < out->n; i++) {
        struct exchange_delta d[2];
        exchange_deltas(&out->events[i], d);
        if (out->events[i].kind == EXCHANGE_TRADE &&
            (d[0].items + d[1].items != 0 ||
             d[0].currency + d[1].currency + d[0].fee + d[1].fee != 0))
            return "a trade that makes or loses something";
        for (int k = 0; k < 2; k++) {
            if (d[k].account == EXCHANGE_NONE)
                continue;
            struct shadow *s = &shadows[d[k].account];
            if (out->events[i].kind == EXCHANGE_TRADE &&
                (-d[k].currency_held < -d[k].currency - (d[k].currency > 0 ? INT64_MAX / 2 : 0) ||
                 d[k].currency + d[k].fee == 0))
                return "a trade that costs more than the hold lets go";
            s->currency_held += d[k].currency_held;
            s->items_held += d[k].items_held;
            s->currency += d[k].currency;
            s->items += d[k].items;
        }
    }
    for (uint32_t i = 0; i < exchange_accounts(x); i++) {
        struct exchange_funds f;
        const struct shadow *s = &shadows[i];
        if (!exchange_funds(x, i, &f) || f.currency_held != s->currency_held ||
            f.items_held != s->items_held || f.position != s->items ||
            (f.currency != EXCHANGE_UNLIMITED && f.currency != s->currency))
            return "events that do not say all that is held or moved";
    }
    return NULL;
}

static bool same_book(void *twin, const struct exchange_order *o)
{
    const struct twin *t = twin;
    for (size_t i = 0; i < t->n; i++)
        if (t->orders[i].number == o->number)
            return t->orders[i].left == o->left && t->orders[i].held == o->held &&
                   t->orders[i].waits == o->waits;
    return false;
}

static struct strbuf bytes_of(const struct exchange *x)
{
    struct strbuf b;
    strbuf_init(&b, 1 << 24);
    struct sink *k = sink_new(&b);
    exchange_save(x, k);
    if (!sink_done(k))
        b.failed = true;
    return b;
}

static struct exchange *reloaded(struct exchange *x)
{
    struct strbuf b = bytes_of(x), again;
    struct memory_reader from = {(const uint8_t *)b.p, b.n};
    struct source *k = source_new(&from);
    struct exchange *y = NULL;
    struct heed_error err = {0};
    if (exchange_load(&y, k, &err) != HEED_OK || !source_end(k)) {
        fprintf(stderr, "loading: %s\n", err.message);
        y = NULL;
    }
    if (y) {
        again = bytes_of(y);
        if (again.n != b.n || memcmp(again.p, b.p, b.n) != 0) {
            exchange_free(y);
            y = NULL;
        }
        strbuf_deinit(&again);
    }
    free(k);
    strbuf_deinit(&b);
    exchange_free(x);
    return y;
}

/* What came up, so that a generator that no longer reaches something is noticed. */
static unsigned long kinds[EXCHANGE_EVENTS], reasons[EXCHANGE_REASONS], refused[REFUSED_COUNT],
    deepest;

struct run {
    struct exchange *x;
    struct twin *t;
    struct exchange_out out, twin_out;
    struct shadow shadows[TWIN_ACCOUNTS];
};

static const char *do_step(struct run *w, const struct step *s)
{
    enum refusal ours = REFUSED_NOT, theirs = REFUSED_NOT;
    size_t from = w->out.n = w->twin_out.n = 0;
    struct strbuf before = {0};
    if (exchange_advance(w->x, s->now, &w->out) != HEED_OK)
        return "no memory";
    size_t advanced = w->out.n;
    bool hashed = s->now % 8 == 0;
    if (hashed)
        before = bytes_of(w->x);
    if (s->turns) {
        if (exchange_turn(w->x, s->now, &s->turn, &ours, &w->out) != HEED_OK)
            return "no memory";
        theirs = twin_turn(w->t, s->now, &s->turn, &w->twin_out);
    } else {
        struct exchange_answer a, b;
        int64_t hold;
        enum refusal checked = exchange_check(w->x, &s->ask, &hold);
        if (exchange_apply(w->x, s->now, &s->ask, &a, &w->out) != HEED_OK)
            return "no memory";
        b = twin_apply(w->t, s->now, &s->ask, &w->twin_out);
        ours = a.refusal;
        theirs = b.refusal;
        if (a.repeated != b.repeated || a.number != b.number || checked != a.refusal)
            return "another answer";
        if (ours == REFUSED_NOT && !a.repeated && s->ask.op <= EXCHANGE_STOP_LIMIT &&
            hold != w->out.events[advanced].held)
            return "another hold than was foretold";
    }
    refused[ours]++;
    deepest = exchange_orders(w->x) > deepest ? exchange_orders(w->x) : deepest;
    for (size_t i = 0; i < w->out.n; i++) {
        kinds[w->out.events[i].kind]++;
        reasons[w->out.events[i].reason]++;
    }
    if (ours != theirs) {
        fprintf(stderr, "%s, twin %s\n", refusal_code(ours), refusal_code(theirs));
        return "another refusal";
    }
    if (hashed) {
        struct strbuf after = bytes_of(w->x);
        bool same = after.n == before.n && memcmp(after.p, before.p, after.n) == 0;
        strbuf_deinit(&after);
        strbuf_deinit(&before);
        if (ours != REFUSED_NOT && (!same || w->out.n != advanced))
            return "a refused command that changed something";
    }
    for (size_t i = 0; i < w->out.n || i < w->twin_out.n; i++)
        if (i >= w->out.n || i >= w->twin_out.n ||
            memcmp(&w->out.events[i], &w->twin_out.events[i], sizeof w->out.events[0]) != 0) {
            const struct exchange_event *e[2] = {&w->out.events[i], &w->twin_out.events[i]};
            for (int k = 0; k < 2; k++)
                if (i < (k ? w->twin_out.n : w->out.n))
                    fprintf(stderr,
                            "%s: kind %d seq %" PRIu64 " number %" PRIu64 "/%" PRIu64
                            " price %" PRId64 " size %" PRId64 " left %" PRId64 "/%" PRId64
                            " shown %" PRId64 "/%" PRId64 " held %" PRId64 "/%" PRId64
                            " fee %" PRId64 "/%" PRId64 " reason %d flags %d phase %d\n",
                            k ? "twin" : "heed", e[k]->kind, e[k]->seq, e[k]->number,
                            e[k]->other_number, e[k]->price, e[k]->size, e[k]->left,
                            e[k]->other_left, e[k]->shown, e[k]->other_shown, e[k]->held,
                            e[k]->other_held, e[k]->fee, e[k]->other_fee, e[k]->reason, e[k]->flags,
                            e[k]->phase);
            return "another event";
        }
    const char *wrong = exchange_broken(w->x);
    if (!wrong)
        wrong = add_up(w->x, &w->out, from, w->shadows);
    if (!wrong && (exchange_orders(w->x) != w->t->n || !exchange_each(w->x, same_book, w->t)))
        wrong = "another book";
    if (!wrong && s->now % 97 == 0 && !(w->x = reloaded(w->x)))
        wrong = "a market that does not load as it was saved";
    return wrong;
}

/* NULL: all of it agrees; else what does not, and *at which step. */
static const char *play(const struct scene *c, size_t *at)
{
    struct run w = {.x = exchange_new(&c->set), .t = malloc(sizeof *w.t)};
    w.twin_out.events = malloc(EVENTS * sizeof *w.twin_out.events);
    twin_init(w.t, &c->set);
    for (uint32_t i = 0; i < TWIN_ACCOUNTS; i++) {
        int64_t items = c->set.funded ? c->items : EXCHANGE_UNLIMITED;
        exchange_account(w.x, i % 6, c->currency, c->items);
        twin_account(w.t, i % 6, c->set.funded ? c->currency : 0, items);
        w.shadows[i] = (struct shadow){.currency = c->currency};
    }
    const char *wrong = exchange_settings_wrong(&c->set);
    for (*at = 0; *at < c->n && !wrong; ++*at)
        wrong = do_step(&w, &c->steps[*at]);
    exchange_out_deinit(&w.out);
    free(w.twin_out.events);
    twin_deinit(w.t);
    free(w.t);
    exchange_free(w.x);
    return wrong;
}

static void print_step(const struct step *s)
{
    const struct exchange_ask *a = &s->ask;
    if (s->turns)
        fprintf(stderr,
                "  %" PRId64 " turn to %d uncross %d low %" PRId64 " high %" PRId64 " ref %" PRId64
                " for %" PRId64 "\n",
                s->now, s->turn.to, s->turn.uncross, s->turn.low, s->turn.high, s->turn.reference,
                s->turn.for_ms);
    else
        fprintf(stderr,
                "  %" PRId64 " op %d id %" PRIu64 " account %d side %d price %" PRId64
                " stop %" PRId64 " size %" PRId64 " display %" PRId64 " tif %d expires %" PRId64
                " stp %d post %d\n",
                s->now, a->op, a->id_lo, (int)a->account, a->side, a->price, a->stop, a->size,
                a->display, a->tif, a->expires_ms, a->stp, a->post_only);
}

/* Leaves out runs of steps, halves first, as long as something still differs. */
static void shrink(struct scene *c)
{
    struct scene *less = malloc(sizeof *less);
    size_t at;
    for (size_t run = c->n / 2; run > 0; run /= 2)
        for (size_t from = 0; from + run <= c->n;) {
            *less = *c;
            memmove(&less->steps[from], &less->steps[from + run],
                    (c->n - from - run) * sizeof less->steps[0]);
            less->n -= run;
            if (play(less, &at)) {
                less->n = at < less->n ? at : less->n;
                *c = *less;
            } else {
                from += run;
            }
        }
    free(less);
}

static void random_commands_do_what_a_market_of_lists_does(void **state)
{
    (void)state;
    const char *asked = getenv("HEED_EXCHANGE_RUNS");
    unsigned long runs = asked ? strtoul(asked, NULL, 10) : 100;
    struct scene *c = malloc(sizeof *c);
    for (uint64_t seed = 1; seed <= runs; seed++) {
        size_t at;
        draw_scene(c, seed);
        const char *wrong = play(c, &at);
        if (!wrong)
            continue;
        fprintf(stderr, "seed %" PRIu64 ", step %zu: %s; cut down:\n", seed, at, wrong);
        c->n = at;
        shrink(c);
        fprintf(
            stderr,
            "ticks %d, fees %d %d %d rounding %d, protection %d, static %d, dynamic %d, limit %d "
            "halt %d call %d, funded %d with %d\n",
            (int)c->set.ticks[0].tick, c->set.maker_ppm, c->set.taker_ppm, c->set.auction_ppm,
            (int)c->set.rounding, (int)c->set.protection_ppm, (int)c->set.static_ppm,
            (int)c->set.dynamic_ppm, (int)c->set.limit_ms, (int)c->set.halt_ms, (int)c->set.call_ms,
            (int)c->set.funded, (int)c->currency);
        for (size_t i = 0; i < c->n; i++)
            print_step(&c->steps[i]);
        wrong = play(c, &at);
        free(c);
        fail_msg("%s", wrong ? wrong : "?");
    }
    free(c);
    for (int i = 0; i < EXCHANGE_EVENTS; i++)
        if (kinds[i] == 0)
            fail_msg("no event of kind %d came up", i);
    for (int i = 0; i < EXCHANGE_REASONS; i++)
        if (reasons[i] == 0 && i != EXCHANGE_BY_HOURS)
            fail_msg("no event for the reason %s came up",
                     exchange_reason_name((enum exchange_reason)i));
    if (getenv("HEED_EXCHANGE_COUNTS")) {
        for (int i = 0; i < EXCHANGE_REASONS; i++)
            fprintf(stderr, "%s %lu\n", exchange_reason_name((enum exchange_reason)i), reasons[i]);
        for (int i = 0; i < EXCHANGE_EVENTS; i++)
            fprintf(stderr, "event %d: %lu\n", i, kinds[i]);
        for (int i = 0; i < REFUSED_COUNT; i++)
            if (refused[i])
                fprintf(stderr, "refused %s %lu\n", refusal_code((enum refusal)i), refused[i]);
        fprintf(stderr, "deepest book: %lu orders\n", deepest);
    }
}

static void a_calls_price_is_the_one_that_trying_all_finds(void **state)
{
    (void)state;
    struct prng r;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        struct exchange_call_level levels[12];
        struct exchange_tick ticks[EXCHANGE_TICKS] = {{0, 1, 1}};
        prng_seed(&r, seed);
        if (chance(&r, 40)) {
            ticks[0].tick = pick(&r, 1, 3);
            ticks[1] = (struct exchange_tick){120, 6, 1};
        }
        size_t n = 0;
        for (int64_t p = 90; p < 150 && n < 12; p++)
            if (p % twin_tick(ticks, p, false) == 0 && chance(&r, 20))
                levels[n++] = (struct exchange_call_level){p, chance(&r, 50) ? pick(&r, 0, 5) : 0,
                                                           chance(&r, 50) ? pick(&r, 0, 5) : 0};
        int64_t buy = chance(&r, 30) ? pick(&r, 0, 9) : 0,
                sell = chance(&r, 30) ? pick(&r, 0, 9) : 0;
        int64_t reference = chance(&r, 50) ? pick(&r, 85, 155) : 0;
        int64_t low = chance(&r, 20) ? pick(&r, 85, 125) : 0;
        int64_t high = chance(&r, 20) ? pick(&r, 125, 155) : 0;
        struct exchange_call a =
            exchange_call_price(ticks, levels, n, buy, sell, low, high, reference);
        struct exchange_call b = twin_call_price(ticks, levels, n, buy, sell, low, high, reference);
        if (a.price != b.price || a.volume != b.volume || a.surplus != b.surplus)
            fail_msg("seed %" PRIu64 ": %" PRId64 " %" PRId64 " %" PRId64 ", by trying %" PRId64
                     " %" PRId64 " %" PRId64,
                     seed, a.price, a.volume, a.surplus, b.price, b.volume, b.surplus);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calls_price_is_the_one_that_trying_all_finds),
        cmocka_unit_test(random_commands_do_what_a_market_of_lists_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
