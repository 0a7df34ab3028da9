/* What time does to a market: orders expire, a limit state halts it, a halt ends in a call, hours
 * open and close it; and the same by hand.
 *
 * The limit state has the shape of the US Limit Up - Limit Down plan: a best price that stands at
 * the edge of the band for 15 s halts trading, and a call auction reopens it. */
#include "circulation/exchange_parts.h"

#include "base/error.h"

enum bell { BELL_CALL, BELL_OPEN, BELL_CLOSE, BELL_END, BELLS };

int64_t band_of(int64_t reference, uint32_t ppm, int sign)
{
    return reference + sign * (int64_t)((wide)reference * ppm / PPM);
}

void bands_set(struct exchange *x)
{
    if (x->dynamic_ref == x->last)
        return;
    x->dynamic_ref = x->last;
    if (x->set.dynamic_ppm == 0)
        return;
    x->band_low = band_of(x->last, x->set.dynamic_ppm, -1);
    x->band_high = band_of(x->last, x->set.dynamic_ppm, 1);
}

static void watch_limit(struct exchange *x)
{
    const struct level *bid = best_level(x, SIDE_BIDS), *ask = best_level(x, SIDE_ASKS);
    bool at_edge = x->phase == EXCHANGE_CONTINUOUS && x->set.dynamic_ppm > 0 && x->last > 0 &&
                   ((bid && bid->price >= x->band_high) || (ask && ask->price <= x->band_low));
    if (!at_edge)
        x->limit_until = INT64_MAX;
    else if (x->limit_until == INT64_MAX)
        x->limit_until = x->now_ms + x->set.limit_ms;
}

void match_settle(struct exchange *x, struct exchange_out *out)
{
    if (x->sides[SIDE_STOP_BUYS].n + x->sides[SIDE_STOP_SELLS].n > 0)
        match_stops(x, out);
    if (x->set.dynamic_ppm > 0) {
        bands_set(x);
        watch_limit(x);
    }
}

/* ── changes ── */

static struct exchange_event *enter_phase(struct exchange *x, enum exchange_phase to,
                                          int64_t for_ms, enum exchange_reason reason,
                                          struct exchange_out *out)
{
    x->phase = (uint8_t)to;
    x->phase_until = for_ms > 0 ? x->now_ms + for_ms : INT64_MAX;
    x->limit_until = INT64_MAX;
    struct exchange_event *e = event_of(x, out, EXCHANGE_PHASE, NULL);
    e->reason = (uint8_t)reason;
    return e;
}

static void enter_call(struct exchange *x, enum exchange_phase then, int64_t for_ms,
                       enum exchange_reason reason, struct exchange_out *out)
{
    bool banded = x->set.static_ppm > 0 && x->static_ref > 0;
    x->after_call = (uint8_t)then;
    x->extended = 0;
    x->call_low = banded ? band_of(x->static_ref, x->set.static_ppm, -1) : 0;
    x->call_high = banded ? band_of(x->static_ref, x->set.static_ppm, 1) : 0;
    x->call_ref = 0;
    enter_phase(x, EXCHANGE_CALL, for_ms, reason, out);
}

static void finish_call(struct exchange *x, struct exchange_call c, enum exchange_phase to,
                        enum exchange_reason reason, struct exchange_out *out)
{
    struct exchange_event *e = enter_phase(x, to, 0, reason, out);
    e->price = c.price;
    e->size = c.volume;
    e->left = c.surplus;
    call_uncross(x, c, out);
    match_settle(x, out);
}

/* A call whose best price lies outside its band goes on once, then the band does not bind. */
static void end_call(struct exchange *x, enum exchange_reason reason, struct exchange_out *out)
{
    struct exchange_call c = call_find(x, !x->extended), free_one = call_find(x, false);
    if (c.volume < free_one.volume) {
        x->extended = 1;
        enter_phase(x, EXCHANGE_CALL, x->set.call_ms > 0 ? x->set.call_ms : 1, EXCHANGE_EXTENDED,
                    out);
        return;
    }
    finish_call(x, c, x->after_call, reason, out);
}

/* ── hours ── */

static int64_t bell_ms(const struct exchange_settings *s, uint32_t bell)
{
    const int64_t at[BELLS] = {s->open_ms - s->call_ms, s->open_ms, s->close_ms,
                               s->close_ms + s->closing_ms};
    return at[bell];
}

static bool has_hours(const struct exchange_settings *s)
{
    return s->open_ms != 0 || s->close_ms != 0;
}

void phase_hours_begin(struct exchange *x, int64_t now_ms)
{
    if (!has_hours(&x->set))
        return;
    int64_t day = now_ms / DAY_MS - (now_ms % DAY_MS < 0), in_day = now_ms - day * DAY_MS;
    uint32_t bell = 0;
    while (bell < BELLS && bell_ms(&x->set, bell) <= in_day)
        bell++;
    static const uint8_t during[BELLS + 1] = {EXCHANGE_CLOSED, EXCHANGE_CALL, EXCHANGE_CONTINUOUS,
                                              EXCHANGE_CALL, EXCHANGE_CLOSED};
    static const uint8_t then[BELLS + 1] = {EXCHANGE_CLOSED, EXCHANGE_CONTINUOUS, EXCHANGE_CLOSED,
                                            EXCHANGE_CLOSED, EXCHANGE_CLOSED};
    x->phase = during[bell];
    x->after_call = then[bell];
    day += bell == BELLS;
    x->hours_bell = bell % BELLS;
    x->hours_next = day * DAY_MS + bell_ms(&x->set, x->hours_bell);
}

static void ring(struct exchange *x, struct exchange_out *out)
{
    uint32_t bell = x->hours_bell;
    int64_t next_day = bell == BELL_END ? DAY_MS : 0;
    x->hours_bell = (bell + 1) % BELLS;
    x->hours_next += next_day + bell_ms(&x->set, x->hours_bell) - bell_ms(&x->set, bell);
    switch (bell) {
    case BELL_CALL:
        if (x->set.call_ms > 0 && x->phase != EXCHANGE_CALL)
            enter_call(x, EXCHANGE_CONTINUOUS, 0, EXCHANGE_BY_HOURS, out);
        break;
    case BELL_OPEN:
        if (x->phase == EXCHANGE_CALL)
            end_call(x, EXCHANGE_BY_HOURS, out);
        else if (x->phase == EXCHANGE_CLOSED)
            enter_phase(x, EXCHANGE_CONTINUOUS, 0, EXCHANGE_BY_HOURS, out);
        break;
    case BELL_CLOSE:
        if (x->phase == EXCHANGE_CALL) {
            x->after_call = EXCHANGE_CLOSED;
            x->phase_until = INT64_MAX;
        } else if (x->phase != EXCHANGE_CLOSED && x->set.closing_ms > 0) {
            enter_call(x, EXCHANGE_CLOSED, 0, EXCHANGE_BY_HOURS, out);
        }
        break;
    default:
        x->after_call = EXCHANGE_CLOSED;
        if (x->phase == EXCHANGE_CALL || x->phase == EXCHANGE_HALT)
            end_call(x, EXCHANGE_BY_HOURS, out);
        else if (x->phase != EXCHANGE_CLOSED)
            enter_phase(x, EXCHANGE_CLOSED, 0, EXCHANGE_BY_HOURS, out);
        break;
    }
}

/* ── time ── */

static int64_t first_expiry(const struct exchange *x)
{
    return x->heap_n ? x->orders[x->heap[0]].expires_ms : INT64_MAX;
}

int64_t exchange_due(const struct exchange *x)
{
    int64_t due = first_expiry(x);
    due = x->phase_until < due ? x->phase_until : due;
    due = x->limit_until < due ? x->limit_until : due;
    return x->hours_next < due ? x->hours_next : due;
}

/* The one thing that is due soonest; of several: expiry, limit state, halt or call, hours. */
static void do_due(struct exchange *x, int64_t due, struct exchange_out *out)
{
    if (first_expiry(x) == due) {
        order_drop(x, x->heap[0], EXCHANGE_EXPIRED, EXCHANGE_TIME_OVER, out);
        match_settle(x, out);
    } else if (x->limit_until == due) {
        struct exchange_event *e = enter_phase(x, EXCHANGE_HALT, 0, EXCHANGE_BY_LIMIT, out);
        e->price = x->last;
        x->phase_until = x->now_ms + x->set.halt_ms;
    } else if (x->phase_until == due) {
        if (x->phase == EXCHANGE_HALT)
            enter_call(x, EXCHANGE_CONTINUOUS, x->set.call_ms, EXCHANGE_BY_TIME, out);
        else
            end_call(x, EXCHANGE_BY_TIME, out);
    } else {
        ring(x, out);
    }
}

enum heed_status exchange_advance(struct exchange *x, int64_t now_ms, struct exchange_out *out)
{
    if (x->now_ms == INT64_MIN) {
        phase_hours_begin(x, now_ms);
        x->now_ms = now_ms;
    }
    for (int64_t due; (due = exchange_due(x)) <= now_ms;) {
        if (!out_reserve(x, out, 0))
            return HEED_NOMEM;
        x->now_ms = due > x->now_ms ? due : x->now_ms;
        do_due(x, due, out);
    }
    x->now_ms = now_ms > x->now_ms ? now_ms : x->now_ms;
    return HEED_OK;
}

/* ── by hand ── */

static enum refusal turn_wrong(const struct exchange *x, const struct exchange_turn *t)
{
    if (t->to == x->phase && !t->uncross)
        return REFUSED_exists;
    if (t->low < 0 || t->high < 0 || t->reference < 0 || t->for_ms < 0 ||
        (t->high > 0 && t->low > t->high))
        return REFUSED_not_positive;
    if (t->to == EXCHANGE_HALT && x->phase == EXCHANGE_CLOSED)
        return REFUSED_market_closed;
    if (t->uncross && x->phase != EXCHANGE_CALL)
        return REFUSED_market_not_in_call;
    if (t->low > EXCHANGE_PRICE_MAX || t->high > EXCHANGE_PRICE_MAX ||
        t->reference > EXCHANGE_PRICE_MAX || t->for_ms > EXCHANGE_TIME_MAX)
        return REFUSED_overflow;
    return REFUSED_NOT;
}

enum heed_status exchange_turn(struct exchange *x, int64_t now_ms, const struct exchange_turn *t,
                               enum refusal *refusal, struct exchange_out *out)
{
    int64_t was_ms = x->now_ms;
    size_t due = out->n;
    enum heed_status status = exchange_advance(x, now_ms, out);
    if (status != HEED_OK)
        return status;
    due = out->n - due;
    *refusal = turn_wrong(x, t);
    if (*refusal != REFUSED_NOT) {
        if (due == 0 && was_ms != INT64_MIN)
            x->now_ms = was_ms; /* refused: nothing changes */
        return HEED_OK;
    }
    if (!out_reserve(x, out, 0))
        return HEED_NOMEM;
    bool waits = x->phase == EXCHANGE_CALL || x->phase == EXCHANGE_HALT;
    if (waits && (t->to == EXCHANGE_CONTINUOUS || t->to == EXCHANGE_CLOSED)) {
        struct exchange_call c = call_find(x, true);
        if (c.volume < call_find(x, false).volume) {
            *refusal = REFUSED_price_band;
            if (due == 0 && was_ms != INT64_MIN)
                x->now_ms = was_ms;
            return HEED_OK;
        }
        finish_call(x, c, (enum exchange_phase)t->to, EXCHANGE_BY_HAND, out);
    } else if (t->to == EXCHANGE_CALL) {
        enter_call(x, EXCHANGE_CONTINUOUS, t->for_ms, EXCHANGE_BY_HAND, out);
        x->call_low = t->low ? t->low : x->call_low;
        x->call_high = t->high ? t->high : x->call_high;
        x->call_ref = t->reference;
    } else { /* into a halt the orders of a call go as they are: they wait for the next */
        enter_phase(x, (enum exchange_phase)t->to, t->for_ms, EXCHANGE_BY_HAND, out);
        if (t->to == EXCHANGE_CONTINUOUS)
            match_settle(x, out);
    }
    return HEED_OK;
}
