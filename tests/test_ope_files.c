/* Logs, policies and mappings of off-policy evaluation as files: what they may be, and what is
 * said, with its line, of those that may not. */
#include "allocation/ope_file.h"
#include "support_fault.h"
#include "support_import.h"
#include "support_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put(const char *name, const char *text)
{
    free(put_text(name, text));
}

static char *path_of(const char *name, char buf[4096])
{
    snprintf(buf, 4096, "%s/%s", test_dir(), name);
    return buf;
}

/* Reads log.csv through map.yaml (NULL: heed's own columns), then policy.csv ("": not). */
static enum heed_status read_all(const char *map, const char *policy_text, struct ope_file *file,
                                 double **p, struct ope_policy *policy, struct heed_error *err)
{
    char path[4096];
    struct ope_map m;
    *file = (struct ope_file){0};
    *p = NULL;
    *err = (struct heed_error){0};
    enum heed_status status =
        map ? ope_map_read(path_of("map.yaml", path), &m, err) : ope_map_own(&m, err);
    if (status == HEED_OK)
        status = ope_file_read(path_of("log.csv", path), &m, true, STR_NONE, false, file, err);
    ope_map_deinit(&m);
    if (status == HEED_OK && *policy_text)
        status = ope_policy_read(path_of("policy.csv", path), file, p, policy, err);
    return status;
}

static enum heed_status judge(const char *map, const char *log, const char *policy_text,
                              struct ope_file *file, double **p, struct ope_policy *policy,
                              struct heed_error *err)
{
    put("log.csv", log);
    put("policy.csv", policy_text);
    if (map)
        put("map.yaml", map);
    return read_all(map, policy_text, file, p, policy, err);
}

#define HEAD "action,propensity,reward\n"
#define AT_HEAD "action,position,propensity,reward\n"

static void a_log_is_read_as_it_stands(void **unused)
{
    (void)unused;
    struct ope_file f;
    struct ope_policy policy;
    struct heed_error err;
    double *p;
    if (judge(NULL,
              "\xef\xbb\xbfnote,reward,x_age,action,propensity,position,x_b\n"
              "hm,-1.5e0, 3 ,\"b, c\",1,top,0\n\n,2,4,a,.25,low,1\n,0,5,\"b, c\",.5,low,2\n",
              "position,action,probability\ntop,\"b, c\",1\nlow,a,.75\nlow,\"b, c\",.25\ntop,a,0\n",
              &f, &p, &policy, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    const struct ope_log *l = &f.log;
    assert_int_equal(l->n, 3);
    assert_int_equal(l->actions, 2);
    assert_int_equal(l->positions, 2);
    assert_int_equal(l->features, 2);
    assert_int_equal(l->categories, 0);
    const double x[] = {3, 0, 4, 1, 5, 2}, propensity[] = {1, .25, .5}, reward[] = {-1.5, 2, 0};
    const uint32_t action[] = {0, 1, 0}, position[] = {0, 1, 1};
    assert_memory_equal(l->x, x, sizeof x);
    assert_memory_equal(l->propensity, propensity, sizeof propensity);
    assert_memory_equal(l->reward, reward, sizeof reward);
    assert_memory_equal(l->action, action, sizeof action);
    assert_memory_equal(l->position, position, sizeof position);
    const double cells[] = {1, 0, .25, .75};
    assert_true(policy.by_position);
    assert_memory_equal(p, cells, sizeof cells);
    free(p);
    ope_file_deinit(&f);
}

static void a_mapping_says_what_is_what(void **unused)
{
    (void)unused;
    struct ope_file f;
    struct ope_policy policy;
    struct heed_error err;
    double *p;
    if (judge("log:\n  delimiter: tab\n  encoding: latin1\n  columns:\n"
              "    action: {column: item, otherwise: none}\n"
              "    position: {constant: top}\n"
              "    propensity: {column: percent, factor: .01}\n"
              "    reward: {column: click, otherwise: 0}\n"
              "    x_who: {column: \"who_*\", as: class}\n"
              "    x_all: {column: \"*\", factor: 2, otherwise: 7}\n",
              "who_sex\tclick\tpercent\titem\tage\twho_town\nf\t1\t50\ta\t20\tK\xf6ln\n"
              "m\t\t25\t\t\tBonn\n",
              "", &f, &p, &policy, &err) == HEED_OK)
        fail_msg("a star takes the class columns, whose texts are no numbers");
    assert_non_null(strstr(err.message, "'f' is not a number; a feature of names is a class"));
    ope_file_deinit(&f);
    if (judge("log:\n  delimiter: tab\n  encoding: latin1\n  columns:\n"
              "    action: {column: item, otherwise: none}\n"
              "    position: {constant: top}\n"
              "    propensity: {column: percent, factor: .01}\n"
              "    reward: {column: click, otherwise: 0}\n"
              "    x_who: {column: \"who_*\", as: class}\n"
              "    x_age: {column: age, factor: 2, otherwise: 7}\n",
              "who_sex\tclick\tpercent\titem\tage\twho_town\nf\t1\t50\ta\t20\tK\xf6ln\n"
              "m\t\t25\t\t\tBonn\n",
              "", &f, &p, &policy, &err) != HEED_OK)
        fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(f.log.features, 1);
    assert_int_equal(f.log.categories, 2);
    assert_true(f.log.x[0] == 40 && f.log.x[1] == 14);
    assert_true(f.log.propensity[0] == .5 && f.log.propensity[1] == .25);
    assert_true(f.log.reward[0] == 1 && f.log.reward[1] == 0);
    assert_true(str_is(intern_str(&f.actions, 1), "none"));
    assert_true(str_is(intern_str(&f.classes[1], 0), "K\xc3\xb6ln"));
    assert_int_equal(f.log.levels[0], 2);
    assert_int_equal(f.log.positions, 1);
    assert_true(f.positioned);
    ope_file_deinit(&f);
}

/* Rows of one user are one unit, and a row without a user is one by itself. */
static void a_user_is_a_unit(void **unused)
{
    (void)unused;
    static const char map[] = "log:\n  columns:\n    action: {column: item}\n"
                              "    propensity: {column: chance}\n    reward: {column: paid}\n"
                              "    user: {column: who}\n    x_all: {column: note}\n";
    static const char own[] = "user,action,propensity,reward,note\n";
    static const char rows[] = "ann,a,.5,1,0\n,a,.5,1,0\nbob,b,.5,0,0\n ann ,b,.5,0,0\n,b,.5,1,0\n";
    const uint32_t expected[] = {0, 2, 1, 0, 3};
    char text[200];
    struct ope_file f;
    struct ope_policy policy;
    struct heed_error err;
    double *p;
    for (int mapped = 0; mapped < 2; mapped++) {
        snprintf(text, sizeof text, "%s%s", mapped ? "who,item,chance,paid,note\n" : own, rows);
        if (judge(mapped ? map : NULL, text, "", &f, &p, &policy, &err) != HEED_OK)
            fail_msg("%s: %s", err.where, err.message);
        assert_int_equal(f.log.units, 4);
        assert_int_equal(f.log.features, mapped);
        assert_memory_equal(f.log.unit, expected, sizeof expected);
        ope_file_deinit(&f);
    }
    assert_int_equal(judge(NULL, HEAD "a,.5,1\n", "", &f, &p, &policy, &err), HEED_OK);
    assert_null(f.log.unit);
    ope_file_deinit(&f);
}

static const struct {
    const char *log, *where, *says;
} bad_logs[] = {
    {HEAD "a,0,1\n", "log.csv: line 2, column 2 (propensity)", "the propensity is 0; it is"},
    {HEAD "a,.5,1\na,-0.1,1\n", "line 3, column 2 (propensity)", "the propensity is -0.1;"},
    {HEAD "a,1.0001,1\n", "line 2, column 2 (propensity)", "the propensity is 1.0001;"},
    {HEAD "a,nan,1\n", "line 2, column 2 (propensity)", "propensity 'nan' is not a number"},
    {HEAD "a,inf,1\n", "line 2, column 2 (propensity)", "'inf' is not a number"},
    {HEAD "a,0x1p-1,1\n", "line 2, column 2 (propensity)", "is not a number"},
    {HEAD "a,1e-400,1\n", "line 2, column 2 (propensity)", "the propensity is 0;"},
    {HEAD "a,,1\n", "line 2, column 2 (propensity)", "the propensity is empty; fill it in"},
    {HEAD "a,.5,yes\n", "line 2, column 3 (reward)", "the reward 'yes' is not a number; mend it"},
    {HEAD "a,.5,\n", "line 2, column 3 (reward)", "the reward is empty"},
    {HEAD "a,.5,NaN\n", "line 2, column 3 (reward)", "'NaN' is not a number"},
    {HEAD "a,.5,1e999\n", "line 2, column 3 (reward)", "is not a number"},
    {HEAD "a,.5,1-2\n", "line 2, column 3 (reward)", "'1-2' is not a number"},
    {HEAD " ,.5,1\n", "line 2, column 1 (action)", "the action is empty"},
    {HEAD "a,.5\n", "log.csv: line 2", "it has 2 fields, the header 3 columns"},
    {HEAD "\"a,.5,1\n", "log.csv: line 2", ""},
    {HEAD "a\xff,.5,1\n", "log.csv: line 2", ""},
    {HEAD, "log.csv: line 1", "the log has no rows"},
    {"", "log.csv: line 1", "it is empty; a log needs the columns action, propensity, reward"},
    {"action,reward\na,1\n", "log.csv: line 1", "the column 'propensity' is missing"},
    {"propensity,reward\n.5,1\n", "log.csv: line 1", "the column 'action' is missing"},
    {"action,propensity\na,.5\n", "log.csv: line 1", "the column 'reward' is missing"},
    {"action,reward,propensity,action\n", "line 1, column 4 (action)", "stands there twice"},
    {AT_HEAD "a,,.5,1\n", "line 2, column 2 (position)", "the position is empty"},
    {"x_a,action,propensity,reward\nred,a,.5,1\n", "line 2, column 1 (x_a)",
     "the x_a 'red' is not a number; a feature of names is a class: say so in a mapping"},
    {"x_a,action,propensity,reward\n,a,.5,1\n", "line 2, column 1 (x_a)", "the x_a is empty"},
};

static void a_bad_log_is_named_with_its_line(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof bad_logs / sizeof *bad_logs; i++) {
        struct ope_file f;
        struct ope_policy policy;
        struct heed_error err;
        double *p;
        enum heed_status status = judge(NULL, bad_logs[i].log, "", &f, &p, &policy, &err);
        if (status != HEED_INPUT || !strstr(err.where, bad_logs[i].where) ||
            !strstr(err.message, bad_logs[i].says))
            fail_msg("the log\n%s\ngave status %d: %s: %s\nnot %s: %s", bad_logs[i].log,
                     (int)status, err.where, err.message, bad_logs[i].where, bad_logs[i].says);
        ope_file_deinit(&f);
    }
}

#define LOG AT_HEAD "a,1,.5,1\nb,1,.5,0\na,2,.5,1\nc,2,.5,0\n"
#define FLAT HEAD "a,.5,1\nb,.5,0\n"
#define BY "action,position,probability\n"
#define OF "action,probability\n"

static const struct {
    const char *log, *policy, *where, *says;
} bad_policies[] = {
    {FLAT, OF "a,.5\nb,.4\n", "policy.csv", "its probabilities sum to 0.9, not to 1; mend them"},
    {FLAT, OF "a,.5\nb,.5002\n", "policy.csv", "sum to 1.0002"},
    {FLAT, OF "a,0\nb,0\n", "policy.csv", "sum to 0, not to 1"},
    {FLAT, OF "a,1\n", "policy.csv", "it does not name the action 'b', which the log took 1 times"},
    {FLAT, OF, "policy.csv", "it does not name the action 'a'"},
    {FLAT, OF "a,.5\nb,.25\nc,.25\n", "line 4, column 1 (action)", "the log has no action 'c'"},
    {FLAT, OF "a,.5\nb,.25\nb,.25\n", "line 4, column 1 (action)", "stands there twice; keep one"},
    {FLAT, OF "a,1.5\nb,-.5\n", "line 2, column 2 (probability)", "'1.5' is not a probability"},
    {FLAT, OF "a,-.5\nb,1\n", "line 2, column 2 (probability)", "'-.5' is not a probability"},
    {FLAT, OF "a,nan\nb,1\n", "line 2, column 2 (probability)", "'nan' is not a probability"},
    {FLAT, OF "a,\nb,1\n", "line 2, column 2 (probability)", "'' is not a probability"},
    {FLAT, OF ",1\n", "line 2, column 1 (action)", "the action is empty"},
    {FLAT, OF "a\n", "policy.csv: line 2", "it has 1 fields"},
    {FLAT, "action,chance\na,1\n", "policy.csv: line 1", "the column 'probability' is missing"},
    {FLAT, "item,probability\na,1\n", "policy.csv: line 1", "the column 'action' is missing"},
    {FLAT, BY "a,1,1\n", "line 1, column 2 (position)", "the log has none"},
    {LOG, BY "a,1,.5\nb,1,.5\na,2,.5\nc,2,.4\n", "policy.csv",
     "its probabilities at position '2' sum to 0.9"},
    {LOG, BY "a,1,.5\nb,1,.5\na,2,.5\nb,2,.5\n", "line 5, column 1 (action)",
     "the log never took this action at this position"},
    {LOG, BY "a,1,.5\nb,1,.5\na,2,1\n", "policy.csv",
     "it does not name the action 'c', which the log took 1 times at position '2'"},
    {LOG, BY "a,1,.5\nb,1,.5\na,2,.5\nc,2,.5\na,3,1\n", "line 6, column 2 (position)",
     "the log has no position '3'"},
    {LOG, BY "a,1,.5\na,1,.5\n", "line 3, column 1 (action)", "twice at this position"},
};

static void a_bad_policy_is_named_with_its_line(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof bad_policies / sizeof *bad_policies; i++) {
        struct ope_file f;
        struct ope_policy policy;
        struct heed_error err;
        double *p;
        enum heed_status status =
            judge(NULL, bad_policies[i].log, bad_policies[i].policy, &f, &p, &policy, &err);
        if (status != HEED_INPUT || !strstr(err.where, bad_policies[i].where) ||
            !strstr(err.message, bad_policies[i].says))
            fail_msg("the policy\n%s\ngave status %d: %s: %s\nnot %s: %s", bad_policies[i].policy,
                     (int)status, err.where, err.message, bad_policies[i].where,
                     bad_policies[i].says);
        free(p);
        ope_file_deinit(&f);
    }
}

#define COLUMNS                                                                                    \
    "log:\n  columns:\n    action: {column: action}\n    propensity: {column: propensity}\n"
#define WHOLE COLUMNS "    reward: {column: reward}\n"

static const struct {
    const char *map, *where, *says;
} bad_maps[] = {
    {"", "map.yaml", "a map of keys was expected"},
    {"files: []\n", "map.yaml: line 1", "there is no such key here; the keys are log"},
    {"log: x\n", "map.yaml: line 1", "a map of keys was expected"},
    {"{}\n", "map.yaml", "the map 'log' is missing"},
    {"log: {}\n", "map.yaml: line 1", "the map 'columns' is missing"},
    {"log:\n  columns: [a]\n", "map.yaml: line 2", "the map 'columns' is missing"},
    {"log:\n  delimiter: ab\n", "map.yaml: line 2, key log.delimiter", "one ASCII character"},
    {"log:\n  kind: events\n", "map.yaml: line 2", "no such key"},
    {COLUMNS, "key log.columns", "a log needs the field 'reward'"},
    {WHOLE "    rewards: {column: x}\n", "line 6", "a log has no such field"},
    {WHOLE "    position: {}\n", "line 6", "give one of column and constant"},
    {WHOLE "    position: {column: a, constant: b}\n", "line 6", "give one of"},
    {WHOLE "    position: {column: [a]}\n", "line 6", "plain text was expected"},
    {WHOLE "    position: {column: a, factor: 2}\n", "line 6", "no such key"},
    {COLUMNS "    reward: {constant: much}\n", "line 5", "a number was expected"},
    {COLUMNS "    reward: {column: a, otherwise: no}\n", "line 5", "a number was expected"},
    {COLUMNS "    reward: {column: a, factor: -1}\n", "line 5", "a number above 0"},
    {COLUMNS "    reward: {column: a, factor: 0}\n", "line 5", "a number above 0"},
    {COLUMNS "    reward: {column: a, factor: nan}\n", "line 5", "a number above 0"},
    {WHOLE "    user: {constant: ann}\n", "line 6", "no such key"},
    {WHOLE "    user: {column: who, otherwise: ann}\n", "line 6", "no such key"},
    {WHOLE "    user: {column: who}\n", "log.csv: line 1", "the column 'who' is missing"},
    {WHOLE "    x_a: {constant: 1}\n", "line 6", "no such key"},
    {WHOLE "    x_a: {as: class}\n", "line 6", "the key 'column' is missing"},
    {WHOLE "    x_a: {column: b, as: text}\n", "line 6", "number or class"},
    {WHOLE "    x_a: {column: b, as: class, factor: 2}\n", "line 6", "a class has no factor"},
    {WHOLE "    x_a: {column: b}\n", "log.csv: line 1", "no column is named 'b'"},
    {WHOLE "    x_a: {column: \"b*\"}\n", "log.csv: line 1", "no column is named 'b*'"},
    {WHOLE "    x_a: {column: reward}\n", "log.csv: line 1, column 3 (reward)",
     "it is the reward and cannot be a feature too"},
    {WHOLE "    position: {column: b}\n", "log.csv: line 1", "the column 'b' is missing"},
    {COLUMNS "    reward: {column: reward, factor: 1e308}\n", "log.csv: line 2, column 3",
     "the reward '10' is too large, times the mapping's factor"},
};

static void a_bad_mapping_is_named_with_its_line(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof bad_maps / sizeof *bad_maps; i++) {
        struct ope_file f;
        struct ope_policy policy;
        struct heed_error err;
        double *p;
        enum heed_status status =
            judge(bad_maps[i].map, HEAD "a,.5,10\n", "", &f, &p, &policy, &err);
        if (status != HEED_INPUT || !strstr(err.where, bad_maps[i].where) ||
            !strstr(err.message, bad_maps[i].says))
            fail_msg("the mapping\n%s\ngave status %d: %s: %s\nnot %s: %s", bad_maps[i].map,
                     (int)status, err.where, err.message, bad_maps[i].where, bad_maps[i].says);
        ope_file_deinit(&f);
    }
}

static void every_action_alike_is_one_of_k(void **unused)
{
    (void)unused;
    struct ope_file f;
    struct ope_policy policy;
    struct heed_error err;
    double *p;
    assert_int_equal(judge(NULL, LOG, "", &f, &p, &policy, &err), HEED_OK);
    assert_int_equal(ope_policy_uniform(&f, &p, &policy, &err), HEED_OK);
    assert_false(policy.by_position);
    for (int a = 0; a < 3; a++)
        assert_true(p[a] == 1. / 3);
    free(p);
    ope_file_deinit(&f);
}

static void memory_may_run_out_anywhere(void **unused)
{
    (void)unused;
    static const char map[] = WHOLE "    position: {column: position}\n"
                                    "    user: {column: who}\n"
                                    "    x_n: {column: \"n*\", otherwise: 1}\n"
                                    "    x_c: {column: c, as: class}\n";
    put("map.yaml", map);
    put("log.csv", "action,position,propensity,reward,who,n1,n2,c\n"
                   "a,1,.5,1,ann,1,2,x\nb,1,.5,0,,,2,y\n");
    put("policy.csv", BY "a,1,.5\nb,1,.5\n");
    for (long n = 1;; n++) {
        struct ope_file f;
        struct ope_policy policy;
        struct ope_result r;
        struct heed_error err;
        double *p;
        fault_fail_at(n);
        enum heed_status status = read_all(map, BY, &f, &p, &policy, &err);
        if (status == HEED_OK)
            status = ope_estimate(&f.log, &policy, 1 << OPE_IPS | 1 << OPE_DR,
                                  &(struct ope_options){.min_sample = 1, .resamples = 3}, &r, &err);
        fault_off();
        if (fault_fired() ? status != HEED_NOMEM : status != HEED_OK)
            fail_msg("allocation %ld: status %d: %s: %s", n, (int)status, err.where, err.message);
        free(p);
        ope_file_deinit(&f);
        if (!fault_fired())
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_read_as_it_stands),
        cmocka_unit_test(a_user_is_a_unit),
        cmocka_unit_test(a_mapping_says_what_is_what),
        cmocka_unit_test(a_bad_log_is_named_with_its_line),
        cmocka_unit_test(a_bad_policy_is_named_with_its_line),
        cmocka_unit_test(a_bad_mapping_is_named_with_its_line),
        cmocka_unit_test(every_action_alike_is_one_of_k),
        cmocka_unit_test_teardown(memory_may_run_out_anywhere, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
