/* Rows of events, on two threads.
 *
 *     reader thread: bytes → rows → calls, bad rows    ── two batches in a ring ──▶  applying
 * thread: apply, mark, commit
 *
 * While events are imported nobody is added to the world, so the reader may look up users and
 * targets. Symbols (surface, via) are made as they come: the reader numbers them for itself and
 * sends new texts along; the applying thread keeps the world's number of each. */
#include "base/arena.h"
#include "base/intern.h"
#include "base/money.h"
#include "base/time.h"
#include "base/utf8.h"
#include "import/session.h"
#include "world/apply.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    CALLS_A_BATCH = 1 << 15,
    SLOTS = 3,
    BAD_A_BATCH = 4096,
    SERVED_VERB = -2,
    REFUNDED_VERB = -3,
    SEEN_VERB = -4
};

struct bad_row {
    uint64_t line;
    enum refusal refusal; /* REFUSED_NOT: malformed */
    char *where, *reason; /* in the batch's arena   */
    struct str raw;
};

struct event_batch {
    struct call *calls; /* [CALLS_A_BATCH]; i[4], i[5] are the reader's symbol numbers */
    uint64_t *lines;    /* [CALLS_A_BATCH] of the file */
    size_t n;
    struct bad_row *bad; /* [BAD_A_BATCH] */
    size_t bad_n;
    uint64_t rows, read, total; /* bytes, for progress */
    struct str *symbols;        /* new ones, in order of number; text in the arena */
    size_t symbols_n, symbols_cap;
    struct arena text;
    bool last;
    struct heed_error error; /* status not HEED_OK: reading ended there */
};

struct pipe {
    struct session *s;
    struct rows *rows;
    struct event_batch ring[SLOTS];
    size_t made, taken; /* batches */
    bool stop;          /* the applying thread gave up */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* ── reading ── */

struct reading {
    struct pipe *p;
    struct intern symbols; /* the reader's numbers */
    char time_text[40], user_text[72], verb_text[32];
    size_t time_n, user_n, verb_n;
    int64_t time_ms;
    uint32_t user;
    int verb;
};

static bool note_bad(struct event_batch *b, enum refusal refusal, const struct row *row,
                     const char *where, const char *reason)
{
    struct bad_row *x = &b->bad[b->bad_n];
    size_t n = row->raw.n < 4096 ? row->raw.n : utf8_cut((struct str){row->raw.p, 4096}, 4096);
    char *raw = arena_strdup(&b->text, (struct str){row->raw.p ? row->raw.p : "", n});
    x->where = arena_strdup(&b->text, str_of(where));
    x->reason = reason ? arena_strdup(&b->text, str_of(reason)) : NULL;
    if (!raw || !x->where || (reason && !x->reason))
        return false;
    x->line = row->line;
    x->refusal = refusal;
    x->raw = (struct str){raw, n};
    b->bad_n++;
    return true;
}

static bool malformed(struct reading *r, struct event_batch *b, const struct row *row, enum field f,
                      const char *expected)
{
    char where[128], reason[200];
    struct str text = row->fields[f];
    snprintf(reason, sizeof reason, "'%.*s' is not %s", (int)utf8_cut(text, 60),
             text.p ? text.p : "", expected);
    return note_bad(b, REFUSED_NOT, row, rows_where(r->p->rows, row, f, where), reason);
}

static bool same(struct str s, const char *text, size_t n)
{
    return s.n == n && n > 0 && memcmp(s.p, text, n) == 0;
}

/* Keeps a short text for comparing the next row's with it.                                       */
static void keep(struct str s, char *text, size_t cap, size_t *n)
{
    *n = s.n <= cap ? s.n : 0;
    memcpy(text, s.p, *n);
}

static bool symbol_of(struct reading *r, struct event_batch *b, struct str text, int64_t *out)
{
    *out = CALL_ABSENT;
    if (text.n == 0)
        return true;
    size_t known = r->symbols.count;
    uint32_t at = intern_add(&r->symbols, text);
    if (at == INTERN_NONE)
        return false;
    if (at == known) {
        char *copy = arena_strdup(&b->text, text);
        if (!copy ||
            !array_grow(&b->symbols, &b->symbols_cap, b->symbols_n + 1, sizeof *b->symbols))
            return false;
        b->symbols[b->symbols_n++] = (struct str){copy, text.n};
    }
    *out = at;
    return true;
}

/* `-` stands for people who are not known, unless somebody is called so.                        */
static bool nobody_known(const struct reading *r, struct str user)
{
    return r->user == HANDLE_NONE && r->verb >= 0 && str_is(user, "-");
}

static bool count_of(struct str text, int64_t *count)
{
    struct money n;
    *count = 1;
    if (text.n &&
        (money_from_text(text, 0, &n) != MONEY_OK || n.minor < 1 || n.minor > COUNTED_MAX))
        return false;
    *count = text.n ? n.minor : 1;
    return true;
}

/* Turns a row into a call or a bad row. false: no memory.                                       */
static bool read_row(struct reading *r, struct event_batch *b, const struct row *row)
{
    const struct world *w = r->p->s->w;
    const struct str *f = row->fields;
    if (!same(f[FIELD_TIME], r->time_text, r->time_n)) {
        enum time_parse parsed = time_from_text(f[FIELD_TIME], &r->time_ms);
        r->time_n = 0;
        if (parsed != TIME_OK)
            return malformed(r, b, row, FIELD_TIME,
                             parsed == TIME_OUT_OF_RANGE
                                 ? "a time between 1970 and 2105; mend it, or leave the row out"
                                 : "a time such as 2026-01-31T12:00:00Z or Unix seconds");
        keep(f[FIELD_TIME], r->time_text, sizeof r->time_text, &r->time_n);
    }
    if (!same(f[FIELD_VERB], r->verb_text, r->verb_n)) {
        r->verb_n = 0;
        r->verb = str_is(f[FIELD_VERB], "served")        ? SERVED_VERB
                  : str_is(f[FIELD_VERB], "served_seen") ? SEEN_VERB
                  : str_is(f[FIELD_VERB], "refunded")
                      ? REFUNDED_VERB
                      : behaviour_verb(&w->state.rules.behaviour, f[FIELD_VERB]);
        if (r->verb == -1)
            return malformed(r, b, row, FIELD_VERB, "a verb of the rules; see `heed rules show`");
        keep(f[FIELD_VERB], r->verb_text, sizeof r->verb_text, &r->verb_n);
    }
    int64_t amount = 1000;
    if (f[FIELD_AMOUNT].n && !admit_amount(f[FIELD_AMOUNT], &amount))
        return malformed(
            r, b, row, FIELD_AMOUNT,
            "an amount of zero or more, such as 12.5, with at most three decimals, up to a "
            "billion");
    for (enum field s = FIELD_SURFACE; s <= FIELD_VIA; s++)
        if (f[s].n > 256)
            return malformed(r, b, row, s, "at most 256 bytes long");
    if (!same(f[FIELD_USER], r->user_text, r->user_n)) {
        r->user = world_find_user(w, f[FIELD_USER]);
        keep(f[FIELD_USER], r->user_text, sizeof r->user_text, &r->user_n);
    }
    uint32_t target = world_find_target(w, f[FIELD_TARGET]);
    char where[128];
    int64_t count;
    if (!count_of(f[FIELD_COUNT], &count))
        return malformed(r, b, row, FIELD_COUNT, "a whole number from 1 to a billion");
    if (f[FIELD_COUNT].n && !nobody_known(r, f[FIELD_USER]))
        return malformed(r, b, row, FIELD_COUNT,
                         "possible here: a count is of acts of people who are not known, user -");
    if (r->user == HANDLE_NONE && r->verb != SERVED_VERB && r->verb != SEEN_VERB &&
        !nobody_known(r, f[FIELD_USER])) {
        if (!admit_id_ok(admit_party_id(f[FIELD_USER])))
            return malformed(r, b, row, FIELD_USER, ID_EXPECTED);
        return note_bad(b, REFUSED_unknown_user, row,
                        rows_where(r->p->rows, row, FIELD_USER, where), NULL);
    }
    if (target == 0) {
        if (!target_formed(f[FIELD_TARGET]))
            return malformed(r, b, row, FIELD_TARGET, TARGET_EXPECTED);
        return note_bad(b, REFUSED_unknown_target, row,
                        rows_where(r->p->rows, row, FIELD_TARGET, where), NULL);
    }
    if (admit_time_ahead(w, &r->p->s->context, r->time_ms))
        return note_bad(b, REFUSED_time_ahead, row, rows_where(r->p->rows, row, FIELD_TIME, where),
                        NULL);
    struct call *c = &b->calls[b->n];
    b->lines[b->n] = row->line;
    if (r->verb == SERVED_VERB || r->verb == SEEN_VERB) {
        *c = r->verb == SEEN_VERB ? admit_seen(r->time_ms, target)
                                  : admit_served(r->time_ms, target);
        b->n++;
        return true;
    }
    if (nobody_known(r, f[FIELD_USER])) {
        *c = admit_counted(r->time_ms, (uint32_t)r->verb, target, count, amount);
        b->n++;
        return true;
    }
    if (r->verb == REFUNDED_VERB) {
        *c = admit_refunded(r->time_ms, r->user, target, amount);
        b->n++;
        return true;
    }
    *c = admit_event(r->time_ms, r->user, (uint32_t)r->verb, target, amount, HANDLE_NONE,
                     HANDLE_NONE, f[FIELD_ID].n ? admit_key_hash(f[FIELD_ID]) : 0);
    if (!symbol_of(r, b, f[FIELD_SURFACE], &c->i[4]) || !symbol_of(r, b, f[FIELD_VIA], &c->i[5]))
        return false;
    b->n++;
    return true;
}

/* A free batch, or NULL when the other side gave up.                                            */
static struct event_batch *batch_begin(struct pipe *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->made - p->taken == SLOTS && !p->stop)
        pthread_cond_wait(&p->changed, &p->lock);
    struct event_batch *b = p->stop ? NULL : &p->ring[p->made % SLOTS];
    pthread_mutex_unlock(&p->lock);
    if (b) {
        b->n = b->bad_n = b->rows = b->symbols_n = 0;
        b->last = false;
        b->error = (struct heed_error){0};
        arena_reset(&b->text);
    }
    return b;
}

static void batch_end(struct pipe *p)
{
    pthread_mutex_lock(&p->lock);
    p->made++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

static void fill(struct reading *r, struct event_batch *b, uint64_t *skip, struct row *row)
{
    while (b->n < CALLS_A_BATCH && b->bad_n < BAD_A_BATCH) {
        struct heed_error why = {0};
        enum row_result result = rows_next(r->p->rows, row, &why);
        if (result == ROW_END) {
            b->last = true;
            return;
        }
        if (result == ROW_FAILED) {
            b->last = true;
            b->error = why;
            return;
        }
        if (*skip > 0) {
            --*skip;
            continue;
        }
        b->rows++;
        bool memory = result == ROW_BAD ? note_bad(b, REFUSED_NOT, row, why.where, why.message)
                                        : read_row(r, b, row);
        if (!memory) {
            b->last = true;
            error_nomem(&b->error);
            return;
        }
    }
}

static void *read_file(void *context)
{
    struct pipe *p = context;
    struct reading *r = calloc(1, sizeof *r);
    struct row *row = calloc(1, sizeof *row);
    uint64_t skip = p->s->skip;
    struct event_batch *b;
    bool last = false;
    if (r) {
        r->p = p;
        intern_init(&r->symbols);
    }
    while (!last && (b = batch_begin(p))) {
        if (r && row) {
            fill(r, b, &skip, row);
            reader_progress(rows_reader(p->rows), &b->read, &b->total);
        } else {
            b->last = true;
            error_nomem(&b->error);
        }
        last = b->last;
        batch_end(p);
    }
    if (r)
        intern_deinit(&r->symbols);
    free(r);
    free(row);
    return NULL;
}

/* ── applying ── */

struct applying {
    struct session *s;
    uint32_t *symbols; /* the world's, by the reader's number */
    size_t symbols_n, symbols_cap;
};

static enum heed_status take_symbols(struct applying *a, const struct event_batch *b,
                                     struct heed_error *err)
{
    if (!array_grow(&a->symbols, &a->symbols_cap, a->symbols_n + b->symbols_n + 1,
                    sizeof *a->symbols))
        return error_nomem(err);
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < b->symbols_n; i++) {
        uint32_t *symbol = &a->symbols[a->symbols_n++];
        status = admit_symbol(a->s->w, b->symbols[i], symbol, err);
        if (status ==
            HEED_RANGE) { /* a world full of them: the act counts, its place is not kept */
            *symbol = HANDLE_NONE;
            error_clear(err);
            status = HEED_OK;
        }
    }
    return status;
}

static struct act act_of(const struct call *c)
{
    if (c->command == COMMAND_event_counted)
        return act_of_counted(c);
    return (struct act){.id_hash = c->i[6] == CALL_ABSENT ? 0 : (uint64_t)c->i[6],
                        .user = (uint32_t)c->i[0],
                        .target = (uint32_t)c->i[2]};
}

/* What only the world could say: of a refund, that there was no such purchase. The row itself is
 * gone.
 */
static void refused_late(struct session *s, const struct event_batch *b, size_t i,
                         enum refusal refusal)
{
    char where[64];
    snprintf(where, sizeof where, "line %llu, %s", (unsigned long long)b->lines[i],
             refusal == REFUSED_unknown_user ? "user" : "target");
    session_refused(s, refusal, where, b->lines[i], STR_NONE);
}

static enum heed_status apply_batch(struct applying *a, struct event_batch *b,
                                    struct heed_error *err)
{
    enum { FAR = 24, NEAR = 8 };
    struct world *w = a->s->w;
    struct heed_tally *t = &a->s->file->tally;
    for (size_t i = 0; i < b->bad_n; i++) {
        const struct bad_row *x = &b->bad[i];
        if (x->refusal != REFUSED_NOT)
            session_refused(a->s, x->refusal, x->where, x->line, x->raw);
        else
            session_bad(a->s, false, x->where, x->reason, x->line, x->raw);
    }
    t->rows += b->rows;
    if (a->s->checking) {
        t->applied += b->n;
        return HEED_OK;
    }
    enum heed_status status = take_symbols(a, b, err);
    for (size_t i = 0; status == HEED_OK && i < b->n; i++) {
        if (i + FAR < b->n) {
            struct act far = act_of(&b->calls[i + FAR]), near = act_of(&b->calls[i + NEAR]);
            behaviour_prefetch(&w->state.behaviour, &far);
            behaviour_prefetch_pair(&w->state.behaviour, &near);
        }
        struct call *c = &b->calls[i];
        if (c->command == COMMAND_event_add)
            for (int f = 4; f <= 5; f++)
                if (c->i[f] != CALL_ABSENT)
                    c->i[f] = a->symbols[c->i[f]] == HANDLE_NONE ? CALL_ABSENT
                                                                 : (int64_t)a->symbols[c->i[f]];
        struct outcome o = {0};
        status = world_apply(w, c, &o, err);
        if (o.refusal != REFUSED_NOT)
            refused_late(a->s, b, i, o.refusal);
        else if (o.repeated)
            t->duplicate++;
        else
            t->applied++;
    }
    return status == HEED_OK ? session_commit(a->s, b->last && b->error.status == HEED_OK, err)
                             : status;
}

static enum heed_status apply_all(struct pipe *p, struct heed_error *err)
{
    struct applying a = {.s = p->s};
    enum heed_status status = HEED_OK;
    for (bool last = false; status == HEED_OK && !last;) {
        pthread_mutex_lock(&p->lock);
        while (p->made == p->taken)
            pthread_cond_wait(&p->changed, &p->lock);
        pthread_mutex_unlock(&p->lock);
        struct event_batch *b = &p->ring[p->taken % SLOTS];
        status = apply_batch(&a, b, err);
        last = b->last;
        if (status == HEED_OK && b->error.status != HEED_OK)
            status = error_set(err, b->error.status, b->error.where, "%s", b->error.message);
        session_progress(p->s, b->read, b->total);
        pthread_mutex_lock(&p->lock);
        p->taken++;
        p->stop = status != HEED_OK;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    free(a.symbols);
    return status;
}

static void pipe_free(struct pipe *p)
{
    for (int i = 0; i < SLOTS; i++) {
        free(p->ring[i].calls);
        free(p->ring[i].bad);
        free(p->ring[i].lines);
        free(p->ring[i].symbols);
        arena_deinit(&p->ring[i].text);
    }
    rows_close(p->rows);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p);
}

enum heed_status import_events(struct session *s, struct heed_error *err)
{
    struct pipe *p = calloc(1, sizeof *p);
    if (!p)
        return error_nomem(err);
    p->s = s;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    enum heed_status status =
        rows_open(s->file->path, IMPORT_EVENTS, s->format, &s->options->limits, &p->rows, err);
    for (int i = 0; i < SLOTS; i++) {
        arena_init(&p->ring[i].text, 1 << 16, SIZE_MAX);
        p->ring[i].calls = malloc(CALLS_A_BATCH * sizeof *p->ring[i].calls);
        p->ring[i].bad = malloc(BAD_A_BATCH * sizeof *p->ring[i].bad);
        p->ring[i].lines = malloc(CALLS_A_BATCH * sizeof *p->ring[i].lines);
        if (status == HEED_OK && (!p->ring[i].calls || !p->ring[i].bad || !p->ring[i].lines))
            status = error_nomem(err);
    }
    pthread_t reader;
    if (status == HEED_OK && pthread_create(&reader, NULL, read_file, p) != 0)
        status = error_set(err, HEED_STORAGE, "import", "the system gives no second thread");
    else if (status == HEED_OK) {
        status = apply_all(p, err);
        pthread_join(reader, NULL);
    }
    pipe_free(p);
    return status;
}
