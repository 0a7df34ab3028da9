/* Text arguments as integers of a call, by the types of the command table. */
#include "base/money.h"
#include "base/utf8.h"
#include "world/admit_parts.h"
#include "world/units.h"

#include <stdio.h>

void resolving_refuse(struct resolving *r, enum refusal refusal)
{
    if (refusal != REFUSED_NOT && (r->refusal == REFUSED_NOT || refusal < r->refusal))
        r->refusal = refusal;
}

static enum heed_status bad_arg(struct resolving *r, size_t arg, const char *expected)
{
    char where[64];
    snprintf(where, sizeof where, "%s", r->spec->args[arg].name);
    return error_set(r->err, HEED_USAGE, where, "'%.*s' is not %s",
                     (int)utf8_cut(r->values[arg], 80), r->values[arg].p, expected);
}

uint32_t admit_holder(struct world *w, struct str text)
{
    uint32_t holder = holder_of_system_name(text);
    return holder != UINT32_MAX ? holder : world_find_party(w, text);
}

static uint32_t find_good(struct world *w, struct str text)
{
    uint32_t target = world_find_target(w, text);
    if (target == 0 && !memchr(text.p, ':', text.n)) {
        const struct catalogue *c = &w->state.catalogue;
        uint32_t h = intern_find(&c->good_ids, text);
        if (h != INTERN_NONE)
            return target_make(TARGET_GOOD, h);
        h = intern_find(&c->service_ids, text);
        return h == INTERN_NONE ? 0 : target_make(TARGET_SERVICE, h);
    }
    return catalogue_good(&w->state.catalogue, target) ? target : 0;
}

static int64_t find_unit(struct world *w, struct str text)
{
    if (!memchr(text.p, ':', text.n))
        return rules_currency(&w->state.rules, text);
    uint32_t target = find_good(w, text);
    return target ? (int64_t)item_unit(target) : INT64_C(-1);
}

/* The unit that an amount of this command is in; below 0: refused already.                      */
static int64_t unit_of(const struct resolving *r)
{
    if (r->call.command == COMMAND_auction_bid || r->call.command == COMMAND_auction_reveal) {
        const struct auctions *s = &r->w->state.auctions;
        int64_t at = r->call.i[0];
        return at >= 0 && (uint64_t)at < s->lots_n ? (int64_t)s->lots[at].currency : INT64_C(-1);
    }
    for (size_t i = 0; i < r->spec->n; i++) {
        if (r->spec->args[i].type == ARG_UNIT && r->values[i].p)
            return find_unit(r->w, r->values[i]);
        if (r->call.command == COMMAND_ledger_post && r->call.i[0] >= 0) {
            const struct ledger *l = &r->w->state.ledger;
            size_t at = (size_t)r->call.i[0];
            return at < l->transfers_n ? (int64_t)l->accounts[l->transfers[at].debit].unit
                                       : INT64_C(-1);
        }
        if (r->spec->args[i].type == ARG_CURRENCY && r->values[i].p)
            return rules_currency(&r->w->state.rules, r->values[i]);
        if (r->spec->args[i].type == ARG_GOOD && r->spec->kind == KIND_COMMAND && r->values[i].p) {
            const struct good *g =
                catalogue_good(&r->w->state.catalogue, find_good(r->w, r->values[i]));
            if (g)
                return g->currency;
        }
    }
    return 0;
}

static enum heed_status resolve_amount(struct resolving *r, size_t arg, int64_t *out)
{
    int64_t unit = unit_of(r);
    if (unit < 0)
        return HEED_OK;
    struct money m;
    int scale = unit_scale(&r->w->state, (uint32_t)unit);
    enum money_parse parsed = money_from_text(r->values[arg], scale, &m);
    if (parsed == MONEY_OK && m.minor == CALL_ABSENT) /* not the same as none */
        parsed = MONEY_TOO_LARGE;
    switch (parsed) {
    case MONEY_OK:
        *out = m.minor;
        return HEED_OK;
    case MONEY_TOO_MANY_DECIMALS: {
        char expected[96];
        if (unit >= UNITS_OF_MONEY)
            return bad_arg(r, arg, "a whole number of pieces");
        snprintf(expected, sizeof expected, "an amount of %s, which has %d decimals",
                 r->w->state.rules.currencies[unit].code, scale);
        return bad_arg(r, arg, expected);
    }
    case MONEY_TOO_LARGE:
        return bad_arg(r, arg, "an amount that an account can hold");
    default:
        return bad_arg(r, arg, "an amount such as 4.99");
    }
}

bool adds_people(const struct command_spec *spec)
{
    for (size_t i = 0; i < spec->n; i++)
        if (spec->args[i].type == ARG_NEW)
            return true;
    return false;
}

/* Operators and clients act for others, everybody else for himself alone.                        */
bool resolving_for_himself(const struct resolving *r)
{
    return r->call.actor != HANDLE_NONE &&
           !(r->w->state.catalogue.parties[r->call.actor].role_bits &
             (ROLE_OPERATOR | ROLE_CLIENT));
}

/* The hash of an id in the caller's own space, so that nobody takes the ids that another's program
 * is going to use: the platform has one, each person another. */
static struct sha256 own_id(const struct resolving *r, struct str text)
{
    struct sha256 digest = sha256_of(text.p, text.n);
    unsigned char bytes[sizeof digest.b + 4];
    if (!resolving_for_himself(r))
        return digest;
    memcpy(bytes, digest.b, sizeof digest.b);
    for (size_t i = 0; i < 4; i++)
        bytes[sizeof digest.b + i] = (unsigned char)(r->call.actor >> 8 * i);
    return sha256_of(bytes, sizeof bytes);
}

static void id_of_digest(struct sha256 digest, int64_t out[2])
{
    memcpy(&out[0], digest.b, 8);
    memcpy(&out[1], digest.b + 8, 8);
    for (int i = 0; i < 2; i++)
        if (out[i] == CALL_ABSENT)
            out[i] = 1;
}

void admit_caller_id(struct str id, uint64_t *hi, uint64_t *lo)
{
    int64_t halves[2];
    id_of_digest(sha256_of(id.p, id.n), halves);
    *hi = (uint64_t)halves[0];
    *lo = (uint64_t)halves[1];
}

bool admit_data(struct str text, uint64_t *hi, uint64_t *lo)
{
    *hi = *lo = 0;
    for (size_t i = 0; i < text.n; i++) {
        int c = text.p[i], digit = c >= '0' && c <= '9'   ? c - '0'
                                   : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                   : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                          : -1;
        if (digit < 0)
            return false;
        *hi = *hi << 4 | *lo >> 60;
        *lo = *lo << 4 | (uint64_t)digit;
    }
    return text.n >= 1 && text.n <= 32;
}

/* The higher half first; absent halves cannot be told from one number, which is refused.        */
static bool hex_parse(struct str text, int64_t out[2])
{
    uint64_t half[2];
    if (!admit_data(text, &half[0], &half[1]))
        return false;
    memcpy(out, half, sizeof half);
    return out[0] != CALL_ABSENT && out[1] != CALL_ABSENT;
}

enum heed_status resolve_arg(struct resolving *r, size_t arg)
{
    const struct arg_spec *spec = &r->spec->args[arg];
    struct str text = r->values[arg];
    int place = command_int(r->spec, arg);
    if (place < 0 || !text.p || spec->type == ARG_NEW)
        return HEED_OK;
    int64_t *out = &r->call.i[place];
    struct world *w = r->w;
    uint32_t h;
    switch (spec->type) {
    case ARG_USER:
        h = world_find_user(w, text);
        if (h == HANDLE_NONE)
            resolving_refuse(r, REFUSED_unknown_user);
        *out = h;
        break;
    case ARG_PARTY:
        if (adds_people(r->spec))
            break; /* made when new: see the add commands */
        h = world_find_party(w, text);
        if (h == HANDLE_NONE)
            resolving_refuse(r, REFUSED_unknown_user);
        *out = h;
        break;
    case ARG_ACCOUNT:
        h = admit_holder(w, text);
        if (h == HANDLE_NONE)
            resolving_refuse(r, REFUSED_unknown_account);
        *out = h;
        break;
    case ARG_TARGET:
        if (!target_formed(text))
            return bad_arg(r, arg, TARGET_EXPECTED);
        h = world_find_target(w, text);
        if (h == 0)
            resolving_refuse(r, REFUSED_unknown_target);
        *out = h;
        break;
    case ARG_GOOD:
        h = find_good(w, text);
        if (h == 0)
            resolving_refuse(r, REFUSED_unknown_target);
        *out = h;
        break;
    case ARG_VERB: {
        int verb = behaviour_verb(&w->state.rules.behaviour, text);
        if (verb < 0)
            return bad_arg(r, arg, "a verb of the rules; see `heed rules show`");
        *out = verb;
        break;
    }
    case ARG_SYMBOL:
        h = world_find_symbol(w, text);
        if (h == HANDLE_NONE && r->spec->kind == KIND_COMMAND && !(spec->flags & THERE))
            break; /* made once nothing else is in the way */
        if (h == HANDLE_NONE && spec->flags & THERE)
            resolving_refuse(r, REFUSED_unknown_account);
        if (h != HANDLE_NONE)
            *out = h;
        break;
    case ARG_CURRENCY: {
        int currency = rules_currency(&w->state.rules, text);
        if (currency < 0)
            resolving_refuse(r, REFUSED_unknown_currency);
        *out = currency;
        break;
    }
    case ARG_UNIT: {
        int64_t unit = find_unit(w, text);
        if (unit < 0)
            resolving_refuse(r, memchr(text.p, ':', text.n) ? REFUSED_unknown_target
                                                            : REFUSED_unknown_currency);
        *out = unit;
        break;
    }
    case ARG_DATA:
        if (!hex_parse(text, out))
            return bad_arg(r, arg, "1 to 32 hexadecimal digits");
        break;
    case ARG_AMOUNT: {
        enum heed_status status = resolve_amount(r, arg, out);
        if (status != HEED_OK)
            return status;
        if (*out != CALL_ABSENT && *out < spec->min)
            return bad_arg(r, arg, "an amount of zero or more");
        break;
    }
    case ARG_ID:
        id_of_digest(own_id(r, text), out);
        break;
    case ARG_CODE:
        *out = (int64_t)admit_key_hash(text);
        if (*out == CALL_ABSENT || *out == 0)
            *out = 1;
        break;
    case ARG_KEY:
        if (resolving_for_himself(r)) {
            struct sha256 digest = own_id(r, text);
            memcpy(out, digest.b, sizeof *out);
        } else {
            *out = (int64_t)admit_key_hash(text);
        }
        if (*out == CALL_ABSENT || *out == 0)
            *out = 1;
        break;
    default:
        if (!admit_parse_number(spec, text, out, r->err))
            return HEED_USAGE;
    }
    return HEED_OK;
}

bool admit_unit(struct world *w, struct str text, uint32_t *unit)
{
    int64_t found = text.n ? find_unit(w, text) : 0;
    *unit = (uint32_t)found;
    return found >= 0;
}
