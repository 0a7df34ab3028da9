/* The catalogue: dense handles, who owns what, and saves that hold together. */
#include "catalogue/catalogue.h"

#include "base/prng.h"
#include "support_fault.h"
#include "support_saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void save(const void *c, struct sink *s)
{
    catalogue_save(c, s);
}
static enum heed_status load(void *c, struct source *s, struct heed_error *err)
{
    return catalogue_load(c, s, err);
}
static void deinit(void *c)
{
    catalogue_deinit(c);
}

static void assert_handle(uint32_t handle, size_t n, bool may_be_none)
{
    assert_true(handle < n || (may_be_none && handle == HANDLE_NONE));
}

static void assert_goods(const struct catalogue *c, const struct good *g, size_t n,
                         const struct intern *ids)
{
    assert_int_equal(ids->count, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(intern_find(ids, intern_str(ids, (uint32_t)i)), i);
        assert_handle(g[i].seller, c->parties_n, true);
        assert_handle(g[i].category, c->symbols.count, true);
        assert_true(g[i].price_minor >= -1 && g[i].stock >= -1 && g[i].sales >= 0);
        assert_true(!g[i].listed || g[i].price_minor >= 0);
    }
}

static void check(const void *x)
{
    const struct catalogue *c = x;
    size_t users = 0;
    for (size_t i = 0; i < c->parties_n; i++)
        users += (c->parties[i].flags & PARTY_USER) != 0;
    assert_int_equal(c->users_n, users);
    assert_goods(c, c->goods, c->goods_n, &c->good_ids);
    assert_goods(c, c->services, c->services_n, &c->service_ids);
    assert_int_equal(c->content_ids.count, c->contents_n);
    for (size_t i = 0; i < c->contents_n; i++) {
        assert_handle(c->contents[i].creator, c->parties_n, false);
        assert_handle(c->contents[i].good, c->goods_n, true);
        assert_handle(c->contents[i].kind, c->symbols.count, true);
        assert_handle(c->contents[i].category, c->symbols.count, true);
    }
}

static const struct saved_kind KIND = {sizeof(struct catalogue), save, load, deinit, check};

/* Parties ann (user), ben (creator only), cy (erased user); symbols toys, maps, video; goods ball
 * by ben in toys, rock of nobody; service tour by ann in maps; contents of ben: clip features ball,
 * note stands alone, tale features ball and is in maps.                                         */
enum { ANN, BEN, CY };
enum { TOYS, MAPS, VIDEO };
enum { BALL, ROCK };
enum { CLIP, NOTE, TALE };

static void fill(struct catalogue *c)
{
    static const struct party parties[] = {{1000, PARTY_USER, ROLE_MEMBER},
                                           {0, 0, ROLE_MEMBER | ROLE_MODERATOR},
                                           {2000, PARTY_USER | PARTY_ERASED, 0}};
    static const struct good ball = {5, 499, 10, 3, BEN, TOYS, 1, true};
    static const struct good rock = {6, -1, -1, 0, HANDLE_NONE, HANDLE_NONE, 0, false};
    static const struct good tour = {7, 0, 0, INT64_MAX, ANN, MAPS, 0, true};
    static const struct content contents[] = {{10, BEN, BALL, VIDEO, HANDLE_NONE},
                                              {-9, BEN, HANDLE_NONE, HANDLE_NONE, HANDLE_NONE},
                                              {12, BEN, BALL, VIDEO, MAPS}};
    uint32_t handle;
    catalogue_init(c);
    assert_int_equal(intern_add(&c->symbols, STR("toys")), TOYS);
    assert_int_equal(intern_add(&c->symbols, STR("maps")), MAPS);
    assert_int_equal(intern_add(&c->symbols, STR("video")), VIDEO);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(catalogue_add_party(c, &parties[i], &handle), HEED_OK);
        assert_int_equal(handle, i);
    }
    assert_int_equal(catalogue_add_good(c, false, STR("ball"), &ball, &handle), HEED_OK);
    assert_int_equal(handle, BALL);
    assert_int_equal(catalogue_add_good(c, false, STR("rock"), &rock, &handle), HEED_OK);
    assert_int_equal(handle, ROCK);
    assert_int_equal(catalogue_add_good(c, true, STR("ball"), &tour, &handle), HEED_OK);
    assert_int_equal(handle, 0);
    const struct str ids[] = {STR("clip"), STR("note"), STR("\xe6\x95\x85\xe4\xba\x8b")};
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(catalogue_add_content(c, ids[i], &contents[i], &handle), HEED_OK);
        assert_int_equal(handle, i);
    }
}

/* ── names ── */

static void kinds_and_roles_have_names(void **state)
{
    (void)state;
    static const char *const kinds[] = {"user", "content", "good", "service"};
    for (int k = 1; k < TARGET_KINDS; k++) {
        assert_string_equal(target_kind_name((enum target_kind)k), kinds[k - 1]);
        assert_int_equal(target_kind_of_name(str_of(kinds[k - 1])), k);
    }
    assert_string_equal(target_kind_name(TARGET_NONE), "");
    assert_string_equal(target_kind_name(TARGET_KINDS), "");
    assert_int_equal(target_kind_of_name(STR("users")), TARGET_NONE);
    assert_int_equal(target_kind_of_name(STR("")), TARGET_NONE);

    static const struct {
        const char *name;
        enum role role;
    } roles[] = {{"operator", ROLE_OPERATOR},   {"creator_manager", ROLE_CREATOR_MANAGER},
                 {"economist", ROLE_ECONOMIST}, {"moderator", ROLE_MODERATOR},
                 {"auditor", ROLE_AUDITOR},     {"client", ROLE_CLIENT},
                 {"reader", ROLE_READER},       {"member", ROLE_MEMBER}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        assert_string_equal(role_name(roles[i].role), roles[i].name);
        assert_int_equal(role_of_name(str_of(roles[i].name)), roles[i].role);
    }
    assert_int_equal(role_of_name(STR("user")), ROLE_MEMBER);
    assert_int_equal(role_of_name(STR("creator")), ROLE_MEMBER);
    assert_int_equal(role_of_name(STR("king")), 0);
    assert_string_equal(role_name((enum role)0), "");
    assert_string_equal(role_name((enum role)(ROLE_READER | ROLE_MEMBER)), "");
}

/* ── relations ── */

static void owners_and_categories_follow_the_relations(void **state)
{
    (void)state;
    static const struct {
        enum target_kind kind;
        uint32_t index, owner, category;
        bool there;
    } rows[] = {
        {TARGET_USER, ANN, ANN, HANDLE_NONE, true},
        {TARGET_USER, CY, CY, HANDLE_NONE, true},
        {TARGET_USER, 3, HANDLE_NONE, HANDLE_NONE, false},
        {TARGET_CONTENT, CLIP, BEN, TOYS, true}, /* its good's */
        {TARGET_CONTENT, NOTE, BEN, HANDLE_NONE, true},
        {TARGET_CONTENT, TALE, BEN, MAPS, true}, /* its own */
        {TARGET_CONTENT, 3, HANDLE_NONE, HANDLE_NONE, false},
        {TARGET_GOOD, BALL, BEN, TOYS, true},
        {TARGET_GOOD, ROCK, HANDLE_NONE, HANDLE_NONE, true},
        {TARGET_GOOD, 2, HANDLE_NONE, HANDLE_NONE, false},
        {TARGET_SERVICE, 0, ANN, MAPS, true},
        {TARGET_SERVICE, 1, HANDLE_NONE, HANDLE_NONE, false},
        {TARGET_SERVICE, TARGET_INDEX_MAX, HANDLE_NONE, HANDLE_NONE, false},
        {TARGET_NONE, 0, HANDLE_NONE, HANDLE_NONE, false},
        {TARGET_KINDS, 0, HANDLE_NONE, HANDLE_NONE, false},
        {(enum target_kind)15, TARGET_INDEX_MAX, HANDLE_NONE, HANDLE_NONE, false},
    };
    struct catalogue c;
    fill(&c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t t = target_make(rows[i].kind, rows[i].index);
        bool is_good = rows[i].kind == TARGET_GOOD || rows[i].kind == TARGET_SERVICE;
        if (catalogue_has(&c, t) != rows[i].there || catalogue_owner(&c, t) != rows[i].owner ||
            catalogue_category(&c, t) != rows[i].category ||
            (catalogue_good(&c, t) != NULL) != (rows[i].there && is_good)) {
            print_error("row %zu\n", i);
            fail();
        }
    }
    assert_ptr_equal(catalogue_good(&c, target_make(TARGET_GOOD, ROCK)), &c.goods[ROCK]);
    assert_ptr_equal(catalogue_good(&c, target_make(TARGET_SERVICE, 0)), &c.services[0]);
    assert_int_equal(c.users_n, 2);
    catalogue_deinit(&c);
}

static void an_id_stands_once_a_kind(void **state)
{
    (void)state;
    struct catalogue c;
    fill(&c);
    struct strbuf before = saved_bytes(&KIND, &c);
    uint32_t handle = 77;
    struct content x = c.contents[NOTE];
    struct good g = c.goods[ROCK];
    assert_int_equal(catalogue_add_content(&c, STR("clip"), &x, &handle), HEED_INPUT);
    assert_int_equal(catalogue_add_good(&c, false, STR("ball"), &g, &handle), HEED_INPUT);
    assert_int_equal(catalogue_add_good(&c, true, STR("ball"), &g, &handle), HEED_INPUT);
    assert_int_equal(handle, 77);
    struct strbuf after = saved_bytes(&KIND, &c);
    assert_true(saved_equal(&before, &after));
    assert_int_equal(catalogue_add_content(&c, STR("ball"), &x, &handle), HEED_OK);
    assert_int_equal(handle, 3);
    strbuf_deinit(&before);
    strbuf_deinit(&after);
    catalogue_deinit(&c);
}

static void a_full_table_takes_no_more(void **state)
{
    (void)state;
    struct catalogue c;
    fill(&c);
    struct party p = c.parties[ANN];
    struct content x = c.contents[NOTE];
    struct good g = c.goods[ROCK];
    uint32_t handle = 77;
    const size_t full = (size_t)TARGET_INDEX_MAX + 1;
    c.parties_n = c.contents_n = c.goods_n = c.services_n = full;
    assert_int_equal(catalogue_add_party(&c, &p, &handle), HEED_RANGE);
    assert_int_equal(catalogue_add_content(&c, STR("new"), &x, &handle), HEED_RANGE);
    assert_int_equal(catalogue_add_good(&c, false, STR("new"), &g, &handle), HEED_RANGE);
    assert_int_equal(catalogue_add_good(&c, true, STR("new"), &g, &handle), HEED_RANGE);
    assert_int_equal(handle, 77);
    catalogue_deinit(&c);
}

/* ── saved ── */

static void a_damaged_save_is_found_or_harmless(void **state)
{
    (void)state;
    struct catalogue c;
    fill(&c);
    assert_round_trip(&KIND, &c);
    assert_damage_is_found_or_harmless(&KIND, &c);
    catalogue_deinit(&c);
    catalogue_init(&c);
    assert_round_trip(&KIND, &c);
    catalogue_deinit(&c);
}

/* Each row spoils one field. */
static void no_creator(struct catalogue *c)
{
    c->contents[NOTE].creator = HANDLE_NONE;
}
static void far_creator(struct catalogue *c)
{
    c->contents[NOTE].creator = 3;
}
static void far_good(struct catalogue *c)
{
    c->contents[NOTE].good = 2;
}
static void far_kind(struct catalogue *c)
{
    c->contents[NOTE].kind = 3;
}
static void far_category(struct catalogue *c)
{
    c->contents[NOTE].category = 3;
}
static void far_seller(struct catalogue *c)
{
    c->goods[ROCK].seller = 3;
}
static void far_good_category(struct catalogue *c)
{
    c->services[0].category = 3;
}
static void listed_for_nothing(struct catalogue *c)
{
    c->goods[ROCK].listed = true;
}
static void low_price(struct catalogue *c)
{
    c->goods[ROCK].price_minor = -2;
}
static void low_stock(struct catalogue *c)
{
    c->goods[ROCK].stock = -2;
}
static void low_sales(struct catalogue *c)
{
    c->services[0].sales = -1;
}
static void odd_flags(struct catalogue *c)
{
    c->parties[BEN].flags = 4;
}

static void what_no_command_could_make_does_not_load(void **state)
{
    (void)state;
    static void (*const rows[])(struct catalogue *) = {
        no_creator, far_creator,       far_good,           far_kind,  far_category, far_seller,
        low_sales,  far_good_category, listed_for_nothing, low_price, low_stock,    odd_flags};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct catalogue c, loaded;
        fill(&c);
        rows[i](&c);
        struct strbuf bytes = saved_bytes(&KIND, &c);
        size_t used;
        enum heed_status status = saved_load(&KIND, &loaded, bytes.p, bytes.n, &used, NULL);
        if (status != HEED_INPUT) {
            print_error("row %zu: expected HEED_INPUT, got %d\n", i, (int)status);
            fail();
        }
        assert_int_equal(loaded.parties_n + loaded.contents_n + loaded.symbols.count, 0);
        strbuf_deinit(&bytes);
        catalogue_deinit(&loaded);
        catalogue_deinit(&c);
    }
}

static uint32_t random_handle(struct prng *r, size_t n)
{
    uint64_t h = prng_below(r, n + 1);
    return h == n ? HANDLE_NONE : (uint32_t)h;
}

static int64_t random_i64(struct prng *r)
{
    return (int64_t)(prng_u64(r) >> (1 + prng_below(r, 63)));
}

static void random_catalogues_come_back_as_they_were(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng r;
        struct catalogue c;
        prng_seed(&r, seed);
        fill(&c);
        for (int step = 0; step < 300; step++) {
            char id[64];
            int n = snprintf(id, sizeof id, "%.*s%d", (int)prng_below(&r, 40),
                             "a long id that differs only in its number", step);
            struct str text = {id, (size_t)n};
            uint32_t handle;
            struct party p = {(int64_t)prng_u64(&r), (uint8_t)prng_below(&r, 4),
                              (uint8_t)prng_u64(&r)};
            struct content x = {(int64_t)prng_u64(&r), (uint32_t)prng_below(&r, c.parties_n),
                                random_handle(&r, c.goods_n), random_handle(&r, c.symbols.count),
                                random_handle(&r, c.symbols.count)};
            struct good g = {(int64_t)prng_u64(&r),
                             random_i64(&r),
                             prng_below(&r, 3) ? random_i64(&r) : -1,
                             random_i64(&r),
                             random_handle(&r, c.parties_n),
                             random_handle(&r, c.symbols.count),
                             (uint16_t)prng_u64(&r),
                             prng_below(&r, 2) != 0};
            switch (prng_below(&r, 5)) {
            case 0:
                assert_int_equal(catalogue_add_party(&c, &p, &handle), HEED_OK);
                break;
            case 1:
                assert_int_equal(catalogue_add_content(&c, text, &x, &handle), HEED_OK);
                break;
            case 2:
                assert_true(intern_add(&c.symbols, text) != INTERN_NONE);
                break;
            default:
                assert_int_equal(catalogue_add_good(&c, step % 2, text, &g, &handle), HEED_OK);
            }
        }
        assert_round_trip(&KIND, &c);
        catalogue_deinit(&c);
    }
}

static void a_loaded_catalogue_has_every_field(void **state)
{
    (void)state;
    struct catalogue c, d;
    fill(&c);
    struct strbuf bytes = saved_bytes(&KIND, &c);
    size_t used;
    assert_int_equal(saved_load(&KIND, &d, bytes.p, bytes.n, &used, NULL), HEED_OK);
    assert_int_equal(d.parties_n, 3);
    assert_int_equal(d.users_n, 2);
    assert_int_equal(d.parties[BEN].role_bits, ROLE_MEMBER | ROLE_MODERATOR);
    assert_int_equal(d.parties[CY].joined_at_ms, 2000);
    assert_int_equal(d.contents[NOTE].created_at_ms, -9);
    assert_int_equal(d.contents[CLIP].good, BALL);
    assert_int_equal(d.contents[CLIP].kind, VIDEO);
    const struct good *g = &d.goods[BALL];
    assert_int_equal(g->price_minor, 499);
    assert_int_equal(g->stock, 10);
    assert_int_equal(g->sales, 3);
    assert_int_equal(g->currency, 1);
    assert_true(g->listed);
    assert_int_equal(d.goods[ROCK].stock, -1);
    assert_int_equal(d.services[0].sales, INT64_MAX);
    assert_int_equal(intern_find(&d.content_ids, STR("\xe6\x95\x85\xe4\xba\x8b")), TALE);
    strbuf_deinit(&bytes);
    catalogue_deinit(&c);
    catalogue_deinit(&d);
}

/* ── memory runs out ── */

enum { ADD_PARTY, ADD_CONTENT, ADD_GOOD, ADD_SERVICE, ADDS };

static enum heed_status add(struct catalogue *c, int what, int i, uint32_t *handle)
{
    char text[32];
    struct str id = {text, (size_t)snprintf(text, sizeof text, "number %d", i)};
    switch (what) {
    case ADD_PARTY:
        return catalogue_add_party(c, &(struct party){.flags = PARTY_USER}, handle);
    case ADD_CONTENT:
        return catalogue_add_content(
            c, id, &(struct content){0, BEN, HANDLE_NONE, HANDLE_NONE, HANDLE_NONE}, handle);
    default:
        return catalogue_add_good(c, what == ADD_SERVICE, id,
                                  &(struct good){.seller = BEN, .category = HANDLE_NONE}, handle);
    }
}

/* Adds one, each allocation failing in turn before it succeeds; gives how many failed.           */
static long add_under_faults(struct catalogue *c, int what, int i)
{
    for (long n = 1;; n++) {
        struct strbuf before = saved_bytes(&KIND, c);
        uint32_t handle = HANDLE_NONE;
        fault_fail_at(n);
        enum heed_status status = add(c, what, i, &handle);
        fault_off();
        struct strbuf after = saved_bytes(&KIND, c);
        assert_int_equal(status, fault_fired() ? HEED_NOMEM : HEED_OK);
        assert_int_equal(saved_equal(&before, &after), fault_fired());
        assert_int_equal(handle == HANDLE_NONE, fault_fired());
        strbuf_deinit(&before);
        strbuf_deinit(&after);
        if (!fault_fired())
            return n - 1;
    }
}

static void an_addition_without_memory_changes_nothing(void **state)
{
    (void)state;
    struct catalogue c;
    fill(&c);
    long failures[ADDS] = {0};
    for (int i = 0; i < 40; i++)
        for (int what = 0; what < ADDS; what++)
            failures[what] += add_under_faults(&c, what, i);
    for (int what = 0; what < ADDS; what++)
        assert_true(failures[what] > 0);
    assert_true(failures[ADD_CONTENT] > failures[ADD_PARTY]);
    assert_round_trip(&KIND, &c);
    catalogue_deinit(&c);
}

static bool empty(const void *x)
{
    const struct catalogue *c = x;
    return c->parties_n + c->contents_n + c->goods_n + c->services_n == 0;
}

static void a_load_without_memory_leaves_nothing(void **state)
{
    (void)state;
    struct catalogue c;
    uint32_t handle;
    fill(&c);
    for (int i = 0; i < 20 * ADDS; i++)
        assert_int_equal(add(&c, i % ADDS, i, &handle), HEED_OK);
    assert_true(assert_load_says_when_memory_is_out(&KIND, &c, empty) >= 10);
    catalogue_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_roles_have_names),
        cmocka_unit_test(owners_and_categories_follow_the_relations),
        cmocka_unit_test(an_id_stands_once_a_kind),
        cmocka_unit_test(a_full_table_takes_no_more),
        cmocka_unit_test(a_damaged_save_is_found_or_harmless),
        cmocka_unit_test(what_no_command_could_make_does_not_load),
        cmocka_unit_test(random_catalogues_come_back_as_they_were),
        cmocka_unit_test(a_loaded_catalogue_has_every_field),
        cmocka_unit_test_teardown(an_addition_without_memory_changes_nothing, memory_returns),
        cmocka_unit_test_teardown(a_load_without_memory_leaves_nothing, memory_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
