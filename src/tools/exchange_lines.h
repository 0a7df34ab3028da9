/* Lines of `heed exchange replay`: JSON Lines in, events out; and rows of LOBSTER files. */
#ifndef HEED_TOOLS_EXCHANGE_LINES_H
#define HEED_TOOLS_EXCHANGE_LINES_H

#include "base/intern.h"
#include "base/jsonl.h"
#include "circulation/exchange.h"
#include "tools/tools.h"

/* What a replay counts. */
struct replay {
    uint64_t messages, trades, executed, hidden, rejected, checked, exact;
    int64_t best_bid, best_ask; /* 0: none */
};

/* ── a line ── */

enum line_kind {
    LINE_ORDER, /* order is filled */
    LINE_TURN,
    LINE_TIME,
    LINE_ACCOUNT,
    LINE_SETTINGS,
};

struct line {
    enum line_kind kind;
    struct str op, id, account, owner; /* in the record; NULL: not given */
    int64_t time_ms, balance, items;   /* -1: not given */
    struct exchange_ask order;         /* but for its id and its account */
    struct exchange_turn turn;
    bool too_large; /* a number is beyond 64 bits: it can only be refused */
};

/* settings: changed by a line of settings; else not looked at. false: err says what is wrong. */
bool line_read(const struct jsonl_record *rec, struct exchange_settings *settings, struct line *out,
               struct heed_error *err);

/* ── events as lines ── */

struct event_names {
    const struct intern *ids; /* id_lo - 1 is the handle */
    bool times, fees;
};

/* One line without its end, in the form of the docs; false: this event is not told. */
bool event_line(const struct exchange_event *e, const struct event_names *n, struct strbuf *out);
/* The same order came again: nothing was done. */
bool repeat_line(struct str id, struct strbuf *out);
bool reject_line(struct str id, const char *reason, const char *message, uint64_t line,
                 struct strbuf *out);

/* ── the two forms ── */

struct replay_ask {
    const struct tool_ask *tool;
    const char *path, *book; /* book NULL: none */
    bool match, events;
    json_t *list; /* events go here when the caller takes no lines; else NULL */
    struct tool_warnings *warnings;
};
/* Errors: HEED_INPUT with the line; HEED_STORAGE: the caller does not take lines any more. */
HEED_MUST_CHECK enum heed_status replay_lines(const struct replay_ask *ask, struct replay *out,
                                              struct heed_error *err);
HEED_MUST_CHECK enum heed_status replay_lobster(const struct replay_ask *ask, struct replay *out,
                                                struct heed_error *err);
#endif
