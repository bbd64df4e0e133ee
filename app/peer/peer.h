/* What other processes say of themselves at /statusz. */
#ifndef POUCH_PEER_PEER_H
#define POUCH_PEER_PEER_H

#include <json/json.h>
#include <stdatomic.h>

/*
 * The page of a process that is named by HOST:PORT or by the URL that its `--listen` logged. CONFIG: it is neither.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err peer_url(char **url, const char *name);

/*
 * Reads it. NO_RESPONDERS: nobody listens there; TIMEOUT, CLOSED; INVALID_PAYLOAD: something else listens there. stop
 * as http_get's. What it says is not to be trusted any further than its address.
 */
POUCH_MUST_CHECK pouch_err peer_status(json_t **status, const char *url, int timeout_ms, const atomic_bool *stop);

#endif
