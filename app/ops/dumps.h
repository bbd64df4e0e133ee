/* Core dumps of this program would hold keys, and payloads in clear. */
#ifndef POUCH_OPS_DUMPS_H
#define POUCH_OPS_DUMPS_H

#include <stdbool.h>

/*
 * No core dump of this process from now on, nor of the handlers that it starts; and no other process of the user may
 * read its memory. false: the system refuses.
 */
bool ops_forbid_dumps(void);

#endif
