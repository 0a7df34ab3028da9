/* Random steps, made from the command table: every argument gets a value of its type, mostly one
 * that fits the small world the steps build, now and then one that no honest caller sends.
 *
 * One expression draws from the generator once: C leaves open which of two arguments is computed
 * first, and a seed must mean the same steps everywhere. */
#include "sim/simulate_parts.h"

#include "base/time.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ONE_OF(r, a) ((a)[prng_below(r, COUNT(a))])

enum {
    USERS = 30,
    MAKERS = 6, /* creators who are no users */
    CONTENTS = 60,
    GOODS = 16,
    SERVICES = 6,
    TRADED = 2,    /* goods with a market */
    FOUNDING = 48, /* steps that fill the world first */
    STEP_MS = 300000,
    AUCTION_STEPS = 70, /* to one that is opened, about */
};
static const int64_t start_ms = INT64_C(1767225600000); /* 2026-01-01 */

struct making {
    struct prng r;
    struct arena *arena;
    const struct command_spec *spec;
    uint64_t number;
    int64_t now_ms;
    bool pieces; /* of a good with a market are to be issued */
    bool failed;
};

static bool chance(struct making *m, uint64_t in)
{
    return prng_below(&m->r, in) == 0;
}

__attribute__((format(printf, 2, 3))) static const char *text(struct making *m, const char *format,
                                                              ...)
{
    char buf[160];
    va_list args;
    va_start(args, format);
    vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    const char *copy = arena_strdup(m->arena, str_of(buf));
    if (!copy)
        m->failed = true;
    return copy;
}

static const char *numbered(struct making *m, const char *prefix, uint64_t n)
{
    return text(m, "%s%u", prefix, (unsigned)prng_below(&m->r, n));
}

static const char *repeated(struct making *m, char letter, size_t n)
{
    char *s = arena_alloc(m->arena, n + 1);
    if (!s) {
        m->failed = true;
        return NULL;
    }
    memset(s, letter, n);
    return s;
}

/* ── what nobody should send ── */

static const char *hostile_text(struct making *m)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "\xff\xfe",
                                        "a\xc3",
                                        "\xed\xa0\x80",
                                        "line\nbreak",
                                        "tab\tt",
                                        "\x7f",
                                        "user:",
                                        "user:user:",
                                        "system:pool",
                                        "content:",
                                        ":",
                                        "nobody",
                                        "'; DROP",
                                        "../../x",
                                        "%s%n",
                                        "\xf0\x9f\x98\x80",
                                        "\xe4\xb8\xad\xe6\x96\x87",
                                        "\xc0\x80",
                                        "null",
                                        "user:nobody",
                                        "\xe2\x80\xae-abc"};
    switch (prng_below(&m->r, 6)) {
    case 0:
        return repeated(m, 'x', 64);
    case 1:
        return repeated(m, 'x', 65);
    case 2:
        return repeated(m, 'y', 5000);
    default:
        return ONE_OF(&m->r, texts);
    }
}

static const char *hostile_number(struct making *m)
{
    static const char *const numbers[] = {"0",
                                          "-1",
                                          "-0.01",
                                          "0.001",
                                          "92233720368547758.07",
                                          "92233720368547758.08",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "-9223372036854775808",
                                          "99999999999999999999999",
                                          "1e9",
                                          "NaN",
                                          "inf",
                                          "",
                                          " 5",
                                          "5 ",
                                          "0x10",
                                          "1,000",
                                          "4294967295",
                                          "4294967296",
                                          "1000000000",
                                          "1000000001",
                                          "-"};
    return ONE_OF(&m->r, numbers);
}

static const char *hostile_time(struct making *m)
{
    static const char *const times[] = {"1969-12-31T23:59:59Z",
                                        "-1",
                                        "0",
                                        "2106-01-01",
                                        "2026-02-30",
                                        "yesterday",
                                        "",
                                        "99999999999999999999",
                                        "2026-01-01T24:00:00Z",
                                        "1970-01-01T00:00:00Z",
                                        "1e10"};
    if (chance(m, 40)) /* once the world has seen it everything else is long ago */
        return "2105-12-31T23:59:59Z";
    return ONE_OF(&m->r, times);
}

static const char *hostile(struct making *m, enum arg_type type)
{
    switch (type) {
    case ARG_AMOUNT:
    case ARG_INT:
    case ARG_DECIMAL:
    case ARG_SCORE:
        return chance(m, 8) ? hostile_text(m) : hostile_number(m);
    case ARG_TIME:
        return hostile_time(m);
    default:
        return hostile_text(m);
    }
}

/* ── what fits ── */

static const char *user_id(struct making *m)
{
    static const char *const forms[] = {"u", "u", "u", "u",      "u",      "u",          "u",
                                        "u", "u", "u", "user:u", "user:u", "user:user:u"};
    const char *form = ONE_OF(&m->r, forms);
    return numbered(m, form, USERS);
}

static const char *target_id(struct making *m)
{
    switch (prng_below(&m->r, 12)) {
    case 0:
    case 1:
        return numbered(m, "good:g", GOODS);
    case 2:
        return numbered(m, "service:s", SERVICES);
    case 3:
        return numbered(m, "user:u", USERS);
    case 4:
        return numbered(m, "user:k", MAKERS);
    default:
        return numbered(m, "content:c", CONTENTS);
    }
}

static const char *good_id(struct making *m)
{
    bool ends = m->spec == command_spec(COMMAND_exchange_close); /* seldom those that trade */
    if (strcmp(m->spec->noun, "exchange") == 0 &&
        chance(m, 20) == ends) /* few, so that orders meet */
        return numbered(m, "g", TRADED);
    static const char *const forms[] = {"g", "g", "g", "good:g", "service:s", "s"};
    const char *form = ONE_OF(&m->r, forms);
    return numbered(m, form, chance(m, 4) ? GOODS : GOODS / 2);
}

static const char *new_id(struct making *m)
{
    if (strcmp(m->spec->noun, "user") == 0)
        return numbered(m, "u", USERS);
    if (strcmp(m->spec->noun, "content") == 0)
        return numbered(m, "c", CONTENTS);
    return strcmp(m->spec->noun, "good") == 0 ? numbered(m, "g", GOODS)
                                              : numbered(m, "s", SERVICES);
}

static const char *account_id(struct making *m)
{
    static const char *const system[] = {"system:issue", "system:retire", "system:pool",
                                         "system:shop"};
    if (chance(m, 10))
        return ONE_OF(&m->r, system);
    return chance(m, 10) ? numbered(m, "k", MAKERS) : user_id(m);
}

static const char *amount(struct making *m)
{
    if (m->pieces)
        return text(m, "%u", 1 + (unsigned)prng_below(&m->r, 40));
    if (strcmp(m->spec->noun, "exchange") == 0) /* prices that cross and can be paid */
        return text(m, "0.%02u", 10 + 5 * (unsigned)prng_below(&m->r, 10));
    uint64_t most = chance(m, 5) ? 1000 : 12;
    unsigned whole = (unsigned)prng_below(&m->r, most);
    unsigned part = (unsigned)prng_below(&m->r, 100);
    return chance(m, 3) ? text(m, "%u", whole) : text(m, "%u.%02u", whole, part);
}

static const char *integer(struct making *m, const struct arg_spec *arg)
{
    int64_t span =
        arg->max > 0 && (uint64_t)arg->max - (uint64_t)arg->min < 20 ? arg->max - arg->min : 20;
    if (strcmp(arg->name, "epoch") == 0)
        return text(m, "%lld", (long long)(m->now_ms / DAY_MS - (int64_t)prng_below(&m->r, 4)));
    if (strcmp(arg->name, "units") == 0)
        span = 2;
    if (strcmp(arg->name, "transfer") == 0)
        span = (int64_t)(m->number / 8 + 1);
    if (strcmp(arg->name, "size") == 0)
        return text(m, "%u", 1 + (unsigned)prng_below(&m->r, 6));
    if (strcmp(arg->name, "lot") == 0)
        return text(m, "%u", 1 + (unsigned)prng_below(&m->r, 2));
    if (strcmp(arg->name, "order") == 0)
        span = (int64_t)(m->number / 24 + 1);
    if (strcmp(arg->name, "for") == 0)
        return text(m, "%u", 1 + (unsigned)prng_below(&m->r, 8 * STEP_MS / 1000));
    if (strcmp(m->spec->verb, "open") == 0 && arg->max > 20)
        span = arg->max < 5000 ? arg->max : 5000;
    if (strcmp(arg->name, "auction") == 0) /* one of the newest */
        return text(m, "%lld",
                    (long long)(m->number / AUCTION_STEPS) - 8 + (long long)prng_below(&m->r, 10));
    if (strcmp(arg->name, "purchase") == 0) /* about as many as there may be */
        span = (int64_t)(m->number / 30 + 1);
    return text(m, "%lld", (long long)(arg->min + (int64_t)prng_below(&m->r, (uint64_t)span + 1)));
}

/* Within a day, as auctions last.                                                               */
static const char *later_text(struct making *m)
{
    return text(m, "%lld",
                (long long)((m->now_ms + (int64_t)prng_below(&m->r, DAY_MS)) / 1000 + 1));
}

static const char *time_text(struct making *m)
{
    char buf[32];
    int64_t days = chance(m, 10) ? 40 : 2;
    int64_t ms =
        m->now_ms + (int64_t)prng_below(&m->r, (uint64_t)(2 * days * DAY_MS)) - days * DAY_MS;
    return chance(m, 4) ? text(m, "%lld", (long long)(ms / 1000))
                        : text(m, "%s", time_to_text(ms, buf));
}

static const char *choice(struct making *m, const char *choices)
{
    uint64_t n = 1;
    for (const char *p = choices; *p; p++)
        n += *p == '|';
    const char *p = choices;
    for (uint64_t skip = prng_below(&m->r, n); skip > 0; skip--)
        p = strchr(p, '|') + 1;
    return text(m, "%.*s", (int)strcspn(p, "|"), p);
}

/* Few enough that one is published twice; long enough to be judged.                              */
static const char *prose(struct making *m)
{
    static const char *const texts[] = {
        "the quiet harbour keeps a lantern for every boat that crosses the bay at night",
        "the quiet harbour keeps a lantern for each boat that crosses the bay at night",
        "a patient teacher explains why the river bends before it meets the old bridge",
        "Sword",
        "nobody remembers who painted the wooden door but all of us paint it again in may",
        "安静的港口为每一条船留着灯笼，直到船都回到岸边"};
    return ONE_OF(&m->r, texts);
}

static const char *market_text(struct making *m)
{
    static const char *const texts[] = {
        "market: {}", "market: {price: paid}",
        "market: {charges: [{name: tax, from: seller, to: sink, rate: 0.05}]}",
        "market: {limits: [{name: few, units: 5, window: 1 h}]}",
        "market: {charges: [{name: tax}]}"};
    return ONE_OF(&m->r, texts);
}

static const char *auction_text(struct making *m, const char *name)
{
    static const char *const tables[] = {"0:0.05,1:0.25,5:0.5", "0:1", "0:1,5:2", "0:1,5"};
    static const char *const spans[] = {"5 min", "1 h", "90 s", "0 s", "soon"};
    static const char *const rules[] = {"lowest_accepted", "highest_rejected", "none"};
    if (strcmp(name, "increments") == 0)
        return ONE_OF(&m->r, tables);
    if (strcmp(name, "every") == 0 || strcmp(name, "extend") == 0)
        return ONE_OF(&m->r, spans);
    if (strcmp(name, "price-rule") == 0)
        return ONE_OF(&m->r, rules);
    if (strcmp(name, "hash") == 0 || strcmp(name, "salt") == 0)
        return repeated(m, '0', 64);
    return later_text(m);
}

static const char *fitting(struct making *m, const struct arg_spec *arg)
{
    static const char *const verbs[] = {"view",  "view",   "dwell",  "like",     "dislike",
                                        "share", "follow", "cart",   "purchase", "comment",
                                        "skip",  "report", "attend", "click"};
    static const char *const symbols[] = {"home", "search", "art", "night", "photo", "arms"};
    static const char *const currencies[] = {"gold", "gold", "gold", "gem"};
    static const char *const roles[] = {"member",  "member", "member",  "moderator", "operator",
                                        "creator", "client", "auditor", "economist"};
    switch (arg->type) {
    case ARG_NEW:
        return new_id(m);
    case ARG_USER:
        return user_id(m);
    case ARG_PARTY:
        return chance(m, 4) ? numbered(m, "k", MAKERS) : user_id(m);
    case ARG_ACCOUNT:
        return account_id(m);
    case ARG_TARGET:
        return target_id(m);
    case ARG_GOOD:
        return good_id(m);
    case ARG_VERB:
        return ONE_OF(&m->r, verbs);
    case ARG_SYMBOL:
        return ONE_OF(&m->r, symbols);
    case ARG_UNIT:
        if (m->pieces)
            return numbered(m, "good:g", TRADED);
        if (chance(m, 3))
            return numbered(m, chance(m, 6) ? "service:s" : "good:g",
                            chance(m, 3) ? GOODS : TRADED);
        return ONE_OF(&m->r, currencies);
    case ARG_CURRENCY:
        return ONE_OF(&m->r, currencies);
    case ARG_DATA:
        return text(m, "%x", (unsigned)prng_below(&m->r, 1000));
    case ARG_AMOUNT:
        return amount(m);
    case ARG_INT:
        return integer(m, arg);
    case ARG_DECIMAL:
        return text(m, "%.1f", (double)prng_below(&m->r, 2000) / 10);
    case ARG_SCORE:
        return text(m, "%u", 1 + (unsigned)prng_below(&m->r, 5));
    case ARG_TIME:
        return arg->flags & LATER ? later_text(m) : time_text(m);
    case ARG_ROLE:
        return ONE_OF(&m->r, roles);
    case ARG_CHOICE:
        return choice(m, arg->choices);
    case ARG_FLAG:
        return chance(m, 4) ? "0" : "1";
    case ARG_CODE:
        return numbered(m, "k", 6);
    case ARG_ID:
    case ARG_KEY:
        return numbered(m, "t", chance(m, 6) ? 20 : 100000);
    default:
        return strcmp(m->spec->noun, "auction") == 0 ? auction_text(m, arg->name)
               : strcmp(arg->name, "yaml") == 0      ? market_text(m)
                                                     : prose(m);
    }
}

/* ── steps ── */

static uint64_t weight_of(const struct command_spec *spec)
{
    static const struct {
        const char *noun, *verb;
        uint64_t weight;
    } weights[] = {{"user", "add", 8},         {"user", "erase", 1},      {"content", "add", 7},
                   {"good", "add", 4},         {"service", "add", 2},     {"event", "add", 20},
                   {"rating", "add", 10},      {"feed", "serve", 4},      {"settle", "", 2},
                   {"ledger", "transfer", 12}, {"ledger", "issue", 7},    {"ledger", "retire", 5},
                   {"ledger", "pending", 9},   {"ledger", "post", 5},     {"ledger", "void", 3},
                   {"shop", "list", 5},        {"shop", "buy", 16},       {"shop", "refund", 6},
                   {"shop", "resell", 5},      {"shop", "reserve", 4},    {"exchange", "open", 5},
                   {"exchange", "place", 30},  {"exchange", "cancel", 3}, {"exchange", "halt", 1},
                   {"exchange", "call", 1},    {"exchange", "resume", 4}, {"auction", "open", 5},
                   {"auction", "bid", 16},     {"auction", "commit", 5},  {"auction", "reveal", 5},
                   {"shop", "bundle", 6}};
    for (size_t i = 0; i < COUNT(weights); i++)
        if (strcmp(spec->noun, weights[i].noun) == 0 && strcmp(spec->verb, weights[i].verb) == 0)
            return weights[i].weight;
    return spec->kind == KIND_COMMAND || spec->kind == KIND_QUERY ? 2 : 0;
}

static const struct command_spec *any_command(struct making *m)
{
    uint64_t sum = 0;
    for (int i = 0; i < COMMAND_COUNT; i++)
        sum += weight_of(command_spec((enum command_id)i));
    uint64_t at = prng_below(&m->r, sum);
    for (int i = 0;; i++) {
        const struct command_spec *spec = command_spec((enum command_id)i);
        uint64_t weight = weight_of(spec);
        if (at < weight)
            return spec;
        at -= weight;
    }
}

static const struct command_spec *founding_command(uint64_t number)
{
    static const enum command_id first[] = {
        COMMAND_user_add, COMMAND_good_add,     COMMAND_user_add,     COMMAND_content_add,
        COMMAND_user_add, COMMAND_ledger_issue, COMMAND_exchange_open};
    return command_spec(first[number % COUNT(first)]);
}

static void put_arg(struct step *s, const char *name, const char *value)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->args[i].name, name) == 0) {
            s->args[i].value = value;
            return;
        }
    if (s->n < STEP_ARGS)
        s->args[s->n++] = (struct heed_arg){name, value};
}

/* Leaves out what does not belong to an auction of this kind.                                    */
static void fit_terms(struct step *s)
{
    static const char *const of_kind[AUCTION_FORMS] = {
        [AUCTION_ENGLISH] = " start step buy-now increments extend latest retract-until ",
        [AUCTION_DUTCH] = " start step every ",
        [AUCTION_SEALED_FIRST] = " deposit reveal-until ",
        [AUCTION_SEALED_VICKREY] = " deposit reveal-until ",
        [AUCTION_UNITS_UNIFORM] = " units retract-until price-rule ",
        [AUCTION_UNITS_PAY_AS_BID] = " units retract-until "};
    static const char always[] = " good user kind reserve opens closes id new ";
    const char *kind = step_arg(s, "kind");
    int form = AUCTION_ENGLISH;
    for (int i = 0; kind && i < AUCTION_FORMS; i++)
        if (strcmp(kind, auction_form_name((enum auction_form)i)) == 0)
            form = i;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        char name[40];
        snprintf(name, sizeof name, " %s ", s->args[i].name);
        bool both = strcmp(s->args[i].name, "step") == 0 && step_arg(s, "increments");
        if (!both && (strstr(always, name) || strstr(of_kind[form], name)))
            s->args[n++] = s->args[i];
    }
    s->n = n;
}

/* What was committed can be revealed: everybody has the same salt, and amounts are few.          */
static void fit_sealed(struct making *m, struct step *s)
{
    static const uint8_t salt[AUCTION_SALT] = {0};
    static const int64_t amounts[] = {1, 5, 100, 500};
    const char *auction = step_arg(s, "auction"), *user = step_arg(s, "user");
    int64_t amount = ONE_OF(&m->r, amounts);
    user = user ? user : s->context.actor;
    if (!auction || strlen(auction) > 20 || !user || strlen(user) > 64)
        return;
    if (m->spec == command_spec(COMMAND_auction_reveal)) {
        put_arg(s, "amount",
                amount < 100 ? text(m, "%.2f", (double)amount / 100)
                             : text(m, "%d", (int)(amount / 100)));
        return;
    }
    struct sha256 hash = auction_commitment(
        str_of(auction), str_of(strncmp(user, "user:", 5) == 0 ? user + 5 : user), amount, salt);
    char hex[65];
    put_arg(s, "hash", text(m, "%s", sha256_hex(hash, hex)));
}

static void fit_auction(struct making *m, struct step *s)
{
    if (m->spec == command_spec(COMMAND_auction_open))
        fit_terms(s);
    else if (m->spec == command_spec(COMMAND_auction_commit) ||
             m->spec == command_spec(COMMAND_auction_reveal))
        fit_sealed(m, s);
}

/* A kit of the shop's own and what it holds are few goods, so that they meet. */
static void fit_bundle(struct making *m, struct step *s)
{
    bool add = m->spec == command_spec(COMMAND_good_add);
    bool make = m->spec == command_spec(COMMAND_shop_bundle);
    bool buy = m->spec == command_spec(COMMAND_shop_buy);
    if (!(add || make || buy) || !chance(m, make ? 1 : 3))
        return;
    s->n = 0;
    s->context.actor = NULL;
    bool kit = !add || chance(m, 3);
    const char *id = kit ? "kit" : numbered(m, "part", 3);
    put_arg(s, add ? "id" : "good", id);
    if (add) {
        put_arg(s, "name", id);
        put_arg(s, "price", numbered(m, "0.0", 9));
        if (!kit && chance(m, 2))
            put_arg(s, "stock", numbered(m, "4", 9));
        return;
    }
    put_arg(s, "units", numbered(m, "", 4));
    if (make)
        put_arg(s, "part", numbered(m, "part", 3));
    if (buy)
        put_arg(s, "user", user_id(m));
    if (buy && chance(m, 3))
        put_arg(s, "id", numbered(m, "t", 20));
}

static void make_call(struct making *m, struct step *s)
{
    static const char *const likely[] = {"price", "amount", "until"};
    static const char *const seldom[] = {"currency",  "type",   "stop",    "tif",   "display",
                                         "post-only", "static", "dynamic", "opens", "closes",
                                         "tick",      "lot",    "maker"};
    bool exchange = strcmp(m->spec->noun, "exchange") == 0;
    m->pieces = strcmp(m->spec->verb, "issue") == 0 && chance(m, 2);
    uint64_t rare = chance(m, 3) ? 12 : 60; /* some calls are hostile through and through */
    if (chance(m, 4))
        s->context.actor = chance(m, 12) ? hostile_text(m) : user_id(m);
    uint64_t self = s->context.actor ? 30 : 97;
    for (size_t i = 0; i < m->spec->n && s->n < STEP_ARGS; i++) {
        const struct arg_spec *arg = &m->spec->args[i];
        bool made = arg->type == ARG_BLOB || arg->type == ARG_FACT;
        uint64_t want = arg->flags & SELF ? self : arg->flags & REQUIRED ? 98 : 35;
        for (size_t j = 0; j < COUNT(likely); j++)
            if (strcmp(arg->name, likely[j]) == 0)
                want = 90;
        for (size_t j = 0; exchange && j < COUNT(seldom); j++)
            if (strcmp(arg->name, seldom[j]) == 0)
                want = 3;
        if (m->pieces && arg->type == ARG_UNIT)
            want = 100;
        if (made || arg->type == ARG_FILE)
            want = 0;
        if (prng_below(&m->r, 100) >= want && !(made && chance(m, 400)))
            continue;
        s->args[s->n].name = arg->name;
        s->args[s->n].value = chance(m, rare) ? hostile(m, arg->type) : fitting(m, arg);
        s->n++;
    }
    if (!chance(m, 8))
        fit_auction(m, s);
    fit_bundle(m, s);
    if (s->n && s->n < STEP_ARGS && chance(m, 300)) /* twice, or one that is not there */
        s->args[s->n++] =
            chance(m, 2) ? s->args[0] : (struct heed_arg){"no-such-argument", hostile_text(m)};
    if (chance(m, 200)) {
        static const int64_t times[] = {-1, 0, INT64_MIN, INT64_MAX, TIME_MAX_MS + 1};
        s->context.time_ms = ONE_OF(&m->r, times);
    }
}

static void make_burst(struct making *m, struct step *s)
{
    const struct command_spec *spec = command_spec(COMMAND_event_add);
    const struct arg_spec *verb = &spec->args[command_arg(spec, STR("verb"))];
    s->events_n = 1 + prng_below(&m->r, STEP_EVENTS);
    for (size_t i = 0; i < s->events_n; i++) {
        static const double amounts[] = {0, 1, 1, 30, 95.5, 1e11, 1e13, -1};
        struct heed_event *e = &s->events[i];
        *e = (struct heed_event){.time_ms = m->now_ms - (int64_t)prng_below(&m->r, DAY_MS)};
        e->user = chance(m, 60) ? hostile_text(m) : user_id(m);
        e->verb = chance(m, 60) ? hostile_text(m) : fitting(m, verb);
        e->target = chance(m, 60) ? hostile_text(m) : target_id(m);
        e->surface = chance(m, 3) ? "home" : chance(m, 60) ? hostile_text(m) : NULL;
        e->via = chance(m, 5) ? "search" : NULL;
        e->id = chance(m, 4) ? numbered(m, "e", 200) : NULL;
        e->amount = ONE_OF(&m->r, amounts);
        if (chance(m, 100))
            e->time_ms = chance(m, 2) ? -1 : INT64_MAX;
    }
}

/* An id by pointer and length, so NUL and all else may be in it.                                 */
static void make_row(struct making *m, struct step *s)
{
    size_t n = prng_below(&m->r, 70);
    bool wild = chance(m, 2);
    char *p = arena_alloc(m->arena, n + 1);
    if (!p) {
        m->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        p[i] = wild && chance(m, 4) ? (char)prng_below(&m->r, 256)
                                    : (char)('!' + prng_below(&m->r, 94));
    s->id = (struct str){p, n};
}

static bool make_step(uint64_t seed, uint64_t number, struct arena *a, struct step *out)
{
    struct making m = {.arena = a, .number = number};
    prng_seed(&m.r, seed * UINT64_C(0x9e3779b97f4a7c15) + number);
    if (number >= FOUNDING &&
        chance(&m, 20)) { /* the very same as one shortly before, sent again */
        if (!make_step(seed, number - 1 - prng_below(&m.r, 30), a, out))
            return false;
        out->number = number;
        return true;
    }
    uint64_t turn = number % 4000000; /* the clock stays before 2105 and begins anew */
    m.now_ms = start_ms + (int64_t)turn * STEP_MS + (int64_t)prng_below(&m.r, 4 * STEP_MS);
    m.spec = number < FOUNDING ? founding_command(number) : any_command(&m);
    *out = (struct step){.number = number, .spec = m.spec, .context = {m.now_ms, NULL}};
    uint64_t kind = number < FOUNDING ? 9 : prng_below(&m.r, 40);
    if (kind < 3) {
        out->kind = STEP_BURST;
        make_burst(&m, out);
    } else if (kind == 3) {
        out->kind = STEP_ROW;
        make_row(&m, out);
    } else {
        make_call(&m, out);
    }
    return !m.failed;
}

bool step_make(uint64_t seed, struct chosen which, struct arena *a, struct step *out)
{
    if (!make_step(seed, which.number, a, out))
        return false;
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++)
        if (!(which.without >> i & 1))
            out->args[n++] = out->args[i];
    out->n = n;
    return true;
}

const char *step_arg(const struct step *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->args[i].name, name) == 0)
            return s->args[i].value;
    return NULL;
}

/* ── printing ── */

static void print_bytes(struct strbuf *b, struct str s)
{
    enum { SHOWN = 100 };
    strbuf_putc(b, '"');
    for (size_t i = 0; i < s.n && i < SHOWN; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            strbuf_printf(b, "\\x%02x", c);
        else
            strbuf_putc(b, (char)c);
    }
    strbuf_putc(b, '"');
    if (s.n > SHOWN)
        strbuf_printf(b, "... (%zu bytes)", s.n);
}

static void print_event(struct strbuf *b, const struct heed_event *e)
{
    const char *texts[] = {e->user, e->verb, e->target, e->surface, e->via, e->id};
    static const char *const names[] = {"", "", "", "surface=", "via=", "id="};
    strbuf_printf(b, "\n      %lld", (long long)e->time_ms);
    for (size_t i = 0; i < COUNT(texts); i++)
        if (texts[i]) {
            strbuf_printf(b, " %s", names[i]);
            print_bytes(b, str_of(texts[i]));
        }
    strbuf_printf(b, " %g", e->amount);
}

void step_print(const struct step *s, struct strbuf *b)
{
    strbuf_printf(b, "#%llu at %lld: ", (unsigned long long)s->number,
                  (long long)s->context.time_ms);
    if (s->kind == STEP_ROW) {
        strbuf_puts(b, "user row ");
        print_bytes(b, s->id);
        return;
    }
    if (s->kind == STEP_BURST) {
        strbuf_puts(b, "events");
        for (size_t i = 0; i < s->events_n; i++)
            print_event(b, &s->events[i]);
        return;
    }
    strbuf_printf(b, "%s%s%s", s->spec->noun, *s->spec->verb ? " " : "", s->spec->verb);
    for (size_t i = 0; i < s->n; i++) {
        strbuf_printf(b, " --%s ", s->args[i].name);
        print_bytes(b, str_of(s->args[i].value));
    }
    if (s->context.actor) {
        strbuf_puts(b, " --as ");
        print_bytes(b, str_of(s->context.actor));
    }
}
