#include "ledger/ledger.h"

static const char *const system_names[] = {"system:issue", "system:retire", "system:pool",
                                           "system:shop"};
_Static_assert(sizeof system_names / sizeof *system_names == HOLDER_SYSTEM_END - HOLDER_SYSTEM,
               "one name a system holder");

const char *holder_system_name(uint32_t holder)
{
    if (holder < HOLDER_SYSTEM || holder >= HOLDER_SYSTEM_END)
        return NULL;
    return system_names[holder - HOLDER_SYSTEM];
}

uint32_t holder_of_system_name(struct str name)
{
    for (uint32_t h = HOLDER_SYSTEM; h < HOLDER_SYSTEM_END; h++)
        if (str_is(name, system_names[h - HOLDER_SYSTEM]))
            return h;
    return UINT32_MAX;
}

const char *transfer_code_name(enum transfer_code code)
{
    static const char *const names[CODE_COUNT] = {
        [CODE_TRANSFER] = "transfer",
        [CODE_ISSUE] = "issue",
        [CODE_RETIRE] = "retire",
        [CODE_POOL_FILL] = "pool_fill",
        [CODE_REWARD_CREATOR] = "reward_creator",
        [CODE_REWARD_USER] = "reward_user",
        [CODE_SALE] = "sale",
        [CODE_FEE] = "fee",
        [CODE_REFUND] = "refund",
        [CODE_FEE_REFUND] = "fee_refund",
        [CODE_GRANT] = "grant",
        [CODE_CORRECTION] = "correction",
        [CODE_ROYALTY] = "royalty",
        [CODE_ESCROW] = "escrow",
        [CODE_STOCK] = "stock",
        [CODE_ORDER] = "order",
        [CODE_TRADE] = "trade",
        [CODE_BID] = "bid",
        [CODE_AUCTION] = "auction",
    };
    if ((int)code <= 0 || code >= CODE_COUNT)
        return "";
    return names[code];
}

const char *transfer_kind_name(enum transfer_kind kind)
{
    static const char *const names[TRANSFER_KINDS] = {"move", "pending", "post",
                                                      "void", "expire",  "reverse"};
    return kind < TRANSFER_KINDS ? names[kind] : "";
}
