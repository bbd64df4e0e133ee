/* Where the spool of a store is. Inside the room. */
#ifndef POUCH_STORE_SPOOL_PLACE_H
#define POUCH_STORE_SPOOL_PLACE_H

#include <store/spool_file.h>

/*
 * spool: the setting trace.spool; NULL: beside the store, or where it would be if it were on this host. Makes nothing.
 * p->folder is from malloc. CONFIG: no store this program knows, or no such place. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_spool_place_find(struct pl_spool_place *p, const char *url, const char *spool);

#endif
