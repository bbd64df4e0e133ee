/* How far the members of groups in this process are behind, among the metrics. Inside the room. */
#ifndef POUCH_BUS_LAG_H
#define POUCH_BUS_LAG_H

#include <bus/status.h>

/* What s says from now on is shown; it must not move until it is hidden. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_lag_show(struct pl_status *s);
void pl_lag_hide(struct pl_status *s);

#endif
