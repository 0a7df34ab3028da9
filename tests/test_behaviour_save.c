/* Stored behaviour: the same state goes on from it; damage is an error, never a crash. */
#include "base/time.h"
#include "behaviour/pairs.h"
#include "support_acts.h"
#include "support_fault.h"
#include "support_saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void save(const void *x, struct sink *s)
{
    behaviour_save(x, s);
}
static enum heed_status load(void *x, struct source *s, struct heed_error *err)
{
    behaviour_init(x);
    return behaviour_load(x, s, err);
}
static void deinit(void *x)
{
    behaviour_deinit(x);
}
static void check(const void *x);

static const struct saved_kind KIND = {sizeof(struct behaviour), save, load, deinit, check};

static struct behaviour copy_of(const struct behaviour *b)
{
    struct strbuf bytes = saved_bytes(&KIND, b);
    struct behaviour copy;
    struct heed_error err = {0};
    size_t used;
    assert_int_equal(saved_load(&KIND, &copy, bytes.p, bytes.n, &used, &err), HEED_OK);
    assert_int_equal(used, bytes.n);
    strbuf_deinit(&bytes);
    return copy;
}

/* Every pair is found and is in its user's chain; counts of pairs agree; acts can go on.         */
static void check(const void *x)
{
    const struct behaviour *b = x;
    size_t chained = 0, reach = 0;
    for (uint32_t p = 0; p < b->pairs_n; p++)
        assert_ptr_equal(behaviour_pair(b, b->pairs[p].user, b->pairs[p].target), &b->pairs[p]);
    for (uint32_t user = 0; user < b->users_n; user++) {
        uint32_t length = 0;
        for (uint32_t p = b->users[user].head; p != HANDLE_NONE; p = b->pairs[p].next) {
            assert_int_equal(b->pairs[p].user, user);
            length++;
        }
        assert_int_equal(length, b->users[user].pairs);
        chained += length;
    }
    for (uint32_t kind = TARGET_USER; kind < TARGET_KINDS; kind++)
        for (size_t i = 0; i < b->targets[kind].n; i++)
            reach += b->targets[kind].rows[i].reach + b->targets[kind].rows[i].own;
    assert_int_equal(chained, b->pairs_n);
    assert_int_equal(reach, b->pairs_n);

    struct behaviour copy = copy_of(b);
    struct behaviour_rules r = acts_rules();
    struct acts a;
    acts_begin(&a, 3, true);
    for (int i = 0; i < 30; i++) {
        struct act act = acts_next(&a, &r);
        acts_apply(&copy, &r, &act);
    }
    behaviour_deinit(&copy);
}

static void step(struct behaviour *b, const struct behaviour_rules *r, struct acts *a)
{
    struct act act = acts_next(a, r);
    if (prng_below(&a->r, 10) == 0)
        assert_int_equal(behaviour_served(b, act.target), HEED_OK);
    acts_apply(b, r, &act);
}

static void a_loaded_state_goes_on_as_the_saved_one(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct behaviour a;
        struct acts acts;
        behaviour_init(&a);
        acts_begin(&acts, seed, seed % 2);
        for (int round = 0; round < 3; round++) {
            for (uint64_t i = prng_below(&acts.r, 400); i > 0; i--)
                step(&a, &r, &acts);
            struct behaviour b = copy_of(&a);
            struct acts again = acts;
            for (int i = 0; i <= 200; i++) {
                struct strbuf x = saved_bytes(&KIND, &a), y = saved_bytes(&KIND, &b);
                bool same = saved_equal(&x, &y);
                strbuf_deinit(&x);
                strbuf_deinit(&y);
                if (!same) {
                    print_error("seed %llu, round %d: differs %d acts after the load\n",
                                (unsigned long long)seed, round, i);
                    fail();
                }
                assert_int_equal(a.pairs_n, b.pairs_n);
                for (size_t p = 0; p < a.pairs_n; p++)
                    assert_memory_equal(&a.pairs[p], &b.pairs[p], sizeof a.pairs[p]);
                for (size_t u = 0; u < a.users_n; u++) {
                    assert_int_equal(a.users[u].head, b.users[u].head);
                    assert_int_equal(a.users[u].last_day, b.users[u].last_day);
                }
                step(&a, &r, &acts);
                step(&b, &r, &again);
            }
            behaviour_deinit(&b);
        }
        behaviour_deinit(&a);
    }
}

static void what_is_stored_loads_and_saves_to_the_same_bytes(void **state)
{
    (void)state;
    struct behaviour b;
    behaviour_init(&b);
    assert_round_trip(&KIND, &b);
    struct behaviour_rules r = acts_rules();
    /* the ends of what can be held */
    acts_apply(&b, &r, &(struct act){.target = target_make(TARGET_USER, 0)});
    struct act act = {.time_ms = TIME_MAX_MS,
                      .amount_milli = INT64_MAX,
                      .id_hash = UINT64_MAX,
                      .user = 70000,
                      .target = target_make(TARGET_CONTENT, 70000),
                      .verb = 4};
    acts_apply(&b, &r, &act);
    act = (struct act){.user = 70000, .amount_milli = INT64_MAX, .verb = 5};
    act.target = target_make(TARGET_SERVICE, 300);
    acts_apply(&b, &r, &act);
    acts_apply(&b, &r, &act);
    assert_int_equal(behaviour_user(&b, 70000)->dwell_milli, INT64_MAX);
    assert_int_equal(behaviour_pair(&b, 70000, target_make(TARGET_CONTENT, 70000))->weight_micro,
                     INT64_C(1000000000000000000)); /* as many units as one act may have */
    act.verb = 7;
    act.target = target_make(TARGET_GOOD, 5);
    r.verbs[7].max_units = INT64_MAX;
    for (int i = 0; i < 9; i++)
        acts_apply(&b, &r, &act);
    assert_int_equal(behaviour_pair(&b, 70000, act.target)->weight_micro, -(INT64_MAX / 4));
    assert_round_trip(&KIND, &b);
    behaviour_deinit(&b);
}

static void damage_is_found_or_harmless(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    r.dedup_max = 3;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct behaviour b;
        struct acts acts;
        behaviour_init(&b);
        acts_begin(&acts, seed, true);
        struct act act = {.amount_milli = 1000000, .target = target_make(TARGET_GOOD, 0)};
        for (int i = 0; i < 18; i++) { /* weights at both their ends */
            act.verb = i % 2 ? 6 : 7;
            act.user = act.verb;
            acts_apply(&b, &r, &act);
        }
        for (int i = 0; i < 12; i++)
            step(&b, &r, &acts);
        assert_damage_is_found_or_harmless(&KIND, &b);
        behaviour_deinit(&b);
    }
}

/* Bytes that are not damaged by chance but made to harm, each from its place in an empty state.  */
static void counts_that_lie_cost_nothing(void **state)
{
    (void)state;
    struct behaviour b;
    behaviour_init(&b);
    struct strbuf bytes = saved_bytes(&KIND, &b);
    /* users, four kinds of target, pairs: each a u64 count */
    for (size_t at = 0; at < 6 * 8; at += 8)
        for (int bits = 8; bits < 64; bits += 4) {
            char lie[8] = {0};
            lie[bits / 8] = (char)(1 << bits % 8);
            char kept[8];
            memcpy(kept, bytes.p + at, 8);
            memcpy(bytes.p + at, lie, 8);
            struct behaviour x;
            struct heed_error err = {0};
            size_t used;
            fault_fail_at(0);
            assert_int_equal(saved_load(&KIND, &x, bytes.p, bytes.n, &used, &err), HEED_INPUT);
            fault_off();
            assert_true(fault_count() < 40);
            assert_int_equal(x.users_cap + x.pairs_cap + x.pair_index_cap, 0);
            memcpy(bytes.p + at, kept, 8);
        }
    strbuf_deinit(&bytes);
}

static void what_acts_cannot_come_to_is_refused(void **state)
{
    (void)state;
    enum {
        PAIR_TWICE,
        LAST_BEFORE_FIRST,
        LAST_TOO_LATE,
        TARGET_TOO_LATE,
        PAIR_TOO_LATE,
        LATEST_TOO_LATE,
        ID_TOO_LATE,
        TOO_POPULAR,
        USER_UNKNOWN,
        TARGET_UNKNOWN,
        KIND_UNKNOWN,
        KIND_NONE,
        NOTHING_WRONG
    };
    struct behaviour_rules r = acts_rules();
    for (int wrong = PAIR_TWICE; wrong <= NOTHING_WRONG; wrong++) {
        struct behaviour b, x;
        bool seen;
        behaviour_init(&b);
        for (uint32_t i = 0; i < 2; i++)
            acts_apply(&b, &r,
                       &(struct act){.time_ms = DAY_MS, .target = target_make(TARGET_GOOD, i)});
        struct user_stats *u = &b.users[0];
        struct target_stats *t = b.targets[TARGET_GOOD].rows;
        switch (wrong) {
        case PAIR_TWICE:
            b.pairs[1].target = b.pairs[0].target;
            break;
        case LAST_BEFORE_FIRST:
            u->last_ms = u->first_ms - 1;
            break;
        case LAST_TOO_LATE:
            u->last_ms = TIME_MAX_MS + 1;
            break;
        case TARGET_TOO_LATE:
            t->last_ms = TIME_MAX_MS + 1;
            break;
        case PAIR_TOO_LATE:
            b.pairs[1].time_s = UINT32_MAX;
            break;
        case LATEST_TOO_LATE:
            b.latest_ms = TIME_MAX_MS + 1;
            break;
        case ID_TOO_LATE:
            assert_true(dedup_seen(&b, &r, 7, TIME_MAX_MS + 1, &seen));
            break;
        case TOO_POPULAR:
            t->popularity_micro = INT64_MAX / 4 + 1;
            break;
        case USER_UNKNOWN:
            b.pairs[1].user = 1;
            break;
        case TARGET_UNKNOWN:
            b.pairs[1].target++;
            break;
        case KIND_UNKNOWN:
            b.pairs[1].target = 5u << 28;
            break;
        case KIND_NONE:
            b.pairs[1].target = 0;
            break;
        default:
            break;
        }
        struct strbuf bytes = saved_bytes(&KIND, &b);
        struct heed_error err = {0};
        size_t used;
        enum heed_status status = saved_load(&KIND, &x, bytes.p, bytes.n, &used, &err);
        if (status != (wrong == NOTHING_WRONG ? HEED_OK : HEED_INPUT)) {
            print_error("case %d: status %d\n", wrong, (int)status);
            fail();
        }
        strbuf_deinit(&bytes);
        behaviour_deinit(&b);
        behaviour_deinit(&x);
    }
}

static void a_state_is_within_a_catalogue_that_has_all_it_names(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    struct behaviour b;
    behaviour_init(&b);
    struct catalogue c = {0};
    assert_true(behaviour_within(&b, &c));
    for (uint32_t kind = TARGET_USER; kind < TARGET_KINDS; kind++)
        acts_apply(&b, &r,
                   &(struct act){.user = 8, .target = target_make((enum target_kind)kind, kind)});
    c = (struct catalogue){.parties_n = 9, .contents_n = 3, .goods_n = 4, .services_n = 5};
    assert_true(behaviour_within(&b, &c));
    size_t *const counts[] = {&c.parties_n, &c.contents_n, &c.goods_n, &c.services_n};
    for (size_t i = 0; i < 4; i++) {
        --*counts[i];
        assert_false(behaviour_within(&b, &c));
        ++*counts[i];
    }
    acts_apply(&b, &r, &(struct act){.target = target_make(TARGET_USER, 9)});
    assert_false(behaviour_within(&b, &c));
    behaviour_deinit(&b);
}

/* ── memory runs out ── */

static void an_act_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    for (long n = 1;; n++) {
        struct behaviour b;
        struct acts a;
        behaviour_init(&b);
        acts_begin(&a, 9, true);
        enum heed_status status = HEED_OK;
        fault_fail_at(n);
        for (int i = 0; i < 400 && status == HEED_OK; i++) {
            struct act act = acts_next(&a, &r);
            bool duplicate;
            status = i % 10 ? behaviour_apply(&b, &r, &act, &duplicate)
                            : behaviour_served(&b, act.target);
        }
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        behaviour_deinit(&b);
        if (!fault_fired())
            break;
    }
}

static bool empty(const void *x)
{
    const struct behaviour *b = x;
    return b->users == NULL && b->pairs == NULL && b->dedup == NULL;
}

static void a_load_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    struct behaviour b;
    struct acts a;
    behaviour_init(&b);
    acts_begin(&a, 9, true);
    for (int i = 0; i < 400; i++)
        step(&b, &r, &a);
    assert_true(assert_load_says_when_memory_is_out(&KIND, &b, empty) > 3);
    behaviour_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_state_goes_on_as_the_saved_one),
        cmocka_unit_test(what_is_stored_loads_and_saves_to_the_same_bytes),
        cmocka_unit_test(damage_is_found_or_harmless),
        cmocka_unit_test_teardown(counts_that_lie_cost_nothing, memory_returns),
        cmocka_unit_test(what_acts_cannot_come_to_is_refused),
        cmocka_unit_test(a_state_is_within_a_catalogue_that_has_all_it_names),
        cmocka_unit_test_teardown(an_act_without_memory_says_so_and_leaks_nothing, memory_returns),
        cmocka_unit_test_teardown(a_load_without_memory_says_so_and_leaks_nothing, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
