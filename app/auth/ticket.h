/*
 * Tickets: what EventSource, which cannot send a header, puts into its URL in place of a key. Sealed with a key that
 * all gateways derive from the ring they share, so that any of them takes it and none keeps a list. Inside the room.
 */
#ifndef POUCH_AUTH_TICKET_H
#define POUCH_AUTH_TICKET_H

#include <auth/who.h>
#include <base/buf.h>
#include <pouch/key.h>

struct auth_ticket {
    enum auth_kind kind;
    uint8_t id[AUTH_TICKET_ID_BYTES];
    int64_t until_ms;                  /* when it is no longer taken */
    int64_t expires_ms;                /* of whom it was given to; 0: never */
    uint8_t digest[AUTH_DIGEST_BYTES]; /* of their key, which must still be in the access file */
    char name[AUTH_NAME_MAX];
    char *scopes; /* of a token's, words; to be freed with free(). NULL: none */
};

/* Appends its text. TOO_LARGE: over AUTH_TICKET_MAX. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err auth_ticket_write(pouch_keyring *ring, const struct auth_ticket *t, struct pl_buf *out);

/* NOT_ALLOWED: no gateway with a key of this ring has made it. NO_MEMORY. Does not look at the time. */
POUCH_MUST_CHECK pouch_err auth_ticket_read(pouch_keyring *ring, const char *text, struct auth_ticket *t);
void auth_ticket_clear(struct auth_ticket *t);

#endif
