/*
 * Sealed envelopes in one go: plaintext to record value and back. The cipher text is made in
 * place inside the envelope's own hex field, so a message is touched once.
 */
#ifndef POUCH_WIRE_SEALED_H
#define POUCH_WIRE_SEALED_H

#include <base/buf.h>
#include <crypto/seal.h>
#include <wire/dialect.h>

struct pl_seal_to {
    struct pl_uuid id;
    const char *publisher; /* worker_name; NULL = absent, as all below */
    const char *reply_topic;
    const char *source_topic;
    size_t iv_bytes; /* 12 or 16 */
};

/* Bytes of the envelope for a plaintext of n bytes, at most: for checks before the work. */
size_t pl_sealed_size(const struct pl_seal_to *to, size_t n);

/*
 * Seals plain into out (reset first; out is not plain's buffer). Errors of pl_sealer_seal(), NO_MEMORY, TOO_LARGE
 * (out's ceiling).
 */
POUCH_MUST_CHECK pouch_err pl_sealed_write(struct pl_buf *out, struct pl_sealer *s, const struct pl_seal_to *to,
                                           const char *plain, size_t n);

/*
 * Opens e's data into plain (reset first, NUL-terminated). DECRYPT_FAILED, NO_MEMORY, TOO_LARGE; BAD_ENVELOPE when e is
 * a plain error.
 */
POUCH_MUST_CHECK pouch_err pl_sealed_open(struct pl_buf *plain, struct pl_sealer *s, const struct pl_envelope *e);

#endif
