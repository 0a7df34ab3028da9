/* What rules say that can hardly be meant: rules that can never apply, and rules that contradict.
 */
#include "base/error.h"
#include "circulation/rules_parts.h"

#include <stdarg.h>
#include <stdio.h>

struct checking {
    const struct market_rules *r;
    void (*warn)(void *context, uint32_t line, const char *rule, const char *text);
    void *context;
    size_t n;
};

__attribute__((format(printf, 4, 5))) static void
say(struct checking *c, uint32_t line, const struct market_name *rule, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->n++;
    c->warn(c->context, line, rule->text, text);
}

static const char *amount(const struct checking *c, int64_t minor, char buf[32])
{
    return money_to_text((struct money){minor}, c->r->scale, buf);
}

/* ── scopes ── */

/* Classes as bits; bit 64 would be all that no rule names, so that is asked apart.              */
static uint64_t classes_of(const struct checking *c, const struct market_scope *s)
{
    uint64_t all = c->r->classes_n == 64 ? UINT64_MAX : (UINT64_C(1) << c->r->classes_n) - 1;
    return (s->classes ? s->classes : all) & ~s->not_classes;
}

static bool empty(const struct checking *c, const struct market_scope *s)
{
    return s->classes != 0 && classes_of(c, s) == 0;
}

static bool overlap(const struct checking *c, const struct market_scope *a,
                    const struct market_scope *b)
{
    bool unnamed = a->classes == 0 && b->classes == 0;
    return (a->kinds & b->kinds) && (unnamed || (classes_of(c, a) & classes_of(c, b)));
}

/* Whether all that is in a is in b.                                                             */
static bool within(const struct checking *c, const struct market_scope *a,
                   const struct market_scope *b)
{
    return (a->kinds & ~b->kinds) == 0 && !(a->classes == 0 && b->classes != 0) &&
           (classes_of(c, a) & ~classes_of(c, b)) == 0;
}

/* Nothing is in the scope, or all of it is forbidden.                                           */
static void check_scope(struct checking *c, const struct market_scope *s,
                        const struct market_name *name, uint32_t line)
{
    if (empty(c, s)) {
        say(c, line, name, "it never applies: `not_class` takes out every class of `class`");
        return;
    }
    for (uint32_t i = 0; i < c->r->access_n; i++) {
        const struct market_access *a = &c->r->access[i];
        if (a->forbidden && &a->name != name && within(c, s, &a->scope))
            say(c, line, name, "it never applies: `%s` (line %u) forbids all that it speaks of",
                a->name.text, a->line);
    }
}

/* ── prices ── */

static void check_prices(struct checking *c)
{
    const struct market_rules *r = c->r;
    char low[32], high[32];
    for (uint32_t i = 0; i < r->prices_n; i++)
        for (uint32_t j = 0; j < r->prices_n; j++) {
            const struct market_price *floor = &r->prices[i], *ceiling = &r->prices[j];
            if (floor->floor_minor < 0 || ceiling->ceiling_minor < 0 ||
                floor->floor_minor <= ceiling->ceiling_minor ||
                (i != j && !overlap(c, &floor->scope, &ceiling->scope)))
                continue;
            if (i == j)
                say(c, floor->line, &floor->name,
                    "its floor of %s is above its ceiling of %s, so that it refuses every price",
                    amount(c, floor->floor_minor, low), amount(c, ceiling->ceiling_minor, high));
            else
                say(c, floor->line, &floor->name,
                    "its floor of %s is above the ceiling of %s of `%s` (line %u): what both speak "
                    "of has no price",
                    amount(c, floor->floor_minor, low), amount(c, ceiling->ceiling_minor, high),
                    ceiling->name.text, ceiling->line);
        }
}

/* The lowest ceiling over all that is in a scope; -1: none.                                     */
static int64_t ceiling_over(const struct checking *c, const struct market_scope *s)
{
    int64_t least = -1;
    for (uint32_t i = 0; i < c->r->prices_n; i++) {
        const struct market_price *p = &c->r->prices[i];
        if (p->ceiling_minor >= 0 && within(c, s, &p->scope) &&
            (least < 0 || p->ceiling_minor < least))
            least = p->ceiling_minor;
    }
    return least;
}

/* ── charges ── */

/* Whether another band holds the amount at which band i ends; if not, where the next begins (-1:
 * nowhere).                                                                                      */
static bool goes_on(const struct market_charge *x, uint32_t i, int64_t *next)
{
    int64_t end = x->band[i].to_minor;
    *next = -1;
    for (uint32_t j = 0; j < x->bands_n; j++) {
        const struct market_band *b = &x->band[j];
        if (b->from_minor <= end && (b->to_minor < 0 || b->to_minor > end))
            return true;
        if (b->from_minor > end && (*next < 0 || b->from_minor < *next))
            *next = b->from_minor;
    }
    return false;
}

static void check_bands(struct checking *c, const struct market_charge *x)
{
    char a[32], b[32];
    int64_t next;
    for (uint32_t i = 0; i < x->bands_n; i++) {
        const struct market_band *one = &x->band[i];
        for (uint32_t j = 0; j < i; j++) {
            const struct market_band *other = &x->band[j];
            if ((other->to_minor < 0 || other->to_minor > one->from_minor) &&
                (one->to_minor < 0 || other->from_minor < one->to_minor))
                say(c, x->line, &x->name, "bands %u and %u overlap: %s", j + 1, i + 1,
                    x->bands == MARKET_SLICES ? "the slice they share is charged twice"
                                              : "the one written first holds what they share");
        }
        if (one->to_minor < 0 || goes_on(x, i, &next))
            continue;
        if (next >= 0)
            say(c, x->line, &x->name, "its bands leave a gap: nothing is charged from %s up to %s",
                amount(c, one->to_minor, a), amount(c, next, b));
        else
            say(c, x->line, &x->name, "its bands end: %s from %s upwards",
                x->bands == MARKET_SLICES ? "nothing more is charged" : "nothing is charged",
                amount(c, one->to_minor, a));
    }
}

static bool takes_nothing(const struct market_charge *x)
{
    bool some = x->flat_minor > 0 || x->rate.ppm > 0 || x->min_minor > 0;
    for (uint32_t i = 0; i < x->rate.terms_n; i++)
        some = some || x->rate.terms[i].each_ppm != 0;
    for (uint32_t i = 0; i < x->bands_n; i++)
        some = some || x->band[i].rate_ppm > 0 || x->band[i].flat_minor > 0;
    return !some || x->max_minor == 0;
}

static void check_charge(struct checking *c, const struct market_charge *x)
{
    char below[32], top[32];
    int64_t ceiling = ceiling_over(c, &x->scope);
    check_scope(c, &x->scope, &x->name, x->line);
    if (takes_nothing(x))
        say(c, x->line, &x->name, "it takes nothing, whatever the price");
    if (x->of == MARKET_OF_INCREASE && !(x->scope.kinds & 1 << MARKET_RELIST))
        say(c, x->line, &x->name,
            "it is `of: increase`, which only a relisting has: say `on: relist`");
    if (x->per_item && ceiling >= 0 && x->below_minor > ceiling)
        say(c, x->line, &x->name,
            "it never applies: it exempts what is below %s, and no price is above %s",
            amount(c, x->below_minor, below), amount(c, ceiling, top));
    if (x->per_item && ceiling >= 0)
        for (uint32_t i = 0; i < x->bands_n; i++)
            if (x->band[i].from_minor > ceiling)
                say(c, x->line, &x->name, "band %u is never reached: no price is above %s", i + 1,
                    amount(c, ceiling, top));
    if ((x->from.kind == MARKET_MAKER || x->from.kind == MARKET_TAKER ||
         x->to.kind == MARKET_MAKER || x->to.kind == MARKET_TAKER) &&
        !(x->scope.kinds & 1 << MARKET_EXCHANGE))
        say(c, x->line, &x->name, "maker and taker are of an exchange, which is not in `on`");
    check_bands(c, x);
}

static bool from_seller(const struct market_charge *x)
{
    return x->from.kind == MARKET_SELLER && x->bands == MARKET_NO_BANDS &&
           x->share.ppm == MARKET_PPM && x->max_minor < 0;
}

/* Rates on the seller that leave him nothing.                                                   */
static void check_sum(struct checking *c)
{
    const struct market_rules *r = c->r;
    for (uint32_t i = 0; i < r->charges_n; i++) {
        int64_t sum = 0;
        if (!from_seller(&r->charges[i]))
            continue;
        for (uint32_t j = 0; j <= i; j++)
            if (from_seller(&r->charges[j]) &&
                within(c, &r->charges[i].scope, &r->charges[j].scope))
                sum += r->charges[j].rate.ppm;
        if (sum > MARKET_PPM)
            say(c, r->charges[i].line, &r->charges[i].name,
                "with the charges above it the seller pays %lld.%02lld%% of the price: every trade "
                "is refused",
                (long long)(sum / 10000), (long long)(sum / 100 % 100));
    }
}

/* ── limits, holds ── */

static void check_limits(struct checking *c)
{
    const struct market_rules *r = c->r;
    for (uint32_t i = 0; i < r->limits_n; i++) {
        const struct market_limit *a = &r->limits[i];
        check_scope(c, &a->scope, &a->name, a->line);
        if (a->units == 0)
            say(c, a->line, &a->name,
                "a limit of 0 units refuses every trade: `access` with `forbidden: true` says it "
                "plainly");
        for (uint32_t j = 0; j < r->limits_n; j++) {
            const struct market_limit *b = &r->limits[j];
            /* windows that open at different moments may each be the one that binds */
            bool alike = b->window_ms == a->window_ms && b->per_item == a->per_item &&
                         within(c, &b->scope, &a->scope);
            bool same = alike && b->units == a->units;
            if (i != j && a->of_seller == b->of_seller && within(c, &a->scope, &b->scope) &&
                (a->per_item || !b->per_item) && (alike || b->window_ms == 0) &&
                b->units <= a->units && (!same || j < i))
                say(c, a->line, &a->name,
                    "it is never reached: `%s` (line %u) allows no more, for "
                    "as long or longer",
                    b->name.text, b->line);
        }
    }
}

static void check_holds(struct checking *c)
{
    const struct market_rules *r = c->r;
    for (uint32_t i = 0; i < r->holds_n; i++) {
        const struct market_hold *a = &r->holds[i];
        check_scope(c, &a->scope, &a->name, a->line);
        for (uint32_t j = 0; j < r->holds_n; j++) {
            const struct market_hold *b = &r->holds[j];
            if (i != j && a->what == b->what && within(c, &a->scope, &b->scope) &&
                !b->unless_seller.set && !b->unless_buyer.set &&
                (b->span_ms > a->span_ms || (b->span_ms == a->span_ms && j < i)))
                say(c, a->line, &a->name,
                    "it changes nothing: `%s` (line %u) holds as long or longer", b->name.text,
                    b->line);
        }
    }
}

size_t market_rules_check(const struct market_rules *r,
                          void (*warn)(void *context, uint32_t line, const char *rule,
                                       const char *text),
                          void *context)
{
    struct checking c = {r, warn, context, 0};
    for (uint32_t i = 0; i < r->access_n; i++)
        check_scope(&c, &r->access[i].scope, &r->access[i].name, r->access[i].line);
    for (uint32_t i = 0; i < r->prices_n; i++)
        check_scope(&c, &r->prices[i].scope, &r->prices[i].name, r->prices[i].line);
    check_prices(&c);
    check_limits(&c);
    for (uint32_t i = 0; i < r->charges_n; i++)
        check_charge(&c, &r->charges[i]);
    check_sum(&c);
    check_holds(&c);
    for (uint32_t i = 0; i < r->pools_n; i++)
        check_scope(&c, &r->pools[i].scope, &r->pools[i].name, r->pools[i].line);
    if (r->base_fee.set)
        check_scope(&c, &r->base_fee.scope, &r->base_fee.name, r->base_fee.line);
    return c.n;
}
