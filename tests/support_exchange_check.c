/* What is wrong with a command by itself, in the order of refusal.def. */
#include "support_exchange.h"

bool twin_placing(const struct exchange_ask *a)
{
    return a->op <= EXCHANGE_STOP_LIMIT;
}

enum refusal twin_well_formed(const struct twin *t, const struct exchange_ask *a,
                              const struct twin_order *o)
{
    bool stop = a->op == EXCHANGE_STOP || a->op == EXCHANGE_STOP_LIMIT, put = twin_placing(a);
    bool at_once = a->tif == EXCHANGE_IOC || a->tif == EXCHANGE_FOK;
    if (a->account == EXCHANGE_NONE ? put : a->account >= t->accounts_n)
        return REFUSED_unknown_account;
    if ((a->op == EXCHANGE_CANCEL || a->op == EXCHANGE_REPLACE) && !o)
        return REFUSED_unknown_order;
    if (put && t->ids[a->id_lo].number)
        return REFUSED_id_reused;
    if (put && a->tif == EXCHANGE_GTT && a->expires_ms > 0 && a->expires_ms <= t->now)
        return REFUSED_time_over;
    if (a->price < 0 || a->stop < 0 || a->size < 0 || a->display < 0 || a->expires_ms < 0 ||
        ((put || a->op == EXCHANGE_REPLACE) && a->size == 0) ||
        ((a->op == EXCHANGE_LIMIT || a->op == EXCHANGE_STOP_LIMIT) && a->price == 0) ||
        (stop && a->stop == 0))
        return REFUSED_not_positive;
    if (put && ((a->tif == EXCHANGE_GTT) != (a->expires_ms > 0) || (!stop && a->stop) ||
                ((a->post_only || a->display) && (a->op != EXCHANGE_LIMIT || at_once)) ||
                (stop && at_once) || (a->op == EXCHANGE_MARKET && a->tif == EXCHANGE_GTT)))
        return REFUSED_order_conflict;
    if (a->op == EXCHANGE_CANCEL && (a->price || a->stop || a->display))
        return REFUSED_order_conflict;
    if (a->op == EXCHANGE_REPLACE &&
        ((a->stop && !o->waits) || (a->display && o->ask.op != EXCHANGE_LIMIT) ||
         (a->price && (o->ask.op == EXCHANGE_MARKET || o->ask.op == EXCHANGE_STOP)) ||
         (o->ask.op == EXCHANGE_MARKET && a->size > o->left)))
        return REFUSED_order_conflict;
    return REFUSED_NOT;
}
