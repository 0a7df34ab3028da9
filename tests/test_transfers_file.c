/* `heed ledger apply`: random files, hostile ones included, against a naive ledger of a few arrays;
 * files applied again, and runs that are killed and go on. HEED_APPLY_LINES=N: lines of the random
 * file (default 30,000). */
#include "support_world.h"

#include "base/prng.h"
#include "import/transfers.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEOPLE = 8 };

/* ── the naive ledger ── */

struct naive_line {
    int kind; /* 0 transfer, 1 pending, 2 post, 3 void, as `kinds` */
    int from, to;
    int64_t amount; /* of post -1: all */
    size_t of, id;  /* line whose id it is */
    size_t chain;   /* 0: none */
    bool up_to;
};
static const char *const kinds[] = {"transfer", "pending", "post", "void"};

struct naive_moved {
    struct naive_line line; /* of whom the id was */
    int64_t amount;         /* held */
    bool there, posted, voided;
};

struct naive {
    int64_t has[PEOPLE], held[PEOPLE];
    struct naive_moved *moved; /* [lines] by id */
};

static bool same(const struct naive_line *a, const struct naive_line *b)
{
    return a->kind == b->kind && a->from == b->from && a->to == b->to && a->amount == b->amount &&
           a->of == b->of && a->up_to == b->up_to;
}

/* "applied", "repeated" or the refusal's code. */
static const char *naive_apply(struct naive *x, const struct naive_line *l)
{
    struct naive_moved *mine = &x->moved[l->id];
    struct naive_moved *of = l->kind >= 2 ? &x->moved[l->of] : NULL;
    int64_t amount = l->amount;
    if (of && !of->there)
        return "unknown_transfer";
    if (mine->there)
        return same(&mine->line, l) ? "repeated" : "id_reused";
    if (l->kind == 3 || (l->kind == 2 && amount == -1))
        amount = of->amount;
    if (l->kind != 3 && amount <= 0)
        return "not_positive";
    if (!of && l->from == l->to)
        return "same_account";
    if (of && of->line.kind != 1)
        return "not_pending";
    if (of && of->posted)
        return "pending_posted";
    if (of && of->voided)
        return "pending_voided";
    if (of && l->kind == 2 && amount > of->amount)
        return "exceeds_pending";
    int64_t free = of ? 0 : x->has[l->from] - x->held[l->from];
    if (l->up_to && amount > free)
        amount = free;
    if (!of && (amount > free || amount == 0))
        return "insufficient_funds";
    if (of)
        x->held[of->line.from] -= of->amount;
    if (l->kind == 0 || l->kind == 2) {
        const struct naive_line *way = of ? &of->line : l;
        x->has[way->from] -= amount;
        x->has[way->to] += amount;
    } else if (l->kind == 1) {
        x->held[l->from] += amount;
    }
    if (of) {
        of->posted = l->kind == 2;
        of->voided = l->kind == 3;
    }
    *mine = (struct naive_moved){*l, amount, true, false, false};
    return "applied";
}

static void naive_run(const struct naive_line *lines, size_t n, struct naive *x,
                      const char **results)
{
    struct naive_moved kept[16], kept_of[16];
    for (size_t i = 0, end; i < n; i = end) {
        struct naive before = *x;
        size_t wrong = n;
        for (end = i + 1; end < n && lines[end].chain && lines[end].chain == lines[i].chain; end++)
            ;
        /* what a line names must be there before the chain */
        for (size_t k = i; k < end; k++) {
            kept[k - i] = x->moved[lines[k].id];
            kept_of[k - i] = lines[k].kind >= 2 ? x->moved[lines[k].of] : kept[k - i];
            if (wrong == n && lines[k].kind >= 2 && !kept_of[k - i].there)
                wrong = k;
        }
        const char *why = wrong < n ? "unknown_transfer" : NULL;
        for (size_t k = i; k < end && !why; k++) {
            results[k] = naive_apply(x, &lines[k]);
            if (strcmp(results[k], "applied") != 0 && strcmp(results[k], "repeated") != 0) {
                why = results[k];
                wrong = k;
            }
        }
        if (!why)
            continue;
        memcpy(x->has, before.has, sizeof x->has);
        memcpy(x->held, before.held, sizeof x->held);
        for (size_t k = end; k-- > i;) {
            if (lines[k].kind >= 2)
                x->moved[lines[k].of] = kept_of[k - i];
            x->moved[lines[k].id] = kept[k - i];
            results[k] = k == wrong ? why : "linked";
        }
    }
}

/* ── files ── */

static struct naive_line *random_lines(size_t n, uint64_t seed)
{
    struct naive_line *lines = calloc(n, sizeof *lines);
    struct prng r;
    prng_seed(&r, seed);
    assert_non_null(lines);
    size_t chain = 0, left = 0, open_n = 0, *open = calloc(n, sizeof *open);
    assert_non_null(open);
    for (size_t i = 0; i < n; i++) {
        struct naive_line *l = &lines[i];
        if (left == 0 && prng_below(&r, 20) == 0) {
            left = 2 + prng_below(&r, 4);
            chain++;
        }
        l->chain = left > 0 ? chain : 0;
        left -= left > 0;
        l->id = i;
        l->kind = (int)prng_below(&r, 4);
        if (l->kind >= 2) {
            l->of = i - prng_below(&r, i < 40 ? i + 1 : 40);
            if (open_n > 0 && prng_below(&r, 4)) { /* else all would be held in the end */
                size_t at = (size_t)prng_below(&r, open_n);
                l->of = open[at];
                open[at] = open[--open_n];
            }
            l->amount = l->kind == 2 ? prng_below(&r, 2) ? -1 : (int64_t)prng_below(&r, 200) : -1;
        } else {
            l->from = (int)prng_below(&r, PEOPLE);
            l->to = (int)prng_below(&r, PEOPLE);
            l->amount = (int64_t)prng_below(&r, 300) - 5;
            l->up_to = l->kind == 0 && prng_below(&r, 8) == 0;
            if (l->kind == 1)
                open[open_n++] = i;
        }
        if (!l->chain && i > 50 && prng_below(&r, 10) == 0) { /* an id again */
            struct naive_line before = lines[i - 1 - prng_below(&r, 50)];
            if (!before.chain && !before.up_to && before.id < i) {
                int64_t amount = before.amount;
                *l = before;
                if (l->kind < 2 && prng_below(&r, 2))
                    l->amount = amount + 1;
            }
        }
    }
    free(open);
    return lines;
}

static void write_lines(const char *path, const struct naive_line *lines, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("kind,id,from,to,amount,up-to,of,chain\n", f);
    for (size_t i = 0; i < n; i++) {
        const struct naive_line *l = &lines[i];
        char chain[32] = "", amount[32] = "";
        if (l->chain)
            snprintf(chain, sizeof chain, "c%zu", l->chain);
        if (l->kind < 2 || l->amount >= 0)
            snprintf(amount, sizeof amount, "%s%lld.%02lld", l->amount < 0 ? "-" : "",
                     llabs(l->amount) / 100, llabs(l->amount) % 100);
        if (l->kind < 2)
            fprintf(f, "%s,i%zu,u%d,u%d,%s,%s,,%s\n", kinds[l->kind], l->id, l->from, l->to, amount,
                    l->up_to ? "1" : "", chain);
        else
            fprintf(f, "%s,i%zu,,,%s,,i%zu,%s\n", kinds[l->kind], l->id, amount, l->of, chain);
    }
    assert_int_equal(fclose(f), 0);
}

/* As many coins for each as lines use up: what is held for good grows with them. */
static void fill(struct world *w, size_t lines)
{
    char gold[32];
    snprintf(gold, sizeof gold, "%zu", lines / 300);
    for (uint64_t i = 0; i < PEOPLE; i++) {
        json_decref(call_ok(w, "user add", "id", numbered("u", i), NULL));
        json_decref(call_ok(w, "ledger issue", "to", numbered("u", i), "amount", gold, NULL));
    }
}

struct told {
    const char **results;
    const struct naive_line *lines;
    size_t n, at, die_at, wrong;
};

static void hear(void *context, const struct transfers_answer *a)
{
    struct told *t = context;
    const char *got = a->refused_before           ? "refused_before"
                      : a->refusal != REFUSED_NOT ? refusal_code(a->refusal)
                      : a->repeated               ? "repeated"
                                                  : "applied";
    if (t->at == t->die_at)
        kill(getpid(), SIGKILL);
    if (t->results && strcmp(got, t->results[t->at]) != 0 && t->wrong == t->n) {
        t->wrong = t->at;
        printf("line %zu: %s, the naive ledger %s\n", t->at + 2, got, t->results[t->at]);
    }
    assert_int_equal(a->line, t->at + 2);
    t->at++;
}

static struct transfers_result apply(struct world *w, const char *path, struct told *t)
{
    const struct heed_context context = {T0, NULL};
    const struct transfers_options options = {.answer = hear, .context = t};
    struct transfers_result result;
    struct heed_error err = {0};
    if (transfers_apply(w, &context, path, &options, &result, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(t->at, t->n);
    return result;
}

static void random_files_give_what_a_naive_ledger_gives(void **unused)
{
    (void)unused;
    const char *wanted = getenv("HEED_APPLY_LINES");
    size_t n = wanted ? (size_t)strtoul(wanted, NULL, 10) : 30000;
    struct naive_line *lines = random_lines(n, 5);
    struct naive x = {.moved = calloc(n + 1, sizeof *x.moved)};
    const char **results = calloc(n + 1, sizeof *results);
    char *file = test_path("random.csv");
    assert_true(x.moved && results);
    for (int i = 0; i < PEOPLE; i++)
        x.has[i] = (int64_t)(n / 300 * 100);
    naive_run(lines, n, &x, results);
    write_lines(file, lines, n);
    struct world *w = world_in_memory();
    fill(w, n);
    struct told t = {.results = results, .lines = lines, .n = n, .die_at = SIZE_MAX, .wrong = n};
    struct transfers_result result = apply(w, file, &t);
    assert_int_equal(t.wrong, n);
    assert_true(result.applied > n / 8 && result.repeated > 0 && result.refused > n / 8);
    const struct ledger *l = &w->state.ledger;
    for (uint64_t i = 0; i < PEOPLE; i++) {
        uint32_t a = ledger_find(l, world_find_user(w, str_of(numbered("u", i))), 0);
        assert_int_equal(ledger_balance(l, a), x.has[i]);
        assert_int_equal(l->accounts[a].debits_pending, x.held[i]);
    }
    assert_int_equal(ledger_totals(l, 0).sum_minor, 0);
    printf("%zu lines: %llu applied, %llu repeated, %llu refused\n", n,
           (unsigned long long)result.applied, (unsigned long long)result.repeated,
           (unsigned long long)result.refused);
    struct sha256 once = hash_of(w);
    struct told again = {.n = n, .lines = lines, .die_at = SIZE_MAX, .wrong = n};
    result = apply(w, file, &again);
    assert_int_equal(result.applied + result.refused, 0);
    assert_true(sha256_eq(once, hash_of(w)));
    assert_verified(w);
    world_close(w);
    unlink(file);
    free(file);
    free(results);
    free(x.moved);
    free(lines);
}

static void a_run_that_is_killed_goes_on_where_it_stopped(void **unused)
{
    (void)unused;
    enum { LINES = 30000 };
    struct naive_line *lines = random_lines(LINES, 6);
    char *file = test_path("killed.csv"), *path = test_path("killed.world");
    write_lines(file, lines, LINES);
    struct world *whole = world_in_memory();
    fill(whole, LINES);
    struct told t = {.n = LINES, .lines = lines, .die_at = SIZE_MAX, .wrong = LINES};
    apply(whole, file, &t);
    struct world *w = world_at(path);
    fill(w, LINES);
    world_close(w);
    static const size_t deaths[] = {0, 100, 8190, 9000, 17000, 29999};
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct told dies = {.n = LINES, .lines = lines, .die_at = deaths[i], .wrong = LINES};
            w = world_at(path);
            apply(w, file, &dies);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
    }
    w = world_at(path);
    struct told last = {.n = LINES, .lines = lines, .die_at = SIZE_MAX, .wrong = LINES};
    apply(w, file, &last);
    const struct ledger *a = &whole->state.ledger, *b = &w->state.ledger;
    assert_int_equal(a->transfers_n, b->transfers_n);
    for (size_t i = 0; i < a->transfers_n; i++)
        assert_memory_equal(&a->transfers[i], &b->transfers[i], sizeof *a->transfers);
    world_close(w);
    world_close(whole);
    unlink(file);
    unlink(path);
    free(file);
    free(path);
    free(lines);
}

/* ── what is malformed is named, and nothing is applied ── */

static void malformed_lines_are_named_before_anything_is_applied(void **unused)
{
    (void)unused;
    static const char good[] = "transfer,a,u0,u1,5,,,,,,,,,,\n";
    static const struct {
        const char *line, *where;
    } rows[] = {
        {"move,b,u0,u1,5,,,,,,,,,,", "column 1 (kind)"},
        {"transfer,,u0,u1,5,,,,,,,,,,", "column 2 (id)"},
        {"transfer,b,u0,u1,,,,,,,,,,,", "column 5 (amount)"},
        {"transfer,b,u0,u1,five,,,,,,,,,,", "column 5 (amount)"},
        {"transfer,b,u0,u1,5.001,,,,,,,,,,", "column 5 (amount)"},
        {"transfer,b,u0,u1,99999999999999999999,,,,,,,,,,", "column 5 (amount)"},
        {"transfer,b,u0,u1,5,,,,2,,,,,,", "column 9 (up-to)"},
        {"transfer,b,u0,u1,5,,,,,7,,,,,", "column 10 (code)"},
        {"transfer,b,u0,u1,5,,,,,,xyz,,,,", "column 11 (data)"},
        {"transfer,b,u0,u1,5,,,,,,,60,,,", "column 12 (timeout)"},
        {"pending,b,u0,u1,5,,,,,,,0,,,", "column 12 (timeout)"},
        {"transfer,b,u0,u1,5,,,,,,,,3,,", "column 13 (transfer)"},
        {"post,b,u0,,5,,,,,,,,,a,", "column 3 (from)"},
        {"void,b,,,5,,,,,,,,,a,", "column 5 (amount)"},
        {"post,b,,,5,,,,,,,,,,", "line 3"},
        {"post,b,,,5,,,,,,,,1,a,", "line 3"},
        {"post,b,,,5,,,,,,,,-1,,", "column 13 (transfer)"},
        {"transfer,b,u0,u1", "line 3"},
        {"transfer,b,u0,\"u1,5,,,,,,,,,,", "line 3"},
    };
    struct world *w = world_in_memory();
    fill(w, 30000);
    struct sha256 before = hash_of(w);
    char *file = test_path("bad.csv");
    const struct heed_context context = {T0, NULL};
    const struct transfers_options options = {0};
    struct transfers_result result;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FILE *f = fopen(file, "w");
        assert_non_null(f);
        fprintf(f,
                "kind,id,from,to,amount,currency,from-purpose,to-purpose,up-to,code,data,timeout,"
                "transfer,of,chain\n%s%s\n",
                good, rows[i].line);
        assert_int_equal(fclose(f), 0);
        struct heed_error err = {0};
        enum heed_status status = transfers_apply(w, &context, file, &options, &result, &err);
        if (status != HEED_INPUT || !strstr(err.where, "line 3") ||
            !strstr(err.where, rows[i].where))
            fail_msg("%s: %d %s: %s", rows[i].line, (int)status, err.where, err.message);
        assert_true(sha256_eq(before, hash_of(w)));
    }
    static const char *const headers[] = {"", "kind\n", "kind,id,id\n", "kind,id,colour\n"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        FILE *f = fopen(file, "w");
        assert_non_null(f);
        fputs(headers[i], f);
        assert_int_equal(fclose(f), 0);
        struct heed_error err = {0};
        assert_int_equal(transfers_apply(w, &context, file, &options, &result, &err), HEED_INPUT);
    }
    /* a member may not */
    struct heed_error err = {0};
    const struct heed_context member = {T0, "u0"};
    assert_int_equal(transfers_apply(w, &member, file, &options, &result, &err), HEED_REFUSED);
    assert_true(sha256_eq(before, hash_of(w)));
    world_close(w);
    unlink(file);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_files_give_what_a_naive_ledger_gives),
        cmocka_unit_test(a_run_that_is_killed_goes_on_where_it_stopped),
        cmocka_unit_test(malformed_lines_are_named_before_anything_is_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
