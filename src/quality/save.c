/* The stored form of quality: for each kind of target how many rows and, a byte each, what is let
 * through; the scores in order; moderation; the posts in order, a sketch where it is first seen;
 * positions; what was learnt. Sums, bands and chains are rebuilt. Memory grows only as bytes arrive
 * (a row is 80 for its byte).
 */
#include "quality/learned.h"
#include "quality/originality.h"
#include "quality/record.h"

#include "base/error.h"

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "quality",
                     "the stored state is damaged (%s); restore it from an earlier snapshot", what);
}

/* ── originality ─────────────────────────────────────────────────────────────────────────────── */

void originality_save(const struct originality *o, struct sink *s)
{
    size_t n = o ? o->posts_n : 0;
    uint32_t classes = 0;
    sink_u64(s, n);
    for (size_t i = 0; i < n; i++) {
        const struct post *p = &o->posts[i];
        sink_i64(s, p->created_at_ms);
        sink_u32(s, p->creator);
        sink_u32(s, p->shingles);
        if (p->shingles == 0)
            continue;
        sink_u32(s, p->class);
        if (p->class == classes) {
            classes++;
            for (size_t j = 0; j < BANDS; j++)
                sink_u64(s, o->bands.words[(size_t)p->class * BANDS + j]);
        }
        sink_u32(s, p->original);
        if (p->original != HANDLE_NONE)
            sink_u32(s, p->similarity_ppm);
    }
}

static enum heed_status load_post(struct originality *o, struct source *s, struct heed_error *err)
{
    uint64_t words[BANDS] = {0};
    struct post p = {.class = HANDLE_NONE, .next = HANDLE_NONE, .original = HANDLE_NONE};
    p.created_at_ms = source_i64(s);
    p.creator = source_u32(s);
    p.shingles = source_u32(s);
    if (p.shingles > 0) {
        p.class = source_u32(s);
        if (p.class > o->bands.n)
            return damaged(err, "a sketch that is not there");
        for (size_t j = 0; p.class == o->bands.n && j < BANDS; j++)
            words[j] = source_u64(s);
        p.original = source_u32(s);
        if (p.original != HANDLE_NONE)
            p.similarity_ppm = source_u32(s);
    }
    if (s->failed)
        return damaged(err, "it ends too early");
    enum heed_status status = originality_add(o, &p, words);
    if (status == HEED_NOMEM)
        return error_nomem(err);
    return status == HEED_OK ? HEED_OK : damaged(err, "too many contents");
}

static bool is_copy_of_earlier(const struct originality *o, uint32_t i)
{
    const struct post *p = &o->posts[i];
    if (p->similarity_ppm < 1 || p->similarity_ppm > 1000000)
        return false;
    if (p->original == ORIGINAL_GONE)
        return true;
    return p->original < o->posts_n && originality_before(o, p->original, i) &&
           o->posts[p->original].creator != p->creator && o->posts[p->original].shingles > 0;
}

enum heed_status originality_load(struct originality *o, struct source *s, struct heed_error *err)
{
    size_t n = source_count(s, (uint64_t)TARGET_INDEX_MAX + 1);
    for (size_t i = 0; i < n; i++) {
        enum heed_status status = load_post(o, s, err);
        if (status != HEED_OK)
            return status;
    }
    for (uint32_t i = 0; i < o->posts_n; i++)
        if (o->posts[i].original != HANDLE_NONE && !is_copy_of_earlier(o, i))
            return damaged(err, "a copy of what cannot be its original");
    return HEED_OK;
}

/* ── scores ──────────────────────────────────────────────────────────────────────────────────── */

void quality_save(const struct quality *q, struct sink *s)
{
    for (int kind = TARGET_NONE + 1; kind < TARGET_KINDS; kind++) {
        const struct quality_table *t = &q->targets[kind];
        sink_u64(s, t->n);
        for (size_t i = 0; i < t->n; i++)
            sink_u8(s, t->rows[i].gate);
    }
    sink_u64(s, q->entries_n);
    for (size_t i = 0; i < q->entries_n; i++) {
        const struct rating_entry *e = &q->entries[i];
        sink_u32(s, e->user);
        sink_u32(s, e->target);
        sink_u16(s, (uint16_t)(e->kind << 12 | e->score_milli));
    }
    moderation_save(&q->moderation, s);
    originality_save(q->originality, s);
    positions_save(&q->positions, s);
    sink_u8(s, q->learned != NULL);
    if (q->learned)
        learned_save(q->learned, s);
}

/* Rows with nothing but the gate, which the entries and decisions that follow then justify.      */
static enum heed_status load_table(struct quality_table *t, struct source *s,
                                   struct heed_error *err)
{
    size_t n = source_count(s, (uint64_t)TARGET_INDEX_MAX + 1);
    for (size_t i = 0; i < n && !s->failed; i++) {
        uint8_t gate = source_u8(s);
        if (gate >= DECISIONS)
            return damaged(err, "a gate neither open nor closed");
        if (!s->failed && !quality_grow_table(t, i + 1))
            return error_nomem(err);
        if (!s->failed)
            t->rows[i].gate = gate;
    }
    return s->failed ? damaged(err, "it ends too early") : HEED_OK;
}

static enum heed_status load_entry(struct quality *q, struct source *s, struct heed_error *err)
{
    uint32_t user = source_u32(s), target = source_u32(s);
    uint16_t packed = source_u16(s);
    enum rating_kind kind = (enum rating_kind)(packed >> 12);
    uint16_t score_milli = packed & 0xfff;
    enum target_kind of = target_kind(target);
    if (s->failed)
        return damaged(err, "it ends too early");
    if (user > TARGET_INDEX_MAX || of <= TARGET_NONE || of >= TARGET_KINDS ||
        target_index(target) >= q->targets[of].n || kind >= RATING_KINDS ||
        score_milli > (kind == RATING_MODERATION ? 1 : 1000))
        return damaged(err, "a score out of bounds");
    if (quality_has_entry(q, kind, user, target))
        return damaged(err, "a score stored twice");
    /* the newest decision is not always the last stored */
    struct quality_target *row = &q->targets[of].rows[target_index(target)];
    uint8_t gate = row->gate;
    enum heed_status status = quality_record(q, kind, user, target, score_milli);
    row->gate = gate;
    return status == HEED_OK ? HEED_OK : error_nomem(err);
}

static enum heed_status load_scores(struct quality *q, struct source *s, struct heed_error *err)
{
    enum heed_status status = HEED_OK;
    for (int kind = TARGET_NONE + 1; kind < TARGET_KINDS && status == HEED_OK; kind++)
        status = load_table(&q->targets[kind], s, err);
    size_t n = status == HEED_OK ? source_count(s, UINT32_MAX - 1) : 0;
    for (size_t i = 0; i < n && status == HEED_OK; i++)
        status = load_entry(q, s, err);
    if (status == HEED_OK && s->failed)
        status = damaged(err, "it ends too early");
    return status;
}

/* Where decisions stand the gate is theirs; else a moderation score must have set it.            */
static enum heed_status load_moderation(struct quality *q, struct source *s, struct heed_error *err)
{
    struct moderation *m = &q->moderation;
    enum heed_status status = moderation_load(m, s, err);
    for (size_t i = 0; i < m->acts_n && status == HEED_OK; i++) {
        const struct moderation_act *a = &m->acts[i];
        struct quality_table *t = &q->targets[target_kind(a->target)];
        if (target_index(a->target) >= t->n)
            return damaged(err, "a decision on what has no gate");
        t->rows[target_index(a->target)].moderations += a->kind != ACT_APPEAL && !a->scored;
    }
    for (int kind = TARGET_NONE + 1; kind < TARGET_KINDS && status == HEED_OK; kind++)
        for (uint32_t i = 0; i < q->targets[kind].n; i++) {
            const struct quality_target *row = &q->targets[kind].rows[i];
            const struct moderation_case *c =
                moderation_case_of(m, target_make((enum target_kind)kind, i));
            bool decided = c && c->standing != ACT_NONE;
            if (decided ? row->gate != m->acts[c->standing].kind
                        : row->gate == DECISION_LIMIT || (row->gate && row->moderations == 0))
                return damaged(err, "a gate that nobody closed");
        }
    return status;
}

static enum heed_status load_learned(struct quality *q, struct source *s, struct heed_error *err)
{
    struct learned l;
    uint8_t known = source_u8(s);
    if (s->failed || known > 1)
        return damaged(err, "something neither learnt nor not");
    if (!known)
        return HEED_OK;
    enum heed_status status = learned_load(&l, s, err);
    if (status == HEED_OK && quality_adopt(q, &l) != HEED_OK) {
        learned_deinit(&l);
        status = error_nomem(err);
    }
    return status;
}

enum heed_status quality_load(struct quality *q, struct source *s, struct heed_error *err)
{
    enum heed_status status = load_scores(q, s, err);
    if (status == HEED_OK)
        status = load_moderation(q, s, err);
    if (status == HEED_OK && !(q->originality = originality_new()))
        status = error_nomem(err);
    if (status == HEED_OK)
        status = originality_load(q->originality, s, err);
    if (status == HEED_OK)
        status = positions_load(&q->positions, s, err);
    if (status == HEED_OK)
        status = load_learned(q, s, err);
    if (status == HEED_OK && s->failed)
        status = damaged(err, "it ends too early");
    if (status != HEED_OK)
        quality_deinit(q);
    return status;
}
