#include "support_books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

static void assert_chain(const struct ledger *l, uint32_t account)
{
    const struct account *a = &l->accounts[account];
    uint32_t at = a->last, walked = 0;
    wide debits = 0, credits = 0, held_out = 0, held_in = 0;
    for (size_t i = l->transfers_n; i-- > 0;) {
        const struct transfer *t = &l->transfers[i];
        if (t->debit != account && t->credit != account)
            continue;
        assert_int_equal(at, i);
        assert_int_equal(l->accounts[t->debit].unit, a->unit);
        struct effect e = ledger_effect(l, t);
        debits += t->debit == account ? e.moved : 0;
        credits += t->credit == account ? e.moved : 0;
        held_out += t->debit == account ? e.held : 0;
        held_in += t->credit == account ? e.held : 0;
        at = t->debit == account ? t->debit_prev : t->credit_prev;
        walked++;
    }
    assert_int_equal(at, LEDGER_NONE);
    assert_int_equal(walked, a->transfers);
    assert_true(debits == a->debits && credits == a->credits);
    assert_true(held_out == a->debits_pending && held_in == a->credits_pending);
    assert_true(held_out >= 0 && held_in >= 0);
    assert_true(debits <= INT64_MAX && credits <= INT64_MAX);
}

static void assert_unit(const struct ledger *l, uint32_t unit)
{
    struct ledger_totals t = ledger_totals(l, unit);
    wide held = 0, all = 0;
    for (uint32_t i = 0; i < l->accounts_n; i++) {
        const struct account *a = &l->accounts[i];
        if (a->unit != unit)
            continue;
        all += ledger_balance(l, i);
        if (a->holder == HOLDER_ISSUE)
            assert_int_equal(a->credits, 0);
        else
            assert_true(!(a->flags & ACCOUNT_DEBITS_WITHIN_CREDITS) ||
                        (wide)a->debits + a->debits_pending <= (wide)a->credits + a->credit_limit);
        if (a->holder == HOLDER_RETIRE)
            assert_int_equal(a->debits, 0);
        if (a->holder != HOLDER_ISSUE && a->holder != HOLDER_RETIRE)
            held += ledger_balance(l, i);
    }
    assert_true(all == 0);
    assert_int_equal(t.sum_minor, 0);
    assert_int_equal(t.debits_pending_minor, t.credits_pending_minor);
    assert_true(held == (wide)t.issued_minor - t.retired_minor);
    assert_true(held == t.supply_minor);
}

void assert_books(const struct ledger *l)
{
    for (uint32_t i = 0; i < l->accounts_n; i++) {
        const struct account *a = &l->accounts[i];
        assert_int_equal(ledger_find_for(l, a->holder, a->unit, a->purpose), i);
        assert_chain(l, i);
        assert_unit(l, a->unit);
    }
}

static void save(const void *l, struct sink *s)
{
    ledger_save(l, s);
}
static enum heed_status load(void *l, struct source *s, struct heed_error *err)
{
    return ledger_load(l, s, err);
}
static void deinit(void *l)
{
    ledger_deinit(l);
}
static void check(const void *l)
{
    assert_books(l);
}

const struct saved_kind LEDGER_KIND = {sizeof(struct ledger), save, load, deinit, check};
