/* w * 2^(-age / half_life) in integers: whole halvings by shifting, their 64ths from a table, what
 * is left by the series of exp. */
#include "behaviour/behaviour.h"

enum { UNIT_BITS = 62, STEPS = 64, FRACTION_BITS = 52 };

/* 2^62 * 2^(-i/64), rounded to nearest.                                                         */
static const uint64_t table[STEPS] = {
    4611686018427387904, 4562008997483360349, 4512867096753504463, 4464254551929933550,
    4416165660797809419, 4368594782566476878, 4321536337207803251, 4274984804801645281,
    4228934724888366668, 4183380695828330266, 4138317374168289834, 4093739474014606996,
    4049641766413219908, 4006019078736290889, 3962866294075461077, 3920178350641640941,
    3877950241171266237, 3836177012338949768, 3794853764176460055, 3753975649497958757,
    3713537873331429433, 3673535692356230935, 3633964414346709481, 3594819397621804119,
    3556096050500581047, 3517789830763632898, 3479896245120279830, 3442410848681509921,
    3405329244438597040, 3368647082747335039, 3332360060817827770, 3296463922209775076,
    3260954456333195553, 3225827497954527522, 3191078926708050276, 3156704666612568285,
    3122700685593301682, 3089062995008926926, 3055787649183712190, 3022870744944692570,
    2990308421163830843, 2958096858305110056, 2926232277976504838, 2894710942486778865,
    2863529154407056491, 2832683256137117140, 2802169629476361550, 2771984695199399577,
    2742124912636209756, 2712586779256821376, 2683366830260470360, 2654461638169180747,
    2625867812425724110, 2597581998995909751, 2569600879975159024, 2541921173199317625,
    2514539631859660218, 2487453044122042215, 2460658232750154058, 2434152054732833796,
    2407931400915394245, 2381993195634921490, 2356334396359501942, 2330951993331335645,
};

/* ln 2 / 64 in 2^-62.                                                                            */
static const uint64_t STEP_LOG = 49946518145322874;

__extension__ typedef unsigned __int128 u128;

static uint64_t times(uint64_t a, uint64_t b)
{
    return (uint64_t)((u128)a * b >> UNIT_BITS);
}

/* 2^-(fraction / 64) in 2^-62, fraction in 2^-52: seven terms, the next is below 4e-18.          */
static uint64_t within_step(uint64_t fraction)
{
    uint64_t one = UINT64_C(1) << UNIT_BITS, sum = one;
    uint64_t a = (uint64_t)((u128)fraction * STEP_LOG >> FRACTION_BITS);
    for (uint64_t k = 6; k > 0; k--)
        sum = one - times(a, sum) / k;
    return sum;
}

int64_t behaviour_decay(int64_t weight, int64_t age_ms, int64_t half_life_ms)
{
    if (age_ms <= 0 || weight == 0)
        return weight;
    uint64_t halvings = (uint64_t)age_ms / (uint64_t)half_life_ms;
    if (halvings >= 64)
        return 0;
    uint64_t rest = (uint64_t)age_ms % (uint64_t)half_life_ms;
    uint64_t at = (uint64_t)(((u128)rest * STEPS << FRACTION_BITS) / (uint64_t)half_life_ms);
    uint64_t fraction = at & ((UINT64_C(1) << FRACTION_BITS) - 1);
    uint64_t factor = times(table[at >> FRACTION_BITS], within_step(fraction));
    uint64_t size = weight < 0 ? 0 - (uint64_t)weight : (uint64_t)weight;
    unsigned shift = UNIT_BITS + (unsigned)halvings;
    uint64_t kept = (uint64_t)(((u128)size * factor + ((u128)1 << (shift - 1))) >> shift);
    return weight < 0 ? (int64_t)(0 - kept) : (int64_t)kept;
}
