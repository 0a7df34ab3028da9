/* A day of orders as LOBSTER files have it (lobsterdata.com): messages `time,type,id,size,price,
 * direction`, and the book after each, `ask,size,bid,size` for each level.
 *
 * Three ways. With the book each row is put, the message applied, and the best prices compared with
 * the next row. Without it the orders that the file brings make a book of their own; what was there
 * before is not known. With --match they go through the exchange, and executions are caused by
 * orders of the other side. */
#include "tools/exchange_lines.h"
#include "tools/exchange_numbers.h"

#include "base/error.h"

#include <stdlib.h>

enum {
    NEW = 1,
    REDUCED,
    DELETED,
    EXECUTED,
    HIDDEN,
    CROSSED,
    HALTED,
    LEVELS_MAX = 100,
    COLUMNS = 6
};
#define NO_PRICE INT64_C(9999999999) /* stands, with size 0, where there is no level */

struct message {
    int64_t time_ms, type, id, size, price;
    bool buy; /* the side of the order that rested */
};

struct best {
    int64_t price[2], size[2]; /* of buys, of sales; size 0: none */
};

struct day {
    const struct replay_ask *ask;
    struct replay *sum;
    struct numbers *messages, *books;
    int64_t *row, *next; /* of the book [NUMBERS_COLUMNS] */
    size_t columns;
    struct exchange *x;
    struct exchange_out out;
    uint64_t takers;
};

/* ── reading ── */

static enum heed_status next_message(struct day *d, struct message *m, bool *more,
                                     struct heed_error *err)
{
    int64_t v[NUMBERS_COLUMNS];
    size_t n;
    enum heed_status status = numbers_next(d->messages, v, &n, err);
    *more = n > 0;
    if (status != HEED_OK || n == 0)
        return status;
    if (n != COLUMNS)
        return numbers_error(
            d->messages, err,
            "it has %zu columns and not 6 (time, type, id, size, price, direction); "
            "for JSON Lines leave out --format",
            n);
    if (v[1] < NEW || v[1] > HALTED)
        return numbers_error(d->messages, err, "type %lld is none of 1 to 7", (long long)v[1]);
    if (v[1] != HALTED && (v[3] <= 0 || v[3] > EXCHANGE_SIZE_MAX || v[4] <= 0 ||
                           v[4] > EXCHANGE_PRICE_MAX || (v[5] != 1 && v[5] != -1)))
        return numbers_error(d->messages, err,
                             "size and price must be more than 0 and the direction 1 or -1");
    *m = (struct message){v[0], v[1], v[2], v[3], v[4], v[5] == 1};
    d->sum->messages++;
    return HEED_OK;
}

static enum heed_status next_book(struct day *d, int64_t *row, bool *more, struct heed_error *err)
{
    size_t n;
    enum heed_status status = numbers_next(d->books, row, &n, err);
    *more = n > 0;
    if (status != HEED_OK || n == 0)
        return status;
    if (n % 4 != 0 || (d->columns > 0 && n != d->columns))
        return numbers_error(d->books, err, "it has %zu columns; each level has four, in every row",
                             n);
    d->columns = n;
    row[0] /= 1000; /* a price like the others, no time */
    return HEED_OK;
}

/* Column of a level's price. */
static size_t column(size_t level, bool buy)
{
    return 4 * level + (buy ? 2 : 0);
}

static struct best best_of_row(const int64_t *row)
{
    return (struct best){{row[column(0, true)], row[column(0, false)]},
                         {row[column(0, true) + 1], row[column(0, false) + 1]}};
}

static bool same(const struct best *a, const struct best *b)
{
    for (int i = 0; i < 2; i++)
        if (a->size[i] != b->size[i] || (a->size[i] > 0 && a->price[i] != b->price[i]))
            return false;
    return true;
}

/* ── a row of the book, one message on ── */

static bool better(int64_t a, int64_t b, bool buy)
{
    return buy ? a > b : a < b;
}

/* The best of one side after a message, of levels as a row has them. */
static void apply_row(const int64_t *row, size_t levels, const struct message *m, struct best *out)
{
    size_t at = 0;
    int side = m->buy ? 0 : 1;
    int64_t change = m->type == NEW ? m->size : -m->size;
    if (m->type == HIDDEN || m->type == CROSSED || m->type == HALTED)
        return;
    while (at < levels && row[column(at, m->buy) + 1] > 0 &&
           better(row[column(at, m->buy)], m->price, m->buy))
        at++;
    if (at > 0)
        return; /* behind the best */
    bool there = row[column(0, m->buy)] == m->price && row[column(0, m->buy) + 1] > 0;
    int64_t left = (there ? row[column(0, m->buy) + 1] : 0) + change;
    if (left > 0) {
        out->price[side] = m->price;
        out->size[side] = left;
    } else if (there) {
        out->price[side] = levels > 1 ? row[column(1, m->buy)] : NO_PRICE;
        out->size[side] = levels > 1 ? row[column(1, m->buy) + 1] : 0;
    }
}

static enum heed_status check_rows(struct day *d, struct heed_error *err)
{
    bool more = true, more_books = true;
    struct message m;
    enum heed_status status = next_message(d, &m, &more, err);
    if (status == HEED_OK)
        status = next_book(d, d->row, &more_books, err);
    for (; status == HEED_OK && more;) {
        if (!more_books)
            return numbers_error(d->books, err, "the book ends before the messages do");
        d->sum->trades += m.type == EXECUTED;
        d->sum->executed += m.type == EXECUTED ? (uint64_t)m.size : 0;
        d->sum->hidden += m.type == HIDDEN ? (uint64_t)m.size : 0;
        const struct best last = best_of_row(d->row);
        d->sum->best_bid = last.size[0] ? last.price[0] : 0;
        d->sum->best_ask = last.size[1] ? last.price[1] : 0;
        status = next_message(d, &m, &more, err);
        if (status == HEED_OK)
            status = next_book(d, d->next, &more_books, err);
        if (status != HEED_OK || !more || !more_books)
            continue;
        struct best got = last, told = best_of_row(d->next);
        apply_row(d->row, d->columns / 4, &m, &got);
        d->sum->checked++;
        d->sum->exact += same(&got, &told);
        int64_t *t = d->row;
        d->row = d->next;
        d->next = t;
    }
    if (status == HEED_OK && more_books)
        return numbers_error(d->books, err, "the book goes on after the last message");
    return status;
}

/* ── through the exchange ── */

static enum heed_status give(struct day *d, const struct message *m, struct exchange_ask *a,
                             struct heed_error *err)
{
    struct exchange_answer answer;
    const struct event_names names = {.ids = NULL, .times = true};
    (void)names;
    a->owner = EXCHANGE_NONE;
    d->out.n = 0;
    if (exchange_apply(d->x, m->time_ms, a, &answer, &d->out) != HEED_OK)
        return error_nomem(err);
    d->sum->rejected += answer.refusal != REFUSED_NOT || answer.repeated;
    for (size_t i = 0; i < d->out.n; i++)
        if (d->out.events[i].kind == EXCHANGE_TRADE) {
            d->sum->trades++;
            d->sum->executed += (uint64_t)d->out.events[i].size;
        }
    return HEED_OK;
}

static uint8_t side_of(bool buy)
{
    return buy ? EXCHANGE_BUY : EXCHANGE_SELL;
}

/* What stood before the first message, one order a level. */
static enum heed_status seed(struct day *d, const struct message *first, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < d->columns / 4; i++)
        for (int buy = 0; status == HEED_OK && buy < 2; buy++) {
            const int64_t *level = &d->row[column(i, buy)];
            struct exchange_ask a = {.id_hi = 1,
                                     .id_lo = 2 * i + (unsigned)buy,
                                     .price = level[0],
                                     .size = level[1],
                                     .side = side_of(buy)};
            if (level[1] > 0)
                status = give(d, first, &a, err);
        }
    return status;
}

static enum heed_status play(struct day *d, const struct message *m, struct heed_error *err)
{
    bool match = d->ask->match;
    struct exchange_ask a = {.id_lo = (uint64_t)m->id, .account = EXCHANGE_NONE};
    if (m->type == HIDDEN)
        d->sum->hidden += (uint64_t)m->size;
    if (m->type == EXECUTED && !match) {
        d->sum->trades++;
        d->sum->executed += (uint64_t)m->size;
    }
    switch (m->type) {
    case NEW:
        a.account = 0;
        a.side = side_of(m->buy);
        a.price = m->price;
        a.size = m->size;
        a.stp = match ? EXCHANGE_STP_NONE : EXCHANGE_STP_OLDEST;
        return give(d, m, &a, err);
    case REDUCED:
    case DELETED:
        a.op = EXCHANGE_CANCEL;
        a.size = m->type == REDUCED ? m->size : 0;
        return give(d, m, &a, err);
    case EXECUTED:
        a.op = EXCHANGE_CANCEL;
        a.size = m->size;
        if (match)
            a = (struct exchange_ask){.id_hi = 2,
                                      .id_lo = ++d->takers,
                                      .account = 1,
                                      .side = side_of(!m->buy),
                                      .price = m->price,
                                      .size = m->size,
                                      .tif = EXCHANGE_IOC};
        return give(d, m, &a, err);
    default:
        return HEED_OK;
    }
}

static struct best best_now(const struct exchange *x)
{
    const struct exchange_quote b = exchange_level(x, EXCHANGE_BUY, 0);
    const struct exchange_quote s = exchange_level(x, EXCHANGE_SELL, 0);
    return (struct best){{b.price, s.price}, {b.size, s.size}};
}

static enum heed_status play_day(struct day *d, struct heed_error *err)
{
    bool more = true, more_books = true, first = true;
    struct message m;
    const struct exchange_settings settings = exchange_defaults();
    d->x = exchange_new(&settings);
    if (!d->x || exchange_account(d->x, 0, 0, 0) != 0 || exchange_account(d->x, 1, 0, 0) != 1)
        return error_nomem(err);
    enum heed_status status;
    while ((status = next_message(d, &m, &more, err)) == HEED_OK && more) {
        if (d->books)
            status = next_book(d, d->row, &more_books, err);
        if (status == HEED_OK && !more_books)
            return numbers_error(d->books, err, "the book ends before the messages do");
        if (d->books && first) { /* the row after the first message holds what it did */
            first = false;
            if (status == HEED_OK)
                status = seed(d, &m, err);
            d->sum->hidden += m.type == HIDDEN ? (uint64_t)m.size : 0;
        } else if (status == HEED_OK) {
            status = play(d, &m, err);
            struct best got = best_now(d->x), told = best_of_row(d->row);
            d->sum->checked += d->books != NULL;
            d->sum->exact += d->books != NULL && same(&got, &told);
        }
        if (status != HEED_OK)
            break;
    }
    if (status == HEED_OK) {
        struct best last = best_now(d->x);
        d->sum->best_bid = last.price[0];
        d->sum->best_ask = last.price[1];
    }
    return status;
}

enum heed_status replay_lobster(const struct replay_ask *ask, struct replay *sum,
                                struct heed_error *err)
{
    struct day d = {.ask = ask,
                    .sum = sum,
                    .row = calloc(NUMBERS_COLUMNS, sizeof(int64_t)),
                    .next = calloc(NUMBERS_COLUMNS, sizeof(int64_t))};
    enum heed_status status = d.row && d.next ? HEED_OK : error_nomem(err);
    if (status == HEED_OK)
        status = numbers_open(ask->path, &d.messages, err);
    if (status == HEED_OK && ask->book)
        status = numbers_open(ask->book, &d.books, err);
    if (status == HEED_OK)
        status = ask->book && !ask->match ? check_rows(&d, err) : play_day(&d, err);
    numbers_close(d.messages);
    numbers_close(d.books);
    exchange_out_deinit(&d.out);
    exchange_free(d.x);
    free(d.row);
    free(d.next);
    return status;
}
