/* What attention was paid and how money went from faucets to sinks. */
#include "report/data.h"

#include <stdlib.h>

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
    for (; d->epochs_n < c->settlements_n; d->epochs_n++) {
        d->epochs[d->epochs_n].s = c->settlements[d->epochs_n];
        bool fed = c->settlements[d->epochs_n].feeds > 0;
        d->fed += fed;
        d->floors_kept += fed && c->settlements[d->epochs_n].floor_kept;
        d->paid_minor += c->settlements[d->epochs_n].paid_minor;
    }
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

static enum place place_of(const struct ledger *l, uint32_t account)
{
    switch (l->accounts[account].holder) {
    case HOLDER_ISSUE:
        return PLACE_ISSUE;
    case HOLDER_RETIRE:
        return PLACE_RETIRE;
    case HOLDER_POOL:
        return PLACE_POOL;
    case HOLDER_SHOP:
        return PLACE_SHOP;
    default:
        return PLACE_PEOPLE;
    }
}

/* Of an account's currency; NULL: it holds things. */
static struct money_row *row_of(struct report_data *d, uint32_t account)
{
    uint32_t unit = d->w->state.ledger.accounts[account].unit;
    return unit < d->w->state.rules.currencies_n ? &d->money[unit] : NULL;
}

/* Issued and retired come from the transfers, what is held from the balances, so that the identity
 * compares two sums that were made apart.                                                       */
static void money(struct report_data *d)
{
    const struct ledger *l = &d->w->state.ledger;
    for (size_t i = 0; i < l->transfers_n; i++) {
        const struct transfer *t = &l->transfers[i];
        struct money_row *m = row_of(d, t->debit);
        if (!m)
            continue;
        if (place_of(l, t->debit) == PLACE_ISSUE)
            m->issued += ledger_effect(l, t).moved;
        if (place_of(l, t->credit) == PLACE_RETIRE)
            m->retired += ledger_effect(l, t).moved;
        m->transfers++;
    }
    for (uint32_t i = 0; i < l->accounts_n; i++) {
        enum place place = place_of(l, i);
        struct money_row *m = row_of(d, i);
        if (m && place != PLACE_ISSUE && place != PLACE_RETIRE)
            m->held[place] += ledger_balance(l, i);
    }
    for (size_t i = d->w->state.rules.currencies_n; i-- > 0;) {
        struct money_row *m = &d->money[i];
        m->holds = m->issued - m->retired ==
                       m->held[PLACE_POOL] + m->held[PLACE_PEOPLE] + m->held[PLACE_SHOP] &&
                   ledger_totals(l, (uint16_t)i).sum_minor == 0;
        if (m->transfers > 0)
            d->currency = i;
    }
    for (size_t i = 0; i < l->transfers_n; i++) {
        const struct transfer *t = &l->transfers[i];
        int64_t moved = ledger_effect(l, t).moved;
        if (l->accounts[t->debit].unit != d->currency)
            continue;
        d->flow[place_of(l, t->debit)][place_of(l, t->credit)] += moved;
        d->by_code[t->code < CODE_COUNT ? t->code : CODE_TRANSFER] += moved;
    }
}

enum heed_status gather_value(struct report_data *d, struct heed_error *err)
{
    money(d);
    return epochs(d, err);
}
