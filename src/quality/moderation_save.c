/* The stored form of moderation: the reports and the acts, each in order. Records, cases and what
 * stands are rebuilt by applying them again: an act judges whatever reports its time covers, so the
 * order between the two does not matter.                                                         */
#include "quality/moderation.h"

#include "base/error.h"

enum { SCORED = 0x80, STOOD = 0x40 }; /* beside the kind */

void moderation_save(const struct moderation *m, struct sink *s)
{
    sink_u64(s, m->reports_n);
    for (size_t i = 0; i < m->reports_n; i++) {
        sink_i64(s, m->reports[i].time_ms);
        sink_u32(s, m->reports[i].user);
        sink_u32(s, m->reports[i].target);
        sink_u32(s, m->reports[i].maker);
    }
    sink_u64(s, m->acts_n);
    for (size_t i = 0; i < m->acts_n; i++) {
        const struct moderation_act *a = &m->acts[i];
        sink_i64(s, a->time_ms);
        sink_i64(s, a->attention_micro);
        sink_u32(s, a->target);
        sink_u32(s, a->actor);
        sink_u8(s, (uint8_t)(a->kind | (a->scored ? SCORED : 0) | (a->stood ? STOOD : 0)));
    }
}

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "moderation",
                     "the stored state is damaged (%s); restore it from an earlier snapshot", what);
}

static bool target_ok(uint32_t target)
{
    return target_kind(target) > TARGET_NONE && target_kind(target) < TARGET_KINDS;
}

static enum heed_status load_reports(struct moderation *m, struct source *s, struct heed_error *err)
{
    size_t n = source_count(s, ACT_NONE);
    for (size_t i = 0; i < n && !s->failed; i++) {
        int64_t time_ms = source_i64(s);
        uint32_t user = source_u32(s), target = source_u32(s), maker = source_u32(s);
        if (s->failed)
            break;
        if (user > TARGET_INDEX_MAX || !target_ok(target) ||
            (maker != HANDLE_NONE && (target_kind(maker) != TARGET_USER || maker == target)))
            return damaged(err, "a report out of bounds");
        enum heed_status status = moderation_report(m, user, target, maker, time_ms);
        if (status != HEED_OK)
            return status == HEED_NOMEM ? error_nomem(err) : damaged(err, "too many reports");
        if (m->reports_n != i + 1)
            return damaged(err, "a report stored twice");
    }
    return s->failed ? damaged(err, "it ends too early") : HEED_OK;
}

static enum heed_status load_acts(struct moderation *m, struct source *s, struct heed_error *err)
{
    size_t n = source_count(s, ACT_NONE);
    for (size_t i = 0; i < n && !s->failed; i++) {
        struct moderation_act a = {.time_ms = source_i64(s), .attention_micro = source_i64(s)};
        a.target = source_u32(s);
        a.actor = source_u32(s);
        uint8_t kind = source_u8(s);
        a.kind = kind & (STOOD - 1);
        a.scored = kind & SCORED;
        a.stood = kind & STOOD;
        if (s->failed)
            break;
        bool appeal = a.kind == ACT_APPEAL;
        if (!target_ok(a.target) || a.kind > ACT_APPEAL || a.attention_micro < 0 ||
            (a.scored && (!a.stood || a.kind == DECISION_LIMIT)) || (appeal && a.stood))
            return damaged(err, "a decision out of bounds");
        if (appeal && moderation_may_appeal(m, a.target) != MAY_APPEAL)
            return damaged(err, "an appeal against nothing");
        enum heed_status status = moderation_add(m, &a);
        if (status != HEED_OK)
            return status == HEED_NOMEM ? error_nomem(err) : damaged(err, "too many decisions");
    }
    return s->failed ? damaged(err, "it ends too early") : HEED_OK;
}

enum heed_status moderation_load(struct moderation *m, struct source *s, struct heed_error *err)
{
    enum heed_status status = load_reports(m, s, err);
    if (status == HEED_OK)
        status = load_acts(m, s, err);
    if (status != HEED_OK)
        moderation_deinit(m);
    return status;
}
