#include <base/why.h>
#include <share/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEX "kafka:pending-requests"

enum { AT_ONCE = 64, COUNT_US = 1000000, TEXT_MAX = 512 };

struct share_pending_entry {
    struct share_pending_entry *next, *before;
    struct pl_uuid id;
    int64_t began_us, began_ms;
    bool written;
};

pouch_err share_pending_init(struct share_pending *p, const char *instance) {
    *p = (struct share_pending){.all = -1};
    snprintf(p->instance, sizeof p->instance, "%s", instance);
    pouch_err e = pl_idmap_init(&p->ids, SHARE_PENDING_MOST);
    if (e) return e;
    if (!pthread_mutex_init(&p->lock, NULL)) return POUCH_OK;
    pl_idmap_free(&p->ids);
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a lock");
}

void share_pending_free(struct share_pending *p) {
    for (struct share_pending_entry *x; (x = pl_idmap_any(&p->ids));) {
        pl_idmap_remove(&p->ids, &x->id);
        free(x);
    }
    for (struct share_pending_entry *x; (x = p->ended);) {
        p->ended = x->next;
        free(x);
    }
    pl_idmap_free(&p->ids);
    pthread_mutex_destroy(&p->lock);
}

/* The list of those that are not written down. */
static void append(struct share_pending *p, struct share_pending_entry *x) {
    x->next = NULL;
    x->before = p->last;
    if (p->last)
        p->last->next = x;
    else
        p->first = x;
    p->last = x;
}

static void unlink_entry(struct share_pending *p, struct share_pending_entry *x) {
    if (x->before)
        x->before->next = x->next;
    else
        p->first = x->next;
    if (x->next)
        x->next->before = x->before;
    else
        p->last = x->before;
}

void share_pending_begin(struct share *s, const char *id) {
    struct share_pending_entry *x = s && s->url.host ? malloc(sizeof *x) : NULL;
    if (!x) return;
    *x = (struct share_pending_entry){.began_us = pl_mono_us(s->clock), .began_ms = pl_wall_ms(s->clock)};
    struct share_pending *p = &s->pending;
    bool known = pl_uuid_parse(&x->id, id, strlen(id));
    pthread_mutex_lock(&p->lock);
    bool was_idle = !p->first;
    bool noted = known && !pl_idmap_put(&p->ids, &x->id, x);
    if (noted) append(p, x);
    pthread_mutex_unlock(&p->lock);
    if (!noted) free(x);
    if (noted && was_idle) pl_wake_signal(&s->wake);
}

void share_pending_end(struct share *s, const char *id) {
    struct pl_uuid uuid;
    if (!s || !pl_uuid_parse(&uuid, id, strlen(id))) return;
    struct share_pending *p = &s->pending;
    pthread_mutex_lock(&p->lock);
    struct share_pending_entry *x = pl_idmap_remove(&p->ids, &uuid);
    bool written = x && x->written;
    if (written) {
        x->next = p->ended;
        p->ended = x;
    } else if (x) {
        unlink_entry(p, x);
    }
    pthread_mutex_unlock(&p->lock);
    if (written)
        pl_wake_signal(&s->wake);
    else
        free(x);
}

int64_t share_pending_all(struct share *s) {
    return s ? atomic_load(&s->pending.all) : -1;
}

/* ---- the share's thread ---- */

/* Nobody asks what becomes of it, and what Redis does not take is left out. */
static void tell(struct share *s, const struct share_arg args[], size_t n) {
    pouch_err e = share_command(s, args, n, NULL, NULL);
    (void)e;
}

static void key_of(char key[TEXT_MAX], char id[37], const struct pl_uuid *uuid) {
    pl_uuid_format(id, uuid);
    snprintf(key, TEXT_MAX, INDEX ":%s", id);
}

static void write_down(struct share *s, const struct share_pending_entry *x) {
    char key[TEXT_MAX], id[37], text[TEXT_MAX], ttl[SHARE_NUMBER_MAX], until[SHARE_NUMBER_MAX];
    key_of(key, id, &x->id);
    snprintf(text, sizeof text, "{\"requestId\":\"%s\",\"timestamp\":%lld,\"podId\":\"%s\"}", id,
             (long long)x->began_ms, s->pending.instance);
    const struct share_arg set[] = {share_text("SETEX"), share_text(key), share_number(ttl, SHARE_PENDING_TTL_S),
                                    share_text(text)};
    int64_t ends = pl_wall_ms(s->clock) + (int64_t)SHARE_PENDING_TTL_S * 1000;
    const struct share_arg add[] = {share_text("ZADD"), share_text(INDEX), share_number(until, ends), share_text(id)};
    tell(s, set, 4);
    tell(s, add, 4);
}

static void strike_out(struct share *s, const struct share_pending_entry *x) {
    char key[TEXT_MAX], id[37];
    key_of(key, id, &x->id);
    const struct share_arg del[] = {share_text("DEL"), share_text(key)};
    const struct share_arg rem[] = {share_text("ZREM"), share_text(INDEX), share_text(id)};
    tell(s, del, 2);
    tell(s, rem, 3);
}

/* Copies of those that are due, which are written down from now on. */
static size_t take_due(struct share_pending *p, int64_t now_us, struct share_pending_entry out[AT_ONCE]) {
    size_t n = 0;
    while (n < AT_ONCE && p->first && p->first->began_us + SHARE_PENDING_AFTER_MS * 1000 <= now_us) {
        struct share_pending_entry *x = p->first;
        unlink_entry(p, x);
        x->written = true;
        out[n++] = *x;
    }
    return n;
}

static size_t take_ended(struct share_pending *p, struct share_pending_entry *out[AT_ONCE]) {
    size_t n = 0;
    for (; n < AT_ONCE && p->ended; n++) {
        out[n] = p->ended;
        p->ended = p->ended->next;
    }
    return n;
}

static void counted(pouch_err e, const struct share_reply *r, void *arg) {
    int64_t n;
    struct share *s = arg;
    atomic_store(&s->pending.all, !e && share_read_number(r, &n) ? n : -1);
}

/* What nobody has struck out, as its gateway was killed, goes when its time has passed. */
static void count(struct share *s) {
    char now[SHARE_NUMBER_MAX];
    const struct share_arg cut[] = {share_text("ZREMRANGEBYSCORE"), share_text(INDEX), share_text("-inf"),
                                    share_number(now, pl_wall_ms(s->clock))};
    const struct share_arg card[] = {share_text("ZCARD"), share_text(INDEX)};
    tell(s, cut, 4);
    if (share_command(s, card, 2, counted, s)) atomic_store(&s->pending.all, -1);
}

int64_t share_pending_turn(struct share *s, int64_t now_us) {
    struct share_pending *p = &s->pending;
    struct share_pending_entry due[AT_ONCE], *ended[AT_ONCE];
    if (!s->url.host) return INT64_MAX;
    pthread_mutex_lock(&p->lock);
    size_t n_due = take_due(p, now_us, due), n_ended = take_ended(p, ended);
    int64_t next = p->first ? p->first->began_us + SHARE_PENDING_AFTER_MS * 1000 : INT64_MAX;
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < n_due; i++) write_down(s, &due[i]);
    for (size_t i = 0; i < n_ended; i++) {
        strike_out(s, ended[i]);
        free(ended[i]);
    }
    if (now_us >= p->counted_us + COUNT_US) {
        p->counted_us = now_us;
        count(s);
    }
    if (n_due == AT_ONCE || n_ended == AT_ONCE) return now_us;
    return next < p->counted_us + COUNT_US ? next : p->counted_us + COUNT_US;
}
