/* Folders, and sums that are too large. */
#include "support_import.h"
#include "support_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_folder_is_read_in_an_order_in_which_names_are_known(void **state)
{
    (void)state;
    free(put_text("dir/users.csv", "id\nann\nbob\n"));
    free(put_text("dir/contents.jsonl", "{\"id\":\"c1\",\"creator\":\"ann\",\"good\":\"g1\"}\n"));
    free(put_text("dir/goods.csv", "id,name,seller\ng1,Sword,smith\n"));
    free(put_packed("dir/services.csv.gz", NULL, "id,name\ns1,Tour\n", 16));
    free(put_text("dir/events.csv",
                  "time,user,verb,target\n2026-01-02,bob,view,content:c1\n"
                  "2026-01-02,bob,view,service:s1\n2026-01-02,bob,follow,user:ann\n"));
    free(put_text("dir/ratings.csv", "time,user,target,score\n2026-01-02,bob,content:c1,4\n"));
    free(put_text("dir/notes.txt", "not read"));
    free(put_text("dir/users.csv.bak", "nor this"));
    char *dir = test_path("dir");
    struct world *w = world_in_memory();
    struct imported in = import_folder(w, dir);
    expect_tally(&in, (struct heed_tally){9, 9, 0, 0, 0});
    static const enum import_kind order[] = {IMPORT_USERS,    IMPORT_CONTENTS, IMPORT_GOODS,
                                             IMPORT_SERVICES, IMPORT_EVENTS,   IMPORT_RATINGS};
    assert_int_equal(in.result.n, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(in.result.files[i].kind, order[i]);
    assert_int_equal(w->state.catalogue.users_n, 2); /* smith has an account and is no user */
    assert_int_equal(w->state.catalogue.parties_n, 3);
    imported_free(&in);

    free(put_text("dir/users.jsonl", "{\"id\":\"zed\"}\n"));
    in = import_folder(w, dir);
    assert_int_equal(in.status, HEED_INPUT);
    assert_non_null(strstr(in.err.message, "more than one file of users"));
    imported_free(&in);

    static const struct {
        const char *name, *words;
    } wrong[] = {{"void", "holds none of users.csv"},
                 {"missing", "there is no such folder"},
                 {"dir/users.csv", "it is not a folder"}};
    char *empty = test_path("void");
    assert_int_equal(mkdir(empty, 0777), 0);
    for (size_t i = 0; i < 3; i++) {
        char *path = test_path(wrong[i].name);
        in = import_folder(w, path);
        assert_int_equal(in.status, HEED_INPUT);
        if (!strstr(in.err.message, wrong[i].words) || strcmp(in.err.where, path) != 0)
            fail_msg("%s: %s: %s", wrong[i].name, in.err.where, in.err.message);
        imported_free(&in);
        free(path);
    }
    free(empty);
    free(dir);
    world_close(w);
}

static void sums_of_the_largest_amounts_are_exact(void **state)
{
    (void)state;
    struct strbuf b;
    strbuf_init(&b, 4 << 20);
    strbuf_puts(&b, "time,user,verb,target,amount\n");
    for (int i = 0; i < 10000; i++)
        strbuf_puts(&b, "2026-01-02,ann,dwell,content:post1,1000000000\n");
    char *path = put_file("huge.csv", b.p, b.n);
    strbuf_deinit(&b);
    struct world *w = world_in_memory();
    fill_small(w);
    struct imported in = import_as(w, IMPORT_EVENTS, path, NULL);
    expect_tally(&in, (struct heed_tally){10000, 10000, 0, 0, 0});
    json_t *reply = call_ok(w, "behaviour show", "target", "content:post1", NULL);
    double dwell = json_number_value(json_object_get(reply, "dwell_s"));
    assert_true(dwell == 1e13);
    json_decref(reply);
    imported_free(&in);
    free(path);
    world_close(w);
}

/* What strict found is told; that it was applied is not. */
static void a_strict_file_that_is_refused_counts_only_its_bad_rows(void **state)
{
    (void)state;
    struct world *w = world_in_memory();
    fill_small(w);
    char *path = put_text("strict.csv", "time,user,verb,target\n2026-01-02,ann,view,content:post1\n"
                                        "2026-01-02,zed,view,content:post1\nshort\n");
    struct imported in =
        import_as(w, IMPORT_EVENTS, path, &(struct import_options){.strict = true});
    assert_int_equal(in.status, HEED_INPUT);
    struct heed_tally want = {2, 0, 1, 1, 0};
    assert_memory_equal(&in.result.total, &want, sizeof want);
    imported_free(&in);
    free(path);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_read_in_an_order_in_which_names_are_known),
        cmocka_unit_test(sums_of_the_largest_amounts_are_exact),
        cmocka_unit_test(a_strict_file_that_is_refused_counts_only_its_bad_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
