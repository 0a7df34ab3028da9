/* Serialised form: of each auction itself (auction_save), then when it is tried again, target twice
 * its index, + 1 for a service, currency, made; then ids that were given and what came of them. */
#include "circulation/auctions_parts.h"

#include "base/error.h"
#include "base/varint.h"

#include <stdlib.h>

void auctions_save(const struct auctions *s, struct sink *k)
{
    sink_varint(k, s->lots_n);
    for (size_t i = 0; i < s->lots_n; i++) {
        const struct lot *x = &s->lots[i];
        auction_save(&x->auction, k);
        sink_varint(k, (uint64_t)x->retry_ms);
        sink_varint(k, target_index(x->target) << 1 | (target_kind(x->target) == TARGET_SERVICE));
        sink_varint(k, x->currency);
        sink_u8(k, x->made);
    }
    sink_varint(k, s->done_n);
    for (size_t i = 0; i < s->done_n; i++) {
        const struct auction_done *x = &s->done[i];
        sink_u64(k, x->id_hi);
        sink_u64(k, x->id_lo);
        sink_u64(k, x->body_hi);
        sink_u64(k, x->body_lo);
        sink_varint(k, x->lot);
        sink_varint(k, (uint32_t)(x->bid + 1));
    }
}

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "auctions", "the saved auctions are damaged (%s)", what);
}

static enum heed_status load_lots(struct auctions *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, AUCTIONS_NONE);
    while (s->lots_n < n && !k->failed) {
        if (!array_grow(&s->lots, &s->lots_cap, s->lots_n + 1, sizeof *s->lots))
            return error_nomem(err);
        struct lot *x = &s->lots[s->lots_n];
        *x = (struct lot){.place = AUCTIONS_NONE};
        enum heed_status status = auction_load(&x->auction, k, err);
        if (status != HEED_OK)
            return status;
        s->lots_n++;
        x->retry_ms = (int64_t)source_varint(k, INT64_MAX);
        uint32_t target = (uint32_t)source_varint(k, (uint64_t)TARGET_INDEX_MAX << 1 | 1);
        x->target = target_make(target & 1 ? TARGET_SERVICE : TARGET_GOOD, target >> 1);
        x->currency = (uint16_t)source_varint(k, UINT16_MAX);
        uint8_t made = source_u8(k);
        x->made = made == 1;
        if (k->failed || made > 1)
            return damaged(err, "what is sold");
        if (x->auction.state == AUCTION_OPEN && !auctions_run(s, (uint32_t)s->lots_n - 1))
            return error_nomem(err);
    }
    return k->failed ? damaged(err, "auctions") : HEED_OK;
}

static enum heed_status load_done(struct auctions *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, MAP_NONE - 1);
    for (size_t i = 0; i < n && !k->failed; i++) {
        struct auction_done x = {.id_hi = source_u64(k)};
        x.id_lo = source_u64(k);
        x.body_hi = source_u64(k);
        x.body_lo = source_u64(k);
        x.lot = (uint32_t)source_varint(k, UINT32_MAX);
        x.bid = (uint32_t)source_varint(k, UINT32_MAX) - 1;
        if (k->failed || x.lot >= s->lots_n ||
            (x.bid != AUCTION_NONE && x.bid >= s->lots[x.lot].auction.bids_n))
            return damaged(err, "what was done under an id");
        if (!auctions_know(s, &x))
            return error_nomem(err);
    }
    return k->failed ? damaged(err, "ids") : HEED_OK;
}

enum heed_status auctions_load(struct auctions *s, struct source *k, struct heed_error *err)
{
    auctions_init(s);
    enum heed_status status = load_lots(s, k, err);
    if (status == HEED_OK)
        status = load_done(s, k, err);
    if (status != HEED_OK) {
        auctions_deinit(s);
        auctions_init(s);
    }
    return status;
}

/* ── fitting ── */

static int by_account(const void *a, const void *b)
{
    const struct auctions_need *x = a, *y = b;
    if (x->holder != y->holder)
        return x->holder < y->holder ? -1 : 1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

/* What does not fit stays at INT64_MAX. */
static size_t merge(struct auctions_need *list, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_account(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
        else if (__builtin_add_overflow(list[kept - 1].minor, list[i].minor, &list[kept - 1].minor))
            list[kept - 1].minor = INT64_MAX;
    }
    return kept;
}

enum heed_status auctions_needs(const struct auctions *s, struct auctions_need **needs, size_t *n)
{
    size_t most = 1;
    for (size_t i = 0; i < s->lots_n; i++)
        if (s->lots[i].auction.state == AUCTION_OPEN)
            most += 1 + s->lots[i].auction.bids_n;
    struct auctions_need *list = malloc(most * sizeof *list);
    if (!list)
        return HEED_NOMEM;
    *n = 0;
    for (size_t i = 0; i < s->lots_n; i++) {
        const struct lot *x = &s->lots[i];
        const struct auction *a = &x->auction;
        if (a->state != AUCTION_OPEN)
            continue;
        list[(*n)++] = (struct auctions_need){a->terms.seller, item_unit(x->target), lot_pieces(x)};
        for (size_t j = 0; j < a->bids_n; j++)
            if (a->bids[j].held_minor > 0)
                list[(*n)++] =
                    (struct auctions_need){a->bids[j].bidder, x->currency, a->bids[j].held_minor};
    }
    qsort(list, *n, sizeof *list, by_account);
    *n = merge(list, *n);
    *needs = list;
    return HEED_OK;
}

static bool lots_fit(const struct auctions *s, const struct catalogue *c, uint32_t currencies_n)
{
    for (size_t i = 0; i < s->lots_n; i++) {
        const struct lot *x = &s->lots[i];
        if (!catalogue_good(c, x->target) || x->currency >= currencies_n ||
            x->auction.terms.seller >= c->parties_n)
            return false;
        for (size_t j = 0; j < x->auction.bids_n; j++)
            if (x->auction.bids[j].bidder >= c->parties_n)
                return false;
    }
    return true;
}

enum heed_status auctions_check(const struct auctions *s, const struct catalogue *c,
                                const struct ledger *l, uint32_t currencies_n,
                                struct heed_error *err)
{
    struct auctions_need *needs;
    size_t n, filled = 0;
    if (!lots_fit(s, c, currencies_n))
        return damaged(err, "an auction by nobody or of nothing");
    if (auctions_needs(s, &needs, &n) != HEED_OK)
        return error_nomem(err);
    bool good = true;
    for (size_t i = 0; i < l->accounts_n; i++) {
        const struct account *a = &l->accounts[i];
        if (a->purpose == PURPOSE_BIDS) {
            filled += a->credits != a->debits;
            good = good && a->debits_pending == 0 && a->credits_pending == 0;
        }
    }
    for (size_t i = 0; i < n; i++)
        good = good && ledger_balance(l, ledger_find_for(l, needs[i].holder, needs[i].unit,
                                                         PURPOSE_BIDS)) == needs[i].minor;
    free(needs);
    return good && filled == n ? HEED_OK
                               : damaged(err, "accounts do not hold what bids and sales need");
}
