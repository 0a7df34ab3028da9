#include "support_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

const struct market_currency rules_currencies_known[3] = {{"gold", 2}, {"coin", 0}, {"fine", 9}};

void rules_of_text(const char *lists, struct market_rules *out)
{
    struct strbuf text;
    struct heed_error err = {0};
    strbuf_init(&text, SIZE_MAX);
    assert_true(strbuf_puts(&text, "market:") && strbuf_puts(&text, *lists == '{' ? " " : "\n") &&
                strbuf_puts(&text, lists));
    if (market_rules_parse((struct str){text.p, text.n}, "m.yaml", rules_currencies_known, 3, out,
                           &err) != HEED_OK)
        fail_msg("%s\nrefused: %s: %s", text.p, err.where, err.message);
    strbuf_deinit(&text);
}

struct market_trade rules_trade(enum market_kind kind, const char *class, int64_t unit_minor,
                                int64_t quantity)
{
    return (struct market_trade){.kind = kind,
                                 .class = str_of(class),
                                 .item = 7,
                                 .unit_minor = unit_minor,
                                 .quantity = quantity,
                                 .time_ms = 1000000,
                                 .seller = {.party = RULES_ANN, .roles = 128},
                                 .buyer = {.party = RULES_BEN, .roles = 128},
                                 .creator = RULES_CAT,
                                 .affiliate = MARKET_NOBODY,
                                 .seller_is_maker = true};
}

void rules_assert_conserved(const struct market_trade *t, const struct market_decision *d)
{
    __extension__ typedef __int128 i128;
    bool trade = t->kind != MARKET_LISTING && t->kind != MARKET_RELIST;
    i128 seller = trade ? d->gross_minor : 0, buyer = seller, others = 0;
    for (uint32_t i = 0; i < d->lines_n; i++) {
        const struct market_line *l = &d->lines[i];
        assert_true(l->minor > 0 && l->rule);
        seller += l->to.kind == MARKET_SELLER ? l->minor : 0;
        seller -= l->from.kind == MARKET_SELLER ? l->minor : 0;
        buyer += l->from.kind == MARKET_BUYER ? l->minor : 0;
        buyer -= l->to.kind == MARKET_BUYER ? l->minor : 0;
        others += l->to.kind != MARKET_SELLER && l->to.kind != MARKET_BUYER ? l->minor : 0;
        others -= l->from.kind != MARKET_SELLER && l->from.kind != MARKET_BUYER ? l->minor : 0;
    }
    assert_true(seller == d->seller_minor);
    assert_true(buyer == d->buyer_minor);
    assert_true(buyer == seller + others);
}
