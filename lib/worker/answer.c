/* The records that end a job, made at a desk: answers, errors, and requests passed on. Any thread. */
#include <base/why.h>
#include <letter/retry.h>
#include <stdio.h>
#include <string.h>
#include <wire/dest.h>
#include <wire/sealed.h>
#include <worker/worker.h>

/* What later hops may add to a record that is passed on. */
enum { HOPS_ADD_BYTES = 4096 };

/* Of what a handler said, in a dead letter: sealed, that is some 2.5 KiB of a header. */
enum { WORDS_MAX = 1024 };

enum { HOP_BYTES = 12 };

static pouch_err check_size(const struct pl_parcel *p, size_t most) {
    size_t n = pl_parcel_size(p);
    if (n <= most) return POUCH_OK;
    return pl_fail(POUCH_E_TOO_LARGE,
                   "sealed, it is a record of %zu bytes, and %zu are allowed (kafka.message.max.bytes); hex doubles a "
                   "payload: send less, or a reference to it",
                   n, most);
}

/* The requester's own words about this request go back with the answer. */
static pouch_err echo_headers(const struct pouch_job *j, struct pl_headers *out) {
    static const char *const echoed[] = {PL_H_TARGET, PL_H_FANOUT, PL_H_TRACEPARENT, PL_H_TRACESTATE};
    for (size_t i = 0; i < sizeof echoed / sizeof echoed[0]; i++) {
        const struct pl_header *h = pl_headers_find(&j->headers, echoed[i]);
        pouch_err e = h ? pl_headers_add(out, h->name, h->value, h->n) : POUCH_OK;
        if (e) return e;
    }
    return POUCH_OK;
}

/* Where several groups may answer one request, the requester wants to tell them apart. */
static pouch_err name_responder(const struct pouch_job *j, struct pl_headers *out) {
    const struct pl_header *h = pl_headers_find(&j->headers, PL_H_REPLY);
    if (!h || h->n != 5 || memcmp(h->value, "named", 5)) return POUCH_OK;
    return pl_headers_add(out, PL_H_RESPONDER, j->worker->group_id, strlen(j->worker->group_id));
}

static pouch_err address_answer(const struct pouch_job *j, struct pl_parcel *p) {
    p->topic = j->reply_topic;
    p->key = j->request_id;
    p->key_n = strlen(j->request_id);
    p->goes = PL_ANYWHERE;
    pouch_err e = echo_headers(j, &p->headers);
    if (!e) e = name_responder(j, &p->headers);
    return e ? e : check_size(p, j->worker->record_max);
}

static pouch_err seal(const struct pouch_job *j, struct pl_desk *desk, const struct pl_reply_text *reply) {
    const struct pl_seal_to to = {.id = j->id, .iv_bytes = j->iv_bytes};
    pouch_err e = pl_dialect_splp.write_reply(&desk->plain, reply);
    return e ? e : pl_sealed_write(&desk->parcel.value, desk->sealer, &to, desk->plain.at, desk->plain.len);
}

static pouch_err seal_reply(const struct pouch_job *j, struct pl_desk *desk, const struct pl_reply_text *reply) {
    pouch_err e = seal(j, desk, reply);
    return e ? e : address_answer(j, &desk->parcel);
}

pouch_err pl_answer_reply(const struct pouch_job *j, struct pl_desk *desk, const void *json, size_t n) {
    const struct pl_reply_text reply = {
        .id = j->id, .payload = {json, n}, .timestamp = pl_wall_ms(j->worker->clock), .success = true};
    return seal_reply(j, desk, &reply);
}

static struct pl_reply_text error_text(const struct pouch_job *j, pouch_err code, const char *text, size_t n) {
    const char *name = pouch_err_code(code);
    return (struct pl_reply_text){
        .id = j->id, .timestamp = pl_wall_ms(j->worker->clock), .error = {text, n}, .code = {name, strlen(name)}};
}

pouch_err pl_answer_error(const struct pouch_job *j, struct pl_desk *desk, pouch_err code, const char *text) {
    const struct pl_reply_text reply = error_text(j, code, text, strnlen(text, PL_ERROR_TEXT_MAX));
    return seal_reply(j, desk, &reply);
}

pouch_err pl_answer_words(const struct pouch_job *j, struct pl_desk *desk) {
    const struct pl_reply_text reply = error_text(j, j->code, j->text.at, strnlen(j->text.at, WORDS_MAX));
    return seal(j, desk, &reply);
}

pouch_err pl_answer_plain_error(const struct pouch_job *j, struct pl_desk *desk, pouch_err code, const char *text) {
    pouch_err e = pl_envelope_write_error(&desk->parcel.value, &j->id, code, text);
    return e ? e : address_answer(j, &desk->parcel);
}

pouch_err pl_answer_again(const struct pouch_job *j, struct pl_desk *desk, const void *reply, size_t n) {
    pouch_err e = pl_buf_append(&desk->parcel.value, reply, n);
    return e ? e : address_answer(j, &desk->parcel);
}

/* What the record's own text must hold: all that belongs to the handler's dest, or is made here. */
static size_t texts_size(const pouch_dest *next) {
    size_t n = PL_NAME_MAX + 1 + next->key_n + 1 + HOP_BYTES;
    for (size_t i = 0; i < next->n_headers; i++) n += strlen(next->headers[i].name) + 1 + next->headers[i].n + 1;
    return n;
}

static bool dest_has(const pouch_dest *next, const char *name) {
    for (size_t i = 0; i < next->n_headers; i++)
        if (!strcmp(next->headers[i].name, name)) return true;
    return false;
}

/* The next service begins to count its tries anew. */
static bool tells_of_here(const char *name) {
    return !strcmp(name, PL_H_HOP) || !strcmp(name, PL_H_SOURCE) || !strncmp(name, PL_H_RETRY, sizeof PL_H_RETRY - 1);
}

/* The request's headers in order, but for those that tell of one hop and those that the dest sets anew. */
static pouch_err pass_headers(const struct pouch_job *j, const pouch_dest *next, struct pl_headers *out) {
    for (size_t i = 0; i < j->headers.n; i++) {
        const struct pl_header *h = &j->headers.at[i];
        if (tells_of_here(h->name) || dest_has(next, h->name)) continue;
        pouch_err e = pl_headers_add(out, h->name, h->value, h->n);
        if (e) return e;
    }
    return POUCH_OK;
}

static pouch_err add_headers(const struct pouch_job *j, const pouch_dest *next, struct pl_parcel *p) {
    char hop[HOP_BYTES];
    int hop_n = snprintf(hop, sizeof hop, "%d", j->hop + 1);
    pouch_err e = pass_headers(j, next, &p->headers);
    for (size_t i = 0; !e && i < next->n_headers; i++) {
        const struct pl_header *h = &next->headers[i];
        const char *name = pl_buf_keep(&p->text, h->name, strlen(h->name));
        e = pl_headers_add(&p->headers, name, pl_buf_keep(&p->text, h->value, h->n), h->n);
    }
    if (!e) e = pl_headers_add(&p->headers, PL_H_HOP, pl_buf_keep(&p->text, hop, (size_t)hop_n), (size_t)hop_n);
    return e ? e : pl_headers_add(&p->headers, PL_H_SOURCE, j->source, strlen(j->source));
}

static pouch_err address_next(const struct pouch_job *j, const pouch_dest *next, struct pl_parcel *p) {
    const char *topic = next->publisher ? j->worker->settings.inbox : next->topic;
    pouch_err e = pl_buf_reserve(&p->text, texts_size(next));
    if (e) return e;
    p->topic = pl_buf_keep(&p->text, topic, strlen(topic));
    p->key = next->key ? pl_buf_keep(&p->text, next->key, next->key_n) : j->request_id;
    p->key_n = next->key ? next->key_n : strlen(j->request_id);
    e = add_headers(j, next, p);
    return e ? e : check_size(p, j->worker->record_max - HOPS_ADD_BYTES);
}

pouch_err pl_answer_pass_on(const struct pouch_job *j, struct pl_desk *desk, const pouch_dest *next, const void *json,
                            size_t n) {
    const struct pouch_worker *w = j->worker;
    const struct pl_seal_to to = {.id = j->id,
                                  .publisher = next->publisher,
                                  .reply_topic = j->reply_topic,
                                  .iv_bytes = (size_t)(next->iv_bytes ? next->iv_bytes : w->settings.iv_bytes)};
    pouch_err e = pl_dialect_splp.write_request(&desk->plain, &j->id, json, n, pl_wall_ms(w->clock));
    if (!e) e = pl_sealed_write(&desk->parcel.value, desk->sealer, &to, desk->plain.at, desk->plain.len);
    return e ? e : address_next(j, next, &desk->parcel);
}
