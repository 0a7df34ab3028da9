/* When holds end by themselves: a binary heap of the pending transfers' times. What was posted or
 * voided before stays in it until its time has come. */
#include "base/error.h"
#include "ledger/ledger_parts.h"

#include <limits.h>

static bool sooner(struct deadline a, struct deadline b)
{
    return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.transfer < b.transfer;
}

bool ledger_room_for_deadlines(struct ledger *l, size_t n)
{
    return array_grow(&l->deadlines, &l->deadlines_cap, l->deadlines_n + n, sizeof *l->deadlines);
}

static int64_t end_of(const struct transfer *t)
{
    int64_t span = (int64_t)t->timeout_s * 1000;
    return t->time_ms > INT64_MAX - span ? INT64_MAX : t->time_ms + span;
}

void ledger_keep_deadline(struct ledger *l, uint32_t at)
{
    const struct transfer *t = &l->transfers[at];
    if (transfer_kind_of(t) != TRANSFER_PENDING || t->timeout_s == 0)
        return;
    heed_assert(l->deadlines_n < l->deadlines_cap);
    struct deadline d = {end_of(t), at};
    size_t i = l->deadlines_n++;
    for (; i > 0 && sooner(d, l->deadlines[(i - 1) / 2]); i = (i - 1) / 2)
        l->deadlines[i] = l->deadlines[(i - 1) / 2];
    l->deadlines[i] = d;
}

static void drop_soonest(struct ledger *l)
{
    struct deadline last = l->deadlines[--l->deadlines_n];
    size_t i = 0, n = l->deadlines_n;
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && sooner(l->deadlines[child + 1], l->deadlines[child]))
            child++;
        if (!sooner(l->deadlines[child], last))
            break;
        l->deadlines[i] = l->deadlines[child];
    }
    if (n > 0)
        l->deadlines[i] = last;
}

bool ledger_due(const struct ledger *l, int64_t now_ms)
{
    return l->deadlines_n > 0 && l->deadlines[0].time_ms <= now_ms;
}

enum heed_status ledger_expire(struct ledger *l, int64_t now_ms)
{
    while (ledger_due(l, now_ms)) {
        uint32_t of = l->deadlines[0].transfer;
        if (l->transfers[of].state == STATE_STANDS) {
            if (l->transfers_n >= LEDGER_NONE)
                return HEED_RANGE;
            if (!array_grow(&l->transfers, &l->transfers_cap, l->transfers_n + 1,
                            sizeof *l->transfers))
                return HEED_NOMEM;
            const struct transfer *t = &l->transfers[of];
            l->transfers[l->transfers_n] = (struct transfer){.time_ms = l->deadlines[0].time_ms,
                                                             .amount_minor = t->amount_minor,
                                                             .debit = t->debit,
                                                             .credit = t->credit,
                                                             .of = of,
                                                             .reference = t->reference,
                                                             .code = t->code,
                                                             .kind_flags = TRANSFER_EXPIRE};
            ledger_add(l, &l->transfers[l->transfers_n], 1);
            ledger_link(l, (uint32_t)l->transfers_n++);
        }
        drop_soonest(l);
    }
    return HEED_OK;
}
