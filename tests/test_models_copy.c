/* models.csv: a copy of a world shows what the world shows, by the models it has learnt. */
#include "import/import.h"
#include "import/models.h"
#include "support_fault.h"
#include "support_world.h"

#include "base/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PEOPLE = 24, POSTS = 16, LEAVERS = 3 };

static void like(struct world *w, uint32_t person, const char *target)
{
    json_decref(call_ok(w, "event add", "user", numbered("u", person), "verb", "like", "target",
                        target, NULL));
}

/* Every fourth post is by the leaver, whom only the first LEAVERS people like.                   */
static struct world *people_with_tastes(uint64_t seed)
{
    struct world *w = world_in_memory();
    struct prng r;
    prng_seed(&r, seed);
    json_decref(call_ok(w, "user add", "id", "maker", NULL));
    json_decref(call_ok(w, "user add", "id", "leaver", NULL));
    for (uint32_t i = 0; i < POSTS; i++)
        json_decref(call_ok(w, "content add", "id", numbered("c", i), "creator",
                            i % 4 == 1 ? "leaver" : "maker", NULL));
    for (uint32_t u = 0; u < PEOPLE; u++) {
        json_decref(call_ok(w, "user add", "id", numbered("u", u), NULL));
        for (uint32_t i = 0; i < POSTS; i++)
            if (prng_below(&r, 100) < (i % 2 == u % 2 ? 55u : 12u) && (i % 4 != 1 || u < LEAVERS))
                like(w, u, numbered("content:c", i));
    }
    return w;
}

static void train(struct world *w, const char *algorithm, const char *param)
{
    json_decref(call_ok(w, "allocate train", "algorithm", algorithm, "param", param, NULL));
}

static struct world *copy_into(struct world *w, const char *dir)
{
    struct import_result result = {0};
    struct heed_error err = {0};
    const struct heed_context context = {.time_ms = T0 + DAY};
    if (import_dir(w, &context, dir, &(struct import_options){0}, &result, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    import_result_deinit(&result);
    return w;
}

static char *exported(struct world *w, const char *folder)
{
    char *dir = test_path(folder);
    struct heed_error err = {0};
    if (export_dir(w, T0, dir, true, NULL, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    return dir;
}

static void assert_same_feeds(struct world *a, struct world *b, uint32_t from,
                              const char *algorithm, const char *what)
{
    for (uint32_t u = from; u < PEOPLE; u++) {
        json_t *one =
            call_ok(a, "feed show", "user", numbered("u", u), "algorithm", algorithm, NULL);
        json_t *two =
            call_ok(b, "feed show", "user", numbered("u", u), "algorithm", algorithm, NULL);
        if (!json_equal(one, two))
            fail_msg("%s, person %u: %s, and in the copy %s", what, u, json_dumps(one, 0),
                     json_dumps(two, 0));
        json_decref(one);
        json_decref(two);
    }
}

static void a_copy_shows_what_the_world_shows(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *param;
    } rows[] = {{"knn", "neighbours=4"},
                {"ease", "lambda=5"},
                {"ials", "factors=6"},
                {"blend", "lambda=5"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = people_with_tastes(i + 1);
        /* six versions, the fourth in use: the first two are kept no longer */
        for (int n = 0; n < 6; n++) {
            train(w, rows[i].algorithm, rows[i].param);
            like(w, (uint32_t)n, numbered("content:c", 2 * (uint32_t)n));
        }
        json_decref(call_ok(w, "allocate use", "version", "4", NULL));
        char *dir = exported(w, "models");
        struct world *copy = copy_into(world_in_memory(), dir);
        json_t *one = call_ok(w, "allocate models", NULL);
        json_t *two = call_ok(copy, "allocate models", NULL);
        assert_int_equal(int_at(one, "in_use"), 4);
        assert_true(json_equal(one, two));
        json_decref(one);
        json_decref(two);
        assert_same_feeds(w, copy, 0, "mixed", rows[i].algorithm);
        assert_same_feeds(w, copy, 0, "relevance", rows[i].algorithm);
        struct sha256 before = hash_of(copy); /* what is there stays */
        struct heed_error err = {0};
        const struct heed_context context = {.time_ms = T0 + DAY};
        char path[600];
        snprintf(path, sizeof path, "%s/models.csv", dir);
        struct learnt_taken taken = {0};
        assert_int_equal(models_read(copy, &context, path, &taken, &err), HEED_OK);
        assert_non_null(strstr(taken.left_aside, "has models already"));
        assert_int_equal(taken.rows, 0);
        assert_true(sha256_eq(before, hash_of(copy)));
        for (const char *const *v = (const char *const[]){"5", "0", "3", NULL}; *v; v++) {
            json_decref(call_ok(w, "allocate use", "version", *v, NULL));
            json_decref(call_ok(copy, "allocate use", "version", *v, NULL));
            assert_same_feeds(w, copy, 0, "relevance", *v);
        }
        one = call_ok(w, "settle", "until", "2026-02-01", NULL);
        two = call_ok(copy, "settle", "until", "2026-02-01", NULL);
        assert_true(json_equal(one, two));
        json_decref(one);
        json_decref(two);
        assert_verified(copy);
        world_close(restored_from(copy));
        world_close(copy);
        world_close(w);
        free(dir);
    }
}

static char *text_of(const char *dir)
{
    char path[600];
    snprintf(path, sizeof path, "%s/models.csv", dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

static void what_is_gone_is_in_no_model_of_a_copy(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"knn", "ease", "ials", "blend"};
    for (size_t i = 0; i < 4; i++) {
        struct world *w = people_with_tastes(7);
        json_decref(call_ok(w, "allocate train", "algorithm", algorithms[i], NULL));
        json_decref(call_ok(w, "user erase", "user", "leaver", NULL));
        char *dir = exported(w, "gone"), *text = text_of(dir);
        assert_non_null(strstr(text, "\"c4\""));
        assert_null(strstr(text, "\"c5\""));
        struct world *copy = copy_into(world_in_memory(), dir);
        assert_int_equal(copy->state.models.list[0].items, POSTS * 3 / 4);
        if (i < 2) /* of factors all are shared out among all */
            assert_same_feeds(w, copy, LEAVERS, "relevance", algorithms[i]);
        assert_verified(copy);
        world_close(copy);
        world_close(w);
        free(text);
        free(dir);
    }
}

static json_t *scores_by_target(struct world *w, uint32_t person)
{
    json_t *feed = call_ok(w, "feed show", "user", numbered("u", person), "algorithm", "relevance",
                           "k", "16", NULL);
    json_t *scores = json_object(), *slot;
    size_t i;
    json_array_foreach(json_object_get(feed, "slots"), i, slot) json_object_set(
        scores, json_string_value(json_object_get(slot, "target")), json_object_get(slot, "score"));
    json_decref(feed);
    return scores;
}

/* A world that had some of the contents already, in another order.                               */
static void models_find_their_contents_by_id(void **state)
{
    (void)state;
    struct world *w = people_with_tastes(9), *other = world_in_memory();
    train(w, "ease", "lambda=3");
    char *dir = exported(w, "order");
    json_decref(call_ok(other, "user add", "id", "maker", NULL));
    for (uint32_t i = POSTS; i-- > 0;)
        if (i % 4 == 2)
            json_decref(
                call_ok(other, "content add", "id", numbered("c", i), "creator", "maker", NULL));
    copy_into(other, dir);
    for (uint32_t u = 0; u < PEOPLE; u++) {
        json_t *one = scores_by_target(w, u), *two = scores_by_target(other, u);
        if (!json_equal(one, two))
            fail_msg("person %u: %s, and there %s", u, json_dumps(one, 0), json_dumps(two, 0));
        json_decref(one);
        json_decref(two);
    }
    assert_verified(other);
    world_close(other);
    world_close(w);
    free(dir);
}

/* ── bad input ── */

static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out = calloc(1, strlen(text) + strlen(to) + 1);
    assert_non_null(at);
    assert_non_null(out);
    memcpy(out, text, (size_t)(at - text));
    memcpy(out + (at - text), to, strlen(to));
    memcpy(out + (at - text) + strlen(to), at + strlen(from), strlen(at + strlen(from)));
    return out;
}

static void expect_refused(struct world *w, const char *path, const char *text, const char *says)
{
    const struct heed_context context = {.time_ms = T0 + DAY};
    struct sha256 before = hash_of(w);
    struct heed_error err = {0};
    char said[700];
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    enum heed_status status = models_read(w, &context, path, &(struct learnt_taken){0}, &err);
    snprintf(said, sizeof said, "%s: %s", err.where, err.message);
    if (status != HEED_INPUT || !strstr(said, says))
        fail_msg("status %d, %s; expected: %s", (int)status, said, says);
    assert_true(sha256_eq(before, hash_of(w)));
}

static void damaged_files_are_named_and_nothing_is_applied(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } rows[] = {
        {"what,number,text", "what,number", "line 1: the column 'text' is missing"},
        {"content,1,", "hope,1,", "line 2, column 1 (what): it is none of content, model, in_use"},
        {"content,2,", "content,3,", "line 3, column 2 (number): contents stand first"},
        {"content,2,", "content,x,", "line 3, column 2 (number): 'x' is not a whole number"},
        {"\"c1\"", "\"c0\"", "line 3, column 3 (text)"},
        {"\"c1\"", "\"\"", "line 3, column 3 (text)"},
        {"\"c1\"", "\"d1\"", "is of another catalogue"},
        {"model,1,", "model,2,", "models stand in order from 1"},
        {"model,1,0", "model,1,g", "it is not what an export writes"},
        {"model,1,", "model,1,0", "it is not what an export writes"},
        {"model,1,0000000001", "model,1,0000000002", "model 1 is damaged"},
        {"model,1,000000000100", "model,1,000000000000", "says what cannot be"},
        {"\nin_use,1,", "\nin_use,2,", "there is no such model"},
        {"\nin_use,1,", "\nin_use,1,\nin_use,1,", "or it stands there twice"},
        {"\nin_use,1,", "", "it is cut short"},
        {"\nin_use,1,", "00\nin_use,1,", "model 1 is damaged"},
        {"\nin_use,1,", "\nmodel,2,00\nin_use,1,", "model 2:"},
    };
    struct world *w = people_with_tastes(3);
    train(w, "ease", "lambda=3");
    char *dir = exported(w, "bad"), *text = text_of(dir), path[600];
    json_decref(call_ok(w, "allocate use", "version", "0", NULL));
    snprintf(path, sizeof path, "%s/models.csv", dir);
    unlink(path);
    struct world *copy = copy_into(world_in_memory(), dir);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *bad = replaced(text, rows[i].from, rows[i].to);
        expect_refused(copy, path, bad, rows[i].says);
        free(bad);
    }
    struct world *other = world_in_memory();
    json_decref(call_ok(other, "content add", "id", "c1", "creator", "ann", NULL));
    json_decref(call_ok(other, "content add", "id", "z", "creator", "ann", NULL));
    expect_refused(other, path, text, "these models are of another catalogue: of");
    world_close(other);
    /* one digit of the numbers changed at a time; before them stands what is only shown */
    char *digits = strstr(text, "model,1,") + 8, *end = strchr(digits, '\n');
    assert_true(end - digits > 1000);
    for (char *digit = digits + 600; digit < end; digit += 41) {
        char was = *digit;
        *digit = was == '0' ? '1' : '0';
        expect_refused(copy, path, text, "model 1: ");
        *digit = was;
    }
    world_close(copy);
    world_close(w);
    unlink(path);
    free(text);
    free(dir);
}

static void only_who_may_train_may_bring_in_models(void **state)
{
    (void)state;
    struct world *w = people_with_tastes(3);
    train(w, "ease", "lambda=3");
    char *dir = exported(w, "roles"), path[600], aside[600];
    snprintf(path, sizeof path, "%s/models.csv", dir);
    snprintf(aside, sizeof aside, "%s/aside", dir);
    assert_int_equal(rename(path, aside), 0);
    struct world *copy = copy_into(world_in_memory(), dir);
    json_decref(call_ok(copy, "user add", "id", "app", "role", "client", NULL));
    json_decref(call_ok(copy, "user add", "id", "boss", "role", "creator_manager", NULL));
    struct heed_error err = {0};
    const struct heed_context client = {.time_ms = T0 + DAY, .actor = "app"};
    assert_int_equal(models_read(copy, &client, aside, &(struct learnt_taken){0}, &err),
                     HEED_INPUT);
    assert_non_null(strstr(err.message, "import as the operator"));
    assert_int_equal(copy->state.models.n, 0);
    const struct heed_context boss = {.time_ms = T0 + DAY, .actor = "boss"};
    assert_int_equal(models_read(copy, &boss, aside, &(struct learnt_taken){0}, &err), HEED_OK);
    assert_int_equal(copy->state.models.n, 1);
    world_close(copy);
    world_close(w);
    unlink(aside);
    free(dir);
}

static void memory_that_ends_leaves_the_world_without_models(void **state)
{
    (void)state;
    struct world *w = people_with_tastes(3);
    train(w, "ials", "factors=4");
    char *dir = exported(w, "memory"), *written = test_path("written.csv"), path[600], aside[600];
    snprintf(path, sizeof path, "%s/models.csv", dir);
    snprintf(aside, sizeof aside, "%s/aside", dir);
    assert_int_equal(rename(path, aside), 0);
    struct world *copy = copy_into(world_in_memory(), dir);
    const struct heed_context context = {.time_ms = T0 + DAY};
    for (long n = 1;; n++) {
        struct heed_error err = {0};
        fault_fail_at(n);
        enum heed_status status =
            models_read(copy, &context, aside, &(struct learnt_taken){0}, &err);
        fault_off();
        if (!fault_fired()) {
            assert_int_equal(status, HEED_OK);
            break;
        }
        if (copy->poisoned || copy->state.models.n > 0) { /* it came to applying: begin anew */
            world_close(copy);
            copy = copy_into(world_in_memory(), dir);
        } else {
            assert_int_equal(status, HEED_NOMEM);
        }
        FILE *f = fopen(written, "w");
        assert_non_null(f);
        fault_fail_at(n);
        status = models_write(w, f, &err);
        fault_off();
        assert_int_equal(status == HEED_OK, !fault_fired());
        fclose(f);
    }
    assert_int_equal(copy->state.models.n, 1);
    world_close(copy);
    world_close(w);
    unlink(aside);
    unlink(written);
    free(written);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_shows_what_the_world_shows),
        cmocka_unit_test(what_is_gone_is_in_no_model_of_a_copy),
        cmocka_unit_test(models_find_their_contents_by_id),
        cmocka_unit_test(damaged_files_are_named_and_nothing_is_applied),
        cmocka_unit_test(only_who_may_train_may_bring_in_models),
        cmocka_unit_test_teardown(memory_that_ends_leaves_the_world_without_models, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
