#include "allocation/kinds.h"

enum target_kind kind_at(size_t i)
{
    static const enum target_kind order[KINDS] = {TARGET_CONTENT, TARGET_USER, TARGET_GOOD,
                                                  TARGET_SERVICE};
    heed_assert(i < KINDS);
    return order[i];
}

bool kinds_several(const uint32_t share_ppm[TARGET_KINDS])
{
    int n = 0;
    for (size_t i = 0; i < KINDS; i++)
        n += share_ppm[kind_at(i)] > 0;
    return n > 1;
}

/* Largest remainder among the kinds that are open; nothing when none is.                        */
static void share_out(const uint32_t share_ppm[TARGET_KINDS], const bool open[TARGET_KINDS],
                      uint32_t k, uint32_t slots[TARGET_KINDS])
{
    uint64_t sum = 0, remainder[TARGET_KINDS] = {0};
    uint32_t given = 0;
    for (int kind = 0; kind < TARGET_KINDS; kind++)
        sum += open[kind] ? share_ppm[kind] : 0;
    for (int kind = 0; kind < TARGET_KINDS; kind++) {
        uint64_t part = open[kind] ? (uint64_t)k * share_ppm[kind] : 0;
        slots[kind] = sum ? (uint32_t)(part / sum) : 0;
        remainder[kind] = sum ? part % sum : 0;
        given += slots[kind];
    }
    for (; sum && given < k; given++) {
        enum target_kind most = kind_at(0);
        for (size_t i = 1; i < KINDS; i++)
            if (remainder[kind_at(i)] > remainder[most])
                most = kind_at(i);
        slots[most]++;
        remainder[most] = 0; /* fewer are left than there are kinds with a remainder */
    }
}

uint32_t kinds_slots(const uint32_t share_ppm[TARGET_KINDS], const uint32_t room[TARGET_KINDS],
                     uint32_t k, uint32_t slots[TARGET_KINDS])
{
    bool open[TARGET_KINDS] = {false};
    uint32_t left = k, sum = 0, wanted[TARGET_KINDS];
    heed_assert(k <= FEED_MAX);
    memset(slots, 0, TARGET_KINDS * sizeof *slots);
    for (size_t i = 0; i < KINDS; i++)
        open[kind_at(i)] = share_ppm[kind_at(i)] > 0;
    for (bool few = true; few;) { /* closes a kind each time round but the last */
        few = false;
        share_out(share_ppm, open, left, wanted);
        for (int kind = 0; kind < TARGET_KINDS && room; kind++)
            if (open[kind] && wanted[kind] > room[kind]) {
                slots[kind] = room[kind];
                left -= room[kind];
                open[kind] = false;
                few = true;
            }
    }
    for (int kind = 0; kind < TARGET_KINDS; kind++) {
        slots[kind] = open[kind] ? wanted[kind] : slots[kind];
        sum += slots[kind];
    }
    return sum;
}

void kinds_places(const uint32_t slots[TARGET_KINDS], uint8_t places[FEED_MAX])
{
    uint32_t used[TARGET_KINDS] = {0};
    for (size_t n = 0;; n++) {
        enum target_kind next = TARGET_NONE;
        for (size_t i = 0; i < KINDS; i++) {
            enum target_kind kind = kind_at(i);
            if (used[kind] < slots[kind] &&
                (next == TARGET_NONE ||
                 (2 * used[kind] + 1) * slots[next] < (2 * used[next] + 1) * slots[kind]))
                next = kind;
        }
        if (next == TARGET_NONE)
            return;
        heed_assert(n < FEED_MAX);
        places[n] = (uint8_t)next;
        used[next]++;
    }
}
