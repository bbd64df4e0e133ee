/*
 * Envelopes without any I/O: seal and open one, for tools, tests and other transports. Any
 * thread. The settings crypto.iv_bytes and crypto.over_limit are those of the environment at
 * the first call, as there are no options to take them from.
 */
#ifndef POUCH_ENVELOPE_H
#define POUCH_ENVELOPE_H

#include <pouch/dest.h>
#include <pouch/key.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Seals the JSON text (json, n) into a request envelope with a fresh request id.
 *
 * to: its publisher goes into worker_name and its IV length is used; NULL for neither.
 * reply_topic: goes into replyTopic; NULL for none. request_id, when not NULL, gets the id.
 * *envelope is the caller's, freed with pouch_free(); it ends in a NUL that envelope_n does not count.
 * INVALID_PAYLOAD: not one JSON text in UTF-8. TOO_LARGE: over 512 MiB. CONFIG: reply_topic is no
 * topic name, or the key is over its limit with crypto.over_limit = stop. NO_MEMORY.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_seal(pouch_keyring *ring, const pouch_dest *to, const char *reply_topic,
                                                const void *json, size_t n, char request_id[37], char **envelope,
                                                size_t *envelope_n);

/*
 * Opens an envelope of either direction: *json is the request's payload, or the whole reply
 * plaintext. It is the caller's, freed (and wiped) with pouch_free(), and ends in a NUL that
 * json_n does not count. request_id, when not NULL, gets the outer id.
 * BAD_ENVELOPE: malformed; DECRYPT_FAILED: no key of the ring opens it, or it was altered. NO_MEMORY.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_open(pouch_keyring *ring, const void *envelope, size_t n,
                                                char request_id[37], char **json, size_t *json_n);

/* Wipes and frees what pouch_seal(), pouch_open() or pouch_metrics_text() gave. NULL is allowed. */
POUCH_API void pouch_free(void *p);

#ifdef __cplusplus
}
#endif
#endif
