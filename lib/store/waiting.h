/*
 * Rows that wait in the spools of this host until their store takes them: queries of the store do not show them, and
 * can tell so. Looks at the files and changes nothing; the processes whose they are go on meanwhile.
 */
#ifndef POUCH_STORE_WAITING_H
#define POUCH_STORE_WAITING_H

#include <stdint.h>

struct pl_waiting {
    uint64_t rows;    /* that wait */
    uint64_t missing; /* that are lost, of which the store will only be told */
    int64_t to_us;    /* when the last of them began */
    char *folder;     /* where they are; NULL: nowhere */
};

/*
 * Counts what waits for the store of that URL and began in the span, to 128 KiB of rows. To be asked before the store
 * is: what comes to the store in between is then counted and shown, rather than neither. spool: the setting
 * trace.spool, NULL when unset. What cannot be found or read, such as that of another user, counts as nothing.
 */
void pl_waiting_count(struct pl_waiting *w, const char *url, const char *spool, int64_t since_us, int64_t until_us);
void pl_waiting_free(struct pl_waiting *w);

#endif
