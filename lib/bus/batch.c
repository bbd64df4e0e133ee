#include <base/clock.h>
#include <base/why.h>
#include <bus/batch.h>
#include <stdlib.h>
#include <string.h>

/* So that each struct pl_held_record is aligned as malloc() aligns the first. */
enum { ALIGN = 16 };

/*
 * The first place is for batches whose broker is not known yet. It has no bound: a topic that does not exist
 * must not keep others waiting.
 */
enum { UNKNOWN = 0 };

/*
 * A place that nothing went to or came back from for so long does not count what is under way there: a partition
 * without enough replicas is tried for minutes, and must not keep the others of its broker waiting. Nor do records that
 * may go to any partition wait for one much longer, twice that at most.
 */
enum { STUCK_US = 100000 };

/* For how long a topic's batches stay small after one has been refused. */
enum { SMALL_US = 60000000 };

/*
 * Of records by turns as many go to one partition as come in RUN_US, which is measured over MEASURED_US or more; fewer
 * than LEAST_RUN go by their keys. That is 5,000 a second: below, there is time for a produce request for each
 * partition.
 */
enum { RUN_US = 4000, MEASURED_US = 50000, LEAST_RUN = 20 };

/* What a spare buffer may have grown to. */
enum { SPARE_BYTES = 1024 * 1024 };

static size_t padded(size_t n) {
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t bytes_of(size_t key_n, size_t value_n) {
    return padded(sizeof(struct pl_held_record) + key_n + value_n);
}

static size_t held_bytes(const struct pl_held_record *h) {
    return bytes_of(h->key_n, h->value_n);
}

pouch_err pl_batches_init(struct pl_batches *b, size_t most, const struct pl_clock *clock) {
    *b = (struct pl_batches){.most = most, .clock = clock, .look_us = INT64_MAX};
    return pthread_mutex_init(&b->lock, NULL) ? pl_fail(POUCH_E_NO_MEMORY, "no memory for a producer's batches")
                                              : POUCH_OK;
}

void pl_batches_free(struct pl_batches *b) {
    for (size_t i = 0; i < b->spares; i++) pl_buf_free(&b->spare[i]);
    pthread_mutex_destroy(&b->lock);
}

static void batch_init(struct pl_batch *batch, struct pl_topic *t) {
    *batch = (struct pl_batch){.topic = t, .place = UNKNOWN};
    pl_buf_init(&batch->held, t->max_bytes);
    /* Bounded by what was under way and held. */
    pl_buf_init(&batch->first, SIZE_MAX / 2);
    pl_buf_init(&batch->again, SIZE_MAX / 2);
}

static void batch_free(struct pl_batch *batch) {
    pl_buf_free(&batch->held);
    pl_buf_free(&batch->first);
    pl_buf_free(&batch->again);
}

static struct pl_batch *make_batches(struct pl_topic *t, size_t n) {
    struct pl_batch *batches = calloc(n, sizeof *batches);
    for (size_t i = 0; batches && i < n; i++) batch_init(&batches[i], t);
    return batches;
}

pouch_err pl_topic_init(struct pl_topic *t, const char *name, size_t max_bytes) {
    *t = (struct pl_topic){.max_bytes = max_bytes, .spread = 1, .n_batches = 1};
    t->name = strdup(name);
    t->batches = make_batches(t, 1);
    batch_init(&t->any, t);
    return t->name && t->batches ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "no memory for the topic %s", name);
}

static void free_batches(struct pl_batch *batches, size_t n) {
    for (size_t i = 0; batches && i < n; i++) batch_free(&batches[i]);
    free(batches);
}

void pl_topic_free(struct pl_topic *t) {
    free_batches(t->batches, t->n_batches);
    batch_free(&t->any);
    free(t->name);
}

static void take_spare(struct pl_batches *b, struct pl_buf *held) {
    size_t max = held->max;
    *held = b->spare[--b->spares];
    held->max = max;
}

static pouch_err put(struct pl_buf *held, const struct pl_record *r, rd_kafka_headers_t *headers) {
    struct pl_held_record h = {r->arg, headers, r->key_n, r->value_n, r->key != NULL, r->value != NULL};
    pouch_err e = pl_buf_reserve(held, held_bytes(&h));
    if (e) return e;
    char *at = held->at + held->len;
    memcpy(at, &h, sizeof h);
    if (r->key_n) memcpy(at + sizeof h, r->key, r->key_n);
    if (r->value_n) memcpy(at + sizeof h + r->key_n, r->value, r->value_n);
    held->len += held_bytes(&h);
    return POUCH_OK;
}

static pouch_err hold(struct pl_batches *b, struct pl_batch *batch, const struct pl_record *r,
                      rd_kafka_headers_t *headers) {
    struct pl_buf *held = &batch->held;
    if (!held->at && b->spares) take_spare(b, held);
    pouch_err e = put(held, r, headers);
    if (e == POUCH_E_TOO_LARGE)
        return pl_fail(POUCH_E_OVERLOADED,
                       "%zu bytes wait for %s already: the broker is slower than what is sent; send slower, or raise "
                       "kafka.queue.buffering.max.kbytes",
                       held->len, batch->topic->name);
    return e;
}

static struct pl_batch *by_key(struct pl_topic *t, const void *key, size_t key_n) {
    if (t->n_batches == 1 || !key_n) return &t->batches[0];
    int32_t partition = rd_kafka_msg_partitioner_murmur2(t->rkt, key, key_n, t->spread, NULL, NULL);
    return &t->batches[(size_t)partition % t->n_batches];
}

struct pl_batch *pl_batch_by_key(struct pl_batches *b, struct pl_topic *t, const void *key, size_t key_n) {
    pthread_mutex_lock(&b->lock);
    struct pl_batch *batch = by_key(t, key, key_n);
    pthread_mutex_unlock(&b->lock);
    return batch;
}

static void stand_in_line(struct pl_batches *b, struct pl_batch *batch) {
    struct pl_place *place = &b->places[batch->place];
    batch->waits = true;
    batch->next = NULL;
    if (place->first)
        place->last->next = batch;
    else
        place->first = batch;
    place->last = batch;
    b->waiting++;
}

/* Holds what another buffer does with the topic's batches by its keys: bytes, fewer than all when one takes no more. */
static size_t hold_by_keys(struct pl_batches *b, struct pl_topic *t, const struct pl_buf *held) {
    size_t at = 0, moved = 0;
    const void *key, *value;
    for (struct pl_held_record *h; (h = pl_held_record_next(held, &at, &key, &value)); moved = at) {
        struct pl_record r = {.key = key, .key_n = h->key_n, .value = value, .value_n = h->value_n, .arg = h->arg};
        if (hold(b, by_key(t, key, h->key_n), &r, h->headers)) break;
    }
    return moved;
}

/* Those that hold something though nothing of them is under way. */
static void line_up(struct pl_batches *b, struct pl_topic *t) {
    for (size_t i = 0; i < t->n_batches; i++) {
        struct pl_batch *batch = &t->batches[i];
        if (batch->held.len && !batch->under_way && !batch->waits) stand_in_line(b, batch);
    }
}

/* What waits for records of any partition, of which some take nothing, goes by its keys, as far as there is room. */
static void disperse(struct pl_batches *b, struct pl_topic *t) {
    struct pl_buf *held = &t->any.held;
    size_t moved = hold_by_keys(b, t, held);
    held->len -= moved;
    if (held->len) memmove(held->at, held->at + moved, held->len);
    line_up(b, t);
}

/* Whether those for any partition have one that takes nothing. */
static bool is_stuck(const struct pl_topic *t, int64_t now) {
    return t->any.under_way && now - t->any.went_us >= STUCK_US;
}

/* A record is held for any partition. True: nobody was to look after such before. */
static bool look_after(struct pl_batches *b, const struct pl_batch *any) {
    struct pl_topic *t = any->topic;
    if (!t->had_any) {
        t->had_any = true;
        t->next = b->had_any;
        b->had_any = t;
    }
    if (b->look_us < INT64_MAX) return false;
    b->look_us = any->went_us + STUCK_US;
    return true;
}

/* Moves on what waits for a partition that takes nothing. */
static void look(struct pl_batches *b, int64_t now) {
    b->look_us = INT64_MAX;
    for (struct pl_topic *t = b->had_any; t; t = t->next) {
        bool stuck = is_stuck(t, now);
        if (stuck && t->any.held.len) disperse(b, t);
        int64_t again = (stuck ? now : t->any.went_us) + STUCK_US;
        if (t->any.held.len && t->any.under_way && again < b->look_us) b->look_us = again;
    }
}

static bool goes_with_any(const struct pl_topic *t, enum pl_goes goes, int64_t now) {
    bool any = goes == PL_ANYWHERE || (goes == PL_BY_TURNS && t->run >= LEAST_RUN);
    return any && t->n_batches > 1 && !is_stuck(t, now);
}

static struct pl_batch *batch_of(struct pl_topic *t, const struct pl_record *r, int64_t now) {
    return goes_with_any(t, r->goes, now) ? &t->any : by_key(t, r->key, r->key_n);
}

/* Whether so few batches are under way there that this one may go. */
static bool is_free(const struct pl_batches *b, const struct pl_place *place, const struct pl_batch *batch) {
    size_t most = batch->held.len < PL_LARGE_BYTES ? b->most : b->most + PL_AHEAD;
    return place == &b->places[UNKNOWN] || place->under_way < most;
}

static bool has_room(struct pl_batches *b, const struct pl_batch *batch, int64_t now) {
    struct pl_place *place = &b->places[batch->place];
    if (is_free(b, place, batch)) return true;
    if (now - place->moved_us < STUCK_US) return false;
    place->epoch++;
    place->under_way = 0;
    return true;
}

static void go(struct pl_batches *b, struct pl_batch *batch, size_t records, size_t bytes, int64_t now) {
    struct pl_place *place = &b->places[batch->place];
    batch->under_way = batch->given = records;
    batch->bytes = bytes;
    batch->epoch = place->epoch;
    batch->went_us = now;
    batch->run = batch->topic->run >= LEAST_RUN ? batch->topic->run : SIZE_MAX;
    place->under_way++;
    place->moved_us = now;
}

static void come_back(struct pl_place *place, const struct pl_batch *batch, int64_t now) {
    if (batch->epoch == place->epoch) place->under_way--;
    place->moved_us = now;
}

/* One more by turns. */
static void measure(struct pl_topic *t, int64_t now) {
    int64_t took = now - t->came_since_us;
    t->came++;
    if (took < MEASURED_US) return;
    t->run = t->came * RUN_US / (uint64_t)took;
    t->came = 0;
    t->came_since_us = now;
}

pouch_err pl_batches_enter(struct pl_batches *b, struct pl_topic *t, const struct pl_record *r,
                           rd_kafka_headers_t *headers, struct pl_entered *out) {
    pouch_err e = POUCH_OK;
    int64_t now = pl_mono_us(b->clock);
    pthread_mutex_lock(&b->lock);
    size_t waiting = b->waiting;
    if (r->goes == PL_BY_TURNS) measure(t, now);
    struct pl_batch *batch = batch_of(t, r, now);
    *out = (struct pl_entered){.batch = batch};
    if (!batch->under_way && !batch->waits && has_room(b, batch, now)) {
        go(b, batch, 1, bytes_of(r->key_n, r->value_n), now);
    } else {
        e = hold(b, batch, r, headers);
        out->held = !e;
        if (!e && !batch->under_way && !batch->waits) stand_in_line(b, batch);
        out->sooner = b->waiting > waiting || (batch == &t->any && batch->under_way && look_after(b, batch));
    }
    pthread_mutex_unlock(&b->lock);
    return e;
}

/*
 * Gives each partition a batch of its own, once it is known how many there are and while nothing is under way. False:
 * all stays as it was. Partitions that come later share: then a batch serves several.
 */
static bool spread(struct pl_batches *b, struct pl_topic *t) {
    int partitions = atomic_load_explicit(&t->partitions, memory_order_relaxed);
    if (t->n_batches > 1 || partitions < 2 || t->batches->first.len) return false;
    size_t n = partitions < PL_BATCHES_MAX ? (size_t)partitions : PL_BATCHES_MAX;
    struct pl_topic wider = {.rkt = t->rkt, .max_bytes = t->max_bytes, .spread = partitions, .n_batches = n};
    wider.batches = make_batches(t, n);
    if (!wider.batches) return false;
    if (hold_by_keys(b, &wider, &t->batches->held) < t->batches->held.len) {
        free_batches(wider.batches, n);
        return false;
    }
    free_batches(t->batches, 1);
    t->spread = partitions;
    t->n_batches = n;
    t->batches = wider.batches;
    line_up(b, t);
    return true;
}

static size_t place_of(int32_t broker) {
    return broker < 0 ? UNKNOWN : 1 + (size_t)broker % (PL_PLACES - 1);
}

/* There is room for it since the first of them went in. */
static void put_in_front(struct pl_batch *batch) {
    struct pl_buf *again = &batch->again, *first = &batch->first;
    if (!again->len) return;
    if (first->len) memcpy(again->at + again->len, first->at, first->len);
    again->len += first->len;
    pl_buf_free(first);
    *first = *again;
    pl_buf_init(again, first->max);
}

/* Half of what was too much. */
static bool make_small(struct pl_topic *t, const struct pl_batch *batch, int64_t now) {
    bool small = now < t->small_until_us;
    if (!small || batch->bytes / 2 < t->small_bytes) t->small_bytes = batch->bytes / 2;
    t->small_until_us = now + SMALL_US;
    return small;
}

pouch_err pl_batches_again(struct pl_batches *b, struct pl_batch *batch, const struct pl_record *r,
                           rd_kafka_headers_t *headers, bool *told) {
    pouch_err e = POUCH_OK;
    int64_t now = pl_mono_us(b->clock);
    pthread_mutex_lock(&b->lock);
    if (batch->given == 1) e = pl_fail(POUCH_E_TOO_LARGE, "a record went to %s alone and was too large", r->topic);
    if (!e && !batch->again.len) e = pl_buf_reserve(&batch->again, batch->bytes + batch->first.len);
    if (!e) e = put(&batch->again, r, headers);
    if (!e) *told = make_small(batch->topic, batch, now);
    pthread_mutex_unlock(&b->lock);
    return e;
}

bool pl_batches_leave(struct pl_batches *b, struct pl_batch *batch, size_t n, int32_t broker) {
    int64_t now = pl_mono_us(b->clock);
    pthread_mutex_lock(&b->lock);
    batch->under_way -= n;
    if (!batch->under_way) {
        come_back(&b->places[batch->place], batch, now);
        if (broker >= 0) batch->place = place_of(broker);
        put_in_front(batch);
        if (!spread(b, batch->topic) && (batch->first.len || batch->held.len)) stand_in_line(b, batch);
    }
    bool waiting = b->waiting > 0;
    pthread_mutex_unlock(&b->lock);
    return waiting;
}

static size_t count(const struct pl_buf *records) {
    const void *key, *value;
    size_t n = 0, at = 0;
    while (pl_held_record_next(records, &at, &key, &value)) n++;
    return n;
}

static struct pl_batch *first_in_line(struct pl_batches *b, struct pl_place *place, int64_t now) {
    struct pl_batch *batch = place->first;
    if (!batch || !has_room(b, batch, now)) return NULL;
    place->first = batch->next;
    batch->waits = false;
    b->waiting--;
    return batch;
}

/* The bytes of as many as may go together, one at least. */
static size_t may_go(const struct pl_topic *t, const struct pl_buf *records, int64_t now) {
    const void *key, *value;
    size_t n = 0, at = 0;
    if (now >= t->small_until_us) return records->len;
    while (pl_held_record_next(records, &at, &key, &value) && (!n || at <= t->small_bytes)) n = at;
    return n;
}

/* Without memory for a part all of them go. */
static void move_out(struct pl_batch *batch, struct pl_buf *out, int64_t now) {
    struct pl_buf *from = batch->first.len ? &batch->first : &batch->held;
    size_t n = may_go(batch->topic, from, now);
    pl_buf_init(out, from->max);
    if (n < from->len && !pl_buf_append(out, from->at, n)) {
        from->len -= n;
        memmove(from->at, from->at + n, from->len);
    } else {
        pl_buf_free(out);
        *out = *from;
        pl_buf_init(from, out->max);
    }
}

struct pl_batch *pl_batches_next(struct pl_batches *b, struct pl_buf *out) {
    struct pl_batch *batch = NULL;
    int64_t now = pl_mono_us(b->clock);
    pthread_mutex_lock(&b->lock);
    if (now >= b->look_us) look(b, now);
    for (size_t i = 0; b->waiting && !batch && i < PL_PLACES; i++) batch = first_in_line(b, &b->places[i], now);
    if (batch) {
        move_out(batch, out, now);
        go(b, batch, count(out), out->len, now);
    }
    pthread_mutex_unlock(&b->lock);
    return batch;
}

void pl_batches_give_back(struct pl_batches *b, struct pl_buf *out) {
    pl_buf_reset(out);
    pthread_mutex_lock(&b->lock);
    if (out->cap <= SPARE_BYTES && b->spares < PL_SPARES) {
        b->spare[b->spares++] = *out;
        pl_buf_init(out, out->max);
    }
    pthread_mutex_unlock(&b->lock);
    pl_buf_free(out);
}

bool pl_batches_wait(struct pl_batches *b) {
    pthread_mutex_lock(&b->lock);
    bool wait = b->waiting > 0;
    pthread_mutex_unlock(&b->lock);
    return wait;
}

static int64_t due_of(const struct pl_batches *b, const struct pl_place *place) {
    if (!place->first) return INT64_MAX;
    return is_free(b, place, place->first) ? 0 : place->moved_us + STUCK_US;
}

int64_t pl_batches_due(struct pl_batches *b) {
    pthread_mutex_lock(&b->lock);
    int64_t due = b->look_us;
    for (size_t i = 0; b->waiting && i < PL_PLACES; i++) {
        int64_t of_place = due_of(b, &b->places[i]);
        if (of_place < due) due = of_place;
    }
    pthread_mutex_unlock(&b->lock);
    return due;
}

struct pl_held_record *pl_held_record_next(const struct pl_buf *records, size_t *at, const void **key,
                                           const void **value) {
    if (*at == records->len) return NULL;
    char *start = records->at + *at;
    struct pl_held_record *h = (struct pl_held_record *)(void *)start;
    *key = h->has_key ? start + sizeof *h : NULL;
    *value = h->has_value ? start + sizeof *h + h->key_n : NULL;
    *at += held_bytes(h);
    return h;
}
