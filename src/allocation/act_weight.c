/* What an act says of a wish. */
#include "allocation/interactions.h"

/* The default rules' `behaviour.verbs`, and what takes an act back or shuts a target out. */
static const struct {
    const char *verb;
    double weight, unit, max_units; /* unit 0: whatever the amount */
} acts[] = {
    {"view", .1, 0, 0},     {"dwell", .5, 60, 60},   {"like", 2, 0, 0},
    {"dislike", -2, 0, 0},  {"comment", 3, 0, 0},    {"share", 4, 0, 0},
    {"follow", 4, 0, 0},    {"click", .5, 0, 0},     {"cart", 3, 0, 0},
    {"purchase", 5, 1, 10}, {"attend", 4, 0, 0},     {"skip", -.5, 0, 0},
    {"report", -5, 0, 0},   {"served", 0, 0, 0},     {"unlike", -2, 0, 0},
    {"unfollow", -4, 0, 0}, {"refunded", -5, 1, 10}, {"refund", -5, 1, 10},
    {"return", -5, 1, 10},  {"cancel", -5, 1, 10},   {"hide", -1000, 0, 0},
    {"mute", -1000, 0, 0},  {"block", -1000, 0, 0},  {"served_seen", 0, 0, 0},
};

double act_weight(struct str verb, double amount)
{
    if (!(amount > 0))
        return 0;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (str_is(verb, acts[i].verb)) {
            if (acts[i].unit <= 0)
                return acts[i].weight;
            double units = amount / acts[i].unit;
            return acts[i].weight * (units < acts[i].max_units ? units : acts[i].max_units);
        }
    return 1;
}
