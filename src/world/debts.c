#include "world/debts.h"

#include "base/str.h"
#include "base/varint.h"

#include <stdlib.h>

__extension__ typedef unsigned __int128 u128;
enum { PPM = 1000000 };

void debts_deinit(struct debts *d)
{
    free(d->paid);
    free(d->since);
    *d = (struct debts){0};
}

/* level, feeds, budget, n; paid and since of each: varints. */
void debts_save(const struct debts *d, struct sink *k)
{
    sink_varint(k, d->level);
    sink_varint(k, d->feeds);
    sink_varint(k, d->budget);
    sink_varint(k, d->n);
    for (size_t i = 0; i < d->n; i++) {
        sink_varint(k, d->paid[i]);
        sink_varint(k, d->since[i]);
    }
}

static bool grow(struct debts *d, size_t n)
{
    if (!array_grow(&d->paid, &d->paid_cap, n, sizeof *d->paid) ||
        !array_grow(&d->since, &d->since_cap, n, sizeof *d->since))
        return false;
    for (; d->n < n; d->n++) {
        d->paid[d->n] = d->level;
        d->since[d->n] = 0;
    }
    return true;
}

enum heed_status debts_load(struct debts *d, size_t contents, struct source *k,
                            struct heed_error *err)
{
    d->level = source_varint(k, INT64_MAX);
    d->feeds = source_varint(k, INT64_MAX);
    d->budget = source_varint(k, UINT32_MAX);
    size_t n = source_varint(k, contents);
    for (size_t i = 0; i < n && !k->failed; i++) {
        if (!grow(d, i + 1))
            return error_nomem(err);
        d->paid[i] = source_varint(k, INT64_MAX);
        d->since[i] = source_varint(k, INT64_MAX);
    }
    return HEED_OK;
}

static uint64_t sum_of(const uint64_t *exposure, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exposure[i];
    return sum;
}

static uint64_t share_of(uint64_t exposure, uint32_t floor_ppm)
{
    return (uint64_t)((u128)exposure * floor_ppm / PPM);
}

uint32_t debts_slots(const struct debts *d, const uint64_t *exposure, size_t n, uint32_t floor_ppm)
{
    uint64_t share = share_of(sum_of(exposure, n), floor_ppm), last = 0;
    uint32_t slots = 0;
    while (slots < n && last < share && last + exposure[n - 1 - slots] <= d->budget + share)
        last += exposure[n - 1 - slots++];
    return slots;
}

uint64_t debts_promise(const uint64_t *exposure, size_t n, uint32_t floor_ppm, size_t contents)
{
    u128 part = (u128)contents * PPM;
    return part ? (uint64_t)(((u128)sum_of(exposure, n) * DEBT_UNITS * floor_ppm + part - 1) / part)
                : 0;
}

void debts_owed(const struct debts *d, size_t contents, uint64_t *owed)
{
    for (size_t i = 0; i < contents; i++)
        owed[i] = i < d->n && d->paid[i] < d->level
                      ? (d->level - d->paid[i] + DEBT_UNITS - 1) / DEBT_UNITS
                      : 0;
}

enum heed_status debts_served(struct debts *d, size_t contents, uint64_t promise, uint64_t exposure,
                              uint64_t spent, uint32_t floor_ppm)
{
    uint64_t share = share_of(exposure, floor_ppm), budget = d->budget + share;
    if (contents > d->n && !grow(d, contents))
        return HEED_NOMEM;
    budget = budget > spent ? budget - spent : 0;
    d->budget = budget < BUDGET_MAX + share ? budget : BUDGET_MAX + share;
    d->level += promise;
    d->feeds++;
    return HEED_OK;
}

void debts_shown(struct debts *d, uint32_t content, uint32_t rank)
{
    heed_assert(content < d->n);
    d->paid[content] += exposure_of_rank(rank) * DEBT_UNITS;
    d->since[content] += exposure_of_rank(rank);
}

void debts_settle(struct debts *d)
{
    uint64_t most = (uint64_t)DEBT_MAX * DEBT_UNITS, least = d->level > most ? d->level - most : 0;
    for (size_t i = 0; i < d->n; i++) {
        d->paid[i] = d->paid[i] > d->level ? d->level : d->paid[i] < least ? least : d->paid[i];
        d->since[i] = 0;
    }
    d->feeds = 0;
}
