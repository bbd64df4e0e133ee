#include <base/buf.h>
#include <base/why.h>
#include <crypto/random.h>
#include <malloc.h>
#include <pouch/envelope.h>
#include <pouch/options.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <wire/dest.h>
#include <wire/dialect.h>
#include <wire/sealed.h>

enum { PLAIN_MAX = 512 << 20 };

/* What these calls take from the environment, as it was at the first of them: they have no options of their own. */
static struct {
    enum pl_over_limit over;
    size_t iv_bytes;
} settings = {PL_OVER_LIMIT_WARN, 16};

static void read_settings(void) {
    pouch_options *o = pouch_options_new();
    if (!o) return;
    const char *over = pouch_options_get(o, "crypto.over_limit");
    if (over && !strcmp(over, "stop")) settings.over = PL_OVER_LIMIT_STOP;
    const char *iv_bytes = pouch_options_get(o, "crypto.iv_bytes");
    if (iv_bytes && !strcmp(iv_bytes, "12")) settings.iv_bytes = 12;
    pouch_options_free(o);
}

static pouch_err take_sealer(struct pl_sealer **s, pouch_keyring *ring) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_settings);
    return pl_sealer_take(s, ring, settings.over);
}

/* Room for an envelope around PLAIN_MAX bytes. */
static const size_t envelope_max = 2 * (size_t)PLAIN_MAX + 4096;

static pouch_err check_seal(const char *reply_topic, const void *json, size_t n) {
    if (n > PLAIN_MAX) return pl_fail(POUCH_E_TOO_LARGE, "a payload over 512 MiB cannot be sealed");
    if (!pl_json_valid(json, n)) return pl_fail(POUCH_E_INVALID_PAYLOAD, "the payload is not one JSON text in UTF-8");
    if (reply_topic && !pl_name_valid(reply_topic, strnlen(reply_topic, PL_NAME_MAX + 1)))
        return pl_fail(POUCH_E_CONFIG, "the reply topic is not 1 to %d characters of A-Z a-z 0-9 . _ -", PL_NAME_MAX);
    return POUCH_OK;
}

pouch_err pouch_seal(pouch_keyring *ring, const pouch_dest *to, const char *reply_topic, const void *json, size_t n,
                     char request_id[37], char **envelope, size_t *envelope_n) {
    pouch_err e = check_seal(reply_topic, json, n);
    struct pl_seal_to head = {.publisher = to ? to->publisher : NULL, .reply_topic = reply_topic};
    struct pl_sealer *s;
    if (!e) e = pl_random_uuid(&head.id);
    if (!e) e = take_sealer(&s, ring);
    if (e) return e;

    struct pl_buf out;
    pl_buf_init(&out, envelope_max);
    head.iv_bytes = to && to->iv_bytes ? (size_t)to->iv_bytes : settings.iv_bytes;
    e = pl_sealed_write(&out, s, &head, json, n);
    pl_sealer_give(s);
    if (e) {
        pl_buf_free(&out);
        return e;
    }
    if (request_id) pl_uuid_format(request_id, &head.id);
    *envelope = pl_buf_take(&out, envelope_n);
    return POUCH_OK;
}

pouch_err pouch_open(pouch_keyring *ring, const void *envelope, size_t n, char request_id[37], char **json,
                     size_t *json_n) {
    struct pl_envelope scanned;
    struct pl_sealer *s;
    pouch_err e = pl_envelope_scan(&scanned, envelope, n);
    if (!e) e = take_sealer(&s, ring);
    if (e) return e;

    struct pl_buf plain;
    pl_buf_init(&plain, envelope_max);
    e = pl_sealed_open(&plain, s, &scanned);
    pl_sealer_give(s);
    if (e) {
        pl_buf_wipe(&plain);
        return e;
    }
    if (request_id) pl_uuid_format(request_id, &scanned.id);
    *json = pl_buf_take(&plain, json_n);
    return POUCH_OK;
}

void pouch_free(void *p) {
    if (!p) return;
    explicit_bzero(p, malloc_usable_size(p));
    free(p);
}
