/* Pages for secrets: locked where the system allows, left out of core dumps, wiped before they are given back. */
#ifndef POUCH_CRYPTO_MEMORY_H
#define POUCH_CRYPTO_MEMORY_H

#include <stddef.h>

void *pl_secret_map(size_t n);           /* zeroed, page-aligned; NULL: out of memory */
void pl_secret_unmap(void *p, size_t n); /* the n of the call above; NULL allowed */

#endif
