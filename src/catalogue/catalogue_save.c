/* Serialised form, columns of varints, a handle as itself + 1 and HANDLE_NONE as 0:
 *
 *     symbols    n, then length and bytes of each
 *     parties    n, flags[n], role_bits[n], joined_at[n] (difference)
 *     goods      ids as symbols, then created_at[n] (difference), price[n] + 1, stock[n] + 1,
 * sales[n], seller[n], category[n], currency[n], listed[n] services   the same contents   ids,
 * created_at[n] (difference), creator[n], good[n], kind[n], category[n]          */
#include "base/error.h"
#include "base/varint.h"
#include "catalogue/catalogue.h"

enum { TEXT_MAX = 1 << 20 };

static void save_texts(const struct intern *t, struct sink *s)
{
    sink_varint(s, t->count);
    for (uint32_t i = 0; i < t->count; i++) {
        struct str text = intern_str(t, i);
        sink_varint(s, text.n);
        sink_bytes(s, text.p, text.n);
    }
}

static void save_handle(struct sink *s, uint32_t handle)
{
    sink_varint(s, (uint32_t)(handle + 1));
}

static void save_parties(const struct catalogue *c, struct sink *s)
{
    int64_t previous = 0;
    sink_varint(s, c->parties_n);
    for (size_t i = 0; i < c->parties_n; i++)
        sink_u8(s, c->parties[i].flags);
    for (size_t i = 0; i < c->parties_n; i++)
        sink_u8(s, c->parties[i].role_bits);
    for (size_t i = 0; i < c->parties_n; i++)
        sink_delta(s, &previous, c->parties[i].joined_at_ms);
}

static void save_goods(const struct good *g, size_t n, const struct intern *ids, struct sink *s)
{
    int64_t previous = 0;
    save_texts(ids, s);
    for (size_t i = 0; i < n; i++)
        sink_delta(s, &previous, g[i].created_at_ms);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, (uint64_t)g[i].price_minor + 1);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, (uint64_t)g[i].stock + 1);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, (uint64_t)g[i].sales);
    for (size_t i = 0; i < n; i++)
        save_handle(s, g[i].seller);
    for (size_t i = 0; i < n; i++)
        save_handle(s, g[i].category);
    for (size_t i = 0; i < n; i++)
        sink_varint(s, g[i].currency);
    for (size_t i = 0; i < n; i++)
        sink_u8(s, g[i].listed);
}

static void save_contents(const struct catalogue *c, struct sink *s)
{
    int64_t previous = 0;
    const struct content *x = c->contents;
    save_texts(&c->content_ids, s);
    for (size_t i = 0; i < c->contents_n; i++)
        sink_delta(s, &previous, x[i].created_at_ms);
    for (size_t i = 0; i < c->contents_n; i++)
        save_handle(s, x[i].creator);
    for (size_t i = 0; i < c->contents_n; i++)
        save_handle(s, x[i].good);
    for (size_t i = 0; i < c->contents_n; i++)
        save_handle(s, x[i].kind);
    for (size_t i = 0; i < c->contents_n; i++)
        save_handle(s, x[i].category);
}

void catalogue_save(const struct catalogue *c, struct sink *s)
{
    save_texts(&c->symbols, s);
    save_parties(c, s);
    save_goods(c->goods, c->goods_n, &c->good_ids, s);
    save_goods(c->services, c->services_n, &c->service_ids, s);
    save_contents(c, s);
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "catalogue", "the saved catalogue is damaged (%s)", what);
}

/* Reads n bytes into buf, growing it only as they arrive.                                       */
static bool load_bytes(struct strbuf *buf, struct source *s, size_t n)
{
    strbuf_clear(buf);
    while (n > 0 && !s->failed) {
        char part[4096];
        size_t some = n < sizeof part ? n : sizeof part;
        source_bytes(s, part, some);
        if (!s->failed && !strbuf_put(buf, part, some))
            return false;
        n -= some;
    }
    return true;
}

static enum heed_status load_texts(struct intern *t, struct source *s, size_t max,
                                   struct heed_error *err)
{
    struct strbuf buf;
    strbuf_init(&buf, TEXT_MAX + 1);
    enum heed_status status = HEED_OK;
    size_t n = source_varint(s, max);
    for (uint32_t i = 0; i < n && status == HEED_OK; i++) {
        if (!load_bytes(&buf, s, source_varint(s, TEXT_MAX))) {
            status = error_nomem(err);
            break;
        }
        struct str text = {buf.n > 0 ? buf.p : "", buf.n};
        if (s->failed)
            status = damaged(err, "a text");
        else if (intern_find(t, text) != INTERN_NONE)
            status = damaged(err, "one text twice");
        else if (intern_add(t, text) != i)
            status = error_nomem(err);
    }
    strbuf_deinit(&buf);
    return status == HEED_OK && s->failed ? damaged(err, "a count of texts") : status;
}

/* A handle below n, or HANDLE_NONE where it may be.                                             */
static uint32_t load_handle(struct source *s, size_t n, bool may_be_none)
{
    uint32_t handle = (uint32_t)source_varint(s, n) - 1;
    if (handle == HANDLE_NONE && !may_be_none)
        s->failed = true;
    return handle;
}

static uint8_t load_bits(struct source *s, uint8_t mask)
{
    uint8_t v = source_u8(s);
    if ((v & ~mask) != 0)
        s->failed = true;
    return v;
}

static enum heed_status load_parties(struct catalogue *c, struct source *s, struct heed_error *err)
{
    size_t n = source_varint(s, (uint64_t)TARGET_INDEX_MAX + 1);
    int64_t previous = 0;
    for (; c->parties_n < n && !s->failed; c->parties_n++) {
        if (!array_grow(&c->parties, &c->parties_cap, c->parties_n + 1, sizeof *c->parties))
            return error_nomem(err);
        uint8_t flags = load_bits(s, PARTY_USER | PARTY_ERASED);
        c->parties[c->parties_n] = (struct party){.flags = flags};
        c->users_n += (flags & PARTY_USER) != 0;
    }
    for (size_t i = 0; i < n && !s->failed; i++)
        c->parties[i].role_bits = source_u8(s);
    for (size_t i = 0; i < n && !s->failed; i++)
        c->parties[i].joined_at_ms = source_delta(s, &previous);
    return s->failed ? damaged(err, "parties") : HEED_OK;
}

static enum heed_status load_goods(const struct catalogue *c, struct good **rows, size_t *count,
                                   size_t *cap, struct intern *ids, struct source *s,
                                   struct heed_error *err)
{
    enum heed_status status = load_texts(ids, s, (uint64_t)TARGET_INDEX_MAX + 1, err);
    if (status != HEED_OK)
        return status;
    size_t n = ids->count;
    if (!array_grow(rows, cap, n, sizeof **rows))
        return error_nomem(err);
    struct good *g = *rows;
    int64_t previous = 0;
    for (size_t i = 0; i < n; i++)
        g[i] = (struct good){.created_at_ms = source_delta(s, &previous)};
    for (size_t i = 0; i < n; i++)
        g[i].price_minor = (int64_t)(source_varint(s, (uint64_t)INT64_MAX + 1) - 1);
    for (size_t i = 0; i < n; i++)
        g[i].stock = (int64_t)(source_varint(s, (uint64_t)INT64_MAX + 1) - 1);
    for (size_t i = 0; i < n; i++)
        g[i].sales = (int64_t)source_varint(s, INT64_MAX);
    for (size_t i = 0; i < n; i++)
        g[i].seller = load_handle(s, c->parties_n, true);
    for (size_t i = 0; i < n; i++)
        g[i].category = load_handle(s, c->symbols.count, true);
    for (size_t i = 0; i < n; i++)
        g[i].currency = (uint16_t)source_varint(s, UINT16_MAX);
    for (size_t i = 0; i < n; i++) {
        g[i].listed = load_bits(s, 1);
        if (g[i].listed && g[i].price_minor < 0)
            s->failed = true;
    }
    *count = n;
    return s->failed ? damaged(err, "goods or services") : HEED_OK;
}

static enum heed_status load_contents(struct catalogue *c, struct source *s, struct heed_error *err)
{
    enum heed_status status = load_texts(&c->content_ids, s, (uint64_t)TARGET_INDEX_MAX + 1, err);
    if (status != HEED_OK)
        return status;
    size_t n = c->content_ids.count;
    if (!array_grow(&c->contents, &c->contents_cap, n, sizeof *c->contents))
        return error_nomem(err);
    struct content *x = c->contents;
    int64_t previous = 0;
    for (size_t i = 0; i < n; i++)
        x[i] = (struct content){.created_at_ms = source_delta(s, &previous)};
    for (size_t i = 0; i < n; i++)
        x[i].creator = load_handle(s, c->parties_n, false);
    for (size_t i = 0; i < n; i++)
        x[i].good = load_handle(s, c->goods_n, true);
    for (size_t i = 0; i < n; i++)
        x[i].kind = load_handle(s, c->symbols.count, true);
    for (size_t i = 0; i < n; i++)
        x[i].category = load_handle(s, c->symbols.count, true);
    c->contents_n = n;
    return s->failed ? damaged(err, "contents") : HEED_OK;
}

enum heed_status catalogue_load(struct catalogue *c, struct source *s, struct heed_error *err)
{
    catalogue_init(c);
    enum heed_status status = load_texts(&c->symbols, s, UINT32_MAX - 2, err);
    if (status == HEED_OK)
        status = load_parties(c, s, err);
    if (status == HEED_OK)
        status = load_goods(c, &c->goods, &c->goods_n, &c->goods_cap, &c->good_ids, s, err);
    if (status == HEED_OK)
        status =
            load_goods(c, &c->services, &c->services_n, &c->services_cap, &c->service_ids, s, err);
    if (status == HEED_OK)
        status = load_contents(c, s, err);
    if (status != HEED_OK) {
        catalogue_deinit(c);
        catalogue_init(c);
    }
    return status;
}
