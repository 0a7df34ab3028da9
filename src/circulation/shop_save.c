/* Serialised form, columns of varints:
 *
 *     n, time[n] (difference), units[n], price[n], fee[n], buyer[n],
 *     target[n] (index twice, + 1 for a service), seller[n] + 1 (0: the shop), currency[n],
 *     refunded[n]                                                                              */
#include "base/error.h"
#include "base/varint.h"
#include "circulation/items.h"
#include "circulation/shop.h"

void shop_save(const struct shop *s, struct sink *k)
{
    const struct purchase *p = s->purchases;
    size_t n = s->purchases_n;
    int64_t previous = 0;
    sink_varint(k, n);
    for (size_t i = 0; i < n; i++)
        sink_delta(k, &previous, p[i].time_ms);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint64_t)p[i].units);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint64_t)p[i].price_minor);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, (uint64_t)p[i].fee_minor);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, p[i].buyer);
    for (size_t i = 0; i < n; i++)
        sink_varint(k,
                    target_index(p[i].target) << 1 | (target_kind(p[i].target) == TARGET_SERVICE));
    for (size_t i = 0; i < n; i++)
        sink_varint(k, p[i].seller_holder == HOLDER_SHOP ? 0 : p[i].seller_holder + 1);
    for (size_t i = 0; i < n; i++)
        sink_varint(k, p[i].currency);
    for (size_t i = 0; i < n; i++)
        sink_u8(k, p[i].refunded);
}

/* ── loading ── */

static enum heed_status damaged(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_INPUT, "shop", "the saved shop is damaged (%s)", what);
}

static bool could_have_been(const struct purchase *p)
{
    return p->units > 0 && p->fee_minor <= p->price_minor && p->buyer != p->seller_holder &&
           p->refunded <= 1;
}

static enum heed_status load(struct shop *s, struct source *k, struct heed_error *err)
{
    size_t n = source_varint(k, LEDGER_NONE);
    int64_t previous = 0;
    for (; s->purchases_n < n && !k->failed; s->purchases_n++) {
        if (!array_grow(&s->purchases, &s->purchases_cap, s->purchases_n + 1, sizeof *s->purchases))
            return error_nomem(err);
        s->purchases[s->purchases_n] = (struct purchase){.time_ms = source_delta(k, &previous)};
    }
    struct purchase *p = s->purchases;
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].units = (int64_t)source_varint(k, INT64_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].price_minor = (int64_t)source_varint(k, INT64_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].fee_minor = (int64_t)source_varint(k, INT64_MAX);
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].buyer = (uint32_t)source_varint(k, TARGET_INDEX_MAX);
    for (size_t i = 0; i < n && !k->failed; i++) {
        uint32_t v = (uint32_t)source_varint(k, (uint64_t)TARGET_INDEX_MAX << 1 | 1);
        p[i].target = target_make(v & 1 ? TARGET_SERVICE : TARGET_GOOD, v >> 1);
    }
    for (size_t i = 0; i < n && !k->failed; i++) {
        uint32_t v = (uint32_t)source_varint(k, (uint64_t)TARGET_INDEX_MAX + 1);
        p[i].seller_holder = v == 0 ? HOLDER_SHOP : v - 1;
    }
    for (size_t i = 0; i < n && !k->failed; i++)
        p[i].currency = (uint16_t)source_varint(k, UINT16_MAX);
    for (size_t i = 0; i < n && !k->failed; i++) {
        p[i].refunded = source_u8(k);
        if (!could_have_been(&p[i]))
            return damaged(err, "a purchase that could not have been made");
    }
    return k->failed ? damaged(err, "purchases") : HEED_OK;
}

enum heed_status shop_load(struct shop *s, struct source *k, struct heed_error *err)
{
    shop_init(s);
    enum heed_status status = load(s, k, err);
    if (status != HEED_OK) {
        shop_deinit(s);
        shop_init(s);
    }
    return status;
}

enum heed_status shop_check(const struct shop *s, const struct catalogue *c, const struct ledger *l,
                            uint32_t currencies_n, struct heed_error *err)
{
    for (size_t i = 0; i < l->accounts_n; i++) {
        const struct account *a = &l->accounts[i];
        bool known = a->unit < UNITS_OF_MONEY ? a->unit < currencies_n
                                              : catalogue_good(c, unit_item(a->unit)) != NULL;
        if ((a->holder < HOLDER_SYSTEM && a->holder >= c->parties_n) || !known)
            return damaged(err, "an account of nobody or in no currency");
    }
    for (int service = 0; service < 2; service++) {
        const struct good *g = service ? c->services : c->goods;
        size_t n = service ? c->services_n : c->goods_n;
        for (size_t i = 0; i < n; i++)
            if (g[i].currency >= currencies_n)
                return damaged(err, "a good in no currency");
    }
    for (size_t i = 0; i < s->purchases_n; i++) {
        const struct purchase *p = &s->purchases[i];
        if (p->buyer >= c->parties_n || catalogue_good(c, p->target) == NULL ||
            (p->seller_holder != HOLDER_SHOP && p->seller_holder >= c->parties_n) ||
            p->currency >= currencies_n)
            return damaged(err, "a purchase by nobody or of nothing");
    }
    return HEED_OK;
}
