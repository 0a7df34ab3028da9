/* Feeds of a world with more contents than are scored one by one for every feed. */
#include "support_world.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CONTENTS = 2 * CANDIDATES_KEPT + 100, USERS = 20, ACTS = 200, SEED = 5 };

static const char *named(char buffer[32], const char *format, uint64_t n)
{
    snprintf(buffer, 32, format, (unsigned long long)n);
    return buffer;
}

static struct world *large_world(void)
{
    struct world *w = world_in_memory();
    struct prng r;
    char user[32], content[32];
    prng_seed(&r, SEED);
    for (uint64_t u = 0; u < USERS; u++)
        json_decref(call_ok(w, "user add", "id", named(user, "u%llu", u), NULL));
    for (uint64_t i = 0; i < CONTENTS; i++)
        json_decref(call_ok(w, "content add", "id", named(content, "c%llu", i), "creator",
                            named(user, "u%llu", prng_below(&r, USERS)), NULL));
    for (size_t i = 0; i < ACTS; i++)
        json_decref(call_ok(w, "event add", "user", named(user, "u%llu", prng_below(&r, USERS)),
                            "verb", "like", "target",
                            named(content, "content:c%llu", prng_below(&r, 60) * 200), NULL));
    return w;
}

/* The first feed after a change scores every content, those after it take two steps.             */
static void feeds_after_the_first_are_the_same_as_the_first(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"exposure", "engagement", "quality", "relevance",
                                             "mixed"};
    struct world *w = large_world();
    for (size_t i = 0; i < 10; i++) {
        char user[32], other[32], id[32];
        const char *algorithm = algorithms[i % 5];
        named(user, "u%llu", i);
        json_decref(call_ok(w, "user add", "id", named(id, "new%llu", i), NULL));
        json_t *scan =
            call_ok(w, "feed show", "user", user, "algorithm", algorithm, "k", "100", NULL);
        json_decref(call_ok(w, "feed show", "user", named(other, "u%llu", i + 1), "algorithm",
                            algorithm, NULL));
        json_t *steps =
            call_ok(w, "feed show", "user", user, "algorithm", algorithm, "k", "100", NULL);
        assert_int_equal(json_array_size(json_object_get(scan, "slots")), 100);
        if (!json_equal(scan, steps))
            fail_msg("seed %d: %s for %s is not the same in two steps", SEED, algorithm, user);
        json_decref(scan);
        json_decref(steps);
    }
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feeds_after_the_first_are_the_same_as_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
