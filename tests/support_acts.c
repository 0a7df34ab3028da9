#include "support_acts.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct behaviour_rules acts_rules(void)
{
    return (struct behaviour_rules){
        .session_gap_ms = 30 * 60000,
        .half_life_ms = 7 * DAY_MS,
        .dedup_window_ms = 3600000,
        .dedup_max = 16,
        .verbs_n = 8,
        .verbs = {{"view", VERB_IMPRESSION, 100, 0, 0},
                  {"dwell", VERB_DWELL, 500, 60000, 60},
                  {"like", VERB_ENGAGE, 2000, 0, 0},
                  {"skip", VERB_NEGATIVE, -500, 0, 0},
                  {"shine", VERB_IMPRESSION, 1000000, 1, 1000000000},
                  {"linger", VERB_DWELL, 1000, 1000, 1000000},
                  {"adore", VERB_ENGAGE, 1000000, 1000, 1000},
                  {"report", VERB_NEGATIVE, -1000000, 1000, 1000}},
    };
}

void acts_begin(struct acts *a, uint64_t seed, bool ids)
{
    prng_seed(&a->r, seed);
    a->now_ms = INT64_C(1767225600000) + (int64_t)prng_below(&a->r, DAY_MS);
    a->ids = ids;
}

struct act acts_next(struct acts *a, const struct behaviour_rules *r)
{
    static const int64_t jumps_ms[] = {0, 1000, 60000, 1800000, 1800001, 3600000, DAY_MS};
    int64_t jump = jumps_ms[prng_below(&a->r, sizeof jumps_ms / sizeof *jumps_ms)];
    a->now_ms += prng_below(&a->r, 2) ? jump : (int64_t)prng_below(&a->r, (uint64_t)jump + 1);
    int64_t time_ms = a->now_ms;
    switch (prng_below(&a->r, 12)) {
    case 0:
        time_ms -= (int64_t)prng_below(&a->r, 100 * DAY_MS);
        break;
    case 1:
    case 2:
        time_ms -= (int64_t)prng_below(&a->r, 2 * DAY_MS);
        break;
    default:
        break;
    }
    int64_t amount = (int64_t)(prng_u64(&a->r) >> (1 + prng_below(&a->r, 63)));
    struct act act = {
        .time_ms = time_ms,
        .amount_milli = prng_below(&a->r, 16) ? amount & 0xfffff : amount,
        .id_hash = a->ids && prng_below(&a->r, 8) ? 1 + prng_below(&a->r, 60) : 0,
        .user = (uint32_t)prng_below(&a->r, ACT_USERS),
        .target = target_make((enum target_kind)(1 + prng_below(&a->r, TARGET_KINDS - 1)),
                              (uint32_t)prng_below(&a->r, ACT_TARGETS)),
        .surface = HANDLE_NONE,
        .via = HANDLE_NONE,
        /* the verbs that weigh too much are rare */
        .verb = (uint32_t)(prng_below(&a->r, 10) ? prng_below(&a->r, 4)
                                                 : prng_below(&a->r, r->verbs_n)),
    };
    act.own = target_index(act.target) == act.user; /* user i owns the i-th of each kind */
    return act;
}

bool acts_apply(struct behaviour *b, const struct behaviour_rules *r, const struct act *act)
{
    bool duplicate;
    assert_int_equal(behaviour_apply(b, r, act, &duplicate), HEED_OK);
    return duplicate;
}
