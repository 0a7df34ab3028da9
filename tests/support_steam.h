/* The Steam data, for tests that need it: from the data folder, HEED_DATA or ../shared/data beside
 * the repository. Without it the test is skipped, by name. */
#ifndef HEED_SUPPORT_STEAM_H
#define HEED_SUPPORT_STEAM_H

#include "allocation/interactions.h"
#include "base/csv.h"

/* A member of the archive behind its header; the caller closes both.                             */
struct csv *steam_member(const char *name, struct reader **reader);

void read_steam_purchases(struct interactions *log);
#endif
