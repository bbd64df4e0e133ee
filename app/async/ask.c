/*
 * A request is stored: its key is claimed, its note is stored and found in the index, and then the request itself is
 * sent. So whoever is told of a request can ask for it, and with one key no two are sent. With a key it is noted as
 * well that it has been sent; a request that is met by its key without that is noted anew and sent by whoever meets it,
 * under its id: the gateway that was to do it has been killed.
 */
#include <async/post.h>
#include <base/log.h>
#include <base/why.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <string.h>

/* ---- its end ---- */

static void leave(struct async *a) {
    pthread_mutex_lock(&a->lock);
    a->open--;
    pl_metric_set(PL_M_ASYNC_OPEN, (int64_t)a->open);
    pl_wake_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

static void end(struct async_post *p, pouch_err e) {
    struct async *a = p->a;
    if (!e) pl_metric_add(PL_M_ASYNC_REQUESTS, 1);
    p->done(e, e ? NULL : p->id, p->is_before, p->arg);
    async_post_free(p);
    leave(a);
}

static void ignore(pouch_err e, void *arg) {
    (void)e;
    async_errand_end(arg);
}

/* What has become of the request is noted on the topic; arg: of the delivery report, NULL where nobody waits for it. */
static pouch_err send_note(struct async_post *p, struct async_post *arg) {
    const struct pl_header what = {ASYNC_HEADER, ASYNC_NOTE, strlen(ASYNC_NOTE)};
    const struct pl_record record = {.topic = p->a->topic,
                                     .key = p->id,
                                     .key_n = 36,
                                     .value = p->note_sealed.at,
                                     .value_n = p->note_sealed.len,
                                     .headers = &what,
                                     .n_headers = 1,
                                     .arg = arg};
    return pl_producer_send(p->a->producer, &record);
}

static void note_fate(struct async_post *p, enum async_fate fate) {
    pouch_err e = async_post_seal_note(p, fate);
    if (!e) e = send_note(p, NULL);
    if (e)
        PL_LOG(PL_LOG_WARN, "what has become of a request could not be noted", "request_id", p->id, "why", pouch_why());
}

/* Not sent, and it never will be: its key may be used again. What cannot be taken back ends by its deadline. */
static void take_back(struct async_post *p) {
    note_fate(p, ASYNC_VOID);
    async_errand_begin(p->a);
    pouch_err e = async_index_drop(&p->a->index, &p->note.id, p->note.has_key ? &p->note.key : NULL, ignore, p->a);
    if (e) async_errand_end(p->a);
}

/* What is another gateway's is not ours to take back: it may have sent it. */
static void fail(struct async_post *p, pouch_err e) {
    char why[512];
    snprintf(why, sizeof why, "%s", pouch_why());
    if (!p->is_before) take_back(p);
    pl_why_set("%s", why);
    end(p, e);
}

static void end_closed(struct async_post *p) {
    end(p, pl_fail(POUCH_E_CLOSED, "the gateway is closing"));
}

static pouch_err asked_now(void) {
    return pl_fail(POUCH_E_OVERLOADED, "the same is being asked at this moment; ask again in a moment");
}

/* ---- sending ---- */

static pouch_err send_request(struct async_post *p) {
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

/* The other gateway's request, noted anew: its time begins now. */
static pouch_err note_again(struct async_post *p) {
    pouch_err e = async_post_seal(p);
    return e ? e : send_note(p, p);
}

/*
 * Where Redis cannot say whose it is to send, it is not sent: the note is on the topic, and whoever asks again sends it
 * under its id.
 */
static void taken(pouch_err e, bool is_ours, void *arg) {
    struct async_post *p = arg;
    struct async *a = p->a;
    if (async_has_ended(a))
        end_closed(p);
    else if (e)
        end(p, e);
    else if (!is_ours)
        end(p, asked_now());
    else if ((e = p->is_before ? note_again(p) : send_request(p)))
        fail(p, e);
    async_errand_end(a);
}

static void take(struct async_post *p) {
    async_errand_begin(p->a);
    pouch_err e = async_index_take(&p->a->index, &p->note.id, taken, p);
    if (e) taken(e, false, p);
}

/*
 * Where Redis is away the note comes into the index later, from the topic. Until then the key would be free for another
 * gateway.
 */
static void noted(pouch_err e, void *arg) {
    struct async_post *p = arg;
    struct async *a = p->a;
    if (async_has_ended(a))
        end_closed(p);
    else if (e && p->note.has_key && !p->is_before)
        end(p, e);
    else if (p->note.has_key && !p->is_before)
        take(p);
    else if ((e = send_request(p)))
        fail(p, e);
    async_errand_end(a);
}

static void note_stored(struct async_post *p) {
    const struct async_record record = {p->note.id, {p->note_sealed.at, p->note_sealed.len}, p->note.asked_ms};
    async_errand_begin(p->a);
    pouch_err e = async_index_note(&p->a->index, &record, p->note.has_key ? &p->note.key : NULL, noted, p);
    if (e) noted(e, p);
}

static void sent(struct async_post *p) {
    if (p->is_before) pl_metric_add(PL_M_ASYNC_RESENT, 1);
    end(p, POUCH_OK);
}

/* Where this is lost, whoever asks again sends the request again. */
static void noted_as_sent(pouch_err e, void *arg) {
    struct async_post *p = arg;
    struct async *a = p->a;
    (void)e;
    sent(p);
    async_errand_end(a);
}

/*
 * Whoever is told of a request with a key finds it at every gateway by that key: so the index knows first that it was
 * sent.
 */
static void note_sent(struct async_post *p) {
    note_fate(p, ASYNC_SENT);
    async_errand_begin(p->a);
    pouch_err e = async_index_sent(&p->a->index, &p->note.id, pl_wall_ms(p->a->clock), noted_as_sent, p);
    if (e) noted_as_sent(e, p);
}

static void was_sent(struct async_post *p) {
    if (p->note.has_key)
        note_sent(p);
    else
        sent(p);
}

/* What may have been stored all the same is not taken back. */
void async_delivered(const struct pl_delivery *d, void *async) {
    struct async_post *p = d->arg;
    (void)async;
    if (!p) return;
    if (d->class == PL_KAFKA_OK) {
        if (p->is_sent)
            was_sent(p);
        else
            note_stored(p);
        return;
    }
    pouch_err e = pl_kafka_fail(d->error, "writing to", d->topic);
    if (d->class == PL_KAFKA_PERMANENT)
        fail(p, e);
    else
        end(p, e);
}

/* ---- the key ---- */

static pouch_err compare(const struct async_post *p, const struct async_look *look) {
    struct async_note before;
    if (!look->note.at) return asked_now();
    pouch_err e = async_open_note(p->a, look->note, &p->note.id, &before);
    if (e) return e;
    if (!strcmp(before.owner, p->note.owner) && !memcmp(&before.body, &p->note.body, sizeof before.body))
        return POUCH_OK;
    return pl_fail(POUCH_E_EXISTS, "this idempotency key has been used for another request: take a new one");
}

/* p->note.id is the winner's by now. */
static void met(pouch_err e, const struct async_look *look, void *arg) {
    struct async_post *p = arg;
    struct async *a = p->a;
    if (!e) e = compare(p, look);
    if (e || look->sent || look->reply.at)
        end(p, e);
    else
        take(p);
    async_errand_end(a);
}

static void meet(struct async_post *p, const struct pl_uuid *winner) {
    p->is_before = true;
    p->note.id = *winner;
    pl_uuid_format(p->id, winner);
    async_errand_begin(p->a);
    pouch_err e = async_index_find(&p->a->index, winner, met, p);
    if (e) met(e, NULL, p);
}

static void claimed(pouch_err e, const struct pl_uuid *winner, void *arg) {
    struct async_post *p = arg;
    struct async *a = p->a;
    if (!e && async_has_ended(a)) e = pl_fail(POUCH_E_CLOSED, "the gateway is closing");
    if (e)
        end(p, e);
    else if (memcmp(winner, &p->note.id, sizeof *winner))
        meet(p, winner);
    else if ((e = send_note(p, p)))
        fail(p, e);
    async_errand_end(a);
}

/* ---- its beginning ---- */

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

static pouch_err begin(struct async_post *p) {
    if (!p->note.has_key) return send_note(p, p);
    async_errand_begin(p->a);
    pouch_err e = async_index_claim(&p->a->index, &p->note.key, &p->note.id, claimed, p);
    if (e) async_errand_end(p->a);
    return e;
}

static pouch_err post(struct async *a, const struct async_ask *ask, async_stored_fn *done, void *arg) {
    struct async_post *p = NULL;
    pouch_err e = async_post_make(&p, a, ask);
    if (e) return e;
    p->done = done;
    p->arg = arg;
    e = begin(p);
    if (e) async_post_free(p);
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
