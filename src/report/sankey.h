/* Money from faucets to sinks as a drawing: bands as thick as what flowed. */
#ifndef HEED_REPORT_SANKEY_H
#define HEED_REPORT_SANKEY_H

#include "report/page.h"

/* Net flows between places, and what each still holds. What left the shop for a sink is not drawn;
 * the table beside has every flow.                                                              */
void sankey(const struct page *p);
#endif
