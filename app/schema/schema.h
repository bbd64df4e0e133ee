/*
 * Payloads checked against the schemas that a registry keeps for them, and carried in Confluent's wire format: a zero
 * byte, the schema's id in four bytes, big-endian, then Avro binary or JSON text.
 *
 * A registry is asked once for each schema; what it said is kept, and goes on being used for as long as it cannot be
 * asked again, however old. It may say that a payload is well, but only the newest may say that it is not: so a
 * registry that is down, slow or talks nonsense never makes a payload invalid.
 *
 * Any number of threads may use one handle. A call may block for as long as schema.timeout says, when nothing is
 * known of the subject or id yet; threads that want the same one wait for one call.
 */
#ifndef POUCH_SCHEMA_SCHEMA_H
#define POUCH_SCHEMA_SCHEMA_H

#include <base/buf.h>
#include <conf/settings.h>
#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

struct schema_set;

/* Talks to nobody yet. CONFIG: schema.registry is unset or is no URL. NO_MEMORY. s is not kept. */
POUCH_MUST_CHECK pouch_err schema_open(struct schema_set **set, const struct pl_settings *s);

/* No call may be under way. NULL is allowed. */
void schema_close(struct schema_set *set);

/*
 * Calls that wait for the registry, and those to come, end with CLOSED within a second. Any thread, also a signal
 * handler.
 */
void schema_stop(struct schema_set *set);

/*
 * Asks for the newest schema of the subject unless it is at hand. Ends as those below do where nothing is known of any
 * payload.
 */
POUCH_MUST_CHECK pouch_err schema_fetch(struct schema_set *set, const char *subject);

/*
 * How the three below end, with the reason in pouch_why(), which names places in the payload and never a value of it:
 *
 * POUCH_OK
 * INVALID_PAYLOAD   the payload is not JSON, or not as the schema says, which the registry has just said is the newest
 * UNCHECKED         the payload is not as the schema at hand says, and the registry cannot be asked whether that is the
 *                   newest; other payloads may be well
 * anything else     nothing is known of any payload, and trying again later may help: NO_RESPONDERS, TIMEOUT, CLOSED:
 *                   the registry cannot be asked, and nothing is kept; NOT_FOUND: it knows no such subject, or no such
 *                   id; NOT_ALLOWED: it wants another user; CONFIG: the schema is of a kind that is not supported;
 *                   NO_MEMORY
 */

/* Whether a payload, as JSON text, is as the newest schema of the subject says. For Avro: whether it can be encoded. */
POUCH_MUST_CHECK pouch_err schema_check(struct schema_set *set, const char *subject, const void *payload, size_t n);

/* Appends the payload in the wire format. TOO_LARGE: it passes out's ceiling. After an error out is as it was. */
POUCH_MUST_CHECK pouch_err schema_encode(struct schema_set *set, const char *subject, const void *payload, size_t n,
                                         struct pl_buf *out);

/*
 * Appends the payload of a framed message as JSON text, read and checked by the schema that it names. INVALID_PAYLOAD
 * also when it is not framed. *id gets the schema's; it may be NULL. TOO_LARGE, and after an error, as above.
 */
POUCH_MUST_CHECK pouch_err schema_decode(struct schema_set *set, const void *framed, size_t n, uint32_t *id,
                                         struct pl_buf *out);

/* The subject of a topic's values, "<topic>-value". Gives out; a longer topic than Kafka allows is cut. */
enum { SCHEMA_SUBJECT_MAX = 256 };
const char *schema_subject(const char *topic, char out[static SCHEMA_SUBJECT_MAX]);

#endif
