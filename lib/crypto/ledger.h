/*
 * A file of counts that only grow, shared by the processes of a host: a line `NAME COUNT`, 16 hex digits and 20 decimal
 * ones. It is locked for the moment of a change.
 */
#ifndef POUCH_CRYPTO_LEDGER_H
#define POUCH_CRYPTO_LEDGER_H

#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_LEDGER_NAME = 16, PL_LEDGER_MAX = 1024 }; /* lines of a file */

struct pl_ledger_line {
    char name[PL_LEDGER_NAME + 1];
    uint64_t add;   /* to what the file has; what is missing there begins at 0 */
    uint64_t count; /* then */
};

/*
 * Makes the file (mode 0600) and its folder when missing; where nothing is to be added, neither is made or written.
 * OVERLOADED: others hold the lock, try again later. STORE: it cannot be read or written, or is something else.
 * NO_MEMORY. After an error nothing was added, or all of it may have been.
 */
POUCH_MUST_CHECK pouch_err pl_ledger_add(const char *path, struct pl_ledger_line *all, size_t n);

#endif
