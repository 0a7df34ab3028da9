/* The report: what it says of worlds full and empty, in both languages, and of hostile texts. */
#include "support_fault.h"
#include "support_world.h"

#include "base/prng.h"
#include "base/utf8.h"
#include "report/data.h"
#include "report/page.h"
#include "report/svg.h"
#include "report/words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOSTILE "<script>alert(\"1\")</script>&amp;'\x1b[31m"

/* Twelve users, thirty contents in three categories (one copied, one removed, one with a hostile
 * title), sixteen days of acts that come out of order, ratings, purchases, one refund, all settled.
 */
static void live(struct world *w)
{
    struct prng r;
    prng_seed(&r, 7);
    fill_small(w);
    for (int i = 0; i < 12; i++) {
        char id[16];
        snprintf(id, sizeof id, "u%d", i);
        json_decref(call_ok(w, "user add", "id", id, NULL));
    }
    static const char *const categories[] = {"art", "<b>bold", "体育"};
    for (int i = 0; i < 30; i++) {
        char id[16], creator[16], body[256];
        snprintf(id, sizeof id, "c%d", i);
        snprintf(creator, sizeof creator, "u%d", i % 5);
        int same = i == 7 ? 3 : i; /* c7 is a copy of c3 */
        snprintf(body, sizeof body,
                 "the %d river %d runs %d past %d quiet %d mills %d and %d towns %d to %d the sea",
                 same, same + 1, same * 7, same + 9, same * 3, same + 4, same * 11, same + 2, same);
        json_decref(call_ok(w, "content add", "id", id, "creator", creator, "title",
                            i == 5 ? HOSTILE : "A title", "body", body, "category",
                            categories[i % 3], NULL));
    }
    for (int i = 0; i < 400; i++) {
        static const char *const verbs[] = {"view", "view", "view", "dwell", "like", "share"};
        char user[16], target[24], time[24];
        uint64_t day = prng_below(&r, 16), skewed = prng_below(&r, 30) * prng_below(&r, 30) / 30;
        snprintf(user, sizeof user, "u%d", (int)prng_below(&r, 12));
        snprintf(target, sizeof target, "content:c%d", (int)skewed);
        snprintf(time, sizeof time, "%lld", (long long)(T0 / 1000 + (long long)day * 86400 + i));
        json_decref(call_ok(w, "event add", "user", user, "verb", verbs[prng_below(&r, 6)],
                            "target", target, "amount", "60", "time", time, NULL));
    }
    for (int i = 0; i < 60; i++) {
        char user[16], target[24], score[16];
        snprintf(user, sizeof user, "u%d", (int)prng_below(&r, 12));
        snprintf(target, sizeof target, "content:c%d", i % 30);
        snprintf(score, sizeof score, "%d", 1 + (int)prng_below(&r, 5));
        json_decref(call_ok(w, "rating add", "user", user, "target", target, "score", score, NULL));
    }
    json_decref(call_ok(w, "rating add", "user", "u1", "target", "content:c9", "score", "1", "kind",
                        "moderation", NULL));
    for (int i = 0; i < 2; i++)
        json_decref(call_ok(w, "shop buy", "good", "sword", "user", "bob", NULL));
    json_decref(call_ok(w, "shop refund", "purchase", "1", NULL));
    json_decref(call_ok(w, "settle", "until", "2026-01-18", NULL));
}

static const struct report_truth plaza = {true, 200, 191, 3, .518, .278, .203, .017, .0098};

static struct report_data *gather(struct world *w, const struct report_truth *truth)
{
    struct report_data *d = NULL;
    struct heed_error err = {0};
    const struct report_truth unknown = {0};
    if (report_gather(w, truth ? truth : &unknown, &d, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return d;
}

__attribute__((noinline)) static char *html_of(const struct report_data *d, enum report_lang lang)
{
    char *text = NULL;
    size_t n;
    struct heed_error err = {0};
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    assert_int_equal(report_html(d, lang, f, &err), HEED_OK);
    fclose(f);
    return text;
}

__attribute__((noinline)) static char *terminal_of(const struct report_data *d,
                                                   enum report_lang lang, int width)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    assert_non_null(f);
    report_terminal(d, lang, f, width);
    fclose(f);
    return text;
}

/* ── a small reader of HTML ── */

static bool is_void(struct str tag)
{
    return str_is(tag, "meta") || str_is(tag, "link") || str_is(tag, "br") ||
           str_is(tag, "!doctype");
}

/* Fails unless every tag is closed in order; counts tags named `count`.                          */
static size_t assert_balanced(const char *html, const char *count)
{
    struct str open[64];
    size_t depth = 0, found = 0;
    for (const char *p = html; (p = strchr(p, '<')) != NULL;) {
        bool closing = p[1] == '/';
        const char *name = p + 1 + closing, *end = strchr(p, '>');
        assert_non_null(end);
        const char *next = strchr(p + 1, '<');
        if (next && next < end)
            fail_msg("a bare < in: %.60s", p);
        struct str tag = {name, strcspn(name, " \n/>")};
        found += !closing && str_is(tag, count);
        if (closing) {
            if (depth == 0 || !str_eq(open[depth - 1], tag))
                fail_msg("</%.*s> closes <%.*s> at: %.80s", STR_ARG(tag),
                         STR_ARG(depth ? open[depth - 1] : STR_NONE), p);
            depth--;
        } else if (end[-1] != '/' && !is_void(tag)) {
            assert_true(depth < 64);
            open[depth++] = tag;
        }
        p = end;
    }
    assert_int_equal(depth, 0);
    return found;
}

static void assert_holds_nothing(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strstr(text, words[i]))
            fail_msg("\"%s\" in: %.100s", words[i], strstr(text, words[i]));
}

static void assert_sound(const char *html, enum report_lang lang)
{
    static const char *const never[] = {"nan",    "NaN",   "inf\"",  "inf<",    " inf", "-inf",
                                        "(null)", "http:", "https:", "<script", "url("};
    assert_holds_nothing(html, never, sizeof never / sizeof never[0]);
    assert_int_equal(assert_balanced(html, "h1"), 1);
    assert_int_equal(assert_balanced(html, "html"), 1);
    assert_int_equal(utf8_invalid_at(str_of(html)), strlen(html));
    for (const char *p = html; (p = strstr(p, "<h2>")) != NULL; p++) {
        const char *end = strstr(p, "</h2>");
        bool wide = utf8_width((struct str){p, (size_t)(end - p)}) != (size_t)(end - p);
        if (wide != (lang == REPORT_ZH))
            fail_msg("the heading %.*s", (int)(end - p), p);
    }
}

/* How often `what` is in text.                                                                  */
static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

static void assert_fits(const char *text, size_t lines, size_t columns)
{
    size_t n = 0;
    for (const char *p = text; *p; n++) {
        const char *end = strchr(p, '\n');
        assert_non_null(end);
        struct str line = {p, (size_t)(end - p)};
        if (utf8_width(line) > columns)
            fail_msg("%zu columns: %.*s", utf8_width(line), STR_ARG(line));
        for (size_t i = 0; i < line.n; i++)
            assert_true((unsigned char)line.p[i] >= 0x20);
        p = end + 1;
    }
    if (n > lines)
        fail_msg("%zu lines:\n%s", n, text);
}

/* ── worlds ── */

static void a_full_world_is_told_in_both_languages(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, &plaza);
    for (enum report_lang lang = REPORT_EN; lang <= REPORT_ZH; lang++) {
        char *html = html_of(d, lang);
        assert_sound(html, lang);
        /* five stages, what the shop cost, and the truth */
        assert_int_equal(assert_balanced(html, "h2"), 7);
        size_t drawings = assert_balanced(html, "svg");
        assert_true(drawings >= 8);
        assert_int_equal(times(html, "aria-label=\"") - 1, drawings); /* and the key figures */
        assert_true(times(html, "<table>") >= drawings);
        assert_int_equal(times(html, "<figure"), times(html, "<figcaption>"));
        assert_non_null(strstr(html, lang == REPORT_EN ? "191 of 200" : "191 / 200"));
        assert_non_null(strstr(html, lang == REPORT_EN ? "<span>epochs, of all settled</span>"
                                                       : "<span>已达成 / 已结算的周期</span>"));
        free(html);
        char *text = terminal_of(d, lang, 80);
        assert_fits(text, 24, 80);
        assert_non_null(strstr(text, "0.278"));
        assert_non_null(strstr(text, "0.518"));
        free(text);
        text = terminal_of(d, lang, 50);
        assert_fits(text, 24, 50);
        free(text);
    }
    report_free(d);
    world_close(w);
}

static void order(struct world *w, const char *good, const char *user, const char *side,
                  const char *price, const char *size)
{
    json_decref(call_ok(w, "exchange place", "good", good, "user", user, "side", side, "price",
                        price, "size", size, NULL));
}

/* Markets at the least and the greatest price there can be, one-sided, deep and empty; an auction
 * that is sold, one that is not and one that runs. */
static void what_is_traded_is_told(void **unused)
{
    (void)unused;
    static const char *const goods[] = {"sword", "cheap", "dear", "deep", "still"};
    struct world *w = world_in_memory();
    fill_small(w);
    for (int i = 0; i < 5; i++) {
        char unit[32];
        snprintf(unit, sizeof unit, "good:%s", goods[i]);
        if (i > 0)
            json_decref(call_ok(w, "good add", "id", goods[i], "name", HOSTILE, "seller", "ann",
                                "price", "1", NULL));
        json_decref(
            call_ok(w, "ledger issue", "to", "ann", "amount", "1000", "currency", unit, NULL));
        json_decref(call_ok(w, "exchange open", "good", goods[i], NULL));
    }
    json_decref(call_ok(w, "ledger issue", "to", "bob", "amount", "90000000000", NULL));
    order(w, "sword", "ann", "sell", "5", "3");
    order(w, "sword", "bob", "buy", "6", "2");
    order(w, "cheap", "ann", "sell", "0.01", "1");
    order(w, "cheap", "bob", "buy", "0.01", "1");
    order(w, "dear", "ann", "sell", "10995116277.76", "2");
    order(w, "dear", "bob", "buy", "10995116277.76", "1");
    for (int i = 0; i < 400; i++) {
        char price[16];
        snprintf(price, sizeof price, "%d.%02d", 1 + i / 100, i % 100);
        order(w, "deep", "ann", "sell", price, "1");
    }
    for (int i = 0; i < 3; i++)
        json_decref(call_ok(w, "auction open", "good", "sword", "user", "ann", "closes",
                            "2026-06-01", "buy-now", "7", NULL));
    json_decref(call_ok(w, "auction bid", "auction", "0", "user", "bob", "buy-now", "true", NULL));
    json_decref(call_ok(w, "auction close", "auction", "1", "cancel", "true", NULL));
    json_decref(call_ok(w, "auction bid", "auction", "2", "user", "bob", "amount", "6", NULL));
    struct report_data *d = gather(w, NULL);
    const struct market_data *m = &d->market;
    assert_int_equal(m->markets_n, 5);
    assert_string_equal(m->markets[0].name.id, "good:dear"); /* the most value traded */
    assert_int_equal(m->markets[0].vwap_ppt, INT64_C(1000) << 40);
    assert_string_equal(m->markets[1].name.id, "good:sword");
    assert_int_equal(m->markets[1].ask, 500);
    assert_int_equal(m->markets[1].volume, 2);
    assert_int_equal(m->lots_n, 3);
    assert_int_equal(m->sold_n, 1);
    assert_int_equal(m->lots[0].revenue_minor, 700);
    for (enum report_lang lang = REPORT_EN; lang <= REPORT_ZH; lang++) {
        char *html = html_of(d, lang), *text = terminal_of(d, lang, 80);
        assert_sound(html, lang);
        assert_non_null(strstr(html, "10,995,116,277.76"));
        assert_null(strstr(html, "<script>alert"));
        assert_true(times(html, "<table>") >= assert_balanced(html, "svg"));
        assert_fits(text, 24, 80);
        assert_non_null(strstr(text, "good:dear"));
        free(html);
        free(text);
    }
    report_free(d);
    world_close(w);
}

static void late_acts_are_told(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, &plaza);
    char *text = terminal_of(d, REPORT_EN, 80), *html = html_of(d, REPORT_EN);
    assert_null(strstr(text, "came late"));
    assert_null(strstr(html, "came late"));
    free(text);
    free(html);
    report_free(d);
    char time[24];
    snprintf(time, sizeof time, "%lld", (long long)(T0 / 1000));
    json_decref(call_ok(w, "event add", "user", "u1", "verb", "view", "target", "content:c2",
                        "time", time, NULL));
    d = gather(w, &plaza);
    for (enum report_lang lang = REPORT_EN; lang <= REPORT_ZH; lang++) {
        html = html_of(d, lang);
        assert_sound(html, lang);
        assert_non_null(strstr(html, lang == REPORT_EN ? "Of them 1 came late" : "其中 1 次迟到"));
        free(html);
        text = terminal_of(d, lang, 80);
        assert_fits(text, 20, 80);
        assert_non_null(strstr(text, lang == REPORT_EN ? "1 acts came late" : "1 次行为迟到"));
        free(text);
    }
    report_free(d);
    world_close(w);
}

static void what_is_not_there_is_said(void **unused)
{
    (void)unused;
    static const struct {
        bool user, content, event, money; /* which of them there is */
        size_t drawings;
        enum word says[5];
    } rows[] = {
        {false,
         false,
         false,
         false,
         0,
         {W_behaviour_none, W_quality_none, W_allocation_none, W_consumption_none,
          W_circulation_none}},
        {true,
         false,
         false,
         false,
         0,
         {W_behaviour_none, W_quality_none, W_circulation_none, W_allocation_none,
          W_consumption_none}},
        {true,
         true,
         false,
         false,
         0,
         {W_behaviour_none, W_quality_alike, W_allocation_none, W_consumption_none,
          W_circulation_none}},
        {true,
         true,
         true,
         false,
         1,
         {W_categories_text, W_quality_alike, W_allocation_none, W_consumption_none,
          W_circulation_none}},
        {true,
         false,
         false,
         true,
         1,
         {W_behaviour_none, W_quality_none, W_allocation_none, W_consumption_none,
          W_identity_text}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_in_memory();
        if (rows[i].user)
            json_decref(call_ok(w, "user add", "id", "ann", NULL));
        if (rows[i].content)
            json_decref(
                call_ok(w, "content add", "id", "c", "creator", "ann", "category", "art", NULL));
        if (rows[i].event) { /* by someone else: one's own weighs nothing */
            json_decref(call_ok(w, "user add", "id", "bob", NULL));
            json_decref(call_ok(w, "event add", "user", "bob", "verb", "like", "target",
                                "content:c", NULL));
        }
        if (rows[i].money)
            json_decref(call_ok(w, "ledger issue", "to", "ann", "amount", "3", NULL));
        struct report_data *d = gather(w, NULL);
        for (enum report_lang lang = REPORT_EN; lang <= REPORT_ZH; lang++) {
            char *html = html_of(d, lang), *text = terminal_of(d, lang, 80);
            assert_sound(html, lang);
            assert_int_equal(assert_balanced(html, "h2"), 5);
            if (assert_balanced(html, "svg") != rows[i].drawings)
                fail_msg("row %zu: %zu drawings", i, assert_balanced(html, "svg"));
            for (size_t k = 0; k < 5; k++)
                if (!strstr(html, word(lang, rows[i].says[k])))
                    fail_msg("row %zu does not say: %s", i, word(lang, rows[i].says[k]));
            assert_fits(text, 24, 80);
            free(html);
            free(text);
        }
        report_free(d);
        world_close(w);
    }
}

static void hostile_texts_stay_texts(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, NULL);
    for (size_t i = 0; i < RISERS; i++) /* wherever it stands */
        snprintf(d->risers[i].name.title, sizeof d->risers[i].name.title, "%s", HOSTILE);
    snprintf(d->risers[0].name.id, sizeof d->risers[0].name.id, "content:\"><svg onload=x>\x1b]0;");
    d->risers_n = RISERS;
    char *html = html_of(d, REPORT_EN);
    assert_sound(html, REPORT_EN);
    assert_null(strstr(html, "<script>alert"));
    assert_null(strstr(html, "<svg onload"));
    assert_null(strstr(html, "<b>bold"));
    assert_non_null(strstr(html, "&lt;b&gt;bold"));
    assert_non_null(strstr(html, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;"));
    assert_null(strchr(html, 0x1b));
    free(html);
    char *text = terminal_of(d, REPORT_EN, 80);
    assert_fits(text, 24, 80);
    free(text);
    report_free(d);
    world_close(w);
}

static void an_erased_person_is_nowhere(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    json_decref(call_ok(w, "user add", "id", "zoe-quark", "name", "Zoe Quark", NULL));
    json_decref(call_ok(w, "user add", "id", "ann", NULL));
    for (int i = 0; i < 2; i++)
        json_decref(call_ok(w, "content add", "id", i ? "later" : "first", "creator",
                            i ? "zoe-quark" : "ann", "title", i ? "Quarkish" : "Plain", "body",
                            "one two three four five six seven eight nine ten eleven twelve",
                            NULL));
    for (int i = 0; i < 20; i++)
        json_decref(call_ok(w, "event add", "user", "ann", "verb", "like", "target",
                            i % 3 ? "content:later" : "content:first", NULL));
    json_decref(call_ok(w, "settle", "until", "2026-02-01", NULL));
    struct report_data *d = gather(w, NULL);
    assert_int_equal(d->copies, 1);
    char *html = html_of(d, REPORT_EN);
    assert_non_null(strstr(html, "Quarkish"));
    free(html);
    report_free(d);
    json_decref(call_ok(w, "user erase", "user", "zoe-quark", NULL));
    d = gather(w, NULL);
    static const char *const gone[] = {"zoe", "Zoe", "Quark", "content:later"};
    for (enum report_lang lang = REPORT_EN; lang <= REPORT_ZH; lang++) {
        html = html_of(d, lang);
        assert_holds_nothing(html, gone, 4);
        assert_sound(html, lang);
        free(html);
        html = terminal_of(d, lang, 80);
        assert_holds_nothing(html, gone, 4);
        free(html);
    }
    report_free(d);
    world_close(w);
}

/* ── numbers ── */

static void every_act_is_counted_on_its_day(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, NULL);
    uint64_t sum = 0;
    for (size_t i = 0; i < d->days_n; i++) {
        assert_true(i == 0 || d->days[i - 1].day < d->days[i].day);
        sum += d->days[i].events;
    }
    assert_int_equal(sum, d->events);
    assert_int_equal(d->events, 400 + 2); /* two purchases are acts too */
    assert_int_equal(d->days_n, 16);
    assert_int_equal(d->days[0].day, T0 / 86400000);
    report_free(d);
    world_close(w);
}

static void days_on_which_only_the_shop_was_open_are_named(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, NULL);
    size_t last = d->days_n - 1;
    char expected[2][160];
    uint64_t bought = 0;
    for (size_t i = 0; i <= last; i++)
        bought += d->days[i].bought;
    assert_int_equal(bought, 2);
    d->days[last].bought = d->days[last].events;
    char day[32];
    day_text(d->days[last - 1].day, day);
    snprintf(expected[REPORT_EN], sizeof expected[0],
             "After %s nothing was recorded but purchases in the shop: %d.", day,
             (int)d->days[last].events);
    snprintf(expected[REPORT_ZH], sizeof expected[0], "%s 之后只有商店购买，共 %d 次。", day,
             (int)d->days[last].events);
    for (enum report_lang lang = REPORT_EN; lang <= REPORT_ZH; lang++) {
        char *html = html_of(d, lang);
        assert_non_null(strstr(html, expected[lang]));
        free(html);
    }
    d->days[last].bought--;
    char *html = html_of(d, REPORT_EN);
    assert_null(strstr(html, "nothing was recorded but purchases"));
    free(html);
    report_free(d);
    world_close(w);
}

/* Against the definition: the mean absolute difference over twice the mean.                     */
static void curves_agree_with_the_definition(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, NULL);
    const struct exposure *x = &w->state.exposure;
    const struct {
        const uint64_t *exposure;
        const struct curve *curve;
    } sides[] = {{x->given_sum, &d->heed}, {x->popularity_sum, &d->popularity}};
    for (size_t s = 0; s < 2; s++) {
        double difference = 0, total = 0, n = 0;
        for (uint32_t i = 0; i < x->n; i++) {
            if (!report_shown(&w->state, i))
                continue;
            n++;
            total += (double)sides[s].exposure[i];
            for (uint32_t k = 0; k < x->n; k++)
                if (report_shown(&w->state, k))
                    difference += fabs((double)sides[s].exposure[i] - (double)sides[s].exposure[k]);
        }
        assert_int_equal((int)n, 30); /* 31 contents, one of them removed */
        assert_true(fabs(difference / (2 * n * total) - sides[s].curve->gini) < 1e-12);
        const double *y = sides[s].curve->y;
        assert_true(fabs(y[CURVE_POINTS - 1] - 1) < 1e-12);
        for (size_t i = 1; i < CURVE_POINTS; i++)
            assert_true(y[i] >= y[i - 1] && y[i] <= (double)i / (CURVE_POINTS - 1) + 1e-12);
    }
    assert_int_equal(d->eligible_n, 30);
    assert_int_equal(d->removed, 1);
    assert_int_equal(d->copies, 1);
    assert_string_equal(d->copies_seen[0].copy.id, "content:c7");
    assert_string_equal(d->copies_seen[0].original.id, "content:c3");
    report_free(d);
    world_close(w);
}

static void risers_are_those_that_gained_most(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, NULL);
    const struct exposure *x = &w->state.exposure;
    double given = 0, popular = 0, last = 1;
    size_t gained = 0;
    for (size_t i = 0; i < x->n; i++) {
        given += (double)x->given_sum[i];
        popular += (double)x->popularity_sum[i];
    }
    assert_true(d->risers_n > 0);
    for (size_t i = 0; i < d->risers_n; i++) {
        double rise = d->risers[i].heed_share - d->risers[i].popularity_share;
        assert_true(rise > 0 && rise <= last);
        last = rise;
    }
    for (uint32_t i = 0; i < x->n; i++)
        gained += report_shown(&w->state, i) &&
                  (double)x->given_sum[i] / given - (double)x->popularity_sum[i] / popular > last;
    assert_true(gained < RISERS);
    assert_int_equal(d->risers_n, gained + 1);
    report_free(d);
    world_close(w);
}

static void money_adds_up_and_says_so(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    struct report_data *d = gather(w, NULL);
    const struct money_row *m = &d->money[0];
    struct ledger_totals totals = ledger_totals(&w->state.ledger, 0);
    assert_true(m->holds);
    assert_int_equal(m->issued, totals.issued_minor);
    assert_int_equal(m->retired, totals.retired_minor);
    assert_int_equal(m->held[PLACE_PEOPLE] + m->held[PLACE_POOL] + m->held[PLACE_SHOP],
                     totals.supply_minor);
    assert_true(m->retired > 0);
    for (int i = PLACE_POOL; i < PLACE_RETIRE;
         i++) { /* what came in and did not go out lies there */
        int64_t left = 0;
        for (int k = 0; k < PLACES; k++)
            left += d->flow[k][i] - d->flow[i][k];
        assert_int_equal(left, m->held[i]);
    }
    int64_t by_side = 0;
    for (size_t i = 0; i < d->epochs_n; i++)
        by_side += d->epochs[i].creators_minor + d->epochs[i].users_minor;
    assert_int_equal(by_side, d->paid_minor);
    assert_int_equal(d->by_code[CODE_REWARD_CREATOR] + d->by_code[CODE_REWARD_USER], d->paid_minor);
    char a[40], b[40], c[40], identity[160];
    snprintf(identity, sizeof identity, "%s − %s = <b>%s</b>", money_words(m->issued, 2, a),
             money_words(m->retired, 2, b), money_words(m->issued - m->retired, 2, c));
    char *html = html_of(d, REPORT_EN);
    assert_non_null(strstr(html, identity));
    assert_non_null(strstr(html, "✓ holds"));
    assert_null(strstr(html, "NOT HOLD"));
    free(html);
    d->money[0].holds = false;
    d->money[0].issued++;
    html = html_of(d, REPORT_EN);
    assert_non_null(strstr(html, "✕ DOES NOT HOLD"));
    assert_non_null(strstr(html, " ≠ <b>"));
    free(html);
    report_free(d);
    world_close(w);
}

static void a_currency_beside_the_first_has_its_own_identity(void **unused)
{
    (void)unused;
    struct world *w = world_with_rules("currencies:\n  - {code: gold, scale: 2}\n"
                                       "  - {code: gem, scale: 0}\n");
    json_decref(call_ok(w, "user add", "id", "ann", NULL));
    json_decref(call_ok(w, "ledger issue", "to", "ann", "amount", "41", "currency", "gem", NULL));
    struct report_data *d = gather(w, NULL);
    assert_int_equal(d->currency, 1);
    char *html = html_of(d, REPORT_EN);
    assert_non_null(strstr(html, "41 − 0 = <b>41</b> gem"));
    assert_null(strstr(html, "gold"));
    free(html);
    report_free(d);
    world_close(w);
}

static void both_languages_take_the_same_arguments(void **unused)
{
    (void)unused;
    for (int i = 0; i < WORDS; i++) {
        const char *en = word(REPORT_EN, (enum word)i), *zh = word(REPORT_ZH, (enum word)i);
        for (;;) {
            en = strchr(en, '%'), zh = strchr(zh, '%');
            if (!en || !zh)
                break;
            size_t n = 1 + strcspn(en + 1, "sdufe%");
            if (en[n] == 0 || strncmp(en, zh, n + 1) != 0)
                break;
            en += n + 1, zh += n + 1;
        }
        if (en || zh)
            fail_msg("%s / %s", word(REPORT_EN, (enum word)i), word(REPORT_ZH, (enum word)i));
    }
}

static void numbers_are_written_for_people(void **unused)
{
    (void)unused;
    static const struct {
        double most, top, step;
    } tops[] = {{26221, 30000, 10000}, {.45, .5, .1}, {1, 1, .2},     {0, .2, .2},
                {2000, 2000, 500},     {14.4, 15, 5}, {100, 100, 20}, {1e-6, 1e-6, 2e-7}};
    for (size_t i = 0; i < sizeof tops / sizeof tops[0]; i++) {
        double step, top = nice_top(tops[i].most, &step);
        if (fabs(top - tops[i].top) > 1e-9 * top || fabs(step - tops[i].step) > 1e-9 * step)
            fail_msg("%g: top %g, step %g", tops[i].most, top, step);
    }
    static const struct {
        double share;
        const char *text;
    } shares[] = {{0, "0%"},        {.00001, "<0.01%"}, {.0001, "0.01%"},
                  {.0098, "0.98%"}, {.144, "14.4%"},    {1, "100.0%"}};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
        assert_string_equal(share_text(shares[i].share, (char[32]){0}), shares[i].text);
    static const struct {
        int64_t minor;
        int scale;
        const char *text;
    } amounts[] = {{0, 2, "0.00"},
                   {-123456, 2, "-1,234.56"},
                   {1234567, 0, "1,234,567"},
                   {INT64_MAX, 9, "9,223,372,036.854775807"},
                   {INT64_MIN, 0, "-9,223,372,036,854,775,808"}};
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
        assert_string_equal(money_words(amounts[i].minor, amounts[i].scale, (char[40]){0}),
                            amounts[i].text);
    assert_string_equal(tick_text(30000, (char[32]){0}), "30,000");
    assert_string_equal(tick_text(2.5e6, (char[32]){0}), "2.5 M");
    assert_string_equal(tick_text(200000, (char[32]){0}), "200 k");
    assert_string_equal(tick_text(.25, (char[32]){0}), "0.25");
}

/* Each allocation of gathering fails in turn.                                                    */
static void memory_may_run_out(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    live(w);
    const struct report_truth unknown = {0};
    long n = 1;
    for (bool fired = true; fired; n++) {
        struct report_data *d = NULL;
        struct heed_error err = {0};
        fault_fail_at(n);
        enum heed_status status = report_gather(w, &unknown, &d, &err);
        fault_off();
        fired = fault_fired();
        if (status != HEED_OK && status != HEED_NOMEM)
            fail_msg("allocation %ld: %s: %s", n, err.where, err.message);
        assert_true((status == HEED_OK) == (d != NULL));
        report_free(d);
    }
    assert_true(n > 10);
    world_close(w);
}

static void a_full_disk_is_an_error(void **unused)
{
    (void)unused;
    struct world *w = world_in_memory();
    struct report_data *d = gather(w, NULL);
    struct heed_error err = {0};
    FILE *f = fopen("/dev/full", "w");
    if (f) {
        setvbuf(f, NULL, _IONBF, 0);
        assert_int_equal(report_html(d, REPORT_EN, f, &err), HEED_STORAGE);
        fclose(f);
    }
    report_free(d);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_world_is_told_in_both_languages),
        cmocka_unit_test(late_acts_are_told),
        cmocka_unit_test(what_is_traded_is_told),
        cmocka_unit_test(what_is_not_there_is_said),
        cmocka_unit_test(hostile_texts_stay_texts),
        cmocka_unit_test(an_erased_person_is_nowhere),
        cmocka_unit_test(every_act_is_counted_on_its_day),
        cmocka_unit_test(days_on_which_only_the_shop_was_open_are_named),
        cmocka_unit_test(curves_agree_with_the_definition),
        cmocka_unit_test(risers_are_those_that_gained_most),
        cmocka_unit_test(money_adds_up_and_says_so),
        cmocka_unit_test(a_currency_beside_the_first_has_its_own_identity),
        cmocka_unit_test(both_languages_take_the_same_arguments),
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test_teardown(memory_may_run_out, memory_returns),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
