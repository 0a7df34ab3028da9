/* Any bytes as a batch of the journal: refused, or calls within bounds that encode to the same
 * calls and replay, from nothing, until one is refused, to a world that stands everything.
 *
 * The first byte: odd, the rest are columns, compressed here; even, a payload as it is. The next
 * two: how many calls are expected. */
#include "world_probe.h"

#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_calls(const struct call *a, const struct call *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].command != b[i].command || a[i].time_ms != b[i].time_ms ||
            a[i].actor != b[i].actor || !str_eq(a[i].blob, b[i].blob) ||
            memcmp(a[i].i, b[i].i, sizeof a[i].i) != 0)
            return false;
    return true;
}

static void must_encode(const struct call *calls, size_t n)
{
    struct journal_codec *in = journal_codec_new(), *out = journal_codec_new();
    struct heed_error err = {0};
    struct str payload;
    const struct call *back;
    promise(in && out, "memory");
    promise(journal_encode(in, calls, n, &payload, &err) == HEED_OK, "what decodes encodes");
    promise(journal_decode(out, payload, n, &back, &err) == HEED_OK, "and decodes");
    promise(same_calls(calls, back, n), "to the same calls");
    journal_codec_free(in);
    journal_codec_free(out);
}

static void replay(const struct call *calls, size_t n)
{
    struct world *w = world_new();
    enum heed_status status = HEED_OK;
    promise(w != NULL, "memory");
    for (size_t i = 0; i < n && status == HEED_OK; i++) {
        struct outcome o = {.want_reply = i % 2};
        struct heed_error err = {0};
        if (!call_possible(&w->state, &calls[i]))
            break;
        status = state_apply(w, &calls[i], &o, &err);
        if (status != HEED_OK && status != HEED_INPUT && status != HEED_RANGE)
            fprintf(stderr, "%s %s: %s\n", command_spec(calls[i].command)->noun,
                    command_spec(calls[i].command)->verb, err.message);
        promise(status == HEED_OK || status == HEED_INPUT || status == HEED_RANGE, "replayed");
        json_decref(o.reply);
    }
    if (status == HEED_OK && w->state.rules_yaml)
        probe(w);
    world_close(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    size_t expected = data[1] | (size_t)data[2] << 8;
    struct str payload = {(const char *)data + 3, size - 3};
    char *room = NULL;
    if (data[0] & 1) {
        size_t bound = ZSTD_compressBound(payload.n);
        room = malloc(bound);
        promise(room != NULL, "memory");
        payload = (struct str){room, ZSTD_compress(room, bound, payload.p, payload.n, 1)};
    }
    struct journal_codec *c = journal_codec_new();
    struct heed_error err = {0};
    const struct call *calls;
    promise(c != NULL, "memory");
    enum heed_status status = journal_decode(c, payload, expected, &calls, &err);
    promise(status == HEED_OK || status == HEED_INPUT, "decoded or refused");
    if (status == HEED_OK) {
        must_encode(calls, expected);
        replay(calls, expected);
    }
    journal_codec_free(c);
    free(room);
    return 0;
}
