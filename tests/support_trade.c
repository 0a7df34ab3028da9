#include "support_trade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char TRADE_PLAIN[] = "currencies: [{code: gold, scale: 2}]\nshop: {fee: 0}\n";
const char TRADE_ESCROW[] = "currencies: [{code: gold, scale: 2}]\n"
                            "shop: {fee: 0.05, refund_window: 14 d, escrow: 7 d}\n";
char *trade_path;
static int worlds;

/* Smith makes swords, cyd has twenty of them, ann and bob have a thousand gold. */
struct heed_world *trade_open(const char *rules)
{
    struct heed_world *h = NULL;
    struct heed_error err;
    const struct heed_options options = {
        .create = 1, .rules_yaml = rules, .rules_size = strlen(rules)};
    char name[32]; /* a test that failed has its world open still */
    snprintf(name, sizeof name, "dup%d.world", worlds++);
    trade_path = test_path(name);
    assert_int_equal(heed_open(trade_path, &options, &h, &err), HEED_OK);
    static const char *const people[] = {"smith", "ann", "bob", "cyd"};
    for (int i = 0; i < 4; i++)
        DO(h->w, "user add", "id", people[i], NULL);
    DO(h->w, "ledger issue", "to", "ann", "amount", "1000", NULL);
    DO(h->w, "ledger issue", "to", "bob", "amount", "1000", NULL);
    DO(h->w, "good add", "id", "sword", "name", "Sword", "seller", "smith", "price", "7", "stock",
       "0", NULL);
    DO(h->w, "ledger issue", "to", "cyd", "amount", "20", "currency", "good:sword", NULL);
    return h;
}

int64_t trade_has(const struct heed_world *h, const char *id, bool swords, uint16_t purpose)
{
    const struct ledger *l = &h->w->state.ledger;
    uint32_t unit = swords ? item_unit(world_find_target(h->w, STR("good:sword"))) : 0;
    return ledger_balance(l, ledger_find_for(l, world_find_user(h->w, str_of(id)), unit, purpose));
}

/* As many gold pieces and swords as there were, all that is set aside is what must be, and the
 * world can be saved and brought back, which checks the same. */
static void trade_holds_together(struct heed_world *h, int64_t gold, int64_t swords)
{
    const struct ledger *l = &h->w->state.ledger;
    struct ledger_totals *totals;
    uint32_t *units;
    size_t n;
    const char *wrong;
    assert_int_equal(ledger_all_totals(l, &units, &totals, &n), HEED_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(totals[i].sum_minor, 0);
        assert_int_equal(totals[i].debits_pending_minor, totals[i].credits_pending_minor);
    }
    free(units);
    free(totals);
    assert_int_equal(ledger_totals(l, 0).supply_minor, gold);
    assert_int_equal(
        ledger_totals(l, item_unit(world_find_target(h->w, STR("good:sword")))).supply_minor,
        swords);
    assert_int_equal(venues_check(&h->w->state.venues, l, &wrong), HEED_OK);
    if (wrong)
        fail_msg("%s", wrong);
    world_close(restored_from(h->w));
}

static void trade_close(struct heed_world *h)
{
    char *reply = NULL;
    struct heed_error err;
    heed_close(h);
    assert_int_equal(heed_verify(trade_path, &reply, &err), HEED_OK);
    assert_non_null(strstr(reply, "\"ok\":true"));
    heed_free(reply);
    unlink(trade_path);
    free(trade_path);
}

void trade_close_whole(struct heed_world *h, int64_t gold, int64_t swords)
{
    trade_holds_together(h, gold, swords);
    trade_close(h);
}

/* The number that a command's reply gives under `key`, as text. */
void number_of(char number[24], json_t *reply, const char *key)
{
    snprintf(number, 24, "%lld", (long long)int_at(reply, key));
    json_decref(reply);
}

/* Races two; the test fails unless one is done and the other refused with `code` in its reply.
 * Gives which was done. */
int one_of(struct heed_world *h, struct racer two[2], const char *code)
{
    size_t refused;
    race(h, two, 2);
    int winner = two[0].status == HEED_OK ? 0 : 1;
    assert_int_equal(race_won(two, 2, code, &refused), 1);
    assert_int_equal(refused, 1);
    return winner;
}
