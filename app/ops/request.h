/* What pouch request and send share with what they call. */
#ifndef POUCH_OPS_REQUEST_H
#define POUCH_OPS_REQUEST_H

#include <base/buf.h>
#include <ops/ops.h>

enum { OPS_PAYLOAD_MAX = 64 * 1024 * 1024 };

/* What stands in the argument or, for "-", the input. */
POUCH_MUST_CHECK pouch_err ops_payload(const char *argument, struct pl_buf *out);

/* The headers and the key that the flags -H and --key give to what goes there. CONFIG. */
POUCH_MUST_CHECK pouch_err ops_dress(const struct ops_call *call, pouch_dest *to);

/* plain.c: pouch send --plain. Gives the exit code. */
int ops_send_plain(struct ops_call *call);

#endif
