/* Models as whole numbers: against naive twins, within the stated error, as bytes that nobody need
 * trust; versions with their checksums; feeds that score from them. */
#include "support_crowd.h"
#include "support_fault.h"
#include "support_models.h"
#include "support_saved.h"

#include "allocation/versions.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct stored_model stored_of(const struct model_spec *spec, const void *model, size_t items,
                                     size_t keep)
{
    struct stored_model m;
    struct heed_error err = {0};
    if (stored_make(spec->kind, model, items, keep, &m, &err) != HEED_OK ||
        stored_ready(&m, spec->param, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return m;
}

static bool says(struct heed_error *err, const char *text)
{
    bool found = strstr(err->message, text) != NULL;
    if (!found)
        print_message("%s: %s\n", err->where, err->message);
    error_clear(err);
    return found;
}

/* ── twins ───────────────────────────────────────────────────────────────────────────────────── */

/* weight[i * items + j]: what having only i adds to j. */
static double *dense_weights(const struct model_spec *spec, const void *model, size_t items)
{
    double *w = calloc(items * items + 1, sizeof *w);
    assert_non_null(w);
    for (uint32_t i = 0; i < items; i++)
        assert_int_equal(
            spec->kind->score(model, 0, (struct sparse_row){&i, NULL, 1}, w + i * items), HEED_OK);
    return w;
}

/* Whether fewer than `keep` of the same list are stronger; `step` apart, `n` of them. */
static bool among_strongest(const double *list, size_t step, size_t n, size_t at, size_t keep)
{
    size_t before = 0;
    for (size_t i = 0; i < n; i++) {
        double mine = fabs(list[at * step]), other = fabs(list[i * step]);
        before += other > mine || (other == mine && i < at);
    }
    return before < keep;
}

static void what_is_kept_is_what_a_naive_twin_keeps(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct prng r;
        struct drawn d;
        prng_seed(&r, seed);
        size_t items = 2 + prng_below(&r, 24), keep = 1 + prng_below(&r, items + 2);
        draw(&d, seed, 5 + prng_below(&r, 40), items, .1 + .3 * prng_double(&r));
        static const char *const kinds[][2] = {
            {"knn", ""}, {"ease", "lambda=3"}, {"ease", "lambda=3,neighbours=5"}};
        bool ease = seed % 3 > 0; /* strongest of each item added to, not of each that adds */
        struct model_spec spec = spec_of(kinds[seed % 3][0], kinds[seed % 3][1]);
        void *model = trained(&d, &spec);
        struct stored_model m = stored_of(&spec, model, items, keep);
        double *w = dense_weights(&spec, model, items), dropped = 0;
        for (size_t i = 0; i < items; i++)
            for (size_t j = 0; j < items; j++) {
                double *x = &w[i * items + j];
                bool stays = ease ? among_strongest(w + j, items, items, i, keep)
                                  : among_strongest(w + i * items, 1, items, j, keep);
                if (!stays && *x != 0)
                    dropped = fmax(dropped, ceil(fabs(*x) * 1e6));
                *x = stays ? nearbyint(*x * 1e6) : 0;
            }
        assert_int_equal(m.dropped, (uint32_t)dropped);
        double score[32], full[32];
        for (size_t u = 0; u < d.users.rows; u++) {
            struct sparse_row row = sparse_row(&d.users, u);
            assert_true(stored_score(&m, row, NULL, score));
            assert_int_equal(spec.kind->score(model, u, row, full), HEED_OK);
            for (size_t j = 0; j < items; j++) {
                double twin = 0;
                for (size_t i = 0; i < row.n; i++)
                    twin += w[row.column[i] * items + j];
                near(score[j], twin / 1e6, 0, "stored score", seed);
                near(score[j], full[j], (double)row.n * (.5 + dropped) / 1e6 + 1e-12,
                     "stored beside trained", seed);
            }
        }
        free(w);
        stored_deinit(&m);
        spec.kind->free(model);
        undraw(&d);
    }
}

static void factors_score_as_the_trained_model(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct drawn d;
        draw(&d, seed, 60, 40, .15);
        struct model_spec spec = spec_of("ials", "factors=8,iterations=6");
        void *model = trained(&d, &spec);
        struct stored_model m = stored_of(&spec, model, 40, 1);
        double *room = malloc(stored_room(&m) * sizeof *room), score[40], full[40];
        assert_non_null(room);
        for (size_t u = 0; u < d.users.rows; u++) {
            struct sparse_row row = sparse_row(&d.users, u);
            assert_true(stored_score(&m, row, room, score));
            assert_int_equal(spec.kind->score(model, u, row, full), HEED_OK);
            for (size_t j = 0; j < 40; j++)
                near(score[j], full[j], 1e-5, "factors", seed);
        }
        free(room);
        stored_deinit(&m);
        spec.kind->free(model);
        undraw(&d);
    }
}

/* Cosine of i with j, to compare: both over the root of how many have j. */
static double nearness(const struct drawn *d, size_t i, size_t j)
{
    double both = 0, theirs = 0;
    for (size_t u = 0; u < d->users.rows; u++) {
        both += d->x[u * d->users.columns + i] * d->x[u * d->users.columns + j];
        theirs += d->x[u * d->users.columns + j];
    }
    return theirs > 0 ? both / sqrt(theirs) : 0;
}

static void counts_score_as_the_trained_blend_and_the_nearest_are_kept(void **unused)
{
    (void)unused;
    enum { ITEMS = 30, KEEP = 4 };
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct drawn d, words;
        draw(&d, seed, 50, ITEMS, .15);
        draw(&words, seed + 100, 8, ITEMS, .2);
        uint64_t said = sparse_count(&words.users);
        words.users.value = malloc((said + 1) * sizeof *words.users.value);
        assert_non_null(words.users.value);
        for (uint64_t i = 0; i < said; i++)
            words.users.value[i] = 1;
        d.training.features = &words.users;
        struct model_spec spec = spec_of("blend", seed % 2 ? "neighbours=0" : "neighbours=6");
        void *model = trained(&d, &spec);
        struct stored_model all = stored_of(&spec, model, ITEMS, ITEMS),
                            few = stored_of(&spec, model, ITEMS, KEEP);
        double *room = malloc(stored_room(&all) * sizeof *room), score[ITEMS], full[ITEMS];
        assert_non_null(room);
        for (size_t u = 0; u < d.users.rows; u++) {
            struct sparse_row row = sparse_row(&d.users, u);
            assert_true(stored_score(&all, row, room, score));
            assert_int_equal(spec.kind->score(model, u, row, full), HEED_OK);
            for (size_t j = 0; j < ITEMS; j++)
                near(score[j], full[j], 1e-4, "counts", seed);
        }
        for (uint32_t i = 0; i < ITEMS; i++) {
            struct sparse_row row = sparse_row(&few.together, i);
            size_t n = 0;
            for (uint32_t j = 0; j < ITEMS; j++) {
                size_t better = 0;
                double mine = nearness(&d, i, j);
                for (uint32_t k = 0; k < ITEMS; k++) {
                    double theirs = k != i ? nearness(&d, i, k) : 0;
                    better += theirs > mine || (theirs >= mine && k < j);
                }
                bool kept = j != i && mine > 0 && better < KEEP;
                assert_int_equal(sparse_has(row, j), kept);
                n += kept;
            }
            assert_int_equal(row.n, n);
        }
        free(room);
        stored_deinit(&all);
        stored_deinit(&few);
        spec.kind->free(model);
        undraw(&words);
        undraw(&d);
    }
}

/* ── what is too large ───────────────────────────────────────────────────────────────────────── */

static double part_weight;

static size_t one_part(const void *model, size_t row, struct stored_part *out)
{
    (void)model;
    out[0] = (struct stored_part){row == 0, part_weight};
    return 1;
}

static void what_does_not_fit_is_named(void **unused)
{
    (void)unused;
    static const double bad[] = {16.8, -16.8, 1e300, NAN, -INFINITY};
    struct stored_model m = {.kind = &model_knn, .items = 2};
    struct heed_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        part_weight = bad[i];
        assert_int_equal(stored_weights(&m, 2, 1, false, one_part, NULL, "knn", &err), HEED_RANGE);
        assert_true(says(&err, "lambda"));
    }
    part_weight = -16.7;
    assert_int_equal(stored_weights(&m, 2, 1, false, one_part, NULL, "knn", &err), HEED_OK);
    assert_true(m.weights.value[0] == -16700000.f);
    stored_deinit(&m);
    assert_int_equal(
        stored_weights(&m, STORED_NUMBERS_MAX + 1, 1, false, one_part, NULL, "knn", &err),
        HEED_RANGE);
    assert_true(says(&err, "more than the 8388608"));
    double factor = 1074;
    assert_int_equal(stored_factors(&m, &factor, STORED_NUMBERS_MAX, 2, &err), HEED_RANGE);
    assert_true(says(&err, "--param factors=1"));
    assert_int_equal(stored_factors(&m, &factor, 1, 1, &err), HEED_RANGE);
    assert_true(says(&err, "larger lambda"));
    stored_deinit(&m);
    assert_int_equal(stored_make(&model_popularity, NULL, 2, 1, &m, &err), HEED_RANGE);
    assert_true(says(&err, "knn, ease, ials"));
}

/* ── bytes ───────────────────────────────────────────────────────────────────────────────────── */

static struct strbuf packed(const struct stored_model *m)
{
    struct strbuf bytes;
    struct sink *s = malloc(sizeof *s);
    assert_non_null(s);
    strbuf_init(&bytes, 1 << 24);
    sink_init(s, strbuf_write, &bytes);
    stored_pack(m, s);
    assert_true(sink_flush(s));
    free(s);
    return bytes;
}

/* Whatever unpacks is scored, so that a bound that is missed shows under a sanitiser. */
static void unpacks_or_refuses(struct str bytes, const struct model_spec *spec, size_t items)
{
    struct stored_model m;
    struct heed_error err = {0};
    enum heed_status status = stored_unpack(bytes, spec->kind, items, &m, &err);
    if (status == HEED_OK)
        status = stored_ready(&m, spec->param, &err);
    if (status != HEED_OK) {
        assert_int_equal(status, HEED_INPUT);
        assert_true(*err.message);
        stored_deinit(&m);
        return;
    }
    double *room = malloc((stored_room(&m) + 1) * sizeof *room), score[64];
    uint32_t history[64];
    assert_non_null(room);
    for (uint32_t i = 0; i < items; i++)
        history[i] = i;
    (void)!stored_score(&m, (struct sparse_row){history, NULL, items}, room, score);
    free(room);
    stored_deinit(&m);
}

static void damaged_bytes_are_refused_or_harmless(void **unused)
{
    (void)unused;
    static const char *const kinds[][2] = {
        {"knn", ""}, {"ease", "lambda=3"}, {"ials", "factors=3,iterations=2"}, {"blend", ""}};
    enum { ITEMS = 12 };
    for (size_t k = 0; k < 3; k++) {
        struct prng r;
        struct drawn d;
        prng_seed(&r, k);
        draw(&d, 7 + k, 20, ITEMS, .3);
        struct model_spec spec = spec_of(kinds[k][0], kinds[k][1]);
        void *model = trained(&d, &spec);
        struct stored_model m = stored_of(&spec, model, ITEMS, 4), again;
        struct strbuf bytes = packed(&m);
        struct heed_error err = {0};
        struct str all = {bytes.p, bytes.n};
        assert_int_equal(stored_unpack(all, spec.kind, ITEMS, &again, &err), HEED_OK);
        struct strbuf other = packed(&again);
        assert_true(saved_equal(&bytes, &other));
        stored_deinit(&again);
        strbuf_deinit(&other);
        for (size_t n = 0; n < bytes.n; n++) {
            char *cut = malloc(n + 1); /* its own block: reading past it shows */
            assert_non_null(cut);
            memcpy(cut, bytes.p, n);
            assert_int_equal(stored_unpack((struct str){cut, n}, spec.kind, ITEMS, &again, &err),
                             HEED_INPUT);
            if (n > 3)
                assert_true(says(&err, "cut short"));
            error_clear(&err);
            free(cut);
        }
        for (size_t i = 0; i < bytes.n; i++)
            for (int bit = 0; bit < 8; bit++) {
                bytes.p[i] ^= (char)(1 << bit);
                unpacks_or_refuses(all, &spec, ITEMS);
                bytes.p[i] ^= (char)(1 << bit);
            }
        for (int i = 0; i < 2000; i++) {
            char noise[40] = {bytes.p[0], ITEMS};
            for (size_t j = 2; j < sizeof noise; j++)
                noise[j] = (char)prng_below(&r, prng_below(&r, 2) ? 256 : 8);
            unpacks_or_refuses((struct str){noise, 2 + prng_below(&r, 38)}, &spec, ITEMS);
        }
        assert_int_equal(stored_unpack(all, spec.kind, ITEMS + 1, &again, &err), HEED_INPUT);
        assert_int_equal(stored_unpack(all, spec.kind->stores_factors ? &model_knn : &model_ials,
                                       ITEMS, &again, &err),
                         HEED_INPUT);
        strbuf_deinit(&bytes);
        stored_deinit(&m);
        spec.kind->free(model);
        undraw(&d);
    }
}

/* ── versions ────────────────────────────────────────────────────────────────────────────────── */

enum { POSTS = 10, PEOPLE = 14 };
static struct intern ids; /* of the catalogue that versions are loaded for */

static void name_posts(struct intern *t, const char *prefix)
{
    intern_init(t);
    for (unsigned i = 0; i < POSTS; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s%u", prefix, i);
        assert_int_equal(intern_add(t, str_of(text)), i);
    }
}

static void add_version(struct model_versions *v, const char *algorithm, const char *params)
{
    struct prng r;
    uint64_t offsets[PEOPLE + 1] = {0};
    uint32_t items[PEOPLE * POSTS];
    prng_seed(&r, v->n + 1);
    for (size_t u = 0; u < PEOPLE; u++) {
        size_t n = offsets[u];
        for (uint32_t i = 0; i < POSTS; i++)
            if (prng_below(&r, 3) == 0)
                items[n++] = i;
        offsets[u + 1] = n;
    }
    const struct allocation_histories h = {.n = PEOPLE, .offsets = offsets, .items = items};
    const struct version_training t = {
        .spec = spec_of(algorithm, params), .keep = 3, .seed = 5, .threads = 2, .max_history = 8};
    struct model_version version;
    struct heed_error err = {0};
    assert_int_equal(version_train(&h, POSTS, &t, &version, &err), HEED_OK);
    version.number = (uint32_t)v->n + 1;
    version.trained_at_ms = 1000;
    assert_int_equal(catalogue_digest(&ids, POSTS, &version.catalogue), HEED_OK);
    assert_int_equal(versions_add(v, &version), HEED_OK);
}

static struct model_versions some_versions(void)
{
    struct model_versions v = {0};
    add_version(&v, "knn", "shrink=0.1");
    add_version(&v, "ease", "lambda=2.5");
    add_version(&v, "ials", "factors=3,iterations=2");
    add_version(&v, "blend", "neighbours=3");
    return v;
}

static void save_any(const void *x, struct sink *s)
{
    versions_save(x, s);
}

static enum heed_status load_any(void *x, struct source *s, struct heed_error *err)
{
    return versions_load(x, &ids, s, err);
}

static void deinit_any(void *x)
{
    versions_deinit(x);
}

/* Whatever loads can be put in use. */
static void check_any(const void *x)
{
    const struct model_versions *v = x;
    assert_true(v->in_use <= v->n);
    for (size_t i = 0; i < v->n; i++) {
        struct stored_model m;
        struct heed_error err = {0};
        if (!v->list[i].bytes)
            continue;
        assert_int_equal(version_open(&v->list[i], &m, &err), HEED_OK);
        assert_true(m.items <= ids.count);
        stored_deinit(&m);
    }
}

static bool empty_any(const void *x)
{
    const struct model_versions *v = x;
    return v->n == 0 && !v->list;
}

static const struct saved_kind saved = {sizeof(struct model_versions), save_any, load_any,
                                        deinit_any, check_any};

static void versions_come_back_and_damage_is_found(void **unused)
{
    (void)unused;
    name_posts(&ids, "post");
    struct model_versions v = some_versions(), none = {0};
    assert_int_equal(v.in_use, 4);
    assert_true(str_starts(str_of(v.list[1].params), "lambda=2.5,neighbours=0"));
    assert_true(v.list[1].spec.param[0] == 2.5);
    assert_round_trip(&saved, &none);
    assert_round_trip(&saved, &v);
    assert_damage_is_found_or_harmless(&saved, &v);
    versions_deinit(&v);
    intern_deinit(&ids);
}

static void a_version_written_before_there_was_a_choice_has_its_first(void **unused)
{
    (void)unused;
    enum { SOLVER = 6, EXACT = 0, CG = 1 };
    name_posts(&ids, "post");
    struct model_versions v = some_versions();
    assert_true(v.list[2].spec.param[SOLVER] == CG);
    char *params = v.list[2].params, *solver = strstr(params, ",solver=cg,steps=3");
    assert_non_null(solver);
    for (int before = 0; before < 2; before++) {
        struct strbuf bytes;
        struct model_versions got;
        struct heed_error err = {0};
        if (before)
            *solver = '\0';
        strbuf_init(&bytes, 1 << 20);
        struct sink *s = sink_new(&bytes);
        assert_non_null(s);
        versions_save(&v, s);
        assert_true(sink_done(s));
        struct memory_reader reader = {(const uint8_t *)bytes.p, bytes.n};
        struct source *in = source_new(&reader);
        assert_non_null(in);
        assert_int_equal(versions_load(&got, &ids, in, &err), HEED_OK);
        assert_true(got.list[2].spec.param[SOLVER] == (before ? EXACT : CG));
        free(in);
        versions_deinit(&got);
        strbuf_deinit(&bytes);
    }
    versions_deinit(&v);
    intern_deinit(&ids);
}

static void a_load_says_when_memory_is_out(void **unused)
{
    (void)unused;
    name_posts(&ids, "post");
    struct model_versions v = some_versions();
    assert_true(assert_load_says_when_memory_is_out(&saved, &v, empty_any) > 20);
    versions_deinit(&v);
    intern_deinit(&ids);
}

static enum heed_status load_one(struct str bytes, const struct intern *of, struct heed_error *err)
{
    struct memory_reader reader = {(const uint8_t *)bytes.p, bytes.n};
    struct source *s = malloc(sizeof *s);
    struct model_version v;
    assert_non_null(s);
    source_init(s, memory_read, &reader);
    enum heed_status status = version_load(&v, of, s, err);
    version_deinit(&v);
    free(s);
    return status;
}

static void
a_version_cut_short_of_another_catalogue_or_with_a_wrong_checksum_is_named(void **unused)
{
    (void)unused;
    name_posts(&ids, "post");
    struct model_versions v = some_versions();
    struct intern others, fewer;
    struct heed_error err = {0};
    struct strbuf bytes;
    struct sink *s = malloc(sizeof *s);
    assert_non_null(s);
    strbuf_init(&bytes, 1 << 20);
    sink_init(s, strbuf_write, &bytes);
    version_save(&v.list[1], s);
    assert_true(sink_flush(s));
    free(s);
    struct str all = {bytes.p, bytes.n};
    assert_int_equal(load_one(all, &ids, &err), HEED_OK);
    for (size_t n = 0; n < all.n; n++) {
        assert_int_equal(load_one((struct str){all.p, n}, &ids, &err), HEED_INPUT);
        assert_true(says(&err, "cut short"));
    }
    char *numbers = memmem(bytes.p, bytes.n, v.list[1].bytes, v.list[1].bytes_n);
    assert_non_null(numbers);
    for (size_t i = 0; i < v.list[1].bytes_n; i++) {
        numbers[i] ^= 1;
        assert_int_equal(load_one(all, &ids, &err), HEED_INPUT);
        assert_true(says(&err, "checksum of version 2"));
        numbers[i] ^= 1;
    }
    name_posts(&others, "tale"); /* as many, of other names */
    intern_init(&fewer);
    assert_int_equal(load_one(all, &others, &err), HEED_INPUT);
    assert_true(says(&err, "of another catalogue"));
    assert_int_equal(load_one(all, &fewer, &err), HEED_INPUT);
    assert_true(says(&err, "of another catalogue"));
    strbuf_deinit(&bytes);
    versions_deinit(&v);
    intern_deinit(&others);
    intern_deinit(&fewer);
    intern_deinit(&ids);
}

static void the_newest_and_the_one_in_use_are_kept(void **unused)
{
    (void)unused;
    name_posts(&ids, "post");
    struct model_versions v = {0};
    for (int i = 0; i < 6; i++)
        add_version(&v, "knn", "");
    assert_int_equal(v.in_use, 6);
    assert_false(v.list[0].bytes || v.list[1].bytes);
    assert_true(v.list[2].bytes && v.list[5].bytes);
    versions_use(&v, 3);
    add_version(&v, "knn", "");
    assert_null(v.list[2].bytes); /* 3 gave way, out of use and fifth newest */
    versions_use(&v, 4);
    struct stored_model m;
    struct heed_error err = {0};
    assert_int_equal(version_open(versions_find(&v, 4), &m, &err), HEED_OK);
    stored_deinit(&m);
    versions_use(&v, 0);
    assert_true(v.list[3].bytes && v.in_use == 0);
    assert_null(versions_find(&v, 0));
    assert_null(versions_find(&v, 8));
    assert_null(versions_find(&v, -1));
    assert_round_trip(&saved, &v);
    versions_deinit(&v);
    intern_deinit(&ids);
}

static void one_item_a_head_teaches_nothing(void **unused)
{
    (void)unused;
    uint64_t offsets[] = {0, 1, 1, 2};
    uint32_t items[] = {0, 3};
    const struct allocation_histories h = {.n = 3, .offsets = offsets, .items = items};
    const struct version_training t = {
        .spec = spec_of("knn", ""), .keep = 1, .threads = 1, .max_history = 8};
    struct model_version v;
    struct heed_error err = {0};
    assert_int_equal(version_train(&h, 4, &t, &v, &err), HEED_OK);
    assert_true(v.acts == 0 && !v.bytes && !v.params);
}

/* ── feeds ───────────────────────────────────────────────────────────────────────────────────── */

/* A model of the first `known` items whose weights are random, some below zero. */
static struct stored_model random_model(struct prng *r, size_t known)
{
    struct stored_model m = {.kind = &model_ease, .items = known};
    assert_int_equal(sparse_init(&m.weights, known, known, known * known, true), HEED_OK);
    uint64_t n = 0;
    for (size_t i = 0; i < known; i++) {
        for (uint32_t j = 0; j < known; j++)
            if (prng_below(r, 3) == 0) {
                m.weights.column[n] = j;
                m.weights.value[n++] =
                    (float)(1 + (int)prng_below(r, 900)) * 1000 * (prng_below(r, 4) ? 1 : -1);
            }
        m.weights.at[i + 1] = n;
    }
    return m;
}

/* relevant[items] of one user, with loops and no marks: by the model where it knows, else by the
 * cosine as a feed without a model gives it. */
static void naive_relevance(const struct crowd *c, const struct stored_model *m, size_t user,
                            const double *cosine, double *relevant)
{
    double most = 0;
    for (size_t j = 0; j < c->items.n; j++) {
        double sum = 0;
        for (uint64_t h = c->histories.offsets[user]; h < c->histories.offsets[user + 1]; h++) {
            uint32_t i = c->histories.items[h];
            if (i >= m->items || j >= m->items)
                continue;
            struct sparse_row row = sparse_row(&m->weights, i);
            for (size_t x = 0; x < row.n; x++)
                sum += row.column[x] == j ? (double)row.value[x] : 0;
        }
        relevant[j] = j < m->items ? sum : cosine[j];
        if (j < m->items && c->items.eligible[j] && sum > most)
            most = sum;
    }
    for (size_t j = 0; j < m->items; j++)
        relevant[j] = most > 0 && relevant[j] > 0 ? fmin(relevant[j] / most, 1) : 0;
}

static void feeds_by_a_model_are_what_a_naive_twin_scores(void **unused)
{
    (void)unused;
    enum { ITEMS = 40, USERS = 25 };
    const struct allocation_rules rules = {.k = ITEMS,
                                           .algorithm = ALGORITHM_RELEVANCE,
                                           .mix_milli = {100, 200, 300, 400},
                                           .neighbours = 10,
                                           .max_history = 30};
    const struct crowd_shape shape = {ITEMS, USERS, 12, .5, .9, 0};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng r;
        struct crowd c;
        prng_seed(&r, seed);
        crowd_init(&c, &r, &shape, &rules);
        size_t known = prng_below(&r, 4) ? 20 + prng_below(&r, 15) : ITEMS;
        struct stored_model m = random_model(&r, known);
        struct allocator *with;
        assert_int_equal(allocator_new(&c.items, c.relevance, &rules, &with), HEED_OK);
        assert_int_equal(allocator_use(with, &m, 7), HEED_OK);
        uint64_t given[ITEMS] = {0}, in_epoch[ITEMS], by_popularity[ITEMS];
        for (size_t u = 0; u < USERS; u++) {
            struct feed_request q = crowd_request(&c, u);
            struct slot slots[FEED_MAX];
            double cosine[ITEMS] = {0}, relevant[ITEMS];
            size_t n;
            q.k = ITEMS;
            allocator_feed(c.allocator, &q, slots, &n); /* without the model */
            for (size_t i = 0; i < n; i++) {
                cosine[slots[i].item] = slots[i].value_ppm[REASON_RELEVANCE] / 1e6;
                assert_int_equal(slots[i].model, 0);
            }
            naive_relevance(&c, &m, u, cosine, relevant);
            for (int a = ALGORITHM_RELEVANCE; a <= ALGORITHM_MIXED; a++) {
                q.algorithm = (enum algorithm)a;
                allocator_feed(with, &q, slots, &n);
                for (size_t i = 0; i < n; i++) {
                    near(slots[i].value_ppm[REASON_RELEVANCE] / 1e6, relevant[slots[i].item], 2e-6,
                         "relevance", seed);
                    assert_int_equal(slots[i].model, slots[i].item < known ? 7 : 0);
                    assert_true(i == 0 || slots[i - 1].score_ppm >= slots[i].score_ppm);
                }
                for (size_t i = 0; i < n && a == ALGORITHM_RELEVANCE; i++)
                    given[slots[i].item] += exposure_of_rank((uint32_t)i + 1);
            }
        }
        struct epoch_exposure x = {.given = in_epoch, .popularity = by_popularity};
        assert_int_equal(allocator_epoch(with, &c.histories, &x), HEED_OK);
        for (size_t i = 0; i < ITEMS; i++)
            if (given[i] != in_epoch[i])
                fail_msg("seed %llu: item %zu has %llu in the epoch, %llu in feeds",
                         (unsigned long long)seed, i, (unsigned long long)in_epoch[i],
                         (unsigned long long)given[i]);
        allocator_free(with);
        stored_deinit(&m);
        crowd_deinit(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_what_a_naive_twin_keeps),
        cmocka_unit_test(factors_score_as_the_trained_model),
        cmocka_unit_test(counts_score_as_the_trained_blend_and_the_nearest_are_kept),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
        cmocka_unit_test(versions_come_back_and_damage_is_found),
        cmocka_unit_test(a_version_written_before_there_was_a_choice_has_its_first),
        cmocka_unit_test_teardown(a_load_says_when_memory_is_out, memory_returns),
        cmocka_unit_test(
            a_version_cut_short_of_another_catalogue_or_with_a_wrong_checksum_is_named),
        cmocka_unit_test(the_newest_and_the_one_in_use_are_kept),
        cmocka_unit_test(one_item_a_head_teaches_nothing),
        cmocka_unit_test(feeds_by_a_model_are_what_a_naive_twin_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
