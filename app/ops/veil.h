/* Passwords that are part of a URL, kept from being shown. */
#ifndef POUCH_OPS_VEIL_H
#define POUCH_OPS_VEIL_H

#include <base/buf.h>

/*
 * Appends text with "***" in place of passwords: what is between ":" and "@" before a URL's host, and the values of
 * parameters that are called so. Text that is no URL stays as it is. NO_MEMORY, TOO_LARGE.
 */
POUCH_MUST_CHECK pouch_err ops_veil(struct pl_buf *out, const char *text);

#endif
