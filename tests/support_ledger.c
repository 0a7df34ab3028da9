#include "support_ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum refusal books_post(struct ledger *l, uint64_t id, const struct posting *legs, size_t n)
{
    enum refusal refusal;
    assert_int_equal(ledger_post(l, 1000, 0, id, legs, n, &refusal, NULL, NULL), HEED_OK);
    return refusal;
}

void books_must_post(struct ledger *l, uint64_t id, struct posting leg)
{
    assert_int_equal(books_post(l, id, &leg, 1), REFUSED_NOT);
}

void books_open(struct ledger *l)
{
    ledger_init(l);
    books_must_post(l, 1, (struct posting)LEG(HOLDER_ISSUE, ANN, 110));
    books_must_post(l, 0, (struct posting)LEG(HOLDER_ISSUE, BOB, 50));
    books_must_post(l, 0, (struct posting)LEG(ANN, CAM, 10));
    books_must_post(l, 0, (struct posting)LEG(CAM, HOLDER_RETIRE, 10));
    books_must_post(l, 0, (struct posting)GEM(HOLDER_ISSUE, RICH, INT64_MAX));
}

int64_t books_held(const struct ledger *l, uint32_t holder, uint16_t currency)
{
    return ledger_balance(l, ledger_find(l, holder, currency));
}
