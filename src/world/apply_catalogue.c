/* Commands that say who and what there is: rules, symbols, parties, users, contents, goods. */
#include "world/admit.h"
#include "world/apply.h"
#include "world/pack.h"
#include "world/vault.h"

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, what,
                     "the journal holds a call that cannot be: it is damaged");
}

bool text_split(struct str blob, struct text_blob *out)
{
    struct unpack u = {blob.p, blob.n, false};
    out->commitment = unpack_bytes(&u, 32);
    out->sketch.shingles = (uint32_t)unpack_max(&u, UINT32_MAX);
    if (out->sketch.shingles) {
        struct str raw = unpack_bytes(&u, sizeof out->sketch.minima);
        for (size_t i = 0; i < SKETCH_SIZE && raw.p; i++)
            out->sketch.minima[i] =
                (uint16_t)((uint8_t)raw.p[2 * i] | (uint8_t)raw.p[2 * i + 1] << 8);
    }
    out->id = unpack_bytes(&u, u.n);
    return !u.bad;
}

bool text_join(struct strbuf *b, const uint8_t commitment[32], const struct sketch *sketch,
               struct str id)
{
    strbuf_put(b, commitment, 32);
    pack_u64(b, sketch ? sketch->shingles : 0);
    if (sketch && sketch->shingles)
        for (size_t i = 0; i < SKETCH_SIZE; i++) {
            strbuf_putc(b, (char)(sketch->minima[i] & 0xff));
            strbuf_putc(b, (char)(sketch->minima[i] >> 8));
        }
    strbuf_put(b, id.p, id.n);
    return !b->failed;
}

enum heed_status apply_world_create(struct world *w, const struct call *call, struct outcome *o,
                                    struct heed_error *err)
{
    (void)o;
    struct state *s = &w->state;
    if (s->rules_yaml)
        return damaged(err, "world create");
    enum heed_status status = rules_parse_kept(call->blob, &s->rules, err);
    if (status != HEED_OK)
        return status;
    s->rules_yaml = malloc(call->blob.n + 1);
    if (!s->rules_yaml)
        return error_nomem(err);
    memcpy(s->rules_yaml, call->blob.p, call->blob.n);
    s->rules_yaml[call->blob.n] = 0;
    s->rules_size = call->blob.n;
    return HEED_OK;
}

enum heed_status apply_symbol_add(struct world *w, const struct call *call, struct outcome *o,
                                  struct heed_error *err)
{
    struct intern *symbols = &w->state.catalogue.symbols;
    if (!symbol_possible(call->blob))
        return damaged(err, "symbol add");
    if (symbols->count >= SYMBOLS_MAX)
        return error_set(err, HEED_RANGE, "symbol",
                         "a world holds at most %d categories, kinds and surfaces", SYMBOLS_MAX);
    if (intern_find(symbols, call->blob) != INTERN_NONE) {
        o->refusal = REFUSED_exists;
        return HEED_OK;
    }
    o->handle = intern_add(symbols, call->blob);
    return o->handle == INTERN_NONE ? error_nomem(err) : HEED_OK;
}

static enum heed_status add_party(struct world *w, const struct party *p, uint32_t *handle,
                                  struct heed_error *err)
{
    enum heed_status status = catalogue_add_party(&w->state.catalogue, p, handle);
    if (status == HEED_OK && ledger_open(&w->state.ledger, *handle, 0) == LEDGER_NONE)
        status = HEED_NOMEM;
    if (status == HEED_RANGE)
        return error_set(err, status, "user", "a world holds at most %u people", TARGET_INDEX_MAX);
    return status == HEED_OK ? HEED_OK : error_nomem(err);
}

enum heed_status apply_party_add(struct world *w, const struct call *call, struct outcome *o,
                                 struct heed_error *err)
{
    return add_party(w, &(struct party){.joined_at_ms = call->time_ms, .role_bits = ROLE_MEMBER},
                     &o->handle, err);
}

/* i: party (absent: a new one), joined, roles                                                   */
enum heed_status apply_user_add(struct world *w, const struct call *call, struct outcome *o,
                                struct heed_error *err)
{
    struct catalogue *c = &w->state.catalogue;
    struct party p = {
        .joined_at_ms = call->i[1], .flags = PARTY_USER, .role_bits = (uint8_t)call->i[2]};
    if (call->i[1] == CALL_ABSENT || call->i[2] == CALL_ABSENT)
        return damaged(err, "user add");
    if (call->i[0] == CALL_ABSENT) {
        enum heed_status status = add_party(w, &p, &o->handle, err);
        if (status != HEED_OK)
            return status;
    } else {
        if (call->i[0] < 0 || (size_t)call->i[0] >= c->parties_n)
            return damaged(err, "user add");
        o->handle = (uint32_t)call->i[0];
        struct party *known = &c->parties[o->handle];
        if (known->flags & (PARTY_USER | PARTY_ERASED)) {
            o->refusal = known->flags & PARTY_USER ? REFUSED_exists : REFUSED_erased;
            return HEED_OK;
        }
        *known = p;
        c->users_n++;
    }
    const struct rules *r = &w->state.rules;
    if (r->grants.new_user_grant_minor > 0) {
        struct posting grant = {.from = HOLDER_ISSUE,
                                .to = o->handle,
                                .amount_minor = r->grants.new_user_grant_minor,
                                .code = CODE_GRANT,
                                .reference = LEDGER_NONE};
        enum refusal refusal = REFUSED_NOT;
        if (ledger_post(&w->state.ledger, call->time_ms, 0, 0, &grant, 1, &refusal, NULL, NULL) !=
            HEED_OK)
            return error_nomem(err);
    }
    return o->want_reply ? reply_pack(&o->reply, err, "{s:o}", "user",
                                      reply_target(w, target_make(TARGET_USER, o->handle)))
                         : HEED_OK;
}

enum heed_status apply_user_erase(struct world *w, const struct call *call, struct outcome *o,
                                  struct heed_error *err)
{
    struct catalogue *c = &w->state.catalogue;
    if (call->i[0] < 0 || (size_t)call->i[0] >= c->parties_n)
        return damaged(err, "user erase");
    struct party *p = &c->parties[call->i[0]];
    if (p->flags & PARTY_ERASED) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    enum heed_status status = exchange_let_go(w, call, (uint32_t)call->i[0], err);
    if (status != HEED_OK)
        return status;
    p->flags |= PARTY_ERASED;
    for (size_t i = 0; i < c->goods_n; i++) /* nobody is left to be paid */
        if (c->goods[i].seller == (uint32_t)call->i[0])
            c->goods[i].listed = false;
    for (size_t i = 0; i < c->services_n; i++)
        if (c->services[i].seller == (uint32_t)call->i[0])
            c->services[i].listed = false;
    o->handle = (uint32_t)call->i[0];
    struct auctions_desk auctions = world_auctions(w, call->time_ms);
    struct shop_desk shop = world_desk(w, call->time_ms);
    status = auctions_forget(&auctions, o->handle);
    if (status == HEED_OK)
        status = shop_forget(&shop, o->handle);
    if (status != HEED_OK)
        return error_set(err, status, "user", "there is no room to let go of what is held");
    return o->want_reply ? reply_pack(&o->reply, err, "{s:b}", "erased", 1) : HEED_OK;
}

/* A call's handle argument: absent gives HANDLE_NONE; false when out of bounds.                 */
static bool handle_of(int64_t value, size_t count, uint32_t *out)
{
    *out = value == CALL_ABSENT ? HANDLE_NONE : (uint32_t)value;
    return value == CALL_ABSENT || (value >= 0 && (uint64_t)value < count);
}

/* i: -, creator, good, kind, category, created                                                  */
enum heed_status apply_content_add(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    struct catalogue *c = &w->state.catalogue;
    struct content x = {.created_at_ms = call->i[5], .good = HANDLE_NONE};
    struct text_blob text;
    if (call->i[5] == CALL_ABSENT || !handle_of(call->i[1], c->parties_n, &x.creator) ||
        x.creator == HANDLE_NONE || !handle_of(call->i[3], c->symbols.count, &x.kind) ||
        !handle_of(call->i[4], c->symbols.count, &x.category) || !text_split(call->blob, &text) ||
        !admit_id_ok(text.id))
        return damaged(err, "content add");
    if (c->parties[x.creator].flags & PARTY_ERASED) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    if (call->i[2] != CALL_ABSENT) {
        uint32_t target = (uint32_t)call->i[2];
        if (target_kind(target) != TARGET_GOOD || !catalogue_has(c, target)) {
            o->refusal = REFUSED_unknown_target;
            return HEED_OK;
        }
        x.good = target_index(target);
        if (x.category == HANDLE_NONE)
            x.category = c->goods[x.good].category;
    }
    if (intern_find(&c->content_ids, text.id) != INTERN_NONE) {
        o->refusal = REFUSED_exists;
        return HEED_OK;
    }
    enum heed_status status = catalogue_add_content(c, text.id, &x, &o->handle);
    if (status == HEED_OK)
        status = quality_publish(&w->state.quality, &w->state.rules.quality, o->handle, x.creator,
                                 x.created_at_ms, &text.sketch);
    if (status == HEED_RANGE)
        return error_set(err, status, "content", "a world holds at most %u contents",
                         TARGET_INDEX_MAX);
    if (status != HEED_OK)
        return error_nomem(err);
    return o->want_reply ? reply_pack(&o->reply, err, "{s:o}", "content",
                                      reply_target(w, target_make(TARGET_CONTENT, o->handle)))
                         : HEED_OK;
}

/* i: content, similarity                                                                        */
enum heed_status apply_content_copied(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    int64_t target = call->i[0], similarity = call->i[1];
    (void)o;
    if (target < 0 || target > UINT32_MAX || target_kind((uint32_t)target) != TARGET_CONTENT ||
        similarity < 1 || similarity > UINT32_MAX ||
        !quality_copied(&w->state.quality, target_index((uint32_t)target), (uint32_t)similarity))
        return damaged(err, "content copied");
    return HEED_OK;
}

/* i: target, position from 1, shown, engaged                                                    */
enum heed_status apply_content_placed(struct world *w, const struct call *call, struct outcome *o,
                                      struct heed_error *err)
{
    int64_t target = call->i[0];
    (void)o;
    if (target < 0 || target > UINT32_MAX || target_kind((uint32_t)target) != TARGET_CONTENT ||
        target_index((uint32_t)target) >= w->state.catalogue.contents_n || call->i[1] < 1 ||
        call->i[1] > POSITIONS_MAX || call->i[2] < 1 || call->i[2] > UINT32_MAX || call->i[3] < 0 ||
        call->i[3] > call->i[2])
        return damaged(err, "content placed");
    const struct position_cell cell = {target_index((uint32_t)target), (uint32_t)call->i[1] - 1,
                                       (uint32_t)call->i[2], (uint32_t)call->i[3]};
    return positions_place(&w->state.quality.positions, &cell) ? HEED_OK : error_nomem(err);
}

/* i: -, seller, category, currency, price, stock, sales, created                                */
static enum heed_status add_good(struct world *w, const struct call *call, bool service,
                                 struct outcome *o, struct heed_error *err)
{
    struct catalogue *c = &w->state.catalogue;
    struct good g = {.created_at_ms = call->i[7],
                     .price_minor = call->i[4] == CALL_ABSENT ? -1 : call->i[4],
                     .stock = call->i[5] == CALL_ABSENT ? -1 : call->i[5],
                     .sales = call->i[6] == CALL_ABSENT ? 0 : call->i[6],
                     .currency = call->i[3] == CALL_ABSENT ? 0 : (uint16_t)call->i[3],
                     .listed = call->i[4] != CALL_ABSENT};
    struct text_blob text;
    if (call->i[7] == CALL_ABSENT || !handle_of(call->i[1], c->parties_n, &g.seller) ||
        !handle_of(call->i[2], c->symbols.count, &g.category) || g.price_minor < -1 ||
        g.stock < -1 || g.sales < 0 || g.currency >= w->state.rules.currencies_n ||
        !text_split(call->blob, &text) || !admit_id_ok(text.id))
        return damaged(err, "good add");
    if (g.seller != HANDLE_NONE && c->parties[g.seller].flags & PARTY_ERASED) {
        o->refusal = REFUSED_erased;
        return HEED_OK;
    }
    if (intern_find(service ? &c->service_ids : &c->good_ids, text.id) != INTERN_NONE) {
        o->refusal = REFUSED_exists;
        return HEED_OK;
    }
    enum heed_status status = catalogue_add_good(c, service, text.id, &g, &o->handle);
    if (status == HEED_RANGE)
        return error_set(err, status, "good", "a world holds at most %u goods", TARGET_INDEX_MAX);
    if (status != HEED_OK)
        return error_nomem(err);
    uint32_t target = target_make(service ? TARGET_SERVICE : TARGET_GOOD, o->handle);
    struct shop_desk d = world_desk(w, call->time_ms);
    status = shop_stock(&d, target);
    if (status != HEED_OK)
        return error_set(err, status, "good", "there is no room for its stock");
    return o->want_reply ? reply_pack(&o->reply, err, "{s:o}", service ? "service" : "good",
                                      reply_target(w, target))
                         : HEED_OK;
}

enum heed_status apply_good_add(struct world *w, const struct call *call, struct outcome *o,
                                struct heed_error *err)
{
    return add_good(w, call, false, o, err);
}

enum heed_status apply_service_add(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    return add_good(w, call, true, o, err);
}

enum heed_status apply_import_mark(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    (void)o;
    struct state *s = &w->state;
    struct import_mark mark = {.rows = (uint64_t)call->i[0],
                               .applied = (uint64_t)call->i[1],
                               .rejected = (uint64_t)call->i[2],
                               .refused = (uint64_t)call->i[3],
                               .duplicate = (uint64_t)call->i[4],
                               .done = call->i[5] == 1};
    if (call->blob.n != sizeof mark.digest)
        return damaged(err, "import mark");
    memcpy(&mark.digest, call->blob.p, sizeof mark.digest);
    for (size_t i = s->imports_n; i-- > 0;)
        if (sha256_eq(s->imports[i].digest, mark.digest)) {
            s->imports[i] = mark;
            return HEED_OK;
        }
    if (!array_grow(&s->imports, &s->imports_cap, s->imports_n + 1, sizeof *s->imports))
        return error_nomem(err);
    s->imports[s->imports_n++] = mark;
    return HEED_OK;
}
