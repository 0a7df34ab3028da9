/* One row of `charges:`. */
#include "circulation/rules_reading.h"

#include <stdio.h>

#define RATE "a share between 0 and 1 with up to six decimals"

/* `rate: 0.05` or `rate: {base: 0.05, by: [{name: skill, each: -0.003}]}`.                      */
static enum heed_status rate(const struct market_reading *x, int row, const char *key,
                             int32_t fallback, struct market_rate *out)
{
    int node = yaml_get(x->y, row, key);
    *out = (struct market_rate){.ppm = fallback};
    if (!node)
        return HEED_OK;
    if (yaml_kind(x->y, node) == YAML_SCALAR)
        return reading_ppm(x, node, 0, MARKET_PPM, RATE, &out->ppm);
    enum heed_status status = yaml_only(x->y, node, " base by ", x->err);
    int base = yaml_get(x->y, node, "base"), by = yaml_get(x->y, node, "by");
    size_t n = yaml_count(x->y, by);
    if (status == HEED_OK && (!base || !by))
        status = yaml_error(x->y, node, x->err,
                            "give a share, or {base: 0.05, by: [{name: skill, each: -0.003}]}");
    if (status == HEED_OK)
        status = reading_ppm(x, base, 0, MARKET_PPM, RATE, &out->ppm);
    if (status == HEED_OK && (yaml_kind(x->y, by) != YAML_LIST || n < 1 || n > MARKET_TERMS_MAX))
        status =
            yaml_error(x->y, by, x->err,
                       "a list of 1 to %d rows such as {name: skill, each: -0.003} was expected",
                       MARKET_TERMS_MAX);
    for (size_t i = 0; status == HEED_OK && i < n; i++) {
        int term = yaml_item(x->y, by, i);
        struct market_term *t = &out->terms[out->terms_n++];
        status = yaml_only(x->y, term, " name each ", x->err);
        if (status == HEED_OK)
            status = reading_attribute(x, yaml_get(x->y, term, "name"), &t->attribute);
        if (status == HEED_OK)
            status = reading_ppm(x, yaml_get(x->y, term, "each"), -MARKET_PPM, MARKET_PPM,
                                 "a share between -1 and 1 with up to six decimals", &t->each_ppm);
    }
    return status;
}

static enum heed_status band(const struct market_reading *x, int row, struct market_band *b)
{
    *b = (struct market_band){0};
    enum heed_status status = yaml_only(x->y, row, " from to rate flat ", x->err);
    int share = yaml_get(x->y, row, "rate");
    if (status == HEED_OK)
        status = reading_money(x, row, "from", 0, &b->from_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "to", -1, &b->to_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "flat", 0, &b->flat_minor);
    if (status == HEED_OK && share)
        status = reading_ppm(x, share, 0, MARKET_PPM, RATE, &b->rate_ppm);
    if (status == HEED_OK && b->to_minor >= 0 && b->to_minor <= b->from_minor)
        status =
            yaml_error(x->y, row, x->err,
                       "`to` must be above `from`: a band holds amounts from `from` up to, but "
                       "not at, `to`");
    return status;
}

static enum heed_status bands(const struct market_reading *x, int row, struct market_charge *c)
{
    int whole = yaml_get(x->y, row, "bands"), slices = yaml_get(x->y, row, "slices");
    int list = whole ? whole : slices;
    size_t n = yaml_count(x->y, list);
    if (!list)
        return HEED_OK;
    if (whole && slices)
        return yaml_error(
            x->y, slices, x->err,
            "give `bands` (the band's rate on the whole) or `slices` (each slice at its "
            "own rate), not both");
    if (yaml_kind(x->y, list) != YAML_LIST || n < 1 || n > MARKET_BANDS_MAX)
        return yaml_error(
            x->y, list, x->err,
            "a list of 1 to %d rows such as {from: 0, to: 100, rate: 0.01} was expected",
            MARKET_BANDS_MAX);
    c->bands = whole ? MARKET_WHOLE : MARKET_SLICES;
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < n; i++)
        status = band(x, yaml_item(x->y, list, i), &c->band[c->bands_n++]);
    return status;
}

/* `counting: NAME`, an earlier charge reckoned alike.                                           */
static enum heed_status counting(const struct market_reading *x, int row, struct market_charge *c)
{
    int node = yaml_get(x->y, row, "counting");
    c->counting = -1;
    if (!node)
        return HEED_OK;
    for (uint32_t i = 0; i < x->r->charges_n; i++)
        if (str_is(yaml_text(x->y, node), x->r->charges[i].name.text)) {
            c->counting = (int32_t)i;
            if (x->r->charges[i].per_item != c->per_item)
                return yaml_error(x->y, node, x->err,
                                  "both must be reckoned alike: give both the same `per`");
            return HEED_OK;
        }
    return reading_expected(x, node, "the name of a charge above this one");
}

static bool may_be_buyer(struct market_end e)
{
    return e.kind == MARKET_BUYER || e.kind == MARKET_MAKER || e.kind == MARKET_TAKER;
}

/* With `price: paid` what the buyer pays must never fall as the seller asks more.               */
static enum heed_status grows(const struct market_reading *x, int row,
                              const struct market_charge *c)
{
    if (!x->r->paid)
        return HEED_OK;
    if (may_be_buyer(c->to) || may_be_buyer(c->otherwise))
        return yaml_error(x->y, yaml_get(x->y, row, "to"), x->err,
                          "with `price: paid` nothing can go to the buyer: give `price: asked`");
    if (may_be_buyer(c->from) && (c->bands == MARKET_WHOLE || c->counting >= 0))
        return yaml_error(x->y, row, x->err,
                          "with `price: paid` a charge on the buyer has neither `bands` (`slices` "
                          "are fine) nor `counting`: what he pays must grow with the price");
    return HEED_OK;
}

static enum heed_status ends(const struct market_reading *x, int row, struct market_charge *c)
{
    int from = yaml_get(x->y, row, "from"), to = yaml_get(x->y, row, "to");
    int otherwise = yaml_get(x->y, row, "else");
    if (!from || !to)
        return yaml_error(x->y, row, x->err,
                          "say who pays whom: `from: seller` and `to: sink`, say");
    enum heed_status status = reading_end(x, from, &c->from);
    if (status == HEED_OK)
        status = reading_end(x, to, &c->to);
    if (status == HEED_OK && otherwise)
        status = reading_end(x, otherwise, &c->otherwise);
    if (status == HEED_OK && (c->from.kind == MARKET_CREATOR || c->from.kind == MARKET_AFFILIATE))
        status = reading_expected(x, from,
                                  "somebody who pays in a trade: seller, buyer, maker, "
                                  "taker or an account of the platform");
    if (status == HEED_OK && c->from.kind == c->to.kind && c->from.account == c->to.account)
        status = yaml_error(x->y, to, x->err, "it goes to whom it comes from");
    return status;
}

/* The amount: what it is reckoned on, and its rates and bounds.                                 */
static enum heed_status amount(const struct market_reading *x, int row, struct market_charge *c)
{
    static const char *const of[] = {"price", "increase"}, *const per[] = {"trade", "item"};
    static const char *const rounding[] = {"down", "up", "half_even"};
    static const enum rounding meant[] = {ROUND_DOWN, ROUND_UP, ROUND_HALF_EVEN};
    int what = 0, item = 0, way = 0;
    enum heed_status status = rate(x, row, "rate", 0, &c->rate);
    if (status == HEED_OK)
        status = rate(x, row, "share", MARKET_PPM, &c->share);
    if (status == HEED_OK)
        status =
            reading_choice(x, row, "of", of, 2,
                           "price, or increase (of a relisted price over the one before)", &what);
    if (status == HEED_OK)
        status = reading_choice(x, row, "per", per, 2,
                                "trade, or item (reckoned and rounded for one, times the quantity)",
                                &item);
    if (status == HEED_OK)
        status = reading_choice(x, row, "rounding", rounding, 3, "down, up or half_even", &way);
    if (status == HEED_OK)
        status = reading_money(x, row, "flat", 0, &c->flat_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "below", 0, &c->below_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "min", 0, &c->min_minor);
    if (status == HEED_OK)
        status = reading_money(x, row, "max", -1, &c->max_minor);
    c->of = (enum market_of)what;
    c->per_item = item;
    c->rounding = meant[way];
    if (status == HEED_OK && c->max_minor >= 0 && c->max_minor < c->min_minor)
        status = yaml_error(x->y, row, x->err, "max is below min");
    if (status == HEED_OK)
        status = bands(x, row, c);
    return status == HEED_OK ? counting(x, row, c) : status;
}

enum heed_status reading_charge(const struct market_reading *x, int row, size_t i)
{
    struct market_charge *c = &x->r->charges[i];
    *c = (struct market_charge){.counting = -1};
    enum heed_status status =
        yaml_only(x->y, row,
                  " name on class not_class from to else exempt of per rate share flat bands "
                  "slices below min max counting rounding ",
                  x->err);
    if (status == HEED_OK)
        status = reading_name(x, row, &c->name, &c->line);
    if (status == HEED_OK)
        status = reading_scope(x, row, &c->scope);
    if (status == HEED_OK)
        status = ends(x, row, c);
    if (status == HEED_OK)
        status = reading_sides(x, row, "exempt", &c->exempt_seller, &c->exempt_buyer);
    if (status == HEED_OK)
        status = amount(x, row, c);
    return status == HEED_OK ? grows(x, row, c) : status;
}
