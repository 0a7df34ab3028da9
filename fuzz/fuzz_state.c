/* Any bytes as a stored state: it is refused, or is a state that every query and command can work
 * on and that saves to the same bytes. */
#include "world_probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = world_new();
    struct heed_error err = {0};
    promise(w != NULL, "memory");
    enum heed_status status =
        state_of_bytes(&w->state, (struct str){(const char *)data, size}, &err);
    promise(status == HEED_OK || status == HEED_INPUT || status == HEED_RANGE, "loaded or refused");
    promise(status == err.status, "the error says what is returned");
    if (status == HEED_OK) {
        struct strbuf b = state_bytes(&w->state);
        promise(str_eq((struct str){b.p, b.n}, (struct str){(const char *)data, size}),
                "a state has one form");
        strbuf_deinit(&b);
        probe(w);
    } else {
        promise(err.message[0] != '\0', "the error says why");
    }
    world_close(w);
    return 0;
}
