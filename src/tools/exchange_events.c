/* Events of an exchange as JSON, one a line. */
#include "tools/exchange_lines.h"

#include <inttypes.h>

static void put_text(struct strbuf *out, struct str s)
{
    (void)strbuf_putc(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            (void)strbuf_printf(out, "\\%c", c);
        else if (c < 0x20)
            (void)strbuf_printf(out, "\\u%04x", c);
        else
            (void)strbuf_putc(out, (char)c);
    }
    (void)strbuf_putc(out, '"');
}

static void put_id(struct strbuf *out, const char *key, const struct event_names *n, uint64_t lo)
{
    (void)strbuf_printf(out, ", \"%s\": ", key);
    put_text(out, intern_str(n->ids, (uint32_t)lo - 1));
}

static void put_number(struct strbuf *out, const char *key, int64_t v)
{
    (void)strbuf_printf(out, ", \"%s\": %" PRId64, key, v);
}

static void put_reason(struct strbuf *out, const char *reason)
{
    (void)strbuf_printf(out, ", \"reason\": \"%s\"", reason);
}

static const char *name_of(const struct exchange_event *e)
{
    switch ((enum exchange_event_kind)e->kind) {
    case EXCHANGE_TRADE:
        return "trade";
    case EXCHANGE_CANCELLED:
        return "cancelled";
    case EXCHANGE_EXPIRED:
        return "expired";
    default:
        return "accepted";
    }
}

static void put_trade(const struct exchange_event *e, const struct event_names *n,
                      struct strbuf *out)
{
    put_id(out, "maker", n, e->other_lo);
    put_id(out, "taker", n, e->id_lo);
    put_number(out, "price", e->price);
    put_number(out, "size", e->size);
    if (n->fees) {
        put_number(out, "maker_fee", e->other_fee);
        put_number(out, "taker_fee", e->fee);
    }
}

static void put_phase(const struct exchange_event *e, struct strbuf *out)
{
    (void)strbuf_printf(out, ", \"phase\": \"%s\"",
                        exchange_phase_name((enum exchange_phase)e->phase));
    if (e->size > 0) {
        put_number(out, "price", e->price);
        put_number(out, "size", e->size);
        put_number(out, "surplus", e->left);
    }
    put_reason(out, exchange_reason_name((enum exchange_reason)e->reason));
}

static void put_order(const struct exchange_event *e, const struct event_names *n,
                      struct strbuf *out)
{
    put_id(out, "id", n, e->id_lo);
    (void)strbuf_printf(out, ", \"side\": \"%s\"", e->side == EXCHANGE_BUY ? "buy" : "sell");
    bool limited = e->op == EXCHANGE_LIMIT || e->op == EXCHANGE_STOP_LIMIT;
    if (e->price > 0 && (limited || e->flags & (EXCHANGE_RESTS | EXCHANGE_WAS_SEEN)))
        put_number(out, "price", e->price);
    put_number(out, "size", e->size);
    if (e->kind == EXCHANGE_CANCELLED)
        put_number(out, "left", e->left);
    if (e->kind == EXCHANGE_REPLACED)
        put_reason(out, e->reason == EXCHANGE_KEPT ? "replaced_in_place" : "replaced");
    else if (e->kind == EXCHANGE_TRIGGERED)
        put_reason(out, "triggered");
    else if (e->kind == EXCHANGE_BOOKED)
        put_reason(out, "price_band");
    else if (e->reason != EXCHANGE_NO_REASON)
        put_reason(out, exchange_reason_name((enum exchange_reason)e->reason));
}

bool event_line(const struct exchange_event *e, const struct event_names *n, struct strbuf *out)
{
    if (e->kind == EXCHANGE_BOOKED && e->held == 0)
        return false; /* the rest of an order goes where it was to go */
    strbuf_clear(out);
    (void)strbuf_printf(out, "{\"event\": \"%s\"", name_of(e));
    if (e->kind == EXCHANGE_TRADE)
        put_trade(e, n, out);
    else if (e->kind == EXCHANGE_PHASE)
        put_phase(e, out);
    else
        put_order(e, n, out);
    if (n->times)
        put_number(out, "time", e->time_ms);
    return strbuf_putc(out, '}');
}

bool repeat_line(struct str id, struct strbuf *out)
{
    strbuf_clear(out);
    (void)strbuf_puts(out, "{\"event\": \"accepted\", \"id\": ");
    put_text(out, id);
    return strbuf_puts(out, ", \"reason\": \"repeated\"}");
}

bool reject_line(struct str id, const char *reason, const char *message, uint64_t line,
                 struct strbuf *out)
{
    strbuf_clear(out);
    (void)strbuf_puts(out, "{\"event\": \"rejected\"");
    if (id.p) {
        (void)strbuf_puts(out, ", \"id\": ");
        put_text(out, id);
    }
    put_reason(out, reason);
    put_number(out, "line", (int64_t)line);
    (void)strbuf_puts(out, ", \"message\": ");
    put_text(out, str_of(message));
    return strbuf_putc(out, '}');
}
