/* Models brought up to new acts and new users, beside training anew and the equations of each.
 *
 * Inputs are drawn from seeds, which a failure prints. */
#include "support_fault.h"
#include "support_models.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What `before` becomes: `more` users with acts at this rate, and about one in `one_in` of its
 * pairs gained or lost among the users below `touched`. */
static void grow(struct drawn *now, const struct drawn *before, uint64_t seed, size_t more,
                 size_t touched, size_t one_in, double fill)
{
    struct prng r;
    prng_seed(&r, seed);
    size_t old = before->users.rows, rows = old + more, items = before->users.columns;
    uint64_t n = 0;
    now->x = calloc(rows * items + 1, sizeof *now->x);
    assert_non_null(now->x);
    assert_int_equal(sparse_init(&now->users, rows, items, rows * items, false), HEED_OK);
    for (size_t u = 0; u < rows; u++) {
        for (size_t i = 0; i < items; i++) {
            double was = u < old ? before->x[u * items + i] : prng_double(&r) < fill;
            double is = u < touched && u < old && prng_below(&r, one_in) == 0 ? 1 - was : was;
            now->x[u * items + i] = is;
            if (is == 1)
                now->users.column[n++] = (uint32_t)i;
        }
        now->users.at[u + 1] = n;
    }
    assert_int_equal(sparse_transpose(&now->users, &now->items), HEED_OK);
    now->training = before->training;
    now->training.users = &now->users;
    now->training.items = &now->items;
}

static void update(const struct model_spec *spec, void *model, const struct drawn *before,
                   const struct drawn *now)
{
    struct model_change change;
    struct heed_error err = {0};
    assert_int_equal(model_change_find(&before->users, &now->users, &change), HEED_OK);
    if (model_update(spec->kind, model, &now->training, &change, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    model_change_deinit(&change);
}

enum { ITEMS = 23 };

static void score_of(const struct model_spec *spec, const void *model, const struct drawn *d,
                     size_t u, double *score)
{
    assert_int_equal(spec->kind->score(model, u, sparse_row(&d->users, u), score), HEED_OK);
}

static bool same_scores(const struct model_spec *spec, const void *a, const void *b,
                        const struct drawn *d)
{
    for (size_t u = 0; u < d->users.rows; u++) {
        double one[ITEMS], other[ITEMS];
        score_of(spec, a, d, u, one);
        score_of(spec, b, d, u, other);
        if (memcmp(one, other, sizeof one) != 0)
            return false;
    }
    return true;
}

static void what_changed_is_found(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct drawn before, now;
        struct model_change c;
        draw(&before, seed, 12, ITEMS, .2);
        grow(&now, &before, seed, seed % 3, seed % 13, 1 + seed % 9, .2);
        assert_int_equal(model_change_find(&before.users, &now.users, &c), HEED_OK);
        size_t pairs = 0, users = 0, items = 0;
        for (size_t u = 0; u < now.users.rows; u++) {
            size_t mine = 0, listed = 0;
            for (size_t i = 0; i < ITEMS; i++)
                mine += now.x[u * ITEMS + i] != (u < 12 ? before.x[u * ITEMS + i] : 0);
            for (size_t i = 0; i < c.users_n; i++)
                listed += c.users[i] == u;
            assert_int_equal(listed, mine > 0);
            pairs += mine;
            users += mine > 0;
        }
        for (size_t i = 0; i < ITEMS; i++) {
            size_t mine = 0, listed = 0;
            for (size_t u = 0; u < now.users.rows; u++)
                mine += now.x[u * ITEMS + i] != (u < 12 ? before.x[u * ITEMS + i] : 0);
            for (size_t k = 0; k < c.items_n; k++)
                listed += c.items[k] == i;
            assert_int_equal(listed, mine > 0);
            items += mine > 0;
        }
        assert_int_equal(c.pairs, pairs);
        assert_int_equal(c.users_n, users);
        assert_int_equal(c.items_n, items);
        model_change_deinit(&c);
        undraw(&before);
        undraw(&now);
    }
}

static void an_exact_update_is_training_anew(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *params;
    } rows[] = {{"popularity", ""},
                {"random", ""},
                {"knn", "neighbours=3"},
                {"knn", "neighbours=1,shrink=2"},
                {"knn", "neighbours=40"},
                {"ease", "renew=0,lambda=2"},
                {"ease", "renew=0,lambda=2,neighbours=5"},
                {"blend", "renew=0,neighbours=6"}};
    for (size_t m = 0; m < sizeof rows / sizeof *rows; m++)
        for (uint64_t seed = 1; seed <= 12; seed++) {
            struct drawn day[4];
            struct model_spec spec = spec_of(rows[m].name, rows[m].params);
            draw(&day[0], seed, 30, ITEMS, .15);
            void *model = trained(&day[0], &spec);
            /* a user at a time, then new ones, then many changes at once */
            for (size_t n = 1; n < 4; n++) {
                grow(&day[n], &day[n - 1], seed * 10 + n, n == 2 ? 2 : 0, n == 3 ? 30 : 1,
                     n == 3 ? 20 : 8, .15);
                update(&spec, model, &day[n - 1], &day[n]);
                void *anew = trained(&day[n], &spec);
                if (!same_scores(&spec, model, anew, &day[n]))
                    fail_msg("%s %s: step %zu differs from training anew (seed %llu)", rows[m].name,
                             rows[m].params, n, (unsigned long long)seed);
                spec.kind->free(anew);
            }
            spec.kind->free(model);
            for (size_t n = 0; n < 4; n++)
                undraw(&day[n]);
        }
}

static void a_lazy_update_waits_until_enough_has_changed(void **unused)
{
    (void)unused;
    static const char *const names[] = {"ease", "blend"};
    for (size_t m = 0; m < 2; m++) {
        enum { STEPS = 40 };
        struct drawn day[STEPS];
        struct model_spec spec = spec_of(names[m], "renew=.1,neighbours=0");
        draw(&day[0], 7, 30, ITEMS, .2);
        void *model = trained(&day[0], &spec), *last = trained(&day[0], &spec);
        uint64_t owed = 0;
        size_t renewed = 0, n = 1;
        for (; n < STEPS && renewed < 2; n++) {
            struct model_change c;
            grow(&day[n], &day[n - 1], 70 + n, n % 3 == 0, 2, 12, .2);
            assert_int_equal(model_change_find(&day[n - 1].users, &day[n].users, &c), HEED_OK);
            owed += c.pairs;
            model_change_deinit(&c);
            update(&spec, model, &day[n - 1], &day[n]);
            if ((double)owed > .1 * (double)sparse_count(&day[n].users)) {
                spec.kind->free(last);
                last = trained(&day[n], &spec);
                owed = 0;
                renewed++;
            }
            if (!same_scores(&spec, model, last, &day[n]))
                fail_msg("%s: step %zu has other weights than those last made", names[m], n);
        }
        assert_int_equal(renewed, 2);
        spec.kind->free(last);
        spec.kind->free(model);
        while (n > 0)
            undraw(&day[--n]);
    }
}

/* |(sum of c f f' + ridge) x - sum of f of what is there| for one row of iALS.                   */
static double residual(const double *x, const double *other, size_t n, size_t d,
                       const double *there, size_t stride, const struct model_spec *spec)
{
    enum { LAMBDA = 1, ALPHA = 2, NU = 3 };
    double error[8] = {0}, count = 0;
    for (size_t i = 0; i < n; i++) {
        double y = 0;
        for (size_t f = 0; f < d; f++)
            y += x[f] * other[i * d + f];
        count += there[i * stride];
        for (size_t f = 0; f < d; f++)
            error[f] += ((there[i * stride] + spec->param[ALPHA]) * y - there[i * stride]) *
                        other[i * d + f];
    }
    double worst = 0, ridge = spec->param[LAMBDA] *
                              pow(count + spec->param[ALPHA] * (double)n, spec->param[NU]);
    for (size_t f = 0; f < d; f++)
        worst = fmax(worst, fabs(error[f] + ridge * x[f]));
    return worst;
}

static void ials_folds_in_who_changed_and_leaves_the_rest(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        enum { USERS = 40, MORE = 3, D = 5 };
        struct drawn before, now;
        struct model_change c;
        struct model_spec spec = spec_of("ials", "factors=5,iterations=3,lambda=.05");
        draw(&before, seed, USERS, ITEMS, .2);
        grow(&now, &before, seed + 50, MORE, 2, 8, .02 + .02 * (double)seed);
        void *model = trained(&before, &spec);
        struct ials_view v = ials_view(model);
        double users[USERS * D], items[ITEMS * D];
        memcpy(users, v.users, sizeof users);
        memcpy(items, v.items, sizeof items);
        update(&spec, model, &before, &now);
        v = ials_view(model);
        assert_int_equal(model_change_find(&before.users, &now.users, &c), HEED_OK);
        for (size_t u = 0, next = 0; u < USERS + MORE; u++) {
            const double *x = v.users + u * D;
            if (next < c.users_n && c.users[next] == u) {
                next++; /* solved for, given the items as they were */
                near(residual(x, items, ITEMS, D, now.x + u * ITEMS, 1, &spec), 0, 1e-5, "user",
                     seed);
            } else if (u < USERS) {
                assert_memory_equal(x, users + u * D, D * sizeof *x);
            }
        }
        for (size_t i = 0; i < ITEMS; i++) {
            bool changed = false;
            for (size_t k = 0; k < c.items_n; k++)
                changed = changed || c.items[k] == i;
            if (changed)
                near(residual(v.items + i * D, v.users, USERS + MORE, D, now.x + i, ITEMS, &spec),
                     0, 1e-5, "item", seed);
            else
                assert_memory_equal(v.items + i * D, items + i * D, D * sizeof *items);
        }
        /* with every user solved for again, scores are the products of the factors */
        uint32_t everyone[USERS + MORE];
        for (uint32_t u = 0; u < USERS + MORE; u++)
            everyone[u] = u;
        const struct model_change again = {.users = everyone, .users_n = USERS + MORE};
        assert_int_equal(model_update(spec.kind, model, &now.training, &again, NULL), HEED_OK);
        v = ials_view(model);
        for (size_t u = 0; u < USERS + MORE; u++) {
            double score[ITEMS];
            score_of(&spec, model, &now, u, score);
            for (size_t i = 0; i < ITEMS; i++) {
                double y = 0;
                for (size_t k = 0; k < D; k++)
                    y += v.users[u * D + k] * v.items[i * D + k];
                near(score[i], y, 1e-5, "score", seed);
            }
        }
        model_change_deinit(&c);
        spec.kind->free(model);
        undraw(&before);
        undraw(&now);
    }
}

static void what_cannot_be_updated_is_named(void **unused)
{
    (void)unused;
    static const char *const names[] = {"popularity", "knn", "ease", "ials", "blend"};
    struct drawn before, wider;
    struct heed_error err = {0};
    const struct model_change none = {0};
    draw(&before, 3, 10, ITEMS, .3);
    draw(&wider, 3, 10, ITEMS + 1, .3);
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        struct model_spec spec = spec_of(names[m], "");
        void *model = trained(&before, &spec);
        assert_int_equal(model_update(spec.kind, model, &wider.training, &none, &err), HEED_RANGE);
        assert_non_null(strstr(err.message, "trained on 23 items and there are 24: train it anew"));
        spec.kind->free(model);
    }
    const struct model_kind fixed = {.name = "fixed"};
    assert_int_equal(model_update(&fixed, NULL, &before.training, &none, &err), HEED_USAGE);
    assert_non_null(strstr(err.message, "train it anew"));
    undraw(&before);
    undraw(&wider);
}

static void an_update_that_fails_leaves_the_model_as_it_was(void **unused)
{
    (void)unused;
    static const char *const names[] = {"popularity", "knn", "ease", "ials", "blend"};
    struct drawn before, now;
    draw(&before, 9, 20, ITEMS, .2);
    grow(&now, &before, 10, 2, 5, 6, .2);
    before.training.threads = now.training.threads = 1;
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        struct model_spec spec = spec_of(names[m], "");
        void *model = trained(&before, &spec), *twin = trained(&before, &spec);
        for (long nth = 1;; nth++) {
            struct model_change c = {0};
            struct heed_error err = {0};
            fault_fail_at(nth);
            enum heed_status status = model_change_find(&before.users, &now.users, &c);
            if (status == HEED_OK)
                status = model_update(spec.kind, model, &now.training, &c, &err);
            fault_off();
            model_change_deinit(&c);
            if (!fault_fired())
                break;
            assert_int_equal(status, HEED_NOMEM);
            assert_true(same_scores(&spec, model, twin, &now));
        }
        assert_false(same_scores(&spec, model, twin, &now));
        spec.kind->free(model);
        spec.kind->free(twin);
    }
    undraw(&now);
    undraw(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changed_is_found),
        cmocka_unit_test(an_exact_update_is_training_anew),
        cmocka_unit_test(a_lazy_update_waits_until_enough_has_changed),
        cmocka_unit_test(ials_folds_in_who_changed_and_leaves_the_rest),
        cmocka_unit_test(what_cannot_be_updated_is_named),
        cmocka_unit_test(an_update_that_fails_leaves_the_model_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
