/* A small market: a catalogue, a ledger and a shop. */
#ifndef SUPPORT_MARKET_H
#define SUPPORT_MARKET_H

#include "circulation/shop.h"
#include "support_saved.h"

struct market {
    struct catalogue catalogue;
    struct ledger ledger;
    struct shop shop;
};

extern const struct saved_kind MARKET_KIND;  /* all three, one behind the other */
extern const struct shop_rules MARKET_RULES; /* a fee of 2.5 %, refunds within a second */

/* Ann buys, ben sells, cam is poor. Sword: 100 of ben's, ten in stock. Rock: 30, of nobody. Gift:
 * free. Relic: not offered. Castle: dear. Tour: a service of ben's. Gold is currency 0. */
enum { ANN, BEN, CAM, PARTIES };
enum { SWORD, ROCK, GIFT, RELIC, CASTLE };
#define GOOD(index) target_make(TARGET_GOOD, index)
#define TOUR target_make(TARGET_SERVICE, 0)

void market_open(struct market *m); /* ann has 1000, ben 5 */
void market_deinit(void *market);

void market_pay_in(struct market *m, uint32_t holder, int64_t amount);
int64_t market_held(const struct market *m, uint32_t holder);

/* With no market rules.                                                                          */
struct shop_desk market_desk(struct market *m, int64_t time_ms);
struct shop_ask market_ask(uint64_t id, uint32_t buyer, uint32_t target, int64_t units);
enum refusal market_list(struct market *m, uint32_t target, int64_t price, int64_t stock,
                         bool listed);

/* At time 5000; id 0: without.                                                                  */
enum refusal market_buy(struct market *m, uint64_t id, uint32_t buyer, uint32_t target,
                        int64_t units, uint32_t *number, bool *repeated);
uint32_t market_must_buy(struct market *m, uint64_t id, uint32_t buyer, uint32_t target,
                         int64_t units);
enum refusal market_refund(struct market *m, int64_t time_ms, uint32_t number);

/* Asserts that `got` is what was expected and that nothing changed since `before`.              */
void assert_refused(struct market *m, const struct strbuf *before, const char *what,
                    enum refusal expected, enum refusal got);
#endif
