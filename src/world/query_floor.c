/* Which floor under exposure the people of this world can keep. */
#include "world/apply.h"
#include "world/engine.h"

/* i: share                                                                                       */
enum heed_status query_allocate_floor(struct world *w, const struct call *call,
                                      enum refusal *refusal, json_t **out, struct heed_error *err)
{
    struct floor_outlook f;
    uint32_t floor_ppm = call->i[0] == CALL_ABSENT ? w->state.rules.allocation.floor_ppm
                                                   : (uint32_t)call->i[0] * 1000;
    enum heed_status status = engine_floor(w, floor_ppm, &f, err);
    if (status != HEED_OK)
        return status;
    if (f.slots == 0) {
        *refusal = REFUSED_no_acts;
        return HEED_OK;
    }
    return reply_pack(out, err, "{s:f,s:I,s:I,s:I,s:o,s:f,s:o}", "share", floor_ppm / 1e6, "people",
                      (json_int_t)f.people, "contents", (json_int_t)f.contents, "slots",
                      (json_int_t)f.slots, "kept", json_boolean(f.kept), "min_share",
                      f.min_share_ppm / 1e6, "highest", json_real(f.highest_ppm / 1e6));
}
