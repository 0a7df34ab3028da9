/* The Steam log through examples/steam/map.yaml gives the numbers counted in its files.
 *
 * Needs the data folder: HEED_DATA, or ../shared/data beside the repository; skipped without. The
 * expected numbers were counted by other means than heed (unzip, awk; Python's csv for the join).
 */
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
    return world_of_example("steam", "steam200k/steam.zip", result);
}

static void the_log_comes_in_whole(void **unused)
{
    (void)unused;
    struct import_result r = {0};
    struct world *w = imported(&r);
    assert_int_equal(r.n, 7);
    static const uint64_t rows[] = {12393, 5155, 5155, 70489, 129511, 129511, 70489};
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(r.files[i].tally.rows, rows[i]);
        assert_int_equal(r.files[i].tally.applied, rows[i]);
    }
    json_t *status = call_ok(w, "status", NULL);
    assert_int_equal(int_at(status, "users"), 12393);
    assert_int_equal(int_at(status, "goods"), 5155);
    assert_int_equal(int_at(status, "contents"), 5155);
    assert_int_equal(int_at(status, "events"), 400000);
    const json_t *verbs = json_object_get(status, "verbs");
    assert_int_equal(int_at(json_object_get(verbs, "dwell"), "events"), 70489);
    assert_int_equal(int_at(json_object_get(verbs, "dwell"), "amount"), 12403316880);
    assert_int_equal(int_at(json_object_get(verbs, "purchase"), "events"), 129511);
    assert_int_equal(int_at(json_object_get(verbs, "view"), "events"), 129511);
    assert_int_equal(int_at(json_object_get(verbs, "attend"), "events"), 70489);
    json_decref(status);
    import_result_deinit(&r);
    world_close(w);
}

static void names_join_the_catalogue(void **unused)
{
    (void)unused;
    struct import_result r = {0};
    struct world *w = imported(&r);
    const struct catalogue *c = &w->state.catalogue;
    size_t unpriced = 0;
    for (size_t i = 0; i < c->goods_n; i++)
        unpriced += c->goods[i].price_minor < 0;
    assert_int_equal(unpriced, 1910);
    for (uint32_t i = 0; i < c->contents_n; i++) {
        assert_int_equal(c->contents[i].good, i);
        assert_true(str_eq(intern_str(&c->content_ids, i), intern_str(&c->good_ids, i)));
    }
    static const struct {
        const char *id;
        int64_t price_minor; /* -1: none */
        const char *category, *creator;
    } games[] = {
        {"1", 999, "RPG", "Bethesda Game Studios"},        /* The Elder Scrolls V Skyrim */
        {"2", 1999, "RPG", "Bethesda Game Studios"},       /* Fallout 4 */
        {"3", 1499, "Simulation", "Maxis™"},               /* Spore */
        {"4", 799, "Action", "Obsidian Entertainment"},    /* Fallout New Vegas */
        {"5", 719, "Action", "Valve"},                     /* Left 4 Dead 2 */
        {"6", 699, "Indie", "HuniePot"},                   /* HuniePop */
        {"644", 399, "Casual", "Two Tribes"},              /* RUSH 38720,844040 */
        {"827", 719, "Adventure", "bitComposer Games"},    /* Alter Ego 63110,664780 */
        {"868", 199, "Adventure", "Benjamin Rivers Inc."}, /* Home 215670,1051170 */
        {"2090", 799, "Strategy", "Power of 2"},           /* Dwarfs!? 35480,281560 */
        {"2234", 699, "Adventure", "Pendulo Studios"},     /* Yesterday 205840,649360 */
        {"2416", 0, "Free to Play", "Stephane Bottin"},    /* Escape 365050,759010,806600 */
        {"2651", 559, "Action", "SITER SKAIN"},            /* RefleX 281860,745740 */
        {"3088", 699, "Indie", "Halfbus"},                 /* Basement 340150,722010 */
        {"3725", 999, "Action", "Just A Pixel Ltd."},      /* Light 271730,821260 */
        {"3889", 159, "Indie", "Yokcos"},                  /* Dodge 350630,776080 */
        {"4306", 159, "Action", "Artnumeris"},             /* C-RUSH 262980,588880,783260 */
        {"4460", 699, "Action", "InterWave Studios"},      /* Dark Matter 251410,345130,850250 */
        {"4786", 399, "Indie", "Excalibur"},               /* Taxi 315550,488080 */
    };
    for (size_t i = 0; i < sizeof games / sizeof *games; i++) {
        uint32_t at = intern_find(&c->good_ids, str_of(games[i].id));
        assert_int_not_equal(at, INTERN_NONE);
        const struct good *g = &c->goods[at];
        struct str category =
            g->category == HANDLE_NONE ? STR("") : intern_str(&c->symbols, g->category);
        struct str creator = world_party_id(w, c->contents[at].creator);
        if (g->price_minor != games[i].price_minor || !str_is(category, games[i].category) ||
            !str_is(creator, games[i].creator))
            fail_msg("game %s: %lld, %.*s, by %.*s", games[i].id, (long long)g->price_minor,
                     (int)category.n, category.p, (int)creator.n, creator.p);
    }
    import_result_deinit(&r);
    world_close(w);
}

static void a_second_import_changes_nothing(void **unused)
{
    (void)unused;
    struct import_result r = {0};
    struct world *w = imported(&r);
    struct sha256 once = hash_of(w);
    const struct heed_context context = {T0, NULL};
    struct heed_error err = {0};
    assert_int_equal(import_map(w, &context, SOURCE_DIR "/examples/steam/map.yaml", data_dir(),
                                &(struct import_options){0}, &r, &err),
                     HEED_OK);
    assert_int_equal(r.n, 14);
    for (size_t i = 7; i < 14; i++)
        assert_true(r.files[i].skipped);
    assert_true(sha256_eq(once, hash_of(w)));
    import_result_deinit(&r);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_comes_in_whole),
        cmocka_unit_test(names_join_the_catalogue),
        cmocka_unit_test(a_second_import_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
