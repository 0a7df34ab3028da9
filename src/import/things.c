/* Rows of users, contents, goods, services, ratings, reviews and decisions. */
#include "base/intern.h"
#include "base/money.h"
#include "base/time.h"
#include "base/utf8.h"
#include "import/session.h"
#include "world/apply.h"

#include <stdlib.h>

enum { ROWS_A_BATCH = 4096 };

/* What a row came to.                                                                           */
struct verdict {
    bool bad;
    char where[128], reason[256];
};

static void bad(struct verdict *v, const struct rows *rows, const struct row *row, enum field f,
                const char *expected)
{
    struct str text = row->fields[f];
    v->bad = true;
    rows_where(rows, row, f, v->where);
    snprintf(v->reason, sizeof v->reason, "'%.*s' is not %s", (int)utf8_cut(text, 60),
             text.p ? text.p : "", expected);
}

static bool take_time(struct verdict *v, const struct rows *rows, const struct row *row,
                      enum field f, int64_t *out)
{
    *out = CALL_ABSENT;
    if (row->fields[f].n == 0)
        return true;
    switch (time_from_text(row->fields[f], out)) {
    case TIME_OK:
        return true;
    case TIME_OUT_OF_RANGE:
        bad(v, rows, row, f, "a time between 1970 and 2105; mend it, or leave the row out");
        return false;
    default:
        bad(v, rows, row, f, "a time such as 2026-01-31T12:00:00Z or Unix seconds");
        return false;
    }
}

static bool take_whole(struct verdict *v, const struct rows *rows, const struct row *row,
                       enum field f, int64_t *out)
{
    struct money m;
    *out = CALL_ABSENT;
    if (row->fields[f].n == 0)
        return true;
    if (money_from_text(row->fields[f], 0, &m) != MONEY_OK || m.minor < 0) {
        bad(v, rows, row, f, "a whole number of zero or more");
        return false;
    }
    *out = m.minor;
    return true;
}

/* An id; of a person also as user:ID.                                                           */
static bool take_id(struct verdict *v, const struct rows *rows, const struct row *row, enum field f,
                    bool person)
{
    if (admit_id_ok(person ? admit_party_id(row->fields[f]) : row->fields[f]))
        return true;
    bad(v, rows, row, f, ID_EXPECTED);
    return false;
}

static bool take_symbol(struct verdict *v, const struct rows *rows, const struct row *row,
                        enum field f)
{
    if (row->fields[f].n <= 256)
        return true;
    bad(v, rows, row, f, "at most 256 bytes long");
    return false;
}

static enum heed_status user(struct session *s, const struct rows *rows, const struct row *row,
                             struct verdict *v, struct outcome *o, struct heed_error *err)
{
    struct user_row u = {.id = admit_party_id(row->fields[FIELD_ID]),
                         .name = row->fields[FIELD_NAME],
                         .attributes = row->attributes};
    if (!take_id(v, rows, row, FIELD_ID, true) ||
        !take_time(v, rows, row, FIELD_JOINED_AT, &u.joined_at_ms))
        return HEED_OK;
    if (row->fields[FIELD_ROLE].n && (u.roles = role_of_name(row->fields[FIELD_ROLE])) == 0) {
        bad(v, rows, row, FIELD_ROLE,
            "a role: member, reader, client, creator_manager, economist, moderator, auditor, "
            "operator");
        return HEED_OK;
    }
    if (s->checking) {
        o->refusal = !admit_role_ok(s->w, &s->context, u.roles)   ? REFUSED_forbidden
                     : world_find_user(s->w, u.id) != HANDLE_NONE ? REFUSED_exists
                                                                  : REFUSED_NOT;
        return HEED_OK;
    }
    return admit_user(s->w, &s->context, &u, o, err);
}

static enum heed_status content(struct session *s, const struct rows *rows, const struct row *row,
                                struct verdict *v, struct outcome *o, struct heed_error *err)
{
    struct content_row c = {.id = row->fields[FIELD_ID],
                            .creator = admit_party_id(row->fields[FIELD_CREATOR]),
                            .title = row->fields[FIELD_TITLE],
                            .body = row->fields[FIELD_BODY],
                            .kind = row->fields[FIELD_KIND],
                            .category = row->fields[FIELD_CATEGORY],
                            .good = row->fields[FIELD_GOOD],
                            .attributes = row->attributes};
    if (!take_id(v, rows, row, FIELD_ID, false) || !take_id(v, rows, row, FIELD_CREATOR, true) ||
        !take_symbol(v, rows, row, FIELD_KIND) || !take_symbol(v, rows, row, FIELD_CATEGORY) ||
        !take_time(v, rows, row, FIELD_CREATED_AT, &c.created_at_ms))
        return HEED_OK;
    if (row->fields[FIELD_COPIED].n) {
        struct money similarity; /* a share with six decimals at most */
        if (money_from_text(row->fields[FIELD_COPIED], 6, &similarity) != MONEY_OK ||
            similarity.minor < 1 || similarity.minor > 1000000) {
            bad(v, rows, row, FIELD_COPIED,
                "a similarity above 0 and up to 1, with at most 6 decimals");
            return HEED_OK;
        }
        c.copied_ppm = (uint32_t)similarity.minor;
    }
    if (!s->checking)
        return admit_content(s->w, &s->context, &c, o, err);
    const struct catalogue *k = &s->w->state.catalogue;
    struct str good = c.good;
    if (str_starts(good, "good:"))
        good = (struct str){good.p + 5, good.n - 5};
    if (good.n && intern_find(&k->good_ids, good) == INTERN_NONE)
        o->refusal = REFUSED_unknown_target;
    else if (intern_find(&k->content_ids, c.id) != INTERN_NONE)
        o->refusal = REFUSED_exists;
    return HEED_OK;
}

static enum heed_status good(struct session *s, const struct rows *rows, const struct row *row,
                             bool service, struct verdict *v, struct outcome *o,
                             struct heed_error *err)
{
    const struct rules *r = &s->w->state.rules;
    struct good_row g = {.service = service,
                         .id = row->fields[FIELD_ID],
                         .name = row->fields[FIELD_NAME],
                         .description = row->fields[FIELD_DESCRIPTION],
                         .seller = admit_party_id(row->fields[FIELD_SELLER]),
                         .category = row->fields[FIELD_CATEGORY],
                         .attributes = row->attributes,
                         .price_minor = CALL_ABSENT};
    if (!take_id(v, rows, row, FIELD_ID, false) ||
        (row->fields[FIELD_SELLER].n && !take_id(v, rows, row, FIELD_SELLER, true)) ||
        !take_symbol(v, rows, row, FIELD_CATEGORY) ||
        !take_time(v, rows, row, FIELD_CREATED_AT, &g.created_at_ms) ||
        !take_whole(v, rows, row, FIELD_STOCK, &g.stock) ||
        !take_whole(v, rows, row, FIELD_SALES, &g.sales))
        return HEED_OK;
    if (row->fields[FIELD_CURRENCY].n) {
        int currency = rules_currency(r, row->fields[FIELD_CURRENCY]);
        if (currency < 0) {
            bad(v, rows, row, FIELD_CURRENCY, "a currency of the rules; see `heed rules show`");
            return HEED_OK;
        }
        g.currency = (uint16_t)currency;
    }
    if (row->fields[FIELD_PRICE].n) {
        struct money price;
        enum money_parse parsed =
            money_from_text(row->fields[FIELD_PRICE], r->currencies[g.currency].scale, &price);
        if (parsed != MONEY_OK || price.minor < 0) {
            char expected[96];
            snprintf(expected, sizeof expected, "a price of zero or more with at most %d decimals",
                     r->currencies[g.currency].scale);
            bad(v, rows, row, FIELD_PRICE, expected);
            return HEED_OK;
        }
        g.price_minor = price.minor;
    }
    struct str offered = row->fields[FIELD_OFFERED];
    g.withdrawn = str_is(offered, "no");
    if (offered.n && !g.withdrawn && !str_is(offered, "yes")) {
        bad(v, rows, row, FIELD_OFFERED, "yes or no (empty: yes when there is a price)");
        return HEED_OK;
    }
    if (str_is(offered, "yes") && g.price_minor == CALL_ABSENT) {
        bad(v, rows, row, FIELD_OFFERED, "possible without a price");
        return HEED_OK;
    }
    if (!s->checking)
        return admit_good(s->w, &s->context, &g, o, err);
    const struct catalogue *c = &s->w->state.catalogue;
    if (intern_find(service ? &c->service_ids : &c->good_ids, g.id) != INTERN_NONE)
        o->refusal = REFUSED_exists;
    return HEED_OK;
}

static enum heed_status rating(struct session *s, const struct rows *rows, const struct row *row,
                               struct verdict *v, struct outcome *o, struct heed_error *err)
{
    int64_t time_ms, score;
    int kind = s->file->kind == IMPORT_REVIEWS ? RATING_EXPERT : RATING_USER;
    if (!take_time(v, rows, row, FIELD_TIME, &time_ms))
        return HEED_OK;
    if (!admit_decimal(row->fields[FIELD_SCORE], &score)) {
        bad(v, rows, row, FIELD_SCORE, "a score such as 4 or 3.5");
        return HEED_OK;
    }
    if (row->fields[FIELD_KIND].n && (kind = rating_kind_of_name(row->fields[FIELD_KIND])) < 0) {
        bad(v, rows, row, FIELD_KIND, "one of user, expert, moderation");
        return HEED_OK;
    }
    if (!take_id(v, rows, row, FIELD_USER, true))
        return HEED_OK;
    if (!target_formed(row->fields[FIELD_TARGET])) {
        bad(v, rows, row, FIELD_TARGET, TARGET_EXPECTED);
        return HEED_OK;
    }
    uint32_t who = world_find_user(s->w, row->fields[FIELD_USER]);
    uint32_t target = world_find_target(s->w, row->fields[FIELD_TARGET]);
    const struct quality_rules *q = &s->w->state.rules.quality;
    if (who == HANDLE_NONE)
        o->refusal = REFUSED_unknown_user;
    else if (target == 0)
        o->refusal = REFUSED_unknown_target;
    else if (admit_time_ahead(s->w, &s->context, time_ms))
        o->refusal = REFUSED_time_ahead;
    else if (score < q->score_min_milli || score > q->score_max_milli)
        o->refusal = REFUSED_score_range;
    if (o->refusal != REFUSED_NOT || s->checking)
        return HEED_OK;
    struct call call = admit_rating(time_ms, who, target, score, (enum rating_kind)kind);
    return world_apply(s->w, &call, o, err);
}

/* Whether who imports may bring decisions in, which are then somebody's of that name.            */
static bool may_decide(const struct session *s)
{
    uint32_t actor =
        s->context.actor ? world_find_user(s->w, str_of(s->context.actor)) : HANDLE_NONE;
    return !s->context.actor ||
           (actor != HANDLE_NONE && s->w->state.catalogue.parties[actor].role_bits & ROLE_OPERATOR);
}

static enum heed_status decision(struct session *s, const struct rows *rows, const struct row *row,
                                 struct verdict *v, struct outcome *o, struct heed_error *err)
{
    int64_t time_ms;
    int act = decision_of_name(row->fields[FIELD_ACT]);
    struct str who = row->fields[FIELD_USER], reason = row->fields[FIELD_REASON];
    struct str said = row->fields[FIELD_STANDS];
    int stands = said.n == 0 ? -1 : str_is(said, "no") ? 0 : str_is(said, "yes") ? 1 : -2;
    if (!take_time(v, rows, row, FIELD_TIME, &time_ms) ||
        (who.n && !take_id(v, rows, row, FIELD_USER, true)))
        return HEED_OK;
    if (act < 0)
        bad(v, rows, row, FIELD_ACT, "one of allow, limit, remove, appeal");
    else if (!target_formed(row->fields[FIELD_TARGET]))
        bad(v, rows, row, FIELD_TARGET, TARGET_EXPECTED);
    else if (!admit_reason_ok(reason))
        bad(v, rows, row, FIELD_REASON, "a reason of 1 to 4096 bytes");
    else if (stands < -1 || (stands == 1 && act == ACT_APPEAL))
        bad(v, rows, row, FIELD_STANDS,
            "yes or no (empty: when it is the newest; no appeal stands)");
    if (v->bad)
        return HEED_OK;
    uint32_t actor = who.n ? world_find_party(s->w, who) : HANDLE_NONE;
    uint32_t target = world_find_target(s->w, row->fields[FIELD_TARGET]);
    if (!may_decide(s))
        o->refusal = REFUSED_forbidden;
    else if (who.n && actor == HANDLE_NONE)
        o->refusal = REFUSED_unknown_user;
    else if (target == 0)
        o->refusal = REFUSED_unknown_target;
    else if (stands < 0 && admit_time_ahead(s->w, &s->context, time_ms))
        o->refusal = REFUSED_time_ahead; /* said to stand or not, it is by no date that it does */
    else if (act == ACT_APPEAL && who.n && actor != catalogue_owner(&s->w->state.catalogue, target))
        o->refusal = REFUSED_not_owner;
    if (o->refusal != REFUSED_NOT || s->checking)
        return HEED_OK;
    struct call call = admit_decision(time_ms, actor, target, act, s->context.time_ms, stands);
    return admit_moderation(s->w, &call, reason, o, err);
}

static enum heed_status one(struct session *s, const struct rows *rows, const struct row *row,
                            struct verdict *v, struct outcome *o, struct heed_error *err)
{
    switch (s->file->kind) {
    case IMPORT_USERS:
        return user(s, rows, row, v, o, err);
    case IMPORT_CONTENTS:
        return content(s, rows, row, v, o, err);
    case IMPORT_GOODS:
    case IMPORT_SERVICES:
        return good(s, rows, row, s->file->kind == IMPORT_SERVICES, v, o, err);
    case IMPORT_DECISIONS:
        return decision(s, rows, row, v, o, err);
    default:
        return rating(s, rows, row, v, o, err);
    }
}

/* In the checking pass an id may stand twice in the file itself.                                 */
static bool seen_in_file(struct session *s, const struct row *row, struct intern *ids)
{
    if (!s->checking || !kind_keeps_attributes(s->file->kind))
        return false;
    size_t known = ids->count;
    uint32_t at = intern_add(ids, row->fields[FIELD_ID]);
    return at != INTERN_NONE && at < known;
}

/* The field that a refusal is about.                                                             */
static enum field refused_field(enum import_kind kind, enum refusal refusal)
{
    switch (refusal) {
    case REFUSED_unknown_user:
        return FIELD_USER;
    case REFUSED_unknown_target:
        return kind == IMPORT_CONTENTS ? FIELD_GOOD : FIELD_TARGET;
    case REFUSED_erased:
        return kind == IMPORT_CONTENTS       ? FIELD_CREATOR
               : kind_keeps_attributes(kind) ? FIELD_SELLER
               : kind == IMPORT_DECISIONS    ? FIELD_TARGET
                                             : FIELD_USER;
    case REFUSED_own_work:
    case REFUSED_not_owner:
        return FIELD_USER;
    case REFUSED_nothing_to_appeal:
    case REFUSED_appealed_already:
        return FIELD_TARGET;
    case REFUSED_score_range:
        return FIELD_SCORE;
    case REFUSED_time_ahead:
        return FIELD_TIME;
    case REFUSED_forbidden:
        return kind == IMPORT_USERS       ? FIELD_ROLE
               : kind == IMPORT_DECISIONS ? FIELD_ACT
                                          : FIELD_KIND;
    default:
        return FIELD_ID;
    }
}

static enum heed_status next(struct session *s, struct rows *rows, struct row *row,
                             enum row_result result, struct heed_error *why, struct intern *ids,
                             struct heed_error *err)
{
    s->file->tally.rows++;
    if (result == ROW_BAD) {
        session_bad(s, false, why->where, why->message, row->line, row->raw);
        return HEED_OK;
    }
    struct verdict v = {0};
    struct outcome o = {0};
    enum heed_status status = one(s, rows, row, &v, &o, err);
    if (status != HEED_OK)
        return status;
    if (v.bad) {
        session_bad(s, false, v.where, v.reason, row->line, row->raw);
        return HEED_OK;
    }
    if (o.refusal == REFUSED_NOT && seen_in_file(s, row, ids))
        o.refusal = REFUSED_exists;
    if (o.refusal != REFUSED_NOT) {
        char where[128];
        rows_where(rows, row, refused_field(s->file->kind, o.refusal), where);
        session_refused(s, o.refusal, where, row->line, row->raw);
    } else {
        s->file->tally.applied++;
    }
    return HEED_OK;
}

enum heed_status import_things(struct session *s, struct heed_error *err)
{
    struct rows *rows = NULL;
    struct row *row = calloc(1, sizeof *row);
    struct intern ids;
    intern_init(&ids);
    enum heed_status status =
        row ? rows_open(s->file->path, s->file->kind, s->format, &s->options->limits, &rows, err)
            : error_nomem(err);
    uint64_t skipped = 0, since = 0;
    bool done = false;
    while (status == HEED_OK && !done) {
        struct heed_error why = {0};
        enum row_result result = rows_next(rows, row, &why);
        if (result == ROW_FAILED) {
            status = error_set(err, why.status, why.where, "%s", why.message);
            break;
        }
        done = result == ROW_END;
        if (!done && skipped < s->skip) {
            skipped++;
            continue;
        }
        if (!done)
            status = next(s, rows, row, result, &why, &ids, err);
        if (status == HEED_OK && (done || ++since == ROWS_A_BATCH)) {
            status = session_commit(s, done, err);
            uint64_t read, total;
            reader_progress(rows_reader(rows), &read, &total);
            session_progress(s, read, total);
            since = 0;
        }
    }
    if (status == HEED_INPUT && !s->checking && since > 0) { /* what was read before stands */
        struct heed_error ignored = {0};
        if (session_commit(s, false, &ignored) != HEED_OK)
            status = ignored.status;
    }
    rows_close(rows);
    intern_deinit(&ids);
    free(row);
    return status;
}
