/* A constant-product pool as market maker: it holds two things and trades one for the other so that
 * the product of what it holds never falls.
 *
 * Amounts are unsigned 128-bit integers (1e18 to the whole is common); products are taken in 256
 * bits. Reserves are below 2^112, as of Uniswap.
 * Source: Uniswap v2 core and periphery (2020), `UniswapV2Library.getAmountOut` and `getAmountIn`;
 * there the fee is 3/1000, here parts per million, which gives the same integers.                */
#ifndef HEED_MARKET_POOL_H
#define HEED_MARKET_POOL_H

#include "heed.h"

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 market_amount_t;

#define MARKET_RESERVE_MAX (((market_amount_t)1 << 112) - 1)

/* What the pool gives for `in`: in x (1 - fee) x reserve_out / (reserve_in + in x (1 - fee)),
 * rounded down, for the pool. false: in or a reserve is 0, the pool would hold more than
 * MARKET_RESERVE_MAX (where the fee has six decimals, than 2^108), or fee_ppm is not 0..999999;
 * *out is untouched. */
HEED_MUST_CHECK bool market_pool_out(market_amount_t in, market_amount_t reserve_in,
                                     market_amount_t reserve_out, int32_t fee_ppm,
                                     market_amount_t *out);

/* What must come in for `out`: rounded down, plus 1, for the pool. false: as above, or out is not
 * below reserve_out.                                                                             */
HEED_MUST_CHECK bool market_pool_in(market_amount_t out, market_amount_t reserve_in,
                                    market_amount_t reserve_out, int32_t fee_ppm,
                                    market_amount_t *in);
#endif
