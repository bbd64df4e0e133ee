#include <base/hex.h>
#include <base/why.h>
#include <string.h>
#include <wire/sealed.h>

#define ALL_MEMBERS                                                                                         \
    "{\"request_id\":\"\",\"worker_name\":\"\",\"data\":\"\",\"iv\":\"\",\"tag\":\"\",\"replyTopic\":\"\"," \
    "\"source_topic\":\"\",\"kid\":\"\"}"

/* An envelope without data and names. */
enum { FIXED_BYTES = sizeof ALL_MEMBERS + 36 + 2 * PL_IV_MAX + 2 * PL_TAG_BYTES + PL_KID_MAX };

static size_t length_of(const char *name) {
    return name ? strlen(name) : 0;
}

size_t pl_sealed_size(const struct pl_seal_to *to, size_t n) {
    return FIXED_BYTES + length_of(to->publisher) + length_of(to->reply_topic) + length_of(to->source_topic) + 2 * n;
}

/* The writers below have room: pl_sealed_size() was reserved. */
static char *write_bytes(char *out, const char *text, size_t n) {
    memcpy(out, text, n);
    return out + n;
}
#define WRITE_TEXT(out, text) write_bytes((out), "" text, sizeof text - 1)

static char *write_name(char *out, const char *member, size_t member_n, const char *name) {
    if (!name || !*name) return out;
    out = write_bytes(out, member, member_n);
    out = write_bytes(out, name, strlen(name));
    *out++ = '"';
    return out;
}
#define WRITE_NAME(out, member, name) write_name((out), ",\"" member "\":\"", sizeof member + 5 - 1, (name))

static char *write_hex(char *out, const uint8_t *bytes, size_t n) {
    pl_hex_encode(out, bytes, n);
    return out + 2 * n;
}

pouch_err pl_sealed_write(struct pl_buf *out, struct pl_sealer *s, const struct pl_seal_to *to, const char *plain,
                          size_t n) {
    uint8_t iv[PL_IV_MAX], tag[PL_TAG_BYTES];
    const char *kid;
    pl_buf_reset(out);
    pouch_err e = pl_buf_reserve(out, pl_sealed_size(to, n));
    if (e) return e;

    char *at = WRITE_TEXT(out->at, "{\"request_id\":\"");
    pl_uuid_format(at, &to->id);
    at = WRITE_TEXT(at + 36, "\"");
    at = WRITE_NAME(at, "worker_name", to->publisher);
    at = WRITE_TEXT(at, ",\"data\":\"");
    /* The cipher text goes where its hex will end, so that the digits can be written over it from the front. */
    uint8_t *cipher = (uint8_t *)at + n;
    e = pl_sealer_seal(s, (const uint8_t *)plain, n, cipher, iv, to->iv_bytes, tag, &kid);
    if (e) return e;
    at = write_hex(at, cipher, n);
    at = WRITE_TEXT(at, "\",\"iv\":\"");
    at = write_hex(at, iv, to->iv_bytes);
    at = WRITE_TEXT(at, "\",\"tag\":\"");
    at = write_hex(at, tag, sizeof tag);
    *at++ = '"';
    at = WRITE_NAME(at, "replyTopic", to->reply_topic);
    at = WRITE_NAME(at, "source_topic", to->source_topic);
    at = WRITE_NAME(at, "kid", kid);
    *at++ = '}';
    *at = 0;
    out->len = (size_t)(at - out->at);
    return POUCH_OK;
}

pouch_err pl_sealed_open(struct pl_buf *plain, struct pl_sealer *s, const struct pl_envelope *e) {
    pl_buf_reset(plain);
    if (!e->data.at) return pl_fail(POUCH_E_BAD_ENVELOPE, "the envelope is an error in clear: nothing is sealed in it");
    size_t n = e->data.n / 2, iv_n = e->iv.n / 2;
    uint8_t iv[PL_IV_MAX], tag[PL_TAG_BYTES];
    pouch_err err = pl_buf_reserve(plain, 2 * n);
    if (err) return err;

    /* The plaintext goes to the front and leaves the cipher text alone, as several keys may be tried on it. */
    uint8_t *out = (uint8_t *)plain->at, *cipher = out + n;
    if (!pl_hex_decode(cipher, e->data.at, n) || !pl_hex_decode(iv, e->iv.at, iv_n) ||
        !pl_hex_decode(tag, e->tag.at, sizeof tag))
        return pl_fail(POUCH_E_BAD_ENVELOPE, "the envelope was not scanned");
    err = pl_sealer_open(s, e->kid.at, e->kid.n, iv, iv_n, tag, cipher, n, out);
    if (err) return err;
    plain->len = n;
    plain->at[n] = 0;
    return POUCH_OK;
}
