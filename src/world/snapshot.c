#include "world/snapshot.h"

#include "base/arena.h"
#include "world/apply.h"

#include <stdio.h>
#include <zstd.h>

enum { STATE_VERSION = 18, PART = 1 << 20, LEVEL = 1 };
#define RULES_MAX (4u << 20)

void state_init(struct state *s)
{
    memset(s, 0, sizeof *s);
    catalogue_init(&s->catalogue);
    ledger_init(&s->ledger);
    behaviour_init(&s->behaviour);
    quality_init(&s->quality);
    consumption_init(&s->consumption);
    shop_init(&s->shop);
    venues_init(&s->venues);
    auctions_init(&s->auctions);
    market_versions_init(&s->market);
    map_init(&s->feed_of);
}

void state_deinit(struct state *s)
{
    free(s->rules_yaml);
    catalogue_deinit(&s->catalogue);
    ledger_deinit(&s->ledger);
    behaviour_deinit(&s->behaviour);
    quality_deinit(&s->quality);
    consumption_deinit(&s->consumption);
    shop_deinit(&s->shop);
    venues_deinit(&s->venues);
    auctions_deinit(&s->auctions);
    market_versions_deinit(&s->market);
    versions_deinit(&s->models);
    debts_deinit(&s->debts);
    welfare_deinit(&s->welfare);
    free(s->exposure.given);
    free(s->exposure.popularity);
    free(s->exposure.given_sum);
    free(s->exposure.popularity_sum);
    for (size_t i = 0; i < s->feeds_n; i++)
        free(s->feeds[i].slots);
    free(s->feeds);
    map_deinit(&s->feed_of);
    free(s->imports);
    memset(s, 0, sizeof *s);
}

static void feeds_save(const struct state *s, struct sink *k)
{
    sink_u64(k, s->feeds_n);
    for (size_t i = 0; i < s->feeds_n; i++) {
        const struct served_feed *f = &s->feeds[i];
        sink_i64(k, f->time_ms);
        sink_u32(k, f->user);
        sink_u32(k, f->surface);
        sink_u32(k, f->algorithm);
        sink_u32(k, f->n);
        sink_u64(k, f->policy);
        for (size_t j = 0; j < sizeof f->engaged / sizeof f->engaged[0]; j++)
            sink_u64(k, f->engaged[j]);
        for (size_t j = 0; j < sizeof f->seen / sizeof f->seen[0]; j++)
            sink_u64(k, f->seen[j]);
        for (uint32_t j = 0; j < f->n; j++) {
            sink_u32(k, slot_target_kept(&f->slots[j]));
            sink_u32(k, f->slots[j].model);
            sink_u32(k, (uint32_t)f->slots[j].score_ppm);
            sink_u32(k, f->slots[j].propensity << 1 | f->slots[j].explored);
            for (int r = 0; r < SLOT_REASONS_KEPT; r++) {
                sink_u32(k, (uint32_t)f->slots[j].value_ppm[r]);
                sink_u32(k, (uint32_t)slot_weight_kept(&f->slots[j], r));
            }
        }
    }
}

static enum heed_status feeds_load(struct state *s, struct source *k, struct heed_error *err)
{
    size_t n = source_count(k, s->catalogue.parties_n);
    for (size_t i = 0; i < n && !k->failed; i++) {
        struct served_feed f = {.time_ms = source_i64(k)};
        f.user = source_u32(k);
        f.surface = source_u32(k);
        f.algorithm = source_u32(k);
        f.n = source_u32(k);
        f.policy = source_u64(k);
        for (size_t j = 0; j < sizeof f.engaged / sizeof f.engaged[0]; j++)
            f.engaged[j] = source_u64(k);
        for (size_t j = 0; j < sizeof f.seen / sizeof f.seen[0]; j++)
            f.seen[j] = source_u64(k);
        for (uint32_t j = 0; j < sizeof f.engaged * 8; j++)
            if (j >= f.n && (f.engaged[j / 64] | f.seen[j / 64]) >> j % 64 & 1)
                k->failed = true;
        if (k->failed || f.user >= s->catalogue.parties_n || f.algorithm >= ALGORITHMS ||
            f.n > FEED_MAX || map_get(&s->feed_of, f.user) != MAP_NONE ||
            (f.surface != HANDLE_NONE && f.surface >= s->catalogue.symbols.count)) {
            k->failed = true;
            break;
        }
        if (f.n && !(f.slots = calloc(f.n, sizeof *f.slots)))
            return error_nomem(err);
        for (uint32_t j = 0; j < f.n; j++) {
            bool there = slot_target_read(&f.slots[j], &s->catalogue, source_u32(k));
            f.slots[j].model = source_u32(k);
            if (!there || f.slots[j].model > s->models.n)
                k->failed = true;
            f.slots[j].score_ppm = (int32_t)source_u32(k);
            uint32_t x = source_u32(k);
            f.slots[j].propensity = x >> 1;
            f.slots[j].explored = x & 1;
            if (x >> 1 == 0 || x >> 1 > EXPLORE_UNIT)
                k->failed = true;
            for (int r = 0; r < SLOT_REASONS_KEPT; r++) {
                f.slots[j].value_ppm[r] = (int32_t)source_u32(k);
                if (!slot_weight_read(&f.slots[j], r, (int32_t)source_u32(k)))
                    k->failed = true;
            }
        }
        if (!array_grow(&s->feeds, &s->feeds_cap, s->feeds_n + 1, sizeof *s->feeds) ||
            !map_put(&s->feed_of, f.user, (uint32_t)s->feeds_n)) {
            free(f.slots);
            return error_nomem(err);
        }
        s->feeds[s->feeds_n++] = f;
    }
    return HEED_OK;
}

static void exposure_save(const struct exposure *x, struct sink *k)
{
    sink_u64(k, x->n);
    for (size_t i = 0; i < x->n; i++) {
        sink_u64(k, x->given[i]);
        sink_u64(k, x->popularity[i]);
        sink_u64(k, x->given_sum[i]);
        sink_u64(k, x->popularity_sum[i]);
    }
}

static enum heed_status exposure_load(struct exposure *x, size_t contents, struct source *k,
                                      struct heed_error *err)
{
    size_t n = source_count(k, contents);
    if (n == 0)
        return HEED_OK;
    x->cap = n;
    x->given = malloc(n * sizeof *x->given);
    x->popularity = malloc(n * sizeof *x->popularity);
    x->given_sum = malloc(n * sizeof *x->given_sum);
    x->popularity_sum = malloc(n * sizeof *x->popularity_sum);
    if (!x->given || !x->popularity || !x->given_sum || !x->popularity_sum)
        return error_nomem(err);
    for (; x->n < n; x->n++) {
        x->given[x->n] = source_u64(k);
        x->popularity[x->n] = source_u64(k);
        x->given_sum[x->n] = source_u64(k);
        x->popularity_sum[x->n] = source_u64(k);
    }
    return HEED_OK;
}

static void imports_save(const struct state *s, struct sink *k)
{
    sink_u64(k, s->imports_n);
    for (size_t i = 0; i < s->imports_n; i++) {
        const struct import_mark *m = &s->imports[i];
        sink_bytes(k, m->digest.b, sizeof m->digest.b);
        sink_u64(k, m->rows);
        sink_u64(k, m->applied);
        sink_u64(k, m->rejected);
        sink_u64(k, m->refused);
        sink_u64(k, m->duplicate);
        sink_u8(k, m->done);
    }
}

static enum heed_status imports_load(struct state *s, struct source *k, struct heed_error *err)
{
    size_t n = source_count(k, UINT32_MAX);
    for (size_t i = 0; i < n && !k->failed; i++) {
        struct import_mark m;
        source_bytes(k, m.digest.b, sizeof m.digest.b);
        m.rows = source_u64(k);
        m.applied = source_u64(k);
        m.rejected = source_u64(k);
        m.refused = source_u64(k);
        m.duplicate = source_u64(k);
        uint8_t done = source_u8(k);
        if (done > 1)
            k->failed = true;
        m.done = done == 1;
        if (!array_grow(&s->imports, &s->imports_cap, s->imports_n + 1, sizeof *s->imports))
            return error_nomem(err);
        s->imports[s->imports_n++] = m;
    }
    return HEED_OK;
}

/* Behind all else, and only where the rules ask for a welfare: what the world keeps for it, then
 * its term of every slot of the last feeds.                                                     */
static void fair_save(const struct state *s, struct sink *k)
{
    if (s->rules.allocation.fair.lambda_ppm == 0)
        return;
    welfare_save(&s->welfare, k);
    for (size_t i = 0; i < s->feeds_n; i++)
        for (uint32_t j = 0; j < s->feeds[i].n; j++) {
            sink_u32(k, (uint32_t)s->feeds[i].slots[j].value_ppm[REASON_WELFARE]);
            sink_u32(k, (uint32_t)s->feeds[i].slots[j].weight_ppm[REASON_WELFARE]);
        }
}

static enum heed_status fair_load(struct state *s, struct source *k, struct heed_error *err)
{
    if (s->rules.allocation.fair.lambda_ppm == 0)
        return HEED_OK;
    enum heed_status status =
        welfare_load(&s->welfare, s->catalogue.parties_n, s->consumption.settlements_n, k, err);
    for (size_t i = 0; status == HEED_OK && i < s->feeds_n; i++)
        for (uint32_t j = 0; j < s->feeds[i].n && !k->failed; j++) {
            int64_t value = source_u32(k), weight = source_u32(k);
            if (!slot_welfare_read(&s->feeds[i].slots[j], value, weight))
                k->failed = true;
        }
    return status;
}

static enum heed_status market_load(struct state *s, struct source *k, struct heed_error *err)
{
    struct market_currency known[CURRENCIES_MAX];
    return market_versions_load(&s->market, k, known, rules_currencies(&s->rules, known), err);
}

void state_save(const struct state *s, struct sink *k)
{
    sink_u32(k, STATE_VERSION);
    sink_str(k, (struct str){s->rules_yaml, s->rules_size});
    catalogue_save(&s->catalogue, k);
    ledger_save(&s->ledger, k);
    behaviour_save(&s->behaviour, k);
    quality_save(&s->quality, k);
    consumption_save(&s->consumption, k);
    shop_save(&s->shop, k);
    venues_save(&s->venues, k);
    auctions_save(&s->auctions, k);
    market_versions_save(&s->market, k);
    exposure_save(&s->exposure, k);
    versions_save(&s->models, k);
    feeds_save(s, k);
    imports_save(s, k);
    if (debts_kept(&s->rules.allocation))
        debts_save(&s->debts, k);
    fair_save(s, k);
}

enum heed_status state_load(struct state *s, struct source *k, struct heed_error *err)
{
    uint32_t version = source_u32(k);
    if (version != STATE_VERSION)
        return error_set(err, version > 0 && version < STATE_VERSION ? HEED_RANGE : HEED_INPUT,
                         "snapshot", "it is of another version");
    s->rules_yaml = source_str(k, RULES_MAX, &s->rules_size);
    if (!s->rules_yaml)
        return error_set(err, HEED_INPUT, "snapshot", "it is damaged");
    enum heed_status status =
        rules_parse_kept((struct str){s->rules_yaml, s->rules_size}, &s->rules, err);
    if (status == HEED_OK)
        status = catalogue_load(&s->catalogue, k, err);
    if (status == HEED_OK)
        status = ledger_load(&s->ledger, k, err);
    if (status == HEED_OK)
        status = behaviour_load(&s->behaviour, k, err);
    if (status == HEED_OK && !behaviour_within(&s->behaviour, &s->catalogue))
        status = error_set(err, HEED_INPUT, "snapshot", "acts name users or targets it lacks");
    if (status == HEED_OK)
        status = quality_load(&s->quality, k, err);
    if (status == HEED_OK)
        status = consumption_load(&s->consumption, k, err);
    if (status == HEED_OK)
        status = shop_load(&s->shop, k, err);
    if (status == HEED_OK)
        status = venues_load(&s->venues, &s->catalogue, &s->ledger, s->rules.currencies_n, k, err);
    if (status == HEED_OK)
        status = auctions_load(&s->auctions, k, err);
    if (status == HEED_OK)
        status = market_load(s, k, err);
    if (status == HEED_OK)
        status = exposure_load(&s->exposure, s->catalogue.contents_n, k, err);
    if (status == HEED_OK)
        status = versions_load(&s->models, &s->catalogue.content_ids, k, err);
    if (status == HEED_OK)
        status = feeds_load(s, k, err);
    if (status == HEED_OK)
        status = imports_load(s, k, err);
    if (status == HEED_OK && debts_kept(&s->rules.allocation))
        status = debts_load(&s->debts, s->catalogue.contents_n, k, err);
    if (status == HEED_OK)
        status = fair_load(s, k, err);
    if (status == HEED_OK)
        status = state_possible(s, err);
    if (status == HEED_OK && !source_end(k))
        status = error_set(err, HEED_INPUT, "snapshot", "it is damaged");
    return status;
}

static bool hash_write(void *context, const void *p, size_t n)
{
    sha256_update(context, p, n);
    return true;
}

enum heed_status world_hash(const struct world *w, struct sha256 *hash, struct heed_error *err)
{
    struct sha256_stream *stream = sha256_new();
    struct sink *k = malloc(sizeof *k);
    if (!stream || !k) {
        sha256_free(stream);
        free(k);
        return error_nomem(err);
    }
    sink_init(k, hash_write, stream);
    state_save(&w->state, k);
    bool ok = sink_flush(k);
    free(k);
    if (!ok) {
        sha256_free(stream);
        return error_nomem(err);
    }
    *hash = sha256_final(stream);
    return HEED_OK;
}

/* ── writing ── */

struct writer {
    struct store *store;
    struct sha256_stream *digest;
    ZSTD_CCtx *z;
    char *out;
    size_t out_n;
    uint64_t bytes;
    enum heed_status status;
    struct heed_error *err;
};

static bool part(struct writer *x)
{
    if (x->out_n == 0)
        return true;
    struct str bytes = {x->out, x->out_n};
    sha256_update(x->digest, bytes.p, bytes.n);
    x->bytes += bytes.n;
    x->out_n = 0;
    x->status = x->store->ops->snapshot_part(x->store, bytes, x->err);
    return x->status == HEED_OK;
}

static bool compress(struct writer *x, const void *p, size_t n, ZSTD_EndDirective mode)
{
    ZSTD_inBuffer in = {p, n, 0};
    for (;;) {
        ZSTD_outBuffer out = {x->out, PART, x->out_n};
        size_t left = ZSTD_compressStream2(x->z, &out, &in, mode);
        if (ZSTD_isError(left)) {
            x->status = error_nomem(x->err);
            return false;
        }
        x->out_n = out.pos;
        if (x->out_n == PART && !part(x))
            return false;
        if (in.pos == in.size && (mode == ZSTD_e_continue || left == 0))
            return true;
    }
}

static bool snapshot_sink(void *context, const void *p, size_t n)
{
    return compress(context, p, n, ZSTD_e_continue);
}

enum heed_status snapshot_write(struct world *w, struct heed_error *err)
{
    heed_assert(w->pending_n == 0 && w->batches > 0);
    struct writer x = {.store = w->store, .err = err, .status = HEED_OK};
    struct sink *k = malloc(sizeof *k);
    x.digest = sha256_new();
    x.z = ZSTD_createCCtx();
    x.out = malloc(PART);
    bool begun = false;
    if (!k || !x.digest || !x.z || !x.out) {
        x.status = error_nomem(err);
        goto done;
    }
    ZSTD_CCtx_setParameter(x.z, ZSTD_c_compressionLevel, LEVEL);
    x.status = w->store->ops->snapshot_begin(w->store, w->batches - 1, err);
    if (x.status != HEED_OK)
        goto done;
    begun = true;
    sink_init(k, snapshot_sink, &x);
    state_save(&w->state, k);
    if (!sink_flush(k) || !compress(&x, NULL, 0, ZSTD_e_end) || !part(&x)) {
        if (x.status == HEED_OK)
            x.status = error_nomem(err);
        goto done;
    }
    struct store_snapshot info = {w->batches - 1, w->commands, x.bytes, sha256_final(x.digest)};
    x.digest = NULL;
    x.status = w->store->ops->snapshot_commit(w->store, &info, err);
    begun = x.status != HEED_OK;
    if (x.status == HEED_OK) {
        w->snapshot_batch = info.batch;
        w->snapshot_bytes = info.bytes;
        w->journal_bytes_since = 0;
    }
done:
    if (begun)
        w->store->ops->snapshot_abort(w->store);
    sha256_free(x.digest);
    ZSTD_freeCCtx(x.z);
    free(x.out);
    free(k);
    return x.status;
}

/* ── reading: parts are gathered, checked against the digest, then decompressed as they load ── */

struct gathered {
    char *bytes;
    size_t n, cap, limit;
    struct sha256_stream *digest;
    ZSTD_DCtx *z;
    size_t at;
};

static enum heed_status gather(void *context, struct str bytes, struct heed_error *err)
{
    struct gathered *g = context;
    if (bytes.n > g->limit - g->n)
        return error_set(err, HEED_INPUT, "snapshot", "it is longer than it says");
    memcpy(g->bytes + g->n, bytes.p, bytes.n);
    g->n += bytes.n;
    sha256_update(g->digest, bytes.p, bytes.n);
    return HEED_OK;
}

static size_t decompress(void *context, void *p, size_t n)
{
    struct gathered *g = context;
    ZSTD_outBuffer out = {p, n, 0};
    while (out.pos < n) {
        ZSTD_inBuffer in = {g->bytes, g->n, g->at};
        size_t before = out.pos;
        size_t left = ZSTD_decompressStream(g->z, &out, &in);
        bool progress = in.pos != g->at || out.pos != before;
        g->at = in.pos;
        if (ZSTD_isError(left) || !progress)
            break;
    }
    return out.pos;
}

enum heed_status snapshot_load(struct store *store, const struct store_snapshot *info,
                               struct state *s, struct heed_error *err)
{
    struct gathered g = {.limit = (size_t)info->bytes};
    struct source *k = malloc(sizeof *k);
    enum heed_status status = HEED_OK;
    if (info->bytes > UINT64_C(1) << 34) {
        status = error_set(err, HEED_INPUT, "snapshot", "it is damaged");
        goto done;
    }
    g.bytes = malloc(g.limit + 1);
    g.digest = sha256_new();
    g.z = ZSTD_createDCtx();
    if (!k || !g.bytes || !g.digest || !g.z) {
        status = error_nomem(err);
        goto done;
    }
    status = store->ops->snapshot_read(store, info->batch, gather, &g, err);
    if (status != HEED_OK)
        goto done;
    struct sha256 digest = sha256_final(g.digest);
    g.digest = NULL;
    if (g.n != info->bytes || !sha256_eq(digest, info->digest)) {
        status = error_set(err, HEED_INPUT, "snapshot", "its checksum does not match");
        goto done;
    }
    source_init(k, decompress, &g);
    status = state_load(s, k, err);
done:
    sha256_free(g.digest);
    ZSTD_freeDCtx(g.z);
    free(g.bytes);
    free(k);
    return status;
}

/* Says which snapshots were passed over, newest first, and what is used instead.                 */
static void note_passed(struct world *w, const struct store_snapshot *list, size_t passed, size_t n,
                        const struct heed_error *why)
{
    char which[320];
    size_t at = 0;
    for (size_t i = 0; i < passed && at < sizeof which; i++)
        at += (size_t)snprintf(which + at, sizeof which - at, "%s%llu (%.100s)", i ? " and " : "",
                               (unsigned long long)list[i].batch, why[i].message);
    snprintf(w->note, sizeof w->note,
             "the snapshot%s after batch%s %s %s damaged and %s passed "
             "over; %s",
             passed > 1 ? "s" : "", passed > 1 ? "es" : "", which, passed > 1 ? "are" : "is",
             passed > 1 ? "were" : "was",
             passed < n ? "the one before is used" : "the whole journal is replayed");
}

enum heed_status snapshot_read(struct world *w, bool *found, struct heed_error *err)
{
    struct store_snapshot list[2];
    struct heed_error passed[2] = {0};
    size_t n = 2;
    *found = false;
    enum heed_status status = w->store->ops->snapshots(w->store, list, &n, err);
    if (status != HEED_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        struct heed_error why = {0};
        status = snapshot_load(w->store, &list[i], &w->state, &why);
        if (status == HEED_OK) {
            w->snapshot_batch = list[i].batch;
            w->snapshot_bytes = list[i].bytes;
            w->commands = list[i].commands;
            w->batches = list[i].batch + 1;
            *found = true;
            return HEED_OK;
        }
        state_deinit(&w->state);
        state_init(&w->state);
        if (status == HEED_RANGE) { /* whole, and of no more use: it will be replaced */
            if (w->note[0])
                note_passed(w, list, i, i, passed);
            break;
        }
        if (status != HEED_INPUT)
            return error_set(err, status, why.where, "%s", why.message);
        passed[i] = why;
        note_passed(w, list, i + 1, n, passed);
    }
    return HEED_OK;
}
