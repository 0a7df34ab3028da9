/* Epochs of attention and their settling: an example by hand, a naive twin, conservation, order,
 * late events, excluded parties, overflow, save and load.                                       */
#include "consumption/consumption.h"

#include "base/prng.h"
#include "catalogue/catalogue.h"
#include "support_fault.h"
#include "support_saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;
enum { PPM = 1000000, CONTENTS = 40, PARTIES = 30 };

static const struct consumption_rules day_rules = {
    .epoch_ms = 1000,
    .pool_minor = 1000,
    .creator_share_ppm = 600000,
    .half_points_milli = 10000,
    .cap_ppm = 500000,
};

static void attend(struct consumption *c, const struct consumption_rules *r, int64_t time_ms,
                   uint32_t user, uint32_t content, int64_t points_milli)
{
    assert_int_equal(consumption_attend(c, r, time_ms, user, content, points_milli), HEED_OK);
}

static bool party_is(void *context, uint32_t party)
{
    return party == *(const uint32_t *)context;
}

/* ── by hand ── */

/* Pool 1000: creators 600, users 400; a cap of a half is 300 and 200.
 *   ann  10 points: 10/20 = 0.5        400 x 0.5 /1.25     = 160
 *   bob  30 points: 30/40 = 0.75       400 x 0.75/1.25     = 240, capped 200
 *   cleo 20 x 0.5:  10/20 = 0.5        600 x 0.5 /1.166666 = 257.14, 257
 *   dan  20 x 1.0:  20/30 = 0.666666   600 x 0.67/1.166666 = 342.86, 343, capped 300            */
static void a_pool_is_divided_as_by_hand(void **state)
{
    (void)state;
    enum { ANN, BOB, CLEO, DAN };
    const uint32_t creator_of[] = {CLEO, DAN}, quality_ppm[] = {500000, 1000000};
    struct consumption c;
    consumption_init(&c);
    attend(&c, &day_rules, 2999, BOB, 1, 20000);
    attend(&c, &day_rules, 2000, ANN, 0, 10000);
    attend(&c, &day_rules, 2500, BOB, 0, 10000);
    attend(&c, &day_rules, 3000, ANN, 0, 77000); /* the epoch after */
    attend(&c, &day_rules, 2500, BOB, 0, 0);     /* he acted, for nothing */
    struct settlement s;
    size_t first, n;
    assert_int_equal(consumption_settle(&c, &day_rules, 2, creator_of, quality_ppm, 2, NULL, NULL,
                                        &s, &first, &n),
                     HEED_OK);
    static const struct payout rows[] = {
        {2, 10000, 500000, 1166666, 600, 257, 257, CLEO, 1},
        {2, 20000, 666666, 1166666, 600, 343, 300, DAN, 1},
        {2, 10000, 500000, 1250000, 400, 160, 160, ANN, 0},
        {2, 30000, 750000, 1250000, 400, 240, 200, BOB, 0},
    };
    assert_int_equal(first, 0);
    assert_int_equal(n, 4);
    assert_memory_equal(c.payouts, rows, sizeof rows);
    assert_int_equal(s.pool_minor, 1000);
    assert_int_equal(s.paid_minor, 917);
    assert_int_equal(s.payouts, 4);
    assert_int_equal(s.events, 4);
    assert_int_equal(s.late, 0);
    assert_int_equal(c.settlements_n, 1);
    assert_int_equal(c.settlements[0].paid_minor, 917);
    assert_int_equal(c.settled_through, 2);
    assert_null(consumption_next(&c, 2));
    assert_int_equal(consumption_next(&c, 3)->number, 3);
    consumption_deinit(&c);
}

/* Journals of worlds that opened no epochs for acts without points settle none of them: what comes
 * late must then count where it counted. */
static void epochs_without_points_leave_the_others_as_they_are(void **state)
{
    (void)state;
    const uint32_t creator_of[] = {5}, quality_ppm[] = {PPM};
    struct consumption c, plain;
    struct settlement s;
    size_t first, n;
    consumption_init(&c);
    consumption_init(&plain);
    for (int quiet = 1; quiet >= 0; quiet--) {
        struct consumption *x = quiet ? &c : &plain;
        attend(x, &day_rules, 3000, 1, 0, 1000);
        assert_int_equal(consumption_settle(x, &day_rules, 3, creator_of, quality_ppm, 1, NULL,
                                            NULL, &s, &first, &n),
                         HEED_OK);
        for (int64_t t = 4000; quiet && t <= 6000; t += 1000)
            attend(x, &day_rules, t, 2, 0, 0);
        attend(x, &day_rules, 6000, 1, 0, 1000);
        attend(x, &day_rules, 2000, 1, 0, 1000); /* late */
        if (quiet) {
            assert_int_equal(x->open_n, 3);
            consumption_skip(x, 6);
            consumption_skip(x, 7); /* what counts stays */
        }
        assert_int_equal(x->open_n, 1);
        assert_int_equal(x->open[0].late, 1);
        assert_int_equal(consumption_settle(x, &day_rules, 6, creator_of, quality_ppm, 1, NULL,
                                            NULL, &s, &first, &n),
                         HEED_OK);
    }
    assert_int_equal(c.payouts_n, plain.payouts_n);
    assert_memory_equal(c.payouts, plain.payouts, c.payouts_n * sizeof *c.payouts);
    attend(&c, &day_rules, 8000, 2, 0, 0);
    attend(&c, &day_rules, 0, 1, 0, 1000); /* late, and nothing counts yet: the next epoch */
    assert_int_equal(c.open[0].number, 7);
    consumption_deinit(&c);
    consumption_deinit(&plain);
}

static void late_events_count_in_the_oldest_open_epoch(void **state)
{
    (void)state;
    const uint32_t creator_of[] = {5}, quality_ppm[] = {PPM};
    struct consumption c;
    struct settlement s;
    size_t first, n;
    consumption_init(&c);
    attend(&c, &day_rules, 5000, 1, 0, 1000);
    attend(&c, &day_rules, 3000, 1, 0, 1000); /* older, but not settled: its own epoch */
    assert_int_equal(c.open_n, 2);
    assert_int_equal(consumption_next(&c, 9)->number, 3);
    for (int64_t epoch = 3; epoch <= 5; epoch += 2)
        assert_int_equal(consumption_settle(&c, &day_rules, epoch, creator_of, quality_ppm, 1, NULL,
                                            NULL, &s, &first, &n),
                         HEED_OK);
    attend(&c, &day_rules, 4000, 1, 0, 1000); /* never opened, but behind: late */
    assert_int_equal(consumption_next(&c, 9)->number, 6);
    attend(&c, &day_rules, 8000, 2, 0, 1000);
    attend(&c, &day_rules, 5999, 2, 0, 1000);
    attend(&c, &day_rules, -1, 2, 0, 1000); /* before 1970 is epoch -1 */
    assert_int_equal(c.open_n, 2);
    assert_int_equal(c.late, 3);
    assert_int_equal(c.open[0].late, 3);
    assert_int_equal(c.open[0].events, 3);
    assert_int_equal(c.open[0].users_n, 2);
    assert_int_equal(c.open[1].late, 0);
    assert_int_equal(consumption_settle(&c, &day_rules, 6, creator_of, quality_ppm, 1, NULL, NULL,
                                        &s, &first, &n),
                     HEED_OK);
    assert_int_equal(s.late, 3);
    assert_int_equal(s.events, 3);
    consumption_deinit(&c);
}

/* Journals of worlds that did not open such epochs hold no settlement of them.                   */
static void epochs_in_which_nothing_was_gathered_can_be_skipped(void **state)
{
    (void)state;
    struct consumption c;
    consumption_init(&c);
    attend(&c, &day_rules, 1000, 1, 0, 0);
    attend(&c, &day_rules, 2000, 1, 0, -7);
    attend(&c, &day_rules, 3000, 1, 0, 0);
    attend(&c, &day_rules, 3000, 2, HANDLE_NONE, 1);
    attend(&c, &day_rules, 4000, 1, 0, 0);
    assert_int_equal(c.open_n, 4);
    consumption_skip(&c, 2);
    assert_int_equal(consumption_next(&c, 9)->number, 2);
    consumption_skip(&c, 9);
    assert_int_equal(consumption_next(&c, 9)->number, 3);
    assert_int_equal(c.open[0].users_n, 2);
    assert_int_equal(c.open_n, 2);
    consumption_deinit(&c);
}

static void excluded_parties_and_contents_of_nobody_take_no_part(void **state)
{
    (void)state;
    enum { ANN, BOB, EVE, CLEO };
    const uint32_t creator_of[] = {EVE, UINT32_MAX, CLEO, CLEO};
    const uint32_t quality_ppm[] = {PPM, PPM, PPM, 0};
    struct consumption_rules rules = day_rules;
    rules.cap_ppm = PPM;
    struct consumption c;
    struct settlement s;
    size_t first, n;
    uint32_t excluded = EVE;
    consumption_init(&c);
    attend(&c, &rules, 0, ANN, 0, 5000);
    attend(&c, &rules, 0, ANN, 1, 5000);
    attend(&c, &rules, 0, EVE, 2, 10000);
    attend(&c, &rules, 0, ANN, 3, 5000);
    attend(&c, &rules, 0, ANN, 4, 5000); /* made after the facts */
    attend(&c, &rules, 0, BOB, HANDLE_NONE, 20000);
    assert_int_equal(consumption_settle(&c, &rules, 0, creator_of, quality_ppm, 4, party_is,
                                        &excluded, &s, &first, &n),
                     HEED_OK);
    static const struct payout rows[] = {
        {0, 10000, 500000, 500000, 600, 600, 600, CLEO, 1},
        {0, 20000, 666666, 1333332, 400, 200, 200, ANN, 0},
        {0, 20000, 666666, 1333332, 400, 200, 200, BOB, 0},
    };
    assert_int_equal(n, 3);
    assert_memory_equal(c.payouts, rows, sizeof rows);
    consumption_deinit(&c);
}

static void a_side_without_anybody_stays_in_the_pool(void **state)
{
    (void)state;
    static const struct {
        int64_t pool;
        uint32_t share, cap;
        int64_t paid;
    } rows[] = {
        {1000, 600000, PPM, 400}, {1000, 0, PPM, 1000}, {1000, PPM, PPM, 0}, {0, 600000, PPM, 0},
        {-5, 600000, PPM, 0},     {1000, 0, 0, 0},      {1, 600000, PPM, 1}, {1, 600000, 999999, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct consumption_rules r = day_rules;
        r.pool_minor = rows[i].pool;
        r.creator_share_ppm = rows[i].share;
        r.cap_ppm = rows[i].cap;
        struct consumption c;
        struct settlement s;
        size_t first, n;
        consumption_init(&c);
        attend(&c, &r, 0, 3, HANDLE_NONE, 1);
        assert_int_equal(consumption_settle(&c, &r, 0, NULL, NULL, 0, NULL, NULL, &s, &first, &n),
                         HEED_OK);
        assert_int_equal(s.paid_minor, rows[i].paid);
        assert_int_equal(n, rows[i].paid > 0);
        consumption_deinit(&c);
    }
}

static void points_beyond_what_can_be_held_stop_there(void **state)
{
    (void)state;
    struct consumption_rules r = day_rules;
    r.pool_minor = INT64_MAX;
    r.half_points_milli = INT64_MAX;
    r.cap_ppm = PPM;
    const uint32_t creator_of[] = {2, 2}, quality_ppm[] = {PPM, PPM};
    struct consumption c;
    struct settlement s;
    size_t first, n;
    consumption_init(&c);
    for (uint32_t i = 0; i < 4; i++)
        attend(&c, &r, INT64_MAX, 1, i % 2, INT64_MAX);
    int64_t number = INT64_MAX / r.epoch_ms;
    assert_int_equal(
        consumption_settle(&c, &r, number, creator_of, quality_ppm, 2, NULL, NULL, &s, &first, &n),
        HEED_OK);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c.payouts[i].points_milli, INT64_MAX);
        assert_int_equal(c.payouts[i].curve, 500000);
    }
    assert_int_equal(s.paid_minor, INT64_MAX);
    consumption_deinit(&c);
}

/* ── the twin ── */

struct act {
    int64_t time_ms, points_milli;
    uint32_t user, content;
};

struct twin_side {
    wide points[PARTIES]; /* creators: in millionths of milli points */
    int64_t amount[PARTIES], uncapped[PARTIES];
};

/* Largest remainder as the textbook has it: whole parts, then one each by remainder.            */
static void twin_divide(const struct consumption_rules *r, int64_t part, struct twin_side *t,
                        wide scale)
{
    wide curve[PARTIES], rest[PARTIES], sum = 0, left = part;
    for (int i = 0; i < PARTIES; i++) {
        wide x = t->points[i] / scale;
        curve[i] = x > 0 ? x * PPM / (x + r->half_points_milli) : 0;
        sum += curve[i];
    }
    for (int i = 0; i < PARTIES; i++) {
        t->uncapped[i] = sum ? (int64_t)(part * curve[i] / sum) : 0;
        rest[i] = sum ? part * curve[i] % sum : 0;
        left -= t->uncapped[i];
    }
    for (; sum && left > 0; left--) {
        int best = -1;
        for (int i = 0; i < PARTIES; i++)
            if (rest[i] > 0 && (best < 0 || rest[i] > rest[best] ||
                                (rest[i] == rest[best] && curve[i] > curve[best])))
                best = i;
        assert_true(best >= 0);
        t->uncapped[best]++;
        rest[best] = 0;
    }
    int64_t cap = (int64_t)((wide)part * r->cap_ppm / PPM);
    for (int i = 0; i < PARTIES; i++)
        t->amount[i] = t->uncapped[i] < cap ? t->uncapped[i] : cap;
}

static void random_facts(struct prng *r, uint32_t *creator_of, uint32_t *quality_ppm)
{
    for (int i = 0; i < CONTENTS; i++) {
        creator_of[i] = prng_below(r, 10) ? (uint32_t)prng_below(r, PARTIES) : UINT32_MAX;
        quality_ppm[i] = (uint32_t)prng_below(r, PPM + 1);
    }
}

static struct consumption_rules random_rules(struct prng *r)
{
    return (struct consumption_rules){
        .epoch_ms = 1000,
        .pool_minor = (int64_t)prng_below(r, prng_below(r, 2) ? 100 : 1000000000),
        .creator_share_ppm = (uint32_t)prng_below(r, PPM + 1),
        .half_points_milli = (int64_t)prng_below(r, 50000),
        .cap_ppm = (uint32_t)prng_below(r, PPM + 1),
    };
}

static size_t random_acts(struct prng *r, struct act *acts, size_t max)
{
    size_t n = 1 + prng_below(r, max);
    for (size_t i = 0; i < n; i++)
        acts[i] = (struct act){(int64_t)prng_below(r, 1000), (int64_t)prng_below(r, 60000) - 3000,
                               (uint32_t)prng_below(r, PARTIES),
                               prng_below(r, 5) ? (uint32_t)prng_below(r, CONTENTS) : HANDLE_NONE};
    return n;
}

static void random_epochs_are_divided_as_by_the_twin_and_lose_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        uint32_t creator_of[CONTENTS], quality_ppm[CONTENTS];
        struct act acts[200];
        struct consumption_rules rules = random_rules(&r);
        random_facts(&r, creator_of, quality_ppm);
        size_t acts_n = random_acts(&r, acts, 200), first, n;
        uint32_t excluded = (uint32_t)prng_below(&r, PARTIES);
        struct twin_side sides[2] = {0}; /* users, creators */
        struct consumption c;
        consumption_init(&c);
        for (size_t i = 0; i < acts_n; i++) {
            const struct act *a = &acts[i];
            attend(&c, &rules, a->time_ms, a->user, a->content, a->points_milli);
            if (a->points_milli <= 0)
                continue;
            if (a->user != excluded)
                sides[0].points[a->user] += a->points_milli;
            uint32_t creator = a->content == HANDLE_NONE ? UINT32_MAX : creator_of[a->content];
            if (creator != UINT32_MAX && creator != excluded)
                sides[1].points[creator] += (wide)a->points_milli * quality_ppm[a->content];
        }
        struct settlement s;
        assert_int_equal(consumption_settle(&c, &rules, 0, creator_of, quality_ppm, CONTENTS,
                                            party_is, &excluded, &s, &first, &n),
                         HEED_OK);
        int64_t creators = (int64_t)((wide)rules.pool_minor * rules.creator_share_ppm / PPM);
        twin_divide(&rules, rules.pool_minor - creators, &sides[0], 1);
        twin_divide(&rules, creators, &sides[1], PPM);
        int64_t paid = 0, expected = 0;
        size_t expected_n = 0;
        for (size_t i = 0; i < n; i++) {
            const struct payout *p = &c.payouts[first + i];
            const struct twin_side *t = &sides[p->creator];
            if (p->amount_minor != t->amount[p->party] ||
                p->uncapped_minor != t->uncapped[p->party])
                fail_msg("seed %llu: party %u gets %lld of %lld, %lld of %lld expected",
                         (unsigned long long)seed, p->party, (long long)p->amount_minor,
                         (long long)p->uncapped_minor, (long long)t->amount[p->party],
                         (long long)t->uncapped[p->party]);
            assert_true(p->amount_minor > 0);
            paid += p->amount_minor;
        }
        for (int side = 0; side < 2; side++)
            for (int i = 0; i < PARTIES; i++) {
                expected += sides[side].amount[i];
                expected_n += sides[side].amount[i] > 0;
            }
        assert_int_equal(n, expected_n);
        assert_int_equal(paid, expected);
        assert_int_equal(s.paid_minor, paid);
        assert_in_range(paid, 0, rules.pool_minor);
        consumption_deinit(&c);
    }
}

static void what_is_paid_does_not_depend_on_the_order_of_events(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng r;
        prng_seed(&r, seed);
        uint32_t creator_of[CONTENTS], quality_ppm[CONTENTS];
        struct act acts[200];
        struct consumption_rules rules = random_rules(&r);
        random_facts(&r, creator_of, quality_ppm);
        size_t acts_n = random_acts(&r, acts, 200), first, n[2];
        struct consumption c[2];
        struct settlement s;
        for (int turn = 0; turn < 2; turn++) {
            consumption_init(&c[turn]);
            for (size_t i = 0; i < acts_n; i++)
                attend(&c[turn], &rules, acts[i].time_ms, acts[i].user, acts[i].content,
                       acts[i].points_milli);
            assert_int_equal(consumption_settle(&c[turn], &rules, 0, creator_of, quality_ppm,
                                                CONTENTS, NULL, NULL, &s, &first, &n[turn]),
                             HEED_OK);
            for (size_t i = acts_n - 1; i > 0; i--) {
                size_t j = prng_below(&r, i + 1);
                struct act a = acts[i];
                acts[i] = acts[j];
                acts[j] = a;
            }
        }
        assert_int_equal(n[0], n[1]);
        if (n[0] > 0)
            assert_memory_equal(c[0].payouts, c[1].payouts, n[0] * sizeof *c[0].payouts);
        consumption_deinit(&c[0]);
        consumption_deinit(&c[1]);
    }
}

/* ── saved ── */

static void save(const void *x, struct sink *s)
{
    consumption_save(x, s);
}
static enum heed_status load(void *x, struct source *s, struct heed_error *err)
{
    return consumption_load(x, s, err);
}
static void deinit(void *x)
{
    consumption_deinit(x);
}

/* Whatever loads can be gone on with.                                                           */
static void check(const void *x)
{
    const struct consumption *c = x;
    uint64_t late = 0;
    for (size_t i = 0; i < c->open_n; i++) {
        const struct open_epoch *e = &c->open[i];
        late += e->late;
        assert_true(e->number > c->settled_through);
        for (uint32_t j = 0; j < e->users_n; j++)
            assert_int_equal(map_get(&e->user_index, e->users[j].key), j);
        for (uint32_t j = 0; j < e->contents_n; j++)
            assert_int_equal(map_get(&e->content_index, e->contents[j].key), j);
    }
    size_t at = 0;
    for (size_t i = 0; i < c->settlements_n; i++) {
        int64_t paid = 0;
        late += c->settlements[i].late;
        assert_true(c->settlements[i].epoch <= c->settled_through);
        for (size_t j = 0; j < c->settlements[i].payouts; j++, at++) {
            assert_int_equal(c->payouts[at].epoch, c->settlements[i].epoch);
            paid += c->payouts[at].amount_minor;
        }
        assert_int_equal(paid, c->settlements[i].paid_minor);
        assert_true(paid <= c->settlements[i].pool_minor);
    }
    assert_int_equal(at, c->payouts_n);
    assert_int_equal(late, c->late);
}

static const struct saved_kind kind = {sizeof(struct consumption), save, load, deinit, check};

/* Three epochs, two of them settled, with late events.                                          */
static void make(struct consumption *c, uint64_t seed, size_t acts_max)
{
    struct prng r;
    prng_seed(&r, seed);
    uint32_t creator_of[CONTENTS], quality_ppm[CONTENTS];
    struct act acts[200];
    random_facts(&r, creator_of, quality_ppm);
    consumption_init(c);
    for (int64_t epoch = 0; epoch < 4; epoch++) {
        size_t acts_n = random_acts(&r, acts, acts_max), first, n;
        for (size_t i = 0; i < acts_n; i++)
            attend(c, &day_rules, acts[i].time_ms + (i % 4 ? epoch : epoch - 1) * 1000,
                   acts[i].user, acts[i].content, acts[i].points_milli);
        attend(c, &day_rules, epoch * 1000, 0, 0, 1000);
        const struct open_epoch *next;
        while (epoch < 2 && (next = consumption_next(c, epoch))) {
            struct settlement s;
            assert_int_equal(consumption_settle(c, &day_rules, next->number, creator_of,
                                                quality_ppm, CONTENTS, NULL, NULL, &s, &first, &n),
                             HEED_OK);
            c->settlements[c->settlements_n - 1].feeds = 12;
            c->settlements[c->settlements_n - 1].floor_ppm = 100000;
            c->settlements[c->settlements_n - 1].floor_kept = true;
            c->settlements[c->settlements_n - 1].min_share_ppm = 123456;
            c->settlements[c->settlements_n - 1].settled_at_ms = epoch * 1000 + 999;
        }
    }
}

static void what_was_saved_loads_and_pays_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct consumption c, again;
        make(&c, seed, 200);
        check(&c);
        assert_round_trip(&kind, &c);
        struct strbuf bytes = saved_bytes(&kind, &c);
        size_t used;
        assert_int_equal(saved_load(&kind, &again, bytes.p, bytes.n, &used, NULL), HEED_OK);
        assert_int_equal(again.settled_through, c.settled_through);
        assert_int_equal(again.late, c.late);
        assert_true(again.late > 0);
        assert_int_equal(again.settlements_n, c.settlements_n);
        for (size_t i = 0; i < c.settlements_n; i++)
            assert_int_equal(again.settlements[i].paid_minor, c.settlements[i].paid_minor);
        assert_memory_equal(again.payouts, c.payouts, c.payouts_n * sizeof *c.payouts);
        assert_true(consumption_within(&again, PARTIES, CONTENTS));
        assert_false(consumption_within(&again, 1, CONTENTS));
        assert_false(consumption_within(&again, PARTIES, 1));

        uint32_t creator_of[CONTENTS] = {0}, quality_ppm[CONTENTS];
        for (int i = 0; i < CONTENTS; i++)
            quality_ppm[i] = 700000;
        struct consumption *both[] = {&c, &again};
        size_t first[2], n[2];
        struct settlement s;
        for (int i = 0; i < 2; i++) {
            attend(both[i], &day_rules, 0, 1, 2, 4567);
            assert_int_equal(consumption_settle(both[i], &day_rules, both[i]->open[0].number,
                                                creator_of, quality_ppm, CONTENTS, NULL, NULL, &s,
                                                &first[i], &n[i]),
                             HEED_OK);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(c.payouts + first[0], again.payouts + first[1],
                            n[0] * sizeof *c.payouts);
        strbuf_deinit(&bytes);
        consumption_deinit(&c);
        consumption_deinit(&again);
    }
}

static void an_empty_state_saves_and_loads(void **state)
{
    (void)state;
    struct consumption c;
    consumption_init(&c);
    assert_round_trip(&kind, &c);
    consumption_deinit(&c);
}

static void damaged_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    struct consumption c;
    make(&c, 5, 20);
    assert_damage_is_found_or_harmless(&kind, &c);
    consumption_deinit(&c);
}

/* ── memory that runs out ── */

static void a_settlement_without_memory_changes_nothing(void **state)
{
    (void)state;
    uint32_t creator_of[CONTENTS] = {0}, quality_ppm[CONTENTS] = {0};
    for (int i = 0; i < CONTENTS; i++)
        quality_ppm[i] = 500000;
    for (long at = 1;; at++) {
        struct consumption c;
        struct settlement s;
        size_t first, n;
        make(&c, 3, 200);
        struct strbuf before = saved_bytes(&kind, &c);
        fault_fail_at(at);
        enum heed_status status =
            consumption_settle(&c, &day_rules, c.open[0].number, creator_of, quality_ppm, CONTENTS,
                               NULL, NULL, &s, &first, &n);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        struct strbuf after = saved_bytes(&kind, &c);
        assert_int_equal(saved_equal(&before, &after), fault_fired());
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        consumption_deinit(&c);
        if (!fault_fired())
            break;
    }
}

static bool empty(const void *x)
{
    const struct consumption *c = x;
    return c->open_n + c->payouts_n + c->settlements_n == 0;
}

static void attending_and_loading_say_when_memory_is_out(void **state)
{
    (void)state;
    for (long at = 1;; at++) {
        struct consumption c;
        enum heed_status status = HEED_OK;
        consumption_init(&c);
        fault_fail_at(at);
        for (uint32_t i = 0; status == HEED_OK && i < 300; i++)
            status = consumption_attend(&c, &day_rules, i * 100, i % 20, i, 10);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        consumption_deinit(&c);
        if (!fault_fired())
            break;
    }
    struct consumption whole;
    make(&whole, 4, 100);
    assert_true(assert_load_says_when_memory_is_out(&kind, &whole, empty) > 0);
    consumption_deinit(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_is_divided_as_by_hand),
        cmocka_unit_test(epochs_without_points_leave_the_others_as_they_are),
        cmocka_unit_test(late_events_count_in_the_oldest_open_epoch),
        cmocka_unit_test(epochs_in_which_nothing_was_gathered_can_be_skipped),
        cmocka_unit_test(excluded_parties_and_contents_of_nobody_take_no_part),
        cmocka_unit_test(a_side_without_anybody_stays_in_the_pool),
        cmocka_unit_test(points_beyond_what_can_be_held_stop_there),
        cmocka_unit_test(random_epochs_are_divided_as_by_the_twin_and_lose_nothing),
        cmocka_unit_test(what_is_paid_does_not_depend_on_the_order_of_events),
        cmocka_unit_test(what_was_saved_loads_and_pays_the_same),
        cmocka_unit_test(an_empty_state_saves_and_loads),
        cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
        cmocka_unit_test_teardown(a_settlement_without_memory_changes_nothing, memory_returns),
        cmocka_unit_test_teardown(attending_and_loading_say_when_memory_is_out, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
