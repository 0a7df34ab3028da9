/* `heed rules check`: whether rules can be read, and what in them can hardly be meant. */
#include "base/error.h"
#include "tools/market.h"

#include <stdio.h>
#include <stdlib.h>

static void warn(void *context, uint32_t line, const char *rule, const char *text)
{
    tools_warn(context, "line %u, %s: %s", line, rule, text);
}

enum heed_status tools_rules_check(const struct tool_ask *ask, json_t **reply,
                                   struct heed_error *err)
{
    const char *path = tools_arg(ask, "file");
    struct tool_warnings warnings = {0};
    struct strbuf text;
    struct rules *rules;
    enum heed_status status = market_file(path, &text, &rules, err);
    if (status == HEED_OK) {
        market_rules_check(&rules->market, warn, &warnings);
        *reply = tools_warned(json_pack("{s:b,s:s}", "ok", 1, "file", path), &warnings);
        if (!*reply)
            status = error_nomem(err);
    }
    strbuf_deinit(&text);
    free(rules);
    return status;
}
