/* A world as the files that import reads. */
#include "base/csv.h"
#include "base/money.h"
#include "base/time.h"
#include "import/import.h"
#include "import/learnt.h"
#include "import/models.h"
#include "import/showings.h"
#include "world/apply.h"
#include "world/vault.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct exporting {
    struct world *w;
    const char *dir;
    FILE *f;
    char path[4096];
    struct strbuf buf;
    uint64_t left_out; /* rows */
    int64_t latest_ms; /* the latest time that a reader takes now */
};

static bool erased(const struct world *w, uint32_t party)
{
    return party >= w->state.catalogue.parties_n ||
           w->state.catalogue.parties[party].flags & PARTY_ERASED;
}

/* Whether a target is exported: not when its maker is erased, whose texts are gone.             */
static bool stays(const struct world *w, uint32_t t)
{
    if (target_kind(t) == TARGET_USER)
        return !erased(w, target_index(t));
    uint32_t owner = catalogue_owner(&w->state.catalogue, t);
    return owner == HANDLE_NONE || !erased(w, owner);
}

/* Counts what is left out.                                                                       */
static bool kept(struct exporting *x, bool stays)
{
    x->left_out += !stays;
    return stays;
}

static bool good_stays(const struct world *w, uint32_t good)
{
    return good != HANDLE_NONE && stays(w, target_make(TARGET_GOOD, good));
}

static enum heed_status begin(struct exporting *x, const char *name, const char *header,
                              struct heed_error *err)
{
    snprintf(x->path, sizeof x->path, "%s/%s", x->dir, name);
    x->f = fopen(x->path, "w");
    if (!x->f)
        return error_set(err, HEED_STORAGE, x->path, "cannot be written (%s)", strerror(errno));
    fputs(header, x->f);
    return HEED_OK;
}

static enum heed_status end(struct exporting *x, enum heed_status status, struct heed_error *err)
{
    bool ok = !ferror(x->f);
    ok = fclose(x->f) == 0 && ok;
    x->f = NULL;
    if (status == HEED_OK && !ok)
        return error_set(err, HEED_STORAGE, x->path, "cannot be written (%s)", strerror(errno));
    return status;
}

/* A cell, quoted only when it must be.                                                          */
static void cell(FILE *f, struct str s, bool first)
{
    if (!first)
        fputc(',', f);
    bool quote = false;
    for (size_t i = 0; i < s.n && !quote; i++)
        quote = s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' || s.p[i] == '\r';
    if (quote)
        csv_put_quoted(f, s);
    else
        fwrite(s.p ? s.p : "", 1, s.n, f);
}

static void time_cell(FILE *f, int64_t ms)
{
    char text[32];
    cell(f, str_of(time_to_text(ms, text)), false);
}

static struct str symbol(const struct world *w, uint32_t s)
{
    return s == HANDLE_NONE ? STR_NONE : intern_str(&w->state.catalogue.symbols, s);
}

/* Further columns were kept as one JSON object a row; they go out as one column `attributes`.    */
static enum heed_status open_text(struct exporting *x, uint32_t kind, uint32_t handle,
                                  struct text *text, bool *found, struct heed_error *err)
{
    return vault_open(x->w, kind, handle, &x->buf, text, found, err);
}

static enum heed_status users(struct exporting *x, struct heed_error *err)
{
    const struct catalogue *c = &x->w->state.catalogue;
    enum heed_status status = begin(x, "users.csv", "id,name,joined_at,role,attributes\n", err);
    if (status != HEED_OK)
        return status;
    for (uint32_t i = 0; status == HEED_OK && i < c->parties_n; i++) {
        if (!(c->parties[i].flags & PARTY_USER) || erased(x->w, i))
            continue;
        struct text text;
        bool found;
        status = open_text(x, TARGET_USER, i, &text, &found, err);
        if (status != HEED_OK || !found)
            continue;
        const char *role = role_name((enum role)c->parties[i].role_bits);
        cell(x->f, text.fields[TEXT_ID], true);
        cell(x->f, text.fields[TEXT_NAME], false);
        time_cell(x->f, c->parties[i].joined_at_ms);
        cell(x->f, role ? str_of(role) : STR("member"), false);
        cell(x->f, text.fields[TEXT_ATTRIBUTES], false);
        fputc('\n', x->f);
    }
    return end(x, status, err);
}

/* Of a copy whose original is not exported, its creator being erased: how similar the two were.
 * What was copied is not said. */
static void copied_cell(struct exporting *x, uint32_t content)
{
    struct copy_of copy = quality_copy_of(&x->w->state.quality, content);
    char text[32];
    bool told = copy.gone || (copy.original != HANDLE_NONE &&
                              !stays(x->w, target_make(TARGET_CONTENT, copy.original)));
    cell(x->f,
         told ? str_of(money_to_text((struct money){copy.similarity_ppm}, 6, text)) : STR_NONE,
         false);
}

static enum heed_status contents(struct exporting *x, struct heed_error *err)
{
    const struct catalogue *c = &x->w->state.catalogue;
    enum heed_status status = begin(
        x, "contents.csv",
        "id,creator,title,body,kind,category,good,created_at,copy_similarity,attributes\n", err);
    if (status != HEED_OK)
        return status;
    for (uint32_t i = 0; status == HEED_OK && i < c->contents_n; i++) {
        const struct content *k = &c->contents[i];
        if (!kept(x, !erased(x->w, k->creator)))
            continue;
        struct text text;
        bool found;
        status = open_text(x, TARGET_CONTENT, i, &text, &found, err);
        if (status != HEED_OK || !found)
            continue;
        cell(x->f, intern_str(&c->content_ids, i), true);
        cell(x->f, world_party_id(x->w, k->creator), false);
        cell(x->f, text.fields[TEXT_NAME], false);
        cell(x->f, text.fields[TEXT_BODY], false);
        cell(x->f, symbol(x->w, k->kind), false);
        cell(x->f, symbol(x->w, k->category), false);
        cell(x->f, good_stays(x->w, k->good) ? intern_str(&c->good_ids, k->good) : STR_NONE, false);
        time_cell(x->f, k->created_at_ms);
        copied_cell(x, i);
        cell(x->f, text.fields[TEXT_ATTRIBUTES], false);
        fputc('\n', x->f);
    }
    return end(x, status, err);
}

static void whole_cell(FILE *f, int64_t v, bool given)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)v);
    cell(f, given ? str_of(text) : STR_NONE, false);
}

static enum heed_status goods(struct exporting *x, bool services, struct heed_error *err)
{
    const struct catalogue *c = &x->w->state.catalogue;
    enum heed_status status =
        begin(x, services ? "services.csv" : "goods.csv",
              "id,name,seller,description,category,price,currency,stock,sales,created_at,offered,"
              "attributes\n",
              err);
    if (status != HEED_OK)
        return status;
    size_t n = services ? c->services_n : c->goods_n;
    for (uint32_t i = 0; status == HEED_OK && i < n; i++) {
        const struct good *g = services ? &c->services[i] : &c->goods[i];
        const struct currency *currency = &x->w->state.rules.currencies[g->currency];
        struct text text;
        bool found;
        char price[32];
        if (!kept(x, stays(x->w, target_make(services ? TARGET_SERVICE : TARGET_GOOD, i))))
            continue;
        status = open_text(x, services ? TARGET_SERVICE : TARGET_GOOD, i, &text, &found, err);
        if (status != HEED_OK || !found)
            continue;
        cell(x->f, intern_str(services ? &c->service_ids : &c->good_ids, i), true);
        cell(x->f, text.fields[TEXT_NAME], false);
        cell(x->f, g->seller == HANDLE_NONE ? STR_NONE : world_party_id(x->w, g->seller), false);
        cell(x->f, text.fields[TEXT_BODY], false);
        cell(x->f, symbol(x->w, g->category), false);
        cell(x->f,
             g->price_minor < 0
                 ? STR_NONE
                 : str_of(money_to_text((struct money){g->price_minor}, currency->scale, price)),
             false);
        cell(x->f, str_of(currency->code), false);
        whole_cell(x->f, g->stock, g->stock >= 0);
        whole_cell(x->f, g->sales, true);
        time_cell(x->f, g->created_at_ms);
        bool bundle = /* its parts are not told, so it is offered no more */
            shop_bundle_of(&x->w->state.shop,
                           target_make(services ? TARGET_SERVICE : TARGET_GOOD, i)) != NULL;
        cell(x->f,
             g->price_minor < 0     ? STR_NONE
             : g->listed && !bundle ? STR("yes")
                                    : STR("no"),
             false);
        cell(x->f, text.fields[TEXT_ATTRIBUTES], false);
        fputc('\n', x->f);
    }
    return end(x, status, err);
}

/* ── what happened, from the journal ── */

struct walking {
    struct exporting *x;
    bool ratings;          /* else events                         */
    enum rating_kind kind; /* which of them: user, or the others */
    bool reviews;
    bool unknown; /* there are acts of people who are not known: the column `count` */
    struct showings showings;
};

static void event_row(const struct walking *k, int64_t time_ms, int64_t user, const char *verb,
                      int64_t target, int64_t amount, int64_t surface, int64_t via, int64_t key,
                      int64_t count)
{
    FILE *f = k->x->f;
    const struct world *w = k->x->w;
    char text[96];
    fprintf(f, "%s", time_to_text(time_ms, text));
    cell(f, user == CALL_ABSENT ? STR("-") : world_party_id(w, (uint32_t)user), false);
    cell(f, str_of(verb), false);
    cell(f, str_of(world_target_text(w, (uint32_t)target, text)), false);
    cell(f, str_of(money_to_text((struct money){amount}, 3, text)), false);
    cell(f, surface == CALL_ABSENT ? STR_NONE : symbol(w, (uint32_t)surface), false);
    cell(f, via == CALL_ABSENT ? STR_NONE : symbol(w, (uint32_t)via), false);
    snprintf(text, sizeof text, "key:%016llx", (unsigned long long)key);
    cell(f, key == CALL_ABSENT ? STR_NONE : str_of(text), false);
    if (k->unknown)
        whole_cell(f, count, count > 0);
    fputc('\n', f);
}

/* A purchase of the shop: given back, it says so in the name of the same time. */
static void walk_refund(struct walking *k, int64_t number)
{
    const struct world *w = k->x->w;
    const struct purchase *p = &w->state.shop.purchases[number];
    bool part = p->bundle != SHOP_NONE;
    uint32_t target = part ? p->bundle : p->target;
    int64_t units = part ? p->bundle_units : p->units;
    if (kept(k->x, !erased(w, p->buyer) && stays(w, target)))
        event_row(k, p->time_ms, p->buyer, "refunded", target, units * 1000, CALL_ABSENT,
                  CALL_ABSENT, CALL_ABSENT, 0);
}

/* again: an impression of a slot served, which the row after it says. */
static void walk_event(struct walking *k, const struct call *c, bool again)
{
    const struct world *w = k->x->w;
    if (c->command == COMMAND_event_served) {
        if (kept(k->x, stays(w, (uint32_t)c->i[0])))
            event_row(k, c->time_ms, CALL_ABSENT, "served", c->i[0], 1000, CALL_ABSENT, CALL_ABSENT,
                      CALL_ABSENT, 0);
    } else if (c->command == COMMAND_event_seen) {
        if (kept(k->x, stays(w, (uint32_t)c->i[0])))
            event_row(k, c->time_ms, CALL_ABSENT, "served_seen", c->i[0], 1000, CALL_ABSENT,
                      CALL_ABSENT, CALL_ABSENT, 0);
    } else if (c->command == COMMAND_event_add) {
        if (!kept(k->x, !erased(w, (uint32_t)c->i[0]) && stays(w, (uint32_t)c->i[2])))
            return;
        int64_t time_ms = c->i[7] == CALL_ABSENT ? c->time_ms : c->i[7];
        event_row(k, time_ms, c->i[0], w->state.rules.behaviour.verbs[c->i[1]].name, c->i[2],
                  c->i[3] == CALL_ABSENT ? 1000 : c->i[3], c->i[4], c->i[5], c->i[6], 0);
        if (again)
            event_row(k, time_ms, CALL_ABSENT, "served_seen", c->i[2], 1000, CALL_ABSENT,
                      CALL_ABSENT, CALL_ABSENT, 0);
    } else if (c->command == COMMAND_event_counted) {
        if (kept(k->x, stays(w, (uint32_t)c->i[1])))
            event_row(k, c->time_ms, CALL_ABSENT, w->state.rules.behaviour.verbs[c->i[0]].name,
                      c->i[1], c->i[3], CALL_ABSENT, CALL_ABSENT, CALL_ABSENT, c->i[2]);
    } else if (c->command == COMMAND_event_refunded) {
        if (kept(k->x, !erased(w, (uint32_t)c->i[0]) && stays(w, (uint32_t)c->i[1])))
            event_row(k, c->time_ms, c->i[0], "refunded", c->i[1], c->i[2], CALL_ABSENT,
                      CALL_ABSENT, CALL_ABSENT, 0);
    } else if (c->command == COMMAND_shop_refund) {
        if ((uint64_t)c->i[0] < w->state.shop.purchases_n)
            walk_refund(k, c->i[0]);
    } else if (c->command == COMMAND_shop_buy) {
        if (kept(k->x, !erased(w, (uint32_t)c->i[1]) && stays(w, (uint32_t)c->i[0])))
            event_row(k, c->time_ms, c->i[1], "purchase", c->i[0],
                      c->i[2] == CALL_ABSENT ? 1000 : c->i[2] * 1000, CALL_ABSENT, CALL_ABSENT,
                      CALL_ABSENT, 0);
    }
}

static void walk_feed(struct walking *k, const struct call *c)
{
    struct feed_fact fact;
    const struct world *w = k->x->w;
    if (!fact_read(c->blob, &w->state.catalogue, &fact))
        return;
    for (size_t i = 0; i < fact.n; i++) {
        uint32_t target = slot_target(&fact.slots[i]);
        if (kept(k->x, stays(w, target)))
            event_row(k, c->time_ms, CALL_ABSENT, "served", target, 1000, CALL_ABSENT, CALL_ABSENT,
                      CALL_ABSENT, 0);
    }
}

static void walk_rating(struct walking *k, const struct call *c)
{
    const struct world *w = k->x->w;
    int64_t kind = c->i[3] == CALL_ABSENT ? RATING_USER : c->i[3];
    if ((kind != RATING_USER) != k->reviews ||
        !kept(k->x, !erased(w, (uint32_t)c->i[0]) && stays(w, (uint32_t)c->i[1])))
        return;
    char text[96];
    FILE *f = k->x->f;
    fprintf(f, "%s", time_to_text(c->i[4] == CALL_ABSENT ? c->time_ms : c->i[4], text));
    cell(f, world_party_id(w, (uint32_t)c->i[0]), false);
    cell(f, str_of(world_target_text(w, (uint32_t)c->i[1], text)), false);
    cell(f, str_of(money_to_text((struct money){c->i[2]}, 3, text)), false);
    cell(f, str_of(rating_kind_name((enum rating_kind)kind)), false);
    fputc('\n', f);
}

static enum heed_status walk_call(void *context, const struct call *c, struct heed_error *err)
{
    struct walking *k = context;
    bool again = false;
    if (!k->ratings && showings_call(&k->showings, c, &again) != HEED_OK)
        return error_nomem(err);
    if (k->ratings && c->command == COMMAND_rating_add)
        walk_rating(k, c);
    else if (!k->ratings && c->command == COMMAND_feed_serve)
        walk_feed(k, c);
    else if (!k->ratings)
        walk_event(k, c, again);
    return HEED_OK;
}

static enum heed_status walk(struct exporting *x, const char *name, const char *header,
                             struct walking k, struct heed_error *err)
{
    enum heed_status status = begin(x, name, header, err);
    if (status != HEED_OK)
        return status;
    k.x = x;
    if (!k.ratings && showings_init(&k.showings, x->w) != HEED_OK)
        return end(x, error_nomem(err), err);
    status = world_walk(x->w, walk_call, &k, err);
    showings_deinit(&k.showings);
    return end(x, status, err);
}

/* What a copy will hold of a target while decisions.csv is read: its scores come first. */
struct copied_case {
    uint32_t scored; /* the target's last score among the acts, or ACT_NONE */
    int64_t time_ms; /* of what stands */
    bool stands;
};

static struct copied_case *copied_case(struct copied_case *list, const struct moderation *m,
                                       uint32_t target)
{
    return &list[moderation_case_of(m, target) - m->cases];
}

static struct copied_case *copied_cases(const struct moderation *m)
{
    struct copied_case *list = calloc(m->cases_n + 1, sizeof *list);
    for (size_t i = 0; list && i < m->cases_n; i++)
        list[i].scored = ACT_NONE;
    for (uint32_t i = 0; list && i < m->acts_n; i++)
        if (m->acts[i].scored)
            *copied_case(list, m, m->acts[i].target) =
                (struct copied_case){i, m->acts[i].time_ms, true};
    return list;
}

/* The cell `stands`: empty where a reader, who goes by time, gets it right by himself, whenever
 * that is. latest_ms: a reader may refuse what is dated later, and take it for no measure. */
static const char *stands_cell(struct copied_case *c, const struct moderation_act *a, uint32_t act,
                               int64_t latest_ms)
{
    bool stood = a->stood && (c->scored == ACT_NONE || act > c->scored);
    bool newest = !c->stands || a->time_ms >= c->time_ms;
    bool unsure = stood != newest || (!newest && c->time_ms > latest_ms);
    bool say = a->time_ms > latest_ms || (a->kind != ACT_APPEAL && unsure);
    if (stood) {
        c->stands = true;
        c->time_ms = a->time_ms;
    }
    return !say ? "" : stood ? "yes" : "no";
}

/* What moderation decided for a reason, and the appeals, in order; its scores are reviews. A
 * moderator who was erased is nobody: the decision then reads as the operator's.                */
static enum heed_status decisions(struct exporting *x, struct heed_error *err)
{
    const struct moderation *m = &x->w->state.quality.moderation;
    struct copied_case *cases = copied_cases(m);
    enum heed_status status =
        cases ? begin(x, "decisions.csv", "time,user,act,target,reason,stands\n", err)
              : error_nomem(err);
    if (status != HEED_OK) {
        free(cases);
        return status;
    }
    for (uint32_t i = 0; status == HEED_OK && i < m->acts_n; i++) {
        const struct moderation_act *a = &m->acts[i];
        if (a->scored || !kept(x, stays(x->w, a->target)))
            continue;
        struct text text;
        bool found;
        char buf[96];
        status = open_text(x, VAULT_REASON, i, &text, &found, err);
        if (status != HEED_OK || !found)
            continue;
        fprintf(x->f, "%s", time_to_text(a->time_ms, buf));
        cell(x->f, a->actor == HANDLE_NONE ? STR_NONE : world_party_id(x->w, a->actor), false);
        cell(x->f, str_of(decision_name(a->kind)), false);
        cell(x->f, str_of(world_target_text(x->w, a->target, buf)), false);
        cell(x->f, text.fields[TEXT_NAME], false);
        struct copied_case *c = copied_case(cases, m, a->target);
        cell(x->f, str_of(stands_cell(c, a, i, x->latest_ms)), false);
        fputc('\n', x->f);
    }
    free(cases);
    return end(x, status, err);
}

/* What the world judges by: without them the same rows may mean something else.                  */
static enum heed_status rules(struct exporting *x, struct heed_error *err)
{
    enum heed_status status = begin(x, "rules.yaml", x->w->state.rules_yaml, err);
    return status == HEED_OK ? end(x, status, err) : status;
}

/* Makes the folder, or sees that nothing of it would be overwritten.                             */
static enum heed_status take_folder(const char *dir, bool over, struct heed_error *err)
{
    if (!*dir)
        return error_set(err, HEED_USAGE, "dir", "it is empty; name a folder to write to");
    if (mkdir(dir, 0777) == 0)
        return HEED_OK;
    struct stat st;
    if (errno != EEXIST)
        return error_set(err, HEED_STORAGE, dir,
                         "cannot be made (%s); the folder it lies in must be there and writable",
                         strerror(errno));
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return error_set(err, HEED_STORAGE, dir,
                         "it is a file; an export is a folder of files: name another");
    DIR *d = over ? NULL : opendir(dir);
    if (!d)
        return over ? HEED_OK
                    : error_set(err, HEED_STORAGE, dir, "cannot be read (%s); name another folder",
                                strerror(errno));
    bool empty = true;
    for (struct dirent *e; empty && (e = readdir(d));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    return empty ? HEED_OK
                 : error_set(err, HEED_USAGE, dir,
                             "it is not empty; name a new folder, or add --force to write over "
                             "files of the same names");
}

enum heed_status export_dir(struct world *w, int64_t now_ms, const char *dir, bool over,
                            uint64_t *left_out, struct heed_error *err)
{
    enum heed_status status = take_folder(dir, over, err);
    if (status != HEED_OK)
        return status;
    struct exporting *x = calloc(1, sizeof *x);
    if (!x)
        return error_nomem(err);
    x->w = w;
    x->dir = dir;
    x->latest_ms =
        (now_ms > TIME_MAX_MS ? TIME_MAX_MS : now_ms) + w->state.rules.behaviour.ahead_ms;
    strbuf_init(&x->buf, SIZE_MAX);
    status = rules(x, err);
    if (status == HEED_OK)
        status = users(x, err);
    if (status == HEED_OK)
        status = contents(x, err);
    if (status == HEED_OK)
        status = goods(x, false, err);
    if (status == HEED_OK)
        status = goods(x, true, err);
    bool unknown = behaviour_unknown(&w->state.behaviour) > 0;
    if (status == HEED_OK)
        status = walk(x, "events.csv",
                      unknown ? "time,user,verb,target,amount,surface,via,id,count\n"
                              : "time,user,verb,target,amount,surface,via,id\n",
                      (struct walking){.unknown = unknown}, err);
    if (status == HEED_OK)
        status = walk(x, "ratings.csv", "time,user,target,score,kind\n",
                      (struct walking){.ratings = true}, err);
    if (status == HEED_OK)
        status = walk(x, "reviews.csv", "time,user,target,score,kind\n",
                      (struct walking){.ratings = true, .reviews = true}, err);
    if (status == HEED_OK)
        status = decisions(x, err);
    if (status == HEED_OK)
        status = begin(x, "learnt.csv", LEARNT_HEADER, err);
    if (status == HEED_OK)
        status = end(x, learnt_write(w, x->f) ? HEED_OK : error_nomem(err), err);
    if (status == HEED_OK)
        status = begin(x, "models.csv", MODELS_HEADER, err);
    if (status == HEED_OK)
        status = end(x, models_write(w, x->f, err), err);
    strbuf_deinit(&x->buf);
    if (left_out)
        *left_out = x->left_out;
    free(x);
    return status;
}

json_t *export_json(const char *dir, uint64_t left_out)
{
    return json_pack("{s:o,s:I}", "exported", reply_text(dir), "left_out", (json_int_t)left_out);
}
