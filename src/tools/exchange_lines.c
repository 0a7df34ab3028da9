/* A market played from JSON Lines. */
#include "tools/exchange_lines.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 1 << 16, MEMBERS_MAX = 64 };

struct player {
    const struct replay_ask *ask;
    struct replay *sum;
    struct exchange *x; /* NULL until the first command that is no setting and no account */
    struct exchange_settings settings;
    struct intern ids, accounts, owners;
    struct funds {
        int64_t balance, items;
        uint32_t owner;
    } * funds; /* of accounts named before the market began */
    size_t funds_n, funds_cap;
    int64_t now_ms;
    bool timed;
    uint64_t line, bad;
    char first_bad[512];
    struct exchange_out out;
    struct strbuf text;
};

/* ── what is told ── */

static enum heed_status tell(struct player *p, struct heed_error *err)
{
    const struct tool_ask *tool = p->ask->tool;
    if (p->text.failed)
        return error_nomem(err);
    if (!p->ask->list)
        return tool->line(tool->context, (struct str){p->text.p, p->text.n})
                   ? HEED_OK
                   : error_set(err, HEED_STORAGE, "events",
                               "they cannot be written; is the disk full?");
    json_t *one = json_loadb(p->text.p, p->text.n, 0, NULL);
    return tools_push(p->ask->list, one) ? HEED_OK : error_nomem(err);
}

static enum heed_status reject(struct player *p, struct str id, const char *reason,
                               const char *message, struct heed_error *err)
{
    p->sum->rejected++;
    if (!p->ask->events)
        return HEED_OK;
    (void)reject_line(id, reason, message, p->line, &p->text);
    return tell(p, err);
}

static enum heed_status bad_line(struct player *p, struct str id, const struct heed_error *why,
                                 struct heed_error *err)
{
    if (p->bad++ == 0)
        snprintf(p->first_bad, sizeof p->first_bad, "line %llu: %s", (unsigned long long)p->line,
                 why->message);
    return reject(p, id, "bad_line", why->message, err);
}

static enum heed_status tell_events(struct player *p, struct heed_error *err)
{
    const struct event_names names = {.ids = &p->ids,
                                      .times = p->timed,
                                      .fees = p->settings.maker_ppm || p->settings.taker_ppm ||
                                              p->settings.auction_ppm};
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < p->out.n; i++) {
        const struct exchange_event *e = &p->out.events[i];
        if (e->kind == EXCHANGE_TRADE) {
            p->sum->trades++;
            p->sum->executed += (uint64_t)e->size;
        }
        if (p->ask->events && event_line(e, &names, &p->text))
            status = tell(p, err);
        else if (p->ask->events && p->text.failed)
            status = error_nomem(err);
    }
    p->out.n = 0;
    return status;
}

/* ── the market ── */

static uint32_t open_account(struct player *p, uint32_t owner, int64_t balance, int64_t items)
{
    return exchange_account(p->x, owner, balance < 0 ? 0 : balance,
                            items < 0 ? EXCHANGE_UNLIMITED : items);
}

static enum heed_status begin(struct player *p, struct heed_error *err)
{
    if (p->x)
        return HEED_OK;
    for (size_t i = 0; i < p->funds_n; i++)
        p->settings.funded |= p->funds[i].balance >= 0;
    p->x = exchange_new(&p->settings);
    if (!p->x)
        return error_nomem(err);
    for (size_t i = 0; i < p->funds_n; i++)
        if (open_account(p, p->funds[i].owner, p->funds[i].balance, p->funds[i].items) ==
            EXCHANGE_NONE)
            return error_set(err, HEED_RANGE, p->ask->path,
                             "the balances add up to more than 2^61; use a larger unit");
    return HEED_OK;
}

/* The account of a line; one that is not there opens, unless accounts have balances. */
static enum heed_status account_of(struct player *p, struct str name, uint32_t *out,
                                   struct heed_error *err)
{
    *out = intern_find(&p->accounts, name);
    if (*out != INTERN_NONE)
        return HEED_OK;
    *out = (uint32_t)exchange_accounts(p->x); /* nobody's */
    if (p->settings.funded)
        return HEED_OK;
    uint32_t owner = intern_add(&p->owners, name);
    if (owner == INTERN_NONE || intern_add(&p->accounts, name) == INTERN_NONE ||
        open_account(p, owner, 0, -1) == EXCHANGE_NONE)
        return error_nomem(err);
    return HEED_OK;
}

static enum heed_status add_account(struct player *p, const struct line *l, struct heed_error *err)
{
    struct heed_error why = {0};
    if (p->x && l->balance >= 0)
        error_set(&why, HEED_INPUT, NULL, "balances come before the first order; move it up");
    else if (p->x && p->settings.funded)
        error_set(&why, HEED_INPUT, NULL,
                  "accounts with balances come before the first order; move it up");
    else if (l->balance < -1 || l->items < -1)
        error_set(&why, HEED_INPUT, NULL, "a balance and items are 0 or more");
    else if (intern_find(&p->accounts, l->id) != INTERN_NONE)
        error_set(&why, HEED_INPUT, NULL, "this account is there already; leave it out");
    if (why.status != HEED_OK)
        return bad_line(p, l->id, &why, err);
    uint32_t owner = intern_add(&p->owners, l->owner.p ? l->owner : l->id);
    if (owner == INTERN_NONE || intern_add(&p->accounts, l->id) == INTERN_NONE)
        return error_nomem(err);
    if (p->x)
        return open_account(p, owner, 0, -1) == EXCHANGE_NONE ? error_nomem(err) : HEED_OK;
    if (!array_grow(&p->funds, &p->funds_cap, p->funds_n + 1, sizeof *p->funds))
        return error_nomem(err);
    p->funds[p->funds_n++] = (struct funds){l->balance, l->items, owner};
    return HEED_OK;
}

/* Time comes to now, telling on the way what was due. */
static enum heed_status advance(struct player *p, int64_t now, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    while (status == HEED_OK && exchange_due(p->x) <= now) {
        if (exchange_advance(p->x, exchange_due(p->x), &p->out) != HEED_OK)
            return error_nomem(err);
        status = tell_events(p, err);
    }
    if (status == HEED_OK && exchange_advance(p->x, now, &p->out) != HEED_OK)
        status = error_nomem(err);
    p->now_ms = now;
    return status == HEED_OK ? tell_events(p, err) : status;
}

static enum heed_status order(struct player *p, const struct line *l, struct heed_error *err)
{
    struct exchange_ask a = l->order;
    struct exchange_answer answer = {0};
    enum heed_status status = HEED_OK;
    if (l->account.p)
        status = account_of(p, l->account, &a.account, err);
    if (status != HEED_OK)
        return status;
    if (l->owner.p) {
        a.owner = intern_find(&p->owners, l->owner);
        if (a.owner == INTERN_NONE)
            a.owner = UINT32_MAX - 1; /* nobody */
    }
    if (a.op != EXCHANGE_CANCEL_ALL)
        a.owner = EXCHANGE_NONE;
    if (l->id.p) {
        uint32_t id = intern_add(&p->ids, l->id);
        if (id == INTERN_NONE)
            return error_nomem(err);
        a.id_lo = (uint64_t)id + 1;
    }
    if (exchange_apply(p->x, p->now_ms, &a, &answer, &p->out) != HEED_OK)
        return error_nomem(err);
    if (answer.refusal != REFUSED_NOT)
        return reject(p, l->id, refusal_code(answer.refusal), refusal_message(answer.refusal), err);
    if (answer.repeated && p->ask->events) {
        (void)repeat_line(l->id, &p->text);
        return tell(p, err);
    }
    return tell_events(p, err);
}

static enum heed_status turn(struct player *p, const struct line *l, struct heed_error *err)
{
    enum refusal refusal = REFUSED_NOT;
    if (exchange_turn(p->x, p->now_ms, &l->turn, &refusal, &p->out) != HEED_OK)
        return error_nomem(err);
    if (refusal != REFUSED_NOT)
        return reject(p, l->id, refusal_code(refusal),
                      refusal == REFUSED_exists
                          ? "the market is in that phase already; leave it out"
                          : refusal_message(refusal),
                      err);
    return tell_events(p, err);
}

static enum heed_status play(struct player *p, const struct jsonl_record *rec,
                             struct heed_error *err)
{
    struct line l;
    struct heed_error why = {0};
    struct exchange_settings changed = p->settings;
    p->line = rec->line;
    p->sum->messages++;
    if (!line_read(rec, &changed, &l, &why))
        return bad_line(p, l.id, &why, err);
    if (l.too_large)
        return reject(p, l.id, refusal_code(REFUSED_overflow), refusal_message(REFUSED_overflow),
                      err);
    if (l.time_ms < -1 || l.time_ms > EXCHANGE_TIME_MAX ||
        (l.time_ms >= 0 && l.time_ms < p->now_ms))
        error_set(&why, HEED_INPUT, NULL,
                  "times are milliseconds that do not go back; it is %lld there",
                  (long long)p->now_ms);
    if (l.kind == LINE_SETTINGS && p->x)
        error_set(&why, HEED_INPUT, NULL, "settings come before the first order; move them up");
    if (why.status != HEED_OK)
        return bad_line(p, l.id, &why, err);
    if (l.kind == LINE_SETTINGS) {
        p->settings = changed;
        return HEED_OK;
    }
    if (l.kind == LINE_ACCOUNT)
        return add_account(p, &l, err);
    enum heed_status status = begin(p, err);
    p->timed = p->timed || l.time_ms >= 0;
    if (status == HEED_OK)
        status = advance(p, l.time_ms >= 0 ? l.time_ms : p->now_ms, err);
    if (status == HEED_OK && l.kind == LINE_ORDER)
        status = order(p, &l, err);
    else if (status == HEED_OK && l.kind == LINE_TURN)
        status = turn(p, &l, err);
    return status;
}

static enum heed_status play_all(struct player *p, struct reader *r, struct heed_error *err)
{
    struct jsonl *lines = jsonl_new(r, LINE_MAX_BYTES, MEMBERS_MAX);
    enum heed_status status = lines ? HEED_OK : error_nomem(err);
    struct heed_error why;
    struct jsonl_record rec;
    enum jsonl_result result = JSONL_RECORD;
    while (status == HEED_OK && result != JSONL_END) {
        error_clear(&why);
        result = jsonl_next(lines, &rec, &why);
        if (result == JSONL_RECORD) {
            status = play(p, &rec, err);
        } else if (result == JSONL_BAD) {
            p->line = rec.line;
            p->sum->messages++;
            status = bad_line(p, STR_NONE, &why, err);
        } else if (result == JSONL_FAILED) {
            status = error_set(err, why.status, p->ask->path, "%s", why.message);
        }
    }
    jsonl_free(lines);
    return status;
}

enum heed_status replay_lines(const struct replay_ask *ask, struct replay *sum,
                              struct heed_error *err)
{
    struct player p = {.ask = ask, .sum = sum, .settings = exchange_defaults()};
    struct reader *r = NULL;
    intern_init(&p.ids);
    intern_init(&p.accounts);
    intern_init(&p.owners);
    strbuf_init(&p.text, 1 << 16);
    enum heed_status status = reader_open(ask->path, NULL, &r, err);
    if (status == HEED_OK)
        status = play_all(&p, r, err);
    if (status == HEED_OK && p.x) {
        sum->best_bid = exchange_level(p.x, EXCHANGE_BUY, 0).price;
        sum->best_ask = exchange_level(p.x, EXCHANGE_SELL, 0).price;
    }
    if (status == HEED_OK && p.bad > 0)
        tools_warn(ask->warnings, "%s, %s (%llu such lines were refused)", ask->path, p.first_bad,
                   (unsigned long long)p.bad);
    reader_close(r);
    strbuf_deinit(&p.text);
    exchange_out_deinit(&p.out);
    exchange_free(p.x);
    free(p.funds);
    intern_deinit(&p.ids);
    intern_deinit(&p.accounts);
    intern_deinit(&p.owners);
    return status;
}
