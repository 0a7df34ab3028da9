/* Any bytes as JSON Lines of a market: they are played or refused line by line, whatever stands in
 * them, and the sums of the reply agree with the events. */
#include "tools/tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void remove_file(void)
{
    unlink(path);
}

static void put(const uint8_t *p, size_t n)
{
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/heed-fuzz-XXXXXX");
        int fd = mkstemp(path);
        must(fd >= 0 && close(fd) == 0, "no file");
        atexit(remove_file);
    }
    FILE *f = fopen(path, "w");
    must(f && fwrite(p, 1, n, f) == n && fclose(f) == 0, "the file cannot be written");
}

struct told {
    int64_t trades, executed, rejected;
};

static bool line(void *context, struct str text)
{
    struct told *t = context;
    json_t *e = json_loadb(text.p, text.n, 0, NULL);
    const char *name = json_string_value(json_object_get(e, "event"));
    must(e && name, "an event that is no JSON");
    if (strcmp(name, "trade") == 0) {
        t->trades++;
        t->executed = (int64_t)((uint64_t)t->executed +
                                (uint64_t)json_integer_value(json_object_get(e, "size")));
    }
    t->rejected += strcmp(name, "rejected") == 0;
    json_decref(e);
    return true;
}

static int64_t of(const json_t *reply, const char *key)
{
    return json_integer_value(json_object_get(reply, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    put(data, size);
    const struct heed_arg args[] = {{"file", path}, {"events", "1"}};
    struct told told = {0};
    const struct tool_ask ask = {.spec = command_spec(COMMAND_exchange_replay),
                                 .args = args,
                                 .n = 2,
                                 .line = line,
                                 .context = &told};
    struct heed_error err = {0};
    json_t *reply = NULL;
    enum heed_status status = tools_answer(&ask, &reply, &err);
    must(status == HEED_OK || (*err.message && (status == HEED_INPUT || status == HEED_RANGE)),
         "a status out of place, or an error without words");
    if (status == HEED_OK)
        must(of(reply, "trades") == told.trades && of(reply, "executed") == told.executed &&
                 of(reply, "rejected") == told.rejected,
             "a summary that says something else than the events");
    json_decref(reply);
    return 0;
}
