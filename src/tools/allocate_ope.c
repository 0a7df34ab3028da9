/* `heed allocate ope`: what a policy would have earned, judged from a log of another one. */
#include "allocation/ope_file.h"
#include "base/parallel.h"
#include "tools/tools.h"
#include "world/admit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MODELS = 1U << OPE_DM | 1U << OPE_DR, ALL = (1U << OPE_ESTIMATORS) - 1 };

static enum heed_status estimators_of(const struct tool_ask *ask, unsigned *out,
                                      struct heed_error *err)
{
    const char *given = tools_arg(ask, "estimator");
    *out = given ? 0 : ALL;
    for (const char *p = given; p; p = *p ? p + 1 : NULL) {
        struct str word = {p, strcspn(p, ",")};
        int e = 0;
        while (e < OPE_ESTIMATORS && !str_is(word, ope_estimator_name((enum ope_estimator)e)))
            e++;
        if (e == OPE_ESTIMATORS)
            return error_set(err, HEED_USAGE, "estimator",
                             "'%.*s' is not one of ips, snips, dm, dr, joined by commas",
                             word.n < 60 ? (int)word.n : 60, word.p);
        *out |= 1U << e;
        p += word.n;
    }
    return HEED_OK;
}

/* Reads the rows that are asked for. *logged: the policy to judge is the one that took them. */
static enum heed_status log_of(const struct tool_ask *ask, bool features, struct ope_file *file,
                               bool *logged, struct heed_error *err)
{
    struct ope_map map;
    const char *path = tools_arg(ask, "map"), *log = tools_arg(ask, "log");
    const char *of = tools_arg(ask, "of"), *name = tools_arg(ask, "policy");
    bool version = strcmp(name, "logged") != 0 && strcmp(name, "uniform") != 0; /* or a file */
    struct str only = of ? str_of(of) : version ? str_of(name) : STR_NONE;
    enum heed_status status = path ? ope_map_read(path, &map, err) : ope_map_own(&map, err);
    if (status == HEED_OK)
        status = ope_file_read(log, &map, features, only, of != NULL, file, err);
    version =
        status == HEED_OK && version && intern_find(&file->versions, str_of(name)) != INTERN_NONE;
    if (version && of && strcmp(of, name) != 0)
        status = error_set(err, HEED_USAGE, "policy",
                           "'%.60s' took other rows of this log than '%.60s', and what it "
                           "would have done there is not in it; leave --of out, or give a FILE",
                           name, of);
    *logged = version || strcmp(name, "logged") == 0;
    ope_map_deinit(&map);
    return status;
}

static enum heed_status policy_of(const struct tool_ask *ask, const struct ope_file *file,
                                  double **p, struct ope_policy *out, struct heed_error *err)
{
    const char *name = tools_arg(ask, "policy");
    if (strcmp(name, "uniform") == 0)
        return ope_policy_uniform(file, p, out, err);
    if (access(name, F_OK) != 0 && !strpbrk(name, "./"))
        return error_set(err, HEED_USAGE, "policy",
                         "'%s' is neither a file, nor uniform or logged, nor a policy that the log "
                         "names",
                         name);
    return ope_policy_read(name, file, p, out, err);
}

/* `uniform` is over all actions of the log, some of which these rows may lack. */
static void warn_of_actions(const struct ope_file *f, struct tool_warnings *list)
{
    size_t taken = 0;
    bool *seen = calloc(f->log.actions + 1, sizeof *seen);
    for (size_t i = 0; seen && i < f->log.n; i++) {
        taken += !seen[f->log.action[i]];
        seen[f->log.action[i]] = true;
    }
    if (seen && taken < f->log.actions)
        tools_warn(
            list,
            "uniform is over the %zu actions of the whole log, of which these rows took %zu: "
            "what the others would have earned is not in them; to leave those out, give a "
            "FILE with probability 0 for them",
            f->log.actions, taken);
    free(seen);
}

static void warn_of(const struct ope_log *log, const struct ope_result *r,
                    struct tool_warnings *list)
{
    const struct ope_weighing *w = &r->weights;
    char names[64] = "";
    size_t n = 0;
    if (fabs(w->mean - 1) > OPE_ERRORS_MAX * w->error && fabs(w->mean - 1) >= 1e-3) {
        /* a log whose weights do not average 1 is not what it says it is */
        tools_warn(list,
                   "the weights average %.4f, not 1 (standard error %.4f): propensities are wrong, "
                   "or the policy does what the log could not; take the numbers with care",
                   w->mean, w->error);
    }
    if (log->unit && log->units < OPE_UNITS_FEW)
        tools_warn(list,
                   "the log has %zu users, below %d: who is among them decides much, and the "
                   "intervals are too narrow; take a log of more people",
                   log->units, OPE_UNITS_FEW);
    for (int e = 0; e < OPE_ESTIMATORS; e++)
        if (r->estimates[e].known && !r->estimates[e].bounded)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "",
                                  ope_estimator_name((enum ope_estimator)e));
    if (n > 0 && !r->rewarded)
        tools_warn(list,
                   "no row of the log has a reward, so the bootstrap gives no interval (%s); if a "
                   "reward is 0 or 1, the mean may still be up to %.4g with 95 %% (3 over the "
                   "effective sample): take a longer log",
                   names, fmin(1, 3 / w->effective));
    else if (n > 0 && !(log->unit && log->units == 1))
        tools_warn(list,
                   "every resample gives the same number, so the bootstrap gives no interval (%s): "
                   "the rewards that count are all alike; take a longer log",
                   names);
}

static json_t *bound(const struct ope_estimate *x, double bound)
{
    return x->bounded ? json_real(bound) : json_null();
}

static json_t *reply_of(const struct tool_ask *ask, const struct ope_log *log,
                        const struct ope_result *r)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (int e = 0; ok && e < OPE_ESTIMATORS; e++) {
        const struct ope_estimate *x = &r->estimates[e];
        if (x->known)
            ok = tools_push(list,
                            json_pack("{s:s,s:f,s:o,s:o}", "estimator",
                                      ope_estimator_name((enum ope_estimator)e), "value", x->value,
                                      "lower", bound(x, x->lower), "upper", bound(x, x->upper)));
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    json_t *reply = json_pack("{s:o,s:I}", "policy", reply_text(tools_arg(ask, "policy")), "n",
                              (json_int_t)log->n);
    ok = reply && (!log->unit || tools_put(reply, "users", json_integer((json_int_t)log->units))) &&
         tools_put(reply, "effective_sample", json_real(r->weights.effective));
    if (!ok)
        json_decref(list);
    if (ok && tools_put(reply, "estimates", list))
        return reply;
    json_decref(reply);
    return NULL;
}

static const char *code_of(enum ope_refusal r)
{
    return r == OPE_WEIGHTS_OFF ? "weights_off" : "sample_too_small";
}

enum heed_status tools_ope(const struct tool_ask *ask, json_t **reply, struct heed_error *err)
{
    struct ope_file file = {0};
    struct ope_policy policy = {0};
    struct ope_result result;
    struct heed_error why = {0};
    double *p = NULL;
    unsigned wanted = 0;
    bool logged = false;
    int64_t seed = 1, least = 100;
    enum heed_status status = estimators_of(ask, &wanted, err);
    if (status == HEED_OK)
        status = tools_number(ask, "seed", 1, &seed, err);
    if (status == HEED_OK)
        status = tools_number(ask, "min-sample", 100, &least, err);
    if (status == HEED_OK)
        status = log_of(ask, wanted & MODELS, &file, &logged, err);
    if (status == HEED_OK && !logged)
        status = policy_of(ask, &file, &p, &policy, err);
    if (status == HEED_OK) {
        const struct ope_options o = {
            .min_sample = (double)least, .seed = (uint64_t)seed, .threads = PARALLEL_MAX};
        status = ope_estimate(&file.log, &policy, wanted, &o, &result, &why);
        if (status == HEED_REFUSED)
            *reply = json_pack("{s:{s:s,s:s}}", "refused", "code", code_of(result.refusal),
                               "message", why.message);
        else if (status != HEED_OK)
            error_set(err, status, why.where, "%s", why.message);
    }
    if (status == HEED_OK) {
        struct tool_warnings warnings = {0};
        if (strcmp(tools_arg(ask, "policy"), "uniform") == 0)
            warn_of_actions(&file, &warnings);
        warn_of(&file.log, &result, &warnings);
        *reply = tools_warned(reply_of(ask, &file.log, &result), &warnings);
    }
    if (!*reply && (status == HEED_OK || status == HEED_REFUSED))
        status = error_nomem(err);
    free(p);
    ope_file_deinit(&file);
    return status;
}
