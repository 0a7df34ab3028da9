#include "circulation/rules_usage.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/scalars.h"
#include "circulation/rules_parts.h"

#include <stdlib.h>

void market_usage_init(struct market_usage *u)
{
    *u = (struct market_usage){0};
    map_init(&u->heads);
}

void market_usage_deinit(struct market_usage *u)
{
    free(u->limits);
    free(u->rows);
    map_deinit(&u->heads);
    market_usage_init(u);
}

static uint32_t limit_of(const struct market_usage *u, const struct market_name *name)
{
    for (uint32_t i = 0; i < u->limits_n; i++) /* as many as rules ever named */
        if (strcmp(u->limits[i].text, name->text) == 0)
            return i;
    return MAP_NONE;
}

static uint64_t key_of(uint32_t limit, uint32_t party, uint32_t item)
{
    return hash_u64(((uint64_t)party << 32 | item) ^ hash_u64(limit));
}

/* The row, or MAP_NONE.                                                                         */
static uint32_t find(const struct market_usage *u, uint32_t limit, uint32_t party, uint32_t item)
{
    uint32_t at = map_get(&u->heads, key_of(limit, party, item));
    while (at != MAP_NONE &&
           (u->rows[at].limit != limit || u->rows[at].party != party || u->rows[at].item != item))
        at = u->rows[at].next;
    return at;
}

/* Puts a row that is not there. false: no memory, nothing changed.                              */
static bool put(struct market_usage *u, struct market_used row)
{
    uint64_t key = key_of(row.limit, row.party, row.item);
    if (u->rows_n >= MAP_NONE ||
        !array_grow(&u->rows, &u->rows_cap, u->rows_n + 1, sizeof *u->rows))
        return false;
    row.next = map_get(&u->heads, key);
    if (!map_put(&u->heads, key, (uint32_t)u->rows_n))
        return false;
    u->rows[u->rows_n++] = row;
    return true;
}

static bool open_at(const struct market_used *row, const struct market_limit *l, int64_t time_ms)
{
    int64_t end;
    return l->window_ms == 0 || __builtin_add_overflow(row->since_ms, l->window_ms, &end) ||
           time_ms < end;
}

int64_t market_usage_units(const struct market_usage *u, const struct market_limit *l,
                           uint32_t party, uint32_t item, int64_t time_ms)
{
    uint32_t limit = limit_of(u, &l->name);
    uint32_t at =
        limit == MAP_NONE ? MAP_NONE : find(u, limit, party, l->per_item ? item : MARKET_NOBODY);
    return at != MAP_NONE && open_at(&u->rows[at], l, time_ms) ? u->rows[at].units : 0;
}

/* The row of a limit and a trade, made with no units when it is not there; MAP_NONE: no memory.  */
static uint32_t row_of(struct market_usage *u, const struct market_limit *l,
                       const struct market_trade *t)
{
    uint32_t limit = limit_of(u, &l->name);
    if (limit == MAP_NONE) {
        if (!array_grow(&u->limits, &u->limits_cap, u->limits_n + 1, sizeof *u->limits))
            return MAP_NONE;
        limit = (uint32_t)u->limits_n;
        u->limits[u->limits_n++] = l->name;
    }
    struct market_used row = {.limit = limit,
                              .party = l->of_seller ? t->seller.party : t->buyer.party,
                              .item = l->per_item ? t->item : MARKET_NOBODY,
                              .since_ms = t->time_ms};
    uint32_t at = find(u, limit, row.party, row.item);
    if (at == MAP_NONE && put(u, row))
        at = (uint32_t)u->rows_n - 1;
    return at;
}

bool market_usage_add(struct market_usage *u, const struct market_rules *r,
                      const struct market_trade *t)
{
    struct market_seen x = market_see(r, t);
    uint32_t at[MARKET_RULES_MAX];
    for (uint32_t i = 0; i < r->limits_n; i++)
        if (market_applies(&x, &r->limits[i].scope) &&
            (at[i] = row_of(u, &r->limits[i], t)) == MAP_NONE)
            return false; /* rows of no units count for nothing */
    for (uint32_t i = 0; i < r->limits_n; i++) {
        if (!market_applies(&x, &r->limits[i].scope))
            continue;
        struct market_used *row = &u->rows[at[i]];
        if (!open_at(row, &r->limits[i], t->time_ms) || row->units == 0) {
            row->since_ms = t->time_ms;
            row->units = 0;
        }
        if (__builtin_add_overflow(row->units, t->quantity, &row->units))
            row->units = INT64_MAX;
    }
    return true;
}

/* ── saving ── */

void market_usage_save(const struct market_usage *u, struct sink *k)
{
    sink_u64(k, u->limits_n);
    for (size_t i = 0; i < u->limits_n; i++)
        sink_str(k, str_of(u->limits[i].text));
    sink_u64(k, u->rows_n);
    for (size_t i = 0; i < u->rows_n; i++) {
        const struct market_used *row = &u->rows[i];
        sink_u32(k, row->limit);
        sink_u32(k, row->party);
        sink_u32(k, row->item);
        sink_i64(k, row->since_ms);
        sink_i64(k, row->units);
    }
}

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "market", "the saved use of limits is damaged (%s)", what);
}

static enum heed_status load_limits(struct market_usage *u, struct source *k,
                                    struct heed_error *err)
{
    size_t n = source_count(k, UINT16_MAX);
    for (size_t i = 0; i < n; i++) {
        struct market_name name = {0};
        uint32_t length = source_u32(k);
        if (length < 1 || length > MARKET_NAME_MAX)
            return damaged(err, "the length of a name");
        source_bytes(k, name.text, length);
        if (k->failed || !plain_name((struct str){name.text, length}, MARKET_NAME_MAX) ||
            limit_of(u, &name) != MAP_NONE)
            return damaged(err, "a name");
        if (!array_grow(&u->limits, &u->limits_cap, u->limits_n + 1, sizeof *u->limits))
            return error_nomem(err);
        u->limits[u->limits_n++] = name;
    }
    return HEED_OK;
}

static enum heed_status load_rows(struct market_usage *u, struct source *k, struct heed_error *err)
{
    size_t n = source_count(k, MAP_NONE - 1);
    for (size_t i = 0; i < n; i++) {
        struct market_used row = {.limit = source_u32(k)};
        row.party = source_u32(k);
        row.item = source_u32(k);
        row.since_ms = source_i64(k);
        row.units = source_i64(k);
        if (k->failed || row.limit >= u->limits_n || row.units < 0 ||
            find(u, row.limit, row.party, row.item) != MAP_NONE)
            return damaged(err, "a row");
        if (!put(u, row))
            return error_nomem(err);
    }
    return k->failed ? damaged(err, "the rows") : HEED_OK;
}

enum heed_status market_usage_load(struct market_usage *u, struct source *k, struct heed_error *err)
{
    market_usage_init(u);
    enum heed_status status = load_limits(u, k, err);
    if (status == HEED_OK)
        status = load_rows(u, k, err);
    if (status != HEED_OK)
        market_usage_deinit(u);
    return status;
}
