/* w * 2^(-age / half_life) in integers: whole halvings by shifting, the rest from a table. */
#include "behaviour/behaviour.h"

/* 2^32 * 2^(-i/64), rounded to nearest.                                                         */
static const uint64_t table[65] = {
    4294967296, 4248701965, 4202935003, 4157661043, 4112874773, 4068570940, 4024744348, 3981389855,
    3938502376, 3896076880, 3854108391, 3812591987, 3771522796, 3730896002, 3690706840, 3650950594,
    3611622603, 3572718252, 3534232978, 3496162267, 3458501653, 3421246719, 3384393094, 3347936457,
    3311872529, 3276197082, 3240905930, 3205994934, 3171459999, 3137297074, 3103502151, 3070071267,
    3037000500, 3004285971, 2971923842, 2939910317, 2908241642, 2876914102, 2845924021, 2815267765,
    2784941738, 2754942382, 2725266179, 2695909648, 2666869345, 2638141863, 2609723834, 2581611923,
    2553802834, 2526293303, 2499080105, 2472160047, 2445529972, 2419186755, 2393127307, 2367348571,
    2341847524, 2316621173, 2291666561, 2266980759, 2242560872, 2218404036, 2194507417, 2170868212,
    2147483648,
};

__extension__ typedef unsigned __int128 u128;

int64_t behaviour_decay(int64_t weight, int64_t age_ms, int64_t half_life_ms)
{
    if (age_ms <= 0 || weight == 0)
        return weight;
    uint64_t halvings = (uint64_t)age_ms / (uint64_t)half_life_ms;
    if (halvings >= 64)
        return 0;
    /* position within the halving, 64 steps of 2^20 */
    uint64_t rest = (uint64_t)age_ms % (uint64_t)half_life_ms;
    uint64_t at = (uint64_t)((u128)rest * (64u << 20) / (uint64_t)half_life_ms);
    uint64_t i = at >> 20, fraction = at & ((1u << 20) - 1);
    uint64_t factor = table[i] - ((table[i] - table[i + 1]) * fraction >> 20);
    uint64_t size = weight < 0 ? 0 - (uint64_t)weight : (uint64_t)weight;
    uint64_t kept = (uint64_t)((u128)size * factor >> 32) >> halvings;
    return weight < 0 ? (int64_t)(0 - kept) : (int64_t)kept;
}
