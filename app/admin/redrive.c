#include <admin/anytext.h>
#include <admin/redrive.h>
#include <admin/registry.h>
#include <base/clock.h>
#include <base/why.h>
#include <letter/redrive.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1000, CHUNK_US = 5000000, WAIT_US = 100000, TELL_US = 500000 };

/* A letter that was given to the producer. */
struct sent {
    struct pl_position place;
    bool stored;
};

struct admin_redrive {
    struct admin_redrive_options given;
    const struct admin_redrive_plan *plan;
    struct pl_kafka_health *health;
    struct pl_wake wake;
    struct pl_producer *producer;
    atomic_bool stopping;
    struct sent chunk[CHUNK]; /* not written down yet */
    size_t in_chunk;
    int64_t next_us, chunk_us, told_us; /* next_us: when the next may go, by the rate */
    int64_t stop_by_us;                 /* until when it waits once it is stopped; 0: it is not */
    size_t sent, stored;
    size_t refused;    /* of those not stored: those that another run would not store either */
    char trouble[512]; /* why the last one was not stored */
    pouch_err error;
};

static int64_t now_us(void) {
    return pl_mono_us(&pl_clock_system);
}

static bool stopping(const struct admin_redrive *r) {
    const atomic_bool *stop = r->plan->until.stop;
    return atomic_load(&r->stopping) || (stop && atomic_load(stop));
}

static void delivered(const struct pl_delivery *d, void *owner) {
    struct admin_redrive *r = owner;
    struct sent *s = d->arg;
    s->stored = d->class == PL_KAFKA_OK;
    r->stored += s->stored;
    r->refused += d->class != PL_KAFKA_OK && d->class != PL_KAFKA_TRANSIENT;
    if (!s->stored) snprintf(r->trouble, sizeof r->trouble, "%s: %s", d->topic, pl_kafka_refusal(d->error));
}

static void poll_for(struct admin_redrive *r, int64_t us) {
    pl_wake_wait(&r->wake, us < WAIT_US ? us : WAIT_US);
    pl_producer_poll(r->producer);
}

static void tell(struct admin_redrive *r, bool end) {
    if (!r->given.tell || (!end && now_us() - r->told_us < TELL_US)) return;
    r->told_us = now_us();
    r->given.tell(r->stored, r->plan->nots[ADMIN_REDRIVE_SENT], end, r->given.arg);
}

/* ---- what is written down ---- */

static json_t *change_json(const struct admin_redrive *r, size_t n, const char *records) {
    json_t *o = json_pack("{s:s,s:I,s:s}", "action", "redrive", "letters", (json_int_t)n, "records", records);
    if (o && r->given.filter) o = admin_json_with(o, "filter", json_deep_copy(r->given.filter));
    return o && r->plan->to ? admin_json_with(o, "to", json_string(r->plan->to)) : o;
}

static pouch_err put_change(struct admin_redrive *r, size_t n, const char *records) {
    return admin_letter_change_put(r->given.store, r->given.settings->dlq_topic, change_json(r, n, records));
}

static int in_order(const void *a, const void *b) {
    const struct pl_position *x = a, *y = b;
    if (x->partition != y->partition) return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static pouch_err write_down(struct admin_redrive *r, struct pl_position *places, size_t *n) {
    struct pl_buf text;
    qsort(places, *n, sizeof *places, in_order);
    pl_buf_init(&text, 1 << 20);
    pouch_err e = admin_letter_places_write(&text, places, *n);
    if (!e) e = put_change(r, *n, text.at);
    pl_buf_free(&text);
    *n = 0;
    return e;
}

static bool may_wait(struct admin_redrive *r) {
    if (!r->given.stop_ms || !stopping(r)) return true;
    if (!r->stop_by_us) r->stop_by_us = now_us() + (int64_t)r->given.stop_ms * 1000;
    return now_us() < r->stop_by_us;
}

/* What it does not wait for any longer is given up before anything is written down, lest it be reported afterwards. */
static void wait_for_chunk(struct admin_redrive *r) {
    while (r->producer && pl_producer_waiting(r->producer) && may_wait(r)) poll_for(r, WAIT_US);
    if (!r->producer || !pl_producer_waiting(r->producer)) return;
    pl_producer_free(r->producer, 0);
    r->producer = NULL;
}

/* Waits until the broker has all of them, and writes down which, with those that count as sent with them. */
static pouch_err finish_chunk(struct admin_redrive *r) {
    struct pl_position places[CHUNK];
    pouch_err e = POUCH_OK;
    size_t n = 0;
    wait_for_chunk(r);
    for (size_t i = 0; i < r->in_chunk; i++) {
        size_t with;
        const struct admin_redrive_letter *l = admin_redrive_letters(r->plan, r->chunk[i].place, &with);
        for (; r->chunk[i].stored && with-- && !e; l++) {
            places[n++] = l->at;
            if (n == CHUNK) e = write_down(r, places, &n);
        }
    }
    r->in_chunk = 0;
    return !e && n ? write_down(r, places, &n) : e;
}

/* ---- sending ---- */

/* What was late is made up for by at most a tenth of a second's worth: time in which nothing was sent is no credit. */
static void keep_to_rate(struct admin_redrive *r) {
    int64_t left, earliest;
    if (!r->given.rate) return;
    while ((left = r->next_us - now_us()) > 0 && !stopping(r)) poll_for(r, left);
    earliest = now_us() - WAIT_US;
    r->next_us = (r->next_us > earliest ? r->next_us : earliest) + (1000000 + r->given.rate - 1) / r->given.rate;
}

static pouch_err put(struct admin_redrive *r, const rd_kafka_message_t *m, const struct admin_letter *l,
                     const char *topic) {
    struct sent *s = &r->chunk[r->in_chunk];
    pouch_err e;
    *s = (struct sent){.place = {m->partition, m->offset}};
    while ((e = pl_redrive_send(r->producer, m, &l->facts, topic, s)) == POUCH_E_OVERLOADED && !stopping(r))
        poll_for(r, WAIT_US);
    if (e == POUCH_E_OVERLOADED) return POUCH_OK;
    if (!r->in_chunk) r->chunk_us = now_us();
    r->sent++;
    if (!e) {
        r->in_chunk++;
    } else {
        snprintf(r->trouble, sizeof r->trouble, "%s", pouch_why());
        r->refused++;
    }
    return e == POUCH_E_NO_MEMORY ? e : POUCH_OK;
}

static bool on_record(const rd_kafka_message_t *m, void *arg) {
    struct admin_redrive *r = arg;
    char topic[PL_NAME_MAX + 1];
    struct admin_letter l;
    if (!admin_redrive_planned(r->plan, m)) return true;
    admin_letter_read(&l, m);
    if (!admin_redrive_target(r->plan, &l, topic)) return true;
    keep_to_rate(r);
    if (stopping(r)) return false;
    r->error = put(r, m, &l, topic);
    if (!r->error && (r->in_chunk == CHUNK || now_us() - r->chunk_us > CHUNK_US)) r->error = finish_chunk(r);
    tell(r, false);
    return !r->error && r->sent < r->plan->nots[ADMIN_REDRIVE_SENT];
}

void admin_redrive_stop(struct admin_redrive *r) {
    atomic_store(&r->stopping, true);
    pl_wake_signal(&r->wake);
}

static pouch_err send_all(struct admin_redrive *r) {
    pouch_err e = admin_scan(r->given.settings, r->given.settings->dlq_topic, r->plan->one ? &r->plan->only : NULL,
                             &r->plan->until, on_record, r);
    if (e == POUCH_E_CLOSED && stopping(r)) e = POUCH_OK; /* what was sent by then is told */
    pouch_err f = finish_chunk(r);
    tell(r, true);
    return r->error ? r->error : e ? e : f;
}

static pouch_err set_up(struct admin_redrive *r) {
    const struct pl_settings *s = r->given.settings;
    r->health = pl_kafka_health_new();
    if (!r->health) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    return pl_producer_new(&r->producer, s, admin_client_id(s), r->health, &r->wake, delivered, r);
}

pouch_err admin_redrive_send(struct admin_redrive *r) {
    pouch_err e = set_up(r);
    if (!e) e = send_all(r);
    pl_producer_free(r->producer, 0);
    pl_kafka_health_free(r->health);
    r->producer = NULL;
    r->health = NULL;
    return e;
}

/* ---- begin, end and telling ---- */

pouch_err admin_redrive_new(struct admin_redrive **out, const struct admin_redrive_options *o,
                            const struct admin_redrive_plan *plan) {
    struct admin_redrive *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for what is sent again");
    r->given = *o;
    r->plan = plan;
    pouch_err e = pl_wake_init(&r->wake);
    if (e)
        free(r);
    else
        *out = r;
    return e;
}

void admin_redrive_free(struct admin_redrive *r) {
    if (!r) return;
    pl_wake_free(&r->wake);
    free(r);
}

struct admin_redrive_done admin_redrive_done(const struct admin_redrive *r) {
    bool stopped = stopping(r) && r->sent < r->plan->nots[ADMIN_REDRIVE_SENT];
    return (struct admin_redrive_done){r->sent, r->stored, r->refused, r->trouble, stopped};
}

json_t *admin_redrive_json(const struct admin_redrive_plan *plan, const struct admin_redrive_done *done, bool dry) {
    json_t *o = admin_redrive_plan_json(plan);
    if (o) o = admin_json_with(o, "dry_run", json_boolean(dry));
    if (o) o = admin_json_with(o, "sent", json_integer((json_int_t)done->stored));
    if (o) o = admin_json_with(o, "failed", json_integer((json_int_t)(done->sent - done->stored)));
    return o ? admin_json_with(o, "stopped", json_boolean(done->stopped)) : NULL;
}
