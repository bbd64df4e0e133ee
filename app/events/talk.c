/*
 * Gateways among themselves, on a topic of their own: who has which clients, and changes to a client of another one.
 * All of it is passed on and nothing is kept: who starts says "hello", and the others tell what they have.
 */
#include <base/log.h>
#include <base/why.h>
#include <events/state.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PART_BYTES = 300 * 1024, /* of clients in one record */
    SOON_US = 200000,        /* from a change until it is told */
    BYTES_A_SECOND = 256 * 1024,
    IDLE_US = 5000000, /* told again although nothing has changed */
    SILENT_US = 4 * EVENTS_GIVE_UP_MS * 1000,
    ASKS_MAX = 1000,
    CLIENTS_MAX = 200000 /* of one gateway; whoever tells of more is not heard */
};

struct peer {
    char tag[EVENTS_TAG + 1];
    char *name;
    json_t *counts, *clients, *coming; /* of the last telling; and what has come of the next */
    json_int_t serial;
    int64_t heard_us, told_us;
};

/* A change that another gateway is asked for. */
struct ask {
    STAILQ_ENTRY(ask) link;
    int64_t number, due_us;
    events_changed_fn *changed;
    void *arg;
};
STAILQ_HEAD(asks, ask);

struct events_talk {
    /* Under the lock. */
    struct peer peers[EVENTS_PEERS_MAX];
    size_t n_peers;
    struct asks asks;
    size_t n_asks;
    int64_t number;

    atomic_bool changed;
    json_int_t serial; /* the thread's that follows, as below */
    int64_t told_us, may_us;
};

/* ---- peers: under the lock ---- */

static void forget(struct events_talk *t, struct peer *p) {
    free(p->name);
    json_decref(p->counts);
    json_decref(p->clients);
    json_decref(p->coming);
    *p = t->peers[--t->n_peers];
}

static struct peer *find(struct events_talk *t, const char *tag) {
    for (size_t i = 0; i < t->n_peers; i++)
        if (!strcmp(t->peers[i].tag, tag)) return &t->peers[i];
    return NULL;
}

static struct peer *find_or_add(struct events_talk *t, const char *tag, const char *name) {
    struct peer *p = find(t, tag);
    char *copy = p || t->n_peers == EVENTS_PEERS_MAX ? NULL : strdup(name);
    if (!copy) return p;
    p = &t->peers[t->n_peers++];
    *p = (struct peer){.name = copy};
    memcpy(p->tag, tag, EVENTS_TAG + 1);
    return p;
}

size_t events_talk_subscribers(const struct events *e, const char *channel) {
    size_t n = 0;
    for (size_t i = 0; i < e->talk->n_peers; i++) {
        const json_t *counts = e->talk->peers[i].counts;
        n += (size_t)json_integer_value(json_object_get(counts, channel));
        n += (size_t)json_integer_value(json_object_get(counts, EVENTS_ALL));
    }
    return n;
}

bool events_talk_each(const struct events *e, events_peer_fn *fn, void *arg) {
    int64_t now = pl_mono_us(&pl_clock_system);
    for (size_t i = 0; i < e->talk->n_peers; i++) {
        const struct peer *p = &e->talk->peers[i];
        if (p->clients && !fn(p->name, p->clients, (now - p->told_us) / 1000, arg)) return false;
    }
    return true;
}

/* ---- telling ---- */

static void say(struct events *e, json_t *record) {
    size_t n;
    char *text = record ? pl_json_text(record, &n) : NULL;
    json_decref(record);
    pouch_err err = text ? events_send(e, e->talk_topic, text, n, NULL, NULL)
                         : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a record to other gateways");
    free(text);
    if (err) PL_LOG(PL_LOG_WARN, "other gateways were not told", "reason", pouch_why());
}

void events_talk_hello(struct events *e) {
    say(e, json_pack("{s:s, s:s, s:s}", "kind", "hello", "gateway", e->instance, "tag", e->tag));
    events_talk_changed(e);
}

void events_talk_changed(struct events *e) {
    if (!atomic_exchange(&e->talk->changed, true)) pl_wake_signal(&e->wake);
}

static void send_part(struct events *e, int part, bool last, const char *counts, const char *clients, size_t n) {
    struct pl_buf out;
    pl_buf_init(&out, SIZE_MAX / 4);
    json_t *name = json_string(e->instance);
    char *quoted = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
    pouch_err err =
        !quoted ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a record to other gateways")
                : pl_buf_printf(&out,
                                "{\"kind\":\"clients\",\"gateway\":%s,\"tag\":\"%s\",\"serial\":%" PRId64
                                ",\"part\":%d,\"last\":%s,\"counts\":%s,\"clients\":[",
                                quoted, e->tag, (int64_t)e->talk->serial, part, last ? "true" : "false", counts);
    if (!err) err = pl_buf_append(&out, clients, n);
    if (!err) err = pl_buf_puts(&out, "]}");
    if (!err) err = events_send(e, e->talk_topic, out.at, out.len, NULL, NULL);
    if (err) PL_LOG(PL_LOG_WARN, "other gateways were not told of the clients here", "reason", pouch_why());
    free(quoted);
    json_decref(name);
    pl_buf_free(&out);
}

/* Where a part may end: before a comma between two clients, whose texts all begin alike. */
static size_t part_of(const char *at, size_t n) {
    static const char between[] = "},{\"id\":";
    if (n <= PART_BYTES) return n;
    const char *end = memmem(at + PART_BYTES, n - PART_BYTES, between, sizeof between - 1);
    return end ? (size_t)(end - at) + 1 : n;
}

static void send_parts(struct events *e, const char *counts, const struct pl_buf *clients) {
    size_t at = 0, n;
    e->talk->serial++;
    for (int part = 0; part == 0 || at < clients->len; part++) {
        n = part_of(clients->at + at, clients->len - at);
        send_part(e, part, at + n == clients->len, part ? "{}" : counts, clients->at + at, n);
        at += n + (at + n < clients->len);
    }
}

static void tell_clients(struct events *e) {
    struct pl_buf clients;
    pl_buf_init(&clients, SIZE_MAX / 4);
    pthread_mutex_lock(&e->lock);
    pouch_err err = pl_buf_puts(&clients, "");
    if (!err) err = events_list_write(e, &clients);
    char *counts = err ? NULL : json_dumps(e->counts, JSON_COMPACT);
    pthread_mutex_unlock(&e->lock);
    if (counts) send_parts(e, counts, &clients);
    int64_t now = pl_mono_us(&pl_clock_system), pause = (int64_t)clients.len * 1000000 / BYTES_A_SECOND;
    e->talk->told_us = now;
    e->talk->may_us = now + (pause > SOON_US ? pause : SOON_US);
    free(counts);
    pl_buf_free(&clients);
}

int64_t events_talk_due(struct events *e) {
    const struct events_talk *t = e->talk;
    if (!e->talking) return INT64_MAX;
    return atomic_load(&t->changed) ? t->may_us : t->told_us + IDLE_US > t->may_us ? t->told_us + IDLE_US : t->may_us;
}

/* ---- asking ---- */

static struct ask *take_ask(struct events_talk *t, int64_t number) {
    struct ask *a;
    STAILQ_FOREACH(a, &t->asks, link) if (a->number == number) break;
    if (!a) return NULL;
    STAILQ_REMOVE(&t->asks, a, ask, link);
    t->n_asks--;
    return a;
}

static struct ask *take_late(struct events *e, int64_t now) {
    pthread_mutex_lock(&e->lock);
    struct ask *a = STAILQ_FIRST(&e->talk->asks);
    a = a && a->due_us <= now ? take_ask(e->talk, a->number) : NULL;
    pthread_mutex_unlock(&e->lock);
    return a;
}

static void end_ask(struct ask *a, pouch_err err, const json_t *channels) {
    a->changed(err, err ? pouch_why() : "", channels, a->arg);
    free(a);
}

/* NOT_FOUND: no gateway with that tag is known. */
static pouch_err add_ask(struct events *e, const char *tag, events_changed_fn *changed, void *arg, int64_t *number) {
    struct events_talk *t = e->talk;
    struct ask *a = malloc(sizeof *a);
    if (!a) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a change");
    int64_t due = pl_mono_us(&pl_clock_system) + EVENTS_GIVE_UP_MS * 1000;
    pouch_err err = POUCH_OK;
    pthread_mutex_lock(&e->lock);
    if (!find(t, tag)) err = POUCH_E_NOT_FOUND;
    if (!err && t->n_asks == ASKS_MAX) err = POUCH_E_OVERLOADED;
    if (!err) {
        *a = (struct ask){.number = *number = ++t->number, .due_us = due, .changed = changed, .arg = arg};
        STAILQ_INSERT_TAIL(&t->asks, a, link);
        t->n_asks++;
    }
    pthread_mutex_unlock(&e->lock);
    if (err) free(a);
    return err;
}

static json_t *order_record(const struct events *e, const struct events_order *o, const char *to, int64_t number) {
    json_t *channels = json_array();
    bool ok = channels != NULL;
    for (size_t i = 0; ok && i < o->n; i++) ok = !json_array_append_new(channels, json_string(o->channels[i]));
    if (!ok) {
        json_decref(channels);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:o, s:I}", "kind", o->subscribe ? "subscribe" : "unsubscribe",
                     "gateway", e->instance, "tag", e->tag, "to", to, "client", o->client, "owner", o->owner,
                     "channels", channels, "number", (json_int_t)number);
}

/* Asks the gateway that the client's id begins with. */
static pouch_err ask_other(struct events *e, const struct events_order *o, events_changed_fn *changed, void *arg) {
    char tag[EVENTS_TAG + 1];
    int64_t number;
    snprintf(tag, sizeof tag, "%.*s", EVENTS_TAG, o->client);
    pouch_err err = add_ask(e, tag, changed, arg, &number);
    if (err == POUCH_E_OVERLOADED) return pl_fail(err, "%d changes are being asked of other gateways", ASKS_MAX);
    if (err && err != POUCH_E_NOT_FOUND) return err;
    if (err)
        changed(err, "no client has that id", NULL, arg);
    else
        say(e, order_record(e, o, tag, number));
    return POUCH_OK;
}

static pouch_err check(bool subscribe, const char *const *channels, size_t n) {
    struct events_set set = {0};
    pouch_err err = events_set_add(&set, channels, n);
    events_set_free(&set);
    if (!err && subscribe && !n) err = pl_fail(POUCH_E_INVALID_PAYLOAD, "no channel is named");
    return err;
}

pouch_err events_change(struct events *e, const char *client, const char *owner, bool subscribe,
                        const char *const *channels, size_t n, events_changed_fn *changed, void *arg) {
    pouch_err err = check(subscribe, channels, n);
    if (err) return err;
    struct events_order *o = events_order_new(client, owner, subscribe, channels, n);
    if (!o) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a change");
    o->changed = changed;
    o->arg = arg;
    if (events_order_place(e, o)) return POUCH_OK;
    err = ask_other(e, o, changed, arg);
    events_order_free(o);
    return err;
}

void events_talk_done(struct events *e, const struct events_order *o, pouch_err outcome, const json_t *channels) {
    const char *why = outcome ? pouch_why() : "";
    say(e, json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:s, s:O?}", "kind", "done", "gateway", e->instance, "tag", e->tag,
                     "to", o->from, "number", (json_int_t)o->ask, "outcome", (int)outcome, "why", why, "channels",
                     channels));
}

/* ---- hearing ---- */

static const char *text_of(const json_t *record, const char *name) {
    const char *text = json_string_value(json_object_get(record, name));
    return text ? text : "";
}

static void hear_clients(struct events *e, const json_t *record, const char *tag) {
    json_t *counts = json_object_get(record, "counts"), *clients = json_object_get(record, "clients");
    json_int_t serial = json_integer_value(json_object_get(record, "serial"));
    bool first = json_integer_value(json_object_get(record, "part")) == 0;
    if (!json_is_object(counts) || !json_is_array(clients)) return;
    pthread_mutex_lock(&e->lock);
    struct peer *p = find_or_add(e->talk, tag, text_of(record, "gateway"));
    if (p && first) {
        json_decref(p->counts);
        json_decref(p->coming);
        p->counts = json_incref(counts);
        p->coming = json_array();
        p->serial = serial;
    }
    if (p) p->heard_us = pl_mono_us(&pl_clock_system);
    bool fits = p && p->coming && p->serial == serial &&
                json_array_size(p->coming) + json_array_size(clients) <= CLIENTS_MAX &&
                !json_array_extend(p->coming, clients);
    if (fits && json_is_true(json_object_get(record, "last"))) {
        json_decref(p->clients);
        p->clients = p->coming;
        p->coming = NULL;
        p->told_us = p->heard_us;
    }
    pthread_mutex_unlock(&e->lock);
}

static void hear_order(struct events *e, const json_t *record, const char *from, bool subscribe) {
    const char *names[EVENTS_CHANNELS_MAX];
    const json_t *channels = json_object_get(record, "channels");
    size_t n = json_array_size(channels);
    if (n > EVENTS_CHANNELS_MAX) return;
    for (size_t i = 0; i < n; i++)
        if (!(names[i] = json_string_value(json_array_get(channels, i)))) return;
    const char *owner = json_string_value(json_object_get(record, "owner"));
    struct events_order *o = events_order_new(text_of(record, "client"), owner, subscribe, names, n);
    if (!o) return;
    memcpy(o->from, from, sizeof o->from);
    o->ask = json_integer_value(json_object_get(record, "number"));
    if (events_order_place(e, o)) return;
    pouch_err err = pl_fail(POUCH_E_NOT_FOUND, "no client has the id %s", o->client);
    events_talk_done(e, o, err, NULL);
    events_order_free(o);
}

static void hear_done(struct events *e, const json_t *record) {
    json_int_t outcome = json_integer_value(json_object_get(record, "outcome"));
    pthread_mutex_lock(&e->lock);
    struct ask *a = take_ask(e->talk, json_integer_value(json_object_get(record, "number")));
    pthread_mutex_unlock(&e->lock);
    if (!a) return;
    pouch_err err = outcome == POUCH_OK || outcome == POUCH_E_INVALID_PAYLOAD || outcome == POUCH_E_NO_MEMORY
                        ? (pouch_err)outcome
                        : POUCH_E_NOT_FOUND;
    if (err) err = pl_fail(err, "%s", text_of(record, "why"));
    end_ask(a, err, json_object_get(record, "channels"));
}

static void hear_bye(struct events *e, const char *tag) {
    pthread_mutex_lock(&e->lock);
    struct peer *p = find(e->talk, tag);
    if (p) forget(e->talk, p);
    pthread_mutex_unlock(&e->lock);
}

static void hear(struct events *e, const json_t *record) {
    const char *kind = text_of(record, "kind"), *tag = text_of(record, "tag"), *to = text_of(record, "to");
    if (strlen(tag) != EVENTS_TAG || !strcmp(tag, e->tag)) return;
    if (!strcmp(kind, "hello")) events_talk_changed(e);
    if (!strcmp(kind, "bye")) hear_bye(e, tag);
    if (!strcmp(kind, "clients")) hear_clients(e, record, tag);
    if (strcmp(to, e->tag)) return;
    if (!strcmp(kind, "done")) hear_done(e, record);
    if (!strcmp(kind, "subscribe") || !strcmp(kind, "unsubscribe")) hear_order(e, record, tag, *kind == 's');
}

void events_talk_take(struct events *e, const rd_kafka_message_t *m) {
    json_t *record;
    pouch_err err = m->payload ? pl_json_read(&record, "the record", m->payload, m->len)
                               : pl_fail(POUCH_E_INVALID_PAYLOAD, "the record has no value");
    if (err) {
        PL_LOG(PL_LOG_WARN, "a record on the topic of gateways was passed over", "topic", e->talk_topic, "why",
               pouch_why());
        return;
    }
    hear(e, record);
    json_decref(record);
}

/* ---- time ---- */

static void forget_silent(struct events *e, int64_t now) {
    struct events_talk *t = e->talk;
    pthread_mutex_lock(&e->lock);
    for (size_t i = t->n_peers; i-- > 0;)
        if (now - t->peers[i].heard_us > SILENT_US) forget(t, &t->peers[i]);
    pthread_mutex_unlock(&e->lock);
}

void events_talk_tick(struct events *e) {
    struct ask *a;
    int64_t now = pl_mono_us(&pl_clock_system);
    while ((a = take_late(e, now)))
        end_ask(a, pl_fail(POUCH_E_TIMEOUT, "the gateway that has the client does not answer"), NULL);
    forget_silent(e, now);
    if (now < events_talk_due(e)) return;
    atomic_store(&e->talk->changed, false);
    tell_clients(e);
}

pouch_err events_talk_new(struct events *e) {
    e->talk = calloc(1, sizeof *e->talk);
    if (!e->talk) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for other gateways");
    STAILQ_INIT(&e->talk->asks);
    return POUCH_OK;
}

void events_talk_end(struct events *e) {
    struct ask *a;
    while (e->talk && (a = take_late(e, INT64_MAX)))
        end_ask(a, pl_fail(POUCH_E_CLOSED, "Service is shutting down"), NULL);
}

void events_talk_free(struct events *e) {
    struct events_talk *t = e->talk;
    if (!t) return;
    events_talk_end(e);
    while (t->n_peers) forget(t, &t->peers[t->n_peers - 1]);
    free(t);
}

void events_talk_bye(struct events *e) {
    say(e, json_pack("{s:s, s:s, s:s}", "kind", "bye", "gateway", e->instance, "tag", e->tag));
}
