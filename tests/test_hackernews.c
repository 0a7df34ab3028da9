/* The Hacker News posts through examples/hackernews/map.yaml give the numbers counted in the file.
 *
 * Needs the data folder: HEED_DATA, or ../shared/data beside the repository; skipped without. The
 * expected numbers were counted by other means than heed (Python's csv). */
#include "support_import.h"
#include "support_world.h"

#include "import/import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world *imported(struct import_result *result)
{
    return world_of_example("hackernews", "hacker_news/hacker_news.csv", result);
}

static void all_posts_come_in(void **unused)
{
    (void)unused;
    struct import_result r = {0};
    struct world *w = imported(&r);
    static const uint64_t rows[] = {1, 20100, 20100, 20100};
    assert_int_equal(r.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(r.files[i].tally.rows, rows[i]);
        assert_int_equal(r.files[i].tally.applied, rows[i]);
    }
    const struct catalogue *c = &w->state.catalogue;
    assert_int_equal(c->contents_n, 20100);
    assert_int_equal(c->users_n, 1);           /* the site itself, which did nothing */
    assert_int_equal(c->parties_n, 1 + 10382); /* and the authors                    */
    assert_int_equal(w->state.behaviour.events, 498526);
    assert_int_equal(behaviour_unknown(&w->state.behaviour), 498526);
    assert_int_equal(w->state.behaviour.pairs_n, 0);
    static const struct {
        const char *site;
        size_t posts;
    } sites[] = {
        {"no link", 2440}, {"github.com", 1008}, {"medium.com", 825}, {"www.nytimes.com", 525}};
    for (size_t k = 0; k < 4; k++) {
        uint32_t symbol = world_find_symbol(w, str_of(sites[k].site));
        size_t n = 0;
        for (size_t i = 0; i < c->contents_n; i++)
            n += c->contents[i].category == symbol;
        assert_int_equal(n, sites[k].posts);
    }
    import_result_deinit(&r);
    world_close(w);
}

static void points_are_the_sites_score_in_nine_steps(void **unused)
{
    (void)unused;
    struct import_result r = {0};
    struct world *w = imported(&r);
    static const size_t posts[9] = {2098, 2556, 3014, 2276, 2550, 2510, 1857, 1226, 2013};
    size_t n[9] = {0};
    const struct quality_table *t = &w->state.quality.targets[TARGET_CONTENT];
    for (size_t i = 0; i < t->n; i++) {
        assert_int_equal(t->rows[i].ratings[RATING_EXPERT].n, 1);
        assert_int_equal(t->rows[i].ratings[RATING_USER].n, 0);
        n[t->rows[i].ratings[RATING_EXPERT].sum_milli / 125]++;
    }
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(n[i], posts[i]);
    static const struct {
        const char *id;
        uint64_t comments;
        int64_t score_milli, created_s; /* of 0..1000; from -04:00 */
    } some[] = {{"12224879", 52, 1000, 1470325920},
                {"10975351", 10, 625, 1453851000},
                {"11964716", 1, 125, 1466734800}};
    for (size_t k = 0; k < 3; k++) {
        uint32_t i = intern_find(&w->state.catalogue.content_ids, str_of(some[k].id));
        assert_int_not_equal(i, INTERN_NONE);
        const struct target_stats *s =
            behaviour_target(&w->state.behaviour, target_make(TARGET_CONTENT, i));
        assert_int_equal(s->engagements, some[k].comments);
        assert_int_equal(s->reach, 0);
        assert_int_equal(t->rows[i].ratings[RATING_EXPERT].sum_milli, some[k].score_milli);
        assert_int_equal(w->state.catalogue.contents[i].created_at_ms, some[k].created_s * 1000);
    }
    import_result_deinit(&r);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_posts_come_in),
        cmocka_unit_test(points_are_the_sites_score_in_nine_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
