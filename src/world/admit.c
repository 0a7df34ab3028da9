#include "world/admit_parts.h"

#include "base/time.h"
#include "base/utf8.h"
#include "world/apply.h"
#include "world/engine.h"
#include "world/units.h"
#include "world/vault.h"

#include <stdio.h>

enum heed_status say_who(const struct command_spec *spec, size_t arg, struct heed_error *err)
{
    const struct arg_spec *a = &spec->args[arg];
    return error_set(err, HEED_USAGE, a->name,
                     "say who: --%s %s, or --as USER for the one who acts; see `heed help %s %s`",
                     a->name, a->choices, spec->noun, spec->verb);
}

static enum heed_status take_args(struct resolving *r, const struct heed_arg *args, size_t n)
{
    heed_assert(r->spec->n <= sizeof r->values / sizeof r->values[0]);
    for (size_t i = 0; i < n; i++) {
        int at = command_arg(r->spec, str_of(args[i].name));
        enum arg_type type = at < 0 ? ARG_BLOB : r->spec->args[at].type;
        if (type == ARG_BLOB || type == ARG_FACT)
            return error_set(r->err, HEED_USAGE, args[i].name, "%s %s has no such argument",
                             r->spec->noun, r->spec->verb);
        if (r->values[at].p && !(r->spec->args[at].flags & REPEATED))
            return error_set(r->err, HEED_USAGE, args[i].name, "it is given twice");
        struct str value = str_of(args[i].value);
        size_t bad = utf8_invalid_at(value);
        if (bad < value.n)
            return error_set(r->err, HEED_USAGE, args[i].name, "byte %zu is not UTF-8", bad + 1);
        if (type == ARG_TEXT && value.n > (size_t)r->spec->args[at].max)
            return error_set(r->err, HEED_USAGE, args[i].name, "it is longer than %lld bytes",
                             (long long)r->spec->args[at].max);
        if (type == ARG_SYMBOL && value.n > SYMBOL_BYTES)
            return error_set(r->err, HEED_USAGE, args[i].name, "it is longer than %d bytes",
                             SYMBOL_BYTES);
        r->values[at] = value;
    }
    for (size_t i = 0; i < r->spec->n; i++) {
        const struct arg_spec *a = &r->spec->args[i];
        bool self_known = a->flags & SELF && r->context->actor;
        if (a->flags & REQUIRED && a->flags & SELF && !r->values[i].p && !self_known)
            return say_who(r->spec, i, r->err);
        if (a->flags & REQUIRED && !r->values[i].p && !self_known)
            return error_set(r->err, HEED_USAGE, a->name, "it is missing; see `heed help %s %s`",
                             r->spec->noun, r->spec->verb);
        if (!r->values[i].p && a->flags & SELF && r->context->actor)
            r->values[i] = str_of(r->context->actor);
    }
    return HEED_OK;
}

/* Who acts, and whether the table lets him: his roles, and for a mere member only on himself.    */
static void check_actor(struct resolving *r)
{
    uint32_t actor = r->call.actor;
    if (!r->context->actor)
        return;
    if (actor == HANDLE_NONE) {
        resolving_refuse(r, REFUSED_unknown_user);
        return;
    }
    unsigned roles = r->w->state.catalogue.parties[actor].role_bits;
    if (!(roles & r->spec->roles)) {
        resolving_refuse(r, REFUSED_forbidden);
        return;
    }
    if (!resolving_for_himself(r))
        return;
    bool member = !(roles & r->spec->roles & ~(unsigned)ROLE_MEMBER);
    for (size_t i = 0; i < r->spec->n; i++) {
        const struct arg_spec *a = &r->spec->args[i];
        struct str value = r->values[i];
        bool self = a->flags & SELF && (member || r->spec->kind == KIND_COMMAND);
        if (value.p && self && admit_holder(r->w, value) != actor)
            resolving_refuse(r, REFUSED_forbidden);
        uint32_t target = value.p && a->flags & PRIVATE ? world_find_target(r->w, value) : 0;
        if (member && target_kind(target) == TARGET_USER && target_index(target) != actor)
            resolving_refuse(r, REFUSED_forbidden);
    }
    if (!member)
        return;
    for (size_t i = 0; i < r->spec->n; i++) /* and what he does, he does now */
        if (r->spec->kind == KIND_COMMAND && r->spec->args[i].type == ARG_TIME &&
            !(r->spec->args[i].flags & LATER) && r->values[i].p)
            resolving_refuse(r, REFUSED_forbidden);
    /* there is room for so many names, and all may read them */
    for (size_t i = 0; i < r->spec->n; i++)
        if (r->spec->kind == KIND_COMMAND && r->spec->args[i].type == ARG_SYMBOL &&
            !(r->spec->args[i].flags & THERE) && r->values[i].n &&
            world_find_symbol(r->w, r->values[i]) == HANDLE_NONE)
            resolving_refuse(r, REFUSED_unknown_name);
}

/* Symbols a command names for the first time.                                                   */
static enum heed_status make_symbols(struct resolving *r)
{
    for (size_t i = 0; i < r->spec->n; i++) {
        if (r->spec->args[i].type != ARG_SYMBOL || r->spec->args[i].flags & THERE ||
            !r->values[i].p || r->values[i].n == 0)
            continue;
        uint32_t symbol;
        enum heed_status status = admit_symbol(r->w, r->values[i], &symbol, r->err);
        if (status != HEED_OK)
            return status;
        r->call.i[command_int(r->spec, i)] = symbol;
    }
    return HEED_OK;
}

struct str resolving_value(const struct resolving *r, const char *name)
{
    int at = command_arg(r->spec, str_of(name));
    return at < 0 || !r->values[at].p ? STR_NONE : r->values[at];
}

static int64_t int_of(const struct resolving *r, const char *name)
{
    int at = command_arg(r->spec, str_of(name));
    return at < 0 ? CALL_ABSENT : r->call.i[command_int(r->spec, (size_t)at)];
}

static enum heed_status run_add(struct resolving *r, struct outcome *o)
{
    struct str id = resolving_value(r, "id");
    if (!admit_id_ok(r->call.command == COMMAND_user_add ? admit_party_id(id) : id))
        return error_set(r->err, HEED_USAGE, "id", "it must be " ID_EXPECTED);
    if (r->call.command == COMMAND_user_add) {
        struct user_row row = {
            .id = admit_party_id(id),
            .name = resolving_value(r, "name"),
            .joined_at_ms = int_of(r, "joined"),
            .roles = int_of(r, "role") == CALL_ABSENT ? 0 : (unsigned)int_of(r, "role")};
        return admit_user(r->w, r->context, &row, o, r->err);
    }
    if (r->call.command == COMMAND_content_add) {
        struct content_row row = {.id = id,
                                  .creator = admit_party_id(resolving_value(r, "creator")),
                                  .title = resolving_value(r, "title"),
                                  .body = resolving_value(r, "body"),
                                  .kind = resolving_value(r, "kind"),
                                  .category = resolving_value(r, "category"),
                                  .good = resolving_value(r, "good"),
                                  .created_at_ms = int_of(r, "created")};
        if (!admit_id_ok(row.creator))
            return error_set(r->err, HEED_USAGE, "creator", "it must be " ID_EXPECTED);
        return admit_content(r->w, r->context, &row, o, r->err);
    }
    int64_t currency = int_of(r, "currency");
    struct good_row row = {.service = r->call.command == COMMAND_service_add,
                           .id = id,
                           .name = resolving_value(r, "name"),
                           .description = resolving_value(r, "description"),
                           .seller = admit_party_id(resolving_value(r, "seller")),
                           .category = resolving_value(r, "category"),
                           .created_at_ms = int_of(r, "created"),
                           .price_minor = int_of(r, "price"),
                           .stock = int_of(r, "stock"),
                           .sales = int_of(r, "sales"),
                           .currency = currency == CALL_ABSENT ? 0 : (uint16_t)currency};
    if (resolving_value(r, "seller").n && !admit_id_ok(row.seller))
        return error_set(r->err, HEED_USAGE, "seller", "it must be " ID_EXPECTED);
    return admit_good(r->w, r->context, &row, o, r->err);
}

static enum heed_status run_feed(struct resolving *r, struct outcome *o)
{
    struct feed_fact fact;
    struct strbuf facts;
    strbuf_init(&facts, 1 << 20);
    int64_t k = r->call.i[1] == CALL_ABSENT ? 0 : r->call.i[1];
    enum heed_status status = engine_feed(r->w, (uint32_t)r->call.i[0], k, r->call.i[2],
                                          r->call.time_ms, true, &fact, r->err);
    if (status == HEED_OK && !fact_pack(&facts, &fact))
        status = error_nomem(r->err);
    if (status == HEED_OK) {
        r->call.blob = (struct str){facts.p, facts.n};
        status = world_apply(r->w, &r->call, o, r->err);
    }
    strbuf_deinit(&facts);
    return status;
}

static enum heed_status run_fit(struct resolving *r, struct outcome *o)
{
    struct strbuf facts;
    strbuf_init(&facts, 2047u << 20);
    enum heed_status status = engine_learn(r->w, r->call.i[0], r->call.i[1] == 1, &facts, r->err);
    if (status == HEED_OK) {
        r->call.blob = (struct str){facts.p, facts.n};
        status = world_apply(r->w, &r->call, o, r->err);
    }
    strbuf_deinit(&facts);
    return status;
}

static enum heed_status run_train(struct resolving *r, struct outcome *o)
{
    struct model_spec spec;
    size_t n;
    enum heed_status status = model_names_parse(resolving_value(r, "algorithm"), &spec, &n, r->err);
    for (size_t i = 0; status == HEED_OK && i < r->args_n; i++)
        if (strcmp(r->args[i].name, "param") == 0)
            status = model_params_parse(str_of(r->args[i].value), &spec, 1, r->err);
    if (status != HEED_OK)
        return status;
    struct strbuf facts;
    strbuf_init(&facts, VERSION_BYTES_MAX);
    status = engine_train(r->w, &spec, int_of(r, "keep"), int_of(r, "seed"), r->call.time_ms,
                          &facts, r->err);
    if (status == HEED_OK && facts.n == 0) {
        o->refusal = REFUSED_too_few_acts;
    } else if (status == HEED_OK) {
        r->call.blob = (struct str){facts.p, facts.n};
        status = world_apply(r->w, &r->call, o, r->err);
    }
    strbuf_deinit(&facts);
    return status;
}

/* The settings of `from`, with what the call says of updates. */
static enum heed_status update_spec(const struct resolving *r, const struct model_version *from,
                                    struct model_spec *spec)
{
    const struct model_kind *kind = from->spec.kind;
    enum heed_status status = HEED_OK;
    *spec = from->spec;
    for (size_t i = 0; status == HEED_OK && i < r->args_n; i++)
        if (strcmp(r->args[i].name, "param") == 0)
            status = model_params_parse(str_of(r->args[i].value), spec, 1, r->err);
    for (size_t i = 0; status == HEED_OK && i < kind->params_n; i++)
        if ((!kind->waits_by || strcmp(kind->params[i].name, kind->waits_by) != 0) &&
            (spec->param[i] < from->spec.param[i] || spec->param[i] > from->spec.param[i]))
            status = error_set(r->err, HEED_USAGE, "param",
                               "%s %g is what version %u was trained with, and stays so in an "
                               "update; `heed allocate train` takes another",
                               kind->params[i].name, from->spec.param[i], from->number);
    return status;
}

static enum heed_status run_update(struct resolving *r, struct outcome *o)
{
    const struct model_versions *models = &r->w->state.models;
    int64_t number = r->call.i[0] == CALL_ABSENT ? models->in_use : r->call.i[0];
    const struct model_version *from = versions_find(models, number);
    if (!from || !from->bytes) {
        o->refusal = number == 0 ? REFUSED_no_model
                     : from      ? REFUSED_model_not_kept
                                 : REFUSED_unknown_model;
        return HEED_OK;
    }
    struct model_spec spec;
    enum heed_status status = update_spec(r, from, &spec);
    if (status != HEED_OK)
        return status;
    struct strbuf facts;
    bool learns = true;
    strbuf_init(&facts, VERSION_BYTES_MAX);
    r->call.i[0] = number;
    status = engine_update(r->w, from, &spec, r->call.time_ms, &facts, &learns, r->err);
    if (status == HEED_OK && facts.n == 0) {
        o->refusal = learns ? REFUSED_nothing_new : REFUSED_too_few_acts;
    } else if (status == HEED_OK) {
        r->call.blob = (struct str){facts.p, facts.n};
        status = world_apply(r->w, &r->call, o, r->err);
    }
    strbuf_deinit(&facts);
    return status;
}

/* Adds the counts of one object, which may be absent, to those of another in `to`.               */
static bool counts_add(json_t *to, const char *name, const json_t *counts)
{
    json_t *sums = json_object_get(to, name), *count;
    const char *key;
    bool ok = true;
    if (!counts)
        return true;
    if (!sums &&
        (json_object_set_new(to, name, json_object()) != 0 || !(sums = json_object_get(to, name))))
        return false;
    json_object_foreach((json_t *)(uintptr_t)counts, key, count) ok =
        ok && json_object_set_new(sums, key,
                                  json_integer(json_integer_value(json_object_get(sums, key)) +
                                               json_integer_value(count))) == 0;
    return ok;
}

/* Adds what `epoch` says to the totals: sums of what was counted and paid, the last epoch and
 * what its welfare cost, the floor kept if it was in each, the least share. NULL totals: a copy of
 * it. false: no memory. */
static bool settled_add(json_t **totals, const json_t *epoch)
{
    static const char *const sums[] = {"pool_minor", "paid_minor", "payouts",
                                       "feeds",      "events",     "late"};
    if (!*totals)
        return (*totals = json_deep_copy(epoch)) != NULL;
    bool ok = json_object_set(*totals, "epoch", json_object_get(epoch, "epoch")) == 0;
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        ok = ok && json_integer_set(json_object_get(*totals, sums[i]),
                                    json_integer_value(json_object_get(*totals, sums[i])) +
                                        json_integer_value(json_object_get(epoch, sums[i]))) == 0;
    if (json_object_get(epoch, "welfare"))
        ok = ok && json_object_set(*totals, "welfare", json_object_get(epoch, "welfare")) == 0;
    json_t *floor = json_object_get(*totals, "floor"), *now = json_object_get(epoch, "floor");
    if (!json_is_true(json_object_get(now, "kept")))
        ok = ok && json_object_set_new(floor, "kept", json_false()) == 0;
    ok = ok && counts_add(*totals, "relaxed", json_object_get(epoch, "relaxed")) &&
         counts_add(*totals, "kinds", json_object_get(epoch, "kinds")) &&
         counts_add(floor, "forbidden_by", json_object_get(now, "forbidden_by"));
    json_t *least = json_object_get(floor, "min_share"), *share = json_object_get(now, "min_share");
    if (json_real_value(share) < json_real_value(least))
        ok = ok && json_real_set(least, json_real_value(share)) == 0;
    return ok;
}

/* Settles every epoch that has ended by `until`, one call each; the reply is the totals over them
 * with each of them under "epochs".                                                             */
static enum heed_status run_settle(struct resolving *r, struct outcome *o)
{
    struct state *s = &r->w->state;
    int64_t until = r->call.i[0] == CALL_ABSENT ? r->call.time_ms : r->call.i[0];
    int64_t through = until / s->rules.consumption.epoch_ms - 1;
    json_t *epochs = json_array(), *totals = NULL;
    enum heed_status status = epochs ? HEED_OK : error_nomem(r->err);
    const struct open_epoch *next;
    while (status == HEED_OK && (next = consumption_next(&s->consumption, through))) {
        struct strbuf facts;
        strbuf_init(&facts, 200 << 20);
        status = engine_settle(r->w, next->number, &facts, r->err);
        r->call.blob = (struct str){facts.p, facts.n};
        *o = (struct outcome){.want_reply = true};
        if (status == HEED_OK)
            status = world_apply(r->w, &r->call, o, r->err);
        strbuf_deinit(&facts);
        if (status != HEED_OK || o->refusal != REFUSED_NOT)
            break;
        bool memory = settled_add(&totals, o->reply);
        if (json_array_append_new(epochs, o->reply) != 0 || !memory)
            status = error_nomem(r->err);
    }
    o->reply = NULL;
    if (status == HEED_OK && !totals && o->refusal == REFUSED_NOT)
        o->refusal = REFUSED_nothing_to_settle;
    if (status == HEED_OK && totals) {
        o->refusal = REFUSED_NOT; /* what was settled stays settled */
        if (json_object_set(totals, "epochs", epochs) != 0)
            status = error_nomem(r->err);
        else
            o->reply = json_incref(totals);
    }
    json_decref(totals);
    json_decref(epochs);
    return status;
}

/* `shop list`: what is withdrawn has no offer to change, and a count is not unlimited.           */
static enum heed_status check_offer(const struct resolving *r)
{
    bool withdraw = int_of(r, "withdraw") == 1, unlimited = int_of(r, "unlimited") == 1;
    bool stock = resolving_value(r, "stock").n > 0, price = resolving_value(r, "price").n > 0;
    if (withdraw && (unlimited || stock || price))
        return error_set(
            r->err, HEED_USAGE, "withdraw",
            "with it goes no price, stock or unlimited: a withdrawn good keeps its own "
            "for the next offer");
    if (unlimited && stock)
        return error_set(r->err, HEED_USAGE, "unlimited",
                         "it contradicts stock; give one of the two");
    return HEED_OK;
}

/* `exchange open`: terms that do not go together are said as a fault of the arguments. */
static enum heed_status check_market(const struct resolving *r)
{
    struct exchange_settings s;
    const char *wrong = exchange_settings_asked(&r->call, &s);
    return wrong ? error_set(r->err, HEED_USAGE, "exchange open", "%s", wrong) : HEED_OK;
}

/* `rules propose`: read before anything is made of it, so that a fault in the argument is said as
 * of any other, with its line and key. */
static enum heed_status run_propose(struct resolving *r, struct outcome *o)
{
    struct market_currency known[CURRENCIES_MAX];
    size_t n = rules_currencies(&r->w->state.rules, known);
    struct market_rules *read = malloc(sizeof *read);
    struct heed_error why = {0};
    if (!read)
        return error_nomem(r->err);
    r->call.blob = resolving_value(r, "yaml");
    enum heed_status status = market_rules_parse(r->call.blob, "yaml", known, n, read, &why);
    free(read);
    if (status == HEED_OK)
        return world_apply(r->w, &r->call, o, r->err);
    return error_set(r->err, status == HEED_INPUT ? HEED_USAGE : status, why.where, "%s",
                     why.message);
}

static enum heed_status run_command(struct resolving *r, struct outcome *o)
{
    *o = (struct outcome){.want_reply = true};
    enum heed_status status = HEED_OK;
    switch (r->call.command) {
    case COMMAND_user_add:
    case COMMAND_content_add:
    case COMMAND_good_add:
    case COMMAND_service_add:
        return run_add(r, o);
    case COMMAND_settle_:
        return run_settle(r, o);
    case COMMAND_quality_fit:
        return run_fit(r, o);
    case COMMAND_allocate_train:
        return run_train(r, o);
    case COMMAND_allocate_update:
        return run_update(r, o);
    default:
        break;
    }
    status = make_symbols(r);
    if (status != HEED_OK)
        return status;
    if (r->call.command == COMMAND_feed_serve)
        return run_feed(r, o);
    if (r->call.command == COMMAND_quality_decide || r->call.command == COMMAND_quality_appeal)
        return admit_moderation(r->w, &r->call, resolving_value(r, "reason"), o, r->err);
    if (r->call.command == COMMAND_rules_propose)
        return run_propose(r, o);
    if (r->call.command == COMMAND_auction_open || r->call.command == COMMAND_auction_commit ||
        r->call.command == COMMAND_auction_reveal)
        return admit_auction(r, o);
    if (r->call.command == COMMAND_user_erase) {
        status = world_apply(r->w, &r->call, o, r->err);
        if (status == HEED_OK && o->refusal == REFUSED_NOT)
            status = vault_erase(r->w, o->handle, r->err);
        return status;
    }
    return world_apply(r->w, &r->call, o, r->err);
}

static enum heed_status refusal_reply(enum refusal refusal, json_t **reply, struct heed_error *err)
{
    enum heed_status status =
        reply_pack(reply, err, "{s:{s:s,s:s}}", "refused", "code", refusal_code(refusal), "message",
                   refusal_message(refusal));
    return status == HEED_OK ? HEED_REFUSED : status;
}

/* The same, with the rule of the market rules that refused, if one did. */
static enum heed_status refused_by(enum refusal refusal, const char *rule, json_t **reply,
                                   struct heed_error *err)
{
    enum heed_status status = refusal_reply(refusal, reply, err);
    if (rule && status == HEED_REFUSED &&
        json_object_set_new(json_object_get(*reply, "refused"), "rule", json_string(rule)) != 0)
        return error_nomem(err);
    return status;
}

enum heed_status admit_tool(const struct world *w, enum command_id tool, const char *actor,
                            json_t **refused, struct heed_error *err)
{
    uint32_t user = actor ? world_find_user(w, str_of(actor)) : HANDLE_NONE;
    if (!actor)
        return HEED_OK;
    if (user == HANDLE_NONE)
        return refusal_reply(REFUSED_unknown_user, refused, err);
    if (!(w->state.catalogue.parties[user].role_bits & command_spec(tool)->roles))
        return refusal_reply(REFUSED_forbidden, refused, err);
    return HEED_OK;
}

enum { DUE = 4 };
static const uint16_t due_commands[DUE] = {COMMAND_ledger_expire, COMMAND_shop_release,
                                           COMMAND_exchange_advance, COMMAND_auction_settle};

/* Which of those commands something is due for. */
static void find_due(const struct state *s, int64_t time_ms, bool due[DUE])
{
    due[0] = ledger_due(&s->ledger, time_ms);
    due[1] = shop_due(&s->shop, time_ms);
    due[2] = venues_due(&s->venues, time_ms);
    due[3] = auctions_due(&s->auctions, time_ms) != AUCTIONS_NONE;
}

bool admit_is_due(const struct world *w, int64_t time_ms)
{
    bool due[DUE];
    find_due(&w->state, time_ms, due);
    return due[0] || due[1] || due[2] || due[3];
}

enum heed_status admit_due(struct world *w, const struct heed_context *context,
                           struct heed_error *err)
{
    bool due[DUE];
    enum heed_status status = HEED_OK;
    find_due(&w->state, context->time_ms, due);
    for (size_t i = 0; status == HEED_OK && i < DUE; i++) {
        if (!due[i])
            continue;
        struct call call = {
            .command = due_commands[i], .actor = HANDLE_NONE, .time_ms = context->time_ms};
        struct outcome o = {0};
        for (int j = 0; j < CALL_INTS; j++)
            call.i[j] = CALL_ABSENT;
        status = world_apply(w, &call, &o, err);
    }
    return status;
}

enum heed_status admit_queue(struct world *w, const struct command_spec *spec,
                             const struct heed_context *context, const struct heed_arg *args,
                             size_t n, json_t **reply, struct heed_error *err)
{
    *reply = NULL;
    if (spec->kind != KIND_COMMAND && spec->kind != KIND_QUERY)
        return error_set(err, HEED_USAGE, spec->noun,
                         "it is not a command of a world; heed.h has calls for the tools");
    if (spec->kind == KIND_COMMAND && w->read_only) /* before anything is sealed or made */
        return error_set(err, HEED_USAGE, spec->noun,
                         "it changes the world, which was opened for reading only");
    if (context->time_ms < 0 || context->time_ms > TIME_MAX_MS)
        return error_set(err, HEED_USAGE, "time", "it is before 1970 or after 2105");
    struct resolving r = {
        .w = w, .spec = spec, .context = context, .args = args, .args_n = n, .err = err};
    r.call.command = (uint16_t)command_find(str_of(spec->noun), str_of(spec->verb));
    r.call.time_ms = context->time_ms;
    r.call.actor = context->actor ? world_find_user(w, str_of(context->actor)) : HANDLE_NONE;
    for (int i = 0; i < CALL_INTS; i++)
        r.call.i[i] = CALL_ABSENT;
    enum heed_status status = take_args(&r, args, n);
    for (size_t i = 0; status == HEED_OK && i < spec->n; i++)
        status = resolve_arg(&r, i);
    if (status == HEED_OK && r.call.command == COMMAND_shop_list)
        status = check_offer(&r);
    if (status == HEED_OK && r.call.command == COMMAND_exchange_open)
        status = check_market(&r);
    if (status == HEED_OK && r.call.command == COMMAND_exchange_cancel &&
        r.call.i[2] == CALL_ABSENT && r.call.i[3] == CALL_ABSENT && !context->actor)
        status = say_who(spec, 3, err);
    if (status != HEED_OK)
        return status;
    if (r.call.command == COMMAND_ledger_post && r.call.i[1] != CALL_ABSENT && r.call.i[4] == 1)
        return error_set(err, HEED_USAGE, "amount",
                         "a chain is posted whole; leave one of the two out");
    if (r.call.command == COMMAND_auction_bid &&
        (r.call.i[6] == 1) == (r.call.i[2] != CALL_ABSENT || resolving_value(&r, "amount").n > 0))
        return error_set(err, HEED_USAGE, "amount", "give it, or buy-now, and not both");
    check_actor(&r);
    for (size_t i = 0; i < spec->n && !context->actor; i++)
        if (spec->args[i].flags & SELF && spec->args[i].type == ARG_USER && !r.values[i].p)
            return say_who(spec, i, err);
    if (r.call.command == COMMAND_event_add && r.call.i[7] != CALL_ABSENT &&
        admit_time_ahead(w, context, r.call.i[7]))
        resolving_refuse(&r, REFUSED_time_ahead);
    if (r.call.command == COMMAND_rating_add && r.call.i[3] == RATING_MODERATION &&
        r.refusal == REFUSED_NOT && r.call.actor != HANDLE_NONE &&
        catalogue_owner(&w->state.catalogue, (uint32_t)r.call.i[1]) == r.call.actor)
        resolving_refuse(&r, REFUSED_own_work);
    bool decides = r.call.command == COMMAND_quality_decide ||
                   (r.call.command == COMMAND_rating_add && r.call.i[3] == RATING_MODERATION);
    if (decides && r.refusal == REFUSED_NOT &&
        moderation_own_decision(
            &w->state, r.call.actor,
            (uint32_t)r.call.i[r.call.command == COMMAND_quality_decide ? 0 : 1]))
        resolving_refuse(&r, REFUSED_own_decision);
    if (r.call.command == COMMAND_ledger_open &&
        r.refusal == REFUSED_NOT) /* before a name is made */
        resolving_refuse(&r, ledger_open_refusal(&w->state, &r.call));
    if (r.refusal != REFUSED_NOT)
        return refusal_reply(r.refusal, reply, err);
    if (spec->kind == KIND_QUERY) {
        enum refusal refusal = REFUSED_NOT;
        status = world_query(w, &r.call, &refusal, reply, err);
        return status == HEED_OK && refusal != REFUSED_NOT ? refusal_reply(refusal, reply, err)
                                                           : status;
    }
    struct outcome o = {0};
    status = world_guard(w, admit_due(w, context, err));
    if (status == HEED_OK) {
        world_whole(w); /* what was due is done, whatever comes of this */
        status = world_guard(w, run_command(&r, &o));
    }
    if (status == HEED_OK && o.refusal != REFUSED_NOT)
        status = refused_by(o.refusal, o.rule, reply, err);
    else if (status == HEED_OK && !(*reply = o.reply ? o.reply : json_object()))
        status = error_nomem(err);
    if (status != HEED_OK && status != HEED_REFUSED)
        json_decref(o.reply);
    return status;
}

enum heed_status admit_call(struct world *w, const struct command_spec *spec,
                            const struct heed_context *context, const struct heed_arg *args,
                            size_t n, json_t **reply, struct heed_error *err)
{
    enum heed_status status = admit_queue(w, spec, context, args, n, reply, err);
    bool counts = status == HEED_OK || status == HEED_REFUSED;
    if (spec->kind != KIND_COMMAND || (!counts && (w->poisoned || w->pending_n == 0)))
        return status;
    enum heed_status durable = world_commit(w, err);
    if (durable == HEED_OK)
        return status;
    json_decref(*reply);
    *reply = NULL;
    return durable;
}
