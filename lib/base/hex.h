/* Hexadecimal: fast for data, constant-time for keys. */
#ifndef POUCH_BASE_HEX_H
#define POUCH_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes 2n lower-case digits, no NUL. in may be the upper half of out (in == out + n, the
 * place where the cipher left its text): each byte is read before its digits are written.
 */
void pl_hex_encode(char *out, const uint8_t *in, size_t n);

/* To the first byte that is no digit of either case, or to end. */
const char *pl_hex_skip(const char *at, const char *end);

/*
 * Reads n bytes from 2n digits of either case; false when one is no digit (out is then undefined). out may be in
 * itself.
 */
bool pl_hex_decode(uint8_t *out, const char *in, size_t n);

/* The same without a branch or a table look-up that depends on the digits, for secrets. */
bool pl_hex_decode_secret(uint8_t *out, const char *in, size_t n);

#endif
