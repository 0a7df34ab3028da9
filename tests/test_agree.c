/* Reviewers who disagree: the anaesthetists of the paper, a naive twin, and what cannot be
 * answered. */
#include "quality/agree.h"

#include "base/prng.h"
#include "support_fault.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LABELS_MAX = 4096 };

static void assert_near(double got, double expected, double tolerance, const char *what)
{
    if (!(fabs(got - expected) <= tolerance)) {
        print_error("%s: expected %.12g, got %.12g\n", what, expected, got);
        fail();
    }
}

static void fit(const struct agree_labels *in, enum agree_model model, uint32_t most,
                struct agree_fit *f)
{
    struct heed_error err = {0};
    if (agree_fit(in, model, most, f, &err) != HEED_OK) {
        print_error("%s: %s\n", err.where, err.message);
        fail();
    }
}

/* ── published answers ───────────────────────────────────────────────────────────────────────── */

/* A. P. Dawid, A. M. Skene, JRSS C 28 (1979) 20, table 1: 45 patients' fitness for anaesthesia,
 * from 1 to 4, judged three times by the first anaesthetist and once by each of four others. */
static const char *const PATIENTS[45] = {
    "1111111", "3334334", "1122122", "2223121", "2223222", "2223322", "1222111", "3333433",
    "2222223", "2322223", "4444444", "2223343", "1111111", "2223212", "1211111", "1112111",
    "1111111", "1111111", "2222221", "2221322", "2222222", "2222221", "2223222", "2212222",
    "1111111", "1111111", "2322222", "1111111", "1111111", "1121121", "1111111", "3333233",
    "1111111", "2222222", "2223232", "4334343", "2212232", "2323233", "3333432", "1111111",
    "1111111", "1212111", "2322222", "1211111", "2222222",
};

static struct agree_labels anaesthetists(struct agree_label *labels)
{
    size_t n = 0;
    for (uint32_t t = 0; t < 45; t++)
        for (uint32_t i = 0; i < 7; i++)
            labels[n++] =
                (struct agree_label){i < 3 ? 0 : i - 2, t, (uint32_t)(PATIENTS[t][i] - '1')};
    return (struct agree_labels){labels, n, 5, 45, 4};
}

static void the_anaesthetists_come_out_as_printed(void **state)
{
    /* The paper's p, and its tables of error rates and of patients, as the public test of another
     * implementation types them off (algorithms.dawidskene, DawidSkeneAlgorithmTest.java). */
    static const double prior[4] = {.40, .42, .11, .07};
    static const double printed[5][4][4] = {
        {{.89, .11, 0, 0}, {.07, .88, .05, 0}, {0, .34, .66, 0}, {0, 0, .56, .44}},
        {{.83, .17, 0, 0}, {.05, .63, .31, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}},
        {{1, 0, 0, 0}, {.11, .79, .11, 0}, {0, .40, .20, .40}, {0, 0, .67, .33}},
        {{.94, .06, 0, 0}, {.05, .84, .10, 0}, {0, 0, .80, .20}, {0, 0, .33, .67}},
        {{1, 0, 0, 0}, {.16, .73, .11, 0}, {0, .21, .79, 0}, {0, 0, .33, .67}},
    };
    /* The class that is nearly sure; of 7, 35 and 38 with .98, .95 and .98, of all others 1.00. */
    static const char classes[] = "142222132243"
                                  "121111"
                                  "222222"
                                  "1121111"
                                  "31224233111212";
    /* Error rates, by anaesthetist and true class: equations 2.3 to 2.5 multiplied out, without
     * logarithms, in Python over the same table. */
    static const double errors[5][4][4] = {
        {{.8895, .1105, 0, 0}, {.0706, .8764, .053, 0}, {0, .3388, .6612, 0}, {0, 0, .5556, .4444}},
        {{.8342, .1658, 0, 0}, {.0527, .6329, .3143, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}},
        {{1, 0, 0, 0}, {.1064, .7883, .1053, 0}, {0, .4037, .1988, .3976}, {0, 0, .6667, .3333}},
        {{.9444, .0556, 0, 0},
         {.0537, .8426, .1037, 0},
         {0, 0, .8012, .1988},
         {0, 0, .3333, .6667}},
        {{1, 0, 0, 0}, {.159, .7345, .1064, 0}, {0, .2091, .7909, 0}, {0, 0, .3333, .6667}},
    };
    /* Of all patients only these are less sure than .9998; from the same. */
    static const struct {
        uint32_t patient, class;
        double posterior;
    } unsure[] = {{7, 0, .98102}, {30, 0, .999146}, {35, 1, .947995}, {38, 2, .9788}};
    struct agree_label labels[45 * 7];
    struct agree_labels in = anaesthetists(labels);
    struct agree_fit f;
    (void)state;
    fit(&in, AGREE_DAWID_SKENE, 0, &f);
    assert_true(f.converged);
    assert_near(f.loglik, -192.89088121478667, 1e-8, "log-likelihood (the same)");
    for (int j = 0; j < 4; j++)
        assert_near(f.prior[j], prior[j], .005, "prior");
    for (int k = 0; k < 5; k++)
        for (int j = 0; j < 4; j++)
            for (int l = 0; l < 4; l++) {
                double rate = f.errors[(k * 4 + j) * 4 + l];
                assert_near(rate, printed[k][j][l], .005, "error rate as printed");
                assert_near(rate, errors[k][j][l], .00006, "error rate");
            }
    for (size_t t = 0; t < 45; t++) {
        double sure = t + 1 == 35 ? .95 : t + 1 == 7 || t + 1 == 38 ? .98 : 1;
        assert_int_equal(f.label[t], classes[t] - '1');
        assert_near(f.posterior[t * 4 + f.label[t]], sure, .005, "patient as printed");
    }
    size_t less_sure = 0;
    for (size_t t = 0; t < 45; t++)
        less_sure += f.posterior[t * 4 + f.label[t]] < .9998;
    assert_int_equal(less_sure, 4);
    for (size_t i = 0; i < 4; i++) {
        size_t t = unsure[i].patient - 1;
        assert_int_equal(f.label[t], unsure[i].class);
        assert_near(f.posterior[t * 4 + unsure[i].class], unsure[i].posterior, .000006, "patient");
    }
    agree_fit_deinit(&f);
}

/* Skills are counted by hand: votes make a b b; reviewer 0 agrees in 2 of 3, 1 in all, 2 in 1 of 2,
 * 3 in 0 of 1. So target 2 is 2/3 : 1, and target 3, a tie of votes, goes to 1's label. */
static void wawa_weighs_votes_by_agreement_with_the_majority(void **state)
{
    static const struct agree_label labels[] = {
        {0, 0, 0}, {1, 0, 0}, {2, 0, 1}, {0, 1, 1}, {1, 1, 1}, {2, 1, 1},
        {0, 2, 0}, {1, 2, 1}, {3, 2, 1}, {1, 3, 0}, {3, 3, 1},
    };
    struct agree_labels in = {labels, sizeof labels / sizeof labels[0], 4, 4, 2};
    struct agree_fit f;
    (void)state;
    fit(&in, AGREE_MAJORITY, 0, &f);
    assert_int_equal(f.iterations, 0);
    assert_true(isnan(f.loglik));
    assert_near(f.posterior[0], 2 / 3., 1e-12, "target 0 by majority");
    assert_near(f.posterior[2 * 2 + 1], 2 / 3., 1e-12, "target 2 by majority");
    assert_near(f.posterior[3 * 2], .5, 1e-12, "a tie");
    assert_int_equal(f.label[3], 0); /* the first class */
    assert_near(f.prior[0], (2 / 3. + 0 + 1 / 3. + .5) / 4, 1e-12, "prior by majority");
    agree_fit_deinit(&f);

    fit(&in, AGREE_WAWA, 0, &f);
    static const double skill[4] = {2 / 3., 1, .5, .5};
    for (int k = 0; k < 4; k++)
        assert_near(f.skill[k], skill[k], 1e-12, "skill");
    assert_near(f.posterior[0], (2 / 3. + 1) / (2 / 3. + 1 + .5), 1e-12, "target 0 by wawa");
    assert_near(f.posterior[2 * 2 + 1], 1.5 / (1.5 + 2 / 3.), 1e-12, "target 2 by wawa");
    assert_near(f.posterior[3 * 2], 1 / 1.5, 1e-12, "target 3 by wawa");
    /* of class 0 (targets 0 and 3) reviewer 3 called one, target 3, and called it 1 */
    assert_near(f.errors[(3 * 2 + 0) * 2 + 1], 1, 1e-12, "errors by wawa");
    agree_fit_deinit(&f);
}

/* ── a naive twin ────────────────────────────────────────────────────────────────────────────── */

enum { K = 6, I = 20, J = 4 };

struct naive {
    int counts[I][K][J];
    double post[I][J], prior[J], errors[K][J][J], loglik;
};

static void naive_round(struct naive *m)
{
    m->loglik = 0;
    for (int j = 0; j < J; j++) {
        m->prior[j] = 0;
        for (int i = 0; i < I; i++)
            m->prior[j] += m->post[i][j] / I;
        for (int k = 0; k < K; k++) {
            double all = 0;
            for (int l = 0; l < J; l++) {
                m->errors[k][j][l] = 0;
                for (int i = 0; i < I; i++)
                    m->errors[k][j][l] += m->post[i][j] * m->counts[i][k][l];
                all += m->errors[k][j][l];
            }
            for (int l = 0; l < J; l++)
                m->errors[k][j][l] = all > 0 ? m->errors[k][j][l] / all : 0;
        }
    }
    for (int i = 0; i < I; i++) {
        double likelihood[J], all = 0;
        for (int j = 0; j < J; j++) {
            likelihood[j] = m->prior[j];
            for (int k = 0; k < K; k++)
                for (int l = 0; l < J; l++)
                    likelihood[j] *= pow(m->errors[k][j][l], m->counts[i][k][l]);
            all += likelihood[j];
        }
        for (int j = 0; j < J; j++)
            m->post[i][j] = likelihood[j] / all;
        m->loglik += log(all);
    }
}

static size_t random_labels(struct prng *r, struct agree_label *labels, struct naive *m)
{
    size_t n = 0;
    *m = (struct naive){0};
    for (uint32_t i = 0; i < I; i++) {
        uint32_t truth = (uint32_t)prng_below(r, J), given = 0;
        for (uint32_t k = 0; k < K; k++)
            for (uint64_t times = prng_below(r, 4); times > 1 || (k == K - 1 && !given); times--) {
                uint32_t l = prng_below(r, K) > k ? truth : (uint32_t)prng_below(r, J);
                labels[n++] = (struct agree_label){k, i, l};
                m->counts[i][k][l]++;
                m->post[i][l]++;
                given++;
                if (times <= 1)
                    break;
            }
        for (int j = 0; j < J; j++)
            m->post[i][j] /= given;
    }
    for (size_t i = n; i > 1; i--) { /* the order of rows says nothing */
        size_t at = (size_t)prng_below(r, i);
        struct agree_label l = labels[at];
        labels[at] = labels[i - 1];
        labels[i - 1] = l;
    }
    return n;
}

static void em_is_the_naive_twins(void **state)
{
    static struct agree_label labels[LABELS_MAX];
    static struct naive m;
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct prng r;
        struct agree_fit f;
        prng_seed(&r, seed);
        struct agree_labels in = {labels, random_labels(&r, labels, &m), K, I, J};
        uint32_t rounds = 1 + (uint32_t)prng_below(&r, 40);
        fit(&in, AGREE_DAWID_SKENE, rounds, &f);
        assert_true(f.iterations == rounds || (f.iterations < rounds && f.converged));
        double before = -INFINITY, worst = 0;
        for (uint32_t i = 0; i < f.iterations; i++) {
            naive_round(&m);
            if (m.loglik < before - 1e-9)
                print_error("seed %llu: the likelihood fell\n", (unsigned long long)seed);
            before = m.loglik;
        }
        for (size_t i = 0; i < I * J; i++)
            worst = fmax(worst, fabs(f.posterior[i] - m.post[i / J][i % J]));
        for (size_t i = 0; i < K * J * J; i++)
            worst = fmax(worst, fabs(f.errors[i] - m.errors[i / (J * J)][i / J % J][i % J]));
        for (size_t j = 0; j < J; j++)
            worst = fmax(worst, fabs(f.prior[j] - m.prior[j]));
        worst = fmax(worst, fabs(f.loglik - m.loglik));
        if (!(worst < 1e-9)) {
            print_error("seed %llu: differs by %g\n", (unsigned long long)seed, worst);
            fail();
        }
        agree_fit_deinit(&f);
    }
}

/* A target with thousands of labels has a likelihood far below what a double can hold. */
static void thousands_of_labels_of_one_target_do_not_underflow(void **state)
{
    static struct agree_label labels[LABELS_MAX];
    struct agree_fit f;
    (void)state;
    for (uint32_t i = 0; i < LABELS_MAX; i++)
        labels[i] = (struct agree_label){i % 64, i / 64 % 2, (i / 128 % 3 == 0) ^ (i / 64 % 2)};
    struct agree_labels in = {labels, LABELS_MAX, 64, 2, 2};
    fit(&in, AGREE_DAWID_SKENE, 0, &f);
    assert_true(f.converged && isfinite(f.loglik) && f.loglik < -1000);
    assert_near(f.posterior[0], 1, 1e-9, "target 0");
    assert_near(f.posterior[3], 1, 1e-9, "target 1");
    agree_fit_deinit(&f);
}

static void a_reviewer_who_saw_none_of_a_class_has_a_row_of_zeros(void **state)
{
    static const struct agree_label labels[] = {
        {0, 0, 0}, {1, 0, 0}, {0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {0, 2, 0}, {1, 2, 0},
    };
    struct agree_labels in = {labels, 7, 3, 3, 2};
    struct agree_fit f;
    (void)state;
    fit(&in, AGREE_DAWID_SKENE, 0, &f);
    assert_true(f.errors[2 * 4 + 0] == 0 && f.errors[2 * 4 + 1] == 0);
    assert_near(f.errors[2 * 4 + 3], 1, 1e-12, "of what he saw");
    agree_fit_deinit(&f);
}

/* ── what cannot be answered ─────────────────────────────────────────────────────────────────── */

static void what_cannot_be_answered_is_named(void **state)
{
    static const struct agree_label one[] = {{0, 0, 0}, {0, 1, 1}},
                                    equal[] = {{0, 0, 0}, {1, 0, 0}},
                                    gap[] = {{0, 0, 0}, {1, 0, 1}}, wild[] = {{0, 0, 0}, {1, 7, 1}};
    static const struct {
        struct agree_labels in;
        enum heed_status status;
        const char *says;
    } rows[] = {
        {{NULL, 0, 0, 0, 0}, HEED_INPUT, "the file has no label"},
        {{one, 2, 1, 2, 2}, HEED_INPUT, "one reviewer"},
        {{one, 2, 3, 2, 2}, HEED_INPUT, "one reviewer"},
        {{equal, 2, 2, 1, 1}, HEED_INPUT, "all labels are equal"},
        {{equal, 2, 2, 1, 3}, HEED_INPUT, "all labels are equal"},
        {{gap, 2, 2, 2, 2}, HEED_INPUT, "has no label"},
        {{wild, 2, 2, 2, 2}, HEED_RANGE, "label 1"},
        {{gap, 2, 2, 1, 100000}, HEED_RANGE, "not free text"},
        {{gap, 2, SIZE_MAX / 2, SIZE_MAX / 2, SIZE_MAX / 2}, HEED_RANGE, "not free text"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int model = 0; model < AGREE_MODELS; model++) {
            struct heed_error err = {0};
            struct agree_fit f;
            assert_int_equal(agree_fit(&rows[i].in, (enum agree_model)model, 0, &f, &err),
                             rows[i].status);
            if (!strstr(err.message, rows[i].says)) {
                print_error("row %zu says: %s\n", i, err.message);
                fail();
            }
            assert_null(f.posterior);
        }
}

/* Reviewers a b c d, targets 0 …; each row of who labelled them. */
static void reviewers_whom_no_target_connects_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *targets[5];
        size_t groups, alone;
    } rows[] = {
        {{"a", "a", "b", "b", ""}, 2, 2},    {{"ab", "ab", "", "", ""}, 1, 0},
        {{"ab", "cd", "", "", ""}, 2, 0},    {{"ab", "cd", "bc", "", ""}, 1, 0},
        {{"a", "ab", "c", "d", "bd"}, 2, 1}, {{"ad", "bc", "ca", "", ""}, 1, 0},
        {{"a", "b", "c", "d", ""}, 4, 4},    {{"a", "b", "ab", "c", ""}, 2, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int model = 0; model < AGREE_MODELS; model++) {
            struct agree_label labels[16];
            size_t n = 0, targets = 0, reviewers = 0;
            for (uint32_t t = 0; t < 5 && *rows[i].targets[t]; t++, targets++)
                for (const char *p = rows[i].targets[t]; *p; p++) {
                    labels[n++] = (struct agree_label){(uint32_t)(*p - 'a'), t, t % 2};
                    reviewers =
                        (size_t)(*p - 'a') + 1 > reviewers ? (size_t)(*p - 'a') + 1 : reviewers;
                }
            const struct agree_labels in = {labels, n, reviewers, targets, 2};
            struct agree_fit f;
            fit(&in, (enum agree_model)model, 0, &f);
            if (f.groups != rows[i].groups || f.alone != rows[i].alone)
                fail_msg("row %zu: %zu groups, %zu alone", i, f.groups, f.alone);
            agree_fit_deinit(&f);
        }
}

static void any_allocation_may_fail(void **state)
{
    struct agree_label labels[45 * 7];
    struct agree_labels in = anaesthetists(labels);
    (void)state;
    for (int model = 0; model < AGREE_MODELS; model++)
        for (long n = 1;; n++) {
            struct agree_fit f;
            struct heed_error err = {0};
            fault_fail_at(n);
            enum heed_status status = agree_fit(&in, (enum agree_model)model, 0, &f, &err);
            fault_off();
            assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
            agree_fit_deinit(&f);
            if (!fault_fired())
                break;
        }
}

static void names_go_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < AGREE_MODELS; i++)
        assert_int_equal(agree_model_of_name(str_of(agree_model_name((enum agree_model)i))), i);
    assert_int_equal(agree_model_of_name(STR("dawid")), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_anaesthetists_come_out_as_printed),
        cmocka_unit_test(wawa_weighs_votes_by_agreement_with_the_majority),
        cmocka_unit_test(em_is_the_naive_twins),
        cmocka_unit_test(thousands_of_labels_of_one_target_do_not_underflow),
        cmocka_unit_test(a_reviewer_who_saw_none_of_a_class_has_a_row_of_zeros),
        cmocka_unit_test(what_cannot_be_answered_is_named),
        cmocka_unit_test(reviewers_whom_no_target_connects_are_counted),
        cmocka_unit_test_teardown(any_allocation_may_fail, memory_returns),
        cmocka_unit_test(names_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
