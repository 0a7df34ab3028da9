/* market_rules_parse over any bytes: it refuses with a place, or gives rules under which any trade
 * is decided without a unit made or lost. */
#include "circulation/rules_usage.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__extension__ typedef __int128 i128;

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check_decision(const struct market_rules *r, const struct market_trade *t)
{
    struct market_decision d;
    market_decide(r, NULL, t, &d);
    if (d.refused) {
        require(d.lines_n == 0 && d.buyer_minor == 0 && d.seller_minor == 0, "refused and charged");
        return;
    }
    bool trade = t->kind < MARKET_LISTING;
    i128 seller = trade ? d.gross_minor : 0, buyer = seller;
    for (uint32_t i = 0; i < d.lines_n; i++) {
        const struct market_line *l = &d.lines[i];
        require(l->minor > 0 && l->rule && l->line > 0, "a line");
        require(l->from.kind != l->to.kind || l->from.account != l->to.account, "to himself");
        require(l->to.kind != MARKET_ACCOUNT || l->to.account < r->accounts_n, "an account");
        seller += (l->to.kind == MARKET_SELLER ? l->minor : 0) -
                  (l->from.kind == MARKET_SELLER ? l->minor : 0);
        buyer += (l->from.kind == MARKET_BUYER ? l->minor : 0) -
                 (l->to.kind == MARKET_BUYER ? l->minor : 0);
    }
    require(seller == d.seller_minor && buyer == d.buyer_minor, "the sides are what the lines say");
    require(!trade || (seller >= 0 && buyer >= 0), "nobody gets less than nothing");
    require(!trade || !r->paid || buyer == (i128)t->unit_minor * t->quantity,
            "paid is what is paid");
}

static void warned(void *context, uint32_t line, const char *rule, const char *text)
{
    require(line > 0 && *rule && *text, "a warning");
    ++*(size_t *)context;
}

static void check(const struct market_rules *r)
{
    static const int64_t amounts[] = {0, 1, 99, 100, 12345, INT64_C(1) << 40, INT64_MAX};
    enum { N = sizeof amounts / sizeof *amounts };
    size_t warnings = 0;
    require(market_rules_check(r, warned, &warnings) == warnings, "warnings");
    for (int kind = 0; kind < MARKET_KINDS; kind++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                struct market_trade t = {
                    .kind = (enum market_kind)kind,
                    .class = r->classes_n > 0 ? str_of(r->classes[(i + j) % (int)r->classes_n].text)
                                              : STR(""),
                    .unit_minor = amounts[i],
                    .quantity = amounts[j],
                    .previous_minor = amounts[(i + j) % N],
                    .reference_minor = amounts[(i + 1) % N],
                    .base_fee_minor = r->base_fee.start_minor,
                    .seller = {.party = 1},
                    .buyer = {.party = 2},
                    .creator = j % 2 ? 3 : MARKET_NOBODY,
                    .affiliate = i % 2 ? 4 : MARKET_NOBODY,
                    .seller_is_maker = j % 2};
                check_decision(r, &t);
            }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct market_currency known[] = {
        {"coins", 0}, {"usd", 2}, {"isk", 2}, {"robux", 0}, {"fine", 9}};
    struct market_rules *r = malloc(sizeof *r);
    struct heed_error err = {0};
    require(r != NULL, "memory");
    enum heed_status status =
        market_rules_parse((struct str){(const char *)data, size}, "FILE", known, 5, r, &err);
    require(status == HEED_OK || status == HEED_INPUT, "status");
    require(status == err.status, "the error says what is returned");
    if (status == HEED_OK)
        check(r);
    else
        require(strncmp(err.where, "FILE", 4) == 0 && err.message[0], "where and message");
    free(r);
    return 0;
}
