/* Batches of transfers through the library: what each is answered, chains whole or not at all, who
 * may, and the same outcome as one call after the other and as the journal gives on replay. */
#include "heed.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { USERS = 6, ROUNDS = 60, MOST = 40 };
static const char path[] = "test_batch.world";

static char *call(struct heed_world *w, int64_t time_ms, const char *name,
                  enum heed_status expected, const struct heed_arg *args, size_t n)
{
    struct heed_error err;
    struct heed_context context = {time_ms, NULL};
    char *reply = NULL;
    enum heed_status status = heed_call(w, name, &context, args, n, &reply, &err);
    if (status != expected)
        fail_msg("%s: %s %s %s", name, err.where, err.message, reply ? reply : "");
    return reply;
}

static struct heed_world *open_world(const char *at, uint32_t accounts[USERS])
{
    struct heed_world *w = NULL;
    struct heed_error err;
    const struct heed_options options = {.create = 1};
    assert_int_equal(heed_open(at, &options, &w, &err), HEED_OK);
    for (int i = 0; i < USERS; i++) {
        char id[] = {'u', (char)('0' + i), 0};
        heed_free(call(w, 1000, "user add", HEED_OK,
                       (struct heed_arg[]){{"id", id}, {"role", i == 5 ? "client" : "member"}}, 2));
        heed_free(call(w, 1000, "ledger issue", HEED_OK,
                       (struct heed_arg[]){{"to", id}, {"amount", "10.00"}}, 2));
        assert_int_equal(heed_account(w, id, NULL, NULL, &accounts[i], &err), HEED_OK);
    }
    return w;
}

static void remove_world(void)
{
    unlink(path);
    unlink("test_batch.world.lock");
}

static void apply(struct heed_world *w, int64_t time_ms, const struct heed_transfer *t, size_t n,
                  struct heed_transferred *r)
{
    struct heed_error err;
    struct heed_context context = {time_ms, NULL};
    if (heed_transfers(w, &context, t, n, r, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
}

static const char *said(const struct heed_transferred *r)
{
    return r->refused ? r->refused : r->repeated ? "repeated" : "done";
}

static void chains_apply_whole_or_not_at_all(void **unused)
{
    (void)unused;
    uint32_t a[USERS];
    struct heed_world *w = open_world(":memory:", a);
    const struct heed_transfer rows[] = {
        {.amount = 900, .debit = a[0], .credit = a[1], .flags = HEED_LINKED, .id_lo = 1},
        {.amount = 2000, .debit = a[1], .credit = a[2], .id_lo = 1}, /* has 1900 */
        {.amount = 900, .debit = a[0], .credit = a[1], .flags = HEED_LINKED, .id_lo = 2},
        {.amount = 1900, .debit = a[1], .credit = a[2], .id_lo = 2},
        {.kind = HEED_HOLD,
         .amount = 50,
         .debit = a[0],
         .credit = a[3],
         .flags = HEED_LINKED,
         .timeout_s = 9},
        {.kind = HEED_HOLD,
         .amount = 50,
         .debit = a[0],
         .credit = a[4],
         .code = 4096,
         .data_hi = 7},
        {.amount = 1, .debit = a[0], .credit = a[1]},
        {.amount = 5000, .debit = a[2], .credit = a[1], .flags = HEED_UP_TO},
        {.amount = 1, .debit = a[3], .credit = a[0], .flags = HEED_LINKED},
    };
    static const char *const answers[] = {
        "linked", "insufficient_funds", "done", "done",      "done",
        "done",   "insufficient_funds", "done", "chain_open"};
    enum { N = sizeof rows / sizeof *rows };
    struct heed_transferred r[N];
    apply(w, 2000, rows, N, r);
    for (int i = 0; i < N; i++)
        if (strcmp(said(&r[i]), answers[i]) != 0)
            fail_msg("row %d: %s, not %s", i, said(&r[i]), answers[i]);
    assert_int_equal(r[0].number, HEED_NONE);
    struct heed_transferred again[2];
    apply(w, 2500, rows + 2, 2, again);
    assert_string_equal(said(&again[0]), "repeated");
    assert_int_equal(again[1].number, r[3].number);
    char number[16];
    snprintf(number, sizeof number, "%u", r[4].number);
    char *reply = call(w, 3000, "ledger post", HEED_OK,
                       (struct heed_arg[]){{"transfer", number}, {"chain", "1"}}, 2);
    heed_free(reply);
    reply = call(w, 3000, "ledger balance", HEED_OK, (struct heed_arg[]){{"account", "u0"}}, 1);
    assert_non_null(strstr(reply, "\"balance_minor\":0"));
    heed_free(reply);
    reply = call(w, 3000, "ledger show", HEED_OK, (struct heed_arg[]){{"transfer", number}}, 1);
    assert_non_null(strstr(reply, "\"state\":\"posted\""));
    heed_free(reply);
    heed_close(w);
}

static void only_who_keeps_the_world_may(void **unused)
{
    (void)unused;
    uint32_t a[USERS], number;
    struct heed_error err;
    struct heed_world *w = open_world(":memory:", a);
    struct heed_transfer t = {.amount = 1, .debit = a[0], .credit = a[1]};
    struct heed_transferred r;
    struct heed_context as = {2000, "u0"};
    assert_int_equal(heed_transfers(w, &as, &t, 1, &r, &err), HEED_REFUSED);
    as.actor = "u5";
    assert_int_equal(heed_transfers(w, &as, &t, 1, &r, &err), HEED_OK);
    assert_null(r.refused);
    static const struct heed_transfer bad[] = {{.kind = 4},
                                               {.kind = 6},
                                               {.flags = 4},
                                               {.code = 12},
                                               {.timeout_s = 1},
                                               {.kind = HEED_REVERSE, .code = 300},
                                               {.kind = HEED_POST, .flags = HEED_UP_TO},
                                               {.reserved = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct heed_transfer two[] = {t, bad[i]};
        struct heed_transferred answers[2];
        assert_int_equal(heed_transfers(w, &as, two, 2, answers, &err), HEED_USAGE);
        assert_string_equal(err.where, "transfer 1");
    }
    heed_free(call(w, 2000, "user erase", HEED_OK, (struct heed_arg[]){{"user", "u1"}}, 1));
    assert_int_equal(heed_transfers(w, &as, &t, 1, &r, &err), HEED_OK);
    assert_string_equal(r.refused, "erased");
    assert_int_equal(heed_account(w, "u1", NULL, NULL, &number, &err), HEED_REFUSED);
    assert_int_equal(heed_account(w, "u0", "silver", NULL, &number, &err), HEED_REFUSED);
    assert_int_equal(heed_account(w, "u0", NULL, "savings", &number, &err), HEED_REFUSED);
    assert_int_equal(heed_account(w, "system:pool", NULL, NULL, &number, &err), HEED_REFUSED);
    heed_free(call(w, 2000, "ledger issue", HEED_OK,
                   (struct heed_arg[]){{"to", "system:pool"}, {"amount", "1"}}, 2));
    assert_int_equal(heed_account(w, "system:pool", NULL, NULL, &number, &err), HEED_OK);
    t = (struct heed_transfer){.amount = 1, .debit = number, .credit = a[2]};
    assert_int_equal(heed_transfers(w, &as, &t, 1, &r, &err), HEED_OK);
    assert_string_equal(r.refused, "system_account");
    t = (struct heed_transfer){.kind = HEED_REVERSE, .of = 0}; /* an issue */
    assert_int_equal(heed_transfers(w, &as, &t, 1, &r, &err), HEED_OK);
    assert_string_equal(r.refused, "system_account");
    heed_close(w);
}

/* The same ask as a call of its own; gives its answer. */
static void single(struct heed_world *w, int64_t time_ms, const struct heed_transfer *t,
                   const uint32_t accounts[USERS], char *answer, size_t size)
{
    static const char *const names[] = {[HEED_MOVE] = "ledger transfer",
                                        [HEED_HOLD] = "ledger pending",
                                        [HEED_POST] = "ledger post",
                                        [HEED_VOID] = "ledger void",
                                        [HEED_REVERSE] = "ledger reverse"};
    struct heed_error err;
    struct heed_context context = {time_ms, NULL};
    struct heed_arg args[8];
    char from[4] = "u?", to[4] = "u?", amount[40], of[16], timeout[16];
    size_t n = 0;
    snprintf(amount, sizeof amount, "%lld.%02lld", (long long)t->amount / 100,
             (long long)t->amount % 100);
    snprintf(of, sizeof of, "%u", t->of);
    snprintf(timeout, sizeof timeout, "%u", t->timeout_s);
    for (int i = 0; i < USERS; i++) {
        from[1] = accounts[i] == t->debit ? (char)('0' + i) : from[1];
        to[1] = accounts[i] == t->credit ? (char)('0' + i) : to[1];
    }
    if (t->kind <= HEED_HOLD) {
        args[n++] = (struct heed_arg){"from", from};
        args[n++] = (struct heed_arg){"to", to};
        args[n++] = (struct heed_arg){"up-to", t->flags & HEED_UP_TO ? "1" : "0"};
    } else {
        args[n++] = (struct heed_arg){"transfer", of};
    }
    if (t->kind <= HEED_POST && t->amount != HEED_ALL)
        args[n++] = (struct heed_arg){"amount", amount};
    if (t->timeout_s)
        args[n++] = (struct heed_arg){"timeout", timeout};
    char *reply = NULL;
    enum heed_status status = heed_call(w, names[t->kind], &context, args, n, &reply, &err);
    const char *code = reply ? strstr(reply, "\"code\":\"") : NULL;
    if (status == HEED_REFUSED && code)
        snprintf(answer, size, "%.*s", (int)strcspn(code + 8, "\""), code + 8);
    else
        snprintf(answer, size, "%s", status == HEED_OK ? "done" : err.message);
    heed_free(reply);
}

static struct heed_transfer any(struct prng *p, const uint32_t a[USERS], uint32_t transfers)
{
    static const uint8_t kinds[] = {HEED_MOVE, HEED_MOVE, HEED_HOLD,   HEED_HOLD,
                                    HEED_POST, HEED_VOID, HEED_REVERSE};
    struct heed_transfer t = {.kind = kinds[prng_below(p, sizeof kinds)], .of = HEED_NONE};
    t.amount = (int64_t)prng_below(p, 700);
    if (t.kind <= HEED_HOLD) {
        t.debit = a[prng_below(p, USERS)];
        t.credit = a[prng_below(p, USERS)];
        t.flags = prng_below(p, 5) == 0 ? HEED_UP_TO : 0;
        t.timeout_s = t.kind == HEED_HOLD && prng_below(p, 2) ? 1 + (uint32_t)prng_below(p, 20) : 0;
    } else {
        t.of = (uint32_t)prng_below(p, transfers + 2);
        if (t.kind != HEED_POST || prng_below(p, 2))
            t.amount = HEED_ALL;
    }
    return t;
}

static char *balances(struct heed_world *w, int64_t time_ms)
{
    static char text[USERS * 2048];
    size_t n = 0;
    for (int i = 0; i < USERS; i++) {
        char id[] = {'u', (char)('0' + i), 0};
        char *reply =
            call(w, time_ms, "ledger balance", HEED_OK, (struct heed_arg[]){{"account", id}}, 1);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", reply);
        heed_free(reply);
    }
    return text;
}

static void batches_are_their_transfers_one_by_one(void **unused)
{
    (void)unused;
    uint32_t a[USERS], b[USERS], transfers = USERS;
    struct prng p;
    remove_world();
    struct heed_world *batched = open_world(path, a), *singly = open_world(":memory:", b);
    prng_seed(&p, 11);
    for (int round = 0; round < ROUNDS; round++) {
        struct heed_transfer t[MOST];
        struct heed_transferred r[MOST];
        size_t n = 1 + prng_below(&p, MOST);
        int64_t now = 5000 + round * 4000;
        for (size_t i = 0; i < n; i++)
            t[i] = any(&p, a, transfers + (uint32_t)i);
        apply(batched, now, t, n, r);
        for (size_t i = 0; i < n; i++) {
            char answer[400];
            single(singly, now, &t[i], a, answer, sizeof answer);
            if (strcmp(answer, said(&r[i])) != 0)
                fail_msg("round %d, transfer %zu, kind %d: %s in a batch, %s alone", round, i,
                         t[i].kind, said(&r[i]), answer);
            if (!r[i].refused)
                transfers = r[i].number + 1;
        }
        char before[USERS * 2048];
        snprintf(before, sizeof before, "%s", balances(batched, now));
        assert_string_equal(before, balances(singly, now));
    }
    heed_close(singly);
    heed_close(batched);
    char *reply = NULL;
    struct heed_error err;
    assert_int_equal(heed_verify(path, &reply, &err), HEED_OK);
    assert_non_null(strstr(reply, "\"ok\":true"));
    heed_free(reply);
    remove_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_apply_whole_or_not_at_all),
        cmocka_unit_test(only_who_keeps_the_world_may),
        cmocka_unit_test(batches_are_their_transfers_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
