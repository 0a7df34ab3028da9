/* The strongest preferences of a user, against a twin that asks for every pair and sorts plainly.
 */
#include "support_acts.h"
#include "support_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CATEGORIES = 4, KEYS = TARGET_KINDS * ACT_TARGETS };

/* What is in what category, and whose it is; the catalogue is told the same.                     */
struct shelf {
    struct catalogue catalogue;
    uint32_t category[TARGET_KINDS][ACT_TARGETS], owner[TARGET_KINDS][ACT_TARGETS];
};

static void shelf_fill(struct shelf *x, struct prng *r)
{
    uint32_t handle;
    catalogue_init(&x->catalogue);
    for (int i = 0; i < CATEGORIES; i++)
        intern_add(&x->catalogue.symbols, (struct str){&"abcd"[i], 1});
    for (int i = 0; i < ACT_USERS; i++)
        assert_int_equal(
            catalogue_add_party(&x->catalogue, &(struct party){.flags = PARTY_USER}, &handle),
            HEED_OK);
    for (uint32_t kind = TARGET_USER; kind < TARGET_KINDS; kind++)
        for (uint32_t i = 0; i < ACT_TARGETS; i++) {
            uint32_t category = (uint32_t)prng_below(r, CATEGORIES + 1);
            uint32_t owner = (uint32_t)prng_below(r, ACT_USERS + 1);
            category = category < CATEGORIES ? category : HANDLE_NONE;
            owner = owner < ACT_USERS ? owner : HANDLE_NONE;
            struct str id = {&"0123456789"[i], 1};
            enum heed_status status = HEED_OK;
            if (kind == TARGET_USER) {
                category = HANDLE_NONE;
                owner = i;
            } else if (kind == TARGET_CONTENT) {
                owner = owner == HANDLE_NONE ? 0 : owner;
                struct content c = {.creator = owner,
                                    .good = HANDLE_NONE,
                                    .kind = HANDLE_NONE,
                                    .category = category};
                status = catalogue_add_content(&x->catalogue, id, &c, &handle);
            } else {
                struct good g = {
                    .price_minor = -1, .stock = -1, .seller = owner, .category = category};
                status = catalogue_add_good(&x->catalogue, kind == TARGET_SERVICE, id, &g, &handle);
            }
            assert_int_equal(status, HEED_OK);
            x->category[kind][i] = category;
            x->owner[kind][i] = owner;
        }
}

static size_t twin_preferences(const struct behaviour *b, const struct behaviour_rules *r,
                               const struct shelf *x, uint32_t user, enum preference_over over,
                               struct preference *out)
{
    size_t n = 0;
    const struct user_stats *u = behaviour_user(b, user);
    int64_t newest_ms = u ? u->last_ms : 0;
    for (uint32_t kind = TARGET_USER; kind < TARGET_KINDS; kind++)
        for (uint32_t i = 0; i < ACT_TARGETS; i++) {
            uint32_t target = target_make((enum target_kind)kind, i);
            const struct pair *p = behaviour_pair(b, user, target);
            uint32_t key = over == PREFER_TARGETS      ? target
                           : over == PREFER_CATEGORIES ? x->category[kind][i]
                                                       : x->owner[kind][i];
            if (!p || key == HANDLE_NONE)
                continue;
            size_t at = 0;
            while (at < n && out[at].key != key)
                at++;
            if (at == n)
                out[n++] = (struct preference){key, 0};
            out[at].weight_micro += behaviour_decay(
                p->weight_micro, newest_ms - (int64_t)p->time_s * 1000, r->half_life_ms);
        }
    for (size_t i = 0; i < n; i++) /* the best of what is left, in turn */
        for (size_t j = i + 1; j < n; j++)
            if (out[j].weight_micro > out[i].weight_micro ||
                (out[j].weight_micro == out[i].weight_micro && out[j].key < out[i].key)) {
                struct preference held = out[i];
                out[i] = out[j];
                out[j] = held;
            }
    for (size_t i = 0; i < n; i++)
        out[i].weight_micro =
            behaviour_decay(out[i].weight_micro, b->latest_ms - newest_ms, r->half_life_ms);
    return n;
}

static void the_strongest_agree_with_sorting_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct behaviour_rules r = acts_rules();
        struct behaviour b;
        struct acts a;
        struct shelf x;
        behaviour_init(&b);
        acts_begin(&a, seed, false);
        shelf_fill(&x, &a.r);
        if (seed % 4 == 0) /* likes at one moment only, so that weights tie */
            r.verbs_n = 3;
        int64_t moment = a.now_ms;
        for (uint64_t i = prng_below(&a.r, 400); i > 0; i--) {
            struct act act = acts_next(&a, &r);
            if (seed % 4 == 0) {
                act.verb = 2;
                act.time_ms = moment;
            }
            acts_apply(&b, &r, &act);
        }
        for (uint32_t user = 0; user < ACT_USERS + 1; user++)
            for (int over = PREFER_TARGETS; over <= PREFER_CREATORS; over++) {
                struct preference expected[KEYS], got[KEYS];
                size_t all =
                    twin_preferences(&b, &r, &x, user, (enum preference_over)over, expected);
                size_t room = prng_below(&a.r, KEYS), n = room;
                assert_int_equal(behaviour_preferences(&b, &r, &x.catalogue, user,
                                                       (enum preference_over)over, got, &n),
                                 HEED_OK);
                bool same = n == (all < room ? all : room);
                for (size_t i = 0; same && i < n; i++)
                    same = got[i].key == expected[i].key &&
                           got[i].weight_micro == expected[i].weight_micro;
                if (!same) {
                    print_error("seed %llu, user %u, over %d: not the strongest %zu\n",
                                (unsigned long long)seed, user, over, room);
                    fail();
                }
            }
        catalogue_deinit(&x.catalogue);
        behaviour_deinit(&b);
    }
}

static void dislikes_come_last(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    struct behaviour b;
    struct catalogue c;
    behaviour_init(&b);
    catalogue_init(&c);
    static const uint32_t verbs[] = {3, 2, 0}; /* skip, like, view */
    for (uint32_t i = 0; i < 3; i++)
        acts_apply(&b, &r, &(struct act){.target = target_make(TARGET_GOOD, i), .verb = verbs[i]});
    struct preference got[3];
    size_t n = 3;
    assert_int_equal(behaviour_preferences(&b, &r, &c, 0, PREFER_TARGETS, got, &n), HEED_OK);
    assert_int_equal(n, 3);
    static const struct preference expected[] = {{TARGET_GOOD << 28 | 1, 2000000},
                                                 {TARGET_GOOD << 28 | 2, 100000},
                                                 {TARGET_GOOD << 28 | 0, -500000}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(got[i].key, expected[i].key);
        assert_int_equal(got[i].weight_micro, expected[i].weight_micro);
    }
    /* somebody else acts, so much later that nothing is left of the weights: their order is */
    acts_apply(&b, &r,
               &(struct act){.time_ms = 80 * r.half_life_ms,
                             .user = 1,
                             .target = target_make(TARGET_GOOD, 0)});
    assert_int_equal(behaviour_preferences(&b, &r, &c, 0, PREFER_TARGETS, got, &n), HEED_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(got[i].key, expected[i].key);
        assert_int_equal(got[i].weight_micro, 0);
    }
    behaviour_deinit(&b);
}

static void lack_of_memory_is_said(void **state)
{
    (void)state;
    struct behaviour_rules r = acts_rules();
    struct behaviour b;
    struct acts a;
    struct shelf x;
    behaviour_init(&b);
    acts_begin(&a, 5, false);
    shelf_fill(&x, &a.r);
    for (int i = 0; i < 300; i++) {
        struct act act = acts_next(&a, &r);
        acts_apply(&b, &r, &act);
    }
    for (int over = PREFER_TARGETS; over <= PREFER_CREATORS; over++)
        for (long at = 1;; at++) {
            struct preference got[KEYS];
            size_t n = KEYS;
            fault_fail_at(at);
            enum heed_status status =
                behaviour_preferences(&b, &r, &x.catalogue, 0, (enum preference_over)over, got, &n);
            fault_off();
            assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
            assert_int_equal(n == 0, fault_fired());
            if (!fault_fired())
                break;
        }
    catalogue_deinit(&x.catalogue);
    behaviour_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_agree_with_sorting_all),
        cmocka_unit_test(dislikes_come_last),
        cmocka_unit_test_teardown(lack_of_memory_is_said, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
