/* Makes the corpora that cannot be written by hand: make_corpora DIR fills DIR/state and
 * DIR/journal with a small world as it grows, its state and its journal in one batch. Ids are
 * sealed with random salts, so commitments, and only they, differ from run to run. Run again when a
 * format changes. */
#include "world/admit.h"
#include "world/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zstd.h>

static void stop(const char *what)
{
    fprintf(stderr, "make_corpora: %s\n", what);
    exit(1);
}

static const char rules[] = "currencies: [{code: gold}, {code: gem, scale: 0}]\n"
                            "grants: {new_user: 3}\n"
                            "consumption: {epoch: 1 d}\n"
                            "quality: {min_shingles: 1}\n"
                            "allocation:\n"
                            "  kinds: {content: 0.4, user: 0.2, good: 0.2, service: 0.2}\n";

static const char fair_rules[] = "currencies: [{code: gold}, {code: gem, scale: 0}]\n"
                                 "consumption: {epoch: 1 d}\n"
                                 "allocation:\n"
                                 "  fair: {users: -1, items: -1, lambda: 0.1}\n";

/* One command a line: its name, then name and value in turn, cut at bars.                        */
static const char *const script[] = {
    "", /* the new world */
    "user add|id|ann|name|Ann",
    "user add|id|bob|role|moderator",
    "good add|id|lamp|name|Lamp|seller|ann|price|0.50|stock|5|category|light",
    "service add|id|tour|name|Tour|price|2|currency|gem",
    "content add|id|p1|creator|ann|title|a lamp|body|that shines over the river|good|lamp",
    "content add|id|p2|creator|cyd|title|a lamp|body|that shines over the river|kind|post",
    "event add|user|bob|verb|view|target|content:p1|surface|home|id|e1",
    "event add|user|bob|verb|dwell|target|content:p1|amount|45|via|mail",
    "event add|user|bob|verb|like|target|content:p2|time|2025-12-30",
    "event add|user|ann|verb|skip|target|content:p2",
    "event add|user|bob|verb|view|target|content:p1|surface|home|id|e1",
    "rating add|user|bob|target|content:p1|score|4",
    "rating add|user|bob|target|content:p2|score|1|kind|moderation",
    "feed serve|user|bob|k|5",
    "event add|user|bob|verb|follow|target|user:cyd",
    "ledger issue|to|bob|amount|7|id|i1",
    "ledger transfer|from|bob|to|ann|amount|1.25|id|t1",
    "ledger retire|from|ann|amount|0.25",
    "shop list|good|lamp|price|0.75",
    "shop buy|good|lamp|user|bob|units|2|id|b1",
    "shop buy|good|lamp|user|bob",
    "shop refund|purchase|1",
    "good add|id|bulb|name|Bulb|seller|ann|price|0.33",
    "good add|id|box|name|Box|seller|ann|price|0.80",
    "shop bundle|good|box|part|lamp",
    "shop bundle|good|box|part|bulb|units|2",
    "shop buy|good|box|user|bob",
    "shop refund|purchase|3",
    "settle|until|2026-01-01",
    "event add|user|bob|verb|share|target|user:ann",
    "allocate train|algorithm|knn",
    "allocate train|algorithm|ease|keep|1|param|lambda=2",
    "allocate train|algorithm|ials|param|factors=2,iterations=2",
    "content add|id|p9|creator|ann",
    "event add|user|bob|verb|like|target|content:p9",
    "allocate update",
    "allocate update|model|1",
    "allocate train|algorithm|blend",
    "feed serve|user|bob|k|2|algorithm|relevance",
    "allocate use|version|4",
    "event add|user|bob|verb|report|target|content:p1",
    "quality decide|target|content:p1|decision|limit|reason|too bright",
    "quality appeal|target|content:p1|reason|it shines|user|ann",
    "user add|id|dan|role|economist",
    "user add|id|eve|role|operator",
    "rules propose|yaml|market: {charges: [{name: x, from: seller, to: s, rate: .1}]}|as|dan",
    "rules propose|yaml|market: {price: paid}|effective|2026-01-02|as|eve",
    "rules propose|yaml|market: {}|as|eve",
    "rules approve|version|1|as|eve",
    "rules approve|version|2|as|dan",
    "rules withdraw|version|3|as|eve",
    "ledger issue|to|bob|amount|5|currency|good:lamp",
    "exchange open|good|lamp|taker|2000|maker|1000",
    "exchange place|good|lamp|user|bob|side|sell|price|1.10|size|3|id|o1",
    "exchange place|good|lamp|user|ann|side|buy|price|1.20|size|1",
    "exchange place|good|lamp|user|ann|side|buy|price|0.10|size|2|display|1",
    "exchange place|good|lamp|user|bob|side|buy|price|1|size|1|for|600",
    "exchange place|good|lamp|user|bob|side|sell|type|stop|stop|0.50|size|1",
    "exchange replace|good|lamp|order|1|size|1|id|r1",
    "exchange halt|good|lamp|for|60",
    "ledger issue|to|dan|amount|5",
    "user add|id|fay",
    ("auction open|good|lamp|new|1|closes|2026-01-01T02:00:00Z|start|0.1|step|0.05|extend|5 min|"
     "retract-until|2026-01-01T01:00:00Z|as|ann|id|o1"),
    "auction bid|auction|0|amount|1.5|user|bob|id|o2",
    "auction open|good|lamp|new|1|kind|uniform|units|3|closes|2026-01-01T02:00:00Z|user|ann",
    "auction bid|auction|1|amount|2|units|2|user|dan",
    "auction open|good|lamp|new|1|kind|vickrey|deposit|0.5|closes|2026-01-01T01:30:00Z|user|ann",
    ("auction commit|auction|2|user|bob|hash|"
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    "user erase|user|ann",
};

static void run(struct world *w, const char *line, int64_t time_ms)
{
    char text[512];
    struct heed_arg args[16];
    size_t n = 0, fields = 0;
    char *field[32];
    snprintf(text, sizeof text, "%s", line);
    for (char *p = text; p; p = strchr(p, '|')) {
        if (*p == '|')
            *p++ = '\0';
        field[fields++] = p;
    }
    struct heed_context context = {.time_ms = time_ms};
    for (size_t i = 1; i + 1 < fields; i += 2)
        if (strcmp(field[i], "as") == 0)
            context.actor = field[i + 1];
        else
            args[n++] = (struct heed_arg){field[i], field[i + 1]};
    char *space = strchr(field[0], ' ');
    if (space)
        *space = '\0';
    int id = command_find(str_of(field[0]), str_of(space ? space + 1 : ""));
    struct heed_error err = {0};
    json_t *reply = NULL;
    if (id < 0 || admit_call(w, command_spec((enum command_id)id), &context, args, n, &reply,
                             &err) != HEED_OK) {
        fprintf(stderr, "%s: %s: %s\n", line, err.where, err.message);
        stop("a command of the script was not done");
    }
    json_decref(reply);
}

static void write_file(const char *dir, const char *kind, size_t number, const struct strbuf *b)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, kind);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/world%zu", dir, kind, number);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(b->p, 1, b->n, f) != b->n || fclose(f) != 0)
        stop("cannot write");
}

struct gathered {
    struct call calls[256];
    size_t n;
};

static enum heed_status gather(void *context, const struct call *call, struct heed_error *err)
{
    struct gathered *g = context;
    struct call c = *call;
    char *copy = malloc(c.blob.n + 1);
    (void)err;
    if (!copy || g->n == sizeof g->calls / sizeof *g->calls)
        stop("too much");
    if (c.blob.n)
        memcpy(copy, c.blob.p, c.blob.n);
    c.blob.p = copy;
    g->calls[g->n++] = c;
    return HEED_OK;
}

static void write_journal(struct world *w, const char *dir, size_t number, bool columns)
{
    struct gathered *g = calloc(1, sizeof *g);
    struct heed_error err = {0};
    struct strbuf out;
    struct str payload;
    static char raw[1 << 16];
    if (!g)
        stop("no memory");
    if (world_walk(w, gather, g, &err) != HEED_OK ||
        journal_encode(w->codec, g->calls, g->n, &payload, &err) != HEED_OK)
        stop("the journal cannot be read");
    strbuf_init(&out, SIZE_MAX / 2);
    char head[3] = {(char)columns, (char)(g->n & 255), (char)(g->n >> 8)};
    strbuf_put(&out, head, 3);
    if (columns) {
        size_t n = ZSTD_decompress(raw, sizeof raw, payload.p, payload.n);
        if (ZSTD_isError(n))
            stop("the batch is too large");
        payload = (struct str){raw, n};
    }
    strbuf_put(&out, payload.p, payload.n);
    write_file(dir, "journal", number, &out);
    strbuf_deinit(&out);
    for (size_t i = 0; i < g->n; i++)
        free((void *)(uintptr_t)g->calls[i].blob.p);
    free(g);
}

static void write_state(const struct world *w, const char *dir, size_t number)
{
    static struct sink k;
    struct strbuf b;
    strbuf_init(&b, SIZE_MAX / 2);
    sink_init(&k, strbuf_write, &b);
    state_save(&w->state, &k);
    if (!sink_flush(&k))
        stop("the state cannot be saved");
    write_file(dir, "state", number, &b);
    strbuf_deinit(&b);
}

/* The script under these rules, written every few lines or only at its end, there as `last`.     */
static void make(struct str yaml, const char *dir, bool often, size_t last)
{
    struct world_options options = {.create = true, .rules_yaml = yaml.p, .rules_size = yaml.n};
    struct world *w;
    struct heed_error err = {0};
    if (world_open(":memory:", &options, &w, &err) != HEED_OK)
        stop(err.message);
    size_t lines = sizeof script / sizeof *script;
    for (size_t i = 0; i < lines; i++) {
        if (*script[i])
            run(w, script[i], INT64_C(1767225600000) + (int64_t)i * 60000);
        if ((often && i % 4 == 0) || i == lines - 1) {
            size_t number = i == lines - 1 ? last : i;
            write_state(w, dir, number);
            write_journal(w, dir, number, i % 8 == 0 || i == lines - 1);
        }
    }
    world_close(w);
}

int main(int argc, char **argv)
{
    size_t lines = sizeof script / sizeof *script;
    if (argc != 2)
        stop("usage: make_corpora DIR");
    make((struct str){rules, sizeof rules - 1}, argv[1], true, lines - 1);
    make((struct str){fair_rules, sizeof fair_rules - 1}, argv[1], false, lines);
    return 0;
}
