/* Texts of auctions as the bytes of their calls: terms, commitments, what was revealed. */
#include "base/money.h"
#include "base/scalars.h"
#include "base/utf8.h"
#include "world/admit_parts.h"
#include "world/pack.h"
#include "world/units.h"

#include <stdio.h>

static enum heed_status bad(struct resolving *r, const char *name, const char *expected)
{
    struct str text = resolving_value(r, name);
    return error_set(r->err, HEED_USAGE, name, "'%.*s' is not %s", (int)utf8_cut(text, 80), text.p,
                     expected);
}

static enum heed_status span(struct resolving *r, const char *name, int64_t *ms)
{
    struct str text = resolving_value(r, name);
    if (text.n > 0 && (!span_from_text(text, ms) || *ms <= 0))
        return bad(r, name, "a span such as '5 min'");
    return HEED_OK;
}

static enum heed_status moment(struct resolving *r, const char *name, int64_t *ms)
{
    const struct arg_spec a = {.name = name, .type = ARG_TIME};
    struct str text = resolving_value(r, name);
    return text.n == 0 || admit_parse_number(&a, text, ms, r->err) ? HEED_OK : HEED_USAGE;
}

/* FROM:BY,... into the rest of the blob, behind how many. */
static enum heed_status increments(struct resolving *r, struct strbuf *b)
{
    enum { MOST = 2 * AUCTION_INCREMENTS_MAX };
    static const char expected[] = "steps by price such as 0:0.05,1:0.25,5:0.50; at most 16";
    struct str left = resolving_value(r, "increments");
    int64_t numbers[MOST];
    size_t n = 0;
    const struct good *g = catalogue_good(&r->w->state.catalogue, (uint32_t)r->call.i[0]);
    int scale = unit_scale(&r->w->state, g->currency);
    while (left.n > 0) {
        struct money m;
        size_t at = 0;
        while (at < left.n && left.p[at] != (n % 2 == 0 ? ':' : ','))
            at++;
        bool more = at < left.n;
        if (n == MOST || more == (n % 2 == 1 && at + 1 >= left.n) || (n % 2 == 0 && !more) ||
            money_from_text((struct str){left.p, at}, scale, &m) != MONEY_OK)
            return bad(r, "increments", expected);
        numbers[n++] = m.minor;
        at += more;
        left = (struct str){left.p + at, left.n - at};
    }
    if (n % 2 == 1)
        return bad(r, "increments", expected);
    bool ok = pack_u64(b, n / 2);
    for (size_t i = 0; i < n; i++)
        ok = ok && pack_i64(b, numbers[i]);
    return ok ? HEED_OK : error_nomem(r->err);
}

static enum heed_status pack_terms(struct resolving *r, struct strbuf *b)
{
    struct str rule = resolving_value(r, "price-rule");
    int64_t every = 0, extend = 0, latest = 0, reveal = 0, retract = 0;
    bool highest = str_is(rule, "highest_rejected");
    if (rule.n > 0 && !highest && !str_is(rule, "lowest_accepted"))
        return bad(r, "price-rule", "lowest_accepted or highest_rejected");
    enum heed_status status = span(r, "every", &every);
    if (status == HEED_OK)
        status = span(r, "extend", &extend);
    if (status == HEED_OK)
        status = moment(r, "latest", &latest);
    if (status == HEED_OK)
        status = moment(r, "reveal-until", &reveal);
    if (status == HEED_OK)
        status = moment(r, "retract-until", &retract);
    if (status != HEED_OK)
        return status;
    bool ok = pack_u64(b, highest) && pack_i64(b, every) && pack_i64(b, extend) &&
              pack_i64(b, latest) && pack_i64(b, reveal) && pack_i64(b, retract);
    return ok ? increments(r, b) : error_nomem(r->err);
}

/* 64 hexadecimal digits. */
static bool bytes32(struct str text, uint8_t out[32])
{
    if (text.n != 64)
        return false;
    for (size_t i = 0; i < 64; i++) {
        int c = text.p[i], digit = c >= '0' && c <= '9'   ? c - '0'
                                   : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                   : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                          : -1;
        if (digit < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | digit : digit << 4);
    }
    return true;
}

static enum heed_status pack_hash(struct resolving *r, struct strbuf *b)
{
    bool reveals = r->call.command == COMMAND_auction_reveal;
    const char *name = reveals ? "salt" : "hash";
    struct sha256 hash;
    char number[24];
    if (!bytes32(resolving_value(r, name), hash.b))
        return bad(r, name, "64 hexadecimal digits");
    if (reveals && r->call.i[2] != CALL_ABSENT) {
        snprintf(number, sizeof number, "%lld", (long long)r->call.i[0]);
        hash = auction_commitment(str_of(number), world_party_id(r->w, (uint32_t)r->call.i[1]),
                                  r->call.i[2], hash.b);
    }
    return strbuf_put(b, (const char *)hash.b, sizeof hash.b) ? HEED_OK : error_nomem(r->err);
}

enum heed_status admit_auction(struct resolving *r, struct outcome *o)
{
    struct strbuf b;
    strbuf_init(&b, 1024);
    enum heed_status status =
        r->call.command == COMMAND_auction_open ? pack_terms(r, &b) : pack_hash(r, &b);
    if (status == HEED_OK) {
        r->call.blob = (struct str){b.p, b.n};
        status = world_apply(r->w, &r->call, o, r->err);
    }
    strbuf_deinit(&b);
    return status;
}
