/*
 * Records of mapped topics onto the log. The gateways are one consumer group for it; an offset is committed when its
 * copy has been stored, so that none is lost, and one that comes again is known by its source (events/sources.h).
 */
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <bus/group.h>
#include <cluster/cluster.h>
#include <events/record.h>
#include <events/state.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALL_MS = 1000,
    OPEN = 500,
    TURN_US = 1000000,
    AGAIN_US = 200000,
    REVOKE_US = 3000000,
    FLUSH_MS = 3000,
    PAUSE_US = 5000000
};

/*
 * A copy waits for the broker as long as it takes. Given up and sent again it would stand behind later ones of its
 * partition, and be taken for one that comes again.
 */
static const struct pl_property patience = {(char *)"message.timeout.ms", (char *)"2147483647"};

/* A copy that is on its way. */
struct copy {
    STAILQ_ENTRY(copy) link; /* of those that are to be sent again */
    struct events_copies *owner;
    struct pl_partition *partition;
    uint64_t ticket;
    char *text;
    size_t n;
};
STAILQ_HEAD(copy_list, copy);

struct events_copies {
    struct events *hub;
    struct events_maps maps;
    struct pl_settings settings; /* those of the room, but for where a new group begins */
    char *group_id;
    pthread_t thread;
    bool started;
    struct pl_wake wake;
    atomic_bool stopping;

    /* The thread's. */
    struct pl_kafka_health *health;
    struct pl_producer *producer;
    struct pl_group *group;
    struct copy_list again;
    int64_t again_us;
    size_t under_way;
    bool closing;
};

static bool stops(const struct events_copies *c) {
    return atomic_load(&c->stopping);
}

/* ---- one copy ---- */

static void end_copy(struct copy *copy) {
    struct events_copies *c = copy->owner;
    c->under_way--;
    pl_group_done(c->group, copy->partition, copy->ticket);
    free(copy->text);
    free(copy);
}

/* Not now, but later. */
static void put_back(struct copy *copy) {
    struct events_copies *c = copy->owner;
    if (STAILQ_EMPTY(&c->again)) c->again_us = pl_mono_us(&pl_clock_system) + AGAIN_US;
    STAILQ_INSERT_TAIL(&c->again, copy, link);
}

/* It never will be stored: whoever waits for the events after it is not made to. */
static void give_up(struct copy *copy, const char *why) {
    pl_metric_add(PL_M_EVENTS_NOT_STORED, 1);
    PL_LOG(PL_LOG_WARN, "a record of a mapped topic became no event", "topic", copy->partition->topic, "why", why);
    end_copy(copy);
}

/* Not before those that wait already. */
static void send_copy(struct copy *copy) {
    if (!STAILQ_EMPTY(&copy->owner->again)) {
        put_back(copy);
        return;
    }
    const struct pl_record r = {.topic = copy->owner->settings.gateway_events_topic,
                                .key = EVENTS_KEY,
                                .key_n = sizeof EVENTS_KEY - 1,
                                .value = copy->text,
                                .value_n = copy->n,
                                .arg = copy};
    pouch_err err = pl_producer_send(copy->owner->producer, &r);
    if (err == POUCH_E_TOO_LARGE || err == POUCH_E_CONFIG)
        give_up(copy, pouch_why());
    else if (err)
        put_back(copy);
}

/* At the end the copy is let go of without a word: its record comes to another member, or to this one again. */
static void on_delivered(const struct pl_delivery *d, void *owner) {
    struct events_copies *c = owner;
    struct copy *copy = d->arg;
    if (d->class == PL_KAFKA_OK) {
        pl_metric_add(PL_M_EVENTS_COPIED, 1);
        end_copy(copy);
    } else if (d->error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        give_up(copy, rd_kafka_err2str(d->error));
    } else if (!c->closing) {
        put_back(copy);
    } else {
        STAILQ_INSERT_TAIL(&c->again, copy, link);
    }
}

static void send_again(struct events_copies *c) {
    struct copy_list list = STAILQ_HEAD_INITIALIZER(list);
    struct copy *copy;
    if (STAILQ_EMPTY(&c->again) || pl_mono_us(&pl_clock_system) < c->again_us) return;
    STAILQ_CONCAT(&list, &c->again);
    while ((copy = STAILQ_FIRST(&list))) {
        STAILQ_REMOVE_HEAD(&list, link);
        send_copy(copy);
    }
}

static struct httpd_span key_of(const rd_kafka_message_t *m) {
    return (struct httpd_span){m->key, m->key ? m->key_len : 0};
}

static struct httpd_span value_of(const rd_kafka_message_t *m) {
    return (struct httpd_span){m->payload, m->payload ? m->len : 0};
}

static char *text_of(const struct events_copies *c, const struct pl_taken *t, size_t *n) {
    const struct events_map *map = events_maps_find(&c->maps, t->partition->topic);
    rd_kafka_timestamp_type_t type;
    struct events_source source = {.partition = t->partition->id, .offset = t->message->offset};
    snprintf(source.topic, sizeof source.topic, "%s", t->partition->topic);
    source.at_ms = rd_kafka_message_timestamp(t->message, &type);
    json_t *data = events_map_data(map, key_of(t->message), value_of(t->message), source.at_ms);
    const struct events_event event = {.channel = map->channel, .name = map->name, .data = data};
    char *text = data ? events_record_text(&event, &source, n) : NULL;
    json_decref(data);
    return text;
}

/* NULL: no memory; then the record is not done, and comes again after a new beginning. */
static struct copy *copy_of(struct events_copies *c, const struct pl_taken *t) {
    struct copy *copy = malloc(sizeof *copy);
    if (!copy) return NULL;
    *copy = (struct copy){.owner = c, .partition = t->partition, .ticket = t->ticket};
    copy->text = text_of(c, t, &copy->n);
    if (copy->text) return copy;
    free(copy);
    return NULL;
}

/* ---- working ---- */

static void poll_producer(struct events_copies *c) {
    pl_producer_poll(c->producer);
    send_again(c);
}

static bool is_out(const struct pl_partition *p) {
    return pl_watermark_open(&p->watermark) > 0;
}

/* What is under way is waited for, so that the next member does not copy it once more. */
static void revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    struct events_copies *c = owner;
    int64_t until = pl_mono_us(&pl_clock_system) + REVOKE_US;
    for (size_t i = 0; i < n && !lost && !c->closing;) {
        if (!is_out(parts[i]) || pl_mono_us(&pl_clock_system) > until) {
            i++;
            continue;
        }
        pl_wake_wait(&c->wake, AGAIN_US);
        poll_producer(c);
    }
}

static pouch_err take(struct events_copies *c) {
    struct pl_taken t[64];
    size_t room = OPEN - c->under_way, n = pl_group_take(c->group, t, room < 64 ? room : 64);
    pouch_err err = POUCH_OK;
    for (size_t i = 0; i < n; i++) {
        struct copy *copy = err ? NULL : copy_of(c, &t[i]);
        if (!copy) err = pl_fail(POUCH_E_NO_MEMORY, "out of memory for copies of records");
        rd_kafka_message_destroy(t[i].message);
        if (!copy) continue;
        c->under_way++;
        send_copy(copy);
    }
    if (n == 64) pl_wake_signal(&c->wake);
    return err;
}

static pouch_err work(struct events_copies *c) {
    while (!stops(c)) {
        int64_t now = pl_mono_us(&pl_clock_system), due = pl_producer_due(c->producer), wait = TURN_US;
        if (!STAILQ_EMPTY(&c->again)) wait = AGAIN_US;
        if (due < now + wait) wait = due > now ? due - now : 0;
        pl_wake_wait(&c->wake, wait);
        poll_producer(c);
        pouch_err err = take(c);
        if (!err) err = pl_group_failed(c->group);
        if (err) return err;
    }
    return POUCH_OK;
}

static pouch_err find_broker(struct events_copies *c, bool *mock) {
    pouch_err err;
    do {
        err = pl_cluster_mock(pl_producer_handle(c->producer), mock, CALL_MS);
        pl_producer_poll(c->producer);
    } while (!stops(c) && (err == POUCH_E_NO_BROKER || err == POUCH_E_TIMEOUT));
    return err;
}

static pouch_err open_up(struct events_copies *c) {
    const struct pl_group_hooks hooks = {.revoke = revoke, .owner = c};
    const char *topics[EVENTS_MAPS_MAX];
    bool mock = false;
    for (size_t i = 0; i < c->maps.n; i++) topics[i] = c->maps.at[i].topic;
    c->closing = false;
    c->health = pl_kafka_health_new();
    if (!c->health) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    pouch_err err =
        pl_producer_new(&c->producer, &c->settings, c->hub->client_id, c->health, &c->wake, on_delivered, c);
    if (!err) err = find_broker(c, &mock);
    if (err || stops(c)) return err;
    return pl_group_join(&c->group, &c->settings, c->hub->client_id, c->group_id, topics, c->maps.n, mock, OPEN,
                         c->health, &c->wake, &hooks);
}

/*
 * What is left of the copies comes again; their partitions are given back when the group, which would commit them, is
 * gone.
 */
static void close_down(struct events_copies *c) {
    struct copy *copy;
    c->closing = true;
    pl_producer_free(c->producer, FLUSH_MS);
    c->producer = NULL;
    pl_group_leave(c->group);
    c->group = NULL;
    while ((copy = STAILQ_FIRST(&c->again))) {
        STAILQ_REMOVE_HEAD(&c->again, link);
        end_copy(copy);
    }
    pl_kafka_health_free(c->health);
    c->health = NULL;
}

static void pause_for(struct events_copies *c) {
    int64_t until = pl_mono_us(&pl_clock_system) + PAUSE_US, left;
    while (!stops(c) && (left = until - pl_mono_us(&pl_clock_system)) > 0) pl_wake_wait(&c->wake, left);
}

static void *run(void *arg) {
    struct events_copies *c = arg;
    while (!stops(c)) {
        pouch_err err = open_up(c);
        if (!err && !stops(c)) err = work(c);
        if (err && !stops(c))
            PL_LOG(PL_LOG_ERROR, "records of the topics in gateway.events_map become no events at present", "reason",
                   pouch_why());
        close_down(c);
        if (err) pause_for(c);
    }
    return NULL;
}

/* ---- life ---- */

static pouch_err make_settings(struct events_copies *c) {
    pouch_err e = pl_settings_insist(&c->settings, &c->hub->settings, &patience, 1);
    c->settings.start = PL_START_LATEST; /* what was there before the map is not told as news */
    return e;
}

static pouch_err start(struct events_copies *c) {
    STAILQ_INIT(&c->again);
    pouch_err err = make_settings(c);
    if (err) return err;
    if (asprintf(&c->group_id, "pouch-events.%s", c->settings.gateway_events_topic) < 0) {
        c->group_id = NULL;
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for names");
    }
    err = pl_wake_init(&c->wake);
    if (err) return err;
    err = pl_thread_start(&c->thread, "pouch-copies", run, c);
    c->started = !err;
    if (err) pl_wake_free(&c->wake);
    return err;
}

pouch_err events_copies_new(struct events_copies **out, struct events *e) {
    struct events_copies *c = calloc(1, sizeof *c);
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the maps of topics");
    c->hub = e;
    pouch_err err = events_maps_read(&c->maps, e->given->gateway_events_map);
    if (!err && c->maps.n) err = start(c);
    *out = c;
    return err;
}

void events_copies_free(struct events_copies *c) {
    if (!c) return;
    atomic_store(&c->stopping, true);
    if (c->started) {
        pl_wake_signal(&c->wake);
        pthread_join(c->thread, NULL);
        pl_wake_free(&c->wake);
    }
    events_maps_free(&c->maps);
    free(c->settings.kafka);
    free(c->group_id);
    free(c);
}
