/* What the files of auctions share. */
#ifndef HEED_AUCTIONS_PARTS_H
#define HEED_AUCTIONS_PARTS_H

#include "circulation/auctions.h"

/* An auction that is in its place runs; a command has been done. false: no memory. */
bool auctions_run(struct auctions *s, uint32_t lot);
bool auctions_know(struct auctions *s, const struct auction_done *done);
#endif
