/* Each refusal of a transfer, alone and beside every other that can be wrong with the same ask: the
 * first in the order of base/refusal.def is the answer, and nothing changes. */
#include "ledger/ledger.h"

#include "support_books.h"
#include "support_saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* Accounts of gold, and one of gems; transfers that were made before. */
enum { A, B, FROZEN, CLOSED, BOUND, FULL, GEMS, ISSUE, RETIRE, ACCOUNTS };
enum {
    FILL_A,
    FILL_FROZEN,
    FILL_FULL,
    FILL_GEMS,
    NAMED,
    HOLD,
    TO_POST,
    TO_VOID,
    TO_EXPIRE,
    POSTED,
    VOIDED,
    MOVE,
    BACK,
    FROZEN_HOLD
};

static void must(struct ledger *l, int64_t time_ms, struct transfer_ask ask)
{
    struct transfer_answer answer;
    ask.code = ask.code ? ask.code : CODE_TRANSFER;
    ask.reference = LEDGER_NONE;
    assert_int_equal(ledger_apply(l, time_ms, &ask, 1, NULL, &answer), HEED_OK);
    assert_int_equal(answer.refusal, REFUSED_NOT);
}

static struct transfer_ask move(uint32_t debit, uint32_t credit, int64_t amount)
{
    return (struct transfer_ask){
        .debit = debit, .credit = credit, .amount_minor = amount, .of = LEDGER_NONE};
}

static struct transfer_ask hold(uint32_t debit, int64_t amount, uint32_t timeout_s)
{
    struct transfer_ask a = move(debit, B, amount);
    a.kind = TRANSFER_PENDING;
    a.timeout_s = timeout_s;
    return a;
}

static struct transfer_ask end(enum transfer_kind kind, uint32_t of)
{
    return (struct transfer_ask){.kind = (uint8_t)kind,
                                 .of = of,
                                 .debit = LEDGER_NONE,
                                 .credit = LEDGER_NONE,
                                 .amount_minor = TRANSFER_ALL};
}

static void open_ledger(struct ledger *l)
{
    static const struct {
        uint32_t holder, unit;
        uint16_t flags;
    } accounts[ACCOUNTS] = {{0, 0, ACCOUNT_DEBITS_WITHIN_CREDITS},
                            {1, 0, ACCOUNT_DEBITS_WITHIN_CREDITS},
                            {2, 0, ACCOUNT_DEBITS_WITHIN_CREDITS},
                            {3, 0, ACCOUNT_DEBITS_WITHIN_CREDITS},
                            {4, 0, ACCOUNT_CREDITS_WITHIN_DEBITS},
                            {5, 0, 0},
                            {0, 1, ACCOUNT_DEBITS_WITHIN_CREDITS},
                            {HOLDER_ISSUE, 0, 0},
                            {HOLDER_RETIRE, 0, ACCOUNT_DEBITS_WITHIN_CREDITS}};
    ledger_init(l);
    for (uint32_t i = 0; i < ACCOUNTS; i++)
        assert_int_equal(
            ledger_open_for(l, accounts[i].holder, accounts[i].unit, 0, accounts[i].flags, 0), i);
    uint32_t gems_of = ledger_open(l, HOLDER_ISSUE, 1);
    must(l, 0, move(ISSUE, A, 1000));
    must(l, 0, move(ISSUE, FROZEN, 1000));
    must(l, 0,
         move(FULL, B, INT64_MAX - 5000)); /* without bounds: it owes nearly all there can be */
    must(l, 0, move(gems_of, GEMS, 1000));
    struct transfer_ask named = move(A, B, 1);
    named.id_lo = 7;
    must(l, 0, named);
    must(l, 0, hold(A, 50, 0));
    must(l, 0, hold(A, 50, 0));
    must(l, 0, hold(A, 50, 0));
    must(l, 0, hold(A, 50, 1));
    must(l, 0, end(TRANSFER_POST, TO_POST));
    must(l, 0, end(TRANSFER_VOID, TO_VOID));
    must(l, 0, move(A, B, 2));
    must(l, 0, end(TRANSFER_REVERSE, MOVE));
    must(l, 0, hold(FROZEN, 30, 0));
    assert_int_equal(ledger_expire(l, 2000), HEED_OK);
    assert_int_equal(ledger_freeze(l, FROZEN, true), REFUSED_NOT);
    assert_int_equal(ledger_close(l, CLOSED), REFUSED_NOT);
}

/* One way of being wrong, put into an ask. */
struct fault {
    enum refusal refusal;
    unsigned part;  /* of the ask that it needs to itself */
    unsigned kinds; /* bits of the kinds that it may be put into */
    void (*put)(struct transfer_ask *a);
};
enum { DEBIT = 1, CREDIT = 2, AMOUNT = 4, ID = 8, OF = 16, LINK = 32 };
#define MOVES (1u << TRANSFER_MOVE | 1u << TRANSFER_PENDING)
#define POST (1u << TRANSFER_POST)
#define VOID (1u << TRANSFER_VOID)
#define REVERSE (1u << TRANSFER_REVERSE)
#define ENDS (POST | VOID | REVERSE)

static void no_account(struct transfer_ask *a)
{
    a->debit = 99;
}
static void no_transfer(struct transfer_ask *a)
{
    a->of = 9999;
}
static void id_used(struct transfer_ask *a)
{
    a->id_lo = 7;
}
static void chain_is_open(struct transfer_ask *a)
{
    a->flags |= TRANSFER_LINKED;
}
static void nothing(struct transfer_ask *a)
{
    a->amount_minor = 0;
}
static void less_than_nothing(struct transfer_ask *a)
{
    a->amount_minor = INT64_MIN;
}
static void to_itself(struct transfer_ask *a)
{
    a->debit = a->credit = A;
}
static void to_issue(struct transfer_ask *a)
{
    a->credit = ISSUE;
}
static void from_retire(struct transfer_ask *a)
{
    a->debit = RETIRE;
}
static void other_unit(struct transfer_ask *a)
{
    a->debit = GEMS;
}
static void to_closed(struct transfer_ask *a)
{
    a->credit = CLOSED;
}
static void from_frozen(struct transfer_ask *a)
{
    a->debit = FROZEN;
}
static void of_frozen(struct transfer_ask *a)
{
    a->of = FROZEN_HOLD;
}
static void of_a_move(struct transfer_ask *a)
{
    a->of = NAMED;
}
static void of_posted(struct transfer_ask *a)
{
    a->of = TO_POST;
}
static void of_voided(struct transfer_ask *a)
{
    a->of = TO_VOID;
}
static void of_expired(struct transfer_ask *a)
{
    a->of = TO_EXPIRE;
}
static void more_than_held(struct transfer_ask *a)
{
    a->amount_minor = 51;
}
static void of_a_hold(struct transfer_ask *a)
{
    a->of = HOLD;
}
static void of_reversed(struct transfer_ask *a)
{
    a->of = MOVE;
}
static void too_much(struct transfer_ask *a)
{
    a->amount_minor = 100000;
}
static void to_bound(struct transfer_ask *a)
{
    a->credit = BOUND;
}
static void from_full(struct transfer_ask *a)
{
    a->debit = FULL;
    a->amount_minor = 5001;
}

static const struct fault faults[] = {
    {REFUSED_unknown_account, DEBIT, MOVES, no_account},
    {REFUSED_unknown_transfer, OF, ENDS, no_transfer},
    {REFUSED_id_reused, ID, MOVES | ENDS, id_used},
    {REFUSED_chain_open, LINK, MOVES | ENDS, chain_is_open},
    {REFUSED_not_positive, AMOUNT, MOVES | POST, nothing},
    {REFUSED_not_positive, AMOUNT, MOVES | POST, less_than_nothing},
    {REFUSED_same_account, DEBIT | CREDIT, MOVES, to_itself},
    {REFUSED_system_account, CREDIT, MOVES, to_issue},
    {REFUSED_system_account, DEBIT, MOVES, from_retire},
    {REFUSED_unit_mismatch, DEBIT, MOVES, other_unit},
    {REFUSED_account_closed, CREDIT, MOVES, to_closed},
    {REFUSED_account_frozen, DEBIT, MOVES, from_frozen},
    {REFUSED_account_frozen, OF, POST, of_frozen},
    {REFUSED_not_pending, OF, POST | VOID, of_a_move},
    {REFUSED_pending_posted, OF, POST | VOID, of_posted},
    {REFUSED_pending_voided, OF, POST | VOID, of_voided},
    {REFUSED_pending_expired, OF, POST | VOID, of_expired},
    {REFUSED_exceeds_pending, AMOUNT, POST, more_than_held},
    {REFUSED_not_reversible, OF, REVERSE, of_a_hold},
    {REFUSED_reversed_before, OF, REVERSE, of_reversed},
    {REFUSED_insufficient_funds, AMOUNT, MOVES, too_much},
    {REFUSED_exceeds_debits, CREDIT, MOVES, to_bound},
    {REFUSED_overflow, DEBIT | AMOUNT, MOVES, from_full},
};
enum { FAULTS = sizeof faults / sizeof *faults };

/* An ask of the kind with nothing wrong. */
static struct transfer_ask sound(enum transfer_kind kind)
{
    struct transfer_ask a = kind == TRANSFER_REVERSE ? end(kind, NAMED)
                            : kind >= TRANSFER_POST  ? end(kind, HOLD)
                                                     : move(A, B, 3);
    a.kind = (uint8_t)kind;
    a.code = CODE_TRANSFER;
    a.reference = LEDGER_NONE;
    return a;
}

static void each_refusal_comes_in_its_order(void **state)
{
    (void)state;
    struct ledger l;
    open_ledger(&l);
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    size_t pairs = 0;
    for (unsigned kind = 0; kind < TRANSFER_KINDS; kind++)
        for (size_t i = 0; i < FAULTS && kind != TRANSFER_EXPIRE; i++)
            for (size_t j = i; j < FAULTS; j++) {
                const struct fault *one = &faults[i], *other = &faults[j];
                if (!(one->kinds & other->kinds & 1u << kind) ||
                    (i != j && one->part & other->part))
                    continue;
                struct transfer_ask ask = sound((enum transfer_kind)kind);
                struct transfer_answer answer;
                one->put(&ask);
                other->put(&ask);
                assert_int_equal(ledger_apply(&l, 3000, &ask, 1, NULL, &answer), HEED_OK);
                enum refusal expected =
                    one->refusal < other->refusal ? one->refusal : other->refusal;
                if (answer.refusal != expected)
                    fail_msg("%s with %s in a %s: %s", refusal_code(one->refusal),
                             refusal_code(other->refusal),
                             transfer_kind_name((enum transfer_kind)kind),
                             refusal_code(answer.refusal));
                struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
                assert_true(saved_equal(&before, &after));
                strbuf_deinit(&after);
                pairs++;
            }
    assert_true(pairs > 150);
    strbuf_deinit(&before);
    ledger_deinit(&l);
}

static void a_sound_ask_of_each_kind_is_done(void **state)
{
    (void)state;
    static const enum transfer_kind kinds[] = {TRANSFER_MOVE, TRANSFER_PENDING, TRANSFER_POST,
                                               TRANSFER_VOID, TRANSFER_REVERSE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct ledger l;
        open_ledger(&l);
        must(&l, 3000, sound(kinds[i]));
        ledger_deinit(&l);
    }
}

static void one_of_a_chain_refuses_all(void **state)
{
    (void)state;
    struct ledger l;
    open_ledger(&l);
    struct strbuf before = saved_bytes(&LEDGER_KIND, &l);
    for (size_t i = 0; i < FAULTS; i++) {
        unsigned kind = 0;
        while (!(faults[i].kinds & 1u << kind))
            kind++;
        if (faults[i].refusal == REFUSED_chain_open)
            continue;
        struct transfer_ask asks[] = {sound(TRANSFER_MOVE), sound((enum transfer_kind)kind),
                                      sound(TRANSFER_MOVE)};
        struct transfer_answer answers[3];
        faults[i].put(&asks[1]);
        asks[0].flags |= TRANSFER_LINKED;
        asks[1].flags |= TRANSFER_LINKED;
        assert_int_equal(ledger_apply(&l, 3000, asks, 3, NULL, answers), HEED_OK);
        assert_int_equal(answers[0].refusal, REFUSED_linked);
        assert_int_equal(answers[1].refusal, faults[i].refusal);
        assert_int_equal(answers[2].refusal, REFUSED_linked);
        struct strbuf after = saved_bytes(&LEDGER_KIND, &l);
        assert_true(saved_equal(&before, &after));
        strbuf_deinit(&after);
    }
    strbuf_deinit(&before);
    ledger_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_comes_in_its_order),
        cmocka_unit_test(a_sound_ask_of_each_kind_is_done),
        cmocka_unit_test(one_of_a_chain_refuses_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
