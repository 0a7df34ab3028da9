/* `heed exchange replay`: a market played from a file. */
#include "base/error.h"
#include "tools/exchange_lines.h"

static json_t *price_or_null(int64_t price)
{
    return price > 0 ? json_integer(price) : json_null();
}

static json_t *reply_of(const struct replay *r, double seconds)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "messages",
                     (json_int_t)r->messages, "trades", (json_int_t)r->trades, "executed",
                     (json_int_t)r->executed, "hidden_executed", (json_int_t)r->hidden, "rejected",
                     (json_int_t)r->rejected, "checked", (json_int_t)r->checked, "exact",
                     (json_int_t)r->exact, "seconds", tools_real(seconds), "best_bid",
                     price_or_null(r->best_bid), "best_ask", price_or_null(r->best_ask));
}

static enum heed_status understood(const struct tool_ask *ask, bool lobster, struct heed_error *err)
{
    if (!lobster && tools_arg(ask, "book"))
        return error_set(err, HEED_USAGE, "book", "it goes with --format lobster; leave it out");
    if (!lobster && tools_arg(ask, "match"))
        return error_set(err, HEED_USAGE, "match",
                         "it goes with --format lobster; JSON Lines are always matched");
    if (lobster && tools_arg(ask, "events"))
        return error_set(err, HEED_USAGE, "events",
                         "it goes with JSON Lines; leave out one of them");
    return HEED_OK;
}

enum heed_status tools_exchange(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    const char *format = tools_arg(ask, "format");
    bool lobster = format && strcmp(format, "lobster") == 0;
    struct replay sum = {0};
    struct tool_warnings warnings = {0};
    struct replay_ask how = {.tool = ask,
                             .path = tools_arg(ask, "file"),
                             .book = tools_arg(ask, "book"),
                             .match = tools_arg(ask, "match") != NULL,
                             .events = tools_arg(ask, "events") != NULL,
                             .warnings = &warnings};
    double begin = ask->clock_s ? ask->clock_s(ask->context) : 0;
    if (format && !lobster && strcmp(format, "jsonl") != 0)
        return error_set(err, HEED_USAGE, "format", "'%s' is not one of jsonl, lobster", format);
    enum heed_status status = understood(ask, lobster, err);
    if (status != HEED_OK)
        return status;
    if (how.events && !ask->line && !(how.list = json_array()))
        return error_nomem(err);
    status = lobster ? replay_lobster(&how, &sum, err) : replay_lines(&how, &sum, err);
    if (status == HEED_OK) {
        double end = ask->clock_s ? ask->clock_s(ask->context) : 0;
        *reply = reply_of(&sum, end - begin);
        if (*reply && how.list && !tools_put(*reply, "events", json_incref(how.list))) {
            json_decref(*reply);
            *reply = NULL;
        }
    }
    *reply = tools_warned(*reply, &warnings);
    json_decref(how.list);
    return status == HEED_OK && !*reply ? error_nomem(err) : status;
}
