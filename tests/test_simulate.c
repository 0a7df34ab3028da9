/* The driver: seeds that hold, and mistakes put in on purpose that it finds and makes small. */
#include "support_vfs.h"
#include "support_world.h"

#include "base/prng.h"
#include "sim/simulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct simulate_result run(const struct simulate_options *options)
{
    struct simulate_result result;
    struct heed_error err = {0};
    enum heed_status status = simulate(options, &result, &err);
    if (status != HEED_OK)
        fail_msg("seed %llu: status %d: %s: %s", (unsigned long long)options->seed, (int)status,
                 err.where, err.message);
    return result;
}

static struct simulate_result run_holds(const struct simulate_options *options)
{
    struct simulate_result result = run(options);
    if (result.failed)
        fail_msg("%s", result.failure);
    assert_int_equal(result.commands, options->commands);
    return result;
}

static void ten_seeds_hold(void **unused)
{
    (void)unused;
    uint64_t refused = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct simulate_result r = run_holds(
            &(struct simulate_options){.seed = seed, .commands = 500, .path = ":memory:"});
        refused += r.refused;
        assert_true(r.batches > 20 && r.checks > r.batches);
    }
    /* neither all nothing nor all refused, or the driver drives nowhere */
    assert_true(refused > 500 && refused < 3500);
}

static void a_seed_gives_the_same_world_in_memory_and_in_a_file(void **unused)
{
    (void)unused;
    char *path = test_path("driven.world");
    struct simulate_options o = {.seed = 11, .commands = 400, .path = ":memory:"};
    struct simulate_result memory = run_holds(&o);
    struct simulate_result again = run_holds(&o);
    o.path = path;
    o.reopen = true;
    struct simulate_result file = run_holds(&o);
    assert_true(sha256_eq(memory.world_hash, again.world_hash));
    assert_true(sha256_eq(memory.world_hash, file.world_hash));
    o.seed = 12;
    o.path = ":memory:";
    struct simulate_result other = run_holds(&o);
    assert_false(sha256_eq(memory.world_hash, other.world_hash));
    unlink(path);
    free(path);
}

/* ── a disk that fails ── */

struct failing {
    struct prng r;
    int fired;
};

/* After each batch: the disk fails at some write to come, once. */
static void fail_again(void *context, uint64_t done, uint64_t total)
{
    struct failing *f = context;
    (void)done;
    (void)total;
    f->fired += vfs_fault_fired();
    long n = 1 + (long)prng_below(&f->r, 24);
    vfs_fault_fail_at(n, (enum vfs_fault)prng_below(&f->r, VFS_DEAD));
}

static void storage_that_fails_keeps_what_was_acknowledged(void **unused)
{
    (void)unused;
    static const char name[] = "failing";
    char *path = test_path("failing.world");
    vfs_fault_register(name);
    int fired = 0;
    for (uint64_t seed = 21; seed <= 24; seed++) {
        struct failing f = {.fired = 0};
        prng_seed(&f.r, seed);
        unlink(path);
        fail_again(&f, 0, 0);
        run_holds(&(struct simulate_options){.seed = seed,
                                             .commands = 400,
                                             .path = path,
                                             .vfs = name,
                                             .reopen = true,
                                             .progress = fail_again,
                                             .progress_context = &f});
        fired += f.fired;
        vfs_fault_off();
    }
    unlink(path);
    free(path);
    if (fired < 40)
        fail_msg("only %d writes failed", fired);
}

/* ── mistakes ── */

static bool nobody_is_erased(void *context, struct world *w)
{
    (void)context;
    for (size_t i = 0; i < w->state.catalogue.parties_n; i++)
        if (w->state.catalogue.parties[i].flags & PARTY_ERASED)
            return false;
    return true;
}

static bool no_content_is_rated(void *context, struct world *w)
{
    (void)context;
    const struct quality_table *t = &w->state.quality.targets[TARGET_CONTENT];
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].ratings[RATING_USER].n > 0)
            return false;
    return true;
}

/* The last account with money gets one more, once there was a sale.                              */
static bool pay_double(void *context, struct world *w)
{
    (void)context;
    if (w->state.shop.purchases_n > 0)
        w->state.ledger.accounts[w->state.ledger.accounts_n - 1].credits++;
    return true;
}

static bool lose_stock(void *context, struct world *w)
{
    (void)context;
    if (w->state.catalogue.services_n > 0)
        w->state.catalogue.services[0].sales = 77777;
    return true;
}

/* Only a replay can tell.                                                                        */
static bool count_one_event_more(void *context, struct world *w)
{
    (void)context;
    if (w->state.behaviour.events > 0)
        w->state.behaviour.out_of_order = 5;
    return true;
}

static bool remember_the_erased(void *context, struct world *w)
{
    (void)context;
    for (uint32_t i = 0; i < w->state.catalogue.parties_n; i++)
        w->state.catalogue.parties[i].flags &= (uint8_t)~PARTY_ERASED;
    return true;
}

static void a_mistake_is_found_and_made_small(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *kind, *last; /* what the failure says first, and its last command */
        bool (*mistake)(void *, struct world *);
        int most; /* commands left */
    } rows[] = {
        {"erasing", "extra", ": user erase", nobody_is_erased, 3},
        {"rating", "extra", ": rating add", no_content_is_rated, 3},
        {"money", "money", ": shop buy", pay_double, 8},
        {"stock", "stock", ": service add", lose_stock, 1},
        {"replay", "verify", "", count_one_event_more, 3},
        {"people", "people", ": user erase", remember_the_erased, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct simulate_result r = run(&(struct simulate_options){
            .seed = 1, .commands = 3000, .path = ":memory:", .extra_check = rows[i].mistake});
        if (!r.failed)
            fail_msg("%s: not found", rows[i].name);
        int n = -1;
        char start[32];
        snprintf(start, sizeof start, "%s: ", rows[i].kind);
        const char *shrunk = strstr(r.failure, "shrunk to ");
        if (shrunk)
            n = (int)strtol(shrunk + 10, NULL, 10);
        if (strncmp(r.failure, start, strlen(start)) != 0 || !strstr(r.failure, "seed 1") ||
            n < 1 || n > rows[i].most || !strstr(r.failure, rows[i].last))
            fail_msg("%s: expected %s and at most %d commands: %s", rows[i].name, rows[i].kind,
                     rows[i].most, r.failure);
        free(r.failure);
    }
}

static void the_driver_needs_a_path(void **unused)
{
    (void)unused;
    struct simulate_result result;
    struct heed_error err = {0};
    assert_int_equal(simulate(&(struct simulate_options){.commands = 1}, &result, &err),
                     HEED_USAGE);
    err = (struct heed_error){0};
    assert_int_equal(
        simulate(&(struct simulate_options){.commands = 1, .path = test_dir()}, &result, &err),
        HEED_INPUT);
}

static void count(void *context, uint64_t done, uint64_t total)
{
    uint64_t *last = context;
    assert_true(done > *last && done <= total && total == 100);
    *last = done;
}

static void progress_ends_at_the_total(void **unused)
{
    (void)unused;
    uint64_t last = 0;
    run_holds(&(struct simulate_options){.seed = 5,
                                         .commands = 100,
                                         .path = ":memory:",
                                         .progress = count,
                                         .progress_context = &last});
    assert_int_equal(last, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_seeds_hold),
        cmocka_unit_test(a_seed_gives_the_same_world_in_memory_and_in_a_file),
        cmocka_unit_test(storage_that_fails_keeps_what_was_acknowledged),
        cmocka_unit_test(a_mistake_is_found_and_made_small),
        cmocka_unit_test(the_driver_needs_a_path),
        cmocka_unit_test(progress_ends_at_the_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
