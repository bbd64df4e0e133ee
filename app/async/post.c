/* Making a request: its note and its envelope, sealed, and all that its record needs. */
#include <async/post.h>
#include <base/why.h>
#include <crypto/random.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <wire/sealed.h>

enum { FOR_HOPS = 4096, OWN_HEADERS = 1 };

void async_post_free(struct async_post *p) {
    pl_buf_free(&p->note_sealed);
    pl_buf_free(&p->request_sealed);
    pl_buf_wipe(&p->json);
    free(p->block);
    free(p);
}

static bool hash(struct pl_uuid *out, const struct pl_span parts[], size_t n) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
    for (size_t i = 0; ok && i < n; i++) {
        uint64_t length = parts[i].n;
        ok = EVP_DigestUpdate(c, &length, sizeof length) &&
             EVP_DigestUpdate(c, parts[i].at ? parts[i].at : "", parts[i].n);
    }
    ok = ok && EVP_DigestFinal_ex(c, digest, NULL);
    EVP_MD_CTX_free(c);
    if (ok) memcpy(out->b, digest, sizeof out->b);
    return ok;
}

static struct pl_span span_of(const char *text) {
    return (struct pl_span){text, text ? strlen(text) : 0};
}

static pouch_err set_note(struct async_post *p, const struct async_ask *ask) {
    struct async_note *note = &p->note;
    const pouch_dest *to = ask->to;
    const struct pl_span body[] = {
        span_of(to->topic), span_of(to->publisher), {to->key, to->key_n}, {ask->json, ask->n}};
    const struct pl_span key[] = {span_of(ask->owner), span_of(ask->key)};
    if (strlen(ask->owner) > ASYNC_OWNER_MAX)
        return pl_fail(POUCH_E_CONFIG, "a name of more than %d characters", ASYNC_OWNER_MAX);
    strcpy(note->owner, ask->owner);
    note->asked_ms = pl_wall_ms(p->a->clock);
    note->deadline_ms = note->asked_ms + ask->timeout_ms;
    note->has_key = ask->key != NULL;
    pouch_err e = pl_random_uuid(&note->id);
    pl_uuid_format(p->id, &note->id);
    if (!e && (!hash(&note->body, body, 4) || !hash(&note->key, key, 2)))
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a hash");
    return e;
}

/* ---- sealing ---- */

static pouch_err take_sealer(const struct async *a, struct pl_sealer **sealer) {
    return pl_sealer_take(sealer, a->ring, a->settings.over_limit_stop ? PL_OVER_LIMIT_STOP : PL_OVER_LIMIT_WARN);
}

pouch_err async_post_seal_note(struct async_post *p, enum async_fate fate) {
    const struct pl_seal_to to = {.id = p->note.id, .iv_bytes = PL_IV_MIN};
    struct pl_sealer *sealer;
    struct pl_buf plain;
    pouch_err e = take_sealer(p->a, &sealer);
    if (e) return e;
    pl_buf_init(&plain, SIZE_MAX / 2);
    p->note.fate = fate;
    e = async_note_write(&plain, &p->note);
    if (!e) e = pl_sealed_write(&p->note_sealed, sealer, &to, plain.at, plain.len);
    pl_buf_wipe(&plain);
    pl_sealer_give(sealer);
    return e;
}

static pouch_err seal_request(struct async_post *p) {
    struct async *a = p->a;
    const struct pl_seal_to to = {
        .id = p->note.id, .publisher = p->publisher, .reply_topic = a->topic, .iv_bytes = p->iv_bytes};
    struct pl_sealer *sealer;
    struct pl_buf plain;
    pouch_err e = take_sealer(a, &sealer);
    if (e) return e;
    pl_buf_init(&plain, SIZE_MAX / 2);
    e = a->dialect->write_request(&plain, &p->note.id, p->json.at, p->json.len, p->note.asked_ms);
    if (!e) e = pl_sealed_write(&p->request_sealed, sealer, &to, plain.at, plain.len);
    pl_buf_wipe(&plain);
    pl_sealer_give(sealer);
    return e;
}

pouch_err async_post_seal(struct async_post *p) {
    pouch_err e = async_post_seal_note(p, ASYNC_ASKED);
    return e ? e : seal_request(p);
}

/* ---- making it ---- */

static void *put(char **at, const void *bytes, size_t n) {
    char *to = *at;
    if (n) memcpy(to, bytes, n);
    *at += n;
    return to;
}

/* What was given is the caller's: what is needed of it is copied. */
static pouch_err copy_dest(struct async_post *p, const pouch_dest *to) {
    const char *topic = to->topic ? to->topic : p->a->settings.inbox;
    size_t n = (to->n_headers + OWN_HEADERS) * sizeof *p->headers + strlen(topic) + 1 + to->key_n;
    if (to->publisher) n += strlen(to->publisher) + 1;
    for (size_t i = 0; i < to->n_headers; i++) n += strlen(to->headers[i].name) + 1 + to->headers[i].n;
    p->block = malloc(n);
    if (!p->block) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a request");
    p->headers = p->block;
    char *at = (char *)(p->headers + to->n_headers + OWN_HEADERS);
    p->topic = put(&at, topic, strlen(topic) + 1);
    if (to->publisher) p->publisher = put(&at, to->publisher, strlen(to->publisher) + 1);
    p->key = to->key ? put(&at, to->key, to->key_n) : p->id;
    p->key_n = to->key ? to->key_n : 36;
    for (; p->n_headers < to->n_headers; p->n_headers++) {
        const struct pl_header *h = &to->headers[p->n_headers];
        struct pl_header *copy = &p->headers[p->n_headers];
        copy->name = put(&at, h->name, strlen(h->name) + 1);
        copy->value = put(&at, h->value, h->n);
        copy->n = h->n;
    }
    char *end = pl_decimal_write(p->deadline, p->note.deadline_ms);
    p->headers[p->n_headers++] = (struct pl_header){PL_H_DEADLINE, p->deadline, (size_t)(end - p->deadline)};
    p->iv_bytes = (size_t)(to->iv_bytes ? to->iv_bytes : p->a->settings.iv_bytes);
    return POUCH_OK;
}

static pouch_err check(const struct async_post *p) {
    size_t limit = pl_producer_limit(p->a->producer), bytes = p->request_sealed.len + p->key_n + FOR_HOPS;
    for (size_t i = 0; i < p->n_headers; i++) bytes += PL_HEADER_BYTES + strlen(p->headers[i].name) + p->headers[i].n;
    if (bytes <= limit) return POUCH_OK;
    return pl_fail(POUCH_E_TOO_LARGE,
                   "the request makes a record of %zu bytes with what hops add, and %zu are allowed "
                   "(kafka.message.max.bytes): send less, or a reference to it",
                   bytes, limit);
}

/* Without a key it is sealed once, and the text is of no more use. */
static pouch_err fill(struct async_post *p, const struct async_ask *ask) {
    pouch_err e = set_note(p, ask);
    if (!e) e = copy_dest(p, ask->to);
    if (!e) e = pl_buf_append(&p->json, ask->json, ask->n);
    if (!e) e = async_post_seal(p);
    if (!e) e = check(p);
    if (!p->note.has_key) pl_buf_wipe(&p->json);
    return e;
}

pouch_err async_post_make(struct async_post **out, struct async *a, const struct async_ask *ask) {
    if (!pl_json_valid(ask->json, ask->n))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the payload is not one JSON text in UTF-8");
    struct async_post *p = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a request");
    p->a = a;
    pl_buf_init(&p->note_sealed, SIZE_MAX / 2);
    pl_buf_init(&p->request_sealed, SIZE_MAX / 2);
    pl_buf_init(&p->json, SIZE_MAX / 2);
    pouch_err e = fill(p, ask);
    if (e)
        async_post_free(p);
    else
        *out = p;
    return e;
}
