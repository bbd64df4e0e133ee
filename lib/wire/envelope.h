/*
 * The envelope on the wire (docs/wire-format.md): one JSON object, read at its top level only,
 * in one pass, without allocating. No I/O, no keys.
 */
#ifndef POUCH_WIRE_ENVELOPE_H
#define POUCH_WIRE_ENVELOPE_H

#include <base/uuid.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_NAME_MAX = 249, PL_DEPTH_MAX = 64, PL_MEMBERS_MAX = 64 };

/* A piece of the text that was scanned; borrowed. at is NULL when the member is absent. */
struct pl_span {
    const char *at;
    size_t n;
};

struct pl_envelope {
    struct pl_span request_id;    /* always there: 36 characters of a uuid */
    struct pl_span worker_name;   /* publisher */
    struct pl_span data, iv, tag; /* hex digits, checked, even; all three or none */
    struct pl_span reply_topic;
    struct pl_span source_topic;
    struct pl_span kid;
    struct pl_span error_code;    /* of a plain error: present instead of data, iv and tag */
    struct pl_span error_message; /* raw JSON string contents, escapes and all; pl_json_unescape() reads it */
    struct pl_span source_value;  /* source_topic's whole value: its quotes too, or null */
    size_t members;               /* in all, the unknown ones included */
    struct pl_uuid id;            /* request_id as bytes */
};

/*
 * Scans n bytes. BAD_ENVELOPE, with pouch_why() naming the member and the byte offset, for: not
 * one JSON object, bad UTF-8, a duplicate name (compared unescaped), depth > PL_DEPTH_MAX, more
 * than PL_MEMBERS_MAX members, a known member of the wrong type or with an escape in it, a
 * request_id that is no uuid, a name outside [A-Za-z0-9._-]{1,249}, IV not of 12..16 bytes, tag
 * not of 16, only some of data/iv/tag, neither those nor error.
 * On failure *e still holds what had been read soundly by then (request_id and reply_topic
 * matter: with both the sender can be told), the rest is zero.
 */
POUCH_MUST_CHECK pouch_err pl_envelope_scan(struct pl_envelope *e, const void *text, size_t n);

/*
 * Appends the n bytes that *e was scanned from, source_topic being topic, a valid name: a value that is
 * there is replaced, else the member comes last; all other bytes stay as they are. TOO_LARGE, NO_MEMORY;
 * BAD_ENVELOPE: there is no room for one more member.
 */
struct pl_buf;
POUCH_MUST_CHECK pouch_err pl_envelope_set_source(struct pl_buf *out, const struct pl_envelope *e, const void *text,
                                                  size_t n, const char *topic);

/* True when n bytes are exactly one JSON text (RFC 8259) in UTF-8, of depth <= 512; no allocation. */
bool pl_json_valid(const void *text, size_t n);

/* [A-Za-z0-9._-]{1,249}, and neither "." nor ".." : what Kafka takes as a topic name; publishers use the same. */
bool pl_name_valid(const char *name, size_t n);

/*
 * Writes JSON string contents (no quotes): escapes what must be, replaces bad UTF-8 by U+FFFD. out holds 6n + 1;
 * returns the length.
 */
size_t pl_json_escape(char *out, const char *in, size_t n);

/*
 * The reverse, for contents that were scanned; lone surrogates become U+FFFD. out holds n + 1, may be in; returns the
 * length, NUL-terminated.
 */
size_t pl_json_unescape(char *out, const char *in, size_t n);

/*
 * The envelope that a party without the key writes to report an error. message is cut at 1 KiB.
 * out is reset first. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_envelope_write_error(struct pl_buf *out, const struct pl_uuid *id, pouch_err code,
                                                   const char *message);

/* Whether a keyless party may report this code (design: never what only the handler can know). */
bool pl_error_may_be_plain(pouch_err code);

/* The error of a wire code, or POUCH_OK when there is none of that name. */
pouch_err pl_error_from_code(const char *code, size_t n);

#endif
