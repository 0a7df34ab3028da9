/* What the report shows: the parts in order. */
#include "report/data.h"

#include <stdlib.h>

void report_free(struct report_data *d)
{
    if (!d)
        return;
    free(d->dots);
    free(d->epochs);
    free(d->days);
    market_data_free(&d->market);
    free(d);
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
    d->unknown = behaviour_unknown(&s->behaviour);
    d->late = s->consumption.late;
    d->purchases = s->shop.purchases_n;
    for (size_t i = 0; i < s->shop.purchases_n; i++)
        d->refunded += purchase_refunded(&s->shop.purchases[i]);
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
    enum heed_status status = gather_activity(d, err);
    if (status == HEED_OK)
        status = gather_contents(d, err);
    if (status == HEED_OK)
        status = gather_frontier(d, err);
    if (status == HEED_OK)
        status = gather_value(d, err);
    if (status == HEED_OK)
        status = gather_market(d, err);
    if (status == HEED_OK)
        status = gather_fees(d, err);
    if (status == HEED_OK)
        status = world_hash(w, &d->hash, err);
    if (status != HEED_OK) {
        report_free(d);
        return status;
    }
    *out = d;
    return HEED_OK;
}
