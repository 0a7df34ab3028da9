/* plaza as files: RFC 4180, quoted where a field asks for it. */
#include "base/money.h"
#include "sim/plaza_parts.h"

#include <errno.h>
#include <stdio.h>

enum { FLUSH_AT = 1 << 16 };
#define TRUTH_HEADER "content,skill,copy_of,ring\n"

struct file {
    FILE *f; /* NULL: everything stays in row */
    struct strbuf row, field;
    bool failed;
};

static void end_row(struct file *f)
{
    strbuf_putc(&f->row, '\n');
    if (f->row.failed) {
        f->failed = true;
    } else if (f->f && f->row.n >= FLUSH_AT) {
        f->failed = f->failed || fwrite(f->row.p, 1, f->row.n, f->f) != f->row.n;
        strbuf_clear(&f->row);
    }
}

static void quoted(struct file *f, struct str s)
{
    bool plain = true;
    for (size_t i = 0; i < s.n && plain; i++)
        plain = s.p[i] != ',' && s.p[i] != '"' && s.p[i] != '\n' && s.p[i] != '\r';
    if (plain) {
        strbuf_put(&f->row, s.p, s.n);
        return;
    }
    strbuf_putc(&f->row, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            strbuf_putc(&f->row, '"');
        strbuf_putc(&f->row, s.p[i]);
    }
    strbuf_putc(&f->row, '"');
}

static struct str field(struct file *f)
{
    return (struct str){f->field.p, f->field.n};
}

static void put_time(struct file *f, int64_t time_s)
{
    char text[32];
    strbuf_puts(&f->row, time_to_text(time_s * 1000, text));
}

/* u0001: zeros so that ids sort as they were given.                                              */
static void put_id(struct strbuf *b, char letter, uint32_t index, int digits)
{
    char text[16];
    int at = sizeof text;
    for (uint32_t n = index + 1; n > 0 || digits > 0; n /= 10, digits--)
        text[--at] = (char)('0' + n % 10);
    strbuf_putc(b, letter);
    strbuf_put(b, text + at, sizeof text - (size_t)at);
}
static void put_user(struct file *f, uint32_t user)
{
    put_id(&f->row, 'u', user, 4);
}
static void put_content(struct file *f, uint32_t content)
{
    put_id(&f->row, 'c', content, 4);
}
static void put_good(struct file *f, uint32_t good)
{
    put_id(&f->row, 'g', good, 3);
}

static void write_users(const struct plaza *z, struct file *f)
{
    struct prng r;
    plaza_stream(z, STREAM_NAMES, &r);
    strbuf_puts(&f->row, "id,name,joined_at,role\n");
    for (uint32_t i = 0; i < z->size.users; i++) {
        put_user(f, i);
        strbuf_clear(&f->field);
        plaza_person_name(&f->field, &r);
        strbuf_putc(&f->row, ',');
        quoted(f, field(f));
        strbuf_putc(&f->row, ',');
        put_time(f, z->people[i].joined_s);
        strbuf_puts(&f->row, z->people[i].moderator ? ",moderator" : ",member");
        end_row(f);
    }
}

static void write_contents(const struct plaza *z, struct file *f)
{
    static const char *const kinds[4] = {"post", "photo", "video", "guide"};
    strbuf_puts(&f->row, "id,creator,title,body,kind,category,created_at,good\n");
    for (uint32_t i = 0; i < z->size.contents; i++) {
        const struct plaza_content *c = &z->contents[i];
        put_content(f, i);
        strbuf_putc(&f->row, ',');
        put_user(f, c->creator);
        strbuf_putc(&f->row, ',');
        strbuf_clear(&f->field);
        plaza_title(&f->field, c);
        quoted(f, field(f));
        strbuf_putc(&f->row, ',');
        strbuf_clear(&f->field);
        plaza_body(&f->field, c);
        quoted(f, field(f));
        strbuf_printf(&f->row, ",%s,%s,", kinds[c->kind], plaza_category(c->category));
        put_time(f, c->created_s);
        strbuf_putc(&f->row, ',');
        if (c->good != PLAZA_NONE)
            put_good(f, c->good);
        end_row(f);
    }
}

static void write_goods(const struct plaza *z, struct file *f)
{
    strbuf_puts(&f->row, "id,name,seller,description,category,price,stock,sales,created_at\n");
    for (uint32_t i = 0; i < z->size.goods; i++) {
        const struct plaza_good *g = &z->goods[i];
        char price[32];
        put_good(f, i);
        strbuf_putc(&f->row, ',');
        strbuf_clear(&f->field);
        plaza_good_name(&f->field, g);
        quoted(f, field(f));
        strbuf_putc(&f->row, ',');
        put_user(f, g->seller);
        strbuf_putc(&f->row, ',');
        strbuf_clear(&f->field);
        plaza_good_text(&f->field, g);
        quoted(f, field(f));
        strbuf_printf(&f->row, ",%s,%s,", plaza_category(g->category),
                      money_to_text((struct money){g->price_minor}, 2, price));
        if (g->stock >= 0)
            strbuf_printf(&f->row, "%lld", (long long)g->stock);
        strbuf_printf(&f->row, ",%lld,", (long long)g->sales);
        put_time(f, g->created_s);
        end_row(f);
    }
}

static void write_events(const struct plaza *z, struct file *f)
{
    static const char *const verbs[] = {"view",   "dwell", "like", "dislike",  "comment", "share",
                                        "follow", "click", "cart", "purchase", "skip",    "report"};
    static const char *const surfaces[] = {"home", "search", "plaza", "friend"};
    strbuf_puts(&f->row, "time,user,verb,target,amount,surface,via\n");
    for (size_t i = 0; i < z->events_n; i++) {
        const struct plaza_event *e = &z->events[i];
        put_time(f, e->time_s);
        strbuf_putc(&f->row, ',');
        put_user(f, e->user);
        strbuf_putc(&f->row, ',');
        strbuf_puts(&f->row, verbs[e->verb]);
        if (e->to == TO_CONTENT) {
            strbuf_puts(&f->row, ",content:");
            put_content(f, e->target);
        } else if (e->to == TO_GOOD) {
            strbuf_puts(&f->row, ",good:");
            put_good(f, e->target);
        } else {
            strbuf_puts(&f->row, ",user:");
            put_user(f, e->target);
        }
        strbuf_putc(&f->row, ',');
        if (e->amount)
            strbuf_printf(&f->row, "%u", e->amount);
        strbuf_putc(&f->row, ',');
        strbuf_puts(&f->row, surfaces[e->surface]);
        strbuf_puts(&f->row, e->via ? ",content" : ",");
        end_row(f);
    }
}

static void write_scores(const struct plaza *z, struct file *f, bool reviews)
{
    static const char *const kinds[] = {"user", "expert", "moderation"};
    strbuf_puts(&f->row, "time,user,target,score,kind\n");
    for (size_t i = 0; i < z->scores_n; i++) {
        const struct plaza_score *s = &z->scores[i];
        if ((s->kind != SCORE_USER) != reviews)
            continue;
        put_time(f, s->time_s);
        strbuf_putc(&f->row, ',');
        put_user(f, s->user);
        strbuf_puts(&f->row, ",content:");
        put_content(f, s->content);
        strbuf_printf(&f->row, ",%u", s->score_tenths / 10);
        if (s->score_tenths % 10)
            strbuf_printf(&f->row, ".%u", s->score_tenths % 10);
        strbuf_printf(&f->row, ",%s", kinds[s->kind]);
        end_row(f);
    }
}

static void write_ratings(const struct plaza *z, struct file *f)
{
    write_scores(z, f, false);
}

static void write_reviews(const struct plaza *z, struct file *f)
{
    write_scores(z, f, true);
}

static void write_truth(const struct plaza *z, struct file *f)
{
    strbuf_puts(&f->row, TRUTH_HEADER);
    for (uint32_t i = 0; i < z->size.contents; i++) {
        const struct plaza_content *c = &z->contents[i];
        put_content(f, i);
        uint32_t skill = (uint32_t)(z->people[c->creator].skill * 10000 + 0.5);
        strbuf_printf(&f->row, ",0.%04u,", skill);
        if (c->copy_of != PLAZA_NONE)
            put_content(f, c->copy_of);
        strbuf_puts(&f->row, c->creator == z->boosted ? ",1" : ",0");
        end_row(f);
    }
}

static enum heed_status write_file(const struct plaza *z, const char *dir, const char *name,
                                   void (*write)(const struct plaza *, struct file *),
                                   struct heed_error *err)
{
    struct file f = {0};
    struct strbuf path;
    strbuf_init(&path, 8192);
    strbuf_init(&f.row, 64 << 20);
    strbuf_init(&f.field, 1 << 20);
    enum heed_status status = HEED_OK;
    errno = 0;
    if (!strbuf_printf(&path, "%s/%s", dir, name))
        status = error_set(err, HEED_USAGE, dir, "the name is too long");
    else if (!(f.f = fopen(path.p, "wb")))
        status = error_set(err, HEED_STORAGE, path.p, "cannot be written (%s)", strerror(errno));
    if (status == HEED_OK) {
        write(z, &f);
        bool short_of_memory = f.row.failed || f.field.failed;
        if (!short_of_memory && f.row.n)
            f.failed = f.failed || fwrite(f.row.p, 1, f.row.n, f.f) != f.row.n;
        bool closed = fclose(f.f) == 0;
        if (short_of_memory)
            status = error_nomem(err);
        else if (f.failed || !closed)
            status =
                error_set(err, HEED_STORAGE, path.p, "cannot be written (%s)", strerror(errno));
    }
    strbuf_deinit(&path);
    strbuf_deinit(&f.row);
    strbuf_deinit(&f.field);
    return status;
}

bool plaza_is(const char *dir)
{
    char path[4096], line[sizeof TRUTH_HEADER] = "";
    int n = snprintf(path, sizeof path, "%s/truth.csv", dir);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
    bool is = f && fgets(line, sizeof line, f) && strcmp(line, TRUTH_HEADER) == 0;
    if (f)
        fclose(f);
    return is;
}

enum heed_status plaza_write_users(const struct plaza *z, struct strbuf *out,
                                   struct heed_error *err)
{
    struct file f = {.row = *out};
    strbuf_init(&f.field, 1 << 20);
    write_users(z, &f);
    bool failed = f.failed || f.field.failed;
    *out = f.row;
    strbuf_deinit(&f.field);
    return failed ? error_nomem(err) : HEED_OK;
}

enum heed_status plaza_write(const struct plaza *z, const char *dir, struct heed_error *err)
{
    static const struct {
        const char *name;
        void (*write)(const struct plaza *, struct file *);
    } files[] = {{"users.csv", write_users},     {"contents.csv", write_contents},
                 {"goods.csv", write_goods},     {"events.csv", write_events},
                 {"ratings.csv", write_ratings}, {"reviews.csv", write_reviews},
                 {"truth.csv", write_truth}};
    enum heed_status status = HEED_OK;
    for (size_t i = 0; status == HEED_OK && i < sizeof files / sizeof files[0]; i++)
        status = write_file(z, dir, files[i].name, files[i].write, err);
    return status;
}
