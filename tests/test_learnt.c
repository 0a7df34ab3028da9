/* learnt.csv: a copy of a world judges as the world does, without learning anew. */
#include "import/import.h"
#include "import/learnt.h"
#include "support_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONTENTS = 60, PEOPLE = 8 };

/* Contents of four creators, judged by experts and users, shown in feeds and liked in some. */
static void live(struct world *w)
{
    char id[24], user[16], score[8];
    for (int u = 0; u < PEOPLE; u++) {
        snprintf(user, sizeof user, "u%d", u);
        json_decref(call_ok(w, "user add", "id", user, NULL));
    }
    for (int i = 0; i < CONTENTS; i++) {
        snprintf(id, sizeof id, "c%d", i);
        snprintf(user, sizeof user, "maker%d", i % 4);
        json_decref(call_ok(w, "content add", "id", id, "creator", user, "title", id, NULL));
        snprintf(id, sizeof id, "content:c%d", i);
        for (int u = 0; u < PEOPLE; u++) {
            snprintf(user, sizeof user, "u%d", u);
            snprintf(score, sizeof score, "%d", 1 + (i % 4 + (i * 7 + u * 3) % 3) % 5);
            json_decref(call_ok(w, "rating add", "user", user, "target", id, "score", score, "kind",
                                u == 0 ? "expert" : "user", NULL));
        }
    }
    for (int n = 0; n < 60; n++) {
        snprintf(user, sizeof user, "u%d", n % PEOPLE);
        json_t *feed = call_ok(w, "feed serve", "user", user, NULL);
        json_t *slot = json_array_get(json_object_get(feed, "slots"), (size_t)n % 5);
        for (int twice = 0; twice < 2; twice++) /* the second is no second engagement */
            json_decref(call_ok(w, "event add", "user", user, "verb", "like", "target",
                                json_string_value(json_object_get(slot, "target")), NULL));
        json_decref(feed);
    }
}

static struct world *copy_of(const char *dir, enum heed_status expected, const char *says)
{
    struct world *w = world_in_memory();
    struct import_result result = {0};
    struct heed_error err = {0};
    const struct heed_context context = {.time_ms = T0 + DAY};
    enum heed_status status =
        import_dir(w, &context, dir, &(struct import_options){0}, &result, &err);
    if (status != expected || (says && !strstr(err.message, says) && !strstr(err.where, says)))
        fail_msg("status %d: %s: %s", (int)status, err.where, err.message);
    import_result_deinit(&result);
    return w;
}

static void assert_alike(struct world *a, struct world *b, const char *name, const char *arg,
                         const char *value)
{
    json_t *one = call_ok(a, name, arg, value, NULL), *two = call_ok(b, name, arg, value, NULL);
    if (!json_equal(one, two))
        fail_msg("%s %s: %s, and in the copy %s", name, value ? value : "", json_dumps(one, 0),
                 json_dumps(two, 0));
    json_decref(one);
    json_decref(two);
}

static void a_copy_judges_and_shows_as_the_world_does(void **state)
{
    (void)state;
    char *dir = test_path("copy"), id[24];
    struct heed_error err = {0};
    struct world *w = world_in_memory();
    live(w);
    json_decref(call_ok(w, "quality fit", NULL));
    assert_int_equal(export_dir(w, T0, dir, false, NULL, &err), HEED_OK);
    struct world *copy = copy_of(dir, HEED_OK, NULL);
    for (int i = 0; i < CONTENTS; i++) {
        snprintf(id, sizeof id, "content:c%d", i);
        assert_alike(w, copy, "quality show", "target", id);
    }
    for (int u = 0; u < PEOPLE; u++) {
        snprintf(id, sizeof id, "u%d", u);
        assert_alike(w, copy, "feed show", "user", id);
    }
    assert_alike(w, copy, "quality calibration", NULL, NULL);
    json_decref(call_ok(w, "quality fit", NULL)); /* and what it learns next is the same */
    json_decref(call_ok(copy, "quality fit", NULL));
    assert_alike(w, copy, "quality calibration", NULL, NULL);
    world_close(w);

    struct sha256 before = hash_of(copy); /* a world that has learnt stays as it is */
    char learnt[300];
    snprintf(learnt, sizeof learnt, "%s/learnt.csv", dir);
    const struct heed_context context = {.time_ms = T0 + DAY};
    assert_int_equal(learnt_read(copy, &context, learnt, &(struct learnt_taken){0}, &err), HEED_OK);
    assert_true(sha256_eq(before, hash_of(copy)));
    world_close(copy);
    free(dir);
}

static void write_learnt(const char *path, const char *rows)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "%s", rows);
    assert_int_equal(fclose(f), 0);
}

static void damaged_rows_are_named_and_nothing_is_applied(void **state)
{
    (void)state;
    static const struct {
        const char *rows, *says;
    } rows[] = {
        {"what,id,a\n", "line 1: the column 'b' is missing"},
        {LEARNT_HEADER "hope,,1,2,3\n", "line 2, column 1 (what): it is none of learnt"},
        {LEARNT_HEADER "examined,,0,5,\n",
         "line 2, column 3 (a): '0' is not a whole number from 1"},
        {LEARNT_HEADER "examined,,1,1000001,\n", "line 2, column 4 (b)"},
        {LEARNT_HEADER "rater,ann,5000,0,\n", "line 2, column 3 (a)"},
        {LEARNT_HEADER "rater,ann,1000,-1001,\n", "line 2, column 4 (b)"},
        {LEARNT_HEADER "placed,content:post1,1,0,0\n", "line 2, column 4 (b)"},
        {LEARNT_HEADER "placed,content:post1,1,3,4\n", "line 2, column 5 (c)"},
        {LEARNT_HEADER "promised,,5,1,\n", "line 2, column 5 (c)"},
        {LEARNT_HEADER "promised,,5,1,0\npromised,,5,1,0\n", "line 3, column 1 (what): promised"},
        {LEARNT_HEADER "paid,content:post1,5,5,\n", "line 2, column 1 (what): promised"},
        {LEARNT_HEADER "promised,,5000000000000000000,1,0\n", "line 2, column 3 (a)"},
        {LEARNT_HEADER "pleased,bob,-1,1,\n", "line 2, column 3 (a)"},
        {LEARNT_HEADER "learnt,,nan,00,\n", "line 2, column 3 (a)"},
        {LEARNT_HEADER "learnt,,5,0g,\n", "line 2, column 4 (b): it is not what an export writes"},
        {LEARNT_HEADER "learnt,,5,01,\n", "damaged"},
        {LEARNT_HEADER "learnt,,5,00,\nlearnt,,5,00,\n", "line 3, column 4 (b)"},
        {LEARNT_HEADER "placed,content:post1,1,3,1\nlearnt,,5\n", "line 3"},
    };
    char *path = test_path("learnt.csv");
    const struct heed_context context = {.time_ms = T0 + DAY};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world *w = world_in_memory();
        struct heed_error err = {0};
        fill_small(w);
        struct sha256 before = hash_of(w);
        write_learnt(path, rows[i].rows);
        enum heed_status status = learnt_read(w, &context, path, &(struct learnt_taken){0}, &err);
        char said[600];
        snprintf(said, sizeof said, "%s: %s", err.where, err.message);
        if (status != HEED_INPUT || !strstr(said, rows[i].says))
            fail_msg("row %zu: status %d, %s", i, (int)status, said);
        if (!strstr(said, "damaged")) /* else the world is given up, as after a failed write */
            assert_true(sha256_eq(before, hash_of(w)));
        world_close(w);
    }
    unlink(path);
    free(path);
}

static void only_who_may_learn_may_bring_in_what_was_learnt(void **state)
{
    (void)state;
    char *path = test_path("learnt.csv");
    struct heed_error err = {0};
    struct world *w = world_in_memory();
    fill_small(w);
    json_decref(call_ok(w, "user add", "id", "app", "role", "client", NULL));
    write_learnt(path, LEARNT_HEADER "placed,content:post1,1,3,1\n");
    const struct heed_context client = {.time_ms = T0 + DAY, .actor = "app"};
    assert_int_equal(learnt_read(w, &client, path, &(struct learnt_taken){0}, &err), HEED_INPUT);
    assert_non_null(strstr(err.message, "import as the operator"));
    assert_int_equal(w->state.quality.positions.n, 0);
    const struct heed_context operator= {.time_ms = T0 + DAY};
    err = (struct heed_error){0};
    assert_int_equal(learnt_read(w, &operator, path, &(struct learnt_taken){0}, &err), HEED_OK);
    assert_int_equal(w->state.quality.positions.n, 1);
    assert_int_equal(w->state.quality.positions.cells[0].shown, 3);
    assert_int_equal(w->state.quality.positions.cells[0].engaged, 1);
    world_close(w);
    unlink(path);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_judges_and_shows_as_the_world_does),
        cmocka_unit_test(damaged_rows_are_named_and_nothing_is_applied),
        cmocka_unit_test(only_who_may_learn_may_bring_in_what_was_learnt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
