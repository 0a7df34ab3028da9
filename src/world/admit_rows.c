/* Admission of rows whose fields are already parsed: what add commands and imports share. */
#include "base/arena.h"
#include "base/time.h"
#include "base/utf8.h"
#include "world/admit.h"
#include "world/apply.h"
#include "world/vault.h"

#include <stdio.h>

static struct call call_of(enum command_id command, int64_t time_ms)
{
    struct call c = {.command = (uint16_t)command, .time_ms = time_ms, .actor = HANDLE_NONE};
    for (int i = 0; i < CALL_INTS; i++)
        c.i[i] = CALL_ABSENT;
    return c;
}

static uint32_t actor_of(const struct world *w, const struct heed_context *context)
{
    return context->actor ? world_find_user(w, str_of(context->actor)) : HANDLE_NONE;
}

bool admit_role_ok(const struct world *w, const struct heed_context *context, unsigned roles)
{
    uint32_t actor = actor_of(w, context);
    return !context->actor || (roles & ~(unsigned)ROLE_MEMBER) == 0 ||
           (actor != HANDLE_NONE && w->state.catalogue.parties[actor].role_bits & ROLE_OPERATOR);
}

bool admit_id_ok(struct str id)
{
    return id.n >= 1 && id.n <= 64 && utf8_invalid_at(id) == id.n && !utf8_has_control(id) &&
           !utf8_blank_edge(id) && utf8_is_nfc(id) && !str_starts(id, "system:");
}

bool target_formed(struct str text)
{
    const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    size_t n = colon ? (size_t)(colon - text.p) : 0;
    return colon && target_kind_of_name((struct str){text.p, n}) != TARGET_NONE &&
           admit_id_ok((struct str){colon + 1, text.n - n - 1});
}

struct str admit_party_id(struct str text)
{
    while (str_starts(text, "user:")) /* no id begins with it, or user:ID would be two people */
        text = (struct str){text.p + 5, text.n - 5};
    return text;
}

/* "key:" and sixteen digits, as exports write what is left of an id.                             */
static bool exported_key(struct str id, uint64_t *h)
{
    if (id.n != 20 || !str_starts(id, "key:"))
        return false;
    *h = 0;
    for (size_t i = 4; i < 20; i++) {
        char c = id.p[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        *h = *h << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

uint64_t admit_key_hash(struct str id)
{
    uint64_t h;
    if (!exported_key(id, &h))
        h = hash_bytes(id.p, id.n, 0);
    return h ? h : 1;
}

/* A decimal in thousandths; *exact: whether nothing but zeros stood behind them.                 */
static bool read_decimal(struct str text, int64_t *milli, bool *exact)
{
    *exact = true;
    size_t i = 0;
    bool negative = text.n > 0 && text.p[0] == '-';
    if (negative || (text.n > 0 && text.p[0] == '+'))
        i++;
    int64_t v = 0;
    size_t digits = 0;
    for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++, digits++) {
        v = v * 10 + (text.p[i] - '0');
        if (v > INT64_C(9007199254740))
            return false;
    }
    v *= 1000;
    if (i < text.n && text.p[i] == '.') {
        int64_t unit = 100;
        for (i++; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++, digits++) {
            if (unit <= 0 && text.p[i] != '0')
                *exact = false;
            if (unit > 0)
                v += unit * (text.p[i] - '0');
            else if (unit == 0 && text.p[i] >= '5')
                v++;
            unit = unit > 0 ? unit / 10 : -1;
        }
    }
    if (i != text.n || digits == 0)
        return false;
    *milli = negative ? -v : v;
    return true;
}

bool admit_decimal(struct str text, int64_t *milli)
{
    bool exact;
    return read_decimal(text, milli, &exact);
}

bool admit_amount(struct str text, int64_t *milli)
{
    bool exact;
    return read_decimal(text, milli, &exact) && exact && *milli >= 0 &&
           *milli <= INT64_C(1000) * AMOUNT_MAX;
}

static bool out_of_bounds(const struct arg_spec *arg, int64_t v, struct heed_error *err)
{
    int64_t min = arg->min == CALL_ABSENT ? CALL_ABSENT + 1 : arg->min; /* which is none given */
    if (v >= min && (arg->max == 0 || v <= arg->max))
        return false;
    error_set(err, HEED_USAGE, arg->name, "it must lie between %lld and %lld", (long long)min,
              (long long)arg->max);
    return true;
}

static int choice_of(const char *choices, struct str text)
{
    int place = 0;
    for (const char *p = choices; *p; place++) {
        size_t n = strcspn(p, "|");
        if (str_eq(text, (struct str){p, n}))
            return place;
        p += n + (p[n] == '|');
    }
    return -1;
}

bool admit_parse_number(const struct arg_spec *arg, struct str text, int64_t *out,
                        struct heed_error *err)
{
    switch (arg->type) {
    case ARG_INT: {
        struct money m; /* whole numbers: money of scale 0 */
        if (money_from_text(text, 0, &m) != MONEY_OK) {
            error_set(err, HEED_USAGE, arg->name, "'%.*s' is not a whole number",
                      (int)utf8_cut(text, 80), text.p);
            return false;
        }
        *out = m.minor;
        return !out_of_bounds(arg, *out, err);
    }
    case ARG_DECIMAL:
    case ARG_SCORE:
        if (!admit_decimal(text, out)) {
            error_set(err, HEED_USAGE, arg->name, "'%.*s' is not a number such as 12.5",
                      (int)utf8_cut(text, 80), text.p);
            return false;
        }
        if (arg->type == ARG_DECIMAL && *out >= 0 && *out <= arg->max && !admit_amount(text, out)) {
            error_set(err, HEED_USAGE, arg->name, "'%.*s' has more than three decimals",
                      (int)utf8_cut(text, 80), text.p);
            return false;
        }
        if (*out >= arg->min && *out <= arg->max)
            return true;
        error_set(err, HEED_USAGE, arg->name, "it must lie between %lld and %lld",
                  (long long)(arg->min / 1000), (long long)(arg->max / 1000));
        return false;
    case ARG_TIME:
        switch (time_from_text(text, out)) {
        case TIME_OK:
            return true;
        case TIME_OUT_OF_RANGE:
            error_set(err, HEED_USAGE, arg->name, "'%.*s' is before 1970 or after 2105",
                      (int)utf8_cut(text, 80), text.p);
            return false;
        default:
            error_set(err, HEED_USAGE, arg->name,
                      "'%.*s' is not a time such as 2026-01-31T12:00:00Z or Unix seconds",
                      (int)utf8_cut(text, 80), text.p);
            return false;
        }
    case ARG_ROLE:
        *out = role_of_name(text);
        if (*out == 0) {
            error_set(err, HEED_USAGE, arg->name,
                      "'%.*s' is not a role: member, reader, client, creator_manager, economist, "
                      "moderator, auditor, operator",
                      (int)utf8_cut(text, 80), text.p);
            return false;
        }
        return true;
    case ARG_CHOICE:
        *out = choice_of(arg->choices, text);
        if (*out < 0) {
            error_set(err, HEED_USAGE, arg->name, "'%.*s' is not one of %s",
                      (int)utf8_cut(text, 80), text.p, arg->choices);
            return false;
        }
        return true;
    case ARG_FLAG:
        *out = !(str_is(text, "0") || str_is(text, "false"));
        if (*out == 0)
            *out = CALL_ABSENT;
        return true;
    default:
        heed_assert(false && "an argument that is not a number");
        return false;
    }
}

enum heed_status admit_symbol(struct world *w, struct str text, uint32_t *symbol,
                              struct heed_error *err)
{
    *symbol = world_find_symbol(w, text);
    if (*symbol != HANDLE_NONE)
        return HEED_OK;
    if (w->state.catalogue.symbols.count >= SYMBOLS_MAX)
        return error_set(err, HEED_RANGE, "symbol",
                         "a world holds at most %d categories, kinds and surfaces", SYMBOLS_MAX);
    struct call call = call_of(COMMAND_symbol_add, 0);
    call.blob = text;
    struct outcome o = {0};
    enum heed_status status = world_apply(w, &call, &o, err);
    *symbol = o.handle;
    return status;
}

/* Finds a creator or seller, or makes a party of him.                                           */
static enum heed_status admit_party(struct world *w, const struct heed_context *context,
                                    struct str id, uint32_t *party, struct heed_error *err)
{
    *party = world_find_party(w, id);
    if (*party != HANDLE_NONE)
        return HEED_OK;
    heed_assert(admit_id_ok(id));
    uint32_t handle = (uint32_t)w->state.catalogue.parties_n;
    struct text text = {{id, STR_NONE, STR_NONE, STR_NONE}};
    uint8_t commitment[32];
    enum heed_status status = vault_seal(w, TARGET_USER, handle, handle, &text, commitment, err);
    if (status != HEED_OK)
        return status;
    struct call call = call_of(COMMAND_party_add, context->time_ms);
    call.blob = (struct str){(const char *)commitment, sizeof commitment};
    struct outcome o = {0};
    status = world_apply(w, &call, &o, err);
    if (status == HEED_OK)
        status = people_add(w->people, id, handle, err);
    *party = handle;
    return status;
}

static enum heed_status add_user(struct world *w, const struct heed_context *context,
                                 const struct user_row *row, struct outcome *o,
                                 struct heed_error *err)
{
    const struct catalogue *c = &w->state.catalogue;
    uint32_t party = people_find(w->people, row->id);
    bool known = party != HANDLE_NONE;
    if (!admit_role_ok(w, context, row->roles)) {
        o->refusal = REFUSED_forbidden;
        return HEED_OK;
    }
    if (known && c->parties[party].flags & PARTY_USER) {
        o->refusal = REFUSED_exists;
        return HEED_OK;
    }
    if (!known)
        party = (uint32_t)c->parties_n;
    struct text text = {{row->id, row->name, STR_NONE, row->attributes}};
    uint8_t commitment[32];
    enum heed_status status = vault_seal(w, TARGET_USER, party, party, &text, commitment, err);
    if (status != HEED_OK)
        return status;
    if (!known) /* before applying, so that the reply can name him */
        status = people_add(w->people, row->id, party, err);
    struct call call = call_of(COMMAND_user_add, context->time_ms);
    call.actor = actor_of(w, context);
    if (known)
        call.i[0] = party;
    call.i[1] = row->joined_at_ms == CALL_ABSENT ? context->time_ms : row->joined_at_ms;
    call.i[2] = row->roles ? (int64_t)row->roles : ROLE_MEMBER;
    call.blob = (struct str){(const char *)commitment, sizeof commitment};
    if (status == HEED_OK)
        status = world_apply(w, &call, o, err);
    heed_assert(status != HEED_OK || (o->refusal == REFUSED_NOT && o->handle == party));
    return status;
}

/* Seals the text of a content, good or service and applies its add command.                     */
static enum heed_status add_thing(struct world *w, struct call *call, enum target_kind kind,
                                  uint32_t handle, uint32_t owner, struct str id,
                                  const struct text *text, const struct sketch *sketch,
                                  struct outcome *o, struct heed_error *err)
{
    uint8_t commitment[32];
    enum heed_status status = vault_seal(w, kind, handle, owner, text, commitment, err);
    if (status != HEED_OK)
        return status;
    struct strbuf blob;
    strbuf_init(&blob, 1024);
    if (text_join(&blob, commitment, sketch, id)) {
        call->blob = (struct str){blob.p, blob.n};
        status = world_apply(w, call, o, err);
    } else {
        status = error_nomem(err);
    }
    strbuf_deinit(&blob);
    heed_assert(status != HEED_OK || (o->refusal == REFUSED_NOT && o->handle == handle));
    return status;
}

static enum heed_status symbol_arg(struct world *w, struct str text, int64_t *out,
                                   struct heed_error *err)
{
    if (text.n == 0)
        return HEED_OK;
    uint32_t symbol;
    enum heed_status status = admit_symbol(w, text, &symbol, err);
    if (status == HEED_OK)
        *out = symbol;
    return status;
}

static enum heed_status add_content(struct world *w, const struct heed_context *context,
                                    const struct content_row *row, struct outcome *o,
                                    struct heed_error *err)
{
    const struct catalogue *c = &w->state.catalogue;
    struct call call = call_of(COMMAND_content_add, context->time_ms);
    call.actor = actor_of(w, context);
    if (row->good.n) {
        struct str id = str_starts(row->good, "good:")
                            ? (struct str){row->good.p + 5, row->good.n - 5}
                            : row->good;
        uint32_t good = intern_find(&c->good_ids, id);
        if (good == INTERN_NONE) {
            o->refusal = REFUSED_unknown_target;
            return HEED_OK;
        }
        call.i[2] = target_make(TARGET_GOOD, good);
    }
    if (intern_find(&c->content_ids, row->id) != INTERN_NONE) {
        o->refusal = REFUSED_exists;
        return HEED_OK;
    }
    struct sketch *sketch = malloc(sizeof *sketch);
    if (!sketch)
        return error_nomem(err);
    uint32_t creator;
    enum heed_status status = admit_party(w, context, row->creator, &creator, err);
    if (status == HEED_OK)
        status = symbol_arg(w, row->kind, &call.i[3], err);
    if (status == HEED_OK)
        status = symbol_arg(w, row->category, &call.i[4], err);
    if (status == HEED_OK &&
        !sketch_text(row->title, row->body, w->state.rules.quality.min_shingles, sketch))
        status = error_nomem(err);
    if (status == HEED_OK) {
        call.i[1] = creator;
        call.i[5] = row->created_at_ms == CALL_ABSENT ? context->time_ms : row->created_at_ms;
        struct text text = {{STR_NONE, row->title, row->body, row->attributes}};
        status = add_thing(w, &call, TARGET_CONTENT, (uint32_t)c->contents_n, creator, row->id,
                           &text, sketch, o, err);
    }
    free(sketch);
    if (status != HEED_OK || !row->copied_ppm || o->refusal != REFUSED_NOT)
        return status;
    struct call copied = call_of(COMMAND_content_copied, context->time_ms);
    copied.i[0] = target_make(TARGET_CONTENT, o->handle);
    copied.i[1] = row->copied_ppm;
    struct outcome ignored = {0};
    return world_apply(w, &copied, &ignored, err);
}

static enum heed_status add_good(struct world *w, const struct heed_context *context,
                                 const struct good_row *row, struct outcome *o,
                                 struct heed_error *err)
{
    const struct catalogue *c = &w->state.catalogue;
    if (intern_find(row->service ? &c->service_ids : &c->good_ids, row->id) != INTERN_NONE) {
        o->refusal = REFUSED_exists;
        return HEED_OK;
    }
    struct call call =
        call_of(row->service ? COMMAND_service_add : COMMAND_good_add, context->time_ms);
    call.actor = actor_of(w, context);
    uint32_t owner = STORE_WORLD_OWNER;
    enum heed_status status = HEED_OK;
    if (row->seller.n) {
        status = admit_party(w, context, row->seller, &owner, err);
        call.i[1] = owner;
    }
    if (status == HEED_OK)
        status = symbol_arg(w, row->category, &call.i[2], err);
    if (status != HEED_OK)
        return status;
    call.i[3] = row->currency;
    call.i[4] = row->price_minor;
    call.i[5] = row->stock;
    call.i[6] = row->sales;
    call.i[7] = row->created_at_ms == CALL_ABSENT ? context->time_ms : row->created_at_ms;
    struct text text = {{STR_NONE, row->name, row->description, row->attributes}};
    enum target_kind kind = row->service ? TARGET_SERVICE : TARGET_GOOD;
    status = add_thing(w, &call, kind, (uint32_t)(row->service ? c->services_n : c->goods_n), owner,
                       row->id, &text, NULL, o, err);
    if (status != HEED_OK || !row->withdrawn || o->refusal != REFUSED_NOT)
        return status;
    struct call withdraw = call_of(COMMAND_shop_list, context->time_ms);
    withdraw.i[0] = target_make(kind, o->handle);
    withdraw.i[4] = 1;
    struct outcome withdrawn = {0};
    status = world_apply(w, &withdraw, &withdrawn, err);
    heed_assert(status != HEED_OK || withdrawn.refusal == REFUSED_NOT);
    return status;
}

struct call admit_event(int64_t time_ms, uint32_t user, uint32_t verb, uint32_t target,
                        int64_t amount_milli, uint32_t surface, uint32_t via, uint64_t id_hash)
{
    struct call c = call_of(COMMAND_event_add, time_ms);
    c.i[0] = user;
    c.i[1] = verb;
    c.i[2] = target;
    c.i[3] = amount_milli;
    if (surface != HANDLE_NONE)
        c.i[4] = surface;
    if (via != HANDLE_NONE)
        c.i[5] = via;
    if (id_hash)
        c.i[6] = (int64_t)id_hash == CALL_ABSENT ? 1 : (int64_t)id_hash;
    return c;
}

bool admit_time_ahead(const struct world *w, const struct heed_context *context, int64_t time_ms)
{
    return time_ms > context->time_ms + w->state.rules.behaviour.ahead_ms;
}

struct call admit_served(int64_t time_ms, uint32_t target)
{
    struct call c = call_of(COMMAND_event_served, time_ms);
    c.i[0] = target;
    return c;
}

struct call admit_seen(int64_t time_ms, uint32_t target)
{
    struct call c = call_of(COMMAND_event_seen, time_ms);
    c.i[0] = target;
    return c;
}

struct call admit_counted(int64_t time_ms, uint32_t verb, uint32_t target, int64_t count,
                          int64_t amount_milli)
{
    struct call c = call_of(COMMAND_event_counted, time_ms);
    c.i[0] = verb;
    c.i[1] = target;
    c.i[2] = count;
    c.i[3] = amount_milli;
    return c;
}

struct call admit_refunded(int64_t time_ms, uint32_t user, uint32_t target, int64_t amount_milli)
{
    struct call c = call_of(COMMAND_event_refunded, time_ms);
    c.i[0] = user;
    c.i[1] = target;
    c.i[2] = amount_milli;
    return c;
}

struct call admit_rating(int64_t time_ms, uint32_t user, uint32_t target, int64_t score_milli,
                         enum rating_kind kind)
{
    struct call c = call_of(COMMAND_rating_add, time_ms);
    c.i[0] = user;
    c.i[1] = target;
    c.i[2] = score_milli;
    c.i[3] = kind;
    return c;
}

struct call admit_decision(int64_t time_ms, uint32_t actor, uint32_t target, int act,
                           int64_t now_ms, int stands)
{
    bool appeal = act == ACT_APPEAL;
    struct call c = call_of(appeal ? COMMAND_quality_appeal : COMMAND_quality_decided, time_ms);
    c.actor = actor;
    c.i[0] = target;
    if (appeal)
        return c;
    c.i[1] = act;
    c.i[2] = now_ms < 0 ? 0 : now_ms > TIME_MAX_MS ? TIME_MAX_MS : now_ms;
    if (stands >= 0)
        c.i[3] = stands;
    return c;
}

bool admit_reason_ok(struct str reason)
{
    for (size_t i = 0; i < reason.n && reason.n <= 4096; i++)
        if ((unsigned char)reason.p[i] > ' ')
            return true;
    return false;
}

enum heed_status admit_moderation(struct world *w, struct call *call, struct str reason,
                                  struct outcome *o, struct heed_error *err)
{
    if (!admit_reason_ok(reason))
        return error_set(err, HEED_USAGE, "reason", "it is empty; say why");
    o->refusal = moderation_refusal(&w->state, call);
    if (o->refusal != REFUSED_NOT)
        return HEED_OK;
    uint32_t number = (uint32_t)w->state.quality.moderation.acts_n;
    uint32_t owner = reason_owner(&w->state.catalogue, (uint32_t)call->i[0]);
    struct text text = {{STR_NONE, str_trim(reason), STR_NONE, STR_NONE}};
    uint8_t commitment[32];
    enum heed_status status = vault_seal(w, VAULT_REASON, number, owner, &text, commitment, err);
    if (status == HEED_OK) {
        call->blob = (struct str){(const char *)commitment, sizeof commitment};
        status = world_apply(w, call, o, err);
    }
    heed_assert(status != HEED_OK || (o->refusal == REFUSED_NOT && o->handle == number));
    return world_guard(w, status);
}

struct call admit_placed(int64_t time_ms, uint32_t content, uint32_t position, uint32_t shown,
                         uint32_t engaged)
{
    struct call call = call_of(COMMAND_content_placed, time_ms);
    call.i[0] = target_make(TARGET_CONTENT, content);
    call.i[1] = position;
    call.i[2] = shown;
    call.i[3] = engaged;
    return call;
}

struct call admit_promised(int64_t time_ms, int64_t level, int64_t feeds, int64_t budget)
{
    struct call call = call_of(COMMAND_floor_promised, time_ms);
    call.i[0] = level;
    call.i[1] = feeds;
    call.i[2] = budget;
    return call;
}

struct call admit_paid(int64_t time_ms, uint32_t content, int64_t paid, int64_t since)
{
    struct call call = call_of(COMMAND_content_paid, time_ms);
    call.i[0] = target_make(TARGET_CONTENT, content);
    call.i[1] = paid;
    call.i[2] = since;
    return call;
}

struct call admit_pleased(int64_t time_ms, uint32_t user, int64_t utility, int64_t feeds)
{
    struct call call = call_of(COMMAND_user_pleased, time_ms);
    call.i[0] = user;
    call.i[1] = utility;
    call.i[2] = feeds;
    return call;
}

struct call admit_learnt(int64_t learnt_at_ms, struct str fact)
{
    struct call call = call_of(COMMAND_quality_fit, learnt_at_ms);
    call.i[0] = CALL_ABSENT;
    call.blob = fact;
    return call;
}

struct call admit_models(int64_t trained_at_ms, struct str fact)
{
    struct call call = call_of(COMMAND_models_copied, trained_at_ms);
    call.blob = fact;
    return call;
}

struct call admit_import_mark(const struct import_mark *mark, struct sha256 *digest_storage)
{
    struct call c = call_of(COMMAND_import_mark, 0);
    *digest_storage = mark->digest;
    c.blob = (struct str){(const char *)digest_storage->b, sizeof digest_storage->b};
    c.i[0] = (int64_t)mark->rows;
    c.i[1] = (int64_t)mark->applied;
    c.i[2] = (int64_t)mark->rejected;
    c.i[3] = (int64_t)mark->refused;
    c.i[4] = (int64_t)mark->duplicate;
    c.i[5] = mark->done;
    return c;
}

enum heed_status admit_user(struct world *w, const struct heed_context *context,
                            const struct user_row *row, struct outcome *o, struct heed_error *err)
{
    return world_guard(w, add_user(w, context, row, o, err));
}

enum heed_status admit_content(struct world *w, const struct heed_context *context,
                               const struct content_row *row, struct outcome *o,
                               struct heed_error *err)
{
    return world_guard(w, add_content(w, context, row, o, err));
}

enum heed_status admit_good(struct world *w, const struct heed_context *context,
                            const struct good_row *row, struct outcome *o, struct heed_error *err)
{
    return world_guard(w, add_good(w, context, row, o, err));
}
