/* The rules of a world: what documents say, exactly, and where a bad one is wrong. */
#include "base/prng.h"
#include "base/scalars.h"
#include "base/time.h"
#include "support_fault.h"
#include "world/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 20260404 };

static struct rules parsed(struct str yaml)
{
    struct rules r;
    struct heed_error err = {0};
    if (rules_parse(yaml, "r.yaml", &r, &err) != HEED_OK)
        fail_msg("%.*s\nrefused: %s: %s", yaml.n > 300 ? 300 : (int)yaml.n, yaml.p, err.where,
                 err.message);
    return r;
}

static void assert_verb(const struct rules *r, const char *name, enum verb_class class,
                        int32_t weight_milli, int64_t unit_milli, int64_t max_units)
{
    int at = behaviour_verb(&r->behaviour, str_of(name));
    if (at < 0)
        fail_msg("there is no verb %s", name);
    const struct verb_rule *v = &r->behaviour.verbs[at];
    if (v->class != class || v->weight_milli != weight_milli || v->unit_milli != unit_milli ||
        v->max_units != max_units)
        fail_msg("%s: class %d, weight %d, unit %lld, max_units %lld", name, (int)v->class,
                 (int)v->weight_milli, (long long)v->unit_milli, (long long)v->max_units);
}

/* The numbers that the default document states, converted by hand.                              */
static void assert_defaults(const struct rules *r)
{
    assert_int_equal(r->currencies_n, 1);
    assert_string_equal(r->currencies[0].code, "gold");
    assert_int_equal(r->currencies[0].scale, 2);
    assert_int_equal(r->behaviour.session_gap_ms, 1800000);
    assert_int_equal(r->behaviour.half_life_ms, INT64_C(2592000000));
    assert_int_equal(r->behaviour.dedup_window_ms, 86400000);
    assert_int_equal(r->behaviour.dedup_max, 1000000);
    assert_int_equal(r->behaviour.verbs_n, 13);
    assert_verb(r, "view", VERB_IMPRESSION, 100, 0, 1);
    assert_verb(r, "dwell", VERB_DWELL, 500, 60000, 60);
    assert_verb(r, "like", VERB_ENGAGE, 2000, 0, 1);
    assert_verb(r, "dislike", VERB_NEGATIVE, -2000, 0, 1);
    assert_verb(r, "comment", VERB_ENGAGE, 3000, 0, 1);
    assert_verb(r, "share", VERB_ENGAGE, 4000, 0, 1);
    assert_verb(r, "follow", VERB_ENGAGE, 4000, 0, 1);
    assert_verb(r, "click", VERB_ENGAGE, 500, 0, 1);
    assert_verb(r, "cart", VERB_ENGAGE, 3000, 0, 1);
    assert_verb(r, "purchase", VERB_ENGAGE, 5000, 1000, 10);
    assert_verb(r, "attend", VERB_ENGAGE, 4000, 0, 1);
    assert_verb(r, "skip", VERB_NEGATIVE, -500, 0, 1);
    assert_verb(r, "report", VERB_NEGATIVE, -5000, 0, 1);
    assert_int_equal(r->quality.rating_weight_milli, 2000);
    assert_int_equal(r->quality.expert_weight_milli, 2000);
    assert_int_equal(r->quality.interactivity_weight_milli, 1000);
    assert_int_equal(r->quality.originality_weight_milli, 1000);
    assert_int_equal(r->quality.score_min_milli, 1000);
    assert_int_equal(r->quality.score_max_milli, 5000);
    assert_int_equal(r->quality.moderation_pass_milli, 3000);
    assert_int_equal(r->quality.prior_strength, 5);
    assert_int_equal(r->quality.interactivity_strength, 4);
    assert_int_equal(r->quality.copy_similarity_ppm, 800000);
    assert_int_equal(r->quality.min_shingles, 8);
    assert_int_equal(r->allocation.k, 10);
    assert_int_equal(r->allocation.algorithm, ALGORITHM_MIXED);
    assert_int_equal(r->allocation.fair.lambda_ppm, 0);
    assert_int_equal(r->allocation.mix_milli[0], 100);
    assert_int_equal(r->allocation.mix_milli[1], 300);
    assert_int_equal(r->allocation.mix_milli[2], 1000);
    assert_int_equal(r->allocation.mix_milli[3], 1000);
    assert_int_equal(r->allocation.floor_ppm, 200000);
    assert_int_equal(r->allocation.kinds_ppm[TARGET_CONTENT], 1000000);
    assert_int_equal(r->allocation.kinds_ppm[TARGET_USER], 0);
    assert_int_equal(r->allocation.kinds_ppm[TARGET_GOOD], 0);
    assert_int_equal(r->allocation.kinds_ppm[TARGET_SERVICE], 0);
    assert_int_equal(r->behaviour.follow, 0);
    assert_int_equal(r->allocation.neighbours, 50);
    assert_int_equal(r->allocation.max_history, 50);
    assert_int_equal(r->consumption.epoch_ms, 604800000);
    assert_int_equal(r->consumption.currency, 0);
    assert_int_equal(r->consumption.pool_minor, 1000000);
    assert_int_equal(r->consumption.creator_share_ppm, 600000);
    assert_int_equal(r->consumption.half_points_milli, 50000);
    assert_int_equal(r->consumption.cap_ppm, 20000);
    assert_int_equal(r->shop.fee_ppm, 50000);
    assert_int_equal(r->shop.refund_ms, 1209600000);
    assert_int_equal(r->grants.new_user_grant_minor, 0);
}

static void what_is_left_out_is_as_the_default_document_says(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# nothing but a remark\n", "{}",
                                        "\xef\xbb\xbf"};
    for (size_t i = 0; i < COUNT(empty); i++) {
        struct rules r = parsed(str_of(empty[i]));
        assert_defaults(&r);
    }
    struct rules r = parsed(rules_preset("default"));
    assert_defaults(&r);
    r = parsed(rules_preset(NULL));
    assert_defaults(&r);
}

static void plaza_changes_what_it_says_and_no_more(void **state)
{
    (void)state;
    struct rules r = parsed(rules_preset("plaza"));
    assert_int_equal(r.consumption.epoch_ms, DAY_MS);
    assert_int_equal(r.consumption.pool_minor, 200000);
    assert_int_equal(r.consumption.half_points_milli, 40000);
    assert_int_equal(r.consumption.cap_ppm, 10000);
    assert_int_equal(r.behaviour.half_life_ms, 7 * DAY_MS);
    assert_int_equal(r.shop.refund_ms, 7 * DAY_MS);
    struct rules d = parsed(STR(""));
    r.consumption = d.consumption;
    r.behaviour.half_life_ms = d.behaviour.half_life_ms;
    r.shop.refund_ms = d.shop.refund_ms;
    assert_defaults(&r);
}

static void the_presets_are_found_by_name(void **state)
{
    (void)state;
    assert_string_equal(rules_preset_names(), "default, eve, osrs, plaza, roblox, steam");
    assert_null(rules_preset("Plaza").p);
    assert_null(rules_preset("").p);
    assert_true(str_eq(rules_preset(NULL), rules_preset("default")));
    assert_true(rules_preset("plaza").n > 0);
}

static void currencies_are_found_by_code(void **state)
{
    (void)state;
    struct rules r = parsed(STR("currencies: [{code: gem, scale: 0}, {code: a-b_1, scale: 9}]"));
    assert_int_equal(rules_currency(&r, STR("gem")), 0);
    assert_int_equal(rules_currency(&r, STR("a-b_1")), 1);
    assert_int_equal(rules_currency(&r, STR("gold")), -1);
    assert_int_equal(rules_currency(&r, STR("ge")), -1);
    assert_int_equal(rules_currency(&r, STR("")), -1);
}

/* ── values, exactly ── */

enum member { SESSION, REFUND, FEE, POOL, GRANT, WEIGHT, HALF_POINTS };

static int64_t member(const struct rules *r, enum member m)
{
    switch (m) {
    case SESSION:
        return r->behaviour.session_gap_ms;
    case REFUND:
        return r->shop.refund_ms;
    case FEE:
        return r->shop.fee_ppm;
    case POOL:
        return r->consumption.pool_minor;
    case GRANT:
        return r->grants.new_user_grant_minor;
    case WEIGHT:
        return r->quality.rating_weight_milli;
    default:
        return r->consumption.half_points_milli;
    }
}

static void values_become_integers_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        enum member member;
        int64_t expected;
    } rows[] = {
        {"behaviour: {session_gap: 90 s}", SESSION, 90000},
        {"behaviour: {session_gap: 90s}", SESSION, 90000},
        {"behaviour: {session_gap: '30   min'}", SESSION, 1800000},
        {"behaviour: {session_gap: 1500 ms}", SESSION, 1500},
        {"behaviour: {session_gap: 1.001 s}", SESSION, 1001},
        {"behaviour: {session_gap: 0.1 min}", SESSION, 6000},
        {"behaviour: {session_gap: 30 d}", SESSION, INT64_C(2592000000)}, /* its bound */
        {"shop: {refund_window: 0 s}", REFUND, 0},
        {"shop: {refund_window: 12 h}", REFUND, 43200000},
        {"shop: {refund_window: 1.5 d}", REFUND, 129600000},
        {"shop: {refund_window: 2 w}", REFUND, 1209600000},
        /* decimals that binary fractions cannot hold */
        {"shop: {fee: 0.1}", FEE, 100000},
        {"shop: {fee: 0.29}", FEE, 290000},
        {"shop: {fee: 0.000001}", FEE, 1},
        {"shop: {fee: 0.999999}", FEE, 999999},
        {"shop: {fee: 0.1000000000}", FEE, 100000},
        {"shop: {fee: 0}", FEE, 0},
        {"shop: {fee: 1}", FEE, 1000000},
        {"shop: {fee: '0.07'}", FEE, 70000},
        {"grants: {new_user: 4.99}", GRANT, 499},
        {"grants: {new_user: 1.15}", GRANT, 115},
        {"grants: {new_user: 4.9}", GRANT, 490},
        {"grants: {new_user: 4.990}", GRANT, 499},
        {"grants: {new_user: 92233720368547.75}", GRANT, INT64_C(9223372036854775)},
        {"quality: {weights: {rating: 0.001}}", WEIGHT, 1},
        {"quality: {weights: {rating: 1000}}", WEIGHT, 1000000},
        {"consumption: {half_points: 1000000000}", HALF_POINTS, INT64_C(1000000000000)},
        /* the scale is the currency's, and currencies may stand anywhere in the file */
        {"currencies: [{code: yen, scale: 0}]\nconsumption: {pool: 7}", POOL, 7},
        {"consumption: {pool: 0.000000007}\ncurrencies: [{code: bit, scale: 9}]", POOL, 7},
        {"currencies: [{code: a}]\nconsumption: {pool: 7}", POOL, 700},
        {"consumption: {pool: 1.5, currency: b}\ncurrencies: [{code: a, scale: 0}, {code: b, "
         "scale: 3}]",
         POOL, 1500},
        {"grants: {new_user: 3}\nconsumption: {currency: b}\ncurrencies: [{code: a, scale: 0}, "
         "{code: b, scale: 3}]",
         GRANT, 3},
        /* and so is the default's: 10000 in major units */
        {"currencies: [{code: yen, scale: 0}]", POOL, 10000},
        {"currencies: [{code: bit, scale: 9}]", POOL, INT64_C(10000000000000)},
        {"consumption: {currency: b}\ncurrencies: [{code: a}, {code: b, scale: 3}]", POOL,
         INT64_C(10000000)},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rules r = parsed(str_of(rows[i].yaml));
        int64_t got = member(&r, rows[i].member);
        if (got != rows[i].expected)
            fail_msg("%s\nexpected %lld, got %lld", rows[i].yaml, (long long)rows[i].expected,
                     (long long)got);
    }
}

/* Every share is read as its digits say: the twin prints, the parser reads back.                */
static void any_share_and_any_amount_survives_being_written(void **state)
{
    (void)state;
    struct prng r;
    prng_seed(&r, SEED);
    for (int i = 0; i < 2000; i++) {
        char text[160];
        int64_t fee = (int64_t)prng_below(&r, 1000001);
        int64_t grant = (int64_t)prng_below(&r, UINT64_C(9223372036854776));
        int64_t gap = 1000 + (int64_t)prng_below(&r, 2591999001);
        snprintf(text, sizeof text,
                 "shop: {fee: %lld.%06lld}\ngrants: {new_user: %lld.%02lld}\n"
                 "behaviour: {session_gap: %lld.%03lld s}\n",
                 (long long)(fee / 1000000), (long long)(fee % 1000000), (long long)(grant / 100),
                 (long long)(grant % 100), (long long)(gap / 1000), (long long)(gap % 1000));
        struct rules got = parsed(str_of(text));
        if (member(&got, FEE) != fee || member(&got, GRANT) != grant ||
            member(&got, SESSION) != gap)
            fail_msg("seed %d, case %d: %s", SEED, i, text);
    }
}

/* No two fields of a section share a value, so that none can stand in for another.              */
static void every_rule_reaches_its_own_field(void **state)
{
    (void)state;
    struct rules r = parsed(
        STR("behaviour: {session_gap: 11 s, half_life: 12 min, dedup_window: 13 h, dedup_max: 14}\n"
            "quality:\n"
            "  weights: {rating: 0.021, expert: 0.022, interactivity: 0.023, originality: 0.024}\n"
            "  score: {min: -2.5, max: 2.6}\n"
            "  moderation_pass: -0.027\n"
            "  prior_strength: 28\n"
            "  interactivity_strength: 25\n"
            "  copy_similarity: 0.000029\n"
            "  min_shingles: 30\n"
            "allocation: {k: 31, algorithm: relevance, floor: 0.000036, neighbours: 37, "
            "max_history: 38,\n"
            "  mix: {exposure: 0.032, engagement: 0.033, quality: 0.034, relevance: 0.035}}\n"
            "consumption: {epoch: 41 d, currency: b, pool: 4.2, creator_share: 0.000043, "
            "half_points: 0.044,\n"
            "  cap: 0.000045}\n"
            "shop: {fee: 0.000051, refund_window: 52 s}\n"
            "grants: {new_user: 6.1}\n"
            "currencies: [{code: a}, {code: b, scale: 1}]\n"));
    const int64_t got[] = {
        r.behaviour.session_gap_ms,
        r.behaviour.half_life_ms,
        r.behaviour.dedup_window_ms,
        r.behaviour.dedup_max,
        r.quality.rating_weight_milli,
        r.quality.expert_weight_milli,
        r.quality.interactivity_weight_milli,
        r.quality.originality_weight_milli,
        r.quality.score_min_milli,
        r.quality.score_max_milli,
        r.quality.moderation_pass_milli,
        r.quality.prior_strength,
        r.quality.interactivity_strength,
        r.quality.copy_similarity_ppm,
        r.quality.min_shingles,
        r.allocation.k,
        r.allocation.algorithm,
        r.allocation.mix_milli[0],
        r.allocation.mix_milli[1],
        r.allocation.mix_milli[2],
        r.allocation.mix_milli[3],
        r.allocation.floor_ppm,
        r.allocation.neighbours,
        r.allocation.max_history,
        r.consumption.epoch_ms,
        r.consumption.currency,
        r.consumption.pool_minor,
        r.consumption.creator_share_ppm,
        r.consumption.half_points_milli,
        r.consumption.cap_ppm,
        r.shop.fee_ppm,
        r.shop.refund_ms,
        r.grants.new_user_grant_minor,
    };
    const int64_t expected[] = {
        11000,
        720000,
        46800000,
        14,
        21,
        22,
        23,
        24,
        -2500,
        2600,
        -27,
        28,
        25,
        29,
        30,
        31,
        ALGORITHM_RELEVANCE,
        32,
        33,
        34,
        35,
        36,
        37,
        38,
        41 * DAY_MS,
        1,
        42,
        43,
        44,
        45,
        51,
        52000,
        610,
    };
    assert_int_equal(COUNT(got), COUNT(expected));
    for (size_t i = 0; i < COUNT(got); i++)
        if (got[i] != expected[i])
            fail_msg("field %zu: expected %lld, got %lld", i, (long long)expected[i],
                     (long long)got[i]);
}

static void verbs_are_added_and_overridden_by_name(void **state)
{
    (void)state;
    struct rules r = parsed(STR("behaviour:\n"
                                "  verbs:\n"
                                "    - {name: like, weight: 2.5}\n"
                                "    - {name: dwell, unit: 0.5, max_units: 9}\n"
                                "    - {name: gift, class: engage, weight: 7, unit: 100}\n"
                                "    - {name: wave}\n"));
    assert_int_equal(r.behaviour.verbs_n, 15);
    assert_verb(&r, "like", VERB_ENGAGE, 2500, 0, 1);
    assert_verb(&r, "dwell", VERB_DWELL, 500, 500, 9);
    assert_verb(&r, "gift", VERB_ENGAGE, 7000, 100000, 1000000);
    assert_verb(&r, "wave", VERB_ENGAGE, 1000, 0, 1000000);
    assert_verb(&r, "view", VERB_IMPRESSION, 100, 0, 1);
}

/* ── bad documents ── */

struct bad {
    const char *yaml, *where, *message;
};

static void assert_refused(struct str yaml, const char *where, const char *message)
{
    struct rules before, r;
    memset(&r, 0x5a, sizeof r);
    memcpy(&before, &r, sizeof r);
    struct heed_error err = {0};
    enum heed_status status = rules_parse(yaml, "r.yaml", &r, &err);
    if (status != HEED_INPUT || strcmp(err.where, where) != 0 || !strstr(err.message, message))
        fail_msg("%.*s\nexpected %d | %s | ...%s...\n     got %d | %s | %s",
                 yaml.n > 300 ? 300 : (int)yaml.n, yaml.p, (int)HEED_INPUT, where, message,
                 (int)status, err.where, err.message);
    assert_memory_equal(&before, &r, sizeof r);
}

static const struct bad bad_keys[] = {
    {"shops: {}", "r.yaml: line 1, key shops", "no rule of this name"},
    {"shop:\n  fees: 0.1", "r.yaml: line 2, key shop.fees", "no rule of this name"},
    {"shop:\n  fee2:\n    a: 1", "r.yaml: line 2, key shop.fee2", "no rule of this name"},
    {"quality:\n  weights:\n    ratings: 1", "r.yaml: line 3, key quality.weights.ratings",
     "no rule of this name"},
    {"allocation:\n  mix:\n    mixed: 1", "r.yaml: line 3, key allocation.mix.mixed",
     "no rule of this name"},
    {"shop.fee: 0.1", "r.yaml: line 1, key shop.fee", "no rule of this name"},
    {"behaviour.verbs: []", "r.yaml: line 1, key behaviour.verbs", "no rule of this name"},
    {"shop: {\"fee\\0\": 0.1}", "r.yaml: line 1, key shop.fee", "no rule of this name"},
    {"Shop: {}", "r.yaml: line 1, key Shop", "no rule of this name"},
    {"'': 1", "r.yaml: line 1", "no rule of this name"},
    {"shop:\n  fee: 0.1\n  fee: 0.2", "r.yaml: line 3, key shop.fee", "given twice"},
    {"shop: {}\ngrants: {}\nshop: {}", "r.yaml: line 3, key shop", "given twice"},
    {"shop: {fee: 0.1, \"f\\x65e\": 0.1}", "r.yaml: line 1, key shop.fee", "given twice"},
    {"behaviour:\n  verbs:\n    - {name: a}\n    - {name: b, name: c}",
     "r.yaml: line 4, key behaviour.verbs[1].name", "given twice"},
    {"? [a]\n: 1", "r.yaml: line 1", "a key must be plain text"},
    {"currencies:\n  - code: a\n    digits: 2", "r.yaml: line 3, key currencies[0].digits",
     "the keys are code scale"},
    {"behaviour: {verbs: [{name: a, wait: 1}]}", "r.yaml: line 1, key behaviour.verbs[0].wait",
     "the keys are name class weight unit max_units"},
    {"behaviour: {verbs: [{name: a, class weight: 1}]}",
     "r.yaml: line 1, key behaviour.verbs[0].class weight", "no such key"},
};

/* As the command line and the documentation write them.                                          */
static void a_number_may_begin_with_its_point(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int scale;
        bool good;
        int64_t value;
    } rows[] = {{".5", 6, true, 500000}, {"-.25", 3, true, -250},   {".1", 3, true, 100},
                {".000001", 6, true, 1}, {".0000001", 6, false, 0}, {".", 6, false, 0},
                {"-.", 3, false, 0},     {"..5", 3, false, 0},      {".5.", 3, false, 0},
                {".-5", 3, false, 0},    {"--.5", 3, false, 0},     {"0.5", 6, true, 500000},
                {".50", 0, false, 0},    {".0", 0, true, 0},        {"", 3, false, 0},
                {"-", 3, false, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = 0;
        bool good = decimal_from_text(str_of(rows[i].text), rows[i].scale, &value);
        if (good != rows[i].good || (good && value != rows[i].value))
            fail_msg("'%s': %s, %lld", rows[i].text, good ? "read" : "refused", (long long)value);
    }
    struct rules r = parsed(str_of("allocation: {limited: .25}\n"));
    assert_int_equal(r.allocation.limited_ppm, 250000);
}

#define KINDS_KEY "r.yaml: line 1, key allocation.kinds"
static const struct bad bad_kinds[] = {
    {"allocation: {kinds: {video: 1}}", KINDS_KEY ".video", "no rule of this name"},
    {"allocation: {kinds: 3}", KINDS_KEY, "a map of keys"},
    {"allocation: {kinds: [content]}", KINDS_KEY, "a map of keys"},
    {"allocation: {kinds: {user: -0.1}}", KINDS_KEY ".user", "not between 0.000000 and 1.000000"},
    {"allocation: {kinds: {good: 1.5}}", KINDS_KEY ".good", "not between 0.000000 and 1.000000"},
    {"allocation: {kinds: {good: 0.0000001}}", KINDS_KEY ".good", "up to six decimals"},
    {"allocation: {kinds: {service: half}}", KINDS_KEY ".service", "a share between 0 and 1"},
    {"allocation: {kinds: {content: 0}}", KINDS_KEY, "at least one share must be above 0"},
    {"allocation: {kinds: {content: 0, user: 0, good: 0.0, service: 0}}", KINDS_KEY,
     "at least one share must be above 0"},
    {"allocation: {kinds: {content: 0, user: 1}}", KINDS_KEY, "beside allocation.floor"},
    {"allocation: {k: 1, kinds: {content: 0.4, user: 0.6}}", KINDS_KEY,
     "of a feed of 1 contents have no slot"},
    /* a constraint on the contents' slots, five of ten */
    {"allocation: {kinds: {content: 0.5, good: 0.5}, constraints: {caps: [{kind: a, share: 0.1}]}}",
     "r.yaml: line 1, key allocation.constraints.caps[0]", "a feed of 5 has no slot for kind a"},
};

static void shares_of_kinds_are_proportions(void **state)
{
    (void)state;
    struct rules r = parsed(STR("allocation: {kinds: {user: 0.1, service: 0.000001}}"));
    assert_int_equal(r.allocation.kinds_ppm[TARGET_CONTENT],
                     1000000); /* as where it is not named */
    assert_int_equal(r.allocation.kinds_ppm[TARGET_USER], 100000);
    assert_int_equal(r.allocation.kinds_ppm[TARGET_GOOD], 0);
    assert_int_equal(r.allocation.kinds_ppm[TARGET_SERVICE], 1);
    assert_int_equal(r.behaviour.follow, behaviour_verb(&r.behaviour, STR("follow")) + 1);
    r = parsed(STR("allocation: {floor: 0, kinds: {content: 0, good: 1}}"));
    assert_int_equal(r.allocation.kinds_ppm[TARGET_CONTENT], 0);
    assert_int_equal(r.behaviour.follow, 0);
}

#define CONSTRAINTS "r.yaml: line 1, key allocation.constraints."
static const struct bad bad_constraints[] = {
    {"allocation: {constraints: {per_creater: 1}}", CONSTRAINTS "per_creater",
     "no rule of this name"},
    {"allocation: {constraints: {per_creator: 101}}", CONSTRAINTS "per_creator",
     "between 0 and 100"},
    {"allocation: {constraints: {hide_at: 5}}", CONSTRAINTS "hide_at", "between -1000.000 and 0"},
    {"allocation: {constraints: {caps: 3}}", CONSTRAINTS "caps", "a list of at most 8 rows"},
    {"allocation: {constraints: {caps: [{max: 1}]}}", CONSTRAINTS "caps[0]", "of which contents"},
    {"allocation: {constraints: {caps: [{category: a, kind: b, max: 1}]}}", CONSTRAINTS "caps[0]",
     "one of `category: TEXT` and `kind: TEXT`"},
    {"allocation: {constraints: {caps: [{category: a}]}}", CONSTRAINTS "caps[0]", "say how many"},
    {"allocation: {constraints: {caps: [{category: a, max: -1}]}}", CONSTRAINTS "caps[0].max",
     "between 0 and 100"},
    {"allocation: {constraints: {caps: [{category: a, share: 2}]}}", CONSTRAINTS "caps[0].share",
     "a share between 0 and 1"},
    {"allocation: {constraints: {caps: [{category: a, max: 1}, {category: a, max: 2}]}}",
     CONSTRAINTS "caps[1]", "the category a is given twice"},
    {"allocation: {constraints: {groups: [{kind: a}]}}", CONSTRAINTS "groups[0]", "which share"},
    {"allocation: {constraints: {groups: [{kind: a, share: 1}]}}", CONSTRAINTS "groups[0].share",
     "below 1"},
    {"allocation: {constraints: {groups: [{kind: a, share: 0.5, alpha: 0.6}]}}",
     CONSTRAINTS "groups[0].alpha", "0.5 at most"},
    {"allocation: {constraints: {groups: [{kind: a, share: 0.5, adjust: yes}]}}",
     CONSTRAINTS "groups[0].adjust", "0 or 1"},
    {"allocation: {constraints: {audience: [{kind: a}]}}", CONSTRAINTS "audience[0]",
     "who may see it"},
    {"allocation: {constraints: {audience: [{kind: a, roles: [king]}]}}",
     CONSTRAINTS "audience[0].roles[0]", "'king' is not a role"},
    {"allocation: {constraints: {audience: [{kind: a, account: 3}]}}",
     CONSTRAINTS "audience[0].account", "a time span"},
    {"allocation: {constraints: {audience: [{kind: a, has: age}]}}", CONSTRAINTS "audience[0].has",
     "'age' is not a target"},
    {"allocation: {constraints: {audience: [{kind: a, has: \"user:ann\"}]}}",
     CONSTRAINTS "audience[0].has", "rules name no person"},
    /* what cannot be kept at once */
    {"allocation: {constraints: {caps: [{category: a, max: 0}]}}", CONSTRAINTS "caps[0]",
     "it cannot be kept beside allocation.floor"},
    {"allocation: {k: 2, constraints: {caps: [{kind: a, share: 0.4}]}}", CONSTRAINTS "caps[0]",
     "a feed of 2 has no slot for kind a"},
    /* F(2; 10, .5) = .055: three of ten (FA*IR, table for alpha .1, p .5, adjusted) */
    {"allocation: {constraints: {caps: [{kind: a, max: 1}, {category: a, max: 2}], "
     "groups: [{category: a, share: 0.5}]}}",
     CONSTRAINTS "groups[0]",
     "beside caps[1]: it asks for at least 3 of category a in a feed of 10, the cap allows 2"},
    {"allocation: {constraints: {per_category: 2, groups: [{category: a, share: 0.5}]}}",
     CONSTRAINTS "groups[0]", "per_category allows 2"},
    {"allocation: {constraints: {groups: [{category: a, share: 0.9}, {category: b, share: 0.8}]}}",
     CONSTRAINTS "groups[1]", "beside the groups above it: together they ask for"},
    {"allocation: {constraints: {max_age: 3 d, fresh: {share: 0.1}}}", CONSTRAINTS "fresh",
     "must not be longer than max_age"},
};

static const struct bad bad_values[] = {
    /* wrong type */
    {"- a", "r.yaml: line 1", "a map of keys was expected"},
    {"gold", "r.yaml: line 1", "'gold' is not a map of keys"},
    {"---\n", "r.yaml: line 2", "it is empty: give a map of keys"},
    {"shop:\n  - 1", "r.yaml: line 1, key shop", "a map of keys was expected"},
    {"shop:\n# fee: 0.1\n", "r.yaml: line 1, key shop", "or leave the key out"},
    {"shop: 3", "r.yaml: line 1, key shop", "'3' is not a map of keys"},
    {"shop: {fee: [0.1]}", "r.yaml: line 1, key shop.fee", "a single value was expected"},
    {"shop:\n  fee: {a: 1}", "r.yaml: line 2, key shop.fee", "a single value was expected"},
    {"currencies: gold", "r.yaml: line 1, key currencies", "a list of 1 to 8 currencies"},
    {"currencies: [gold]", "r.yaml: line 1, key currencies[0]", "'gold' is not a map of keys"},
    {"behaviour:\n  verbs: {like: 2}", "r.yaml: line 2, key behaviour.verbs", "a list of verbs"},
    {"behaviour:\n  verbs: [[like]]", "r.yaml: line 2, key behaviour.verbs[0]", "a map of keys"},
    {"allocation: {algorithm: [mixed]}", "r.yaml: line 1, key allocation.algorithm",
     "a single value"},
    {"behaviour: {verbs: [{name: [a]}]}", "r.yaml: line 1, key behaviour.verbs[0].name",
     "a verb of 1 to 23"},
    {"behaviour: {verbs: [{name: a, class: [dwell]}]}",
     "r.yaml: line 1, key behaviour.verbs[0].class", "one of impression, dwell"},
    /* time spans */
    {"behaviour:\n  half_life: 30", "r.yaml: line 2, key behaviour.half_life",
     "'30' is not a time span such as 30 min"},
    {"behaviour: {half_life: 30 days}", "r.yaml: line 1, key behaviour.half_life", "a time span"},
    {"behaviour: {half_life: 30 m}", "r.yaml: line 1, key behaviour.half_life", "a time span"},
    {"behaviour: {half_life: 30 D}", "r.yaml: line 1, key behaviour.half_life", "a time span"},
    {"behaviour: {half_life: d}", "r.yaml: line 1, key behaviour.half_life", "a time span"},
    {"behaviour: {half_life: -1 d}", "r.yaml: line 1, key behaviour.half_life", "a time span"},
    {"behaviour: {half_life: 1e3 d}", "r.yaml: line 1, key behaviour.half_life", "a time span"},
    {"behaviour: {half_life: 1 d 2 h}", "r.yaml: line 1, key behaviour.half_life", "a time span"},
    {"behaviour: {half_life: 99999999999999 w}", "r.yaml: line 1, key behaviour.half_life",
     "a time span"},
    {"behaviour: {half_life: ''}", "r.yaml: line 1, key behaviour.half_life", "it is empty"},
    {"behaviour: {dedup_window: 0.5 ms}", "r.yaml: line 1, key behaviour.dedup_window",
     "a time span"},
    {"behaviour: {dedup_window: 1.0005 s}", "r.yaml: line 1, key behaviour.dedup_window",
     "a time span"},
    {"behaviour: {half_life: 59.999 s}", "r.yaml: line 1, key behaviour.half_life",
     "between 60 and"},
    {"behaviour: {session_gap: 999 ms}", "r.yaml: line 1, key behaviour.session_gap",
     "between 1 and 2592000"},
    {"behaviour: {session_gap: 2592000.001 s}", "r.yaml: line 1, key behaviour.session_gap",
     "between 1 and 2592000"},
    {"consumption: {epoch: 0 d}", "r.yaml: line 1, key consumption.epoch", "between 60 and"},
    /* shares */
    {"shop: {fee: 1.000001}", "r.yaml: line 1, key shop.fee", "between 0.000000 and 1.000000"},
    {"shop: {fee: -0.1}", "r.yaml: line 1, key shop.fee", "between 0.000000 and 1.000000"},
    {"shop: {fee: 5%}", "r.yaml: line 1, key shop.fee", "'5%' is not a share between 0 and 1"},
    {"shop: {fee: 0.0000001}", "r.yaml: line 1, key shop.fee", "up to six decimals"},
    {"shop: {fee: .5.}", "r.yaml: line 1, key shop.fee", "a share between 0 and 1"},
    {"shop: {fee: .nan}", "r.yaml: line 1, key shop.fee", "a share between 0 and 1"},
    {"shop: {fee: 1e-1}", "r.yaml: line 1, key shop.fee", "a share between 0 and 1"},
    {"shop: {fee: 0x1}", "r.yaml: line 1, key shop.fee", "a share between 0 and 1"},
    {"shop: {fee: \"0.1\\0\"}", "r.yaml: line 1, key shop.fee", "a share between 0 and 1"},
    {"consumption: {cap: 0}", "r.yaml: line 1, key consumption.cap", "between 0.000001 and"},
    /* money */
    {"grants: {new_user: 4.999}", "r.yaml: line 1, key grants.new_user", "up to 2 decimals"},
    {"grants: {new_user: -0.01}", "r.yaml: line 1, key grants.new_user", "between 0.00 and"},
    {"grants: {new_user: 92233720368547.76}", "r.yaml: line 1, key grants.new_user",
     "between 0.00 and 92233720368547.75"},
    {"grants: {new_user: 99999999999999999999}", "r.yaml: line 1, key grants.new_user",
     "an amount of money"},
    {"grants: {new_user: '1,000'}", "r.yaml: line 1, key grants.new_user", "an amount of money"},
    {"consumption: {pool: 0.5}\ncurrencies: [{code: yen, scale: 0}]",
     "r.yaml: line 1, key consumption.pool", "up to 0 decimals"},
    {"consumption:\n  pool: 1\n  currency: silver", "r.yaml: line 3, key consumption.currency",
     "'silver' is not a currency named under currencies"},
    {"currencies: []", "r.yaml: line 1, key currencies", "a list of 1 to 8 currencies"},
    {"currencies: [{code: a}, {code: b}, {code: c}, {code: d}, {code: e}, {code: f}, {code: g}, "
     "{code: h}, {code: i}]",
     "r.yaml: line 1, key currencies", "a list of 1 to 8 currencies"},
    {"currencies: [{scale: 2}]", "r.yaml: line 1, key currencies[0]", "a currency code of 1 to 15"},
    {"currencies:\n  - code: GOLD", "r.yaml: line 2, key currencies[0].code",
     "'GOLD' is not a currency code"},
    {"currencies: [{code: abcdefghijklmnop}]", "r.yaml: line 1, key currencies[0].code",
     "a currency code of 1 to 15"},
    {"currencies: [{code: a, scale: 10}]", "r.yaml: line 1, key currencies[0].scale",
     "between 0 and 9"},
    {"currencies: [{code: a, scale: -1}]", "r.yaml: line 1, key currencies[0].scale",
     "between 0 and 9"},
    {"currencies: [{code: a, scale: two}]", "r.yaml: line 1, key currencies[0].scale",
     "between 0 and 9"},
    {"currencies:\n  - code: a\n  - code: a", "r.yaml: line 3, key currencies[1].code",
     "the currency 'a' is given twice"},
    /* numbers */
    {"allocation: {k: 0}", "r.yaml: line 1, key allocation.k", "between 1 and 100"},
    {"allocation: {k: 101}", "r.yaml: line 1, key allocation.k", "between 1 and 100"},
    {"allocation: {k: 1.5}", "r.yaml: line 1, key allocation.k", "'1.5' is not a whole number"},
    {"allocation: {k: ten}", "r.yaml: line 1, key allocation.k", "a whole number"},
    {"allocation: {k: 4294967297}", "r.yaml: line 1, key allocation.k", "between 1 and 100"},
    {"allocation: {k: 18446744073709551617}", "r.yaml: line 1, key allocation.k", "a whole number"},
    {"allocation: {k: }", "r.yaml: line 1, key allocation.k", "it is empty"},
    {"allocation: {explore: {method: luck}}", "r.yaml: line 1, key allocation.explore.method",
     "one of none, epsilon, thompson"},
    {"allocation: {algorithm: best}", "r.yaml: line 1, key allocation.algorithm",
     "one of exposure, engagement, quality, relevance, mixed"},
    {"allocation:\n  mix: {exposure: 0, engagement: 0, quality: 0, relevance: 0}",
     "r.yaml: line 1, key allocation", "at least one weight"},
    {"quality: {weights: {rating: 1000.001}}", "r.yaml: line 1, key quality.weights.rating",
     "between 0.000 and 1000.000"},
    {"quality: {weights: {rating: 0.0001}}", "r.yaml: line 1, key quality.weights.rating",
     "up to three decimals"},
    {"quality:\n  score: {min: 5}", "r.yaml: line 1, key quality", "score.min must be below"},
    {"quality: {prior_strength: 0}", "r.yaml: line 1, key quality.prior_strength", "between 1 and"},
    /* verbs */
    {"behaviour: {verbs: [{weight: 1}]}", "r.yaml: line 1, key behaviour.verbs[0]",
     "a verb of 1 to 23"},
    {"behaviour: {verbs: [{name: served}]}", "r.yaml: line 1, key behaviour.verbs[0].name",
     "not served, served_seen or refunded"},
    {"behaviour: {verbs: [{name: refunded}]}", "r.yaml: line 1, key behaviour.verbs[0].name",
     "not served, served_seen or refunded"},
    {"behaviour: {verbs: [{name: abcdefghijklmnopqrstuvwx}]}",
     "r.yaml: line 1, key behaviour.verbs[0].name", "a verb of 1 to 23"},
    {"behaviour: {verbs: [{name: a b}]}", "r.yaml: line 1, key behaviour.verbs[0].name",
     "'a b' is not a verb"},
    {"behaviour: {verbs: [{name: a, class: bad}]}", "r.yaml: line 1, key behaviour.verbs[0].class",
     "'bad' is not one of impression, dwell, engage, negative"},
    {"behaviour: {verbs: [{name: a, weight: 1000.001}]}",
     "r.yaml: line 1, key behaviour.verbs[0].weight", "between -1000 and 1000"},
    {"behaviour: {verbs: [{name: a, unit: -1}]}", "r.yaml: line 1, key behaviour.verbs[0].unit",
     "an amount of one unit"},
    {"behaviour: {verbs: [{name: a, max_units: 0}]}",
     "r.yaml: line 1, key behaviour.verbs[0].max_units", "between 1 and 1000000000"},
    {"behaviour:\n  verbs:\n    - {name: a}\n    - {name: like}\n    - {name: a, weight: 2}",
     "r.yaml: line 5, key behaviour.verbs[2].name", "the verb 'a' is given twice"},
};

static const struct bad bad_texts[] = {
    {"shop:\n\tfee: 0.1", "r.yaml: line 2", "it is not YAML"},
    {"shop: {fee: 0.1\ngrants: {}\n", "r.yaml: line 2", "it is not YAML"},
    {"shop:\n  fee: \"0.1\n", "r.yaml: line 3", "it is not YAML"},
    {"shop: {}\n# \x01\n", "r.yaml: line 2", "control characters"},
    {"shop: {}\n\n# \xff\n", "r.yaml: line 3", "it is not UTF-8"},
    {"# \xc0\xaf\n", "r.yaml: line 1", "it is not UTF-8"},
    {"# \xed\xa0\x80\n", "r.yaml: line 1", "it is not UTF-8"}, /* a surrogate */
    {"shop: {}\n---\ngrants: {}\n", "r.yaml: line 2", "more than one document"},
    {"shop: {}\n---\n[\n", "r.yaml: line 2", "more than one document"},
    {"shop: {}\n...\n}\n", "r.yaml: line 3", "it is not YAML"},
    {"shop: &a {fee: 0.1}\n", "r.yaml: line 1", "anchors and aliases"},
    {"grants: {}\nshop: *a\n", "r.yaml: line 2", "anchors and aliases"},
    {"&a [*a]\n", "r.yaml: line 1", "anchors and aliases"},
    {"grants: {}\nshop: {fee: &a 0.1}\n", "r.yaml: line 2", "anchors and aliases"},
    {"shop:\n  <<: *a\n", "r.yaml: line 2", "anchors and aliases"},
    {"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "r.yaml: line 1", "anchors and aliases"},
    {"grants: {}\n\nshop: [[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]\n", "r.yaml: line 3", "nested too deep"},
    {"shop: [[[[[[[[[[[[[[1]]]]]]]]]]]]]]\n", "r.yaml: line 1, key shop", "a map of keys"}, /* 16 */
};

static void a_bad_document_is_refused_by_line_key_and_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_keys); i++)
        assert_refused(str_of(bad_keys[i].yaml), bad_keys[i].where, bad_keys[i].message);
    for (size_t i = 0; i < COUNT(bad_kinds); i++)
        assert_refused(str_of(bad_kinds[i].yaml), bad_kinds[i].where, bad_kinds[i].message);
    for (size_t i = 0; i < COUNT(bad_constraints); i++)
        assert_refused(str_of(bad_constraints[i].yaml), bad_constraints[i].where,
                       bad_constraints[i].message);
    for (size_t i = 0; i < COUNT(bad_values); i++)
        assert_refused(str_of(bad_values[i].yaml), bad_values[i].where, bad_values[i].message);
    for (size_t i = 0; i < COUNT(bad_texts); i++)
        assert_refused(str_of(bad_texts[i].yaml), bad_texts[i].where, bad_texts[i].message);
    assert_refused(STR("shop: {}\n# \0\n"), "r.yaml: line 2", "control characters");
}

static void there_is_room_for_32_verbs_and_no_more(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 4096);
    strbuf_puts(&b, "behaviour:\n  verbs:\n");
    for (int i = 0; i < VERBS_MAX - 13; i++)
        strbuf_printf(&b, "    - {name: v%d}\n", i);
    struct rules r = parsed((struct str){b.p, b.n});
    assert_int_equal(r.behaviour.verbs_n, VERBS_MAX);
    strbuf_puts(&b, "    - {name: straw}\n");
    assert_false(b.failed);
    assert_refused((struct str){b.p, b.n}, "r.yaml: line 22, key behaviour.verbs[19]",
                   "there may be 32 verbs at most");
    strbuf_deinit(&b);
}

/* libyaml's scanner takes time in the square of the depth: a megabyte of '[' ran for minutes. The
 * limit lies far above what all of these take and far below that; it is processor time, so that a
 * busy machine does not matter.                                                                 */
static void a_hostile_megabyte_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const pieces[] = {"[", "{", "- ", "? ", "{? ", "[{a: "};
    const size_t size = 1 << 20;
    char *text = malloc(size + 1);
    assert_non_null(text);
    clock_t start = clock();
    for (size_t i = 0; i < COUNT(pieces); i++) {
        size_t n = strlen(pieces[i]), at = 0;
        for (; at + n <= size; at += n)
            memcpy(text + at, pieces[i], n);
        assert_refused((struct str){text, at}, "r.yaml: line 1", "nested too deep");
    }
    size_t at = 0;
    for (int map = 0; map < 30; map++) {
        at += (size_t)snprintf(text + at, size - at, "m%d: {", map);
        for (int key = 0; key < 4096; key++)
            at += (size_t)snprintf(text + at, size - at, "%x: ,", key);
        at += (size_t)snprintf(text + at, size - at, "}\n");
    }
    assert_true(at < size);
    assert_refused((struct str){text, at}, "r.yaml: line 1, key m0", "no rule of this name");
    memset(text, '#', size + 1);
    assert_refused((struct str){text, size + 1}, "r.yaml", "longer than 1048576 bytes");
    struct rules r = parsed((struct str){text, size});
    assert_int_equal(r.allocation.k, 10);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    free(text);
    if (seconds > 20)
        fail_msg("took %.1f s of processor time", seconds);
}

static void memory_that_runs_out_is_said_and_changes_nothing(void **state)
{
    (void)state;
    struct str yaml = rules_preset("default");
    for (long n = 1;; n++) {
        struct rules before, r;
        memset(&r, 0x5a, sizeof r);
        memcpy(&before, &r, sizeof r);
        struct heed_error err = {0};
        fault_fail_at(n);
        enum heed_status status = rules_parse(yaml, "r.yaml", &r, &err);
        fault_off();
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        if (!fault_fired()) {
            assert_true(n > 4); /* the sweep has met the parser's own allocations */
            break;
        }
        assert_memory_equal(&before, &r, sizeof r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_as_the_default_document_says),
        cmocka_unit_test(plaza_changes_what_it_says_and_no_more),
        cmocka_unit_test(the_presets_are_found_by_name),
        cmocka_unit_test(a_number_may_begin_with_its_point),
        cmocka_unit_test(shares_of_kinds_are_proportions),
        cmocka_unit_test(currencies_are_found_by_code),
        cmocka_unit_test(values_become_integers_exactly),
        cmocka_unit_test(any_share_and_any_amount_survives_being_written),
        cmocka_unit_test(every_rule_reaches_its_own_field),
        cmocka_unit_test(verbs_are_added_and_overridden_by_name),
        cmocka_unit_test(a_bad_document_is_refused_by_line_key_and_what_was_expected),
        cmocka_unit_test(there_is_room_for_32_verbs_and_no_more),
        cmocka_unit_test(a_hostile_megabyte_is_refused_at_once),
        cmocka_unit_test(memory_that_runs_out_is_said_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
