/* What a world has learnt, as a file beside its rows: without it the same rows would be judged by
 * the rules alone, and what came of each position in feeds would be forgotten.
 *
 *   learnt,,TIME,FIT           milliseconds, and the combined score's weights as stored, in hex
 *   examined,,POSITION,PPM     how much of an impression a position is
 *   rater,USER,WEIGHT,BIAS     in thousandths
 *   placed,TARGET,POSITION,SHOWN,ENGAGED
 *   promised,,LEVEL,FEEDS,BUDGET  then what each content was given of it, as world/debts.h counts
 * it: paid,TARGET,PAID,SINCE pleased,USER,UTILITY,FEEDS as world/welfare.h counts it */
#include "import/learnt.h"

#include "base/csv.h"
#include "base/sheet.h"
#include "base/time.h"
#include "quality/learned.h"
#include "world/admit.h"
#include "world/apply.h"

#include <stdlib.h>

enum { WHAT, ID, A, B, C, COLUMNS };
enum { FIT_BYTES_MAX = 4096 };

/* ── out ── */

static bool write_fit(const struct learned *l, FILE *f)
{
    struct strbuf bytes;
    strbuf_init(&bytes, FIT_BYTES_MAX);
    struct sink *k = sink_new(&bytes);
    if (k)
        fit_save(&l->fit, k);
    bool ok = sink_done(k);
    fprintf(f, "learnt,,%lld,", (long long)l->learnt_at_ms);
    if (ok)
        csv_put_hex(f, (struct str){bytes.p, bytes.n});
    fputs(",\n", f);
    strbuf_deinit(&bytes);
    return ok;
}

static void write_floor(const struct world *w, FILE *f)
{
    const struct debts *d = &w->state.debts;
    const struct welfare *x = &w->state.welfare;
    char text[96];
    if (d->n > 0)
        fprintf(f, "promised,,%llu,%llu,%llu\n", (unsigned long long)d->level,
                (unsigned long long)d->feeds, (unsigned long long)d->budget);
    for (uint32_t i = 0; i < d->n; i++) {
        uint32_t target = target_make(TARGET_CONTENT, i);
        if (catalogue_gone(&w->state.catalogue, target))
            continue;
        fputs("paid,", f);
        csv_put_quoted(f, str_of(world_target_text(w, target, text)));
        fprintf(f, ",%llu,%llu,\n", (unsigned long long)d->paid[i],
                (unsigned long long)d->since[i]);
    }
    for (uint32_t u = 0; u < x->users_n; u++) {
        if (x->users[u].feeds == 0 || catalogue_erased(&w->state.catalogue, u))
            continue;
        fputs("pleased,", f);
        csv_put_quoted(f, world_party_id(w, u));
        fprintf(f, ",%llu,%llu,\n", (unsigned long long)x->users[u].utility_ppm,
                (unsigned long long)x->users[u].feeds);
    }
}

bool learnt_write(const struct world *w, FILE *f)
{
    const struct quality *q = &w->state.quality;
    const struct learned *l = q->learned;
    char text[96];
    if (l && !write_fit(l, f))
        return false;
    for (uint32_t k = 0; l && k < l->positions_n; k++)
        fprintf(f, "examined,,%u,%u,\n", (unsigned)k + 1, (unsigned)l->examined_ppm[k]);
    for (uint32_t u = 0; l && u < l->raters_n; u++) {
        const struct rater_weight *r = &l->raters[u];
        if (catalogue_erased(&w->state.catalogue, u))
            continue;
        fputs("rater,", f);
        csv_put_quoted(f, world_party_id(w, u));
        fprintf(f, ",%d,%d,\n", r->weight_milli, r->bias_milli);
    }
    for (size_t i = 0; i < q->positions.n; i++) {
        const struct position_cell *c = &q->positions.cells[i];
        if (catalogue_gone(&w->state.catalogue, target_make(TARGET_CONTENT, c->content)))
            continue;
        fputs("placed,", f);
        csv_put_quoted(f,
                       str_of(world_target_text(w, target_make(TARGET_CONTENT, c->content), text)));
        fprintf(f, ",%u,%u,%u\n", (unsigned)c->position + 1, (unsigned)c->shown,
                (unsigned)c->engaged);
    }
    write_floor(w, f);
    return true;
}

/* ── in ── */

struct reading {
    struct world *w;
    struct sheet sheet;
    size_t column[COLUMNS];
    struct str cell[COLUMNS];
    struct learned learned; /* but for the fit, which is kept as it came */
    size_t raters_cap;
    bool learnt;
    struct strbuf fit;
    struct call *calls; /* what feeds showed and promised, to be applied in this order */
    size_t calls_n, calls_cap;
    bool promised;
};

static bool number_of(struct str text, int64_t least, int64_t most, int64_t *out)
{
    struct money m;
    if (money_from_text(text, 0, &m) != MONEY_OK || m.minor < least || m.minor > most)
        return false;
    *out = m.minor;
    return true;
}

static enum heed_status take(struct reading *r, int column, int64_t least, int64_t most,
                             int64_t *out, struct heed_error *err)
{
    if (number_of(r->cell[column], least, most, out))
        return HEED_OK;
    return sheet_error(&r->sheet, r->column[column], err,
                       "'%.*s' is not a whole number from %lld to %lld; export it anew",
                       r->cell[column].n < 40 ? (int)r->cell[column].n : 40, r->cell[column].p,
                       (long long)least, (long long)most);
}

static enum heed_status take_fit(struct reading *r, struct heed_error *err)
{
    struct str hex = r->cell[B];
    int64_t time_ms;
    enum heed_status status = take(r, A, 0, TIME_MAX_MS, &time_ms, err);
    bool ok = hex.n <= 2 * FIT_BYTES_MAX && !r->learnt && csv_take_hex(hex, &r->fit);
    r->learned.learnt_at_ms = time_ms;
    r->learnt = true;
    if (status == HEED_OK && !ok)
        status = sheet_error(&r->sheet, r->column[B], err,
                             "it is not what an export writes, or stands there twice");
    return status;
}

static enum heed_status take_rater(struct reading *r, struct heed_error *err)
{
    struct learned *l = &r->learned;
    int64_t weight, bias;
    uint32_t user = world_find_user(r->w, r->cell[ID]);
    enum heed_status status = take(r, A, 1, 4000, &weight, err);
    if (status == HEED_OK)
        status = take(r, B, -1000, 1000, &bias, err);
    if (status != HEED_OK || user == HANDLE_NONE) /* who is not here has not rated here */
        return status;
    if (!array_grow(&l->raters, &r->raters_cap, (size_t)user + 1, sizeof *l->raters))
        return error_nomem(err);
    for (; l->raters_n <= user; l->raters_n++)
        l->raters[l->raters_n] = (struct rater_weight){1000, 0};
    l->raters[user] = (struct rater_weight){(uint16_t)weight, (int16_t)bias};
    return HEED_OK;
}

static enum heed_status add(struct reading *r, struct call call, struct heed_error *err)
{
    if (!array_grow(&r->calls, &r->calls_cap, r->calls_n + 1, sizeof *r->calls))
        return error_nomem(err);
    r->calls[r->calls_n++] = call;
    return HEED_OK;
}

static enum heed_status take_placed(struct reading *r, struct heed_error *err)
{
    int64_t position, shown, engaged;
    uint32_t target = world_find_target(r->w, r->cell[ID]);
    enum heed_status status = take(r, A, 1, POSITIONS_MAX, &position, err);
    if (status == HEED_OK)
        status = take(r, B, 1, UINT32_MAX, &shown, err);
    if (status == HEED_OK)
        status = take(r, C, 0, shown, &engaged, err);
    if (status != HEED_OK || target_kind(target) != TARGET_CONTENT)
        return status;
    return add(r,
               admit_placed(0, target_index(target), (uint32_t)position, (uint32_t)shown,
                            (uint32_t)engaged),
               err);
}

static enum heed_status take_floor(struct reading *r, struct heed_error *err)
{
    int64_t a, b, c = 0;
    bool promised = str_is(r->cell[WHAT], "promised"), paid = str_is(r->cell[WHAT], "paid");
    enum heed_status status = take(r, A, 0, DEBTS_TOLD_MAX, &a, err);
    if (status == HEED_OK)
        status = take(r, B, 0, DEBTS_TOLD_MAX, &b, err);
    if (status == HEED_OK && promised)
        status = take(r, C, 0, UINT32_MAX, &c, err);
    if (status == HEED_OK && (paid ? !r->promised : promised && r->promised))
        status = sheet_error(&r->sheet, r->column[WHAT], err,
                             "promised stands once, before what is paid; export it anew");
    if (status != HEED_OK)
        return status;
    r->promised = r->promised || promised;
    if (promised)
        return add(r, admit_promised(0, a, b, c), err);
    uint32_t target = paid ? world_find_target(r->w, r->cell[ID]) : HANDLE_NONE;
    if (paid)
        return target_kind(target) == TARGET_CONTENT
                   ? add(r, admit_paid(0, target_index(target), a, b), err)
                   : HEED_OK;
    uint32_t user = world_find_user(r->w, r->cell[ID]);
    return user == HANDLE_NONE ? HEED_OK : add(r, admit_pleased(0, user, a, b), err);
}

static enum heed_status take_row(struct reading *r, struct heed_error *err)
{
    for (size_t i = 0; i < COLUMNS; i++)
        r->cell[i] = str_trim(r->sheet.row.fields[r->column[i]]);
    if (str_is(r->cell[WHAT], "learnt"))
        return take_fit(r, err);
    if (str_is(r->cell[WHAT], "rater"))
        return take_rater(r, err);
    if (str_is(r->cell[WHAT], "placed"))
        return take_placed(r, err);
    if (str_is(r->cell[WHAT], "promised") || str_is(r->cell[WHAT], "paid") ||
        str_is(r->cell[WHAT], "pleased"))
        return take_floor(r, err);
    int64_t position, ppm;
    if (!str_is(r->cell[WHAT], "examined"))
        return sheet_error(
            &r->sheet, r->column[WHAT], err,
            "it is none of learnt, examined, rater, placed, promised, paid, pleased");
    enum heed_status status = take(r, A, 1, POSITIONS_MAX, &position, err);
    if (status == HEED_OK)
        status = take(r, B, 0, 1000000, &ppm, err);
    if (status == HEED_OK) {
        r->learned.examined_ppm[position - 1] = (uint32_t)ppm;
        if (r->learned.positions_n < position)
            r->learned.positions_n = (uint32_t)position;
    }
    return status;
}

/* The fact of a `quality fit`: learned_save with the fit's bytes as they came. */
static enum heed_status fact_of(struct reading *r, struct strbuf *out, struct heed_error *err)
{
    struct memory_reader bytes = {(const uint8_t *)r->fit.p, r->fit.n};
    struct source *from = source_new(&bytes);
    if (!from)
        return error_nomem(err);
    bool whole = fit_load(&r->learned.fit, from) && source_end(from);
    free(from);
    if (!whole)
        return error_set(err, HEED_INPUT, r->sheet.path,
                         "the learnt weights are damaged; export them anew");
    struct sink *k = sink_new(out);
    if (k)
        learned_save(&r->learned, k);
    return sink_done(k) ? HEED_OK : error_nomem(err);
}

static enum heed_status apply(struct reading *r, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < r->calls_n; i++) {
        struct outcome o = {0};
        r->calls[i].time_ms = r->learned.learnt_at_ms;
        status = world_apply(r->w, &r->calls[i], &o, err);
    }
    struct strbuf fact;
    strbuf_init(&fact, 2047u << 20);
    if (status == HEED_OK && r->learnt)
        status = fact_of(r, &fact, err);
    if (status == HEED_OK && r->learnt) {
        struct outcome o = {0};
        struct call call = admit_learnt(r->learned.learnt_at_ms, (struct str){fact.p, fact.n});
        status = world_apply(r->w, &call, &o, err);
    }
    strbuf_deinit(&fact);
    return status == HEED_OK ? world_commit(r->w, err) : world_guard(r->w, status);
}

enum heed_status learnt_read(struct world *w, const struct heed_context *context, const char *path,
                             struct learnt_taken *taken, struct heed_error *err)
{
    static const char *const names[COLUMNS] = {"what", "id", "a", "b", "c"};
    const struct quality *q = &w->state.quality;
    if (q->learned || q->positions.n > 0 ||
        w->state.debts.n > 0) { /* read before, or this world knows better */
        taken->left_aside = "this world has learnt for itself already, or has served feeds, and "
                            "keeps what it knows";
        return HEED_OK;
    }
    json_t *refused = NULL;
    enum heed_status status = admit_tool(w, COMMAND_quality_fit, context->actor, &refused, err);
    json_decref(refused);
    if (status == HEED_REFUSED)
        return error_set(err, HEED_INPUT, path,
                         "who may not run `heed quality fit` may not bring in what another world "
                         "learnt; import as the operator, or leave this file out");
    struct reading r = {.w = w};
    strbuf_init(&r.fit, FIT_BYTES_MAX);
    for (size_t k = 0; k < POSITIONS_MAX; k++)
        r.learned.examined_ppm[k] = 1000000;
    bool more = true;
    if (status == HEED_OK)
        status = sheet_open(path, &(struct csv_options){0}, "the header is what,id,a,b,c", &r.sheet,
                            err);
    if (status == HEED_OK)
        status = sheet_need(&r.sheet, names, COLUMNS, r.column, err);
    while (status == HEED_OK && (status = sheet_next(&r.sheet, &more, err)) == HEED_OK && more) {
        taken->rows++;
        status = take_row(&r, err);
    }
    if (status == HEED_OK && (r.learnt || r.calls_n > 0))
        status = apply(&r, err);
    sheet_close(&r.sheet);
    strbuf_deinit(&r.fit);
    learned_deinit(&r.learned);
    free(r.calls);
    return status;
}
