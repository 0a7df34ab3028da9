/* `heed run`, the main job: init if new, import (or generate), settle, trade, report. */
#include "base/out_file.h"
#include "base/term.h"
#include "base/time.h"
#include "cli/tools.h"
#include "report/svg.h"
#include "sim/plaza.h"

#include <stdio.h>
#include <unistd.h>

struct run {
    struct cli *c;
    struct heed_context context;
    struct world *w;
    bool generated, made; /* made: there was no world before */
    bool plaza_lives;     /* it is a plaza, generated or from a folder: its people trade */
    int64_t caller_ms;    /* the caller's time; a plaza that is over lives in its own */
    int64_t seed;
    enum report_lang lang;
    char plaza[4096]; /* folder of the generated files */
    struct import_result result;
    json_t *settled, *traded;
    struct report_truth truth;
};

/* --rules and --preset are for a new world: another's rules stay what they are. */
static enum heed_status check_rules(const struct run *r, struct str given, struct heed_error *err)
{
    const char *file = cli_arg(r->c, "rules"), *preset = cli_arg(r->c, "preset");
    struct str held = {r->w->state.rules_yaml, r->w->state.rules_size};
    if (r->made || (!file && !preset) || str_eq(held, given))
        return HEED_OK;
    return error_set(err, HEED_USAGE, file ? file : preset,
                     "the world %s is there already, with other rules, which it keeps (heed rules "
                     "show); leave %s out, or give another --world for these",
                     r->c->world, file ? "--rules" : "--preset");
}

static enum heed_status open_world(struct run *r, struct heed_error *err)
{
    struct strbuf rules;
    r->made = access(r->c->world, F_OK) != 0;
    enum heed_status status = rules_of(r->c, r->generated ? "plaza" : NULL, &rules, err);
    if (status == HEED_OK)
        status = cli_open(r->c, true, true, (struct str){rules.p, rules.n}, &r->w, err);
    if (status == HEED_OK)
        status = check_rules(r, (struct str){rules.p, rules.n}, err);
    strbuf_deinit(&rules);
    return status;
}

/* plaza is generated into a new world or its own, never into somebody's nor into that of another
 * seed: the two would mix. */
static enum heed_status check_place(struct run *r, struct heed_error *err)
{
    const struct catalogue *held = &r->w->state.catalogue;
    struct plaza_size size = plaza_default();
    struct strbuf users;
    struct sha256 content;
    bool known = false;
    enum heed_status status = number_of(r->c, "seed", 1, &r->seed, err);
    if (status != HEED_OK || !r->generated ||
        held->parties_n + held->goods_n + held->services_n == 0)
        return status;
    strbuf_init(&users, SIZE_MAX);
    status = plaza_users((uint64_t)r->seed, &size, &users, err);
    content = sha256_of(users.p, users.n);
    strbuf_deinit(&users);
    if (status == HEED_OK)
        status = import_known(r->w, IMPORT_USERS, &content, &known, err);
    if (status != HEED_OK || known)
        return status;
    snprintf(r->plaza, sizeof r->plaza, "%s.plaza", r->c->world);
    return error_set(err, HEED_USAGE, r->c->world,
                     access(r->plaza, F_OK) == 0
                         ? "it holds a plaza, but not of seed %lld, and the two would mix: give "
                           "the --seed that made it, or another --world for this one"
                         : "it holds data of its own, not the plaza of seed %lld: say what to run "
                           "with --data or --map, or give another --world for the generated one",
                     (long long)r->seed);
}

/* A world that this very run has made and put nothing into is taken away, while its lock is held.
 */
static void unmake(const struct run *r)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char path[4200];
    for (size_t i = 0; r->made && r->w && r->w->commands <= 1 && i < sizeof ends / sizeof *ends;
         i++) {
        snprintf(path, sizeof path, "%s%s", r->c->world, ends[i]);
        unlink(path);
    }
}

/* What a plaza does is dated when its last day ends, whatever the machine's clock says: so it is
 * paid before it trades, and the same on every day that it is run. A folder's must be over by then.
 */
static void enter_its_time(struct run *r)
{
    const struct plaza_size size = plaza_default();
    r->caller_ms = r->context.time_ms;
    if (r->generated ||
        (r->plaza_lives && r->caller_ms >= plaza_end_ms(&size) + PLAZA_MARKET_DAYS * DAY_MS))
        r->context.time_ms = plaza_end_ms(&size);
}

static enum heed_status import_all(struct run *r, struct heed_error *err)
{
    struct import_options options;
    struct importing *progress;
    char rejects[4096];
    const char *map = cli_arg(r->c, "map"), *data = cli_arg(r->c, "data");
    enum heed_status status = HEED_OK;
    if (r->generated) {
        struct plaza_size size = plaza_default();
        snprintf(r->plaza, sizeof r->plaza, "%s.plaza", r->c->world);
        cli_say(r->c, "generating the world plaza (no --data given)");
        status = plaza_generate(r->plaza, (uint64_t)r->seed, &size, err);
        data = r->plaza;
    }
    if (status != HEED_OK)
        return status;
    cli_say(r->c, "reading what people did");
    import_options_of(r->c, &options, &progress, rejects);
    status = map ? import_map(r->w, &r->context, map, data, &options, &r->result, err)
                 : import_dir(r->w, &r->context, data, &options, &r->result, err);
    import_progress_free(progress);
    print_bad_rows(r->c, &r->result, rejects);
    return status;
}

/* Whether there is anything to do. Of a plaza, whose trades are dated after its last day, a run
 * after those changes nothing; other people's data may have an epoch that has ended since.       */
static bool anything_new(const struct run *r)
{
    return !r->plaza_lives || r->result.total.rows > 0 ||
           r->w->state.consumption.settlements_n == 0 || !plaza_traded(r->w);
}

/* Learns what ingredients of quality are worth, where the rules want it and there is enough to
 * learn from.                                                                                   */
static enum heed_status learn(struct run *r, struct heed_error *err)
{
    const struct state *s = &r->w->state;
    if (s->rules.quality.fit_run == 0 || (s->quality.learned && r->result.total.rows == 0))
        return HEED_OK;
    cli_say(r->c, "learning from outcomes what quality is");
    json_t *reply = NULL;
    enum heed_status status =
        admit_call(r->w, command_spec(COMMAND_quality_fit), &r->context, NULL, 0, &reply, err);
    const char *warning = json_string_value(json_object_get(reply, "warning"));
    if (status == HEED_OK && warning && !r->c->quiet)
        fprintf(stderr, "heed: quality fit: %s\n", warning);
    json_decref(reply);
    return status == HEED_REFUSED ? HEED_OK : status;
}

/* Settles what has ended, by the caller's time, of the epochs that anything happened in: the report
 * then covers all there is, and nobody who still acts in the open epoch comes late.             */
static enum heed_status settle(struct run *r, struct heed_error *err)
{
    int64_t epoch_ms = r->w->state.rules.consumption.epoch_ms;
    int64_t open = r->context.time_ms / epoch_ms, latest = world_now(r->w) / epoch_ms;
    int64_t until = (latest < open ? latest + 1 : open) * epoch_ms;
    char text[32];
    cli_say(r->c, "judging quality, allocating attention, paying rewards");
    if (latest >= open && !r->c->quiet)
        fprintf(stderr, "heed: epoch %lld ends at %s; run again then, or give --at, to settle it\n",
                (long long)latest, time_to_text((latest + 1) * epoch_ms, text));
    snprintf(text, sizeof text, "%lld", (long long)((until + 999) / 1000));
    struct heed_arg arg = {"until", text};
    enum heed_status status =
        admit_call(r->w, command_spec(COMMAND_settle_), &r->context, &arg, 1, &r->settled, err);
    return status == HEED_REFUSED ? HEED_OK : status; /* nothing new to settle is no failure */
}

/* People of a plaza trade for some days after the last epoch that was paid; not ahead of the
 * caller's time, unless the world is generated here. */
static enum heed_status trade(struct run *r, struct heed_error *err)
{
    char text[32];
    int64_t ends_ms = plaza_trade_ends_ms(r->w);
    if (plaza_traded(r->w))
        return HEED_OK;
    if (!r->generated && ends_ms > r->caller_ms) {
        if (!r->c->quiet)
            fprintf(stderr, "heed: people trade until %s; run again then, or give --at\n",
                    time_to_text(ends_ms, text));
        return HEED_OK;
    }
    cli_say(r->c, "people trade: shop, exchange, auctions");
    return plaza_trade(r->w, (uint64_t)r->seed, &r->traded, err);
}

static enum heed_status report(struct run *r, struct heed_error *err)
{
    struct report_data *data = NULL;
    const char *path = cli_arg(r->c, "report");
    enum heed_status status = report_gather(r->w, &r->truth, &data, err);
    if (status == HEED_OK && path)
        status = report_file(data, r->lang, path, err);
    if (status == HEED_OK && !r->c->json)
        report_terminal(data, r->lang, stdout, isatty(STDOUT_FILENO) ? term_width(stdout, 80) : 80);
    report_free(data);
    return status;
}

static int64_t number_in(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

/* Three lines below the report's, with its columns. */
static void print_traded(const struct run *r)
{
    static const char *const lines[][2] = {
        {"Traded         in the shop %s times, %s of them resales, for %s %s\n",
         "交易      商店成交 %s 笔，其中转售 %s 笔，共 %s %s\n"},
        {"               on %s markets %s times for %s; %s of %s auctions sold for %s\n",
         "          %s 个市场成交 %s 笔，共 %s；拍卖成交 %s / %s 场，共 %s\n"},
        {"               fees and taxes %s, royalties %s\n", "          费用与税 %s，版税 %s\n"}};
    const struct rules *rules = &r->w->state.rules;
    int scale = rules->currencies[rules->consumption.currency].scale;
    const json_t *t = r->traded, *x = json_object_get(t, "exchange"),
                 *a = json_object_get(t, "auctions");
    bool zh = r->lang == REPORT_ZH;
    char n[4][32], m[2][40];
    printf(lines[0][zh], with_commas((uint64_t)number_in(t, "purchases"), n[0]),
           with_commas((uint64_t)number_in(t, "resales"), n[1]),
           money_words(number_in(t, "spent_minor"), scale, m[0]),
           rules->currencies[rules->consumption.currency].code);
    printf(lines[1][zh], with_commas((uint64_t)number_in(x, "markets"), n[0]),
           with_commas((uint64_t)number_in(x, "trades"), n[1]),
           money_words(number_in(x, "turnover_minor"), scale, m[0]),
           with_commas((uint64_t)number_in(a, "sold"), n[2]),
           with_commas((uint64_t)number_in(a, "closed"), n[3]),
           money_words(number_in(a, "turnover_minor"), scale, m[1]));
    printf(lines[2][zh], money_words(number_in(t, "fees_minor"), scale, m[0]),
           money_words(number_in(t, "royalties_minor"), scale, m[1]));
}

static void print_run(const struct run *r, double seconds)
{
    const char *path = cli_arg(r->c, "report");
    if (!r->c->json) {
        if (r->traded)
            print_traded(r);
        if (path)
            printf("\nreport: %s\n", path);
        return;
    }
    json_t *reply =
        json_pack("{s:o,s:O?,s:O?,s:s?,s:s}", "import", import_result_json(&r->result, seconds),
                  "settled", r->settled, "traded", r->traded, "report", path, "world", r->c->world);
    if (reply && r->truth.known)
        json_object_set_new(
            reply, "truth",
            json_pack("{s:i,s:i,s:i,s:f,s:f,s:f,s:f,s:f}", "copies", (int)r->truth.copies,
                      "copies_found", (int)r->truth.copies_found, "copies_false",
                      (int)r->truth.copies_false, "quality_skill", r->truth.quality_skill,
                      "popularity_skill", r->truth.popularity_skill, "ring_popularity_share",
                      r->truth.ring_popularity_share, "ring_heed_share", r->truth.ring_heed_share,
                      "ring_payout_share", r->truth.ring_payout_share));
    if (reply)
        print_reply(r->c, reply);
    json_decref(reply);
}

int tool_run(struct cli *c)
{
    struct heed_error err = {0};
    int64_t started = cli_clock_ms();
    struct run r = {
        .c = c, .context = cli_context(c), .generated = !cli_arg(c, "data") && !cli_arg(c, "map")};
    const char *data = cli_arg(c, "data");
    r.plaza_lives = r.generated || (data && !cli_arg(c, "map") && plaza_is(data));
    enter_its_time(&r);
    enum heed_status status = lang_of(c, &r.lang, &err) ? HEED_OK : HEED_USAGE;
    if (status == HEED_OK && cli_arg(c, "report"))
        status = out_file_check(cli_arg(c, "report"), &err);
    if (status == HEED_OK)
        status = open_world(&r, &err);
    if (status == HEED_OK)
        status = check_place(&r, &err);
    if (status == HEED_OK)
        status = import_all(&r, &err);
    bool work = status == HEED_OK && anything_new(&r);
    if (status == HEED_OK && work)
        status = learn(&r, &err);
    if (status == HEED_OK && work)
        status = settle(&r, &err);
    if (status == HEED_OK && r.plaza_lives)
        status = trade(&r, &err);
    if (status == HEED_OK && r.generated)
        status = plaza_judge(r.w, r.plaza, &r.truth, &err);
    if (status == HEED_OK)
        status = report(&r, &err);
    if (status == HEED_OK)
        print_run(&r, (double)(cli_clock_ms() - started) / 1000);
    if (status != HEED_OK)
        unmake(&r);
    world_close(r.w);
    import_result_deinit(&r.result);
    json_decref(r.settled);
    json_decref(r.traded);
    return status == HEED_OK ? 0 : print_error(c, &err);
}
