#include "world/rules.h"

#include "base/money.h"
#include "base/scalars.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/yaml.h"
#include "world/presets.h"
#include "world/rules_parts.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* What a leaf holds and how it is written.                                                      */
enum leaf {
    LEAF_DURATION,  /* "30 min" -> int64 ms                            */
    LEAF_SHARE,     /* 0..1 -> uint32 ppm                              */
    LEAF_MILLI,     /* decimal -> int64 or int32 thousandths           */
    LEAF_WHOLE,     /* -> uint32 or int32                              */
    LEAF_MONEY,     /* major units of `reward_currency` -> int64 minor */
    LEAF_CURRENCY,  /* code -> uint16 index                            */
    LEAF_ALGORITHM, /* name -> enum algorithm                          */
    LEAF_EXPLORE,   /* name -> enum explore_method                     */
};

struct field {
    const char *path;
    enum leaf leaf;
    size_t offset, size;
    int64_t min, max;
};

#define FIELD(path, leaf, member, min, max)                                                        \
    {                                                                                              \
        path, leaf, offsetof(struct rules, member), sizeof(((struct rules *)0)->member), min, max  \
    }
#define YEAR (366 * DAY_MS)
#define MONEY_MAX (INT64_MAX / 1000)

/* Currencies come first in the file's meaning, whatever its order: see rules_parse.              */
static const struct field fields[] = {
    FIELD("behaviour.session_gap", LEAF_DURATION, behaviour.session_gap_ms, 1000, 30 * DAY_MS),
    FIELD("behaviour.half_life", LEAF_DURATION, behaviour.half_life_ms, 60000, 100 * YEAR),
    FIELD("behaviour.dedup_window", LEAF_DURATION, behaviour.dedup_window_ms, 0, YEAR),
    FIELD("behaviour.dedup_max", LEAF_WHOLE, behaviour.dedup_max, 0, 100000000),
    FIELD("behaviour.ahead", LEAF_DURATION, behaviour.ahead_ms, 0, YEAR),
    FIELD("quality.weights.rating", LEAF_MILLI, quality.rating_weight_milli, 0, 1000000),
    FIELD("quality.weights.expert", LEAF_MILLI, quality.expert_weight_milli, 0, 1000000),
    FIELD("quality.weights.interactivity", LEAF_MILLI, quality.interactivity_weight_milli, 0,
          1000000),
    FIELD("quality.weights.originality", LEAF_MILLI, quality.originality_weight_milli, 0, 1000000),
    FIELD("quality.score.min", LEAF_MILLI, quality.score_min_milli, -1000000, 1000000),
    FIELD("quality.score.max", LEAF_MILLI, quality.score_max_milli, -1000000, 1000000),
    FIELD("quality.moderation_pass", LEAF_MILLI, quality.moderation_pass_milli, -1000000, 1000000),
    FIELD("quality.prior_strength", LEAF_WHOLE, quality.prior_strength, 1, 1000000),
    FIELD("quality.interactivity_strength", LEAF_WHOLE, quality.interactivity_strength, 0, 1000000),
    FIELD("quality.rater_strength", LEAF_WHOLE, quality.rater_strength, 0, 1000000),
    FIELD("quality.curiosity", LEAF_MILLI, quality.curiosity_milli, -10000, 10000),
    FIELD("quality.fit.creators", LEAF_WHOLE, quality.fit_creators, 0, 1),
    FIELD("quality.fit.run", LEAF_WHOLE, quality.fit_run, 0, 1),
    FIELD("quality.copy_similarity", LEAF_SHARE, quality.copy_similarity_ppm, 1, 1000000),
    FIELD("quality.min_shingles", LEAF_WHOLE, quality.min_shingles, 1, 1000000),
    FIELD("quality.moderation.prior.upheld", LEAF_MILLI, quality.moderation.upheld_milli, 1,
          1000000),
    FIELD("quality.moderation.prior.rejected", LEAF_MILLI, quality.moderation.rejected_milli, 1,
          1000000),
    FIELD("quality.moderation.appeals.reversed", LEAF_MILLI, quality.moderation.reversed_milli, 1,
          1000000),
    FIELD("quality.moderation.appeals.kept", LEAF_MILLI, quality.moderation.kept_milli, 1, 1000000),
    FIELD("quality.moderation.agreement", LEAF_SHARE, quality.moderation.agreement_ppm, 0, 1000000),
    FIELD("allocation.k", LEAF_WHOLE, allocation.k, 1, FEED_MAX),
    FIELD("allocation.algorithm", LEAF_ALGORITHM, allocation.algorithm, 0, 0),
    FIELD("allocation.mix.exposure", LEAF_MILLI, allocation.mix_milli[0], 0, 1000000),
    FIELD("allocation.mix.engagement", LEAF_MILLI, allocation.mix_milli[1], 0, 1000000),
    FIELD("allocation.mix.quality", LEAF_MILLI, allocation.mix_milli[2], 0, 1000000),
    FIELD("allocation.mix.relevance", LEAF_MILLI, allocation.mix_milli[3], 0, 1000000),
    FIELD("allocation.floor", LEAF_SHARE, allocation.floor_ppm, 0, 1000000),
    FIELD("allocation.limited", LEAF_SHARE, allocation.limited_ppm, 0, 1000000),
    FIELD("allocation.kinds.content", LEAF_SHARE, allocation.kinds_ppm[TARGET_CONTENT], 0, 1000000),
    FIELD("allocation.kinds.user", LEAF_SHARE, allocation.kinds_ppm[TARGET_USER], 0, 1000000),
    FIELD("allocation.kinds.good", LEAF_SHARE, allocation.kinds_ppm[TARGET_GOOD], 0, 1000000),
    FIELD("allocation.kinds.service", LEAF_SHARE, allocation.kinds_ppm[TARGET_SERVICE], 0, 1000000),
    FIELD("allocation.fair.users", LEAF_MILLI, allocation.fair.users_milli, -10000, 1000),
    FIELD("allocation.fair.items", LEAF_MILLI, allocation.fair.items_milli, -10000, 1000),
    FIELD("allocation.fair.lambda", LEAF_SHARE, allocation.fair.lambda_ppm, 1, 1000000),
    FIELD("allocation.explore.method", LEAF_EXPLORE, allocation.explore, 0, 0),
    FIELD("allocation.explore.epsilon", LEAF_SHARE, allocation.epsilon_ppm, 0, 1000000),
    FIELD("allocation.explore.candidates", LEAF_WHOLE, allocation.explore_candidates, 1, FEED_MAX),
    FIELD("allocation.runners_up", LEAF_WHOLE, allocation.runners_up, 0, FEED_MAX),
    FIELD("allocation.refresh", LEAF_DURATION, feeds.refresh_ms, 0, YEAR),
    FIELD("allocation.neighbours", LEAF_WHOLE, allocation.neighbours, 1, 1000),
    FIELD("allocation.constraints.per_creator", LEAF_WHOLE, allocation.constraints.per_creator, 0,
          FEED_MAX),
    FIELD("allocation.constraints.per_category", LEAF_WHOLE, allocation.constraints.per_category, 0,
          FEED_MAX),
    FIELD("allocation.constraints.fresh.share", LEAF_SHARE, allocation.constraints.fresh_ppm, 0,
          1000000),
    FIELD("allocation.constraints.fresh.within", LEAF_DURATION, selection.fresh_ms, 1000,
          100 * YEAR),
    FIELD("allocation.constraints.max_age", LEAF_DURATION, selection.max_age_ms, 0, 100 * YEAR),
    FIELD("allocation.constraints.hide_at", LEAF_MILLI, selection.hide_at_milli, -1000000, 0),
    FIELD("allocation.max_history", LEAF_WHOLE, allocation.max_history, 1, 1000),
    FIELD("consumption.epoch", LEAF_DURATION, consumption.epoch_ms, 60000, 10 * YEAR),
    FIELD("consumption.currency", LEAF_CURRENCY, consumption.currency, 0, 0),
    FIELD("consumption.pool", LEAF_MONEY, consumption.pool_minor, 0, MONEY_MAX),
    FIELD("consumption.creator_share", LEAF_SHARE, consumption.creator_share_ppm, 0, 1000000),
    FIELD("consumption.half_points", LEAF_MILLI, consumption.half_points_milli, 1,
          INT64_C(1000000000000)),
    FIELD("consumption.cap", LEAF_SHARE, consumption.cap_ppm, 1, 1000000),
    FIELD("shop.fee", LEAF_SHARE, shop.fee_ppm, 0, 1000000),
    FIELD("shop.refund_window", LEAF_DURATION, shop.refund_ms, 0, 100 * YEAR),
    FIELD("shop.escrow", LEAF_DURATION, shop.escrow_ms, 0, 100 * YEAR),
    FIELD("grants.new_user", LEAF_MONEY, grants.new_user_grant_minor, 0, MONEY_MAX),
};

enum heed_status rules_expected(const struct reading *x, int node, const char *what)
{
    struct str text = yaml_text(x->y, node);
    if (yaml_kind(x->y, node) != YAML_SCALAR)
        return yaml_error(x->y, node, x->err, "%s was expected here", what);
    if (text.n == 0)
        return yaml_error(x->y, node, x->err, "it is empty: give %s, or leave the key out", what);
    return yaml_error(x->y, node, x->err, "'%.*s' is not %s", (int)utf8_cut(text, 60), text.p,
                      what);
}

static enum heed_status number(const struct reading *x, int node, const struct field *f,
                               int64_t *out)
{
    struct str text = yaml_text(x->y, node);
    char what[160], low[32], high[32];
    const struct rules *r = x->r;
    int scale = 0;
    switch (f->leaf) {
    case LEAF_DURATION:
        if (!span_from_text(text, out))
            return rules_expected(x, node, "a time span such as 30 min, 12 h or 7 d");
        snprintf(what, sizeof what, "between %lld and %lld seconds", (long long)(f->min / 1000),
                 (long long)(f->max / 1000));
        break;
    case LEAF_SHARE:
        if (!decimal_from_text(text, 6, out))
            return rules_expected(x, node, "a share between 0 and 1 with up to six decimals");
        snprintf(what, sizeof what, "between %s and %s",
                 money_to_text((struct money){f->min}, 6, low),
                 money_to_text((struct money){f->max}, 6, high));
        break;
    case LEAF_MILLI:
        if (!decimal_from_text(text, 3, out))
            return rules_expected(x, node, "a number with up to three decimals");
        snprintf(what, sizeof what, "between %s and %s",
                 money_to_text((struct money){f->min}, 3, low),
                 money_to_text((struct money){f->max}, 3, high));
        break;
    case LEAF_MONEY:
        scale =
            r->currencies[strcmp(f->path, "consumption.pool") == 0 ? r->consumption.currency : 0]
                .scale;
        snprintf(what, sizeof what, "an amount of money with up to %d decimals", scale);
        if (!decimal_from_text(text, scale, out))
            return rules_expected(x, node, what);
        snprintf(what, sizeof what, "between %s and %s",
                 money_to_text((struct money){f->min}, scale, low),
                 money_to_text((struct money){f->max}, scale, high));
        break;
    default:
        if (!decimal_from_text(text, 0, out))
            return rules_expected(x, node, "a whole number");
        snprintf(what, sizeof what, "between %lld and %lld", (long long)f->min, (long long)f->max);
        break;
    }
    return *out < f->min || *out > f->max ? rules_expected(x, node, what) : HEED_OK;
}

static enum heed_status leaf(const struct reading *x, int node, const struct field *f)
{
    int64_t v = 0;
    if (yaml_kind(x->y, node) != YAML_SCALAR)
        return rules_expected(x, node, "a single value");
    struct str text = yaml_text(x->y, node);
    if (f->leaf == LEAF_ALGORITHM) {
        v = algorithm_of_name(text);
        if (v < 0)
            return rules_expected(x, node,
                                  "one of exposure, engagement, quality, relevance, mixed");
    } else if (f->leaf == LEAF_EXPLORE) {
        v = explore_method_of_name(text);
        if (v < 0)
            return rules_expected(x, node, "one of none, epsilon, thompson");
    } else if (f->leaf == LEAF_CURRENCY) {
        v = rules_currency(x->r, text);
        if (v < 0)
            return rules_expected(x, node, "a currency named under currencies");
    } else {
        enum heed_status status = number(x, node, f, &v);
        if (status != HEED_OK)
            return status;
    }
    char *at = (char *)x->r + f->offset;
    if (f->size == 8) {
        memcpy(at, &v, 8);
    } else if (f->size == 4) {
        int32_t narrow = (int32_t)v;
        memcpy(at, &narrow, 4);
    } else {
        heed_assert(f->size == 2);
        uint16_t narrow = (uint16_t)v;
        memcpy(at, &narrow, 2);
    }
    return HEED_OK;
}

static enum heed_status unknown(const struct reading *x, int value)
{
    return yaml_error(x->y, value, x->err,
                      "there is no rule of this name; `heed rules default` shows all");
}

/* A map under `prefix`: leaves by the table, further maps by recursion.                          */
static enum heed_status section(const struct reading *x, int node, const char *prefix,
                                bool currencies_only)
{
    if (yaml_kind(x->y, node) != YAML_MAP)
        return rules_expected(x, node, "a map of keys");
    for (size_t i = 0; i < yaml_count(x->y, node); i++) {
        char path[96];
        struct str key = yaml_key(x->y, node, i);
        int value = yaml_value(x->y, node, i);
        if (!plain_name(key, 40)) /* 'shop.fee' as one key is not the key fee of shop */
            return unknown(x, value);
        snprintf(path, sizeof path, "%s%s%.*s", prefix, *prefix ? "." : "", STR_ARG(key));
        if (strcmp(path, "currencies") == 0 || strcmp(path, "behaviour.verbs") == 0 ||
            strcmp(path, "market") == 0 || rules_constraint_list(path))
            continue;
        const struct field *found = NULL;
        bool inside = false;
        size_t n = strlen(path);
        for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
            if (strcmp(fields[f].path, path) == 0)
                found = &fields[f];
            inside = inside || (strncmp(fields[f].path, path, n) == 0 && fields[f].path[n] == '.');
        }
        enum heed_status status = HEED_OK;
        if (found && (found->leaf == LEAF_CURRENCY) == currencies_only)
            status = leaf(x, value, found);
        else if (inside && !rules_fair_none(x, path, value))
            status = section(x, value, path, currencies_only);
        else if (!found && !inside)
            status = unknown(x, value);
        if (status != HEED_OK)
            return status;
    }
    return HEED_OK;
}

/* Only these keys may stand in a map.                                                           */
enum heed_status rules_only(const struct reading *x, int node, const char *keys)
{
    if (yaml_kind(x->y, node) != YAML_MAP)
        return rules_expected(x, node, "a map of keys");
    for (size_t i = 0; i < yaml_count(x->y, node); i++) {
        char word[64];
        struct str key = yaml_key(x->y, node, i);
        bool plain = plain_name(key, 40);
        snprintf(word, sizeof word, " %.*s ", plain ? (int)key.n : 0, key.p);
        if (!plain || !strstr(keys, word))
            return yaml_error(x->y, yaml_value(x->y, node, i), x->err,
                              "there is no such key here; the keys are%s", keys);
    }
    return HEED_OK;
}

static enum heed_status currencies(const struct reading *x, int list)
{
    struct rules *r = x->r;
    size_t n = yaml_count(x->y, list);
    if (yaml_kind(x->y, list) != YAML_LIST || n < 1 || n > CURRENCIES_MAX)
        return yaml_error(x->y, list, x->err, "a list of 1 to %d currencies was expected",
                          CURRENCIES_MAX);
    r->currencies_n = 0;
    for (size_t i = 0; i < n; i++) {
        int item = yaml_item(x->y, list, i);
        enum heed_status status = rules_only(x, item, " code scale ");
        if (status != HEED_OK)
            return status;
        int code = yaml_get(x->y, item, "code"), scale = yaml_get(x->y, item, "scale");
        struct str text = yaml_text(x->y, code);
        int64_t decimals = 2;
        if (!plain_name(text, sizeof r->currencies[0].code - 1))
            return rules_expected(x, code ? code : item,
                                  "a currency code of 1 to 15 lower-case letters, digits, - and _");
        if (rules_currency(r, text) >= 0)
            return yaml_error(x->y, code, x->err, "the currency '%.*s' is given twice",
                              STR_ARG(text));
        if (scale && (!decimal_from_text(yaml_text(x->y, scale), 0, &decimals) || decimals < 0 ||
                      decimals > 9))
            return rules_expected(x, scale, "a number of decimals between 0 and 9");
        struct currency *c = &r->currencies[r->currencies_n++];
        memset(c, 0, sizeof *c);
        memcpy(c->code, text.p, text.n);
        c->scale = (int)decimals;
    }
    return HEED_OK;
}

static enum heed_status verb(const struct reading *x, int list, size_t index)
{
    static const char *const classes[] = {"impression", "dwell", "engage", "negative"};
    int item = yaml_item(x->y, list, index);
    enum heed_status status = rules_only(x, item, " name class weight unit max_units ");
    if (status != HEED_OK)
        return status;
    struct behaviour_rules *b = &x->r->behaviour;
    int name = yaml_get(x->y, item, "name"), class = yaml_get(x->y, item, "class");
    int weight = yaml_get(x->y, item, "weight"), unit = yaml_get(x->y, item, "unit");
    int max_units = yaml_get(x->y, item, "max_units");
    struct str text = yaml_text(x->y, name);
    if (!plain_name(text, sizeof b->verbs[0].name - 1) || str_is(text, "served") ||
        str_is(text, "served_seen") || str_is(text, "refunded"))
        return rules_expected(x, name ? name : item,
                              "a verb of 1 to 23 lower-case letters, digits, - and _ (not served, "
                              "served_seen or refunded, "
                              "which imports know)");
    for (size_t i = 0; i < index; i++) /* few: each verb before this one took a row of its own */
        if (str_eq(text, yaml_text(x->y, yaml_get(x->y, yaml_item(x->y, list, i), "name"))))
            return yaml_error(x->y, name, x->err, "the verb '%.*s' is given twice", STR_ARG(text));
    int at = behaviour_verb(b, text);
    struct verb_rule v = {.class = VERB_ENGAGE, .weight_milli = 1000};
    if (at >= 0)
        v = b->verbs[at];
    memset(v.name, 0, sizeof v.name);
    memcpy(v.name, text.p, text.n);
    if (class) {
        int found = -1;
        for (int i = 0; i < 4; i++)
            if (str_is(yaml_text(x->y, class), classes[i]))
                found = i;
        if (found < 0)
            return rules_expected(x, class, "one of impression, dwell, engage, negative");
        v.class = (enum verb_class)found;
    }
    int64_t n;
    if (weight) {
        if (!decimal_from_text(yaml_text(x->y, weight), 3, &n) || n < -1000000 || n > 1000000)
            return rules_expected(x, weight,
                                  "a weight between -1000 and 1000 with up to three decimals");
        v.weight_milli = (int32_t)n;
    }
    if (unit) {
        if (!decimal_from_text(yaml_text(x->y, unit), 3, &v.unit_milli) || v.unit_milli < 0 ||
            v.unit_milli > INT64_C(1000000000000))
            return rules_expected(x, unit,
                                  "an amount of one unit, 0 when the amount does not matter");
    }
    if (max_units) {
        if (!decimal_from_text(yaml_text(x->y, max_units), 0, &v.max_units) || v.max_units < 1 ||
            v.max_units > 1000000000)
            return rules_expected(x, max_units, "a whole number between 1 and 1000000000");
    } else if (at < 0) {
        v.max_units = 1000000;
    }
    if (at < 0) {
        if (b->verbs_n == VERBS_MAX)
            return yaml_error(x->y, item, x->err, "there may be %d verbs at most", VERBS_MAX);
        at = (int)b->verbs_n++;
    }
    b->verbs[at] = v;
    return HEED_OK;
}

static enum heed_status verbs(const struct reading *x, int list)
{
    if (yaml_kind(x->y, list) != YAML_LIST)
        return rules_expected(x, list, "a list of verbs");
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < yaml_count(x->y, list); i++)
        status = verb(x, list, i);
    return status;
}

size_t rules_currencies(const struct rules *r, struct market_currency *out)
{
    for (uint32_t i = 0; i < r->currencies_n; i++) {
        out[i] = (struct market_currency){.scale = r->currencies[i].scale};
        memcpy(out[i].code, r->currencies[i].code, sizeof out[i].code);
    }
    return r->currencies_n;
}

/* 10000 in major units, whatever the scale of the currency.                                     */
static int64_t default_pool(int scale)
{
    int64_t minor = 10000;
    for (int i = 0; i < scale; i++)
        minor *= 10;
    return minor;
}

static enum heed_status read_all(const struct reading *x, int root)
{
    if (root == 0)
        return HEED_OK;
    if (yaml_kind(x->y, root) != YAML_MAP)
        return rules_expected(x, root, "a map of keys");
    int list = yaml_get(x->y, root, "currencies");
    enum heed_status status = list ? currencies(x, list) : HEED_OK;
    if (status == HEED_OK) /* the reward's currency decides how its pool is read */
        status = section(x, root, "", true);
    if (status == HEED_OK)
        status = section(x, root, "", false);
    struct market_currency known[CURRENCIES_MAX];
    size_t known_n = rules_currencies(x->r, known);
    if (status == HEED_OK)
        status = market_rules_read(x->y, yaml_get(x->y, root, "market"), known, known_n,
                                   &x->r->market, x->err);
    int verb_list = yaml_get(x->y, yaml_get(x->y, root, "behaviour"), "verbs");
    if (status == HEED_OK && verb_list)
        status = verbs(x, verb_list);
    if (status != HEED_OK)
        return status;
    int consumption = yaml_get(x->y, root, "consumption");
    if (!yaml_get(x->y, consumption, "pool"))
        x->r->consumption.pool_minor =
            default_pool(x->r->currencies[x->r->consumption.currency].scale);
    const struct quality_rules *q = &x->r->quality;
    int quality = yaml_get(x->y, root, "quality");
    if (q->score_min_milli >= q->score_max_milli)
        return yaml_error(x->y, quality, x->err, "score.min must be below score.max");
    const struct allocation_rules *a = &x->r->allocation;
    if (a->mix_milli[0] + a->mix_milli[1] + a->mix_milli[2] + a->mix_milli[3] == 0)
        return yaml_error(x->y, yaml_get(x->y, root, "allocation"), x->err,
                          "at least one weight of mix must be above 0");
    int explore = yaml_get(x->y, yaml_get(x->y, root, "allocation"), "explore");
    if (!x->kept && a->explore == EXPLORE_THOMPSON && a->epsilon_ppm == 0)
        return yaml_error(
            x->y, yaml_get(x->y, explore, "epsilon"), x->err,
            "thompson needs an epsilon above 0, such as 0.05: what could not be shown "
            "at all leaves a log that no other policy can be judged from");
    status = rules_fair(x, yaml_get(x->y, yaml_get(x->y, root, "allocation"), "fair"));
    if (status != HEED_OK)
        return status;
    status = rules_kinds(x, yaml_get(x->y, yaml_get(x->y, root, "allocation"), "kinds"));
    if (status != HEED_OK)
        return status;
    return rules_constraints(x, yaml_get(x->y, yaml_get(x->y, root, "allocation"), "constraints"));
}

/* What holds before a document says otherwise: the same as the default document.                 */
static const struct rules built_in = {
    .currencies_n = 1,
    .currencies = {{"gold", 2}},
    .behaviour = {.session_gap_ms = 30 * 60000,
                  .half_life_ms = 30 * DAY_MS,
                  .dedup_window_ms = DAY_MS,
                  .dedup_max = 1000000,
                  .ahead_ms = DAY_MS,
                  .verbs_n = 13,
                  .verbs = {{"view", VERB_IMPRESSION, 100, 0, 1},
                            {"dwell", VERB_DWELL, 500, 60000, 60},
                            {"like", VERB_ENGAGE, 2000, 0, 1},
                            {"dislike", VERB_NEGATIVE, -2000, 0, 1},
                            {"comment", VERB_ENGAGE, 3000, 0, 1},
                            {"share", VERB_ENGAGE, 4000, 0, 1},
                            {"follow", VERB_ENGAGE, 4000, 0, 1},
                            {"click", VERB_ENGAGE, 500, 0, 1},
                            {"cart", VERB_ENGAGE, 3000, 0, 1},
                            {"purchase", VERB_ENGAGE, 5000, 1000, 10},
                            {"attend", VERB_ENGAGE, 4000, 0, 1},
                            {"skip", VERB_NEGATIVE, -500, 0, 1},
                            {"report", VERB_NEGATIVE, -5000, 0, 1}}},
    .quality = {.rating_weight_milli = 2000,
                .expert_weight_milli = 2000,
                .interactivity_weight_milli = 1000,
                .originality_weight_milli = 1000,
                .score_min_milli = 1000,
                .score_max_milli = 5000,
                .moderation_pass_milli = 3000,
                .prior_strength = 5,
                .interactivity_strength = 4,
                .rater_strength = 10,
                .fit_creators = 1,
                .copy_similarity_ppm = 800000,
                .min_shingles = 8,
                .moderation = {.upheld_milli = 1000,
                               .rejected_milli = 3000,
                               .reversed_milli = 1000,
                               .kept_milli = 3000,
                               .agreement_ppm = 500000}},
    .allocation = {.k = 10,
                   .algorithm = ALGORITHM_MIXED,
                   .mix_milli = {100, 300, 1000, 1000},
                   .floor_ppm = 200000,
                   .limited_ppm = 100000,
                   .kinds_ppm = {[TARGET_CONTENT] = 1000000},
                   .fair = {1000, 1000, 0},
                   .epsilon_ppm = 50000,
                   .explore_candidates = 50,
                   .runners_up = 20,
                   .neighbours = 50,
                   .max_history = 50},
    .selection = {.fresh_ms = 7 * DAY_MS},
    .consumption = {.epoch_ms = 7 * DAY_MS,
                    .pool_minor = 1000000,
                    .creator_share_ppm = 600000,
                    .half_points_milli = 50000,
                    .cap_ppm = 20000,
                    .currency = 0},
    .shop = {.fee_ppm = 50000, .refund_ms = 14 * DAY_MS},
    .market = {.scale = 2},
    .grants = {.new_user_grant_minor = 0},
};

static enum heed_status parse(struct str yaml, const char *name, bool kept, struct rules *out,
                              struct heed_error *err)
{
    struct yaml *y = NULL;
    enum heed_status status = yaml_open(yaml, name, &y, err);
    if (status != HEED_OK)
        return status;
    struct rules r = built_in;
    const struct reading x = {y, &r, err, kept};
    status = read_all(&x, yaml_root(y));
    yaml_close(y);
    if (status == HEED_OK)
        *out = r;
    return status;
}

enum heed_status rules_parse(struct str yaml, const char *name, struct rules *out,
                             struct heed_error *err)
{
    return parse(yaml, name, false, out, err);
}

enum heed_status rules_parse_kept(struct str yaml, struct rules *out, struct heed_error *err)
{
    return parse(yaml, "rules", true, out, err);
}

int rules_currency(const struct rules *r, struct str code)
{
    for (uint32_t i = 0; i < r->currencies_n; i++)
        if (str_is(code, r->currencies[i].code))
            return (int)i;
    return -1;
}

struct str rules_preset(const char *preset)
{
    if (!preset)
        preset = "default";
    for (size_t i = 0; i < presets_n; i++)
        if (strcmp(presets[i].name, preset) == 0)
            return (struct str){(const char *)presets[i].bytes, presets[i].n};
    return STR_NONE;
}

const char *rules_preset_names(void)
{
    return presets_names;
}
