/* plaza's truth held against what the engine found.
 *
 * Quality is engine_quality of each content, popularity its reach (how many people it drew), skill
 * its creator's. Rank correlations are over all contents of truth.csv that the world knows.
 * Of the boosted creator: the share of the exposure that popularity alone would have given, of the
 * exposure given under the rules times quality, and of what was paid to creators. */
#include "sim/plaza.h"

#include "base/csv.h"
#include "base/stats.h"
#include "world/admit.h"
#include "world/engine.h"

#include <stdio.h>
#include <stdlib.h>

struct known {
    uint32_t content; /* HANDLE_NONE: not in the world */
    uint32_t copy_of; /* content, or HANDLE_NONE       */
    double skill;
    bool ring, copy;
};

struct judging {
    struct world *w;
    struct known *rows;
    size_t n, cap;
    uint32_t *copy_of; /* [contents] the truth, or HANDLE_NONE */
};

static uint32_t content_of(const struct world *w, struct str id)
{
    return id.n ? intern_find(&w->state.catalogue.content_ids, id) : HANDLE_NONE;
}

static enum heed_status read_row(struct judging *j, const char *path, const struct csv_record *rec,
                                 struct heed_error *err)
{
    char where[192];
    int64_t milli = 0;
    /* 0.1234: two digits more than admit_decimal keeps would be lost, and do not matter */
    if (rec->n != 4 || !admit_decimal(rec->fields[1], &milli)) {
        snprintf(where, sizeof where, "%.140s: line %llu", path, (unsigned long long)rec->line);
        return error_set(err, HEED_INPUT, where,
                         "it is not content,skill,copy_of,ring; generate plaza again");
    }
    if (!array_grow(&j->rows, &j->cap, j->n + 1, sizeof *j->rows))
        return error_nomem(err);
    j->rows[j->n++] = (struct known){.content = content_of(j->w, rec->fields[0]),
                                     .copy_of = content_of(j->w, rec->fields[2]),
                                     .skill = (double)milli / 1000,
                                     .ring = str_is(rec->fields[3], "1"),
                                     .copy = rec->fields[2].n > 0};
    return HEED_OK;
}

static enum heed_status read_truth(struct judging *j, const char *path, struct heed_error *err)
{
    struct reader *r = NULL;
    const struct reader_limits limits = {.max_bytes = 1 << 30};
    enum heed_status status = reader_open(path, &limits, &r, err);
    struct csv *csv = status == HEED_OK ? csv_new(r, &(struct csv_options){0}) : NULL;
    if (status == HEED_OK && !csv)
        status = error_nomem(err);
    struct csv_record rec;
    bool header = true;
    while (status == HEED_OK) {
        enum csv_result got = csv_next(csv, &rec, err);
        if (got == CSV_END)
            break;
        if (got != CSV_RECORD)
            status = HEED_INPUT;
        else if (!header)
            status = read_row(j, path, &rec, err);
        header = false;
    }
    csv_free(csv);
    reader_close(r);
    return status;
}

/* The first of a chain of copies of copies.                                                      */
static uint32_t first_of(const struct judging *j, uint32_t content)
{
    for (size_t i = 0; i < 64 && j->copy_of[content] != HANDLE_NONE; i++)
        content = j->copy_of[content];
    return content;
}

static void judge_copies(const struct judging *j, struct report_truth *truth)
{
    for (size_t i = 0; i < j->n; i++) {
        const struct known *k = &j->rows[i];
        if (k->content == HANDLE_NONE)
            continue;
        uint32_t found = quality_copy_of(&j->w->state.quality, k->content).original;
        bool same = found != HANDLE_NONE && first_of(j, found) == first_of(j, k->content);
        truth->copies += k->copy;
        truth->copies_found += k->copy && same;
        truth->copies_false += !k->copy && found != HANDLE_NONE;
    }
}

static enum heed_status judge_ranks(const struct judging *j, struct report_truth *truth,
                                    struct heed_error *err)
{
    double *skill = calloc(j->n + 1, sizeof *skill);
    double *quality = calloc(j->n + 1, sizeof *quality);
    double *reach = calloc(j->n + 1, sizeof *reach);
    size_t n = 0;
    const struct quality_view *view = engine_view(j->w, err);
    for (size_t i = 0; view && skill && quality && reach && i < j->n; i++) {
        if (j->rows[i].content == HANDLE_NONE)
            continue;
        uint32_t target = target_make(TARGET_CONTENT, j->rows[i].content);
        const struct target_stats *t = behaviour_target(&j->w->state.behaviour, target);
        skill[n] = j->rows[i].skill;
        quality[n] = engine_quality(j->w, view, target).score;
        reach[n++] = t ? t->reach : 0;
    }
    bool ok = view && skill && quality && reach;
    if (ok) {
        truth->quality_skill = spearman(quality, skill, n);
        truth->popularity_skill = spearman(reach, skill, n);
    }
    free(skill);
    free(quality);
    free(reach);
    return ok ? HEED_OK : error_nomem(err);
}

static double share(double part, double all)
{
    return all > 0 ? part / all : 0;
}

static void judge_ring(const struct judging *j, struct report_truth *truth)
{
    const struct state *s = &j->w->state;
    double popular[2] = {0, 0}, given[2] = {0, 0}, paid[2] = {0, 0};
    uint32_t boosted = HANDLE_NONE;
    for (size_t i = 0; i < j->n; i++) {
        uint32_t c = j->rows[i].content;
        if (c == HANDLE_NONE)
            continue;
        if (j->rows[i].ring)
            boosted = s->catalogue.contents[c].creator;
        if (c >= s->exposure.n)
            continue;
        for (int all = 0; all < 2; all++) {
            if (!all && !j->rows[i].ring)
                continue;
            popular[all] += (double)s->exposure.popularity_sum[c];
            given[all] += (double)s->exposure.given_sum[c];
        }
    }
    for (size_t i = 0; i < s->consumption.payouts_n; i++) {
        const struct payout *p = &s->consumption.payouts[i];
        if (!p->creator)
            continue;
        paid[1] += (double)p->amount_minor;
        paid[0] += p->party == boosted ? (double)p->amount_minor : 0;
    }
    truth->ring_popularity_share = share(popular[0], popular[1]);
    truth->ring_heed_share = share(given[0], given[1]);
    truth->ring_payout_share = share(paid[0], paid[1]);
}

enum heed_status plaza_judge(struct world *w, const char *dir, struct report_truth *truth,
                             struct heed_error *err)
{
    struct judging j = {.w = w};
    size_t contents = w->state.catalogue.contents_n;
    struct strbuf path;
    *truth = (struct report_truth){0};
    strbuf_init(&path, 8192);
    enum heed_status status = HEED_OK;
    if (!strbuf_printf(&path, "%s/truth.csv", dir))
        status = error_set(err, HEED_USAGE, dir, "the name is too long");
    if (status == HEED_OK)
        status = read_truth(&j, path.p, err);
    j.copy_of = malloc((contents + 1) * sizeof *j.copy_of);
    if (status == HEED_OK && !j.copy_of)
        status = error_nomem(err);
    if (status == HEED_OK) {
        for (size_t i = 0; i < contents; i++)
            j.copy_of[i] = HANDLE_NONE;
        for (size_t i = 0; i < j.n; i++)
            if (j.rows[i].content != HANDLE_NONE)
                j.copy_of[j.rows[i].content] = j.rows[i].copy_of;
        judge_copies(&j, truth);
        judge_ring(&j, truth);
        status = judge_ranks(&j, truth, err);
    }
    truth->known = status == HEED_OK;
    strbuf_deinit(&path);
    free(j.rows);
    free(j.copy_of);
    return status;
}
