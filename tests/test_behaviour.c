/* Acts and what they come to, against a twin that keeps every act and scans them all anew. */
#include "base/time.h"
#include "support_acts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ACTS_MAX = 1200 };

/* ── points and decay ── */

static void points_are_weight_times_units_up_to_the_most(void **state)
{
    (void)state;
    static const struct {
        struct verb_rule verb;
        int64_t amount_milli, points_milli;
    } rows[] = {
        {{"", VERB_ENGAGE, 2000, 0, 0}, 1000, 2000},
        {{"", VERB_ENGAGE, 2000, 0, 0}, 0, 2000}, /* the amount does not matter */
        {{"", VERB_NEGATIVE, -500, 0, 0}, INT64_MAX, -500},
        {{"", VERB_DWELL, 500, 60000, 60}, 0, 0},
        {{"", VERB_DWELL, 500, 60000, 60}, 60000, 500}, /* a minute */
        {{"", VERB_DWELL, 500, 60000, 60}, 90000, 750}, /* half units count */
        {{"", VERB_DWELL, 500, 60000, 60}, 119, 0},     /* less than a thousandth unit */
        {{"", VERB_DWELL, 500, 60000, 60}, 120, 1},     /* 2/1000 units at half a point */
        {{"", VERB_DWELL, 500, 60000, 60}, 3600000, 30000},
        {{"", VERB_DWELL, 500, 60000, 60}, 3600001, 30000},
        {{"", VERB_DWELL, 500, 60000, 60}, 3603000, 30000},
        {{"", VERB_DWELL, 500, 60000, 60}, INT64_MAX, 30000},
        {{"", VERB_NEGATIVE, -500, 60000, 60}, INT64_MAX, -30000},
        {{"", VERB_ENGAGE, 5000, 1000, 10}, 3000, 15000}, /* three bought */
        {{"", VERB_ENGAGE, 1000000, 1, 1000000000}, INT64_MAX, 1000000000000000},
        {{"", VERB_ENGAGE, INT32_MAX, 1, INT64_MAX}, INT64_MAX, INT64_MAX},
        {{"", VERB_ENGAGE, INT32_MIN, 1, INT64_MAX}, INT64_MAX, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct behaviour_rules r = {.verbs_n = 2};
        r.verbs[1] = rows[i].verb;
        int64_t got = behaviour_points(&r, 1, rows[i].amount_milli);
        if (got != rows[i].points_milli) {
            print_error("row %zu: %lld, not %lld\n", i, (long long)got,
                        (long long)rows[i].points_milli);
            fail();
        }
    }
}

static void a_verb_is_found_by_its_whole_name(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    assert_int_equal(behaviour_verb(&r, STR("view")), 0);
    assert_int_equal(behaviour_verb(&r, STR("report")), 7);
    assert_int_equal(behaviour_verb(&r, STR("vie")), -1);
    assert_int_equal(behaviour_verb(&r, STR("views")), -1);
    assert_int_equal(behaviour_verb(&r, STR("")), -1);
}

static void decay_is_a_power_of_two_to_what_doubles_tell(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, 11);
    double worst = 0;
    for (int i = 0; i < 200000; i++) {
        int64_t half_life = 60000 + (int64_t)(prng_u64(&r) >> (22 + prng_below(&r, 20)));
        int64_t age = (int64_t)(prng_double(&r) * 12 * (double)half_life);
        int64_t weight = INT64_C(1) << 60;
        double expected = ldexp(exp2(-(double)age / (double)half_life), 60);
        double error = fabs((double)behaviour_decay(weight, age, half_life) / expected - 1);
        worst = error > worst ? error : worst;
    }
    if (worst >= 1e-14) { /* exp2 of an age in doubles errs by some 1e-15 itself */
        print_error("relative error %g\n", worst);
        fail();
    }
}

static void decay_halves_exactly_never_grows_and_keeps_the_sign(void **state)
{
    (void)state;
    enum { HALF = 1000 };
    for (int i = 0; i < 63; i++)
        assert_int_equal(behaviour_decay(INT64_C(1) << 62, i * HALF, HALF), INT64_C(1) << (62 - i));
    static const int64_t weights[] = {1, 255, 256, 1000003, INT64_MAX};
    static const int64_t half_lives[] = {HALF, 61, 7 * DAY_MS};
    for (size_t w = 0; w < sizeof weights / sizeof *weights; w++)
        for (size_t h = 0; h < sizeof half_lives / sizeof *half_lives; h++) {
            int64_t before = weights[w], step = 1 + half_lives[h] / 3001;
            for (int64_t age = 0; age < 66 * half_lives[h]; age += step) {
                int64_t now = behaviour_decay(weights[w], age, half_lives[h]);
                assert_true(now <= before && now >= 0);
                assert_int_equal(behaviour_decay(-weights[w], age, half_lives[h]), -now);
                before = now;
            }
            assert_int_equal(before, 0);
        }
    assert_int_equal(behaviour_decay(77, 0, HALF), 77);
    assert_int_equal(behaviour_decay(77, -5, HALF), 77);
    assert_int_equal(behaviour_decay(77, INT64_MIN, HALF), 77);
    assert_int_equal(behaviour_decay(INT64_MAX, INT64_MAX, HALF), 0);
    assert_int_equal(behaviour_decay(INT64_MIN, 1, INT64_MAX), INT64_MIN);
    assert_int_equal(behaviour_decay(INT64_MIN, HALF, HALF), INT64_MIN / 2);
}

/* ── sessions and days ── */

static void sessions_and_days_follow_their_definitions(void **state)
{
    (void)state;
    enum { GAP = 30 * 60000, END = -1 };
#define D (100 * DAY_MS)
    static const struct {
        const char *what;
        int64_t times_ms[8];
        uint32_t sessions, active_days;
    } rows[] = {
        {"one act", {D, END}, 1, 1},
        {"the very first moment", {0, END}, 1, 1},
        {"the same moment", {D, D, END}, 1, 1},
        {"the gap to the millisecond", {D, D + GAP, END}, 1, 1},
        {"one more", {D, D + GAP + 1, END}, 2, 1},
        {"each gap counts from the last act",
         {D, D + GAP, D + 2 * GAP, D + 3 * GAP + 1, END},
         2,
         1},
        {"a late act inside the span adds none", {D, D + 5 * GAP, D + 2 * GAP, END}, 2, 1},
        {"a late act just before the first", {D + GAP, D, END}, 1, 1},
        {"a late act long before the first", {D + GAP + 1, D, END}, 2, 1},
        {"then the first is that one", {D + 2 * GAP, D, D - GAP, END}, 2, 2},
        {"midnight", {D - 1, D, END}, 1, 2},
        {"a day seen twice", {D, D + DAY_MS, D + 1, D + DAY_MS + 1, END}, 2, 2},
        {"63 days behind", {D, D - 63 * DAY_MS, D - 63 * DAY_MS + 1, END}, 2, 2},
        {"64 days behind is not known", {D, D - 64 * DAY_MS, END}, 2, 1},
        {"63 days ahead", {D, D + 63 * DAY_MS, D, END}, 2, 2},
        {"64 days ahead", {D, D + 64 * DAY_MS, D + DAY_MS, D, END}, 2, 3},
        {"a thousand days ahead", {D, D + 1000 * DAY_MS, END}, 2, 2},
    };
#undef D
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct behaviour_rules r = acts_rules();
        struct behaviour b;
        behaviour_init(&b);
        for (const int64_t *t = rows[i].times_ms; *t != END; t++)
            acts_apply(&b, &r, &(struct act){.time_ms = *t, .target = target_make(TARGET_GOOD, 0)});
        const struct user_stats *u = behaviour_user(&b, 0);
        if (u->sessions != rows[i].sessions || u->active_days != rows[i].active_days) {
            print_error("%s: %u sessions, not %u; %u days, not %u\n", rows[i].what, u->sessions,
                        rows[i].sessions, u->active_days, rows[i].active_days);
            fail();
        }
        behaviour_deinit(&b);
    }
}

/* ── the twin ── */

struct twin {
    struct act acts[ACTS_MAX];
    size_t n;
    uint64_t duplicates;
    uint32_t served[TARGET_KINDS][ACT_TARGETS];
};

static int64_t twin_latest(const struct twin *t, size_t n)
{
    int64_t latest = 0;
    for (size_t i = 0; i < n; i++)
        if (t->acts[i].time_ms > latest)
            latest = t->acts[i].time_ms;
    return latest;
}

/* Among the last `max` acts with ids one has this id and is within the window.                  */
static bool twin_duplicate(const struct twin *t, const struct behaviour_rules *r,
                           const struct act *act)
{
    int64_t newest = twin_latest(t, t->n);
    if (act->time_ms > newest)
        newest = act->time_ms;
    uint32_t with_ids = 0;
    for (size_t i = t->n; act->id_hash && i-- > 0;) {
        if (t->acts[i].id_hash == 0)
            continue;
        if (with_ids++ == r->dedup_max)
            return false;
        if (t->acts[i].id_hash == act->id_hash && t->acts[i].time_ms >= newest - r->dedup_window_ms)
            return true;
    }
    return false;
}

/* Points of an act in millionths, not rounded.                                                  */
static double twin_points(const struct behaviour_rules *r, const struct act *act)
{
    const struct verb_rule *v = &r->verbs[act->verb];
    double units = v->unit_milli ? (double)act->amount_milli / (double)v->unit_milli : 1;
    if (v->unit_milli && units > (double)v->max_units)
        units = (double)v->max_units;
    return units * v->weight_milli * 1000;
}

/* A sum of decayed points as acts come in; what rounding may have cost grows with it.           */
struct decaying {
    double value, slack;
    int64_t at;
};

static void decaying_add(struct decaying *d, double points, int64_t at, int64_t half_life,
                         double least, double most)
{
    if (at > d->at) {
        d->value *= exp2(-(double)(at - d->at) / (double)half_life);
        d->at = at;
    } else {
        points *= exp2(-(double)(d->at - at) / (double)half_life);
    }
    d->value += points;
    d->slack += 3 + 1e-12 * (fabs(d->value) + fabs(points));
    d->value = fmax(fmin(d->value, most), least);
}

static bool within_slack(int64_t got, const struct decaying *d)
{
    return fabs((double)got - d->value) <= d->slack;
}

static int64_t saturated(int64_t sum, int64_t amount)
{
    return amount > INT64_MAX - sum ? INT64_MAX : sum + amount;
}

static bool user_agrees(const struct twin *t, const struct behaviour_rules *r,
                        const struct behaviour *b, uint32_t user)
{
    uint64_t events = 0;
    uint32_t sessions = 0, pairs = 0, verbs[VERBS_MAX] = {0};
    int64_t first = INT64_MAX, last = INT64_MIN, dwell = 0;
    static bool day_seen[70000], met[TARGET_KINDS][ACT_TARGETS];
    memset(day_seen, 0, sizeof day_seen);
    memset(met, 0, sizeof met);
    uint32_t days = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct act *a = &t->acts[i];
        if (a->user != user)
            continue;
        events++;
        verbs[a->verb]++;
        if (first > last || a->time_ms > last + r->session_gap_ms ||
            a->time_ms < first - r->session_gap_ms)
            sessions++;
        first = a->time_ms < first ? a->time_ms : first;
        last = a->time_ms > last ? a->time_ms : last;
        if (r->verbs[a->verb].class == VERB_DWELL)
            dwell = saturated(dwell, a->amount_milli);
        bool *seen = &day_seen[a->time_ms / DAY_MS];
        if (!*seen && a->time_ms / DAY_MS > last / DAY_MS - 64)
            days += *seen = true;
        bool *m = &met[target_kind(a->target)][target_index(a->target)];
        pairs += !*m;
        *m = true;
    }
    const struct user_stats *u = behaviour_user(b, user);
    if (events == 0)
        return !u || (u->events == 0 && u->pairs == 0 && u->head == HANDLE_NONE);
    return u && u->events == events && u->sessions == sessions && u->active_days == days &&
           u->first_ms == first && u->last_ms == last && u->dwell_milli == dwell &&
           u->pairs == pairs && memcmp(verbs, &b->user_verbs[user * VERBS_MAX], sizeof verbs) == 0;
}

static bool target_agrees(const struct twin *t, const struct behaviour_rules *r,
                          const struct behaviour *b, uint32_t target)
{
    uint32_t served = t->served[target_kind(target)][target_index(target)];
    uint64_t events = 0, engagements = 0, impressions = served;
    uint32_t verbs[VERBS_MAX] = {0}, reach = 0;
    int64_t dwell = 0;
    bool met[ACT_USERS] = {false};
    struct decaying popularity = {0};
    for (size_t i = 0; i < t->n; i++) {
        const struct act *a = &t->acts[i];
        if (a->target != target)
            continue;
        events++;
        verbs[a->verb]++;
        impressions += !a->own && r->verbs[a->verb].class == VERB_IMPRESSION;
        engagements += !a->own && r->verbs[a->verb].class == VERB_ENGAGE;
        if (r->verbs[a->verb].class == VERB_DWELL)
            dwell = saturated(dwell, a->amount_milli);
        reach += !a->own && !met[a->user];
        met[a->user] = true;
        decaying_add(&popularity, a->own ? 0 : fmax(0, twin_points(r, a)), a->time_ms,
                     r->half_life_ms, 0, 0x1p61);
    }
    const struct target_stats *x = behaviour_target(b, target);
    if (!x)
        return events == 0 && served == 0;
    return x->served == served && x->impressions == impressions && x->engagements == engagements &&
           x->dwell_milli == dwell && x->reach == reach && x->last_ms == popularity.at &&
           within_slack(x->popularity_micro, &popularity) &&
           memcmp(verbs, &b->targets[target_kind(target)].verbs[target_index(target) * VERBS_MAX],
                  sizeof verbs) == 0;
}

static bool pair_agrees(const struct twin *t, const struct behaviour_rules *r,
                        const struct behaviour *b, uint32_t user, uint32_t target)
{
    struct decaying weight = {0};
    bool met = false;
    for (size_t i = 0; i < t->n; i++) {
        const struct act *a = &t->acts[i];
        if (a->user != user || a->target != target)
            continue;
        met = true;
        decaying_add(&weight, twin_points(r, a), a->time_ms / 1000 * 1000, r->half_life_ms, -0x1p61,
                     0x1p61);
    }
    const struct pair *p = behaviour_pair(b, user, target);
    if (!met)
        return p == NULL;
    return p && p->user == user && p->target == target && p->time_s == weight.at / 1000 &&
           within_slack(p->weight_micro, &weight);
}

/* The chain of a user holds exactly the targets met, the one met last first.                    */
static bool chain_agrees(const struct twin *t, const struct behaviour *b, uint32_t user)
{
    uint32_t met[TARGET_KINDS * ACT_TARGETS];
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t j = 0;
        while (j < n && met[j] != t->acts[i].target)
            j++;
        if (t->acts[i].user == user && j == n)
            met[n++] = t->acts[i].target;
    }
    const struct user_stats *u = behaviour_user(b, user);
    for (uint32_t p = u ? u->head : HANDLE_NONE; p != HANDLE_NONE; p = b->pairs[p].next)
        if (n == 0 || b->pairs[p].user != user || b->pairs[p].target != met[--n])
            return false;
    return n == 0;
}

static bool totals_agree(const struct twin *t, const struct behaviour *b)
{
    uint64_t out_of_order = 0, verbs[VERBS_MAX] = {0};
    int64_t amounts[VERBS_MAX] = {0}, latest = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct act *a = &t->acts[i];
        verbs[a->verb]++;
        amounts[a->verb] = saturated(amounts[a->verb], a->amount_milli);
        out_of_order += a->time_ms < latest;
        latest = a->time_ms > latest ? a->time_ms : latest;
    }
    return b->events == t->n && b->duplicates == t->duplicates && b->latest_ms == latest &&
           b->out_of_order == out_of_order && memcmp(verbs, b->verb_events, sizeof verbs) == 0 &&
           memcmp(amounts, b->verb_amount_milli, sizeof amounts) == 0;
}

static void assert_agrees(const struct twin *t, const struct behaviour_rules *r,
                          const struct behaviour *b, uint64_t seed)
{
    const char *what = totals_agree(t, b) ? NULL : "totals";
    for (uint32_t user = 0; user < ACT_USERS; user++) {
        if (!user_agrees(t, r, b, user))
            what = "user";
        if (!chain_agrees(t, b, user))
            what = "chain";
    }
    for (uint32_t kind = TARGET_USER; kind < TARGET_KINDS; kind++)
        for (uint32_t i = 0; i < ACT_TARGETS; i++) {
            uint32_t target = target_make((enum target_kind)kind, i);
            if (!target_agrees(t, r, b, target))
                what = "target";
            for (uint32_t user = 0; user < ACT_USERS; user++)
                if (!pair_agrees(t, r, b, user, target))
                    what = "pair";
        }
    if (what) {
        print_error("seed %llu, after %zu acts: a %s differs\n", (unsigned long long)seed, t->n,
                    what);
        fail();
    }
}

static void random_acts_agree_with_scanning_them_all(void **state)
{
    (void)state;
    static struct twin t;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct behaviour_rules r = acts_rules();
        struct behaviour b;
        struct acts a;
        memset(&t, 0, sizeof t);
        acts_begin(&a, seed, seed % 2);
        behaviour_init(&b);
        size_t steps = 1 + prng_below(&a.r, ACTS_MAX);
        for (size_t i = 0; i < steps; i++) {
            struct act act = acts_next(&a, &r);
            if (prng_below(&a.r, 2)) { /* a hint is only a hint */
                behaviour_prefetch(&b, &act);
                behaviour_prefetch_pair(&b, &act);
            }
            if (prng_below(&a.r, 10) == 0) {
                assert_int_equal(behaviour_served(&b, act.target), HEED_OK);
                t.served[target_kind(act.target)][target_index(act.target)]++;
            }
            bool expected = twin_duplicate(&t, &r, &act);
            if (acts_apply(&b, &r, &act) != expected) {
                print_error("seed %llu: act %zu is %sa duplicate\n", (unsigned long long)seed, i,
                            expected ? "" : "not ");
                fail();
            }
            if (expected)
                t.duplicates++;
            else
                t.acts[t.n++] = act;
            if (i % 100 == 0 || i + 1 == steps)
                assert_agrees(&t, &r, &b, seed);
        }
        behaviour_deinit(&b);
    }
}

/* ── ids ── */

static void an_id_is_known_within_the_window_and_the_count(void **state)
{
    (void)state;
    static const struct {
        int64_t window_ms;
        uint32_t max;
    } rows[] = {{3600000, 0},     {3600000, 1}, {3600000, 5}, {0, 100},
                {INT64_C(1), 16}, {DAY_MS, 7},  {DAY_MS, 60}, {365 * DAY_MS, 1000000}};
    static struct twin t;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        struct behaviour_rules r = acts_rules();
        r.dedup_window_ms = rows[row].window_ms;
        r.dedup_max = rows[row].max;
        struct behaviour b;
        struct acts a;
        memset(&t, 0, sizeof t);
        behaviour_init(&b);
        acts_begin(&a, row, true);
        uint64_t ids = r.dedup_max > 100 ? 100000 : 60;
        for (size_t i = 0; i < ACTS_MAX; i++) {
            struct act act = acts_next(&a, &r);
            act.id_hash = act.id_hash ? 1 + prng_below(&a.r, ids) : 0;
            bool expected = r.dedup_max > 0 && twin_duplicate(&t, &r, &act);
            if (acts_apply(&b, &r, &act) != expected) {
                print_error("row %zu: act %zu is %sa duplicate\n", row, i, expected ? "" : "not ");
                fail();
            }
            if (!expected)
                t.acts[t.n++] = act;
        }
        assert_int_equal(b.duplicates, ACTS_MAX - t.n);
        behaviour_deinit(&b);
    }
}

/* A repeated id far ahead in time must not make the others forgotten.                           */
static void a_duplicate_changes_nothing_but_its_count(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    struct behaviour b;
    behaviour_init(&b);
    struct act act = {.time_ms = DAY_MS, .target = target_make(TARGET_GOOD, 0), .id_hash = 1};
    assert_false(acts_apply(&b, &r, &act));
    act.id_hash = 2;
    act.time_ms += r.dedup_window_ms;
    assert_false(acts_apply(&b, &r, &act));
    act.time_ms += r.dedup_window_ms; /* 1 would be forgotten, were this one counted */
    act.user = 3;
    assert_true(acts_apply(&b, &r, &act));
    assert_int_equal(b.duplicates, 1);
    assert_int_equal(b.events, 2);
    assert_int_equal(b.latest_ms, DAY_MS + r.dedup_window_ms);
    assert_null(behaviour_user(&b, 3));
    act.id_hash = 1;
    act.time_ms = DAY_MS;
    assert_true(acts_apply(&b, &r, &act));
    behaviour_deinit(&b);
}

static void ids_stay_known_as_room_for_them_grows(void **state)
{
    (void)state;
    enum { OLD = 700, NEW = 5000 };
    struct behaviour_rules r = acts_rules();
    r.dedup_max = NEW;
    struct behaviour b;
    behaviour_init(&b);
    for (uint64_t id = 1; id <= OLD + NEW; id++) {
        struct act act = {.id_hash = id, .target = target_make(TARGET_GOOD, 0)};
        act.time_ms = id <= OLD ? 0 : 2 * r.dedup_window_ms; /* the old are forgotten */
        assert_false(acts_apply(&b, &r, &act));
        if (id % 500 == 0)
            for (uint64_t seen = id <= OLD ? 1 : OLD + 1; seen <= id; seen++) {
                act.id_hash = seen;
                assert_true(acts_apply(&b, &r, &act));
            }
    }
    behaviour_deinit(&b);
}

/* ── limits ── */

static void popularity_stops_at_a_quarter_of_an_int64(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    r.verbs[4] = (struct verb_rule){"buy", VERB_ENGAGE, 1000000, 1000, INT64_MAX};
    struct behaviour b;
    behaviour_init(&b);
    struct act act = {.target = target_make(TARGET_GOOD, 0), .amount_milli = 2305843009, .verb = 4};
    int64_t before = 0;
    for (int i = 0; i < 1100; i++) {
        acts_apply(&b, &r, &act);
        int64_t now = behaviour_target(&b, act.target)->popularity_micro;
        assert_true(i < 1000 ? now > before : now == INT64_MAX / 4);
        before = now;
    }
    behaviour_deinit(&b);
}

/* 2,000 views of .1 point, an hour apart within seconds or years: what is kept is the sum of the
 * decayed points to a thousandth, though it is cut to whole millionths 2,000 times.              */
static void points_add_up_to_a_thousandth(void **state)
{
    (void)state;
    static const struct {
        int64_t apart_ms, half_life_ms;
    } rows[] = {
        {0, DAY_MS}, {1, DAY_MS}, {1000, 7 * DAY_MS}, {60000, 7 * DAY_MS}, {3600000, 30 * DAY_MS},
        {997, 61}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int verb = 0; verb < 2; verb++) {
            struct behaviour_rules r = acts_rules();
            r.half_life_ms = rows[i].half_life_ms;
            r.verbs[0] = (struct verb_rule){"view", VERB_IMPRESSION, 100, 0, 0};
            r.verbs[1] = (struct verb_rule){"dwell", VERB_DWELL, 1000, 70000, 100}; /* 7 s: .1 */
            struct behaviour b;
            behaviour_init(&b);
            struct act act = {.target = target_make(TARGET_CONTENT, 0), .amount_milli = 7000};
            act.verb = (uint32_t)verb;
            double expected = 0;
            for (int n = 0; n < 2000; n++) {
                act.time_ms = 1000000 + n * rows[i].apart_ms;
                acts_apply(&b, &r, &act);
                expected *= exp2(-(double)rows[i].apart_ms / (double)rows[i].half_life_ms);
                expected += .1;
            }
            double got = (double)behaviour_target(&b, act.target)->popularity_micro / 1e6;
            if (fabs(got - expected) > .0005)
                fail_msg("row %zu, %s: %.6f, not %.6f", i, r.verbs[verb].name, got, expected);
            if (rows[i].apart_ms % 1000 == 0) /* pairs know seconds */
                assert_true(fabs((double)behaviour_pair(&b, 0, act.target)->weight_micro / 1e6 -
                                 expected) < .0005);
            if (rows[i].apart_ms == 0)
                assert_int_equal(behaviour_target(&b, act.target)->popularity_micro, 200000000);
            behaviour_deinit(&b);
        }
}

static void a_count_of_a_verb_stops_at_what_it_holds(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    struct behaviour b;
    behaviour_init(&b);
    struct act act = {.user = 1, .target = target_make(TARGET_GOOD, 2), .verb = 2};
    acts_apply(&b, &r, &act);
    uint32_t *of_user = &b.user_verbs[VERBS_MAX + 2];
    uint32_t *of_target = &b.targets[TARGET_GOOD].verbs[2 * VERBS_MAX + 2];
    assert_int_equal(*of_user, 1);
    assert_int_equal(*of_target, 1);
    *of_user = *of_target = UINT32_MAX - 1;
    for (int i = 0; i < 3; i++) {
        acts_apply(&b, &r, &act);
        assert_int_equal(*of_user, UINT32_MAX);
        assert_int_equal(*of_target, UINT32_MAX);
    }
    assert_int_equal(b.verb_events[2], 4); /* the world's own count is of 64 bits */
    behaviour_deinit(&b);
}

static void a_pair_knows_whole_seconds(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    r.half_life_ms = 1000;
    struct behaviour b;
    behaviour_init(&b);
    struct act act = {.time_ms = 5000, .target = target_make(TARGET_GOOD, 0), .verb = 2};
    acts_apply(&b, &r, &act);
    act.time_ms = 5999; /* the same second */
    acts_apply(&b, &r, &act);
    assert_int_equal(behaviour_pair(&b, 0, act.target)->weight_micro, 4000000);
    act.time_ms = 6999; /* a second later: 4 points halve */
    acts_apply(&b, &r, &act);
    assert_int_equal(behaviour_pair(&b, 0, act.target)->weight_micro, 4000000);
    act.time_ms = 5000; /* a second late: 2 points halve */
    acts_apply(&b, &r, &act);
    assert_int_equal(behaviour_pair(&b, 0, act.target)->weight_micro, 5000000);
    assert_int_equal(behaviour_pair(&b, 0, act.target)->time_s, 6);
    behaviour_deinit(&b);
}

/* ── refunds ── */

/* With others' acts before, between and after: what is left is what there would be without the
 * purchase, but for counts of what happened and the reach.                                      */
static void a_refund_leaves_what_there_was_without_the_purchase(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct behaviour with, without;
        struct acts a;
        behaviour_init(&with);
        behaviour_init(&without);
        acts_begin(&a, seed, false);
        struct act bought = acts_next(&a, &r);
        bought.amount_milli = 3000;
        bought.verb = seed % 4 == 0 ? 0 : 2; /* view or like */
        bought.user = seed % 5 == 0 ? target_index(bought.target) : ACT_USERS - 1;
        bought.own = seed % 5 == 0;
        size_t at = prng_below(&a.r, 60);
        for (size_t i = 0; i < 60; i++) {
            struct act act = acts_next(&a, &r);
            act.verb %= 4; /* none that saturates */
            act.amount_milli &= 0xffff;
            acts_apply(&with, &r, &act);
            acts_apply(&without, &r, &act);
            if (i == at)
                acts_apply(&with, &r, &bought);
        }
        assert_int_equal(behaviour_refund(&with, &r, &bought), HEED_OK);
        const struct target_stats *x = behaviour_target(&with, bought.target);
        const struct target_stats *y = behaviour_target(&without, bought.target);
        const struct pair *p = behaviour_pair(&with, bought.user, bought.target);
        const struct pair *q = behaviour_pair(&without, bought.user, bought.target);
        const struct target_stats none = {0};
        if (!y)
            y = &none;
        assert_int_equal(x->engagements, y->engagements);
        assert_int_equal(x->impressions, y->impressions);
        assert_true(llabs(x->popularity_micro - behaviour_decay(y->popularity_micro,
                                                                x->last_ms - y->last_ms,
                                                                r.half_life_ms)) <= 64);
        int64_t weight =
            q ? behaviour_decay(q->weight_micro, ((int64_t)p->time_s - (int64_t)q->time_s) * 1000,
                                r.half_life_ms)
              : 0;
        assert_true(llabs(p->weight_micro - weight) <= 64);
        assert_int_equal(x->refunds, 1);
        assert_int_equal(behaviour_user(&with, bought.user)->refunds, 1);
        assert_int_equal(with.refunds, 1);
        assert_int_equal(with.events, without.events + 1);
        assert_int_equal(with.verb_events[bought.verb], without.verb_events[bought.verb] + 1);
        behaviour_deinit(&with);
        behaviour_deinit(&without);
    }
}

static void a_refund_takes_nothing_past_nothing(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    struct behaviour b;
    behaviour_init(&b);
    struct act act = {.time_ms = 5000, .target = target_make(TARGET_GOOD, 0), .verb = 2};
    assert_int_equal(behaviour_refund(&b, &r, &act), HEED_RANGE);
    assert_int_equal(b.refunds, 0);
    acts_apply(&b, &r, &act);
    assert_int_equal(behaviour_refund(&b, &r, &act), HEED_OK);
    assert_int_equal(behaviour_pair(&b, 0, act.target)->weight_micro, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(behaviour_refund(&b, &r, &act), HEED_OK);
    assert_int_equal(behaviour_target(&b, act.target)->popularity_micro, 0);
    assert_int_equal(behaviour_target(&b, act.target)->engagements, 0);
    assert_int_equal(behaviour_target(&b, act.target)->reach, 1);
    act.user = 1;
    assert_int_equal(behaviour_refund(&b, &r, &act), HEED_RANGE);
    behaviour_deinit(&b);
}

/* ── many pairs ── */

/* Also for one user alone and one target alone, where half of a key says nothing.               */
static void every_pair_is_found_among_many_and_no_other(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{300, 400}, {1, 50000}, {50000, 1}};
    struct behaviour_rules r = acts_rules();
    for (size_t row = 0; row < sizeof sizes / sizeof *sizes; row++) {
        uint32_t users = sizes[row][0], targets = sizes[row][1], n = users * targets;
        struct behaviour b;
        behaviour_init(&b);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = (uint32_t)((uint64_t)i * 76801 % n); /* all, out of order */
            struct act act = {.time_ms = i, .user = at / targets * 2, .verb = 2};
            act.target = target_make(TARGET_CONTENT, at % targets * 2);
            acts_apply(&b, &r, &act);
        }
        assert_int_equal(b.pairs_n, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t user = i / targets * 2, index = i % targets * 2;
            const struct pair *p = behaviour_pair(&b, user, target_make(TARGET_CONTENT, index));
            assert_true(p && p->user == user && target_index(p->target) == index);
            assert_int_equal(p->weight_micro, 2000000);
            assert_null(behaviour_pair(&b, user + 1, target_make(TARGET_CONTENT, index)));
            assert_null(behaviour_pair(&b, user, target_make(TARGET_CONTENT, index + 1)));
            assert_null(behaviour_pair(&b, user, target_make(TARGET_GOOD, index)));
            assert_null(behaviour_pair(&b, user + (1u << 30), target_make(TARGET_CONTENT, index)));
        }
        assert_int_equal(behaviour_target(&b, target_make(TARGET_CONTENT, 0))->reach, users);
        assert_int_equal(behaviour_user(&b, 0)->pairs, targets);
        behaviour_deinit(&b);
    }
}

static void what_never_acted_is_not_there(void **state)
{
    (void)state;
    struct behaviour b;
    behaviour_init(&b);
    struct act act = {.user = 5, .target = target_make(TARGET_GOOD, 5)};
    behaviour_prefetch(&b, &act);
    behaviour_prefetch_pair(&b, &act);
    assert_null(behaviour_user(&b, 5));
    assert_null(behaviour_target(&b, act.target));
    assert_null(behaviour_pair(&b, 5, act.target));
    behaviour_deinit(&b);
}

/* ── engagement ── */

/* Lower bounds: R. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3.           */
static void engagement_is_a_rate_with_its_wilson_bound(void **state)
{
    (void)state;
    static const struct {
        uint64_t impressions, engagements;
        double rate, lower;
    } rows[] = {
        {263, 81, 81.0 / 263, 0.2553},
        {148, 15, 15.0 / 148, 0.0624},
        {20, 0, 0, 0},
        {29, 1, 1.0 / 29, 0.0061},
        {0, 0, 0, 0},       /* nothing seen, nothing known */
        {3, 29, 1, 0.8830}, /* unseen engagements count as seen; all of n: n / (n + z^2) */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct target_stats t = {.impressions = rows[i].impressions,
                                 .engagements = rows[i].engagements};
        struct rate got = behaviour_engagement(&t);
        if (fabs(got.rate - rows[i].rate) > 1e-12 || fabs(got.lower - rows[i].lower) > 5e-5) {
            print_error("row %zu: %.6f, at least %.6f\n", i, got.rate, got.lower);
            fail();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_are_weight_times_units_up_to_the_most),
        cmocka_unit_test(a_verb_is_found_by_its_whole_name),
        cmocka_unit_test(decay_is_a_power_of_two_to_what_doubles_tell),
        cmocka_unit_test(decay_halves_exactly_never_grows_and_keeps_the_sign),
        cmocka_unit_test(sessions_and_days_follow_their_definitions),
        cmocka_unit_test(random_acts_agree_with_scanning_them_all),
        cmocka_unit_test(an_id_is_known_within_the_window_and_the_count),
        cmocka_unit_test(a_duplicate_changes_nothing_but_its_count),
        cmocka_unit_test(ids_stay_known_as_room_for_them_grows),
        cmocka_unit_test(points_add_up_to_a_thousandth),
        cmocka_unit_test(popularity_stops_at_a_quarter_of_an_int64),
        cmocka_unit_test(a_count_of_a_verb_stops_at_what_it_holds),
        cmocka_unit_test(a_pair_knows_whole_seconds),
        cmocka_unit_test(a_refund_leaves_what_there_was_without_the_purchase),
        cmocka_unit_test(a_refund_takes_nothing_past_nothing),
        cmocka_unit_test(every_pair_is_found_among_many_and_no_other),
        cmocka_unit_test(what_never_acted_is_not_there),
        cmocka_unit_test(engagement_is_a_rate_with_its_wilson_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
