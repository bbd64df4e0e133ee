/* What a gateway tells the others of itself. */
#ifndef POUCH_GATEWAY_HISTORY_H
#define POUCH_GATEWAY_HISTORY_H

#include <gateway/state.h>

json_t *gateway_facts(void *gateway); /* a share_facts_fn: any thread, while the parts are there */

#endif
