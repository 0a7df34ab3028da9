/* Money from faucets to sinks as a drawing: bands as thick as what flowed. */
#ifndef HEED_REPORT_SANKEY_H
#define HEED_REPORT_SANKEY_H

#include "report/page.h"

/* Net flows between places, and what each still holds; money that came back is taken off.       */
void sankey(const struct page *p);
#endif
