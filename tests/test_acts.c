/* Which acts of a file are wishes: what a verb and an amount say, what is chosen, what is refused.
 */
#include "support_world.h"

#include "allocation/interactions.h"
#include "world/rules.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The file's pairs as "user-target " each, in their order; err's message when it is refused.     */
static void read_pairs(const char *text, const char *kind, const char *verbs, char *out, size_t cap,
                       size_t *unwished)
{
    struct interactions x;
    struct heed_error err = {0};
    struct sparse pairs;
    size_t *first = NULL, n = 0;
    const struct interactions_choice choice = {kind ? str_of(kind) : STR_NONE,
                                               verbs ? str_of(verbs) : STR_NONE};
    char *path = test_path("acts.csv");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    interactions_init(&x);
    *out = '\0';
    if (interactions_read(&x, path, &choice, NULL, NULL, &err) != HEED_OK) {
        snprintf(out, cap, "%s", err.message);
    } else {
        assert_int_equal(interactions_pairs(&x, &pairs, &first, unwished), HEED_OK);
        for (size_t u = 0; u < pairs.rows; u++)
            for (uint64_t i = pairs.at[u]; i < pairs.at[u + 1]; i++) {
                assert_int_equal(x.rows[first[i]].user, u);
                assert_int_equal(x.rows[first[i]].item, pairs.column[i]);
                assert_true(x.rows[first[i]].weight > 0);
                struct str user = intern_str(&x.users, (uint32_t)u),
                           item = intern_str(&x.items, pairs.column[i]);
                n += (size_t)snprintf(out + n, cap - n, "%.*s-%.*s ", STR_ARG(user), STR_ARG(item));
            }
        sparse_deinit(&pairs);
        free(first);
    }
    interactions_deinit(&x);
    free(path);
}

static void a_pair_is_a_wish_when_its_acts_weigh_more_than_nothing(void **unused)
{
    (void)unused;
    static const struct {
        const char *what, *text, *kind, *verbs, *pairs;
        size_t unwished;
    } rows[] = {
        {"no verbs: every row", "user,target\na,x\na,y\na,x\nb,x\n", 0, 0, "a-x a-y b-x ", 0},
        {"an unknown or empty verb says yes", "user,target,verb\na,x,\na,y,knits\n", 0, 0,
         "a-x a-y ", 0},
        {"what rejects says no", "user,target,verb\na,x,report\na,y,dislike\na,z,skip\na,w,block\n",
         0, 0, "", 4},
        {"a view and a report: no", "user,target,verb\na,x,view\na,x,report\na,y,view\n", 0, 0,
         "a-y ", 1},
        {"a skip, and later a like: yes, from the like on",
         "user,target,verb\na,x,skip\na,y,view\na,x,like\n", 0, 0, "a-y a-x ", 0},
        {"a like taken back: no", "user,target,verb\na,x,like\na,x,unlike\n", 0, 0, "", 1},
        {"a purchase refunded: no; in part: yes",
         "user,target,verb,amount\na,x,purchase,2\na,x,refunded,2\na,y,purchase,2\na,y,refunded,"
         "1\n",
         0, 0, "a-y ", 1},
        {"nobody can outweigh a block", "user,target,verb\na,x,purchase\na,x,block\na,x,like\n", 0,
         0, "", 1},
        {"an amount of 0 says nothing", "user,target,amount\na,x,0\na,y,1\na,z,\na,y,0\n", 0, 0,
         "a-y a-z ", 1},
        {"nor does having been shown", "user,target,verb\na,x,served\na,y,view\n", 0, 0, "a-y ", 1},
        {"nor that it was that", "user,target,verb\na,x,served_seen\na,y,view\n", 0, 0, "a-y ", 1},
        {"nobody known is nobody", "user,target,verb\n-,x,view\na,y,view\n", 0, 0, "a-y ", 0},
        {"verbs that are chosen, and no others",
         "user,target,verb\na,x,like\na,y,view\na,z,purchase\na,x,report\n", 0, "like, purchase",
         "a-x a-z ", 0},
        {"one may ask who reports", "user,target,verb\na,x,like\na,y,report\n", 0, "report", "a-y ",
         0},
        {"with an amount still", "user,target,verb,amount\na,x,like,0\na,y,like,2\n", 0, "like",
         "a-y ", 1},
        {"targets of one kind, by their ids", "user,target\na,content:x\na,good:y\na,user:b\na,z\n",
         "good", 0, "a-y ", 0},
        {"of a kind of one's own", "user,target\na,film:x\na,y\n", "film", 0, "a-x ", 0},
        {"no target of the kind", "user,target\na,content:x\na,good:y\n", "user", 0,
         "has no target such as user:ID; it has content, good", 0},
        {"no kinds at all", "user,target\na,x\n", "user", 0,
         "has no target such as user:ID; it has none of the form KIND:ID; leave --kind out", 0},
        {"a verb of no row", "user,target,verb\na,x,like\na,y,view\n", 0, "like,lik",
         "has no row of the verb 'lik'; it has like, view", 0},
        {"an empty id of a kind", "user,target\na,content:\n", "content", 0, "is empty; name it",
         0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char got[400];
        size_t unwished = 0;
        read_pairs(rows[i].text, rows[i].kind, rows[i].verbs, got, sizeof got, &unwished);
        if (strcmp(got, rows[i].pairs) != 0 || unwished != rows[i].unwished)
            fail_msg("%s: '%s' and %zu unwished, expected '%s' and %zu", rows[i].what, got,
                     unwished, rows[i].pairs, rows[i].unwished);
    }
}

/* Weights are those of the rules a world has by default. */
static void verbs_weigh_what_the_default_rules_say(void **unused)
{
    (void)unused;
    static const int amounts[] = {1, 9, 60, 5000};
    struct rules r;
    struct heed_error err = {0};
    assert_int_equal(rules_parse(rules_preset("default"), "default", &r, &err), HEED_OK);
    assert_int_equal(r.behaviour.verbs_n, 13);
    for (uint32_t v = 0; v < r.behaviour.verbs_n; v++)
        for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++) {
            const char *name = r.behaviour.verbs[v].name;
            double points =
                       (double)behaviour_points(&r.behaviour, v, (int64_t)amounts[i] * 1000) / 1000,
                   weight = act_weight(str_of(name), amounts[i]);
            if (fabs(points - weight) > .0011)
                fail_msg("%s of %d weighs %g, not %g", name, amounts[i], weight, points);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_a_wish_when_its_acts_weigh_more_than_nothing),
        cmocka_unit_test(verbs_weigh_what_the_default_rules_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
