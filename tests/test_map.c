/* Mapping files: what they make of files made elsewhere, and where a wrong one is wrong. */
#include "support_import.h"
#include "support_world.h"

#include "world/vault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ── a mapping that is wrong: line and key ── */

#define FILE_ "files:\n  - path: m.csv\n    kind: users\n"
#define COLUMNS "    columns: {id: {column: id}}\n"

static const struct {
    const char *map, *where, *says;
} wrong[] = {
    {"", "m.yaml", ""},
    {"files: []\n", "m.yaml: line 1", "a list of files was expected"},
    {"files: {a: b}\n", "m.yaml: line 1", "a list of files was expected"},
    {"- a\n", "m.yaml: line 1", "a map of keys was expected: files"},
    {"files:\n  - just text\n", "m.yaml: line 2", "a map of keys was expected: path kind"},
    {"file:\n  - path: m.csv\n", "m.yaml: line 1, key file",
     "there is no such key here; the keys are files"},
    {"files: [\n", "m.yaml: line", ""},
    {"files:\n  - path: m.csv\n    kind: people\n" COLUMNS, "line 3, key files[0].kind",
     "must be one of users, contents"},
    {"files:\n  - path: m.csv\n" COLUMNS, "line 2, key files[0]", "'kind' must be one of"},
    {"files:\n  - kind: users\n" COLUMNS, "line 2", "the key 'path' is missing"},
    {"files:\n  - path: [m.csv]\n    kind: users\n" COLUMNS, "line 2", "plain text was expected"},
    {FILE_, "line 2", "the map 'columns' is missing"},
    {FILE_ "    columns: none\n", "line 4", "the map 'columns' is missing"},
    {FILE_ "    columns: {}\n", "line 4", "users need the field 'id'"},
    {FILE_ "    columns: {name: {column: id}}\n", "line 4", "users need the field 'id'"},
    {FILE_ "    columns:\n      id: {column: id}\n      price: {column: id}\n", "line 6",
     "users have no such field"},
    {FILE_ "    columns:\n      id: id\n", "line 5", "a map of keys was expected: column constant"},
    {FILE_ "    columns:\n      id: {column: id, constant: x}\n", "line 5",
     "give one of column, constant and joined"},
    {FILE_ "    columns:\n      id: {prefix: x}\n", "line 5",
     "one of column, constant and joined is missing"},
    {FILE_ "    columns:\n      id: {joined: x}\n", "line 5", "this file has no join"},
    {FILE_ "    columns:\n      id: {column: id, suffix: x}\n", "line 5", "no such key here"},
    {FILE_ "    columns:\n      id: {column: id, factor: 0}\n", "line 5", "a number above 0"},
    {FILE_ "    columns:\n      id: {column: id, factor: lots}\n", "line 5", "a number above 0"},
    {FILE_ "    columns:\n      id: {column: id, factor: 0.0166667}\n", "line 5",
     "at most three decimals"},
    {FILE_ "    columns:\n      id: {column: id, round: up}\n", "line 5", "whole was expected"},
    {FILE_ "    columns:\n      id: {column: id, max: 0}\n", "line 5", "a number of bytes between"},
    {FILE_ "    columns:\n      id: {column: id, max: 99999999}\n", "line 5",
     "between 1 and 65536"},
    {FILE_ "    columns:\n      id: {column: id, max: 1.5}\n", "line 5", "between 1 and 65536"},
    {FILE_ "    columns:\n      id: {column: id, steps: none}\n", "line 5", "a map of numbers"},
    {FILE_ "    columns:\n      id: {column: id, steps: {}}\n", "line 5", "a map of numbers"},
    {FILE_ "    columns:\n      id: {column: id, steps: {a: 1}}\n", "line 5", "steps are numbers"},
    {FILE_ "    columns:\n      id: {column: id, steps: {2: a, 1: b}}\n", "line 5",
     "each above the one before"},
    {FILE_ "    columns:\n      id: {column: id, steps: {1: [a]}}\n", "line 5",
     "plain text was expected"},
    {FILE_ "    columns:\n      id: {column: id, time: day/month}\n", "line 5",
     "'month/day/year hour:minute' was expected"},
    {FILE_ "    columns:\n      id: {column: id, zone: '-04:00'}\n", "line 5",
     "a zone such as -04:00 beside `time`"},
    {FILE_ "    columns:\n      id: {column: id, time: month/day/year hour:minute, zone: EST}\n",
     "line 5", "a zone such as -04:00"},
    {FILE_ "    columns:\n      id: {column: id, time: month/day/year hour:minute, zone: "
           "'-04:60'}\n",
     "line 5", "a zone such as -04:00"},
    {FILE_ "    from: home\n" COLUMNS, "line 4", "map or data was expected"},
    {FILE_ "    delimiter: ''\n" COLUMNS, "line 4", "one ASCII character or tab"},
    {FILE_ "    delimiter: ab\n" COLUMNS, "line 4", "one ASCII character or tab"},
    {FILE_ "    delimiter: '\"'\n" COLUMNS, "line 4", "one ASCII character or tab"},
    {FILE_ "    delimiter: \"'\"\n    quote: \"'\"\n" COLUMNS, "line 5",
     "the same as the delimiter"},
    {FILE_ "    quote: x\n" COLUMNS, "line 4", "none, ' or \" was expected"},
    {FILE_ "    encoding: utf-16\n" COLUMNS, "line 4", "utf-8 or latin1"},
    {FILE_ "    join: {path: m.csv, on: id}\n" COLUMNS, "line 4", "the key 'key' is missing"},
    {FILE_ "    join: {path: m.csv, key: id}\n" COLUMNS, "line 4", "the key 'on' is missing"},
    {FILE_ "    join: {path: m.csv, key: id, on: id, normalise: lower}\n" COLUMNS, "line 4",
     "alnum-lower or none"},
    {FILE_ "    join: {path: m.csv, key: id, on: id, prefer: highest id}\n" COLUMNS, "line 4",
     "'lowest COLUMN'"},
    {FILE_ "    join: {path: m.csv, key: id, on: nothing}\n" COLUMNS, "m.csv",
     "it has no column 'nothing'"},
    {FILE_ "    join: {path: m.csv, key: id, on: id, prefer: lowest none}\n" COLUMNS, "m.csv",
     "it has no column 'none'"},
    {FILE_ "    join: {path: m.csv, key: nothing, on: id}\n" COLUMNS, "m.csv: line 1",
     "the column 'nothing' is missing"},
    {FILE_ "    join: {path: m.csv, key: id, on: id}\n    columns: {id: {joined: none}}\n", "m.csv",
     "'none'"},
    {FILE_ "    join: {path: away.csv, key: id, on: id}\n" COLUMNS, "away.csv", "check the path"},
    {FILE_ "    columns: {id: {column: none}}\n", "m.csv: line 1", "the column 'none' is missing"},
    {"files:\n  - {path: away.csv, kind: users, columns: {id: {column: id}}}\n", "away.csv",
     "check the path"},
};

static void a_wrong_mapping_is_told_by_line_and_key(void **state)
{
    (void)state;
    free(put_text("m.csv", "id,name\nann,Ann\n"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct world *w = world_in_memory();
        struct sha256 before = hash_of(w);
        char *map = put_text("m.yaml", wrong[i].map);
        struct imported in = import_mapped(w, map, NULL);
        if (in.status != HEED_INPUT || !strstr(in.err.where, wrong[i].where) ||
            !strstr(in.err.message, wrong[i].says))
            print_message("%s\nexpected '%s', '%s', got status %d: %s: %s", wrong[i].map,
                          wrong[i].where, wrong[i].says, (int)in.status, in.err.where,
                          in.err.message);
        assert_true(sha256_eq(before, hash_of(w)));
        imported_free(&in);
        free(map);
        world_close(w);
    }
}

/* ── what a mapping makes of a file ── */

static struct world *mapped(const char *columns, const char *csv, struct heed_tally tally)
{
    char map[2048];
    snprintf(map, sizeof map, "files:\n  - path: data.txt\n    kind: goods\n%s", columns);
    char *path = put_text("map.yaml", map);
    free(put_text("data.txt", csv));
    struct world *w = world_in_memory();
    struct imported in = import_mapped(w, path, NULL);
    expect_tally(&in, tally);
    assert_string_equal(in.result.files[0].path, "data.txt"); /* as the mapping names it */
    imported_free(&in);
    free(path);
    return w;
}

static void expect_name(struct world *w, uint32_t good, const char *name)
{
    struct strbuf b;
    struct text text;
    struct heed_error err = {0};
    bool found;
    strbuf_init(&b, 1 << 20);
    assert_int_equal(vault_open(w, TARGET_GOOD, good, &b, &text, &found, &err), HEED_OK);
    assert_true(found);
    if (!str_is(text.fields[TEXT_NAME], name))
        fail_msg("good %d: expected '%s', got '%.*s'", (int)good, name,
                 (int)text.fields[TEXT_NAME].n, text.fields[TEXT_NAME].p);
    strbuf_deinit(&b);
}

/* A field's options, a cell, and the name that comes of it. */
static void options_change_a_value_as_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *options, *cell, *name;
    } rows[] = {
        {"column: c", "plain", "plain"},
        {"constant: always", "x", "always"},
        {"column: c, prefix: 'g:'", "x", "g:x"},
        {"column: c, otherwise: none", "", "none"},
        {"column: c, otherwise: none, prefix: 'g:'", "", "g:none"},
        {"column: c, first: ';'", "a b ;c;d", "a b"},
        {"column: c, first: ';'", "alone", "alone"},
        {"column: c, first: ';', otherwise: none", ";b", "none"},
        {"column: c, first: '; '", "a;b; c", "a;b"},
        {"column: c, first: '；'", "一：二；三", "一：二"},
        {"column: c, after: '://'", "https://a.b/c://d", "a.b/c://d"},
        {"column: c, after: '://'", "a.b/c", "a.b/c"},
        {"column: c, after: '://', first: '/', otherwise: none", "https://a.b/c/d", "a.b"},
        {"column: c, after: '://', first: '/', otherwise: none", "https:///c", "none"},
        {"column: c, after: '://', otherwise: none", "https://", "none"},
        {"column: c, steps: {0: low, 2.5: mid, 10: high}", "0", "low"},
        {"column: c, steps: {0: low, 2.5: mid, 10: high}", "2.499", "low"},
        {"column: c, steps: {0: low, 2.5: mid, 10: high}", "2.5", "mid"},
        {"column: c, steps: {0: low, 2.5: mid, 10: high}", "1000000", "high"},
        {"column: c, time: month/day/year hour:minute", "8/4/2016 9:05",
         "2016-08-04T09:05:00+00:00"},
        {"column: c, time: month/day/year hour:minute, zone: '-04:30'", "12/31/2015 23:59",
         "2015-12-31T23:59:00-04:30"},
        {"column: c, max: 3", "abcdef", "abc"},
        {"column: c, max: 4", "茶茶", "茶"},
        {"column: c, max: 3, prefix: 'g:'", "abcdef", "g:abc"},
        {"column: c, factor: 3600", "1.5", "5400.000"},
        {"column: c, factor: 0.5", "3", "1.500"},
        {"column: c, factor: 3600, round: whole", "0.0001", "0.000"},
        {"column: c, round: whole", "2.5", "3.000"},
        {"column: c, round: whole", "-2.5", "-3.000"},
        {"column: c, round: whole", "2.499", "2.000"},
        {"column: c, factor: 60, round: whole, prefix: 's'", "0.025", "s2.000"},
        {"column: c, first: ' ', factor: 2", "4 units", "8.000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char columns[512], csv[256];
        snprintf(columns, sizeof columns,
                 "    columns: {id: {column: i}, name: {%s}}\n    delimiter: tab\n",
                 rows[i].options);
        snprintf(csv, sizeof csv, "i\tc\n1\t%s\n", rows[i].cell);
        struct world *w = mapped(columns, csv, (struct heed_tally){1, 1, 0, 0, 0});
        expect_name(w, 0, rows[i].name);
        world_close(w);
    }
}

static void what_is_no_number_is_a_bad_row(void **state)
{
    (void)state;
    char *map = put_text("n.yaml", "files:\n  - path: n.csv\n    kind: goods\n    columns:\n"
                                   "      id: {column: i}\n      name: {column: i}\n"
                                   "      sales: {column: n, factor: 1000, round: whole}\n");
    free(put_text("n.csv", "i,n\na,1.5\nb,many\nc,9007199254740\nd,\n"));
    struct world *w = world_in_memory();
    struct imported in = import_mapped(w, map, NULL);
    assert_int_equal(in.status, HEED_OK);
    assert_int_equal(in.result.total.rejected, 1);
    assert_int_equal(in.result.total.applied, 3);
    const char *first = in.result.files[0].first;
    if (!strstr(first, "n.csv: line 3, column 2 (sales): 'many' is not a number"))
        fail_msg("%s", first);
    assert_int_equal(w->state.catalogue.goods[0].sales, 1500);
    imported_free(&in);
    free(map);
    world_close(w);
}

static void what_reaches_no_step_and_what_is_no_time_are_bad_rows(void **state)
{
    (void)state;
    char *map =
        put_text("s.yaml", "files:\n  - path: s.csv\n    kind: goods\n    columns:\n"
                           "      id: {column: i}\n      name: {column: n, steps: {1: one}}\n"
                           "      created_at: {column: t, time: month/day/year hour:minute}\n");
    free(put_text("s.csv", "i,n,t\na,1,1/2/2016 3:04\nb,0.5,1/2/2016 3:04\nc,x,1/2/2016 3:04\n"
                           "d,1,13/2/2016 3:04\ne,1,2/30/2016 3:04\nf,1,1/2/16 3:04\n"
                           "g,1,2016-01-02\nh,1,1/2/2016 3:04:05\ni,1,1/2/2016 24:00\nj,1,\n"));
    struct world *w = world_in_memory();
    struct imported in = import_mapped(w, map, NULL);
    assert_int_equal(in.status, HEED_OK);
    assert_int_equal(in.result.total.applied, 2);
    assert_int_equal(in.result.total.rejected, 8);
    assert_non_null(strstr(in.result.files[0].first, "reaches the first step"));
    assert_int_equal(w->state.catalogue.goods[0].created_at_ms, INT64_C(1451703840000));
    imported_free(&in);
    free(map);
    world_close(w);
}

static void a_file_may_lie_beside_the_mapping(void **state)
{
    (void)state;
    free(put_text("kit/own.csv", "id\nann\n"));
    free(put_text("there/own.csv", "id\nbob\ncyd\n"));
    char *data = test_path("there");
    char *map = put_text(
        "kit/m.yaml",
        "files:\n  - {path: own.csv, from: map, kind: users, columns: {id: {column: id}}}\n"
        "  - {path: own.csv, from: data, kind: users, columns: {id: {column: id}}}\n");
    struct world *w = world_in_memory();
    struct imported in = import_mapped(w, map, data);
    assert_int_equal(in.status, HEED_OK);
    assert_int_equal(in.result.files[0].tally.applied, 1);
    assert_int_equal(in.result.files[1].tally.applied, 2);
    imported_free(&in);
    free(map);
    free(data);
    world_close(w);
}

static void latin1_tabs_and_bare_quotes_are_read(void **state)
{
    (void)state;
    struct world *w = mapped("    delimiter: tab\n    quote: none\n    encoding: latin1\n"
                             "    columns: {id: {column: i}, name: {column: n}}\n",
                             "i\tn\n1\tRen\xe9 \"the\n2\tstra\xdf"
                             "e\", 'x\n",
                             (struct heed_tally){2, 2, 0, 0, 0});
    expect_name(w, 0, "Ren\xc3\xa9 \"the");
    expect_name(w, 1,
                "stra\xc3\x9f"
                "e\", 'x");
    world_close(w);
    w = mapped("    delimiter: ';'\n    quote: \"'\"\n"
               "    columns: {id: {column: i}, name: {column: n}}\n",
               "i;n\n1;'a;''b'''\n", (struct heed_tally){1, 1, 0, 0, 0});
    expect_name(w, 0, "a;'b'");
    world_close(w);
}

/* ── joins ── */

static void a_join_takes_the_lowest_or_the_first_row_of_a_key(void **state)
{
    (void)state;
    free(put_text("second.csv", "key,rank,value\nSword!,30,thirty\nsword,4,four\nS-WORD,12,twelve\n"
                                "!!!,1,nothing\nAxe,none,unranked\naxe,7,seven\nbad\n茶,1,tea\n"
                                "Bow,,blank\n"));
    static const char csv[] = "i,k\n1,Sword\n2,AXE\n3,spear\n4,??\n5,\n6,bow\n7,sword\n";
    static const struct {
        const char *join;
        const char *names[7];
    } rows[] = {
        {"normalise: alnum-lower, prefer: lowest rank",
         {"four", "seven", "-", "-", "-", "blank", "four"}},
        {"normalise: alnum-lower", {"thirty", "unranked", "-", "-", "-", "blank", "thirty"}},
        {"normalise: none", {"-", "-", "-", "-", "-", "-", "four"}},
        {"prefer: lowest rank", {"-", "-", "-", "-", "-", "-", "four"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char columns[512];
        snprintf(columns, sizeof columns,
                 "    join: {path: second.csv, key: k, on: key, %s}\n"
                 "    columns: {id: {column: i}, name: {joined: value, otherwise: '-'}}\n",
                 rows[i].join);
        struct world *w = mapped(columns, csv, (struct heed_tally){7, 7, 0, 0, 0});
        for (uint32_t g = 0; g < 7; g++)
            expect_name(w, g, rows[i].names[g]);
        world_close(w);
    }
}

static void keys_too_long_to_compare_match_nothing(void **state)
{
    (void)state;
    struct strbuf b, a;
    strbuf_init(&b, 1 << 20);
    strbuf_init(&a, 1 << 20);
    strbuf_puts(&b, "key,value\n");
    strbuf_puts(&a, "i,k\n");
    for (int i = 0; i < 2; i++) {
        strbuf_printf(&a, "%d,", i);
        for (int k = 0; k < 600; k++) {
            strbuf_putc(&a, 'x');
            strbuf_putc(&b, 'x');
        }
        strbuf_printf(&a, "%d\n", i);
        strbuf_printf(&b, "%d,value %d\n", i, i);
    }
    free(put_text("second.csv", b.p));
    struct world *w =
        mapped("    join: {path: second.csv, key: k, on: key, normalise: alnum-lower}\n"
               "    columns: {id: {column: i}, name: {joined: value, otherwise: '-'}}\n",
               a.p, (struct heed_tally){2, 2, 0, 0, 0});
    expect_name(w, 0, "-");
    expect_name(w, 1, "-");
    world_close(w);
    strbuf_deinit(&a);
    strbuf_deinit(&b);
}

/* ── several files, their folder, and again ── */

static void files_come_in_their_order_from_the_data_folder_and_once(void **state)
{
    (void)state;
    free(put_text("other/play.csv", "who,what,hours\nann,sword,1.5\nzed,sword,1\nann,sword,-1\n"));
    free(put_packed("other/games.zip", "in/games.csv", "what\nsword\n", 11));
    char *data = test_path("other");
    char *map = put_text("maps/all.yaml",
                         "files:\n"
                         "  - path: play.csv\n    kind: users\n    columns: {id: {column: who}}\n"
                         "  - path: games.zip/in/games.csv\n    kind: goods\n"
                         "    columns: {id: {column: what}, name: {column: what}}\n"
                         "  - path: play.csv\n    kind: events\n    columns:\n"
                         "      time: {constant: 2026-01-01}\n      user: {column: who}\n"
                         "      verb: {constant: dwell}\n"
                         "      target: {column: what, prefix: 'good:'}\n"
                         "      amount: {column: hours, factor: 3600}\n");
    struct world *w = world_in_memory();
    struct imported in = import_mapped(w, map, data);
    expect_tally(&in, (struct heed_tally){7, 5, 1, 1, 0}); /* ann is there twice */
    assert_int_equal(in.result.n, 3);
    assert_int_equal(w->state.behaviour.latest_ms, T0);
    imported_free(&in);
    struct sha256 once = hash_of(w);
    in = import_mapped(w, map, data);
    expect_tally(&in, (struct heed_tally){0});
    assert_true(sha256_eq(once, hash_of(w)));
    imported_free(&in);
    world_close(w);
    free(map);
    free(data);
}

/* A file is known by what the mapping says of it, not by how the mapping is laid out or what else
 * stands in it.                                                                                  */
static void a_changed_mapping_applies_only_what_it_says_anew(void **state)
{
    (void)state;
    static const char users[] =
        "  - path: acts.csv\n    kind: users\n    columns: {id: {column: who}}\n";
    static const char views[] = "  - path: acts.csv\n    kind: events\n    columns:\n"
                                "      time: {constant: 2026-01-01}\n      user: {column: who}\n"
                                "      verb: {constant: view}\n      target: {column: whom}\n";
    static const char likes[] = "  - path: acts.csv\n    kind: events\n    columns:\n"
                                "      time: {constant: 2026-01-01}\n      user: {column: who}\n"
                                "      verb: {constant: like}\n      target: {column: whom}\n";
    const struct {
        const char *parts[4];
        uint64_t applied;
    } rows[] = {
        {{users, views}, 4},
        {{users, views}, 0},
        {{"  # a word\n", users, "\n", views}, 0},
        {{views, users}, 0},
        {{users, likes, views}, 2},
        {{users, likes, views, views}, 2}, /* one more that says the same */
        {{users, likes, views, views}, 0},
    };
    free(put_text("again/acts.csv", "who,whom\nann,user:ben\nben,user:ann\n"));
    char *data = test_path("again");
    struct world *w = world_in_memory();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[4096] = "files:\n";
        for (size_t j = 0; j < 4 && rows[i].parts[j]; j++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s", rows[i].parts[j]);
        char *map = put_text("maps/again.yaml", text);
        struct imported in = import_mapped(w, map, data);
        if (in.status != HEED_OK)
            fail_msg("row %zu: %s: %s", i, in.err.where, in.err.message);
        uint64_t applied = in.result.total.applied;
        if (applied != rows[i].applied)
            fail_msg("row %zu: %llu rows were applied", i, (unsigned long long)applied);
        imported_free(&in);
        free(map);
    }
    world_close(w);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_mapping_applies_only_what_it_says_anew),
        cmocka_unit_test(a_wrong_mapping_is_told_by_line_and_key),
        cmocka_unit_test(options_change_a_value_as_they_say),
        cmocka_unit_test(what_is_no_number_is_a_bad_row),
        cmocka_unit_test(latin1_tabs_and_bare_quotes_are_read),
        cmocka_unit_test(a_join_takes_the_lowest_or_the_first_row_of_a_key),
        cmocka_unit_test(keys_too_long_to_compare_match_nothing),
        cmocka_unit_test(what_reaches_no_step_and_what_is_no_time_are_bad_rows),
        cmocka_unit_test(a_file_may_lie_beside_the_mapping),
        cmocka_unit_test(files_come_in_their_order_from_the_data_folder_and_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
