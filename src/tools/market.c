#include "tools/market.h"

#include "base/error.h"
#include "base/reader.h"
#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { RULES_MAX = 1 << 20 };

enum heed_status market_file(const char *path, struct strbuf *text, struct rules **out,
                             struct heed_error *err)
{
    static const char prefix[] = "preset:";
    enum heed_status status = HEED_OK;
    strbuf_init(text, RULES_MAX);
    *out = malloc(sizeof **out);
    if (!*out)
        return error_nomem(err);
    if (strncmp(path, prefix, sizeof prefix - 1) == 0) {
        struct str preset = rules_preset(path + sizeof prefix - 1);
        if (!preset.p)
            return error_set(err, HEED_USAGE, path, "there is no such preset; there are: %s",
                             rules_preset_names());
        if (!strbuf_put(text, preset.p, preset.n))
            return error_nomem(err);
    } else {
        status = reader_text(path, RULES_MAX, text, err);
    }
    return status == HEED_OK ? rules_parse((struct str){text->p, text->n}, path, *out, err)
                             : status;
}

struct market_trade market_plain_trade(enum market_kind kind, struct str class, int64_t unit_minor,
                                       int64_t quantity)
{
    const struct market_party person = {.roles = ROLE_MEMBER};
    struct market_trade t = {.kind = kind,
                             .class = class,
                             .item = 1,
                             .unit_minor = unit_minor,
                             .quantity = quantity,
                             .time_ms = TIME_MAX_MS,
                             .seller = person,
                             .buyer = person,
                             .creator = 2,
                             .affiliate = MARKET_NOBODY,
                             .seller_is_maker = true};
    t.buyer.party = 1;
    return t;
}

const char *market_end_text(const struct market_rules *r, struct market_end e, char buf[48])
{
    static const char *const names[] = {"nobody",    "seller", "buyer", "creator",
                                        "affiliate", "maker",  "taker"};
    if (e.kind != MARKET_ACCOUNT)
        return names[e.kind];
    snprintf(buf, 48, "account:%s", r->accounts[e.account].text);
    return buf;
}

char *market_span_text(int64_t ms, char buf[32])
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"d", DAY_MS}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};
    size_t i = 0;
    while (i < 4 && ms % units[i].ms != 0)
        i++;
    snprintf(buf, 32, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
    return buf;
}

static json_t *money(const struct market_rules *r, int64_t minor)
{
    char buf[32];
    return json_string(money_to_text((struct money){minor}, r->scale, buf));
}

static json_t *refused(const struct market_decision *d)
{
    json_t *why = json_pack("{s:s,s:s}", "code", refusal_code(d->refused), "message",
                            refusal_message(d->refused));
    if (why && d->rule &&
        (!tools_put(why, "rule", json_string(d->rule)) ||
         !tools_put(why, "line", json_integer((json_int_t)d->line)))) {
        json_decref(why);
        return NULL;
    }
    return why ? json_pack("{s:o}", "refused", why) : NULL;
}

static bool put_lines(const struct market_rules *r, const struct market_decision *d, json_t *list)
{
    char from[48], to[48];
    for (uint32_t i = 0; i < d->lines_n; i++) {
        const struct market_line *l = &d->lines[i];
        if (!tools_push(
                list, json_pack("{s:s,s:I,s:s,s:s,s:o}", "rule", l->rule, "line",
                                (json_int_t)l->line, "from", market_end_text(r, l->from, from),
                                "to", market_end_text(r, l->to, to), "amount", money(r, l->minor))))
            return false;
    }
    return true;
}

static bool put_holds(const struct market_decision *d, json_t *list)
{
    char span[32];
    for (int i = 0; i < MARKET_HELD; i++)
        if (d->held_ms[i] > 0 &&
            !tools_push(list,
                        json_pack("{s:s,s:s,s:s}", "what", market_held_name((enum market_held)i),
                                  "for", market_span_text(d->held_ms[i], span), "rule",
                                  d->held_by[i])))
            return false;
    return true;
}

json_t *market_decision_json(const struct market_rules *r, const struct market_decision *d)
{
    if (d->refused)
        return refused(d);
    json_t *lines = json_array(), *holds = json_array();
    bool ok = put_lines(r, d, lines) && put_holds(d, holds);
    json_t *reply = json_pack("{s:o,s:o,s:o,s:o,s:o}", "gross", money(r, d->gross_minor),
                              "buyer_pays", money(r, d->buyer_minor), "seller_gets",
                              money(r, d->seller_minor), "charges", lines, "holds", holds);
    if (ok)
        return reply;
    json_decref(reply);
    return NULL;
}

/* Appends what fits.                                                                            */
__attribute__((format(printf, 3, 4))) static void add(char *buf, size_t n, const char *format, ...)
{
    size_t at = strlen(buf);
    va_list args;
    va_start(args, format);
    if (at + 1 < n)
        vsnprintf(buf + at, n - at, format, args);
    va_end(args);
}

void market_decision_text(const struct market_rules *r, const struct market_decision *d, char *buf,
                          size_t n)
{
    char amount[32], span[32];
    *buf = 0;
    if (d->refused) {
        add(buf, n, "refused: %s", refusal_code(d->refused));
        if (d->rule)
            add(buf, n, " (%s)", d->rule);
        return;
    }
    for (uint32_t i = 0; i < d->lines_n; i++)
        add(buf, n, "%s%s %s", *buf ? ", " : "", d->lines[i].rule,
            money_to_text((struct money){d->lines[i].minor}, r->scale, amount));
    for (int i = 0; i < MARKET_HELD; i++)
        if (d->held_ms[i] > 0)
            add(buf, n, "%s%s held %s (%s)", *buf ? ", " : "",
                market_held_name((enum market_held)i), market_span_text(d->held_ms[i], span),
                d->held_by[i]);
    if (!*buf)
        add(buf, n, "nothing");
}
