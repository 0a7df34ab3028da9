/* Moderation by itself: what a report is worth, in which order what waits is looked at, and what a
 * decision, an appeal and a reversal do to the records. */
#include "quality/moderation.h"

#include "base/prng.h"
#include "support_fault.h"
#include "support_saved.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct moderation_rules rules = {1000, 3000, 1000, 3000, 500000};

static uint32_t content(uint32_t i)
{
    return target_make(TARGET_CONTENT, i);
}

static uint32_t person(uint32_t i)
{
    return target_make(TARGET_USER, i);
}

static void report_work(struct moderation *m, uint32_t user, uint32_t target, uint32_t maker,
                        int64_t time_ms)
{
    assert_int_equal(moderation_report(m, user, target, maker, time_ms), HEED_OK);
}

static void report(struct moderation *m, uint32_t user, uint32_t target, int64_t time_ms)
{
    report_work(m, user, target, HANDLE_NONE, time_ms);
}

static void act(struct moderation *m, int kind, uint32_t target, int64_t time_ms, int64_t attention)
{
    const struct moderation_act a = {.time_ms = time_ms,
                                     .attention_micro = attention,
                                     .target = target,
                                     .kind = (uint8_t)kind,
                                     .stood = kind != ACT_APPEAL &&
                                              moderation_newest(m, target, time_ms, INT64_MAX)};
    assert_int_equal(moderation_add(m, &a), HEED_OK);
}

/* Exposure by index of the target; NULL: nothing draws attention. */
static double exposure_in(void *context, uint32_t target)
{
    const double *table = context;
    return table ? table[target_index(target)] : 0;
}

static struct queue_row *queue(const struct moderation *m, const double *exposure, size_t *n)
{
    struct queue_row *rows;
    assert_int_equal(
        moderation_queue(m, &rules, exposure_in, (void *)(uintptr_t)exposure, &rows, n), HEED_OK);
    return rows;
}

static struct queue_row row_of(const struct moderation *m, const double *exposure, uint32_t target)
{
    size_t n;
    struct queue_row *rows = queue(m, exposure, &n), found = {0};
    for (size_t i = 0; i < n; i++)
        if (rows[i].target == target)
            found = rows[i];
    free(rows);
    return found;
}

#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-12)

/* ── records ── */

static void a_record_is_the_posterior_mean(void **state)
{
    (void)state;
    static const struct {
        int32_t a_milli, b_milli;
        uint32_t upheld, rejected;
        double mean, tolerance;
        const char *source;
    } rows[] = {
        {1000, 1000, 437, 543, .446, 5e-4, "Gelman, Bayesian Data Analysis, 2.4: placenta previa"},
        {1000, 1000, 9, 1, 10 / 12., 1e-12, "Laplace's rule of succession: (s + 1) / (n + 2)"},
        {1000, 3000, 0, 0, .25, 1e-12, "the prior alone: a / (a + b)"},
        {500, 500, 0, 1, .25, 1e-12, "Jeffreys' prior: (s + 1/2) / (n + 1)"},
        {1000, 3000, 0, 36, 1 / 40., 1e-12, "a / (a + b + n)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct moderation_rules r = {.upheld_milli = rows[i].a_milli,
                                           .rejected_milli = rows[i].b_milli};
        double got = moderation_weight(&r, (struct reporter){.upheld = rows[i].upheld,
                                                             .rejected = rows[i].rejected})
                         .record;
        if (fabs(got - rows[i].mean) > rows[i].tolerance)
            fail_msg("%s: %.6f, %.6f expected", rows[i].source, got, rows[i].mean);
    }
}

static void open_reports_share_what_a_record_bears(void **state)
{
    (void)state;
    static const struct {
        uint32_t upheld, open;
        double share;
    } rows[] = {{0, 0, 1}, {0, 4, 1}, {0, 5, .8}, {0, 400, .01}, {4, 8, 1}, {4, 16, .5}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        NEAR(moderation_weight(&rules, (struct reporter){rows[i].upheld, 0, rows[i].open}).share,
             rows[i].share);
}

/* One target, reported by 1 at 10 and by 2 at 20; who of them is right so far?                   */
static void every_decision_judges_the_reports_it_covers(void **state)
{
    (void)state;
    enum { A = DECISION_ALLOW, L = DECISION_LIMIT, R = DECISION_REMOVE, P = ACT_APPEAL };
    static const struct {
        const char *what;
        struct {
            int kind, time;
        } acts[4];
        size_t n;
        int standing;
        struct reporter one, two;
        uint64_t reversed, kept;
    } rows[] = {
        {"nothing", {{0, 0}}, 0, A, {0, 0, 1}, {0, 0, 1}, 0, 0},
        {"removed", {{R, 30}}, 1, R, {1, 0, 0}, {1, 0, 0}, 0, 0},
        {"limited", {{L, 30}}, 1, L, {1, 0, 0}, {1, 0, 0}, 0, 0},
        {"allowed", {{A, 30}}, 1, A, {0, 1, 0}, {0, 1, 0}, 0, 0},
        {"between the two", {{A, 15}}, 1, A, {0, 1, 0}, {0, 0, 1}, 0, 0},
        {"at the very time of the second", {{A, 20}}, 1, A, {0, 1, 0}, {0, 1, 0}, 0, 0},
        {"allowed, then removed", {{A, 15}, {R, 30}}, 2, R, {1, 0, 0}, {1, 0, 0}, 0, 0},
        {"an older one changes nothing", {{R, 30}, {A, 25}}, 2, R, {1, 0, 0}, {1, 0, 0}, 0, 0},
        {"appealed, and waits", {{R, 30}, {P, 40}}, 2, R, {1, 0, 0}, {1, 0, 0}, 0, 0},
        {"reversed", {{R, 30}, {P, 40}, {A, 50}}, 3, A, {0, 1, 0}, {0, 1, 0}, 1, 0},
        {"reversed in part", {{R, 30}, {P, 40}, {L, 50}}, 3, L, {1, 0, 0}, {1, 0, 0}, 1, 0},
        {"kept", {{L, 30}, {P, 40}, {L, 50}}, 3, L, {1, 0, 0}, {1, 0, 0}, 0, 1},
        {"made harder", {{L, 30}, {P, 40}, {R, 50}}, 3, R, {1, 0, 0}, {1, 0, 0}, 0, 1},
        {"an older one is no answer",
         {{R, 30}, {P, 40}, {A, 25}},
         3,
         R,
         {1, 0, 0},
         {1, 0, 0},
         0,
         0},
        {"reversed, and removed again",
         {{R, 30}, {P, 40}, {A, 50}, {R, 60}},
         4,
         R,
         {1, 0, 0},
         {1, 0, 0},
         1,
         0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct moderation m;
        moderation_init(&m);
        report(&m, 1, content(7), 10);
        report(&m, 2, content(7), 20);
        for (size_t j = 0; j < rows[i].n; j++)
            act(&m, rows[i].acts[j].kind, content(7), rows[i].acts[j].time, 0);
        struct reporter one = moderation_reporter(&m, 1), two = moderation_reporter(&m, 2);
        if ((int)moderation_standing(&m, content(7)) != rows[i].standing ||
            memcmp(&one, &rows[i].one, sizeof one) != 0 ||
            memcmp(&two, &rows[i].two, sizeof two) != 0 || m.reversed != rows[i].reversed ||
            m.kept != rows[i].kept)
            fail_msg("%s: %d stands, %u %u %u and %u %u %u, %d reversed, %d kept", rows[i].what,
                     (int)moderation_standing(&m, content(7)), one.upheld, one.rejected, one.open,
                     two.upheld, two.rejected, two.open, (int)m.reversed, (int)m.kept);
        moderation_deinit(&m);
    }
}

/* 1 reports a work at 10, 2 at 20; its maker is decided about, and the work itself.              */
static void a_decision_about_a_maker_settles_reports_on_what_he_made(void **state)
{
    (void)state;
    enum { A = DECISION_ALLOW, L = DECISION_LIMIT, R = DECISION_REMOVE, P = ACT_APPEAL };
    static const struct {
        const char *what;
        struct {
            char of; /* m: maker, w: work */
            int kind, time;
        } acts[3];
        size_t n;
        struct reporter one, two;
        size_t waiting; /* rows in the queue, were the work shown */
    } rows[] = {
        {"removed", {{'m', R, 30}}, 1, {1, 0, 0}, {1, 0, 0}, 0},
        {"limited: the work is still seen", {{'m', L, 30}}, 1, {0, 0, 1}, {0, 0, 1}, 1},
        {"allowed: nobody looked at the work", {{'m', A, 30}}, 1, {0, 0, 1}, {0, 0, 1}, 1},
        {"the later report waits", {{'m', R, 15}}, 1, {1, 0, 0}, {0, 0, 0}, 0},
        {"a reversal", {{'m', R, 30}, {'m', P, 35}, {'m', A, 40}}, 3, {0, 0, 1}, {0, 0, 1}, 1},
        {"kept", {{'m', R, 15}, {'m', P, 35}, {'m', R, 40}}, 3, {1, 0, 0}, {1, 0, 0}, 0},
        {"its own first", {{'w', A, 15}, {'m', R, 30}}, 2, {0, 1, 0}, {1, 0, 0}, 0},
        {"its own later", {{'m', R, 30}, {'w', A, 40}}, 2, {0, 1, 0}, {0, 1, 0}, 0},
        {"its own, then reversed",
         {{'w', R, 15}, {'m', R, 30}, {'m', A, 40}},
         3,
         {1, 0, 0},
         {0, 0, 1},
         1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct moderation m;
        size_t n;
        moderation_init(&m);
        report_work(&m, 1, content(7), person(5), 10);
        report_work(&m, 2, content(7), person(5), 20);
        for (size_t j = 0; j < rows[i].n; j++)
            act(&m, rows[i].acts[j].kind, rows[i].acts[j].of == 'm' ? person(5) : content(7),
                rows[i].acts[j].time, 0);
        struct reporter one = moderation_reporter(&m, 1), two = moderation_reporter(&m, 2);
        free(queue(&m, NULL, &n));
        if (memcmp(&one, &rows[i].one, sizeof one) != 0 ||
            memcmp(&two, &rows[i].two, sizeof two) != 0 || n != rows[i].waiting ||
            m.open != one.open + two.open)
            fail_msg("%s: %u %u %u and %u %u %u, %zu wait", rows[i].what, one.upheld, one.rejected,
                     one.open, two.upheld, two.rejected, two.open, n);
        moderation_deinit(&m);
    }
}

static void one_appeal_for_each_decision_and_none_after_it(void **state)
{
    (void)state;
    struct moderation m;
    moderation_init(&m);
    assert_int_equal(moderation_may_appeal(&m, content(1)), NOTHING_TO_APPEAL);
    act(&m, DECISION_ALLOW, content(1), 1, 0);
    assert_int_equal(moderation_may_appeal(&m, content(1)), NOTHING_TO_APPEAL);
    act(&m, DECISION_LIMIT, content(1), 2, 0);
    assert_int_equal(moderation_may_appeal(&m, content(1)), MAY_APPEAL);
    act(&m, ACT_APPEAL, content(1), 3, 0);
    assert_int_equal(moderation_may_appeal(&m, content(1)), APPEALED_ALREADY);
    act(&m, DECISION_REMOVE, content(1), 4, 0);
    assert_int_equal(moderation_may_appeal(&m, content(1)), APPEALED_ALREADY);
    act(&m, DECISION_REMOVE, content(1), 5, 0); /* a new one, not an answer */
    assert_int_equal(moderation_may_appeal(&m, content(1)), MAY_APPEAL);
    moderation_deinit(&m);
}

/* ── the queue ── */

/* Reporters 100, 101, … with these records, got by judged reports on contents of their own.      */
static void give_record(struct moderation *m, uint32_t user, uint32_t upheld, uint32_t rejected)
{
    for (uint32_t i = 0; i < upheld + rejected; i++) {
        uint32_t target = content(1000 * (user + 1) + i);
        report(m, user, target, 1);
        act(m, i < upheld ? DECISION_REMOVE : DECISION_ALLOW, target, 2, 0);
    }
}

static void harm_is_how_likely_times_how_seen(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct {
            uint32_t upheld, rejected;
        } by[4];
        size_t n;
        double exposure, right; /* right by hand from the formula, d = 1/2 */
    } rows[] = {
        {"one unknown", {{0, 0}}, 1, 0, .25},
        {"one unknown, seen by many", {{0, 0}}, 1, 99, .25},
        {"two unknown", {{0, 0}, {0, 0}}, 2, 9, 1 - .75 * 0.8660254037844386},
        {"one trusted: (1+9)/(4+10)", {{9, 1}}, 1, 9, 10 / 14.},
        {"one who cries wolf: 1/(4+6)", {{0, 6}}, 1, 9, .1},
        {"trusted first, whatever the order",
         {{0, 0}, {9, 1}},
         2,
         9,
         1 - 4 / 14. * 0.8660254037844386},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct moderation m;
        moderation_init(&m);
        for (uint32_t j = 0; j < rows[i].n; j++) {
            give_record(&m, j, rows[i].by[j].upheld, rows[i].by[j].rejected);
            report(&m, j, content(0), 5);
        }
        struct queue_row row = row_of(&m, &rows[i].exposure, content(0));
        if (row.reports != rows[i].n || fabs(row.right - rows[i].right) > 1e-12 ||
            fabs(row.harm - rows[i].right * (1 + rows[i].exposure)) > 1e-9)
            fail_msg("%s: right %.12g, harm %.12g", rows[i].what, row.right, row.harm);
        moderation_deinit(&m);
    }
}

static void an_appeal_waits_with_what_was_seen_when_it_was_decided(void **state)
{
    (void)state;
    struct moderation m;
    moderation_init(&m);
    static const double exposure[] = {-1, 3};
    act(&m, DECISION_REMOVE, content(0), 1, 9000000);
    act(&m, ACT_APPEAL, content(0), 2, 0);
    report(&m, 1, content(0), 3); /* of what nobody sees */
    struct queue_row row = row_of(&m, exposure, content(0));
    NEAR(row.harm, .25 * 10); /* 1 of 4 appeals assumed right, 1 + 9 points */
    assert_int_equal(row.reports, 0);
    assert_int_equal(row.since_ms, 2);
    act(&m, DECISION_LIMIT, content(1), 1, 0);
    act(&m, ACT_APPEAL, content(1), 2, 0);
    report(&m, 1, content(1), 3);
    row = row_of(&m, exposure, content(1)); /* two harms, of showing it and of not */
    NEAR(row.harm, row.right * 4 + .25 * 4);
    act(&m, DECISION_ALLOW, content(0), 4, 0); /* one of one reversed: 2 of 5 */
    row = row_of(&m, exposure, content(1));
    NEAR(row.wrong, .4);
    moderation_deinit(&m);
}

static void what_is_equal_waits_in_order_of_time_then_of_target(void **state)
{
    (void)state;
    struct moderation m;
    moderation_init(&m);
    report(&m, 1, content(5), 30);
    report(&m, 2, content(3), 20);
    report(&m, 3, content(4), 20);
    size_t n;
    struct queue_row *rows = queue(&m, NULL, &n);
    assert_int_equal(n, 3);
    assert_int_equal(rows[0].target, content(3));
    assert_int_equal(rows[1].target, content(4));
    assert_int_equal(rows[2].target, content(5));
    free(rows);
    moderation_deinit(&m);
}

/* ── what must not swamp it ── */

static void a_report_sent_again_is_the_same_report(void **state)
{
    (void)state;
    struct moderation m;
    moderation_init(&m);
    for (int i = 0; i < 1000; i++)
        report(&m, 1, content(0), i);
    assert_int_equal(row_of(&m, NULL, content(0)).reports, 1);
    act(&m, DECISION_ALLOW, content(0), 2000, 0);
    for (int i = 0; i < 1000; i++)
        report(&m, 1, content(0), 3000 + i);
    size_t n;
    struct queue_row *rows = queue(&m, NULL, &n);
    assert_int_equal(n, 0); /* judged once, it does not come back */
    free(rows);
    assert_int_equal(moderation_reporter(&m, 1).rejected, 1);
    moderation_deinit(&m);
}

static void many_fresh_accounts_weigh_less_than_one_trusted_person(void **state)
{
    (void)state;
    struct moderation m;
    moderation_init(&m);
    give_record(&m, 1, 9, 1);
    report(&m, 1, content(1), 5);
    for (uint32_t i = 0; i < 10000; i++)
        report(&m, 100 + i, content(0), 5);
    struct queue_row mass = row_of(&m, NULL, content(0)), one = row_of(&m, NULL, content(1));
    assert_int_equal(mass.reports, 10000);
    assert_int_equal(mass.known, 0);
    assert_int_equal(one.known, 1);
    assert_true(mass.right < 1 - .75 * .75 + 1e-9); /* at most two independent strangers */
    assert_true(one.harm > 1.5 * mass.harm);
    /* and once they were wrong, their next campaign is worth less than a single stranger */
    act(&m, DECISION_ALLOW, content(0), 6, 0);
    for (uint32_t i = 0; i < 10000; i++)
        report(&m, 100 + i, content(2), 7);
    assert_true(row_of(&m, NULL, content(2)).right < mass.right);
    moderation_deinit(&m);
}

static void who_reports_everything_moves_nothing_up(void **state)
{
    (void)state;
    struct moderation m;
    double exposure[2001];
    moderation_init(&m);
    for (size_t i = 0; i < 2001; i++)
        exposure[i] = 9;
    exposure[2000] = 0; /* what a stranger reports is hardly seen */
    for (uint32_t i = 0; i < 2000; i++)
        report(&m, 1, content(i), 1);
    report(&m, 2, content(2000), 5);
    size_t n;
    struct queue_row *rows = queue(&m, exposure, &n);
    double sum = 0;
    assert_int_equal(n, 2001);
    assert_int_equal(rows[0].target, content(2000));
    for (size_t i = 1; i < n; i++)
        sum += rows[i].right;
    assert_true(sum <= .25 * 4 + 1e-9); /* as much as his first four */
    free(rows);
    moderation_deinit(&m);
}

/* ── a naive twin ── */

enum { USERS = 12, TARGETS = 15, PEOPLE = 3, WORKS = 9, STEPS = 200 };

/* The last are people; of the first WORKS contents each is one's of them.                        */
static uint32_t place(uint32_t i)
{
    return i < TARGETS - PEOPLE ? content(i) : person(i);
}

static uint32_t maker_of(uint32_t i)
{
    return i < WORKS ? TARGETS - PEOPLE + i % PEOPLE : HANDLE_NONE;
}

struct twin_act {
    int64_t time, attention;
    int kind;
    bool scored, given;
    int64_t latest; /* a time that stands beyond it is no measure */
};

/* For each target a list of all that happened; everything is looked up anew.                     */
struct twin {
    int64_t reported[USERS][TARGETS]; /* -1: not */
    struct twin_act acts[TARGETS][STEPS];
    size_t n[TARGETS];
};

struct twin_case {
    int standing, appeal; /* places, or -1 */
    bool final;
    unsigned reversed, kept;
};

static struct twin_case twin_look(const struct twin *t, size_t target)
{
    struct twin_case c = {-1, -1, false, 0, 0};
    const struct twin_act *a = t->acts[target];
    for (int i = 0; i < (int)t->n[target]; i++) {
        if (a[i].kind == ACT_APPEAL) {
            c.appeal = i;
            continue;
        }
        if (c.standing >= 0 && !a[i].scored && !a[i].given && a[i].time < a[c.standing].time &&
            a[c.standing].time <= a[i].latest)
            continue;
        c.final = c.appeal >= 0;
        if (c.appeal >= 0)
            *(a[i].kind < a[c.standing].kind ? &c.reversed : &c.kept) += 1;
        c.appeal = -1;
        c.standing = i;
    }
    return c;
}

/* 0 open, 1 upheld, 2 rejected, 3 waits */
static int twin_verdict(const struct twin *t, size_t user, size_t target)
{
    struct twin_case c = twin_look(t, target);
    int64_t time = t->reported[user][target];
    if (c.standing >= 0 && time <= t->acts[target][c.standing].time)
        return t->acts[target][c.standing].kind == DECISION_ALLOW ? 2 : 1;
    uint32_t maker = maker_of((uint32_t)target);
    if (maker == HANDLE_NONE)
        return 0;
    c = twin_look(t, maker);
    if (c.standing < 0 || t->acts[maker][c.standing].kind != DECISION_REMOVE)
        return 0;
    return time <= t->acts[maker][c.standing].time ? 1 : 3;
}

static struct reporter twin_record(const struct twin *t, size_t user)
{
    struct reporter r = {0};
    for (size_t i = 0; i < TARGETS; i++)
        if (t->reported[user][i] >= 0) {
            int verdict = twin_verdict(t, user, i);
            if (verdict != 3)
                *(verdict == 0 ? &r.open : verdict == 1 ? &r.upheld : &r.rejected) += 1;
        }
    return r;
}

static double twin_harm(const struct twin *t, size_t target, double exposure)
{
    double p[USERS], wrong_yes = 1, wrong_all = 4;
    size_t n = 0;
    for (size_t u = 0; u < USERS; u++) {
        if (t->reported[u][target] < 0 || twin_verdict(t, u, target) != 0)
            continue;
        struct reporter r = twin_record(t, u);
        double record = (1.0 + r.upheld) / (4.0 + r.upheld + r.rejected);
        double bears = 4.0 + r.upheld;
        p[n++] = record * (r.open > bears ? bears / r.open : 1);
    }
    double not_right = 1, d = 1;
    for (size_t left = n; left > 0; left--) { /* the strongest of those left */
        size_t best = 0;
        for (size_t i = 1; i < left; i++)
            best = p[i] > p[best] ? i : best;
        not_right *= pow(1 - p[best], d);
        d /= 2;
        p[best] = p[left - 1];
    }
    double harm = exposure < 0 ? 0 : (1 - not_right) * (1 + exposure);
    for (size_t i = 0; i < TARGETS; i++) {
        struct twin_case c = twin_look(t, i);
        wrong_yes += c.reversed;
        wrong_all += c.reversed + c.kept;
    }
    struct twin_case c = twin_look(t, target);
    if (c.appeal >= 0) {
        double then = 1 + (double)t->acts[target][c.standing].attention / 1e6;
        double now = 1 + (exposure > 0 ? exposure : 0);
        harm += wrong_yes / wrong_all * (then > now ? then : now);
    }
    return harm;
}

static bool twin_waits(const struct twin *t, size_t target, double exposure)
{
    for (size_t u = 0; u < USERS; u++)
        if (exposure >= 0 && t->reported[u][target] >= 0 && twin_verdict(t, u, target) == 0)
            return true;
    return twin_look(t, target).appeal >= 0;
}

static void compare(const struct moderation *m, const struct twin *t, struct prng *r,
                    unsigned long long seed)
{
    double exposure[TARGETS];
    size_t n, waiting = 0;
    for (size_t i = 0; i < TARGETS; i++) {
        exposure[i] = (double)prng_below(r, 50) - 5;
        struct twin_case c = twin_look(t, i);
        int standing = c.standing < 0 ? DECISION_ALLOW : t->acts[i][c.standing].kind;
        enum may_appeal may = standing == DECISION_ALLOW ? NOTHING_TO_APPEAL
                              : c.appeal >= 0 || c.final ? APPEALED_ALREADY
                                                         : MAY_APPEAL;
        if ((int)moderation_standing(m, place((uint32_t)i)) != standing ||
            moderation_may_appeal(m, place((uint32_t)i)) != may)
            fail_msg("seed %llu: content %zu: %d stands, %d expected", seed, i,
                     (int)moderation_standing(m, place((uint32_t)i)), standing);
        waiting += twin_waits(t, i, exposure[i]);
    }
    for (uint32_t u = 0; u < USERS; u++) {
        struct reporter got = moderation_reporter(m, u), expected = twin_record(t, u);
        if (memcmp(&got, &expected, sizeof got) != 0)
            fail_msg("seed %llu: user %u: %u %u %u, %u %u %u expected", seed, u, got.upheld,
                     got.rejected, got.open, expected.upheld, expected.rejected, expected.open);
    }
    struct queue_row *rows = queue(m, exposure, &n);
    assert_int_equal(n, waiting);
    for (size_t i = 0; i < n; i++) {
        uint32_t index = target_index(rows[i].target);
        double expected = twin_harm(t, index, exposure[index]);
        if (!twin_waits(t, index, exposure[index]) ||
            fabs(rows[i].harm - expected) > 1e-9 * (1 + expected) ||
            (i > 0 && rows[i].harm > rows[i - 1].harm))
            fail_msg("seed %llu: content %u at %zu: %.12g, %.12g expected", seed, index, i,
                     rows[i].harm, expected);
    }
    free(rows);
}

/* A random step on both; whether it was done.                                                    */
static void random_step(struct moderation *m, struct twin *t, struct prng *r)
{
    uint32_t user = (uint32_t)prng_below(r, USERS), target = (uint32_t)prng_below(r, TARGETS);
    int64_t time_ms = (int64_t)prng_below(r, 60);
    if (prng_below(r, 3) > 0) {
        uint32_t maker = maker_of(target);
        report_work(m, user, place(target), maker == HANDLE_NONE ? maker : place(maker), time_ms);
        if (t->reported[user][target] < 0)
            t->reported[user][target] = time_ms;
        return;
    }
    struct moderation_act a = {.time_ms = time_ms,
                               .attention_micro = (int64_t)prng_below(r, 50000000),
                               .target = place(target),
                               .actor = user,
                               .kind = (uint8_t)prng_below(r, 4)};
    if (a.kind == ACT_APPEAL && moderation_may_appeal(m, a.target) != MAY_APPEAL)
        return;
    a.scored = (a.kind == DECISION_ALLOW || a.kind == DECISION_REMOVE) && prng_below(r, 3) == 0;
    bool given = prng_below(r, 3) == 0;
    int64_t latest = 20 + (int64_t)prng_below(r, 50);
    a.stood = a.kind != ACT_APPEAL &&
              (a.scored || given || moderation_newest(m, a.target, time_ms, latest));
    assert_int_equal(moderation_add(m, &a), HEED_OK);
    t->acts[target][t->n[target]++] =
        (struct twin_act){a.time_ms, a.attention_micro, a.kind, a.scored, given, latest};
}

static void twin_init(struct twin *t)
{
    memset(t, 0, sizeof *t);
    for (size_t u = 0; u < USERS; u++)
        for (size_t i = 0; i < TARGETS; i++)
            t->reported[u][i] = -1;
}

static void random_worlds_agree_with_a_twin_that_looks_everything_up(void **state)
{
    (void)state;
    struct twin *t = malloc(sizeof *t);
    assert_non_null(t);
    for (unsigned long long seed = 1; seed <= 60; seed++) {
        struct moderation m;
        struct prng r;
        prng_seed(&r, seed);
        moderation_init(&m);
        twin_init(t);
        for (int i = 0; i < STEPS; i++) {
            random_step(&m, t, &r);
            if (i % 10 == 9)
                compare(&m, t, &r, seed);
        }
        moderation_deinit(&m);
    }
    free(t);
}

/* ── stored ── */

static void save_it(const void *x, struct sink *s)
{
    moderation_save(x, s);
}
static enum heed_status load_it(void *x, struct source *s, struct heed_error *err)
{
    moderation_init(x);
    return moderation_load(x, s, err);
}
static void deinit_it(void *x)
{
    moderation_deinit(x);
}
static void check_it(const void *x)
{
    const struct moderation *m = x;
    uint64_t judged = 0, open = 0;
    size_t n;
    struct queue_row *rows = queue(m, NULL, &n);
    for (size_t i = 0; i < m->reporters_n; i++) {
        judged += m->reporters[i].upheld + m->reporters[i].rejected;
        open += m->reporters[i].open;
    }
    assert_true(judged + open <= m->reports_n); /* the others wait */
    assert_int_equal(open, m->open);
    for (size_t i = 0; i < n; i++)
        assert_true(rows[i].right >= 0 && rows[i].right <= 1 && rows[i].harm >= 0);
    free(rows);
}
static bool is_empty(const void *x)
{
    const struct moderation *m = x;
    return m->reports_n == 0 && m->acts_n == 0 && m->cases_n == 0 && !m->reports && !m->acts;
}
static const struct saved_kind stored = {sizeof(struct moderation), save_it, load_it, deinit_it,
                                         check_it};

static void make(struct moderation *m, uint64_t seed, int steps)
{
    struct twin *t = malloc(sizeof *t);
    struct prng r;
    assert_non_null(t);
    prng_seed(&r, seed);
    moderation_init(m);
    twin_init(t);
    for (int i = 0; i < steps; i++)
        random_step(m, t, &r);
    free(t);
}

static void what_is_stored_comes_back_and_goes_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct moderation m, again;
        struct heed_error err = {0};
        size_t used;
        make(&m, seed, 150);
        assert_round_trip(&stored, &m);
        struct strbuf bytes = saved_bytes(&stored, &m);
        assert_int_equal(saved_load(&stored, &again, bytes.p, bytes.n, &used, &err), HEED_OK);
        assert_int_equal(again.reversed, m.reversed);
        assert_int_equal(again.kept, m.kept);
        for (uint32_t u = 0; u < USERS; u++) {
            struct reporter a = moderation_reporter(&m, u), b = moderation_reporter(&again, u);
            assert_memory_equal(&a, &b, sizeof a);
        }
        size_t n, k;
        struct queue_row *x = queue(&m, NULL, &n), *y = queue(&again, NULL, &k);
        assert_int_equal(n, k);
        for (size_t i = 0; i < n; i++)
            assert_true(x[i].target == y[i].target && x[i].harm == y[i].harm);
        free(x);
        free(y);
        strbuf_deinit(&bytes);
        moderation_deinit(&m);
        moderation_deinit(&again);
    }
}

static void damage_is_found_or_harmless(void **state)
{
    (void)state;
    struct moderation m;
    make(&m, 5, 40);
    assert_damage_is_found_or_harmless(&stored, &m);
    moderation_deinit(&m);
}

static void a_load_without_memory_says_so(void **state)
{
    (void)state;
    struct moderation m;
    make(&m, 6, 120);
    assert_true(assert_load_says_when_memory_is_out(&stored, &m, is_empty) > 5);
    moderation_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_the_posterior_mean),
        cmocka_unit_test(open_reports_share_what_a_record_bears),
        cmocka_unit_test(every_decision_judges_the_reports_it_covers),
        cmocka_unit_test(a_decision_about_a_maker_settles_reports_on_what_he_made),
        cmocka_unit_test(one_appeal_for_each_decision_and_none_after_it),
        cmocka_unit_test(harm_is_how_likely_times_how_seen),
        cmocka_unit_test(an_appeal_waits_with_what_was_seen_when_it_was_decided),
        cmocka_unit_test(what_is_equal_waits_in_order_of_time_then_of_target),
        cmocka_unit_test(a_report_sent_again_is_the_same_report),
        cmocka_unit_test(many_fresh_accounts_weigh_less_than_one_trusted_person),
        cmocka_unit_test(who_reports_everything_moves_nothing_up),
        cmocka_unit_test(random_worlds_agree_with_a_twin_that_looks_everything_up),
        cmocka_unit_test(what_is_stored_comes_back_and_goes_on),
        cmocka_unit_test(damage_is_found_or_harmless),
        cmocka_unit_test_teardown(a_load_without_memory_says_so, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
