/* Changing what a client is subscribed to, here or by way of the gateway that has it. */
#include <base/uuid.h>
#include <base/why.h>
#include <events/state.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- names of clients ---- */

/* A UUID that begins with the tag of its gateway. */
bool events_client_name(char id[EVENTS_ID_MAX], const char *tag) {
    struct pl_uuid u;
    if (getrandom(u.b, sizeof u.b, 0) != (ssize_t)sizeof u.b) return false;
    pl_uuid_v4(&u);
    pl_uuid_format(id, &u);
    memcpy(id, tag, EVENTS_TAG);
    return true;
}

json_t *events_set_list(const struct events_set *s) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < s->n; i++) {
        if (!json_array_append_new(list, json_string(s->at[i].name))) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

/* ---- orders ---- */

void events_order_free(struct events_order *o) {
    if (!o) return;
    for (size_t i = 0; o->channels && i < o->n; i++) free(o->channels[i]);
    free(o->channels);
    free(o->owner);
    free(o);
}

struct events_order *events_order_new(const char *client, const char *owner, bool subscribe,
                                      const char *const *channels, size_t n) {
    struct events_order *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    bool ok = (o->channels = calloc(n + 1, sizeof *o->channels)) && (!owner || (o->owner = strdup(owner)));
    o->subscribe = subscribe;
    o->n = n;
    strncpy(o->client, client, sizeof o->client - 1);
    for (size_t i = 0; ok && i < n; i++) ok = (o->channels[i] = strdup(channels[i]));
    if (ok) return o;
    events_order_free(o);
    return NULL;
}

static struct events_loop *loop_of(const struct events *e, const char *client) {
    const struct events_client *c;
    TAILQ_FOREACH(c, &e->clients, all)
    if (!strcmp(c->id, client)) return c->loop;
    return NULL;
}

bool events_order_place(struct events *e, struct events_order *o) {
    pthread_mutex_lock(&e->lock);
    struct events_loop *l = e->server ? loop_of(e, o->client) : NULL;
    if (l) STAILQ_INSERT_TAIL(&l->orders, o, link);
    pthread_mutex_unlock(&e->lock);
    if (l) events_loop_wake(l);
    return l != NULL;
}

static struct events_client *find(struct events_clients *list, const char *id) {
    struct events_client *c;
    TAILQ_FOREACH(c, list, link)
    if (!strcmp(c->id, id)) return c;
    return NULL;
}

/* Whose client it is not does not learn that it is there. */
static pouch_err change(struct events_loop *l, const struct events_order *o, struct events_client **out) {
    struct events_client *c = find(&l->live, o->client);
    if (!c) c = find(&l->behind, o->client);
    if (!c || c->ending || (o->owner && strcmp(o->owner, c->owner)))
        return pl_fail(POUCH_E_NOT_FOUND, "no client has the id %s", o->client);
    const char *const *channels = (const char *const *)o->channels;
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&l->hub->lock);
    events_list_count(l->hub, &c->set, -1);
    if (o->subscribe)
        e = events_set_add(&c->set, channels, o->n);
    else
        events_set_remove(&c->set, channels, o->n);
    events_list_count(l->hub, &c->set, 1);
    if (!e && !events_list_note(c)) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for the channels of a client");
    pthread_mutex_unlock(&l->hub->lock);
    if (!e) *out = c;
    return e;
}

void events_order_carry_out(struct events_loop *l, struct events_order *o) {
    struct events_client *c = NULL;
    struct events_event event = {.name = "subscription_updated"};
    pouch_err e = change(l, o, &c);
    json_t *channels = c ? events_set_list(&c->set) : NULL;
    if (c && !channels) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for the channels of a client");
    if (o->changed)
        o->changed(e, pouch_why(), channels, o->arg);
    else
        events_talk_done(l->hub, o, e, channels);
    if (c && (event.data = json_pack("{s:o}", "subscribedChannels", channels))) events_client_say(c, &event, NULL);
    if (c) events_talk_changed(l->hub);
    events_order_free(o);
}
