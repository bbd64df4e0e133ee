/* Who listens: of this gateway as it is, of others as they last told. One text for each client serves both. */
#include <base/why.h>
#include <events/state.h>
#include <stdlib.h>
#include <string.h>

size_t events_clients_here(struct events *e) {
    return atomic_load(&e->n_clients);
}

/* ---- as gateways tell each other ---- */

bool events_list_note(struct events_client *c) {
    json_t *all = json_pack("{s:s, s:s?, s:s, s:I, s:o}", "id", c->id, "userId", c->user, "owner", c->owner, "since",
                            (json_int_t)c->since_ms, "subscriptions", events_set_list(&c->set));
    char *text = all ? pl_json_text(all, NULL) : NULL;
    json_decref(all);
    if (!text) return false;
    free(c->text);
    c->text = text;
    return true;
}

pouch_err events_list_write(const struct events *e, struct pl_buf *out) {
    const struct events_client *c;
    pouch_err err = POUCH_OK;
    TAILQ_FOREACH(c, &e->clients, all) {
        if (!err && c != TAILQ_FIRST(&e->clients)) err = pl_buf_putc(out, ',');
        if (!err) err = pl_buf_puts(out, c->text);
    }
    return err;
}

/* ---- numbers ---- */

/* What cannot be counted for want of memory is told with the next change of that channel. */
static void count(json_t *counts, const char *channel, int by) {
    json_t *n = json_object_get(counts, channel);
    json_int_t now = json_integer_value(n) + by;
    if (now <= 0)
        json_object_del(counts, channel);
    else if (n)
        json_integer_set(n, now);
    else
        json_object_set_new(counts, channel, json_integer(now));
}

void events_list_count(struct events *e, const struct events_set *s, int by) {
    for (size_t i = 0; i < s->n; i++)
        if (!s->all || !strcmp(s->at[i].name, EVENTS_ALL)) count(e->counts, s->at[i].name, by);
}

static size_t number(const json_t *counts, const char *channel) {
    return (size_t)json_integer_value(json_object_get(counts, channel));
}

size_t events_subscribers(struct events *e, const char *channel) {
    pthread_mutex_lock(&e->lock);
    size_t n = events_talk_subscribers(e, channel) + number(e->counts, channel) + number(e->counts, EVENTS_ALL);
    pthread_mutex_unlock(&e->lock);
    return n;
}

json_t *events_channels_here(struct events *e, int64_t *mean_ms) {
    int64_t sum = 0, n = 0, now = pl_wall_ms(&pl_clock_system);
    const struct events_client *c;
    pthread_mutex_lock(&e->lock);
    TAILQ_FOREACH(c, &e->clients, all) {
        sum += now - c->since_ms;
        n++;
    }
    json_t *counts = json_deep_copy(e->counts);
    pthread_mutex_unlock(&e->lock);
    *mean_ms = n ? sum / n : 0;
    return counts;
}

/* ---- lists ---- */

/* What the locked part of a listing takes along. */
struct picture {
    json_t *gateways, *lists; /* arrays; of the lists one for each other gateway */
};

static bool take_peer(const char *gateway, json_t *clients, int64_t age_ms, void *arg) {
    struct picture *p = arg;
    json_t *about = json_pack("{s:s, s:I, s:I}", "id", gateway, "clients", (json_int_t)json_array_size(clients), "age",
                              (json_int_t)age_ms);
    return !json_array_append_new(p->gateways, about) && !json_array_append(p->lists, clients);
}

static bool take_picture(struct events *e, struct picture *p, struct pl_buf *here) {
    json_t *about =
        json_pack("{s:s, s:I, s:i}", "id", e->instance, "clients", (json_int_t)events_clients_here(e), "age", 0);
    if (!p->gateways || !p->lists || json_array_append_new(p->gateways, about)) return false;
    pthread_mutex_lock(&e->lock);
    bool ok = !pl_buf_putc(here, '[') && !events_list_write(e, here) && !pl_buf_putc(here, ']');
    ok = ok && events_talk_each(e, take_peer, p);
    pthread_mutex_unlock(&e->lock);
    json_t *list = ok ? json_loadb(here->at, here->len, 0, NULL) : NULL;
    return list && !json_array_insert_new(p->lists, 0, list);
}

static bool has(const json_t *subscriptions, const char *channel) {
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)(uintptr_t)subscriptions, i, one) {
        const char *name = json_string_value(one);
        if (name && (!strcmp(name, channel) || !strcmp(name, EVENTS_ALL))) return true;
    }
    return false;
}

/* Heartbeats come every EVENTS_BEAT_S from the beginning on. */
static json_t *show(const json_t *client, int64_t now_ms) {
    int64_t since = json_integer_value(json_object_get(client, "since")), age = now_ms > since ? now_ms - since : 0;
    char beat[EVENTS_TIME_MAX];
    events_time(beat, since + age - age % (EVENTS_BEAT_S * 1000));
    return json_pack("{s:O, s:O, s:O, s:s, s:I}", "id", json_object_get(client, "id"), "userId",
                     json_object_get(client, "userId"), "subscriptions", json_object_get(client, "subscriptions"),
                     "lastHeartbeat", beat, "connectionDuration", (json_int_t)age);
}

static bool show_all(json_t *out, const json_t *lists, const char *owner, const char *channel) {
    int64_t now = pl_wall_ms(&pl_clock_system);
    size_t i, k;
    const json_t *list, *client;
    json_array_foreach((json_t *)(uintptr_t)lists, i, list) json_array_foreach((json_t *)(uintptr_t)list, k, client) {
        const char *whose = json_string_value(json_object_get(client, "owner"));
        if (owner && (!whose || strcmp(whose, owner))) continue;
        if (channel && !has(json_object_get(client, "subscriptions"), channel)) continue;
        if (json_array_append_new(out, show(client, now))) return false;
    }
    return true;
}

json_t *events_clients(struct events *e, const char *owner, const char *channel) {
    struct picture p = {json_array(), json_array()};
    struct pl_buf here;
    pl_buf_init(&here, SIZE_MAX / 4);
    json_t *clients = json_array();
    bool ok = clients && take_picture(e, &p, &here) && show_all(clients, p.lists, owner, channel);
    pl_buf_free(&here);
    json_t *all = ok ? json_pack("{s:O, s:O}", "clients", clients, "gateways", p.gateways) : NULL;
    json_decref(clients);
    json_decref(p.gateways);
    json_decref(p.lists);
    return all;
}
