/* Acts a day, from the journal: the state keeps no history of them. */
#include "report/data.h"

#include "base/time.h"
#include "world/engine.h"

#include <stdlib.h>

struct counting {
    struct report_data *d;
    size_t last; /* where the last act fell: acts come nearly in order */
};

static bool count_day(struct counting *k, int64_t day, uint64_t acts, bool bought)
{
    struct report_data *d = k->d;
    if (k->last < d->days_n && d->days[k->last].day == day) {
        d->days[k->last].events += acts;
        d->days[k->last].bought += bought;
        return true;
    }
    size_t low = 0, high = d->days_n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (d->days[middle].day < day)
            low = middle + 1;
        else
            high = middle;
    }
    k->last = low;
    if (low < d->days_n && d->days[low].day == day) {
        d->days[low].events += acts;
        d->days[low].bought += bought;
        return true;
    }
    if (!array_grow(&d->days, &d->days_cap, d->days_n + 1, sizeof *d->days))
        return false;
    memmove(&d->days[low + 1], &d->days[low], (d->days_n - low) * sizeof *d->days);
    d->days[low] = (struct day_row){day, acts, bought};
    d->days_n++;
    return true;
}

static enum heed_status count_call(void *context, const struct call *c, struct heed_error *err)
{
    if (c->command == COMMAND_event_counted)
        return count_day(context, c->time_ms / DAY_MS, (uint64_t)c->i[2], false) ? HEED_OK
                                                                                 : error_nomem(err);
    bool event = c->command == COMMAND_event_add;
    if (!event && c->command != COMMAND_shop_buy)
        return HEED_OK;
    int64_t time_ms = event && c->i[7] != CALL_ABSENT ? c->i[7] : c->time_ms;
    return count_day(context, time_ms / DAY_MS, 1, !event) ? HEED_OK : error_nomem(err);
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
        if (category == HANDLE_NONE)
            continue;
        rows[category].points += t ? engine_popularity(d->w, t) : 0;
        rows[category].contents++;
    }
    qsort(rows, n, sizeof *rows, by_points);
    while (d->categories_n < CATEGORIES && d->categories_n < n &&
           rows[d->categories_n].points >= .5) {
        d->categories[d->categories_n] = rows[d->categories_n];
        d->categories_n++;
    }
    free(rows);
    return HEED_OK;
}

enum heed_status gather_activity(struct report_data *d, struct heed_error *err)
{
    struct counting k = {d, 0};
    enum heed_status status = world_walk(d->w, count_call, &k, err);
    return status == HEED_OK ? categories(d, err) : status;
}
