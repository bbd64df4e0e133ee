/* Base64 for URLs (RFC 4648, section 5), without padding. Strict: one text for each row of bytes. */
#ifndef POUCH_AUTH_BASE64URL_H
#define POUCH_AUTH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTH_BASE64_CHARS(bytes) (((bytes)*4 + 2) / 3)

/* AUTH_BASE64_CHARS(n) characters, no NUL. */
void auth_base64_encode(char *out, const uint8_t *in, size_t n);

/*
 * How many bytes it was, at most n * 3 / 4. False: it is none, such as with a last character that has bits left over.
 */
bool auth_base64_decode(uint8_t *out, size_t *out_n, const char *in, size_t n);

#endif
