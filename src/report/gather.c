#include "report/data.h"

#include "base/stats.h"
#include "base/time.h"
#include "world/engine.h"

#include <stdlib.h>

void report_free(struct report_data *d)
{
    if (!d)
        return;
    free(d->dots);
    free(d->epochs);
    free(d->days);
    free(d);
}

static bool eligible(const struct state *s, uint32_t content)
{
    return !quality_removed(&s->quality, target_make(TARGET_CONTENT, content)) &&
           !(s->catalogue.parties[s->catalogue.contents[content].creator].flags & PARTY_ERASED);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Lorenz curve and Gini of exposure over the contents that may be shown.                         */
static enum heed_status curve_of(const struct state *s, const uint64_t *exposure, struct curve *c,
                                 struct heed_error *err)
{
    const struct exposure *x = &s->exposure;
    double *v = malloc((x->n + 1) * sizeof *v);
    if (!v)
        return error_nomem(err);
    size_t n = 0;
    double total = 0, sum = 0;
    for (uint32_t i = 0; i < x->n; i++)
        if (eligible(s, i)) {
            v[n] = (double)exposure[i];
            total += v[n++];
        }
    qsort(v, n, sizeof *v, ascending);
    c->any = n > 0 && total > 0;
    c->gini = gini_sorted(v, n);
    for (size_t i = 0, at = 0; c->any && i < CURVE_POINTS; i++) {
        size_t upto = n * i / (CURVE_POINTS - 1);
        for (; at < upto; at++)
            sum += v[at];
        c->y[i] = sum / total;
    }
    free(v);
    return HEED_OK;
}

static enum heed_status dots(struct report_data *d, struct heed_error *err)
{
    const struct state *s = &d->w->state;
    size_t n = s->catalogue.contents_n;
    for (uint32_t i = 0; i < n; i++)
        d->eligible_n += eligible(s, i);
    d->step = d->eligible_n / DOTS_MAX + 1;
    d->dots = calloc(d->eligible_n / d->step + 1, sizeof *d->dots);
    if (!d->dots)
        return error_nomem(err);
    size_t seen = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!eligible(s, i) || seen++ % d->step != 0)
            continue;
        uint32_t target = target_make(TARGET_CONTENT, i);
        const struct target_stats *t = behaviour_target(&s->behaviour, target);
        d->dots[d->dots_n++] =
            (struct dot){t ? t->reach : 0, engine_quality(d->w, target).score, i};
    }
    return HEED_OK;
}

static void risers(struct report_data *d)
{
    const struct state *s = &d->w->state;
    const struct exposure *x = &s->exposure;
    double given = 0, popular = 0;
    for (size_t i = 0; i < x->n; i++) {
        given += (double)x->given_sum[i];
        popular += (double)x->popularity_sum[i];
    }
    for (uint32_t i = 0; i < x->n && given > 0 && popular > 0; i++) {
        struct riser r = {.content = i,
                          .heed_share = (double)x->given_sum[i] / given,
                          .popularity_share = (double)x->popularity_sum[i] / popular};
        double rise = r.heed_share - r.popularity_share;
        if (rise <= 0 || !eligible(s, i))
            continue;
        size_t at = d->risers_n;
        while (at > 0 && d->risers[at - 1].heed_share - d->risers[at - 1].popularity_share < rise)
            at--;
        if (at >= RISERS)
            continue;
        size_t last = d->risers_n < RISERS ? d->risers_n++ : RISERS - 1;
        memmove(&d->risers[at + 1], &d->risers[at], (last - at) * sizeof r);
        d->risers[at] = r;
    }
    for (size_t i = 0; i < d->risers_n; i++) {
        uint32_t target = target_make(TARGET_CONTENT, d->risers[i].content);
        const struct target_stats *t = behaviour_target(&s->behaviour, target);
        d->risers[i].quality = engine_quality(d->w, target);
        d->risers[i].reach = t ? t->reach : 0;
    }
}

static int by_amount(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* What each person was paid in all, as quantiles; side 0 users, 1 creators.                      */
static enum heed_status payout_quantiles(struct report_data *d, int side, struct heed_error *err)
{
    const struct state *s = &d->w->state;
    int64_t *sums = calloc(s->catalogue.parties_n + 1, sizeof *sums);
    if (!sums)
        return error_nomem(err);
    for (size_t i = 0; i < s->consumption.payouts_n; i++)
        if (s->consumption.payouts[i].creator == (uint32_t)side)
            sums[s->consumption.payouts[i].party] += s->consumption.payouts[i].amount_minor;
    size_t n = 0;
    for (size_t i = 0; i < s->catalogue.parties_n; i++)
        if (sums[i] > 0)
            sums[n++] = sums[i];
    qsort(sums, n, sizeof *sums, by_amount);
    d->paid[side] = n;
    for (size_t q = 0; q < 5 && n > 0; q++)
        d->quantiles[side][q] = sums[(n - 1) * q / 4];
    free(sums);
    return HEED_OK;
}

static enum heed_status epochs(struct report_data *d, struct heed_error *err)
{
    const struct consumption *c = &d->w->state.consumption;
    d->epochs = calloc(c->settlements_n + 1, sizeof *d->epochs);
    if (!d->epochs)
        return error_nomem(err);
    for (; d->epochs_n < c->settlements_n; d->epochs_n++)
        d->epochs[d->epochs_n].s = c->settlements[d->epochs_n];
    for (size_t i = 0, at = 0; i < c->payouts_n; i++) {
        const struct payout *p = &c->payouts[i];
        while (at < d->epochs_n && d->epochs[at].s.epoch != p->epoch)
            at++;
        if (at == d->epochs_n)
            break;
        struct epoch_row *e = &d->epochs[at];
        *(p->creator ? &e->creators_minor : &e->users_minor) += p->amount_minor;
        *(p->creator ? &e->creators : &e->users) += 1;
    }
    enum heed_status status = payout_quantiles(d, 0, err);
    return status == HEED_OK ? payout_quantiles(d, 1, err) : status;
}

static int by_points(const void *a, const void *b)
{
    const struct category_row *x = a, *y = b;
    if (x->points != y->points)
        return x->points < y->points ? 1 : -1;
    return x->symbol < y->symbol ? -1 : x->symbol > y->symbol;
}

static enum heed_status categories(struct report_data *d, struct heed_error *err)
{
    const struct state *s = &d->w->state;
    size_t n = s->catalogue.symbols.count;
    struct category_row *rows = calloc(n + 1, sizeof *rows);
    if (!rows)
        return error_nomem(err);
    for (uint32_t i = 0; i < n; i++)
        rows[i].symbol = i;
    for (uint32_t i = 0; i < s->catalogue.contents_n; i++) {
        uint32_t category = s->catalogue.contents[i].category;
        const struct target_stats *t =
            behaviour_target(&s->behaviour, target_make(TARGET_CONTENT, i));
        if (category == HANDLE_NONE || !t)
            continue;
        rows[category].points += engine_popularity(d->w, t);
        rows[category].contents++;
    }
    qsort(rows, n, sizeof *rows, by_points);
    while (d->categories_n < CATEGORIES && d->categories_n < n &&
           rows[d->categories_n].points > 0) {
        d->categories[d->categories_n] = rows[d->categories_n];
        d->categories_n++;
    }
    free(rows);
    return HEED_OK;
}

struct counting {
    struct report_data *d;
    struct journal_codec *codec;
};

static bool count_day(struct report_data *d, int64_t time_ms)
{
    int64_t day = time_ms / DAY_MS;
    size_t at = d->days_n;
    while (at > 0 && d->days[at - 1].day > day)
        at--;
    if (at > 0 && d->days[at - 1].day == day) {
        d->days[at - 1].events++;
        return true;
    }
    if (!array_grow(&d->days, &d->days_cap, d->days_n + 1, sizeof *d->days))
        return false;
    memmove(&d->days[at + 1], &d->days[at], (d->days_n - at) * sizeof *d->days);
    d->days[at] = (struct day_row){day, 1};
    d->days_n++;
    return true;
}

static enum heed_status count_batch(void *context, const struct store_batch *b,
                                    struct heed_error *err)
{
    struct counting *k = context;
    const struct call *calls;
    enum heed_status status = journal_decode(k->codec, b->payload, b->commands, &calls, err);
    for (uint32_t i = 0; status == HEED_OK && i < b->commands; i++) {
        const struct call *c = &calls[i];
        bool event = c->command == COMMAND_event_add;
        if (!event && c->command != COMMAND_shop_buy)
            continue;
        int64_t time_ms = event && c->i[7] != CALL_ABSENT ? c->i[7] : c->time_ms;
        if (!count_day(k->d, time_ms))
            status = error_nomem(err);
    }
    return status;
}

static enum heed_status activity(struct report_data *d, struct heed_error *err)
{
    struct counting k = {d, journal_codec_new()};
    if (!k.codec)
        return error_nomem(err);
    enum heed_status status = d->w->store->ops->read(d->w->store, 0, count_batch, &k, err);
    journal_codec_free(k.codec);
    return status;
}

static void money(struct report_data *d)
{
    const struct ledger *l = &d->w->state.ledger;
    for (size_t i = 0; i < l->transfers_n; i++)
        if (l->transfers[i].currency == 0 && l->transfers[i].code < CODE_COUNT)
            d->flow.by_code[l->transfers[i].code] += l->transfers[i].amount_minor;
    d->flow.totals = ledger_totals(l, 0);
    uint32_t pool = ledger_find(l, HOLDER_POOL, 0), shop = ledger_find(l, HOLDER_SHOP, 0);
    d->flow.pool_balance = pool == LEDGER_NONE ? 0 : ledger_balance(l, pool);
    d->flow.shop_balance = shop == LEDGER_NONE ? 0 : ledger_balance(l, shop);
}

static void counts(struct report_data *d)
{
    const struct state *s = &d->w->state;
    for (size_t i = 0; i < s->catalogue.parties_n; i++)
        d->users += (s->catalogue.parties[i].flags & (PARTY_USER | PARTY_ERASED)) == PARTY_USER;
    d->contents = s->catalogue.contents_n;
    d->goods = s->catalogue.goods_n;
    d->services = s->catalogue.services_n;
    d->events = s->behaviour.events;
    for (uint32_t i = 0; i < s->catalogue.contents_n; i++) {
        d->copies += quality_copy_of(&s->quality, i).original != HANDLE_NONE;
        d->removed += quality_removed(&s->quality, target_make(TARGET_CONTENT, i));
    }
    d->purchases = s->shop.purchases_n;
    for (size_t i = 0; i < s->shop.purchases_n; i++)
        d->refunded += s->shop.purchases[i].refunded;
}

enum heed_status report_gather(struct world *w, const struct report_truth *truth,
                               struct report_data **out, struct heed_error *err)
{
    *out = NULL;
    struct report_data *d = calloc(1, sizeof *d);
    if (!d)
        return error_nomem(err);
    d->w = w;
    d->truth = *truth;
    counts(d);
    risers(d);
    money(d);
    enum heed_status status = curve_of(&w->state, w->state.exposure.given_sum, &d->heed, err);
    if (status == HEED_OK)
        status = curve_of(&w->state, w->state.exposure.popularity_sum, &d->popularity, err);
    if (status == HEED_OK)
        status = dots(d, err);
    if (status == HEED_OK)
        status = epochs(d, err);
    if (status == HEED_OK)
        status = categories(d, err);
    if (status == HEED_OK)
        status = activity(d, err);
    if (status == HEED_OK)
        status = world_hash(w, &d->hash, err);
    if (status != HEED_OK) {
        report_free(d);
        return status;
    }
    *out = d;
    return HEED_OK;
}
