/* The public interface: heed.h over a world. */
#include "heed.h"

#include "base/time.h"
#include "base/utf8.h"
#include "world/apply.h"
#include "world/handle.h"
#include "world/verify.h"

#include <math.h>
#include <unistd.h>

const char *heed_version(void)
{
    return HEED_VERSION;
}

struct handle_locale handle_locale_plain(void)
{
    struct handle_locale l = {(locale_t)0, newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    if (l.plain)
        l.before = uselocale(l.plain);
    return l;
}

void handle_locale_back(struct handle_locale *l)
{
    if (!l->plain)
        return;
    uselocale(l->before);
    freelocale(l->plain);
}

enum heed_status handle_missing(struct heed_error *err, const char *what)
{
    return error_set(err, HEED_USAGE, what, "it is NULL; give one");
}

int handle_command(const char *name)
{
    const char *space = strchr(name, ' ');
    struct str noun = {name, space ? (size_t)(space - name) : strlen(name)};
    return command_find(noun, str_of(space ? space + 1 : ""));
}

static int put_text(const char *text, size_t n, void *b)
{
    return strbuf_put(b, text, n) ? 0 : -1;
}

char *handle_text(const json_t *json, size_t flags)
{
    struct strbuf b;
    strbuf_init(&b, SIZE_MAX);
    if (json_dump_callback(json, put_text, &b, flags) == 0 && !b.failed)
        return b.p;
    strbuf_deinit(&b);
    return NULL;
}

enum heed_status handle_reply(json_t *json, enum heed_status status, char **reply,
                              struct heed_error *err)
{
    if (json && !(*reply = handle_text(json, JSON_COMPACT | REPLY_REALS)))
        status = error_nomem(err);
    json_decref(json);
    return status;
}

enum heed_status handle_tool(const struct heed_world *world, const struct heed_context *context,
                             enum command_id command, char **reply, struct heed_error *err)
{
    error_clear(err);
    if (!reply)
        return handle_missing(err, "reply");
    *reply = NULL;
    if (!world || !context)
        return handle_missing(err, world ? "context" : "world");
    json_t *refused = NULL;
    enum heed_status status = admit_tool(world->w, command, context->actor, &refused, err);
    return handle_reply(refused, status, reply, err);
}

enum heed_status heed_open(const char *path, const struct heed_options *options,
                           struct heed_world **world, struct heed_error *err)
{
    PLAIN_NUMBERS;
    error_clear(err);
    if (!world)
        return handle_missing(err, "world");
    *world = NULL;
    if (!path)
        return handle_missing(err, "path");
    struct heed_world *h = malloc(sizeof *h);
    if (!h)
        return error_nomem(err);
    struct world_options o = {.read_only = options && options->read_only,
                              .create = options && options->create,
                              .rules_yaml = options ? options->rules_yaml : NULL,
                              .rules_size = options ? options->rules_size : 0,
                              .pid = getpid()};
    enum heed_status status = world_open(path, &o, &h->w, err);
    if (status != HEED_OK) {
        free(h);
        return status;
    }
    *world = h;
    return HEED_OK;
}

void heed_close(struct heed_world *world)
{
    PLAIN_NUMBERS;
    if (!world)
        return;
    world_close(world->w);
    free(world);
}

enum heed_status heed_call(struct heed_world *world, const char *name,
                           const struct heed_context *context, const struct heed_arg *args,
                           size_t n, char **reply, struct heed_error *err)
{
    PLAIN_NUMBERS;
    error_clear(err);
    if (!reply)
        return handle_missing(err, "reply");
    *reply = NULL;
    if (!world || !name || !context || (!args && n > 0))
        return handle_missing(err, !world     ? "world"
                                   : !name    ? "name"
                                   : !context ? "context"
                                              : "args");
    int id = handle_command(name);
    if (id < 0)
        return error_set(err, HEED_USAGE, name, "there is no such command; see `heed help`");
    json_t *json = NULL;
    enum heed_status status =
        admit_call(world->w, command_spec((enum command_id)id), context, args, n, &json, err);
    return handle_reply(json, status, reply, err);
}

enum event_result { EVENT_OK, EVENT_REJECTED, EVENT_REFUSED };

static enum event_result event_call(struct world *w, const struct heed_context *context,
                                    const struct heed_event *e, struct call *call,
                                    enum heed_status *status, struct heed_error *err)
{
    int verb = e->verb ? behaviour_verb(&w->state.rules.behaviour, str_of(e->verb)) : -1;
    if (verb < 0 || !e->user || !e->target || e->time_ms < 0 || e->time_ms > TIME_MAX_MS ||
        !(e->amount >= 0) || e->amount > AMOUNT_MAX)
        return EVENT_REJECTED;
    const char *texts[] = {e->surface, e->via};
    uint32_t symbols[2] = {HANDLE_NONE, HANDLE_NONE};
    uint32_t user = world_find_user(w, str_of(e->user));
    uint32_t target = world_find_target(w, str_of(e->target));
    if (user == HANDLE_NONE || target == 0 || admit_time_ahead(w, context, e->time_ms))
        return EVENT_REFUSED;
    for (int i = 0; i < 2; i++) {
        struct str text = str_of(texts[i]);
        if (text.n == 0)
            continue;
        if (text.n > SYMBOL_BYTES || utf8_invalid_at(text) < text.n)
            return EVENT_REJECTED;
        *status = admit_symbol(w, text, &symbols[i], err);
        if (*status == HEED_RANGE) { /* no room for another surface: that stops nobody else */
            *status = HEED_OK;
            error_clear(err);
            return EVENT_REJECTED;
        }
        if (*status != HEED_OK)
            return EVENT_REJECTED;
    }
    *call =
        admit_event(e->time_ms, user, (uint32_t)verb, target, llround(e->amount * 1000), symbols[0],
                    symbols[1], e->id && *e->id ? admit_key_hash(str_of(e->id)) : 0);
    return EVENT_OK;
}

enum heed_status heed_events(struct heed_world *world, const struct heed_context *context,
                             const struct heed_event *events, size_t n, struct heed_tally *tally,
                             struct heed_error *err)
{
    PLAIN_NUMBERS;
    error_clear(err);
    if (!world || !context || (!events && n > 0))
        return handle_missing(err, !world ? "world" : !context ? "context" : "events");
    if (world->w->read_only)
        return error_set(err, HEED_USAGE, "events", "the world was opened for reading only");
    struct heed_tally t = {.rows = n};
    enum heed_status status = HEED_OK;
    for (size_t i = 0; i < n; i++) {
        struct call call;
        enum event_result result = event_call(world->w, context, &events[i], &call, &status, err);
        struct outcome o = {0};
        if (status == HEED_OK && result == EVENT_OK)
            status = world_apply(world->w, &call, &o, err);
        if (status != HEED_OK)
            return world_guard(world->w, status);
        if (result == EVENT_REJECTED)
            t.rejected++;
        else if (result == EVENT_REFUSED || o.refusal != REFUSED_NOT)
            t.refused++;
        else if (o.repeated)
            t.duplicate++;
        else
            t.applied++;
    }
    status = world_commit(world->w, err);
    if (status == HEED_OK && tally)
        *tally = t;
    return status;
}

void heed_free(void *reply)
{
    free(reply);
}

enum heed_status heed_verify(const char *path, char **reply, struct heed_error *err)
{
    PLAIN_NUMBERS;
    error_clear(err);
    if (!reply)
        return handle_missing(err, "reply");
    *reply = NULL;
    if (!path)
        return handle_missing(err, "path");
    json_t *json = NULL;
    enum heed_status status = verify_file(path, NULL, &json, err);
    return handle_reply(json, status, reply, err);
}

enum heed_status heed_rules_check(const char *rules, size_t size, struct heed_error *err)
{
    PLAIN_NUMBERS;
    error_clear(err);
    if (!rules)
        return handle_missing(err, "rules");
    struct rules *parsed = malloc(sizeof *parsed);
    enum heed_status status =
        parsed ? rules_parse((struct str){rules, size}, "rules", parsed, err) : error_nomem(err);
    free(parsed);
    return status;
}

const char *heed_rules_preset(const char *name)
{
    return name ? rules_preset(name).p : NULL;
}
