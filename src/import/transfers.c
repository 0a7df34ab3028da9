#include "import/transfers.h"

#include "base/error.h"
#include "base/money.h"
#include "base/reader.h"
#include "base/sheet.h"
#include "world/batch.h"
#include "world/units.h"

#include <stdlib.h>

/* Lines of one write to the disk, and of a chain, which is never cut: at most BATCH_MAX together.
 */
enum { BATCH = 8190, CHAIN_MAX = BATCH_MAX - BATCH };

enum column {
    KIND,
    ID,
    FROM,
    TO,
    AMOUNT,
    CURRENCY,
    FROM_PURPOSE,
    TO_PURPOSE,
    UP_TO,
    CODE,
    DATA,
    TIMEOUT,
    TRANSFER,
    OF,
    CHAIN,
    COLUMNS
};
static const char *const names[COLUMNS] = {
    "kind",  "id",   "from", "to",      "amount",   "currency", "from-purpose", "to-purpose",
    "up-to", "code", "data", "timeout", "transfer", "of",       "chain"};
static const char *const kinds[] = {"transfer", "pending", "post", "void", NULL, "reverse"};
enum { KINDS = sizeof kinds / sizeof *kinds };

struct line {
    struct heed_transfer t;
    uint64_t number;
    size_t id, id_n;      /* in `ids` */
    enum refusal refusal; /* of what is not there */
};

struct reading {
    struct world *w;
    const struct heed_context *context;
    const struct transfers_options *options;
    struct transfers_result *out;
    struct sheet sheet;
    size_t place[COLUMNS]; /* SHEET_NOWHERE: the file has no such column */
    struct line *lines;    /* a batch */
    struct heed_transfer *asks;
    struct heed_transferred *results;
    size_t *asked; /* line of each ask */
    size_t n, cap;
    struct strbuf ids, chain;  /* texts of the batch; the name of the chain in work, or "" */
    size_t chain_from;         /* its first line */
    int64_t *undo, *undo_held; /* [undo_n] of accounts: what later transfers of the batch did */
    size_t undo_n;
    struct import_mark mark; /* of the lines that are applied */
    uint64_t before;         /* lines of the file that an earlier run has done */
    uint64_t seen;
};

static struct str cell(const struct reading *r, enum column c)
{
    return r->place[c] == SHEET_NOWHERE ? STR_NONE : str_trim(r->sheet.row.fields[r->place[c]]);
}

static enum heed_status bad(const struct reading *r, enum column c, struct heed_error *err,
                            const char *expected)
{
    return sheet_error(&r->sheet, r->place[c], err, "%s was expected", expected);
}

/* ── a line ── */

static enum heed_status whole_number(const struct reading *r, enum column c, int64_t min,
                                     int64_t max, const char *expected, int64_t *out,
                                     struct heed_error *err)
{
    struct money m;
    if (money_from_text(cell(r, c), 0, &m) != MONEY_OK || m.minor < min || m.minor > max)
        return bad(r, c, err, expected);
    *out = m.minor;
    return HEED_OK;
}

/* Columns that belong to other kinds are empty. */
static enum heed_status nothing_else(const struct reading *r, unsigned kind, struct heed_error *err)
{
    bool ends = kind >= HEED_POST;
    for (int c = 0; c < COLUMNS; c++) {
        bool belongs = c == KIND || c == ID || c == CHAIN ||
                       ((c == TRANSFER || c == OF)       ? ends
                        : c == TIMEOUT                   ? kind == HEED_HOLD
                        : (c == AMOUNT || c == CURRENCY) ? !ends || kind == HEED_POST
                                                         : !ends);
        if (!belongs && cell(r, (enum column)c).n > 0)
            return sheet_error(&r->sheet, r->place[c], err, "'%s' has none; leave it empty",
                               kinds[kind]);
    }
    if (ends && (cell(r, TRANSFER).n > 0) == (cell(r, OF).n > 0))
        return sheet_error(&r->sheet, SHEET_NOWHERE, err,
                           "say which it ends: its number (transfer) or its id (of), one of them");
    return HEED_OK;
}

static enum heed_status read_amount(const struct reading *r, uint32_t unit, struct line *x,
                                    struct heed_error *err)
{
    struct money m;
    if (cell(r, AMOUNT).n == 0) {
        x->t.amount = HEED_ALL;
        return x->t.kind < HEED_POST ? bad(r, AMOUNT, err, "an amount such as 4.99") : HEED_OK;
    }
    switch (money_from_text(cell(r, AMOUNT), unit_scale(&r->w->state, unit), &m)) {
    case MONEY_OK:
        /* what is less than nothing is refused as such, and is not "all" */
        x->t.amount = m.minor < 0 && x->t.kind == HEED_POST ? 0 : m.minor;
        return HEED_OK;
    case MONEY_TOO_MANY_DECIMALS:
        return bad(r, AMOUNT, err, "an amount with at most the decimals of its currency");
    case MONEY_TOO_LARGE:
        return bad(r, AMOUNT, err, "an amount that an account can hold");
    default:
        return bad(r, AMOUNT, err, "an amount such as 4.99");
    }
}

static void refuse(struct line *x, enum refusal refusal)
{
    if (x->refusal == REFUSED_NOT || refusal < x->refusal)
        x->refusal = refusal;
}

static uint32_t account_of(const struct reading *r, enum column who, enum column what_for,
                           uint32_t unit, struct line *x)
{
    uint32_t holder = admit_holder(r->w, cell(r, who)), symbol = 0;
    uint16_t purpose = 0;
    if (holder != HANDLE_NONE && cell(r, what_for).n > 0) {
        symbol = world_find_symbol(r->w, cell(r, what_for));
        if (symbol == HANDLE_NONE || !purpose_of_symbol(symbol, &purpose))
            holder = HANDLE_NONE;
    }
    uint32_t account = holder == HANDLE_NONE
                           ? LEDGER_NONE
                           : ledger_find_for(&r->w->state.ledger, holder, unit, purpose);
    if (account == LEDGER_NONE)
        refuse(x, REFUSED_unknown_account);
    return account;
}

/* What the line says, without what stands in the ledger. */
static enum heed_status read_line(const struct reading *r, struct line *x, uint32_t *unit,
                                  struct heed_error *err)
{
    struct str kind = cell(r, KIND), id = cell(r, ID);
    int64_t number = 0;
    *x = (struct line){.number = r->sheet.row.line};
    while (x->t.kind < KINDS && (!kinds[x->t.kind] || !str_eq(kind, str_of(kinds[x->t.kind]))))
        x->t.kind++;
    if (x->t.kind == KINDS)
        return bad(r, KIND, err, "transfer, pending, post, void or reverse");
    if (id.n == 0)
        return bad(r, ID, err, "an id, by which the line is applied once");
    admit_caller_id(id, &x->t.id_hi, &x->t.id_lo);
    enum heed_status status = nothing_else(r, x->t.kind, err);
    *unit = 0;
    if (!admit_unit(r->w, cell(r, CURRENCY), unit))
        refuse(x, REFUSED_unknown_currency);
    else if (status == HEED_OK && x->t.kind <= HEED_POST)
        status = read_amount(r, *unit, x, err);
    if (status == HEED_OK && cell(r, CODE).n > 0) {
        status = whole_number(r, CODE, 256, 65535, "a number from 256 to 65535", &number, err);
        x->t.code = (uint16_t)number;
    }
    if (status == HEED_OK && cell(r, TIMEOUT).n > 0) {
        status = whole_number(r, TIMEOUT, 1, UINT32_MAX, "a number of seconds", &number, err);
        x->t.timeout_s = (uint32_t)number;
    }
    x->t.of = HEED_NONE;
    if (status == HEED_OK && cell(r, TRANSFER).n > 0) {
        status =
            whole_number(r, TRANSFER, 0, UINT32_MAX - 1, "the number of a transfer", &number, err);
        x->t.of = (uint32_t)number;
    }
    if (status == HEED_OK && cell(r, DATA).n > 0 &&
        !admit_data(cell(r, DATA), &x->t.data_hi, &x->t.data_lo))
        status = bad(r, DATA, err, "1 to 32 hexadecimal digits");
    struct str up_to = cell(r, UP_TO);
    if (status == HEED_OK && up_to.n > 0 && !str_is(up_to, "0") && !str_is(up_to, "1"))
        status = bad(r, UP_TO, err, "1, or nothing");
    x->t.flags = str_is(up_to, "1") ? HEED_UP_TO : 0;
    return status;
}

/* ── a batch ── */

static bool grow(struct reading *r)
{
    if (r->n < r->cap)
        return true;
    size_t cap = r->cap ? 2 * r->cap : 1024;
    struct line *lines = realloc(r->lines, cap * sizeof *lines);
    if (lines)
        r->lines = lines;
    struct heed_transfer *asks = realloc(r->asks, cap * sizeof *asks);
    if (asks)
        r->asks = asks;
    struct heed_transferred *results = realloc(r->results, cap * sizeof *results);
    if (results)
        r->results = results;
    size_t *asked = realloc(r->asked, cap * sizeof *asked);
    if (asked)
        r->asked = asked;
    if (!lines || !asks || !results || !asked)
        return false;
    r->cap = cap;
    return true;
}

/* The main account opens when money first comes to it. */
static enum heed_status open_main(struct reading *r, uint32_t unit, struct line *x,
                                  struct heed_error *err)
{
    struct str to = cell(r, TO), currency = cell(r, CURRENCY);
    uint32_t holder = admit_holder(r->w, to);
    char who[512], what[512];
    if (cell(r, TO_PURPOSE).n > 0 || holder == HANDLE_NONE || holder_system_name(holder) ||
        x->refusal != REFUSED_NOT || to.n >= sizeof who || currency.n >= sizeof what ||
        ledger_find(&r->w->state.ledger, holder, unit) != LEDGER_NONE)
        return HEED_OK;
    memcpy(who, to.p, to.n);
    who[to.n] = 0;
    memcpy(what, currency.p ? currency.p : "", currency.n);
    what[currency.n] = 0;
    const struct heed_arg args[] = {{"account", who}, {"currency", what}};
    json_t *reply = NULL;
    enum heed_status status = admit_queue(r->w, command_spec(COMMAND_ledger_open), r->context, args,
                                          currency.n ? 2 : 1, &reply, err);
    json_decref(reply);
    return status == HEED_REFUSED ? HEED_OK : status; /* the transfer is refused then */
}

static enum refusal refusal_of(const char *code)
{
    int i = 1;
    while (i < REFUSED_COUNT && strcmp(refusal_code((enum refusal)i), code) != 0)
        i++;
    heed_assert(i < REFUSED_COUNT);
    return (enum refusal)i;
}

/* Balances after a transfer of the batch: those of now, less what came behind it. */
static void fill_balance(struct reading *r, uint32_t number, struct transfers_answer *a)
{
    const struct ledger *l = &r->w->state.ledger;
    const struct transfer *t = &l->transfers[number];
    const struct account *d = &l->accounts[t->debit], *c = &l->accounts[t->credit];
    a->from_balance = d->credits - d->debits - r->undo[t->debit];
    a->from_held = d->debits_pending - r->undo_held[t->debit];
    a->to_balance = c->credits - c->debits - r->undo[t->credit];
    a->to_held = c->credits_pending - r->undo_held[t->credit];
}

static void undo(struct reading *r, uint32_t number)
{
    const struct ledger *l = &r->w->state.ledger;
    const struct transfer *t = &l->transfers[number];
    struct effect e = ledger_effect(l, t);
    r->undo[t->debit] -= e.moved;
    r->undo[t->credit] += e.moved;
    r->undo_held[t->debit] += e.held;
    r->undo_held[t->credit] += e.held;
}

static bool room_to_undo(struct reading *r)
{
    size_t n = r->w->state.ledger.accounts_n;
    if (n <= r->undo_n)
        return true;
    n += n / 2;
    int64_t *one = realloc(r->undo, n * sizeof *one);
    if (one)
        r->undo = one;
    int64_t *other = realloc(r->undo_held, n * sizeof *other);
    if (other)
        r->undo_held = other;
    if (!one || !other)
        return false;
    memset(one + r->undo_n, 0, (n - r->undo_n) * sizeof *one);
    memset(other + r->undo_n, 0, (n - r->undo_n) * sizeof *other);
    r->undo_n = n;
    return true;
}

/* Of one line. */
static void answer(struct reading *r, struct transfers_answer *a)
{
    if (a->repeated)
        fill_balance(r, a->number, a);
    r->out->lines++;
    r->out->applied += a->refusal == REFUSED_NOT && !a->repeated && !a->refused_before;
    r->out->repeated += a->repeated;
    r->out->refused_before += a->refused_before;
    r->out->refused += a->refusal != REFUSED_NOT;
    r->out->by_refusal[a->refusal]++;
    if (r->options->answer)
        r->options->answer(r->options->context, a);
}

/* What each of n lines came to, in their order; transfers from `before` on are theirs. */
static enum heed_status tell(struct reading *r, size_t n, size_t asks, size_t before,
                             struct heed_error *err)
{
    struct transfers_answer *answers = calloc(n + 1, sizeof *answers);
    const struct ledger *l = &r->w->state.ledger;
    if (!answers || !room_to_undo(r)) {
        free(answers);
        return error_nomem(err);
    }
    for (size_t i = 0; i < n; i++) {
        const struct line *x = &r->lines[i];
        answers[i] = (struct transfers_answer){.line = x->number,
                                               .id = {r->ids.p + x->id, x->id_n},
                                               .refusal = x->refusal,
                                               .number = LEDGER_NONE};
    }
    for (size_t i = asks; i-- > 0;) {
        struct transfers_answer *a = &answers[r->asked[i]];
        const struct heed_transferred *got = &r->results[i];
        if (got->refused) {
            a->refusal = refusal_of(got->refused);
            continue;
        }
        a->number = got->number;
        a->repeated = got->repeated != 0;
        if (!a->repeated) {
            fill_balance(r, got->number, a);
            undo(r, got->number);
        }
    }
    for (size_t t = before; t < l->transfers_n; t++)
        r->undo[l->transfers[t].debit] = r->undo[l->transfers[t].credit] =
            r->undo_held[l->transfers[t].debit] = r->undo_held[l->transfers[t].credit] = 0;
    for (size_t i = 0; i < n; i++)
        answer(r, &answers[i]);
    free(answers);
    return HEED_OK;
}

static bool linked(const struct reading *r, size_t i)
{
    return r->lines[i].t.flags & HEED_LINKED;
}

/* A chain with a line that names what is not there: that line has the reason, the others `linked`.
 */
static enum refusal refuse_chain(struct reading *r, size_t first, size_t end)
{
    size_t why = end;
    for (size_t k = end; k-- > first;)
        if (r->lines[k].refusal != REFUSED_NOT)
            why = k;
    for (size_t k = first; k < end && why < end; k++)
        if (k != why)
            r->lines[k].refusal = REFUSED_linked;
    return why < end ? r->lines[why].refusal : REFUSED_NOT;
}

static enum heed_status save_mark(struct reading *r, uint64_t lines, bool done,
                                  struct heed_error *err)
{
    struct sha256 digest;
    struct outcome o = {0};
    r->mark.rows += lines;
    r->mark.done = done;
    struct call call = admit_import_mark(&r->mark, &digest);
    call.time_ms = r->context->time_ms;
    return world_apply(r->w, &call, &o, err);
}

/* Applies the first n lines that have been read, which are whole chains, durable, and answers them.
 */
static enum heed_status flush(struct reading *r, size_t n, bool done, struct heed_error *err)
{
    size_t asks = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; linked(r, end - 1); end++)
            ;
        if (refuse_chain(r, i, end) != REFUSED_NOT)
            continue;
        for (size_t k = i; k < end; k++) {
            r->asked[asks] = k;
            r->asks[asks++] = r->lines[k].t;
        }
    }
    enum heed_status status = n > 0 ? admit_due(r->w, r->context, err) : HEED_OK;
    size_t before = r->w->state.ledger.transfers_n;
    if (status == HEED_OK && asks > 0)
        status = transfers_queue(r->w, r->context, r->asks, asks, r->results, err);
    if (status == HEED_OK && (n > 0 || done))
        status = save_mark(r, n, done, err);
    if (status == HEED_OK)
        status = world_commit(r->w, err);
    if (status == HEED_OK)
        status = tell(r, n, asks, before, err);
    if (status != HEED_OK)
        return status;
    size_t texts = n < r->n ? r->lines[n].id : r->ids.n;
    for (size_t i = n; i < r->n; i++) {
        r->lines[i - n] = r->lines[i];
        r->lines[i - n].id -= texts;
    }
    if (r->ids.n > texts)
        memmove(r->ids.p, r->ids.p + texts, r->ids.n - texts);
    r->ids.n -= texts;
    r->n -= n;
    r->chain_from -= n;
    return HEED_OK;
}

/* Where the line's chain goes on or begins; what was read before it is whole. */
static enum heed_status join(struct reading *r, struct heed_error *err)
{
    struct str chain = cell(r, CHAIN);
    bool goes_on = chain.n > 0 && str_eq(chain, (struct str){r->chain.p, r->chain.n});
    if (goes_on && r->n - r->chain_from >= CHAIN_MAX)
        return sheet_error(&r->sheet, r->place[CHAIN], err, "a chain has at most %d lines",
                           CHAIN_MAX);
    if (goes_on) {
        if (r->n > 0)
            r->lines[r->n - 1].t.flags |= HEED_LINKED;
        return HEED_OK;
    }
    r->chain.n = 0;
    if (!strbuf_put(&r->chain, chain.p, chain.n))
        return error_nomem(err);
    r->chain_from = r->n;
    return r->n >= BATCH ? flush(r, r->n, false, err) : HEED_OK;
}

/* A line that an earlier run has done: what it moved is there, or it was refused. */
static enum heed_status told_before(struct reading *r, struct heed_error *err)
{
    uint64_t hi, lo;
    struct transfers_answer a = {.line = r->sheet.row.line, .id = cell(r, ID)};
    admit_caller_id(a.id, &hi, &lo);
    a.number = ledger_find_id(&r->w->state.ledger, hi, lo);
    a.repeated = a.number != LEDGER_NONE;
    a.refused_before = !a.repeated;
    if (!room_to_undo(r))
        return error_nomem(err);
    answer(r, &a);
    return HEED_OK;
}

static enum heed_status take(struct reading *r, struct heed_error *err)
{
    if (r->seen++ < r->before)
        return told_before(r, err);
    struct line x;
    uint32_t unit;
    enum heed_status status = join(r, err);
    if (status == HEED_OK)
        status = read_line(r, &x, &unit, err);
    struct str of = cell(r, OF), id = cell(r, ID);
    if (status == HEED_OK && of.n > 0) {
        uint64_t hi, lo;
        admit_caller_id(of, &hi, &lo);
        x.t.of = ledger_find_id(&r->w->state.ledger, hi, lo);
        if (x.t.of == LEDGER_NONE && r->chain_from > 0) { /* perhaps of this batch */
            status = flush(r, r->chain_from, false, err);
            x.t.of = ledger_find_id(&r->w->state.ledger, hi, lo);
        }
        if (x.t.of == LEDGER_NONE)
            refuse(&x, REFUSED_unknown_transfer);
    }
    if (status == HEED_OK && x.t.kind < HEED_POST && x.refusal == REFUSED_NOT) {
        x.t.debit = account_of(r, FROM, FROM_PURPOSE, unit, &x);
        status = open_main(r, unit, &x, err);
        x.t.credit = account_of(r, TO, TO_PURPOSE, unit, &x);
    }
    if (status != HEED_OK)
        return status;
    x.id = r->ids.n;
    x.id_n = id.n;
    if (!grow(r) || !strbuf_put(&r->ids, id.p, id.n))
        return error_nomem(err);
    r->lines[r->n++] = x;
    return HEED_OK;
}

/* ── the file ── */

static enum heed_status header(struct reading *r, struct heed_error *err)
{
    static const char *const needed[] = {"kind", "id"};
    size_t at[2];
    enum heed_status status = sheet_need(&r->sheet, needed, 2, at, err);
    for (int c = 0; c < COLUMNS; c++)
        r->place[c] = sheet_column(&r->sheet, names[c]);
    for (size_t i = 0; status == HEED_OK && i < r->sheet.columns; i++) {
        int c = 0;
        while (c < COLUMNS && r->place[c] != i)
            c++;
        if (c == COLUMNS)
            status = sheet_error(&r->sheet, i, err,
                                 "transfers have no such column; there are kind, id, from, to, "
                                 "amount, currency, from-purpose, to-purpose, up-to, code, data, "
                                 "timeout, transfer, of, chain");
    }
    return status;
}

/* Goes through the file once: only to look, or to apply. */
static enum heed_status pass(struct reading *r, const char *path, bool applies,
                             struct heed_error *err)
{
    bool more = true;
    enum heed_status status =
        sheet_open(path, NULL, "transfers need a header with kind and id", &r->sheet, err);
    if (status == HEED_OK)
        status = header(r, err);
    for (uint64_t n = 0; status == HEED_OK; n++) {
        struct line x;
        uint32_t unit;
        status = sheet_next(&r->sheet, &more, err);
        if (status != HEED_OK || !more)
            break;
        status = applies ? take(r, err) : read_line(r, &x, &unit, err);
        if (applies && r->options->progress && n % 1024 == 0) {
            uint64_t done, total;
            reader_progress(r->sheet.reader, &done, &total);
            r->options->progress(r->options->context, done, total, n);
        }
    }
    if (status == HEED_OK && applies && !(r->mark.done && r->n == 0))
        status = flush(r, r->n, true, err);
    sheet_close(&r->sheet);
    return status;
}

/* How far a file of these very bytes has been applied. */
static enum heed_status find_mark(struct reading *r, const char *path, struct heed_error *err)
{
    static const char kind[] = "transfers";
    char bytes[sizeof kind + sizeof(struct sha256)];
    struct sha256 content;
    enum heed_status status = reader_digest(path, NULL, &content, err);
    memcpy(bytes, kind, sizeof kind);
    memcpy(bytes + sizeof kind, &content, sizeof content);
    r->mark.digest = sha256_of(bytes, sizeof bytes);
    const struct import_mark *mark =
        status == HEED_OK && !r->options->again ? world_import_mark(r->w, &r->mark.digest) : NULL;
    if (mark)
        r->mark = *mark;
    r->before = r->mark.rows;
    return status;
}

enum heed_status transfers_apply(struct world *w, const struct heed_context *context,
                                 const char *path, const struct transfers_options *options,
                                 struct transfers_result *out, struct heed_error *err)
{
    struct reading r = {.w = w, .context = context, .options = options, .out = out};
    json_t *refused = NULL;
    *out = (struct transfers_result){0};
    if (w->read_only)
        return error_set(err, HEED_USAGE, "ledger apply", "the world was opened for reading only");
    enum heed_status status = admit_tool(w, COMMAND_ledger_apply, context->actor, &refused, err);
    json_decref(refused);
    if (status == HEED_REFUSED)
        return error_set(err, HEED_REFUSED, "actor", "only operators and clients may");
    strbuf_init(&r.ids, SIZE_MAX);
    strbuf_init(&r.chain, SIZE_MAX);
    if (status == HEED_OK)
        status = pass(&r, path, false, err);
    if (status == HEED_OK)
        status = find_mark(&r, path, err);
    if (status == HEED_OK)
        status = pass(&r, path, true, err);
    strbuf_deinit(&r.ids);
    strbuf_deinit(&r.chain);
    free(r.lines);
    free(r.asks);
    free(r.results);
    free(r.asked);
    free(r.undo);
    free(r.undo_held);
    return status;
}
