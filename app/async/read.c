/*
 * What comes on the topic goes into the index, and then its offset is done. A record is opened once, to see that it was
 * sealed with our key for the request that it names, and its text is wiped: what anybody may have written is not kept.
 */
#include <async/state.h>
#include <base/log.h>
#include <base/why.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wire/sealed.h>

enum { RETRY_US = 200000, LEAVE_US = 3000000 };

/* ---- what a record is ---- */

static bool is_note(const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    return !rd_kafka_message_headers(m, &headers) && !rd_kafka_header_get_last(headers, ASYNC_HEADER, &value, &n) &&
           n == strlen(ASYNC_NOTE) && !memcmp(value, ASYNC_NOTE, n);
}

static bool same(const struct pl_uuid *a, const struct pl_uuid *b) {
    return !memcmp(a, b, sizeof *a);
}

static pouch_err open_text(struct async *a, const struct pl_envelope *env) {
    struct pl_sealer *sealer;
    pouch_err e = pl_sealer_take(&sealer, a->ring, PL_OVER_LIMIT_WARN);
    if (e) return e;
    e = pl_sealed_open(&a->plain, sealer, env);
    pl_sealer_give(sealer);
    return e;
}

static pouch_err read_note(struct async *a, struct async_item *x, const struct pl_envelope *env) {
    struct async_note note;
    pouch_err e = open_text(a, env);
    if (!e) e = async_note_read(&note, a->plain.at, a->plain.len);
    if (!e && !same(&note.id, &env->id)) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "a note of another request");
    if (e) return e;
    x->fate = note.fate;
    x->has_key = note.has_key;
    x->key = note.key;
    return POUCH_OK;
}

static pouch_err read_reply(struct async *a, struct async_item *x, const struct pl_envelope *env) {
    struct pl_reply_text text;
    if (env->error_code.at) {
        pouch_err code = pl_error_from_code(env->error_code.at, env->error_code.n);
        if (a->settings.plain_errors && pl_error_may_be_plain(code)) return POUCH_OK;
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "an error in clear that does not count");
    }
    pouch_err e = open_text(a, env);
    if (!e) e = a->dialect->read_reply(&text, a->plain.at, a->plain.len);
    if (!e && !same(&text.id, &env->id)) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "a reply to another request");
    if (!e) x->firm = text.success;
    return e;
}

static int64_t written_ms(const struct async *a, const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    int64_t at = rd_kafka_message_timestamp(m, &type), now = pl_wall_ms(a->clock);
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || at > now ? now : at;
}

static pouch_err read_record(struct async *a, struct async_item *x) {
    const rd_kafka_message_t *m = x->taken.message;
    struct pl_envelope env;
    x->record.bytes = (struct pl_span){m->payload ? m->payload : "", m->len};
    pouch_err e = pl_envelope_scan(&env, x->record.bytes.at, m->len);
    if (e) return e;
    x->record.id = env.id;
    x->record.at_ms = written_ms(a, m);
    x->is_reply = !is_note(m);
    e = x->is_reply ? read_reply(a, x, &env) : read_note(a, x, &env);
    pl_buf_recycle_secret(&a->plain);
    return e;
}

/* ---- into the index ---- */

static void was_kept(pouch_err e, void *item) {
    struct async_item *x = item;
    struct async *a = x->a;
    x->e = e;
    pthread_mutex_lock(&a->lock);
    x->next = a->kept;
    a->kept = x;
    pthread_mutex_unlock(&a->lock);
    async_errand_end(a);
}

static pouch_err give(struct async_item *x) {
    struct async_index *ix = &x->a->index;
    const struct pl_uuid *key = x->has_key ? &x->key : NULL;
    if (x->is_reply) return async_index_reply(ix, &x->record, x->firm, was_kept, x);
    if (x->fate == ASYNC_SENT) return async_index_sent(ix, &x->record.id, x->record.at_ms, was_kept, x);
    if (x->fate == ASYNC_VOID) return async_index_drop(ix, &x->record.id, key, was_kept, x);
    return async_index_note(ix, &x->record, key, was_kept, x);
}

static void keep(struct async_item *x) {
    async_errand_begin(x->a);
    pouch_err e = give(x);
    if (e) was_kept(e, x);
}

/* Its message goes first: librdkafka does not end before. */
static void drop(struct async *a, struct async_item *x) {
    if (x->taken.message) rd_kafka_message_destroy(x->taken.message);
    if (x->taken.partition) {
        a->in_flight--;
        pl_group_done(a->group, x->taken.partition, x->taken.ticket);
    } else {
        a->scan.in_flight--;
    }
    x->next = a->idle;
    a->idle = x;
    a->n_idle++;
}

static void retry_later(struct async *a, struct async_item *x, struct async_item **list) {
    x->due_us = pl_mono_us(a->clock) + RETRY_US;
    x->next = *list;
    *list = x;
}

/* What the index did not take is tried again; a scan begins anew instead, unless it was only faster than the index. */
static void settle(struct async *a, struct async_item *x) {
    struct pl_partition *p = x->taken.partition;
    if (x->e && p && !p->revoked) {
        retry_later(a, x, &a->retry);
    } else if (x->e == POUCH_E_OVERLOADED && !p) {
        retry_later(a, x, &a->scan.retry);
    } else {
        if (x->e && !p) a->scan.failed = true;
        drop(a, x);
    }
}

void async_read_settle(struct async *a) {
    pthread_mutex_lock(&a->lock);
    struct async_item *all = a->kept;
    a->kept = NULL;
    pthread_mutex_unlock(&a->lock);
    for (struct async_item *next; all; all = next) {
        next = all->next;
        settle(a, all);
    }
}

void async_read_item(struct async *a, struct pl_taken taken) {
    struct async_item *x = a->idle;
    a->idle = x->next;
    a->n_idle--;
    if (taken.partition)
        a->in_flight++;
    else
        a->scan.in_flight++;
    *x = (struct async_item){.a = a, .taken = taken};
    if (!read_record(a, x)) {
        keep(x);
        return;
    }
    pl_metric_add(PL_M_ASYNC_UNREADABLE, 1);
    PL_LOG(PL_LOG_WARN, "a record that is no reply to a request of ours is passed over", "topic", a->topic, "why",
           pouch_why());
    drop(a, x);
}

size_t async_read_room(const struct async *a, size_t in_flight) {
    size_t room = in_flight < ASYNC_IN_FLIGHT_MOST ? ASYNC_IN_FLIGHT_MOST - in_flight : 0;
    if (room > a->n_idle) room = a->n_idle;
    return room < ASYNC_BATCH ? room : ASYNC_BATCH;
}

void async_read_again(struct async_item **list, int64_t now_us) {
    struct async_item *all = *list;
    *list = NULL;
    for (struct async_item *next; all; all = next) {
        next = all->next;
        if (all->due_us <= now_us) {
            keep(all);
            continue;
        }
        all->next = *list;
        *list = all;
    }
}

void async_read_forget(struct async *a, struct async_item **list) {
    for (struct async_item *x; (x = *list);) {
        *list = x->next;
        drop(a, x);
    }
}

void async_read_turn(struct async *a, int64_t now_us) {
    struct pl_taken taken[ASYNC_BATCH];
    if (!a->group) return;
    async_read_again(&a->retry, now_us);
    size_t n = pl_group_take(a->group, taken, async_read_room(a, a->in_flight));
    for (size_t i = 0; i < n; i++) async_read_item(a, taken[i]);
}

/* ---- the group ---- */

static bool any_open(struct pl_partition *const parts[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (pl_watermark_open(&parts[i]->watermark)) return true;
    return false;
}

/* What is on its way into the index gets there within moments, or not for long. */
static void revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    struct async *a = owner;
    int64_t until = pl_mono_us(a->clock) + LEAVE_US;
    while (!lost && any_open(parts, n) && !a->retry && pl_mono_us(a->clock) < until) {
        pl_wake_wait(&a->wake, RETRY_US);
        async_read_settle(a);
    }
}

pouch_err async_read_join(struct async *a) {
    const char *const topics[] = {a->topic};
    const struct pl_group_hooks hooks = {.revoke = revoke, .owner = a};
    return pl_group_join(&a->group, &a->settings, a->client_id, a->topic, topics, 1, a->mock, ASYNC_IN_FLIGHT_MOST,
                         a->health, &a->wake, &hooks);
}

/* librdkafka does not end before all messages are given back; what the index was given it answers within moments. */
static void give_messages_back(struct async *a) {
    size_t waiting = 0;
    do {
        async_read_settle(a);
        waiting = 0;
        for (struct async_item *x = a->retry; x; x = x->next) waiting++;
        if (waiting < a->in_flight) pl_wake_wait(&a->wake, RETRY_US);
    } while (waiting < a->in_flight);
    for (struct async_item *x = a->retry; x; x = x->next) {
        rd_kafka_message_destroy(x->taken.message);
        x->taken.message = NULL;
    }
}

void async_read_leave(struct async *a) {
    struct pl_group *group = a->group;
    if (!group) return;
    give_messages_back(a);
    pl_group_leave(group);
    a->group = NULL;
    async_read_forget(a, &a->retry); /* what was not kept is not done: it comes to whoever has the partition then */
}
