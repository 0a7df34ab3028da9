/* What must hold of a world, whatever was sent to it. */
#include "sim/simulate_parts.h"

#include "circulation/items.h"
#include "world/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

void broken_set(struct broken *b, const char *kind, const char *format, ...)
{
    if (b->is)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(b->text, sizeof b->text, format, args);
    va_end(args);
    snprintf(b->kind, sizeof b->kind, "%s", kind);
    b->is = true;
}

/* ── money ── */

/* One unit's accounts, the first of which is `first`. */
static void check_unit(const struct ledger *l, size_t first, struct broken *b)
{
    uint32_t unit = l->accounts[first].unit;
    int64_t issued = 0, retired = 0, supply = 0, sum = 0, held = 0, coming = 0;
    for (size_t i = first; i < l->accounts_n; i++) {
        const struct account *a = &l->accounts[i];
        if (a->unit != unit)
            continue;
        int64_t balance = a->credits - a->debits;
        bool overflow = __builtin_add_overflow(sum, balance, &sum) ||
                        __builtin_add_overflow(held, a->debits_pending, &held) ||
                        __builtin_add_overflow(coming, a->credits_pending, &coming);
        if (a->holder == HOLDER_ISSUE) {
            issued = a->debits;
            overflow = overflow || a->credits != 0;
        } else if (a->holder == HOLDER_RETIRE) {
            retired = a->credits;
            overflow = overflow || a->debits != 0;
        } else {
            overflow = overflow || __builtin_add_overflow(supply, balance, &supply);
            if (a->flags & ACCOUNT_DEBITS_WITHIN_CREDITS &&
                balance - a->debits_pending < -a->credit_limit)
                broken_set(b, "money", "holder %u owes %lld of unit %u, %lld held", a->holder,
                           (long long)-balance, unit, (long long)a->debits_pending);
            if (a->flags & ACCOUNT_CREDITS_WITHIN_DEBITS && balance + a->credits_pending > 0)
                broken_set(b, "money", "holder %u got more of unit %u than was taken from him",
                           a->holder, unit);
        }
        if (a->debits_pending < 0 || a->credits_pending < 0)
            broken_set(b, "money", "holder %u holds less than nothing of unit %u", a->holder, unit);
        if (overflow)
            broken_set(b, "money", "the accounts of unit %u do not add up", unit);
    }
    if (sum != 0 || held != coming)
        broken_set(b, "money",
                   "the accounts of unit %u add up to %lld, not 0, or %lld is held for %lld", unit,
                   (long long)sum, (long long)held, (long long)coming);
    if (issued - retired != supply)
        broken_set(b, "money", "issued %lld less retired %lld is not the supply %lld of unit %u",
                   (long long)issued, (long long)retired, (long long)supply, unit);
    struct ledger_totals t = ledger_totals(l, unit);
    if (t.sum_minor != 0 || t.issued_minor != issued || t.retired_minor != retired ||
        t.supply_minor != supply || t.debits_pending_minor != held ||
        t.credits_pending_minor != held)
        broken_set(b, "money", "the totals told of unit %u are not those of its accounts", unit);
}

void check_money(const struct world *w, struct broken *b)
{
    const struct ledger *l = &w->state.ledger;
    for (size_t i = 0; i < l->accounts_n; i++) {
        size_t before = 0;
        while (l->accounts[before].unit != l->accounts[i].unit)
            before++;
        if (before == i)
            check_unit(l, i, b);
    }
}

/* What transfer t moves and what it holds, or lets go of, told again. */
static void effect_of(const struct ledger *l, const struct transfer *t, int64_t *moved,
                      int64_t *held)
{
    *moved = t->amount_minor;
    *held = 0;
    switch (transfer_kind_of(t)) {
    case TRANSFER_PENDING:
        *held = t->amount_minor;
        *moved = 0;
        break;
    case TRANSFER_POST:
        *held = -l->transfers[t->of].amount_minor;
        break;
    case TRANSFER_VOID:
    case TRANSFER_EXPIRE:
        *held = -l->transfers[t->of].amount_minor;
        *moved = 0;
        break;
    default:
        break;
    }
}

void check_transfers(const struct world *w, struct broken *b)
{
    const struct ledger *l = &w->state.ledger;
    struct account *sums = calloc(l->accounts_n + 1, sizeof *sums);
    uint8_t *ended = calloc(l->transfers_n + 1, 1);
    for (size_t i = 0; sums && ended && i < l->transfers_n; i++) {
        const struct transfer *t = &l->transfers[i];
        int64_t moved, held;
        if (t->debit >= l->accounts_n || t->credit >= l->accounts_n || t->amount_minor < 0 ||
            (t->of != LEDGER_NONE && (t->of >= i || ended[t->of]++))) {
            broken_set(b, "history",
                       "transfer %zu names no account, ends one twice, or is of less "
                       "than nothing",
                       i);
            continue;
        }
        effect_of(l, t, &moved, &held);
        sums[t->debit].debits += moved;
        sums[t->credit].credits += moved;
        sums[t->debit].debits_pending += held;
        sums[t->credit].credits_pending += held;
    }
    for (size_t i = 0; sums && ended && i < l->accounts_n; i++)
        if (sums[i].debits != l->accounts[i].debits || sums[i].credits != l->accounts[i].credits ||
            sums[i].debits_pending != l->accounts[i].debits_pending ||
            sums[i].credits_pending != l->accounts[i].credits_pending)
            broken_set(b, "history", "account %zu is not the sum of its transfers", i);
    free(ended);
    free(sums);
}

/* ── orders ── */

struct held {
    uint32_t party, unit, target;
    uint16_t currency;
    int64_t sum;
};

static bool add_held(void *context, const struct exchange_order *o)
{
    struct held *h = context;
    uint32_t unit = o->side == EXCHANGE_BUY ? h->currency : item_unit(h->target);
    h->sum += o->owner == h->party && unit == h->unit ? o->held : 0;
    return true;
}

/* Each orders account has what the open orders of its holder hold, told again order by order. */
void check_orders(const struct world *w, struct broken *b)
{
    const struct ledger *l = &w->state.ledger;
    const struct venues *v = &w->state.venues;
    for (size_t i = 0; i < v->n; i++) {
        const char *wrong = exchange_broken(v->list[i].x);
        if (!wrong && v->list[i].ended && exchange_orders(v->list[i].x) > 0)
            wrong = "a market that ended has orders";
        if (wrong)
            broken_set(b, "orders", "market %zu is broken: %s", i, wrong);
    }
    for (uint32_t a = 0; a < l->accounts_n; a++) {
        struct held h = {.party = l->accounts[a].holder, .unit = l->accounts[a].unit};
        if (l->accounts[a].purpose != PURPOSE_ORDERS)
            continue;
        for (size_t i = 0; i < v->n; i++) {
            h.target = v->list[i].target;
            h.currency = v->list[i].currency;
            exchange_each(v->list[i].x, add_held, &h);
        }
        if (h.sum != ledger_balance(l, a))
            broken_set(b, "orders", "holder %u has %lld of unit %u for orders that hold %lld",
                       h.party, (long long)ledger_balance(l, a), h.unit, (long long)h.sum);
    }
}

/* ── goods ── */

static const struct good *goods_of(const struct world *w, int service, size_t *n)
{
    const struct catalogue *c = &w->state.catalogue;
    *n = service ? c->services_n : c->goods_n;
    return service ? c->services : c->goods;
}

void twin_deinit(struct twin *t)
{
    for (int service = 0; service < 2; service++) {
        free(t->stock[service]);
        free(t->sales[service]);
    }
    for (size_t i = 0; i < t->gone_n; i++)
        free(t->gone[i]);
    free(t->gone);
    free(t->refunded);
    *t = (struct twin){0};
}

/* Pieces of a good's own stock that stand in reservations. */
static int64_t put_aside(const struct world *w, uint32_t target)
{
    const struct shop *shop = &w->state.shop;
    int64_t units = 0;
    for (size_t i = 0; i < shop->reservations_n; i++) {
        const struct reservation *r = &shop->reservations[i];
        if (r->target == target && r->offer == SHOP_NONE &&
            w->state.ledger.transfers[r->transfer].state == STATE_STANDS)
            units += r->units;
    }
    return units;
}

/* Room for all goods and purchases there are; those that are new start as the world has them.    */
static bool twin_grow(struct twin *t, const struct world *w)
{
    for (int service = 0; service < 2; service++) {
        size_t n;
        const struct good *goods = goods_of(w, service, &n);
        if (!array_grow(&t->stock[service], &t->cap[service][0], n, sizeof **t->stock) ||
            !array_grow(&t->sales[service], &t->cap[service][1], n, sizeof **t->sales))
            return false;
        for (; t->n[service] < n; t->n[service]++) {
            uint32_t target =
                target_make(service ? TARGET_SERVICE : TARGET_GOOD, (uint32_t)t->n[service]);
            int64_t stock = goods[t->n[service]].stock;
            t->stock[service][t->n[service]] = stock < 0 ? -1 : stock + put_aside(w, target);
            t->sales[service][t->n[service]] = goods[t->n[service]].sales;
        }
    }
    const struct shop *shop = &w->state.shop;
    if (!array_grow(&t->refunded, &t->refunded_cap, shop->purchases_n, sizeof *t->refunded))
        return false;
    for (; t->refunded_n < shop->purchases_n; t->refunded_n++)
        t->refunded[t->refunded_n] = shop->purchases[t->refunded_n].refunded_units;
    return true;
}

bool twin_sync(struct twin *t, const struct world *w)
{
    t->n[0] = t->n[1] = t->refunded_n = 0;
    return twin_grow(t, w);
}

/* A number of a step that was accepted, as the world reads it. */
static int64_t given(const struct step *s, const char *name, int64_t otherwise)
{
    const char *value = step_arg(s, name);
    return value ? strtoll(value, NULL, 10) : otherwise;
}

static bool flagged(const struct step *s, const char *name)
{
    const char *value = step_arg(s, name);
    return value && strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

static void learn_add(struct twin *t, const struct step *s, const json_t *reply, int service,
                      const struct world *w)
{
    const char *name = json_string_value(json_object_get(reply, service ? "service" : "good"));
    uint32_t target = name ? world_find_target(w, str_of(name)) : 0;
    if (target && target_index(target) < t->n[service]) {
        t->stock[service][target_index(target)] = given(s, "stock", -1);
        t->sales[service][target_index(target)] = given(s, "sales", 0);
    }
}

static void learn_list(struct twin *t, const struct step *s, const json_t *reply,
                       const struct world *w)
{
    const char *name = json_string_value(json_object_get(reply, "good"));
    uint32_t target = name ? world_find_target(w, str_of(name)) : 0;
    int service = target_kind(target) == TARGET_SERVICE;
    if (!target || target_index(target) >= t->n[service])
        return;
    int64_t *stock = &t->stock[service][target_index(target)];
    const char *stocked = step_arg(s, "stock");
    if (flagged(s, "unlimited"))
        *stock = -1;
    else if (stocked)
        *stock = given(s, "stock", 0) + put_aside(w, target);
}

static void learn_units(struct twin *t, uint32_t target, int64_t units)
{
    int service = target_kind(target) == TARGET_SERVICE;
    int64_t *stock = &t->stock[service][target_index(target)];
    if (*stock >= 0)
        *stock -= units;
    t->sales[service][target_index(target)] += units;
}

static void learn_refund(struct twin *t, const struct purchase *p, int64_t *refunded, int64_t units,
                         struct broken *b)
{
    units = units ? units : p->units - *refunded;
    *refunded += units;
    if (units <= 0 || *refunded > p->units || *refunded != p->refunded_units)
        broken_set(b, "stock", "%lld of %lld units were refunded", (long long)*refunded,
                   (long long)p->units);
    if (p->offer == SHOP_NONE)
        learn_units(t, p->target, -units);
}

/* Of a bundle every part went out, or came back, together with it. */
static void learn_bought(struct twin *t, const struct world *w, uint32_t number)
{
    const struct shop *shop = &w->state.shop;
    const struct purchase *p = &shop->purchases[number];
    if (p->bundle != SHOP_NONE)
        learn_units(t, p->bundle, p->bundle_units);
    for (uint32_t i = shop_bundle_first(shop, number); i < shop_bundle_end(shop, number); i++)
        learn_units(t, shop->purchases[i].target, shop->purchases[i].units);
}

static void learn_refunds(struct twin *t, const struct world *w, uint32_t number, int64_t units,
                          struct broken *b)
{
    const struct shop *shop = &w->state.shop;
    const struct purchase *p = &shop->purchases[number];
    if (p->bundle != SHOP_NONE)
        learn_units(t, p->bundle, -p->bundle_units);
    for (uint32_t i = shop_bundle_first(shop, number); i < shop_bundle_end(shop, number); i++)
        learn_refund(t, &shop->purchases[i], &t->refunded[i], units, b);
}

static bool learn_erase(struct twin *t, const struct step *s)
{
    const char *id = step_arg(s, "user");
    if (!id)
        return true;
    if (!array_grow(&t->gone, &t->gone_cap, t->gone_n + 1, sizeof *t->gone))
        return false;
    char *copy = strdup(strncmp(id, "user:", 5) == 0 ? id + 5 : id);
    if (!copy)
        return false;
    for (size_t i = 0; i < t->gone_n; i++)
        if (strcmp(t->gone[i], copy) == 0) {
            free(copy);
            return true;
        }
    t->gone[t->gone_n++] = copy;
    return true;
}

bool twin_learn(struct twin *t, const struct world *w, const struct step *s, const json_t *reply,
                struct broken *b)
{
    if (!twin_grow(t, w))
        return false;
    if (s->kind != STEP_CALL || s->spec->kind != KIND_COMMAND)
        return true;
    int command = command_find(str_of(s->spec->noun), str_of(s->spec->verb));
    bool repeated = json_is_true(json_object_get(reply, "repeated"));
    int64_t number = json_integer_value(json_object_get(reply, "purchase"));
    bool bought = command == COMMAND_shop_buy || command == COMMAND_shop_refund;
    if (bought && (number < 0 || (size_t)number >= w->state.shop.purchases_n)) {
        broken_set(b, "stock", "a purchase was acknowledged that is not there");
        return true;
    }
    const struct purchase *p = bought ? &w->state.shop.purchases[number] : NULL;
    switch (command) {
    case COMMAND_good_add:
    case COMMAND_service_add:
        learn_add(t, s, reply, command == COMMAND_service_add, w);
        break;
    case COMMAND_shop_list:
        learn_list(t, s, reply, w);
        break;
    case COMMAND_shop_buy:
        if (!repeated && p->offer == SHOP_NONE)
            learn_bought(t, w, (uint32_t)number);
        break;
    case COMMAND_shop_refund:
        if (!repeated)
            learn_refunds(t, w, (uint32_t)number, given(s, "units", 0), b);
        break;
    case COMMAND_user_erase:
        return learn_erase(t, s);
    default:
        break;
    }
    return true;
}

void check_goods(const struct world *w, const struct twin *t, struct broken *b)
{
    for (int service = 0; service < 2; service++) {
        size_t n;
        const struct good *goods = goods_of(w, service, &n);
        for (size_t i = 0; i < n && i < t->n[service]; i++) {
            if (goods[i].stock < -1)
                broken_set(b, "stock", "%s %zu has %lld units", service ? "service" : "good", i,
                           (long long)goods[i].stock);
            uint32_t target = target_make(service ? TARGET_SERVICE : TARGET_GOOD, (uint32_t)i);
            int64_t stock = goods[i].stock < 0 ? -1 : goods[i].stock + put_aside(w, target);
            if (stock != t->stock[service][i] || goods[i].sales != t->sales[service][i])
                broken_set(b, "stock", "%s %zu has %lld units and %lld sales, not %lld and %lld",
                           service ? "service" : "good", i, (long long)goods[i].stock,
                           (long long)goods[i].sales, (long long)t->stock[service][i],
                           (long long)t->sales[service][i]);
        }
    }
}

/* ── auctions ── */

/* What the accounts for bids must hold, told again auction by auction. */
static int64_t needed(const struct world *w, uint32_t holder, uint32_t unit)
{
    const struct auctions *s = &w->state.auctions;
    int64_t sum = 0;
    for (size_t i = 0; i < s->lots_n; i++) {
        const struct lot *x = &s->lots[i];
        const struct auction *a = &x->auction;
        if (a->state != AUCTION_OPEN)
            continue;
        if (unit == item_unit(x->target) && holder == a->terms.seller)
            sum += a->terms.units;
        for (uint32_t j = 0; unit == x->currency && j < a->bids_n; j++)
            if (a->bids[j].bidder == holder)
                sum += auction_need(a, j, a->now_ms);
    }
    return sum;
}

void check_auctions(const struct world *w, struct broken *b)
{
    const struct ledger *l = &w->state.ledger;
    const struct auctions *s = &w->state.auctions;
    struct auctions_need *needs = NULL;
    size_t n = 0;
    for (uint32_t i = 0; i < l->accounts_n; i++) {
        const struct account *a = &l->accounts[i];
        if (a->purpose != PURPOSE_BIDS)
            continue;
        int64_t need = needed(w, a->holder, a->unit);
        if (ledger_balance(l, i) != need || a->debits_pending || a->credits_pending)
            broken_set(b, "auctions", "holder %u holds %lld of unit %u for bids, not %lld",
                       a->holder, (long long)ledger_balance(l, i), a->unit, (long long)need);
    }
    if (auctions_needs(s, &needs, &n) != HEED_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (ledger_find_for(l, needs[i].holder, needs[i].unit, PURPOSE_BIDS) == LEDGER_NONE)
            broken_set(b, "auctions", "nothing is held for a bid or a sale of holder %u",
                       needs[i].holder);
    free(needs);
}

/* ── rewards ── */

void check_rewards(const struct world *w, struct broken *b)
{
    const struct consumption *c = &w->state.consumption;
    int64_t told = 0, paid = 0, moved = 0;
    for (size_t i = 0; i < c->settlements_n; i++) {
        const struct settlement *s = &c->settlements[i];
        told += s->paid_minor;
        if (s->paid_minor < 0 || s->paid_minor > s->pool_minor ||
            s->pool_minor > w->state.rules.consumption.pool_minor)
            broken_set(b, "rewards", "epoch %lld paid %lld of %lld", (long long)s->epoch,
                       (long long)s->paid_minor, (long long)s->pool_minor);
    }
    for (size_t i = 0; i < c->payouts_n; i++)
        paid += c->payouts[i].amount_minor;
    const struct ledger *l = &w->state.ledger;
    for (size_t i = 0; i < l->transfers_n; i++)
        if (l->transfers[i].code == CODE_REWARD_CREATOR || l->transfers[i].code == CODE_REWARD_USER)
            moved += l->transfers[i].amount_minor;
    if (told != paid || paid != moved)
        broken_set(b, "rewards", "settlements say %lld, payouts %lld, the ledger %lld",
                   (long long)told, (long long)paid, (long long)moved);
}

/* ── people ── */

/* Everyone who is not erased is found under his id, and the erased have none. */
void check_people(const struct world *w, struct broken *b)
{
    const struct catalogue *c = &w->state.catalogue;
    for (uint32_t i = 0; i < c->parties_n; i++) {
        struct str id = world_party_id(w, i);
        char text[96];
        if (c->parties[i].flags & PARTY_ERASED) {
            if (id.n)
                broken_set(b, "people", "party %u is erased and has an id", i);
            continue;
        }
        snprintf(text, sizeof text, "user:%.*s", STR_ARG(id));
        if (!admit_id_ok(id) || str_starts(id, "user:"))
            broken_set(b, "people", "party %u has an id that no one may have", i);
        else if (world_find_target(w, str_of(text)) != target_make(TARGET_USER, i))
            broken_set(b, "people", "party %u is not found under its id", i);
    }
}

static const char *names_gone(const struct world *w, const struct twin *t, const char *text)
{
    if (strncmp(text, "user:", 5) == 0)
        text += 5;
    for (size_t i = 0; i < t->gone_n; i++)
        if (strcmp(t->gone[i], text) == 0 &&
            world_find_party(w, str_of(text)) == HANDLE_NONE) /* no newcomer has the id */
            return t->gone[i];
    return NULL;
}

static const char *find_gone(const struct world *w, const struct twin *t, const json_t *value)
{
    const char *key, *found = NULL;
    json_t *member;
    size_t i;
    if (json_is_string(value))
        return names_gone(w, t, json_string_value(value));
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            if ((found = names_gone(w, t, key)) || (found = find_gone(w, t, member)))
                return found;
        }
    }
    json_array_foreach(value, i, member)
    {
        if ((found = find_gone(w, t, member)))
            return found;
    }
    return NULL;
}

void check_gone(const struct world *w, const struct twin *t, const json_t *reply,
                const struct step *s, struct broken *b)
{
    if (t->gone_n == 0 || !reply)
        return;
    const char *id = find_gone(w, t, reply);
    if (id)
        broken_set(b, "erased", "%s %s names %s, who was erased", s->spec->noun, s->spec->verb, id);
}

/* ── the state as bytes ── */

struct ends {
    struct sink sink;
    struct source source;
};

enum heed_status check_saved(const struct world *w, struct broken *b, struct heed_error *err)
{
    struct strbuf bytes;
    struct ends *e = malloc(sizeof *e);
    struct world *back = calloc(1, sizeof *back);
    strbuf_init(&bytes, SIZE_MAX);
    enum heed_status status = e && back ? HEED_OK : error_nomem(err);
    if (status == HEED_OK) {
        sink_init(&e->sink, strbuf_write, &bytes);
        state_save(&w->state, &e->sink);
        if (!sink_flush(&e->sink))
            status = error_nomem(err);
    }
    if (status == HEED_OK) {
        struct memory_reader from = {(const uint8_t *)bytes.p, bytes.n};
        struct heed_error why = {0};
        struct sha256 live, loaded;
        source_init(&e->source, memory_read, &from);
        state_init(&back->state);
        enum heed_status read = state_load(&back->state, &e->source, &why);
        if (read == HEED_NOMEM)
            status = error_nomem(err);
        else if (read != HEED_OK)
            broken_set(b, "saved", "the state saved does not load: %s: %s", why.where, why.message);
        else if (world_hash(w, &live, err) != HEED_OK || world_hash(back, &loaded, err) != HEED_OK)
            status = HEED_NOMEM;
        else if (!sha256_eq(live, loaded))
            broken_set(b, "saved", "the state saved and loaded is not the same");
        state_deinit(&back->state);
    }
    strbuf_deinit(&bytes);
    free(back);
    free(e);
    return status;
}
