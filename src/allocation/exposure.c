/* What a slot is worth, and the names of algorithms and reasons. */
#include "allocation/allocation.h"

/* round(1e6 / log2(1 + rank)), rank 1..FEED_MAX */
static const uint32_t exposure_ppm[FEED_MAX] = {
    1000000, 630930, 500000, 430677, 386853, 356207, 333333, 315465, 301030, 289065, 278943, 270238,
    262650,  255958, 250000, 244651, 239812, 235409, 231378, 227670, 224244, 221065, 218104, 215338,
    212746,  210310, 208015, 205847, 203795, 201849, 200000, 198240, 196562, 194959, 193426, 191959,
    190551,  189200, 187902, 186652, 185449, 184289, 183169, 182088, 181043, 180031, 179052, 178104,
    177184,  176291, 175425, 174583, 173765, 172970, 172195, 171442, 170707, 169992, 169294, 168613,
    167949,  167300, 166667, 166048, 165443, 164851, 164272, 163706, 163151, 162608, 162077, 161555,
    161045,  160544, 160053, 159571, 159099, 158635, 158180, 157732, 157293, 156862, 156438, 156021,
    155611,  155209, 154812, 154423, 154039, 153662, 153290, 152925, 152565, 152210, 151861, 151517,
    151178,  150844, 150515, 150190,
};

uint64_t exposure_of_rank(uint32_t rank)
{
    return rank >= 1 && rank <= FEED_MAX ? exposure_ppm[rank - 1] : 0;
}

static const char *const algorithm_names[ALGORITHMS] = {"exposure", "engagement", "quality",
                                                        "relevance", "mixed"};

const char *algorithm_name(enum algorithm a)
{
    return (unsigned)a < ALGORITHMS ? algorithm_names[a] : "unknown";
}

int algorithm_of_name(struct str name)
{
    for (int a = 0; a < ALGORITHMS; a++)
        if (str_is(name, algorithm_names[a]))
            return a;
    return -1;
}

const char *slot_reason_name(enum slot_reason reason)
{
    static const char *const names[SLOT_REASONS] = {"exposure",  "engagement", "quality",
                                                    "relevance", "floor",      "welfare"};
    return (unsigned)reason < SLOT_REASONS ? names[reason] : "unknown";
}
