/* What several answer: pouch request --gather. */
#ifndef POUCH_OPS_GATHER_H
#define POUCH_OPS_GATHER_H

#include <base/buf.h>
#include <ops/ops.h>

/* Asks, prints each answer as it comes, and at the end says who is missing. Gives the exit code. */
int ops_gather(const struct ops_call *call, pouch_client *client, pouch_dest *const to[], size_t n, size_t enough,
               const struct pl_buf *json);

#endif
