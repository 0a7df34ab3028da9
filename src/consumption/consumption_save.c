/* Serialised form, in varints and differences: only what cannot be derived.
 *
 *     open         n, then for each: number (difference), events, late,
 *                  users n, key[n], points[n], contents n, key[n], points[n]
 *     settlements  n, epoch[n] (difference), then for each: pool, payouts, feeds, events, late,
 *                  floor, least share, kept, settled_at (difference)
 *     payouts      party[n], creator[n], then points, curve, curve_sum, part, uncapped, amount
 *                  (each a column of differences); n is the sum of the settlements'
 *
 * Indexes, what was paid in all, epochs of payouts, settled_through and the count of late events
 * are made again.                                                                               */
#include "base/error.h"
#include "base/varint.h"
#include "catalogue/catalogue.h"
#include "consumption/consumption_parts.h"

enum { COLUMNS = 6 };

/* The columns of numbers in a payout.                                                           */
static int64_t *column_of(struct payout *p, int column)
{
    int64_t *columns[COLUMNS] = {&p->points_milli, &p->curve,          &p->curve_sum,
                                 &p->part_minor,   &p->uncapped_minor, &p->amount_minor};
    return columns[column];
}

static void save_attention(struct sink *s, const struct attention *a, size_t n)
{
    sink_varint(s, n);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, a[i].key);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, (uint64_t)a[i].points_milli);
}

static void save_payouts(struct sink *s, const struct consumption *c)
{
    for (size_t i = 0; i < c->payouts_n; i++)
        sink_varint(s, c->payouts[i].party);
    for (size_t i = 0; i < c->payouts_n; i++)
        sink_u8(s, (uint8_t)c->payouts[i].creator);
    for (int column = 0; column < COLUMNS; column++) {
        int64_t previous = 0;
        for (size_t i = 0; i < c->payouts_n; i++) {
            struct payout p = c->payouts[i];
            sink_delta(s, &previous, *column_of(&p, column));
        }
    }
}

void consumption_save(const struct consumption *c, struct sink *s)
{
    int64_t number = 0, epoch = 0, settled_at = 0;
    sink_varint(s, c->open_n);
    for (size_t i = 0; i < c->open_n; i++) {
        const struct open_epoch *e = &c->open[i];
        sink_delta(s, &number, e->number);
        sink_varint(s, e->events);
        sink_varint(s, e->late);
        save_attention(s, e->users, e->users_n);
        save_attention(s, e->contents, e->contents_n);
    }
    sink_varint(s, c->settlements_n);
    for (size_t i = 0; i < c->settlements_n; i++)
        sink_delta(s, &epoch, c->settlements[i].epoch);
    for (size_t i = 0; i < c->settlements_n; i++) {
        const struct settlement *x = &c->settlements[i];
        sink_varint(s, (uint64_t)x->pool_minor);
        sink_varint(s, x->payouts);
        sink_varint(s, x->feeds);
        sink_varint(s, x->events);
        sink_varint(s, x->late);
        sink_varint(s, x->floor_ppm);
        sink_varint(s, x->min_share_ppm);
        sink_u8(s, x->floor_kept);
        sink_delta(s, &settled_at, x->settled_at_ms);
    }
    save_payouts(s, c);
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "consumption", "the saved rewards are damaged (%s)", what);
}

static enum heed_status load_attention(struct source *s, int64_t least, struct attention **list,
                                       size_t *n, size_t *cap, struct map *index,
                                       struct heed_error *err)
{
    size_t count = source_varint(s, UINT32_MAX - 1);
    while (*n < count && !s->failed) {
        uint32_t at, key = (uint32_t)source_varint(s, HANDLE_NONE - 1);
        size_t before = *n;
        if (s->failed)
            break;
        if (!attention_find(list, n, cap, index, key, &at))
            return error_nomem(err);
        if (*n == before)
            return damaged(err, "attention counted twice");
    }
    for (size_t i = 0; i < *n && !s->failed; i++) {
        (*list)[i].points_milli = (int64_t)source_varint(s, INT64_MAX);
        if ((*list)[i].points_milli < least)
            return damaged(err, "attention of nothing");
    }
    return s->failed ? damaged(err, "attention") : HEED_OK;
}

static enum heed_status load_open(struct consumption *c, struct source *s, struct heed_error *err)
{
    size_t n = source_varint(s, UINT32_MAX);
    int64_t number = 0;
    for (; c->open_n < n && !s->failed;) {
        if (!array_grow(&c->open, &c->open_cap, c->open_n + 1, sizeof *c->open))
            return error_nomem(err);
        struct open_epoch *e = &c->open[c->open_n];
        *e = (struct open_epoch){.number = source_delta(s, &number)};
        map_init(&e->user_index);
        map_init(&e->content_index);
        if (c->open_n++ > 0 && e->number <= e[-1].number)
            return damaged(err, "open epochs out of order");
        e->events = source_varint(s, UINT64_MAX);
        e->late = source_varint(s, e->events);
        c->late += e->late;
        enum heed_status status =
            load_attention(s, 0, &e->users, &e->users_n, &e->users_cap, &e->user_index, err);
        if (status == HEED_OK)
            status = load_attention(s, 1, &e->contents, &e->contents_n, &e->contents_cap,
                                    &e->content_index, err);
        if (status != HEED_OK)
            return status;
        e->gathered = e->contents_n > 0;
        for (size_t i = 0; i < e->users_n && !e->gathered; i++)
            e->gathered = e->users[i].points_milli > 0;
    }
    return s->failed ? damaged(err, "open epochs") : HEED_OK;
}

static enum heed_status load_settlements(struct consumption *c, struct source *s,
                                         struct heed_error *err)
{
    size_t n = source_varint(s, UINT32_MAX);
    int64_t epoch = 0, settled_at = 0;
    for (; c->settlements_n < n && !s->failed; c->settlements_n++) {
        if (!array_grow(&c->settlements, &c->settlements_cap, c->settlements_n + 1,
                        sizeof *c->settlements))
            return error_nomem(err);
        c->settlements[c->settlements_n] = (struct settlement){.epoch = source_delta(s, &epoch)};
        if (!s->failed && epoch <= c->settled_through)
            return damaged(err, "settled epochs out of order");
        c->settled_through = epoch;
    }
    for (size_t i = 0; i < n && !s->failed; i++) {
        struct settlement *x = &c->settlements[i];
        x->pool_minor = (int64_t)source_varint(s, INT64_MAX);
        x->payouts = source_varint(s, UINT32_MAX);
        x->feeds = source_varint(s, UINT64_MAX);
        x->events = source_varint(s, UINT64_MAX);
        x->late = source_varint(s, x->events);
        x->floor_ppm = (uint32_t)source_varint(s, UINT32_MAX);
        x->min_share_ppm = (uint32_t)source_varint(s, UINT32_MAX);
        uint8_t kept = source_u8(s);
        x->floor_kept = kept == 1;
        x->settled_at_ms = source_delta(s, &settled_at);
        c->late += x->late;
        if (kept > 1)
            return damaged(err, "whether a floor was kept");
    }
    return s->failed ? damaged(err, "settlements") : HEED_OK;
}

/* Payouts of a settlement: each possible, together what was paid.                               */
static bool payouts_possible(const struct payout *p, struct settlement *x)
{
    for (size_t i = 0; i < x->payouts; i++) {
        bool possible = p[i].points_milli > 0 && p[i].curve > 0 && p[i].curve_sum >= p[i].curve &&
                        p[i].amount_minor > 0 && p[i].uncapped_minor >= p[i].amount_minor &&
                        p[i].part_minor >= p[i].uncapped_minor &&
                        x->pool_minor >= p[i].part_minor &&
                        x->pool_minor - x->paid_minor >= p[i].amount_minor;
        if (!possible)
            return false;
        x->paid_minor += p[i].amount_minor;
    }
    return true;
}

static enum heed_status load_payouts(struct consumption *c, struct source *s,
                                     struct heed_error *err)
{
    for (size_t i = 0; i < c->settlements_n; i++)
        for (size_t j = 0; j < c->settlements[i].payouts && !s->failed; j++) {
            if (!array_grow(&c->payouts, &c->payouts_cap, c->payouts_n + 1, sizeof *c->payouts))
                return error_nomem(err);
            c->payouts[c->payouts_n++] =
                (struct payout){.epoch = c->settlements[i].epoch,
                                .party = (uint32_t)source_varint(s, HANDLE_NONE - 1)};
        }
    for (size_t i = 0; i < c->payouts_n && !s->failed; i++) {
        c->payouts[i].creator = source_u8(s);
        if (c->payouts[i].creator > 1)
            return damaged(err, "a side");
    }
    for (int column = 0; column < COLUMNS; column++) {
        int64_t previous = 0;
        for (size_t i = 0; i < c->payouts_n && !s->failed; i++)
            *column_of(&c->payouts[i], column) = source_delta(s, &previous);
    }
    if (s->failed)
        return damaged(err, "payouts");
    size_t first = 0;
    for (size_t i = 0; i < c->settlements_n; first += c->settlements[i++].payouts)
        if (c->settlements[i].payouts > 0 &&
            !payouts_possible(c->payouts + first, &c->settlements[i]))
            return damaged(err, "a payout that could not have been made");
    return HEED_OK;
}

enum heed_status consumption_load(struct consumption *c, struct source *s, struct heed_error *err)
{
    consumption_init(c);
    enum heed_status status = load_open(c, s, err);
    if (status == HEED_OK)
        status = load_settlements(c, s, err);
    if (status == HEED_OK)
        status = load_payouts(c, s, err);
    if (status == HEED_OK && c->open_n > 0 && c->open[0].number <= c->settled_through)
        status = damaged(err, "an open epoch that is settled");
    if (status != HEED_OK)
        consumption_deinit(c);
    return status;
}

bool consumption_within(const struct consumption *c, size_t parties, size_t contents)
{
    for (size_t i = 0; i < c->open_n; i++) {
        const struct open_epoch *e = &c->open[i];
        for (size_t j = 0; j < e->users_n; j++)
            if (e->users[j].key >= parties)
                return false;
        for (size_t j = 0; j < e->contents_n; j++)
            if (e->contents[j].key >= contents)
                return false;
    }
    for (size_t i = 0; i < c->payouts_n; i++)
        if (c->payouts[i].party >= parties)
            return false;
    return true;
}
