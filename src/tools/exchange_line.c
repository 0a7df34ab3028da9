/* One JSON line as a command of an exchange. */
#include "base/error.h"
#include "tools/exchange_lines.h"

#include <errno.h>
#include <stdlib.h>

/* ── what there is ── */

enum { OP_TURN = 100, OP_TIME, OP_ACCOUNT, OP_SETTINGS };

static const struct {
    const char *name;
    uint8_t op, to; /* to: phase of a turn */
    const char *needs;
} ops[] = {
    {"limit", EXCHANGE_LIMIT, 0, "id account side price size"},
    {"market", EXCHANGE_MARKET, 0, "id account side size"},
    {"stop", EXCHANGE_STOP, 0, "id account side stop size"},
    {"stop_limit", EXCHANGE_STOP_LIMIT, 0, "id account side stop price size"},
    {"cancel", EXCHANGE_CANCEL, 0, "id"},
    {"cancel_all", EXCHANGE_CANCEL_ALL, 0, ""},
    {"replace", EXCHANGE_REPLACE, 0, "id size"},
    {"auction_open", OP_TURN, EXCHANGE_CALL, ""},
    {"auction_close", OP_TURN, EXCHANGE_CONTINUOUS, ""},
    {"halt", OP_TURN, EXCHANGE_HALT, ""},
    {"resume", OP_TURN, EXCHANGE_CONTINUOUS, ""},
    {"open", OP_TURN, EXCHANGE_CONTINUOUS, ""},
    {"close", OP_TURN, EXCHANGE_CLOSED, ""},
    {"time", OP_TIME, 0, "time"},
    {"account", OP_ACCOUNT, 0, "id"},
    {"settings", OP_SETTINGS, 0, ""},
};
enum { OPS = sizeof ops / sizeof *ops };
#define OP_NAMES                                                                                   \
    "limit, market, stop, stop_limit, cancel, cancel_all, replace, auction_open, auction_close, "  \
    "halt, resume, open, close, time, account, settings"

static const char *const sides[] = {"buy", "sell", NULL};
static const char *const tifs[] = {"gtc", "gtt", "ioc", "fok", NULL};
static const char *const stps[] = {"none", "newest", "oldest", "both", "decrement", NULL};
static const char *const roundings[] = {"floor", "ceiling", "half_even", NULL};

static bool wrong(const struct json_member *m, struct heed_error *err, const char *what)
{
    error_set(err, HEED_INPUT, NULL, "\"%.*s\" %s", STR_ARG(m->key), what);
    return false;
}

/* ── values ── */

static bool take_integer(const struct json_member *m, int64_t *out, bool *too_large,
                         struct heed_error *err)
{
    char text[32], *end;
    size_t digits = 0;
    bool integer = m->type == JSON_T_NUMBER;
    for (size_t i = 0; integer && i < m->value.n; i++) {
        integer =
            (m->value.p[i] >= '0' && m->value.p[i] <= '9') || (i == 0 && m->value.p[i] == '-');
        digits += integer;
    }
    if (!integer || digits == 0)
        return wrong(m, err, "must be a whole number, in minor units and pieces");
    if (m->value.n >= sizeof text) {
        *too_large = true;
        return true;
    }
    memcpy(text, m->value.p, m->value.n);
    text[m->value.n] = '\0';
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno == ERANGE)
        *too_large = true;
    return true;
}

static bool take_name(const struct json_member *m, struct str *out, struct heed_error *err)
{
    if ((m->type != JSON_T_STRING && m->type != JSON_T_NUMBER) || m->value.n == 0 ||
        m->value.n > 64)
        return wrong(m, err, "must be a text of 1 to 64 bytes");
    *out = m->value;
    return true;
}

static bool take_choice(const struct json_member *m, const char *const *names, const char *list,
                        uint8_t *out, struct heed_error *err)
{
    for (size_t i = 0; m->type == JSON_T_STRING && names[i]; i++)
        if (str_is(m->value, names[i])) {
            *out = (uint8_t)i;
            return true;
        }
    return wrong(m, err, list);
}

static bool take_flag(const struct json_member *m, uint8_t *out, struct heed_error *err)
{
    *out = m->type == JSON_T_TRUE;
    return m->type == JSON_T_TRUE || m->type == JSON_T_FALSE ||
           wrong(m, err, "must be true or false");
}

/* ── settings ── */

static bool take_ticks(const struct json_member *m, struct exchange_settings *s,
                       struct heed_error *err)
{
    json_t *rows = m->type == JSON_T_RAW ? json_loadb(m->value.p, m->value.n, 0, NULL) : NULL;
    size_t n = json_is_array(rows) ? json_array_size(rows) : 0;
    bool ok = n > 0 && n <= EXCHANGE_TICKS;
    for (size_t i = 0; i < EXCHANGE_TICKS; i++) {
        const json_t *row = i < n ? json_array_get(rows, i) : NULL;
        s->ticks[i] = (struct exchange_tick){0};
        for (size_t k = 0; ok && row && k < 3; k++)
            ok = json_array_size(row) == 3 && json_is_integer(json_array_get(row, k));
        if (ok && row)
            s->ticks[i] = (struct exchange_tick){json_integer_value(json_array_get(row, 0)),
                                                 json_integer_value(json_array_get(row, 1)),
                                                 json_integer_value(json_array_get(row, 2))};
        ok = ok && (!row || s->ticks[i].tick > 0);
    }
    json_decref(rows);
    return ok ||
           wrong(m, err,
                 "must be 1 to 8 rows [from price, tick, lot], such as [[0,1,1],[1000,5,10]]");
}

static bool take_setting(const struct json_member *m, struct exchange_settings *s,
                         struct heed_error *err)
{
    const struct {
        const char *name;
        int32_t *narrow;
        uint32_t *plain;
        int64_t *large;
    } rows[] = {
        {"maker_ppm", &s->maker_ppm, NULL, NULL},
        {"taker_ppm", &s->taker_ppm, NULL, NULL},
        {"auction_ppm", &s->auction_ppm, NULL, NULL},
        {"protection_ppm", NULL, &s->protection_ppm, NULL},
        {"static_ppm", NULL, &s->static_ppm, NULL},
        {"dynamic_ppm", NULL, &s->dynamic_ppm, NULL},
        {"slices_max", NULL, &s->slices_max, NULL},
        {"rate_max", NULL, &s->rate_max, NULL},
        {"remember", NULL, &s->remember, NULL},
        {"limit_ms", NULL, NULL, &s->limit_ms},
        {"halt_ms", NULL, NULL, &s->halt_ms},
        {"call_ms", NULL, NULL, &s->call_ms},
        {"closing_ms", NULL, NULL, &s->closing_ms},
        {"open_ms", NULL, NULL, &s->open_ms},
        {"close_ms", NULL, NULL, &s->close_ms},
        {"position_max", NULL, NULL, &s->position_max},
        {"rate_ms", NULL, NULL, &s->rate_ms},
        {"tick", NULL, NULL, &s->ticks[0].tick},
        {"lot", NULL, NULL, &s->ticks[0].lot},
    };
    uint8_t choice = 0;
    if (str_is(m->key, "ticks"))
        return take_ticks(m, s, err);
    if (str_is(m->key, "rounding")) {
        bool ok = take_choice(m, roundings, "must be floor, ceiling or half_even", &choice, err);
        s->rounding = choice;
        return ok;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t v = 0;
        bool too_large = false;
        if (!str_is(m->key, rows[i].name))
            continue;
        if (!take_integer(m, &v, &too_large, err))
            return false;
        if (too_large ||
            (!rows[i].large && (v > INT32_MAX || v < (rows[i].narrow ? -INT32_MAX : 0))))
            return wrong(m, err, "is out of range");
        if (rows[i].narrow)
            *rows[i].narrow = (int32_t)v;
        else if (rows[i].plain)
            *rows[i].plain = (uint32_t)v;
        else
            *rows[i].large = v;
        return true;
    }
    return wrong(m, err, "is no setting; see docs/circulation.md");
}

/* ── the line ── */

static bool take_member(const struct json_member *m, struct line *l, struct heed_error *err)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {
        {"price", &l->order.price},
        {"size", &l->order.size},
        {"stop", &l->order.stop},
        {"display", &l->order.display},
        {"expires", &l->order.expires_ms},
        {"time", &l->time_ms},
        {"low", &l->turn.low},
        {"high", &l->turn.high},
        {"reference", &l->turn.reference},
        {"for_ms", &l->turn.for_ms},
        {"balance", &l->balance},
        {"items", &l->items},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (str_is(m->key, numbers[i].name))
            return take_integer(m, numbers[i].to, &l->too_large, err);
    if (str_is(m->key, "id"))
        return take_name(m, &l->id, err);
    if (str_is(m->key, "account"))
        return take_name(m, &l->account, err);
    if (str_is(m->key, "owner"))
        return take_name(m, &l->owner, err);
    if (str_is(m->key, "side")) {
        l->order.both_sides = 0;
        return take_choice(m, sides, "must be buy or sell", &l->order.side, err);
    }
    if (str_is(m->key, "tif"))
        return take_choice(m, tifs, "must be gtc, gtt, ioc or fok", &l->order.tif, err);
    if (str_is(m->key, "stp")) {
        struct json_member bare = *m; /* "cancel_newest" is "newest" */
        const size_t prefix = sizeof "cancel_" - 1;
        if (str_starts(m->value, "cancel_"))
            bare.value = (struct str){m->value.p + prefix, m->value.n - prefix};
        return take_choice(&bare, stps, "must be none, newest, oldest, both or decrement",
                           &l->order.stp, err);
    }
    if (str_is(m->key, "post_only"))
        return take_flag(m, &l->order.post_only, err);
    return wrong(
        m, err,
        "is no field; there are op, id, account, owner, side, price, size, stop, display, "
        "tif, expires, stp, post_only, time, low, high, reference, for_ms, balance, items");
}

static bool has(const struct jsonl_record *rec, struct str key)
{
    for (size_t i = 0; i < rec->n; i++)
        if (str_eq(rec->members[i].key, key))
            return true;
    return false;
}

static bool has_all(const struct jsonl_record *rec, const char *needs, struct str op,
                    struct heed_error *err)
{
    for (const char *p = needs; *p;) {
        size_t n = strcspn(p, " ");
        if (!has(rec, (struct str){p, n})) {
            error_set(err, HEED_INPUT, NULL, "\"%.*s\" needs \"%.*s\"", STR_ARG(op), (int)n, p);
            return false;
        }
        p += n + (p[n] == ' ');
    }
    return true;
}

static int op_of(const struct jsonl_record *rec, struct line *l, struct heed_error *err)
{
    for (size_t i = 0; i < rec->n; i++)
        if (str_is(rec->members[i].key, "op") && rec->members[i].type == JSON_T_STRING)
            l->op = rec->members[i].value;
        else if (str_is(rec->members[i].key, "id") && rec->members[i].type == JSON_T_STRING)
            l->id = rec->members[i].value; /* to be named, whatever else is wrong */
    for (int i = 0; l->op.p && i < OPS; i++)
        if (str_is(l->op, ops[i].name))
            return i;
    if (l->op.p)
        error_set(err, HEED_INPUT, NULL, "there is no op \"%.*s\"; there are " OP_NAMES,
                  STR_ARG(l->op));
    else
        error_set(err, HEED_INPUT, NULL, "it has no \"op\"; there are " OP_NAMES);
    return -1;
}

bool line_read(const struct jsonl_record *rec, struct exchange_settings *settings, struct line *l,
               struct heed_error *err)
{
    *l =
        (struct line){.time_ms = -1,
                      .balance = -1,
                      .items = -1,
                      .order = {.account = EXCHANGE_NONE, .owner = EXCHANGE_NONE, .both_sides = 1}};
    error_clear(err);
    int op = op_of(rec, l, err);
    if (op < 0)
        return false;
    l->kind = ops[op].op == OP_SETTINGS  ? LINE_SETTINGS
              : ops[op].op == OP_ACCOUNT ? LINE_ACCOUNT
              : ops[op].op == OP_TIME    ? LINE_TIME
              : ops[op].op == OP_TURN    ? LINE_TURN
                                         : LINE_ORDER;
    struct exchange_settings changed = *settings;
    for (size_t i = 0; i < rec->n; i++) {
        const struct json_member *m = &rec->members[i];
        if (str_is(m->key, "op"))
            continue;
        if (l->kind == LINE_SETTINGS && !str_is(m->key, "id") && !str_is(m->key, "time")
                ? !take_setting(m, &changed, err)
                : !take_member(m, l, err))
            return false;
    }
    if (!has_all(rec, ops[op].needs, l->op, err))
        return false;
    l->turn.to = ops[op].to;
    l->turn.uncross = str_is(l->op, "auction_close");
    if (l->kind == LINE_ORDER)
        l->order.op = ops[op].op;
    if (l->order.op != EXCHANGE_CANCEL_ALL)
        l->order.both_sides = 0;
    const char *bad = l->kind == LINE_SETTINGS ? exchange_settings_wrong(&changed) : NULL;
    if (bad) {
        error_set(err, HEED_INPUT, NULL, "%s", bad);
        return false;
    }
    *settings = changed;
    return true;
}
