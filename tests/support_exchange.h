/* A market of plain lists, for comparison with the exchange: every question is answered by looking
 * at every order. Hours are not in it. */
#ifndef SUPPORT_EXCHANGE_H
#define SUPPORT_EXCHANGE_H

#include "circulation/exchange.h"

__extension__ typedef __int128 wide;

enum { TWIN_ORDERS = 512, TWIN_IDS = 1 << 13, TWIN_ACCOUNTS = 8 };

struct twin_order {
    struct exchange_ask ask; /* as given; price, stop, size and display as they are now */
    uint64_t number, rank;   /* rank: place in the queues, lower is older */
    int64_t left, shown, price, hold_price, held;
    wide fee_exact; /* millionths */
    int64_t fee;
    uint32_t owner;
    bool waits, unpriced; /* unpriced: a market order in a call */
};

struct twin_account {
    int64_t currency, items, position, window_ms;
    uint32_t owner, asked;
};

struct twin {
    struct exchange_settings set;
    struct twin_order orders[TWIN_ORDERS];
    size_t n;
    struct {
        uint64_t number;
        struct exchange_ask ask;
    } * ids; /* [TWIN_IDS], by id_lo; number 0: not used */
    struct twin_account accounts[TWIN_ACCOUNTS];
    size_t accounts_n;
    uint64_t seq, number, rank;
    int64_t now, last, dynamic_ref, static_ref;
    enum exchange_phase phase, after_call;
    bool extended;
    int64_t phase_until, limit_until, call_low, call_high, call_ref;
    struct exchange_out *out;
};

void twin_init(struct twin *t, const struct exchange_settings *s);
void twin_deinit(struct twin *t);
void twin_account(struct twin *t, uint32_t owner, int64_t currency, int64_t items);
struct exchange_answer twin_apply(struct twin *t, int64_t now_ms, const struct exchange_ask *a,
                                  struct exchange_out *out);
enum refusal twin_turn(struct twin *t, int64_t now_ms, const struct exchange_turn *turn,
                       struct exchange_out *out);
bool twin_placing(const struct exchange_ask *a);
/* o: the order that a cancel or a replacement names, NULL: there is none. */
enum refusal twin_well_formed(const struct twin *t, const struct exchange_ask *a,
                              const struct twin_order *o);
/* A call's price by trying every tick. */
struct exchange_call twin_call_price(const struct exchange_tick *ticks,
                                     const struct exchange_call_level *levels, size_t n,
                                     int64_t market_buy, int64_t market_sell, int64_t low,
                                     int64_t high, int64_t reference);
int64_t twin_tick(const struct exchange_tick *ticks, int64_t price, bool lot);
#endif
