/* `heed auction replay`: bids of proxy auctions as they were recorded, made again in the English
 * auction of circulation/auction.h by eBay's table of increments, and the prices held against those
 * recorded.
 *
 * A record holds each bid's maximum but for the winner's, of which it shows the closing price. So
 * the model's price is what it would be if the winner's maximum were no more than he paid. */
#include "base/error.h"
#include "base/intern.h"
#include "base/money.h"
#include "base/sheet.h"
#include "circulation/auction.h"
#include "tools/tools.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CENTS = 2, LISTED_MAX = 20, REFUSALS = 3 };

struct recorded {
    int64_t bid, time_ms;
    size_t row;
    uint32_t bidder;
};

struct lot {
    int64_t price, open, highest, model;
    struct recorded *bids;
    size_t n, cap;
};

struct replaying {
    struct intern auctions, bidders;
    struct lot *lots; /* one of each of `auctions` */
    size_t lots_cap;
    size_t bids, accepted, refused[REFUSALS];
    size_t highest, exact, within, apart; /* auctions */
};
static const enum refusal counted[REFUSALS] = {REFUSED_below_least, REFUSED_not_a_raise,
                                               REFUSED_auction_closed};

/* Source: eBay's increments of 2003, the year of the recorded bids, as in W. Jank and G. Shmueli,
 * Modeling Online Auctions (2010), table 1.1.                                                   */
static const struct auction_increment ebay[] = {
    {0, 5},       {100, 25},     {500, 50},      {2500, 100},    {10000, 250},
    {25000, 500}, {50000, 1000}, {100000, 2500}, {250000, 5000}, {500000, 10000}};

static enum heed_status cell_money(const struct sheet *s, size_t column, int64_t least,
                                   int64_t *out, struct heed_error *err)
{
    struct str cell;
    struct money m = {0};
    enum heed_status status = sheet_cell(s, column, &cell, err);
    if (status != HEED_OK)
        return status;
    if (money_from_text(cell, CENTS, &m) != MONEY_OK || m.minor < least)
        return sheet_error(s, column, err,
                           "it must be an amount of at least %s, of two decimals at most",
                           least ? "0.01" : "0");
    *out = m.minor;
    return HEED_OK;
}

static enum heed_status cell_time(const struct sheet *s, size_t column, int64_t *out,
                                  struct heed_error *err)
{
    const double day_ms = 86400000, most = 36500;
    struct str cell;
    double days;
    enum heed_status status = sheet_cell(s, column, &cell, err);
    if (status != HEED_OK)
        return status;
    if (!sheet_number(cell, &days) || days < 0 || days > most)
        return sheet_error(s, column, err, "it must be days since the opening, from 0 to 36500");
    *out = (int64_t)floor(days * day_ms);
    return HEED_OK;
}

/* ── reading ── */

enum { AUCTION, BID, TIME, BIDDER, PRICE, NEEDED };

static enum heed_status find_lot(struct replaying *r, const struct sheet *s, const size_t *place,
                                 size_t open, struct lot **out, struct heed_error *err)
{
    struct str name;
    struct lot now = {0};
    enum heed_status status = sheet_cell(s, place[AUCTION], &name, err);
    if (status == HEED_OK)
        status = cell_money(s, place[PRICE], 0, &now.price, err);
    now.open = 1;
    if (status == HEED_OK && open != SHEET_NOWHERE)
        status = cell_money(s, open, 1, &now.open, err);
    if (status != HEED_OK)
        return status;
    uint32_t at = intern_find(&r->auctions, name);
    if (at == INTERN_NONE) {
        if (!array_grow(&r->lots, &r->lots_cap, r->auctions.count + 1, sizeof *r->lots) ||
            (at = intern_add(&r->auctions, name)) == INTERN_NONE)
            return error_nomem(err);
        r->lots[at] = now;
    } else if (r->lots[at].price != now.price) {
        return sheet_error(s, place[PRICE], err,
                           "the price is not what an earlier row of this auction has");
    }
    if (now.open < r->lots[at].open) /* rows that differ: the least that any had to bid */
        r->lots[at].open = now.open;
    *out = &r->lots[at];
    return HEED_OK;
}

static enum heed_status read_row(struct replaying *r, const struct sheet *s, const size_t *place,
                                 size_t open, struct heed_error *err)
{
    struct lot *lot = NULL;
    struct str bidder;
    struct recorded b = {.row = r->bids++};
    enum heed_status status = find_lot(r, s, place, open, &lot, err);
    if (status == HEED_OK)
        status = cell_money(s, place[BID], 1, &b.bid, err);
    if (status == HEED_OK)
        status = cell_time(s, place[TIME], &b.time_ms, err);
    if (status == HEED_OK)
        status = sheet_cell(s, place[BIDDER], &bidder, err);
    if (status != HEED_OK)
        return status;
    b.bidder = intern_add(&r->bidders, bidder);
    if (b.bidder == INTERN_NONE ||
        !array_grow(&lot->bids, &lot->cap, lot->n + 1, sizeof *lot->bids))
        return error_nomem(err);
    lot->bids[lot->n++] = b;
    lot->highest = b.bid > lot->highest ? b.bid : lot->highest;
    return HEED_OK;
}

static enum heed_status read_file(struct replaying *r, const char *path, struct heed_error *err)
{
    static const char *const names[NEEDED] = {"auctionid", "bid", "bidtime", "bidder", "price"};
    struct sheet s;
    size_t place[NEEDED];
    bool more = true;
    enum heed_status status =
        sheet_open(path, &(struct csv_options){0}, "the first line names the columns", &s, err);
    if (status == HEED_OK)
        status = sheet_need(&s, names, NEEDED, place, err);
    while (status == HEED_OK && (status = sheet_next(&s, &more, err)) == HEED_OK && more)
        status = read_row(r, &s, place, sheet_column(&s, "openbid"), err);
    sheet_close(&s);
    if (status == HEED_OK && r->bids == 0)
        return error_set(err, HEED_INPUT, path, "it has no bids; each row is one");
    return status;
}

/* ── the model ── */

static int by_time(const void *a, const void *b)
{
    const struct recorded *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static enum heed_status replay_lot(struct replaying *r, struct lot *lot, struct heed_error *err)
{
    struct auction_terms terms = {.form = AUCTION_ENGLISH,
                                  .seller = UINT32_MAX,
                                  .units = 1,
                                  .start_minor = lot->open,
                                  .increments_n = sizeof ebay / sizeof *ebay};
    struct auction a;
    enum refusal refusal;
    enum heed_status status = HEED_OK;
    uint32_t bid;
    qsort(lot->bids, lot->n, sizeof *lot->bids, by_time);
    terms.closes_ms = lot->bids[lot->n - 1].time_ms + 1;
    memcpy(terms.increments, ebay, sizeof ebay);
    refusal = auction_open(&a, &terms, 0);
    heed_assert(refusal == REFUSED_NOT);
    for (size_t i = 0; status == HEED_OK && i < lot->n; i++) {
        const struct recorded *b = &lot->bids[i];
        status = auction_bid(&a, NULL, b->time_ms, b->bidder, b->bid, 1, &bid, &refusal);
        r->accepted += refusal == REFUSED_NOT;
        for (size_t k = 0; k < REFUSALS; k++)
            r->refused[k] += refusal == counted[k];
    }
    if (status == HEED_OK)
        status = auction_close(&a, NULL, terms.closes_ms, &refusal);
    lot->model = a.state == AUCTION_SOLD ? a.price_minor : 0;
    auction_deinit(&a);
    if (status != HEED_OK)
        return error_nomem(err);
    int64_t apart = lot->model > lot->price ? lot->model - lot->price : lot->price - lot->model;
    r->highest += lot->highest == lot->price;
    r->exact += apart == 0;
    r->within += apart > 0 && apart <= auction_increment_at(&terms, lot->price);
    r->apart += apart > auction_increment_at(&terms, lot->price);
    return HEED_OK;
}

/* ── the reply ── */

static json_t *amount(int64_t minor)
{
    char text[32];
    return json_string(money_to_text((struct money){minor}, CENTS, text));
}

static json_t *lot_reply(const struct replaying *r, uint32_t at)
{
    const struct lot *lot = &r->lots[at];
    struct str name = intern_str(&r->auctions, at);
    const char *why = lot->price > lot->highest
                          ? "the price is above every bid: the record lacks bids"
                      : lot->price < lot->model
                          ? "the bids make a higher price: one of them did not stand at the close"
                          : "the highest bid is above the price: its maximum was not hidden";
    json_t *row = json_pack("{s:s%,s:I}", "auction", name.p, name.n, "bids", (json_int_t)lot->n);
    if (tools_put(row, "price", amount(lot->price)) &&
        tools_put(row, "highest_bid", amount(lot->highest)) &&
        tools_put(row, "model_price", amount(lot->model)) &&
        tools_put(row, "why", json_string(why)))
        return row;
    json_decref(row);
    return NULL;
}

static json_t *reply_of(const struct replaying *r)
{
    json_t *list = json_array(), *refused = json_object();
    bool ok = list && refused;
    for (uint32_t i = 0; ok && i < r->auctions.count && json_array_size(list) < LISTED_MAX; i++)
        if (r->lots[i].price != r->lots[i].highest)
            ok = tools_push(list, lot_reply(r, i));
    for (size_t k = 0; ok && k < REFUSALS; k++)
        ok = tools_put(refused, refusal_code(counted[k]), json_integer((json_int_t)r->refused[k]));
    json_t *reply = json_pack("{s:I,s:I,s:I,s:I,s:{s:I,s:o,s:I,s:I,s:I},s:o}", "auctions",
                              (json_int_t)r->auctions.count, "bids", (json_int_t)r->bids, "bidders",
                              (json_int_t)r->bidders.count, "closing_is_highest",
                              (json_int_t)r->highest, "model", "accepted", (json_int_t)r->accepted,
                              "refused", refused, "exact", (json_int_t)r->exact, "within_increment",
                              (json_int_t)r->within, "apart", (json_int_t)r->apart, "differ", list);
    if (ok)
        return reply;
    json_decref(reply);
    return NULL;
}

enum heed_status tools_auction_replay(const struct tool_ask *ask, json_t **reply,
                                      struct heed_error *err)
{
    struct replaying r = {0};
    intern_init(&r.auctions);
    intern_init(&r.bidders);
    enum heed_status status = read_file(&r, tools_arg(ask, "file"), err);
    for (size_t i = 0; status == HEED_OK && i < r.auctions.count; i++)
        status = replay_lot(&r, &r.lots[i], err);
    if (status == HEED_OK) {
        *reply = reply_of(&r);
        status = *reply ? HEED_OK : error_nomem(err);
    }
    for (size_t i = 0; i < r.auctions.count; i++)
        free(r.lots[i].bids);
    free(r.lots);
    intern_deinit(&r.auctions);
    intern_deinit(&r.bidders);
    return status;
}
