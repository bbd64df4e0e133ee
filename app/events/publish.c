/* Onto the log: records with somebody who waits until they are stored. */
#include <base/log.h>
#include <base/why.h>
#include <events/record.h>
#include <events/state.h>
#include <metrics/metrics.h>
#include <stdlib.h>
#include <string.h>

struct storing {
    events_stored_fn *stored; /* NULL: nobody waits */
    void *arg;
};

static pouch_err outcome_of(const struct events *e, const struct pl_delivery *d) {
    if (d->class == PL_KAFKA_OK) return POUCH_OK;
    if (atomic_load(&e->closing)) return pl_fail(POUCH_E_CLOSED, "Service is shutting down");
    pouch_err err = pl_kafka_fail(d->error, "storing an event", d->topic);
    return err == POUCH_E_TIMEOUT ? POUCH_E_NO_BROKER : err; /* nobody has answered for as long as a caller waits */
}

void events_delivered(const struct pl_delivery *d, void *events) {
    struct events *e = events;
    struct storing *s = d->arg;
    pouch_err err = outcome_of(e, d);
    atomic_fetch_sub(&e->n_storing, 1);
    if (err) pl_metric_add(PL_M_EVENTS_NOT_STORED, 1);
    if (s->stored)
        s->stored(err, err ? pouch_why() : "", s->arg);
    else if (err)
        PL_LOG(PL_LOG_WARN, "other gateways were not told", "reason", pouch_why());
    free(s);
}

pouch_err events_send(struct events *e, const char *topic, const char *value, size_t n, events_stored_fn *stored,
                      void *arg) {
    struct storing *s = malloc(sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an event");
    *s = (struct storing){stored, arg};
    if (atomic_fetch_add(&e->n_storing, 1) >= EVENTS_WAITING_MAX) {
        atomic_fetch_sub(&e->n_storing, 1);
        free(s);
        return pl_fail(POUCH_E_OVERLOADED, "%d events are being stored already", EVENTS_WAITING_MAX);
    }
    const struct pl_record r = {
        .topic = topic, .key = EVENTS_KEY, .key_n = sizeof EVENTS_KEY - 1, .value = value, .value_n = n, .arg = s};
    pouch_err err = pl_producer_send(e->producer, &r);
    if (!err) return POUCH_OK;
    atomic_fetch_sub(&e->n_storing, 1);
    free(s);
    return err;
}

/* It is written out once as it will be sent, with the longest id, so that what is stored can be sent. */
static pouch_err check(const struct events_event *event) {
    struct pl_buf text;
    pl_buf_init(&text, EVENTS_BYTES_MAX);
    pouch_err err = events_event_write(&text, event, INT64_MAX);
    pl_buf_free(&text);
    if (err == POUCH_E_TOO_LARGE) return pl_fail(err, "an event can have %d bytes as it is sent", EVENTS_BYTES_MAX);
    return err;
}

pouch_err events_publish(struct events *e, const struct events_event *event, events_stored_fn *stored, void *arg) {
    size_t n;
    pouch_err err = check(event);
    if (err) return err;
    char *text = events_record_text(event, NULL, &n);
    if (!text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an event");
    err = events_send(e, e->settings.gateway_events_topic, text, n, stored, arg);
    free(text);
    if (!err) pl_metric_add(PL_M_EVENTS_PUBLISHED, 1);
    return err;
}

static struct events_item *make_tell(const struct events_event *event, int64_t place) {
    struct pl_buf text;
    pl_buf_init(&text, EVENTS_BYTES_MAX);
    pouch_err err = events_event_write(&text, event, -1);
    struct httpd_block *block = err ? NULL : httpd_block_new(text.at, text.len);
    struct events_item *item = block ? events_item_new(place, event->channel, block) : NULL;
    if (!item) httpd_block_free(block);
    pl_buf_free(&text);
    return item;
}

void events_tell(struct events *e, const char *channel, const char *name, const json_t *data) {
    const struct events_event event = {.channel = channel, .name = name, .data = data};
    pthread_mutex_lock(&e->lock);
    struct events_item *item = make_tell(&event, e->n_tells);
    if (item) {
        e->n_tells++;
        events_ring_append(&e->tells, item);
    }
    pthread_mutex_unlock(&e->lock);
    events_loops_wake(e);
}
