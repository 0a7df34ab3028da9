/* The base fee that follows use. */
#include "base/error.h"
#include "circulation/rules_usage.h"

__extension__ typedef __int128 i128;

bool market_fee_next(int64_t fee_minor, int64_t used, int64_t target, int64_t change,
                     int64_t min_minor, int64_t max_minor, int64_t *next_minor)
{
    i128 next = fee_minor;
    if (used > target) {
        i128 up = (i128)fee_minor * (used - target) / target / change;
        next += up > 0 ? up : 1;
    } else {
        next -= (i128)fee_minor * (target - used) / target / change;
    }
    if (next < min_minor)
        next = min_minor;
    if (max_minor >= 0 && next > max_minor)
        next = max_minor;
    if (next > INT64_MAX)
        return false;
    *next_minor = (int64_t)next;
    return true;
}

static int64_t after(const struct market_base_fee *b, int64_t fee, int64_t used)
{
    int64_t next;
    return market_fee_next(fee, used, b->target_units, b->change, b->min_minor, b->max_minor, &next)
               ? next
               : INT64_MAX;
}

/* The meter at the beginning of the period of time_ms.                                          */
static struct market_meter turned(struct market_meter m, const struct market_base_fee *b,
                                  int64_t time_ms)
{
    int64_t period = time_ms / b->period_ms;
    if (!m.open)
        return (struct market_meter){true, period, b->start_minor, 0};
    if (period <= m.period)
        return m;
    m.fee_minor = after(b, m.fee_minor, m.used);
    for (int64_t i = m.period + 1; i < period; i++) { /* nothing was used in these */
        int64_t next = after(b, m.fee_minor, 0);
        if (next == m.fee_minor)
            break;
        m.fee_minor = next;
    }
    return (struct market_meter){true, period, m.fee_minor, 0};
}

int64_t market_meter_fee(const struct market_meter *m, const struct market_base_fee *b,
                         int64_t time_ms)
{
    return b->set ? turned(*m, b, time_ms).fee_minor : 0;
}

void market_meter_add(struct market_meter *m, const struct market_base_fee *b, int64_t time_ms,
                      int64_t units)
{
    if (!b->set)
        return;
    *m = turned(*m, b, time_ms);
    if (__builtin_add_overflow(m->used, units, &m->used))
        m->used = INT64_MAX;
}

void market_meter_save(const struct market_meter *m, struct sink *k)
{
    sink_u8(k, m->open);
    sink_i64(k, m->period);
    sink_i64(k, m->fee_minor);
    sink_i64(k, m->used);
}

enum heed_status market_meter_load(struct market_meter *m, struct source *k, struct heed_error *err)
{
    uint8_t open = source_u8(k);
    *m = (struct market_meter){.open = open == 1, .period = source_i64(k)};
    m->fee_minor = source_i64(k);
    m->used = source_i64(k);
    if (!k->failed && open <= 1 && m->fee_minor >= 0 && m->used >= 0)
        return HEED_OK;
    *m = (struct market_meter){0};
    return error_set(err, HEED_INPUT, "market", "the saved meter of the base fee is damaged");
}
