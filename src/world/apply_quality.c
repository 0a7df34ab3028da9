/* What is learnt from outcomes: adopted as a fact, and shown. */
#include "world/apply.h"

#include "quality/learned.h"

#include <math.h>
#include <stdio.h>

static double share(int64_t billionths)
{
    return (double)billionths / (double)FIT_UNIT;
}

/* How far off one observation is, and endless ones, on the outcome's scale. */
static json_t *sources(const struct quality_fit *f)
{
    json_t *list = json_array();
    for (int k = 0; k < FIT_SOURCES; k++) {
        double slope = share(f->from[k].slope), bias = share(f->from[k].bias);
        double noise = share(f->from[k].noise);
        json_t *one = slope > 0 ? json_real(sqrt(bias + noise) / slope) : json_null();
        json_t *many = slope > 0 ? json_real(sqrt(bias) / slope) : json_null();
        json_array_append_new(list,
                              json_pack("{s:s,s:f,s:f,s:f,s:f,s:o,s:o}", "source",
                                        fit_source_name((enum fit_source)k), "center",
                                        share(f->from[k].center), "slope", slope, "bias", bias,
                                        "noise", noise, "off_by_one", one, "off_by_many", many));
    }
    return list;
}

static json_t *curve(const struct quality_fit *f)
{
    json_t *list = json_array();
    for (int b = 0; b < FIT_BINS; b++)
        json_array_append_new(list, json_pack("{s:I,s:f,s:f}", "targets", (json_int_t)f->bins[b].n,
                                              "predicted", f->bins[b].predicted_ppm / 1e6,
                                              "observed", f->bins[b].observed_ppm / 1e6));
    return list;
}

static json_t *weights(const struct quality_fit *f)
{
    if (!f->known)
        return json_pack("{s:n}", "outcome");
    return json_pack("{s:s,s:I,s:f,s:{s:f,s:f},s:{s:f,s:f,s:f},s:o,s:o}", "outcome",
                     fit_source_name((enum fit_source)f->outcome), "targets",
                     (json_int_t)f->targets, "mean", share(f->mean), "variance", "of_targets",
                     share(f->own), "of_creators", share(f->of_creators), "squared_error", "fit",
                     share(f->error), "rules", share(f->error_of_rules), "mean",
                     share(f->error_of_mean), "sources", sources(f), "reliability", curve(f));
}

/* Both figures, and what to do, where the rules predict better than what was learnt. */
static bool add_warning(json_t *reply, const struct quality_fit *f)
{
    char text[320];
    if (!f->known || f->error <= f->error_of_rules)
        return true;
    snprintf(text, sizeof text, "on outcomes held out the fit errs by %.4f, the rules by %.4f: %s",
             share(f->error), share(f->error_of_rules),
             f->in_force
                 ? "yet scores go by the fit, as was asked with --force; `heed quality fit` "
                   "without it goes back to the rules"
                 : "scores stay with the rules; fit again when there are more outcomes, or "
                   "to another --outcome, or put this in force with --force");
    return json_object_set_new(reply, "warning", json_string(text)) == 0;
}

static json_t *positions(const struct learned *l)
{
    json_t *list = json_array();
    for (uint32_t k = 0; k < l->positions_n; k++)
        json_array_append_new(list, json_real(l->examined_ppm[k] / 1e6));
    return list;
}

static enum heed_status reply_learned(const struct learned *l, json_t **out, struct heed_error *err)
{
    size_t above = 0, below = 0;
    for (size_t i = 0; i < l->raters_n; i++) {
        above += l->raters[i].weight_milli > 1500;
        below += l->raters[i].weight_milli < 667;
    }
    json_t *reply = weights(&l->fit);
    bool ok = reply && json_object_set_new(reply, "learnt_at", reply_time(l->learnt_at_ms)) == 0 &&
              json_object_set_new(reply, "in_force", json_boolean(l->fit.in_force)) == 0 &&
              add_warning(reply, &l->fit) &&
              json_object_set_new(reply, "raters",
                                  json_pack("{s:I,s:I,s:I}", "known", (json_int_t)l->raters_n,
                                            "above_average", (json_int_t)above, "below_average",
                                            (json_int_t)below)) == 0 &&
              json_object_set_new(reply, "examined", positions(l)) == 0;
    if (!ok) {
        json_decref(reply);
        return error_nomem(err);
    }
    *out = reply;
    return HEED_OK;
}

/* i: outcome, force; the facts are what was learnt */
enum heed_status apply_quality_fit(struct world *w, const struct call *call, struct outcome *o,
                                   struct heed_error *err)
{
    struct state *s = &w->state;
    struct memory_reader bytes = {(const uint8_t *)call->blob.p, call->blob.n};
    struct source *k = source_new(&bytes);
    struct learned l = {0};
    if (!k)
        return error_nomem(err);
    enum heed_status status = learned_load(&l, k, err);
    if (status == HEED_OK && (!source_end(k) || l.raters_n > s->catalogue.parties_n))
        status =
            error_set(err, HEED_INPUT, "quality fit", "the journal holds a call that cannot be");
    free(k);
    if (status == HEED_OK && !l.fit.known && l.positions_n == 0) {
        o->refusal = REFUSED_too_few_outcomes;
        learned_deinit(&l);
        return HEED_OK;
    }
    l.learnt_at_ms = call->time_ms;
    if (status == HEED_OK && quality_adopt(&s->quality, &l) != HEED_OK)
        status = error_nomem(err);
    learned_deinit(&l);
    if (status == HEED_OK && o->want_reply)
        status = reply_learned(s->quality.learned, &o->reply, err);
    return status;
}

enum heed_status query_quality_calibration(struct world *w, const struct call *call,
                                           enum refusal *refusal, json_t **out,
                                           struct heed_error *err)
{
    (void)call;
    if (!w->state.quality.learned) {
        *refusal = REFUSED_nothing_learnt;
        return HEED_OK;
    }
    return reply_learned(w->state.quality.learned, out, err);
}
