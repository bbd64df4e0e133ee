/*
 * Random bytes from the system's CSPRNG, drawn in blocks a thread (a call a message costs more
 * than the encryption). A block is used once, wiped as it is used, and never survives a fork:
 * it lies on a page with MADV_WIPEONFORK, and a count of forks is checked where the kernel has none.
 */
#ifndef POUCH_CRYPTO_RANDOM_H
#define POUCH_CRYPTO_RANDOM_H

#include <base/uuid.h>
#include <pouch/error.h>

POUCH_MUST_CHECK pouch_err pl_random(void *out, size_t n); /* n <= 256; NO_MEMORY: no random bytes to be had */
POUCH_MUST_CHECK pouch_err pl_random_uuid(struct pl_uuid *u);

#endif
