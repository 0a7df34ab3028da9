/* Mappings: files made elsewhere, joined, converted; what is wrong in a mapping is said with its
 * line; memory that runs out anywhere on the way. */
#include "support_fault.h"
#include "support_world.h"

#include "import/import.h"
#include "world/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void put(const char *name, const char *text)
{
    char *path = test_path(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    free(path);
}

static enum heed_status map_into(struct world *w, struct import_result *r, struct heed_error *err)
{
    static const struct heed_context context = {T0, NULL};
    char map[600]; /* not allocated: see memory_may_run_out_anywhere */
    snprintf(map, sizeof map, "%s/map.yaml", test_dir());
    *err = (struct heed_error){0};
    enum heed_status status =
        import_map(w, &context, map, NULL, &(struct import_options){0}, r, err);
    return status;
}

static struct world *mapped(struct import_result *r)
{
    struct world *w = world_in_memory();
    fill_small(w);
    struct heed_error err;
    if (map_into(w, r, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    for (size_t i = 0; i < r->n; i++)
        if (r->files[i].first[0])
            fail_msg("%s", r->files[i].first);
    return w;
}

static const char games[] = "files:\n"
                            "  - path: games.txt\n"
                            "    kind: goods\n"
                            "    delimiter: ';'\n"
                            "    encoding: latin1\n"
                            "    join:\n"
                            "      path: shop.csv\n"
                            "      key: Title\n"
                            "      on: name\n"
                            "      normalise: alnum-lower\n"
                            "      prefer: lowest number\n"
                            "    columns:\n"
                            "      id: {column: No, prefix: g}\n"
                            "      name: {column: Title, max: 6}\n"
                            "      category: {joined: tags, first: \"|\", otherwise: other}\n"
                            "      price: {joined: price}\n"
                            "      stock: {constant: \"7\"}\n";
static const char games_txt[] = "No;Title;Rest\n1;Caf\xe9 King!;x\n2;DOOM;x\n3;\"a;b\";x\n";
static const char shop_csv[] = "number,name,tags,price\n"
                               "30,doom,shooter|old,3.00\n"
                               "4,D.o.o.m,classic|old,4.00\n"
                               "5,Caf King,,1.50\n"
                               "none,doom,last,9.00\n"
                               "broken\n";

static struct str name_of_good(struct world *w, uint32_t good, struct strbuf *buf)
{
    struct text text;
    bool found;
    struct heed_error err = {0};
    assert_int_equal(vault_open(w, TARGET_GOOD, good, buf, &text, &found, &err), HEED_OK);
    assert_true(found);
    return text.fields[TEXT_NAME];
}

static void fields_come_from_columns_constants_and_a_joined_file(void **unused)
{
    (void)unused;
    put("map.yaml", games);
    put("games.txt", games_txt);
    put("shop.csv", shop_csv);
    struct import_result r = {0};
    struct world *w = mapped(&r);
    const struct catalogue *c = &w->state.catalogue;
    static const struct {
        const char *id, *name, *category;
        int64_t price_minor;
    } expected[] = {{"g1", "Caf\xc3\xa9 ", "other", 150}, /* six bytes of UTF-8 */
                    {"g2", "DOOM", "classic", 400},       /* the lowest number of three */
                    {"g3", "a;b", "other", -1}};
    struct strbuf buf;
    strbuf_init(&buf, SIZE_MAX);
    for (size_t i = 0; i < 3; i++) {
        uint32_t at = intern_find(&c->good_ids, str_of(expected[i].id));
        assert_int_not_equal(at, INTERN_NONE);
        const struct good *g = &c->goods[at];
        assert_int_equal(g->price_minor, expected[i].price_minor);
        assert_int_equal(g->stock, 7);
        assert_true(str_is(intern_str(&c->symbols, g->category), expected[i].category));
        struct str name = name_of_good(w, at, &buf);
        if (!str_is(name, expected[i].name))
            fail_msg("%s is called '%.*s'", expected[i].id, (int)name.n, name.p);
    }
    strbuf_deinit(&buf);
    import_result_deinit(&r);
    world_close(w);
}

static void numbers_are_multiplied_and_rounded(void **unused)
{
    (void)unused;
    static const struct {
        const char *transform, *in;
        int64_t amount_milli; /* -1: rejected */
    } rows[] = {
        {"", "1.25", 1250},
        {", factor: 3600", "0.1", 360000},
        {", factor: 0.5", "3", 1500},
        {", factor: 3600, round: whole", "0.0001", 0}, /* 0.36 */
        {", factor: 3600", "0.0001", 360},             /* nine decimals are read */
        {", factor: 60, round: whole", "0.025", 2000}, /* 1.5: half away from zero */
        {", round: whole", "2.4", 2000},
        {", round: whole", "2.5", 3000},
        {", factor: 60", "much", -1},
        {", factor: 1000000", "9007199254740", -1}, /* larger than an amount may be */
        {", factor: 2", "-1", -1},
        {", otherwise: \"5\"", "", 5000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char map[600], data[64];
        snprintf(map, sizeof map,
                 "files:\n  - path: a.csv\n    kind: events\n    columns:\n"
                 "      time: {constant: \"2026-01-01\"}\n      user: {constant: bob}\n"
                 "      verb: {constant: dwell}\n"
                 "      target: {constant: post1, prefix: \"content:\"}\n"
                 "      amount: {column: n%s}\n",
                 rows[i].transform);
        snprintf(data, sizeof data, "n,m\n%s,x\n", rows[i].in);
        put("map.yaml", map);
        put("a.csv", data);
        struct world *w = world_in_memory();
        fill_small(w);
        struct import_result r = {0};
        struct heed_error err;
        assert_int_equal(map_into(w, &r, &err), HEED_OK);
        assert_int_equal(r.total.rejected, rows[i].amount_milli < 0);
        if (rows[i].amount_milli < 0) {
            if (!strstr(r.files[0].first, "a.csv: line 2, column 1 (amount): "))
                fail_msg("%s", r.files[0].first);
        } else {
            int64_t got = (int64_t)behaviour_target(&w->state.behaviour,
                                                    world_find_target(w, STR("content:post1")))
                              ->dwell_milli;
            if (got != rows[i].amount_milli)
                fail_msg("%s%s gives %lld", rows[i].in, rows[i].transform, (long long)got);
        }
        import_result_deinit(&r);
        world_close(w);
    }
}

static void one_file_may_be_used_twice_and_a_changed_join_is_another_import(void **unused)
{
    (void)unused;
    put("map.yaml", "files:\n"
                    "  - path: a.csv\n    kind: events\n    columns:\n"
                    "      time: {constant: \"1\"}\n      user: {column: who}\n"
                    "      verb: {constant: view}\n      target: {constant: content:post1}\n"
                    "  - path: a.csv\n    kind: events\n    columns:\n"
                    "      time: {constant: \"2\"}\n      user: {column: who}\n"
                    "      verb: {constant: like}\n      target: {constant: content:post1}\n");
    put("a.csv", "who\nbob\ncyd\n");
    struct import_result r = {0};
    struct world *w = mapped(&r);
    assert_int_equal(r.total.applied, 4);
    struct heed_error err;
    assert_int_equal(map_into(w, &r, &err), HEED_OK);
    assert_true(r.files[2].skipped && r.files[3].skipped);
    assert_int_equal(r.total.applied, 4);
    import_result_deinit(&r);
    world_close(w);

    put("map.yaml", games);
    put("games.txt", games_txt);
    put("shop.csv", shop_csv);
    w = mapped(&r);
    put("shop.csv", "number,name,tags,price\n");
    assert_int_equal(map_into(w, &r, &err), HEED_OK);
    assert_false(r.files[1].skipped);
    assert_int_equal(r.files[1].tally.refused, 3); /* they are there already */
    import_result_deinit(&r);
    world_close(w);
}

#define HEAD "files:\n  - path: a.csv\n    kind: users\n"

static const struct {
    const char *map, *where, *says;
} bad_maps[] = {
    {"", "map.yaml", "a map of keys was expected: files"},
    {"files: 1\n", "map.yaml: line 1", "a list of files was expected"},
    {"files: []\n", "line 1", "a list of files was expected"},
    {"file: []\n", "line 1", "there is no such key here; the keys are files"},
    {"files:\n  - path: a.csv\n    kind: people\n    columns: {}\n", "line 3",
     "must be one of users, contents"},
    {"files:\n  - kind: users\n    columns: {id: {column: x}}\n", "line 2",
     "the key 'path' is missing"},
    {HEAD, "line 2", "the map 'columns' is missing"},
    {HEAD "    columns:\n      name: {column: x}\n", "line 4", "users need the field 'id'"},
    {HEAD "    columns:\n      id: {column: x}\n      price: {column: x}\n", "line 6",
     "users have no such field"},
    {HEAD "    columns:\n      id: {}\n", "line 5",
     "one of column, constant and joined is missing"},
    {HEAD "    columns:\n      id: {column: x, constant: y}\n", "line 5",
     "give one of column, constant and joined"},
    {HEAD "    columns:\n      id: {joined: x}\n", "line 5", "this file has no join"},
    {HEAD "    columns:\n      id: {column: x, factor: -1}\n", "line 5",
     "a number above 0 with at most three decimals was expected"},
    {HEAD "    columns:\n      id: {column: x, round: up}\n", "line 5", "whole was expected"},
    {HEAD "    columns:\n      id: {column: x, max: 0}\n", "line 5",
     "a number of bytes between 1 and 65536"},
    {HEAD "    columns:\n      id: {column: [x]}\n", "line 5", "plain text was expected"},
    {HEAD "    columns:\n      id: {colum: x}\n", "line 5", "there is no such key here"},
    {HEAD "    delimiter: tabs\n    columns:\n      id: {column: x}\n", "line 4",
     "one ASCII character or tab"},
    {HEAD "    quote: \"`\"\n    columns:\n      id: {column: x}\n", "line 4",
     "none, ' or \" was expected"},
    {HEAD "    encoding: utf-16\n    columns:\n      id: {column: x}\n", "line 4",
     "utf-8 or latin1 was expected"},
    {HEAD "    columns:\n      id: {column: nobody}\n", "a.csv: line 1",
     "the column 'nobody' is missing"},
    {HEAD "    join: {path: b.csv, key: x}\n    columns:\n      id: {column: x}\n", "line 4",
     "the key 'on' is missing"},
    {HEAD "    join: {path: b.csv, key: x, on: y, prefer: best}\n    columns:\n      id: {column: "
          "x}\n",
     "line 4", "'lowest COLUMN' was expected"},
    {HEAD "    join: {path: b.csv, key: x, on: y, normalise: up}\n    columns:\n      id: {column: "
          "x}\n",
     "line 4", "alnum-lower or none was expected"},
    {HEAD "    join: {path: b.csv, key: x, on: z}\n    columns:\n      id: {column: x}\n", "b.csv",
     "it has no column 'z'"},
    {HEAD "    join: {path: b.csv, key: z, on: y}\n    columns:\n      id: {column: x}\n",
     "a.csv: line 1", "the column 'z' is missing"},
    {HEAD "    join: {path: b.csv, key: x, on: y}\n    columns:\n      id: {joined: z}\n", "line 1",
     "the column 'z' is missing"},
    {HEAD "    join: {path: none.csv, key: x, on: y}\n    columns:\n      id: {column: x}\n",
     "none.csv", ""},
    {HEAD "    columns: {id: {column: x}}\n    columns: {id: {column: x}}\n", "line 5", ""},
};

static void a_bad_mapping_is_explained_and_changes_nothing(void **unused)
{
    (void)unused;
    put("a.csv", "x\ndan\n");
    put("b.csv", "y\ndan\n");
    for (size_t i = 0; i < sizeof bad_maps / sizeof *bad_maps; i++) {
        put("map.yaml", bad_maps[i].map);
        struct world *w = world_in_memory();
        struct sha256 before = hash_of(w);
        struct import_result r = {0};
        struct heed_error err;
        enum heed_status status = map_into(w, &r, &err);
        if (status != HEED_INPUT || !strstr(err.where, bad_maps[i].where) ||
            !strstr(err.message, bad_maps[i].says))
            fail_msg("the mapping\n%s\ngave status %d: %s: %s\nnot %s: %s", bad_maps[i].map,
                     (int)status, err.where, err.message, bad_maps[i].where, bad_maps[i].says);
        assert_true(sha256_eq(before, hash_of(w)));
        import_result_deinit(&r);
        world_close(w);
    }
}

static void memory_may_run_out_anywhere(void **unused)
{
    (void)unused;
    char map[2000];
    snprintf(map, sizeof map,
             "%s  - path: a.csv\n    kind: events\n    columns:\n"
             "      time: {constant: \"1\"}\n      user: {column: who}\n"
             "      verb: {constant: view}\n      target: {constant: content:post1}\n"
             "      surface: {column: on}\n",
             games);
    put("map.yaml", map);
    put("games.txt", games_txt);
    put("shop.csv", shop_csv);
    put("a.csv", "who,on\nbob,home\ncyd,search\nzoe,home\nx\n");
    for (long n = 1;; n++) {
        struct world *w = world_in_memory();
        fill_small(w);
        struct import_result r = {0};
        struct heed_error err;
        fault_fail_at(n);
        enum heed_status status = map_into(w, &r, &err);
        fault_off();
        if (fault_fired() ? status != HEED_NOMEM : status != HEED_OK)
            fail_msg("allocation %ld: status %d: %s: %s", n, (int)status, err.where, err.message);
        for (size_t i = 0; i < r.n; i++)
            assert_non_null(r.files[i].path);
        import_result_deinit(&r);
        world_close(w);
        if (!fault_fired())
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_from_columns_constants_and_a_joined_file),
        cmocka_unit_test(numbers_are_multiplied_and_rounded),
        cmocka_unit_test(one_file_may_be_used_twice_and_a_changed_join_is_another_import),
        cmocka_unit_test(a_bad_mapping_is_explained_and_changes_nothing),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
