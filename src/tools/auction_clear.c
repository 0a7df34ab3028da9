/* `heed auction clear`: winners and payments of one auction in a file. */
#include "base/reader.h"
#include "tools/auction_file.h"
#include "tools/tools.h"

enum { FILE_MAX = 1 << 26 };

enum heed_status tools_auction_clear(const struct tool_ask *ask, json_t **reply,
                                     struct heed_error *err)
{
    const char *path = tools_arg(ask, "file");
    struct strbuf text;
    struct auction_file file = {0};
    struct clear_result result = {0};
    enum refusal refusal = REFUSED_NOT;
    strbuf_init(&text, FILE_MAX);
    enum heed_status status = reader_text(path, FILE_MAX, &text, err);
    if (status == HEED_OK)
        status = auction_file_parse((struct str){text.p, text.n}, path, &file, err);
    if (status == HEED_OK) {
        status = auction_clear(&file.market, &result, &refusal);
        if (status != HEED_OK)
            status = error_nomem(err);
    }
    if (status == HEED_OK && refusal != REFUSED_NOT) {
        status = HEED_REFUSED;
        *reply = json_pack("{s:{s:s,s:s}}", "refused", "code", refusal_code(refusal), "message",
                           refusal_message(refusal));
    } else if (status == HEED_OK) {
        *reply = auction_file_reply(&file, &result);
    }
    if (!*reply && (status == HEED_OK || status == HEED_REFUSED))
        status = error_nomem(err);
    clear_result_deinit(&result);
    auction_file_deinit(&file);
    strbuf_deinit(&text);
    return status;
}
