/*
 * From a payload to a request that is stored: its key is claimed, its note is stored and found in the index, and then the
 * request itself is sent. So whoever is told of a request can ask for it, and with one key no two are sent.
 */
#include <async/state.h>
#include <base/why.h>
#include <crypto/random.h>
#include <metrics/metrics.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wire/dest.h>
#include <wire/sealed.h>

enum { FOR_HOPS = 4096, OWN_HEADERS = 2, DIGITS_MAX = 20 };

/* A request on its way to being stored. */
struct post {
    struct async *a;
    async_stored_fn *done;
    void *arg;
    struct async_note note;
    char id[37];
    bool is_sent; /* its note is stored; what is reported now is the request */
    struct pl_buf note_sealed, request_sealed;
    char *topic, *key; /* of the request's record; as all below, in `block` */
    size_t key_n;
    struct pl_header *headers;
    size_t n_headers;
    char deadline[DIGITS_MAX];
    void *block;
};

/* ---- its end ---- */

static void free_post(struct post *p) {
    pl_buf_free(&p->note_sealed);
    pl_buf_free(&p->request_sealed);
    free(p->block);
    free(p);
}

static void leave(struct async *a) {
    pthread_mutex_lock(&a->lock);
    a->open--;
    pl_metric_set(PL_M_ASYNC_OPEN, (int64_t)a->open);
    pl_wake_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

static void end(struct post *p, pouch_err e, const char *id, bool before) {
    struct async *a = p->a;
    if (!e) pl_metric_add(PL_M_ASYNC_REQUESTS, 1);
    p->done(e, e ? NULL : id, before, p->arg);
    free_post(p);
    leave(a);
}

static void ignore(pouch_err e, void *arg) {
    (void)e;
    async_errand_end(arg);
}

/* It has not been sent and never will be: its key may be used again. What cannot be taken back ends by its deadline. */
static void take_back(struct post *p) {
    const struct pl_header what = {ASYNC_HEADER, ASYNC_VOID, strlen(ASYNC_VOID)};
    const struct pl_record record = {.topic = p->a->topic,
                                     .key = p->id,
                                     .key_n = 36,
                                     .value = p->note_sealed.at,
                                     .value_n = p->note_sealed.len,
                                     .headers = &what,
                                     .n_headers = 1};
    pouch_err e = pl_producer_send(p->a->producer, &record);
    async_errand_begin(p->a);
    e = async_index_drop(&p->a->index, &p->note.id, p->note.has_key ? &p->note.key : NULL, ignore, p->a);
    if (e) async_errand_end(p->a);
}

static void fail(struct post *p, pouch_err e) {
    char why[512];
    snprintf(why, sizeof why, "%s", pouch_why());
    take_back(p);
    pl_why_set("%s", why);
    end(p, e, NULL, false);
}

static void end_closed(struct post *p) {
    end(p, pl_fail(POUCH_E_CLOSED, "the gateway is closing"), NULL, false);
}

/* ---- sending ---- */

static pouch_err send_request(struct post *p) {
    const struct pl_record record = {.topic = p->topic,
                                     .key = p->key,
                                     .key_n = p->key_n,
                                     .value = p->request_sealed.at,
                                     .value_n = p->request_sealed.len,
                                     .headers = p->headers,
                                     .n_headers = p->n_headers,
                                     .arg = p};
    p->is_sent = true;
    return pl_producer_send(p->a->producer, &record);
}

/* Where Redis is away the note comes into the index later, from the topic. */
static void noted(pouch_err e, void *arg) {
    struct post *p = arg;
    struct async *a = p->a;
    (void)e;
    if (async_has_ended(a))
        end_closed(p);
    else if ((e = send_request(p)))
        fail(p, e);
    async_errand_end(a);
}

static void note_stored(struct post *p) {
    const struct async_record record = {p->note.id, {p->note_sealed.at, p->note_sealed.len}, p->note.asked_ms};
    async_errand_begin(p->a);
    pouch_err e = async_index_note(&p->a->index, &record, p->note.has_key ? &p->note.key : NULL, noted, p);
    if (e) noted(e, p);
}

/* What may have been stored all the same is not taken back. */
void async_delivered(const struct pl_delivery *d, void *async) {
    struct post *p = d->arg;
    (void)async;
    if (!p) return;
    if (d->class == PL_KAFKA_OK) {
        if (p->is_sent)
            end(p, POUCH_OK, p->id, false);
        else
            note_stored(p);
        return;
    }
    pouch_err e = pl_kafka_fail(d->error, "writing to", d->topic);
    if (d->class == PL_KAFKA_PERMANENT)
        fail(p, e);
    else
        end(p, e, NULL, false);
}

static pouch_err send_note(struct post *p) {
    const struct pl_header what = {ASYNC_HEADER, ASYNC_NOTE, strlen(ASYNC_NOTE)};
    const struct pl_record record = {.topic = p->a->topic,
                                     .key = p->id,
                                     .key_n = 36,
                                     .value = p->note_sealed.at,
                                     .value_n = p->note_sealed.len,
                                     .headers = &what,
                                     .n_headers = 1,
                                     .arg = p};
    return pl_producer_send(p->a->producer, &record);
}

/* ---- the key ---- */

static pouch_err compare(struct post *p, const struct async_look *look, const struct pl_uuid *winner) {
    struct async_note before;
    if (!look->note.at)
        return pl_fail(POUCH_E_OVERLOADED, "the same is being asked at this moment; ask again in a moment");
    pouch_err e = async_open_note(p->a, look->note, winner, &before);
    if (e) return e;
    if (!strcmp(before.owner, p->note.owner) && !memcmp(&before.body, &p->note.body, sizeof before.body))
        return POUCH_OK;
    return pl_fail(POUCH_E_EXISTS, "this idempotency key has been used for another request: take a new one");
}

/* p->note.id is the winner's by now. */
static void met(pouch_err e, const struct async_look *look, void *arg) {
    struct post *p = arg;
    struct async *a = p->a;
    if (!e) e = compare(p, look, &p->note.id);
    end(p, e, p->id, true);
    async_errand_end(a);
}

static pouch_err meet(struct post *p, const struct pl_uuid *winner) {
    p->note.id = *winner;
    pl_uuid_format(p->id, winner);
    async_errand_begin(p->a);
    pouch_err e = async_index_find(&p->a->index, winner, met, p);
    if (e) async_errand_end(p->a);
    return e;
}

static void claimed(pouch_err e, const struct pl_uuid *winner, void *arg) {
    struct post *p = arg;
    struct async *a = p->a;
    if (!e && async_has_ended(a)) e = pl_fail(POUCH_E_CLOSED, "the gateway is closing");
    if (!e && !memcmp(winner, &p->note.id, sizeof *winner)) {
        e = send_note(p);
        if (e) take_back(p);
    } else if (!e) {
        e = meet(p, winner);
    }
    if (e) end(p, e, NULL, false);
    async_errand_end(a);
}

/* ---- making it ---- */

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

static pouch_err set_note(struct post *p, const struct async_ask *ask) {
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

static pouch_err seal_both(struct post *p, const struct async_ask *ask) {
    struct async *a = p->a;
    struct pl_sealer *sealer;
    struct pl_buf plain;
    size_t iv_bytes = (size_t)(ask->to->iv_bytes ? ask->to->iv_bytes : a->settings.iv_bytes);
    const struct pl_seal_to note = {.id = p->note.id, .iv_bytes = 12};
    const struct pl_seal_to request = {
        .id = p->note.id, .publisher = ask->to->publisher, .reply_topic = a->topic, .iv_bytes = iv_bytes};
    pouch_err e =
        pl_sealer_take(&sealer, a->ring, a->settings.over_limit_stop ? PL_OVER_LIMIT_STOP : PL_OVER_LIMIT_WARN);
    if (e) return e;
    pl_buf_init(&plain, SIZE_MAX / 2);
    e = async_note_write(&plain, &p->note);
    if (!e) e = pl_sealed_write(&p->note_sealed, sealer, &note, plain.at, plain.len);
    pl_buf_reset(&plain);
    if (!e) e = a->dialect->write_request(&plain, &p->note.id, ask->json, ask->n, p->note.asked_ms);
    if (!e) e = pl_sealed_write(&p->request_sealed, sealer, &request, plain.at, plain.len);
    pl_buf_wipe(&plain);
    pl_sealer_give(sealer);
    return e;
}

static void *put(char **at, const void *bytes, size_t n) {
    char *to = *at;
    if (n) memcpy(to, bytes, n);
    *at += n;
    return to;
}

/* The destination is the caller's: what the record needs of it is copied. */
static pouch_err copy_dest(struct post *p, const pouch_dest *to) {
    const char *topic = to->topic ? to->topic : p->a->settings.inbox;
    size_t n = (to->n_headers + OWN_HEADERS) * sizeof *p->headers + strlen(topic) + 1 + (to->key ? to->key_n : 36);
    for (size_t i = 0; i < to->n_headers; i++) n += strlen(to->headers[i].name) + 1 + to->headers[i].n;
    p->block = malloc(n);
    if (!p->block) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a request");
    p->headers = p->block;
    char *at = (char *)(p->headers + to->n_headers + OWN_HEADERS);
    p->topic = put(&at, topic, strlen(topic) + 1);
    p->key_n = to->key ? to->key_n : 36;
    p->key = put(&at, to->key ? to->key : p->id, p->key_n);
    for (; p->n_headers < to->n_headers; p->n_headers++) {
        const struct pl_header *h = &to->headers[p->n_headers];
        struct pl_header *copy = &p->headers[p->n_headers];
        copy->name = put(&at, h->name, strlen(h->name) + 1);
        copy->value = put(&at, h->value, h->n);
        copy->n = h->n;
    }
    char *end_of = pl_decimal_write(p->deadline, p->note.deadline_ms);
    p->headers[p->n_headers++] = (struct pl_header){PL_H_DEADLINE, p->deadline, (size_t)(end_of - p->deadline)};
    return POUCH_OK;
}

static pouch_err check(const struct post *p) {
    size_t limit = pl_producer_limit(p->a->producer), bytes = p->request_sealed.len + p->key_n + FOR_HOPS;
    for (size_t i = 0; i < p->n_headers; i++) bytes += PL_HEADER_BYTES + strlen(p->headers[i].name) + p->headers[i].n;
    if (bytes <= limit) return POUCH_OK;
    return pl_fail(POUCH_E_TOO_LARGE,
                   "the request makes a record of %zu bytes with what hops add, and %zu are allowed "
                   "(kafka.message.max.bytes): send less, or a reference to it",
                   bytes, limit);
}

static pouch_err make(struct post **out, struct async *a, const struct async_ask *ask) {
    if (!pl_json_valid(ask->json, ask->n))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the payload is not one JSON text in UTF-8");
    struct post *p = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a request");
    p->a = a;
    pl_buf_init(&p->note_sealed, SIZE_MAX / 2);
    pl_buf_init(&p->request_sealed, SIZE_MAX / 2);
    pouch_err e = set_note(p, ask);
    if (!e) e = seal_both(p, ask);
    if (!e) e = copy_dest(p, ask->to);
    if (!e) e = check(p);
    if (e)
        free_post(p);
    else
        *out = p;
    return e;
}

static pouch_err enter(struct async *a) {
    pthread_mutex_lock(&a->lock);
    pouch_err e = a->closed ? pl_fail(POUCH_E_CLOSED, "the gateway is closing")
                  : a->open >= ASYNC_OPEN_MOST
                      ? pl_fail(POUCH_E_OVERLOADED, "%d requests are being stored already", ASYNC_OPEN_MOST)
                      : POUCH_OK;
    if (!e) a->open++;
    pthread_mutex_unlock(&a->lock);
    return e;
}

static pouch_err begin(struct post *p) {
    if (!p->note.has_key) return send_note(p);
    async_errand_begin(p->a);
    pouch_err e = async_index_claim(&p->a->index, &p->note.key, &p->note.id, claimed, p);
    if (e) async_errand_end(p->a);
    return e;
}

static pouch_err post(struct async *a, const struct async_ask *ask, async_stored_fn *done, void *arg) {
    struct post *p = NULL;
    pouch_err e = make(&p, a, ask);
    if (e) return e;
    p->done = done;
    p->arg = arg;
    e = begin(p);
    if (e) free_post(p);
    return e;
}

pouch_err async_request(struct async *a, const struct async_ask *ask, async_stored_fn *done, void *arg) {
    if (ask->timeout_ms < 1 || ask->timeout_ms > a->index.retention_ms)
        return pl_fail(POUCH_E_CONFIG, "a timeout of %d ms: it is at most gateway.async_retention", ask->timeout_ms);
    pouch_err e = async_errand_enter(a);
    if (e) return e;
    e = enter(a);
    if (!e && (e = post(a, ask, done, arg))) leave(a);
    async_errand_end(a);
    return e;
}
